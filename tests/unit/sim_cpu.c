/* sim_cpu.h: what processors see through their TLBs, and instructions whose faults the pager handles. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "bare_machine.h"
#include "quire/policy_fifo.h"
#include "quire/vm.h"

/* ---- TLB and table ---- */

Test(sim_cpu, processor_remembers_until_a_flush_names_it)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_TRANSLATION_FAULT);
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    cr_assert_eq(sim.counts.walks, 2u);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    cr_assert_eq(sim.counts.walks, 2u, "the second one is a hit");
    cr_assert_eq(read_by(1, &vm[0], 0), QUIRE_SIM_DONE);
    cr_assert_eq(sim.counts.walks, 3u, "each processor has its own TLB");
    hide(&vm[0], 0);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_TRANSLATION_FAULT);
    cr_assert_eq(read_by(1, &vm[0], 0), QUIRE_SIM_TRANSLATION_FAULT);
    cr_assert_eq(sim.counts.access, 6u);
    cr_assert_eq(sim.counts.translation_faults, 3u);
    saw_nothing();
}

Test(sim_cpu, access_needs_its_permission)
{
    unsigned char byte = 0;

    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 0, RO);
    show(&vm[0], 1, 1, QUIRE_PROT_READ);
    cr_assert_eq(write_by(0, &vm[0], 0, 1), QUIRE_SIM_PERMISSION_FAULT);
    cr_assert_eq(fetch_by(0, &vm[0], 0), QUIRE_SIM_PERMISSION_FAULT);
    cr_assert_eq(read_by(0, &vm[0], 1), QUIRE_SIM_PERMISSION_FAULT);
    cr_assert_eq(quire_sim_access(&sim, 0, &vm[0], va_of(1), QUIRE_PROT_READ, true, &byte, 1), QUIRE_SIM_DONE);
    cr_assert_eq(quire_sim_access(&sim, 0, &vm[0], va_of(0), QUIRE_PROT_READ, true, &byte, 1), QUIRE_SIM_DONE);
    cr_assert_eq(sim.counts.permission_faults, 3u);
    saw_nothing();
}

Test(sim_cpu, refused_access_is_remembered_too)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(write_by(0, &vm[0], 0, 1), QUIRE_SIM_PERMISSION_FAULT);
    lock();
    (void)unmap(&vm[0], 0);
    (void)map(&vm[0], 0, 0, RW);
    saw(QUIRE_SIM_MAP_OVER_TLB);
}

Test(sim_cpu, bytes_go_where_the_table_says)
{
    unsigned char out[5] = {1, 2, 3, 4, 5};
    unsigned char in[5];

    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 2, RW);
    show(&vm[1], 7, 2, RO);
    cr_assert_eq(quire_sim_access(&sim, 0, &vm[0], va_of(1) - 5u, QUIRE_PROT_WRITE, false, out, 5), QUIRE_SIM_DONE);
    cr_assert_eq(quire_sim_access(&sim, 1, &vm[1], va_of(8) - 5u, QUIRE_PROT_READ, false, in, 5), QUIRE_SIM_DONE);
    cr_assert_eq(memcmp(in, out, 5), 0);
    cr_assert_eq(*quire_sim_bytes(&sim, quire_pa_make(pa_of(3).addr - 1u)), 5);
}

Test(sim_cpu, what_is_no_access_is_refused)
{
    unsigned char bytes[2] = {0, 0};

    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 0, RW);
    cr_assert_eq(quire_sim_access(&sim, CPUS, &vm[0], BASE, QUIRE_PROT_READ, false, bytes, 1), QUIRE_SIM_BAD_ACCESS);
    cr_assert_eq(quire_sim_access(&sim, 0, &vm[0], BASE, RW, false, bytes, 1), QUIRE_SIM_BAD_ACCESS);
    cr_assert_eq(quire_sim_access(&sim, 0, &vm[0], BASE, QUIRE_PROT_READ, false, bytes, 0), QUIRE_SIM_BAD_ACCESS);
    cr_assert_eq(quire_sim_access(&sim, 0, &vm[0], BASE, QUIRE_PROT_READ, false, NULL, 1), QUIRE_SIM_BAD_ACCESS);
    cr_assert_eq(quire_sim_access(&sim, 0, &vm[0], va_of(1) - 1u, QUIRE_PROT_READ, false, bytes, 2), QUIRE_SIM_BAD_ACCESS);
    cr_assert_eq(quire_sim_access(&sim, 0, &vm[0], va_of(1) - 1u, QUIRE_PROT_READ, false, bytes, 1), QUIRE_SIM_DONE);
    cr_assert_eq(quire_sim_access(&sim, 0, &vm[0], va_of(0) - 1u, QUIRE_PROT_READ, false, bytes, 1),
                 QUIRE_SIM_TRANSLATION_FAULT);
}

