/* fobj_ro.h: content from memory and from a callback, its verification, and every way a source can lie. */
#include <stdint.h> /* first: Criterion's own headers lack it */
#include <limits.h>

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "quire/fobj_ro.h"

#define PAGE ((size_t)1 << QUIRE_PAGE_SHIFT)
#define TAIL 37u
#define LEN (2u * PAGE + TAIL) /* three pages, the last almost empty */
#define OLD 0xee               /* what a physical page held before */

/* ---- A file, and a source that reads it and does what it is told ---- */

static unsigned char file[LEN + 1u];
static uint32_t slots[3];

struct source {
    enum quire_status read_says;
    enum quire_status verify_says;
    size_t writes; /* bytes of every read it really writes ... */
    size_t counts; /* ... and counts; SIZE_MAX: as asked */
    unsigned reads;
    unsigned verifies;
    uint64_t offset; /* of the last read */
    size_t len;
    const struct quire_fobj *fobj; /* of the last verification */
    uint32_t pgidx;
    const void *page;
    unsigned char seen[PAGE]; /* what it was shown */
    struct quire_fobj *released;
    unsigned releases;
};

static enum quire_status source_read(void *ctx, uint64_t offset, void *to, size_t len, size_t *got)
{
    struct source *source = ctx;
    size_t writes = source->writes != SIZE_MAX ? source->writes : len;
    size_t i;

    source->reads++;
    source->offset = offset;
    source->len = len;
    for (i = 0; i < writes; i++) {
        ((unsigned char *)to)[i] = offset + i < LEN ? file[offset + i] : 0xbb;
    }
    if (source->counts != 0) {
        *got = source->counts != SIZE_MAX ? source->counts : len;
    }
    return source->read_says;
}

static enum quire_status source_verify(void *ctx, const struct quire_fobj *fobj, uint32_t pgidx, const void *page)
{
    struct source *source = ctx;

    source->verifies++;
    source->fobj = fobj;
    source->pgidx = pgidx;
    source->page = page;
    memcpy(source->seen, page, PAGE);
    return source->verify_says;
}

static void source_release(void *ctx, struct quire_fobj *fobj)
{
    struct source *source = ctx;

    source->released = fobj;
    source->releases++;
}

static struct source source;

static void set_up(void)
{
    size_t i;

    for (i = 0; i < sizeof file; i++) {
        file[i] = (unsigned char)(1u + (i * 7u + (i >> QUIRE_PAGE_SHIFT) * 13u) % 200u); /* never 0, OLD or 0xbb */
    }
    memset(&source, 0, sizeof source);
    source.writes = SIZE_MAX;
    source.counts = SIZE_MAX;
}

TestSuite(fobj_ro, .init = set_up);

static struct quire_fobj_ro_config config_by_read(void)
{
    struct quire_fobj_ro_config config;

    memset(&config, 0, sizeof config);
    config.len = LEN;
    config.slots = slots;
    config.ctx = &source;
    config.read = source_read;
    return config;
}

static struct quire_fobj_ro_config config_by_data(const void *data, uint64_t len)
{
    struct quire_fobj_ro_config config = config_by_read();

    config.read = NULL;
    config.data = data;
    config.len = len;
    return config;
}

static void make(struct quire_fobj_ro *ro, const struct quire_fobj_ro_config *config)
{
    cr_assert_eq(quire_fobj_ro_init(ro, config), QUIRE_OK);
}

/* A read object with a verification. */
static void make_verified(struct quire_fobj_ro *ro)
{
    struct quire_fobj_ro_config config = config_by_read();

    config.verify = source_verify;
    make(ro, &config);
}

/* ---- Two physical pages that held something else, and a request to fill them ---- */

static unsigned char memory[2][PAGE];

static enum quire_status load(struct quire_fobj_ro *ro, uint32_t pgidx, uint32_t npages)
{
    void *page[2];
    struct quire_io io;

    memset(memory, OLD, sizeof memory);
    page[0] = memory[0];
    page[1] = memory[1];
    memset(&io, 0, sizeof io);
    io.fobj = &ro->base;
    io.pgidx = pgidx;
    io.npages = npages;
    io.page = page;
    return ro->base.ops->load(&io);
}

static bool filled_with(const unsigned char *from, int byte, size_t len)
{
    return len == 0 || (from[0] == byte && memcmp(from, from + 1, len - 1u) == 0);
}

