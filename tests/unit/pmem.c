/* pmem.h: segments, numbers and addresses, the chain of each object, and the counts per state. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "quire/pmem.h"

#define PAGES 6u
#define MIB ((uint64_t)1 << 20)

static struct quire_pmem_pool pool;
static struct quire_pmem storage[3][PAGES];
static struct quire_fobj fobj[2];
static struct quire_accounts accounts;
static struct quire_account account;
static uint32_t slots[2][PAGES];

static enum quire_status load(struct quire_io *io)
{
    (void)io;
    return QUIRE_OK;
}

static void setup(void)
{
    static const struct quire_fobj_ops ops = {"plain", 0, load, NULL, NULL, NULL};
    unsigned i;

    memset(slots, 0, sizeof slots);
    quire_accounts_init(&accounts);
    quire_account_join(&accounts, &account, NULL, QUIRE_QUOTA_NONE, 0);
    for (i = 0; i < 2u; i++) {
        cr_assert_eq(quire_fobj_init(&fobj[i], &ops, PAGES, slots[i], QUIRE_PROT_RWX, 0), QUIRE_OK);
        fobj[i].account = &account;
    }
    memset(storage, 0xa5, sizeof storage); /* its content must not matter */
    quire_pmem_pool_init(&pool);
    cr_assert_eq(quire_pmem_pool_add(&pool, quire_pa_make(MIB), PAGES, storage[0]), QUIRE_OK);
}

TestSuite(pmem, .init = setup);

static uint32_t take(struct quire_fobj *of, uint32_t pgidx)
{
    uint32_t number = QUIRE_PAGE_NONE;
    struct quire_pmem *pmem = quire_pmem_take(&pool, of, pgidx, &number);

    cr_assert_not_null(pmem);
    cr_assert_eq(pmem, quire_pmem_at(&pool, number));
    return number;
}

/* The chain of `of` holds exactly these pages of it, in this order. */
static void expect_chain(const struct quire_fobj *of, const uint32_t *numbers, uint32_t n)
{
    uint32_t before = QUIRE_PAGE_NONE;
    uint32_t at = of->chain;
    uint32_t i;

    cr_assert_eq(of->resident, n);
    for (i = 0; i < n; i++) {
        const struct quire_pmem *pmem = quire_pmem_at(&pool, at);

        cr_assert_eq(at, numbers[i]);
        cr_assert_eq(pmem->chain_prev, before);
        cr_assert_eq(pmem->fobj, of);
        cr_assert_eq(of->slots[pmem->pgidx], quire_slot_make(QUIRE_SLOT_PRESENT, at));
        before = at;
        at = pmem->chain_next;
    }
    cr_assert_eq(at, QUIRE_PAGE_NONE);
}

static void expect_counts(uint32_t n_free, uint32_t loading, uint32_t resident)
{
    uint32_t sum = 0;
    unsigned i;

    for (i = 0; i < QUIRE_PAGE_STATES; i++) {
        sum += pool.count[i];
    }
    cr_assert_eq(sum, pool.total);
    cr_assert_eq(pool.count[QUIRE_PAGE_FREE], n_free);
    cr_assert_eq(pool.count[QUIRE_PAGE_LOADING], loading);
    cr_assert_eq(pool.count[QUIRE_PAGE_RESIDENT], resident);
}

Test(pmem, struct_is_at_most_48_bytes)
{
    cr_assert_leq(sizeof(struct quire_pmem), 48u);
}

Test(pmem, new_pool_has_no_page)
{
    uint32_t number;

    quire_pmem_pool_init(&pool);
    cr_assert_null(quire_pmem_take(&pool, &fobj[0], 0, &number));
    cr_assert_eq(pool.total, 0);
}

Test(pmem, added_pages_are_free_and_the_lowest_is_taken_first)
{
    uint32_t i;

    expect_counts(PAGES, 0, 0);
    for (i = 0; i < PAGES; i++) {
        uint32_t number = take(&fobj[0], i);

        cr_assert_eq(quire_pmem_pa(&pool, number).addr, MIB + i * QUIRE_PAGE_SIZE);
    }
    expect_counts(0, PAGES, 0);
}

Test(pmem, number_names_page_and_address_in_every_segment)
{
    uint32_t i;

    cr_assert_eq(quire_pmem_pool_add(&pool, quire_pa_make(8u * MIB), PAGES, storage[1]), QUIRE_OK);
    cr_assert_eq(quire_pmem_pool_add(&pool, quire_pa_make((uint64_t)1 << 40), PAGES, storage[2]), QUIRE_OK);
    cr_assert_eq(pool.total, 3u * PAGES);
    for (i = 0; i < PAGES; i++) {
        cr_assert_eq(quire_pmem_at(&pool, i), &storage[0][i]);
        cr_assert_eq(quire_pmem_at(&pool, (2u << QUIRE_PAGE_INDEX_BITS) + i), &storage[2][i]);
        cr_assert_eq(quire_pmem_pa(&pool, (1u << QUIRE_PAGE_INDEX_BITS) + i).addr, 8u * MIB + i * QUIRE_PAGE_SIZE);
        cr_assert_eq(quire_pmem_pa(&pool, (2u << QUIRE_PAGE_INDEX_BITS) + i).addr, ((uint64_t)1 << 40) + i * QUIRE_PAGE_SIZE);
    }
    for (i = 0; i < 3u * PAGES; i++) {
        (void)take(&fobj[0], i % PAGES);
    }
    cr_assert_eq(pool.free, QUIRE_PAGE_NONE);
}

