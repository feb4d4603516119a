/* vm.h: what one does with a context. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "rig.h"

#define OK(call) cr_assert_eq((call), QUIRE_OK)
#define SAYS(status, call) cr_assert_eq((call), (status))
#define SOUND() cr_assert_null(rig_wrong(&rig), "%s", rig_wrong(&rig))
#define RW (RIG_READ | RIG_WRITE)
#define RX (RIG_READ | RIG_EXEC)

static struct rig rig;
static struct quire_vm vm;
static struct rig_store *store; /* 8 pages that may show with any permission */

static void start(void)
{
    rig_start(&rig, NULL);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 8, QUIRE_PROT_RWX);
}

static void stop(void)
{
    SOUND();
    rig_stop(&rig);
}

static struct quire_mapping at(uintptr_t va, unsigned prot)
{
    struct quire_mapping mapping;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = &store->fobj;
    mapping.va = va;
    mapping.prot = prot | QUIRE_PROT_USER;
    return mapping;
}

static struct quire_mapping anywhere(uint32_t npages)
{
    struct quire_mapping mapping = at(QUIRE_VA_ANY, RIG_READ);

    mapping.npages = npages;
    return mapping;
}

static bool is_mapped(uint32_t page)
{
    struct quire_vm_info info;

    return quire_vm_query(&vm, RIG_AT(page), &info) == QUIRE_OK;
}

/* ---- Contexts ---- */

TestSuite(vm_init, .init = start, .fini = stop);

Test(vm_init, refuses_bounds_that_are_no_pages)
{
    struct quire_vm other;

    SAYS(QUIRE_INVALID, quire_vm_init(&other, &rig.pager, 1, RIG_VA - 1u, NULL));
    SAYS(QUIRE_INVALID, quire_vm_init(&other, &rig.pager, 0, RIG_VA, NULL));
    SAYS(QUIRE_INVALID, quire_vm_init(&other, &rig.pager, RIG_VA, RIG_VA - 1u, NULL));
}

Test(vm_init, may_be_all_of_the_address_space)
{
    struct quire_mapping mapping = at(UINTPTR_MAX - 2u * RIG_PAGE + 1u, RIG_READ);
    struct quire_vm all;

    OK(quire_vm_init(&all, &rig.pager, 0, UINTPTR_MAX, &rig));
    cr_assert_eq(all.user, &rig);
    mapping.npages = 2; /* the last two pages there are */
    OK(quire_vm_map(&all, &mapping, NULL));
    SAYS(QUIRE_EXISTS, quire_vm_map(&all, &mapping, NULL));
    mapping.npages = 3; /* wraps */
    SAYS(QUIRE_INVALID, quire_vm_map(&all, &mapping, NULL));
    OK(quire_vm_unmap(&all, UINTPTR_MAX - RIG_PAGE + 1u, 1));
    cr_assert_eq(all.num_areas, 1);
    OK(quire_vm_fini(&all));
}

Test(vm_init, refuses_a_pager_of_other_options)
{
    struct quire_pager other;
    struct quire_vm context;

    memset(&other, 0, sizeof other);
    other.stamp = QUIRE_STAMP + 1u;
    SAYS(QUIRE_MISMATCH, quire_vm_init(&context, &other, RIG_VA, RIG_AT(1) - 1u, NULL));
}

Test(vm_init, the_end_unmaps_everything)
{
    struct quire_mapping mapping = at(RIG_VA, RW);

    OK(quire_vm_map(&vm, &mapping, NULL));
    mapping.va = RIG_AT(30);
    OK(quire_vm_map(&vm, &mapping, NULL));
    OK(rig_poke(&rig, &vm, RIG_VA, 1));
    OK(rig_vm_stop(&rig, &vm));
    cr_assert_eq(rig.allocated, 0);
    rig_vm_start(&rig, &vm);
}

Test(vm_init, an_entry_that_sticks_keeps_a_context_until_it_lets_go)
{
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    OK(rig_poke(&rig, &vm, RIG_AT(1), 1));
    OK(quire_sim_stick(&rig.sim, &vm, RIG_AT(1), 1));
    SAYS(QUIRE_STUCK, rig_vm_stop(&rig, &vm));
    SOUND();
    OK(rig_vm_stop(&rig, &vm));
    rig_vm_start(&rig, &vm);
}

