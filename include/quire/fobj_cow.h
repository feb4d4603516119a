/* quire/fobj_cow.h - copies on write: objects that show another one's pages until they are written. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_FOBJ_COW_H
#define QUIRE_FOBJ_COW_H

#include "account.h"
#include "area.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "pager.h"
#include "pmem.h"
#include "rmap.h"

/*
 * The writable data of a program begins the same in every context that runs it: verified once, in memory once, until somebody
 * writes a page. A copy is of something that stands still:
 *
 *     origin   [ 0 ][ 1 ][ 2 ][ 3 ]     any paged object; frozen: nothing writes it any more, for good
 *                |         |    |
 *     copy     [   ][ 1'][   ][   ]     any kind of object that may be written, with a store of its own; page 1 was written
 *                          |
 *     copy     [ 0'][   ][   ][ 3']     a copy of the copy, which is frozen now: it shows page 1', and page 2 of the origin
 *
 * Begin: make an object for each context that writes (quire_fobj_rw_init(), quire_fobj_zero_init(), any other, never used), call
 * quire_fobj_cow_make(pager, &copy->base, origin) on it, map it, put it. The first copy freezes the origin. A writable object
 * becomes shared in the same way: each who writes gets a copy, the old owner too, in place of what he had mapped.
 *
 * A page that nobody wrote is the origin's: its store is asked, its account is charged, its pins and its evictions count, however
 * many copies show it. A write, a pin or a copy into the context makes it the copy's own: charged to the copy's account,
 * dirty, saved to the copy's store, or resident for good where that has no save operation. What an own copy costs at once is two
 * pages, so pages_per_step is at least 2; no more pages than that are needed anywhere (copy_in.h has the argument). Ranks (need.h)
 * have no part in this: a store is not asked for an origin's page, the pager fetches it as an ordinary fault would; copy and origin
 * may have any. A store cannot need the page of a copy.
 *
 * Invariants: what is frozen has no writable entry, nor an area or a pin that could write it; no entry of an origin's page in a copy
 * permits writing; an index that is a copy's own has no entry of an origin's page there; an own copy is present, or stored.
 */
QUIRE_BEGIN

/* Origins above one another: a copy of a copy of a copy of a copy. */
#define QUIRE_COW_DEPTH_MAX 4u

/* Makes `copy` show the pages of `origin`, with a reference to it, and freezes the origin: areas that show it lose the permission to
 * write, it and with it max_prot, for good, also after the last copy is gone; later writes are faults that are DENIED. `copy` was
 * never mapped, pinned or loaded, and the caller is the only one who uses it; its account may have been set. Both become known to the
 * pager. INVALID: an object is null or unpaged, they are one, have not as many pages, or a rank above the pager's; EXISTS: `copy` is
 * one already; BUSY: `copy` was used, or is another pager's; or the origin is another pager's, or is being written: a page is
 * pinned for writing, copied into or becoming its own just now; DENIED: `copy` would permit reading or executing what the origin does
 * not; LIMIT: the depth, or the origin's references; NO_PAGE: pages_per_step is 1; DEAD: the origin is gone; STUCK: an entry could
 * not be removed (its page is quarantined), nothing was frozen. Takes the lock; O(num_pages + entries of the origin's resident
 * pages + its areas), one flush; frozen already, O(num_pages). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_fobj_cow_make(struct quire_pager *pager, struct quire_fobj *copy,
                                                                 struct quire_fobj *origin) QUIRE_SYM(quire_fobj_cow_make);

/* How an object stands in this. */
struct quire_cow_stats {
    bool frozen;           /* it was copied once */
    uint32_t depth;        /* origins above it; 0: it is no copy */
    uint32_t children;     /* copies of it now */
    uint32_t own;          /* a copy: pages that are its own, present or stored */
    uint32_t own_resident; /* ... of these in memory, charged to its account */
    uint32_t shown;        /* pages of origins that are in memory and that it shows: what it would have of its own otherwise */
    uint32_t saved;        /* the same, of all copies below it: pages that are in memory once instead of once more per copy */
};

