/* quire/area.h - virtual-memory contexts, their areas, and both collections an area lives in. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_AREA_H
#define QUIRE_AREA_H

#include "base.h"
#include "fobj.h"
#include "headroom.h"
#include "list.h"
#include "tree.h"

/*
 * An area shows part or all of one fobj in one vm, with one protection. It is in two ordered trees:
 *
 *     vm.areas      by address: which area holds this faulting address?           O(log areas of the vm)
 *     fobj.areas    by first page, summarised by last page (an interval tree, Cormen et al.): which areas show this page?
 *                   O(log areas of the fobj + areas found)
 *
 * These are data structures only; quire_vm_map() and its siblings (vm.h) are what a user calls. Everything here is called
 * with the pager's lock held, and neither sleeps nor fails.
 *
 * Invariants: areas of one vm do not overlap; an area is in both trees or in neither; its pages lie in the fobj.
 */
QUIRE_BEGIN

/* Counts since initialisation, per pager and per vm. */
struct quire_fault_stats {
    uint64_t minor;    /* the page was resident: an entry was made (again) */
    uint64_t major;    /* the page was loaded */
    uint64_t write;    /* of the minor ones: a read-only entry made writable */
    uint64_t accessed; /* of the minor ones: only the accessed flag was to be set */
    uint64_t spurious; /* the entry was there and good: somebody was faster */
    uint64_t unpaged;  /* entries of an unpaged object were made */
    uint64_t refused;  /* ended with an error, QUIRE_AGAIN among them */
};

/* Which pages of a context were written, while somebody wants to know (dirty_log.h). */
struct quire_dirty_log {
    uintptr_t va;   /* the first byte of the range ... */
    uintptr_t last; /* ... and its last */
    uint32_t *bits; /* bit i % 32 of word i / 32: page i of the range was written; a page without it has no writable entry */
};

/* One virtual-memory context: the address space of an application, or a guest's second stage. */
struct quire_vm {
    uint32_t stamp; /* QUIRE_STAMP of the unit that initialised it */
    uint32_t num_areas;
    uint32_t changes;            /* counts every change of the set of areas or of one of them */
    uintptr_t first;             /* lowest address an area may have */
    uintptr_t last;              /* highest byte an area may have */
    struct quire_tree areas;     /* by address */
    struct quire_pager *pager;   /* for life */
    struct quire_list_node link; /* in the pager's list of contexts */
    uint32_t in_flight;          /* operations that dropped the lock and come back to this context */
    uint32_t flushing;           /* unlocked flushes in flight: nothing may be mapped here until they end */
    struct quire_fault_stats stats;
    void *user;  /* the user's own: where MMU hooks find the page tables */
    uint32_t id; /* names it in traces (trace.h); the pager's to draw */
    /* The log of what is written here. */
    uint32_t logged; /* 1 while there is one: faults take the long way, on which writes are seen */
    struct quire_dirty_log log;

    struct quire_headroom headroom; /* of its loads (gauge.h) */
};

#define QUIRE_AREA_WX 1u    /* asked for: writable and executable may meet here */
#define QUIRE_AREA_STUCK 2u /* an MMU refused to drop one of its entries: it only keeps its addresses taken */

struct quire_area {
    struct quire_tree_node vm_node;   /* in vm->areas */
    struct quire_tree_node fobj_node; /* in fobj->areas */
    uint32_t max_last;                /* the greatest last page in the subtree of fobj_node */
    uint32_t first;                   /* page of the object shown at `va` */
    uint32_t npages;
    uint32_t installed; /* unpaged object: pages mapped so far, from the beginning */
    uintptr_t va;
    uint64_t attr;
    struct quire_vm *vm;
    struct quire_fobj *fobj;
    uint8_t prot;  /* QUIRE_PROT_* */
    uint8_t flags; /* QUIRE_AREA_* */
    void *user;    /* the user's own; copied to the parts when an area is split */
};

