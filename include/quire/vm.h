/* quire/vm.h - what one does with a context: map, unmap, protect, remap, query, copy. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_VM_H
#define QUIRE_VM_H

#include "area.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "pager.h"
#include "pmem.h"
#include "rmap.h"
#include "vm_range.h"

/*
 * A context is a set of areas. These operations change the set and never what the pages hold; where a range begins or ends
 * inside an area they split it. Each is prepared first (bookkeeping is allocated, without the lock) and then either happens
 * whole or not at all, but that areas may have been split. None of them waits for a store. Any number of threads may use one
 * context; an operation that meets an unlocked flush of the same context waits for it, or returns AGAIN where no `wait` hook is
 * there.
 *
 *     vm  [ area: code, r-x ][ area: data, rw- ]      [ area: buffer, rw- ]
 *           |                  |                        |
 *         fobj                fobj                    fobj  <- also shown by an area of another vm
 */
QUIRE_BEGIN

/* Makes an empty context whose areas will lie in [first, last] (bytes; first page-aligned, last the end of a page). INVALID if
 * not; MISMATCH: `pager` was initialised by a unit with other options. O(1), takes the lock. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_init(struct quire_vm *vm, struct quire_pager *pager, uintptr_t first,
                                                           uintptr_t last, void *user) QUIRE_SYM(quire_vm_init);

/* Unmaps every area and ends the context: its memory is the user's again, and no hook is called for it any more. BUSY: an
 * operation of another thread is in flight here (areas may be gone already); try again. STUCK: some entries could not be removed,
 * everything else is gone, and it can be tried again. Waits for unlocked flushes that may name the context. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_fini(struct quire_vm *vm) QUIRE_SYM(quire_vm_fini);

#define QUIRE_VA_ANY UINTPTR_MAX /* no page-aligned address: choose one */

/* What to map. Zero-initialise it; fields marked (must) are to be set. */
struct quire_mapping {
    struct quire_fobj *fobj; /* (must) the area takes a reference of its own */
    uint32_t first;          /* its first page to show */
    uint32_t npages;         /* how many; 0: all from `first` */
    unsigned prot;       /* QUIRE_PROT_*, USER for unprivileged accesses; 0: the addresses are taken, every access is refused */
    uint64_t attr;       /* handed to the `map` hook; the same in all areas that show the object */
    uintptr_t va;        /* (must) where; QUIRE_VA_ANY: the lowest hole that fits in [min, max] */
    uintptr_t min;       /* lowest address, with QUIRE_VA_ANY */
    uintptr_t max;       /* highest last byte, with QUIRE_VA_ANY; 0: the context's */
    size_t align;        /* with QUIRE_VA_ANY: a power of two in bytes; 0: a page */
    uint32_t pad_before; /* pages that must be free in front of the area (a guard), with QUIRE_VA_ANY */
    uint32_t pad_after;  /* pages that must be free behind it, with QUIRE_VA_ANY */
    bool wx;             /* writable and executable may meet: in this area, and with other areas of the object */
    void *user;          /* for area->user */
};

