/* quire/account.h - accounts: whose pages are whose, and which account gives one up. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_ACCOUNT_H
#define QUIRE_ACCOUNT_H

#include "base.h"
#include "fobj.h"
#include "headroom.h"
#include "list.h"
#include "policy.h"

/*
 * Every physical page that holds a page of an fobj is charged to that object's account, whoever touched it. An account has a
 * replacement policy of its own, which orders only its own pages: what a neighbour does leaves no trace in it. The data and
 * the choice are here; what a user calls is in quota.h. Everything here is called with the pager's lock held.
 *
 *     account        charged ======================|-----      quota: the most it has; beyond it, it evicts its own
 *                    reserved =======|                         others take nothing of this
 *                                    |<- surplus ->|           when a page is needed, whoever has most of it gives
 *
 * All accounts of a pager lie in a heap (a pairing heap: Fredman, Sedgewick, Sleator and Tarjan, 1986) by an upper bound of
 * their surplus. A charge that would pass the bound raises it first; where pages went, the bound is corrected when somebody looks.
 * An account that evicts its own pages therefore never touches the heap.
 *
 * Invariants: charged is the number of pages that hold pages of its objects, in any state but FREE; charged <= ceiling, and no
 * account has a higher bound than the one above it in the heap; promised is the sum of max(fixed, reserved) of all accounts.
 */
QUIRE_BEGIN

#define QUIRE_QUOTA_NONE UINT32_MAX

struct quire_account_stats {
    uint64_t major;      /* pages that a store gave for it: major faults on its objects, and what pins loaded */
    uint64_t evictions;  /* its pages that gave way to any other */
    uint64_t lost;       /* ... of them to pages of other accounts */
    uint64_t won;        /* pages of other accounts that gave way to its own */
    uint64_t over_quota; /* pages taken beyond its quota, because all it had were the last of some thread, or in transit */
    uint64_t refused;    /* pages it could not have: NO_PAGE */
};

/* What quire_pager_check() counts anew. */
struct quire_account_count {
    uint32_t charged;
    uint32_t fixed;
    uint32_t in_policy;
    uint32_t objects;
};

struct quire_accounts;

struct quire_account {
    struct quire_policy *policy; /* the order of its pages */
    uint32_t charged;            /* now: pages that hold a page of its objects */
    uint32_t own;                /* with so many, and no page free, it is plain that it serves itself; UINT32_MAX: never */
    uint32_t quota;              /* the most it may have; QUIRE_QUOTA_NONE: no limit */
    uint32_t ceiling;            /* charged has not passed this since its place in the heap was last looked at */
    uint32_t reserved;           /* pages that faults on objects of other accounts do not take from it */
    uint32_t evictions;          /* the count that its objects' shadows are made of, modulo 2^29, never 0 once it began */
    uint32_t fixed;              /* pages that cannot be evicted: pinned, locked, or dirty without a save operation */
    uint32_t tolerated;          /* the pages it was let have although its quota is less; 0: none since it was within it */
    uint32_t objects;            /* charged to it, until their structs are freed */
    struct quire_account_stats stats;
    struct quire_headroom headroom; /* of its loads (gauge.h) */
    struct quire_accounts *set;     /* all of the pager; null: of no pager */
    struct quire_pager *pager;
    struct quire_list_node link;  /* in set->list */
    struct quire_account *child;  /* heap: the first account below */
    struct quire_account *next;   /* ... the next below the same */
    struct quire_account *before; /* ... the one before, or above; null: the top */
    uint64_t passed;              /* number of the last search that found nothing (more) to take here */
    struct quire_account_count recount;
    void *user; /* the user's own */
};

/* All accounts of one pager. */
struct quire_accounts {
    struct quire_account *top; /* whose bound is the greatest */
    struct quire_list_node list;
    uint32_t count;
    uint32_t promised; /* pages that are reserved, or fixed beyond a reservation */
    uint64_t searches; /* so far: each has a number */
};

/* Makes the empty set. O(1). */
QUIRE_API void quire_accounts_init(struct quire_accounts *set) QUIRE_SYM(quire_accounts_init);

/* Makes `account`, of no page and no object, part of `set`. O(1). */
QUIRE_API void quire_account_join(struct quire_accounts *set, struct quire_account *account, struct quire_policy *policy,
                                  uint32_t quota, uint32_t reserved) QUIRE_SYM(quire_account_join);