/* ---- Flags ---- */

Test(sim_cpu, hardware_sets_the_accessed_flag_when_it_walks_and_not_when_it_remembers)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    lock();
    cr_assert(sim.mmu.age(&sim, &vm[0], va_of(0)));
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    cr_assert_not(sim.mmu.age(&sim, &vm[0], va_of(0)), "no flush followed: the access went unseen");
    cr_assert_eq(read_by(1, &vm[0], 0), QUIRE_SIM_DONE);
    cr_assert(sim.mmu.age(&sim, &vm[0], va_of(0)));
    unlock();
    saw_nothing();
}

Test(sim_cpu, entry_without_accessed_flag_faults_where_software_sets_it)
{
    start_with(QUIRE_SIM_AF_FAULT);
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    lock();
    cr_assert(sim.mmu.age(&sim, &vm[0], va_of(0)));
    unlock();
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE, "remembered");
    cr_assert_eq(read_by(1, &vm[0], 0), QUIRE_SIM_ACCESSED_FAULT);
    cr_assert_eq(sim.counts.accessed_faults, 1u);
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(read_by(1, &vm[0], 0), QUIRE_SIM_DONE);
    saw_nothing();
}

Test(sim_cpu, only_hardware_that_can_records_writes)
{
    unsigned flags;

    for (flags = 0; flags < 4; flags++) {
        start_with((enum quire_sim_flags)flags);
        show(&vm[0], 0, 0, RW);
        cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
        lock();
        cr_assert_eq(query(&vm[0], 0) & QUIRE_ENTRY_DIRTY, 0u);
        unlock();
        cr_assert_eq(write_by(0, &vm[0], 0, 1), QUIRE_SIM_DONE);
        lock();
        cr_assert_eq((query(&vm[0], 0) & QUIRE_ENTRY_DIRTY) != 0, flags == QUIRE_SIM_HW_ACCESSED_DIRTY);
        cr_assert_eq((unmap(&vm[0], 0) & QUIRE_ENTRY_DIRTY) != 0, flags == QUIRE_SIM_HW_ACCESSED_DIRTY);
        flush(&vm[0], 0);
        unlock();
        saw_nothing();
    }
}

Test(sim_cpu, first_write_looks_at_the_entry_again)
{
    struct quire_sim_config config = usual();

    config.flags = QUIRE_SIM_HW_ACCESSED_DIRTY;
    config.flush_unlocked = true;
    start(&config);
    show(&vm[0], 0, 0, RW);
    show(&vm[0], 1, 1, RW);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    cr_assert_eq(write_by(0, &vm[0], 1, 1), QUIRE_SIM_DONE);
    lock();
    (void)unmap(&vm[0], 0);
    cr_assert_neq(reduce(&vm[0], 1, RO) & QUIRE_ENTRY_DIRTY, 0u);
    unlock();
    cr_assert_eq(write_by(0, &vm[0], 0, 1), QUIRE_SIM_TRANSLATION_FAULT, "a write that nobody would record");
    cr_assert_eq(write_by(0, &vm[0], 1, 2), QUIRE_SIM_DONE, "recorded before, and reported");
    saw_nothing();
}

/* ---- Speculation, forgetting ---- */

Test(sim_cpu, eager_processors_remember_what_they_never_used)
{
    struct quire_sim_config config = usual();

    config.eager = true;
    start(&config);
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(sim.page[0].slots, CPUS);
    lock();
    (void)unmap(&vm[0], 0);
    unlock();
    saw(QUIRE_SIM_UNLOCK_STALE);
}

