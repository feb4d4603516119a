/* pager.h: set-up, and one fault at a time. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "rig.h"

#define OK(call) cr_assert_eq((call), QUIRE_OK)
#define SAYS(status, call) cr_assert_eq((call), (status))
#define SOUND() cr_assert_null(rig_wrong(&rig), "%s", rig_wrong(&rig))

static struct rig rig;
static struct quire_vm vm;

static void start_with(enum quire_sim_flags flags)
{
    struct rig_config config;

    memset(&config, 0, sizeof config);
    config.flags = flags;
    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
}

static void start(void)
{
    start_with(QUIRE_SIM_HW_ACCESSED_DIRTY);
}

static void stop(void)
{
    SOUND();
    rig_stop(&rig);
}

/* ---- Set-up ---- */

TestSuite(pager_init, .init = start, .fini = stop);

static struct quire_pager other;
static uint32_t other_steps[4096];
static struct quire_pmem other_pmems[64];

static struct quire_pager_config valid_config(void)
{
    struct quire_pager_config config = rig_pager_config(&rig);

    config.steps = other_steps;
    config.pmems = other_pmems;
    return config;
}

#define REFUSES(name, status, change)                       \
    Test(pager_init, name)                                  \
    {                                                       \
        struct quire_pager_config config = valid_config();  \
                                                            \
        change;                                             \
        SAYS(status, quire_pager_init(&other, &config));    \
    }

REFUSES(takes_a_valid_configuration, QUIRE_OK, (void)0)
REFUSES(refuses_no_hooks, QUIRE_INVALID, config.mmu = NULL)
REFUSES(refuses_no_policy, QUIRE_INVALID, config.policy = NULL)
REFUSES(refuses_no_allocator, QUIRE_INVALID, config.mem.alloc = NULL)
REFUSES(refuses_an_allocator_that_cannot_free, QUIRE_INVALID, config.mem.free = NULL)
REFUSES(refuses_no_bookkeeping, QUIRE_INVALID, config.pmems = NULL)
REFUSES(refuses_no_step_table, QUIRE_INVALID, config.steps = NULL)
REFUSES(refuses_no_threads, QUIRE_INVALID, config.concurrency = 0)
REFUSES(refuses_more_threads_than_it_can_count, QUIRE_INVALID, config.concurrency = 65536)
REFUSES(refuses_steps_of_too_many_pages, QUIRE_INVALID, config.pages_per_step = 256)
REFUSES(refuses_ranks_that_no_object_has, QUIRE_INVALID, config.rank_max = QUIRE_FOBJ_RANK_MAX + 1u)
REFUSES(refuses_unaligned_pages, QUIRE_INVALID, config.pa.addr += 8)
REFUSES(refuses_pages_that_wrap, QUIRE_INVALID, config.pa.addr = UINT64_MAX & ~(uint64_t)QUIRE_PAGE_MASK)
REFUSES(refuses_one_page_too_few, QUIRE_NO_PAGE, config.npages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, QUIRE_PAGER_STEP_DEFAULT, 0) - 1u)
REFUSES(takes_the_fewest_pages, QUIRE_OK, config.npages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, QUIRE_PAGER_STEP_DEFAULT, 0))
REFUSES(wants_a_page_more_for_each_rank, QUIRE_NO_PAGE,
        config.npages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, QUIRE_PAGER_STEP_DEFAULT, 0);
        config.rank_max = 1)

Test(pager_init, refuses_incomplete_hooks)
{
    struct quire_mmu mmu = *quire_sim_hooks(&rig.sim);
    struct quire_pager_config config = valid_config();

    config.mmu = &mmu;
    mmu.flush = NULL;
    SAYS(QUIRE_INVALID, quire_pager_init(&other, &config));
}

Test(pager_init, a_pager_in_use_cannot_end)
{
    SAYS(QUIRE_BUSY, quire_pager_fini(&rig.pager));
    OK(rig_vm_stop(&rig, &vm));
    OK(quire_pager_fini(&rig.pager));
}

