/* quire/fobj_ro.h - backing store: read-only content, verified page by page. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_FOBJ_RO_H
#define QUIRE_FOBJ_RO_H

#include "base.h"
#include "fobj.h"
#include "hash.h"
#include "hash_tree.h"
#include "reloc.h"

/*
 * `len` bytes of code or constants, from memory or from a callback that reads them: call quire_fobj_ro_init(), map it in every
 * context that uses the same file, put. Nobody can write it, so its pages are evicted without being saved.
 *
 *     source:  [ page 0 ][ page 1 ][ pag |             a load:  fetch -> zero the tail -> verify -> relocate -> may be seen
 *     object:  [ page 0 ][ page 1 ][ pag 0000 ]                                           \-> refused: wiped
 *
 * What is verified is the copy that will be shown, not the source: a source that changes between the fetch and the check gains
 * nothing. What a page is compared with, one of:
 *
 *     `hashes`      a list in secure memory: 32 bytes a page
 *     `hash_fobj`   a list that is itself paged, an object of lower rank: a load NEEDs (need.h) the page of it that has the hash.
 *                   That object may be one like this, with a list of its own. Secure memory: pages of the pool, as long as they
 *                   are used enough to stay (what a load depends on comes whatever its account's quota, if there is room)
 *     `hash_tree`   one hash, and a cache of nodes (hash_tree.h): secure memory does not grow with the file
 *     `verify`      a callback, which gets the object and the page index
 *
 * Relocation (reloc.h) comes after that, in the copy: the store holds the file as it was linked, whatever the address. If an entry
 * straddles the page before and this one, and it is not known yet whether it carries, that page is fetched and verified first, into
 * the same physical page. An object shows one bias; file.h finds it by that, so that those who run at one address share it.
 *
 * Ways a source can lie, and the status each gives (always: the page is wiped and no context sees it; a retry may succeed):
 *
 *     answers IO, INTEGRITY or NO_MEMORY                 the same
 *     answers anything else but OK (positive, PENDING)   BAD_ANSWER
 *     counts more bytes than it was asked for            BAD_ANSWER
 *     counts fewer, or does not count                    IO
 *     writes less than it counts                         zeros there: INTEGRITY from what verifies; if nothing does, not noticed
 *     writes behind what it was asked for, in the page   zeroed again
 *     delivers other bytes                               INTEGRITY; if nothing verifies, not noticed
 *
 * Invariants: a page that is shown was fetched whole, and found to be what it should be, before a byte of it was interpreted; the
 * source is never told the bias, and never sees a relocated byte.
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

    /* (optional, without `verify`, and one at most of `hashes`, `hash_fobj` and `hash_tree`) A hash of each whole page, with the
     * zeros behind the end. */
    struct quire_hash hash; /* (must, with `hashes` or `hash_fobj`) */
    const void *hashes;     /* one behind the other, in memory that nobody else can write and that stays until `release` ... */
    size_t hashes_len;      /* ... whose length in bytes is exactly that of all of them */

    /* quire_hash_per_page() of them to a page (level 1 of what hash_build.h writes), in a paged object that is known to the same
     * pager (quire_pager_know()). It is referred to until the end; the rank of this object is its rank plus one, at most
     * QUIRE_FOBJ_RANK_MAX. */
    struct quire_fobj *hash_fobj;
    struct quire_hash_tree *hash_tree; /* with the tree's own `hash`; stays until `release` */
    uint32_t hash_first;               /* which hash of `hash_fobj` or `hash_tree` is that of page 0 */

    /* (optional) What to add where; left zero: nothing. Copied, but what it points to stays until `release`; its `carries`, which
     * init clears, are this object's alone. */
    struct quire_relocs relocs;

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
    struct quire_hash hash;       /* of a tree's: its own */
    const unsigned char *hashes;  /* this, ... */
    struct quire_fobj *hash_fobj; /* ... or this, to which it has a reference, ... */
    uint32_t hash_first;
    uint32_t hash_per_page;
    struct quire_hash_tree *hash_tree; /* ... or this; all null: pages have no hash */
    struct quire_relocs relocs;        /* count 0: none */
};

