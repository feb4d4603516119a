/* file.h against flat arrays: which files live, which pages of which bias each of them shows, and who refers to what. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "property.h"
#include "quire/file.h"

#define TAGS 24u
#define BIASES 3u
#define PAGES 48u /* of a file, as far as this test uses it */
#define FOBJS 6u
#define SLICES_MAX 6u
#define STEPS 400u
#define NOBODY 0xffu

/* ---- The model: a file is an array of who shows each page ---- */

struct model_file {
    struct quire_file *file; /* null: not alive */
    uint32_t refs;
    uint8_t shown[BIASES][PAGES]; /* which fobj shows the page; NOBODY */
    uint8_t start[BIASES][PAGES]; /* the first page of the slice that covers it */
};

static struct model_file model[TAGS];
static uint32_t fobj_refs[FOBJS];

static struct quire_file_table table;
static struct quire_fobj fobj[FOBJS]; /* fobj i has i + 1 pages */
static uint32_t slots[FOBJS];
static size_t bytes;
static uint32_t fail_in; /* allocations until one fails; 0: never */

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx, (void)align;
    if (fail_in != 0 && --fail_in == 0) {
        return NULL;
    }
    bytes += size;
    return malloc(size);
}

static void mem_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    bytes -= size;
    free(ptr);
}

static enum quire_status load(struct quire_io *io)
{
    (void)io;
    return QUIRE_OK;
}

/* Tags share prefixes and lengths, so that a comparison that stops early confuses them. */
static size_t make_tag(uint32_t which, uint8_t *tag)
{
    static const size_t lengths[] = {1, 2, 8, 9, 16, 64};
    size_t len = lengths[which % 6u];

    memset(tag, 7, len);
    tag[len - 1u] = (uint8_t)(which / 6u);
    return len;
}

static void setup(void)
{
    static const struct quire_fobj_ops ops = {"plain", 0, load, NULL, NULL, NULL};
    static const struct quire_mem mem = {NULL, mem_alloc, mem_free};
    uint32_t i;

    cr_assert_eq(quire_file_table_init(&table, &mem, NULL), QUIRE_OK);
    for (i = 0; i < FOBJS; i++) {
        cr_assert_eq(quire_fobj_init(&fobj[i], &ops, i + 1u, slots, QUIRE_PROT_READ, 0), QUIRE_OK);
        fobj_refs[i] = 1;
    }
    for (i = 0; i < TAGS; i++) {
        model[i].file = NULL;
    }
}

static uint32_t which_fobj(const struct quire_fobj *of)
{
    return (uint32_t)(of - fobj);
}

/* Enters a slice in the arrays; false, and nothing entered, if a page is taken. */
static bool model_add(struct model_file *m, const struct quire_file_slice *slice)
{
    uint32_t n = which_fobj(slice->fobj) + 1u;
    uint32_t i;

    for (i = 0; i < n; i++) {
        if (m->shown[slice->bias][slice->page_offset + i] != NOBODY) {
            return false;
        }
    }
    for (i = 0; i < n; i++) {
        m->shown[slice->bias][slice->page_offset + i] = (uint8_t)(n - 1u);
        m->start[slice->bias][slice->page_offset + i] = (uint8_t)slice->page_offset;
    }
    return true;
}

static void model_count_references(const struct model_file *m, bool add)
{
    uint32_t b;
    uint32_t i;

    for (b = 0; b < BIASES; b++) {
        for (i = 0; i < PAGES; i++) {
            if (m->shown[b][i] != NOBODY && m->start[b][i] == i) {
                fobj_refs[m->shown[b][i]] += add ? 1u : UINT32_MAX;
            }
        }
    }
}

static struct quire_file_slice random_slice(struct property *p)
{
    struct quire_file_slice slice;

    slice.fobj = &fobj[property_below(p, FOBJS)];
    slice.page_offset = property_below(p, PAGES - FOBJS);
    slice.npages = 0;
    slice.bias = property_below(p, BIASES);
    return slice;
}

/* ---- The steps ---- */

static void step_new(struct property *p, uint32_t which)
{
    struct model_file m = {NULL, 1, {{0}}, {{0}}};
    struct quire_file_slice slices[SLICES_MAX];
    enum quire_status expected = QUIRE_OK;
    uint32_t n = property_below(p, SLICES_MAX + 1u);
    uint8_t tag[QUIRE_FILE_TAG_MAX];
    size_t len = make_tag(which, tag);
    enum quire_status status;
    bool fails = property_below(p, 10u) == 0;
    uint32_t i;

    memset(m.shown, NOBODY, sizeof m.shown);
    for (i = 0; i < n; i++) {
        slices[i] = random_slice(p);
        if (!model_add(&m, &slices[i])) {
            expected = QUIRE_INVALID;
        }
    }
    if (expected == QUIRE_OK && model[which].file != NULL) {
        expected = QUIRE_EXISTS;
    }
    fail_in = fails ? 1u : 0u;
    status = quire_file_new(&table, tag, len, slices, n, &m.file);
    fail_in = 0;
    cr_assert_eq(status, fails ? QUIRE_NO_MEMORY : expected);
    cr_assert_eq(m.file == NULL, status != QUIRE_OK && status != QUIRE_EXISTS);
    if (status == QUIRE_EXISTS) {
        cr_assert_eq(m.file, model[which].file);
        model[which].refs++;
    } else if (status == QUIRE_OK) {
        model[which] = m;
        model_count_references(&m, true);
    }
}

