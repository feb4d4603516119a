/* quire/page_in.h - bringing pages in: from a slot to a resident page. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_PAGE_IN_H
#define QUIRE_PAGE_IN_H

#include "account.h"
#include "area.h"
#include "base.h"
#include "cluster.h"
#include "engine.h"
#include "evict.h"
#include "fobj.h"
#include "headroom.h"
#include "mmu.h"
#include "pmem.h"
#include "policy.h"
#include "request.h"
#include "rmap.h"
#include "trace.h"
#include "transfer.h"

/*
 * Not for users. From a slot to a resident page:
 *
 *     absent -> claim the slot -> a free page, or evict one (save it if dirty) -> LOADING -> RESIDENT
 *
 * Where stores may need pages of other objects (rank_max > 0), nothing is claimed, so that who waits has nothing that another
 * one could wait for; see need.h, which also says what a load or save that ends with AGAIN means.
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

QUIRE_END

#endif /* QUIRE_PAGE_IN_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_PAGE_IN_IMPLEMENTED)
#define QUIRE_PAGE_IN_IMPLEMENTED

QUIRE_BEGIN

/* ---- Room ---- */

/* While the thread waited for room, did a page that an earlier fault of it had asked for (request.h) take the place in its row that
 * this fault had made? Then the oldest of the row is no longer kept for it, and may be what gives way. */
static QUIRE_RESIDENT bool quire_pager_step_was_filled_(struct quire_pager *pager, uint32_t *row)
{
    if (row == NULL || row[quire_pager_step_oldest(pager, row)] == QUIRE_PAGE_NONE) {
        return false;
    }
    (void)quire_pager_step_make_room(pager, row);
    return true;
}

/* The end of quire_pager_claim_(): the policy of `giver` answered `number`, and evicting that ended with `status`. The slot was
 * `slot` before it was claimed. */
static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_pager_claimed_(
    struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx, uint32_t slot, struct quire_account *giver, uint32_t number,
    enum quire_status status, const struct quire_how *how, enum quire_status *store)
{
    struct quire_account *account = fobj->account;
    bool claims = op->pager->need == NULL;

    if (QUIRE_UNLIKELY(status != QUIRE_AGAIN && (!quire_pager_has_room(op->pager) || !quire_account_within(account)))) {
        status = quire_pager_seek_page(op, account, giver, number, status != QUIRE_OK, how->wait_ok, store);
        while (status == QUIRE_NO_PAGE && quire_pager_step_was_filled_(op->pager, how->steps)) { /* at most once per request */
            status = quire_pager_seek_page(op, account, account, QUIRE_PAGE_NOT_ASKED, false, how->wait_ok, store);
        }
    } else if (status != QUIRE_AGAIN) {
        status = QUIRE_OK; /* what could not be saved stays, and another became free meanwhile */
    }
    if (status == QUIRE_OK) {
        quire_account_expect(account);
    }
    if (claims) {
        op->pager->claims--;
        fobj->slots[pgidx] = slot;
    } else if (status == QUIRE_OK && (fobj->flushing != 0 || fobj->slots[pgidx] != slot)) {
        status = QUIRE_EXISTS;
    }
    return fobj->dead ? QUIRE_DEAD : status;
}

/* Makes room for an absent page whose slot it claims meanwhile, so that nobody else loads it too. EXISTS: it could not be claimed,
 * and somebody else did. `number` is what the policy of its account answered: a page that quire_pager_evict_() left to do, none, or
 * that it was not asked. */
static QUIRE_RESIDENT enum quire_status quire_pager_claim_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                           uint32_t number, const struct quire_how *how,
                                                           enum quire_status *store)
{
    struct quire_account *account = fobj->account;
    bool claims = op->pager->need == NULL; /* else who waits for room or the reserve must not keep its owner from any page */
    struct quire_account *giver = account;
    uint32_t slot = fobj->slots[pgidx];
    enum quire_status status = QUIRE_OK;

    if (claims) {
        fobj->slots[pgidx] = quire_slot_become(slot, QUIRE_SLOT_CLAIMED, quire_slot_value(slot));
        op->pager->claims++;
    }
    if (number == QUIRE_PAGE_NOT_ASKED) {
        giver = quire_account_within(account) ? quire_account_giver(account) : account; /* at its quota it serves itself */
        number = quire_pager_victim_(op, giver);
        if (number != QUIRE_PAGE_NONE && quire_pager_evict_elsewhere_(op, number, giver, account)) {
            number = QUIRE_PAGE_NOT_ASKED;
        }
    }
    if (number < QUIRE_PAGE_NONE) {
        status = quire_pager_evict_rest_(op, number, account, false, how->wait_ok, store);
    }
    return quire_pager_claimed_(op, fobj, pgidx, slot, giver, number, status, how, store);
}

