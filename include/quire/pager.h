/* quire/pager.h - the engine: faults, eviction, write-back. SPDX-License-Identifier: BSD-2-Clause. Quire 0.3.0 */
#ifndef QUIRE_PAGER_H
#define QUIRE_PAGER_H

#include "account.h"
#include "area.h"
#include "around.h"
#include "base.h"
#include "engine.h"
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

/* ---- Faults ---- */

struct quire_fault {
    uintptr_t va;    /* any byte of the access */
    unsigned access; /* exactly one of QUIRE_PROT_READ, WRITE, EXEC */
    bool privileged; /* false: needs QUIRE_PROT_USER in the area */
    bool wait_ok;    /* may this thread sleep in the `wait` hook? */
    uint32_t thread; /* 0..concurrency-1: no two threads in the pager at once have the same */
};

enum quire_fault_kind {
    QUIRE_FAULT_REFUSED, /* the status tells why */
    QUIRE_FAULT_MINOR,
    QUIRE_FAULT_MAJOR,
    QUIRE_FAULT_WRITE,    /* a resident page became writable */
    QUIRE_FAULT_ACCESSED, /* only the accessed flag was to be set */
    QUIRE_FAULT_SPURIOUS, /* nothing was to do */
    QUIRE_FAULT_UNPAGED
};

struct quire_fault_result {
    enum quire_fault_kind kind;
    struct quire_fobj *fobj; /* for reports: compare it, do not follow it (another thread may have put it). Null: no area */
    uint32_t pgidx;
    enum quire_status store; /* what the store last answered in this fault; OK if it was not asked */
};

/*
 * Handles one fault of a context; call it from the exception handler, and on OK let the instruction run again. `out` may be
 * null. Sleeps in load, save, need_tables and (wait_ok) wait, without the lock.
 *
 * NOT_FOUND: no area there. DENIED: the area does not permit it. AGAIN: it would have to wait and must not, or cannot: let the
 * instruction run again (out->store PENDING: best after the store's answer). TIMEOUT: the store was not in time (io.h). DEAD:
 * the object died while this thread waited. IO, INTEGRITY, NO_MEMORY, BAD_ANSWER: what the store answered to the load (others
 * are not affected; a retry may succeed). NO_PAGE: nothing can be evicted; out->store tells if saves failed. NO_TABLE:
 * page-table memory could not be had in 3 rounds; the page stays resident. STUCK: the page, or the area, is quarantined.
 * INVALID: `in` is not as above.
 *
 * Cost: O(log areas of the vm); a page with other mappings is not slowed by them. An eviction adds what the policy looks at
 * (bounded) and the entries of the victim. Independent of the pool's size.
 */
QUIRE_API QUIRE_RESIDENT QUIRE_MUST_CHECK enum quire_status quire_pager_fault(struct quire_pager *pager, struct quire_vm *vm,
                                                                              const struct quire_fault *in,
                                                                              struct quire_fault_result *out)
    QUIRE_SYM(quire_pager_fault);

/* A consistent copy of the statistics. O(1), under the lock. */
QUIRE_API void quire_pager_get_stats(struct quire_pager *pager, struct quire_pager_stats *out) QUIRE_SYM(quire_pager_get_stats);

/* ---- What vm.h, pin.h and writeback.h are made of. Not for users. ---- */

/* Finds what an access of `vm` needs and makes it resident: *area, and for a paged object page *number (else QUIRE_PAGE_NONE).
 * *area is the area that holds the address, if that has been looked up, or null. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_resolve(struct quire_op *op, struct quire_vm *vm,
                                                               const struct quire_fault *in, struct quire_fault_result *out,
                                                               struct quire_area **area, uint32_t *number)
    QUIRE_SYM(quire_pager_resolve);

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

/* ---- Faults ---- */

/* What keeps an access from being served at all. */
static QUIRE_RESIDENT enum quire_status quire_pager_permit_(const struct quire_area *area, const struct quire_fault *in)
{
    unsigned need = in->access | (in->privileged ? 0 : QUIRE_PROT_USER);

    if (QUIRE_LIKELY((area->prot & need) == need)) {
        return QUIRE_OK;
    }
    return (area->flags & QUIRE_AREA_STUCK) != 0 ? QUIRE_STUCK : QUIRE_DENIED; /* a stuck area permits nothing */
}