static bool shows_file_page(const unsigned char *page, uint32_t pgidx)
{
    size_t len = pgidx == 2u ? TAIL : PAGE;

    return memcmp(page, file + pgidx * PAGE, len) == 0 && filled_with(page + len, 0, PAGE - len);
}

/* Loads page 0, which must fail with `status` and leave neither the page's content nor what was there before. */
static void expect_refused(struct quire_fobj_ro *ro, enum quire_status status)
{
    enum quire_status got = load(ro, 0, 1);

    cr_expect_eq(got, status, "%s instead of %s", quire_status_name(got), quire_status_name(status));
    cr_expect(filled_with(memory[0], 0, PAGE), "a refused page kept its content");
}

/* ---- Content from memory ---- */

Test(fobj_ro, ro_shows_memory_page_by_page_and_zeros_behind_its_end)
{
    struct quire_fobj_ro_config config = config_by_data(file, LEN);
    struct quire_fobj_ro ro;
    uint32_t i;

    make(&ro, &config);
    cr_assert_eq(ro.base.num_pages, 3);
    for (i = 0; i < 3u; i++) {
        cr_expect_eq(load(&ro, i, 1), QUIRE_OK);
        cr_expect(shows_file_page(memory[0], i), "page %u", (unsigned)i);
        cr_expect(filled_with(memory[1], OLD, PAGE), "page %u was written past its end", (unsigned)i);
    }
}

Test(fobj_ro, ro_takes_memory_at_any_address)
{
    struct quire_fobj_ro_config config = config_by_data(file + 1, LEN);
    struct quire_fobj_ro ro;

    make(&ro, &config);
    cr_expect_eq(load(&ro, 1, 1), QUIRE_OK);
    cr_expect_eq(memcmp(memory[0], file + 1u + PAGE, PAGE), 0);
}

Test(fobj_ro, ro_of_whole_pages_has_no_tail)
{
    struct quire_fobj_ro_config config = config_by_data(file, 2u * PAGE);
    struct quire_fobj_ro ro;

    make(&ro, &config);
    cr_expect_eq(ro.base.num_pages, 2);
    cr_expect_eq(load(&ro, 1, 1), QUIRE_OK);
    cr_expect(shows_file_page(memory[0], 1));
}

Test(fobj_ro, ro_of_one_byte_is_a_page_of_zeros_behind_it)
{
    struct quire_fobj_ro_config config = config_by_data(file, 1);
    struct quire_fobj_ro ro;

    make(&ro, &config);
    cr_expect_eq(ro.base.num_pages, 1);
    cr_expect_eq(load(&ro, 0, 1), QUIRE_OK);
    cr_expect_eq(memory[0][0], file[0]);
    cr_expect(filled_with(memory[0] + 1, 0, PAGE - 1u));
}

Test(fobj_ro, ro_fills_as_many_pages_as_it_is_asked_for)
{
    struct quire_fobj_ro_config config = config_by_data(file, LEN);
    struct quire_fobj_ro ro;

    make(&ro, &config);
    cr_expect_eq(load(&ro, 1, 2), QUIRE_OK);
    cr_expect(shows_file_page(memory[0], 1));
    cr_expect(shows_file_page(memory[1], 2));
}

Test(fobj_ro, ro_refuses_pages_it_does_not_have)
{
    struct quire_fobj_ro_config config = config_by_data(file, LEN);
    struct quire_fobj_ro ro;

    make(&ro, &config);
    cr_expect_eq(load(&ro, 3, 1), QUIRE_INVALID);
    cr_expect_eq(load(&ro, 2, 2), QUIRE_INVALID);
    cr_expect_eq(load(&ro, 0, 0), QUIRE_INVALID);
    cr_expect(filled_with(memory[0], OLD, PAGE));
}

/* ---- Content from a callback ---- */

Test(fobj_ro, ro_asks_for_exactly_the_bytes_there_are)
{
    struct quire_fobj_ro_config config = config_by_read();
    struct quire_fobj_ro ro;
    uint32_t i;

    make(&ro, &config);
    cr_expect_eq(source.reads, 0, "init read something");
    for (i = 0; i < 3u; i++) {
        cr_expect_eq(load(&ro, i, 1), QUIRE_OK);
        cr_expect(shows_file_page(memory[0], i), "page %u", (unsigned)i);
        cr_expect_eq(source.offset, i * PAGE);
        cr_expect_eq(source.len, i == 2u ? TAIL : PAGE);
    }
    cr_expect_eq(source.reads, 3);
}

