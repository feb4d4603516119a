/* region_range.h: adding, subtracting, asking and walking, with the index and without, against a map of units. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "property.h"
#include "quire/region.h"

#define NODES 64u
#define UNITS 48u /* of the space that the model knows */
#define UNIT 16u
#define TOP UINT64_MAX

struct world {
    struct quire_region_book book;
    struct quire_region_allocator a;
    uint64_t slab[NODES * QUIRE_REGION_NODE_BYTES(2, true) / 8u];
    uint64_t table[QUIRE_REGION_TABLE_BYTES(2, 6, 64) / 8u];
};

static struct world w;

#define EXPECT(call, status) cr_expect_eq((call), (status), "%s, line %d", #call, __LINE__)

static void start(bool indexed, uint64_t unit, uint32_t limit)
{
    static const uint64_t align[] = {64};
    struct quire_region_config config;

    memset(&w, 0, sizeof w);
    cr_assert_eq(quire_region_book_init(&w.book, 2, indexed, limit != 0 ? limit : NODES), QUIRE_OK);
    cr_assert_eq(quire_region_book_add_slab(&w.book, w.slab, sizeof w.slab), QUIRE_OK);
    memset(&config, 0, sizeof config);
    config.book = &w.book;
    config.table = w.table;
    config.table_bytes = sizeof w.table;
    config.unit = unit;
    config.naligns = 1;
    config.align = align;
    config.exact_log = 6;
    config.indexed = indexed;
    cr_assert_eq(quire_region_init(&w.a, &config), QUIRE_OK);
}

/* Regions that must be there, in their order. */
struct expected {
    const uint64_t (*pair)[2];
    unsigned n;
    unsigned i;
};

static bool expect_next(void *ctx, const struct quire_region *region)
{
    struct expected *e = ctx;

    cr_assert_lt(e->i, e->n, "there is more: %llx", (unsigned long long)region->base);
    cr_expect_eq(region->base, e->pair[e->i][0]);
    cr_expect_eq(region->last, e->pair[e->i][1]);
    e->i++;
    return true;
}

static void expect_set(enum quire_region_set set, const uint64_t (*pair)[2], unsigned n)
{
    struct expected e = {pair, n, 0};

    cr_expect(quire_region_walk(&w.a, set, expect_next, &e));
    cr_expect_eq(e.i, n, "%u of %u came", e.i, n);
}

#define HOLES(...)                                                                          \
    do {                                                                                    \
        static const uint64_t pairs_[][2] = {__VA_ARGS__};                                  \
        expect_set(QUIRE_REGION_SET_AVAILABLE, pairs_, sizeof pairs_ / sizeof pairs_[0]);   \
        cr_expect_eq(w.a.holes, sizeof pairs_ / sizeof pairs_[0], "holes are not counted"); \
    } while (0)

static void with_and_without_index(void (*test)(bool indexed))
{
    test(false);
    test(true);
}

/* ---- Add ---- */

static void add_merges(bool indexed)
{
    start(indexed, UNIT, 0);
    EXPECT(quire_region_add(&w.a, 0x100, 0x1ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x300, 0x3ff, 0), QUIRE_OK);
    HOLES({0x100, 0x1ff}, {0x300, 0x3ff});
    EXPECT(quire_region_add(&w.a, 0x400, 0x4ff, 0), QUIRE_OK); /* touches what is below */
    EXPECT(quire_region_add(&w.a, 0x0f0, 0x0ff, 0), QUIRE_OK); /* touches what is above */
    HOLES({0x0f0, 0x1ff}, {0x300, 0x4ff});
    EXPECT(quire_region_add(&w.a, 0x200, 0x2ff, 0), QUIRE_OK); /* both */
    HOLES({0x0f0, 0x4ff});
    cr_expect_eq(w.a.available, 0x410);
    cr_expect_eq(w.a.managed, 0x410);
}

Test(region_range, range_added_becomes_one_with_what_it_touches)
{
    with_and_without_index(add_merges);
}

