/* bench/region.c - instructions per operation of the region allocator. SPDX-License-Identifier: BSD-2-Clause */

/*
 * Driven by bench/run. Every argument is one configuration, "workload[.setting...],N". For each, a steady state is made, and
 * then a sample of operations runs, of which each alone is collected by callgrind and dumped as "configuration,alloc", ",at",
 * ",free" or ",nofit". Only then callgrind is to look at all (--instr-atstart=no). "empty,1" dumps calls of nothing in the
 * shape of each: what the harness itself costs. After "-1" only the sum of a configuration is dumped.
 *
 * Outside callgrind the same operations run, what was handed out is compared with what was asked for and with each other, and
 * lines are printed: "utilisation CONFIGURATION PERCENT", "full CONFIGURATION PERCENT", "wrong CONFIGURATION ANSWERS", and
 * "node SETTING BYTES" and "table SETTING BYTES".
 *
 * Steady: N regions live in a space of 3/2 N mean sizes, after 2 N replacements, each of which returns a random one first.
 *   W1    64 + 8 x uniform(0..2040) bytes, aligned to 8
 *   W2    1..64 pages, aligned to 4096; the unit is a page
 *   W3    a third each: as W1; 1..16 pages aligned to 4096; 1..4 x 64 KiB aligned to 64 KiB. The space is 2 N mean sizes
 *   W4    as W1, but a region that is returned is taken again by its address; with the index
 *   W5    N holes in random order, each larger than the request, none with room for it at its alignment: no fit. Then a hole
 *         with room appears: fit. FITS times, at as many places. With four classes
 *   W6    64 MiB are filled with sizes as in W1, after each success a random region is returned with probability 1/2. The
 *         bytes that live at the first failure are the utilisation. From then on each failure returns a random region too: the
 *         mean of the bytes that live, over a million requests, is "full". Means of 20 seeds. What is counted follows the first
 *         failure; N is about how many live then, and only printed
 *
 *   .index      with the by-address index
 *   .list       W4: without it
 *   .classes4   three further alignment classes: 4 KiB (where the unit is a page: 1 GiB), 64 KiB and 2 MiB
 *   .unit8      W2: the unit is 8 bytes, so that the alignment is declared with .classes4 only
 *   .4k .64k .2m  W5: the alignment asked for
 *   .whole      W5: the fitting hole is all taken. Without it, it begins anywhere and is larger, so that there are two rests
 */
#include <quire/region.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#define SAMPLES 5000u          /* replacements that are counted, of a configuration that has limits */
#define SAMPLES_MORE 2000u     /* of another */
#define SAMPLES_SLOW 100u      /* of one whose operations are O(n) */
#define FITS 256u              /* fitting holes of W5 */
#define SEEDS 20u              /* of W6 */
#define FULL_REQUESTS 1000000u /* after the first failure */
#define FULL_BYTES ((uint64_t)64 << 20)
#define SPACE_BASE ((uint64_t)1 << 40)
#define LIVE_MAX 1000000u

static void stop(const char *why)
{
    (void)fprintf(stderr, "bench/region: %s\n", why);
    exit(1);
}

static void must(enum quire_status status, const char *what)
{
    if (status != QUIRE_OK) {
        (void)fprintf(stderr, "bench/region: %s: QUIRE_%s\n", what, quire_status_name(status));
        exit(1);
    }
}

static void *room(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (p == NULL) {
        stop("out of memory");
    }
    return p;
}

static uint64_t random_state;

static void random_seed(uint64_t seed)
{
    random_state = 0x9e3779b97f4a7c15u * (seed + 1u);
}

static uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 32) % n);
}

/* ---- A configuration -------------------------------------------------------------------------------------------- */

struct bench {
    const char *argument;
    char dump_alloc[64]; /* names of the dumps */
    char dump_at[64];
    char dump_free[64];
    unsigned workload; /* 1..6, 0: empty */
    uint32_t live;     /* N */
    bool indexed;
    bool classes4;
    bool unit8;
    bool whole;
    uint64_t asked; /* alignment of the request of W5 */