/* Is the page at `va` in the log of the context's writes, and noted there? O(1). */
static inline QUIRE_RESIDENT bool quire_vm_log_covers(const struct quire_vm *vm, uintptr_t va)
{
    return vm->logged != 0 && va - vm->log.va <= vm->log.last - vm->log.va;
}

static inline QUIRE_RESIDENT bool quire_vm_log_has(const struct quire_vm *vm, uintptr_t va)
{
    uintptr_t i = (va - vm->log.va) >> QUIRE_PAGE_SHIFT;

    return ((vm->log.bits[i / 32u] >> (i % 32u)) & 1u) != 0;
}

/* Notes a write to the page at `va`, if writes there are logged. O(1). */
static inline QUIRE_RESIDENT void quire_vm_log_note(struct quire_vm *vm, uintptr_t va)
{
    uintptr_t i = (va - vm->log.va) >> QUIRE_PAGE_SHIFT;

    if (quire_vm_log_covers(vm, va)) {
        vm->log.bits[i / 32u] |= (uint32_t)1 << (i % 32u);
    }
}

/* Last byte of the area. */
static inline QUIRE_RESIDENT uintptr_t quire_area_last(const struct quire_area *area)
{
    return area->va + (((uintptr_t)area->npages << QUIRE_PAGE_SHIFT) - 1u);
}

/* Last page of the object that the area shows. */
static inline QUIRE_RESIDENT uint32_t quire_area_last_page(const struct quire_area *area)
{
    return area->first + (area->npages - 1u);
}

/* Does it show page `pgidx` of its object? */
static inline QUIRE_RESIDENT bool quire_area_shows(const struct quire_area *area, uint32_t pgidx)
{
    return pgidx - area->first < area->npages;
}

/* The address at which it shows page `pgidx`, which it must show. */
static inline QUIRE_RESIDENT uintptr_t quire_area_va(const struct quire_area *area, uint32_t pgidx)
{
    return area->va + ((uintptr_t)(pgidx - area->first) << QUIRE_PAGE_SHIFT);
}

/* The page of its object that it shows at `va`, which must lie in it. */
static inline QUIRE_RESIDENT uint32_t quire_area_page(const struct quire_area *area, uintptr_t va)
{
    return area->first + (uint32_t)((va - area->va) >> QUIRE_PAGE_SHIFT);
}

/* The area that holds `va`, or null: the last that begins at or below it, if it reaches that far. O(log areas of the vm). */
QUIRE_INLINE QUIRE_RESIDENT struct quire_area *quire_vm_area_at(const struct quire_vm *vm, uintptr_t va)
{
    struct quire_tree_node *node = vm->areas.root;
    struct quire_area *below = NULL;

    while (node != NULL) {
        struct quire_area *area = QUIRE_CONTAINER_OF(node, struct quire_area, vm_node);

        if (va < area->va) {
            node = node->child[0];
        } else {
            below = area;
            node = node->child[1];
        }
    }
    return below != NULL && (va - below->va) >> QUIRE_PAGE_SHIFT < below->npages ? below : NULL;
}

/* The first area that ends at or above `va` (it may hold it), or null. O(log areas of the vm). */
QUIRE_API QUIRE_RESIDENT struct quire_area *quire_vm_area_from(const struct quire_vm *vm, uintptr_t va)
    QUIRE_SYM(quire_vm_area_from);

/* The next area by address, or null. O(log areas), a whole walk O(areas). */
QUIRE_API QUIRE_RESIDENT struct quire_area *quire_vm_area_next(const struct quire_area *area) QUIRE_SYM(quire_vm_area_next);

/* The one before it by address, or null. O(log areas). */
QUIRE_API struct quire_area *quire_vm_area_before(const struct quire_area *area) QUIRE_SYM(quire_vm_area_before);

/* Gives an area that is in both trees another number of pages; it must neither overlap another nor leave its object.
 * O(log areas). */
