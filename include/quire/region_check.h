/* quire/region_check.h - are all invariants of a region allocator true? SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_REGION_CHECK_H
#define QUIRE_REGION_CHECK_H

#include "base.h"
#include "region_bins.h"
#include "region_book.h"
#include "region_engine.h"
#include "region_index.h"

/*
 * The tests' main instrument, and yours: call it in your kernel's debug build when something looks odd.
 *
 * It ends and does not crash whatever is in the nodes, as long as every link leads to a node of the book's slabs.
 */
QUIRE_BEGIN

/* Returns OK, or CORRUPT and in *what (may be null) the first violation found, as text; INVALID: null, or an allocator that
 * has no book. Changes nothing. O(n), where sizes above 2^exact_log units are many O(n log n); its bins besides. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_check(const struct quire_region_allocator *a, const char **what)
    QUIRE_SYM(quire_region_check);

/* The same for a book: its free nodes and its counts. INVALID: null. O(free nodes). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_book_check(const struct quire_region_book *book, const char **what)
    QUIRE_SYM(quire_region_book_check);

QUIRE_END

#endif /* QUIRE_REGION_CHECK_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_REGION_CHECK_IMPLEMENTED)
#define QUIRE_REGION_CHECK_IMPLEMENTED

QUIRE_BEGIN

/* Every function below returns what is wrong, null if nothing is. */

/* ---- The list by address ---- */

struct quire_region_check_sums_ {
    uint32_t holes;
    uint32_t allocated;
    uint64_t available;
    uint64_t managed;
};

/* Can the guards of an allocated node be, and does a unit lie between them? */
static bool quire_region_check_guards_(const struct quire_region_allocator *a, const struct quire_region_node *node)
{
    unsigned before = (unsigned)(node->u.key >> QUIRE_REGION_BEFORE_SHIFT) & 63u;
    unsigned after = (unsigned)(node->u.key >> QUIRE_REGION_AFTER_SHIFT) & 63u;
    uint64_t room = node->last - node->base;

    if ((before != 0 && before - 1u + a->shift > 63u) || (after != 0 && after - 1u + a->shift > 63u)) {
        return false;
    }
    if (quire_region_guard_(a, node->u.key, QUIRE_REGION_BEFORE_SHIFT) > room) {
        return false;
    }
    room -= quire_region_guard_(a, node->u.key, QUIRE_REGION_BEFORE_SHIFT);
    return quire_region_guard_(a, node->u.key, QUIRE_REGION_AFTER_SHIFT) <= room;
}

static const char *quire_region_check_node_(const struct quire_region_allocator *a, const struct quire_region_node *node,
                                            const struct quire_region_node *before)
{
    if (node->base > node->last || ((node->base | ~node->last) & a->bins[0].mask) != 0) {
        return "list: a node is no range of units";
    }
    if (before != NULL && before->last >= node->base) {
        return "list: nodes overlap or do not ascend";
    }
    if (!quire_region_is_allocated_(node)) {
        return before != NULL && !quire_region_is_allocated_(before) && before->last + 1u == node->base
                   ? "list: holes touch and have not merged"
                   : NULL;
    }
    if (!quire_region_check_guards_(a, node)) {
        return "list: a region is smaller than its guards";
    }
    if ((node->u.key & (QUIRE_REGION_NUMBER_END - 1u)) >= (a->book->number & (2u * QUIRE_REGION_NUMBER_END - 1u))) {
        return "list: a region has a number that was not drawn yet";
    }
    return NULL;
}

static const char *quire_region_check_list_(const struct quire_region_allocator *a, struct quire_region_check_sums_ *sums)
{
    const struct quire_region_node *before = NULL;
    uint32_t before_link = 0;
    uint32_t link = a->first;
    uint32_t n;

    QUIRE_MEMSET(sums, 0, sizeof *sums);
    for (n = 0; link != 0; n++) {
        const struct quire_region_node *node = quire_region_at_(a, link);
        const char *what;

        if (n >= quire_region_book_used(a->book)) {
            return "list: it has more nodes than the book gave out";
        }
        if (node->prev != before_link) {
            return "list: neighbours disagree";
        }
        what = quire_region_check_node_(a, node, before);
        if (what != NULL) {
            return what;
        }
        sums->managed += node->last - node->base + 1u;
        if (quire_region_is_allocated_(node)) {
            sums->allocated++;
        } else {
            sums->holes++;
            sums->available += node->last - node->base + 1u;
        }
        before = node;
        before_link = link;
        link = node->next;
    }
    return a->last == before_link ? NULL : "list: its end is somewhere else";
}

