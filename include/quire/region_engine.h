/* quire/region_engine.h - the region allocator's structure, and the moves it is made of. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_REGION_ENGINE_H
#define QUIRE_REGION_ENGINE_H

#include "base.h"
#include "region_bins.h"
#include "region_book.h"
#include "region_index.h"

/*
 * Not for users: what region.h and its companions stand on. All nodes, allocated regions and holes, are one list by address:
 *
 *     first -> [ hole ][ allocated ][ hole ]   (a gap: never added, or subtracted)   [ allocated ] -> 0
 *
 * Two moves change it: carve makes a piece of a hole allocated, release makes an allocated node a hole that has merged with the
 * holes it touches. Each first knows that it has the nodes it may need; then it cannot fail.
 *
 * Invariants: nodes ascend and never overlap; holes that touch have merged; a hole is in the bins of exactly the classes in
 * which it has a key; every node is in the index, if there is one; `available` is the sum of the holes.
 */
QUIRE_BEGIN

struct quire_region_allocator {
    struct quire_region_book *book;
    uint32_t first; /* outermost nodes by address; 0: there is none */
    uint32_t last;
    uint32_t root;   /* of the by-address index */
    uint32_t holes;  /* nodes that are holes */
    uint8_t shift;   /* log2 of the unit */
    uint8_t classes; /* 1..QUIRE_REGION_CLASSES_MAX; class 0 is the unit */
    bool indexed;
    bool plain;         /* one class, no index */
    uint32_t owner;     /* in every receipt: this allocator, in this life */
    uint64_t unit;      /* bytes */
    uint64_t quick;     /* requests of fewer units, less one, may go the short way: 2^exact_log if plain, else 0 */
    uint64_t available; /* bytes in holes, modulo 2^64 */
    uint32_t allocated; /* nodes that are allocated */
    uint64_t managed;   /* bytes in all nodes, modulo 2^64 */
    struct quire_region_bins bins[QUIRE_REGION_CLASSES_MAX];
};

/* What was handed out. Only base and last are for reading; the rest is how the allocator knows its own: keep it where nobody
 * else can write. An operation that fails leaves it as it was. */
struct quire_region {
    uint64_t base; /* first byte; 2^64 - 1 may be the last */
    uint64_t last;
    uint64_t key;   /* 0: no region */
    uint32_t node;  /* link of its node */
    uint32_t owner; /* which allocator */
};

/*
 * The key of an allocated node:    63           62..57         56..51        50 .. 0
 *                                | allocated | guard before | guard after | number of the allocation, from the book |
 *
 * A guard is 0 or the log2 of its units plus one. A number is never used twice, so a handle that carries the key of another
 * time, or of another allocator on this book, finds a node with another key or none. 2^51 allocations last seventy years at a
 * million a second; then LIMIT.
 */
#define QUIRE_REGION_NUMBER_BITS 51u
#define QUIRE_REGION_NUMBER_END ((uint64_t)1 << QUIRE_REGION_NUMBER_BITS) /* this bit says that the numbers are used up */
#define QUIRE_REGION_BEFORE_SHIFT 57u
#define QUIRE_REGION_AFTER_SHIFT 51u

QUIRE_END

#endif /* QUIRE_REGION_ENGINE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_REGION_ENGINE_IMPLEMENTED)
#define QUIRE_REGION_ENGINE_IMPLEMENTED

QUIRE_BEGIN

static inline struct quire_region_node *quire_region_at_(const struct quire_region_allocator *a, uint32_t link)
{
    return quire_region_node_(a->book->origin, link);
}

/* Bytes of a guard from its place in a key. */
static inline uint64_t quire_region_guard_(const struct quire_region_allocator *a, uint64_t key, unsigned at)
{
    unsigned code = (unsigned)(key >> at) & 63u;

    return code == 0 ? 0 : (uint64_t)1 << (code - 1u + a->shift);
}

QUIRE_INLINE void quire_region_receipt_(const struct quire_region_allocator *a, uint32_t link, uint64_t base, uint64_t last,
                                        uint64_t key, struct quire_region *region)
{
    region->base = base;
    region->last = last;
    region->key = key;
    region->node = link;
    region->owner = a->owner;
}

/* ---- One hole in its bins, and in the index ---- */

/* Classes ascend: a hole without a byte of one alignment has none of a greater. */
static QUIRE_NOINLINE void quire_region_file_others_(struct quire_region_allocator *a, uint32_t link,
                                                     const struct quire_region_node *node)
{
    uintptr_t origin = a->book->origin;
    struct quire_region_bins *bins = &a->bins[1];
    const struct quire_region_bins *end = &a->bins[a->classes];
    uint64_t key;

    for (; bins != end && quire_region_key_(bins, node, &key); bins++) {
        quire_region_bins_insert_(bins, origin, bins->at, link, key);
    }
}