/* For a trace: what the fault found in an earlier round, if there was one, may be gone. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_nowhere_(struct quire_op *op)
{
#if QUIRE_TRACE
    op->untold |= QUIRE_OP_LEFT;
    op->fobj = 0;
#else
    (void)op;
#endif
}

QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_resolve_(struct quire_op *op, struct quire_vm *vm,
                                                                   const struct quire_fault *in, struct quire_fault_result *out,
                                                                   struct quire_area **area, uint32_t *number)
{
    struct quire_how how;

    how.wait_ok = in->wait_ok;
    how.steps = quire_pager_step_row(op->pager, in->thread);
    how.headroom = &vm->headroom;
    for (;;) {
        enum quire_status status;
        struct quire_area *at;
        uint32_t changes = vm->changes;
        bool loaded = false;
        bool dropped = false;

        if (QUIRE_UNLIKELY(vm->flushing != 0)) {
            status = quire_op_wait(op, vm, in->wait_ok);
            if (status != QUIRE_OK) {
                quire_op_nowhere_(op);
                return status;
            }
            *area = NULL;
            continue;
        }
        at = *area != NULL ? *area : quire_vm_area_at(vm, in->va);
        if (at == NULL) {
            quire_op_nowhere_(op);
            return QUIRE_NOT_FOUND;
        }
        *area = at;
        out->fobj = at->fobj;
        out->pgidx = quire_area_page(at, in->va);
        status = quire_pager_permit_(at, in);
        if (status != QUIRE_OK) {
            return status;
        }
        if (quire_fobj_is_unpaged(at->fobj)) {
            *number = QUIRE_PAGE_NONE;
            return QUIRE_OK;
        }
        status = quire_pager_bring_(op, at->fobj, out->pgidx, &how, number, &loaded, &dropped, &out->store);
        if (loaded && status == QUIRE_OK) {
            out->kind = QUIRE_FAULT_MAJOR;
        }
        if (status != QUIRE_OK || !dropped || (vm->changes == changes && vm->flushing == 0)) {
            return status; /* the lock was dropped, but the areas are what they were */
        }
        if (QUIRE_PAGER_TRACED(op->pager)) {
            quire_op_tell_came(op, loaded ? *number : QUIRE_PAGE_NONE);
        }
#if QUIRE_TRACE
        op->page = QUIRE_PAGE_NONE; /* told: it may be another's by the time the fault ends */
#endif
        *area = NULL;
    }
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_resolve(struct quire_op *op, struct quire_vm *vm,
                                                               const struct quire_fault *in, struct quire_fault_result *out,
                                                               struct quire_area **area, uint32_t *number)
{
    uint64_t began = quire_pager_clock(op->pager);
    enum quire_status status = quire_pager_resolve_(op, vm, in, out, area, number);

    if (QUIRE_PAGER_TRACED(op->pager) && status == QUIRE_OK && out->kind == QUIRE_FAULT_MAJOR) {
        quire_op_tell_load(op, *number, out->fobj->id, out->pgidx, status, began);
    }
    return status;
}

/* n pages from page `pgidx` of an unpaged object can be written from now on, unseen. */
static QUIRE_RESIDENT QUIRE_COLD void quire_pager_log_unpaged_(struct quire_area *area, uint32_t pgidx, uint32_t n)
{
    for (; n > 0 && area->vm->logged != 0 && (area->prot & QUIRE_PROT_WRITE) != 0; n--, pgidx++) {
        quire_vm_log_note(area->vm, quire_area_va(area, pgidx));
    }
}

/* Maps what is not mapped yet of an area that shows an unpaged object, in runs as long as the memory is contiguous. */
static QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_pager_map_unpaged_(struct quire_op *op, struct quire_area *area,
                                                                            struct quire_fault_result *out)
{
    const struct quire_mmu *mmu = op->pager->mmu;

    out->kind = area->installed == area->npages ? QUIRE_FAULT_SPURIOUS : QUIRE_FAULT_UNPAGED;
    while (area->installed < area->npages) {
        struct quire_pa pa;
        uint32_t n = 0;
        enum quire_status status;

        area->fobj->ops->phys(area->fobj, area->first + area->installed, &pa, &n);
        if (n == 0 || (pa.addr & QUIRE_PAGE_MASK) != 0) {
            return QUIRE_BAD_ANSWER;
        }
        if (n > area->npages - area->installed) {
            n = area->npages - area->installed;
        }
        status =
            mmu->map(mmu->ctx, area->vm, quire_area_va(area, area->first + area->installed), pa, n, area->prot, area->attr);
        if (status != QUIRE_OK) {
            return status == QUIRE_NO_TABLE ? status : QUIRE_BAD_ANSWER;
        }
        quire_pager_log_unpaged_(area, area->first + area->installed, n);
        area->installed += n;
    }
    return QUIRE_OK;
}

