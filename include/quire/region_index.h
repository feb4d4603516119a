/* quire/region_index.h - the nodes of a region allocator by address: a balanced tree with hints. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_REGION_INDEX_H
#define QUIRE_REGION_INDEX_H

#include "base.h"
#include "region_book.h"

/*
 * Not for users: what region_engine.h keeps and region_range.h and region_place.h search, where an allocator is `indexed`. An
 * AVL tree (Adelson-Velsky and Landis, 1962) over all nodes, holes and allocated, in the order of addresses; each node
 * carries its place in the tree behind its other fields (struct quire_region_branch, the last bytes of a node):
 *
 *                 [ hole 40 ]  largest 64               balance   0: both sides are equally high
 *                 /         \                                     1: the lower addresses are one higher
 *     [ allocated ]          [ allocated ]  64                    2: the higher addresses are one higher
 *      largest 0                 \
 *                             [ hole 64 ]  64
 *
 * Only `balance` is stored, no height: a step up then reads one node, not its other child too.
 *
 * `largest` is a bound, not a sum: no hole of the subtree is larger, but there may be none that large. It is raised where a
 * hole has grown, which mostly ends at the first node looked at, and nothing is done where one has shrunk: allocating and
 * returning would pay for every request that asks for a low or a high address. A search that was led astray corrects what led
 * it.
 *
 * Invariants: a node's `balance` is what its children's heights say; no hole of a subtree has more bytes than `largest` says.
 *
 * Nothing recurses; nothing is deeper than 1.44 log2(n + 2).
 */

#endif /* QUIRE_REGION_INDEX_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_REGION_INDEX_IMPLEMENTED)
#define QUIRE_REGION_INDEX_IMPLEMENTED

QUIRE_BEGIN

/* No tree of 2^31 nodes is higher. */
#define QUIRE_REGION_INDEX_HEIGHT_MAX 46u

/* Where a book's nodes and branches are, link 0's. */
struct quire_region_grove_ {
    uintptr_t nodes;
    uintptr_t branches;
};

static inline struct quire_region_grove_ quire_region_grove_of_(const struct quire_region_book *book)
{
    struct quire_region_grove_ grove;

    grove.nodes = book->origin;
    grove.branches = book->branches;
    return grove;
}

static inline struct quire_region_branch *quire_region_branch_(struct quire_region_grove_ grove, uint32_t link)
{
    return (struct quire_region_branch *)(grove.branches + ((uintptr_t)link << 3));
}

/* Bytes of a hole, 2^64 as 2^64 - 1; 0 if the node is allocated. */
static inline uint64_t quire_region_hole_bytes_(const struct quire_region_node *node)
{
    uint64_t more = node->last - node->base;

    return quire_region_is_allocated_(node) ? 0 : more + (more != UINT64_MAX);
}

/* ---- Bounds ---- */

static inline uint64_t quire_region_index_bound_(struct quire_region_grove_ grove, uint32_t link)
{
    return link != 0 ? quire_region_branch_(grove, link)->largest : 0;
}

/* Below the node there are `bytes` in one piece: raises what is lower, up to the root. */
static QUIRE_NOINLINE QUIRE_UNUSED void quire_region_index_raise_(struct quire_region_grove_ grove, uint32_t link,
                                                                  uint64_t bytes)
{
    while (link != 0) {
        struct quire_region_branch *branch = quire_region_branch_(grove, link);

        if (branch->largest >= bytes) {
            return;
        }
        branch->largest = bytes;
        link = branch->parent;
    }
}

/* The node has become a hole, or a larger one. O(log n), as a rule O(1). */
static inline void quire_region_index_grown_(const struct quire_region_book *book, uint32_t link,
                                             const struct quire_region_node *node)
{
    struct quire_region_grove_ grove = quire_region_grove_of_(book);
    uint64_t more = node->last - node->base;

    if (quire_region_branch_(grove, link)->largest <= more) {
        quire_region_index_raise_(grove, link, more + (more != UINT64_MAX));
    }
}

