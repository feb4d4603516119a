/* quire/pager.h - the engine: faults, eviction, write-back. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_PAGER_H
#define QUIRE_PAGER_H

#include "account.h"
#include "area.h"
#include "around.h"
#include "base.h"
#include "engine.h"
#include "fault.h"
#include "fobj.h"
#include "list.h"
#include "mmu.h"
#include "need.h"
#include "page_in.h"
#include "pmem.h"
#include "policy.h"
#include "request.h"
#include "rmap.h"
#include "trace.h"

/*
 * A pager owns a pool of physical pages and shows in them, on demand, the pages of fobjs that the areas of its contexts
 * map. Three calls to begin with: quire_pager_init(), quire_vm_map() (vm.h), and quire_pager_fault() from the exception
 * handler. A fault travels one way:
 *
 *   exception -> which area (area.h) -> which slot (fobj.h) -> which page (pmem.h) -> the store -> an entry (mmu.h)
 *
 * One lock (the hooks' `lock`) covers everything of a pager: contexts, areas, objects once mapped, pages. No lock is held
 * while a store loads or saves, while memory is allocated or freed, and in need_tables and wait; what was read before such a
 * call is read again after it. Every operation takes the lock itself, and so must not be called with it held.
 *
 * Invariants: quire_pager_check() (pager_check.h) names and checks them.
 */
QUIRE_BEGIN

/* ---- Set-up ---- */

/* Pages the pool must have so that every instruction finishes: each of `concurrency` threads that fault at once can have
 * its last `step` faulted pages present together, and `rank_max` + 1 pages are a reserve. */
#define QUIRE_PAGER_MIN_PAGES(concurrency, step, rank_max) ((uint64_t)(concurrency) * (step) + (rank_max) + 1u)

/* Bytes of the table that remembers the last pages of each thread. */
#define QUIRE_PAGER_STEP_BYTES(concurrency, step) ((size_t)(concurrency) * ((step) + (size_t)1) * sizeof(uint32_t))

#define QUIRE_PAGER_STEP_DEFAULT 4u

/* Zero-initialise it, then set what is marked (must). It may be discarded after quire_pager_init(). */
struct quire_pager_config {
    const struct quire_mmu *mmu; /* (must) lives as long as the pager */
    struct quire_policy *policy; /* (must) fresh from e.g. quire_policy_clock_init(&clock); belongs to the root account */
    struct quire_mem mem;        /* (must) for the areas of quire_vm_map and its siblings */
    struct quire_pa pa;          /* (must) the first segment of physical pages ... */
    uint32_t npages;             /* (must) ... how many ... */
    struct quire_pmem *pmems;    /* (must) ... and npages elements of bookkeeping for them */
    uint32_t concurrency;        /* (must) threads that can fault at once, 1..65535; fault.thread lies below it */
    uint32_t pages_per_step;     /* pages one instruction may need at once, 1..255; 0: QUIRE_PAGER_STEP_DEFAULT */
    uint32_t rank_max;           /* the highest rank of any fobj; 0..QUIRE_FOBJ_RANK_MAX. Above 0: needs, see need.h */
    uint32_t *steps;             /* (must) QUIRE_PAGER_STEP_BYTES(concurrency, pages_per_step) bytes */

    /* A read or fetch that faults on a shared object maps what is resident around it, too (around.h). */
    uint32_t around; /* pages of the window, a power of two up to QUIRE_AROUND_MAX; 16 is a good choice; 0: off */
    /* For stores that answer later (io.h): as many loads and saves as can be in flight. Null and 0: PENDING is no answer. */
    struct quire_request *requests; /* they live as long as the pager */
    uint32_t num_requests;          /* at most QUIRE_REQUESTS_MAX */
    struct quire_trace *trace;      /* is told what happens (trace.h); null: nobody is. With QUIRE_TRACE 0 it must be null */
};