static void add_overlaps(bool indexed)
{
    start(indexed, UNIT, 0);
    EXPECT(quire_region_add(&w.a, 0x100, 0x1ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x300, 0x3ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x500, 0x5ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x1f0, 0x20f, 0), QUIRE_EXISTS);
    EXPECT(quire_region_add(&w.a, 0x100, 0x1ff, 0), QUIRE_EXISTS);
    EXPECT(quire_region_add(&w.a, 0x2f0, 0x4ff, 0), QUIRE_EXISTS);
    HOLES({0x100, 0x1ff}, {0x300, 0x3ff}, {0x500, 0x5ff});
    EXPECT(quire_region_add(&w.a, 0x110, 0x11f, QUIRE_REGION_OVERLAP), QUIRE_OK); /* all of it is there */
    HOLES({0x100, 0x1ff}, {0x300, 0x3ff}, {0x500, 0x5ff});
    EXPECT(quire_region_add(&w.a, 0x1f0, 0x4ff, QUIRE_REGION_OVERLAP), QUIRE_OK); /* all three become one */
    HOLES({0x100, 0x5ff});
    EXPECT(quire_region_add(&w.a, 0x000, 0x7ff, QUIRE_REGION_OVERLAP), QUIRE_OK); /* it is inside */
    HOLES({0x000, 0x7ff});
    cr_expect_eq(w.a.available, 0x800);
    cr_expect_eq(w.a.managed, 0x800);
    cr_expect_eq(w.book.left, NODES - 1u, "merged holes give their nodes back");
}

Test(region_range, range_added_may_overlap_holes_only_if_that_is_asked_for)
{
    with_and_without_index(add_overlaps);
}

static void add_spares_regions(bool indexed)
{
    struct quire_region region;

    start(indexed, UNIT, 0);
    EXPECT(quire_region_add(&w.a, 0x100, 0x4ff, 0), QUIRE_OK);
    EXPECT(quire_region_get_at(&w.a, 0x200, 0x2ff, &region), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x000, 0x7ff, QUIRE_REGION_OVERLAP), QUIRE_EXISTS);
    EXPECT(quire_region_add(&w.a, 0x2f0, 0x2ff, QUIRE_REGION_OVERLAP), QUIRE_EXISTS);
    HOLES({0x100, 0x1ff}, {0x300, 0x4ff});
    EXPECT(quire_region_add(&w.a, 0x1f0, 0x1ff, QUIRE_REGION_OVERLAP), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x000, 0x0ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x500, 0x5ff, 0), QUIRE_OK);
    HOLES({0x000, 0x1ff}, {0x300, 0x5ff});
    cr_expect_eq(w.a.available, 0x500);
    cr_expect_eq(w.a.managed, 0x600);
    EXPECT(quire_region_put(&w.a, &region), QUIRE_OK);
    HOLES({0x000, 0x5ff});
}

Test(region_range, range_added_never_covers_a_region)
{
    with_and_without_index(add_spares_regions);
}

/* ---- Subtract ---- */

static void subtract(bool indexed)
{
    start(indexed, UNIT, 0);
    EXPECT(quire_region_add(&w.a, 0x100, 0x7ff, 0), QUIRE_OK);
    EXPECT(quire_region_subtract(&w.a, 0x100, 0x1ff, 0), QUIRE_OK); /* the beginning */
    EXPECT(quire_region_subtract(&w.a, 0x700, 0x7ff, 0), QUIRE_OK); /* the end */
    HOLES({0x200, 0x6ff});
    EXPECT(quire_region_subtract(&w.a, 0x300, 0x3ff, 0), QUIRE_OK); /* the middle */
    HOLES({0x200, 0x2ff}, {0x400, 0x6ff});
    EXPECT(quire_region_subtract(&w.a, 0x200, 0x2ff, 0), QUIRE_OK); /* all of one */
    HOLES({0x400, 0x6ff});
    cr_expect_eq(w.a.available, 0x300);
    cr_expect_eq(w.a.managed, 0x300);
    EXPECT(quire_region_add(&w.a, 0x100, 0x3ff, 0), QUIRE_OK);
    HOLES({0x100, 0x6ff});
}

Test(region_range, range_subtracted_is_gone_from_its_hole)
{
    with_and_without_index(subtract);
}