Test(sim_cpu, forgetful_processors_walk_again)
{
    struct quire_sim_config config = usual();
    uint64_t walks[2];
    unsigned i;
    unsigned n;

    config.forget = 4;
    for (i = 0; i < 2; i++) {
        start(&config);
        show(&vm[0], 0, 0, RO);
        for (n = 0; n < 1000; n++) {
            cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
        }
        walks[i] = sim.counts.walks;
        cr_assert_gt(walks[i], 150u);
        cr_assert_lt(walks[i], 350u);
    }
    cr_assert_eq(walks[0], walks[1], "the same seed does the same");
}

Test(sim_cpu, test_decides_what_a_processor_remembers)
{
    start_with(QUIRE_SIM_AF_FAULT);
    cr_assert_not(quire_sim_prefetch(&sim, 0, &vm[0], va_of(0)));
    cr_assert_not(quire_sim_prefetch(&sim, 0, &vm[2], va_of(0)));
    cr_assert_not(quire_sim_prefetch(&sim, CPUS, &vm[0], va_of(0)));
    show(&vm[0], 0, 0, RO);
    cr_assert_not(quire_sim_forget(&sim, 0, &vm[0], va_of(0)));
    cr_assert(quire_sim_prefetch(&sim, 0, &vm[0], va_of(0) + 5u));
    cr_assert(quire_sim_prefetch(&sim, 0, &vm[0], va_of(0)));
    cr_assert_eq(sim.page[0].slots, 1u);
    cr_assert(quire_sim_forget(&sim, 0, &vm[0], va_of(0)));
    cr_assert_eq(sim.page[0].slots, 0u);
    lock();
    (void)sim.mmu.age(&sim, &vm[0], va_of(0));
    unlock();
    cr_assert_not(quire_sim_prefetch(&sim, 0, &vm[0], va_of(0)), "nothing without accessed flag is remembered");
    saw_nothing();
}

/* ---- Code, devices ---- */

Test(sim_cpu, instruction_fetch_sees_what_was_synced)
{
    unsigned char byte = 0;
    unsigned char *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    alias = (unsigned char *)sim.mmu.alias_get(&sim, pa_of(0));
    alias[0] = 0x11;
    sim.mmu.sync_code(&sim, alias, BASE, QUIRE_PAGE_SIZE);
    sim.mmu.alias_put(&sim, pa_of(0), alias);
    (void)map(&vm[0], 0, 0, RX);
    unlock();
    cr_assert_eq(access_as(0, &vm[0], 0, QUIRE_PROT_EXEC, &byte), QUIRE_SIM_DONE);
    cr_assert_eq(byte, 0x11);
    saw_nothing();
    byte = 0x22;
    cr_assert_eq(quire_sim_device(&sim, pa_of(0), true, &byte, 1), QUIRE_OK);
    cr_assert_eq(access_as(0, &vm[0], 0, QUIRE_PROT_EXEC, &byte), QUIRE_SIM_DONE);
    cr_assert_eq(byte, 0x11, "the i-cache does not know better");
    saw(QUIRE_SIM_EXEC_UNSYNCED);
    cr_assert_eq(access_as(0, &vm[0], 0, QUIRE_PROT_READ, &byte), QUIRE_SIM_DONE);
    cr_assert_eq(byte, 0x22);
}

Test(sim_cpu, device_uses_physical_addresses_that_exist)
{
    unsigned char bytes[2] = {5, 6};

    start_with(QUIRE_SIM_HW_ACCESSED);
    cr_assert_eq(quire_sim_device(&sim, pa_of(PAGES), true, bytes, 1), QUIRE_INVALID);
    cr_assert_eq(quire_sim_device(&sim, quire_pa_make(pa_of(1).addr - 1u), true, bytes, 2), QUIRE_INVALID);
    cr_assert_eq(quire_sim_device(&sim, pa_of(0), true, NULL, 1), QUIRE_INVALID);
    cr_assert_eq(quire_sim_device(&sim, pa_of(0), true, bytes, 0), QUIRE_INVALID);
    cr_assert_eq(quire_sim_device(&sim, pa_of(0), true, bytes, 2), QUIRE_OK);
    bytes[1] = 0;
    cr_assert_eq(quire_sim_device(&sim, pa_of(0), false, bytes, 2), QUIRE_OK);
    cr_assert_eq(bytes[1], 6);
}

