/* hash_build.h: a tree built in one pass is the tree. */
#include <stdint.h> /* first: Criterion's own headers lack it */
#include <limits.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "hashed.h"

#define PAGE QUIRE_PAGE_SIZE
#define SIZE 64u /* few to a page: deep trees of few leaves */
#define FAN_OUT ((uint32_t)(PAGE / SIZE))

static struct hashed hasher; /* its hook only */
static struct quire_hash_build build;
static unsigned char pages[QUIRE_HASH_LEVELS_MAX * QUIRE_PAGE_SIZE];

static struct {
    unsigned char *nodes; /* in the order of numbers */
    uint32_t *times;      /* each was written */
    uint32_t calls;
    uint32_t fail_at;
    enum quire_status status;
} out;

static enum quire_status write_node(void *ctx, unsigned level, uint32_t index, const void *page)
{
    uint32_t number = build.shape.first[level] + index;

    (void)ctx;
    cr_assert_lt(index, quire_hash_shape_width(&build.shape, level));
    out.calls++;
    if (out.calls == out.fail_at) {
        return out.status;
    }
    out.times[number]++;
    memcpy(out.nodes + number * PAGE, page, PAGE);
    return QUIRE_OK;
}

static struct quire_hash_build_config config_of(uint32_t leaves)
{
    struct quire_hash_build_config config;

    memset(&config, 0, sizeof config);
    config.hash.ctx = &hasher;
    config.hash.digest = hashed_digest;
    config.hash.size = SIZE;
    config.num_leaves = leaves;
    config.pages = pages;
    config.write_node = write_node;
    return config;
}

static void begin(uint32_t leaves)
{
    struct quire_hash_build_config config = config_of(leaves);
    uint32_t nodes;

    memset(&hasher, 0, sizeof hasher);
    hasher.hash.size = SIZE;
    memset(pages, 0xee, sizeof pages);
    cr_assert_eq(quire_hash_build_init(&build, &config), QUIRE_OK);
    nodes = quire_hash_shape_nodes(&build.shape);
    memset(&out, 0, sizeof out);
    out.nodes = malloc(nodes * PAGE);
    out.times = calloc(nodes, sizeof *out.times);
    cr_assert(out.nodes != NULL && out.times != NULL);
    memset(out.nodes, 0xdd, nodes * PAGE);
}

static void end(void)
{
    free(out.nodes);
    free(out.times);
}

static void leaf(uint32_t i, unsigned char digest[SIZE])
{
    memset(digest, (int)(i * 37u % 251u + 1u), SIZE);
    memcpy(digest, &i, sizeof i);
}

static enum quire_status add(uint32_t i)
{
    unsigned char digest[SIZE];

    leaf(i, digest);
    return quire_hash_build_add(&build, digest);
}

/* What a node must be, computed from what is below it. */
static void expect_tree(uint32_t leaves)
{
    unsigned char root[SIZE];
    unsigned char node[QUIRE_PAGE_SIZE];
    unsigned char digest[SIZE];
    uint32_t below = leaves;
    unsigned level;
    uint32_t i;
    uint32_t j;

    for (i = 0; i < leaves; i++) {
        cr_assert_eq(add(i), QUIRE_OK, "leaf %u of %u", i, leaves);
    }
    cr_assert_eq(quire_hash_build_end(&build, root), QUIRE_OK);
    for (level = 1; level <= build.shape.depth; level++) {
        for (i = 0; i < quire_hash_shape_width(&build.shape, level); i++) {
            memset(node, 0, sizeof node);
            for (j = 0; j < FAN_OUT && i * FAN_OUT + j < below; j++) {
                uint32_t child = i * FAN_OUT + j;

                if (level == 1u) {
                    leaf(child, node + j * SIZE);
                } else {
                    (void)hashed_digest(&hasher, level - 1u, out.nodes + (build.shape.first[level - 1u] + child) * PAGE,
                                        node + j * SIZE);
                }
            }
            cr_expect_eq(out.times[build.shape.first[level] + i], 1);
            cr_expect_eq(memcmp(node, out.nodes + (build.shape.first[level] + i) * PAGE, PAGE), 0,
                         "%u leaves: node %u of level %u", leaves, i, level);
        }
        below = quire_hash_shape_width(&build.shape, level);
    }
    (void)hashed_digest(&hasher, build.shape.depth, node, digest);
    cr_expect_eq(memcmp(root, digest, SIZE), 0, "%u leaves: the root", leaves);
}

