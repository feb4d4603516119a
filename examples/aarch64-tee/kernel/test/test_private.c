/* test_private.c - private objects, from the cipher's keys to the places of their pages, and a normal world that lies. SPDX-License-Identifier: BSD-2-Clause
 *
 * Normal memory is an array, and what the kernel gives them (entropy.h, measure.h, mutex.h, reaper.h) is here.
 */
#include "kernel/entropy.h"
#include "kernel/measure.h"
#include "kernel/pageable/private_objects.h"
#include "kernel/seal.h"

#include "bytes.h"

#include <pthread.h>
#include <stdlib.h>

#define PAGES 8u    /* of an object */
#define DONATED 32u /* pages */
#define NODES 16u   /* of the book */
#define THREADS 4u

/* ---- The kernel's part ---- */

static uint8_t entropy_count;

void entropy_fill(void *bytes, size_t len)
{
    memset(bytes, ++entropy_count, len);
}

void mutex_lock(struct mutex *mutex)
{
    cr_assert_eq(mutex->held, 0);
    mutex->held = 1;
}

void mutex_unlock(struct mutex *mutex)
{
    cr_assert_eq(mutex->held, 1);
    mutex->held = 0;
}

/* The callbacks stay as they are: nothing is measured here. */
void measure_rw_store(struct quire_fobj_rw_store *store)
{
    (void)store;
}

static struct reapable *reapables;

void reap_later(struct reapable *reapable)
{
    reapable->next = reapables;
    reapables = reapable;
}

void reap(void)
{
    while (reapables != NULL) {
        struct reapable *reapable = reapables;

        reapables = reapable->next;
        reapable->reap(reapable);
    }
}

/* Secure memory: counted, and it can run out. */
struct secure {
    size_t used;
    size_t most;
};

static void *secure_alloc(void *ctx, size_t size, size_t align)
{
    struct secure *secure = ctx;
    void *memory;

    (void)align;
    if (size > secure->most - secure->used) {
        return NULL;
    }
    secure->used += size;
    memory = malloc(size);
    cr_assert_not_null(memory);
    return memset(memory, 0xa5, size); /* what an earlier user left there */
}

static void secure_free(void *ctx, void *memory, size_t size)
{
    ((struct secure *)ctx)->used -= size;
    free(memory);
}

/* ---- The rig ---- */

static struct rig {
    uint8_t normal_memory[DONATED][TEST_PAGE];
    uint8_t buffers[THREADS][TEST_PAGE];
    struct quire_region_node nodes[NODES];
    struct sealing sealing;
    struct quire_sealer sealer;
    struct normal_store normal;
    struct secure secure;
    struct quire_mem mem;
    struct private_objects objects;
} rig __attribute__((aligned(TEST_PAGE)));

static void rig_begin(void)
{
    rig.secure.most = 1u << 20;
    rig.mem.ctx = &rig.secure;
    rig.mem.alloc = secure_alloc;
    rig.mem.free = secure_free;
    rig.objects.normal = &rig.normal;
    rig.objects.sealer = &rig.sealer;
    rig.objects.mem = &rig.mem;
    cr_assert_eq(seal_init(&rig.sealing, rig.buffers, THREADS), QUIRE_OK);
    cr_assert_eq(quire_sealer_init(&rig.sealer, &seal_hooks, &rig.sealing), QUIRE_OK);
    cr_assert_eq(normal_store_init(&rig.normal, rig.nodes, sizeof rig.nodes), QUIRE_OK);
    cr_assert_eq(normal_store_donate(&rig.normal, rig.normal_memory, sizeof rig.normal_memory), QUIRE_OK);
}

/* All is as it was at the beginning. */
static void rig_end(void)
{
    reap();
    cr_assert_eq(rig.secure.used, 0);
    cr_assert_eq(normal_store_available(&rig.normal), DONATED);
    cr_assert_eq(quire_sealer_fini(&rig.sealer), QUIRE_OK);
    cr_assert_eq(rig.sealing.buffers_free, (1u << THREADS) - 1);
    cr_assert_not(rig.sealing.key_used[0] || rig.sealing.key_used[1]);
}

