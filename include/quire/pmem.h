/* quire/pmem.h - physical pages: the pool, their states, and the chain of pages each fobj holds. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_PMEM_H
#define QUIRE_PMEM_H

#include "account.h"
#include "base.h"
#include "fobj.h"
#include "policy.h"

/*
 * One struct quire_pmem per physical page of the pool, supplied by the user in arrays ("segments") that may be added at run
 * time. A page's number is (segment, index); number, struct and physical address follow from one another in O(1).
 *
 *     FREE ---> LOADING ---> RESIDENT <---> FLUSHING, SAVING ---> FREE <---> OFFLINE (the user has it: resize.h)
 *                                 \______________________________> QUARANTINED (an MMU or a store holds on to it)
 *
 * These are data structures only; the pager (pager.h) moves pages between states. Everything here is called with the
 * pager's lock held, and neither sleeps nor fails unless it says so.
 *
 * Invariants: a (fobj, page index) has at most one pmem and a pmem at most one (fobj, page index); every page is in exactly
 * one state, and the pool's counts per state add up to its pages.
 */
QUIRE_BEGIN

struct quire_area; /* area.h */

enum quire_page_state {
    QUIRE_PAGE_FREE,
    QUIRE_PAGE_LOADING, /* busy: the store is filling it */
    QUIRE_PAGE_RESIDENT,
    QUIRE_PAGE_FLUSHING,    /* busy: its entries changed and are being flushed without the lock */
    QUIRE_PAGE_SAVING,      /* busy: the store is reading it; it has no entries */
    QUIRE_PAGE_QUARANTINED, /* not to be touched until an MMU, or a store that was late (request.h), lets go of it */
    QUIRE_PAGE_OFFLINE,     /* out of circulation: its memory is the user's, its number stays */
    QUIRE_PAGE_STATES
};

#define QUIRE_PMEM_DIRTY 1u      /* its content is nowhere else */
#define QUIRE_PMEM_ACCESSED 2u   /* used since the policy last asked, where no hardware flag tells */
#define QUIRE_PMEM_SYNCED 4u     /* sync_code was done for this content */
#define QUIRE_PMEM_STORED 8u     /* the store was given this page at some time (the slot's STORED while it is absent) */
#define QUIRE_PMEM_WAITED 16u    /* busy: a fault came for it meanwhile */
#define QUIRE_PMEM_DISCARD 32u   /* busy: invalidated meanwhile; becomes free when it ends. Offline: may yet come back */
#define QUIRE_PMEM_IN_POLICY 64u /* the policy has it */
#define QUIRE_PMEM_FIXED 128u    /* counted as not evictable: pinned, of a locked object, or dirty without a save operation */

/* In pgidx: nothing of the pager's has been in this page since it was given to the pool. */
#define QUIRE_PMEM_UNUSED UINT32_MAX
/* In pgidx of a free page: it was wiped since. No index of a page is as high as these two. */
#define QUIRE_PMEM_WIPED (UINT32_MAX - 1u)

struct quire_pmem {
    struct quire_policy_node policy; /* first: policies find it here */
    struct quire_fobj *fobj;         /* whose page it holds; null when free or not yet assigned */
    struct quire_area *sole;         /* the area that maps it, if exactly one does and it is known; else null */
    uint32_t pgidx;                  /* which page of fobj; free: what it was, or one of the two above; offline: UNUSED */
    uint32_t mapped;                 /* entries that show it */
    uint32_t chain_prev; /* fobj's resident pages, by number, or the free pages (the first free one's is anything) */
    uint32_t chain_next;
    uint16_t pins;  /* tokens that cover it */
    uint16_t holds; /* the library's own short pins */
    uint16_t steps; /* threads that have it among the last pages they faulted in */
    uint8_t state;  /* enum quire_page_state */
    uint8_t flags;  /* QUIRE_PMEM_* */
};

/* The physical pages of one pager. */
struct quire_pmem_pool {
    struct quire_pages pages;
    uint32_t free;  /* the first free page; last freed, first taken: its cache lines are warm */
    uint32_t stale; /* free pages that still hold what was in them */
    uint32_t total;
    uint32_t count[QUIRE_PAGE_STATES]; /* pages per state */
    uint32_t fixed;                    /* pages with QUIRE_PMEM_FIXED */
};

