/* file.h: tags that are told apart, slices that never overlap, references that balance, and nothing done under the lock. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "quire/file.h"

#define FOBJS 8u
#define FOBJ_PAGES 4u
#define GRAVES 64u

static struct quire_file_table table;
static struct quire_fobj fobj[FOBJS]; /* of FOBJ_PAGES pages each */
static uint32_t slots[FOBJ_PAGES];
static unsigned freed[FOBJS];

/* ---- Hooks, all of which know whether the table's lock is held ---- */

static bool locked;
static uintptr_t keys;
static size_t bytes; /* allocated now */
static unsigned allocations;
static unsigned fail_at; /* the allocation that fails, counted from 1; 0: none */
static bool bury;        /* freed memory stays readable */
static void *grave[GRAVES];
static unsigned graves;
static unsigned begun;
static unsigned ended;
static enum quire_status begin_with; /* what file_init answers */
static enum quire_status put_in_fini, get_in_fini;
static bool file_locked;
static unsigned file_lock_calls;

static uintptr_t lock(void *ctx)
{
    cr_assert_eq(ctx, &table);
    cr_assert_not(locked, "the lock was taken twice");
    locked = true;
    return ++keys;
}

static void unlock(void *ctx, uintptr_t key)
{
    cr_assert_eq(ctx, &table);
    cr_assert(locked);
    cr_assert_eq(key, keys, "unlock was not given what lock returned");
    locked = false;
}

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
    void *ptr;

    cr_assert_eq(ctx, &bytes);
    cr_assert_not(locked, "allocated with the lock held");
    if (++allocations == fail_at) {
        return NULL;
    }
    ptr = malloc(size);
    cr_assert_not_null(ptr);
    cr_assert_eq((uintptr_t)ptr % align, 0u);
    memset(ptr, 0xa5, size); /* its content must not matter */
    bytes += size;
    return ptr;
}

static void mem_free(void *ctx, void *ptr, size_t size)
{
    cr_assert_eq(ctx, &bytes);
    cr_assert_not(locked, "freed with the lock held");
    cr_assert_geq(bytes, size);
    bytes -= size;
    if (bury) {
        cr_assert_lt(graves, GRAVES);
        grave[graves++] = ptr;
    } else {
        free(ptr);
    }
}

static enum quire_status file_init(void *ctx, struct quire_file *file)
{
    cr_assert_eq(ctx, &table);
    cr_assert_not(locked);
    cr_assert_null(file->user);
    file->user = &begun;
    begun += begin_with == QUIRE_OK;
    return begin_with;
}

static void file_fini(void *ctx, struct quire_file *file)
{
    cr_assert_eq(ctx, &table);
    cr_assert_not(locked);
    cr_assert_eq(file->user, &begun);
    ended++;
    if (quire_refcount_read(&file->refs) == 0) {
        get_in_fini = quire_file_get(file);
        put_in_fini = quire_file_put(file);
    }
}

static void file_lock(void *ctx, struct quire_file *file)
{
    cr_assert_eq(ctx, &table);
    cr_assert(file != NULL && !locked && !file_locked);
    file_locked = true;
    file_lock_calls++;
}

static bool file_trylock(void *ctx, struct quire_file *file)
{
    cr_assert_eq(ctx, &table);
    cr_assert(file != NULL && !locked);
    file_lock_calls++;
    if (file_locked) {
        return false;
    }
    file_locked = true;
    return true;
}

static void file_unlock(void *ctx, struct quire_file *file)
{
    cr_assert_eq(ctx, &table);
    cr_assert(file != NULL && file_locked);
    file_locked = false;
    file_lock_calls++;
}

static enum quire_status load(struct quire_io *io)
{
    (void)io;
    return QUIRE_OK;
}

static void fobj_free(struct quire_fobj *of)
{
    cr_assert_not(locked, "an object died with the lock held");
    freed[of - fobj]++;
}

static const struct quire_fobj_ops ops = {"plain", 0, load, NULL, NULL, fobj_free};
static const struct quire_mem mem = {&bytes, mem_alloc, mem_free};

static struct quire_file_hooks all_hooks(void)
{
    struct quire_file_hooks hooks = {&table, lock, unlock, file_init, file_fini, file_lock, file_trylock, file_unlock};

    return hooks;
}

/* ---- The fixture ---- */

static void setup(void)
{
    struct quire_file_hooks hooks = all_hooks();
    unsigned i;

    cr_assert_eq(quire_file_table_init(&table, &mem, &hooks), QUIRE_OK);
    for (i = 0; i < FOBJS; i++) {
        cr_assert_eq(quire_fobj_init(&fobj[i], &ops, FOBJ_PAGES, slots, QUIRE_PROT_READ, 0), QUIRE_OK);
    }
}

