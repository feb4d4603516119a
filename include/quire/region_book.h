/* quire/region_book.h - bookkeeping memory of region allocators. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_REGION_BOOK_H
#define QUIRE_REGION_BOOK_H

#include "base.h"

/*
 * A region allocator never writes into the memory it manages. What it knows about each allocated region and each hole is a
 * node, and nodes come from a book: slabs of the caller's memory that several allocators may share, under one limit.
 *
 *     quire_region_book_init(&book, classes, indexed, limit);
 *     quire_region_book_add_slab(&book, slab, sizeof slab);      as often as you like, later too
 *     ... quire_region_init() of region.h, any number of allocators ...
 *
 *     a node, by bytes:   0        8        16         24            32                32 + 8 (classes - 1)
 *                       | base   | last   | neighbours | links or key | links per class | by-address index (optional) |
 *
 * A link is a node's distance from `origin` in units of 8 bytes: 31 bits reach 16 GiB on a 64-bit machine and everything on
 * a 32-bit one, in half the space of a pointer and wherever the slabs lie. Link 0 is none.
 *
 * n regions in one stretch that was added need at most 2n + 1 nodes: a hole between any two of them, and at both ends.
 *
 * Nothing here locks: one lock of the caller's covers a book and all allocators on it. Nothing sleeps.
 *
 * Invariant: free + used = all nodes; a number drawn for an allocation is never drawn again in the life of the book.
 */
QUIRE_BEGIN

#define QUIRE_REGION_CLASSES_MAX 8u

/* One allocated region or one hole. Not for users: they keep a `struct quire_region`. */
struct quire_region_node {
    uint64_t base; /* first byte */
    uint64_t last; /* last byte: a range that ends at 2^64 is a range like any other */
    uint32_t prev; /* neighbours by address, available or allocated, touching or not */
    uint32_t next;
    union {
        uint32_t link[2]; /* hole: its place in the bin of class 0 (region_bins.h) */
        uint64_t key;     /* allocated: QUIRE_REGION_ALLOCATED, guards, number (region_engine.h) */
    } u;
    /* behind it: uint32_t link[2] for each further class; struct quire_region_branch if indexed */
};

/* Never set in a pair of links, in neither byte order: links have 31 bits. */
#define QUIRE_REGION_ALLOCATED ((uint64_t)1 << 63)

/* A node's place in the by-address index (region_index.h). */
struct quire_region_branch {
    uint32_t parent;
    uint32_t child[2];
    uint32_t balance; /* 0: both sides equally high; 1: child[0] is one higher; 2: child[1] is */
    uint64_t largest; /* bytes of the largest hole of the subtree, 2^64 as 2^64 - 1; 0: there is none */
};

struct quire_region_book {
    uintptr_t origin;    /* address of link 0 */
    uintptr_t branches;  /* and of its place in the by-address index */
    uint32_t free;       /* first free node, linked by `next` */
    uint32_t nodes;      /* nodes in all slabs */
    uint32_t limit;      /* most nodes that may be taken at once */
    uint32_t left;       /* nodes that may still be taken: free ones, within the limit */
    uint32_t node_bytes; /* from one node to the next */
    uint8_t classes;     /* alignment classes an allocator may have, 1..QUIRE_REGION_CLASSES_MAX */
    bool indexed;        /* nodes have a place in a by-address index */
    uint32_t users;      /* allocators that have this book */
    uint32_t lives;      /* allocators that have ever taken it */
    uint32_t life;       /* the caller's number of this life of the book */
    uint64_t number;     /* of the next allocation, as it is in a key */
};

/* Bytes of a node: 32, 8 more per class beyond the first, 24 more with the index. */
#define QUIRE_REGION_NODE_BYTES(classes, indexed)                              \
    (sizeof(struct quire_region_node) + 8u * ((size_t)(classes) - (size_t)1) + \
     ((indexed) ? sizeof(struct quire_region_branch) : (size_t)0))

/* Makes an empty book whose nodes serve allocators of up to `classes` alignment classes (1: the unit alone), with or without a
 * by-address index; at most `limit` nodes are ever in use at once (0: no limit). INVALID: null, classes out of range. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_book_init(struct quire_region_book *book, unsigned classes,
                                                                    bool indexed, uint32_t limit)
    QUIRE_SYM(quire_region_book_init);

/* Receipts know the book they are of by its address and by this number (0 until it is called). Where a book is made again in
 * the same place, and receipts of before may still be about, give each life a number of its own, a count of boots or of
 * probes, or a random one: then those receipts are refused. INVALID: null, or an allocator has the book. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_book_set_life(struct quire_region_book *book, uint32_t life)
    QUIRE_SYM(quire_region_book_set_life);

/* Adds `len` bytes at `slab`, which the book has until quire_region_book_fini(). What is left over at its ends is not used.
 * INVALID: null, room for no node, or on a 64-bit machine more than 8 GiB from the first slab; LIMIT: 2^32 nodes. O(nodes of
 * it). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_book_add_slab(struct quire_region_book *book, void *slab, size_t len)
    QUIRE_SYM(quire_region_book_add_slab);

/* Gives the slabs back to the caller. BUSY while an allocator has the book: nothing changed. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_book_fini(struct quire_region_book *book)
    QUIRE_SYM(quire_region_book_fini);

/* How many nodes are taken, by all allocators together. O(1). */
static inline uint32_t quire_region_book_used(const struct quire_region_book *book)
{
    return (book->limit < book->nodes ? book->limit : book->nodes) - book->left;
}

