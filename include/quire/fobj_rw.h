/* quire/fobj_rw.h - backing store: private read-write pages over a store of the user's. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_FOBJ_RW_H
#define QUIRE_FOBJ_RW_H

#include "base.h"
#include "fobj.h"
#include "seal.h"

/*
 * Data, heap and stack that may leave physical memory: the user supplies a store (a file, flash, normal-world memory) that
 * keeps pages by index, and where the store is not trusted, a sealer (seal.h) under whose key pages leave. Call
 * quire_fobj_rw_init(), map, put.
 *
 *     save:   page --seal--> buffer --write--> store              without sealing:  page --write--> store
 *     load:   page <--open in place-- page <--read-- store                          page <--read--- store
 *             a page that was never saved: zeros, and the store is not asked
 *
 * What the sealer has to know of each page, 24 bytes (struct quire_seal_meta), lies in an array of the user's, or in pages of
 * another object, itself paged (need.h), whose store may be no more trusted than this one's if it is sealed too:
 *
 *     config.sealing.meta = array;                         num_pages entries, in memory that the store cannot write
 *     config.sealing.meta_fobj = &parent.base;             QUIRE_FOBJ_RW_META_PAGES(num_pages) pages of it, from meta_first
 *
 * The parent's rank is lower, this object's is one more; config.rank_max of the pager covers it, and quire_pager_know() knows the
 * parent. At the end of the chain stands an array: 24 bytes for each page of the last parent. Older pages of the parent, put
 * back by its store, would roll versions back: so a parent that is not sealed must have a store that is trusted.
 *
 * Ways a store can lie, and the status each gives (always: a page whose load fails is wiped and no context sees it; one whose
 * save fails stays resident and dirty; either may be tried again; the other pages are what they were):
 *
 *     has fewer pages than the object                    INVALID, when the object is made
 *     answers IO, INTEGRITY, NO_MEMORY or LIMIT          the same
 *     answers anything else but OK (positive, PENDING)   BAD_ANSWER
 *     reads less than a page and says OK                 sealed: INTEGRITY; unsealed: zeros there, not noticed
 *     returns other or older bytes                       sealed: INTEGRITY; unsealed: not noticed
 *     says OK to a write that it did not keep            at the load: what `read` then says; sealed: INTEGRITY
 *     has no buffer to seal into                         NO_MEMORY
 *     versions or object numbers are used up             LIMIT: a new key helps (quire_sealer_rekey())
 *     the page of metadata cannot be had                 its status: INTEGRITY, IO, NO_PAGE
 *
 * Invariants: a page never saved, or freed since, is never read from the store; what reaches the store of a sealed object came
 * from `seal`; the library moves no byte of a page: it only wipes.
 */
QUIRE_BEGIN

/* The callbacks here are called without any lock of Quire and may sleep, by several threads at once but never two for one
 * page; they must not touch memory that waits for them (paged through this object). Each answers OK, IO, INTEGRITY, NO_MEMORY
 * or LIMIT. */
struct quire_fobj_rw_store {
    void *ctx;
    uint32_t npages; /* (must) pages the store has; at least the object's */

    /* (must) Writes all of page `pgidx`, as it was last written, to `page`. */
    enum quire_status (*read)(void *ctx, uint32_t pgidx, void *page);

    /* (must) Keeps `page` as page `pgidx`; done with `page` on return. Failing, the store still holds what it held, or fails
     * to read that page from then on. (Sealed, what it held then is refused.) */
    enum quire_status (*write)(void *ctx, uint32_t pgidx, const void *page);
};

/* Where a sealed object's metadata lies. */
struct quire_fobj_rw_sealing {
    struct quire_sealer *sealer; /* null: pages are stored as they are, and the others are zero */

    /* Either: num_pages entries, which init clears, in memory that the store can neither write nor roll back; until `release`. */
    struct quire_seal_meta *meta;

    /* Or: pages of another object, QUIRE_FOBJ_RW_META_PAGES(num_pages) from `meta_first`, that nobody else uses while this object
     * lives: paged, no copy on write, with a save operation, of a lower rank than QUIRE_FOBJ_RANK_MAX, writable, born as zeros,
     * known to the pager. What an earlier sealed object left there does no harm. A reference is taken, until just before `release`. */
    struct quire_fobj *meta_fobj;
    uint32_t meta_first;
};

/* Entries in a page of metadata; none lies in two. */
#define QUIRE_FOBJ_RW_META_PER_PAGE ((uint32_t)(QUIRE_PAGE_SIZE / sizeof(struct quire_seal_meta)))