/* ---- Map ---- */

TestSuite(vm_map, .init = start, .fini = stop);

Test(vm_map, shows_a_part_of_an_object_where_it_is_told)
{
    struct quire_mapping mapping = at(RIG_AT(5), RIG_READ);
    struct quire_vm_info info;
    uintptr_t va = 0;

    mapping.first = 3;
    mapping.npages = 2;
    mapping.user = &rig;
    OK(quire_vm_map(&vm, &mapping, &va));
    cr_assert_eq(va, RIG_AT(5));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(6) + 7), rig_born(store->tag, 4, 7));
    OK(quire_vm_query(&vm, RIG_AT(6) + 9, &info));
    cr_assert_eq(info.fobj, &store->fobj);
    cr_assert_eq(info.pgidx, 4);
    cr_assert_eq(info.prot, RIG_READ | QUIRE_PROT_USER);
    cr_assert(info.resident);
    cr_assert_not(info.pinned);
    SAYS(QUIRE_NOT_FOUND, quire_vm_query(&vm, RIG_AT(7), &info));
    cr_assert_eq(quire_vm_area_at(&vm, RIG_AT(5))->user, &rig);
}

Test(vm_map, refuses_what_no_area_can_be)
{
    struct quire_mapping mapping = at(RIG_VA + 1u, RIG_READ);

    SAYS(QUIRE_INVALID, quire_vm_map(&vm, &mapping, NULL)); /* unaligned */
    mapping = at(RIG_AT(60), RIG_READ);
    SAYS(QUIRE_INVALID, quire_vm_map(&vm, &mapping, NULL)); /* beyond the context */
    mapping = at(RIG_VA - RIG_PAGE, RIG_READ);
    SAYS(QUIRE_INVALID, quire_vm_map(&vm, &mapping, NULL)); /* before it */
    mapping = at(RIG_VA, RIG_READ);
    mapping.first = 8;
    SAYS(QUIRE_INVALID, quire_vm_map(&vm, &mapping, NULL)); /* pages it does not have */
    mapping.first = 7;
    mapping.npages = 2;
    SAYS(QUIRE_INVALID, quire_vm_map(&vm, &mapping, NULL));
    mapping.first = 1;
    mapping.npages = UINT32_MAX;
    SAYS(QUIRE_INVALID, quire_vm_map(&vm, &mapping, NULL));
    mapping = anywhere(1);
    mapping.align = 3u * RIG_PAGE;
    SAYS(QUIRE_INVALID, quire_vm_map(&vm, &mapping, NULL)); /* no power of two */
    mapping = at(RIG_VA, RIG_READ);
    mapping.fobj = NULL;
    SAYS(QUIRE_INVALID, quire_vm_map(&vm, &mapping, NULL));
    cr_assert_eq(vm.num_areas, 0);
}

Test(vm_map, refuses_to_overlap)
{
    struct quire_mapping mapping = at(RIG_AT(8), RIG_READ);
    uintptr_t va;

    OK(quire_vm_map(&vm, &mapping, NULL)); /* pages 8..15 */
    for (va = RIG_AT(1); va <= RIG_AT(15); va += RIG_PAGE) {
        mapping.va = va;
        SAYS(QUIRE_EXISTS, quire_vm_map(&vm, &mapping, NULL));
    }
    mapping.va = RIG_AT(0);
    OK(quire_vm_map(&vm, &mapping, NULL));
    mapping.va = RIG_AT(16);
    OK(quire_vm_map(&vm, &mapping, NULL));
    cr_assert_eq(vm.num_areas, 3);
}

Test(vm_map, refuses_permissions_beyond_the_objects)
{
    struct rig_store *data = rig_store_new(&rig, 1, RIG_READ);

    SAYS(QUIRE_DENIED, rig_map(&vm, &data->fobj, RIG_VA, RW));
    SAYS(QUIRE_DENIED, rig_map(&vm, &data->fobj, RIG_VA, RX));
    SAYS(QUIRE_DENIED, rig_map(&vm, &data->fobj, RIG_VA, 32u));
    OK(rig_map(&vm, &data->fobj, RIG_VA, RIG_READ));
}

