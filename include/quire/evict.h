/* quire/evict.h - making room: which page gives way, and the search for one where that is not plain. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_EVICT_H
#define QUIRE_EVICT_H

#include "account.h"
#include "area.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "pmem.h"
#include "policy.h"
#include "request.h"
#include "rmap.h"
#include "trace.h"
#include "transfer.h"

/*
 * Not for users.
 *
 *     the policy's victim -> its entries removed, flushed -> clean: free
 *                                                        \-> dirty: saved, then free
 *     none, or it would not go -> the next one, of the account that has most to give -> ... -> wait, NO_PAGE or AGAIN
 *
 * Called with the lock held, which is dropped for unlocked flushes, while a store works, and while waiting.
 */
QUIRE_BEGIN

/* Returns with a free page there; evicts one of the policy's choice if there is none. NO_PAGE, AGAIN as for a fault. */
QUIRE_API enum quire_status quire_pager_find_room(struct quire_op *op, bool wait_ok, enum quire_status *store)
    QUIRE_SYM(quire_pager_find_room);

#define QUIRE_PAGE_NOT_ASKED UINT32_MAX /* in place of a policy's answer */

/* Returns with a free page there that `account` may have, after the policy of `giver` answered `number`: a page that would not go
 * (failed: it could not be saved), or none; or was not asked, or gave a page that was not enough. NO_PAGE, AGAIN as for a
 * fault. */
QUIRE_API QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_pager_seek_page(struct quire_op *op, struct quire_account *account,
                                                                            struct quire_account *giver, uint32_t number,
                                                                            bool failed, bool wait_ok, enum quire_status *store)
    QUIRE_SYM(quire_pager_seek_page);

/* Is a free page there that the account may have, or can one be had by evicting a clean one? Saves nothing and waits for
 * nobody; may drop the lock for a flush. */
QUIRE_API bool quire_pager_find_clean_room(struct quire_op *op, struct quire_account *account)
    QUIRE_SYM(quire_pager_find_clean_room);

/* Evicts what page `number` holds, whatever the policy thinks; on OK the page is free (or was, or is offline), and the lock has
 * been held since it became so. BUSY: it cannot be evicted; STUCK, TIMEOUT: it is quarantined; AGAIN: in transit or held, and this
 * caller cannot wait; else what the store answered to its save. */
QUIRE_API enum quire_status quire_pager_evict_page(struct quire_op *op, uint32_t number, bool wait_ok)
    QUIRE_SYM(quire_pager_evict_page);

QUIRE_END

#endif /* QUIRE_EVICT_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_EVICT_IMPLEMENTED)
#define QUIRE_EVICT_IMPLEMENTED

QUIRE_BEGIN

/* ---- Eviction ---- */

/* Saves that one operation lets fail before it looks for clean pages only. */
#define QUIRE_PAGER_SAVE_TRIES 4u

/* A fault, which has told nothing yet, is to tell with its end that it evicted *pmem; `how`: EVICTED, and DIRTY. Whether somebody
 * listens is not asked: noting it costs as much. The caller sees to op->page. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_note_evicted_(struct quire_op *op, const struct quire_pmem *pmem, unsigned how)
{
#if QUIRE_TRACE
    op->untold |= how;
    op->victim = pmem->fobj->id;
    op->victim_pgidx = pmem->pgidx;
#else
    (void)op;
    (void)pmem;
    (void)how;
#endif
}

/* Tells of an eviction; that of a fault is told with its end, where a page that is wanted at once has one event instead of two. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_tell_evicted_(struct quire_op *op, const struct quire_pmem *pmem, uint32_t number)
{
    if ((op->untold & ~QUIRE_OP_TIMED) == 0) {
        op->page = number;
        quire_op_note_evicted_(op, pmem, QUIRE_OP_EVICTED);
    } else {
        quire_op_tell_release(op, number);
    }
}

/* Takes page `number`, which the policy of `giver` chose, from who uses it, for a page of `taker`. True if that freed it: it is
 * clean, and the lock was not dropped. Else quire_pager_evict_rest_() is to follow. */
