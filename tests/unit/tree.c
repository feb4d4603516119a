/* tree.h: order, balance and summaries after insertion and removal, and a check that sees what is planted. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "quire/tree.h"

#define ITEMS 64u

/* A number; its summary is the greatest number below it, and how many there are. */
struct item {
    struct quire_tree_node node;
    uint32_t key;
    uint32_t greatest;
    uint32_t count;
};

static struct quire_tree tree;
static struct item item[ITEMS];

static struct item *item_of(struct quire_tree_node *node)
{
    return QUIRE_CONTAINER_OF(node, struct item, node);
}

static bool summarise(struct quire_tree_node *node)
{
    struct item *at = item_of(node);
    uint32_t greatest = at->key;
    uint32_t count = 1;
    unsigned side;
    bool changed;

    for (side = 0; side < 2u; side++) {
        if (node->child[side] != NULL) {
            const struct item *below = item_of(node->child[side]);

            greatest = below->greatest > greatest ? below->greatest : greatest;
            count += below->count;
        }
    }
    changed = greatest != at->greatest || count != at->count;
    at->greatest = greatest;
    at->count = count;
    return changed;
}

static void insert(struct item *new_item, quire_tree_augment augment)
{
    struct quire_tree_node *parent = NULL;
    struct quire_tree_node *node = tree.root;
    unsigned side = 0;

    while (node != NULL) {
        parent = node;
        side = new_item->key > item_of(node)->key;
        node = node->child[side];
    }
    quire_tree_insert(&tree, &new_item->node, parent, side, augment);
}

static void fill(uint32_t n, uint32_t stride, quire_tree_augment augment)
{
    uint32_t i;

    quire_tree_init(&tree);
    for (i = 0; i < n; i++) {
        item[i].key = i * stride % n;
        insert(&item[i], augment);
    }
}

/* Are all n keys there, in order, seen from both ends? */
static void expect_in_order(uint32_t n)
{
    struct quire_tree_node *node;
    uint32_t i = 0;

    for (node = quire_tree_first(&tree); node != NULL; node = quire_tree_next(node)) {
        cr_assert_eq(item_of(node)->key, i);
        i++;
    }
    cr_assert_eq(i, n);
    for (node = quire_tree_end(&tree, 1); node != NULL; node = quire_tree_step(node, 0)) {
        i--;
        cr_assert_eq(item_of(node)->key, i);
    }
    cr_assert_eq(i, 0);
}

static void expect_summaries(void)
{
    struct quire_tree_node *node;

    for (node = quire_tree_first(&tree); node != NULL; node = quire_tree_next(node)) {
        cr_assert_not(summarise(node), "a summary was stale");
    }
}

Test(tree, empty_tree_has_no_ends)
{
    quire_tree_init(&tree);
    cr_assert_null(quire_tree_first(&tree));
    cr_assert_null(quire_tree_end(&tree, 1));
    cr_assert(quire_tree_check(&tree));
}

Test(tree, node_knows_whether_it_is_on_a_tree)
{
    quire_tree_init(&tree);
    quire_tree_node_init(&item[0].node);
    cr_assert_not(quire_tree_linked(&item[0].node));
    insert(&item[0], NULL);
    cr_assert(quire_tree_linked(&item[0].node));
    quire_tree_remove(&tree, &item[0].node, NULL);
    cr_assert_not(quire_tree_linked(&item[0].node));
    cr_assert_null(tree.root);
}

Test(tree, ascending_descending_and_mixed_keys_come_out_in_order)
{
    static const uint32_t strides[] = {1, ITEMS - 1u, 5, 27};
    unsigned i;

    for (i = 0; i < sizeof strides / sizeof strides[0]; i++) {
        fill(ITEMS, strides[i], summarise);
        cr_assert(quire_tree_check(&tree));
        expect_in_order(ITEMS);
        expect_summaries();
    }
}

Test(tree, ascending_keys_make_no_list_of_it)
{
    fill(ITEMS, 1, NULL);
    cr_assert_leq(tree.root->height, 8u); /* 1.44 log2(66) = 8.7 */
}

