/* gicv3.c - GICv3: the processors' interfaces are system registers. SPDX-License-Identifier: BSD-2-Clause */
#include "monitor/gic.h"

#include "abi/board.h"
#include "monitor/monitor.h"
#include "monitor/sysreg.h"

#define GICD_CTLR_GROUPS 0x07u /* 0, 1 of the normal world, 1 of the secure world (where nothing is) */
#define GICD_CTLR_ARE 0x30u    /* in both worlds: as GICv3, not as GICv2 */
#define GICD_CTLR_RWP (1u << 31)
#define GICD_TYPER_LINES 0x1fu

#define GICR_TYPER 0x0008u
#define GICR_TYPER_LAST (1u << 4)
#define GICR_WAKER 0x0014u
#define GICR_WAKER_PROCESSOR_SLEEP (1u << 1)
#define GICR_WAKER_CHILDREN_ASLEEP (1u << 2)
#define GICR_IGROUPR0 0x10080u
#define GICR_ISENABLER0 0x10100u

#define SRE_ALL 0x7u /* system registers, not memory; neither FIQ nor IRQ around the controller */
#define SRE_BELOW 0x8u
#define SCR_NS 1u

static volatile uint32_t *gicd(uintptr_t offset)
{
    return gic_register(BOARD_GICD, offset);
}

static volatile uint32_t *gicr(unsigned cpu, uintptr_t offset)
{
    return gic_register(BOARD_GICR + (uintptr_t)cpu * BOARD_GICR_STRIDE, offset);
}

static void set_control(uint32_t value)
{
    *gicd(GICD_CTLR) = value;
    while ((*gicd(GICD_CTLR) & GICD_CTLR_RWP) != 0) {
    }
}

static void init(void)
{
    uint32_t lines = *gicd(GICD_TYPER) & GICD_TYPER_LINES;

    set_control(GICD_CTLR_ARE);
    for (uint32_t n = 1; n <= lines; n++) {
        *gicd(GICD_IGROUPR(n)) = UINT32_MAX;
    }
    set_control(GICD_CTLR_ARE | GICD_CTLR_GROUPS);
}

static void init_cpu(void)
{
    unsigned cpu = cpu_number();
    uint64_t scr = sysreg_read(scr_el3);

    *gicr(cpu, GICR_WAKER) &= ~GICR_WAKER_PROCESSOR_SLEEP;
    while ((*gicr(cpu, GICR_WAKER) & GICR_WAKER_CHILDREN_ASLEEP) != 0) {
    }
    *gicr(cpu, GICR_IGROUPR0) = GIC_GROUP_1_BUT_WAKE;
    *gicr(cpu, GICR_ISENABLER0) = GIC_WAKE;

    sysreg_write(icc_sre_el3, SRE_ALL | SRE_BELOW);
    isb();
    sysreg_write(scr_el3, scr & ~(uint64_t)SCR_NS); /* each world has its own ICC_SRE_EL1 */
    isb();
    sysreg_write(icc_sre_el1, SRE_ALL);
    sysreg_write(scr_el3, scr | SCR_NS);
    isb();
    sysreg_write(icc_sre_el1, SRE_ALL);
    sysreg_write(scr_el3, scr);
    isb();
    sysreg_write(icc_pmr_el1, GIC_LOWEST_PRIORITY);
}

static unsigned cpus(void)
{
    unsigned cpu = 0;

    while (cpu + 1u < BOARD_CPUS_MAX && (*gicr(cpu, GICR_TYPER) & GICR_TYPER_LAST) == 0) {
        cpu++;
    }
    return cpu + 1u;
}

static void wake(unsigned cpu)
{
    dsb();
    sysreg_write(icc_sgi0r_el1, (uint64_t)GIC_WAKE_INTERRUPT << 24 | UINT64_C(1) << cpu);
    isb();
}

static void listen(bool yes)
{
    sysreg_write(icc_pmr_el1, GIC_LOWEST_PRIORITY); /* the normal world could have changed it */
    sysreg_write(icc_igrpen1_el3, 0);
    sysreg_write(icc_igrpen0_el1, yes);
    isb();
}

static bool woken(void)
{
    uint64_t id = sysreg_read(icc_iar0_el1);

    if (id != GIC_WAKE_INTERRUPT) {
        return false;
    }
    sysreg_write(icc_eoir0_el1, id);
    return true;
}

const struct gic gicv3 = {init, init_cpu, cpus, wake, listen, woken};