static struct quire_fobj *make_object(void)
{
    struct quire_fobj *fobj = NULL;

    cr_assert_eq(private_object_make(&rig.objects, PAGES, &fobj), QUIRE_OK);
    return fobj;
}

/* Where normal memory has a page of an object. */
static uint8_t *place(struct quire_fobj *fobj, uint32_t pgidx)
{
    struct quire_fobj_rw *rw = QUIRE_CONTAINER_OF(fobj, struct quire_fobj_rw, base);

    return (uint8_t *)(uintptr_t)QUIRE_CONTAINER_OF(rw, struct private_object, rw)->run.base + pgidx * TEST_PAGE;
}

/* What the pager asks of an object when it evicts a page, and when it faults one in. */
static enum quire_status ask(struct quire_fobj *fobj, uint32_t pgidx, void *page, bool save)
{
    struct quire_io io;

    memset(&io, 0, sizeof io);
    io.fobj = fobj;
    io.pgidx = pgidx;
    io.npages = 1;
    io.page = &page;
    io.stored = true;
    return save ? fobj->ops->save(&io) : fobj->ops->load(&io);
}

static void save_page(struct quire_fobj *fobj, uint32_t pgidx, unsigned content)
{
    union text page;

    fill_page(page.bytes, content);
    cr_assert_eq(ask(fobj, pgidx, page.bytes, true), QUIRE_OK);
}

/* OK: and it is that content. Anything else: and nothing of the page is left. */
static enum quire_status load_page(struct quire_fobj *fobj, uint32_t pgidx, unsigned content)
{
    union text page, expected;
    enum quire_status status = ask(fobj, pgidx, page.bytes, false);

    memset(expected.bytes, 0, TEST_PAGE);
    if (status == QUIRE_OK) {
        fill_page(expected.bytes, content);
    }
    cr_assert_eq(memcmp(page.bytes, expected.bytes, TEST_PAGE), 0);
    return status;
}

/* ---- Keys and buffers ---- */

Test(seal, needs_buffers_that_it_can_count)
{
    struct sealing sealing;

    cr_assert_eq(seal_init(&sealing, NULL, 1), QUIRE_INVALID);
    cr_assert_eq(seal_init(&sealing, rig.buffers, 0), QUIRE_INVALID);
    cr_assert_eq(seal_init(&sealing, rig.buffers, SEAL_BUFFERS_MAX + 1), QUIRE_INVALID);
    cr_assert_eq(seal_init(&sealing, rig.buffers, SEAL_BUFFERS_MAX), QUIRE_OK);
    cr_assert_eq(sealing.buffers_free, UINT32_MAX);
}

Test(seal, lends_each_buffer_once, .init = rig_begin, .fini = rig_end)
{
    void *buffer[THREADS];
    unsigned i, k;

    for (i = 0; i < THREADS; i++) {
        buffer[i] = seal_hooks.buffer_get(&rig.sealing);
        cr_assert_not_null(buffer[i]);
        for (k = 0; k < i; k++) {
            cr_assert_neq(buffer[i], buffer[k]);
        }
    }
    cr_assert_null(seal_hooks.buffer_get(&rig.sealing));
    seal_hooks.buffer_put(&rig.sealing, buffer[2]);
    cr_assert_eq(seal_hooks.buffer_get(&rig.sealing), buffer[2]);
    for (i = 0; i < THREADS; i++) {
        seal_hooks.buffer_put(&rig.sealing, buffer[i]);
    }
}

static void *take_turns(void *arg)
{
    unsigned *lost = arg;
    unsigned i;

    for (i = 0; i < 20000; i++) {
        volatile uint8_t *buffer = seal_hooks.buffer_get(&rig.sealing);
        uint8_t mine = (uint8_t)(uintptr_t)arg;

        *buffer = mine;
        *lost += *buffer != mine;
        seal_hooks.buffer_put(&rig.sealing, (void *)(uintptr_t)buffer);
    }
    return NULL;
}