/* Makes a read-only object with one reference (&ro->base), owned by the caller, in storage of the caller that lives until
 * `release`. Nothing is read yet. INVALID: a null argument, a `must` missing, both `data` and `read`, no bytes or too many, `data`
 * that wraps around the end of memory, permissions other than READ and EXEC, too large a cluster; more than one way to verify, no
 * usable `hash`, one with nothing to compare with, a list of another length, a `hash_fobj` that is unpaged or a copy on write,
 * ends too early or has the highest rank already, a tree of fewer leaves; relocations that quire_relocs_valid() refuses. DEAD,
 * LIMIT: `hash_fobj` has no references left, or no more. Nothing was changed then. Takes no lock; O(relocations). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_fobj_ro_init(struct quire_fobj_ro *ro,
                                                                const struct quire_fobj_ro_config *config)
    QUIRE_SYM(quire_fobj_ro_init);

/* What its words are relocated by: the `bias` of its slice in a file (file.h). 0: it is as it is in the file. O(1). */
static inline uintptr_t quire_fobj_ro_bias(const struct quire_fobj_ro *ro)
{
    return ro->relocs.count != 0 ? (uintptr_t)ro->relocs.bias : 0;
}

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
    if (want < QUIRE_PAGE_SIZE) {
        QUIRE_MEMSET(page + want, 0, QUIRE_PAGE_SIZE - want);
    }
    return QUIRE_OK;
}

/* Is `page` what page `pgidx` should be? `list`: the page of hash_fobj with its hash. */
static QUIRE_RESIDENT enum quire_status quire_fobj_ro_verify_(const struct quire_fobj_ro *ro, uint32_t pgidx, const void *page,
                                                              const void *list)
{
    const struct quire_hash *hash = &ro->hash;

    if (ro->hashes != NULL) {
        return quire_hash_check(hash, 0, page, ro->hashes + (size_t)pgidx * hash->size);
    }
    if (ro->hash_fobj != NULL) {
        size_t at = (ro->hash_first + pgidx) % ro->hash_per_page;

        return quire_hash_check(hash, 0, page, (const unsigned char *)list + at * hash->size);
    }
    if (ro->hash_tree != NULL) {
        unsigned char expected[QUIRE_HASH_SIZE_MAX];
        enum quire_status status = quire_hash_tree_find(ro->hash_tree, ro->hash_first + pgidx, expected);

        return status == QUIRE_OK ? quire_hash_check(hash, 0, page, expected) : status;
    }
    return ro->verify != NULL ? quire_store_answer(ro->verify(ro->ctx, &ro->base, pgidx, page)) : QUIRE_OK;
}

/* Fetches page `pgidx` and verifies it. On an error the page is wiped. */
static QUIRE_RESIDENT enum quire_status quire_fobj_ro_get_(const struct quire_fobj_ro *ro, uint32_t pgidx, unsigned char *page,
                                                           const void *list)
{
    uint64_t offset = (uint64_t)pgidx << QUIRE_PAGE_SHIFT;
    uint64_t left = ro->len - offset;
    size_t want = left < QUIRE_PAGE_SIZE ? (size_t)left : QUIRE_PAGE_SIZE;
    enum quire_status status = quire_fobj_ro_fetch_(ro, offset, page, want);

    if (status == QUIRE_OK) {
        status = quire_fobj_ro_verify_(ro, pgidx, page, list);
    }
    if (status != QUIRE_OK) {
        QUIRE_MEMSET(page, 0, QUIRE_PAGE_SIZE);
    }
    return status;
}

/* Where the hash of page `pgidx` lies in hash_fobj. OK: in the page that the request has, or there is none; NEED: in a later one,
 * which it asks for. *done: in an earlier one, so all that depends on it was done in an earlier round. */
