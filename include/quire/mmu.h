/* quire/mmu.h - the table of hooks through which Quire reaches an MMU, and the flush batch. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_MMU_H
#define QUIRE_MMU_H

#include "base.h"

/*
 * Whoever vendors Quire writes one `struct quire_mmu`: what his page tables, TLBs and caches need. Quire decides which
 * entry is to exist when; the hooks make it so. The rule of every change of an entry:
 *
 *     unmap or reduce (the entry changes) -> flush (no processor remembers the old one) -> reuse the page, or map anew
 *
 * All hooks but `need_tables`, `lock` and `wait` are called with the lock held; those neither sleep nor fault. `va` is
 * always page-aligned. Hooks for one virtual-memory context find their own data through the context's `user` pointer.
 */
QUIRE_BEGIN

struct quire_vm; /* area.h */

/* ---- What an entry is, as `query`, `unmap` and `reduce` tell it ---- */

#define QUIRE_ENTRY_READ QUIRE_PROT_READ
#define QUIRE_ENTRY_WRITE QUIRE_PROT_WRITE
#define QUIRE_ENTRY_EXEC QUIRE_PROT_EXEC
#define QUIRE_ENTRY_USER QUIRE_PROT_USER
#define QUIRE_ENTRY_PRESENT 16u  /* there is (was) an entry; without it the other bits mean nothing */
#define QUIRE_ENTRY_ACCESSED 32u /* its accessed flag is set */
#define QUIRE_ENTRY_DIRTY 64u    /* the hardware recorded a write through it */
#define QUIRE_ENTRY_STUCK 128u   /* unmap only: the MMU refused; the entry is still valid */

/* ---- What the hardware can do (struct quire_mmu.features) ---- */

#define QUIRE_MMU_HW_ACCESSED 1u    /* sets an entry's accessed flag by itself, without a fault */
#define QUIRE_MMU_HW_DIRTY 2u       /* records a write through a writable entry, and `unmap`, `reduce` and `query` tell it */
#define QUIRE_MMU_FLUSH_UNLOCKED 4u /* `flush` must be called without the lock: a shoot-down could deadlock with a spinner */

/* ---- The flush batch ---- */

/* What entries changed since the last flush. Of fixed size, on the caller's stack: on overflow it names whole contexts
 * instead of entries, then everything. */
enum quire_batch_scope {
    QUIRE_BATCH_PAGES, /* exactly entry[0..n-1]: (vm, va) each one page */
    QUIRE_BATCH_VM,    /* every address of one context, `vm` */
    QUIRE_BATCH_ALL    /* everything */
};

struct quire_batch_entry {
    struct quire_vm *vm;
    uintptr_t va;
};

struct quire_batch {
    enum quire_batch_scope scope;
    uint32_t n;          /* entries; 0 in scope PAGES: nothing to flush */
    struct quire_vm *vm; /* in scope VM */
    struct quire_batch_entry entry[QUIRE_BATCH_ENTRIES];
};

/* Makes an empty batch. O(1): the entries are not touched. */
static inline QUIRE_RESIDENT void quire_batch_init(struct quire_batch *batch)
{
    batch->scope = QUIRE_BATCH_PAGES;
    batch->n = 0;
    batch->vm = NULL;
}

/* Is there nothing to flush? O(1). */
static inline QUIRE_RESIDENT bool quire_batch_empty(const struct quire_batch *batch)
{
    return batch->scope == QUIRE_BATCH_PAGES && batch->n == 0;
}

/* Adds some page of `vm` to a batch that has no entry left. O(QUIRE_BATCH_ENTRIES) once, then O(1). */
QUIRE_API QUIRE_RESIDENT void quire_batch_widen(struct quire_batch *batch, struct quire_vm *vm) QUIRE_SYM(quire_batch_widen);

/* Adds the page at `va` of `vm`; widens when the entries run out. O(1), O(QUIRE_BATCH_ENTRIES) once when it widens. */
QUIRE_INLINE QUIRE_RESIDENT void quire_batch_add(struct quire_batch *batch, struct quire_vm *vm, uintptr_t va)
{
    if (QUIRE_LIKELY(batch->scope == QUIRE_BATCH_PAGES && batch->n < QUIRE_BATCH_ENTRIES)) {
        batch->entry[batch->n].vm = vm;
        batch->entry[batch->n].va = va;
        batch->n++;
    } else {
        quire_batch_widen(batch, vm);
    }
}

/* Must the batch's flush reach the page at `va` of `vm`? For hooks and tests. O(n). */
QUIRE_API bool quire_batch_covers(const struct quire_batch *batch, const struct quire_vm *vm, uintptr_t va)
    QUIRE_SYM(quire_batch_covers);

/* ---- The hook table ---- */

/* Hooks marked (optional) may be null. */
struct quire_mmu {
    void *ctx;         /* handed to every hook */
    unsigned features; /* QUIRE_MMU_* */

    /* Installs npages entries from `va`, physically contiguous from `pa`, permitting `prot` (QUIRE_PROT_*), accessed
     * flag set. npages > 1 only for unpaged objects (the hook may use blocks). `attr` is the area's own word, opaque to
     * Quire (device, cacheability, security state). NO_TABLE if page-table memory is missing: then none is installed.
     * The only hook that may fail. Never called over a valid entry, with one exception: an entry that `query` reports
     * present without ACCESSED, same page and permissions, whose accessed flag is to be set again. */
    enum quire_status (*map)(void *ctx, struct quire_vm *vm, uintptr_t va, struct quire_pa pa, size_t npages, unsigned prot,
                             uint64_t attr);

