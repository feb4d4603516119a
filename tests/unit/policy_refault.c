/* policy_refault.h: who is on probation, who is kept, what refaults teach; and no eviction asks too much. */
#include "policy_host.h"

#include "quire/policy_refault.h"

static struct policy_host host;
static struct quire_policy_refault refault;

static void empty(void)
{
    host_start(&host, quire_policy_refault_init(&refault), false);
}

TestSuite(policy_refault, .init = empty);

static bool on_main(uint32_t number)
{
    return host_on_ring(&host, &refault.main, number);
}

/* Pages 0..n-1 whose first use was forgotten, as after a turn of the hand of probation. */
static void fill_seen(uint32_t n)
{
    uint32_t i;

    host_fill(&host, n);
    memset(host.used, 0, sizeof host.used);
    for (i = 0; i < n; i++) {
        host.storage[i].policy.queue = 2u;
    }
}

Test(policy_refault, unused_pages_go_in_the_order_they_came)
{
    uint32_t i;

    fill_seen(6);
    for (i = 0; i < 6u; i++) {
        cr_assert_eq(host_evict(&host), i);
        cr_assert(host_check(&host));
    }
    cr_assert_eq(host_evict(&host), QUIRE_PAGE_NONE);
}

Test(policy_refault, first_use_is_not_believed)
{
    uint32_t i;

    host_fill(&host, 6);
    for (i = 0; i < 6u; i++) {
        cr_assert_eq(host_evict(&host), i); /* each was found used once, by the first of these */
        cr_assert_eq(refault.main.count, 0);
    }
}

Test(policy_refault, page_used_again_on_probation_moves_to_main)
{
    fill_seen(6);
    host.used[0] = true;
    host.used[1] = true;
    cr_assert_eq(host_evict(&host), 2);
    cr_assert(on_main(0) && on_main(1));
    cr_assert_eq(refault.main.count, 2);
    cr_assert(host_check(&host));
}

Test(policy_refault, main_is_left_alone_while_probation_has_more_than_its_share)
{
    uint32_t i;

    fill_seen(20);
    host.used[0] = true;
    refault.share = 32768u;
    cr_assert_eq(host_evict(&host), 1);
    memset(host.aged, 0, sizeof host.aged);
    for (i = 2; i < 11u; i++) {
        cr_assert_eq(host_evict(&host), i);
    }
    cr_assert_eq(host.aged[0], 0u);
}

Test(policy_refault, main_gives_when_probation_is_down_to_its_share)
{
    uint32_t i;

    fill_seen(8);
    for (i = 0; i < 6u; i++) {
        host.used[i] = true;
    }
    refault.share = 20000u; /* two of eight */
    cr_assert_eq(host_evict(&host), 0);
    cr_assert_eq(refault.probation.count, 2);
}

Test(policy_refault, page_of_main_has_as_many_chances_as_it_was_found_used)
{
    uint32_t i;

    fill_seen(4);
    refault.share = 0;
    for (i = 0; i < 4u; i++) {
        host.used[i] = true;
    }
    cr_assert_eq(host_evict(&host), 0); /* all moved to main, then unused there */
    host.used[1] = true;
    cr_assert_eq(host_evict(&host), 2);
    cr_assert_eq(host.storage[1].policy.mark, 4u + 1u, "proven, and one chance more");
    cr_assert_eq(host_evict(&host), 3);
    host.used[1] = true;
    memset(host.aged, 0, sizeof host.aged);
    cr_assert_eq(host_evict(&host), 1);
    cr_assert_eq(host.aged[1], 4u); /* used: two chances now; unused twice: none; unused: it goes */
}

Test(policy_refault, chances_have_a_limit)
{
    uint32_t i;

    fill_seen(2);
    host.storage[0].policy.queue = 2u;
    refault.share = 0;
    refault.chances = 1;
    host.used[0] = true;
    cr_assert_eq(host_evict(&host), 1);
    for (i = 0; i < 5u; i++) {
        host.used[0] = true;
        cr_assert_eq(host_victim(&host), 0);
    }
    memset(host.aged, 0, sizeof host.aged);
    host.used[0] = true;
    cr_assert_eq(host_evict(&host), 0);
    cr_assert_eq(host.aged[0], 3u);
}

