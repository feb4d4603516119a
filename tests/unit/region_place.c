/* region_place.h: policies, limits, guards, alignments, and searches that are bounded. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "property.h"
#include "quire/region.h"
#include "region_model_rig.h"

#define TOP UINT64_MAX

static struct region_rig rig;
static struct quire_region_request request;
static struct quire_region region;

#define EXPECT(call, status) cr_expect_eq((call), (status), "%s, line %d", #call, __LINE__)

/* Two classes, so that there is a declared alignment and one that is not; with and without the index. */
#define FORMS 2u
#define DECLARED 64u
#define UNDECLARED 32u

static void start(unsigned number, uint64_t unit)
{
    struct region_rig_config config;

    memset(&config, 0, sizeof config);
    config.unit = unit;
    config.indexed = number != 0;
    config.naligns = 1;
    config.align[0] = unit * DECLARED;
    cr_assert(region_rig_start(&rig, &config));
    memset(&request, 0, sizeof request);
    request.size = unit;
}

static void stop(void)
{
    cr_expect(region_rig_stop(&rig));
}

static void add(uint64_t base, uint64_t last)
{
    cr_assert_eq(quire_region_add(&rig.a, base, last, 0), QUIRE_OK);
}

static void expect_at(uint64_t base, uint64_t last, int line)
{
    cr_expect_eq(quire_region_get_for(&rig.a, &request, &region), QUIRE_OK, "line %d", line);
    cr_expect_eq(region.base, base, "line %d: base %llx, not %llx", line, (unsigned long long)region.base,
                 (unsigned long long)base);
    cr_expect_eq(region.last, last, "line %d: last %llx, not %llx", line, (unsigned long long)region.last,
                 (unsigned long long)last);
}

#define EXPECT_AT(base, last) expect_at((base), (last), __LINE__)
#define EXPECT_NOT(status) EXPECT(quire_region_get_for(&rig.a, &request, &region), (status))

/* ---- Policies ---- */

Test(region_place, best_fit_is_the_policy_of_who_says_nothing)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        start(number, 1);
        add(0, 99);
        add(200, 219);
        request.size = 15;
        EXPECT_AT(200, 214);
        stop();
    }
}

Test(region_place, lowest_takes_the_lowest_address_of_all)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        start(number, 1);
        add(10, 19);
        add(100, 999);
        add(2000, 2019);
        request.policy = QUIRE_REGION_LOWEST;
        request.size = 5;
        EXPECT_AT(10, 14);
        request.size = 20;
        EXPECT_AT(100, 119);
        request.align = UNDECLARED;
        EXPECT_AT(128, 147);
        request.align = DECLARED;
        EXPECT_AT(192, 211);
        request.align = 0;
        request.size = 900;
        EXPECT_NOT(QUIRE_NO_SPACE);
        stop();
    }
}

Test(region_place, highest_takes_the_highest_address_of_all)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        start(number, 1);
        add(10, 19);
        add(100, 999);
        add(2000, 2009);
        request.policy = QUIRE_REGION_HIGHEST;
        request.size = 5;
        EXPECT_AT(2005, 2009);
        request.size = 20;
        EXPECT_AT(980, 999);
        request.align = UNDECLARED;
        EXPECT_AT(960, 979);
        request.align = DECLARED;
        EXPECT_AT(896, 915);
        request.align = 512;
        EXPECT_AT(512, 531);
        request.align = 1024;
        EXPECT_NOT(QUIRE_NO_SPACE);
        stop();
    }
}

Test(region_place, lowest_and_highest_reach_both_ends_of_the_address_space)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        start(number, 4096);
        add(0, TOP);
        request.policy = QUIRE_REGION_LOWEST;
        EXPECT_AT(0, 4095);
        request.policy = QUIRE_REGION_HIGHEST;
        EXPECT_AT(TOP - 4095u, TOP);
        request.align = (uint64_t)1 << 63;
        EXPECT_AT((uint64_t)1 << 63, ((uint64_t)1 << 63) + 4095u);
        request.policy = QUIRE_REGION_LOWEST;
        EXPECT_NOT(QUIRE_NO_SPACE);
        stop();
    }
}

/* ---- Random ---- */

/* Takes and returns `n` places for fresh entropy, counts where they are, and tells by chi square whether they are as likely as each
 * other: the limit is passed once in about 10^5 times by chance, and the seed is fixed. */