static QUIRE_RESIDENT enum quire_status quire_fobj_ro_reach_(const struct quire_fobj_ro *ro, struct quire_io *io,
                                                             uint32_t pgidx, bool *done)
{
    uint32_t needed;

    *done = false;
    if (ro->hash_fobj == NULL) {
        return QUIRE_OK;
    }
    needed = (ro->hash_first + pgidx) / ro->hash_per_page;
    if (io->need_page != NULL && io->need_pgidx >= needed) {
        *done = io->need_pgidx > needed;
        return QUIRE_OK;
    }
    io->need_fobj = ro->hash_fobj;
    io->need_pgidx = needed;
    io->need_write = false;
    return QUIRE_NEED;
}

/* Learns from the page before whether the entry that straddles into page `pgidx` carries. `page` is where page `pgidx` will be:
 * nobody sees it yet. */
static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_fobj_ro_learn_(const struct quire_fobj_ro *ro, struct quire_io *io,
                                                                            uint32_t pgidx, unsigned char *page)
{
    bool done;
    enum quire_status status = quire_fobj_ro_reach_(ro, io, pgidx - 1u, &done);

    if (status == QUIRE_OK) {
        QUIRE_ASSERT(!done); /* then it would be known */
        status = quire_fobj_ro_get_(ro, pgidx - 1u, page, io->need_page);
    }
    if (status == QUIRE_OK) {
        quire_relocs_learn(&ro->relocs, pgidx - 1u, page);
    }
    return status;
}

static QUIRE_RESIDENT enum quire_status quire_fobj_ro_load_page_(const struct quire_fobj_ro *ro, struct quire_io *io,
                                                                 uint32_t pgidx, unsigned char *page)
{
    enum quire_status status = QUIRE_OK;
    bool relocate = ro->relocs.count != 0;
    size_t first = 0;
    bool done = false;

    if (relocate) {
        first = quire_relocs_find(&ro->relocs, pgidx);
        if (quire_relocs_unknown(&ro->relocs, pgidx, first)) {
            status = quire_fobj_ro_learn_(ro, io, pgidx, page);
        }
    }
    if (status == QUIRE_OK) {
        status = quire_fobj_ro_reach_(ro, io, pgidx, &done);
    }
    if (status != QUIRE_OK || done) {
        return status;
    }
    status = quire_fobj_ro_get_(ro, pgidx, page, io->need_page);
    /* Not before: nothing that was not verified may be interpreted. */
    if (status == QUIRE_OK && relocate) {
        quire_relocs_apply(&ro->relocs, pgidx, first, page);
    }
    return status;
}

/* With hash_fobj this runs once per page of hashes that the request concerns; each time it does what that one is for. */
static QUIRE_RESIDENT enum quire_status quire_fobj_ro_load_(struct quire_io *io)
{
    const struct quire_fobj_ro *ro = QUIRE_CONTAINER_OF(io->fobj, struct quire_fobj_ro, base);
    enum quire_status status = QUIRE_OK;
    uint32_t i;

    if (!quire_index_range(io->pgidx, io->npages, io->fobj->num_pages)) {
        return QUIRE_INVALID;
    }
    for (i = 0; i < io->npages && status == QUIRE_OK; i++) {
        status = quire_fobj_ro_load_page_(ro, io, io->pgidx + i, (unsigned char *)io->page[i]);
    }
    return status;
}