/* Makes a pager over the first segment of pages. INVALID: a `must` missing, hooks incomplete, numbers out of range, pages
 * unaligned or wrapping; NO_PAGE: fewer pages than QUIRE_PAGER_MIN_PAGES(). Takes no lock; O(npages + step table). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_init(struct quire_pager *pager,
                                                              const struct quire_pager_config *config)
    QUIRE_SYM(quire_pager_init);

/* Ends a pager that has no context, no object and no account but the root left (an object stays known until its last put, mapped or
 * not: files and pins have references too), thus none of whose pages a store is still working on. BUSY if it has: nothing
 * changed. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_fini(struct quire_pager *pager) QUIRE_SYM(quire_pager_fini);

/* Adds npages contiguous physical pages, with as many elements of bookkeeping. INVALID: unaligned, empty, wrapping,
 * overlapping pages it has; LIMIT: 2^QUIRE_SEGMENT_BITS segments are in use. O(npages), under the lock. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_add_pages(struct quire_pager *pager, struct quire_pa pa,
                                                                   uint32_t npages, struct quire_pmem *pmems)
    QUIRE_SYM(quire_pager_add_pages);

/* Ties `fobj`, to which the caller has a reference, to the pager until its last put, as the first mapping does: an object that
 * is only needed by the stores of others (need.h), or pinned, need never be mapped. BUSY: it belongs to another pager; INVALID:
 * its rank is too high, or it is unpaged; DEAD, LIMIT as quire_fobj_get(). Knowing it twice is fine. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_know(struct quire_pager *pager, struct quire_fobj *fobj)
    QUIRE_SYM(quire_pager_know);

/* ---- Statistics ---- */

/* A consistent copy of the statistics. O(1), under the lock. */
QUIRE_API void quire_pager_get_stats(struct quire_pager *pager, struct quire_pager_stats *out) QUIRE_SYM(quire_pager_get_stats);

/* ---- What vm.h, pin.h and writeback.h are made of. Not for users. ---- */

/* Ties `fobj`, which has a reference and no pager, to this pager and to `account`, whom its pages are charged to. */
QUIRE_API void quire_pager_tie(struct quire_pager *pager, struct quire_fobj *fobj, struct quire_account *account)
    QUIRE_SYM(quire_pager_tie);

/* Takes a reference of `fobj` and ties it to the pager, on its first mapping. BUSY: it belongs to another; INVALID: its rank is too
 * high; DEAD, LIMIT: no reference can be had. */
QUIRE_API enum quire_status quire_pager_attach(struct quire_pager *pager, struct quire_fobj *fobj)
    QUIRE_SYM(quire_pager_attach);

QUIRE_END

#endif /* QUIRE_PAGER_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_PAGER_IMPLEMENTED)
#define QUIRE_PAGER_IMPLEMENTED

QUIRE_BEGIN

/* ---- Objects ---- */

/* Is somebody using the object who has a reference of his own? Then the last one that was put was not the putter's. */
static QUIRE_RESIDENT bool quire_fobj_in_use_(const struct quire_pager *pager, const struct quire_fobj *fobj)
{
    uint32_t number = fobj->chain;

    for (; number != QUIRE_PAGE_NONE; number = quire_pmem_at(&pager->pool, number)->chain_next) {
        if ((quire_pmem_at(&pager->pool, number)->pins | quire_pmem_at(&pager->pool, number)->holds) != 0) {
            return true;
        }
    }
    return quire_fobj_any_area(fobj) != NULL;
}

/* A copy on write that died is no longer one of its origin's. Nobody who comes back to it follows `origin` then: it is dead. */
static QUIRE_RESIDENT void quire_fobj_leave_(struct quire_fobj *fobj)
{
    if (fobj->sibling_before != NULL) {
        fobj->sibling_before->sibling = fobj->sibling;
    } else {
        fobj->origin->children = fobj->sibling;
    }
    if (fobj->sibling != NULL) {
        fobj->sibling->sibling_before = fobj->sibling_before;
    }
    fobj->sibling = NULL;
    fobj->sibling_before = NULL;
}

/* The last reference of a mapped object went: its pages go with it, one at a time, so that the lock is never held for long. Stores its
 * origin, or null, in *origin: the reference to that is the caller's now. UNDERFLOW: it stays. */