/* ---- Balance ---- */

/* Puts `to` (0: nothing) where `from` hangs below `parent` (0: the root). */
static inline void quire_region_index_hang_(struct quire_region_grove_ grove, uint32_t *root, uint32_t parent, uint32_t from,
                                            uint32_t to)
{
    struct quire_region_branch *branch;

    if (to != 0) {
        quire_region_branch_(grove, to)->parent = parent;
    }
    if (parent == 0) {
        *root = to;
        return;
    }
    branch = quire_region_branch_(grove, parent);
    branch->child[branch->child[1] == from] = to;
}

/* Gives `parent`, in place of its child on that side, `child` (0: nothing). */
static inline void quire_region_index_adopt_(struct quire_region_grove_ grove, uint32_t parent, unsigned side, uint32_t child)
{
    quire_region_branch_(grove, parent)->child[side] = child;
    if (child != 0) {
        quire_region_branch_(grove, child)->parent = parent;
    }
}

/*
 * The subtree of `link` is two higher on `side` than on the other. Returns what stands there now, over the same nodes and
 * with the same bound; the others keep theirs, too high as they may be.
 *
 *         link              up                     link                inner
 *        /    \            /  \                   /    \              /     \
 *      up      C   =>     A   link              up      D   =>      up      link       (side 0; side 1 is the mirror image)
 *     /  \                    /  \             /  \                /  \     /  \
 *    A    B                  B    C           A   inner           A    B   C    D
 */
static QUIRE_NOINLINE uint32_t quire_region_index_rotate_(struct quire_region_grove_ grove, uint32_t *root, uint32_t link,
                                                          unsigned side)
{
    struct quire_region_branch *branch = quire_region_branch_(grove, link);
    uint32_t up = branch->child[side];
    struct quire_region_branch *above = quire_region_branch_(grove, up);
    unsigned other = 1u - side;
    uint32_t parent = branch->parent;
    uint64_t bound = branch->largest;
    uint32_t top = up;

    if (above->balance != 1u + other) {
        quire_region_index_adopt_(grove, link, side, above->child[other]);
        branch->balance = above->balance == 0 ? 1u + side : 0;
        above->balance = above->balance == 0 ? 1u + other : 0;
    } else {
        struct quire_region_branch *inner;

        top = above->child[other];
        inner = quire_region_branch_(grove, top);
        quire_region_index_adopt_(grove, up, other, inner->child[side]);
        quire_region_index_adopt_(grove, link, side, inner->child[other]);
        quire_region_index_adopt_(grove, top, side, up);
        branch->balance = inner->balance == 1u + side ? 1u + other : 0;
        above->balance = inner->balance == 1u + other ? 1u + side : 0;
        inner->balance = 0;
    }
    quire_region_index_hang_(grove, root, parent, link, top);
    quire_region_index_adopt_(grove, top, other, link);
    quire_region_branch_(grove, top)->largest = bound;
    return top;
}

/* ---- Insert and remove ---- */

/* Adds the node, which is in the list of nodes by address already, where the list says: no search. A hole is not counted before
 * quire_region_index_grown_(). O(log n), on average O(1). */