Test(vm_map, writable_and_executable_do_not_meet_unless_asked)
{
    struct quire_mapping mapping = at(RIG_VA, QUIRE_PROT_RWX);

    SAYS(QUIRE_DENIED, quire_vm_map(&vm, &mapping, NULL));
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    SAYS(QUIRE_CONFLICT, rig_map(&vm, &store->fobj, RIG_AT(8), RX));
    mapping = at(RIG_AT(8), RX);
    mapping.wx = true;
    OK(quire_vm_map(&vm, &mapping, NULL));
    mapping = at(RIG_AT(16), QUIRE_PROT_RWX);
    mapping.wx = true;
    OK(quire_vm_map(&vm, &mapping, NULL));
    OK(quire_vm_unmap(&vm, RIG_VA, 24));
    OK(rig_map(&vm, &store->fobj, RIG_AT(8), RX));
    SAYS(QUIRE_CONFLICT, rig_map(&vm, &store->fobj, RIG_VA, RW));
}

Test(vm_map, other_pages_of_an_object_do_not_conflict)
{
    struct quire_mapping mapping = at(RIG_VA, RW);

    mapping.npages = 4;
    OK(quire_vm_map(&vm, &mapping, NULL));
    mapping = at(RIG_AT(8), RX);
    mapping.first = 4;
    OK(quire_vm_map(&vm, &mapping, NULL));
    mapping.va = RIG_AT(16);
    mapping.first = 3;
    SAYS(QUIRE_CONFLICT, quire_vm_map(&vm, &mapping, NULL));
}

Test(vm_map, an_object_shows_with_one_attribute)
{
    struct quire_mapping mapping = at(RIG_VA, RIG_READ);

    mapping.attr = 7;
    OK(quire_vm_map(&vm, &mapping, NULL));
    mapping.va = RIG_AT(8);
    mapping.attr = 8;
    SAYS(QUIRE_CONFLICT, quire_vm_map(&vm, &mapping, NULL));
    OK(quire_vm_unmap(&vm, RIG_VA, 8));
    OK(quire_vm_map(&vm, &mapping, NULL));
}

Test(vm_map, refuses_the_object_of_another_pager)
{
    struct quire_pager_config config = rig_pager_config(&rig);
    struct quire_policy_fifo fifo;
    static struct quire_pmem pmems[16];
    static uint32_t steps[64];
    struct quire_pager pager;
    struct quire_vm other;

    config.policy = quire_policy_fifo_init(&fifo);
    config.pmems = pmems;
    config.steps = steps;
    OK(quire_pager_init(&pager, &config));
    OK(quire_vm_init(&other, &pager, RIG_VA, RIG_AT(64) - 1u, NULL));
    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ));
    SAYS(QUIRE_BUSY, rig_map(&other, &store->fobj, RIG_VA, RIG_READ));
    OK(quire_vm_fini(&other));
    OK(quire_pager_fini(&pager));
}

Test(vm_map, refuses_a_rank_the_pager_has_no_reserve_for)
{
    store->fobj.rank = 1;
    SAYS(QUIRE_INVALID, rig_map(&vm, &store->fobj, RIG_VA, RIG_READ));
    store->fobj.rank = 0;
}

Test(vm_map, without_bookkeeping_nothing_changes)
{
    rig_fail(&rig.alloc_fails, 1, 1, QUIRE_NO_MEMORY);
    SAYS(QUIRE_NO_MEMORY, rig_map(&vm, &store->fobj, RIG_VA, RIG_READ));
    cr_assert_eq(vm.num_areas, 0);
    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ));
}

Test(vm_map, without_a_reference_nothing_changes)
{
    quire_refcount_init(&store->fobj.refs, QUIRE_REFCOUNT_MAX);
    SAYS(QUIRE_LIMIT, rig_map(&vm, &store->fobj, RIG_VA, RIG_READ));
    cr_assert_eq(vm.num_areas, 0);
    quire_refcount_init(&store->fobj.refs, 1);
}

