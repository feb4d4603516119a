/* vm.h: contexts, and mapping: where, what, with which permissions, and what is refused. */
#include "rig_test.h"

struct world {
    struct rig rig;
    struct quire_vm vm;
    struct quire_vm vm2;
    struct rig_store *store; /* 8 pages */
};

static void world_start_with(struct world *w, unsigned max_prot)
{
    rig_start(&w->rig, NULL);
    rig_vm_start(&w->rig, &w->vm);
    rig_vm_start(&w->rig, &w->vm2);
    w->store = rig_store_new(&w->rig, 8, max_prot);
}

static void world_start(struct world *w)
{
    world_start_with(w, RW);
}

/* All of the store, read-write, where `va` says. */
static struct quire_mapping mapping_of(struct world *w, uintptr_t va)
{
    struct quire_mapping mapping = {.fobj = &w->store->fobj, .va = va, .prot = RW | USER};

    return mapping;
}

static void expect_refused(struct world *w, const struct quire_mapping *mapping, enum quire_status expected, int line)
{
    uint32_t areas = w->vm.num_areas;
    uint32_t refs = w->store->fobj.refs.count;
    int64_t allocated = w->rig.allocated;
    uintptr_t va = 12345;
    enum quire_status status = quire_vm_map(&w->vm, mapping, &va);

    cr_expect(status == expected, "line %d: %s, not %s", line, quire_status_name(status), quire_status_name(expected));
    cr_expect_eq(va, 12345, "line %d: no address comes with an error", line);
    cr_expect(w->vm.num_areas == areas && w->store->fobj.refs.count == refs && w->rig.allocated == allocated,
              "line %d: something changed", line);
    expect_sound(&w->rig, line);
}

#define REFUSED(w, mapping, expected) expect_refused((w), (mapping), (expected), __LINE__)

/* ---- Contexts ---- */

Test(vm, context_is_refused_a_range_that_is_none)
{
    struct world w;
    struct quire_vm vm;

    world_start(&w);
    EXPECT(quire_vm_init(&vm, &w.rig.pager, RIG_VA + 1u, RIG_AT(4) - 1u, NULL), QUIRE_INVALID);
    EXPECT(quire_vm_init(&vm, &w.rig.pager, RIG_VA, RIG_AT(4), NULL), QUIRE_INVALID);
    EXPECT(quire_vm_init(&vm, &w.rig.pager, RIG_VA, RIG_AT(4) - 2u, NULL), QUIRE_INVALID);
    EXPECT(quire_vm_init(&vm, &w.rig.pager, RIG_VA, RIG_VA - 1u, NULL), QUIRE_INVALID);
    EXPECT(quire_vm_init(&vm, &w.rig.pager, RIG_VA, RIG_AT(1) - 1u, &w), QUIRE_OK);
    cr_expect_eq(vm.user, &w);
    EXPECT(quire_vm_fini(&vm), QUIRE_OK);
    EXPECT(quire_vm_init(&vm, &w.rig.pager, 0, UINTPTR_MAX, NULL), QUIRE_OK);
    EXPECT(quire_vm_fini(&vm), QUIRE_OK);
    END(&w.rig);
}

Test(vm, context_that_ends_unmaps_everything)
{
    struct world w;

    world_start(&w);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_AT(32), RW), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 5), QUIRE_OK);
    EXPECT(rig_vm_stop(&w.rig, &w.vm), QUIRE_OK);
    cr_expect_eq(w.store->fobj.refs.count, 1);
    cr_expect_eq(w.rig.allocated, 0);
    EXPECT(rig_map(&w.vm2, &w.store->fobj, RIG_VA, RW), QUIRE_OK);
    cr_expect_eq(rig_byte(&w.rig, &w.vm2, RIG_VA), 5);
    END(&w.rig);
}

Test(vm, map_into_a_context_that_ended_is_a_mismatch)
{
    struct world w;
    struct quire_mapping mapping;

    world_start(&w);
    mapping = mapping_of(&w, RIG_VA);
    EXPECT(rig_vm_stop(&w.rig, &w.vm), QUIRE_OK);
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_MISMATCH);
    cr_expect_eq(w.rig.allocated, 0);
    END(&w.rig);
}

static enum quire_status end_meanwhile(struct rig_store *store, struct quire_io *io, bool load)
{
    struct world *w = store->user;

