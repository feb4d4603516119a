/* quire/region_place.h - where a region allocator puts a request: policies, limits, guards, any alignment. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_REGION_PLACE_H
#define QUIRE_REGION_PLACE_H

#include "base.h"
#include "region_engine.h"

/*
 * A request asks for an extent: the region and its guards, in one hole.
 *
 *     min <= [ guard before ][ region, aligned ][ guard after ] <= max
 */
QUIRE_BEGIN

enum quire_region_policy {
    QUIRE_REGION_BEST_FIT, /* a hole with as little room as will do; its lowest address */
    QUIRE_REGION_LOWEST,   /* the lowest address of all */
    QUIRE_REGION_HIGHEST,  /* the highest address of all */
    QUIRE_REGION_RANDOM    /* any address that has room, each as likely as any other */
};

/* Look at no more than QUIRE_REGION_LOOKS nodes where it says O(n) or amortised below, from a limit (with the index) or an
 * end on: the answer may then be NO_SPACE though a hole fits, and the choice is among those looked at. Not with RANDOM, whose
 * choice would be none. */
#define QUIRE_REGION_BOUNDED 1u
#define QUIRE_REGION_LOOKS 32u

/*
 * Zero-initialise it, then set the size and what else matters.
 *
 * Every answer but a BOUNDED one is exact: NO_SPACE means that no hole fits. Costs:
 *   best fit without limits, the alignment the unit or declared, no guard before or a multiple of the alignment: O(1);
 *   the same with any other alignment or guard: O(1) if some hole has room wherever it begins, else O(n); the hole is then a small
 *     one that fits, not always the smallest;
 *   limits, LOWEST, HIGHEST: with the index O(log n) for each hole that is large enough but does not fit, amortised: after many
 *     allocations the first such search may correct hints at every node, once. Else O(n);
 *   RANDOM: O(n), two passes.
 */
struct quire_region_request {
    uint64_t size;         /* (must) bytes, rounded up to units */
    uint64_t align;        /* of the region's base; a power of two, 0: the unit */
    uint64_t min;          /* nothing of the extent lies below; */
    uint64_t max;          /* nothing above. 0: no limit */
    uint64_t guard_before; /* bytes kept away from everybody in front of the region; 0, or a power of two, from the */
    uint64_t guard_after;  /* unit up to 2^62 units */
    uint64_t entropy;      /* RANDOM: 64 random bits; the choice is as good as they are. Nothing is drawn for you */
    enum quire_region_policy policy;
    unsigned flags; /* QUIRE_REGION_BOUNDED */
};

QUIRE_END

#endif /* QUIRE_REGION_PLACE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_REGION_PLACE_IMPLEMENTED)
#define QUIRE_REGION_PLACE_IMPLEMENTED

QUIRE_BEGIN

/* A request in the terms of the search. Lengths are one less than what they count, as everywhere here. */
struct quire_region_want_ {
    uint64_t len;    /* of the extent, bytes - 1 */
    uint64_t before; /* guard, bytes */
    uint64_t mask;   /* alignment - 1 */
    uint64_t min;
    uint64_t max;
    uint64_t guards; /* in their places in a key */
    unsigned looks;  /* nodes that may still be looked at */
    bool bounded;    /* there is a limit to them */
};

/* Stores where the extent of `want` begins at the lowest or highest place in the hole; false if it has no room. */
static inline bool quire_region_lowest_in_(const struct quire_region_node *hole, const struct quire_region_want_ *want,
                                           uint64_t *base)
{
    uint64_t from = hole->base > want->min ? hole->base : want->min;
    uint64_t to = hole->last < want->max ? hole->last : want->max;
    uint64_t inner = from + want->before;
    uint64_t at = (inner + want->mask) & ~want->mask;

    *base = at - want->before;
    return inner >= from && at >= inner && *base <= to && to - *base >= want->len;
}