Test(seal, never_lacks_a_buffer_with_as_many_as_threads, .init = rig_begin, .fini = rig_end)
{
    static unsigned lost[THREADS];
    pthread_t thread[THREADS];
    unsigned i;

    for (i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&thread[i], NULL, take_turns, &lost[i]), 0);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        cr_expect_eq(lost[i], 0);
    }
}

Test(seal, has_two_keys_and_leaves_nothing_of_a_wiped_one, .init = rig_begin, .fini = rig_end)
{
    static const uint8_t seed[QUIRE_SEAL_SEED_BYTES] = {1};
    struct chacha20_key none = {{0}};
    void *key = NULL, *third = NULL;

    cr_assert_eq(seal_hooks.key_make(&rig.sealing, 2, seed, &key), QUIRE_OK);
    cr_assert_eq(seal_hooks.key_make(&rig.sealing, 3, seed, &third), QUIRE_NO_MEMORY);
    cr_assert_neq(memcmp(key, &none, sizeof none), 0);
    seal_hooks.key_wipe(&rig.sealing, key);
    cr_assert_eq(memcmp(key, &none, sizeof none), 0);
}

/* ---- Places ---- */

Test(normal_store, refuses_what_is_no_memory, .init = rig_begin, .fini = rig_end)
{
    struct normal_store other;
    struct quire_region run;
    uint8_t *end = rig.normal_memory[DONATED - 1] + TEST_PAGE;

    cr_assert_eq(normal_store_init(&other, NULL, sizeof rig.nodes), QUIRE_INVALID);
    cr_assert_eq(normal_store_init(&other, rig.nodes, sizeof rig.nodes[0] - 1), QUIRE_INVALID);
    cr_assert_eq(normal_store_donate(&rig.normal, end, 0), QUIRE_INVALID);
    cr_assert_eq(normal_store_donate(&rig.normal, NULL, 0), QUIRE_INVALID);
    cr_assert_eq(normal_store_donate(&rig.normal, end + 1, TEST_PAGE), QUIRE_INVALID);
    cr_assert_eq(normal_store_donate(&rig.normal, end, TEST_PAGE - 1), QUIRE_INVALID);
    cr_assert_eq(normal_store_donate(&rig.normal, end, UINT64_MAX - (TEST_PAGE - 1)), QUIRE_INVALID);
    cr_assert_eq(normal_store_take(&rig.normal, 0, &run), QUIRE_INVALID);
}

Test(normal_store, takes_no_page_twice, .init = rig_begin, .fini = rig_end)
{
    struct quire_region run;

    cr_assert_eq(normal_store_donate(&rig.normal, rig.normal_memory[DONATED - 1], 2 * TEST_PAGE), QUIRE_EXISTS);
    cr_assert_eq(normal_store_take(&rig.normal, DONATED, &run), QUIRE_OK);
    cr_assert_eq(normal_store_donate(&rig.normal, rig.normal_memory[3], TEST_PAGE), QUIRE_EXISTS);
    cr_assert_eq(normal_store_give(&rig.normal, &run), QUIRE_OK);
    cr_assert_eq(normal_store_give(&rig.normal, &run), QUIRE_DEAD);
}

