/* psci.c - turning processors on and off, for the normal world (PSCI 1.1, SMCCC 1.1). SPDX-License-Identifier: BSD-2-Clause */
#include "monitor/monitor.h"

#include <stdbool.h>
#include <stddef.h>

#include "monitor/gic.h"
#include "monitor/sysreg.h"

/* PSCI's CPU_OFF and CPU_ON, which are states here, are TURN_OFF and TURN_ON. A 64-bit variant has FUNCTION_64 set. */
#define VERSION 0x84000000u
#define TURN_OFF 0x84000002u
#define TURN_ON 0x84000003u
#define AFFINITY_INFO 0x84000004u
#define MIGRATE_INFO_TYPE 0x84000006u
#define SYSTEM_OFF 0x84000008u
#define SYSTEM_RESET 0x84000009u
#define FEATURES 0x8400000au
#define SMCCC_VERSION 0x80000000u
#define FUNCTION_64 0x40000000u

#define VERSION_1_1 0x10001u
#define MIGRATION_NOT_NEEDED 2u /* by the kernel, which runs on every processor */

#define SUCCESS 0
#define NOT_SUPPORTED -1
#define INVALID_PARAMETERS -2
#define ALREADY_ON -4
#define ON_PENDING -5
#define INVALID_ADDRESS -9

#define AFFINITY_ON 0
#define AFFINITY_OFF 1
#define AFFINITY_ON_PENDING 2

static bool exists(uint32_t function)
{
    switch (function) {
    case VERSION:
    case TURN_OFF:
    case TURN_ON:
    case TURN_ON | FUNCTION_64:
    case AFFINITY_INFO:
    case AFFINITY_INFO | FUNCTION_64:
    case MIGRATE_INFO_TYPE:
    case SYSTEM_OFF:
    case SYSTEM_RESET:
    case FEATURES:
    case SMCCC_VERSION:
        return true;
    default:
        return false;
    }
}

/* Processors are named by their affinity, of which this board uses the lowest level only. NULL: there is none of that name. */
static struct cpu *find(uint64_t affinity)
{
    return affinity < gic()->cpus() && affinity < BOARD_CPUS_MAX ? cpu_get((unsigned)affinity) : NULL;
}

static int64_t turn_on(uint64_t affinity, uint64_t entry, uint64_t context)
{
    struct cpu *cpu = find(affinity);
    uint32_t state = CPU_OFF;

    if (cpu == NULL) {
        return INVALID_PARAMETERS;
    }
    if (entry < BOARD_DRAM || entry >= (uint64_t)BOARD_DRAM + BOARD_DRAM_BYTES || entry % 4 != 0) {
        return INVALID_ADDRESS;
    }
    /* Of two callers one gets it. With the MMU off, exclusive accesses work on this board, though not on every one. */
    if (!__atomic_compare_exchange_n(&cpu->state, &state, CPU_CLAIMED, false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
        return state == CPU_ON ? ALREADY_ON : ON_PENDING;
    }
    cpu->on_entry = entry;
    cpu->on_context = context;
    gic()->wake((unsigned)affinity);
    __atomic_store_n(&cpu->state, CPU_ON_PENDING, __ATOMIC_RELEASE);
    return SUCCESS;
}

__attribute__((noreturn)) static void turn_off(struct cpu *cpu)
{
    __atomic_store_n(&cpu->state, CPU_OFF, __ATOMIC_RELEASE);
    cpu_wait(cpu);
}

static int64_t affinity_info(uint64_t affinity, uint64_t level)
{
    struct cpu *cpu = find(affinity);

    if (cpu == NULL || level != 0) {
        return INVALID_PARAMETERS;
    }
    switch (__atomic_load_n(&cpu->state, __ATOMIC_ACQUIRE)) {
    case CPU_ON:
        return AFFINITY_ON;
    case CPU_CLAIMED:
    case CPU_ON_PENDING:
        return AFFINITY_ON_PENDING;
    default:
        return AFFINITY_OFF;
    }
}

bool psci_is_wanted(struct cpu *cpu)
{
    uint32_t state = __atomic_load_n(&cpu->state, __ATOMIC_ACQUIRE);

    while (state == CPU_CLAIMED) { /* not for long: the caller of CPU_ON is in turn_on() */
        yield();
        state = __atomic_load_n(&cpu->state, __ATOMIC_ACQUIRE);
    }
    return state == CPU_ON_PENDING;
}

void psci_is_on(struct cpu *cpu)
{
    __atomic_store_n(&cpu->state, CPU_ON, __ATOMIC_RELEASE);
}

int64_t psci(struct cpu *cpu, const uint64_t x[4])
{
    uint32_t function = (uint32_t)x[0];
    uint64_t arguments = (function & FUNCTION_64) != 0 ? UINT64_MAX : UINT32_MAX;

    if (!exists(function)) {
        return NOT_SUPPORTED;
    }
    switch (function & ~FUNCTION_64) {
    case VERSION:
    case SMCCC_VERSION:
        return VERSION_1_1;
    case TURN_OFF:
        turn_off(cpu);
    case TURN_ON:
        return turn_on(x[1] & arguments, x[2] & arguments, x[3] & arguments);
    case AFFINITY_INFO:
        return affinity_info(x[1] & arguments, x[2] & arguments);
    case MIGRATE_INFO_TYPE:
        return MIGRATION_NOT_NEEDED;
    case FEATURES:
        return exists((uint32_t)x[1]) ? SUCCESS : NOT_SUPPORTED;
    default: /* SYSTEM_OFF, SYSTEM_RESET */
        machine_exit(0);
    }
}
