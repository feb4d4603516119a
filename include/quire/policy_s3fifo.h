/* quire/policy_s3fifo.h - replacement policy: S3-FIFO with lazy clear, dirty pages spared once. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_POLICY_S3FIFO_H
#define QUIRE_POLICY_S3FIFO_H

#include "policy.h"

/*
 * Three queues (Yang and others, SOSP 2023): a small one that every new page passes through, a main one for those that were
 * used meanwhile, and ghosts, which are the slots of absent pages: what comes back after fewer evictions than half the pages
 * goes to main at once. (The paper has as many ghosts as main has pages; half is worth more for programs' pages.)
 *
 *     new --> small --unused--> evicted --back in time--> main --unused, count 0--> evicted
 *                `----used---------------------------------^ `--used: count up, unused: count down--'
 *
 * The access that is retried after a fault always marks the page just loaded: that mark is cleared once, at the next eviction
 * ("lazy clear"). A page that is dirty when its turn comes goes to the end of its queue, once.
 *
 * Invariant: `queue` says which ring a page is on; every page is on one.
 */
QUIRE_BEGIN

struct quire_policy_s3fifo {
    struct quire_policy base;
    struct quire_page_ring small;
    struct quire_page_ring main;
    uint32_t newest;  /* inserted last, its mark not yet cleared; QUIRE_PAGE_NONE: none */
    uint32_t in_vain; /* the latest evictions that found nothing better than the first page they passed over */
    /* Set by init; may be changed at any time between operations. */
    uint32_t share; /* of the pages that small may have before main is looked at, in 1/65536 */
    uint32_t ghost; /* the distance below which a page goes to main, as a share of the pages, in 1/256 */
    uint32_t uses;  /* to which uses are counted; 0..7 */
    uint32_t spare; /* 0: dirty pages are not spared */
};

/* Makes `s3fifo` ready to be given to quire_pager_init. O(1). */
QUIRE_API struct quire_policy *quire_policy_s3fifo_init(struct quire_policy_s3fifo *s3fifo) QUIRE_SYM(quire_policy_s3fifo_init);

QUIRE_END

#endif /* QUIRE_POLICY_S3FIFO_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_POLICY_S3FIFO_IMPLEMENTED)
#define QUIRE_POLICY_S3FIFO_IMPLEMENTED

QUIRE_BEGIN

/* Bits of a page's `queue`; `mark` counts its uses. */
#define QUIRE_S3FIFO_MAIN_ 1u
#define QUIRE_S3FIFO_SPARED_ 2u

static QUIRE_RESIDENT struct quire_policy_s3fifo *quire_policy_s3fifo_of_(struct quire_policy *policy)
{
    return QUIRE_CONTAINER_OF(policy, struct quire_policy_s3fifo, base);
}

static QUIRE_RESIDENT void quire_policy_s3fifo_insert_(struct quire_policy *policy, uint32_t number, uint32_t distance)
{
    struct quire_policy_s3fifo *s3fifo = quire_policy_s3fifo_of_(policy);
    struct quire_policy_node *node = quire_page_node(policy->host.pages, number);
    uint64_t pages = (uint64_t)s3fifo->small.count + s3fifo->main.count + 1u;
    bool main = distance != QUIRE_DISTANCE_UNKNOWN && distance < pages * s3fifo->ghost >> 8;

    node->mark = 0;
    node->queue = main ? QUIRE_S3FIFO_MAIN_ : 0;
    quire_page_ring_insert(main ? &s3fifo->main : &s3fifo->small, policy->host.pages, number);
    s3fifo->newest = number;
}

static QUIRE_RESIDENT void quire_policy_s3fifo_remove_(struct quire_policy *policy, uint32_t number)
{
    struct quire_policy_s3fifo *s3fifo = quire_policy_s3fifo_of_(policy);
    bool main = (quire_page_node(policy->host.pages, number)->queue & QUIRE_S3FIFO_MAIN_) != 0;

    if (s3fifo->newest == number) {
        s3fifo->newest = QUIRE_PAGE_NONE;
    }
    quire_page_ring_remove(main ? &s3fifo->main : &s3fifo->small, policy->host.pages, number);
}

/* What becomes of page `number` at the hand of `ring`, which could go and about which `state` was answered? True: it is the
 * victim. */
