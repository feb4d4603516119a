/* pager.h: set-up, pages added at run time, what a pager and an object are to each other, statistics. */
#include "rig_test.h"

/* ---- Set-up ---- */

/* A second pager with the configuration of the rig's, on the same machine; it has no context, so it touches nothing. */
struct second {
    struct rig rig;
    struct quire_pager pager;
    struct quire_policy_fifo fifo;
    struct quire_pmem pmems[32];
    uint32_t steps[64];
    struct quire_pager_config config;
};

static void second_start(struct second *second)
{
    rig_start(&second->rig, NULL);
    second->config = rig_pager_config(&second->rig);
    second->config.policy = quire_policy_fifo_init(&second->fifo);
    second->config.pmems = second->pmems;
    second->config.npages = 16;
    second->config.steps = second->steps;
}

/* With a fresh policy, as a pager must have one. */
static enum quire_status second_init(struct second *second)
{
    if (second->config.policy != NULL && second->config.policy->ops != NULL) {
        (void)quire_policy_fifo_init(&second->fifo);
    }
    return quire_pager_init(&second->pager, &second->config);
}

/* What init refuses with INVALID when a field of a good configuration is set to a bad value. */
#define EXPECT_REFUSED(second, field, bad)                \
    do {                                                  \
        struct quire_pager_config good = (second).config; \
        (second).config.field = bad;                      \
        EXPECT(second_init(&(second)), QUIRE_INVALID);    \
        (second).config = good;                           \
        EXPECT(second_init(&(second)), QUIRE_OK);         \
    } while (0)

Test(pager, pager_refuses_a_configuration_without_what_it_must_have)
{
    struct second second;

    second_start(&second);
    EXPECT_REFUSED(second, mmu, NULL);
    EXPECT_REFUSED(second, policy, NULL);
    EXPECT_REFUSED(second, mem.alloc, NULL);
    EXPECT_REFUSED(second, mem.free, NULL);
    EXPECT_REFUSED(second, pmems, NULL);
    EXPECT_REFUSED(second, steps, NULL);
    END(&second.rig);
}

Test(pager, pager_refuses_a_policy_without_operations)
{
    struct second second;

    second_start(&second);
    second.fifo.base.ops = NULL;
    EXPECT(second_init(&second), QUIRE_INVALID);
    END(&second.rig);
}

Test(pager, pager_refuses_the_policy_of_another)
{
    struct second second;

    second_start(&second);
    EXPECT(second_init(&second), QUIRE_OK);
    EXPECT(quire_pager_init(&second.pager, &second.config), QUIRE_INVALID);
    END(&second.rig);
}

Test(pager, pager_refuses_numbers_out_of_range)
{
    struct second second;

    second_start(&second);
    EXPECT_REFUSED(second, concurrency, 0);
    EXPECT_REFUSED(second, concurrency, 65536u);
    EXPECT_REFUSED(second, concurrency, UINT32_MAX);
    EXPECT_REFUSED(second, pages_per_step, 256u);
    EXPECT_REFUSED(second, pages_per_step, UINT32_MAX);
    EXPECT_REFUSED(second, rank_max, QUIRE_FOBJ_RANK_MAX + 1u);
    EXPECT_REFUSED(second, rank_max, UINT32_MAX);
    EXPECT_REFUSED(second, npages, QUIRE_SEGMENT_PAGES_MAX + 1u);
    END(&second.rig);
}

Test(pager, pager_refuses_physical_pages_that_are_unaligned_or_wrap)
{
    struct second second;

    second_start(&second);
    EXPECT_REFUSED(second, pa.addr, RIG_PA + 1u);
    EXPECT_REFUSED(second, pa.addr, RIG_PA + RIG_PAGE / 2u);
    EXPECT_REFUSED(second, pa.addr, UINT64_MAX - RIG_PAGE + 1u);
    END(&second.rig);
}

Test(pager, pager_takes_physical_pages_at_the_very_top)
{
    struct second second;

    second_start(&second);
    second.config.pa.addr = UINT64_MAX - 16u * RIG_PAGE + 1u;
    EXPECT(second_init(&second), QUIRE_OK);
    EXPECT(quire_pager_fini(&second.pager), QUIRE_OK);
    END(&second.rig);
}