static void expect_uniform(const uint64_t *places, uint32_t nplaces, uint32_t n)
{
    struct property random = property_begin("random places", n);
    uint64_t rounds = random.rounds > n ? random.rounds : n; /* fewer would prove nothing */
    double expected = (double)rounds / nplaces;
    double chi = 0;
    uint32_t *count = calloc(nplaces, sizeof *count);
    uint64_t i;
    uint32_t p;

    for (i = 0; i < rounds; i++) {
        request.entropy = property_bits(&random);
        cr_assert_eq(quire_region_get_for(&rig.a, &request, &region), QUIRE_OK);
        for (p = 0; p < nplaces && places[p] != region.base; p++) {
        }
        cr_assert_lt(p, nplaces, "%llx is no place for it", (unsigned long long)region.base);
        count[p]++;
        cr_assert_eq(quire_region_put(&rig.a, &region), QUIRE_OK);
    }
    for (p = 0; p < nplaces; p++) {
        chi += ((double)count[p] - expected) * ((double)count[p] - expected) / expected;
    }
    /* Of mean f and variance 2 f, for f = nplaces - 1: 4.5 deviations. */
    cr_expect_lt((chi - (nplaces - 1.0)) * (chi - (nplaces - 1.0)), 4.5 * 4.5 * 2.0 * nplaces, "chi square is %g of %u places",
                 chi, (unsigned)nplaces);
    free(count);
}

Test(region_place, random_takes_each_address_of_all_holes_as_often_as_any_other)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        uint64_t places[64];
        uint32_t n = 0;
        uint64_t at;

        start(number, 1);
        add(10, 19);
        add(30, 30);
        add(40, 60);
        request.policy = QUIRE_REGION_RANDOM;
        request.size = 3;
        for (at = 10; at <= 17; at++) {
            places[n++] = at;
        }
        for (at = 40; at <= 58; at++) {
            places[n++] = at;
        }
        expect_uniform(places, n, 8000);
        stop();
    }
}

Test(region_place, random_is_uniform_over_aligned_guarded_places_between_limits_too)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        uint64_t places[64];
        uint32_t n = 0;
        uint64_t at;

        start(number, 16);
        add(0x1000, 0x17ff);
        add(0x1a00, 0x1fff);
        add(0x3000, 0x3fff);
        request.policy = QUIRE_REGION_RANDOM;
        request.size = 0x40;
        request.align = 0x80;
        request.guard_before = 0x10;
        request.guard_after = 0x20;
        request.min = 0x1100;
        request.max = 0x31ff;
        for (at = 0; at < 0x4000; at += 0x80) {
            bool fits = (at - 0x10 >= 0x1100 && at + 0x5f <= 0x17ff) || (at - 0x10 >= 0x1a00 && at + 0x5f <= 0x1fff) ||
                        (at - 0x10 >= 0x3000 && at + 0x5f <= 0x31ff);

            if (at != 0 && fits) {
                places[n++] = at;
            }
        }
        expect_uniform(places, n, 8000);
        stop();
    }
}

Test(region_place, random_spreads_over_all_64_bits_of_the_whole_space)
{
    struct property random = property_begin("halves of the space", 2000);
    unsigned bit;
    unsigned set[64];
    uint64_t i;

    memset(set, 0, sizeof set);
    start(1, 1);
    add(0, TOP);
    request.policy = QUIRE_REGION_RANDOM;
    for (i = 0; i < random.rounds; i++) {
        request.entropy = property_bits(&random);
        cr_assert_eq(quire_region_get_for(&rig.a, &request, &region), QUIRE_OK);
        for (bit = 0; bit < 64u; bit++) {
            set[bit] += (unsigned)(region.base >> bit) & 1u;
        }
        cr_assert_eq(quire_region_put(&rig.a, &region), QUIRE_OK);
    }
    for (bit = 0; bit < 64u; bit++) { /* 5 deviations of a fair coin */
        double off = (double)set[bit] - (double)random.rounds / 2.0;

        cr_expect_lt(off * off, 25.0 * (double)random.rounds / 4.0, "bit %u is set %u times", bit, set[bit]);
    }
    stop();
}

Test(region_place, random_with_the_least_and_the_most_entropy_takes_the_ends)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        start(number, 1);
        add(10, 19);
        add(100, 109);
        request.policy = QUIRE_REGION_RANDOM;
        request.entropy = 0;
        EXPECT_AT(10, 10);
        request.entropy = TOP;
        EXPECT_AT(109, 109);
        request.size = 11;
        EXPECT_NOT(QUIRE_NO_SPACE);
        stop();
    }
}

/* ---- Limits ---- */

