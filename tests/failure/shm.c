/* A manager's life in which the n-th allocation fails, for every n, or its books have n nodes, for every n. A step that is
 * refused says so and changes nothing; when what was missing is there again the same step succeeds; and nothing is left at the
 * end. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "quire/shm.h"

#define PAGE QUIRE_PAGE_SIZE
#define PAGES 12u
#define SIZE (PAGES * PAGE)
#define PA ((uint64_t)9 << 33)
#define THINGS 6u

static _Alignas(4096) unsigned char window[SIZE];
static unsigned char before[SIZE];
static uint64_t driver_book[QUIRE_SHM_DRIVER_BOOK_BYTES(PAGES, 16) / 8u];
static uint64_t client_book[QUIRE_SHM_CLIENT_BOOK_BYTES(SIZE, 16) / 8u];
static struct quire_shm_buffer buffers[THINGS];
static uint64_t more[2][128]; /* enough that no book runs out twice */

static struct {
    unsigned calls;
    unsigned fail_at; /* which call fails; 0: none */
    bool for_ever;    /* and all behind it */
    unsigned out;
    unsigned held; /* the lock */
    unsigned locks;
} hooks;

static void *hook_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx, (void)align;
    cr_assert_eq(hooks.held, 0);
    hooks.calls++;
    if (hooks.fail_at != 0 && (hooks.for_ever ? hooks.calls >= hooks.fail_at : hooks.calls == hooks.fail_at)) {
        return NULL;
    }
    hooks.out++;
    return malloc(size);
}

static void hook_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    cr_assert_eq(hooks.held, 0);
    hooks.out--;
    memset(ptr, 0xdd, size); /* whoever still looks at it will notice */
    free(ptr);
}

static uintptr_t hook_lock(void *ctx)
{
    (void)ctx;
    cr_assert_eq(hooks.held, 0, "the lock was taken twice");
    hooks.held = 1;
    return ++hooks.locks;
}

static void hook_unlock(void *ctx, uintptr_t key)
{
    (void)ctx;
    cr_assert_eq(hooks.held, 1);
    cr_assert_eq(key, hooks.locks);
    hooks.held = 0;
}

static const struct quire_mem mem = {NULL, hook_alloc, hook_free};

/* What can be seen of a manager from outside. */
struct state {
    struct quire_pool_stats driver;
    struct quire_pool_stats client;
    uint32_t live;
    unsigned out;
    unsigned unused;
};

static struct state state_of(struct quire_shm *shm)
{
    const struct quire_shm_buffer *buffer;
    struct state state;

    memset(&state, 0, sizeof state);
    quire_shm_driver_pool_get_stats(&shm->driver, &state.driver);
    quire_shm_client_pool_get_stats(&shm->client, &state.client);
    state.driver.refused = 0; /* the one thing that a refusal changes */
    state.client.refused = 0;
    state.live = shm->live;
    state.out = hooks.out;
    for (buffer = shm->unused; buffer != NULL; buffer = buffer->next) {
        state.unused++;
    }
    return state;
}

static void begin(struct quire_shm *shm, bool array, unsigned driver_nodes, unsigned client_nodes)
{
    struct quire_shm_config config;

    memset(&hooks, 0, sizeof hooks);
    memset(&config, 0, sizeof config);
    memset(window, 0x5a, sizeof window);
    config.pa = quire_pa_make(PA);
    config.va = (uintptr_t)window;
    config.size = SIZE;
    config.driver_book = driver_book;
    config.driver_book_bytes = QUIRE_POOL_TABLE_BYTES((uint64_t)QUIRE_SHM_DRIVER_PAGES * PAGE / 8u) +
                               driver_nodes * QUIRE_POOL_NODE_BYTES((unsigned)quire_shm_driver_pool_flags);
    config.client_book = client_book;
    config.client_book_bytes = QUIRE_POOL_TABLE_BYTES((uint64_t)PAGES - QUIRE_SHM_DRIVER_PAGES) +
                               client_nodes * QUIRE_POOL_NODE_BYTES((unsigned)quire_shm_client_pool_flags);
    config.buffers = array ? buffers : NULL;
    config.num_buffers = array ? THINGS : 0;
    config.mem = array ? NULL : &mem;
    config.lock = hook_lock;
    config.unlock = hook_unlock;
    cr_assert_eq(quire_shm_init(shm, &config, NULL), QUIRE_OK);
}

/* Before a step that may be refused, and behind one that was. */
static struct state look(struct quire_shm *shm)
{
    memcpy(before, window, sizeof window);
    return state_of(shm);
}

static void expect_unchanged(struct quire_shm *shm, const struct state *state, enum quire_status status)
{
    struct state now = state_of(shm);

    cr_assert_eq(status, QUIRE_NO_MEMORY, "%s", quire_status_name(status));
    cr_assert_eq(memcmp(&now, state, sizeof now), 0, "a refused step changed the manager");
    cr_assert_eq(memcmp(window, before, sizeof window), 0, "a refused step wrote shared memory");
    cr_assert_eq(hooks.held, 0);
}

struct life {
    struct quire_shm shm;
    struct quire_shm_buffer *buffers[THINGS];
    struct quire_shm_driver_pool_handle messages[THINGS];
    unsigned refused;
};