/* Every file has gone: is all memory back, and every object referred to by the test alone? */
static void teardown(void)
{
    unsigned i;

    cr_assert_null(quire_file_table_check(&table));
    cr_assert_eq(quire_file_table_fini(&table), QUIRE_OK);
    cr_assert_eq(bytes, 0u);
    cr_assert_eq(begun, ended);
    cr_assert_not(locked);
    for (i = 0; i < FOBJS; i++) {
        cr_assert_eq(quire_refcount_read(&fobj[i].refs), 1u);
        cr_assert_eq(freed[i], 0u);
    }
    while (graves > 0) {
        free(grave[--graves]);
    }
}

TestSuite(file, .init = setup, .fini = teardown);

#define TAG(text) ((const uint8_t *)(text)), (sizeof(text) - 1u)

static struct quire_file *make(const char *tag, const struct quire_file_slice *slices, size_t n)
{
    struct quire_file *file;

    cr_assert_eq(quire_file_new(&table, (const uint8_t *)tag, strlen(tag), slices, n, &file), QUIRE_OK);
    cr_assert_not_null(file);
    cr_assert_null(quire_file_table_check(&table));
    return file;
}

static struct quire_file_slice slice(unsigned which, uint32_t page_offset, uintptr_t bias)
{
    struct quire_file_slice s;

    s.fobj = &fobj[which];
    s.page_offset = page_offset;
    s.npages = 12345; /* ignored */
    s.bias = bias;
    return s;
}

static void put(struct quire_file *file)
{
    cr_assert_eq(quire_file_put(file), QUIRE_OK);
}

/* ---- The table ---- */

static void expect_refused(struct quire_file_hooks hooks)
{
    struct quire_file_table other;

    cr_assert_eq(quire_file_table_init(&other, &mem, &hooks), QUIRE_INVALID);
}

Test(file, table_refuses_an_incomplete_allocator)
{
    struct quire_mem no_alloc = {NULL, NULL, mem_free};
    struct quire_mem no_free = {NULL, mem_alloc, NULL};
    struct quire_file_table other;

    cr_assert_eq(quire_file_table_init(&other, NULL, NULL), QUIRE_INVALID);
    cr_assert_eq(quire_file_table_init(&other, &no_alloc, NULL), QUIRE_INVALID);
    cr_assert_eq(quire_file_table_init(&other, &no_free, NULL), QUIRE_INVALID);
    cr_assert_eq(quire_file_table_init(NULL, &mem, NULL), QUIRE_INVALID);
}

Test(file, table_refuses_hooks_that_lack_their_partner)
{
    struct quire_file_hooks hooks = all_hooks();

    hooks.lock = NULL;
    expect_refused(hooks);
    hooks = all_hooks();
    hooks.unlock = NULL;
    expect_refused(hooks);
    hooks = all_hooks();
    hooks.file_init = NULL;
    expect_refused(hooks);
    hooks = all_hooks();
    hooks.file_fini = NULL;
    expect_refused(hooks);
    hooks = all_hooks();
    hooks.file_lock = NULL;
    expect_refused(hooks);
    hooks = all_hooks();
    hooks.file_trylock = NULL;
    expect_refused(hooks);
    hooks = all_hooks();
    hooks.file_unlock = NULL;
    expect_refused(hooks);
}

Test(file, table_works_without_any_hook)
{
    struct quire_file_slice a = slice(0, 0, 0);
    struct quire_file_table bare;
    struct quire_file *file;

    cr_assert_eq(quire_file_table_init(&bare, &mem, NULL), QUIRE_OK);
    cr_assert_eq(quire_file_new(&bare, TAG("bare"), &a, 1, &file), QUIRE_OK);
    cr_assert_null(quire_file_table_check(&bare));
    cr_assert_eq(quire_file_lock(file), QUIRE_INVALID);
    cr_assert_eq(quire_file_trylock(file), QUIRE_INVALID);
    cr_assert_eq(quire_file_unlock(file), QUIRE_INVALID);
    put(file);
    cr_assert_eq(quire_file_table_fini(&bare), QUIRE_OK);
}

Test(file, table_with_a_live_file_does_not_end)
{
    struct quire_file *file = make("a", NULL, 0);

    cr_assert_eq(quire_file_table_fini(&table), QUIRE_BUSY);
    cr_assert_null(quire_file_table_check(&table));
    put(file);
    cr_assert_eq(quire_file_table_fini(&table), QUIRE_OK);
    cr_assert_eq(quire_file_table_fini(NULL), QUIRE_INVALID);
}

Test(file, table_of_a_unit_with_other_options_is_refused)
{
    struct quire_file *file;

    table.stamp ^= 1u;
    cr_assert_eq(quire_file_new(&table, TAG("a"), NULL, 0, &file), QUIRE_MISMATCH);
    cr_assert_null(file);
    table.stamp ^= 1u;
}

/* ---- Tags ---- */

