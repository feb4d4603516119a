/* quire/region_range.h - ranges of a region allocator: add, subtract, walk, ask. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_REGION_RANGE_H
#define QUIRE_REGION_RANGE_H

#include "base.h"
#include "region_engine.h"

/*
 * Included by region.h. A range is [base, last], first and last byte: it may be all 2^64. What is added and subtracted begins
 * and ends at multiples of the unit; questions may name any bytes. Two sets partition what was added: the available (holes)
 * and the allocated (regions with their guards). What is available and touches is one hole, however it was added.
 */
QUIRE_BEGIN

enum quire_region_set { QUIRE_REGION_SET_AVAILABLE, QUIRE_REGION_SET_ALLOCATED };

#define QUIRE_REGION_OVERLAP 1u    /* add: some of it may be available already */
#define QUIRE_REGION_INCOMPLETE 2u /* subtract: some of it need not be available */

/* Makes [base, last] available. INVALID: not units, base above last, unknown flags; EXISTS: some of it is allocated, or
 * available and QUIRE_REGION_OVERLAP is not given; NO_MEMORY: it touches no hole and the book has no node left. O(log n +
 * holes in it) with the index, else O(n). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_add(struct quire_region_allocator *a, uint64_t base, uint64_t last,
                                                              unsigned flags) QUIRE_SYM(quire_region_add);

/* Takes [base, last] away from what is available. INVALID: as above; EXISTS: some of it is allocated; NOT_FOUND: some of it is
 * neither available nor allocated. With QUIRE_REGION_INCOMPLETE neither is an error: what of it is available goes, if anything,
 * and allocated regions stay. NO_MEMORY: it would leave two parts of one hole and the book has no node left. O(log n + nodes
 * in it) with the index, else O(n). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_subtract(struct quire_region_allocator *a, uint64_t base,
                                                                   uint64_t last, unsigned flags)
    QUIRE_SYM(quire_region_subtract);

/* Is any byte of [base, last] in the set? False if base is above last. With the index O(log n), and the nodes
 * of the other set up to the first; else O(n). */
QUIRE_API bool quire_region_intersects(const struct quire_region_allocator *a, enum quire_region_set set, uint64_t base,
                                       uint64_t last) QUIRE_SYM(quire_region_intersects);

/* Is every byte of [base, last] in the set? False if base is above last. With the index O(log n), and the
 * nodes in it; else O(n). */
QUIRE_API bool quire_region_contains(const struct quire_region_allocator *a, enum quire_region_set set, uint64_t base,
                                     uint64_t last) QUIRE_SYM(quire_region_contains);

/* Called for one hole (key 0) or one region (a receipt of it). Returns whether to go on. May not change the allocator, nor keep
 * the pointer. */
typedef bool (*quire_region_visit)(void *ctx, const struct quire_region *region);

/* Visits the set in ascending order until `visit` says stop; returns whether it went to the end. Regions come without their
 * guards. O(n). */
QUIRE_API bool quire_region_walk(const struct quire_region_allocator *a, enum quire_region_set set, quire_region_visit visit,
                                 void *ctx) QUIRE_SYM(quire_region_walk);

QUIRE_END

#endif /* QUIRE_REGION_RANGE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_REGION_RANGE_IMPLEMENTED)
#define QUIRE_REGION_RANGE_IMPLEMENTED

QUIRE_BEGIN

/* ---- Finding nodes ---- */

/* The last node that begins at `addr` or before; 0 if there is none. O(log n) with the index, else O(n). */
static inline uint32_t quire_region_floor_(const struct quire_region_allocator *a, uint64_t addr)
{
    uint32_t found = 0;
    uint32_t link;

    if (a->indexed) {
        return quire_region_index_floor_(a->book, a->root, addr);
    }
    for (link = a->first; link != 0; link = quire_region_at_(a, link)->next) {
        if (quire_region_at_(a, link)->base > addr) {
            break;
        }
        found = link;
    }
    return found;
}

/* The first node that ends at `addr` or behind; 0 if there is none. */
static uint32_t quire_region_from_(const struct quire_region_allocator *a, uint64_t addr)
{
    uint32_t link = quire_region_floor_(a, addr);

    if (link == 0) {
        return a->first;
    }
    return quire_region_at_(a, link)->last >= addr ? link : quire_region_at_(a, link)->next;
}