static void subtract_strictly(bool indexed)
{
    struct quire_region region;

    start(indexed, UNIT, 0);
    EXPECT(quire_region_subtract(&w.a, 0x100, 0x1ff, 0), QUIRE_NOT_FOUND);
    EXPECT(quire_region_add(&w.a, 0x100, 0x2ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x400, 0x6ff, 0), QUIRE_OK);
    EXPECT(quire_region_get_at(&w.a, 0x500, 0x5ff, &region), QUIRE_OK);
    EXPECT(quire_region_subtract(&w.a, 0x000, 0x1ff, 0), QUIRE_NOT_FOUND);
    EXPECT(quire_region_subtract(&w.a, 0x2f0, 0x3ff, 0), QUIRE_NOT_FOUND);
    EXPECT(quire_region_subtract(&w.a, 0x2f0, 0x40f, 0), QUIRE_NOT_FOUND);
    EXPECT(quire_region_subtract(&w.a, 0x300, 0x3ff, 0), QUIRE_NOT_FOUND);
    EXPECT(quire_region_subtract(&w.a, 0x700, 0x70f, 0), QUIRE_NOT_FOUND);
    EXPECT(quire_region_subtract(&w.a, 0x400, 0x50f, 0), QUIRE_EXISTS);
    EXPECT(quire_region_subtract(&w.a, 0x540, 0x54f, 0), QUIRE_EXISTS);
    EXPECT(quire_region_subtract(&w.a, 0x000, 0x7ff, 0), QUIRE_EXISTS); /* this says more than that some is not there */
    HOLES({0x100, 0x2ff}, {0x400, 0x4ff}, {0x600, 0x6ff});
    cr_expect_eq(w.a.available, 0x400);
    cr_expect_eq(w.a.managed, 0x500);
}

Test(region_range, range_is_subtracted_only_if_all_of_it_is_available)
{
    with_and_without_index(subtract_strictly);
}

static void subtract_loosely(bool indexed)
{
    static const uint64_t allocated[][2] = {{0x500, 0x5ff}};
    struct quire_region region;

    start(indexed, UNIT, 0);
    EXPECT(quire_region_subtract(&w.a, 0x100, 0x1ff, QUIRE_REGION_INCOMPLETE), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x100, 0x2ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x400, 0x6ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x800, 0x8ff, 0), QUIRE_OK);
    EXPECT(quire_region_get_at(&w.a, 0x500, 0x5ff, &region), QUIRE_OK);
    EXPECT(quire_region_subtract(&w.a, 0x510, 0x53f, QUIRE_REGION_INCOMPLETE), QUIRE_OK);
    HOLES({0x100, 0x2ff}, {0x400, 0x4ff}, {0x600, 0x6ff}, {0x800, 0x8ff});
    EXPECT(quire_region_subtract(&w.a, 0x280, 0x80f, QUIRE_REGION_INCOMPLETE), QUIRE_OK);
    HOLES({0x100, 0x27f}, {0x810, 0x8ff});
    expect_set(QUIRE_REGION_SET_ALLOCATED, allocated, 1);
    cr_expect_eq(w.a.available, 0x270);
    cr_expect_eq(w.a.managed, 0x370);
    EXPECT(quire_region_put(&w.a, &region), QUIRE_OK);
    HOLES({0x100, 0x27f}, {0x500, 0x5ff}, {0x810, 0x8ff});
    EXPECT(quire_region_subtract(&w.a, 0, TOP, QUIRE_REGION_INCOMPLETE), QUIRE_OK);
    expect_set(QUIRE_REGION_SET_AVAILABLE, NULL, 0);
    cr_expect_eq(w.book.left, NODES);
    cr_expect_eq(w.a.managed, 0);
}

Test(region_range, range_subtracted_with_leave_to_be_incomplete_takes_what_it_finds)
{
    with_and_without_index(subtract_loosely);
}

/* ---- The ends of the space ---- */

