/* start.S - from reset to C, exceptions, and back from applications. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/vmsa_test/machine.h"

    .section .text.start, "ax"

/* ---- Boot: EL1, MMU off; one table for both halves, in which the first GiB is devices' and the second memory ---- */

    .global start
start:
    adrp    x0, cpus
    adrp    x1, stacks
    add     x0, x0, :lo12:cpus
    add     x1, x1, :lo12:stacks
    add     x1, x1, #MACHINE_STACK_BYTES
    ldr     x2, =machine_main
    b       boot

/* x0 = the processor's number */
    .global start_second
start_second:
    adrp    x0, cpus
    adrp    x1, stacks
    add     x0, x0, :lo12:cpus
    add     x1, x1, :lo12:stacks
    ldr     x3, =(2 * MACHINE_STACK_BYTES)
    add     x1, x1, x3
    add     x0, x0, #MACHINE_CPU_BYTES
    ldr     x2, =machine_second

/* x0 = the struct machine_cpu, x1 = the top of a stack, both physical; x2 = where to go */
boot:
    ldr     x9, =MACHINE_VA
    add     x0, x0, x9
    add     x1, x1, x9
    msr     tpidr_el1, x0
    adrp    x3, boot_table
    add     x3, x3, :lo12:boot_table
    msr     ttbr0_el1, x3
    msr     ttbr1_el1, x3
    ldr     x4, =0x04ff
    msr     mair_el1, x4
    ldr     x4, =0x2b5193519
    msr     tcr_el1, x4
    ldr     x4, =vectors
    msr     vbar_el1, x4
    tlbi    vmalle1
    dsb     sy
    isb
    ldr     x4, =0x30d01805         /* MMU and caches on; EL0 may not do maintenance */
    msr     sctlr_el1, x4
    isb
    mov     sp, x1
    br      x2

    .global machine_switch
machine_switch:
    adr     x2, 1f
    ldr     x3, =MACHINE_VA
    sub     x2, x2, x3
    br      x2
1:  msr     tcr_el1, x0
    msr     ttbr1_el1, x1
    isb
    tlbi    vmalle1
    dsb     nsh
    isb
    ret

/* ---- Exceptions ---- */

    .macro  to_c argument
    sub     sp, sp, #MACHINE_FRAME_BYTES
    stp     x0, x1, [sp, #0]
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
    mrs     x1, elr_el1
    stp     x30, x1, [sp, #240]
    mrs     x1, spsr_el1
    str     x1, [sp, #256]
    mov     x0, sp
    mov     x1, \argument
    bl      machine_trap
    b       from_c
    .endm

    .macro  vector target
    .balign 128
    b       \target
    .endm

    .balign 2048
vectors:
    .rept 4
    vector  from_nowhere
    .endr
    vector  from_el1
    .rept 3
    vector  from_nowhere
    .endr
    vector  from_el0
    .rept 7
    vector  from_nowhere
    .endr

from_el1:
    to_c    0
from_el0:
    to_c    1
from_nowhere:
    to_c    2

from_c:
    ldr     x1, [sp, #256]
    msr     spsr_el1, x1
    ldp     x30, x1, [sp, #240]
    msr     elr_el1, x1
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
    add     sp, sp, #MACHINE_FRAME_BYTES
    eret

/* ---- Applications: uint64_t machine_enter(pc, x0); machine_trap() sends what ends one to machine_left ---- */

    .global machine_enter
    .global machine_left
machine_enter:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    msr     elr_el1, x0
    mov     x2, #0x3c0
    msr     spsr_el1, x2
    mov     x0, x1
    eret
machine_left:
    ldp     x27, x28, [sp, #80]
    ldp     x25, x26, [sp, #64]
    ldp     x23, x24, [sp, #48]
    ldp     x21, x22, [sp, #32]
    ldp     x19, x20, [sp, #16]
    ldp     x29, x30, [sp], #96
    ret

    .data
    .balign 4096
boot_table:
    .quad   0x0060000000000405      /* device, never executed, accessed */
    .quad   0x0000000040000701      /* normal, shareable, accessed */
    .fill   510, 8, 0
