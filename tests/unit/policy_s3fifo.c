/* policy_s3fifo.h: three queues, one of them made of slots; the first use of a page proves nothing, a dirty one is spared once. */
#include "policy_host.h"

#include "quire/policy_s3fifo.h"

static struct policy_host host;
static struct quire_policy_s3fifo s3fifo;

static void empty(void)
{
    host_start(&host, quire_policy_s3fifo_init(&s3fifo), false);
}

TestSuite(policy_s3fifo, .init = empty);

/* Pages 0..n-1, none of them used since, and no mark left to clear. */
static void fill(uint32_t n)
{
    host_fill(&host, n);
    memset(host.used, 0, sizeof host.used);
    s3fifo.newest = QUIRE_PAGE_NONE;
}

static bool on_main(uint32_t number)
{
    return host_on_ring(&host, &s3fifo.main, number);
}

Test(policy_s3fifo, unused_pages_go_in_the_order_they_came)
{
    uint32_t i;

    fill(6);
    for (i = 0; i < 6u; i++) {
        cr_assert_eq(host_evict(&host), i);
        cr_assert(host_check(&host));
    }
    cr_assert_eq(host_evict(&host), QUIRE_PAGE_NONE);
}

Test(policy_s3fifo, page_used_in_small_moves_to_main)
{
    fill(8);
    host.used[0] = true;
    cr_assert_eq(host_evict(&host), 1);
    cr_assert(on_main(0));
    cr_assert_eq(s3fifo.main.count, 1);
}

Test(policy_s3fifo, small_gives_while_it_has_more_than_its_share)
{
    uint32_t i;

    fill(20);
    for (i = 0; i < 10u; i++) {
        host.used[i] = true;
    }
    cr_assert_eq(host_evict(&host), 10);
    for (i = 11; i < 19u; i++) {
        cr_assert_eq(host_evict(&host), i);
    }
    cr_assert_eq(s3fifo.small.count, 1); /* a tenth of eleven */
    cr_assert_eq(host_evict(&host), 0);
    cr_assert_eq(s3fifo.small.count, 1);
}

Test(policy_s3fifo, main_counts_uses_and_takes_one_off_each_time_round)
{
    fill(3);
    s3fifo.share = 0;
    host.used[0] = true;
    host.used[1] = true;
    host.used[2] = true;
    cr_assert_eq(host_evict(&host), 0);
    host.used[1] = true;
    cr_assert_eq(host_evict(&host), 2);
    host.used[1] = true;
    memset(host.aged, 0, sizeof host.aged);
    cr_assert_eq(host_evict(&host), 1);
    cr_assert_eq(host.aged[1], 4u); /* used: 2; unused twice: 0; unused: it goes */
}

Test(policy_s3fifo, uses_are_counted_to_a_limit)
{
    uint32_t i;

    fill(1);
    s3fifo.uses = 2;
    s3fifo.share = 0;
    for (i = 0; i < 8u; i++) {
        host.used[0] = true;
        cr_assert_eq(host_victim(&host), 0);
    }
    memset(host.aged, 0, sizeof host.aged);
    host.used[0] = true;
    cr_assert_eq(host_evict(&host), 0);
    cr_assert_leq(host.aged[0], 4u);
}

Test(policy_s3fifo, what_comes_back_in_time_goes_to_main)
{
    fill(10);
    host_insert(&host, 20, 4); /* there are eleven with it */
    cr_assert(on_main(20));
    host_insert(&host, 21, 6);
    cr_assert_not(on_main(21));
    host_insert(&host, 22, QUIRE_DISTANCE_UNKNOWN);
    cr_assert_not(on_main(22));
    s3fifo.ghost = 0;
    host_insert(&host, 23, 0);
    cr_assert_not(on_main(23));
    cr_assert(host_check(&host));
}