/* Makes an empty pool. O(1). */
QUIRE_API void quire_pmem_pool_init(struct quire_pmem_pool *pool) QUIRE_SYM(quire_pmem_pool_init);

/* Adds npages contiguous physical pages from `pa`, all free; `storage` has npages elements and lives as long as the pool.
 * INVALID: unaligned, empty, wrapping, overlapping a segment or its storage, or more than QUIRE_SEGMENT_PAGES_MAX; LIMIT: no
 * segment left. O(npages + segments). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pmem_pool_add(struct quire_pmem_pool *pool, struct quire_pa pa,
                                                                 uint32_t npages, struct quire_pmem *storage)
    QUIRE_SYM(quire_pmem_pool_add);

/* Page `number`, which must exist. O(1). */
static inline QUIRE_RESIDENT struct quire_pmem *quire_pmem_at(const struct quire_pmem_pool *pool, uint32_t number)
{
    return (struct quire_pmem *)(pool->pages.node_base[number >> QUIRE_PAGE_INDEX_BITS] + number * sizeof(struct quire_pmem));
}

/* Where page `number` lies. O(1). */
static inline QUIRE_RESIDENT struct quire_pa quire_pmem_pa(const struct quire_pmem_pool *pool, uint32_t number)
{
    return quire_pa_make(pool->pages.pa_base[number >> QUIRE_PAGE_INDEX_BITS] + ((uint64_t)number << QUIRE_PAGE_SHIFT));
}

/* Moves a page to another state; keeps the counts. O(1). */
static inline QUIRE_RESIDENT void quire_pmem_set_state(struct quire_pmem_pool *pool, struct quire_pmem *pmem,
                                                       enum quire_page_state state)
{
    pool->count[pmem->state]--;
    pool->count[state]++;
    pmem->state = (uint8_t)state;
}

/* Makes page `number`, which is *pmem, one of `fobj`: the first of its chain. O(1). */
QUIRE_INLINE QUIRE_RESIDENT void quire_pmem_chain(struct quire_pmem_pool *pool, struct quire_pmem *pmem, uint32_t number,
                                                  struct quire_fobj *fobj)
{
    pmem->fobj = fobj;
    pmem->chain_prev = QUIRE_PAGE_NONE;
    pmem->chain_next = fobj->chain;
    if (fobj->chain != QUIRE_PAGE_NONE) {
        quire_pmem_at(pool, fobj->chain)->chain_prev = number;
    }
    fobj->chain = number;
    fobj->resident++;
}

/* Takes *pmem off the chain of its object. O(1). */
QUIRE_INLINE QUIRE_RESIDENT void quire_pmem_unchain(struct quire_pmem_pool *pool, const struct quire_pmem *pmem)
{
    struct quire_fobj *fobj = pmem->fobj;

    if (pmem->chain_prev == QUIRE_PAGE_NONE) {
        fobj->chain = pmem->chain_next;
    } else {
        quire_pmem_at(pool, pmem->chain_prev)->chain_next = pmem->chain_next;
    }
    if (pmem->chain_next != QUIRE_PAGE_NONE) {
        quire_pmem_at(pool, pmem->chain_next)->chain_prev = pmem->chain_prev;
    }
    fobj->resident--;
}

/* Gives page `number`, which is on no list, to page `pgidx` of `fobj`, whose account expects it: it becomes LOADING, joins the
 * object's chain, is charged to the account, and the slot names it. O(1). */
QUIRE_INLINE QUIRE_RESIDENT void quire_pmem_assign(struct quire_pmem_pool *pool, struct quire_pmem *pmem, uint32_t number,
                                                   struct quire_fobj *fobj, uint32_t pgidx)
{
    quire_pmem_set_state(pool, pmem, QUIRE_PAGE_LOADING);
    pmem->pgidx = pgidx;
    pmem->flags = 0;
    quire_pmem_chain(pool, pmem, number, fobj);
    quire_account_charge(fobj->account);
    fobj->slots[pgidx] = quire_slot_become(fobj->slots[pgidx], QUIRE_SLOT_PRESENT, number);
}

