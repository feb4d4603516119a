/* pool.h: pieces of a window, traits, receipts, limits, the book and the lock. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "quire/pool.h"

#define PAGES 4u
#define SIZE (PAGES * QUIRE_PAGE_SIZE)
#define PA ((uint64_t)5 << 33) /* beyond what 32 bits hold */
#define PIECES 32u
#define ALL (QUIRE_POOL_TRAIT_ZERO_ALLOC | QUIRE_POOL_TRAIT_ZERO_FREE | QUIRE_POOL_TRAIT_INDEXED)

/* The window is the inner pages: nobody may touch the outer two. */
static _Alignas(4096) unsigned char memory[SIZE + 2u * QUIRE_PAGE_SIZE];
static uint64_t book[QUIRE_POOL_BOOK_BYTES(SIZE, 8, ALL, PIECES) / 8u];
static unsigned char *const window = memory + QUIRE_PAGE_SIZE;

static struct quire_pool pool;

static struct quire_pool_config config_of(uint64_t pa, void *at, size_t size)
{
    struct quire_pool_config config;

    memset(&config, 0, sizeof config);
    config.book = book;
    config.book_bytes = sizeof book;
    cr_assert_eq(quire_view_make((uintptr_t)at, quire_pa_make(pa), size, &config.window), QUIRE_OK);
    return config;
}

static struct quire_pool_traits traits_of(size_t align, unsigned flags)
{
    struct quire_pool_traits traits;

    memset(&traits, 0, sizeof traits);
    traits.align = align;
    traits.flags = flags;
    return traits;
}

static void begin(size_t align, unsigned flags)
{
    struct quire_pool_config config = config_of(PA, window, SIZE);
    struct quire_pool_traits traits = traits_of(align, flags);

    memset(memory, 0x5a, sizeof memory);
    cr_assert_eq(quire_pool_init(&pool, &traits, &config), QUIRE_OK);
}

static struct quire_pool_handle get(size_t size)
{
    struct quire_pool_handle handle;

    cr_assert_eq(quire_pool_alloc(&pool, size, &handle), QUIRE_OK, "%zu bytes", size);
    return handle;
}

static struct quire_view view_of(const struct quire_pool_handle *handle)
{
    struct quire_view view;

    cr_assert_eq(quire_pool_view(&pool, handle, &view), QUIRE_OK);
    return view;
}

/* How many of the bytes of [from, from + len) are `byte`? */
static size_t count_bytes(const unsigned char *from, size_t len, unsigned char byte)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < len; i++) {
        n += from[i] == byte;
    }
    return n;
}

static void expect_outside_untouched(void)
{
    cr_expect_eq(count_bytes(memory, QUIRE_PAGE_SIZE, 0x5a), QUIRE_PAGE_SIZE, "bytes before the window changed");
    cr_expect_eq(count_bytes(window + SIZE, QUIRE_PAGE_SIZE, 0x5a), QUIRE_PAGE_SIZE, "bytes behind the window changed");
}

static struct quire_pool_stats stats(void)
{
    struct quire_pool_stats now;

    quire_pool_get_stats(&pool, &now);
    return now;
}

/* ---- Pieces ---- */

Test(pool, pool_pieces_are_aligned_and_never_overlap)
{
    struct quire_view views[PIECES];
    unsigned i;
    unsigned k;

    begin(16, 0);
    for (i = 0; i < PIECES; i++) {
        struct quire_pool_handle handle = get(1u + 7u * i);

        views[i] = view_of(&handle);
        cr_expect_eq(views[i].va % 16u, 0);
        cr_expect_eq(views[i].pa.addr % 16u, 0);
        cr_expect_eq(views[i].pa.addr - PA, views[i].va - (uintptr_t)window, "one address is not the other's");
        cr_expect(views[i].va >= (uintptr_t)window && views[i].va + views[i].size <= (uintptr_t)(window + SIZE));
        for (k = 0; k < i; k++) {
            cr_expect(views[k].va + views[k].size <= views[i].va || views[i].va + views[i].size <= views[k].va);
        }
    }
}

Test(pool, pool_view_shows_the_bytes_asked_for_and_no_more)
{
    struct quire_pool_handle handle;
    struct quire_view view;

    begin(64, 0);
    handle = get(5);
    view = view_of(&handle);
    cr_expect_eq(view.size, 5);
    cr_expect_eq(handle.size, 5);
    cr_expect_eq(quire_view_store8(&view, 4, 1), QUIRE_OK);
    cr_expect_eq(quire_view_store8(&view, 5, 1), QUIRE_INVALID);
}