Test(normal_store, runs_out_of_places, .init = rig_begin, .fini = rig_end)
{
    struct quire_region a, b, c;

    cr_assert_eq(normal_store_take(&rig.normal, DONATED + 1, &a), QUIRE_NO_SPACE);
    cr_assert_eq(normal_store_take(&rig.normal, UINT32_MAX, &a), QUIRE_NO_SPACE);
    cr_assert_eq(normal_store_take(&rig.normal, DONATED / 2, &a), QUIRE_OK);
    cr_assert_eq(normal_store_take(&rig.normal, DONATED / 2, &b), QUIRE_OK);
    cr_assert(a.last < b.base || b.last < a.base);
    cr_assert_eq(normal_store_take(&rig.normal, 1, &c), QUIRE_NO_SPACE);
    cr_assert_eq(normal_store_available(&rig.normal), 0);
    cr_assert_eq(normal_store_give(&rig.normal, &a), QUIRE_OK);
    cr_assert_eq(normal_store_take(&rig.normal, DONATED / 2, &c), QUIRE_OK);
    cr_assert_eq(normal_store_give(&rig.normal, &b), QUIRE_OK);
    cr_assert_eq(normal_store_give(&rig.normal, &c), QUIRE_OK);
}

Test(normal_store, runs_out_of_nodes)
{
    struct normal_store store;
    struct quire_region_node node[2];
    struct quire_region a, b;

    cr_assert_eq(normal_store_init(&store, node, sizeof node), QUIRE_OK);
    cr_assert_eq(normal_store_donate(&store, rig.normal_memory[0], 4 * TEST_PAGE), QUIRE_OK);
    cr_assert_eq(normal_store_donate(&store, rig.normal_memory[6], TEST_PAGE), QUIRE_OK);
    cr_assert_eq(normal_store_donate(&store, rig.normal_memory[9], TEST_PAGE), QUIRE_NO_MEMORY);
    cr_assert_eq(normal_store_take(&store, 2, &a), QUIRE_NO_MEMORY);
    cr_assert_eq(normal_store_take(&store, 4, &a), QUIRE_OK); /* a hole as a whole takes no node */
    cr_assert_eq(normal_store_take(&store, 1, &b), QUIRE_OK);
    cr_assert_eq(b.base, (uintptr_t)rig.normal_memory[6]);
}

Test(normal_store, joins_donations_that_touch, .init = rig_begin)
{
    static uint8_t more[4][TEST_PAGE] __attribute__((aligned(TEST_PAGE)));
    struct quire_region run;

    cr_assert_eq(normal_store_donate(&rig.normal, more[2], TEST_PAGE), QUIRE_OK);
    cr_assert_eq(normal_store_donate(&rig.normal, more[0], 2 * TEST_PAGE), QUIRE_OK);
    cr_assert_eq(normal_store_take(&rig.normal, 3, &run), QUIRE_OK); /* the best fit */
    cr_assert_eq(run.base, (uintptr_t)more[0]);
    cr_assert_eq(normal_store_available(&rig.normal), DONATED);
}

/* ---- Objects ---- */

Test(private_object, pages_leave_sealed_and_come_back, .init = rig_begin, .fini = rig_end)
{
    struct quire_fobj *fobj = make_object();
    union text plain;
    uint32_t i;

    for (i = 0; i < PAGES; i++) {
        save_page(fobj, i, i);
        fill_page(plain.bytes, i);
        cr_assert_neq(memcmp(place(fobj, i), plain.bytes, 16), 0);
    }
    for (i = 0; i < PAGES; i++) {
        cr_assert_eq(load_page(fobj, i, i), QUIRE_OK);
    }
    cr_assert_eq(quire_fobj_put(fobj), QUIRE_OK);
}

Test(private_object, equal_pages_are_sealed_differently, .init = rig_begin, .fini = rig_end)
{
    struct quire_fobj *fobj = make_object();
    union text first;

    save_page(fobj, 0, 1);
    save_page(fobj, 1, 1);
    cr_assert_neq(memcmp(place(fobj, 0), place(fobj, 1), TEST_PAGE), 0);
    memcpy(first.bytes, place(fobj, 0), TEST_PAGE);
    save_page(fobj, 0, 1);
    cr_assert_neq(memcmp(place(fobj, 0), first.bytes, TEST_PAGE), 0);
    cr_assert_eq(quire_fobj_put(fobj), QUIRE_OK);
}

