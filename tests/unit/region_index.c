/* region_index.h: the nodes by address against a sorted array, alone: whatever is in the list of nodes is in the tree. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "property.h"

#define QUIRE_STATIC /* the index has no functions for users: this unit has its own */
#include "quire/region_index.h"

#define NODES 10000u
#define CELL 64u /* addresses per cell; a node begins at a cell and ends in it */
#define CELLS (4u * NODES)

static struct quire_region_book book;
static uint64_t slab[NODES * QUIRE_REGION_NODE_BYTES(2, true) / 8u];
static uint32_t root;
static uint32_t sorted[NODES]; /* the model */
static uint32_t num_sorted;

static void start(void)
{
    memset(slab, 0xff, sizeof slab);
    root = 0;
    num_sorted = 0;
    cr_assert_eq(quire_region_book_init(&book, 2, true, 0), QUIRE_OK);
    cr_assert_eq(quire_region_book_add_slab(&book, slab, sizeof slab), QUIRE_OK);
    cr_assert_eq(book.left, NODES);
}

static struct quire_region_node *node_of(uint32_t link)
{
    return quire_region_node_(book.origin, link);
}

static struct quire_region_branch *branch_of(uint32_t link)
{
    return (struct quire_region_branch *)(book.origin + ((uintptr_t)link << 3) + book.node_bytes -
                                          sizeof(struct quire_region_branch));
}

static bool is_hole(const struct quire_region_node *node)
{
    return (node->u.key & QUIRE_REGION_ALLOCATED) == 0;
}

