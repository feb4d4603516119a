/* functions.h - what `walker` does, and what must come of it. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_WALKER_FUNCTIONS_H
#define TA_WALKER_FUNCTIONS_H

#include "ta/mix.h"

#include <stdint.h>

/* Nothing but faults, in an order that whoever calls can make again. All but TAKE need pages (else ITEM_NOT_FOUND). */
enum walker_function {
    WALKER_TAKE,  /* VALUE_IN pages, all zero. ACCESS_CONFLICT: there are some; OUT_OF_MEMORY */
    WALKER_WALK,  /* VALUE_IN seed, steps; VALUE_IN pages, flags; VALUE_OUT digest, cycles */
    WALKER_BRING, /* takes all out of memory, then has as many of the first brought as can be there; none is mapped */
    WALKER_GIVE   /* */
};

/* Each step of a walk touches the first word of one of the first `pages` pages, by one instruction; `cycles` is what these took. */
#define WALKER_WRITE 1u /* writes it: walker_value(); else reads it */
#define WALKER_COUNT 2u /* counts cycles, which the kernel must permit: else the instance is killed */

/* With seed 0 one page after the other. */
static inline uint64_t walker_page(uint64_t seed, uint64_t step, uint64_t pages)
{
    return (seed == 0 ? step : mix(seed + step * MIX_STEP)) % pages;
}

static inline uint64_t walker_value(uint64_t seed, uint64_t step)
{
    return mix(seed ^ step);
}

static inline uint64_t walker_digest(uint64_t digest, uint64_t value)
{
    return mix(digest) + value;
}

#endif
