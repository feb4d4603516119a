/* client.c - the test's normal world: looks whether the monitor does what it says. SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/board.h"
#include "abi/smc.h"
#include "abi/world.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/pl011.h"
#include "monitor/test/calls.h"
#include "monitor/test/client_gic.h"
#include "monitor/test/registers.h"

#define PSCI_VERSION 0x84000000u
#define PSCI_CPU_SUSPEND 0xc4000001u
#define PSCI_CPU_OFF 0x84000002u
#define PSCI_CPU_ON_32 0x84000003u
#define PSCI_CPU_ON 0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u
#define PSCI_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_SYSTEM_OFF 0x84000008u
#define PSCI_FEATURES 0x8400000au
#define SMCCC_VERSION 0x80000000u

#define SMC_REGISTERS 31
#define ROUNDS 100u       /* of calls, on each processor at once */
#define SPINS 20000000u   /* more than anything takes */
#define TIMER_SOON 20000u /* ticks */
#define ESR_CLASS(esr) ((esr) >> 26)
#define ESR_CLASS_UNDEFINED 0u
#define ESR_CLASS_DATA_ABORT 0x25u
#define ESR_EXTERNAL_ABORT 0x10u
#define VECTOR_EL1 0x200u
#define VECTOR_EL0 0x400u
#define SPSR_MODE 0xfu
#define MODE_EL1H 5u
#define MODE_EL0T 0u
#define FLAGS_ZC 6u

#define scxtnum_el0 s3_3_c13_c0_7
#define SCTLR_TSCXT (UINT64_C(1) << 20) /* EL1 catches what EL0 does with it; else it is for EL3 */
#define zcr_el1 s3_0_c1_c2_0
#define smcr_el1 s3_0_c1_c2_6
#define tpidr2_el0 s3_3_c13_c0_5
#define apiakeylo_el1 s3_0_c2_c1_0
#define CPACR_ALL (UINT64_C(0x333) << 16) /* floating point, SVE and SME are not trapped */

/* In the script: what is to be done, and how many processors there are. See monitor/test/run. */
struct plan {
    uint32_t cpus;
    uint32_t end; /* END_* */
};
#define END_MONITOR 0u
#define END_KERNEL 1u
#define END_PSCI 2u

void client_first(uint64_t cpu, uint64_t context) __attribute__((noreturn));
void client_further(uint64_t cpu, uint64_t context) __attribute__((noreturn));
void client_bad(void) __attribute__((noreturn));
void client_interrupt(void);
void client_smc(uint64_t x[SMC_REGISTERS]);
void client_read_at_el0(void);
void further_start(void);

/* The last instruction that failed; client.S skips it. */
volatile struct fault {
    uint64_t vector;
    uint64_t esr;
    uint64_t spsr;
    uint64_t count; /* of all since this was reset */
} client_fault;

static volatile uint32_t interrupts[BOARD_CPUS_MAX];
static uint32_t failures; /* atomic */

/* ---- Help ---- */

static void print(const char *fmt, ...)
{
    char line[160];
    va_list args;

    va_start(args, fmt);
    vformat(line, sizeof line, fmt, args);
    va_end(args);
    for (const char *p = line; *p != '\0'; p++) {
        pl011_put(BOARD_UART_NORMAL, *p);
    }
}

/* What is, and what must be. */
static void expect(const char *what, uint64_t is, uint64_t must)
{
    if (is != must) {
        __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
        print("%s: is 0x%lx, must be 0x%lx\n", what, is, must);
    }
}

static uint64_t smc(uint64_t function, uint64_t a1, uint64_t a2, uint64_t a3)
{
    uint64_t x[SMC_REGISTERS] = {function, a1, a2, a3};

    client_smc(x);
    return x[0];
}

static void end(uint64_t status) __attribute__((noreturn));
static void end(uint64_t status)
{
    for (;;) {
        smc(MONITOR_EXIT, status, 0, 0);
    }
}

void client_bad(void)
{
    print("an exception that must not be\n");
    end(TEST_STATUS_BAD);
}

void client_interrupt(void)
{
    unsigned cpu = sysreg_read(mpidr_el1) & 0xffu;

    if (client_gic_take() == BOARD_TIMER_INTERRUPT) {
        interrupts[cpu]++;
    }
}

/* ---- Registers ---- */

