/* region_bins.h: lists and digital search trees of holes by size, against an array that is searched from end to end. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define QUIRE_STATIC /* the bins have no API: this unit has its own copy of them */
#include "property.h"
#include "quire/region_bins.h"

#define HOLES 3000u

static struct quire_region_book book;
static struct quire_region_bins bins;
static uint64_t *table;
static char *slab;
static bool present[HOLES];

#define CLASS_ALIGN 64u /* of class 1, for which there are links behind the node */

/* Bins of one class over a book of HOLES nodes. */
static void start(unsigned exact_log, unsigned span_log, unsigned class_number)
{
    size_t slab_bytes = (HOLES + 1u) * QUIRE_REGION_NODE_BYTES(2, false);

    slab = calloc(1, slab_bytes);
    table = malloc(QUIRE_REGION_BIN_BYTES(exact_log, span_log));
    memset(present, 0, sizeof present);
    cr_assert_eq(quire_region_book_init(&book, 2, false, 0), QUIRE_OK);
    cr_assert_eq(quire_region_book_add_slab(&book, slab, slab_bytes), QUIRE_OK);
    quire_region_bins_init_(&bins, table, exact_log, QUIRE_REGION_BIN_WORDS(exact_log, span_log), class_number, 0,
                            class_number == 0 ? 1u : CLASS_ALIGN);
}

static void stop(void)
{
    free(table);
    free(slab);
}

static uint32_t link_of(uint32_t i)
{
    return (uint32_t)(((uintptr_t)slab - book.origin) >> 3) + i * (book.node_bytes / 8u);
}

static struct quire_region_node *node_of(uint32_t i)
{
    return quire_region_node_(book.origin, link_of(i));
}

static uint64_t key_of(uint32_t i)
{
    uint64_t key = 0;

    cr_assert(quire_region_key_(&bins, node_of(i), &key));
    return key;
}

/* Hole i gets this key and goes in; the bins do not mind that holes overlap. */
static void insert(uint32_t i, uint64_t key)
{
    struct quire_region_node *node = node_of(i);

    cr_assert_not(present[i]);
    node->base = 0;
    if (bins.mask != 0 && key < UINT64_MAX - CLASS_ALIGN) {
        node->base = 1u + i % CLASS_ALIGN; /* its first aligned byte is at 64 */
        key += CLASS_ALIGN;
    }
    node->last = key;
    quire_region_bins_insert_(&bins, book.origin, bins.at, link_of(i), key_of(i));
    present[i] = true;
}

static void take_out(uint32_t i)
{
    cr_assert(present[i]);
    quire_region_bins_remove_(&bins, book.origin, bins.at, link_of(i), key_of(i));
    present[i] = false;
}

static uint32_t bin_of(uint64_t key)
{
    unsigned open;

    return key < bins.exact ? (uint32_t)key : quire_region_wide_bin_(&bins, key, &open);
}

/* Asks for `need`, and compares with all holes there are. */
static void expect_fit(uint64_t need)
{
    uint64_t least = UINT64_MAX;
    bool any = false;
    uint32_t bin = UINT32_MAX;
    uint32_t found = quire_region_bins_fit_(&bins, book.origin, need, &bin);
    uint32_t i;

    for (i = 0; i < HOLES; i++) {
        if (present[i] && key_of(i) >= need && key_of(i) <= least) {
            least = key_of(i);
            any = true;
        }
    }
    cr_assert_eq(found != 0, any, "need %llx", (unsigned long long)need);
    if (any) {
        uint64_t key = quire_region_key_at_(&bins, book.origin, found);

        cr_assert_eq(bin, bin_of(key), "need %llx", (unsigned long long)need);
        if (least < bins.exact || bin_of(least) == bin_of(need) || bin_of(least) == bins.last) {
            cr_assert_eq(key, least, "need %llx: key %llx, least %llx", (unsigned long long)need, (unsigned long long)key,
                         (unsigned long long)least);
        }
        cr_assert_geq(key, need);
        cr_assert_eq(bin, bin_of(least), "need %llx: key %llx, least %llx", (unsigned long long)need, (unsigned long long)key,
                     (unsigned long long)least);
        cr_assert(bin == bins.last || key - least <= least / 64u);
    }
}

static void expect_largest(void)
{
    uint64_t most = 0;
    bool any = false;
    uint32_t found = quire_region_bins_largest_(&bins, book.origin);
    uint32_t i;

    for (i = 0; i < HOLES; i++) {
        if (present[i]) {
            any = true;
            most = key_of(i) > most ? key_of(i) : most;
        }
    }
    cr_assert_eq(found != 0, any);
    if (any) {
        cr_assert_eq(quire_region_key_at_(&bins, book.origin, found), most);
    }
}

