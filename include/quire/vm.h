/* quire/vm.h - what one does with a context: map, unmap, protect, remap, query, copy. SPDX-License-Identifier: BSD-2-Clause. Quire 0.1.0 */
#ifndef QUIRE_VM_H
#define QUIRE_VM_H

#include "area.h"
#include "base.h"
#include "fobj.h"
#include "mmu.h"
#include "pager.h"

/*
 * A context is a set of areas. These operations change the set and never what the pages hold; where a range begins or ends
 * inside an area they split it. Each is prepared first (bookkeeping is allocated, without the lock) and then either happens
 * whole or not at all. None of them waits for a store. Any number of threads may use one context; an operation that meets an
 * unlocked flush of the same context waits for it, or returns AGAIN where no `wait` hook is there.
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

/* Unmaps every area and ends the context. BUSY: an operation of another thread is in flight here, nothing changed. STUCK: some
 * entries could not be removed, everything else is gone, and it can be tried again. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_fini(struct quire_vm *vm) QUIRE_SYM(quire_vm_fini);

#define QUIRE_VA_ANY UINTPTR_MAX /* no page-aligned address: choose one */

/* What to map. Zero-initialise it; fields marked (must) are to be set. */
struct quire_mapping {
    struct quire_fobj *fobj; /* (must) the area takes a reference of its own */
    uint32_t first;          /* its first page to show */
    uint32_t npages;         /* how many; 0: all from `first` */
    unsigned prot;           /* (must) QUIRE_PROT_*; 0: the addresses are taken and every access is refused */
    uint64_t attr;           /* handed to the `map` hook; the same in all areas that show the object */
    uintptr_t va;            /* (must) where; QUIRE_VA_ANY: the lowest hole that fits in [min, max] */
    uintptr_t min;           /* lowest address, with QUIRE_VA_ANY */
    uintptr_t max;           /* highest last byte, with QUIRE_VA_ANY; 0: the context's */
    size_t align;            /* with QUIRE_VA_ANY: a power of two in bytes; 0: a page */
    uint32_t pad_before;     /* pages that must be free in front of the area (a guard), with QUIRE_VA_ANY */
    uint32_t pad_after;      /* pages that must be free behind it, with QUIRE_VA_ANY */
    bool wx;                 /* writable and executable may meet: in this area, and with other areas of the object */
    void *user;              /* for area->user */
};

/* Makes an area; nothing is loaded. On OK its address is in *va (may be null). INVALID: `va` or `align` unaligned, the range
 * wraps or leaves the context, pages the object does not have; EXISTS: it overlaps an area; NO_SPACE: no hole fits; DENIED: `prot`
 * beyond the object's max_prot, or writable and executable without `wx`; CONFLICT: another area shows the object with other
 * attributes, or executable where this is writable (or the reverse) without `wx`; DEAD, LIMIT: no reference can be had;
 * BUSY: the object belongs to another pager; NO_MEMORY. O(log areas) at an address, O(areas) where it fits. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_map(struct quire_vm *vm, const struct quire_mapping *mapping, uintptr_t *va)
    QUIRE_SYM(quire_vm_map);

/* Removes what is mapped in [va, va + npages pages), splitting areas at the ends. Holes are fine; NOT_FOUND if nothing is
 * mapped there. STUCK: entries could not be removed; their areas stay and keep their addresses, all others are gone.
 * O(log areas + per area min(its pages, resident pages of its fobj)), one flush. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_unmap(struct quire_vm *vm, uintptr_t va, size_t npages)
    QUIRE_SYM(quire_vm_unmap);

/* Gives [va, va + npages pages), which must be mapped without holes (NOT_FOUND), the permissions `prot`, splitting areas at the
 * ends. What is taken away is gone when this returns; what is given appears with the next fault. DENIED, CONFLICT: as for
 * quire_vm_map (an area made with `wx` permits both). Cost as quire_vm_unmap. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_protect(struct quire_vm *vm, uintptr_t va, size_t npages, unsigned prot)
    QUIRE_SYM(quire_vm_protect);

/* Moves what is mapped in [va, va + npages pages), mapped without holes (NOT_FOUND), to `to`, splitting at the ends. Pages stay
 * resident and are found by minor faults. The target must be free but for the range itself (EXISTS), and inside the context
 * (INVALID). STUCK: an entry could not be removed; nothing moved. Cost as quire_vm_unmap. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_remap(struct quire_vm *vm, uintptr_t va, size_t npages, uintptr_t to)
    QUIRE_SYM(quire_vm_remap);

/* Joins the area that holds `va` with its neighbours, as far as they continue the same object with the same permissions,
 * attributes, flags and user pointer. NOT_FOUND: no area at `va`. OK also if there was nothing to join.
 * O(log areas + min(pages, resident pages) per neighbour). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_merge(struct quire_vm *vm, uintptr_t va) QUIRE_SYM(quire_vm_merge);

/* Drops every entry in [va, va + npages pages), whatever is mapped there; areas and resident pages stay, and come back by minor
 * faults. Flushes, then calls the `table_gone` hook under the lock: page tables of the range may be recycled. The one operation
 * that need_tables may call. STUCK: an entry could not be removed; table_gone is not called. Cost as quire_vm_unmap. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_drop_range(struct quire_vm *vm, uintptr_t va, size_t npages)
    QUIRE_SYM(quire_vm_drop_range);

struct quire_vm_info {
    struct quire_fobj *fobj; /* for reports: not a reference */
    uint32_t pgidx;
    unsigned prot;           /* of the area */
    unsigned entry;          /* QUIRE_ENTRY_*; 0: no entry */
    bool resident;           /* or unpaged */
    bool pinned;
    bool dirty;              /* known to be dirty */
    struct quire_pa pa;      /* of the page, if resident */
};

/* What is at `va`. NOT_FOUND: nothing is mapped there. Changes nothing; O(log areas), under the lock. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_query(struct quire_vm *vm, uintptr_t va, struct quire_vm_info *out)
    QUIRE_SYM(quire_vm_query);

/* How a copy accesses the context: as a fault would. `access` is not set by the caller. */
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
