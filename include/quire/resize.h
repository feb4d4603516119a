/* quire/resize.h - memory taken from a pager at run time, and given back. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_RESIZE_H
#define QUIRE_RESIZE_H

#include "base.h"
#include "engine.h"
#include "mmu.h"
#include "page_in.h"
#include "pager.h"
#include "pmem.h"

/*
 * A pager's pool may become smaller and larger while it works: a balloon, a shrinker, memory that is to be unplugged. A page
 * taken from it is OFFLINE: its memory is the user's, its number and its bookkeeping stay, and quire_pager_give_back() puts it
 * into circulation again. Begin with quire_pager_shrink() if any pages will do, quire_pager_remove_pages() if it must be these.
 *
 *                      shrink, remove_pages
 *     FREE, RESIDENT ------------------------> OFFLINE: wiped, the user's
 *          ^                                      |
 *          `--------------------------------------'  give_back
 *
 * Content is never lost by it: what is dirty is saved first, what cannot be evicted stays. Pages are not moved: what is still
 * wanted is loaded again, elsewhere. What leaves holds no byte of any object.
 *
 * Invariants: free + resident + busy + quarantined + offline pages are the pool; those that are not fixed, quarantined or offline
 * are never fewer than QUIRE_PAGER_MIN_PAGES().
 */
QUIRE_BEGIN

/* Takes up to `n` pages out of circulation, whichever are easiest to spare: free ones, then those that the policy would evict
 * next. Their addresses go to pa[0..*taken-1]. OK: all n; else *taken says how many, and the status why no more: NO_PAGE (the
 * rest is needed so that every fault finishes, or nothing can be evicted), AGAIN (would have to wait and must not, or cannot).
 * Pages among the last of some thread are left to it. Wipes; sleeps in save and (wait_ok) wait, without the lock. O(n)
 * evictions. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_shrink(struct quire_pager *pager, uint32_t n, bool wait_ok,
                                                                struct quire_pa *pa, uint32_t *taken)
    QUIRE_SYM(quire_pager_shrink);

/* Takes the `npages` pages from `pa` out of circulation; those that are already count as taken. All or none: on error those that
 * were taken by this call are back (what they held has been evicted, and nothing lost). INVALID: not pages of one segment of
 * the pool. NO_PAGE: fewer than QUIRE_PAGER_MIN_PAGES() would remain that can be evicted. BUSY: one is pinned, of a locked object,
 * or dirty without a save operation; or another removal is in progress. STUCK: one is quarantined. AGAIN: one is in transit or
 * held, and this caller must not, or cannot, wait; or somebody gave one back meanwhile. IO and the like: what a store answered to a
 * save. Pages among the last of some thread go too: it costs that thread a fault. Wipes; sleeps in save and (wait_ok) wait,
 * without the lock. O(npages) evictions. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_remove_pages(struct quire_pager *pager, struct quire_pa pa,
                                                                      uint32_t npages, bool wait_ok)
    QUIRE_SYM(quire_pager_remove_pages);

/* Adds npages contiguous physical pages as quire_pager_add_pages() does, but out of circulation: the user lends them, or has
 * pages adopted in them (adopt.h), when he likes. Statuses and cost are the same. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_add_offline(struct quire_pager *pager, struct quire_pa pa,
                                                                     uint32_t npages, struct quire_pmem *pmems)
    QUIRE_SYM(quire_pager_add_offline);

/* Puts the `npages` pages from `pa`, all out of circulation, among the free ones: their memory is the pager's. INVALID: not pages
 * of one segment, or one is in circulation; BUSY: one is being removed just now. Nothing changed then. O(npages), under the
 * lock. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_give_back(struct quire_pager *pager, struct quire_pa pa,
                                                                   uint32_t npages) QUIRE_SYM(quire_pager_give_back);

QUIRE_END

#endif /* QUIRE_RESIZE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_RESIZE_IMPLEMENTED)
#define QUIRE_RESIZE_IMPLEMENTED

QUIRE_BEGIN

/* Takes free page `number` out of circulation and makes it forget what it held: whoever gets the memory may not be one who may
 * read it. What has never been the pager's is not touched. */
