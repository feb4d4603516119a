/* quire/policy.h - replacement: the interface of a policy, and the ring of pages policies keep. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_POLICY_H
#define QUIRE_POLICY_H

#include "base.h"

/*
 * A policy decides which page to evict. It knows pages by number, keeps its own order of those it was given, and asks its
 * host (the pager) about a page: is it fixed just now, was it used, is it dirty. It is called with the pager's
 * lock held and neither sleeps, fails nor allocates. Ready: policy_fifo.h, policy_clock.h. To add one, embed `struct
 * quire_policy` in a struct of your own and fill a `struct quire_policy_ops`; policy_fifo.h is the shortest example.
 *
 *     hand                          insert puts a page behind the hand: it is the last that the hand reaches
 *      |
 *   -> p3 -> p9 -> p0 -> p4 -.
 *    `-----------------------'
 *
 * Invariant: a page is with the policy exactly while it is resident, not pinned, and could be evicted.
 */
QUIRE_BEGIN

/* ---- Pages by number ---- */

/* A page number is (segment, index): its top QUIRE_SEGMENT_BITS bits of 29 name the segment. It never changes. */
#define QUIRE_PAGE_NUMBER_BITS 29
#define QUIRE_PAGE_INDEX_BITS (QUIRE_PAGE_NUMBER_BITS - QUIRE_SEGMENT_BITS)
#define QUIRE_PAGE_NONE 0x1fffffffu /* no page: the last index of the last segment is never used */
#define QUIRE_SEGMENTS (1u << QUIRE_SEGMENT_BITS)
#define QUIRE_SEGMENT_PAGES_MAX ((1u << QUIRE_PAGE_INDEX_BITS) - 1u)

/* What a policy may keep with a page: two links and 6 bits. First member of struct quire_pmem. */
struct quire_policy_node {
    uint32_t prev : 29;
    uint32_t mark : 3; /* the policy's own */
    uint32_t next : 29;
    uint32_t queue : 3; /* the policy's own */
};

struct quire_page_segment {
    unsigned char *first; /* the struct quire_pmem of its first page */
    uint32_t npages;
    struct quire_pa pa; /* of its first page */
};

/* All pages of a pool, by number. */
struct quire_pages {
    size_t stride; /* bytes from one page's node to the next one's */
    uint32_t nsegments;
    /* Per segment: where page number 0 would have its node, and its address, if the segment reached down to it. */
    uintptr_t node_base[QUIRE_SEGMENTS];
    uint64_t pa_base[QUIRE_SEGMENTS];
    struct quire_page_segment segment[QUIRE_SEGMENTS];
};

/* The node of page `number`, which must exist. O(1). */
static inline QUIRE_RESIDENT struct quire_policy_node *quire_page_node(const struct quire_pages *pages, uint32_t number)
{
    return (struct quire_policy_node *)(pages->node_base[number >> QUIRE_PAGE_INDEX_BITS] + number * pages->stride);
}

/* ---- The host ---- */

#define QUIRE_PAGE_FIXED 1u /* may not be evicted now: held, in transit, or among the last pages of some thread */
#define QUIRE_PAGE_DIRTY 2u /* known to be dirty: eviction costs a save. Hardware may know of more: ask `dirty` */
#define QUIRE_PAGE_USED 4u  /* used since this was last asked (only from `age`) */

/* What the pager offers a policy. `ctx` is the first argument of every call. `age` and `clear` do their work only while the
 * policy is in `victim`. */
struct quire_policy_host {
    const struct quire_pages *pages;
    void *ctx;
    /* The count of evictions that `distance` is made of: modulo 2^QUIRE_PAGE_NUMBER_BITS, never 0 after the first. */
    const uint32_t *evictions;
    bool age_faults; /* asking `age` takes entries away: each used page that was asked costs a minor fault */
    /* QUIRE_PAGE_FIXED, QUIRE_PAGE_DIRTY. Changes nothing. O(1). */
    unsigned (*state)(void *ctx, uint32_t number);
    /* The same, and QUIRE_PAGE_USED if the page was used since this was last asked; a FIXED page is not asked. Without
     * hardware flags asking takes away its entries, so that the next use is seen as a fault. O(areas that show the page), O(1)
     * for one. */
    unsigned (*age)(void *ctx, uint32_t number);
    /* Forgets that the page was used, by the same means, although it may be among the last pages of some thread: to be
     * called at most once each time the page becomes resident, so that the thread gets on. False, and nothing is done, if it
     * is held or in transit. */
    bool (*clear)(void *ctx, uint32_t number);
    /* Is the page dirty? Also looks at its entries, where only the hardware knows; finding one that is, makes it known to
     * `state` and `age`. Nothing else changes, and the page stays mapped. Cost as `age`. */
    bool (*dirty)(void *ctx, uint32_t number);
};