/* From `link` on, in what begins at `last` or before, the first node that is allocated, or is a hole; 0 if there is none. */
static uint32_t quire_region_first_of_(const struct quire_region_allocator *a, uint32_t link, uint64_t last, bool allocated)
{
    while (link != 0) {
        const struct quire_region_node *node = quire_region_at_(a, link);

        if (node->base > last) {
            return 0;
        }
        if (quire_region_is_allocated_(node) == allocated) {
            return link;
        }
        link = node->next;
    }
    return 0;
}

/* Can [base, last] be added or subtracted? */
static bool quire_region_is_range_(const struct quire_region_allocator *a, uint64_t base, uint64_t last)
{
    return a != NULL && a->book != NULL && base <= last && ((base | ~last) & a->bins[0].mask) == 0;
}

/* ---- Add ---- */

/* Makes [base, last] a hole of its own behind the node `before`; the caller saw that there is a node. */
static void quire_region_hole_new_(struct quire_region_allocator *a, uint32_t before, uint64_t base, uint64_t last)
{
    uint32_t link = quire_region_take_node_(a->book);
    struct quire_region_node *node = quire_region_at_(a, link);

    node->base = base;
    node->last = last;
    node->u.key = 0;
    quire_region_link_(a, before, link, node);
    quire_region_file_(a, link, node, a->plain);
    a->holes++;
}

/* Makes one hole of [base, last] and of the holes from `link` up to `end`, all of which it overlaps or touches. */
static void quire_region_add_merged_(struct quire_region_allocator *a, uint32_t link, uint32_t end, uint64_t base,
                                     uint64_t last)
{
    struct quire_region_node *hole = quire_region_at_(a, link);
    uint64_t end_last = quire_region_at_(a, end)->last;
    bool more = link != end;

    quire_region_unfile_(a, link, hole, a->plain);
    a->available -= hole->last - hole->base + 1u;
    hole->base = base < hole->base ? base : hole->base;
    hole->last = last > end_last ? last : end_last;
    a->available += hole->last - hole->base + 1u;
    while (more) {
        uint32_t next_link = hole->next;
        struct quire_region_node *next = quire_region_at_(a, next_link);

        more = next_link != end;
        quire_region_unfile_(a, next_link, next, a->plain);
        a->available -= next->last - next->base + 1u;
        a->holes--;
        quire_region_unlink_(a, next_link, next);
    }
    quire_region_file_(a, link, hole, a->plain);
}

QUIRE_API enum quire_status quire_region_add(struct quire_region_allocator *a, uint64_t base, uint64_t last, unsigned flags)
{
    uint64_t available;
    uint32_t first = 0; /* of the holes that the range overlaps or touches; 0: there is none */
    uint32_t end = 0;   /* the last of them */
    uint32_t before;
    uint32_t link;

    if (!quire_region_is_range_(a, base, last) || (flags & ~QUIRE_REGION_OVERLAP) != 0) {
        return QUIRE_INVALID;
    }
    link = quire_region_from_(a, base);
    before = link != 0 ? quire_region_at_(a, link)->prev : a->last;
    if (quire_region_first_of_(a, link, last, true) != 0 || (flags == 0 && quire_region_first_of_(a, link, last, false) != 0)) {
        return QUIRE_EXISTS;
    }
    if (before != 0 && !quire_region_is_allocated_(quire_region_at_(a, before)) &&
        quire_region_at_(a, before)->last == base - 1u) {
        first = before;
        end = before;
    }
    for (; link != 0; link = quire_region_at_(a, link)->next) {
        const struct quire_region_node *node = quire_region_at_(a, link);

        if (quire_region_is_allocated_(node) || (node->base > last && node->base - 1u != last)) {
            break;
        }
        first = first != 0 ? first : link;
        end = link;
    }
    if (first == 0 && a->book->left == 0) {
        return QUIRE_NO_MEMORY;
    }
    available = a->available;
    if (first != 0) {
        quire_region_add_merged_(a, first, end, base, last);
    } else {
        quire_region_hole_new_(a, before, base, last);
        a->available += last - base + 1u;
    }
    a->managed += a->available - available;
    return QUIRE_OK;
}

/* ---- Subtract ---- */

