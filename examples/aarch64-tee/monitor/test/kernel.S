/* kernel.S - the test's kernel: where it is entered, and how it leaves. SPDX-License-Identifier: BSD-2-Clause */
#include "abi/board.h"
#include "abi/world.h"
#include "monitor/test/calls.h"

#define STACK_BYTES 4096

    .macro stack_of cpu, temporary
    ldr     \temporary, =stacks + STACK_BYTES
    mov     sp, \temporary
    mrs     \cpu, mpidr_el1
    and     \cpu, \cpu, #0xff
    mov     \temporary, #STACK_BYTES
    mul     \temporary, \temporary, \cpu
    add     sp, sp, \temporary
    .endm

    .section .text.start, "ax"
    .global start
start:
    b       further_start
    .balign 8
    .quad   KERNEL_MAGIC
    .quad   image_end - start

    .global further_start
further_start:
    mov     x19, x0
    ldr     x2, =vectors
    msr     vbar_el1, x2
    isb
    stack_of x2, x3
    mov     x0, x19
    b       kernel_boot

    /* kernel_call(cpu, x[32]): x0..x30 and sp as they came. */
    .global call
call:
    sub     sp, sp, #272
    stp     x0, x1, [sp, #16 * 0]
    stp     x2, x3, [sp, #16 * 1]
    stp     x4, x5, [sp, #16 * 2]
    stp     x6, x7, [sp, #16 * 3]
    stp     x8, x9, [sp, #16 * 4]
    stp     x10, x11, [sp, #16 * 5]
    stp     x12, x13, [sp, #16 * 6]
    stp     x14, x15, [sp, #16 * 7]
    stp     x16, x17, [sp, #16 * 8]
    stp     x18, x19, [sp, #16 * 9]
    stp     x20, x21, [sp, #16 * 10]
    stp     x22, x23, [sp, #16 * 11]
    stp     x24, x25, [sp, #16 * 12]
    stp     x26, x27, [sp, #16 * 13]
    stp     x28, x29, [sp, #16 * 14]
    add     x1, sp, #272
    stp     x30, x1, [sp, #16 * 15]
    mrs     x0, mpidr_el1
    and     x0, x0, #0xff
    mov     x1, sp
    b       kernel_call

    /* kernel_leave(x0, ..., x4): an SMC that does not come back; sp is at the stack's end, where the next call must find it. */
    .global kernel_leave
kernel_leave:
    stack_of x5, x6
    smc     #0
    udf     #0

    .global kernel_stack
kernel_stack:
    ldr     x1, =stacks + STACK_BYTES
    mov     x2, #STACK_BYTES
    madd    x0, x0, x2, x1
    ret

    .global kernel_smc
kernel_smc:
    smc     #0
    ret

    .macro vector where
    .balign 0x80
    b       \where
    .endm

    /* An interrupt is noted and masked; it stays pending. */
    .macro interrupt which
    .balign 0x80
    stp     x0, x1, [sp, #-16]!
    mov     x0, #\which
    b       interrupted
    .endm

    .balign 0x800
vectors:
    .rept 4
    vector bad
    .endr
    vector bad
    interrupt TEST_IRQ
    interrupt TEST_FIQ
    vector bad
    .rept 8
    vector bad
    .endr

interrupted:
    mrs     x1, mpidr_el1
    and     x1, x1, #0xff
    stp     x2, x3, [sp, #-16]!
    ldr     x2, =kernel_interrupts
    str     x0, [x2, x1, lsl #3]
    mrs     x0, spsr_el1
    orr     x0, x0, #0xc0
    msr     spsr_el1, x0
    ldp     x2, x3, [sp], #16
    ldp     x0, x1, [sp], #16
    eret

bad:
    ldr     x0, =WORLD_EXIT
    mov     x1, #EXIT_KERNEL_PANIC
    smc     #0

    .section .data
    .balign 16
stacks:
    .skip STACK_BYTES * BOARD_CPUS_MAX
