/* quire/page_in.h - bringing pages in: eviction, the store, and the wait for both. SPDX-License-Identifier: BSD-2-Clause. Quire 0.2.0 */
#ifndef QUIRE_PAGE_IN_H
#define QUIRE_PAGE_IN_H

#include "area.h"
#include "base.h"
#include "cluster.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "pmem.h"
#include "policy.h"
#include "request.h"
#include "rmap.h"

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

/* The same where the object's saves are requests, for a page without entries (they need not be flushed yet; fobj->busy is raised for
 * it), whose transit it ends, or leaves to the request. Dirty neighbours are saved with it. `evict`: it is to become free. AGAIN: no request is free, or enough are evicting; nothing was saved. PENDING: the save goes on, and
 * this thread must not or cannot wait. TIMEOUT: it goes on, and was cancelled. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_save_request(struct quire_op *op, uint32_t number, bool evict,
                                                                    bool wait_ok) QUIRE_SYM(quire_pager_save_request);

QUIRE_END

#endif /* QUIRE_PAGE_IN_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_PAGE_IN_IMPLEMENTED)
#define QUIRE_PAGE_IN_IMPLEMENTED

QUIRE_BEGIN

/* ---- The store ---- */

/* Calls the store, without the lock. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_ask_(struct quire_op *op, struct quire_io *io, bool load)
{
    const struct quire_fobj_ops *ops = io->fobj->ops;
    enum quire_status answer;
    uint32_t i;

    quire_op_unlock(op);
    if (load && (ops->flags & QUIRE_FOBJ_OPS_FILLS) == 0) {
        for (i = 0; i < io->npages; i++) {
            QUIRE_MEMSET(io->page[i], 0, QUIRE_PAGE_SIZE);
        }
    }
    answer = load ? ops->load(io) : ops->save(io);
    quire_op_lock(op);
    return answer;
}

/* Asks the store to fill (load) or keep (save) page `number`, without the lock. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_transfer_(struct quire_op *op, struct quire_pmem *pmem,
                                                                    uint32_t number, bool load)
{
    struct quire_pager *pager = op->pager;
    const struct quire_mmu *mmu = pager->mmu;
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
    answer = quire_pager_ask_(op, &io, load);
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

    QUIRE_ASSERT(pmem->mapped == 0 && !pmem->fobj->dead);
    quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_SAVING);
    pmem->flags &= (uint8_t)~QUIRE_PMEM_DIRTY; /* whoever writes it meanwhile, through a hold or a pin, makes it dirty again */
    status = quire_pager_transfer_(op, pmem, number, false);
    if (status == QUIRE_OK) {
        pager->stats.saves++;
        pmem->flags |= QUIRE_PMEM_STORED;
    } else {
        pager->stats.save_failures++;
    }
    if (status != QUIRE_OK || pmem->pins != 0) {
        pmem->flags |= QUIRE_PMEM_DIRTY; /* who pinned it may still be writing */
    }
    return status;
}

/* ---- The store that answers later ---- */

/* Begins what the store is to be asked about `fobj`: in the pager's table if it may answer later, else in `own`. Null: none is free. */
static QUIRE_RESIDENT struct quire_request *quire_pager_begin_request_(struct quire_pager *pager, struct quire_fobj *fobj,
                                                                       struct quire_request *own)
{
    struct quire_request *request = own;

    if ((fobj->ops->flags & QUIRE_FOBJ_OPS_PENDING) != 0 && pager->num_requests != 0) {
        request = quire_request_take(pager);
        if (request == NULL) {
            return NULL;
        }
    } else {
        request->ticket = 0;
        request->state = QUIRE_REQUEST_CALLED;
    }
    request->steps = NULL;
    request->victim = QUIRE_PAGE_NONE;
    request->age = 0;
    request->load = false;
    request->owned = false;
    request->cancelled = false;
    request->io.fobj = fobj;
    request->io.npages = 0;
    request->io.page = request->page;
    request->io.ticket = request->ticket;
    request->io.need_fobj = NULL;
    request->io.need_pgidx = 0;
    return request;
}