Test(file, file_is_found_by_its_tag_and_by_no_other)
{
    struct quire_file *a = make("tag a", NULL, 0);
    struct quire_file *b = make("tag b", NULL, 0);
    struct quire_file *found;

    cr_assert_eq(quire_file_get_by_tag(&table, TAG("tag a"), &found), QUIRE_OK);
    cr_assert_eq(found, a);
    cr_assert_eq(quire_refcount_read(&a->refs), 2u);
    put(found);
    cr_assert_eq(quire_file_get_by_tag(&table, TAG("tag b"), &found), QUIRE_OK);
    cr_assert_eq(found, b);
    put(found);
    cr_assert_eq(quire_file_get_by_tag(&table, TAG("tag c"), &found), QUIRE_NOT_FOUND);
    cr_assert_null(found);
    cr_assert_eq(quire_file_get_by_tag(&table, TAG("tag"), &found), QUIRE_NOT_FOUND);
    put(a);
    put(b);
}

Test(file, tag_is_copied)
{
    uint8_t tag[3] = {1, 2, 3};
    struct quire_file *file;
    struct quire_file *found;

    cr_assert_eq(quire_file_new(&table, tag, sizeof tag, NULL, 0, &file), QUIRE_OK);
    tag[1] = 0;
    cr_assert_eq(quire_file_get_by_tag(&table, tag, sizeof tag, &found), QUIRE_NOT_FOUND);
    tag[1] = 2;
    cr_assert_eq(quire_file_get_by_tag(&table, tag, sizeof tag, &found), QUIRE_OK);
    cr_assert_eq(found, file);
    put(found);
    put(file);
}

Test(file, tag_may_have_any_length_up_to_the_longest)
{
    static const uint8_t zeros[QUIRE_FILE_TAG_MAX + 1];
    struct quire_file *file[QUIRE_FILE_TAG_MAX + 1];
    struct quire_file *found;
    size_t len;

    /* All zero: only the length tells them apart. */
    for (len = 1; len <= QUIRE_FILE_TAG_MAX; len++) {
        cr_assert_eq(quire_file_new(&table, zeros, len, NULL, 0, &file[len]), QUIRE_OK);
    }
    cr_assert_null(quire_file_table_check(&table));
    for (len = 1; len <= QUIRE_FILE_TAG_MAX; len++) {
        cr_assert_eq(quire_file_get_by_tag(&table, zeros, len, &found), QUIRE_OK);
        cr_assert_eq(found, file[len]);
        put(found);
        put(file[len]);
    }
}

Test(file, tag_that_is_empty_too_long_or_nowhere_is_refused)
{
    static const uint8_t zeros[QUIRE_FILE_TAG_MAX + 1];
    struct quire_file *file = (struct quire_file *)&table;

    cr_assert_eq(quire_file_new(&table, zeros, 0, NULL, 0, &file), QUIRE_INVALID);
    cr_assert_null(file);
    cr_assert_eq(quire_file_new(&table, zeros, QUIRE_FILE_TAG_MAX + 1, NULL, 0, &file), QUIRE_INVALID);
    cr_assert_eq(quire_file_new(&table, zeros, SIZE_MAX, NULL, 0, &file), QUIRE_INVALID);
    cr_assert_eq(quire_file_new(&table, NULL, 1, NULL, 0, &file), QUIRE_INVALID);
    cr_assert_eq(quire_file_new(NULL, zeros, 1, NULL, 0, &file), QUIRE_INVALID);
    cr_assert_eq(quire_file_new(&table, zeros, 1, NULL, 0, NULL), QUIRE_INVALID);
    cr_assert_eq(quire_file_new(&table, zeros, 1, NULL, 1, &file), QUIRE_INVALID);
    cr_assert_eq(quire_file_get_by_tag(&table, zeros, 0, &file), QUIRE_INVALID);
    cr_assert_eq(quire_file_get_by_tag(&table, zeros, QUIRE_FILE_TAG_MAX + 1, &file), QUIRE_INVALID);
    cr_assert_eq(quire_file_get_by_tag(&table, NULL, 1, &file), QUIRE_INVALID);
    cr_assert_eq(quire_file_get_by_tag(NULL, zeros, 1, &file), QUIRE_INVALID);
    cr_assert_eq(quire_file_get_by_tag(&table, zeros, 1, NULL), QUIRE_INVALID);
    cr_assert_eq(allocations, 0u);
}

/* What the hash makes of the word `first` of a 16-byte tag: that of an 8-byte tag whose length differs as the tags' do. */
static uint64_t half_hash(uint64_t first)
{
    uint64_t word = first ^ 16u ^ 8u;
    uint8_t tag[8];
    struct quire_file *file;
    uint64_t hash;

    memcpy(tag, &word, sizeof tag);
    cr_assert_eq(quire_file_new(&table, tag, sizeof tag, NULL, 0, &file), QUIRE_OK);
    hash = file->hash;
    put(file);
    return hash;
}

#define COLLIDING 100u

static void colliding_tag(uint64_t *tag, uint64_t i)
{
    tag[0] = i * 77u;
    tag[1] = half_hash(tag[0]) ^ 42u;
}

