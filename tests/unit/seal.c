/* seal.h: a sealer's keys, its objects' numbers, and what a page is sealed with. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "cipher.h"

#define PAGE QUIRE_PAGE_SIZE
#define EXPECT(call, expected) expect_status((call), (expected), #call, __LINE__)

static void expect_status(enum quire_status status, enum quire_status expected, const char *call, int line)
{
    cr_expect(status == expected, "line %d: %s is %s, not %s", line, call, quire_status_name(status),
              quire_status_name(expected));
}

static struct cipher cipher;
static struct quire_sealer *const sealer = &cipher.sealer;
static unsigned char plain[PAGE];
static unsigned char sealed_page[PAGE];

static void set_up(void)
{
    size_t i;

    for (i = 0; i < PAGE; i++) {
        plain[i] = (unsigned char)(i * 7u + (i >> 8));
    }
    cipher_start(&cipher, 7);
}

TestSuite(seal, .init = set_up);

/* The end of a test: nothing holds a key, and all are wiped. */
static void end(void)
{
    EXPECT(cipher_stop(&cipher), QUIRE_OK);
    cr_expect_null(cipher_wrong(&cipher));
}

static struct quire_sealed joined(void)
{
    struct quire_sealed sealed;

    EXPECT(quire_sealed_join(&sealed, sealer), QUIRE_OK);
    return sealed;
}

/* Seals `plain` into a buffer of the cipher's, and keeps that in sealed_page. */
static enum quire_status seal(struct quire_sealed *sealed, struct quire_seal_meta *meta, uint32_t pgidx)
{
    void *buffer = cipher_hooks.buffer_get(&cipher);
    enum quire_status status = quire_sealed_seal(sealed, meta, pgidx, plain, buffer);

    memcpy(sealed_page, buffer, PAGE);
    cipher_hooks.buffer_put(&cipher, buffer);
    return status;
}

/* Opens a copy of sealed_page. */
static enum quire_status open_page(const struct quire_sealed *sealed, const struct quire_seal_meta *meta, uint32_t pgidx)
{
    static unsigned char page[PAGE];
    enum quire_status status;

    memcpy(page, sealed_page, PAGE);
    status = quire_sealed_open(sealed, meta, pgidx, page);
    if (status == QUIRE_OK) {
        cr_expect_eq(memcmp(page, plain, PAGE), 0, "opened, but not what was sealed");
    }
    return status;
}

/* ---- Beginning ---- */

Test(seal, sealer_wants_every_hook)
{
    struct cipher other;
    unsigned missing;

    cipher_prepare(&other, 1);
    for (missing = 0; missing < 7; missing++) {
        struct quire_seal_hooks hooks = cipher_hooks;

        memset((char *)&hooks + missing * sizeof(void *), 0, sizeof(void *));
        EXPECT(quire_sealer_init(&other.sealer, &hooks, &other), QUIRE_INVALID);
    }
    EXPECT(quire_sealer_init(&other.sealer, NULL, &other), QUIRE_INVALID);
    EXPECT(quire_sealer_init(NULL, &cipher_hooks, &other), QUIRE_INVALID);
    cr_expect_eq(other.calls[CIPHER_RANDOM] + other.keys_made, 0);
    end();
}

Test(seal, sealer_has_no_key_when_random_or_the_making_of_one_fails)
{
    static const enum quire_status says[][2] = {{QUIRE_IO, QUIRE_IO},
                                                {QUIRE_NO_MEMORY, QUIRE_NO_MEMORY},
                                                {QUIRE_LIMIT, QUIRE_LIMIT},
                                                {QUIRE_INTEGRITY, QUIRE_INTEGRITY},
                                                {QUIRE_AGAIN, QUIRE_BAD_ANSWER},
                                                {(enum quire_status)1, QUIRE_BAD_ANSWER}};
    size_t i;

    for (i = 0; i < 2u * sizeof says / sizeof says[0]; i++) {
        enum cipher_hook hook = i % 2u == 0 ? CIPHER_RANDOM : CIPHER_KEY_MAKE;
        struct quire_sealed sealed;
        struct cipher other;

        cipher_prepare(&other, 1);
        cipher_fail(&other, hook, 1, says[i / 2u][0]);
        EXPECT(quire_sealer_init(&other.sealer, &cipher_hooks, &other), says[i / 2u][1]);
        cr_expect_eq(other.keys_made, 0);
        EXPECT(quire_sealed_join(&sealed, &other.sealer), QUIRE_INVALID);
        EXPECT(quire_sealer_rekey(&other.sealer), QUIRE_INVALID);
        EXPECT(quire_sealer_fini(&other.sealer), QUIRE_INVALID);
    }
    end();
}

