/* quire/vm_range.h - ranges of a context: their areas, their entries, and splitting areas where a range begins or ends. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_VM_RANGE_H
#define QUIRE_VM_RANGE_H

#include "area.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "pmem.h"
#include "rmap.h"

/*
 * Not for users: what the operations of vm.h have in common. Each works on a range of pages:
 *
 *     begin (lock, spare areas in hand) -> decide -> split at both ends -> cut entries -> flush -> change areas -> end
 *
 *           va                      last
 *     [ area |  area    ]    [ area | area ]
 *            ^ split                ^ split
 *
 * Everything but begin and end is called with the lock held.
 */
QUIRE_BEGIN

struct quire_vm_range {
    struct quire_op op;
    struct quire_vm *vm;
    uintptr_t va;
    uintptr_t last;
    struct quire_area *spare[2]; /* for splitting at either end */
};

/* Takes the lock, with as many spare areas in hand as splitting [va, va + npages pages) will take. On error the lock is not held:
 * INVALID (the range wraps, is unaligned or leaves the vm), NO_MEMORY, AGAIN. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_range_begin(struct quire_vm_range *range, struct quire_vm *vm,
                                                                  uintptr_t va, size_t npages) QUIRE_SYM(quire_vm_range_begin);

/* The same for an operation that splits nothing: it has no spare areas, and NO_MEMORY is not among the errors. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_range_open(struct quire_vm_range *range, struct quire_vm *vm,
                                                                 uintptr_t va, size_t npages) QUIRE_SYM(quire_vm_range_open);

/* Drops the lock, then frees the spare areas that were not used. */
QUIRE_API QUIRE_RESIDENT void quire_vm_range_end(struct quire_vm_range *range) QUIRE_SYM(quire_vm_range_end);

/* The first area that overlaps the range, and the next one; null at the end. */
QUIRE_API QUIRE_RESIDENT struct quire_area *quire_vm_range_first(const struct quire_vm_range *range)
    QUIRE_SYM(quire_vm_range_first);
QUIRE_API QUIRE_RESIDENT struct quire_area *quire_vm_range_next(const struct quire_vm_range *range,
                                                                const struct quire_area *area) QUIRE_SYM(quire_vm_range_next);

/* Is every page of the range mapped? */
QUIRE_API bool quire_vm_range_is_whole(const struct quire_vm_range *range) QUIRE_SYM(quire_vm_range_is_whole);

/* Splits areas so that the range begins and ends with whole ones. LIMIT: no reference to be had; STUCK: entries of an unpaged
 * object, which must go before its area is split. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_range_split(struct quire_vm_range *range) QUIRE_SYM(quire_vm_range_split);

/* Flushes what was changed in the range. While the lock is dropped for it, nothing is mapped or changed in the vm, and no page
 * shown in the range moves. */
QUIRE_API QUIRE_RESIDENT void quire_vm_range_flush(struct quire_vm_range *range) QUIRE_SYM(quire_vm_range_flush);

/* Unlinks the areas of the range that are not stuck; returns them as a chain (quire_area_chain). */
QUIRE_API struct quire_area *quire_vm_range_unlink(struct quire_vm_range *range) QUIRE_SYM(quire_vm_range_unlink);

/* Removes (keep 0) or reduces to `keep` the entries of pages first..first+n-1 of `area`, which it shows. True if one is stuck.
 * O(min(n, resident pages of the object)). */
QUIRE_API QUIRE_RESIDENT bool quire_area_cut(struct quire_op *op, struct quire_area *area, uint32_t first, uint32_t n,
                                             unsigned keep) QUIRE_SYM(quire_area_cut);

/* Removes every entry of an area that shows an unpaged object, from the last; true if one is stuck: it and those before it stay.
 * O(pages + runs^2). */
QUIRE_API QUIRE_RESIDENT bool quire_area_cut_unpaged(struct quire_op *op, struct quire_area *area)
    QUIRE_SYM(quire_area_cut_unpaged);

/* Pages that name `from` as their only mapper and are shown by `to` name `to` from now on. O(min(pages of `to`, resident)). */
QUIRE_API void quire_area_take_pages(const struct quire_pager *pager, struct quire_area *from, struct quire_area *to)
    QUIRE_SYM(quire_area_take_pages);

