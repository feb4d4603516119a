/* segments.c - all there is in a space, in the order of addresses. SPDX-License-Identifier: BSD-2-Clause */
#include "segments.h"

#include <stdlib.h>

struct collector {
    const struct space *space;
    struct segments out;
};

static void append(struct collector *collector, uint64_t first, uint64_t last, enum segment_kind kind, const char *name,
                   const char *detail)
{
    struct segment *segment = &collector->out.segment[collector->out.count++];

    segment->first = first;
    segment->last = last;
    segment->kind = kind;
    segment->name = name;
    segment->detail = detail;
}

static bool visit_hole(void *ctx, const struct quire_region *hole)
{
    append((struct collector *)ctx, hole->base, hole->last, SEGMENT_AVAILABLE, "available", "");
    return true;
}

static bool visit_region(void *ctx, const struct quire_region *region)
{
    struct collector *collector = (struct collector *)ctx;
    struct space_entry *entry;

    if (space_find(collector->space, region->base, &entry) != QUIRE_OK) {
        return true;
    }
    if (entry->guard != 0) {
        append(collector, region->base - entry->guard, region->base - 1, SEGMENT_GUARD, "guard", entry->name);
    }
    append(collector, region->base, region->last, entry->requested ? SEGMENT_REQUESTED : SEGMENT_TAKEN, entry->name,
           entry->detail);
    if (entry->guard != 0) {
        append(collector, region->last + 1, region->last + entry->guard, SEGMENT_GUARD, "guard", entry->name);
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = ((const struct segment *)a)->first;
    uint64_t y = ((const struct segment *)b)->first;

    return x < y ? -1 : x > y;
}

struct segments segments_collect(const struct space *space)
{
    struct collector collector = {space, {NULL, 0}};
    struct quire_region_stats stats;
    size_t i;

    quire_region_get_stats(&space->allocator, &stats);
    /* A region has up to two guards. */
    collector.out.segment =
        (struct segment *)calloc(stats.holes + 3 * (size_t)stats.allocated + space->ranges->count + 1, sizeof(struct segment));
    if (collector.out.segment == NULL) {
        return collector.out;
    }
    quire_region_walk(&space->allocator, QUIRE_REGION_SET_AVAILABLE, visit_hole, &collector);
    quire_region_walk(&space->allocator, QUIRE_REGION_SET_ALLOCATED, visit_region, &collector);
    for (i = 0; i < space->ranges->count; i++) {
        const struct range *range = &space->ranges->range[i];

        if (range->role == RANGE_OUTSIDE) {
            append(&collector, range->first, range->last, SEGMENT_OUTSIDE, range->name, range->detail);
        }
    }
    qsort(collector.out.segment, collector.out.count, sizeof(struct segment), compare);
    return collector.out;
}
