/* quire/quota.h - accounts of the user's: how many pages whom, and which object is charged to which. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_QUOTA_H
#define QUIRE_QUOTA_H

#include "account.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "list.h"
#include "pager.h"
#include "policy.h"

/*
 *     config.policy = quire_policy_clock_init(&clock);  config.quota = 64;  config.reserved = 32;
 *     quire_account_init(&account, &pager, &config);    an account, with a replacement policy of its own
 *     quire_fobj_set_account(fobj, &account);           before the object is mapped: its pages are charged to it, whoever uses them
 *     quire_account_fini(&account);                     when its objects are gone
 *
 * An object without an account is charged to the pager's root account (&pager->root), which can be limited like any other.
 *
 * A quota is how many pages an account may have; where it would need more, it evicts its own. It has more only while it must: a
 * page is taken beyond the quota, and counted (stats.over_quota), if all it has are pinned, in transit or among the last pages
 * of some thread, so that instructions finish under any quota. That is at most concurrency * pages_per_step pages.
 *
 * A reservation is how many pages faults on objects of other accounts never take from an account (they may be idle; its own
 * faults may evict them). It holds no free page back, but what is missing can be had: the sum of all reservations, and of what
 * is fixed beyond them, leaves QUIRE_PAGER_MIN_PAGES() pages, so that somebody always has more than is reserved for him.
 *
 * What is neither is shared: whoever has most beyond his reservation gives (account.h). The caller keeps the struct of an
 * account until quire_account_fini(). All of these take the lock, do not sleep, and must not be called with it held.
 */
QUIRE_BEGIN

/* Zero-initialise it, then set what is marked (must). */
struct quire_account_config {
    struct quire_policy *policy; /* (must) fresh; belongs to this account from now on */
    uint32_t quota;              /* pages it may have; 0: QUIRE_QUOTA_NONE */
    uint32_t reserved;           /* pages that others do not take from it */
    void *user;                  /* the user's own */
};

/* Makes an account of `pager`. INVALID: no policy, or one in use, or more reserved than the quota; LIMIT: what is reserved, and
 * fixed beyond that, would leave fewer than QUIRE_PAGER_MIN_PAGES() pages. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_account_init(struct quire_account *account, struct quire_pager *pager,
                                                                const struct quire_account_config *config)
    QUIRE_SYM(quire_account_init);

/* Sets the limits of an account that is in use. Of a lower quota nothing is evicted here: later faults on its objects evict
 * pages of its own, a few each, until it is within. INVALID: a quota of 0, or more reserved than the quota; LIMIT: more reserved
 * than before, and than can be promised (see above). O(log accounts), amortised. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_account_set_limits(struct quire_account *account, uint32_t quota,
                                                                      uint32_t reserved) QUIRE_SYM(quire_account_set_limits);

/* Ends an account. BUSY while an object is charged to it, INVALID for the root. O(log accounts), amortised. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_account_fini(struct quire_account *account) QUIRE_SYM(quire_account_fini);

/* Charges `fobj` to `account`, and ties it to the account's pager, for life. The caller has a reference. BUSY: it is mapped, or has
 * pages or waiters; MISMATCH: it belongs to another pager; INVALID: its rank is too high; DEAD: nobody has a reference. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_fobj_set_account(struct quire_fobj *fobj, struct quire_account *account)
    QUIRE_SYM(quire_fobj_set_account);

/* What an account has, at one moment. */
struct quire_account_info {
    uint32_t charged;
    uint32_t quota;
    uint32_t reserved;
    uint32_t fixed; /* of `charged`: cannot be evicted */
    uint32_t objects;
    struct quire_account_stats stats;
};

/* O(1), under the lock. */
QUIRE_API void quire_account_get_info(const struct quire_account *account, struct quire_account_info *out)
    QUIRE_SYM(quire_account_get_info);

QUIRE_END

#endif /* QUIRE_QUOTA_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_QUOTA_IMPLEMENTED)
#define QUIRE_QUOTA_IMPLEMENTED

QUIRE_BEGIN