/* Returns with a free page there for page `pgidx` of `fobj`, which its account expects, or says why there is none. May drop the
 * lock. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_make_room_(struct quire_op *op, struct quire_fobj *fobj,
                                                                     uint32_t pgidx, const struct quire_how *how,
                                                                     enum quire_status *store)
{
    struct quire_account *account = fobj->account;
    uint32_t number = QUIRE_PAGE_NOT_ASKED;

    if (how->steps != NULL) {
        (void)quire_pager_step_make_room(op->pager, how->steps);
    }
    if (quire_pager_has_room(op->pager)) {
        if (quire_account_within(account)) {
            quire_account_expect(account);
            return QUIRE_OK;
        }
    } else if (QUIRE_LIKELY(account->charged == account->own)) {
        number = quire_pager_victim_(op, account);
        if (QUIRE_LIKELY(number != QUIRE_PAGE_NONE && quire_pager_evict_(op, number, account, account))) {
            if (QUIRE_LIKELY(quire_pager_has_room(op->pager))) {
                return QUIRE_OK;
            }
            number = QUIRE_PAGE_NOT_ASKED; /* the reserve was short */
        }
    }
    return quire_pager_claim_(op, fobj, pgidx, number, how, store);
}

/* ---- One page ---- */

/* For a trace: page `number` goes, in which what was noted to have been evicted lay. */
static QUIRE_RESIDENT QUIRE_COLD void quire_op_note_where_(struct quire_op *op, uint32_t number)
{
#if QUIRE_TRACE
    if ((op->untold & QUIRE_OP_EVICTED) != 0 && op->page == QUIRE_PAGE_NONE) {
        op->page = number;
    }
#else
    (void)op;
    (void)number;
#endif
}

/* Loads a page of `fobj` (whose `busy` is raised for it), its slot having been `slot`, into page *number, which is *pmem and
 * LOADING. OK means it arrived: *number is QUIRE_PAGE_NONE if it was invalidated on its way. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_fill_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                                uint32_t slot, const struct quire_how *how,
                                                                struct quire_pmem *pmem, uint32_t *number,
                                                                enum quire_status *store)
{
    struct quire_pager *pager = op->pager;
    enum quire_status status = quire_pager_transfer_(op, pmem, *number, true, how->wait_ok);
    uint32_t distance;
    unsigned bucket;

    *store = status;
    if (QUIRE_LIKELY(status == QUIRE_OK)) {
        pager->stats.loads++;
        fobj->account->stats.major++;
    } else {
        pager->stats.load_failures += status != QUIRE_AGAIN;
    }
    if (QUIRE_UNLIKELY(fobj->dead)) {
        quire_op_note_where_(op, *number);
        quire_pager_settle(op, *number);
        return QUIRE_DEAD;
    }
    if (QUIRE_UNLIKELY(status != QUIRE_OK || (pmem->flags & QUIRE_PMEM_DISCARD) != 0)) {
        quire_op_note_where_(op, *number);
        quire_pager_wipe_failed(op, *number, quire_slot_value(slot));
        *number = QUIRE_PAGE_NONE;
    } else {
        quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_RESIDENT);
        pmem->flags &= (uint8_t)~QUIRE_PMEM_WAITED;
        distance = quire_account_distance(fobj->account, quire_slot_value(slot));
        bucket = quire_headroom_bucket(distance);
        quire_headroom_note_in(&fobj->account->headroom, distance, bucket);
        if (QUIRE_LIKELY(how->headroom != NULL)) {
            quire_headroom_note_in(how->headroom, distance, bucket);
        }
        quire_pager_policy_insert(pager, pmem, *number, distance);
        quire_op_wake(op, fobj, pgidx);
    }
    quire_op_unbusy(op, fobj);
    return status;
}

/* The flags of a page that comes to a slot. */
QUIRE_INLINE QUIRE_RESIDENT uint8_t quire_pager_flags_of_(uint32_t slot)
{
    return quire_slot_kind(slot) == QUIRE_SLOT_STORED ? QUIRE_PMEM_STORED : 0;
}

