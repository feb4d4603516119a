/* vectors.S - EL3 is entered and left here. SPDX-License-Identifier: BSD-2-Clause */
#include "monitor/monitor.h"

/*
 * A world runs with SP_EL3 at its struct world, so saving it needs no register. C runs on SP_EL0, which belongs to the world and is saved
 * too, from the end of this processor's stack: what was on it is done with.
 */

    .macro expected
    .balign 0x80
    b       enter
    .endm

    .macro unexpected vector
    .balign 0x80
    mov     x0, #\vector
    b       never
    .endm

    .section .text.vectors, "ax"
    .global vectors
    .balign 0x800
vectors:
    unexpected 0x000 /* the monitor's own: sync, IRQ, FIQ, SError */
    unexpected 0x080
    unexpected 0x100
    unexpected 0x180
    unexpected 0x200
    unexpected 0x280
    unexpected 0x300
    unexpected 0x380
    expected /* of a world, in AArch64 state: SMC, or a trap */
    unexpected 0x480
    unexpected 0x500
    unexpected 0x580
    expected /* of EL0 in AArch32 state: a trap */
    unexpected 0x680
    unexpected 0x700
    unexpected 0x780

never:
    msr     spsel, #0
    b       vectors_panic

enter:
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
    mrs     x0, sp_el0
    stp     x30, x0, [sp, #WORLD_SP_EL0 - 8]
    mrs     x0, elr_el3
    mrs     x1, spsr_el3
    stp     x0, x1, [sp, #WORLD_ELR]
    mov     x0, sp
    ldr     x1, [sp, #WORLD_STACK]
    msr     spsel, #0
    mov     sp, x1
    bl      world_exception

    .global world_resume
world_resume:
    msr     spsel, #1
    mov     sp, x0
    ldp     x0, x1, [sp, #WORLD_ELR]
    msr     elr_el3, x0
    msr     spsr_el3, x1
    ldp     x30, x0, [sp, #WORLD_SP_EL0 - 8]
    msr     sp_el0, x0
    ldp     x0, x1, [sp, #16 * 0]
    ldp     x2, x3, [sp, #16 * 1]
    ldp     x4, x5, [sp, #16 * 2]
    ldp     x6, x7, [sp, #16 * 3]
    ldp     x8, x9, [sp, #16 * 4]
    ldp     x10, x11, [sp, #16 * 5]
    ldp     x12, x13, [sp, #16 * 6]
    ldp     x14, x15, [sp, #16 * 7]
    ldp     x16, x17, [sp, #16 * 8]
    ldp     x18, x19, [sp, #16 * 9]
    ldp     x20, x21, [sp, #16 * 10]
    ldp     x22, x23, [sp, #16 * 11]
    ldp     x24, x25, [sp, #16 * 12]
    ldp     x26, x27, [sp, #16 * 13]
    ldp     x28, x29, [sp, #16 * 14]
    eret