Test(pager, pager_refuses_hooks_that_are_incomplete)
{
    struct second second;
    struct quire_mmu mmu;

    second_start(&second);
    second.config.mmu = &mmu;
#define WITHOUT(hook)         \
    mmu = second.rig.sim.mmu; \
    mmu.hook = NULL;          \
    EXPECT(second_init(&second), QUIRE_INVALID)
    WITHOUT(map);
    WITHOUT(unmap);
    WITHOUT(query);
    WITHOUT(reduce);
    WITHOUT(flush);
    WITHOUT(sync_code);
    WITHOUT(alias_get);
    WITHOUT(alias_put);
    WITHOUT(lock);
    WITHOUT(unlock);
    mmu = second.rig.sim.mmu;
    mmu.age = NULL;
    mmu.need_tables = NULL;
    mmu.table_gone = NULL;
    EXPECT(second_init(&second), QUIRE_OK);
    END(&second.rig);
}

Test(pager, pager_refuses_features_it_does_not_know_and_hooks_that_need_a_lock)
{
    struct second second;
    struct quire_mmu mmu;

    second_start(&second);
    second.config.mmu = &mmu;
    mmu = second.rig.sim.mmu;
    mmu.features |= 1u << 31;
    EXPECT(second_init(&second), QUIRE_INVALID);
    mmu = second.rig.sim.mmu;
    mmu.lock = NULL;
    mmu.unlock = NULL;
    mmu.wait = NULL;
    mmu.wake = NULL;
    EXPECT(second_init(&second), QUIRE_OK);
    mmu.features |= QUIRE_MMU_FLUSH_UNLOCKED;
    EXPECT(second_init(&second), QUIRE_INVALID);
    END(&second.rig);
}

Test(pager, pager_refuses_fewer_pages_than_the_minimum_and_takes_exactly_that)
{
    struct second second;

    second_start(&second);
    second.config.concurrency = 2;
    second.config.pages_per_step = 5;
    second.config.rank_max = 2;
    second.config.npages = 12; /* 2 x 5 + 2 + 1 = 13 */
    EXPECT(second_init(&second), QUIRE_NO_PAGE);
    second.config.npages = 13;
    EXPECT(second_init(&second), QUIRE_OK);
    second.config.concurrency = 65535u;
    second.config.pages_per_step = 255u;
    EXPECT(second_init(&second), QUIRE_NO_PAGE);
    END(&second.rig);
}

Test(pager, pager_counts_four_pages_per_instruction_unless_told)
{
    struct second second;

    second_start(&second);
    second.config.pages_per_step = 0;
    second.config.npages = QUIRE_PAGER_STEP_DEFAULT;
    EXPECT(second_init(&second), QUIRE_NO_PAGE);
    second.config.npages = QUIRE_PAGER_STEP_DEFAULT + 1u;
    EXPECT(second_init(&second), QUIRE_OK);
    END(&second.rig);
}

Test(pager, pager_does_not_end_while_it_has_a_context)
{
    struct second second;
    struct quire_vm vm;

    second_start(&second);
    EXPECT(second_init(&second), QUIRE_OK);
    EXPECT(quire_vm_init(&vm, &second.pager, RIG_VA, RIG_AT(4) - 1u, NULL), QUIRE_OK);
    EXPECT(quire_pager_fini(&second.pager), QUIRE_BUSY);
    EXPECT(quire_vm_fini(&vm), QUIRE_OK);
    EXPECT(quire_pager_fini(&second.pager), QUIRE_OK);
    END(&second.rig);
}

Test(pager, pager_does_not_end_while_it_has_an_object)
{
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;

    rig_start(&rig, NULL);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 2, RW);
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_vm_stop(&rig, &vm), QUIRE_OK);
    EXPECT(quire_pager_fini(&rig.pager), QUIRE_BUSY);
    EXPECT(rig_store_put(store), QUIRE_OK);
    EXPECT(quire_pager_fini(&rig.pager), QUIRE_OK);
    END(&rig);
}