/* Instructions in this page become visible to instruction fetch, once per content. */
static QUIRE_RESIDENT QUIRE_COLD void quire_pager_sync_code_(struct quire_pager *pager, uint32_t number, uintptr_t va)
{
    const struct quire_mmu *mmu = pager->mmu;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    struct quire_pa pa = quire_pmem_pa(&pager->pool, number);
    void *alias = mmu->alias_get(mmu->ctx, pa);

    mmu->sync_code(mmu->ctx, alias, va, QUIRE_PAGE_SIZE);
    mmu->alias_put(mmu->ctx, pa, alias);
    /* An entry elsewhere may let somebody write on (wx): then it is not in sync for the next who maps it. */
    if (pmem->mapped == 0 || (pmem->fobj->max_prot & QUIRE_PROT_WRITE) == 0) {
        pmem->flags |= QUIRE_PMEM_SYNCED;
    }
}

/* Deals with an entry that is there already: good as it is, its accessed flag missing, or to be removed and made anew. */
static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_pager_present_(struct quire_op *op, struct quire_area *area,
                                                                            uint32_t number, unsigned entry,
                                                                            const struct quire_fault *in,
                                                                            struct quire_fault_result *out, bool *done)
{
    const struct quire_mmu *mmu = op->pager->mmu;
    struct quire_pmem *pmem = quire_pmem_at(&op->pager->pool, number);
    unsigned need = in->access | (in->privileged ? 0 : QUIRE_PROT_USER);
    enum quire_status status;

    if ((entry & need) == need) {
        *done = true;
        if ((entry & QUIRE_ENTRY_ACCESSED) != 0 || mmu->age == NULL) {
            out->kind = QUIRE_FAULT_SPURIOUS;
            return QUIRE_OK;
        }
        status = mmu->map(mmu->ctx, area->vm, quire_area_va(area, pmem->pgidx), quire_pmem_pa(&op->pager->pool, number), 1,
                          entry & QUIRE_PROT_ALL, area->attr);
        out->kind = QUIRE_FAULT_ACCESSED;
        return status == QUIRE_OK || status == QUIRE_NO_TABLE ? status : QUIRE_BAD_ANSWER;
    }
    if ((quire_rmap_remove_one(mmu, &op->batch, pmem, area) & QUIRE_ENTRY_STUCK) != 0) {
        quire_pager_quarantine(op, number);
        *done = true;
        return QUIRE_STUCK;
    }
    out->kind = in->access == QUIRE_PROT_WRITE ? QUIRE_FAULT_WRITE : QUIRE_FAULT_MINOR;
    return QUIRE_OK;
}

/* Makes the entry of a resident page, and notes what follows from it. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_enter_(struct quire_pager *pager, struct quire_area *area,
                                                                 struct quire_pmem *pmem, uint32_t number, unsigned prot,
                                                                 unsigned access)
{
    const struct quire_mmu *mmu = pager->mmu;
    enum quire_status status = mmu->map(mmu->ctx, area->vm, quire_area_va(area, pmem->pgidx),
                                        quire_pmem_pa(&pager->pool, number), 1, prot, area->attr);

    if (QUIRE_UNLIKELY(status != QUIRE_OK)) {
        return status == QUIRE_NO_TABLE ? status : QUIRE_BAD_ANSWER;
    }
    quire_rmap_note(pmem, area);
    if (mmu->age == NULL) {
        pmem->flags |= QUIRE_PMEM_ACCESSED;
    }
    if ((prot & QUIRE_PROT_WRITE) != 0) {
        pmem->flags &= (uint8_t)~QUIRE_PMEM_SYNCED;
        if (access == QUIRE_PROT_WRITE && ((mmu->features & QUIRE_MMU_HW_DIRTY) == 0 || pmem->fobj->ops->save == NULL)) {
            pmem->flags |= QUIRE_PMEM_DIRTY;
            if (pmem->fobj->ops->save == NULL) {
                quire_pager_refix(pager, number);
            }
        }
    }
    return QUIRE_OK;
}

/* Where writes are logged: what no entry may permit, writing, until a fault asks for it and is noted. */
static QUIRE_RESIDENT QUIRE_COLD unsigned quire_pager_log_(struct quire_vm *vm, const struct quire_fault *in)
{
    if (in->access == QUIRE_PROT_WRITE) {
        quire_vm_log_note(vm, in->va);
    }
    return !quire_vm_log_covers(vm, in->va) || quire_vm_log_has(vm, in->va) ? 0 : QUIRE_PROT_WRITE;
}

