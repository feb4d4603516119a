/* random.h - numbers that repeat: splitmix64. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_RANDOM_H
#define CLIENT_RANDOM_H

#include <stdint.h>

/* The next number of the sequence whose state is *state; any state begins one. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

/* One of 0..bound-1. */
static inline uint64_t random_below(uint64_t *state, uint64_t bound)
{
    return random_next(state) % bound;
}

#endif
