/* vm.h and vm_range.h: unmap, protect, remap, merge and drop_range, in the middle of areas and across them. */
#include "rig_test.h"

struct world {
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store; /* 8 pages, at RIG_VA */
};

static void world_start_with(struct world *w, struct rig_config config, unsigned max_prot, unsigned prot)
{
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    w->store = rig_store_new(&w->rig, 8, max_prot);
    EXPECT(rig_map(&w->vm, &w->store->fobj, RIG_VA, prot), QUIRE_OK);
}

static void world_start(struct world *w)
{
    struct rig_config config = {.eager = true};

    world_start_with(w, config, RW, RW);
}

/* Writes a byte of its own into every page. */
static void mark(struct world *w)
{
    uint32_t i;

    for (i = 0; i < 8; i++) {
        EXPECT(rig_poke(&w->rig, &w->vm, RIG_AT(i), (unsigned char)(10u + i)), QUIRE_OK);
    }
}

/* Page `page` of the store shows at `va`, resident since it was marked. */
static bool marked_at(struct world *w, uintptr_t va, uint32_t page)
{
    return rig_byte(&w->rig, &w->vm, va) == (int)(10u + page) && w->store->loads_of[page] == 1;
}

static bool nothing_at(struct world *w, uintptr_t va)
{
    struct quire_vm_info info;

    return quire_vm_query(&w->vm, va, &info) == QUIRE_NOT_FOUND && rig_byte(&w->rig, &w->vm, va) == -1;
}

typedef enum quire_status operation(struct quire_vm *vm, uintptr_t va, size_t npages);

static enum quire_status protect_read(struct quire_vm *vm, uintptr_t va, size_t npages)
{
    return quire_vm_protect(vm, va, npages, RIG_READ | USER);
}

static enum quire_status remap_up(struct quire_vm *vm, uintptr_t va, size_t npages)
{
    return quire_vm_remap(vm, va, npages, RIG_AT(40));
}

static operation *const operations[] = {quire_vm_unmap, protect_read, remap_up, quire_vm_drop_range};

/* ---- Ranges that are none ---- */

Test(vm_range, ranges_that_are_unaligned_empty_or_wrap_are_invalid)
{
    struct world w;
    unsigned i;

    world_start(&w);
    mark(&w);
    for (i = 0; i < 4; i++) {
        EXPECT(operations[i](&w.vm, RIG_VA + 1u, 1), QUIRE_INVALID);
        EXPECT(operations[i](&w.vm, RIG_VA, 0), QUIRE_INVALID);
        EXPECT(operations[i](&w.vm, RIG_AT(4), SIZE_MAX), QUIRE_INVALID);
        EXPECT(operations[i](&w.vm, RIG_AT(4), (SIZE_MAX >> QUIRE_PAGE_SHIFT) + 1u), QUIRE_INVALID);
        EXPECT(operations[i](&w.vm, UINTPTR_MAX - RIG_PAGE + 1u, 2), QUIRE_INVALID);
        if (i < 3) {
            EXPECT(operations[i](&w.vm, RIG_VA - RIG_PAGE, 1), QUIRE_INVALID);
            EXPECT(operations[i](&w.vm, RIG_VA - RIG_PAGE, 4), QUIRE_INVALID);
            EXPECT(operations[i](&w.vm, RIG_AT(60), 5), QUIRE_INVALID);
        }
    }
    EXPECT(quire_vm_remap(&w.vm, RIG_VA, 4, RIG_AT(20) + 1u), QUIRE_INVALID);
    EXPECT(quire_vm_remap(&w.vm, RIG_VA, 4, RIG_AT(61)), QUIRE_INVALID);
    EXPECT(quire_vm_remap(&w.vm, RIG_VA, 4, RIG_VA - RIG_PAGE), QUIRE_INVALID);
    EXPECT(quire_vm_remap(&w.vm, RIG_VA, 4, UINTPTR_MAX - RIG_PAGE + 1u), QUIRE_INVALID);
    cr_expect_eq(w.vm.num_areas, 1);
    cr_expect(marked_at(&w, RIG_VA, 0));
    END(&w.rig);
}

