/* quire/policy_refault.h - replacement policy: probation and main ring, judged by refault distances. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_POLICY_REFAULT_H
#define QUIRE_POLICY_REFAULT_H

#include "policy.h"

/*
 * The one to take unless you know better (README, "When memory is short"). Pages come in on probation; those used again there are
 * kept on the main ring, which is a CLOCK that counts.
 *
 *     never seen, or     .-> probation --used again--> main -.
 *     evicted long ago --'      |                       |    | used: a chance more, at most `chances`
 *     evicted lately, not idle on main ----------> .----'<---'
 *                               v                  v
 *                            evicted            evicted            dirty, and not spared yet: to the end of main
 *
 * What it learns from refaults, whose distance (evictions since this content was evicted) slots remember for nothing; the last
 * 512 evictions are remembered as well, two bits each:
 *
 * - Who goes to main at once: what was away for less than part of a turn of main's hand, since everything the hand evicts was idle
 *   for a whole turn. The idea is LIRS's, Jiang and Zhang 2002; the turn of a hand stands in for its stack.
 * - Who does not, however soon: what main had evicted without having found it used since it was put there (or, spared for being
 *   dirty, put at its end again). Coming to main did it no good, so it begins again on probation; else a loop a little longer than
 *   memory would go round and round through main, each page evicted just before its use. Now main's hand nearly stands still in
 *   every loop, and most of what fits stays and is hit each time round, where LRU and CLOCK miss everything.
 * - How much is on probation: a page that comes back soon after it was evicted there asks for more, one evicted from main for
 *   less (ARC's, Megiddo and Modha 2003), and one that comes back later than that, and does not go to main, for a very little
 *   less: neither ring would have kept it, and in a loop it is main that hits.
 *
 * The first use of a page proves nothing: the access that is retried after a fault always marks it. On probation it costs the
 * page's turn, no question more; on main it is no use.
 *
 * Where asking a used page costs a fault (no accessed flags), main passes over it without asking the next `chances` times.
 *
 * Invariant: `queue` says which ring a page is on; every page is on one.
 */
QUIRE_BEGIN

#define QUIRE_POLICY_REFAULT_HISTORY 512u /* evictions whose ring is remembered; a power of 2 */

struct quire_policy_refault {
    struct quire_policy base;
    struct quire_page_ring probation;
    struct quire_page_ring main;

    /* Set by init; may be changed at any time between operations. Shares are of the policy's pages, in 1/65536. */
    uint32_t share;     /* on probation, as far as it has learned */
    uint32_t share_min; /* limits of it */
    uint32_t share_max;
    uint32_t grow;      /* added to it when a page comes back that was evicted on probation */
    uint32_t shrink;    /* taken from it when one comes back that was evicted from main */
    uint32_t late;      /* taken from it when one comes back later than `soon` says, and does not go to main */
    uint32_t soon;      /* the distance, as a share of the pages, below which coming back teaches the first two */
    uint32_t near;      /* the part of a turn, in 1/256, below which a refault goes to main */
    uint32_t chances;   /* turns that a page found used stays on main, counted up by use; 0..3, more is 3 */
    uint32_t main_used; /* used pages of main that one eviction passes over before it makes do with probation */
    uint32_t spare;     /* 0: dirty pages are not spared */

    /* The turn of main's hand. */
    uint32_t turn_began; /* the count of evictions then */
    uint32_t turn_took;  /* evictions during the turn before */
    uint32_t turn_left;  /* pages to go */

    uint32_t in_vain; /* the latest evictions that found nothing better than to take the first page they passed over */
    uint32_t history[QUIRE_POLICY_REFAULT_HISTORY / 16u]; /* per eviction, by its count: QUIRE_REFAULT_FROM_MAIN_, ..._IDLE_ */
};

/* Makes `refault` ready to be given to quire_pager_init. O(1). */
QUIRE_API struct quire_policy *quire_policy_refault_init(struct quire_policy_refault *refault)
    QUIRE_SYM(quire_policy_refault_init);

QUIRE_END

#endif /* QUIRE_POLICY_REFAULT_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_POLICY_REFAULT_IMPLEMENTED)
#define QUIRE_POLICY_REFAULT_IMPLEMENTED

