/* quire/pager_check.h - are all invariants of a pager true? SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_PAGER_CHECK_H
#define QUIRE_PAGER_CHECK_H

#include "account.h"
#include "area.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "headroom.h"
#include "mmu.h"
#include "pager.h"
#include "pmem.h"
#include "request.h"
#include "rmap.h"

/*
 * The tests' main instrument, and yours: call it in your kernel's debug build when something looks odd. It walks everything
 * a pager knows and asks the `query` hook about every entry that could exist.
 */
QUIRE_BEGIN

struct quire_violation {
    const char *what;   /* "N: ...", N the number of the invariant in the README's design section; null: none */
    const void *object; /* the vm, area, fobj or pmem at fault */
    uint64_t detail;    /* a page index or number, where one helps; else 0 */
};

/* Returns OK, or CORRUPT with the first violation found in *out (may be null). Changes nothing but its own recounts. Under the
 * lock throughout: O(pages of the pool + slots of all objects + pages of all areas x log areas). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_check(struct quire_pager *pager, struct quire_violation *out)
    QUIRE_SYM(quire_pager_check);

QUIRE_END

#endif /* QUIRE_PAGER_CHECK_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_PAGER_CHECK_IMPLEMENTED)
#define QUIRE_PAGER_CHECK_IMPLEMENTED

QUIRE_BEGIN

/* Notes the first violation; true, for the caller to return. */
static bool quire_check_fail_(struct quire_violation *out, const char *what, const void *object, uint64_t detail)
{
    out->what = what;
    out->object = object;
    out->detail = detail;
    return true;
}

/* ---- One page ---- */

/* Invariants 2 and 3 for the entries of a resident page. */
static bool quire_check_entries_(const struct quire_pager *pager, const struct quire_pmem *pmem, struct quire_violation *out)
{
    const struct quire_mmu *mmu = pager->mmu;
    bool told = (mmu->features & QUIRE_MMU_HW_DIRTY) != 0;
    struct quire_area *area;
    uint32_t n = 0;

    for (area = quire_rmap_area(pmem); area != NULL; area = quire_rmap_area_next(pmem, area)) {
        unsigned entry = mmu->query(mmu->ctx, area->vm, quire_area_va(area, pmem->pgidx));

        if ((entry & QUIRE_ENTRY_PRESENT) == 0) {
            continue;
        }
        n++;
        if (pmem->sole != NULL && pmem->sole != area) {
            return quire_check_fail_(out, "2: a page names another area as its only mapper than the one that maps it", area,
                                     pmem->pgidx);
        }
        if ((area->flags & QUIRE_AREA_STUCK) != 0 || pmem->state == QUIRE_PAGE_QUARANTINED) {
            continue; /* the MMU refused to take that entry away */
        }
        if ((entry & QUIRE_PROT_ALL & ~(unsigned)area->prot) != 0) {
            return quire_check_fail_(out, "3: an entry permits more than its area", area, pmem->pgidx);
        }
        if ((entry & QUIRE_ENTRY_WRITE) != 0 && area->fobj != pmem->fobj) {
            return quire_check_fail_(out, "3: a copy on write can write the page of its origin", area, pmem->pgidx);
        }
        if ((entry & QUIRE_ENTRY_WRITE) != 0 && (pmem->flags & QUIRE_PMEM_DIRTY) == 0 && !told) {
            return quire_check_fail_(out, "3: a clean page is writable and no hardware will tell", area, pmem->pgidx);
        }
        if ((entry & QUIRE_ENTRY_WRITE) != 0 && quire_vm_log_covers(area->vm, quire_area_va(area, pmem->pgidx)) &&
            !quire_vm_log_has(area->vm, quire_area_va(area, pmem->pgidx))) {
            return quire_check_fail_(out, "3: a page can be written and the log of writes would not see it", area, pmem->pgidx);
        }
        if ((entry & QUIRE_ENTRY_WRITE) != 0 && (entry & QUIRE_ENTRY_EXEC) != 0 && (area->flags & QUIRE_AREA_WX) == 0) {
            return quire_check_fail_(out, "3: an entry is writable and executable, and nobody asked for it", area, pmem->pgidx);
        }
        /* Where an area asked for it (wx), a page that can be written may be executable meanwhile, here or in another area. */
        if ((entry & QUIRE_ENTRY_EXEC) != 0 && (pmem->flags & QUIRE_PMEM_SYNCED) == 0 &&
            (pmem->fobj->max_prot & QUIRE_PROT_WRITE) == 0) {
            return quire_check_fail_(out, "3: a page is executable whose content was not synced", area, pmem->pgidx);
        }
    }
    if (n != pmem->mapped || (pmem->mapped != 1u && pmem->sole != NULL)) {
        return quire_check_fail_(out, "2: a page has more or fewer entries than it counts", pmem, pmem->pgidx);
    }
    return false;
}