/* The store said PENDING: waits for what it says later. As quire_pager_transfer_request_(). */
static QUIRE_RESIDENT enum quire_status quire_pager_await_answer_(struct quire_op *op, struct quire_request *request,
                                                                  bool wait_ok)
{
    op->pager->stats.pending++;
    if (request->state == QUIRE_REQUEST_ANSWERED) {
        return request->status; /* before the call was back */
    }
    request->state = QUIRE_REQUEST_IN_FLIGHT;
    if (request->cancelled) {
        quire_request_expire(op, request);
        return QUIRE_TIMEOUT;
    }
    request->owned = true;
    while (request->state == QUIRE_REQUEST_IN_FLIGHT) {
        if (quire_op_wait(op, request, wait_ok) != QUIRE_OK) {
            request->owned = false;
            return QUIRE_PENDING;
        }
    }
    request->owned = false;
    if (request->state == QUIRE_REQUEST_ANSWERED) {
        return request->status;
    }
    if (request->state == QUIRE_REQUEST_ENDED) {
        quire_request_release(op, request);
    }
    return QUIRE_TIMEOUT;
}

/* Asks the store, waits for its answer, and settles the request by it. PENDING: nobody waits, TIMEOUT: nobody does any more; in
 * both the request is settled when the answer comes. */
static QUIRE_RESIDENT enum quire_status quire_pager_transfer_request_(struct quire_op *op, struct quire_request *request,
                                                                      bool wait_ok)
{
    enum quire_status answer = quire_pager_ask_(op, &request->io, request->load);

    if (answer == QUIRE_PENDING && request->ticket != 0) {
        answer = quire_pager_await_answer_(op, request, wait_ok);
        if (answer == QUIRE_PENDING || answer == QUIRE_TIMEOUT) {
            return answer;
        }
    } else {
        op->pager->stats.unknown_tickets += request->state == QUIRE_REQUEST_ANSWERED; /* it answered twice */
        op->pager->stats.bad_answers += quire_store_answer(answer) == QUIRE_BAD_ANSWER;
        answer = quire_store_answer(answer);
    }
    quire_request_settle(op, request, answer);
    quire_request_release(op, request);
    return answer;
}

/* Can a save be begun now? `evict`: no more pages are needed at once than there are threads; one that goes away and comes back
 * must not evict another page each time. */
static QUIRE_RESIDENT bool quire_pager_may_save_(const struct quire_pager *pager, const struct quire_fobj *fobj, bool evict)
{
    return (fobj->ops->flags & QUIRE_FOBJ_OPS_PENDING) == 0 || pager->num_requests == 0 ||
           (pager->requests_used < pager->num_requests && !(evict && pager->requests_evict >= pager->concurrency));
}

/* Saves a run of busy pages of `fobj`. As quire_pager_save_request(). */
static QUIRE_RESIDENT enum quire_status quire_pager_save_run_(struct quire_op *op, struct quire_fobj *fobj,
                                                              const struct quire_run *run, uint32_t needed, uint32_t victim,
                                                              bool wait_ok)
{
    struct quire_pager *pager = op->pager;
    struct quire_request own;
    struct quire_request *request = quire_pager_begin_request_(pager, fobj, &own);
    uint32_t i;

    if (request == NULL) {
        quire_cluster_settle(op, fobj, run);
        return QUIRE_AGAIN;
    }
    request->needed = needed;
    request->victim = victim;
    pager->requests_evict += quire_request_evicts(request) ? 1u : 0;
    request->io.pgidx = run->first;
    request->io.stored = false; /* says nothing of a save */
    for (i = 0; i < run->n; i++) {
        uint32_t number = quire_slot_value(fobj->slots[run->first + i]);
        struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

        quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_SAVING);
        pmem->flags &= (uint8_t)~QUIRE_PMEM_DIRTY; /* as in quire_pager_save() */
        quire_request_add(op, request, number);
    }
    return quire_pager_transfer_request_(op, request, wait_ok);
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_pager_save_request(struct quire_op *op, uint32_t number, bool evict,
                                                                               bool wait_ok)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    struct quire_fobj *fobj = pmem->fobj;
    uint32_t victim = evict ? number : QUIRE_PAGE_NONE;
    enum quire_status status;
    struct quire_run run;
    bool alone = false;

    QUIRE_ASSERT(pmem->mapped == 0 && !fobj->dead);
    quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_FLUSHING);
    run.first = pmem->pgidx;
    run.n = 1;
    if (!quire_pager_may_save_(pager, fobj, evict)) {
        quire_op_flush(op);
        quire_pager_settle(op, number);
        return QUIRE_AGAIN;
    }
    (void)quire_request_recall(pager, fobj, pmem->pgidx, false, &alone);
    if (!alone) {
        quire_cluster_gather(op, number, &run);
    }
    fobj->busy++; /* for a look at it when its pages have been settled */
    quire_op_flush(op);
    if (fobj->dead) {
        quire_cluster_settle(op, fobj, &run);
        status = QUIRE_OK;
    } else {
        status = quire_pager_save_run_(op, fobj, &run, pmem->pgidx, victim, wait_ok);
        if (run.n > 1u && !fobj->dead && quire_store_answer(status) == status && status != QUIRE_OK) {
            /* All are resident and dirty again, and the lock was not dropped since: perhaps a neighbour is to blame. */
            run.first = pmem->pgidx;
            run.n = 1;
            fobj->busy++;
            quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_SAVING);
            status = quire_pager_save_run_(op, fobj, &run, pmem->pgidx, victim, wait_ok);
        }
    }
    quire_op_unbusy(op, fobj);
    return status;
}

