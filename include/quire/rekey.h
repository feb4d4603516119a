/* quire/rekey.h - sealing what is stored anew, under a new key, while faults go on. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_REKEY_H
#define QUIRE_REKEY_H

#include "base.h"
#include "engine.h"
#include "evict.h"
#include "fobj.h"
#include "fobj_rw.h"
#include "mmu.h"
#include "page_in.h"
#include "pager.h"
#include "pmem.h"
#include "seal.h"
#include "state.h"
#include "writeback.h"

/*
 * Because a key is old, is said to be known to somebody, or ran out of versions or object numbers (LIMIT):
 *
 *     quire_sealer_rekey(&sealer);                                  every save from now on is under the new key
 *     quire_fobj_rw_rekey(&pager, &rw, 0, rw.base.num_pages, 0, true);  each object of the sealer, parents of metadata too
 *     quire_sealer_is_rekeying(&sealer)                             false: the old key is wiped
 *
 * For each page that is stored under the old key:
 *
 *     absent   -> brought in as by a fault (opened with the old key) -> dirty -> saved (sealed with the new one) -> evicted again
 *     resident -> dirty -> saved
 *
 * What is resident and was never stored, what was stored under the new key since, and what was never written costs a look. The work
 * is in the pages, so it may be interrupted at any point and done again, by several threads too; faults see nothing of it but
 * pages in transit. An object that dies lets go of the old key as well.
 */
QUIRE_BEGIN

/* Makes sure that no page of [first, first + n) of `rw` is stored under another key than the current one. If the range is all of
 * the object and nothing failed, it lets go of the old key, which is wiped if it was the last. The caller has a reference.
 * `thread`: as in struct quire_fault, a number that no other thread uses meanwhile: the last pages that it faulted in give way
 * where nothing else does. The first failure is returned after the others were tried; nothing is lost by it: call again.
 * INTEGRITY, IO: a page could not be opened or read; as long as it is stored like that, the old key stays: have the page freed
 * (QUIRE_ADVICE_FREE, in an area of it; no copy on write), the right bytes put back, or the object die. INVALID: out of range, no
 * such thread, not sealed, or the pager does not know the object. NO_PAGE, AGAIN, TIMEOUT, STUCK, and the others of stores: as in
 * quire_pager_fault() and quire_pager_write_back(). Takes the lock, must not be called with it held; sleeps in load and save.
 * O(n), and a load and a save for each page that moves. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_fobj_rw_rekey(struct quire_pager *pager, struct quire_fobj_rw *rw,
                                                                 uint32_t first, uint32_t n, uint32_t thread, bool wait_ok)
    QUIRE_SYM(quire_fobj_rw_rekey);

QUIRE_END

#endif /* QUIRE_REKEY_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_REKEY_IMPLEMENTED)
#define QUIRE_REKEY_IMPLEMENTED

QUIRE_BEGIN

/* Brings page `pgidx` of `fobj` as a fault would, but that it is not kept for the thread: no instruction needs it. */
static enum quire_status quire_rekey_bring_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx,
                                            const struct quire_how *how)
{
    enum quire_status store;
    uint32_t number;
    bool loaded = false;
    bool dropped = false;

    return quire_pager_bring(op, fobj, pgidx, how, &number, &loaded, &dropped, &store);
}

/* Stores in *epoch what page `pgidx`, which is stored and in no transit, was sealed under. False: the page of metadata that says so
 * is not there. */
static bool quire_rekey_epoch_(const struct quire_pager *pager, const struct quire_fobj_rw *rw, uint32_t pgidx, uint32_t *epoch)
{
    const struct quire_mmu *mmu = pager->mmu;
    const struct quire_pmem *pmem;
    struct quire_pa pa;
    void *page;

    if (rw->meta_fobj == NULL) {
        *epoch = rw->meta[pgidx].epoch;
        return true;
    }
    pmem = quire_fobj_pmem_(pager, rw->meta_fobj, quire_fobj_rw_meta_page(rw, pgidx));
    if (pmem == NULL || pmem->state != QUIRE_PAGE_RESIDENT) {
        return false;
    }
    pa = quire_pmem_pa(&pager->pool, quire_slot_value(rw->meta_fobj->slots[pmem->pgidx]));
    page = mmu->alias_get(mmu->ctx, pa);
    *epoch = quire_fobj_rw_meta_in(page, pgidx)->epoch;
    mmu->alias_put(mmu->ctx, pa, page);
    return true;
}

/* Saves page `pgidx`, which is resident, whether it is dirty or not. */
static enum quire_status quire_rekey_save_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx, bool wait_ok)
{
    uint32_t number = quire_slot_value(fobj->slots[pgidx]);
    enum quire_status status = quire_pager_will_write(op, number); /* dirty: until it is saved it cannot leave */