/* Pages of metadata for an object of n pages, n > 0; and bytes of an array. */
#define QUIRE_FOBJ_RW_META_PAGES(n) (((uint32_t)(n)-1u) / QUIRE_FOBJ_RW_META_PER_PAGE + 1u)
#define QUIRE_FOBJ_RW_META_BYTES(n) ((size_t)(n) * sizeof(struct quire_seal_meta))

/* Zero-initialise it, then set what is marked (must). It may be discarded after quire_fobj_rw_init(). */
struct quire_fobj_rw_config {
    uint32_t num_pages;               /* (must) 1..QUIRE_FOBJ_PAGES_MAX */
    uint32_t *slots;                  /* (must) QUIRE_FOBJ_SLOT_BYTES(num_pages) bytes, which init clears; until `release` */
    unsigned max_prot;                /* what areas may permit: QUIRE_PROT_READ | WRITE | EXEC; 0: READ | WRITE */
    struct quire_fobj_rw_store store; /* (must) */
    struct quire_fobj_rw_sealing sealing; /* (optional) left zero: pages are stored as they are */

    /* (optional) Most pages that one load or save is about, where neighbours are cheap; at most 255. 0: 1. With metadata in pages
     * 1, since a request has one page of metadata at a time. */
    uint32_t cluster;
    void *ctx; /* handed to `release` */

    /* (optional) Called once, without locks, when nothing refers to the object any more: the storage of the object, of
     * `slots` and of the metadata, and its pages in the store, are the owner's again. May free all. */
    void (*release)(void *ctx, struct quire_fobj *fobj);
};

struct quire_fobj_rw {
    struct quire_fobj base; /* what to map, get and put */
    struct quire_fobj_rw_store store;
    struct quire_sealed sealed;   /* its sealer is null: not sealed */
    struct quire_seal_meta *meta; /* either ... */
    struct quire_fobj *meta_fobj; /* ... or, with a reference; null unless sealed */
    uint32_t meta_first;
    void *ctx;
    void (*release)(void *ctx, struct quire_fobj *fobj);
};

/* Makes a read-write object with one reference (&rw->base), owned by the caller, in storage of the caller that lives until
 * `release`. The store is not touched. INVALID: a null argument, a `must` missing, a store smaller than the object, a sealer that
 * has ended, metadata without a sealer, none or both kinds of it with one, a meta_fobj that cannot be one or has too few pages,
 * too many pages or too large a cluster, other permissions. DEAD, LIMIT: no reference to meta_fobj can be had; LIMIT: too many
 * objects of one sealer. Nothing was changed then but `slots`. Takes no lock; O(num_pages). That the pager knows meta_fobj is not
 * checked here: if it does not, saves end with BAD_ANSWER, and faults that would evict with NO_PAGE. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_fobj_rw_init(struct quire_fobj_rw *rw,
                                                                const struct quire_fobj_rw_config *config)
    QUIRE_SYM(quire_fobj_rw_init);

/* The page of metadata of page `pgidx`, and its entry in that page. O(1). */
static inline QUIRE_RESIDENT uint32_t quire_fobj_rw_meta_page(const struct quire_fobj_rw *rw, uint32_t pgidx)
{
    return rw->meta_first + pgidx / QUIRE_FOBJ_RW_META_PER_PAGE;
}

static inline QUIRE_RESIDENT struct quire_seal_meta *quire_fobj_rw_meta_in(void *page, uint32_t pgidx)
{
    return (struct quire_seal_meta *)page + pgidx % QUIRE_FOBJ_RW_META_PER_PAGE;
}

QUIRE_END

#endif /* QUIRE_FOBJ_RW_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_FOBJ_RW_IMPLEMENTED)
#define QUIRE_FOBJ_RW_IMPLEMENTED

QUIRE_BEGIN

QUIRE_STATIC_ASSERT(sizeof(struct quire_seal_meta) == 24, seal_meta_is_24_bytes);

/* ---- Metadata ---- */

/* Must a page of metadata be brought first? Then `io` says which. */
static QUIRE_RESIDENT bool quire_fobj_rw_needs_(const struct quire_fobj_rw *rw, struct quire_io *io, bool write)
{
    if (QUIRE_LIKELY(rw->meta_fobj == NULL) || io->need_page != NULL) {
        return false;
    }
    io->need_fobj = rw->meta_fobj;
    io->need_pgidx = quire_fobj_rw_meta_page(rw, io->pgidx);
    io->need_write = write;
    return true;
}

/* What is known of a page; `need_page` is the metadata page of it, if they are in pages. */
static QUIRE_RESIDENT struct quire_seal_meta *quire_fobj_rw_meta_(const struct quire_fobj_rw *rw, uint32_t pgidx,
                                                                  void *need_page)
{
    return rw->meta_fobj != NULL ? quire_fobj_rw_meta_in(need_page, pgidx) : &rw->meta[pgidx];
}

