/*
 * What a look-up in a table of files costs. Not timed: run it under callgrind, twice.
 *
 *     file CASE SIZE OPERATIONS
 *
 *     CASE   tag          find one of SIZE files by its tag, 32 random bytes
 *            tag_miss     look for a tag that none of SIZE files has
 *            slice        find one of SIZE slices of a file by a page that it covers
 *            slice_bias   the same, the slices spread over 4 load biases
 *            empty        nothing: what the loop itself costs
 *     SIZE   1..65536
 *
 * Setting up costs the same for any number of operations, so an operation costs (Ir(2N) - Ir(N)) / N instructions, less the same
 * figure of `empty`. Every entry is looked up equally often, in random order; locks are taken. The references that look-ups hand
 * out are kept: a put would be counted too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "quire/file.h"

#define SIZE_MAX_FILES 65536u
#define ORDER 65536u
#define PAGES 4u /* per slice, with a hole of as many behind it */
#define TAG_BYTES 32u

static struct quire_file_table table;
static uint32_t locked;
static uint8_t tags[2u * SIZE_MAX_FILES][TAG_BYTES]; /* the second half names no file */
static struct quire_fobj fobj;
static uint32_t slots[PAGES];
static uint32_t order[ORDER];

static uint64_t random_next(void)
{
    static uint64_t state = 1;
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void die(const char *what)
{
    fprintf(stderr, "file: %s\n", what);
    exit(1);
}

/* ---- Hooks that only write plain variables ---- */

static uintptr_t lock(void *ctx)
{
    (void)ctx;
    locked = 1;
    return 0;
}

static void unlock(void *ctx, uintptr_t key)
{
    (void)ctx;
    (void)key;
    locked = 0;
}

static enum quire_status load(struct quire_io *io)
{
    (void)io;
    return QUIRE_IO;
}

/* ---- Set-up ---- */

static void make_table(void)
{
    const struct quire_mem mem = {NULL, mem_alloc, mem_free};
    struct quire_file_hooks hooks;

    memset(&hooks, 0, sizeof hooks);
    hooks.lock = lock;
    hooks.unlock = unlock;
    if (quire_file_table_init(&table, &mem, &hooks) != QUIRE_OK) {
        die("no table");
    }
}

/* Every number below `size` equally often (give or take one), in random order. */
static void make_order(uint32_t size)
{
    uint32_t i;

    for (i = 0; i < ORDER; i++) {
        order[i] = i % size;
    }
    for (i = ORDER - 1u; i > 0; i--) {
        uint32_t j = (uint32_t)(random_next() % (i + 1u));
        uint32_t t = order[i];

        order[i] = order[j];
        order[j] = t;
    }
}

static void make_files(uint32_t size)
{
    struct quire_file *file;
    uint32_t i;
    uint32_t j;

    for (i = 0; i < 2u * size; i++) {
        for (j = 0; j < TAG_BYTES; j++) {
            tags[i][j] = (uint8_t)random_next();
        }
        if (i < size && quire_file_new(&table, tags[i], TAG_BYTES, NULL, 0, &file) != QUIRE_OK) {
            die("no file");
        }
    }
}

static struct quire_file_slice slice_number(uint32_t i, uint32_t biases)
{
    struct quire_file_slice slice = {NULL, 0, 0, 0};

    slice.fobj = &fobj;
    slice.page_offset = i / biases * 2u * PAGES;
    slice.bias = (uintptr_t)(i % biases) << 20;
    return slice;
}

static struct quire_file *make_slices(uint32_t size, uint32_t biases)
{
    static const struct quire_fobj_ops ops = {"nothing", 0, load, NULL, NULL, NULL};
    struct quire_file_slice *slices = calloc(size, sizeof *slices);
    struct quire_file *file;
    uint32_t i;

    if (slices == NULL || quire_fobj_init(&fobj, &ops, PAGES, slots, QUIRE_PROT_READ, 0) != QUIRE_OK) {
        die("no object");
    }
    for (i = 0; i < size; i++) {
        slices[i] = slice_number(i, biases);
    }
    /* As an unsorted list of sections would come. */
    for (i = size - 1u; i > 0; i--) {
        uint32_t j = (uint32_t)(random_next() % (i + 1u));
        struct quire_file_slice t = slices[i];

        slices[i] = slices[j];
        slices[j] = t;
    }
    if (quire_file_new(&table, tags[0], TAG_BYTES, slices, size, &file) != QUIRE_OK) {
        die("no file");
    }
    free(slices);
    return file;
}

/* ---- The loops ---- */

static void run_tag(uint32_t n, uint32_t skip, enum quire_status expected)
{
    struct quire_file *file;
    uint32_t i;

    for (i = 0; i < n; i++) {
        if (quire_file_get_by_tag(&table, tags[skip + order[i % ORDER]], TAG_BYTES, &file) != expected) {
            die("a look-up by tag went wrong");
        }
    }
}

static void run_slice(const struct quire_file *made, uint32_t n, uint32_t biases)
{
    struct quire_file *file;
    struct quire_file_slice slice;
    uint32_t i;

    if (quire_file_get_by_tag(&table, tags[0], TAG_BYTES, &file) != QUIRE_OK || file != made) {
        die("the file is gone");
    }
    for (i = 0; i < n; i++) {
        uint32_t which = order[i % ORDER];
        uint32_t page = which / biases * 2u * PAGES + i % PAGES;

        if (quire_file_find_slice(file, page, (uintptr_t)(which % biases) << 20, &slice) != QUIRE_OK) {
            die("a look-up of a slice went wrong");
        }
    }
}

static void run_empty(uint32_t n, uint32_t size)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        if (order[i % ORDER] >= size) {
            die("the order went wrong");
        }
    }
}

static uint32_t number(const char *text, uint32_t max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value == 0 || value > max) {
        die("usage: file tag|tag_miss|slice|slice_bias|empty SIZE OPERATIONS");
    }
    return (uint32_t)value;
}

int main(int argc, char **argv)
{
    uint32_t size;
    uint32_t n;

    if (argc != 4) {
        die("usage: file tag|tag_miss|slice|slice_bias|empty SIZE OPERATIONS");
    }
    size = number(argv[2], SIZE_MAX_FILES);
    n = number(argv[3], 1000000000u);
    make_table();
    make_order(size);
    if (strcmp(argv[1], "tag") == 0 || strcmp(argv[1], "tag_miss") == 0) {
        bool miss = argv[1][3] != '\0';

        make_files(size);
        run_tag(n, miss ? size : 0, miss ? QUIRE_NOT_FOUND : QUIRE_OK);
    } else if (strcmp(argv[1], "slice") == 0 || strcmp(argv[1], "slice_bias") == 0) {
        uint32_t biases = argv[1][5] != '\0' ? 4u : 1u;

        run_slice(make_slices(size, biases), n, biases);
    } else if (strcmp(argv[1], "empty") == 0) {
        run_empty(n, size);
    } else {
        die("usage: file tag|tag_miss|slice|slice_bias|empty SIZE OPERATIONS");
    }
    return locked != 0;
}
