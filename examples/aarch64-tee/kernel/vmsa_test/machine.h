/* machine.h - the bare machine of the tests: processors, faults, applications. SPDX-License-Identifier: BSD-2-Clause */
#ifndef VMSA_TEST_MACHINE_H
#define VMSA_TEST_MACHINE_H

#define MACHINE_VA 0xffffff8000000000 /* plus a physical address: where memory is seen */
#define MACHINE_FRAME_BYTES 272
#define MACHINE_STACK_BYTES 16384
#define MACHINE_CPU_BYTES 40

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

#define MACHINE_CPUS 2u

/* TPIDR_EL1 points to it. */
struct machine_cpu { /* MACHINE_CPU_BYTES */
    uint32_t number;
    bool catching; /* an access that may fault is being made: else a fault ends the tests */
    bool faulted;  /* it did */
    uint64_t esr;  /* of the last that did */
    uint64_t far;

    /* Asked at each fault: true lets the instruction run again. Null: all are refused. */
    bool (*serve)(uint64_t esr, uint64_t far, bool from_el0);
    void (*job)(void);
};

static inline struct machine_cpu *machine_this_cpu(void)
{
    struct machine_cpu *cpu;

    __asm__ volatile("mrs %0, tpidr_el1" : "=r"(cpu));
    return cpu;
}

static inline uint32_t machine_cpu_number(void)
{
    return machine_this_cpu()->number;
}

/* The virtual address of memory as the kernel sees it, and back. */
static inline uint64_t machine_pa(const void *memory)
{
    return (uintptr_t)memory - MACHINE_VA;
}

/* ---- Accesses that may fault: false if refused; then machine_this_cpu() tells how ---- */

bool machine_read(uintptr_t va, uint64_t *value);        /* as an application */
bool machine_write(uintptr_t va, uint64_t value);        /* as an application */
bool machine_kernel_read(uintptr_t va, uint64_t *value); /* as the kernel */
bool machine_kernel_write(uintptr_t va, uint64_t value); /* as the kernel */
bool machine_kernel_execute(uintptr_t va);               /* calls what is there, as the kernel */
bool machine_run(uintptr_t va, uint64_t *x0);            /* runs at EL0 with *x0, until its SVC gives *x0 back */
uint64_t machine_translate(uintptr_t va);                /* PAR_EL1 for a read of the kernel */
uint64_t machine_translate_write(uintptr_t va);          /* PAR_EL1 for a write of an application */

/* The status that the last refused access ended with (ESR_EL1's last six bits). */
static inline unsigned machine_status(void)
{
    return (unsigned)(machine_this_cpu()->esr & 63u);
}

/* ---- Processors ---- */

/* Through the identity mapping that booting left in TTBR0: new translation registers, and nothing remembered. */
void machine_switch(uint64_t tcr, uint64_t ttbr1);

/* Starts the second processor, which calls `main` and then waits for jobs; false if there is none. */
bool machine_start_second(void (*main)(void));
void machine_give_job(void (*job)(void)); /* to the second; not before the last is done */
void machine_await_job(void);

/* ---- The host ---- */

void machine_print(const char *text);
void machine_arguments(char *to, uint64_t size);
__attribute__((noreturn)) void machine_exit(uint64_t status);
#endif

#endif
