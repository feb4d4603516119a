/* region.h: the life of an allocator, getting, putting, resizing, finding, and its figures. */
#include <stdint.h> /* first: Criterion's own headers lack it */
#include <limits.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "quire/region.h"
#include "region_model_rig.h"

#define TOP UINT64_MAX

static struct region_rig rig;
static struct region_dump before;
static struct region_dump after;

#define EXPECT(call, status) cr_expect_eq((call), (status), "%s, line %d", #call, __LINE__)
#define EXPECT_FOR(call, status, why) cr_expect_eq((call), (status), "%s, line %d: %s", #call, __LINE__, (why))

/* An allocator with [base, last] in it. */
static void start(const struct region_rig_config *config, uint64_t base, uint64_t last)
{
    cr_assert(region_rig_start(&rig, config));
    cr_assert_eq(quire_region_add(&rig.a, base, last, 0), QUIRE_OK);
}

static struct region_rig_config plain(uint64_t unit)
{
    struct region_rig_config config;

    memset(&config, 0, sizeof config);
    config.unit = unit;
    return config;
}

/* The four forms that matter: with and without the index, one class and several. */
static struct region_rig_config form(unsigned number, uint64_t unit)
{
    struct region_rig_config config = plain(unit);

    config.indexed = (number & 1u) != 0;
    if ((number & 2u) != 0) {
        config.naligns = 3;
        config.align[0] = unit * 16u;
        config.align[1] = unit * 512u;
        config.align[2] = unit * 4096u;
    }
    return config;
}

#define FORMS 4u

static void stop(void)
{
    cr_expect(region_rig_stop(&rig));
}

static void expect_region(const struct quire_region *region, uint64_t base, uint64_t last)
{
    cr_expect_eq(region->base, base, "base %llx, not %llx", (unsigned long long)region->base, (unsigned long long)base);
    cr_expect_eq(region->last, last, "last %llx, not %llx", (unsigned long long)region->last, (unsigned long long)last);
}

/* ---- Configuration ---- */

/* A good configuration, for each test to spoil. */
struct setup {
    struct quire_region_book book;
    struct quire_region_config config;
    uint64_t align[8];
    uint64_t slab[64];
    uint64_t table[QUIRE_REGION_TABLE_BYTES(3, 6, 16) / 8u];
};

static void set_up(struct setup *setup)
{
    memset(setup, 0, sizeof *setup);
    cr_assert_eq(quire_region_book_init(&setup->book, 3, true, 0), QUIRE_OK);
    cr_assert_eq(quire_region_book_add_slab(&setup->book, setup->slab, sizeof setup->slab), QUIRE_OK);
    setup->config.book = &setup->book;
    setup->config.table = setup->table;
    setup->config.table_bytes = sizeof setup->table;
    setup->config.unit = 4096;
    setup->config.naligns = 2;
    setup->config.align = setup->align;
    setup->align[0] = 65536;
    setup->align[1] = 2097152;
    setup->config.exact_log = 6;
    setup->config.span_log = 16;
    setup->config.indexed = true;
}

static void expect_refused(const struct setup *setup, int line)
{
    struct quire_region_allocator a;

    cr_expect_eq(quire_region_init(&a, &setup->config), QUIRE_INVALID, "line %d", line);
    cr_expect_eq(setup->book.users, 0);
}

Test(region, init_takes_a_good_configuration_and_fini_gives_book_and_table_back)
{
    struct quire_region_allocator a;
    struct setup setup;

    set_up(&setup);
    EXPECT(quire_region_init(&a, &setup.config), QUIRE_OK);
    EXPECT(quire_region_book_fini(&setup.book), QUIRE_BUSY);
    EXPECT(quire_region_fini(&a), QUIRE_OK);
    EXPECT(quire_region_book_fini(&setup.book), QUIRE_OK);
    EXPECT(quire_region_fini(&a), QUIRE_INVALID);
}

Test(region, init_refuses_nothing_where_something_must_be)
{
    struct quire_region_allocator a;
    struct setup setup;

    set_up(&setup);
    EXPECT(quire_region_init(NULL, &setup.config), QUIRE_INVALID);
    EXPECT(quire_region_init(&a, NULL), QUIRE_INVALID);
    setup.config.book = NULL;
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.config.table = NULL;
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.config.align = NULL;
    expect_refused(&setup, __LINE__);
    EXPECT(quire_region_fini(NULL), QUIRE_INVALID);
}

Test(region, init_refuses_alignments_that_are_no_powers_of_two_or_do_not_ascend)
{
    struct setup setup;

    set_up(&setup);
    setup.config.unit = 4097;
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.align[0] = 65537;
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.align[0] = 4096; /* the unit again */
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.align[1] = 65536; /* twice */
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.align[1] = 8192; /* down */
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.align[1] = 0;
    expect_refused(&setup, __LINE__);
}

Test(region, init_refuses_too_many_classes_and_logs_out_of_range)
{
    struct setup setup;

    set_up(&setup);
    setup.config.naligns = QUIRE_REGION_CLASSES_MAX;
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.config.naligns = UINT_MAX;
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.config.exact_log = 5;
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.config.exact_log = 13;
    setup.config.table_bytes = SIZE_MAX;
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.config.span_log = 65;
    setup.config.table_bytes = SIZE_MAX;
    expect_refused(&setup, __LINE__);
}

Test(region, init_refuses_a_table_that_is_too_small_or_not_aligned)
{
    struct quire_region_allocator a;
    struct setup setup;

    set_up(&setup);
    setup.config.table_bytes = QUIRE_REGION_TABLE_BYTES(3, 6, 16) - 1u;
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.config.table_bytes = QUIRE_REGION_TABLE_BYTES(3, 6, 16);
    EXPECT(quire_region_init(&a, &setup.config), QUIRE_OK);
    EXPECT(quire_region_fini(&a), QUIRE_OK);
    setup.config.exact_log = 0; /* 12 */
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.config.span_log = 0; /* 64 */
    expect_refused(&setup, __LINE__);
    set_up(&setup);
    setup.config.table = (uint64_t *)(void *)((char *)setup.table + 4);
    setup.config.naligns = 1;
    expect_refused(&setup, __LINE__);
}

