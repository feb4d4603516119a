/* kernel.c - the test's kernel: looks whether it is entered as the contract says. SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdint.h>

#include "abi/board.h"
#include "abi/smc.h"
#include "abi/world.h"
#include "lib/memory.h"
#include "monitor/test/calls.h"
#include "monitor/test/registers.h"

#define UNKNOWN_SMC 0xbe0000ff
#define SPINS 20000000u /* more than anything takes */
#define MASK_IRQ_FIQ "3"
#define COUNTED_ROUNDS 1000u
#define PMCR_ENABLE 1u
#define PMCR_NOT_WHERE_PROHIBITED (1u << 5)
#define PMCNTENSET_CYCLES (1u << 31)

void kernel_boot(uint64_t cpu, uint64_t config) __attribute__((noreturn));
void kernel_call(uint64_t cpu, const uint64_t x[32]) __attribute__((noreturn));
void kernel_leave(uint64_t x0, uint64_t x1, uint64_t x2, uint64_t x3, uint64_t x4) __attribute__((noreturn));
uint64_t kernel_smc(uint64_t x0);
uint64_t kernel_stack(uint64_t cpu);
void call(void);
void further_start(void);

volatile uint64_t kernel_interrupts[BOARD_CPUS_MAX];

static struct {
    struct test_registers held;
    uint64_t boots;
    uint64_t seed;
} cpus[BOARD_CPUS_MAX];

static void hold(uint64_t cpu)
{
    cpus[cpu].seed += 4;
    test_registers_fill(&cpus[cpu].held, cpus[cpu].seed + cpu);
}

void kernel_boot(uint64_t cpu, uint64_t config)
{
    static const char expected[] = "monitor-test=1";

    if (cpu != (sysreg_read(mpidr_el1) & 0xffu) || config != CONFIG_BASE || sysreg_read(currentel) >> 2 != 1 ||
        sysreg_read(daif) != 0x3c0 || memcmp((const void *)CONFIG_BASE, expected, sizeof expected) != 0) {
        kernel_leave(WORLD_EXIT, EXIT_KERNEL_PANIC, 0, 0, 0);
    }
    cpus[cpu].boots++;
    hold(cpu);
    if (cpu == 0) {
        kernel_leave(WORLD_READY, (uintptr_t)call, (uintptr_t)further_start, 0, 0);
    }
    kernel_leave(WORLD_CPU_READY, 0, 0, 0, 0);
}

/* Returns a bit for each thing that is not as it must be. */
static uint64_t look(uint64_t cpu, const uint64_t x[32])
{
    uint64_t wrong = test_registers_changed(&cpus[cpu].held);

    for (unsigned n = 1; n < 31; n++) {
        if (x[n] != (n < 8 ? TEST_ARGUMENT(n) : 0)) {
            wrong |= UINT64_C(1) << (32 + n);
        }
    }
    if (x[31] != kernel_stack(cpu)) {
        wrong |= UINT64_C(1) << 63;
    }
    return wrong;
}

static uint64_t wait_for_interrupt(uint64_t cpu)
{
    kernel_interrupts[cpu] = 0;
    __asm__ volatile("msr daifclr, #" MASK_IRQ_FIQ ::: "memory");
    for (unsigned n = 0; n < SPINS && kernel_interrupts[cpu] == 0; n++) {
    }
    __asm__ volatile("msr daifset, #" MASK_IRQ_FIQ ::: "memory");
    return kernel_interrupts[cpu];
}

static uint64_t count_cycles(void)
{
    uint64_t before;

    sysreg_write(pmcr_el0, PMCR_ENABLE | PMCR_NOT_WHERE_PROHIBITED);
    sysreg_write(pmcntenset_el0, PMCNTENSET_CYCLES);
    isb();
    before = sysreg_read(pmccntr_el0);
    for (volatile unsigned n = 0; n < COUNTED_ROUNDS; n++) {
    }
    return sysreg_read(pmccntr_el0) - before;
}

void kernel_call(uint64_t cpu, const uint64_t x[32])
{
    uint64_t status = TEE_OK;
    uint64_t a = 0;
    uint64_t b = TEST_ANSWER(2);

    switch ((uint32_t)x[0]) {
    case TEST_REGISTERS:
    case TEST_FAST:
    case TEST_UID:
        a = look(cpu, x);
        break;
    case TEST_INTERRUPT:
        status = TEE_INTERRUPTED;
        a = wait_for_interrupt(cpu);
        break;
    case TEST_UNKNOWN_SMC:
        a = kernel_smc(UNKNOWN_SMC);
        break;
    case TEST_COUNTER:
        a = count_cycles();
        break;
    case TEST_EXIT:
        kernel_leave(WORLD_EXIT, x[1], 0, 0, 0);
    case TEST_CPU:
        a = cpu;
        b = cpus[cpu].boots;
        break;
    default:
        status = TEE_UNKNOWN_FUNCTION;
        break;
    }
    hold(cpu);
    kernel_leave(WORLD_RETURN, status, a, b, TEST_ANSWER(3));
}