    struct quire_region_book book;
    struct quire_region_allocator a;
    void *slab;
    uint64_t *table;
    size_t table_bytes;
    struct quire_region *regions;
    uint32_t nregions;
    uint64_t space; /* bytes */

    uint64_t size; /* arguments of the operation that is measured */
    uint64_t align;
    struct quire_region *region;
};

static enum quire_status call_get(struct bench *b)
{
    return quire_region_get(&b->a, b->size, b->align, b->region);
}

static enum quire_status call_get_at(struct bench *b)
{
    return quire_region_get_at(&b->a, b->region->base, b->region->last, b->region);
}

static enum quire_status call_put(struct bench *b)
{
    return quire_region_put(&b->a, b->region);
}

/* Nothing in the shape of each of them, which the compiler does not see through. */
static QUIRE_NOINLINE enum quire_status nothing_for_4(struct quire_region_allocator *a, uint64_t x, uint64_t y,
                                                      struct quire_region *region)
{
    __asm__ volatile("" : : "r"(a), "r"(x), "r"(y), "r"(region) : "memory");
    return QUIRE_OK;
}

static QUIRE_NOINLINE enum quire_status nothing_for_2(struct quire_region_allocator *a, struct quire_region *region)
{
    __asm__ volatile("" : : "r"(a), "r"(region) : "memory");
    return QUIRE_OK;
}

static enum quire_status no_get(struct bench *b)
{
    return nothing_for_4(&b->a, b->size, b->align, b->region);
}

static enum quire_status no_get_at(struct bench *b)
{
    return nothing_for_4(&b->a, b->region->base, b->region->last, b->region);
}

static enum quire_status no_put(struct bench *b)
{
    return nothing_for_2(&b->a, b->region);
}

/* Do not dump single operations: callgrind dumps their sum at exit. */
static bool one_dump;

/* What is counted: from here to the return of `call`, and the harness's part of it, which "empty" tells. */
static enum quire_status measure(struct bench *b, enum quire_status (*volatile call)(struct bench *), const char *name)
{
    enum quire_status status;

    CALLGRIND_TOGGLE_COLLECT;
    status = call(b);
    CALLGRIND_TOGGLE_COLLECT;
    if (!one_dump) {
        CALLGRIND_DUMP_STATS_AT(name);
    }
    return status;
}

/* Callgrind looks on from here to stop_counting(). It then is in functions that it did not see begin, and what it says of the
 * first call may be wrong: that is nothing's. */
static void start_counting(struct bench *b)
{
    CALLGRIND_START_INSTRUMENTATION;
    (void)measure(b, no_put, "first");
}

static void stop_counting(void)
{
    CALLGRIND_STOP_INSTRUMENTATION;
}

/* ---- Set-up ----------------------------------------------------------------------------------------------------- */

static const char *setting_of(const struct bench *b)
{
    if (b->classes4) {
        return b->indexed ? "classes4.index" : "classes4";
    }
    return b->indexed ? "index" : "unit";
}

static void setup(struct bench *b, uint32_t nregions, uint64_t space)
{
    static const uint64_t bytes[] = {(uint64_t)4 << 10, (uint64_t)64 << 10, (uint64_t)2 << 20};
    static const uint64_t pages[] = {(uint64_t)64 << 10, (uint64_t)2 << 20, (uint64_t)1 << 30};
    struct quire_region_config config;
    bool by_page = b->workload == 2 && !b->unit8;
    unsigned classes = b->classes4 ? 4 : 1;
    size_t slab_bytes;

    memset(&config, 0, sizeof config);
    must(quire_region_book_init(&b->book, classes, b->indexed, 0), "quire_region_book_init");
    slab_bytes = QUIRE_REGION_NODE_BYTES(classes, b->indexed) * (2u * (size_t)nregions + 2u);
    b->slab = room(1, slab_bytes);
    must(quire_region_book_add_slab(&b->book, b->slab, slab_bytes), "quire_region_book_add_slab");
    b->table_bytes = QUIRE_REGION_TABLE_BYTES(classes, 12, 64);
    b->table = (uint64_t *)room(1, b->table_bytes);
    config.book = &b->book;
    config.table = b->table;
    config.table_bytes = b->table_bytes;
    config.unit = by_page ? 4096 : 8;
    config.naligns = classes - 1u;
    config.align = by_page ? pages : bytes;
    config.indexed = b->indexed;
    must(quire_region_init(&b->a, &config), "quire_region_init");
    b->regions = (struct quire_region *)room(nregions, sizeof *b->regions);
    b->nregions = nregions;
    b->space = space;
    must(quire_region_add(&b->a, SPACE_BASE, SPACE_BASE + (space - 1u), 0), "quire_region_add");
    random_seed(0);
}

