/* space.c - a region allocator whose regions have names. SPDX-License-Identifier: BSD-2-Clause */
#include "space.h"

#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The bookkeeping: slabs for nodes, one more whenever they run out, and a table. None of it is in the space that is
 * managed; this program never touches that at all. */
#define SLABS 16u
#define SLAB_BYTES ((size_t)1 << 20)

static uint64_t slab[SLABS][SLAB_BYTES / sizeof(uint64_t)];
static uint64_t table[QUIRE_REGION_TABLE_BYTES(SPACE_CLASSES, 12, 64) / sizeof(uint64_t)];

/* An operation takes at most two nodes: with two left none fails for want of memory. */
static void feed(struct space *space)
{
    if (quire_region_book_left(&space->book) < 2u && space->slabs < SLABS && space->book.nodes < space->book.limit &&
        quire_region_book_add_slab(&space->book, slab[space->slabs], SLAB_BYTES) == QUIRE_OK) {
        space->slabs++;
    }
}

enum quire_status space_init(struct space *space, uint64_t unit, uint32_t max_nodes)
{
    static const uint64_t classes[] = {(uint64_t)4 << 10, (uint64_t)64 << 10, (uint64_t)2 << 20, (uint64_t)1 << 30};
    struct quire_region_config config;
    enum quire_status status;
    unsigned i = 0;

    memset(space, 0, sizeof *space);
    space->unit = unit;
    status = quire_region_book_init(&space->book, SPACE_CLASSES, true, max_nodes);
    if (status != QUIRE_OK) {
        return status;
    }
    feed(space);
    while (i < SPACE_CLASSES - 1u && classes[i] <= unit) {
        i++;
    }
    memset(&config, 0, sizeof config);
    config.book = &space->book;
    config.table = table;
    config.table_bytes = sizeof table;
    config.unit = unit;
    config.naligns = SPACE_CLASSES - 1u - i;
    config.align = config.naligns != 0 ? classes + i : NULL;
    config.indexed = true;
    return quire_region_init(&space->allocator, &config);
}

void space_end(struct space *space)
{
    while (space->by_name != NULL) {
        struct space_entry *entry =
            *(struct space_entry **)space->by_name; /* the root: what a node of tsearch(3) points to first */

        if (space_put(space, entry) != QUIRE_OK) {
            abort(); /* a receipt that was never returned is good */
        }
    }
    quire_region_reset(&space->allocator);
    if (quire_region_fini(&space->allocator) != QUIRE_OK || quire_region_book_fini(&space->book) != QUIRE_OK) {
        abort(); /* nothing is allocated any more */
    }
}

/* ---- Names ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct space_entry *)a)->name, ((const struct space_entry *)b)->name);
}

static int compare_bases(const void *a, const void *b)
{
    uint64_t x = ((const struct space_entry *)a)->region.base;
    uint64_t y = ((const struct space_entry *)b)->region.base;

    return x < y ? -1 : x > y;
}

struct space_entry *space_named(const struct space *space, const char *name)
{
    struct space_entry key;
    void *const *found;

    snprintf(key.name, sizeof key.name, "%s", name);
    found = (void *const *)tfind(&key, &space->by_name, compare_names);
    return found != NULL ? (struct space_entry *)*found : NULL;
}

/* `name`, or the first of name#2, name#3, ... that nobody has. */
static void choose_name(const struct space *space, const char *name, char chosen[SPACE_NAME])
{
    struct space_entry *first;

    snprintf(chosen, SPACE_NAME, "%.*s", RANGE_NAME - 1, name);
    first = space_named(space, chosen);
    while (first != NULL && space_named(space, chosen) != NULL) {
        first->copies++;
        snprintf(chosen, SPACE_NAME, "%.*s#%u", RANGE_NAME - 1, name, first->copies + 1u);
    }
}

/* Keeps `made`, which has been allocated. If that is impossible the region goes back. */
static enum quire_status keep(struct space *space, struct space_entry *made, const char *name, struct space_entry **entry)
{
    choose_name(space, name, made->name);
    if (tsearch(made, &space->by_name, compare_names) != NULL) {
        if (tsearch(made, &space->by_base, compare_bases) != NULL) {
            space->entries++;
            *entry = made;
            return QUIRE_OK;
        }
        tdelete(made, &space->by_name, compare_names);
    }
    quire_region_put(&space->allocator, &made->region);
    free(made);
    return QUIRE_NO_MEMORY;
}

/* ---- Regions ---- */

enum quire_status space_get(struct space *space, const struct quire_region_request *request, const char *name,
                            struct space_entry **entry)
{
    struct space_entry *made = (struct space_entry *)calloc(1, sizeof *made);
    enum quire_status status = QUIRE_NO_MEMORY;

    feed(space);
    if (made != NULL) {
        status = quire_region_get_for(&space->allocator, request, &made->region);
    }
    if (status != QUIRE_OK) {
        free(made);
        return status;
    }
    made->guard = request->guard_before;
    made->requested = true;
    return keep(space, made, name, entry);
}

enum quire_status space_get_at(struct space *space, uint64_t first, uint64_t last, const char *name, struct space_entry **entry)
{
    struct space_entry *made = (struct space_entry *)calloc(1, sizeof *made);
    enum quire_status status = QUIRE_NO_MEMORY;

    feed(space);
    if (made != NULL) {
        status = quire_region_get_at(&space->allocator, first, last, &made->region);
    }
    if (status != QUIRE_OK) {
        free(made);
        return status;
    }
    made->requested = true;
    return keep(space, made, name, entry);
}

