/* sha256.h - SHA-256 (FIPS 180-4), small and without dependencies. SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_SHA256_H
#define HOST_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32u

struct sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    unsigned char block[64];
};

void sha256_init(struct sha256 *sha);
void sha256_update(struct sha256 *sha, const void *data, size_t len);
void sha256_final(struct sha256 *sha, unsigned char digest[SHA256_BYTES]);

/* The digest of `len` bytes at `data`. */
void sha256_of(const void *data, size_t len, unsigned char digest[SHA256_BYTES]);

#endif
