/* What must hold of accounts: the tests that the planted defects of tests/defects/list_account must fail. */
#include "witness.h"

static struct rig_account mine;
static struct rig_account other;

/* Two accounts; an object of 16 pages of each, at RIG_VA of the first context and of the second. */
static struct rig_store *store[2];

static void begin(uint32_t quota, uint32_t reserved)
{
    OK(rig_account_start(&rig, &mine, quota, reserved));
    OK(rig_account_start(&rig, &other, 0, 0));
    store[0] = rig_account_store(&rig, &mine, 16, RW);
    store[1] = rig_account_store(&rig, &other, 16, RW);
    OK(rig_map(&vm[0], &store[0]->fobj, RIG_VA, RW));
    OK(rig_map(&vm[1], &store[1]->fobj, RIG_VA, RW));
}

static void end(void)
{
    sound();
    OK(quire_vm_unmap(&vm[0], RIG_VA, 16));
    OK(quire_vm_unmap(&vm[1], RIG_VA, 16));
    OK(rig_store_put(store[0]));
    OK(rig_store_put(store[1]));
    OK(quire_account_fini(&mine.account));
    OK(quire_account_fini(&other.account));
}

static uint32_t present(unsigned i)
{
    uint32_t n = 0;
    uint32_t page;

    for (page = 0; page < 16u; page++) {
        n += quire_slot_kind(store[i]->slots[page]) == QUIRE_SLOT_PRESENT;
    }
    return n;
}

WITNESS(dead_object_is_charged_to_nobody, .pages = 16, .step = 2)
{
    begin(0, 0);
    pass(&vm[0], 0, 5);
    EXPECT(mine.account.charged == 6);
    OK(quire_vm_unmap(&vm[0], RIG_VA, 16));
    OK(rig_store_put(store[0]));
    EXPECT(mine.account.charged == 0);
    EXPECT(mine.account.objects == 0);
    sound();
    store[0] = rig_account_store(&rig, &mine, 16, RW);
    OK(rig_map(&vm[0], &store[0]->fobj, RIG_VA, RW));
    end();
}

WITNESS(mapping_an_object_leaves_it_with_its_account, .pages = 16, .step = 2)
{
    begin(0, 0);
    OK(rig_map(&vm[1], &store[0]->fobj, RIG_AT(32), RW));
    pass(&vm[1], 32, 36); /* who touches it does not pay for it */
    EXPECT(mine.account.charged == 5);
    EXPECT(other.account.charged == 0);
    EXPECT(rig.pager.root.charged == 0);
    OK(quire_vm_unmap(&vm[1], RIG_AT(32), 16));
    end();
}

WITNESS(quota_holds_while_pages_are_free, .pages = 32, .step = 2)
{
    begin(4, 0);
    pass(&vm[0], 0, 9);
    EXPECT(mine.account.charged == 4);
    sound();
    end();
}

WITNESS(what_is_reserved_stays, .pages = 16, .step = 2)
{
    begin(0, 11); /* more than an equal share */
    pass(&vm[0], 0, 10);
    pass(&vm[1], 0, 15);
    EXPECT(present(0) == 11);
    end();
}

WITNESS(what_is_reserved_stays_though_others_cannot_give, .pages = 16, .step = 2, .policy = RIG_FIFO)
{
    struct rig_account third;
    struct rig_store *more;
    uint32_t i;

    begin(0, 4);
    pass(&vm[0], 0, 3);
    for (i = 0; i < 12u; i++) {
        write_byte(0, &vm[1], RIG_AT(i), 1);
    }
    OK(rig_account_start(&rig, &third, 0, 0));
    more = rig_account_store(&rig, &third, 4, RW);
    OK(rig_map(&vm[0], &more->fobj, RIG_AT(32), RW));
    rig_fail(&store[1]->save_fails, 1, UINT64_MAX, QUIRE_IO);
    SAYS(QUIRE_NO_PAGE, fault_of(0, &vm[0], RIG_AT(32), RIG_READ));
    EXPECT(present(0) == 4);
    rig_fail(&store[1]->save_fails, 0, 0, QUIRE_OK);
    OK(quire_vm_unmap(&vm[0], RIG_AT(32), 4));
    OK(rig_store_put(more));
    OK(quire_account_fini(&third.account));
    end();
}

WITNESS(pins_keep_to_the_quota, .pages = 16, .step = 4)
{
    struct quire_pin pin;

    begin(6, 0);
    SAYS(QUIRE_NO_PAGE, quire_pin_fobj(&rig.pager, &store[0]->fobj, 0, 3, false, true, &pin));
    OK(quire_pin_fobj(&rig.pager, &store[0]->fobj, 0, 2, false, true, &pin));
    OK(quire_unpin(&pin));
    end();
}

WITNESS(pins_leave_what_is_reserved, .pages = 16, .step = 4)
{
    struct quire_pin pin;

    begin(0, 6);
    SAYS(QUIRE_NO_PAGE, quire_pin_fobj(&rig.pager, &store[1]->fobj, 0, 6, false, true, &pin));
    OK(quire_pin_fobj(&rig.pager, &store[1]->fobj, 0, 5, false, true, &pin));
    pass(&vm[0], 0, 5);
    OK(quire_unpin(&pin));
    end();
}

WITNESS(store_that_fails_gets_no_more_than_the_quota, .pages = 16, .step = 2)
{
    uint32_t i;

    begin(4, 0);
    pass(&vm[1], 0, 3);
    for (i = 0; i < 4u; i++) {
        write_byte(0, &vm[0], RIG_AT(i), 1);
    }
    rig_fail(&store[0]->save_fails, 1, UINT64_MAX, QUIRE_IO);
    SAYS(QUIRE_NO_PAGE, fault_of(0, &vm[0], RIG_AT(8), RIG_READ));
    EXPECT(mine.account.charged == 4);
    rig_fail(&store[0]->save_fails, 0, 0, QUIRE_OK);
    end();
}

WITNESS(page_beyond_the_quota_is_taken_with_nothing_left_to_flush, .pages = 16, .step = 4, .policy = RIG_CLOCK)
{
    begin(2, 0);
    pass(&vm[0], 0, 7);
    EXPECT(mine.account.stats.over_quota > 0);
    end();
}

WITNESS(equals_do_not_take_from_one_another_in_turns, .pages = 17, .step = 2)
{
    uint32_t i;

    begin(0, 0);
    for (i = 0; i < 100u; i++) {
        pass(&vm[0], i % 16u, i % 16u);
        pass(&vm[1], i % 16u, i % 16u);
    }
    EXPECT(mine.account.stats.lost + other.account.stats.lost <= 8u);
    end();
}

WITNESS(lowered_quota_is_reached_by_a_few_pages_a_fault, .pages = 32, .step = 2)
{
    begin(0, 0);
    pass(&vm[0], 0, 14);
    OK(quire_account_set_limits(&mine.account, 3, 0));
    pass(&vm[0], 15, 15);
    EXPECT(mine.account.charged < 15u);
    EXPECT(mine.account.charged >= 15u - 8u);
    pass(&vm[0], 0, 7);
    EXPECT(mine.account.charged == 3);
    end();
}
