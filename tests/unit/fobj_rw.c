/* fobj_rw.h: pages that leave and return, plain and sealed, and every way a store can lie. */
#include <stdint.h> /* first: Criterion's own headers lack it */
#include <limits.h>

#include <criterion/criterion.h>
#include <string.h>

#include "cipher.h"
#include "quire/fobj_rw.h"

#define PAGE ((size_t)1 << QUIRE_PAGE_SHIFT)
#define PAGES 3u
#define OLD 0xee /* what a physical page held before */

/* ---- A store in memory, and a seal, that do what they are told ---- */

struct store {
    unsigned char content[PAGES][PAGE];
    enum quire_status read_says;
    enum quire_status write_says;
    size_t writes; /* bytes of every read it really writes */
    unsigned nread;
    unsigned nwritten;
    const void *wrote_from; /* the page of the last write */
};

static struct store store;
static struct cipher cipher;
static struct quire_seal_meta meta[PAGES];
static uint32_t slots[PAGES];
static unsigned releases;
static struct quire_fobj *released;

static enum quire_status store_read(void *ctx, uint32_t pgidx, void *page)
{
    struct store *s = ctx;

    s->nread++;
    cr_assert_lt(pgidx, PAGES);
    memcpy(page, s->content[pgidx], s->writes);
    return s->read_says;
}

static enum quire_status store_write(void *ctx, uint32_t pgidx, const void *page)
{
    struct store *s = ctx;

    s->nwritten++;
    s->wrote_from = page;
    cr_assert_lt(pgidx, PAGES);
    if (s->write_says == QUIRE_OK) {
        memcpy(s->content[pgidx], page, PAGE);
    }
    return s->write_says;
}

static void count_release(void *ctx, struct quire_fobj *fobj)
{
    cr_assert_eq(ctx, &releases);
    released = fobj;
    releases++;
}

static void set_up(void)
{
    memset(&store, 0, sizeof store);
    memset(store.content, 0xcc, sizeof store.content); /* what nobody stored */
    store.writes = PAGE;
    cipher_start(&cipher, 1);
}

static void tear_down(void)
{
    cr_expect_null(cipher_wrong(&cipher), "%s", cipher_wrong(&cipher));
    (void)cipher_stop(&cipher); /* most tests leave an object */
}

TestSuite(fobj_rw, .init = set_up, .fini = tear_down);

static struct quire_fobj_rw_config config_plain(void)
{
    struct quire_fobj_rw_config config;

    memset(&config, 0, sizeof config);
    config.num_pages = PAGES;
    config.slots = slots;
    config.store.ctx = &store;
    config.store.npages = PAGES;
    config.store.read = store_read;
    config.store.write = store_write;
    return config;
}

static struct quire_fobj_rw_config config_sealed(void)
{
    struct quire_fobj_rw_config config = config_plain();

    config.sealing.sealer = &cipher.sealer;
    config.sealing.meta = meta;
    return config;
}

static void make_plain(struct quire_fobj_rw *rw)
{
    struct quire_fobj_rw_config config = config_plain();

    cr_assert_eq(quire_fobj_rw_init(rw, &config), QUIRE_OK);
}

static void make_sealed(struct quire_fobj_rw *rw)
{
    struct quire_fobj_rw_config config = config_sealed();

    cr_assert_eq(quire_fobj_rw_init(rw, &config), QUIRE_OK);
}

/* ---- Two physical pages, and requests about them ---- */

static unsigned char memory[2][PAGE];

static struct quire_io io_of(struct quire_fobj_rw *rw, uint32_t pgidx, uint32_t npages)
{
    static void *page[2];
    struct quire_io io;

    page[0] = memory[0];
    page[1] = memory[1];
    memset(&io, 0, sizeof io);
    io.fobj = &rw->base;
    io.pgidx = pgidx;
    io.npages = npages;
    io.page = page;
    return io;
}

static enum quire_status load(struct quire_fobj_rw *rw, uint32_t pgidx, uint32_t npages, bool stored)
{
    struct quire_io io = io_of(rw, pgidx, npages);