/* ---- The policy ---- */

#define QUIRE_DISTANCE_UNKNOWN UINT32_MAX /* never evicted before, or too long ago to tell */

/* The questions about pages that are not fixed that one eviction may ask: what the policies here keep to. The pager's
 * QUIRE_OP_AGED_MAX holds as many. */
#define QUIRE_POLICY_LOOKS 32u
#define QUIRE_POLICY_VAIN_MAX (QUIRE_POLICY_LOOKS - 2u) /* looks less, as long as looking is in vain */

struct quire_policy;

struct quire_policy_ops {
    const char *name;
    /* Takes in a page that became resident (again). `distance`: evictions since this content was last evicted. */
    void (*insert)(struct quire_policy *policy, uint32_t number, uint32_t distance);
    /* Forgets a page it has. */
    void (*remove)(struct quire_policy *policy, uint32_t number);
    /* Proposes a page to evict: one it has, not fixed. It stays with the policy until the pager removes it. QUIRE_PAGE_NONE
     * only if all it has are fixed; finding that out may take O(pages), finding a victim looks at a bounded number of
     * pages that are not fixed. */
    uint32_t (*victim)(struct quire_policy *policy);
    /* Do its own structures hold, and does it have exactly `n` pages? O(n). */
    bool (*check)(struct quire_policy *policy, uint32_t n);
};

/* First member of every policy's own struct. */
struct quire_policy {
    const struct quire_policy_ops *ops;
    struct quire_policy_host host; /* the pager's to set, when it is initialised with this policy */
};

/* ---- A ring of pages, for policies to be made of ---- */

struct quire_page_ring {
    uint32_t hand; /* QUIRE_PAGE_NONE when empty */
    uint32_t count;
};

static inline void quire_page_ring_init(struct quire_page_ring *ring)
{
    ring->hand = QUIRE_PAGE_NONE;
    ring->count = 0;
}

/* Puts page `number`, on no ring, where the hand comes last. O(1). */
QUIRE_INLINE QUIRE_RESIDENT void quire_page_ring_insert(struct quire_page_ring *ring, const struct quire_pages *pages,
                                                        uint32_t number)
{
    struct quire_policy_node *node = quire_page_node(pages, number);

    if (ring->hand == QUIRE_PAGE_NONE) {
        node->prev = number & QUIRE_PAGE_NONE;
        node->next = number & QUIRE_PAGE_NONE;
        ring->hand = number;
    } else {
        struct quire_policy_node *after = quire_page_node(pages, ring->hand);

        node->prev = after->prev;
        node->next = ring->hand & QUIRE_PAGE_NONE;
        quire_page_node(pages, after->prev)->next = number & QUIRE_PAGE_NONE;
        after->prev = number & QUIRE_PAGE_NONE;
    }
    ring->count++;
}

/* Takes page `number` off the ring it is on; a hand that pointed at it moves to the next. O(1). */
QUIRE_INLINE QUIRE_RESIDENT void quire_page_ring_remove(struct quire_page_ring *ring, const struct quire_pages *pages,
                                                        uint32_t number)
{
    struct quire_policy_node *node = quire_page_node(pages, number);

    QUIRE_ASSERT(ring->count > 0);
    ring->count--;
    if (ring->count == 0) {
        ring->hand = QUIRE_PAGE_NONE;
        return;
    }
    quire_page_node(pages, node->prev)->next = node->next;
    quire_page_node(pages, node->next)->prev = node->prev;
    if (ring->hand == number) {
        ring->hand = node->next;
    }
}

/* Is it one ring of `count` pages whose links agree? O(count). */
QUIRE_API bool quire_page_ring_check(const struct quire_page_ring *ring, const struct quire_pages *pages)
    QUIRE_SYM(quire_page_ring_check);

/* Moves the hand one page on. The ring is not empty. O(1). */
static inline QUIRE_RESIDENT void quire_page_ring_advance(struct quire_page_ring *ring, const struct quire_pages *pages)
{
    ring->hand = quire_page_node(pages, ring->hand)->next;
}

/* Moves page `number` from the ring it is on to where the hand of another, or of the same, comes last. O(1). */
QUIRE_INLINE QUIRE_RESIDENT void quire_page_ring_move(struct quire_page_ring *from, struct quire_page_ring *to,
                                                      const struct quire_pages *pages, uint32_t number)
{
    quire_page_ring_remove(from, pages, number);
    quire_page_ring_insert(to, pages, number);
}

/* quire_page_ring_check, and do the bits `mask` of each page's `queue` say `queue`? For policies with several rings. O(count). */
QUIRE_API bool quire_page_ring_check_queue(const struct quire_page_ring *ring, const struct quire_pages *pages, unsigned mask,
                                           unsigned queue) QUIRE_SYM(quire_page_ring_check_queue);

