/* client.S - the test's normal world: where it begins, its exceptions, its calls. SPDX-License-Identifier: BSD-2-Clause */
#include "abi/board.h"

#define STACK_BYTES 4096

    .section .text.start, "ax"
    .global start
    .global further_start
start:
    mov     x19, #0 /* by the monitor, at boot */
    b       0f
further_start:
    mov     x19, #1 /* by PSCI */
0:  ldr     x1, =vectors
    msr     vbar_el1, x1
    isb
    mrs     x20, mpidr_el1
    and     x20, x20, #0xff
    ldr     x1, =stacks + STACK_BYTES
    mov     x2, #STACK_BYTES
    madd    x1, x20, x2, x1
    mov     sp, x1
    mov     x1, x0
    mov     x0, x20
    cbz     x19, client_first
    b       client_further

    /* client_smc(x[31]): with these registers; they are what came back. */
    .global client_smc
client_smc:
    stp     x19, x20, [sp, #-112]!
    stp     x21, x22, [sp, #16]
    stp     x23, x24, [sp, #32]
    stp     x25, x26, [sp, #48]
    stp     x27, x28, [sp, #64]
    stp     x29, x30, [sp, #80]
    str     x0, [sp, #96]
    mov     x30, x0
    ldp     x0, x1, [x30, #16 * 0]
    ldp     x2, x3, [x30, #16 * 1]
    ldp     x4, x5, [x30, #16 * 2]
    ldp     x6, x7, [x30, #16 * 3]
    ldp     x8, x9, [x30, #16 * 4]
    ldp     x10, x11, [x30, #16 * 5]
    ldp     x12, x13, [x30, #16 * 6]
    ldp     x14, x15, [x30, #16 * 7]
    ldp     x16, x17, [x30, #16 * 8]
    ldp     x18, x19, [x30, #16 * 9]
    ldp     x20, x21, [x30, #16 * 10]
    ldp     x22, x23, [x30, #16 * 11]
    ldp     x24, x25, [x30, #16 * 12]
    ldp     x26, x27, [x30, #16 * 13]
    ldp     x28, x29, [x30, #16 * 14]
    ldr     x30, [x30, #16 * 15]
    smc     #0
    stp     x0, x30, [sp, #-16]!
    ldr     x0, [sp, #16 + 96]
    stp     x2, x3, [x0, #16 * 1]
    stp     x4, x5, [x0, #16 * 2]
    stp     x6, x7, [x0, #16 * 3]
    stp     x8, x9, [x0, #16 * 4]
    stp     x10, x11, [x0, #16 * 5]
    stp     x12, x13, [x0, #16 * 6]
    stp     x14, x15, [x0, #16 * 7]
    stp     x16, x17, [x0, #16 * 8]
    stp     x18, x19, [x0, #16 * 9]
    stp     x20, x21, [x0, #16 * 10]
    stp     x22, x23, [x0, #16 * 11]
    stp     x24, x25, [x0, #16 * 12]
    stp     x26, x27, [x0, #16 * 13]
    stp     x28, x29, [x0, #16 * 14]
    ldp     x2, x3, [sp], #16
    stp     x2, x1, [x0]
    str     x3, [x0, #16 * 15]
    ldp     x21, x22, [sp, #16]
    ldp     x23, x24, [sp, #32]
    ldp     x25, x26, [sp, #48]
    ldp     x27, x28, [sp, #64]
    ldp     x29, x30, [sp, #80]
    ldp     x19, x20, [sp], #112
    ret

    /* Reads, at EL0, a register that must not be there. */
    .global client_read_at_el0
client_read_at_el0:
    adr     x0, 0f
    msr     elr_el1, x0
    mov     x0, #0x3c0
    msr     spsr_el1, x0
    eret
0:  cmp     x0, x0 /* flags: Z and C */
    mrs     x0, s3_3_c13_c0_7
    ret

    /* The instruction that fails is noted and skipped; interrupts are taken in C. */
    .macro vector where
    .balign 0x80
    b       \where
    .endm

    .balign 0x800
vectors:
    .rept 4
    vector  bad
    .endr
    vector  failed
    vector  interrupt
    vector  interrupt
    vector  bad
    vector  failed_at_el0
    .rept 7
    vector  bad
    .endr

    /* struct fault in client.c. It goes on at EL1, wherever it was. */
failed_at_el0:
    stp     x0, x1, [sp, #-32]!
    mov     x0, #0x400
    b       0f
failed:
    stp     x0, x1, [sp, #-32]!
    mov     x0, #0x200
0:  stp     x2, x3, [sp, #16]
    ldr     x1, =client_fault
    mrs     x2, esr_el1
    mrs     x3, spsr_el1
    stp     x0, x2, [x1]
    str     x3, [x1, #16]
    ldr     x2, [x1, #24]
    add     x2, x2, #1
    str     x2, [x1, #24]
    mov     x3, #0x3c5
    msr     spsr_el1, x3
    mrs     x0, elr_el1
    add     x0, x0, #4
    msr     elr_el1, x0
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp], #32
    eret

interrupt:
    stp     x0, x1, [sp, #-176]!
    stp     x2, x3, [sp, #16 * 1]
    stp     x4, x5, [sp, #16 * 2]
    stp     x6, x7, [sp, #16 * 3]
    stp     x8, x9, [sp, #16 * 4]
    stp     x10, x11, [sp, #16 * 5]
    stp     x12, x13, [sp, #16 * 6]
    stp     x14, x15, [sp, #16 * 7]
    stp     x16, x17, [sp, #16 * 8]
    stp     x18, x30, [sp, #16 * 9]
    mrs     x0, elr_el1
    mrs     x1, spsr_el1
    stp     x0, x1, [sp, #16 * 10]
    bl      client_interrupt
    ldp     x0, x1, [sp, #16 * 10]
    msr     elr_el1, x0
    msr     spsr_el1, x1
    ldp     x18, x30, [sp, #16 * 9]
    ldp     x16, x17, [sp, #16 * 8]
    ldp     x14, x15, [sp, #16 * 7]
    ldp     x12, x13, [sp, #16 * 6]
    ldp     x10, x11, [sp, #16 * 5]
    ldp     x8, x9, [sp, #16 * 4]
    ldp     x6, x7, [sp, #16 * 3]
    ldp     x4, x5, [sp, #16 * 2]
    ldp     x2, x3, [sp, #16 * 1]
    ldp     x0, x1, [sp], #176
    eret

bad:
    b       client_bad

    .section .data
    .balign 16
stacks:
    .skip STACK_BYTES * BOARD_CPUS_MAX
