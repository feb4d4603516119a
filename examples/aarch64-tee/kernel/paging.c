/* paging.c - the kernel's one pager, what Quire needs of its surroundings, and the way of a fault into it. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/paging.h"

#include "abi/smc.h"
#include "kernel/alias.h"
#include "kernel/fault_decode.h"
#include "kernel/measure.h"
#include "kernel/session.h"
#include "kernel/spinlock.h"
#include "kernel/thread.h"

struct quire_pager pager;
struct vmsa vmsa;
struct quire_vm kernel_vm;
struct vmsa_space kernel_space;
struct quire_mmu paging_hooks;
struct paging_figures paging_figures;

static struct spinlock pager_lock;

/* ---- Memory for areas ---- */

/* The kernel's own areas are made before there is a heap: the heap's code lies in them. They are never given back. */
static unsigned char early[4 * 256] __attribute__((aligned(64)));
static size_t early_taken;
static struct quire_mem later;

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
    void *memory = NULL;

    (void)ctx;
    if (later.alloc != NULL) {
        return later.alloc(later.ctx, size, align);
    }
    size = (size + 63u) & ~(size_t)63u;
    if (align <= 64u && size <= sizeof early - early_taken) {
        memory = early + early_taken;
        early_taken += size;
    }
    return memory;
}

static void mem_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    if ((uintptr_t)ptr - (uintptr_t)early >= sizeof early) {
        later.free(later.ctx, ptr, size);
    }
}

const struct quire_mem paging_mem = {NULL, mem_alloc, mem_free};

void paging_set_mem(const struct quire_mem *mem)
{
    later = *mem;
}

/* ---- The lock ---- */

static uintptr_t hook_lock(void *ctx)
{
    uint64_t began = ticks();
    uint64_t waited;

    (void)ctx;
    spin_lock(&pager_lock);
    this_cpu()->pager_locked = true;
    waited = ticks() - began;
    if (this_thread() != NULL && this_thread()->faulting && waited > paging_figures.lock_wait_max) {
        paging_figures.lock_wait_max = waited;
    }
    return 0; /* interrupts are masked wherever the kernel runs */
}

static void hook_unlock(void *ctx, uintptr_t key)
{
    (void)ctx;
    (void)key;
    this_cpu()->pager_locked = false;
    spin_unlock(&pager_lock);
}

/* Whoever waits gives the processor back: the normal world resumes him, and he looks whether he was woken. */
static void hook_wait(void *ctx, const void *token, uintptr_t key)
{
    struct thread *thread = this_thread();

    thread->waits_for = token;
    do {
        hook_unlock(ctx, key);
        thread_suspend(TEE_WAITING);
        (void)hook_lock(ctx);
    } while (thread->waits_for != NULL);
}

static void hook_wake(void *ctx, const void *token)
{
    (void)ctx;
    threads_wake(token);
}

/* ---- The table ---- */

void paging_set_hooks(void)
{
    vmsa_hooks(&vmsa, &paging_hooks);
    alias_hooks(&paging_hooks);
    paging_hooks.lock = hook_lock;
    paging_hooks.unlock = hook_unlock;
    paging_hooks.wait = hook_wait;
    paging_hooks.wake = hook_wake;
}

void paging_use_space(struct vmsa_space *space)
{
    vmsa_use(&vmsa, this_cpu()->number, space);
}

/* ---- Faults ---- */

static void count(uint64_t *counter, uint64_t n)
{
    __atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static void count_fault(const struct trap *trap, const struct quire_fault *fault, const struct quire_fault_result *result)
{
    struct session *session = this_thread()->session;

    count(&paging_figures.faults[result->kind], 1);
    count(&paging_figures.cycles[result->kind], cycles() - trap->began);
    if (fault->privileged) {
        count(&paging_figures.kernel, 1);
    } else {
        count(&session->figures.faults[result->kind], 1);
        if (session->account.charged > session->peak) {
            session->peak = session->account.charged;
        }
    }
}

enum paging_answer paging_fault(struct quire_vm *vm, const struct trap *trap, uint64_t syndrome, uint64_t address,
                                bool from_user, const char **why)
{
    struct quire_fault_result result;
    struct quire_fault fault;
    enum quire_status status;

    if (!fault_decode(syndrome, address, from_user, &fault)) {
        *why = fault_describe(syndrome);
        return PAGING_REFUSED;
    }
    fault.wait_ok = true;
    fault.thread = this_thread()->index;
    if (measuring) {
        measure_fault_begins(trap);
    }
    this_thread()->faulting = true;
    status = quire_pager_fault(&pager, vm, &fault, &result);
    this_thread()->faulting = false;
    if (measuring) {
        measure_fault_ends(&fault, &result);
    }
    count_fault(trap, &fault, &result);
    if (status == QUIRE_OK || status == QUIRE_AGAIN) {
        return PAGING_DONE;
    }
    if (status == QUIRE_INTEGRITY) {
        count(&paging_figures.integrity, 1);
    }
    *why = quire_status_name(status);
    return PAGING_REFUSED;
}