Test(file, tags_whose_hashes_collide_are_told_apart)
{
    static struct quire_file *file[COLLIDING];
    struct quire_file *found;
    uint64_t tag[2];
    uint64_t i;

    for (i = 0; i < COLLIDING; i++) {
        colliding_tag(tag, i);
        cr_assert_eq(quire_file_new(&table, (const uint8_t *)tag, sizeof tag, NULL, 0, &file[i]), QUIRE_OK);
        cr_assert_eq(file[i]->hash, file[0]->hash, "the tags of this test no longer collide");
    }
    cr_assert_null(quire_file_table_check(&table));
    for (i = 0; i < COLLIDING; i++) {
        colliding_tag(tag, i);
        cr_assert_eq(quire_file_new(&table, (const uint8_t *)tag, sizeof tag, NULL, 0, &found), QUIRE_EXISTS);
        cr_assert_eq(found, file[i]);
        put(found);
    }
    for (i = 0; i < COLLIDING; i++) {
        put(file[i]);
        colliding_tag(tag, i);
        cr_assert_eq(quire_file_get_by_tag(&table, (const uint8_t *)tag, sizeof tag, &found), QUIRE_NOT_FOUND);
    }
}

/* ---- References ---- */

Test(file, file_made_again_is_the_one_that_is_there)
{
    struct quire_file_slice mine = slice(0, 0, 0);
    struct quire_file_slice other = slice(1, 0, 0);
    struct quire_file_slice found;
    struct quire_file *file = make("twice", &mine, 1);
    struct quire_file *again;

    cr_assert_eq(quire_file_new(&table, TAG("twice"), &other, 1, &again), QUIRE_EXISTS);
    cr_assert_eq(again, file);
    cr_assert_eq(quire_refcount_read(&file->refs), 2u);
    cr_assert_eq(table.num_files, 1u);
    cr_assert_eq(quire_refcount_read(&fobj[1].refs), 1u);
    cr_assert_eq(ended, 1u); /* the one that came too late */
    cr_assert_eq(quire_file_find_slice(again, 0, 0, &found), QUIRE_OK);
    cr_assert_eq(found.fobj, &fobj[0]);
    cr_assert_eq(quire_fobj_put(found.fobj), QUIRE_OK);
    put(again);
    put(file);
}

Test(file, file_lives_until_its_last_put)
{
    struct quire_file_slice a = slice(0, 0, 0);
    struct quire_file *file = make("a", &a, 1);
    struct quire_file *found;

    cr_assert_eq(quire_file_get(file), QUIRE_OK);
    put(file);
    cr_assert_eq(quire_file_get_by_tag(&table, TAG("a"), &found), QUIRE_OK);
    put(found);
    cr_assert_eq(ended, 0u);
    put(file);
    cr_assert_eq(ended, 1u);
    cr_assert_eq(quire_file_get_by_tag(&table, TAG("a"), &found), QUIRE_NOT_FOUND);
    file = make("a", NULL, 0);
    put(file);
}

Test(file, put_at_count_zero_is_an_underflow_and_get_finds_it_dead)
{
    struct quire_file *file;

    bury = true;
    file = make("a", NULL, 0);
    put(file);
    cr_assert_eq(put_in_fini, QUIRE_UNDERFLOW);
    cr_assert_eq(get_in_fini, QUIRE_DEAD);
    cr_assert_eq(quire_file_put(file), QUIRE_UNDERFLOW);
    cr_assert_eq(quire_file_get(file), QUIRE_DEAD);
    cr_assert_eq(ended, 1u);
    cr_assert_eq(table.num_files, 0u);
}

Test(file, no_file_is_an_answer_too)
{
    cr_assert_eq(quire_file_get(NULL), QUIRE_INVALID);
    cr_assert_eq(quire_file_put(NULL), QUIRE_INVALID);
    cr_assert_eq(quire_file_lock(NULL), QUIRE_INVALID);
    cr_assert_eq(quire_file_trylock(NULL), QUIRE_INVALID);
    cr_assert_eq(quire_file_unlock(NULL), QUIRE_INVALID);
}

Test(file, count_at_its_maximum_refuses_to_grow)
{
    struct quire_file *file = make("full", NULL, 0);
    struct quire_file *found;

    quire_refcount_init(&file->refs, QUIRE_REFCOUNT_MAX);
    cr_assert_eq(quire_file_get(file), QUIRE_LIMIT);
    cr_assert_eq(quire_file_get_by_tag(&table, TAG("full"), &found), QUIRE_LIMIT);
    cr_assert_null(found);
    cr_assert_eq(quire_file_new(&table, TAG("full"), NULL, 0, &found), QUIRE_LIMIT);
    cr_assert_null(found);
    cr_assert_eq(quire_refcount_read(&file->refs), QUIRE_REFCOUNT_MAX);
    quire_refcount_init(&file->refs, 1);
    put(file);
}

