/* account.h: the heap of accounts, and the choice of the one that gives a page. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "quire/account.h"
#include "random.h"

#define ACCOUNTS 24u

static struct quire_accounts set;
static struct quire_account account[ACCOUNTS];

static void setup(void)
{
    memset(account, 0xa5, sizeof account); /* its content must not matter */
    quire_accounts_init(&set);
}

TestSuite(account, .init = setup);

static void join(unsigned i, uint32_t quota, uint32_t reserved)
{
    quire_account_join(&set, &account[i], NULL, quota, reserved);
    cr_assert(quire_accounts_check(&set));
}

static void charge(unsigned i, uint32_t n)
{
    while (n-- > 0) {
        quire_account_expect(&account[i]);
        quire_account_charge(&account[i]);
    }
    cr_assert(quire_accounts_check(&set));
}

static void uncharge(unsigned i, uint32_t n)
{
    while (n-- > 0) {
        quire_account_uncharge(&account[i]);
    }
    cr_assert(quire_accounts_check(&set));
}

static unsigned giver(unsigned i)
{
    struct quire_account *found = quire_account_giver(&account[i]);

    cr_assert(quire_accounts_check(&set));
    cr_assert_eq(quire_account_giver(&account[i]), found, "asked twice, it answers twice the same");
    return (unsigned)(found - account);
}

Test(account, only_account_serves_itself_whatever_it_has)
{
    join(0, QUIRE_QUOTA_NONE, 0);
    cr_expect_eq(giver(0), 0);
    charge(0, 9);
    cr_expect_eq(giver(0), 0);
    cr_expect_eq(account[0].own, 9);
    uncharge(0, 4);
    cr_expect_eq(giver(0), 0);
    cr_expect_eq(account[0].own, 5);
}

Test(account, one_that_evicts_its_own_pages_stays_where_it_is_plain)
{
    unsigned i;

    join(0, QUIRE_QUOTA_NONE, 0);
    join(1, QUIRE_QUOTA_NONE, 0);
    charge(0, 9);
    charge(1, 3);
    cr_expect_eq(giver(0), 0);
    for (i = 0; i < 5; i++) {
        cr_expect_eq(account[0].charged, account[0].own);
        quire_account_uncharge(&account[0]);
        quire_account_charge(&account[0]); /* nothing is expected: it had as many */
    }
    cr_expect(quire_accounts_check(&set));
}

Test(account, richest_gives_until_the_others_have_as_much)
{
    unsigned taken = 0;

    join(0, QUIRE_QUOTA_NONE, 0);
    join(1, QUIRE_QUOTA_NONE, 0);
    charge(0, 10);
    while (giver(1) == 0) {
        uncharge(0, 1);
        charge(1, 1);
        taken++;
    }
    cr_expect_eq(taken, 5);
    cr_expect_eq(giver(0), 0, "equals do not take from one another");
    cr_expect_eq(giver(1), 1);
}

Test(account, equals_but_for_one_page_leave_one_another_alone)
{
    join(0, QUIRE_QUOTA_NONE, 0);
    join(1, QUIRE_QUOTA_NONE, 0);
    charge(0, 6);
    charge(1, 5);
    cr_expect_eq(giver(0), 0);
    cr_expect_eq(giver(1), 1);
    charge(0, 1);
    cr_expect_eq(giver(1), 0);
}

Test(account, reservation_is_nothing_that_others_are_given)
{
    join(0, QUIRE_QUOTA_NONE, 8);
    join(1, QUIRE_QUOTA_NONE, 0);
    charge(0, 8);
    charge(1, 1);
    cr_expect_eq(giver(1), 1, "all that the other has is reserved");
    charge(0, 3);
    cr_expect_eq(giver(1), 0, "three pages beyond the reservation against one");
    uncharge(0, 1);
    cr_expect_eq(giver(1), 1);
    cr_expect_eq(giver(0), 0, "of its own reservation it may give to itself");
}

