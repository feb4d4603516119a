/* quire/pin.h - pages kept in physical memory while a device, or the kernel itself, uses them. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_PIN_H
#define QUIRE_PIN_H

#include "area.h"
#include "base.h"
#include "copy_in.h"
#include "engine.h"
#include "fobj.h"
#include "pager.h"
#include "pmem.h"

/*
 * A pin is a token for pages of an fobj, with a reference to it: unmapping, splitting or moving areas does not touch it. A
 * pinned page is never evicted (it may be saved). Pins never take so many pages that a fault could not finish. What is pinned of a
 * copy on write (fobj_cow.h) is its own: where it was the origin's a copy is made first, also to be read only, so that pin and
 * context see the same page; unless the copy cannot be written (any more). While that is made one page more is needed, the origin's.
 */
QUIRE_BEGIN

struct quire_pin {
    struct quire_fobj *fobj; /* null: no pin */
    uint32_t first;
    uint32_t npages;
    bool write;
};

/* Pins npages pages of `fobj` from `first`, loading them as needed; `write`: they will be written through their physical
 * address. `fobj` must be known to the pager: mapped once, charged to an account, or quire_pager_know() (INVALID if not). Each
 * page is held as soon as it is there; on error all are let go. NO_PAGE: the pages that remain evictable would be fewer than
 * QUIRE_PAGER_MIN_PAGES() beside what is reserved for other accounts, or than the pages of a step within the quota of the
 * object's. DENIED: `write` beyond the object's max_prot. LIMIT: a page has 65535 pins. Other statuses, and sleeping, as in
 * quire_pager_fault(). O(npages). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pin_fobj(struct quire_pager *pager, struct quire_fobj *fobj, uint32_t first,
                                                            uint32_t npages, bool write, bool wait_ok, struct quire_pin *out)
    QUIRE_SYM(quire_pin_fobj);

/* The same for what is mapped at `va`, all in one area (INVALID; NOT_FOUND: nothing is
 * mapped there), with the access checked as for an unprivileged fault (DENIED). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pin_va(struct quire_pager *pager, struct quire_vm *vm, uintptr_t va,
                                                          uint32_t npages, bool write, bool wait_ok, struct quire_pin *out)
    QUIRE_SYM(quire_pin_va);

/* Where page i of the pin lies. INVALID: no pin, or i out of range. O(1), under the lock. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pin_pa(const struct quire_pin *pin, uint32_t i, struct quire_pa *pa)
    QUIRE_SYM(quire_pin_pa);

/* Lets go: pages pinned for writing become dirty. INVALID: no pin. UNDERFLOW: a page of it is not pinned (this is a copy of a
 * token that was let go). The token is no pin afterwards; do not copy it, and do not pin into one that is in use. O(npages). */
QUIRE_API enum quire_status quire_unpin(struct quire_pin *pin) QUIRE_SYM(quire_unpin);

QUIRE_END

#endif /* QUIRE_PIN_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_PIN_IMPLEMENTED)
#define QUIRE_PIN_IMPLEMENTED

QUIRE_BEGIN

/* Page `i` of a pin, which is there because it is pinned. */
static struct quire_pmem *quire_pin_pmem_(const struct quire_pin *pin, uint32_t i, uint32_t *number)
{
    uint32_t pgidx = pin->first + i;

    *number = quire_slot_value(quire_fobj_showing(pin->fobj, pgidx)->slots[pgidx]);
    return quire_pmem_at(&pin->fobj->pager->pool, *number);
}

/* Pins one resident page. */
static enum quire_status quire_pin_page_(struct quire_op *op, uint32_t number)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

    if (pmem->pins == UINT16_MAX) {
        return QUIRE_LIMIT;
    }
    if ((pmem->flags & QUIRE_PMEM_FIXED) == 0 && !quire_pager_may_fix(pager, pmem->fobj->account)) {
        return QUIRE_NO_PAGE;
    }
    pmem->pins++;
    quire_pager_refix(pager, number);
    return QUIRE_OK;
}

/* Lets go of the first n pages, which were `written` or not. */
static void quire_unpin_first_(struct quire_op *op, const struct quire_pin *pin, uint32_t n, bool written)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        uint32_t number;
        struct quire_pmem *pmem = quire_pin_pmem_(pin, i, &number);

        if (written) {
            (void)quire_pager_will_write(op, number); /* fixed already; a stuck entry of it is quarantine's business */
            (void)quire_op_flush_page(op, number);
        }
        pmem->pins--;
        quire_pager_refix(op->pager, number);
        quire_op_wake_room(op);
    }
}

/* All pages are pinned and will be written: only now, so that a pin that fails leaves clean pages clean. */
static enum quire_status quire_pin_write_(struct quire_op *op, const struct quire_pin *pin)
{
    enum quire_status status = QUIRE_OK;
    uint32_t i;

    for (i = 0; i < pin->npages && status == QUIRE_OK; i++) {
        uint32_t number;

        (void)quire_pin_pmem_(pin, i, &number);
        status = quire_pager_will_write(op, number);
        (void)quire_op_flush_page(op, number);
    }
    return status;
}

/* Pins with a reference that is the pin's from now on, or is put on error. */
static enum quire_status quire_pin_all_(struct quire_op *op, struct quire_pin *pin, bool wait_ok)
{
    struct quire_how how;
    enum quire_status status = QUIRE_OK;
    uint32_t n = 0;

