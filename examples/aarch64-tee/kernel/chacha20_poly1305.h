/* chacha20_poly1305.h - authenticated encryption: ChaCha20 and Poly1305 as RFC 8439 puts them together. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_CHACHA20_POLY1305_H
#define KERNEL_CHACHA20_POLY1305_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Written for pages, and for a processor whose vector registers belong to others: one pass over the text, general registers
 * only. No branch and no address depends on a secret. A (key, nonce) pair seals one text only; who calls sees to that.
 *
 * Nothing here locks, sleeps or fails, and all of it is resident.
 */

#define CHACHA20_KEY_WORDS 8u
#define CHACHA20_STATE_WORDS 16u
#define CHACHA20_KEY_BYTES 32u
#define CHACHA20_NONCE_BYTES 12u
#define POLY1305_TAG_BYTES 16u

struct chacha20_key {
    uint32_t word[CHACHA20_KEY_WORDS];
};

void chacha20_key_set(struct chacha20_key *key, const uint8_t bytes[CHACHA20_KEY_BYTES]);

/* Leaves nothing of what lies there, though nobody reads it any more. For keys, and for copies of keys on a stack. */
void chacha20_wipe(void *secret, size_t bytes);

/* The state from which the blocks of a stream are made; the counter is its word 12. */
void chacha20_begin(uint32_t state[CHACHA20_STATE_WORDS], const struct chacha20_key *key, uint32_t counter,
                    const uint8_t nonce[CHACHA20_NONCE_BYTES]);

/* One block of the stream, 64 bytes, and counts. */
void chacha20_next(uint32_t state[CHACHA20_STATE_WORDS], uint64_t stream[8]);

/*
 * Encrypts `bytes` bytes of `plain` to `sealed` and stores in `tag` what authenticates them and the `aad`. Both texts are
 * aligned to 8 bytes; they are one or do not overlap. Each byte of `plain` is read once and no byte of `sealed` is: somebody
 * who changes `plain` meanwhile gets what he wrote authenticated, and nothing about the key.
 */
void chacha20_poly1305_seal(const struct chacha20_key *key, const uint8_t nonce[CHACHA20_NONCE_BYTES], const void *aad,
                            size_t aad_bytes, const void *plain, void *sealed, size_t bytes, uint8_t tag[POLY1305_TAG_BYTES]);

/* Decrypts `text` (aligned to 8 bytes) in place; true if `tag` is the one over it and the `aad`. If not, what is left in `text`
 * is nothing that anybody may see. Each byte of `text` is read once. */
bool chacha20_poly1305_open(const struct chacha20_key *key, const uint8_t nonce[CHACHA20_NONCE_BYTES], const void *aad,
                            size_t aad_bytes, void *text, size_t bytes, const uint8_t tag[POLY1305_TAG_BYTES]);

#endif
