/* quire/page_in.h - bringing pages in: eviction, the store, and the wait for both. SPDX-License-Identifier: BSD-2-Clause. Quire 0.2.0 */
#ifndef QUIRE_PAGE_IN_H
#define QUIRE_PAGE_IN_H

#include "area.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "pmem.h"
#include "policy.h"
#include "rmap.h"
#include "trace.h"

/*
 * Not for users. From a slot to a resident page:
 *
 *     absent -> claim the slot -> a free page, or evict one (save it if dirty) -> LOADING -> RESIDENT
 *
 * Called with the lock held, which is dropped while a store works and while waiting.
 */
QUIRE_BEGIN

/* Makes page `pgidx` of `fobj`, which has a reference, resident; loads it if it must, and says so in *loaded. Unless it returns
 * an error the page is resident now; if *dropped became true the lock was dropped, and all else is to be read again. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_bring(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                             const struct quire_how *how, uint32_t *number, bool *loaded,
                                                             bool *dropped, enum quire_status *store)
    QUIRE_SYM(quire_pager_bring);

/* Saves page `number`, which has no entries; it is SAVING meanwhile and the lock dropped. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_save(struct quire_op *op, uint32_t number) QUIRE_SYM(quire_pager_save);

QUIRE_END

#endif /* QUIRE_PAGE_IN_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_PAGE_IN_IMPLEMENTED)
#define QUIRE_PAGE_IN_IMPLEMENTED

QUIRE_BEGIN

/* ---- The store ---- */

/* Asks the store to fill (load) or keep (save) page `number`, without the lock. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_transfer_(struct quire_op *op, struct quire_pmem *pmem,
                                                                    uint32_t number, bool load)
{
    struct quire_pager *pager = op->pager;
    const struct quire_mmu *mmu = pager->mmu;
    const struct quire_fobj_ops *ops = pmem->fobj->ops;
    struct quire_pa pa = quire_pmem_pa(&pager->pool, number);
    void *page = mmu->alias_get(mmu->ctx, pa);
    struct quire_io io;
    enum quire_status answer;

    io.fobj = pmem->fobj;
    io.pgidx = pmem->pgidx;
    io.npages = 1;
    io.page = &page;
    io.stored = (pmem->flags & QUIRE_PMEM_STORED) != 0;
    io.ticket = 0;
    io.need_fobj = NULL;
    io.need_pgidx = 0;
    quire_op_unlock(op);
    if (load && (ops->flags & QUIRE_FOBJ_OPS_FILLS) == 0) {
        QUIRE_MEMSET(page, 0, QUIRE_PAGE_SIZE);
    }
    answer = load ? ops->load(&io) : ops->save(&io);
    quire_op_lock(op);
    mmu->alias_put(mmu->ctx, pa, page);
    if (QUIRE_LIKELY(answer == QUIRE_OK)) {
        return QUIRE_OK;
    }
    pager->stats.bad_answers += quire_store_answer(answer) == QUIRE_BAD_ANSWER;
    return quire_store_answer(answer);
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_save(struct quire_op *op, uint32_t number)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    enum quire_status status;
    uint64_t began;

    QUIRE_ASSERT(pmem->mapped == 0 && !pmem->fobj->dead);
    quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_SAVING);
    pmem->flags &= (uint8_t)~QUIRE_PMEM_DIRTY; /* whoever writes it meanwhile, through a hold or a pin, makes it dirty again */
    began = quire_pager_clock(pager);
    status = quire_pager_transfer_(op, pmem, number, false);
    if (status == QUIRE_OK) {
        pager->stats.saves++;
        pmem->flags |= QUIRE_PMEM_STORED;
    } else {
        pager->stats.save_failures++;
    }
    if (QUIRE_PAGER_TRACED(pager)) {
        op->cost = began != 0 ? quire_trace_cost_code(quire_pager_clock(pager) - began) : 0;
        if (status == QUIRE_OK) {
            op->untold |= QUIRE_OP_SAVED; /* quire_pager_settle() knows what comes of it */
        } else {
            quire_op_tell_save(op, number, status);
        }
    }
    if (status != QUIRE_OK || pmem->pins != 0) {
        pmem->flags |= QUIRE_PMEM_DIRTY; /* who pinned it may still be writing */
    }
    return status;
}

/* ---- Eviction ---- */

/* Saves that one operation lets fail before it looks for clean pages only. */
#define QUIRE_PAGER_SAVE_TRIES 4u

