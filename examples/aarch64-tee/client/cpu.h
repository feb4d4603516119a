/* cpu.h - the machine's processors: starting them, and giving them work. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_CPU_H
#define CLIENT_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/board.h"

/* This processor's number. */
static inline unsigned cpu_number(void)
{
    uint64_t number;

    __asm__("mrs %0, tpidr_el1" : "=r"(number));
    return (unsigned)number;
}

/* Asks the monitor for processors 1..count-1 and waits for them. False if one does not come. */
bool cpu_start_others(unsigned count);

/* Has `work(arg)` done on another processor that was started; it must be idle. cpu_wait() waits until it is done. */
void cpu_run(unsigned cpu, void (*work)(void *arg), void *arg);
void cpu_wait(unsigned cpu);

/* ---- Between processors ---- */

/* In every loop that waits for another processor: where one host thread plays all of them (-icount), it lets the others on. */
static inline void cpu_yield(void)
{
    __asm__ volatile("yield" ::: "memory");
}

struct spinlock {
    uint32_t taken;
};

void spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);

/* Until the next tick, at most: for waits that are long, so that the host has the processor meanwhile. */
static inline void cpu_rest(void)
{
    __asm__ volatile("wfi" ::: "memory");
}

/* ---- Time ---- */

/* Ticks of the system counter, of which cpu_ticks_per_second() are a second. */
static inline uint64_t cpu_ticks(void)
{
    uint64_t ticks;

    __asm__ volatile("isb\n\tmrs %0, cntpct_el0" : "=r"(ticks)::"memory");
    return ticks;
}

static inline uint64_t cpu_ticks_per_second(void)
{
    uint64_t frequency;

    __asm__("mrs %0, cntfrq_el0" : "=r"(frequency));
    return frequency;
}

#endif
