/* vectors.S - exceptions, calls from the normal world, and the switch between stacks. SPDX-License-Identifier: BSD-2-Clause */
#include "abi/world.h"
#include "kernel/layout.h"
#include "kernel/trap.h"

/* ---- Exceptions: the registers are put on the stack as a struct trap (trap.h), whose address is the handler's argument ---- */

    .macro  save
    sub     sp, sp, #TRAP_BYTES
    stp     x0, x1, [sp, #0]
    mrs     x0, pmccntr_el0
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x1, sp_el0
    stp     x30, x1, [sp, #240]
    mrs     x1, elr_el1
    mrs     x2, spsr_el1
    stp     x1, x2, [sp, #256]
    mrs     x1, tpidr_el0
    stp     x0, x1, [sp, #TRAP_BEGAN]
    mov     x0, sp
    .endm

    .section .text.resident.vectors, "ax"

/* Back to where the exception came from. */
trap_return:
    ldr     x1, [sp, #TRAP_BEGAN + 8]
    msr     tpidr_el0, x1
    ldp     x1, x2, [sp, #256]
    msr     elr_el1, x1
    msr     spsr_el1, x2
    ldp     x30, x1, [sp, #240]
    msr     sp_el0, x1
    ldp     x28, x29, [sp, #224]
    ldp     x26, x27, [sp, #208]
    ldp     x24, x25, [sp, #192]
    ldp     x22, x23, [sp, #176]
    ldp     x20, x21, [sp, #160]
    ldp     x18, x19, [sp, #144]
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp, #0]
    add     sp, sp, #TRAP_BYTES
    eret

    .macro  vector handler
    .balign 128
    b       \handler
    .endm

    .balign 2048
    .global vectors
vectors:
    vector  from_nowhere        /* EL1 with the stack of EL0: never used */
    vector  from_nowhere
    vector  from_nowhere
    vector  from_nowhere
    vector  kernel_synchronous  /* EL1 */
    vector  from_nowhere        /* the kernel runs with interrupts masked */
    vector  from_nowhere
    vector  kernel_error
    vector  user_synchronous    /* EL0, AArch64 */
    vector  user_interrupt
    vector  user_interrupt      /* with GICv3 the normal world's interrupts come as FIQ */
    vector  user_error
    vector  from_nowhere        /* EL0, AArch32: no application is */
    vector  from_nowhere
    vector  from_nowhere
    vector  from_nowhere

/* A stack that overflowed must not be written: bit STACK_BIT of an address in a stack is set, in its guard it is not. The registers that
 * this takes come back by arithmetic. */
kernel_synchronous:
    sub     sp, sp, #TRAP_BYTES
    add     sp, sp, x0
    sub     x0, sp, x0
    tbz     x0, #STACK_BIT, overflow
    sub     x0, sp, x0
    sub     sp, sp, x0
    add     sp, sp, #TRAP_BYTES
    save
    bl      trap_kernel
    b       trap_return

overflow:
    mrs     x0, tpidr_el1
    ldr     x0, [x0]            /* what this stack held does not matter any more */
    mov     sp, x0
    save
    b       trap_overflow

user_synchronous:
    save
    bl      trap_user
    b       trap_return

user_interrupt:
    save
    bl      trap_interrupt
    b       trap_return

user_error:
    save
    bl      trap_user_error
    b       trap_return

kernel_error:
    save
    b       trap_error

from_nowhere:
    save
    b       trap_nowhere

/* ---- Running an application: uint64_t user_enter(const struct trap *trap, uintptr_t *sp), until user_leave(sp, value) ---- */

    .global user_enter
user_enter:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    mov     x2, sp
    str     x2, [x1]
    sub     sp, sp, #TRAP_BYTES
    mov     x2, sp
    mov     x3, #TRAP_BYTES / 16
1:  ldp     x4, x5, [x0], #16
    stp     x4, x5, [x2], #16
    subs    x3, x3, #1
    b.ne    1b
    b       trap_return

    .global user_leave
user_leave:
    mov     sp, x0
    mov     x0, x1
    b       unwind

/* ---- Changing stacks: void stack_switch(uintptr_t *from, uintptr_t to). Returns when somebody switches back to what is in *from ---- */

    .global stack_switch
stack_switch:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    mov     x2, sp
    str     x2, [x0]
    mov     sp, x1
unwind:
    ldp     x27, x28, [sp, #80]
    ldp     x25, x26, [sp, #64]
    ldp     x23, x24, [sp, #48]
    ldp     x21, x22, [sp, #32]
    ldp     x19, x20, [sp, #16]
    ldp     x29, x30, [sp], #96
    ret

/* ---- A call from the normal world (world.h): x0..x7 as it had them ---- */

    .global call_entry
call_entry:
    mrs     x9, tpidr_el1
    ldr     x9, [x9]
    mov     sp, x9
    stp     x6, x7, [sp, #-16]!
    stp     x4, x5, [sp, #-16]!
    stp     x2, x3, [sp, #-16]!
    stp     x0, x1, [sp, #-16]!
    mov     x0, sp
    bl      kernel_call
    ldp     x1, x2, [sp]
    ldp     x3, x4, [sp, #16]
    ldr     w0, =WORLD_RETURN
    smc     #0
    b       .                   /* the next call begins at call_entry */

/* void world_call(function, x1, x2): of the monitor, when no answer comes */
    .global world_call
world_call:
    smc     #0
    b       .
