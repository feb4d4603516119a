/* quire/dirty_log.h - which pages of a context were written since somebody last asked. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_DIRTY_LOG_H
#define QUIRE_DIRTY_LOG_H

#include "area.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "mmu.h"
#include "pmem.h"
#include "vm_range.h"

/*
 * For moving a running context elsewhere, for snapshots, for pictures: quire_vm_log_start(), then quire_vm_log_read() with
 * `clear` as often as wanted, each time copying what it reports, then quire_vm_log_stop(). KVM's dirty log is the model.
 *
 *     bit clear: no writable entry  --first write: a fault--> bit set, entry writable  --read with clear--> bit clear, ...
 *
 * What counts is a write through this context, by address: an access that faulted for writing, or quire_vm_copy_to(). It is noted
 * when it happens, so that evictions and saves in between change nothing. A write through another context is in that one's log;
 * one through a pin (a device's) is nobody's until quire_vm_log_mark(). Mapping, unmapping and moving areas is not writing: the
 * bits stay with the addresses. No write is ever missed; a page may be reported that was not written after all (an instruction that
 * faulted and was not finished; each page of an unpaged object while it has a writable entry).
 *
 * The log is independent of whether a page is dirty: clearing it never loses a write-back. While there is a log all faults of
 * the context take the long way, and the first write to a page after each clearing is one; those of others cost what they did.
 *
 * Invariant: in the range of the log an entry is writable only if the bit is set.
 */
QUIRE_BEGIN

/* Bytes of the bits for n pages. */
#define QUIRE_DIRTY_LOG_BYTES(n) (((size_t)(n) + 31u) / 32u * sizeof(uint32_t))

/* Begins to log writes to [va, va + npages pages) of `vm`, mapped or not. `bits`, QUIRE_DIRTY_LOG_BYTES(npages) bytes in memory
 * that is always there, belongs to the context until the log is stopped or the context ends; this clears it. EXISTS: the
 * context has a log. INVALID: the range is empty, unaligned, wraps or leaves the context; AGAIN: an unlocked flush of the
 * context is in progress and there is no `wait` hook. Writes from the return on are seen. O(npages + areas), one flush. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_log_start(struct quire_vm *vm, uintptr_t va, size_t npages,
                                                                uint32_t *bits) QUIRE_SYM(quire_vm_log_start);

/* Reports to `out` (QUIRE_DIRTY_LOG_BYTES(npages) bytes, in memory that is always there): bit i % 32 of word i / 32 is set if page
 * i from `va` was written since the log began or this page was last cleared. `clear`: the bits begin anew: writes before the call
 * are in this report, writes after it in the next, and writes meanwhile in this one at least if the page had been written
 * before. INVALID: not in the log's range; NOT_FOUND: there is no log; AGAIN: as above. A page that stays writable all the same
 * (of an unpaged object, or its entry stuck) is reported every time. O(npages + areas), with `clear` one flush. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_log_read(struct quire_vm *vm, uintptr_t va, size_t npages, bool clear,
                                                               uint32_t *out) QUIRE_SYM(quire_vm_log_read);

/* Notes pages as written that were by other means, such as a device that was given their physical addresses. INVALID, NOT_FOUND:
 * as above. O(npages), under the lock. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_log_mark(struct quire_vm *vm, uintptr_t va, size_t npages)
    QUIRE_SYM(quire_vm_log_mark);

/* Ends the log; its bits are the caller's again. NOT_FOUND: there is none; AGAIN: as above. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_vm_log_stop(struct quire_vm *vm) QUIRE_SYM(quire_vm_log_stop);

QUIRE_END

#endif /* QUIRE_DIRTY_LOG_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_DIRTY_LOG_IMPLEMENTED)
#define QUIRE_DIRTY_LOG_IMPLEMENTED

QUIRE_BEGIN

/* Takes away the permission to write from the entries of the range, those that may have it: where a log is, that is where
 * its bit is set. Those that stay writable all the same are found later. */
static void quire_log_reduce_(struct quire_vm_range *range)
{
    const struct quire_vm *vm = range->vm;
    struct quire_area *area;

    for (area = quire_vm_range_first(range); area != NULL; area = quire_vm_range_next(range, area)) {
        uintptr_t va = area->va > range->va ? area->va : range->va;
        uintptr_t last = quire_area_last(area) < range->last ? quire_area_last(area) : range->last;
        size_t n = ((last - va) >> QUIRE_PAGE_SHIFT) + (size_t)1;
        bool write_only = (area->prot & QUIRE_PROT_WRITE) != 0 && (area->prot & (QUIRE_PROT_READ | QUIRE_PROT_EXEC)) == 0;

        for (; n > 0 && !quire_fobj_is_unpaged(area->fobj); n--, va += QUIRE_PAGE_SIZE) {
            if (!quire_vm_log_covers(vm, va) || quire_vm_log_has(vm, va)) {
                (void)quire_area_cut(&range->op, area, quire_area_page(area, va), 1,
                                     write_only ? 0 : QUIRE_PROT_ALL & ~QUIRE_PROT_WRITE);
            }
        }
    }
    quire_vm_range_flush(range);
}

