/* bench/replay.c - a recorded trace through the pager. SPDX-License-Identifier: BSD-2-Clause */
#include "mem.h"
#include "replay.h"

#include <quire/pager.h>
#include <quire/pager_check.h>
#include <quire/testkit/sim_cpu.h>
#include <quire/testkit/sim_mmu.h>
#include <quire/testkit/sim_store.h>
#include <quire/vm.h>

#include <stdlib.h>
#include <string.h>

#define BASE ((uintptr_t)0x40000000u)
#define PA ((uint64_t)0x80000000u)

/* A store whose pages are all zero: what they hold is nobody's business here. */
struct store {
    struct quire_fobj fobj;
    struct quire_sim_watch watch;
    uint32_t *slots;
    uint64_t saves;
};

struct machine {
    const struct replay_config *config;
    struct quire_sim sim;
    struct quire_pager pager;
    struct quire_vm *vms; /* [contexts] */
    struct store *stores; /* [contexts]; behind them the shared one */
    struct quire_pmem *pmems;
    uint32_t *steps;
    void *storage;
    struct replay_counts counts;
    const char *wrong;
};

static uint32_t step_of(uint32_t step)
{
    return step != 0 ? step : QUIRE_PAGER_STEP_DEFAULT;
}

uint32_t replay_pages_min(uint32_t step)
{
    return (uint32_t)QUIRE_PAGER_MIN_PAGES(1, step_of(step), 0);
}

/* Notes the first thing that goes wrong; true if nothing has. */
static bool good(struct machine *m, bool condition, const char *otherwise)
{
    if (m->wrong == NULL && !condition) {
        m->wrong = otherwise;
    }
    return m->wrong == NULL;
}

/* ---- The stores ---- */

static enum quire_status store_load(struct quire_io *io)
{
    memset(io->page[0], 0, QUIRE_PAGE_SIZE);
    return QUIRE_OK;
}

static enum quire_status store_save(struct quire_io *io)
{
    ((struct store *)io->fobj)->saves++;
    return QUIRE_OK;
}

static const struct quire_fobj_ops store_ops = {"trace", QUIRE_FOBJ_OPS_FILLS, store_load, store_save, NULL, NULL};

static bool start_store(struct machine *m, struct store *store)
{
    uint32_t pages = m->config->trace->pages;

    store->slots = malloc(QUIRE_FOBJ_SLOT_BYTES(pages));
    return good(m,
                store->slots != NULL &&
                    quire_fobj_init(&store->fobj, &store_ops, pages, store->slots, QUIRE_PROT_RWX, 0) == QUIRE_OK &&
                    quire_sim_watch_fobj(&store->watch, &m->sim, &store->fobj) == QUIRE_OK,
                "an object cannot be made");
}

/* ---- Contexts ---- */

static unsigned prot_of(uint8_t use)
{
    return QUIRE_PROT_USER | QUIRE_PROT_READ | ((use & QPT_WRITTEN) != 0 ? QUIRE_PROT_WRITE : 0u) |
           ((use & QPT_EXECUTED) != 0 ? QUIRE_PROT_EXEC : 0u);
}

/* Maps pages first..end - 1, all of the same use. */
static bool map_run(struct machine *m, uint32_t context, uint32_t first, uint32_t end)
{
    const struct qpt *trace = m->config->trace;
    uint8_t use = trace->use[first];
    struct quire_mapping mapping;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = &m->stores[(use & QPT_SHARED) != 0 ? trace->contexts : context].fobj;
    mapping.first = first;
    mapping.npages = end - first;
    mapping.prot = prot_of(use);
    mapping.va = BASE + ((uintptr_t)first << QUIRE_PAGE_SHIFT);
    mapping.wx = (use & QPT_WRITTEN) != 0 && (use & QPT_EXECUTED) != 0;
    return good(m, quire_vm_map(&m->vms[context], &mapping, NULL) == QUIRE_OK, "an area cannot be mapped");
}