/* Makes an area; nothing is loaded. On OK its address is in *va (may be null). INVALID: `va` or `align` unaligned, the range wraps
 * or leaves the context, pages the object does not have, or a rank above the pager's `rank_max`; EXISTS: it overlaps an area;
 * NO_SPACE: no hole fits; DENIED: `prot` beyond the object's max_prot, or writable and executable without `wx`; CONFLICT: another
 * area shows the object with other attributes, or executable where this is writable (or the reverse) without `wx`; MISMATCH: the
 * context was ended, or made by a unit with other options; DEAD, LIMIT: no reference can be had; BUSY: the object belongs to
 * another pager; NO_MEMORY. O(log areas) at an address, O(areas) where it fits. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_map(struct quire_vm *vm, const struct quire_mapping *mapping,
                                                          uintptr_t *va) QUIRE_SYM(quire_vm_map);

/* Removes what is mapped in [va, va + npages pages), splitting areas at the ends. Holes are fine; NOT_FOUND if nothing is
 * mapped there. STUCK: entries could not be removed; their areas stay and keep their addresses, all others are gone (if the entry
 * is that of an unpaged object whose area would have to be split, nothing is). INVALID, NO_MEMORY, LIMIT: nothing unmapped.
 * O(log areas + per area min(its pages, resident pages of its fobj)), one flush. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_unmap(struct quire_vm *vm, uintptr_t va, size_t npages)
    QUIRE_SYM(quire_vm_unmap);

/* Gives [va, va + npages pages), which must be mapped without holes (NOT_FOUND), the permissions `prot`, splitting areas at the
 * ends. What is taken away is gone when this returns; what is given appears with the next fault. DENIED, CONFLICT: as for
 * quire_vm_map (an area made with `wx` permits both). STUCK: an entry could not be removed; its page is quarantined, and what
 * does not depend on it has changed. LIMIT, NO_MEMORY: for splitting. Cost as quire_vm_unmap. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_protect(struct quire_vm *vm, uintptr_t va, size_t npages, unsigned prot)
    QUIRE_SYM(quire_vm_protect);

/* Moves what is mapped in [va, va + npages pages), mapped without holes (NOT_FOUND), to `to`, splitting at the ends. Pages stay
 * resident and are found by minor faults. The target must be free but for the range itself (EXISTS), and inside the context
 * (INVALID). STUCK: an entry could not be removed; nothing moved. LIMIT, NO_MEMORY: for splitting. Cost as quire_vm_unmap. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_remap(struct quire_vm *vm, uintptr_t va, size_t npages, uintptr_t to)
    QUIRE_SYM(quire_vm_remap);

/* Joins the area that holds `va` with its neighbours, as far as they continue the same object with the same permissions,
 * attributes, flags and user pointer. NOT_FOUND: no area at `va`. OK also if there was nothing to join.
 * STUCK: entries of an unpaged object could not be removed; nothing was joined. O(log areas + min(pages, resident pages) per
 * neighbour). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_merge(struct quire_vm *vm, uintptr_t va) QUIRE_SYM(quire_vm_merge);

/* Drops every entry in [va, va + npages pages), whatever is mapped there; areas and resident pages stay, and come back by minor
 * faults. Flushes, then calls the `table_gone` hook under the lock: page tables of the range may be recycled. The one operation
 * that need_tables may call. STUCK: an entry could not be removed; table_gone is not called. INVALID: the range; AGAIN: as
 * above. Cost as quire_vm_unmap. */
QUIRE_API QUIRE_RESIDENT QUIRE_MUST_CHECK enum quire_status quire_vm_drop_range(struct quire_vm *vm, uintptr_t va,
                                                                                size_t npages) QUIRE_SYM(quire_vm_drop_range);

struct quire_vm_info {
    struct quire_fobj *fobj; /* for reports: not a reference */
    uint32_t pgidx;
    unsigned prot;  /* of the area */
    unsigned entry; /* QUIRE_ENTRY_*; 0: no entry */
    bool resident;  /* or unpaged */
    bool pinned;
    bool dirty;         /* known to be dirty */
    struct quire_pa pa; /* of the page, if resident */
};

/* What is at `va`. NOT_FOUND: nothing is mapped there. Changes nothing; O(log areas), under the lock. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_query(struct quire_vm *vm, uintptr_t va, struct quire_vm_info *out)
    QUIRE_SYM(quire_vm_query);

/* How a copy, or quire_vm_populate() of advise.h, accesses the context: as a fault would. All zero: unprivileged, not waiting,
 * thread 0. */
struct quire_vm_copy {
    bool privileged;
    bool wait_ok;
    uint32_t thread;
};

/* Copies `len` bytes from `va` of the context to `to`, faulting pages in as needed, checking permissions page by page. `*done` (may
 * be null) is how many bytes were copied; on error those before the failing page. The status is that of quire_pager_fault().
 * INVALID: the range wraps. Sleeps as a fault does; the copy itself runs without the lock, each page held meanwhile. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_copy_from(struct quire_vm *vm, uintptr_t va, void *to, size_t len,
                                                                const struct quire_vm_copy *how, size_t *done)
    QUIRE_SYM(quire_vm_copy_from);

/* The same from `from` to `va` of the context. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_copy_to(struct quire_vm *vm, uintptr_t va, const void *from, size_t len,
                                                              const struct quire_vm_copy *how, size_t *done)
    QUIRE_SYM(quire_vm_copy_to);

QUIRE_END

#endif /* QUIRE_VM_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_VM_IMPLEMENTED)
#define QUIRE_VM_IMPLEMENTED

QUIRE_BEGIN

/* ---- Contexts ---- */