Test(file, last_put_lets_every_object_go_once)
{
    struct quire_file_slice slices[3];
    struct quire_file_slice late = slice(3, 100, 0);
    struct quire_file *file;
    unsigned i;

    for (i = 0; i < 3u; i++) {
        slices[i] = slice(i, i * FOBJ_PAGES, 0);
    }
    file = make("a", slices, 3);
    cr_assert_eq(quire_file_add_slice(file, &late), QUIRE_OK);
    for (i = 0; i < 4u; i++) {
        cr_assert_eq(quire_refcount_read(&fobj[i].refs), 2u);
        cr_assert_eq(quire_fobj_put(&fobj[i]), QUIRE_OK); /* now the file has the only reference */
        cr_assert_eq(freed[i], 0u);
    }
    put(file);
    for (i = 0; i < 4u; i++) {
        cr_assert_eq(freed[i], 1u);
        freed[i] = 0; /* for the teardown */
        quire_refcount_init(&fobj[i].refs, 1);
    }
}

/* ---- Slices ---- */

Test(file, slice_is_found_by_every_page_it_covers)
{
    static const uint32_t offsets[] = {0, FOBJ_PAGES, 3u * FOBJ_PAGES, 1000, UINT32_MAX - FOBJ_PAGES + 1u};
    struct quire_file_slice slices[5];
    struct quire_file_slice found;
    struct quire_file *file;
    uint32_t page;
    unsigned i;

    for (i = 0; i < 5u; i++) {
        slices[i] = slice(i, offsets[i], 0);
    }
    file = make("a", slices, 5);
    for (i = 0; i < 5u; i++) {
        for (page = 0; page < FOBJ_PAGES; page++) {
            cr_assert_eq(quire_file_find_slice(file, offsets[i] + page, 0, &found), QUIRE_OK);
            cr_assert_eq(found.fobj, &fobj[i]);
            cr_assert_eq(found.page_offset, offsets[i]);
            cr_assert_eq(found.npages, FOBJ_PAGES);
            cr_assert_eq(found.bias, 0u);
            cr_assert_eq(quire_refcount_read(&fobj[i].refs), 3u);
            cr_assert_eq(quire_fobj_put(found.fobj), QUIRE_OK);
        }
    }
    put(file);
}

Test(file, page_that_no_slice_covers_is_not_found)
{
    struct quire_file_slice a = slice(0, 10, 0);
    struct quire_file *file = make("a", &a, 1);
    struct quire_file *none = make("none", NULL, 0);
    struct quire_file_slice found = a;

    cr_assert_eq(quire_file_find_slice(file, 9, 0, &found), QUIRE_NOT_FOUND);
    cr_assert_null(found.fobj);
    cr_assert_eq(quire_file_find_slice(file, 14, 0, &found), QUIRE_NOT_FOUND);
    cr_assert_eq(quire_file_find_slice(file, UINT32_MAX, 0, &found), QUIRE_NOT_FOUND);
    cr_assert_eq(quire_file_find_slice(file, 10, 1, &found), QUIRE_NOT_FOUND);
    cr_assert_eq(quire_file_find_slice(file, 10, UINTPTR_MAX, &found), QUIRE_NOT_FOUND);
    cr_assert_eq(quire_file_find_slice(none, 0, 0, &found), QUIRE_NOT_FOUND);
    cr_assert_eq(quire_file_find_slice(NULL, 0, 0, &found), QUIRE_INVALID);
    cr_assert_eq(quire_file_find_slice(file, 0, 0, NULL), QUIRE_INVALID);
    cr_assert_eq(quire_refcount_read(&fobj[0].refs), 2u);
    put(file);
    put(none);
}

Test(file, same_pages_for_other_biases_are_other_slices)
{
    static const uintptr_t biases[] = {0, QUIRE_PAGE_SIZE, 0x40000000u, UINTPTR_MAX};
    struct quire_file_slice slices[4];
    struct quire_file_slice found;
    struct quire_file *file;
    unsigned i;

    for (i = 0; i < 4u; i++) {
        slices[i] = slice(i, 7, biases[i]);
    }
    file = make("a", slices, 4);
    for (i = 0; i < 4u; i++) {
        cr_assert_eq(quire_file_find_slice(file, 9, biases[i], &found), QUIRE_OK);
        cr_assert_eq(found.fobj, &fobj[i]);
        cr_assert_eq(found.bias, biases[i]);
        cr_assert_eq(quire_fobj_put(found.fobj), QUIRE_OK);
    }
    put(file);
}

/* Where a slice of FOBJ_PAGES pages overlaps one at page 10: anywhere from 7 to 13. */
Test(file, overlap_is_seen_at_every_page)
{
    struct quire_file_slice a = slice(0, 10, 0);
    struct quire_file_slice both[2];
    struct quire_file *file = make("a", &a, 1);
    struct quire_file *other;
    uint32_t at;

    for (at = 0; at < 20u; at++) {
        struct quire_file_slice b = slice(1, at, 0);
        bool overlaps = at > 10u - FOBJ_PAGES && at < 10u + FOBJ_PAGES;

        both[0] = b;
        both[1] = a;
        cr_assert_eq(quire_file_new(&table, TAG("b"), both, 2, &other), overlaps ? QUIRE_INVALID : QUIRE_OK);
        if (overlaps) {
            cr_assert_null(other);
            cr_assert_eq(quire_file_add_slice(file, &b), QUIRE_EXISTS);
            cr_assert_eq(quire_refcount_read(&fobj[1].refs), 1u);
        } else {
            put(other);
        }
        cr_assert_null(quire_file_table_check(&table));
    }
    put(file);
}