static void quire_resize_take_(struct quire_op *op, uint32_t number)
{
    struct quire_pager *pager = op->pager;
    const struct quire_mmu *mmu = pager->mmu;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

    quire_pmem_set_offline(&pager->pool, number);
    pager->stats.taken++;
    if (pmem->pgidx != QUIRE_PMEM_UNUSED) {
        struct quire_pa pa = quire_pmem_pa(&pager->pool, number);
        void *alias = mmu->alias_get(mmu->ctx, pa);

        QUIRE_MEMSET(alias, 0, QUIRE_PAGE_SIZE);
        mmu->alias_put(mmu->ctx, pa, alias);
        pager->stats.wipes++;
        pmem->pgidx = QUIRE_PMEM_UNUSED;
    }
}

/* Lets others have the lock between two pages. */
static void quire_resize_breathe_(struct quire_op *op)
{
    quire_op_unlock(op);
    quire_op_lock(op);
}

QUIRE_API enum quire_status quire_pager_shrink(struct quire_pager *pager, uint32_t n, bool wait_ok, struct quire_pa *pa,
                                               uint32_t *taken)
{
    enum quire_status status = QUIRE_OK;
    struct quire_op op;

    *taken = 0;
    quire_op_begin(&op, pager);
    while (*taken < n && status == QUIRE_OK) {
        enum quire_status store = QUIRE_OK;

        status = quire_pager_may_spare(pager) ? quire_pager_find_room(&op, wait_ok, &store) : QUIRE_NO_PAGE;
        /* Looking for it may have dropped the lock: others may have fixed pages meanwhile. */
        if (status == QUIRE_OK && quire_pager_may_spare(pager)) {
            uint32_t number = pager->pool.free;

            quire_resize_take_(&op, number);
            pa[(*taken)++] = quire_pmem_pa(&pager->pool, number);
            quire_resize_breathe_(&op);
        }
    }
    quire_op_end(&op);
    return status;
}

/* ---- Removal ---- */

/* Can the pages first..first + n - 1 leave, as far as numbers go? */
static bool quire_resize_may_leave_(const struct quire_pager *pager, uint32_t first, uint32_t n)
{
    const struct quire_pmem_pool *pool = &pager->pool;
    uint32_t gone = 0;
    uint32_t i;

    for (i = 0; i < n; i++) {
        const struct quire_pmem *pmem = quire_pmem_at(pool, first + i);

        /* What cannot be evicted is not counted twice: it is why the removal will fail. */
        gone +=
            pmem->state != QUIRE_PAGE_OFFLINE && pmem->state != QUIRE_PAGE_QUARANTINED && (pmem->flags & QUIRE_PMEM_FIXED) == 0;
    }
    /* Where nothing leaves, it does not matter that quarantine has left too few. */
    return gone == 0 || quire_pager_may_promise(pager, pager->accounts.promised + (uint64_t)gone);
}

/* Takes one page, which will be put back if the removal fails. */
static enum quire_status quire_resize_remove_(struct quire_op *op, uint32_t number, bool wait_ok)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    enum quire_status store = QUIRE_OK;

    for (;;) {
        enum quire_status status = quire_pager_evict_page(op, number, wait_ok);

        if (status != QUIRE_OK || pmem->state != QUIRE_PAGE_FREE) {
            return status;
        }
        if (!quire_pager_may_spare(pager)) {
            return QUIRE_NO_PAGE;
        }
        if (quire_pager_has_room(pager)) {
            break;
        }
        status = quire_pager_find_room(op, wait_ok, &store); /* the reserve stays: what is saved may need it */
        if (status != QUIRE_OK) {
            return status;
        }
    }
    quire_resize_take_(op, number);
    pmem->flags |= QUIRE_PMEM_DISCARD;
    return QUIRE_OK;
}