/* ---- Where it fits ---- */

TestSuite(vm_map_any, .init = start, .fini = stop);

static uint32_t page_of(const struct quire_mapping *mapping)
{
    uintptr_t va = 0;

    OK(quire_vm_map(&vm, mapping, &va));
    cr_assert_eq(va & QUIRE_PAGE_MASK, 0);
    return (uint32_t)((va - RIG_VA) >> QUIRE_PAGE_SHIFT);
}

Test(vm_map_any, takes_the_lowest_hole_that_fits)
{
    struct quire_mapping mapping = anywhere(4);

    cr_assert_eq(page_of(&mapping), 0);
    cr_assert_eq(page_of(&mapping), 4);
    cr_assert_eq(page_of(&mapping), 8);
    OK(quire_vm_unmap(&vm, RIG_AT(5), 2));
    mapping.npages = 3;
    cr_assert_eq(page_of(&mapping), 12);
    mapping.npages = 2;
    cr_assert_eq(page_of(&mapping), 5);
}

Test(vm_map_any, aligns)
{
    struct quire_mapping mapping = anywhere(1);

    cr_assert_eq(page_of(&mapping), 0);
    mapping.align = 16u * RIG_PAGE;
    cr_assert_eq(page_of(&mapping), 16);
    mapping.align = 1; /* a page all the same */
    cr_assert_eq(page_of(&mapping), 1);
}

Test(vm_map_any, keeps_guards_free)
{
    struct quire_mapping mapping = anywhere(2);

    mapping.pad_before = 1;
    mapping.pad_after = 2;
    cr_assert_eq(page_of(&mapping), 0, "before the context nothing is");
    cr_assert_eq(page_of(&mapping), 3, "one free page between");
    OK(quire_vm_unmap(&vm, RIG_VA, 2)); /* a hole of 3: too small with its guards */
    cr_assert_eq(page_of(&mapping), 6);
    mapping.pad_before = 0;
    mapping.pad_after = 1;
    cr_assert_eq(page_of(&mapping), 0);
}

Test(vm_map_any, stays_inside_its_limits)
{
    struct quire_mapping mapping = anywhere(4);

    mapping.min = RIG_AT(10);
    mapping.max = RIG_AT(16) - 1u;
    cr_assert_eq(page_of(&mapping), 10);
    SAYS(QUIRE_NO_SPACE, quire_vm_map(&vm, &mapping, NULL));
    mapping.npages = 2;
    cr_assert_eq(page_of(&mapping), 14);
    mapping.min = RIG_AT(10) + 1u; /* unaligned limits: what lies between them */
    mapping.max = RIG_AT(17) + 5u;
    mapping.npages = 1;
    cr_assert_eq(page_of(&mapping), 16);
    SAYS(QUIRE_NO_SPACE, quire_vm_map(&vm, &mapping, NULL));
    mapping.min = UINTPTR_MAX;
    mapping.max = 0;
    SAYS(QUIRE_NO_SPACE, quire_vm_map(&vm, &mapping, NULL));
}

Test(vm_map_any, fills_all_and_then_says_so)
{
    struct quire_mapping mapping = anywhere(8);
    uint32_t i;

    for (i = 0; i < 8u; i++) {
        cr_assert_eq(page_of(&mapping), 8u * i);
    }
    mapping.npages = 1;
    SAYS(QUIRE_NO_SPACE, quire_vm_map(&vm, &mapping, NULL));
    OK(quire_vm_unmap(&vm, RIG_AT(63), 1));
    cr_assert_eq(page_of(&mapping), 63);
}

/* ---- Unmap, protect, remap, merge, drop ---- */

TestSuite(vm_range, .init = start, .fini = stop);

