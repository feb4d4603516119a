/* smc.h - the one way out of the normal world. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_SMC_H
#define CLIENT_SMC_H

#include <stdint.h>

/* All general registers but the stack pointer: as a call goes in, and as it comes back. */
struct smc_registers {
    uint64_t x[31];
};

void smc(struct smc_registers *registers);

/* Ends the machine with this exit status. */
__attribute__((noreturn)) void machine_exit(unsigned status);

#endif