    io.stored = stored;
    memset(memory, OLD, sizeof memory);
    return rw->base.ops->load(&io);
}

/* The byte at `i` of test content `seed`. */
static unsigned char byte_of(unsigned seed, size_t i)
{
    return (unsigned char)(seed * 41u + i * 7u + (i >> 8));
}

/* Writes content `seed` to the first page, and `seed` + 1 to the second, and saves. */
static enum quire_status save(struct quire_fobj_rw *rw, uint32_t pgidx, uint32_t npages, unsigned seed)
{
    struct quire_io io = io_of(rw, pgidx, npages);
    size_t i;

    for (i = 0; i < PAGE; i++) {
        memory[0][i] = byte_of(seed, i);
        memory[1][i] = byte_of(seed + 1u, i);
    }
    return rw->base.ops->save(&io);
}

static bool shows(const unsigned char *page, unsigned seed)
{
    size_t i;

    for (i = 0; i < PAGE; i++) {
        if (page[i] != byte_of(seed, i)) {
            return false;
        }
    }
    return true;
}

static bool filled_with(const unsigned char *from, int byte, size_t len)
{
    return len == 0 || (from[0] == byte && memcmp(from, from + 1, len - 1u) == 0);
}

static void expect_load_refused(struct quire_fobj_rw *rw, uint32_t pgidx, enum quire_status status)
{
    enum quire_status got = load(rw, pgidx, 1, true);

    cr_expect_eq(got, status, "%s instead of %s", quire_status_name(got), quire_status_name(status));
    cr_expect(filled_with(memory[0], 0, PAGE), "a refused page kept its content");
}

static void expect_save_refused(struct quire_fobj_rw *rw, enum quire_status status)
{
    enum quire_status got = save(rw, 0, 1, 9);

    cr_expect_eq(got, status, "%s instead of %s", quire_status_name(got), quire_status_name(status));
    cr_expect(shows(memory[0], 9), "a save changed the page");
    cr_expect_eq(cipher.buffers, 0, "a buffer was not given back");
}

static const enum quire_status errors[] = {QUIRE_IO, QUIRE_INTEGRITY, QUIRE_NO_MEMORY, QUIRE_LIMIT};

static const enum quire_status lies[] = {
    (enum quire_status)1,
    (enum quire_status)4096,
    QUIRE_PENDING,
    QUIRE_NEED,
    QUIRE_AGAIN,
    QUIRE_INVALID,
    QUIRE_DEAD,
    QUIRE_BAD_ANSWER,
    QUIRE_TIMEOUT,
    (enum quire_status) - 1000,
    (enum quire_status)INT_MAX,
    (enum quire_status)INT_MIN,
};

/* Lets `knob`, or the next call of this hook of the cipher, be every answer a callback may and may not give, and looks at what
 * a load or save makes of it. */
static void expect_answers(struct quire_fobj_rw *rw, enum quire_status *knob, enum cipher_hook hook, bool saving)
{
    enum quire_status says = QUIRE_OK;
    size_t i;

    for (i = 0; i < sizeof errors / sizeof errors[0] + sizeof lies / sizeof lies[0]; i++) {
        bool error = i < sizeof errors / sizeof errors[0];
        enum quire_status expected = error ? errors[i] : QUIRE_BAD_ANSWER;

        *(knob != NULL ? knob : &says) = error ? errors[i] : lies[i - sizeof errors / sizeof errors[0]];
        if (knob == NULL) {
            cipher_fail(&cipher, hook, 1, says);
        }
        if (saving) {
            expect_save_refused(rw, expected);
        } else {
            expect_load_refused(rw, 0, expected);
        }
    }
    *(knob != NULL ? knob : &says) = QUIRE_OK;
}

/* ---- Plain ---- */