/* Makes the entry that `in` asks for, without permitting what is in `deny`. *again: the lock was dropped for a flush, everything is
 * to be looked at anew. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_pager_map_(struct quire_op *op, struct quire_area *area,
                                                               struct quire_pmem *pmem, uint32_t number,
                                                               const struct quire_fault *in, struct quire_fault_result *out,
                                                               bool *again, unsigned deny)
{
    struct quire_pager *pager = op->pager;
    const struct quire_mmu *mmu = pager->mmu;
    uintptr_t va = quire_area_va(area, pmem->pgidx);
    unsigned entry = quire_rmap_may_map(pmem, area) ? mmu->query(mmu->ctx, area->vm, va) : 0;
    enum quire_status status;
    unsigned prot;

    if ((entry & QUIRE_ENTRY_PRESENT) != 0) {
        bool done = false;

        status = quire_pager_present_(op, area, number, entry, in, out, &done);
        if (done) {
            return status;
        }
        if (quire_op_flush_page(op, number)) {
            *again = true;
            return QUIRE_OK;
        }
    }
    if (in->access == QUIRE_PROT_WRITE && pmem->fobj->ops->save == NULL && (pmem->flags & QUIRE_PMEM_FIXED) == 0 &&
        !quire_pager_may_fix(pager, pmem->fobj->account)) {
        return QUIRE_NO_PAGE;
    }
    prot = quire_pager_entry_prot_(pager, area, pmem, in->access) & ~deny;
    /* Who pinned the page may have written since it was synced. */
    if ((prot & QUIRE_PROT_EXEC) != 0 && ((pmem->flags & QUIRE_PMEM_SYNCED) == 0 || pmem->pins != 0)) {
        quire_pager_sync_code_(pager, number, va);
    }
    return quire_pager_enter_(pager, area, pmem, number, prot, in->access);
}

/* The `map` hook had no table: lets the user find one, without the lock. */
static QUIRE_RESIDENT QUIRE_COLD enum quire_status quire_pager_need_tables_(struct quire_op *op, struct quire_vm *vm,
                                                                            uintptr_t va, const struct quire_fault_result *out)
{
    const struct quire_mmu *mmu = op->pager->mmu;
    enum quire_status status;

    if (QUIRE_PAGER_TRACED(op->pager)) {
        quire_op_tell_came(op, out->kind == QUIRE_FAULT_MAJOR ? op->page : QUIRE_PAGE_NONE);
        op->untold |= QUIRE_OP_LEFT;
        op->fobj = out->fobj->id;
    }
    op->pager->stats.table_rounds++;
    quire_op_unlock(op);
    status = mmu->need_tables(mmu->ctx, vm, va & ~(uintptr_t)QUIRE_PAGE_MASK);
    quire_op_lock(op);
    return status == QUIRE_OK ? QUIRE_OK : QUIRE_NO_TABLE;
}

#define QUIRE_PAGER_TABLE_ROUNDS 3u

static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_pager_fault_locked_(struct quire_op *op, struct quire_vm *vm,
                                                                                 struct quire_area *area,
                                                                                 const struct quire_fault *in,
                                                                                 struct quire_fault_result *out)
{
    unsigned rounds = 0;