/* Can the page at `va` be written without a fault? */
static bool quire_log_is_writable_(struct quire_vm *vm, uintptr_t va)
{
    const struct quire_mmu *mmu = vm->pager->mmu;
    unsigned entry = mmu->query(mmu->ctx, vm, va);

    return (entry & QUIRE_ENTRY_PRESENT) != 0 && (entry & QUIRE_ENTRY_WRITE) != 0;
}

QUIRE_API enum quire_status quire_vm_log_start(struct quire_vm *vm, uintptr_t va, size_t npages, uint32_t *bits)
{
    struct quire_vm_range range;
    enum quire_status status;
    size_t i;

    if (bits == NULL) {
        return QUIRE_INVALID;
    }
    status = quire_vm_range_open(&range, vm, va, npages);
    if (status != QUIRE_OK) {
        return status;
    }
    if (vm->logged != 0) {
        status = QUIRE_EXISTS;
    } else {
        quire_log_reduce_(&range);
        QUIRE_MEMSET(bits, 0, QUIRE_DIRTY_LOG_BYTES(npages));
        vm->log.va = va;
        vm->log.last = range.last;
        vm->log.bits = bits;
        vm->logged = 1;
        for (i = 0; i < npages; i++) {
            uintptr_t at = va + ((uintptr_t)i << QUIRE_PAGE_SHIFT);

            if (quire_log_is_writable_(vm, at)) { /* of an unpaged object, or stuck */
                quire_vm_log_note(vm, at);
            }
        }
    }
    quire_vm_range_end(&range);
    return status;
}

/* Is the range in the log's? */
static enum quire_status quire_log_find_(const struct quire_vm *vm, uintptr_t va, size_t npages)
{
    uintptr_t last;

    if (!quire_va_range(va, npages, &last)) {
        return QUIRE_INVALID;
    }
    if (vm->logged == 0) {
        return QUIRE_NOT_FOUND;
    }
    return va >= vm->log.va && last <= vm->log.last ? QUIRE_OK : QUIRE_INVALID;
}

QUIRE_API enum quire_status quire_vm_log_read(struct quire_vm *vm, uintptr_t va, size_t npages, bool clear, uint32_t *out)
{
    struct quire_vm_range range;
    enum quire_status status = quire_vm_range_open(&range, vm, va, npages);
    size_t i;

    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_log_find_(vm, va, npages);
    if (status == QUIRE_OK) {
        if (clear) {
            quire_log_reduce_(&range); /* while it is flushed nothing is mapped in the context, and no log begins or ends */
        }
        QUIRE_MEMSET(out, 0, QUIRE_DIRTY_LOG_BYTES(npages));
        for (i = 0; i < npages; i++) {
            uintptr_t at = va + ((uintptr_t)i << QUIRE_PAGE_SHIFT);
            uintptr_t bit = (at - vm->log.va) >> QUIRE_PAGE_SHIFT;
            bool has = quire_vm_log_has(vm, at);

            if (has) {
                out[i / 32u] |= (uint32_t)1 << (i % 32u);
            }
            if (clear && has && !quire_log_is_writable_(vm, at)) {
                vm->log.bits[bit / 32u] &= ~((uint32_t)1 << (bit % 32u));
            }
        }
    }
    quire_vm_range_end(&range);
    return status;
}

QUIRE_API enum quire_status quire_vm_log_mark(struct quire_vm *vm, uintptr_t va, size_t npages)
{
    enum quire_status status;
    struct quire_op op;
    size_t i;

    quire_op_begin(&op, vm->pager);
    status = quire_log_find_(vm, va, npages);
    for (i = 0; status == QUIRE_OK && i < npages; i++) {
        quire_vm_log_note(vm, va + ((uintptr_t)i << QUIRE_PAGE_SHIFT));
    }
    quire_op_end(&op);
    return status;
}

QUIRE_API enum quire_status quire_vm_log_stop(struct quire_vm *vm)
{
    struct quire_vm_range range;
    enum quire_status status =
        quire_vm_range_open(&range, vm, vm->first, ((vm->last - vm->first) >> QUIRE_PAGE_SHIFT) + (size_t)1);

    if (status != QUIRE_OK) {
        return status;
    }
    status = vm->logged != 0 ? QUIRE_OK : QUIRE_NOT_FOUND;
    vm->logged = 0;
    quire_vm_range_end(&range);
    return status;
}

QUIRE_END

#endif
