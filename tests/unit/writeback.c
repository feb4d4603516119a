/* writeback.h: saving, forgetting, letting go; and the end of an object. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "rig.h"

#define OK(call) cr_assert_eq((call), QUIRE_OK)
#define SAYS(status, call) cr_assert_eq((call), (status))
#define SOUND() cr_assert_null(rig_wrong(&rig), "%s", rig_wrong(&rig))
#define RW (RIG_READ | RIG_WRITE)

static struct rig rig;
static struct quire_vm vm;
static struct rig_store *store;

static void start(void)
{
    rig_start(&rig, NULL);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 8, RW);
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
}

static void stop(void)
{
    SOUND();
    rig_stop(&rig);
}

/* ---- Write back ---- */

TestSuite(write_back, .init = start, .fini = stop);

Test(write_back, saves_what_is_dirty_in_the_range_and_keeps_it)
{
    OK(rig_poke(&rig, &vm, RIG_AT(0), 1));
    OK(rig_poke(&rig, &vm, RIG_AT(2), 2));
    OK(rig_poke(&rig, &vm, RIG_AT(4), 3));
    (void)rig_byte(&rig, &vm, RIG_AT(3));
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 1, 3, true));
    cr_assert_eq(rig.saves, 1);
    cr_assert_eq(rig_store_page(store, 2)[0], 2);
    cr_assert(rig_query(&vm, RIG_AT(2)).resident);
    cr_assert_not(rig_query(&vm, RIG_AT(2)).dirty);
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 8, true));
    cr_assert_eq(rig.saves, 3);
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 8, true));
    cr_assert_eq(rig.saves, 3, "nothing is left to save");
    OK(rig_poke(&rig, &vm, RIG_AT(2), 9));
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 8, true));
    cr_assert_eq(rig_store_page(store, 2)[0], 9, "a later write is not lost");
}

Test(write_back, says_the_first_failure_and_tries_the_others)
{
    OK(rig_poke(&rig, &vm, RIG_AT(0), 1));
    OK(rig_poke(&rig, &vm, RIG_AT(1), 2));
    OK(rig_poke(&rig, &vm, RIG_AT(2), 3));
    rig_fail(&store->save_fails, 2, 1, QUIRE_INTEGRITY);
    SAYS(QUIRE_INTEGRITY, quire_pager_write_back(&rig.pager, &store->fobj, 0, 8, true));
    cr_assert_eq(rig.saves, 3);
    cr_assert_not(rig_query(&vm, RIG_AT(0)).dirty);
    cr_assert(rig_query(&vm, RIG_AT(1)).dirty);
    cr_assert_not(rig_query(&vm, RIG_AT(2)).dirty);
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 8, true));
    cr_assert_eq(rig_store_page(store, 1)[0], 2);
}

Test(write_back, refuses_what_is_out_of_range_or_unknown)
{
    struct rig_store *never_mapped = rig_store_new(&rig, 2, RW);

    SAYS(QUIRE_INVALID, quire_pager_write_back(&rig.pager, &store->fobj, 0, 0, true));
    SAYS(QUIRE_INVALID, quire_pager_write_back(&rig.pager, &store->fobj, 8, 1, true));
    SAYS(QUIRE_INVALID, quire_pager_write_back(&rig.pager, &store->fobj, 7, 2, true));
    SAYS(QUIRE_INVALID, quire_pager_write_back(&rig.pager, &store->fobj, 1, UINT32_MAX, true));
    SAYS(QUIRE_INVALID, quire_pager_write_back(&rig.pager, &never_mapped->fobj, 0, 1, true));
}

Test(write_back, a_pinned_page_is_saved_and_stays_dirty)
{
    struct quire_pin pin;

    OK(quire_pin_fobj(&rig.pager, &store->fobj, 0, 1, true, true, &pin));
    OK(rig_poke(&rig, &vm, RIG_VA, 5));
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 1, true));
    cr_assert_eq(rig_store_page(store, 0)[0], 5);
    cr_assert(rig_query(&vm, RIG_VA).dirty);
    OK(quire_unpin(&pin));
}

Test(write_back, an_entry_that_sticks_is_reported_and_nothing_is_lost)
{
    OK(rig_poke(&rig, &vm, RIG_VA, 5));
    OK(rig_poke(&rig, &vm, RIG_AT(1), 6));
    OK(quire_sim_stick(&rig.sim, &vm, RIG_VA, 1));
    SAYS(QUIRE_STUCK, quire_pager_write_back(&rig.pager, &store->fobj, 0, 8, true));
    cr_assert_eq(rig_store_page(store, 1)[0], 6);
    OK(quire_pager_unstick(&rig.pager));
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 8, true));
    cr_assert_eq(rig_store_page(store, 0)[0], 5);
}

/* ---- Invalidate ---- */