/* How many nodes may still be taken. An operation takes at most two, a guarded or aligned one too. O(1). */
static inline uint32_t quire_region_book_left(const struct quire_region_book *book)
{
    return book->left;
}

QUIRE_END

#endif /* QUIRE_REGION_BOOK_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_REGION_BOOK_IMPLEMENTED)
#define QUIRE_REGION_BOOK_IMPLEMENTED

QUIRE_BEGIN

QUIRE_STATIC_ASSERT(sizeof(struct quire_region_node) == 32, region_node_is_32_bytes);
QUIRE_STATIC_ASSERT(sizeof(struct quire_region_branch) == 24, region_branch_is_24_bytes);

/* Half of what a link reaches: slabs may lie on either side of the first. */
#define QUIRE_REGION_REACH_ ((uint64_t)1 << 33)

static inline struct quire_region_node *quire_region_node_(uintptr_t origin, uint32_t link)
{
    return (struct quire_region_node *)(origin + ((uintptr_t)link << 3));
}

static inline bool quire_region_is_allocated_(const struct quire_region_node *node)
{
    return (node->u.key & QUIRE_REGION_ALLOCATED) != 0;
}

/* The caller saw that book->left is not 0. */
static inline uint32_t quire_region_take_node_(struct quire_region_book *book)
{
    uint32_t link = book->free;

    book->free = quire_region_node_(book->origin, link)->next;
    book->left--;
    return link;
}

static inline void quire_region_give_node_(struct quire_region_book *book, uint32_t link, struct quire_region_node *node)
{
    node->u.key = 0; /* no handle finds it */
    node->next = book->free;
    book->free = link;
    book->left++;
}

QUIRE_API enum quire_status quire_region_book_init(struct quire_region_book *book, unsigned classes, bool indexed,
                                                   uint32_t limit)
{
    if (book == NULL || classes == 0 || classes > QUIRE_REGION_CLASSES_MAX) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMSET(book, 0, sizeof *book);
    book->limit = limit != 0 ? limit : UINT32_MAX;
    book->node_bytes = (uint32_t)QUIRE_REGION_NODE_BYTES(classes, indexed);
    book->classes = (uint8_t)classes;
    book->indexed = indexed;
    book->number = QUIRE_REGION_ALLOCATED | 1u;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_region_book_set_life(struct quire_region_book *book, uint32_t life)
{
    if (book == NULL || book->users != 0) {
        return QUIRE_INVALID;
    }
    book->life = life;
    return QUIRE_OK;
}

/* Can a link reach every byte of [first, last]? The first slab decides where links count from. */
static bool quire_region_book_reaches_(uintptr_t origin, uintptr_t first, uintptr_t last)
{
    uint64_t from = (uint64_t)(uintptr_t)(first - origin);
    uint64_t to = (uint64_t)(uintptr_t)(last - origin);

    return first <= last && from >= 8u && from <= to && to < QUIRE_REGION_REACH_ * 2u;
}

QUIRE_API enum quire_status quire_region_book_add_slab(struct quire_region_book *book, void *slab, size_t len)
{
    uintptr_t first;
    uintptr_t origin;
    uint32_t used;
    size_t skip;
    size_t n;
    size_t i;

    if (book == NULL || slab == NULL || book->node_bytes == 0) {
        return QUIRE_INVALID;
    }
    skip = (size_t)((8u - ((uintptr_t)slab & 7u)) & 7u);
    if (len < skip || len - skip < book->node_bytes || (uintptr_t)slab + (len - 1u) < (uintptr_t)slab) {
        return QUIRE_INVALID;
    }
    first = (uintptr_t)slab + skip;
    n = (len - skip) / book->node_bytes;
    origin = book->nodes != 0 ? book->origin : first - (sizeof first > 4u ? (uintptr_t)QUIRE_REGION_REACH_ : (uintptr_t)8u);
    if (!quire_region_book_reaches_(origin, first, first + (n * book->node_bytes - 1u))) {
        return QUIRE_INVALID;
    }
    if (n >= UINT32_MAX - book->nodes) {
        return QUIRE_LIMIT;
    }
    book->origin = origin;
    book->branches = origin + (book->node_bytes - (uint32_t)sizeof(struct quire_region_branch));
    /* From the back, so that the first nodes taken are the first of the slab. */
    for (i = n; i-- > 0;) {
        uint32_t link = (uint32_t)((first + i * book->node_bytes - origin) >> 3);
        struct quire_region_node *node = quire_region_node_(origin, link);

        node->u.key = 0;
        node->next = book->free;
        book->free = link;
    }
    used = quire_region_book_used(book);
    book->nodes += (uint32_t)n;
    book->left = (book->limit < book->nodes ? book->limit : book->nodes) - used;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_region_book_fini(struct quire_region_book *book)
{
    if (book == NULL || book->users != 0) {
        return book == NULL ? QUIRE_INVALID : QUIRE_BUSY;
    }
    book->free = 0;
    book->left = 0;
    book->nodes = 0;
    return QUIRE_OK;
}

QUIRE_END

#endif