Test(fobj_rw, rw_begins_as_zeros_without_asking_the_store)
{
    struct quire_fobj_rw rw;
    uint32_t i;

    make_plain(&rw);
    store.read_says = QUIRE_IO;
    for (i = 0; i < PAGES; i++) {
        cr_expect_eq(load(&rw, i, 1, false), QUIRE_OK);
        cr_expect(filled_with(memory[0], 0, PAGE));
        cr_expect(filled_with(memory[1], OLD, PAGE));
    }
    cr_expect_eq(store.nread + store.nwritten, 0);
}

Test(fobj_rw, rw_gives_back_what_it_was_given)
{
    struct quire_fobj_rw rw;
    uint32_t i;

    make_plain(&rw);
    for (i = 0; i < PAGES; i++) {
        cr_assert_eq(save(&rw, i, 1, i), QUIRE_OK);
        cr_expect_eq(store.wrote_from, (const void *)memory[0], "the page was copied");
    }
    cr_expect_eq(store.nwritten, PAGES);
    for (i = 0; i < PAGES; i++) {
        cr_expect_eq(load(&rw, i, 1, true), QUIRE_OK);
        cr_expect(shows(memory[0], i), "page %u", (unsigned)i);
    }
    cr_assert_eq(save(&rw, 1, 1, 20), QUIRE_OK);
    cr_expect_eq(load(&rw, 1, 1, true), QUIRE_OK);
    cr_expect(shows(memory[0], 20));
}

Test(fobj_rw, rw_moves_as_many_pages_as_it_is_asked_for)
{
    struct quire_fobj_rw rw;

    make_plain(&rw);
    cr_assert_eq(save(&rw, 1, 2, 5), QUIRE_OK);
    cr_expect(filled_with(store.content[0], 0xcc, PAGE));
    cr_expect_eq(load(&rw, 1, 2, true), QUIRE_OK);
    cr_expect(shows(memory[0], 5) && shows(memory[1], 6));
    cr_expect_eq(load(&rw, 0, 2, false), QUIRE_OK);
    cr_expect(filled_with(memory[0], 0, PAGE) && filled_with(memory[1], 0, PAGE));
}

Test(fobj_rw, rw_refuses_pages_it_does_not_have)
{
    struct quire_fobj_rw rw;

    make_plain(&rw);
    cr_expect_eq(load(&rw, PAGES, 1, true), QUIRE_INVALID);
    cr_expect_eq(load(&rw, PAGES - 1u, 2, true), QUIRE_INVALID);
    cr_expect_eq(load(&rw, 0, 0, true), QUIRE_INVALID);
    cr_expect(filled_with(memory[0], OLD, PAGE));
    cr_expect_eq(save(&rw, PAGES, 1, 0), QUIRE_INVALID);
    cr_expect_eq(save(&rw, PAGES - 1u, 2, 0), QUIRE_INVALID);
    cr_expect_eq(save(&rw, 0, 0, 0), QUIRE_INVALID);
    cr_expect_eq(store.nread + store.nwritten, 0);
}

Test(fobj_rw, rw_wipes_the_page_when_a_read_fails_and_says_why)
{
    struct quire_fobj_rw rw;

    make_plain(&rw);
    cr_assert_eq(save(&rw, 0, 1, 3), QUIRE_OK);
    expect_answers(&rw, &store.read_says, CIPHER_HOOKS, false);
    cr_expect_eq(load(&rw, 0, 1, true), QUIRE_OK, "a retry failed");
    cr_expect(shows(memory[0], 3));
}

Test(fobj_rw, rw_says_why_a_write_failed_and_the_old_content_stays)
{
    struct quire_fobj_rw rw;

    make_plain(&rw);
    cr_assert_eq(save(&rw, 0, 1, 3), QUIRE_OK);
    expect_answers(&rw, &store.write_says, CIPHER_HOOKS, true);
    cr_expect_eq(load(&rw, 0, 1, true), QUIRE_OK);
    cr_expect(shows(memory[0], 3));
    cr_expect_eq(save(&rw, 0, 1, 4), QUIRE_OK, "a retry failed");
    cr_expect_eq(load(&rw, 0, 1, true), QUIRE_OK);
    cr_expect(shows(memory[0], 4));
}

