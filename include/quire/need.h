/* quire/need.h - stores that need a page of another object, and the reserve that lets one operation finish. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_NEED_H
#define QUIRE_NEED_H

#include "account.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "page_in.h"
#include "pmem.h"
#include "request.h"
#include "transfer.h"

/*
 * A store never fetches another object's page (a list of hashes, a table of versions): its load or save answers
 * NEED(fobj, pgidx) before it touched anything. The pager brings that page as a fault would, holds it, and calls again with
 * `need_page`, its kernel address; `need_write` makes it dirty. Three things to do:
 *
 *     config.rank_max = 1;                       the highest rank of any object: pages of a reserve, see below
 *     quire_pager_know(&pager, &table);          rank 0: so that it can be needed without ever being mapped
 *     if (io->need_page == NULL) { io->need_fobj = &table; io->need_pgidx = i; io->need_write = true; return QUIRE_NEED; }
 *
 * The needed object is of lower rank, so a chain of needs ends; it is known to the same pager, paged, and the store has a
 * reference to it. A store may answer NEED up to QUIRE_NEED_ROUNDS times in one request; only the page it asked for last is
 * there, and what a load wrote to its own pages before stays. What breaks these rules is a BAD_ANSWER. If the page cannot be had,
 * the load or save fails with that status.
 *
 * The last rank_max + 1 free pages are the reserve: an ordinary fault evicts until there are more. What a store needs is
 *
 *     resident -> held and handed out, by anybody
 *     else     -> the operation becomes the owner of the reserve, one at a time, until its own load or save ends:
 *                 room besides the reserve -> brought there, an ordinary page from now on
 *                 no such room             -> lent: brought into a page of the reserve, in transit for everybody else
 *                 too few left for lower ranks -> a lent page of this rank or a lower one is given back (saved) first
 *                 at the end: lent pages are given back; one may stay, and the next faults refill the reserve
 *
 * Why one always finishes. (1) Who is not the owner waits with nothing in transit, nothing claimed and nothing held that is
 * not resident: a load or save that would need the owner's rights is undone (AGAIN) before its operation waits. So what the
 * owner waits for, a page in somebody's transit, ends. (2) With n pages lent out of `have` (at least rank_max), a page of rank L
 * is lent only if n + L < have. All lent pages of higher rank were lent leaving L + 1 or more, so when the test fails one of
 * the lent pages has rank L or less; it is in nobody's use, and saving it needs lower ranks only: by induction, rank 0 needing
 * nothing, it can be given back. (3) Evicting a page may leave one of lower rank in its place, once per operation. Each
 * failure of a store to save a lent page leaves that page resident and dirty, and the reserve short (`owed`) until faults
 * have refilled it: nothing is lost, but until then a need may end with NO_PAGE. Where threads cannot wait, AGAIN takes the
 * place of each wait, and then two that try again in step may undo each other's loads for as long as they stay in step: let
 * each pause for a random time, longer with each AGAIN (as senders on one wire do), and all get on.
 *
 * A page that could not be given back (of a locked object, or written and without a save operation) takes a page of the
 * reserve only while that is full, else NO_PAGE: have those resident before they are needed, as far as they form chains. What is
 * brought for a need, or given back, is asked of its store without a ticket: such a store has to answer at once then.
 *
 * Invariants: free + lent + owed >= rank_max + 1; nothing is lent while nobody is the owner; the depth of needs is at most
 * rank_max.
 */
QUIRE_BEGIN

/* Pages that one load or save may ask for. */
#define QUIRE_NEED_ROUNDS 8u

/* Serves the NEED that `io` holds and calls the store again, until it answers otherwise; returns what the load or save ends
 * with, or PENDING if the request has a ticket. AGAIN: it would have to wait for the reserve. For transfer.h, through pager->need.
 * Not for users. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_need(struct quire_op *op, struct quire_io *io, bool load, bool wait_ok)
    QUIRE_SYM(quire_pager_need);

QUIRE_END

#endif /* QUIRE_NEED_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_NEED_IMPLEMENTED)
#define QUIRE_NEED_IMPLEMENTED

QUIRE_BEGIN

/* ---- The reserve ---- */

