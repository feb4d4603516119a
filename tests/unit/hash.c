/* hash.h: comparing a page with its hash, and the shape of a tree. */
#include <stdint.h> /* first: Criterion's own headers lack it */
#include <limits.h>

#include <criterion/criterion.h>
#include <string.h>

#include "hashed.h"

#define PAGE QUIRE_PAGE_SIZE

static struct hashed file;

static void set_up(void)
{
    hashed_start(&file, PAGE, 0, 1);
}

static void tear_down(void)
{
    hashed_stop(&file);
}

TestSuite(hash, .init = set_up, .fini = tear_down);

Test(hash, hash_has_32_bytes_unless_told)
{
    struct quire_hash hash = file.hash;
    uint32_t size;

    cr_expect_eq(quire_hash_size(&hash), 32);
    cr_expect_eq(quire_hash_per_page(&hash), PAGE / 32u);
    for (size = 0; size <= 130u; size++) {
        bool possible = size == 0 || (size >= 16u && size <= 64u && size % 8u == 0);

        hash.size = size;
        cr_expect_eq(quire_hash_valid(&hash), possible, "%u", size);
    }
    hash.size = 24;
    cr_expect_eq(quire_hash_per_page(&hash), PAGE / 24u);
    hash.digest = NULL;
    cr_expect_not(quire_hash_valid(&hash));
}

Test(hash, hash_check_finds_the_page_good_and_each_changed_bit_bad)
{
    static const uint32_t sizes[] = {16, 24, 32, 48, 64};
    unsigned char expected[65];
    size_t s;
    size_t bit;

    for (s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        file.hash.size = sizes[s];
        cr_assert_eq(hashed_digest(&file, 0, file.bytes, expected + 1), QUIRE_OK); /* at an odd address */
        cr_expect_eq(quire_hash_check(&file.hash, 0, file.bytes, expected + 1), QUIRE_OK);
        cr_expect_eq(quire_hash_check(&file.hash, 1, file.bytes, expected + 1), QUIRE_INTEGRITY, "the level is not hashed");
        for (bit = 0; bit < 8u * sizes[s]; bit++) {
            expected[1u + bit / 8u] ^= (unsigned char)(1u << bit % 8u);
            cr_expect_eq(quire_hash_check(&file.hash, 0, file.bytes, expected + 1), QUIRE_INTEGRITY, "bit %zu", bit);
            expected[1u + bit / 8u] ^= (unsigned char)(1u << bit % 8u);
        }
    }
}

static enum quire_status digest_says;

static enum quire_status digest_nothing(void *ctx, unsigned level, const void *page, void *out)
{
    (void)ctx;
    (void)level;
    (void)page;
    (void)out;
    return digest_says;
}

Test(hash, hash_that_is_not_written_is_nobodys)
{
    struct quire_hash hash = {.digest = digest_nothing};
    unsigned char expected[32];
    int byte;

    digest_says = QUIRE_OK;
    for (byte = 0; byte < 256; byte++) {
        memset(expected, byte, sizeof expected);
        cr_expect_eq(quire_hash_check(&hash, 0, file.bytes, expected), QUIRE_INTEGRITY);
    }
}

Test(hash, hash_check_passes_on_why_the_hook_failed_and_calls_all_else_bad)
{
    static const int lies[] = {1, 4096, QUIRE_PENDING, QUIRE_NEED, QUIRE_AGAIN, QUIRE_INVALID, INT_MAX, INT_MIN};
    struct quire_hash hash = {.digest = digest_nothing};
    unsigned char expected[32] = {0};
    size_t i;

    digest_says = QUIRE_IO;
    cr_expect_eq(quire_hash_check(&hash, 0, file.bytes, expected), QUIRE_IO);
    digest_says = QUIRE_NO_MEMORY;
    cr_expect_eq(quire_hash_check(&hash, 0, file.bytes, expected), QUIRE_NO_MEMORY);
    for (i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        digest_says = (enum quire_status)lies[i];
        cr_expect_eq(quire_hash_check(&hash, 0, file.bytes, expected), QUIRE_BAD_ANSWER);
    }
}

/* ---- Shapes ---- */

/* Level by level, as the picture in hash.h has it. */
static void expect_shape(uint32_t leaves, uint32_t size)
{
    struct quire_hash hash = {.digest = digest_nothing, .size = size};
    struct quire_hash_shape shape;
    uint64_t fan_out = PAGE / size;
    uint64_t below = leaves;
    uint64_t nodes = 0;
    unsigned level = 1;

    cr_assert_eq(quire_hash_shape_init(&shape, &hash, leaves), QUIRE_OK);
    cr_expect_eq(shape.num_leaves, leaves);
    cr_expect_eq(shape.fan_out, fan_out);
    for (;; level++) {
        uint64_t width = (below + fan_out - 1u) / fan_out;

        cr_assert_leq(level, shape.depth);
        cr_expect_eq(shape.first[level], nodes);
        cr_expect_eq(quire_hash_shape_width(&shape, level), width);
        nodes += width;
        below = width;
        if (width == 1u) {
            break;
        }
    }
    cr_expect_eq(shape.depth, level);
    cr_expect_eq(quire_hash_shape_nodes(&shape), nodes);
}

Test(hash, hash_shape_has_a_level_of_one_node_on_top)
{
    static const uint32_t sizes[] = {16, 24, 32, 64};
    size_t s;

    for (s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        uint32_t f = (uint32_t)(PAGE / sizes[s]);
        uint32_t leaves[] = {1, 2, f - 1u, f, f + 1u, f * f - 1u, f * f, f * f + 1u, f * f * f + 7u, QUIRE_FOBJ_PAGES_MAX};
        size_t i;

        for (i = 0; i < sizeof leaves / sizeof leaves[0]; i++) {
            expect_shape(leaves[i], sizes[s]);
        }
    }
}

Test(hash, hash_shape_refuses_what_cannot_be)
{
    struct quire_hash hash = {.digest = digest_nothing};
    struct quire_hash_shape shape;

    cr_expect_eq(quire_hash_shape_init(NULL, &hash, 1), QUIRE_INVALID);
    cr_expect_eq(quire_hash_shape_init(&shape, NULL, 1), QUIRE_INVALID);
    cr_expect_eq(quire_hash_shape_init(&shape, &hash, 0), QUIRE_INVALID);
    cr_expect_eq(quire_hash_shape_init(&shape, &hash, UINT32_MAX), QUIRE_INVALID);
    hash.size = 33;
    cr_expect_eq(quire_hash_shape_init(&shape, &hash, 1), QUIRE_INVALID);
    hash.size = 0;
    hash.digest = NULL;
    cr_expect_eq(quire_hash_shape_init(&shape, &hash, 1), QUIRE_INVALID);
}