Test(fobj_rw, rw_never_shows_what_the_page_held_before)
{
    struct quire_fobj_rw rw;

    make_plain(&rw);
    cr_expect(rw.base.ops->flags & QUIRE_FOBJ_OPS_FILLS);
    cr_assert_eq(save(&rw, 0, 1, 3), QUIRE_OK);
    store.writes = 0; /* and says OK */
    cr_expect_eq(load(&rw, 0, 1, true), QUIRE_OK);
    cr_expect(filled_with(memory[0], 0, PAGE));
}

Test(fobj_rw, rw_stops_a_longer_request_at_the_first_failure)
{
    struct quire_fobj_rw rw;

    make_plain(&rw);
    store.write_says = QUIRE_IO;
    cr_expect_eq(save(&rw, 0, 2, 1), QUIRE_IO);
    cr_expect_eq(store.nwritten, 1);
    store.read_says = QUIRE_IO;
    cr_expect_eq(load(&rw, 0, 2, true), QUIRE_IO);
    cr_expect_eq(store.nread, 1);
}

/* ---- Sealed ---- */

Test(fobj_rw, rw_sealed_gives_back_what_it_was_given_and_the_store_sees_none_of_it)
{
    struct quire_fobj_rw rw;
    uint32_t i;

    make_sealed(&rw);
    for (i = 0; i < PAGES; i++) {
        cr_assert_eq(save(&rw, i, 1, i), QUIRE_OK);
        cr_expect(shows(memory[0], i), "sealing changed the page");
        cr_expect_neq(store.wrote_from, (const void *)memory[0]);
        cr_expect_not(shows(store.content[i], i), "the store was given the plain page");
    }
    cr_expect_eq(cipher.calls[CIPHER_BUFFER], PAGES);
    cr_expect_eq(cipher.buffers, 0);
    for (i = 0; i < PAGES; i++) {
        cr_expect_eq(load(&rw, i, 1, true), QUIRE_OK);
        cr_expect(shows(memory[0], i), "page %u", (unsigned)i);
    }
    cr_expect_eq(cipher.calls[CIPHER_BUFFER], PAGES, "a load needs no buffer");
}

Test(fobj_rw, rw_sealed_begins_as_zeros_without_opening_anything)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cr_expect_eq(load(&rw, 0, 1, false), QUIRE_OK);
    cr_expect(filled_with(memory[0], 0, PAGE));
    cr_expect_eq(store.nread + cipher.calls[CIPHER_OPEN] + cipher.calls[CIPHER_BUFFER], 0);
}

Test(fobj_rw, rw_refuses_a_stored_page_that_was_changed)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cr_assert_eq(save(&rw, 0, 1, 3), QUIRE_OK);
    store.content[0][PAGE - 1u] ^= 1u;
    expect_load_refused(&rw, 0, QUIRE_INTEGRITY);
    store.content[0][PAGE - 1u] ^= 1u;
    cr_expect_eq(load(&rw, 0, 1, true), QUIRE_OK, "a retry failed");
    cr_expect(shows(memory[0], 3));
}

Test(fobj_rw, rw_refuses_a_stored_page_that_is_another_one)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cr_assert_eq(save(&rw, 0, 1, 3), QUIRE_OK);
    cr_assert_eq(save(&rw, 1, 1, 3), QUIRE_OK);
    memcpy(store.content[1], store.content[0], PAGE);
    expect_load_refused(&rw, 1, QUIRE_INTEGRITY);
}

