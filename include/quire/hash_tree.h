/* quire/hash_tree.h - the hash of any page of a large file, from one root hash and a cache. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_HASH_TREE_H
#define QUIRE_HASH_TREE_H

#include "base.h"
#include "fobj.h"
#include "hash.h"

/*
 * What fobj_ro.h asks for a page's hash where the hashes lie with the file, in a place that is not trusted. Secure memory holds
 * the root and as many nodes, a page each, as the user gives. To begin (R. Merkle's tree, 1979; hash.h has a picture of it):
 *
 *     config.read_node = ...;  config.root = ...;  config.nodes, config.pages, config.num_nodes: the cache
 *     quire_hash_tree_init(&tree, &config);
 *     ro_config.hash_tree = &tree;               one tree for one file, in as many objects as show it
 *
 *     a look-up goes up:    node of level 1 there? -> of level 2? -> ... -> the root: which is there
 *            and down:      claim an entry of the cache -> read_node into it -> its hash is what stands above? -> used, and kept
 *
 * A look-up uses one entry at a time: the hash it came for is copied, and the entry let go, before the next one is claimed. So one
 * entry is enough, and as many as there are look-ups at once are enough for them all. More than `num_nodes` at once: NO_MEMORY. The
 * entry that gives way is one in nobody's use, of those the one not used for longest. No lock is taken:
 *
 *     entry->state:   EMPTY -- claimed, by CAS --> CLAIMED -- verified --> READY + users -- claimed with no user --> CLAIMED
 *                                                     \-- refused --> EMPTY
 *
 * Two threads that miss the same node at the same time may both read it: it is then there twice for a while.
 *
 * Ways a source can lie: what it delivers is verified in the cache, so nothing but the node it was asked for is ever used; a node
 * that was changed, another one, an older one, or part of one: INTEGRITY, of that look-up only. A source that fails: IO,
 * INTEGRITY or NO_MEMORY, as it says; any other answer: BAD_ANSWER. The next look-up asks it again.
 *
 * Invariants: an entry that is READY holds the node its key names, as the root vouches for it; while it has users neither key
 * nor bytes change; there are no more users and claims together than look-ups in progress, and those are at most num_nodes.
 */
QUIRE_BEGIN

/* An entry of the cache. All fields through quire_atomic_*. */
struct quire_hash_node {
    uint32_t state; /* EMPTY, CLAIMED, or READY with the number of its users */
    uint32_t key;   /* 1 + the number of the node it holds */
    uint32_t used;  /* tree->uses when it was last */
};

/* Zero-initialise it, then set what is marked (must). It may be discarded after quire_hash_tree_init(). */
struct quire_hash_tree_config {
    struct quire_hash hash;        /* (must) of the pages and of the nodes */
    uint32_t num_leaves;           /* (must) pages of the file; from where the root comes from */
    const void *root;              /* (must) hash of the uppermost node, copied */
    struct quire_hash_node *nodes; /* (must) num_nodes of them, which init clears; as long as the tree is used */
    void *pages;                   /* (must) num_nodes pages of memory that nobody else can write, any alignment; as long */
    uint32_t num_nodes;            /* (must) at least 1, and as many as look-ups at once; at most QUIRE_HASH_TREE_NODES_MAX */
    void *ctx;                     /* handed to `read_node` */

    /* (must) Writes node `index` of `level` (1..depth), which is node quire_hash_tree_number() of all, to `page`, whole; done
     * with `page` on return. Called without any lock of Quire, by several threads at once; may sleep; must not touch memory
     * that waits for it. OK, IO, INTEGRITY or NO_MEMORY. */
    enum quire_status (*read_node)(void *ctx, unsigned level, uint32_t index, void *page);
};

#define QUIRE_HASH_TREE_NODES_MAX 0x3fffffffu

struct quire_hash_tree {
    struct quire_hash hash;
    struct quire_hash_shape shape;
    unsigned char root[QUIRE_HASH_SIZE_MAX];
    struct quire_hash_node *nodes;
    unsigned char *pages;
    uint32_t num_nodes;
    uint32_t lookups; /* atomic: in progress now */
    uint32_t uses;    /* atomic: of any entry so far, modulo 2^32 */
    void *ctx;
    enum quire_status (*read_node)(void *ctx, unsigned level, uint32_t index, void *page);
};

/* Makes a tree with an empty cache, in storage of the caller; nothing is read yet. There is nothing to end: when the last
 * object that uses it was released, its memory is the owner's again. INVALID: a null argument, a `must` missing, a hash of an
 * impossible size, no leaves or more than QUIRE_FOBJ_PAGES_MAX, too many nodes; nothing was changed then. O(num_nodes). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_hash_tree_init(struct quire_hash_tree *tree,
                                                                  const struct quire_hash_tree_config *config)
    QUIRE_SYM(quire_hash_tree_init);

/* Stores in *out (tree->hash.size bytes) the hash that page `leaf` of the file must have, as the root vouches for it. INVALID:
 * there is no such page. NO_MEMORY: more look-ups at once than nodes. INTEGRITY, IO, NO_MEMORY, BAD_ANSWER: as above; what is
 * in *out is then of no use. Takes no lock, may sleep in `read_node` and `digest`. O(num_nodes x levels), of which it reads and
 * hashes those not there. */
