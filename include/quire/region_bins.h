/* quire/region_bins.h - the holes of a region allocator by size: best fit in bounded time. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_REGION_BINS_H
#define QUIRE_REGION_BINS_H

#include "base.h"
#include "bits.h"
#include "region_book.h"

/*
 * Not for users: what region.h searches. One of these per alignment class. A hole's key in a class is how many units, less one,
 * it has from its first byte of that alignment on; a hole without such a byte is not in the class. A request of n units fits
 * exactly the holes whose key is n - 1 or more, so whoever looks for the least such key has best fit, and never scans. Above
 * 2^exact_log units "least" means up to 1/64 more.
 *
 *     summary   1 bit per word of map
 *     map       1 bit per bin
 *     bins      | one key each, below 2^exact_log: a list      | 64 per power of two above: wide |
 *
 *     a wide bin:    head -> first -> next -> ...     holes with one key, as a rule all there are: large sizes are few
 *                              |
 *                            root                     a digital search tree of the others
 *                           /    \
 *
 * A digital search tree (Coffman and Eve, 1970) branches on the key's bits from the highest that its bin leaves open; every
 * hole is a node of it, equal keys are told apart by their links. So a path is at most as long as the open bits of a key and
 * the 32 of a link, without balancing. A hole has two words for its links: the neighbours in a list, or the children in a
 * tree; the first of a wide bin, which has no neighbour in front, keeps the root there.
 *
 * Keys are one less than counts because a space may have 2^64 units.
 */
QUIRE_BEGIN

#define QUIRE_REGION_EXACT_LOG_MIN 6u
#define QUIRE_REGION_EXACT_LOG_MAX 12u

struct quire_region_bins {
    uint64_t summary[2];
    uint64_t *map;
    uint32_t *head; /* of each bin: first of the list, or root */
    uint64_t mask;  /* alignment of the class, less one */
    uint64_t exact; /* 2^exact_log: keys below have a bin each */
    uint32_t exact_log;
    uint32_t wide;  /* bin = wide + 64 log2(key) + the key's seven highest bits; modulo 2^32 */
    uint32_t last;  /* the last bin, where everything is that is too large for the others */
    uint32_t words; /* of map */
    uint32_t at;    /* where in a node the links of this class are, in bytes */
    uint32_t shift; /* log2 of the unit */
};

/* Words of `map` for keys below 2^span_log, 1..64. */
#define QUIRE_REGION_BIN_WORDS(exact_log, span_log) \
    (((uint32_t)1 << (((exact_log)) - 6u)) + ((span_log) > (exact_log) ? (uint32_t)(span_log) - (uint32_t)(exact_log) : 1u))

/* Bytes of tables for one class. */
#define QUIRE_REGION_BIN_BYTES(exact_log, span_log) ((size_t)QUIRE_REGION_BIN_WORDS(exact_log, span_log) * (8u + 64u * 4u))

QUIRE_END

#endif /* QUIRE_REGION_BINS_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_REGION_BINS_IMPLEMENTED)
#define QUIRE_REGION_BINS_IMPLEMENTED

QUIRE_BEGIN

/* Makes empty bins in tables of the caller: `words` words of map, and their heads behind them. */
static inline void quire_region_bins_init_(struct quire_region_bins *bins, uint64_t *table, unsigned exact_log, uint32_t words,
                                           unsigned class_number, unsigned shift, uint64_t align)
{
    QUIRE_MEMSET(table, 0, (size_t)words * (8u + 64u * 4u));
    bins->summary[0] = 0;
    bins->summary[1] = 0;
    bins->map = table;
    bins->head = (uint32_t *)(void *)(table + words);
    bins->mask = align - 1u;
    bins->exact = (uint64_t)1 << exact_log;
    bins->exact_log = exact_log;
    bins->wide = ((uint32_t)1 << exact_log) - (exact_log << 6) - 64u;
    bins->last = words * 64u - 1u;
    bins->words = words;
    bins->at = (uint32_t)(class_number == 0 ? offsetof(struct quire_region_node, u)
                                            : sizeof(struct quire_region_node) + 8u * (class_number - 1u));
    bins->shift = shift;
}

static inline uint32_t *quire_region_links_(const struct quire_region_bins *bins, uintptr_t origin, uint32_t link)
{
    return (uint32_t *)(origin + ((uintptr_t)link << 3) + bins->at);
}