Test(policy_refault, chances_beyond_three_are_three)
{
    static const uint32_t many[] = {3, 4, 0xfffffffbu, 0xfffffffcu, 0xfffffffdu, UINT32_MAX};
    unsigned age_faults;
    unsigned i;
    uint32_t n;

    for (age_faults = 0; age_faults < 2u; age_faults++) {
        for (i = 0; i < sizeof many / sizeof many[0]; i++) {
            host_start(&host, quire_policy_refault_init(&refault), age_faults != 0);
            host_fill(&host, 3);
            for (n = 0; n < 3u; n++) {
                host.storage[n].policy.queue = 2u;
                host.used[n] = n != 2u;
            }
            refault.share = 0;
            refault.chances = many[i];
            cr_assert_eq(host_evict(&host), 2); /* 0 and 1 are on main now, in this order */
            host.storage[0].policy.mark = age_faults != 0 ? 4u : 6u;
            host.used[0] = true;
            host.used[1] = false;
            cr_assert_eq(host_victim(&host), 1);
            cr_assert_eq(host.storage[0].policy.mark, 7u, "%u chances: mark %u", many[i], host.storage[0].policy.mark);
        }
    }
}

/* ---- Refaults ---- */

Test(policy_refault, refault_within_half_a_turn_goes_to_main)
{
    fill_seen(4);
    refault.turn_took = 100;
    refault.turn_began = host.evictions;
    host_insert(&host, 10, 49);
    host_insert(&host, 11, 50);
    host_insert(&host, 12, QUIRE_DISTANCE_UNKNOWN);
    host_insert(&host, 13, 0);
    cr_assert(on_main(10));
    cr_assert_not(on_main(11));
    cr_assert_not(on_main(12));
    cr_assert(on_main(13));
}

Test(policy_refault, turn_under_way_counts_once_it_is_longer_than_the_last)
{
    fill_seen(4);
    refault.turn_took = 10;
    refault.turn_began = 1000;
    host.evictions = 1008;
    host_insert(&host, 10, 5);
    cr_assert_not(on_main(10));
    host.evictions = 1012;
    host_insert(&host, 11, 5);
    cr_assert(on_main(11));
}

Test(policy_refault, turn_is_measured_across_the_wrap_of_the_counter)
{
    fill_seen(4);
    refault.turn_took = 0;
    refault.turn_began = COUNT_MASK - 10u;
    host.evictions = 9; /* 20 later */
    host_insert(&host, 10, 9);
    host_insert(&host, 11, 10);
    host_insert(&host, 12, 1000);
    cr_assert(on_main(10));
    cr_assert_not(on_main(11));
    cr_assert_not(on_main(12));
}

Test(policy_refault, hand_of_main_measures_its_turns)
{
    uint32_t i;

    refault.share = 0;
    refault.share_min = 0;
    refault.spare = 0;
    host.evictions = COUNT_MASK - 20u;
    refault.turn_began = host.evictions;
    for (i = 0; i < 16u; i++) {
        host_insert(&host, i, 0);
        host.used[i] = false;
    }
    cr_assert_eq(refault.main.count, 0, "no time has passed: no distance is below");
    for (i = 0; i < 16u; i++) {
        host.storage[i].policy.queue = 2u;
        host.used[i] = true;
    }
    (void)host_evict(&host); /* all go to main */
    for (i = 0; i < 16u; i++) {
        host.storage[i].policy.mark = 4u; /* as if each had been found used since: so it may come back to main */
    }
    refault.turn_left = 0;
    for (i = 0; i < 40u; i++) {
        uint32_t number = host_evict(&host);

        host_insert(&host, number, 0); /* to main: the turn is longer than that */
        host.used[number] = false;
        host.storage[number].policy.mark = 4u;
    }
    cr_assert_geq(refault.turn_took, 14u);
    cr_assert_leq(refault.turn_took, 17u);
}