/* All registers of EL1 are filled, the call is made, and both sides look at what they find. */
static void check_call(uint64_t function, uint64_t seed)
{
    struct test_registers held;
    uint64_t x[SMC_REGISTERS];

    x[0] = function | (seed << 32); /* the upper half is not the function's */
    for (unsigned n = 1; n < SMC_REGISTERS; n++) {
        x[n] = TEST_ARGUMENT(n);
    }
    test_registers_fill(&held, seed * 1000003u + (sysreg_read(mpidr_el1) & 0xffu));
    client_smc(x);
    expect("the client's EL1 registers that changed", test_registers_changed(&held), 0);
    expect("x0 of the answer", x[0], TEE_OK);
    expect("what the kernel found wrong", x[1], 0);
    expect("x2 of the answer", x[2], TEST_ANSWER(2));
    expect("x3 of the answer", x[3], TEST_ANSWER(3));
    for (unsigned n = 4; n < SMC_REGISTERS; n++) {
        expect("a register behind the answer", x[n], TEST_ARGUMENT(n));
    }
}

static void check_registers(void)
{
    for (unsigned round = 1; round <= ROUNDS; round++) {
        check_call(TEST_REGISTERS, round);
    }
    check_call(TEST_FAST, 1);
    check_call(TEST_UID, 1);
}

/* ---- Calls that there are not ---- */

static void check_unknown(void)
{
    static const uint32_t unknown[] = {WORLD_READY, WORLD_CPU_READY, WORLD_RETURN, WORLD_EXIT,       0xbe0000ffu, 0x33000000u,
                                       0x31ffffffu, 0xb3000000u,     0xbf000000u,  0xbf00fe01u,      0xbf010001u, 0,
                                       0xffffffffu, 0xc2000000u,     0x84000001u,  PSCI_CPU_SUSPEND, 0xc4000000u, 0xc4000008u,
                                       0x8400000bu, 0xc400000au};

    for (unsigned i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        uint64_t x[SMC_REGISTERS];

        for (unsigned n = 0; n < SMC_REGISTERS; n++) {
            x[n] = TEST_ARGUMENT(n);
        }
        x[0] = unknown[i];
        client_smc(x);
        expect("an unknown function", x[0], UINT64_MAX);
        for (unsigned n = 1; n < SMC_REGISTERS; n++) {
            expect("a register behind an unknown function", x[n], TEST_ARGUMENT(n));
        }
    }
    {
        uint64_t x[SMC_REGISTERS] = {TEST_UNKNOWN_SMC};

        client_smc(x);
        expect("an unknown function of the kernel's", x[1], UINT64_MAX);
    }
}

/* ---- What the normal world cannot reach ---- */

static void expect_fault(const char *what, uint64_t vector, uint64_t class)
{
    expect(what, client_fault.count, 1);
    expect(what, client_fault.vector, vector);
    expect(what, client_fault.spsr & SPSR_MODE, vector == VECTOR_EL1 ? MODE_EL1H : MODE_EL0T);
    expect(what, ESR_CLASS(client_fault.esr), class);
    client_fault.count = 0;
}

static void check_secure_memory(void)
{
    static const uintptr_t secret[] = {
        BOARD_FLASH,      FLASH_KERNEL, BOARD_SECURE_RAM, KERNEL_BASE, BOARD_SECURE_RAM + BOARD_SECURE_RAM_BYTES - 8u,
        BOARD_UART_SECURE};

    for (unsigned i = 0; i < sizeof secret / sizeof secret[0]; i++) {
        uint64_t value = TEST_ANSWER(0);

        __asm__ volatile("ldr %w0, [%1]" : "+r"(value) : "r"(secret[i]) : "memory");
        expect_fault("a read of secure memory", VECTOR_EL1, ESR_CLASS_DATA_ABORT);
        expect("the status of a read of secure memory", client_fault.esr & 0x3fu, ESR_EXTERNAL_ABORT);
        expect("what was read", value, TEST_ANSWER(0));
        __asm__ volatile("str wzr, [%0]" : : "r"(secret[i]) : "memory");
        expect_fault("a write to secure memory", VECTOR_EL1, ESR_CLASS_DATA_ABORT);
    }
}

/* Processors that have it trap it to EL3, which must not let it seem so. */
static void check_trapped_register(void)
{
    sysreg_read(scxtnum_el0);
    expect_fault("a register that nobody has", VECTOR_EL1, ESR_CLASS_UNDEFINED);
    sysreg_write(sctlr_el1, sysreg_read(sctlr_el1) & ~SCTLR_TSCXT);
    isb();
    client_read_at_el0();
    expect_fault("a register that nobody has, at EL0", VECTOR_EL0, ESR_CLASS_UNDEFINED);
    expect("the flags of EL0 at that time", client_fault.spsr >> 28, FLAGS_ZC);
    sysreg_write(sctlr_el1, sysreg_read(sctlr_el1) | SCTLR_TSCXT);
    isb();
}

/* ---- What the normal world can use ---- */

