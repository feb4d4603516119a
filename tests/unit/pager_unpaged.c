/* Unpaged objects in a pager: mapped in runs, split, protected, moved, stuck; and `phys` operations that lie. */
#include "rig_test.h"

#include "quire/fobj_phys.h"

/* Eight pages in runs of `run` pages, each run where the one before it is not. */
struct runs {
    struct quire_fobj fobj;
    struct quire_fobj_ops ops;
    uint32_t run;
    bool lies;      /* with no pages at all, ... */
    bool unaligned; /* ... or an address that is none of a page */
    unsigned freed;
};

struct world {
    struct rig rig;
    struct quire_vm vm;
    struct runs runs;
};

#define PAGES 16u

static void runs_phys(struct quire_fobj *fobj, uint32_t pgidx, struct quire_pa *pa, uint32_t *npages)
{
    struct runs *runs = QUIRE_CONTAINER_OF(fobj, struct runs, fobj);
    uint32_t last_run = 7u / runs->run;
    uint32_t run = pgidx / runs->run;

    *pa = quire_pa_make(RIG_PA + (PAGES + (last_run - run) * runs->run + pgidx % runs->run) * RIG_PAGE +
                        (runs->unaligned ? 8u : 0));
    *npages = runs->lies ? 0 : runs->run - pgidx % runs->run;
}

static void runs_free(struct quire_fobj *fobj)
{
    QUIRE_CONTAINER_OF(fobj, struct runs, fobj)->freed++;
}

static void world_start_with(struct world *w, uint32_t run, struct rig_config config)
{
    config.more_pages = 8;
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    memset(&w->runs, 0, sizeof w->runs);
    w->runs.run = run;
    w->runs.ops.name = "runs";
    w->runs.ops.phys = runs_phys;
    w->runs.ops.free = runs_free;
    EXPECT(quire_fobj_init(&w->runs.fobj, &w->runs.ops, 8, NULL, QUIRE_PROT_RWX, 0), QUIRE_OK);
    EXPECT(rig_map(&w->vm, &w->runs.fobj, RIG_VA, RW), QUIRE_OK);
}

static void world_start(struct world *w, uint32_t run)
{
    struct rig_config config = {.eager = true};

    world_start_with(w, run, config);
}

static void world_end(struct world *w)
{
    EXPECT_SOUND(&w->rig);
    EXPECT(quire_vm_unmap(&w->vm, RIG_VA, 64), QUIRE_OK);
    EXPECT(quire_fobj_put(&w->runs.fobj), QUIRE_OK);
    cr_expect_eq(w->runs.freed, 1);
    cr_expect_eq(rig_stats(&w->rig).pages[QUIRE_PAGE_FREE], PAGES, "no page of the pool was touched");
    END(&w->rig);
}

static void mark(struct world *w)
{
    uint32_t i;

    for (i = 0; i < 8; i++) {
        EXPECT(rig_poke(&w->rig, &w->vm, RIG_AT(i), (unsigned char)(10u + i)), QUIRE_OK);
    }
}

static bool marked_at(struct world *w, uintptr_t va, uint32_t page)
{
    return rig_byte(&w->rig, &w->vm, va) == (int)(10u + page);
}

Test(pager_unpaged, fault_maps_all_of_the_area_in_as_few_runs_as_there_are)
{
    static const uint32_t lengths[] = {8, 4, 2, 1};
    struct quire_fault_result out;
    unsigned i;

    for (i = 0; i < 4; i++) {
        struct quire_vm_info info;
        struct world w;

        world_start(&w, lengths[i]);
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(5), RIG_READ, &out), QUIRE_OK);
        cr_expect_eq(out.kind, QUIRE_FAULT_UNPAGED);
        cr_expect_eq(w.rig.sim.counts.map, 8u / lengths[i]);
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(7), RIG_WRITE, &out), QUIRE_OK);
        cr_expect_eq(out.kind, QUIRE_FAULT_SPURIOUS);
        mark(&w);
        cr_expect_eq(rig_stats(&w.rig).faults.unpaged, 1);
        info = rig_query(&w.vm, RIG_AT(6));
        cr_expect(info.resident && !info.dirty && !info.pinned);
        cr_expect_eq(*quire_sim_bytes(&w.rig.sim, info.pa), 16);
        world_end(&w);
    }
}