Test(policy_refault, page_that_comes_back_soon_teaches_how_much_probation_needs)
{
    uint32_t share;

    fill_seen(60);
    host.used[0] = true;
    refault.soon = 65536u;
    share = refault.share;
    cr_assert_eq(host_evict(&host), 1);
    host_insert(&host, 1, 0); /* evicted on probation */
    cr_assert_eq(refault.share, share + refault.grow);
    host_remove(&host, 0); /* on main */
    host_count_eviction(&host);
    host_insert(&host, 0, 0);
    cr_assert_eq(refault.share, share + refault.grow - refault.shrink);
    host_remove(&host, 2); /* on probation, two evictions ago: the bit of the right one is looked at */
    host_count_eviction(&host);
    host_insert(&host, 63, 1);
    cr_assert_eq(refault.share, share + refault.grow - 2u * refault.shrink);
    host_insert(&host, 2, 0);
    cr_assert_eq(refault.share, share + 2u * refault.grow - 2u * refault.shrink);
}

Test(policy_refault, which_ring_an_eviction_was_from_is_known_across_the_wrap)
{
    uint32_t share = refault.share;

    fill_seen(32);
    refault.soon = 65536u;
    host.evictions = COUNT_MASK - 1u;
    host.storage[0].policy.queue = 2u;
    host.used[0] = true;
    (void)host_evict(&host); /* page 1; page 0 went to main */
    cr_assert(on_main(0));
    cr_assert_eq(host.evictions, COUNT_MASK);
    host_remove(&host, 0);
    host_count_eviction(&host);
    cr_assert_eq(host.evictions, 1u);
    host_remove(&host, 2);
    host_count_eviction(&host);
    host_insert(&host, 2, 0);
    cr_assert_eq(refault.share, share + refault.grow);
}

Test(policy_refault, page_that_comes_back_late_asks_for_a_little_less)
{
    uint32_t share = refault.share;

    fill_seen(40);
    host_insert(&host, 50, 4); /* a tenth of 40 */
    cr_assert_eq(refault.share, share - refault.late);
    refault.soon = 65536u * 32u;
    host_insert(&host, 51, QUIRE_POLICY_REFAULT_HISTORY);
    cr_assert_eq(refault.share, share - 2u * refault.late);
    host_insert(&host, 52, QUIRE_DISTANCE_UNKNOWN);
    cr_assert_eq(refault.share, share - 2u * refault.late, "content that is new teaches nothing");
    host_insert(&host, 53, QUIRE_POLICY_REFAULT_HISTORY - 1u);
    cr_assert_eq(refault.share, share - 2u * refault.late + refault.grow);
    refault.share = refault.share_min + refault.late - 1u;
    host_insert(&host, 54, QUIRE_POLICY_REFAULT_HISTORY);
    cr_assert_eq(refault.share, refault.share_min);
}

Test(policy_refault, page_that_comes_back_late_but_goes_to_main_teaches_nothing)
{
    uint32_t share = refault.share;

    fill_seen(40);
    refault.turn_took = 1000;
    refault.turn_began = host.evictions;
    host_insert(&host, 50, 499);
    cr_assert(on_main(50));
    cr_assert_eq(refault.share, share);
    host_insert(&host, 51, 500);
    cr_assert_not(on_main(51));
    cr_assert_eq(refault.share, share - refault.late);
}

/* Page `number`, on main, is evicted, and comes back at once. */
static void come_back(uint32_t number)
{
    cr_assert(on_main(number));
    host_remove(&host, number);
    host_count_eviction(&host);
    host_insert(&host, number, 0);
}

Test(policy_refault, page_that_main_evicted_unused_begins_again_on_probation)
{
    fill_seen(20);
    host.used[0] = true;
    host.used[1] = true;
    cr_assert_eq(host_evict(&host), 2);
    host.used[0] = true;
    host.used[1] = true;
    refault.share = 65536u;
    cr_assert_eq(host_evict(&host), 0); /* both were found used on main before */
    refault.turn_took = 100;
    come_back(1);
    cr_assert(on_main(1), "it was used there");
    come_back(1);
    cr_assert_not(on_main(1), "it has come to main again, and was not used but for the access that loaded it");
    host_remove(&host, 1);
    host_count_eviction(&host);
    host_insert(&host, 1, 0);
    cr_assert(on_main(1), "from probation it may");
}

