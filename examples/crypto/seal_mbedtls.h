/* seal_mbedtls.h - mbedTLS behind Quire's hooks: AES-256-GCM seals, SHA-256 hashes. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CRYPTO_SEAL_MBEDTLS_H
#define CRYPTO_SEAL_MBEDTLS_H

#include <quire/hash.h>
#include <quire/seal.h>

/*
 * To be copied into a program that has mbedTLS (libmbedtls-dev of Debian 12: 2.28) and threads; a kernel has an entropy source
 * and a crypto library of its own, and takes the shape. Three calls:
 *
 *     crypto = crypto_new(&config, &why);                           null: `why` says what failed
 *     quire_sealer_init(&sealer, &crypto_seal_hooks, crypto);       objects: config.sealing.sealer = &sealer (fobj_rw.h)
 *     hash.digest = crypto_digest;                                  for fobj_ro.h, hash_tree.h, hash_build.h
 *
 *     key:     [ lane 0: expanded ][ lane 1: expanded ] ...     mbedTLS changes a GCM context while it works, so a key is
 *                   |                    |                      expanded once per thread; who finds no lane waits
 *     seal:    plain page -------------> buffer                 as many as lanes, in memory of this process alone
 *     open:    page, in place
 *
 * What is secret (keys, lanes, the random generator) lies in memory of its own that is locked, left out of core dumps, not
 * inherited by a fork, and wiped before it is given back. mbedTLS puts the round keys of a lane on the heap: that part is
 * locked where it lies. Locking is as far as the limits permit (RLIMIT_MEMLOCK): crypto_is_locked() tells.
 *
 * Why this fits the contracts of seal.h: a buffer is private until it is given back, and needs to be, since mbedTLS computes the
 * tag from the sealed bytes it wrote; of the plain page it reads each byte once; mbedtls_gcm_auth_decrypt() works in place,
 * compares tags in constant time, and clears the page where they differ; each nonce comes from Quire, which never repeats one
 * under a key.
 *
 * The hooks may be called by any number of threads. Nobody waits for anything while holding a lane, so all get on.
 */
#define CRYPTO_THREADS_MAX 64u

struct crypto;

/* Zero-initialise it; everything may stay zero. */
struct crypto_config {
    unsigned threads; /* that seal and open at once, 1..CRYPTO_THREADS_MAX; more wait for each other. 0: 4 */

    /* Fills len bytes with entropy and returns 0, or returns something else. Null: that of mbedTLS (the system's). */
    int (*entropy)(void *ctx, unsigned char *out, size_t len);
    void *entropy_ctx;
};

/* Null: *why says what failed. */
struct crypto *crypto_new(const struct crypto_config *config, const char **why);

/* No sealer uses it any more. Wipes everything. */
void crypto_free(struct crypto *crypto);

/* Is everything secret locked in memory, so far? */
bool crypto_is_locked(struct crypto *crypto);

/* For quire_sealer_init(), with a struct crypto as context. Failing, `random` answers IO, key_make NO_MEMORY or IO, seal IO, open
 * INTEGRITY where the tag is another, else IO. */
extern const struct quire_seal_hooks crypto_seal_hooks;

/* For struct quire_hash, size 32, any context: SHA-256 of the page; of a node of a tree, of its level (one byte) and the node,
 * so that neither passes for the other. Shares nothing between threads. */
enum quire_status crypto_digest(void *ctx, unsigned level, const void *page, void *out);

/* What `seal` does to a page, for any message: `key` is what key_make answered, the nonce has 12 bytes, the tag 16. OK or IO. */
enum quire_status crypto_seal_bytes(struct crypto *crypto, void *key, const uint8_t *nonce, const void *aad, size_t aad_len,
                                    const void *plain, size_t len, void *sealed, uint8_t *tag);

#endif