QUIRE_BEGIN

/* Bits of a page's `queue`. */
#define QUIRE_REFAULT_MAIN_ 1u   /* on the main ring */
#define QUIRE_REFAULT_SEEN_ 2u   /* its first use was seen */
#define QUIRE_REFAULT_SPARED_ 4u /* it was dirty when its turn came, and spared */

/* Its `mark`: this and the chances left, once it was found used, after its first use, since it was put at the end of main; before
 * that 0. */
#define QUIRE_REFAULT_PROVEN_ 4u

/* What `history` keeps of an eviction; 0: it was on probation. */
#define QUIRE_REFAULT_FROM_MAIN_ 1u
#define QUIRE_REFAULT_FROM_IDLE_ 2u /* as well: it was not found used there */

#define QUIRE_REFAULT_COUNT_MASK_ ((1u << QUIRE_PAGE_NUMBER_BITS) - 1u)

static QUIRE_RESIDENT struct quire_policy_refault *quire_policy_refault_of_(struct quire_policy *policy)
{
    return QUIRE_CONTAINER_OF(policy, struct quire_policy_refault, base);
}

/* `share` of the pages that the policy has. */
static QUIRE_RESIDENT uint32_t quire_policy_refault_pages_(const struct quire_policy_refault *refault, uint32_t share)
{
    return (uint32_t)(((uint64_t)refault->probation.count + refault->main.count) * share >> 16);
}

/* Evictions that the hand of main takes, or took, for a turn: a turn that is under way counts once it is the longer one. */
static QUIRE_RESIDENT uint32_t quire_policy_refault_turn_(const struct quire_policy_refault *refault)
{
    uint32_t so_far = (*refault->base.host.evictions - refault->turn_began) & QUIRE_REFAULT_COUNT_MASK_;

    return so_far > refault->turn_took ? so_far : refault->turn_took;
}

/* The hand of main moves on. */
static QUIRE_RESIDENT void quire_policy_refault_step_(struct quire_policy_refault *refault)
{
    const struct quire_policy_host *host = &refault->base.host;

    if (refault->turn_left == 0) {
        refault->turn_took = (*host->evictions - refault->turn_began) & QUIRE_REFAULT_COUNT_MASK_;
        refault->turn_began = *host->evictions;
        refault->turn_left = refault->main.count;
    }
    refault->turn_left--;
}

/* What is known of the eviction `distance` evictions ago: a hint, as while a dirty page is saved another's eviction may take its
 * place in the history. */
static QUIRE_RESIDENT unsigned quire_policy_refault_from_(const struct quire_policy_refault *refault, uint32_t distance)
{
    uint32_t at = (*refault->base.host.evictions - 1u - distance) % QUIRE_POLICY_REFAULT_HISTORY;

    return distance < QUIRE_POLICY_REFAULT_HISTORY ? refault->history[at / 16u] >> at % 16u * 2u & 3u : 0;
}

/* Probation is to have `less` of the pages less. */
static QUIRE_RESIDENT void quire_policy_refault_shrink_(struct quire_policy_refault *refault, uint32_t less)
{
    refault->share = refault->share >= refault->share_min + less ? refault->share - less : refault->share_min;
}

/* A page came back `distance` evictions after it was evicted, `from` there; `near`: it goes to main. */
static QUIRE_RESIDENT void quire_policy_refault_learn_(struct quire_policy_refault *refault, uint32_t distance, unsigned from,
                                                       bool near)
{
    if (distance >= QUIRE_POLICY_REFAULT_HISTORY || distance >= quire_policy_refault_pages_(refault, refault->soon)) {
        if (!near) {
            quire_policy_refault_shrink_(refault, refault->late);
        }
    } else if (from != 0) {
        quire_policy_refault_shrink_(refault, refault->shrink);
    } else {
        refault->share += refault->grow;
        if (refault->share > refault->share_max) {
            refault->share = refault->share_max;
        }
    }
}

