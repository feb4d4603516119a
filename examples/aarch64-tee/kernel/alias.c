/* alias.c - the kernel's own addresses of the pool's pages: writable, until a page becomes code. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/alias.h"

#include "abi/world.h"
#include "kernel/layout.h"
#include "kernel/log.h"
#include "kernel/paging.h"

/* What vmsa.h's hooks know an entry by; nothing else of it is used. */
static struct quire_vm aliases = {.user = &kernel_space};
static void (*sync)(void *ctx, void *alias, uintptr_t va, size_t len);

/* Breaks the entry, and makes it anew. */
static void make_writable(uintptr_t va, struct quire_pa pa)
{
    struct quire_batch batch;

    quire_batch_init(&batch);
    (void)paging_hooks.unmap(paging_hooks.ctx, &aliases, va, 1, &batch);
    quire_batch_add(&batch, &aliases, va);
    paging_hooks.flush(paging_hooks.ctx, &batch);
    if (paging_hooks.map(paging_hooks.ctx, &aliases, va, pa, 1, QUIRE_PROT_READ | QUIRE_PROT_WRITE, VMSA_ATTR_NORMAL) !=
        QUIRE_OK) {
        panic(EXIT_KERNEL_PANIC, "an alias lost its table");
    }
}

/* Does the page hold what somebody may show? Then nobody writes it who is not shown it writable. */
static bool is_in_use(struct quire_pa pa)
{
    const struct quire_pmem *pmem;
    uint32_t number;

    if (!quire_pmem_find(&pager.pool, pa, 1, &number)) {
        return true; /* no page of the pool: memory of the normal world, which an application was shown */
    }
    pmem = quire_pmem_at(&pager.pool, number);
    return (pmem->state == QUIRE_PAGE_RESIDENT || pmem->state == QUIRE_PAGE_SAVING || pmem->state == QUIRE_PAGE_FLUSHING) &&
           !pmem->fobj->dead;
}

static void *hook_alias_get(void *ctx, struct quire_pa pa)
{
    uintptr_t va = KERNEL_VA + (uintptr_t)pa.addr;

    if (!is_in_use(pa) && (paging_hooks.query(ctx, &aliases, va) & QUIRE_ENTRY_WRITE) == 0) {
        make_writable(va, pa);
    }
    return (void *)va;
}

static void hook_alias_put(void *ctx, struct quire_pa pa, void *alias)
{
    (void)ctx;
    (void)pa;
    (void)alias;
}

static void hook_sync_code(void *ctx, void *alias, uintptr_t va, size_t len)
{
    struct quire_batch batch;

    sync(ctx, alias, va, len);
    quire_batch_init(&batch);
    (void)paging_hooks.reduce(ctx, &aliases, (uintptr_t)alias, QUIRE_PROT_READ, &batch);
    quire_batch_add(&batch, &aliases, (uintptr_t)alias);
    paging_hooks.flush(ctx, &batch);
}

void alias_hooks(struct quire_mmu *mmu)
{
    sync = mmu->sync_code;
    mmu->sync_code = hook_sync_code;
    mmu->alias_get = hook_alias_get;
    mmu->alias_put = hook_alias_put;
}

void alias_take(struct quire_pa pa, size_t npages)
{
    uintptr_t key = paging_hooks.lock(paging_hooks.ctx);

    for (; npages > 0; npages--) {
        make_writable(KERNEL_VA + (uintptr_t)pa.addr, pa);
        pa.addr += QUIRE_PAGE_SIZE;
    }
    paging_hooks.unlock(paging_hooks.ctx, key);
}
