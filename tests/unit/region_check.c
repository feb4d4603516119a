/* region_check.h: each invariant of a region allocator is violated on purpose, seen, named, and put right again. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "property.h"
#include "quire/region.h"
#include "quire/region_check.h"

#define NODES 4096u
#define UNIT 16u

struct world {
    struct quire_region_book book;
    struct quire_region_allocator a;
    uint64_t slab[NODES * QUIRE_REGION_NODE_BYTES(3, true) / 8u];
    uint64_t table[QUIRE_REGION_TABLE_BYTES(3, 6, 20) / 8u];
};

static struct world w;

/* Compares text: what check says must be what was planted. */
static void expect_named(const char *expected, int line)
{
    const char *what = NULL;

    cr_expect_eq(quire_region_check(&w.a, &what), expected != NULL ? QUIRE_CORRUPT : QUIRE_OK, "line %d", line);
    if (expected == NULL) {
        cr_expect_null(what, "line %d: %s", line, what);
    } else {
        cr_expect(what != NULL && strcmp(what, expected) == 0, "line %d: \"%s\", not \"%s\"", line,
                  what != NULL ? what : "nothing", expected);
    }
}

#define NAMED(what) expect_named(what, __LINE__)
#define EXPECT(call, status) cr_assert_eq((call), (status), "%s, line %d", #call, __LINE__)

/* Overwrites `field`, sees that named, and puts it back. */
#define PLANT(field, value, what)             \
    do {                                      \
        __typeof__(field) was_ = (field);     \
        (field) = (__typeof__(field))(value); \
        NAMED(what);                          \
        (field) = was_;                       \
        NAMED(NULL);                          \
    } while (0)

static struct quire_region_node *at(uint32_t link)
{
    return (struct quire_region_node *)(w.book.origin + ((uintptr_t)link << 3));
}

static struct quire_region_branch *branch(uint32_t link)
{
    return (struct quire_region_branch *)(w.book.origin + ((uintptr_t)link << 3) + w.book.node_bytes -
                                          sizeof(struct quire_region_branch));
}

/* The node that begins at `base`. */
static uint32_t node_at(uint64_t base)
{
    uint32_t link = w.a.first;

    while (at(link)->base != base) {
        link = at(link)->next;
        cr_assert_neq(link, 0, "no node begins at %llx", (unsigned long long)base);
    }
    return link;
}

static void start_empty(bool indexed)
{
    static const uint64_t align[] = {64, 4096};
    struct quire_region_config config;

    memset(&w, 0, sizeof w);
    EXPECT(quire_region_book_init(&w.book, 3, true, 0), QUIRE_OK);
    EXPECT(quire_region_book_add_slab(&w.book, w.slab, sizeof w.slab), QUIRE_OK);
    memset(&config, 0, sizeof config);
    config.book = &w.book;
    config.table = w.table;
    config.table_bytes = sizeof w.table;
    config.unit = UNIT;
    config.naligns = 2;
    config.align = align;
    config.exact_log = 6;
    config.span_log = 20;
    config.indexed = indexed;
    EXPECT(quire_region_init(&w.a, &config), QUIRE_OK);
}

static void take(uint64_t base, uint64_t last)
{
    struct quire_region region;

    EXPECT(quire_region_get_at(&w.a, base, last, &region), QUIRE_OK);
}

/*
 * Units of 16; lists of one key each below 64 units, which is 0x400:
 *
 *     0x1000 hole 0x100, three times, between regions     one list
 *     0x4000 holes of 0x2000 and a little more            one wide bin, a tree
 *     0x40000 hole 0x8000                                 another
 */
static void start(void)
{
    struct quire_region_request request;
    struct quire_region region;
    unsigned i;

    start_empty(true);
    EXPECT(quire_region_add(&w.a, 0x1000, 0x17ff, 0), QUIRE_OK);
    for (i = 0; i < 3u; i++) {
        take(0x1100 + 0x200u * i, 0x11ff + 0x200u * i);
    }
    for (i = 0; i < 7u; i++) {
        EXPECT(quire_region_add(&w.a, 0x4000 + 0x4000u * i, 0x5fff + 0x4000u * i + 0x10u * (i % 4u), 0), QUIRE_OK);
    }
    EXPECT(quire_region_add(&w.a, 0x40000, 0x47fff, 0), QUIRE_OK);
    memset(&request, 0, sizeof request);
    request.size = 0x40;
    request.guard_before = 0x40;
    request.guard_after = 0x20;
    request.policy = QUIRE_REGION_HIGHEST;
    EXPECT(quire_region_get_for(&w.a, &request, &region), QUIRE_OK);
    NAMED(NULL);
}

