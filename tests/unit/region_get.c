/* region.h: get with the unit's alignment, which has a way of its own, against a search of all holes and the long way. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "property.h"
#include "quire/region_check.h"
#include "region_model_rig.h"

#define HOLES 300u
#define APART ((uint64_t)1 << 16) /* units from one hole to the next */

#define EXACT_LOG 9u
#define EXACT ((uint64_t)1 << EXACT_LOG) /* up to here "smallest" is exact */

#define EXPECT(call, status) cr_assert_eq((call), (status), "%s, line %d", #call, __LINE__)

static struct region_rig rig;
static struct region_rig other; /* gets the same requests by quire_region_get_for() */
static uint64_t hole[HOLES];    /* the model: units that are left; they end where the hole ended */
static uint64_t whole[HOLES];

/* With and without the index, one class and several. */
static struct region_rig_config form(unsigned number, uint64_t unit)
{
    struct region_rig_config config;

    memset(&config, 0, sizeof config);
    config.unit = unit;
    config.indexed = (number & 1u) != 0;
    config.exact_log = EXACT_LOG;
    if ((number & 2u) != 0) {
        config.naligns = 1;
        config.align[0] = unit * 16u;
    }
    return config;
}

#define FORMS 4u

static void start(unsigned number, uint64_t unit)
{
    struct region_rig_config config = form(number, unit);

    cr_assert(region_rig_start(&rig, &config));
    cr_assert(region_rig_start(&other, &config));
}

static void stop(void)
{
    const char *what = NULL;

    cr_expect_eq(quire_region_check(&rig.a, &what), QUIRE_OK, "%s", what);
    cr_expect(region_rig_stop(&rig));
    cr_expect(region_rig_stop(&other));
}

/* Fewest units that are at least `need`; HOLES: there are none. */
static unsigned smallest(uint64_t need)
{
    unsigned found = HOLES;
    unsigned i;

    for (i = 0; i < HOLES; i++) {
        if (hole[i] >= need && (found == HOLES || hole[i] < hole[found])) {
            found = i;
        }
    }
    return found;
}

static void take(uint64_t unit, uint64_t need)
{
    enum quire_status expected = smallest(need) != HOLES ? QUIRE_OK : QUIRE_NO_SPACE;
    struct quire_region_request request;
    struct quire_region twin;
    struct quire_region region;
    uint64_t least;
    unsigned i;

    EXPECT(quire_region_get(&rig.a, need * unit, unit, &region), expected);
    memset(&request, 0, sizeof request);
    request.size = need * unit;
    EXPECT(quire_region_get_for(&other.a, &request, &twin), expected);
    if (expected != QUIRE_OK) {
        return;
    }
    cr_assert(region.base == twin.base && region.last == twin.last, "the ways disagree about %llu units",
              (unsigned long long)need);
    i = (unsigned)(region.base / unit / APART);
    least = hole[smallest(need)];
    cr_assert_leq(hole[i], least < EXACT ? least : least + least / 64u, "%llu units, of %llu, and a hole has %llu",
                  (unsigned long long)need, (unsigned long long)hole[i], (unsigned long long)least);
    cr_assert_eq(region.base / unit, i * APART + (whole[i] - hole[i]), "not at the start of the hole");
    cr_assert_eq(region.last, region.base + (need * unit - 1u));
    hole[i] -= need;
}

Test(region_get, get_at_the_units_alignment_takes_the_smallest_hole_that_fits)
{
    struct property p = property_begin("get_at_the_units_alignment_takes_the_smallest_hole_that_fits", 1);
    uint64_t number;

    for (number = 0; number < p.rounds * 2u * FORMS; number++) {
        uint64_t unit = number / FORMS % 2u == 0 ? 1u : 4096u;
        unsigned i;

        start((unsigned)(number % FORMS), unit);
        for (i = 0; i < HOLES; i++) { /* below and above EXACT */
            uint64_t base = i * APART * unit;

            hole[i] = 1u + property_below(&p, i % 4u == 0 ? 1000u : 600u);
            whole[i] = hole[i];
            EXPECT(quire_region_add(&rig.a, base, base + (hole[i] * unit - 1u), 0), QUIRE_OK);
            EXPECT(quire_region_add(&other.a, base, base + (hole[i] * unit - 1u), 0), QUIRE_OK);
        }
        for (i = 0; i < 500u; i++) {
            take(unit, 1u + property_below(&p, 500u));
        }
        stop();
    }
}

Test(region_get, get_at_the_units_alignment_takes_no_node_for_all_of_a_hole)
{
    unsigned number;

    for (number = 0; number < FORMS; number++) {
        struct region_rig_config config = form(number, 16);
        struct quire_region region[3];

        config.limit = 3;
        cr_assert(region_rig_start(&rig, &config));
        EXPECT(quire_region_add(&rig.a, 0x1000, 0x10ff, 0), QUIRE_OK);
        EXPECT(quire_region_add(&rig.a, 0x2000, 0x20ff, 0), QUIRE_OK);
        EXPECT(quire_region_get(&rig.a, 0x10, 16, &region[0]), QUIRE_OK);
        EXPECT(quire_region_get(&rig.a, 0x20, 16, &region[1]), QUIRE_NO_MEMORY);
        EXPECT(quire_region_get(&rig.a, 0xf0, 16, &region[1]), QUIRE_OK);
        EXPECT(quire_region_get(&rig.a, 0x100, 16, &region[2]), QUIRE_OK);
        EXPECT(quire_region_get(&rig.a, 0x10, 16, &region[1]), QUIRE_NO_SPACE);
        EXPECT(quire_region_check(&rig.a, NULL), QUIRE_OK);
        cr_expect(region_rig_stop(&rig));
    }
}

/* Holes of 64 MiB and up to 1/64 more, all in one bin, and one that is far larger: where any of them has room, it is not that one. */
Test(region_get, get_finds_room_among_many_holes_of_nearly_one_size)
{
    struct property p = property_begin("get_finds_room_among_many_holes_of_nearly_one_size", 1);
    const uint64_t huge = (uint64_t)1 << 40;
    uint64_t number;

    for (number = 0; number < p.rounds * 2u * FORMS; number++) {
        struct region_rig_config config = form((unsigned)(number % FORMS), 1);
        bool with_huge = number / FORMS % 2u != 0;
        unsigned i;

        cr_assert(region_rig_start(&rig, &config));
        for (i = 0; i < HOLES; i++) {
            hole[i] = ((uint64_t)1 << 26) + property_below(&p, (uint32_t)1 << 20);
            EXPECT(quire_region_add(&rig.a, (uint64_t)i << 27, ((uint64_t)i << 27) + (hole[i] - 1u), 0), QUIRE_OK);
        }
        if (with_huge) {
            EXPECT(quire_region_add(&rig.a, huge, huge + huge - 1u, 0), QUIRE_OK);
        }
        for (i = 0; i < 2000u; i++) {
            uint64_t need = ((uint64_t)1 << 26) + property_below(&p, (uint32_t)1 << 20);
            bool fits = smallest(need) != HOLES;
            struct quire_region region;

            EXPECT(quire_region_get(&rig.a, need, 1, &region), fits || with_huge ? QUIRE_OK : QUIRE_NO_SPACE);
            if (fits || with_huge) {
                cr_assert_eq(region.base < huge, fits, "%llx bytes, at %llx", (unsigned long long)need,
                             (unsigned long long)region.base);
                EXPECT(quire_region_put(&rig.a, &region), QUIRE_OK);
            }
        }
        EXPECT(quire_region_check(&rig.a, NULL), QUIRE_OK);
        cr_expect(region_rig_stop(&rig));
    }
}
