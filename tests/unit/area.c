/* area.h: both collections of areas, and a check that sees each way in which they can disagree. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "quire/area.h"

#define AREAS 4u
#define FOBJ_PAGES 100u

static struct quire_vm vm[2];
static struct quire_fobj fobj[2];
static struct quire_area area[AREAS];
static uint32_t slots[FOBJ_PAGES];

static enum quire_status load(struct quire_io *io)
{
    (void)io;
    return QUIRE_OK;
}

static uintptr_t page(uint32_t i)
{
    return (uintptr_t)i << QUIRE_PAGE_SHIFT;
}

static void set(struct quire_area *at, struct quire_vm *in, uint32_t va_page, struct quire_fobj *of, uint32_t first,
                uint32_t npages)
{
    memset(at, 0, sizeof *at);
    at->vm = in;
    at->va = page(va_page);
    at->fobj = of;
    at->first = first;
    at->npages = npages;
    at->prot = QUIRE_PROT_READ;
}

static void empty(void)
{
    static const struct quire_fobj_ops ops = {"plain", 0, load, NULL, NULL, NULL};
    unsigned i;

    memset(vm, 0, sizeof vm);
    for (i = 0; i < 2u; i++) {
        vm[i].last = UINTPTR_MAX;
        quire_tree_init(&vm[i].areas);
        cr_assert_eq(quire_fobj_init(&fobj[i], &ops, FOBJ_PAGES, slots, QUIRE_PROT_RWX, 0), QUIRE_OK);
    }
}

/* vm 0:  [10..19]: fobj 0, pages 0..9    [20..24]: fobj 0, pages 5..9    [40..49]: fobj 1, pages 90..99
 * vm 1:  [10..12]: fobj 0, pages 8..10 */
static void fill(void)
{
    unsigned i;

    empty();
    set(&area[0], &vm[0], 10, &fobj[0], 0, 10);
    set(&area[1], &vm[0], 20, &fobj[0], 5, 5);
    set(&area[2], &vm[0], 40, &fobj[1], 90, 10);
    set(&area[3], &vm[1], 10, &fobj[0], 8, 3);
    for (i = AREAS; i > 0; i--) {
        quire_area_link(&area[i - 1u]);
    }
}

static void expect_whole(void)
{
    unsigned i;

    for (i = 0; i < 2u; i++) {
        cr_assert_null(quire_vm_check_areas(&vm[i]));
        cr_assert_null(quire_fobj_check_areas(&fobj[i]));
    }
}

static void expect_wrong(const char *wrong, const char *what)
{
    cr_assert_not_null(wrong, "nothing wrong was seen; expected: %s", what);
    cr_assert_str_eq(wrong, what);
}

TestSuite(area, .init = fill);

Test(area, arithmetic_holds_at_the_top_of_the_address_space)
{
    struct quire_area top;

    set(&top, &vm[0], 0, &fobj[0], 10, 3);
    top.va = UINTPTR_MAX - (3u * QUIRE_PAGE_SIZE - 1u);
    cr_assert_eq(quire_area_last(&top), UINTPTR_MAX);
    cr_assert_eq(quire_area_last_page(&top), 12);
    cr_assert_eq(quire_area_va(&top, 12), UINTPTR_MAX - (QUIRE_PAGE_SIZE - 1u));
    cr_assert_eq(quire_area_page(&top, UINTPTR_MAX), 12);
    quire_area_link(&top);
    cr_assert_eq(quire_vm_area_at(&vm[0], UINTPTR_MAX), &top);
    cr_assert_eq(quire_vm_area_from(&vm[0], UINTPTR_MAX), &top);
    cr_assert_null(quire_vm_check_areas(&vm[0]));
}

Test(area, area_shows_its_pages_and_no_others)
{
    cr_assert_not(quire_area_shows(&area[1], 4));
    cr_assert(quire_area_shows(&area[1], 5));
    cr_assert(quire_area_shows(&area[1], 9));
    cr_assert_not(quire_area_shows(&area[1], 10));
    cr_assert_not(quire_area_shows(&area[1], UINT32_MAX));
}

Test(area, linked_areas_are_whole_and_counted)
{
    expect_whole();
    cr_assert_eq(vm[0].num_areas, 3);
    cr_assert_eq(vm[1].num_areas, 1);
}

Test(area, address_finds_its_area_to_the_byte)
{
    cr_assert_null(quire_vm_area_at(&vm[0], page(10) - 1u));
    cr_assert_eq(quire_vm_area_at(&vm[0], page(10)), &area[0]);
    cr_assert_eq(quire_vm_area_at(&vm[0], page(20) - 1u), &area[0]);
    cr_assert_eq(quire_vm_area_at(&vm[0], page(20)), &area[1]);
    cr_assert_eq(quire_vm_area_at(&vm[0], page(25) - 1u), &area[1]);
    cr_assert_null(quire_vm_area_at(&vm[0], page(25)));
    cr_assert_null(quire_vm_area_at(&vm[0], page(40) - 1u));
    cr_assert_eq(quire_vm_area_at(&vm[0], page(50) - 1u), &area[2]);
    cr_assert_null(quire_vm_area_at(&vm[0], page(50)));
    cr_assert_null(quire_vm_area_at(&vm[0], UINTPTR_MAX));
    cr_assert_eq(quire_vm_area_at(&vm[1], page(12)), &area[3]);
}