    (void)io;
    (void)load;
    EXPECT(quire_vm_fini(&w->vm), QUIRE_BUSY);
    cr_expect_eq(w->vm.num_areas, 1);
    return QUIRE_OK;
}

Test(vm, context_does_not_end_under_an_operation_in_flight)
{
    struct world w;

    world_start(&w);
    w.store->before = end_meanwhile;
    w.store->user = &w;
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_VA, RW), QUIRE_OK);
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
    EXPECT(rig_vm_stop(&w.rig, &w.vm), QUIRE_OK);
    END(&w.rig);
}

Test(vm, context_whose_entry_is_stuck_ends_at_the_second_try)
{
    struct world w;

    world_start(&w);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_AT(32), RW), QUIRE_OK);
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_VA, 1), QUIRE_OK);
    EXPECT(quire_vm_fini(&w.vm), QUIRE_STUCK);
    cr_expect_eq(w.vm.num_areas, 1, "everything else is gone");
    EXPECT_SOUND(&w.rig);
    EXPECT(rig_vm_stop(&w.rig, &w.vm), QUIRE_OK);
    END(&w.rig);
}

/* ---- Mapping at an address ---- */

Test(vm, map_shows_what_it_is_told_to_show)
{
    struct world w;
    struct quire_mapping mapping;
    uintptr_t va = 0;

    world_start(&w);
    mapping = mapping_of(&w, RIG_AT(4));
    mapping.first = 2;
    mapping.npages = 3;
    mapping.user = &w;
    EXPECT(quire_vm_map(&w.vm, &mapping, &va), QUIRE_OK);
    cr_expect_eq(va, RIG_AT(4));
    cr_expect_eq(w.rig.loads, 0, "nothing is loaded");
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(4), w.store, 2));
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(6), w.store, 4));
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(7), RIG_READ, NULL), QUIRE_NOT_FOUND);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(3), RIG_READ, NULL), QUIRE_NOT_FOUND);
    cr_expect_eq(quire_vm_area_at(&w.vm, RIG_AT(4))->user, &w);
    mapping.va = RIG_AT(10);
    mapping.npages = 0; /* all from the first */
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    cr_expect_eq(quire_vm_area_at(&w.vm, RIG_AT(10))->npages, 6);
    END(&w.rig);
}

Test(vm, map_refuses_what_is_no_range)
{
    struct world w;
    struct quire_mapping mapping;

    world_start(&w);
    mapping = mapping_of(&w, RIG_VA + 1u);
    REFUSED(&w, &mapping, QUIRE_INVALID);
    mapping.va = RIG_VA + RIG_PAGE / 2u;
    REFUSED(&w, &mapping, QUIRE_INVALID);
    mapping.va = RIG_VA - RIG_PAGE; /* below the context */
    REFUSED(&w, &mapping, QUIRE_INVALID);
    mapping.va = RIG_AT(64 - 7); /* one page beyond it */
    REFUSED(&w, &mapping, QUIRE_INVALID);
    mapping.va = UINTPTR_MAX - RIG_PAGE + 1u; /* wraps */
    REFUSED(&w, &mapping, QUIRE_INVALID);
    mapping.va = RIG_AT(64 - 8);
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    END(&w.rig);
}

Test(vm, map_refuses_pages_that_the_object_does_not_have)
{
    struct world w;
    struct quire_mapping mapping;

    world_start(&w);
    mapping = mapping_of(&w, RIG_VA);
    mapping.npages = 9;
    REFUSED(&w, &mapping, QUIRE_INVALID);
    mapping.npages = 0;
    mapping.first = 8;
    REFUSED(&w, &mapping, QUIRE_INVALID);
    mapping.first = UINT32_MAX;
    REFUSED(&w, &mapping, QUIRE_INVALID);
    mapping.first = 7;
    mapping.npages = UINT32_MAX;
    REFUSED(&w, &mapping, QUIRE_INVALID);
    mapping.npages = 2;
    REFUSED(&w, &mapping, QUIRE_INVALID);
    mapping.fobj = NULL;
    REFUSED(&w, &mapping, QUIRE_INVALID);
    END(&w.rig);
}

