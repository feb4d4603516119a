/* quire/policy_fifo.h - replacement policy: first in, first out. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_POLICY_FIFO_H
#define QUIRE_POLICY_FIFO_H

#include "policy.h"

/*
 * Evicts the page that became resident longest ago. Asks nobody about use, so hardware flags make no difference to it and
 * it never takes an entry away: the cheapest eviction, and the most majors.
 */
QUIRE_BEGIN

struct quire_policy_fifo {
    struct quire_policy base;
    struct quire_page_ring ring;
};

/* Makes `fifo` ready to be given to quire_pager_init. O(1). */
QUIRE_API struct quire_policy *quire_policy_fifo_init(struct quire_policy_fifo *fifo) QUIRE_SYM(quire_policy_fifo_init);

QUIRE_END

#endif /* QUIRE_POLICY_FIFO_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_POLICY_FIFO_IMPLEMENTED)
#define QUIRE_POLICY_FIFO_IMPLEMENTED

QUIRE_BEGIN

static QUIRE_RESIDENT struct quire_policy_fifo *quire_policy_fifo_of_(struct quire_policy *policy)
{
    return QUIRE_CONTAINER_OF(policy, struct quire_policy_fifo, base);
}

static QUIRE_RESIDENT void quire_policy_fifo_insert_(struct quire_policy *policy, uint32_t number, uint32_t distance)
{
    (void)distance;
    quire_page_ring_insert(&quire_policy_fifo_of_(policy)->ring, policy->host.pages, number);
}

static QUIRE_RESIDENT void quire_policy_fifo_remove_(struct quire_policy *policy, uint32_t number)
{
    quire_page_ring_remove(&quire_policy_fifo_of_(policy)->ring, policy->host.pages, number);
}

static QUIRE_RESIDENT uint32_t quire_policy_fifo_victim_(struct quire_policy *policy)
{
    struct quire_page_ring *ring = &quire_policy_fifo_of_(policy)->ring;
    uint32_t number = ring->hand;
    uint32_t i;

    /* A fixed page keeps its turn: the hand stays, and the first page behind it that can go goes. */
    for (i = 0; i < ring->count; i++) {
        if ((policy->host.state(policy->host.ctx, number) & QUIRE_PAGE_FIXED) == 0) {
            return number;
        }
        number = quire_page_node(policy->host.pages, number)->next;
    }
    return QUIRE_PAGE_NONE;
}

static bool quire_policy_fifo_check_(struct quire_policy *policy, uint32_t n)
{
    struct quire_page_ring *ring = &quire_policy_fifo_of_(policy)->ring;

    return ring->count == n && quire_page_ring_check(ring, policy->host.pages);
}

QUIRE_API struct quire_policy *quire_policy_fifo_init(struct quire_policy_fifo *fifo)
{
    static const struct quire_policy_ops ops QUIRE_RESIDENT_RO = {
        "fifo", quire_policy_fifo_insert_, quire_policy_fifo_remove_, quire_policy_fifo_victim_, quire_policy_fifo_check_,
    };

    QUIRE_MEMSET(fifo, 0, sizeof *fifo);
    fifo->base.ops = &ops;
    quire_page_ring_init(&fifo->ring);
    return &fifo->base;
}

QUIRE_END

#endif