static int by_base(const void *left, const void *right)
{
    const struct quire_region *a = (const struct quire_region *)left;
    const struct quire_region *b = (const struct quire_region *)right;

    return (a->base > b->base) - (a->base < b->base);
}

/* All that is live lies in the space and overlaps nothing, and the allocator agrees with what it handed out. */
static void verify(const struct bench *b)
{
    struct quire_region *sorted = (struct quire_region *)room(b->nregions, sizeof *sorted);
    struct quire_region_stats stats;
    uint64_t sum = 0;
    uint32_t n = 0;
    uint32_t i;

    for (i = 0; i < b->nregions; i++) {
        if (b->regions[i].key != 0) {
            sorted[n++] = b->regions[i];
        }
    }
    qsort(sorted, n, sizeof *sorted, by_base);
    for (i = 0; i < n; i++) {
        sum += sorted[i].last - sorted[i].base + 1u;
        if (sorted[i].base < SPACE_BASE || sorted[i].last >= SPACE_BASE + b->space || sorted[i].base > sorted[i].last ||
            (i != 0 && sorted[i].base <= sorted[i - 1u].last)) {
            stop("a region lies outside of the space, or in another");
        }
    }
    quire_region_get_stats(&b->a, &stats);
    if (stats.allocated != n || stats.reserved != sum || stats.available != b->space - sum) {
        stop("the figures of the allocator are not those of what it handed out");
    }
    free(sorted);
}

static void teardown(struct bench *b)
{
    if (!RUNNING_ON_VALGRIND) {
        verify(b);
    }
    quire_region_clear(&b->a);
    must(quire_region_fini(&b->a), "quire_region_fini");
    must(quire_region_book_fini(&b->book), "quire_region_book_fini");
    free(b->regions);
    free(b->table);
    free(b->slab);
}

/* ---- Steady states ---------------------------------------------------------------------------------------------- */

#define MEAN_W1 (64u + 8u * 1020u)

static void draw_w1(struct bench *b)
{
    b->size = 64u + 8u * random_below(2041);
    b->align = 8;
}

/* The size and alignment of the next request. */
static void draw(struct bench *b)
{
    unsigned which = b->workload == 3 ? random_below(3) : 0;

    if (b->workload == 2) {
        b->size = (uint64_t)4096 * (1u + random_below(64));
        b->align = 4096;
    } else if (which == 1) {
        b->size = (uint64_t)4096 * (1u + random_below(16));
        b->align = 4096;
    } else if (which == 2) {
        b->size = (uint64_t)65536 * (1u + random_below(4));
        b->align = 65536;
    } else {
        draw_w1(b);
    }
}

static uint64_t steady_space(const struct bench *b)
{
    const uint64_t n = b->live;

    switch (b->workload) {
    case 2:
        return n * 65u / 2u * 4096u * 3u / 2u / 4096u * 4096u;
    case 3: /* the mean of a third each */
        return 2u * n * ((uint64_t)MEAN_W1 + 17u * 4096u / 2u + 5u * 65536u / 2u) / 3u / 8u * 8u;
    default:
        return n * MEAN_W1 * 3u / 2u;
    }
}

