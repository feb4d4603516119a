/* refcount.h: counts that neither resurrect nor wrap. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "quire/refcount.h"

static struct quire_refcount ref;
static bool last;

Test(refcount, gets_and_puts_balance)
{
    quire_refcount_init(&ref, 1);
    cr_assert_eq(quire_refcount_get(&ref), QUIRE_OK);
    cr_assert_eq(quire_refcount_read(&ref), 2);
    cr_assert_eq(quire_refcount_put(&ref, &last), QUIRE_OK);
    cr_assert_not(last);
    cr_assert_eq(quire_refcount_read(&ref), 1);
}

Test(refcount, only_the_last_put_says_so)
{
    quire_refcount_init(&ref, 3);
    cr_assert_eq(quire_refcount_put(&ref, &last), QUIRE_OK);
    cr_assert_not(last);
    cr_assert_eq(quire_refcount_put(&ref, &last), QUIRE_OK);
    cr_assert_not(last);
    cr_assert_eq(quire_refcount_put(&ref, &last), QUIRE_OK);
    cr_assert(last);
}

Test(refcount, count_that_reached_zero_stays_zero)
{
    quire_refcount_init(&ref, 1);
    cr_assert_eq(quire_refcount_put(&ref, &last), QUIRE_OK);
    cr_assert_eq(quire_refcount_get(&ref), QUIRE_DEAD);
    cr_assert_eq(quire_refcount_read(&ref), 0);
}

Test(refcount, put_at_zero_is_an_underflow_and_never_the_last)
{
    quire_refcount_init(&ref, 0);
    last = true;
    cr_assert_eq(quire_refcount_put(&ref, &last), QUIRE_UNDERFLOW);
    cr_assert_not(last);
    cr_assert_eq(quire_refcount_read(&ref), 0);
}

Test(refcount, count_at_its_maximum_refuses_to_grow)
{
    quire_refcount_init(&ref, QUIRE_REFCOUNT_MAX - 1u);
    cr_assert_eq(quire_refcount_get(&ref), QUIRE_OK);
    cr_assert_eq(quire_refcount_get(&ref), QUIRE_LIMIT);
    cr_assert_eq(quire_refcount_read(&ref), QUIRE_REFCOUNT_MAX);
    cr_assert_eq(quire_refcount_put(&ref, &last), QUIRE_OK);
    cr_assert_not(last);
    cr_assert_eq(quire_refcount_get(&ref), QUIRE_OK);
}

Test(refcount, put_not_last_leaves_the_last_one)
{
    quire_refcount_init(&ref, 2);
    cr_assert(quire_refcount_put_not_last(&ref));
    cr_assert_not(quire_refcount_put_not_last(&ref));
    cr_assert_eq(quire_refcount_read(&ref), 1);
    quire_refcount_init(&ref, 0);
    cr_assert_not(quire_refcount_put_not_last(&ref));
    cr_assert_eq(quire_refcount_read(&ref), 0);
}