Test(file, slice_between_two_others_must_fit)
{
    struct quire_file_slice ends[2];
    struct quire_file_slice middle = slice(2, 4, 0);
    struct quire_file *file;

    ends[0] = slice(0, 0, 0);
    ends[1] = slice(1, 7, 0);
    file = make("a", ends, 2);
    cr_assert_eq(quire_file_add_slice(file, &middle), QUIRE_EXISTS);
    middle.page_offset = 3;
    cr_assert_eq(quire_file_add_slice(file, &middle), QUIRE_EXISTS);
    put(file);
    ends[1].page_offset = 8;
    file = make("a", ends, 2);
    middle.page_offset = 4;
    cr_assert_eq(quire_file_add_slice(file, &middle), QUIRE_OK);
    cr_assert_null(quire_file_table_check(&table));
    put(file);
}

Test(file, slice_may_end_at_the_last_page_and_not_pass_it)
{
    struct quire_file_slice a = slice(0, UINT32_MAX - (FOBJ_PAGES - 2u), 0);
    struct quire_file_slice found;
    struct quire_file *file;

    cr_assert_eq(quire_file_new(&table, TAG("a"), &a, 1, &file), QUIRE_INVALID);
    a.page_offset = UINT32_MAX;
    cr_assert_eq(quire_file_new(&table, TAG("a"), &a, 1, &file), QUIRE_INVALID);
    file = make("a", NULL, 0);
    cr_assert_eq(quire_file_add_slice(file, &a), QUIRE_INVALID);
    a.page_offset = UINT32_MAX - (FOBJ_PAGES - 1u);
    cr_assert_eq(quire_file_add_slice(file, &a), QUIRE_OK);
    cr_assert_eq(quire_file_find_slice(file, UINT32_MAX, 0, &found), QUIRE_OK);
    cr_assert_eq(quire_fobj_put(found.fobj), QUIRE_OK);
    put(file);
}

Test(file, slice_added_later_is_found)
{
    struct quire_file_slice a = slice(0, 0, 0);
    struct quire_file_slice b = slice(1, 4, 0);
    struct quire_file_slice c = slice(2, 0, 4096);
    struct quire_file_slice found;
    struct quire_file *file = make("a", &a, 1);

    cr_assert_eq(quire_file_add_slice(file, &b), QUIRE_OK);
    cr_assert_eq(quire_file_add_slice(file, &c), QUIRE_OK);
    cr_assert_eq(quire_file_add_slice(file, &c), QUIRE_EXISTS);
    cr_assert_null(quire_file_table_check(&table));
    cr_assert_eq(quire_file_find_slice(file, 5, 0, &found), QUIRE_OK);
    cr_assert_eq(found.fobj, &fobj[1]);
    cr_assert_eq(quire_fobj_put(found.fobj), QUIRE_OK);
    cr_assert_eq(quire_file_find_slice(file, 3, 4096, &found), QUIRE_OK);
    cr_assert_eq(found.fobj, &fobj[2]);
    cr_assert_eq(quire_fobj_put(found.fobj), QUIRE_OK);
    put(file);
}

Test(file, one_object_may_back_many_slices)
{
    struct quire_file_slice slices[3];
    struct quire_file *file;

    slices[0] = slice(0, 0, 0);
    slices[1] = slice(0, 50, 0);
    slices[2] = slice(0, 0, 4096);
    file = make("a", slices, 3);
    cr_assert_eq(quire_refcount_read(&fobj[0].refs), 4u);
    put(file);
}

Test(file, slice_without_an_object_is_refused)
{
    struct quire_file_slice slices[2];
    struct quire_file *file;

    slices[0] = slice(0, 0, 0);
    slices[1] = slice(1, 10, 0);
    slices[1].fobj = NULL;
    cr_assert_eq(quire_file_new(&table, TAG("a"), slices, 2, &file), QUIRE_INVALID);
    file = make("a", slices, 1);
    cr_assert_eq(quire_file_add_slice(file, &slices[1]), QUIRE_INVALID);
    cr_assert_eq(quire_file_add_slice(file, NULL), QUIRE_INVALID);
    cr_assert_eq(quire_file_add_slice(NULL, &slices[0]), QUIRE_INVALID);
    put(file);
}