/* The same with a free page, which must be there and expected by its account. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_take_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                                uint32_t slot, const struct quire_how *how, uint32_t *number,
                                                                enum quire_status *store)
{
    struct quire_pmem *pmem = quire_pmem_take_expected(&op->pager->pool, fobj, pgidx, number);

    pmem->flags = quire_pager_flags_of_(slot);
    if (QUIRE_UNLIKELY((fobj->flags & QUIRE_FOBJ_LOCKED) != 0)) {
        quire_pager_refix(op->pager, *number);
    }
    return quire_pager_fill_(op, fobj, pgidx, slot, how, pmem, number, store);
}

/* ---- Several pages, or an answer that comes later ---- */

/* A page is free for page `pgidx` of `fobj`; makes room for the pages behind it that would better be loaded with it, as far as that
 * is worth it, and says how many it may be about. May drop the lock. */
static QUIRE_RESIDENT uint32_t quire_pager_room_ahead_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx)
{
    struct quire_pager *pager = op->pager;
    struct quire_account *account = fobj->account;
    uint32_t wanted = quire_cluster_wanted(fobj, pgidx);
    uint32_t i;

    if (quire_cluster_room(pager, account) < wanted && quire_cluster_in_order(pager, fobj, pgidx)) {
        for (i = quire_cluster_room(pager, account); i < wanted; i++) {
            struct quire_account *giver = quire_account_within(account) ? quire_account_giver(account) : account;
            uint32_t number = quire_pager_victim_(op, giver);
            enum quire_status store;

            if (number == QUIRE_PAGE_NONE) {
                break;
            }
            if (!quire_pager_evict_elsewhere_(op, number, giver, account)) {
                /* Dirty: no page is saved for this. */
                (void)quire_pager_evict_rest_(op, number, account, true, false, &store);
                break;
            }
        }
        quire_op_flush(op);                         /* what the policy aged */
        wanted = quire_cluster_wanted(fobj, pgidx); /* the lock may have been dropped */
    }
    return wanted < quire_cluster_room(pager, account) ? wanted : quire_cluster_room(pager, account);
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
    if (QUIRE_PAGER_TRACED(pager)) {
        quire_op_tell(op); /* what was evicted for it: whoever brings the answer tells what came instead */
    }
    if (fobj->dead) {
        return QUIRE_DEAD;
    }
    if (fobj->slots[pgidx] != slot || !quire_pager_has_room(pager) || fobj->flushing != 0 ||
        (!quire_account_within(fobj->account) && fobj->account->charged >= fobj->account->tolerated)) {
        return QUIRE_OK; /* the lock was dropped: all is to be looked at anew */
    }
    status = quire_pager_load_run_(op, fobj, pgidx, n, how);
    if (n > 1u && !fobj->dead && quire_store_answer(status) == status && status != QUIRE_OK) {
        /* All are absent again, and the lock was not dropped since: perhaps a neighbour is to blame. */
        status = quire_pager_load_run_(op, fobj, pgidx, 1, how);
    }
    if (status == QUIRE_AGAIN) {
        status = quire_op_await_means(op, how->wait_ok);
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

/* ---- Either ---- */

/* Loads an absent page of `fobj` (whose `busy` is raised for it), its slot being `slot`, where making room for it, which its
 * account expects, ended with `status`. As quire_pager_load_(). */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_load_there_(struct quire_op *op, struct quire_fobj *fobj,
                                                                      uint32_t pgidx, uint32_t slot, enum quire_status status,
                                                                      const struct quire_how *how, uint32_t *number,
                                                                      enum quire_status *store)
{
    if (status == QUIRE_OK && (fobj->flags & QUIRE_FOBJ_LOCKED) != 0 && !quire_pager_may_fix(op->pager, fobj->account)) {
        status = QUIRE_NO_PAGE;
    }
    if (QUIRE_UNLIKELY(status != QUIRE_OK)) {
        fobj->account->stats.refused += status == QUIRE_NO_PAGE;
        quire_op_wake(op, fobj, pgidx); /* who waits for the slot that was claimed must look for himself */
        quire_op_unbusy(op, fobj);
        *number = QUIRE_PAGE_NONE;
        return status == QUIRE_EXISTS ? QUIRE_OK : status;
    }
    if (QUIRE_UNLIKELY(quire_fobj_by_request(fobj))) {
        status = quire_pager_load_request_(op, fobj, pgidx, how, number, store);
        quire_op_wake(op, fobj, pgidx); /* as above */
        quire_op_unbusy(op, fobj);
        if (how->headroom != NULL && status == QUIRE_OK && *number != QUIRE_PAGE_NONE) {
            quire_headroom_note(how->headroom, quire_account_distance(fobj->account, quire_slot_value(slot)));
        }
        return status;
    }
    return quire_pager_take_(op, fobj, pgidx, slot, how, number, store);
}

/* Loads an absent page of `fobj`, having made room for it. OK means it arrived, or that all is to be looked at anew: then
 * *number is QUIRE_PAGE_NONE. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_load_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                                const struct quire_how *how, uint32_t *number,
                                                                enum quire_status *store)
{
    uint32_t slot = fobj->slots[pgidx];
    enum quire_status status;

    if ((fobj->flags & QUIRE_FOBJ_LOCKED) != 0 && !quire_pager_may_fix(op->pager, fobj->account)) {
        fobj->account->stats.refused++;
        return QUIRE_NO_PAGE; /* before a page is evicted in vain */
    }
    fobj->busy++;
    status = quire_pager_make_room_(op, fobj, pgidx, how, store);
    return quire_pager_load_there_(op, fobj, pgidx, slot, status, how, number, store);
}