static inline bool quire_region_highest_in_(const struct quire_region_node *hole, const struct quire_region_want_ *want,
                                            uint64_t *base)
{
    uint64_t from = hole->base > want->min ? hole->base : want->min;
    uint64_t to = hole->last < want->max ? hole->last : want->max;
    uint64_t at;

    if (from > to || to - from < want->len) {
        return false;
    }
    at = (to - want->len + want->before) & ~want->mask;
    *base = at - want->before;
    return at >= want->before && *base >= from;
}

/* ---- Holes in the order of addresses ---- */

/* From `link` on, itself included, in the direction of `side` (1: upwards), the first hole; 0 if there is none, or no look
 * left. */
static uint32_t quire_region_next_hole_(const struct quire_region_allocator *a, uint32_t link, unsigned side,
                                        struct quire_region_want_ *want)
{
    while (link != 0) {
        const struct quire_region_node *node = quire_region_at_(a, link);

        if (want->looks == 0 || (side == 1u ? node->base > want->max : node->last < want->min)) {
            return 0;
        }
        want->looks--;
        if (!quire_region_is_allocated_(node)) {
            return link;
        }
        link = side == 1u ? node->next : node->prev;
    }
    return 0;
}

/* The node to begin with in the direction of `side`: at the limit if the index finds it, else at the end of the list. */
static uint32_t quire_region_outermost_(const struct quire_region_allocator *a, unsigned side,
                                        const struct quire_region_want_ *want)
{
    uint32_t link = a->indexed ? quire_region_index_floor_(a->book, a->root, side == 1u ? want->min : want->max) : 0;

    if (side == 1u) {
        return link != 0 ? link : a->first;
    }
    return a->indexed ? link : a->last;
}

/* The first hole in the direction of `side` that may have room, behind the hole `link` (0: from the limit on). */
static uint32_t quire_region_next_room_(const struct quire_region_allocator *a, uint32_t link, unsigned side,
                                        struct quire_region_want_ *want)
{
    const struct quire_region_node *node = link != 0 ? quire_region_at_(a, link) : NULL;
    uint64_t from;

    if (!a->indexed || want->bounded) {
        link = node == NULL ? quire_region_outermost_(a, side, want) : side == 1u ? node->next : node->prev;
        return quire_region_next_hole_(a, link, side, want);
    }
    if (side == 1u) {
        from = node != NULL ? node->last + 1u : want->min;
        link = node != NULL && from == 0 ? 0 : quire_region_index_up_(a->book, a->root, from, want->len);
        return link != 0 && quire_region_at_(a, link)->base > want->max ? 0 : link;
    }
    from = node != NULL ? node->base - 1u : want->max;
    link = node != NULL && node->base == 0 ? 0 : quire_region_index_down_(a->book, a->root, from, want->len);
    return link != 0 && quire_region_at_(a, link)->last < want->min ? 0 : link;
}

/* ---- Searches by address ---- */

static uint32_t quire_region_place_outermost_(const struct quire_region_allocator *a, struct quire_region_want_ *want,
                                              unsigned side, uint64_t *base)
{
    uint32_t link = 0;

    while ((link = quire_region_next_room_(a, link, side, want)) != 0) {
        const struct quire_region_node *hole = quire_region_at_(a, link);

        if (side == 1u ? quire_region_lowest_in_(hole, want, base) : quire_region_highest_in_(hole, want, base)) {
            return link;
        }
    }
    return 0;
}

static uint32_t quire_region_place_smallest_(const struct quire_region_allocator *a, struct quire_region_want_ *want,
                                             uint64_t *base)
{
    uint64_t least = UINT64_MAX;
    uint64_t at;
    uint32_t best = 0;
    uint32_t link = 0;

    while ((link = quire_region_next_room_(a, link, 1, want)) != 0) {
        const struct quire_region_node *hole = quire_region_at_(a, link);

        if ((best == 0 || hole->last - hole->base < least) && quire_region_lowest_in_(hole, want, &at)) {
            best = link;
            least = hole->last - hole->base;
            *base = at;
        }
    }
    return best;
}