    how.wait_ok = wait_ok;
    how.steps = NULL;
    how.headroom = NULL;
    pin->fobj->writers += pin->write;
    while (n < pin->npages && status == QUIRE_OK) {
        struct quire_shown shown;

        status = quire_pager_bring_shown(op, pin->fobj, pin->first + n, quire_fobj_may_break(pin->fobj), &how, &shown);
        if (status == QUIRE_OK) {
            status = quire_pin_page_(op, shown.number);
            n += status == QUIRE_OK ? 1u : 0u;
        } else if (status == QUIRE_DENIED && !pin->write) {
            status = QUIRE_OK; /* it was copied meanwhile: what it shows is shown for good, and may be pinned */
        }
    }
    if (status == QUIRE_OK && pin->write) {
        status = quire_pin_write_(op, pin);
    }
    if (status != QUIRE_OK) {
        quire_unpin_first_(op, pin, n, false);
        pin->fobj->writers -= pin->write;
    }
    return status;
}

static enum quire_status quire_pin_check_(const struct quire_pager *pager, const struct quire_fobj *fobj, uint32_t first,
                                          uint32_t npages, bool write)
{
    if (fobj == NULL || fobj->pager != pager || quire_fobj_is_unpaged(fobj) ||
        !quire_index_range(first, npages, fobj->num_pages)) {
        return QUIRE_INVALID;
    }
    return write && (fobj->max_prot & QUIRE_PROT_WRITE) == 0 ? QUIRE_DENIED : QUIRE_OK;
}

/* Finishes either call: the lock is held, the object alive. */
static enum quire_status quire_pin_finish_(struct quire_op *op, struct quire_fobj *fobj, uint32_t first, uint32_t npages,
                                           bool write, bool wait_ok, struct quire_pin *out)
{
    struct quire_pin pin;
    enum quire_status status = quire_pin_check_(op->pager, fobj, first, npages, write);
    bool referenced;

    if (status == QUIRE_OK) {
        status = quire_fobj_get(fobj);
    }
    referenced = status == QUIRE_OK;
    if (referenced) {
        pin.fobj = fobj;
        pin.first = first;
        pin.npages = npages;
        pin.write = write;
        status = quire_pin_all_(op, &pin, wait_ok);
    }
    quire_op_end(op);
    if (status == QUIRE_OK) {
        *out = pin;
    } else if (referenced) {
        (void)quire_fobj_put(fobj);
    }
    return status;
}

QUIRE_API enum quire_status quire_pin_fobj(struct quire_pager *pager, struct quire_fobj *fobj, uint32_t first, uint32_t npages,
                                           bool write, bool wait_ok, struct quire_pin *out)
{
    struct quire_op op;

    QUIRE_MEMSET(out, 0, sizeof *out);
    quire_op_begin(&op, pager);
    return quire_pin_finish_(&op, fobj, first, npages, write, wait_ok, out);
}

QUIRE_API enum quire_status quire_pin_va(struct quire_pager *pager, struct quire_vm *vm, uintptr_t va, uint32_t npages,
                                         bool write, bool wait_ok, struct quire_pin *out)
{
    unsigned need = QUIRE_PROT_USER | (write ? QUIRE_PROT_WRITE : QUIRE_PROT_READ);
    enum quire_status status = QUIRE_OK;
    const struct quire_area *area;
    struct quire_op op;
    uintptr_t last;

    QUIRE_MEMSET(out, 0, sizeof *out);
    if (vm->pager != pager || !quire_va_range(va, npages, &last)) {
        return QUIRE_INVALID;
    }
    quire_op_begin(&op, pager);
    area = quire_vm_area_at(vm, va);
    if (area == NULL) {
        status = QUIRE_NOT_FOUND;
    } else if (last > quire_area_last(area)) {
        status = QUIRE_INVALID;
    } else if ((area->prot & need) != need) {
        status = QUIRE_DENIED;
    } else {
        return quire_pin_finish_(&op, area->fobj, quire_area_page(area, va), npages, write, wait_ok, out);
    }
    quire_op_end(&op);
    return status;
}

QUIRE_API enum quire_status quire_pin_pa(const struct quire_pin *pin, uint32_t i, struct quire_pa *pa)
{
    struct quire_op op;
    uint32_t number;

    if (pin->fobj == NULL || i >= pin->npages) {
        return QUIRE_INVALID;
    }
    quire_op_begin(&op, pin->fobj->pager);
    (void)quire_pin_pmem_(pin, i, &number);
    *pa = quire_pmem_pa(&pin->fobj->pager->pool, number);
    quire_op_end(&op);
    return QUIRE_OK;
}

/* Is every page of the pin pinned? If not, this is the copy of a pin that was let go. */
static bool quire_pin_holds_(const struct quire_pin *pin)
{
    uint32_t i;

    for (i = 0; i < pin->npages; i++) {
        uint32_t slot = quire_fobj_showing(pin->fobj, pin->first + i)->slots[pin->first + i];

        if (quire_slot_kind(slot) != QUIRE_SLOT_PRESENT ||
            quire_pmem_at(&pin->fobj->pager->pool, quire_slot_value(slot))->pins == 0) {
            return false;
        }
    }
    return true;
}

QUIRE_API enum quire_status quire_unpin(struct quire_pin *pin)
{
    struct quire_fobj *fobj = pin->fobj;
    struct quire_op op;

    if (fobj == NULL) {
        return QUIRE_INVALID;
    }
    quire_op_begin(&op, fobj->pager);
    if (!quire_pin_holds_(pin)) {
        quire_op_end(&op);
        return QUIRE_UNDERFLOW;
    }
    quire_unpin_first_(&op, pin, pin->npages, pin->write);
    fobj->writers -= pin->write;
    quire_op_end(&op);
    QUIRE_MEMSET(pin, 0, sizeof *pin);
    return quire_fobj_put(fobj);
}

QUIRE_END

#endif
