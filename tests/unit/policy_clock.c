/* policy_clock.h: a second chance for what was used, bounded; the first use of a page proves nothing. */
#include "rig_test.h"

#define PAGES 32u

static struct quire_pmem storage[PAGES];
static struct quire_pmem_pool pool;
static bool fixed[PAGES];
static bool used[PAGES];
static bool kept[PAGES]; /* fixed, but only for the thread that used it last */
static unsigned aged[PAGES];
static unsigned cleared[PAGES];
static struct quire_policy_clock hand;
static struct quire_policy *policy;

static unsigned state(void *ctx, uint32_t number)
{
    (void)ctx;
    return fixed[number] || kept[number] ? QUIRE_PAGE_FIXED : 0u;
}

static unsigned age(void *ctx, uint32_t number)
{
    unsigned answer = state(ctx, number);

    if ((answer & QUIRE_PAGE_FIXED) == 0) {
        answer |= used[number] ? QUIRE_PAGE_USED : 0u;
        used[number] = false;
        aged[number]++;
    }
    return answer;
}

static bool clear(void *ctx, uint32_t number)
{
    (void)ctx;
    if (fixed[number]) {
        return false;
    }
    used[number] = false;
    cleared[number]++;
    return true;
}

static unsigned aged_in_all(void)
{
    unsigned sum = 0;
    uint32_t i;

    for (i = 0; i < PAGES; i++) {
        sum += aged[i];
    }
    return sum;
}

/* As after a fault: the access that is retried marks the page. */
static void insert(uint32_t number)
{
    policy->ops->insert(policy, number, QUIRE_DISTANCE_UNKNOWN);
    used[number] = true;
}

static uint32_t evict(void)
{
    uint32_t number = policy->ops->victim(policy);

    if (number != QUIRE_PAGE_NONE) {
        policy->ops->remove(policy, number);
    }
    return number;
}

static void empty(void)
{
    quire_pmem_pool_init(&pool);
    cr_assert_eq(quire_pmem_pool_add(&pool, quire_pa_make(0), PAGES, storage), QUIRE_OK);
    memset(fixed, 0, sizeof fixed);
    memset(used, 0, sizeof used);
    memset(kept, 0, sizeof kept);
    memset(aged, 0, sizeof aged);
    memset(cleared, 0, sizeof cleared);
    policy = quire_policy_clock_init(&hand);
    policy->host.pages = &pool.pages;
    policy->host.state = state;
    policy->host.age = age;
    policy->host.clear = clear;
}

TestSuite(policy_clock, .init = empty);

/* Pages 0..n-1, none of them used since, and no mark left to clear. */
static void fill(uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        insert(i);
    }
    memset(used, 0, sizeof used);
    hand.newest = QUIRE_PAGE_NONE;
}

Test(policy_clock, unused_pages_go_in_the_order_they_came)
{
    uint32_t i;

    fill(5);
    for (i = 0; i < 5u; i++) {
        cr_assert_eq(evict(), i);
        cr_assert(policy->ops->check(policy, 4u - i));
    }
    cr_assert_eq(evict(), QUIRE_PAGE_NONE);
}

Test(policy_clock, used_page_is_passed_over_once)
{
    fill(4);
    used[0] = true;
    used[2] = true;
    cr_assert_eq(evict(), 1);
    cr_assert_eq(evict(), 3);
    cr_assert_eq(evict(), 0);
    cr_assert_eq(evict(), 2);
}

Test(policy_clock, page_used_again_and_again_stays)
{
    uint32_t i;

    fill(4);
    for (i = 1; i < 4u; i++) {
        used[0] = true;
        cr_assert_eq(evict(), i);
    }
}

Test(policy_clock, first_use_of_the_newest_page_proves_nothing)
{
    fill(2);
    used[0] = true;
    used[1] = true;
    insert(2);
    /* The mark of page 2 is cleared now, before the hand comes by; those of 0 and 1 were earned. */
    cr_assert_eq(evict(), 2);
    cr_assert_eq(cleared[2], 1u);
}

Test(policy_clock, newest_page_is_cleared_although_a_thread_keeps_it)
{
    fill(2);
    insert(2);
    kept[2] = true;
    cr_assert_eq(evict(), 0);
    cr_assert_eq(cleared[2], 1u);
    cr_assert_not(used[2]);
    cr_assert_eq(evict(), 1);
    cr_assert_eq(cleared[2], 1u);
}

Test(policy_clock, newest_page_that_is_held_is_cleared_later)
{
    fill(3);
    insert(3);
    fixed[3] = true;
    cr_assert_eq(evict(), 0);
    cr_assert(used[3]);
    fixed[3] = false;
    cr_assert_eq(evict(), 1);
    cr_assert_not(used[3]);
}

Test(policy_clock, mark_of_the_newest_page_is_cleared_only_once)
{
    fill(3);
    insert(3);
    cr_assert_eq(evict(), 0);
    used[3] = true;
    cr_assert_eq(evict(), 1);
    cr_assert_eq(evict(), 2);
    cr_assert_eq(cleared[3], 1u);
    cr_assert(used[3]);
}

Test(policy_clock, newest_page_that_went_away_is_not_asked_about)
{
    fill(2);
    insert(2);
    policy->ops->remove(policy, 2);
    cr_assert_eq(evict(), 0);
    cr_assert_eq(cleared[2], 0u);
}