Test(region, init_and_set_book_refuse_a_book_for_fewer_classes_or_without_the_index)
{
    struct quire_region_allocator a;
    struct quire_region_book few;
    struct quire_region_book unindexed;
    struct setup setup;

    set_up(&setup);
    cr_assert_eq(quire_region_book_init(&few, 2, true, 0), QUIRE_OK);
    cr_assert_eq(quire_region_book_init(&unindexed, 3, false, 0), QUIRE_OK);
    setup.config.book = &few;
    expect_refused(&setup, __LINE__);
    setup.config.book = &unindexed;
    expect_refused(&setup, __LINE__);
    setup.config.book = &setup.book;
    cr_assert_eq(quire_region_init(&a, &setup.config), QUIRE_OK);
    EXPECT(quire_region_set_book(&a, &few), QUIRE_INVALID);
    EXPECT(quire_region_set_book(&a, &unindexed), QUIRE_INVALID);
    EXPECT(quire_region_set_book(&a, NULL), QUIRE_INVALID);
    EXPECT(quire_region_set_book(NULL, &setup.book), QUIRE_INVALID);
    EXPECT(quire_region_fini(&a), QUIRE_OK);
    EXPECT(quire_region_set_book(&a, &setup.book), QUIRE_INVALID);
}

/* ---- Life ---- */

Test(region, fini_is_busy_while_regions_are_allocated_and_changes_nothing_then)
{
    struct region_rig_config config = plain(1);
    struct quire_region region;

    start(&config, 0, 99);
    cr_assert_eq(quire_region_get(&rig.a, 10, 0, &region), QUIRE_OK);
    region_dump(&rig.a, &before);
    EXPECT(quire_region_fini(&rig.a), QUIRE_BUSY);
    region_dump(&rig.a, &after);
    cr_expect(region_dump_same(&before, &after));
    EXPECT(quire_region_put(&rig.a, &region), QUIRE_OK);
    EXPECT(quire_region_fini(&rig.a), QUIRE_OK);
    cr_expect_eq(quire_region_book_used(&rig.book), 0, "the holes' nodes went back");
    cr_assert_eq(quire_region_init(&rig.a, &rig.config), QUIRE_OK);
    stop();
}

Test(region, reset_takes_what_is_available_and_leaves_what_is_allocated)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 1);
        struct quire_region_stats stats;
        struct quire_region region[3];
        unsigned i;

        start(&config, 0, 9999);
        for (i = 0; i < 3u; i++) {
            cr_assert_eq(quire_region_get_at(&rig.a, 1000u * i + 1000u, 1000u * i + 1099u, &region[i]), QUIRE_OK);
        }
        quire_region_reset(&rig.a);
        quire_region_get_stats(&rig.a, &stats);
        cr_expect_eq(stats.available, 0);
        cr_expect_eq(stats.reserved, 300u);
        cr_expect_eq(stats.holes, 0);
        cr_expect_eq(quire_region_book_used(&rig.book), 3u);
        cr_expect_eq(quire_region_largest(&rig.a, 0), 0);
        EXPECT(quire_region_put(&rig.a, &region[1]), QUIRE_OK);
        cr_expect_eq(quire_region_largest(&rig.a, 0), 100u, "it is available once returned");
        EXPECT(quire_region_get(&rig.a, 100, 0, &region[1]), QUIRE_OK);
        expect_region(&region[1], 2000, 2099);
        EXPECT(quire_region_add(&rig.a, 1100, 1999, 0), QUIRE_OK);
        stop();
    }
}

Test(region, clear_takes_everything_and_makes_every_receipt_stale)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 1);
        struct quire_region_stats stats;
        struct quire_region region;

        start(&config, 0, 9999);
        cr_assert_eq(quire_region_get(&rig.a, 100, 0, &region), QUIRE_OK);
        quire_region_clear(&rig.a);
        quire_region_get_stats(&rig.a, &stats);
        cr_expect_eq(stats.available, 0);
        cr_expect_eq(stats.reserved, 0);
        cr_expect_eq(stats.holes, 0);
        cr_expect_eq(stats.allocated, 0);
        cr_expect_eq(quire_region_book_used(&rig.book), 0);
        EXPECT(quire_region_put(&rig.a, &region), QUIRE_DEAD);
        EXPECT(quire_region_get(&rig.a, 1, 0, &region), QUIRE_NO_SPACE);
        EXPECT(quire_region_add(&rig.a, 50, 59, 0), QUIRE_OK);
        EXPECT(quire_region_get(&rig.a, 10, 0, &region), QUIRE_OK);
        stop();
    }
}

Test(region, set_book_is_for_an_allocator_that_has_no_nodes)
{
    struct region_rig_config config = plain(1);
    struct quire_region_book other;
    struct quire_region region;
    uint64_t slab[64];

    start(&config, 0, 99);
    cr_assert_eq(quire_region_book_init(&other, 1, false, 0), QUIRE_OK);
    cr_assert_eq(quire_region_book_add_slab(&other, slab, sizeof slab), QUIRE_OK);
    EXPECT(quire_region_set_book(&rig.a, &other), QUIRE_BUSY);
    cr_expect_eq(other.users, 0);
    quire_region_reset(&rig.a);
    EXPECT(quire_region_set_book(&rig.a, &other), QUIRE_OK);
    EXPECT(quire_region_book_fini(&other), QUIRE_BUSY);
    EXPECT(quire_region_book_fini(&rig.book), QUIRE_OK);
    EXPECT(quire_region_add(&rig.a, 0, 99, 0), QUIRE_OK);
    EXPECT(quire_region_get(&rig.a, 10, 0, &region), QUIRE_OK);
    cr_expect_eq(quire_region_book_used(&other), 2u);
    quire_region_clear(&rig.a);
    EXPECT(quire_region_fini(&rig.a), QUIRE_OK);
    EXPECT(quire_region_book_fini(&other), QUIRE_OK);
    cr_assert_eq(quire_region_init(&rig.a, &rig.config), QUIRE_OK);
    stop();
}