/* ---- Instructions, with a pager ---- */

#define OBJECT_PAGES 12u

static struct quire_pager pager;
static struct quire_policy_fifo fifo;
static struct quire_pmem pmems[PAGES];
static uint32_t steps[QUIRE_PAGER_STEP_BYTES(1, QUIRE_PAGER_STEP_DEFAULT) / sizeof(uint32_t)];
static struct quire_fobj fobj;
static uint32_t slots[OBJECT_PAGES];
static unsigned char disk[OBJECT_PAGES][QUIRE_PAGE_SIZE];

static enum quire_status load(struct quire_io *io)
{
    memcpy(io->page[0], disk[io->pgidx], QUIRE_PAGE_SIZE);
    return QUIRE_OK;
}

static enum quire_status save(struct quire_io *io)
{
    memcpy(disk[io->pgidx], io->page[0], QUIRE_PAGE_SIZE);
    return QUIRE_OK;
}

static void *allocate(void *ctx, size_t size, size_t align)
{
    (void)ctx;
    (void)align;
    return malloc(size);
}

static void release(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    (void)size;
    free(ptr);
}

/* A pager with the fewest pages there can be, and an object mapped in the first context. */
static void start_pager(unsigned prot)
{
    static const struct quire_fobj_ops ops = {"test", QUIRE_FOBJ_OPS_FILLS, load, save, NULL, NULL};
    struct quire_pager_config config;
    struct quire_mapping mapping;

    start_with(QUIRE_SIM_HW_ACCESSED_DIRTY);
    memset(&config, 0, sizeof config);
    config.mmu = quire_sim_hooks(&sim);
    config.policy = quire_policy_fifo_init(&fifo);
    config.mem.alloc = allocate;
    config.mem.free = release;
    config.pa = pa_of(0);
    config.npages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, 4, 0);
    config.pmems = pmems;
    config.concurrency = 1;
    config.steps = steps;
    cr_assert_eq(quire_pager_init(&pager, &config), QUIRE_OK);
    cr_assert_eq(quire_vm_init(&vm[0], &pager, BASE, va_of(WINDOW) - 1u, NULL), QUIRE_OK);
    cr_assert_eq(quire_fobj_init(&fobj, &ops, OBJECT_PAGES, slots, QUIRE_PROT_RWX, 0), QUIRE_OK);
    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = &fobj;
    mapping.prot = prot;
    mapping.va = BASE;
    cr_assert_eq(quire_vm_map(&vm[0], &mapping, NULL), QUIRE_OK);
}

static void stop_pager(void)
{
    cr_assert(quire_sim_settled(&sim));
    cr_assert_eq(quire_vm_fini(&vm[0]), QUIRE_OK);
    cr_assert_eq(quire_sim_remove_vm(&sim, &vm[0]), QUIRE_OK);
    cr_assert_eq(quire_fobj_put(&fobj), QUIRE_OK);
    cr_assert_eq(quire_pager_fini(&pager), QUIRE_OK);
    cr_assert(quire_sim_settled(&sim));
}

static struct quire_sim_thread runner(void)
{
    struct quire_sim_thread thread;

    memset(&thread, 0, sizeof thread);
    return thread;
}

Test(sim_cpu, run_crosses_pages_and_handles_their_faults)
{
    static unsigned char out[3 * QUIRE_PAGE_SIZE];
    static unsigned char in[3 * QUIRE_PAGE_SIZE];
    struct quire_sim_thread thread = runner();
    size_t i;

    start_pager(RW);
    for (i = 0; i < sizeof out; i++) {
        out[i] = (unsigned char)(i * 7u + 1u);
    }
    cr_assert_eq(quire_sim_run(&sim, &thread, &vm[0], va_of(2) + 100u, QUIRE_PROT_WRITE, out, sizeof out), QUIRE_OK);
    cr_assert_eq(thread.faults, 4u);
    thread.cpu = 1;
    cr_assert_eq(quire_sim_run(&sim, &thread, &vm[0], va_of(2) + 100u, QUIRE_PROT_READ, in, sizeof in), QUIRE_OK);
    cr_assert_eq(memcmp(in, out, sizeof in), 0);
    stop_pager();
}

