/* policy.h: page numbers across segments, the ring, and a check that sees each broken link. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "quire/pmem.h"
#include "quire/policy.h"

#define SEGMENT_PAGES 4u
#define PAGES (2u * SEGMENT_PAGES)

static struct quire_pmem storage[2][SEGMENT_PAGES];
static struct quire_pmem_pool pool;
static struct quire_page_ring ring;

static void make_pages(void)
{
    uint64_t i;

    quire_pmem_pool_init(&pool);
    for (i = 0; i < 2u; i++) {
        cr_assert_eq(quire_pmem_pool_add(&pool, quire_pa_make(i << 30), SEGMENT_PAGES, storage[i]), QUIRE_OK);
    }
    quire_page_ring_init(&ring);
}

/* The number of the i-th page of all. */
static uint32_t number(uint32_t i)
{
    return (i / SEGMENT_PAGES << QUIRE_PAGE_INDEX_BITS) | (i % SEGMENT_PAGES);
}

static void fill(void)
{
    uint32_t i;

    make_pages();
    for (i = 0; i < PAGES; i++) {
        quire_page_ring_insert(&ring, &pool.pages, number(i));
    }
}

/* Does the ring, from the hand on, hold exactly the n pages of `order`? */
static void expect_order(const uint32_t *order, uint32_t n)
{
    uint32_t at = ring.hand;
    uint32_t i;

    cr_assert_eq(ring.count, n);
    cr_assert(quire_page_ring_check(&ring, &pool.pages));
    for (i = 0; i < n; i++) {
        cr_assert_eq(at, number(order[i]));
        at = quire_page_node(&pool.pages, at)->next;
    }
}

Test(policy, number_names_a_page_of_a_segment, .init = make_pages)
{
    uint32_t i;

    for (i = 0; i < PAGES; i++) {
        cr_assert_eq(quire_page_node(&pool.pages, number(i)), &storage[i / SEGMENT_PAGES][i % SEGMENT_PAGES].policy);
    }
}

Test(policy, no_page_has_the_number_that_means_none)
{
    uint32_t greatest = ((QUIRE_SEGMENTS - 1u) << QUIRE_PAGE_INDEX_BITS) | (QUIRE_SEGMENT_PAGES_MAX - 1u);

    cr_assert_lt(greatest, QUIRE_PAGE_NONE);
}

Test(policy, new_ring_is_empty_and_whole, .init = make_pages)
{
    cr_assert_eq(ring.count, 0);
    cr_assert(quire_page_ring_check(&ring, &pool.pages));
}

Test(policy, hand_comes_last_to_what_was_inserted_last, .init = fill)
{
    static const uint32_t order[PAGES] = {0, 1, 2, 3, 4, 5, 6, 7};

    expect_order(order, PAGES);
}

Test(policy, page_inserted_later_goes_behind_the_hand, .init = make_pages)
{
    static const uint32_t order[4] = {1, 2, 0, 5};

    quire_page_ring_insert(&ring, &pool.pages, number(0));
    quire_page_ring_insert(&ring, &pool.pages, number(1));
    quire_page_ring_insert(&ring, &pool.pages, number(2));
    quire_page_ring_advance(&ring, &pool.pages);
    quire_page_ring_insert(&ring, &pool.pages, number(5));
    expect_order(order, 4);
}

Test(policy, hand_moves_on_when_its_page_goes, .init = fill)
{
    static const uint32_t order[PAGES - 1u] = {1, 2, 3, 4, 5, 6, 7};

    quire_page_ring_remove(&ring, &pool.pages, number(0));
    expect_order(order, PAGES - 1u);
}

Test(policy, hand_stays_when_another_page_goes, .init = fill)
{
    static const uint32_t order[PAGES - 2u] = {0, 1, 2, 4, 5, 6};

    quire_page_ring_remove(&ring, &pool.pages, number(3));
    quire_page_ring_remove(&ring, &pool.pages, number(7));
    expect_order(order, PAGES - 2u);
}

Test(policy, ring_can_be_emptied_and_filled_again, .init = fill)
{
    static const uint32_t order[1] = {6};
    uint32_t i;

    for (i = PAGES; i > 0; i--) {
        quire_page_ring_remove(&ring, &pool.pages, number(i - 1u));
        cr_assert(quire_page_ring_check(&ring, &pool.pages));
    }
    cr_assert_eq(ring.hand, QUIRE_PAGE_NONE);
    quire_page_ring_insert(&ring, &pool.pages, number(6));
    expect_order(order, 1);
}