Test(fobj_rw, rw_refuses_a_stored_page_of_another_object)
{
    static struct quire_seal_meta meta_of[2][PAGES];
    static unsigned char first[PAGE];
    struct quire_fobj_rw rw[2];
    unsigned i;

    for (i = 0; i < 2; i++) {
        struct quire_fobj_rw_config config = config_sealed();

        config.sealing.meta = meta_of[i];
        cr_assert_eq(quire_fobj_rw_init(&rw[i], &config), QUIRE_OK);
    }
    cr_assert_eq(save(&rw[0], 0, 1, 3), QUIRE_OK);
    memcpy(first, store.content[0], PAGE);
    cr_assert_eq(save(&rw[1], 0, 1, 3), QUIRE_OK); /* the same index, version and content */
    cr_expect_eq(load(&rw[1], 0, 1, true), QUIRE_OK);
    memcpy(store.content[0], first, PAGE);
    expect_load_refused(&rw[1], 0, QUIRE_INTEGRITY);
    memcpy(meta_of[1], meta_of[0], sizeof meta_of[0]); /* though its tag were known */
    expect_load_refused(&rw[1], 0, QUIRE_INTEGRITY);
    cr_expect_eq(load(&rw[0], 0, 1, true), QUIRE_OK);
}

Test(fobj_rw, rw_refuses_a_stored_page_that_is_an_older_one)
{
    static unsigned char older[PAGE];
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cr_assert_eq(save(&rw, 0, 1, 3), QUIRE_OK);
    memcpy(older, store.content[0], PAGE);
    cr_assert_eq(save(&rw, 0, 1, 4), QUIRE_OK);
    memcpy(store.content[0], older, PAGE);
    expect_load_refused(&rw, 0, QUIRE_INTEGRITY);
}

Test(fobj_rw, rw_refuses_a_stored_page_of_which_a_part_is_missing)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cr_assert_eq(save(&rw, 0, 1, 3), QUIRE_OK);
    store.writes = PAGE / 2u;
    expect_load_refused(&rw, 0, QUIRE_INTEGRITY);
    store.writes = 0;
    expect_load_refused(&rw, 0, QUIRE_INTEGRITY);
}

Test(fobj_rw, rw_does_not_open_what_it_could_not_read)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cr_assert_eq(save(&rw, 0, 1, 3), QUIRE_OK);
    expect_answers(&rw, &store.read_says, CIPHER_HOOKS, false);
    cr_expect_eq(cipher.calls[CIPHER_OPEN], 0);
}

Test(fobj_rw, rw_wipes_the_page_when_opening_fails_and_says_why)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cr_assert_eq(save(&rw, 0, 1, 3), QUIRE_OK);
    expect_answers(&rw, NULL, CIPHER_OPEN, false);
    cr_expect_eq(load(&rw, 0, 1, true), QUIRE_OK, "a retry failed");
    cr_expect(shows(memory[0], 3));
}

Test(fobj_rw, rw_writes_nothing_when_sealing_fails_and_wipes_the_buffer)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    expect_answers(&rw, NULL, CIPHER_SEAL, true);
    cr_expect_gt(cipher.calls[CIPHER_SEAL], 0);
    cr_expect_eq(store.nwritten, 0); /* the cipher looks at what its buffers come back with */
}

Test(fobj_rw, rw_sealed_says_why_a_write_failed_and_the_next_load_does_not_lie)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cr_assert_eq(save(&rw, 0, 1, 3), QUIRE_OK);
    expect_answers(&rw, &store.write_says, CIPHER_HOOKS, true);
    /* The seal knows of a newer version than the store has: the load fails rather than show the old one. */
    expect_load_refused(&rw, 0, QUIRE_INTEGRITY);
    cr_expect_eq(save(&rw, 0, 1, 4), QUIRE_OK, "a retry failed");
    cr_expect_eq(load(&rw, 0, 1, true), QUIRE_OK);
    cr_expect(shows(memory[0], 4));
}

Test(fobj_rw, rw_save_without_a_buffer_is_out_of_memory_and_seals_nothing)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cipher_fail(&cipher, CIPHER_BUFFER, 1, QUIRE_IO);
    expect_save_refused(&rw, QUIRE_NO_MEMORY);
    cr_expect_eq(cipher.calls[CIPHER_SEAL] + store.nwritten, 0);
    cr_expect_eq(save(&rw, 0, 1, 3), QUIRE_OK, "a retry failed");
}