/* How many nodes of the model begin at `addr` or before. */
static uint32_t rank(uint64_t addr)
{
    uint32_t low = 0;
    uint32_t high = num_sorted;

    while (low < high) {
        uint32_t middle = (low + high) / 2u;

        if (node_of(sorted[middle])->base <= addr) {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return low;
}

/* As region_engine.h does: the list first, then the index, then, for a hole, its size. */
static void insert(uint64_t base, uint64_t last, bool hole)
{
    uint32_t link = quire_region_take_node_(&book);
    struct quire_region_node *node = node_of(link);
    uint32_t i = rank(base);

    node->base = base;
    node->last = last;
    node->u.key = hole ? 0 : QUIRE_REGION_ALLOCATED;
    node->prev = i != 0 ? sorted[i - 1u] : 0;
    node->next = i != num_sorted ? sorted[i] : 0;
    if (node->prev != 0) {
        node_of(node->prev)->next = link;
    }
    if (node->next != 0) {
        node_of(node->next)->prev = link;
    }
    memmove(&sorted[i + 1u], &sorted[i], (num_sorted - i) * sizeof sorted[0]);
    sorted[i] = link;
    num_sorted++;
    quire_region_index_insert_(&book, &root, link);
    if (hole) {
        quire_region_index_grown_(&book, link, node);
    }
}

static void withdraw(uint32_t i)
{
    uint32_t link = sorted[i];
    struct quire_region_node *node = node_of(link);

    quire_region_index_remove_(&book, &root, link);
    if (node->prev != 0) {
        node_of(node->prev)->next = node->next;
    }
    if (node->next != 0) {
        node_of(node->next)->prev = node->prev;
    }
    num_sorted--;
    memmove(&sorted[i], &sorted[i + 1u], (num_sorted - i) * sizeof sorted[0]);
    quire_region_give_node_(&book, link, node);
}

static void change(uint32_t i, uint64_t last, bool hole)
{
    struct quire_region_node *node = node_of(sorted[i]);

    node->last = last;
    node->u.key = hole ? 0 : QUIRE_REGION_ALLOCATED;
    if (hole) {
        quire_region_index_grown_(&book, sorted[i], node);
    }
}

/* ---- The tree itself, by recursion ---- */

static uint32_t met;

/* Returns the height; stores the bytes of the largest hole. */
static unsigned check_below(uint32_t link, uint32_t parent, uint64_t *largest)
{
    const struct quire_region_branch *branch = branch_of(link);
    const struct quire_region_node *node = node_of(link);
    uint64_t below[2] = {0, 0};
    unsigned height[2] = {0, 0};

    if (link == 0) {
        *largest = 0;
        return 0;
    }
    cr_assert_eq(branch->parent, parent);
    height[0] = check_below(branch->child[0], link, &below[0]);
    cr_assert_lt(met, num_sorted);
    cr_assert_eq(sorted[met], link, "node %u of the list is not node %u of the tree", met, met);
    met++;
    height[1] = check_below(branch->child[1], link, &below[1]);
    cr_assert_eq(branch->balance, height[0] == height[1] ? 0u : height[0] > height[1] ? 1u : 2u);
    cr_assert(height[0] <= height[1] + 1u && height[1] <= height[0] + 1u);
    *largest = is_hole(node) ? node->last - node->base : 0;
    *largest += is_hole(node) && *largest != UINT64_MAX;
    *largest = below[0] > *largest ? below[0] : *largest;
    *largest = below[1] > *largest ? below[1] : *largest;
    cr_assert_geq(branch->largest, *largest, "a bound is too low");
    return 1u + (height[0] > height[1] ? height[0] : height[1]);
}

static unsigned check_tree(void)
{
    uint64_t largest;
    unsigned height;

    met = 0;
    height = check_below(root, 0, &largest);
    cr_assert_eq(met, num_sorted);
    return height;
}

/* The look-ups, with the model's answers found by looking at every node. */
static void check_lookups(uint64_t addr, uint64_t need)
{
    uint32_t up = 0;
    uint32_t down = 0;
    uint32_t i;

    for (i = 0; i < num_sorted; i++) {
        const struct quire_region_node *node = node_of(sorted[i]);

        if (is_hole(node) && node->last - node->base >= need) {
            up = up == 0 && node->last >= addr ? sorted[i] : up;
            down = node->base <= addr ? sorted[i] : down;
        }
    }
    i = rank(addr);
    cr_assert_eq(quire_region_index_floor_(&book, root, addr), i != 0 ? sorted[i - 1u] : 0);
    cr_assert_eq(quire_region_index_up_(&book, root, addr, need), up);
    cr_assert_eq(quire_region_index_down_(&book, root, addr, need), down);
}

static void step(struct property *p, uint32_t most)
{
    uint64_t base = (uint64_t)property_below(p, 4u * most) * CELL;
    uint64_t bytes = property_below(p, CELL);
    bool hole = property_below(p, 2) == 0;
    uint32_t i = rank(base);
    uint32_t choice = property_below(p, 8);

    if (choice < 4u && num_sorted < most && (i == 0 || node_of(sorted[i - 1u])->base != base)) {
        insert(base, base + bytes, hole);
    } else if (choice < 6u && num_sorted != 0) {
        withdraw(property_below(p, num_sorted));
    } else if (num_sorted != 0) {
        i = property_below(p, num_sorted);
        change(i, node_of(sorted[i])->base + bytes, hole);
    }
}

Test(region_index, index_agrees_with_a_sorted_array_after_every_step)
{
    static const uint32_t most[] = {3, 7, 20, 100};
    struct property p = property_begin("region_index", 3);
    uint64_t round;
    unsigned size;
    unsigned i;

    for (round = 0; round < p.rounds * 4u; round++) {
        size = most[round % 4u];
        start();
        for (i = 0; i < 1500u; i++) {
            step(&p, size);
            (void)check_tree();
            check_lookups(property_below(&p, 4u * size * CELL), property_below(&p, CELL + 2u));
        }
    }
}

/* AVL trees are lower than 1.44 log2(n + 2): 19.2 at 10^4 nodes. */
Test(region_index, index_of_10000_nodes_stays_low_while_they_come_and_go)
{
    struct property p = property_begin("region_index_large", 60000);
    uint64_t i;

    start();
    while (num_sorted < NODES) {
        uint64_t base = (uint64_t)property_below(&p, CELLS) * CELL;
        uint32_t at = rank(base);

        if (at == 0 || node_of(sorted[at - 1u])->base != base) {
            insert(base, base + property_below(&p, CELL), property_below(&p, 2) == 0);
        }
    }
    cr_expect_leq(check_tree(), 19u);
    for (i = 0; i < p.rounds; i++) {
        step(&p, NODES);
        if (i % 5000u == 0) {
            cr_assert_leq(check_tree(), 19u);
            check_lookups((uint64_t)property_below(&p, CELLS) * CELL, property_below(&p, CELL));
        }
    }
    while (num_sorted != 0) {
        withdraw(num_sorted % 3u == 0 ? 0 : num_sorted % 3u == 1u ? num_sorted - 1u : num_sorted / 2u);
        if (num_sorted % 1000u == 0) {
            cr_assert_leq(check_tree(), 19u);
        }
    }
    cr_expect_eq(root, 0);
    cr_expect_eq(book.left, NODES);
}

Test(region_index, index_stays_low_when_nodes_come_in_order)
{
    unsigned down;
    uint32_t i;

    for (down = 0; down < 2u; down++) {
        start();
        for (i = 0; i < 4095u; i++) {
            insert((uint64_t)(down ? 4095u - i : i) * CELL, (uint64_t)(down ? 4095u - i : i) * CELL, false);
        }
        cr_expect_eq(check_tree(), 12, "in order, the tree is complete");
        for (i = 0; i < 4094u; i++) {
            withdraw(down ? 0 : num_sorted - 1u);
        }
        cr_expect_eq(check_tree(), 1);
    }
}

/* ---- Look-ups at their edges ---- */

Test(region_index, index_of_nothing_finds_nothing)
{
    start();
    check_lookups(0, 0);
    check_lookups(UINT64_MAX, UINT64_MAX);
    cr_expect_eq(check_tree(), 0);
}

Test(region_index, index_finds_a_hole_that_is_the_whole_space)
{
    start();
    insert(0, UINT64_MAX, true);
    check_lookups(0, UINT64_MAX);
    check_lookups(UINT64_MAX, UINT64_MAX);
    check_lookups(5, UINT64_MAX - 1u);
    change(0, UINT64_MAX - 1u, true);
    check_lookups(0, UINT64_MAX - 1u);
    check_lookups(0, UINT64_MAX);
    change(0, UINT64_MAX, false);
    check_lookups(0, 0);
    cr_expect_eq(quire_region_index_floor_(&book, root, UINT64_MAX), sorted[0]);
}

Test(region_index, index_finds_holes_of_one_byte_at_both_ends)
{
    start();
    insert(0, 0, true);
    insert(UINT64_MAX, UINT64_MAX, true);
    insert(7, 7, false);
    check_lookups(0, 0);
    check_lookups(1, 0);
    check_lookups(UINT64_MAX - 1u, 0);
    check_lookups(UINT64_MAX, 0);
    check_lookups(0, 1);
}

/* A bound that has become too high costs one search that goes astray: it is right afterwards. */
Test(region_index, index_search_corrects_the_bounds_that_led_it_astray)
{
    uint32_t i;

    start();
    for (i = 0; i < 1000u; i++) {
        insert((uint64_t)i * CELL, (uint64_t)i * CELL + 50u, true);
    }
    for (i = 0; i < 1000u; i++) {
        change(i, node_of(sorted[i])->base + (i == 500u ? 20u : 10u), true);
    }
    cr_expect_geq(branch_of(root)->largest, 51u);
    cr_expect_eq(quire_region_index_up_(&book, root, 0, 40), 0);
    cr_expect_leq(branch_of(root)->largest, 40u, "the root knows now");
    cr_expect_eq(quire_region_index_up_(&book, root, 0, 15), sorted[500]);
    cr_expect_eq(quire_region_index_down_(&book, root, 999u * CELL, 15), sorted[500]);
    check_lookups(0, 15);
    check_lookups(501u * CELL, 15);
    (void)check_tree();
}
