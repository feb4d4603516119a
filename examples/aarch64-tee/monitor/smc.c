/* smc.c - what the worlds may ask the monitor for. SPDX-License-Identifier: BSD-2-Clause */
#include "monitor/monitor.h"

#include <stdbool.h>

#include "abi/world.h"
#include "lib/memory.h"

#define UNKNOWN_FUNCTION (~UINT64_C(0))

struct kernel_entries kernel_entries;

/* Numbers that belong to a trusted operating system: yielding calls, fast calls, and the questions who it is. */
static bool is_for_kernel(uint32_t function)
{
    return (function & 0xff000000u) == 0x32000000u || (function & 0xff000000u) == 0xb2000000u ||
           (function & 0xffffff00u) == 0xbf00ff00u;
}

static struct world *from_normal(struct cpu *cpu)
{
    uint64_t *x = cpu->normal.x;
    uint32_t function = (uint32_t)x[0];

    if (is_for_kernel(function)) {
        world_call(&cpu->secure, kernel_entries.call, x);
        return world_switch(&cpu->normal, &cpu->secure);
    }
    if (function == MONITOR_EXIT) {
        machine_exit(x[1]);
    }
    x[0] = (uint64_t)psci(cpu, x); /* the other registers stay as they were */
    return &cpu->normal;
}

/* The kernel is trusted: its arguments are not checked. */
static struct world *from_secure(struct cpu *cpu)
{
    uint64_t *x = cpu->secure.x;

    switch ((uint32_t)x[0]) {
    case WORLD_READY:
        kernel_entries.call = x[1];
        kernel_entries.cpu = x[2];
        world_init(cpu, &cpu->normal, CLIENT_BASE, 0, 0);
        return world_switch(&cpu->secure, &cpu->normal);
    case WORLD_CPU_READY:
        world_init(cpu, &cpu->normal, cpu->on_entry, cpu->on_context, 0);
        psci_is_on(cpu);
        return world_switch(&cpu->secure, &cpu->normal);
    case WORLD_RETURN:
        memcpy(cpu->normal.x, x + 1, 4 * sizeof x[0]);
        return world_switch(&cpu->secure, &cpu->normal);
    case WORLD_EXIT:
        machine_exit(x[1]);
    default:
        x[0] = UNKNOWN_FUNCTION;
        return &cpu->secure;
    }
}

struct world *smc(struct cpu *cpu, struct world *from)
{
    return from == &cpu->normal ? from_normal(cpu) : from_secure(cpu);
}