static bool quire_check_page_(const struct quire_pager *pager, uint32_t number, struct quire_violation *out)
{
    const struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    const struct quire_fobj *fobj = pmem->fobj;
    bool fixed = (pmem->flags & QUIRE_PMEM_FIXED) != 0;

    if (pmem->state == QUIRE_PAGE_FREE) {
        if (fobj != NULL || pmem->mapped != 0 || pmem->pins != 0 || pmem->holds != 0 || pmem->flags != 0) {
            return quire_check_fail_(out, "6: a free page is in use", pmem, number);
        }
        return false;
    }
    if (pmem->state == QUIRE_PAGE_OFFLINE) {
        if (fobj != NULL || pmem->mapped != 0 || pmem->pins != 0 || pmem->holds != 0 ||
            (pmem->flags & ~(pager->removing ? QUIRE_PMEM_DISCARD : 0u)) != 0) {
            return quire_check_fail_(out, "6: a page out of circulation is in use", pmem, number);
        }
        return false;
    }
    if (pmem->state >= QUIRE_PAGE_STATES || fobj == NULL || pmem->pgidx >= fobj->num_pages) {
        return quire_check_fail_(out, "1: a page holds no page of an fobj", pmem, number);
    }
    if (fobj->slots[pmem->pgidx] != quire_slot_become(fobj->slots[pmem->pgidx], QUIRE_SLOT_PRESENT, number)) {
        return quire_check_fail_(out, "1: a page and the slot of what it holds disagree", pmem, number);
    }
    if (fobj->dead && pmem->state == QUIRE_PAGE_RESIDENT && quire_refcount_read(&fobj->refs) == 0 && fobj->busy == 0) {
        return quire_check_fail_(out, "10: a page of a dead object is still there", pmem, number);
    }
    if ((pmem->state == QUIRE_PAGE_LOADING || pmem->state == QUIRE_PAGE_SAVING) && pmem->mapped != 0) {
        return quire_check_fail_(out, "2: a page has entries while a store works on it", pmem, number);
    }
    if ((pmem->pins != 0) > fixed) {
        return quire_check_fail_(out, "6: a pinned page counts as evictable", pmem, number);
    }
    if ((pmem->flags & QUIRE_PMEM_IN_POLICY) != 0 &&
        (fixed || pmem->state == QUIRE_PAGE_LOADING || pmem->state == QUIRE_PAGE_QUARANTINED)) {
        return quire_check_fail_(out, "6: the policy has a page that cannot be evicted", pmem, number);
    }
    if ((pmem->flags & QUIRE_PMEM_IN_POLICY) == 0 && !fixed && pmem->state == QUIRE_PAGE_RESIDENT) {
        return quire_check_fail_(out, "6: the policy does not know a page that could be evicted", pmem, number);
    }
    /* While an own copy is made, what its areas have entries of is the origin's page. */
    return quire_fobj_showing(pmem->fobj, pmem->pgidx) == fobj && quire_check_entries_(pager, pmem, out);
}

