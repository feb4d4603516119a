/* shm.h: many threads take, share, find and return the same few pages. Whoever has a buffer finds in it what was written last,
 * nobody gets memory that is somebody's or is not clean, and the last put, by whatever thread, returns it once. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "property.h"
#include "quire/shm.h"

#define PAGE QUIRE_PAGE_SIZE
#define PAGES 12u
#define SIZE (PAGES * PAGE)
#define PA ((uint64_t)9 << 33)
#define THREADS 6u
#define SLOTS 3u
#define ROUNDS 1500u

static _Alignas(4096) unsigned char window[SIZE];
static uint64_t driver_book[QUIRE_SHM_DRIVER_BOOK_BYTES(PAGES, 64) / 8u];
static uint64_t client_book[QUIRE_SHM_CLIENT_BOOK_BYTES(SIZE, PAGES) / 8u];
static struct quire_shm shm;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t slots_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t counts_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;
static long allocated; /* these two under counts_mutex */
static unsigned wrong;

/* Buffers that everybody may take a reference to, each with one of its own; under slots_mutex. */
static struct quire_shm_buffer *slots[SLOTS];

struct worker {
    pthread_t thread;
    struct property p;
    unsigned made;
    unsigned shared;
    unsigned found;
    unsigned messages;
};

/* Lets others run where it hurts most: between deciding and acting. */
static uintptr_t lock(void *ctx)
{
    (void)ctx;
    sched_yield();
    pthread_mutex_lock(&mutex);
    return 0;
}

static void unlock(void *ctx, uintptr_t key)
{
    (void)ctx, (void)key;
    pthread_mutex_unlock(&mutex);
    sched_yield();
}

/* Criterion's assertions belong to the test's own thread. */
static void expect(bool holds)
{
    if (!holds) {
        pthread_mutex_lock(&counts_mutex);
        wrong++;
        pthread_mutex_unlock(&counts_mutex);
    }
}

static void count(long change)
{
    pthread_mutex_lock(&counts_mutex);
    allocated += change;
    pthread_mutex_unlock(&counts_mutex);
}

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx, (void)align;
    count((long)size);
    return malloc(size);
}

static void mem_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    count(-(long)size);
    memset(ptr, 0xdd, size); /* whoever still looks at it will notice */
    free(ptr);
}

/* A new piece is zero; its owner's mark is in it until it goes back. (All sharers of a buffer know its mark: its size.) */
static void claim(const struct quire_view *view, uint64_t mark)
{
    uint64_t value = 1;

    expect(quire_view_load64(view, 0, &value) == QUIRE_OK && value == 0);
    expect(quire_view_load64(view, view->size - 8u, &value) == QUIRE_OK && value == 0);
    expect(quire_view_store64(view, 0, mark) == QUIRE_OK);
    expect(quire_view_store64(view, view->size - 8u, mark) == QUIRE_OK);
}

static void expect_mark(const struct quire_view *view, uint64_t mark)
{
    uint64_t value = 0;

    expect(quire_view_load64(view, 0, &value) == QUIRE_OK && value == mark);
    expect(quire_view_load64(view, view->size - 8u, &value) == QUIRE_OK && value == mark);
}

static void expect_whole(struct quire_shm_buffer *buffer)
{
    struct quire_view view;

    if (quire_shm_view(buffer, &view) == QUIRE_OK) {
        expect_mark(&view, view.size);
    } else {
        expect(false);
    }
}

/* Makes a buffer and leaves it in a slot; what was there goes. */
static void make(struct worker *w)
{
    size_t size = 8u * (1u + property_below(&w->p, 2u * PAGE / 8u));
    struct quire_shm_buffer *buffer;
    struct quire_shm_buffer *old;
    struct quire_view view;
    unsigned slot = property_below(&w->p, SLOTS);

    if (quire_shm_alloc(&shm, size, &buffer) != QUIRE_OK) {
        return; /* the others have all pages */
    }
    if (quire_shm_view(buffer, &view) == QUIRE_OK) {
        claim(&view, size);
    }
    w->made++;
    pthread_mutex_lock(&slots_mutex);
    old = slots[slot];
    slots[slot] = buffer;
    pthread_mutex_unlock(&slots_mutex);
    expect(old == NULL || quire_shm_put(old) == QUIRE_OK);
}

static void share(struct worker *w)
{
    struct quire_shm_buffer *buffer;

    pthread_mutex_lock(&slots_mutex);
    buffer = slots[property_below(&w->p, SLOTS)];
    if (buffer != NULL) {
        expect(quire_shm_get(buffer) == QUIRE_OK);
    }
    pthread_mutex_unlock(&slots_mutex);
    if (buffer != NULL) {
        w->shared++;
        expect_whole(buffer);
        expect(quire_fobj_put(&buffer->phys.base) == QUIRE_OK);
    }
}

/* An address as the other world would send it: any. It may meet a buffer that is just dying, and one whose mark is not yet
 * written. */
