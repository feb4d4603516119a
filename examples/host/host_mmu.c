/* host_mmu.c - an MMU made of this process. SPDX-License-Identifier: BSD-2-Clause */
#include "host_mmu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A planted fault leaves at most this many entries: the kernel bounds the mappings of a process. */
#define KEPT_MAX 4096u

__thread struct host_charge *host_charge;

static struct host_window *window_of(const struct quire_vm *vm)
{
    return vm->user;
}

static uint32_t *entry_at(const struct quire_vm *vm, uintptr_t va)
{
    const struct host_window *window = window_of(vm);

    return &window->entry[(va - window->base) >> QUIRE_PAGE_SHIFT];
}

static void violate(struct host_mmu *mmu, const char *what)
{
    if (mmu->violation == NULL) {
        mmu->violation = what;
    }
}

static int native_prot(unsigned prot)
{
    int native = PROT_NONE;

    native |= (prot & QUIRE_PROT_READ) != 0 ? PROT_READ : 0;
    native |= (prot & QUIRE_PROT_WRITE) != 0 ? PROT_WRITE : 0;
    native |= (prot & QUIRE_PROT_EXEC) != 0 ? PROT_EXEC : 0;
    return native;
}

/* Makes the page at `va` inaccessible; its addresses stay reserved. */
static bool make_hole(uintptr_t va, size_t npages)
{
    return mmap((void *)va, npages << QUIRE_PAGE_SHIFT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
                0) != MAP_FAILED;
}

/* Does the planted fault concern this page? Not where code is run: who runs another's bytes, or follows another's pointers,
 * crashes before it can tell what it saw. */
static bool is_constant(struct quire_vm *vm, uintptr_t va)
{
    const struct quire_area *area = quire_vm_area_at(vm, va);

    return area != NULL && (area->prot & QUIRE_PROT_WRITE) == 0 && area->user != HOST_EXECUTED;
}

/* ---- The order of things ---- */

static void add_pending(struct host_mmu *mmu, struct quire_vm *vm, uintptr_t va, uint32_t page)
{
    if (mmu->num_pending < HOST_PENDING) {
        struct host_pending *pending = &mmu->pending[mmu->num_pending++];

        pending->vm = vm;
        pending->va = va;
        pending->page = page;
    }
}

static void check_not_pending(struct host_mmu *mmu, uint32_t page)
{
    uint32_t i;

    for (i = 0; i < mmu->num_pending; i++) {
        if (mmu->pending[i].page == page) {
            violate(mmu, "a page was used again before its old entries were flushed");
        }
    }
}

/* ---- Entries ---- */

static enum quire_status hook_map(void *ctx, struct quire_vm *vm, uintptr_t va, struct quire_pa pa, size_t npages,
                                  unsigned prot, uint64_t attr)
{
    struct host_mmu *mmu = ctx;
    uint32_t page = (uint32_t)(pa.addr >> QUIRE_PAGE_SHIFT);
    uint32_t *entry = entry_at(vm, va);
    size_t i;

    (void)attr;
    for (i = 0; i < npages; i++) {
        if (entry[i] != 0) {
            violate(mmu, "an entry was made over one that was there");
        }
        check_not_pending(mmu, page + (uint32_t)i);
    }
    if (mmap((void *)va, npages << QUIRE_PAGE_SHIFT, native_prot(prot), MAP_SHARED | MAP_FIXED, mmu->memory, (off_t)pa.addr) ==
        MAP_FAILED) {
        return QUIRE_NO_TABLE;
    }
    for (i = 0; i < npages; i++) {
        entry[i] = (page + (uint32_t)i) << HOST_ENTRY_SHIFT | QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED | prot;
    }
    window_of(vm)->live += (uint32_t)npages;
    mmu->maps++;
    return QUIRE_OK;
}

