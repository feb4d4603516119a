/* quire/policy_2q.h - replacement policy: two queues, each with a young half and an aged old half. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_POLICY_2Q_H
#define QUIRE_POLICY_2Q_H

#include "policy.h"

/*
 * Two queues (Johnson and Shasha, 1994): "in" for what is new, "hot" for what proved itself. Ghosts are the slots of absent
 * pages: what comes back soon enough is hot at once. Each queue has a young half, whose pages are mapped and not asked, and an
 * old half: a page is asked when it grows old, which forgets its use, and again at its end. What was used in between is hot
 * and young again; the rest goes.
 *
 *     new --> in: young --asked--> old --unused--> evicted --back soon--.
 *                                   `--used--.                         |
 *            hot: young <-----<--------------'------------------<-----'
 *                   `--asked--> old --used--> young again; unused: evicted
 *
 * The first use of a page proves nothing, and nothing special is done for that: growing old forgets it. A page that is dirty
 * at its end is spared once: it is young again in its queue.
 *
 * Invariant: `queue` says which half of which queue a page is on; every page is on one.
 */
QUIRE_BEGIN

struct quire_policy_2q {
    struct quire_policy base;
    struct quire_page_ring half[4]; /* young in, old in, young hot, old hot */
    /* Set by init; may be changed at any time between operations. Shares are of the policy's pages, in 1/256. */
    uint32_t share; /* that "in" may have before "hot" is looked at */
    uint32_t ghost; /* the distance below which a page is hot at once */
    uint32_t old;   /* the old half's share of its queue */
    uint32_t spare; /* 0: dirty pages are not spared */

    uint32_t in_vain; /* the latest evictions that found nothing better than the first page they passed over */
};

/* Makes `twoq` ready to be given to quire_pager_init. O(1). */
QUIRE_API struct quire_policy *quire_policy_2q_init(struct quire_policy_2q *twoq) QUIRE_SYM(quire_policy_2q_init);

QUIRE_END

#endif /* QUIRE_POLICY_2Q_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_POLICY_2Q_IMPLEMENTED)
#define QUIRE_POLICY_2Q_IMPLEMENTED

QUIRE_BEGIN

/* Bits of a page's `queue`, and so of the index into `half`. */
#define QUIRE_2Q_OLD_ 1u
#define QUIRE_2Q_HOT_ 2u
#define QUIRE_2Q_HALF_ 3u
#define QUIRE_2Q_SPARED_ 4u

static QUIRE_RESIDENT struct quire_policy_2q *quire_policy_2q_of_(struct quire_policy *policy)
{
    return QUIRE_CONTAINER_OF(policy, struct quire_policy_2q, base);
}

/* Pages of the "in" or the "hot" queue. */
static QUIRE_RESIDENT uint32_t quire_policy_2q_count_(const struct quire_policy_2q *twoq, unsigned hot)
{
    return twoq->half[hot].count + twoq->half[hot | QUIRE_2Q_OLD_].count;
}

static QUIRE_RESIDENT void quire_policy_2q_insert_(struct quire_policy *policy, uint32_t number, uint32_t distance)
{
    struct quire_policy_2q *twoq = quire_policy_2q_of_(policy);
    struct quire_policy_node *node = quire_page_node(policy->host.pages, number);
    uint64_t pages = (uint64_t)quire_policy_2q_count_(twoq, 0) + quire_policy_2q_count_(twoq, QUIRE_2Q_HOT_) + 1u;
    unsigned queue = distance != QUIRE_DISTANCE_UNKNOWN && distance < pages * twoq->ghost >> 8 ? QUIRE_2Q_HOT_ : 0;

    node->mark = 0;
    node->queue = queue & 7u;
    quire_page_ring_insert(&twoq->half[queue], policy->host.pages, number);
}

static QUIRE_RESIDENT void quire_policy_2q_remove_(struct quire_policy *policy, uint32_t number)
{
    struct quire_policy_2q *twoq = quire_policy_2q_of_(policy);

    quire_page_ring_remove(&twoq->half[quire_page_node(policy->host.pages, number)->queue & QUIRE_2Q_HALF_], policy->host.pages,
                           number);
}

/* Puts page `number` at the end of another half. */
static QUIRE_RESIDENT void quire_policy_2q_move_(struct quire_policy_2q *twoq, uint32_t number, unsigned half)
{
    const struct quire_pages *pages = twoq->base.host.pages;
    struct quire_policy_node *node = quire_page_node(pages, number);

    quire_page_ring_move(&twoq->half[node->queue & QUIRE_2Q_HALF_], &twoq->half[half], pages, number);
    node->queue = ((node->queue & QUIRE_2Q_SPARED_) | half) & 7u;
}

