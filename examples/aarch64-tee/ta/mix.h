/* mix.h - the numbers that applications work on, and that who calls them can make again. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_MIX_H
#define TA_MIX_H

#include <stdint.h>

#define MIX_STEP UINT64_C(0x9e3779b97f4a7c15) /* mix(seed + i * MIX_STEP), i = 0, 1, ...: a good generator (splitmix64) */

/* One to one, and each bit of the answer depends on each of `x`. */
static inline uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

#endif
