/* file.h: many threads make, find, fill and put the same few files. No file is lost, none is there twice. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "property.h"
#include "quire/file.h"

#define THREADS 8u
#define TAGS 6u /* about one thread for each: most puts may be last ones, and meet a look-up */
#define ROUNDS 2000u

static struct quire_file_table table;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t counts_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;
static long allocated; /* these four under counts_mutex */
static long files;
static long objects;
static unsigned wrong;

struct worker {
    pthread_t thread;
    struct property p;
    unsigned made;
    unsigned shared;
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

static void count(long *what, long change)
{
    pthread_mutex_lock(&counts_mutex);
    *what += change;
    pthread_mutex_unlock(&counts_mutex);
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

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx, (void)align;
    count(&allocated, (long)size);
    return malloc(size);
}

static void mem_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    count(&allocated, -(long)size);
    memset(ptr, 0xdd, size); /* whoever still looks at it will notice */
    free(ptr);
}

static enum quire_status file_init(void *ctx, struct quire_file *file)
{
    pthread_mutex_t *own = malloc(sizeof *own);

    (void)ctx;
    if (own == NULL || pthread_mutex_init(own, NULL) != 0) {
        free(own);
        return QUIRE_NO_MEMORY;
    }
    file->user = own;
    count(&files, 1);
    return QUIRE_OK;
}

static void file_fini(void *ctx, struct quire_file *file)
{
    (void)ctx;
    pthread_mutex_destroy(file->user);
    free(file->user);
    count(&files, -1);
}

static void file_lock(void *ctx, struct quire_file *file)
{
    (void)ctx;
    pthread_mutex_lock(file->user);
}

static bool file_trylock(void *ctx, struct quire_file *file)
{
    (void)ctx;
    return pthread_mutex_trylock(file->user) == 0;
}

static void file_unlock(void *ctx, struct quire_file *file)
{
    (void)ctx;
    pthread_mutex_unlock(file->user);
}

static enum quire_status load(struct quire_io *io)
{
    (void)io;
    return QUIRE_OK;
}

struct object {
    struct quire_fobj fobj; /* first */
    uint32_t slot;
    uint32_t tag; /* of the file it belongs to */
};

static void object_free(struct quire_fobj *fobj)
{
    memset(fobj, 0xdd, sizeof(struct object));
    free(fobj);
    count(&objects, -1);
}

static const struct quire_fobj_ops ops = {"object", 0, load, NULL, NULL, object_free};

/* A slice of one page at `page`, with a new object that the caller has the only reference to. */
static struct quire_file_slice make_slice(uint32_t tag, uint32_t page)
{
    struct quire_file_slice slice = {NULL, 0, 0, 0};
    struct object *object = calloc(1, sizeof *object);

    expect(object != NULL && quire_fobj_init(&object->fobj, &ops, 1, &object->slot, QUIRE_PROT_READ, 0) == QUIRE_OK);
    object->tag = tag;
    count(&objects, 1);
    slice.fobj = &object->fobj;
    slice.page_offset = page;
    return slice;
}

static void look_at_slice(struct quire_file *file, uint32_t tag, uint32_t page, bool must)
{
    struct quire_file_slice found;
    enum quire_status status = quire_file_find_slice(file, page, 0, &found);

    expect(status == QUIRE_OK || (!must && status == QUIRE_NOT_FOUND));
    if (status == QUIRE_OK) {
        expect(((struct object *)(void *)found.fobj)->tag == tag);
        expect(quire_fobj_put(found.fobj) == QUIRE_OK);
    }
}

/* Who has a reference finds this file under its tag and can make no other. */
static void expect_only_one(struct quire_file *file, uint32_t tag)
{
    struct quire_file_slice slice = make_slice(tag, 0);
    struct quire_file *found;

    expect(quire_file_get_by_tag(&table, (const uint8_t *)&tag, sizeof tag, &found) == QUIRE_OK && found == file);
    expect(quire_file_put(found) == QUIRE_OK);
    expect(quire_file_new(&table, (const uint8_t *)&tag, sizeof tag, &slice, 1, &found) == QUIRE_EXISTS && found == file);
    expect(quire_file_put(found) == QUIRE_OK);
    expect(quire_fobj_put(slice.fobj) == QUIRE_OK);
}

static void use(struct worker *worker, struct quire_file *file, uint32_t tag)
{
    uint32_t page = 1u + property_below(&worker->p, 4u);
    struct quire_file_slice late;
    enum quire_status status;

    look_at_slice(file, tag, 0, true);
    sched_yield();
    if (property_below(&worker->p, 4u) == 0) {
        expect_only_one(file, tag);
    }
    if (property_below(&worker->p, 4u) == 0) {
        late = make_slice(tag, page);
        status = quire_file_add_slice(file, &late);
        expect(status == QUIRE_OK || status == QUIRE_EXISTS);
        expect(quire_fobj_put(late.fobj) == QUIRE_OK);
        look_at_slice(file, tag, page, true);
    }
    if (property_below(&worker->p, 4u) == 0 && quire_file_trylock(file) == QUIRE_OK) {
        expect(quire_file_unlock(file) == QUIRE_OK);
    }
    look_at_slice(file, tag, page, false);
}

static void *work(void *arg)
{
    struct worker *worker = arg;
    unsigned i;

    pthread_barrier_wait(&barrier);
    for (i = 0; i < ROUNDS; i++) {
        uint32_t tag = property_below(&worker->p, TAGS);
        struct quire_file *file;

        if (quire_file_get_by_tag(&table, (const uint8_t *)&tag, sizeof tag, &file) != QUIRE_OK) {
            struct quire_file_slice slice = make_slice(tag, 0);
            enum quire_status status = quire_file_new(&table, (const uint8_t *)&tag, sizeof tag, &slice, 1, &file);

            expect(status == QUIRE_OK || status == QUIRE_EXISTS);
            expect(quire_fobj_put(slice.fobj) == QUIRE_OK);
            worker->made += status == QUIRE_OK;
            worker->shared += status == QUIRE_EXISTS;
        }
        use(worker, file, tag);
        expect(quire_file_put(file) == QUIRE_OK);
    }
    return NULL;
}

Test(threads, files_are_neither_lost_nor_doubled)
{
    static const struct quire_mem mem = {NULL, mem_alloc, mem_free};
    static const struct quire_file_hooks hooks = {NULL,      lock,      unlock,       file_init,
                                                  file_fini, file_lock, file_trylock, file_unlock};
    static struct worker worker[THREADS];
    struct property p = property_begin("file threads", ROUNDS);
    unsigned made = 0;
    unsigned shared = 0;
    unsigned i;

    cr_assert_eq(quire_file_table_init(&table, &mem, &hooks), QUIRE_OK);
    cr_assert_eq(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (i = 0; i < THREADS; i++) {
        worker[i].p.state = property_bits(&p);
        cr_assert_eq(pthread_create(&worker[i].thread, NULL, work, &worker[i]), 0);
    }
    for (i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(worker[i].thread, NULL), 0);
        made += worker[i].made;
        shared += worker[i].shared;
    }
    cr_assert_eq(wrong, 0u);
    cr_assert_gt(made, TAGS, "no file ever ended: the test proves nothing");
    cr_assert_lt(made, THREADS * ROUNDS, "no file was ever shared: the test proves nothing");
    printf("%u files made, %u races lost\n", made, shared);
    cr_assert_null(quire_file_table_check(&table));
    cr_assert_eq(quire_file_table_fini(&table), QUIRE_OK);
    cr_assert_eq(files, 0);
    cr_assert_eq(objects, 0);
    cr_assert_eq(allocated, 0);
}