Test(private_object, flipped_bits_are_refused, .init = rig_begin, .fini = rig_end)
{
    struct quire_fobj *fobj = make_object();
    unsigned at;

    save_page(fobj, 3, 7);
    for (at = 0; at < TEST_PAGE; at += 61) {
        place(fobj, 3)[at] ^= (uint8_t)(1u << at % 8);
        cr_expect_eq(load_page(fobj, 3, 7), QUIRE_INTEGRITY);
        place(fobj, 3)[at] ^= (uint8_t)(1u << at % 8);
    }
    cr_assert_eq(load_page(fobj, 3, 7), QUIRE_OK);
    cr_assert_eq(quire_fobj_put(fobj), QUIRE_OK);
}

Test(private_object, pages_of_other_places_are_refused, .init = rig_begin, .fini = rig_end)
{
    struct quire_fobj *fobj = make_object();
    struct quire_fobj *other = make_object();
    union text page;

    save_page(fobj, 0, 1);
    save_page(fobj, 1, 1);
    save_page(other, 0, 1);
    memcpy(page.bytes, place(fobj, 0), TEST_PAGE);
    memcpy(place(fobj, 0), place(fobj, 1), TEST_PAGE);
    memcpy(place(fobj, 1), page.bytes, TEST_PAGE);
    cr_expect_eq(load_page(fobj, 0, 1), QUIRE_INTEGRITY);
    cr_expect_eq(load_page(fobj, 1, 1), QUIRE_INTEGRITY);
    memcpy(place(fobj, 0), place(other, 0), TEST_PAGE);
    cr_expect_eq(load_page(fobj, 0, 1), QUIRE_INTEGRITY);
    memset(place(fobj, 0), 0, TEST_PAGE);
    cr_expect_eq(load_page(fobj, 0, 1), QUIRE_INTEGRITY);
    memcpy(place(fobj, 0), page.bytes, TEST_PAGE);
    cr_expect_eq(load_page(fobj, 0, 1), QUIRE_OK);
    cr_assert_eq(quire_fobj_put(fobj), QUIRE_OK);
    cr_assert_eq(quire_fobj_put(other), QUIRE_OK);
}

Test(private_object, older_pages_are_refused, .init = rig_begin, .fini = rig_end)
{
    struct quire_fobj *fobj = make_object();
    uint8_t *where = place(fobj, 5);
    union text old;

    save_page(fobj, 5, 1);
    memcpy(old.bytes, where, TEST_PAGE);
    save_page(fobj, 5, 2);
    memcpy(where, old.bytes, TEST_PAGE);
    cr_expect_eq(load_page(fobj, 5, 2), QUIRE_INTEGRITY);
    save_page(fobj, 5, 3);
    cr_expect_eq(load_page(fobj, 5, 3), QUIRE_OK);
    cr_assert_eq(quire_fobj_put(fobj), QUIRE_OK);
    reap();
    fobj = make_object(); /* at the same place */
    cr_assert_eq(place(fobj, 5), where);
    save_page(fobj, 5, 1);
    memcpy(where, old.bytes, TEST_PAGE);
    cr_expect_eq(load_page(fobj, 5, 1), QUIRE_INTEGRITY);
    cr_assert_eq(quire_fobj_put(fobj), QUIRE_OK);
}

struct world {
    uint8_t *byte;
    uint32_t stop; /* atomic */
};