/* Pages of the reserve that are lent. */
static QUIRE_RESIDENT uint32_t quire_need_lent_(const struct quire_pager *pager)
{
    return pager->reserve - pager->held_back;
}

/* The place in pager->lent of page `number` (or of none), null if it has none. */
static QUIRE_RESIDENT uint32_t *quire_need_place_(struct quire_pager *pager, uint32_t number)
{
    uint32_t i;

    for (i = 0; i <= QUIRE_FOBJ_RANK_MAX; i++) {
        if (pager->lent[i] == number) {
            return &pager->lent[i];
        }
    }
    return NULL;
}

/* The lent page that is to be given back first, of rank `most` or less: the one of the highest rank, since saving it may borrow
 * others. Null: there is none. */
static QUIRE_RESIDENT uint32_t *quire_need_victim_(struct quire_pager *pager, unsigned most)
{
    uint32_t *best = NULL;
    unsigned highest = 0;
    uint32_t i;

    for (i = 0; i <= QUIRE_FOBJ_RANK_MAX; i++) {
        if (pager->lent[i] != QUIRE_PAGE_NONE) {
            unsigned rank = quire_pmem_at(&pager->pool, pager->lent[i])->fobj->rank;

            if (rank <= most && (best == NULL || rank > highest)) {
                best = &pager->lent[i];
                highest = rank;
            }
        }
    }
    return best;
}

/* One page more is brought, or given back, on behalf of the last: the recursion, and its bound. */
static QUIRE_RESIDENT void quire_need_enter_(struct quire_pager *pager)
{
    pager->need_depth++;
    QUIRE_ASSERT(pager->need_depth <= pager->rank_max);
}

static QUIRE_RESIDENT void quire_need_leave_(struct quire_pager *pager)
{
    pager->need_depth--;
}

/* Saves a lent page if it is dirty, and frees it. If that fails it stays, dirty, as an ordinary page; the reserve is owed it. */
static QUIRE_RESIDENT enum quire_status quire_need_give_back_(struct quire_op *op, uint32_t *place, bool wait_ok)
{
    struct quire_pager *pager = op->pager;
    uint32_t number = *place;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    enum quire_status status = QUIRE_OK;

    *place = QUIRE_PAGE_NONE;
    if ((pmem->flags & QUIRE_PMEM_DIRTY) != 0 && pmem->fobj->ops->save != NULL && !pmem->fobj->dead) {
        quire_need_enter_(pager);
        status = quire_pager_save(op, number, wait_ok);
        quire_need_leave_(pager);
    }
    pager->held_back++;
    if ((pmem->flags & QUIRE_PMEM_DIRTY) == 0) {
        pmem->flags |= QUIRE_PMEM_DISCARD;
        pager->stats.evictions++;
        quire_account_gave(pmem->fobj->account, pmem->fobj->account);
    } else if (!pmem->fobj->dead) {
        pager->owed++;
    }
    quire_pager_settle(op, number);
    return status;
}

/* How many pages the reserve lacks. */
static QUIRE_RESIDENT uint32_t quire_need_short_(const struct quire_pager *pager)
{
    uint32_t unused = pager->pool.count[QUIRE_PAGE_FREE];

    return unused < pager->reserve ? pager->reserve - unused : 0;
}

/* The owner's load or save has ended. Without the last page of the reserve a chain of needs can still be served: so one page may
 * stay, and be found by the next who needs it; but not a second one in the same operation, whose eviction would never end. */