Test(pool, pool_serves_all_of_its_window)
{
    struct quire_pool_handle handle;
    struct quire_pool_handle none;

    begin(8, 0);
    handle = get(SIZE);
    cr_expect_eq(view_of(&handle).va, (uintptr_t)window);
    cr_expect_eq(quire_pool_alloc(&pool, 1, &none), QUIRE_NO_SPACE);
    cr_expect_eq(quire_pool_free(&pool, &handle), QUIRE_OK);
    cr_expect_eq(quire_pool_alloc(&pool, SIZE + 1u, &none), QUIRE_NO_SPACE);
    cr_expect_eq(quire_pool_alloc(&pool, SIZE_MAX, &none), QUIRE_NO_SPACE);
    cr_expect_eq(quire_pool_alloc(&pool, SIZE_MAX - 7u, &none), QUIRE_NO_SPACE);
    cr_expect_eq(none.region.key, 0);
    cr_expect_eq(stats().refused, 4);
    handle = get(SIZE - 3u); /* the last unit is not whole */
    cr_expect_eq(stats().used, SIZE);
}

Test(pool, pool_may_end_with_the_last_byte_of_physical_memory)
{
    struct quire_pool_config config = config_of(UINT64_MAX - SIZE + 1u, window, SIZE);
    struct quire_pool_traits traits = traits_of(8, QUIRE_POOL_TRAIT_ZERO_FREE);
    struct quire_pool_handle handle;
    struct quire_view view;

    cr_assert_eq(quire_pool_init(&pool, &traits, &config), QUIRE_OK);
    handle = get(SIZE);
    view = view_of(&handle);
    cr_expect_eq(view.pa.addr + (view.size - 1u), UINT64_MAX);
    cr_expect_eq(quire_pool_find(&pool, quire_pa_make(UINT64_MAX), 1, &view), QUIRE_OK);
    cr_expect_eq(quire_pool_find(&pool, quire_pa_make(UINT64_MAX), 2, &view), QUIRE_NOT_FOUND);
    cr_expect_eq(quire_pool_free(&pool, &handle), QUIRE_OK);
    cr_expect_eq(quire_pool_fini(&pool, NULL, NULL), QUIRE_OK);
}

Test(pool, pool_may_begin_at_physical_address_zero_and_be_one_unit)
{
    struct quire_pool_config config = config_of(0, window, 8);
    struct quire_pool_traits traits = traits_of(8, 0);
    struct quire_pool_handle handle;

    cr_assert_eq(quire_pool_init(&pool, &traits, &config), QUIRE_OK);
    handle = get(8);
    cr_expect_eq(view_of(&handle).pa.addr, 0);
    cr_expect_eq(quire_pool_free(&pool, &handle), QUIRE_OK);
}

/* ---- Traits ---- */

Test(pool, pool_zeroes_pieces_on_allocation_and_nothing_beside_them)
{
    struct quire_pool_handle handle;
    size_t at;

    begin(8, QUIRE_POOL_TRAIT_ZERO_ALLOC);
    (void)get(24);
    handle = get(100); /* 104 in whole units */
    at = view_of(&handle).va - (uintptr_t)window;
    cr_expect_eq(count_bytes(window + at, 104, 0), 104);
    cr_expect_eq(count_bytes(window, SIZE, 0), 24u + 104u, "more than two pieces was zeroed");
    memset(window + at, 0x77, 104);
    cr_expect_eq(quire_pool_free(&pool, &handle), QUIRE_OK);
    cr_expect_eq(count_bytes(window + at, 104, 0x77), 104, "a return wipes without being asked to");
    expect_outside_untouched();
}

Test(pool, pool_wipes_pieces_on_return_and_nothing_beside_them)
{
    struct quire_pool_handle before;
    struct quire_pool_handle handle;
    struct quire_pool_handle behind;
    size_t at;

    begin(8, QUIRE_POOL_TRAIT_ZERO_FREE);
    before = get(16);
    handle = get(33);
    behind = get(16);
    at = view_of(&handle).va - (uintptr_t)window;
    cr_expect_eq(count_bytes(window, SIZE, 0x5a), SIZE, "an allocation writes without being asked to");
    cr_expect_eq(quire_pool_free(&pool, &handle), QUIRE_OK);
    cr_expect_eq(count_bytes(window + at, 40, 0), 40);
    cr_expect_eq(count_bytes(window, SIZE, 0x5a), SIZE - 40u);
    cr_expect_eq(quire_pool_free(&pool, &before), QUIRE_OK);
    cr_expect_eq(quire_pool_free(&pool, &behind), QUIRE_OK);
    expect_outside_untouched();
}

Test(pool, pool_without_traits_touches_no_byte_of_the_window)
{
    struct quire_pool_handle handle;

    begin(8, 0);
    handle = get(100);
    cr_expect_eq(quire_pool_free(&pool, &handle), QUIRE_OK);
    cr_expect_eq(quire_pool_fini(&pool, NULL, NULL), QUIRE_OK);
    cr_expect_eq(count_bytes(memory, sizeof memory, 0x5a), sizeof memory);
}

