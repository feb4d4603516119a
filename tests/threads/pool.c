/* pool.h: two threads return pieces, and the one that began first is done first. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>

#include "quire/pool.h"

#define SIZE QUIRE_PAGE_SIZE
#define PA ((uint64_t)7 << 33)

static _Alignas(4096) unsigned char window[SIZE];
static uint64_t book[QUIRE_POOL_BOOK_BYTES(SIZE, 16, QUIRE_POOL_TRAIT_ZERO_FREE, 8) / 8u];
static struct quire_pool pool;
static struct quire_pool_handle piece[2];

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t leaving[2]; /* the piece is on its way back, and nobody has the lock */
static sem_t go_on[2];   /* its thread may wipe it */
static __thread sem_t *stop_here;
static __thread sem_t *until;

static uintptr_t lock(void *ctx)
{
    (void)ctx;
    pthread_mutex_lock(&mutex);
    return 0;
}

/* A thread that returns a piece stops once, between the entry in the list of those that leave and the wipe. */
static void unlock(void *ctx, uintptr_t key)
{
    sem_t *stop = stop_here;

    (void)ctx, (void)key;
    pthread_mutex_unlock(&mutex);
    if (stop != NULL) {
        stop_here = NULL;
        sem_post(stop);
        sem_wait(until);
    }
}

static void *give_back(void *number)
{
    unsigned i = *(const unsigned *)number;
    enum quire_status status;

    stop_here = &leaving[i];
    until = &go_on[i];
    status = quire_pool_free(&pool, &piece[i]);
    return status == QUIRE_OK ? number : NULL;
}

static void begin(void)
{
    struct quire_pool_traits traits;
    struct quire_pool_config config;
    unsigned i;

    memset(&traits, 0, sizeof traits);
    traits.align = 16;
    traits.flags = QUIRE_POOL_TRAIT_ZERO_FREE;
    memset(&config, 0, sizeof config);
    config.book = book;
    config.book_bytes = sizeof book;
    config.lock = lock;
    config.unlock = unlock;
    cr_assert_eq(quire_view_make((uintptr_t)window, quire_pa_make(PA), SIZE, &config.window), QUIRE_OK);
    cr_assert_eq(quire_pool_init(&pool, &traits, &config), QUIRE_OK);
    memset(window, 0x5a, sizeof window);
    for (i = 0; i < 2u; i++) {
        cr_assert_eq(sem_init(&leaving[i], 0, 0), 0);
        cr_assert_eq(sem_init(&go_on[i], 0, 0), 0);
        cr_assert_eq(quire_pool_alloc(&pool, 16, &piece[i]), QUIRE_OK);
    }
}

/* Is the piece, which is on its way back, nobody's? */
static void expect_leaving(const struct quire_pool_handle *handle)
{
    struct quire_view view;

    cr_assert_eq(quire_pool_free(&pool, handle), QUIRE_DEAD, "it was returned twice");
    cr_assert_eq(quire_pool_view(&pool, handle, &view), QUIRE_DEAD);
    cr_assert_eq(quire_pool_find(&pool, quire_pa_make(handle->region.base), 1, &view), QUIRE_NOT_FOUND);
    cr_assert_eq(quire_pool_fini(&pool, NULL, NULL), QUIRE_BUSY);
}

Test(pool, pool_return_that_ends_leaves_the_others_alone, .timeout = 60)
{
    unsigned first;

    for (first = 0; first < 2u; first++) { /* in the order in which they began, and the other way round */
        static unsigned number[2] = {0, 1};
        unsigned second = 1u - first;
        pthread_t thread[2];
        void *done = NULL;
        unsigned i;

        begin();
        for (i = 0; i < 2u; i++) {
            cr_assert_eq(pthread_create(&thread[i], NULL, give_back, &number[i]), 0);
            sem_wait(&leaving[i]);
        }
        expect_leaving(&piece[first]);
        expect_leaving(&piece[second]);
        sem_post(&go_on[first]);
        cr_assert_eq(pthread_join(thread[first], &done), 0);
        cr_expect_not_null(done);
        expect_leaving(&piece[second]);
        sem_post(&go_on[second]);
        cr_assert_eq(pthread_join(thread[second], &done), 0);
        cr_expect_not_null(done);
        for (i = 0; i < 32u; i++) {
            cr_expect_eq(window[i], 0, "byte %u", i);
        }
        cr_expect_eq(quire_pool_fini(&pool, NULL, NULL), QUIRE_OK);
    }
}
