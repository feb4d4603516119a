/* spinlock.h - mutual exclusion between processors, for a few instructions. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_SPINLOCK_H
#define KERNEL_SPINLOCK_H

#include "kernel/cpu.h"

/*
 * A ticket lock: those who wait are served in order. The kernel runs with interrupts masked, so whoever holds one goes on; he must not
 * give the processor back, nor touch anything pageable. What may do so is held by a mutex (mutex.h).
 */
struct spinlock {
    uint32_t next;
    uint32_t serving;
};

static inline void spin_lock(struct spinlock *lock)
{
    uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
    uint32_t serving;

    this_cpu()->locks++;
    __asm__ volatile("sevl" ::: "memory");
    do {
        /* An exclusive load marks the word: when somebody writes it the processor is woken. */
        __asm__ volatile("wfe; ldaxr %w0, %1" : "=&r"(serving) : "Q"(lock->serving) : "memory");
    } while (serving != ticket);
}

static inline void spin_unlock(struct spinlock *lock)
{
    __atomic_store_n(&lock->serving, lock->serving + 1u, __ATOMIC_RELEASE);
    this_cpu()->locks--;
}

#endif