TestSuite(invalidate, .init = start, .fini = stop);

Test(invalidate, the_next_use_loads_again)
{
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(1)), rig_born(store->tag, 1, 0));
    rig_store_page(store, 1)[0] ^= 0xffu;
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 8));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(1)), rig_born(store->tag, 1, 0) ^ 0xff);
    cr_assert_eq(store->loads_of[1], 2);
}

Test(invalidate, does_not_forget_what_is_nowhere_else)
{
    (void)rig_byte(&rig, &vm, RIG_AT(1));
    OK(rig_poke(&rig, &vm, RIG_AT(2), 0x11));
    SAYS(QUIRE_DIRTY, quire_pager_invalidate(&rig.pager, &store->fobj, 0, 8));
    cr_assert(rig_query(&vm, RIG_AT(1)).resident, "none was forgotten");
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(2)), 0x11);
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 2));
    cr_assert_not(rig_query(&vm, RIG_AT(1)).resident);
}

Test(invalidate, does_not_forget_what_is_pinned)
{
    struct quire_pin pin;

    (void)rig_byte(&rig, &vm, RIG_AT(1));
    OK(quire_pin_fobj(&rig.pager, &store->fobj, 3, 1, false, true, &pin));
    SAYS(QUIRE_BUSY, quire_pager_invalidate(&rig.pager, &store->fobj, 0, 8));
    cr_assert(rig_query(&vm, RIG_AT(1)).resident);
    OK(quire_unpin(&pin));
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 8));
}

Test(invalidate, refuses_what_is_out_of_range_or_unknown)
{
    struct rig_store *never_mapped = rig_store_new(&rig, 2, RW);

    SAYS(QUIRE_INVALID, quire_pager_invalidate(&rig.pager, &store->fobj, 0, 0));
    SAYS(QUIRE_INVALID, quire_pager_invalidate(&rig.pager, &store->fobj, 8, 1));
    SAYS(QUIRE_INVALID, quire_pager_invalidate(&rig.pager, &store->fobj, 4, 5));
    SAYS(QUIRE_INVALID, quire_pager_invalidate(&rig.pager, &never_mapped->fobj, 0, 1));
}

Test(invalidate, an_entry_that_sticks_is_reported)
{
    (void)rig_byte(&rig, &vm, RIG_AT(1));
    OK(quire_sim_stick(&rig.sim, &vm, RIG_AT(1), 1));
    SAYS(QUIRE_STUCK, quire_pager_invalidate(&rig.pager, &store->fobj, 0, 8));
    SOUND();
    OK(quire_pager_unstick(&rig.pager));
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 8));
}

/* ---- The end of an object ---- */

TestSuite(last_put, .init = start, .fini = stop);

Test(last_put, frees_once_and_wipes)
{
    unsigned char secret[16] = "a secret of mine";
    struct rig_store *mine = rig_store_new(&rig, 2, RW);

    OK(rig_map(&vm, &mine->fobj, RIG_AT(20), RW));
    OK(rig_write(&rig, &vm, RIG_AT(20) + 100, secret, sizeof secret));
    cr_assert_eq(rig_find(&rig, secret, sizeof secret), 1);
    OK(rig_store_put(mine));
    cr_assert_eq(mine->freed, 0, "the area has a reference");
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(20) + 100), 'a');
    OK(quire_vm_unmap(&vm, RIG_AT(20), 2));
    cr_assert_eq(mine->freed, 1);
    cr_assert_eq(rig_find(&rig, secret, sizeof secret), 0);
    cr_assert_eq(mine->saves_of[0], 0, "a dead object starts no save");
    SAYS(QUIRE_UNDERFLOW, quire_fobj_put(&mine->fobj));
    SAYS(QUIRE_DEAD, quire_fobj_get(&mine->fobj));
    cr_assert_eq(mine->freed, 1);
}

Test(last_put, a_dead_object_cannot_be_mapped)
{
    struct rig_store *mine = rig_store_new(&rig, 2, RW);

    OK(rig_store_put(mine));
    cr_assert_eq(mine->freed, 1);
    SAYS(QUIRE_DEAD, rig_map(&vm, &mine->fobj, RIG_AT(20), RW));
}

Test(last_put, a_pin_keeps_an_object_alive)
{
    struct rig_store *mine = rig_store_new(&rig, 2, RW);
    struct quire_pin pin;

    OK(rig_map(&vm, &mine->fobj, RIG_AT(20), RW));
    OK(quire_pin_fobj(&rig.pager, &mine->fobj, 0, 1, true, true, &pin));
    OK(rig_store_put(mine));
    OK(quire_vm_unmap(&vm, RIG_AT(20), 2));
    cr_assert_eq(mine->freed, 0);
    SOUND();
    OK(quire_unpin(&pin));
    cr_assert_eq(mine->freed, 1);
}
