/* heap_pages.c - the checksums of the pages of `sorter`. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/sorter/heap_pages.h"

/* Depends on the order, and costs three instructions a word: it must be cheap beside a page fault. */
static uint64_t checksum(const struct sorter_page *page, size_t index)
{
    uint64_t sum = mix(index) + page->generation;
    size_t i;

    for (i = 0; i < SORTER_PAGE_RECORDS; i++) {
        sum = ((sum << 7) | (sum >> 57)) + page->record[i];
    }
    return sum;
}

void heap_seal(struct sorter_heap *heap, size_t page)
{
    heap->page[page].checksum = checksum(&heap->page[page], page);
}

bool heap_is_sealed(const struct sorter_heap *heap, size_t page)
{
    return heap->page[page].checksum == checksum(&heap->page[page], page);
}

void heap_seal_all(struct sorter_heap *heap)
{
    size_t i;

    for (i = 0; i < heap->pages; i++) {
        heap_seal(heap, i);
    }
}

bool heap_is_all_sealed(const struct sorter_heap *heap)
{
    size_t i;

    for (i = 0; i < heap->pages; i++) {
        if (!heap_is_sealed(heap, i)) {
            return false;
        }
    }
    return true;
}