Test(fobj_rw, rw_seals_every_page_of_a_longer_request_by_itself)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cr_assert_eq(save(&rw, 0, 2, 5), QUIRE_OK);
    cr_expect_eq(cipher.calls[CIPHER_SEAL], 2);
    cr_expect_eq(cipher.buffers, 0);
    cr_expect_eq(load(&rw, 0, 2, true), QUIRE_OK);
    cr_expect(shows(memory[0], 5) && shows(memory[1], 6));
}

/* ---- Making and ending it ---- */

Test(fobj_rw, rw_permits_reading_and_writing_unless_told)
{
    struct quire_fobj_rw_config config = config_plain();
    struct quire_fobj_rw rw;

    cr_assert_eq(quire_fobj_rw_init(&rw, &config), QUIRE_OK);
    cr_expect_eq(rw.base.max_prot, QUIRE_PROT_READ | QUIRE_PROT_WRITE);
    cr_expect_eq(rw.base.flags, 0);
    cr_expect_not(quire_fobj_is_unpaged(&rw.base));
    config.max_prot = QUIRE_PROT_RWX;
    cr_assert_eq(quire_fobj_rw_init(&rw, &config), QUIRE_OK);
    cr_expect_eq(rw.base.max_prot, QUIRE_PROT_RWX);
}

static void expect_invalid(const struct quire_fobj_rw_config *config)
{
    struct quire_fobj_rw rw;
    struct quire_fobj_rw before;

    memset(&rw, 0x5a, sizeof rw);
    memset(&before, 0x5a, sizeof before);
    cr_expect_eq(quire_fobj_rw_init(&rw, config), QUIRE_INVALID);
    cr_expect_eq(memcmp(&rw, &before, sizeof rw), 0, "a refused init changed the object");
}

Test(fobj_rw, rw_init_refuses_a_store_that_cannot_hold_the_object)
{
    struct quire_fobj_rw_config config = config_plain();
    struct quire_fobj_rw rw;

    config.store.npages = PAGES - 1u;
    expect_invalid(&config);
    config.store.npages = 0;
    expect_invalid(&config);
    config.store.npages = PAGES + 1u;
    cr_expect_eq(quire_fobj_rw_init(&rw, &config), QUIRE_OK);
}

Test(fobj_rw, rw_init_refuses_a_store_that_cannot_read_or_write)
{
    struct quire_fobj_rw_config config = config_plain();

    config.store.read = NULL;
    expect_invalid(&config);
    config = config_plain();
    config.store.write = NULL;
    expect_invalid(&config);
}

Test(fobj_rw, rw_init_wants_a_sealer_and_one_place_for_metadata_or_neither)
{
    static uint32_t parent_slots[1];
    struct quire_fobj_rw parent;
    struct quire_fobj_rw_config parent_config = config_plain();
    unsigned present;

    parent_config.num_pages = 1;
    parent_config.slots = parent_slots;
    cr_assert_eq(quire_fobj_rw_init(&parent, &parent_config), QUIRE_OK);
    for (present = 0; present < 8u; present++) {
        struct quire_fobj_rw_config config = config_plain();
        struct quire_fobj_rw rw;

        config.sealing.sealer = (present & 1u) != 0 ? &cipher.sealer : NULL;
        config.sealing.meta = (present & 2u) != 0 ? meta : NULL;
        config.sealing.meta_fobj = (present & 4u) != 0 ? &parent.base : NULL;
        if (present == 0 || present == 3u || present == 5u) {
            cr_expect_eq(quire_fobj_rw_init(&rw, &config), QUIRE_OK);
            cr_expect_eq(quire_fobj_put(&rw.base), QUIRE_OK);
        } else {
            expect_invalid(&config);
        }
        cr_expect_eq(cipher.sealer.holders[1], 0, "who is refused, or dies, holds no key");
        cr_expect_eq(parent.base.refs.count, 1, "nor a parent");
    }
}