/* Does the page, which is free, still hold what was in it? O(1). */
static inline QUIRE_RESIDENT bool quire_pmem_is_stale(const struct quire_pmem *pmem)
{
    return pmem->pgidx < QUIRE_PMEM_WIPED;
}

/* The same with the first free page, which there is. O(1). */
QUIRE_INLINE QUIRE_RESIDENT struct quire_pmem *quire_pmem_take_expected(struct quire_pmem_pool *pool, struct quire_fobj *fobj,
                                                                        uint32_t pgidx, uint32_t *number)
{
    struct quire_pmem *pmem;

    *number = pool->free;
    pmem = quire_pmem_at(pool, *number);
    pool->free = pmem->chain_next;
    pool->stale -= quire_pmem_is_stale(pmem);
    quire_pmem_assign(pool, pmem, *number, fobj, pgidx);
    return pmem;
}

/* The same, whatever the account expects. Null if no page is free. O(1). */
QUIRE_INLINE QUIRE_RESIDENT struct quire_pmem *quire_pmem_take(struct quire_pmem_pool *pool, struct quire_fobj *fobj,
                                                               uint32_t pgidx, uint32_t *number)
{
    if (pool->free == QUIRE_PAGE_NONE) {
        return NULL;
    }
    quire_account_expect(fobj->account);
    return quire_pmem_take_expected(pool, fobj, pgidx, number);
}

/* Puts page `number` in front of the free pages. The former first learns who precedes it; the first itself need not know. O(1). */
QUIRE_INLINE QUIRE_RESIDENT void quire_pmem_push_free(struct quire_pmem_pool *pool, struct quire_pmem *pmem, uint32_t number)
{
    pmem->chain_next = pool->free;
    if (QUIRE_UNLIKELY(pool->free != QUIRE_PAGE_NONE)) {
        quire_pmem_at(pool, pool->free)->chain_prev = number;
    }
    pool->free = number;
}

/* Takes page `number` off the list of free pages, wherever on it, and out of circulation. O(1). */
QUIRE_API void quire_pmem_set_offline(struct quire_pmem_pool *pool, uint32_t number) QUIRE_SYM(quire_pmem_set_offline);

/* Puts page `number`, which is offline, back among the free ones; nothing of the pager's is in it. O(1). */
QUIRE_API void quire_pmem_set_online(struct quire_pmem_pool *pool, uint32_t number) QUIRE_SYM(quire_pmem_set_online);

/* Are the `npages` pages from `pa` pages of the pool, all of one segment? The number of the first in *number. O(segments). */
QUIRE_API bool quire_pmem_find(const struct quire_pmem_pool *pool, struct quire_pa pa, uint32_t npages, uint32_t *number)
    QUIRE_SYM(quire_pmem_find);

/* Makes page `number`, which is *pmem, free; it has no entries, pins or holds. The slot becomes absent with `shadow` as its
 * value. O(1). */
QUIRE_INLINE QUIRE_RESIDENT void quire_pmem_release_at(struct quire_pmem_pool *pool, struct quire_pmem *pmem, uint32_t number,
                                                       uint32_t shadow)
{
    struct quire_fobj *fobj = pmem->fobj;

    QUIRE_ASSERT(pmem->mapped == 0 && pmem->pins == 0 && pmem->holds == 0);
    fobj->slots[pmem->pgidx] = quire_slot_become(
        fobj->slots[pmem->pgidx], (pmem->flags & QUIRE_PMEM_STORED) != 0 ? QUIRE_SLOT_STORED : QUIRE_SLOT_EMPTY, shadow);
    quire_pmem_unchain(pool, pmem);
    quire_account_uncharge(fobj->account);
    pmem->fobj = NULL;
    pmem->sole = NULL;
    pmem->flags = 0;
    quire_pmem_push_free(pool, pmem, number);
    quire_pmem_set_state(pool, pmem, QUIRE_PAGE_FREE);
    pool->stale++;
}

