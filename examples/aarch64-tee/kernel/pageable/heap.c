/* heap.c - memory for bookkeeping, handed out by Quire's region allocator. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/heap.h"

#include <quire/region.h>

#include "abi/world.h"
#include "kernel/log.h"
#include "kernel/mutex.h"
#include "lib/memory.h"

#define UNIT 64u /* what everything here is rounded up to; no less than any alignment that is asked for */
#define EXACT_LOG 8u
#define SPAN_LOG 20u
#define BOOK_PART 8u /* one in so many bytes is for the book */

static struct quire_region_book book;
static struct quire_region_allocator regions;
static uint64_t table[QUIRE_REGION_TABLE_BYTES(1, EXACT_LOG, SPAN_LOG) / sizeof(uint64_t)];
static struct mutex mutex;

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx;
    return align <= UNIT ? heap_alloc(size) : NULL;
}

static void mem_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    heap_free(ptr, size);
}

struct quire_mem heap_mem;

enum quire_status heap_init(void *start, size_t bytes)
{
    struct quire_region_config config;
    uintptr_t first = (uintptr_t)start;
    uintptr_t usable = (first + bytes / BOOK_PART + UNIT - 1u) & ~(uintptr_t)(UNIT - 1u);
    enum quire_status status = quire_region_book_init(&book, 1, true, 0);

    memset(&config, 0, sizeof config);
    config.book = &book;
    config.table = table;
    config.table_bytes = sizeof table;
    config.unit = UNIT;
    config.exact_log = EXACT_LOG;
    config.span_log = SPAN_LOG;
    config.indexed = true;
    heap_mem.alloc = mem_alloc;
    heap_mem.free = mem_free;
    if (status == QUIRE_OK) {
        status = quire_region_book_add_slab(&book, start, bytes / BOOK_PART);
    }
    if (status == QUIRE_OK) {
        status = quire_region_init(&regions, &config);
    }
    if (status == QUIRE_OK) {
        status = quire_region_add(&regions, usable, first + bytes - 1u, 0);
    }
    return status;
}

void *heap_alloc(size_t bytes)
{
    struct quire_region region;
    enum quire_status status;

    mutex_lock(&mutex);
    status = quire_region_get(&regions, bytes != 0 ? bytes : 1u, 0, &region);
    mutex_unlock(&mutex);
    return status == QUIRE_OK ? (void *)(uintptr_t)region.base : NULL;
}

void *heap_zalloc(size_t bytes)
{
    void *memory = heap_alloc(bytes);

    if (memory != NULL) {
        memset(memory, 0, bytes);
    }
    return memory;
}

void heap_free(void *memory, size_t bytes)
{
    struct quire_region region;
    enum quire_status status;

    if (memory == NULL) {
        return;
    }
    bytes = bytes != 0 ? bytes : 1u; /* no region is empty */
    mutex_lock(&mutex);
    status = quire_region_find(&regions, (uintptr_t)memory, &region);
    if (status == QUIRE_OK) {
        status = region.base == (uintptr_t)memory && region.last - region.base >= bytes - 1u
                     ? quire_region_put(&regions, &region)
                     : QUIRE_INVALID;
    }
    mutex_unlock(&mutex);
    if (status != QUIRE_OK) {
        panic(EXIT_KERNEL_PANIC, "the heap is given what it never gave: %s", quire_status_name(status));
    }
}