static void step_get(uint32_t which)
{
    uint8_t tag[QUIRE_FILE_TAG_MAX];
    size_t len = make_tag(which, tag);
    struct quire_file *found;
    enum quire_status status = quire_file_get_by_tag(&table, tag, len, &found);

    cr_assert_eq(status, model[which].file != NULL ? QUIRE_OK : QUIRE_NOT_FOUND);
    cr_assert_eq(found, model[which].file);
    model[which].refs += status == QUIRE_OK;
}

static void step_add(struct property *p, struct model_file *m)
{
    struct quire_file_slice slice = random_slice(p);
    bool fails = property_below(p, 10u) == 0;
    enum quire_status status;

    fail_in = fails ? 1u : 0u;
    status = quire_file_add_slice(m->file, &slice);
    fail_in = 0;
    if (fails) {
        cr_assert_eq(status, QUIRE_NO_MEMORY);
    } else if (model_add(m, &slice)) {
        cr_assert_eq(status, QUIRE_OK);
        fobj_refs[which_fobj(slice.fobj)]++;
    } else {
        cr_assert_eq(status, QUIRE_EXISTS);
    }
}

static void step_put(struct model_file *m)
{
    cr_assert_eq(quire_file_put(m->file), QUIRE_OK);
    if (--m->refs == 0) {
        model_count_references(m, false);
        m->file = NULL;
    }
}

static void step_find(struct property *p, const struct model_file *m)
{
    uint32_t page = property_below(p, PAGES);
    uint32_t bias = property_below(p, BIASES + 1u);
    uint8_t expected = bias < BIASES ? m->shown[bias][page] : NOBODY;
    struct quire_file_slice found;
    enum quire_status status = quire_file_find_slice(m->file, page, bias, &found);

    cr_assert_eq(status, expected != NOBODY ? QUIRE_OK : QUIRE_NOT_FOUND);
    if (status == QUIRE_OK) {
        cr_assert_eq(which_fobj(found.fobj), expected);
        cr_assert_eq(found.page_offset, m->start[bias][page]);
        cr_assert_eq(found.npages, expected + 1u);
        cr_assert_eq(found.bias, bias);
        cr_assert_eq(quire_refcount_read(&found.fobj->refs), fobj_refs[expected] + 1u);
        cr_assert_eq(quire_fobj_put(found.fobj), QUIRE_OK);
    }
}

static void step(struct property *p)
{
    uint32_t which = property_below(p, TAGS);
    uint32_t what = property_below(p, 10u);
    struct model_file *m = &model[which];

    if (what < 2u) {
        step_new(p, which);
    } else if (what < 4u || m->file == NULL) {
        step_get(which);
    } else if (what < 5u) {
        step_add(p, m);
    } else if (what < 8u) {
        step_put(m);
    } else {
        step_find(p, m);
    }
}

static void compare(void)
{
    uint32_t live = 0;
    uint32_t i;

    cr_assert_null(quire_file_table_check(&table));
    for (i = 0; i < TAGS; i++) {
        if (model[i].file != NULL) {
            cr_assert_eq(quire_refcount_read(&model[i].file->refs), model[i].refs);
            live++;
        }
    }
    for (i = 0; i < FOBJS; i++) {
        cr_assert_eq(quire_refcount_read(&fobj[i].refs), fobj_refs[i]);
    }
    cr_assert_eq(table.num_files, live);
    cr_assert_eq(quire_file_table_fini(&table), live != 0 ? QUIRE_BUSY : QUIRE_OK);
}

Test(property, files_and_slices_are_what_flat_arrays_say)
{
    struct property p = property_begin("file", 40);
    uint64_t round;
    uint32_t i;

    for (round = 0; round < p.rounds; round++) {
        setup();
        for (i = 0; i < STEPS; i++) {
            step(&p);
            compare();
        }
        for (i = 0; i < TAGS; i++) {
            while (model[i].file != NULL) {
                step_put(&model[i]);
            }
        }
        compare();
        cr_assert_eq(bytes, 0u);
    }
}