QUIRE_API void quire_area_resize(struct quire_area *area, uint32_t npages) QUIRE_SYM(quire_area_resize);

/* Some area that shows `fobj`, or null. O(1). */
QUIRE_API QUIRE_RESIDENT struct quire_area *quire_fobj_any_area(const struct quire_fobj *fobj) QUIRE_SYM(quire_fobj_any_area);

/* Enters `area`, its fields set and overlapping no other, into both trees. Takes no reference. O(log areas). */
QUIRE_API void quire_area_link(struct quire_area *area) QUIRE_SYM(quire_area_link);

/* Takes `area` out of both trees. O(log areas). */
QUIRE_API void quire_area_unlink(struct quire_area *area) QUIRE_SYM(quire_area_unlink);

/* The first area, in the order of first pages, that shows any page of first..last of `fobj`; null if none does. O(log areas). */
QUIRE_API QUIRE_RESIDENT struct quire_area *quire_fobj_area_overlapping(const struct quire_fobj *fobj, uint32_t first,
                                                                        uint32_t last) QUIRE_SYM(quire_fobj_area_overlapping);

/* The next one behind `area` that does, or null. O(log areas) at most; a walk over all costs O(log areas + areas found). */
QUIRE_API QUIRE_RESIDENT struct quire_area *quire_fobj_area_overlapping_next(const struct quire_area *area, uint32_t first,
                                                                             uint32_t last)
    QUIRE_SYM(quire_fobj_area_overlapping_next);

/* The same for one page. */
static inline QUIRE_RESIDENT struct quire_area *quire_fobj_area_showing(const struct quire_fobj *fobj, uint32_t pgidx)
{
    return quire_fobj_area_overlapping(fobj, pgidx, pgidx);
}

static inline QUIRE_RESIDENT struct quire_area *quire_fobj_area_showing_next(const struct quire_area *area, uint32_t pgidx)
{
    return quire_fobj_area_overlapping_next(area, pgidx, pgidx);
}

/* Invariant 4, as far as this vm's areas show it. Returns null, or what is wrong. O(areas x log areas). */
QUIRE_API const char *quire_vm_check_areas(const struct quire_vm *vm) QUIRE_SYM(quire_vm_check_areas);

/* The same for the areas of an fobj: order, summaries, references. Returns null, or what is wrong. O(areas). */
QUIRE_API const char *quire_fobj_check_areas(const struct quire_fobj *fobj) QUIRE_SYM(quire_fobj_check_areas);

QUIRE_END

#endif /* QUIRE_AREA_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_AREA_IMPLEMENTED)
#define QUIRE_AREA_IMPLEMENTED

QUIRE_BEGIN

static inline QUIRE_RESIDENT struct quire_area *quire_area_of_vm_node_(struct quire_tree_node *node)
{
    return node != NULL ? QUIRE_CONTAINER_OF(node, struct quire_area, vm_node) : NULL;
}

static inline QUIRE_RESIDENT struct quire_area *quire_area_of_fobj_node_(struct quire_tree_node *node)
{
    return node != NULL ? QUIRE_CONTAINER_OF(node, struct quire_area, fobj_node) : NULL;
}

/* The greatest last page at or below `node`. */
static uint32_t quire_area_max_last_(struct quire_tree_node *node)
{
    uint32_t max = quire_area_last_page(quire_area_of_fobj_node_(node));
    unsigned side;

    for (side = 0; side < 2u; side++) {
        const struct quire_area *below = quire_area_of_fobj_node_(node->child[side]);

        if (below != NULL && below->max_last > max) {
            max = below->max_last;
        }
    }
    return max;
}

static bool quire_area_augment_(struct quire_tree_node *node)
{
    struct quire_area *area = quire_area_of_fobj_node_(node);
    uint32_t max = quire_area_max_last_(node);
    bool changed = max != area->max_last;

    area->max_last = max;
    return changed;
}

