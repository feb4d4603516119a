/* quire/fobj_ro.h - backing store: read-only content, verified page by page. SPDX-License-Identifier: BSD-2-Clause. Quire 0.3.0 */
#ifndef QUIRE_FOBJ_RO_H
#define QUIRE_FOBJ_RO_H

#include "base.h"
#include "fobj.h"

/*
 * `len` bytes of code or constants, from memory or from a callback that reads them: call quire_fobj_ro_init(), map it in every
 * context that uses the same file, put. Nobody can write it, so its pages are evicted without being saved.
 *
 *     source:  [ page 0 ][ page 1 ][ pag |                 a load:  fetch -> zero the tail -> verify -> may be seen
 *     object:  [ page 0 ][ page 1 ][ pag 0000 ]                                               \-> refused: wiped
 *
 * `verify` sees the copy that will be shown, not the source: a source that changes between the fetch and the check gains
 * nothing. It gets the object and the page index, which is what looking up a page's hash or the path of a hash tree takes.
 *
 * Ways a source can lie, and the status each gives (always: the page is wiped and no context sees it; a retry may succeed):
 *
 *     answers IO, INTEGRITY or NO_MEMORY                 the same
 *     answers anything else but OK (positive, PENDING)   BAD_ANSWER
 *     counts more bytes than it was asked for            BAD_ANSWER
 *     counts fewer, or does not count                    IO
 *     writes less than it counts                         zeros there: INTEGRITY from a `verify` that minds, else not noticed
 *     writes behind what it was asked for, in the page   zeroed again
 *     delivers other bytes                               INTEGRITY from `verify`; without one, not noticed
 *
 * Invariant: a page that is shown was fetched whole and `verify`, if there is one, said OK to exactly these bytes.
 */
QUIRE_BEGIN

/* Pages that `len` bytes take. O(1). */
static inline uint64_t quire_fobj_ro_pages(uint64_t len)
{
    return (len >> QUIRE_PAGE_SHIFT) + ((len & QUIRE_PAGE_MASK) != 0 ? 1u : 0u);
}

/*
 * Zero-initialise it, then set what is marked (must). It may be discarded after quire_fobj_ro_init(). `read` and `verify` are
 * called without any lock of Quire and may sleep, by several threads at once, but must not touch memory that waits for
 * them: their code and data are not paged through this object.
 */
struct quire_fobj_ro_config {
    uint64_t len;      /* (must) bytes; at least 1, at most QUIRE_FOBJ_PAGES_MAX pages */
    uint32_t *slots;   /* (must) QUIRE_FOBJ_SLOT_BYTES(quire_fobj_ro_pages(len)) bytes, which init clears; until `release` */
    unsigned max_prot; /* what areas may permit, within QUIRE_PROT_READ | EXEC; 0: both */
    const void *data;  /* (must, or `read`) the content, in memory that stays until `release`; no alignment needed */
    uint32_t cluster;  /* (optional) most pages that one load is about, where neighbours are cheap; at most 255. 0: 1 */
    void *ctx;         /* handed to the callbacks */

    /* (must, or `data`) Writes the `len` bytes (at most a page) from byte `offset` of the content to `to`, and their number
     * to *got. Never asked for bytes the content does not have. OK, IO, INTEGRITY or NO_MEMORY. */
    enum quire_status (*read)(void *ctx, uint64_t offset, void *to, size_t len, size_t *got);

    /* (optional) Is this page what it should be? The whole page is there, with its tail of zeros. OK; INTEGRITY: no; IO or
     * NO_MEMORY: it could not be found out. */
    enum quire_status (*verify)(void *ctx, const struct quire_fobj *fobj, uint32_t pgidx, const void *page);

    /* (optional) Called once, without locks, when nothing refers to the object any more: the storage of the object, of
     * `slots` and of `data` is the owner's again. May free all. */
    void (*release)(void *ctx, struct quire_fobj *fobj);
};

struct quire_fobj_ro {
    struct quire_fobj base;    /* what to map, get and put */
    uint64_t len;              /* bytes of content */
    const unsigned char *data; /* null: `read` supplies it */
    void *ctx;
    enum quire_status (*read)(void *ctx, uint64_t offset, void *to, size_t len, size_t *got);
    enum quire_status (*verify)(void *ctx, const struct quire_fobj *fobj, uint32_t pgidx, const void *page);
    void (*release)(void *ctx, struct quire_fobj *fobj);
};

