/* exception.c - an exception that nobody expects ends the machine. SPDX-License-Identifier: BSD-2-Clause */
#include "client/console.h"
#include "client/entry.h"
#include "client/exit.h"
#include "client/smc.h"

void exception_unexpected(uint64_t vector, uint64_t syndrome, uint64_t address, uint64_t fault_address)
{
    static uint32_t told; /* the console may be what fails, or its lock be taken */

    if (__atomic_exchange_n(&told, 1, __ATOMIC_RELAXED) == 0) {
        print("client: exception %u, syndrome %lx, at %lx, address %lx\n", (unsigned)vector, syndrome, address, fault_address);
    }
    machine_exit(EXIT_CLIENT_EXCEPTION);
}
