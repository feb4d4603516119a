/*
 * A region allocator ready for a test: a book with one slab, a table, and what is to be available.
 */
#ifndef QUIRE_TESTS_REGION_MODEL_RIG_H
#define QUIRE_TESTS_REGION_MODEL_RIG_H

#include <stdlib.h>
#include <string.h>

#include "quire/region.h"

#define RIG_NODES 4096u

/* Zero is the plainest: unit 1, one class, no index, no limit. */
struct region_rig_config {
    uint64_t unit;
    unsigned naligns;
    uint64_t align[QUIRE_REGION_CLASSES_MAX];
    bool indexed;
    uint32_t limit;
    unsigned exact_log;
    unsigned span_log;
};

struct region_rig {
    struct quire_region_allocator a;
    struct quire_region_book book;
    struct quire_region_config config;
    void *slab;
    uint64_t *table;
};

/* Returns whether all of it could be made. */
static inline bool region_rig_start(struct region_rig *rig, const struct region_rig_config *from)
{
    unsigned exact_log = from->exact_log != 0 ? from->exact_log : 12u;
    unsigned span_log = from->span_log != 0 ? from->span_log : 64u;
    size_t slab_bytes = RIG_NODES * QUIRE_REGION_NODE_BYTES(from->naligns + 1u, from->indexed);

    memset(rig, 0, sizeof *rig);
    rig->config.table_bytes = QUIRE_REGION_TABLE_BYTES(from->naligns + 1u, exact_log, span_log);
    rig->slab = malloc(slab_bytes);
    rig->table = malloc(rig->config.table_bytes);
    rig->config.book = &rig->book;
    rig->config.table = rig->table;
    rig->config.unit = from->unit;
    rig->config.naligns = from->naligns;
    rig->config.align = from->align;
    rig->config.indexed = from->indexed;
    rig->config.exact_log = from->exact_log;
    rig->config.span_log = from->span_log;
    return rig->slab != NULL && rig->table != NULL &&
           quire_region_book_init(&rig->book, from->naligns + 1u, from->indexed, from->limit) == QUIRE_OK &&
           quire_region_book_add_slab(&rig->book, rig->slab, slab_bytes) == QUIRE_OK &&
           quire_region_init(&rig->a, &rig->config) == QUIRE_OK;
}

/* Returns whether it could be ended. What is allocated is dropped. */
static inline bool region_rig_stop(struct region_rig *rig)
{
    bool fine;

    quire_region_clear(&rig->a);
    fine = quire_region_fini(&rig->a) == QUIRE_OK && quire_region_book_used(&rig->book) == 0 &&
           quire_region_book_fini(&rig->book) == QUIRE_OK;
    free(rig->slab);
    free(rig->table);
    return fine;
}

/* All that can be seen of an allocator. */
struct region_dump {
    struct quire_region_stats stats;
    uint32_t left; /* of its book */
    uint32_t n;
    struct quire_region region[RIG_NODES];
};

static inline bool region_dump_one_(void *ctx, const struct quire_region *region)
{
    struct region_dump *dump = (struct region_dump *)ctx;

    dump->region[dump->n++] = *region;
    return dump->n < RIG_NODES;
}

static inline void region_dump(const struct quire_region_allocator *a, struct region_dump *dump)
{
    dump->n = 0;
    quire_region_get_stats(a, &dump->stats);
    dump->left = quire_region_book_left(a->book);
    (void)quire_region_walk(a, QUIRE_REGION_SET_AVAILABLE, region_dump_one_, dump);
    (void)quire_region_walk(a, QUIRE_REGION_SET_ALLOCATED, region_dump_one_, dump);
}

static inline bool region_dump_same(const struct region_dump *one, const struct region_dump *other)
{
    const struct quire_region_stats *a = &one->stats;
    const struct quire_region_stats *b = &other->stats;

    return a->available == b->available && a->reserved == b->reserved && a->largest == b->largest && a->holes == b->holes &&
           a->allocated == b->allocated && a->fragmentation == b->fragmentation && one->left == other->left &&
           one->n == other->n && memcmp(one->region, other->region, one->n * sizeof one->region[0]) == 0;
}

#endif
