/* measure.h - where the instructions of a fault go. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_MEASURE_H
#define KERNEL_MEASURE_H

#include <quire/quire.h>

#include "abi/message.h"
#include "kernel/trap.h"

/*
 * With measure=2 in the configuration every hook, and every callback of a store, is called through a piece of code that reads the
 * counter before and after it (measure.S). What quire_pager_fault() takes besides is the library's:
 *
 *     exception, save, decode     -> entry          quire_pager_fault()     -> library
 *         quire_pager_fault() -------------------.      mmu->map() ...      -> hooks
 *     count, restore, return      (not here)     '----- store.read() ...    -> store
 *
 * What measuring itself takes is found out by measuring nothing, and subtracted. What comes behind quire_pager_fault() only the
 * application can tell, which may read the counter too (measure=1 is that alone, and nothing else is different).
 *
 * For one processor, under -icount, where a cycle is an instruction and nothing but the fault runs meanwhile. Without measure=2
 * the pager and the stores have the hooks and callbacks themselves.
 */
extern bool measuring;
extern bool measuring_user; /* applications may read the counter */

/* Readies everything; `how` is measure= of the configuration. Before the pager, the sealer and the stores are made: these get what
 * the functions below return. */
void measure_begin(uint32_t how);

const struct quire_mmu *measured_mmu(const struct quire_mmu *mmu);
const struct quire_seal_hooks *measured_seal(const struct quire_seal_hooks *hooks);
void measure_rw_store(struct quire_fobj_rw_store *store);
void measure_ro_store(struct quire_fobj_ro_config *config);

/* Around quire_pager_fault(), if measuring. */
void measure_fault_begins(const struct trap *trap);
void measure_fault_ends(const struct quire_fault *fault, const struct quire_fault_result *result);

/* Sums, since boot. */
extern struct tee_measured measured[TEE_MEASURED];

#endif
