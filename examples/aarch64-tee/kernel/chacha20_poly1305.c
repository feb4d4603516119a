/* chacha20_poly1305.c - authenticated encryption: ChaCha20 and Poly1305 as RFC 8439 puts them together. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/chacha20_poly1305.h"

#include "lib/memory.h"

#define BLOCK_BYTES 64u
#define BLOCK_WORDS 8u /* of 64 bits */
#define COUNTER 12u

__extension__ typedef unsigned __int128 uint128;
typedef uint64_t __attribute__((may_alias)) text_word;

static uint64_t little_endian(uint64_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return __builtin_bswap64(value);
#else
    return value;
#endif
}

static uint32_t load32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void store64(uint8_t *bytes, uint64_t value)
{
    unsigned i;

    for (i = 0; i < 8u; i++) {
        bytes[i] = (uint8_t)(value >> 8u * i);
    }
}

void chacha20_wipe(void *secret, size_t bytes)
{
    volatile uint8_t *byte = secret; /* volatile: the compiler would drop a memset of what dies here */

    while (bytes-- > 0) {
        *byte++ = 0;
    }
}

/* ---- ChaCha20 ---- */

void chacha20_key_set(struct chacha20_key *key, const uint8_t bytes[CHACHA20_KEY_BYTES])
{
    unsigned i;

    for (i = 0; i < CHACHA20_KEY_WORDS; i++) {
        key->word[i] = load32(bytes + 4u * i);
    }
}

void chacha20_begin(uint32_t state[CHACHA20_STATE_WORDS], const struct chacha20_key *key, uint32_t counter,
                    const uint8_t nonce[CHACHA20_NONCE_BYTES])
{
    static const uint8_t constant[16] = {'e', 'x', 'p', 'a', 'n', 'd', ' ', '3', '2', '-', 'b', 'y', 't', 'e', ' ', 'k'};
    unsigned i;

    for (i = 0; i < 4u; i++) {
        state[i] = load32(constant + 4u * i);
    }
    for (i = 0; i < CHACHA20_KEY_WORDS; i++) {
        state[4u + i] = key->word[i];
    }
    state[COUNTER] = counter;
    for (i = 0; i < 3u; i++) {
        state[13u + i] = load32(nonce + 4u * i);
    }
}

static uint32_t rotate(uint32_t value, unsigned by)
{
    return value << by | value >> (32u - by);
}

/* Always inline: only so are the 16 words in registers. */
static inline __attribute__((always_inline)) void quarter(uint32_t *x, unsigned a, unsigned b, unsigned c, unsigned d)
{
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 7);
}

void chacha20_next(uint32_t state[CHACHA20_STATE_WORDS], uint64_t stream[8])
{
    uint32_t x[CHACHA20_STATE_WORDS];
    unsigned i;

    memcpy(x, state, sizeof x);
    for (i = 0; i < 10u; i++) {
        quarter(x, 0, 4, 8, 12); /* the columns */
        quarter(x, 1, 5, 9, 13);
        quarter(x, 2, 6, 10, 14);
        quarter(x, 3, 7, 11, 15);
        quarter(x, 0, 5, 10, 15); /* the diagonals */
        quarter(x, 1, 6, 11, 12);
        quarter(x, 2, 7, 8, 13);
        quarter(x, 3, 4, 9, 14);
    }
    for (i = 0; i < BLOCK_WORDS; i++) {
        stream[i] = (uint64_t)(x[2u * i + 1u] + state[2u * i + 1u]) << 32 | (uint32_t)(x[2u * i] + state[2u * i]);
    }
    state[COUNTER]++;
}

/* ---- Poly1305 ---- */

/*
 * Modulo p = 2^130 - 5. The sum has limbs of 64, 64 and, kept small, 3 bits. r is clamped: r[0], r[1] < 2^60, and r[1] is a
 * multiple of 4, so that r[1] * 2^128 = (r[1] / 4) * 2^130 is congruent to 5 * r[1] / 4, which is `folded`.
 */