#define BAD_RANGES(call)                                              \
    do {                                                              \
        uintptr_t va = RIG_VA + 8u;                                   \
        size_t n = 1;                                                 \
                                                                      \
        SAYS(QUIRE_INVALID, call);                                    \
        va = RIG_VA;                                                  \
        n = 0;                                                        \
        SAYS(QUIRE_INVALID, call);                                    \
        n = SIZE_MAX;                                                 \
        SAYS(QUIRE_INVALID, call);                                    \
        n = (SIZE_MAX >> QUIRE_PAGE_SHIFT) + (size_t)1;               \
        SAYS(QUIRE_INVALID, call);                                    \
        n = 65;                                                       \
        SAYS(QUIRE_INVALID, call);                                    \
        va = RIG_VA - RIG_PAGE;                                       \
        n = 2;                                                        \
        SAYS(QUIRE_INVALID, call);                                    \
    } while (0)

Test(vm_range, bad_ranges_are_refused)
{
    OK(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ));
    BAD_RANGES(quire_vm_unmap(&vm, va, n));
    BAD_RANGES(quire_vm_protect(&vm, va, n, RIG_READ));
    BAD_RANGES(quire_vm_remap(&vm, va, n, RIG_AT(20)));
    BAD_RANGES(quire_vm_remap(&vm, RIG_VA, n, va));
    SAYS(QUIRE_INVALID, quire_vm_drop_range(&vm, RIG_VA + 8u, 1));
    SAYS(QUIRE_INVALID, quire_vm_drop_range(&vm, RIG_VA, 0));
    SAYS(QUIRE_INVALID, quire_vm_drop_range(&vm, RIG_VA, SIZE_MAX));
    cr_assert_eq(vm.num_areas, 1);
}

Test(vm_range, unmapping_the_middle_splits)
{
    uint32_t i;

    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    for (i = 0; i < 8u; i++) {
        OK(rig_poke(&rig, &vm, RIG_AT(i), (unsigned char)i));
    }
    OK(quire_vm_unmap(&vm, RIG_AT(3), 2));
    cr_assert_eq(vm.num_areas, 2);
    SOUND();
    for (i = 0; i < 8u; i++) {
        cr_assert_eq(is_mapped(i), i != 3u && i != 4u);
        cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(i)), i == 3u || i == 4u ? -1 : (int)i);
    }
    SAYS(QUIRE_NOT_FOUND, quire_vm_unmap(&vm, RIG_AT(3), 2));
    OK(quire_vm_unmap(&vm, RIG_AT(2), 4)); /* across the hole */
    cr_assert(is_mapped(1) && !is_mapped(2) && !is_mapped(5) && is_mapped(6));
    OK(quire_vm_unmap(&vm, RIG_VA, 64));
    cr_assert_eq(vm.num_areas, 0);
    cr_assert_eq(rig.allocated, 0);
}

Test(vm_range, a_split_that_cannot_be_booked_changes_nothing)
{
    uint64_t n;

    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    for (n = 1; n <= 2u; n++) {
        rig_fail(&rig.alloc_fails, n, 1, QUIRE_NO_MEMORY);
        SAYS(QUIRE_NO_MEMORY, quire_vm_unmap(&vm, RIG_AT(3), 2));
        cr_assert_eq(vm.num_areas, 1);
        rig_fail(&rig.alloc_fails, n, 1, QUIRE_NO_MEMORY);
        SAYS(QUIRE_NO_MEMORY, quire_vm_protect(&vm, RIG_AT(3), 2, RIG_READ));
        rig_fail(&rig.alloc_fails, n, 1, QUIRE_NO_MEMORY);
        SAYS(QUIRE_NO_MEMORY, quire_vm_remap(&vm, RIG_AT(3), 2, RIG_AT(30)));
    }
    cr_assert_eq(rig.allocated, 1);
    cr_assert(is_mapped(3) && !is_mapped(30));
    rig_fail(&rig.alloc_fails, 1, 1, QUIRE_NO_MEMORY);
    OK(quire_vm_unmap(&vm, RIG_VA, 8)); /* nothing to split */
    rig_fail(&rig.alloc_fails, 0, 0, QUIRE_OK);
}