/* The same for who has only the number. */
static inline QUIRE_RESIDENT void quire_pmem_release(struct quire_pmem_pool *pool, uint32_t number, uint32_t shadow)
{
    quire_pmem_release_at(pool, quire_pmem_at(pool, number), number, shadow);
}

/* The page, which is free, was wiped. O(1). */
static inline QUIRE_RESIDENT void quire_pmem_note_wiped(struct quire_pmem_pool *pool, struct quire_pmem *pmem)
{
    pool->stale -= quire_pmem_is_stale(pmem);
    pmem->pgidx = QUIRE_PMEM_WIPED;
}

/* Gives page `number`, which is *pmem, clean and without entries, to page `pgidx` of `fobj`, which is no copy on write and of the same
 * account as the object whose page it held: what releasing and taking it would do, without the way through the free pages. O(1). */
QUIRE_INLINE QUIRE_RESIDENT void quire_pmem_hand_over(struct quire_pmem_pool *pool, struct quire_pmem *pmem, uint32_t number,
                                                      uint32_t shadow, struct quire_fobj *fobj, uint32_t pgidx)
{
    struct quire_fobj *from = pmem->fobj;
    uint32_t slot;

    QUIRE_ASSERT(pmem->mapped == 0 && pmem->pins == 0 && pmem->holds == 0);
    slot = quire_slot_make((pmem->flags & QUIRE_PMEM_STORED) != 0 ? QUIRE_SLOT_STORED : QUIRE_SLOT_EMPTY, shadow);
    if (QUIRE_UNLIKELY(from->origin != NULL)) {
        slot |= QUIRE_SLOT_OWN; /* what a copy on write has resident is its own */
    }
    from->slots[pmem->pgidx] = slot;
    if (QUIRE_UNLIKELY(from != fobj)) {
        quire_pmem_unchain(pool, pmem);
        quire_pmem_chain(pool, pmem, number, fobj);
    }
    pmem->pgidx = pgidx;
    pmem->sole = NULL;
    quire_pmem_set_state(pool, pmem, QUIRE_PAGE_LOADING);
    fobj->slots[pgidx] = quire_slot_make(QUIRE_SLOT_PRESENT, number);
}

/* Is it in transit: neither free nor resident nor quarantined? */
static inline QUIRE_RESIDENT bool quire_pmem_is_busy(const struct quire_pmem *pmem)
{
    return pmem->state == QUIRE_PAGE_LOADING || pmem->state == QUIRE_PAGE_FLUSHING || pmem->state == QUIRE_PAGE_SAVING;
}

QUIRE_END

#endif /* QUIRE_PMEM_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_PMEM_IMPLEMENTED)
#define QUIRE_PMEM_IMPLEMENTED

QUIRE_BEGIN

QUIRE_STATIC_ASSERT(sizeof(struct quire_pmem) <= 48, pmem_is_at_most_48_bytes);
QUIRE_STATIC_ASSERT(offsetof(struct quire_pmem, policy) == 0, policy_node_comes_first);
QUIRE_STATIC_ASSERT(QUIRE_FOBJ_PAGES_MAX <= QUIRE_PMEM_WIPED, no_index_is_as_high);

QUIRE_API void quire_pmem_pool_init(struct quire_pmem_pool *pool)
{
    QUIRE_MEMSET(pool, 0, sizeof *pool);
    pool->pages.stride = sizeof(struct quire_pmem);
    pool->free = QUIRE_PAGE_NONE;
}

static bool quire_pmem_segment_overlaps_(const struct quire_page_segment *segment, uint64_t first, uint64_t last)
{
    uint64_t segment_last = segment->pa.addr + (((uint64_t)segment->npages << QUIRE_PAGE_SHIFT) - 1u);

    return first <= segment_last && segment->pa.addr <= last;
}

QUIRE_API enum quire_status quire_pmem_pool_add(struct quire_pmem_pool *pool, struct quire_pa pa, uint32_t npages,
                                                struct quire_pmem *storage)
{
    uint64_t last = pa.addr + (((uint64_t)npages << QUIRE_PAGE_SHIFT) - 1u);
    struct quire_page_segment *segment;
    uint32_t i;

