/* start.S - from reset, at flash 0, to C in secure memory. SPDX-License-Identifier: BSD-2-Clause */
#include "abi/board.h"
#include "monitor/monitor.h"

#define READY_MAGIC 0x7964616572206e6f /* nothing that memory contains by chance */

    .section .text.start, "ax"
    .global start
start:
    /* All processors come here at once. Addresses made by ldr are those in secure memory. */
    ldr     x0, =0x30c51838 /* MMU off; instruction cache, check of sp */
    msr     sctlr_el3, x0
    ldr     x0, =vectors
    msr     vbar_el3, x0
    isb
    mrs     x20, mpidr_el1
    and     x20, x20, #0xff
    cmp     x20, #BOARD_CPUS_MAX
    b.hs    unused
    ldr     x21, =ready
    ldr     x22, =READY_MAGIC
    cbnz    x20, wait

    /* The first one moves the monitor into secure memory, and clears what the image does not contain. */
    adr     x0, start
    ldr     x1, =start
    ldr     x2, =image_end
0:  ldp     x3, x4, [x0], #16
    stp     x3, x4, [x1], #16
    cmp     x1, x2
    b.lo    0b
    ldr     x2, =bss_end
1:  stp     xzr, xzr, [x1], #16
    cmp     x1, x2
    b.lo    1b
    dsb     sy
    ic      iallu
    dsb     sy
    isb
    b       enter

    /* The others wait until the first one has set everything up, which does not take long. */
wait:
    wfe
    ldr     x0, [x21]
    cmp     x0, x22
    b.ne    wait
    ic      iallu
    dsb     sy
    isb

enter:
    /* C uses SP_EL0, SP_EL3 is for vectors.S; and it is in secure memory, so here flash is left. */
    msr     spsel, #0
    ldr     x0, =stacks + STACK_BYTES
    mov     x1, #STACK_BYTES
    madd    x0, x20, x1, x0
    mov     sp, x0
    ldr     x1, =main_first
    cbz     x20, 2f
    ldr     x1, =main_further
2:  br      x1

unused:
    wfi
    b       unused

    .ltorg

    /* Lets the other processors go on. */
    .section .text.start_others, "ax"
    .global start_others
start_others:
    ldr     x0, =ready
    ldr     x1, =READY_MAGIC
    dsb     sy
    str     x1, [x0]
    dsb     sy
    sev
    ret
    .ltorg

    .section .bss.ready, "aw", @nobits
    .balign 16
ready:
    .skip 16

    .section .bss.stacks, "aw", @nobits
    .global stacks
    .balign 16
stacks:
    .skip STACK_BYTES * BOARD_CPUS_MAX
