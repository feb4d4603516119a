/* pager.h: which faults are served, which are refused and how, and page-table memory that runs out. */
#include "rig_test.h"

struct world {
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;
};

/* A context with an object of 8 pages at RIG_VA. */
static void world_start(struct world *w, const struct rig_config *config, unsigned max_prot, unsigned prot)
{
    rig_start(&w->rig, config);
    rig_vm_start(&w->rig, &w->vm);
    w->store = rig_store_new(&w->rig, 8, max_prot);
    EXPECT(rig_map(&w->vm, &w->store->fobj, RIG_VA, prot), QUIRE_OK);
}

static enum quire_fault_kind kind_of(struct world *w, uintptr_t va, unsigned access)
{
    struct quire_fault_result out;

    EXPECT(rig_fault(&w->rig, &w->vm, va, access, &out), QUIRE_OK);
    cr_expect_eq(out.fobj, &w->store->fobj);
    cr_expect_eq(out.pgidx, (va - RIG_VA) >> QUIRE_PAGE_SHIFT);
    return out.kind;
}

static enum quire_status refused(struct world *w, uintptr_t va, unsigned access)
{
    struct quire_fault_result out;
    enum quire_status status = rig_fault(&w->rig, &w->vm, va, access, &out);

    cr_expect_eq(out.kind, QUIRE_FAULT_REFUSED);
    cr_expect_eq(w->rig.loads, 0, "nothing was loaded for it");
    return status;
}

/* ---- Served ---- */

Test(pager_fault, fault_loads_the_page_and_then_only_maps_it)
{
    struct rig_config config = {.flags = QUIRE_SIM_HW_ACCESSED};
    struct world w;

    world_start(&w, &config, RW, RW);
    cr_expect_eq(kind_of(&w, RIG_AT(3) + 77u, RIG_READ), QUIRE_FAULT_MAJOR);
    cr_expect_eq(kind_of(&w, RIG_AT(3), RIG_READ), QUIRE_FAULT_SPURIOUS);
    cr_expect_eq(kind_of(&w, RIG_AT(3), RIG_WRITE), QUIRE_FAULT_WRITE);
    cr_expect_eq(kind_of(&w, RIG_AT(3), RIG_WRITE), QUIRE_FAULT_SPURIOUS);
    EXPECT(quire_vm_drop_range(&w.vm, RIG_VA, 8), QUIRE_OK);
    cr_expect_eq(kind_of(&w, RIG_AT(3), RIG_READ), QUIRE_FAULT_MINOR);
    cr_expect_eq(w.store->loads_of[3], 1);
    END(&w.rig);
}

Test(pager_fault, read_only_entry_is_flushed_before_a_writable_one_is_made)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.eager = true});
        struct quire_vm_copy how = {0};
        struct world w;

        world_start(&w, &config, RW, RW);
        cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 7), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_VA), 7);
        EXPECT(quire_vm_copy_to(&w.vm, RIG_VA, "x", 1, &how, NULL), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_VA), 'x');
        EXPECT(quire_pager_write_back(&w.rig.pager, &w.store->fobj, 0, 8, false), QUIRE_OK);
        cr_expect_eq(rig_store_page(w.store, 0)[0], 'x');
        END(&w.rig);
    }
}

Test(pager_fault, fault_sets_only_the_accessed_flag_where_only_that_is_missing)
{
    struct rig_config config = {.flags = QUIRE_SIM_AF_FAULT};
    struct world w;
    uint64_t unmaps;

    world_start(&w, &config, RW, RW);
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
    cr_expect(w.rig.sim.mmu.age != NULL);
    {
        uintptr_t key = w.rig.sim.mmu.lock(&w.rig.sim);

        cr_expect(w.rig.sim.mmu.age(&w.rig.sim, &w.vm, RIG_VA));
        w.rig.sim.mmu.unlock(&w.rig.sim, key);
    }
    unmaps = w.rig.sim.counts.unmap;
    cr_expect_eq(kind_of(&w, RIG_VA, RIG_READ), QUIRE_FAULT_ACCESSED);
    cr_expect_eq(w.rig.sim.counts.unmap, unmaps);
    cr_expect_eq(w.rig.sim.counts.map_accessed, 1);
    cr_expect_eq(rig_stats(&w.rig).faults.accessed, 1);
    END(&w.rig);
}