Test(vm_range, what_is_taken_away_is_gone_at_once)
{
    unsigned char byte = 1;

    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    OK(rig_poke(&rig, &vm, RIG_AT(2), 1));
    OK(rig_poke(&rig, &vm, RIG_AT(3), 1));
    OK(quire_vm_protect(&vm, RIG_AT(3), 1, RIG_READ | QUIRE_PROT_USER));
    cr_assert_eq(vm.num_areas, 3);
    SAYS(QUIRE_DENIED, rig_poke(&rig, &vm, RIG_AT(3), 2));
    OK(rig_poke(&rig, &vm, RIG_AT(2), 2));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(3)), 1);
    OK(quire_vm_protect(&vm, RIG_AT(3), 1, RW)); /* without USER */
    SAYS(QUIRE_DENIED, rig_read(&rig, &vm, RIG_AT(3), &byte, 1));
    OK(quire_vm_protect(&vm, RIG_VA, 8, RW | QUIRE_PROT_USER));
    OK(rig_poke(&rig, &vm, RIG_AT(3), 3));
    OK(quire_vm_protect(&vm, RIG_VA, 8, 0));
    SAYS(QUIRE_DENIED, rig_read(&rig, &vm, RIG_AT(2), &byte, 1));
    cr_assert_eq(rig_query(&vm, RIG_AT(2)).entry, 0);
}

Test(vm_range, protect_refuses_what_map_refuses)
{
    struct rig_store *data = rig_store_new(&rig, 4, RIG_READ);

    OK(rig_map(&vm, &data->fobj, RIG_VA, RIG_READ));
    SAYS(QUIRE_DENIED, quire_vm_protect(&vm, RIG_VA, 4, RW));
    SAYS(QUIRE_NOT_FOUND, quire_vm_protect(&vm, RIG_VA, 5, RIG_READ));
    SAYS(QUIRE_NOT_FOUND, quire_vm_protect(&vm, RIG_AT(10), 1, RIG_READ));
    OK(rig_map(&vm, &store->fobj, RIG_AT(8), RW));
    SAYS(QUIRE_DENIED, quire_vm_protect(&vm, RIG_AT(8), 8, QUIRE_PROT_RWX));
    OK(rig_map(&vm, &store->fobj, RIG_AT(16), RIG_READ));
    SAYS(QUIRE_CONFLICT, quire_vm_protect(&vm, RIG_AT(16), 1, RX));
    cr_assert_eq(vm.num_areas, 3, "nothing was split");
    OK(quire_vm_unmap(&vm, RIG_AT(8), 1));
    OK(quire_vm_protect(&vm, RIG_AT(16), 1, RX)); /* only that page matters */
}

Test(vm_range, code_that_was_written_is_synced_before_it_runs)
{
    unsigned char byte = 0;

    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    OK(rig_poke(&rig, &vm, RIG_VA + 3, 0x90));
    OK(quire_vm_protect(&vm, RIG_VA, 8, RX | QUIRE_PROT_USER));
    OK(rig_exec(&rig, &vm, RIG_VA + 3, &byte, 1));
    cr_assert_eq(byte, 0x90);
}

Test(vm_range, remapping_moves_and_keeps_what_is_resident)
{
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    OK(rig_poke(&rig, &vm, RIG_AT(3), 0x33));
    OK(quire_vm_remap(&vm, RIG_AT(2), 3, RIG_AT(40)));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(41)), 0x33);
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(3)), -1);
    cr_assert_eq(store->loads_of[3], 1);
    OK(quire_vm_remap(&vm, RIG_AT(40), 3, RIG_AT(41))); /* onto itself, in part */
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(42)), 0x33);
    SAYS(QUIRE_EXISTS, quire_vm_remap(&vm, RIG_AT(41), 3, RIG_AT(6)));
    SAYS(QUIRE_NOT_FOUND, quire_vm_remap(&vm, RIG_AT(40), 3, RIG_AT(50)));
    SAYS(QUIRE_INVALID, quire_vm_remap(&vm, RIG_AT(41), 3, RIG_AT(62)));
    SAYS(QUIRE_INVALID, quire_vm_remap(&vm, RIG_AT(41), 3, RIG_AT(50) + 1u));
}

