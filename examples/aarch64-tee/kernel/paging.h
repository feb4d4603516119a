/* paging.h - the kernel's one pager, what Quire needs of its surroundings, and the way of a fault into it. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_PAGING_H
#define KERNEL_PAGING_H

#include <quire/quire.h>

#include "kernel/trap.h"
#include "kernel/vmsa.h"

/*
 * All applications and the kernel's own pageable part share one pool. What is here is resident: it is on the way of every fault.
 */
extern struct quire_pager pager;
extern struct vmsa vmsa;

/* The kernel's own pageable part: a context like any other, whose entries are global. */
extern struct quire_vm kernel_vm;
extern struct vmsa_space kernel_space;

/* A table of hooks for quire_pager_init(): those of vmsa.h, and the kernel's own. */
extern struct quire_mmu paging_hooks;
void paging_set_hooks(void);

/* Where the pager's bookkeeping comes from: a few areas' worth until paging_set_mem() names an allocator, which then may be pageable. */
extern const struct quire_mem paging_mem;
void paging_set_mem(const struct quire_mem *mem);

/* The addresses of `space`, or of nobody (null), are what this processor translates below KERNEL_VA from now on. */
void paging_use_space(struct vmsa_space *space);

/* What became of a fault. */
enum paging_answer {
    PAGING_DONE,   /* let the instruction run again */
    PAGING_REFUSED /* it cannot: *why says */
};

/* Serves a fault that an exception tells of, if it is one of a context: of `vm`, or of the kernel's own. Sleeps. */
enum paging_answer paging_fault(struct quire_vm *vm, const struct trap *trap, uint64_t syndrome, uint64_t address,
                                bool from_user, const char **why);

/* ---- Figures ---- */

struct paging_figures {
    uint64_t faults[QUIRE_FAULT_UNPAGED + 1]; /* by enum quire_fault_kind */
    uint64_t kernel;                          /* of these, at S-EL1 */
    uint64_t integrity;                       /* refused with INTEGRITY */
    uint64_t killed;                          /* applications */
    uint64_t cycles[QUIRE_FAULT_UNPAGED + 1]; /* from the exception until it was counted, summed */
    uint64_t lock_wait_max;                   /* ticks that a fault waited for the pager's lock */
};

extern struct paging_figures paging_figures;

#endif