Test(policy_refault, share_keeps_within_its_limits)
{
    uint32_t i;

    fill_seen(40);
    refault.soon = 65536u;
    refault.near = 0; /* whoever comes back is on probation again */
    for (i = 0; i < 200u; i++) {
        host_remove(&host, 0);
        host_count_eviction(&host);
        host_insert(&host, 0, 0);
        cr_assert_leq(refault.share, refault.share_max);
    }
    cr_assert_eq(refault.share, refault.share_max);
    memset(refault.history, 0xff, sizeof refault.history); /* all from main */
    for (i = 0; i < 200u; i++) {
        host_insert(&host, 63, 3);
        host_remove(&host, 63);
        cr_assert_geq(refault.share, refault.share_min);
    }
    cr_assert_eq(refault.share, refault.share_min);
}

/* ---- Loops ---- */

#define LOOP_MAX (2u * HOST_PAGES)

/* Misses of `rounds` times round a loop of `n` pages of content in `memory` pages. */
static uint32_t loop(uint32_t memory, uint32_t n, uint32_t rounds, bool age_faults)
{
    uint32_t page[LOOP_MAX];
    uint32_t shadow[LOOP_MAX] = {0};
    uint32_t holds[HOST_PAGES];
    uint32_t misses = 0;
    uint32_t i;

    host_start(&host, quire_policy_refault_init(&refault), age_faults);
    memset(page, 0xff, sizeof page);
    for (i = 0; i < rounds * n; i++) {
        uint32_t content = i % n;
        uint32_t number = host.count;

        if (page[content] != UINT32_MAX) {
            host.used[page[content]] = true;
            continue;
        }
        misses++;
        if (host.count == memory) {
            number = host_evict(&host);
            page[holds[number]] = UINT32_MAX;
            shadow[holds[number]] = host.evictions;
        }
        host_insert(&host, number,
                    shadow[content] == 0 ? QUIRE_DISTANCE_UNKNOWN : (host.evictions - shadow[content]) & COUNT_MASK);
        page[content] = number;
        holds[number] = content;
    }
    return misses;
}

/* LRU and CLOCK miss all of each. */
Test(policy_refault, most_of_a_loop_that_fits_stays)
{
    static const uint32_t memories[] = {16, 20, 32, 48, 64};
    unsigned kind;
    uint32_t m;
    uint32_t n;

    for (kind = 0; kind < 2u; kind++) {
        for (m = 0; m < sizeof memories / sizeof memories[0]; m++) {
            for (n = memories[m] + 1u; n <= 2u * memories[m]; n++) {
                uint32_t rounds = 20000u / n;
                uint32_t hits = rounds * n - loop(memories[m], n, rounds, kind != 0);
                uint32_t optimum = (rounds - 1u) * n * (memories[m] - 1u) / (n - 1u); /* Belady's */

                cr_expect_geq(hits * 100u, optimum * 70u, "kind %u, a loop of %u in %u pages: %u hits of %u", kind, n,
                              memories[m], hits, optimum);
            }
        }
    }
}

/* ---- Dirty pages ---- */

Test(policy_refault, dirty_page_is_spared_once)
{
    fill_seen(4);
    refault.share = 0;
    host.dirty[0] = true;
    host.written[1] = true; /* only the hardware knows */
    cr_assert_eq(host_evict(&host), 2);
    cr_assert(on_main(0) && on_main(1));
    cr_assert_eq(host_evict(&host), 3);
    cr_assert_eq(host_evict(&host), 0);
    cr_assert_eq(host.asked, 1u, "it is not spared again");
    cr_assert_eq(host_evict(&host), 1);
    cr_assert_eq(host.asked, 1u);
}