static QUIRE_RESIDENT void quire_policy_refault_insert_(struct quire_policy *policy, uint32_t number, uint32_t distance)
{
    struct quire_policy_refault *refault = quire_policy_refault_of_(policy);
    struct quire_policy_node *node = quire_page_node(policy->host.pages, number);
    bool near = false;

    if (distance != QUIRE_DISTANCE_UNKNOWN) {
        unsigned from = quire_policy_refault_from_(refault, distance);

        near = (from & QUIRE_REFAULT_FROM_IDLE_) == 0 &&
               distance < (uint64_t)quire_policy_refault_turn_(refault) * refault->near >> 8;
        quire_policy_refault_learn_(refault, distance, from, near);
    }
    node->mark = 0;
    node->queue = near ? QUIRE_REFAULT_MAIN_ : 0;
    quire_page_ring_insert(near ? &refault->main : &refault->probation, policy->host.pages, number);
}

static QUIRE_RESIDENT void quire_policy_refault_remove_(struct quire_policy *policy, uint32_t number)
{
    struct quire_policy_refault *refault = quire_policy_refault_of_(policy);
    const struct quire_policy_node *node = quire_page_node(policy->host.pages, number);
    bool main = (node->queue & QUIRE_REFAULT_MAIN_) != 0;
    uint32_t at = *policy->host.evictions % QUIRE_POLICY_REFAULT_HISTORY; /* if it is evicted, this is its count less 1 */
    uint32_t *history = &refault->history[at / 16u];
    uint32_t from = 0;

    if (main) {
        from = QUIRE_REFAULT_FROM_MAIN_ | ((node->mark & QUIRE_REFAULT_PROVEN_) == 0 ? QUIRE_REFAULT_FROM_IDLE_ : 0);
    }
    *history = (*history & ~((uint32_t)3u << at % 16u * 2u)) | from << at % 16u * 2u;
    quire_page_ring_remove(main ? &refault->main : &refault->probation, policy->host.pages, number);
}

/* Puts page `number` of `from` at the end of main. */
static QUIRE_RESIDENT void quire_policy_refault_to_main_(struct quire_policy_refault *refault, struct quire_page_ring *from,
                                                         uint32_t number)
{
    struct quire_policy_node *node = quire_page_node(refault->base.host.pages, number);

    node->mark = 0;
    node->queue = (node->queue | QUIRE_REFAULT_MAIN_) & 7u;
    quire_page_ring_move(from, &refault->main, refault->base.host.pages, number);
}

/* A page of main was used that has had less than `most` uses counted. */
static QUIRE_RESIDENT void quire_policy_refault_used_(const struct quire_policy_refault *refault,
                                                      struct quire_policy_node *node, uint32_t most)
{
    if (refault->base.host.age_faults) {
        node->mark = (QUIRE_REFAULT_PROVEN_ + most) & 7u;
    } else if (node->mark == 0) {
        node->mark = (QUIRE_REFAULT_PROVEN_ + (most != 0)) & 7u;
    } else {
        node->mark = (node->mark + 1u) & 7u;
    }
}

/* What becomes of page `number` at the hand of `ring`, which could go and about which `state` was answered? True: it is the
 * victim. */
static QUIRE_RESIDENT bool quire_policy_refault_judge_(struct quire_policy_refault *refault, struct quire_page_ring *ring,
                                                       uint32_t number, unsigned state, struct quire_page_search *search)
{
    const struct quire_policy_host *host = &refault->base.host;
    struct quire_policy_node *node = quire_page_node(host->pages, number);
    uint32_t chances = refault->chances < 3u ? refault->chances : 3u;

    if ((state & QUIRE_PAGE_USED) != 0) {
        if ((node->queue & QUIRE_REFAULT_SEEN_) == 0) {
            node->queue = (node->queue | QUIRE_REFAULT_SEEN_) & 7u;
        } else if (ring != &refault->main) {
            quire_policy_refault_to_main_(refault, ring, number);
            return false;
        } else if (node->mark < QUIRE_REFAULT_PROVEN_ + chances) {
            quire_policy_refault_used_(refault, node, chances);
        }
    } else if (node->mark > QUIRE_REFAULT_PROVEN_ && !host->age_faults) {
        node->mark = (node->mark - 1u) & 7u;
    } else if (refault->spare != 0 && (node->queue & QUIRE_REFAULT_SPARED_) == 0 &&
               quire_page_search_dirty(search, host, number, state)) {
        node->queue = (node->queue | QUIRE_REFAULT_SPARED_) & 7u;
        quire_policy_refault_to_main_(refault, ring, number);
        return false;
    } else {
        return true;
    }
    quire_page_ring_advance(ring, host->pages);
    return false;
}