Test(region, an_allocator_that_ended_takes_no_receipt)
{
    struct region_rig_config config = plain(1);
    struct quire_region region;
    struct quire_region empty;

    start(&config, 0, 99);
    memset(&empty, 0, sizeof empty);
    cr_assert_eq(quire_region_get(&rig.a, 10, 0, &region), QUIRE_OK);
    quire_region_clear(&rig.a);
    EXPECT(quire_region_fini(&rig.a), QUIRE_OK);
    EXPECT(quire_region_put(&rig.a, &region), QUIRE_INVALID);
    EXPECT(quire_region_put(&rig.a, &empty), QUIRE_INVALID);
    EXPECT(quire_region_resize(&rig.a, &region, 5), QUIRE_INVALID);
    cr_expect_not(quire_region_is_live(&rig.a, &region));
    cr_expect_not(quire_region_is_live(&rig.a, &empty));
    cr_assert_eq(quire_region_init(&rig.a, &rig.config), QUIRE_OK);
    stop();
}

/* ---- Get ---- */

Test(region, get_rounds_sizes_up_to_units_and_takes_the_lowest_address_of_a_hole)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 16);
        struct quire_region region;

        start(&config, 0x1000, 0x1fff);
        EXPECT(quire_region_get(&rig.a, 1, 0, &region), QUIRE_OK);
        expect_region(&region, 0x1000, 0x100f);
        EXPECT(quire_region_get(&rig.a, 16, 1, &region), QUIRE_OK);
        expect_region(&region, 0x1010, 0x101f);
        EXPECT(quire_region_get(&rig.a, 17, 16, &region), QUIRE_OK);
        expect_region(&region, 0x1020, 0x103f);
        EXPECT(quire_region_get(&rig.a, 16, 0x100, &region), QUIRE_OK);
        expect_region(&region, 0x1100, 0x110f);
        EXPECT(quire_region_get(&rig.a, 16, 0x800, &region), QUIRE_OK);
        expect_region(&region, 0x1800, 0x180f);
        stop();
    }
}

Test(region, get_refuses_what_no_request_may_be)
{
    static const uint64_t units[] = {1, 8, 4096, (uint64_t)1 << 40, (uint64_t)1 << 53, (uint64_t)1 << 62, (uint64_t)1 << 63};
    unsigned number;
    unsigned i;

    for (i = 0; i < sizeof units / sizeof units[0]; i++) {
        for (number = 0; number < 2u; number++) {
            struct region_rig_config config = form(number, units[i]);
            struct quire_region region;

            start(&config, 0, TOP);
            EXPECT(quire_region_get(&rig.a, 0, 0, &region), QUIRE_INVALID);
            EXPECT(quire_region_get(&rig.a, 0, units[i], &region), QUIRE_INVALID);
            EXPECT(quire_region_get(&rig.a, TOP - (units[i] - 1u) + 1u, units[i], &region), QUIRE_INVALID);
            if (units[i] != 1u) {
                EXPECT(quire_region_get(&rig.a, TOP, units[i], &region), QUIRE_INVALID);
                EXPECT(quire_region_get(&rig.a, TOP, 0, &region), QUIRE_INVALID);
            }
            EXPECT(quire_region_get(&rig.a, 1, 3, &region), QUIRE_INVALID);
            EXPECT(quire_region_get(&rig.a, 1, TOP, &region), QUIRE_INVALID);
            cr_expect_eq(rig.a.allocated, 0);
            EXPECT(quire_region_get(&rig.a, (uint64_t)0 - units[i], 0, &region), QUIRE_OK);
            expect_region(&region, 0, TOP - units[i]);
            stop();
        }
    }
}

Test(region, get_takes_the_smallest_hole_that_fits)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 1);
        struct quire_region region;

        start(&config, 1000, 1099);
        EXPECT(quire_region_add(&rig.a, 2000, 2029, 0), QUIRE_OK);
        EXPECT(quire_region_add(&rig.a, 3000, 3049, 0), QUIRE_OK);
        EXPECT(quire_region_add(&rig.a, 100000, 199999, 0), QUIRE_OK);
        EXPECT(quire_region_get(&rig.a, 31, 0, &region), QUIRE_OK);
        expect_region(&region, 3000, 3030);
        EXPECT(quire_region_get(&rig.a, 30, 0, &region), QUIRE_OK);
        expect_region(&region, 2000, 2029);
        EXPECT(quire_region_get(&rig.a, 101, 0, &region), QUIRE_OK);
        expect_region(&region, 100000, 100100);
        EXPECT(quire_region_get(&rig.a, 20, 0, &region), QUIRE_OK);
        expect_region(&region, 1000, 1019);
        EXPECT(quire_region_get(&rig.a, 99900, 0, &region), QUIRE_NO_SPACE);
        EXPECT(quire_region_get(&rig.a, 99899, 0, &region), QUIRE_OK);
        stop();
    }
}

Test(region, get_finds_the_only_hole_with_room_at_an_alignment_declared_or_not)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 4096);
        struct quire_region region;
        unsigned i;

        start(&config, 0x10001000, 0x10001fff);
        for (i = 1; i < 200u; i++) { /* large enough, none aligned */
            uint64_t base = 0x10000000u + (uint64_t)i * 0x40000u + 0x1000u;

            EXPECT(quire_region_add(&rig.a, base, base + 0xefffu, 0), QUIRE_OK);
        }
        EXPECT(quire_region_get(&rig.a, 0x2000, 0x10000, &region), QUIRE_NO_SPACE);
        EXPECT(quire_region_get(&rig.a, 0x2000, 0x8000, &region), QUIRE_OK);
        EXPECT(quire_region_add(&rig.a, 0x2001f000, 0x20020fff, 0), QUIRE_OK);
        EXPECT(quire_region_get(&rig.a, 0x2000, 0x10000, &region), QUIRE_NO_SPACE);
        EXPECT(quire_region_get(&rig.a, 0x1000, 0x20000, &region), QUIRE_OK);
        expect_region(&region, 0x20020000, 0x20020fff);
        stop();
    }
}

