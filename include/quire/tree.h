/* quire/tree.h - intrusive balanced binary tree, ordered by its user, augmentable. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_TREE_H
#define QUIRE_TREE_H

#include "base.h"

/*
 * An AVL tree (Adelson-Velsky and Landis, 1962) with parent links: no recursion, no allocation, height at most
 * 1.44 log2(n + 2). It knows no key: its user walks down (inline, with his own comparison) to the empty place where a
 * node belongs and hands that place to quire_tree_insert(). A node may carry a summary of its subtree ("the greatest
 * end below me": that makes an interval tree); the user's `augment` recomputes one node's summary from the node and its
 * children and says whether it changed.
 *
 *             root                 link order: child[0] before the node before child[1]
 *            /    \
 *       child[0] child[1]          |height(child[0]) - height(child[1])| <= 1
 *
 * The three calls to begin with: quire_tree_insert, quire_tree_remove, quire_tree_next. Nothing locks, sleeps or fails.
 */
QUIRE_BEGIN

struct quire_tree_node {
    struct quire_tree_node *parent;   /* null at the root, and on no tree */
    struct quire_tree_node *child[2]; /* [0] what comes before, [1] what comes after */
    uint32_t height;                  /* 1 at a leaf, 0 on no tree */
};

struct quire_tree {
    struct quire_tree_node *root;
};

/* Recomputes the summary `node` carries from itself and its children; returns whether it changed. Null: no summaries. */
typedef bool (*quire_tree_augment)(struct quire_tree_node *node);

/* Makes an empty tree. O(1). */
static inline void quire_tree_init(struct quire_tree *tree)
{
    tree->root = NULL;
}

/* Makes a node that is on no tree. O(1). */
static inline void quire_tree_node_init(struct quire_tree_node *node)
{
    node->parent = NULL;
    node->child[0] = NULL;
    node->child[1] = NULL;
    node->height = 0;
}

/* Is the node on a tree? O(1). */
static inline bool quire_tree_linked(const struct quire_tree_node *node)
{
    return node->height != 0;
}

/* Links `node`, which is on no tree, as child[side] of `parent`, an empty place (parent null: the root of an empty
 * tree), and balances. O(log n). */
QUIRE_API void quire_tree_insert(struct quire_tree *tree, struct quire_tree_node *node, struct quire_tree_node *parent,
                                 unsigned side, quire_tree_augment augment) QUIRE_SYM(quire_tree_insert);

/* Takes `node`, which is on `tree`, off it, and balances. O(log n). */
QUIRE_API void quire_tree_remove(struct quire_tree *tree, struct quire_tree_node *node, quire_tree_augment augment)
    QUIRE_SYM(quire_tree_remove);

/* Recomputes the summaries from `node` upwards after its own content changed without moving it in the order. O(log n). */
QUIRE_API void quire_tree_refresh(struct quire_tree_node *node, quire_tree_augment augment) QUIRE_SYM(quire_tree_refresh);

/* The outermost node: side 0 the first, side 1 the last in the order; null in an empty tree. O(log n). */
QUIRE_API QUIRE_RESIDENT struct quire_tree_node *quire_tree_end(const struct quire_tree *tree, unsigned side)
    QUIRE_SYM(quire_tree_end);

/* The neighbour in the order: side 1 the next, side 0 the one before; null at the end. O(log n), a whole walk O(n). */
QUIRE_API QUIRE_RESIDENT struct quire_tree_node *quire_tree_step(const struct quire_tree_node *node, unsigned side)
    QUIRE_SYM(quire_tree_step);

/* Do links, heights and balance hold? No order is checked: the tree knows none. O(n). */
QUIRE_API bool quire_tree_check(const struct quire_tree *tree) QUIRE_SYM(quire_tree_check);

static inline struct quire_tree_node *quire_tree_first(const struct quire_tree *tree)
{
    return quire_tree_end(tree, 0);
}

static inline QUIRE_RESIDENT struct quire_tree_node *quire_tree_next(const struct quire_tree_node *node)
{
    return quire_tree_step(node, 1);
}

QUIRE_END

#endif /* QUIRE_TREE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_TREE_IMPLEMENTED)
#define QUIRE_TREE_IMPLEMENTED

QUIRE_BEGIN

static uint32_t quire_tree_height_(const struct quire_tree_node *node)
{
    return node != NULL ? node->height : 0;
}

static bool quire_tree_set_height_(struct quire_tree_node *node)
{
    uint32_t a = quire_tree_height_(node->child[0]);
    uint32_t b = quire_tree_height_(node->child[1]);
    uint32_t height = (a > b ? a : b) + 1u;
    bool changed = height != node->height;

    node->height = height;
    return changed;
}

/* Puts `to` (may be null) where `from` hangs. */
static void quire_tree_replace_(struct quire_tree *tree, struct quire_tree_node *from, struct quire_tree_node *to)
{
    struct quire_tree_node *parent = from->parent;

    if (parent == NULL) {
        tree->root = to;
    } else {
        parent->child[parent->child[1] == from] = to;
    }
    if (to != NULL) {
        to->parent = parent;
    }
}

/*       node                 up
 *      /    \               /  \
 *     up     C     ==>     A   node     (side 0; side 1 is the mirror image)
 *    /  \                      /  \
 *   A    B                    B    C                                                              */
