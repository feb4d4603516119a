/* quire/pool.h - allocator of shared memory, bookkept out of its reach. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_POOL_H
#define QUIRE_POOL_H

#include "base.h"
#include "region.h"
#include "view.h"

/*
 * Hands out pieces of a window of memory that another world can write, and takes them back once. This is the untyped core; for
 * pools whose handles the compiler tells apart, include pool_type.h, which makes thin shims of these functions.
 *
 *     struct quire_pool_traits traits = {0};
 *     traits.align = 8;
 *     struct quire_pool_config config = {0};
 *     config.window = view;                             quire_view_make(va, pa, size, &view)
 *     config.book = book;                               uint64_t book[QUIRE_POOL_BOOK_BYTES(...) / 8]
 *     config.book_bytes = sizeof book;
 *     quire_pool_init(&pool, &traits, &config);
 *     quire_pool_alloc(&pool, len, &handle);
 *     quire_pool_view(&pool, &handle, &view);           the only way to the memory: a bounded view
 *     quire_pool_free(&pool, &handle);
 *
 *       window:   |[piece]  [ piece ]      [piece]        |      written only through views: wipes and the user's messages
 *
 *       book:     | table | node | node | node | ...      |      private memory: nothing is ever read back from the window
 *
 * A handle is a receipt: copy it, keep it. A second return of it, or of a copy, is DEAD, another pool's is INVALID, in every
 * build.
 *
 * Locking: with `lock` and `unlock` every function may be called from any thread, and from wherever these hooks may be. The
 * lock is a leaf: held for bookkeeping only, never while memory is wiped, and nothing is called under it but the visitor of a
 * walk. Nothing sleeps but the hooks. A pool must not move.
 *
 * Invariants: live pieces never overlap and lie within the window; used = the sum of their units and within the limit; a piece
 * being wiped is nobody's until it is clean.
 */
QUIRE_BEGIN

/* ---- Types ---- */

/* What a pool does with its pieces. Zero-initialise it, then set what matters. */
struct quire_pool_traits {
    size_t align;   /* (must) power of two: pieces begin at its multiples, virtually and physically, and fill whole ones */
    unsigned flags; /* QUIRE_POOL_TRAIT_* */
    uint32_t count; /* most pieces out at once; 0: as many as there is memory and book for */
    size_t limit;   /* most bytes out at once, rounded pieces counted; 0: all of the window */
};

#define QUIRE_POOL_TRAIT_ZERO_ALLOC 1u /* pieces are zero when handed out (and until the other world writes) */
#define QUIRE_POOL_TRAIT_ZERO_FREE 2u  /* pieces are wiped when returned */
#define QUIRE_POOL_TRAIT_INDEXED 4u    /* find takes O(log n), not O(n); alloc and free do too, and nodes are 24 bytes larger */

/* Zero-initialise it, then set what is marked (must). It may be discarded after quire_pool_init(). */
struct quire_pool_config {
    struct quire_view window; /* (must) the memory: virtual start, physical start and size are multiples of the alignment */
    void *book;               /* (must) private memory for bookkeeping, aligned to 8; the pool's until quire_pool_fini() */
    size_t book_bytes;        /* (must) QUIRE_POOL_BOOK_BYTES() */

    uint32_t life; /* not that of the last pool in this place: handles of its time are refused then */

    /* (both or neither) The lock; `lock` returns a key that `unlock` gets back. None: single-threaded use. */
    uintptr_t (*lock)(void *ctx);
    void (*unlock)(void *ctx, uintptr_t key);
    void *lock_ctx;
};

/* Bytes of a book for `count` pieces of a window of up to `bytes` bytes at the alignment; of a larger window the book keeps a
 * little less. A constant if its arguments are. Four pages, 8-byte aligned, 32 pieces: 3.7 kB. */
#define QUIRE_POOL_BOOK_BYTES(bytes, align, flags, count) \
    (QUIRE_POOL_TABLE_BYTES((uint64_t)(bytes) / (uint64_t)(align)) + QUIRE_POOL_NODE_BYTES(flags) * ((size_t)(count)*2u + 1u))

/* A piece. Only `size` is for reading. */
struct quire_pool_handle {
    struct quire_region region; /* receipt; physical addresses, whole units */
    size_t size;                /* bytes, as they were asked for: what a view of it shows */
};