QUIRE_INLINE QUIRE_RESIDENT bool quire_pager_evict_(struct quire_op *op, uint32_t number, struct quire_account *giver,
                                                    struct quire_account *taker)
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
    quire_account_gave(giver, taker);
    if (QUIRE_PAGER_TRACED(pager)) {
        quire_op_tell_evicted_(op, pmem, number);
    }
    quire_pager_release_at(op, pmem, number, quire_account_shadow(giver));
    return true;
}

/* quire_pager_evict_rest_() for a dirty page of an object whose saves are requests. */
static QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_pager_evict_by_request_(struct quire_op *op, uint32_t number,
                                                                                 bool wait_ok, enum quire_status *store)
{
    enum quire_status status = quire_pager_save_request(op, number, true, wait_ok);

    if (status == QUIRE_AGAIN) {
        return quire_op_await_means(op, wait_ok);
    }
    *store = status;
    return status == QUIRE_PENDING ? QUIRE_AGAIN : status; /* the page becomes free when the store has answered */
}

/* Page `number`, in transit to go, was saved, which ended with `status`, or needed not be: it goes now, or stays if it had
 * better. */
static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_pager_evict_saved_(struct quire_op *op, uint32_t number,
                                                                                struct quire_account *taker,
                                                                                enum quire_status status, bool wait_ok)
{
    struct quire_pmem *pmem = quire_pmem_at(&op->pager->pool, number);

    if ((pmem->flags & (QUIRE_PMEM_DIRTY | QUIRE_PMEM_WAITED)) == 0) {
        pmem->flags |= QUIRE_PMEM_DISCARD;
        op->pager->stats.evictions++;
        quire_account_gave(pmem->fobj->account, taker);
    }
    quire_pager_settle(op, number);
    return QUIRE_UNLIKELY(status == QUIRE_AGAIN) ? quire_op_await_means(op, wait_ok) : status;
}

/* What quire_pager_evict_() could not do at once. OK also if it turned out that the page had better stay: the caller looks at
 * what is free. AGAIN: it would have to wait for that and must not or cannot. Every other error is the store's. */
static QUIRE_RESIDENT enum quire_status quire_pager_evict_rest_(struct quire_op *op, uint32_t number,
                                                                struct quire_account *taker, bool clean_only, bool wait_ok,
                                                                enum quire_status *store)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    enum quire_status status = QUIRE_OK;

    if (QUIRE_PAGER_TRACED(pager)) {
        quire_op_tell(op); /* what was evicted before may be another's when the lock is taken again */
    }
    if (pmem->state != QUIRE_PAGE_RESIDENT) {
        quire_op_flush_quarantined(op, pmem->fobj);
        return QUIRE_OK;
    }
    pmem->fobj->busy++;
    if (QUIRE_UNLIKELY(quire_fobj_by_request(pmem->fobj)) && (pmem->flags & QUIRE_PMEM_DIRTY) != 0 &&
        pmem->fobj->ops->save != NULL && !clean_only && !pmem->fobj->dead) {
        return quire_pager_evict_by_request_(op, number, wait_ok, store);
    }
    quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_FLUSHING);
    quire_op_flush(op);
    if ((pmem->flags & QUIRE_PMEM_DIRTY) != 0 && !pmem->fobj->dead) {
        if (pmem->fobj->ops->save == NULL) {
            quire_pager_refix(pager, number);
        } else if (!clean_only) {
            status = quire_pager_save(op, number, wait_ok);
            *store = status;
        }
    }
    return quire_pager_evict_saved_(op, number, taker, status, wait_ok);
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

/* The choice of the policy of `giver`, which is *pmem then, or QUIRE_PAGE_NONE. A policy is the user's: an answer that is no choice
 * counts as none. */