static void whole_space(bool indexed)
{
    start(indexed, 1, 0);
    EXPECT(quire_region_add(&w.a, 0, TOP, 0), QUIRE_OK);
    HOLES({0, TOP});
    cr_expect_eq(w.a.available, 0, "2^64 is 0 modulo 2^64");
    EXPECT(quire_region_add(&w.a, 0, TOP, 0), QUIRE_EXISTS);
    EXPECT(quire_region_add(&w.a, 0, TOP, QUIRE_REGION_OVERLAP), QUIRE_OK);
    cr_expect(quire_region_contains(&w.a, QUIRE_REGION_SET_AVAILABLE, 0, TOP));
    EXPECT(quire_region_subtract(&w.a, 0, 0, 0), QUIRE_OK);
    EXPECT(quire_region_subtract(&w.a, TOP, TOP, 0), QUIRE_OK);
    HOLES({1, TOP - 1u});
    cr_expect_eq(w.a.available, TOP - 1u);
    cr_expect_not(quire_region_contains(&w.a, QUIRE_REGION_SET_AVAILABLE, 0, TOP));
    cr_expect_not(quire_region_intersects(&w.a, QUIRE_REGION_SET_AVAILABLE, TOP, TOP));
    cr_expect_not(quire_region_intersects(&w.a, QUIRE_REGION_SET_AVAILABLE, 0, 0));
    EXPECT(quire_region_add(&w.a, TOP, TOP, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0, 0, 0), QUIRE_OK);
    HOLES({0, TOP});
    EXPECT(quire_region_subtract(&w.a, 0x1000, TOP - 0x1000, 0), QUIRE_OK);
    HOLES({0, 0xfff}, {TOP - 0xfff, TOP});
    EXPECT(quire_region_subtract(&w.a, 0, TOP, 0), QUIRE_NOT_FOUND);
    EXPECT(quire_region_subtract(&w.a, 0, TOP, QUIRE_REGION_INCOMPLETE), QUIRE_OK);
    cr_expect_eq(w.a.holes, 0);
    EXPECT(quire_region_add(&w.a, 0, TOP, 0), QUIRE_OK);
    EXPECT(quire_region_subtract(&w.a, 0, TOP, 0), QUIRE_OK);
    cr_expect_eq(w.book.left, NODES);
}

Test(region_range, range_may_be_all_of_2_64_bytes_and_end_at_either_end)
{
    with_and_without_index(whole_space);
}

static void no_merge_around_the_end(bool indexed)
{
    start(indexed, 1, 0);
    EXPECT(quire_region_add(&w.a, TOP - 15u, TOP, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0, 15, 0), QUIRE_OK);
    HOLES({0, 15}, {TOP - 15u, TOP});
    EXPECT(quire_region_add(&w.a, 32, 47, 0), QUIRE_OK);
    HOLES({0, 15}, {32, 47}, {TOP - 15u, TOP});
}

Test(region_range, range_at_the_end_of_the_space_does_not_touch_its_beginning)
{
    with_and_without_index(no_merge_around_the_end);
}

/* ---- Refusals ---- */

static void refuse(bool indexed)
{
    start(indexed, UNIT, 0);
    EXPECT(quire_region_add(NULL, 0x100, 0x1ff, 0), QUIRE_INVALID);
    EXPECT(quire_region_subtract(NULL, 0x100, 0x1ff, 0), QUIRE_INVALID);
    EXPECT(quire_region_add(&w.a, 0x108, 0x1ff, 0), QUIRE_INVALID);
    EXPECT(quire_region_add(&w.a, 0x100, 0x1f7, 0), QUIRE_INVALID);
    EXPECT(quire_region_add(&w.a, 0x100, 0x200, 0), QUIRE_INVALID);
    EXPECT(quire_region_add(&w.a, 0x200, 0x1ff, 0), QUIRE_INVALID);
    EXPECT(quire_region_add(&w.a, 0x200, 0x0ff, 0), QUIRE_INVALID);
    EXPECT(quire_region_add(&w.a, 0x100, 0x1ff, QUIRE_REGION_INCOMPLETE), QUIRE_INVALID);
    EXPECT(quire_region_subtract(&w.a, 0x108, 0x1ff, 0), QUIRE_INVALID);
    EXPECT(quire_region_subtract(&w.a, 0x200, 0x0ff, 0), QUIRE_INVALID);
    EXPECT(quire_region_subtract(&w.a, 0x100, 0x1ff, QUIRE_REGION_OVERLAP), QUIRE_INVALID);
    EXPECT(quire_region_fini(&w.a), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x100, 0x1ff, 0), QUIRE_INVALID);
    EXPECT(quire_region_subtract(&w.a, 0x100, 0x1ff, QUIRE_REGION_INCOMPLETE), QUIRE_INVALID);
    cr_expect_not(quire_region_intersects(&w.a, QUIRE_REGION_SET_AVAILABLE, 0x100, 0x1ff));
    cr_expect_not(quire_region_contains(&w.a, QUIRE_REGION_SET_AVAILABLE, 0x100, 0x1ff));
}

