/* quire/hash_build.h - builds the tree of hashes that hash_tree.h reads, in one pass. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_HASH_BUILD_H
#define QUIRE_HASH_BUILD_H

#include "base.h"
#include "fobj.h"
#include "hash.h"

/*
 * For whoever makes files: a tool on a host, or a kernel that is to remember one hash of a file it was given.
 *
 *     quire_hash_build_init(&build, &config);
 *     for each page of the file, in order: hash.digest(hash.ctx, 0, page, digest), quire_hash_build_add(&build, digest);
 *     quire_hash_build_end(&build, root);
 *
 * One page per level is being filled; a full one is hashed, its hash goes into the level above, and `write_node` gets it:
 *
 *     level 2:  [ hash of node 0 | ...                      write_node(level, index, page): each node once, its children before it
 *     level 1:  [ hash of page f | hash of page f + 1 | ...
 *
 * A list of hashes for quire_fobj_ro_config.hash_fobj is level 1 of it, nodes 0, 1, ..., one behind the other.
 *
 * Invariant: after a failure nothing of the tree is of use, and every call says what failed first.
 */
QUIRE_BEGIN

/* Zero-initialise it, then set what is marked (must). It may be discarded after quire_hash_build_init(). */
struct quire_hash_build_config {
    struct quire_hash hash; /* (must) */
    uint32_t num_leaves;    /* (must) pages of the file */
    void *pages;            /* (must) QUIRE_HASH_LEVELS_MAX pages, or as many as the shape (hash.h) is deep; until the end */
    void *ctx;              /* handed to `write_node` */

    /* (must) Keeps `page` as node `index` of `level`, which is node build.shape.first[level] + index of all (have `ctx` lead to
     * the build); done with it on return. OK, IO, INTEGRITY or NO_MEMORY. */
    enum quire_status (*write_node)(void *ctx, unsigned level, uint32_t index, const void *page);
};

struct quire_hash_build {
    struct quire_hash hash;
    struct quire_hash_shape shape;
    unsigned char *pages; /* [l - 1]: the node of level l that is being filled */
    void *ctx;
    enum quire_status (*write_node)(void *ctx, unsigned level, uint32_t index, const void *page);
    enum quire_status status;                   /* of the first failure */
    uint32_t added[QUIRE_HASH_LEVELS_MAX + 1u]; /* [l]: hashes that level l + 1 got so far */
    unsigned char root[QUIRE_HASH_SIZE_MAX];
};

/* Begins. INVALID: a null argument, a `must` missing, an impossible size or number; nothing was changed then. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_hash_build_init(struct quire_hash_build *build,
                                                                   const struct quire_hash_build_config *config)
    QUIRE_SYM(quire_hash_build_init);

/* Adds the hash of the next page. INVALID: all pages have theirs. Otherwise what `write_node` or `digest` failed with, now or
 * before. May sleep in them; O(1) of them on average, O(levels) at most. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_hash_build_add(struct quire_hash_build *build, const void *digest)
    QUIRE_SYM(quire_hash_build_add);

/* Stores the root, build->hash.size bytes, in *root. INVALID: pages are missing; they may still be added. Otherwise as before. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_hash_build_end(struct quire_hash_build *build, void *root)
    QUIRE_SYM(quire_hash_build_end);

QUIRE_END

#endif /* QUIRE_HASH_BUILD_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_HASH_BUILD_IMPLEMENTED)
#define QUIRE_HASH_BUILD_IMPLEMENTED

QUIRE_BEGIN

QUIRE_API enum quire_status quire_hash_build_init(struct quire_hash_build *build, const struct quire_hash_build_config *config)
{
    struct quire_hash_shape shape;

    if (build == NULL || config == NULL || config->pages == NULL || config->write_node == NULL ||
        quire_hash_shape_init(&shape, &config->hash, config->num_leaves) != QUIRE_OK) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMSET(build, 0, sizeof *build);
    build->hash = config->hash;
    build->hash.size = quire_hash_size(&config->hash);
    build->shape = shape;
    build->pages = (unsigned char *)config->pages;
    build->ctx = config->ctx;
    build->write_node = config->write_node;
    return QUIRE_OK;
}

/* The node of `level` that is being filled has all its hashes: it is written, and its own stored in *digest. */
static enum quire_status quire_hash_build_close_(struct quire_hash_build *build, unsigned level, unsigned char *page,
                                                 void *digest)
{
    uint32_t index = (build->added[level - 1u] - 1u) / build->shape.fan_out;
    uint32_t used = (build->added[level - 1u] - 1u) % build->shape.fan_out + 1u;
    enum quire_status status;

    QUIRE_MEMSET(page + (size_t)used * build->hash.size, 0, QUIRE_PAGE_SIZE - (size_t)used * build->hash.size);
    status = quire_store_answer(build->hash.digest(build->hash.ctx, level, page, digest));
    if (status == QUIRE_OK) {
        status = quire_store_answer(build->write_node(build->ctx, level, index, page));
    }
    return status;
}

QUIRE_API enum quire_status quire_hash_build_add(struct quire_hash_build *build, const void *digest)
{
    uint32_t size;
    unsigned level = 0;
    bool closed = true;

    if (build == NULL || digest == NULL) {
        return QUIRE_INVALID;
    }
    if (build->status != QUIRE_OK) {
        return build->status;
    }
    if (build->added[0] == build->shape.num_leaves) {
        return QUIRE_INVALID;
    }
    size = build->hash.size;
    QUIRE_MEMCPY(build->root, digest, size);
    while (build->status == QUIRE_OK && closed && level < build->shape.depth) {
        unsigned char *page = build->pages + ((size_t)level << QUIRE_PAGE_SHIFT);
        uint32_t below = level == 0 ? build->shape.num_leaves : quire_hash_shape_width(&build->shape, level);

        QUIRE_MEMCPY(page + (size_t)(build->added[level] % build->shape.fan_out) * size, build->root, size);
        build->added[level]++;
        closed = build->added[level] == below || build->added[level] % build->shape.fan_out == 0;
        level++;
        if (closed) {
            build->status = quire_hash_build_close_(build, level, page, build->root);
        }
    }
    return build->status;
}

QUIRE_API enum quire_status quire_hash_build_end(struct quire_hash_build *build, void *root)
{
    if (build == NULL || root == NULL) {
        return QUIRE_INVALID;
    }
    if (build->status != QUIRE_OK) {
        return build->status;
    }
    if (build->added[0] != build->shape.num_leaves) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMCPY(root, build->root, build->hash.size);
    return QUIRE_OK;
}

QUIRE_END

#endif