/* The half to look at next: the young one of a queue whose old one is too short. 4: all are fixed. */
static QUIRE_RESIDENT unsigned quire_policy_2q_half_(const struct quire_policy_2q *twoq, const struct quire_page_search *search)
{
    uint64_t in = quire_policy_2q_count_(twoq, 0);
    uint64_t hot = quire_policy_2q_count_(twoq, QUIRE_2Q_HOT_);
    unsigned first = in > (in + hot) * twoq->share >> 8 ? 0 : QUIRE_2Q_HOT_;
    unsigned i;

    for (i = 0; i < 2u; i++) {
        unsigned queue = first ^ (i == 0 ? 0 : QUIRE_2Q_HOT_);
        const struct quire_page_ring *young = &twoq->half[queue];
        const struct quire_page_ring *old = &twoq->half[queue | QUIRE_2Q_OLD_];
        bool any_young = quire_page_search_any(search, young, queue);
        bool any_old = quire_page_search_any(search, old, queue | QUIRE_2Q_OLD_);

        if (any_young && (!any_old || old->count < (uint64_t)quire_policy_2q_count_(twoq, queue) * twoq->old >> 8)) {
            return queue;
        }
        if (any_old) {
            return queue | QUIRE_2Q_OLD_;
        }
    }
    return 4u;
}

/* What becomes of page `number` of `half`, which could go and about which `state` was answered? True: it is the victim. */
static QUIRE_RESIDENT bool quire_policy_2q_judge_(struct quire_policy_2q *twoq, unsigned half, uint32_t number, unsigned state,
                                                  struct quire_page_search *search)
{
    const struct quire_policy_host *host = &twoq->base.host;
    struct quire_policy_node *node = quire_page_node(host->pages, number);

    if ((half & QUIRE_2Q_OLD_) == 0) {
        quire_policy_2q_move_(twoq, number, half | QUIRE_2Q_OLD_);
    } else if ((state & QUIRE_PAGE_USED) != 0) {
        quire_policy_2q_move_(twoq, number, QUIRE_2Q_HOT_);
    } else if (twoq->spare != 0 && (node->queue & QUIRE_2Q_SPARED_) == 0 &&
               quire_page_search_dirty(search, host, number, state)) {
        node->queue = (node->queue | QUIRE_2Q_SPARED_) & 7u;
        quire_policy_2q_move_(twoq, number, half & QUIRE_2Q_HOT_);
    } else {
        return true;
    }
    return false;
}

static QUIRE_RESIDENT uint32_t quire_policy_2q_victim_(struct quire_policy *policy)
{
    struct quire_policy_2q *twoq = quire_policy_2q_of_(policy);
    const struct quire_policy_host *host = &policy->host;
    struct quire_page_search search;
    unsigned half;

    quire_page_search_begin(&search, twoq->in_vain);
    while (search.looks != 0 && (half = quire_policy_2q_half_(twoq, &search)) != 4u) {
        uint32_t number = twoq->half[half].hand;
        unsigned state = host->age(host->ctx, number);

        if ((state & QUIRE_PAGE_FIXED) != 0) {
            search.fixed[half]++;
            quire_page_ring_advance(&twoq->half[half], host->pages);
            continue;
        }
        search.looks--;
        if (quire_policy_2q_judge_(twoq, half, number, state, &search)) {
            quire_page_search_found(&search, number, &twoq->in_vain);
            return number;
        }
        quire_page_search_pass(&search, number);
    }
    return quire_page_search_end(&search, &twoq->in_vain);
}

static bool quire_policy_2q_check_(struct quire_policy *policy, uint32_t n)
{
    struct quire_policy_2q *twoq = quire_policy_2q_of_(policy);
    unsigned i;

    for (i = 0; i < 4u; i++) {
        if (!quire_page_ring_check_queue(&twoq->half[i], policy->host.pages, QUIRE_2Q_HALF_, i)) {
            return false;
        }
    }
    return (uint64_t)quire_policy_2q_count_(twoq, 0) + quire_policy_2q_count_(twoq, QUIRE_2Q_HOT_) == n;
}

QUIRE_API struct quire_policy *quire_policy_2q_init(struct quire_policy_2q *twoq)
{
    static const struct quire_policy_ops ops QUIRE_RESIDENT_RO = {
        "2q", quire_policy_2q_insert_, quire_policy_2q_remove_, quire_policy_2q_victim_, quire_policy_2q_check_,
    };
    unsigned i;

    QUIRE_MEMSET(twoq, 0, sizeof *twoq);
    twoq->base.ops = &ops;
    for (i = 0; i < 4u; i++) {
        quire_page_ring_init(&twoq->half[i]);
    }
    twoq->share = 26u; /* 0.1 */
    twoq->ghost = 64u;
    twoq->old = 128u;
    twoq->spare = 1u;
    return &twoq->base;
}

QUIRE_END

#endif
