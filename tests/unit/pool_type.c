/* pool_type.h and pool_object_type.h: pools the compiler tells apart, pieces with an owner, messages bound to a pool. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "ledger.h"

#define QUIRE_POOL_NAME notes
#define QUIRE_POOL_ALIGN 8
#define QUIRE_POOL_ZERO_ALLOC 1
#define QUIRE_POOL_ZERO_FREE 1
#define QUIRE_POOL_INDEXED 1
#define QUIRE_POOL_LIMIT 256
#define QUIRE_POOL_COUNT 4
#include "quire/pool_type.h"

#define QUIRE_POOL_NAME sheets
#define QUIRE_POOL_ALIGN QUIRE_PAGE_SIZE
#include "quire/pool_type.h"

struct greeting {
    uint64_t session;
    uint32_t command;
    uint16_t words[5];
};

#define QUIRE_OBJECT_NAME hello
#define QUIRE_OBJECT_TYPE struct greeting
#define QUIRE_OBJECT_POOL notes
#include "quire/pool_object_type.h"

#if defined(QUIRE_POOL_NAME) || defined(QUIRE_POOL_ALIGN) || defined(QUIRE_POOL_ZERO_ALLOC) ||                                \
    defined(QUIRE_POOL_ZERO_FREE) || defined(QUIRE_POOL_INDEXED) || defined(QUIRE_POOL_LIMIT) || defined(QUIRE_POOL_COUNT) || \
    defined(QUIRE_POOL_) || defined(QUIRE_OBJECT_NAME) || defined(QUIRE_OBJECT_TYPE) || defined(QUIRE_OBJECT_POOL) ||         \
    defined(QUIRE_OBJECT_)
#error "an include-template left a parameter behind"
#endif

#define SIZE (4u * QUIRE_PAGE_SIZE)
#define PA ((uint64_t)3 << 34)

static _Alignas(4096) unsigned char memory[SIZE];
static uint64_t notes_book[QUIRE_POOL_BOOK_BYTES(SIZE, notes_align, notes_flags, 32) / 8u];
static uint64_t sheets_book[QUIRE_POOL_BOOK_BYTES(SIZE, sheets_align, sheets_flags, 4) / 8u];

static struct notes pool;

static struct quire_pool_config config_of(void *book, size_t book_bytes)
{
    struct quire_pool_config config;

    memset(&config, 0, sizeof config);
    cr_assert_eq(quire_view_make((uintptr_t)memory, quire_pa_make(PA), SIZE, &config.window), QUIRE_OK);
    config.book = book;
    config.book_bytes = book_bytes;
    return config;
}

static void begin(void)
{
    struct quire_pool_config config = config_of(notes_book, sizeof notes_book);

    memset(memory, 0x5a, sizeof memory);
    cr_assert_eq(notes_init(&pool, &config), QUIRE_OK);
}

static uint32_t live(void)
{
    struct quire_pool_stats stats;

    notes_get_stats(&pool, &stats);
    return stats.live;
}

Test(pool_type, pool_type_has_the_traits_it_was_made_with)
{
    struct quire_pool_config config = config_of(sheets_book, sizeof sheets_book);
    struct notes_handle notes[4];
    struct notes_handle none;
    struct sheets_handle sheet;
    struct sheets sheets;
    struct quire_view view;
    unsigned i;

    begin();
    cr_expect_eq(notes_align, 8);
    cr_expect_eq(notes_flags, QUIRE_POOL_TRAIT_ZERO_ALLOC | QUIRE_POOL_TRAIT_ZERO_FREE | QUIRE_POOL_TRAIT_INDEXED);
    cr_expect_eq(pool.core.traits.limit, 256);
    cr_expect_eq(notes_alloc(&pool, 257, &none), QUIRE_LIMIT);
    for (i = 0; i < 4u; i++) {
        cr_expect_eq(notes_alloc(&pool, 9, &notes[i]), QUIRE_OK);
        cr_expect_eq(notes_view(&pool, &notes[i], &view), QUIRE_OK);
        cr_expect_eq(view.va % 8u, 0);
        cr_expect_eq(memory[view.va - (uintptr_t)memory], 0);
    }
    cr_expect_eq(notes_alloc(&pool, 1, &none), QUIRE_LIMIT);
    cr_expect_eq(notes_free(&pool, &notes[0]), QUIRE_OK);
    cr_expect_eq(notes_free(&pool, &notes[0]), QUIRE_DEAD);

    memset(memory, 0x5a, sizeof memory);
    cr_expect_eq(sheets_align, QUIRE_PAGE_SIZE);
    cr_expect_eq(sheets_flags, 0);
    cr_assert_eq(sheets_init(&sheets, &config), QUIRE_OK);
    cr_expect_eq(sheets_alloc(&sheets, 1, &sheet), QUIRE_OK);
    cr_expect_eq(sheets_view(&sheets, &sheet, &view), QUIRE_OK);
    cr_expect_eq(view.va % QUIRE_PAGE_SIZE, 0);
    cr_expect_eq(sheets_alloc(&sheets, SIZE, &sheet), QUIRE_NO_SPACE);
    cr_expect_eq(memory[0], 0x5a);
}

static bool count(void *ctx, struct quire_pa pa, size_t size)
{
    (void)pa, (void)size;
    ++*(unsigned *)ctx;
    return true;
}

Test(pool_type, pool_type_shims_reach_the_core)
{
    static uint64_t more[32];
    struct notes_handle handle;
    struct quire_view view;
    unsigned n = 0;

    begin();
    cr_expect_eq(notes_alloc(&pool, 24, &handle), QUIRE_OK);
    cr_expect_eq(notes_find(&pool, quire_pa_make(PA + 5u), 19, &view), QUIRE_OK);
    cr_expect_eq(view.pa.addr, PA);
    cr_expect_eq(notes_find(&pool, quire_pa_make(PA + 5u), 20, &view), QUIRE_NOT_FOUND);
    cr_expect(notes_walk(&pool, count, &n));
    cr_expect_eq(n, 1);
    cr_expect_eq(notes_add_book(&pool, more, sizeof more), QUIRE_OK);
    cr_expect_eq(notes_fini(&pool, count, &n), QUIRE_BUSY);
    cr_expect_eq(n, 2);
    cr_expect_eq(notes_free(&pool, &handle), QUIRE_OK);
    cr_expect_eq(notes_fini(&pool, count, &n), QUIRE_OK);
    cr_expect_eq(n, 2);
}

Test(pool_type, pool_type_shims_refuse_null)
{
    struct quire_pool_config config = config_of(notes_book, sizeof notes_book);
    struct notes_handle handle;
    struct quire_view view;

    begin();
    cr_expect_eq(notes_init(NULL, &config), QUIRE_INVALID);
    cr_expect_eq(notes_init(&pool, NULL), QUIRE_INVALID);
    cr_expect_eq(notes_fini(NULL, NULL, NULL), QUIRE_INVALID);
    cr_expect_eq(notes_add_book(NULL, notes_book, 8), QUIRE_INVALID);
    cr_expect_eq(notes_alloc(NULL, 8, &handle), QUIRE_INVALID);
    cr_expect_eq(notes_alloc(&pool, 8, NULL), QUIRE_INVALID);
    cr_expect_eq(notes_free(NULL, &handle), QUIRE_INVALID);
    cr_expect_eq(notes_free(&pool, NULL), QUIRE_INVALID);
    cr_expect_eq(notes_view(NULL, &handle, &view), QUIRE_INVALID);
    cr_expect_eq(notes_view(&pool, NULL, &view), QUIRE_INVALID);
    cr_expect_eq(notes_find(NULL, quire_pa_make(PA), 1, &view), QUIRE_INVALID);
    cr_expect(notes_walk(NULL, count, NULL));
}

/* ---- Pieces with an owner ---- */

