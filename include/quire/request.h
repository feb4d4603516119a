/* quire/request.h - loads and saves that a store answers later, or for several pages. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_REQUEST_H
#define QUIRE_REQUEST_H

#include "account.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "headroom.h"
#include "mmu.h"
#include "pmem.h"

/*
 * Not for users, but for the size of `struct quire_request` (quire_pager_config.requests); their calls are in io.h. A request
 * is one call of load or save and what becomes of its pages:
 *
 *     FREE -> CALLED --(any answer but PENDING)---------------------------> settled
 *               |  \----(quire_io_complete before the call is back)-> ANSWERED -> settled by the thread that called
 *               v
 *             IN FLIGHT --(answer, a thread waits for it)-> ANSWERED -> settled by that thread
 *               |    \----(answer, nobody waits)-------------------------> settled by whoever brought the answer
 *               v
 *             LATE (cancelled, or out of time: its pages are QUARANTINED) --(answer)-> settled by whoever brought it
 *
 * Settling ends the transit of all pages as if the store had answered at once, and gives their aliases back. Until then each
 * page's slot names it, and fobj->busy is raised once for each: the store never has two requests for a page, and no object is
 * freed under it.
 *
 * A ticket is (how often this place of the table was used, which place): no pager gives it twice. A place that would have to
 * begin anew is never used again.
 *
 * Called with the lock held. A request in the table is freed by settling; one of several pages whose store always answers at once
 * is on the stack.
 */
QUIRE_BEGIN

/* The most requests a table may have. */
#define QUIRE_REQUESTS_MAX 0xffffu
#define QUIRE_REQUEST_INDEX_BITS 16

enum quire_request_state {
    QUIRE_REQUEST_FREE,
    QUIRE_REQUEST_CALLED,
    QUIRE_REQUEST_IN_FLIGHT,
    QUIRE_REQUEST_ANSWERED,
    QUIRE_REQUEST_LATE,
    QUIRE_REQUEST_ENDED /* LATE, and settled; the thread that asked has not woken yet */
};

struct quire_request {
    struct quire_io io; /* what the store was given. fobj: null if the request is free and nothing is remembered */
    void *page[QUIRE_IO_PAGES_MAX];
    uint32_t number[QUIRE_IO_PAGES_MAX]; /* the physical pages */
    uint32_t shadow[QUIRE_IO_PAGES_MAX]; /* load: what their slots remembered */
    uint64_t ticket;                     /* its last one, while it is free. On the stack: 0 */
    uint32_t next;                       /* free: the one to be taken after it */
    uint32_t *steps;                     /* load: the row (engine.h) of the thread that needs its first page; null: none */
    uint32_t needed;                     /* the page index it is about; the others are its neighbours */
    uint32_t victim;                     /* save: the page that is to be freed by it, or QUIRE_PAGE_NONE */
    uint32_t age;                        /* ticks since the call */
    enum quire_status status;            /* ANSWERED: with what. Free: what it failed with while nobody waited */
    uint8_t state;                       /* enum quire_request_state */
    bool load;
    bool owned;     /* a thread waits for the answer, or is on its way back from waiting */
    bool cancelled; /* CALLED: it becomes LATE if the store answers PENDING */
};

/* Is it a save that will free a page? Of those in the table, not cancelled, the pager keeps count. */
static inline QUIRE_RESIDENT bool quire_request_evicts(const struct quire_request *request)
{
    return request->ticket != 0 && request->victim != QUIRE_PAGE_NONE && request->state != QUIRE_REQUEST_LATE;
}

/* Makes the pager's table. O(n). */
QUIRE_API void quire_request_init(struct quire_pager *pager, struct quire_request *requests, uint32_t n)
    QUIRE_SYM(quire_request_init);

/* A free request that has a ticket now, or null. O(1). */
QUIRE_API QUIRE_RESIDENT struct quire_request *quire_request_take(struct quire_pager *pager) QUIRE_SYM(quire_request_take);

/* Gives it back; on the stack: nothing. O(1). */
QUIRE_API QUIRE_RESIDENT void quire_request_release(struct quire_op *op, struct quire_request *request)
    QUIRE_SYM(quire_request_release);

/* Waits until a request may be free. AGAIN: must not or cannot. TIMEOUT: none will be until a late store answers. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_request_await(struct quire_op *op, bool wait_ok)
    QUIRE_SYM(quire_request_await);

/* The request in use that has this ticket, or null. O(1). */
QUIRE_API QUIRE_RESIDENT struct quire_request *quire_request_find(const struct quire_pager *pager, uint64_t ticket)
    QUIRE_SYM(quire_request_find);

