/* quire/gauge.h - the headroom of a pager and of a context. SPDX-License-Identifier: BSD-2-Clause. Quire 0.2.0 */
#ifndef QUIRE_GAUGE_H
#define QUIRE_GAUGE_H

#include "area.h"
#include "base.h"
#include "engine.h"
#include "headroom.h"
#include "pmem.h"

/*
 * "N pages from the cliff": how many pages are missing, or how many could be taken away, before loads become many. Ask
 * quire_pager_headroom() now and then, and quire_vm_headroom() for whom it is that misses them:
 *
 *     struct quire_headroom_info at;
 *     quire_pager_headroom(&pager, true, &at);        once a second, say
 *     at.missing > 0: give it more, or run less;  at.spare + at.idle > 0: take some of it, ask again
 *
 * headroom.h says how the numbers come about and which are exact.
 */
QUIRE_BEGIN

/* The headroom of the whole pool. `forget`: what was counted so far weighs half from now on. Counts weigh less with every
 * load that follows, but where none follow they stay: a caller who asks at regular intervals and says so forgets with time,
 * too, and does not take an hour of thrashing that is over for one that goes on. O(1), under the lock. */
QUIRE_API void quire_pager_headroom(struct quire_pager *pager, bool forget, struct quire_headroom_info *out)
    QUIRE_SYM(quire_pager_headroom);

/* The same for the loads of one context: `missing` is how many pages the pool would need more for it to stop coming back for
 * its own; idle pages are not told apart by context, so `idle` is 0. O(1), under the lock. */
QUIRE_API void quire_vm_headroom(struct quire_vm *vm, bool forget, struct quire_headroom_info *out)
    QUIRE_SYM(quire_vm_headroom);

QUIRE_END

#endif /* QUIRE_GAUGE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_GAUGE_IMPLEMENTED)
#define QUIRE_GAUGE_IMPLEMENTED

QUIRE_BEGIN

static void quire_gauge_read_(struct quire_pager *pager, struct quire_headroom *headroom, bool forget,
                              struct quire_headroom_info *out)
{
    struct quire_op op;

    quire_op_begin(&op, pager);
    quire_headroom_estimate(headroom, pager->pool.total, pager->in_policy, pager->pool.count[QUIRE_PAGE_FREE], out);
    if (forget) {
        quire_headroom_forget(headroom);
    }
    quire_op_end(&op);
}

QUIRE_API void quire_pager_headroom(struct quire_pager *pager, bool forget, struct quire_headroom_info *out)
{
    quire_gauge_read_(pager, &pager->headroom, forget, out);
}

QUIRE_API void quire_vm_headroom(struct quire_vm *vm, bool forget, struct quire_headroom_info *out)
{
    quire_gauge_read_(vm->pager, &vm->headroom, forget, out);
}

QUIRE_END

#endif
