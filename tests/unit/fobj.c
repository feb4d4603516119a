/* fobj.h: what an object may be made of, its references and its end, and the slots. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "quire/fobj.h"

#define PAGES 4u

static unsigned freed;
static unsigned told;
static struct quire_fobj *last_told;

static enum quire_status load(struct quire_io *io)
{
    (void)io;
    return QUIRE_OK;
}

static enum quire_status save(struct quire_io *io)
{
    (void)io;
    return QUIRE_OK;
}

static void phys(struct quire_fobj *fobj, uint32_t pgidx, struct quire_pa *pa, uint32_t *npages)
{
    *pa = quire_pa_make((uint64_t)pgidx << QUIRE_PAGE_SHIFT);
    *npages = fobj->num_pages - pgidx;
}

static void count_free(struct quire_fobj *fobj)
{
    cr_assert_eq(quire_refcount_read(&fobj->refs), 0);
    freed++;
}

static enum quire_status count_last_put(struct quire_fobj *fobj)
{
    last_told = fobj;
    told++;
    return QUIRE_OK;
}

static const struct quire_fobj_ops paged = {"paged", 0, load, save, NULL, count_free};
static const struct quire_fobj_ops unsaved = {"unsaved", 0, load, NULL, NULL, NULL};
static const struct quire_fobj_ops unpaged = {"unpaged", 0, NULL, NULL, phys, NULL};

static uint32_t slots[PAGES];

static void make(struct quire_fobj *fobj, const struct quire_fobj_ops *ops)
{
    freed = 0;
    told = 0;
    last_told = NULL;
    cr_assert_eq(quire_fobj_init(fobj, ops, PAGES, ops->phys == NULL ? slots : NULL, QUIRE_PROT_READ | QUIRE_PROT_WRITE, 1),
                 QUIRE_OK);
}

Test(fobj, fobj_begins_with_one_reference_and_nothing_else)
{
    struct quire_fobj fobj;

    memset(&fobj, 0xa5, sizeof fobj);
    make(&fobj, &paged);
    cr_expect_eq(fobj.ops, &paged);
    cr_expect_eq(quire_refcount_read(&fobj.refs), 1);
    cr_expect_eq(fobj.num_pages, PAGES);
    cr_expect_eq(fobj.slots, slots);
    cr_expect_eq(fobj.max_prot, QUIRE_PROT_READ | QUIRE_PROT_WRITE);
    cr_expect_eq(fobj.rank, 1);
    cr_expect_eq(fobj.flags, 0);
    cr_expect_not(fobj.dead);
    cr_expect_null(fobj.pager);
    cr_expect_null(fobj.last_put);
    cr_expect_null(fobj.areas.root);
    cr_expect(quire_list_empty(&fobj.link));
    cr_expect_eq(fobj.resident + fobj.busy + fobj.waiters + fobj.flushing, 0);
}

Test(fobj, fobj_is_unpaged_exactly_when_it_has_physical_addresses)
{
    struct quire_fobj fobj;

    make(&fobj, &paged);
    cr_expect_not(quire_fobj_is_unpaged(&fobj));
    make(&fobj, &unsaved);
    cr_expect_not(quire_fobj_is_unpaged(&fobj));
    make(&fobj, &unpaged);
    cr_expect(quire_fobj_is_unpaged(&fobj));
    cr_expect_null(fobj.slots);
}

Test(fobj, fobj_init_accepts_the_limits)
{
    struct quire_fobj fobj;

    cr_expect_eq(quire_fobj_init(&fobj, &paged, 1, slots, 0, 0), QUIRE_OK);
    cr_expect_eq(quire_fobj_init(&fobj, &paged, PAGES, slots, QUIRE_PROT_RWX, QUIRE_FOBJ_RANK_MAX), QUIRE_OK);
    cr_expect_eq(fobj.max_prot, QUIRE_PROT_RWX);
    cr_expect_eq(fobj.rank, QUIRE_FOBJ_RANK_MAX);
    cr_expect_eq(quire_fobj_init(&fobj, &unpaged, QUIRE_FOBJ_PAGES_MAX, NULL, QUIRE_PROT_READ, 0), QUIRE_OK);
    cr_expect_eq(fobj.num_pages, QUIRE_FOBJ_PAGES_MAX);
}

/* Tries one wrong initialisation on a struct of known bytes, and looks at the bytes. */
static enum quire_status refused(const struct quire_fobj_ops *ops, uint32_t num_pages, uint32_t *table, unsigned max_prot,
                                 unsigned rank)
{
    struct quire_fobj fobj;
    struct quire_fobj before;
    enum quire_status status;

    memset(&fobj, 0x5a, sizeof fobj);
    memset(&before, 0x5a, sizeof before);
    status = quire_fobj_init(&fobj, ops, num_pages, table, max_prot, rank);
    cr_expect_eq(memcmp(&fobj, &before, sizeof fobj), 0, "a refused init changed the object");
    return status;
}

