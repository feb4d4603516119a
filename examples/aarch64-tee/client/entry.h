/* entry.h - what start.S and C know of each other. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_ENTRY_H
#define CLIENT_ENTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/board.h"
#include "client/layout.h"

/* ---- In start.S ---- */

/* Entry of a further processor, MMU off, x0 = its number. */
void start_further_cpu(void);

/* Reads 8 bytes at an aligned physical address; false if the access aborts. */
bool guarded_read(uint64_t address, uint64_t *value);

/* ---- Called and used by start.S ---- */

extern unsigned char cpu_stacks[BOARD_CPUS_MAX][CPU_STACK_BYTES];
extern const uint64_t mmu_table[4];

void client_main(void);
void cpu_main(void);
void interrupt_taken(void);
void exception_unexpected(uint64_t vector, uint64_t syndrome, uint64_t address, uint64_t fault_address);

#endif