/* ---- The pool ---- */

struct quire_check_count_ {
    uint32_t state[QUIRE_PAGE_STATES];
    uint32_t fixed;
    uint32_t holds;
    uint32_t steps;      /* pages that some thread's row names */
    uint32_t step_names; /* and how often */
};

/* Counts a page for the account of its object, which is one of this pager. */
static void quire_check_charge_(const struct quire_pmem *pmem)
{
    if (pmem->fobj != NULL) {
        struct quire_account_count *count = &pmem->fobj->account->recount;

        count->charged++;
        count->fixed += (pmem->flags & QUIRE_PMEM_FIXED) != 0;
        count->in_policy += (pmem->flags & QUIRE_PMEM_IN_POLICY) != 0;
    }
}

static bool quire_check_pages_(const struct quire_pager *pager, struct quire_check_count_ *count, struct quire_violation *out)
{
    uint32_t segment;
    uint32_t i;

    for (segment = 0; segment < pager->pool.pages.nsegments; segment++) {
        for (i = 0; i < pager->pool.pages.segment[segment].npages; i++) {
            uint32_t number = (segment << QUIRE_PAGE_INDEX_BITS) | i;
            const struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

            if (quire_check_page_(pager, number, out)) {
                return true;
            }
            count->state[pmem->state]++;
            count->fixed += (pmem->flags & QUIRE_PMEM_FIXED) != 0;
            count->holds += pmem->holds;
            count->steps += pmem->steps != 0;
            count->step_names += pmem->steps;
            quire_check_charge_(pmem);
        }
    }
    return false;
}

static bool quire_check_free_list_(const struct quire_pager *pager, struct quire_violation *out)
{
    uint32_t number = pager->pool.free;
    uint32_t before = QUIRE_PAGE_NONE;
    uint32_t stale = 0;
    uint32_t n = 0;

    while (number != QUIRE_PAGE_NONE) {
        const struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

        if (pmem->state != QUIRE_PAGE_FREE || (n != 0 && pmem->chain_prev != before) || n++ >= pager->pool.total) {
            return quire_check_fail_(out, "6: the list of free pages is broken", pmem, number);
        }
        stale += quire_pmem_is_stale(pmem);
        before = number;
        number = pmem->chain_next;
    }
    if (n != pager->pool.count[QUIRE_PAGE_FREE]) {
        return quire_check_fail_(out, "6: a free page is lost", pager, n);
    }
    return stale != pager->pool.stale &&
           quire_check_fail_(out, "6: the free pages that are not wiped are more or fewer than it counts", pager, stale);
}

/* The reserve for needs (need.h), `unused` pages being free. */
static bool quire_check_reserve_(const struct quire_pager *pager, uint32_t unused, struct quire_violation *out)
{
    uint32_t lent = 0;
    uint32_t i;

    for (i = 0; i <= QUIRE_FOBJ_RANK_MAX; i++) {
        uint32_t number = pager->lent[i];

        if (number == QUIRE_PAGE_NONE) {
            continue;
        }
        lent++;
        if (pager->needing != NULL && (!quire_page_exists_(&pager->pool.pages, number) ||
                                       quire_pmem_at(&pager->pool, number)->state != QUIRE_PAGE_FLUSHING)) {
            return quire_check_fail_(out, "6: what is on the list of lent pages is not lent", pager, number);
        }
    }
    if (pager->held_back > pager->reserve || lent > pager->reserve - pager->held_back ||
        (pager->needing == NULL && pager->held_back != pager->reserve)) {
        return quire_check_fail_(out, "6: a page of the reserve is lent, and nobody owns the reserve", pager, lent);
    }
    return unused + (pager->reserve - pager->held_back) + pager->owed < pager->reserve &&
           quire_check_fail_(out, "6: the reserve lacks a page, and nobody owes it", pager, unused);
}