static void check_extensions(void)
{
    uint64_t cpacr = sysreg_read(cpacr_el1);

    sysreg_write(cpacr_el1, CPACR_ALL);
    isb();
    __asm__ volatile(".arch_extension fp\n\tfmov d0, xzr");
    if (sysreg_field(id_aa64pfr0_el1, 32) != 0) {
        sysreg_read(zcr_el1);
        __asm__ volatile(".arch_extension sve\n\tptrue p0.b");
    }
    if (sysreg_field(id_aa64pfr1_el1, 24) != 0) {
        sysreg_read(smcr_el1);
        sysreg_read(tpidr2_el0);
    }
    if ((sysreg_read(id_aa64isar1_el1) & 0xff0u) != 0) {
        sysreg_read(apiakeylo_el1);
    }
    expect("faults for using an extension", client_fault.count, 0);
    sysreg_write(cpacr_el1, cpacr);
    isb();
}

/* ---- Interrupts ---- */

static void arm_timer(void)
{
    sysreg_write(cntp_tval_el0, TIMER_SOON);
    sysreg_write(cntp_ctl_el0, 1);
    isb();
}

static void take_interrupts(bool yes)
{
    if (yes) {
        __asm__ volatile("msr daifclr, #3" ::: "memory");
    } else {
        __asm__ volatile("msr daifset, #3" ::: "memory");
    }
}

static void wait_for_interrupts(uint64_t cpu, uint32_t number)
{
    for (unsigned n = 0; n < SPINS && interrupts[cpu] < number; n++) {
        yield();
    }
    expect("interrupts taken", interrupts[cpu], number);
}

static void check_interrupts(uint64_t cpu)
{
    uint64_t x[SMC_REGISTERS] = {TEST_INTERRUPT};
    uint32_t before = interrupts[cpu];

    client_gic_enable();
    arm_timer();
    take_interrupts(true);
    wait_for_interrupts(cpu, before + 1);
    take_interrupts(false);

    /* Now it comes while the kernel runs, which sees it, gives the processor back, and leaves it pending. */
    arm_timer();
    client_smc(x);
    expect("x0 of an interrupted call", x[0], TEE_INTERRUPTED);
    expect("how the kernel saw the interrupt", x[1], client_gic_is_v3() ? TEST_FIQ : TEST_IRQ);
    expect("interrupts taken while masked", interrupts[cpu], before + 1);
    take_interrupts(true);
    wait_for_interrupts(cpu, before + 2);
    take_interrupts(false);
}

/* ---- Processors ---- */

static void check_psci(void)
{
    static const uint32_t known[] = {PSCI_VERSION,           PSCI_CPU_OFF,    PSCI_CPU_ON,   PSCI_CPU_ON_32, PSCI_AFFINITY_INFO,
                                     PSCI_MIGRATE_INFO_TYPE, PSCI_SYSTEM_OFF, PSCI_FEATURES, SMCCC_VERSION};
    const uint64_t entry = (uintptr_t)further_start;

    expect("PSCI_VERSION", smc(PSCI_VERSION, 0, 0, 0), 0x10001);
    expect("SMCCC_VERSION", smc(SMCCC_VERSION, 0, 0, 0), 0x10001);
    expect("MIGRATE_INFO_TYPE", smc(PSCI_MIGRATE_INFO_TYPE, 0, 0, 0), 2);
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        expect("FEATURES of what is there", smc(PSCI_FEATURES, known[i], 0, 0), 0);
    }
    expect("FEATURES of CPU_SUSPEND", smc(PSCI_FEATURES, PSCI_CPU_SUSPEND, 0, 0), UINT64_MAX);
    expect("FEATURES of a call of the kernel's", smc(PSCI_FEATURES, TEE_SMC_CALL, 0, 0), UINT64_MAX);

    expect("CPU_ON of itself", smc(PSCI_CPU_ON, 0, entry, 0), (uint64_t)-4);
    expect("CPU_ON of nobody", smc(PSCI_CPU_ON, BOARD_CPUS_MAX, entry, 0), (uint64_t)-2);
    expect("CPU_ON of nobody, by cluster", smc(PSCI_CPU_ON, 0x100, entry, 0), (uint64_t)-2);
    expect("CPU_ON of nobody, beyond 32 bits", smc(PSCI_CPU_ON, UINT64_C(1) << 32, entry, 0), (uint64_t)-2);
    expect("CPU_ON of nobody at all", smc(PSCI_CPU_ON, UINT64_MAX, entry, 0), (uint64_t)-2);
    expect("32-bit CPU_ON of itself", smc(PSCI_CPU_ON_32, UINT64_C(1) << 32, entry, 0), (uint64_t)-4);
    expect("AFFINITY_INFO of itself", smc(PSCI_AFFINITY_INFO, 0, 0, 0), 0);
    expect("AFFINITY_INFO of nobody", smc(PSCI_AFFINITY_INFO, BOARD_CPUS_MAX, 0, 0), (uint64_t)-2);
    expect("AFFINITY_INFO of a cluster", smc(PSCI_AFFINITY_INFO, 0, 1, 0), (uint64_t)-2);
}