/* ---- Unmap ---- */

Test(vm_range, unmap_in_the_middle_of_an_area_splits_it_at_both_ends)
{
    struct world w;

    world_start(&w);
    mark(&w);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(3), 2), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(w.vm.num_areas, 2);
    cr_expect_eq(w.store->fobj.refs.count, 3);
    cr_expect(marked_at(&w, RIG_AT(2), 2) && marked_at(&w, RIG_AT(5), 5));
    cr_expect(nothing_at(&w, RIG_AT(3)) && nothing_at(&w, RIG_AT(4)));
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(2), 4), QUIRE_OK); /* around the hole */
    cr_expect(nothing_at(&w, RIG_AT(2)) && nothing_at(&w, RIG_AT(5)));
    cr_expect(marked_at(&w, RIG_AT(1), 1) && marked_at(&w, RIG_AT(6), 6));
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 1), QUIRE_OK);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(7), 1), QUIRE_OK);
    cr_expect(marked_at(&w, RIG_AT(1), 1) && marked_at(&w, RIG_AT(6), 6));
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 64), QUIRE_OK);
    cr_expect_eq(w.vm.num_areas, 0);
    cr_expect_eq(w.store->fobj.refs.count, 1);
    cr_expect_eq(w.rig.allocated, 0);
    END(&w.rig);
}

Test(vm_range, unmap_where_nothing_is_mapped_finds_nothing)
{
    struct world w;

    world_start(&w);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(8), 56), QUIRE_NOT_FOUND);
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 8), QUIRE_OK);
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 8), QUIRE_NOT_FOUND);
    END(&w.rig);
}

Test(vm_range, unmap_drops_the_dirtiness_of_nobody)
{
    struct rig_config config = {.pages = 5, .flags = QUIRE_SIM_HW_ACCESSED_DIRTY};
    struct world w;

    world_start_with(&w, config, RW, RW);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 99), QUIRE_OK);
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 8), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_AT(8), RW), QUIRE_OK);
    EXPECT(quire_pager_invalidate(&w.rig.pager, &w.store->fobj, 0, 1), QUIRE_DIRTY);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(8)), 99);
    END(&w.rig);
}

Test(vm_range, unmap_whose_entry_is_stuck_keeps_its_addresses_until_it_succeeds)
{
    struct world w;

    world_start(&w);
    mark(&w);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_AT(8), RW), QUIRE_OK);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(3), 2), QUIRE_OK);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(2), 8), QUIRE_STUCK);
    EXPECT_SOUND(&w.rig);
    cr_expect(nothing_at(&w, RIG_AT(8)), "all others are gone");
    cr_expect(marked_at(&w, RIG_AT(1), 1), "and all outside the range are as they were");
    cr_expect_eq(rig_query(&w.vm, RIG_AT(2)).prot, 0);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(2), RIG_READ, NULL), QUIRE_STUCK);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(3), RIG_READ, NULL), QUIRE_STUCK);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_AT(2), RW), QUIRE_EXISTS);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(2), 2, RW | USER), QUIRE_STUCK);
    EXPECT(quire_vm_remap(&w.vm, RIG_AT(2), 2, RIG_AT(40)), QUIRE_STUCK); /* the second refusal */
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 64), QUIRE_OK);
    cr_expect_eq(w.vm.num_areas, 0);
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_QUARANTINED], 0);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_VA, RW), QUIRE_OK);
    cr_expect(marked_at(&w, RIG_AT(3), 3));
    END(&w.rig);
}

