/* quire/transfer.h - asking a store: one page at once, or a request whose answer may come later. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_TRANSFER_H
#define QUIRE_TRANSFER_H

#include "account.h"
#include "base.h"
#include "cluster.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "pmem.h"
#include "request.h"
#include "trace.h"

/*
 * Not for users. The two ways to a store, both with the lock held, which is dropped while the store works:
 *
 *     one page, answered at once:    transfer -> load, save (-> what that needs: need.h)        the ordinary case
 *     a request (request.h):         begin -> ask -> [await the answer] -> settle               may be PENDING, or several pages
 *
 * What a store needs it may ask for in either (need.h). AGAIN where nothing was done: what it needs could not be brought just now,
 * since another operation owns the reserve; or no request is free.
 */
QUIRE_BEGIN

/* Saves page `number`, which has no entries; it is SAVING meanwhile and the lock dropped. AGAIN: it needs another page, which
 * this thread cannot bring now: quire_op_await_means(); nothing was saved. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_save(struct quire_op *op, uint32_t number, bool wait_ok)
    QUIRE_SYM(quire_pager_save);

/* The same where the object's saves are requests, for a page without entries (they need not be flushed yet; fobj->busy is
 * raised for it), whose transit it ends, or leaves to the request. Dirty neighbours are saved with it. `evict`: it is to become
 * free. AGAIN: as above, or no request is free, or enough are evicting; nothing was saved. PENDING: the save goes on, and this
 * thread must not or cannot wait. TIMEOUT: it goes on, and was cancelled. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_save_request(struct quire_op *op, uint32_t number, bool evict,
                                                                    bool wait_ok) QUIRE_SYM(quire_pager_save_request);

/* A load or save ended with AGAIN: waits until what it lacked may be had, the reserve or a request; the caller has nothing in
 * transit, and has not dropped the lock since. AGAIN: it must not wait or cannot; TIMEOUT: all requests belong to late stores. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_op_await_means(struct quire_op *op, bool wait_ok)
    QUIRE_SYM(quire_op_await_means);

QUIRE_END

#endif /* QUIRE_TRANSFER_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_TRANSFER_IMPLEMENTED)
#define QUIRE_TRANSFER_IMPLEMENTED

QUIRE_BEGIN

QUIRE_API QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_op_await_means(struct quire_op *op, bool wait_ok)
{
    if (op->pager->needing != NULL && op->pager->needing != op) {
        return quire_op_wait_reserve(op, wait_ok);
    }
    return op->pager->num_requests != 0 ? quire_request_await(op, wait_ok) : QUIRE_AGAIN;
}

/* ---- One page, at once ---- */

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

/* Asks the store to fill (load) or keep (save) page `number`, without the lock; brings what it needs for that (need.h). */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_transfer_(struct quire_op *op, struct quire_pmem *pmem,
                                                                    uint32_t number, bool load, bool wait_ok)
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
    io.need_page = NULL;
    io.need_fobj = NULL;
    io.need_write = false;
    answer = quire_pager_ask_(op, &io, load);
    if (QUIRE_LIKELY(answer == QUIRE_OK)) {
        mmu->alias_put(mmu->ctx, pa, page);
        return QUIRE_OK;
    }
    if (answer == QUIRE_NEED && pager->need != NULL) {
        answer = pager->need(op, &io, load, wait_ok);
    } else {
        answer = quire_store_answer(answer);
        pager->stats.bad_answers += answer == QUIRE_BAD_ANSWER;
    }
    mmu->alias_put(mmu->ctx, pa, page);
    return answer;
}

/* quire_pager_save() without telling: quire_pager_saved_() is to follow, or a fault tells of it. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_save_(struct quire_op *op, struct quire_pmem *pmem, uint32_t number,
                                                                bool wait_ok)
{
    struct quire_pager *pager = op->pager;
    enum quire_status status;

    QUIRE_ASSERT(pmem->mapped == 0 && !pmem->fobj->dead);
    quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_SAVING);
    pmem->flags &= (uint8_t)~QUIRE_PMEM_DIRTY; /* whoever writes it meanwhile, through a hold or a pin, makes it dirty again */
    status = quire_pager_transfer_(op, pmem, number, false, wait_ok);
    if (status == QUIRE_OK) {
        pager->stats.saves++;
        pmem->flags |= QUIRE_PMEM_STORED;
    } else if (status != QUIRE_AGAIN) {
        pager->stats.save_failures++;
    }
    if (status != QUIRE_OK || pmem->pins != 0) {
        pmem->flags |= QUIRE_PMEM_DIRTY; /* who pinned it may still be writing */
    }
    return status;
}

/* For a trace: the save of page `number`, which is *pmem, ended with `status`; it began at `began`, 0: not known. */
static QUIRE_RESIDENT QUIRE_COLD void quire_pager_saved_(struct quire_op *op, const struct quire_pmem *pmem, uint32_t number,
                                                         enum quire_status status, uint64_t began)
{
#if QUIRE_TRACE
    op->cost = began != 0 ? quire_trace_cost_code(quire_pager_clock(op->pager) - began) : 0;
    if (status == QUIRE_OK) {
        op->untold |= QUIRE_OP_SAVED; /* quire_pager_settle() knows what comes of it */
    } else if (!pmem->fobj->dead) {
        quire_op_tell_save(op, number, status);
    }
#else
    (void)op;
    (void)pmem;
    (void)number;
    (void)status;
    (void)began;
#endif
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_save(struct quire_op *op, uint32_t number, bool wait_ok)
{
    struct quire_pmem *pmem = quire_pmem_at(&op->pager->pool, number);
    const struct quire_trace *clock = op->pager->trace;
    uint64_t began = quire_pager_clock(op->pager);
    enum quire_status status = quire_pager_save_(op, pmem, number, wait_ok);

    if (QUIRE_PAGER_TRACED(op->pager)) {
        quire_pager_saved_(op, pmem, number, status, quire_pager_since(op->pager, clock, began));
    }
    (void)clock;
    (void)began;
    return status;
}

/* ---- The store that answers later ---- */

/* Begins what the store is to be asked about `fobj`: in the pager's table if it may answer later, else in `own`. Null: none is
 * free. */
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
    request->io.need_page = NULL;
    request->io.need_fobj = NULL;
    request->io.need_pgidx = 0;
    request->io.need_write = false;
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
    bool needed = answer == QUIRE_NEED && op->pager->need != NULL;

    if (needed) {
        answer = op->pager->need(op, &request->io, request->load, wait_ok);
    }
    if (answer == QUIRE_PENDING && request->ticket != 0) {
        answer = quire_pager_await_answer_(op, request, wait_ok);
        if (answer == QUIRE_PENDING || answer == QUIRE_TIMEOUT) {
            return answer;
        }
    } else {
        op->pager->stats.unknown_tickets += request->state == QUIRE_REQUEST_ANSWERED; /* it answered twice */
        if (!needed) {
            answer = quire_store_answer(answer);
            op->pager->stats.bad_answers += answer == QUIRE_BAD_ANSWER;
        }
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

QUIRE_END

#endif