Test(vm, map_refuses_to_overlap)
{
    struct world w;
    struct quire_mapping mapping;

    world_start(&w);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_AT(8), RW), QUIRE_OK);
    mapping = mapping_of(&w, RIG_AT(8));
    REFUSED(&w, &mapping, QUIRE_EXISTS);
    mapping.va = RIG_AT(1);
    REFUSED(&w, &mapping, QUIRE_EXISTS);
    mapping.va = RIG_AT(15);
    REFUSED(&w, &mapping, QUIRE_EXISTS);
    mapping.va = RIG_AT(10);
    mapping.npages = 1;
    REFUSED(&w, &mapping, QUIRE_EXISTS);
    mapping.npages = 0;
    mapping.va = RIG_AT(0);
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    mapping.va = RIG_AT(16);
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    END(&w.rig);
}

Test(vm, map_works_at_the_top_of_the_address_space)
{
    uintptr_t top = UINTPTR_MAX - 8u * RIG_PAGE + 1u;
    struct quire_mapping mapping;
    struct quire_vm vm;
    struct world w;
    uintptr_t va;

    world_start(&w);
    EXPECT(quire_sim_add_vm(&w.rig.sim, &vm, top, 8), QUIRE_OK);
    EXPECT(quire_vm_init(&vm, &w.rig.pager, top, UINTPTR_MAX, NULL), QUIRE_OK);
    mapping = mapping_of(&w, top + RIG_PAGE);
    EXPECT(quire_vm_map(&vm, &mapping, NULL), QUIRE_INVALID); /* one page too many: wraps */
    mapping.va = top;
    EXPECT(quire_vm_map(&vm, &mapping, NULL), QUIRE_OK);
    cr_expect(born_at(&w.rig, &vm, UINTPTR_MAX - RIG_PAGE + 1u, w.store, 7));
    EXPECT(rig_poke(&w.rig, &vm, UINTPTR_MAX, 42), QUIRE_OK);
    cr_expect_eq(rig_byte(&w.rig, &vm, UINTPTR_MAX), 42);
    EXPECT(quire_vm_protect(&vm, top + 6u * RIG_PAGE, 2, RIG_READ | USER), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &vm, UINTPTR_MAX, 43), QUIRE_DENIED);
    EXPECT(quire_vm_unmap(&vm, top + 7u * RIG_PAGE, 2), QUIRE_INVALID);
    EXPECT(quire_vm_unmap(&vm, top + 7u * RIG_PAGE, 1), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    mapping.va = QUIRE_VA_ANY;
    mapping.npages = 1;
    EXPECT(quire_vm_map(&vm, &mapping, &va), QUIRE_OK);
    cr_expect_eq(va, top + 7u * RIG_PAGE);
    EXPECT(quire_vm_unmap(&vm, va, 1), QUIRE_OK);
    mapping.pad_after = 1; /* nothing lies beyond the end: free enough */
    EXPECT(quire_vm_map(&vm, &mapping, &va), QUIRE_OK);
    cr_expect_eq(va, top + 7u * RIG_PAGE);
    EXPECT(quire_vm_map(&vm, &mapping, &va), QUIRE_NO_SPACE);
    EXPECT(quire_vm_remap(&vm, top + 7u * RIG_PAGE, 1, top + 7u * RIG_PAGE), QUIRE_OK);
    EXPECT(quire_vm_drop_range(&vm, top, 8), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_vm_fini(&vm), QUIRE_OK);
    EXPECT(quire_sim_remove_vm(&w.rig.sim, &vm), QUIRE_OK);
    END(&w.rig);
}

/* ---- Permissions ---- */

Test(vm, map_refuses_permissions_beyond_the_objects)
{
    struct world w;
    struct quire_mapping mapping;

    world_start_with(&w, RIG_READ);
    mapping = mapping_of(&w, RIG_VA);
    REFUSED(&w, &mapping, QUIRE_DENIED);
    mapping.prot = RX;
    REFUSED(&w, &mapping, QUIRE_DENIED);
    mapping.prot = RIG_READ | 16u; /* no permission at all */
    REFUSED(&w, &mapping, QUIRE_DENIED);
    mapping.prot = RIG_READ | USER;
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    mapping.va = RIG_AT(8);
    mapping.prot = 0;
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    END(&w.rig);
}