QUIRE_API QUIRE_RESIDENT QUIRE_MUST_CHECK enum quire_status quire_hash_tree_find(struct quire_hash_tree *tree, uint32_t leaf,
                                                                                 void *out) QUIRE_SYM(quire_hash_tree_find);

/* The place of node `index` of `level` in a file of all nodes, the lowest level first. O(1). */
static inline QUIRE_RESIDENT uint32_t quire_hash_tree_number(const struct quire_hash_tree *tree, unsigned level, uint32_t index)
{
    return tree->shape.first[level] + index;
}

QUIRE_END

#endif /* QUIRE_HASH_TREE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_HASH_TREE_IMPLEMENTED)
#define QUIRE_HASH_TREE_IMPLEMENTED

QUIRE_BEGIN

#define QUIRE_HASH_NODE_EMPTY_ 0u
#define QUIRE_HASH_NODE_CLAIMED_ 1u
#define QUIRE_HASH_NODE_READY_ 0x80000000u /* plus the number of users, less than QUIRE_HASH_TREE_NODES_MAX */

QUIRE_API enum quire_status quire_hash_tree_init(struct quire_hash_tree *tree, const struct quire_hash_tree_config *config)
{
    struct quire_hash_shape shape;

    if (tree == NULL || config == NULL || config->root == NULL || config->nodes == NULL || config->pages == NULL ||
        config->num_nodes == 0 || config->num_nodes > QUIRE_HASH_TREE_NODES_MAX || config->read_node == NULL ||
        quire_hash_shape_init(&shape, &config->hash, config->num_leaves) != QUIRE_OK) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMSET(tree, 0, sizeof *tree);
    tree->hash = config->hash;
    tree->hash.size = quire_hash_size(&config->hash);
    tree->shape = shape;
    QUIRE_MEMCPY(tree->root, config->root, tree->hash.size);
    QUIRE_MEMSET(config->nodes, 0, (size_t)config->num_nodes * sizeof *config->nodes);
    tree->nodes = config->nodes;
    tree->pages = (unsigned char *)config->pages;
    tree->num_nodes = config->num_nodes;
    tree->ctx = config->ctx;
    tree->read_node = config->read_node;
    return QUIRE_OK;
}

static QUIRE_RESIDENT unsigned char *quire_hash_tree_page_(const struct quire_hash_tree *tree, uint32_t entry)
{
    return tree->pages + ((size_t)entry << QUIRE_PAGE_SHIFT);
}

/* Adds `by` to *count; returns what it is then. */
static QUIRE_RESIDENT uint32_t quire_hash_tree_add_(uint32_t *count, uint32_t by)
{
    uint32_t seen = quire_atomic_load(count);

    while (!quire_atomic_cas(count, &seen, seen + by)) {
    }
    return seen + by;
}

/* One look-up more, if there is an entry for it. */
static QUIRE_RESIDENT bool quire_hash_tree_enter_(struct quire_hash_tree *tree)
{
    uint32_t seen = quire_atomic_load(&tree->lookups);

    do {
        if (seen >= tree->num_nodes) {
            return false;
        }
    } while (!quire_atomic_cas(&tree->lookups, &seen, seen + 1u));
    return true;
}

/* Becomes a user of an entry that holds this key. False: none does. */
static QUIRE_RESIDENT bool quire_hash_tree_use_(struct quire_hash_tree *tree, uint32_t key, uint32_t *entry)
{
    uint32_t i;

    for (i = 0; i < tree->num_nodes; i++) {
        struct quire_hash_node *node = &tree->nodes[i];
        uint32_t state;

        if (quire_atomic_load(&node->key) != key) {
            continue;
        }
        state = quire_atomic_load(&node->state);
        while ((state & QUIRE_HASH_NODE_READY_) != 0) {
            if (quire_atomic_cas(&node->state, &state, state + 1u)) {
                /* It may have been claimed, and got another node, before it had this user; from now on it cannot. */
                if (quire_atomic_load(&node->key) == key) {
                    *entry = i;
                    return true;
                }
                (void)quire_hash_tree_add_(&node->state, UINT32_MAX);
                break;
            }
        }
    }
    return false;
}

