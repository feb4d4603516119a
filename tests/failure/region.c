/* Region allocators when things go wrong: bookkeeping that runs out at every point, and receipts that are not good any more. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "property.h"
#include "quire/region.h"
#include "region_model_rig.h"

/* ---- Bookkeeping that runs out ---- */

#define OPERATIONS 300u
#define LIVE 64u
#define SPACE ((uint64_t)1 << 20)

static struct region_dump before;
static struct region_dump after;

/* One operation of a sequence that depends on nothing but the random numbers and what earlier ones answered. */
static enum quire_status operate(struct quire_region_allocator *a, struct property *random, struct quire_region *live)
{
    uint32_t choice = property_below(random, 100);
    uint64_t base = (uint64_t)property_below(random, 256) << 12;
    uint64_t last = base + ((1u + (uint64_t)property_below(random, 16)) << 12) - 1u;
    uint32_t slot = property_below(random, LIVE);
    struct quire_region_request request;

    if (choice < 10) {
        return quire_region_add(a, base, last, QUIRE_REGION_OVERLAP);
    }
    if (choice < 20) {
        return quire_region_subtract(a, base, last, QUIRE_REGION_INCOMPLETE);
    }
    if (choice < 30) {
        return live[slot].key == 0 ? quire_region_get_at(a, base, last, &live[slot]) : QUIRE_OK;
    }
    if (choice < 75 && live[slot].key == 0) {
        memset(&request, 0, sizeof request);
        request.size = (1u + (uint64_t)property_below(random, 6)) << 12;
        request.align = (uint64_t)4096 << property_below(random, 5);
        request.policy = (enum quire_region_policy)property_below(random, 4);
        request.entropy = property_bits(random);
        request.guard_before = property_below(random, 3) == 0 ? 4096u : 0;
        request.guard_after = property_below(random, 3) == 0 ? 8192u : 0;
        return choice < 50 ? quire_region_get(a, request.size, request.align, &live[slot])
                           : quire_region_get_for(a, &request, &live[slot]);
    }
    if (live[slot].key != 0 && choice < 90) {
        return quire_region_resize(a, &live[slot], (1u + (uint64_t)property_below(random, 12)) << 12);
    }
    if (live[slot].key != 0 && quire_region_put(a, &live[slot]) == QUIRE_OK) {
        memset(&live[slot], 0, sizeof live[slot]);
    }
    return QUIRE_OK;
}

/* Runs the sequence on a book that lends `limit` nodes; returns how often it had none. */
static unsigned exhaust(const struct region_rig_config *config, uint32_t limit, uint32_t *most)
{
    struct region_rig_config limited = *config;
    struct quire_region live[LIVE];
    struct region_rig rig;
    struct property random;
    unsigned none = 0;
    unsigned i;

    limited.limit = limit;
    cr_assert(region_rig_start(&rig, &limited));
    cr_assert_eq(quire_region_add(&rig.a, 0, SPACE - 1u, 0), QUIRE_OK, "one hole takes one node");
    memset(live, 0, sizeof live);
    memset(&random, 0, sizeof random);
    random.state = 2026;
    for (i = 0; i < OPERATIONS; i++) {
        enum quire_status status;

        region_dump(&rig.a, &before);
        status = operate(&rig.a, &random, live);
        region_dump(&rig.a, &after);
        if (status != QUIRE_OK) {
            cr_assert(region_dump_same(&before, &after), "limit %u: operation %u said %s and changed something",
                      (unsigned)limit, i, quire_status_name(status));
        }
        if (status == QUIRE_NO_MEMORY) {
            none++;
            cr_assert_lt(after.left, 2u, "limit %u: operation %u needed more than two nodes", (unsigned)limit, i);
        }
        cr_assert_leq(quire_region_book_used(&rig.book), limit);
        *most = quire_region_book_used(&rig.book) > *most ? quire_region_book_used(&rig.book) : *most;
    }
    cr_assert(region_rig_stop(&rig));
    return none;
}