/* The size is what was asked for, rounded up, and the address aligned. */
static void check_region(const struct bench *b)
{
    uint64_t unit_mask = b->a.bins[0].mask;

    if (b->region->last - b->region->base != ((b->size - 1u) | unit_mask) || (b->region->base & (b->align - 1u)) != 0) {
        stop("a region is of another size or alignment than asked for");
    }
}

static void replace(struct bench *b, bool counted)
{
    b->region = &b->regions[random_below(b->live)];
    if (b->workload == 4) {
        must(counted ? measure(b, call_put, b->dump_free) : call_put(b), "quire_region_put");
        must(counted ? measure(b, call_get_at, b->dump_at) : call_get_at(b), "quire_region_get_at");
        return;
    }
    must(counted ? measure(b, call_put, b->dump_free) : call_put(b), "quire_region_put");
    draw(b);
    must(counted ? measure(b, call_get, b->dump_alloc) : call_get(b), "quire_region_get");
    check_region(b);
}

static uint32_t samples_of(const struct bench *b)
{
    if (b->workload == 4) {
        return !b->indexed ? SAMPLES_SLOW : b->classes4 ? SAMPLES_MORE : SAMPLES;
    }
    return b->indexed || b->classes4 || b->unit8 ? SAMPLES_MORE : SAMPLES;
}

static void bench_steady(struct bench *b)
{
    uint32_t samples = samples_of(b);
    uint32_t replacements = 2u * b->live;
    uint64_t bytes = 0;
    uint32_t i;

    setup(b, b->live, steady_space(b));
    for (i = 0; i < b->live; i++) {
        b->region = &b->regions[i];
        draw(b);
        must(call_get(b), "quire_region_get");
    }
    for (i = 0; i < replacements; i++) {
        unsigned workload = b->workload;

        /* By address nothing would move: W4 is W1 until it is measured. */
        b->workload = workload == 4 ? 1 : workload;
        replace(b, false);
        b->workload = workload;
    }
    start_counting(b);
    for (i = 0; i < samples; i++) {
        replace(b, true);
    }
    stop_counting();
    for (i = 0; i < b->live; i++) {
        bytes += b->regions[i].last - b->regions[i].base + 1u;
    }
    if (!RUNNING_ON_VALGRIND) {
        printf("utilisation %s %.2f\n", b->argument, 100.0 * (double)bytes / (double)b->space);
    }
    teardown(b);
}

/* ---- W5 --------------------------------------------------------------------------------------------------------- */

/* Takes the next `size` bytes of the space, of which nothing was returned yet. */
static void take_next(struct bench *b, struct quire_region *region, uint64_t size, uint64_t *at)
{
    b->region = region;
    b->size = size;
    b->align = 8;
    must(call_get(b), "quire_region_get");
    if (region->base != *at) {
        stop("best fit did not take the lowest of the only hole");
    }
    *at += size;
}

/* Slots of four alignments: a wall, a region that will be a hole, a wall. A hole reaches from a random offset in the slot's
 * first block into its second, but not to the end of that; a fitting hole, of which there is one in each of FITS stretches,
 * into its third, or it is the second. One in four is short of a block by one unit. */
static void build_w5(struct bench *b)
{
    uint32_t slots = b->live + FITS;
    struct quire_region *hole = b->regions;
    struct quire_region *fit = b->regions + b->live;
    struct quire_region *wall = b->regions + slots;
    uint64_t at = SPACE_BASE;
    uint32_t i;

    for (i = 0; i < slots; i++) {
        uint64_t front = 8u + (uint64_t)8 * random_below((uint32_t)b->asked / 8u - 1u);
        uint64_t short_of = random_below(4) == 0 ? 8u : 8u + (uint64_t)8 * random_below((uint32_t)(b->asked - front) / 8u);
        bool fits = (uint64_t)i * FITS / slots != (uint64_t)(i + 1u) * FITS / slots;

        if (fits && b->whole) {
            front = b->asked;
            short_of = b->asked;
        }
        take_next(b, wall++, front, &at);
        take_next(b, fits ? fit++ : hole++, (fits ? 3u : 2u) * b->asked - short_of - front, &at);
        take_next(b, wall++, SPACE_BASE + 4u * b->asked * (i + 1u) - at, &at);
    }
}