/* Memory for an area, null if there is none, and its return (null is fine). Without the lock. */
QUIRE_API struct quire_area *quire_area_new(const struct quire_pager *pager) QUIRE_SYM(quire_area_new);
QUIRE_API QUIRE_RESIDENT void quire_area_free(const struct quire_pager *pager, struct quire_area *area)
    QUIRE_SYM(quire_area_free);

/* Puts the object and frees the memory of every area of a chain. Without the lock. */
QUIRE_API void quire_area_free_chain(const struct quire_pager *pager, struct quire_area *gone) QUIRE_SYM(quire_area_free_chain);

/* Unlinked areas are chained through a link they no longer need. */
static inline void quire_area_chain(struct quire_area **chain, struct quire_area *area)
{
    area->vm_node.parent = *chain != NULL ? &(*chain)->vm_node : NULL;
    *chain = area;
}

static inline struct quire_area *quire_area_chain_next(const struct quire_area *area)
{
    return area->vm_node.parent != NULL ? QUIRE_CONTAINER_OF(area->vm_node.parent, struct quire_area, vm_node) : NULL;
}

QUIRE_END

#endif /* QUIRE_VM_RANGE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_VM_RANGE_IMPLEMENTED)
#define QUIRE_VM_RANGE_IMPLEMENTED

QUIRE_BEGIN

/* ---- Entries of a stretch of an area ---- */

/* Removes (keep 0) or reduces to `keep` the entry of page `number` in `area`. True if it is stuck. */
static QUIRE_RESIDENT bool quire_vm_cut_page_(struct quire_op *op, struct quire_area *area, uint32_t number, unsigned keep)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    uintptr_t va = quire_area_va(area, pmem->pgidx);
    unsigned was;

    if (!quire_rmap_may_map(pmem, area)) {
        return false;
    }
    if (keep != 0) {
        was = pager->mmu->reduce(pager->mmu->ctx, area->vm, va, keep, &op->batch);
        if ((was & QUIRE_ENTRY_PRESENT) != 0) {
            quire_batch_add(&op->batch, area->vm, va);
            if ((was & QUIRE_ENTRY_DIRTY) != 0) {
                pmem->flags |= QUIRE_PMEM_DIRTY;
            }
            if ((was & QUIRE_ENTRY_WRITE) != 0) {
                pmem->flags &= (uint8_t)~QUIRE_PMEM_SYNCED;
            }
        }
        return false;
    }
    was = quire_rmap_remove_one(pager->mmu, &op->batch, pmem, area);
    if ((was & QUIRE_ENTRY_STUCK) != 0) {
        quire_pager_quarantine(op, number);
        return true;
    }
    if (pmem->state == QUIRE_PAGE_QUARANTINED && pmem->mapped == 0) {
        quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_RESIDENT);
        quire_pager_policy_insert(pager, pmem, number, QUIRE_DISTANCE_UNKNOWN);
    }
    return false;
}

/* The first page, counted from the area's, of its last run of entries, and how many it has: as quire_pager_fault() made it. */
static QUIRE_RESIDENT uint32_t quire_area_last_run_(const struct quire_area *area, uint32_t *npages)
{
    uint32_t at = 0;

    for (;;) {
        struct quire_pa pa;
        uint32_t n = 0;

        area->fobj->ops->phys(area->fobj, area->first + at, &pa, &n);
        if (n == 0 || n >= area->installed - at) {
            *npages = area->installed - at;
            return at;
        }
        at += n;
    }
}

QUIRE_API QUIRE_RESIDENT bool quire_area_cut_unpaged(struct quire_op *op, struct quire_area *area)
{
    const struct quire_mmu *mmu = op->pager->mmu;

    /* From the end, so that whatever stays when one is stuck is what `installed` can say: the first so many. */
    while (area->installed > 0) {
        uint32_t n;
        uint32_t at = quire_area_last_run_(area, &n);
        uintptr_t va = quire_area_va(area, area->first + at);
        unsigned was = mmu->unmap(mmu->ctx, area->vm, va, n, &op->batch);
        uint32_t i;

        if ((was & QUIRE_ENTRY_STUCK) != 0) {
            return true;
        }
        for (i = 0; (was & QUIRE_ENTRY_PRESENT) != 0 && i < n && i <= QUIRE_BATCH_ENTRIES; i++) {
            quire_batch_add(&op->batch, area->vm, va + ((uintptr_t)i << QUIRE_PAGE_SHIFT));
        }
        area->installed = at;
    }
    return false;
}