    if (storage == NULL || npages == 0 || npages > QUIRE_SEGMENT_PAGES_MAX || (pa.addr & QUIRE_PAGE_MASK) != 0 ||
        last < pa.addr) {
        return QUIRE_INVALID;
    }
    for (i = 0; i < pool->pages.nsegments; i++) {
        const struct quire_page_segment *other = &pool->pages.segment[i];
        uintptr_t first = (uintptr_t)other->first;

        if (quire_pmem_segment_overlaps_(other, pa.addr, last) ||
            ((uintptr_t)storage < first + other->npages * sizeof *storage && first < (uintptr_t)(storage + npages))) {
            return QUIRE_INVALID;
        }
    }
    if (pool->pages.nsegments == QUIRE_SEGMENTS) {
        return QUIRE_LIMIT;
    }
    segment = &pool->pages.segment[pool->pages.nsegments];
    segment->first = (unsigned char *)storage;
    segment->npages = npages;
    segment->pa = pa;
    i = pool->pages.nsegments << QUIRE_PAGE_INDEX_BITS;
    pool->pages.node_base[pool->pages.nsegments] = (uintptr_t)storage - i * sizeof *storage;
    pool->pages.pa_base[pool->pages.nsegments] = pa.addr - ((uint64_t)i << QUIRE_PAGE_SHIFT);
    QUIRE_MEMSET(storage, 0, npages * sizeof *storage);
    /* From the last to the first, so that the lowest is taken first. */
    for (i = npages; i > 0; i--) {
        storage[i - 1u].pgidx = QUIRE_PMEM_UNUSED;
        quire_pmem_push_free(pool, &storage[i - 1u], (pool->pages.nsegments << QUIRE_PAGE_INDEX_BITS) | (i - 1u));
    }
    pool->pages.nsegments++;
    pool->total += npages;
    pool->count[QUIRE_PAGE_FREE] += npages;
    return QUIRE_OK;
}

QUIRE_API void quire_pmem_set_offline(struct quire_pmem_pool *pool, uint32_t number)
{
    struct quire_pmem *pmem = quire_pmem_at(pool, number);

    QUIRE_ASSERT(pmem->state == QUIRE_PAGE_FREE);
    pool->stale -= quire_pmem_is_stale(pmem);
    if (pool->free == number) {
        pool->free = pmem->chain_next;
    } else {
        quire_pmem_at(pool, pmem->chain_prev)->chain_next = pmem->chain_next;
        if (pmem->chain_next != QUIRE_PAGE_NONE) {
            quire_pmem_at(pool, pmem->chain_next)->chain_prev = pmem->chain_prev;
        }
    }
    quire_pmem_set_state(pool, pmem, QUIRE_PAGE_OFFLINE);
}

QUIRE_API void quire_pmem_set_online(struct quire_pmem_pool *pool, uint32_t number)
{
    struct quire_pmem *pmem = quire_pmem_at(pool, number);

    QUIRE_ASSERT(pmem->state == QUIRE_PAGE_OFFLINE);
    pmem->flags = 0;
    pmem->pgidx = QUIRE_PMEM_UNUSED;
    quire_pmem_push_free(pool, pmem, number);
    quire_pmem_set_state(pool, pmem, QUIRE_PAGE_FREE);
}

QUIRE_API bool quire_pmem_find(const struct quire_pmem_pool *pool, struct quire_pa pa, uint32_t npages, uint32_t *number)
{
    uint32_t i;

    if ((pa.addr & QUIRE_PAGE_MASK) != 0 || npages == 0) {
        return false;
    }
    for (i = 0; i < pool->pages.nsegments; i++) {
        const struct quire_page_segment *segment = &pool->pages.segment[i];
        uint64_t index = (pa.addr - segment->pa.addr) >> QUIRE_PAGE_SHIFT; /* below the segment: more than it has */

        if (index < segment->npages) {
            *number = (i << QUIRE_PAGE_INDEX_BITS) | (uint32_t)index;
            return npages <= segment->npages - (uint32_t)index;
        }
    }
    return false;
}

QUIRE_END

#endif