/* Stores the key of `node` in the class; false if it has none. */
static inline bool quire_region_key_(const struct quire_region_bins *bins, const struct quire_region_node *node, uint64_t *key)
{
    uint64_t start = (node->base + bins->mask) & ~bins->mask;

    *key = (node->last - start) >> bins->shift;
    return start >= node->base && start <= node->last;
}

static inline bool quire_region_bin_is_exact_(const struct quire_region_bins *bins, uint64_t key)
{
    return QUIRE_LIKELY(key < bins->exact);
}

/* The bin of a key that shares it with others, and how many of the key's low bits the bin leaves open. */
static inline uint32_t quire_region_wide_bin_(const struct quire_region_bins *bins, uint64_t key, unsigned *open)
{
    unsigned top = quire_bits_high(key);
    uint32_t bin = bins->wide + (top << 6) + (uint32_t)(key >> (top - 6u));

    *open = top - 6u;
    if (QUIRE_UNLIKELY(bin >= bins->last)) {
        *open = 64;
        return bins->last;
    }
    return bin;
}

static inline void quire_region_bin_mark_(struct quire_region_bins *bins, uint32_t bin)
{
    bins->map[bin >> 6] |= (uint64_t)1 << (bin & 63u);
    bins->summary[bin >> 12] |= (uint64_t)1 << ((bin >> 6) & 63u);
}

static inline void quire_region_bin_unmark_(struct quire_region_bins *bins, uint32_t bin)
{
    uint64_t left = bins->map[bin >> 6] & ~((uint64_t)1 << (bin & 63u));

    bins->map[bin >> 6] = left;
    if (left == 0) {
        bins->summary[bin >> 12] &= ~((uint64_t)1 << ((bin >> 6) & 63u));
    }
}

static inline uint64_t quire_region_key_at_(const struct quire_region_bins *bins, uintptr_t origin, uint32_t link)
{
    const struct quire_region_node *node = quire_region_node_(origin, link);

    return (node->last - ((node->base + bins->mask) & ~bins->mask)) >> bins->shift;
}

/* ---- Trees ---- */

/* The way of (key, link) through a tree, from the highest bit: the open bits of the key, then those of the link. Neighbouring
 * links differ in few bits; an odd multiple tells as many apart, sooner. */
struct quire_region_way_ {
    uint64_t bits;
    uint64_t more; /* what does not fit in the first word */
};

static inline struct quire_region_way_ quire_region_way_of_(uint64_t key, unsigned open, uint32_t link)
{
    uint64_t tie = (uint64_t)(uint32_t)(link * 0x9e3779b1u) << 32;
    struct quire_region_way_ way;

    if (QUIRE_LIKELY(open - 1u < 63u)) {
        way.bits = (key << (64u - open)) | (tie >> open);
        way.more = tie << (64u - open);
    } else {
        way.bits = open == 0 ? tie : key;
        way.more = open == 0 ? 0 : tie;
    }
    return way;
}

/* From `at`, the place of a root, down the way of (key, link): to the place that holds `stop`, or to the empty one. */
QUIRE_INLINE uint32_t *quire_region_tree_walk_(const struct quire_region_bins *bins, uintptr_t origin, uint32_t *at,
                                               uint64_t key, unsigned open, uint32_t link, uint32_t stop)
{
    struct quire_region_way_ way = quire_region_way_of_(key, open, link);
    uintptr_t first = origin + bins->at;
    unsigned left = 64;

    while (*at != stop && *at != 0) {
        at = (uint32_t *)(first + ((uintptr_t)*at << 3)) + (way.bits >> 63);
        way.bits <<= 1;
        if (QUIRE_UNLIKELY(--left == 0)) {
            way.bits = way.more;
        }
    }
    return at;
}

/* To where `link` is in the tree; to an empty place if it is not. */
static QUIRE_NOINLINE uint32_t *quire_region_tree_find_(const struct quire_region_bins *bins, uintptr_t origin, uint32_t *at,
                                                        uint64_t key, unsigned open, uint32_t link)
{
    return quire_region_tree_walk_(bins, origin, at, key, open, link, link);
}

/* Takes a leaf off the tree at `at`, which is not empty, and returns it. */
static uint32_t quire_region_tree_pluck_(const struct quire_region_bins *bins, uintptr_t origin, uint32_t *at)
{
    uint32_t *child = quire_region_links_(bins, origin, *at);
    uint32_t leaf;

    while ((child[0] | child[1]) != 0) {
        at = child + (child[1] != 0);
        child = quire_region_links_(bins, origin, *at);
    }
    leaf = *at;
    *at = 0;
    return leaf;
}