QUIRE_INLINE QUIRE_RESIDENT uint32_t quire_pager_choice_(struct quire_op *op, struct quire_account *giver,
                                                         struct quire_pmem **pmem)
{
    struct quire_pager *pager = op->pager;
    const struct quire_pages *pages = &pager->pool.pages;
    uint32_t number;
    uint32_t segment;

    pager->op = op;
    number = giver->policy->ops->victim(giver->policy);
    pager->op = NULL;
    segment = number >> QUIRE_PAGE_INDEX_BITS; /* that of QUIRE_PAGE_NONE has no such page */
    if (segment >= pages->nsegments || (number & QUIRE_SEGMENT_PAGES_MAX) >= pages->segment[segment].npages) {
        return QUIRE_PAGE_NONE;
    }
    if (QUIRE_UNLIKELY(op->naged != 0)) {
        quire_pager_unage_(op, number);
    }
    *pmem = quire_pmem_at(&pager->pool, number);
    if (((*pmem)->flags & QUIRE_PMEM_IN_POLICY) == 0 || (quire_pager_page_state(pager, *pmem) & QUIRE_PAGE_FIXED) != 0 ||
        (*pmem)->fobj->account != giver) {
        return QUIRE_PAGE_NONE;
    }
    return number;
}

/* The same as one function, for who does not use the page at once. */
static QUIRE_RESIDENT QUIRE_NOINLINE uint32_t quire_pager_victim_(struct quire_op *op, struct quire_account *giver)
{
    struct quire_pmem *pmem;

    return quire_pager_choice_(op, giver, &pmem);
}

/* quire_pager_evict_() off the usual way, as one function. */
static QUIRE_RESIDENT QUIRE_NOINLINE bool quire_pager_evict_elsewhere_(struct quire_op *op, uint32_t number,
                                                                       struct quire_account *giver, struct quire_account *taker)
{
    return quire_pager_evict_(op, number, giver, taker);
}

/* ---- A search for room, where the first try was not enough ---- */

/* Pages by which an account that is far beyond its quota shrinks in one fault: none takes long. */
#define QUIRE_PAGER_SHRINK 8u

struct quire_search_ {
    struct quire_account *account;     /* for a page of which */
    const struct quire_account *giver; /* whose pages are being tried */
    uint64_t number;                   /* account->passed is this: it has nothing (more) to give */
    uint64_t total;                    /* pages tried */
    uint64_t tries;                    /* ... of `giver` */
    uint32_t failures;                 /* ... that could not be saved */
    uint32_t from;                     /* what the account had when the search began */
    bool failed;                       /* some page could not be saved */
    bool tired;                        /* some account was passed although its pages could go at another time */
    bool anyone;                       /* the page is for no account: no quota counts, and the root, which never ends, asks */
    bool beyond;                       /* the quota has to wait: nothing of its own can go now, or enough went */
};

/* All accounts are to be asked (again). */
static QUIRE_RESIDENT void quire_pager_search_begin_(struct quire_pager *pager, struct quire_search_ *search)
{
    search->number = ++pager->accounts.searches;
    search->beyond = false;
}

/* Is there a page, and may the account have it? */
static QUIRE_RESIDENT bool quire_pager_has_room_(const struct quire_pager *pager, const struct quire_search_ *search)
{
    return quire_pager_has_room(pager) && (search->anyone || search->beyond || quire_account_within(search->account));
}

/* The account that is to be asked next for a page; null: none is left, or none need be asked. */
static QUIRE_RESIDENT struct quire_account *quire_pager_search_giver_(struct quire_pager *pager, struct quire_search_ *search)
{
    struct quire_account *account = search->account;

    if (!search->anyone && !search->beyond && !quire_account_within(account)) {
        if (account->passed != search->number && (uint64_t)account->charged + QUIRE_PAGER_SHRINK > search->from) {
            return account;
        }
        if (search->tired) {
            return NULL; /* its own pages could go, if only its store took them: no reason to have those of others */
        }
        search->beyond = true;
    }
    return quire_pager_has_room_(pager, search) ? NULL : quire_account_next_giver(account, search->number);
}