struct poly1305 {
    uint64_t r[2];
    uint64_t folded;
    uint64_t sum[3];
    uint64_t pad[2];
};

static void poly1305_begin(struct poly1305 *poly, const uint64_t key[4])
{
    poly->r[0] = key[0] & UINT64_C(0x0ffffffc0fffffff);
    poly->r[1] = key[1] & UINT64_C(0x0ffffffc0ffffffc);
    poly->folded = poly->r[1] + (poly->r[1] >> 2);
    poly->sum[0] = poly->sum[1] = poly->sum[2] = 0;
    poly->pad[0] = key[2];
    poly->pad[1] = key[3];
}

/* sum = (sum + block + 2^128) * r. With sum[2] <= 4 before, it is at most 6 within, no product passes 128 bits, and it is <= 4
 * after. */
static inline void poly1305_add(struct poly1305 *poly, uint64_t low, uint64_t high)
{
    uint128 a = (uint128)poly->sum[0] + low;
    uint128 b = (uint128)poly->sum[1] + high + (uint64_t)(a >> 64);
    uint64_t h0 = (uint64_t)a;
    uint64_t h1 = (uint64_t)b;
    uint64_t h2 = poly->sum[2] + (uint64_t)(b >> 64) + 1u;

    a = (uint128)h0 * poly->r[0] + (uint128)h1 * poly->folded;
    b = (uint128)h0 * poly->r[1] + (uint128)h1 * poly->r[0] + h2 * poly->folded + (uint64_t)(a >> 64);
    h2 = h2 * poly->r[0] + (uint64_t)(b >> 64);

    /* What passes 2^130 comes back five times: h2 / 4 * 5, which is h2 / 4 + (h2 without its low two bits). */
    a = (uint128)(uint64_t)a + (h2 >> 2) + (h2 & ~UINT64_C(3));
    b = (uint128)(uint64_t)b + (uint64_t)(a >> 64);
    poly->sum[0] = (uint64_t)a;
    poly->sum[1] = (uint64_t)b;
    poly->sum[2] = (h2 & 3u) + (uint64_t)(b >> 64);
}

/* Bytes with zeros behind them up to a whole block. */
static void poly1305_add_bytes(struct poly1305 *poly, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        uint64_t block[2] = {0, 0};
        size_t now = len < sizeof block ? len : sizeof block;

        memcpy(block, bytes, now);
        poly1305_add(poly, little_endian(block[0]), little_endian(block[1]));
        bytes += now;
        len -= now;
    }
}

static void poly1305_end(const struct poly1305 *poly, uint8_t tag[POLY1305_TAG_BYTES])
{
    /* sum - p = sum + 5 - 2^130: if that is not negative it is the sum. */
    uint128 a = (uint128)poly->sum[0] + 5u;
    uint128 b = (uint128)poly->sum[1] + (uint64_t)(a >> 64);
    uint64_t not_negative = 0 - ((poly->sum[2] + (uint64_t)(b >> 64)) >> 2);
    uint64_t h0 = ((uint64_t)a & not_negative) | (poly->sum[0] & ~not_negative);
    uint64_t h1 = ((uint64_t)b & not_negative) | (poly->sum[1] & ~not_negative);

    a = (uint128)h0 + poly->pad[0];
    store64(tag, (uint64_t)a);
    store64(tag + 8, h1 + poly->pad[1] + (uint64_t)(a >> 64));
}

/* ---- Both ---- */

enum direction { SEAL, OPEN }; /* the tag is over the sealed text: what is written, or what is read */

struct work {
    uint32_t state[CHACHA20_STATE_WORDS];
    uint64_t stream[BLOCK_WORDS];
    struct poly1305 poly;
};