/* One return in progress: on the stack of who does it. */
struct quire_pool_wipe {
    struct quire_pool_wipe *next;
    uint64_t key; /* of the piece */
};

struct quire_pool {
    struct quire_view window;
    struct quire_pool_traits traits;
    uintptr_t (*lock)(void *ctx);
    void (*unlock)(void *ctx, uintptr_t key);
    void *lock_ctx;
    struct quire_region_book book;
    struct quire_region_allocator regions; /* physical addresses */
    struct quire_pool_wipe *wipes;         /* pieces on their way back */
    size_t used;                           /* bytes out, whole units */
    size_t peak;                           /* most there ever were */
    uint64_t allocs;                       /* pieces handed out so far */
    uint64_t refused;                      /* requests refused for want of space, book or by a limit */
};

/* Called for one live piece: where it is physically, and its whole units in bytes. Returns whether to go on. Called with the
 * lock held: it must not call the pool. */
typedef bool (*quire_pool_visit)(void *ctx, struct quire_pa pa, size_t size);

struct quire_pool_stats {
    size_t size;      /* bytes of the window */
    size_t used;      /* bytes out, whole units */
    size_t peak;      /* most there ever were */
    size_t available; /* bytes in holes */
    size_t largest;   /* bytes of the largest hole */
    uint32_t live;    /* pieces out */
    uint32_t nodes;   /* bookkeeping nodes left; a piece takes at most two */
    uint64_t allocs;  /* pieces handed out so far */
    uint64_t refused; /* requests refused for want of space, book or by a limit */
};

/* ---- Life ---- */

/* Makes a pool of all of the window. INVALID: null or (must) missing, half a lock, an alignment that is no power of two or that
 * the window does not have, unknown flags, a book that is unaligned, overlaps the window, or has no room for a table and a
 * node; nothing was changed. The window is not touched. O(book). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pool_init(struct quire_pool *pool, const struct quire_pool_traits *traits,
                                                             const struct quire_pool_config *config) QUIRE_SYM(quire_pool_init);

/* Ends it; window and book are the caller's again. BUSY while pieces are out, or on their way back: `visit`, if not null, is
 * told of each in ascending order, and nothing changed. INVALID: null, not initialised, or ended before. O(book). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pool_fini(struct quire_pool *pool, quire_pool_visit visit, void *ctx)
    QUIRE_SYM(quire_pool_fini);

/* Gives the pool more room for bookkeeping, its own until quire_pool_fini(). INVALID, LIMIT: as of
 * quire_region_book_add_slab(). O(len), under the lock. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pool_add_book(struct quire_pool *pool, void *slab, size_t len)
    QUIRE_SYM(quire_pool_add_book);

/* ---- Pieces ---- */

/* Hands out `size` bytes, best fit. INVALID: null or size 0; LIMIT: a limit of the pool; NO_SPACE: no hole has room; NO_MEMORY:
 * the book is full. *handle is empty then. O(1), O(log n) if indexed; and the wipe, if that is the trait. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pool_alloc(struct quire_pool *pool, size_t size,
                                                              struct quire_pool_handle *handle) QUIRE_SYM(quire_pool_alloc);

/* Takes a piece back, wiped first if that is the pool's trait. DEAD: it was returned already, or is just being; INVALID: an
 * empty handle or another pool's; nothing changed then. Never fails for want of memory. O(1), O(log n) if indexed; and the
 * wipe. */
QUIRE_API enum quire_status quire_pool_free(struct quire_pool *pool, const struct quire_pool_handle *handle)
    QUIRE_SYM(quire_pool_free);

/* Makes a view of the piece: the bytes that were asked for and no more. DEAD, INVALID as above. A view outlives its piece
 * unnoticed: make it where you use it. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pool_view(struct quire_pool *pool, const struct quire_pool_handle *handle,
                                                             struct quire_view *view) QUIRE_SYM(quire_pool_view);

/* Which live piece holds all of [pa, pa + len)? Makes a view of its whole units. INVALID: null or len 0; NOT_FOUND: there is
 * none, or no single one. For addresses that the other world sends. O(log n) if indexed, else O(n). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pool_find(struct quire_pool *pool, struct quire_pa pa, uint64_t len,
                                                             struct quire_view *piece) QUIRE_SYM(quire_pool_find);

/* Visits the live pieces in ascending order until `visit` says stop; returns whether it went to the end. O(n),
 * under the lock. */
