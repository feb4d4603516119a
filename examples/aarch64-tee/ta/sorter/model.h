/* model.h - what `sorter` must answer, for whoever calls it. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_SORTER_MODEL_H
#define TA_SORTER_MODEL_H

#include "ta/mix.h"

#include <stddef.h>
#include <stdint.h>

#define SORTER_PAGE_RECORDS 510u /* the other 16 bytes of a page are its generation and its checksum */

struct sorter_totals {
    uint64_t sum;
    uint64_t xored;
    uint64_t mixed; /* sum of mix() of each record: also tells apart what the other two do not */
};

static inline uint64_t sorter_record(uint64_t seed, uint64_t index)
{
    return mix(seed + index * MIX_STEP);
}

static inline void sorter_count(struct sorter_totals *totals, uint64_t record)
{
    totals->sum += record;
    totals->xored ^= record;
    totals->mixed += mix(record);
}

/* What VERIFY answers, whatever was done since FILL. */
static inline struct sorter_totals sorter_expect(uint64_t seed, uint64_t pages)
{
    struct sorter_totals totals = {0, 0, 0};
    uint64_t i;

    for (i = 0; i < pages * SORTER_PAGE_RECORDS; i++) {
        sorter_count(&totals, sorter_record(seed, i));
    }
    return totals;
}

static inline uint64_t sorter_hash(uint64_t hash, uint64_t record)
{
    return mix(hash ^ record) + record;
}

/* What HASH answers right after FILL. After SORT it is the same for every way to sort. */
static inline uint64_t sorter_expect_hash(uint64_t seed, uint64_t pages)
{
    uint64_t hash = 0;
    uint64_t i;

    for (i = 0; i < pages * SORTER_PAGE_RECORDS; i++) {
        hash = sorter_hash(hash, sorter_record(seed, i));
    }
    return hash;
}

static inline uint64_t sorter_walk_page(uint64_t seed, uint64_t step, uint64_t pages)
{
    return mix(seed + step * MIX_STEP) % pages;
}

static inline uint64_t sorter_walk_digest(uint64_t digest, uint64_t page, uint64_t generation)
{
    return mix(digest + page) + generation;
}

/* What WALK answers. `generation` has a number for each page: how often walks came there since FILL. This one is counted too. */
static inline uint64_t sorter_expect_walk(uint32_t *generation, uint64_t pages, uint64_t steps, uint64_t seed)
{
    uint64_t digest = 0;
    uint64_t step;

    for (step = 0; step < steps; step++) {
        uint64_t page = sorter_walk_page(seed, step, pages);

        digest = sorter_walk_digest(digest, page, ++generation[page]);
    }
    return digest;
}

#endif