Test(region_check, check_finds_nothing_where_nothing_is_wrong)
{
    const char *what = "";

    start_empty(false);
    NAMED(NULL);
    EXPECT(quire_region_check(&w.a, NULL), QUIRE_OK);
    start();
    EXPECT(quire_region_check(&w.a, NULL), QUIRE_OK);
    w.a.holes++;
    EXPECT(quire_region_check(&w.a, NULL), QUIRE_CORRUPT);
    w.a.holes--;
    quire_region_clear(&w.a);
    NAMED(NULL);
    EXPECT(quire_region_fini(&w.a), QUIRE_OK);
    EXPECT(quire_region_check(&w.a, &what), QUIRE_INVALID);
    cr_expect_null(what);
    EXPECT(quire_region_check(NULL, NULL), QUIRE_INVALID);
    EXPECT(quire_region_book_check(NULL, &what), QUIRE_INVALID);
    EXPECT(quire_region_book_check(&w.book, &what), QUIRE_OK);
}

/* ---- The list ---- */

Test(region_check, check_names_a_node_that_is_no_range)
{
    static const char what[] = "list: a node is no range of units";
    struct quire_region_node *node;

    start();
    node = at(node_at(0x1200));
    PLANT(node->base, 0x1208, what);
    PLANT(node->last, 0x12f7, what);
    PLANT(node->last, 0x11ff, what);
}

Test(region_check, check_names_nodes_in_the_wrong_order)
{
    static const char what[] = "list: nodes overlap or do not ascend";

    struct quire_region_node *node;

    start();
    node = at(node_at(0x1200));
    PLANT(node->base, 0x11f0, what);
    PLANT(at(node->prev)->last, 0x120f, what);
}

Test(region_check, check_names_holes_that_have_not_merged)
{
    struct quire_region_node *node;

    start();
    node = at(node_at(0x1100));
    PLANT(node->u.key, 0, "list: holes touch and have not merged");
}

Test(region_check, check_names_a_region_smaller_than_its_guards)
{
    static const char what[] = "list: a region is smaller than its guards";
    struct quire_region_node *node;

    start();
    node = at(w.a.last);
    if (!(node->u.key >> 63)) {
        node = at(node->prev);
    }
    PLANT(node->u.key, node->u.key | (uint64_t)20 << QUIRE_REGION_BEFORE_SHIFT, what);
    PLANT(node->u.key, node->u.key | (uint64_t)20 << QUIRE_REGION_AFTER_SHIFT, what);
    PLANT(node->last, node->base + 0x3f, what);
    PLANT(node->last, node->base + 0x5f, what);
}

Test(region_check, check_names_a_number_that_was_not_drawn)
{
    static const char what[] = "list: a region has a number that was not drawn yet";

    start();
    PLANT(at(node_at(0x1100))->u.key, at(node_at(0x1100))->u.key + 1000u, what);
    PLANT(w.book.number, QUIRE_REGION_ALLOCATED | 2u, what);
}

Test(region_check, check_names_broken_links_of_the_list)
{
    uint32_t link;

    start();
    link = node_at(0x1300);
    PLANT(at(link)->prev, 0, "list: neighbours disagree");
    PLANT(at(link)->next, link, "list: neighbours disagree");
    PLANT(at(link)->next, node_at(0x1100), "list: neighbours disagree");
    PLANT(at(link)->next, 0, "list: its end is somewhere else");
    PLANT(w.a.last, link, "list: its end is somewhere else");
    PLANT(w.a.first, link, "list: neighbours disagree");
    PLANT(w.book.left, w.book.left + 5u, "list: it has more nodes than the book gave out");
}

/* ---- Sums ---- */

Test(region_check, check_names_wrong_sums)
{
    start();
    PLANT(w.a.holes, w.a.holes + 1u, "sums: nodes are counted wrongly");
    PLANT(w.a.allocated, w.a.allocated - 1u, "sums: nodes are counted wrongly");
    PLANT(w.a.available, w.a.available + 16u, "sums: bytes are counted wrongly");
    PLANT(w.a.managed, w.a.managed - 16u, "sums: bytes are counted wrongly");
}

/* ---- Bins ---- */