static QUIRE_RESIDENT void quire_need_end_(struct quire_op *op, bool wait_ok)
{
    struct quire_pager *pager = op->pager;
    const struct quire_mmu *mmu = pager->mmu;
    uint32_t allowed = 1u - op->kept;
    uint32_t *place;
    uint32_t i;

    while (quire_need_short_(pager) > allowed && (place = quire_need_victim_(pager, QUIRE_FOBJ_RANK_MAX)) != NULL) {
        (void)quire_need_give_back_(op, place, wait_ok);
    }
    for (i = 0; i <= QUIRE_FOBJ_RANK_MAX; i++) {
        uint32_t number = pager->lent[i];

        if (number != QUIRE_PAGE_NONE) {
            pager->lent[i] = QUIRE_PAGE_NONE;
            pager->held_back++;
            op->kept = 1u;
            quire_pager_settle(op, number);
        }
    }
    QUIRE_ASSERT(pager->held_back == pager->reserve && pager->need_depth == 0);
    pager->owed = quire_need_short_(pager);
    pager->needing = NULL;
    if (mmu->wake != NULL) {
        mmu->wake(mmu->ctx, &pager->needing);
    }
}

/* ---- The needed page ---- */

/* Is it resident, and in nobody's transit? */
static QUIRE_RESIDENT bool quire_need_there_(const struct quire_pager *pager, const struct quire_fobj *fobj, uint32_t pgidx)
{
    uint32_t slot = fobj->slots[pgidx];

    return quire_slot_kind(slot) == QUIRE_SLOT_PRESENT && fobj->flushing == 0 &&
           quire_pmem_at(&pager->pool, quire_slot_value(slot))->state == QUIRE_PAGE_RESIDENT;
}

/* Loads it, or makes room for it in the reserve; or it was invalidated on its way: the caller looks again. `stays`: it could not
 * be given back. */
static QUIRE_RESIDENT enum quire_status quire_need_load_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                         bool stays, bool wait_ok)
{
    struct quire_pager *pager = op->pager;
    uint32_t unused = pager->pool.count[QUIRE_PAGE_FREE];
    uint32_t lent = quire_need_lent_(pager);
    uint32_t have = unused + lent < pager->reserve ? unused + lent : pager->reserve;
    bool room = quire_pager_has_room(pager);
    bool lend = !room && !stays;
    uint32_t owe = !room && stays ? 1u : 0u;
    const struct quire_how how = {wait_ok, NULL, NULL};
    enum quire_status status;
    enum quire_status store;
    uint32_t number;

    if ((fobj->flags & QUIRE_FOBJ_LOCKED) != 0 && !quire_pager_may_fix(pager, fobj->account)) {
        return QUIRE_NO_PAGE;
    }
    if (lend && (unused == 0 || lent + fobj->rank >= have)) {
        uint32_t *place = quire_need_victim_(pager, fobj->rank);

        if (place != NULL) {
            return quire_need_give_back_(op, place, wait_ok);
        }
        /* Who cannot wait could not always give back what he was lent; the next fault refills the reserve first. */
        return have < pager->rank_max && (!wait_ok || pager->mmu->wait == NULL) ? QUIRE_AGAIN : QUIRE_NO_PAGE;
    }
    if (owe != 0 && (unused == 0 || have < pager->reserve || lent + fobj->rank + 1u >= have)) {
        return QUIRE_NO_PAGE;
    }
    if (!quire_account_within(fobj->account)) { /* whatever its quota: somebody's load or save depends on it */
        fobj->account->stats.over_quota++;
        quire_account_tolerate(fobj->account);
    }
    quire_account_expect(fobj->account);
    fobj->busy++;
    pager->held_back -= lend ? 1u : 0u;
    pager->owed += owe;
    quire_need_enter_(pager);
    status = quire_pager_take_(op, fobj, pgidx, fobj->slots[pgidx], &how, &number, &store);
    quire_need_leave_(pager);
    if (status != QUIRE_OK || number == QUIRE_PAGE_NONE) {
        pager->held_back += lend ? 1u : 0u;
        pager->owed -= owe;
        return status;
    }
    if (QUIRE_PAGER_TRACED(pager)) {
        quire_op_tell_load(op, number, fobj->id, pgidx, status, 0);
    }
    if (lend) {
        struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

        fobj->busy++;
        quire_pager_policy_remove(pager, pmem, number);
        quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_FLUSHING);
        *quire_need_place_(pager, QUIRE_PAGE_NONE) = number;
        pager->stats.lent++;
    }
    return QUIRE_OK;
}