Test(region, get_says_no_memory_when_it_needs_a_node_that_the_book_does_not_lend)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 1);
        struct quire_region region;

        config.limit = 1;
        start(&config, 0, 99);
        EXPECT(quire_region_get(&rig.a, 10, 0, &region), QUIRE_NO_MEMORY);
        EXPECT(quire_region_get(&rig.a, 101, 0, &region), QUIRE_NO_SPACE);
        EXPECT_FOR(quire_region_get(&rig.a, 100, 0, &region), QUIRE_OK, "all of a hole needs none");
        stop();
    }
}

Test(region, the_last_number_is_drawn_and_then_there_is_a_limit)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 1);
        struct quire_region_request request;
        struct quire_region region[2];

        start(&config, 0, 99999);
        memset(&request, 0, sizeof request);
        request.size = 5;
        rig.book.number = QUIRE_REGION_ALLOCATED | (QUIRE_REGION_NUMBER_END - 2u);
        EXPECT(quire_region_get(&rig.a, 10, 0, &region[0]), QUIRE_OK);
        EXPECT(quire_region_get(&rig.a, 10, 0, &region[1]), QUIRE_OK);
        region_dump(&rig.a, &before);
        EXPECT(quire_region_get(&rig.a, 10, 0, &region[1]), QUIRE_LIMIT);
        EXPECT(quire_region_get(&rig.a, 5000, 0, &region[1]), QUIRE_LIMIT);
        EXPECT(quire_region_get(&rig.a, 10, 64, &region[1]), QUIRE_LIMIT);
        EXPECT(quire_region_get_for(&rig.a, &request, &region[1]), QUIRE_LIMIT);
        EXPECT(quire_region_get_at(&rig.a, 500, 599, &region[1]), QUIRE_LIMIT);
        EXPECT(quire_region_get(&rig.a, 0, 0, &region[1]), QUIRE_INVALID);
        EXPECT(quire_region_get(&rig.a, 100001, 0, &region[1]), QUIRE_NO_SPACE);
        region_dump(&rig.a, &after);
        cr_expect(region_dump_same(&before, &after));
        EXPECT(quire_region_resize(&rig.a, &region[1], 20), QUIRE_OK);
        EXPECT(quire_region_put(&rig.a, &region[0]), QUIRE_OK);
        EXPECT(quire_region_put(&rig.a, &region[1]), QUIRE_OK);
        EXPECT(quire_region_put(&rig.a, &region[1]), QUIRE_DEAD);
        stop();
    }
}

/* ---- The ends of the address space ---- */

Test(region, the_whole_address_space_can_be_added_taken_and_returned)
{
    static const uint64_t units[] = {1, 8, 4096, (uint64_t)1 << 63};
    unsigned number;
    unsigned i;

    for (i = 0; i < sizeof units / sizeof units[0]; i++) {
        for (number = 0; number < 2u; number++) {
            struct region_rig_config config = form(number, units[i]);
            struct quire_region_stats stats;
            struct quire_region region;

            start(&config, 0, TOP);
            quire_region_get_stats(&rig.a, &stats);
            cr_expect_eq(stats.available, TOP, "2^64 reads as 2^64 - 1");
            cr_expect_eq(stats.largest, TOP);
            cr_expect_eq(stats.reserved, 0);
            cr_expect_eq(stats.fragmentation, 0);
            EXPECT(quire_region_get_at(&rig.a, 0, TOP, &region), QUIRE_OK);
            expect_region(&region, 0, TOP);
            quire_region_get_stats(&rig.a, &stats);
            cr_expect_eq(stats.available, 0);
            cr_expect_eq(stats.reserved, TOP);
            cr_expect_eq(stats.largest, 0);
            EXPECT(quire_region_resize(&rig.a, &region, units[i]), QUIRE_OK);
            expect_region(&region, 0, units[i] - 1u);
            EXPECT(quire_region_resize(&rig.a, &region, (uint64_t)0 - units[i]), QUIRE_OK);
            expect_region(&region, 0, TOP - units[i]);
            EXPECT(quire_region_put(&rig.a, &region), QUIRE_OK);
            cr_expect_eq(quire_region_largest(&rig.a, 0), TOP);
            EXPECT(quire_region_subtract(&rig.a, 0, TOP, 0), QUIRE_OK);
            cr_expect_eq(quire_region_book_used(&rig.book), 0);
            stop();
        }
    }
}

Test(region, regions_at_both_ends_are_regions_like_any_other)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 1);
        struct quire_region top;
        struct quire_region bottom;
        struct quire_region found;

        start(&config, 0, 15);
        EXPECT(quire_region_add(&rig.a, TOP - 31u, TOP, 0), QUIRE_OK);
        EXPECT(quire_region_get(&rig.a, 32, 32, &top), QUIRE_OK);
        expect_region(&top, TOP - 31u, TOP);
        EXPECT(quire_region_get(&rig.a, 16, 16, &bottom), QUIRE_OK);
        expect_region(&bottom, 0, 15);
        EXPECT(quire_region_find(&rig.a, TOP, &found), QUIRE_OK);
        expect_region(&found, TOP - 31u, TOP);
        EXPECT(quire_region_find(&rig.a, 0, &found), QUIRE_OK);
        expect_region(&found, 0, 15);
        EXPECT_FOR(quire_region_resize(&rig.a, &top, 33), QUIRE_NO_SPACE, "nothing is above, not even the bottom");
        EXPECT(quire_region_resize(&rig.a, &top, 8), QUIRE_OK);
        EXPECT(quire_region_put(&rig.a, &bottom), QUIRE_OK);
        EXPECT(quire_region_resize(&rig.a, &top, 32), QUIRE_OK);
        EXPECT(quire_region_put(&rig.a, &top), QUIRE_OK);
        cr_expect_eq(rig.a.holes, 2u, "the ends do not touch each other");
        stop();
    }
}

