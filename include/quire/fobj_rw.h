/* quire/fobj_rw.h - backing store: private read-write pages over a store of the user's. SPDX-License-Identifier: BSD-2-Clause. Quire 0.3.0 */
#ifndef QUIRE_FOBJ_RW_H
#define QUIRE_FOBJ_RW_H

#include "base.h"
#include "fobj.h"

/*
 * Data, heap and stack that may leave physical memory: the user supplies a store (a file, flash, normal-world memory) that
 * keeps pages by index, and where the store is not trusted, callbacks that seal a page before it leaves and open it when it
 * returns. Call quire_fobj_rw_init(), map, put.
 *
 *     save:   page --seal--> bounce page --write--> store          without sealing:  page --write--> store
 *     load:   page <--open in place-- page <--read-- store                           page <--read--- store
 *             a page that was never saved: zeros, and the store is not asked
 *
 * The bounce page never holds plain text, and so may lie where the store can see it: it gets what `seal` made, and is wiped
 * when `seal` failed half way. The library moves no bytes itself; it only wipes.
 *
 * Ways a store can lie, and the status each gives (always: a page whose load fails is wiped and no context sees it; one whose
 * save fails stays resident and dirty; either may be tried again):
 *
 *     has fewer pages than the object                    INVALID, when the object is made
 *     answers IO, INTEGRITY or NO_MEMORY                 the same
 *     answers anything else but OK (positive, PENDING)   BAD_ANSWER
 *     reads less than a page and says OK                 INTEGRITY from `open`; unsealed: zeros there, not noticed
 *     returns other or older bytes                       INTEGRITY from an `open` that binds them; unsealed: not noticed
 *     says OK to a write that it did not keep            at the load: what `read` then says, INTEGRITY from `open`
 *     has no bounce page to give                         NO_MEMORY
 *
 * Invariants: a page never saved, or freed since, is never read from the store; what reaches the store of a sealed object came
 * from `seal`.
 */
QUIRE_BEGIN

/* The callbacks here are called without any lock of Quire and may sleep, by several threads at once but never two for one
 * page; they must not touch memory that waits for them (paged through this object). Each answers OK, IO, INTEGRITY or
 * NO_MEMORY. */
struct quire_fobj_rw_store {
    void *ctx;
    uint32_t npages; /* (must) pages the store has; at least the object's */

    /* (must) Writes all of page `pgidx`, as it was last written, to `page`. */
    enum quire_status (*read)(void *ctx, uint32_t pgidx, void *page);

    /* (must) Keeps `page` as page `pgidx`; done with `page` on return. Failing, the store still holds what it held, or fails
     * to read that page from then on. */
    enum quire_status (*write)(void *ctx, uint32_t pgidx, const void *page);
};

/* All four or none. Object and index are there to be bound into the authentication tag, so that no page can be passed off
 * as another; nonces and tags are kept where the store cannot write. */
struct quire_fobj_rw_sealing {
    void *ctx;

    /* Writes the sealed form of `plain`, a page, to `sealed`, a page. Each call is a new version of the page and needs a new
     * nonce, also when the write that followed the last one failed. */
    enum quire_status (*seal)(void *ctx, const struct quire_fobj *fobj, uint32_t pgidx, const void *plain, void *sealed);

    /* Turns the sealed `page` into the plain one, in place. INTEGRITY: it is not what was sealed last for this page of this
     * object. */
    enum quire_status (*open)(void *ctx, const struct quire_fobj *fobj, uint32_t pgidx, void *page);

    /* Lends a page of kernel memory for one save, other than the one being saved; null: none to be had, which the save
     * answers with NO_MEMORY. May sleep until another save gives one back. */
    void *(*buffer_get)(void *ctx);
    void (*buffer_put)(void *ctx, void *buffer);
};

/* Zero-initialise it, then set what is marked (must). It may be discarded after quire_fobj_rw_init(). */
struct quire_fobj_rw_config {
    uint32_t num_pages;               /* (must) 1..QUIRE_FOBJ_PAGES_MAX */
    uint32_t *slots;                  /* (must) QUIRE_FOBJ_SLOT_BYTES(num_pages) bytes, which init clears; until `release` */
    unsigned max_prot;                /* what areas may permit: QUIRE_PROT_READ | WRITE | EXEC; 0: READ | WRITE */
    struct quire_fobj_rw_store store; /* (must) */
    struct quire_fobj_rw_sealing sealing; /* (optional) left zero: pages are stored as they are */
    uint32_t cluster; /* (optional) most pages that one load or save is about, where neighbours are cheap; at most 255. 0: 1 */
    void *ctx;        /* handed to `release` */

    /* (optional) Called once, without locks, when nothing refers to the object any more: the storage of the object and of
     * `slots`, and its pages in the store, are the owner's again. May free all. */
    void (*release)(void *ctx, struct quire_fobj *fobj);
};

struct quire_fobj_rw {
    struct quire_fobj base; /* what to map, get and put */
    struct quire_fobj_rw_store store;
    struct quire_fobj_rw_sealing sealing; /* seal is null: none */
    void *ctx;
    void (*release)(void *ctx, struct quire_fobj *fobj);
};

