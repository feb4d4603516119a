/* Files and slices from the first to the last put, in which the n-th allocation, or the n-th file_init, fails, for every n. A failed
 * step says so and changes nothing, it succeeds when it is tried again after the failure, and nothing is left at the end. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quire/file.h"

enum { OBJECTS = 5, PAGES = 4, FILES = 3 };
enum kind { ALLOC, INIT, KINDS };

static const char *const kind_name[] = {"allocation", "file_init"};

/* ---- What may fail ---- */

struct failure {
    uint64_t calls;
    uint64_t hits;
    uint64_t nth;   /* counted down; 0: never */
    uint64_t times; /* it and the times - 1 after it */
};

static struct {
    struct quire_file_table table;
    struct quire_fobj object[OBJECTS];
    uint32_t slots[OBJECTS][PAGES];
    unsigned freed[OBJECTS];
    struct quire_file *file[FILES];
    struct quire_file_slice found; /* with a reference, if fobj is set */
    struct failure failure[KINDS];
    size_t bytes;
    size_t blocks;
    unsigned begun;
    unsigned ended;
    bool locked;
} life;

static bool fails(enum kind kind)
{
    struct failure *failure = &life.failure[kind];

    failure->calls++;
    if (failure->nth > 1) {
        failure->nth--;
        return false;
    }
    if (failure->nth == 0 || failure->times == 0) {
        return false;
    }
    failure->times--;
    failure->hits++;
    return true;
}

/* ---- Hooks ---- */

static void *alloc(void *ctx, size_t size, size_t align)
{
    void *block = NULL;

    (void)ctx;
    cr_assert_not(life.locked);
    if (fails(ALLOC) || posix_memalign(&block, align < sizeof(void *) ? sizeof(void *) : align, size) != 0) {
        return NULL;
    }
    memset(block, 0xa5, size);
    life.bytes += size;
    life.blocks++;
    return block;
}

static void release(void *ctx, void *block, size_t size)
{
    (void)ctx;
    cr_assert_not(life.locked);
    cr_assert(life.blocks != 0 && life.bytes >= size);
    life.bytes -= size;
    life.blocks--;
    free(block);
}

static uintptr_t lock(void *ctx)
{
    (void)ctx;
    cr_assert_not(life.locked);
    life.locked = true;
    return 5;
}

static void unlock(void *ctx, uintptr_t key)
{
    (void)ctx;
    cr_assert(life.locked && key == 5u);
    life.locked = false;
}

static enum quire_status file_init(void *ctx, struct quire_file *file)
{
    (void)ctx;
    cr_assert_null(file->user);
    if (fails(INIT)) {
        return QUIRE_INTEGRITY;
    }
    file->user = &life;
    life.begun++;
    return QUIRE_OK;
}

static void file_fini(void *ctx, struct quire_file *file)
{
    (void)ctx;
    cr_assert_eq(file->user, &life);
    life.ended++;
}

static enum quire_status load(struct quire_io *io)
{
    (void)io;
    return QUIRE_OK;
}

static void object_free(struct quire_fobj *object)
{
    life.freed[object - life.object]++;
}

/* ---- The steps ---- */

static struct quire_file_slice slice(unsigned object, uint32_t page_offset, uintptr_t bias)
{
    struct quire_file_slice s;

    memset(&s, 0, sizeof s);
    s.fobj = &life.object[object];
    s.page_offset = page_offset;
    s.bias = bias;
    return s;
}

static enum quire_status make(unsigned which, const char *tag, unsigned num_slices)
{
    const struct quire_file_slice slices[3] = {slice(0, 0, 0), slice(1, 4, 0), slice(2, 0, 4096)};
    struct quire_file *const before = life.file[which];
    enum quire_status status =
        quire_file_new(&life.table, (const uint8_t *)tag, strlen(tag), slices, num_slices, &life.file[which]);

    cr_assert_eq(life.file[which] != NULL, status == QUIRE_OK || status == QUIRE_EXISTS);
    if (life.file[which] == NULL) {
        life.file[which] = before;
    }
    return status;
}

static enum quire_status make_first(void)
{
    return make(0, "the first", 3);
}

static enum quire_status make_empty(void)
{
    return make(1, "without slices", 0);
}