static uint32_t *links_of(unsigned c, uint32_t link)
{
    return (uint32_t *)(w.book.origin + ((uintptr_t)link << 3) + w.a.bins[c].at);
}

Test(region_check, check_names_bits_that_do_not_agree)
{
    unsigned c;

    start();
    for (c = 0; c < 3u; c++) {
        struct quire_region_bins *bins = &w.a.bins[c];

        PLANT(bins->summary[0], bins->summary[0] ^ 1u << (bins->words - 1u), "bins: the summary and the map disagree");
        PLANT(bins->summary[0], bins->summary[0] ^ (uint64_t)1 << 63, "bins: the summary and the map disagree");
        PLANT(bins->summary[1], 2, "bins: the summary and the map disagree");
        PLANT(bins->head[bins->words * 64u - 2u], node_at(0x1000), "bins: the map and a head disagree");
    }
    PLANT(w.a.bins[0].map[0], 0, "bins: the summary and the map disagree");
    PLANT(w.a.bins[0].map[0], w.a.bins[0].map[0] ^ 1u << 31, "bins: the map and a head disagree");
}

Test(region_check, check_names_a_broken_list_of_a_bin)
{
    uint32_t *head;
    uint32_t first;
    uint32_t second;

    start();
    head = &w.a.bins[0].head[0x100 / UNIT - 1u];
    first = *head;
    second = links_of(0, first)[1];
    cr_assert(first != 0 && second != 0 && links_of(0, second)[1] != 0);
    PLANT(links_of(0, second)[0], 0, "bins: neighbours in a list disagree");
    PLANT(links_of(0, first)[0], second, "bins: neighbours in a list disagree");
    PLANT(*head, second, "bins: neighbours in a list disagree");
    PLANT(links_of(0, second)[1], 0, "bins: a hole is in none");
    PLANT(links_of(0, second)[1], first, "bins: neighbours in a list disagree");
    PLANT(links_of(0, first)[1], node_at(0x1100), "bins: a region is in one");
    PLANT(links_of(0, first)[1], node_at(0x4000), "bins: a hole is in the wrong one");
    PLANT(*head, node_at(0x4000), "bins: a hole is in the wrong one");
}

Test(region_check, check_names_a_hole_of_another_class)
{
    uint32_t *head;

    start();
    /* No multiple of 4096 lies in it. */
    head = &w.a.bins[2].head[w.a.bins[2].words * 64u - 1u];
    cr_assert_eq(*head, 0);
    *head = node_at(0x1200);
    w.a.bins[2].map[w.a.bins[2].words - 1u] |= (uint64_t)1 << 63;
    w.a.bins[2].summary[0] |= (uint64_t)1 << (w.a.bins[2].words - 1u);
    NAMED("bins: a hole is in a class for which it is too small");
}

/* The bin with the tree: its first, and the place of the root. */
static uint32_t wide_first(unsigned c)
{
    const struct quire_region_bins *bins = &w.a.bins[c];
    uint32_t bin;

    for (bin = (uint32_t)bins->exact; bin < bins->words * 64u; bin++) {
        if (bins->head[bin] != 0 && links_of(c, bins->head[bin])[0] != 0) {
            return bins->head[bin];
        }
    }
    cr_assert_fail("no bin has a tree");
    return 0;
}

Test(region_check, check_names_a_broken_tree)
{
    static const char lost[] = "bins: a hole is not where a search for it leads";
    unsigned c;

    start();
    for (c = 0; c < 3u; c++) {
        uint32_t first = wide_first(c);
        uint32_t root = links_of(c, first)[0];
        uint32_t *child = links_of(c, root);
        unsigned side = child[1] != 0;
        uint32_t below = child[side];
        const char *what = "";

        cr_assert_neq(below, 0);
        PLANT(links_of(c, first)[0], 0, "bins: a hole is in none");
        PLANT(child[side], 0, "bins: a hole is in none");
        PLANT(child[side], node_at(0x1100), "bins: a region is in one");
        PLANT(child[side], node_at(0x40000), "bins: a hole is in the wrong one");
        /* A cycle ends in the check, too. */
        child[side] = root;
        EXPECT(quire_region_check(&w.a, &what), QUIRE_CORRUPT);
        cr_expect_str_eq(what, lost);
        child[side] = below;
        if (child[1u - side] == 0) {
            child[1u - side] = below;
            child[side] = 0;
            NAMED(lost);
            child[side] = below;
            child[1u - side] = 0;
        }
        NAMED(NULL);
    }
}