/* Makes room in the tables by nothing at all: the entry is there, yet its flag cannot be set. */
Test(pager_fault, fault_whose_accessed_flag_cannot_be_set_has_no_table)
{
    struct rig_config config = {.flags = QUIRE_SIM_AF_FAULT};
    struct world w;

    world_start(&w, &config, RW, RW);
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
    {
        uintptr_t key = w.rig.sim.mmu.lock(&w.rig.sim);

        cr_expect(w.rig.sim.mmu.age(&w.rig.sim, &w.vm, RIG_VA));
        w.rig.sim.mmu.unlock(&w.rig.sim, key);
    }
    quire_sim_fail_map(&w.rig.sim, 1, UINT32_MAX);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_NO_TABLE);
    quire_sim_fail_map(&w.rig.sim, 0, 0);
    cr_expect_eq(kind_of(&w, RIG_VA, RIG_READ), QUIRE_FAULT_ACCESSED);
    END(&w.rig);
}

Test(pager_fault, privileged_fault_is_served_where_unprivileged_ones_are_not)
{
    struct world w;
    struct quire_fault fault = {.va = RIG_VA, .access = RIG_READ, .privileged = true};

    world_start(&w, NULL, RW, RW);
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, 8, RW), QUIRE_OK); /* no longer for users */
    EXPECT(refused(&w, RIG_VA, RIG_READ), QUIRE_DENIED);
    EXPECT(quire_pager_fault(&w.rig.pager, &w.vm, &fault, NULL), QUIRE_OK);
    cr_expect_eq(rig_query(&w.vm, RIG_VA).entry & USER, 0);
    END(&w.rig);
}

/* ---- Refused ---- */

Test(pager_fault, fault_outside_every_area_is_not_found)
{
    struct world w;
    struct quire_fault_result out;

    world_start(&w, NULL, RW, RW);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(8), RIG_READ, &out), QUIRE_NOT_FOUND);
    cr_expect_null(out.fobj);
    EXPECT(refused(&w, RIG_VA - 1u, RIG_READ), QUIRE_NOT_FOUND);
    EXPECT(refused(&w, 0, RIG_READ), QUIRE_NOT_FOUND);
    EXPECT(refused(&w, UINTPTR_MAX, RIG_READ), QUIRE_NOT_FOUND);
    cr_expect_eq(w.vm.stats.refused, 4);
    END(&w.rig);
}

Test(pager_fault, write_to_read_only_memory_is_denied)
{
    struct world w;
    struct quire_fault_result out;

    world_start(&w, NULL, RW, RIG_READ);
    EXPECT(refused(&w, RIG_VA, RIG_WRITE), QUIRE_DENIED);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(2), RIG_WRITE, &out), QUIRE_DENIED);
    cr_expect_eq(out.fobj, &w.store->fobj);
    cr_expect_eq(out.pgidx, 2);
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_WRITE, NULL), QUIRE_DENIED);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 1), QUIRE_DENIED);
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
    END(&w.rig);
}

Test(pager_fault, execution_of_data_is_denied)
{
    struct world w;
    unsigned char byte;

    world_start(&w, NULL, QUIRE_PROT_RWX, RW);
    EXPECT(refused(&w, RIG_VA, RIG_EXEC), QUIRE_DENIED);
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_VA, &byte, 1), QUIRE_DENIED);
    END(&w.rig);
}

Test(pager_fault, reading_what_may_only_be_executed_is_denied)
{
    struct world w;
    unsigned char byte = 0;

    world_start(&w, NULL, RX, RIG_EXEC);
    EXPECT(refused(&w, RIG_VA, RIG_READ), QUIRE_DENIED);
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_VA, &byte, 1), QUIRE_OK);
    cr_expect_eq(byte, rig_born(w.store->tag, 0, 0));
    END(&w.rig);
}

Test(pager_fault, area_without_permissions_refuses_every_access)
{
    struct world w;

    world_start(&w, NULL, QUIRE_PROT_RWX, 0);
    EXPECT(refused(&w, RIG_VA, RIG_READ), QUIRE_DENIED);
    EXPECT(refused(&w, RIG_VA, RIG_WRITE), QUIRE_DENIED);
    EXPECT(refused(&w, RIG_VA, RIG_EXEC), QUIRE_DENIED);
    END(&w.rig);
}

