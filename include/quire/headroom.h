/* quire/headroom.h - how many pages are missing, or to spare: a working-set estimate from refault distances. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_HEADROOM_H
#define QUIRE_HEADROOM_H

#include "base.h"
#include "bits.h"

/*
 * A page that comes back d evictions after its own would not have gone if there had been d pages more. So a histogram of the
 * distances of all loads says how many would be left with x pages more: those from farther than x. The cliff is the farthest
 * distance from which still come more than 1 load in 16, and whose saving is worth it: a scan that would need 16 times the pool
 * counts as cold.
 *
 *     loads  |      #
 *            |#  .  #     .
 *            +------|--------------> distance, by powers of two
 *             1 2 4 8 16 ...
 *                missing
 *
 * One `struct quire_headroom` stands in each pager and each context (gauge.h asks them; whatever else has pages of its own embeds
 * one, all zero): quire_headroom_note() per load, `used` or `unused` per question of the policy, quire_headroom_estimate() to read
 * it. The distances come from the shadows in the slots: no memory per page. The ideas: Mattson's stack distances (1970),
 * Denning's working set (1968), refault distances as in Linux' mm/workingset.c, idle memory by asking for accessed flags
 * (Waldspurger, 2002).
 *
 * What is exact: `missing` for what is used in turn, under FIFO, S3-FIFO and two queues (CLOCK: within 2); `spare`. Else: evictions
 * count pages that come and go several times in between, and those of dead objects, so otherwise `missing` errs upwards. What a
 * policy makes of more pages is its own affair (FIFO may even lose by them). `idle` lags behind: it is a mean of some time.
 *
 * policy_refault.h keeps part of a loop, and what it does load was away for longer: there `missing` errs upwards. In one loop of n
 * pages it stays below n, so that the error is less than the pool (quota) itself: settled, in the loops that are tested (40 to
 * 90 pages in 30), by up to an eighth of the pages it says are enough. Give part of what is missing and ask again.
 * Loads of warming up weigh until they have decayed: a pool that suffices may be said to miss pages until it was asked some times
 * with `forget` (gauge.h).
 *
 * Invariants: the counts add up to no more than `majors`; where there are none, `far` is zero.
 */
QUIRE_BEGIN

#define QUIRE_HEADROOM_BUCKETS 24u        /* distances of so many bits; the last takes all longer ones */
#define QUIRE_HEADROOM_PERIOD 512u        /* loads after which what was counted is halved */
#define QUIRE_HEADROOM_TAIL 16u           /* one load in so many may be a refault and yet no page is missing */
#define QUIRE_HEADROOM_WORTH 16u          /* refaults whose saving would take more than so many pools are as good as cold */
#define QUIRE_HEADROOM_UNKNOWN UINT32_MAX /* a distance: never evicted before (QUIRE_DISTANCE_UNKNOWN) */

/* What was counted. All zero: nothing yet. Protected by the lock of what it stands in. */
struct quire_headroom {
    uint32_t majors;                        /* loads, refaults or not */
    uint32_t used;                          /* questions of the policy whether a page was used: yes ... */
    uint32_t unused;                        /* ... and no */
    uint32_t count[QUIRE_HEADROOM_BUCKETS]; /* refaults at a distance of so many bits: 0, 1, 2..3, 4..7, ... */
    uint32_t far[QUIRE_HEADROOM_BUCKETS];   /* the greatest distance lately seen of these */
};

/* What follows from it. */
struct quire_headroom_info {
    uint32_t working_set; /* pages with which nothing would be missing and nothing to spare: pages + missing - spare - idle */
    uint32_t missing;     /* pages to the far side of the cliff: with so many more, `curable` of `majors` would not be ... */
    uint32_t spare;       /* free, and not missed: without them nothing changes */
    uint32_t idle; /* estimate: pages the policy found unused, of those in use. Take part of them and ask again: the cliff lies
                      between pages - spare - idle and pages - spare. 0 where pages are missing or the policy does not ask */
    uint32_t majors;   /* what it rests on: loads counted of late (below a hundred they say little), ... */
    uint32_t refaults; /* ... of these pages that had been evicted, ... */
    uint32_t curable;  /* ... and of these from no farther than `missing` */
};

/* Halves what was counted: what is long ago weighs less and less. O(QUIRE_HEADROOM_BUCKETS). */
QUIRE_API QUIRE_RESIDENT void quire_headroom_forget(struct quire_headroom *headroom) QUIRE_SYM(quire_headroom_forget);

/* The bucket of a distance: QUIRE_HEADROOM_BUCKETS if it counts as a load only. O(1). */
QUIRE_INLINE QUIRE_RESIDENT unsigned quire_headroom_bucket(uint32_t distance)
{
    unsigned bucket = quire_bits_high((uint64_t)distance << 1 | 1u);

    if (QUIRE_UNLIKELY(bucket >= QUIRE_HEADROOM_BUCKETS)) {
        bucket = distance == QUIRE_HEADROOM_UNKNOWN ? QUIRE_HEADROOM_BUCKETS : QUIRE_HEADROOM_BUCKETS - 1u;
    }
    return bucket;
}