QUIRE_API enum quire_status quire_vm_init(struct quire_vm *vm, struct quire_pager *pager, uintptr_t first, uintptr_t last,
                                          void *user)
{
    struct quire_op op;

    if (pager->stamp != QUIRE_STAMP) {
        return QUIRE_MISMATCH;
    }
    if ((first & QUIRE_PAGE_MASK) != 0 || (last & QUIRE_PAGE_MASK) != QUIRE_PAGE_MASK || last < first) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMSET(vm, 0, sizeof *vm);
    vm->stamp = QUIRE_STAMP;
    vm->first = first;
    vm->last = last;
    quire_tree_init(&vm->areas);
    vm->pager = pager;
    vm->user = user;
    quire_op_begin(&op, pager);
    quire_list_insert_before(&pager->vms, &vm->link);
#if QUIRE_TRACE
    pager->last_vm = pager->last_vm < QUIRE_TRACE_VM_MAX ? pager->last_vm + 1u : 1u;
    vm->id = pager->last_vm;
    if (QUIRE_PAGER_TRACED(pager)) {
        quire_pager_tell_vm(pager, vm, QUIRE_TRACE_BEGAN);
    }
#endif
    quire_op_end(&op);
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_vm_fini(struct quire_vm *vm)
{
    enum quire_status status;
    struct quire_op op;

    quire_op_begin(&op, vm->pager);
    status = vm->in_flight != 0 ? QUIRE_BUSY : QUIRE_OK;
    quire_op_end(&op);
    if (status == QUIRE_OK) {
        status = quire_vm_unmap(vm, vm->first, ((vm->last - vm->first) >> QUIRE_PAGE_SHIFT) + (size_t)1);
    }
    if (status != QUIRE_OK && status != QUIRE_NOT_FOUND) {
        return status;
    }
    quire_op_begin(&op, vm->pager);
    status = QUIRE_OK;
    while (vm->pager->flushes != 0 && status == QUIRE_OK) {
        status = quire_op_wait(&op, &vm->pager->flushes, true);
    }
    if (status != QUIRE_OK || vm->in_flight != 0 || vm->num_areas != 0) {
        status = QUIRE_BUSY;
    }
    if (status == QUIRE_OK) {
        quire_list_remove(&vm->link);
        if (QUIRE_PAGER_TRACED(vm->pager)) {
            quire_pager_tell_vm(vm->pager, vm, QUIRE_TRACE_ENDED);
        }
        vm->stamp = 0; /* so that it is not mistaken for a context any more */
    }
    quire_op_end(&op);
    return status;
}

/* ---- Map ---- */

/* May an area show first..last of `fobj` with `prot`? Writable here and executable there is for those who ask. Areas that lie
 * in `range` (null: none) do not count: they get `prot` too. */
static enum quire_status quire_vm_permits_(const struct quire_fobj *fobj, uint32_t first, uint32_t last, unsigned prot, bool wx,
                                           const struct quire_area *self, const struct quire_vm_range *range)
{
    const struct quire_area *other;
    unsigned against =
        ((prot & QUIRE_PROT_WRITE) != 0 ? QUIRE_PROT_EXEC : 0) | ((prot & QUIRE_PROT_EXEC) != 0 ? QUIRE_PROT_WRITE : 0);

    if ((prot & ~QUIRE_PROT_ALL) != 0 || (prot & QUIRE_PROT_RWX & ~(unsigned)fobj->max_prot) != 0) {
        return QUIRE_DENIED;
    }
    if (wx) {
        return QUIRE_OK;
    }
    if ((prot & against) != 0) {
        return QUIRE_DENIED;
    }
    if ((against & fobj->max_prot) == 0) {
        return QUIRE_OK;
    }
    for (other = quire_fobj_area_overlapping(fobj, first, last); other != NULL;
         other = quire_fobj_area_overlapping_next(other, first, last)) {
        bool same = other == self || (range != NULL && other->vm == range->vm && other->va >= range->va &&
                                      quire_area_last(other) <= range->last);

        if (!same && (other->prot & against) != 0 && (other->flags & QUIRE_AREA_WX) == 0) {
            return QUIRE_CONFLICT;
        }
    }
    return QUIRE_OK;
}

/* Is [va, last] inside the vm and free? */
static bool quire_vm_is_free_(const struct quire_vm *vm, uintptr_t va, uintptr_t last)
{
    const struct quire_area *area = quire_vm_area_from(vm, va);

    return area == NULL || area->va > last;
}

/* The lowest place in [low, high] where `npages` fit behind `before` and in front of `after` pages that are free too. Padding may
 * reach beyond [low, high] and, where nothing is, beyond the context. */
static bool quire_vm_find_hole_(const struct quire_vm *vm, const struct quire_mapping *mapping, size_t npages, uintptr_t *found)
{
    uintptr_t align = mapping->align > QUIRE_PAGE_SIZE ? mapping->align : QUIRE_PAGE_SIZE;
    uintptr_t low = mapping->min > vm->first ? mapping->min : vm->first;
    uintptr_t high = mapping->max != 0 && mapping->max < vm->last ? mapping->max : vm->last;
    uintptr_t before = (uintptr_t)mapping->pad_before << QUIRE_PAGE_SHIFT;
    uintptr_t after = (uintptr_t)mapping->pad_after << QUIRE_PAGE_SHIFT;
    uintptr_t at = low;

    if (before >> QUIRE_PAGE_SHIFT != mapping->pad_before || after >> QUIRE_PAGE_SHIFT != mapping->pad_after) {
        return false; /* more than the address space */
    }
    for (;;) {
        const struct quire_area *area;
        uintptr_t guard;
        uintptr_t last;

        if (at > UINTPTR_MAX - (align - 1u)) {
            return false;
        }
        at = (at + (align - 1u)) & ~(align - 1u);
        if (!quire_va_range(at, npages, &last) || last > high) {
            return false;
        }
        guard = at < before ? 0 : at - before;
        area = quire_vm_area_from(vm, guard);
        if (area == NULL || area->va > (last > UINTPTR_MAX - after ? UINTPTR_MAX : last + after)) {
            *found = at;
            return true;
        }
        if (quire_area_last(area) >= UINTPTR_MAX - before) {
            return false;
        }
        at = quire_area_last(area) + 1u + before;
    }
}

/* Some area that shows a page of `fobj`, or of its origins, or of any copy of these; null if there is none. */
static const struct quire_area *quire_vm_any_area_(const struct quire_fobj *fobj)
{
    const struct quire_area *area;

    while (fobj->origin != NULL) {
        fobj = fobj->origin;
    }
    while ((area = quire_fobj_any_area(fobj)) == NULL) {
        const struct quire_fobj *next = fobj->children;

        while (next == NULL && fobj->origin != NULL) {
            next = fobj->sibling;
            fobj = fobj->origin;
        }
        if (next == NULL) {
            return NULL;
        }
        fobj = next;
    }
    return area;
}

/* Decides whether `mapping` can be done, and where. Changes nothing but the fobj's tie to this pager. */
static enum quire_status quire_vm_map_decide_(struct quire_vm *vm, const struct quire_mapping *mapping, uint32_t npages,
                                              uintptr_t *va)
{
    struct quire_fobj *fobj = mapping->fobj;
    const struct quire_area *other;
    enum quire_status status;
    uintptr_t last;

    status = quire_vm_permits_(fobj, mapping->first, mapping->first + (npages - 1u), mapping->prot, mapping->wx, NULL, NULL);
    if (status != QUIRE_OK) {
        return status;
    }
    other = quire_vm_any_area_(fobj);
    if (other != NULL && other->attr != mapping->attr) {
        return QUIRE_CONFLICT;
    }
    if (mapping->va == QUIRE_VA_ANY) {
        if (!quire_vm_find_hole_(vm, mapping, npages, va)) {
            return QUIRE_NO_SPACE;
        }
    } else {
        *va = mapping->va;
        if (!quire_va_range(*va, npages, &last) || *va < vm->first || last > vm->last) {
            return QUIRE_INVALID;
        }
        if (!quire_vm_is_free_(vm, *va, last)) {
            return QUIRE_EXISTS;
        }
    }
    return quire_pager_attach(vm->pager, fobj);
}

static void quire_vm_map_commit_(struct quire_vm *vm, const struct quire_mapping *mapping, uint32_t npages, uintptr_t va,
                                 struct quire_area *area)
{
    QUIRE_MEMSET(area, 0, sizeof *area);
    area->first = mapping->first;
    area->npages = npages;
    area->va = va;
    area->attr = mapping->attr;
    area->vm = vm;
    area->fobj = mapping->fobj;
    area->prot = (uint8_t)mapping->prot;
    area->flags = mapping->wx ? QUIRE_AREA_WX : 0;
    area->user = mapping->user;
    quire_area_link(area);
}

QUIRE_API enum quire_status quire_vm_map(struct quire_vm *vm, const struct quire_mapping *mapping, uintptr_t *va)
{
    struct quire_pager *pager = vm->pager;
    uint32_t npages = mapping->npages;
    struct quire_area *area;
    enum quire_status status = QUIRE_OK;
    uintptr_t at = 0;
    struct quire_op op;

    if (vm->stamp != QUIRE_STAMP) {
        return QUIRE_MISMATCH;
    }
    if (mapping->fobj == NULL || (mapping->align & (mapping->align - 1u)) != 0) {
        return QUIRE_INVALID;
    }
    if (npages == 0 && mapping->first < mapping->fobj->num_pages) {
        npages = mapping->fobj->num_pages - mapping->first;
    }
    if (!quire_index_range(mapping->first, npages, mapping->fobj->num_pages)) {
        return QUIRE_INVALID;
    }
    area = quire_area_new(pager);
    if (area == NULL) {
        return QUIRE_NO_MEMORY;
    }
    quire_op_begin(&op, pager);
    vm->in_flight++;
    while (vm->flushing != 0 && status == QUIRE_OK) {
        status = quire_op_wait(&op, vm, true);
    }
    vm->in_flight--;
    if (status == QUIRE_OK) {
        status = quire_vm_map_decide_(vm, mapping, npages, &at);
    }
    if (status == QUIRE_OK) {
        quire_vm_map_commit_(vm, mapping, npages, at, area);
        if (va != NULL) {
            *va = at;
        }
    }
    quire_op_end(&op);
    if (status != QUIRE_OK) {
        quire_area_free(pager, area);
    }
    return status;
}

/* ---- Unmap ---- */

QUIRE_API enum quire_status quire_vm_unmap(struct quire_vm *vm, uintptr_t va, size_t npages)
{
    struct quire_vm_range range;
    struct quire_area *gone = NULL;
    struct quire_area *area;
    enum quire_status status = quire_vm_range_begin(&range, vm, va, npages);

    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_vm_range_first(&range) != NULL ? quire_vm_range_split(&range) : QUIRE_NOT_FOUND;
    if (status == QUIRE_OK) {
        for (area = quire_vm_range_first(&range); area != NULL; area = quire_vm_range_next(&range, area)) {
            if (quire_area_cut(&range.op, area, area->first, area->npages, 0)) {
                area->flags |= QUIRE_AREA_STUCK;
                area->prot = 0;
                vm->changes++;
                status = QUIRE_STUCK;
            } else {
                area->flags &= (uint8_t)~QUIRE_AREA_STUCK;
            }
        }
        quire_vm_range_flush(&range);
        gone = quire_vm_range_unlink(&range);
    } else {
        quire_vm_range_flush(&range);
    }
    quire_vm_range_end(&range);
    quire_area_free_chain(vm->pager, gone);
    return status;
}

/* ---- Protect ---- */

static enum quire_status quire_vm_protect_decide_(const struct quire_vm_range *range, unsigned prot)
{
    const struct quire_area *area;

    if (!quire_vm_range_is_whole(range)) {
        return QUIRE_NOT_FOUND;
    }
    for (area = quire_vm_range_first(range); area != NULL; area = quire_vm_range_next(range, area)) {
        uintptr_t from = area->va > range->va ? area->va : range->va;
        uintptr_t last = quire_area_last(area) < range->last ? quire_area_last(area) : range->last;
        enum quire_status status = (area->flags & QUIRE_AREA_STUCK) != 0
                                       ? QUIRE_STUCK
                                       : quire_vm_permits_(area->fobj, quire_area_page(area, from), quire_area_page(area, last),
                                                           prot, (area->flags & QUIRE_AREA_WX) != 0, area, range);

        if (status != QUIRE_OK) {
            return status;
        }
    }
    return QUIRE_OK;
}

/* Takes from the entries of `area` what `prot` no longer permits. True if one is stuck. */
static bool quire_vm_protect_area_(struct quire_op *op, struct quire_area *area, unsigned prot)
{
    unsigned keep = area->prot & prot;
    unsigned lost = area->prot & ~prot;

    if (quire_fobj_is_unpaged(area->fobj)) {
        return area->prot != prot && quire_area_cut_unpaged(op, area);
    }
    if (lost == 0) {
        return false;
    }
    if ((keep & QUIRE_PROT_RWX) == 0 || (lost & QUIRE_PROT_USER) != 0) {
        keep = 0;
    }
    return quire_area_cut(op, area, area->first, area->npages, keep);
}

QUIRE_API enum quire_status quire_vm_protect(struct quire_vm *vm, uintptr_t va, size_t npages, unsigned prot)
{
    struct quire_vm_range range;
    struct quire_area *area;
    enum quire_status status = quire_vm_range_begin(&range, vm, va, npages);

    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_vm_protect_decide_(&range, prot);
    if (status == QUIRE_OK) {
        status = quire_vm_range_split(&range);
    }
    if (status == QUIRE_OK) {
        for (area = quire_vm_range_first(&range); area != NULL; area = quire_vm_range_next(&range, area)) {
            if (quire_vm_protect_area_(&range.op, area, prot)) {
                status = QUIRE_STUCK; /* that page is quarantined; the area gets its permissions all the same */
                if (quire_fobj_is_unpaged(area->fobj)) {
                    continue; /* no quarantine: the area says what its entries permit, and this can be tried again */
                }
            }
            area->prot = (uint8_t)prot;
            vm->changes++;
        }
    }
    quire_vm_range_flush(&range);
    quire_vm_range_end(&range);
    return status;
}

/* ---- Remap, merge, drop ---- */

/* Is [to, to_last] free but for what lies in the range itself? */
static bool quire_vm_target_is_free_(const struct quire_vm_range *range, uintptr_t to, uintptr_t to_last)
{
    const struct quire_area *area;

    for (area = quire_vm_area_from(range->vm, to); area != NULL && area->va <= to_last; area = quire_vm_area_next(area)) {
        uintptr_t from = area->va > to ? area->va : to;
        uintptr_t last = quire_area_last(area) < to_last ? quire_area_last(area) : to_last;

        if (from < range->va || last > range->last) {
            return false;
        }
    }
    return true;
}

QUIRE_API enum quire_status quire_vm_remap(struct quire_vm *vm, uintptr_t va, size_t npages, uintptr_t to)
{
    struct quire_vm_range range;
    struct quire_area *area;
    struct quire_area *moved = NULL;
    uintptr_t to_last;
    enum quire_status status;

    if (!quire_va_range(to, npages, &to_last) || to < vm->first || to_last > vm->last) {
        return QUIRE_INVALID;
    }
    status = quire_vm_range_begin(&range, vm, va, npages);
    if (status != QUIRE_OK) {
        return status;
    }
    if (!quire_vm_range_is_whole(&range)) {
        status = QUIRE_NOT_FOUND;
    } else if (!quire_vm_target_is_free_(&range, to, to_last)) {
        status = QUIRE_EXISTS;
    } else {
        status = quire_vm_range_split(&range);
    }
    if (status == QUIRE_OK) {
        for (area = quire_vm_range_first(&range); area != NULL; area = quire_vm_range_next(&range, area)) {
            if (quire_area_cut(&range.op, area, area->first, area->npages, 0) || (area->flags & QUIRE_AREA_STUCK) != 0) {
                status = QUIRE_STUCK;
            }
        }
    }
    quire_vm_range_flush(&range);
    if (status == QUIRE_OK) {
        moved = quire_vm_range_unlink(&range);
    }
    while (moved != NULL) {
        struct quire_area *next = quire_area_chain_next(moved);

        moved->va = moved->va - va + to;
        quire_area_link(moved);
        moved = next;
    }
    quire_vm_range_end(&range);
    return status;
}

static bool quire_vm_continues_(const struct quire_area *area, const struct quire_area *next)
{
    return next != NULL && next->va - 1u == quire_area_last(area) && next->fobj == area->fobj &&
           next->first == area->first + area->npages && next->prot == area->prot && next->attr == area->attr &&
           next->flags == area->flags && (area->flags & QUIRE_AREA_STUCK) == 0 && next->user == area->user;
}

/* The first of the run of areas, around `area`, that continue one another. */
static struct quire_area *quire_vm_run_start_(struct quire_area *area)
{
    for (;;) {
        struct quire_area *before = quire_vm_area_before(area);

        if (before == NULL || !quire_vm_continues_(before, area)) {
            return area;
        }
        area = before;
    }
}

QUIRE_API enum quire_status quire_vm_merge(struct quire_vm *vm, uintptr_t va)
{
    struct quire_vm_range range;
    struct quire_area *gone = NULL;
    struct quire_area *area;
    struct quire_area *next;
    bool stuck = false;
    enum quire_status status =
        quire_vm_range_begin(&range, vm, vm->first, ((vm->last - vm->first) >> QUIRE_PAGE_SHIFT) + (size_t)1);

    if (status != QUIRE_OK) {
        return status;
    }
    area = quire_vm_area_at(vm, va);
    if (area == NULL) {
        quire_vm_range_end(&range);
        return QUIRE_NOT_FOUND;
    }
    area = quire_vm_run_start_(area);
    range.va = area->va;
    for (next = area; quire_vm_continues_(next, quire_vm_area_next(next)); next = quire_vm_area_next(next)) {
        if (quire_fobj_is_unpaged(area->fobj)) {
            stuck = quire_area_cut_unpaged(&range.op, next) || stuck;
            stuck = quire_area_cut_unpaged(&range.op, quire_vm_area_next(next)) || stuck;
        }
    }
    range.last = quire_area_last(next);
    quire_vm_range_flush(&range);
    while (!stuck && quire_vm_continues_(area, quire_vm_area_next(area))) {
        next = quire_vm_area_next(area);
        quire_area_unlink(next);
        quire_area_resize(area, area->npages + next->npages);
        quire_area_take_pages(vm->pager, next, area);
        quire_area_chain(&gone, next);
    }
    quire_vm_range_end(&range);
    quire_area_free_chain(vm->pager, gone);
    return stuck ? QUIRE_STUCK : QUIRE_OK;
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_vm_drop_range(struct quire_vm *vm, uintptr_t va, size_t npages)
{
    const struct quire_mmu *mmu = vm->pager->mmu;
    struct quire_vm_range range;
    struct quire_area *area;
    struct quire_op *op = &range.op;
    enum quire_status status = QUIRE_OK;

    range.vm = vm;
    range.va = va;
    range.spare[0] = NULL;
    range.spare[1] = NULL;
    if (!quire_va_range(va, npages, &range.last)) {
        return QUIRE_INVALID;
    }
    quire_op_begin(op, vm->pager);
    vm->in_flight++;
    while (vm->flushing != 0 && status == QUIRE_OK) {
        status = quire_op_wait(op, vm, true);
    }
    vm->in_flight--;
    for (area = quire_vm_range_first(&range); area != NULL && status != QUIRE_AGAIN; area = quire_vm_range_next(&range, area)) {
        uintptr_t from = area->va > va ? area->va : va;
        uintptr_t last = quire_area_last(area) < range.last ? quire_area_last(area) : range.last;

        if (quire_area_cut(op, area, quire_area_page(area, from), (uint32_t)((last - from) >> QUIRE_PAGE_SHIFT) + 1u, 0)) {
            status = QUIRE_STUCK;
        }
    }
    quire_vm_range_flush(&range);
    if (status == QUIRE_OK && mmu->table_gone != NULL) {
        mmu->table_gone(mmu->ctx, vm, va, npages);
    }
    quire_vm_range_end(&range);
    return status;
}

/* ---- Query ---- */

/* Is page `number` in quarantine because a store is late with saving it? */
static bool quire_vm_late_save_(const struct quire_pager *pager, uint32_t number)
{
    const struct quire_request *late = quire_request_late(pager, number);

    return late != NULL && !late->load;
}

QUIRE_API enum quire_status quire_vm_query(struct quire_vm *vm, uintptr_t va, struct quire_vm_info *out)
{
    const struct quire_mmu *mmu = vm->pager->mmu;
    const struct quire_pmem_pool *pool = &vm->pager->pool;
    struct quire_area *area;
    struct quire_op op;
    uint32_t slot;

    QUIRE_MEMSET(out, 0, sizeof *out);
    quire_op_begin(&op, vm->pager);
    area = quire_vm_area_at(vm, va);
    if (area != NULL) {
        out->fobj = area->fobj;
        out->pgidx = quire_area_page(area, va);
        out->prot = area->prot;
        out->entry = mmu->query(mmu->ctx, vm, va & ~(uintptr_t)QUIRE_PAGE_MASK);
        if (quire_fobj_is_unpaged(area->fobj)) {
            uint32_t n;

            out->resident = true;
            area->fobj->ops->phys(area->fobj, out->pgidx, &out->pa, &n);
        } else {
            slot = quire_fobj_showing(area->fobj, out->pgidx)->slots[out->pgidx];
            if (quire_slot_kind(slot) == QUIRE_SLOT_PRESENT) {
                const struct quire_pmem *pmem = quire_pmem_at(pool, quire_slot_value(slot));

                out->resident = pmem->state == QUIRE_PAGE_RESIDENT;
                out->pinned = pmem->pins != 0;
                out->dirty = (pmem->flags & QUIRE_PMEM_DIRTY) != 0 || pmem->state == QUIRE_PAGE_SAVING ||
                             (pmem->state == QUIRE_PAGE_QUARANTINED && quire_vm_late_save_(vm->pager, quire_slot_value(slot)));
                out->pa = quire_pmem_pa(pool, quire_slot_value(slot));
            }
        }
    }
    quire_op_end(&op);
    return area != NULL ? QUIRE_OK : QUIRE_NOT_FOUND;
}

/* ---- Copy ---- */

/* One page's part of a copy, `len` bytes at `va`, which lie in one page. */
static enum quire_status quire_vm_copy_page_(struct quire_vm *vm, const struct quire_fault *in, void *to, const void *from,
                                             size_t len)
{
    struct quire_pager *pager = vm->pager;
    const struct quire_mmu *mmu = pager->mmu;
    struct quire_fault_result out;
    struct quire_area *area = NULL;
    struct quire_fobj *fobj = NULL;
    struct quire_pmem *pmem = NULL;
    uint32_t number = QUIRE_PAGE_NONE;
    enum quire_status status;
    struct quire_op op;

    QUIRE_MEMSET(&out, 0, sizeof out);
    quire_op_begin(&op, pager);
#if QUIRE_TRACE
    op.vm = vm;
#endif
    vm->in_flight++;
    status = quire_pager_resolve(&op, vm, in, &out, &area, &number);
    vm->in_flight--;
    if (status == QUIRE_OK) {
        /* Whose page it is: of a copy on write it may be the origin's. */
        fobj = number != QUIRE_PAGE_NONE ? quire_pmem_at(&pager->pool, number)->fobj : area->fobj;
        status = quire_fobj_get(fobj);
        fobj = status == QUIRE_OK ? fobj : NULL;
    }
    if (status == QUIRE_OK && number != QUIRE_PAGE_NONE) {
        pmem = quire_pmem_at(&pager->pool, number);
        quire_pager_step_note(pager, quire_pager_step_row(pager, in->thread), pmem, number);
        pmem->flags |= QUIRE_PMEM_ACCESSED;
        pmem->holds++;
        pager->holds++;
        if (in->access == QUIRE_PROT_WRITE) {
            fobj->writers++;
            status = quire_pager_will_write(&op, number);
            (void)quire_op_flush_page(&op, number);
        }
    }
    if (status == QUIRE_OK) {
        uintptr_t offset = in->va & QUIRE_PAGE_MASK;
        struct quire_pa pa = quire_pa_make(0);
        unsigned char *alias;
        uint32_t n;

        if (pmem != NULL) {
            pa = quire_pmem_pa(&pager->pool, number);
        } else {
            fobj->ops->phys(fobj, out.pgidx, &pa, &n);
        }
        alias = (unsigned char *)mmu->alias_get(mmu->ctx, pa);
        quire_op_unlock(&op);
        if (in->access == QUIRE_PROT_WRITE) {
            QUIRE_MEMCPY(alias + offset, from, len);
        } else {
            QUIRE_MEMCPY(to, alias + offset, len);
        }
        quire_op_lock(&op);
        mmu->alias_put(mmu->ctx, pa, alias);
        if (in->access == QUIRE_PROT_WRITE) {
            quire_vm_log_note(vm, in->va); /* now: the log may have been read since the copy began */
        }
    }
    if (pmem != NULL) {
        if (status == QUIRE_OK && in->access == QUIRE_PROT_WRITE) {
            (void)quire_pager_will_write(&op, number); /* a save may have come in between, and a fetch of instructions */
            (void)quire_op_flush_page(&op, number);
        }
        fobj->writers -= in->access == QUIRE_PROT_WRITE;
        pmem->holds--;
        pager->holds--;
        quire_op_wake_room(&op);
    }
    quire_op_end(&op);
    if (fobj != NULL) {
        (void)quire_fobj_put(fobj);
    }
    return status;
}

static enum quire_status quire_vm_copy_(struct quire_vm *vm, uintptr_t va, unsigned char *to, const unsigned char *from,
                                        size_t len, const struct quire_vm_copy *how, size_t *done)
{
    enum quire_status status = QUIRE_OK;
    struct quire_fault in;
    size_t at = 0;

    in.access = from != NULL ? QUIRE_PROT_WRITE : QUIRE_PROT_READ;
    in.privileged = how->privileged;
    in.wait_ok = how->wait_ok;
    in.thread = how->thread;
    if (how->thread >= vm->pager->concurrency || (len != 0 && va + (len - 1u) < va)) {
        status = QUIRE_INVALID;
    }
    while (status == QUIRE_OK && at < len) {
        size_t n = QUIRE_PAGE_SIZE - ((va + at) & QUIRE_PAGE_MASK);

        if (n > len - at) {
            n = len - at;
        }
        in.va = va + at;
        status = quire_vm_copy_page_(vm, &in, to != NULL ? to + at : NULL, from != NULL ? from + at : NULL, n);
        at += status == QUIRE_OK ? n : 0;
    }
    if (done != NULL) {
        *done = at;
    }
    return status;
}

QUIRE_API enum quire_status quire_vm_copy_from(struct quire_vm *vm, uintptr_t va, void *to, size_t len,
                                               const struct quire_vm_copy *how, size_t *done)
{
    return quire_vm_copy_(vm, va, (unsigned char *)to, NULL, len, how, done);
}

QUIRE_API enum quire_status quire_vm_copy_to(struct quire_vm *vm, uintptr_t va, const void *from, size_t len,
                                             const struct quire_vm_copy *how, size_t *done)
{
    return quire_vm_copy_(vm, va, NULL, (const unsigned char *)from, len, how, done);
}

QUIRE_END

#endif