static QUIRE_RESIDENT enum quire_status quire_pager_end_fobj_(struct quire_fobj *fobj, struct quire_fobj **origin)
{
    struct quire_op op;
    uint32_t number;

    *origin = NULL;
    quire_op_begin(&op, fobj->pager);
    if (quire_fobj_in_use_(fobj->pager, fobj)) {
        quire_refcount_init(&fobj->refs, QUIRE_REFCOUNT_MAX); /* nobody knows any more how many there are: it stays for good */
        quire_op_end(&op);
        return QUIRE_UNDERFLOW;
    }
    fobj->dead = true;
    if (QUIRE_PAGER_TRACED(op.pager)) {
        quire_pager_tell_fobj(op.pager, fobj, QUIRE_TRACE_ENDED);
    }
    *origin = fobj->origin;
    if (fobj->origin != NULL) {
        quire_fobj_leave_(fobj);
    }
    fobj->busy++;
    number = fobj->chain;
    while (number != QUIRE_PAGE_NONE) {
        struct quire_pmem *pmem = quire_pmem_at(&op.pager->pool, number);

        if (pmem->state != QUIRE_PAGE_RESIDENT) {
            number = pmem->chain_next; /* in transit: whoever ends that wipes it */
            continue;
        }
        quire_pager_wipe(&op, number);
        quire_op_unlock(&op);
        quire_op_lock(&op);
        number = fobj->chain;
    }
    quire_pager_wipe_stale(&op);
    quire_op_unbusy(&op, fobj);
    quire_op_end(&op);
    return QUIRE_OK;
}

static QUIRE_RESIDENT enum quire_status quire_pager_last_put_(struct quire_fobj *fobj)
{
    struct quire_fobj *origin;
    enum quire_status status = quire_pager_end_fobj_(fobj, &origin);
    bool last;

    while (origin != NULL && quire_refcount_put(&origin->refs, &last) == QUIRE_OK && last) {
        (void)quire_pager_end_fobj_(origin, &origin);
    }
    return status;
}

QUIRE_API void quire_pager_tie(struct quire_pager *pager, struct quire_fobj *fobj, struct quire_account *account)
{
    fobj->pager = pager;
    fobj->account = account;
    account->objects++;
    quire_request_forget(pager, fobj);
    fobj->last_put = quire_pager_last_put_;
    quire_list_insert_before(&pager->fobjs, &fobj->link);
#if QUIRE_TRACE
    fobj->id = ++pager->last_fobj;
    if (QUIRE_PAGER_TRACED(pager)) {
        quire_pager_tell_fobj(pager, fobj, QUIRE_TRACE_BEGAN);
    }
#endif
}

QUIRE_API enum quire_status quire_pager_attach(struct quire_pager *pager, struct quire_fobj *fobj)
{
    enum quire_status status;

    if (fobj->pager != NULL && fobj->pager != pager) {
        return QUIRE_BUSY;
    }
    if (fobj->rank > pager->rank_max) {
        return QUIRE_INVALID;
    }
    status = quire_fobj_get(fobj); /* first: a dead object must not be tied to anything */
    if (status == QUIRE_OK && fobj->pager == NULL) {
        quire_pager_tie(pager, fobj, &pager->root);
    }
    return status;
}

QUIRE_API enum quire_status quire_pager_know(struct quire_pager *pager, struct quire_fobj *fobj)
{
    enum quire_status status;
    struct quire_op op;

    if (quire_fobj_is_unpaged(fobj)) {
        return QUIRE_INVALID;
    }
    quire_op_begin(&op, pager);
    status = quire_pager_attach(pager, fobj);
    quire_op_end(&op);
    if (status == QUIRE_OK) {
        (void)quire_fobj_put(fobj); /* not the last: the caller has one */
    }
    return status;
}

/* ---- Set-up ---- */

