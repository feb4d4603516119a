/* thread.h - threads of the kernel: one call of the normal world each. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include "kernel/cpu.h"
#include "kernel/vmsa.h"

/*
 *     FREE --call--> RUNNING --gives the processor back--> SUSPENDED --resume, on any processor--> RUNNING --returns--> FREE
 *
 * A thread has a stack of its own and is interrupted only while it runs an application. What it does in the kernel it does to the end, or
 * until it has to wait for another thread.
 */
struct smc_args {
    uint64_t x[8]; /* what the normal world called with; its answer in x[0] to x[3] */
};

struct thread {
    uint32_t index;      /* 0..THREADS-1; the pager knows it by this number */
    uint32_t state;      /* under threads_lock */
    uintptr_t stack;     /* its top */
    uintptr_t sp;        /* while it does not run */
    uintptr_t user_sp;   /* where user_run() stands while an application runs ... */
    uint64_t user_value; /* ... and what it ended with */
    struct smc_args args;
    uint64_t suspended;       /* why it gave the processor back: TEE_INTERRUPTED or TEE_WAITING; 0: it has returned */
    bool faulting;            /* the pager serves a fault of it */
    const void *waits_for;    /* a token of the pager's; under the pager's lock. Null: woken */
    struct vmsa_space *space; /* whose addresses it uses; null: none but the kernel's */
    struct session *session;  /* whose application it runs or will run; null: none */
};

/* What a thread does with a call, in a context where faults may happen and waiting is fine. Set once, by who knows: what runs it is
 * resident and must not refer to what is pageable. */
extern void (*thread_main)(struct smc_args *args);

void threads_init(void);

/* Answers a call of the normal world, on the processor's own stack. Called by vectors.S. */
void kernel_call(struct smc_args *args);

/* The thread that runs here; null on a processor's own stack. */
static inline struct thread *this_thread(void)
{
    return this_cpu()->thread;
}

/* Gives the processor back to the normal world, which is told `why` (TEE_INTERRUPTED, TEE_WAITING) and resumes the thread later. No
 * spinlock may be held. */
void thread_suspend(uint64_t why);

/* Wakes all threads that wait for `token`. Under the pager's lock. */
void threads_wake(const void *token);

/* From now on the thread uses the addresses of `space`; null: none. */
void thread_use(struct vmsa_space *space);

#endif