Test(pager_init, an_object_that_is_left_keeps_a_pager_in_use)
{
    struct rig_store *store = rig_store_new(&rig, 1, RIG_READ);

    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ));
    OK(rig_vm_stop(&rig, &vm));
    SAYS(QUIRE_BUSY, quire_pager_fini(&rig.pager));
    OK(rig_store_put(store));
    OK(quire_pager_fini(&rig.pager));
}

/* ---- Pages added at run time ---- */

Test(pager_add, pages_can_be_added_while_the_pager_works)
{
    struct rig_config config;
    struct rig_store *store;
    uint32_t i;

    memset(&config, 0, sizeof config);
    config.pages = 6;
    config.more_pages = 10;
    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 16, RIG_READ);
    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ));
    for (i = 0; i < 16u; i++) {
        cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(i)), rig_born(store->tag, i, 0));
    }
    cr_assert_eq(rig_stats(&rig).evictions, 10);
    OK(quire_pager_add_pages(&rig.pager, quire_pa_make(RIG_PA + 6u * RIG_PAGE), 10, rig.more_pmems));
    for (i = 0; i < 16u; i++) {
        cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(i)), rig_born(store->tag, i, 0));
    }
    SOUND();
    cr_assert_eq(rig_stats(&rig).total, 16);
    cr_assert_eq(rig_stats(&rig).evictions, 10, "with the new pages all fit");
    rig_stop(&rig);
}

TestSuite(pager_add_bad, .init = start, .fini = stop);

Test(pager_add_bad, pages_that_it_has_are_refused)
{
    struct quire_pmem more[2];

    SAYS(QUIRE_INVALID, quire_pager_add_pages(&rig.pager, quire_pa_make(RIG_PA + 15u * RIG_PAGE), 2, more));
    SAYS(QUIRE_INVALID, quire_pager_add_pages(&rig.pager, quire_pa_make(RIG_PA + 16u * RIG_PAGE + 1u), 2, more));
    SAYS(QUIRE_INVALID, quire_pager_add_pages(&rig.pager, quire_pa_make(RIG_PA + 16u * RIG_PAGE), 0, more));
    SAYS(QUIRE_INVALID, quire_pager_add_pages(&rig.pager, quire_pa_make(RIG_PA + 16u * RIG_PAGE), 2, NULL));
    SAYS(QUIRE_INVALID, quire_pager_add_pages(&rig.pager, quire_pa_make(UINT64_MAX & ~(uint64_t)QUIRE_PAGE_MASK), 2, more));
    cr_assert_eq(rig_stats(&rig).total, 16);
}

Test(pager_add_bad, segments_run_out)
{
    static struct quire_pmem more[QUIRE_SEGMENTS];
    uint32_t i;

    for (i = 1; i < QUIRE_SEGMENTS; i++) {
        OK(quire_pager_add_pages(&rig.pager, quire_pa_make(2u * RIG_PA + 2u * i * RIG_PAGE), 1, &more[i]));
    }
    SAYS(QUIRE_LIMIT, quire_pager_add_pages(&rig.pager, quire_pa_make(4u * RIG_PA), 1, &more[0]));
    cr_assert_eq(rig_stats(&rig).total, 16u + QUIRE_SEGMENTS - 1u);
}

/* ---- Faults ---- */

TestSuite(pager_fault, .init = start, .fini = stop);