QUIRE_API bool quire_pool_walk(struct quire_pool *pool, quire_pool_visit visit, void *ctx) QUIRE_SYM(quire_pool_walk);

/* O(1). */
QUIRE_API void quire_pool_get_stats(struct quire_pool *pool, struct quire_pool_stats *stats) QUIRE_SYM(quire_pool_get_stats);

/* ---- What the macro above is made of ---- */

#define QUIRE_POOL_OVER_(n, k) ((n) > ((uint64_t)1 << (k)) ? 1u : 0u)
#define QUIRE_POOL_OVER_8_(n, k)                                                                                             \
    (QUIRE_POOL_OVER_(n, (k)) + QUIRE_POOL_OVER_(n, (k) + 1) + QUIRE_POOL_OVER_(n, (k) + 2) + QUIRE_POOL_OVER_(n, (k) + 3) + \
     QUIRE_POOL_OVER_(n, (k) + 4) + QUIRE_POOL_OVER_(n, (k) + 5) + QUIRE_POOL_OVER_(n, (k) + 6) +                            \
     QUIRE_POOL_OVER_(n, (k) + 7))

/* A table has two words of bins for windows of up to 2^7 units, and one more for each further power of two. */
#define QUIRE_POOL_WORDS_(n)                                                                                          \
    (2u + QUIRE_POOL_OVER_(n, 7) + QUIRE_POOL_OVER_8_(n, 8) + QUIRE_POOL_OVER_8_(n, 16) + QUIRE_POOL_OVER_8_(n, 24) + \
     QUIRE_POOL_OVER_8_(n, 32) + QUIRE_POOL_OVER_8_(n, 40) + QUIRE_POOL_OVER_8_(n, 48) + QUIRE_POOL_OVER_8_(n, 56))

/* Bytes of the table for a window of `units` times the alignment, and of a node. */
#define QUIRE_POOL_TABLE_BYTES(units) ((size_t)QUIRE_POOL_WORDS_(units) * QUIRE_REGION_BIN_BYTES(6u, 8u) / 3u)
#define QUIRE_POOL_NODE_BYTES(flags) QUIRE_REGION_NODE_BYTES(1u, ((flags)&QUIRE_POOL_TRAIT_INDEXED) != 0)

QUIRE_END

#endif /* QUIRE_POOL_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_POOL_IMPLEMENTED)
#define QUIRE_POOL_IMPLEMENTED

QUIRE_BEGIN

#define QUIRE_POOL_TRAITS_ (QUIRE_POOL_TRAIT_ZERO_ALLOC | QUIRE_POOL_TRAIT_ZERO_FREE | QUIRE_POOL_TRAIT_INDEXED)

static uintptr_t quire_pool_lock_(struct quire_pool *pool)
{
    return pool->lock != NULL ? pool->lock(pool->lock_ctx) : 0;
}

static void quire_pool_unlock_(struct quire_pool *pool, uintptr_t key)
{
    if (pool->unlock != NULL) {
        pool->unlock(pool->lock_ctx, key);
    }
}

/* A pool that was zeroed, or ended, has no window. */
static bool quire_pool_is_made_(const struct quire_pool *pool)
{
    return pool != NULL && pool->window.size != 0;
}

/* Sets the whole units of a piece to zero, without the lock. */
static void quire_pool_wipe_(const struct quire_pool *pool, const struct quire_region *region)
{
    uint64_t size = region->last - region->base + 1u;
    struct quire_view piece;
    enum quire_status status = quire_view_slice_pa(&pool->window, quire_pa_make(region->base), size, &piece);

    if (status == QUIRE_OK) {
        status = quire_view_fill(&piece, 0, 0, piece.size);
    }
    QUIRE_ASSERT(status == QUIRE_OK);
    (void)status;
}

/* ---- Life ---- */

static bool quire_pool_traits_valid_(const struct quire_pool_traits *traits, const struct quire_view *window)
{
    uint64_t mask = (uint64_t)traits->align - 1u;

    return quire_bits_one(traits->align) && (traits->flags & ~QUIRE_POOL_TRAITS_) == 0 && window->size != 0 &&
           ((window->va | window->pa.addr | window->size) & mask) == 0;
}