Test(pager, context_is_refused_a_pager_of_a_unit_with_other_options)
{
    struct rig rig;
    struct quire_vm vm;

    rig_start(&rig, NULL);
    rig.pager.stamp ^= 1u;
    EXPECT(quire_vm_init(&vm, &rig.pager, RIG_VA, RIG_AT(4) - 1u, NULL), QUIRE_MISMATCH);
    rig.pager.stamp ^= 1u;
    EXPECT(quire_vm_init(&vm, &rig.pager, RIG_VA, RIG_AT(4) - 1u, NULL), QUIRE_OK);
    EXPECT(quire_vm_fini(&vm), QUIRE_OK);
    END(&rig);
}

/* ---- Pages added at run time ---- */

Test(pager, pages_added_at_run_time_are_used)
{
    struct rig_config config = {.pages = 6, .more_pages = 10, .vm_pages = 32};
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;
    uint32_t i;

    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 16, RW);
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < 16; i++) {
        cr_expect(born_at(&rig, &vm, RIG_AT(i), store, i));
    }
    cr_expect_eq(rig_stats(&rig).pages[QUIRE_PAGE_RESIDENT], 6);
    EXPECT(quire_pager_add_pages(&rig.pager, quire_pa_make(RIG_PA + 6u * RIG_PAGE), 10, rig.more_pmems), QUIRE_OK);
    for (i = 0; i < 16; i++) {
        cr_expect(born_at(&rig, &vm, RIG_AT(i), store, i));
    }
    cr_expect_eq(rig_stats(&rig).pages[QUIRE_PAGE_RESIDENT], 16);
    cr_expect_eq(rig_stats(&rig).total, 16);
    END(&rig);
}

Test(pager, pages_that_are_bad_are_not_added)
{
    struct rig_config config = {.more_pages = 8};
    struct quire_pa behind = quire_pa_make(RIG_PA + 16u * RIG_PAGE);
    struct rig rig;

    rig_start(&rig, &config);
    EXPECT(quire_pager_add_pages(&rig.pager, behind, 0, rig.more_pmems), QUIRE_INVALID);
    EXPECT(quire_pager_add_pages(&rig.pager, behind, 4, NULL), QUIRE_INVALID);
    EXPECT(quire_pager_add_pages(&rig.pager, quire_pa_make(behind.addr + 8u), 4, rig.more_pmems), QUIRE_INVALID);
    EXPECT(quire_pager_add_pages(&rig.pager, quire_pa_make(UINT64_MAX - RIG_PAGE + 1u), 2, rig.more_pmems), QUIRE_INVALID);
    EXPECT(quire_pager_add_pages(&rig.pager, quire_pa_make(behind.addr - RIG_PAGE), 4, rig.more_pmems), QUIRE_INVALID);
    EXPECT(quire_pager_add_pages(&rig.pager, quire_pa_make(RIG_PA - RIG_PAGE), 2, rig.more_pmems), QUIRE_INVALID);
    EXPECT(quire_pager_add_pages(&rig.pager, behind, 4, &rig.pmems[12]), QUIRE_INVALID); /* in use for others */
    cr_expect_eq(rig_stats(&rig).total, 16);
    EXPECT(quire_pager_add_pages(&rig.pager, behind, 8, rig.more_pmems), QUIRE_OK);
    cr_expect_eq(rig_stats(&rig).total, 24);
    END(&rig);
}

Test(pager, pages_are_added_until_all_segments_are_in_use)
{
    struct rig_config config = {.more_pages = QUIRE_SEGMENTS};
    struct rig rig;
    uint32_t i;

    rig_start(&rig, &config);
    for (i = 0; i < QUIRE_SEGMENTS - 1u; i++) {
        EXPECT(quire_pager_add_pages(&rig.pager, quire_pa_make(RIG_PA + (16u + i) * RIG_PAGE), 1, &rig.more_pmems[i]),
               QUIRE_OK);
    }
    EXPECT(quire_pager_add_pages(&rig.pager, quire_pa_make(RIG_PA + (16u + i) * RIG_PAGE), 1, &rig.more_pmems[i]), QUIRE_LIMIT);
    cr_expect_eq(rig_stats(&rig).total, 16u + QUIRE_SEGMENTS - 1u);
    END(&rig);
}

