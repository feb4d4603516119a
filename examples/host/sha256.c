/* sha256.c - SHA-256 (FIPS 180-4). SPDX-License-Identifier: BSD-2-Clause */
#include "sha256.h"

#include <string.h>

static const uint32_t round_constant[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x >> n | x << (32u - n);
}

static uint32_t load_be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store_be32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)(v >> 24);
    p[1] = (unsigned char)(v >> 16);
    p[2] = (unsigned char)(v >> 8);
    p[3] = (unsigned char)v;
}

static void compress(uint32_t state[8], const unsigned char *block)
{
    uint32_t w[64];
    uint32_t v[8];
    unsigned i;

    for (i = 0; i < 16u; i++) {
        w[i] = load_be32(block + 4u * i);
    }
    for (; i < 64u; i++) {
        uint32_t s0 = rotate(w[i - 15u], 7) ^ rotate(w[i - 15u], 18) ^ w[i - 15u] >> 3;
        uint32_t s1 = rotate(w[i - 2u], 17) ^ rotate(w[i - 2u], 19) ^ w[i - 2u] >> 10;

        w[i] = w[i - 16u] + s0 + w[i - 7u] + s1;
    }
    memcpy(v, state, sizeof v);
    for (i = 0; i < 64u; i++) {
        uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
        uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
        uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + round_constant[i] + w[i];
        uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

        memmove(v + 1, v, 7u * sizeof v[0]);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (i = 0; i < 8u; i++) {
        state[i] += v[i];
    }
}

void sha256_init(struct sha256 *sha)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

    memcpy(sha->state, start, sizeof start);
    sha->length = 0;
}

void sha256_update(struct sha256 *sha, const void *data, size_t len)
{
    const unsigned char *p = data;
    size_t have = (size_t)(sha->length % 64u);

    sha->length += len;
    if (have > 0 && len >= 64u - have) {
        memcpy(sha->block + have, p, 64u - have);
        compress(sha->state, sha->block);
        p += 64u - have;
        len -= 64u - have;
        have = 0;
    }
    if (have == 0) {
        for (; len >= 64u; p += 64, len -= 64u) {
            compress(sha->state, p);
        }
    }
    memcpy(sha->block + have, p, len);
}

void sha256_final(struct sha256 *sha, unsigned char digest[SHA256_BYTES])
{
    static const unsigned char padding[64] = {0x80};
    uint64_t bits = sha->length * 8u;
    unsigned char length[8];
    unsigned i;

    store_be32(length, (uint32_t)(bits >> 32));
    store_be32(length + 4, (uint32_t)bits);
    sha256_update(sha, padding, 1u + (size_t)((119u - sha->length % 64u) % 64u));
    sha256_update(sha, length, sizeof length);
    for (i = 0; i < 8u; i++) {
        store_be32(digest + 4u * i, sha->state[i]);
    }
}

void sha256_of(const void *data, size_t len, unsigned char digest[SHA256_BYTES])
{
    struct sha256 sha;

    sha256_init(&sha);
    sha256_update(&sha, data, len);
    sha256_final(&sha, digest);
}