Test(region_range, range_that_is_none_is_refused)
{
    with_and_without_index(refuse);
}

static void run_out(bool indexed)
{
    struct quire_region region;

    start(indexed, UNIT, 2);
    EXPECT(quire_region_add(&w.a, 0x100, 0x3ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x800, 0x8ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x600, 0x6ff, 0), QUIRE_NO_MEMORY);
    EXPECT(quire_region_subtract(&w.a, 0x200, 0x2ff, 0), QUIRE_NO_MEMORY);
    EXPECT(quire_region_subtract(&w.a, 0x200, 0x2ff, QUIRE_REGION_INCOMPLETE), QUIRE_NO_MEMORY);
    HOLES({0x100, 0x3ff}, {0x800, 0x8ff});
    cr_expect_eq(w.a.available, 0x400);
    /* These take none. */
    EXPECT(quire_region_subtract(&w.a, 0x380, 0x80f, QUIRE_REGION_INCOMPLETE), QUIRE_OK);
    HOLES({0x100, 0x37f}, {0x810, 0x8ff});
    EXPECT(quire_region_add(&w.a, 0x380, 0x80f, 0), QUIRE_OK);
    HOLES({0x100, 0x8ff});
    EXPECT(quire_region_subtract(&w.a, 0x200, 0x2ff, 0), QUIRE_OK);
    EXPECT(quire_region_get_at(&w.a, 0x100, 0x1ff, &region), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x000, 0x0ff, 0), QUIRE_NO_MEMORY); /* touches a region only */
    EXPECT(quire_region_add(&w.a, 0x200, 0x2ff, 0), QUIRE_OK);
}

Test(region_range, range_that_needs_a_node_where_there_is_none_changes_nothing)
{
    with_and_without_index(run_out);
}

/* ---- Ask and walk ---- */

static void ask(bool indexed)
{
    struct quire_region region;

    start(indexed, UNIT, 0);
    cr_expect_not(quire_region_intersects(&w.a, QUIRE_REGION_SET_AVAILABLE, 0, TOP));
    cr_expect_not(quire_region_contains(&w.a, QUIRE_REGION_SET_AVAILABLE, 0, TOP));
    EXPECT(quire_region_add(&w.a, 0x100, 0x4ff, 0), QUIRE_OK);
    EXPECT(quire_region_get_at(&w.a, 0x200, 0x2ff, &region), QUIRE_OK);
    EXPECT(quire_region_get_at(&w.a, 0x300, 0x3ff, &region), QUIRE_OK);
    cr_expect(quire_region_contains(&w.a, QUIRE_REGION_SET_AVAILABLE, 0x1ff, 0x1ff), "any bytes may be asked for");
    cr_expect(quire_region_contains(&w.a, QUIRE_REGION_SET_ALLOCATED, 0x200, 0x3ff), "across two regions");
    cr_expect_not(quire_region_contains(&w.a, QUIRE_REGION_SET_ALLOCATED, 0x200, 0x400));
    cr_expect_not(quire_region_contains(&w.a, QUIRE_REGION_SET_ALLOCATED, 0x1ff, 0x3ff));
    cr_expect_not(quire_region_contains(&w.a, QUIRE_REGION_SET_AVAILABLE, 0x1ff, 0x200));
    cr_expect_not(quire_region_contains(&w.a, QUIRE_REGION_SET_AVAILABLE, 0x0ff, 0x100));
    cr_expect(quire_region_intersects(&w.a, QUIRE_REGION_SET_ALLOCATED, 0x1ff, 0x200));
    cr_expect_not(quire_region_intersects(&w.a, QUIRE_REGION_SET_ALLOCATED, 0x1ff, 0x1ff));
    cr_expect_not(quire_region_intersects(&w.a, QUIRE_REGION_SET_ALLOCATED, 0x400, TOP));
    cr_expect(quire_region_intersects(&w.a, QUIRE_REGION_SET_AVAILABLE, 0x3ff, 0x400));
    cr_expect_not(quire_region_intersects(&w.a, QUIRE_REGION_SET_AVAILABLE, 0x200, 0x3ff));
    cr_expect_not(quire_region_intersects(&w.a, QUIRE_REGION_SET_AVAILABLE, 0x000, 0x0ff));
    cr_expect_not(quire_region_intersects(&w.a, QUIRE_REGION_SET_AVAILABLE, 0x500, TOP));
    cr_expect_not(quire_region_intersects(&w.a, QUIRE_REGION_SET_AVAILABLE, 0x400, 0x1ff), "no range");
    cr_expect_not(quire_region_contains(&w.a, QUIRE_REGION_SET_AVAILABLE, 0x120, 0x110), "no range");
    cr_expect_not(quire_region_intersects(NULL, QUIRE_REGION_SET_AVAILABLE, 0, TOP));
    cr_expect_not(quire_region_contains(NULL, QUIRE_REGION_SET_AVAILABLE, 0, TOP));
}

