/*
 * What every property shares: a seed that reproduces, a count that scales, random numbers. The environment decides:
 *
 *     QUIRE_SEED    the seed; 1 unless told
 *     QUIRE_COUNT   rounds, or "campaign": a hundred times the usual number
 */
#ifndef QUIRE_TESTS_PROPERTY_H
#define QUIRE_TESTS_PROPERTY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct property {
    uint64_t state;
    uint64_t rounds;
};

/* Begins the property `name`, with `rounds` rounds unless told otherwise, and prints the line that repeats it. */
static inline struct property property_begin(const char *name, uint64_t rounds)
{
    const char *seed = getenv("QUIRE_SEED");
    const char *count = getenv("QUIRE_COUNT");
    struct property p;

    p.state = seed != NULL ? strtoull(seed, NULL, 0) : 1;
    p.rounds = count == NULL ? rounds : strcmp(count, "campaign") == 0 ? rounds * 100u : strtoull(count, NULL, 0);
    printf("property %s: QUIRE_SEED=%llu QUIRE_COUNT=%llu\n", name, (unsigned long long)p.state, (unsigned long long)p.rounds);
    fflush(stdout);
    return p;
}

/* The next 64 random bits (splitmix64, Steele et al.). */
static inline uint64_t property_bits(struct property *p)
{
    uint64_t z = (p->state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A number below `limit`, which is not zero. */
static inline uint32_t property_below(struct property *p, uint32_t limit)
{
    return (uint32_t)(property_bits(p) % limit);
}

#endif
