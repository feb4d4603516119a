/* fobj_rw.h: pages that leave and return, plain and sealed, and every way a store can lie. */
#include <stdint.h> /* first: Criterion's own headers lack it */
#include <limits.h>

#include <criterion/criterion.h>
#include <string.h>

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

/* Seals by adding a key that depends on object, page and version, and remembers a sum over the sealed page. */
struct sealing {
    enum quire_status seal_says;
    enum quire_status open_says;
    size_t seals; /* bytes it seals before it answers */
    unsigned nsealed;
    unsigned nopened;
    unsigned lent; /* bounce pages out at the moment */
    unsigned nlent;
    bool no_buffer;
    const struct quire_fobj *fobj[PAGES]; /* whose page it was */
    unsigned version[PAGES];
    uint64_t tag[PAGES];
    unsigned char bounce[PAGE];
};

static struct store store;
static struct sealing sealing;
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

static unsigned char key(const struct sealing *s, uint32_t pgidx, size_t i)
{
    return (unsigned char)(1u + ((uintptr_t)s->fobj[pgidx] >> 4) + 17u * pgidx + 31u * s->version[pgidx] + i);
}

static uint64_t tag_of(const struct sealing *s, const struct quire_fobj *fobj, uint32_t pgidx, const unsigned char *sealed)
{
    uint64_t sum = (uint64_t)(uintptr_t)fobj * 3u + (uint64_t)pgidx * 1000003u + s->version[pgidx];
    size_t i;

    for (i = 0; i < PAGE; i++) {
        sum = (sum ^ sealed[i]) * 0x100000001b3u;
    }
    return sum;
}

static enum quire_status seal(void *ctx, const struct quire_fobj *fobj, uint32_t pgidx, const void *plain, void *sealed)
{
    struct sealing *s = ctx;
    const unsigned char *from = plain;
    unsigned char *to = sealed;
    size_t i;

    s->nsealed++;
    s->fobj[pgidx] = fobj;
    s->version[pgidx]++;
    for (i = 0; i < s->seals; i++) {
        to[i] = (unsigned char)(from[i] + key(s, pgidx, i));
    }
    s->tag[pgidx] = tag_of(s, fobj, pgidx, to);
    return s->seal_says;
}

static enum quire_status open_sealed(void *ctx, const struct quire_fobj *fobj, uint32_t pgidx, void *page)
{
    struct sealing *s = ctx;
    unsigned char *bytes = page;
    size_t i;

    s->nopened++;
    if (s->tag[pgidx] != tag_of(s, fobj, pgidx, bytes)) {
        return QUIRE_INTEGRITY;
    }
    for (i = 0; i < PAGE; i++) {
        bytes[i] = (unsigned char)(bytes[i] - key(s, pgidx, i));
    }
    return s->open_says;
}

static void *buffer_get(void *ctx)
{
    struct sealing *s = ctx;

    if (s->no_buffer) {
        return NULL;
    }
    s->lent++;
    s->nlent++;
    return s->bounce;
}

static void buffer_put(void *ctx, void *buffer)
{
    struct sealing *s = ctx;

    cr_assert_eq(buffer, (void *)s->bounce);
    s->lent--;
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
    memset(&sealing, 0, sizeof sealing);
    memset(sealing.bounce, OLD, sizeof sealing.bounce);
    sealing.seals = PAGE;
}

TestSuite(fobj_rw, .init = set_up);

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

    config.sealing.ctx = &sealing;
    config.sealing.seal = seal;
    config.sealing.open = open_sealed;
    config.sealing.buffer_get = buffer_get;
    config.sealing.buffer_put = buffer_put;
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
    cr_expect_eq(sealing.lent, 0, "a bounce page was not given back");
}

static const enum quire_status errors[] = {QUIRE_IO, QUIRE_INTEGRITY, QUIRE_NO_MEMORY};

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

/* Lets `knob` be every answer a callback may and may not give, and looks at what a load or save makes of it. */
static void expect_answers(struct quire_fobj_rw *rw, enum quire_status *knob, bool saving)
{
    size_t i;

    for (i = 0; i < sizeof errors / sizeof errors[0] + sizeof lies / sizeof lies[0]; i++) {
        bool error = i < sizeof errors / sizeof errors[0];
        enum quire_status expected = error ? errors[i] : QUIRE_BAD_ANSWER;

        *knob = error ? errors[i] : lies[i - sizeof errors / sizeof errors[0]];
        if (saving) {
            expect_save_refused(rw, expected);
        } else {
            expect_load_refused(rw, 0, expected);
        }
    }
    *knob = QUIRE_OK;
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
    expect_answers(&rw, &store.read_says, false);
    cr_expect_eq(load(&rw, 0, 1, true), QUIRE_OK, "a retry failed");
    cr_expect(shows(memory[0], 3));
}