/* ---- Eviction ---- */

/* Saves that one operation lets fail before it looks for clean pages only. */
#define QUIRE_PAGER_SAVE_TRIES 4u

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
    quire_pager_release(op, number);
    return true;
}

/* What quire_pager_evict_() could not do at once. OK also if it turned out that the page had better stay: the caller looks at
 * what is free. An error is the store's, or as quire_pager_save_request() says. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_evict_rest_(struct quire_op *op, uint32_t number, bool clean_only,
                                                                      bool wait_ok, enum quire_status *store)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    enum quire_status status = QUIRE_OK;

    if (pmem->state != QUIRE_PAGE_RESIDENT) {
        quire_op_flush_quarantined(op, pmem->fobj);
        return QUIRE_OK;
    }
    pmem->fobj->busy++;
    if (QUIRE_UNLIKELY(quire_fobj_by_request(pmem->fobj)) && (pmem->flags & QUIRE_PMEM_DIRTY) != 0 &&
        pmem->fobj->ops->save != NULL && !clean_only) {
        status = quire_pager_save_request(op, number, true, wait_ok);
        *store = status != QUIRE_AGAIN ? status : *store;
        return status;
    }
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
        } else {
            enum quire_status save = quire_pager_evict_rest_(op, number, failures >= QUIRE_PAGER_SAVE_TRIES, wait_ok, store);

            if (QUIRE_UNLIKELY(save == QUIRE_PENDING)) {
                return QUIRE_AGAIN; /* the page becomes free when the store has answered */
            }
            if (QUIRE_UNLIKELY(save == QUIRE_AGAIN)) {
                save = quire_request_await(op, wait_ok);
                status = save == QUIRE_AGAIN ? save : QUIRE_OK;
            }
            failures += save == QUIRE_OK || save == QUIRE_AGAIN ? 0 : 1u;
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

/* A page is free for page `pgidx` of `fobj`; makes room for the pages behind it that would better be loaded with it, as far as that
 * is worth it, and says how many it may be about. May drop the lock. */
static QUIRE_RESIDENT QUIRE_COLD uint32_t quire_pager_room_ahead_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx)
{
    struct quire_pager *pager = op->pager;
    uint32_t wanted = quire_cluster_wanted(fobj, pgidx);
    uint32_t i;

    if (quire_cluster_room(pager) < wanted && quire_cluster_in_order(pager, fobj, pgidx)) {
        for (i = quire_cluster_room(pager); i < wanted; i++) {
            uint32_t number = quire_pager_victim_(op);
            enum quire_status store;

            if (number == QUIRE_PAGE_NONE) {
                break;
            }
            if (!quire_pager_evict_(op, number)) {
                (void)quire_pager_evict_rest_(op, number, true, false, &store); /* dirty: no page is saved for this */
                break;
            }
        }
        quire_op_flush(op);                         /* what the policy aged */
        wanted = quire_cluster_wanted(fobj, pgidx); /* the lock may have been dropped */
    }
    return wanted < quire_cluster_room(pager) ? wanted : quire_cluster_room(pager);
}