static bool quire_pool_book_valid_(const struct quire_pool_config *config, size_t least)
{
    return config->book != NULL && ((uintptr_t)config->book & 7u) == 0 && config->book_bytes >= least &&
           quire_view_apart_(&config->window, config->book, config->book_bytes);
}

/* Makes an allocator of the whole window: the table at the front of the book, nodes in the rest. */
static enum quire_status quire_pool_fill_(struct quire_pool *pool, void *table, size_t table_bytes, unsigned span_log)
{
    struct quire_region_config config;
    enum quire_status status;
    uint64_t first = pool->window.pa.addr;

    QUIRE_MEMSET(&config, 0, sizeof config);
    config.book = &pool->book;
    config.table = (uint64_t *)table;
    config.table_bytes = table_bytes;
    config.unit = pool->traits.align;
    config.exact_log = QUIRE_REGION_EXACT_LOG_MIN;
    config.span_log = span_log;
    config.indexed = (pool->traits.flags & QUIRE_POOL_TRAIT_INDEXED) != 0;
    status = quire_region_init(&pool->regions, &config);
    if (status == QUIRE_OK) {
        status = quire_region_add(&pool->regions, first, first + (pool->window.size - 1u), 0);
    }
    return status;
}

QUIRE_API enum quire_status quire_pool_init(struct quire_pool *pool, const struct quire_pool_traits *traits,
                                            const struct quire_pool_config *config)
{
    struct quire_region_book book;
    enum quire_status status;
    unsigned span_log;
    size_t table_bytes;

    if (pool == NULL || traits == NULL || config == NULL || (config->lock == NULL) != (config->unlock == NULL) ||
        !quire_pool_traits_valid_(traits, &config->window)) {
        return QUIRE_INVALID;
    }
    span_log = config->window.size == traits->align ? 1u : quire_bits_high(config->window.size / traits->align - 1u) + 1u;
    table_bytes = QUIRE_REGION_TABLE_BYTES(1u, QUIRE_REGION_EXACT_LOG_MIN, span_log);
    if (!quire_pool_book_valid_(config, table_bytes + QUIRE_POOL_NODE_BYTES(traits->flags))) {
        return QUIRE_INVALID;
    }
    status = quire_region_book_init(&book, 1, (traits->flags & QUIRE_POOL_TRAIT_INDEXED) != 0, 0);
    if (status == QUIRE_OK) {
        status =
            quire_region_book_add_slab(&book, (unsigned char *)config->book + table_bytes, config->book_bytes - table_bytes);
    }
    if (status != QUIRE_OK) {
        return QUIRE_INVALID; /* more nodes than can be numbered */
    }
    book.life = config->life;
    QUIRE_MEMSET(pool, 0, sizeof *pool);
    pool->window = config->window;
    pool->traits = *traits;
    pool->lock = config->lock;
    pool->unlock = config->unlock;
    pool->lock_ctx = config->lock_ctx;
    pool->book = book;
    status = quire_pool_fill_(pool, config->book, table_bytes, span_log);
    QUIRE_ASSERT(status == QUIRE_OK); /* all that it could refuse was seen to */
    return status;
}

struct quire_pool_visitor_ {
    quire_pool_visit visit;
    void *ctx;
};

static bool quire_pool_visit_(void *ctx, const struct quire_region *region)
{
    const struct quire_pool_visitor_ *visitor = (const struct quire_pool_visitor_ *)ctx;

    return visitor->visit(visitor->ctx, quire_pa_make(region->base), (size_t)(region->last - region->base + 1u));
}

static bool quire_pool_walk_(const struct quire_pool *pool, quire_pool_visit visit, void *ctx)
{
    struct quire_pool_visitor_ visitor;

    visitor.visit = visit;
    visitor.ctx = ctx;
    return visit == NULL || quire_region_walk(&pool->regions, QUIRE_REGION_SET_ALLOCATED, quire_pool_visit_, &visitor);
}

