/* quire/fobj_phys.h - backing store: physical memory that is always in place. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_FOBJ_PHYS_H
#define QUIRE_FOBJ_PHYS_H

#include "base.h"
#include "fobj.h"

/*
 * A contiguous range of physical memory as an unpaged object: memory shared with another world, a device's registers, a
 * secure buffer. Call quire_fobj_phys_init(), map it in as many contexts as should share it, put.
 *
 *     page index:   0        1        2
 *     physical:     pa       pa + 1   pa + 2 pages         no slots, no pages of the pager's pool, nothing to load or save
 *
 * Without a pager it is a counted handle on the range: sharers get and put it, fobj->ops->phys() tells where a page lies, and
 * `release` says when nobody uses it any more.
 *
 * The library neither reads nor writes the memory: whoever hands it on wipes it, in `release`.
 *
 * Invariant: the range is page-aligned and does not wrap (its last byte may be the last there is).
 */
QUIRE_BEGIN

/* Zero-initialise it, then set what is marked (must). It may be discarded after quire_fobj_phys_init(). */
struct quire_fobj_phys_config {
    struct quire_pa pa; /* (must) first byte, page-aligned; 0 is an address like any other */
    uint32_t npages;    /* (must) 1..QUIRE_FOBJ_PAGES_MAX */
    unsigned max_prot;  /* (must) what areas may permit: QUIRE_PROT_READ | WRITE | EXEC */
    void *ctx;          /* handed to `release` */

    /* (optional) Called once, without locks, when nothing refers to the object any more: its storage and the physical range
     * are the owner's again. */
    void (*release)(void *ctx, struct quire_fobj *fobj);
};

struct quire_fobj_phys {
    struct quire_fobj base; /* what to map, get and put */
    struct quire_pa pa;     /* of page 0 */
    void *ctx;
    void (*release)(void *ctx, struct quire_fobj *fobj);
};

/* Makes an unpaged object with one reference (&phys->base), owned by the caller, in storage of the caller that lives until
 * `release`. INVALID: a null argument, a `must` missing, an unaligned or wrapping range, too many pages, other permissions;
 * nothing was changed then. Takes no lock; O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_fobj_phys_init(struct quire_fobj_phys *phys,
                                                                  const struct quire_fobj_phys_config *config)
    QUIRE_SYM(quire_fobj_phys_init);

QUIRE_END

#endif /* QUIRE_FOBJ_PHYS_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_FOBJ_PHYS_IMPLEMENTED)
#define QUIRE_FOBJ_PHYS_IMPLEMENTED

QUIRE_BEGIN

static QUIRE_RESIDENT void quire_fobj_phys_at_(struct quire_fobj *fobj, uint32_t pgidx, struct quire_pa *pa, uint32_t *npages)
{
    const struct quire_fobj_phys *phys = QUIRE_CONTAINER_OF(fobj, struct quire_fobj_phys, base);

    QUIRE_ASSERT(pgidx < fobj->num_pages);
    *pa = quire_pa_make(phys->pa.addr + ((uint64_t)pgidx << QUIRE_PAGE_SHIFT));
    *npages = fobj->num_pages - pgidx;
}

static QUIRE_RESIDENT void quire_fobj_phys_free_(struct quire_fobj *fobj)
{
    struct quire_fobj_phys *phys = QUIRE_CONTAINER_OF(fobj, struct quire_fobj_phys, base);

    if (phys->release != NULL) {
        phys->release(phys->ctx, fobj);
    }
}

/* 32-bit page numbers times pages of at most 16 MiB stay far below 2^64: only the sum can wrap. */
static bool quire_fobj_phys_range_valid_(struct quire_pa pa, uint32_t npages)
{
    return npages != 0 && (pa.addr & QUIRE_PAGE_MASK) == 0 &&
           pa.addr + (((uint64_t)npages << QUIRE_PAGE_SHIFT) - 1u) >= pa.addr;
}

QUIRE_API enum quire_status quire_fobj_phys_init(struct quire_fobj_phys *phys, const struct quire_fobj_phys_config *config)
{
    static const struct quire_fobj_ops ops QUIRE_RESIDENT_RO = {
        "phys", 0, NULL, NULL, quire_fobj_phys_at_, quire_fobj_phys_free_,
    };
    enum quire_status status;

    if (phys == NULL || config == NULL || config->max_prot == 0 || !quire_fobj_phys_range_valid_(config->pa, config->npages)) {
        return QUIRE_INVALID;
    }
    status = quire_fobj_init(&phys->base, &ops, config->npages, NULL, config->max_prot, 0);
    if (status != QUIRE_OK) {
        return status;
    }
    phys->pa = config->pa;
    phys->ctx = config->ctx;
    phys->release = config->release;
    return QUIRE_OK;
}

QUIRE_END

#endif
