/* shm.h: the memory two worlds share is judged, divided, handed out, counted, translated and taken back. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "quire/shm.h"

#define PAGES 16u
#define SIZE (PAGES * QUIRE_PAGE_SIZE)
#define PA ((uint64_t)7 << 33) /* beyond what 32 bits hold */
#define BUFFERS 8u
#define DRIVER (QUIRE_SHM_DRIVER_PAGES * QUIRE_PAGE_SIZE)
#define CLIENT (SIZE - DRIVER)

/* The window is the inner pages: nobody may touch the outer two. */
static _Alignas(4096) unsigned char memory[SIZE + 2u * QUIRE_PAGE_SIZE];
static unsigned char *const window = memory + QUIRE_PAGE_SIZE;
static uint64_t driver_book[QUIRE_SHM_DRIVER_BOOK_BYTES(QUIRE_SHM_DRIVER_PAGES, 16) / 8u];
static uint64_t client_book[QUIRE_SHM_CLIENT_BOOK_BYTES(SIZE, BUFFERS) / 8u];
static struct quire_shm_buffer buffers[BUFFERS];

static struct quire_shm shm;

static struct quire_shm_config config_of(void)
{
    struct quire_shm_config config;

    memset(&config, 0, sizeof config);
    config.pa = quire_pa_make(PA);
    config.va = (uintptr_t)window;
    config.size = SIZE;
    config.driver_book = driver_book;
    config.driver_book_bytes = sizeof driver_book;
    config.client_book = client_book;
    config.client_book_bytes = sizeof client_book;
    config.buffers = buffers;
    config.num_buffers = BUFFERS;
    return config;
}

static void begin(void)
{
    struct quire_shm_config config = config_of();
    struct quire_shm_refusal refusal;

    memset(memory, 0x5a, sizeof memory);
    cr_assert_eq(quire_shm_init(&shm, &config, &refusal), QUIRE_OK);
    cr_expect_eq(refusal.reason, QUIRE_SHM_FINE);
}

static struct quire_shm_buffer *get(size_t size)
{
    struct quire_shm_buffer *buffer;

    cr_assert_eq(quire_shm_alloc(&shm, size, &buffer), QUIRE_OK, "%zu bytes", size);
    return buffer;
}

static struct quire_view view_of(struct quire_shm_buffer *buffer)
{
    struct quire_view view;

    cr_assert_eq(quire_shm_view(buffer, &view), QUIRE_OK);
    return view;
}

static size_t count_bytes(const unsigned char *from, size_t len, unsigned char byte)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < len; i++) {
        n += from[i] == byte;
    }
    return n;
}

/* ---- Refusals ---- */

static struct quire_shm_refusal expect_refused(const struct quire_shm_config *config, enum quire_status status,
                                               enum quire_shm_reason reason)
{
    static struct quire_shm never;
    struct quire_shm_refusal refusal;
    struct quire_shm_buffer *buffer;

    memset(&never, 0, sizeof never);
    memset(memory, 0x5a, sizeof memory);
    memset(&refusal, 0x77, sizeof refusal);
    cr_expect_eq(quire_shm_init(&never, config, &refusal), status);
    cr_expect_eq(refusal.reason, reason, "%s, not %s", quire_shm_reason_text(refusal.reason), quire_shm_reason_text(reason));
    cr_expect_eq(quire_shm_init(&never, config, NULL), status);
    cr_expect_eq(quire_shm_alloc(&never, 1, &buffer), QUIRE_INVALID, "a refused manager works");
    cr_expect_eq(count_bytes(memory, sizeof memory, 0x5a), sizeof memory, "a refused manager wrote");
    return refusal;
}

Test(shm, shm_refuses_memory_that_is_empty)
{
    struct quire_shm_config config = config_of();

    config.size = 0;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_EMPTY);
}

Test(shm, shm_refuses_memory_that_is_not_whole_pages)
{
    struct quire_shm_config config = config_of();

    config.pa = quire_pa_make(PA + 8u);
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_UNALIGNED_PA);
    config = config_of();
    config.va += QUIRE_PAGE_SIZE / 2u;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_UNALIGNED_VA);
    config = config_of();
    config.size -= 1u;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_UNALIGNED_SIZE);
}

Test(shm, shm_refuses_memory_that_wraps)
{
    struct quire_shm_config config = config_of();

    config.pa = quire_pa_make(UINT64_MAX - SIZE + 1u + QUIRE_PAGE_SIZE);
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_WRAPS_PA);
    config.pa = quire_pa_make(UINT64_MAX - QUIRE_PAGE_MASK);
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_WRAPS_PA);
    config = config_of();
    config.va = UINTPTR_MAX - SIZE + 1u + QUIRE_PAGE_SIZE;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_WRAPS_VA);
    config = config_of();
    config.pa = quire_pa_make(0);
    config.size = UINT64_MAX - QUIRE_PAGE_MASK;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_WRAPS_VA);
}