Test(pool, pool_limit_counts_whole_units_and_count_counts_pieces)
{
    struct quire_pool_config config = config_of(PA, window, SIZE);
    struct quire_pool_traits traits = traits_of(16, 0);
    struct quire_pool_handle first;
    struct quire_pool_handle handle;

    traits.limit = 64;
    traits.count = 3;
    cr_assert_eq(quire_pool_init(&pool, &traits, &config), QUIRE_OK);
    cr_expect_eq(quire_pool_alloc(&pool, 65, &handle), QUIRE_LIMIT);
    first = get(33); /* 48 */
    cr_expect_eq(quire_pool_alloc(&pool, 17, &handle), QUIRE_LIMIT);
    (void)get(16);
    cr_expect_eq(quire_pool_alloc(&pool, 1, &handle), QUIRE_LIMIT);
    cr_expect_eq(quire_pool_free(&pool, &first), QUIRE_OK);
    (void)get(1);
    (void)get(1);
    cr_expect_eq(stats().used, 48);
    cr_expect_eq(quire_pool_alloc(&pool, 1, &handle), QUIRE_LIMIT, "a fourth piece of three");
    cr_expect_eq(stats().peak, 64);
    cr_expect_eq(stats().refused, 4);
}

/* ---- Receipts ---- */

Test(pool, pool_refuses_a_second_return_by_the_handle_and_by_a_copy)
{
    struct quire_pool_handle handle;
    struct quire_pool_handle copy;
    struct quire_pool_handle other;
    struct quire_view view;

    begin(8, QUIRE_POOL_TRAIT_ZERO_FREE);
    handle = get(64);
    copy = handle;
    cr_expect_eq(quire_pool_free(&pool, &handle), QUIRE_OK);
    cr_expect_eq(quire_pool_free(&pool, &handle), QUIRE_DEAD);
    other = get(64); /* the same bytes again */
    cr_expect_eq(other.region.base, copy.region.base);
    memset(window, 0x33, SIZE);
    cr_expect_eq(quire_pool_free(&pool, &copy), QUIRE_DEAD);
    cr_expect_eq(quire_pool_view(&pool, &copy, &view), QUIRE_DEAD);
    cr_expect_eq(count_bytes(window, SIZE, 0x33), SIZE, "a refused return wiped");
    cr_expect_eq(stats().used, 64);
    cr_expect_eq(quire_pool_free(&pool, &other), QUIRE_OK);
}

Test(pool, pool_refuses_empty_and_foreign_handles)
{
    static uint64_t other_book[QUIRE_POOL_BOOK_BYTES(SIZE, 8, 0, PIECES) / 8u];
    static struct quire_pool other;
    struct quire_pool_config config = config_of(PA, window, SIZE);
    struct quire_pool_traits traits = traits_of(8, 0);
    struct quire_pool_handle empty;
    struct quire_pool_handle foreign;
    struct quire_view view;

    memset(&empty, 0, sizeof empty);
    config.book = other_book;
    config.book_bytes = sizeof other_book;
    cr_assert_eq(quire_pool_init(&other, &traits, &config), QUIRE_OK);
    cr_assert_eq(quire_pool_alloc(&other, 8, &foreign), QUIRE_OK);
    begin(8, 0);
    cr_expect_eq(quire_pool_free(&pool, &foreign), QUIRE_INVALID, "before the first piece");
    (void)get(8);
    cr_expect_eq(quire_pool_free(&pool, &empty), QUIRE_INVALID);
    cr_expect_eq(quire_pool_view(&pool, &empty, &view), QUIRE_INVALID);
    cr_expect_eq(quire_pool_free(&pool, &foreign), QUIRE_INVALID);
    cr_expect_eq(quire_pool_view(&pool, &foreign, &view), QUIRE_INVALID);
    cr_expect_eq(stats().live, 1);
    cr_expect_eq(quire_pool_free(&other, &foreign), QUIRE_OK);
}

Test(pool, pool_refuses_ten_thousand_stale_handles)
{
    static struct quire_pool_handle stale[10000];
    struct quire_pool_handle held;
    size_t i;

    begin(8, ALL);
    held = get(40);
    for (i = 0; i < 10000u; i++) {
        stale[i] = get(8u + i % 100u);
        cr_assert_eq(quire_pool_free(&pool, &stale[i]), QUIRE_OK);
    }
    for (i = 0; i < 10000u; i++) {
        cr_assert_eq(quire_pool_free(&pool, &stale[i]), QUIRE_DEAD, "number %zu", i);
    }
    cr_expect_eq(stats().live, 1);
    cr_expect_eq(quire_pool_free(&pool, &held), QUIRE_OK);
    cr_expect_eq(stats().largest, SIZE);
}

/* ---- The book ---- */

Test(pool, pool_table_is_that_of_a_region_allocator_of_the_same_span)
{
    unsigned log;

    for (log = 0; log < 64u; log++) {
        uint64_t units = (uint64_t)1 << log;
        size_t least = QUIRE_REGION_TABLE_BYTES(1u, QUIRE_REGION_EXACT_LOG_MIN, log != 0 ? log : 1u);
        size_t next = QUIRE_REGION_TABLE_BYTES(1u, QUIRE_REGION_EXACT_LOG_MIN, log + 1u);
        size_t bytes = QUIRE_POOL_TABLE_BYTES(units);
        size_t more = QUIRE_POOL_TABLE_BYTES(units + 1u);

        cr_expect_eq(bytes, least, "2^%u units: %zu bytes of %zu", log, bytes, least);
        cr_expect_eq(more, next, "2^%u + 1 units: %zu bytes of %zu", log, more, next);
    }
}