Test(sim_cpu, run_tells_the_status_of_the_fault)
{
    struct quire_sim_thread thread = runner();
    unsigned char bytes[8] = {0};

    start_pager(RO);
    cr_assert_eq(quire_sim_run(&sim, &thread, &vm[0], va_of(0), QUIRE_PROT_WRITE, bytes, 8), QUIRE_DENIED);
    cr_assert_eq(thread.last.access, QUIRE_PROT_WRITE);
    cr_assert_eq(thread.last_result.kind, QUIRE_FAULT_REFUSED);
    cr_assert_eq(quire_sim_run(&sim, &thread, &vm[0], va_of(OBJECT_PAGES), QUIRE_PROT_READ, bytes, 8), QUIRE_NOT_FOUND);
    cr_assert_eq(quire_sim_run(&sim, &thread, &vm[0], va_of(OBJECT_PAGES) - 4u, QUIRE_PROT_READ, bytes, 8), QUIRE_NOT_FOUND);
    cr_assert_eq(quire_sim_run(&sim, &thread, &vm[0], va_of(0), QUIRE_PROT_READ, bytes, 0), QUIRE_INVALID);
    cr_assert_eq(quire_sim_run(&sim, &thread, &vm[0], UINTPTR_MAX, QUIRE_PROT_READ, bytes, 2), QUIRE_INVALID);
    cr_assert_eq(quire_sim_run(&sim, &thread, &vm[0], va_of(0), 0, bytes, 1), QUIRE_INVALID);
    stop_pager();
}

Test(sim_cpu, step_moves_nothing_until_all_its_pages_are_there)
{
    struct quire_sim_operand operand[4];
    struct quire_sim_thread thread = runner();
    unsigned char bytes[4] = {10, 11, 12, 13};
    uint32_t round;
    uint32_t i;

    start_pager(RW);
    for (round = 0; round < 9; round++) {
        for (i = 0; i < 4; i++) {
            operand[i].va = va_of((round * 4u + i * 3u) % OBJECT_PAGES);
            operand[i].access = QUIRE_PROT_WRITE;
            operand[i].bytes = &bytes[i];
            operand[i].len = 1;
        }
        cr_assert_eq(quire_sim_step(&sim, &thread, &vm[0], operand, 4), QUIRE_OK);
        for (i = 0; i < 4; i++) {
            unsigned char byte = 0;

            cr_assert_eq(quire_sim_run(&sim, &thread, &vm[0], operand[i].va, QUIRE_PROT_READ, &byte, 1), QUIRE_OK);
            cr_assert_eq(byte, bytes[i]);
        }
    }
    operand[3].va = va_of(OBJECT_PAGES);
    operand[0].va = va_of(0);
    bytes[0] = 99;
    cr_assert_eq(quire_sim_step(&sim, &thread, &vm[0], operand, 4), QUIRE_NOT_FOUND);
    cr_assert_eq(quire_sim_run(&sim, &thread, &vm[0], va_of(0), QUIRE_PROT_READ, bytes, 1), QUIRE_OK);
    cr_assert_neq(bytes[0], 99, "the first operand was not written");
    stop_pager();
}

static enum quire_status map_nothing(void *ctx, struct quire_vm *of, uintptr_t va, struct quire_pa pa, size_t npages,
                                     unsigned prot, uint64_t attr)
{
    (void)ctx;
    (void)of;
    (void)va;
    (void)pa;
    (void)npages;
    (void)prot;
    (void)attr;
    return QUIRE_OK;
}

Test(sim_cpu, instruction_that_makes_no_progress_is_given_up)
{
    struct quire_sim_thread thread = runner();
    unsigned char byte = 0;

    start_pager(RO);
    thread.max_faults = 5;
    sim.mmu.map = map_nothing;
    cr_assert_eq(quire_sim_run(&sim, &thread, &vm[0], va_of(0), QUIRE_PROT_READ, &byte, 1), QUIRE_LIMIT);
    cr_assert_eq(thread.faults, 5u);
}
