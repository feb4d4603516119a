/* interrupt.c - the timer's interrupt, by a GICv2 or a GICv3. SPDX-License-Identifier: BSD-2-Clause */
#include "client/interrupt.h"

#include <stdbool.h>

#include "abi/board.h"
#include "client/cpu.h"
#include "client/entry.h"

/* The monitor has made all interrupts the normal world's, and woken the redistributors. */

#define GICD_CTLR (BOARD_GICD + 0x000u)
#define GICD_ISENABLER0 (BOARD_GICD + 0x100u) /* each processor has its own */
#define GICC_CTLR (BOARD_GICC + 0x00u)
#define GICC_PMR (BOARD_GICC + 0x04u)
#define GICC_IAR (BOARD_GICC + 0x0cu)
#define GICC_EOIR (BOARD_GICC + 0x10u)
#define GICR_ISENABLER0(cpu) (BOARD_GICR + (cpu)*BOARD_GICR_STRIDE + 0x10100u)

#define ENABLE_GROUP 1u      /* GICD_CTLR as the normal world sees it; GICC_CTLR */
#define V3_ENABLE_GROUP 2u   /* GICD_CTLR as the normal world sees it, ... */
#define V3_BY_AFFINITY 16u   /* ... with affinity routing */
#define INTERRUPT_NONE 1020u /* from here on: there is none */

static uint32_t ticks_taken;

static void put32(uintptr_t address, uint32_t value)
{
    *(volatile uint32_t *)address = value;
}

static uint32_t get32(uintptr_t address)
{
    return *(volatile uint32_t *)address;
}

/* Has the processor the system registers of a GICv3? */
static bool gic_is_v3(void)
{
    uint64_t features;

    __asm__("mrs %0, id_aa64pfr0_el1" : "=r"(features));
    return (features >> 24 & 15u) != 0;
}

static void timer_arm(void)
{
    uint64_t ticks = cpu_ticks_per_second() / (1000000u / INTERRUPT_MICROSECONDS);

    __asm__ volatile("msr cntp_tval_el0, %0\n\tmsr cntp_ctl_el0, %1\n\tisb" ::"r"(ticks), "r"(1ul) : "memory");
}

void interrupt_pause(void)
{
    __asm__ volatile("msr cntp_ctl_el0, xzr\n\tisb" ::: "memory");
}

void interrupt_go_on(void)
{
    timer_arm();
}

void interrupt_begin(void)
{
    if (gic_is_v3()) {
        put32(GICD_CTLR, V3_BY_AFFINITY | V3_ENABLE_GROUP);
        put32(GICR_ISENABLER0(cpu_number()), 1u << BOARD_TIMER_INTERRUPT);
        __asm__ volatile("msr s3_0_c4_c6_0, %0\n\t"   /* ICC_PMR_EL1: all priorities */
                         "msr s3_0_c12_c12_7, %1\n\t" /* ICC_IGRPEN1_EL1 */
                         "isb" ::"r"(0xfful),
                         "r"(1ul)
                         : "memory");
    } else {
        put32(GICD_CTLR, ENABLE_GROUP);
        put32(GICD_ISENABLER0, 1u << BOARD_TIMER_INTERRUPT);
        put32(GICC_PMR, 0xff);
        put32(GICC_CTLR, ENABLE_GROUP);
    }
    timer_arm();
    __asm__ volatile("msr daifclr, #2" ::: "memory");
}

static uint32_t acknowledge(void)
{
    uint64_t interrupt;

    if (!gic_is_v3()) {
        return get32(GICC_IAR);
    }
    __asm__ volatile("mrs %0, s3_0_c12_c12_0\n\tdsb sy" : "=r"(interrupt)::"memory"); /* ICC_IAR1_EL1 */
    return (uint32_t)interrupt;
}

static void complete(uint32_t interrupt)
{
    if (!gic_is_v3()) {
        put32(GICC_EOIR, interrupt);
        return;
    }
    __asm__ volatile("msr s3_0_c12_c12_1, %0\n\tisb" ::"r"((uint64_t)interrupt) : "memory"); /* ICC_EOIR1_EL1 */
}

void interrupt_taken(void)
{
    uint32_t interrupt = acknowledge();

    if ((interrupt & 0x3ffu) >= INTERRUPT_NONE) {
        return;
    }
    if ((interrupt & 0x3ffu) == BOARD_TIMER_INTERRUPT) {
        timer_arm();
        __atomic_add_fetch(&ticks_taken, 1, __ATOMIC_RELAXED);
    }
    complete(interrupt);
}

uint32_t interrupt_count(void)
{
    return __atomic_load_n(&ticks_taken, __ATOMIC_RELAXED);
}