Test(shm, shm_takes_memory_that_ends_with_the_last_byte_there_is)
{
    struct quire_shm_config config = config_of();
    struct quire_shm_buffer *buffer;
    struct quire_view slice;

    config.pa = quire_pa_make(UINT64_MAX - SIZE + 1u);
    cr_assert_eq(quire_shm_init(&shm, &config, NULL), QUIRE_OK);
    buffer = get(CLIENT);
    cr_expect_eq(view_of(buffer).pa.addr + (CLIENT - 1u), UINT64_MAX);
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(UINT64_MAX), 1, &buffer, &slice), QUIRE_OK);
    cr_expect_eq(quire_shm_put(buffer), QUIRE_OK);
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(UINT64_MAX), 2, &buffer, &slice), QUIRE_INVALID);
}

Test(shm, shm_refuses_memory_too_small_for_the_split)
{
    struct quire_shm_config config = config_of();
    struct quire_shm_refusal refusal;

    config.size = DRIVER;
    refusal = expect_refused(&config, QUIRE_NO_SPACE, QUIRE_SHM_TOO_SMALL);
    cr_expect_eq(refusal.first, DRIVER);
    cr_expect_eq(refusal.last, DRIVER + QUIRE_PAGE_SIZE);
    config.size = QUIRE_PAGE_SIZE;
    config.driver_pages = UINT32_MAX;
    expect_refused(&config, QUIRE_NO_SPACE, QUIRE_SHM_TOO_SMALL);
    config.size = 2u * QUIRE_PAGE_SIZE;
    config.driver_pages = 1;
    cr_expect_eq(quire_shm_init(&shm, &config, NULL), QUIRE_OK);
    cr_expect_eq(shm.driver.core.window.size, QUIRE_PAGE_SIZE);
    cr_expect_eq(shm.client.core.window.size, QUIRE_PAGE_SIZE);
}

Test(shm, shm_refuses_memory_that_overlaps_what_is_secure_by_one_byte)
{
    struct quire_shm_range secure[3] = {{0, 0xffff}, {PA + SIZE, UINT64_MAX}, {PA - 8u, PA - 1u}};
    struct quire_shm_config config = config_of();
    struct quire_shm_refusal refusal;

    config.secure = secure;
    config.num_secure = 3;
    cr_expect_eq(quire_shm_init(&shm, &config, NULL), QUIRE_OK, "what touches overlaps");
    secure[2].last = PA;
    refusal = expect_refused(&config, QUIRE_DENIED, QUIRE_SHM_SECURE);
    cr_expect_eq(refusal.index, 2);
    cr_expect_eq(refusal.first, PA);
    cr_expect_eq(refusal.last, PA);
    secure[1].first = PA + SIZE - 1u;
    refusal = expect_refused(&config, QUIRE_DENIED, QUIRE_SHM_SECURE);
    cr_expect_eq(refusal.index, 1);
    cr_expect_eq(refusal.first, PA + SIZE - 1u);
    cr_expect_eq(refusal.last, PA + SIZE - 1u);
    secure[0].last = UINT64_MAX; /* all of it */
    refusal = expect_refused(&config, QUIRE_DENIED, QUIRE_SHM_SECURE);
    cr_expect_eq(refusal.first, PA);
    cr_expect_eq(refusal.last, PA + SIZE - 1u);
    secure[0].first = PA + 0x1000u; /* within */
    secure[0].last = PA + 0x1001u;
    refusal = expect_refused(&config, QUIRE_DENIED, QUIRE_SHM_SECURE);
    cr_expect_eq(refusal.first, PA + 0x1000u);
    cr_expect_eq(refusal.last, PA + 0x1001u);
    secure[0].last = PA; /* backwards */
    refusal = expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_BAD_SECURE);
    cr_expect_eq(refusal.index, 0);
    cr_expect_eq(refusal.last, PA);
}

static uintptr_t no_lock(void *ctx)
{
    (void)ctx;
    return 0;
}

static void *no_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx, (void)size, (void)align;
    return NULL;
}

static void no_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx, (void)ptr, (void)size;
}