Test(vm_range, what_sticks_does_not_move)
{
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    OK(rig_poke(&rig, &vm, RIG_AT(3), 0x33));
    OK(quire_sim_stick(&rig.sim, &vm, RIG_AT(3), 1));
    SAYS(QUIRE_STUCK, quire_vm_remap(&vm, RIG_VA, 8, RIG_AT(40)));
    cr_assert(is_mapped(0) && !is_mapped(40));
    SOUND();
    OK(quire_pager_unstick(&rig.pager));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(3)), 0x33);
}

Test(vm_range, an_area_whose_entry_sticks_keeps_its_address_and_all_others_go)
{
    struct rig_store *other = rig_store_new(&rig, 2, RW);

    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    OK(rig_map(&vm, &other->fobj, RIG_AT(8), RW));
    OK(rig_poke(&rig, &vm, RIG_AT(3), 0x33));
    OK(rig_poke(&rig, &vm, RIG_AT(8), 0x44));
    OK(quire_sim_stick(&rig.sim, &vm, RIG_AT(3), UINT32_MAX));
    SAYS(QUIRE_STUCK, quire_vm_unmap(&vm, RIG_VA, 10));
    SOUND();
    cr_assert(is_mapped(3) && !is_mapped(8) && !is_mapped(9));
    SAYS(QUIRE_EXISTS, rig_map(&vm, &other->fobj, RIG_AT(3), RW));
    SAYS(QUIRE_STUCK, rig_fault(&rig, &vm, RIG_AT(2), RIG_READ, NULL));
    SAYS(QUIRE_STUCK, quire_vm_protect(&vm, RIG_VA, 8, RIG_READ));
    OK(quire_sim_stick(&rig.sim, &vm, RIG_AT(3), 0));
    OK(quire_vm_unmap(&vm, RIG_VA, 8));
    cr_assert_eq(vm.num_areas, 0);
    SOUND();
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(3)), 0x33, "what the page held is still there");
}

Test(vm_range, merging_undoes_splitting)
{
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    OK(rig_poke(&rig, &vm, RIG_AT(6), 0x66));
    OK(quire_vm_protect(&vm, RIG_AT(2), 2, RIG_READ | QUIRE_PROT_USER));
    cr_assert_eq(vm.num_areas, 3);
    OK(quire_vm_merge(&vm, RIG_AT(2)));
    cr_assert_eq(vm.num_areas, 3, "other permissions");
    OK(quire_vm_protect(&vm, RIG_AT(2), 2, RW | QUIRE_PROT_USER));
    OK(quire_vm_merge(&vm, RIG_AT(3) + 5u));
    cr_assert_eq(vm.num_areas, 1);
    SOUND();
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(6)), 0x66);
    cr_assert_eq(rig.allocated, 1);
    SAYS(QUIRE_NOT_FOUND, quire_vm_merge(&vm, RIG_AT(9)));
    OK(quire_vm_merge(&vm, RIG_AT(1)));
}

Test(vm_range, what_does_not_continue_is_not_merged)
{
    struct quire_mapping mapping = at(RIG_VA, RIG_READ);

    mapping.npages = 2;
    OK(quire_vm_map(&vm, &mapping, NULL));
    mapping.va = RIG_AT(2);
    mapping.first = 3;
    OK(quire_vm_map(&vm, &mapping, NULL)); /* not the next page */
    mapping.va = RIG_AT(4);
    mapping.first = 5;
    mapping.user = &rig;
    OK(quire_vm_map(&vm, &mapping, NULL)); /* another user pointer */
    OK(quire_vm_merge(&vm, RIG_AT(2)));
    cr_assert_eq(vm.num_areas, 3);
}

Test(vm_range, dropped_entries_come_back_by_minor_faults)
{
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    OK(rig_poke(&rig, &vm, RIG_AT(3), 0x33));
    OK(quire_vm_drop_range(&vm, RIG_VA, 512));
    cr_assert_eq(rig_query(&vm, RIG_AT(3)).entry, 0);
    cr_assert_eq(rig.sim.counts.table_gone, 1);
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(3)), 0x33);
    cr_assert_eq(store->loads_of[3], 1);
    OK(quire_sim_stick(&rig.sim, &vm, RIG_AT(3), 1));
    SAYS(QUIRE_STUCK, quire_vm_drop_range(&vm, RIG_VA, 8));
    cr_assert_eq(rig.sim.counts.table_gone, 1, "not told that the table is free");
    OK(quire_pager_unstick(&rig.pager));
}