/* How many places the extent has in the hole, less one; false if none. */
static bool quire_region_places_in_(const struct quire_region_node *hole, const struct quire_region_want_ *want,
                                    uint64_t *lowest, uint64_t *more)
{
    uint64_t highest;

    if (!quire_region_lowest_in_(hole, want, lowest) || !quire_region_highest_in_(hole, want, &highest)) {
        return false;
    }
    *more = (highest - *lowest) >> quire_bits_high(want->mask + 1u);
    return true;
}

/* x of 2^64 as so much of `total`: the upper half of their product, without a division that a 32-bit compiler calls a library
 * for. */
static inline uint64_t quire_region_scale_(uint64_t x, uint64_t total)
{
    uint64_t mid = (x >> 32) * (total & UINT32_MAX) + (((x & UINT32_MAX) * (total & UINT32_MAX)) >> 32);
    uint64_t low = (x & UINT32_MAX) * (total >> 32) + (mid & UINT32_MAX);

    return (x >> 32) * (total >> 32) + (mid >> 32) + (low >> 32);
}

/* Of all places in all holes the one that `entropy` names. With more than 2^64 places, of the first 2^64 - 1. */
static uint32_t quire_region_place_random_(const struct quire_region_allocator *a, struct quire_region_want_ *want,
                                           uint64_t entropy, uint64_t *base)
{
    uint64_t total = 0;
    uint64_t more;
    uint32_t link = 0;

    while ((link = quire_region_next_room_(a, link, 1, want)) != 0) {
        if (quire_region_places_in_(quire_region_at_(a, link), want, base, &more)) {
            total = more >= UINT64_MAX - total ? UINT64_MAX : total + more + 1u;
        }
    }
    if (total == 0) {
        return 0;
    }
    entropy = quire_region_scale_(entropy, total);
    while ((link = quire_region_next_room_(a, link, 1, want)) != 0) {
        if (quire_region_places_in_(quire_region_at_(a, link), want, base, &more)) {
            if (entropy <= more) {
                *base += entropy * (want->mask + 1u);
                break;
            }
            entropy -= more + 1u;
        }
    }
    return link;
}

/* ---- Best fit through the bins ---- */

/* The class with the greatest alignment that is not above mask + 1. */
static inline unsigned quire_region_class_(const struct quire_region_allocator *a, uint64_t mask)
{
    unsigned c = a->classes - 1u;

    while (c != 0 && a->bins[c].mask > mask) {
        c--;
    }
    return c;
}

/* Where holes of class `c` may not fit, because it is aligned to less than was asked for. First some of the smallest that are
 * large enough, from `link` on, then one that has room wherever it begins. 0 if there is neither. */
static uint32_t quire_region_place_padded_(const struct quire_region_allocator *a, const struct quire_region_want_ *want,
                                           unsigned c, uint32_t link, uint64_t *base)
{
    const struct quire_region_bins *bins = &a->bins[c];
    uintptr_t origin = a->book->origin;
    uint64_t padded = want->len + (want->mask - bins->mask);
    unsigned looks;
    uint32_t bin;

    for (looks = 0; looks < 4u && link != 0; looks++) {
        if (quire_region_lowest_in_(quire_region_at_(a, link), want, base)) {
            return link;
        }
        /* The next of the same list; a tree's children are as good. */
        link = quire_region_links_(bins, origin, link)[1];
    }
    link = quire_region_bins_fit_(bins, origin, padded >> a->shift, &bin);
    return link != 0 && quire_region_lowest_in_(quire_region_at_(a, link), want, base) ? link : 0;
}

/* Best fit without limits. `link` is the smallest hole that is large enough in the class of the request's alignment, 0 if
 * that has not been looked up. */