static QUIRE_RESIDENT bool quire_policy_s3fifo_judge_(struct quire_policy_s3fifo *s3fifo, struct quire_page_ring *ring,
                                                      uint32_t number, unsigned state, struct quire_page_search *search)
{
    const struct quire_policy_host *host = &s3fifo->base.host;
    struct quire_policy_node *node = quire_page_node(host->pages, number);

    if ((state & QUIRE_PAGE_USED) != 0 && ring != &s3fifo->main) {
        node->queue = (node->queue | QUIRE_S3FIFO_MAIN_) & 7u;
        quire_page_ring_move(ring, &s3fifo->main, host->pages, number);
        return false;
    }
    if ((state & QUIRE_PAGE_USED) != 0) {
        node->mark = (node->mark < s3fifo->uses ? node->mark + 1u : node->mark) & 7u;
    } else if (node->mark != 0) {
        node->mark = (node->mark - 1u) & 7u;
    } else if (s3fifo->spare != 0 && (node->queue & QUIRE_S3FIFO_SPARED_) == 0 &&
               quire_page_search_dirty(search, host, number, state)) {
        node->queue = (node->queue | QUIRE_S3FIFO_SPARED_) & 7u;
    } else {
        return true;
    }
    quire_page_ring_advance(ring, host->pages);
    return false;
}

/* The ring to look at next; null if all on both is fixed. */
static QUIRE_RESIDENT struct quire_page_ring *quire_policy_s3fifo_ring_(struct quire_policy_s3fifo *s3fifo,
                                                                        const struct quire_page_search *search)
{
    uint64_t pages = (uint64_t)s3fifo->small.count + s3fifo->main.count;
    bool small = quire_page_search_any(search, &s3fifo->small, 0);

    if (!quire_page_search_any(search, &s3fifo->main, 1)) {
        return small ? &s3fifo->small : NULL;
    }
    return small && s3fifo->small.count > pages * s3fifo->share >> 16 ? &s3fifo->small : &s3fifo->main;
}

static QUIRE_RESIDENT uint32_t quire_policy_s3fifo_victim_(struct quire_policy *policy)
{
    struct quire_policy_s3fifo *s3fifo = quire_policy_s3fifo_of_(policy);
    const struct quire_policy_host *host = &policy->host;
    struct quire_page_search search;
    struct quire_page_ring *ring;

    quire_page_search_begin(&search, s3fifo->in_vain);
    if (s3fifo->newest != QUIRE_PAGE_NONE) {
        search.looks--;
        if (host->clear(host->ctx, s3fifo->newest)) {
            s3fifo->newest = QUIRE_PAGE_NONE;
        }
    }
    while (search.looks != 0 && (ring = quire_policy_s3fifo_ring_(s3fifo, &search)) != NULL) {
        uint32_t number = ring->hand;
        unsigned state = host->age(host->ctx, number);

        if ((state & QUIRE_PAGE_FIXED) != 0) {
            search.fixed[ring == &s3fifo->main]++;
            quire_page_ring_advance(ring, host->pages);
            continue;
        }
        search.looks--;
        if (quire_policy_s3fifo_judge_(s3fifo, ring, number, state, &search)) {
            quire_page_search_found(&search, number, &s3fifo->in_vain);
            return number;
        }
        quire_page_search_pass(&search, number);
    }
    return quire_page_search_end(&search, &s3fifo->in_vain);
}

static bool quire_policy_s3fifo_check_(struct quire_policy *policy, uint32_t n)
{
    struct quire_policy_s3fifo *s3fifo = quire_policy_s3fifo_of_(policy);

    return (uint64_t)s3fifo->small.count + s3fifo->main.count == n &&
           quire_page_ring_check_queue(&s3fifo->small, policy->host.pages, QUIRE_S3FIFO_MAIN_, 0) &&
           quire_page_ring_check_queue(&s3fifo->main, policy->host.pages, QUIRE_S3FIFO_MAIN_, QUIRE_S3FIFO_MAIN_);
}

QUIRE_API struct quire_policy *quire_policy_s3fifo_init(struct quire_policy_s3fifo *s3fifo)
{
    static const struct quire_policy_ops ops QUIRE_RESIDENT_RO = {
        "s3fifo",
        quire_policy_s3fifo_insert_,
        quire_policy_s3fifo_remove_,
        quire_policy_s3fifo_victim_,
        quire_policy_s3fifo_check_,
    };

    QUIRE_MEMSET(s3fifo, 0, sizeof *s3fifo);
    s3fifo->base.ops = &ops;
    quire_page_ring_init(&s3fifo->small);
    quire_page_ring_init(&s3fifo->main);
    s3fifo->newest = QUIRE_PAGE_NONE;
    s3fifo->share = 6554u; /* 0.1 */
    s3fifo->ghost = 128u;
    s3fifo->uses = 3u;
    s3fifo->spare = 1u;
    return &s3fifo->base;
}

QUIRE_END

#endif