/* The kernel can count what it does. */
static void check_counter(void)
{
    uint64_t x[SMC_REGISTERS] = {TEST_COUNTER};

    client_smc(x);
    expect("whether the kernel's counter counted", x[1] > 0, true);
}

/* All that can be looked at on any processor. */
static void check_this_cpu(uint64_t cpu, uint64_t boots)
{
    uint64_t x[SMC_REGISTERS] = {TEST_CPU};

    expect("the exception level", sysreg_read(currentel) >> 2, 1);
    expect("the system counter's frequency", sysreg_read(cntfrq_el0), 62500000);
    client_smc(x);
    expect("the processor's number, of the kernel", x[1], cpu);
    expect("how often the kernel was set up", x[2], boots);
    check_extensions();
    check_registers();
    check_interrupts(cpu);
    check_counter();
}

void client_further(uint64_t cpu, uint64_t context)
{
    expect("the exceptions that are masked", sysreg_read(daif), 0x3c0);
    expect("SCTLR_EL1 of a processor turned on", sysreg_read(sctlr_el1), 0x30d00800);
    expect("x0 of a processor turned on", context & 0xffu, cpu);
    check_this_cpu(cpu, context >> 8);
    smc(PSCI_CPU_OFF, 0, 0, 0);
    print("CPU_OFF came back\n");
    end(TEST_STATUS_BAD);
}

static void wait_until_off(uint64_t cpu)
{
    for (unsigned n = 0; n < SPINS && smc(PSCI_AFFINITY_INFO, cpu, 0, 0) != 1; n++) {
        yield();
    }
    expect("AFFINITY_INFO of a processor that is off", smc(PSCI_AFFINITY_INFO, cpu, 0, 0), 1);
}

/* All further processors at once, twice, as each call of CPU_ON sets the kernel up. */
static void check_further_cpus(uint32_t cpus)
{
    static const uint64_t no_entry[] = {0,          BOARD_SECURE_RAM, KERNEL_BASE, BOARD_DRAM - 4, UINT64_C(0x80000000),
                                        UINT64_MAX, UINT64_MAX - 3};
    const uint64_t entry = (uintptr_t)further_start;

    for (uint64_t cpu = 1; cpu < BOARD_CPUS_MAX; cpu++) {
        expect("AFFINITY_INFO of what is there, or not", smc(PSCI_AFFINITY_INFO, cpu, 0, 0), cpu < cpus ? 1 : (uint64_t)-2);
    }
    expect("CPU_ON of a processor that this machine does not have", smc(PSCI_CPU_ON, cpus, entry, 0), (uint64_t)-2);
    for (unsigned i = 0; cpus > 1 && i < sizeof no_entry / sizeof no_entry[0]; i++) {
        expect("CPU_ON with a bad entry", smc(PSCI_CPU_ON, 1, no_entry[i], 0), (uint64_t)-9);
    }
    if (cpus > 1) {
        expect("CPU_ON with an odd entry", smc(PSCI_CPU_ON, 1, entry + 2, 0), (uint64_t)-9);
    }
    for (unsigned cpu = 1; cpu < cpus; cpu++) {
        client_gic_raise_secure(cpu); /* it does not wake, or not for long */
        expect("AFFINITY_INFO of a processor that was poked", smc(PSCI_AFFINITY_INFO, cpu, 0, 0), 1);
    }
    for (uint64_t boots = 1; boots <= 2; boots++) {
        for (uint64_t cpu = 1; cpu < cpus; cpu++) {
            expect("CPU_ON", smc(boots == 1 ? PSCI_CPU_ON : PSCI_CPU_ON_32, cpu, entry, boots << 8 | cpu), 0);
        }
        check_registers(); /* while they do */
        for (uint64_t cpu = 1; cpu < cpus; cpu++) {
            wait_until_off(cpu);
        }
    }
}

void client_first(uint64_t cpu, uint64_t context)
{
    const struct plan *plan = (const void *)CLIENT_SCRIPT;

    expect("x0 at boot", context, 0);
    check_this_cpu(cpu, 1);
    check_unknown();
    check_secure_memory();
    check_trapped_register();
    check_psci();
    check_further_cpus(plan->cpus);
    check_this_cpu(cpu, 1);

    if (failures != 0) {
        print("%u failures\n", failures);
        end(TEST_STATUS_BAD);
    }
    print("good\n");
    switch (plan->end) {
    case END_KERNEL:
        smc(TEST_EXIT, TEST_STATUS_GOOD, 0, 0);
        break;
    case END_PSCI:
        smc(PSCI_SYSTEM_OFF, 0, 0, 0);
        break;
    default:
        end(TEST_STATUS_GOOD);
    }
    print("the end did not come\n");
    end(TEST_STATUS_BAD);
}
