/* test_cipher.c - cipher and generator: known answers, edges, tampering, what is left behind. SPDX-License-Identifier: BSD-2-Clause
 *
 * Known answers are those of RFC 8439; of a whole page, what another library gives. The cipher's source is included: the edges of
 * Poly1305's arithmetic cannot be reached from outside, where its key comes out of ChaCha20.
 */
#include "kernel/chacha20_poly1305.c"
#include "kernel/random.h"

#include "bytes.h"

static struct chacha20_key key_of(const char *hex)
{
    struct chacha20_key key;
    uint8_t bytes[CHACHA20_KEY_BYTES];

    cr_assert_eq(from_hex(hex, bytes), sizeof bytes);
    chacha20_key_set(&key, bytes);
    return key;
}

#define KEY_COUNTING "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* ---- ChaCha20 ---- */

Test(chacha20, block_of_section_2_3_2)
{
    struct chacha20_key key = key_of(KEY_COUNTING);
    uint32_t state[CHACHA20_STATE_WORDS];
    uint64_t stream[8];
    uint8_t nonce[CHACHA20_NONCE_BYTES];
    uint8_t bytes[64];
    unsigned i;

    from_hex("000000090000004a00000000", nonce);
    chacha20_begin(state, &key, 1, nonce);
    chacha20_next(state, stream);
    for (i = 0; i < 8; i++) {
        store64(bytes + 8 * i, stream[i]);
    }
    cr_assert(is_hex(bytes, sizeof bytes,
                     "10f1e7e4d13b5915500fdd1fa32071c4c7d1f4c733c068030422aa9ac3d46c4e"
                     "d2826446079faa0914c2d705d98b02a2b5129cd1de164eb9cbd083e8a2503c4e"));
    cr_assert_eq(state[COUNTER], 2);
}

/* ---- Poly1305 ---- */

/* Appendix A.3, from vector 7 on: sums and products that pass 2^64, 2^128, 2^130 and p, and that are 0 and p. */
static const struct {
    const char *key, *text, *tag;
} edges[] = {
    {"0200000000000000000000000000000000000000000000000000000000000000", "ffffffffffffffffffffffffffffffff",
     "03000000000000000000000000000000"},
    {"02000000000000000000000000000000ffffffffffffffffffffffffffffffff", "02000000000000000000000000000000",
     "03000000000000000000000000000000"},
    {"0100000000000000000000000000000000000000000000000000000000000000",
     "fffffffffffffffffffffffffffffffff0ffffffffffffffffffffffffffffff11000000000000000000000000000000",
     "05000000000000000000000000000000"},
    {"0100000000000000000000000000000000000000000000000000000000000000",
     "fffffffffffffffffffffffffffffffffbfefefefefefefefefefefefefefefe01010101010101010101010101010101",
     "00000000000000000000000000000000"},
    {"0200000000000000000000000000000000000000000000000000000000000000", "fdffffffffffffffffffffffffffffff",
     "faffffffffffffffffffffffffffffff"},
    {"0100000000000000040000000000000000000000000000000000000000000000",
     "e33594d7505e43b900000000000000003394d7505e4379cd0100000000000000000000000000000000000000000000000100000000000000000000000"
     "0"
     "000000",
     "14000000000000005500000000000000"},
    {"0100000000000000040000000000000000000000000000000000000000000000",
     "e33594d7505e43b900000000000000003394d7505e4379cd010000000000000000000000000000000000000000000000",
     "13000000000000000000000000000000"},
};

Test(poly1305, edges_of_appendix_a_3)
{
    unsigned i;

    for (i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        struct poly1305 poly;
        uint64_t key[4];
        uint8_t text[64];
        uint8_t tag[POLY1305_TAG_BYTES];

        from_hex(edges[i].key, (uint8_t *)key);
        poly1305_begin(&poly, key);
        poly1305_add_bytes(&poly, text, from_hex(edges[i].text, text));
        poly1305_end(&poly, tag);
        cr_expect(is_hex(tag, sizeof tag, edges[i].tag), "vector %u", i + 7);
    }
}

/* ---- Both ---- */

static const struct {
    const char *key, *nonce, *aad, *plain, *sealed, *tag;
} texts[] = {
    {"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
     "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67"
     "e"
     "cd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116",
     "1ae10b594f09e26a7e902ecbd0600691"},
    {"1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0", "000000000102030405060708", "f33388860000000000004e91",
     "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, or obsoleted by "
     "other "
     "documents at any time. It is inappropriate to use Internet-Drafts as reference material or to cite them other than as "
     "/\xe2\x80\x9cwork in progress./\xe2\x80\x9d",
     "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f3"
     "5"
     "5894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c8559797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f"
     "6"
     "157b53c867e4b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04b3564"
     "e"
     "ea1b422273f548271a0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049e617d91d361094fa68f0ff77987130305beab"
     "a"
     "2eda04df997b714d6c6f2c29a6ad5cb4022b02709b",
     "eead9d67890cbb22392336fea1851f38"},
};