static bool quire_check_pool_(const struct quire_pager *pager, struct quire_violation *out)
{
    struct quire_check_count_ count;
    uint32_t names = 0;
    uint32_t sum = 0;
    uint32_t i;

    QUIRE_MEMSET(&count, 0, sizeof count);
    if (quire_check_pages_(pager, &count, out) || quire_check_free_list_(pager, out)) {
        return true;
    }
    for (i = 0; i < QUIRE_PAGE_STATES; i++) {
        sum += count.state[i];
        if (count.state[i] != pager->pool.count[i]) {
            return quire_check_fail_(out, "6: pages per state are counted wrongly", pager, i);
        }
    }
    for (i = 0; i < pager->concurrency * (pager->pages_per_step + 1u); i++) {
        names += i % (pager->pages_per_step + 1u) != 0 && pager->steps[i] != QUIRE_PAGE_NONE;
    }
    if (quire_check_reserve_(pager, count.state[QUIRE_PAGE_FREE], out)) {
        return true;
    }
    if (sum != pager->pool.total || count.fixed != pager->pool.fixed || count.holds != pager->holds ||
        count.steps != pager->step_pages || count.step_names != names) {
        return quire_check_fail_(out, "6: statistics and a recount disagree", pager, sum);
    }
    return false;
}

/* ---- Accounts ---- */

/* Before anything is counted. */
static bool quire_check_accounts_begin_(struct quire_pager *pager, struct quire_violation *out)
{
    struct quire_accounts *set = &pager->accounts;
    struct quire_list_node *node;
    uint32_t n = 0;

    if (!quire_list_check(&set->list, set->count) || !quire_accounts_check(set)) {
        return quire_check_fail_(out, "6: the accounts are in disorder", set, set->count);
    }
    for (node = set->list.next; node != &set->list; node = node->next) {
        struct quire_account *account = QUIRE_CONTAINER_OF(node, struct quire_account, link);

        QUIRE_MEMSET(&account->recount, 0, sizeof account->recount);
        n++;
    }
    return n != set->count && quire_check_fail_(out, "6: the accounts are in disorder", set, n);
}

/* One account, after all was counted. */
static bool quire_check_account_(const struct quire_account *account, struct quire_violation *out)
{
    const struct quire_account_count *count = &account->recount;

    if (!quire_headroom_check(&account->headroom)) {
        return quire_check_fail_(out, "6: a gauge of headroom does not add up", account, 0);
    }
    if (count->charged != account->charged || count->fixed != account->fixed || count->objects != account->objects) {
        return quire_check_fail_(out, "6: what an account is charged and a recount disagree", account, count->charged);
    }
    if (account->charged > account->quota && account->charged > account->tolerated) {
        return quire_check_fail_(out, "6: an account is beyond its quota, and nothing let it", account, account->charged);
    }
    return !account->policy->ops->check(account->policy, count->in_policy) &&
           quire_check_fail_(out, "6: the policy lost or invented a page", account->policy, count->in_policy);
}

static bool quire_check_accounts_(struct quire_pager *pager, struct quire_violation *out)
{
    struct quire_list_node *node;
    uint64_t promised = 0;
    uint64_t charged = 0;

    for (node = pager->accounts.list.next; node != &pager->accounts.list; node = node->next) {
        const struct quire_account *account = QUIRE_CONTAINER_OF(node, struct quire_account, link);

        if (quire_check_account_(account, out)) {
            return true;
        }
        charged += account->charged;
        promised += quire_account_promised(account);
    }
    return (charged != pager->pool.total - pager->pool.count[QUIRE_PAGE_FREE] - pager->pool.count[QUIRE_PAGE_OFFLINE] ||
            promised != pager->accounts.promised) &&
           quire_check_fail_(out, "6: the accounts do not add up", &pager->accounts, charged);
}

/* ---- Requests ---- */