enum quire_status space_put(struct space *space, struct space_entry *entry)
{
    struct quire_region region = entry->region;
    enum quire_status status = quire_region_put(&space->allocator, &region);

    if (status == QUIRE_OK) {
        tdelete(entry, &space->by_name, compare_names);
        tdelete(entry, &space->by_base, compare_bases);
        space->entries--;
        free(entry);
    }
    return status;
}

enum quire_status space_resize(struct space *space, struct space_entry *entry, uint64_t size)
{
    feed(space);
    return quire_region_resize(&space->allocator, &entry->region, size);
}

enum quire_status space_find(const struct space *space, uint64_t addr, struct space_entry **entry)
{
    struct space_entry key;
    enum quire_status status = quire_region_find(&space->allocator, addr, &key.region);

    if (status == QUIRE_OK || status == QUIRE_DENIED) {
        *entry = *(struct space_entry **)tfind(&key, &space->by_base, compare_bases); /* whatever is allocated is in the tree */
    }
    return status;
}

/* ---- From a description ---- */

static int compare_ranges(const void *a, const void *b)
{
    const struct range *x = *(const struct range *const *)a;
    const struct range *y = *(const struct range *const *)b;

    return x->first < y->first ? -1 : x->first > y->first;
}

/* The part of [first, last] in whole units. False if there is none. */
static bool round_inwards(uint64_t unit, uint64_t *first, uint64_t *last)
{
    uint64_t from = (*first + (unit - 1)) & ~(unit - 1);
    uint64_t to = (*last + 1) & ~(unit - 1); /* 0: 2^64 */

    if (from < *first || (to != 0 && from >= to)) {
        return false;
    }
    *first = from;
    *last = to - 1;
    return true;
}

static bool add_all(struct space *space, const struct ranges *ranges, const char *path)
{
    size_t i;

    for (i = 0; i < ranges->count; i++) {
        const struct range *range = &ranges->range[i];
        uint64_t first = range->first;
        uint64_t last = range->last;
        enum quire_status status;

        if (range->role != RANGE_ADD || !round_inwards(space->unit, &first, &last)) {
            continue;
        }
        feed(space);
        status = quire_region_add(&space->allocator, first, last, 0);
        if (status != QUIRE_OK) {
            fprintf(stderr, "region: %s, line %u: %" PRIx64 "-%" PRIx64 " cannot be added: %s\n", path, range->line, first,
                    last, status == QUIRE_EXISTS ? "it overlaps a range above" : quire_status_name(status));
            return false;
        }
    }
    return true;
}

/* Is unit number `number` available? */
static bool has_unit(const struct space *space, uint64_t number, unsigned shift)
{
    uint64_t first = number << shift;

    return quire_region_contains(&space->allocator, QUIRE_REGION_SET_AVAILABLE, first, first + (space->unit - 1));
}

/* Takes the units that the range touches, from number *from on: those below have been taken by its neighbour. A unit at
 * its edge of which only a part was there has not been added, and need not be taken. */
static enum quire_status take(struct space *space, const struct range *range, uint64_t *from)
{
    unsigned shift = quire_bits_low(space->unit);
    uint64_t first = range->first >> shift;
    uint64_t last = range->last >> shift;
    struct space_entry *entry;
    enum quire_status status;

    if (first < *from || (first << shift != range->first && !has_unit(space, first, shift))) {
        first++;
    }
    if (last >= first && (last << shift) + (space->unit - 1) != range->last && !has_unit(space, last, shift)) {
        last--;
    }
    if (last < first || last + 1 == first) {
        return QUIRE_OK;
    }
    status = space_get_at(space, first << shift, (last << shift) + (space->unit - 1), range->name, &entry);
    if (status == QUIRE_OK) {
        entry->requested = false;
        memcpy(entry->detail, range->detail, sizeof entry->detail);
        *from = last + 1;
    }
    return status;
}

/* Takes what is in use, in the order of addresses. */
static bool take_all(struct space *space, const struct range **sorted, size_t count, const char *path)
{
    uint64_t from = 0;
    size_t i;

    qsort(sorted, count, sizeof *sorted, compare_ranges);
    for (i = 0; i < count; i++) {
        enum quire_status status = QUIRE_EXISTS;

        if (i == 0 || sorted[i]->first > sorted[i - 1]->last) {
            status = take(space, sorted[i], &from);
        }
        if (status != QUIRE_OK) {
            fprintf(stderr, "region: %s, line %u: %" PRIx64 "-%" PRIx64 " (%s) cannot be reserved: %s\n", path, sorted[i]->line,
                    sorted[i]->first, sorted[i]->last, sorted[i]->name,
                    status == QUIRE_EXISTS      ? "it overlaps another"
                    : status == QUIRE_NOT_FOUND ? "not all of it is in a range that is added"
                                                : quire_status_name(status));
            return false;
        }
    }
    return true;
}

bool space_fill(struct space *space, const struct ranges *ranges, const char *path)
{
    const struct range **sorted = (const struct range **)calloc(ranges->count, sizeof *sorted);
    size_t count = 0;
    size_t i;
    bool good;

    space->ranges = ranges;
    if (sorted == NULL) {
        fputs("region: no memory\n", stderr);
        return false;
    }
    for (i = 0; i < ranges->count; i++) {
        if (ranges->range[i].role == RANGE_TAKE) {
            sorted[count++] = &ranges->range[i];
        }
    }
    good = add_all(space, ranges, path) && take_all(space, sorted, count, path);
    free(sorted);
    return good;
}