static uint32_t quire_region_place_best_(const struct quire_region_allocator *a, struct quire_region_want_ *want, uint32_t link,
                                         uint64_t *base)
{
    unsigned c = quire_region_class_(a, want->mask);
    bool exact = a->bins[c].mask == want->mask && (want->before & want->mask) == 0;
    uint32_t bin;

    while ((want->before & a->bins[c].mask) != 0 && !exact) {
        c--; /* the unit divides every guard */
        link = 0;
    }
    if (link == 0) {
        link = quire_region_bins_fit_(&a->bins[c], a->book->origin, want->len >> a->shift, &bin);
    }
    if (link == 0 || exact) {
        return link != 0 && quire_region_lowest_in_(quire_region_at_(a, link), want, base) ? link : 0;
    }
    link = quire_region_place_padded_(a, want, c, link, base);
    return link != 0 ? link : quire_region_place_smallest_(a, want, base);
}

/* Chooses a hole and where in it the extent begins; 0 if none fits. */
static inline uint32_t quire_region_place_(const struct quire_region_allocator *a, struct quire_region_want_ *want,
                                           const struct quire_region_request *request, uint64_t *base)
{
    switch (request->policy) {
    case QUIRE_REGION_LOWEST:
        return quire_region_place_outermost_(a, want, 1, base);
    case QUIRE_REGION_HIGHEST:
        return quire_region_place_outermost_(a, want, 0, base);
    case QUIRE_REGION_RANDOM:
        return quire_region_place_random_(a, want, request->entropy, base);
    case QUIRE_REGION_BEST_FIT:
    default:
        break;
    }
    if (want->min == 0 && want->max == UINT64_MAX) {
        return quire_region_place_best_(a, want, 0, base);
    }
    return quire_region_place_smallest_(a, want, base);
}

/* ---- From request to want ---- */

/* Stores a guard's place in a key; false if it is no guard. */
static bool quire_region_guard_code_(const struct quire_region_allocator *a, uint64_t guard, unsigned at, uint64_t *guards)
{
    if (guard == 0) {
        return true;
    }
    if (!quire_bits_one(guard) || guard >> a->shift == 0) {
        return false;
    }
    /* 2^63 bytes by units of 1 would not fit in its six bits, nor in any space beside a region. */
    if (quire_bits_high(guard) - a->shift > 62u) {
        return false;
    }
    *guards |= (uint64_t)(quire_bits_high(guard) - a->shift + 1u) << at;
    return true;
}

static inline enum quire_status quire_region_read_(const struct quire_region_allocator *a,
                                                   const struct quire_region_request *request, struct quire_region_want_ *want)
{
    uint64_t unit_mask = a->bins[0].mask;
    uint64_t guards = request->guard_before + request->guard_after;

    if (request->size == 0 || request->size - 1u > UINT64_MAX - 1u - unit_mask ||
        (request->align & (request->align - 1u)) != 0 || (unsigned)request->policy > (unsigned)QUIRE_REGION_RANDOM ||
        (request->flags & ~QUIRE_REGION_BOUNDED) != 0 || (request->flags != 0 && request->policy == QUIRE_REGION_RANDOM)) {
        return QUIRE_INVALID;
    }
    want->min = request->min;
    want->max = request->max != 0 ? request->max : UINT64_MAX;
    want->guards = 0;
    if (want->min > want->max ||
        !quire_region_guard_code_(a, request->guard_before, QUIRE_REGION_BEFORE_SHIFT, &want->guards) ||
        !quire_region_guard_code_(a, request->guard_after, QUIRE_REGION_AFTER_SHIFT, &want->guards)) {
        return QUIRE_INVALID;
    }
    want->len = (request->size - 1u) | unit_mask;
    want->before = request->guard_before;
    want->mask = request->align > unit_mask ? request->align - 1u : unit_mask;
    want->bounded = (request->flags & QUIRE_REGION_BOUNDED) != 0;
    want->looks = want->bounded ? QUIRE_REGION_LOOKS : ~0u;
    if (guards < request->guard_before || want->len + guards < want->len) {
        return QUIRE_NO_SPACE; /* more than 2^64 bytes */
    }
    want->len += guards;
    return QUIRE_OK;
}

QUIRE_END

#endif