/* ---- Objects ---- */

Test(pager, object_of_another_pager_is_busy)
{
    struct rig rig;
    struct rig other;
    struct quire_vm vm;
    struct quire_vm vm2;
    struct rig_store *store;

    rig_start(&rig, NULL);
    rig_start(&other, NULL);
    rig_vm_start(&rig, &vm);
    rig_vm_start(&other, &vm2);
    store = rig_store_new(&rig, 2, RW);
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&vm2, &store->fobj, RIG_VA, RW), QUIRE_BUSY);
    EXPECT(quire_vm_unmap(&vm, RIG_VA, 2), QUIRE_OK);
    EXPECT(rig_map(&vm2, &store->fobj, RIG_VA, RW), QUIRE_BUSY); /* for life */
    END(&other);
    END(&rig);
}

Test(pager, object_of_too_high_a_rank_is_not_mapped)
{
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;

    rig_start(&rig, NULL); /* rank_max 0 */
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 2, RW);
    store->fobj.rank = 1;
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_INVALID);
    cr_expect_eq(vm.num_areas, 0);
    store->fobj.rank = 0;
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    END(&rig);
}

Test(pager, put_at_count_zero_is_an_underflow_and_changes_nothing)
{
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;

    rig_start(&rig, NULL);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 2, RW);
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    cr_expect(born_at(&rig, &vm, RIG_VA, store, 0));
    EXPECT(quire_vm_unmap(&vm, RIG_VA, 2), QUIRE_OK);
    EXPECT(rig_store_put(store), QUIRE_OK);
    cr_expect_eq(store->freed, 1);
    EXPECT(rig_store_put(store), QUIRE_UNDERFLOW);
    cr_expect_eq(store->freed, 1);
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_DEAD);
    END(&rig);
}

Test(pager, put_of_a_reference_that_is_an_areas_is_an_underflow_and_the_object_stays_for_good)
{
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;

    rig_start(&rig, NULL);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 2, RW);
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&vm, &store->fobj, RIG_AT(8), RW), QUIRE_OK);
    EXPECT(rig_store_put(store), QUIRE_OK);
    EXPECT(rig_poke(&rig, &vm, RIG_VA, 3), QUIRE_OK);
    EXPECT(rig_store_put(store), QUIRE_OK); /* one too many, and nobody can tell yet */
    EXPECT(rig_store_put(store), QUIRE_UNDERFLOW);
    cr_expect_eq(store->freed, 0);
    EXPECT_SOUND(&rig);
    cr_expect_eq(rig_byte(&rig, &vm, RIG_AT(8)), 3);
    EXPECT(quire_vm_unmap(&vm, RIG_VA, 2), QUIRE_OK);
    cr_expect_eq(store->freed, 0);
    EXPECT(quire_vm_unmap(&vm, RIG_AT(8), 2), QUIRE_OK);
    cr_expect_eq(store->freed, 0);
    quire_refcount_init(&store->fobj.refs, 1); /* nobody else may do that: it lets the test end */
    EXPECT(rig_store_put(store), QUIRE_OK);
    cr_expect_eq(store->freed, 1);
    END(&rig);
}

Test(pager, object_without_a_reference_to_spare_is_not_mapped)
{
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;
    uint32_t refs;

    rig_start(&rig, NULL);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 4, RW);
    refs = store->fobj.refs.count;
    store->fobj.refs.count = QUIRE_REFCOUNT_MAX;
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_LIMIT);
    cr_expect_eq(vm.num_areas, 0);
    store->fobj.refs.count = refs;
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    END(&rig);
}