/* Returns with the page there for this operation: resident, or lent to it. The caller has a reference to the object; if the page
 * is not there already, nobody else owns the reserve. */
static QUIRE_RESIDENT enum quire_status quire_need_bring_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                          bool stays, bool wait_ok, uint32_t *number)
{
    struct quire_pager *pager = op->pager;
    enum quire_status status = QUIRE_OK;

    while (status == QUIRE_OK) {
        bool present = quire_slot_kind(fobj->slots[pgidx]) == QUIRE_SLOT_PRESENT;

        *number = quire_slot_value(fobj->slots[pgidx]);
        if (present &&
            (quire_need_there_(pager, fobj, pgidx) || (pager->needing == op && quire_need_place_(pager, *number) != NULL))) {
            return QUIRE_OK;
        }
        if (pager->needing == NULL) {
            pager->needing = op;
            pager->owed = quire_need_short_(pager);
        }
        QUIRE_ASSERT(pager->needing == op);
        if (fobj->flushing != 0) {
            status = quire_op_wait_fobj(op, fobj, fobj, wait_ok);
        } else if (!present) {
            status = quire_need_load_(op, fobj, pgidx, stays, wait_ok);
        } else if (quire_pmem_at(&pager->pool, *number)->state == QUIRE_PAGE_QUARANTINED) {
            status = quire_request_late(pager, *number) != NULL ? QUIRE_TIMEOUT : QUIRE_STUCK;
        } else {
            quire_pmem_at(&pager->pool, *number)->flags |= QUIRE_PMEM_WAITED;
            status = quire_op_wait_fobj(op, fobj, &fobj->slots[pgidx], wait_ok);
        }
    }
    return status;
}

/* ---- One round ---- */

static QUIRE_RESIDENT bool quire_need_valid_(const struct quire_pager *pager, const struct quire_io *io)
{
    const struct quire_fobj *fobj = io->need_fobj;

    return fobj != NULL && fobj->pager == pager && !quire_fobj_is_unpaged(fobj) && fobj->origin == NULL &&
           fobj->rank < io->fobj->rank && io->need_pgidx < fobj->num_pages &&
           (!io->need_write || (fobj->max_prot & QUIRE_PROT_WRITE) != 0);
}

/* Lets go of the needed page and its object, in whose last put the lock must not be held. */
static QUIRE_RESIDENT void quire_need_put_(struct quire_op *op, struct quire_fobj *fobj)
{
    bool last;

    if (quire_refcount_put(&fobj->refs, &last) == QUIRE_OK && last) {
        quire_op_unlock(op);
        (void)fobj->last_put(fobj); /* the pager's, as it is known: quire_fobj_put() need not be resident */
        quire_op_lock(op);
    }
}

static QUIRE_RESIDENT void quire_need_let_go_(struct quire_op *op, uint32_t number, bool write)
{
    struct quire_pmem *pmem = quire_pmem_at(&op->pager->pool, number);
    struct quire_fobj *fobj = pmem->fobj;

    fobj->writers -= write;
    pmem->holds--;
    op->pager->holds--;
    quire_op_wake_room(op);
    quire_need_put_(op, fobj);
}

/* The store is about to write the page, or has. */
static QUIRE_RESIDENT enum quire_status quire_need_will_write_(struct quire_op *op, uint32_t number)
{
    enum quire_status status = quire_pager_will_write(op, number);

    (void)quire_op_flush_page(op, number);
    return status;
}

