/* quire/rmap.h - the reverse map: from a page, or a stretch of an area, to its entries. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_RMAP_H
#define QUIRE_RMAP_H

#include "area.h"
#include "base.h"
#include "fobj.h"
#include "mmu.h"
#include "pmem.h"

/*
 * Which entries show a page? No list is kept: the areas that cover its index in its fobj are the only ones that can, and the
 * count of entries says when all have been found. A page with one entry names the area itself.
 *
 *     pmem -> (fobj, pgidx) -> fobj.areas -> each area that covers pgidx -> (vm, va) -> the `unmap` hook says if one was there
 *                           -> each copy on write of fobj without an own copy of pgidx -> its areas, and its copies in turn
 *
 * For the pager. Called with its lock held; nothing sleeps or fails. Changed entries go into `batch`; the caller flushes.
 *
 * Invariant: pmem->mapped = entries installed for the page; pmem->sole, if not null, is the one area that has it.
 */
QUIRE_BEGIN

/* The first area that may show *pmem, and the next one: those that cover its index in its object, then in the copies of that object
 * which have no own copy of it, and in copies of these. Null: no more. O(log areas) each, and O(copies passed over). */
QUIRE_API QUIRE_RESIDENT struct quire_area *quire_rmap_area(const struct quire_pmem *pmem) QUIRE_SYM(quire_rmap_area);
QUIRE_API QUIRE_RESIDENT struct quire_area *quire_rmap_area_next(const struct quire_pmem *pmem, const struct quire_area *area)
    QUIRE_SYM(quire_rmap_area_next);

/* Notes a new entry of `pmem` in `area`. O(1). */
static inline QUIRE_RESIDENT void quire_rmap_note(struct quire_pmem *pmem, struct quire_area *area)
{
    pmem->mapped++;
    pmem->sole = pmem->mapped == 1u ? area : NULL;
}

/* Could `area` have an entry of `pmem`? False is certain. O(1). */
static inline QUIRE_RESIDENT bool quire_rmap_may_map(const struct quire_pmem *pmem, const struct quire_area *area)
{
    return pmem->mapped != 0 && (pmem->sole == NULL || pmem->sole == area);
}

/* Removes the entry of `pmem` in `area`, if there is one; returns what `unmap` did. Dirtiness is noted. O(1). */
QUIRE_INLINE QUIRE_RESIDENT unsigned quire_rmap_remove_one(const struct quire_mmu *mmu, struct quire_batch *batch,
                                                           struct quire_pmem *pmem, struct quire_area *area)
{
    uintptr_t va = quire_area_va(area, pmem->pgidx);
    unsigned was = mmu->unmap(mmu->ctx, area->vm, va, 1, batch);

    if ((was & QUIRE_ENTRY_PRESENT) == 0) {
        return 0;
    }
    if ((was & QUIRE_ENTRY_DIRTY) != 0) {
        pmem->flags |= QUIRE_PMEM_DIRTY;
    }
    if ((was & QUIRE_ENTRY_WRITE) != 0) {
        pmem->flags &= (uint8_t)~QUIRE_PMEM_SYNCED; /* code may have been written through it since it was synced */
    }
    if (QUIRE_LIKELY((was & QUIRE_ENTRY_STUCK) == 0)) {
        QUIRE_ASSERT(pmem->mapped > 0);
        quire_batch_add(batch, area->vm, va);
        pmem->mapped--;
        pmem->sole = NULL;
    }
    return was;
}

/* The same as quire_rmap_remove for a page whose area is not known. */
QUIRE_API QUIRE_RESIDENT bool quire_rmap_remove_all(const struct quire_mmu *mmu, struct quire_batch *batch,
                                                    struct quire_pmem *pmem) QUIRE_SYM(quire_rmap_remove_all);

/* Removes all entries of `pmem`; true if one is stuck. O(log areas + areas that show the page), O(1) if the area is known. */
QUIRE_INLINE QUIRE_RESIDENT bool quire_rmap_remove(const struct quire_mmu *mmu, struct quire_batch *batch,
                                                   struct quire_pmem *pmem)
{
    if (QUIRE_LIKELY(pmem->sole != NULL)) {
        return (quire_rmap_remove_one(mmu, batch, pmem, pmem->sole) & QUIRE_ENTRY_STUCK) != 0;
    }
    return pmem->mapped != 0 && quire_rmap_remove_all(mmu, batch, pmem);
}

/* Was the page used since this was last asked? With the `age` hook the accessed flags tell; without it the entries do, and are
 * removed so that the next use is a fault. Cost as quire_rmap_remove. */
QUIRE_API QUIRE_RESIDENT bool quire_rmap_age(const struct quire_mmu *mmu, struct quire_batch *batch, struct quire_pmem *pmem)
    QUIRE_SYM(quire_rmap_age);