static bool start_context(struct machine *m, uint32_t context)
{
    const struct qpt *trace = m->config->trace;
    struct quire_vm *vm = &m->vms[context];
    uint32_t first = 0;
    uint32_t i;

    if (!good(m,
              quire_sim_add_vm(&m->sim, vm, BASE, trace->pages) == QUIRE_OK &&
                  quire_vm_init(vm, &m->pager, BASE, BASE + ((uintptr_t)trace->pages << QUIRE_PAGE_SHIFT) - 1u, NULL) ==
                      QUIRE_OK,
              "a context cannot be made")) {
        return false;
    }
    for (i = 1; i <= trace->pages; i++) {
        if (i == trace->pages || trace->use[i] != trace->use[first]) {
            if (!map_run(m, context, first, i)) {
                return false;
            }
            first = i;
        }
    }
    return true;
}

/* ---- The machine ---- */

static bool start_sim(struct machine *m)
{
    const struct qpt *trace = m->config->trace;
    struct quire_sim_config config;

    memset(&config, 0, sizeof config);
    config.cpus = 1;
    config.vms = trace->contexts;
    config.pages = m->config->pages;
    config.pa = quire_pa_make(PA);
    config.entries = trace->contexts * trace->pages;
    config.bytes = QUIRE_SIM_BYTES(config.cpus, config.vms, config.pages, config.entries);
    m->storage = malloc(config.bytes);
    config.storage = m->storage;
    config.flags = m->config->flags;
    return good(m, m->storage != NULL && quire_sim_init(&m->sim, &config) == QUIRE_OK, "the machine cannot be made");
}

static bool start_pager(struct machine *m)
{
    struct quire_pager_config config;

    memset(&config, 0, sizeof config);
    config.mmu = quire_sim_hooks(&m->sim);
    config.policy = m->config->policy;
    config.mem.alloc = mem_alloc;
    config.mem.free = mem_free;
    config.pa = quire_pa_make(PA);
    config.npages = m->config->pages;
    config.pmems = m->pmems;
    config.concurrency = 1;
    config.pages_per_step = step_of(m->config->step);
    config.steps = m->steps;
    return good(m, quire_pager_init(&m->pager, &config) == QUIRE_OK, "the pager cannot be made");
}

static bool start(struct machine *m)
{
    uint32_t contexts = m->config->trace->contexts;
    uint32_t i;

    m->vms = calloc(contexts, sizeof *m->vms);
    m->stores = calloc((size_t)contexts + 1u, sizeof *m->stores);
    m->pmems = calloc(m->config->pages, sizeof *m->pmems);
    m->steps = malloc(QUIRE_PAGER_STEP_BYTES(1, step_of(m->config->step)));
    if (!good(m, m->vms != NULL && m->stores != NULL && m->pmems != NULL && m->steps != NULL, "out of memory") ||
        !start_sim(m) || !start_pager(m)) {
        return false;
    }
    for (i = 0; i <= contexts; i++) {
        if (!start_store(m, &m->stores[i])) {
            return false;
        }
    }
    for (i = 0; i < contexts; i++) {
        if (!start_context(m, i)) {
            return false;
        }
    }
    return true;
}

/* Ends what came into being, in order; a pager that nothing went wrong with must let itself be ended. */
static void stop(struct machine *m)
{
    uint32_t contexts = m->config->trace->contexts;
    uint32_t i;

    for (i = 0; m->wrong == NULL && i < contexts; i++) {
        (void)good(m, quire_vm_fini(&m->vms[i]) == QUIRE_OK, "a context cannot be ended");
    }
    for (i = 0; m->wrong == NULL && i <= contexts; i++) {
        (void)good(m, quire_fobj_put(&m->stores[i].fobj) == QUIRE_OK, "an object cannot be put");
    }
    if (m->wrong == NULL) {
        (void)good(m, quire_pager_fini(&m->pager) == QUIRE_OK, "the pager cannot be ended");
    }
    for (i = 0; m->stores != NULL && i <= contexts; i++) {
        free(m->stores[i].slots);
    }
    free(m->vms);
    free(m->stores);
    free(m->pmems);
    free(m->steps);
    free(m->storage);
}

/* ---- References ---- */

/* What an entry must have for a reference to need nobody, and what the hardware adds to it; by the kind of reference. */
struct hardware {
    uint8_t need[3];
    uint8_t set[3];
};