static void exhaust_everywhere(const struct region_rig_config *config)
{
    uint32_t most = 0;
    uint32_t limit;
    uint32_t to;
    unsigned none = 0;

    cr_assert_eq(exhaust(config, RIG_NODES, &most), 0, "with all it may have it wants for nothing");
    to = most + 2u;
    cr_assert_gt(most, 24u, "the sequence is too tame");
    for (limit = 1; limit <= to; limit++) {
        most = 0;
        none = exhaust(config, limit, &most);
        cr_assert(none != 0 || most < limit || limit > to - 3u);
        cr_assert(none == 0 || most == limit, "limit %u: refused with only %u nodes in use", (unsigned)limit, (unsigned)most);
    }
    cr_assert_eq(none, 0);
}

Test(region_failure, running_out_of_nodes_at_any_point_changes_nothing_with_one_class)
{
    struct region_rig_config config;

    memset(&config, 0, sizeof config);
    config.unit = 4096;
    config.exact_log = 6;
    config.span_log = 16;
    exhaust_everywhere(&config);
}

Test(region_failure, running_out_of_nodes_at_any_point_changes_nothing_with_classes_and_an_index)
{
    struct region_rig_config config;

    memset(&config, 0, sizeof config);
    config.unit = 4096;
    config.naligns = 2;
    config.align[0] = 8192;
    config.align[1] = 65536;
    config.indexed = true;
    config.exact_log = 6;
    config.span_log = 16;
    exhaust_everywhere(&config);
}

Test(region_failure, two_allocators_on_one_book_share_its_limit_and_neither_harms_the_other)
{
    struct region_rig_config config;
    struct region_rig rig;
    struct quire_region_config second_config;
    struct quire_region_allocator second;
    struct quire_region region;
    struct quire_region other;
    uint64_t *table;
    unsigned n = 0;

    memset(&config, 0, sizeof config);
    config.limit = 10;
    cr_assert(region_rig_start(&rig, &config));
    second_config = rig.config;
    table = malloc(second_config.table_bytes);
    second_config.table = table;
    cr_assert_eq(quire_region_init(&second, &second_config), QUIRE_OK);
    cr_assert_eq(quire_region_add(&rig.a, 0, 999, 0), QUIRE_OK);
    cr_assert_eq(quire_region_add(&second, 0, 999, 0), QUIRE_OK);
    cr_assert_eq(quire_region_get(&second, 10, 0, &other), QUIRE_OK);
    while (quire_region_get(&rig.a, 10, 0, &region) == QUIRE_OK) {
        n++;
    }
    cr_assert_eq(n, 7u, "3 nodes of 10 are the hole of this one and hole and region of the other");
    cr_assert_eq(quire_region_book_left(&rig.book), 0);
    cr_assert_eq(quire_region_get(&second, 10, 0, &region), QUIRE_NO_MEMORY);
    cr_assert_eq(quire_region_get_at(&second, 500, 599, &region), QUIRE_NO_MEMORY);
    cr_assert_eq(quire_region_add(&second, 2000, 2999, 0), QUIRE_NO_MEMORY);
    cr_assert_eq(quire_region_subtract(&second, 500, 599, 0), QUIRE_NO_MEMORY);
    cr_assert_eq(quire_region_resize(&second, &other, 11), QUIRE_OK, "this needs no node");
    cr_assert_eq(quire_region_add(&second, 1000, 1999, 0), QUIRE_OK, "nor does this, which only makes a hole longer");
    cr_assert_eq(quire_region_put(&second, &other), QUIRE_OK, "a return never fails for lack of memory");
    cr_assert_eq(quire_region_get(&rig.a, 10, 0, &region), QUIRE_OK, "and what it gave back serves both");
    quire_region_clear(&second);
    cr_assert_eq(quire_region_fini(&second), QUIRE_OK);
    cr_assert(region_rig_stop(&rig));
    free(table);
}

/* ---- Receipts that are not good any more ---- */

#define RECEIPTS 500u
#define RETURNS 100000u

struct receipts {
    struct quire_region region[RECEIPTS];
};

/* Hands in old receipts, `n` times in all, by every way there is: each is refused with one of the two, and nothing changes. */
static void hand_in(struct quire_region_allocator *a, const struct receipts *old, unsigned n, enum quire_status one,
                    enum quire_status or_other)
{
    struct property random;
    unsigned i;

