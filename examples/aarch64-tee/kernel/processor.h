/* processor.h - what each processor is set up with, and when it is ready. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_PROCESSOR_H
#define KERNEL_PROCESSOR_H

#include <quire/pmem.h>

/* Physical address of the kernel's root table: start.S takes it. */
extern uint64_t kernel_root;

/* On the processor that runs it: the kernel's own tables, the vectors, and nothing that EL0 need not have. Writable memory is executable for
 * nobody from now on. */
void processor_begin(void);

/* Where start.S ends for a further processor, on its own stack. */
void secondary_main(uint32_t number);

/* The end of booting: on the first processor's own stack, gives the `npages` pages from `pa`, which only booting needed, to the pool, with
 * as many pmems; the normal world begins. */
__attribute__((noreturn)) void processor_ready(struct quire_pa pa, uint32_t npages, struct quire_pmem *pmems);

#endif