Test(tree, every_shape_of_three_balances)
{
    static const uint32_t keys[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    unsigned i;
    unsigned j;

    for (i = 0; i < 6u; i++) {
        quire_tree_init(&tree);
        for (j = 0; j < 3u; j++) {
            item[j].key = keys[i][j];
            insert(&item[j], summarise);
        }
        cr_assert_eq(item_of(tree.root)->key, 1);
        cr_assert_eq(tree.root->height, 2u);
        cr_assert_eq(item_of(tree.root)->count, 3u);
        expect_in_order(3);
        cr_assert(quire_tree_check(&tree));
    }
}

/* Each node of trees of every size up to 20, in three insertion orders: leaves, roots, nodes whose heir is near and far. */
Test(tree, any_node_can_be_removed)
{
    static const uint32_t strides[] = {1, 3, 7};
    uint32_t n;
    uint32_t victim;
    unsigned s;

    for (s = 0; s < 3u; s++) {
        for (n = 1; n <= 20u; n++) {
            if (n % strides[s] == 0 && strides[s] != 1u) {
                continue;
            }
            for (victim = 0; victim < n; victim++) {
                struct quire_tree_node *node;
                uint32_t seen = 0;

                fill(n, strides[s], summarise);
                quire_tree_remove(&tree, &item[victim].node, summarise);
                cr_assert(quire_tree_check(&tree));
                expect_summaries();
                cr_assert(tree.root == NULL || item_of(tree.root)->count == n - 1u);
                for (node = quire_tree_first(&tree); node != NULL; node = quire_tree_next(node)) {
                    seen += seen == item[victim].key;
                    cr_assert_eq(item_of(node)->key, seen);
                    seen++;
                }
            }
        }
    }
}

Test(tree, refresh_carries_a_change_to_the_root)
{
    uint32_t i;

    fill(ITEMS, 5, summarise);
    cr_assert_eq(item_of(tree.root)->greatest, ITEMS - 1u);
    for (i = 0; item[i].key != ITEMS - 1u; i++) {
    }
    item[i].key = 1000;
    quire_tree_refresh(&item[i].node, summarise);
    cr_assert_eq(item_of(tree.root)->greatest, 1000u);
    expect_summaries();
}

/* ---- What check must see ---- */

static void plant_setup(void)
{
    fill(ITEMS, 5, NULL);
    cr_assert(quire_tree_check(&tree));
}

Test(tree, check_sees_a_wrong_height, .init = plant_setup)
{
    unsigned i;

    for (i = 0; i < ITEMS; i++) {
        item[i].node.height++;
        cr_assert_not(quire_tree_check(&tree));
        item[i].node.height -= 2u;
        cr_assert_not(quire_tree_check(&tree));
        item[i].node.height++;
    }
    cr_assert(quire_tree_check(&tree));
}

Test(tree, check_sees_a_wrong_parent, .init = plant_setup)
{
    unsigned i;

    for (i = 0; i < ITEMS; i++) {
        struct quire_tree_node *was = item[i].node.parent;

        item[i].node.parent = &item[i].node;
        cr_assert_not(quire_tree_check(&tree));
        item[i].node.parent = was;
    }
    cr_assert(quire_tree_check(&tree));
}

Test(tree, check_sees_lost_balance)
{
    /* A list of three with the heights it would have. */
    quire_tree_node_init(&item[0].node);
    quire_tree_node_init(&item[1].node);
    quire_tree_node_init(&item[2].node);
    tree.root = &item[0].node;
    item[0].node.child[1] = &item[1].node;
    item[1].node.parent = &item[0].node;
    item[1].node.child[1] = &item[2].node;
    item[2].node.parent = &item[1].node;
    item[2].node.height = 1;
    item[1].node.height = 2;
    item[0].node.height = 3;
    cr_assert_not(quire_tree_check(&tree));
}

Test(tree, check_sees_one_node_on_both_sides)
{
    fill(3, 1, NULL);
    tree.root->child[0] = tree.root->child[1];
    cr_assert_not(quire_tree_check(&tree));
}