/* Every page that was tried went to the back of its policy's order: after this many all have been; and each may have left a page of
 * lower rank in its place (need.h). */
static QUIRE_RESIDENT bool quire_pager_search_again_(const struct quire_pager *pager, struct quire_search_ *search,
                                                     const struct quire_account *giver)
{
    uint32_t ranks = pager->rank_max + 1u;

    if (search->giver != giver) {
        search->giver = giver;
        search->tries = 0;
        search->failures = 0;
    }
    /* Two searches may each forget what the other passed: the second bound holds all the same. */
    return search->tries++ <= ((uint64_t)giver->charged + QUIRE_PAGER_SAVE_TRIES) * ranks &&
           search->total++ <=
               2u * ranks * ((uint64_t)pager->pool.total + (uint64_t)pager->accounts.count * (QUIRE_PAGER_SAVE_TRIES + 1u));
}

/* Evicts until there is room. Returns a page that quire_pager_evict_() left to do, or QUIRE_PAGE_NONE: there is room, or nobody
 * left to be asked. Does not drop the lock. */
static QUIRE_RESIDENT uint32_t quire_pager_search_(struct quire_op *op, struct quire_search_ *search)
{
    struct quire_pager *pager = op->pager;

    while (!quire_pager_has_room_(pager, search)) {
        struct quire_account *giver = quire_pager_search_giver_(pager, search);
        uint32_t number = QUIRE_PAGE_NONE;

        if (giver == NULL) {
            break;
        }
        if (quire_pager_search_again_(pager, search, giver)) {
            number = quire_pager_victim_(op, giver);
        } else {
            search->tired = true;
        }
        if (number == QUIRE_PAGE_NONE) {
            giver->passed = search->number;
            continue;
        }
        if (!quire_pager_evict_elsewhere_(op, number, giver, search->account)) {
            return number;
        }
    }
    return QUIRE_PAGE_NONE;
}