Test(shm, shm_refuses_a_configuration_that_contradicts_itself)
{
    struct quire_mem mem = {NULL, no_alloc, NULL};
    struct quire_shm_config config = config_of();

    expect_refused(NULL, QUIRE_INVALID, QUIRE_SHM_BAD_CONFIG);
    cr_expect_eq(quire_shm_init(NULL, &config, NULL), QUIRE_INVALID);
    config.lock = no_lock;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_BAD_CONFIG);
    config = config_of();
    config.max_prot = QUIRE_PROT_USER;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_BAD_CONFIG);
    config = config_of();
    config.num_secure = 1;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_BAD_CONFIG);
    config = config_of();
    config.num_buffers = 0;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_BAD_CONFIG);
    config.buffers = NULL;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_BAD_CONFIG);
    config.num_buffers = 1;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_BAD_CONFIG);
    config.num_buffers = 0;
    config.mem = &mem;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_BAD_CONFIG);
    mem.free = no_free;
    cr_expect_eq(quire_shm_init(&shm, &config, NULL), QUIRE_OK);
    config.buffers = buffers;
    config.num_buffers = BUFFERS;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_BAD_CONFIG);
}

Test(shm, shm_refuses_books_that_are_missing_small_or_shared)
{
    struct quire_shm_config config = config_of();

    config.driver_book = NULL;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_DRIVER_BOOK);
    config = config_of();
    config.driver_book_bytes = 1000;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_DRIVER_BOOK);
    config = config_of();
    config.client_book_bytes = 0;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_CLIENT_BOOK);
    config.client_book_bytes = 500;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_CLIENT_BOOK);
    config = config_of();
    config.client_book = (unsigned char *)driver_book + sizeof driver_book - 8u;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_CLIENT_BOOK);
}

/* The other world could write whatever lies there. */
Test(shm, shm_refuses_bookkeeping_in_shared_memory)
{
    struct quire_shm_config config = config_of();
    struct quire_shm_refusal refusal;

    config.driver_book = window + DRIVER; /* not in its own pool, but in the other's */
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_DRIVER_BOOK);
    config = config_of();
    config.client_book = window;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_CLIENT_BOOK);
    config = config_of();
    config.buffers = (struct quire_shm_buffer *)(void *)(window + SIZE - 8u);
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_BUFFERS);
    config = config_of();
    config.num_buffers = SIZE_MAX / 2u;
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_BUFFERS);
    config.num_buffers = SIZE_MAX / sizeof *buffers + 2u; /* their bytes wrap to a few */
    expect_refused(&config, QUIRE_INVALID, QUIRE_SHM_BUFFERS);
    config = config_of();
    cr_expect_eq(quire_shm_init((struct quire_shm *)(void *)window, &config, &refusal), QUIRE_INVALID);
    cr_expect_eq(refusal.reason, QUIRE_SHM_BAD_CONFIG);
}

Test(shm, shm_reasons_have_words_of_their_own)
{
    int i;
    int k;

    for (i = QUIRE_SHM_FINE; i <= QUIRE_SHM_BUFFERS; i++) {
        const char *text = quire_shm_reason_text((enum quire_shm_reason)i);

        cr_expect_str_neq(text, "?");
        for (k = 0; k < i; k++) {
            cr_expect_str_neq(text, quire_shm_reason_text((enum quire_shm_reason)k));
        }
    }
    cr_expect_str_eq(quire_shm_reason_text((enum quire_shm_reason)i), "?");
    cr_expect_str_eq(quire_shm_reason_text((enum quire_shm_reason) - 1), "?");
}

/* ---- The split ---- */

Test(shm, shm_gives_the_driver_four_pages_unless_told)
{
    struct quire_shm_config config = config_of();

    begin();
    cr_expect_eq(shm.driver.core.window.pa.addr, PA);
    cr_expect_eq(shm.driver.core.window.size, 4u * QUIRE_PAGE_SIZE);
    cr_expect_eq(shm.client.core.window.pa.addr, PA + DRIVER);
    cr_expect_eq(shm.client.core.window.size, CLIENT);
    config.driver_pages = 15;
    cr_expect_eq(quire_shm_init(&shm, &config, NULL), QUIRE_OK);
    cr_expect_eq(shm.driver.core.window.size, 15u * QUIRE_PAGE_SIZE);
    cr_expect_eq(shm.client.core.window.size, QUIRE_PAGE_SIZE);
}