/* ---- Copies ---- */

TestSuite(vm_copy, .init = start, .fini = stop);

Test(vm_copy, crosses_pages_and_faults_them_in)
{
    struct quire_vm_copy how;
    unsigned char bytes[2u * ((size_t)1 << QUIRE_PAGE_SHIFT)];
    unsigned char back[sizeof bytes];
    size_t done = 0;
    size_t i;

    memset(&how, 0, sizeof how);
    for (i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 7u);
    }
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    OK(quire_vm_copy_to(&vm, RIG_AT(1) + 100, bytes, sizeof bytes, &how, &done));
    cr_assert_eq(done, sizeof bytes);
    OK(quire_vm_copy_from(&vm, RIG_AT(1) + 100, back, sizeof back, &how, NULL));
    cr_assert_arr_eq(back, bytes, sizeof bytes);
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(3)), bytes[2u * RIG_PAGE - 100u]);
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 8, true));
    cr_assert_eq(rig_store_page(store, 3)[0], bytes[2u * RIG_PAGE - 100u], "a copy makes pages dirty");
    OK(quire_vm_copy_to(&vm, RIG_AT(30), bytes, 0, &how, &done));
    cr_assert_eq(done, 0);
}

Test(vm_copy, stops_where_an_access_would)
{
    struct quire_vm_copy how;
    struct quire_mapping mapping = at(RIG_AT(2), RIG_READ);
    unsigned char bytes[3u * ((size_t)1 << QUIRE_PAGE_SHIFT)] = {0};
    size_t done = 77;

    memset(&how, 0, sizeof how);
    mapping.first = 2;
    mapping.npages = 1;
    OK(quire_vm_map(&vm, &mapping, NULL));
    mapping.va = RIG_VA;
    mapping.first = 0;
    mapping.npages = 2;
    mapping.prot = RW | QUIRE_PROT_USER;
    OK(quire_vm_map(&vm, &mapping, NULL));
    SAYS(QUIRE_DENIED, quire_vm_copy_to(&vm, RIG_VA + 8, bytes, sizeof bytes, &how, &done));
    cr_assert_eq(done, 2u * RIG_PAGE - 8u);
    SAYS(QUIRE_NOT_FOUND, quire_vm_copy_from(&vm, RIG_AT(1), bytes, sizeof bytes, &how, &done));
    cr_assert_eq(done, 2u * RIG_PAGE);
    rig_fail(&store->load_fails, 1, 1, QUIRE_IO);
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 8, true));
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 8));
    SAYS(QUIRE_IO, quire_vm_copy_from(&vm, RIG_VA, bytes, 8, &how, &done));
    cr_assert_eq(done, 0);
    SAYS(QUIRE_INVALID, quire_vm_copy_from(&vm, UINTPTR_MAX - 3u, bytes, 8, &how, &done));
    how.thread = 9;
    SAYS(QUIRE_INVALID, quire_vm_copy_from(&vm, RIG_VA, bytes, 8, &how, &done));
}

Test(vm_copy, asks_whether_the_context_may)
{
    struct quire_vm_copy how;
    struct quire_mapping mapping = at(RIG_VA, RIG_READ);
    unsigned char byte;

    memset(&how, 0, sizeof how);
    mapping.prot = RIG_READ; /* not USER */
    OK(quire_vm_map(&vm, &mapping, NULL));
    SAYS(QUIRE_DENIED, quire_vm_copy_from(&vm, RIG_VA, &byte, 1, &how, NULL));
    how.privileged = true;
    OK(quire_vm_copy_from(&vm, RIG_VA, &byte, 1, &how, NULL));
    cr_assert_eq(byte, rig_born(store->tag, 0, 0));
}