Test(pager_unpaged, phys_that_lies_is_a_bad_answer)
{
    struct world w;

    world_start(&w, 4);
    w.runs.lies = true;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_BAD_ANSWER);
    w.runs.lies = false;
    w.runs.unaligned = true;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_BAD_ANSWER);
    w.runs.unaligned = false;
    EXPECT_SOUND(&w.rig);
    mark(&w);
    world_end(&w);
}

Test(pager_unpaged, fault_without_tables_for_a_later_run_goes_on_where_it_stopped)
{
    struct world w;

    world_start(&w, 2);
    quire_sim_fail_map(&w.rig.sim, 3, UINT32_MAX);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_NO_TABLE);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(quire_vm_area_at(&w.vm, RIG_VA)->installed, 4);
    quire_sim_fail_map(&w.rig.sim, 0, 0);
    mark(&w);
    world_end(&w);
}

Test(pager_unpaged, unpaged_areas_are_split_protected_moved_merged_and_dropped)
{
    unsigned number;

    for (number = 0; number < 4; number++) {
        struct rig_config config = {.eager = true, .flush_unlocked = number >= 2};
        struct world w;

        world_start_with(&w, number % 2u == 0 ? 8u : 2u, config);
        mark(&w);
        EXPECT(quire_vm_protect(&w.vm, RIG_AT(3), 2, RIG_READ | USER), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(w.vm.num_areas, 3);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(3), 1), QUIRE_DENIED);
        cr_expect(marked_at(&w, RIG_AT(2), 2) && marked_at(&w, RIG_AT(4), 4) && marked_at(&w, RIG_AT(5), 5));
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_vm_protect(&w.vm, RIG_VA, 8, RW | USER), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(3), 13), QUIRE_OK);
        EXPECT(quire_vm_merge(&w.vm, RIG_VA), QUIRE_OK);
        cr_expect_eq(w.vm.num_areas, 1);
        EXPECT_SOUND(&w.rig);
        cr_expect(marked_at(&w, RIG_VA, 0) && marked_at(&w, RIG_AT(7), 7));
        EXPECT(quire_vm_remap(&w.vm, RIG_AT(1), 6, RIG_AT(30)), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        cr_expect(marked_at(&w, RIG_AT(30), 1) && marked_at(&w, RIG_AT(35), 6) && marked_at(&w, RIG_AT(7), 7));
        EXPECT(quire_vm_drop_range(&w.vm, RIG_AT(32), 1), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(rig_query(&w.vm, RIG_AT(32)).entry, 0);
        cr_expect(marked_at(&w, RIG_AT(32), 3));
        EXPECT(quire_vm_unmap(&w.vm, RIG_AT(31), 2), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        cr_expect(marked_at(&w, RIG_AT(30), 1) && marked_at(&w, RIG_AT(33), 4));
        world_end(&w);
    }
}

Test(pager_unpaged, unmap_of_a_stuck_run_is_tried_again)
{
    uint32_t stuck;

    for (stuck = 0; stuck < 8; stuck++) {
        struct world w;

        world_start(&w, 2);
        mark(&w);
        EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(stuck), 1), QUIRE_OK);
        EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 8), QUIRE_STUCK);
        EXPECT_SOUND(&w.rig);
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(stuck), RIG_READ, NULL), QUIRE_STUCK);
        cr_expect_eq(w.vm.num_areas, 1);
        EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 8), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        EXPECT(rig_map(&w.vm, &w.runs.fobj, RIG_VA, RW), QUIRE_OK);
        cr_expect(marked_at(&w, RIG_AT(stuck), stuck));
        world_end(&w);
    }
}