/* Brings what `io` asks for, and holds it. */
static QUIRE_RESIDENT enum quire_status quire_need_get_(struct quire_op *op, const struct quire_io *io, bool wait_ok,
                                                        uint32_t *number)
{
    struct quire_pager *pager = op->pager;
    struct quire_fobj *fobj = io->need_fobj;
    enum quire_status status;
    bool stays;

    if (!quire_need_valid_(pager, io)) {
        pager->stats.bad_answers++;
        return QUIRE_BAD_ANSWER;
    }
    if (pager->needing != NULL && pager->needing != op && !quire_need_there_(pager, fobj, io->need_pgidx)) {
        return QUIRE_AGAIN;
    }
    status = quire_fobj_get(fobj);
    if (status != QUIRE_OK) {
        pager->stats.bad_answers += status == QUIRE_DEAD;
        return status == QUIRE_DEAD ? QUIRE_BAD_ANSWER : status;
    }
    stays = (fobj->flags & QUIRE_FOBJ_LOCKED) != 0 || (io->need_write && fobj->ops->save == NULL);
    fobj->writers += io->need_write;
    status = quire_need_bring_(op, fobj, io->need_pgidx, stays, wait_ok, number);
    if (status != QUIRE_OK) {
        fobj->writers -= io->need_write;
        quire_need_put_(op, fobj);
        return status;
    }
    quire_pmem_at(&pager->pool, *number)->holds++;
    pager->holds++;
    if (io->need_write) {
        status = quire_need_will_write_(op, *number);
    }
    if (status != QUIRE_OK) {
        quire_need_let_go_(op, *number, io->need_write);
    }
    return status;
}

/* Calls the store again, with the page it needs; then lets go of that. */
static QUIRE_RESIDENT enum quire_status quire_need_ask_(struct quire_op *op, struct quire_io *io, bool load, uint32_t number)
{
    struct quire_pager *pager = op->pager;
    const struct quire_mmu *mmu = pager->mmu;
    struct quire_pa pa = quire_pmem_pa(&pager->pool, number);
    bool write = io->need_write;
    void *page = mmu->alias_get(mmu->ctx, pa);
    enum quire_status answer;

    pager->stats.needs++;
    io->need_fobj = NULL;
    io->need_write = false;
    io->need_page = page;
    answer = quire_pager_ask_(op, io, load);
    io->need_page = NULL;
    mmu->alias_put(mmu->ctx, pa, page);
    if (write) {
        (void)quire_need_will_write_(op, number); /* it may have been saved meanwhile, and its code fetched */
    }
    quire_need_let_go_(op, number, write);
    return answer;
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_pager_need(struct quire_op *op, struct quire_io *io, bool load,
                                                                       bool wait_ok)
{
    struct quire_pager *pager = op->pager;
    bool outermost = pager->needing != op;
    enum quire_status answer = QUIRE_NEED;
    enum quire_status status = QUIRE_OK;
    unsigned rounds;
    uint32_t number;

    for (rounds = 0; status == QUIRE_OK && answer == QUIRE_NEED && rounds < QUIRE_NEED_ROUNDS; rounds++) {
        status = io->fobj->dead ? QUIRE_DEAD : quire_need_get_(op, io, wait_ok, &number);
        if (status == QUIRE_OK && io->fobj->dead) {
            quire_need_let_go_(op, number, io->need_write);
            status = QUIRE_DEAD;
        }
        if (status == QUIRE_OK) {
            answer = quire_need_ask_(op, io, load, number);
        }
    }
    if (status == QUIRE_OK) {
        status = answer == QUIRE_PENDING && io->ticket != 0 ? answer : quire_store_answer(answer);
        pager->stats.bad_answers += status == QUIRE_BAD_ANSWER;
    }
    if (outermost && pager->needing == op) {
        quire_need_end_(op, wait_ok);
    }
    return status;
}

QUIRE_END

#endif