Test(cipher, texts_of_section_2_8_2_and_appendix_a_5)
{
    unsigned i;

    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct chacha20_key key = key_of(texts[i].key);
        size_t bytes = strlen(texts[i].plain);
        uint8_t nonce[CHACHA20_NONCE_BYTES];
        uint8_t tag[POLY1305_TAG_BYTES];
        union text plain, sealed;
        uint8_t aad[16];
        size_t aad_bytes = from_hex(texts[i].aad, aad);

        from_hex(texts[i].nonce, nonce);
        memcpy(plain.bytes, texts[i].plain, bytes);
        chacha20_poly1305_seal(&key, nonce, aad, aad_bytes, plain.bytes, sealed.bytes, bytes, tag);
        cr_assert(is_hex(sealed.bytes, bytes, texts[i].sealed));
        cr_assert(is_hex(tag, sizeof tag, texts[i].tag));
        cr_assert(chacha20_poly1305_open(&key, nonce, aad, aad_bytes, sealed.bytes, bytes, tag));
        cr_assert_eq(memcmp(sealed.bytes, texts[i].plain, bytes), 0);
    }
}

struct sealed_page {
    struct chacha20_key key;
    uint8_t nonce[CHACHA20_NONCE_BYTES];
    uint8_t aad[16];
    uint8_t tag[POLY1305_TAG_BYTES];
    union text plain;
    union text sealed;
};

static void make_page(struct sealed_page *page)
{
    unsigned i;

    page->key = key_of(KEY_COUNTING);
    for (i = 0; i < sizeof page->nonce; i++) {
        page->nonce[i] = (uint8_t)(0x40 + i);
    }
    for (i = 0; i < sizeof page->aad; i++) {
        page->aad[i] = (uint8_t)(0x80 + i);
    }
    fill_page(page->plain.bytes, 0);
    chacha20_poly1305_seal(&page->key, page->nonce, page->aad, sizeof page->aad, page->plain.bytes, page->sealed.bytes,
                           TEST_PAGE, page->tag);
}

static bool opens(const struct sealed_page *page)
{
    union text text = page->sealed;

    return chacha20_poly1305_open(&page->key, page->nonce, page->aad, sizeof page->aad, text.bytes, TEST_PAGE, page->tag) &&
           memcmp(text.bytes, page->plain.bytes, TEST_PAGE) == 0;
}

Test(cipher, page_is_sealed_as_another_library_seals_it)
{
    struct sealed_page page;

    make_page(&page);
    cr_assert(is_hex(page.tag, sizeof page.tag, "23be723413a8b90ff1305877cf0f0707"));
    cr_assert(is_hex(page.sealed.bytes, 16, "f85372946e69c43060f0b04defb40fa4"));
    cr_assert(is_hex(page.sealed.bytes + TEST_PAGE - 16, 16, "f84bfe9e9ef7e20298f01c2989f97ff5"));
    cr_assert(opens(&page));
}

Test(cipher, page_can_be_sealed_in_place)
{
    struct sealed_page page;
    union text text;
    uint8_t tag[POLY1305_TAG_BYTES];

    make_page(&page);
    text = page.plain;
    chacha20_poly1305_seal(&page.key, page.nonce, page.aad, sizeof page.aad, text.bytes, text.bytes, TEST_PAGE, tag);
    cr_assert_eq(memcmp(text.bytes, page.sealed.bytes, TEST_PAGE), 0);
    cr_assert_eq(memcmp(tag, page.tag, sizeof tag), 0);
}