    for (;;) {
        uint32_t number = QUIRE_PAGE_NONE;
        enum quire_fault_kind before = out->kind; /* of an earlier round: it stays what this fault was */
        bool again = false;
        enum quire_status status = quire_pager_resolve_(op, vm, in, out, &area, &number);

        if (status != QUIRE_OK) {
            return status;
        }
        if (out->kind == QUIRE_FAULT_MAJOR) {
            before = QUIRE_FAULT_MAJOR;
        }
        out->kind = QUIRE_FAULT_MINOR;
#if QUIRE_TRACE
        op->page = number;
#endif
        if (number == QUIRE_PAGE_NONE) {
            status = quire_pager_map_unpaged_(op, area, out);
        } else {
            struct quire_pmem *pmem = quire_pmem_at(&op->pager->pool, number);

            quire_pager_step_note(op->pager, quire_pager_step_row(op->pager, in->thread), pmem, number);
            status = quire_pager_map_(op, area, pmem, number, in, out, &again,
                                      QUIRE_LIKELY(vm->logged == 0) ? 0 : quire_pager_log_(vm, in));
        }
        if (before == QUIRE_FAULT_MAJOR || before == QUIRE_FAULT_WRITE) {
            out->kind = before;
        }
        if (status == QUIRE_NO_TABLE && op->pager->mmu->need_tables != NULL && rounds++ < QUIRE_PAGER_TABLE_ROUNDS) {
            status = quire_pager_need_tables_(op, vm, in->va, out);
            again = true;
        }
        if (status != QUIRE_OK || !again) {
            if (QUIRE_UNLIKELY(op->pager->around != 0) && status == QUIRE_OK && out->kind <= QUIRE_FAULT_MAJOR &&
                number != QUIRE_PAGE_NONE) {
                quire_around(op->pager, area, in->va, in->access);
            }
            return status;
        }
#if QUIRE_TRACE
        op->untold &= ~QUIRE_OP_LEFT;
#endif
        area = NULL;
    }
}

static QUIRE_RESIDENT QUIRE_COLD void quire_pager_count_(struct quire_fault_stats *stats, enum quire_fault_kind kind)
{
    switch (kind) {
    case QUIRE_FAULT_WRITE:
        stats->minor++;
        stats->write++;
        break;
    case QUIRE_FAULT_ACCESSED:
        stats->minor++;
        stats->accessed++;
        break;
    case QUIRE_FAULT_MINOR:
        stats->minor++;
        break;
    case QUIRE_FAULT_SPURIOUS:
        stats->spurious++;
        break;
    case QUIRE_FAULT_UNPAGED:
        stats->unpaged++;
        break;
    case QUIRE_FAULT_MAJOR:
        stats->major++;
        break;
    case QUIRE_FAULT_REFUSED:
    default:
        stats->refused++;
        break;
    }
}

static QUIRE_RESIDENT bool quire_fault_valid_(const struct quire_pager *pager, const struct quire_vm *vm,
                                              const struct quire_fault *in)
{
    return vm->pager == pager && in->thread < pager->concurrency &&
           (in->access == QUIRE_PROT_READ || in->access == QUIRE_PROT_WRITE || in->access == QUIRE_PROT_EXEC);
}

QUIRE_INLINE QUIRE_RESIDENT void quire_fault_result_init_(struct quire_fault_result *out)
{
    out->kind = QUIRE_FAULT_REFUSED;
    out->fobj = NULL;
    out->pgidx = 0;
    out->store = QUIRE_OK;
}

/* The common fault: the page is resident, in no transit, and only its entry is missing. False, with nothing changed, for every
 * other one; those go the long way. */
QUIRE_INLINE QUIRE_RESIDENT bool quire_pager_fault_quick_(struct quire_pager *pager, struct quire_vm *vm,
                                                          struct quire_area *area, const struct quire_fault *in,
                                                          struct quire_fault_result *out)
{
    struct quire_fobj *fobj;
    struct quire_pmem *pmem;
    uint32_t pgidx;
    uint32_t number;
    unsigned prot;

    if (area == NULL || area->fobj->slots == NULL) {
        return false;
    }
    fobj = area->fobj;
    pgidx = quire_area_page(area, in->va);
    if (quire_slot_kind(fobj->slots[pgidx]) != QUIRE_SLOT_PRESENT || quire_pager_permit_(area, in) != QUIRE_OK ||
        (vm->flushing | vm->logged | fobj->flushing) != 0) {
        return false;
    }
    number = quire_slot_value(fobj->slots[pgidx]);
    pmem = quire_pmem_at(&pager->pool, number);
    prot = quire_pager_entry_prot_(pager, area, pmem, in->access);
    if (pmem->state != QUIRE_PAGE_RESIDENT || quire_rmap_may_map(pmem, area) ||
        ((prot & QUIRE_PROT_EXEC) != 0 && ((pmem->flags & QUIRE_PMEM_SYNCED) == 0 || pmem->pins != 0)) ||
        (in->access == QUIRE_PROT_WRITE && fobj->ops->save == NULL) ||
        quire_pager_enter_(pager, area, pmem, number, prot, in->access) != QUIRE_OK) {
        return false;
    }
    quire_pager_step_note(pager, quire_pager_step_row(pager, in->thread), pmem, number);
    out->kind = QUIRE_FAULT_MINOR;
    out->fobj = fobj;
    out->pgidx = pgidx;
    out->store = QUIRE_OK;
    vm->stats.minor++;
    pager->stats.faults.minor++;
    return true;
}