Test(fobj_rw, rw_says_why_a_write_failed_and_the_old_content_stays)
{
    struct quire_fobj_rw rw;

    make_plain(&rw);
    cr_assert_eq(save(&rw, 0, 1, 3), QUIRE_OK);
    expect_answers(&rw, &store.write_says, true);
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
        cr_expect_eq(store.wrote_from, (const void *)sealing.bounce);
        cr_expect_not(shows(store.content[i], i), "the store was given the plain page");
    }
    cr_expect_eq(sealing.nlent, PAGES);
    cr_expect_eq(sealing.lent, 0);
    for (i = 0; i < PAGES; i++) {
        cr_expect_eq(load(&rw, i, 1, true), QUIRE_OK);
        cr_expect(shows(memory[0], i), "page %u", (unsigned)i);
    }
    cr_expect_eq(sealing.nlent, PAGES, "a load needs no bounce page");
}

Test(fobj_rw, rw_sealed_begins_as_zeros_without_opening_anything)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cr_expect_eq(load(&rw, 0, 1, false), QUIRE_OK);
    cr_expect(filled_with(memory[0], 0, PAGE));
    cr_expect_eq(store.nread + sealing.nopened + sealing.nlent, 0);
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
    struct quire_fobj_rw rw[2];

    make_sealed(&rw[0]);
    make_sealed(&rw[1]);
    cr_assert_eq(save(&rw[0], 0, 1, 3), QUIRE_OK);
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
    expect_answers(&rw, &store.read_says, false);
    cr_expect_eq(sealing.nopened, 0);
}

Test(fobj_rw, rw_wipes_the_page_when_opening_fails_and_says_why)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cr_assert_eq(save(&rw, 0, 1, 3), QUIRE_OK);
    expect_answers(&rw, &sealing.open_says, false);
    cr_expect_eq(load(&rw, 0, 1, true), QUIRE_OK, "a retry failed");
    cr_expect(shows(memory[0], 3));
}

Test(fobj_rw, rw_writes_nothing_when_sealing_fails_and_wipes_the_bounce_page)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    sealing.seals = PAGE / 2u;
    expect_answers(&rw, &sealing.seal_says, true);
    cr_expect_gt(sealing.nsealed, 0);
    cr_expect_eq(store.nwritten, 0);
    cr_expect(filled_with(sealing.bounce, 0, PAGE));
}

Test(fobj_rw, rw_sealed_says_why_a_write_failed_and_the_next_load_does_not_lie)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cr_assert_eq(save(&rw, 0, 1, 3), QUIRE_OK);
    expect_answers(&rw, &store.write_says, true);
    /* The seal knows of a newer version than the store has: the load fails rather than show the old one. */
    expect_load_refused(&rw, 0, QUIRE_INTEGRITY);
    cr_expect_eq(save(&rw, 0, 1, 4), QUIRE_OK, "a retry failed");
    cr_expect_eq(load(&rw, 0, 1, true), QUIRE_OK);
    cr_expect(shows(memory[0], 4));
}

Test(fobj_rw, rw_save_without_a_bounce_page_is_out_of_memory_and_seals_nothing)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    sealing.no_buffer = true;
    expect_save_refused(&rw, QUIRE_NO_MEMORY);
    cr_expect_eq(sealing.nsealed + store.nwritten, 0);
    sealing.no_buffer = false;
    cr_expect_eq(save(&rw, 0, 1, 3), QUIRE_OK, "a retry failed");
}

Test(fobj_rw, rw_seals_every_page_of_a_longer_request_by_itself)
{
    struct quire_fobj_rw rw;

    make_sealed(&rw);
    cr_assert_eq(save(&rw, 0, 2, 5), QUIRE_OK);
    cr_expect_eq(sealing.nsealed, 2);
    cr_expect_eq(sealing.lent, 0);
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

Test(fobj_rw, rw_init_takes_all_of_the_sealing_callbacks_or_none)
{
    unsigned present;

    for (present = 0; present < 16u; present++) {
        struct quire_fobj_rw_config config = config_plain();
        struct quire_fobj_rw rw;

        config.sealing.ctx = &sealing;
        config.sealing.seal = (present & 1u) != 0 ? seal : NULL;
        config.sealing.open = (present & 2u) != 0 ? open_sealed : NULL;
        config.sealing.buffer_get = (present & 4u) != 0 ? buffer_get : NULL;
        config.sealing.buffer_put = (present & 8u) != 0 ? buffer_put : NULL;
        if (present == 0 || present == 15u) {
            cr_expect_eq(quire_fobj_rw_init(&rw, &config), QUIRE_OK);
        } else {
            expect_invalid(&config);
        }
    }
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