static QUIRE_NOINLINE QUIRE_UNUSED void quire_region_index_insert_(const struct quire_region_book *book, uint32_t *root,
                                                                   uint32_t link)
{
    struct quire_region_grove_ grove = quire_region_grove_of_(book);
    const struct quire_region_node *node = quire_region_node_(grove.nodes, link);
    struct quire_region_branch *branch = quire_region_branch_(grove, link);
    uint32_t parent = node->prev;
    unsigned side = 1;

    /* Of two neighbours by address, one is below the other: either the first has no child behind it or the second none
     * before. */
    if (parent == 0 || quire_region_branch_(grove, parent)->child[1] != 0) {
        parent = node->next;
        side = 0;
    }
    branch->parent = parent;
    branch->child[0] = 0;
    branch->child[1] = 0;
    branch->balance = 0;
    branch->largest = 0;
    if (parent == 0) {
        *root = link;
        return;
    }
    quire_region_branch_(grove, parent)->child[side] = link;
    for (;;) {
        branch = quire_region_branch_(grove, parent);
        if (branch->balance != 0) {
            break;
        }
        branch->balance = 1u + side;
        link = parent;
        parent = branch->parent;
        if (parent == 0) {
            return;
        }
        side = quire_region_branch_(grove, parent)->child[1] == link;
    }
    if (branch->balance != 1u + side) {
        branch->balance = 0;
    } else {
        (void)quire_region_index_rotate_(grove, root, parent, side);
    }
}

/* The subtree of `link` has become one lower on `side`. */
static inline void quire_region_index_shrink_(struct quire_region_grove_ grove, uint32_t *root, uint32_t link, unsigned side)
{
    while (link != 0) {
        struct quire_region_branch *branch = quire_region_branch_(grove, link);
        uint32_t parent;
        unsigned next;

        if (branch->balance == 0) {
            branch->balance = 2u - side;
            return;
        }
        parent = branch->parent;
        next = parent != 0 && quire_region_branch_(grove, parent)->child[1] == link;
        if (branch->balance == 1u + side) {
            branch->balance = 0;
        } else {
            link = quire_region_index_rotate_(grove, root, link, 1u - side);
            if (quire_region_branch_(grove, link)->balance != 0) {
                return; /* as high as it was */
            }
        }
        link = parent;
        side = next;
    }
}

/* Takes the node out, which is still in the list of nodes by address. O(log n), on average O(1). */
static QUIRE_NOINLINE QUIRE_UNUSED void quire_region_index_remove_(const struct quire_region_book *book, uint32_t *root,
                                                                   uint32_t link)
{
    struct quire_region_grove_ grove = quire_region_grove_of_(book);
    const struct quire_region_node *node = quire_region_node_(grove.nodes, link);
    const struct quire_region_branch *branch = quire_region_branch_(grove, link);
    uint32_t low = branch->parent; /* what has become lower, and on which side */
    unsigned side;
    uint32_t heir;

    if (branch->child[0] == 0 || branch->child[1] == 0) {
        heir = branch->child[0] | branch->child[1];
        side = low != 0 && quire_region_branch_(grove, low)->child[1] == link;
        quire_region_index_hang_(grove, root, low, link, heir);
    } else {
        /* A neighbour by address, from the higher side, is the outermost node there: it takes the place. */
        unsigned way = branch->balance != 1u;
        struct quire_region_branch *place;
        uint32_t rest;

        heir = way == 1u ? node->next : node->prev;
        place = quire_region_branch_(grove, heir);
        rest = place->child[way];
        low = heir;
        side = way;
        if (place->parent != link) {
            low = place->parent;
            side = 1u - way;
            quire_region_index_adopt_(grove, low, side, rest);
            quire_region_index_adopt_(grove, heir, way, branch->child[way]);
        }
        quire_region_index_adopt_(grove, heir, 1u - way, branch->child[1u - way]);
        quire_region_index_hang_(grove, root, branch->parent, link, heir);
        place->balance = branch->balance;
        place->largest = branch->largest;
    }
    quire_region_index_shrink_(grove, root, low, side);
}

/* ---- Look-ups ---- */

/* The last node that begins at `addr` or before; 0 if there is none. O(log n). */
static inline uint32_t quire_region_index_floor_(const struct quire_region_book *book, uint32_t root, uint64_t addr)
{
    struct quire_region_grove_ grove = quire_region_grove_of_(book);
    uintptr_t at = root; /* as wide as an address: no conversions on the way down */
    uintptr_t best = 0;

    while (at != 0) {
        const struct quire_region_branch *branch = (const struct quire_region_branch *)(grove.branches + (at << 3));

        if (((const struct quire_region_node *)(grove.nodes + (at << 3)))->base <= addr) {
            best = at;
            at = branch->child[1];
        } else {
            at = branch->child[0];
        }
    }
    return (uint32_t)best;
}