/* quire_area_cut() for the pages of `fobj`: the area's object, or an origin of that. */
static QUIRE_RESIDENT bool quire_area_cut_pages_(struct quire_op *op, struct quire_area *area, const struct quire_fobj *fobj,
                                                 uint32_t first, uint32_t n, unsigned keep)
{
    const struct quire_pmem_pool *pool = &op->pager->pool;
    bool copy = area->fobj->origin != NULL; /* else all pages of it are its own */
    bool stuck = false;
    uint32_t i;

    if (fobj->resident < n) {
        for (i = fobj->chain; i != QUIRE_PAGE_NONE; i = quire_pmem_at(pool, i)->chain_next) {
            uint32_t pgidx = quire_pmem_at(pool, i)->pgidx;

            if (pgidx - first < n && (!copy || quire_fobj_showing(area->fobj, pgidx) == fobj)) {
                stuck = quire_vm_cut_page_(op, area, i, keep) || stuck;
            }
        }
        return stuck;
    }
    for (i = 0; i < n; i++) {
        uint32_t slot = fobj->slots[first + i];

        if (quire_slot_kind(slot) == QUIRE_SLOT_PRESENT && (!copy || quire_fobj_showing(area->fobj, first + i) == fobj)) {
            stuck = quire_vm_cut_page_(op, area, quire_slot_value(slot), keep) || stuck;
        }
    }
    return stuck;
}

QUIRE_API QUIRE_RESIDENT bool quire_area_cut(struct quire_op *op, struct quire_area *area, uint32_t first, uint32_t n,
                                             unsigned keep)
{
    struct quire_fobj *fobj = area->fobj;
    bool stuck = false;

    if (quire_fobj_is_unpaged(fobj)) {
        return quire_area_cut_unpaged(op, area);
    }
    for (; fobj != NULL; fobj = fobj->origin) {
        stuck = quire_area_cut_pages_(op, area, fobj, first, n, keep) || stuck;
    }
    return stuck;
}

/* ---- Ranges ---- */

QUIRE_API QUIRE_RESIDENT struct quire_area *quire_vm_range_first(const struct quire_vm_range *range)
{
    struct quire_area *area = quire_vm_area_from(range->vm, range->va);

    return area != NULL && area->va <= range->last ? area : NULL;
}

QUIRE_API QUIRE_RESIDENT struct quire_area *quire_vm_range_next(const struct quire_vm_range *range,
                                                                const struct quire_area *area)
{
    struct quire_area *next = quire_vm_area_next(area);

    return next != NULL && next->va <= range->last ? next : NULL;
}

QUIRE_API bool quire_vm_range_is_whole(const struct quire_vm_range *range)
{
    const struct quire_area *area = quire_vm_range_first(range);
    uintptr_t at = range->va;

    while (area != NULL && area->va <= at) {
        if (quire_area_last(area) >= range->last) {
            return true;
        }
        at = quire_area_last(area) + 1u;
        area = quire_vm_range_next(range, area);
    }
    return false;
}

/* How many areas must be split so that the range begins and ends with one. */
static unsigned quire_vm_range_splits_(const struct quire_vm_range *range)
{
    const struct quire_area *head = quire_vm_area_at(range->vm, range->va);
    const struct quire_area *tail = quire_vm_area_at(range->vm, range->last);

    return (head != NULL && head->va < range->va ? 1u : 0u) + (tail != NULL && quire_area_last(tail) > range->last ? 1u : 0u);
}

QUIRE_API struct quire_area *quire_area_new(const struct quire_pager *pager)
{
    return (struct quire_area *)pager->mem.alloc(pager->mem.ctx, sizeof(struct quire_area), sizeof(uint64_t));
}