Test(fobj_ro, ro_offsets_do_not_wrap_in_large_objects)
{
    uint64_t len = (uint64_t)0x00300000u * PAGE; /* 12 GiB at 4 KiB a page */
    struct quire_fobj_ro_config config = config_by_read();
    struct quire_fobj_ro ro;

    config.len = len;
    config.slots = calloc(0x00300000u, sizeof *config.slots);
    cr_assert_not_null(config.slots);
    make(&ro, &config);
    cr_expect_eq(ro.base.num_pages, 0x00300000u);
    cr_expect_eq(load(&ro, 0x002fffffu, 1), QUIRE_OK);
    cr_expect_eq(source.offset, len - PAGE);
    cr_expect_eq(source.len, PAGE);
    free(config.slots);
}

Test(fobj_ro, ro_passes_on_why_a_read_failed)
{
    static const enum quire_status answers[] = {QUIRE_IO, QUIRE_INTEGRITY, QUIRE_NO_MEMORY};
    struct quire_fobj_ro ro;
    size_t i;

    make_verified(&ro);
    for (i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        source.read_says = answers[i];
        expect_refused(&ro, answers[i]);
    }
    cr_expect_eq(source.verifies, 0, "a page that was not read was verified");
}

static const enum quire_status lies[] = {
    (enum quire_status)1,
    (enum quire_status)4096,
    QUIRE_PENDING,
    QUIRE_NEED,
    QUIRE_AGAIN,
    QUIRE_INVALID,
    QUIRE_DEAD,
    QUIRE_BAD_ANSWER,
    (enum quire_status) - 24,
    (enum quire_status) - 1000,
    (enum quire_status)INT_MAX,
    (enum quire_status)INT_MIN,
};

Test(fobj_ro, ro_calls_every_other_answer_of_a_read_bad)
{
    struct quire_fobj_ro ro;
    size_t i;

    make_verified(&ro);
    for (i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        source.read_says = lies[i];
        expect_refused(&ro, QUIRE_BAD_ANSWER);
    }
    cr_expect_eq(source.verifies, 0);
}

Test(fobj_ro, ro_calls_a_short_read_an_io_error)
{
    struct quire_fobj_ro ro;

    make_verified(&ro);
    source.writes = PAGE - 1u;
    source.counts = PAGE - 1u;
    expect_refused(&ro, QUIRE_IO);
    source.counts = 1;
    expect_refused(&ro, QUIRE_IO);
    source.counts = 0; /* does not even set the count */
    expect_refused(&ro, QUIRE_IO);
    cr_expect_eq(source.verifies, 0);
}

Test(fobj_ro, ro_calls_a_count_above_the_request_bad)
{
    struct quire_fobj_ro ro;

    make_verified(&ro);
    source.counts = PAGE + 1u;
    expect_refused(&ro, QUIRE_BAD_ANSWER);
    source.counts = SIZE_MAX - 1u;
    expect_refused(&ro, QUIRE_BAD_ANSWER);
    source.counts = TAIL + 1u; /* less than a page, but more than there is */
    cr_expect_eq(load(&ro, 2, 1), QUIRE_BAD_ANSWER);
    cr_expect(filled_with(memory[0], 0, PAGE));
    cr_expect_eq(source.verifies, 0);
}

Test(fobj_ro, ro_believes_an_error_before_a_count)
{
    struct quire_fobj_ro ro;

    make_verified(&ro);
    source.read_says = QUIRE_NO_MEMORY;
    source.counts = PAGE + 1u;
    expect_refused(&ro, QUIRE_NO_MEMORY);
}

Test(fobj_ro, ro_never_shows_what_the_page_held_before)
{
    struct quire_fobj_ro_config config = config_by_read();
    struct quire_fobj_ro ro;

    make(&ro, &config);
    cr_expect(ro.base.ops->flags & QUIRE_FOBJ_OPS_FILLS);
    source.writes = 10; /* and counts a page */
    cr_expect_eq(load(&ro, 0, 1), QUIRE_OK);
    cr_expect_eq(memcmp(memory[0], file, 10), 0);
    cr_expect(filled_with(memory[0] + 10, 0, PAGE - 10u));
}

Test(fobj_ro, ro_wipes_what_a_read_wrote_behind_the_end)
{
    struct quire_fobj_ro_config config = config_by_read();
    struct quire_fobj_ro ro;

    make(&ro, &config);
    source.writes = PAGE; /* and counts the tail */
    cr_expect_eq(load(&ro, 2, 1), QUIRE_OK);
    cr_expect(shows_file_page(memory[0], 2));
}