/* Not resident, as quire_fobj_put() is not: it runs without locks. */
static void quire_fobj_ro_free_(struct quire_fobj *fobj)
{
    struct quire_fobj_ro *ro = QUIRE_CONTAINER_OF(fobj, struct quire_fobj_ro, base);
    struct quire_fobj *hash_fobj = ro->hash_fobj;

    if (ro->release != NULL) {
        ro->release(ro->ctx, fobj); /* *ro may be gone now */
    }
    if (hash_fobj != NULL) {
        (void)quire_fobj_put(hash_fobj);
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

/* With `npages` pages: is there at most one way to verify them, and what it takes? */
static bool quire_fobj_ro_hashes_valid_(const struct quire_fobj_ro_config *config, uint32_t npages)
{
    const struct quire_fobj *list = config->hash_fobj;
    unsigned ways = (config->verify != NULL ? 1u : 0u) + (config->hashes != NULL ? 1u : 0u) + (list != NULL ? 1u : 0u) +
                    (config->hash_tree != NULL ? 1u : 0u);

    if (ways > 1u || (config->hashes == NULL && config->hashes_len != 0)) {
        return false;
    }
    if (ways == 0 && config->hash.digest != NULL) {
        return false; /* somebody meant to verify */
    }
    if ((config->hashes != NULL || list != NULL) && !quire_hash_valid(&config->hash)) {
        return false;
    }
    if (config->hashes != NULL) {
        uint32_t size = quire_hash_size(&config->hash);

        return config->hashes_len % size == 0 && config->hashes_len / size == npages;
    }
    if (list != NULL) {
        return !quire_fobj_is_unpaged(list) && list->origin == NULL && list->rank < QUIRE_FOBJ_RANK_MAX &&
               config->hash_first <= UINT32_MAX - npages &&
               (config->hash_first + npages - 1u) / quire_hash_per_page(&config->hash) < list->num_pages;
    }
    return config->hash_tree == NULL || quire_index_range(config->hash_first, npages, config->hash_tree->shape.num_leaves);
}

QUIRE_API enum quire_status quire_fobj_ro_init(struct quire_fobj_ro *ro, const struct quire_fobj_ro_config *config)
{
    static const struct quire_fobj_ops ops QUIRE_RESIDENT_RO = {
        "ro", QUIRE_FOBJ_OPS_FILLS, quire_fobj_ro_load_, NULL, NULL, quire_fobj_ro_free_,
    };
    enum quire_status status = QUIRE_OK;
    unsigned max_prot;
    uint32_t npages;

    if (ro == NULL || config == NULL || !quire_fobj_ro_config_valid_(config)) {
        return QUIRE_INVALID;
    }
    npages = (uint32_t)quire_fobj_ro_pages(config->len);
    if (!quire_fobj_ro_hashes_valid_(config, npages) || !quire_relocs_valid(&config->relocs, config->len)) {
        return QUIRE_INVALID;
    }
    if (config->hash_fobj != NULL) {
        status = quire_fobj_get(config->hash_fobj);
    }
    if (status != QUIRE_OK) {
        return status;
    }
    max_prot = config->max_prot != 0 ? config->max_prot : QUIRE_PROT_READ | QUIRE_PROT_EXEC;
    status = quire_fobj_init(&ro->base, &ops, npages, config->slots, max_prot,
                             config->hash_fobj != NULL ? config->hash_fobj->rank + 1u : 0);
    if (status != QUIRE_OK) {
        if (config->hash_fobj != NULL) {
            (void)quire_fobj_put(config->hash_fobj);
        }
        return status;
    }
    ro->len = config->len;
    ro->data = (const unsigned char *)config->data;
    ro->base.cluster = (uint8_t)config->cluster;
    ro->ctx = config->ctx;
    ro->read = config->read;
    ro->verify = config->verify;
    ro->release = config->release;
    ro->hash = config->hash_tree != NULL ? config->hash_tree->hash : config->hash;
    ro->hash.size = quire_hash_size(&ro->hash);
    ro->hashes = (const unsigned char *)config->hashes;
    ro->hash_fobj = config->hash_fobj;
    ro->hash_first = config->hash_first;
    ro->hash_per_page = config->hash_fobj != NULL ? quire_hash_per_page(&ro->hash) : 0;
    ro->hash_tree = config->hash_tree;
    ro->relocs = config->relocs;
    if (ro->relocs.carries != NULL) { /* what an earlier object, of another bias, left there is not this one's */
        QUIRE_MEMSET(ro->relocs.carries, 0, QUIRE_RELOCS_CARRY_BYTES(npages));
    }
    return QUIRE_OK;
}

QUIRE_END

#endif
