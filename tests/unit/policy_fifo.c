/* policy_fifo.h: the page that came first goes first. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "quire/pmem.h"
#include "quire/policy_fifo.h"

#define PAGES 6u

static struct quire_pmem storage[PAGES];
static struct quire_pmem_pool pool;
static bool fixed[PAGES];
static unsigned aged;
static struct quire_policy_fifo fifo;
static struct quire_policy *policy;

static unsigned state(void *ctx, uint32_t number)
{
    (void)ctx;
    return fixed[number] ? QUIRE_PAGE_FIXED : 0u;
}

static unsigned age(void *ctx, uint32_t number)
{
    aged++;
    return state(ctx, number) | QUIRE_PAGE_USED;
}

static void setup(void)
{
    uint32_t i;

    quire_pmem_pool_init(&pool);
    cr_assert_eq(quire_pmem_pool_add(&pool, quire_pa_make(0), PAGES, storage), QUIRE_OK);
    memset(fixed, 0, sizeof fixed);
    policy = quire_policy_fifo_init(&fifo);
    policy->host.pages = &pool.pages;
    policy->host.state = state;
    policy->host.age = age;
    aged = 0;
    for (i = 0; i < PAGES - 1u; i++) {
        policy->ops->insert(policy, i, QUIRE_DISTANCE_UNKNOWN);
    }
}

TestSuite(policy_fifo, .init = setup);

/* What it proposes is evicted. */
static uint32_t evict(void)
{
    uint32_t number = policy->ops->victim(policy);

    if (number != QUIRE_PAGE_NONE) {
        policy->ops->remove(policy, number);
    }
    return number;
}

Test(policy_fifo, pages_go_in_the_order_they_came)
{
    uint32_t i;

    for (i = 0; i < PAGES - 1u; i++) {
        cr_assert_eq(evict(), i);
        cr_assert(policy->ops->check(policy, PAGES - 2u - i));
    }
    cr_assert_eq(evict(), QUIRE_PAGE_NONE);
}

Test(policy_fifo, asking_for_a_victim_changes_nothing)
{
    cr_assert_eq(policy->ops->victim(policy), 0);
    cr_assert_eq(policy->ops->victim(policy), 0);
    cr_assert(policy->ops->check(policy, PAGES - 1u));
}

Test(policy_fifo, fixed_page_keeps_its_turn)
{
    fixed[0] = true;
    fixed[1] = true;
    cr_assert_eq(evict(), 2);
    fixed[0] = false;
    cr_assert_eq(evict(), 0);
    cr_assert_eq(evict(), 3);
    fixed[1] = false;
    cr_assert_eq(evict(), 1);
}

Test(policy_fifo, nothing_goes_when_all_are_fixed)
{
    memset(fixed, 1, sizeof fixed);
    cr_assert_eq(policy->ops->victim(policy), QUIRE_PAGE_NONE);
    cr_assert(policy->ops->check(policy, PAGES - 1u));
}

Test(policy_fifo, page_that_comes_again_is_the_last)
{
    cr_assert_eq(evict(), 0);
    policy->ops->insert(policy, 0, 1);
    policy->ops->remove(policy, 3);
    cr_assert_eq(evict(), 1);
    cr_assert_eq(evict(), 2);
    cr_assert_eq(evict(), 4);
    cr_assert_eq(evict(), 0);
}

Test(policy_fifo, it_never_asks_whether_a_page_was_used)
{
    while (evict() != QUIRE_PAGE_NONE) {
    }
    cr_assert_eq(aged, 0);
}

Test(policy_fifo, check_knows_how_many_pages_it_has)
{
    cr_assert(policy->ops->check(policy, PAGES - 1u));
    cr_assert_not(policy->ops->check(policy, PAGES));
    storage[2].policy.next = 2;
    cr_assert_not(policy->ops->check(policy, PAGES - 1u));
}

Test(policy_fifo, it_has_a_name)
{
    cr_assert_str_eq(policy->ops->name, "fifo");
}