Test(pool, pool_of_four_pages_needs_less_than_four_kilobytes_of_book)
{
    size_t plain = QUIRE_POOL_BOOK_BYTES(4u * 4096u, 8, 0, 32);
    size_t indexed = QUIRE_POOL_BOOK_BYTES(4u * 4096u, 8, QUIRE_POOL_TRAIT_INDEXED, 32);

    cr_expect_leq(plain, 4096);
    cr_expect_eq(indexed, plain + 65u * 24u);
}

/* Every other piece is returned: as many holes as there can be. */
Test(pool, pool_book_holds_as_many_pieces_as_it_was_made_for)
{
    struct quire_pool_handle handles[PIECES];
    unsigned round;
    unsigned i;

    begin(8, ALL);
    for (i = 0; i < PIECES; i++) {
        handles[i] = get(8);
    }
    for (round = 0; round < 8u; round++) {
        for (i = round & 1u; i < PIECES; i += 2u) {
            cr_expect_eq(quire_pool_free(&pool, &handles[i]), QUIRE_OK);
        }
        for (i = round & 1u; i < PIECES; i += 2u) {
            handles[i] = get(8u * (1u + (i + round) % 5u));
        }
    }
    cr_expect_eq(stats().live, PIECES);
}

/* A book that runs out at each point: the request changes nothing, returns still work, and more book helps. */
Test(pool, pool_changes_nothing_when_its_book_runs_out)
{
    static uint64_t more[16];
    struct quire_pool_config config = config_of(PA, window, SIZE);
    struct quire_pool_traits traits = traits_of(8, QUIRE_POOL_TRAIT_ZERO_ALLOC);
    struct quire_pool_handle handles[16];
    struct quire_pool_handle none;
    struct quire_pool_stats before;
    struct quire_pool_stats after;
    unsigned nodes;
    unsigned n;

    for (nodes = 1; nodes < 12u; nodes++) {
        memset(memory, 0x5a, sizeof memory);
        config.book_bytes = QUIRE_POOL_TABLE_BYTES((uint64_t)SIZE / 8u) + nodes * QUIRE_POOL_NODE_BYTES(0);
        cr_assert_eq(quire_pool_init(&pool, &traits, &config), QUIRE_OK);
        for (n = 0; quire_pool_alloc(&pool, 8, &handles[n]) == QUIRE_OK; n++) {
            cr_assert_lt(n, nodes);
        }
        cr_expect_eq(n, nodes - 1u, "%u pieces of %u nodes", n, nodes);
        before = stats();
        cr_expect_eq(quire_pool_alloc(&pool, 8, &none), QUIRE_NO_MEMORY);
        cr_expect_eq(none.region.key, 0);
        after = stats();
        after.refused = before.refused;
        cr_expect_eq(memcmp(&before, &after, sizeof before), 0, "a refused request changed the pool");
        cr_expect_eq(count_bytes(window, SIZE, 0), n * 8u, "a refused request wiped");
        cr_expect_eq(quire_pool_add_book(&pool, more, sizeof more), QUIRE_OK);
        cr_expect_eq(quire_pool_alloc(&pool, 8, &handles[n]), QUIRE_OK);
        for (;; n--) {
            cr_expect_eq(quire_pool_free(&pool, &handles[n]), QUIRE_OK);
            if (n == 0) {
                break;
            }
        }
        cr_expect_eq(stats().largest, SIZE);
        cr_expect_eq(quire_pool_fini(&pool, NULL, NULL), QUIRE_OK);
    }
}

Test(pool, pool_add_book_refuses_what_is_no_book)
{
    static uint64_t more[16];

    begin(8, 0);
    cr_expect_eq(quire_pool_add_book(&pool, NULL, 128), QUIRE_INVALID);
    cr_expect_eq(quire_pool_add_book(&pool, more, 0), QUIRE_INVALID);
    cr_expect_eq(quire_pool_add_book(&pool, more, QUIRE_POOL_NODE_BYTES(0) - 1u), QUIRE_INVALID);
    cr_expect_eq(quire_pool_add_book(&pool, window, SIZE), QUIRE_INVALID, "bookkeeping where the other world writes");
    cr_expect_eq(quire_pool_add_book(NULL, more, sizeof more), QUIRE_INVALID);
}

/* ---- Life ---- */

static void expect_refused(const struct quire_pool_traits *traits, const struct quire_pool_config *config)
{
    static struct quire_pool before;

    memset(&pool, 0x5a, sizeof pool);
    memset(&before, 0x5a, sizeof before);
    cr_expect_eq(quire_pool_init(&pool, traits, config), QUIRE_INVALID);
    cr_expect_eq(memcmp(&pool, &before, sizeof pool), 0, "a refused init changed the pool");
}

static uintptr_t no_lock(void *ctx)
{
    (void)ctx;
    return 0;
}

static void no_unlock(void *ctx, uintptr_t key)
{
    (void)ctx, (void)key;
}

