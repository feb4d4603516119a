/* Random numbers for tests, the same ones each time: a state that begins with any number, each thread's its own. */
#ifndef QUIRE_TESTS_RANDOM_H
#define QUIRE_TESTS_RANDOM_H

#include <stdint.h>

/* 31 random bits (a linear congruential generator with Knuth's factor; the low half of its state is not random enough). */
static inline uint32_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* A number below n, which is not zero. */
static inline uint32_t random_below(uint64_t *state, uint32_t n)
{
    return random_next(state) % n;
}

#endif