QUIRE_API enum quire_status quire_account_init(struct quire_account *account, struct quire_pager *pager,
                                               const struct quire_account_config *config)
{
    uint32_t quota = config->quota != 0 ? config->quota : QUIRE_QUOTA_NONE;
    enum quire_status status = QUIRE_OK;
    struct quire_op op;

    if (config->policy == NULL || config->policy->ops == NULL || config->reserved > quota) {
        return QUIRE_INVALID;
    }
    quire_op_begin(&op, pager);
    if (config->policy->host.ctx != NULL) {
        status = QUIRE_INVALID;
    } else if (config->reserved != 0 &&
               !quire_pager_may_promise(pager, (uint64_t)pager->accounts.promised + config->reserved)) {
        status = QUIRE_LIMIT;
    } else {
        quire_pager_host(pager, account, config->policy);
        quire_account_join(&pager->accounts, account, config->policy, quota, config->reserved);
        account->pager = pager;
        account->user = config->user;
    }
    quire_op_end(&op);
    return status;
}

QUIRE_API enum quire_status quire_account_set_limits(struct quire_account *account, uint32_t quota, uint32_t reserved)
{
    struct quire_pager *pager = account->pager;
    enum quire_status status = QUIRE_OK;
    struct quire_op op;
    uint64_t others;

    if (quota == 0 || reserved > quota) {
        return QUIRE_INVALID;
    }
    quire_op_begin(&op, pager);
    others = pager->accounts.promised - quire_account_promised(account);
    if (reserved > account->reserved && reserved > account->fixed && !quire_pager_may_promise(pager, others + reserved)) {
        status = QUIRE_LIMIT;
    } else {
        quire_account_limit(account, quota, reserved);
        quire_op_wake_room(&op); /* what was reserved may be for others now */
    }
    quire_op_end(&op);
    return status;
}

QUIRE_API enum quire_status quire_account_fini(struct quire_account *account)
{
    struct quire_pager *pager = account->pager;
    enum quire_status status = QUIRE_OK;
    struct quire_op op;

    if (account == &pager->root) {
        return QUIRE_INVALID;
    }
    quire_op_begin(&op, pager);
    if (account->objects != 0 || account->charged != 0) {
        status = QUIRE_BUSY;
    } else {
        quire_account_leave(account);
    }
    quire_op_end(&op);
    return status;
}

/* Could the object still belong to anybody? */
static enum quire_status quire_fobj_may_be_charged_(const struct quire_fobj *fobj, const struct quire_pager *pager)
{
    if (fobj->pager != NULL && fobj->pager != pager) {
        return QUIRE_MISMATCH;
    }
    if (quire_refcount_read(&fobj->refs) == 0) {
        return QUIRE_DEAD;
    }
    if (fobj->rank > pager->rank_max) {
        return QUIRE_INVALID;
    }
    return quire_fobj_any_area(fobj) != NULL || fobj->resident != 0 || fobj->busy != 0 ? QUIRE_BUSY : QUIRE_OK;
}

QUIRE_API enum quire_status quire_fobj_set_account(struct quire_fobj *fobj, struct quire_account *account)
{
    struct quire_pager *pager = account->pager;
    enum quire_status status;
    struct quire_op op;

    quire_op_begin(&op, pager);
    status = quire_fobj_may_be_charged_(fobj, pager);
    if (status == QUIRE_OK && fobj->pager == NULL) {
        quire_pager_tie(pager, fobj, account);
    } else if (status == QUIRE_OK) {
        fobj->account->objects--;
        fobj->account = account;
        account->objects++;
    }
    quire_op_end(&op);
    return status;
}

QUIRE_API void quire_account_get_info(const struct quire_account *account, struct quire_account_info *out)
{
    struct quire_op op;

    quire_op_begin(&op, account->pager);
    out->charged = account->charged;
    out->quota = account->quota;
    out->reserved = account->reserved;
    out->fixed = account->fixed;
    out->objects = account->objects;
    out->stats = account->stats;
    quire_op_end(&op);
}

QUIRE_END

#endif