static struct hardware hardware_of(enum quire_sim_flags flags)
{
    unsigned always = QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_USER | (flags == QUIRE_SIM_AF_FAULT ? QUIRE_ENTRY_ACCESSED : 0u);
    unsigned accessed = flags <= QUIRE_SIM_HW_ACCESSED ? QUIRE_ENTRY_ACCESSED : 0u;
    unsigned dirty = flags == QUIRE_SIM_HW_ACCESSED_DIRTY ? QUIRE_ENTRY_DIRTY : 0u;
    struct hardware hardware = {
        {(uint8_t)(always | QUIRE_ENTRY_READ), (uint8_t)(always | QUIRE_ENTRY_WRITE), (uint8_t)(always | QUIRE_ENTRY_EXEC)},
        {(uint8_t)accessed, (uint8_t)(accessed | dirty), (uint8_t)accessed}};

    return hardware;
}

/* A reference that the entry does not allow: the pager's fault, then the access again. */
static bool fault(struct machine *m, uint32_t record)
{
    static const unsigned access[] = {QUIRE_PROT_READ, QUIRE_PROT_WRITE, QUIRE_PROT_EXEC};
    struct quire_vm *vm = &m->vms[qpt_context(record)];
    struct quire_fault_result result;
    struct quire_fault in;
    unsigned char byte = 0;

    memset(&in, 0, sizeof in);
    in.va = BASE + ((uintptr_t)qpt_page(record) << QUIRE_PAGE_SHIFT);
    in.access = access[qpt_kind(record)];
    in.thread = 0;
    if (!good(m, quire_pager_fault(&m->pager, vm, &in, &result) == QUIRE_OK, "a fault was refused") ||
        !good(m, result.kind != QUIRE_FAULT_SPURIOUS, "a fault was spurious") ||
        !good(m, quire_sim_access(&m->sim, 0, vm, in.va, in.access, false, &byte, 1) == QUIRE_SIM_DONE,
              "a fault was served, and its access faults again")) {
        return false;
    }
    m->counts.majors += result.kind == QUIRE_FAULT_MAJOR;
    m->counts.minors += result.kind != QUIRE_FAULT_MAJOR;
    return true;
}

/*
 * References that need no fault, all but a few, bypass the simulated processor, which would take most of the time: they set the
 * flags of the entry as hardware whose TLB is small does, one that has forgotten a page by the time somebody asks about it.
 */
static bool refer(struct machine *m)
{
    const struct qpt *trace = m->config->trace;
    const struct hardware hardware = hardware_of(m->config->flags);
    uint32_t i;

    for (i = 0; i < trace->records; i++) {
        uint32_t record = trace->record[i];
        enum qpt_kind kind = qpt_kind(record);

        if (kind != QPT_MARK) {
            struct quire_sim_entry *entry = &m->sim.entry[m->sim.vm[qpt_context(record)].first + qpt_page(record)];

            if ((entry->bits & hardware.need[kind]) == hardware.need[kind]) {
                entry->bits |= hardware.set[kind];
            } else if (!fault(m, record)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- Does all agree? ---- */

static void check(struct machine *m)
{
    struct quire_pager_stats stats;
    struct quire_violation violation;
    uint32_t i;

    for (i = 0; i <= m->config->trace->contexts; i++) {
        m->counts.saves += m->stores[i].saves;
    }
    quire_pager_get_stats(&m->pager, &stats);
    (void)good(m, quire_sim_settled(&m->sim), quire_sim_rule_text(m->sim.violation.rule));
    if (quire_pager_check(&m->pager, &violation) != QUIRE_OK) {
        (void)good(m, false, violation.what);
    }
    (void)good(m, stats.faults.major == m->counts.majors && stats.loads == m->counts.majors, "majors differ from the pager's");
    (void)good(m, stats.faults.minor == m->counts.minors, "minors differ from the pager's");
    (void)good(m, stats.saves == m->counts.saves, "write-backs differ from the pager's");
}

const char *replay(const struct replay_config *config, struct replay_counts *counts)
{
    static struct machine machine;
    struct machine *m = &machine;

    memset(m, 0, sizeof *m);
    m->config = config;
    if (start(m) && refer(m)) {
        check(m);
    }
    stop(m);
    *counts = m->counts;
    return m->wrong;
}
