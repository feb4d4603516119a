/* normal_store.c - places for sealed pages in memory that the normal world donated. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/normal_store.h"

#include "lib/memory.h"

enum quire_status normal_store_init(struct normal_store *store, void *nodes, size_t bytes)
{
    struct quire_region_config config;
    enum quire_status status;

    memset(store, 0, sizeof *store);
    memset(&config, 0, sizeof config);
    config.book = &store->book;
    config.table = store->table;
    config.table_bytes = sizeof store->table;
    config.unit = QUIRE_PAGE_SIZE;
    config.exact_log = NORMAL_STORE_EXACT_LOG;
    config.span_log = NORMAL_STORE_SPAN_LOG;
    status = quire_region_book_init(&store->book, 1, false, 0);
    if (status == QUIRE_OK) {
        status = quire_region_book_add_slab(&store->book, nodes, bytes);
    }
    return status == QUIRE_OK ? quire_region_init(&store->places, &config) : status;
}

enum quire_status normal_store_donate(struct normal_store *store, void *va, uint64_t bytes)
{
    uintptr_t base = (uintptr_t)va;
    enum quire_status status;

    if (bytes == 0) {
        return QUIRE_INVALID; /* its last byte would be before its first, or the top of the address space */
    }
    mutex_lock(&store->mutex);
    status = quire_region_add(&store->places, base, base + bytes - 1u, 0);
    mutex_unlock(&store->mutex);
    return status;
}

enum quire_status normal_store_take(struct normal_store *store, uint32_t npages, struct quire_region *run)
{
    enum quire_status status;

    mutex_lock(&store->mutex);
    status = quire_region_get(&store->places, (uint64_t)npages << QUIRE_PAGE_SHIFT, 0, run);
    mutex_unlock(&store->mutex);
    return status;
}

enum quire_status normal_store_give(struct normal_store *store, const struct quire_region *run)
{
    enum quire_status status;

    mutex_lock(&store->mutex);
    status = quire_region_put(&store->places, run);
    mutex_unlock(&store->mutex);
    return status;
}

uint64_t normal_store_available(struct normal_store *store)
{
    struct quire_region_stats stats;

    mutex_lock(&store->mutex);
    quire_region_get_stats(&store->places, &stats);
    mutex_unlock(&store->mutex);
    return stats.available >> QUIRE_PAGE_SHIFT;
}
