#include "hashed.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"

#define PAGE QUIRE_PAGE_SIZE

static void check(bool good)
{
    if (!good) {
        abort();
    }
}

static void *zeros(size_t n)
{
    void *p = calloc(n, 1);

    check(p != NULL);
    return p;
}

/* ---- The hash: lanes of 64 bits, each a bijection of itself for given words ---- */

static uint64_t stir(uint64_t lane, uint64_t word)
{
    lane ^= word;
    lane = (lane << 29 | lane >> 35) * 0x9e3779b97f4a7c15u;
    return lane ^ lane >> 32;
}

static void hash_page(unsigned level, const unsigned char *page, uint32_t size, unsigned char *out)
{
    uint64_t lane[8];
    uint64_t word;
    size_t i;
    unsigned j;

    for (j = 0; j < 8u; j++) {
        lane[j] = stir(level * 8u + j + 1u, size);
    }
    for (i = 0; i < PAGE; i += 8u) {
        memcpy(&word, page + i, 8);
        lane[i / 8u % 2u] = stir(lane[i / 8u % 2u], word); /* two: any size of hash has both whole */
    }
    for (j = 2; j < 8u; j++) {
        lane[j] = stir(lane[j] ^ lane[j - 2u], lane[j - 1u]);
    }
    memcpy(out, lane, size);
}

static bool fails(struct hashed *file)
{
    return __atomic_add_fetch(&file->calls, 1, __ATOMIC_SEQ_CST) == file->fail_at;
}

enum quire_status hashed_digest(void *ctx, unsigned level, const void *page, void *out)
{
    struct hashed *file = ctx;

    __atomic_add_fetch(&file->digests, 1, __ATOMIC_SEQ_CST);
    if (fails(file)) {
        return file->status;
    }
    hash_page(level, page, quire_hash_size(&file->hash), out);
    return QUIRE_OK;
}

/* ---- The source ---- */

unsigned char *hashed_page(const struct hashed *file, uint32_t pgidx)
{
    return file->bytes + (size_t)pgidx * PAGE;
}

unsigned char *hashed_node(const struct hashed *file, unsigned level, uint32_t index)
{
    return file->nodes + ((size_t)file->shape.first[level] + index) * PAGE;
}

enum quire_status hashed_read(void *ctx, uint64_t offset, void *to, size_t len, size_t *got)
{
    struct hashed *file = ctx;

    __atomic_add_fetch(&file->reads, 1, __ATOMIC_SEQ_CST);
    if (fails(file)) {
        return file->status;
    }
    check(offset + len <= file->len);
    memcpy(to, file->bytes + offset, len);
    *got = len;
    return QUIRE_OK;
}

enum quire_status hashed_read_node(void *ctx, unsigned level, uint32_t index, void *page)
{
    struct hashed *file = ctx;
    size_t at = ((size_t)file->shape.first[level] + index) * PAGE;

    __atomic_add_fetch(&file->node_reads, 1, __ATOMIC_SEQ_CST);
    check(level >= 1u && level <= file->shape.depth && index < quire_hash_shape_width(&file->shape, level));
    if (file->pause != NULL) {
        file->pause(file->user);
    }
    if (fails(file)) {
        return file->status;
    }
    if (at < file->cut) {
        memcpy(page, file->nodes + at, file->cut - at < PAGE ? file->cut - at : PAGE);
    }
    return QUIRE_OK;
}

/* ---- Making it ---- */

static enum quire_status write_node(void *ctx, unsigned level, uint32_t index, const void *page)
{
    memcpy(hashed_node(ctx, level, index), page, PAGE);
    return QUIRE_OK;
}

void hashed_begin(struct hashed *file, uint64_t len, uint32_t size)
{
    memset(file, 0, sizeof *file);
    file->len = len;
    file->npages = (uint32_t)quire_fobj_ro_pages(len);
    file->hash.ctx = file;
    file->hash.size = size;
    file->hash.digest = hashed_digest;
    check(quire_hash_shape_init(&file->shape, &file->hash, file->npages) == QUIRE_OK);
    file->bytes = zeros((size_t)file->npages * PAGE);
    file->nodes = zeros((size_t)quire_hash_shape_nodes(&file->shape) * PAGE);
    file->cut = (size_t)quire_hash_shape_nodes(&file->shape) * PAGE;
    file->list_len = (size_t)file->npages * quire_hash_size(&file->hash);
    file->list = zeros(file->list_len);
}

void hashed_finish(struct hashed *file)
{
    uint32_t size = quire_hash_size(&file->hash);
    struct quire_hash_build_config config;
    struct quire_hash_build build;
    uint32_t i;

    memset(&config, 0, sizeof config);
    config.hash = file->hash;
    config.num_leaves = file->npages;
    config.pages = zeros((size_t)file->shape.depth * PAGE);
    config.ctx = file;
    config.write_node = write_node;
    check(quire_hash_build_init(&build, &config) == QUIRE_OK);
    for (i = 0; i < file->npages; i++) {
        hash_page(0, hashed_page(file, i), size, file->list + (size_t)i * size);
        check(quire_hash_build_add(&build, file->list + (size_t)i * size) == QUIRE_OK);
    }
    check(quire_hash_build_end(&build, file->root) == QUIRE_OK);
    free(config.pages);
    file->digests = 0;
    file->calls = 0;
}

void hashed_start(struct hashed *file, uint64_t len, uint32_t size, uint64_t seed)
{
    uint64_t i;

    hashed_begin(file, len, size);
    for (i = 0; i < len; i++) {
        uint32_t random = random_next(&seed);

        file->bytes[i] = (unsigned char)(random % 3u == 0 ? 0xffu : random >> 8); /* many carries */
    }
    hashed_finish(file);
}

void hashed_stop(struct hashed *file)
{
    free(file->bytes);
    free(file->nodes);
    free(file->list);
}

struct quire_fobj_ro_config hashed_config(struct hashed *file, uint32_t *slots)
{
    struct quire_fobj_ro_config config;

    memset(&config, 0, sizeof config);
    config.len = file->len;
    config.slots = slots;
    config.ctx = file;
    config.read = hashed_read;
    return config;
}

void hashed_tree_start(struct hashed_tree *tree, struct hashed *file, uint32_t num_nodes)
{
    struct quire_hash_tree_config config;

    tree->nodes = zeros(num_nodes * sizeof *tree->nodes);
    tree->pages = zeros((size_t)num_nodes * PAGE);
    memset(&config, 0, sizeof config);
    config.hash = file->hash;
    config.num_leaves = file->npages;
    config.root = file->root;
    config.nodes = tree->nodes;
    config.pages = tree->pages;
    config.num_nodes = num_nodes;
    config.ctx = file;
    config.read_node = hashed_read_node;
    check(quire_hash_tree_init(&tree->tree, &config) == QUIRE_OK);
}

void hashed_tree_stop(struct hashed_tree *tree)
{
    free(tree->nodes);
    free(tree->pages);
}
