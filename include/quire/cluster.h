/* quire/cluster.h - which neighbours of a page are loaded or saved along with it. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_CLUSTER_H
#define QUIRE_CLUSTER_H

#include "account.h"
#include "area.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "pmem.h"
#include "request.h"
#include "rmap.h"

/*
 * Not for users, who set `cluster` of an object whose store does several neighbours at little more than the price of one.
 *
 *     load:  [needed][absent][absent] resident ...    forward only: what follows a page is likelier wanted than what precedes it
 *     save:  ... clean [dirty][victim][dirty] clean   both ways: each will have to be saved anyway
 *
 * A load takes free pages, beyond the reserve, for what nobody asked for yet. It evicts clean ones for it only where the page
 * before the needed one is resident: then the object is being gone through in order. Neighbours that were loaded have no entry and
 * are no thread's last pages: if nobody comes they are the first that the policy finds unused.
 *
 * A save takes along what is certainly dirty and nobody's last page; such a neighbour stays, clean and without entries.
 *
 * Called with the lock held.
 */
QUIRE_BEGIN

/* Pages first..first + n - 1 of an object. */
struct quire_run {
    uint32_t first;
    uint32_t n;
};

/* The most pages of one request. */
static inline QUIRE_RESIDENT uint32_t quire_cluster_most(const struct quire_fobj *fobj)
{
    return fobj->cluster > QUIRE_IO_PAGES_MAX ? QUIRE_IO_PAGES_MAX : fobj->cluster != 0 ? fobj->cluster : 1u;
}

/* How many pages, `pgidx` included, a load of that absent page would best be about. O(cluster). */
QUIRE_API QUIRE_RESIDENT uint32_t quire_cluster_wanted(const struct quire_fobj *fobj, uint32_t pgidx)
    QUIRE_SYM(quire_cluster_wanted);

/* Is it worth evicting clean pages for more than the needed one? O(1). */
QUIRE_API QUIRE_RESIDENT bool quire_cluster_in_order(const struct quire_pager *pager, const struct quire_fobj *fobj,
                                                     uint32_t pgidx) QUIRE_SYM(quire_cluster_in_order);

/* How many pages there are for a load, within the quota of its account: at least the one that is needed. O(1). */
QUIRE_API QUIRE_RESIDENT uint32_t quire_cluster_room(const struct quire_pager *pager, const struct quire_account *account)
    QUIRE_SYM(quire_cluster_room);

/* Collects dirty neighbours of page `number`, which is busy, to be saved with it: their entries are removed (flush), they are
 * FLUSHING, and fobj->busy is raised for each. O(cluster, and the entries of each). */
QUIRE_API QUIRE_RESIDENT void quire_cluster_gather(struct quire_op *op, uint32_t number, struct quire_run *run)
    QUIRE_SYM(quire_cluster_gather);

/* Ends the transit of all pages of a run as it is. O(pages). */
QUIRE_API QUIRE_RESIDENT void quire_cluster_settle(struct quire_op *op, struct quire_fobj *fobj, const struct quire_run *run)
    QUIRE_SYM(quire_cluster_settle);

QUIRE_END

#endif /* QUIRE_CLUSTER_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_CLUSTER_IMPLEMENTED)
#define QUIRE_CLUSTER_IMPLEMENTED

QUIRE_BEGIN

/* ---- Loads ---- */

QUIRE_API QUIRE_RESIDENT QUIRE_COLD uint32_t quire_cluster_wanted(const struct quire_fobj *fobj, uint32_t pgidx)
{
    unsigned kind = quire_slot_kind(fobj->slots[pgidx]);
    uint32_t most = quire_cluster_most(fobj);
    uint32_t n = 1;

    if ((fobj->flags & QUIRE_FOBJ_LOCKED) != 0) {
        return 1; /* a page that is loaded stays for good: only if it is needed */
    }
    while (n < most && n < fobj->num_pages - pgidx && quire_slot_kind(fobj->slots[pgidx + n]) == kind) {
        n++;
    }
    return n;
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD bool quire_cluster_in_order(const struct quire_pager *pager, const struct quire_fobj *fobj,
                                                                uint32_t pgidx)
{
    uint32_t slot = pgidx != 0 ? fobj->slots[pgidx - 1u] : 0;

    return quire_slot_kind(slot) == QUIRE_SLOT_PRESENT &&
           quire_pmem_at(&pager->pool, quire_slot_value(slot))->state == QUIRE_PAGE_RESIDENT;
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD uint32_t quire_cluster_room(const struct quire_pager *pager,
                                                                const struct quire_account *account)
{
    uint32_t unused = pager->pool.count[QUIRE_PAGE_FREE];
    uint32_t room = unused > pager->held_back ? unused - pager->held_back : 0;
    uint32_t quota = account->quota > account->charged ? account->quota - account->charged : 0;

    room = room < quota ? room : quota;
    return room != 0 ? room : 1u;
}

/* ---- Saves ---- */

/* Is the page dirty, as far as can be known without taking its entries away? */
static QUIRE_RESIDENT bool quire_cluster_dirty_(const struct quire_mmu *mmu, const struct quire_pmem *pmem)
{
    const struct quire_area *area = pmem->sole;

    if ((pmem->flags & QUIRE_PMEM_DIRTY) != 0) {
        return true;
    }
    return area != NULL && (mmu->features & QUIRE_MMU_HW_DIRTY) != 0 &&
           (mmu->query(mmu->ctx, area->vm, quire_area_va(area, pmem->pgidx)) & QUIRE_ENTRY_DIRTY) != 0;
}

/* Adds page `pgidx` to what is to be saved, if it may be. */
static QUIRE_RESIDENT bool quire_cluster_join_(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx)
{
    struct quire_pager *pager = op->pager;
    uint32_t number = quire_slot_value(fobj->slots[pgidx]);
    struct quire_pmem *pmem;

    if (quire_slot_kind(fobj->slots[pgidx]) != QUIRE_SLOT_PRESENT) {
        return false;
    }
    pmem = quire_pmem_at(&pager->pool, number);
    if (pmem->state != QUIRE_PAGE_RESIDENT || (pmem->pins | pmem->holds | pmem->steps) != 0 ||
        !quire_cluster_dirty_(pager->mmu, pmem)) {
        return false;
    }
    if (quire_rmap_remove(pager->mmu, &op->batch, pmem)) {
        quire_pager_quarantine(op, number);
        return false;
    }
    fobj->busy++;
    quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_FLUSHING);
    return true;
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_cluster_gather(struct quire_op *op, uint32_t number, struct quire_run *run)
{
    struct quire_pmem *pmem = quire_pmem_at(&op->pager->pool, number);
    struct quire_fobj *fobj = pmem->fobj;
    uint32_t most = fobj->flushing == 0 ? quire_cluster_most(fobj) : 1u; /* else none of its pages may move */

    run->first = pmem->pgidx;
    run->n = 1;
    while (run->n < most && run->n < fobj->num_pages - run->first && quire_cluster_join_(op, fobj, run->first + run->n)) {
        run->n++;
    }
    while (run->n < most && run->first > 0 && quire_cluster_join_(op, fobj, run->first - 1u)) {
        run->first--;
        run->n++;
    }
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_cluster_settle(struct quire_op *op, struct quire_fobj *fobj,
                                                              const struct quire_run *run)
{
    uint32_t i;

    for (i = 0; i < run->n; i++) {
        quire_pager_settle(op, quire_slot_value(fobj->slots[run->first + i]));
    }
}

QUIRE_END

#endif