Test(seal, sealer_ends_once_and_only_when_nobody_holds_a_key)
{
    struct quire_sealed sealed = joined();

    EXPECT(quire_sealer_fini(sealer), QUIRE_BUSY);
    quire_sealed_leave(&sealed);
    cr_expect_eq(cipher.keys_alive, 1, "the current key stays");
    EXPECT(quire_sealer_fini(sealer), QUIRE_OK);
    cr_expect_eq(cipher.keys_alive, 0);
    EXPECT(quire_sealer_fini(sealer), QUIRE_INVALID);
}

/* ---- Labels ---- */

Test(seal, label_has_epoch_object_index_and_version_in_little_endian)
{
    static const uint8_t aad[QUIRE_SEAL_AAD_BYTES] = {1,    0,    0,    0,    0x02, 0,    0,    0,
                                                      0xd4, 0xc3, 0xb2, 0xa1, 0x09, 0x08, 0x07, 0x06};
    struct quire_seal_meta meta = {0, 0, {0}};
    struct quire_sealed first = joined();
    struct quire_sealed second = joined();

    EXPECT(seal(&first, &meta, 0), QUIRE_OK);
    memset(&meta, 0, sizeof meta);
    meta.epoch = 1;
    meta.version = 0x06070808u;
    EXPECT(seal(&second, &meta, 0xa1b2c3d4u), QUIRE_OK);
    cr_expect_eq(memcmp(cipher.last.aad, aad, sizeof aad), 0);
    cr_expect_eq(memcmp(cipher.last.nonce, aad + 4, sizeof cipher.last.nonce), 0);
    cr_expect_eq(meta.version, 0x06070809u);
    quire_sealed_leave(&first);
    quire_sealed_leave(&second);
    end();
}

Test(seal, every_call_is_a_new_version_also_one_that_failed)
{
    struct quire_seal_meta meta = {0, 0, {0}};
    struct quire_sealed sealed = joined();
    uint32_t i;

    for (i = 1; i <= 20; i++) { /* the cipher's ledger would stop at the first nonce that comes again */
        if (i % 3u == 0) {
            cipher_fail(&cipher, CIPHER_SEAL, 1, QUIRE_IO);
        }
        EXPECT(seal(&sealed, &meta, 5), i % 3u == 0 ? QUIRE_IO : QUIRE_OK);
        cr_expect_eq(meta.version, i);
        EXPECT(open_page(&sealed, &meta, 5), i % 3u == 0 ? QUIRE_INTEGRITY : QUIRE_OK);
    }
    cr_expect_eq(cipher.used, 20);
    quire_sealed_leave(&sealed);
    end();
}

