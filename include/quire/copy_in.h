/* quire/copy_in.h - bringing in what a copy on write shows, and breaking it: the page of its own that a write needs. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_COPY_IN_H
#define QUIRE_COPY_IN_H

#include "area.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "page_in.h"
#include "pmem.h"
#include "refcount.h"
#include "rmap.h"
#include "tell.h"
#include "trace.h"

/*
 * Not for users; fobj_cow.h makes copies and says what they are. Where a slot of a copy lacks QUIRE_SLOT_OWN, the page is that of the
 * nearest origin with one, or of the last. The slot then is one of
 *
 *     EMPTY                nothing was written here
 *     CLAIMED              somebody makes room for an own copy
 *     PRESENT, LOADING     somebody copies: the origin's page is shown until that is done
 *
 * and with QUIRE_SLOT_OWN it is as in any object, but never EMPTY: an own copy is dirty until it was saved.
 *
 *     a write:  bring the origin's page, keep it in the thread's row -> room for one more -> both are there, the lock held:
 *               hold the origin's, take the free one -> copy without the lock -> the origin's page is removed from the areas of
 *               the copy, OWN is set -> flush -> resident, dirty
 *
 * Nobody waits holding one of the two pages, so nobody waits for who waits. In return the origin's page may be gone when there is
 * room at last: then all begins again. A thread's row of last pages (at least two, fobj_cow.h sees to that) keeps it from being
 * what gives way; for a pin, which has no row, it is held while the policy chooses. Who breaks raises `writers`, so that the copy
 * is not frozen (copied itself) meanwhile.
 */
QUIRE_BEGIN

/* What came of quire_pager_bring_shown(). */
struct quire_shown {
    uint32_t number;         /* the page that stands there */
    bool loaded;             /* some page was loaded for it */
    bool copied;             /* an own copy was made */
    bool dropped;            /* the lock was dropped */
    enum quire_status store; /* what a store last answered */
};

/* quire_pager_bring() for page `pgidx` as `fobj` shows it, which may be the page of an origin; `own`: which must not, since it will
 * be written. Of an object that is no copy it is always its own. The page's object is alive, and stays so while the lock is held.
 * DENIED: it must be its own, and the copy has been copied since. NO_PAGE also: an own copy could never be evicted, and too many are
 * of that kind already. STUCK also: an entry of the origin's page could not be removed from the copy; it is quarantined. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_bring_shown(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                                   bool own, const struct quire_how *how,
                                                                   struct quire_shown *shown)
    QUIRE_SYM(quire_pager_bring_shown);

/* Must who pins the page, or hands it out, have it made the object's own first? Not where nothing can be written any more: what is
 * shown there is shown for good. O(1). */
static inline QUIRE_RESIDENT bool quire_fobj_may_break(const struct quire_fobj *fobj)
{
    return fobj->origin != NULL && (fobj->max_prot & QUIRE_PROT_WRITE) != 0;
}

QUIRE_END

#endif /* QUIRE_COPY_IN_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_COPY_IN_IMPLEMENTED)
#define QUIRE_COPY_IN_IMPLEMENTED

QUIRE_BEGIN

/* ---- Making a copy ---- */

/* Removes the entries of *pmem, an origin's page, from the areas of `fobj`. True if one is stuck. */
static QUIRE_RESIDENT QUIRE_COLD bool quire_copy_unmap_(struct quire_op *op, const struct quire_fobj *fobj,
                                                        struct quire_pmem *pmem)
{
    struct quire_area *area;
    bool stuck = false;

    for (area = quire_fobj_area_showing(fobj, pmem->pgidx); area != NULL;
         area = quire_fobj_area_showing_next(area, pmem->pgidx)) {
        if (quire_rmap_may_map(pmem, area)) {
            stuck = (quire_rmap_remove_one(op->pager->mmu, &op->batch, pmem, area) & QUIRE_ENTRY_STUCK) != 0 || stuck;
        }
    }
    return stuck;
}

#if QUIRE_TRACE
/* Tells that page `number` came to be by copying. */
static QUIRE_RESIDENT QUIRE_COLD void quire_copy_tell_(struct quire_op *op, uint32_t number, const struct quire_fobj *fobj,
                                                       uint32_t pgidx)
{
    struct quire_trace *trace = op->pager->trace;

    quire_trace_put(trace, quire_trace_now(trace), quire_trace_what(QUIRE_TRACE_LOAD, QUIRE_TRACE_LOAD_COPY, 0, QUIRE_OK),
                    op->vm != NULL ? op->vm->id : 0, number, fobj->id, pgidx);
}
#endif

