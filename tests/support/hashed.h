/* Files with their hashes, for tests of what verifies: content, list, tree, and a source of them that fails and lies on command. */
#ifndef QUIRE_TESTS_HASHED_H
#define QUIRE_TESTS_HASHED_H

#include <stdbool.h>
#include <stdint.h>

#include "quire/fobj_ro.h"
#include "quire/hash_build.h"

struct hashed {
    uint64_t len;
    uint32_t npages;
    struct quire_hash hash; /* its hook counts, and fails on command */
    struct quire_hash_shape shape;
    unsigned char root[QUIRE_HASH_SIZE_MAX];

    /* What the source has, for tests to change. */
    unsigned char *bytes; /* npages pages, zeros behind len */
    unsigned char *nodes; /* all nodes of the tree by number; level 1 is the list, by pages */
    unsigned char *list;  /* the list without gaps */
    size_t list_len;

    /* Calls of read, read_node and digest, atomic; the fail_at-th fails with `status`. */
    uint32_t reads;
    uint32_t node_reads;
    uint32_t digests;
    uint32_t calls;
    uint32_t fail_at; /* 0: none */
    enum quire_status status;
    size_t cut;                /* nodes that lie behind so many bytes are read as far as they go */
    void (*pause)(void *user); /* in each read of a node */
    void *user;
};

/* `len` random bytes with hashes of `size` bytes. A file of few bits or many: `seed` decides. */
void hashed_start(struct hashed *file, uint64_t len, uint32_t size, uint64_t seed);
/* The same with a content that the caller writes to file->bytes before hashed_finish(). */
void hashed_begin(struct hashed *file, uint64_t len, uint32_t size);
void hashed_finish(struct hashed *file);
void hashed_stop(struct hashed *file);

/* Page `pgidx` of the content, node `index` of a level. */
unsigned char *hashed_page(const struct hashed *file, uint32_t pgidx);
unsigned char *hashed_node(const struct hashed *file, unsigned level, uint32_t index);

/* Hooks; ctx is the file. A hash tells levels apart, and any two pages that differ in one word. */
enum quire_status hashed_digest(void *ctx, unsigned level, const void *page, void *out);
enum quire_status hashed_read(void *ctx, uint64_t offset, void *to, size_t len, size_t *got);
enum quire_status hashed_read_node(void *ctx, unsigned level, uint32_t index, void *page);

/* An object that shows the file through hashed_read(), with slots of its own; the way to verify it is for the caller to add. */
struct quire_fobj_ro_config hashed_config(struct hashed *file, uint32_t *slots);

/* A tree over the file with `num_nodes` entries. */
struct hashed_tree {
    struct quire_hash_tree tree;
    struct quire_hash_node *nodes;
    void *pages;
};
void hashed_tree_start(struct hashed_tree *tree, struct hashed *file, uint32_t num_nodes);
void hashed_tree_stop(struct hashed_tree *tree);

#endif