/* The late request that page `number` is quarantined for; null: an MMU's entry is stuck. O(requests). */
QUIRE_API QUIRE_RESIDENT const struct quire_request *quire_request_late(const struct quire_pager *pager, uint32_t number)
    QUIRE_SYM(quire_request_late);

/* Adds a page of the object, in transit, to what is to be asked. */
QUIRE_API QUIRE_RESIDENT void quire_request_add(struct quire_op *op, struct quire_request *request, uint32_t number)
    QUIRE_SYM(quire_request_add);

/* The store is done with all pages of the request, whose state is LOADING, SAVING or (LATE) QUARANTINED: loaded ones become
 * resident, or wiped and free if it failed; saved ones clean, or dirty again if it failed; the victim free. Those of a dead object
 * are wiped. O(pages). */
QUIRE_API QUIRE_RESIDENT void quire_request_settle(struct quire_op *op, struct quire_request *request, enum quire_status status)
    QUIRE_SYM(quire_request_settle);

/* The pages of a request in flight go into quarantine; who waits for them is told. O(pages). */
QUIRE_API QUIRE_RESIDENT void quire_request_expire(struct quire_op *op, struct quire_request *request)
    QUIRE_SYM(quire_request_expire);

/* A load (save) because of this page failed and nobody waited for it: with what; OK: none did. Said once. *alone: it was for
 * several pages, so that this one may not be to blame. O(requests). */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_request_recall(struct quire_pager *pager, const struct quire_fobj *fobj,
                                                                uint32_t pgidx, bool load, bool *alone)
    QUIRE_SYM(quire_request_recall);

/* Nothing is remembered of an object that may have had the address of `fobj` before. O(requests). */
QUIRE_API void quire_request_forget(struct quire_pager *pager, const struct quire_fobj *fobj) QUIRE_SYM(quire_request_forget);

QUIRE_END

#endif /* QUIRE_REQUEST_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_REQUEST_IMPLEMENTED)
#define QUIRE_REQUEST_IMPLEMENTED

QUIRE_BEGIN

/* ---- The table ---- */

#define QUIRE_REQUEST_NONE_ QUIRE_REQUESTS_MAX
#define QUIRE_REQUEST_USE_ ((uint64_t)1 << QUIRE_REQUEST_INDEX_BITS)

static QUIRE_RESIDENT uint32_t quire_request_index_(const struct quire_pager *pager, const struct quire_request *request)
{
    return (uint32_t)(request - pager->requests);
}

/* A free request that is taken after all that were free before: what it remembers is kept as long as can be. */
static QUIRE_RESIDENT void quire_request_append_(struct quire_pager *pager, uint32_t index)
{
    pager->requests[index].next = QUIRE_REQUEST_NONE_;
    if (pager->requests_first == QUIRE_REQUEST_NONE_) {
        pager->requests_first = index;
    } else {
        pager->requests[pager->requests_last].next = index;
    }
    pager->requests_last = index;
}