/* Somebody else loads the first file too. */
static enum quire_status make_again(void)
{
    enum quire_status status = make(2, "the first", 2);

    cr_assert_neq(status, QUIRE_OK);
    if (status != QUIRE_EXISTS) {
        return status;
    }
    cr_assert_eq(life.file[2], life.file[0]);
    return QUIRE_OK;
}

static enum quire_status add(unsigned which, struct quire_file_slice s)
{
    return quire_file_add_slice(life.file[which], &s);
}

static enum quire_status add_third(void)
{
    return add(0, slice(3, 8, 0));
}

static enum quire_status add_bias(void)
{
    return add(0, slice(4, 4, 4096));
}

static enum quire_status add_to_empty(void)
{
    return add(1, slice(3, 100, 0));
}

static enum quire_status add_over_another(void)
{
    enum quire_status status = add(0, slice(4, 7, 0));

    cr_assert_neq(status, QUIRE_OK);
    return status == QUIRE_EXISTS ? QUIRE_OK : status;
}

static enum quire_status find(void)
{
    return quire_file_find_slice(life.file[2], 9, 0, &life.found);
}

static enum quire_status put_found(void)
{
    struct quire_fobj *object = life.found.fobj;

    cr_assert(object == &life.object[3] && life.found.page_offset == 8);
    life.found.fobj = NULL;
    return quire_fobj_put(object);
}

static enum quire_status put_first(void)
{
    struct quire_file *file = life.file[0];

    life.file[0] = NULL;
    return quire_file_put(file);
}

/* The last reference but one is gone: the file is still there for those who know its tag. */
static enum quire_status get_by_tag(void)
{
    return quire_file_get_by_tag(&life.table, (const uint8_t *)"the first", 9, &life.file[0]);
}

static enum quire_status put_empty(void)
{
    struct quire_file *file = life.file[1];

    life.file[1] = NULL;
    return quire_file_put(file);
}

/* A file of that tag is made anew. */
static enum quire_status make_empty_again(void)
{
    return make(1, "without slices", 1);
}

static const struct {
    const char *name;
    enum quire_status (*run)(void);
} steps[] = {
    {"make the first", make_first},
    {"make the empty", make_empty},
    {"make again", make_again},
    {"add the third", add_third},
    {"add with a bias", add_bias},
    {"add to the empty", add_to_empty},
    {"add over another", add_over_another},
    {"find", find},
    {"put the first", put_first},
    {"put the found", put_found},
    {"get by tag", get_by_tag},
    {"put the empty", put_empty},
    {"make the empty again", make_empty_again},
};
enum { STEPS = sizeof steps / sizeof steps[0] };

/* ---- One life ---- */

static void begin(void)
{
    static const struct quire_fobj_ops ops = {.name = "object", .load = load, .free = object_free};
    struct quire_file_hooks hooks;
    struct quire_mem mem;
    unsigned i;

    memset(&life, 0, sizeof life);
    memset(&hooks, 0, sizeof hooks);
    memset(&mem, 0, sizeof mem);
    mem.alloc = alloc;
    mem.free = release;
    hooks.lock = lock;
    hooks.unlock = unlock;
    hooks.file_init = file_init;
    hooks.file_fini = file_fini;
    cr_assert_eq(quire_file_table_init(&life.table, &mem, &hooks), QUIRE_OK);
    for (i = 0; i < OBJECTS; i++) {
        cr_assert_eq(quire_fobj_init(&life.object[i], &ops, PAGES, life.slots[i], QUIRE_PROT_READ, 0), QUIRE_OK);
    }
}

/* Puts all that is left: nothing in it can fail. */
static void finish(void)
{
    unsigned i;

    if (life.found.fobj != NULL) {
        cr_assert_eq(put_found(), QUIRE_OK);
    }
    for (i = 0; i < OBJECTS; i++) {
        cr_assert_eq(quire_fobj_put(&life.object[i]), QUIRE_OK);
    }
    for (i = 0; i < FILES; i++) {
        cr_assert_null(quire_file_table_check(&life.table));
        cr_assert(life.file[i] == NULL || quire_file_put(life.file[i]) == QUIRE_OK);
    }
    for (i = 0; i < OBJECTS; i++) {
        cr_assert_eq(life.freed[i], 1, "object %u was freed %u times", i, life.freed[i]);
    }
    cr_assert_eq(quire_file_table_fini(&life.table), QUIRE_OK);
    cr_assert_eq(life.bytes, 0);
    cr_assert_eq(life.blocks, 0);
    cr_assert_eq(life.begun, life.ended);
}

