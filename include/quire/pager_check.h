/* quire/pager_check.h - are all invariants of a pager true? SPDX-License-Identifier: BSD-2-Clause. Quire 0.1.0 */
#ifndef QUIRE_PAGER_CHECK_H
#define QUIRE_PAGER_CHECK_H

#include "area.h"
#include "base.h"
#include "fobj.h"
#include "mmu.h"
#include "pager.h"
#include "pmem.h"

/*
 * The tests' main instrument, and yours: call it in your kernel's debug build when something looks odd. It walks everything
 * a pager knows and asks the `query` hook about every entry that could exist.
 */
QUIRE_BEGIN

struct quire_violation {
    const char *what;       /* "N: ...", N the number of the invariant in the README's design section; null: none */
    const void *object;     /* the vm, area, fobj or pmem at fault */
    uint64_t detail;        /* a page index or number, where one helps; else 0 */
};

/* Returns OK, or CORRUPT with the first violation found in *out (may be null). Changes nothing. Under the lock throughout:
 * O(pages of the pool + slots of all objects + pages of all areas x log areas). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_check(struct quire_pager *pager, struct quire_violation *out)
    QUIRE_SYM(quire_pager_check);

QUIRE_END

#endif /* QUIRE_PAGER_CHECK_H */