/* Page `number` of `fobj`, LOADING, has the bytes of page `from`, which is held: it becomes what is shown. */
static QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_copy_commit_(struct quire_op *op, struct quire_fobj *fobj,
                                                                      uint32_t number, uint32_t from)
{
    struct quire_pmem_pool *pool = &op->pager->pool;
    struct quire_pmem *pmem = quire_pmem_at(pool, number);
    struct quire_pmem *shown = quire_pmem_at(pool, from);
    uint32_t pgidx = pmem->pgidx;

    if (quire_copy_unmap_(op, fobj, shown)) {
        quire_pager_quarantine(op, from);
        quire_pager_release_as(op, number, 0);
        quire_op_flush_quarantined(op, shown->fobj);
        quire_op_unbusy(op, fobj);
        return QUIRE_STUCK;
    }
    fobj->slots[pgidx] |= QUIRE_SLOT_OWN;
    fobj->own++;
    op->pager->stats.copies++;
#if QUIRE_TRACE
    if (QUIRE_PAGER_TRACED(op->pager)) {
        quire_op_tell(op);
        quire_copy_tell_(op, number, fobj, pgidx);
    }
#endif
    /* Until the flush nobody may write the one or read the other. */
    quire_pmem_set_state(pool, pmem, QUIRE_PAGE_FLUSHING);
    quire_op_flush(op);
    quire_pager_settle(op, number);
    return QUIRE_OK;
}

/* Copies page `from`, resident, to a free page that the account of `fobj` expects. *number is QUIRE_PAGE_NONE if that was
 * invalidated meanwhile. */
static QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_copy_page_(struct quire_op *op, struct quire_fobj *fobj, uint32_t from,
                                                                    uint32_t *number)
{
    struct quire_pager *pager = op->pager;
    const struct quire_mmu *mmu = pager->mmu;
    struct quire_pmem *shown = quire_pmem_at(&pager->pool, from);
    struct quire_fobj *origin = shown->fobj;
    enum quire_status status = quire_fobj_get(origin);
    struct quire_pmem *pmem;
    void *source;
    void *copy;
    bool last;

    if (status != QUIRE_OK) {
        return status; /* LIMIT */
    }
    shown->holds++;
    pager->holds++;
    fobj->busy++;
    pmem = quire_pmem_take_expected(&pager->pool, fobj, shown->pgidx, number);
    pmem->flags = QUIRE_PMEM_DIRTY; /* it is nowhere else */
    quire_pager_refix(pager, *number);
    source = mmu->alias_get(mmu->ctx, quire_pmem_pa(&pager->pool, from));
    copy = mmu->alias_get(mmu->ctx, quire_pmem_pa(&pager->pool, *number));
    if (QUIRE_PAGER_TRACED(pager)) {
        quire_op_tell(op);
    }
    quire_op_unlock(op);
    QUIRE_MEMCPY(copy, source, QUIRE_PAGE_SIZE);
    quire_op_lock(op);
    mmu->alias_put(mmu->ctx, quire_pmem_pa(&pager->pool, *number), copy);
    mmu->alias_put(mmu->ctx, quire_pmem_pa(&pager->pool, from), source);
    if (fobj->dead) {
        quire_pager_settle(op, *number);
    } else if ((pmem->flags & QUIRE_PMEM_DISCARD) != 0) {
        quire_pager_release_as(op, *number, 0);
        *number = QUIRE_PAGE_NONE;
        quire_op_unbusy(op, fobj);
    } else {
        status = quire_copy_commit_(op, fobj, *number, from);
    }
    shown->holds--;
    pager->holds--;
    quire_op_wake_room(op);
    if (quire_refcount_put(&origin->refs, &last) == QUIRE_OK && last) { /* the copy died, and this was all that kept it */
        quire_op_unlock(op);
        (void)origin->last_put(origin);
        quire_op_lock(op);
    }
    return fobj->dead ? QUIRE_DEAD : status;
}