Test(pager_fault, loads_a_page_once_and_finds_it_then)
{
    struct rig_store *store = rig_store_new(&rig, 4, RIG_READ);
    struct quire_fault_result out;

    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ));
    OK(rig_fault(&rig, &vm, RIG_AT(2) + 77, RIG_READ, &out));
    cr_assert_eq(out.kind, QUIRE_FAULT_MAJOR);
    cr_assert_eq(out.fobj, &store->fobj);
    cr_assert_eq(out.pgidx, 2);
    cr_assert_eq(out.store, QUIRE_OK);
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(2) + 77), rig_born(store->tag, 2, 77));
    OK(quire_vm_drop_range(&vm, RIG_VA, 4));
    OK(rig_fault(&rig, &vm, RIG_AT(2), RIG_READ, &out));
    cr_assert_eq(out.kind, QUIRE_FAULT_MINOR);
    OK(rig_fault(&rig, &vm, RIG_AT(2), RIG_READ, &out));
    cr_assert_eq(out.kind, QUIRE_FAULT_SPURIOUS);
    cr_assert_eq(store->loads_of[2], 1);
    cr_assert_eq(rig_stats(&rig).faults.major, 1);
    cr_assert_eq(vm.stats.minor, 1);
    cr_assert_eq(vm.stats.spurious, 1);
}

Test(pager_fault, contexts_share_one_page)
{
    struct rig_store *store = rig_store_new(&rig, 2, RIG_READ | RIG_WRITE);
    struct quire_vm second;

    rig_vm_start(&rig, &second);
    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ | RIG_WRITE));
    OK(rig_map(&second, &store->fobj, RIG_AT(9), RIG_READ));
    OK(rig_poke(&rig, &vm, RIG_VA + 5, 0x42));
    cr_assert_eq(rig_byte(&rig, &second, RIG_AT(9) + 5), 0x42);
    OK(rig_poke(&rig, &vm, RIG_VA + 5, 0x43));
    cr_assert_eq(rig_byte(&rig, &second, RIG_AT(9) + 5), 0x43);
    cr_assert_eq(store->loads_of[0], 1);
    cr_assert_eq(rig_query(&vm, RIG_VA).pa.addr, rig_query(&second, RIG_AT(9)).pa.addr);
    OK(rig_vm_stop(&rig, &second));
}

Test(pager_fault, outside_any_area_is_not_found)
{
    struct rig_store *store = rig_store_new(&rig, 1, RIG_READ);
    struct quire_fault_result out;

    OK(rig_map(&vm, &store->fobj, RIG_AT(1), RIG_READ));
    SAYS(QUIRE_NOT_FOUND, rig_fault(&rig, &vm, RIG_AT(1) - 1u, RIG_READ, &out));
    cr_assert_eq(out.kind, QUIRE_FAULT_REFUSED);
    cr_assert_null(out.fobj);
    SAYS(QUIRE_NOT_FOUND, rig_fault(&rig, &vm, RIG_AT(2), RIG_READ, &out));
    SAYS(QUIRE_NOT_FOUND, rig_fault(&rig, &vm, 0, RIG_READ, NULL));
    SAYS(QUIRE_NOT_FOUND, rig_fault(&rig, &vm, UINTPTR_MAX, RIG_READ, NULL));
    cr_assert_eq(vm.stats.refused, 4);
    cr_assert_eq(rig.loads, 0);
}

Test(pager_fault, refuses_what_the_area_does_not_permit)
{
    struct rig_store *store = rig_store_new(&rig, 3, QUIRE_PROT_RWX);
    struct quire_mapping mapping;

    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ));
    SAYS(QUIRE_DENIED, rig_fault(&rig, &vm, RIG_VA, RIG_WRITE, NULL)); /* a write to read-only memory */
    SAYS(QUIRE_DENIED, rig_fault(&rig, &vm, RIG_VA, RIG_EXEC, NULL));  /* execution of data */
    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = &store->fobj;
    mapping.va = RIG_AT(8);
    mapping.prot = RIG_READ; /* not USER */
    OK(quire_vm_map(&vm, &mapping, NULL));
    SAYS(QUIRE_DENIED, rig_fault(&rig, &vm, RIG_AT(8), RIG_READ, NULL));
    mapping.va = RIG_AT(16);
    mapping.prot = 0; /* addresses only */
    OK(quire_vm_map(&vm, &mapping, NULL));
    SAYS(QUIRE_DENIED, rig_fault(&rig, &vm, RIG_AT(16), RIG_READ, NULL));
    cr_assert_eq(rig.loads, 0, "nothing is loaded for it");
}