Test(region_place, no_policy_leaves_the_limits)
{
    unsigned number;
    unsigned policy;

    for (number = 0; number < FORMS; number++) {
        for (policy = 0; policy < 4u; policy++) {
            start(number, 1);
            add(0, 99);
            add(110, 999);
            request.policy = (enum quire_region_policy)policy;
            request.entropy = 0x123456789abcdef0u;
            request.size = 10;
            request.min = 105;
            request.max = 119;
            EXPECT_AT(110, 119);
            request.min = 90;
            EXPECT_AT(90, 99);
            EXPECT_NOT(QUIRE_NO_SPACE);
            request.min = 500;
            request.max = 509;
            request.align = 4;
            EXPECT_AT(500, 509);
            request.min = 601;
            request.max = 612;
            EXPECT_NOT(QUIRE_NO_SPACE);
            request.max = 613;
            EXPECT_AT(604, 613);
            stop();
        }
    }
}

Test(region_place, best_fit_between_limits_takes_the_smallest_hole_there)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        start(number, 1);
        add(0, 9);
        add(100, 199);
        add(300, 349);
        add(400, 499);
        request.size = 10;
        request.min = 50;
        EXPECT_AT(300, 309);
        request.min = 0;
        request.max = 299;
        EXPECT_AT(0, 9);
        EXPECT_AT(100, 109);
        request.max = TOP;
        EXPECT_AT(310, 319);
        stop();
    }
}

Test(region_place, a_limit_of_one_byte_and_limits_at_the_top_hold)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        start(number, 1);
        add(0, TOP);
        request.min = TOP;
        EXPECT_AT(TOP, TOP);
        EXPECT_NOT(QUIRE_NO_SPACE);
        request.min = TOP - 9u;
        request.size = 9;
        EXPECT_AT(TOP - 9u, TOP - 1u);
        request.min = 0;
        request.max = 8;
        EXPECT_AT(0, 8);
        request.size = 1;
        EXPECT_NOT(QUIRE_NO_SPACE);
        stop();
    }
}

/* ---- Guards ---- */

Test(region_place, guards_are_nobodys_and_come_back_with_the_region)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct quire_region other;

        start(number, 1);
        add(0, 99);
        request.size = 10;
        request.guard_before = 4;
        request.guard_after = 8;
        EXPECT_AT(4, 13);
        EXPECT(quire_region_get_at(&rig.a, 0, 3, &other), QUIRE_EXISTS);
        EXPECT(quire_region_get_at(&rig.a, 14, 21, &other), QUIRE_EXISTS);
        EXPECT(quire_region_get_at(&rig.a, 22, 22, &other), QUIRE_OK);
        cr_expect_eq(rig.a.available, 100u - 22u - 1u);
        cr_expect(quire_region_contains(&rig.a, QUIRE_REGION_SET_ALLOCATED, 0, 22), "the guards are in the allocated set");
        EXPECT(quire_region_put(&rig.a, &region), QUIRE_OK);
        EXPECT(quire_region_put(&rig.a, &other), QUIRE_OK);
        cr_expect_eq(quire_region_largest(&rig.a, 0), 100u);
        stop();
    }
}

Test(region_place, the_region_is_aligned_and_its_guard_need_not_be)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        uint64_t align;

        for (align = UNDECLARED; align <= DECLARED; align *= 2u) {
            start(number, 1);
            add(60, 199);
            request.size = 10;
            request.align = align;
            request.guard_before = 4;
            EXPECT_AT(64, 73);
            EXPECT_AT(64 + align, 73 + align);
            stop();
            start(number, 1);
            add(60, 199);
            request.size = 10;
            request.align = align;
            request.guard_before = align; /* which is all of an alignment away */
            request.max = align == DECLARED ? 136 : 104;
            EXPECT_NOT(QUIRE_NO_SPACE);
            request.max++;
            EXPECT_AT(request.max - 9u, request.max);
            stop();
        }
    }
}

Test(region_place, highest_aligns_the_region_and_not_its_guard)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        uint64_t align;

        for (align = UNDECLARED; align <= DECLARED; align *= 2u) {
            start(number, 1);
            add(100, 230);
            request.policy = QUIRE_REGION_HIGHEST;
            request.size = 10;
            request.align = align;
            request.guard_before = 4;
            request.guard_after = 2;
            EXPECT_AT(192, 201);
            EXPECT_AT(align == DECLARED ? 128 : 160, align == DECLARED ? 137 : 169);
            stop();
        }
    }
}