Test(shm, shm_driver_is_served_when_the_clients_have_all_memory_and_all_book)
{
    struct quire_shm_driver_pool_handle handle;
    struct quire_shm_buffer *got[BUFFERS];
    struct quire_shm_buffer *none;
    unsigned i;

    begin();
    for (i = 0; i < BUFFERS; i++) {
        got[i] = get(QUIRE_PAGE_SIZE);
    }
    cr_expect_eq(quire_shm_alloc(&shm, 1, &none), QUIRE_NO_MEMORY);
    cr_expect_null(none);
    cr_expect_eq(quire_shm_driver_pool_alloc(&shm.driver, DRIVER, &handle), QUIRE_OK);
    cr_expect_eq(quire_shm_driver_pool_free(&shm.driver, &handle), QUIRE_OK);
    for (i = 0; i < BUFFERS; i++) {
        cr_expect_eq(quire_shm_put(got[i]), QUIRE_OK);
    }
    (void)get(CLIENT);
    cr_expect_eq(quire_shm_alloc(&shm, 1, &none), QUIRE_NO_SPACE);
    cr_expect_eq(quire_shm_driver_pool_alloc(&shm.driver, DRIVER, &handle), QUIRE_OK);
}

Test(shm, shm_clients_are_served_when_the_driver_has_all_memory_and_all_book)
{
    struct quire_shm_driver_pool_handle handle;
    unsigned n = 0;

    begin();
    while (quire_shm_driver_pool_alloc(&shm.driver, 8, &handle) == QUIRE_OK) {
        n++;
    }
    cr_expect_geq(n, 16);
    cr_expect_eq(quire_shm_put(get(CLIENT)), QUIRE_OK);
    begin();
    cr_expect_eq(quire_shm_driver_pool_alloc(&shm.driver, DRIVER, &handle), QUIRE_OK);
    cr_expect_eq(quire_shm_driver_pool_alloc(&shm.driver, 1, &handle), QUIRE_NO_SPACE);
    (void)get(CLIENT);
}

/* ---- Buffers ---- */

Test(shm, shm_buffer_is_whole_zeroed_pages_that_an_area_could_show)
{
    struct quire_shm_buffer *buffer;
    struct quire_view view;
    struct quire_pa pa;
    uint32_t npages;

    begin();
    buffer = get(QUIRE_PAGE_SIZE + 1u);
    view = view_of(buffer);
    cr_expect_eq(buffer->size, QUIRE_PAGE_SIZE + 1u);
    cr_expect_null(buffer->user);
    cr_expect_eq(view.size, QUIRE_PAGE_SIZE + 1u);
    cr_expect_eq(view.va % QUIRE_PAGE_SIZE, 0);
    cr_expect_eq(view.pa.addr % QUIRE_PAGE_SIZE, 0);
    cr_expect_eq(count_bytes(window, SIZE, 0), 2u * QUIRE_PAGE_SIZE);
    cr_expect_eq(count_bytes(window + (view.pa.addr - PA), 2u * QUIRE_PAGE_SIZE, 0), 2u * QUIRE_PAGE_SIZE);
    cr_expect(quire_fobj_is_unpaged(&buffer->phys.base));
    cr_expect_eq(buffer->phys.base.num_pages, 2);
    cr_expect_eq(buffer->phys.base.max_prot, QUIRE_PROT_READ | QUIRE_PROT_WRITE);
    buffer->phys.base.ops->phys(&buffer->phys.base, 1, &pa, &npages);
    cr_expect_eq(pa.addr, view.pa.addr + QUIRE_PAGE_SIZE);
    cr_expect_eq(quire_shm_buffer_of(&buffer->phys.base), buffer);
}

Test(shm, shm_buffers_permit_what_the_user_says)
{
    struct quire_shm_config config = config_of();

    config.max_prot = QUIRE_PROT_READ;
    cr_assert_eq(quire_shm_init(&shm, &config, NULL), QUIRE_OK);
    cr_expect_eq(get(1)->phys.base.max_prot, QUIRE_PROT_READ);
}