/* ---- What a trace is told ---- */

/* The quick fault. Nobody keeps a register for this: where no trace is, it costs a test. */
QUIRE_INLINE QUIRE_RESIDENT void quire_pager_tell_quick_(struct quire_pager *pager, const struct quire_vm *vm,
                                                         const struct quire_fault *in, const struct quire_fault_result *out)
{
    struct quire_trace *trace;
    uint64_t now;

    QUIRE_RELOAD();
    trace = pager->trace;
    now = quire_trace_now(trace);
    quire_trace_put(trace, now, quire_trace_what(QUIRE_TRACE_FAULT, QUIRE_FAULT_MINOR, in->access, QUIRE_OK), vm->id,
                    quire_slot_value(out->fobj->slots[out->pgidx]), out->fobj->id, out->pgidx);
}

#if QUIRE_TRACE

/* A fault begins that is worth measuring. */
static QUIRE_RESIDENT QUIRE_COLD void quire_op_time_(struct quire_op *op)
{
    op->began = quire_trace_now(op->pager->trace);
    op->untold |= QUIRE_OP_TIMED;
}

/* Every fault but the quick one. */
static QUIRE_RESIDENT QUIRE_NOINLINE void quire_op_tell_fault_(struct quire_op *op, uint64_t now, const struct quire_fault *in,
                                                               const struct quire_fault_result *out, enum quire_status status)
{
    struct quire_trace *trace = op->pager->trace;
    unsigned untold = op->untold;
    unsigned what = quire_trace_what(QUIRE_TRACE_FAULT, (unsigned)out->kind, in->access, status);
    uint32_t who = op->vm->id;
    uint32_t fobj;

    if ((untold & QUIRE_OP_TIMED) != 0) {
        who |= quire_trace_cost_code(now - op->began);
    }
    op->untold = 0;
    if (QUIRE_UNLIKELY((untold & QUIRE_OP_LEFT) != 0)) {
        fobj = op->fobj;
        if (fobj == 0) {
            quire_trace_put_victim(trace, now, what, who, QUIRE_PAGE_NONE, 0, (uint32_t)(in->va >> QUIRE_PAGE_SHIFT), 0,
                                   (uint32_t)((uint64_t)in->va >> QUIRE_PAGE_SHIFT >> 32));
            return;
        }
    } else {
        fobj = out->fobj->id;
    }
    if ((untold & QUIRE_OP_EVICTED) != 0) {
        quire_trace_put_victim(trace, now, what, who, op->page, fobj, out->pgidx, op->victim, op->victim_pgidx);
    } else {
        quire_trace_put(trace, now, what, who, op->page, fobj, out->pgidx);
    }
}

#endif /* QUIRE_TRACE */

/* A fault begins that is not quick; the lock is taken already. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_begin_fault_(struct quire_op *op, struct quire_pager *pager, uintptr_t key,
                                                       struct quire_vm *vm)
{
    quire_op_begin_locked(op, pager, key);
#if QUIRE_TRACE
    op->vm = vm;
    op->untold = QUIRE_OP_FAULT;
    if (QUIRE_PAGER_TRACED(pager) && pager->trace->now != NULL) {
        quire_op_time_(op);
    }
#endif
    vm->in_flight++;
}

/* The major fault that went as usual, in few instructions. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_tell_major_(struct quire_op *op, struct quire_pager *pager,
                                                      const struct quire_fault *in, const struct quire_fault_result *out,
                                                      uint32_t number)
{
    struct quire_trace *trace;
    uint64_t now = 0;
    unsigned untold;
    unsigned what;
    uint32_t who;

    QUIRE_RELOAD();
    trace = pager->trace;
    untold = op->untold ^ QUIRE_OP_FAULT;
    who = op->vm->id;
    if (untold != QUIRE_OP_EVICTED) { /* else without a clock */
        now = quire_trace_now(trace);
        if (QUIRE_UNLIKELY((untold & ~(QUIRE_OP_TIMED | QUIRE_OP_EVICTED)) != 0)) {
            op->page = number;
            quire_op_tell_fault_(op, now, in, out, QUIRE_OK);
            return;
        }
        who |= (untold & QUIRE_OP_TIMED) != 0 ? quire_trace_cost_code(now - op->began) : 0;
    }
    what = quire_trace_what(QUIRE_TRACE_FAULT, QUIRE_FAULT_MAJOR, in->access, QUIRE_OK);
    if ((untold & QUIRE_OP_EVICTED) != 0) {
        quire_trace_put_victim(trace, now, what, who, number, out->fobj->id, out->pgidx, op->victim, op->victim_pgidx);
    } else {
        quire_trace_put(trace, now, what, who, number, out->fobj->id, out->pgidx);
    }
}