Test(fobj, fobj_init_refuses_operations_that_do_not_fit_together)
{
    static const struct quire_fobj_ops nothing = {"nothing", 0, NULL, NULL, NULL, NULL};
    static const struct quire_fobj_ops save_only = {"save only", 0, NULL, save, NULL, NULL};
    static const struct quire_fobj_ops load_and_phys = {"load and phys", 0, load, NULL, phys, NULL};
    static const struct quire_fobj_ops save_and_phys = {"save and phys", 0, NULL, save, phys, NULL};

    cr_expect_eq(refused(NULL, PAGES, slots, QUIRE_PROT_READ, 0), QUIRE_INVALID);
    cr_expect_eq(refused(&nothing, PAGES, slots, QUIRE_PROT_READ, 0), QUIRE_INVALID);
    cr_expect_eq(refused(&save_only, PAGES, slots, QUIRE_PROT_READ, 0), QUIRE_INVALID);
    cr_expect_eq(refused(&load_and_phys, PAGES, NULL, QUIRE_PROT_READ, 0), QUIRE_INVALID);
    cr_expect_eq(refused(&save_and_phys, PAGES, NULL, QUIRE_PROT_READ, 0), QUIRE_INVALID);
}

Test(fobj, fobj_init_refuses_a_slot_table_missing_or_without_use)
{
    cr_expect_eq(refused(&paged, PAGES, NULL, QUIRE_PROT_READ, 0), QUIRE_INVALID);
    cr_expect_eq(refused(&unpaged, PAGES, slots, QUIRE_PROT_READ, 0), QUIRE_INVALID);
}

Test(fobj, fobj_init_refuses_numbers_out_of_range)
{
    cr_expect_eq(quire_fobj_init(NULL, &paged, PAGES, slots, QUIRE_PROT_READ, 0), QUIRE_INVALID);
    cr_expect_eq(refused(&paged, 0, slots, QUIRE_PROT_READ, 0), QUIRE_INVALID);
    cr_expect_eq(refused(&unpaged, QUIRE_FOBJ_PAGES_MAX + 1u, NULL, QUIRE_PROT_READ, 0), QUIRE_INVALID);
    cr_expect_eq(refused(&paged, PAGES, slots, QUIRE_PROT_READ | QUIRE_PROT_USER, 0), QUIRE_INVALID);
    cr_expect_eq(refused(&paged, PAGES, slots, 0x100u | QUIRE_PROT_READ, 0), QUIRE_INVALID);
    cr_expect_eq(refused(&paged, PAGES, slots, QUIRE_PROT_READ, QUIRE_FOBJ_RANK_MAX + 1u), QUIRE_INVALID);
}

Test(fobj, fobj_is_freed_once_by_the_last_put)
{
    struct quire_fobj fobj;

    make(&fobj, &paged);
    cr_assert_eq(quire_fobj_get(&fobj), QUIRE_OK);
    cr_assert_eq(quire_fobj_get(&fobj), QUIRE_OK);
    cr_expect_eq(quire_refcount_read(&fobj.refs), 3);
    cr_expect_eq(quire_fobj_put(&fobj), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&fobj), QUIRE_OK);
    cr_expect_eq(freed, 0);
    cr_expect_eq(quire_fobj_put(&fobj), QUIRE_OK);
    cr_expect_eq(freed, 1);
}

Test(fobj, fobj_put_at_zero_is_an_underflow_and_frees_nothing_again)
{
    struct quire_fobj fobj;

    make(&fobj, &paged);
    cr_assert_eq(quire_fobj_put(&fobj), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&fobj), QUIRE_UNDERFLOW);
    cr_expect_eq(quire_fobj_put(&fobj), QUIRE_UNDERFLOW);
    cr_expect_eq(freed, 1);
    cr_expect_eq(quire_refcount_read(&fobj.refs), 0);
}