/* Makes a read-only object with one reference (&ro->base), owned by the caller, in storage of the caller that lives until
 * `release`. Nothing is read yet. INVALID: a null argument, a `must` missing, both `data` and `read`, no bytes or too many,
 * `data` that wraps around the end of memory, permissions other than READ and EXEC, too large a cluster; nothing was changed
 * then. Takes no lock; O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_fobj_ro_init(struct quire_fobj_ro *ro,
                                                                const struct quire_fobj_ro_config *config)
    QUIRE_SYM(quire_fobj_ro_init);

QUIRE_END

#endif /* QUIRE_FOBJ_RO_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_FOBJ_RO_IMPLEMENTED)
#define QUIRE_FOBJ_RO_IMPLEMENTED

QUIRE_BEGIN

/* Fills `page` with its `want` bytes from `offset`, then zeros. */
static QUIRE_RESIDENT enum quire_status quire_fobj_ro_fetch_(const struct quire_fobj_ro *ro, uint64_t offset,
                                                             unsigned char *page, size_t want)
{
    enum quire_status status;
    size_t got = 0;

    if (ro->data != NULL) {
        QUIRE_MEMCPY(page, ro->data + (size_t)offset, want);
    } else {
        /* First, so that a callback which writes less than it counts never shows what the page held before ... */
        QUIRE_MEMSET(page, 0, want);
        status = quire_store_answer(ro->read(ro->ctx, offset, page, want, &got));
        if (status != QUIRE_OK) {
            return status;
        }
        if (got != want) {
            return got > want ? QUIRE_BAD_ANSWER : QUIRE_IO;
        }
    }
    /* ... and last, so that one which writes more leaves nothing of it. */
    QUIRE_MEMSET(page + want, 0, QUIRE_PAGE_SIZE - want);
    return QUIRE_OK;
}

static QUIRE_RESIDENT enum quire_status quire_fobj_ro_load_page_(const struct quire_fobj_ro *ro, uint32_t pgidx, void *page)
{
    uint64_t offset = (uint64_t)pgidx << QUIRE_PAGE_SHIFT;
    uint64_t left = ro->len - offset;
    size_t want = left < QUIRE_PAGE_SIZE ? (size_t)left : QUIRE_PAGE_SIZE;
    enum quire_status status = quire_fobj_ro_fetch_(ro, offset, (unsigned char *)page, want);

    if (status == QUIRE_OK && ro->verify != NULL) {
        status = quire_store_answer(ro->verify(ro->ctx, &ro->base, pgidx, page));
    }
    /* What changes the bytes for the address they are shown at (relocation) comes here: `verify` is about the file's bytes,
     * and nothing that was not verified may be interpreted. */
    if (status != QUIRE_OK) {
        QUIRE_MEMSET(page, 0, QUIRE_PAGE_SIZE);
    }
    return status;
}

static QUIRE_RESIDENT enum quire_status quire_fobj_ro_load_(struct quire_io *io)
{
    const struct quire_fobj_ro *ro = QUIRE_CONTAINER_OF(io->fobj, struct quire_fobj_ro, base);
    enum quire_status status = QUIRE_OK;
    uint32_t i;

    if (!quire_index_range(io->pgidx, io->npages, io->fobj->num_pages)) {
        return QUIRE_INVALID;
    }
    for (i = 0; i < io->npages && status == QUIRE_OK; i++) {
        status = quire_fobj_ro_load_page_(ro, io->pgidx + i, io->page[i]);
    }
    return status;
}

static QUIRE_RESIDENT void quire_fobj_ro_free_(struct quire_fobj *fobj)
{
    struct quire_fobj_ro *ro = QUIRE_CONTAINER_OF(fobj, struct quire_fobj_ro, base);

    if (ro->release != NULL) {
        ro->release(ro->ctx, fobj);
    }
}

static bool quire_fobj_ro_config_valid_(const struct quire_fobj_ro_config *config)
{
    if (config->len == 0 || quire_fobj_ro_pages(config->len) > QUIRE_FOBJ_PAGES_MAX) {
        return false;
    }
    if ((config->data == NULL) == (config->read == NULL)) {
        return false;
    }
    if (config->data != NULL && config->len - 1u > (uint64_t)(UINTPTR_MAX - (uintptr_t)config->data)) {
        return false;
    }
    return config->cluster <= UINT8_MAX && (config->max_prot & ~(QUIRE_PROT_READ | QUIRE_PROT_EXEC)) == 0;
}

QUIRE_API enum quire_status quire_fobj_ro_init(struct quire_fobj_ro *ro, const struct quire_fobj_ro_config *config)
{
    static const struct quire_fobj_ops ops QUIRE_RESIDENT_RO = {
        "ro", QUIRE_FOBJ_OPS_FILLS, quire_fobj_ro_load_, NULL, NULL, quire_fobj_ro_free_,
    };
    enum quire_status status;
    unsigned max_prot;

    if (ro == NULL || config == NULL || !quire_fobj_ro_config_valid_(config)) {
        return QUIRE_INVALID;
    }
    max_prot = config->max_prot != 0 ? config->max_prot : QUIRE_PROT_READ | QUIRE_PROT_EXEC;
    status = quire_fobj_init(&ro->base, &ops, (uint32_t)quire_fobj_ro_pages(config->len), config->slots, max_prot, 0);
    if (status != QUIRE_OK) {
        return status;
    }
    ro->len = config->len;
    ro->data = (const unsigned char *)config->data;
    ro->base.cluster = (uint8_t)config->cluster;
    ro->ctx = config->ctx;
    ro->read = config->read;
    ro->verify = config->verify;
    ro->release = config->release;
    return QUIRE_OK;
}

QUIRE_END

#endif