QUIRE_API QUIRE_RESIDENT void quire_area_free(const struct quire_pager *pager, struct quire_area *area)
{
    if (area != NULL) {
        pager->mem.free(pager->mem.ctx, area, sizeof *area);
    }
}

QUIRE_API enum quire_status quire_vm_range_begin(struct quire_vm_range *range, struct quire_vm *vm, uintptr_t va, size_t npages)
{
    unsigned have = 0;

    range->vm = vm;
    range->va = va;
    range->spare[0] = NULL;
    range->spare[1] = NULL;
    if (!quire_va_range(va, npages, &range->last) || va < vm->first || range->last > vm->last) {
        return QUIRE_INVALID;
    }
    for (;;) {
        enum quire_status status = QUIRE_OK;

        quire_op_begin(&range->op, vm->pager);
        vm->in_flight++;
        while (vm->flushing != 0 && status == QUIRE_OK) {
            status = quire_op_wait(&range->op, vm, true);
        }
        vm->in_flight--;
        if (status == QUIRE_OK && quire_vm_range_splits_(range) <= have) {
            return QUIRE_OK;
        }
        quire_op_end(&range->op);
        if (status == QUIRE_OK) {
            range->spare[have] = quire_area_new(vm->pager);
            status = range->spare[have] != NULL ? QUIRE_OK : QUIRE_NO_MEMORY;
            have++;
        }
        if (status != QUIRE_OK) {
            quire_area_free(vm->pager, range->spare[0]);
            quire_area_free(vm->pager, range->spare[1]);
            return status;
        }
    }
}

QUIRE_API enum quire_status quire_vm_range_open(struct quire_vm_range *range, struct quire_vm *vm, uintptr_t va, size_t npages)
{
    enum quire_status status = QUIRE_OK;

    range->vm = vm;
    range->va = va;
    range->spare[0] = NULL;
    range->spare[1] = NULL;
    if (!quire_va_range(va, npages, &range->last) || va < vm->first || range->last > vm->last) {
        return QUIRE_INVALID;
    }
    quire_op_begin(&range->op, vm->pager);
    vm->in_flight++;
    while (vm->flushing != 0 && status == QUIRE_OK) {
        status = quire_op_wait(&range->op, vm, true);
    }
    vm->in_flight--;
    if (status != QUIRE_OK) {
        quire_op_end(&range->op);
    }
    return status;
}

QUIRE_API QUIRE_RESIDENT void quire_vm_range_end(struct quire_vm_range *range)
{
    quire_op_end(&range->op);
    quire_area_free(range->vm->pager, range->spare[0]);
    quire_area_free(range->vm->pager, range->spare[1]);
}

QUIRE_API QUIRE_RESIDENT void quire_vm_range_flush(struct quire_vm_range *range)
{
    const struct quire_pager *pager = range->op.pager;
    const struct quire_mmu *mmu = pager->mmu;
    struct quire_area *area;
    struct quire_fobj *fobj;

    /* With unlocked flushes another operation may have removed entries of the range and be on its way to flush them; who asked
     * for this range must not find them still remembered. They are not known here, but the context is. */
    if ((mmu->features & QUIRE_MMU_FLUSH_UNLOCKED) != 0 && range->op.batch.scope == QUIRE_BATCH_PAGES &&
        (pager->pool.count[QUIRE_PAGE_FLUSHING] != 0 || pager->flushing != 0)) {
        range->op.batch.scope = QUIRE_BATCH_VM;
        range->op.batch.vm = range->vm;
    }
    if ((mmu->features & QUIRE_MMU_FLUSH_UNLOCKED) == 0 || quire_batch_empty(&range->op.batch)) {
        quire_op_flush(&range->op);
        return;
    }
    range->vm->flushing++;
    range->vm->in_flight++;
    for (area = quire_vm_range_first(range); area != NULL; area = quire_vm_range_next(range, area)) {
        for (fobj = area->fobj; fobj != NULL; fobj = fobj->origin) {
            quire_op_freeze(&range->op, fobj); /* a copy shows pages of its origins */
        }
    }
    quire_op_flush(&range->op);
    for (area = quire_vm_range_first(range); area != NULL; area = quire_vm_range_next(range, area)) {
        for (fobj = area->fobj; fobj != NULL; fobj = fobj->origin) {
            quire_op_thaw(&range->op, fobj); /* a copy shows pages of its origins */
        }
    }
    range->vm->in_flight--;
    range->vm->flushing--;
    if (mmu->wake != NULL) {
        mmu->wake(mmu->ctx, range->vm);
    }
}

