/* quire/fault.h - a page fault, from the exception to the entry. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_FAULT_H
#define QUIRE_FAULT_H

#include "account.h"
#include "area.h"
#include "around.h"
#include "base.h"
#include "copy_in.h"
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
 * One call for the exception handler: quire_pager_fault(). Three ways, each the short one of the next:
 *
 *     quick    the page is resident, in no transit, and only its entry is missing
 *     major    it is absent, and its account gives a page up that goes at once
 *     long     everything else: waits, stores that answer later, entries that are there, unpaged objects
 *
 * Included by pager.h, which makes the pager.
 */
QUIRE_BEGIN

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
    QUIRE_FAULT_WRITE,    /* a resident page became writable, or an own copy of one was made (fobj_cow.h) */
    QUIRE_FAULT_ACCESSED, /* only the accessed flag was to be set */
    QUIRE_FAULT_SPURIOUS, /* nothing was to do */
    QUIRE_FAULT_UNPAGED
};

struct quire_fault_result {
    enum quire_fault_kind kind;
    /* Whose page it is: for reports; compare it, do not follow it (another thread may have put it). Null: no area. Where a copy on
     * write shows a page of its origin, the origin. */
    struct quire_fobj *fobj;
    uint32_t pgidx;
    /* What the store last answered in this fault; OK if it was not asked. INTEGRITY may be that of a page which it needed first: of
     * metadata, or of a list of hashes. */
    enum quire_status store;
};

/*
 * Handles one fault of a context; call it from the exception handler, and on OK let the instruction run again. `out` may be
 * null. Sleeps in load, save, need_tables and (wait_ok) wait, without the lock.
 *
 * NOT_FOUND: no area there. DENIED: the area does not permit it. AGAIN: it would have to wait and must not, or cannot: let the
 * instruction run again (out->store PENDING: best after the store's answer). TIMEOUT: the store was not in time (io.h). DEAD:
 * the object died while this thread waited. IO, INTEGRITY, NO_MEMORY, LIMIT, BAD_ANSWER: what the store answered to the load
 * (others are not affected; a retry may succeed); LIMIT also: an origin that is to be copied from has as many references as can
 * be. NO_PAGE: nothing can be evicted (out->store tells if saves failed), or an own copy could never be and too many pages are
 * like that. NO_TABLE: page-table memory could not be had in 3 rounds; the page stays resident. STUCK: the page, or the area, is
 * quarantined. INVALID: `in` is not as above.
 *
 * Cost: O(log areas of the vm); a page with other mappings is not slowed by them. An eviction adds what the policy looks at
 * (bounded) and the entries of the victim. Independent of the pool's size.
 */
QUIRE_API QUIRE_RESIDENT QUIRE_MUST_CHECK enum quire_status quire_pager_fault(struct quire_pager *pager, struct quire_vm *vm,
                                                                              const struct quire_fault *in,
                                                                              struct quire_fault_result *out)
    QUIRE_SYM(quire_pager_fault);

/* ---- What vm.h is made of. Not for users. ---- */

/* Finds what an access of `vm` needs and makes it resident: *area, and for a paged object page *number (else QUIRE_PAGE_NONE).
 * *area is the area that holds the address, if that has been looked up, or null. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_resolve(struct quire_op *op, struct quire_vm *vm,
                                                               const struct quire_fault *in, struct quire_fault_result *out,
                                                               struct quire_area **area, uint32_t *number)
    QUIRE_SYM(quire_pager_resolve);

QUIRE_END

#endif /* QUIRE_FAULT_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_FAULT_IMPLEMENTED)
#define QUIRE_FAULT_IMPLEMENTED

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

/* What quire_pager_resolve_() does where `fobj`, a copy on write, shows its page out->pgidx. */
static QUIRE_RESIDENT QUIRE_NOINLINE enum quire_status quire_pager_resolve_copy_(struct quire_op *op, struct quire_fobj *fobj,
                                                                                 const struct quire_fault *in,
                                                                                 const struct quire_how *how,
                                                                                 struct quire_fault_result *out,
                                                                                 uint32_t *number, bool *loaded, bool *dropped)
{
    struct quire_shown shown;
    enum quire_status status;

    shown.store = QUIRE_OK;
    status = quire_copy_bring_(op, fobj, out->pgidx, in->access == QUIRE_PROT_WRITE, how, &shown);
    out->store = shown.store;
    *number = shown.number;
    *loaded = shown.loaded;
    *dropped = shown.dropped;
    if (status == QUIRE_OK) {
        out->fobj = quire_pmem_at(&op->pager->pool, shown.number)->fobj;
        if (shown.copied && out->kind != QUIRE_FAULT_MAJOR) {
            out->kind = QUIRE_FAULT_WRITE;
        }
    }
    return status;
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
        status = QUIRE_LIKELY(at->fobj->origin == NULL)
                     ? quire_pager_bring_(op, at->fobj, out->pgidx, &how, number, &loaded, &dropped, &out->store)
                     : quire_pager_resolve_copy_(op, at->fobj, in, &how, out, number, &loaded, &dropped);
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
    const struct quire_trace *clock = op->pager->trace;
    uint64_t began = quire_pager_clock(op->pager);
    enum quire_status status = quire_pager_resolve_(op, vm, in, out, area, number);

    if (QUIRE_PAGER_TRACED(op->pager) && status == QUIRE_OK && out->kind == QUIRE_FAULT_MAJOR) {
        quire_op_tell_load(op, *number, out->fobj->id, out->pgidx, status, quire_pager_since(op->pager, clock, began));
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
    }
#if QUIRE_TRACE
    /* Whoever begins to listen meanwhile: the victim is old news, and the object may be gone. */
    op->untold = (op->untold & ~(QUIRE_OP_EVICTED | QUIRE_OP_DIRTY)) | QUIRE_OP_LEFT;
    op->fobj = out->fobj->id;
#endif
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
        if (out->kind == QUIRE_FAULT_MAJOR || out->kind == QUIRE_FAULT_WRITE) {
            before = out->kind;
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
                                      (QUIRE_LIKELY(vm->logged == 0) ? 0 : quire_pager_log_(vm, in)) |
                                          (QUIRE_LIKELY(pmem->fobj == area->fobj) ? 0 : QUIRE_PROT_WRITE));
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

/* The common fault: the page is resident, in no transit, and only its entry is missing. False, with nothing changed but *out, for
 * every other one; those go the long way, and find in *out where the access is if `area` is one with slots. */
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
    out->fobj = fobj;
    out->pgidx = pgidx;
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
    uint64_t first = 0;

    if (pager->telling == QUIRE_TELLING_TIMED) { /* first of all: what is in a register then must be kept */
        trace = pager->trace;
        first = trace->now(trace->ctx) << 16;
    } else if (QUIRE_UNLIKELY(pager->telling != QUIRE_TELLING_RING)) {
        trace = pager->trace;
        quire_trace_hand(
            trace, quire_trace_now(trace) << 16 | quire_trace_what(QUIRE_TRACE_FAULT, QUIRE_FAULT_MINOR, in->access, QUIRE_OK),
            vm->id, quire_slot_value(out->fobj->slots[out->pgidx]), out->fobj->id, out->pgidx, 0, 0);
        return;
    }
    QUIRE_RELOAD();
    trace = pager->trace;
    first |= quire_trace_what(QUIRE_TRACE_FAULT, QUIRE_FAULT_MINOR, in->access, QUIRE_OK);
    (void)quire_trace_begin_(trace, first, vm->id, quire_slot_value(out->fobj->slots[out->pgidx]), out->fobj->id, out->pgidx);
    quire_trace_store_(&trace->written, trace->written + 1u);
}

