/* quire/adopt.h - pages that were in memory before the pager was: loaded at boot, or by somebody else. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_ADOPT_H
#define QUIRE_ADOPT_H

#include "account.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "pager.h"
#include "pmem.h"
#include "trace.h"

/*
 * A boot loader leaves programs in memory that becomes the pager's. Instead of loading those pages again the pager adopts
 * them where they lie. Give it the memory (quire_pager_init(), quire_pager_add_pages(), or quire_pager_add_offline() of
 * resize.h where threads fault already), make the object, then call quire_pager_adopt() for each page before anything is mapped
 * or loaded.
 *
 *     slot EMPTY or STORED --adopt(pa)--> PRESENT: the page at `pa`, RESIDENT with the bytes that stand there
 *
 * Only a page in which the pager has put nothing since it got it can be adopted: what stands in any other may be another's.
 */
QUIRE_BEGIN

/* Makes the physical page at `pa` page `pgidx` of `fobj`, resident, with the bytes it holds. `dirty`: the store does not have them;
 * else a load of the page would give the same bytes, and it may be evicted without a save. The caller has a reference; the
 * object becomes this pager's, as if it had been mapped. INVALID: `pa` is no page of the pool, or the object unpaged or a copy on
 * write, its rank too high, or `pgidx` out of range; DENIED: `dirty`, and the object has been copied (fobj_cow.h): it stands
 * still; EXISTS: page `pgidx` is resident or on its way; BUSY: the physical page is in use or has been, or the object is another
 * pager's; NO_PAGE: it could never be evicted (of a locked object, or dirty without a save operation) and too few pages that can
 * would be left, or its account is at its quota, or the page is one of those that are held back for stores which need pages
 * (need.h); DEAD, LIMIT: no reference can be had. O(segments), under the lock. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_adopt(struct quire_pager *pager, struct quire_fobj *fobj,
                                                               uint32_t pgidx, struct quire_pa pa, bool dirty)
    QUIRE_SYM(quire_pager_adopt);

QUIRE_END

#endif /* QUIRE_ADOPT_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_ADOPT_IMPLEMENTED)
#define QUIRE_ADOPT_IMPLEMENTED

QUIRE_BEGIN

/* May page `number` become page `pgidx` of `fobj`? */
static enum quire_status quire_adopt_decide_(const struct quire_pager *pager, const struct quire_fobj *fobj, uint32_t pgidx,
                                             uint32_t number, bool dirty)
{
    const struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    const struct quire_account *account = fobj->pager != NULL ? fobj->account : &pager->root;
    unsigned kind = quire_slot_kind(fobj->slots[pgidx]);
    bool fixed = (fobj->flags & QUIRE_FOBJ_LOCKED) != 0 || (dirty && fobj->ops->save == NULL);

    if (fobj->origin != NULL) {
        return QUIRE_INVALID;
    }
    if (dirty && fobj->frozen) {
        return QUIRE_DENIED;
    }
    if (kind != QUIRE_SLOT_EMPTY && kind != QUIRE_SLOT_STORED) {
        return QUIRE_EXISTS;
    }
    if ((pmem->state != QUIRE_PAGE_FREE && pmem->state != QUIRE_PAGE_OFFLINE) || pmem->flags != 0 ||
        pmem->pgidx != QUIRE_PMEM_UNUSED) {
        return QUIRE_BUSY;
    }
    if (!quire_account_within(account) || (fixed && (uint64_t)account->fixed + pager->pages_per_step >= account->quota)) {
        return QUIRE_NO_PAGE;
    }
    if (pmem->state == QUIRE_PAGE_FREE && !quire_pager_has_room(pager)) {
        return QUIRE_NO_PAGE; /* the reserve: without it nothing that needs a page could be saved any more */
    }
    return fixed && pmem->state == QUIRE_PAGE_FREE && !quire_pager_may_fix(pager, account) ? QUIRE_NO_PAGE : QUIRE_OK;
}

static void quire_adopt_commit_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx, uint32_t number, bool dirty)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    uint32_t slot = fobj->slots[pgidx];

    if (pmem->state == QUIRE_PAGE_FREE) {
        quire_pmem_set_offline(&pager->pool, number);
    }
    quire_account_expect(fobj->account);
    quire_pmem_assign(&pager->pool, pmem, number, fobj, pgidx);
    pmem->flags =
        (uint8_t)((quire_slot_kind(slot) == QUIRE_SLOT_STORED ? QUIRE_PMEM_STORED : 0u) | (dirty ? QUIRE_PMEM_DIRTY : 0u));
    quire_pager_refix(pager, number);
    quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_RESIDENT);
    quire_pager_policy_insert(pager, pmem, number, quire_account_distance(fobj->account, quire_slot_value(slot)));
    pager->stats.adopted++;
    if (QUIRE_PAGER_TRACED(pager)) {
        quire_trace_put(pager->trace, quire_trace_now(pager->trace),
                        quire_trace_what(QUIRE_TRACE_LOAD, QUIRE_TRACE_LOAD_BEFORE, 0, QUIRE_OK) |
                            (dirty ? QUIRE_TRACE_DIRTY : 0u),
                        0, number, fobj->id, pgidx);
    }
    quire_op_wake_room(op);
}

QUIRE_API enum quire_status quire_pager_adopt(struct quire_pager *pager, struct quire_fobj *fobj, uint32_t pgidx,
                                              struct quire_pa pa, bool dirty)
{
    enum quire_status status;
    struct quire_op op;
    uint32_t number;
    bool attached = false;

    if (fobj == NULL || quire_fobj_is_unpaged(fobj) || pgidx >= fobj->num_pages) {
        return QUIRE_INVALID;
    }
    quire_op_begin(&op, pager);
    if (!quire_pmem_find(&pager->pool, pa, 1, &number)) {
        status = QUIRE_INVALID;
    } else if (fobj->pager != NULL && fobj->pager != pager) {
        status = QUIRE_BUSY; /* its slots are under another lock */
    } else {
        status = quire_adopt_decide_(pager, fobj, pgidx, number, dirty);
    }
    if (status == QUIRE_OK) {
        status = quire_pager_attach(pager, fobj);
        attached = status == QUIRE_OK;
    }
    if (attached) {
        quire_adopt_commit_(&op, fobj, pgidx, number, dirty);
    }
    quire_op_end(&op);
    if (attached) {
        (void)quire_fobj_put(fobj); /* what attach took: the caller has his own */
    }
    return status;
}

QUIRE_END

#endif