Test(fobj_rw, rw_init_refuses_a_sealer_that_has_ended)
{
    struct quire_fobj_rw_config config = config_sealed();
    struct quire_sealer ended;

    cr_assert_eq(quire_sealer_init(&ended, &cipher_hooks, &cipher), QUIRE_OK);
    config.sealing.sealer = &ended;
    cr_assert_eq(quire_sealer_fini(&ended), QUIRE_OK);
    expect_invalid(&config);
}

/* ---- Metadata in pages of a parent ---- */

#define PER_PAGE QUIRE_FOBJ_RW_META_PER_PAGE
#define CHILD_PAGES (2u * PER_PAGE)

static uint32_t child_slots[CHILD_PAGES];
static uint32_t parent_slots[4];
static unsigned char kept[PAGE]; /* what the one page of the child that is stored holds there */
static struct quire_fobj_rw parent;
static struct quire_seal_meta parent_meta[4];

static enum quire_status kept_read(void *ctx, uint32_t pgidx, void *page)
{
    (void)ctx;
    (void)pgidx;
    memcpy(page, kept, PAGE);
    return QUIRE_OK;
}

static enum quire_status kept_write(void *ctx, uint32_t pgidx, const void *page)
{
    (void)ctx;
    (void)pgidx;
    memcpy(kept, page, PAGE);
    return QUIRE_OK;
}

static struct quire_fobj_rw_config config_parent(void)
{
    struct quire_fobj_rw_config config = config_sealed();

    config.num_pages = 4;
    config.slots = parent_slots;
    config.store.npages = 4;
    config.store.read = kept_read;
    config.store.write = kept_write;
    config.sealing.meta = parent_meta;
    return config;
}

static struct quire_fobj_rw_config config_child(void)
{
    struct quire_fobj_rw_config config = config_parent();

    config.num_pages = CHILD_PAGES;
    config.store.npages = CHILD_PAGES;
    config.slots = child_slots;
    config.sealing.meta = NULL;
    config.sealing.meta_fobj = &parent.base;
    config.sealing.meta_first = 1;
    return config;
}

Test(fobj_rw, rw_asks_for_the_page_of_metadata_before_it_touches_anything)
{
    static uint64_t page[PAGE / sizeof(uint64_t)]; /* of the parent */
    struct quire_fobj_rw_config config = config_parent();
    struct quire_fobj_rw child;
    struct quire_io io;
    uint32_t i;

    cr_assert_eq(quire_fobj_rw_init(&parent, &config), QUIRE_OK);
    config = config_child();
    cr_assert_eq(quire_fobj_rw_init(&child, &config), QUIRE_OK);
    cr_expect_eq(parent.base.rank, 0);
    cr_expect_eq(child.base.rank, 1);
    cr_expect_eq(load(&child, PER_PAGE, 1, false), QUIRE_OK, "a page never saved has no metadata");
    for (i = PER_PAGE - 1u; i <= PER_PAGE; i++) { /* the last entry of one page, the first of the next */
        memset(page, 0, sizeof page);
        cr_expect_eq(save(&child, i, 1, 3), QUIRE_NEED);
        cr_expect_eq(cipher.buffers, 0);
        io = io_of(&child, i, 1); /* with what save() left there */
        cr_expect_eq(child.base.ops->save(&io), QUIRE_NEED);
        cr_expect_eq(io.need_fobj, &parent.base);
        cr_expect_eq(io.need_pgidx, 1u + i / PER_PAGE);
        cr_expect(io.need_write);
        io.need_page = page;
        io.need_write = false;
        cr_expect_eq(child.base.ops->save(&io), QUIRE_OK);
        cr_expect_eq(((struct quire_seal_meta *)page)[i % PER_PAGE].version, 1);
        io = io_of(&child, i, 1);
        io.stored = true;
        cr_expect_eq(child.base.ops->load(&io), QUIRE_NEED);
        cr_expect_eq(io.need_pgidx, 1u + i / PER_PAGE);
        cr_expect_not(io.need_write, "a load writes no metadata");
        io.need_page = page;
        memset(memory, OLD, sizeof memory);
        cr_expect_eq(child.base.ops->load(&io), QUIRE_OK);
        cr_expect(shows(memory[0], 3));
    }
    cr_expect_eq(load(&child, 0, 2, true), QUIRE_INVALID, "one page of metadata at a time");
    cr_expect_eq(quire_fobj_put(&parent.base), QUIRE_OK);
    cr_expect_eq(parent.base.refs.count, 1, "its child has a reference");
    cr_expect_eq(quire_fobj_put(&child.base), QUIRE_OK);
    cr_expect_eq(parent.base.refs.count, 0);
    cr_expect_eq(cipher.sealer.holders[1], 0);
}