Test(region_range, range_questions_take_any_bytes)
{
    with_and_without_index(ask);
}

static bool stop_at_second(void *ctx, const struct quire_region *region)
{
    (void)region;
    return ++*(unsigned *)ctx < 2u;
}

static bool keep_receipt(void *ctx, const struct quire_region *region)
{
    *(struct quire_region *)ctx = *region;
    return true;
}

static void walk(bool indexed)
{
    struct quire_region_request request;
    struct quire_region region;
    struct quire_region kept;
    unsigned n = 0;

    start(indexed, UNIT, 0);
    EXPECT(quire_region_add(&w.a, 0x100, 0x1ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x300, 0x3ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x500, 0x5ff, 0), QUIRE_OK);
    cr_expect_not(quire_region_walk(&w.a, QUIRE_REGION_SET_AVAILABLE, stop_at_second, &n));
    cr_expect_eq(n, 2);
    n = 0;
    cr_expect(quire_region_walk(&w.a, QUIRE_REGION_SET_ALLOCATED, stop_at_second, &n));
    cr_expect_eq(n, 0);
    memset(&request, 0, sizeof request);
    request.size = 0x40;
    request.guard_before = 0x20;
    request.guard_after = 0x10;
    request.policy = QUIRE_REGION_LOWEST;
    EXPECT(quire_region_get_for(&w.a, &request, &region), QUIRE_OK);
    cr_expect(quire_region_walk(&w.a, QUIRE_REGION_SET_ALLOCATED, keep_receipt, &kept));
    cr_expect_eq(kept.base, 0x120);
    cr_expect_eq(kept.last, 0x15f);
    cr_expect(quire_region_contains(&w.a, QUIRE_REGION_SET_ALLOCATED, 0x100, 0x16f), "guards belong to the allocated");
    EXPECT(quire_region_put(&w.a, &kept), QUIRE_OK); /* what a walk shows is a receipt */
    EXPECT(quire_region_put(&w.a, &region), QUIRE_DEAD);
    cr_expect(quire_region_walk(&w.a, QUIRE_REGION_SET_AVAILABLE, keep_receipt, &kept));
    cr_expect_eq(kept.key, 0);
    cr_expect_not(quire_region_is_live(&w.a, &kept), "a hole is no region");
}

Test(region_range, range_walk_goes_up_stops_when_told_and_shows_regions_without_guards)
{
    with_and_without_index(walk);
}

/* ---- Against a map of units ---- */

enum { NOTHING, HOLE, REGION };

static unsigned char model[UNITS];

static bool some(unsigned first, unsigned n, unsigned char what)
{
    return memchr(model + first, what, n) != NULL;
}

static void model_set(unsigned first, unsigned n, unsigned char from, unsigned char to)
{
    unsigned i;

    for (i = first; i < first + n; i++) {
        model[i] = model[i] == from ? to : model[i];
    }
}

static bool all(unsigned first, unsigned n, unsigned char what)
{
    unsigned i;

    for (i = first; i < first + n; i++) {
        if (model[i] != what) {
            return false;
        }
    }
    return true;
}

/* Where unit `i` begins: the model's space is the last of the space. */
static uint64_t at(unsigned i)
{
    return TOP - (uint64_t)UNITS * UNIT + 1u + (uint64_t)i * UNIT;
}

static bool mark(void *ctx, const struct quire_region *region)
{
    unsigned char *seen = ctx;
    uint64_t first = (region->base - at(0)) / UNIT;
    uint64_t last = (region->last - at(0)) / UNIT;

    cr_assert(first <= last && last < UNITS);
    memset(seen + first, region->key == 0 ? HOLE : REGION, (size_t)(last - first + 1u));
    if (region->key == 0) {
        /* What touches is one. */
        cr_expect(first == 0 || model[first - 1u] != HOLE);
        cr_expect(last == UNITS - 1u || model[last + 1u] != HOLE);
    }
    return true;
}