#if QUIRE_GNU
static enum quire_status leave_early(unsigned when, struct notes_handle *kept)
{
    QUIRE_POOL_SCOPED(notes, first);
    QUIRE_POOL_SCOPED(notes, second);
    enum quire_status status = notes_scope_alloc(&first, &pool, 16);

    if (status != QUIRE_OK || when == 0) {
        return status;
    }
    status = notes_scope_alloc(&second, &pool, 16);
    if (status != QUIRE_OK || when == 1) {
        return status;
    }
    return notes_scope_keep(&second, kept);
}

Test(pool_type, pool_type_returns_what_a_scope_owns_by_whatever_way_it_ends)
{
    struct notes_handle kept;
    unsigned when;

    begin();
    for (when = 0; when < 2u; when++) {
        cr_expect_eq(leave_early(when, &kept), QUIRE_OK);
        cr_expect_eq(live(), 0, "left at %u", when);
    }
    cr_expect_eq(leave_early(2, &kept), QUIRE_OK);
    cr_expect_eq(live(), 1);
    cr_expect_eq(notes_free(&pool, &kept), QUIRE_OK);
}

Test(pool_type, pool_type_scope_without_a_piece_returns_nothing)
{
    struct notes_handle handle;

    begin();
    {
        QUIRE_POOL_SCOPED(notes, none);

        cr_expect_eq(notes_scope_alloc(&none, &pool, 1000), QUIRE_LIMIT);
        cr_expect_eq(notes_scope_keep(&none, &handle), QUIRE_INVALID);
    }
    {
        QUIRE_POOL_SCOPED(notes, once);

        cr_expect_eq(notes_scope_alloc(&once, &pool, 16), QUIRE_OK);
        cr_expect_eq(notes_scope_alloc(&once, &pool, 16), QUIRE_BUSY);
        cr_expect_eq(notes_scope_keep(&once, NULL), QUIRE_INVALID);
        cr_expect_eq(notes_free(&pool, &once.handle), QUIRE_OK);
        cr_expect_eq(notes_alloc(&pool, 16, &handle), QUIRE_OK); /* the same bytes: not the scope's any more */
    }
    cr_expect_eq(live(), 1);
    cr_expect_eq(notes_scope_alloc(NULL, &pool, 16), QUIRE_INVALID);
    cr_expect_eq(notes_scope_keep(NULL, &handle), QUIRE_INVALID);
}
#endif

