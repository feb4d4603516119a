/* quire/writeback.h - what the user asks of an object's pages: save them, forget them, let go of stuck ones. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_WRITEBACK_H
#define QUIRE_WRITEBACK_H

#include "area.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "page_in.h"
#include "pager.h"
#include "pmem.h"
#include "request.h"
#include "rmap.h"
#include "transfer.h"

/*
 *     write back:   resident, dirty --(entries removed, flushed, saved)--> resident, clean
 *     invalidate:   resident, clean --(entries removed, flushed)--> free; the next use loads again
 *
 * The caller has a reference to the object. All of these take the lock, and must not be called with it held.
 */
QUIRE_BEGIN

/* Saves every dirty page of [first, first + n) of `fobj`; they stay resident, clean. Writers are stopped meanwhile by taking
 * their entries away. A pinned page is saved and stays dirty: whoever pinned it may be writing. The first failure is returned
 * after the others were tried; that page stays dirty. INVALID: out of range, or the pager does not know the object; AGAIN: a
 * page is in transit, or the reserve for needs in use, or its save was begun and the store answers later (io.h), and this caller
 * cannot wait: call again; TIMEOUT: a store was asked to save a page and is late; STUCK: an entry could not be removed. A page
 * without a save operation is skipped. Sleeps in save. O(n + entries of the dirty pages). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_write_back(struct quire_pager *pager, struct quire_fobj *fobj,
                                                                    uint32_t first, uint32_t n, bool wait_ok)
    QUIRE_SYM(quire_pager_write_back);

/* Forgets what is resident of [first, first + n) of `fobj`, so that the next use loads it again: for a store whose content
 * changed underneath. Pages in transit are forgotten when they arrive. DIRTY if any page holds content that is nowhere else,
 * BUSY if any is pinned or held, AGAIN if any is being saved or flushed, TIMEOUT if a store that should save one is late, STUCK
 * if an entry could not be removed: then none was forgotten (entries may have been taken away: a minor fault each). INVALID:
 * out of range, or the pager does not know the object. O(n + their entries). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_invalidate(struct quire_pager *pager, struct quire_fobj *fobj,
                                                                    uint32_t first, uint32_t n)
    QUIRE_SYM(quire_pager_invalidate);

/* Tries again to remove the entries that an MMU refused to remove; pages it lets go of become resident again. Returns OK if
 * none is left in quarantine on its account, else STUCK. O(pages of the pool). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_unstick(struct quire_pager *pager) QUIRE_SYM(quire_pager_unstick);

QUIRE_END

#endif /* QUIRE_WRITEBACK_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_WRITEBACK_IMPLEMENTED)
#define QUIRE_WRITEBACK_IMPLEMENTED

QUIRE_BEGIN

/* The page at `pgidx`, or null if it has none. */
static struct quire_pmem *quire_fobj_pmem_(const struct quire_pager *pager, const struct quire_fobj *fobj, uint32_t pgidx)
{
    uint32_t slot = fobj->slots[pgidx];

    return quire_slot_kind(slot) == QUIRE_SLOT_PRESENT ? quire_pmem_at(&pager->pool, quire_slot_value(slot)) : NULL;
}

static bool quire_fobj_range_valid_(const struct quire_pager *pager, const struct quire_fobj *fobj, uint32_t first, uint32_t n)
{
    return fobj->pager == pager && quire_index_range(first, n, fobj->num_pages) && !quire_fobj_is_unpaged(fobj);
}

/* Is the page in quarantine because a store is late? */
static const struct quire_request *quire_pmem_late_(const struct quire_pager *pager, const struct quire_pmem *pmem)
{
    return pmem->state == QUIRE_PAGE_QUARANTINED ? quire_request_late(pager, quire_slot_value(pmem->fobj->slots[pmem->pgidx]))
                                                 : NULL;
}

/* Is the page being filled, or will be if a late store still does it? */
static bool quire_pmem_loading_(const struct quire_pager *pager, const struct quire_pmem *pmem)
{
    const struct quire_request *late = quire_pmem_late_(pager, pmem);

    return pmem->state == QUIRE_PAGE_LOADING || (late != NULL && late->load);
}

/* ---- Write back ---- */

