/* A simulated machine driven by hand, without a pager: for the tests of testkit/. Criterion's header comes before. */
#ifndef BARE_MACHINE_H
#define BARE_MACHINE_H

#include <stdlib.h>
#include <string.h>

#include "quire/area.h"
#include "quire/testkit/sim_cpu.h"
#include "quire/testkit/sim_mmu.h"
#include "quire/testkit/sim_store.h"

#define CPUS 2u
#define VMS 3u
#define PAGES 8u
#define WINDOW 16u
#define ENTRIES (VMS * WINDOW)
#define BASE ((uintptr_t)0x40000000u)
#define RW (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER)
#define RO (QUIRE_PROT_READ | QUIRE_PROT_USER)
#define RX (QUIRE_PROT_READ | QUIRE_PROT_EXEC | QUIRE_PROT_USER)
#define RWX (RW | QUIRE_PROT_EXEC)

static struct quire_sim sim;
static struct quire_vm vm[VMS];
static unsigned char storage[QUIRE_SIM_BYTES(CPUS, VMS, PAGES, ENTRIES)];

static inline struct quire_sim_config usual(void)
{
    struct quire_sim_config config;

    memset(&config, 0, sizeof config);
    config.cpus = CPUS;
    config.vms = VMS;
    config.pages = PAGES;
    config.pa = quire_pa_make(UINT64_C(0x880000000));
    config.entries = ENTRIES;
    config.storage = storage;
    config.bytes = sizeof storage;
    return config;
}

/* A machine with two contexts; the third may be added. */
static inline void start(const struct quire_sim_config *config)
{
    cr_assert_eq(quire_sim_init(&sim, config), QUIRE_OK);
    cr_assert_eq(quire_sim_add_vm(&sim, &vm[0], BASE, WINDOW), QUIRE_OK);
    cr_assert_eq(quire_sim_add_vm(&sim, &vm[1], BASE, WINDOW), QUIRE_OK);
}

static inline void start_with(enum quire_sim_flags flags)
{
    struct quire_sim_config config = usual();

    config.flags = flags;
    start(&config);
}

static inline void start_unlocked(void)
{
    struct quire_sim_config config = usual();

    config.flush_unlocked = true;
    start(&config);
}

/* ---- What was seen ---- */

static inline void saw(enum quire_sim_rule rule)
{
    const struct quire_sim_violation *seen = quire_sim_first_violation(&sim);

    cr_assert_not_null(seen, "expected: %s; nothing was seen", quire_sim_rule_text(rule));
    cr_assert_eq(seen->rule, rule, "expected: %s; seen: %s", quire_sim_rule_text(rule), seen->what);
    quire_sim_forgive(&sim);
}

static inline void saw_nothing(void)
{
    const struct quire_sim_violation *seen = quire_sim_first_violation(&sim);

    cr_assert_null(seen, "seen: %s", seen != NULL ? seen->what : "");
}

/* ---- Hooks by hand ---- */

static inline uintptr_t va_of(uint32_t i)
{
    return BASE + ((uintptr_t)i << QUIRE_PAGE_SHIFT);
}

static inline struct quire_pa pa_of(uint32_t page)
{
    return quire_pa_make(sim.config.pa.addr + ((uint64_t)page << QUIRE_PAGE_SHIFT));
}

static uintptr_t held_key; /* of whoever holds the lock */

static inline void lock(void)
{
    uintptr_t key = sim.mmu.lock(&sim);

    held_key = key;
}

static inline void unlock(void)
{
    sim.mmu.unlock(&sim, held_key);
}

static inline enum quire_status map(struct quire_vm *of, uint32_t i, uint32_t page, unsigned prot)
{
    return sim.mmu.map(&sim, of, va_of(i), pa_of(page), 1, prot, 0);
}

static inline unsigned unmap(struct quire_vm *of, uint32_t i)
{
    struct quire_batch batch;

    quire_batch_init(&batch);
    return sim.mmu.unmap(&sim, of, va_of(i), 1, &batch);
}

static inline unsigned reduce(struct quire_vm *of, uint32_t i, unsigned prot)
{
    struct quire_batch batch;

    quire_batch_init(&batch);
    return sim.mmu.reduce(&sim, of, va_of(i), prot, &batch);
}

static inline unsigned query(struct quire_vm *of, uint32_t i)
{
    return sim.mmu.query(&sim, of, va_of(i));
}

static inline void flush(struct quire_vm *of, uint32_t i)
{
    struct quire_batch batch;

    quire_batch_init(&batch);
    quire_batch_add(&batch, of, va_of(i));
    sim.mmu.flush(&sim, &batch);
}

/* The whole of an operation that makes, or ends, one entry. */
static inline void show(struct quire_vm *of, uint32_t i, uint32_t page, unsigned prot)
{
    lock();
    cr_assert_eq(map(of, i, page, prot), QUIRE_OK);
    unlock();
}

static inline void hide(struct quire_vm *of, uint32_t i)
{
    lock();
    (void)unmap(of, i);
    flush(of, i);
    unlock();
}

/* sync_code as the pager calls it. */
static inline void sync_page(uint32_t page)
{
    void *alias = sim.mmu.alias_get(&sim, pa_of(page));

    sim.mmu.sync_code(&sim, alias, BASE, QUIRE_PAGE_SIZE);
    sim.mmu.alias_put(&sim, pa_of(page), alias);
}

/* ---- Processors ---- */

static inline enum quire_sim_outcome access_as(unsigned cpu, struct quire_vm *of, uint32_t i, unsigned access,
                                               unsigned char *byte)
{
    return quire_sim_access(&sim, cpu, of, va_of(i), access, false, byte, 1);
}

static inline enum quire_sim_outcome read_by(unsigned cpu, struct quire_vm *of, uint32_t i)
{
    unsigned char byte;

    return access_as(cpu, of, i, QUIRE_PROT_READ, &byte);
}

static inline enum quire_sim_outcome write_by(unsigned cpu, struct quire_vm *of, uint32_t i, unsigned char byte)
{
    return access_as(cpu, of, i, QUIRE_PROT_WRITE, &byte);
}

static inline enum quire_sim_outcome fetch_by(unsigned cpu, struct quire_vm *of, uint32_t i)
{
    unsigned char byte;

    return access_as(cpu, of, i, QUIRE_PROT_EXEC, &byte);
}

#endif
