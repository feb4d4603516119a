/*
 * A sequence of operations on region allocators that depends on nothing but a seed, and a hash of all they answered: statuses,
 * addresses, walks and figures. tests/compile/region_builds.sh builds it in many ways; all must print the same.
 *
 * Usage: region_trace [SEED [STEPS [print]]]; `print` prints every answer, to see where two builds part.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUIRE_IMPLEMENTATION
#include "quire/region.h"
#include "quire/region_check.h"

#define LIVE 200u
#define NODES 700u

struct trace {
    uint64_t state; /* of the random numbers */
    uint64_t hash;
    uint32_t count[32]; /* answers by status */
    int print;
    uint64_t unit;
    uint64_t top; /* last byte of the space */
    struct quire_region_book book;
    struct quire_region_allocator a;
    struct quire_region live[LIVE];
    uint64_t slab[NODES * QUIRE_REGION_NODE_BYTES(4, true) / 8u];
    uint64_t table[QUIRE_REGION_TABLE_BYTES(4, 12, 64) / 8u];
};

static struct trace t;

static uint64_t bits(void)
{
    uint64_t z = (t.state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t below(uint32_t limit)
{
    return (uint32_t)(bits() >> 33) % limit;
}

static void note(uint64_t value)
{
    t.hash = (t.hash ^ value) * 0x100000001b3u;
    t.hash ^= t.hash >> 29;
    if (t.print) {
        printf(" %08lx%08lx", (unsigned long)(value >> 32), (unsigned long)(value & UINT32_MAX));
    }
}

static void answer(enum quire_status status)
{
    t.count[-(int)status]++;
    if (t.print) {
        printf(" %s", quire_status_name(status));
    }
    note((uint64_t) - (int64_t)status);
}

/* What a receipt says, without what depends on where allocator and nodes are. */
static void note_region(const struct quire_region *region)
{
    note(region->base);
    note(region->last);
    note(region->key);
}

static bool note_visit(void *ctx, const struct quire_region *region)
{
    (void)ctx;
    note_region(region);
    return true;
}

static void note_figures(void)
{
    struct quire_region_stats stats;
    const char *what = "";

    quire_region_get_stats(&t.a, &stats);
    note(stats.available);
    note(stats.reserved);
    note(stats.largest);
    note(stats.holes);
    note(stats.allocated);
    note(stats.fragmentation);
    note(quire_region_book_left(&t.book));
    note(quire_region_largest(&t.a, t.unit << below(24)));
    if (quire_region_check(&t.a, &what) != QUIRE_OK) {
        printf("broken: %s\n", what);
        exit(1);
    }
}

/* Small ones mostly, some that repeat and are large, some of any length. */
static uint64_t any_size(void)
{
    uint32_t choice = below(16);

    if (choice == 0) {
        return bits() >> below(64);
    }
    return choice < 5u ? (5000u + 64u * (uint64_t)below(4)) * t.unit : (1u + (uint64_t)below(40)) * t.unit;
}

static uint64_t any_addr(void)
{
    return ((below(2) != 0 ? bits() >> below(64) : t.top - (bits() >> below(64))) & t.top) / t.unit * t.unit;
}

static void any_range(uint64_t *base, uint64_t *last)
{
    uint64_t len = any_size() | (t.unit - 1u);

    *base = any_addr();
    *last = len > t.top - *base ? t.top : *base + len;
}

static void get(struct quire_region *region)
{
    struct quire_region_request request;
    enum quire_status status;

    memset(&request, 0, sizeof request);
    request.size = any_size();
    request.align = below(2) != 0 ? t.unit << below(30) : 0;
    if (below(2) != 0) {
        status = quire_region_get(&t.a, request.size, request.align, region);
    } else {
        request.min = below(3) == 0 ? any_addr() : 0;
        request.max = below(3) == 0 ? any_addr() : 0;
        request.guard_before = below(3) == 0 ? t.unit << below(5) : 0;
        request.guard_after = below(3) == 0 ? t.unit << below(5) : 0;
        request.policy = (enum quire_region_policy)below(4);
        request.entropy = bits();
        request.flags = below(5) == 0 ? QUIRE_REGION_BOUNDED : 0;
        status = quire_region_get_for(&t.a, &request, region);
    }
    answer(status);
    if (status == QUIRE_OK) {
        note_region(region);
    }
}

static void step(void)
{
    struct quire_region *region = &t.live[below(LIVE)];
    uint32_t choice = below(100);
    uint64_t base;
    uint64_t last;

    any_range(&base, &last);
    if (choice < 8) {
        answer(quire_region_add(&t.a, base, last, below(2) != 0 ? QUIRE_REGION_OVERLAP : 0));
    } else if (choice < 14) {
        answer(quire_region_subtract(&t.a, base, last, below(2) != 0 ? QUIRE_REGION_INCOMPLETE : 0));
    } else if (choice < 20) {
        note(quire_region_intersects(&t.a, QUIRE_REGION_SET_AVAILABLE, base, last));
        note(quire_region_contains(&t.a, QUIRE_REGION_SET_ALLOCATED, base, last));
    } else if (choice < 24) {
        struct quire_region found;
        enum quire_status status = quire_region_find(&t.a, base, &found);

        answer(status);
        if (status != QUIRE_NOT_FOUND) {
            note_region(&found);
        }
    } else if (choice < 74 && region->key == 0) {
        get(region);
    } else if (choice < 80 && region->key == 0) {
        answer(quire_region_get_at(&t.a, base, last, region));
    } else if (choice < 70) {
        answer(quire_region_resize(&t.a, region, any_size()));
        note_region(region);
    } else if (region->key != 0) {
        answer(quire_region_put(&t.a, region));
        answer(quire_region_put(&t.a, region)); /* stale */
        memset(region, 0, sizeof *region);
    } else if (choice == 99 && below(50) == 0) {
        quire_region_reset(&t.a);
        answer(quire_region_add(&t.a, 0, t.top / 2u, QUIRE_REGION_OVERLAP));
    }
}

static void play(uint64_t seed, uint32_t steps, uint64_t unit, unsigned naligns, bool indexed, unsigned exact_log,
                 unsigned span_log, unsigned top_log)
{
    uint64_t align[3];
    struct quire_region_config config;
    uint32_t i;

    memset(&t.live, 0, sizeof t.live);
    memset(&t.count, 0, sizeof t.count);
    memset(&config, 0, sizeof config);
    t.state = seed;
    t.hash = 0;
    t.unit = unit;
    t.top = UINT64_MAX >> (64u - top_log);
    align[0] = unit * 16u;
    align[1] = unit * 512u;
    align[2] = unit << 20;
    config.book = &t.book;
    config.table = t.table;
    config.table_bytes = sizeof t.table;
    config.unit = unit;
    config.naligns = naligns;
    config.align = align;
    config.exact_log = exact_log;
    config.span_log = span_log;
    config.indexed = indexed;
    if (quire_region_book_init(&t.book, 4, true, 260) != QUIRE_OK ||
        quire_region_book_add_slab(&t.book, t.slab, sizeof t.slab) != QUIRE_OK ||
        quire_region_init(&t.a, &config) != QUIRE_OK || quire_region_add(&t.a, 0, t.top, 0) != QUIRE_OK) {
        printf("cannot begin\n");
        exit(1);
    }
    for (i = 0; i < steps; i++) {
        if (t.print) {
            printf("\n%lu:", (unsigned long)i);
        }
        step();
        if (i % 64u == 0) {
            note_figures();
            (void)quire_region_walk(&t.a, QUIRE_REGION_SET_AVAILABLE, note_visit, NULL);
            (void)quire_region_walk(&t.a, QUIRE_REGION_SET_ALLOCATED, note_visit, NULL);
        }
    }
    printf("\nunit 2^%u, %u classes, index %d, exact %u, span %u, space 2^%u:", quire_bits_high(unit), naligns + 1u,
           (int)indexed, exact_log, span_log, top_log);
    for (i = 0; i < 32u; i++) {
        if (t.count[i] != 0) {
            printf(" %s %lu", quire_status_name((enum quire_status)(-(int)i)), (unsigned long)t.count[i]);
        }
    }
    printf(" hash %08lx%08lx\n", (unsigned long)(t.hash >> 32), (unsigned long)(t.hash & UINT32_MAX));
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1u;
    uint32_t steps = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 6000u;

    t.print = argc > 3;
    play(seed, steps, 1, 0, false, 12, 64, 64);
    play(seed, steps, 1, 3, true, 6, 64, 64);
    play(seed, steps, 8, 3, false, 8, 12, 40);
    play(seed, steps, 4096, 0, true, 12, 20, 48);
    play(seed, steps, 4096, 2, true, 7, 52, 64);
    return 0;
}
