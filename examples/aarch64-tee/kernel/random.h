/* random.h - random bytes: a generator that forgets what it gave. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include "kernel/chacha20_poly1305.h"

/*
 * A ChaCha20 stream whose first bytes replace the key, each time: who sees the generator's memory learns nothing of what it gave
 * before. It is worth what its seed is worth. A lock of the caller's covers it.
 */
struct random {
    struct chacha20_key key; /* all zero at the beginning */
    size_t seeded;           /* bytes of seed, up to RANDOM_SEED_BYTES */
};

#define RANDOM_SEED_BYTES 32u

/* Mixes in `len` bytes of seed. Whatever they are, what was mixed in before is worth no less. */
void random_seed(struct random *random, const void *seed, size_t len);

/* Fills `len` bytes. False before RANDOM_SEED_BYTES of seed have come: nothing was written. */
bool random_fill(struct random *random, void *bytes, size_t len);

#endif