/* ---- What a search for a victim keeps track of ---- */

/* One search through rings that are told apart by number. It ends: each page met is fixed, and counts for its ring, or costs a
 * look. */
struct quire_page_search {
    uint32_t looks;    /* left */
    uint32_t first;    /* the first page that could go and was passed over; QUIRE_PAGE_NONE: none yet */
    uint32_t fixed[4]; /* fixed pages met, per ring: a whole turn of nothing else means that nothing there can go */
};

/* Begins a search after `in_vain` searches in a row, the policy's count, that had to take the first page they passed over: where
 * all is in use looking is in vain, so it looks at that many pages less. */
static inline QUIRE_RESIDENT void quire_page_search_begin(struct quire_page_search *search, uint32_t in_vain)
{
    uint32_t i;

    search->looks = QUIRE_POLICY_LOOKS - in_vain;
    search->first = QUIRE_PAGE_NONE;
    for (i = 0; i < 4u; i++) {
        search->fixed[i] = 0;
    }
}

/* Ends a search that found page `number`. If that is the one it had passed over first it only came round: in vain. */
static inline QUIRE_RESIDENT void quire_page_search_found(const struct quire_page_search *search, uint32_t number,
                                                          uint32_t *in_vain)
{
    if (number != search->first) {
        *in_vain = 0;
    } else if (*in_vain < QUIRE_POLICY_VAIN_MAX) {
        ++*in_vain;
    }
}

/* Ends a search that found no page that had better go than another; returns the one to propose. */
static inline QUIRE_RESIDENT uint32_t quire_page_search_end(const struct quire_page_search *search, uint32_t *in_vain)
{
    if (search->first != QUIRE_PAGE_NONE && *in_vain < QUIRE_POLICY_VAIN_MAX) {
        ++*in_vain;
    }
    return search->first;
}

/* Is there anything left to be looked at on ring `i`? */
static inline QUIRE_RESIDENT bool quire_page_search_any(const struct quire_page_search *search,
                                                        const struct quire_page_ring *ring, uint32_t i)
{
    return search->fixed[i] < ring->count;
}

/* Page `number` could go, and is passed over. */
static inline QUIRE_RESIDENT void quire_page_search_pass(struct quire_page_search *search, uint32_t number)
{
    if (search->first == QUIRE_PAGE_NONE) {
        search->first = number;
    }
}

/* Is page `number`, about which `state` was answered, dirty? Asks only where that may tell more, and while looks are left. */
QUIRE_INLINE QUIRE_RESIDENT bool quire_page_search_dirty(struct quire_page_search *search, const struct quire_policy_host *host,
                                                         uint32_t number, unsigned state)
{
    if ((state & QUIRE_PAGE_DIRTY) != 0) {
        return true;
    }
    if (search->looks == 0) {
        return false;
    }
    search->looks--;
    return host->dirty(host->ctx, number);
}

QUIRE_END

#endif /* QUIRE_POLICY_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_POLICY_IMPLEMENTED)
#define QUIRE_POLICY_IMPLEMENTED

QUIRE_BEGIN

QUIRE_STATIC_ASSERT(sizeof(struct quire_policy_node) == 8, policy_node_is_8_bytes);

static bool quire_page_exists_(const struct quire_pages *pages, uint32_t number)
{
    uint32_t segment = number >> QUIRE_PAGE_INDEX_BITS;

    return segment < pages->nsegments && (number & QUIRE_SEGMENT_PAGES_MAX) < pages->segment[segment].npages;
}

QUIRE_API bool quire_page_ring_check(const struct quire_page_ring *ring, const struct quire_pages *pages)
{
    uint32_t number = ring->hand;
    uint32_t i;

    if ((ring->count == 0) != (number == QUIRE_PAGE_NONE)) {
        return false;
    }
    for (i = 0; i < ring->count; i++) {
        uint32_t next;

        if (!quire_page_exists_(pages, number) || (i > 0 && number == ring->hand)) {
            return false;
        }
        next = quire_page_node(pages, number)->next;
        if (!quire_page_exists_(pages, next) || quire_page_node(pages, next)->prev != number) {
            return false;
        }
        number = next;
    }
    return number == ring->hand;
}

QUIRE_API bool quire_page_ring_check_queue(const struct quire_page_ring *ring, const struct quire_pages *pages, unsigned mask,
                                           unsigned queue)
{
    uint32_t number = ring->hand;
    uint32_t i;

    if (!quire_page_ring_check(ring, pages)) {
        return false;
    }
    for (i = 0; i < ring->count; i++) {
        if ((quire_page_node(pages, number)->queue & mask) != queue) {
            return false;
        }
        number = quire_page_node(pages, number)->next;
    }
    return true;
}

QUIRE_END

#endif
