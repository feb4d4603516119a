/* monitor.h - the parts of the EL3 monitor, and what they know of each other. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_MONITOR_H
#define TEE_MONITOR_H

/* Offsets in struct world, for vectors.S; world.c compares them with the compiler's. */
#define WORLD_SP_EL0 248
#define WORLD_ELR 256
#define WORLD_STACK 272

#define CONFIG_BYTES 4096
#define STACK_BYTES 4096 /* of the monitor, on each processor */

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

#include "abi/board.h"

/*
 * The monitor runs with its MMU off and all exceptions masked, from the reset of a processor on and then whenever one of the two
 * worlds executes an SMC. Nothing in it waits for another processor, except a processor that is off, for PSCI CPU_ON.
 *
 *     start.S, main.c    from reset to the kernel's first instruction
 *     vectors.S          EL3 is entered and left here
 *     world.c            what belongs to a world, and is exchanged when the other one goes on
 *     smc.c, psci.c      what the worlds may ask for
 *     gic.c              interrupt controllers: gicv2.c and gicv3.c
 *     machine.c          the end: by request, or by a panic
 */

/*
 * ---- Worlds ----
 *
 * System registers which both worlds have in common, so that each needs its own values. Not among them, on purpose:
 *   - floating point and vector registers, ZCR_EL1 and SMCR_EL1. They are the normal world's at all times: the kernel is built
 *     without them (-mgeneral-regs-only) and lets no application have them (CPACR_EL1), so neither world finds the other's there;
 *   - the pointer authentication keys, which the kernel does not use, and cannot write or read (SCR_EL3.APK);
 *   - breakpoints and MDSCR_EL1: secure state takes no debug exceptions (MDCR_EL3.SDD);
 *   - the performance counters, which the kernel sets up when it wants to count. The normal world can see how much it did, as it
 *     can see time pass;
 *   - the timers, which are the normal world's.
 */
#define WORLD_EL1_REGISTERS(R) \
    R(sctlr_el1)               \
    R(cpacr_el1)               \
    R(ttbr0_el1)               \
    R(ttbr1_el1)               \
    R(tcr_el1)                 \
    R(mair_el1)                \
    R(amair_el1)               \
    R(contextidr_el1)          \
    R(vbar_el1)                \
    R(esr_el1)                 \
    R(far_el1)                 \
    R(afsr0_el1)               \
    R(afsr1_el1)               \
    R(par_el1)                 \
    R(elr_el1)                 \
    R(spsr_el1)                \
    R(sp_el1)                  \
    R(tpidr_el0)               \
    R(tpidrro_el0)             \
    R(tpidr_el1)               \
    R(csselr_el1)              \
    R(cntkctl_el1)

#define WORLD_FIELD(name) uint64_t name;

/* One world on one processor. While it runs, SP_EL3 is the address of this, which is where vectors.S saves its registers. */
struct world {
    uint64_t x[31];
    uint64_t sp_el0;
    uint64_t elr; /* where it goes on, and its PSTATE */
    uint64_t spsr;
    uint64_t stack; /* the monitor's, when it is called by this world: its end */
    uint64_t scr;   /* SCR_EL3 while this world runs */
    struct {
        WORLD_EL1_REGISTERS(WORLD_FIELD)
    } el1;
};

enum cpu_state {
    CPU_OFF,
    CPU_CLAIMED,    /* CPU_ON is being called for it */
    CPU_ON_PENDING, /* its wake interrupt was sent */
    CPU_ON
};

struct cpu {
    struct world normal;
    struct world secure;
    uint32_t state;      /* enum cpu_state; atomic: other processors change it from OFF to ON_PENDING */
    uint64_t on_entry;   /* where the normal world begins when the kernel is ready for this processor, ... */
    uint64_t on_context; /* ... and its x0 */
};

struct cpu *cpu_get(unsigned number);
unsigned cpu_number(void);

/* Sets what EL3 decides for both worlds on this processor: traps, counters, debugging. To be done once after reset. */
void world_init_traps(void);

/* Makes `world` begin at `entry`, at EL1, MMU off, all exceptions masked; x0 = a0, x1 = a1, and all else as after reset. */
void world_init(struct cpu *cpu, struct world *world, uint64_t entry, uint64_t a0, uint64_t a1);

/* Sets x8 to x30, which are no arguments, to zero and makes the kernel go on at `entry`, as from WORLD_READY. */
void world_call(struct world *secure, uint64_t entry, const uint64_t arguments[8]);

/* Puts the system registers of `to` in place of those of `from`. Returns `to`. */
struct world *world_switch(struct world *from, struct world *to);

/* Continues the world whose system registers are in place. (vectors.S) */
void world_resume(struct world *world) __attribute__((noreturn));

/* Loads the system registers of `world` on a processor on which no world ran, and continues it. */
void world_start(struct world *world) __attribute__((noreturn));

/* Called by vectors.S with the world that entered EL3 by an instruction. Returns the one to be continued. */
struct world *world_exception(struct world *world);

/* ---- Calls ---- */

/* An SMC of that world. Returns the world to be continued. */
struct world *smc(struct cpu *cpu, struct world *from);

/* A PSCI call of the normal world: its answer, -1 for what is none. Returns not for CPU_OFF, SYSTEM_OFF and SYSTEM_RESET. */
int64_t psci(struct cpu *cpu, const uint64_t x[4]);

/* CPU_ON was called for this processor, which is off. Its wake interrupt was sent before. */
bool psci_is_wanted(struct cpu *cpu);

/* The normal world begins on this processor: it is on. */
void psci_is_on(struct cpu *cpu);

/* Where the kernel wants to be entered: WORLD_READY's arguments. */
struct kernel_entries {
    uint64_t call; /* virtual */
    uint64_t cpu;  /* physical */
};
extern struct kernel_entries kernel_entries;

/* Lets the further processors go on from start.S, all set up but themselves. */
void start_others(void);

/* Waits until PSCI CPU_ON wants this processor, which is off, then enters the kernel. */
void cpu_wait(struct cpu *cpu) __attribute__((noreturn));

/* ---- Entered by assembly ---- */

void main_first(void) __attribute__((noreturn));
void main_further(void) __attribute__((noreturn));
void vectors_panic(uint64_t vector) __attribute__((noreturn));

/* ---- The end ---- */

void machine_exit(uint64_t status) __attribute__((noreturn));
__attribute__((noreturn, format(printf, 1, 2))) void machine_panic(const char *fmt, ...);

#endif
#endif
