/* quire/advise.h - what a program knows of its pages' future: bring them now, soon, not again, or let them go. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_ADVISE_H
#define QUIRE_ADVISE_H

#include "area.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "page_in.h"
#include "pager.h"
#include "pmem.h"
#include "rmap.h"
#include "vm.h"
#include "vm_range.h"

/*
 * The order and the advice of POSIX and Linux (MAP_POPULATE; madvise), for ranges of a context:
 *
 *     populate    every page is brought in and mapped now, as if it had been touched     (MAP_POPULATE)
 *     WILL_NEED   absent pages are brought in, not mapped: their first touch is a minor fault   (MADV_WILLNEED)
 *     DONT_NEED   pages that only this context shows leave memory now; what they hold is kept   (MADV_PAGEOUT)
 *     FREE        what they hold is no longer wanted: no save for it, ever                      (MADV_FREE)
 *
 * Advice never waits for others, and never takes a page from who needs it to get on: a page in transit, held or pinned stays as
 * it is.
 */
QUIRE_BEGIN

/* Faults the pages [va, va + npages pages) in, one after the other, as an access for reading or (`write`) writing would, `how`
 * being whose: entries are made, permissions checked, `write` makes pages dirty, and each counts as a fault. Stops at the first
 * page that cannot be had, with the status of quire_pager_fault() (NOT_FOUND: a hole); *done (may be null) is how many were
 * served. Only the last pages_per_step of them are then kept for the thread. LIMIT: the next page is absent and there is no
 * room for it beside those served and what other threads need to get on, or the first page served has been evicted again:
 * populating further would push out what was just brought in. INVALID: the range is empty, unaligned or wraps, or `how` is
 * wrong. Sleeps as a fault does. O(npages) faults. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_populate(struct quire_vm *vm, uintptr_t va, size_t npages, bool write,
                                                               const struct quire_vm_copy *how, size_t *done)
    QUIRE_SYM(quire_vm_populate);

enum quire_advice {
    /* Loads absent pages as long as a page for each is free, or was clean and the policy's choice; nothing is saved for it (but what
     * the loading store needed, where that must be given back), and no more come than can be in memory together. What cannot be
     * loaded is left for the fault to report: best effort. */
    QUIRE_ADVICE_WILL_NEED,

    /* Removes the context's entries and evicts, now, the pages that no other area shows: dirty ones are saved, and stay if
     * that fails. Content is kept. Also pages among the last of some thread: the caller says that they are not needed. */
    QUIRE_ADVICE_DONT_NEED,

    /* What the pages hold may go. From now on until it is written again each shows what it held or what it was born with, and may
     * change from the one to the other once; never anything older or anybody else's. A page that is written again is as any other.
     * Checked before anything changes: DENIED: an area does not permit writing, shows a copy on write, or the store cannot forget (see
     * QUIRE_FOBJ_OPS_FORGETS); BUSY: another context shows some page of the range, or one is pinned; INVALID: an unpaged object. */
    QUIRE_ADVICE_FREE
};

/* Gives advice on the pages [va, va + npages pages) of the context; areas need not begin or end there. Unpaged objects are
 * passed over (but for FREE). NOT_FOUND: something in the range is not mapped; the rest was advised all the same. INVALID: no
 * such advice, or the range is empty, unaligned, wraps or leaves the context; AGAIN: an unlocked flush of the context is in
 * progress and there is no `wait` hook; STUCK: an entry could not be removed, its page is quarantined and keeps its content.
 * Sleeps in load and save, without the lock. O(pages of the range + areas), one flush, for FREE also the areas that show
 * them. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_advise(struct quire_vm *vm, uintptr_t va, size_t npages,
                                                             enum quire_advice advice) QUIRE_SYM(quire_vm_advise);

QUIRE_END

#endif /* QUIRE_ADVISE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_ADVISE_IMPLEMENTED)
#define QUIRE_ADVISE_IMPLEMENTED

QUIRE_BEGIN

/* Pages that one thread can have in memory together while all others have those they need. */
static uint64_t quire_advise_room_(const struct quire_pager *pager)
{
    const struct quire_pmem_pool *pool = &pager->pool;
    uint64_t taken = (uint64_t)pager->accounts.promised + pool->count[QUIRE_PAGE_QUARANTINED] +
                     pool->count[QUIRE_PAGE_OFFLINE] + pager->min_pages - pager->pages_per_step;

    return pool->total > taken ? pool->total - taken : 0;
}

/* ---- Populate ---- */