Test(shm, shm_buffer_goes_back_wiped_at_its_last_put)
{
    struct quire_shm_buffer *buffer;
    struct quire_view view;
    size_t at;

    begin();
    buffer = get(3u * QUIRE_PAGE_SIZE - 5u);
    view = view_of(buffer);
    at = (size_t)(view.pa.addr - PA);
    memset(window, 0x77, SIZE);
    cr_expect_eq(quire_shm_get(buffer), QUIRE_OK);
    buffer->user = &shm;
    cr_expect_eq(quire_fobj_get(&buffer->phys.base), QUIRE_OK);
    cr_expect_eq(quire_shm_put(buffer), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&buffer->phys.base), QUIRE_OK);
    cr_expect_eq(count_bytes(window, SIZE, 0x77), SIZE, "wiped while somebody has it");
    cr_expect_eq(quire_shm_view(buffer, &view), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&buffer->phys.base), QUIRE_OK);
    cr_expect_eq(count_bytes(window + at, 3u * QUIRE_PAGE_SIZE, 0), 3u * QUIRE_PAGE_SIZE);
    cr_expect_eq(count_bytes(window, SIZE, 0x77), SIZE - 3u * QUIRE_PAGE_SIZE, "a neighbour was wiped");
    cr_expect_eq(count_bytes(memory, QUIRE_PAGE_SIZE, 0x5a), QUIRE_PAGE_SIZE);
    cr_expect_eq(count_bytes(window + SIZE, QUIRE_PAGE_SIZE, 0x5a), QUIRE_PAGE_SIZE);
    cr_expect_eq(quire_shm_put(buffer), QUIRE_UNDERFLOW);
    cr_expect_eq(quire_shm_get(buffer), QUIRE_DEAD);
    cr_expect_eq(quire_shm_view(buffer, &view), QUIRE_DEAD);
    cr_expect_null(get(CLIENT)->user, "the user's word of another life"); /* and all memory is there again */
}

Test(shm, shm_refuses_null_and_nothing)
{
    struct quire_shm_buffer *buffer;
    struct quire_view view;
    struct quire_pa pa;
    uintptr_t va;

    begin();
    cr_expect_eq(quire_shm_alloc(&shm, 0, &buffer), QUIRE_INVALID);
    cr_expect_null(buffer);
    cr_expect_eq(quire_shm_alloc(&shm, 1, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_shm_alloc(NULL, 1, &buffer), QUIRE_INVALID);
    cr_expect_eq(quire_shm_get(NULL), QUIRE_INVALID);
    cr_expect_eq(quire_shm_put(NULL), QUIRE_INVALID);
    cr_expect_eq(quire_shm_view(NULL, &view), QUIRE_INVALID);
    buffer = get(1);
    cr_expect_eq(quire_shm_view(buffer, NULL), QUIRE_INVALID);
    cr_expect_null(quire_shm_buffer_of(NULL));
    cr_expect_eq(quire_shm_va_to_pa(NULL, (uintptr_t)window, &pa), QUIRE_INVALID);
    cr_expect_eq(quire_shm_va_to_pa(&shm, (uintptr_t)window, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_shm_pa_to_va(NULL, quire_pa_make(PA), &va), QUIRE_INVALID);
    cr_expect_eq(quire_shm_pa_to_va(&shm, quire_pa_make(PA), NULL), QUIRE_INVALID);
    cr_expect_eq(quire_shm_find_buffer(NULL, quire_pa_make(PA + DRIVER), 1, &buffer, &view), QUIRE_INVALID);
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(PA + DRIVER), 1, NULL, &view), QUIRE_INVALID);
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(PA + DRIVER), 1, &buffer, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_shm_find_message(NULL, quire_pa_make(PA), 1, &view), QUIRE_INVALID);
    cr_expect_eq(quire_shm_find_message(&shm, quire_pa_make(PA), 1, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_shm_fini(NULL, NULL, NULL), QUIRE_INVALID);
    cr_expect(quire_shm_walk(NULL, NULL, NULL));
}

Test(shm, shm_refuses_sizes_beyond_its_memory)
{
    struct quire_shm_buffer *buffer;

    begin();
    cr_expect_eq(quire_shm_alloc(&shm, CLIENT + 1u, &buffer), QUIRE_NO_SPACE);
    cr_expect_eq(quire_shm_alloc(&shm, SIZE_MAX, &buffer), QUIRE_NO_SPACE);
    cr_expect_eq(quire_shm_alloc(&shm, SIZE_MAX / 2u, &buffer), QUIRE_NO_SPACE);
    (void)get(CLIENT);
    cr_expect_eq(quire_shm_fini(&shm, NULL, NULL), QUIRE_BUSY);
}

static void release_nothing(void *ctx, struct quire_fobj *fobj)
{
    (void)ctx, (void)fobj;
}

Test(shm, shm_knows_its_buffers_from_other_objects)
{
    static const struct quire_fobj_ops no_ops;
    struct quire_fobj_phys_config config;
    struct quire_fobj_phys other;
    struct quire_fobj bare;

    memset(&config, 0, sizeof config);
    config.npages = 1;
    config.max_prot = QUIRE_PROT_READ;
    config.release = release_nothing;
    cr_assert_eq(quire_fobj_phys_init(&other, &config), QUIRE_OK);
    cr_expect_null(quire_shm_buffer_of(&other.base));
    memset(&bare, 0, sizeof bare);
    cr_expect_null(quire_shm_buffer_of(&bare));
    bare.ops = &no_ops;
    cr_expect_null(quire_shm_buffer_of(&bare));
}