/* ---- Bins ---- */

/* One class while it is walked. */
struct quire_region_check_bins_ {
    const struct quire_region_bins *bins;
    uintptr_t origin;
    uint32_t left; /* holes that have a key here and were not met yet */
};

/* Stores the key of what was met in the class; says whether it can be there. */
static const char *quire_region_check_member_(struct quire_region_check_bins_ *in, uint32_t link, uint64_t *key)
{
    const struct quire_region_node *node = quire_region_node_(in->origin, link);

    if (quire_region_is_allocated_(node)) {
        return "bins: a region is in one";
    }
    if (!quire_region_key_(in->bins, node, key)) {
        return "bins: a hole is in a class for which it is too small";
    }
    return in->left-- == 0 ? "bins: one has more in it than there are holes" : NULL;
}

/* The list behind its first, all with the same key. */
static const char *quire_region_check_bin_list_(struct quire_region_check_bins_ *in, uint32_t first, uint64_t first_key)
{
    uint32_t before = first;
    uint32_t link = quire_region_links_(in->bins, in->origin, first)[1];
    uint64_t key = 0;

    while (link != 0) {
        const char *what = quire_region_check_member_(in, link, &key);

        if (what != NULL) {
            return what;
        }
        if (key != first_key) {
            return "bins: a hole is in the wrong one";
        }
        if (quire_region_links_(in->bins, in->origin, link)[0] != before) {
            return "bins: neighbours in a list disagree";
        }
        before = link;
        link = quire_region_links_(in->bins, in->origin, link)[1];
    }
    return NULL;
}

/* The place to which `depth` steps on the way of (key, link) lead; null if they end sooner. As quire_region_tree_walk_(). */
static const uint32_t *quire_region_check_way_(const struct quire_region_check_bins_ *in, const uint32_t *at, uint64_t key,
                                               unsigned open, uint32_t link, unsigned depth)
{
    uint64_t bits = open != 0 ? key << (64u - open) : 0;
    unsigned i;

    for (i = 0; i < depth; i++) {
        if (*at == 0) {
            return NULL;
        }
        if (i == open) {
            bits = (uint64_t)(uint32_t)(link * 0x9e3779b1u) << 32;
        }
        at = quire_region_links_(in->bins, in->origin, *at) + (bits >> 63);
        bits <<= 1;
    }
    return at;
}

#define QUIRE_REGION_CHECK_DEPTH_ 100u /* bits of a key and of a link, and some */

/* The tree of a wide bin: every hole must be where its own way leads, which is one place. */
static const char *quire_region_check_tree_(struct quire_region_check_bins_ *in, const uint32_t *root, uint32_t bin)
{
    const uint32_t *place[QUIRE_REGION_CHECK_DEPTH_ + 1u]; /* yet to be looked at */
    uint8_t depth[QUIRE_REGION_CHECK_DEPTH_ + 1u];
    unsigned n = 1;

    place[0] = root;
    depth[0] = 0;
    while (n-- > 0) {
        const uint32_t *at = place[n];
        unsigned side;
        unsigned open;
        uint64_t key = 0;
        const char *what;

        if (*at == 0) {
            continue;
        }
        what = quire_region_check_member_(in, *at, &key);
        if (what != NULL) {
            return what;
        }
        if (key < in->bins->exact || quire_region_wide_bin_(in->bins, key, &open) != bin) {
            return "bins: a hole is in the wrong one";
        }
        if (quire_region_check_way_(in, root, key, open, *at, depth[n]) != at || depth[n] == QUIRE_REGION_CHECK_DEPTH_ - 1u) {
            return "bins: a hole is not where a search for it leads";
        }
        at = quire_region_links_(in->bins, in->origin, *at);
        depth[n + 1u] = depth[n];
        for (side = 0; side < 2u; side++, n++) {
            place[n] = at + side;
            depth[n]++;
        }
    }
    return NULL;
}