/* Did the hardware record a write through any entry of `pmem`? Changes nothing. Cost as quire_rmap_remove. */
QUIRE_API QUIRE_RESIDENT bool quire_rmap_written(const struct quire_mmu *mmu, const struct quire_pmem *pmem)
    QUIRE_SYM(quire_rmap_written);

QUIRE_END

#endif /* QUIRE_RMAP_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_RMAP_IMPLEMENTED)
#define QUIRE_RMAP_IMPLEMENTED

QUIRE_BEGIN

/* In the tree of copies below `top`: the object after `fobj` that shows page `pgidx` of `top`, null if there is none. Who has an own
 * copy of it hides it from its copies too. */
static QUIRE_RESIDENT const struct quire_fobj *quire_rmap_copy_(const struct quire_fobj *top, const struct quire_fobj *fobj,
                                                                uint32_t pgidx)
{
    const struct quire_fobj *next = fobj->children;

    for (;;) {
        while (next != NULL && (next->slots[pgidx] & QUIRE_SLOT_OWN) != 0) {
            next = next->sibling;
        }
        if (next != NULL || fobj == top) {
            return next;
        }
        next = fobj->sibling;
        fobj = fobj->origin;
    }
}

/* `area`, or if it is null the first area after those of `fobj`. */
static QUIRE_RESIDENT struct quire_area *quire_rmap_area_(const struct quire_pmem *pmem, const struct quire_fobj *fobj,
                                                          struct quire_area *area)
{
    while (area == NULL && (fobj = quire_rmap_copy_(pmem->fobj, fobj, pmem->pgidx)) != NULL) {
        area = quire_fobj_area_showing(fobj, pmem->pgidx);
    }
    return area;
}

QUIRE_API QUIRE_RESIDENT struct quire_area *quire_rmap_area(const struct quire_pmem *pmem)
{
    return quire_rmap_area_(pmem, pmem->fobj, quire_fobj_area_showing(pmem->fobj, pmem->pgidx));
}

QUIRE_API QUIRE_RESIDENT struct quire_area *quire_rmap_area_next(const struct quire_pmem *pmem, const struct quire_area *area)
{
    return quire_rmap_area_(pmem, area->fobj, quire_fobj_area_showing_next(area, pmem->pgidx));
}

QUIRE_API QUIRE_RESIDENT bool quire_rmap_remove_all(const struct quire_mmu *mmu, struct quire_batch *batch,
                                                    struct quire_pmem *pmem)
{
    struct quire_area *area;
    bool stuck = false;

    for (area = quire_rmap_area(pmem); area != NULL && pmem->mapped != 0; area = quire_rmap_area_next(pmem, area)) {
        stuck = (quire_rmap_remove_one(mmu, batch, pmem, area) & QUIRE_ENTRY_STUCK) != 0 || stuck;
    }
    return stuck;
}

QUIRE_API QUIRE_RESIDENT bool quire_rmap_age(const struct quire_mmu *mmu, struct quire_batch *batch, struct quire_pmem *pmem)
{
    bool used = (pmem->flags & QUIRE_PMEM_ACCESSED) != 0;
    struct quire_area *area = pmem->sole;

    pmem->flags &= (uint8_t)~QUIRE_PMEM_ACCESSED;
    if (mmu->age == NULL) {
        /* An entry that an MMU refuses to drop keeps the page looking used; eviction will find out and quarantine it. */
        return quire_rmap_remove(mmu, batch, pmem) || used;
    }
    if (area != NULL) {
        return mmu->age(mmu->ctx, area->vm, quire_area_va(area, pmem->pgidx)) || used;
    }
    if (pmem->mapped != 0) {
        for (area = quire_rmap_area(pmem); area != NULL; area = quire_rmap_area_next(pmem, area)) {
            used = mmu->age(mmu->ctx, area->vm, quire_area_va(area, pmem->pgidx)) || used;
        }
    }
    return used;
}

static QUIRE_RESIDENT bool quire_rmap_written_one_(const struct quire_mmu *mmu, const struct quire_pmem *pmem,
                                                   const struct quire_area *area)
{
    const unsigned written = QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_DIRTY;

    return (mmu->query(mmu->ctx, area->vm, quire_area_va(area, pmem->pgidx)) & written) == written;
}

QUIRE_API QUIRE_RESIDENT bool quire_rmap_written(const struct quire_mmu *mmu, const struct quire_pmem *pmem)
{
    struct quire_area *area = pmem->sole;

    if (area != NULL) {
        return quire_rmap_written_one_(mmu, pmem, area);
    }
    if (pmem->mapped != 0) {
        for (area = quire_rmap_area(pmem); area != NULL; area = quire_rmap_area_next(pmem, area)) {
            if (quire_rmap_written_one_(mmu, pmem, area)) {
                return true;
            }
        }
    }
    return false;
}

QUIRE_END

#endif