/* Is this a request that can be served: pages of the object, and with metadata in pages one? */
static QUIRE_RESIDENT bool quire_fobj_rw_io_valid_(const struct quire_fobj_rw *rw, const struct quire_io *io)
{
    return quire_index_range(io->pgidx, io->npages, io->fobj->num_pages) && (rw->meta_fobj == NULL || io->npages == 1u);
}

/* ---- Load ---- */

static QUIRE_RESIDENT enum quire_status quire_fobj_rw_load_plain_(const struct quire_fobj_rw *rw, uint32_t pgidx, void *page)
{
    /* A store that writes less than a page must not show what the page held before. */
    QUIRE_MEMSET(page, 0, QUIRE_PAGE_SIZE);
    return quire_store_answer(rw->store.read(rw->store.ctx, pgidx, page));
}

static QUIRE_RESIDENT enum quire_status quire_fobj_rw_load_sealed_(const struct quire_fobj_rw *rw, uint32_t pgidx, void *page,
                                                                   void *need_page)
{
    enum quire_status status = quire_store_answer(rw->store.read(rw->store.ctx, pgidx, page));

    return status == QUIRE_OK ? quire_sealed_open(&rw->sealed, quire_fobj_rw_meta_(rw, pgidx, need_page), pgidx, page) : status;
}

static QUIRE_RESIDENT enum quire_status quire_fobj_rw_load_(struct quire_io *io)
{
    const struct quire_fobj_rw *rw = QUIRE_CONTAINER_OF(io->fobj, struct quire_fobj_rw, base);
    enum quire_status status = QUIRE_OK;
    uint32_t i;

    if (!quire_fobj_rw_io_valid_(rw, io)) {
        return QUIRE_INVALID;
    }
    if (io->stored && quire_fobj_rw_needs_(rw, io, false)) {
        return QUIRE_NEED;
    }
    for (i = 0; i < io->npages && status == QUIRE_OK; i++) {
        if (!io->stored) {
            QUIRE_MEMSET(io->page[i], 0, QUIRE_PAGE_SIZE);
            continue;
        }
        status = rw->sealed.sealer != NULL ? quire_fobj_rw_load_sealed_(rw, io->pgidx + i, io->page[i], io->need_page)
                                           : quire_fobj_rw_load_plain_(rw, io->pgidx + i, io->page[i]);
        if (QUIRE_UNLIKELY(status != QUIRE_OK)) {
            QUIRE_MEMSET(io->page[i], 0, QUIRE_PAGE_SIZE);
        }
    }
    return status;
}

/* ---- Save ---- */

static QUIRE_RESIDENT enum quire_status quire_fobj_rw_save_sealed_(struct quire_fobj_rw *rw, uint32_t pgidx, const void *page,
                                                                   void *need_page)
{
    const struct quire_sealer *sealer = rw->sealed.sealer;
    void *buffer = sealer->hooks->buffer_get(sealer->ctx);
    enum quire_status status;

    if (buffer == NULL) {
        return QUIRE_NO_MEMORY;
    }
    status = quire_sealed_seal(&rw->sealed, quire_fobj_rw_meta_(rw, pgidx, need_page), pgidx, page, buffer);
    if (status == QUIRE_OK) {
        status = quire_store_answer(rw->store.write(rw->store.ctx, pgidx, buffer));
    }
    sealer->hooks->buffer_put(sealer->ctx, buffer);
    return status;
}

static QUIRE_RESIDENT enum quire_status quire_fobj_rw_save_(struct quire_io *io)
{
    struct quire_fobj_rw *rw = QUIRE_CONTAINER_OF(io->fobj, struct quire_fobj_rw, base);
    enum quire_status status = QUIRE_OK;
    uint32_t i;

    if (!quire_fobj_rw_io_valid_(rw, io)) {
        return QUIRE_INVALID;
    }
    if (quire_fobj_rw_needs_(rw, io, true)) {
        return QUIRE_NEED;
    }
    for (i = 0; i < io->npages && status == QUIRE_OK; i++) {
        if (rw->sealed.sealer != NULL) {
            status = quire_fobj_rw_save_sealed_(rw, io->pgidx + i, io->page[i], io->need_page);
        } else {
            status = quire_store_answer(rw->store.write(rw->store.ctx, io->pgidx + i, io->page[i]));
        }
    }
    return status;
}

/* ---- Life ---- */

/* quire_fobj_put(), for which no one promises that it is resident. */
static QUIRE_RESIDENT void quire_fobj_rw_put_meta_(struct quire_fobj *fobj)
{
    bool last;

    if (quire_refcount_put(&fobj->refs, &last) != QUIRE_OK || !last) {
        return;
    }
    if (fobj->last_put != NULL) {
        (void)fobj->last_put(fobj);
    } else if (fobj->ops->free != NULL) {
        fobj->ops->free(fobj);
    }
}