Test(area, area_that_went_is_not_found_any_more)
{
    cr_assert_eq(quire_vm_area_at(&vm[0], page(41)), &area[2]);
    quire_area_unlink(&area[2]);
    cr_assert_null(quire_vm_area_at(&vm[0], page(41)));
    expect_whole();
}

Test(area, area_from_finds_the_first_that_ends_there_or_later)
{
    cr_assert_eq(quire_vm_area_from(&vm[0], 0), &area[0]);
    cr_assert_eq(quire_vm_area_from(&vm[0], page(20) - 1u), &area[0]);
    cr_assert_eq(quire_vm_area_from(&vm[0], page(20)), &area[1]);
    cr_assert_eq(quire_vm_area_from(&vm[0], page(25)), &area[2]);
    cr_assert_eq(quire_vm_area_from(&vm[0], page(50) - 1u), &area[2]);
    cr_assert_null(quire_vm_area_from(&vm[0], page(50)));
}

Test(area, neighbours_are_those_by_address)
{
    cr_assert_eq(quire_vm_area_next(&area[0]), &area[1]);
    cr_assert_eq(quire_vm_area_next(&area[1]), &area[2]);
    cr_assert_null(quire_vm_area_next(&area[2]));
    cr_assert_eq(quire_vm_area_before(&area[2]), &area[1]);
    cr_assert_null(quire_vm_area_before(&area[0]));
    cr_assert_null(quire_vm_area_before(&area[3]));
}

Test(area, page_finds_every_area_that_shows_it_in_order)
{
    cr_assert_eq(quire_fobj_area_showing(&fobj[0], 4), &area[0]);
    cr_assert_null(quire_fobj_area_showing_next(&area[0], 4));
    cr_assert_eq(quire_fobj_area_showing(&fobj[0], 9), &area[0]);
    cr_assert_eq(quire_fobj_area_showing_next(&area[0], 9), &area[1]);
    cr_assert_eq(quire_fobj_area_showing_next(&area[1], 9), &area[3]);
    cr_assert_null(quire_fobj_area_showing_next(&area[3], 9));
    cr_assert_eq(quire_fobj_area_showing(&fobj[0], 10), &area[3]);
    cr_assert_null(quire_fobj_area_showing(&fobj[0], 11));
    cr_assert_null(quire_fobj_area_showing(&fobj[1], 89));
    cr_assert_eq(quire_fobj_area_showing(&fobj[1], 99), &area[2]);
}

Test(area, range_of_pages_finds_every_area_that_meets_it)
{
    cr_assert_eq(quire_fobj_area_overlapping(&fobj[0], 0, UINT32_MAX), &area[0]);
    cr_assert_eq(quire_fobj_area_overlapping_next(&area[0], 0, UINT32_MAX), &area[1]);
    cr_assert_eq(quire_fobj_area_overlapping_next(&area[1], 0, UINT32_MAX), &area[3]);
    cr_assert_eq(quire_fobj_area_overlapping(&fobj[0], 10, 50), &area[3]);
    cr_assert_null(quire_fobj_area_overlapping(&fobj[0], 11, 50));
}

Test(area, object_knows_whether_any_area_shows_it)
{
    cr_assert_not_null(quire_fobj_any_area(&fobj[1]));
    quire_area_unlink(&area[2]);
    cr_assert_null(quire_fobj_any_area(&fobj[1]));
}

Test(area, resized_area_is_found_where_it_now_is)
{
    quire_area_resize(&area[1], 20);
    expect_whole();
    cr_assert_eq(quire_fobj_area_showing(&fobj[0], 24), &area[1]);
    cr_assert_eq(quire_vm_area_at(&vm[0], page(39)), &area[1]);
    quire_area_resize(&area[1], 1);
    expect_whole();
    cr_assert_null(quire_fobj_area_showing(&fobj[0], 24));
    cr_assert_null(quire_vm_area_at(&vm[0], page(21)));
}

Test(area, unlinked_area_is_in_neither_collection)
{
    quire_area_unlink(&area[0]);
    cr_assert_null(quire_vm_area_at(&vm[0], page(10)));
    cr_assert_null(quire_fobj_area_showing(&fobj[0], 0));
    cr_assert_eq(vm[0].num_areas, 2);
    expect_whole();
    quire_area_link(&area[0]);
    expect_whole();
}