/* Makes a read-write object with one reference (&rw->base), owned by the caller, in storage of the caller that lives until
 * `release`. The store is not touched. INVALID: a null argument, a `must` missing, a store smaller than the object, some of
 * the sealing callbacks without the others, too many pages or too large a cluster, other permissions; nothing was changed then.
 * Takes no lock; O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_fobj_rw_init(struct quire_fobj_rw *rw,
                                                                const struct quire_fobj_rw_config *config)
    QUIRE_SYM(quire_fobj_rw_init);

QUIRE_END

#endif /* QUIRE_FOBJ_RW_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_FOBJ_RW_IMPLEMENTED)
#define QUIRE_FOBJ_RW_IMPLEMENTED

QUIRE_BEGIN

static QUIRE_RESIDENT enum quire_status quire_fobj_rw_load_page_(const struct quire_fobj_rw *rw, uint32_t pgidx, void *page,
                                                                 bool stored)
{
    enum quire_status status;

    /* Before the read too: a store that writes less than a page must not show what the page held before. */
    QUIRE_MEMSET(page, 0, QUIRE_PAGE_SIZE);
    if (!stored) {
        return QUIRE_OK;
    }
    status = quire_store_answer(rw->store.read(rw->store.ctx, pgidx, page));
    if (status == QUIRE_OK && rw->sealing.open != NULL) {
        status = quire_store_answer(rw->sealing.open(rw->sealing.ctx, &rw->base, pgidx, page));
    }
    if (status != QUIRE_OK) {
        QUIRE_MEMSET(page, 0, QUIRE_PAGE_SIZE);
    }
    return status;
}

static QUIRE_RESIDENT enum quire_status quire_fobj_rw_load_(struct quire_io *io)
{
    const struct quire_fobj_rw *rw = QUIRE_CONTAINER_OF(io->fobj, struct quire_fobj_rw, base);
    enum quire_status status = QUIRE_OK;
    uint32_t i;

    if (!quire_index_range(io->pgidx, io->npages, io->fobj->num_pages)) {
        return QUIRE_INVALID;
    }
    for (i = 0; i < io->npages && status == QUIRE_OK; i++) {
        status = quire_fobj_rw_load_page_(rw, io->pgidx + i, io->page[i], io->stored);
    }
    return status;
}

static QUIRE_RESIDENT enum quire_status quire_fobj_rw_save_sealed_(const struct quire_fobj_rw *rw, uint32_t pgidx,
                                                                   const void *page)
{
    const struct quire_fobj_rw_sealing *sealing = &rw->sealing;
    void *bounce = sealing->buffer_get(sealing->ctx);
    enum quire_status status;

    if (bounce == NULL) {
        return QUIRE_NO_MEMORY;
    }
    status = quire_store_answer(sealing->seal(sealing->ctx, &rw->base, pgidx, page, bounce));
    if (status == QUIRE_OK) {
        status = quire_store_answer(rw->store.write(rw->store.ctx, pgidx, bounce));
    } else {
        QUIRE_MEMSET(bounce, 0, QUIRE_PAGE_SIZE);
    }
    sealing->buffer_put(sealing->ctx, bounce);
    return status;
}

static QUIRE_RESIDENT enum quire_status quire_fobj_rw_save_(struct quire_io *io)
{
    const struct quire_fobj_rw *rw = QUIRE_CONTAINER_OF(io->fobj, struct quire_fobj_rw, base);
    enum quire_status status = QUIRE_OK;
    uint32_t i;

    if (!quire_index_range(io->pgidx, io->npages, io->fobj->num_pages)) {
        return QUIRE_INVALID;
    }
    for (i = 0; i < io->npages && status == QUIRE_OK; i++) {
        if (rw->sealing.seal != NULL) {
            status = quire_fobj_rw_save_sealed_(rw, io->pgidx + i, io->page[i]);
        } else {
            status = quire_store_answer(rw->store.write(rw->store.ctx, io->pgidx + i, io->page[i]));
        }
    }
    return status;
}

static QUIRE_RESIDENT void quire_fobj_rw_free_(struct quire_fobj *fobj)
{
    struct quire_fobj_rw *rw = QUIRE_CONTAINER_OF(fobj, struct quire_fobj_rw, base);

    if (rw->release != NULL) {
        rw->release(rw->ctx, fobj);
    }
}

static bool quire_fobj_rw_config_valid_(const struct quire_fobj_rw_config *config)
{
    const struct quire_fobj_rw_sealing *sealing = &config->sealing;
    bool sealed = sealing->seal != NULL;

    return config->cluster <= UINT8_MAX && config->store.read != NULL && config->store.write != NULL &&
           config->store.npages >= config->num_pages && (sealing->open != NULL) == sealed &&
           (sealing->buffer_get != NULL) == sealed && (sealing->buffer_put != NULL) == sealed;
}

QUIRE_API enum quire_status quire_fobj_rw_init(struct quire_fobj_rw *rw, const struct quire_fobj_rw_config *config)
{
    static const struct quire_fobj_ops ops QUIRE_RESIDENT_RO = {
        "rw",
        QUIRE_FOBJ_OPS_FILLS | QUIRE_FOBJ_OPS_FORGETS,
        quire_fobj_rw_load_,
        quire_fobj_rw_save_,
        NULL,
        quire_fobj_rw_free_,
    };
    enum quire_status status;
    unsigned max_prot;

    if (rw == NULL || config == NULL || !quire_fobj_rw_config_valid_(config)) {
        return QUIRE_INVALID;
    }
    max_prot = config->max_prot != 0 ? config->max_prot : QUIRE_PROT_READ | QUIRE_PROT_WRITE;
    status = quire_fobj_init(&rw->base, &ops, config->num_pages, config->slots, max_prot, 0);
    if (status != QUIRE_OK) {
        return status;
    }
    rw->store = config->store;
    rw->sealing = config->sealing;
    rw->base.cluster = (uint8_t)config->cluster;
    rw->ctx = config->ctx;
    rw->release = config->release;
    return QUIRE_OK;
}

QUIRE_END

#endif