Test(region_place, an_extent_fits_only_with_its_guards)
{
    unsigned number;
    unsigned policy;

    for (number = 0; number < FORMS; number++) {
        for (policy = 0; policy < 4u; policy++) {
            start(number, 1);
            add(1000, 1099);
            request.policy = (enum quire_region_policy)policy;
            request.guard_before = 16;
            request.guard_after = 16;
            request.size = 69;
            EXPECT_NOT(QUIRE_NO_SPACE);
            request.size = 68;
            request.min = 1001;
            EXPECT_NOT(QUIRE_NO_SPACE);
            request.min = 0;
            request.max = 1098;
            EXPECT_NOT(QUIRE_NO_SPACE);
            request.max = 1099;
            EXPECT_AT(1016, 1083);
            stop();
        }
    }
}

Test(region_place, guards_that_no_space_could_hold_are_no_space)
{
    start(0, 1);
    add(0, TOP);
    request.size = (uint64_t)1 << 63;
    request.guard_before = (uint64_t)1 << 62;
    request.guard_after = (uint64_t)1 << 62;
    EXPECT_AT((uint64_t)1 << 62, ((uint64_t)3 << 62) - 1u);
    EXPECT(quire_region_put(&rig.a, &region), QUIRE_OK);
    request.size++;
    EXPECT_NOT(QUIRE_NO_SPACE);
    request.size = TOP;
    EXPECT_NOT(QUIRE_NO_SPACE);
    stop();
}

Test(region_place, two_guards_of_half_the_space_are_no_space)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) { /* their sum is 2^64, which is 0 */
        start(number, 2);
        add(0, TOP);
        request.guard_before = (uint64_t)1 << 63;
        request.guard_after = (uint64_t)1 << 63;
        EXPECT_NOT(QUIRE_NO_SPACE);
        request.guard_after = (uint64_t)1 << 62;
        EXPECT_AT((uint64_t)1 << 63, ((uint64_t)1 << 63) + 1u);
        stop();
    }
}

Test(region_place, highest_has_no_room_where_the_guard_would_begin_below_zero)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        start(number, 1);
        add(0, 31);
        request.policy = QUIRE_REGION_HIGHEST;
        request.size = 2;
        request.align = DECLARED;
        request.guard_before = 4;
        EXPECT_NOT(QUIRE_NO_SPACE);
        request.guard_before = 0;
        EXPECT_AT(0, 1);
        stop();
    }
}

/* ---- What no request may be ---- */

Test(region_place, a_request_that_says_nonsense_is_invalid)
{
    unsigned number;
    struct quire_region_request good;

    for (number = 0; number < FORMS; number++) {
        start(number, 16);
        add(0, 0xffff);
        good = request;
        request.size = 0;
        EXPECT_NOT(QUIRE_INVALID);
        request.size = TOP - 14u; /* rounds up to 2^64 */
        EXPECT_NOT(QUIRE_INVALID);
        request.size = TOP - 15u;
        EXPECT_NOT(QUIRE_NO_SPACE);
        request = good;
        request.align = 48;
        EXPECT_NOT(QUIRE_INVALID);
        request = good;
        request.min = 2;
        request.max = 1;
        EXPECT_NOT(QUIRE_INVALID);
        request = good;
        request.guard_before = 8; /* less than the unit */
        EXPECT_NOT(QUIRE_INVALID);
        request.guard_before = 48;
        EXPECT_NOT(QUIRE_INVALID);
        request = good;
        request.guard_after = 8;
        EXPECT_NOT(QUIRE_INVALID);
        request.guard_after = 24;
        EXPECT_NOT(QUIRE_INVALID);
        request = good;
        request.policy = (enum quire_region_policy)4;
        EXPECT_NOT(QUIRE_INVALID);
        request = good;
        request.flags = 2;
        EXPECT_NOT(QUIRE_INVALID);
        request.flags = QUIRE_REGION_BOUNDED;
        request.policy = QUIRE_REGION_RANDOM;
        EXPECT_NOT(QUIRE_INVALID);
        cr_expect_eq(rig.a.allocated, 0);
        request = good;
        EXPECT_AT(0, 15);
        stop();
    }
}

/* ---- Exact and bounded ---- */

/* Holes that are large enough for 2 units and hold none aligned to `align`; then one that does. */
static void fill_with_near_misses(uint64_t align, unsigned n)
{
    unsigned i;

    for (i = 0; i < n; i++) {
        uint64_t base = (i + 1u) * align * 2u + 1u;

        add(base, base + align - 3u);
    }
}

Test(region_place, an_undeclared_alignment_is_found_in_the_last_of_many_holes)
{
    unsigned number;
    unsigned policy;

    for (number = 0; number < FORMS; number++) {
        for (policy = 0; policy < 4u; policy++) {
            start(number, 1);
            fill_with_near_misses(UNDECLARED, 500);
            request.policy = (enum quire_region_policy)policy;
            request.size = 2;
            request.align = UNDECLARED;
            EXPECT_NOT(QUIRE_NO_SPACE);
            add(0x100000 - 1u, 0x100000 + 1u);
            EXPECT_AT(0x100000, 0x100001);
            EXPECT_NOT(QUIRE_NO_SPACE);
            stop();
        }
    }
}

