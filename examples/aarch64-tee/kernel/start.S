/* start.S - from the monitor to C: the first processor, and those that come later. SPDX-License-Identifier: BSD-2-Clause */
#include "abi/world.h"
#include "kernel/layout.h"

#define ATTRIBUTES 0xff        /* MAIR while booting: index 0 normal, write back; index 1 device */
#define TCR_BOOT 0x2b5193519    /* 39 bits in both halves, 4 KiB, write back, inner shareable, 40 bits of physical address */
#define TCR_EPD1 0x800000            /* no high addresses */
#define SCTLR_RES1 0x30d00800
#define SCTLR_BOOT (SCTLR_RES1 | 0x1005) /* caches and MMU on */

/* ---- The first processor: x0 = its number, x1 = the configuration, MMU off ---- */

    .section .init.start, "ax"
    .global kernel_start
kernel_start:
    b       first
    .balign 8
    .quad   KERNEL_MAGIC
    .quad   image_bytes

first:
    mov     x19, x0
    mov     x20, x1
    /* Memory that other processors and the walker will see must not lie stale in a cache: at reset there is nothing in it. */
    adrp    x0, boot_l2
    add     x0, x0, :lo12:boot_l2
    /* While booting all of secure memory is readable, writable and executable; the last thing boot/init.c does to it is to take that away. */
    mov     x1, #BOARD_SECURE_RAM
    mov     x2, #0x701              /* accessed, inner shareable, normal, block */
    orr     x3, x1, x2
    add     x4, x0, #(BOARD_SECURE_RAM >> 21) * 8
    mov     x5, #BOARD_SECURE_RAM_BYTES >> 21
1:  str     x3, [x4], #8
    add     x3, x3, #0x200000
    subs    x5, x5, #1
    b.ne    1b
    mov     x3, #BOARD_UART_SECURE & ~0x1fffff
    movk    x3, #0x0405             /* accessed, device, block; never executable follows */
    orr     x3, x3, #(3 << 53)
    str     x3, [x0, #(BOARD_UART_SECURE >> 21) * 8]
    orr     x2, x0, #3
    adrp    x1, boot_l1
    add     x1, x1, :lo12:boot_l1
    str     x2, [x1]
    mov     x0, x1
    bl      mmu_on                  /* through these tables, once; */
    mrs     x0, ttbr0_el1           /* ... and once more at KERNEL_VA */
    bl      high_on
    ldr     x0, =boot_stack + BOOT_STACK_BYTES
    mov     sp, x0
    mov     x0, x19
    mov     x1, x20
    ldr     x2, =init_main
    blr     x2                      /* it does not come back: it ends in processor_ready() */

    .section .text.resident.start, "ax"
    .global secondary_start
secondary_start:
    mov     x19, x0
    adrp    x0, kernel_identity
    add     x0, x0, :lo12:kernel_identity
    bl      mmu_on                  /* through a table of the 2 MiB that the kernel's image lies in, read-only */
    adrp    x0, kernel_root         /* what was written with caches on is read with caches on */
    ldr     x0, [x0, :lo12:kernel_root]
    bl      high_on
    ldr     x1, =cpus
    mov     x2, #CPU_BYTES
    madd    x1, x19, x2, x1
    msr     tpidr_el1, x1
    ldr     x2, [x1]
    mov     sp, x2
    mov     x0, x19
    ldr     x2, =secondary_main
    blr     x2

/* Switches the MMU on with the table at x0 for low addresses, where this code is both before and after, and none for high ones. */
mmu_on:
    ldr     x3, =ATTRIBUTES
    msr     mair_el1, x3
    ldr     x3, =TCR_BOOT | TCR_EPD1
    msr     tcr_el1, x3
    msr     ttbr0_el1, x0
    tlbi    vmalle1
    ic      iallu
    dsb     sy
    isb
    ldr     x3, =SCTLR_BOOT
    msr     sctlr_el1, x3
    isb
    ret

/* Goes on at high addresses, with the table at x0 for them. */
high_on:
    msr     ttbr1_el1, x0
    ldr     x3, =TCR_BOOT
    msr     tcr_el1, x3
    isb
    ldr     x3, =KERNEL_VA
    add     x30, x30, x3
    ret

/* void root_switch(uint64_t root, uint64_t mair, uint64_t tcr): other tables for high addresses, with entries of other sizes. Meanwhile there
 * are none, and this runs at low addresses, which TTBR0 still has to map one to one. */
    .global root_switch
root_switch:
    adr     x3, 1f
    ldr     x4, =KERNEL_VA
    sub     x3, x3, x4
    br      x3
1:  mrs     x4, tcr_el1
    orr     x4, x4, #TCR_EPD1
    msr     tcr_el1, x4
    isb
    tlbi    vmalle1
    dsb     nsh
    isb
    msr     ttbr1_el1, x0
    msr     mair_el1, x1
    msr     tcr_el1, x2
    isb
    ret