Test(pager_fault, a_privileged_one_needs_no_user_permission)
{
    struct rig_store *store = rig_store_new(&rig, 3, RIG_READ);
    struct quire_mapping mapping;
    struct quire_fault fault;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = &store->fobj;
    mapping.va = RIG_VA;
    mapping.prot = RIG_READ;
    OK(quire_vm_map(&vm, &mapping, NULL));
    memset(&fault, 0, sizeof fault);
    fault.va = RIG_VA;
    fault.access = RIG_READ;
    fault.privileged = true;
    OK(quire_pager_fault(&rig.pager, &vm, &fault, NULL));
    cr_assert_eq(rig_query(&vm, RIG_VA).entry & QUIRE_ENTRY_USER, 0);
}

Test(pager_fault, refuses_a_fault_that_cannot_be)
{
    struct rig_store *store = rig_store_new(&rig, 1, RIG_READ);
    struct quire_fault fault;

    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ));
    memset(&fault, 0, sizeof fault);
    fault.va = RIG_VA;
    SAYS(QUIRE_INVALID, quire_pager_fault(&rig.pager, &vm, &fault, NULL));
    fault.access = RIG_READ | RIG_WRITE;
    SAYS(QUIRE_INVALID, quire_pager_fault(&rig.pager, &vm, &fault, NULL));
    fault.access = QUIRE_PROT_USER;
    SAYS(QUIRE_INVALID, quire_pager_fault(&rig.pager, &vm, &fault, NULL));
    fault.access = RIG_READ;
    fault.thread = 1; /* concurrency is 1 */
    SAYS(QUIRE_INVALID, quire_pager_fault(&rig.pager, &vm, &fault, NULL));
    fault.thread = 0;
    OK(quire_pager_fault(&rig.pager, &vm, &fault, NULL));
}

Test(pager_fault, refuses_the_context_of_another_pager)
{
    struct quire_pager_config config = valid_config();
    struct quire_fault fault;

    OK(quire_pager_init(&other, &config));
    memset(&fault, 0, sizeof fault);
    fault.va = RIG_VA;
    fault.access = RIG_READ;
    SAYS(QUIRE_INVALID, quire_pager_fault(&other, &vm, &fault, NULL));
}

Test(pager_fault, an_unpaged_object_is_mapped_whole_by_its_first_fault)
{
    struct quire_fobj_phys_config config;
    struct quire_fault_result out;
    struct quire_fobj_phys phys;

    memset(&config, 0, sizeof config);
    config.pa = quire_pa_make(RIG_PA + 4u * RIG_PAGE); /* pages of the pool: only entries are looked at here */
    config.npages = 3;
    config.max_prot = RIG_READ | RIG_WRITE;
    OK(quire_fobj_phys_init(&phys, &config));
    OK(rig_map(&vm, &phys.base, RIG_VA, RIG_READ));
    OK(rig_fault(&rig, &vm, RIG_AT(1), RIG_READ, &out));
    cr_assert_eq(out.kind, QUIRE_FAULT_UNPAGED);
    cr_assert_neq(rig_query(&vm, RIG_AT(2)).entry, 0);
    cr_assert_eq(rig_query(&vm, RIG_AT(2)).pa.addr, config.pa.addr + 2u * RIG_PAGE);
    OK(rig_fault(&rig, &vm, RIG_AT(2), RIG_READ, &out));
    cr_assert_eq(out.kind, QUIRE_FAULT_SPURIOUS);
    OK(quire_fobj_put(&phys.base));
    OK(quire_vm_unmap(&vm, RIG_VA, 3));
}

/* ---- Dirty and accessed, by what the hardware can do ---- */

