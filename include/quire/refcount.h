/* quire/refcount.h - reference counts that neither resurrect nor wrap. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_REFCOUNT_H
#define QUIRE_REFCOUNT_H

#include "base.h"

/*
 * A count that reached zero stays zero: a look-up that races with the last put must use quire_refcount_get() and believe
 * its answer. A count at its maximum refuses to grow, so no sequence of gets makes it wrap to a premature zero.
 * Every operation is atomic, O(1) without contention, and needs no lock.
 */
QUIRE_BEGIN

#define QUIRE_REFCOUNT_MAX (UINT32_MAX - 1u)

struct quire_refcount {
    uint32_t count; /* reached through quire_atomic_* only */
};

/* Starts at `count` references, at most QUIRE_REFCOUNT_MAX. */
static inline QUIRE_RESIDENT void quire_refcount_init(struct quire_refcount *ref, uint32_t count)
{
    quire_atomic_store(&ref->count, count);
}

/* The number of references at some moment of the call: for reports and checks. */
static inline uint32_t quire_refcount_read(const struct quire_refcount *ref)
{
    return quire_atomic_load(&ref->count);
}

/* Adds a reference. DEAD if there was none left (the object is dying: treat it as absent), LIMIT at the maximum. */
QUIRE_API QUIRE_RESIDENT QUIRE_MUST_CHECK enum quire_status quire_refcount_get(struct quire_refcount *ref)
    QUIRE_SYM(quire_refcount_get);

/* Drops a reference and stores in *last whether it was the last one. UNDERFLOW if the count was zero: nothing changed. */
QUIRE_API QUIRE_RESIDENT QUIRE_MUST_CHECK enum quire_status quire_refcount_put(struct quire_refcount *ref, bool *last)
    QUIRE_SYM(quire_refcount_put);

/* Drops a reference only if another one remains; false if this would be the last (or there is none). With it, a put can
 * take the lock that look-ups take before it drops the last reference, so that no look-up ever meets a count of zero. */
QUIRE_API QUIRE_RESIDENT bool quire_refcount_put_not_last(struct quire_refcount *ref) QUIRE_SYM(quire_refcount_put_not_last);

QUIRE_END

#endif /* QUIRE_REFCOUNT_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_REFCOUNT_IMPLEMENTED)
#define QUIRE_REFCOUNT_IMPLEMENTED

QUIRE_BEGIN

QUIRE_API QUIRE_RESIDENT enum quire_status quire_refcount_get(struct quire_refcount *ref)
{
    uint32_t seen = quire_atomic_load(&ref->count);

    do {
        if (seen == 0) {
            return QUIRE_DEAD;
        }
        if (seen >= QUIRE_REFCOUNT_MAX) {
            return QUIRE_LIMIT;
        }
    } while (!quire_atomic_cas(&ref->count, &seen, seen + 1u));
    return QUIRE_OK;
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_refcount_put(struct quire_refcount *ref, bool *last)
{
    uint32_t seen = quire_atomic_load(&ref->count);

    *last = false;
    do {
        if (seen == 0) {
            return QUIRE_UNDERFLOW;
        }
    } while (!quire_atomic_cas(&ref->count, &seen, seen - 1u));
    *last = seen == 1u;
    return QUIRE_OK;
}

QUIRE_API QUIRE_RESIDENT bool quire_refcount_put_not_last(struct quire_refcount *ref)
{
    uint32_t seen = quire_atomic_load(&ref->count);

    do {
        if (seen <= 1u) {
            return false;
        }
    } while (!quire_atomic_cas(&ref->count, &seen, seen - 1u));
    return true;
}

QUIRE_END

#endif