Test(fobj_rw, rw_init_refuses_a_parent_that_cannot_be_one)
{
    struct quire_fobj_rw_config config = config_parent();
    struct quire_fobj_rw child;
    const struct quire_fobj_ops *rw_ops;
    struct quire_fobj_ops ops;

    cr_assert_eq(quire_fobj_rw_init(&parent, &config), QUIRE_OK);
    config = config_child();
    config.sealing.meta_first = 3; /* one page short */
    expect_invalid(&config);
    config.sealing.meta_first = UINT32_MAX;
    expect_invalid(&config);
    config = config_child();
    config.cluster = 2;
    expect_invalid(&config);
    config.cluster = 1;
    parent.base.rank = QUIRE_FOBJ_RANK_MAX;
    expect_invalid(&config);
    parent.base.rank = 0;
    parent.base.max_prot = QUIRE_PROT_READ;
    expect_invalid(&config);
    parent.base.max_prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE;
    rw_ops = parent.base.ops;
    ops = *rw_ops;
    ops.save = NULL;
    parent.base.ops = &ops;
    expect_invalid(&config);
    parent.base.ops = rw_ops;
    parent.base.origin = &child.base; /* a copy on write: no store may need its pages */
    expect_invalid(&config);
    parent.base.origin = NULL;
    cr_expect_eq(quire_fobj_rw_init(&child, &config), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&child.base), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&parent.base), QUIRE_OK);
    cr_expect_eq(quire_fobj_rw_init(&child, &config), QUIRE_DEAD);
    cr_expect_eq(cipher.sealer.holders[1], 0);
}

Test(fobj_rw, rw_init_refuses_what_cannot_be)
{
    struct quire_fobj_rw_config config = config_plain();

    expect_invalid(NULL);
    cr_expect_eq(quire_fobj_rw_init(NULL, &config), QUIRE_INVALID);
    config.num_pages = 0;
    expect_invalid(&config);
    config.num_pages = QUIRE_FOBJ_PAGES_MAX + 1u;
    config.store.npages = UINT32_MAX;
    expect_invalid(&config);
    config = config_plain();
    config.slots = NULL;
    expect_invalid(&config);
    config = config_plain();
    config.max_prot = QUIRE_PROT_READ | QUIRE_PROT_USER;
    expect_invalid(&config);
}

Test(fobj_rw, rw_is_released_once_by_its_last_put)
{
    struct quire_fobj_rw_config config = config_plain();
    struct quire_fobj_rw rw;

    config.release = count_release;
    config.ctx = &releases;
    cr_assert_eq(quire_fobj_rw_init(&rw, &config), QUIRE_OK);
    cr_assert_eq(quire_fobj_get(&rw.base), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&rw.base), QUIRE_OK);
    cr_expect_eq(releases, 0);
    cr_expect_eq(quire_fobj_put(&rw.base), QUIRE_OK);
    cr_expect_eq(releases, 1);
    cr_expect_eq(released, &rw.base);
    cr_expect_eq(quire_fobj_put(&rw.base), QUIRE_UNDERFLOW);
    cr_expect_eq(releases, 1);
}

Test(fobj_rw, rw_may_die_without_a_release_callback)
{
    struct quire_fobj_rw rw;

    make_plain(&rw);
    cr_expect_eq(quire_fobj_put(&rw.base), QUIRE_OK);
    cr_expect_eq(quire_fobj_get(&rw.base), QUIRE_DEAD);
    cr_expect_eq(store.nread + store.nwritten, 0);
}