/* Takes out the node at `at`. Any leaf from below has the bits that lead there, and takes its place. */
static void quire_region_tree_cut_(const struct quire_region_bins *bins, uintptr_t origin, uint32_t *at)
{
    const uint32_t *links = quire_region_links_(bins, origin, *at);
    uint32_t leaf = quire_region_tree_pluck_(bins, origin, at);

    if (*at != 0) {
        uint32_t *to = quire_region_links_(bins, origin, leaf);

        to[0] = links[0];
        to[1] = links[1];
        *at = leaf;
    }
}

/* The outermost key of the tree at `root`: side 0 the least, side 1 the greatest. */
static QUIRE_NOINLINE uint32_t quire_region_tree_end_(const struct quire_region_bins *bins, uintptr_t origin, uint32_t root,
                                                      unsigned side)
{
    uint32_t best = root;
    uint64_t best_key = 0;
    uint64_t key;

    (void)quire_region_key_(bins, quire_region_node_(origin, root), &best_key);
    for (;;) {
        const uint32_t *child = quire_region_links_(bins, origin, root);

        root = child[side] != 0 ? child[side] : child[1u - side];
        if (root == 0) {
            return best;
        }
        (void)quire_region_key_(bins, quire_region_node_(origin, root), &key);
        if (side == 0 ? key < best_key : key > best_key) {
            best = root;
            best_key = key;
        }
    }
}

/* The least key that is at least `need`, in the tree of need's own bin; 0 if there is none. */
static QUIRE_NOINLINE uint32_t quire_region_tree_fit_(const struct quire_region_bins *bins, uintptr_t origin, uint32_t root,
                                                      uint64_t need, unsigned open)
{
    uint64_t bits = open != 0 ? need << (64u - open) : 0;
    uint64_t best_key = UINT64_MAX;
    uint32_t best = 0;
    uint32_t above = 0; /* the last subtree passed by whose keys are all greater */
    uint64_t key;

    while (root != 0) {
        const uint32_t *child = quire_region_links_(bins, origin, root);

        (void)quire_region_key_(bins, quire_region_node_(origin, root), &key);
        if (key >= need && (best == 0 || key < best_key)) {
            best = root;
            best_key = key;
        }
        if (key == need || open-- == 0) {
            break;
        }
        if (bits >> 63 == 0) {
            above = child[1] != 0 ? child[1] : above;
            root = child[0];
        } else {
            root = child[1];
        }
        bits <<= 1;
    }
    if (above != 0 && best_key != need) {
        uint32_t least = quire_region_tree_end_(bins, origin, above, 0);

        (void)quire_region_key_(bins, quire_region_node_(origin, least), &key);
        best = best == 0 || key < best_key ? least : best;
    }
    return best;
}

/* ---- Wide bins ---- */

static QUIRE_NOINLINE void quire_region_tree_hang_(const struct quire_region_bins *bins, uintptr_t origin, uint32_t *root,
                                                   uint64_t key, unsigned open, uint32_t link)
{
    *quire_region_tree_walk_(bins, origin, root, key, open, link, 0) = link;
}

static QUIRE_NOINLINE void quire_region_wide_insert_(struct quire_region_bins *bins, uintptr_t origin, uint32_t link,
                                                     uint64_t key)
{
    unsigned open;
    uint32_t bin = quire_region_wide_bin_(bins, key, &open);
    uint32_t *links = quire_region_links_(bins, origin, link);
    uint32_t head = bins->head[bin];
    uint32_t *first;

    if (head == 0) {
        links[0] = 0;
        links[1] = 0;
        bins->head[bin] = link;
        quire_region_bin_mark_(bins, bin);
        return;
    }
    first = quire_region_links_(bins, origin, head);
    if (quire_region_key_at_(bins, origin, head) == key) {
        links[0] = first[0];
        links[1] = head;
        first[0] = link;
        bins->head[bin] = link;
        return;
    }
    links[0] = 0;
    links[1] = 0;
    quire_region_tree_hang_(bins, origin, first, key, open, link);
}

/* Takes out the first of a wide bin. The next becomes the first; if there is none, one from the tree. */
static inline void quire_region_wide_pop_(struct quire_region_bins *bins, uintptr_t origin, uint32_t bin, const uint32_t *links)
{
    uint32_t root = links[0];
    uint32_t next = links[1];

    if (next == 0 && root != 0) {
        next = quire_region_tree_pluck_(bins, origin, &root);
        quire_region_links_(bins, origin, next)[1] = 0;
    }
    bins->head[bin] = next;
    if (next != 0) {
        quire_region_links_(bins, origin, next)[0] = root;
    } else {
        quire_region_bin_unmark_(bins, bin);
    }
}

