/* machine.c - the bare machine of the tests: processors, faults, applications. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/vmsa_test/machine.h"

#include <stddef.h>

#include "lib/format.h"

/* start.S */
extern const unsigned char start_second[];
extern const unsigned char machine_left[];
uint64_t machine_enter(uintptr_t pc, uint64_t x0);

struct machine_cpu cpus[MACHINE_CPUS];
typedef char machine_cpu_bytes[sizeof(struct machine_cpu) == MACHINE_CPU_BYTES ? 1 : -1];
unsigned char stacks[MACHINE_CPUS][MACHINE_STACK_BYTES] __attribute__((aligned(16)));

/* ---- Exceptions ---- */

struct machine_frame {
    uint64_t x[31];
    uint64_t pc;
    uint64_t pstate;
};

enum machine_from { FROM_EL1, FROM_EL0, FROM_NOWHERE };

#define CLASS(esr) ((esr) >> 26 & 63u)
#define SVC 0x15u
#define FETCH_EL1 0x21u
#define DATA_EL1 0x25u
#define EL1H_MASKED 0x3c5u

void machine_trap(struct machine_frame *frame, uint64_t from);
void machine_second(void);
void machine_main(void);

__attribute__((noreturn)) static void panic(const struct machine_frame *frame, uint64_t esr, uint64_t far)
{
    char text[160];

    format(text, sizeof text, "not ok - the tests end regularly\n# exception %lx at %lx, address %lx\n", (unsigned long)esr,
           (unsigned long)frame->pc, (unsigned long)far);
    machine_print(text);
    machine_exit(2);
}

void machine_trap(struct machine_frame *frame, uint64_t from)
{
    struct machine_cpu *cpu = machine_this_cpu();
    uint64_t esr;
    uint64_t far;

    __asm__ volatile("mrs %0, esr_el1; mrs %1, far_el1" : "=r"(esr), "=r"(far));
    if (from == FROM_EL0 && CLASS(esr) == SVC) {
        frame->pc = (uintptr_t)machine_left;
        frame->pstate = EL1H_MASKED;
        return;
    }
    if (cpu->serve != NULL && cpu->serve(esr, far, from == FROM_EL0)) {
        return;
    }
    if (!cpu->catching) {
        panic(frame, esr, far);
    }
    cpu->faulted = true;
    cpu->esr = esr;
    cpu->far = far;
    if (from == FROM_EL0) {
        frame->pc = (uintptr_t)machine_left;
        frame->pstate = EL1H_MASKED;
    } else if (from == FROM_EL1 && CLASS(esr) == DATA_EL1) {
        frame->pc += 4;
    } else if (from == FROM_EL1 && CLASS(esr) == FETCH_EL1) {
        frame->pc = frame->x[30];
    } else {
        panic(frame, esr, far);
    }
}

/* ---- Accesses that may fault ---- */

static void catch (void)
{
    machine_this_cpu()->faulted = false;
    machine_this_cpu()->catching = true;
    __asm__ volatile("" ::: "memory");
}

static bool caught(void)
{
    __asm__ volatile("" ::: "memory");
    machine_this_cpu()->catching = false;
    return machine_this_cpu()->faulted;
}

bool machine_read(uintptr_t va, uint64_t *value)
{
    uint64_t got = 0;

    catch ();
    __asm__ volatile("ldtr %0, [%1]" : "+r"(got) : "r"(va) : "memory");
    *value = got;
    return !caught();
}

bool machine_write(uintptr_t va, uint64_t value)
{
    catch ();
    __asm__ volatile("sttr %0, [%1]" ::"r"(value), "r"(va) : "memory");
    return !caught();
}

bool machine_kernel_read(uintptr_t va, uint64_t *value)
{
    uint64_t got = 0;

    catch ();
    __asm__ volatile("ldr %0, [%1]" : "+r"(got) : "r"(va) : "memory");
    *value = got;
    return !caught();
}

bool machine_kernel_write(uintptr_t va, uint64_t value)
{
    catch ();
    __asm__ volatile("str %0, [%1]" ::"r"(value), "r"(va) : "memory");
    return !caught();
}

bool machine_kernel_execute(uintptr_t va)
{
    catch ();
    __asm__ volatile("blr %0" ::"r"(va) : "x0", "x30", "memory");
    return !caught();
}

bool machine_run(uintptr_t va, uint64_t *x0)
{
    catch ();
    *x0 = machine_enter(va, *x0);
    return !caught();
}

uint64_t machine_translate(uintptr_t va)
{
    uint64_t par;

    __asm__ volatile("at s1e1r, %1; isb; mrs %0, par_el1" : "=r"(par) : "r"(va) : "memory");
    return par;
}

uint64_t machine_translate_write(uintptr_t va)
{
    uint64_t par;

    __asm__ volatile("at s1e0w, %1; isb; mrs %0, par_el1" : "=r"(par) : "r"(va) : "memory");
    return par;
}

/* ---- The second processor ---- */

static void (*second_main)(void);

bool machine_start_second(void (*main)(void))
{
    register uint64_t x0 __asm__("x0") = 0xc4000003; /* PSCI CPU_ON */
    register uint64_t x1 __asm__("x1") = 1;
    register uint64_t x2 __asm__("x2") = machine_pa(start_second);
    register uint64_t x3 __asm__("x3") = 0;

    second_main = main;
    cpus[1].number = 1;
    __asm__ volatile("dsb ish; hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
    return x0 == 0;
}

void machine_second(void)
{
    struct machine_cpu *cpu = machine_this_cpu();

    second_main();
    for (;;) {
        void (*job)(void) = __atomic_load_n(&cpu->job, __ATOMIC_ACQUIRE);

        if (job != NULL) {
            job();
            __atomic_store_n(&cpu->job, NULL, __ATOMIC_RELEASE);
        } else {
            __asm__ volatile("yield");
        }
    }
}

void machine_give_job(void (*job)(void))
{
    __atomic_store_n(&cpus[1].job, job, __ATOMIC_RELEASE);
}

void machine_await_job(void)
{
    while (__atomic_load_n(&cpus[1].job, __ATOMIC_ACQUIRE) != NULL) {
        __asm__ volatile("yield");
    }
}

/* ---- The host, by semihosting ---- */

static uint64_t host(uint64_t operation, const void *argument)
{
    register uint64_t x0 __asm__("x0") = operation;
    register const void *x1 __asm__("x1") = argument;

    __asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
    return x0;
}

void machine_print(const char *text)
{
    (void)host(0x04, text);
}

void machine_arguments(char *to, uint64_t size)
{
    const struct {
        char *to;
        uint64_t size;
    } argument = {to, size};

    to[0] = '\0';
    (void)host(0x15, &argument);
}

__attribute__((noreturn)) void machine_exit(uint64_t status)
{
    const uint64_t argument[2] = {0x20026, status};

    for (;;) {
        (void)host(0x18, argument);
    }
}
