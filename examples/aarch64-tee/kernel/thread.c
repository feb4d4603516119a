/* thread.c - threads of the kernel: one call of the normal world each. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/thread.h"

#include <stddef.h>

#include "abi/smc.h"
#include "abi/world.h"
#include "kernel/log.h"
#include "kernel/measure.h"
#include "kernel/paging.h"
#include "kernel/spinlock.h"

enum thread_state { THREAD_FREE, THREAD_RUNNING, THREAD_SUSPENDED };

/* vectors.S */
void stack_switch(uintptr_t *from, uintptr_t to);

struct cpu cpus[BOARD_CPUS_MAX];
void (*thread_main)(struct smc_args *args);

/* What assembly knows: start.S, vectors.S. */
QUIRE_STATIC_ASSERT(sizeof(struct cpu) == CPU_BYTES, cpu_bytes);
QUIRE_STATIC_ASSERT(offsetof(struct cpu, stack) == 0, cpu_stack_is_first);
QUIRE_STATIC_ASSERT(sizeof(struct smc_args) == 64, smc_args_are_eight_registers);

#define SWITCH_FRAME 96u /* what stack_switch() takes from the stack: x29, x30, x19 to x28 */

static struct thread threads[THREADS];
static struct spinlock threads_lock;

uint32_t cpu_number(void)
{
    return this_cpu()->number;
}

void threads_init(void)
{
    uint32_t i;

    for (i = 0; i < BOARD_CPUS_MAX; i++) {
        cpus[i].number = i;
        cpus[i].stack = STACKS_VA + (uintptr_t)(i + 1u) * STACK_SLOT;
    }
    for (i = 0; i < THREADS; i++) {
        threads[i].index = i;
        threads[i].stack = STACKS_VA + (uintptr_t)(BOARD_CPUS_MAX + i + 1u) * STACK_SLOT;
    }
}

/* ---- On a processor's own stack ---- */

static void run(struct thread *thread, struct smc_args *answer)
{
    struct cpu *cpu = this_cpu();

    count_cycles(measuring_user); /* the normal world shares the counters and may have set them otherwise */
    cpu->thread = thread;
    paging_use_space(thread->space);
    stack_switch(&cpu->sp, thread->sp);
    /* It has returned, or given the processor back. */
    cpu->thread = NULL;
    paging_use_space(NULL);
    spin_lock(&threads_lock);
    if (thread->suspended == 0) {
        *answer = thread->args;
        thread->state = THREAD_FREE;
    } else {
        answer->x[0] = thread->suspended;
        answer->x[1] = 0;
        answer->x[2] = 0;
        answer->x[3] = thread->index;
        thread->state = THREAD_SUSPENDED;
    }
    spin_unlock(&threads_lock);
}

static struct thread *take(enum thread_state state, uint64_t first, uint64_t last)
{
    struct thread *taken = NULL;
    uint64_t i;

    spin_lock(&threads_lock);
    for (i = first; taken == NULL && i <= last && i < THREADS; i++) {
        if (threads[i].state == (uint32_t)state) {
            taken = &threads[i];
            taken->state = THREAD_RUNNING;
        }
    }
    spin_unlock(&threads_lock);
    return taken;
}

/* The first thing a thread does, on its own stack. */
static void thread_begin(void)
{
    struct thread *thread = this_thread();

    thread_main(&thread->args);
    thread->suspended = 0;
    stack_switch(&thread->sp, this_cpu()->sp);
}

static void call(struct smc_args *args)
{
    struct thread *thread = take(THREAD_FREE, 0, THREADS - 1);
    uintptr_t *frame;

    if (thread == NULL) {
        args->x[0] = TEE_NO_THREAD;
        return;
    }
    thread->args = *args;
    thread->space = NULL;
    thread->session = NULL;
    frame = (uintptr_t *)(thread->stack - SWITCH_FRAME);
    frame[0] = 0;
    frame[1] = (uintptr_t)thread_begin;
    thread->sp = (uintptr_t)frame;
    run(thread, args);
}

static void resume(struct smc_args *args)
{
    struct thread *thread = take(THREAD_SUSPENDED, args->x[3], args->x[3]);

    if (thread == NULL) {
        args->x[0] = TEE_BAD_RESUME;
        return;
    }
    run(thread, args);
}

void kernel_call(struct smc_args *args)
{
    uint64_t function = args->x[0];

    switch (function) {
    case TEE_SMC_CALL:
        call(args);
        break;
    case TEE_SMC_RESUME:
        resume(args);
        break;
    case TEE_SMC_GET_SHARED:
        args->x[0] = TEE_OK;
        args->x[1] = SHARED_BASE;
        args->x[2] = SHARED_BYTES;
        args->x[3] = 1;
        break;
    case TEE_SMC_UID:
        args->x[0] = 0x384fb3e0;
        args->x[1] = 0xe7f811e3;
        args->x[2] = 0xaf630002;
        args->x[3] = 0xa5d5c51b;
        break;
    case TEE_SMC_REVISION:
        args->x[0] = 2;
        args->x[1] = 0;
        break;
    default:
        args->x[0] = TEE_UNKNOWN_FUNCTION;
        break;
    }
}

/* ---- On a thread's stack ---- */

void thread_suspend(uint64_t why)
{
    struct thread *thread = this_thread();

    if (this_cpu()->locks != 0) {
        panic(EXIT_KERNEL_PANIC, "a thread gives its processor back with a spinlock held");
    }
    thread->suspended = why;
    stack_switch(&thread->sp, this_cpu()->sp);
}

void threads_wake(const void *token)
{
    uint32_t i;

    for (i = 0; i < THREADS; i++) {
        if (threads[i].waits_for == token) {
            threads[i].waits_for = NULL;
        }
    }
}

void thread_use(struct vmsa_space *space)
{
    this_thread()->space = space;
    paging_use_space(space);
}
