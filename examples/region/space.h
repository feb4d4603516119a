/* space.h - a region allocator whose regions have names. SPDX-License-Identifier: BSD-2-Clause */
#ifndef REGION_SPACE_H
#define REGION_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quire/region.h>

#include "ranges.h"

/* Besides the unit: alignments in which no request is ever refused while some hole has room. */
#define SPACE_CLASSES 5u /* the unit, and up to four of 4 KiB, 64 KiB, 2 MiB, 1 GiB */

#define SPACE_NAME (RANGE_NAME + 12)

/* A region that is allocated: taken when the description was read, or since. */
struct space_entry {
    struct quire_region region; /* the receipt; first, so that `find` can look an entry up by its region alone */
    uint64_t guard;             /* bytes kept free on either side */
    bool requested;             /* handed out here; not in the description */
    unsigned copies;            /* names made from this one: name#2, name#3, ... */
    char name[SPACE_NAME];      /* its own */
    char detail[RANGE_DETAIL];
};

struct space {
    struct quire_region_allocator allocator;
    struct quire_region_book book;
    uint64_t unit;
    uint32_t slabs; /* given to the book so far */
    void *by_name;  /* tsearch(3) trees of struct space_entry */
    void *by_base;
    size_t entries;
    const struct ranges *ranges; /* what it was filled from */
};

/* Makes an empty space. Of bookkeeping there are at most `max_nodes` nodes (0: as many as fit in memory). */
enum quire_status space_init(struct space *space, uint64_t unit, uint32_t max_nodes);

/* Fills it: what the description adds, less what it takes. `ranges` must live as long as the space. False after a message. */
bool space_fill(struct space *space, const struct ranges *ranges, const char *path);

/* Gives everything back. */
void space_end(struct space *space);

/* Each of these changes nothing if it fails. A name that is in use gets a number: "name#2". */
enum quire_status space_get(struct space *space, const struct quire_region_request *request, const char *name,
                            struct space_entry **entry);
enum quire_status space_get_at(struct space *space, uint64_t first, uint64_t last, const char *name,
                               struct space_entry **entry);
enum quire_status space_put(struct space *space, struct space_entry *entry);
enum quire_status space_resize(struct space *space, struct space_entry *entry, uint64_t size);

/* The entry of this name; null if there is none. */
struct space_entry *space_named(const struct space *space, const char *name);

/* The entry that holds `addr`: OK, or DENIED if it lies in its guard. NOT_FOUND if nobody's. */
enum quire_status space_find(const struct space *space, uint64_t addr, struct space_entry **entry);

#endif