/* Takes from the hole what of it lies in [base, last]: some does, and there is a node if two parts are left. */
static void quire_region_cut_(struct quire_region_allocator *a, uint32_t link, struct quire_region_node *hole, uint64_t base,
                              uint64_t last)
{
    uint64_t hole_last = hole->last;

    base = base > hole->base ? base : hole->base;
    last = last < hole_last ? last : hole_last;
    a->available -= last - base + 1u;
    a->managed -= last - base + 1u;
    quire_region_unfile_(a, link, hole, a->plain);
    if (base == hole->base && last == hole_last) {
        a->holes--;
        quire_region_unlink_(a, link, hole);
        return;
    }
    if (base == hole->base) {
        hole->base = last + 1u;
    } else {
        hole->last = base - 1u;
        if (last != hole_last) {
            quire_region_hole_new_(a, link, last + 1u, hole_last);
        }
    }
    quire_region_file_(a, link, hole, a->plain);
}

QUIRE_API enum quire_status quire_region_subtract(struct quire_region_allocator *a, uint64_t base, uint64_t last,
                                                  unsigned flags)
{
    const struct quire_region_node *node;
    uint32_t link;

    if (!quire_region_is_range_(a, base, last) || (flags & ~QUIRE_REGION_INCOMPLETE) != 0) {
        return QUIRE_INVALID;
    }
    link = quire_region_from_(a, base);
    node = link != 0 ? quire_region_at_(a, link) : NULL;
    if (flags == 0 && (node == NULL || quire_region_is_allocated_(node) || node->base > base || node->last < last)) {
        return quire_region_first_of_(a, link, last, true) != 0 ? QUIRE_EXISTS : QUIRE_NOT_FOUND;
    }
    link = quire_region_first_of_(a, link, last, false);
    node = link != 0 ? quire_region_at_(a, link) : NULL;
    if (node != NULL && node->base < base && node->last > last && a->book->left == 0) {
        return QUIRE_NO_MEMORY;
    }
    while (link != 0) {
        struct quire_region_node *hole = quire_region_at_(a, link);
        uint32_t next = hole->next;

        quire_region_cut_(a, link, hole, base, last);
        link = quire_region_first_of_(a, next, last, false);
    }
    return QUIRE_OK;
}

/* ---- Ask ---- */

QUIRE_API bool quire_region_intersects(const struct quire_region_allocator *a, enum quire_region_set set, uint64_t base,
                                       uint64_t last)
{
    if (a == NULL || a->first == 0 || base > last) {
        return false;
    }
    return quire_region_first_of_(a, quire_region_from_(a, base), last, set == QUIRE_REGION_SET_ALLOCATED) != 0;
}

QUIRE_API bool quire_region_contains(const struct quire_region_allocator *a, enum quire_region_set set, uint64_t base,
                                     uint64_t last)
{
    uint32_t link;

    if (a == NULL || a->first == 0 || base > last) {
        return false;
    }
    for (link = quire_region_floor_(a, base); link != 0; link = quire_region_at_(a, link)->next) {
        const struct quire_region_node *node = quire_region_at_(a, link);

        if (quire_region_is_allocated_(node) != (set == QUIRE_REGION_SET_ALLOCATED) || base < node->base || base > node->last) {
            return false;
        }
        if (node->last >= last) {
            return true;
        }
        base = node->last + 1u;
    }
    return false;
}

/* Writes the receipt of a region, without its guards; of a hole, one that nobody takes. */
static void quire_region_describe_(const struct quire_region_allocator *a, uint32_t link, struct quire_region *region)
{
    const struct quire_region_node *node = quire_region_at_(a, link);

    QUIRE_MEMSET(region, 0, sizeof *region);
    region->base = node->base;
    region->last = node->last;
    if (quire_region_is_allocated_(node)) {
        region->base += quire_region_guard_(a, node->u.key, QUIRE_REGION_BEFORE_SHIFT);
        region->last -= quire_region_guard_(a, node->u.key, QUIRE_REGION_AFTER_SHIFT);
        region->key = node->u.key;
        region->node = link;
        region->owner = a->owner;
    }
}

QUIRE_API bool quire_region_walk(const struct quire_region_allocator *a, enum quire_region_set set, quire_region_visit visit,
                                 void *ctx)
{
    uint32_t link;

    for (link = a->first; link != 0; link = quire_region_at_(a, link)->next) {
        struct quire_region region;

        if (quire_region_is_allocated_(quire_region_at_(a, link)) == (set == QUIRE_REGION_SET_ALLOCATED)) {
            quire_region_describe_(a, link, &region);
            if (!visit(ctx, &region)) {
                return false;
            }
        }
    }
    return true;
}

QUIRE_END

#endif
