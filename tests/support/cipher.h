/* A sealer for tests: a toy cipher that every bit matters to, a ledger of nonces, and hooks that fail on command. */
#ifndef CIPHER_H
#define CIPHER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "quire/seal.h"

/*
 *     cipher_start(&cipher, 42);                  a sealer with its first key: &cipher.sealer
 *     cipher_fail(&cipher, CIPHER_SEAL, 3, QUIRE_IO);   the third call from now fails
 *     cipher_wrong(&cipher)                       null, or the first thing that was wrong, in words
 *     cipher_stop(&cipher);                       ends the sealer, which nobody may hold any more
 *
 * What no user of a sealer may do stops the process at once, with a message: a nonce that a key was given before, a key that was
 * wiped, a buffer put twice, or put with what a failed seal left in it. With `tolerates` set it is noted only.
 */

enum cipher_hook { CIPHER_RANDOM, CIPHER_KEY_MAKE, CIPHER_SEAL, CIPHER_OPEN, CIPHER_BUFFER, CIPHER_HOOKS };

struct cipher_key {
    uint64_t id; /* 1, 2, ... of all that were ever made */
    uint64_t word[4];
    bool wiped;
    struct cipher_key *next;
};

struct cipher_use { /* a nonce that a key was given */
    uint64_t key;   /* 0: a free place */
    uint8_t nonce[QUIRE_SEAL_NONCE_BYTES];
};

struct cipher {
    struct quire_sealer sealer;
    pthread_mutex_t mutex; /* for all below */
    uint64_t random;
    struct cipher_key *keys;
    uint64_t keys_made;
    uint64_t keys_alive;
    uint64_t calls[CIPHER_HOOKS]; /* so far */
    uint64_t nth[CIPHER_HOOKS];   /* counted down: this call fails; 0: none */
    enum quire_status says[CIPHER_HOOKS];
    uint64_t refused; /* opens that ended with INTEGRITY by themselves */
    uint64_t buffers; /* out now */
    bool tolerates;
    char wrong[128];
    struct cipher_use *ledger; /* open addressing; `places` is a power of two */
    size_t places;
    size_t used;
    struct quire_seal_label last; /* of the last seal */
    /* Called in each seal, without the mutex. Null: nothing. */
    void (*sealing)(void *user, const struct quire_seal_label *label, const void *plain);
    void *user;
};

extern const struct quire_seal_hooks cipher_hooks;

/* Everything but the sealer: for tests of quire_sealer_init(). */
void cipher_prepare(struct cipher *cipher, uint64_t seed);
void cipher_start(struct cipher *cipher, uint64_t seed);
/* The status of quire_sealer_fini(); the memory goes in any case. */
enum quire_status cipher_stop(struct cipher *cipher);
/* Call `nth` of this hook from now on (1: the next) answers `status`, having done half of its work; a buffer is null then. */
void cipher_fail(struct cipher *cipher, enum cipher_hook hook, uint64_t nth, enum quire_status status);
const char *cipher_wrong(struct cipher *cipher);

#endif