/* The pages of a request in use are the object's, in the state that goes with the request's. */
static bool quire_check_request_(const struct quire_pager *pager, const struct quire_request *request,
                                 struct quire_violation *out)
{
    enum quire_page_state state = request->state == QUIRE_REQUEST_LATE ? QUIRE_PAGE_QUARANTINED
                                  : request->load                      ? QUIRE_PAGE_LOADING
                                                                       : QUIRE_PAGE_SAVING;
    const struct quire_fobj *fobj = request->io.fobj;
    uint32_t i;

    for (i = 0; i < request->io.npages; i++) {
        const struct quire_pmem *pmem = quire_pmem_at(&pager->pool, request->number[i]);

        if (pmem->fobj != fobj || pmem->pgidx != request->io.pgidx + i || pmem->state != (uint8_t)state) {
            return quire_check_fail_(out, "1: a page that a store works on is used for something else", pmem,
                                     request->number[i]);
        }
        if (pmem->mapped != 0) {
            return quire_check_fail_(out, "2: a page has entries while a store works on it", pmem, request->number[i]);
        }
    }
    return fobj->busy < request->io.npages &&
           quire_check_fail_(out, "7: an object could be freed while a store works on it", fobj, fobj->busy);
}

static bool quire_check_requests_(const struct quire_pager *pager, struct quire_violation *out)
{
    uint32_t used = 0;
    uint32_t late = 0;
    uint32_t evict = 0;
    uint32_t free = 0;
    uint32_t i;

    for (i = 0; i < pager->num_requests; i++) {
        const struct quire_request *request = &pager->requests[i];

        used += request->state != QUIRE_REQUEST_FREE;
        late += request->state == QUIRE_REQUEST_LATE;
        evict += request->state != QUIRE_REQUEST_FREE && request->state != QUIRE_REQUEST_ENDED && quire_request_evicts(request);
        if (request->state != QUIRE_REQUEST_FREE && request->state != QUIRE_REQUEST_ENDED &&
            quire_check_request_(pager, request, out)) {
            return true;
        }
    }
    for (i = pager->requests_first; i < pager->num_requests && free <= pager->num_requests; i = pager->requests[i].next) {
        if (pager->requests[i].state != QUIRE_REQUEST_FREE) {
            return quire_check_fail_(out, "6: a request in use can be taken", pager, i);
        }
        free++;
    }
    /* Requests that are worn out are neither. */
    return (used != pager->requests_used || late != pager->requests_late || evict != pager->requests_evict ||
            free + used > pager->num_requests) &&
           quire_check_fail_(out, "6: requests are counted wrongly", pager, used);
}

/* ---- Objects and contexts ---- */

/* Origin and copies know one another, and what was copied stands still. */
static bool quire_check_family_(const struct quire_fobj *fobj, struct quire_violation *out)
{
    const struct quire_fobj *before = NULL;
    const struct quire_fobj *copy = fobj->children;
    struct quire_tree_node *node;

    for (; copy != NULL; before = copy, copy = copy->sibling) {
        if (copy->origin != fobj || copy->dead || copy->sibling_before != before || copy->depth != fobj->depth + 1u) {
            return quire_check_fail_(out, "4: the list of an object's copies is broken", fobj, 0);
        }
    }
    if (((fobj->flags & QUIRE_FOBJ_COPY) != 0) != (fobj->origin != NULL)) {
        return quire_check_fail_(out, "4: an object does not know if it is a copy", fobj, 0);
    }
    if (fobj->origin != NULL && !fobj->dead) {
        for (copy = fobj->origin->children; copy != NULL && copy != fobj; copy = copy->sibling) {
        }
        if (copy == NULL) {
            return quire_check_fail_(out, "4: an origin does not know its copy", fobj, 0);
        }
    }
    if (fobj->frozen ? (fobj->max_prot & QUIRE_PROT_WRITE) != 0 || fobj->writers != 0 : fobj->children != NULL) {
        return quire_check_fail_(out, "3: an object that was copied can be written", fobj, 0);
    }
    for (node = fobj->frozen ? quire_tree_first(&fobj->areas) : NULL; node != NULL; node = quire_tree_next(node)) {
        const struct quire_area *area = QUIRE_CONTAINER_OF(node, struct quire_area, fobj_node);

        if ((area->prot & QUIRE_PROT_WRITE) != 0) {
            return quire_check_fail_(out, "3: an area can write an object that was copied", area, 0);
        }
    }
    return false;
}