Test(policy, links_leave_a_policys_own_bits_alone, .init = make_pages)
{
    uint32_t i;

    for (i = 0; i < 3u; i++) {
        quire_page_node(&pool.pages, number(i))->mark = 5;
        quire_page_node(&pool.pages, number(i))->queue = 2;
        quire_page_ring_insert(&ring, &pool.pages, number(i));
    }
    quire_page_ring_remove(&ring, &pool.pages, number(1));
    for (i = 0; i < 3u; i++) {
        cr_assert_eq(quire_page_node(&pool.pages, number(i))->mark, 5u);
        cr_assert_eq(quire_page_node(&pool.pages, number(i))->queue, 2u);
    }
}

Test(policy, check_sees_each_broken_link, .init = fill)
{
    uint32_t i;

    for (i = 0; i < PAGES; i++) {
        struct quire_policy_node *node = quire_page_node(&pool.pages, number(i));
        struct quire_policy_node was = *node;

        node->prev = number(i) & QUIRE_PAGE_NONE;
        cr_assert_not(quire_page_ring_check(&ring, &pool.pages));
        *node = was;
        node->next = number(i) & QUIRE_PAGE_NONE;
        cr_assert_not(quire_page_ring_check(&ring, &pool.pages));
        *node = was;
        node->next = QUIRE_PAGE_NONE;
        cr_assert_not(quire_page_ring_check(&ring, &pool.pages));
        *node = was;
    }
    cr_assert(quire_page_ring_check(&ring, &pool.pages));
}

Test(policy, check_sees_a_wrong_count, .init = fill)
{
    ring.count++;
    cr_assert_not(quire_page_ring_check(&ring, &pool.pages));
    ring.count -= 2u;
    cr_assert_not(quire_page_ring_check(&ring, &pool.pages));
    ring.count = 0;
    cr_assert_not(quire_page_ring_check(&ring, &pool.pages));
    ring.count = PAGES;
    ring.hand = QUIRE_PAGE_NONE;
    cr_assert_not(quire_page_ring_check(&ring, &pool.pages));
}

Test(policy, check_of_a_queue_sees_a_page_of_another, .init = fill)
{
    uint32_t i;

    for (i = 0; i < PAGES; i++) {
        quire_page_node(&pool.pages, number(i))->queue = 5u;
    }
    cr_assert(quire_page_ring_check_queue(&ring, &pool.pages, 7u, 5u));
    cr_assert(quire_page_ring_check_queue(&ring, &pool.pages, 1u, 1u));
    cr_assert_not(quire_page_ring_check_queue(&ring, &pool.pages, 1u, 0u));
    for (i = 0; i < PAGES; i++) {
        quire_page_node(&pool.pages, number(i))->queue = 4u;
        cr_assert_not(quire_page_ring_check_queue(&ring, &pool.pages, 7u, 5u));
        cr_assert(quire_page_ring_check_queue(&ring, &pool.pages, 4u, 4u));
        quire_page_node(&pool.pages, number(i))->queue = 5u;
    }
    quire_page_node(&pool.pages, number(3))->prev = number(3) & QUIRE_PAGE_NONE;
    cr_assert_not(quire_page_ring_check_queue(&ring, &pool.pages, 7u, 5u));
}

Test(policy, page_moves_from_one_ring_to_the_end_of_another, .init = fill)
{
    static const uint32_t rest[] = {1, 2, 3, 4, 5, 6, 7};
    struct quire_page_ring other;

    quire_page_ring_init(&other);
    quire_page_ring_move(&ring, &other, &pool.pages, number(0));
    expect_order(rest, 7);
    cr_assert_eq(other.count, 1);
    cr_assert(quire_page_ring_check(&other, &pool.pages));
    quire_page_ring_move(&other, &ring, &pool.pages, number(0));
    cr_assert_eq(other.count, 0);
    quire_page_ring_move(&ring, &ring, &pool.pages, number(1)); /* to its own end */
    {
        static const uint32_t order[] = {2, 3, 4, 5, 6, 7, 0, 1};

        expect_order(order, 8);
    }
}
