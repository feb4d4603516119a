/* client_gic.c - the timer's interrupt, in the test's normal world. SPDX-License-Identifier: BSD-2-Clause */
#include "monitor/test/client_gic.h"

#include "abi/board.h"
#include "monitor/sysreg.h"

#define GICD_CTLR 0x000u
#define GICD_ISENABLER0 0x100u
#define GICD_SGIR 0xf00u
#define GICC_CTLR 0x00u
#define GICC_PMR 0x04u
#define GICC_IAR 0x0cu
#define GICC_EOIR 0x10u
#define GICR_ISENABLER0 0x10100u
#define GICR_ISPENDR0 0x10200u
#define PRIORITY_MASK 0xf0u
#define SECURE_INTERRUPT 15u

static volatile uint32_t *reg(uintptr_t address)
{
    return (volatile uint32_t *)address;
}

static uintptr_t gicr(unsigned cpu)
{
    return BOARD_GICR + (uintptr_t)cpu * BOARD_GICR_STRIDE;
}

bool client_gic_is_v3(void)
{
    return sysreg_field(id_aa64pfr0_el1, 24) != 0;
}

void client_gic_enable(void)
{
    uint32_t enable = UINT32_C(1) << BOARD_TIMER_INTERRUPT;

    if (client_gic_is_v3()) {
        *reg(gicr(sysreg_read(mpidr_el1) & 0xffu) + GICR_ISENABLER0) = enable;
        sysreg_write(icc_pmr_el1, PRIORITY_MASK);
        sysreg_write(icc_igrpen1_el1, 1);
        isb();
    } else {
        *reg(BOARD_GICD + GICD_ISENABLER0) = enable;
        *reg(BOARD_GICC + GICC_PMR) = PRIORITY_MASK;
        *reg(BOARD_GICC + GICC_CTLR) = 1;
    }
}

/* Its interrupt is pending as long as it says so: to be ended after that was taken, and before the controller looks again. */
static void end_timer(void)
{
    sysreg_write(cntp_ctl_el0, 0);
    isb();
}

unsigned client_gic_take(void)
{
    unsigned interrupt;

    if (client_gic_is_v3()) {
        interrupt = (unsigned)sysreg_read(icc_iar1_el1);
        end_timer();
        sysreg_write(icc_eoir1_el1, interrupt);
        isb();
    } else {
        interrupt = *reg(BOARD_GICC + GICC_IAR);
        end_timer();
        *reg(BOARD_GICC + GICC_EOIR) = interrupt;
    }
    return interrupt;
}

void client_gic_raise_secure(unsigned cpu)
{
    if (client_gic_is_v3()) {
        *reg(gicr(cpu) + GICR_ISPENDR0) = UINT32_C(1) << SECURE_INTERRUPT;
        sysreg_write(icc_sgi1r_el1, (uint64_t)SECURE_INTERRUPT << 24 | UINT64_C(1) << cpu);
        sysreg_write(icc_sgi0r_el1, (uint64_t)SECURE_INTERRUPT << 24 | UINT64_C(1) << cpu);
        isb();
    } else {
        *reg(BOARD_GICD + GICD_SGIR) = UINT32_C(1) << (16u + cpu) | SECURE_INTERRUPT;
    }
}
