/* work_heap.c - private memory: zeros, then written, read back, given back. SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

/* Most accesses go to a few pages, as in most programs. */
#define HOT_PAGES 8u

static const char *drop(struct context *context)
{
    struct heap *heap = &context->heap;
    enum quire_status status;

    if (heap->va == 0) {
        return NULL;
    }
    status = quire_vm_unmap(&context->vm, heap->va, heap->npages);
    caught_forget(context, heap->va, heap->npages);
    free(heap->generation);
    memset(heap, 0, sizeof *heap);
    return status == QUIRE_OK ? NULL : quire_status_name(status);
}

const char *work_heap_new(struct context *context)
{
    struct heap *heap = &context->heap;
    const char *wrong = drop(context);
    struct quire_mapping mapping;
    enum quire_status status;
    char name[32];

    memset(&mapping, 0, sizeof mapping);
    snprintf(name, sizeof name, "heap %u", context->index);
    if (wrong == NULL) {
        wrong = store_private(&context->host->store, name, context->host->heap_pages, &mapping.fobj);
    }
    if (wrong != NULL) {
        return wrong;
    }
    mapping.prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER;
    mapping.va = QUIRE_VA_ANY;
    mapping.pad_before = 1;
    mapping.pad_after = 1;
    heap->npages = context->host->heap_pages;
    heap->generation = calloc(heap->npages, sizeof *heap->generation);
    status = heap->generation != NULL ? quire_vm_map(&context->vm, &mapping, &heap->va) : QUIRE_NO_MEMORY;
    if (status == QUIRE_OK) {
        host_name_object(context->host, mapping.fobj);
    }
    (void)quire_fobj_put(mapping.fobj);
    if (status != QUIRE_OK) {
        free(heap->generation);
        memset(heap, 0, sizeof *heap);
        return quire_status_name(status);
    }
    counter_add(&context->figures.heaps, 1);
    return NULL;
}

/* Different in every heap, so that a page of an old one is not taken for one of the new one. */
static uint64_t generation_of(const struct context *context, uint32_t page)
{
    return context->figures.heaps << 24 | context->heap.generation[page];
}

void work_heap_page(struct context *context, uint32_t page)
{
    uintptr_t va = context->heap.va + ((uintptr_t)page << QUIRE_PAGE_SHIFT);

    if (context->heap.generation[page] == 0) {
        memset(context->buffer, 0, QUIRE_PAGE_SIZE);
    } else {
        work_pattern(context, va, generation_of(context, page));
    }
    (void)work_compare(context, "heap", va, 1);
}

void work_heap(struct context *context)
{
    uint32_t near = context_random(context, 4) > 0 ? HOT_PAGES : context->heap.npages;
    uint32_t page = (uint32_t)context_random(context, near);
    uintptr_t va = context->heap.va + ((uintptr_t)page << QUIRE_PAGE_SHIFT);
    uint32_t *generation = &context->heap.generation[page];

    work_heap_page(context, page);
    if (context_random(context, 2) == 0) {
        (*generation)++;
        work_pattern(context, va, generation_of(context, page));
        if (!work_write(context, "heap", va)) {
            (*generation)--;
        }
    }
}