/* One pass over the cache: the entry to be claimed, num_nodes if all were seen in use. */
static QUIRE_RESIDENT uint32_t quire_hash_tree_oldest_(const struct quire_hash_tree *tree, uint32_t *state)
{
    uint32_t now = quire_atomic_load(&tree->uses);
    uint32_t best = tree->num_nodes;
    uint32_t age = 0;
    uint32_t i;

    for (i = 0; i < tree->num_nodes; i++) {
        uint32_t seen = quire_atomic_load(&tree->nodes[i].state);

        if (seen == QUIRE_HASH_NODE_EMPTY_) {
            *state = seen;
            return i;
        }
        if (seen == QUIRE_HASH_NODE_READY_) {
            uint32_t idle = now - quire_atomic_load(&tree->nodes[i].used);

            if (best == tree->num_nodes || idle > age) {
                best = i;
                age = idle;
                *state = seen;
            }
        }
    }
    return best;
}

/* Claims an entry. Each look-up in progress has at most one, and this one has none yet: so at any moment one is to be had, and
 * a pass that came too late everywhere saw others get on. */
static QUIRE_RESIDENT uint32_t quire_hash_tree_claim_(struct quire_hash_tree *tree)
{
    for (;;) {
        uint32_t state = 0;
        uint32_t i = quire_hash_tree_oldest_(tree, &state);

        if (i < tree->num_nodes && quire_atomic_cas(&tree->nodes[i].state, &state, QUIRE_HASH_NODE_CLAIMED_)) {
            quire_atomic_store(&tree->nodes[i].key, 0);
            return i;
        }
    }
}

/* Copies an entry's hash number `child`, and lets the entry go. */
static QUIRE_RESIDENT void quire_hash_tree_take_(struct quire_hash_tree *tree, uint32_t entry, uint32_t child, void *out)
{
    uint32_t size = tree->hash.size;

    QUIRE_MEMCPY(out, quire_hash_tree_page_(tree, entry) + (size_t)child * size, size);
    (void)quire_hash_tree_add_(&tree->nodes[entry].state, UINT32_MAX);
}

/* Brings a node that must have the hash `expected` into the cache; the caller is its user. */
static QUIRE_RESIDENT enum quire_status quire_hash_tree_bring_(struct quire_hash_tree *tree, unsigned level, uint32_t index,
                                                               const void *expected, uint32_t *entry)
{
    uint32_t i = quire_hash_tree_claim_(tree);
    struct quire_hash_node *node = &tree->nodes[i];
    void *page = quire_hash_tree_page_(tree, i);
    enum quire_status status = quire_store_answer(tree->read_node(tree->ctx, level, index, page));

    if (status == QUIRE_OK) {
        status = quire_hash_check(&tree->hash, level, page, expected);
    }
    if (status != QUIRE_OK) {
        quire_atomic_store(&node->state, QUIRE_HASH_NODE_EMPTY_);
        return status;
    }
    quire_atomic_store(&node->used, quire_hash_tree_add_(&tree->uses, 1u));
    quire_atomic_store(&node->key, quire_hash_tree_number(tree, level, index) + 1u);
    quire_atomic_store(&node->state, QUIRE_HASH_NODE_READY_ + 1u);
    *entry = i;
    return QUIRE_OK;
}

/* Page `leaf` is the child number leaf / fan_out^(level - 1), modulo fan_out, of node leaf / fan_out^level of a level. */
static QUIRE_RESIDENT enum quire_status quire_hash_tree_find_(struct quire_hash_tree *tree, uint32_t leaf, unsigned char *out)
{
    uint32_t index[QUIRE_HASH_LEVELS_MAX + 1u];
    uint32_t fan_out = tree->shape.fan_out;
    unsigned level = 0;
    uint32_t entry = 0;
    bool found = false;

    index[0] = leaf;
    while (!found && level < tree->shape.depth) {
        level++;
        index[level] = index[level - 1u] / fan_out;
        found = quire_hash_tree_use_(tree, quire_hash_tree_number(tree, level, index[level]) + 1u, &entry);
    }
    if (found) {
        quire_atomic_store(&tree->nodes[entry].used, quire_hash_tree_add_(&tree->uses, 1u));
        quire_hash_tree_take_(tree, entry, index[level - 1u] % fan_out, out);
        level--;
    } else {
        QUIRE_MEMCPY(out, tree->root, tree->hash.size);
    }
    for (; level > 0; level--) {
        enum quire_status status = quire_hash_tree_bring_(tree, level, index[level], out, &entry);

        if (status != QUIRE_OK) {
            return status;
        }
        quire_hash_tree_take_(tree, entry, index[level - 1u] % fan_out, out);
    }
    return QUIRE_OK;
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_hash_tree_find(struct quire_hash_tree *tree, uint32_t leaf, void *out)
{
    enum quire_status status;

    if (leaf >= tree->shape.num_leaves) {
        return QUIRE_INVALID;
    }
    if (!quire_hash_tree_enter_(tree)) {
        return QUIRE_NO_MEMORY;
    }
    status = quire_hash_tree_find_(tree, leaf, (unsigned char *)out);
    (void)quire_hash_tree_add_(&tree->lookups, UINT32_MAX);
    return status;
}

QUIRE_END

#endif