Test(account, one_short_of_its_reservation_is_given_the_last_page_beyond_another_s)
{
    join(0, QUIRE_QUOTA_NONE, 4);
    join(1, QUIRE_QUOTA_NONE, 2);
    charge(0, 3);
    charge(1, 3);
    cr_expect_eq(giver(0), 1);
    uncharge(1, 1);
    cr_expect_eq(giver(0), 0);
}

Test(account, search_goes_from_the_richest_down_and_to_itself_last)
{
    join(0, QUIRE_QUOTA_NONE, 0);
    join(1, QUIRE_QUOTA_NONE, 0);
    join(2, QUIRE_QUOTA_NONE, 0);
    join(3, QUIRE_QUOTA_NONE, 5);
    charge(0, 1);
    charge(1, 4);
    charge(2, 7);
    charge(3, 5);
    cr_expect_eq(quire_account_next_giver(&account[0], 1), &account[2]);
    account[2].passed = 1;
    cr_expect_eq(quire_account_next_giver(&account[0], 1), &account[1]);
    account[1].passed = 1;
    cr_expect_eq(quire_account_next_giver(&account[0], 1), &account[0], "of 3 all is reserved");
    account[0].passed = 1;
    cr_expect_null(quire_account_next_giver(&account[0], 1));
    cr_expect_eq(quire_account_next_giver(&account[0], 2), &account[2], "a later search asks all again");
}

Test(account, limits_that_change_move_an_account)
{
    join(0, QUIRE_QUOTA_NONE, 0);
    join(1, QUIRE_QUOTA_NONE, 0);
    join(2, QUIRE_QUOTA_NONE, 0);
    charge(0, 9);
    charge(1, 6);
    cr_expect_eq(giver(2), 0);
    quire_account_limit(&account[0], QUIRE_QUOTA_NONE, 5);
    cr_expect(quire_accounts_check(&set));
    cr_expect_eq(giver(2), 1);
    quire_account_limit(&account[0], 12, 0);
    cr_expect(quire_accounts_check(&set));
    cr_expect_eq(giver(2), 0);
    quire_account_limit(&account[0], 4, 0);
    cr_expect(quire_accounts_check(&set));
    cr_expect_eq(account[0].tolerated, 9, "it keeps what it has");
    cr_expect_eq(account[0].own, UINT32_MAX, "beyond its quota nothing is plain");
}

Test(account, promised_is_what_is_reserved_or_fixed)
{
    join(0, QUIRE_QUOTA_NONE, 2);
    join(1, QUIRE_QUOTA_NONE, 0);
    charge(0, 4);
    cr_expect_eq(set.promised, 2);
    quire_account_fix(&account[0], true);
    quire_account_fix(&account[0], true);
    cr_expect_eq(set.promised, 2, "what is fixed is of what is reserved first");
    quire_account_fix(&account[0], true);
    cr_expect_eq(set.promised, 3);
    charge(1, 1);
    quire_account_fix(&account[1], true);
    cr_expect_eq(set.promised, 4);
    quire_account_limit(&account[0], QUIRE_QUOTA_NONE, 5);
    cr_expect_eq(set.promised, 6);
    quire_account_limit(&account[0], QUIRE_QUOTA_NONE, 0);
    cr_expect_eq(set.promised, 4);
    quire_account_fix(&account[0], false);
    quire_account_fix(&account[1], false);
    cr_expect_eq(set.promised, 2);
}

Test(account, shadow_skips_zero_and_distance_wraps)
{
    uint32_t shadow;

    join(0, QUIRE_QUOTA_NONE, 0);
    cr_expect_eq(quire_account_distance(&account[0], 0), QUIRE_DISTANCE_UNKNOWN);
    account[0].evictions = QUIRE_SLOT_VALUE_MASK - 1u;
    shadow = quire_account_shadow(&account[0]);
    cr_expect_eq(shadow, QUIRE_SLOT_VALUE_MASK);
    cr_expect_eq(quire_account_shadow(&account[0]), 1u);
    cr_expect_eq(quire_account_distance(&account[0], shadow), 2u);
}