/* ---- Translation ---- */

Test(shm, shm_translates_within_its_bounds_and_nowhere_else)
{
    struct quire_pa pa;
    uintptr_t va;

    begin();
    cr_expect_eq(quire_shm_va_to_pa(&shm, (uintptr_t)window, &pa), QUIRE_OK);
    cr_expect_eq(pa.addr, PA);
    cr_expect_eq(quire_shm_va_to_pa(&shm, (uintptr_t)window + SIZE - 1u, &pa), QUIRE_OK);
    cr_expect_eq(pa.addr, PA + SIZE - 1u);
    cr_expect_eq(quire_shm_va_to_pa(&shm, (uintptr_t)window + SIZE, &pa), QUIRE_INVALID);
    cr_expect_eq(quire_shm_va_to_pa(&shm, (uintptr_t)window - 1u, &pa), QUIRE_INVALID);
    cr_expect_eq(quire_shm_pa_to_va(&shm, quire_pa_make(PA + 5u), &va), QUIRE_OK);
    cr_expect_eq(va, (uintptr_t)window + 5u);
    cr_expect_eq(quire_shm_pa_to_va(&shm, quire_pa_make(PA + SIZE), &va), QUIRE_INVALID);
    cr_expect_eq(quire_shm_pa_to_va(&shm, quire_pa_make(PA - 1u), &va), QUIRE_INVALID);
    cr_expect_eq(quire_shm_pa_to_va(&shm, quire_pa_make(5), &va), QUIRE_INVALID);
}

Test(shm, shm_finds_the_buffer_of_a_physical_range_and_takes_a_reference)
{
    struct quire_shm_buffer *first;
    struct quire_shm_buffer *second;
    struct quire_shm_buffer *found;
    struct quire_view slice;
    uint64_t pa;

    begin();
    first = get(QUIRE_PAGE_SIZE);
    second = get(QUIRE_PAGE_SIZE + 100u);
    pa = view_of(second).pa.addr;
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(pa + 40u), 60, &found, &slice), QUIRE_OK);
    cr_expect_eq(found, second);
    cr_expect_eq(slice.pa.addr, pa + 40u);
    cr_expect_eq(slice.size, 60);
    cr_expect_eq(quire_refcount_read(&second->phys.base.refs), 2);
    cr_expect_eq(quire_shm_put(found), QUIRE_OK);
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(pa), QUIRE_PAGE_SIZE + 100u, &found, &slice), QUIRE_OK);
    cr_expect_eq(quire_shm_put(found), QUIRE_OK);

    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(pa), QUIRE_PAGE_SIZE + 101u, &found, &slice), QUIRE_NOT_FOUND);
    cr_expect_null(found);
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(pa + QUIRE_PAGE_SIZE + 100u), 1, &found, &slice), QUIRE_NOT_FOUND);
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(pa + 2u * QUIRE_PAGE_SIZE), 1, &found, &slice), QUIRE_NOT_FOUND);
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(pa - 1u), 2, &found, &slice), QUIRE_NOT_FOUND,
                 "two buffers are one");
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(pa), 0, &found, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(pa), UINT64_MAX, &found, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(PA + DRIVER - 1u), 2, &found, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(PA), 1, &found, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(PA + SIZE), 1, &found, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_shm_put(second), QUIRE_OK);
    cr_expect_eq(quire_shm_find_buffer(&shm, quire_pa_make(pa), 1, &found, &slice), QUIRE_NOT_FOUND, "a dead buffer is found");
    cr_expect_eq(quire_shm_put(first), QUIRE_OK);
    cr_expect_eq(quire_shm_fini(&shm, NULL, NULL), QUIRE_OK);
}

Test(shm, shm_says_so_when_a_buffer_can_have_no_more_references)
{
    struct quire_shm_buffer *buffer;
    struct quire_shm_buffer *found;
    struct quire_view slice;

    begin();
    buffer = get(1);
    quire_refcount_init(&buffer->phys.base.refs, QUIRE_REFCOUNT_MAX);
    cr_expect_eq(quire_shm_find_buffer(&shm, view_of(buffer).pa, 1, &found, &slice), QUIRE_LIMIT);
    cr_expect_null(found);
    cr_expect_eq(quire_shm_get(buffer), QUIRE_LIMIT);
}