/* Is there room for page `va`, `served` pages having been served from `first` on? */
static enum quire_status quire_populate_may_go_on_(struct quire_vm *vm, uintptr_t first, size_t served, uintptr_t va)
{
    struct quire_vm_info info;
    struct quire_op op;
    uint64_t room;

    if (served == 0) {
        return QUIRE_OK;
    }
    if (quire_vm_query(vm, first, &info) == QUIRE_OK && !info.resident) {
        return QUIRE_LIMIT;
    }
    quire_op_begin(&op, vm->pager);
    room = quire_advise_room_(vm->pager);
    quire_op_end(&op);
    if (served < room) {
        return QUIRE_OK;
    }
    return quire_vm_query(vm, va, &info) == QUIRE_OK && !info.resident ? QUIRE_LIMIT : QUIRE_OK;
}

QUIRE_API enum quire_status quire_vm_populate(struct quire_vm *vm, uintptr_t va, size_t npages, bool write,
                                              const struct quire_vm_copy *how, size_t *done)
{
    enum quire_status status = QUIRE_OK;
    struct quire_fault in;
    uintptr_t last;
    size_t n = 0;

    QUIRE_MEMSET(&in, 0, sizeof in);
    in.access = write ? QUIRE_PROT_WRITE : QUIRE_PROT_READ;
    in.privileged = how->privileged;
    in.wait_ok = how->wait_ok;
    in.thread = how->thread;
    if (!quire_va_range(va, npages, &last)) {
        status = QUIRE_INVALID;
    }
    while (status == QUIRE_OK && n < npages) {
        in.va = va + ((uintptr_t)n << QUIRE_PAGE_SHIFT);
        status = quire_populate_may_go_on_(vm, va, n, in.va);
        if (status == QUIRE_OK) {
            status = quire_pager_fault(vm->pager, vm, &in, NULL);
            n += status == QUIRE_OK ? 1u : 0u;
        }
    }
    if (done != NULL) {
        *done = n;
    }
    return status;
}

/* ---- Walking a range whose areas may change under way ---- */

/* The area that shows *at; passes over holes, which it notes, and unpaged objects. Null when the range is done. */
static struct quire_area *quire_advise_next_(const struct quire_vm *vm, uintptr_t *at, uintptr_t last, bool *hole)
{
    for (;;) {
        struct quire_area *area = quire_vm_area_from(vm, *at);

        *hole = *hole || area == NULL || area->va > *at;
        if (area == NULL || area->va > last) {
            return NULL;
        }
        *at = area->va > *at ? area->va : *at;
        if (!quire_fobj_is_unpaged(area->fobj)) {
            return area;
        }
        if (quire_area_last(area) >= last) {
            return NULL;
        }
        *at = quire_area_last(area) + 1u;
    }
}

/* Moves on by a page; false when the range is done. */
static bool quire_advise_step_(uintptr_t *at, uintptr_t last)
{
    if (last - *at < QUIRE_PAGE_SIZE) {
        return false;
    }
    *at += QUIRE_PAGE_SIZE;
    return true;
}

/* ---- Will need ---- */

/* Brings one absent page in, if that costs nobody a save. False if there is no room for it, nor for others. */
static bool quire_advise_bring_(struct quire_op *op, struct quire_area *area, uintptr_t at, uint64_t *left, uint64_t *brought)
{
    uint32_t pgidx = quire_area_page(area, at);
    struct quire_fobj *fobj = quire_fobj_showing(area->fobj, pgidx);
    unsigned kind = quire_slot_kind(fobj->slots[pgidx]);
    struct quire_how how;
    enum quire_status status;
    enum quire_status store;
    uint32_t number;
    bool loaded = false;
    bool dropped = false;
    uint64_t loads;

    if (kind == QUIRE_SLOT_PRESENT || kind == QUIRE_SLOT_CLAIMED || fobj->flushing != 0) {
        return true;
    }
    if (*left == 0) {
        return false;
    }
    if (*brought >= fobj->account->quota) {
        return true; /* more would push out what was just brought in; others may have room */
    }
    loads = op->pager->stats.loads;
    how.wait_ok = false;
    how.steps = NULL;
    how.headroom = NULL; /* nobody missed it */
    fobj->busy++;        /* looking for room may drop the lock */
    if (!quire_pager_find_clean_room(op, fobj->account)) {
        status = QUIRE_NO_PAGE;
    } else if (fobj->dead) {
        status = QUIRE_DEAD;
    } else {
        status = quire_pager_bring(op, fobj, pgidx, &how, &number, &loaded, &dropped, &store);
    }
    quire_op_unbusy(op, fobj);
    if (loaded && (status == QUIRE_OK || status == QUIRE_AGAIN)) { /* AGAIN: it comes later */
        loads = op->pager->stats.loads - loads;                    /* its neighbours, too */
        loads = loads != 0 ? loads : 1u;
        *brought += loads;
        *left -= loads < *left ? loads : *left;
    }
    return status != QUIRE_NO_PAGE;
}

