/* policy_2q.h: two queues of two halves; growing old forgets a page's use, being used when old makes it hot. */
#include "policy_host.h"

#include "quire/policy_2q.h"

#define OLD 1u
#define HOT 2u

static struct policy_host host;
static struct quire_policy_2q twoq;

static void empty(void)
{
    host_start(&host, quire_policy_2q_init(&twoq), false);
}

TestSuite(policy_2q, .init = empty);

static unsigned half_of(uint32_t number)
{
    return host.storage[number].policy.queue & 3u;
}

Test(policy_2q, unused_pages_go_in_the_order_they_came)
{
    uint32_t i;

    host_fill(&host, 8);
    for (i = 0; i < 8u; i++) {
        cr_assert_eq(host_evict(&host), i);
        cr_assert(host_check(&host));
    }
    cr_assert_eq(host_evict(&host), QUIRE_PAGE_NONE);
}

Test(policy_2q, first_use_is_forgotten_when_a_page_grows_old)
{
    host_fill(&host, 8);
    cr_assert_eq(host_evict(&host), 0);
    cr_assert_eq(half_of(1), OLD);
    cr_assert_not(host.used[1]);
    cr_assert_eq(half_of(7), 0u);
    cr_assert(host.used[7], "the young are not asked");
    cr_assert_eq(host.aged[7], 0u);
}

Test(policy_2q, old_half_has_half_of_the_queue)
{
    host_fill(&host, 20);
    (void)host_victim(&host);
    cr_assert_eq(twoq.half[0].count, 10);
    cr_assert_eq(twoq.half[OLD].count, 10);
    twoq.old = 64;
    cr_assert_eq(host_evict(&host), 0);
    cr_assert_eq(host_evict(&host), 1);
    cr_assert_eq(twoq.half[0].count, 10, "none grows old while a quarter of the queue is");
}

Test(policy_2q, page_used_when_it_is_old_is_hot_and_young)
{
    host_fill(&host, 8);
    (void)host_victim(&host);
    host.used[0] = true;
    cr_assert_eq(host_evict(&host), 1);
    cr_assert_eq(half_of(0), HOT);
}

Test(policy_2q, hot_pages_are_looked_at_when_few_others_are_left)
{
    uint32_t i;

    host_fill(&host, 20);
    (void)host_victim(&host);
    for (i = 0; i < 10u; i++) {
        host.used[i] = true;
    }
    for (i = 10; i < 19u; i++) {
        memset(&host.used[10], 0, 10u * sizeof host.used[0]);
        cr_assert_eq(host_evict(&host), i);
    }
    cr_assert_eq(twoq.half[0].count + twoq.half[OLD].count, 1);
    cr_assert_eq(host_evict(&host), 0);
    host.used[1] = true;
    cr_assert_eq(host_evict(&host), 2);
    cr_assert_eq(half_of(1), HOT, "young again");
}

Test(policy_2q, what_comes_back_soon_is_hot)
{
    host_fill(&host, 19);
    host_insert(&host, 30, 4); /* a quarter of twenty is 5 */
    cr_assert_eq(half_of(30), HOT);
    host_insert(&host, 31, 5);
    cr_assert_eq(half_of(31), 0u);
    host_insert(&host, 32, QUIRE_DISTANCE_UNKNOWN);
    cr_assert_eq(half_of(32), 0u);
    cr_assert(host_check(&host));
}

Test(policy_2q, dirty_page_is_spared_once)
{
    host_fill(&host, 6);
    host.dirty[0] = true;
    host.written[1] = true; /* only the hardware knows */
    cr_assert_eq(host_evict(&host), 2);
    cr_assert_eq(half_of(0), 0u);
    cr_assert_eq(half_of(1), 0u);
    cr_assert_eq(host_evict(&host), 3);
    cr_assert_eq(host_evict(&host), 4);
    cr_assert_eq(host_evict(&host), 5);
    cr_assert_eq(host_evict(&host), 0);
    cr_assert_leq(host.asked, 2u, "it is not spared again");
    cr_assert_eq(host_evict(&host), 1);
}

Test(policy_2q, dirty_page_is_not_spared_if_so_told)
{
    host_fill(&host, 6);
    twoq.spare = 0;
    host.dirty[0] = true;
    cr_assert_eq(host_evict(&host), 0);
}

Test(policy_2q, hot_dirty_page_is_spared_in_the_hot_queue)
{
    twoq.ghost = 256; /* whoever comes back is hot */
    host_insert(&host, 1, 0);
    host_insert(&host, 2, 0);
    cr_assert_eq(twoq.half[HOT].count, 2);
    memset(host.used, 0, sizeof host.used);
    host.dirty[1] = true;
    cr_assert_eq(host_evict(&host), 2);
    cr_assert_eq(half_of(1), HOT);
    cr_assert_eq(host_evict(&host), 1);
}

Test(policy_2q, pages_are_found_among_fixed_ones)
{
    uint32_t i;

    host_fill(&host, 40);
    for (i = 0; i < 12u; i++) {
        (void)host_victim(&host);
        host.used[i] = true;
    }
    (void)host_evict(&host);
    for (i = 0; i < 12u; i++) {
        host_insert(&host, 50u + i, 0);
    }
    twoq.share = 256; /* hot pages go first, and so grow old */
    (void)host_evict(&host);
    for (i = 0; i < 4u; i++) {
        cr_assert_neq(twoq.half[i].count, 0, "half %u", i);
    }
    host_one_may_go(&host);
}

Test(policy_2q, fixed_page_does_not_grow_old)
{
    host_fill(&host, 8);
    host.fixed[0] = true;
    cr_assert_eq(host_evict(&host), 1);
    cr_assert_eq(half_of(0), 0u);
    cr_assert(host.used[0]);
}

/* What it had passed over first and comes to again, it has only asked twice: as if it had found nothing. */
Test(policy_2q, search_that_came_round_was_in_vain)
{
    host_fill(&host, 8); /* and all are used */
    cr_assert_eq(host_evict(&host), 0);
    cr_assert_eq(twoq.in_vain, 1);
    memset(host.used, 0, sizeof host.used);
    (void)host_evict(&host);
    cr_assert_eq(twoq.in_vain, 0);
}

Test(policy_2q, eviction_asks_a_bounded_number_of_questions)
{
    host_all_in_use(&host);
}

Test(policy_2q, anything_may_happen_in_any_order)
{
    uint64_t seed;

    for (seed = 1; seed <= 20u; seed++) {
        empty();
        host_random_play(&host, seed, 3000);
    }
}

Test(policy_2q, check_sees_each_broken_link)
{
    uint32_t i;

    host_fill(&host, 12);
    (void)host_victim(&host);
    for (i = 0; i < 4u; i++) {
        host.used[i] = true;
    }
    (void)host_victim(&host);
    host_break_each(&host, 1u);
    host_break_each(&host, 2u);
}

Test(policy_2q, it_has_a_name)
{
    cr_assert_str_eq(host.policy->ops->name, "2q");
}