QUIRE_API QUIRE_RESIDENT struct quire_area *quire_vm_area_from(const struct quire_vm *vm, uintptr_t va)
{
    struct quire_tree_node *node = vm->areas.root;
    struct quire_area *found = NULL;

    while (node != NULL) {
        struct quire_area *area = quire_area_of_vm_node_(node);

        if (quire_area_last(area) >= va) {
            found = area;
            node = node->child[0];
        } else {
            node = node->child[1];
        }
    }
    return found;
}

QUIRE_API QUIRE_RESIDENT struct quire_area *quire_vm_area_next(const struct quire_area *area)
{
    return quire_area_of_vm_node_(quire_tree_next(&area->vm_node));
}

QUIRE_API struct quire_area *quire_vm_area_before(const struct quire_area *area)
{
    return quire_area_of_vm_node_(quire_tree_step(&area->vm_node, 0));
}

QUIRE_API void quire_area_resize(struct quire_area *area, uint32_t npages)
{
    area->npages = npages;
    area->vm->changes++;
    quire_tree_refresh(&area->fobj_node, quire_area_augment_);
}

QUIRE_API QUIRE_RESIDENT struct quire_area *quire_fobj_any_area(const struct quire_fobj *fobj)
{
    return quire_area_of_fobj_node_(fobj->areas.root);
}

static void quire_area_link_vm_(struct quire_area *area)
{
    struct quire_tree_node *parent = NULL;
    struct quire_tree_node *node = area->vm->areas.root;
    unsigned side = 0;

    while (node != NULL) {
        parent = node;
        side = area->va > quire_area_of_vm_node_(node)->va;
        node = node->child[side];
    }
    quire_tree_insert(&area->vm->areas, &area->vm_node, parent, side, NULL);
}

static void quire_area_link_fobj_(struct quire_area *area)
{
    struct quire_tree_node *parent = NULL;
    struct quire_tree_node *node = area->fobj->areas.root;
    unsigned side = 0;

    while (node != NULL) {
        parent = node;
        side = area->first >= quire_area_of_fobj_node_(node)->first;
        node = node->child[side];
    }
    quire_tree_insert(&area->fobj->areas, &area->fobj_node, parent, side, quire_area_augment_);
}

QUIRE_API void quire_area_link(struct quire_area *area)
{
    quire_area_link_vm_(area);
    quire_area_link_fobj_(area);
    area->vm->num_areas++;
    area->vm->changes++;
}

QUIRE_API void quire_area_unlink(struct quire_area *area)
{
    quire_tree_remove(&area->vm->areas, &area->vm_node, NULL);
    quire_tree_remove(&area->fobj->areas, &area->fobj_node, quire_area_augment_);
    area->vm->num_areas--;
    area->vm->changes++;
}

/* The first area at or below `node` that overlaps first..last, given that some area there ends at or after `first`. */
static QUIRE_RESIDENT struct quire_area *quire_area_descend_(struct quire_tree_node *node, uint32_t first, uint32_t last)
{
    for (;;) {
        struct quire_area *area = quire_area_of_fobj_node_(node);
        const struct quire_area *before = quire_area_of_fobj_node_(node->child[0]);
        const struct quire_area *after = quire_area_of_fobj_node_(node->child[1]);

        if (before != NULL && before->max_last >= first) {
            /* If the one before that reaches `first` begins behind `last`, so does everything after it. */
            node = node->child[0];
        } else if (area->first > last) {
            return NULL;
        } else if (quire_area_last_page(area) >= first) {
            return area;
        } else if (after != NULL && after->max_last >= first) {
            node = node->child[1];
        } else {
            return NULL;
        }
    }
}