    memset(&random, 0, sizeof random);
    random.state = n;
    region_dump(a, &before);
    for (i = 0; i < n; i++) {
        struct quire_region region = old->region[property_below(&random, RECEIPTS)];
        enum quire_status status;

        cr_assert_not(quire_region_is_live(a, &region));
        status =
            i % 4u == 3u ? quire_region_resize(a, &region, 1u + property_below(&random, 100)) : quire_region_put(a, &region);
        cr_assert(status == one || status == or_other, "%s for [%llx, %llx]", quire_status_name(status),
                  (unsigned long long)region.base, (unsigned long long)region.last);
    }
    region_dump(a, &after);
    cr_assert(region_dump_same(&before, &after));
}

/* Allocates as many as there are receipts, of sizes that repeat, so that the same addresses and nodes come back. */
static void take_all(struct quire_region_allocator *a, struct receipts *receipts)
{
    unsigned i;

    for (i = 0; i < RECEIPTS; i++) {
        cr_assert_eq(quire_region_get(a, 1u + i % 50u, 0, &receipts->region[i]), QUIRE_OK);
    }
}

static void put_all(struct quire_region_allocator *a, const struct receipts *receipts)
{
    unsigned i;

    for (i = 0; i < RECEIPTS; i++) {
        cr_assert_eq(quire_region_put(a, &receipts->region[i]), QUIRE_OK);
    }
}

static void start_with_room(struct region_rig *rig, bool indexed)
{
    struct region_rig_config config;

    memset(&config, 0, sizeof config);
    config.indexed = indexed;
    config.exact_log = 6;
    config.span_log = 20;
    cr_assert(region_rig_start(rig, &config));
    cr_assert_eq(quire_region_add(&rig->a, 0, 999999, 0), QUIRE_OK);
}

Test(region_failure, a_hundred_thousand_double_returns_are_refused)
{
    unsigned indexed;

    for (indexed = 0; indexed < 2u; indexed++) {
        static struct receipts old;
        static struct receipts live;
        struct region_rig rig;

        start_with_room(&rig, indexed != 0);
        take_all(&rig.a, &old);
        put_all(&rig.a, &old);
        hand_in(&rig.a, &old, RETURNS / 4u, QUIRE_DEAD, QUIRE_DEAD);
        take_all(&rig.a, &live); /* the same nodes and addresses again */
        hand_in(&rig.a, &old, RETURNS / 4u, QUIRE_DEAD, QUIRE_DEAD);
        put_all(&rig.a, &live);
        cr_assert(region_rig_stop(&rig));
    }
}

Test(region_failure, no_receipt_outlives_clear_and_all_outlive_reset)
{
    static struct receipts old;
    static struct receipts live;
    struct region_rig rig;

    start_with_room(&rig, false);
    take_all(&rig.a, &old);
    quire_region_clear(&rig.a);
    hand_in(&rig.a, &old, RETURNS / 8u, QUIRE_DEAD, QUIRE_DEAD);
    cr_assert_eq(quire_region_add(&rig.a, 0, 999999, 0), QUIRE_OK);
    take_all(&rig.a, &live);
    hand_in(&rig.a, &old, RETURNS / 8u, QUIRE_DEAD, QUIRE_DEAD);
    quire_region_reset(&rig.a);
    hand_in(&rig.a, &old, RETURNS / 8u, QUIRE_DEAD, QUIRE_DEAD);
    put_all(&rig.a, &live);
    hand_in(&rig.a, &live, RETURNS / 8u, QUIRE_DEAD, QUIRE_DEAD);
    cr_assert(region_rig_stop(&rig));
}

Test(region_failure, no_receipt_outlives_its_allocator_though_another_has_its_place)
{
    static struct receipts old;
    static struct receipts live;
    struct region_rig rig;

    start_with_room(&rig, false);
    take_all(&rig.a, &old);
    quire_region_clear(&rig.a);
    cr_assert_eq(quire_region_fini(&rig.a), QUIRE_OK);
    cr_assert_eq(quire_region_init(&rig.a, &rig.config), QUIRE_OK);
    hand_in(&rig.a, &old, RETURNS / 8u, QUIRE_DEAD, QUIRE_INVALID);
    cr_assert_eq(quire_region_add(&rig.a, 0, 999999, 0), QUIRE_OK);
    take_all(&rig.a, &live);
    hand_in(&rig.a, &old, RETURNS / 8u, QUIRE_DEAD, QUIRE_INVALID);
    put_all(&rig.a, &live);
    cr_assert(region_rig_stop(&rig));
}

