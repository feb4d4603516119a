/* cpu.c - the machine's processors: starting them, and giving them work. SPDX-License-Identifier: BSD-2-Clause */
#include "client/cpu.h"

#include <stddef.h>

#include "client/entry.h"
#include "client/interrupt.h"
#include "client/layout.h"
#include "client/smc.h"

#define PSCI_CPU_ON 0xc4000003u

unsigned char cpu_stacks[BOARD_CPUS_MAX][CPU_STACK_BYTES] __attribute__((aligned(16)));

/* What a processor is to do. Who writes `work` hands it over; the processor itself clears it when it is done. */
struct job {
    void (*work)(void *arg);
    void *arg;
    uint32_t running;
};

static struct job jobs[BOARD_CPUS_MAX];

/* ---- Starting ---- */

/* Where a further processor goes on, in C. */
void cpu_main(void)
{
    struct job *job = &jobs[cpu_number()];

    interrupt_begin();
    for (;;) {
        __atomic_store_n(&job->running, 0, __ATOMIC_RELEASE);
        while (__atomic_load_n(&job->running, __ATOMIC_ACQUIRE) == 0) {
            cpu_rest();
        }
        job->work(job->arg);
    }
}

bool cpu_start_others(unsigned count)
{
    unsigned cpu;

    for (cpu = 1; cpu < count && cpu < BOARD_CPUS_MAX; cpu++) {
        struct smc_registers call = {{PSCI_CPU_ON, cpu, (uint64_t)(uintptr_t)start_further_cpu, cpu}};

        jobs[cpu].running = 1; /* until it says that it has come */
        smc(&call);
        if (call.x[0] != 0) {
            return false;
        }
        cpu_wait(cpu);
    }
    return true;
}

void cpu_run(unsigned cpu, void (*work)(void *arg), void *arg)
{
    jobs[cpu].work = work;
    jobs[cpu].arg = arg;
    __atomic_store_n(&jobs[cpu].running, 1, __ATOMIC_RELEASE);
}

void cpu_wait(unsigned cpu)
{
    while (__atomic_load_n(&jobs[cpu].running, __ATOMIC_ACQUIRE) != 0) {
        cpu_rest();
    }
}

/* ---- Between processors ---- */

void spin_lock(struct spinlock *lock)
{
    while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE) != 0) {
        cpu_yield();
    }
}

void spin_unlock(struct spinlock *lock)
{
    __atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}