Test(fobj_ro, ro_loads_again_after_a_failure)
{
    struct quire_fobj_ro ro;

    make_verified(&ro);
    source.read_says = QUIRE_IO;
    expect_refused(&ro, QUIRE_IO);
    source.read_says = QUIRE_OK;
    source.verify_says = QUIRE_INTEGRITY;
    expect_refused(&ro, QUIRE_INTEGRITY);
    source.verify_says = QUIRE_OK;
    cr_expect_eq(load(&ro, 0, 1), QUIRE_OK);
    cr_expect(shows_file_page(memory[0], 0));
}

/* ---- Verification ---- */

Test(fobj_ro, ro_verifies_the_whole_page_that_will_be_shown)
{
    struct quire_fobj_ro ro;

    make_verified(&ro);
    source.writes = PAGE; /* junk behind the end, which is gone before the page is verified */
    cr_expect_eq(load(&ro, 2, 1), QUIRE_OK);
    cr_expect_eq(source.verifies, 1);
    cr_expect_eq(source.fobj, &ro.base);
    cr_expect_eq(source.pgidx, 2);
    cr_expect_eq(source.page, (const void *)memory[0]);
    cr_expect(shows_file_page(source.seen, 2));
    cr_expect(shows_file_page(memory[0], 2));
}

/* Changes the source while the page is being verified, as another world could. */
static enum quire_status verify_and_change_the_source(void *ctx, const struct quire_fobj *fobj, uint32_t pgidx,
                                                      const void *page)
{
    enum quire_status status = source_verify(ctx, fobj, pgidx, page);

    memset(file, 0x77, sizeof file);
    return status;
}

Test(fobj_ro, ro_shows_what_was_verified_even_if_the_source_changes)
{
    struct quire_fobj_ro_config config = config_by_data(file, LEN);
    struct quire_fobj_ro ro;

    config.verify = verify_and_change_the_source;
    make(&ro, &config);
    cr_expect_eq(load(&ro, 1, 1), QUIRE_OK);
    cr_expect_eq(memcmp(memory[0], source.seen, PAGE), 0);
    cr_expect_not(filled_with(memory[0], 0x77, PAGE));
}

Test(fobj_ro, ro_wipes_a_page_that_verification_refused)
{
    struct quire_fobj_ro_config config = config_by_data(file, LEN);
    struct quire_fobj_ro ro;

    config.verify = source_verify;
    make(&ro, &config);
    source.verify_says = QUIRE_INTEGRITY;
    expect_refused(&ro, QUIRE_INTEGRITY);
    cr_expect(shows_file_page(source.seen, 0));
    make_verified(&ro);
    expect_refused(&ro, QUIRE_INTEGRITY);
    cr_expect(shows_file_page(source.seen, 0));
}

Test(fobj_ro, ro_passes_on_why_a_verification_failed)
{
    struct quire_fobj_ro ro;

    make_verified(&ro);
    source.verify_says = QUIRE_IO;
    expect_refused(&ro, QUIRE_IO);
    source.verify_says = QUIRE_NO_MEMORY;
    expect_refused(&ro, QUIRE_NO_MEMORY);
}

Test(fobj_ro, ro_calls_every_other_answer_of_a_verification_bad)
{
    struct quire_fobj_ro ro;
    size_t i;

    make_verified(&ro);
    for (i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        source.verify_says = lies[i];
        expect_refused(&ro, QUIRE_BAD_ANSWER);
    }
}

static enum quire_status refuse_page_1(void *ctx, const struct quire_fobj *fobj, uint32_t pgidx, const void *page)
{
    enum quire_status status = source_verify(ctx, fobj, pgidx, page);

    return pgidx == 1u ? QUIRE_INTEGRITY : status;
}

Test(fobj_ro, ro_stops_a_longer_load_at_the_first_refusal)
{
    struct quire_fobj_ro_config config = config_by_read();
    struct quire_fobj_ro ro;

    config.verify = refuse_page_1;
    make(&ro, &config);
    cr_expect_eq(load(&ro, 1, 2), QUIRE_INTEGRITY);
    cr_expect_eq(source.reads, 1);
    cr_expect(filled_with(memory[0], 0, PAGE));
    cr_expect_eq(load(&ro, 0, 2), QUIRE_INTEGRITY);
    cr_expect_eq(source.reads, 3);
    cr_expect(filled_with(memory[1], 0, PAGE));
}

/* ---- Making and ending it ---- */