/* Fills *out about `fobj`, which is known to the pager. INVALID: it is not, or is unpaged. Under the lock; O(num_pages x (copies below
 * it + 1)). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_fobj_cow_stats(struct quire_pager *pager, struct quire_fobj *fobj,
                                                                  struct quire_cow_stats *out) QUIRE_SYM(quire_fobj_cow_stats);

QUIRE_END

#endif /* QUIRE_FOBJ_COW_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_FOBJ_COW_IMPLEMENTED)
#define QUIRE_FOBJ_COW_IMPLEMENTED

QUIRE_BEGIN

/* ---- Freezing ---- */

/* Removes every entry of the object's resident pages. True if one is stuck. */
static bool quire_cow_unmap_(struct quire_op *op, const struct quire_fobj *fobj)
{
    const struct quire_pmem_pool *pool = &op->pager->pool;
    bool stuck = false;
    uint32_t number;

    for (number = fobj->chain; number != QUIRE_PAGE_NONE; number = quire_pmem_at(pool, number)->chain_next) {
        if (quire_rmap_remove(op->pager->mmu, &op->batch, quire_pmem_at(pool, number))) {
            quire_pager_quarantine(op, number);
            stuck = true;
        }
    }
    return stuck;
}

/* Nothing writes the object from now on. May drop the lock for a flush. */
static enum quire_status quire_cow_freeze_(struct quire_op *op, struct quire_fobj *fobj)
{
    struct quire_tree_node *node;
    bool stuck;

    if (fobj->frozen) {
        return QUIRE_OK;
    }
    if (fobj->writers != 0) {
        return QUIRE_BUSY;
    }
    if ((fobj->max_prot & QUIRE_PROT_WRITE) != 0) {
        stuck = quire_cow_unmap_(op, fobj);
        (void)quire_op_flush_fobj(op, fobj); /* no entry is made meanwhile */
        if (stuck) {
            return QUIRE_STUCK;
        }
        if (fobj->writers != 0) {
            return QUIRE_BUSY;
        }
    }
    fobj->frozen = true;
    fobj->max_prot &= (uint8_t)~QUIRE_PROT_WRITE;
    for (node = quire_tree_first(&fobj->areas); node != NULL; node = quire_tree_next(node)) {
        struct quire_area *area = QUIRE_CONTAINER_OF(node, struct quire_area, fobj_node);

        area->prot &= (uint8_t)~QUIRE_PROT_WRITE;
        area->vm->changes++;
    }
    return QUIRE_OK;
}

/* ---- Copies ---- */

static bool quire_cow_is_unused_(const struct quire_fobj *fobj)
{
    uint32_t i;

    if (quire_fobj_any_area(fobj) != NULL || fobj->resident != 0 || fobj->busy != 0 || fobj->writers != 0 || fobj->frozen) {
        return false;
    }
    for (i = 0; i < fobj->num_pages; i++) {
        if (fobj->slots[i] != quire_slot_make(QUIRE_SLOT_EMPTY, 0)) {
            return false;
        }
    }
    return true;
}

static enum quire_status quire_cow_decide_(const struct quire_pager *pager, const struct quire_fobj *copy,
                                           const struct quire_fobj *origin)
{
    if (copy == NULL || origin == NULL || copy == origin || quire_fobj_is_unpaged(copy) || quire_fobj_is_unpaged(origin) ||
        copy->num_pages != origin->num_pages || copy->rank > pager->rank_max) {
        return QUIRE_INVALID;
    }
    if (copy->pager != NULL && copy->pager != pager) {
        return QUIRE_BUSY;
    }
    if (copy->origin != NULL) {
        return QUIRE_EXISTS;
    }
    if (!quire_cow_is_unused_(copy)) {
        return QUIRE_BUSY;
    }
    if ((copy->max_prot & ~(unsigned)origin->max_prot & (QUIRE_PROT_READ | QUIRE_PROT_EXEC)) != 0) {
        return QUIRE_DENIED;
    }
    if (origin->depth == QUIRE_COW_DEPTH_MAX) {
        return QUIRE_LIMIT;
    }
    return pager->pages_per_step < 2u ? QUIRE_NO_PAGE : QUIRE_OK;
}