Test(vm_range, unstick_lets_go_of_the_page_and_unmap_of_the_area)
{
    struct world w;

    world_start(&w);
    mark(&w);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(3), 1), QUIRE_OK);
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 8), QUIRE_STUCK);
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(3), RIG_READ, NULL), QUIRE_STUCK); /* the area still waits for its unmap */
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 8), QUIRE_OK);
    cr_expect_eq(w.vm.num_areas, 0);
    END(&w.rig);
}

/* ---- Protect ---- */

Test(vm_range, protect_takes_away_at_once_and_gives_with_the_next_fault)
{
    static const enum quire_sim_flags flags[] = {QUIRE_SIM_HW_ACCESSED_DIRTY, QUIRE_SIM_HW_ACCESSED, QUIRE_SIM_NO_FLAGS};
    unsigned i;

    for (i = 0; i < 6; i++) {
        struct rig_config config = {.flags = flags[i % 3u], .eager = true, .flush_unlocked = i >= 3};
        struct world w;

        world_start_with(&w, config, RW, RW);
        mark(&w);
        EXPECT(quire_vm_protect(&w.vm, RIG_AT(2), 3, RIG_READ | USER), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(w.vm.num_areas, 3);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(2), 1), QUIRE_DENIED);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(4), 1), QUIRE_DENIED);
        cr_expect(marked_at(&w, RIG_AT(3), 3) && marked_at(&w, RIG_AT(1), 1) && marked_at(&w, RIG_AT(5), 5));
        EXPECT(quire_vm_protect(&w.vm, RIG_VA, 8, 0), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(3), RIG_READ, NULL), QUIRE_DENIED);
        cr_expect_eq(rig_query(&w.vm, RIG_AT(3)).entry, 0);
        EXPECT(quire_vm_protect(&w.vm, RIG_VA, 8, RW | USER), QUIRE_OK);
        cr_expect(marked_at(&w, RIG_AT(3), 3));
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(3), 13), QUIRE_OK);
        EXPECT(quire_pager_invalidate(&w.rig.pager, &w.store->fobj, 0, 8), QUIRE_DIRTY);
        END(&w.rig);
    }
}

Test(vm_range, protect_needs_all_of_its_range_mapped)
{
    struct world w;

    world_start(&w);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(6), 3, RIG_READ | USER), QUIRE_NOT_FOUND);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(8), 1, RIG_READ | USER), QUIRE_NOT_FOUND);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(3), 1), QUIRE_OK);
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, 8, RIG_READ | USER), QUIRE_NOT_FOUND);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 1), QUIRE_OK);
    cr_expect_eq(w.vm.num_areas, 2, "and splits nothing before it knows");
    END(&w.rig);
}

Test(vm_range, protect_refuses_what_map_refuses)
{
    struct quire_mapping mapping = {.va = RIG_AT(16), .prot = RIG_READ | USER, .wx = true};
    struct rig_config config = {0};
    struct world w;

    world_start_with(&w, config, QUIRE_PROT_RWX, RX);
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, 8, QUIRE_PROT_ALL), QUIRE_DENIED);
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, 8, RIG_READ | 32u), QUIRE_DENIED);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_AT(8), RIG_READ), QUIRE_OK);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(8), 8, RW | USER), QUIRE_CONFLICT);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(12), 1, RW | USER), QUIRE_CONFLICT);
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, 4, RIG_READ | USER), QUIRE_OK);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(8), 4, RW | USER), QUIRE_OK); /* nobody executes these pages now */
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(8), 5, RW | USER), QUIRE_CONFLICT);
    mapping.fobj = &w.store->fobj;
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(16), 8, QUIRE_PROT_ALL), QUIRE_OK); /* it asked for both */
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 64), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_VA, RX), QUIRE_OK);
    w.store->fobj.max_prot = RX;
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, 1, RW | USER), QUIRE_DENIED);
    w.store->fobj.max_prot = QUIRE_PROT_RWX;
    END(&w.rig);
}

