/* layout.h - the kernel's own address space. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_LAYOUT_H
#define KERNEL_LAYOUT_H

#include "abi/board.h"

/*
 * Also included by assembly and kernel.ld. All of it lies in TTBR1's half, 39 bits:
 *
 *     KERNEL_VA + pa      what is mapped for good: the kernel's image, the pool (never executable), the secure UART, the flash (read-only),
 *                         normal memory (as non-secure, never executable)
 *     PAGED_VA            the kernel's pageable part: a context of the pager as any application's
 *     STACKS_VA           each stack in the upper half of its slot; nothing is in the lower half, so that a stack which overflows faults
 */
#define KERNEL_VA 0xffffff8000000000

#define PAGED_VA 0xffffff800c000000 /* within reach of a branch from the image */
#define PAGED_BYTES 0x00200000

#define STACKS_VA 0xffffff8020000000
#define STACK_BYTES 0x4000 /* bit STACK_BIT of an address in a stack is set: vectors.S looks */
#define STACK_BIT 14
#define STACK_SLOT 0x8000

/* Applications: all of TTBR0's 39 bits but the first and the last 64 KiB. */
#define USER_FIRST 0x10000
#define USER_LAST 0x7ffffeffff

#define THREADS 8

#define BOOT_STACK_BYTES 0x4000
#define CPU_BYTES 64 /* of a struct cpu */

#endif