static void find(struct worker *w)
{
    struct quire_pa pa = quire_pa_make(PA + property_below(&w->p, PAGES) * PAGE);
    struct quire_shm_buffer *buffer;
    struct quire_view slice;

    if (quire_shm_find_buffer(&shm, pa, 8, &buffer, &slice) == QUIRE_OK) {
        w->found++;
        expect(quire_shm_buffer_of(&buffer->phys.base) == buffer);
        expect(quire_shm_view(buffer, &slice) == QUIRE_OK && quire_view_contains_pa(&slice, pa, 8));
        expect(quire_shm_put(buffer) == QUIRE_OK);
    }
    (void)(quire_shm_find_message(&shm, pa, 8, &slice) == QUIRE_OK);
}

static void talk(struct worker *w)
{
    struct quire_shm_driver_pool_handle handle;
    struct quire_view view;
    size_t size = 8u * (1u + property_below(&w->p, 100));

    if (quire_shm_driver_pool_alloc(&shm.driver, size, &handle) != QUIRE_OK) {
        return;
    }
    w->messages++;
    if (quire_shm_driver_pool_view(&shm.driver, &handle, &view) == QUIRE_OK) {
        claim(&view, (uint64_t)(uintptr_t)w);
        sched_yield();
        expect_mark(&view, (uint64_t)(uintptr_t)w);
    }
    expect(quire_shm_driver_pool_free(&shm.driver, &handle) == QUIRE_OK);
    expect(quire_shm_driver_pool_free(&shm.driver, &handle) == QUIRE_DEAD);
}

static void *work(void *arg)
{
    struct worker *w = arg;
    uint64_t round;

    pthread_barrier_wait(&barrier);
    for (round = 0; round < w->p.rounds; round++) {
        switch (property_below(&w->p, 4)) {
        case 0:
            make(w);
            break;
        case 1:
            share(w);
            break;
        case 2:
            find(w);
            break;
        default:
            talk(w);
        }
    }
    return NULL;
}

static void begin(void)
{
    static const struct quire_mem mem = {NULL, mem_alloc, mem_free};
    struct quire_shm_config config;

    memset(&config, 0, sizeof config);
    config.pa = quire_pa_make(PA);
    config.va = (uintptr_t)window;
    config.size = SIZE;
    config.driver_pages = 1; /* less than all threads want */
    config.driver_book = driver_book;
    config.driver_book_bytes = sizeof driver_book;
    config.client_book = client_book;
    config.client_book_bytes = sizeof client_book;
    config.mem = &mem;
    config.lock = lock;
    config.unlock = unlock;
    cr_assert_eq(quire_shm_init(&shm, &config, NULL), QUIRE_OK);
}

Test(shm, shm_is_shared_by_threads_without_a_byte_or_a_page_lost)
{
    struct property seed = property_begin("shm_threads", ROUNDS);
    static struct worker workers[THREADS];
    struct worker sum;
    unsigned i;

    memset(&sum, 0, sizeof sum);
    begin();
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (i = 0; i < THREADS; i++) {
        workers[i].p.rounds = seed.rounds;
        workers[i].p.state = property_bits(&seed);
        cr_assert_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        sum.made += workers[i].made;
        sum.shared += workers[i].shared;
        sum.found += workers[i].found;
        sum.messages += workers[i].messages;
    }
    for (i = 0; i < SLOTS; i++) {
        if (slots[i] != NULL) {
            expect_whole(slots[i]);
            cr_expect_eq(quire_shm_put(slots[i]), QUIRE_OK);
        }
    }
    cr_expect_eq(wrong, 0, "%u expectations failed", wrong);
    cr_expect_gt(sum.made, 0);
    cr_expect_gt(sum.shared, 0);
    cr_expect_gt(sum.found, 0);
    cr_expect_gt(sum.messages, 0);
    cr_expect_eq(quire_shm_fini(&shm, NULL, NULL), QUIRE_OK);
    cr_expect_eq(allocated, 0);
    for (i = 0; i < SIZE; i++) {
        cr_assert_eq(window[i], 0, "byte %u was left behind", i);
    }
}

/* The last reference is put by all threads at once: one of them returns the buffer, while the manager waits for it. */
static struct quire_shm_buffer *everyones;

static void *put_it(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&barrier);
    expect(quire_shm_put(everyones) == QUIRE_OK);
    return NULL;
}

Test(shm, shm_last_put_may_come_from_any_thread_while_the_manager_ends)
{
    pthread_t threads[THREADS];
    enum quire_status status;
    unsigned round;
    unsigned i;

    for (round = 0; round < 30u; round++) {
        begin();
        memset(window, 0, SIZE);
        pthread_barrier_init(&barrier, NULL, THREADS + 1u);
        cr_assert_eq(quire_shm_alloc(&shm, PAGE, &everyones), QUIRE_OK);
        for (i = 1; i < THREADS; i++) {
            cr_assert_eq(quire_shm_get(everyones), QUIRE_OK);
        }
        for (i = 0; i < THREADS; i++) {
            cr_assert_eq(pthread_create(&threads[i], NULL, put_it, NULL), 0);
        }
        pthread_barrier_wait(&barrier);
        do {
            status = quire_shm_fini(&shm, NULL, NULL);
            sched_yield();
        } while (status == QUIRE_BUSY);
        cr_expect_eq(status, QUIRE_OK);
        memset(&shm, 0xdd, sizeof shm); /* nobody looks at it any more */
        for (i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
        pthread_barrier_destroy(&barrier);
        cr_expect_eq(allocated, 0);
    }
    cr_expect_eq(wrong, 0);
}