Test(seal, page_opens_only_as_what_it_was_sealed_as)
{
    struct quire_seal_meta meta = {0, 0, {0}};
    struct quire_sealed sealed = joined();
    struct quire_sealed other = joined();
    struct quire_seal_meta changed;
    unsigned bit;

    EXPECT(seal(&other, &meta, 5), QUIRE_OK); /* so that it has a number too */
    memset(&meta, 0, sizeof meta);
    EXPECT(seal(&sealed, &meta, 5), QUIRE_OK);
    EXPECT(open_page(&sealed, &meta, 5), QUIRE_OK);
    EXPECT(open_page(&sealed, &meta, 4), QUIRE_INTEGRITY);
    EXPECT(open_page(&other, &meta, 5), QUIRE_INTEGRITY);
    for (bit = 0; bit < 8u * sizeof meta; bit++) { /* version, epoch and tag */
        changed = meta;
        ((unsigned char *)&changed)[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
        EXPECT(open_page(&sealed, &changed, 5), QUIRE_INTEGRITY);
    }
    for (bit = 0; bit < 8u * PAGE; bit += 61) {
        sealed_page[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
        EXPECT(open_page(&sealed, &meta, 5), QUIRE_INTEGRITY);
        sealed_page[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
    }
    EXPECT(open_page(&sealed, &meta, 5), QUIRE_OK);
    quire_sealed_leave(&sealed);
    quire_sealed_leave(&other);
    end();
}

/* ---- Counters at their end ---- */

Test(seal, versions_that_are_used_up_are_a_limit_and_a_new_key_helps)
{
    struct quire_seal_meta meta = {0, 0, {0}};
    struct quire_seal_meta before;
    struct quire_sealed sealed = joined();
    uint64_t calls;

    meta.epoch = 1;
    meta.version = UINT32_MAX - 2u;
    EXPECT(seal(&sealed, &meta, 0), QUIRE_OK);
    EXPECT(seal(&sealed, &meta, 0), QUIRE_OK);
    cr_expect_eq(meta.version, UINT32_MAX);
    before = meta;
    calls = cipher.calls[CIPHER_SEAL];
    EXPECT(seal(&sealed, &meta, 0), QUIRE_LIMIT);
    EXPECT(seal(&sealed, &meta, 0), QUIRE_LIMIT);
    cr_expect_eq(cipher.calls[CIPHER_SEAL], calls);
    cr_expect_eq(memcmp(&meta, &before, sizeof meta), 0, "it is as it was, and opens what is stored");
    EXPECT(quire_sealer_rekey(sealer), QUIRE_OK);
    EXPECT(seal(&sealed, &meta, 0), QUIRE_OK);
    cr_expect_eq(meta.version, 1);
    cr_expect_eq(meta.epoch, 2);
    EXPECT(open_page(&sealed, &meta, 0), QUIRE_OK);
    quire_sealed_leave(&sealed);
    end();
}

Test(seal, object_numbers_that_are_used_up_are_a_limit_and_a_new_key_helps)
{
    struct quire_seal_meta meta[3];
    struct quire_sealed a = joined();
    struct quire_sealed b = joined();
    struct quire_sealed c = joined();

    memset(meta, 0, sizeof meta);
    sealer->objects[1] = UINT32_MAX - 2u;
    EXPECT(seal(&a, &meta[0], 0), QUIRE_OK);
    EXPECT(seal(&b, &meta[1], 0), QUIRE_OK);
    EXPECT(seal(&c, &meta[2], 0), QUIRE_LIMIT);
    EXPECT(seal(&c, &meta[2], 0), QUIRE_LIMIT);
    cr_expect_eq(meta[2].version, 0);
    EXPECT(seal(&b, &meta[1], 0), QUIRE_OK); /* who has a number goes on */
    EXPECT(quire_sealer_rekey(sealer), QUIRE_OK);
    EXPECT(seal(&c, &meta[2], 0), QUIRE_OK);
    EXPECT(open_page(&c, &meta[2], 0), QUIRE_OK);
    quire_sealed_leave(&a);
    quire_sealed_leave(&b);
    quire_sealed_leave(&c);
    end();
}

Test(seal, epochs_that_are_used_up_are_a_limit_and_the_key_stays_in_use)
{
    struct quire_seal_meta meta = {0, 0, {0}};
    struct quire_sealed sealed;

    sealer->epoch = UINT32_MAX;
    sealed = joined();
    EXPECT(seal(&sealed, &meta, 0), QUIRE_OK);
    EXPECT(quire_sealer_rekey(sealer), QUIRE_LIMIT);
    cr_expect_eq(cipher.keys_made, 1);
    EXPECT(open_page(&sealed, &meta, 0), QUIRE_OK);
    EXPECT(seal(&sealed, &meta, 0), QUIRE_OK);
    quire_sealed_leave(&sealed);
    end();
}

Test(seal, more_objects_than_can_be_counted_are_a_limit)
{
    struct quire_sealed sealed;

    sealer->holders[1] = UINT32_MAX;
    EXPECT(quire_sealed_join(&sealed, sealer), QUIRE_LIMIT);
    cr_expect_eq(sealer->holders[1], UINT32_MAX);
    sealer->holders[1] = 0;
    EXPECT(quire_sealed_join(&sealed, NULL), QUIRE_INVALID);
    end();
}

/* ---- A new key ---- */

Test(seal, old_key_is_wiped_when_the_last_object_has_moved_or_left)
{
    struct quire_seal_meta meta = {0, 0, {0}};
    struct quire_sealed a = joined();
    struct quire_sealed b = joined();

    EXPECT(seal(&a, &meta, 0), QUIRE_OK);
    EXPECT(quire_sealer_rekey(sealer), QUIRE_OK);
    cr_expect(quire_sealer_is_rekeying(sealer));
    EXPECT(quire_sealer_rekey(sealer), QUIRE_BUSY);
    EXPECT(open_page(&a, &meta, 0), QUIRE_OK); /* what is stored stays readable */
    quire_sealed_moved(&b, 2);
    quire_sealed_moved(&b, 2);
    cr_expect_eq(cipher.keys_alive, 2);
    EXPECT(quire_sealer_fini(sealer), QUIRE_BUSY);
    quire_sealed_leave(&a);
    cr_expect_eq(cipher.keys_alive, 1);
    cr_expect_not(quire_sealer_is_rekeying(sealer));
    EXPECT(open_page(&b, &meta, 0), QUIRE_INTEGRITY); /* of a key that is no more */
    quire_sealed_moved(&b, 2);
    cr_expect_eq(sealer->holders[0], 1, "once is enough");
    EXPECT(quire_sealer_rekey(sealer), QUIRE_OK);
    quire_sealed_leave(&b);
    cr_expect_eq(cipher.keys_made, 3);
    end();
}

Test(seal, old_key_that_nobody_holds_is_wiped_at_once)
{
    uint32_t i;

    for (i = 1; i <= 5; i++) {
        EXPECT(quire_sealer_rekey(sealer), QUIRE_OK);
        cr_expect_eq(cipher.keys_alive, 1);
        cr_expect_eq(sealer->epoch, 1u + i);
    }
    end();
}

Test(seal, no_new_key_leaves_the_old_one_in_use)
{
    struct quire_seal_meta meta = {0, 0, {0}};
    struct quire_sealed sealed = joined();
    unsigned i;

    EXPECT(seal(&sealed, &meta, 0), QUIRE_OK);
    for (i = 0; i < 2; i++) {
        cipher_fail(&cipher, i == 0 ? CIPHER_RANDOM : CIPHER_KEY_MAKE, 1, QUIRE_NO_MEMORY);
        EXPECT(quire_sealer_rekey(sealer), QUIRE_NO_MEMORY);
        cr_expect_eq(sealer->epoch, 1);
        cr_expect_not(quire_sealer_is_rekeying(sealer));
        EXPECT(open_page(&sealed, &meta, 0), QUIRE_OK);
    }
    EXPECT(seal(&sealed, &meta, 0), QUIRE_OK);
    EXPECT(quire_sealer_rekey(sealer), QUIRE_OK);
    quire_sealed_leave(&sealed);
    end();
}

Test(seal, object_has_another_number_under_each_key)
{
    struct quire_seal_meta meta = {0, 0, {0}};
    struct quire_sealed a = joined();
    struct quire_sealed b = joined();
    uint32_t epoch;

    EXPECT(seal(&a, &meta, 0), QUIRE_OK);
    for (epoch = 2; epoch < 8; epoch++) { /* in turns: the number under one key says nothing under the next */
        struct quire_seal_meta fresh = {0, 0, {0}};

        EXPECT(quire_sealer_rekey(sealer), QUIRE_OK);
        EXPECT(seal(&b, &fresh, 0), QUIRE_OK);
        EXPECT(seal(&a, &meta, 0), QUIRE_OK);
        cr_expect_eq(b.object[epoch & 1u], 1);
        cr_expect_eq(a.object[epoch & 1u], 2);
        quire_sealed_moved(&a, epoch);
        quire_sealed_moved(&b, epoch);
        cr_expect_eq(cipher.keys_alive, 1);
    }
    quire_sealed_leave(&a);
    quire_sealed_leave(&b);
    end();
}