/* Loads n absent pages of `fobj`, the first of which is needed; for all of them pages are free. As quire_pager_transfer_request_(),
 * or AGAIN: no request is free. */
static QUIRE_RESIDENT enum quire_status quire_pager_load_run_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                              uint32_t n, const struct quire_how *how)
{
    struct quire_pager *pager = op->pager;
    struct quire_request own;
    struct quire_request *request = quire_pager_begin_request_(pager, fobj, &own);
    uint32_t i;

    if (request == NULL) {
        return QUIRE_AGAIN;
    }
    request->load = true;
    request->steps = how->steps;
    request->needed = pgidx;
    request->io.pgidx = pgidx;
    request->io.stored = quire_slot_kind(fobj->slots[pgidx]) == QUIRE_SLOT_STORED;
    for (i = 0; i < n; i++) {
        uint32_t number = QUIRE_PAGE_NONE;

        request->shadow[i] = quire_slot_value(fobj->slots[pgidx + i]);
        quire_pmem_take(&pager->pool, fobj, pgidx + i, &number)->flags = request->io.stored ? QUIRE_PMEM_STORED : 0;
        quire_pager_refix(pager, number);
        fobj->busy++;
        quire_request_add(op, request, number);
    }
    return quire_pager_transfer_request_(op, request, how->wait_ok);
}

/* Loads an absent page of an object whose loads are requests; a page is free for it. As quire_pager_load_(). */
static QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_pager_load_request_(struct quire_op *op, struct quire_fobj *fobj,
                                                                             uint32_t pgidx, const struct quire_how *how,
                                                                             uint32_t *number, enum quire_status *store)
{
    struct quire_pager *pager = op->pager;
    uint32_t slot = fobj->slots[pgidx];
    enum quire_status status;
    bool alone = false;
    uint32_t n;

    *number = QUIRE_PAGE_NONE;
    status = quire_request_recall(pager, fobj, pgidx, true, &alone);
    if (status != QUIRE_OK && !alone) {
        *store = status;
        return status;
    }
    n = alone ? 1u : quire_pager_room_ahead_(op, fobj, pgidx);
    if (fobj->dead) {
        return QUIRE_DEAD;
    }
    if (fobj->slots[pgidx] != slot || pager->pool.free == QUIRE_PAGE_NONE || fobj->flushing != 0) {
        return QUIRE_OK; /* the lock was dropped: all is to be looked at anew */
    }
    status = quire_pager_load_run_(op, fobj, pgidx, n, how);
    if (n > 1u && !fobj->dead && quire_store_answer(status) == status && status != QUIRE_OK) {
        /* All are absent again, and the lock was not dropped since: perhaps a neighbour is to blame. */
        status = quire_pager_load_run_(op, fobj, pgidx, 1, how);
    }
    if (status == QUIRE_AGAIN) {
        status = quire_request_await(op, how->wait_ok);
        return fobj->dead ? QUIRE_DEAD : status;
    }
    *store = status;
    if (status == QUIRE_PENDING) {
        return QUIRE_AGAIN;
    }
    slot = fobj->slots[pgidx];
    if (status == QUIRE_OK && !fobj->dead && quire_slot_kind(slot) == QUIRE_SLOT_PRESENT) {
        *number = quire_slot_value(slot);
    }
    return fobj->dead ? QUIRE_DEAD : status;
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
    if (QUIRE_UNLIKELY(quire_fobj_by_request(fobj))) {
        status = quire_pager_load_request_(op, fobj, pgidx, how, number, store);
        quire_op_wake(op, fobj, pgidx); /* as above */
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
                return quire_request_late(pager, quire_slot_value(slot)) != NULL ? QUIRE_TIMEOUT : QUIRE_STUCK;
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
    return quire_pager_bring_(op, fobj, pgidx, how, number, loaded, dropped, store);
}

QUIRE_END

#endif