/* It ended with `status`. */
QUIRE_INLINE QUIRE_RESIDENT enum quire_status quire_op_end_fault_(struct quire_op *op, struct quire_pager *pager,
                                                                  struct quire_vm *vm, const struct quire_fault *in,
                                                                  struct quire_fault_result *out, enum quire_status status)
{
    vm->in_flight--;
    if (QUIRE_UNLIKELY(status != QUIRE_OK)) {
        if (QUIRE_PAGER_TRACED(pager) && out->kind == QUIRE_FAULT_MAJOR && (op->untold & QUIRE_OP_LEFT) == 0) {
            quire_op_tell_came(op, op->page); /* it stays, and the fault's end will not say so */
        }
        out->kind = QUIRE_FAULT_REFUSED;
    }
#if QUIRE_TRACE
    if (QUIRE_PAGER_TRACED(pager)) {
        QUIRE_RELOAD();
        quire_op_tell_fault_(op, quire_trace_now(pager->trace), in, out, status);
    }
#endif
    if (QUIRE_LIKELY(out->kind == QUIRE_FAULT_MAJOR)) {
        vm->stats.major++;
        pager->stats.faults.major++;
    } else {
        quire_pager_count_(&vm->stats, out->kind);
        quire_pager_count_(&pager->stats.faults, out->kind);
    }
    (void)in;
    quire_op_flush(op);
    quire_op_end(op);
    return status;
}

/* Every fault. The lock is taken already; `area` is the one that holds the address, or null. */
static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_pager_fault_long_(struct quire_pager *pager, uintptr_t key,
                                                                               struct quire_vm *vm, struct quire_area *area,
                                                                               const struct quire_fault *in,
                                                                               struct quire_fault_result *out)
{
    enum quire_status status;
    struct quire_op op;

    quire_op_begin_fault_(&op, pager, key, vm);
    quire_fault_result_init_(out);
    status = quire_pager_fault_locked_(&op, vm, area, in, out);
    return quire_op_end_fault_(&op, pager, vm, in, out, status);
}

/* quire_op_end_fault_() as one function. */
static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_op_end_odd_fault_(struct quire_op *op, struct quire_vm *vm,
                                                                               const struct quire_fault *in,
                                                                               struct quire_fault_result *out,
                                                                               enum quire_status status)
{
    return quire_op_end_fault_(op, op->pager, vm, in, out, status);
}

/* The common fault of those that are not quick: the page is absent, and a page of the same account gives way to it. In few
 * instructions, because all that can be asked beforehand was; what turns out otherwise on the way goes on as any fault. Every
 * other one goes the long way from the start. */
static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_pager_fault_major_(struct quire_pager *pager, uintptr_t key,
                                                                                struct quire_vm *vm, struct quire_area *area,
                                                                                const struct quire_fault *in,
                                                                                struct quire_fault_result *out)
{
    uint32_t number = QUIRE_PAGE_NONE;
    enum quire_status status;
    struct quire_fobj *fobj;
    struct quire_pmem *pmem;
    struct quire_how how;
    struct quire_op op;
    uint32_t changes;
    uint32_t pgidx;
    unsigned prot;