/* ---- Messages ---- */

Test(pool_type, pool_object_is_stored_whole_and_fetched_whole)
{
    struct greeting greeting;
    struct greeting answer;
    struct quire_view view;
    struct hello message;
    struct quire_pa pa = quire_pa_make(0);

    begin();
    memset(&greeting, 0x11, sizeof greeting);
    greeting.session = UINT64_MAX - 1u;
    greeting.words[4] = 0x1234;
    cr_assert_eq(hello_new(&pool, &message), QUIRE_OK);
    cr_expect_eq(hello_view(&pool, &message, &view), QUIRE_OK);
    cr_expect_eq(view.size, sizeof greeting);
    cr_expect_eq(hello_pa(&pool, &message, &pa), QUIRE_OK);
    cr_expect_eq(pa.addr, view.pa.addr);
    cr_expect_eq(hello_store(&pool, &message, &greeting), QUIRE_OK);
    cr_expect_eq(memcmp(memory + (pa.addr - PA), &greeting, sizeof greeting), 0);
    memset(&answer, 0, sizeof answer);
    ledger_begin("fetch a message");
    cr_expect_eq(hello_fetch(&pool, &message, &answer), QUIRE_OK);
    LEDGER_END();
    cr_expect_eq(memcmp(&answer, &greeting, sizeof greeting), 0);
    cr_expect_eq(hello_delete(&pool, &message), QUIRE_OK);
    cr_expect_eq(memory[pa.addr - PA], 0, "not wiped");
}

Test(pool_type, pool_object_that_was_returned_is_dead)
{
    struct greeting greeting;
    struct quire_view view;
    struct hello message;
    struct quire_pa pa;

    begin();
    memset(&greeting, 0x11, sizeof greeting);
    cr_assert_eq(hello_new(&pool, &message), QUIRE_OK);
    cr_expect_eq(hello_delete(&pool, &message), QUIRE_OK);
    cr_expect_eq(hello_delete(&pool, &message), QUIRE_DEAD);
    cr_expect_eq(hello_store(&pool, &message, &greeting), QUIRE_DEAD);
    cr_expect_eq(hello_fetch(&pool, &message, &greeting), QUIRE_DEAD);
    cr_expect_eq(hello_view(&pool, &message, &view), QUIRE_DEAD);
    cr_expect_eq(hello_pa(&pool, &message, &pa), QUIRE_DEAD);
    cr_expect_eq(memory[0], 0);
}

Test(pool_type, pool_object_refuses_null)
{
    struct greeting greeting;
    struct quire_view view;
    struct hello message;
    struct quire_pa pa;

    begin();
    memset(&greeting, 0, sizeof greeting);
    cr_expect_eq(hello_new(&pool, NULL), QUIRE_INVALID);
    cr_expect_eq(hello_new(NULL, &message), QUIRE_INVALID);
    cr_assert_eq(hello_new(&pool, &message), QUIRE_OK);
    cr_expect_eq(hello_store(&pool, &message, NULL), QUIRE_INVALID);
    cr_expect_eq(hello_store(&pool, NULL, &greeting), QUIRE_INVALID);
    cr_expect_eq(hello_fetch(&pool, &message, NULL), QUIRE_INVALID);
    cr_expect_eq(hello_fetch(NULL, &message, &greeting), QUIRE_INVALID);
    cr_expect_eq(hello_pa(&pool, &message, NULL), QUIRE_INVALID);
    cr_expect_eq(hello_view(&pool, &message, NULL), QUIRE_INVALID);
    cr_expect_eq(hello_view(&pool, NULL, &view), QUIRE_INVALID);
    cr_expect_eq(hello_pa(&pool, NULL, &pa), QUIRE_INVALID);
    cr_expect_eq(hello_delete(&pool, NULL), QUIRE_INVALID);
    cr_expect_eq(live(), 1);
}
