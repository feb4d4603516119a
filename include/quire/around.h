/* quire/around.h - fault-around: entries for what is resident beside a page that faults. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_AROUND_H
#define QUIRE_AROUND_H

#include "area.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "pmem.h"
#include "rmap.h"

/*
 * Not for users: quire_pager_config.around turns it on. A new context of a known file would take a minor fault for every page
 * that others brought in long ago. With a window of 16 pages, each fault makes the entries of its aligned window, as far as
 * nothing has to be waited, paid or guessed for:
 *
 *     another context:  [x][x][x][ ][x][x][x][x]      x: resident, and mapped there
 *     here, a fault:     +  +  F        +  +  +       +: mapped with it; a page that is absent stays so
 *
 * Nothing is loaded, no page moves, no entry changes, so nothing is flushed. The idea is that of Linux' do_fault_around().
 *
 * Invariants: an entry made ahead permits what a read fault on it would have given it, never more; it tells the policy nothing
 * that is not so: a page that nobody used does not look used, and one that is used does not look unused.
 */
QUIRE_BEGIN

/* The widest window, in pages. */
#define QUIRE_AROUND_MAX 64u

/* Other areas that are asked, where no hardware sets accessed flags, whether a page is in use. */
#define QUIRE_AROUND_LOOKS 4u

/* Makes the missing entries around `va`, whose own entry in `area` a read or fetch has just made; does nothing after a write
 * (then the neighbours are more likely to be written than read) and for an object that only one area shows. The lock is held and
 * was not dropped since that entry was made: so the area is what it was, and neither its context nor its object is being flushed.
 * The window is aligned by address: it lies in one page table, and that is there. A failing `map` ends it, and is no
 * failure of the fault. O(pages of the window); without hardware accessed flags, times log areas of the object. */
QUIRE_API QUIRE_RESIDENT void quire_around(struct quire_pager *pager, struct quire_area *area, uintptr_t va, unsigned access)
    QUIRE_SYM(quire_around);

QUIRE_END

#endif /* QUIRE_AROUND_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_AROUND_IMPLEMENTED)
#define QUIRE_AROUND_IMPLEMENTED

QUIRE_BEGIN

/* What the new entry of a resident page may permit: a clean page is writable only if writing it is what is asked, or if the
 * hardware will tell. */
QUIRE_INLINE QUIRE_RESIDENT unsigned quire_pager_entry_prot_(const struct quire_pager *pager, const struct quire_area *area,
                                                             const struct quire_pmem *pmem, unsigned access)
{
    bool told = (pager->mmu->features & QUIRE_MMU_HW_DIRTY) != 0 && area->fobj->ops->save != NULL;

    if (access == QUIRE_PROT_WRITE || (pmem->flags & QUIRE_PMEM_DIRTY) != 0 || told) {
        return area->prot;
    }
    return area->prot & ~QUIRE_PROT_WRITE;
}

/* Has some other entry of the page its accessed flag set? */
static QUIRE_RESIDENT bool quire_around_flagged_(const struct quire_mmu *mmu, const struct quire_pmem *pmem)
{
    const struct quire_area *area = pmem->sole;
    uint32_t looks;

    if (area != NULL) {
        return (mmu->query(mmu->ctx, area->vm, quire_area_va(area, pmem->pgidx)) & QUIRE_ENTRY_ACCESSED) != 0;
    }
    area = pmem->mapped != 0 ? quire_rmap_area(pmem) : NULL;
    for (looks = 0; area != NULL && looks < QUIRE_AROUND_LOOKS; looks++) {
        unsigned entry = mmu->query(mmu->ctx, area->vm, quire_area_va(area, pmem->pgidx));

        if ((entry & QUIRE_ENTRY_PRESENT) != 0 && (entry & QUIRE_ENTRY_ACCESSED) != 0) {
            return true;
        }
        area = quire_rmap_area_next(pmem, area);
    }
    return false;
}

/* Will the policy know about the page what it would know without the entry? Where hardware sets accessed flags, yes: the entry's
 * is cleared. Elsewhere an entry counts as a use, and hides later ones, until the policy asks: it may be made only for a page
 * that was used since the policy last asked, and asking takes (the flags of) all entries together. */