/* How deep the tree at `root` is, without recursion: a path is at most as long as its bits. */
static unsigned depth_of(uint32_t root)
{
    uint32_t stack[256];
    unsigned depth[256];
    unsigned n = 0;
    unsigned most = 0;

    stack[n] = root;
    depth[n++] = 1;
    while (n != 0) {
        uint32_t link = stack[--n];
        unsigned at = depth[n];
        unsigned side;

        if (link == 0) {
            continue;
        }
        most = at > most ? at : most;
        cr_assert_lt(most, 128u);
        for (side = 0; side < 2u; side++) {
            stack[n] = quire_region_links_(&bins, book.origin, link)[side];
            depth[n++] = at + 1u;
        }
    }
    return most;
}

/* The deepest tree of all wide bins; each holds what the summary and the map say. */
static unsigned deepest(void)
{
    unsigned most = 0;
    uint32_t bin;

    for (bin = 0; bin < bins.words * 64u; bin++) {
        bool marked = (bins.map[bin / 64u] >> (bin % 64u) & 1u) != 0;

        cr_assert_eq(marked, bins.head[bin] != 0, "bin %u", (unsigned)bin);
        if (marked) {
            cr_assert((bins.summary[bin / 4096u] >> (bin / 64u % 64u) & 1u) != 0, "bin %u", (unsigned)bin);
        }
        if (bins.head[bin] != 0 && bin >= bins.exact) {
            unsigned depth = depth_of(quire_region_links_(&bins, book.origin, bins.head[bin])[0]);

            most = depth > most ? depth : most;
        }
    }
    return most;
}

/* Keys where things may go wrong: exact ones, around powers of two, of any length, and few that repeat. */
static uint64_t any_key(struct property *random)
{
    uint64_t bits = property_bits(random) >> property_below(random, 64);

    switch (property_below(random, 6)) {
    case 0:
        return property_below(random, 64);
    case 1:
        return ((uint64_t)1 << property_below(random, 64)) + property_below(random, 3) - 1u;
    case 2:
        return (uint64_t)0xabcdef01 << property_below(random, 3); /* equal ones by the hundred */
    case 3:
        return UINT64_MAX - property_below(random, 3);
    case 4:
        return bins.exact - 2u + property_below(random, 4);
    default:
        return bits;
    }
}

/* In class 1 the largest keys are not reached: their aligned byte is not the first. */
static uint64_t any_key_of_class(struct property *random)
{
    uint64_t key = any_key(random);

    return bins.mask != 0 && key > UINT64_MAX - CLASS_ALIGN ? key - CLASS_ALIGN : key;
}

static void play(unsigned exact_log, unsigned span_log, unsigned class_number, uint64_t rounds)
{
    struct property random;
    uint64_t i;

    memset(&random, 0, sizeof random);
    random.state = exact_log * 1000u + span_log;
    start(exact_log, span_log, class_number);
    expect_largest();
    expect_fit(0);
    for (i = 0; i < rounds; i++) {
        /* Grows, shrinks, grows again: to a hundred and back to none. */
        uint32_t hole = property_below(&random, 100);
        bool grow = (i / 300u) % 2u == 0;

        if (present[hole] && (!grow || property_below(&random, 4) == 0)) {
            take_out(hole);
        } else if (!present[hole] && (grow || property_below(&random, 4) == 0)) {
            insert(hole, any_key_of_class(&random));
        }
        if (i % 4u == 0) {
            expect_fit(any_key(&random));
        }
        if (i % 64u == 0) {
            expect_largest();
            cr_assert_leq(deepest(), 96u);
        }
    }
    for (i = 0; i < HOLES; i++) {
        if (present[i]) {
            take_out((uint32_t)i);
        }
    }
    expect_largest();
    cr_assert_eq(deepest(), 0);
    cr_assert_eq(bins.summary[0] | bins.summary[1], 0);
    stop();
}

Test(region_bins, find_the_best_fit_for_every_number_of_exact_bins)
{
    unsigned exact_log;

    for (exact_log = QUIRE_REGION_EXACT_LOG_MIN; exact_log <= QUIRE_REGION_EXACT_LOG_MAX; exact_log++) {
        play(exact_log, 64, 0, 1200);
    }
}

