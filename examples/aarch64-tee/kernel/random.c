/* random.c - random bytes: a generator that forgets what it gave. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/random.h"

#include "lib/memory.h"

/* The nonce is the same each time: each time the key is another. */
static const uint8_t nonce[CHACHA20_NONCE_BYTES];

/* The first half of each block is the next key, the second half is given away. */
static void step(struct random *random, uint64_t given[4])
{
    uint32_t state[CHACHA20_STATE_WORDS];
    uint64_t stream[8];
    unsigned i;

    chacha20_begin(state, &random->key, 0, nonce);
    chacha20_next(state, stream);
    for (i = 0; i < CHACHA20_KEY_WORDS; i++) {
        random->key.word[i] = (uint32_t)(stream[i / 2u] >> 32u * (i % 2u));
    }
    memcpy(given, stream + 4, 4u * sizeof given[0]);
    chacha20_wipe(state, sizeof state);
    chacha20_wipe(stream, sizeof stream);
}

void random_seed(struct random *random, const void *seed, size_t len)
{
    const uint8_t *byte = seed;

    while (len > 0) {
        uint32_t mix[CHACHA20_KEY_WORDS] = {0};
        size_t now = len < sizeof mix ? len : sizeof mix;
        uint64_t given[4];
        unsigned i;

        memcpy(mix, byte, now);
        for (i = 0; i < CHACHA20_KEY_WORDS; i++) {
            random->key.word[i] ^= mix[i];
        }
        step(random, given);
        random->seeded += now < RANDOM_SEED_BYTES - random->seeded ? now : RANDOM_SEED_BYTES - random->seeded;
        byte += now;
        len -= now;
        chacha20_wipe(mix, sizeof mix);
        chacha20_wipe(given, sizeof given);
    }
}

bool random_fill(struct random *random, void *bytes, size_t len)
{
    uint8_t *byte = bytes;
    uint64_t given[4];

    if (random->seeded < RANDOM_SEED_BYTES) {
        return false;
    }
    while (len > 0) {
        size_t now = len < sizeof given ? len : sizeof given;

        step(random, given);
        memcpy(byte, given, now);
        byte += now;
        len -= now;
    }
    chacha20_wipe(given, sizeof given);
    return true;
}
