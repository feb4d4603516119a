/* mmu.c - the client's page table, which is known when it is built. SPDX-License-Identifier: BSD-2-Clause */
#include "client/entry.h"
#include "client/layout.h"

/* By 1 GiB. Where nothing is said nothing is mapped. */
const uint64_t mmu_table[4] __attribute__((aligned(64))) = {
    [0] = MMU_DEVICE,
    [BOARD_DRAM >> 30] = BOARD_DRAM | MMU_MEMORY,
};