Test(region_bins, keep_what_is_larger_than_expected_in_the_last_bin)
{
    static const unsigned span_logs[] = {1, 6, 7, 8, 13, 20, 40, 63};
    unsigned i;

    for (i = 0; i < sizeof span_logs / sizeof span_logs[0]; i++) {
        play(6, span_logs[i], 0, 1200);
        play(12, span_logs[i], 0, 600);
    }
}

Test(region_bins, what_is_larger_than_all_there_is_is_not_found_among_the_small)
{
    unsigned exact_log;
    unsigned span_log;

    for (exact_log = QUIRE_REGION_EXACT_LOG_MIN; exact_log <= QUIRE_REGION_EXACT_LOG_MAX; exact_log++) {
        for (span_log = 1; span_log <= 64u; span_log += 3u) {
            start(exact_log, span_log, 0);
            insert(0, 0);
            insert(1, 1);
            insert(2, 63);
            expect_fit(bins.exact - 1u);
            expect_fit(bins.exact);
            expect_fit(UINT64_MAX);
            insert(3, UINT64_MAX - 1u);
            expect_fit(UINT64_MAX);
            expect_fit(64);
            stop();
        }
    }
}

Test(region_bins, of_a_further_class_have_their_links_behind_the_node)
{
    play(6, 64, 1, 1200);
    play(9, 16, 1, 1200);
}

Test(region_bins, a_hole_without_an_aligned_byte_has_no_key)
{
    struct quire_region_node node;
    uint64_t key = 0;

    start(6, 64, 1);
    node.base = 1;
    node.last = 63;
    cr_expect_not(quire_region_key_(&bins, &node, &key));
    node.last = 64;
    cr_expect(quire_region_key_(&bins, &node, &key));
    cr_expect_eq(key, 0);
    node.base = UINT64_MAX - 62u; /* rounding up would wrap */
    node.last = UINT64_MAX;
    cr_expect_not(quire_region_key_(&bins, &node, &key));
    node.base = UINT64_MAX - 63u;
    cr_expect(quire_region_key_(&bins, &node, &key));
    cr_expect_eq(key, 63u);
    node.base = 0;
    cr_expect(quire_region_key_(&bins, &node, &key));
    cr_expect_eq(key, UINT64_MAX);
    stop();
}

/* Thousands of holes with one key, among some with others in the same bin, in an order in which they get into the tree too. */
static void equal_keys(unsigned span_log)
{
    uint64_t base = (uint64_t)0x7000000000;
    struct property random;
    uint32_t i;

    memset(&random, 0, sizeof random);
    random.state = span_log;
    start(6, span_log, 0);
    insert(0, base + 1u);
    for (i = 1; i < HOLES - 1u; i++) {
        insert(i, base + 2u); /* the first has another key: all of these are in its tree */
    }
    insert(HOLES - 1u, base + 3u);
    cr_assert_leq(deepest(), 96u);
    expect_fit(base);
    expect_fit(base + 1u);
    expect_fit(base + 2u);
    expect_fit(base + 3u);
    expect_fit(base + 4u);
    take_out(0);
    for (i = 1; i < HOLES - 1u; i++) {
        uint32_t hole = 1u + property_below(&random, HOLES - 2u);

        if (present[hole]) {
            take_out(hole);
        }
        if (i % 100u == 0) {
            insert(0, base + 2u);
            take_out(0);
            expect_fit(base + 2u);
            cr_assert_leq(deepest(), 96u);
        }
    }
    for (i = 0; i < HOLES; i++) {
        if (present[i]) {
            take_out(i);
        }
    }
    cr_assert_eq(bins.summary[0] | bins.summary[1], 0);
    stop();
}

Test(region_bins, thousands_of_equal_keys_stay_shallow_and_come_out_again)
{
    equal_keys(64);
    equal_keys(10); /* in the last bin, whose trees have all bits of the key before those of the link */
}

Test(region_bins, the_deepest_tree_there_can_be_is_no_deeper_than_its_bits)
{
    uint32_t i;

    start(6, 10, 0);
    insert(HOLES - 1u, UINT64_MAX);
    for (i = 0; i < 64u; i++) { /* each agrees with the one before in one bit more */
        insert(i, ((uint64_t)1 << 63) | ((uint64_t)1 << (63u - i)));
    }
    for (; i < HOLES - 1u; i++) {
        insert(i, (uint64_t)1 << 63);
    }
    cr_assert_leq(deepest(), 96u);
    cr_assert_geq(deepest(), 60u, "this was to be deep");
    for (i = 0; i < 64u; i++) {
        expect_fit(((uint64_t)1 << 63) + ((uint64_t)1 << i));
    }
    expect_largest();
    stop();
}