/* Is page `pgidx` of `fobj` still to be copied from page `from`, and is that still there? */
static QUIRE_RESIDENT QUIRE_COLD bool quire_copy_may_(const struct quire_pager *pager, struct quire_fobj *fobj, uint32_t pgidx,
                                                      uint32_t from)
{
    const struct quire_pmem *pmem = quire_pmem_at(&pager->pool, from);
    const struct quire_fobj *origin = quire_fobj_showing(fobj, pgidx);

    return quire_slot_kind(fobj->slots[pgidx]) == QUIRE_SLOT_EMPTY && origin != fobj && fobj->flushing == 0 &&
           origin->flushing == 0 && origin->slots[pgidx] == quire_slot_become(origin->slots[pgidx], QUIRE_SLOT_PRESENT, from) &&
           pmem->state == QUIRE_PAGE_RESIDENT;
}

/* quire_pager_make_room_() for who has no row that would keep *source, the origin's page, from being what gives way: it is held, and
 * let go of before anybody waits. (He has a reference: what is held does not die.) OK also after waiting, without a page. */
static QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_copy_make_room_(struct quire_op *op, struct quire_fobj *fobj,
                                                                         uint32_t pgidx, const struct quire_how *how,
                                                                         struct quire_pmem *source, enum quire_status *store)
{
    struct quire_pager *pager = op->pager;
    struct quire_how now = *how;
    enum quire_status status;

    now.wait_ok = false;
    source->holds++;
    pager->holds++;
    status = quire_pager_make_room_(op, fobj, pgidx, &now, store);
    source->holds--;
    pager->holds--;
    quire_op_wake_room(op);
    if (status == QUIRE_AGAIN && pager->needing == NULL) {
        /* Perhaps only because of that hold. */
        status = quire_pager_await_room_(op, how->wait_ok);
        return status == QUIRE_OK ? QUIRE_EXISTS : status;
    }
    return status;
}

/* Makes an own copy of page `pgidx`, which nobody else does, from page `from`, resident. OK with *number QUIRE_PAGE_NONE: all is to
 * be looked at anew. */
static QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_copy_break_(struct quire_op *op, struct quire_fobj *fobj,
                                                                     uint32_t pgidx, const struct quire_how *how, uint32_t from,
                                                                     struct quire_shown *shown)
{
    struct quire_pager *pager = op->pager;
    bool fixed = (fobj->flags & QUIRE_FOBJ_LOCKED) != 0 || fobj->ops->save == NULL;
    enum quire_status status;

    shown->number = QUIRE_PAGE_NONE;
    if (fixed && !quire_pager_may_fix(pager, fobj->account)) {
        fobj->account->stats.refused++;
        return QUIRE_NO_PAGE;
    }
    fobj->writers++;
    if (QUIRE_LIKELY(how->steps != NULL)) {
        quire_pager_step_note(pager, how->steps, quire_pmem_at(&pager->pool, from), from);
        status = quire_pager_make_room_(op, fobj, pgidx, how, &shown->store);
    } else {
        status = quire_copy_make_room_(op, fobj, pgidx, how, quire_pmem_at(&pager->pool, from), &shown->store);
    }
    fobj->account->stats.refused += status == QUIRE_NO_PAGE;
    if (status == QUIRE_OK && quire_copy_may_(pager, fobj, pgidx, from)) {
        status = fixed && !quire_pager_may_fix(pager, fobj->account) ? QUIRE_NO_PAGE
                                                                     : quire_copy_page_(op, fobj, from, &shown->number);
    }
    if (QUIRE_PAGER_TRACED(pager) && shown->number == QUIRE_PAGE_NONE) {
        quire_op_tell(op); /* what gave way: no page came to its place that could be told with it */
    }
    fobj->writers--;
    quire_op_wake(op, fobj, pgidx); /* whoever waits for the slot must look for himself */
    return status == QUIRE_EXISTS ? QUIRE_OK : status;
}

/* ---- Bringing what is shown ---- */

/* quire_pager_bring_() as one function. */
static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_copy_bring_origin_(struct quire_op *op, struct quire_fobj *fobj,
                                                                                uint32_t pgidx, const struct quire_how *how,
                                                                                struct quire_shown *shown)
{
    return quire_pager_bring_(op, fobj, pgidx, how, &shown->number, &shown->loaded, &shown->dropped, &shown->store);
}

