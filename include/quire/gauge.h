/* quire/gauge.h - the headroom of a pager, an account and a context. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_GAUGE_H
#define QUIRE_GAUGE_H

#include "account.h"
#include "area.h"
#include "base.h"
#include "engine.h"
#include "headroom.h"
#include "list.h"
#include "pmem.h"

/*
 * "N pages from the cliff": how many pages are missing, or how many could be taken away, before loads become many. Ask
 * quire_pager_headroom() now and then, and quire_account_headroom() and quire_vm_headroom() for whom it is that misses them:
 *
 *     struct quire_headroom_info at;
 *     quire_pager_headroom(&pager, true, &at);        once a second, say
 *     at.missing > 0: give it more, or run less;  at.spare + at.idle > 0: take some of it, ask again
 *
 * headroom.h says how the numbers come about and which are exact.
 */
QUIRE_BEGIN

/* The headroom of the whole pool: of its one account, or what all accounts lack, together, with what is free. `forget`: what was
 * counted so far weighs half from now on. Counts weigh less with every load that follows, but where none follow they stay: a
 * caller who asks at regular intervals and says so forgets with time, too, and does not take an hour of thrashing that is over
 * for one that goes on. O(accounts), under the lock. */
QUIRE_API void quire_pager_headroom(struct quire_pager *pager, bool forget, struct quire_headroom_info *out)
    QUIRE_SYM(quire_pager_headroom);

/* The same for one account, in the pages it has and may have: what it lacks, and what of its own it could give. O(1), under the
 * lock. */
QUIRE_API void quire_account_headroom(struct quire_account *account, bool forget, struct quire_headroom_info *out)
    QUIRE_SYM(quire_account_headroom);

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

static void quire_gauge_read_(struct quire_headroom *headroom, uint32_t pages, uint32_t evictable, uint32_t unused, bool forget,
                              struct quire_headroom_info *out)
{
    quire_headroom_estimate(headroom, pages, evictable, unused, out);
    if (forget) {
        quire_headroom_forget(headroom);
    }
}

/* Pages in circulation; what the reserve holds back (need.h) is nobody's. */
static uint32_t quire_gauge_pages_(const struct quire_pager *pager)
{
    uint32_t n = pager->pool.total - pager->pool.count[QUIRE_PAGE_OFFLINE] - pager->pool.count[QUIRE_PAGE_QUARANTINED];

    return n > pager->held_back ? n - pager->held_back : 0;
}

/* Free ones of them. */
static uint32_t quire_gauge_free_(const struct quire_pager *pager)
{
    uint32_t unused = pager->pool.count[QUIRE_PAGE_FREE];

    return unused > pager->held_back ? unused - pager->held_back : 0;
}

/* Several accounts: each lacks pages of its own, and what is free is there for all. */
static void quire_gauge_sum_(struct quire_pager *pager, bool forget, struct quire_headroom_info *out)
{
    uint32_t unused = quire_gauge_free_(pager);
    struct quire_list_node *node;

    QUIRE_MEMSET(out, 0, sizeof *out);
    for (node = pager->accounts.list.next; node != &pager->accounts.list; node = node->next) {
        struct quire_account *account = QUIRE_CONTAINER_OF(node, struct quire_account, link);
        struct quire_headroom_info one;

        quire_gauge_read_(&account->headroom, account->charged, account->charged - account->fixed, 0, forget, &one);
        out->missing += one.missing;
        out->idle += one.idle;
        out->majors += one.majors;
        out->refaults += one.refaults;
        out->curable += one.curable;
    }
    if (out->missing > unused) {
        out->missing -= unused;
        out->idle = 0; /* it is somebody's, and somebody else lacks it: that is for quotas and reservations to settle */
    } else {
        out->spare = unused - out->missing;
        out->missing = 0;
        out->curable = 0;
    }
    out->working_set = quire_gauge_pages_(pager) + out->missing - out->spare - out->idle;
}

QUIRE_API void quire_pager_headroom(struct quire_pager *pager, bool forget, struct quire_headroom_info *out)
{
    const struct quire_account *root = &pager->root;
    struct quire_op op;

    quire_op_begin(&op, pager);
    if (pager->accounts.count == 1u) {
        quire_gauge_read_(&pager->root.headroom, quire_gauge_pages_(pager), root->charged - root->fixed,
                          quire_gauge_free_(pager), forget, out);
    } else {
        quire_gauge_sum_(pager, forget, out);
    }
    quire_op_end(&op);
}

QUIRE_API void quire_account_headroom(struct quire_account *account, bool forget, struct quire_headroom_info *out)
{
    struct quire_op op;
    uint32_t unused;

    quire_op_begin(&op, account->pager);
    unused = quire_gauge_free_(account->pager);
    if (account->charged >= account->quota) {
        unused = 0;
    } else if (unused > account->quota - account->charged) {
        unused = account->quota - account->charged;
    }
    quire_gauge_read_(&account->headroom, account->charged + unused, account->charged - account->fixed, unused, forget, out);
    quire_op_end(&op);
}

QUIRE_API void quire_vm_headroom(struct quire_vm *vm, bool forget, struct quire_headroom_info *out)
{
    struct quire_pager *pager = vm->pager;
    struct quire_op op;

    quire_op_begin(&op, pager);
    quire_gauge_read_(&vm->headroom, quire_gauge_pages_(pager), 0, quire_gauge_free_(pager), forget, out);
    quire_op_end(&op);
}

QUIRE_END

#endif
