/* region_book.h: slabs of nodes, shared by allocators under one limit. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "quire/region.h"
#include "quire/region_check.h"

#define EXPECT(call, status) cr_assert_eq((call), (status), "%s, line %d", #call, __LINE__)

static struct quire_region_book book;
static uint64_t slab[512];
static uint64_t table[3][QUIRE_REGION_TABLE_BYTES(1, 6, 16) / 8u];
static struct quire_region_allocator allocator[3];

static void book_is_sound(void)
{
    const char *what;

    EXPECT(quire_region_book_check(&book, &what), QUIRE_OK);
}

static struct quire_region_allocator *start(unsigned i)
{
    struct quire_region_config config;

    memset(&config, 0, sizeof config);
    config.book = &book;
    config.table = table[i];
    config.table_bytes = sizeof table[i];
    config.exact_log = 6;
    config.span_log = 16;
    EXPECT(quire_region_init(&allocator[i], &config), QUIRE_OK);
    return &allocator[i];
}

/* ---- A book ---- */

Test(region_book, book_says_how_large_a_node_is)
{
    unsigned classes;

    for (classes = 1; classes <= QUIRE_REGION_CLASSES_MAX; classes++) {
        EXPECT(quire_region_book_init(&book, classes, false, 0), QUIRE_OK);
        cr_expect_eq(book.node_bytes, 32u + 8u * (classes - 1u));
        cr_expect_eq(book.node_bytes, QUIRE_REGION_NODE_BYTES(classes, false));
        EXPECT(quire_region_book_init(&book, classes, true, 0), QUIRE_OK);
        cr_expect_eq(book.node_bytes, QUIRE_REGION_NODE_BYTES(classes, true));
        cr_expect_leq(book.node_bytes, 64u + 8u * (classes - 1u));
        cr_expect_eq(quire_region_book_left(&book), 0);
        cr_expect_eq(quire_region_book_used(&book), 0);
        book_is_sound();
    }
}

Test(region_book, book_refuses_wrong_classes)
{
    EXPECT(quire_region_book_init(NULL, 1, false, 0), QUIRE_INVALID);
    EXPECT(quire_region_book_init(&book, 0, false, 0), QUIRE_INVALID);
    EXPECT(quire_region_book_init(&book, QUIRE_REGION_CLASSES_MAX + 1u, false, 0), QUIRE_INVALID);
}

/* ---- Slabs ---- */

Test(region_book, slab_gives_as_many_nodes_as_fit_wherever_it_begins)
{
    unsigned char *bytes = (unsigned char *)slab;
    size_t skip;

    for (skip = 0; skip < 9u; skip++) {
        EXPECT(quire_region_book_init(&book, 1, false, 0), QUIRE_OK);
        EXPECT(quire_region_book_add_slab(&book, bytes + skip, 3u * 32u + 8u), QUIRE_OK);
        cr_expect_eq(quire_region_book_left(&book), 3, "at %zu", skip);
        EXPECT(quire_region_book_init(&book, 1, false, 0), QUIRE_OK);
        EXPECT(quire_region_book_add_slab(&book, bytes + skip, 3u * 32u), QUIRE_OK);
        cr_expect_eq(quire_region_book_left(&book), skip % 8u == 0 ? 3u : 2u, "at %zu", skip);
        book_is_sound();
    }
}

Test(region_book, slab_of_no_node_is_refused)
{
    unsigned char *bytes = (unsigned char *)slab;
    struct quire_region_book empty;

    memset(&empty, 0, sizeof empty);
    EXPECT(quire_region_book_init(&book, 2, true, 0), QUIRE_OK);
    EXPECT(quire_region_book_add_slab(NULL, slab, sizeof slab), QUIRE_INVALID);
    EXPECT(quire_region_book_add_slab(&book, NULL, sizeof slab), QUIRE_INVALID);
    EXPECT(quire_region_book_add_slab(&empty, slab, sizeof slab), QUIRE_INVALID);
    EXPECT(quire_region_book_add_slab(&book, slab, 0), QUIRE_INVALID);
    EXPECT(quire_region_book_add_slab(&book, slab, book.node_bytes - 1u), QUIRE_INVALID);
    EXPECT(quire_region_book_add_slab(&book, bytes + 1, book.node_bytes), QUIRE_INVALID);
    EXPECT(quire_region_book_add_slab(&book, bytes + 1, 3), QUIRE_INVALID);
    cr_expect_eq(book.nodes, 0);
    EXPECT(quire_region_book_add_slab(&book, slab, book.node_bytes), QUIRE_OK);
    cr_expect_eq(quire_region_book_left(&book), 1);
}

