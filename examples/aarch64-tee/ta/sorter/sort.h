/* sort.h - three ways through a heap that does not fit into memory. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_SORTER_SORT_H
#define TA_SORTER_SORT_H

#include "ta/sorter/heap_pages.h"

/* All sort all records of the heap, ascending, in place; the checksums of the pages are wrong afterwards. */
void heapsort_records(const struct sorter_heap *heap);
void quicksort_records(const struct sorter_heap *heap);
void shellsort_records(const struct sorter_heap *heap);

#endif