/* Which pages of a copy are its own. */
static bool quire_check_own_(const struct quire_pager *pager, const struct quire_fobj *fobj, struct quire_violation *out)
{
    uint32_t own = 0;
    uint32_t i;

    for (i = 0; fobj->slots != NULL && i < fobj->num_pages; i++) {
        uint32_t slot = fobj->slots[i];
        unsigned kind = quire_slot_kind(slot);

        if ((slot & QUIRE_SLOT_OWN) != 0) {
            own++;
            if (fobj->origin == NULL) {
                return quire_check_fail_(out, "1: a page is the own copy of what is no copy", fobj, i);
            }
            if (kind == QUIRE_SLOT_EMPTY && !fobj->dead) {
                return quire_check_fail_(out, "5: an own copy is neither present nor stored", fobj, i);
            }
            if (kind == QUIRE_SLOT_PRESENT) {
                const struct quire_pmem *pmem = quire_pmem_at(&pager->pool, quire_slot_value(slot));

                if (pmem->state == QUIRE_PAGE_RESIDENT && (pmem->flags & (QUIRE_PMEM_DIRTY | QUIRE_PMEM_STORED)) == 0) {
                    return quire_check_fail_(out, "5: an own copy that was never stored counts as clean", fobj, i);
                }
            }
        } else if (fobj->origin != NULL && !fobj->dead &&
                   (kind == QUIRE_SLOT_STORED ||
                    (kind == QUIRE_SLOT_PRESENT &&
                     quire_pmem_at(&pager->pool, quire_slot_value(slot))->state != QUIRE_PAGE_LOADING))) {
            return quire_check_fail_(out, "1: a copy has a page that is not its own", fobj, i);
        }
    }
    return own != fobj->own && quire_check_fail_(out, "6: the own pages of a copy are counted wrongly", fobj, own);
}

/* Adds the slots that are claimed to *claims. */
static bool quire_check_fobj_(const struct quire_pager *pager, const struct quire_fobj *fobj, uint32_t *claims,
                              struct quire_violation *out)
{
    const char *wrong = quire_fobj_check_areas(fobj);
    uint32_t number = fobj->chain;
    uint32_t present = 0;
    uint32_t n = 0;
    uint32_t i;

    if (wrong != NULL) {
        return quire_check_fail_(out, wrong, fobj, 0);
    }
    if (fobj->account == NULL || fobj->account->set != &pager->accounts) {
        return quire_check_fail_(out, "6: an object is charged to no account of its pager", fobj, 0);
    }
    fobj->account->recount.objects++;
    if (quire_check_family_(fobj, out) || quire_check_own_(pager, fobj, out)) {
        return true;
    }
    for (i = 0; fobj->slots != NULL && i < fobj->num_pages; i++) {
        if (quire_slot_kind(fobj->slots[i]) == QUIRE_SLOT_PRESENT) {
            const struct quire_pmem *pmem = quire_pmem_at(&pager->pool, quire_slot_value(fobj->slots[i]));

            if (pmem->fobj != fobj || pmem->pgidx != i) {
                return quire_check_fail_(out, "1: a slot names a page that holds something else", fobj, i);
            }
            present++;
        }
        *claims += quire_slot_kind(fobj->slots[i]) == QUIRE_SLOT_CLAIMED;
    }
    for (; number != QUIRE_PAGE_NONE && n <= present; number = quire_pmem_at(&pager->pool, number)->chain_next) {
        if (quire_pmem_at(&pager->pool, number)->fobj != fobj) {
            return quire_check_fail_(out, "1: a page is in the chain of an object it does not belong to", fobj, number);
        }
        n++;
    }
    return (n != present || fobj->resident != present) &&
           quire_check_fail_(out, "6: an object's resident pages are counted wrongly", fobj, present);
}