Test(pager_flags, a_write_to_a_clean_page_needs_one_fault_without_a_dirty_flag, .fini = stop)
{
    struct quire_fault_result out;
    struct rig_store *store;

    start_with(QUIRE_SIM_HW_ACCESSED);
    store = rig_store_new(&rig, 1, RIG_READ | RIG_WRITE);
    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ | RIG_WRITE));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_VA), rig_born(store->tag, 0, 0));
    cr_assert_eq(rig_query(&vm, RIG_VA).entry & QUIRE_ENTRY_WRITE, 0, "clean, so read-only");
    OK(rig_fault(&rig, &vm, RIG_VA, RIG_WRITE, &out));
    cr_assert_eq(out.kind, QUIRE_FAULT_WRITE);
    cr_assert(rig_query(&vm, RIG_VA).dirty);
    OK(rig_poke(&rig, &vm, RIG_VA, 1));
    cr_assert_eq(vm.stats.write, 1);
}

Test(pager_flags, a_first_write_is_one_fault, .fini = stop)
{
    struct rig_store *store;

    start_with(QUIRE_SIM_NO_FLAGS);
    store = rig_store_new(&rig, 1, RIG_READ | RIG_WRITE);
    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ | RIG_WRITE));
    OK(rig_poke(&rig, &vm, RIG_VA, 1));
    cr_assert_eq(vm.stats.major, 1);
    cr_assert_eq(vm.stats.minor, 0);
}

Test(pager_flags, hardware_that_tells_makes_writes_free, .fini = stop)
{
    struct rig_store *store;

    start_with(QUIRE_SIM_HW_ACCESSED_DIRTY);
    store = rig_store_new(&rig, 1, RIG_READ | RIG_WRITE);
    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ | RIG_WRITE));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_VA), rig_born(store->tag, 0, 0));
    OK(rig_poke(&rig, &vm, RIG_VA, 1));
    cr_assert_eq(vm.stats.minor, 0, "no second fault for the write");
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 1, true));
    cr_assert_eq(rig_store_page(store, 0)[0], 1, "and it is not lost");
}

Test(pager_flags, an_accessed_flag_that_was_cleared_costs_one_fault, .fini = stop)
{
    struct quire_fault_result out;
    struct rig_store *store;

    start_with(QUIRE_SIM_AF_FAULT);
    store = rig_store_new(&rig, 1, RIG_READ);
    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_VA), rig_born(store->tag, 0, 0));
    cr_assert(rig.sim.mmu.age(rig.sim.mmu.ctx, &vm, RIG_VA) || true);
    rig.sim.violations = 0; /* `age` was called here without the lock */
    quire_sim_forgive(&rig.sim);
    OK(rig_fault(&rig, &vm, RIG_VA, RIG_READ, &out));
    cr_assert_eq(out.kind, QUIRE_FAULT_ACCESSED);
    cr_assert_neq(rig_query(&vm, RIG_VA).entry & QUIRE_ENTRY_ACCESSED, 0);
    cr_assert_eq(vm.stats.accessed, 1);
}

Test(pager_flags, code_is_synced_once_per_content, .fini = stop)
{
    unsigned char byte;
    struct rig_store *store;

    start_with(QUIRE_SIM_HW_ACCESSED_DIRTY);
    store = rig_store_new(&rig, 1, RIG_READ | RIG_EXEC);
    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ | RIG_EXEC));
    OK(rig_exec(&rig, &vm, RIG_VA + 9, &byte, 1));
    cr_assert_eq(byte, rig_born(store->tag, 0, 9));
    OK(quire_vm_drop_range(&vm, RIG_VA, 1));
    OK(rig_exec(&rig, &vm, RIG_VA + 9, &byte, 1));
    cr_assert_eq(rig.sim.counts.sync_code, 1);
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 1));
    OK(rig_exec(&rig, &vm, RIG_VA + 9, &byte, 1));
    cr_assert_eq(rig.sim.counts.sync_code, 2, "loaded again: other content");
}