static void bench_holes(struct bench *b)
{
    uint32_t total = b->live + FITS;
    struct quire_region got;
    char dump_nofit[64];
    uint32_t wrong = 0;
    uint32_t i;

    setup(b, 3u * total, 4u * b->asked * (uint64_t)total);
    build_w5(b);
    for (i = b->live; i > 0; i--) { /* in random order */
        uint32_t j = random_below(i);
        struct quire_region hole = b->regions[j];

        b->regions[j] = b->regions[i - 1u];
        b->regions[i - 1u] = hole;
        b->region = &b->regions[i - 1u];
        must(call_put(b), "quire_region_put");
        b->region->key = 0; /* for verify() */
    }
    (void)snprintf(dump_nofit, sizeof dump_nofit, "%s,nofit", b->argument);
    start_counting(b);
    for (i = 0; i < FITS; i++) {
        struct quire_region *fit = &b->regions[b->live + i];
        uint64_t base = (fit->base + (b->asked - 1u)) & ~(b->asked - 1u);

        b->size = b->asked;
        b->align = b->asked;
        b->region = &got;
        if (measure(b, call_get, dump_nofit) != QUIRE_NO_SPACE) {
            stop("a request was served that no hole has room for");
        }
        b->region = fit;
        must(measure(b, call_put, b->dump_free), "quire_region_put");
        b->region = fit;
        if (measure(b, call_get, b->dump_alloc) != QUIRE_OK) {
            wrong++;
            fit->key = 0; /* for verify() */
        } else if (fit->base != base) {
            stop("a region is not in the only hole that fits");
        }
    }
    stop_counting();
    if (!RUNNING_ON_VALGRIND) {
        printf("wrong %s %u\n", b->argument, (unsigned)wrong);
    }
    teardown(b);
}

/* ---- W6 --------------------------------------------------------------------------------------------------------- */

static void return_random(struct bench *b, uint32_t *n, uint64_t *bytes, bool counted)
{
    uint32_t i = random_below(*n);

    b->region = &b->regions[i];
    *bytes -= b->region->last - b->region->base + 1u;
    must(counted ? measure(b, call_put, b->dump_free) : call_put(b), "quire_region_put");
    b->regions[i] = b->regions[--*n];
    b->regions[*n].key = 0;
}

/* One request and what follows it. Returns whether it was served. */
static bool fill_step(struct bench *b, uint32_t *n, uint64_t *bytes, bool counted)
{
    enum quire_status status;

    if (*n == b->nregions) {
        stop("W6 holds more regions than foreseen");
    }
    draw_w1(b);
    b->region = &b->regions[*n];
    status = counted ? measure(b, call_get, b->dump_alloc) : call_get(b);
    if (status == QUIRE_NO_SPACE) {
        return false;
    }
    must(status, "quire_region_get");
    check_region(b);
    ++*n;
    *bytes += b->size;
    if (random_below(2) == 0) {
        return_random(b, n, bytes, counted);
    }
    return true;
}

