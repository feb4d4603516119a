/* world.c - what belongs to a world, and is exchanged when the other one goes on. SPDX-License-Identifier: BSD-2-Clause */
#include "monitor/monitor.h"

#include <stdbool.h>
#include <stddef.h>

#include "lib/memory.h"
#include "monitor/sysreg.h"

typedef char offsets_are_those_of_vectors_S[offsetof(struct world, sp_el0) == WORLD_SP_EL0 &&
                                                    offsetof(struct world, elr) == WORLD_ELR &&
                                                    offsetof(struct world, stack) == WORLD_STACK
                                                ? 1
                                                : -1];

/* SCR_EL3. Interrupts of either kind go to EL1 of whichever world is running (IRQ = FIQ = 0): the kernel gives the processor back. */
#define SCR_NS (1u << 0)
#define SCR_RES1 (3u << 4)
#define SCR_SIF (1u << 9)              /* secure state executes secure memory only */
#define SCR_RW (1u << 10)              /* EL1 is AArch64 */
#define SCR_APK (1u << 16)             /* pointer authentication: keys ... */
#define SCR_API (1u << 17)             /* ... and instructions, without a trap */
#define SCR_EN_TP2 (UINT64_C(1) << 41) /* TPIDR2_EL0 */

#define CPTR_EZ (1u << 8)     /* SVE, without a trap */
#define CPTR_ESM (1u << 12)   /* SME */
#define VECTOR_LENGTH_MAX 15u /* ZCR_EL3, SMCR_EL3: whatever the processor has */
#define SMCR_FA64 (UINT64_C(1) << 31)

#define MDCR_SDD (1u << 16)  /* no debug exceptions in secure state */
#define MDCR_SPME (1u << 17) /* the performance counters count there too: the kernel measures itself */

#define COUNTER_HZ 62500000u /* of the board's system counter */

#define SPSR_EL1H_MASKED 0x3c5u
#define SPSR_MODE 0xfu
#define SPSR_EL1T 4u
#define SPSR_EL1H 5u
#define SPSR_AARCH32 (1u << 4)
#define SPSR_PAN (1u << 22)
#define SPSR_DIT (1u << 24)

#define SCTLR_EL1_RESET 0x30d00800u
#define SCTLR_SPAN (1u << 23)

#define ESR_CLASS(esr) (((esr) >> 26) & 0x3fu)
#define ESR_CLASS_SMC 0x17u
#define ESR_UNKNOWN (1u << 25) /* class 0, a 32-bit instruction */

/* Registers newer than the assembler's options. */
#define zcr_el3 s3_6_c1_c2_0
#define smcr_el3 s3_6_c1_c2_6
#define id_aa64smfr0_el1 s3_0_c0_c4_5
#define id_aa64isar2_el1 s3_0_c0_c6_2

extern char stacks[]; /* start.S */

static struct cpu cpus[BOARD_CPUS_MAX];

struct cpu *cpu_get(unsigned number)
{
    return &cpus[number];
}

unsigned cpu_number(void)
{
    return (unsigned)(sysreg_read(mpidr_el1) & 0xffu);
}

/* ---- What the processor has ---- */

static bool has_sve(void)
{
    return sysreg_field(id_aa64pfr0_el1, 32) != 0;
}

static bool has_sme(void)
{
    return sysreg_field(id_aa64pfr1_el1, 24) != 0;
}

static bool has_pointer_authentication(void)
{
    uint64_t isar1 = sysreg_read(id_aa64isar1_el1) & 0xff000ff0u; /* GPI, GPA, API, APA */
    uint64_t isar2 = sysreg_read(id_aa64isar2_el1) & 0x0000ff00u; /* APA3, GPA3 */

    return (isar1 | isar2) != 0;
}

static bool has_pan(void)
{
    return sysreg_field(id_aa64mmfr1_el1, 20) != 0;
}

/* ---- Set-up ---- */

/*
 * Whatever this does not let through without a trap to EL3, because worlds would share it, does not exist for either of them:
 * world_exception() makes an undefined instruction of it.
 */