/* quire_headroom_note() for who has the bucket already. */
QUIRE_INLINE QUIRE_RESIDENT void quire_headroom_note_in(struct quire_headroom *headroom, uint32_t distance, unsigned bucket)
{
    if (QUIRE_UNLIKELY(++headroom->majors >= 2u * QUIRE_HEADROOM_PERIOD)) {
        quire_headroom_forget(headroom);
    }
    if (QUIRE_UNLIKELY(bucket == QUIRE_HEADROOM_BUCKETS)) {
        return;
    }
    headroom->count[bucket]++;
    if (distance > headroom->far[bucket]) {
        headroom->far[bucket] = distance;
    }
}

/* A page was loaded, `distance` evictions after its own; QUIRE_HEADROOM_UNKNOWN: it had not been evicted. O(1), once in
 * QUIRE_HEADROOM_PERIOD calls O(QUIRE_HEADROOM_BUCKETS). */
QUIRE_INLINE QUIRE_RESIDENT void quire_headroom_note(struct quire_headroom *headroom, uint32_t distance)
{
    quire_headroom_note_in(headroom, distance, quire_headroom_bucket(distance));
}

/* What the counts say of a pool (a quota) of `pages`, of which `evictable` could be evicted and `free` hold nothing; into *out.
 * O(QUIRE_HEADROOM_BUCKETS). */
QUIRE_API void quire_headroom_estimate(const struct quire_headroom *headroom, uint32_t pages, uint32_t evictable, uint32_t free,
                                       struct quire_headroom_info *out) QUIRE_SYM(quire_headroom_estimate);

/* Do the counts hold together? quire_pager_check() asks. O(QUIRE_HEADROOM_BUCKETS). */
QUIRE_API bool quire_headroom_check(const struct quire_headroom *headroom) QUIRE_SYM(quire_headroom_check);

QUIRE_END

#endif /* QUIRE_HEADROOM_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_HEADROOM_IMPLEMENTED)
#define QUIRE_HEADROOM_IMPLEMENTED

QUIRE_BEGIN

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_headroom_forget(struct quire_headroom *headroom)
{
    uint32_t bucket;

    headroom->majors >>= 1;
    headroom->used >>= 1;
    headroom->unused >>= 1;
    for (bucket = 0; bucket < QUIRE_HEADROOM_BUCKETS; bucket++) {
        uint32_t least = bucket != 0 ? (uint32_t)1 << (bucket - 1u) : 0;

        headroom->count[bucket] >>= 1;
        if (headroom->count[bucket] == 0) {
            headroom->far[bucket] = 0;
        } else {
            headroom->far[bucket] -= (headroom->far[bucket] - least) >> 1; /* the next refaults say what it is now */
        }
    }
}

QUIRE_API void quire_headroom_estimate(const struct quire_headroom *headroom, uint32_t pages, uint32_t evictable, uint32_t free,
                                       struct quire_headroom_info *out)
{
    uint32_t tail = 0;
    uint32_t missing = 0;
    uint32_t curable = 0;
    uint32_t bucket;

    QUIRE_MEMSET(out, 0, sizeof *out);
    for (bucket = QUIRE_HEADROOM_BUCKETS; bucket-- > 0;) {
        uint32_t far = headroom->far[bucket];

        out->refaults += headroom->count[bucket];
        tail += headroom->count[bucket];
        if (missing != 0) {
            curable += headroom->count[bucket];
        } else if (tail > headroom->majors / QUIRE_HEADROOM_TAIL) {
            if ((uint64_t)tail * pages * QUIRE_HEADROOM_WORTH >= (uint64_t)headroom->majors * far) {
                missing = far;
                curable = headroom->count[bucket];
            } else {
                tail = 0;
            }
        }
    }
    out->majors = headroom->majors;
    if (missing > free) {
        out->missing = missing - free; /* what became free since is there for those that come back */
        out->curable = curable;
    } else {
        out->spare = free - missing;
    }
    if (out->missing == 0 && headroom->unused != 0) {
        out->idle = (uint32_t)((uint64_t)evictable * headroom->unused / ((uint64_t)headroom->used + headroom->unused));
    }
    out->working_set = pages + out->missing - out->spare - out->idle;
}

QUIRE_API bool quire_headroom_check(const struct quire_headroom *headroom)
{
    uint64_t sum = 0;
    uint32_t bucket;

    for (bucket = 0; bucket < QUIRE_HEADROOM_BUCKETS; bucket++) {
        uint32_t far = headroom->far[bucket];
        uint32_t bits = far != 0 ? quire_bits_high(far) + 1u : 0;

        if (headroom->count[bucket] == 0 ? far != 0
                                         : bits != bucket && (bits < bucket || bucket + 1u < QUIRE_HEADROOM_BUCKETS)) {
            return false;
        }
        sum += headroom->count[bucket];
    }
    return sum <= headroom->majors;
}

QUIRE_END

#endif