Test(fobj, fobj_get_does_not_revive_a_dead_object)
{
    struct quire_fobj fobj;

    make(&fobj, &paged);
    cr_assert_eq(quire_fobj_put(&fobj), QUIRE_OK);
    cr_expect_eq(quire_fobj_get(&fobj), QUIRE_DEAD);
    cr_expect_eq(quire_refcount_read(&fobj.refs), 0);
}

Test(fobj, fobj_get_stops_at_the_limit_instead_of_wrapping)
{
    struct quire_fobj fobj;

    make(&fobj, &paged);
    quire_refcount_init(&fobj.refs, QUIRE_REFCOUNT_MAX - 1u);
    cr_expect_eq(quire_fobj_get(&fobj), QUIRE_OK);
    cr_expect_eq(quire_fobj_get(&fobj), QUIRE_LIMIT);
    cr_expect_eq(quire_refcount_read(&fobj.refs), QUIRE_REFCOUNT_MAX);
    cr_expect_eq(quire_fobj_put(&fobj), QUIRE_OK);
    cr_expect_eq(quire_refcount_read(&fobj.refs), QUIRE_REFCOUNT_MAX - 1u);
    cr_expect_eq(freed, 0);
}

Test(fobj, fobj_last_put_runs_instead_of_free)
{
    struct quire_fobj fobj;

    make(&fobj, &paged);
    fobj.last_put = count_last_put;
    cr_assert_eq(quire_fobj_get(&fobj), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&fobj), QUIRE_OK);
    cr_expect_eq(told, 0);
    cr_expect_eq(quire_fobj_put(&fobj), QUIRE_OK);
    cr_expect_eq(told, 1);
    cr_expect_eq(last_told, &fobj);
    cr_expect_eq(freed, 0);
    cr_expect_eq(quire_fobj_put(&fobj), QUIRE_UNDERFLOW);
    cr_expect_eq(told, 1);
}

Test(fobj, fobj_without_a_free_operation_may_die)
{
    struct quire_fobj fobj;

    make(&fobj, &unsaved);
    cr_expect_eq(quire_fobj_put(&fobj), QUIRE_OK);
    cr_expect_eq(quire_fobj_get(&fobj), QUIRE_DEAD);
}

Test(fobj, fobj_slot_keeps_kind_and_value_apart)
{
    static const uint32_t values[] = {0, 1, 4711, QUIRE_SLOT_VALUE_MASK - 1u, QUIRE_SLOT_VALUE_MASK};
    unsigned kind;
    size_t i;

    for (kind = QUIRE_SLOT_EMPTY; kind <= QUIRE_SLOT_CLAIMED; kind++) {
        for (i = 0; i < sizeof values / sizeof values[0]; i++) {
            uint32_t slot = quire_slot_make(kind, values[i]);

            cr_expect_eq(quire_slot_kind(slot), kind);
            cr_expect_eq(quire_slot_value(slot), values[i]);
            cr_expect_eq(slot & QUIRE_SLOT_OWN, 0);
            cr_expect_eq(quire_slot_kind(slot | QUIRE_SLOT_OWN), kind);
            cr_expect_eq(quire_slot_value(slot | QUIRE_SLOT_OWN), values[i]);
        }
    }
}

Test(fobj, fobj_slot_counts_evictions_modulo_its_width)
{
    cr_expect_eq(quire_slot_value(quire_slot_make(QUIRE_SLOT_STORED, QUIRE_SLOT_VALUE_MASK + 1u)), 0);
    cr_expect_eq(quire_slot_value(quire_slot_make(QUIRE_SLOT_STORED, UINT32_MAX)), QUIRE_SLOT_VALUE_MASK);
    cr_expect_eq(quire_slot_kind(quire_slot_make(QUIRE_SLOT_EMPTY, UINT32_MAX)), QUIRE_SLOT_EMPTY);
}

Test(fobj, fobj_slot_of_zeros_was_never_touched)
{
    cr_expect_eq(quire_slot_kind(0), QUIRE_SLOT_EMPTY);
    cr_expect_eq(quire_slot_value(0), 0);
}

Test(fobj, fobj_slot_table_takes_four_bytes_a_page)
{
    cr_expect_eq(QUIRE_FOBJ_SLOT_BYTES(1), 4);
    cr_expect_eq(QUIRE_FOBJ_SLOT_BYTES(PAGES), sizeof slots);
    cr_expect_eq(QUIRE_FOBJ_SLOT_BYTES(0x40000000u), (size_t)0x40000000u * 4u, "computed in 32 bits");
}