Test(region, more_than_two_to_the_32_units_are_no_problem)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 1);
        struct quire_region region[3];

        start(&config, 0x1000, 0xffffffffffff);
        EXPECT(quire_region_get(&rig.a, (uint64_t)5 << 32, 0, &region[0]), QUIRE_OK);
        expect_region(&region[0], 0x1000, 0x500000fff);
        EXPECT(quire_region_get(&rig.a, ((uint64_t)1 << 32) + 1u, (uint64_t)1 << 33, &region[1]), QUIRE_OK);
        expect_region(&region[1], 0x600000000, 0x700000000);
        EXPECT(quire_region_get(&rig.a, (uint64_t)1 << 40, (uint64_t)1 << 44, &region[2]), QUIRE_OK);
        expect_region(&region[2], (uint64_t)1 << 44, ((uint64_t)1 << 44) + (((uint64_t)1 << 40) - 1u));
        EXPECT(quire_region_put(&rig.a, &region[1]), QUIRE_OK);
        EXPECT(quire_region_put(&rig.a, &region[0]), QUIRE_OK);
        EXPECT(quire_region_put(&rig.a, &region[2]), QUIRE_OK);
        cr_expect_eq(quire_region_largest(&rig.a, 0), 0xfffffffff000u);
        stop();
    }
}

/* ---- Get at ---- */

Test(region, get_at_takes_exactly_what_is_asked_for)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 16);
        struct quire_region region;

        start(&config, 0x1000, 0x1fff);
        EXPECT(quire_region_get_at(&rig.a, 0x1400, 0x14ff, &region), QUIRE_OK);
        expect_region(&region, 0x1400, 0x14ff);
        EXPECT(quire_region_get_at(&rig.a, 0x1000, 0x100f, &region), QUIRE_OK);
        EXPECT(quire_region_get_at(&rig.a, 0x1ff0, 0x1fff, &region), QUIRE_OK);
        EXPECT(quire_region_get_at(&rig.a, 0x1500, 0x1fef, &region), QUIRE_OK);
        cr_expect_eq(rig.a.holes, 1u);
        EXPECT(quire_region_put(&rig.a, &region), QUIRE_OK);
        stop();
    }
}

Test(region, get_at_tells_what_is_in_the_way)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 16);
        struct quire_region region;

        start(&config, 0x1000, 0x1fff);
        EXPECT(quire_region_get_at(&rig.a, 0x1401, 0x14ff, &region), QUIRE_INVALID);
        EXPECT(quire_region_get_at(&rig.a, 0x1400, 0x14fe, &region), QUIRE_INVALID);
        EXPECT(quire_region_get_at(&rig.a, 0x1400, 0x13ff, &region), QUIRE_INVALID);
        EXPECT(quire_region_get_at(&rig.a, 0xff0, 0x10ff, &region), QUIRE_NOT_FOUND);
        EXPECT(quire_region_get_at(&rig.a, 0x1ff0, 0x200f, &region), QUIRE_NOT_FOUND);
        EXPECT(quire_region_get_at(&rig.a, 0x5000, 0x5fff, &region), QUIRE_NOT_FOUND);
        EXPECT(quire_region_get_at(&rig.a, 0, 0xfff, &region), QUIRE_NOT_FOUND);
        EXPECT(quire_region_get_at(&rig.a, 0x1400, 0x14ff, &region), QUIRE_OK);
        EXPECT(quire_region_get_at(&rig.a, 0x1400, 0x14ff, &region), QUIRE_EXISTS);
        EXPECT(quire_region_get_at(&rig.a, 0x13f0, 0x140f, &region), QUIRE_EXISTS);
        EXPECT(quire_region_get_at(&rig.a, 0x14f0, 0x150f, &region), QUIRE_EXISTS);
        EXPECT(quire_region_get_at(&rig.a, 0, TOP, &region), QUIRE_EXISTS);
        cr_expect_eq(rig.a.allocated, 1u);
        stop();
    }
}

Test(region, get_at_says_no_memory_for_the_parts_that_would_be_left)
{
    struct region_rig_config config = plain(1);
    struct quire_region region;

    config.limit = 2;
    start(&config, 0, 99);
    EXPECT(quire_region_get_at(&rig.a, 10, 19, &region), QUIRE_NO_MEMORY);
    EXPECT(quire_region_get_at(&rig.a, 90, 99, &region), QUIRE_OK);
    EXPECT(quire_region_get_at(&rig.a, 0, 9, &region), QUIRE_NO_MEMORY);
    EXPECT(quire_region_get_at(&rig.a, 0, 89, &region), QUIRE_OK);
    stop();
}

/* ---- Put ---- */

Test(region, put_merges_with_the_holes_it_touches)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 1);
        struct quire_region region[5];
        unsigned i;

        start(&config, 0, 49);
        EXPECT(quire_region_add(&rig.a, 60, 69, 0), QUIRE_OK);
        for (i = 0; i < 5u; i++) {
            cr_assert_eq(quire_region_get_at(&rig.a, i * 10u, i * 10u + 9u, &region[i]), QUIRE_OK);
        }
        EXPECT(quire_region_put(&rig.a, &region[1]), QUIRE_OK);
        cr_expect_eq(rig.a.holes, 2u, "alone");
        EXPECT(quire_region_put(&rig.a, &region[3]), QUIRE_OK);
        cr_expect_eq(rig.a.holes, 3u, "alone");
        EXPECT(quire_region_put(&rig.a, &region[2]), QUIRE_OK);
        cr_expect_eq(rig.a.holes, 2u, "with both sides");
        cr_expect_eq(quire_region_largest(&rig.a, 0), 30u);
        EXPECT(quire_region_put(&rig.a, &region[0]), QUIRE_OK);
        cr_expect_eq(rig.a.holes, 2u, "with what is behind");
        EXPECT(quire_region_put(&rig.a, &region[4]), QUIRE_OK);
        cr_expect_eq(rig.a.holes, 2u, "with what is in front, and not over the gap");
        cr_expect_eq(quire_region_largest(&rig.a, 0), 50u);
        cr_expect_eq(quire_region_book_used(&rig.book), 2u);
        stop();
    }
}