QUIRE_API enum quire_status quire_pool_fini(struct quire_pool *pool, quire_pool_visit visit, void *ctx)
{
    enum quire_status status;
    uintptr_t key;

    if (!quire_pool_is_made_(pool)) {
        return QUIRE_INVALID;
    }
    key = quire_pool_lock_(pool);
    status = quire_region_fini(&pool->regions);
    if (status == QUIRE_OK) {
        pool->window.size = 0;
        status = quire_region_book_fini(&pool->book);
    } else {
        (void)quire_pool_walk_(pool, visit, ctx);
    }
    quire_pool_unlock_(pool, key);
    return status;
}

QUIRE_API enum quire_status quire_pool_add_book(struct quire_pool *pool, void *slab, size_t len)
{
    enum quire_status status;
    uintptr_t key;

    if (!quire_pool_is_made_(pool) || slab == NULL || len == 0 || !quire_view_apart_(&pool->window, slab, len)) {
        return QUIRE_INVALID;
    }
    key = quire_pool_lock_(pool);
    status = quire_region_book_add_slab(&pool->book, slab, len);
    quire_pool_unlock_(pool, key);
    return status;
}

/* ---- Pieces, under the lock ---- */

static enum quire_status quire_pool_take_(struct quire_pool *pool, size_t size, struct quire_region *region)
{
    size_t mask = pool->traits.align - 1u;
    enum quire_status status;
    size_t whole;

    if (size > pool->window.size) {
        return QUIRE_NO_SPACE; /* no limit would help, and rounding could wrap */
    }
    whole = (size + mask) & ~mask;
    if ((pool->traits.count != 0 && pool->regions.allocated >= pool->traits.count) ||
        (pool->traits.limit != 0 && (whole > pool->traits.limit || pool->used > pool->traits.limit - whole))) {
        return QUIRE_LIMIT;
    }
    status = quire_region_get(&pool->regions, size, pool->traits.align, region);
    if (status == QUIRE_OK) {
        pool->allocs++;
        pool->used += whole;
        pool->peak = pool->used > pool->peak ? pool->used : pool->peak;
    }
    return status;
}

static bool quire_pool_is_wiped_(const struct quire_pool *pool, uint64_t key)
{
    const struct quire_pool_wipe *wipe;

    for (wipe = pool->wipes; wipe != NULL; wipe = wipe->next) {
        if (wipe->key == key) {
            return true;
        }
    }
    return false;
}

/* Is this a piece that is out, and not on its way back? Stores what the pool knows of it: a handle is only its name. */
static enum quire_status quire_pool_own_(const struct quire_pool *pool, const struct quire_pool_handle *handle,
                                         struct quire_region *piece)
{
    enum quire_status status;

    *piece = handle->region;
    status = quire_region_renew(&pool->regions, piece);
    if (status == QUIRE_OK && quire_pool_is_wiped_(pool, piece->key)) {
        return QUIRE_DEAD;
    }
    return status == QUIRE_OK && (handle->size == 0 || handle->size - 1u > piece->last - piece->base) ? QUIRE_INVALID : status;
}

static void quire_pool_unlink_wipe_(struct quire_pool *pool, const struct quire_pool_wipe *wipe)
{
    struct quire_pool_wipe **at = &pool->wipes;

    while (*at != wipe) {
        at = &(*at)->next;
    }
    *at = wipe->next;
}

static enum quire_status quire_pool_put_(struct quire_pool *pool, const struct quire_region *region)
{
    enum quire_status status = quire_region_put(&pool->regions, region);

    if (status == QUIRE_OK) {
        pool->used -= (size_t)(region->last - region->base + 1u);
    }
    return status;
}

/* Wipes a piece, with the lock dropped meanwhile: nobody is shown it, gets it or returns it. `key` is the lock's; returns its
 * next. */
static uintptr_t quire_pool_clean_(struct quire_pool *pool, const struct quire_region *piece, uintptr_t key)
{
    struct quire_pool_wipe wipe;

    wipe.key = piece->key;
    wipe.next = pool->wipes;
    pool->wipes = &wipe;
    quire_pool_unlock_(pool, key);
    quire_pool_wipe_(pool, piece);
    key = quire_pool_lock_(pool);
    quire_pool_unlink_wipe_(pool, &wipe);
    return key;
}

/* ---- Pieces ---- */