/* A hole with the list's key may be in the tree all the same: it may have been there before the list had this key. */
static QUIRE_NOINLINE void quire_region_wide_remove_(struct quire_region_bins *bins, uintptr_t origin, uint32_t link,
                                                     uint64_t key)
{
    unsigned open;
    uint32_t bin = quire_region_wide_bin_(bins, key, &open);
    const uint32_t *links = quire_region_links_(bins, origin, link);
    uint32_t *first;

    if (bins->head[bin] == link) {
        quire_region_wide_pop_(bins, origin, bin, links);
        return;
    }
    first = quire_region_links_(bins, origin, bins->head[bin]);
    if (*first != 0) {
        uint32_t *at = quire_region_tree_find_(bins, origin, first, key, open, link);

        if (*at == link) {
            quire_region_tree_cut_(bins, origin, at);
            return;
        }
    }
    quire_region_links_(bins, origin, links[0])[1] = links[1];
    if (links[1] != 0) {
        quire_region_links_(bins, origin, links[1])[0] = links[0];
    }
}

/* The outermost key of the wide bin with this first hole: side 0 the least, side 1 the greatest. */
static QUIRE_NOINLINE uint32_t quire_region_wide_end_(const struct quire_region_bins *bins, uintptr_t origin, uint32_t first,
                                                      unsigned side)
{
    uint32_t root = quire_region_links_(bins, origin, first)[0];
    uint64_t key;

    if (root == 0) {
        return first;
    }
    root = quire_region_tree_end_(bins, origin, root, side);
    key = quire_region_key_at_(bins, origin, root);
    return (key < quire_region_key_at_(bins, origin, first)) == (side == 0) ? root : first;
}

/* The least key that is at least `need`, in need's own bin; 0 if there is none. What was returned is often asked for again:
 * then the first is it. */
static inline uint32_t quire_region_wide_fit_(const struct quire_region_bins *bins, uintptr_t origin, uint32_t first,
                                              uint64_t need, unsigned open)
{
    uint64_t key = quire_region_key_at_(bins, origin, first);
    uint32_t root;

    if (key == need) {
        return first;
    }
    root = quire_region_links_(bins, origin, first)[0];
    root = root != 0 ? quire_region_tree_fit_(bins, origin, root, need, open) : 0;
    if (key < need || (root != 0 && quire_region_key_at_(bins, origin, root) < key)) {
        return root;
    }
    return first;
}

/* ---- Lists ---- */

/*
 * `at` is bins->at, which callers that know the class hand down as a constant.
 *
 * Exact bins number less than 2^12: their words are all in the first word of the summary.
 */
#define QUIRE_REGION_AT_UNIT_ ((uint32_t)offsetof(struct quire_region_node, u))

QUIRE_INLINE void quire_region_list_push_(struct quire_region_bins *bins, uintptr_t origin, uint32_t at, uint32_t bin,
                                          uint32_t link)
{
    uint32_t *links = (uint32_t *)(origin + ((uintptr_t)link << 3) + at);
    uint32_t head = bins->head[bin];

    links[0] = 0;
    links[1] = head;
    bins->head[bin] = link;
    if (head != 0) {
        *(uint32_t *)(origin + ((uintptr_t)head << 3) + at) = link;
    } else {
        bins->map[bin >> 6] |= (uint64_t)1 << (bin & 63u);
        bins->summary[0] |= (uint64_t)1 << (bin >> 6);
    }
}

/* Takes out the first of the list; `behind` follows it. */
QUIRE_INLINE void quire_region_list_pop_(struct quire_region_bins *bins, uintptr_t origin, uint32_t at, uint32_t bin,
                                         uint32_t behind)
{
    bins->head[bin] = behind;
    if (behind != 0) {
        *(uint32_t *)(origin + ((uintptr_t)behind << 3) + at) = 0;
    } else {
        uint64_t left = bins->map[bin >> 6] & ~((uint64_t)1 << (bin & 63u));

        bins->map[bin >> 6] = left;
        if (left == 0) {
            bins->summary[0] &= ~((uint64_t)1 << (bin >> 6));
        }
    }
}

/* ---- What the allocator calls ---- */