/* Takes an account without pages out of its set. O(log accounts), amortised. */
QUIRE_API void quire_account_leave(struct quire_account *account) QUIRE_SYM(quire_account_leave);

/* Sets its limits. O(log accounts), amortised. */
QUIRE_API void quire_account_limit(struct quire_account *account, uint32_t quota, uint32_t reserved)
    QUIRE_SYM(quire_account_limit);

/* Its charge is about to pass the ceiling, by one page: finds its place anew. O(1). */
QUIRE_API QUIRE_RESIDENT void quire_account_raise(struct quire_account *account) QUIRE_SYM(quire_account_raise);

/* quire_account_giver() where it is not plain that an account serves itself. O(log accounts), amortised over the pages charged
 * and uncharged. */
QUIRE_API QUIRE_RESIDENT struct quire_account *quire_account_find_giver(struct quire_account *account)
    QUIRE_SYM(quire_account_find_giver);

/* The account whose surplus is the greatest. O(log accounts), amortised over the pages charged and uncharged. */
QUIRE_API QUIRE_RESIDENT struct quire_account *quire_accounts_richest(struct quire_accounts *set)
    QUIRE_SYM(quire_accounts_richest);

/* Of the accounts that search `number` did not pass yet, `account` itself last: one that may give a page to `account`. Null:
 * none. O(accounts). */
QUIRE_API QUIRE_RESIDENT struct quire_account *quire_account_next_giver(struct quire_account *account, uint64_t number)
    QUIRE_SYM(quire_account_next_giver);

/* Is the heap one, and does it hold every account of the set? O(accounts). */
QUIRE_API bool quire_accounts_check(const struct quire_accounts *set) QUIRE_SYM(quire_accounts_check);

/* Pages beyond the reservation; below 0: short of it. */
static inline QUIRE_RESIDENT int64_t quire_account_surplus(const struct quire_account *account)
{
    return (int64_t)account->charged - account->reserved;
}

/* It is about to have one page more than it had when this was last called, or than it had at any time since. O(1). */
QUIRE_INLINE QUIRE_RESIDENT void quire_account_expect(struct quire_account *account)
{
    if (QUIRE_UNLIKELY(account->charged >= account->ceiling)) {
        quire_account_raise(account);
    }
}

/* A page more, or less, holds a page of its objects. O(1). */
QUIRE_INLINE QUIRE_RESIDENT void quire_account_charge(struct quire_account *account)
{
    QUIRE_ASSERT(account->charged < account->ceiling);
    account->charged++;
}

QUIRE_INLINE QUIRE_RESIDENT void quire_account_uncharge(struct quire_account *account)
{
    QUIRE_ASSERT(account->charged > 0);
    account->charged--;
}

/* Pages that it has for good: reserved, or fixed beyond the reservation. O(1). */
static inline QUIRE_RESIDENT uint32_t quire_account_promised(const struct quire_account *account)
{
    return account->fixed > account->reserved ? account->fixed : account->reserved;
}

/* One page more, or less, of it cannot be evicted. O(1). */
static inline QUIRE_RESIDENT void quire_account_fix(struct quire_account *account, bool fixed)
{
    account->set->promised -= quire_account_promised(account);
    account->fixed = fixed ? account->fixed + 1u : account->fixed - 1u;
    account->set->promised += quire_account_promised(account);
}

/* May it have one page more within its quota? O(1). */
QUIRE_INLINE QUIRE_RESIDENT bool quire_account_within(const struct quire_account *account)
{
    return account->charged < account->quota;
}

/*
 * No page is free: which account gives one to `account`? The one with the greatest surplus, so that surpluses level out; but
 * itself, unless the other has as much as itself even afterwards, so that equals do not take from one another in turns. Of a
 * reservation nothing is given to others.
 */
QUIRE_INLINE QUIRE_RESIDENT struct quire_account *quire_account_giver(struct quire_account *account)
{
    return account->charged == account->own ? account : quire_account_find_giver(account);
}

/* It gets a page although that is beyond its quota. O(1). */
static inline QUIRE_RESIDENT void quire_account_tolerate(struct quire_account *account)
{
    if (account->tolerated <= account->charged) {
        account->tolerated = account->charged + 1u;
    }
}

/* Evictions in the account since content whose slot remembers `shadow` was last evicted. */
QUIRE_INLINE QUIRE_RESIDENT uint32_t quire_account_distance(const struct quire_account *account, uint32_t shadow)
{
    return shadow == 0 ? QUIRE_DISTANCE_UNKNOWN : (account->evictions - shadow) & QUIRE_SLOT_VALUE_MASK;
}

