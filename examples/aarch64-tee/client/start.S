/* start.S - where a processor enters the client, and its exception vectors. SPDX-License-Identifier: BSD-2-Clause */
#include "abi/board.h"
#include "client/layout.h"

/* ---- Entry: NS-EL1, MMU off ---- */

    .section .text.start, "ax"
    .global _start
_start: /* processor 0, from the monitor */
    adrp x0, bss_start
    add x0, x0, :lo12:bss_start
    adrp x1, bss_end
    add x1, x1, :lo12:bss_end
1:  cmp x0, x1
    b.hs 2f
    stp xzr, xzr, [x0], #16
    b 1b
2:  mov x0, #0
    adr x1, client_main
    b enter

    .global start_further_cpu
start_further_cpu: /* x0 = the processor's number: what the client told CPU_ON to pass */
    adrp x1, cpu_main
    add x1, x1, :lo12:cpu_main

/* x0 = the processor's number, x1 = where to go on, in C, with the MMU on and a stack. */
enter:
    msr tpidr_el1, x0
    adrp x2, cpu_stacks
    add x2, x2, :lo12:cpu_stacks
    add x3, x0, #1
    mov x4, #CPU_STACK_BYTES
    madd x2, x3, x4, x2
    msr spsel, #1
    mov sp, x2
    adrp x2, vectors
    add x2, x2, :lo12:vectors
    msr vbar_el1, x2

    adrp x2, mmu_table
    add x2, x2, :lo12:mmu_table
    msr ttbr0_el1, x2
    ldr x2, =MMU_ATTRIBUTES
    msr mair_el1, x2
    ldr x2, =MMU_CONTROL
    msr tcr_el1, x2
    dsb sy
    tlbi vmalle1
    ic iallu
    dsb sy
    isb
    ldr x2, =MMU_SYSTEM_CONTROL
    msr sctlr_el1, x2
    isb
    blr x1
3:  wfi
    b 3b

/* ---- Vectors ---- */

    .macro save
    sub sp, sp, #192
    stp x0, x1, [sp]
    stp x2, x3, [sp, #16]
    stp x4, x5, [sp, #32]
    stp x6, x7, [sp, #48]
    stp x8, x9, [sp, #64]
    stp x10, x11, [sp, #80]
    stp x12, x13, [sp, #96]
    stp x14, x15, [sp, #112]
    stp x16, x17, [sp, #128]
    stp x18, x30, [sp, #144]
    mrs x0, elr_el1
    mrs x1, spsr_el1
    stp x0, x1, [sp, #160]
    .endm

    .macro restore
    ldp x0, x1, [sp, #160]
    msr elr_el1, x0
    msr spsr_el1, x1
    ldp x0, x1, [sp]
    ldp x2, x3, [sp, #16]
    ldp x4, x5, [sp, #32]
    ldp x6, x7, [sp, #48]
    ldp x8, x9, [sp, #64]
    ldp x10, x11, [sp, #80]
    ldp x12, x13, [sp, #96]
    ldp x14, x15, [sp, #112]
    ldp x16, x17, [sp, #128]
    ldp x18, x30, [sp, #144]
    add sp, sp, #192
    eret
    .endm

    .macro unexpected which
    .balign 128
    mov x0, #\which
    mrs x1, esr_el1
    mrs x2, elr_el1
    mrs x3, far_el1
    b exception_unexpected
    .endm

    .section .text.vectors, "ax"
    .balign 2048
vectors:
    unexpected 0
    unexpected 1
    unexpected 2
    unexpected 3
    .balign 128 /* from EL1 with its own stack: synchronous, ... */
    b synchronous
    .balign 128 /* ... interrupt */
    save
    bl interrupt_taken
    restore
    unexpected 6
    unexpected 7
    unexpected 8
    unexpected 9
    unexpected 10
    unexpected 11
    unexpected 12
    unexpected 13
    unexpected 14
    unexpected 15

/* An access that is allowed to abort goes on at its `aborted`; nothing else is expected. */
synchronous:
    save
    adr x1, guarded_access
    cmp x0, x1
    b.ne 1f
    adr x0, guarded_aborted
    str x0, [sp, #160]
    restore
1:
    ldr x2, [sp, #160]
    mov x0, #4
    mrs x1, esr_el1
    mrs x3, far_el1
    b exception_unexpected

/* bool guarded_read(uint64_t address, uint64_t *value) */
    .section .text.guarded_read, "ax"
    .global guarded_read
guarded_read:
guarded_access:
    ldr x2, [x0]
    str x2, [x1]
    mov w0, #1
    ret
guarded_aborted:
    mov w0, #0
    ret