Test(fobj_ro, ro_counts_pages_without_wrapping)
{
    cr_expect_eq(quire_fobj_ro_pages(0), 0);
    cr_expect_eq(quire_fobj_ro_pages(1), 1);
    cr_expect_eq(quire_fobj_ro_pages(PAGE), 1);
    cr_expect_eq(quire_fobj_ro_pages(PAGE + 1u), 2);
    cr_expect_eq(quire_fobj_ro_pages((uint64_t)QUIRE_FOBJ_PAGES_MAX << QUIRE_PAGE_SHIFT), QUIRE_FOBJ_PAGES_MAX);
    cr_expect_eq(quire_fobj_ro_pages(UINT64_MAX), (UINT64_MAX >> QUIRE_PAGE_SHIFT) + 1u);
}

Test(fobj_ro, ro_cannot_be_written_or_saved)
{
    struct quire_fobj_ro_config config = config_by_read();
    struct quire_fobj_ro ro;

    make(&ro, &config);
    cr_expect_eq(ro.base.max_prot, QUIRE_PROT_READ | QUIRE_PROT_EXEC);
    cr_expect_null(ro.base.ops->save);
    cr_expect_not(quire_fobj_is_unpaged(&ro.base));
    config.max_prot = QUIRE_PROT_READ;
    make(&ro, &config);
    cr_expect_eq(ro.base.max_prot, QUIRE_PROT_READ);
}

static void expect_invalid(const struct quire_fobj_ro_config *config)
{
    struct quire_fobj_ro ro;
    struct quire_fobj_ro before;

    memset(&ro, 0x5a, sizeof ro);
    memset(&before, 0x5a, sizeof before);
    cr_expect_eq(quire_fobj_ro_init(&ro, config), QUIRE_INVALID);
    cr_expect_eq(memcmp(&ro, &before, sizeof ro), 0, "a refused init changed the object");
}

Test(fobj_ro, ro_init_refuses_no_source_and_two)
{
    struct quire_fobj_ro_config config = config_by_read();

    config.data = file;
    expect_invalid(&config);
    config.data = NULL;
    config.read = NULL;
    expect_invalid(&config);
}

Test(fobj_ro, ro_init_refuses_lengths_that_cannot_be)
{
    struct quire_fobj_ro_config config = config_by_read();

    config.len = 0;
    expect_invalid(&config);
    config.len = ((uint64_t)QUIRE_FOBJ_PAGES_MAX << QUIRE_PAGE_SHIFT) + 1u;
    expect_invalid(&config);
    config.len = UINT64_MAX;
    expect_invalid(&config);
}

Test(fobj_ro, ro_init_refuses_memory_that_wraps)
{
    const void *near_the_top = (const void *)(UINTPTR_MAX - 99u); /* 100 bytes are left there */
    struct quire_fobj_ro_config config = config_by_data(near_the_top, 101);
    struct quire_fobj_ro ro;

    expect_invalid(&config);
    config.len = 100;
    cr_expect_eq(quire_fobj_ro_init(&ro, &config), QUIRE_OK); /* the memory is not touched */
}

Test(fobj_ro, ro_init_refuses_what_cannot_be)
{
    struct quire_fobj_ro_config config = config_by_read();

    expect_invalid(NULL);
    cr_expect_eq(quire_fobj_ro_init(NULL, &config), QUIRE_INVALID);
    config.slots = NULL;
    expect_invalid(&config);
    config = config_by_read();
    config.max_prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE;
    expect_invalid(&config);
    config.max_prot = QUIRE_PROT_READ | QUIRE_PROT_USER;
    expect_invalid(&config);
}

Test(fobj_ro, ro_is_released_once_by_its_last_put)
{
    struct quire_fobj_ro_config config = config_by_read();
    struct quire_fobj_ro ro;

    config.release = source_release;
    make(&ro, &config);
    cr_assert_eq(quire_fobj_get(&ro.base), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_OK);
    cr_expect_eq(source.releases, 0);
    cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_OK);
    cr_expect_eq(source.releases, 1);
    cr_expect_eq(source.released, &ro.base);
    cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_UNDERFLOW);
    cr_expect_eq(source.releases, 1);
}

Test(fobj_ro, ro_may_die_without_a_release_callback)
{
    struct quire_fobj_ro_config config = config_by_read();
    struct quire_fobj_ro ro;

    make(&ro, &config);
    cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_OK);
    cr_expect_eq(quire_fobj_get(&ro.base), QUIRE_DEAD);
}