Test(region_place, a_bounded_search_may_miss_an_undeclared_alignment_but_never_a_declared_one)
{
    unsigned number;
    uint64_t i;

    for (number = 0; number < FORMS; number++) {
        start(number, 1);
        for (i = 1; i < 500u; i++) { /* 130 units from a multiple of 64 on, none of 256 in them */
            add(i * 256u + DECLARED, i * 256u + DECLARED + 129u);
        }
        add(0x100000, 0x100000 + 150u); /* larger than they are, but not so that it had room wherever it began */
        request.size = 2;
        request.flags = QUIRE_REGION_BOUNDED;
        request.align = DECLARED * 4u;
        EXPECT_NOT(QUIRE_NO_SPACE);
        request.size = 140;
        request.align = DECLARED;
        EXPECT_AT(0x100000, 0x100000 + 139u);
        EXPECT(quire_region_put(&rig.a, &region), QUIRE_OK);
        request.size = 2;
        request.align = DECLARED * 4u;
        request.flags = 0;
        EXPECT_AT(0x100000, 0x100001);
        EXPECT(quire_region_put(&rig.a, &region), QUIRE_OK);
        request.flags = QUIRE_REGION_BOUNDED;
        add(0x200001, 0x200000 + 16u * DECLARED);
        EXPECT_AT(0x200000 + 4u * DECLARED, 0x200000 + 4u * DECLARED + 1u); /* room wherever it begins */
        stop();
    }
}

Test(region_place, a_bounded_search_by_address_gives_up_after_so_many_looks)
{
    unsigned number;
    unsigned highest;

    for (number = 0; number < FORMS; number++) {
        for (highest = 0; highest < 2u; highest++) {
            start(number, 1);
            fill_with_near_misses(UNDECLARED, 100);
            add(16, 17);             /* small, below all; */
            add(0x100000, 0x100001); /* and above */
            request.size = 2;
            request.align = UNDECLARED;
            request.policy = highest != 0 ? QUIRE_REGION_HIGHEST : QUIRE_REGION_LOWEST;
            request.flags = QUIRE_REGION_BOUNDED;
            request.min = highest != 0 ? 0 : UNDECLARED;
            request.max = highest != 0 ? 0xfffff : TOP;
            EXPECT_NOT(QUIRE_NO_SPACE);
            if (highest == 0) {
                request.flags = 0;
                EXPECT_AT(0x100000, 0x100001);
            }
            stop();
        }
    }
}

/* What has been promised of BOUNDED holds with the index too, whose hints may be out of date at every node. */
Test(region_place, bounded_looks_at_few_nodes_with_the_index_too)
{
    struct region_rig_config config;
    unsigned i;

    memset(&config, 0, sizeof config);
    config.unit = 8;
    config.indexed = true;
    cr_assert(region_rig_start(&rig, &config));
    for (i = 0; i < 200u; i++) {
        cr_assert_eq(quire_region_add(&rig.a, i * 4096u, i * 4096u + 7u + (i == 150u ? 64u : 0), 0), QUIRE_OK);
    }
    memset(&request, 0, sizeof request);
    request.size = 16;
    request.policy = QUIRE_REGION_LOWEST;
    request.flags = QUIRE_REGION_BOUNDED;
    cr_expect_eq(quire_region_get_for(&rig.a, &request, &region), QUIRE_NO_SPACE, "it lies too far behind");
    request.min = (151u - QUIRE_REGION_LOOKS) * 4096u;
    cr_expect_eq(quire_region_get_for(&rig.a, &request, &region), QUIRE_OK, "from there it is the last look");
    cr_expect_eq(region.base, 150u * 4096u);
    cr_expect_eq(quire_region_put(&rig.a, &region), QUIRE_OK);
    request.min -= 4096u;
    cr_expect_eq(quire_region_get_for(&rig.a, &request, &region), QUIRE_NO_SPACE);
    request.min = 0;
    request.max = (149u + QUIRE_REGION_LOOKS) * 4096u + 7u;
    request.policy = QUIRE_REGION_HIGHEST;
    cr_expect_eq(quire_region_get_for(&rig.a, &request, &region), QUIRE_OK);
    cr_expect_eq(region.last, 150u * 4096u + 71u);
    cr_assert(region_rig_stop(&rig));
}
