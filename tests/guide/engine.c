/* A crypto engine that behaves like one and keeps no secret: it mixes 64-bit words. Real ones have AES-GCM and SHA-256. */
#include "engine.h"

#include <string.h>

unsigned char flash[FLASH_PAGES][QUIRE_PAGE_SIZE];

static uint64_t keys[ENGINE_KEYS][4];
static uint64_t noise = 1;

static uint64_t mix(uint64_t x)
{
    x ^= x >> 31;
    x *= 0x9e3779b97f4a7c15u;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9u;
    return x ^ (x >> 32);
}

static uint64_t absorb(uint64_t state, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    size_t i;

    for (i = 0; i < len; i++) {
        state = mix(state + p[i] + 1u);
    }
    return state;
}

bool engine_random(void *bytes, size_t len)
{
    unsigned char *p = bytes;
    size_t i;

    for (i = 0; i < len; i++) {
        noise = mix(noise + 1u);
        p[i] = (unsigned char)noise;
    }
    return true;
}

void engine_set_key(unsigned place, const uint8_t *seed)
{
    memcpy(keys[place], seed, sizeof keys[place]);
}

void engine_clear_key(unsigned place)
{
    memset(keys[place], 0, sizeof keys[place]);
}

/* XORs a stream that the key and the nonce decide. */
static void crypt(const uint64_t *key, const struct quire_seal_label *label, const unsigned char *from, unsigned char *to)
{
    uint64_t state = absorb(key[0], label->nonce, sizeof label->nonce);
    size_t i;

    for (i = 0; i < QUIRE_PAGE_SIZE; i++) {
        state = mix(state + key[1]);
        to[i] = (unsigned char)(from[i] ^ state);
    }
}

static void make_tag(const uint64_t *key, const struct quire_seal_label *label, const unsigned char *sealed, uint8_t *tag)
{
    uint64_t state = absorb(absorb(absorb(key[2], label->nonce, sizeof label->nonce), label->aad, sizeof label->aad), sealed,
                            QUIRE_PAGE_SIZE);
    uint64_t words[2];

    words[0] = mix(state + key[3]);
    words[1] = mix(words[0] + key[3]);
    memcpy(tag, words, QUIRE_SEAL_TAG_BYTES);
}

void engine_seal(unsigned place, const struct quire_seal_label *label, const void *plain, void *sealed, uint8_t *tag)
{
    crypt(keys[place], label, plain, sealed);
    make_tag(keys[place], label, sealed, tag);
}

bool engine_open(unsigned place, const struct quire_seal_label *label, void *page, const uint8_t *tag)
{
    uint8_t expected[QUIRE_SEAL_TAG_BYTES];
    unsigned differs = 0;
    size_t i;

    make_tag(keys[place], label, page, expected);
    for (i = 0; i < sizeof expected; i++) {
        differs |= (unsigned)(expected[i] ^ tag[i]);
    }
    if (differs == 0) {
        crypt(keys[place], label, page, page);
    }
    return differs == 0;
}

void engine_hash(const void *page, uint8_t *out)
{
    uint64_t words[4];
    size_t i;

    words[0] = absorb(0, page, QUIRE_PAGE_SIZE);
    for (i = 1; i < 4; i++) {
        words[i] = mix(words[i - 1] + i);
    }
    memcpy(out, words, sizeof words);
}