Test(hash_build, build_makes_the_tree)
{
    static const uint32_t leaves[] = {
        1, 2, FAN_OUT - 1u, FAN_OUT, FAN_OUT + 1u, 2u * FAN_OUT, FAN_OUT * FAN_OUT, FAN_OUT * FAN_OUT + 1u};
    size_t i;

    for (i = 0; i < sizeof leaves / sizeof leaves[0]; i++) {
        begin(leaves[i]);
        expect_tree(leaves[i]);
        end();
    }
}

Test(hash_build, build_tells_missing_pages_and_those_too_many)
{
    unsigned char root[SIZE];
    uint32_t i;

    begin(3);
    cr_expect_eq(quire_hash_build_end(&build, root), QUIRE_INVALID);
    for (i = 0; i < 3u; i++) {
        cr_expect_eq(add(i), QUIRE_OK);
        cr_expect_eq(quire_hash_build_end(&build, root), i == 2u ? QUIRE_OK : QUIRE_INVALID);
    }
    cr_expect_eq(add(3), QUIRE_INVALID);
    cr_expect_eq(quire_hash_build_end(&build, root), QUIRE_OK);
    cr_expect_eq(quire_hash_build_end(&build, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_hash_build_end(NULL, root), QUIRE_INVALID);
    cr_expect_eq(quire_hash_build_add(&build, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_hash_build_add(NULL, root), QUIRE_INVALID);
    end();
}

Test(hash_build, build_says_what_failed_first_whatever_it_was)
{
    static const int answers[] = {QUIRE_IO, QUIRE_NO_MEMORY, QUIRE_INTEGRITY, QUIRE_PENDING, 1, INT_MIN};
    unsigned char root[SIZE];
    uint32_t leaves = 2u * FAN_OUT + 3u;
    size_t a;
    uint32_t n;
    uint32_t i;
    unsigned hook;

    for (a = 0; a < sizeof answers / sizeof answers[0]; a++) {
        enum quire_status says = (enum quire_status)answers[a];
        enum quire_status expected = a < 3u ? says : QUIRE_BAD_ANSWER;

        for (hook = 0; hook < 2u; hook++) {
            for (n = 1; n <= 4u; n++) { /* three nodes, and the one on top */
                enum quire_status status = QUIRE_OK;

                begin(leaves);
                (hook == 0 ? (void)(out.fail_at = n) : (void)(hasher.fail_at = n));
                out.status = says;
                hasher.status = says;
                for (i = 0; i < leaves; i++) {
                    enum quire_status now = add(i);

                    cr_expect(status == QUIRE_OK || now == status);
                    status = now;
                }
                cr_expect_eq(status, expected);
                cr_expect_eq(quire_hash_build_end(&build, root), expected);
                cr_expect_eq(hook == 0 ? out.calls : hasher.calls, n, "it went on");
                end();
            }
        }
    }
}

Test(hash_build, build_refuses_what_cannot_be)
{
    struct quire_hash_build_config config = config_of(1);

    cr_expect_eq(quire_hash_build_init(NULL, &config), QUIRE_INVALID);
    cr_expect_eq(quire_hash_build_init(&build, NULL), QUIRE_INVALID);
    config.pages = NULL;
    cr_expect_eq(quire_hash_build_init(&build, &config), QUIRE_INVALID);
    config = config_of(1);
    config.write_node = NULL;
    cr_expect_eq(quire_hash_build_init(&build, &config), QUIRE_INVALID);
    config = config_of(0);
    cr_expect_eq(quire_hash_build_init(&build, &config), QUIRE_INVALID);
    config = config_of(1);
    config.hash.size = 8;
    cr_expect_eq(quire_hash_build_init(&build, &config), QUIRE_INVALID);
}
