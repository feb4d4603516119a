/* tree.h against a sorted array: intervals that come, change and go, with the greatest end below each as its summary. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "property.h"
#include "quire/tree.h"

#define ITEMS 48u
#define STEPS 400u

struct item {
    struct quire_tree_node node;
    uint32_t start;
    uint32_t end;
    uint32_t greatest; /* end in this subtree */
    uint32_t
        checksum; /* in every other round, of this subtree: a sum notices what a maximum hides, and hides what it notices */
};

static struct quire_tree tree;
static struct item item[ITEMS];
static struct item *sorted[ITEMS]; /* the model */
static uint32_t num_sorted;
static bool with_checksum;

static struct item *item_of(struct quire_tree_node *node)
{
    return QUIRE_CONTAINER_OF(node, struct item, node);
}

static bool summarise(struct quire_tree_node *node)
{
    struct item *at = item_of(node);
    uint32_t greatest = at->end;
    uint32_t checksum = at->start * 2654435761u + at->end;
    unsigned side;
    bool changed;

    for (side = 0; side < 2u; side++) {
        if (node->child[side] != NULL) {
            const struct item *below = item_of(node->child[side]);

            greatest = below->greatest > greatest ? below->greatest : greatest;
            checksum += below->checksum;
        }
    }
    checksum = with_checksum ? checksum : 0;
    changed = greatest != at->greatest || checksum != at->checksum;
    at->greatest = greatest;
    at->checksum = checksum;
    return changed;
}

/* Starts are kept distinct by their low bits, so that there is one right order. */
static void insert(struct item *new_item)
{
    struct quire_tree_node *parent = NULL;
    struct quire_tree_node *node = tree.root;
    unsigned side = 0;
    uint32_t i;

    while (node != NULL) {
        parent = node;
        side = new_item->start > item_of(node)->start;
        node = node->child[side];
    }
    quire_tree_insert(&tree, &new_item->node, parent, side, summarise);
    for (i = num_sorted; i > 0 && sorted[i - 1u]->start > new_item->start; i--) {
        sorted[i] = sorted[i - 1u];
    }
    sorted[i] = new_item;
    num_sorted++;
}

static void withdraw(struct item *old_item)
{
    uint32_t i = 0;

    quire_tree_remove(&tree, &old_item->node, summarise);
    while (sorted[i] != old_item) {
        i++;
    }
    num_sorted--;
    for (; i < num_sorted; i++) {
        sorted[i] = sorted[i + 1u];
    }
}

/* The first interval that contains `point`, as an interval tree finds it. */
static struct item *first_containing(uint32_t point)
{
    struct quire_tree_node *node = tree.root;

    while (node != NULL && item_of(node)->greatest >= point) {
        struct item *at = item_of(node);

        if (node->child[0] != NULL && item_of(node->child[0])->greatest >= point) {
            node = node->child[0];
        } else if (at->start > point) {
            return NULL;
        } else if (at->end >= point) {
            return at;
        } else {
            node = node->child[1];
        }
    }
    return NULL;
}

static struct item *first_containing_by_force(uint32_t point)
{
    uint32_t i;

    for (i = 0; i < num_sorted; i++) {
        if (sorted[i]->start <= point && point <= sorted[i]->end) {
            return sorted[i];
        }
    }
    return NULL;
}

static void compare(struct property *p)
{
    struct quire_tree_node *node = quire_tree_first(&tree);
    uint32_t i;

    cr_assert(quire_tree_check(&tree));
    for (i = 0; i < num_sorted; i++, node = quire_tree_next(node)) {
        cr_assert_eq(node, &sorted[i]->node);
        cr_assert_eq(quire_tree_step(node, 0), i > 0 ? &sorted[i - 1u]->node : NULL);
        cr_assert_not(summarise(node), "a summary was stale");
    }
    cr_assert_null(node);
    cr_assert_eq(quire_tree_end(&tree, 1), num_sorted > 0 ? &sorted[num_sorted - 1u]->node : NULL);
    for (i = 0; i < 4u; i++) {
        uint32_t point = property_below(p, 4096u * ITEMS);

        cr_assert_eq(first_containing(point), first_containing_by_force(point));
    }
}

/* Height against the bound of the preamble, 1.44 log2(n + 2), without logarithms: the least nodes an AVL tree of a height has. */
static void expect_shallow(void)
{
    uint64_t least = 0;
    uint64_t next = 1;
    uint32_t height;

    for (height = 0; tree.root != NULL && height < tree.root->height; height++) {
        uint64_t sum = least + next + 1u;

        least = next;
        next = sum;
    }
    cr_assert_leq(least, num_sorted);
}

static void set_interval(struct property *p, uint32_t i)
{
    item[i].start = property_below(p, 4096u) * ITEMS + i;
    item[i].end = item[i].start + property_below(p, property_below(p, 4u) == 0 ? 65536u : 512u);
}

static void step(struct property *p, uint32_t fullness)
{
    uint32_t i = property_below(p, ITEMS);

    if (!quire_tree_linked(&item[i].node)) {
        if (property_below(p, 100u) < fullness) {
            set_interval(p, i);
            insert(&item[i]);
        }
    } else if (property_below(p, 4u) == 0) {
        item[i].end = item[i].start + property_below(p, 4096u);
        quire_tree_refresh(&item[i].node, summarise);
    } else if (property_below(p, 100u) >= fullness) {
        withdraw(&item[i]);
    }
}

Test(property, tree_keeps_order_balance_and_summaries)
{
    struct property p = property_begin("tree", 30);
    uint64_t round;

    for (round = 0; round < p.rounds; round++) {
        uint32_t fullness = 5u + property_below(&p, 91u);
        uint32_t i;

        quire_tree_init(&tree);
        num_sorted = 0;
        with_checksum = round % 2u != 0;
        for (i = 0; i < ITEMS; i++) {
            quire_tree_node_init(&item[i].node);
        }
        for (i = 0; i < STEPS; i++) {
            step(&p, fullness);
            compare(&p);
            expect_shallow();
        }
    }
}