Test(pool, pool_init_refuses_traits_that_cannot_be)
{
    struct quire_pool_config config = config_of(PA, window, SIZE);
    struct quire_pool_traits traits = traits_of(0, 0);

    expect_refused(&traits, &config);
    traits = traits_of(24, 0);
    expect_refused(&traits, &config);
    traits = traits_of(8, 8);
    expect_refused(&traits, &config);
    traits = traits_of(2u * SIZE, 0);
    expect_refused(&traits, &config);
    expect_refused(NULL, &config);
    traits = traits_of(8, 0);
    expect_refused(&traits, NULL);
    cr_expect_eq(quire_pool_init(NULL, &traits, &config), QUIRE_INVALID);
}

Test(pool, pool_init_refuses_a_window_without_the_alignment)
{
    struct quire_pool_traits traits = traits_of(64, 0);
    struct quire_pool_config config = config_of(PA + 32u, window, SIZE);

    expect_refused(&traits, &config);
    config = config_of(PA, window + 32, SIZE);
    expect_refused(&traits, &config);
    config = config_of(PA, window, SIZE - 32u);
    expect_refused(&traits, &config);
    memset(&config.window, 0, sizeof config.window);
    expect_refused(&traits, &config);
}

Test(pool, pool_init_refuses_a_book_that_is_none)
{
    struct quire_pool_traits traits = traits_of(8, 0);
    struct quire_pool_config config = config_of(PA, window, SIZE);
    size_t least = QUIRE_POOL_TABLE_BYTES((uint64_t)SIZE / 8u) + QUIRE_POOL_NODE_BYTES(0);

    config.book = NULL;
    expect_refused(&traits, &config);
    config.book = (unsigned char *)book + 4;
    config.book_bytes = sizeof book - 4u;
    expect_refused(&traits, &config);
    config.book = book;
    config.book_bytes = least - 1u;
    expect_refused(&traits, &config);
    config.book = window + SIZE - 8u;
    config.book_bytes = least;
    expect_refused(&traits, &config);
    config.book = window - least + 8u;
    expect_refused(&traits, &config);
    config.book = book;
    cr_expect_eq(quire_pool_init(&pool, &traits, &config), QUIRE_OK);
}

Test(pool, pool_takes_a_book_that_touches_its_window)
{
    struct quire_pool_traits traits = traits_of(8, 0);
    struct quire_pool_config config = config_of(PA, window, SIZE);

    config.book_bytes = QUIRE_PAGE_SIZE;
    config.book = memory;
    cr_expect_eq(quire_pool_init(&pool, &traits, &config), QUIRE_OK);
    config.book = window + SIZE;
    cr_expect_eq(quire_pool_init(&pool, &traits, &config), QUIRE_OK);
}

Test(pool, pool_init_refuses_half_a_lock)
{
    struct quire_pool_traits traits = traits_of(8, 0);
    struct quire_pool_config config = config_of(PA, window, SIZE);

    config.lock = no_lock;
    expect_refused(&traits, &config);
    config.lock = NULL;
    config.unlock = no_unlock;
    expect_refused(&traits, &config);
}

struct list {
    unsigned n;
    unsigned stop; /* say stop at this many; 0: never */
    uint64_t pa[8];
    size_t size[8];
};

static bool enter(void *ctx, struct quire_pa pa, size_t size)
{
    struct list *list = ctx;

    cr_assert_lt(list->n, 8);
    list->pa[list->n] = pa.addr;
    list->size[list->n++] = size;
    return list->n != list->stop;
}

Test(pool, pool_fini_lists_what_is_out_and_changes_nothing)
{
    struct quire_pool_handle handles[3];
    struct list list;
    unsigned i;

    begin(16, 0);
    for (i = 0; i < 3u; i++) {
        handles[i] = get(20u + 16u * i);
    }
    cr_expect_eq(quire_pool_free(&pool, &handles[1]), QUIRE_OK);
    memset(&list, 0, sizeof list);
    cr_expect_eq(quire_pool_fini(&pool, enter, &list), QUIRE_BUSY);
    cr_assert_eq(list.n, 2);
    cr_expect_eq(list.pa[0], view_of(&handles[0]).pa.addr);
    cr_expect_eq(list.size[0], 32);
    cr_expect_eq(list.pa[1], view_of(&handles[2]).pa.addr);
    cr_expect_eq(list.size[1], 64);
    cr_expect_eq(quire_pool_fini(&pool, NULL, NULL), QUIRE_BUSY);
    cr_expect_eq(quire_pool_free(&pool, &handles[0]), QUIRE_OK);
    cr_expect_eq(quire_pool_free(&pool, &handles[2]), QUIRE_OK);
    list.n = 0;
    cr_expect_eq(quire_pool_fini(&pool, enter, &list), QUIRE_OK);
    cr_expect_eq(list.n, 0);
}

Test(pool, pool_walk_stops_when_it_is_told_to)
{
    struct list list;

    begin(8, 0);
    (void)get(8);
    (void)get(8);
    memset(&list, 0, sizeof list);
    cr_expect(quire_pool_walk(&pool, enter, &list));
    cr_expect_eq(list.n, 2);
    list.n = 0;
    list.stop = 1;
    cr_expect_not(quire_pool_walk(&pool, enter, &list));
    cr_expect_eq(list.n, 1);
}