static void *flip_all_the_time(void *arg)
{
    struct world *world = arg;

    while (__atomic_load_n(&world->stop, __ATOMIC_RELAXED) == 0) {
        __atomic_fetch_xor(world->byte, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* At whatever moment the world writes: the page as it was, or INTEGRITY. load_page() looks at each byte. */
Test(private_object, a_world_that_never_rests_gains_nothing, .init = rig_begin, .fini = rig_end)
{
    struct quire_fobj *fobj = make_object();
    unsigned good = 0, refused = 0;
    struct world world = {0};
    pthread_t thread;

    save_page(fobj, 0, 9);
    world.byte = place(fobj, 0) + 2000;
    cr_assert_eq(pthread_create(&thread, NULL, flip_all_the_time, &world), 0);
    while ((good < 10 || refused < 10) && good + refused < 200000) {
        enum quire_status status = load_page(fobj, 0, 9);

        good += status == QUIRE_OK;
        refused += status == QUIRE_INTEGRITY;
        cr_assert(status == QUIRE_OK || status == QUIRE_INTEGRITY);
    }
    __atomic_store_n(&world.stop, 1, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    cr_assert(good >= 10 && refused >= 10, "%u good, %u refused", good, refused);
    cr_assert_eq(quire_fobj_put(fobj), QUIRE_OK);
}

Test(private_object, no_buffer_keeps_the_page, .init = rig_begin, .fini = rig_end)
{
    struct quire_fobj *fobj = make_object();
    union text page;
    uint32_t all = rig.sealing.buffers_free;

    save_page(fobj, 0, 1);
    rig.sealing.buffers_free = 0;
    fill_page(page.bytes, 2);
    cr_assert_eq(ask(fobj, 0, page.bytes, true), QUIRE_NO_MEMORY);
    rig.sealing.buffers_free = all;
    cr_assert_eq(load_page(fobj, 0, 1), QUIRE_OK);
    cr_assert_eq(quire_fobj_put(fobj), QUIRE_OK);
}

/* Nobody counts unless told: the memory of an object is not zero. */
Test(private_object, pages_that_leave_are_counted_where_it_says, .init = rig_begin, .fini = rig_end)
{
    struct quire_fobj *fobj = make_object();
    struct private_object *object = QUIRE_CONTAINER_OF(fobj, struct private_object, rw.base);
    uint64_t count = 7;

    cr_assert_null(object->writes);
    save_page(fobj, 0, 1);
    object->writes = &count;
    save_page(fobj, 0, 2);
    save_page(fobj, 1, 3);
    cr_assert_eq(count, 9);
    cr_assert_eq(quire_fobj_put(fobj), QUIRE_OK);
}

Test(private_object, last_put_only_notes_that_it_died, .init = rig_begin, .fini = rig_end)
{
    struct quire_fobj *fobj = make_object();
    size_t used = rig.secure.used;

    cr_assert_eq(quire_fobj_put(fobj), QUIRE_OK);
    cr_assert_not_null(reapables);
    cr_assert_eq(rig.secure.used, used);
    cr_assert_eq(normal_store_available(&rig.normal), DONATED - PAGES);
    reap();
    cr_assert_eq(rig.secure.used, 0);
    cr_assert_eq(normal_store_available(&rig.normal), DONATED);
}

Test(private_object, takes_nothing_when_it_cannot_be_made, .init = rig_begin)
{
    struct quire_fobj *fobj = NULL;

    cr_assert_eq(private_object_make(&rig.objects, 0, &fobj), QUIRE_INVALID);
    cr_assert_eq(private_object_make(&rig.objects, DONATED + 1, &fobj), QUIRE_NO_SPACE);
    cr_assert_eq(private_object_make(&rig.objects, UINT32_MAX, &fobj), QUIRE_NO_MEMORY);
    rig.secure.most = sizeof(struct private_object) + PAGES * (sizeof(struct quire_seal_meta) + sizeof(uint32_t)) - 1;
    cr_assert_eq(private_object_make(&rig.objects, PAGES, &fobj), QUIRE_NO_MEMORY);
    rig.secure.most++;
    fobj = make_object();
    cr_assert_eq(quire_fobj_put(fobj), QUIRE_OK);
    rig_end(); /* and so ends the sealer */
    fobj = NULL;
    cr_assert_eq(private_object_make(&rig.objects, PAGES, &fobj), QUIRE_INVALID);
    cr_assert_null(fobj);
    cr_assert_eq(rig.secure.used, 0);
    cr_assert_eq(normal_store_available(&rig.normal), DONATED);
}
