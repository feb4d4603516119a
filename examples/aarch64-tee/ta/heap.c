/* heap.c - the heap of an application: Quire's region allocator over mapped pages. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/ta.h"

#define QUIRE_IMPLEMENTATION
#include <quire/region.h>

/* In front of each allocation lies its receipt, which the allocator takes back once. */
#define UNIT 16u
#define HEADER ((sizeof(struct quire_region) + UNIT - 1u) / UNIT * UNIT)

#define GROW_PAGES 8u /* at least, each time: they stay with the heap */
#define EXACT_LOG 6u  /* a small table: these heaps are small */
#define SPAN_LOG 24u

static struct {
    bool made;
    struct quire_region_book book;
    struct quire_region_allocator regions;
    uint64_t table[QUIRE_REGION_TABLE_BYTES(1, EXACT_LOG, SPAN_LOG) / sizeof(uint64_t)];
} heap;

static bool make(void)
{
    struct quire_region_config config = {0};

    config.book = &heap.book;
    config.table = heap.table;
    config.table_bytes = sizeof heap.table;
    config.unit = UNIT;
    config.exact_log = EXACT_LOG;
    config.span_log = SPAN_LOG;
    return quire_region_book_init(&heap.book, 1, false, 0) == QUIRE_OK && quire_region_init(&heap.regions, &config) == QUIRE_OK;
}

static bool add_nodes(void)
{
    void *slab = ta_map(1, TA_MAP_READ | TA_MAP_WRITE);

    return slab != NULL && quire_region_book_add_slab(&heap.book, slab, TA_PAGE) == QUIRE_OK;
}

static bool add_pages(size_t bytes)
{
    size_t pages = bytes / TA_PAGE + 1u;
    void *more;

    if (quire_region_book_left(&heap.book) == 0 && !add_nodes()) {
        return false;
    }
    pages = pages > GROW_PAGES ? pages : GROW_PAGES;
    more = ta_map(pages, TA_MAP_READ | TA_MAP_WRITE);
    return more != NULL &&
           quire_region_add(&heap.regions, (uintptr_t)more, (uintptr_t)more + pages * TA_PAGE - 1u, 0) == QUIRE_OK;
}

void *ta_alloc(size_t bytes)
{
    struct quire_region region;
    enum quire_status status;

    if (bytes > SIZE_MAX - HEADER - TA_PAGE) {
        return NULL;
    }
    heap.made = heap.made || make();
    ta_assert(heap.made);
    while ((status = quire_region_get(&heap.regions, HEADER + bytes, 0, &region)) != QUIRE_OK) {
        if (status == QUIRE_NO_MEMORY ? !add_nodes() : !add_pages(HEADER + bytes)) {
            return NULL;
        }
    }
    *(struct quire_region *)(uintptr_t)region.base = region;
    return (unsigned char *)(uintptr_t)region.base + HEADER;
}

void ta_free(void *at)
{
    if (at != NULL) {
        const struct quire_region *receipt = (const void *)((unsigned char *)at - HEADER);

        ta_assert(quire_region_put(&heap.regions, receipt) == QUIRE_OK); /* not returned before, and not overwritten */
    }
}