static QUIRE_NOINLINE void quire_region_unfile_others_(struct quire_region_allocator *a, uint32_t link,
                                                       const struct quire_region_node *node)
{
    uintptr_t origin = a->book->origin;
    struct quire_region_bins *bins = &a->bins[1];
    const struct quire_region_bins *end = &a->bins[a->classes];
    uint64_t key;

    for (; bins != end && quire_region_key_(bins, node, &key); bins++) {
        quire_region_bins_remove_(bins, origin, bins->at, link, key);
    }
}

/*
 * `plain` says that there is one class and no index. It is a->plain, handed down as a constant: the compiler makes two of each
 * function below, and the common one has nothing in it of classes and index.
 *
 * Every hole is in the class of the unit: it begins and ends at one.
 */
QUIRE_INLINE void quire_region_file_bins_(struct quire_region_allocator *a, uint32_t link, const struct quire_region_node *node,
                                          bool plain)
{
    quire_region_bins_insert_(&a->bins[0], a->book->origin, QUIRE_REGION_AT_UNIT_, link,
                              (node->last - node->base) >> a->bins[0].shift);
    if (!plain && a->classes > 1u) {
        quire_region_file_others_(a, link, node);
    }
}

/* The same for a hole that is new or has grown: the index is told. */
QUIRE_INLINE void quire_region_file_(struct quire_region_allocator *a, uint32_t link, const struct quire_region_node *node,
                                     bool plain)
{
    quire_region_file_bins_(a, link, node, plain);
    if (!plain && a->indexed) {
        quire_region_index_grown_(a->book, link, node);
    }
}

QUIRE_INLINE void quire_region_unfile_(struct quire_region_allocator *a, uint32_t link, const struct quire_region_node *node,
                                       bool plain)
{
    quire_region_bins_remove_(&a->bins[0], a->book->origin, QUIRE_REGION_AT_UNIT_, link,
                              (node->last - node->base) >> a->bins[0].shift);
    if (!plain && a->classes > 1u) {
        quire_region_unfile_others_(a, link, node);
    }
}

/* ---- The list by address ---- */

/* Makes `link` what follows `before` (0: the first of all), and what comes before `behind` (0: the last of all). */
QUIRE_INLINE void quire_region_follow_(struct quire_region_allocator *a, uint32_t before, uint32_t link)
{
    if (QUIRE_LIKELY(before != 0)) {
        quire_region_at_(a, before)->next = link;
    } else {
        a->first = link;
    }
}

QUIRE_INLINE void quire_region_precede_(struct quire_region_allocator *a, uint32_t behind, uint32_t link)
{
    if (QUIRE_LIKELY(behind != 0)) {
        quire_region_at_(a, behind)->prev = link;
    } else {
        a->last = link;
    }
}

/* Links `node` behind `before` (0: in front of all). */
static inline void quire_region_link_(struct quire_region_allocator *a, uint32_t before, uint32_t link,
                                      struct quire_region_node *node)
{
    uint32_t behind = before != 0 ? quire_region_at_(a, before)->next : a->first;

    quire_region_follow_(a, before, link);
    quire_region_precede_(a, behind, link);
    node->prev = before;
    node->next = behind;
    if (a->indexed) {
        quire_region_index_insert_(a->book, &a->root, link);
    }
}

/* Takes a node off the list and gives it back to the book. */
static inline void quire_region_unlink_(struct quire_region_allocator *a, uint32_t link, struct quire_region_node *node)
{
    if (a->indexed) {
        quire_region_index_remove_(a->book, &a->root, link);
    }
    quire_region_follow_(a, node->prev, node->next);
    quire_region_precede_(a, node->next, node->prev);
    quire_region_give_node_(a->book, link, node);
}

/* ---- The two moves ---- */

/* How many nodes it takes to carve [base, last] out of `hole`. */
static inline unsigned quire_region_carve_cost_(const struct quire_region_node *hole, uint64_t base, uint64_t last)
{
    return (unsigned)(base != hole->base) + (unsigned)(last != hole->last);
}

/* Makes the whole hole, which is in no bin any more, allocated. */
QUIRE_INLINE void quire_region_carve_all_(struct quire_region_allocator *a, struct quire_region_node *hole, uint64_t key)
{
    hole->u.key = key;
    a->holes--;
}