/* ---- The common load: into the place of a clean page of the same account ---- */

/* Would quire_pager_bring_() begin by evicting a page of the same account, and ask a store that answers at once? Never for a copy on
 * write. */
QUIRE_INLINE QUIRE_RESIDENT bool quire_pager_may_replace_(const struct quire_pager *pager, const struct quire_fobj *fobj,
                                                          uint32_t pgidx)
{
    const struct quire_account *account = fobj->account;

    return quire_slot_kind(fobj->slots[pgidx]) < QUIRE_SLOT_PRESENT && account->charged == account->own &&
           pager->pool.count[QUIRE_PAGE_FREE] == 0 && pager->need == NULL && fobj->flushing == 0 &&
           (fobj->flags & (QUIRE_FOBJ_LOCKED | QUIRE_FOBJ_COPY)) == 0 && !quire_fobj_by_request(fobj) &&
           (pager->mmu->features & QUIRE_MMU_FLUSH_UNLOCKED) == 0;
}

/* quire_pager_replace_() where the policy answered `number`, and that did not make room. */
static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_pager_replace_else_(struct quire_op *op, struct quire_fobj *fobj,
                                                                                 uint32_t pgidx, const struct quire_how *how,
                                                                                 uint32_t *number, enum quire_status *store)
{
    uint32_t slot = fobj->slots[pgidx];
    enum quire_status status;

#if QUIRE_TRACE
    op->victim = 0; /* a fault tells these whether there is one or not */
    op->victim_pgidx = 0;
#endif
    status = quire_pager_claim_(op, fobj, pgidx, *number, how, store);
    return quire_pager_load_there_(op, fobj, pgidx, slot, status, how, number, store);
}

/* quire_pager_replace_() where the page that is to go, *number, is dirty; it has no entries any more, and they are not flushed yet.
 * Its place is handed over like that of a clean page if nothing else was made of it while the lock was dropped. */
