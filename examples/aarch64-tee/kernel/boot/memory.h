/* memory.h - secure memory, divided; and the kernel's own address space. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_BOOT_MEMORY_H
#define KERNEL_BOOT_MEMORY_H

#include "kernel/boot/config.h"

/*
 *     KERNEL_BASE | image | pool ...                        ... bookkeeping, tables, stacks |  end of secure memory
 *
 * All for good. Addresses are those of KERNEL_VA.
 */

/* Takes `bytes` bytes from the end, in whole pages, zeroed. Panics if there are none. */
void *memory_take(uint64_t bytes);

/* What is left between the image and what was taken: where it begins, and how many pages. */
uint64_t memory_left(uint64_t *pa);

/* Makes the kernel's address space as layout.h has it, each part with the least permissions, and uses it from now on. */
void memory_map(const struct config *config);

#endif