static const char *quire_region_check_bin_(struct quire_region_check_bins_ *in, uint32_t bin)
{
    uint32_t first = in->bins->head[bin];
    bool marked = ((in->bins->map[bin >> 6] >> (bin & 63u)) & 1u) != 0;
    const uint32_t *links;
    const char *what;
    uint64_t key = 0;
    unsigned open;

    if (marked != (first != 0)) {
        return "bins: the map and a head disagree";
    }
    if (first == 0) {
        return NULL;
    }
    what = quire_region_check_member_(in, first, &key);
    if (what != NULL) {
        return what;
    }
    if ((key < in->bins->exact ? (uint32_t)key : quire_region_wide_bin_(in->bins, key, &open)) != bin) {
        return "bins: a hole is in the wrong one";
    }
    links = quire_region_links_(in->bins, in->origin, first);
    if (key >= in->bins->exact) {
        what = quire_region_check_tree_(in, &links[0], bin);
    } else if (links[0] != 0) {
        what = "bins: neighbours in a list disagree";
    }
    return what != NULL ? what : quire_region_check_bin_list_(in, first, key);
}

static const char *quire_region_check_class_(const struct quire_region_allocator *a, unsigned c)
{
    struct quire_region_check_bins_ in;
    uint32_t link;
    uint32_t word;
    uint32_t bin;
    uint64_t key;

    in.bins = &a->bins[c];
    in.origin = a->book->origin;
    in.left = 0;
    for (link = a->first; link != 0; link = quire_region_at_(a, link)->next) {
        const struct quire_region_node *node = quire_region_at_(a, link);

        in.left += !quire_region_is_allocated_(node) && quire_region_key_(in.bins, node, &key);
    }
    for (word = 0; word < 128u; word++) {
        bool marked = ((in.bins->summary[word >> 6] >> (word & 63u)) & 1u) != 0;

        if (marked != (word < in.bins->words && in.bins->map[word] != 0)) {
            return "bins: the summary and the map disagree";
        }
    }
    for (bin = 0; bin < in.bins->words * 64u; bin++) {
        const char *what = quire_region_check_bin_(&in, bin);

        if (what != NULL) {
            return what;
        }
    }
    return in.left == 0 ? NULL : "bins: a hole is in none";
}

/* ---- Index ---- */

/* The way from the root to a node, for a walk that trusts no link to a parent. */
struct quire_region_check_path_ {
    uint32_t link[QUIRE_REGION_INDEX_HEIGHT_MAX];
    uint8_t sides[QUIRE_REGION_INDEX_HEIGHT_MAX];  /* of it that are behind us */
    uint8_t low[QUIRE_REGION_INDEX_HEIGHT_MAX];    /* height on side 0 */
    uint64_t bytes[QUIRE_REGION_INDEX_HEIGHT_MAX]; /* of the largest hole met below it */
    unsigned depth;
};

/* Goes on to the child on the next side, if there is one; false if it cannot be one. */
static bool quire_region_check_descend_(struct quire_region_grove_ grove, struct quire_region_check_path_ *path)
{
    unsigned depth = path->depth;
    uint32_t child = quire_region_branch_(grove, path->link[depth])->child[path->sides[depth]++];

    if (child == 0) {
        return true;
    }
    if (depth + 1u == QUIRE_REGION_INDEX_HEIGHT_MAX || quire_region_branch_(grove, child)->parent != path->link[depth]) {
        return false;
    }
    path->depth = depth + 1u;
    path->link[depth + 1u] = child;
    path->sides[depth + 1u] = 0;
    path->bytes[depth + 1u] = 0;
    return true;
}

/* A node whose two subtrees have been seen. `high` is the height on side 1; the path has the rest. */
static const char *quire_region_check_branch_(struct quire_region_grove_ grove, struct quire_region_check_path_ *path,
                                              unsigned high)
{
    unsigned depth = path->depth;
    const struct quire_region_branch *branch = quire_region_branch_(grove, path->link[depth]);
    uint64_t bytes = quire_region_hole_bytes_(quire_region_node_(grove.nodes, path->link[depth]));
    unsigned low = path->low[depth];

    if (low > high + 1u || high > low + 1u || branch->balance != (low == high ? 0u : low > high ? 1u : 2u)) {
        return "index: a node is out of balance";
    }
    bytes = bytes > path->bytes[depth] ? bytes : path->bytes[depth];
    if (branch->largest < bytes) {
        return "index: a hole is larger than the bound above it";
    }
    if (depth != 0 && path->bytes[depth - 1u] < bytes) {
        path->bytes[depth - 1u] = bytes;
    }
    return NULL;
}