Test(vm_range, protect_whose_entry_is_stuck_quarantines_the_page_and_changes_the_area)
{
    struct world w;

    world_start(&w);
    mark(&w);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(3), 1), QUIRE_OK);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(2), 3, 0), QUIRE_STUCK);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_QUARANTINED], 1);
    cr_expect_eq(rig_query(&w.vm, RIG_AT(2)).prot, 0);
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(2), 3, RW | USER), QUIRE_OK);
    cr_expect(marked_at(&w, RIG_AT(3), 3));
    END(&w.rig);
}

Test(vm_range, protect_makes_code_of_what_was_written)
{
    struct rig_config config = {0};
    struct world w;
    unsigned char byte = 0;
    uint64_t syncs;

    world_start_with(&w, config, QUIRE_PROT_RWX, RW);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 0xc3), QUIRE_OK);
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, 8, RX | USER), QUIRE_OK);
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_VA, &byte, 1), QUIRE_OK);
    cr_expect_eq(byte, 0xc3);
    syncs = w.rig.sim.counts.sync_code;
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, 8, RW | USER), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 0x90), QUIRE_OK);
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, 8, RX | USER), QUIRE_OK);
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_VA, &byte, 1), QUIRE_OK);
    cr_expect_eq(byte, 0x90);
    cr_expect_eq(w.rig.sim.counts.sync_code, syncs + 1u);
    END(&w.rig);
}

/* ---- Remap ---- */

Test(vm_range, remap_moves_pages_that_stay_resident)
{
    struct world w;

    world_start(&w);
    mark(&w);
    EXPECT(quire_vm_remap(&w.vm, RIG_AT(2), 4, RIG_AT(30)), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    cr_expect(nothing_at(&w, RIG_AT(2)) && nothing_at(&w, RIG_AT(5)));
    cr_expect(marked_at(&w, RIG_AT(30), 2) && marked_at(&w, RIG_AT(33), 5));
    cr_expect(marked_at(&w, RIG_AT(1), 1) && marked_at(&w, RIG_AT(6), 6));
    cr_expect_eq(w.vm.num_areas, 3);
    EXPECT(quire_vm_remap(&w.vm, RIG_AT(30), 4, RIG_AT(29)), QUIRE_OK); /* onto itself, below */
    cr_expect(marked_at(&w, RIG_AT(29), 2) && marked_at(&w, RIG_AT(32), 5) && nothing_at(&w, RIG_AT(33)));
    EXPECT(quire_vm_remap(&w.vm, RIG_AT(29), 4, RIG_AT(31)), QUIRE_OK); /* above */
    cr_expect(marked_at(&w, RIG_AT(31), 2) && marked_at(&w, RIG_AT(34), 5) && nothing_at(&w, RIG_AT(30)));
    EXPECT(quire_vm_remap(&w.vm, RIG_AT(31), 4, RIG_AT(2)), QUIRE_OK); /* and home */
    EXPECT_SOUND(&w.rig);
    cr_expect(marked_at(&w, RIG_AT(2), 2) && marked_at(&w, RIG_AT(5), 5));
    EXPECT(quire_vm_remap(&w.vm, RIG_VA, 8, RIG_AT(40)), QUIRE_OK); /* three areas at once */
    cr_expect(marked_at(&w, RIG_AT(40), 0) && marked_at(&w, RIG_AT(47), 7));
    EXPECT(quire_vm_remap(&w.vm, RIG_AT(40), 8, RIG_AT(41)), QUIRE_OK);
    cr_expect(marked_at(&w, RIG_AT(41), 0) && marked_at(&w, RIG_AT(48), 7));
    END(&w.rig);
}

Test(vm_range, remap_refuses_a_target_that_is_taken_and_a_range_with_holes)
{
    struct world w;

    world_start(&w);
    mark(&w);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_AT(20), RW), QUIRE_OK);
    EXPECT(quire_vm_remap(&w.vm, RIG_VA, 4, RIG_AT(17)), QUIRE_EXISTS);
    EXPECT(quire_vm_remap(&w.vm, RIG_VA, 4, RIG_AT(27)), QUIRE_EXISTS);
    EXPECT(quire_vm_remap(&w.vm, RIG_VA, 4, RIG_AT(2)), QUIRE_EXISTS); /* pages 4 and 5 are not of the range */
    EXPECT(quire_vm_remap(&w.vm, RIG_AT(6), 4, RIG_AT(40)), QUIRE_NOT_FOUND);
    EXPECT(quire_vm_remap(&w.vm, RIG_AT(10), 1, RIG_AT(40)), QUIRE_NOT_FOUND);
    cr_expect_eq(w.vm.num_areas, 2, "nothing was split");
    cr_expect(marked_at(&w, RIG_VA, 0));
    END(&w.rig);
}