Test(pager_fault, fault_that_is_none_is_invalid)
{
    static const unsigned bad[] = {0, USER, RW, RX, QUIRE_PROT_ALL, 16u, RIG_READ | 256u};
    struct quire_fault fault = {.va = RIG_VA, .access = RIG_READ};
    struct quire_fault_result out;
    struct world w;
    size_t i;

    world_start(&w, NULL, RW, RW);
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        fault.access = bad[i];
        memset(&out, 0xff, sizeof out);
        EXPECT(quire_pager_fault(&w.rig.pager, &w.vm, &fault, &out), QUIRE_INVALID);
        cr_expect_eq(out.kind, QUIRE_FAULT_REFUSED);
        cr_expect_null(out.fobj);
        cr_expect_eq(out.store, QUIRE_OK);
    }
    fault.access = RIG_READ;
    fault.thread = 1; /* concurrency is 1 */
    EXPECT(quire_pager_fault(&w.rig.pager, &w.vm, &fault, NULL), QUIRE_INVALID);
    fault.thread = UINT32_MAX;
    EXPECT(quire_pager_fault(&w.rig.pager, &w.vm, &fault, NULL), QUIRE_INVALID);
    fault.thread = 0;
    EXPECT(quire_pager_fault(&w.rig.pager, &w.vm, &fault, NULL), QUIRE_OK);
    END(&w.rig);
}

Test(pager_fault, fault_in_a_context_of_another_pager_is_invalid)
{
    struct quire_fault fault = {.va = RIG_VA, .access = RIG_READ};
    struct world w;
    struct rig other;

    world_start(&w, NULL, RW, RW);
    rig_start(&other, NULL);
    EXPECT(quire_pager_fault(&other.pager, &w.vm, &fault, NULL), QUIRE_INVALID);
    END(&other);
    END(&w.rig);
}

/* ---- Waiting that is not possible ---- */

struct meanwhile {
    struct world *world;
    struct quire_fault fault;
    enum quire_status status;
    enum quire_fault_kind kind;
};

static enum quire_status fault_meanwhile(struct rig_store *store, struct quire_io *io, bool load)
{
    struct meanwhile *m = store->user;
    struct quire_fault_result out;

    (void)io;
    if (load) {
        store->before = NULL;
        m->status = quire_pager_fault(&m->world->rig.pager, &m->world->vm, &m->fault, &out);
        m->kind = out.kind;
    }
    return QUIRE_OK;
}

static void fault_while_page_0_loads(struct world *w, struct meanwhile *m)
{
    struct rig_config config = {.concurrency = 2};

    world_start(w, &config, RW, RW);
    memset(m, 0, sizeof *m);
    m->world = w;
    m->fault.access = RIG_READ;
    m->fault.thread = 1;
    w->store->before = fault_meanwhile;
    w->store->user = m;
}

Test(pager_fault, fault_for_a_page_on_its_way_in_says_again_where_it_cannot_wait)
{
    struct world w;
    struct meanwhile m;

    fault_while_page_0_loads(&w, &m);
    m.fault.va = RIG_VA;
    m.fault.wait_ok = true; /* but there is no hook to wait with */
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
    EXPECT(m.status, QUIRE_AGAIN);
    cr_expect_eq(m.kind, QUIRE_FAULT_REFUSED);
    cr_expect_eq(w.store->loads_of[0], 1, "two faults on one page load it once");
    cr_expect_eq(rig_stats(&w.rig).waits, 0);
    END(&w.rig);
}

Test(pager_fault, fault_that_must_not_wait_says_again_where_others_could)
{
    struct rig_config config = {.concurrency = 2, .threads = true};
    struct world w;
    struct meanwhile m = {.fault = {.va = RIG_VA, .access = RIG_READ, .thread = 1}};

    world_start(&w, &config, RW, RW);
    m.world = &w;
    w.store->before = fault_meanwhile;
    w.store->user = &m;
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
    EXPECT(m.status, QUIRE_AGAIN);
    cr_expect_eq(rig_stats(&w.rig).waits, 0);
    END(&w.rig);
}