/* Makes the removal of the pages first..first + n - 1 final, or takes it back. */
static enum quire_status quire_resize_finish_(struct quire_op *op, uint32_t first, uint32_t n, enum quire_status status)
{
    struct quire_pmem_pool *pool = &op->pager->pool;
    uint32_t i;

    for (i = 0; i < n && status == QUIRE_OK; i++) {
        status = quire_pmem_at(pool, first + i)->state == QUIRE_PAGE_OFFLINE ? QUIRE_OK : QUIRE_AGAIN;
    }
    for (i = 0; i < n; i++) {
        struct quire_pmem *pmem = quire_pmem_at(pool, first + i);

        if (pmem->state != QUIRE_PAGE_OFFLINE || (pmem->flags & QUIRE_PMEM_DISCARD) == 0) {
            continue;
        }
        if (status == QUIRE_OK) {
            pmem->flags = 0;
        } else {
            quire_pmem_set_online(pool, first + i);
            op->pager->stats.taken--;
        }
    }
    quire_op_wake_room(op);
    return status;
}

QUIRE_API enum quire_status quire_pager_remove_pages(struct quire_pager *pager, struct quire_pa pa, uint32_t npages,
                                                     bool wait_ok)
{
    enum quire_status status = QUIRE_OK;
    struct quire_op op;
    uint32_t first;
    uint32_t i;

    quire_op_begin(&op, pager);
    if (!quire_pmem_find(&pager->pool, pa, npages, &first)) {
        status = QUIRE_INVALID;
    } else if (pager->removing) {
        status = QUIRE_BUSY;
    } else if (!quire_resize_may_leave_(pager, first, npages)) {
        status = QUIRE_NO_PAGE;
    } else {
        pager->removing = true;
        for (i = 0; i < npages && status == QUIRE_OK; i++) {
            status = quire_resize_remove_(&op, first + i, wait_ok);
            quire_resize_breathe_(&op);
        }
        status = quire_resize_finish_(&op, first, npages, status);
        pager->removing = false;
    }
    quire_op_end(&op);
    return status;
}

/* ---- And back ---- */

QUIRE_API enum quire_status quire_pager_add_offline(struct quire_pager *pager, struct quire_pa pa, uint32_t npages,
                                                    struct quire_pmem *pmems)
{
    struct quire_pmem_pool *pool = &pager->pool;
    uint32_t before;
    struct quire_op op;
    enum quire_status status;
    uint32_t i;

    quire_op_begin(&op, pager);
    before = pool->pages.nsegments;
    status = quire_pmem_pool_add(pool, pa, npages, pmems);
    for (i = 0; status == QUIRE_OK && i < npages; i++) {
        quire_pmem_set_offline(pool, (before << QUIRE_PAGE_INDEX_BITS) | i);
    }
    quire_op_end(&op);
    return status;
}

QUIRE_API enum quire_status quire_pager_give_back(struct quire_pager *pager, struct quire_pa pa, uint32_t npages)
{
    struct quire_pmem_pool *pool = &pager->pool;
    enum quire_status status = QUIRE_OK;
    struct quire_op op;
    uint32_t first;
    uint32_t i;

    quire_op_begin(&op, pager);
    if (!quire_pmem_find(pool, pa, npages, &first)) {
        status = QUIRE_INVALID;
    }
    for (i = 0; status == QUIRE_OK && i < npages; i++) {
        const struct quire_pmem *pmem = quire_pmem_at(pool, first + i);

        if (pmem->state != QUIRE_PAGE_OFFLINE) {
            status = QUIRE_INVALID;
        } else if ((pmem->flags & QUIRE_PMEM_DISCARD) != 0) {
            status = QUIRE_BUSY;
        }
    }
    for (i = 0; status == QUIRE_OK && i < npages; i++) {
        quire_pmem_set_online(pool, first + i);
        pager->stats.given_back++;
    }
    quire_op_wake_room(&op);
    quire_op_end(&op);
    return status;
}

QUIRE_END

#endif