Test(region_check, check_names_more_in_a_bin_than_there_are_holes)
{
    uint32_t first;
    uint32_t last;

    start();
    first = w.a.bins[1].head[w.a.bins[1].words * 64u - 1u];
    cr_assert_eq(first, 0, "the last bin of the class is empty");
    first = node_at(0x40000);
    last = w.a.bins[0].words * 64u - 1u;
    w.a.bins[0].head[last] = first; /* behind all others */
    w.a.bins[0].map[last >> 6] |= (uint64_t)1 << 63;
    w.a.bins[0].summary[0] |= (uint64_t)1 << (last >> 6);
    NAMED("bins: one has more in it than there are holes");
}

/* ---- Index ---- */

Test(region_check, check_names_a_broken_index)
{
    uint32_t root;
    uint32_t leaf;
    uint32_t inner;

    start();
    root = w.a.root;
    leaf = w.a.first;
    inner = branch(root)->child[0];
    PLANT(w.a.root, 0, "index: it has no root");
    PLANT(w.a.root, inner, "index: it has no root");
    PLANT(branch(root)->parent, leaf, "index: it has no root");
    PLANT(branch(inner)->parent, 0, "index: a node does not know its parent, or is too deep");
    PLANT(branch(inner)->child[1], root, "index: a node does not know its parent, or is too deep");
    PLANT(branch(root)->child[1], 0, "index: a node is out of balance");
    PLANT(branch(leaf)->balance, branch(leaf)->balance + 1u, "index: a node is out of balance");
    PLANT(branch(root)->balance, (branch(root)->balance + 1u) % 3u, "index: a node is out of balance");
}

Test(region_check, check_names_an_index_that_is_not_the_list)
{
    uint32_t first;

    start();
    first = w.a.first;
    /* A leaf that does not hang there: the tree begins with another node. */
    while (branch(first)->child[0] != 0) {
        first = branch(first)->child[0];
    }
    if (branch(first)->child[1] == 0) {
        PLANT(branch(branch(first)->parent)->child[0], 0, "index: a node is not in its place");
    } else {
        PLANT(branch(first)->child[1], 0, "index: a node is not in its place");
    }
}

Test(region_check, check_names_a_hole_larger_than_its_bound)
{
    static const char what[] = "index: a hole is larger than the bound above it";
    uint32_t link;

    start();
    for (link = node_at(0x40000); link != 0; link = branch(link)->parent) {
        PLANT(branch(link)->largest, branch(link)->largest >= 0x7000 ? 0x6fff : 0, what);
    }
    PLANT(branch(node_at(0x1200))->largest, 0xff, what);
}

/* ---- The book ---- */

static void expect_book(const char *expected, int line)
{
    const char *what = NULL;

    cr_expect_eq(quire_region_book_check(&w.book, &what), expected != NULL ? QUIRE_CORRUPT : QUIRE_OK, "line %d", line);
    cr_expect(expected == NULL ? what == NULL : what != NULL && strcmp(what, expected) == 0, "line %d: %s", line,
              what != NULL ? what : "nothing");
}

#define BOOK(field, value, what)              \
    do {                                      \
        __typeof__(field) was_ = (field);     \
        (field) = (__typeof__(field))(value); \
        expect_book(what, __LINE__);          \
        (field) = was_;                       \
        expect_book(NULL, __LINE__);          \
    } while (0)

Test(region_check, check_names_what_is_wrong_with_a_book)
{
    start();
    BOOK(w.book.left, w.book.left + 1u, "book: nodes are counted wrongly");
    BOOK(w.book.left, w.book.nodes + 1u, "book: it has more nodes left than it may give out");
    BOOK(w.book.limit, w.book.left - 1u, "book: it has more nodes left than it may give out");
    BOOK(w.book.limit, w.book.left + 1u, "book: nodes are counted wrongly");
    BOOK(w.book.free, at(w.book.free)->next, "book: nodes are counted wrongly");
    BOOK(w.book.free, w.a.last, "book: a free node has a key");
    BOOK(at(w.book.free)->u.key, QUIRE_REGION_ALLOCATED | 7u, "book: a free node has a key");
    BOOK(at(at(w.book.free)->next)->next, w.book.free, "book: the list of free nodes has no end");
    BOOK(w.book.users, 0, "book: nodes are taken and nobody has the book");
}

/* ---- Nothing is found where everything works ---- */