    /* Removes the entries that one `map` of the same (va, npages) installed, or one page's. Returns 0 if there was none,
     * else QUIRE_ENTRY_* of what was removed; STUCK if the MMU refused (then the entry is as it was, and removing it
     * can be tried again). Quire adds the pages to `batch`; the hook may widen it. */
    unsigned (*unmap)(void *ctx, struct quire_vm *vm, uintptr_t va, size_t npages, struct quire_batch *batch);

    /* What the entry at `va` permits and has recorded: QUIRE_ENTRY_*, 0 if there is none. Changes nothing. */
    unsigned (*query)(void *ctx, struct quire_vm *vm, uintptr_t va);

    /* Takes permissions away: the entry at `va`, if there is one, keeps those in `prot`. Returns as `unmap` does
     * (what the entry was before), clearing the dirty flag it reports; may not be STUCK. */
    unsigned (*reduce)(void *ctx, struct quire_vm *vm, uintptr_t va, unsigned prot, struct quire_batch *batch);

    /* (optional) Clears the accessed flag of the entry at `va`, if there is one, and returns whether it was set. A hint:
     * no flush follows. Null: access is seen by removing the entry and waiting for the fault. */
    bool (*age)(void *ctx, struct quire_vm *vm, uintptr_t va);

    /* Returns when no processor can use a translation that `batch` names as it was before. At most once per operation;
     * before the lock is dropped, a page is read for saving, or a page is reused. With FLUSH_UNLOCKED it is called
     * without the lock, and may spin or sleep. */
    void (*flush)(void *ctx, const struct quire_batch *batch);

    /* Makes `len` bytes, written through the kernel address `alias`, safe to execute at `va` in any context. Called at least once
     * per content of a page, before it is mapped executable. */
    void (*sync_code)(void *ctx, void *alias, uintptr_t va, size_t len);

    /* A kernel address for the page at `pa`, until alias_put. May be a short window: an operation holds at most one per
     * page it works on. Never null. May be called for several pages at once, by several threads. */
    void *(*alias_get)(void *ctx, struct quire_pa pa);
    void (*alias_put)(void *ctx, struct quire_pa pa, void *alias);

    /* (optional) Called WITHOUT the lock after `map` said NO_TABLE: obtains page-table memory for `va` of `vm`; may sleep;
     * may call quire_vm_drop_range() and nothing else of Quire. OK: try again (at most 3 rounds). */
    enum quire_status (*need_tables)(void *ctx, struct quire_vm *vm, uintptr_t va);

    /* (optional) Every entry of [va, va + npages pages) in `vm` has been dropped and flushed, and nothing is mapped there
     * until this returns: the page tables of the range may be recycled. */
    void (*table_gone)(void *ctx, struct quire_vm *vm, uintptr_t va, size_t npages);

    /* (optional, both or neither) The pager's lock; `lock` returns a key that `unlock` gets back (an interrupt mask, say).
     * Null: the library is used by one thread at a time. */
    uintptr_t (*lock)(void *ctx);
    void (*unlock)(void *ctx, uintptr_t key);

    /* (optional, both or neither) `wait` releases the lock, sleeps until some `wake` of the same token, and takes the lock
     * again, like a condition variable; it may also return early. `wake` wakes all sleepers of `token`. A token is an
     * address that is compared, never followed. Null: what would wait returns QUIRE_AGAIN. */
    void (*wait)(void *ctx, const void *token, uintptr_t key);
    void (*wake)(void *ctx, const void *token);
};

/* Are all hooks that must be there present, the paired ones paired, and a lock there for what needs one (`wait`, FLUSH_UNLOCKED)?
 * O(1). */
QUIRE_API bool quire_mmu_valid(const struct quire_mmu *mmu) QUIRE_SYM(quire_mmu_valid);

QUIRE_END

#endif /* QUIRE_MMU_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_MMU_IMPLEMENTED)
#define QUIRE_MMU_IMPLEMENTED

QUIRE_BEGIN

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_batch_widen(struct quire_batch *batch, struct quire_vm *vm)
{
    uint32_t i;

    if (batch->scope == QUIRE_BATCH_PAGES) {
        batch->scope = QUIRE_BATCH_VM;
        batch->vm = vm;
        for (i = 0; i < batch->n; i++) {
            if (batch->entry[i].vm != vm) {
                batch->scope = QUIRE_BATCH_ALL;
            }
        }
    } else if (batch->vm != vm) {
        batch->scope = QUIRE_BATCH_ALL;
    }
}

QUIRE_API bool quire_batch_covers(const struct quire_batch *batch, const struct quire_vm *vm, uintptr_t va)
{
    uint32_t i;

    if (batch->scope != QUIRE_BATCH_PAGES) {
        return batch->scope == QUIRE_BATCH_ALL || batch->vm == vm;
    }
    for (i = 0; i < batch->n; i++) {
        if (batch->entry[i].vm == vm && batch->entry[i].va == va) {
            return true;
        }
    }
    return false;
}

QUIRE_API bool quire_mmu_valid(const struct quire_mmu *mmu)
{
    return mmu != NULL && mmu->map != NULL && mmu->unmap != NULL && mmu->query != NULL && mmu->reduce != NULL &&
           mmu->flush != NULL && mmu->sync_code != NULL && mmu->alias_get != NULL && mmu->alias_put != NULL &&
           (mmu->lock == NULL) == (mmu->unlock == NULL) && (mmu->wait == NULL) == (mmu->wake == NULL) &&
           (mmu->lock != NULL || (mmu->wait == NULL && (mmu->features & QUIRE_MMU_FLUSH_UNLOCKED) == 0)) &&
           (mmu->features & ~(QUIRE_MMU_HW_ACCESSED | QUIRE_MMU_HW_DIRTY | QUIRE_MMU_FLUSH_UNLOCKED)) == 0;
}

QUIRE_END

#endif