static void work_begin(struct work *work, const struct chacha20_key *key, const uint8_t nonce[CHACHA20_NONCE_BYTES],
                       const void *aad, size_t aad_bytes)
{
    chacha20_begin(work->state, key, 0, nonce);
    chacha20_next(work->state, work->stream); /* block 0 is the key of the tag */
    poly1305_begin(&work->poly, work->stream);
    poly1305_add_bytes(&work->poly, aad, aad_bytes);
}

/* One block of the text. Volatile: a word that is used twice is read once. */
static inline void work_block(struct work *work, const volatile text_word *from, text_word *to, enum direction direction)
{
    unsigned i;

    chacha20_next(work->state, work->stream);
    for (i = 0; i < BLOCK_WORDS; i += 2u) {
        uint64_t read[2] = {little_endian(from[i]), little_endian(from[i + 1u])};
        uint64_t written[2] = {read[0] ^ work->stream[i], read[1] ^ work->stream[i + 1u]};
        const uint64_t *sealed = direction == SEAL ? written : read;

        to[i] = little_endian(written[0]);
        to[i + 1u] = little_endian(written[1]);
        poly1305_add(&work->poly, sealed[0], sealed[1]);
    }
}

/* The last bytes, less than a block: the tag has zeros behind them. */
static void work_rest(struct work *work, const volatile uint8_t *from, uint8_t *to, size_t bytes, enum direction direction)
{
    uint8_t sealed[BLOCK_BYTES];
    size_t i;

    chacha20_next(work->state, work->stream);
    for (i = 0; i < bytes; i++) {
        uint8_t read = from[i];
        uint8_t written = read ^ (uint8_t)(work->stream[i / 8u] >> 8u * (i % 8u));

        to[i] = written;
        sealed[i] = direction == SEAL ? written : read;
    }
    poly1305_add_bytes(&work->poly, sealed, bytes);
}

static inline void work_text(struct work *work, const void *from, void *to, size_t bytes, enum direction direction)
{
    const uint8_t *source = from;
    uint8_t *target = to;
    size_t left;

    for (left = bytes; left >= BLOCK_BYTES; left -= BLOCK_BYTES, source += BLOCK_BYTES, target += BLOCK_BYTES) {
        work_block(work, (const void *)source, (void *)target, direction);
    }
    if (left > 0) {
        work_rest(work, source, target, left, direction);
    }
}

static void work_end(struct work *work, size_t aad_bytes, size_t bytes, uint8_t tag[POLY1305_TAG_BYTES])
{
    poly1305_add(&work->poly, aad_bytes, bytes);
    poly1305_end(&work->poly, tag);
    chacha20_wipe(work, sizeof *work);
}

void chacha20_poly1305_seal(const struct chacha20_key *key, const uint8_t nonce[CHACHA20_NONCE_BYTES], const void *aad,
                            size_t aad_bytes, const void *plain, void *sealed, size_t bytes, uint8_t tag[POLY1305_TAG_BYTES])
{
    struct work work;

    work_begin(&work, key, nonce, aad, aad_bytes);
    work_text(&work, plain, sealed, bytes, SEAL);
    work_end(&work, aad_bytes, bytes, tag);
}

bool chacha20_poly1305_open(const struct chacha20_key *key, const uint8_t nonce[CHACHA20_NONCE_BYTES], const void *aad,
                            size_t aad_bytes, void *text, size_t bytes, const uint8_t tag[POLY1305_TAG_BYTES])
{
    uint8_t expected[POLY1305_TAG_BYTES];
    unsigned differ = 0;
    struct work work;
    unsigned i;

    work_begin(&work, key, nonce, aad, aad_bytes);
    work_text(&work, text, text, bytes, OPEN);
    work_end(&work, aad_bytes, bytes, expected);
    for (i = 0; i < POLY1305_TAG_BYTES; i++) {
        differ |= (unsigned)(expected[i] ^ tag[i]); /* all of them, whichever differs */
    }
    return differ == 0;
}
