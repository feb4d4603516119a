/* area.h against brute force: which areas show a page, which area holds an address. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "property.h"
#include "quire/area.h"

#define VMS 3u
#define FOBJS 2u
#define AREAS 40u
#define FOBJ_PAGES 64u
#define VM_PAGES 200u
#define STEPS 300u

static struct quire_vm vm[VMS];
static struct quire_fobj fobj[FOBJS];
static uint32_t slots[FOBJ_PAGES];
static struct quire_area area[AREAS];
static bool linked[AREAS];

static enum quire_status load(struct quire_io *io)
{
    (void)io;
    return QUIRE_OK;
}

static uintptr_t page(uint32_t i)
{
    return (uintptr_t)i << QUIRE_PAGE_SHIFT;
}

static void setup(void)
{
    static const struct quire_fobj_ops ops = {"plain", 0, load, NULL, NULL, NULL};
    unsigned i;

    memset(vm, 0, sizeof vm);
    memset(linked, 0, sizeof linked);
    for (i = 0; i < VMS; i++) {
        quire_tree_init(&vm[i].areas);
        vm[i].last = page(VM_PAGES) - 1u;
    }
    for (i = 0; i < FOBJS; i++) {
        cr_assert_eq(quire_fobj_init(&fobj[i], &ops, FOBJ_PAGES, slots, QUIRE_PROT_RWX, 0), QUIRE_OK);
    }
}

static bool overlaps(const struct quire_area *a, const struct quire_area *b)
{
    return a->vm == b->vm && a->va <= quire_area_last(b) && b->va <= quire_area_last(a);
}

static bool fits(const struct quire_area *new_area)
{
    uint32_t i;

    if (quire_area_last(new_area) > new_area->vm->last || quire_area_last_page(new_area) >= FOBJ_PAGES) {
        return false;
    }
    for (i = 0; i < AREAS; i++) {
        if (linked[i] && &area[i] != new_area && overlaps(&area[i], new_area)) {
            return false;
        }
    }
    return true;
}

static void step(struct property *p)
{
    uint32_t i = property_below(p, AREAS);
    struct quire_area *at = &area[i];

    if (!linked[i]) {
        memset(at, 0, sizeof *at);
        at->vm = &vm[property_below(p, VMS)];
        at->fobj = &fobj[property_below(p, FOBJS)];
        at->va = page(property_below(p, VM_PAGES));
        at->first = property_below(p, FOBJ_PAGES);
        at->npages = 1u + property_below(p, property_below(p, 3u) == 0 ? FOBJ_PAGES : 8u);
        if (fits(at)) {
            quire_area_link(at);
            linked[i] = true;
        }
    } else if (property_below(p, 3u) == 0) {
        uint32_t was = at->npages;

        at->npages = 1u + property_below(p, 16u);
        if (fits(at)) {
            quire_area_resize(at, at->npages);
        } else {
            at->npages = was;
        }
    } else {
        quire_area_unlink(at);
        linked[i] = false;
    }
}

/* Walks the areas of `of` that meet first..last, and checks that each is found once and in order. */
static void compare_range(const struct quire_fobj *of, uint32_t first, uint32_t last)
{
    struct quire_area *at;
    uint32_t expected = 0;
    uint32_t found = 0;
    uint32_t before = 0;
    uint32_t i;

    for (i = 0; i < AREAS; i++) {
        expected += linked[i] && area[i].fobj == of && area[i].first <= last && quire_area_last_page(&area[i]) >= first;
    }
    for (at = quire_fobj_area_overlapping(of, first, last); at != NULL;
         at = quire_fobj_area_overlapping_next(at, first, last)) {
        cr_assert(linked[at - area]);
        cr_assert_eq(at->fobj, of);
        cr_assert(at->first <= last && quire_area_last_page(at) >= first);
        cr_assert_geq(at->first, before);
        before = at->first;
        found++;
        cr_assert_leq(found, expected, "an area was found twice");
    }
    cr_assert_eq(found, expected);
}

static void compare_address(struct quire_vm *in, uintptr_t va)
{
    struct quire_area *holds = NULL;
    struct quire_area *from = NULL;
    uint32_t i;

    for (i = 0; i < AREAS; i++) {
        if (!linked[i] || area[i].vm != in) {
            continue;
        }
        if (area[i].va <= va && va <= quire_area_last(&area[i])) {
            holds = &area[i];
        }
        if (quire_area_last(&area[i]) >= va && (from == NULL || area[i].va < from->va)) {
            from = &area[i];
        }
    }
    cr_assert_eq(quire_vm_area_at(in, va), holds);
    cr_assert_eq(quire_vm_area_from(in, va), from);
}

static void compare(struct property *p)
{
    uint32_t i;

    for (i = 0; i < FOBJS; i++) {
        uint32_t first = property_below(p, FOBJ_PAGES);

        cr_assert_null(quire_fobj_check_areas(&fobj[i]));
        compare_range(&fobj[i], first, first);
        compare_range(&fobj[i], first, first + property_below(p, FOBJ_PAGES));
    }
    for (i = 0; i < VMS; i++) {
        cr_assert_null(quire_vm_check_areas(&vm[i]));
        compare_address(&vm[i], page(property_below(p, VM_PAGES + 2u)) + property_below(p, (uint32_t)QUIRE_PAGE_SIZE));
    }
}

Test(property, area_collections_find_what_brute_force_finds)
{
    struct property p = property_begin("area", 40);
    uint64_t round;
    uint32_t i;

    for (round = 0; round < p.rounds; round++) {
        setup();
        for (i = 0; i < STEPS; i++) {
            step(&p);
            compare(&p);
        }
    }
}