Test(region_failure, another_allocator_on_the_same_book_refuses_every_receipt)
{
    static struct receipts mine;
    static struct receipts theirs;
    struct quire_region_config config;
    struct quire_region_allocator other;
    struct region_rig rig;
    uint64_t *table;

    start_with_room(&rig, false);
    config = rig.config;
    table = malloc(config.table_bytes);
    config.table = table;
    cr_assert_eq(quire_region_init(&other, &config), QUIRE_OK);
    cr_assert_eq(quire_region_add(&other, 0, 999999, 0), QUIRE_OK);
    take_all(&rig.a, &mine);
    take_all(&other, &theirs);
    hand_in(&rig.a, &theirs, RETURNS / 8u, QUIRE_INVALID, QUIRE_INVALID);
    hand_in(&other, &mine, RETURNS / 8u, QUIRE_INVALID, QUIRE_INVALID);
    put_all(&rig.a, &mine);
    hand_in(&other, &mine, RETURNS / 8u, QUIRE_INVALID, QUIRE_INVALID);
    put_all(&other, &theirs);
    quire_region_clear(&other);
    cr_assert_eq(quire_region_fini(&other), QUIRE_OK);
    cr_assert(region_rig_stop(&rig));
    free(table);
}

Test(region_failure, no_receipt_of_one_book_is_good_on_another_however_small)
{
    static struct receipts old;
    struct quire_region_book small;
    struct quire_region region;
    struct region_rig rig;
    void *slab = malloc(4u * sizeof(struct quire_region_node)); /* links of the other book lie far outside */

    start_with_room(&rig, false);
    take_all(&rig.a, &old);
    quire_region_clear(&rig.a);
    cr_assert_eq(quire_region_book_init(&small, 1, false, 0), QUIRE_OK);
    cr_assert_eq(quire_region_book_add_slab(&small, slab, 4u * sizeof(struct quire_region_node)), QUIRE_OK);
    cr_assert_eq(quire_region_set_book(&rig.a, &small), QUIRE_OK);
    hand_in(&rig.a, &old, RETURNS / 8u, QUIRE_DEAD, QUIRE_INVALID);
    cr_assert_eq(quire_region_add(&rig.a, 0, 99, 0), QUIRE_OK);
    cr_assert_eq(quire_region_get(&rig.a, 1, 0, &region), QUIRE_OK, "the first number of this book, in its first node");
    hand_in(&rig.a, &old, RETURNS / 8u, QUIRE_DEAD, QUIRE_INVALID);
    quire_region_clear(&rig.a);
    cr_assert_eq(quire_region_fini(&rig.a), QUIRE_OK);
    cr_assert_eq(quire_region_book_fini(&small), QUIRE_OK);
    /* An allocator at the same address, but with the first book again. */
    cr_assert_eq(quire_region_init(&rig.a, &rig.config), QUIRE_OK);
    cr_assert_eq(quire_region_put(&rig.a, &region) == QUIRE_OK, false);
    cr_assert(region_rig_stop(&rig));
    free(slab);
}

static bool keep_first(void *ctx, const struct quire_region *region)
{
    *(struct quire_region *)ctx = *region;
    return false;
}

Test(region_failure, what_a_walk_shows_of_a_hole_is_no_receipt)
{
    struct quire_region hole;
    struct region_rig rig;

    start_with_room(&rig, false);
    memset(&hole, 0, sizeof hole);
    cr_assert_not(quire_region_walk(&rig.a, QUIRE_REGION_SET_AVAILABLE, keep_first, &hole));
    cr_assert_eq(hole.last, 999999u);
    region_dump(&rig.a, &before);
    cr_assert_not(quire_region_is_live(&rig.a, &hole));
    cr_assert_neq(quire_region_put(&rig.a, &hole), QUIRE_OK);
    cr_assert_neq(quire_region_resize(&rig.a, &hole, 5), QUIRE_OK);
    region_dump(&rig.a, &after);
    cr_assert(region_dump_same(&before, &after));
    cr_assert(region_rig_stop(&rig));
}