/* Tells of an eviction; that of a fault is told with its end, where a page that is wanted at once has one event instead of two. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_tell_evicted_(struct quire_op *op, const struct quire_pmem *pmem, uint32_t number)
{
    QUIRE_RELOAD();
    if ((op->untold | QUIRE_OP_TIMED) == (QUIRE_OP_FAULT | QUIRE_OP_TIMED)) {
        op->untold |= QUIRE_OP_EVICTED;
        op->page = number;
        op->victim = pmem->fobj->id;
        op->victim_pgidx = pmem->pgidx;
    } else {
        quire_op_tell_release(op, number);
    }
}

/* Takes page `number`, which the policy chose, from who uses it. True if that freed it: it is clean, and the lock was not
 * dropped. Else quire_pager_evict_rest_() is to follow. */
QUIRE_INLINE QUIRE_RESIDENT bool quire_pager_evict_(struct quire_op *op, uint32_t number)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

    quire_pager_policy_remove(pager, pmem, number);
    if (QUIRE_UNLIKELY(quire_rmap_remove(pager->mmu, &op->batch, pmem))) {
        quire_pager_quarantine(op, number);
        return false;
    }
    if (QUIRE_UNLIKELY((pmem->flags & QUIRE_PMEM_DIRTY) != 0 || quire_op_flush_drops(op))) {
        return false;
    }
    quire_op_flush(op);
    pager->stats.evictions++;
    if (QUIRE_PAGER_TRACED(pager)) {
        quire_op_tell_evicted_(op, pmem, number);
    }
    quire_pager_release_told(op, number);
    return true;
}

/* What quire_pager_evict_() could not do at once. OK also if it turned out that the page had better stay: the caller looks at
 * what is free. An error is the store's. */
static QUIRE_RESIDENT enum quire_status quire_pager_evict_rest_(struct quire_op *op, uint32_t number, bool clean_only,
                                                                enum quire_status *store)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    enum quire_status status = QUIRE_OK;

    if (pmem->state != QUIRE_PAGE_RESIDENT) {
        quire_op_flush_quarantined(op, pmem->fobj);
        return QUIRE_OK;
    }
    pmem->fobj->busy++;
    quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_FLUSHING);
    quire_op_flush(op);
    if ((pmem->flags & QUIRE_PMEM_DIRTY) != 0 && !pmem->fobj->dead) {
        if (pmem->fobj->ops->save == NULL) {
            quire_pager_refix(pager, number);
        } else if (!clean_only) {
            status = quire_pager_save(op, number);
            *store = status;
        }
    }
    if ((pmem->flags & (QUIRE_PMEM_DIRTY | QUIRE_PMEM_WAITED)) == 0) {
        pmem->flags |= QUIRE_PMEM_DISCARD;
        pager->stats.evictions++;
    }
    quire_pager_settle(op, number);
    return status;
}

/* Is anything under way that will make a page free or evictable without our doing? */
static QUIRE_RESIDENT QUIRE_COLD bool quire_pager_room_is_coming_(const struct quire_pager *pager)
{
    const uint32_t *count = pager->pool.count;

    return count[QUIRE_PAGE_LOADING] + count[QUIRE_PAGE_FLUSHING] + count[QUIRE_PAGE_SAVING] + pager->holds + pager->flushing !=
           0;
}

/* Waits until some page may have become free or evictable. */
static QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_pager_await_room_(struct quire_op *op, bool wait_ok)
{
    struct quire_pager *pager = op->pager;
    enum quire_status status;

    if (!quire_pager_room_is_coming_(pager)) {
        return QUIRE_NO_PAGE;
    }
    pager->room_waiters++;
    status = quire_op_wait(op, &pager->pool.free, wait_ok);
    pager->room_waiters--;
    return status;
}

/* FLUSH_UNLOCKED: takes back what asking for its age did to the victim, the lock not having been dropped since. */
static QUIRE_RESIDENT QUIRE_COLD void quire_pager_unage_(struct quire_op *op, uint32_t number)
{
    struct quire_pmem *pmem = quire_pmem_at(&op->pager->pool, number);
    uint32_t i;

    for (i = 0; i < op->naged; i++) {
        if (op->aged[i] == number) {
            op->aged[i] = op->aged[--op->naged];
            quire_pmem_set_state(&op->pager->pool, pmem, QUIRE_PAGE_RESIDENT);
            pmem->fobj->busy--;
            return;
        }
    }
}

