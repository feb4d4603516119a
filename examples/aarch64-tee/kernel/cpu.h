/* cpu.h - what each processor has of its own. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/layout.h"

struct thread;

/* TPIDR_EL1 points to it. A thread may go on on another processor after it gave this one back: so ask anew. */
struct cpu {
    uintptr_t stack; /* top of the stack that calls from the normal world begin on; vectors.S knows it is the first member */
    uintptr_t sp;    /* where that stack stands while a thread runs */
    struct thread *thread; /* what runs here; null: nothing */
    uint32_t locks;        /* spinlocks held */
    bool pager_locked;     /* ... and one of them is the pager's */
    uint32_t number;
} __attribute__((aligned(CPU_BYTES)));

extern struct cpu cpus[BOARD_CPUS_MAX];

static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;

    __asm__ volatile("mrs %0, tpidr_el1" : "=r"(cpu));
    return cpu;
}

uint32_t cpu_number(void);

/* Ticks of the system counter: the same for all processors, at a constant rate. */
static inline uint64_t ticks(void)
{
    uint64_t now;

    __asm__ volatile("isb; mrs %0, cntpct_el0" : "=r"(now));
    return now;
}

/* Has the processor count its cycles, at all levels, in 64 bits. May EL0 read them? */
static inline void count_cycles(bool user)
{
    __asm__ volatile(
        "msr pmcr_el0, %0; msr pmcntenset_el0, %1; msr pmccfiltr_el0, xzr; msr pmuserenr_el0, %2" ::"r"((uint64_t)0x43),
        "r"((uint64_t)1 << 31), "r"((uint64_t)user));
}

/* The count. Under QEMU's -icount a cycle is an instruction. */
static inline uint64_t cycles(void)
{
    uint64_t now;

    __asm__ volatile("mrs %0, pmccntr_el0" : "=r"(now));
    return now;
}

#endif