static bool quire_pager_config_valid_(const struct quire_pager_config *config, uint32_t step)
{
    return quire_mmu_valid(config->mmu) && config->policy != NULL && config->policy->ops != NULL &&
           config->policy->host.ctx == NULL && config->mem.alloc != NULL && config->mem.free != NULL &&
           config->concurrency >= 1u && config->concurrency <= 65535u && step <= 255u &&
           config->rank_max <= QUIRE_FOBJ_RANK_MAX && config->steps != NULL && config->around <= QUIRE_AROUND_MAX &&
           (config->around & (config->around - 1u)) == 0 && (config->requests != NULL) == (config->num_requests != 0) &&
           config->num_requests <= QUIRE_REQUESTS_MAX &&
           (config->trace == NULL || (QUIRE_TRACE && quire_trace_valid(config->trace)));
}

QUIRE_API enum quire_status quire_pager_init(struct quire_pager *pager, const struct quire_pager_config *config)
{
    uint32_t step = config->pages_per_step != 0 ? config->pages_per_step : QUIRE_PAGER_STEP_DEFAULT;
    uint64_t min = QUIRE_PAGER_MIN_PAGES(config->concurrency, step, config->rank_max);
    enum quire_status status;
    uint32_t i;

    if (!quire_pager_config_valid_(config, step)) {
        return QUIRE_INVALID;
    }
    if (config->npages < min) {
        return QUIRE_NO_PAGE;
    }
    QUIRE_MEMSET(pager, 0, sizeof *pager);
    quire_pmem_pool_init(&pager->pool);
    status = quire_pmem_pool_add(&pager->pool, config->pa, config->npages, config->pmems);
    if (status != QUIRE_OK) {
        return status;
    }
    pager->stamp = QUIRE_STAMP;
    pager->mmu = config->mmu;
    pager->mem = config->mem;
    quire_list_init(&pager->vms);
    quire_list_init(&pager->fobjs);
    pager->steps = config->steps;
    pager->concurrency = config->concurrency;
    pager->pages_per_step = step;
    pager->rank_max = config->rank_max;
    pager->min_pages = (uint32_t)min;
    if (config->rank_max != 0) {
        pager->need = quire_pager_need;
        pager->reserve = config->rank_max + 1u;
        pager->held_back = pager->reserve;
    }
    for (i = 0; i <= QUIRE_FOBJ_RANK_MAX; i++) {
        pager->lent[i] = QUIRE_PAGE_NONE;
    }
    pager->around = (uint8_t)config->around;
    for (i = 0; i < config->concurrency * (step + 1u); i++) {
        pager->steps[i] = i % (step + 1u) == 0 ? 1u : QUIRE_PAGE_NONE;
    }
    quire_pager_listen(pager, config->trace);
    quire_request_init(pager, config->requests, config->num_requests);
    quire_pager_host(pager, &pager->root, config->policy);
    quire_accounts_init(&pager->accounts);
    quire_account_join(&pager->accounts, &pager->root, config->policy, QUIRE_QUOTA_NONE, 0);
    pager->root.pager = pager;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_pager_fini(struct quire_pager *pager)
{
    struct quire_op op;
    enum quire_status status;

    quire_op_begin(&op, pager);
    status =
        quire_list_empty(&pager->vms) && quire_list_empty(&pager->fobjs) && pager->accounts.count == 1u ? QUIRE_OK : QUIRE_BUSY;
    quire_op_end(&op);
    return status;
}

QUIRE_API enum quire_status quire_pager_add_pages(struct quire_pager *pager, struct quire_pa pa, uint32_t npages,
                                                  struct quire_pmem *pmems)
{
    struct quire_op op;
    enum quire_status status;

    quire_op_begin(&op, pager);
    status = quire_pmem_pool_add(&pager->pool, pa, npages, pmems);
    quire_op_wake_room(&op);
    quire_op_end(&op);
    return status;
}

QUIRE_API void quire_pager_get_stats(struct quire_pager *pager, struct quire_pager_stats *out)
{
    struct quire_op op;
    unsigned i;

    quire_op_begin(&op, pager);
    *out = pager->stats;
    for (i = 0; i < QUIRE_PAGE_STATES; i++) {
        out->pages[i] = pager->pool.count[i];
    }
    out->total = pager->pool.total;
    out->fixed = pager->pool.fixed;
    out->steps = pager->step_pages;
    out->requests = pager->requests_used;
    out->requests_late = pager->requests_late;
    quire_op_end(&op);
}

QUIRE_END

#endif