/* Could writing this page have made its content newer than the store's? */
static bool quire_pmem_may_be_dirty_(const struct quire_pager *pager, const struct quire_pmem *pmem)
{
    return (pmem->flags & QUIRE_PMEM_DIRTY) != 0 || (pmem->mapped != 0 && (pager->mmu->features & QUIRE_MMU_HW_DIRTY) != 0);
}

/* One page of quire_pager_write_back: waits until it is in no transit, then saves it if it is dirty. */
static enum quire_status quire_pager_write_back_page_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                                      bool wait_ok)
{
    struct quire_pager *pager = op->pager;
    enum quire_status status = QUIRE_OK;

    for (;;) {
        struct quire_pmem *pmem = quire_fobj_pmem_(pager, fobj, pgidx);
        uint32_t number = quire_slot_value(fobj->slots[pgidx]);

        if (fobj->flushing != 0) {
            status = quire_op_wait_fobj(op, fobj, fobj, wait_ok);
        } else if (pmem == NULL || quire_pmem_loading_(pager, pmem)) {
            return QUIRE_OK;
        } else if (quire_pmem_is_busy(pmem)) {
            status = quire_op_wait_fobj(op, fobj, &fobj->slots[pgidx], wait_ok); /* a save that is under way may fail */
        } else if (quire_pmem_late_(pager, pmem) != NULL) {
            return QUIRE_TIMEOUT;
        } else if (!quire_pmem_may_be_dirty_(pager, pmem)) {
            return QUIRE_OK;
        } else if (pmem->state == QUIRE_PAGE_QUARANTINED) {
            return QUIRE_STUCK;
        } else if (pmem->mapped != 0) {
            if (quire_rmap_remove(pager->mmu, &op->batch, pmem)) {
                quire_pager_quarantine(op, number);
                quire_op_flush_quarantined(op, fobj);
                return QUIRE_STUCK;
            }
            (void)quire_op_flush_page(op, number);
        } else if ((pmem->flags & QUIRE_PMEM_DIRTY) == 0) {
            return QUIRE_OK;
        } else if (quire_fobj_by_request(fobj)) {
            fobj->busy++;
            status = quire_pager_save_request(op, number, false, wait_ok);
            if (status != QUIRE_AGAIN) {
                return status == QUIRE_PENDING ? QUIRE_AGAIN : status;
            }
            status = quire_op_await_means(op, wait_ok);
        } else {
            fobj->busy++;
            status = quire_pager_save(op, number, wait_ok);
            quire_pager_settle(op, number);
            if (status != QUIRE_AGAIN) {
                return status;
            }
            status = quire_op_await_means(op, wait_ok);
        }
        if (status != QUIRE_OK) {
            return status;
        }
    }
}

QUIRE_API enum quire_status quire_pager_write_back(struct quire_pager *pager, struct quire_fobj *fobj, uint32_t first,
                                                   uint32_t n, bool wait_ok)
{
    enum quire_status status = QUIRE_OK;
    struct quire_op op;
    uint32_t i;

    if (!quire_fobj_range_valid_(pager, fobj, first, n)) {
        return QUIRE_INVALID;
    }
    if (fobj->ops->save == NULL) {
        return QUIRE_OK;
    }
    quire_op_begin(&op, pager);
    /* All entries first, so that one flush serves all pages; whoever writes again meanwhile costs that page one more. Not while
     * somebody flushes for a range that shows the object: what he removes, and nothing else, is to be gone when he is done. */
    for (i = 0; i < n && fobj->flushing == 0; i++) {
        struct quire_pmem *pmem = quire_fobj_pmem_(pager, fobj, first + i);

        if (pmem != NULL && pmem->state == QUIRE_PAGE_RESIDENT && quire_pmem_may_be_dirty_(pager, pmem) &&
            quire_rmap_remove(pager->mmu, &op.batch, pmem)) {
            quire_pager_quarantine(&op, quire_slot_value(fobj->slots[first + i]));
        }
    }
    (void)quire_op_flush_fobj(&op, fobj);
    for (i = 0; i < n; i++) {
        enum quire_status one = quire_pager_write_back_page_(&op, fobj, first + i, wait_ok);

        status = status == QUIRE_OK ? one : status;
    }
    quire_op_end(&op);
    return status;
}