static struct quire_tree_node *quire_tree_rotate_(struct quire_tree *tree, struct quire_tree_node *node, unsigned side,
                                                  quire_tree_augment augment)
{
    struct quire_tree_node *up = node->child[side];
    struct quire_tree_node *inner = up->child[1u - side];

    quire_tree_replace_(tree, node, up);
    node->child[side] = inner;
    if (inner != NULL) {
        inner->parent = node;
    }
    up->child[1u - side] = node;
    node->parent = up;
    (void)quire_tree_set_height_(node);
    (void)quire_tree_set_height_(up);
    if (augment != NULL) {
        (void)augment(node);
        (void)augment(up);
    }
    return up;
}

/* Restores heights, balance and summaries from `node` to the root; stops where nothing changes any more. */
static void quire_tree_balance_(struct quire_tree *tree, struct quire_tree_node *node, quire_tree_augment augment)
{
    while (node != NULL) {
        uint32_t before = node->height;
        uint32_t a = quire_tree_height_(node->child[0]);
        uint32_t b = quire_tree_height_(node->child[1]);
        bool changed = augment != NULL && augment(node);

        if (a > b + 1u || b > a + 1u) {
            unsigned side = b > a;
            struct quire_tree_node *heavy = node->child[side];

            if (quire_tree_height_(heavy->child[1u - side]) > quire_tree_height_(heavy->child[side])) {
                (void)quire_tree_rotate_(tree, heavy, 1u - side, augment);
            }
            node = quire_tree_rotate_(tree, node, side, augment);
        } else {
            (void)quire_tree_set_height_(node);
        }
        if (node->height == before && !changed) {
            return;
        }
        node = node->parent;
    }
}

QUIRE_API void quire_tree_insert(struct quire_tree *tree, struct quire_tree_node *node, struct quire_tree_node *parent,
                                 unsigned side, quire_tree_augment augment)
{
    quire_tree_node_init(node);
    node->parent = parent;
    if (parent == NULL) {
        QUIRE_ASSERT(tree->root == NULL);
        tree->root = node;
    } else {
        QUIRE_ASSERT(parent->child[side] == NULL);
        parent->child[side] = node;
    }
    quire_tree_balance_(tree, node, augment);
}

QUIRE_API void quire_tree_remove(struct quire_tree *tree, struct quire_tree_node *node, quire_tree_augment augment)
{
    struct quire_tree_node *from;

    QUIRE_ASSERT(quire_tree_linked(node));
    if (node->child[0] != NULL && node->child[1] != NULL) {
        /* The successor, which has no child[0], takes the node's place. */
        struct quire_tree_node *heir = quire_tree_step(node, 1);

        from = heir->parent == node ? heir : heir->parent;
        quire_tree_replace_(tree, heir, heir->child[1]);
        quire_tree_replace_(tree, node, heir);
        heir->height = node->height;
        heir->child[0] = node->child[0];
        heir->child[0]->parent = heir;
        heir->child[1] = node->child[1];
        if (heir->child[1] != NULL) {
            heir->child[1]->parent = heir;
        }
        if (augment != NULL) {
            (void)augment(heir);
            quire_tree_refresh(heir->parent, augment);
        }
    } else {
        from = node->parent;
        quire_tree_replace_(tree, node, node->child[node->child[0] == NULL]);
    }
    quire_tree_node_init(node);
    quire_tree_balance_(tree, from, augment);
}

QUIRE_API void quire_tree_refresh(struct quire_tree_node *node, quire_tree_augment augment)
{
    while (node != NULL && augment(node)) {
        node = node->parent;
    }
}

QUIRE_API QUIRE_RESIDENT struct quire_tree_node *quire_tree_end(const struct quire_tree *tree, unsigned side)
{
    struct quire_tree_node *node = tree->root;

    while (node != NULL && node->child[side] != NULL) {
        node = node->child[side];
    }
    return node;
}

QUIRE_API QUIRE_RESIDENT struct quire_tree_node *quire_tree_step(const struct quire_tree_node *node, unsigned side)
{
    if (node->child[side] != NULL) {
        struct quire_tree_node *to = node->child[side];

        while (to->child[1u - side] != NULL) {
            to = to->child[1u - side];
        }
        return to;
    }
    while (node->parent != NULL && node->parent->child[side] == node) {
        node = node->parent;
    }
    return node->parent;
}

/* One node's own links and balance, as far as they can be seen from it. */
static bool quire_tree_check_node_(const struct quire_tree_node *node)
{
    uint32_t a = quire_tree_height_(node->child[0]);
    uint32_t b = quire_tree_height_(node->child[1]);
    unsigned side;

    for (side = 0; side < 2u; side++) {
        if (node->child[side] != NULL && node->child[side]->parent != node) {
            return false;
        }
    }
    if (node->child[0] == node->child[1] && node->child[0] != NULL) {
        return false;
    }
    return node->height == (a > b ? a : b) + 1u && a <= b + 1u && b <= a + 1u;
}

QUIRE_API bool quire_tree_check(const struct quire_tree *tree)
{
    const struct quire_tree_node *node = tree->root;

    if (node != NULL && node->parent != NULL) {
        return false;
    }
    /* Pre-order: every node is checked before any link below it is followed. */
    while (node != NULL) {
        if (!quire_tree_check_node_(node)) {
            return false;
        }
        if (node->child[0] != NULL) {
            node = node->child[0];
        } else if (node->child[1] != NULL) {
            node = node->child[1];
        } else {
            while (node->parent != NULL && (node->parent->child[1] == node || node->parent->child[1] == NULL)) {
                node = node->parent;
            }
            node = node->parent != NULL ? node->parent->child[1] : NULL;
        }
    }
    return true;
}

QUIRE_END

#endif