Test(region, put_refuses_a_stale_receipt_a_copy_an_empty_one_and_a_strangers)
{
    struct region_rig_config config = plain(1);
    struct quire_region_config other_config;
    struct quire_region_allocator other;
    struct quire_region region;
    struct quire_region copy;
    struct quire_region empty;
    struct quire_region fresh;
    uint64_t *table;

    start(&config, 0, 99);
    other_config = rig.config;
    table = malloc(other_config.table_bytes);
    other_config.table = table;
    cr_assert_eq(quire_region_init(&other, &other_config), QUIRE_OK);
    cr_assert_eq(quire_region_get(&rig.a, 10, 0, &region), QUIRE_OK);
    copy = region;
    memset(&empty, 0, sizeof empty);
    EXPECT(quire_region_put(&rig.a, &empty), QUIRE_INVALID);
    EXPECT(quire_region_put(&other, &region), QUIRE_INVALID);
    EXPECT(quire_region_resize(&rig.a, &empty, 1), QUIRE_INVALID);
    EXPECT(quire_region_resize(&other, &region, 1), QUIRE_INVALID);
    cr_expect(quire_region_is_live(&rig.a, &region));
    cr_expect_not(quire_region_is_live(&rig.a, &empty));
    cr_expect_not(quire_region_is_live(&other, &region));
    EXPECT(quire_region_put(&rig.a, &region), QUIRE_OK);
    EXPECT(quire_region_put(&rig.a, &region), QUIRE_DEAD);
    EXPECT(quire_region_put(&rig.a, &copy), QUIRE_DEAD);
    EXPECT(quire_region_resize(&rig.a, &copy, 5), QUIRE_DEAD);
    cr_expect_not(quire_region_is_live(&rig.a, &copy));
    cr_assert_eq(quire_region_get(&rig.a, 10, 0, &fresh), QUIRE_OK);
    cr_expect_eq(fresh.base, copy.base, "the same address is out again");
    EXPECT(quire_region_put(&rig.a, &copy), QUIRE_DEAD);
    EXPECT(quire_region_put(&rig.a, &fresh), QUIRE_OK);
    EXPECT(quire_region_fini(&other), QUIRE_OK);
    free(table);
    stop();
}

/* ---- Resize ---- */

Test(region, resize_moves_the_end_and_nothing_else)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 16);
        struct quire_region region;
        struct quire_region copy;
        struct quire_region behind;

        start(&config, 0, 0xfff);
        cr_assert_eq(quire_region_get_at(&rig.a, 0x100, 0x1ff, &region), QUIRE_OK);
        cr_assert_eq(quire_region_get_at(&rig.a, 0x400, 0x4ff, &behind), QUIRE_OK);
        copy = region;
        EXPECT(quire_region_resize(&rig.a, &region, 0x211), QUIRE_OK);
        expect_region(&region, 0x100, 0x31f);
        EXPECT_FOR(quire_region_resize(&rig.a, &region, 0x220), QUIRE_OK, "no change");
        expect_region(&region, 0x100, 0x31f);
        EXPECT(quire_region_resize(&rig.a, &region, 0x301), QUIRE_NO_SPACE);
        expect_region(&region, 0x100, 0x31f);
        EXPECT_FOR(quire_region_resize(&rig.a, &region, 0x300), QUIRE_OK, "all of the hole behind");
        expect_region(&region, 0x100, 0x3ff);
        cr_expect_eq(rig.a.holes, 2u);
        EXPECT_FOR(quire_region_resize(&rig.a, &region, 0x310), QUIRE_NO_SPACE, "the next is allocated");
        EXPECT_FOR(quire_region_resize(&rig.a, &region, 0x10), QUIRE_OK, "a new hole");
        expect_region(&region, 0x100, 0x10f);
        cr_expect_eq(rig.a.holes, 3u);
        EXPECT_FOR(quire_region_resize(&rig.a, &behind, 1), QUIRE_OK, "a hole that was there");
        cr_expect_eq(rig.a.holes, 3u);
        EXPECT(quire_region_resize(&rig.a, &region, 0), QUIRE_INVALID);
        EXPECT(quire_region_resize(&rig.a, &region, TOP), QUIRE_INVALID);
        EXPECT(quire_region_resize(&rig.a, &region, TOP - 15u), QUIRE_NO_SPACE);
        EXPECT_FOR(quire_region_resize(&rig.a, &copy, 0x20), QUIRE_OK, "an old copy is as good");
        EXPECT(quire_region_put(&rig.a, &copy), QUIRE_OK);
        EXPECT(quire_region_put(&rig.a, &region), QUIRE_DEAD);
        EXPECT(quire_region_put(&rig.a, &behind), QUIRE_OK);
        cr_expect_eq(rig.a.holes, 1u);
        cr_expect_eq(quire_region_largest(&rig.a, 0), 0x1000u);
        stop();
    }
}

Test(region, resize_does_not_grow_over_a_gap_or_past_the_space)
{
    struct region_rig_config config = plain(1);
    struct quire_region region;

    start(&config, 0, 99);
    EXPECT(quire_region_add(&rig.a, 200, 299, 0), QUIRE_OK);
    cr_assert_eq(quire_region_get_at(&rig.a, 50, 99, &region), QUIRE_OK);
    EXPECT(quire_region_resize(&rig.a, &region, 51), QUIRE_NO_SPACE);
    EXPECT(quire_region_resize(&rig.a, &region, 160), QUIRE_NO_SPACE);
    EXPECT(quire_region_add(&rig.a, 100, 149, 0), QUIRE_OK);
    EXPECT(quire_region_resize(&rig.a, &region, 100), QUIRE_OK);
    EXPECT(quire_region_resize(&rig.a, &region, 101), QUIRE_NO_SPACE);
    stop();
}

