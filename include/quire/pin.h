/* quire/pin.h - pages kept in physical memory while a device, or the kernel itself, uses them. SPDX-License-Identifier: BSD-2-Clause. Quire 0.1.0 */
#ifndef QUIRE_PIN_H
#define QUIRE_PIN_H

#include "base.h"
#include "fobj.h"
#include "pager.h"

/*
 * A pin is a token for pages of an fobj, with a reference to it: unmapping, splitting or moving areas does not touch it. A
 * pinned page is never evicted (it may be saved). Pins never take so many pages that a fault could not finish.
 */
QUIRE_BEGIN

struct quire_pin {
    struct quire_fobj *fobj; /* null: no pin */
    uint32_t first;
    uint32_t npages;
    bool write;
};

/* Pins npages pages of `fobj` from `first`, loading them as needed; `write`: they will be written through their physical
 * address. `fobj` must be known to the pager, by having been mapped in one of its contexts (INVALID). Each page is held as soon
 * as it is there; on error all are let go. NO_PAGE: the pages that remain evictable would be fewer than
 * QUIRE_PAGER_MIN_PAGES(). DENIED: `write` beyond the object's max_prot. LIMIT: a page has 65535 pins. Other statuses, and
 * sleeping, as in quire_pager_fault(). O(npages). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pin_fobj(struct quire_pager *pager, struct quire_fobj *fobj, uint32_t first,
                                                       uint32_t npages, bool write, bool wait_ok, struct quire_pin *out)
    QUIRE_SYM(quire_pin_fobj);

/* The same for what is mapped at `va`, all in one area (INVALID), with the access checked as for an unprivileged fault
 * (DENIED). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pin_va(struct quire_pager *pager, struct quire_vm *vm, uintptr_t va,
                                                          uint32_t npages, bool write, bool wait_ok, struct quire_pin *out)
    QUIRE_SYM(quire_pin_va);

/* Where page i of the pin lies. INVALID: no pin, or i out of range. O(1), under the lock. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pin_pa(const struct quire_pin *pin, uint32_t i, struct quire_pa *pa)
    QUIRE_SYM(quire_pin_pa);

/* Lets go: pages pinned for writing become dirty. INVALID: no pin. The token is no pin afterwards. O(npages). */
QUIRE_API enum quire_status quire_unpin(struct quire_pin *pin) QUIRE_SYM(quire_unpin);

QUIRE_END

#endif /* QUIRE_PIN_H */