/* ---- Invalidate ---- */

/* May every page of the range be forgotten, as far as can be seen now? */
static enum quire_status quire_pager_may_forget_(const struct quire_pager *pager, const struct quire_fobj *fobj, uint32_t first,
                                                 uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        const struct quire_pmem *pmem = quire_fobj_pmem_(pager, fobj, first + i);

        if (pmem == NULL || quire_pmem_loading_(pager, pmem)) {
            continue;
        }
        if (quire_pmem_late_(pager, pmem) != NULL) {
            return QUIRE_TIMEOUT;
        }
        if (pmem->state == QUIRE_PAGE_QUARANTINED) {
            return QUIRE_STUCK;
        }
        if (pmem->state != QUIRE_PAGE_RESIDENT) {
            return QUIRE_AGAIN;
        }
        if (pmem->pins != 0 || pmem->holds != 0) {
            return QUIRE_BUSY;
        }
        if ((pmem->flags & QUIRE_PMEM_DIRTY) != 0) {
            return QUIRE_DIRTY;
        }
    }
    return fobj->flushing != 0 ? QUIRE_AGAIN : QUIRE_OK;
}

QUIRE_API enum quire_status quire_pager_invalidate(struct quire_pager *pager, struct quire_fobj *fobj, uint32_t first,
                                                   uint32_t n)
{
    enum quire_status status;
    struct quire_op op;
    uint32_t i;

    if (!quire_fobj_range_valid_(pager, fobj, first, n)) {
        return QUIRE_INVALID;
    }
    quire_op_begin(&op, pager);
    status = quire_pager_may_forget_(pager, fobj, first, n);
    for (i = 0; i < n && status == QUIRE_OK; i++) {
        struct quire_pmem *pmem = quire_fobj_pmem_(pager, fobj, first + i);

        if (pmem != NULL && quire_rmap_remove(pager->mmu, &op.batch, pmem)) {
            quire_pager_quarantine(&op, quire_slot_value(fobj->slots[first + i]));
        }
    }
    (void)quire_op_flush_fobj(&op, fobj);
    if (status == QUIRE_OK) {
        status =
            quire_pager_may_forget_(pager, fobj, first, n); /* the entries told of writes; an unlocked flush let others in */
    }
    for (i = 0; i < n && status == QUIRE_OK; i++) {
        struct quire_pmem *pmem = quire_fobj_pmem_(pager, fobj, first + i);

        if (pmem == NULL) {
            continue;
        }
        if (quire_pmem_loading_(pager, pmem)) {
            pmem->flags |= QUIRE_PMEM_DISCARD;
        } else {
            quire_pager_release(&op, quire_slot_value(fobj->slots[first + i]));
        }
    }
    quire_op_end(&op);
    return status;
}

/* ---- Stuck pages ---- */

QUIRE_API enum quire_status quire_pager_unstick(struct quire_pager *pager)
{
    struct quire_pmem_pool *pool = &pager->pool;
    enum quire_status status = QUIRE_OK;
    struct quire_op op;
    uint32_t segment;
    uint32_t i;

    quire_op_begin(&op, pager);
    for (segment = 0; segment < pool->pages.nsegments; segment++) {
        for (i = 0; i < pool->pages.segment[segment].npages; i++) {
            uint32_t number = (segment << QUIRE_PAGE_INDEX_BITS) | i;
            struct quire_pmem *pmem = quire_pmem_at(pool, number);

            if (pmem->state != QUIRE_PAGE_QUARANTINED || quire_request_late(pager, number) != NULL) {
                continue;
            }
            if (quire_rmap_remove(pager->mmu, &op.batch, pmem)) {
                status = QUIRE_STUCK;
                quire_op_flush_quarantined(&op, pmem->fobj);
                continue;
            }
            quire_pmem_set_state(pool, pmem, QUIRE_PAGE_RESIDENT);
            quire_pager_policy_insert(pager, pmem, number, QUIRE_DISTANCE_UNKNOWN);
            (void)quire_op_flush_page(&op, number);
        }
    }
    quire_op_end(&op);
    return status;
}

QUIRE_END

#endif