QUIRE_API QUIRE_RESIDENT struct quire_area *quire_fobj_area_overlapping(const struct quire_fobj *fobj, uint32_t first,
                                                                        uint32_t last)
{
    struct quire_tree_node *root = fobj->areas.root;

    if (root == NULL || quire_area_of_fobj_node_(root)->max_last < first) {
        return NULL;
    }
    return quire_area_descend_(root, first, last);
}

QUIRE_API QUIRE_RESIDENT struct quire_area *quire_fobj_area_overlapping_next(const struct quire_area *area, uint32_t first,
                                                                             uint32_t last)
{
    const struct quire_tree_node *node = &area->fobj_node;

    for (;;) {
        const struct quire_tree_node *child;
        struct quire_tree_node *after = node->child[1];
        struct quire_area *up;

        if (after != NULL && quire_area_of_fobj_node_(after)->max_last >= first) {
            return quire_area_descend_(after, first, last);
        }
        do {
            child = node;
            node = node->parent;
            if (node == NULL) {
                return NULL;
            }
        } while (node->child[1] == child);
        up = quire_area_of_fobj_node_(child->parent);
        if (up->first > last) {
            return NULL;
        }
        if (quire_area_last_page(up) >= first) {
            return up;
        }
    }
}

static const char *quire_area_check_(const struct quire_area *area)
{
    if (area->npages == 0 || !quire_index_range(area->first, area->npages, area->fobj->num_pages)) {
        return "4: an area shows pages its fobj does not have";
    }
    if (!quire_tree_linked(&area->vm_node) || !quire_tree_linked(&area->fobj_node)) {
        return "4: an area is in one of its collections only";
    }
    return NULL;
}

QUIRE_API const char *quire_vm_check_areas(const struct quire_vm *vm)
{
    const struct quire_area *before = NULL;
    const struct quire_area *area;
    uint32_t n = 0;

    if (!quire_tree_check(&vm->areas)) {
        return "4: the area tree of a vm is broken";
    }
    for (area = quire_area_of_vm_node_(quire_tree_first(&vm->areas)); area != NULL; area = quire_vm_area_next(area)) {
        const char *wrong = quire_area_check_(area);
        const struct quire_area *shown = quire_fobj_area_showing(area->fobj, area->first);

        if (wrong != NULL) {
            return wrong;
        }
        if (area->vm != vm || area->va < vm->first || quire_area_last(area) > vm->last || quire_area_last(area) < area->va) {
            return "4: an area lies outside its vm";
        }
        if (before != NULL && quire_area_last(before) >= area->va) {
            return "4: areas of a vm overlap";
        }
        while (shown != NULL && shown != area) {
            shown = quire_fobj_area_showing_next(shown, area->first);
        }
        if (shown == NULL) {
            return "4: an area is in one of its collections only";
        }
        before = area;
        n++;
    }
    return n == vm->num_areas ? NULL : "4: a vm counts its areas wrongly";
}

QUIRE_API const char *quire_fobj_check_areas(const struct quire_fobj *fobj)
{
    struct quire_tree_node *node;
    uint32_t first = 0;

    if (!quire_tree_check(&fobj->areas)) {
        return "4: the area tree of an fobj is broken";
    }
    if (fobj->areas.root != NULL && quire_refcount_read(&fobj->refs) == 0) {
        return "4: an fobj with an area is dead";
    }
    for (node = quire_tree_first(&fobj->areas); node != NULL; node = quire_tree_next(node)) {
        struct quire_area *area = quire_area_of_fobj_node_(node);
        struct quire_area *at;

        if (quire_area_check_(area) != NULL || area->fobj != fobj) {
            return "4: an area shows pages its fobj does not have";
        }
        if (area->first < first || area->max_last != quire_area_max_last_(node)) {
            return "4: the area tree of an fobj is out of order";
        }
        at = quire_vm_area_from(area->vm, area->va);
        if (at != area) {
            return "4: an area is in one of its collections only";
        }
        first = area->first;
    }
    return NULL;
}

QUIRE_END

#endif