Test(vm_range, remap_whose_entry_is_stuck_moves_nothing)
{
    struct world w;

    world_start(&w);
    mark(&w);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(3), 1), QUIRE_OK);
    EXPECT(quire_vm_remap(&w.vm, RIG_AT(2), 4, RIG_AT(40)), QUIRE_STUCK);
    EXPECT_SOUND(&w.rig);
    cr_expect(nothing_at(&w, RIG_AT(40)));
    cr_expect(marked_at(&w, RIG_AT(2), 2) && marked_at(&w, RIG_AT(5), 5));
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    EXPECT(quire_vm_remap(&w.vm, RIG_AT(2), 4, RIG_AT(40)), QUIRE_OK);
    cr_expect(marked_at(&w, RIG_AT(41), 3));
    END(&w.rig);
}

/* ---- Merge ---- */

Test(vm_range, merge_joins_what_was_split)
{
    struct world w;

    world_start(&w);
    mark(&w);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(2), 3, RIG_READ | USER), QUIRE_OK);
    EXPECT(quire_vm_merge(&w.vm, RIG_AT(3)), QUIRE_OK);
    cr_expect_eq(w.vm.num_areas, 3, "permissions differ");
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(2), 3, RW | USER), QUIRE_OK);
    EXPECT(quire_vm_merge(&w.vm, RIG_AT(3) + 5u), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(w.vm.num_areas, 1);
    cr_expect_eq(w.store->fobj.refs.count, 2);
    cr_expect_eq(w.rig.allocated, 1);
    cr_expect(marked_at(&w, RIG_VA, 0) && marked_at(&w, RIG_AT(7), 7));
    EXPECT(quire_vm_merge(&w.vm, RIG_VA), QUIRE_OK); /* nothing to join */
    EXPECT(quire_vm_merge(&w.vm, RIG_AT(8)), QUIRE_NOT_FOUND);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_AT(8), RW), QUIRE_OK);
    EXPECT(quire_vm_merge(&w.vm, RIG_AT(8)), QUIRE_OK);
    cr_expect_eq(w.vm.num_areas, 2, "it does not continue the same pages");
    quire_vm_area_at(&w.vm, RIG_VA)->user = &w;
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(4), 1, 0), QUIRE_OK);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(4), 1, RW | USER), QUIRE_OK);
    quire_vm_area_at(&w.vm, RIG_AT(4))->user = NULL;
    EXPECT(quire_vm_merge(&w.vm, RIG_AT(4)), QUIRE_OK);
    cr_expect_eq(w.vm.num_areas, 4, "user pointers differ");
    END(&w.rig);
}

/* ---- Drop ---- */

