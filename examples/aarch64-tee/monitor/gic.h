/* gic.h - the interrupt controller: interrupts are the normal world's, but one. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_MONITOR_GIC_H
#define TEE_MONITOR_GIC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * All interrupts are in group 1 of the normal world, which sets them up. One software interrupt is kept in secure group 0: a
 * processor that is off sleeps at EL3, where this wakes it. (An event would too, but QEMU spins on WFE.) While a world runs group 0
 * is disabled, so the interrupt cannot disturb it.
 */
#define GIC_WAKE_INTERRUPT 15u
#define GIC_WAKE (UINT32_C(1) << GIC_WAKE_INTERRUPT) /* in registers with a bit for each interrupt */
#define GIC_GROUP_1_BUT_WAKE (~GIC_WAKE)
#define GIC_LOWEST_PRIORITY 0xffu /* as a mask: nothing is masked */

struct gic {
    void (*init)(void);     /* what all processors share */
    void (*init_cpu)(void); /* what belongs to this one */
    unsigned (*cpus)(void); /* how many processors there are */
    void (*wake)(unsigned cpu);
    void (*listen)(bool yes); /* to the wake interrupt, and to no other: WFI ends for it */
    bool (*woken)(void);      /* takes it, if it has come */
};

extern const struct gic gicv2;
extern const struct gic gicv3;

/* Which of them this machine has. */
const struct gic *gic(void);

static inline volatile uint32_t *gic_register(uintptr_t base, uintptr_t offset)
{
    return (volatile uint32_t *)(base + offset);
}

/* The distributor's, of both: 32 interrupts each, the first 32 of which are a processor's own. */
#define GICD_CTLR 0x000u
#define GICD_TYPER 0x004u
#define GICD_IGROUPR(n) (0x080u + 4u * (n))

#endif