/* Makes the first bytes of the hole, up to `last`, allocated. The hole is in no bin; the caller puts it into its new one. */
QUIRE_INLINE uint32_t quire_region_carve_front_(struct quire_region_allocator *a, uint32_t hole_link,
                                                struct quire_region_node *hole, uint64_t last, uint64_t key, bool plain)
{
    uint32_t link = quire_region_take_node_(a->book);
    struct quire_region_node *node = quire_region_at_(a, link);
    uint32_t before = hole->prev;

    node->base = hole->base;
    node->last = last;
    node->u.key = key;
    node->prev = before;
    node->next = hole_link;
    hole->base = last + 1u;
    hole->prev = link;
    quire_region_follow_(a, before, link);
    if (!plain && a->indexed) {
        quire_region_index_insert_(a->book, &a->root, link);
    }
    return link;
}

/* Makes [base, last], which lies in the hole but does not begin it, allocated. The hole is in no bin; it keeps what is in
 * front. */
QUIRE_INLINE uint32_t quire_region_carve_behind_(struct quire_region_allocator *a, uint32_t hole_link,
                                                 struct quire_region_node *hole, uint64_t base, uint64_t last, uint64_t key,
                                                 bool plain)
{
    uint32_t link = quire_region_take_node_(a->book);
    struct quire_region_node *node = quire_region_at_(a, link);

    node->base = base;
    node->last = last;
    node->u.key = key;
    if (last != hole->last) {
        uint32_t rest_link = quire_region_take_node_(a->book);
        struct quire_region_node *rest = quire_region_at_(a, rest_link);

        rest->base = last + 1u;
        rest->last = hole->last;
        rest->u.key = 0;
        hole->last = base - 1u;
        quire_region_link_(a, hole_link, rest_link, rest);
        quire_region_file_(a, rest_link, rest, plain);
        a->holes++;
    } else {
        hole->last = base - 1u;
    }
    quire_region_link_(a, hole_link, link, node);
    quire_region_file_bins_(a, hole_link, hole, plain);
    return link;
}

/* Makes [base, last], which lies in the hole, an allocated node with this key. The hole is in no bin any more; the caller saw
 * that the book has quire_region_carve_cost_() nodes left. Returns the node's link.
 *
 *     [ hole                    ]
 *     [ hole ][ node ][ rest    ]        what is left in front keeps the hole's node, else what is left behind does
 */
QUIRE_INLINE uint32_t quire_region_carve_(struct quire_region_allocator *a, uint32_t hole_link, struct quire_region_node *hole,
                                          uint64_t base, uint64_t last, uint64_t key, bool plain)
{
    uint32_t link;

    a->available -= last - base + 1u;
    a->allocated++;
    if (base != hole->base) {
        return quire_region_carve_behind_(a, hole_link, hole, base, last, key, plain);
    }
    if (last == hole->last) {
        quire_region_carve_all_(a, hole, key);
        return hole_link;
    }
    link = quire_region_carve_front_(a, hole_link, hole, last, key, plain);
    quire_region_file_bins_(a, hole_link, hole, plain);
    return link;
}

/* Makes the allocated node, which is in no bin, a hole, merged with the holes that touch it. Never fails: it takes no node. */
QUIRE_INLINE void quire_region_release_(struct quire_region_allocator *a, uint32_t link, struct quire_region_node *node,
                                        bool plain)
{
    struct quire_region_book *book = a->book;
    uint32_t before = node->prev;
    uint32_t behind = node->next;
    uint64_t base = node->base;
    uint64_t last = node->last;
    struct quire_region_node *hole;

    a->available += last - base + 1u;
    a->allocated--;
    a->holes++;
    if (QUIRE_LIKELY(behind != 0)) {
        hole = quire_region_at_(a, behind);
        if (!quire_region_is_allocated_(hole) && last + 1u == hole->base) {
            quire_region_unfile_(a, behind, hole, plain);
            if (!plain && a->indexed) {
                quire_region_index_remove_(book, &a->root, behind);
            }
            last = hole->last;
            node->last = last;
            node->next = hole->next;
            quire_region_precede_(a, hole->next, link);
            quire_region_give_node_(book, behind, hole);
            a->holes--;
        }
    }
    if (QUIRE_LIKELY(before != 0)) {
        hole = quire_region_at_(a, before);
        if (!quire_region_is_allocated_(hole) && hole->last + 1u == base) {
            quire_region_unfile_(a, before, hole, plain);
            if (!plain && a->indexed) {
                quire_region_index_remove_(book, &a->root, link);
            }
            hole->last = last;
            hole->next = node->next;
            quire_region_precede_(a, node->next, before);
            quire_region_give_node_(book, link, node);
            a->holes--;
            link = before;
            node = hole;
        }
    }
    quire_region_file_(a, link, node, plain);
}

QUIRE_END

#endif