Test(region, resize_keeps_guards_behind_the_new_end)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 1);
        struct quire_region_request request;
        struct quire_region region;
        struct quire_region found;

        start(&config, 0, 999);
        memset(&request, 0, sizeof request);
        request.size = 100;
        request.guard_before = 16;
        request.guard_after = 64;
        cr_assert_eq(quire_region_get_for(&rig.a, &request, &region), QUIRE_OK);
        expect_region(&region, 16, 115);
        EXPECT(quire_region_resize(&rig.a, &region, 10), QUIRE_OK);
        expect_region(&region, 16, 25);
        cr_expect_eq(rig.a.available, 1000u - 90u);
        EXPECT(quire_region_find(&rig.a, 89, &found), QUIRE_DENIED);
        EXPECT(quire_region_find(&rig.a, 90, &found), QUIRE_NOT_FOUND);
        EXPECT(quire_region_resize(&rig.a, &region, 921), QUIRE_NO_SPACE);
        EXPECT_FOR(quire_region_resize(&rig.a, &region, TOP - 50u), QUIRE_NO_SPACE, "with its guards past the end of 64 bits");
        EXPECT(quire_region_resize(&rig.a, &region, 920), QUIRE_OK);
        expect_region(&region, 16, 935);
        cr_expect_eq(rig.a.available, 0);
        EXPECT(quire_region_put(&rig.a, &region), QUIRE_OK);
        cr_expect_eq(quire_region_largest(&rig.a, 0), 1000u, "the guards came back too");
        stop();
    }
}

Test(region, resize_says_no_memory_only_where_it_makes_a_hole)
{
    struct region_rig_config config = plain(1);
    struct quire_region first;
    struct quire_region second;

    config.limit = 3;
    start(&config, 0, 99);
    cr_assert_eq(quire_region_get(&rig.a, 10, 0, &first), QUIRE_OK);
    cr_assert_eq(quire_region_get(&rig.a, 10, 0, &second), QUIRE_OK);
    cr_assert_eq(quire_region_book_left(&rig.book), 0);
    region_dump(&rig.a, &before);
    EXPECT(quire_region_resize(&rig.a, &first, 5), QUIRE_NO_MEMORY);
    region_dump(&rig.a, &after);
    cr_expect(region_dump_same(&before, &after));
    expect_region(&first, 0, 9);
    EXPECT(quire_region_resize(&rig.a, &second, 5), QUIRE_OK);
    EXPECT_FOR(quire_region_resize(&rig.a, &second, 90), QUIRE_OK, "which gives a node back");
    EXPECT(quire_region_resize(&rig.a, &first, 5), QUIRE_OK);
    stop();
}

/* ---- Find ---- */

Test(region, find_names_the_region_that_holds_an_address)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 1);
        struct quire_region_request request;
        struct quire_region region;
        struct quire_region found;

        start(&config, 100, 999);
        memset(&request, 0, sizeof request);
        request.size = 50;
        request.align = 64;
        request.guard_before = 8;
        request.guard_after = 4;
        cr_assert_eq(quire_region_get_for(&rig.a, &request, &region), QUIRE_OK);
        expect_region(&region, 128, 177);
        EXPECT(quire_region_find(&rig.a, 128, &found), QUIRE_OK);
        cr_expect_eq(memcmp(&found, &region, sizeof found), 0);
        EXPECT(quire_region_find(&rig.a, 177, &found), QUIRE_OK);
        EXPECT(quire_region_find(&rig.a, 127, &found), QUIRE_DENIED);
        expect_region(&found, 128, 177);
        EXPECT(quire_region_find(&rig.a, 120, &found), QUIRE_DENIED);
        EXPECT(quire_region_find(&rig.a, 181, &found), QUIRE_DENIED);
        EXPECT(quire_region_find(&rig.a, 119, &found), QUIRE_NOT_FOUND);
        EXPECT(quire_region_find(&rig.a, 182, &found), QUIRE_NOT_FOUND);
        EXPECT(quire_region_find(&rig.a, 99, &found), QUIRE_NOT_FOUND);
        EXPECT(quire_region_find(&rig.a, 1000, &found), QUIRE_NOT_FOUND);
        EXPECT(quire_region_find(&rig.a, TOP, &found), QUIRE_NOT_FOUND);
        EXPECT_FOR(quire_region_put(&rig.a, &found), QUIRE_OK, "what was found is a receipt, guards and all");
        EXPECT(quire_region_put(&rig.a, &region), QUIRE_DEAD);
        cr_expect_eq(rig.a.holes, 1u);
        quire_region_clear(&rig.a);
        EXPECT(quire_region_find(&rig.a, 128, &found), QUIRE_NOT_FOUND);
        stop();
    }
}

/* ---- Figures ---- */

Test(region, stats_count_bytes_holes_and_regions)
{
    struct region_rig_config config = plain(1);
    struct quire_region_stats stats;
    struct quire_region region;

    cr_assert(region_rig_start(&rig, &config));
    quire_region_get_stats(&rig.a, &stats);
    cr_expect_eq(stats.available, 0);
    cr_expect_eq(stats.largest, 0);
    cr_expect_eq(stats.fragmentation, 0);
    EXPECT(quire_region_add(&rig.a, 0, 999, 0), QUIRE_OK);
    cr_assert_eq(quire_region_get_at(&rig.a, 600, 699, &region), QUIRE_OK);
    quire_region_get_stats(&rig.a, &stats);
    cr_expect_eq(stats.available, 900u);
    cr_expect_eq(stats.reserved, 100u);
    cr_expect_eq(stats.largest, 600u);
    cr_expect_eq(stats.holes, 2u);
    cr_expect_eq(stats.allocated, 1u);
    cr_expect(stats.fragmentation == 333u || stats.fragmentation == 334u);
    stop();
}