/* The same by looking at all of them. */
static unsigned giver_by_looking(unsigned i, bool *tie)
{
    unsigned best = 0;
    unsigned k;

    *tie = false;
    for (k = 1; k < ACCOUNTS; k++) {
        if (account[k].set == NULL) {
            continue;
        }
        if (account[best].set == NULL || quire_account_surplus(&account[k]) > quire_account_surplus(&account[best])) {
            best = k;
        }
    }
    for (k = 0; k < ACCOUNTS; k++) {
        *tie = *tie || (k != best && account[k].set != NULL &&
                        quire_account_surplus(&account[k]) == quire_account_surplus(&account[best]));
    }
    return quire_account_surplus(&account[best]) > 0 &&
                   quire_account_surplus(&account[best]) > quire_account_surplus(&account[i]) + 1
               ? best
               : i;
}

Test(account, heap_finds_whom_looking_at_all_of_them_finds)
{
    uint64_t random = 42;
    unsigned step;
    unsigned i;

    for (i = 0; i < ACCOUNTS; i++) {
        join(i, QUIRE_QUOTA_NONE, i % 5u);
    }
    for (step = 0; step < 60000u; step++) {
        unsigned expected;
        unsigned found;
        bool tie;

        (void)random_next(&random);
        i = (unsigned)(random >> 40) % ACCOUNTS;
        switch ((random >> 33) % 8u) {
        case 0:
        case 1:
        case 2:
            charge(i, account[i].set != NULL ? 1u + (uint32_t)(random >> 60) : 0);
            break;
        case 3:
        case 4:
        case 5:
            uncharge(i, account[i].set != NULL ? account[i].charged / 2u : 0);
            break;
        case 6:
            if (account[i].set != NULL) {
                quire_account_limit(&account[i], QUIRE_QUOTA_NONE, (uint32_t)(random >> 58));
            }
            break;
        default:
            if (account[i].set == NULL) {
                join(i, QUIRE_QUOTA_NONE, 0);
            } else if (set.count > 1u) {
                uncharge(i, account[i].charged);
                quire_account_leave(&account[i]);
            }
            break;
        }
        cr_assert(quire_accounts_check(&set), "step %u", step);
        if (account[i].set == NULL) {
            continue;
        }
        found = giver(i);
        expected = giver_by_looking(i, &tie);
        cr_assert(found == expected ||
                      (tie && quire_account_surplus(&account[found]) == quire_account_surplus(&account[expected])),
                  "step %u: %u, not %u", step, found, expected);
    }
}

Test(account, check_sees_a_heap_that_is_none)
{
    unsigned i;

    for (i = 0; i < 6; i++) {
        join(i, QUIRE_QUOTA_NONE, 0);
        charge(i, i);
    }
#define PLANT(lvalue, value)                    \
    do {                                        \
        unsigned char kept[sizeof(lvalue)];     \
        memcpy(kept, &(lvalue), sizeof kept);   \
        (lvalue) = (value);                     \
        cr_expect(!quire_accounts_check(&set)); \
        memcpy(&(lvalue), kept, sizeof kept);   \
        cr_assert(quire_accounts_check(&set));  \
    } while (0)
    PLANT(set.top, NULL);
    PLANT(set.count, 5);
    PLANT(set.count, 7);
    PLANT(set.top->before, &account[0]);
    PLANT(set.top->next, &account[0]);
    PLANT(set.top->child->before, NULL);
    PLANT(set.top->child->ceiling, 1000);
    PLANT(account[3].charged, account[3].ceiling + 1u);
    PLANT(account[3].set, NULL);
    PLANT(set.top->own, UINT32_MAX);
    PLANT(set.top->child->own, 1);
    PLANT(set.top->child, NULL);
}
