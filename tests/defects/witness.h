/* What every file of witnesses is made of: a rig, two contexts, expectations that are one line, and WITNESS().
 *
 * Every scenario runs on all kinds of hardware flags and with both ways of flushing. It ends with the check of all invariants
 * and the machine's oracle, and with the end of everything it made. */
#ifndef WITNESS_H
#define WITNESS_H

#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"

#define RW (RIG_READ | RIG_WRITE)

static struct rig rig;
static struct quire_vm vm[2];
static const char *hardware; /* on which the scenario runs now */
static bool unlocked;        /* flushes drop the lock */

static const char *const hardwares[] = {"accessed and dirty flags", "an accessed flag", "accessed-flag faults", "no flags"};

/* ---- Expectations: what does not hold is one line ---- */

static __attribute__((unused)) void expect(bool holds, const char *format, ...)
{
    const struct quire_sim_violation *seen = quire_sim_first_violation(&rig.sim);
    char what[256];
    va_list args;

    if (holds) {
        return;
    }
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (seen != NULL && strcmp(seen->what, what) == 0) {
        seen = NULL;
    }
    fprintf(stderr, "violation: %s%s%s%s [%s%s]\n", what, seen != NULL ? " (the machine: " : "", seen != NULL ? seen->what : "",
            seen != NULL ? ")" : "", hardware, unlocked ? ", flushed unlocked" : "");
    cr_assert_fail("%s", what);
}

#define EXPECT(condition) expect((condition), "not true: %s", #condition)
#define OK(call) says(QUIRE_OK, (call), #call)
#define SAYS(status, call) says((status), (call), #call)

static __attribute__((unused)) void says(enum quire_status expected, enum quire_status status, const char *call)
{
    expect(status == expected, "%s, not %s: %s", quire_status_name(status), quire_status_name(expected), call);
}

static __attribute__((unused)) void sound(void)
{
    const char *wrong = rig_wrong(&rig);

    expect(wrong == NULL, "%s", wrong);
}

/* ---- A scenario, on every machine ---- */

static __attribute__((unused)) void everywhere(void (*scenario)(void), struct rig_config config)
{
    unsigned flags;
    unsigned mode;
    unsigned i;

    for (flags = QUIRE_SIM_HW_ACCESSED_DIRTY; flags <= QUIRE_SIM_NO_FLAGS; flags++) {
        for (mode = 0; mode < 2u; mode++) {
            config.flags = (enum quire_sim_flags)flags;
            config.flush_unlocked = mode != 0;
            hardware = hardwares[flags];
            unlocked = mode != 0;
            rig_start(&rig, &config);
            for (i = 0; i < 2u; i++) {
                rig_vm_start(&rig, &vm[i]);
            }
            scenario();
            sound();
            rig_stop(&rig);
        }
    }
}

/* WITNESS(name, fields of struct rig_config) { the scenario } */
#define WITNESS(name, ...)                                     \
    static void name##_(void);                                 \
    Test(witness, name, .timeout = 20)                         \
    {                                                          \
        everywhere(name##_, (struct rig_config){__VA_ARGS__}); \
    }                                                          \
    static void name##_(void)

/* The smallest pool: one thread whose instructions need one page, or two such threads. In the order of arrival, the page that
 * was first to come is the first to go. */
#define SMALLEST .policy = RIG_FIFO, .step = 1, .pages = 2
#define SMALLEST_FOR_TWO .policy = RIG_FIFO, .step = 1, .concurrency = 2, .pages = 3

/* ---- What the scenarios are made of ---- */

static __attribute__((unused)) struct rig_store *shown(struct quire_vm *in, uintptr_t va, uint32_t npages, unsigned prot)
{
    struct rig_store *store = rig_store_new(&rig, npages, prot);

    OK(rig_map(in, &store->fobj, va, prot));
    return store;
}

/* Shows `store` where code may be written, or run. */
static __attribute__((unused)) void show_wx(struct quire_vm *in, struct rig_store *store, uintptr_t va, unsigned prot)
{
    struct quire_mapping mapping;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = &store->fobj;
    mapping.va = va;
    mapping.prot = prot | QUIRE_PROT_USER;
    mapping.wx = true;
    OK(quire_vm_map(in, &mapping, NULL));
}

static __attribute__((unused)) enum quire_status use(unsigned cpu, uint32_t thread, struct quire_vm *in, uintptr_t va,
                                                     unsigned access, unsigned char *byte)
{
    return rig_access(&rig, cpu, thread, in, va, access, byte, 1);
}

static __attribute__((unused)) void read_as_born(unsigned cpu, struct quire_vm *in, uintptr_t va, const struct rig_store *store,
                                                 uint32_t pgidx)
{
    unsigned char byte = 0;

    says(QUIRE_OK, use(cpu, 0, in, va, RIG_READ, &byte), "a read");
    expect(byte == rig_born(store->tag, pgidx, 0), "a page shows bytes that are not its own");
}

static __attribute__((unused)) void run_as_born(struct quire_vm *in, uintptr_t va, const struct rig_store *store,
                                                uint32_t pgidx)
{
    unsigned char byte = 0;

    says(QUIRE_OK, use(0, 0, in, va, RIG_EXEC, &byte), "a fetch of instructions");
    expect(byte == rig_born(store->tag, pgidx, 0), "instructions are fetched that are not the page's");
}

static __attribute__((unused)) void write_byte(unsigned cpu, struct quire_vm *in, uintptr_t va, unsigned char byte)
{
    says(QUIRE_OK, use(cpu, 0, in, va, RIG_WRITE, &byte), "a write");
}

static __attribute__((unused)) void read_byte(struct quire_vm *in, uintptr_t va, unsigned char byte)
{
    expect(rig_byte(&rig, in, va) == byte, "what was written is lost");
}

/* Reads pages first..last of what begins at RIG_VA: as many others leave. */
static __attribute__((unused)) void pass(struct quire_vm *in, uint32_t first, uint32_t last)
{
    for (; first <= last; first++) {
        says(QUIRE_OK, rig_byte(&rig, in, RIG_AT(first)) >= 0 ? QUIRE_OK : QUIRE_IO, "a read");
    }
}

static __attribute__((unused)) enum quire_status fault_of(uint32_t thread, struct quire_vm *in, uintptr_t va, unsigned access)
{
    struct quire_fault fault;

    memset(&fault, 0, sizeof fault);
    fault.va = va;
    fault.access = access;
    fault.wait_ok = true;
    fault.thread = thread;
    return quire_pager_fault(&rig.pager, in, &fault, NULL);
}

#endif
