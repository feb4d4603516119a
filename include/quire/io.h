/* quire/io.h - answers of stores that come later: completion, cancellation, time-out. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_IO_H
#define QUIRE_IO_H

#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "request.h"

/*
 * For a store that cannot answer at once (a disk with an interrupt, a file system in another world): its operations carry
 * QUIRE_FOBJ_OPS_PENDING, quire_pager_config.requests has room for what may be in flight, load and save begin the transfer and
 * answer QUIRE_PENDING, and whoever learns of its end calls quire_io_complete():
 *
 *     fault -> load(io): start it, return PENDING        ... interrupt -> quire_io_complete(pager, io->ticket, QUIRE_OK)
 *              the thread waits, or goes away with AGAIN                  the page becomes resident; waiters wake
 *
 *     clock -> quire_io_tick(pager, patience, NULL): what is older is cancelled, its pages are QUARANTINED, whoever waits or
 *              comes for them gets TIMEOUT; the late answer ends that, whatever it is
 *
 * *io, io->page and the pages stay as they are from the call to the answer, so that the store can keep the pointer. The
 * answer may come before the call has returned, from another context or from within. A store that never answers keeps its
 * pages, its request and its object for good: answer with an error when it is certain that it will not touch the pages again.
 *
 * A page that was being loaded belongs to nobody when its thread went away: an answer makes it resident, or frees it. What a
 * load failed with is then kept for the next fault on that page, as long as no other load or save needs the request: a thread
 * that cannot wait learns it too, mostly. A save that failed leaves the page dirty.
 *
 * All take the pager's lock, and may be called from any context that may take it, but not with it held.
 * Tickets are numbers, not secrets: check what comes from a context that is not trusted before you pass it on.
 */
QUIRE_BEGIN

/* The store is done with the request and will not touch its pages again. `status`: as load or save would have answered (OK, IO,
 * INTEGRITY, NO_MEMORY, all else is BAD_ANSWER). NOT_FOUND: no such request, or it was answered before; nothing changed but
 * stats.unknown_tickets. Frees objects that died meanwhile (ops->free runs here, after the lock). O(pages of the request). */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_io_complete(struct quire_pager *pager, uint64_t ticket,
                                                             enum quire_status status) QUIRE_SYM(quire_io_complete);

/* Waits no longer for the request: as if it were out of time. It is for the store to be told, and to answer when it has let
 * go of the pages. If its call has not returned yet, this takes effect should it answer PENDING. NOT_FOUND: no such request, or it
 * was answered. Cancelling again changes nothing. O(pages). */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_io_cancel(struct quire_pager *pager, uint64_t ticket)
    QUIRE_SYM(quire_io_cancel);

/* The user's clock: every request in flight becomes one tick older; those older than `patience` ticks are cancelled, and
 * *expired (may be null) says how many. O(requests of the table). */
QUIRE_API QUIRE_RESIDENT void quire_io_tick(struct quire_pager *pager, uint32_t patience, uint32_t *expired)
    QUIRE_SYM(quire_io_tick);

QUIRE_END

#endif /* QUIRE_IO_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_IO_IMPLEMENTED)
#define QUIRE_IO_IMPLEMENTED

QUIRE_BEGIN

/* Nobody waits for the request: its pages are settled here, and it is free. */
static QUIRE_RESIDENT void quire_io_settle_(struct quire_op *op, struct quire_request *request, enum quire_status status)
{
    struct quire_fobj *fobj = request->io.fobj;
    bool remember = status != QUIRE_OK && !fobj->dead; /* a save: so that a bad neighbour is left alone next time */

    quire_request_settle(op, request, status);
    if (request->owned) {
        request->state = QUIRE_REQUEST_ENDED; /* for the thread that has not woken since it became late */
        return;
    }
    quire_request_release(op, request);
    if (remember) {
        request->io.fobj = fobj;
        request->status = status;
    }
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_io_complete(struct quire_pager *pager, uint64_t ticket,
                                                             enum quire_status status)
{
    enum quire_status answer = quire_store_answer(status);
    struct quire_request *request;
    struct quire_op op;

    quire_op_begin(&op, pager);
    request = quire_request_find(pager, ticket);
    if (request == NULL || request->state == QUIRE_REQUEST_ANSWERED || request->state == QUIRE_REQUEST_ENDED) {
        pager->stats.unknown_tickets++;
        quire_op_end(&op);
        return QUIRE_NOT_FOUND;
    }
    pager->stats.bad_answers += answer == QUIRE_BAD_ANSWER;
    if (request->state == QUIRE_REQUEST_LATE) {
        pager->requests_late--;
        quire_io_settle_(&op, request, answer);
    } else if (request->state == QUIRE_REQUEST_CALLED || request->owned) {
        request->state = QUIRE_REQUEST_ANSWERED;
        request->status = answer;
        if (request->owned) {
            pager->mmu->wake(pager->mmu->ctx, request);
        }
    } else {
        quire_io_settle_(&op, request, answer);
    }
    quire_op_end(&op);
    return QUIRE_OK;
}

/* True if the request is out of time now. */
static QUIRE_RESIDENT bool quire_io_expire_(struct quire_op *op, struct quire_request *request)
{
    if (request->state == QUIRE_REQUEST_CALLED) {
        request->cancelled = true;
    }
    if (request->state != QUIRE_REQUEST_IN_FLIGHT) {
        return false;
    }
    quire_request_expire(op, request);
    return true;
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_io_cancel(struct quire_pager *pager, uint64_t ticket)
{
    struct quire_request *request;
    struct quire_op op;
    bool known;

    quire_op_begin(&op, pager);
    request = quire_request_find(pager, ticket);
    known = request != NULL && request->state != QUIRE_REQUEST_ANSWERED && request->state != QUIRE_REQUEST_ENDED;
    if (known) {
        (void)quire_io_expire_(&op, request);
    }
    quire_op_end(&op);
    return known ? QUIRE_OK : QUIRE_NOT_FOUND;
}

QUIRE_API QUIRE_RESIDENT void quire_io_tick(struct quire_pager *pager, uint32_t patience, uint32_t *expired)
{
    struct quire_op op;
    uint32_t n = 0;
    uint32_t i;

    quire_op_begin(&op, pager);
    for (i = 0; i < pager->num_requests; i++) {
        struct quire_request *request = &pager->requests[i];

        if (request->state == QUIRE_REQUEST_IN_FLIGHT && request->age++ >= patience) {
            n += quire_io_expire_(&op, request) ? 1u : 0u;
        }
    }
    quire_op_end(&op);
    if (expired != NULL) {
        *expired = n;
    }
}

QUIRE_END

#endif