static void compare_with_model(unsigned first, unsigned n)
{
    unsigned char seen[UNITS] = {0};
    unsigned set;
    uint64_t holes = 0;
    uint64_t regions = 0;
    unsigned i;

    (void)quire_region_walk(&w.a, QUIRE_REGION_SET_AVAILABLE, mark, seen);
    (void)quire_region_walk(&w.a, QUIRE_REGION_SET_ALLOCATED, mark, seen);
    cr_assert_arr_eq(seen, model, UNITS);
    for (i = 0; i < UNITS; i++) {
        holes += model[i] == HOLE;
        regions += model[i] == REGION;
    }
    cr_assert_eq(w.a.available, holes * UNIT);
    cr_assert_eq(w.a.managed, (holes + regions) * UNIT);
    cr_assert_eq(w.a.holes + w.a.allocated, NODES - w.book.left);
    for (set = 0; set < 2u; set++) {
        unsigned char what = set == QUIRE_REGION_SET_AVAILABLE ? HOLE : REGION;
        enum quire_region_set of = (enum quire_region_set)set;

        cr_assert_eq(quire_region_intersects(&w.a, of, at(first), at(first + n) - 1u), some(first, n, what));
        cr_assert_eq(quire_region_contains(&w.a, of, at(first), at(first + n) - 1u), all(first, n, what));
    }
}

static void step(struct property *p, unsigned first, unsigned n)
{
    uint64_t base = at(first);
    uint64_t last = at(first + n) - 1u;
    struct quire_region region;
    enum quire_status status;
    bool flag = property_below(p, 2) == 0;

    switch (property_below(p, 4)) {
    case 0:
        status = some(first, n, REGION) || (!flag && some(first, n, HOLE)) ? QUIRE_EXISTS : QUIRE_OK;
        cr_assert_eq(quire_region_add(&w.a, base, last, flag ? QUIRE_REGION_OVERLAP : 0), status);
        if (status == QUIRE_OK) {
            model_set(first, n, NOTHING, HOLE);
        }
        break;
    case 1:
        status = flag || all(first, n, HOLE) ? QUIRE_OK : some(first, n, REGION) ? QUIRE_EXISTS : QUIRE_NOT_FOUND;
        cr_assert_eq(quire_region_subtract(&w.a, base, last, flag ? QUIRE_REGION_INCOMPLETE : 0), status);
        if (status == QUIRE_OK) {
            model_set(first, n, HOLE, NOTHING);
        }
        break;
    case 2:
        status = all(first, n, HOLE) ? QUIRE_OK : some(first, n, REGION) ? QUIRE_EXISTS : QUIRE_NOT_FOUND;
        cr_assert_eq(quire_region_get_at(&w.a, base, last, &region), status);
        if (status == QUIRE_OK) {
            model_set(first, n, HOLE, REGION);
        }
        break;
    default:
        status = quire_region_find(&w.a, base, &region);
        cr_assert_eq(status, model[first] == REGION ? QUIRE_OK : QUIRE_NOT_FOUND);
        if (status == QUIRE_OK) {
            model_set((unsigned)((region.base - at(0)) / UNIT), (unsigned)((region.last - region.base) / UNIT) + 1u, REGION,
                      HOLE);
            cr_assert_eq(quire_region_put(&w.a, &region), QUIRE_OK);
        }
        break;
    }
}

Test(region_range, range_operations_agree_with_a_map_of_units)
{
    struct property p = property_begin("region_range", 40);
    uint64_t round;
    unsigned i;

    for (round = 0; round < p.rounds; round++) {
        start(round % 2u == 1u, UNIT, 0);
        memset(model, NOTHING, sizeof model);
        for (i = 0; i < 400u; i++) {
            unsigned first = property_below(&p, UNITS);
            unsigned n = 1u + property_below(&p, property_below(&p, 3) == 0 ? UNITS - first : (UNITS - first + 5u) / 6u);

            step(&p, first, n);
            compare_with_model(first, n);
        }
    }
}