Test(region, fragmentation_is_what_is_not_in_the_largest_hole_at_any_scale)
{
    unsigned log;

    for (log = 0; log <= 58u; log++) { /* holes of one size, one more at a time */
        struct region_rig_config config = plain((uint64_t)1 << log);
        struct quire_region_stats stats;
        uint64_t i;

        cr_assert(region_rig_start(&rig, &config));
        for (i = 0; i < 4u; i++) {
            uint64_t base = (i * 8u) << log;

            cr_assert_eq(quire_region_add(&rig.a, base, base + (((uint64_t)4 << log) - 1u), 0), QUIRE_OK);
            quire_region_get_stats(&rig.a, &stats);
            cr_expect_eq(stats.fragmentation, (1000u * (uint32_t)i + (uint32_t)i) / ((uint32_t)i + 1u),
                         "%u holes of 4 units of 2^%u", (unsigned)i + 1u, log);
        }
        stop();
    }
}

Test(region, largest_says_what_get_can_hand_out_at_an_alignment)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 16);
        struct quire_region region;
        uint64_t align;

        start(&config, 0x1010, 0x1fff);
        EXPECT(quire_region_add(&rig.a, 0x4000, 0x4eff, 0), QUIRE_OK);
        cr_expect_eq(quire_region_largest(&rig.a, 0), 0xff0u);
        cr_expect_eq(quire_region_largest(&rig.a, 1), 0xff0u);
        cr_expect_eq(quire_region_largest(&rig.a, 16), 0xff0u);
        cr_expect_eq(quire_region_largest(&rig.a, 0x100), 0xf00u);
        cr_expect_eq(quire_region_largest(&rig.a, 0x1000), 0xf00u);
        cr_expect_eq(quire_region_largest(&rig.a, 0x4000), 0xf00u);
        cr_expect_eq(quire_region_largest(&rig.a, 0x8000), 0);
        cr_expect_eq(quire_region_largest(&rig.a, (uint64_t)1 << 63), 0);
        cr_expect_eq(quire_region_largest(&rig.a, 48), 0, "no power of two");
        for (align = 16; align <= 0x4000u; align <<= 1) {
            uint64_t most = quire_region_largest(&rig.a, align);

            EXPECT(quire_region_get(&rig.a, most + 1u, align, &region), QUIRE_NO_SPACE);
            EXPECT(quire_region_get(&rig.a, most, align, &region), QUIRE_OK);
            cr_expect_eq(region.base % align, 0);
            EXPECT(quire_region_put(&rig.a, &region), QUIRE_OK);
        }
        stop();
    }
}

/* ---- Lives and copies of receipts ---- */

Test(region, a_receipt_of_another_life_of_the_book_is_refused)
{
    static uint64_t table[QUIRE_REGION_TABLE_BYTES(1, 6, 20) / sizeof(uint64_t)];
    static uint64_t slab[64];
    struct quire_region_book book;
    struct quire_region_allocator a;
    struct quire_region_config config;
    struct quire_region receipt[2];
    uint32_t life;

    memset(&config, 0, sizeof config);
    config.book = &book;
    config.table = table;
    config.table_bytes = sizeof table;
    config.exact_log = 6;
    config.span_log = 20;
    for (life = 0; life < 2u; life++) {
        cr_assert_eq(quire_region_book_init(&book, 1, false, 0), QUIRE_OK);
        cr_assert_eq(quire_region_book_set_life(&book, life), QUIRE_OK);
        cr_assert_eq(quire_region_book_add_slab(&book, slab, sizeof slab), QUIRE_OK);
        cr_assert_eq(quire_region_init(&a, &config), QUIRE_OK);
        cr_expect_eq(quire_region_book_set_life(&book, 7), QUIRE_INVALID, "an allocator has the book");
        cr_assert_eq(quire_region_add(&a, 0, 999, 0), QUIRE_OK);
        cr_assert_eq(quire_region_get(&a, 10, 0, &receipt[life]), QUIRE_OK);
        if (life == 0) {
            cr_assert_eq(quire_region_put(&a, &receipt[0]), QUIRE_OK);
            cr_assert_eq(quire_region_fini(&a), QUIRE_OK);
            cr_assert_eq(quire_region_book_fini(&book), QUIRE_OK);
        }
    }
    cr_expect_eq(receipt[0].key, receipt[1].key, "the test is of no use: the numbers differ");
    cr_expect_eq(receipt[0].node, receipt[1].node, "the test is of no use: the nodes differ");
    cr_expect_eq(quire_region_put(&a, &receipt[0]), QUIRE_INVALID);
    cr_expect_eq(quire_region_put(&a, &receipt[1]), QUIRE_OK);
    cr_expect_eq(quire_region_book_set_life(NULL, 0), QUIRE_INVALID);
}

Test(region, one_book_never_gives_the_word_of_a_life_twice)
{
    struct region_rig_config config = plain(8);
    uint32_t seen[256];
    unsigned i;
    unsigned k;

    start(&config, 0, 0xffff);
    region_rig_stop(&rig);
    cr_assert(region_rig_start(&rig, &config));
    for (i = 0; i < 256u; i++) {
        seen[i] = rig.a.owner;
        for (k = 0; k < i; k++) {
            cr_assert_neq(seen[k], seen[i]);
        }
        cr_assert_eq(quire_region_set_book(&rig.a, &rig.book), QUIRE_OK);
    }
    stop();
}

Test(region, renew_tells_an_old_copy_what_its_region_is_now)
{
    struct region_rig_config config = plain(8);
    struct quire_region_request request;
    struct quire_region region;
    struct quire_region copy;

    start(&config, 0, 0xffff);
    memset(&request, 0, sizeof request);
    request.size = 64;
    request.guard_before = 16;
    request.guard_after = 8;
    cr_assert_eq(quire_region_get_for(&rig.a, &request, &region), QUIRE_OK);
    copy = region;
    cr_assert_eq(quire_region_resize(&rig.a, &region, 128), QUIRE_OK);
    cr_expect_eq(copy.last, 79);
    cr_expect_eq(quire_region_renew(&rig.a, &copy), QUIRE_OK);
    expect_region(&copy, 16, 143);
    cr_assert_eq(quire_region_put(&rig.a, &region), QUIRE_OK);
    cr_expect_eq(quire_region_renew(&rig.a, &copy), QUIRE_DEAD);
    copy.owner = 0;
    cr_expect_eq(quire_region_renew(&rig.a, &copy), QUIRE_INVALID);
    stop();
}
