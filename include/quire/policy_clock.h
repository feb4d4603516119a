/* quire/policy_clock.h - replacement policy: CLOCK (second chance) with lazy clear. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_POLICY_CLOCK_H
#define QUIRE_POLICY_CLOCK_H

#include "policy.h"

/*
 * A hand goes round the pages; one that was used since the hand last came by is passed over (Corbato, 1968). The access
 * that is retried after a fault always marks the page just loaded, which says nothing: that mark is cleared once, at the
 * next eviction ("lazy clear"). An eviction passes over at most `chances` used pages and then takes the first that it
 * passed, so its cost is bounded however the flags stand. One that found only used pages makes the next one look at one
 * page less, one that found an unused page makes it look as far as it may: where all is in use, looking is in vain.
 */
QUIRE_BEGIN

#define QUIRE_POLICY_CLOCK_CHANCES 15u

struct quire_policy_clock {
    struct quire_policy base;
    struct quire_page_ring ring;
    uint32_t chances; /* used pages one eviction may pass over; may be changed at any time between operations */
    uint32_t in_vain; /* the latest evictions that found only used pages; 0..chances */
    uint32_t newest;  /* inserted last, its mark not yet cleared; QUIRE_PAGE_NONE: none */
};

/* Makes `clock` ready to be given to quire_pager_init. O(1). */
QUIRE_API struct quire_policy *quire_policy_clock_init(struct quire_policy_clock *clock) QUIRE_SYM(quire_policy_clock_init);

QUIRE_END

#endif /* QUIRE_POLICY_CLOCK_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_POLICY_CLOCK_IMPLEMENTED)
#define QUIRE_POLICY_CLOCK_IMPLEMENTED

QUIRE_BEGIN

static QUIRE_RESIDENT struct quire_policy_clock *quire_policy_clock_of_(struct quire_policy *policy)
{
    return QUIRE_CONTAINER_OF(policy, struct quire_policy_clock, base);
}

static QUIRE_RESIDENT void quire_policy_clock_insert_(struct quire_policy *policy, uint32_t number, uint32_t distance)
{
    struct quire_policy_clock *clock = quire_policy_clock_of_(policy);

    (void)distance;
    quire_page_ring_insert(&clock->ring, policy->host.pages, number);
    clock->newest = number;
}

static QUIRE_RESIDENT void quire_policy_clock_remove_(struct quire_policy *policy, uint32_t number)
{
    struct quire_policy_clock *clock = quire_policy_clock_of_(policy);

    if (clock->newest == number) {
        clock->newest = QUIRE_PAGE_NONE;
    }
    quire_page_ring_remove(&clock->ring, policy->host.pages, number);
}

static QUIRE_RESIDENT void quire_policy_clock_lazy_clear_(struct quire_policy_clock *clock)
{
    const struct quire_policy_host *host = &clock->base.host;

    if (clock->newest != QUIRE_PAGE_NONE && host->clear(host->ctx, clock->newest)) {
        clock->newest = QUIRE_PAGE_NONE;
    }
}

static QUIRE_RESIDENT uint32_t quire_policy_clock_victim_(struct quire_policy *policy)
{
    struct quire_policy_clock *clock = quire_policy_clock_of_(policy);
    const struct quire_policy_host *host = &policy->host;
    uint32_t first = QUIRE_PAGE_NONE; /* the first used page passed over */
    uint32_t left = clock->chances > clock->in_vain ? clock->chances - clock->in_vain : 0;
    uint32_t i;

    quire_policy_clock_lazy_clear_(clock);
    for (i = clock->ring.count; i > 0; i--) {
        uint32_t number = clock->ring.hand;
        unsigned state;

        quire_page_ring_advance(&clock->ring, host->pages);
        state = host->age(host->ctx, number);
        if ((state & QUIRE_PAGE_FIXED) != 0) {
            continue;
        }
        if ((state & QUIRE_PAGE_USED) == 0) {
            clock->in_vain = 0;
            return number;
        }
        if (first == QUIRE_PAGE_NONE) {
            first = number;
        }
        if (left-- == 0) {
            break;
        }
    }
    clock->in_vain += first != QUIRE_PAGE_NONE && clock->in_vain < clock->chances;
    return first;
}

static bool quire_policy_clock_check_(struct quire_policy *policy, uint32_t n)
{
    struct quire_page_ring *ring = &quire_policy_clock_of_(policy)->ring;

    return ring->count == n && quire_page_ring_check(ring, policy->host.pages);
}

QUIRE_API struct quire_policy *quire_policy_clock_init(struct quire_policy_clock *clock)
{
    static const struct quire_policy_ops ops QUIRE_RESIDENT_RO = {
        "clock", quire_policy_clock_insert_, quire_policy_clock_remove_, quire_policy_clock_victim_, quire_policy_clock_check_,
    };

    QUIRE_MEMSET(clock, 0, sizeof *clock);
    clock->base.ops = &ops;
    quire_page_ring_init(&clock->ring);
    clock->chances = QUIRE_POLICY_CLOCK_CHANCES;
    clock->newest = QUIRE_PAGE_NONE;
    return &clock->base;
}

QUIRE_END

#endif