/* Nothing was found below `link`: what its bound should have said. */
static inline void quire_region_index_tighten_(struct quire_region_grove_ grove, uint32_t link)
{
    struct quire_region_branch *branch = quire_region_branch_(grove, link);
    uint64_t largest = quire_region_hole_bytes_(quire_region_node_(grove.nodes, link));
    uint64_t below = quire_region_index_bound_(grove, branch->child[0]);

    largest = below > largest ? below : largest;
    below = quire_region_index_bound_(grove, branch->child[1]);
    branch->largest = below > largest ? below : largest;
}

/* From `addr` on in the direction of `side` (1: upwards) the first hole of more than `need` bytes; 0 if there is none. Walks
 * the tree in order, but enters no subtree whose bound is too low. */
static QUIRE_UNUSED uint32_t quire_region_index_seek_(struct quire_region_grove_ grove, uint32_t link, uint64_t addr,
                                                      unsigned side, uint64_t need)
{
    unsigned near = 1u - side;

    while (link != 0) {
        const struct quire_region_node *node = quire_region_node_(grove.nodes, link);
        const struct quire_region_branch *branch = quire_region_branch_(grove, link);
        bool passed = side == 1u ? node->last < addr : node->base > addr;

        if (!passed && quire_region_index_bound_(grove, branch->child[near]) > need) {
            link = branch->child[near];
            continue;
        }
        /* The node itself, then what lies behind it; where there is nothing, whatever the last step towards `near` passed by. */
        for (;;) {
            if (!passed && quire_region_hole_bytes_(node) > need) {
                return link;
            }
            if (quire_region_index_bound_(grove, branch->child[side]) > need) {
                link = branch->child[side];
                break;
            }
            do {
                uint32_t below = link;

                quire_region_index_tighten_(grove, link);
                link = quire_region_branch_(grove, link)->parent;
                if (link == 0) {
                    return 0;
                }
                branch = quire_region_branch_(grove, link);
                passed = branch->child[near] != below;
            } while (passed);
            node = quire_region_node_(grove.nodes, link);
        }
    }
    return 0;
}

/* The same for a hole with last - base >= need. Only a hole that is alone has more than 2^64 - 1 bytes: it is looked at
 * itself. */
static inline uint32_t quire_region_index_find_(const struct quire_region_book *book, uint32_t root, uint64_t addr,
                                                unsigned side, uint64_t need)
{
    uint32_t link = quire_region_index_seek_(quire_region_grove_of_(book), root, addr, side, need - (need == UINT64_MAX));
    const struct quire_region_node *node;

    if (link == 0) {
        return 0;
    }
    node = quire_region_node_(book->origin, link);
    return node->last - node->base >= need ? link : 0;
}

/* The lowest hole with last >= addr and last - base >= need; 0 if there is none. O(log n), and what it takes to correct
 * bounds that have become too high, once. */
static QUIRE_NOINLINE QUIRE_UNUSED uint32_t quire_region_index_up_(const struct quire_region_book *book, uint32_t root,
                                                                   uint64_t addr, uint64_t need)
{
    return quire_region_index_find_(book, root, addr, 1, need);
}

/* The highest hole with base <= addr and last - base >= need; 0 if there is none. O(log n), and what it takes to correct
 * bounds that have become too high, once. */
static QUIRE_NOINLINE QUIRE_UNUSED uint32_t quire_region_index_down_(const struct quire_region_book *book, uint32_t root,
                                                                     uint64_t addr, uint64_t need)
{
    return quire_region_index_find_(book, root, addr, 0, need);
}

QUIRE_END

#endif