/* Each bit of `bytes` changed alone. */
static void expect_each_bit_to_count(struct sealed_page *page, uint8_t *bytes, size_t len, const char *what)
{
    size_t bit;

    for (bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_expect_not(opens(page), "bit %zu of the %s", bit, what);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cr_expect(opens(page));
}

Test(cipher, every_bit_counts)
{
    struct sealed_page page;

    make_page(&page);
    expect_each_bit_to_count(&page, page.sealed.bytes, TEST_PAGE, "text");
    expect_each_bit_to_count(&page, page.aad, sizeof page.aad, "aad");
    expect_each_bit_to_count(&page, page.nonce, sizeof page.nonce, "nonce");
    expect_each_bit_to_count(&page, page.tag, sizeof page.tag, "tag");
    page.key.word[7] ^= 0x80000000;
    cr_assert_not(opens(&page));
}

/* Lengths around a block of ChaCha20 and of Poly1305, of text and of aad; a byte behind the text is not touched. */
Test(cipher, every_length)
{
    struct chacha20_key key = key_of(KEY_COUNTING);
    static const uint8_t nonce[CHACHA20_NONCE_BYTES] = {1};
    size_t bytes;

    for (bytes = 0; bytes <= 200; bytes++) {
        uint8_t tag[POLY1305_TAG_BYTES];
        union text plain, sealed;

        fill_page(plain.bytes, 5);
        fill_page(sealed.bytes, 9);
        chacha20_poly1305_seal(&key, nonce, plain.bytes, bytes % 40, plain.bytes, sealed.bytes, bytes, tag);
        cr_assert_eq(sealed.bytes[bytes], (uint8_t)(7 * bytes + 9));
        cr_assert(chacha20_poly1305_open(&key, nonce, plain.bytes, bytes % 40, sealed.bytes, bytes, tag));
        cr_assert_eq(memcmp(sealed.bytes, plain.bytes, bytes), 0);
        cr_assert_eq(sealed.bytes[bytes], (uint8_t)(7 * bytes + 9));
        chacha20_poly1305_seal(&key, nonce, plain.bytes, bytes % 40, plain.bytes, sealed.bytes, bytes, tag);
        cr_assert_not(chacha20_poly1305_open(&key, nonce, plain.bytes, bytes % 40 + 1, sealed.bytes, bytes, tag));
    }
}

Test(cipher, wipe_leaves_nothing_but_what_is_around)
{
    uint8_t bytes[34];

    memset(bytes, 0xa5, sizeof bytes);
    chacha20_wipe(bytes + 1, 32);
    cr_assert(is_hex(bytes, sizeof bytes, "a50000000000000000000000000000000000000000000000000000000000000000a5"));
}

/* ---- Random ---- */

Test(random, gives_nothing_before_it_has_a_seed)
{
    struct random generator = {0};
    uint8_t bytes[RANDOM_SEED_BYTES] = {0};
    uint8_t seed[RANDOM_SEED_BYTES] = {0};

    cr_assert_not(random_fill(&generator, bytes, sizeof bytes));
    random_seed(&generator, seed, RANDOM_SEED_BYTES - 1);
    cr_assert_not(random_fill(&generator, bytes, sizeof bytes));
    cr_assert_eq(memcmp(bytes, seed, sizeof bytes), 0);
    random_seed(&generator, seed, 1);
    cr_assert(random_fill(&generator, bytes, sizeof bytes));
    cr_assert_neq(memcmp(bytes, seed, sizeof bytes), 0);
}

/* The first half of a block is the next key, the second one is given. */
Test(random, is_the_stream_of_its_key)
{
    struct random generator = {0};
    struct chacha20_key next;
    uint32_t state[CHACHA20_STATE_WORDS];
    uint64_t stream[8];
    uint64_t given[4];
    unsigned i;

    random_seed(&generator, KEY_COUNTING, RANDOM_SEED_BYTES);
    chacha20_begin(state, &generator.key, 0, (const uint8_t[CHACHA20_NONCE_BYTES]){0});
    chacha20_next(state, stream);
    for (i = 0; i < CHACHA20_KEY_WORDS; i++) {
        next.word[i] = (uint32_t)(stream[i / 2] >> 32 * (i % 2));
    }
    cr_assert(random_fill(&generator, given, sizeof given));
    cr_assert_eq(memcmp(given, stream + 4, sizeof given), 0);
    cr_assert_eq(memcmp(&generator.key, &next, sizeof next), 0);
}

Test(random, differs_by_seed_and_each_time)
{
    struct random a = {0}, b = {0};
    uint8_t seed[40] = {0};
    uint8_t first[100], second[100], other[100];

    random_seed(&a, seed, sizeof seed);
    seed[39] = 1;
    random_seed(&b, seed, sizeof seed);
    cr_assert(random_fill(&a, first, sizeof first) && random_fill(&a, second, sizeof second) &&
              random_fill(&b, other, sizeof other));
    cr_assert_neq(memcmp(first, second, sizeof first), 0);
    cr_assert_neq(memcmp(first, other, sizeof first), 0);
    cr_assert_neq(memcmp(first, first + 32, 32), 0);
}

/* What was given before cannot be had again, whatever is known of the generator afterwards. */
Test(random, forgets)
{
    struct random generator = {0}, before;
    uint8_t bytes[32];

    random_seed(&generator, KEY_COUNTING, RANDOM_SEED_BYTES);
    before = generator;
    cr_assert(random_fill(&generator, bytes, 1));
    cr_assert_neq(memcmp(&before.key, &generator.key, sizeof before.key), 0);
    before = generator;
    random_seed(&generator, bytes, 1);
    cr_assert_neq(memcmp(&before.key, &generator.key, sizeof before.key), 0);
}