Test(pager, last_put_wipes_the_pages_before_anyone_else_has_them)
{
    static const char secret[] = "nobody else may ever read this line";
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;

    rig_start(&rig, NULL);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 3, RW);
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_write(&rig, &vm, RIG_AT(1) + 7u, secret, sizeof secret), QUIRE_OK);
    cr_expect(born_at(&rig, &vm, RIG_AT(2), store, 2));
    cr_expect_eq(rig_find(&rig, secret, sizeof secret), 1);
    EXPECT(rig_store_put(store), QUIRE_OK);
    cr_expect_eq(rig_find(&rig, secret, sizeof secret), 1, "the area has a reference");
    EXPECT(quire_vm_unmap(&vm, RIG_VA, 3), QUIRE_OK);
    cr_expect_eq(rig_find(&rig, secret, sizeof secret), 0);
    cr_expect_eq(rig_stats(&rig).wipes, 2);
    cr_expect_eq(rig_stats(&rig).pages[QUIRE_PAGE_FREE], 16);
    cr_expect_eq(store->freed, 1);
    END(&rig);
}

/* The object dies while its page is on its way in: whoever ends the transit wipes it and frees the object. */
static enum quire_status unmap_meanwhile(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)io;
    if (load && !store->kept_put) {
        EXPECT(quire_vm_unmap(store->user, RIG_VA, 2), QUIRE_OK);
        EXPECT(rig_store_put(store), QUIRE_OK);
        cr_expect_eq(store->freed, 0, "the store is at work");
    }
    return QUIRE_OK;
}

Test(pager, object_that_dies_while_it_loads_is_freed_by_the_load)
{
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;

    rig_start(&rig, NULL);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 2, RW);
    store->user = &vm;
    store->before = unmap_meanwhile;
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_fault(&rig, &vm, RIG_VA, RIG_READ, NULL), QUIRE_DEAD);
    cr_expect_eq(store->freed, 1);
    cr_expect_eq(rig_find(&rig, rig_store_page(store, 0), 64), 0);
    END(&rig);
}

/* ---- Statistics ---- */

Test(pager, statistics_tell_what_happened)
{
    struct rig_config config = {.pages = 5, .flags = QUIRE_SIM_HW_ACCESSED};
    struct rig rig;
    struct quire_vm vm;
    struct quire_vm vm2;
    struct rig_store *store;
    struct quire_pager_stats stats;
    uint32_t i;

    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    rig_vm_start(&rig, &vm2);
    store = rig_store_new(&rig, 8, RW);
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&vm2, &store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_fault(&rig, &vm, RIG_VA, RIG_READ, NULL), QUIRE_OK);  /* major */
    EXPECT(rig_fault(&rig, &vm, RIG_VA, RIG_READ, NULL), QUIRE_OK);  /* spurious */
    EXPECT(rig_fault(&rig, &vm2, RIG_VA, RIG_READ, NULL), QUIRE_OK); /* minor */
    EXPECT(rig_fault(&rig, &vm, RIG_VA, RIG_WRITE, NULL), QUIRE_OK); /* write */
    EXPECT(rig_fault(&rig, &vm, RIG_AT(9), RIG_READ, NULL), QUIRE_NOT_FOUND);
    for (i = 1; i < 8; i++) {
        EXPECT(rig_fault(&rig, &vm, RIG_AT(i), RIG_READ, NULL), QUIRE_OK);
    }
    stats = rig_stats(&rig);
    cr_expect_eq(stats.faults.major, 8);
    cr_expect_eq(stats.faults.minor, 2);
    cr_expect_eq(stats.faults.write, 1);
    cr_expect_eq(stats.faults.spurious, 1);
    cr_expect_eq(stats.faults.refused, 1);
    cr_expect_eq(vm.stats.minor, 1);
    cr_expect_eq(vm2.stats.minor, 1);
    cr_expect_eq(vm2.stats.major, 0);
    cr_expect_eq(stats.loads, 8);
    cr_expect_eq(stats.evictions, 3);
    cr_expect_eq(stats.saves, 1, "one page was dirty");
    cr_expect_gt(stats.flushes, 0);
    cr_expect_eq(stats.pages[QUIRE_PAGE_RESIDENT], 5);
    cr_expect_eq(stats.steps, QUIRE_PAGER_STEP_DEFAULT);
    cr_expect_eq(stats.total, 5);
    END(&rig);
}