    (void)quire_op_flush_page(op, number);
    return status == QUIRE_OK ? quire_pager_write_back_page_(op, fobj, pgidx, wait_ok) : status;
}

/* The page was brought for this only: it does not take the place of one that is in use. */
static void quire_rekey_evict_(struct quire_op *op, const struct quire_fobj *fobj, uint32_t pgidx)
{
    const struct quire_pmem *pmem = quire_fobj_pmem_(op->pager, fobj, pgidx);

    if (pmem != NULL && pmem->state == QUIRE_PAGE_RESIDENT && pmem->mapped == 0 &&
        (pmem->flags & (QUIRE_PMEM_DIRTY | QUIRE_PMEM_FIXED)) == 0 && (pmem->pins | pmem->holds) == 0 && fobj->flushing == 0) {
        (void)quire_pager_evict_page(op, quire_slot_value(fobj->slots[pgidx]), false); /* failing, it stays */
    }
}

/* One page: looks anew whenever the lock was dropped, until it is not stored under a key older than that of `epoch`. */
static enum quire_status quire_rekey_page_(struct quire_op *op, struct quire_fobj_rw *rw, uint32_t pgidx, uint32_t epoch,
                                           const struct quire_how *how)
{
    struct quire_pager *pager = op->pager;
    struct quire_fobj *fobj = &rw->base;
    enum quire_status status = QUIRE_OK;
    bool brought = false;

    while (status == QUIRE_OK) {
        const struct quire_pmem *pmem = quire_fobj_pmem_(pager, fobj, pgidx);
        unsigned kind = quire_slot_kind(fobj->slots[pgidx]);
        uint32_t sealed;

        if (fobj->flushing != 0) {
            status = quire_op_wait_fobj(op, fobj, fobj, how->wait_ok);
        } else if (kind == QUIRE_SLOT_CLAIMED || (pmem != NULL && quire_pmem_is_busy(pmem))) {
            status = quire_op_wait_fobj(op, fobj, &fobj->slots[pgidx], how->wait_ok); /* who works on it may use the old key */
        } else if (kind == QUIRE_SLOT_EMPTY || (pmem != NULL && (pmem->flags & QUIRE_PMEM_STORED) == 0)) {
            break;
        } else if (pmem != NULL && pmem->state == QUIRE_PAGE_QUARANTINED) {
            status = quire_pmem_late_(pager, pmem) != NULL ? QUIRE_TIMEOUT : QUIRE_STUCK;
        } else if (!quire_rekey_epoch_(pager, rw, pgidx, &sealed)) {
            status = quire_rekey_bring_(op, rw->meta_fobj, quire_fobj_rw_meta_page(rw, pgidx), how);
        } else if (sealed >= epoch) {
            break;
        } else if (pmem == NULL) {
            status = quire_rekey_bring_(op, fobj, pgidx, how);
            brought = true;
            if (status == QUIRE_OK) { /* at once, before another thread evicts it */
                status = quire_rekey_save_(op, fobj, pgidx, how->wait_ok);
            }
        } else {
            status = quire_rekey_save_(op, fobj, pgidx, how->wait_ok);
        }
    }
    if (brought && status == QUIRE_OK) {
        quire_rekey_evict_(op, fobj, pgidx);
    }
    return status;
}

QUIRE_API enum quire_status quire_fobj_rw_rekey(struct quire_pager *pager, struct quire_fobj_rw *rw, uint32_t first, uint32_t n,
                                                uint32_t thread, bool wait_ok)
{
    struct quire_how how;
    enum quire_status status = QUIRE_OK;
    struct quire_op op;
    uint32_t epoch;
    uint32_t i;

    if (rw->sealed.sealer == NULL || thread >= pager->concurrency || !quire_fobj_range_valid_(pager, &rw->base, first, n)) {
        return QUIRE_INVALID;
    }
    epoch = quire_atomic_load(&rw->sealed.sealer->epoch);
    if (quire_atomic_load(&rw->sealed.held) == epoch) {
        return QUIRE_OK;
    }
    how.wait_ok = wait_ok;
    how.steps = quire_pager_step_row(pager, thread);
    how.headroom = NULL; /* nobody missed what is brought */
    quire_op_begin(&op, pager);
    for (i = 0; i < n; i++) {
        enum quire_status one = quire_rekey_page_(&op, rw, first + i, epoch, &how);

        status = status == QUIRE_OK ? one : status;
    }
    quire_op_end(&op);
    if (status == QUIRE_OK && n == rw->base.num_pages) {
        quire_sealed_moved(&rw->sealed, epoch);
    }
    return status;
}

QUIRE_END

#endif