/* In the order of the tree its nodes must be the list's. */
static const char *quire_region_check_index_(const struct quire_region_allocator *a)
{
    struct quire_region_grove_ grove = quire_region_grove_of_(a->book);
    struct quire_region_check_path_ path;
    uint32_t expected = a->first;
    unsigned height = 0; /* of the subtree just left */

    if (a->root == 0 || quire_region_branch_(grove, a->root)->parent != 0) {
        return a->root == 0 && expected == 0 ? NULL : "index: it has no root";
    }
    path.depth = 0;
    path.link[0] = a->root;
    path.sides[0] = 0;
    path.bytes[0] = 0;
    for (;;) {
        unsigned depth = path.depth;
        const char *what;

        if (path.sides[depth] == 1u) {
            path.low[depth] = (uint8_t)height;
            if (path.link[depth] != expected) {
                return "index: a node is not in its place";
            }
            expected = quire_region_at_(a, expected)->next;
        }
        if (path.sides[depth] < 2u) {
            height = 0;
            if (!quire_region_check_descend_(grove, &path)) {
                return "index: a node does not know its parent, or is too deep";
            }
            continue;
        }
        what = quire_region_check_branch_(grove, &path, height);
        if (what != NULL) {
            return what;
        }
        height = (path.low[depth] > height ? path.low[depth] : height) + 1u;
        if (depth == 0) {
            return expected == 0 ? NULL : "index: a node is missing";
        }
        path.depth = depth - 1u;
    }
}

/* ---- All ---- */

static const char *quire_region_check_all_(const struct quire_region_allocator *a)
{
    struct quire_region_check_sums_ sums;
    const char *what = quire_region_check_list_(a, &sums);
    unsigned c;

    if (what != NULL) {
        return what;
    }
    if (sums.holes != a->holes || sums.allocated != a->allocated) {
        return "sums: nodes are counted wrongly";
    }
    if (sums.available != a->available || sums.managed != a->managed) {
        return "sums: bytes are counted wrongly";
    }
    for (c = 0; c < a->classes; c++) {
        what = quire_region_check_class_(a, c);
        if (what != NULL) {
            return what;
        }
    }
    return a->indexed ? quire_region_check_index_(a) : NULL;
}

static const char *quire_region_check_book_(const struct quire_region_book *book)
{
    uint32_t most = book->limit < book->nodes ? book->limit : book->nodes;
    uint32_t link = book->free;
    uint32_t n;

    if (book->left > most) {
        return "book: it has more nodes left than it may give out";
    }
    for (n = 0; link != 0; n++) {
        const struct quire_region_node *node = quire_region_node_(book->origin, link);

        if (n == book->nodes) {
            return "book: the list of free nodes has no end";
        }
        if (node->u.key != 0) {
            return "book: a free node has a key";
        }
        link = node->next;
    }
    if (book->nodes - n != most - book->left) {
        return "book: nodes are counted wrongly";
    }
    return book->users == 0 && n != book->nodes ? "book: nodes are taken and nobody has the book" : NULL;
}

QUIRE_API enum quire_status quire_region_check(const struct quire_region_allocator *a, const char **what)
{
    const char *own;

    what = what != NULL ? what : &own;
    *what = NULL;
    if (a == NULL || a->book == NULL) {
        return QUIRE_INVALID;
    }
    *what = quire_region_check_all_(a);
    return *what != NULL ? QUIRE_CORRUPT : QUIRE_OK;
}

QUIRE_API enum quire_status quire_region_book_check(const struct quire_region_book *book, const char **what)
{
    const char *own;

    what = what != NULL ? what : &own;
    *what = NULL;
    if (book == NULL) {
        return QUIRE_INVALID;
    }
    *what = quire_region_check_book_(book);
    return *what != NULL ? QUIRE_CORRUPT : QUIRE_OK;
}

QUIRE_END

#endif