static unsigned hook_unmap(void *ctx, struct quire_vm *vm, uintptr_t va, size_t npages, struct quire_batch *batch)
{
    struct host_mmu *mmu = ctx;
    uint32_t *entry = entry_at(vm, va);
    unsigned was = *entry & ((1u << HOST_ENTRY_SHIFT) - 1u);
    size_t i;

    (void)batch;
    if (was == 0) {
        return 0;
    }
    if (mmu->keep_entries && mmu->kept < KEPT_MAX && is_constant(vm, va)) {
        mmu->kept++;
    } else if (!make_hole(va, npages)) {
        return was | QUIRE_ENTRY_STUCK;
    }
    for (i = 0; i < npages; i++) {
        add_pending(mmu, vm, va + (i << QUIRE_PAGE_SHIFT), entry[i] >> HOST_ENTRY_SHIFT);
        entry[i] = 0;
    }
    window_of(vm)->live -= (uint32_t)npages;
    mmu->unmaps++;
    return was;
}

static unsigned hook_query(void *ctx, struct quire_vm *vm, uintptr_t va)
{
    (void)ctx;
    return *entry_at(vm, va) & ((1u << HOST_ENTRY_SHIFT) - 1u);
}

static unsigned hook_reduce(void *ctx, struct quire_vm *vm, uintptr_t va, unsigned prot, struct quire_batch *batch)
{
    struct host_mmu *mmu = ctx;
    uint32_t *entry = entry_at(vm, va);
    unsigned was = hook_query(ctx, vm, va);

    (void)batch;
    if (was == 0) {
        return 0;
    }
    /* This hook must not fail. It could only where it splits a mapping at the kernel's limit, which main.c stays below. */
    if (mprotect((void *)va, QUIRE_PAGE_SIZE, native_prot(was & prot)) != 0) {
        abort();
    }
    *entry &= ~(uint32_t)(QUIRE_PROT_ALL & ~prot);
    add_pending(mmu, vm, va, *entry >> HOST_ENTRY_SHIFT);
    return was;
}

static void hook_flush(void *ctx, const struct quire_batch *batch)
{
    struct host_mmu *mmu = ctx;
    uint32_t i;

    for (i = 0; i < mmu->num_pending; i++) {
        if (!quire_batch_covers(batch, mmu->pending[i].vm, mmu->pending[i].va)) {
            violate(mmu, "a flush forgot an entry");
        }
    }
    mmu->num_pending = 0;
    mmu->flushes++;
}

static void hook_sync_code(void *ctx, void *alias, uintptr_t va, size_t len)
{
    struct host_mmu *mmu = ctx;
    char *code = alias;

    (void)va;
    /* Cleans by physical page on every machine this runs on, so the alias will do. */
    __builtin___clear_cache(code, code + len);
    mmu->syncs++;
}

static void *hook_alias_get(void *ctx, struct quire_pa pa)
{
    struct host_mmu *mmu = ctx;

    return mmu->alias + pa.addr;
}

static void hook_alias_put(void *ctx, struct quire_pa pa, void *alias)
{
    (void)ctx;
    (void)pa;
    (void)alias;
}

/* ---- The lock ---- */

static void lock_taken(struct host_mmu *mmu)
{
    mmu->before.evictions = mmu->pager->stats.evictions;
    mmu->before.saves = mmu->pager->stats.saves;
}

/* The pager's counters change under the lock only, so what changed since is the holder's doing. */
static void lock_ends(struct host_mmu *mmu)
{
    if (mmu->num_pending > 0) {
        violate(mmu, "the lock was dropped before changed entries were flushed");
    }
    if (host_charge != NULL) {
        host_charge->evictions += mmu->pager->stats.evictions - mmu->before.evictions;
        host_charge->saves += mmu->pager->stats.saves - mmu->before.saves;
    }
}

static uintptr_t hook_lock(void *ctx)
{
    struct host_mmu *mmu = ctx;

    pthread_mutex_lock(&mmu->lock);
    lock_taken(mmu);
    return 0;
}

static void hook_unlock(void *ctx, uintptr_t key)
{
    struct host_mmu *mmu = ctx;

    (void)key;
    lock_ends(mmu);
    pthread_mutex_unlock(&mmu->lock);
}