Test(pager_fault, fault_for_another_page_is_served_while_a_store_works)
{
    struct world w;
    struct meanwhile m;

    fault_while_page_0_loads(&w, &m);
    m.fault.va = RIG_AT(5);
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
    EXPECT(m.status, QUIRE_OK);
    cr_expect_eq(m.kind, QUIRE_FAULT_MAJOR);
    cr_expect_eq(w.rig.most, 2, "both were at work at once");
    END(&w.rig);
}

static enum quire_status map_meanwhile(struct rig_store *store, struct quire_io *io, bool load)
{
    struct world *w = store->user;

    (void)io;
    if (load) {
        store->before = NULL;
        EXPECT(quire_vm_unmap(&w->vm, RIG_VA, 4), QUIRE_OK);
    }
    return QUIRE_OK;
}

Test(pager_fault, fault_looks_again_at_areas_that_changed_while_it_loaded)
{
    struct world w;

    world_start(&w, NULL, RW, RW);
    w.store->before = map_meanwhile;
    w.store->user = &w;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_NOT_FOUND);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_RESIDENT], 1, "the page is there for others");
    cr_expect_eq(w.vm.in_flight, 0);
    END(&w.rig);
}

/* ---- Page tables ---- */

Test(pager_fault, fault_without_page_table_memory_leaves_the_page_resident)
{
    struct world w;

    world_start(&w, NULL, RW, RW);
    quire_sim_fail_map(&w.rig.sim, 1, UINT32_MAX);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_NO_TABLE); /* need_tables fails at once */
    cr_expect_eq(rig_stats(&w.rig).table_rounds, 1);
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_RESIDENT], 1);
    EXPECT_SOUND(&w.rig);
    quire_sim_fail_map(&w.rig.sim, 0, 0);
    cr_expect_eq(kind_of(&w, RIG_VA, RIG_READ), QUIRE_FAULT_MINOR);
    cr_expect_eq(w.store->loads_of[0], 1);
    END(&w.rig);
}

static enum quire_status say_ok(void *user, struct quire_vm *vm, uintptr_t va)
{
    (void)user;
    (void)vm;
    cr_expect_eq(va & QUIRE_PAGE_MASK, 0, "the page's address");
    return QUIRE_OK;
}

Test(pager_fault, page_tables_are_asked_for_three_times)
{
    struct rig_config config = {.need_tables = say_ok};
    struct world w;

    world_start(&w, &config, RW, RW);
    quire_sim_fail_map(&w.rig.sim, 1, UINT32_MAX);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA + 5u, RIG_READ, NULL), QUIRE_NO_TABLE);
    cr_expect_eq(w.rig.sim.counts.need_tables, 3);
    cr_expect_eq(rig_stats(&w.rig).table_rounds, 3);
    quire_sim_fail_map(&w.rig.sim, 1, 3); /* the fourth try is the last, and succeeds */
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(1), RIG_READ, NULL), QUIRE_OK);
    cr_expect_eq(w.rig.sim.counts.need_tables, 6);
    END(&w.rig);
}

Test(pager_fault, fault_that_needs_tables_is_still_a_major_one)
{
    struct rig_config config = {.need_tables = say_ok};
    struct world w;

    world_start(&w, &config, RW, RW);
    quire_sim_fail_map(&w.rig.sim, 1, 1);
    cr_expect_eq(kind_of(&w, RIG_VA, RIG_READ), QUIRE_FAULT_MAJOR);
    END(&w.rig);
}

Test(pager_fault, fault_without_a_hook_for_tables_has_no_table)
{
    struct world w;

    world_start(&w, NULL, RW, RW);
    w.rig.sim.mmu.need_tables = NULL;
    quire_sim_fail_map(&w.rig.sim, 1, UINT32_MAX);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_NO_TABLE);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_NO_TABLE);
    cr_expect_eq(rig_stats(&w.rig).table_rounds, 0);
    END(&w.rig);
}

/* The page tables of a machine that has only one: whoever needs it drops the range that has it. */
static enum quire_status drop_the_other_range(void *user, struct quire_vm *vm, uintptr_t va)
{
    struct world *w = user;

    cr_expect_eq(vm, &w->vm);
    EXPECT(quire_vm_drop_range(vm, va < RIG_AT(16) ? RIG_AT(16) : RIG_VA, 16), QUIRE_OK);
    return QUIRE_OK;
}