static void expect_refused(uint64_t pa, uint32_t npages, struct quire_pmem *pmems)
{
    struct quire_pmem_pool before = pool;

    cr_assert_eq(quire_pmem_pool_add(&pool, quire_pa_make(pa), npages, pmems), QUIRE_INVALID);
    cr_assert_eq(memcmp(&before, &pool, sizeof pool), 0);
    cr_assert_eq(storage[1][0].pgidx, 0xa5a5a5a5u);
}

Test(pmem, pages_that_cannot_be_are_refused)
{
    expect_refused(8u * MIB, PAGES, NULL);
    expect_refused(8u * MIB, 0, storage[1]);
    expect_refused(8u * MIB + 1u, PAGES, storage[1]);
    expect_refused(8u * MIB + QUIRE_PAGE_SIZE / 2u, PAGES, storage[1]);
    expect_refused(8u * MIB, QUIRE_SEGMENT_PAGES_MAX + 1u, storage[1]);
    expect_refused(8u * MIB, UINT32_MAX, storage[1]);
    expect_refused(0u - (uint64_t)QUIRE_PAGE_SIZE, 2, storage[1]);
}

Test(pmem, pages_the_pool_has_are_refused)
{
    expect_refused(MIB, PAGES, storage[1]);
    expect_refused(MIB - QUIRE_PAGE_SIZE, 2, storage[1]);
    expect_refused(MIB + (PAGES - 1u) * QUIRE_PAGE_SIZE, 1, storage[1]);
    expect_refused(MIB - QUIRE_PAGE_SIZE, PAGES + 2u, storage[1]);
    expect_refused(MIB + QUIRE_PAGE_SIZE, 1, storage[1]);
}

Test(pmem, pages_that_only_touch_are_not_the_same)
{
    cr_assert_eq(quire_pmem_pool_add(&pool, quire_pa_make(MIB + PAGES * QUIRE_PAGE_SIZE), PAGES, storage[1]), QUIRE_OK);
    cr_assert_eq(quire_pmem_pool_add(&pool, quire_pa_make(MIB - PAGES * QUIRE_PAGE_SIZE), PAGES, storage[2]), QUIRE_OK);
    expect_counts(3u * PAGES, 0, 0);
}

Test(pmem, segment_may_end_at_the_top_of_the_address_space)
{
    uint64_t pa = 0u - (uint64_t)PAGES * QUIRE_PAGE_SIZE;

    cr_assert_eq(quire_pmem_pool_add(&pool, quire_pa_make(pa), PAGES, storage[1]), QUIRE_OK);
    cr_assert_eq(quire_pmem_pa(&pool, (1u << QUIRE_PAGE_INDEX_BITS) + PAGES - 1u).addr, UINT64_MAX - QUIRE_PAGE_SIZE + 1u);
    cr_assert_eq(quire_pmem_pool_add(&pool, quire_pa_make(pa), PAGES, storage[2]), QUIRE_INVALID);
}

Test(pmem, segments_run_out_at_their_limit)
{
    static struct quire_pmem one[QUIRE_SEGMENTS];
    uint32_t i;

    for (i = 1; i < QUIRE_SEGMENTS; i++) {
        cr_assert_eq(quire_pmem_pool_add(&pool, quire_pa_make((i + 1u) * MIB), 1, &one[i]), QUIRE_OK);
    }
    cr_assert_eq(quire_pmem_pool_add(&pool, quire_pa_make(1000u * MIB), 1, &one[0]), QUIRE_LIMIT);
    cr_assert_eq(pool.total, PAGES + QUIRE_SEGMENTS - 1u);
}

Test(pmem, taken_page_is_loading_for_its_object_and_clean_of_its_past)
{
    uint32_t number = take(&fobj[1], 3);
    const struct quire_pmem *pmem = quire_pmem_at(&pool, number);

    cr_assert_eq(pmem->state, QUIRE_PAGE_LOADING);
    cr_assert_eq(pmem->fobj, &fobj[1]);
    cr_assert_eq(pmem->pgidx, 3);
    cr_assert_eq(pmem->flags, 0);
    cr_assert_eq(pmem->mapped, 0);
    cr_assert_eq(pmem->pins, 0);
    cr_assert_eq(pmem->holds, 0);
    cr_assert_eq(pmem->steps, 0);
    cr_assert_null(pmem->sole);
    cr_assert_eq(slots[1][3], quire_slot_make(QUIRE_SLOT_PRESENT, number));
    expect_counts(PAGES - 1u, 1, 0);
}