static enum quire_status quire_advise_will_need_(struct quire_vm *vm, uintptr_t va, uintptr_t last)
{
    struct quire_area *area;
    uintptr_t at = va;
    struct quire_op op;
    bool hole = false;
    bool more = true;
    uint64_t brought = 0;
    uint64_t left;

    quire_op_begin(&op, vm->pager);
    vm->in_flight++;
    left = quire_advise_room_(vm->pager);
    for (area = quire_advise_next_(vm, &at, last, &hole); area != NULL; area = quire_advise_next_(vm, &at, last, &hole)) {
        more = more && quire_advise_bring_(&op, area, at, &left, &brought); /* holes are looked for all the same */
        if (!quire_advise_step_(&at, last)) {
            break;
        }
    }
    vm->in_flight--;
    quire_op_end(&op);
    return hole ? QUIRE_NOT_FOUND : QUIRE_OK;
}

/* ---- Do not need ---- */

/* The part of `area` in the range: its first page, and how many. */
static uint32_t quire_advise_part_(const struct quire_vm_range *range, const struct quire_area *area, uint32_t *first)
{
    uintptr_t from = area->va > range->va ? area->va : range->va;
    uintptr_t last = quire_area_last(area) < range->last ? quire_area_last(area) : range->last;

    *first = quire_area_page(area, from);
    return (uint32_t)((last - from) >> QUIRE_PAGE_SHIFT) + 1u;
}

static enum quire_status quire_advise_dont_need_(struct quire_vm_range *range)
{
    struct quire_op *op = &range->op;
    const struct quire_pmem_pool *pool = &op->pager->pool;
    enum quire_status status = QUIRE_OK;
    struct quire_area *area;
    uintptr_t at = range->va;
    bool hole = false;

    for (area = quire_vm_range_first(range); area != NULL; area = quire_vm_range_next(range, area)) {
        uint32_t first;
        uint32_t n = quire_advise_part_(range, area, &first);

        if (!quire_fobj_is_unpaged(area->fobj) && quire_area_cut(op, area, first, n, 0)) {
            status = QUIRE_STUCK;
        }
    }
    quire_vm_range_flush(range);
    range->vm->in_flight++;
    for (area = quire_advise_next_(range->vm, &at, range->last, &hole); area != NULL;
         area = quire_advise_next_(range->vm, &at, range->last, &hole)) {
        uint32_t pgidx = quire_area_page(area, at);
        uint32_t slot = quire_fobj_showing(area->fobj, pgidx)->slots[pgidx];

        if (quire_slot_kind(slot) == QUIRE_SLOT_PRESENT && quire_pmem_at(pool, quire_slot_value(slot))->mapped == 0) {
            (void)quire_pager_evict_page(op, quire_slot_value(slot), false); /* failing, it stays */
        }
        if (!quire_advise_step_(&at, range->last)) {
            break;
        }
    }
    range->vm->in_flight--;
    return status == QUIRE_OK && hole ? QUIRE_NOT_FOUND : status;
}

/* ---- Free ---- */

/* Page `pgidx` of the object, or null if it has none. */
static struct quire_pmem *quire_advise_pmem_(const struct quire_pager *pager, const struct quire_fobj *fobj, uint32_t pgidx)
{
    uint32_t slot = fobj->slots[pgidx];

    return quire_slot_kind(slot) == QUIRE_SLOT_PRESENT ? quire_pmem_at(&pager->pool, quire_slot_value(slot)) : NULL;
}

/* May the content of first..first + n - 1 of what `area` shows go? */
static enum quire_status quire_advise_may_free_(const struct quire_pager *pager, const struct quire_area *area, uint32_t first,
                                                uint32_t n)
{
    const struct quire_fobj *fobj = area->fobj;
    uint32_t last = first + (n - 1u);
    const struct quire_area *other;
    uint32_t i;

    if (quire_fobj_is_unpaged(fobj)) {
        return QUIRE_INVALID;
    }
    if ((area->prot & QUIRE_PROT_WRITE) == 0 || fobj->origin != NULL ||
        (fobj->ops->save != NULL && (fobj->ops->flags & QUIRE_FOBJ_OPS_FORGETS) == 0)) {
        return QUIRE_DENIED;
    }
    for (other = quire_fobj_area_overlapping(fobj, first, last); other != NULL;
         other = quire_fobj_area_overlapping_next(other, first, last)) {
        if (other->vm != area->vm) {
            return QUIRE_BUSY;
        }
    }
    for (i = 0; i < n; i++) {
        const struct quire_pmem *pmem = quire_advise_pmem_(pager, fobj, first + i);

        if (pmem != NULL && pmem->pins != 0) {
            return QUIRE_BUSY;
        }
    }
    return QUIRE_OK;
}