/* Returns with a free page there that the account may have, or says why there is none. May drop the lock. */
static QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_pager_await_page_(struct quire_op *op, struct quire_search_ *search,
                                                                           bool wait_ok, enum quire_status *store)
{
    struct quire_pager *pager = op->pager;
    struct quire_account *account = search->account;
    bool dropped = false; /* the lock, since all were asked */

    for (;;) {
        uint32_t number = quire_pager_search_(op, search);
        enum quire_status status;

        if (number != QUIRE_PAGE_NONE) {
            bool clean_only = search->failures >= QUIRE_PAGER_SAVE_TRIES;

            status = quire_pager_evict_rest_(op, number, account, clean_only, wait_ok, store);
            if (status == QUIRE_AGAIN) {
                return status;
            }
            if (status != QUIRE_OK) {
                search->failures++;
                search->failed = true;
            }
            dropped = true;
            continue;
        }
        dropped = dropped || quire_op_flush_drops(op);
        quire_op_flush(op); /* what the policies aged */
        if (quire_pager_has_room_(pager, search)) {
            break;
        }
        if (search->tired) {
            return search->failed ? QUIRE_NO_PAGE : QUIRE_AGAIN;
        }
        if (dropped) { /* that let others in, or pages out that were being flushed: all are asked again */
            dropped = false;
            quire_pager_search_begin_(pager, search);
            continue;
        }
        status = quire_pager_await_room_(op, wait_ok);
        if (status != QUIRE_OK) {
            return status;
        }
        quire_pager_search_begin_(pager, search);
    }
    if (!search->anyone && !quire_account_within(account)) {
        account->stats.over_quota += account->charged >= search->from; /* else it has fewer than before */
        quire_account_tolerate(account);
    }
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_pager_seek_page(struct quire_op *op, struct quire_account *account,
                                                  struct quire_account *giver, uint32_t number, bool failed, bool wait_ok,
                                                  enum quire_status *store)
{
    struct quire_search_ search;

    QUIRE_MEMSET(&search, 0, sizeof search);
    search.account = account;
    search.from = account->charged;
    search.failed = failed;
    search.failures = failed;
    search.giver = giver;
    search.tries = number < QUIRE_PAGE_NONE;
    quire_pager_search_begin_(op->pager, &search);
    if (account->charged <= account->quota) {
        account->tolerated = 0;
    }
    if (number == QUIRE_PAGE_NONE) {
        giver->passed = search.number;
    }
    return quire_pager_await_page_(op, &search, wait_ok, store);
}

QUIRE_API enum quire_status quire_pager_find_room(struct quire_op *op, bool wait_ok, enum quire_status *store)
{
    struct quire_search_ search;

    if (quire_pager_has_room(op->pager)) {
        return QUIRE_OK;
    }
    QUIRE_MEMSET(&search, 0, sizeof search);
    search.account = &op->pager->root;
    search.anyone = true;
    quire_pager_search_begin_(op->pager, &search);
    return quire_pager_await_page_(op, &search, wait_ok, store);
}

/* quire_pager_evict_(), and the rest where there is one, for who does so seldom. */
static QUIRE_NOINLINE enum quire_status quire_pager_evict_slowly_(struct quire_op *op, uint32_t number,
                                                                  struct quire_account *taker, bool clean_only, bool wait_ok)
{
    struct quire_account *giver = quire_pmem_at(&op->pager->pool, number)->fobj->account;
    enum quire_status store = QUIRE_OK;

    return quire_pager_evict_(op, number, giver, taker)
               ? QUIRE_OK
               : quire_pager_evict_rest_(op, number, taker, clean_only, wait_ok, &store);
}

QUIRE_API bool quire_pager_find_clean_room(struct quire_op *op, struct quire_account *account)
{
    struct quire_pager *pager = op->pager;
    struct quire_account *giver = account; /* at its quota it serves itself */
    uint32_t number;

    if (quire_account_within(account)) {
        if (quire_pager_has_room(pager)) {
            return true;
        }
        giver = quire_account_giver(account);
    }
    number = quire_pager_victim_(op, giver);
    if (number == QUIRE_PAGE_NONE) {
        quire_op_flush(op); /* what the policy aged */
    } else if ((quire_pmem_at(&pager->pool, number)->flags & QUIRE_PMEM_DIRTY) != 0) {
        (void)quire_op_flush_page(op, number); /* that too; this one was aged, and must not move before it is flushed */
    } else {
        (void)quire_pager_evict_slowly_(op, number, account, true, false); /* its entries may tell that it is dirty */
    }
    return quire_pager_has_room(pager) && quire_account_within(account);
}

QUIRE_API enum quire_status quire_pager_evict_page(struct quire_op *op, uint32_t number, bool wait_ok)
{
    struct quire_pager *pager = op->pager;
    const struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    enum quire_status status = QUIRE_OK;

    while (status == QUIRE_OK && pmem->state != QUIRE_PAGE_FREE && pmem->state != QUIRE_PAGE_OFFLINE) {
        if (pmem->state == QUIRE_PAGE_QUARANTINED) {
            return quire_request_late(pager, number) != NULL ? QUIRE_TIMEOUT : QUIRE_STUCK;
        }
        if (quire_pager_page_busy(pager, pmem)) {
            status = quire_pager_await_room_(op, wait_ok);
        } else if ((pmem->flags & QUIRE_PMEM_FIXED) != 0) {
            return QUIRE_BUSY;
        } else {
            /* If somebody waits for it, it becomes resident again, clean: the next round evicts it at once. */
            status = quire_pager_evict_slowly_(op, number, pmem->fobj->account, false, wait_ok);
        }
    }
    return status;
}

QUIRE_END

#endif