Test(shm, shm_finds_the_message_of_a_physical_range)
{
    struct quire_shm_driver_pool_handle handles[2];
    struct quire_view slice;
    unsigned i;

    begin();
    for (i = 0; i < 2u; i++) {
        cr_assert_eq(quire_shm_driver_pool_alloc(&shm.driver, 16, &handles[i]), QUIRE_OK);
    }
    cr_expect_eq(quire_shm_find_message(&shm, quire_pa_make(PA + 20u), 12, &slice), QUIRE_OK);
    cr_expect_eq(slice.pa.addr, PA + 20u);
    cr_expect_eq(slice.size, 12);
    cr_expect_eq(quire_shm_find_message(&shm, quire_pa_make(PA + 20u), 13, &slice), QUIRE_NOT_FOUND);
    cr_expect_eq(quire_shm_find_message(&shm, quire_pa_make(PA + 8u), 16, &slice), QUIRE_NOT_FOUND);
    cr_expect_eq(quire_shm_find_message(&shm, quire_pa_make(PA + DRIVER), 1, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_shm_find_message(&shm, quire_pa_make(PA), UINT64_MAX, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_shm_driver_pool_free(&shm.driver, &handles[1]), QUIRE_OK);
    cr_expect_eq(quire_shm_find_message(&shm, quire_pa_make(PA + 20u), 1, &slice), QUIRE_NOT_FOUND);
}

/* ---- The end ---- */

struct list {
    unsigned n;
    unsigned stop; /* say stop at this many; 0: never */
    struct quire_shm_live live[8];
};

static bool enter(void *ctx, const struct quire_shm_live *live)
{
    struct list *list = ctx;

    cr_assert_lt(list->n, 8);
    list->live[list->n++] = *live;
    return list->n != list->stop;
}

Test(shm, shm_fini_lists_messages_and_buffers_and_changes_nothing)
{
    struct quire_shm_driver_pool_handle handle;
    struct quire_shm_buffer *buffer;
    struct list list;
    unsigned i;

    begin();
    memset(&list, 0, sizeof list);
    cr_expect(quire_shm_walk(&shm, enter, &list));
    cr_expect_eq(list.n, 0);
    buffer = get(QUIRE_PAGE_SIZE + 1u);
    cr_assert_eq(quire_shm_get(buffer), QUIRE_OK);
    cr_assert_eq(quire_shm_driver_pool_alloc(&shm.driver, 9, &handle), QUIRE_OK);
    cr_expect_eq(quire_shm_fini(&shm, enter, &list), QUIRE_BUSY);
    cr_assert_eq(list.n, 2);
    cr_expect_eq(list.live[0].kind, QUIRE_SHM_MESSAGE);
    cr_expect_eq(list.live[0].pa.addr, PA);
    cr_expect_eq(list.live[0].size, 16);
    cr_expect_eq(list.live[0].refs, 1);
    cr_expect_null(list.live[0].fobj);
    cr_expect_eq(list.live[1].kind, QUIRE_SHM_BUFFER);
    cr_expect_eq(list.live[1].pa.addr, PA + DRIVER);
    cr_expect_eq(list.live[1].size, 2u * QUIRE_PAGE_SIZE);
    cr_expect_eq(list.live[1].refs, 2);
    cr_expect_eq(list.live[1].fobj, &buffer->phys.base);
    for (i = 1; i < 3u; i++) {
        list.n = 0;
        list.stop = i;
        cr_expect_not(quire_shm_walk(&shm, enter, &list));
        cr_expect_eq(list.n, i);
    }
    cr_expect_eq(quire_shm_driver_pool_free(&shm.driver, &handle), QUIRE_OK);
    cr_expect_eq(quire_shm_fini(&shm, NULL, NULL), QUIRE_BUSY);
    cr_expect_eq(quire_shm_put(buffer), QUIRE_OK);
    cr_expect_eq(quire_shm_put(buffer), QUIRE_OK);
    cr_expect_eq(quire_shm_fini(&shm, NULL, NULL), QUIRE_OK);
    cr_expect_eq(quire_shm_fini(&shm, NULL, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_shm_alloc(&shm, 1, &buffer), QUIRE_INVALID);
}

/* ---- An allocator for the structures ---- */

static struct {
    unsigned out;
    bool stray; /* hand out shared memory */
} heap;

static void *heap_alloc(void *ctx, size_t size, size_t align)
{
    cr_assert_eq(ctx, &heap);
    cr_assert_leq(align, 16);
    heap.out++;
    return heap.stray ? window + SIZE - 8u : malloc(size);
}

static void heap_free(void *ctx, void *ptr, size_t size)
{
    cr_assert_eq(ctx, &heap);
    cr_assert_eq(size, sizeof(struct quire_shm_buffer));
    heap.out--;
    if (!heap.stray) {
        free(ptr);
    }
}

Test(shm, shm_takes_the_structures_of_buffers_from_an_allocator)
{
    struct quire_mem mem = {&heap, heap_alloc, heap_free};
    struct quire_shm_config config = config_of();
    struct quire_shm_buffer *got[4];
    struct quire_shm_buffer *none;
    unsigned i;

    config.buffers = NULL;
    config.num_buffers = 0;
    config.mem = &mem;
    cr_assert_eq(quire_shm_init(&shm, &config, NULL), QUIRE_OK);
    for (i = 0; i < 4u; i++) {
        got[i] = get(3u * QUIRE_PAGE_SIZE);
    }
    cr_expect_eq(quire_shm_alloc(&shm, 1, &none), QUIRE_NO_SPACE);
    cr_expect_eq(heap.out, 4, "a refused request keeps its structure");
    for (i = 0; i < 4u; i++) {
        cr_expect_eq(quire_shm_put(got[i]), QUIRE_OK);
        cr_expect_eq(heap.out, 3u - i);
    }
    heap.stray = true;
    cr_expect_eq(quire_shm_alloc(&shm, 1, &none), QUIRE_NO_MEMORY, "a structure where the other world writes");
    cr_expect_eq(heap.out, 0);
    cr_expect_eq(quire_shm_fini(&shm, NULL, NULL), QUIRE_OK);
}

/* ---- The lock ---- */

static struct {
    unsigned held;
    unsigned locks;
} watch;

static uintptr_t watch_lock(void *ctx)
{
    cr_assert_eq(ctx, &watch);
    cr_assert_eq(watch.held, 0, "the lock was taken twice");
    watch.held = 1;
    return ++watch.locks;
}

static void watch_unlock(void *ctx, uintptr_t key)
{
    cr_assert_eq(ctx, &watch);
    cr_assert_eq(watch.held, 1);
    cr_assert_eq(key, watch.locks, "another lock's key");
    watch.held = 0;
}

static void *unlocked_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx, (void)align;
    cr_assert_eq(watch.held, 0, "allocates with the lock held");
    return malloc(size);
}

static void unlocked_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx, (void)size;
    cr_assert_eq(watch.held, 0, "frees with the lock held");
    free(ptr);
}

static bool look_locked(void *ctx, const struct quire_shm_live *live)
{
    (void)live;
    cr_assert_eq(watch.held, 1);
    ++*(unsigned *)ctx;
    return true;
}

Test(shm, shm_lock_is_balanced_and_never_held_around_an_allocator)
{
    struct quire_mem mem = {NULL, unlocked_alloc, unlocked_free};
    struct quire_shm_config config = config_of();
    struct quire_shm_driver_pool_handle handle;
    struct quire_shm_buffer *buffer;
    struct quire_shm_buffer *found;
    struct quire_view view;
    unsigned n = 0;

    config.buffers = NULL;
    config.num_buffers = 0;
    config.mem = &mem;
    config.lock = watch_lock;
    config.unlock = watch_unlock;
    config.lock_ctx = &watch;
    cr_assert_eq(quire_shm_init(&shm, &config, NULL), QUIRE_OK);
    buffer = get(100);
    cr_expect_eq(quire_shm_alloc(&shm, CLIENT, &found), QUIRE_NO_SPACE);
    cr_expect_eq(quire_shm_driver_pool_alloc(&shm.driver, 100, &handle), QUIRE_OK);
    (void)view_of(buffer);
    cr_expect_eq(quire_shm_find_buffer(&shm, view_of(buffer).pa, 1, &found, &view), QUIRE_OK);
    cr_expect_eq(quire_shm_find_buffer(&shm, view_of(buffer).pa, 101, &found, &view), QUIRE_NOT_FOUND);
    cr_expect_eq(quire_shm_find_message(&shm, quire_pa_make(PA), 1, &view), QUIRE_OK);
    cr_expect_eq(quire_shm_fini(&shm, look_locked, &n), QUIRE_BUSY);
    cr_expect_eq(n, 2);
    cr_expect_eq(quire_shm_driver_pool_free(&shm.driver, &handle), QUIRE_OK);
    cr_expect_eq(quire_shm_put(buffer), QUIRE_OK);
    cr_expect_eq(quire_shm_put(buffer), QUIRE_OK);
    cr_expect_eq(quire_shm_fini(&shm, NULL, NULL), QUIRE_OK);
    cr_expect_eq(watch.held, 0);
    cr_expect_gt(watch.locks, 20);
}