Test(area, every_change_of_the_areas_is_counted)
{
    uint32_t changes = vm[0].changes;

    quire_area_unlink(&area[2]);
    cr_assert_eq(vm[0].changes, changes + 1u);
    quire_area_link(&area[2]);
    cr_assert_eq(vm[0].changes, changes + 2u);
    quire_area_resize(&area[2], 3);
    cr_assert_eq(vm[0].changes, changes + 3u);
    cr_assert_eq(quire_vm_area_at(&vm[0], page(41)), &area[2]);
    cr_assert_eq(vm[0].changes, changes + 3u);
}

Test(area, areas_of_the_same_pages_all_stay_findable)
{
    struct quire_area same[8];
    struct quire_area *at;
    unsigned found = 0;
    unsigned i;

    for (i = 0; i < 8u; i++) {
        set(&same[i], &vm[1], 100 + i, &fobj[1], 50, 1);
        quire_area_link(&same[i]);
    }
    expect_whole();
    for (at = quire_fobj_area_showing(&fobj[1], 50); at != NULL; at = quire_fobj_area_showing_next(at, 50)) {
        found++;
    }
    cr_assert_eq(found, 8u);
}

/* ---- What check must see ---- */

Test(area, check_sees_areas_that_overlap)
{
    area[0].npages = 11;
    expect_wrong(quire_vm_check_areas(&vm[0]), "4: areas of a vm overlap");
}

Test(area, check_sees_an_area_outside_its_vm)
{
    vm[1].first = page(11);
    expect_wrong(quire_vm_check_areas(&vm[1]), "4: an area lies outside its vm");
    vm[1].first = 0;
    vm[1].last = page(13) - 2u;
    expect_wrong(quire_vm_check_areas(&vm[1]), "4: an area lies outside its vm");
    vm[1].last = UINTPTR_MAX;
    area[3].va = UINTPTR_MAX - QUIRE_PAGE_SIZE + 1u;
    expect_wrong(quire_vm_check_areas(&vm[1]), "4: an area lies outside its vm");
    area[3].va = page(10);
    area[3].vm = &vm[0];
    expect_wrong(quire_vm_check_areas(&vm[1]), "4: an area lies outside its vm");
}

Test(area, check_sees_an_area_that_its_object_does_not_know)
{
    quire_tree_remove(&fobj[1].areas, &area[2].fobj_node, NULL);
    expect_wrong(quire_vm_check_areas(&vm[0]), "4: an area is in one of its collections only");
}

Test(area, check_sees_an_area_that_another_object_knows)
{
    area[2].fobj = &fobj[0];
    expect_wrong(quire_vm_check_areas(&vm[0]), "4: an area is in one of its collections only");
    expect_wrong(quire_fobj_check_areas(&fobj[1]), "4: an area shows pages its fobj does not have");
}

Test(area, check_sees_an_area_that_its_vm_does_not_know)
{
    quire_tree_remove(&vm[1].areas, &area[3].vm_node, NULL);
    cr_assert_not_null(quire_fobj_check_areas(&fobj[0]));
    area[3].vm_node.height = 1; /* it believes it is linked */
    expect_wrong(quire_fobj_check_areas(&fobj[0]), "4: an area is in one of its collections only");
}

Test(area, check_sees_pages_the_object_does_not_have)
{
    area[2].npages = 11;
    expect_wrong(quire_vm_check_areas(&vm[0]), "4: an area shows pages its fobj does not have");
    expect_wrong(quire_fobj_check_areas(&fobj[1]), "4: an area shows pages its fobj does not have");
    area[2].npages = 0;
    expect_wrong(quire_vm_check_areas(&vm[0]), "4: an area shows pages its fobj does not have");
}

Test(area, check_sees_a_wrong_count)
{
    vm[0].num_areas++;
    expect_wrong(quire_vm_check_areas(&vm[0]), "4: a vm counts its areas wrongly");
}

Test(area, check_sees_a_broken_tree)
{
    area[1].vm_node.height++;
    expect_wrong(quire_vm_check_areas(&vm[0]), "4: the area tree of a vm is broken");
    area[1].fobj_node.height++;
    expect_wrong(quire_fobj_check_areas(&fobj[0]), "4: the area tree of an fobj is broken");
}

Test(area, check_sees_a_stale_summary_and_does_not_mend_it)
{
    area[1].max_last++;
    expect_wrong(quire_fobj_check_areas(&fobj[0]), "4: the area tree of an fobj is out of order");
    expect_wrong(quire_fobj_check_areas(&fobj[0]), "4: the area tree of an fobj is out of order");
}

Test(area, check_sees_areas_of_an_object_out_of_order)
{
    area[0].first = 20;
    area[0].npages = 1;
    cr_assert_not_null(quire_fobj_check_areas(&fobj[0]));
}

Test(area, check_sees_an_area_of_a_dead_object)
{
    bool last;

    cr_assert_eq(quire_refcount_put(&fobj[1].refs, &last), QUIRE_OK);
    expect_wrong(quire_fobj_check_areas(&fobj[1]), "4: an fobj with an area is dead");
}