/* The shadow of a page of the account that is evicted now. */
QUIRE_INLINE QUIRE_RESIDENT uint32_t quire_account_shadow(struct quire_account *account)
{
    uint32_t now = (account->evictions + 1u) & QUIRE_SLOT_VALUE_MASK;

    account->evictions = now != 0 ? now : 1u; /* 0 in a slot means: never evicted */
    return account->evictions;
}

/* A page of the account was evicted for a page of `taker`. */
QUIRE_INLINE QUIRE_RESIDENT void quire_account_gave(struct quire_account *account, struct quire_account *taker)
{
    account->stats.evictions++;
    if (QUIRE_UNLIKELY(account != taker)) {
        account->stats.lost++;
        taker->stats.won++;
    }
}

QUIRE_END

#endif /* QUIRE_ACCOUNT_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_ACCOUNT_IMPLEMENTED)
#define QUIRE_ACCOUNT_IMPLEMENTED

QUIRE_BEGIN

/* ---- The heap ---- */

static QUIRE_RESIDENT int64_t quire_account_bound_(const struct quire_account *account)
{
    return (int64_t)account->ceiling - account->reserved;
}

/* Makes one heap of two; either may be null. The first stays on top of an equal. */
static QUIRE_RESIDENT struct quire_account *quire_account_meld_(struct quire_account *a, struct quire_account *b)
{
    if (a == NULL || b == NULL) {
        return a != NULL ? a : b;
    }
    if (quire_account_bound_(b) > quire_account_bound_(a)) {
        struct quire_account *other = a;

        a = b;
        b = other;
    }
    b->before = a;
    b->next = a->child;
    if (a->child != NULL) {
        a->child->before = b;
    }
    a->child = b;
    return a;
}

/* Takes an account that is not the top, with all below it, out of the heap. */
static QUIRE_RESIDENT void quire_account_cut_(struct quire_account *account)
{
    if (account->before->child == account) {
        account->before->child = account->next;
    } else {
        account->before->next = account->next;
    }
    if (account->next != NULL) {
        account->next->before = account->before;
    }
    account->before = NULL;
    account->next = NULL;
}