Test(policy_clock, fixed_pages_are_passed_over_and_not_asked_about)
{
    fill(3);
    fixed[0] = true;
    fixed[1] = true;
    cr_assert_eq(evict(), 2);
    cr_assert_eq(evict(), QUIRE_PAGE_NONE);
    fixed[1] = false;
    cr_assert_eq(evict(), 1);
    cr_assert_eq(aged[0], 0u);
}

Test(policy_clock, eviction_looks_at_a_bounded_number_of_used_pages)
{
    fill(PAGES);
    memset(used, 1, sizeof used);
    cr_assert_eq(evict(), 0); /* the first it passed over: the one not used for longest, as far as it knows */
    cr_assert_eq(aged_in_all(), QUIRE_POLICY_CLOCK_CHANCES + 1u);
}

Test(policy_clock, looking_in_vain_makes_the_next_eviction_look_less_far)
{
    uint32_t i;

    fill(PAGES);
    for (i = QUIRE_POLICY_CLOCK_CHANCES + 1u; i > 1u; i--) {
        memset(used, 1, sizeof used);
        memset(aged, 0, sizeof aged);
        (void)evict();
        cr_assert_eq(aged_in_all(), i);
    }
    memset(used, 1, sizeof used);
    memset(aged, 0, sizeof aged);
    (void)evict();
    cr_assert_eq(aged_in_all(), 1u);
}

Test(policy_clock, an_unused_page_makes_it_look_as_far_as_it_may_again)
{
    fill(PAGES);
    hand.chances = 3;
    memset(used, 1, sizeof used);
    (void)evict();
    (void)evict();
    memset(used, 0, sizeof used);
    (void)evict();
    memset(used, 1, sizeof used);
    memset(aged, 0, sizeof aged);
    (void)evict();
    cr_assert_eq(aged_in_all(), 4u);
}

Test(policy_clock, bound_may_be_changed_down_to_none)
{
    fill(PAGES);
    memset(used, 1, sizeof used);
    hand.chances = 0;
    cr_assert_eq(evict(), 0);
    cr_assert_eq(aged_in_all(), 1u);
    cr_assert_eq(evict(), 1);
    hand.chances = UINT32_MAX;
    cr_assert_eq(evict(), 2); /* all were used: round the ring, and the first again */
    cr_assert_eq(aged_in_all(), PAGES);
}

Test(policy_clock, victim_is_found_among_used_pages_when_all_others_are_fixed)
{
    fill(PAGES);
    memset(fixed, 1, sizeof fixed);
    fixed[17] = false;
    used[17] = true;
    cr_assert_eq(evict(), 17);
    cr_assert_eq(evict(), QUIRE_PAGE_NONE);
}

Test(policy_clock, check_knows_how_many_pages_it_has)
{
    fill(4);
    cr_assert(policy->ops->check(policy, 4));
    cr_assert_not(policy->ops->check(policy, 5));
    storage[2].policy.prev = 2;
    cr_assert_not(policy->ops->check(policy, 4));
}

Test(policy_clock, it_has_a_name)
{
    cr_assert_str_eq(policy->ops->name, "clock");
}

/* ---- With the pager ---- */

static unsigned entry(struct rig *rig, struct quire_vm *vm, uint32_t page)
{
    const struct quire_mmu *mmu = rig->pager.mmu;
    uintptr_t key = mmu->lock(mmu->ctx);
    unsigned bits = mmu->query(mmu->ctx, vm, RIG_AT(page));

    mmu->unlock(mmu->ctx, key);
    return bits;
}

/* Nine pages are read in a pool of eight: the one read last before the eviction is among the last of the thread. */
static void read_nine_of_eight(struct rig *rig, struct quire_vm *vm, enum quire_sim_flags flags)
{
    struct rig_config config = {.flags = flags, .policy = RIG_CLOCK, .pages = 8};
    uint32_t i;

    rig_start(rig, &config);
    rig_vm_start(rig, vm);
    EXPECT(rig_map(vm, &rig_store_new(rig, 16, RW)->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < 9u; i++) {
        cr_expect_geq(rig_byte(rig, vm, RIG_AT(i)), 0);
    }
    cr_expect_eq(rig_stats(rig).evictions, 1u);
}

Test(policy_clock, pager_clears_the_mark_of_the_newest_page_although_a_thread_keeps_it)
{
    struct quire_vm vm;
    struct rig rig;

    read_nine_of_eight(&rig, &vm, QUIRE_SIM_HW_ACCESSED_DIRTY);
    cr_expect((entry(&rig, &vm, 6) & QUIRE_ENTRY_ACCESSED) != 0); /* kept too, and nobody asked */
    cr_expect_eq(entry(&rig, &vm, 7) & (QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED), QUIRE_ENTRY_PRESENT);
    END(&rig);
}

Test(policy_clock, pager_without_flags_takes_away_the_entry_of_the_newest_page)
{
    struct quire_vm vm;
    struct rig rig;

    read_nine_of_eight(&rig, &vm, QUIRE_SIM_NO_FLAGS);
    cr_expect((entry(&rig, &vm, 6) & QUIRE_ENTRY_PRESENT) != 0);
    cr_expect((entry(&rig, &vm, 7) & QUIRE_ENTRY_PRESENT) == 0);
    END(&rig);
}
