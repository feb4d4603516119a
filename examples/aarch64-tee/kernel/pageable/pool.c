/* pool.c - the pool of physical pages grows and shrinks. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/pool.h"

#include "kernel/mutex.h"
#include "kernel/pageable/heap.h"
#include "kernel/paging.h"

static struct mutex mutex; /* of what was taken */
static struct quire_pa *taken;
static uint32_t num_taken;

static uint32_t size_now(void)
{
    struct quire_pager_stats stats;

    quire_pager_get_stats(&pager, &stats);
    return stats.total - stats.pages[QUIRE_PAGE_OFFLINE];
}

static enum quire_status shrink(uint32_t n)
{
    uint32_t got;
    enum quire_status status;

    if (taken == NULL) {
        taken = heap_alloc(pager.pool.total * sizeof *taken);
    }
    if (taken == NULL) {
        return QUIRE_NO_MEMORY;
    }
    status = quire_pager_shrink(&pager, n, true, taken + num_taken, &got);
    num_taken += got;
    return status;
}

static enum quire_status grow(uint32_t n)
{
    enum quire_status status = QUIRE_OK;

    for (; status == QUIRE_OK && n > 0; n--) {
        status = quire_pager_give_back(&pager, taken[num_taken - 1u], 1);
        num_taken -= status == QUIRE_OK;
    }
    return status;
}

enum quire_status pool_resize(uint64_t npages, uint64_t *now)
{
    enum quire_status status = QUIRE_INVALID;
    uint32_t size;

    mutex_lock(&mutex);
    size = size_now();
    if (npages >= pager.min_pages && npages <= size) {
        status = shrink(size - (uint32_t)npages);
    } else if (npages > size && npages - size <= num_taken) {
        status = grow((uint32_t)npages - size);
    }
    *now = size_now();
    mutex_unlock(&mutex);
    return status;
}