static void make_buffer(struct life *life, unsigned i)
{
    struct state state = look(&life->shm);
    enum quire_status status = quire_shm_alloc(&life->shm, 1u + 100u * i, &life->buffers[i]);

    if (status != QUIRE_OK) {
        cr_assert_null(life->buffers[i]);
        expect_unchanged(&life->shm, &state, status);
        life->refused++;
        hooks.fail_at = 0;
        if (quire_shm_alloc(&life->shm, 1u + 100u * i, &life->buffers[i]) != QUIRE_OK) {
            cr_assert_eq(quire_shm_client_pool_add_book(&life->shm.client, more[0], sizeof more[0]), QUIRE_OK);
            cr_assert_eq(quire_shm_alloc(&life->shm, 1u + 100u * i, &life->buffers[i]), QUIRE_OK);
        }
    }
}

static void make_message(struct life *life, unsigned i)
{
    struct state state = look(&life->shm);
    enum quire_status status = quire_shm_driver_pool_alloc(&life->shm.driver, 8u + 8u * i, &life->messages[i]);

    if (status != QUIRE_OK) {
        expect_unchanged(&life->shm, &state, status);
        life->refused++;
        cr_assert_eq(quire_shm_driver_pool_add_book(&life->shm.driver, more[1], sizeof more[1]), QUIRE_OK);
        cr_assert_eq(quire_shm_driver_pool_alloc(&life->shm.driver, 8u + 8u * i, &life->messages[i]), QUIRE_OK);
    }
}

/* Makes, returns every other, makes again, returns all, ends. Returns how often a step was refused. */
static unsigned live_through(bool array, unsigned fail_at, bool for_ever, unsigned driver_nodes, unsigned client_nodes)
{
    static struct life life;
    unsigned round;
    unsigned i;

    memset(&life, 0, sizeof life);
    begin(&life.shm, array, driver_nodes, client_nodes);
    hooks.fail_at = fail_at;
    hooks.for_ever = for_ever;
    for (round = 0; round < 2u; round++) {
        for (i = 0; i < THINGS; i += 1u + round) {
            make_buffer(&life, i);
            make_message(&life, i);
        }
        for (i = 0; i < THINGS; i += 2u - round) {
            cr_assert_eq(quire_shm_put(life.buffers[i]), QUIRE_OK);
            cr_assert_eq(quire_shm_driver_pool_free(&life.shm.driver, &life.messages[i]), QUIRE_OK);
        }
    }
    cr_assert_eq(quire_shm_fini(&life.shm, NULL, NULL), QUIRE_OK);
    cr_assert_eq(hooks.out, 0, "structures were lost");
    return life.refused;
}

Test(shm, shm_survives_the_failure_of_every_allocation)
{
    unsigned n = 0;
    unsigned refused;

    do {
        n++;
        refused = live_through(false, n, false, 32, 32);
        cr_assert_leq(refused, 1);
    } while (refused != 0);
    cr_expect_eq(n, THINGS + THINGS / 2u + 1u, "%u allocations were made to fail", n - 1u);
}

Test(shm, shm_survives_when_all_allocations_fail_from_one_on)
{
    unsigned n;

    for (n = 1; n <= THINGS + THINGS / 2u; n++) {
        cr_expect_eq(live_through(false, n, true, 32, 32), 1);
    }
}

/* A piece takes a node and the hole behind it one: with n nodes the n-th piece is refused. */
Test(shm, shm_survives_the_exhaustion_of_either_book_at_every_point)
{
    unsigned n;

    for (n = 1; n <= THINGS + 2u; n++) {
        cr_expect_eq(live_through(true, 0, false, n, 32), n <= THINGS, "driver's book of %u", n);
        cr_expect_eq(live_through(true, 0, false, 32, n), n <= THINGS, "clients' book of %u", n);
        cr_expect_eq(live_through(false, 0, false, n, n), n <= THINGS ? 2u : 0u, "both of %u", n);
    }
}

Test(shm, shm_survives_the_exhaustion_of_its_array)
{
    static struct life life;
    struct quire_shm_buffer *none;
    struct state state;
    unsigned i;

    begin(&life.shm, true, 32, 32);
    for (i = 0; i < THINGS; i++) {
        make_buffer(&life, i);
    }
    cr_expect_eq(life.refused, 0);
    state = look(&life.shm);
    expect_unchanged(&life.shm, &state, quire_shm_alloc(&life.shm, 1, &none));
    cr_expect_null(none);
    cr_expect_eq(quire_shm_put(life.buffers[3]), QUIRE_OK);
    make_buffer(&life, 3);
    cr_expect_eq(life.refused, 0);
    for (i = 0; i < THINGS; i++) {
        cr_expect_eq(quire_shm_put(life.buffers[i]), QUIRE_OK);
        cr_expect_eq(quire_shm_put(life.buffers[i]), QUIRE_UNDERFLOW);
    }
    cr_expect_eq(quire_shm_fini(&life.shm, NULL, NULL), QUIRE_OK);
}

/* No space is no lack of memory: the structure goes back to where it came from. */
Test(shm, shm_gives_the_structure_back_when_no_pages_are_left)
{
    static struct quire_shm shm;
    struct quire_shm_buffer *all;
    struct quire_shm_buffer *none;
    unsigned array;

    for (array = 0; array < 2u; array++) {
        struct state state;
        struct state now;

        begin(&shm, array != 0, 32, 32);
        cr_assert_eq(quire_shm_alloc(&shm, SIZE - QUIRE_SHM_DRIVER_PAGES * PAGE, &all), QUIRE_OK);
        state = look(&shm);
        cr_expect_eq(quire_shm_alloc(&shm, 1, &none), QUIRE_NO_SPACE);
        now = state_of(&shm);
        cr_expect_eq(memcmp(&now, &state, sizeof now), 0);
        cr_expect_eq(quire_shm_put(all), QUIRE_OK);
        cr_expect_eq(quire_shm_fini(&shm, NULL, NULL), QUIRE_OK);
        cr_expect_eq(hooks.out, 0);
    }
}