static void expect_no_reference(uint32_t count, enum quire_status expected)
{
    struct quire_file_slice slices[3];
    struct quire_file_slice late = slice(2, 50, 0);
    struct quire_file *file;
    unsigned i;

    for (i = 0; i < 3u; i++) {
        slices[i] = slice(i, i * 10u, 0);
    }
    quire_refcount_init(&fobj[2].refs, count);
    cr_assert_eq(quire_file_new(&table, TAG("a"), slices, 3, &file), expected);
    cr_assert_null(file);
    cr_assert_eq(quire_refcount_read(&fobj[0].refs), 1u);
    cr_assert_eq(quire_refcount_read(&fobj[1].refs), 1u);
    file = make("a", slices, 2);
    cr_assert_eq(quire_file_add_slice(file, &late), expected);
    put(file);
    cr_assert_eq(quire_refcount_read(&fobj[2].refs), count);
    quire_refcount_init(&fobj[2].refs, 1);
}

Test(file, dead_object_is_no_slice)
{
    expect_no_reference(0, QUIRE_DEAD);
}

Test(file, object_with_too_many_references_is_no_slice)
{
    expect_no_reference(QUIRE_REFCOUNT_MAX, QUIRE_LIMIT);
}

Test(file, slice_whose_object_has_too_many_references_is_not_handed_out)
{
    struct quire_file_slice a = slice(0, 0, 0);
    struct quire_file_slice found = a;
    struct quire_file *file = make("a", &a, 1);

    quire_refcount_init(&fobj[0].refs, QUIRE_REFCOUNT_MAX);
    cr_assert_eq(quire_file_find_slice(file, 0, 0, &found), QUIRE_LIMIT);
    cr_assert_null(found.fobj);
    quire_refcount_init(&fobj[0].refs, 2);
    put(file);
}

/* ---- What fails leaves nothing behind ---- */

/* A life cycle that allocates; each of its allocations fails once. */
static unsigned live(unsigned fail)
{
    struct quire_file_slice a = slice(0, 0, 0);
    struct quire_file_slice b = slice(1, 10, 0);
    struct quire_file *file = NULL;
    struct quire_file *again = NULL;
    unsigned failures = 0;

    allocations = 0;
    fail_at = fail;
    if (quire_file_new(&table, TAG("a"), &a, 1, &file) != QUIRE_OK) {
        failures++;
        cr_assert_null(file);
        cr_assert_eq(table.num_files, 0u);
        cr_assert_eq(quire_file_new(&table, TAG("a"), &a, 1, &file), QUIRE_OK);
    }
    if (quire_file_add_slice(file, &b) != QUIRE_OK) {
        failures++;
        cr_assert_eq(quire_refcount_read(&fobj[1].refs), 1u);
        cr_assert_eq(quire_file_add_slice(file, &b), QUIRE_OK);
    }
    if (quire_file_new(&table, TAG("a"), &b, 1, &again) != QUIRE_EXISTS) {
        failures++;
        cr_assert_null(again);
        cr_assert_eq(quire_file_new(&table, TAG("a"), &b, 1, &again), QUIRE_EXISTS);
    }
    cr_assert_null(quire_file_table_check(&table));
    fail_at = 0;
    put(file);
    put(again);
    cr_assert_eq(bytes, 0u);
    return failures;
}

Test(file, every_allocation_may_fail)
{
    unsigned n;

    cr_assert_eq(live(0), 0u);
    n = allocations;
    cr_assert_eq(n, 3u);
    while (n > 0) {
        cr_assert_eq(live(n), 1u);
        n--;
    }
}

Test(file, more_slices_than_memory_could_hold_are_refused)
{
    struct quire_file_slice a = slice(0, 0, 0);
    struct quire_file *file;

    cr_assert_eq(quire_file_new(&table, TAG("a"), &a, SIZE_MAX, &file), QUIRE_NO_MEMORY);
    cr_assert_eq(quire_file_new(&table, TAG("a"), &a, SIZE_MAX / sizeof(struct quire_file_entry), &file), QUIRE_NO_MEMORY);
    cr_assert_null(file);
    cr_assert_eq(allocations, 0u);
}

Test(file, file_that_the_user_refuses_leaves_nothing)
{
    struct quire_file_slice a = slice(0, 0, 0);
    struct quire_file *file;

    begin_with = QUIRE_NO_MEMORY;
    cr_assert_eq(quire_file_new(&table, TAG("a"), &a, 1, &file), QUIRE_NO_MEMORY);
    cr_assert_null(file);
    cr_assert_eq(bytes, 0u);
    cr_assert_eq(ended, 0u);
    cr_assert_eq(quire_file_get_by_tag(&table, TAG("a"), &file), QUIRE_NOT_FOUND);
}

/* ---- The user's own lock ---- */