/* Tokens that share a condition wake each other early, which `wait` may do. */
static pthread_cond_t *condition_of(struct host_mmu *mmu, const void *token)
{
    return &mmu->token[((uintptr_t)token >> 4) % HOST_TOKENS];
}

static void hook_wait(void *ctx, const void *token, uintptr_t key)
{
    struct host_mmu *mmu = ctx;

    (void)key;
    lock_ends(mmu);
    pthread_cond_wait(condition_of(mmu, token), &mmu->lock);
    lock_taken(mmu);
}

static void hook_wake(void *ctx, const void *token)
{
    struct host_mmu *mmu = ctx;

    pthread_cond_broadcast(condition_of(mmu, token));
}

/* ---- Set-up ---- */

static void set_hooks(struct host_mmu *mmu)
{
    mmu->hooks.ctx = mmu;
    mmu->hooks.features = 0; /* no accessed or dirty flags that a process could read */
    mmu->hooks.map = hook_map;
    mmu->hooks.unmap = hook_unmap;
    mmu->hooks.query = hook_query;
    mmu->hooks.reduce = hook_reduce;
    mmu->hooks.flush = hook_flush;
    mmu->hooks.sync_code = hook_sync_code;
    mmu->hooks.alias_get = hook_alias_get;
    mmu->hooks.alias_put = hook_alias_put;
    mmu->hooks.lock = hook_lock;
    mmu->hooks.unlock = hook_unlock;
    mmu->hooks.wait = hook_wait;
    mmu->hooks.wake = hook_wake;
}

const char *host_mmu_init(struct host_mmu *mmu, uint32_t npages)
{
    size_t size = (size_t)npages << QUIRE_PAGE_SHIFT;
    void *alias;
    unsigned i;

    memset(mmu, 0, sizeof *mmu);
    mmu->npages = npages;
    mmu->memory = memfd_create("quire-physical", MFD_CLOEXEC);
    if (mmu->memory < 0 || ftruncate(mmu->memory, (off_t)size) != 0) {
        return "no memfd for physical memory";
    }
    alias = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, mmu->memory, 0);
    if (alias == MAP_FAILED) {
        return "no mapping of physical memory";
    }
    mmu->alias = alias;
    pthread_mutex_init(&mmu->lock, NULL);
    for (i = 0; i < HOST_TOKENS; i++) {
        pthread_cond_init(&mmu->token[i], NULL);
    }
    set_hooks(mmu);
    return NULL;
}

void host_mmu_fini(struct host_mmu *mmu)
{
    unsigned i;

    for (i = 0; i < HOST_TOKENS; i++) {
        pthread_cond_destroy(&mmu->token[i]);
    }
    pthread_mutex_destroy(&mmu->lock);
    munmap(mmu->alias, (size_t)mmu->npages << QUIRE_PAGE_SHIFT);
    close(mmu->memory);
}

const char *host_window_init(struct host_window *window, size_t npages)
{
    void *base = mmap(NULL, npages << QUIRE_PAGE_SHIFT, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    memset(window, 0, sizeof *window);
    if (base == MAP_FAILED) {
        return "no addresses for a context";
    }
    window->base = (uintptr_t)base;
    window->npages = npages;
    window->entry = calloc(npages, sizeof *window->entry);
    return window->entry != NULL ? NULL : "no memory for a context";
}

void host_window_fini(struct host_window *window)
{
    free(window->entry);
    if (window->npages != 0) {
        munmap((void *)window->base, window->npages << QUIRE_PAGE_SHIFT);
    }
    memset(window, 0, sizeof *window);
}

uint32_t host_window_page(const struct host_window *window, size_t index)
{
    uint32_t entry = window->entry[index];

    return entry != 0 ? entry >> HOST_ENTRY_SHIFT : UINT32_MAX;
}

uint64_t host_max_mappings(void)
{
    unsigned long max = 65530;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");

    if (file != NULL) {
        if (fscanf(file, "%lu", &max) != 1) {
            max = 65530;
        }
        fclose(file);
    }
    return max;
}