/* Makes one heap of what is below `account`, and leaves it with none: melds pairs, then the pairs from the last to the first. */
static QUIRE_RESIDENT struct quire_account *quire_account_below_(struct quire_account *account)
{
    struct quire_account *rest = account->child;
    struct quire_account *pairs = NULL; /* through `next`, the last first */
    struct quire_account *heap = NULL;

    account->child = NULL;
    while (rest != NULL) {
        struct quire_account *a = rest;
        struct quire_account *b = a->next;

        rest = b != NULL ? b->next : NULL;
        a->next = NULL;
        a->before = NULL;
        if (b != NULL) {
            b->next = NULL;
            b->before = NULL;
        }
        a = quire_account_meld_(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs != NULL) {
        struct quire_account *a = pairs;

        pairs = a->next;
        a->next = NULL;
        heap = quire_account_meld_(heap, a);
    }
    return heap;
}

/* Makes `top` the heap. The one on top serves itself, within its quota, as long as it has what its bound says. */
static QUIRE_RESIDENT void quire_accounts_set_top_(struct quire_accounts *set, struct quire_account *top)
{
    if (set->top != NULL) {
        set->top->own = UINT32_MAX;
    }
    set->top = top;
    if (top != NULL && top->ceiling < top->quota) {
        top->own = top->ceiling;
    }
}

/* Takes `account` alone out of the heap. */
static QUIRE_RESIDENT void quire_account_pull_(struct quire_account *account)
{
    struct quire_accounts *set = account->set;

    if (set->top == account) {
        quire_accounts_set_top_(set, quire_account_below_(account));
    } else {
        quire_account_cut_(account);
        quire_accounts_set_top_(set, quire_account_meld_(set->top, quire_account_below_(account)));
    }
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_account_raise(struct quire_account *account)
{
    struct quire_accounts *set = account->set;

    account->ceiling = account->charged + 1u;
    if (set->top != account) {
        quire_account_cut_(account);
        quire_accounts_set_top_(set, quire_account_meld_(set->top, account));
    } else {
        quire_accounts_set_top_(set, account);
    }
}

/* A bound that is too high is corrected, and its account makes room on top. */
QUIRE_API QUIRE_RESIDENT struct quire_account *quire_accounts_richest(struct quire_accounts *set)
{
    while (set->top->charged != set->top->ceiling) {
        struct quire_account *account = set->top;

        quire_account_pull_(account);
        account->ceiling = account->charged;
        quire_accounts_set_top_(set, quire_account_meld_(set->top, account));
    }
    return set->top;
}

/* ---- Who gives ---- */

QUIRE_API QUIRE_RESIDENT QUIRE_NOINLINE struct quire_account *quire_account_find_giver(struct quire_account *account)
{
    struct quire_account *richest = quire_accounts_richest(account->set);
    int64_t surplus = quire_account_surplus(richest);

    return surplus > 0 && surplus > quire_account_surplus(account) + 1 ? richest : account;
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD struct quire_account *quire_account_next_giver(struct quire_account *account,
                                                                                   uint64_t number)
{
    struct quire_accounts *set = account->set;
    struct quire_account *best = quire_account_giver(account);
    struct quire_list_node *node;

    if (best->passed != number) {
        return best;
    }
    best = NULL;
    for (node = set->list.next; node != &set->list; node = node->next) {
        struct quire_account *other = QUIRE_CONTAINER_OF(node, struct quire_account, link);

        if (other != account && other->passed != number && quire_account_surplus(other) > 0 &&
            (best == NULL || quire_account_surplus(other) > quire_account_surplus(best))) {
            best = other;
        }
    }
    return best != NULL ? best : account->passed != number ? account : NULL;
}

/* ---- The set ---- */

QUIRE_API void quire_accounts_init(struct quire_accounts *set)
{
    QUIRE_MEMSET(set, 0, sizeof *set);
    quire_list_init(&set->list);
}

QUIRE_API void quire_account_join(struct quire_accounts *set, struct quire_account *account, struct quire_policy *policy,
                                  uint32_t quota, uint32_t reserved)
{
    QUIRE_MEMSET(account, 0, sizeof *account);
    account->policy = policy;
    account->own = UINT32_MAX;
    account->quota = quota;
    account->reserved = reserved;
    account->set = set;
    quire_list_insert_before(&set->list, &account->link);
    set->count++;
    set->promised += reserved;
    quire_accounts_set_top_(set, quire_account_meld_(set->top, account));
}

QUIRE_API void quire_account_leave(struct quire_account *account)
{
    QUIRE_ASSERT(account->charged == 0 && account->fixed == 0 && account->objects == 0);
    quire_account_pull_(account);
    quire_list_remove(&account->link);
    account->set->count--;
    account->set->promised -= account->reserved;
    account->set = NULL;
}

QUIRE_API void quire_account_limit(struct quire_account *account, uint32_t quota, uint32_t reserved)
{
    struct quire_accounts *set = account->set;

    quire_account_pull_(account);
    set->promised -= quire_account_promised(account);
    account->quota = quota;
    account->reserved = reserved;
    set->promised += quire_account_promised(account);
    account->ceiling = account->charged;
    account->tolerated = account->charged > quota ? account->charged : 0;
    quire_accounts_set_top_(set, quire_account_meld_(set->top, account));
}

QUIRE_API bool quire_accounts_check(const struct quire_accounts *set)
{
    const struct quire_account *account = set->top;
    uint32_t n = 0;

    if (account == NULL || account->before != NULL || account->next != NULL) {
        return false;
    }
    /* Pre-order: an account, what is below it, what is beside it. */
    while (account != NULL) {
        bool plain = account == set->top && account->ceiling < account->quota;

        if (n++ >= set->count || account->set != set || account->charged > account->ceiling ||
            account->own != (plain ? account->ceiling : UINT32_MAX)) {
            return false;
        }
        if (account->next != NULL && account->next->before != account) {
            return false;
        }
        if (account->child != NULL) {
            const struct quire_account *below = account->child;

            if (below->before != account) {
                return false;
            }
            for (; below != NULL && n <= set->count; below = below->next) {
                if (quire_account_bound_(below) > quire_account_bound_(account)) {
                    return false;
                }
            }
            account = account->child;
            continue;
        }
        while (account != NULL && account->next == NULL) {
            /* To the first beside it, then to the one above. */
            while (account->before != NULL && account->before->child != account) {
                account = account->before;
            }
            account = account->before;
        }
        account = account != NULL ? account->next : NULL;
    }
    return n == set->count;
}

QUIRE_END

#endif