static enum quire_status quire_advise_decide_free_(const struct quire_vm_range *range)
{
    const struct quire_area *area;
    enum quire_status status = QUIRE_OK;

    for (area = quire_vm_range_first(range); area != NULL && status == QUIRE_OK; area = quire_vm_range_next(range, area)) {
        uint32_t first;
        uint32_t n = quire_advise_part_(range, area, &first);

        status = quire_advise_may_free_(range->op.pager, area, first, n);
    }
    return status;
}

/* Takes a page from who uses it, so that the next write to it is seen. True if an entry is stuck. */
static bool quire_advise_unmap_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_advise_pmem_(pager, fobj, pgidx);

    if (pmem == NULL || pmem->mapped == 0) {
        return false;
    }
    if (quire_rmap_remove(pager->mmu, &op->batch, pmem)) {
        quire_pager_quarantine(op, quire_slot_value(fobj->slots[pgidx]));
        return true;
    }
    return false;
}

/* Nobody can write the page now: what it holds, here or in the store, need not be kept. */
static void quire_advise_let_go_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_advise_pmem_(pager, fobj, pgidx);
    uint32_t slot = fobj->slots[pgidx];

    if (quire_slot_kind(slot) == QUIRE_SLOT_STORED) {
        fobj->slots[pgidx] = quire_slot_make(QUIRE_SLOT_EMPTY, quire_slot_value(slot));
        pager->stats.let_go++;
    } else if (pmem != NULL && !quire_pager_page_busy(pager, pmem) && pmem->mapped == 0) {
        /* What the store has is older than what goes: it must not come back either. */
        pmem->flags &= (uint8_t) ~(QUIRE_PMEM_DIRTY | QUIRE_PMEM_STORED);
        quire_pager_refix(pager, quire_slot_value(slot));
        pager->stats.let_go++;
    }
}

static enum quire_status quire_advise_free_(struct quire_vm_range *range)
{
    enum quire_status status = quire_advise_decide_free_(range);
    struct quire_op *op = &range->op;
    struct quire_area *area;
    uintptr_t at = range->va;
    bool stuck = false;
    bool hole = false;
    uint32_t first;
    uint32_t n;
    uint32_t i;

    if (status != QUIRE_OK) {
        return status;
    }
    for (area = quire_vm_range_first(range); area != NULL; area = quire_vm_range_next(range, area)) {
        n = quire_advise_part_(range, area, &first);
        for (i = 0; i < n; i++) {
            stuck = quire_advise_unmap_(op, area->fobj, first + i) || stuck;
        }
    }
    quire_vm_range_flush(range);
    status = quire_advise_decide_free_(range); /* an unlocked flush let others in */
    if (status != QUIRE_OK) {
        return status;
    }
    for (area = quire_advise_next_(range->vm, &at, range->last, &hole); area != NULL;
         area = quire_advise_next_(range->vm, &at, range->last, &hole)) {
        quire_advise_let_go_(op, area->fobj, quire_area_page(area, at));
        if (!quire_advise_step_(&at, range->last)) {
            break;
        }
    }
    return stuck ? QUIRE_STUCK : hole ? QUIRE_NOT_FOUND : QUIRE_OK;
}

QUIRE_API enum quire_status quire_vm_advise(struct quire_vm *vm, uintptr_t va, size_t npages, enum quire_advice advice)
{
    struct quire_vm_range range;
    enum quire_status status;
    uintptr_t last;

    if (advice == QUIRE_ADVICE_WILL_NEED) {
        if (!quire_va_range(va, npages, &last) || va < vm->first || last > vm->last) {
            return QUIRE_INVALID;
        }
        return quire_advise_will_need_(vm, va, last);
    }
    if (advice != QUIRE_ADVICE_DONT_NEED && advice != QUIRE_ADVICE_FREE) {
        return QUIRE_INVALID;
    }
    status = quire_vm_range_open(&range, vm, va, npages);
    if (status != QUIRE_OK) {
        return status;
    }
    status = advice == QUIRE_ADVICE_DONT_NEED ? quire_advise_dont_need_(&range) : quire_advise_free_(&range);
    quire_vm_range_end(&range);
    return status;
}

QUIRE_END

#endif