/* quire_area_take_pages() for the pages of `fobj`. */
static void quire_area_take_pages_of_(const struct quire_pager *pager, const struct quire_fobj *fobj, struct quire_area *from,
                                      struct quire_area *to)
{
    struct quire_pmem *pmem;
    uint32_t i;

    if (fobj->resident < to->npages) {
        for (i = fobj->chain; i != QUIRE_PAGE_NONE; i = pmem->chain_next) {
            pmem = quire_pmem_at(&pager->pool, i);
            if (pmem->sole == from && quire_area_shows(to, pmem->pgidx)) {
                pmem->sole = to;
            }
        }
        return;
    }
    for (i = 0; fobj->resident != 0 && i < to->npages; i++) {
        uint32_t slot = fobj->slots[to->first + i];

        if (quire_slot_kind(slot) == QUIRE_SLOT_PRESENT) {
            pmem = quire_pmem_at(&pager->pool, quire_slot_value(slot));
            if (pmem->sole == from) {
                pmem->sole = to;
            }
        }
    }
}

QUIRE_API void quire_area_take_pages(const struct quire_pager *pager, struct quire_area *from, struct quire_area *to)
{
    const struct quire_fobj *fobj;

    for (fobj = to->fobj; fobj != NULL; fobj = fobj->origin) {
        quire_area_take_pages_of_(pager, fobj, from, to);
    }
}

/* Splits `area` so that a new area, in the memory `upper`, begins at `va` inside it. The reference is taken already. */
static void quire_vm_split_(const struct quire_pager *pager, struct quire_area *area, uintptr_t va, struct quire_area *upper)
{
    uint32_t below = (uint32_t)((va - area->va) >> QUIRE_PAGE_SHIFT);

    *upper = *area;
    upper->va = va;
    upper->first = area->first + below;
    upper->npages = area->npages - below;
    quire_area_resize(area, below);
    quire_area_link(upper);
    quire_area_take_pages(pager, area, upper);
}

QUIRE_API enum quire_status quire_vm_range_split(struct quire_vm_range *range)
{
    uintptr_t at[2];
    unsigned end;

    at[0] = range->va;
    at[1] = range->last + 1u; /* 0 at the top of the address space: no area holds that and one that needs splitting */
    for (end = 0; end < 2u; end++) {
        struct quire_area *area = quire_vm_area_at(range->vm, at[end]);
        struct quire_area *upper = range->spare[0] != NULL ? range->spare[0] : range->spare[1];
        enum quire_status status;

        if (area == NULL || area->va == at[end]) {
            continue;
        }
        if (quire_fobj_is_unpaged(area->fobj) && quire_area_cut_unpaged(&range->op, area)) {
            return QUIRE_STUCK;
        }
        status = quire_fobj_get(area->fobj);
        if (status != QUIRE_OK) {
            return status;
        }
        quire_vm_split_(range->op.pager, area, at[end], upper);
        range->spare[upper == range->spare[0] ? 0 : 1] = NULL;
    }
    return QUIRE_OK;
}

/* ---- Areas that go ---- */

QUIRE_API struct quire_area *quire_vm_range_unlink(struct quire_vm_range *range)
{
    struct quire_area *gone = NULL;
    struct quire_area *area = quire_vm_range_first(range);

    while (area != NULL) {
        struct quire_area *next = quire_vm_range_next(range, area);

        if ((area->flags & QUIRE_AREA_STUCK) == 0) {
            quire_area_unlink(area);
            quire_area_chain(&gone, area);
        }
        area = next;
    }
    return gone;
}

QUIRE_API void quire_area_free_chain(const struct quire_pager *pager, struct quire_area *gone)
{
    while (gone != NULL) {
        struct quire_area *next = quire_area_chain_next(gone);

        (void)quire_fobj_put(gone->fobj);
        quire_area_free(pager, gone);
        gone = next;
    }
}

QUIRE_END

#endif
