/* secret.h - a pattern that only an application knows, and looking for it everywhere else. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_SECRET_H
#define CLIENT_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/tee.h"

/* 8 bytes over and over, kept by `echo` in its heap. Here they are known only inverted, so that memory can be searched for them. */
struct secret {
    struct tee *tee;
    uint32_t session; /* the application's */
    uint64_t inverse;
};

#define SECRET_BYTES 0x3000u

/* Opens a session, gives it the pattern to keep, and wipes what was used for it. */
bool secret_plant(struct secret *secret, struct tee *tee, uint64_t seed);

/* Does the application still have it? */
bool secret_is_kept(const struct secret *secret);

/* Is this word 8 bytes of it, wherever they begin? */
bool secret_is_word(const struct secret *secret, uint64_t word);

/* How many words of [start, start + bytes) are. */
uint64_t secret_count(const struct secret *secret, uint64_t start, uint64_t bytes);

bool secret_end(struct secret *secret);

#endif