#if QUIRE_TRACE

/* A fault begins that is worth measuring. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_time_(struct quire_op *op)
{
    const struct quire_trace *trace = op->pager->trace;

    op->began = trace->now(trace->ctx);
    op->clock = trace;
    op->untold = QUIRE_OP_TIMED;
}

/* Every fault but the quick one. */
static QUIRE_RESIDENT QUIRE_NOINLINE void quire_op_tell_fault_(struct quire_op *op, const struct quire_fault *in,
                                                               const struct quire_fault_result *out, enum quire_status status)
{
    struct quire_trace *trace = op->pager->trace;
    uint64_t now = quire_trace_now(trace);
    unsigned untold = op->untold;
    unsigned what = quire_trace_what(QUIRE_TRACE_FAULT, (unsigned)out->kind, in->access, status);
    uint32_t who = op->vm->id;
    uint32_t fobj;

    if ((untold & QUIRE_OP_TIMED) != 0 && op->clock == trace) {
        who |= quire_trace_cost_code(now - op->began);
    }
    op->untold = QUIRE_OP_AT_ONCE;
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
        quire_trace_put_victim(trace, now, what | (untold & QUIRE_OP_DIRTY), who, op->page, fobj, out->pgidx, op->victim,
                               op->victim_pgidx);
    } else {
        quire_trace_put(trace, now, what, who, op->page, fobj, out->pgidx);
    }
}

/* The major fault that went as usual, in few instructions. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_tell_major_(struct quire_op *op, struct quire_pager *pager, const struct quire_vm *vm,
                                                      const struct quire_fault *in, const struct quire_fault_result *out,
                                                      uint32_t number)
{
    struct quire_trace *trace;
    unsigned untold;
    uint64_t first;

    QUIRE_RELOAD();
    trace = pager->trace;
    untold = op->untold;
    first = untold | quire_trace_what(QUIRE_TRACE_FAULT, QUIRE_FAULT_MAJOR, in->access, QUIRE_OK);
    if (QUIRE_LIKELY(pager->telling == QUIRE_TELLING_RING && (untold & ~(QUIRE_OP_EVICTED | QUIRE_OP_DIRTY)) == 0)) {
        quire_trace_write_(trace, first, vm->id, number, out->fobj->id, out->pgidx, op->victim, op->victim_pgidx);
    } else if ((untold & ~(QUIRE_OP_EVICTED | QUIRE_OP_DIRTY)) == QUIRE_OP_TIMED && op->clock == trace &&
               pager->telling == QUIRE_TELLING_TIMED) {
        uint64_t now = trace->now(trace->ctx);

        quire_trace_write_(trace, (first ^ QUIRE_OP_TIMED) | now << 16, vm->id | quire_trace_cost_code(now - op->began), number,
                           out->fobj->id, out->pgidx, op->victim, op->victim_pgidx);
    } else {
        op->page = number;
        quire_op_tell_fault_(op, in, out, QUIRE_OK);
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
    op->untold = 0;
    if (QUIRE_UNLIKELY(pager->timed)) {
        quire_op_time_(op);
    }
#endif
    vm->in_flight++;
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
        quire_op_tell_fault_(op, in, out, status);
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
    pgidx = out->pgidx;
    if (!quire_pager_may_replace_(pager, fobj, pgidx)) {
        return quire_pager_fault_long_(pager, key, vm, area, in, out);
    }
    quire_op_begin_fault_(&op, pager, key, vm);
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
        op.untold &= ~(QUIRE_OP_EVICTED | QUIRE_OP_DIRTY); /* told, or nobody listened: not by the time the fault ends either */
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
        quire_op_tell_major_(&op, pager, vm, in, out, number);
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

QUIRE_END

#endif
