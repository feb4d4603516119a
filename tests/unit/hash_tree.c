/* hash_tree.h: hashes that one root vouches for, whatever the source of nodes says, through caches of any size. */
#include <stdint.h> /* first: Criterion's own headers lack it */
#include <limits.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "hashed.h"
#include "random.h"

#define PAGE QUIRE_PAGE_SIZE
#define SIZE 64u
#define FAN_OUT ((uint32_t)(PAGE / SIZE))
#define DEEP (FAN_OUT * FAN_OUT + 5u) /* leaves of a tree of three levels */

static struct hashed file;
static struct hashed_tree tree;

/* A tree over `npages` pages of little content: what is below the leaves does not matter here. */
static void begin(uint32_t npages, uint32_t num_nodes)
{
    uint32_t i;

    hashed_begin(&file, (uint64_t)npages * PAGE, SIZE);
    for (i = 0; i < npages; i++) {
        memcpy(hashed_page(&file, i), &i, sizeof i);
    }
    hashed_finish(&file);
    hashed_tree_start(&tree, &file, num_nodes);
}

/* Nobody uses an entry any more, and what is there is what the file has. */
static void expect_idle(void)
{
    uint32_t i;

    cr_expect_eq(tree.tree.lookups, 0);
    for (i = 0; i < tree.tree.num_nodes; i++) {
        const struct quire_hash_node *node = &tree.nodes[i];

        cr_expect(node->state == 0 || node->state == 0x80000000u, "entry %u: state %x", i, node->state);
    }
}

static void end(void)
{
    expect_idle();
    hashed_tree_stop(&tree);
    hashed_stop(&file);
}

static enum quire_status find(uint32_t leaf)
{
    unsigned char out[SIZE];
    enum quire_status status = quire_hash_tree_find(&tree.tree, leaf, out);

    if (status == QUIRE_OK) {
        cr_expect_eq(memcmp(out, file.list + (size_t)leaf * SIZE, SIZE), 0, "leaf %u has another hash", leaf);
    }
    return status;
}

#define FIND(leaf, expected)                                                                \
    do {                                                                                    \
        enum quire_status found_ = find(leaf);                                              \
        cr_expect_eq(found_, expected, "line %d: %s", __LINE__, quire_status_name(found_)); \
    } while (0)

/* ---- Every hash, with any cache ---- */

Test(hash_tree, tree_has_the_hash_of_every_page)
{
    static const uint32_t pages[] = {1, 2, FAN_OUT, FAN_OUT + 1u, DEEP};
    static const uint32_t nodes[] = {1, 2, 3, 7};
    uint64_t random = 1;
    size_t p;
    size_t n;
    uint32_t i;

    for (p = 0; p < sizeof pages / sizeof pages[0]; p++) {
        for (n = 0; n < sizeof nodes / sizeof nodes[0]; n++) {
            begin(pages[p], nodes[n]);
            for (i = 0; i<pages[p]; i += pages[p]> 1000u ? 1u + i % 61u : 1u) {
                FIND(i, QUIRE_OK);
            }
            FIND(pages[p] - 1u, QUIRE_OK);
            for (i = 0; i < 200u; i++) {
                FIND(random_below(&random, pages[p]), QUIRE_OK);
            }
            FIND(pages[p], QUIRE_INVALID);
            FIND(UINT32_MAX, QUIRE_INVALID);
            end();
        }
    }
}

Test(hash_tree, tree_reads_what_is_there_no_second_time)
{
    begin(DEEP, 4);
    FIND(0, QUIRE_OK);
    cr_expect_eq(file.node_reads, 3);
    cr_expect_eq(file.digests, 3);
    FIND(FAN_OUT - 1u, QUIRE_OK);
    cr_expect_eq(file.node_reads, 3, "the same node of level 1");
    FIND(FAN_OUT, QUIRE_OK);
    cr_expect_eq(file.node_reads, 4, "its neighbour, under the same node of level 2");
    FIND(0, QUIRE_OK);
    cr_expect_eq(file.node_reads, 4);
    cr_expect_eq(file.digests, 4);
    end();
}

Test(hash_tree, tree_drops_what_was_not_used_for_longest)
{
    begin(DEEP, 4); /* level 3, level 2, and two of level 1 */
    FIND(0, QUIRE_OK);
    FIND(FAN_OUT, QUIRE_OK);
    FIND(2u * FAN_OUT, QUIRE_OK); /* in the place of level 3, which was not looked at since */
    cr_expect_eq(file.node_reads, 5);
    FIND(0, QUIRE_OK);
    FIND(2u * FAN_OUT, QUIRE_OK);
    cr_expect_eq(file.node_reads, 5);
    FIND(3u * FAN_OUT, QUIRE_OK); /* in the place of node 1, not of node 0 */
    cr_expect_eq(file.node_reads, 6);
    FIND(0, QUIRE_OK);
    FIND(2u * FAN_OUT, QUIRE_OK);
    cr_expect_eq(file.node_reads, 6);
    FIND(FAN_OUT, QUIRE_OK);
    cr_expect_eq(file.node_reads, 7);
    end();
}