Test(policy_refault, dirty_page_is_not_spared_if_so_told)
{
    fill_seen(4);
    refault.spare = 0;
    host.dirty[0] = true;
    cr_assert_eq(host_evict(&host), 0);
    cr_assert_eq(host.asked, 1u);
}

Test(policy_refault, page_spared_is_new_when_it_comes_again)
{
    fill_seen(2);
    host.dirty[0] = true;
    host.dirty[1] = true;
    cr_assert_eq(host_evict(&host), 0);
    host_insert(&host, 0, QUIRE_DISTANCE_UNKNOWN);
    cr_assert_eq(host.storage[0].policy.queue, 0u);
    cr_assert_eq(host.storage[0].policy.mark, 0u);
}

/* ---- Where asking costs a fault ---- */

Test(policy_refault, page_of_main_that_was_used_is_not_asked_for_some_turns)
{
    uint32_t i;

    host.policy->host.age_faults = true;
    fill_seen(8);
    refault.share = 0;
    refault.main_used = 100;
    for (i = 0; i < 8u; i++) {
        host.used[i] = true;
    }
    cr_assert_eq(host_evict(&host), 0);
    host.used[1] = true;
    memset(host.aged, 0, sizeof host.aged);
    cr_assert_eq(host_evict(&host), 2);
    cr_assert_eq(host.aged[1], 1u);
    for (i = 3; i < 8u; i++) {
        cr_assert_eq(host_evict(&host), i);
    }
    cr_assert_eq(host.aged[1], 1u);
    cr_assert_eq(host_evict(&host), 1);
    cr_assert_eq(host.aged[1], 2u);
}

/* ---- The contract ---- */

Test(policy_refault, pages_are_found_among_fixed_ones)
{
    uint32_t i;

    host_fill(&host, 40);
    for (i = 0; i < 40u; i += 2u) {
        host.storage[i].policy.queue = 2u;
    }
    (void)host_evict(&host);
    (void)host_evict(&host);
    cr_assert_neq(refault.main.count, 0);
    cr_assert_neq(refault.probation.count, 0);
    host_one_may_go(&host);
    host.policy->host.age_faults = true;
    host_one_may_go(&host);
}

Test(policy_refault, fixed_page_is_not_aged)
{
    fill_seen(3);
    host.fixed[0] = true;
    host.used[0] = true;
    cr_assert_eq(host_evict(&host), 1);
    cr_assert_eq(host.aged[0], 0u);
    cr_assert(host.used[0]);
}

Test(policy_refault, eviction_asks_a_bounded_number_of_questions)
{
    host_all_in_use(&host);
    empty();
    host.policy->host.age_faults = true;
    host_all_in_use(&host);
}

Test(policy_refault, eviction_asks_a_bounded_number_of_questions_however_it_is_set)
{
    unsigned i;

    for (i = 0; i < 16u; i++) {
        host_start(&host, quire_policy_refault_init(&refault), i % 2u != 0);
        refault.chances = i / 2u % 2u != 0 ? UINT32_MAX : 0;
        refault.main_used = i / 4u % 2u != 0 ? UINT32_MAX : 0;
        refault.share_min = 0;
        refault.share_max = UINT32_MAX / 2u;
        refault.share = i / 8u != 0 ? 65536u : 0;
        host_all_in_use(&host);
    }
}

Test(policy_refault, anything_may_happen_in_any_order)
{
    uint64_t seed;

    for (seed = 1; seed <= 20u; seed++) {
        host_start(&host, quire_policy_refault_init(&refault), seed % 2u != 0);
        refault.turn_began = COUNT_MASK - 2000u;
        host_random_play(&host, seed, 3000);
    }
}

Test(policy_refault, check_sees_each_broken_link)
{
    uint32_t i;

    fill_seen(12);
    for (i = 0; i < 5u; i++) {
        host.used[i] = true;
    }
    (void)host_evict(&host);
    cr_assert_eq(refault.main.count, 5);
    host_break_each(&host, 1u);
}

Test(policy_refault, it_has_a_name)
{
    cr_assert_str_eq(host.policy->ops->name, "refault");
}