/* The policy's choice, or QUIRE_PAGE_NONE. A policy is the user's: an answer that is no choice counts as none. */
static QUIRE_RESIDENT uint32_t quire_pager_victim_(struct quire_op *op)
{
    struct quire_pager *pager = op->pager;
    const struct quire_pages *pages = &pager->pool.pages;
    uint32_t number;
    struct quire_pmem *pmem;
    uint32_t segment;

    pager->op = op;
    number = pager->policy->ops->victim(pager->policy);
    pager->op = NULL;
    segment = number >> QUIRE_PAGE_INDEX_BITS; /* that of QUIRE_PAGE_NONE has no such page */
    if (segment >= pages->nsegments || (number & QUIRE_SEGMENT_PAGES_MAX) >= pages->segment[segment].npages) {
        return QUIRE_PAGE_NONE;
    }
    if (op->naged != 0) {
        quire_pager_unage_(op, number);
    }
    pmem = quire_pmem_at(&pager->pool, number);
    if ((pmem->flags & QUIRE_PMEM_IN_POLICY) == 0 || (quire_pager_page_state(pager, pmem) & QUIRE_PAGE_FIXED) != 0) {
        return QUIRE_PAGE_NONE;
    }
    return number;
}

/* Returns with a free page there, or says why there is none. `number` is a page that quire_pager_evict_() left to do, or
 * QUIRE_PAGE_NONE if the policy knew none. May drop the lock. */
static QUIRE_RESIDENT enum quire_status quire_pager_await_page_(struct quire_op *op, uint32_t number, bool wait_ok,
                                                                enum quire_status *store)
{
    struct quire_pager *pager = op->pager;
    uint32_t failures = 0;
    uint64_t tries = 0;

    for (;;) {
        enum quire_status status = QUIRE_OK;

        if (number == QUIRE_PAGE_NONE) {
            quire_op_flush(op); /* what the policy aged */
            if (pager->pool.free == QUIRE_PAGE_NONE) {
                status = quire_pager_await_room_(op, wait_ok);
            }
        } else if (quire_pager_evict_rest_(op, number, failures >= QUIRE_PAGER_SAVE_TRIES, store) != QUIRE_OK) {
            failures++;
        }
        /* Every page that was tried went to the back of the policy's order: after this many all have been. */
        if (status == QUIRE_OK && number != QUIRE_PAGE_NONE && tries++ > (uint64_t)pager->pool.total + QUIRE_PAGER_SAVE_TRIES) {
            status = failures != 0 ? QUIRE_NO_PAGE : QUIRE_AGAIN;
        }
        if (status != QUIRE_OK || pager->pool.free != QUIRE_PAGE_NONE) {
            return status;
        }
        number = quire_pager_victim_(op);
        if (number != QUIRE_PAGE_NONE && quire_pager_evict_(op, number)) {
            return QUIRE_OK;
        }
    }
}

/* ---- Loading ---- */

/* quire_pager_await_page_() for an absent page whose slot it claims meanwhile, so that nobody else loads it too. */
static QUIRE_RESIDENT enum quire_status quire_pager_claim_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                           uint32_t number, bool wait_ok, enum quire_status *store)
{
    uint32_t slot = fobj->slots[pgidx];
    enum quire_status status;

    fobj->slots[pgidx] = quire_slot_make(QUIRE_SLOT_CLAIMED, quire_slot_value(slot));
    op->pager->claims++;
    status = quire_pager_await_page_(op, number, wait_ok, store);
    op->pager->claims--;
    fobj->slots[pgidx] = slot;
    if (fobj->dead) {
        status = QUIRE_DEAD;
    }
    return status;
}