Test(vm_range, drop_range_leaves_pages_and_areas_and_tells_of_the_tables)
{
    struct world w;
    uint64_t gone;

    world_start(&w);
    mark(&w);
    gone = w.rig.sim.counts.table_gone;
    EXPECT(quire_vm_drop_range(&w.vm, RIG_AT(2), 4), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(w.rig.sim.counts.table_gone, gone + 1u);
    cr_expect_eq(w.vm.num_areas, 1);
    cr_expect_eq(rig_query(&w.vm, RIG_AT(2)).entry, 0);
    cr_expect_eq(rig_query(&w.vm, RIG_AT(5)).entry, 0);
    cr_expect_neq(rig_query(&w.vm, RIG_AT(1)).entry, 0);
    cr_expect_neq(rig_query(&w.vm, RIG_AT(6)).entry, 0);
    cr_expect(rig_query(&w.vm, RIG_AT(3)).resident);
    cr_expect(marked_at(&w, RIG_AT(3), 3));
    EXPECT(quire_vm_drop_range(&w.vm, RIG_AT(20), 4), QUIRE_OK); /* where nothing is */
    cr_expect_eq(w.rig.sim.counts.table_gone, gone + 2u);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(3), 1), QUIRE_OK);
    EXPECT(quire_vm_drop_range(&w.vm, RIG_VA, 8), QUIRE_STUCK);
    cr_expect_eq(w.rig.sim.counts.table_gone, gone + 2u, "an entry is still there");
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    w.rig.sim.mmu.table_gone = NULL;
    EXPECT(quire_vm_drop_range(&w.vm, RIG_VA, 8), QUIRE_OK);
    cr_expect(marked_at(&w, RIG_AT(3), 3));
    END(&w.rig);
}

/* ---- Bookkeeping ---- */

Test(vm_range, operation_without_memory_for_either_split_changes_nothing)
{
    unsigned which;
    uint64_t nth;

    for (which = 0; which < 3; which++) {
        for (nth = 1; nth <= 2; nth++) {
            struct world w;

            world_start(&w);
            mark(&w);
            rig_fail(&w.rig.alloc_fails, nth, 1, QUIRE_NO_MEMORY);
            EXPECT(operations[which](&w.vm, RIG_AT(2), 4), QUIRE_NO_MEMORY);
            cr_expect_eq(w.rig.alloc_fails.hits, 1);
            cr_expect_eq(w.vm.num_areas, 1);
            cr_expect_eq(w.rig.allocated, 1, "what was allocated before is back");
            EXPECT_SOUND(&w.rig);
            EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(3), 13), QUIRE_OK);
            EXPECT(operations[which](&w.vm, RIG_AT(2), 4), QUIRE_OK);
            END(&w.rig);
        }
    }
}

Test(vm_range, range_that_ends_with_areas_needs_no_memory)
{
    struct world w;

    world_start(&w);
    rig_fail(&w.rig.alloc_fails, 1, UINT64_MAX, QUIRE_NO_MEMORY);
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, 8, RIG_READ | USER), QUIRE_OK);
    EXPECT(quire_vm_merge(&w.vm, RIG_VA), QUIRE_OK);
    EXPECT(quire_vm_drop_range(&w.vm, RIG_AT(2), 4), QUIRE_OK);
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 8), QUIRE_OK);
    cr_expect_eq(w.rig.alloc_fails.hits, 0);
    END(&w.rig);
}

Test(vm_range, split_without_a_reference_to_spare_is_a_limit)
{
    struct world w;
    uint32_t refs;

    world_start(&w);
    mark(&w);
    refs = w.store->fobj.refs.count;
    w.store->fobj.refs.count = QUIRE_REFCOUNT_MAX;
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(2), 2), QUIRE_LIMIT);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(2), 2, RIG_READ | USER), QUIRE_LIMIT);
    EXPECT(quire_vm_remap(&w.vm, RIG_AT(2), 2, RIG_AT(40)), QUIRE_LIMIT);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(w.vm.num_areas, 1);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(2)), 12);
    w.store->fobj.refs.count = QUIRE_REFCOUNT_MAX - 1u; /* enough for the first split only */
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(2), 2), QUIRE_LIMIT);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(2)), 12);
    w.store->fobj.refs.count = refs + (w.vm.num_areas - 1u);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(2), 2), QUIRE_OK);
    END(&w.rig);
}
