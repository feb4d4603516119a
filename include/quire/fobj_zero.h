/* quire/fobj_zero.h - backing store: pages that begin as zeros. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_FOBJ_ZERO_H
#define QUIRE_FOBJ_ZERO_H

#include "base.h"
#include "fobj.h"

/*
 * Memory without a store behind it: stacks, heaps, scratch buffers. Call quire_fobj_zero_init(), map, put.
 *
 *     never touched  -> no physical page
 *     only read      -> zeros in a physical page, which may be evicted: it comes back as zeros
 *     written        -> resident until the object dies: there is nowhere to save it
 *     locked object  -> resident from the first touch until the object dies
 *
 * So a pageable one costs physical pages for what is written, a locked one for what is touched. To have written pages
 * evicted as well, give them a store: fobj_rw.h.
 *
 * Invariant: every page of a new object reads as zeros, whatever the physical page held before.
 */
QUIRE_BEGIN

/* Zero-initialise it, then set what is marked (must). It may be discarded after quire_fobj_zero_init(). */
struct quire_fobj_zero_config {
    uint32_t num_pages; /* (must) 1..QUIRE_FOBJ_PAGES_MAX */
    uint32_t *slots;    /* (must) QUIRE_FOBJ_SLOT_BYTES(num_pages) bytes, which init clears; until `release` */
    unsigned max_prot;  /* what areas may permit: QUIRE_PROT_READ | WRITE | EXEC; 0: READ | WRITE */
    bool locked;        /* never evict a page once it is loaded */
    void *ctx;          /* handed to `release` */

    /* (optional) Called once, without locks, when nothing refers to the object any more: the storage of the object and of
     * `slots` is the owner's again. May free both. */
    void (*release)(void *ctx, struct quire_fobj *fobj);
};

struct quire_fobj_zero {
    struct quire_fobj base; /* what to map, get and put */
    void *ctx;
    void (*release)(void *ctx, struct quire_fobj *fobj);
};

/* Makes a zero-filled object with one reference (&zero->base), owned by the caller, in storage of the caller that lives until
 * `release`. INVALID: a null argument, a `must` missing, too many pages, other permissions; nothing was changed then. Takes
 * no lock; O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_fobj_zero_init(struct quire_fobj_zero *zero,
                                                                  const struct quire_fobj_zero_config *config)
    QUIRE_SYM(quire_fobj_zero_init);

QUIRE_END

#endif /* QUIRE_FOBJ_ZERO_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_FOBJ_ZERO_IMPLEMENTED)
#define QUIRE_FOBJ_ZERO_IMPLEMENTED

QUIRE_BEGIN

static QUIRE_RESIDENT enum quire_status quire_fobj_zero_load_(struct quire_io *io)
{
    uint32_t i;

    if (!quire_index_range(io->pgidx, io->npages, io->fobj->num_pages)) {
        return QUIRE_INVALID;
    }
    for (i = 0; i < io->npages; i++) {
        QUIRE_MEMSET(io->page[i], 0, QUIRE_PAGE_SIZE);
    }
    return QUIRE_OK;
}

static QUIRE_RESIDENT void quire_fobj_zero_free_(struct quire_fobj *fobj)
{
    struct quire_fobj_zero *zero = QUIRE_CONTAINER_OF(fobj, struct quire_fobj_zero, base);

    if (zero->release != NULL) {
        zero->release(zero->ctx, fobj);
    }
}

QUIRE_API enum quire_status quire_fobj_zero_init(struct quire_fobj_zero *zero, const struct quire_fobj_zero_config *config)
{
    static const struct quire_fobj_ops ops QUIRE_RESIDENT_RO = {
        "zero", QUIRE_FOBJ_OPS_FILLS, quire_fobj_zero_load_, NULL, NULL, quire_fobj_zero_free_,
    };
    enum quire_status status;
    unsigned max_prot;

    if (zero == NULL || config == NULL) {
        return QUIRE_INVALID;
    }
    max_prot = config->max_prot != 0 ? config->max_prot : QUIRE_PROT_READ | QUIRE_PROT_WRITE;
    status = quire_fobj_init(&zero->base, &ops, config->num_pages, config->slots, max_prot, 0);
    if (status != QUIRE_OK) {
        return status;
    }
    zero->base.flags = config->locked ? QUIRE_FOBJ_LOCKED : 0;
    zero->ctx = config->ctx;
    zero->release = config->release;
    return QUIRE_OK;
}

QUIRE_END

#endif