Test(pool, pool_that_ended_or_never_began_takes_no_call)
{
    static struct quire_pool none;
    struct quire_pool_handle handle;
    struct quire_pool_stats now;
    struct quire_view view;
    struct list list;

    begin(8, 0);
    handle = get(8);
    cr_expect_eq(quire_pool_free(&pool, &handle), QUIRE_OK);
    cr_expect_eq(quire_pool_fini(&pool, NULL, NULL), QUIRE_OK);
    none = pool;
    memset(&list, 0, sizeof list);
    cr_expect_eq(quire_pool_free(&none, &handle), QUIRE_INVALID);
    cr_expect_eq(quire_pool_view(&none, &handle, &view), QUIRE_INVALID);
    cr_expect_eq(quire_pool_alloc(&none, 8, &handle), QUIRE_INVALID);
    cr_expect_eq(quire_pool_find(&none, quire_pa_make(PA), 1, &view), QUIRE_INVALID);
    cr_expect_eq(quire_pool_add_book(&none, book, sizeof book), QUIRE_INVALID);
    cr_expect_eq(quire_pool_fini(&none, enter, &list), QUIRE_INVALID);
    cr_expect(quire_pool_walk(&none, enter, &list));
    quire_pool_get_stats(&none, &now);
    cr_expect_eq(now.size, 0);
    memset(&none, 0, sizeof none);
    cr_expect_eq(quire_pool_alloc(&none, 8, &handle), QUIRE_INVALID);
    cr_expect_eq(quire_pool_fini(NULL, NULL, NULL), QUIRE_INVALID);
}

