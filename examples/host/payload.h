/* payload.h - what the host and the code it runs out of paged memory agree on. SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_PAYLOAD_H
#define HOST_PAYLOAD_H

#include <stdint.h>

#define PAYLOAD_FIRST_TOTAL UINT64_C(7)
#define PAYLOAD_HISTORY 2048u

struct payload_answer {
    uint64_t result;  /* payload_mix(seed, rounds) */
    uint64_t total;   /* of all results since it was loaded, plus PAYLOAD_FIRST_TOTAL */
    uint64_t history; /* rounds of all calls whose result shared this one's place in the history */
};

/* A computation that wanders over all the code and constants of the payload. */
uint64_t payload_mix(uint64_t seed, uint64_t rounds);

/* The entry point of payload.so. */
uint64_t payload_main(uint64_t seed, uint64_t rounds, struct payload_answer *answer);

#endif