Test(file, users_lock_is_taken_only_when_asked_for)
{
    struct quire_file_slice a = slice(0, 0, 0);
    struct quire_file_slice b = slice(1, 10, 0);
    struct quire_file *file = make("a", &a, 1);
    struct quire_file *again;
    struct quire_file_slice found;

    cr_assert_eq(quire_file_add_slice(file, &b), QUIRE_OK);
    cr_assert_eq(quire_file_find_slice(file, 0, 0, &found), QUIRE_OK);
    cr_assert_eq(quire_fobj_put(found.fobj), QUIRE_OK);
    cr_assert_eq(quire_file_new(&table, TAG("a"), &a, 1, &again), QUIRE_EXISTS);
    put(again);
    cr_assert_eq(file_lock_calls, 0u);
    cr_assert_eq(quire_file_lock(file), QUIRE_OK);
    cr_assert(file_locked);
    cr_assert_eq(quire_file_trylock(file), QUIRE_AGAIN);
    cr_assert_eq(quire_file_unlock(file), QUIRE_OK);
    cr_assert_not(file_locked);
    cr_assert_eq(quire_file_trylock(file), QUIRE_OK);
    cr_assert(file_locked);
    cr_assert_eq(quire_file_unlock(file), QUIRE_OK);
    cr_assert_eq(file_lock_calls, 5u);
    put(file);
    cr_assert_eq(file_lock_calls, 5u);
}

/* ---- What check must see ---- */

static struct quire_file *pair[2]; /* in the order of the table */

static void make_pair(void)
{
    struct quire_file_slice slices[3];
    struct quire_file *a;
    struct quire_file *b;

    slices[0] = slice(0, 0, 0);
    slices[1] = slice(1, 10, 0);
    slices[2] = slice(2, 0, 4096);
    a = make("a", slices, 3);
    b = make("b", NULL, 0);
    pair[a->hash > b->hash] = a;
    pair[a->hash < b->hash] = b;
}

static void expect_wrong(const char *what)
{
    const char *wrong = quire_file_table_check(&table);

    cr_assert_not_null(wrong, "nothing wrong was seen; expected: %s", what);
    cr_assert_str_eq(wrong, what);
}

static void end_pair(void)
{
    cr_assert_null(quire_file_table_check(&table));
    put(pair[0]);
    put(pair[1]);
}

static struct quire_file *with_slices(void)
{
    return pair[0]->num_first != 0 ? pair[0] : pair[1];
}

Test(file, check_sees_a_tag_that_names_two_files)
{
    struct quire_file was;

    make_pair();
    was = *pair[1];
    pair[1]->hash = pair[0]->hash;
    pair[1]->tag = pair[0]->tag;
    expect_wrong("7: a tag names two files");
    pair[1]->hash = was.hash;
    pair[1]->tag = was.tag;
    end_pair();
}

Test(file, check_sees_a_file_under_the_wrong_tag)
{
    make_pair();
    pair[0]->hash--;
    expect_wrong("7: a file is in the wrong table, or under the wrong tag");
    pair[0]->hash++;
    pair[1]->table = NULL;
    expect_wrong("7: a file is in the wrong table, or under the wrong tag");
    pair[1]->table = &table;
    end_pair();
}

static void swap_children(struct quire_tree_node *node)
{
    struct quire_tree_node *child = node->child[0];

    node->child[0] = node->child[1];
    node->child[1] = child;
}

Test(file, check_sees_files_out_of_order)
{
    make_pair();
    swap_children(table.files.root);
    expect_wrong("7: a tag names two files");
    swap_children(table.files.root);
    end_pair();
}

Test(file, check_sees_a_file_without_references)
{
    make_pair();
    quire_refcount_init(&pair[1]->refs, 0);
    expect_wrong("7: a file can be found that has no references");
    quire_refcount_init(&pair[1]->refs, 1);
    end_pair();
}

Test(file, check_sees_a_wrong_count_of_files)
{
    make_pair();
    table.num_files++;
    expect_wrong("7: a table counts its files wrongly");
    table.num_files--;
    end_pair();
}

Test(file, check_sees_broken_trees)
{
    make_pair();
    pair[0]->node.height++;
    expect_wrong("7: the file tree of a table is broken");
    pair[0]->node.height--;
    with_slices()->first[1].node.height++;
    expect_wrong("7: the slice tree of a file is broken");
    with_slices()->first[1].node.height--;
    end_pair();
}

Test(file, check_sees_slices_that_overlap)
{
    make_pair();
    with_slices()->first[1].slice.page_offset = FOBJ_PAGES - 1u;
    expect_wrong("7: slices of a file overlap");
    with_slices()->first[1].slice.page_offset = 10;
    with_slices()->first[2].slice.bias = 0;
    expect_wrong("7: slices of a file overlap");
    with_slices()->first[2].slice.bias = 4096;
    end_pair();
}

Test(file, check_sees_a_slice_of_a_dead_object)
{
    make_pair();
    quire_refcount_init(&fobj[1].refs, 0);
    expect_wrong("7: a slice shows a dead or another fobj");
    quire_refcount_init(&fobj[1].refs, 2);
    with_slices()->first[1].slice.npages--;
    expect_wrong("7: a slice shows a dead or another fobj");
    with_slices()->first[1].slice.npages++;
    end_pair();
}

Test(file, check_sees_a_wrong_count_of_slices)
{
    make_pair();
    pair[0]->num_added++;
    expect_wrong("7: a file counts its slices wrongly");
    pair[0]->num_added--;
    end_pair();
}