Test(pool, pool_refuses_null_and_nothing)
{
    struct quire_pool_handle handle;
    struct quire_view view;

    begin(8, 0);
    cr_expect_eq(quire_pool_alloc(&pool, 0, &handle), QUIRE_INVALID);
    cr_expect_eq(handle.region.key, 0);
    cr_expect_eq(quire_pool_alloc(&pool, 8, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_pool_alloc(NULL, 8, &handle), QUIRE_INVALID);
    cr_expect_eq(quire_pool_free(&pool, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_pool_free(NULL, &handle), QUIRE_INVALID);
    cr_expect_eq(quire_pool_view(&pool, NULL, &view), QUIRE_INVALID);
    handle = get(8);
    cr_expect_eq(quire_pool_view(&pool, &handle, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_pool_view(NULL, &handle, &view), QUIRE_INVALID);
    cr_expect_eq(quire_pool_find(&pool, quire_pa_make(PA), 0, &view), QUIRE_INVALID);
    cr_expect_eq(quire_pool_find(&pool, quire_pa_make(PA), 1, NULL), QUIRE_INVALID);
    cr_expect_eq(stats().allocs, 1);
}

/* ---- Addresses that the other world sends ---- */

static void expect_find(unsigned flags)
{
    struct quire_pool_handle handles[3];
    struct quire_view piece;
    uint64_t pa;
    unsigned i;

    begin(8, flags);
    for (i = 0; i < 3u; i++) {
        handles[i] = get(40);
    }
    cr_expect_eq(quire_pool_free(&pool, &handles[0]), QUIRE_OK);
    pa = view_of(&handles[1]).pa.addr;
    for (i = 0; i < 40u; i++) {
        cr_expect_eq(quire_pool_find(&pool, quire_pa_make(pa + i), 40u - i, &piece), QUIRE_OK);
        cr_expect_eq(piece.pa.addr, pa);
        cr_expect_eq(piece.size, 40);
        cr_expect_eq(quire_pool_find(&pool, quire_pa_make(pa + i), 41u - i, &piece), QUIRE_NOT_FOUND, "two pieces are one");
    }
    cr_expect_eq(quire_pool_find(&pool, quire_pa_make(pa), UINT64_MAX, &piece), QUIRE_NOT_FOUND);
    cr_expect_eq(quire_pool_find(&pool, quire_pa_make(pa - 1u), 2, &piece), QUIRE_NOT_FOUND, "nobody's memory");
    cr_expect_eq(quire_pool_find(&pool, quire_pa_make(PA - 1u), 1, &piece), QUIRE_NOT_FOUND);
    cr_expect_eq(quire_pool_find(&pool, quire_pa_make(PA + SIZE), 1, &piece), QUIRE_NOT_FOUND);
    cr_expect_eq(quire_pool_find(&pool, quire_pa_make(0), 1, &piece), QUIRE_NOT_FOUND);
    cr_expect_eq(quire_pool_find(&pool, quire_pa_make(UINT64_MAX), 1, &piece), QUIRE_NOT_FOUND);
}

Test(pool, pool_finds_the_piece_that_holds_a_physical_range)
{
    expect_find(0);
    expect_find(QUIRE_POOL_TRAIT_INDEXED);
}

/* ---- The lock ---- */

static struct {
    unsigned held;
    unsigned locks;
    uintptr_t key;
    void (*at_lock)(unsigned nth);
    void (*at_unlock)(unsigned nth);
} watch;

static uintptr_t watch_lock(void *ctx)
{
    cr_assert_eq(ctx, &watch);
    cr_assert_eq(watch.held, 0, "the lock was taken twice");
    watch.locks++;
    if (watch.at_lock != NULL) {
        watch.at_lock(watch.locks);
    }
    watch.held = 1;
    return ++watch.key;
}

static void watch_unlock(void *ctx, uintptr_t key)
{
    void (*then)(unsigned nth) = watch.at_unlock;

    cr_assert_eq(ctx, &watch);
    cr_assert_eq(watch.held, 1, "unlocked without a lock");
    cr_assert_eq(key, watch.key, "another lock's key");
    watch.held = 0;
    if (then != NULL) {
        watch.at_unlock = NULL; /* what it calls may lock */
        then(watch.locks);
        watch.at_unlock = then;
    }
}

static void begin_watched(unsigned flags)
{
    struct quire_pool_config config = config_of(PA, window, SIZE);
    struct quire_pool_traits traits = traits_of(8, flags);

    config.lock = watch_lock;
    config.unlock = watch_unlock;
    config.lock_ctx = &watch;
    memset(&watch, 0, sizeof watch);
    memset(memory, 0x5a, sizeof memory);
    cr_assert_eq(quire_pool_init(&pool, &traits, &config), QUIRE_OK);
}

Test(pool, pool_lock_is_balanced_on_every_way_out)
{
    struct quire_pool_handle handle;
    struct quire_pool_handle none;
    struct quire_view view;
    struct list list;
    unsigned before;

    begin_watched(ALL);
    handle = get(8);
    cr_expect_eq(quire_pool_alloc(&pool, SIZE, &none), QUIRE_NO_SPACE);
    cr_expect_eq(quire_pool_view(&pool, &none, &view), QUIRE_INVALID);
    (void)view_of(&handle);
    cr_expect_eq(quire_pool_find(&pool, quire_pa_make(PA + SIZE), 1, &view), QUIRE_NOT_FOUND);
    memset(&list, 0, sizeof list);
    list.stop = 1;
    cr_expect_not(quire_pool_walk(&pool, enter, &list));
    cr_expect_eq(quire_pool_fini(&pool, NULL, NULL), QUIRE_BUSY);
    (void)stats();
    cr_expect_eq(quire_pool_add_book(&pool, &view, 1), QUIRE_INVALID);
    cr_expect_eq(quire_pool_free(&pool, &handle), QUIRE_OK);
    cr_expect_eq(quire_pool_free(&pool, &handle), QUIRE_DEAD);
    before = watch.locks;
    cr_expect_eq(quire_pool_fini(&pool, NULL, NULL), QUIRE_OK);
    cr_expect_eq(watch.locks, before + 1u);
    cr_expect_eq(watch.held, 0);
}

static struct quire_pool_handle leaving;
static unsigned seen;

static void expect_dirty(unsigned nth)
{
    if (nth == seen + 1u) {
        cr_expect_eq(count_bytes(window, 64, 0x77), 64, "wiped with the lock held");
    }
}

static void expect_clean(unsigned nth)
{
    if (nth == seen + 2u) {
        cr_expect_eq(count_bytes(window, 64, 0), 64, "not wiped before it goes back");
    }
}

Test(pool, pool_wipes_without_the_lock_and_before_the_piece_is_anyones)
{
    begin_watched(QUIRE_POOL_TRAIT_ZERO_FREE);
    leaving = get(64);
    memset(window, 0x77, 64);
    seen = watch.locks;
    watch.at_unlock = expect_dirty;
    watch.at_lock = expect_clean;
    cr_expect_eq(quire_pool_free(&pool, &leaving), QUIRE_OK);
    cr_expect_eq(watch.locks, seen + 2u);
}

/* What another thread would see between the first unlock of a return and its wipe. */
static void meet_a_leaving_piece(unsigned nth)
{
    struct quire_pool_handle none;
    struct quire_view view;
    struct list list;

    if (nth != seen + 1u) {
        return;
    }
    memset(&list, 0, sizeof list);
    cr_expect_eq(quire_pool_free(&pool, &leaving), QUIRE_DEAD);
    cr_expect_eq(quire_pool_view(&pool, &leaving, &view), QUIRE_DEAD);
    cr_expect_eq(quire_pool_find(&pool, quire_pa_make(PA), 1, &view), QUIRE_NOT_FOUND);
    cr_expect_eq(quire_pool_alloc(&pool, 8, &none), QUIRE_NO_SPACE, "handed out before it is clean");
    cr_expect_eq(quire_pool_fini(&pool, enter, &list), QUIRE_BUSY);
    cr_expect_eq(list.n, 1);
}

Test(pool, pool_piece_that_is_being_wiped_is_nobodys)
{
    begin_watched(QUIRE_POOL_TRAIT_ZERO_FREE);
    leaving = get(SIZE);
    seen = watch.locks;
    watch.at_unlock = meet_a_leaving_piece;
    cr_expect_eq(quire_pool_free(&pool, &leaving), QUIRE_OK);
    watch.at_unlock = NULL;
    cr_expect_gt(watch.locks, seen + 2u, "nobody met it");
    cr_expect_eq(stats().live, 0);
    (void)get(SIZE);
}

/* Several returns at a time: each is in the middle of another's, and they end in the reverse order. */
static struct quire_pool_handle nested[4];
static unsigned depth;

static void return_another(unsigned nth)
{
    (void)nth;
    if (depth < 3u) {
        depth++;
        watch.at_unlock = return_another;
        cr_expect_eq(quire_pool_free(&pool, &nested[depth]), QUIRE_OK);
        watch.at_unlock = NULL;
    }
}

Test(pool, pool_takes_several_pieces_back_at_a_time)
{
    unsigned i;

    begin_watched(QUIRE_POOL_TRAIT_ZERO_FREE);
    for (i = 0; i < 4u; i++) {
        nested[i] = get(16);
    }
    watch.at_unlock = return_another;
    cr_expect_eq(quire_pool_free(&pool, &nested[0]), QUIRE_OK);
    watch.at_unlock = NULL;
    cr_expect_eq(depth, 3);
    cr_expect_eq(stats().live, 0);
    cr_expect_eq(stats().used, 0);
    cr_expect_eq(count_bytes(window, SIZE, 0), 64);
    for (i = 0; i < 4u; i++) {
        cr_expect_eq(quire_pool_free(&pool, &nested[i]), QUIRE_DEAD);
    }
    cr_expect_eq(quire_pool_fini(&pool, NULL, NULL), QUIRE_OK);
}

/* ---- Another life in the same place ---- */

Test(pool, pool_refuses_handles_of_an_earlier_life)
{
    struct quire_pool_traits traits = traits_of(8, ALL);
    struct quire_pool_config config;
    struct quire_pool_handle old;
    struct quire_pool_handle now;
    struct quire_view view;

    begin(8, ALL);
    old = get(64);
    cr_assert_eq(quire_pool_free(&pool, &old), QUIRE_OK);
    cr_assert_eq(quire_pool_fini(&pool, NULL, NULL), QUIRE_OK);
    config = config_of(PA, window, SIZE);
    config.life = 1;
    cr_assert_eq(quire_pool_init(&pool, &traits, &config), QUIRE_OK);
    now = get(4096);
    cr_expect_eq(now.region.node, old.region.node, "the test is of no use: the nodes differ");
    cr_expect_eq(now.region.key, old.region.key, "the test is of no use: the numbers differ");
    cr_expect_eq(quire_pool_view(&pool, &old, &view), QUIRE_INVALID);
    cr_expect_eq(quire_pool_free(&pool, &old), QUIRE_INVALID);
    cr_expect_eq(stats().used, 4096);
    cr_expect_eq(quire_pool_free(&pool, &now), QUIRE_OK);
}

Test(pool, pool_believes_its_own_books_not_the_handle)
{
    struct quire_pool_handle handle;
    struct quire_view view;

    begin(8, ALL);
    handle = get(64);
    (void)get(64);
    handle.region.last += 64; /* as if somebody had written over it */
    handle.region.base += 8;
    cr_assert_eq(quire_pool_view(&pool, &handle, &view), QUIRE_OK);
    cr_expect_eq(view.va, (uintptr_t)window);
    handle.size = 65;
    cr_expect_eq(quire_pool_view(&pool, &handle, &view), QUIRE_INVALID);
    cr_expect_eq(quire_pool_free(&pool, &handle), QUIRE_INVALID);
    handle.size = 0;
    cr_expect_eq(quire_pool_view(&pool, &handle, &view), QUIRE_INVALID);
    handle.size = 64;
    memset(window, 0x77, 128);
    cr_expect_eq(quire_pool_free(&pool, &handle), QUIRE_OK);
    cr_expect_eq(count_bytes(window, 64, 0), 64);
    cr_expect_eq(count_bytes(window + 64, 64, 0x77), 64, "the neighbour was wiped");
    cr_expect_eq(stats().used, 64);
}

/* What another thread would see between the first unlock of an allocation and its wipe. */
static void meet_a_coming_piece(unsigned nth)
{
    struct quire_view view;

    if (nth == seen + 1u) {
        cr_expect_eq(count_bytes(window, 8, 0x5a), 8, "the test is of no use: it is clean already");
        cr_expect_eq(quire_pool_find(&pool, quire_pa_make(PA), 8, &view), QUIRE_NOT_FOUND);
    }
}

Test(pool, pool_piece_that_is_not_clean_yet_is_found_by_nobody)
{
    struct quire_view view;

    begin_watched(QUIRE_POOL_TRAIT_ZERO_ALLOC);
    seen = watch.locks;
    watch.at_unlock = meet_a_coming_piece;
    (void)get(8);
    watch.at_unlock = NULL;
    cr_expect_gt(watch.locks, seen + 2u, "nobody met it");
    cr_expect_eq(quire_pool_find(&pool, quire_pa_make(PA), 8, &view), QUIRE_OK);
}