/* The ring to look at next; null if all on both is fixed. */
static QUIRE_RESIDENT struct quire_page_ring *quire_policy_refault_ring_(struct quire_policy_refault *refault,
                                                                         const struct quire_page_search *search, uint32_t used)
{
    bool probation = quire_page_search_any(search, &refault->probation, 0);

    if (!quire_page_search_any(search, &refault->main, 1)) {
        return probation ? &refault->probation : NULL;
    }
    return probation && (used >= refault->main_used ||
                         refault->probation.count > quire_policy_refault_pages_(refault, refault->share))
               ? &refault->probation
               : &refault->main;
}

static QUIRE_RESIDENT uint32_t quire_policy_refault_victim_(struct quire_policy *policy)
{
    struct quire_policy_refault *refault = quire_policy_refault_of_(policy);
    const struct quire_policy_host *host = &policy->host;
    struct quire_page_search search;
    struct quire_page_ring *ring;
    uint32_t used = 0; /* pages of main */

    quire_page_search_begin(&search, refault->in_vain);
    while (search.looks != 0 && (ring = quire_policy_refault_ring_(refault, &search, used)) != NULL) {
        bool main = ring == &refault->main;
        uint32_t number = ring->hand;
        struct quire_policy_node *node = quire_page_node(host->pages, number);
        bool unasked = false; /* its use is taken for granted */
        unsigned state;

        if (main) {
            quire_policy_refault_step_(refault);
            unasked = host->age_faults && node->mark > QUIRE_REFAULT_PROVEN_;
        }
        state = unasked ? host->state(host->ctx, number) : host->age(host->ctx, number);
        if ((state & QUIRE_PAGE_FIXED) != 0) {
            search.fixed[main]++;
            quire_page_ring_advance(ring, host->pages);
            continue;
        }
        search.looks--;
        if (unasked) {
            node->mark = (node->mark - 1u) & 7u;
            quire_page_ring_advance(ring, host->pages);
        } else if (quire_policy_refault_judge_(refault, ring, number, state, &search)) {
            /* Also where it came round to the first it passed: stopping earlier for that, as other policies do, lost more in
             * `bench/run policy` than it won in `bench/run pager`. */
            refault->in_vain = 0;
            return number;
        }
        quire_page_search_pass(&search, number);
        used += main && (state & QUIRE_PAGE_USED) != 0;
    }
    return quire_page_search_end(&search, &refault->in_vain);
}

static bool quire_policy_refault_check_(struct quire_policy *policy, uint32_t n)
{
    struct quire_policy_refault *refault = quire_policy_refault_of_(policy);

    return (uint64_t)refault->probation.count + refault->main.count == n &&
           quire_page_ring_check_queue(&refault->probation, policy->host.pages, QUIRE_REFAULT_MAIN_, 0) &&
           quire_page_ring_check_queue(&refault->main, policy->host.pages, QUIRE_REFAULT_MAIN_, QUIRE_REFAULT_MAIN_);
}

QUIRE_API struct quire_policy *quire_policy_refault_init(struct quire_policy_refault *refault)
{
    static const struct quire_policy_ops ops QUIRE_RESIDENT_RO = {
        "refault",
        quire_policy_refault_insert_,
        quire_policy_refault_remove_,
        quire_policy_refault_victim_,
        quire_policy_refault_check_,
    };

    QUIRE_MEMSET(refault, 0, sizeof *refault);
    refault->base.ops = &ops;
    quire_page_ring_init(&refault->probation);
    quire_page_ring_init(&refault->main);
    refault->share = 26214u; /* 0.4 */
    refault->share_min = 3072u;
    refault->share_max = 32768u;
    refault->grow = 400u;
    refault->shrink = 640u;
    refault->late = 10u;
    refault->soon = 6554u; /* 0.1 */
    refault->near = 128u;
    refault->chances = 2u;
    refault->main_used = 10u;
    refault->spare = 1u;
    return &refault->base;
}

QUIRE_END

#endif