static QUIRE_RESIDENT bool quire_around_is_honest_(const struct quire_mmu *mmu, const struct quire_pmem *pmem)
{
    if ((pmem->flags & QUIRE_PMEM_ACCESSED) != 0) {
        return true;
    }
    return mmu->age != NULL && ((mmu->features & QUIRE_MMU_HW_ACCESSED) != 0 || quire_around_flagged_(mmu, pmem));
}

/* Makes the entry of page `pgidx` if it can be had for nothing. False: there is no use in going on. */
static QUIRE_RESIDENT bool quire_around_one_(struct quire_pager *pager, struct quire_area *area, uint32_t pgidx)
{
    const struct quire_mmu *mmu = pager->mmu;
    const struct quire_fobj *fobj = quire_fobj_showing(area->fobj, pgidx);
    uint32_t slot = fobj->slots[pgidx];
    uintptr_t va = quire_area_va(area, pgidx);
    struct quire_pmem *pmem;

    if (quire_slot_kind(slot) != QUIRE_SLOT_PRESENT) {
        return true;
    }
    pmem = quire_pmem_at(&pager->pool, quire_slot_value(slot));
    if (pmem->state != QUIRE_PAGE_RESIDENT || pmem->sole == area) {
        return true;
    }
    /* The page of an origin: to be read only, and not while that is being flushed. */
    if (fobj != area->fobj && ((area->prot & QUIRE_PROT_WRITE) != 0 || fobj->flushing != 0)) {
        return true;
    }
    /* A read-only entry of a clean page would have to go again, with a flush, when it is written. */
    if (quire_pager_entry_prot_(pager, area, pmem, QUIRE_PROT_READ) != area->prot) {
        return true;
    }
    /* Instructions not in sync, or perhaps written since by who pinned the page, are synced by the fault that runs them. */
    if ((area->prot & QUIRE_PROT_EXEC) != 0 && ((pmem->flags & QUIRE_PMEM_SYNCED) == 0 || pmem->pins != 0)) {
        return true;
    }
    if (quire_rmap_may_map(pmem, area) && (mmu->query(mmu->ctx, area->vm, va) & QUIRE_ENTRY_PRESENT) != 0) {
        return true;
    }
    if (!quire_around_is_honest_(mmu, pmem)) {
        return true;
    }
    if (mmu->map(mmu->ctx, area->vm, va, quire_pmem_pa(&pager->pool, quire_slot_value(slot)), 1, area->prot, area->attr) !=
        QUIRE_OK) {
        return false;
    }
    quire_rmap_note(pmem, area);
    if (mmu->age != NULL && (mmu->features & QUIRE_MMU_HW_ACCESSED) != 0) {
        (void)mmu->age(mmu->ctx, area->vm, va); /* `map` sets the flag; a use will set it again */
    }
    pager->stats.around++;
    return true;
}

QUIRE_API QUIRE_RESIDENT QUIRE_NOINLINE void quire_around(struct quire_pager *pager, struct quire_area *area, uintptr_t va,
                                                          unsigned access)
{
    const struct quire_fobj *fobj = area->fobj;
    const struct quire_tree_node *root = fobj->areas.root;
    uintptr_t window = ((uintptr_t)pager->around << QUIRE_PAGE_SHIFT) - 1u;
    uintptr_t from = va & ~window;
    uintptr_t last = va | window;
    uint32_t own = quire_area_page(area, va);
    uint32_t pgidx;
    uint32_t end;

    QUIRE_ASSERT((area->vm->flushing | fobj->flushing) == 0);
    /* Where code can be written, an entry to write through costs the page its being in sync; where writes are logged, nobody would
     * see the first one through it. */
    if (access == QUIRE_PROT_WRITE || (root->child[0] == NULL && root->child[1] == NULL && fobj->origin == NULL) ||
        ((area->prot & QUIRE_PROT_WRITE) != 0 && ((fobj->max_prot & QUIRE_PROT_EXEC) != 0 || area->vm->logged != 0))) {
        return;
    }
    if (from < area->va) {
        from = area->va;
    }
    if (last > quire_area_last(area)) {
        last = quire_area_last(area);
    }
    end = quire_area_page(area, last);
    for (pgidx = quire_area_page(area, from); pgidx <= end; pgidx++) {
        if (pgidx != own && !quire_around_one_(pager, area, pgidx)) {
            return;
        }
    }
}

QUIRE_END

#endif
