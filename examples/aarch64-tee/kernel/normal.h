/* normal.h - normal memory, which anybody may write at any time. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_NORMAL_H
#define KERNEL_NORMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/layout.h"

/* Does all of [pa, pa + bytes) lie in normal memory? bytes > 0. */
static inline bool normal_contains(uint64_t pa, uint64_t bytes)
{
    return bytes != 0 && pa >= BOARD_DRAM && pa - BOARD_DRAM < BOARD_DRAM_BYTES &&
           bytes <= BOARD_DRAM_BYTES - (pa - BOARD_DRAM);
}

/* Where the kernel has it, as non-secure memory. Each byte is to be read once. */
static inline void *normal_va(uint64_t pa)
{
    return (void *)(uintptr_t)(KERNEL_VA + pa);
}

#endif