static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_pager_replace_dirty_(struct quire_op *op, struct quire_fobj *fobj,
                                                                                  uint32_t pgidx, const struct quire_how *how,
                                                                                  uint32_t *number, enum quire_status *store)
{
    struct quire_pager *pager = op->pager;
    struct quire_account *account = fobj->account;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, *number);
    struct quire_fobj *from = pmem->fobj;
    uint32_t slot = fobj->slots[pgidx];
    enum quire_status status;
    uint32_t gone;

    if (from->ops->save == NULL || quire_fobj_by_request(from) || from->dead) {
        return quire_pager_replace_else_(op, fobj, pgidx, how, number, store);
    }
    fobj->slots[pgidx] = quire_slot_make(QUIRE_SLOT_CLAIMED, quire_slot_value(slot));
    pager->claims++;
    from->busy++;
    quire_op_flush(op);
    status = quire_pager_save_(op, pmem, *number, how->wait_ok);
    *store = status;
    if (QUIRE_UNLIKELY(status != QUIRE_OK || fobj->dead || from->dead || account->charged > account->quota ||
                       (pmem->flags & (QUIRE_PMEM_DIRTY | QUIRE_PMEM_WAITED | QUIRE_PMEM_DISCARD)) != 0 ||
                       (pmem->pins | pmem->holds) != 0 || pmem->mapped != 0)) {
#if QUIRE_TRACE
        op->victim = 0; /* there may be none: another page became free meanwhile */
        op->victim_pgidx = 0;
#endif
        if (QUIRE_PAGER_TRACED(pager)) {
            quire_pager_saved_(op, pmem, *number, status,
                               quire_op_began(op)); /* the save was the first it did that takes long */
        }
        status = quire_pager_evict_saved_(op, *number, account, status, how->wait_ok);
        status = quire_pager_claimed_(op, fobj, pgidx, slot, account, *number, status, how, store);
        return quire_pager_load_there_(op, fobj, pgidx, slot, status, how, number, store);
    }
    pager->claims--;
    pager->stats.evictions++;
    account->stats.evictions++;
    gone = pmem->pgidx;
    quire_op_note_evicted_(op, pmem, QUIRE_OP_EVICTED | QUIRE_OP_DIRTY);
    quire_pmem_hand_over(&pager->pool, pmem, *number, quire_account_shadow(account), fobj, pgidx);
    pmem->flags = quire_pager_flags_of_(slot);
    quire_op_wake(op, from, gone);
    from->busy--; /* it lives */
    return quire_pager_fill_(op, fobj, pgidx, slot, how, pmem, number, store);
}

/* quire_pager_load_() where quire_pager_may_replace_(): nobody else can have the page that goes, so it need not become free first.
 * how->steps is not null. If *number is a page, it is **at. The operation is a fault that has told nothing yet. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_replace_(struct quire_op *op, struct quire_pager *pager,
                                                                   struct quire_fobj *fobj, uint32_t pgidx,
                                                                   const struct quire_how *how, uint32_t *number,
                                                                   struct quire_pmem **at, enum quire_status *store)
{
    struct quire_account *account = fobj->account;
    uint32_t slot = fobj->slots[pgidx];
    enum quire_status status;
    struct quire_pmem *pmem = NULL;
    bool dirty = false;
    bool goes = false;

    fobj->busy++;
    (void)quire_pager_step_make_room(pager, how->steps);
    *number = quire_pager_choice_(op, account, &pmem);
    if (QUIRE_LIKELY(*number != QUIRE_PAGE_NONE)) {
        pmem->flags &= (uint8_t)~QUIRE_PMEM_IN_POLICY;
        account->policy->ops->remove(account->policy, *number);
        if (QUIRE_LIKELY(!quire_rmap_remove(pager->mmu, &op->batch, pmem))) {
            dirty = (pmem->flags & QUIRE_PMEM_DIRTY) != 0;
            goes = !dirty;
        } else {
            quire_pager_quarantine(op, *number);
        }
    }
    if (QUIRE_LIKELY(goes)) {
        quire_op_flush(op);
        pager->stats.evictions++;
        account->stats.evictions++;
        quire_op_note_evicted_(op, pmem, QUIRE_OP_EVICTED);
        quire_pmem_hand_over(&pager->pool, pmem, *number, quire_account_shadow(account), fobj, pgidx);
        pmem->flags = quire_pager_flags_of_(slot);
        *at = pmem;
        return quire_pager_fill_(op, fobj, pgidx, slot, how, pmem, number, store);
    }
    status = dirty ? quire_pager_replace_dirty_(op, fobj, pgidx, how, number, store)
                   : quire_pager_replace_else_(op, fobj, pgidx, how, number, store);
    *at = quire_pmem_at(&pager->pool, *number);
    return status;
}

/* ---- From a slot to a page ---- */

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
            if (QUIRE_PAGER_TRACED(pager) && status == QUIRE_OK) {
                quire_op_tell_came(op, *number);
            }
            if (QUIRE_UNLIKELY(status == QUIRE_AGAIN && pager->needing != NULL)) {
                status = quire_op_wait_fobj(op, fobj, &pager->needing, how->wait_ok);
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
    const struct quire_trace *clock = op->pager->trace;
    uint64_t began = quire_pager_clock(op->pager);
    enum quire_status status;

    *number = QUIRE_PAGE_NONE;
    status = quire_pager_bring_(op, fobj, pgidx, how, number, loaded, dropped, store);
    if (QUIRE_PAGER_TRACED(op->pager) && *loaded) {
        quire_op_tell_load(op, *number, fobj->id, pgidx, status, quire_pager_since(op->pager, clock, began));
    }
    return status;
}

QUIRE_END

#endif
