/* heap_pages.h - records in pages that tell whether they are as they were left. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_SORTER_HEAP_PAGES_H
#define TA_SORTER_HEAP_PAGES_H

#include "ta/sorter/model.h"
#include "ta/ta.h"

struct sorter_page {
    uint64_t generation; /* steps of walks that came here */
    uint64_t checksum;   /* of all else, and of which page it is: neither an old page nor another one passes for this */
    uint64_t record[SORTER_PAGE_RECORDS];
};

struct sorter_heap {
    struct sorter_page *page; /* null: no heap */
    size_t pages;
    struct sorter_totals filled;
};

static inline size_t heap_records(const struct sorter_heap *heap)
{
    return heap->pages * SORTER_PAGE_RECORDS;
}

static inline uint64_t *heap_record(const struct sorter_heap *heap, size_t index)
{
    return &heap->page[index / SORTER_PAGE_RECORDS].record[index % SORTER_PAGE_RECORDS];
}

void heap_seal(struct sorter_heap *heap, size_t page);
bool heap_is_sealed(const struct sorter_heap *heap, size_t page);

/* Of all pages. */
void heap_seal_all(struct sorter_heap *heap);
bool heap_is_all_sealed(const struct sorter_heap *heap);

#endif