QUIRE_API enum quire_status quire_pool_alloc(struct quire_pool *pool, size_t size, struct quire_pool_handle *handle)
{
    struct quire_region piece;
    enum quire_status status;
    uintptr_t key;

    if (handle == NULL) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMSET(handle, 0, sizeof *handle);
    if (!quire_pool_is_made_(pool) || size == 0) {
        return QUIRE_INVALID;
    }
    key = quire_pool_lock_(pool);
    status = quire_pool_take_(pool, size, &piece);
    pool->refused += status != QUIRE_OK;
    if (status == QUIRE_OK) {
        if ((pool->traits.flags & QUIRE_POOL_TRAIT_ZERO_ALLOC) != 0) {
            key = quire_pool_clean_(pool, &piece, key);
        }
        handle->region = piece;
        handle->size = size;
    }
    quire_pool_unlock_(pool, key);
    return status;
}

QUIRE_API enum quire_status quire_pool_free(struct quire_pool *pool, const struct quire_pool_handle *handle)
{
    struct quire_region piece;
    enum quire_status status;
    uintptr_t key;

    if (!quire_pool_is_made_(pool) || handle == NULL) {
        return QUIRE_INVALID;
    }
    key = quire_pool_lock_(pool);
    status = quire_pool_own_(pool, handle, &piece);
    if (status == QUIRE_OK && (pool->traits.flags & QUIRE_POOL_TRAIT_ZERO_FREE) != 0) {
        key = quire_pool_clean_(pool, &piece, key);
    }
    if (status == QUIRE_OK) {
        status = quire_pool_put_(pool, &piece);
    }
    quire_pool_unlock_(pool, key);
    return status;
}

QUIRE_API enum quire_status quire_pool_view(struct quire_pool *pool, const struct quire_pool_handle *handle,
                                            struct quire_view *view)
{
    struct quire_region piece;
    enum quire_status status;
    uintptr_t key;

    if (!quire_pool_is_made_(pool) || handle == NULL || view == NULL) {
        return QUIRE_INVALID;
    }
    key = quire_pool_lock_(pool);
    status = quire_pool_own_(pool, handle, &piece);
    quire_pool_unlock_(pool, key);
    if (status != QUIRE_OK) {
        return status;
    }
    return quire_view_slice_pa(&pool->window, quire_pa_make(piece.base), handle->size, view);
}

QUIRE_API enum quire_status quire_pool_find(struct quire_pool *pool, struct quire_pa pa, uint64_t len, struct quire_view *piece)
{
    struct quire_region region;
    enum quire_status status;
    uintptr_t key;

    if (!quire_pool_is_made_(pool) || piece == NULL || len == 0) {
        return QUIRE_INVALID;
    }
    key = quire_pool_lock_(pool);
    status = quire_region_find(&pool->regions, pa.addr, &region);
    if (status == QUIRE_OK && (len - 1u > region.last - pa.addr || quire_pool_is_wiped_(pool, region.key))) {
        status = QUIRE_NOT_FOUND;
    }
    quire_pool_unlock_(pool, key);
    if (status != QUIRE_OK) {
        return status;
    }
    return quire_view_slice_pa(&pool->window, quire_pa_make(region.base), region.last - region.base + 1u, piece);
}

QUIRE_API bool quire_pool_walk(struct quire_pool *pool, quire_pool_visit visit, void *ctx)
{
    uintptr_t key;
    bool whole;

    if (!quire_pool_is_made_(pool)) {
        return true;
    }
    key = quire_pool_lock_(pool);
    whole = quire_pool_walk_(pool, visit, ctx);
    quire_pool_unlock_(pool, key);
    return whole;
}

QUIRE_API void quire_pool_get_stats(struct quire_pool *pool, struct quire_pool_stats *stats)
{
    struct quire_region_stats regions;
    uintptr_t key;

    QUIRE_MEMSET(stats, 0, sizeof *stats);
    if (!quire_pool_is_made_(pool)) {
        return;
    }
    key = quire_pool_lock_(pool);
    quire_region_get_stats(&pool->regions, &regions);
    stats->size = pool->window.size;
    stats->used = pool->used;
    stats->peak = pool->peak;
    stats->available = (size_t)regions.available;
    stats->largest = (size_t)regions.largest;
    stats->live = regions.allocated;
    stats->nodes = quire_region_book_left(&pool->book);
    stats->allocs = pool->allocs;
    stats->refused = pool->refused;
    quire_pool_unlock_(pool, key);
}

QUIRE_END

#endif