/* Returns with a free page there for page `pgidx` of `fobj`, or says why there is none. May drop the lock. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_make_room_(struct quire_op *op, struct quire_fobj *fobj,
                                                                     uint32_t pgidx, const struct quire_how *how,
                                                                     enum quire_status *store)
{
    uint32_t number;

    if (how->steps != NULL) {
        quire_pager_step_make_room(op->pager, how->steps);
    }
    if (op->pager->pool.free != QUIRE_PAGE_NONE) {
        return QUIRE_OK;
    }
    number = quire_pager_victim_(op);
    if (QUIRE_LIKELY(number != QUIRE_PAGE_NONE && quire_pager_evict_(op, number))) {
        return QUIRE_OK;
    }
    return quire_pager_claim_(op, fobj, pgidx, number, how->wait_ok, store);
}

/* Loads an absent page of `fobj`. OK means it arrived: *number is QUIRE_PAGE_NONE if it was invalidated on its way. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_load_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                                const struct quire_how *how, uint32_t *number,
                                                                enum quire_status *store)
{
    struct quire_pager *pager = op->pager;
    uint32_t slot = fobj->slots[pgidx];
    enum quire_status status;
    struct quire_pmem *pmem;

    if ((fobj->flags & QUIRE_FOBJ_LOCKED) != 0 && !quire_pager_may_fix(pager)) {
        return QUIRE_NO_PAGE; /* before a page is evicted in vain */
    }
    fobj->busy++;
    status = quire_pager_make_room_(op, fobj, pgidx, how, store);
    if (status == QUIRE_OK && (fobj->flags & QUIRE_FOBJ_LOCKED) != 0 && !quire_pager_may_fix(pager)) {
        status = QUIRE_NO_PAGE;
    }
    if (QUIRE_UNLIKELY(status != QUIRE_OK)) {
        quire_op_wake(op, fobj, pgidx); /* who waits for the slot that was claimed must look for himself */
        quire_op_unbusy(op, fobj);
        return status;
    }
    pmem = quire_pmem_take(&pager->pool, fobj, pgidx, number);
    pmem->flags = quire_slot_kind(slot) == QUIRE_SLOT_STORED ? QUIRE_PMEM_STORED : 0;
    if (QUIRE_UNLIKELY((fobj->flags & QUIRE_FOBJ_LOCKED) != 0)) {
        quire_pager_refix(pager, *number);
    }
    status = quire_pager_transfer_(op, pmem, *number, true);
    *store = status;
    if (QUIRE_LIKELY(status == QUIRE_OK)) {
        pager->stats.loads++;
    } else {
        pager->stats.load_failures++;
    }
    if (QUIRE_UNLIKELY(fobj->dead)) {
        quire_pager_settle(op, *number);
        return QUIRE_DEAD;
    }
    if (QUIRE_UNLIKELY(status != QUIRE_OK || (pmem->flags & QUIRE_PMEM_DISCARD) != 0)) {
        quire_pager_release_as(op, *number, quire_slot_value(slot));
        *number = QUIRE_PAGE_NONE;
    } else {
        quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_RESIDENT);
        pmem->flags &= (uint8_t)~QUIRE_PMEM_WAITED;
        quire_pager_policy_insert(pager, pmem, *number, quire_pager_distance(pager, quire_slot_value(slot)));
        quire_op_wake(op, fobj, pgidx);
    }
    quire_op_unbusy(op, fobj);
    return status;
}

QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_bring_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                                 const struct quire_how *how, uint32_t *number, bool *loaded,
                                                                 bool *dropped, enum quire_status *store)
{
    struct quire_pager *pager = op->pager;

    for (;;) {
        uint32_t slot = fobj->slots[pgidx];
        unsigned kind = quire_slot_kind(slot);
        enum quire_status status;

        if (QUIRE_UNLIKELY(fobj->flushing != 0)) {
            status = quire_op_wait_fobj(op, fobj, fobj, how->wait_ok);
        } else if (kind == QUIRE_SLOT_PRESENT) {
            struct quire_pmem *pmem = quire_pmem_at(&pager->pool, quire_slot_value(slot));

            if (QUIRE_LIKELY(pmem->state == QUIRE_PAGE_RESIDENT)) {
                *number = quire_slot_value(slot);
                return QUIRE_OK;
            }
            if (pmem->state == QUIRE_PAGE_QUARANTINED) {
                return QUIRE_STUCK;
            }
            pmem->flags |= QUIRE_PMEM_WAITED;
            status = quire_op_wait_fobj(op, fobj, &fobj->slots[pgidx], how->wait_ok);
        } else if (kind == QUIRE_SLOT_CLAIMED) {
            status = quire_op_wait_fobj(op, fobj, &fobj->slots[pgidx], how->wait_ok);
        } else {
            *loaded = true;
            *dropped = true;
            status = quire_pager_load_(op, fobj, pgidx, how, number, store);
            if (QUIRE_LIKELY(status == QUIRE_OK && *number != QUIRE_PAGE_NONE && fobj->flushing == 0)) {
                return QUIRE_OK;
            }
            if (QUIRE_PAGER_TRACED(pager) && status == QUIRE_OK) {
                quire_op_tell_came(op, *number);
            }
        }
        *dropped = true;
        if (status != QUIRE_OK) {
            return status;
        }
    }
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_bring(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                             const struct quire_how *how, uint32_t *number, bool *loaded,
                                                             bool *dropped, enum quire_status *store)
{
    uint64_t began = quire_pager_clock(op->pager);
    enum quire_status status;

    *number = QUIRE_PAGE_NONE;
    status = quire_pager_bring_(op, fobj, pgidx, how, number, loaded, dropped, store);
    if (QUIRE_PAGER_TRACED(op->pager) && *loaded) {
        quire_op_tell_load(op, *number, fobj->id, pgidx, status, began);
    }
    return status;
}

QUIRE_END

#endif