QUIRE_API void quire_request_init(struct quire_pager *pager, struct quire_request *requests, uint32_t n)
{
    uint32_t i;

    pager->requests = requests;
    pager->num_requests = n;
    pager->requests_first = QUIRE_REQUEST_NONE_;
    pager->requests_last = QUIRE_REQUEST_NONE_;
    for (i = 0; i < n; i++) {
        QUIRE_MEMSET(&requests[i], 0, sizeof requests[i]);
        requests[i].ticket = i;
        quire_request_append_(pager, i);
    }
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD struct quire_request *quire_request_take(struct quire_pager *pager)
{
    struct quire_request *request;

    while (pager->requests_first != QUIRE_REQUEST_NONE_) {
        request = &pager->requests[pager->requests_first];
        pager->requests_first = request->next;
        if (request->ticket + QUIRE_REQUEST_USE_ < QUIRE_REQUEST_USE_) {
            continue; /* worn out: its next ticket would be one that it had before */
        }
        request->ticket += QUIRE_REQUEST_USE_;
        request->state = QUIRE_REQUEST_CALLED;
        pager->requests_used++;
        return request;
    }
    return NULL;
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_request_release(struct quire_op *op, struct quire_request *request)
{
    struct quire_pager *pager = op->pager;

    if (request->ticket == 0) {
        return;
    }
    QUIRE_ASSERT(request->state != QUIRE_REQUEST_FREE && !request->owned);
    request->state = QUIRE_REQUEST_FREE;
    request->io.fobj = NULL;
    pager->requests_used--;
    quire_request_append_(pager, quire_request_index_(pager, request));
    if (pager->request_waiters != 0) {
        pager->mmu->wake(pager->mmu->ctx, &pager->requests);
    }
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_request_await(struct quire_op *op, bool wait_ok)
{
    struct quire_pager *pager = op->pager;
    enum quire_status status;

    if (pager->requests_late == pager->requests_used) {
        if (pager->requests_first == QUIRE_REQUEST_NONE_) {
            return QUIRE_TIMEOUT;
        }
        return wait_ok && pager->mmu->wait != NULL ? QUIRE_OK : QUIRE_AGAIN; /* it lacked something else, and may again */
    }
    pager->request_waiters++;
    status = quire_op_wait(op, &pager->requests, wait_ok);
    pager->request_waiters--;
    return status;
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD struct quire_request *quire_request_find(const struct quire_pager *pager, uint64_t ticket)
{
    uint32_t index = (uint32_t)ticket & (uint32_t)(QUIRE_REQUEST_USE_ - 1u);
    struct quire_request *request;

    if (index >= pager->num_requests) {
        return NULL;
    }
    request = &pager->requests[index];
    return request->ticket == ticket && request->state != QUIRE_REQUEST_FREE ? request : NULL;
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD const struct quire_request *quire_request_late(const struct quire_pager *pager,
                                                                                   uint32_t number)
{
    uint32_t i;
    uint32_t page;

    for (i = 0; i < pager->num_requests; i++) {
        const struct quire_request *request = &pager->requests[i];

        for (page = 0; request->state == QUIRE_REQUEST_LATE && page < request->io.npages; page++) {
            if (request->number[page] == number) {
                return request;
            }
        }
    }
    return NULL;
}

/* ---- Its pages ---- */

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_request_add(struct quire_op *op, struct quire_request *request, uint32_t number)
{
    const struct quire_mmu *mmu = op->pager->mmu;
    uint32_t i = request->io.npages++;

    request->number[i] = number;
    request->page[i] = mmu->alias_get(mmu->ctx, quire_pmem_pa(&op->pager->pool, number));
}

/* A page that a store filled, or failed to. `steps`: the row of the thread it was loaded for; it is kept for that thread until
 * it comes back for it, or an instruction whose faults never wait might never see all its pages at once. */
static QUIRE_RESIDENT void quire_request_settle_load_(struct quire_op *op, uint32_t number, uint32_t shadow, uint32_t *steps,
                                                      enum quire_status status)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    struct quire_fobj *fobj = pmem->fobj;
    uint32_t distance;

    if (QUIRE_PAGER_TRACED(pager) && !fobj->dead) {
        bool came = status == QUIRE_OK && (pmem->flags & QUIRE_PMEM_DISCARD) == 0;

        quire_op_tell_load(op, came ? number : QUIRE_PAGE_NONE, fobj->id, pmem->pgidx, came ? QUIRE_OK : status, 0);
    }
    if (fobj->dead) {
        quire_pager_wipe(op, number);
    } else if (status != QUIRE_OK || (pmem->flags & QUIRE_PMEM_DISCARD) != 0) {
        quire_pager_wipe_failed(op, number, shadow);
    } else {
        quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_RESIDENT);
        pmem->flags &= (uint8_t)~QUIRE_PMEM_WAITED;
        distance = quire_account_distance(fobj->account, shadow);
        quire_headroom_note(&fobj->account->headroom, distance);
        quire_pager_policy_insert(pager, pmem, number, distance);
        if (steps != NULL) {
            quire_pager_step_note(pager, steps, pmem, number);
        }
        quire_op_wake(op, fobj, pmem->pgidx);
    }
    quire_op_unbusy(op, fobj);
}

/* A page that a store has kept, or failed to. */
static QUIRE_RESIDENT void quire_request_settle_save_(struct quire_op *op, uint32_t number, bool evict,
                                                      enum quire_status status)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

    if (status == QUIRE_OK) {
        pmem->flags |= QUIRE_PMEM_STORED;
    }
    if (status != QUIRE_OK || pmem->pins != 0) {
        pmem->flags |= QUIRE_PMEM_DIRTY; /* who pinned it may still be writing */
    }
    if (evict && (pmem->flags & (QUIRE_PMEM_DIRTY | QUIRE_PMEM_WAITED)) == 0) {
        pmem->flags |= QUIRE_PMEM_DISCARD;
        pager->stats.evictions++;
        quire_account_gave(pmem->fobj->account, pmem->fobj->account); /* for whom is forgotten: he may be gone */
    }
    if (QUIRE_PAGER_TRACED(pager) && status == QUIRE_OK && !pmem->fobj->dead) {
        op->cost = 0;
        op->untold |= QUIRE_OP_SAVED; /* quire_pager_settle() tells what comes of it */
    } else if (QUIRE_PAGER_TRACED(pager) && !pmem->fobj->dead) {
        op->cost = 0;
        quire_op_tell_save(op, number, status);
    }
    quire_pager_settle(op, number);
}

static QUIRE_RESIDENT void quire_request_count_(struct quire_pager_stats *stats, const struct quire_request *request,
                                                enum quire_status status)
{
    uint32_t n = request->io.npages;

    if (request->load) {
        stats->loads += status == QUIRE_OK ? n : 0;
        stats->load_failures += status != QUIRE_OK && status != QUIRE_AGAIN;
        stats->read_ahead += status == QUIRE_OK ? n - 1u : 0;
    } else {
        stats->saves += status == QUIRE_OK ? n : 0;
        stats->save_failures += status != QUIRE_OK && status != QUIRE_AGAIN;
        stats->saved_ahead += status == QUIRE_OK ? n - 1u : 0;
    }
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_request_settle(struct quire_op *op, struct quire_request *request,
                                                              enum quire_status status)
{
    struct quire_pager *pager = op->pager;
    const struct quire_mmu *mmu = pager->mmu;
    uint32_t i;

    quire_request_count_(&pager->stats, request, status);
    request->io.fobj->account->stats.major += request->load && status == QUIRE_OK ? 1u : 0u;
    pager->requests_evict -= quire_request_evicts(request) ? 1u : 0;
    for (i = 0; i < request->io.npages; i++) {
        uint32_t number = request->number[i];
        struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

        mmu->alias_put(mmu->ctx, quire_pmem_pa(&pager->pool, number), request->page[i]);
        if (request->load) {
            quire_request_settle_load_(op, number, request->shadow[i], i == 0 ? request->steps : NULL, status);
        } else {
            quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_SAVING); /* from quarantine */
            quire_request_settle_save_(op, number, number == request->victim, status);
        }
    }
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_request_expire(struct quire_op *op, struct quire_request *request)
{
    struct quire_pager *pager = op->pager;
    uint32_t i;

    pager->requests_evict -= quire_request_evicts(request) ? 1u : 0;
    request->state = QUIRE_REQUEST_LATE;
    pager->requests_late++;
    pager->stats.timeouts++;
    for (i = 0; i < request->io.npages; i++) {
        struct quire_pmem *pmem = quire_pmem_at(&pager->pool, request->number[i]);

        quire_pager_policy_remove(pager, pmem, request->number[i]);
        quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_QUARANTINED);
        quire_op_wake(op, pmem->fobj, pmem->pgidx);
    }
    if (request->owned) {
        pager->mmu->wake(pager->mmu->ctx, request);
    }
    if (pager->request_waiters != 0) {
        pager->mmu->wake(pager->mmu->ctx, &pager->requests); /* if now all are late, there is nothing to wait for */
    }
}

/* ---- What is remembered of failures that nobody waited for ---- */

QUIRE_API QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_request_recall(struct quire_pager *pager,
                                                                           const struct quire_fobj *fobj, uint32_t pgidx,
                                                                           bool load, bool *alone)
{
    uint32_t i;

    for (i = 0; i < pager->num_requests; i++) {
        struct quire_request *request = &pager->requests[i];

        if (request->state == QUIRE_REQUEST_FREE && request->io.fobj == fobj && request->needed == pgidx &&
            request->load == load) {
            request->io.fobj = NULL;
            *alone = request->io.npages > 1u;
            return request->status;
        }
    }
    return QUIRE_OK;
}

QUIRE_API QUIRE_COLD void quire_request_forget(struct quire_pager *pager, const struct quire_fobj *fobj)
{
    uint32_t i;

    for (i = 0; i < pager->num_requests; i++) {
        if (pager->requests[i].state == QUIRE_REQUEST_FREE && pager->requests[i].io.fobj == fobj) {
            pager->requests[i].io.fobj = NULL;
        }
    }
}

QUIRE_END

#endif