Test(vm, writable_and_executable_is_for_those_who_ask)
{
    struct world w;
    struct quire_mapping mapping;
    unsigned char byte = 0;

    world_start_with(&w, QUIRE_PROT_RWX);
    mapping = mapping_of(&w, RIG_VA);
    mapping.prot = QUIRE_PROT_ALL;
    REFUSED(&w, &mapping, QUIRE_DENIED);
    mapping.wx = true;
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 0x90), QUIRE_OK);
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_VA, &byte, 1), QUIRE_OK);
    cr_expect_eq(byte, 0x90);
    END(&w.rig);
}

Test(vm, writable_here_and_executable_there_is_a_conflict)
{
    struct world w;
    struct quire_mapping mapping;

    world_start_with(&w, QUIRE_PROT_RWX);
    EXPECT(rig_map(&w.vm2, &w.store->fobj, RIG_VA, RX), QUIRE_OK);
    mapping = mapping_of(&w, RIG_VA);
    REFUSED(&w, &mapping, QUIRE_CONFLICT);
    mapping.wx = true; /* asked for */
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    EXPECT(rig_vm_stop(&w.rig, &w.vm2), QUIRE_OK);
    mapping.va = RIG_AT(8);
    mapping.wx = false;
    mapping.prot = RX | USER; /* the other area permits writing, but asked for both */
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 8), QUIRE_OK);
    mapping.va = RIG_VA;
    mapping.prot = RW | USER;
    REFUSED(&w, &mapping, QUIRE_CONFLICT);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(8), 4), QUIRE_OK); /* pages 4..7 stay executable */
    mapping.npages = 4;
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    mapping.va = RIG_AT(20);
    mapping.npages = 5;
    REFUSED(&w, &mapping, QUIRE_CONFLICT);
    END(&w.rig);
}

Test(vm, other_attributes_than_another_areas_are_a_conflict)
{
    struct world w;
    struct quire_mapping mapping;

    world_start(&w);
    mapping = mapping_of(&w, RIG_VA);
    mapping.attr = 7;
    EXPECT(quire_vm_map(&w.vm2, &mapping, NULL), QUIRE_OK);
    mapping.attr = 8;
    REFUSED(&w, &mapping, QUIRE_CONFLICT);
    mapping.attr = 7;
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
    cr_expect(born_at(&w.rig, &w.vm2, RIG_VA, w.store, 0));
    END(&w.rig);
}

/* ---- Mapping where it fits ---- */

static uintptr_t mapped_at(struct world *w, const struct quire_mapping *mapping)
{
    uintptr_t va = 0;

    EXPECT(quire_vm_map(&w->vm, mapping, &va), QUIRE_OK);
    EXPECT_SOUND(&w->rig);
    return va;
}

Test(vm, map_finds_the_lowest_hole_that_fits)
{
    struct world w;
    struct quire_mapping mapping;

    world_start(&w);
    mapping = mapping_of(&w, QUIRE_VA_ANY);
    cr_expect_eq(mapped_at(&w, &mapping), RIG_VA);
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(8));
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(16));
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(2), 3), QUIRE_OK);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(10), 5), QUIRE_OK);
    mapping.npages = 4;
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(10));
    mapping.npages = 3;
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(2));
    mapping.npages = 1;
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(14));
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(24));
    END(&w.rig);
}

Test(vm, map_aligns)
{
    struct world w;
    struct quire_mapping mapping;

    world_start(&w);
    mapping = mapping_of(&w, QUIRE_VA_ANY);
    mapping.npages = 1;
    cr_expect_eq(mapped_at(&w, &mapping), RIG_VA);
    mapping.align = 4u * RIG_PAGE;
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(4));
    mapping.align = 1; /* less than a page is a page */
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(1));
    mapping.align = 32u * RIG_PAGE;
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(32));
    mapping.align = (size_t)1 << 40; /* RIG_VA is not aligned so far */
    REFUSED(&w, &mapping, QUIRE_NO_SPACE);
    mapping.align = (SIZE_MAX >> 1) + 1u;
    REFUSED(&w, &mapping, QUIRE_NO_SPACE);
    mapping.align = 3u * RIG_PAGE;
    REFUSED(&w, &mapping, QUIRE_INVALID);
    mapping.align = SIZE_MAX;
    REFUSED(&w, &mapping, QUIRE_INVALID);
    END(&w.rig);
}

