/* quire/bits.h - the highest and the lowest set bit of a word. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_BITS_H
#define QUIRE_BITS_H

#include "base.h"

/*
 * One instruction where the compiler has a built-in for it, seven steps where not, or where QUIRE_PORTABLE_BITS is defined
 * (for compilers whose built-in calls a library, and for comparing the two).
 */
QUIRE_BEGIN

/* The position of the highest set bit of `x`, which is not 0. O(1). */
static inline QUIRE_RESIDENT unsigned quire_bits_high(uint64_t x)
{
#if QUIRE_GNU && !defined(QUIRE_PORTABLE_BITS)
    return 63u ^ (unsigned)__builtin_clzll(x);
#else
    unsigned at = 0;
    unsigned step;

    for (step = 32; step != 0; step >>= 1) {
        if (x >> step != 0) {
            x >>= step;
            at += step;
        }
    }
    return at;
#endif
}

/* The position of the lowest set bit of `x`, which is not 0. O(1). */
static inline unsigned quire_bits_low(uint64_t x)
{
#if QUIRE_GNU && !defined(QUIRE_PORTABLE_BITS)
    return (unsigned)__builtin_ctzll(x);
#else
    return quire_bits_high(x & (~x + 1u));
#endif
}

/* Is `x` a power of two? O(1). */
static inline bool quire_bits_one(uint64_t x)
{
    return x != 0 && (x & (x - 1u)) == 0;
}

QUIRE_END

#endif /* QUIRE_BITS_H */