/* No entry without a resident page behind it, in all the addresses of an area. */
static bool quire_check_area_(const struct quire_pager *pager, const struct quire_area *area, struct quire_violation *out)
{
    const struct quire_fobj *fobj = area->fobj;
    uint32_t i;

    for (i = area->first; i - area->first < area->npages; i++) {
        bool entry = (pager->mmu->query(pager->mmu->ctx, area->vm, quire_area_va(area, i)) & QUIRE_ENTRY_PRESENT) != 0;

        if (fobj->slots == NULL) {
            if (entry != (i - area->first < area->installed) && (area->flags & QUIRE_AREA_STUCK) == 0) {
                return quire_check_fail_(out, "2: an area of an unpaged object counts its entries wrongly", area, i);
            }
        } else if (entry && quire_slot_kind(quire_fobj_showing(area->fobj, i)->slots[i]) != QUIRE_SLOT_PRESENT) {
            return quire_check_fail_(out, "2: there is an entry for a page that is not there", area, i);
        }
    }
    return false;
}

static bool quire_check_vm_(const struct quire_pager *pager, const struct quire_vm *vm, struct quire_violation *out)
{
    const char *wrong = quire_vm_check_areas(vm);
    const struct quire_area *area;

    if (wrong != NULL) {
        return quire_check_fail_(out, wrong, vm, 0);
    }
    if (!quire_headroom_check(&vm->headroom)) {
        return quire_check_fail_(out, "6: a gauge of headroom does not add up", vm, 0);
    }
    for (area = quire_vm_area_from(vm, vm->first); area != NULL; area = quire_vm_area_next(area)) {
        if (quire_check_area_(pager, area, out)) {
            return true;
        }
    }
    return false;
}

static bool quire_check_all_(struct quire_pager *pager, struct quire_violation *out)
{
    struct quire_list_node *node;
    uint32_t claims = 0;

    if (!quire_list_check(&pager->vms, SIZE_MAX - 1u) || !quire_list_check(&pager->fobjs, SIZE_MAX - 1u)) {
        return quire_check_fail_(out, "4: a list of the pager is broken", pager, 0);
    }
    if (quire_check_accounts_begin_(pager, out)) {
        return true;
    }
    for (node = pager->vms.next; node != &pager->vms; node = node->next) {
        if (quire_check_vm_(pager, QUIRE_CONTAINER_OF(node, struct quire_vm, link), out)) {
            return true;
        }
    }
    for (node = pager->fobjs.next; node != &pager->fobjs; node = node->next) {
        if (quire_check_fobj_(pager, QUIRE_CONTAINER_OF(node, struct quire_fobj, link), &claims, out)) {
            return true;
        }
    }
    if (quire_check_requests_(pager, out)) {
        return true;
    }
    if (claims != pager->claims) {
        return quire_check_fail_(out, "6: a slot is claimed and nobody makes room for it", pager, claims);
    }
    return quire_check_pool_(pager, out) || quire_check_accounts_(pager, out);
}

QUIRE_API enum quire_status quire_pager_check(struct quire_pager *pager, struct quire_violation *out)
{
    struct quire_violation own;
    struct quire_op op;
    bool wrong;

    if (out == NULL) {
        out = &own;
    }
    QUIRE_MEMSET(out, 0, sizeof *out);
    quire_op_begin(&op, pager);
    wrong = quire_check_all_(pager, out);
    quire_op_end(&op);
    return wrong ? QUIRE_CORRUPT : QUIRE_OK;
}

QUIRE_END

#endif