static void quire_cow_join_(struct quire_fobj *copy, struct quire_fobj *origin)
{
    copy->origin = origin;
    copy->flags |= QUIRE_FOBJ_COPY;
    copy->depth = (uint8_t)(origin->depth + 1u);
    copy->sibling = origin->children;
    if (copy->sibling != NULL) {
        copy->sibling->sibling_before = copy;
    }
    origin->children = copy;
}

QUIRE_API enum quire_status quire_fobj_cow_make(struct quire_pager *pager, struct quire_fobj *copy, struct quire_fobj *origin)
{
    enum quire_status status;
    bool attached = false;
    struct quire_op op;

    quire_op_begin(&op, pager);
    status = quire_cow_decide_(pager, copy, origin);
    if (status == QUIRE_OK) {
        status = quire_pager_attach(pager, origin);
        attached = status == QUIRE_OK;
    }
    if (attached) {
        status = quire_cow_freeze_(&op, origin);
    }
    if (attached && status == QUIRE_OK) {
        status = quire_cow_decide_(pager, copy, origin); /* a flush may have let others in */
    }
    if (status == QUIRE_OK) {
        if (copy->pager == NULL) {
            quire_pager_tie(pager, copy, &pager->root);
        }
        quire_cow_join_(copy, origin);
    }
    quire_op_end(&op);
    if (attached && status != QUIRE_OK) {
        (void)quire_fobj_put(origin);
    }
    return status;
}

/* ---- Statistics ---- */

/* Pages of origins that are in memory and shown by `fobj`. */
static uint32_t quire_cow_shown_(struct quire_fobj *fobj)
{
    uint32_t n = 0;
    uint32_t i;

    for (i = 0; i < fobj->num_pages; i++) {
        const struct quire_fobj *whose = quire_fobj_showing(fobj, i);

        n += whose != fobj && quire_slot_kind(whose->slots[i]) == QUIRE_SLOT_PRESENT;
    }
    return n;
}

/* The object after `fobj` in the tree of copies below `top`; null at the end. */
static struct quire_fobj *quire_cow_next_(const struct quire_fobj *top, struct quire_fobj *fobj)
{
    struct quire_fobj *next = fobj->children;

    while (next == NULL && fobj != top) {
        next = fobj->sibling;
        fobj = fobj->origin;
    }
    return next;
}

QUIRE_API enum quire_status quire_fobj_cow_stats(struct quire_pager *pager, struct quire_fobj *fobj,
                                                 struct quire_cow_stats *out)
{
    struct quire_fobj *copy;
    struct quire_op op;
    uint32_t i;

    QUIRE_MEMSET(out, 0, sizeof *out);
    if (fobj == NULL || fobj->pager != pager || quire_fobj_is_unpaged(fobj)) {
        return QUIRE_INVALID;
    }
    quire_op_begin(&op, pager);
    out->frozen = fobj->frozen;
    out->depth = fobj->depth;
    out->own = fobj->own;
    out->shown = quire_cow_shown_(fobj);
    for (i = 0; fobj->origin != NULL && i < fobj->num_pages; i++) {
        out->own_resident += (fobj->slots[i] & QUIRE_SLOT_OWN) != 0 && quire_slot_kind(fobj->slots[i]) == QUIRE_SLOT_PRESENT;
    }
    for (copy = quire_cow_next_(fobj, fobj); copy != NULL; copy = quire_cow_next_(fobj, copy)) {
        out->children += copy->origin == fobj;
        out->saved += quire_cow_shown_(copy);
    }
    quire_op_end(&op);
    return QUIRE_OK;
}

QUIRE_END

#endif