static void churn(struct property *p, bool indexed)
{
    static struct quire_region kept[200];
    uint32_t n = 0;
    unsigned i;
    const char *what;

    start_empty(indexed);
    EXPECT(quire_region_add(&w.a, 0x100000, 0x17ffff, 0), QUIRE_OK);
    for (i = 0; i < 600u; i++) {
        struct quire_region_request request;
        uint32_t k = n != 0 ? property_below(p, n) : 0;

        if (n != 0 && (n == 200u || property_below(p, 5) < 2u)) {
            EXPECT(quire_region_put(&w.a, &kept[k]), QUIRE_OK);
            kept[k] = kept[--n];
        } else if (n != 0 && property_below(p, 4) == 0) {
            (void)!quire_region_resize(&w.a, &kept[k], 1u + property_below(p, 0x3000));
        } else {
            memset(&request, 0, sizeof request);
            request.size = 1u + property_below(p, property_below(p, 2) == 0 ? 0x3000 : 0x200);
            request.align = (uint64_t)16 << property_below(p, 10);
            request.guard_before = property_below(p, 4) == 0 ? 64 : 0;
            request.policy = (enum quire_region_policy)property_below(p, 4);
            request.entropy = property_bits(p);
            n += quire_region_get_for(&w.a, &request, &kept[n]) == QUIRE_OK;
        }
        cr_assert_eq(quire_region_check(&w.a, &what), QUIRE_OK, "step %u: %s", i, what);
        cr_assert_eq(quire_region_book_check(&w.book, &what), QUIRE_OK, "step %u: %s", i, what);
    }
    quire_region_reset(&w.a);
    NAMED(NULL);
    quire_region_clear(&w.a);
    NAMED(NULL);
}

Test(region_check, check_finds_nothing_while_an_allocator_works)
{
    struct property p = property_begin("region_check", 6);
    uint64_t round;

    for (round = 0; round < p.rounds; round++) {
        churn(&p, round % 2u == 0);
    }
}

/* The links of a hole lie where an allocated node has its guards, and are no guards. */
Test(region_check, check_does_not_take_a_holes_links_for_guards)
{
    static uint64_t table[QUIRE_REGION_TABLE_BYTES(1, 6, 20) / sizeof(uint64_t)];
    static uint64_t slab[64];
    struct quire_region_book book;
    struct quire_region_allocator a;
    struct quire_region_config config;
    struct quire_region region[3];
    const char *what;
    unsigned i;

    memset(&config, 0, sizeof config);
    config.book = &book;
    config.table = table;
    config.table_bytes = sizeof table;
    config.exact_log = 6;
    config.span_log = 20;
    config.unit = (uint64_t)1 << 40;
    cr_assert_eq(quire_region_book_init(&book, 1, false, 0), QUIRE_OK);
    cr_assert_eq(quire_region_book_add_slab(&book, slab, sizeof slab), QUIRE_OK);
    cr_assert_eq(quire_region_init(&a, &config), QUIRE_OK);
    cr_assert_eq(quire_region_add(&a, 0, ((uint64_t)1 << 60) - 1u, 0), QUIRE_OK);
    for (i = 0; i < 3u; i++) {
        cr_assert_eq(quire_region_get(&a, 1, 0, &region[i]), QUIRE_OK);
    }
    cr_assert_eq(quire_region_put(&a, &region[0]), QUIRE_OK);
    cr_assert_eq(quire_region_put(&a, &region[2]), QUIRE_OK);
    cr_expect_eq(quire_region_check(&a, &what), QUIRE_OK, "%s", what);
    /* And no guard is larger than any space. */
    ((struct quire_region_node *)(book.origin + ((uintptr_t)region[1].node << 3)))->u.key |= (uint64_t)63
                                                                                             << QUIRE_REGION_BEFORE_SHIFT;
    cr_expect_eq(quire_region_check(&a, &what), QUIRE_CORRUPT);
    cr_expect_str_eq(what, "list: a region is smaller than its guards");
}

Test(region_check, check_misses_a_node_that_is_not_in_the_index)
{
    uint32_t root;
    unsigned side;

    start_empty(true);
    EXPECT(quire_region_add(&w.a, 0x1000, 0x1fff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x3000, 0x3fff, 0), QUIRE_OK);
    NAMED(NULL);
    root = w.a.root;
    side = branch(root)->child[1] != 0;
    branch(root)->child[side] = 0;
    branch(root)->balance = 0;
    NAMED("index: a node is missing");
}
