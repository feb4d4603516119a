/* quire/hash.h - the hash of a page, through a hook, and the shape of a tree of hashes. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_HASH_H
#define QUIRE_HASH_H

#include "base.h"
#include "fobj.h"

/*
 * No hash function is in the library: the user supplies one. Whoever verifies pages (fobj_ro.h) or nodes (hash_tree.h) begins with
 *
 *     struct quire_hash hash = {0};       hash.digest = sha256_of_a_page;    hash.size = 0: 32 bytes
 *
 * What is hashed is a whole page, always; where content ends within a page, zeros follow. So no length has to be part of a
 * hash. A page of hashes has as many as fit whole, and zeros behind them:
 *
 *     list, or node:  [ hash of page 0 ][ hash of page 1 ] ... [ hash of page f - 1 ]      f = page size / hash size
 *
 * The tree above n pages: level 1 is the list, level 2 the list of hashes of level 1's pages, and so on, until a level is one page;
 * the root is that page's hash.
 *
 *     level 3:                    [ node 0 ]                     first[3] = 5     a node's number: its place in a file of all
 *     level 2:          [ node 0 ]          [ node 1 ]           first[2] = 3     nodes, the lowest level first
 *     level 1:   [ node 0 ] [ node 1 ] [ node 2 ]                first[1] = 0
 *     pages:      0  1  ...
 *
 * Invariant: where an entry stands says which page it is the hash of, and how far from the root it stands says what that is. The
 * depth follows from n, so a node cannot pass as a page, or one level's node as another's, wherever n is known from a place that
 * is trusted as the root is. Where n comes with the file, let `digest` hash the level too.
 */
QUIRE_BEGIN

#define QUIRE_HASH_SIZE_DEFAULT 32u
#define QUIRE_HASH_SIZE_MIN 16u
#define QUIRE_HASH_SIZE_MAX 64u

/* Zero-initialise it, then set what is marked (must). */
struct quire_hash {
    void *ctx;     /* handed to `digest` */
    uint32_t size; /* bytes of a hash: QUIRE_HASH_SIZE_MIN..MAX, a multiple of 8. 0: 32 */

    /* (must) Writes the hash of the page at `page` to `out`, `size` bytes, unaligned. `level`: 0 for a page of content, n for a
     * node of level n; a hash that is to tell them apart begins with it. Called without any lock of Quire, by several threads
     * at once; may sleep; must not touch memory that waits for it. OK, IO or NO_MEMORY (an engine that fails), else BAD_ANSWER. */
    enum quire_status (*digest)(void *ctx, unsigned level, const void *page, void *out);
};

/* Bytes of a hash. O(1). */
static inline QUIRE_RESIDENT uint32_t quire_hash_size(const struct quire_hash *hash)
{
    return hash->size != 0 ? hash->size : QUIRE_HASH_SIZE_DEFAULT;
}

/* Hashes in a page of hashes. O(1). */
static inline QUIRE_RESIDENT uint32_t quire_hash_per_page(const struct quire_hash *hash)
{
    return (uint32_t)(QUIRE_PAGE_SIZE / quire_hash_size(hash));
}

/* Is there a hook, and a size that it can have? O(1). */
static inline bool quire_hash_valid(const struct quire_hash *hash)
{
    uint32_t size = quire_hash_size(hash);

    return hash->digest != NULL && size % 8u == 0 && size >= QUIRE_HASH_SIZE_MIN && size <= QUIRE_HASH_SIZE_MAX;
}

/* Is `expected`, in memory that nobody else can write, the hash of this page? INTEGRITY: no; what the hook answers, if it
 * failed. No lock, may sleep; one call of the hook. */
QUIRE_API QUIRE_RESIDENT QUIRE_MUST_CHECK enum quire_status quire_hash_check(const struct quire_hash *hash, unsigned level,
                                                                             const void *page, const void *expected)
    QUIRE_SYM(quire_hash_check);

/* ---- The shape of a tree ---- */

/* Enough for the smallest page with the largest hash: four to a page. */
#define QUIRE_HASH_LEVELS_MAX 16u

struct quire_hash_shape {
    uint32_t num_leaves; /* pages of content */
    uint32_t fan_out;    /* hashes of a node */
    uint32_t depth;      /* the level that is one node, 1..QUIRE_HASH_LEVELS_MAX */
    uint32_t
        first[QUIRE_HASH_LEVELS_MAX + 2u]; /* [l]: number of the first node of level l; [depth + 1]: of all nodes. [0]: 0 */
};

/* The shape of the tree above `num_leaves` pages. INVALID: a null or invalid argument, no pages, or more than
 * QUIRE_FOBJ_PAGES_MAX. O(depth). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_hash_shape_init(struct quire_hash_shape *shape,
                                                                   const struct quire_hash *hash, uint32_t num_leaves)
    QUIRE_SYM(quire_hash_shape_init);

/* Nodes of all levels: pages of a file that has them all. O(1). */
static inline uint32_t quire_hash_shape_nodes(const struct quire_hash_shape *shape)
{
    return shape->first[shape->depth + 1u];
}

/* Nodes of level 1..depth. O(1). */
static inline uint32_t quire_hash_shape_width(const struct quire_hash_shape *shape, unsigned level)
{
    return shape->first[level + 1u] - shape->first[level];
}

QUIRE_END

#endif /* QUIRE_HASH_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_HASH_IMPLEMENTED)
#define QUIRE_HASH_IMPLEMENTED

QUIRE_BEGIN

QUIRE_API QUIRE_RESIDENT enum quire_status quire_hash_check(const struct quire_hash *hash, unsigned level, const void *page,
                                                            const void *expected)
{
    uint64_t found[QUIRE_HASH_SIZE_MAX / 8u];
    const unsigned char *byte = (const unsigned char *)expected;
    uint32_t words = quire_hash_size(hash) / 8u;
    uint64_t differ = 0;
    uint64_t word;
    uint32_t i;
    enum quire_status status;

    /* So that a hook which writes nothing, or half, finds no page good. */
    for (i = 0; i < words; i++) {
        QUIRE_MEMCPY(&word, byte + 8u * i, 8u);
        found[i] = ~word;
    }
    status = quire_store_answer(hash->digest(hash->ctx, level, page, found));
    if (status != QUIRE_OK) {
        return status;
    }
    for (i = 0; i < words; i++) {
        QUIRE_MEMCPY(&word, byte + 8u * i, 8u);
        differ |= found[i] ^ word;
    }
    return differ == 0 ? QUIRE_OK : QUIRE_INTEGRITY;
}

QUIRE_API enum quire_status quire_hash_shape_init(struct quire_hash_shape *shape, const struct quire_hash *hash,
                                                  uint32_t num_leaves)
{
    uint32_t below = num_leaves;

    if (shape == NULL || hash == NULL || !quire_hash_valid(hash) || num_leaves == 0 || num_leaves > QUIRE_FOBJ_PAGES_MAX) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMSET(shape, 0, sizeof *shape);
    shape->num_leaves = num_leaves;
    shape->fan_out = quire_hash_per_page(hash);
    do {
        below = (below - 1u) / shape->fan_out + 1u;
        shape->depth++;
        shape->first[shape->depth + 1u] = shape->first[shape->depth] + below;
    } while (below > 1u);
    return QUIRE_OK;
}

QUIRE_END

#endif