Test(policy_s3fifo, first_use_of_the_newest_page_proves_nothing)
{
    fill(4);
    host_insert(&host, 9, QUIRE_DISTANCE_UNKNOWN);
    cr_assert_eq(host_evict(&host), 0);
    cr_assert_eq(host.cleared[9], 1u);
    cr_assert_not(host.used[9]);
    cr_assert_eq(host_evict(&host), 1);
    cr_assert_eq(host.cleared[9], 1u);
}

Test(policy_s3fifo, newest_page_that_is_held_is_cleared_later_and_one_that_went_is_not)
{
    fill(4);
    host_insert(&host, 9, QUIRE_DISTANCE_UNKNOWN);
    host.fixed[9] = true;
    cr_assert_eq(host_evict(&host), 0);
    cr_assert(host.used[9]);
    host.fixed[9] = false;
    cr_assert_eq(host_evict(&host), 1);
    cr_assert_not(host.used[9]);
    host_insert(&host, 10, QUIRE_DISTANCE_UNKNOWN);
    host_remove(&host, 10);
    cr_assert_eq(host_evict(&host), 2); /* a question about a page it has not would fail */
    cr_assert_eq(host.cleared[10], 0u);
}

Test(policy_s3fifo, dirty_page_is_spared_once)
{
    fill(4);
    host.dirty[0] = true;
    host.written[1] = true; /* only the hardware knows */
    cr_assert_eq(host_evict(&host), 2);
    cr_assert_eq(host_evict(&host), 3);
    cr_assert_eq(host_evict(&host), 0);
    cr_assert_leq(host.asked, 2u, "it is not spared again");
    cr_assert_eq(host_evict(&host), 1);
}

Test(policy_s3fifo, dirty_page_of_main_is_spared_once_too)
{
    fill(3);
    s3fifo.share = 0;
    memset(host.used, 1, sizeof host.used);
    host.dirty[0] = true;
    cr_assert_eq(host_evict(&host), 1);
    cr_assert_eq(host_evict(&host), 2);
    cr_assert_eq(host_evict(&host), 0);
}

Test(policy_s3fifo, dirty_page_is_not_spared_if_so_told)
{
    fill(4);
    s3fifo.spare = 0;
    host.dirty[0] = true;
    cr_assert_eq(host_evict(&host), 0);
}

Test(policy_s3fifo, pages_are_found_among_fixed_ones)
{
    uint32_t i;

    fill(40);
    for (i = 0; i < 40u; i += 2u) {
        host.used[i] = true;
    }
    (void)host_evict(&host);
    (void)host_evict(&host);
    cr_assert_neq(s3fifo.main.count, 0);
    cr_assert_neq(s3fifo.small.count, 0);
    host_one_may_go(&host);
}

/* What it had passed over first and comes to again, it has only asked twice: as if it had found nothing. */
Test(policy_s3fifo, search_that_came_round_was_in_vain)
{
    host_fill(&host, 8);  /* and all are used */
    host.fixed[7] = true; /* the newest, whose use would be forgotten */
    cr_assert_eq(host_evict(&host), 0);
    cr_assert_eq(s3fifo.in_vain, 1);
    memset(host.used, 0, sizeof host.used);
    (void)host_evict(&host);
    cr_assert_eq(s3fifo.in_vain, 0);
}

Test(policy_s3fifo, eviction_asks_a_bounded_number_of_questions)
{
    host_all_in_use(&host);
}

Test(policy_s3fifo, anything_may_happen_in_any_order)
{
    uint64_t seed;

    for (seed = 1; seed <= 20u; seed++) {
        empty();
        host_random_play(&host, seed, 3000);
    }
}

Test(policy_s3fifo, check_sees_each_broken_link)
{
    uint32_t i;

    fill(12);
    for (i = 0; i < 5u; i++) {
        host.used[i] = true;
    }
    (void)host_evict(&host);
    cr_assert_eq(s3fifo.main.count, 5);
    host_break_each(&host, 1u);
}

Test(policy_s3fifo, it_has_a_name)
{
    cr_assert_str_eq(host.policy->ops->name, "s3fifo");
}