static QUIRE_RESIDENT void quire_fobj_rw_free_(struct quire_fobj *fobj)
{
    struct quire_fobj_rw *rw = QUIRE_CONTAINER_OF(fobj, struct quire_fobj_rw, base);

    quire_sealed_leave(&rw->sealed);
    if (rw->meta_fobj != NULL) {
        quire_fobj_rw_put_meta_(rw->meta_fobj);
        rw->meta_fobj = NULL;
    }
    if (rw->release != NULL) {
        rw->release(rw->ctx, fobj);
    }
}

/* Can `sealing` be that of an object of num_pages pages? */
static bool quire_fobj_rw_sealing_valid_(const struct quire_fobj_rw_sealing *sealing, uint32_t num_pages, uint32_t cluster)
{
    const struct quire_fobj *parent = sealing->meta_fobj;

    if (sealing->sealer == NULL) {
        return sealing->meta == NULL && parent == NULL;
    }
    if (parent == NULL) {
        return sealing->meta != NULL;
    }
    return sealing->meta == NULL && !quire_fobj_is_unpaged(parent) && parent->origin == NULL &&
           parent->rank < QUIRE_FOBJ_RANK_MAX && cluster <= 1u && (parent->max_prot & QUIRE_PROT_WRITE) != 0 &&
           parent->ops->save != NULL &&
           quire_index_range(sealing->meta_first, QUIRE_FOBJ_RW_META_PAGES(num_pages), parent->num_pages);
}

static bool quire_fobj_rw_config_valid_(const struct quire_fobj_rw_config *config)
{
    return config->num_pages != 0 && config->cluster <= UINT8_MAX && config->store.read != NULL &&
           config->store.write != NULL && config->store.npages >= config->num_pages &&
           quire_fobj_rw_sealing_valid_(&config->sealing, config->num_pages, config->cluster);
}

static const struct quire_fobj_ops quire_fobj_rw_ops_ QUIRE_RESIDENT_RO = {
    "rw", QUIRE_FOBJ_OPS_FILLS | QUIRE_FOBJ_OPS_FORGETS, quire_fobj_rw_load_, quire_fobj_rw_save_, NULL, quire_fobj_rw_free_,
};

/* Takes what a sealed object holds of others: the parent and the key. */
static enum quire_status quire_fobj_rw_join_(struct quire_sealed *sealed, const struct quire_fobj_rw_sealing *sealing)
{
    enum quire_status status = QUIRE_OK;

    QUIRE_MEMSET(sealed, 0, sizeof *sealed);
    if (sealing->meta_fobj != NULL) {
        status = quire_fobj_get(sealing->meta_fobj);
    }
    if (status == QUIRE_OK && sealing->sealer != NULL) {
        status = quire_sealed_join(sealed, sealing->sealer);
        if (status != QUIRE_OK && sealing->meta_fobj != NULL) {
            quire_fobj_rw_put_meta_(sealing->meta_fobj);
        }
    }
    return status;
}

QUIRE_API enum quire_status quire_fobj_rw_init(struct quire_fobj_rw *rw, const struct quire_fobj_rw_config *config)
{
    const struct quire_fobj_rw_sealing *sealing;
    struct quire_sealed sealed;
    enum quire_status status;
    unsigned max_prot;
    unsigned rank;

    if (rw == NULL || config == NULL || !quire_fobj_rw_config_valid_(config)) {
        return QUIRE_INVALID;
    }
    sealing = &config->sealing;
    max_prot = config->max_prot != 0 ? config->max_prot : QUIRE_PROT_READ | QUIRE_PROT_WRITE;
    rank = sealing->meta_fobj != NULL ? sealing->meta_fobj->rank + 1u : 0;
    status = quire_fobj_rw_join_(&sealed, sealing);
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_fobj_init(&rw->base, &quire_fobj_rw_ops_, config->num_pages, config->slots, max_prot, rank);
    if (status != QUIRE_OK) {
        quire_sealed_leave(&sealed);
        if (sealing->meta_fobj != NULL) {
            quire_fobj_rw_put_meta_(sealing->meta_fobj);
        }
        return status;
    }
    if (sealing->meta != NULL) {
        QUIRE_MEMSET(sealing->meta, 0, QUIRE_FOBJ_RW_META_BYTES(config->num_pages));
    }
    rw->store = config->store;
    rw->sealed = sealed;
    rw->meta = sealing->meta;
    rw->meta_fobj = sealing->meta_fobj;
    rw->meta_first = sealing->meta_first;
    rw->base.cluster = (uint8_t)config->cluster;
    rw->ctx = config->ctx;
    rw->release = config->release;
    return QUIRE_OK;
}

QUIRE_END

#endif