Test(vm, map_keeps_to_its_limits)
{
    struct world w;
    struct quire_mapping mapping;

    world_start(&w);
    mapping = mapping_of(&w, QUIRE_VA_ANY);
    mapping.min = RIG_AT(20) + 1u; /* any byte */
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(21));
    mapping.max = RIG_AT(36) - 1u;
    REFUSED(&w, &mapping, QUIRE_NO_SPACE);
    mapping.max = RIG_AT(37) - 1u;
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(29));
    mapping.min = 0;
    mapping.max = RIG_AT(8) - 2u; /* the last byte does not fit */
    REFUSED(&w, &mapping, QUIRE_NO_SPACE);
    mapping.max = RIG_AT(8) - 1u;
    cr_expect_eq(mapped_at(&w, &mapping), RIG_VA);
    mapping.max = 0;
    mapping.min = RIG_AT(57);
    REFUSED(&w, &mapping, QUIRE_NO_SPACE);
    mapping.min = UINTPTR_MAX;
    REFUSED(&w, &mapping, QUIRE_NO_SPACE);
    mapping.min = RIG_AT(56);
    mapping.max = UINTPTR_MAX;
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(56));
    END(&w.rig);
}

Test(vm, map_keeps_its_padding_free)
{
    struct world w;
    struct quire_mapping mapping;

    world_start(&w);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_AT(12), RW), QUIRE_OK);
    mapping = mapping_of(&w, QUIRE_VA_ANY);
    mapping.pad_before = 2;
    mapping.pad_after = 3;
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(0), "nothing lies before the context");
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(22), "2 behind the last area; 8 to 11 would leave too few");
    mapping.npages = 1;
    mapping.pad_before = 0;
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(8), "3 are free behind it");
    mapping.pad_before = 1;
    mapping.pad_after = 1;
    cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(10));
    mapping.pad_before = 40;
    mapping.pad_after = 0;
    REFUSED(&w, &mapping, QUIRE_NO_SPACE);
    mapping.pad_before = UINT32_MAX;
    mapping.pad_after = UINT32_MAX;
    REFUSED(&w, &mapping, QUIRE_NO_SPACE);
    END(&w.rig);
}

Test(vm, map_without_a_hole_has_no_space)
{
    struct world w;
    struct quire_mapping mapping;
    unsigned i;

    world_start(&w);
    mapping = mapping_of(&w, QUIRE_VA_ANY);
    for (i = 0; i < 8; i++) {
        cr_expect_eq(mapped_at(&w, &mapping), RIG_AT(8u * i));
    }
    mapping.npages = 1;
    REFUSED(&w, &mapping, QUIRE_NO_SPACE);
    END(&w.rig);
}

/* ---- Bookkeeping ---- */

Test(vm, map_without_bookkeeping_memory_changes_nothing)
{
    struct world w;
    struct quire_mapping mapping;

    world_start(&w);
    mapping = mapping_of(&w, RIG_VA);
    rig_fail(&w.rig.alloc_fails, 1, 1, QUIRE_NO_MEMORY);
    REFUSED(&w, &mapping, QUIRE_NO_MEMORY);
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    END(&w.rig);
}

/* ---- Query ---- */

Test(vm, query_tells_what_is_at_an_address)
{
    struct world w;
    struct quire_vm_info info;
    struct quire_pin pin;

    world_start(&w);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(quire_vm_query(&w.vm, RIG_AT(8), &info), QUIRE_NOT_FOUND);
    cr_expect_null(info.fobj);
    info = rig_query(&w.vm, RIG_AT(3) + 9u);
    cr_expect_eq(info.fobj, &w.store->fobj);
    cr_expect_eq(info.pgidx, 3);
    cr_expect_eq(info.prot, RW | USER);
    cr_expect(info.entry == 0 && !info.resident && !info.pinned && !info.dirty);
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(3), w.store, 3));
    info = rig_query(&w.vm, RIG_AT(3) + 9u);
    cr_expect((info.entry & QUIRE_ENTRY_PRESENT) != 0 && info.resident && !info.pinned && !info.dirty);
    cr_expect_eq(info.pa.addr, RIG_PA, "the lowest page is taken first");
    EXPECT(quire_pin_va(&w.rig.pager, &w.vm, RIG_AT(3), 1, true, false, &pin), QUIRE_OK);
    info = rig_query(&w.vm, RIG_AT(3));
    cr_expect(info.pinned && info.dirty);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    cr_expect_eq(w.rig.loads, 1, "asking loads nothing");
    END(&w.rig);
}
