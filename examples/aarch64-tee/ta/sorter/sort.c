/* sort.c - three ways through a heap that does not fit into memory. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/sorter/sort.h"

static void swap(uint64_t *a, uint64_t *b)
{
    uint64_t was = *a;

    *a = *b;
    *b = was;
}

/* ---- Heapsort: a parent and its children lie ever further apart ---- */

static void sift_down(const struct sorter_heap *heap, size_t parent, size_t end)
{
    uint64_t record = *heap_record(heap, parent);
    size_t child;

    while ((child = 2u * parent + 1u) < end) {
        if (child + 1u < end && *heap_record(heap, child) < *heap_record(heap, child + 1u)) {
            child++;
        }
        if (*heap_record(heap, child) <= record) {
            break;
        }
        *heap_record(heap, parent) = *heap_record(heap, child);
        parent = child;
    }
    *heap_record(heap, parent) = record;
}

void heapsort_records(const struct sorter_heap *heap)
{
    size_t end = heap_records(heap);
    size_t i;

    for (i = end / 2u; i-- > 0;) {
        sift_down(heap, i, end);
    }
    while (end-- > 1u) {
        swap(heap_record(heap, 0), heap_record(heap, end));
        sift_down(heap, 0, end);
    }
}

/* ---- Quicksort: what is being sorted soon lies in few pages ---- */

#define FEW 16u

static void insert_records(const struct sorter_heap *heap, size_t first, size_t end)
{
    size_t i;

    for (i = first + 1u; i < end; i++) {
        uint64_t record = *heap_record(heap, i);
        size_t at = i;

        for (; at > first && *heap_record(heap, at - 1u) > record; at--) {
            *heap_record(heap, at) = *heap_record(heap, at - 1u);
        }
        *heap_record(heap, at) = record;
    }
}

/* Returns where the upper part begins; neither part is empty. */
static size_t partition(const struct sorter_heap *heap, size_t first, size_t end)
{
    uint64_t pivot = *heap_record(heap, first + (end - first - 1u) / 2u);
    size_t low = first;
    size_t high = end - 1u;

    for (;;) {
        while (*heap_record(heap, low) < pivot) {
            low++;
        }
        while (*heap_record(heap, high) > pivot) {
            high--;
        }
        if (low >= high) {
            return high + 1u;
        }
        swap(heap_record(heap, low++), heap_record(heap, high--));
    }
}

/* Goes into the smaller part and round with the larger one: the stack stays small. */
static void quicksort(const struct sorter_heap *heap, size_t first, size_t end)
{
    while (end - first > FEW) {
        size_t middle = partition(heap, first, end);

        if (middle - first < end - middle) {
            quicksort(heap, first, middle);
            first = middle;
        } else {
            quicksort(heap, middle, end);
            end = middle;
        }
    }
    insert_records(heap, first, end);
}

void quicksort_records(const struct sorter_heap *heap)
{
    quicksort(heap, 0, heap_records(heap));
}

/* ---- Shellsort: strides of many pages, then of few, then none ---- */

void shellsort_records(const struct sorter_heap *heap)
{
    size_t records = heap_records(heap);
    size_t gap = 1;

    while (gap < records / 9u) {
        gap = 3u * gap + 1u;
    }
    for (; gap > 0; gap /= 3u) {
        size_t i;

        for (i = gap; i < records; i++) {
            uint64_t record = *heap_record(heap, i);
            size_t at = i;

            for (; at >= gap && *heap_record(heap, at - gap) > record; at -= gap) {
                *heap_record(heap, at) = *heap_record(heap, at - gap);
            }
            *heap_record(heap, at) = record;
        }
    }
}