/* Takes out `link`, which is the first of its bin. O(1), from a wide bin as below. */
QUIRE_INLINE void quire_region_bins_pop_(struct quire_region_bins *bins, uintptr_t origin, uint32_t at, uint32_t bin,
                                         uint32_t link)
{
    const uint32_t *links = (const uint32_t *)(origin + ((uintptr_t)link << 3) + at);

    if (QUIRE_LIKELY(bin < bins->exact)) {
        quire_region_list_pop_(bins, origin, at, bin, links[1]);
    } else {
        quire_region_wide_pop_(bins, origin, bin, links);
    }
}

/* Puts the hole `link`, whose key this is, in its bin. O(1), above 2^exact_log O(open bits of the key + 32). */
QUIRE_INLINE void quire_region_bins_insert_(struct quire_region_bins *bins, uintptr_t origin, uint32_t at, uint32_t link,
                                            uint64_t key)
{
    if (quire_region_bin_is_exact_(bins, key)) {
        quire_region_list_push_(bins, origin, at, (uint32_t)key, link);
    } else {
        quire_region_wide_insert_(bins, origin, link, key);
    }
}

/* Takes it out. The same cost. */
QUIRE_INLINE void quire_region_bins_remove_(struct quire_region_bins *bins, uintptr_t origin, uint32_t at, uint32_t link,
                                            uint64_t key)
{
    const uint32_t *links = (const uint32_t *)(origin + ((uintptr_t)link << 3) + at);
    uint32_t before = links[0];
    uint32_t behind = links[1];

    if (!quire_region_bin_is_exact_(bins, key)) {
        quire_region_wide_remove_(bins, origin, link, key);
    } else if (before == 0) {
        quire_region_list_pop_(bins, origin, at, (uint32_t)key, behind);
    } else {
        ((uint32_t *)(origin + ((uintptr_t)before << 3) + at))[1] = behind;
        if (behind != 0) {
            *(uint32_t *)(origin + ((uintptr_t)behind << 3) + at) = before;
        }
    }
}

/* The first bin at `bin` or above that has something in it; UINT32_MAX if there is none. */
QUIRE_INLINE uint32_t quire_region_bins_next_(const struct quire_region_bins *bins, uint32_t bin)
{
    uint32_t word = bin >> 6;
    uint64_t bits = bins->map[word] >> (bin & 63u);
    if (bits != 0) {
        return bin + quire_bits_low(bits);
    }
    word++;
    bits = word < 128u ? bins->summary[word >> 6] >> (word & 63u) : 0;
    if (bits == 0) {
        if (word >= 64u || bins->summary[1] == 0) {
            return UINT32_MAX;
        }
        word = 64;
        bits = bins->summary[1];
    }
    word += quire_bits_low(bits);
    return word * 64u + quire_bits_low(bins->map[word]);
}

/* A hole whose key is at least `need`, and in *bin where it is; 0 if there is none. In need's own bin, in exact bins and in
 * the last it is the least such key; else it is in the bin of the least, whose keys differ by less than 1/64. The same cost. */
QUIRE_INLINE uint32_t quire_region_bins_fit_(const struct quire_region_bins *bins, uintptr_t origin, uint64_t need,
                                             uint32_t *bin)
{
    uint32_t at = (uint32_t)need;

    if (!quire_region_bin_is_exact_(bins, need)) {
        unsigned open;
        uint32_t found;

        at = quire_region_wide_bin_(bins, need, &open);
        *bin = at;
        found = bins->head[at];
        found = found != 0 ? quire_region_wide_fit_(bins, origin, found, need, open) : 0;
        if (found != 0) {
            return found;
        }
        at++;
    }
    if (at > bins->last) {
        return 0;
    }
    at = quire_region_bins_next_(bins, at);
    if (at == UINT32_MAX) {
        return 0;
    }
    *bin = at;
    return QUIRE_UNLIKELY(at == bins->last) ? quire_region_wide_end_(bins, origin, bins->head[at], 0) : bins->head[at];
}

/* The hole with the greatest key; 0 if there is none. The same cost. */
static inline uint32_t quire_region_bins_largest_(const struct quire_region_bins *bins, uintptr_t origin)
{
    unsigned half = bins->summary[1] != 0;
    uint32_t word;
    uint32_t bin;

    if (bins->summary[half] == 0) {
        return 0;
    }
    word = half * 64u + quire_bits_high(bins->summary[half]);
    bin = word * 64u + quire_bits_high(bins->map[word]);
    return bin < bins->exact ? bins->head[bin] : quire_region_wide_end_(bins, origin, bins->head[bin], 1);
}

QUIRE_END

#endif