/* One round of quire_copy_bring_(): OK with shown->number QUIRE_PAGE_NONE: another is needed. */
static QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_copy_round_(struct quire_op *op, struct quire_fobj *fobj,
                                                                     uint32_t pgidx, bool own, const struct quire_how *how,
                                                                     struct quire_shown *shown)
{
    struct quire_fobj *whose = quire_fobj_showing(fobj, pgidx);
    enum quire_status status;

    shown->number = QUIRE_PAGE_NONE;
    shown->loaded = false;
    status = quire_copy_bring_origin_(op, whose, pgidx, how, shown);
    if (status != QUIRE_OK) { /* of an origin that died meanwhile nothing is there */
        shown->number = QUIRE_PAGE_NONE;
        shown->loaded = false;
    }
    if (fobj->dead) {
        status = status == QUIRE_OK ? QUIRE_DEAD : status;
    }
    if (status == QUIRE_OK && fobj->flushing == 0 && quire_fobj_showing(fobj, pgidx) == whose && (whose == fobj || !own)) {
        return QUIRE_OK;
    }
    if (QUIRE_PAGER_TRACED(op->pager) && shown->loaded) {
        quire_op_tell_came(op, shown->number); /* it stays, and is not what the fault is about */
    }
    if (status != QUIRE_OK) {
        return status;
    }
    if (fobj->flushing != 0 || quire_fobj_showing(fobj, pgidx) != whose) {
        shown->number = QUIRE_PAGE_NONE;
        return QUIRE_OK;
    }
    if (!quire_fobj_may_break(fobj)) {
        return QUIRE_DENIED;
    }
    shown->dropped = true;
    if (quire_slot_kind(fobj->slots[pgidx]) != QUIRE_SLOT_EMPTY) {
        shown->number = QUIRE_PAGE_NONE;
        return quire_op_wait_fobj(op, fobj, &fobj->slots[pgidx], how->wait_ok);
    }
    status = quire_copy_break_(op, fobj, pgidx, how, shown->number, shown);
    shown->loaded = false;
    shown->copied = status == QUIRE_OK && shown->number != QUIRE_PAGE_NONE;
    if (status == QUIRE_AGAIN && op->pager->needing != NULL) {
        status = quire_op_wait_fobj(op, fobj, &op->pager->needing, how->wait_ok);
    }
    if (fobj->flushing != 0) {
        shown->number = QUIRE_PAGE_NONE;
    }
    return status;
}

/* As quire_pager_bring_shown(), for a copy; what was loaded is told with the end of a fault if it is what is shown. */
static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_copy_bring_(struct quire_op *op, struct quire_fobj *fobj,
                                                                         uint32_t pgidx, bool own, const struct quire_how *how,
                                                                         struct quire_shown *shown)
{
    enum quire_status status = QUIRE_OK;

    fobj->busy++;
    shown->number = QUIRE_PAGE_NONE;
    shown->loaded = false;
    shown->copied = false;
    shown->dropped = false;
    while (status == QUIRE_OK && shown->number == QUIRE_PAGE_NONE) {
        if (fobj->flushing != 0) {
            shown->dropped = true;
            status = quire_op_wait_fobj(op, fobj, fobj, how->wait_ok);
        } else {
            status = quire_copy_round_(op, fobj, pgidx, own, how, shown);
        }
    }
    if (status != QUIRE_OK) {
        shown->number = QUIRE_PAGE_NONE;
    }
    quire_op_unbusy(op, fobj);
    return status;
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_bring_shown(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                                   bool own, const struct quire_how *how,
                                                                   struct quire_shown *shown)
{
    const struct quire_trace *clock = op->pager->trace;
    uint64_t began = quire_pager_clock(op->pager);
    enum quire_status status;

    shown->store = QUIRE_OK;
    if (fobj->origin != NULL) {
        status = quire_copy_bring_(op, fobj, pgidx, own, how, shown);
        if (QUIRE_PAGER_TRACED(op->pager) && status == QUIRE_OK && shown->loaded) {
            quire_op_tell_load(op, shown->number, quire_pmem_at(&op->pager->pool, shown->number)->fobj->id, pgidx, status,
                               quire_pager_since(op->pager, clock, began));
        }
        return status;
    }
    shown->loaded = false;
    shown->copied = false;
    shown->dropped = false;
    return quire_pager_bring(op, fobj, pgidx, how, &shown->number, &shown->loaded, &shown->dropped, &shown->store);
}

QUIRE_END

#endif