Test(hash_tree, tree_of_one_entry_reads_the_way_down_each_time)
{
    begin(DEEP, 1);
    FIND(0, QUIRE_OK);
    FIND(DEEP - 1u, QUIRE_OK);
    cr_expect_eq(file.node_reads, 6);
    FIND(DEEP - 2u, QUIRE_OK);
    cr_expect_eq(file.node_reads, 6);
    end();
}

/* ---- A source that lies ---- */

Test(hash_tree, tree_finds_every_changed_bit_of_a_node)
{
    unsigned level;
    size_t bit;
    size_t step = (size_t)(getenv("QUIRE_TIMEOUT_SCALE") != NULL ? 101 : 1);

    begin(DEEP, 4);
    for (level = 1; level <= 3u; level++) {
        unsigned char *node = hashed_node(&file, level, 0);

        hashed_tree_stop(&tree);
        hashed_tree_start(&tree, &file, 4);
        for (bit = 0; bit < 8u * PAGE; bit += step) {
            node[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
            cr_assert_eq(find(1), QUIRE_INTEGRITY, "level %u, bit %zu", level, bit);
            node[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
        }
        FIND(1, QUIRE_OK);
    }
    end();
}

static void swap(unsigned char *a, unsigned char *b)
{
    unsigned char page[QUIRE_PAGE_SIZE];

    memcpy(page, a, PAGE);
    memcpy(a, b, PAGE);
    memcpy(b, page, PAGE);
}

Test(hash_tree, tree_finds_nodes_in_each_others_place)
{
    static const struct {
        unsigned level;
        uint32_t index;
    } node[] = {{1, 0}, {1, 1}, {1, FAN_OUT}, {2, 0}, {2, 1}, {3, 0}};
    static const uint32_t below[] = {0, FAN_OUT, FAN_OUT * FAN_OUT, 0, FAN_OUT * FAN_OUT, 0}; /* a page below each */
    size_t i;
    size_t j;

    for (i = 0; i < sizeof node / sizeof node[0]; i++) {
        for (j = 0; j < i; j++) {
            begin(DEEP, 3);
            swap(hashed_node(&file, node[i].level, node[i].index), hashed_node(&file, node[j].level, node[j].index));
            FIND(below[i], QUIRE_INTEGRITY);
            FIND(below[j], QUIRE_INTEGRITY);
            swap(hashed_node(&file, node[i].level, node[i].index), hashed_node(&file, node[j].level, node[j].index));
            FIND(below[i], QUIRE_OK);
            FIND(below[j], QUIRE_OK);
            end();
        }
    }
}

Test(hash_tree, tree_finds_a_source_that_was_cut)
{
    size_t whole;
    size_t cut;

    begin(DEEP, 3);
    whole = file.cut;
    for (cut = 0; cut < whole; cut += PAGE / 4u) {
        enum quire_status status;

        hashed_tree_stop(&tree); /* nothing there from before */
        hashed_tree_start(&tree, &file, 3);
        file.cut = cut;
        status = find(0);
        /* Of the node on top only the first two hashes are not zero. */
        cr_expect_eq(status, cut + PAGE > whole && cut + PAGE - whole >= 2u * SIZE ? QUIRE_OK : QUIRE_INTEGRITY, "%zu of %zu",
                     cut, whole);
    }
    file.cut = whole;
    FIND(0, QUIRE_OK);
    end();
}

Test(hash_tree, tree_finds_another_root_and_an_older_file)
{
    unsigned char *old;

    begin(DEEP, 3);
    tree.tree.root[SIZE - 1u] ^= 1u;
    FIND(0, QUIRE_INTEGRITY);
    cr_expect_eq(file.node_reads, 1, "went on below a node that was refused");
    tree.tree.root[SIZE - 1u] ^= 1u;
    FIND(0, QUIRE_OK);

    /* A newer version of the file differs in one page; its tree is offered with the older node of level 1. */
    old = malloc(PAGE);
    cr_assert_not_null(old);
    memcpy(old, hashed_node(&file, 1, 0), PAGE);
    hashed_page(&file, 3)[100] ^= 1u;
    hashed_finish(&file);
    hashed_tree_stop(&tree);
    hashed_tree_start(&tree, &file, 3);
    FIND(3, QUIRE_OK);
    memcpy(hashed_node(&file, 1, 0), old, PAGE);
    hashed_tree_stop(&tree);
    hashed_tree_start(&tree, &file, 3);
    FIND(3, QUIRE_INTEGRITY);
    FIND(0, QUIRE_INTEGRITY);
    FIND(FAN_OUT, QUIRE_OK);
    free(old);
    end();
}

Test(hash_tree, tree_uses_what_it_verified_whatever_becomes_of_the_source)
{
    begin(DEEP, 3);
    FIND(0, QUIRE_OK);
    memset(file.nodes, 0x55, (size_t)quire_hash_shape_nodes(&file.shape) * PAGE);
    FIND(1, QUIRE_OK);
    FIND(FAN_OUT, QUIRE_INTEGRITY);
    FIND(2, QUIRE_OK);
    end();
}

Test(hash_tree, tree_passes_on_every_failure_and_the_next_time_it_works)
{
    static const int answers[] = {QUIRE_IO, QUIRE_NO_MEMORY, QUIRE_INTEGRITY, QUIRE_PENDING, QUIRE_NEED, 1, INT_MIN, INT_MAX};
    size_t a;
    uint32_t n;
    uint32_t nodes;

    for (nodes = 1; nodes <= 4u; nodes++) {
        begin(DEEP, nodes);
        for (a = 0; a < sizeof answers / sizeof answers[0]; a++) {
            for (n = 1; n <= 6u; n++) { /* three nodes read and hashed */
                hashed_tree_stop(&tree);
                hashed_tree_start(&tree, &file, nodes);
                file.calls = 0;
                file.fail_at = n;
                file.status = (enum quire_status)answers[a];
                FIND(DEEP - 1u, a < 3u ? file.status : QUIRE_BAD_ANSWER);
                expect_idle();
                cr_expect_eq(file.calls, n, "it went on after a failure");
                FIND(DEEP - 1u, QUIRE_OK);
                FIND(0, QUIRE_OK);
            }
        }
        file.fail_at = 0;
        end();
    }
}

/* ---- Several look-ups at once: those that a hook of the first begins ---- */

static uint32_t to_nest; /* how many */
static uint32_t nested;

static void nest(void *user)
{
    (void)user;
    if (nested < to_nest) {
        nested++;
        (void)find(nested * FAN_OUT);
    }
}

static enum quire_status innermost;

static void nest_one_too_many(void *user)
{
    (void)user;
    if (nested < to_nest) {
        enum quire_status status;

        nested++;
        status = find(nested * FAN_OUT);
        innermost = nested == to_nest && innermost == QUIRE_OK ? status : innermost;
    }
}

Test(hash_tree, tree_serves_as_many_at_once_as_it_has_entries)
{
    uint32_t nodes;

    for (nodes = 1; nodes <= 5u; nodes++) {
        begin(DEEP, nodes);
        file.pause = nest;
        nested = 0;
        to_nest = nodes - 1u;
        FIND(0, QUIRE_OK);
        cr_expect_eq(nested, to_nest);
        end();
    }
}

Test(hash_tree, tree_refuses_one_look_up_more_and_no_other)
{
    uint32_t nodes;

    for (nodes = 1; nodes <= 5u; nodes++) {
        begin(DEEP, nodes);
        file.pause = nest_one_too_many;
        nested = 0;
        to_nest = nodes;
        innermost = QUIRE_OK;
        FIND(0, QUIRE_OK);
        cr_expect_eq(innermost, QUIRE_NO_MEMORY);
        FIND(FAN_OUT, QUIRE_OK);
        end();
    }
}

/* ---- Making it ---- */

Test(hash_tree, tree_init_refuses_what_cannot_be_and_changes_nothing)
{
    struct quire_hash_tree_config good;
    struct quire_hash_tree_config config;
    struct quire_hash_tree made;
    struct quire_hash_tree before;
    unsigned i;

    begin(2, 2);
    memset(&good, 0, sizeof good);
    good.hash = file.hash;
    good.num_leaves = 2;
    good.root = file.root;
    good.nodes = tree.nodes;
    good.pages = tree.pages;
    good.num_nodes = 2;
    good.read_node = hashed_read_node;
    memset(&before, 0x5a, sizeof before);
    for (i = 0; i < 11u; i++) {
        config = good;
        switch (i) {
        case 0:
            config.hash.digest = NULL;
            break;
        case 1:
            config.hash.size = 12;
            break;
        case 2:
            config.hash.size = 72;
            break;
        case 3:
            config.num_leaves = 0;
            break;
        case 4:
            config.num_leaves = UINT32_MAX;
            break;
        case 5:
            config.root = NULL;
            break;
        case 6:
            config.nodes = NULL;
            break;
        case 7:
            config.pages = NULL;
            break;
        case 8:
            config.num_nodes = 0;
            break;
        case 9:
            config.num_nodes = QUIRE_HASH_TREE_NODES_MAX + 1u;
            break;
        default:
            config.read_node = NULL;
            break;
        }
        memset(&made, 0x5a, sizeof made);
        cr_expect_eq(quire_hash_tree_init(&made, &config), QUIRE_INVALID, "case %u", i);
        cr_expect_eq(memcmp(&made, &before, sizeof made), 0, "case %u changed it", i);
    }
    cr_expect_eq(quire_hash_tree_init(NULL, &good), QUIRE_INVALID);
    cr_expect_eq(quire_hash_tree_init(&made, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_hash_tree_init(&made, &good), QUIRE_OK);
    end();
}
