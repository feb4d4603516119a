/* payload.c - code to be run out of paged memory: a shared object without dependencies. SPDX-License-Identifier: BSD-2-Clause
 *
 * It is built twice: as payload.so, which every context loads, relocates and runs; and, with PAYLOAD_NATIVE, into the host
 * itself, which computes with it what the paged code must answer. It is large so that it spans many pages, calls through
 * a table of pointers (relative relocations), through the linkage table (symbols) and uses data that a context has for itself.
 */
#include <stdint.h>

#include "payload.h"

#define STEP(x, k) ((((x) ^ ((x) >> 29)) * (UINT64_C(0xbf58476d1ce4e5b9) + 2u * (k))) ^ (((x) << 7) + (k)))

#define MIXER(n)                                                  \
    static __attribute__((noinline)) uint64_t mix_##n(uint64_t x) \
    {                                                             \
        x = STEP(x, UINT64_C(0x##n) << 32);                       \
        x = STEP(x, UINT64_C(0x##n) << 33);                       \
        x ^= words[(x >> 40) % WORDS];                            \
        x = STEP(x, UINT64_C(0x##n) << 34);                       \
        x = STEP(x, UINT64_C(0x##n) << 35);                       \
        x ^= words[(x >> 24) % WORDS];                            \
        x = STEP(x, UINT64_C(0x##n) << 36);                       \
        x = STEP(x, UINT64_C(0x##n) << 37);                       \
        x = STEP(x, UINT64_C(0x##n) << 38);                       \
        return STEP(x, UINT64_C(0x##n) << 39);                    \
    }

#define EACH8L(M, high) M(high##0) M(high##1) M(high##2) M(high##3) M(high##4) M(high##5) M(high##6) M(high##7)
#define EACH8H(M, high) M(high##8) M(high##9) M(high##a) M(high##b) M(high##c) M(high##d) M(high##e) M(high##f)
#define EACH16(M, high) EACH8L(M, high) EACH8H(M, high)
#define EACH128(M) EACH16(M, 1) EACH16(M, 2) EACH16(M, 3) EACH16(M, 4) EACH16(M, 5) EACH16(M, 6) EACH16(M, 7) EACH16(M, 8)

/* Constants on several pages. */
#define WORD4(n) UINT64_C(0x##n) * 0x9e3779b9u, UINT64_C(0x##n) * 0x85ebca6bu, UINT64_C(0x##n) << 40, ~UINT64_C(0x##n),
#define WORD32(n) WORD4(n##0) WORD4(n##1) WORD4(n##2) WORD4(n##3) WORD4(n##4) WORD4(n##5) WORD4(n##6) WORD4(n##7)
#define WORDS 4096u
static const uint64_t words[WORDS] = {EACH128(WORD32)};

EACH128(MIXER)

#define POINTER(n) mix_##n,
static uint64_t (*const mixers[128])(uint64_t) = {EACH128(POINTER)};

uint64_t payload_mix(uint64_t seed, uint64_t rounds)
{
    uint64_t x = seed;
    uint64_t i;

    for (i = 0; i < rounds; i++) {
        x = mixers[(x >> 17) % 128u](x + i);
    }
    return x;
}

#ifndef PAYLOAD_NATIVE
uint64_t payload_history[PAYLOAD_HISTORY];
static uint64_t total = PAYLOAD_FIRST_TOTAL;

uint64_t payload_main(uint64_t seed, uint64_t rounds, struct payload_answer *answer)
{
    uint64_t result = payload_mix(seed, rounds);

    payload_history[result % PAYLOAD_HISTORY] += rounds;
    total += result;
    answer->result = result;
    answer->total = total;
    answer->history = payload_history[result % PAYLOAD_HISTORY];
    return result;
}
#endif