static void bench_fill(struct bench *b)
{
    uint32_t seeds = RUNNING_ON_VALGRIND ? 1 : SEEDS;
    uint32_t steps = RUNNING_ON_VALGRIND ? samples_of(b) : FULL_REQUESTS;
    double first = 0;
    double full = 0;
    uint32_t seed;

    for (seed = 0; seed < seeds; seed++) {
        uint32_t n = 0;
        uint64_t bytes = 0;
        double sum = 0;
        uint32_t i;

        setup(b, 2u * (uint32_t)(FULL_BYTES / MEAN_W1), FULL_BYTES);
        random_seed(seed);
        while (fill_step(b, &n, &bytes, false)) {
        }
        first += (double)bytes / (double)FULL_BYTES;
        start_counting(b);
        for (i = 0; i < steps; i++) {
            bool counted = seed == 0 && i < samples_of(b);

            if (!fill_step(b, &n, &bytes, counted)) {
                return_random(b, &n, &bytes, counted);
            }
            sum += (double)bytes / (double)FULL_BYTES;
        }
        stop_counting();
        full += sum / (double)steps;
        teardown(b);
    }
    if (!RUNNING_ON_VALGRIND) {
        printf("utilisation %s %.3f\n", b->argument, 100 * first / seeds);
        printf("full %s %.3f\n", b->argument, 100 * full / seeds);
    }
}

static void bench_empty(struct bench *b)
{
    struct quire_region region = {0};
    uint32_t i;

    b->region = &region;
    start_counting(b);
    for (i = 0; i < 16u; i++) {
        must(measure(b, no_get, "empty,1,alloc"), "nothing");
        must(measure(b, no_get_at, "empty,1,at"), "nothing");
        must(measure(b, no_put, "empty,1,free"), "nothing");
    }
    stop_counting();
}

/* ---- Command line ----------------------------------------------------------------------------------------------- */

static bool set_setting(struct bench *b, const char *setting)
{
    if (strcmp(setting, "index") == 0) {
        b->indexed = true;
    } else if (strcmp(setting, "list") == 0) {
        b->indexed = false;
    } else if (strcmp(setting, "classes4") == 0) {
        b->classes4 = true;
    } else if (strcmp(setting, "unit8") == 0) {
        b->unit8 = true;
    } else if (strcmp(setting, "whole") == 0) {
        b->whole = true;
    } else if (strcmp(setting, "4k") == 0) {
        b->asked = (uint64_t)4 << 10;
    } else if (strcmp(setting, "64k") == 0) {
        b->asked = (uint64_t)64 << 10;
    } else if (strcmp(setting, "2m") == 0) {
        b->asked = (uint64_t)2 << 20;
    } else {
        return false;
    }
    return true;
}

static void run(struct bench *b, const char *argument)
{
    char text[64] = "";
    char *setting;

    memset(b, 0, sizeof *b);
    b->argument = argument;
    if (sscanf(argument, "%40[^,],%u", text, &b->live) != 2 || b->live == 0 || b->live > LIVE_MAX) {
        stop("arguments are workload[.setting...],N");
    }
    (void)snprintf(b->dump_alloc, sizeof b->dump_alloc, "%s,alloc", argument);
    (void)snprintf(b->dump_at, sizeof b->dump_at, "%s,at", argument);
    (void)snprintf(b->dump_free, sizeof b->dump_free, "%s,free", argument);
    (void)strtok(text, ".");
    if (strcmp(text, "empty") == 0) {
        bench_empty(b);
        return;
    }
    if (text[0] != 'W' || text[1] < '1' || text[1] > '6' || text[2] != '\0') {
        stop("no such workload");
    }
    b->workload = (unsigned)(text[1] - '0');
    b->indexed = b->workload == 4;
    b->classes4 = b->workload == 5;
    b->asked = (uint64_t)64 << 10;
    while ((setting = strtok(NULL, ".")) != NULL) {
        if (!set_setting(b, setting)) {
            stop("no such setting");
        }
    }
    if (b->workload == 5) {
        bench_holes(b);
    } else if (b->workload == 6) {
        bench_fill(b);
    } else {
        bench_steady(b);
    }
}

int main(int argc, char **argv)
{
    static struct bench bench;
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-1") == 0) {
            one_dump = true;
        } else {
            run(&bench, argv[i]);
            if (!RUNNING_ON_VALGRIND && bench.workload != 0) {
                printf("node %s %u\n", setting_of(&bench), (unsigned)bench.book.node_bytes);
                printf("table %s %lu\n", setting_of(&bench), (unsigned long)bench.table_bytes);
            }
        }
    }
    return 0;
}