/* Whatever part of the area was let go of before the refusal can be used again. */
Test(pager_unpaged, operations_that_meet_a_stuck_run_leave_an_area_that_works)
{
    uint32_t stuck;
    unsigned which;

    for (which = 0; which < 4; which++) {
        for (stuck = 0; stuck < 8; stuck++) {
            struct world w;
            uint32_t i;

            world_start(&w, 2);
            mark(&w);
            EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(stuck), 1), QUIRE_OK);
            if (which == 0) {
                EXPECT(quire_vm_drop_range(&w.vm, RIG_VA, 8), QUIRE_STUCK);
            } else if (which == 1) {
                EXPECT(quire_vm_remap(&w.vm, RIG_VA, 8, RIG_AT(30)), QUIRE_STUCK);
            } else if (which == 2) {
                EXPECT(quire_vm_unmap(&w.vm, RIG_AT(3), 2), QUIRE_STUCK); /* must split first */
            } else {
                EXPECT(quire_vm_protect(&w.vm, RIG_VA, 8, RIG_READ | USER), QUIRE_STUCK);
            }
            EXPECT_SOUND(&w.rig);
            for (i = 0; i < 8; i++) {
                cr_expect(marked_at(&w, RIG_AT(i), i));
            }
            EXPECT_SOUND(&w.rig);
            EXPECT(quire_vm_protect(&w.vm, RIG_VA, 8, RIG_READ | USER), QUIRE_OK); /* tried again, it takes effect */
            EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(stuck), 1), QUIRE_DENIED);
            EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 1), QUIRE_DENIED);
            world_end(&w);
        }
    }
}

Test(pager_unpaged, merge_of_areas_whose_run_is_stuck_is_tried_again)
{
    struct world w;

    world_start(&w, 2);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(4), 4, RIG_READ | USER), QUIRE_OK);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(4), 4, RW | USER), QUIRE_OK);
    cr_expect_eq(w.vm.num_areas, 2);
    mark(&w);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(5), 1), QUIRE_OK);
    EXPECT(quire_vm_merge(&w.vm, RIG_AT(1)), QUIRE_STUCK);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(w.vm.num_areas, 2);
    cr_expect(marked_at(&w, RIG_AT(1), 1) && marked_at(&w, RIG_AT(7), 7));
    EXPECT(quire_vm_merge(&w.vm, RIG_AT(1)), QUIRE_OK);
    cr_expect_eq(w.vm.num_areas, 1);
    cr_expect(marked_at(&w, RIG_AT(1), 1) && marked_at(&w, RIG_AT(7), 7));
    world_end(&w);
}

Test(pager_unpaged, contexts_share_unpaged_memory)
{
    struct quire_fobj_phys_config config = {.pa = {RIG_PA + PAGES * RIG_PAGE}, .npages = 2, .max_prot = RW};
    struct rig_config rig_config = {.more_pages = 2};
    struct quire_fobj_phys phys;
    struct quire_vm vm[2];
    struct rig rig;

    rig_start(&rig, &rig_config);
    rig_vm_start(&rig, &vm[0]);
    rig_vm_start(&rig, &vm[1]);
    EXPECT(quire_fobj_phys_init(&phys, &config), QUIRE_OK);
    EXPECT(rig_map(&vm[0], &phys.base, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&vm[1], &phys.base, RIG_AT(9), RIG_READ), QUIRE_OK);
    EXPECT(quire_fobj_put(&phys.base), QUIRE_OK);
    EXPECT(rig_poke(&rig, &vm[0], RIG_AT(1), 33), QUIRE_OK);
    cr_expect_eq(rig_byte(&rig, &vm[1], RIG_AT(10)), 33);
    EXPECT(rig_poke(&rig, &vm[1], RIG_AT(10), 34), QUIRE_DENIED);
    END(&rig);
}