struct books {
    size_t bytes;
    size_t blocks;
    uint32_t files;
    uint32_t slices;
    uint32_t refs[OBJECTS + FILES];
    unsigned alive; /* begun and not ended: a loader that is too slow begins and ends a file */
};

static void take_books(struct books *books)
{
    unsigned i;

    memset(books, 0, sizeof *books);
    books->bytes = life.bytes;
    books->blocks = life.blocks;
    books->files = life.table.num_files;
    books->alive = life.begun - life.ended;
    for (i = 0; i < OBJECTS; i++) {
        books->refs[i] = quire_refcount_read(&life.object[i].refs);
    }
    for (i = 0; i < FILES; i++) {
        books->slices += life.file[i] != NULL ? life.file[i]->num_first + life.file[i]->num_added : 0;
        books->refs[OBJECTS + i] = life.file[i] != NULL ? quire_refcount_read(&life.file[i]->refs) : 0;
    }
}

/* Lives once, the nth call of that kind and the times - 1 after it failing; `for_ever`: until two tries of a step have failed and all
 * is ended. Returns how often a step failed. */
static unsigned live(enum kind kind, uint64_t nth, uint64_t times, bool for_ever)
{
    unsigned failures = 0;
    unsigned tries = 0;
    size_t i = 0;

    begin();
    life.failure[kind].nth = nth;
    life.failure[kind].times = times;
    while (i < STEPS && !(for_ever && tries == 2u)) {
        uint64_t hits = life.failure[kind].hits;
        enum quire_status should;
        enum quire_status status;
        struct books before;
        struct books after;

        take_books(&before);
        status = steps[i].run();
        take_books(&after);
        should = life.failure[kind].hits == hits ? QUIRE_OK : kind == ALLOC ? QUIRE_NO_MEMORY : QUIRE_INTEGRITY;
        cr_assert_eq(status, should, "%s %ju fails: %s says %s", kind_name[kind], (uintmax_t)nth, steps[i].name,
                     quire_status_name(status));
        cr_assert(status == QUIRE_OK || memcmp(&before, &after, sizeof before) == 0, "%s %ju fails: %s changed something",
                  kind_name[kind], (uintmax_t)nth, steps[i].name);
        cr_assert_null(quire_file_table_check(&life.table));
        failures += status != QUIRE_OK ? 1u : 0u;
        tries = status != QUIRE_OK ? tries + 1u : 0;
        i += status == QUIRE_OK ? 1u : 0u;
    }
    finish();
    return failures;
}

static void every(enum kind kind, uint64_t times, bool for_ever, uint64_t least)
{
    uint64_t total;
    uint64_t n;

    cr_assert_eq(live(kind, 0, 0, false), 0);
    total = life.failure[kind].calls;
    cr_assert_geq(total, least);
    for (n = 1; n <= total; n++) {
        uint64_t should = for_ever ? 2u : times;
        unsigned failures = live(kind, n, times, for_ever);

        cr_assert_eq(failures, should, "%s %ju fails: %u failures were seen", kind_name[kind], (uintmax_t)n, failures);
    }
}

Test(file_life_cycle, survives_that_any_allocation_fails)
{
    every(ALLOC, 1, false, 8);
}

Test(file_life_cycle, survives_that_any_three_allocations_fail)
{
    every(ALLOC, 3, false, 8);
}

Test(file_life_cycle, can_be_ended_while_every_allocation_fails)
{
    every(ALLOC, UINT64_MAX, true, 8);
}

Test(file_life_cycle, survives_that_any_file_init_fails)
{
    every(INIT, 1, false, 4);
}

Test(file_life_cycle, survives_that_any_three_file_inits_fail)
{
    every(INIT, 3, false, 4);
}

Test(file_life_cycle, can_be_ended_while_every_file_init_fails)
{
    every(INIT, UINT64_MAX, true, 4);
}
