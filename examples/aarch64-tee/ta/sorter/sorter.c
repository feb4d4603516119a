/* sorter.c - an application that hashes and sorts more than there is memory for. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/sorter/functions.h"
#include "ta/sorter/heap_pages.h"
#include "ta/sorter/sort.h"

#define PAGES_MAX 0x10000u

static struct sorter_heap heap;

static uint32_t fill(const struct ta_param *in)
{
    uint64_t seed = in->a;
    size_t i;

    if (heap.page != NULL) {
        return TEE_RESULT_ACCESS_CONFLICT;
    }
    if (in->b == 0 || in->b > PAGES_MAX) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    heap.page = ta_map((size_t)in->b, TA_MAP_READ | TA_MAP_WRITE);
    if (heap.page == NULL) {
        return TEE_RESULT_OUT_OF_MEMORY;
    }
    heap.pages = (size_t)in->b;
    heap.filled = (struct sorter_totals){0, 0, 0};
    for (i = 0; i < heap_records(&heap); i++) {
        uint64_t record = sorter_record(seed, i);

        *heap_record(&heap, i) = record;
        sorter_count(&heap.filled, record);
    }
    heap_seal_all(&heap);
    return TEE_RESULT_OK;
}

static uint32_t sort(uint64_t way)
{
    static void (*const ways[])(const struct sorter_heap *) = {
        [SORTER_HEAPSORT] = heapsort_records,
        [SORTER_QUICKSORT] = quicksort_records,
        [SORTER_SHELLSORT] = shellsort_records,
    };

    if (way >= sizeof ways / sizeof ways[0]) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    if (!heap_is_all_sealed(&heap)) {
        return TEE_RESULT_CORRUPT;
    }
    ways[way](&heap);
    heap_seal_all(&heap);
    return TEE_RESULT_OK;
}

static uint32_t hash(struct ta_param *out)
{
    size_t i;

    out->a = 0;
    for (i = 0; i < heap_records(&heap); i++) {
        out->a = sorter_hash(out->a, *heap_record(&heap, i));
    }
    out->b = heap_records(&heap);
    return heap_is_all_sealed(&heap) ? TEE_RESULT_OK : TEE_RESULT_CORRUPT;
}

static uint32_t verify(struct ta_param *totals_out, struct ta_param *order_out)
{
    struct sorter_totals totals = {0, 0, 0};
    uint64_t before = 0;
    bool ascending = true;
    size_t i;

    for (i = 0; i < heap_records(&heap); i++) {
        uint64_t record = *heap_record(&heap, i);

        sorter_count(&totals, record);
        ascending = ascending && before <= record;
        before = record;
    }
    totals_out->a = totals.sum;
    totals_out->b = totals.xored;
    order_out->a = totals.mixed;
    order_out->b = ascending;
    return heap_is_all_sealed(&heap) && totals.sum == heap.filled.sum && totals.xored == heap.filled.xored &&
                   totals.mixed == heap.filled.mixed
               ? TEE_RESULT_OK
               : TEE_RESULT_CORRUPT;
}

/* Two records of a page change places, which depends on the step: the page differs from what it was, but has the same records. */
static uint32_t walk(const struct ta_param *in, struct ta_param *out)
{
    uint64_t digest = 0;
    uint64_t step;

    for (step = 0; step < in->a; step++) {
        size_t index = (size_t)sorter_walk_page(in->b, step, heap.pages);
        struct sorter_page *page = &heap.page[index];
        uint64_t *moved = &page->record[(step + index) % SORTER_PAGE_RECORDS];
        uint64_t first = page->record[0];

        if (!heap_is_sealed(&heap, index)) {
            break;
        }
        page->record[0] = *moved;
        *moved = first;
        page->generation++;
        heap_seal(&heap, index);
        digest = sorter_walk_digest(digest, index, page->generation);
    }
    out->a = digest;
    out->b = step;
    return step == in->a ? TEE_RESULT_OK : TEE_RESULT_CORRUPT;
}

static uint32_t advise(uint64_t advice)
{
    if (advice != TA_ADVICE_WILL_NEED && advice != TA_ADVICE_DONT_NEED) {
        return TEE_RESULT_BAD_PARAMETERS; /* the third would make the content undefined */
    }
    return ta_advise(heap.page, heap.pages, (unsigned)advice) ? TEE_RESULT_OK : TEE_RESULT_GENERIC;
}

static uint32_t release(void)
{
    ta_assert(ta_unmap(heap.page, heap.pages));
    heap.page = NULL;
    return TEE_RESULT_OK;
}

uint32_t ta_open(struct ta_params *params)
{
    return ta_are(params, 0, 0, 0, 0) ? TEE_RESULT_OK : TEE_RESULT_BAD_PARAMETERS;
}

uint32_t ta_invoke(uint32_t function, struct ta_params *params)
{
    bool one_value = ta_are(params, TEE_PARAM_VALUE_IN, 0, 0, 0);
    struct ta_param *first = &params->param[0];
    struct ta_param *second = &params->param[1];

    if (function > SORTER_FREE) {
        return TEE_RESULT_NOT_SUPPORTED;
    }
    if (function != SORTER_FILL && heap.page == NULL) {
        return TEE_RESULT_ITEM_NOT_FOUND;
    }
    if (function == SORTER_FILL && one_value) {
        return fill(first);
    }
    if (function == SORTER_SORT && one_value) {
        return sort(first->a);
    }
    if (function == SORTER_HASH && ta_are(params, TEE_PARAM_VALUE_OUT, 0, 0, 0)) {
        return hash(first);
    }
    if (function == SORTER_VERIFY && ta_are(params, TEE_PARAM_VALUE_OUT, TEE_PARAM_VALUE_OUT, 0, 0)) {
        return verify(first, second);
    }
    if (function == SORTER_WALK && ta_are(params, TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_OUT, 0, 0)) {
        return walk(first, second);
    }
    if (function == SORTER_ADVISE && one_value) {
        return advise(first->a);
    }
    if (function == SORTER_FREE && ta_are(params, 0, 0, 0, 0)) {
        return release();
    }
    return TEE_RESULT_BAD_PARAMETERS;
}

void ta_close(void)
{
}