    if (area == NULL || area->fobj->slots == NULL || (vm->flushing | vm->logged) != 0 ||
        quire_pager_permit_(area, in) != QUIRE_OK || (in->access == QUIRE_PROT_WRITE && area->fobj->ops->save == NULL)) {
        return quire_pager_fault_long_(pager, key, vm, area, in, out);
    }
    fobj = area->fobj;
    pgidx = quire_area_page(area, in->va);
    if (!quire_pager_may_replace_(pager, fobj, pgidx)) {
        return quire_pager_fault_long_(pager, key, vm, area, in, out);
    }
    quire_op_begin_fault_(&op, pager, key, vm);
    out->fobj = fobj;
    out->pgidx = pgidx;
    out->store = QUIRE_OK;
    how.wait_ok = in->wait_ok;
    how.steps = quire_pager_step_row(pager, in->thread);
    how.headroom = &vm->headroom;
    changes = vm->changes;
    status = quire_pager_replace_(&op, pager, fobj, pgidx, &how, &number, &pmem, &out->store);
    out->kind = QUIRE_FAULT_MAJOR;
    if (QUIRE_UNLIKELY(status != QUIRE_OK)) {
        out->kind = QUIRE_FAULT_REFUSED;
        return quire_op_end_odd_fault_(&op, vm, in, out, status);
    }
    if (QUIRE_UNLIKELY(number == QUIRE_PAGE_NONE || vm->changes != changes ||
                       (fobj->flushing | vm->flushing | vm->logged) != 0)) {
        if (QUIRE_PAGER_TRACED(pager)) {
            quire_op_tell_came(&op, number);
        }
#if QUIRE_TRACE
        op.page = QUIRE_PAGE_NONE;
#endif
        status = quire_pager_fault_locked_(&op, vm, NULL, in, out);
        return quire_op_end_odd_fault_(&op, vm, in, out, status);
    }
    quire_pager_step_note(pager, how.steps, pmem, number);
    prot = quire_pager_entry_prot_(pager, area, pmem, in->access);
    if ((prot & QUIRE_PROT_EXEC) != 0) {
        quire_pager_sync_code_(pager, number, quire_area_va(area, pgidx));
    }
    status = quire_pager_enter_(pager, area, pmem, number, prot, in->access);
    if (QUIRE_UNLIKELY(status != QUIRE_OK)) {
        status = quire_pager_fault_locked_(&op, vm, NULL, in, out); /* there it may get tables */
        return quire_op_end_odd_fault_(&op, vm, in, out, status);
    }
    if (QUIRE_UNLIKELY(pager->around != 0)) {
        quire_around(pager, area, in->va, in->access);
    }
#if QUIRE_TRACE
    if (QUIRE_PAGER_TRACED(pager)) {
        quire_op_tell_major_(&op, pager, in, out, number);
    }
#endif
    vm->in_flight--;
    vm->stats.major++;
    pager->stats.faults.major++;
    quire_op_flush(&op);
    quire_op_end(&op);
    return QUIRE_OK;
}

/* The end of a common fault where entries are made ahead. */
static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_pager_fault_around_(struct quire_pager *pager, uintptr_t key,
                                                                                 struct quire_area *area,
                                                                                 const struct quire_fault *in)
{
    quire_around(pager, area, in->va, in->access);
    quire_pager_unlock(pager, key);
    return QUIRE_OK;
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_fault(struct quire_pager *pager, struct quire_vm *vm,
                                                             const struct quire_fault *in, struct quire_fault_result *out)
{
    struct quire_fault_result own;
    struct quire_area *area;
    uintptr_t key;

    if (out == NULL) {
        out = &own;
    }
    if (QUIRE_UNLIKELY(!quire_fault_valid_(pager, vm, in))) {
        quire_fault_result_init_(out);
        return QUIRE_INVALID;
    }
    key = quire_pager_lock(pager);
    area = quire_vm_area_at(vm, in->va);
    if (!quire_pager_fault_quick_(pager, vm, area, in, out)) {
        return quire_pager_fault_major_(pager, key, vm, area, in, out);
    }
    if (QUIRE_PAGER_TRACED(pager)) {
        quire_pager_tell_quick_(pager, vm, in, out);
    }
    if (QUIRE_UNLIKELY(pager->around != 0)) {
        return quire_pager_fault_around_(pager, key, area, in);
    }
    quire_pager_unlock(pager, key);
    return QUIRE_OK;
}

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

/* The last reference of a mapped object went: its pages go with it, one at a time, so that the lock is never held for long. */
static QUIRE_RESIDENT enum quire_status quire_pager_last_put_(struct quire_fobj *fobj)
{
    struct quire_op op;
    uint32_t number;

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
    quire_op_unbusy(&op, fobj);
    quire_op_end(&op);
    return QUIRE_OK;
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
    pager->trace = config->trace;
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
