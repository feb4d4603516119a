/* gicv2.c - GICv2: the processors' interfaces are memory. SPDX-License-Identifier: BSD-2-Clause */
#include "monitor/gic.h"

#include "abi/board.h"
#include "monitor/sysreg.h"

/* As secure state sees them. */
#define GICD_CTLR_BOTH_GROUPS 3u
#define GICD_TYPER_LINES 0x1fu
#define GICD_TYPER_CPUS(value) (((value) >> 5) & 7u)
#define GICD_ISENABLER0 0x100u
#define GICD_SGIR 0xf00u
#define GICD_SGIR_CPU(n) (UINT32_C(1) << (16u + (n)))
#define GICC_CTLR 0x00u
#define GICC_CTLR_GROUP_0 1u
#define GICC_CTLR_FIQ 8u /* group 0 as FIQ */
#define GICC_PMR 0x04u
#define GICC_IAR 0x0cu
#define GICC_IAR_ID 0x3ffu
#define GICC_EOIR 0x10u

static volatile uint32_t *gicd(uintptr_t offset)
{
    return gic_register(BOARD_GICD, offset);
}

static volatile uint32_t *gicc(uintptr_t offset)
{
    return gic_register(BOARD_GICC, offset);
}

static void init(void)
{
    uint32_t lines = *gicd(GICD_TYPER) & GICD_TYPER_LINES;

    for (uint32_t n = 1; n <= lines; n++) {
        *gicd(GICD_IGROUPR(n)) = UINT32_MAX;
    }
    *gicd(GICD_CTLR) = GICD_CTLR_BOTH_GROUPS;
}

static void init_cpu(void)
{
    *gicd(GICD_IGROUPR(0)) = GIC_GROUP_1_BUT_WAKE; /* each processor has its own */
    *gicd(GICD_ISENABLER0) = GIC_WAKE;
    *gicc(GICC_PMR) = GIC_LOWEST_PRIORITY;
}

static unsigned cpus(void)
{
    return GICD_TYPER_CPUS(*gicd(GICD_TYPER)) + 1u;
}

static void wake(unsigned cpu)
{
    dsb();
    *gicd(GICD_SGIR) = GICD_SGIR_CPU(cpu) | GIC_WAKE_INTERRUPT;
}

static void listen(bool yes)
{
    *gicc(GICC_PMR) = GIC_LOWEST_PRIORITY; /* the normal world could have changed it */
    *gicc(GICC_CTLR) = yes ? GICC_CTLR_GROUP_0 | GICC_CTLR_FIQ : 0;
}

static bool woken(void)
{
    uint32_t acknowledged = *gicc(GICC_IAR); /* and by whom it was sent, which the end must name too */

    if ((acknowledged & GICC_IAR_ID) != GIC_WAKE_INTERRUPT) {
        return false;
    }
    *gicc(GICC_EOIR) = acknowledged;
    return true;
}

const struct gic gicv2 = {init, init_cpu, cpus, wake, listen, woken};