Test(pager_fault, page_tables_are_found_by_dropping_a_range)
{
    struct rig_config config = {.table_pages = 16, .tables = 1, .need_tables = drop_the_other_range};
    struct world w;
    uint32_t i;

    config.user = &w;
    world_start(&w, &config, RW, RW);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_AT(20), RW), QUIRE_OK);
    for (i = 0; i < 8; i++) {
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(i), w.store, i));
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(20u + i), w.store, i));
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(i) + 100u, (unsigned char)i), QUIRE_OK);
    }
    cr_expect_geq(w.rig.sim.counts.table_gone, 15);
    cr_expect_eq(w.rig.sim.tables_used, 1);
    for (i = 0; i < 8; i++) {
        cr_expect_eq(w.store->loads_of[i], 1);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(20u + i) + 100u), (int)i);
    }
    END(&w.rig);
}

/* A map hook that answers what it must not. */
static enum quire_status (*real_map)(void *, struct quire_vm *, uintptr_t, struct quire_pa, size_t, unsigned, uint64_t);
static enum quire_status map_lie;

static enum quire_status lying_map(void *ctx, struct quire_vm *vm, uintptr_t va, struct quire_pa pa, size_t npages,
                                   unsigned prot, uint64_t attr)
{
    return map_lie != QUIRE_OK ? map_lie : real_map(ctx, vm, va, pa, npages, prot, attr);
}

Test(pager_fault, map_hook_that_answers_outside_its_contract_is_a_bad_answer)
{
    struct world w;

    world_start(&w, NULL, RW, RW);
    real_map = w.rig.sim.mmu.map;
    w.rig.sim.mmu.map = lying_map;
    map_lie = QUIRE_IO;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_BAD_ANSWER);
    map_lie = (enum quire_status)7;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_BAD_ANSWER);
    EXPECT_SOUND(&w.rig);
    map_lie = QUIRE_OK;
    cr_expect_eq(kind_of(&w, RIG_VA, RIG_READ), QUIRE_FAULT_MINOR);
    END(&w.rig);
}

/* ---- An entry that an MMU refuses to drop ---- */

Test(pager_fault, write_fault_whose_read_only_entry_is_stuck_quarantines_the_page)
{
    struct rig_config config = {.flags = QUIRE_SIM_HW_ACCESSED};
    struct world w;

    world_start(&w, &config, RW, RW);
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_VA, 1), QUIRE_OK);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_WRITE, NULL), QUIRE_STUCK);
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_QUARANTINED], 1);
    cr_expect_eq(rig_stats(&w.rig).stuck, 1);
    EXPECT_SOUND(&w.rig);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_WRITE, NULL), QUIRE_STUCK);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_STUCK);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(1), 3), QUIRE_OK); /* others are not affected */
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_QUARANTINED], 0);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 9), QUIRE_OK);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_VA), 9);
    cr_expect_eq(w.store->loads_of[0], 1);
    END(&w.rig);
}

/* ---- Code ---- */

Test(pager_fault, code_is_synced_once_per_content)
{
    struct rig_config config = {.pages = 5};
    struct world w;
    struct quire_vm vm2;
    unsigned char byte;
    uint32_t i;

    world_start(&w, &config, RX, RX);
    rig_vm_start(&w.rig, &vm2);
    EXPECT(rig_map(&vm2, &w.store->fobj, RIG_AT(32), RX), QUIRE_OK);
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_VA, &byte, 1), QUIRE_OK);
    EXPECT(rig_exec(&w.rig, &vm2, RIG_AT(32), &byte, 1), QUIRE_OK);
    EXPECT(quire_vm_drop_range(&w.vm, RIG_VA, 8), QUIRE_OK);
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_VA, &byte, 1), QUIRE_OK);
    cr_expect_eq(w.rig.sim.counts.sync_code, 1);
    for (i = 1; i < 8; i++) {
        EXPECT(rig_exec(&w.rig, &w.vm, RIG_AT(i), &byte, 1), QUIRE_OK);
    }
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_VA, &byte, 1), QUIRE_OK); /* evicted meanwhile: loaded, so new content */
    cr_expect_eq(byte, rig_born(w.store->tag, 0, 0));
    cr_expect_eq(w.rig.sim.counts.sync_code, 9);
    cr_expect_eq(w.rig.sim.counts.sync_again, 0);
    END(&w.rig);
}
