/* measure.S - calls that are counted: what each takes, in cycles, and how many there were. SPDX-License-Identifier: BSD-2-Clause */

/*
 * struct measured_call of measure.c. Whoever calls a stub reaches `original` with the arguments as they are, all in registers, and
 * gets its result. All stubs are alike, so that what one adds is known of all.
 */
#define ORIGINAL 0
#define CYCLES 8
#define CALLS 16
#define CALL_BYTES 24

#define CALLS_MAX 24

    .macro  stub number
    stp     x29, x30, [sp, #-32]!
    mov     x29, sp
    adrp    x9, measured_calls + \number * CALL_BYTES
    add     x9, x9, :lo12:measured_calls + \number * CALL_BYTES
    ldr     x10, [x9, #ORIGINAL]
    str     x9, [sp, #16]
    mrs     x11, pmccntr_el0
    str     x11, [sp, #24]
    blr     x10
    mrs     x12, pmccntr_el0
    ldp     x9, x11, [sp, #16]
    sub     x12, x12, x11
    ldr     x10, [x9, #CYCLES]
    add     x10, x10, x12
    ldr     x11, [x9, #CALLS]
    add     x11, x11, #1
    stp     x10, x11, [x9, #CYCLES]
    ldp     x29, x30, [sp], #32
    ret
    .endm

    .section .text.resident.measure, "ax"
    .set    number, 0
    .rept   CALLS_MAX
    .balign 128
    .if     number == 0
measured_stubs_start:
    .endif
    stub    number
    .set    number, number + 1
    .endr

    .global measured_nothing
measured_nothing:
    ret

/* void (*const measured_stubs[])(void) */
    .section .rodata.resident.measure, "a"
    .balign 8
    .global measured_stubs
measured_stubs:
    .set    number, 0
    .rept   CALLS_MAX
    .quad   measured_stubs_start + 128 * number
    .set    number, number + 1
    .endr