/* These are refused before anybody looks at them: nothing is there. */
Test(region_book, slab_that_wraps_or_lies_out_of_reach_is_refused)
{
    EXPECT(quire_region_book_init(&book, 1, false, 0), QUIRE_OK);
    EXPECT(quire_region_book_add_slab(&book, (void *)(UINTPTR_MAX - 63u), 4096), QUIRE_INVALID);
    EXPECT(quire_region_book_add_slab(&book, slab, SIZE_MAX), QUIRE_INVALID);
    EXPECT(quire_region_book_add_slab(&book, slab, sizeof slab), QUIRE_OK);
#if UINTPTR_MAX > UINT32_MAX
    EXPECT(quire_region_book_add_slab(&book, (void *)((uintptr_t)slab + ((uintptr_t)1 << 33)), 4096), QUIRE_INVALID);
    EXPECT(quire_region_book_add_slab(&book, (void *)((uintptr_t)slab - ((uintptr_t)1 << 33)), 4096), QUIRE_INVALID);
    EXPECT(quire_region_book_add_slab(&book, (void *)((uintptr_t)slab - 4096u), (size_t)1 << 34), QUIRE_INVALID);
#endif
    cr_expect_eq(quire_region_book_left(&book), sizeof slab / 32u);
    book_is_sound();
}

Test(region_book, slab_beyond_2_32_nodes_is_refused)
{
    EXPECT(quire_region_book_init(&book, 1, false, 0), QUIRE_OK);
    EXPECT(quire_region_book_add_slab(&book, slab, 2048), QUIRE_OK);
    book.nodes = UINT32_MAX - 64u; /* as if there were more slabs */
    EXPECT(quire_region_book_add_slab(&book, &slab[256], 2048), QUIRE_LIMIT);
    cr_expect_eq(book.nodes, UINT32_MAX - 64u);
    EXPECT(quire_region_book_add_slab(&book, &slab[256], 63u * 32u), QUIRE_OK);
    cr_expect_eq(book.nodes, UINT32_MAX - 1u);
}

Test(region_book, slab_is_not_written_beyond_its_nodes)
{
    unsigned char *bytes = (unsigned char *)slab;
    struct quire_region_allocator *a;
    struct quire_region region[3];
    unsigned i;

    memset(slab, 0xa5, sizeof slab);
    EXPECT(quire_region_book_init(&book, 1, false, 0), QUIRE_OK);
    EXPECT(quire_region_book_add_slab(&book, bytes + 57, 4u * 32u + 7u + 31u), QUIRE_OK);
    a = start(0);
    EXPECT(quire_region_add(a, 0, 0xffff, 0), QUIRE_OK);
    for (i = 0; i < 3u; i++) {
        EXPECT(quire_region_get(a, 100, 1, &region[i]), QUIRE_OK);
    }
    EXPECT(quire_region_get(a, 100, 1, &region[0]), QUIRE_NO_MEMORY);
    for (i = 0; i < sizeof slab; i++) {
        cr_expect(bytes[i] == 0xa5 || (i >= 64u && i < 64u + 4u * 32u), "byte %u", i);
    }
}

Test(region_book, slabs_may_lie_on_either_side_of_the_first)
{
    struct quire_region_allocator *a;
    struct quire_region region;
    unsigned i;

    EXPECT(quire_region_book_init(&book, 1, false, 0), QUIRE_OK);
    EXPECT(quire_region_book_add_slab(&book, &slab[256], 64), QUIRE_OK);
#if UINTPTR_MAX > UINT32_MAX
    EXPECT(quire_region_book_add_slab(&book, &slab[0], 64), QUIRE_OK);
#else
    EXPECT(quire_region_book_add_slab(&book, &slab[320], 64), QUIRE_OK);
#endif
    EXPECT(quire_region_book_add_slab(&book, &slab[400], 64), QUIRE_OK);
    cr_expect_eq(quire_region_book_left(&book), 6);
    a = start(0);
    EXPECT(quire_region_add(a, 0, 0xffff, 0), QUIRE_OK);
    for (i = 0; i < 5u; i++) {
        EXPECT(quire_region_get(a, 0x100, 1, &region), QUIRE_OK);
    }
    EXPECT(quire_region_get(a, 0x100, 1, &region), QUIRE_NO_MEMORY);
    cr_expect_eq(quire_region_book_used(&book), 6);
    EXPECT(quire_region_check(a, NULL), QUIRE_OK);
    book_is_sound();
}