void world_init_traps(void)
{
    sysreg_write(cptr_el3, (has_sve() ? CPTR_EZ : 0u) | (has_sme() ? CPTR_ESM : 0u));
    isb();
    if (has_sve()) {
        sysreg_write(zcr_el3, VECTOR_LENGTH_MAX);
    }
    if (has_sme()) {
        sysreg_write(smcr_el3, VECTOR_LENGTH_MAX | (sysreg_read(id_aa64smfr0_el1) >> 63 != 0 ? SMCR_FA64 : 0u));
    }
    sysreg_write(mdcr_el3, MDCR_SDD | MDCR_SPME);
    sysreg_write(cntfrq_el0, COUNTER_HZ);
}

static uint64_t scr_of(bool secure)
{
    uint64_t scr = SCR_RES1 | SCR_RW;

    if (has_pointer_authentication()) {
        scr |= SCR_API;
    }
    if (secure) {
        return scr | SCR_SIF;
    }
    if (has_pointer_authentication()) {
        scr |= SCR_APK;
    }
    if (has_sme()) {
        scr |= SCR_EN_TP2;
    }
    return scr | SCR_NS;
}

void world_init(struct cpu *cpu, struct world *world, uint64_t entry, uint64_t a0, uint64_t a1)
{
    memset(world, 0, sizeof *world);
    world->x[0] = a0;
    world->x[1] = a1;
    world->elr = entry;
    world->spsr = SPSR_EL1H_MASKED;
    world->stack = (uintptr_t)stacks + STACK_BYTES * (cpu_number() + 1u);
    world->scr = scr_of(world == &cpu->secure);
    world->el1.sctlr_el1 = SCTLR_EL1_RESET;
}

/* ---- From one to the other ---- */

static void save(struct world *world)
{
#define SAVE(name) world->el1.name = sysreg_read(name);
    WORLD_EL1_REGISTERS(SAVE)
}

static void load(const struct world *world)
{
#define LOAD(name) sysreg_write(name, world->el1.name);
    WORLD_EL1_REGISTERS(LOAD)
    sysreg_write(scr_el3, world->scr);
    isb();
}

struct world *world_switch(struct world *from, struct world *to)
{
    save(from);
    load(to);
    return to;
}

void world_start(struct world *world)
{
    load(world);
    world_resume(world);
}

void world_call(struct world *secure, uint64_t entry, const uint64_t arguments[8])
{
    memset(secure->x, 0, sizeof secure->x);
    memcpy(secure->x, arguments, 8 * sizeof arguments[0]);
    secure->elr = entry;
    secure->spsr = SPSR_EL1H_MASKED | (has_pan() ? SPSR_PAN : 0u); /* as an exception to EL1 would have it */
}

/* ---- Exceptions ---- */

/* The instruction that came here becomes an undefined one of the world that executed it: its EL1 handles it. */
static void inject_undefined(struct world *world)
{
    uint64_t vector;

    if ((world->spsr & SPSR_AARCH32) != 0) {
        vector = 0x600;
    } else if ((world->spsr & SPSR_MODE) == SPSR_EL1H) {
        vector = 0x200;
    } else if ((world->spsr & SPSR_MODE) == SPSR_EL1T) {
        vector = 0x000;
    } else {
        vector = 0x400;
    }
    sysreg_write(elr_el1, world->elr);
    sysreg_write(spsr_el1, world->spsr);
    sysreg_write(esr_el1, ESR_UNKNOWN);
    world->elr = sysreg_read(vbar_el1) + vector;
    world->spsr = SPSR_EL1H_MASKED | (world->spsr & (SPSR_PAN | SPSR_DIT));
    if (has_pan() && (sysreg_read(sctlr_el1) & SCTLR_SPAN) == 0) {
        world->spsr |= SPSR_PAN;
    }
}

struct world *world_exception(struct world *world)
{
    if (ESR_CLASS(sysreg_read(esr_el3)) != ESR_CLASS_SMC) {
        inject_undefined(world);
        return world;
    }
    return smc(cpu_get(cpu_number()), world);
}