Test(pmem, each_object_has_its_own_chain)
{
    uint32_t a = take(&fobj[0], 0);
    uint32_t b = take(&fobj[1], 0);
    uint32_t c = take(&fobj[0], 5);
    uint32_t chain[2];

    chain[0] = c;
    chain[1] = a;
    expect_chain(&fobj[0], chain, 2);
    expect_chain(&fobj[1], &b, 1);
}

Test(pmem, released_page_leaves_the_chain_wherever_it_stands)
{
    uint32_t victim;

    for (victim = 0; victim < 3u; victim++) {
        uint32_t number[3];
        uint32_t left[2];
        uint32_t n = 0;
        uint32_t i;

        setup();
        for (i = 0; i < 3u; i++) {
            number[i] = take(&fobj[0], i);
        }
        quire_pmem_release(&pool, number[victim], 7);
        for (i = 3; i > 0; i--) {
            if (i - 1u != victim) {
                left[n++] = number[i - 1u];
            }
        }
        expect_chain(&fobj[0], left, 2);
        cr_assert_eq(slots[0][victim], quire_slot_make(QUIRE_SLOT_EMPTY, 7));
        cr_assert_null(quire_pmem_at(&pool, number[victim])->fobj);
        expect_counts(PAGES - 2u, 2, 0);
    }
}

Test(pmem, slot_remembers_whether_the_store_has_the_page_and_when_it_went)
{
    uint32_t number = take(&fobj[0], 2);

    quire_pmem_at(&pool, number)->flags = QUIRE_PMEM_STORED | QUIRE_PMEM_SYNCED | QUIRE_PMEM_ACCESSED;
    quire_pmem_release(&pool, number, QUIRE_SLOT_VALUE_MASK);
    cr_assert_eq(quire_slot_kind(slots[0][2]), QUIRE_SLOT_STORED);
    cr_assert_eq(quire_slot_value(slots[0][2]), QUIRE_SLOT_VALUE_MASK);
    cr_assert_eq(take(&fobj[0], 2), number);
    cr_assert_eq(quire_pmem_at(&pool, number)->flags, 0);
    quire_pmem_release(&pool, number, 12);
    cr_assert_eq(slots[0][2], quire_slot_make(QUIRE_SLOT_EMPTY, 12));
}

Test(pmem, page_freed_last_is_taken_first)
{
    uint32_t a = take(&fobj[0], 0);
    uint32_t b = take(&fobj[0], 1);

    quire_pmem_release(&pool, b, 1);
    quire_pmem_release(&pool, a, 2);
    cr_assert_eq(take(&fobj[1], 0), a);
    cr_assert_eq(take(&fobj[1], 1), b);
}

Test(pmem, last_page_taken_leaves_none_and_comes_back)
{
    uint32_t number = QUIRE_PAGE_NONE;
    uint32_t i;

    for (i = 0; i < PAGES; i++) {
        number = take(&fobj[0], i);
    }
    cr_assert_null(quire_pmem_take(&pool, &fobj[1], 0, &i));
    cr_assert_eq(slots[1][0], 0);
    cr_assert_eq(fobj[1].resident, 0);
    quire_pmem_release(&pool, number, 1);
    cr_assert_eq(take(&fobj[1], 0), number);
}

Test(pmem, states_are_counted)
{
    struct quire_pmem *pmem = quire_pmem_at(&pool, take(&fobj[0], 0));

    cr_assert(quire_pmem_is_busy(pmem));
    quire_pmem_set_state(&pool, pmem, QUIRE_PAGE_RESIDENT);
    cr_assert_not(quire_pmem_is_busy(pmem));
    expect_counts(PAGES - 1u, 0, 1);
    quire_pmem_set_state(&pool, pmem, QUIRE_PAGE_FLUSHING);
    cr_assert(quire_pmem_is_busy(pmem));
    quire_pmem_set_state(&pool, pmem, QUIRE_PAGE_SAVING);
    cr_assert(quire_pmem_is_busy(pmem));
    cr_assert_eq(pool.count[QUIRE_PAGE_SAVING], 1);
    quire_pmem_set_state(&pool, pmem, QUIRE_PAGE_QUARANTINED);
    cr_assert_not(quire_pmem_is_busy(pmem));
    expect_counts(PAGES - 1u, 0, 0);
    quire_pmem_set_state(&pool, pmem, QUIRE_PAGE_FREE);
    cr_assert_not(quire_pmem_is_busy(pmem));
    expect_counts(PAGES, 0, 0);
}