/* ---- Limit and life ---- */

Test(region_book, limit_holds_for_all_allocators_together)
{
    struct quire_region_allocator *a;
    struct quire_region_allocator *b;
    struct quire_region region;

    EXPECT(quire_region_book_init(&book, 1, false, 4), QUIRE_OK);
    EXPECT(quire_region_book_add_slab(&book, slab, 96), QUIRE_OK);
    cr_expect_eq(quire_region_book_left(&book), 3, "there are no more yet");
    a = start(0);
    b = start(1);
    EXPECT(quire_region_add(a, 0, 0xfff, 0), QUIRE_OK);
    EXPECT(quire_region_add(b, 0, 0xfff, 0), QUIRE_OK);
    EXPECT(quire_region_book_add_slab(&book, &slab[256], 640), QUIRE_OK);
    cr_expect_eq(quire_region_book_left(&book), 2, "the limit is 4");
    cr_expect_eq(quire_region_book_used(&book), 2);
    EXPECT(quire_region_get(a, 0x10, 1, &region), QUIRE_OK);
    EXPECT(quire_region_get(b, 0x10, 1, &region), QUIRE_OK);
    EXPECT(quire_region_get(a, 0x10, 1, &region), QUIRE_NO_MEMORY);
    EXPECT(quire_region_get(b, 0x10, 1, &region), QUIRE_NO_MEMORY);
    EXPECT(quire_region_add(a, 0x2000, 0x2fff, 0), QUIRE_NO_MEMORY);
    book_is_sound();
    quire_region_clear(b);
    cr_expect_eq(quire_region_book_left(&book), 2);
    EXPECT(quire_region_get(a, 0x10, 1, &region), QUIRE_OK);
    EXPECT(quire_region_check(a, NULL), QUIRE_OK);
}

Test(region_book, book_ends_when_nobody_has_it)
{
    struct quire_region_allocator *a;
    struct quire_region_allocator *b;
    struct quire_region old;
    struct quire_region region;
    uint64_t number;

    EXPECT(quire_region_book_fini(NULL), QUIRE_INVALID);
    EXPECT(quire_region_book_init(&book, 1, false, 0), QUIRE_OK);
    EXPECT(quire_region_book_add_slab(&book, slab, sizeof slab), QUIRE_OK);
    a = start(0);
    b = start(1);
    EXPECT(quire_region_add(a, 0, 0xfff, 0), QUIRE_OK);
    EXPECT(quire_region_get(a, 0x10, 1, &old), QUIRE_OK);
    EXPECT(quire_region_book_fini(&book), QUIRE_BUSY);
    cr_expect_eq(quire_region_book_used(&book), 2);
    quire_region_clear(a);
    EXPECT(quire_region_fini(a), QUIRE_OK);
    EXPECT(quire_region_book_fini(&book), QUIRE_BUSY);
    EXPECT(quire_region_fini(b), QUIRE_OK);
    number = book.number;
    EXPECT(quire_region_book_fini(&book), QUIRE_OK);
    cr_expect_eq(quire_region_book_left(&book), 0);
    memset(slab, 0xff, sizeof slab); /* the caller's again */
    book_is_sound();
    /* Another life: other slabs, and no number twice. */
    EXPECT(quire_region_book_add_slab(&book, slab, sizeof slab), QUIRE_OK);
    a = start(0);
    EXPECT(quire_region_add(a, 0, 0xfff, 0), QUIRE_OK);
    EXPECT(quire_region_get(a, 0x10, 1, &region), QUIRE_OK);
    cr_expect_eq(region.key, number);
    cr_expect_not(quire_region_is_live(a, &old));
    cr_expect(quire_region_is_live(a, &region));
}
