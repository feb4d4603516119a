/* quota.h: accounts of the user's, on every kind of hardware, with either way of flushing. */
#include "rig_test.h"

struct world {
    struct rig rig;
    struct rig_account a;
    struct rig_account b;
    struct quire_vm vm; /* shows `mine` from 0 and `theirs` from 32 */
    struct rig_store *mine;
    struct rig_store *theirs;
};

#define PAGES 16u /* in the pool */
#define STORE 24u /* in each object */
#define THEIRS 32u

static void world_start(struct world *w, struct rig_config config, uint32_t quota_a, uint32_t reserved_a, uint32_t quota_b,
                        uint32_t reserved_b)
{
    memset(w, 0, sizeof *w);
    rig_start(&w->rig, &config);
    EXPECT(rig_account_start(&w->rig, &w->a, quota_a, reserved_a), QUIRE_OK);
    EXPECT(rig_account_start(&w->rig, &w->b, quota_b, reserved_b), QUIRE_OK);
    rig_vm_start(&w->rig, &w->vm);
    w->mine = rig_account_store(&w->rig, &w->a, STORE, RW);
    w->theirs = rig_account_store(&w->rig, &w->b, STORE, RW);
    EXPECT(rig_map(&w->vm, &w->mine->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&w->vm, &w->theirs->fobj, RIG_AT(THEIRS), RW), QUIRE_OK);
}

/* Everything goes, and the accounts with it: an object that is dead is charged nowhere. */
static void world_stop(struct world *w)
{
    EXPECT_SOUND(&w->rig);
    EXPECT(quire_account_fini(&w->a.account), QUIRE_BUSY);
    EXPECT(quire_pager_fini(&w->rig.pager), QUIRE_BUSY);
    EXPECT(rig_vm_stop(&w->rig, &w->vm), QUIRE_OK);
    EXPECT(rig_store_put(w->mine), QUIRE_OK);
    EXPECT(rig_store_put(w->theirs), QUIRE_OK);
    EXPECT_SOUND(&w->rig);
    cr_expect_eq(w->a.account.charged, 0);
    EXPECT(quire_pager_fini(&w->rig.pager), QUIRE_BUSY); /* accounts are left */
    EXPECT(quire_account_fini(&w->a.account), QUIRE_OK);
    EXPECT(quire_account_fini(&w->b.account), QUIRE_OK);
    EXPECT_SOUND(&w->rig);
    rig_stop(&w->rig);
}

static void everywhere(void (*scenario)(struct rig_config config))
{
    unsigned flags;
    unsigned mode;

    for (flags = QUIRE_SIM_HW_ACCESSED_DIRTY; flags <= QUIRE_SIM_NO_FLAGS; flags++) {
        for (mode = 0; mode < 2u * RIG_POLICIES; mode++) {
            struct rig_config config = {.pages = PAGES};

            config.flags = (enum quire_sim_flags)flags;
            config.flush_unlocked = mode % 2u != 0;
            config.policy = (enum rig_policy)(mode / 2u);
            scenario(config);
        }
    }
}

static void touch(struct world *w, uint32_t first, uint32_t n)
{
    uint32_t i;

    for (i = first; i < first + n; i++) {
        cr_expect_geq(rig_byte(&w->rig, &w->vm, RIG_AT(i)), 0, "page %u", i);
    }
    EXPECT_SOUND(&w->rig);
}

static struct quire_account_info info(const struct rig_account *account)
{
    struct quire_account_info out;

    quire_account_get_info(&account->account, &out);
    return out;
}

/* ---- Making, limits, end ---- */

Test(quota, account_init_refuses_what_cannot_be)
{
    struct quire_account_config config = {0};
    struct quire_policy_clock clock;
    struct quire_account account;
    struct rig_config rc = {.pages = PAGES, .concurrency = 1, .step = 4}; /* the least is 5 pages */
    struct rig rig;

    rig_start(&rig, &rc);
    EXPECT(quire_account_init(&account, &rig.pager, &config), QUIRE_INVALID);
    config.policy = &rig.policies.clock.base; /* the root's */
    EXPECT(quire_account_init(&account, &rig.pager, &config), QUIRE_INVALID);
    config.policy = quire_policy_clock_init(&clock);
    config.quota = 4;
    config.reserved = 5;
    EXPECT(quire_account_init(&account, &rig.pager, &config), QUIRE_INVALID);
    config.quota = 0;
    config.reserved = PAGES - 4;
    EXPECT(quire_account_init(&account, &rig.pager, &config), QUIRE_LIMIT);
    config.reserved = UINT32_MAX;
    EXPECT(quire_account_init(&account, &rig.pager, &config), QUIRE_LIMIT);
    EXPECT_SOUND(&rig);
    config.reserved = PAGES - 5;
    config.user = &rig;
    EXPECT(quire_account_init(&account, &rig.pager, &config), QUIRE_OK);
    cr_expect_eq(account.user, &rig);
    cr_expect_eq(account.quota, QUIRE_QUOTA_NONE);
    EXPECT_SOUND(&rig);
    EXPECT(quire_account_fini(&account), QUIRE_OK);
    EXPECT(quire_account_fini(&rig.pager.root), QUIRE_INVALID);
    END(&rig);
}

Test(quota, limits_are_refused_that_cannot_be_kept)
{
    struct rig_config config = {.pages = PAGES, .concurrency = 1, .step = 4};
    struct quire_pin pin;
    struct world w;

    world_start(&w, config, 0, 6, 0, 5);
    EXPECT(quire_account_set_limits(&w.a.account, 0, 0), QUIRE_INVALID);
    EXPECT(quire_account_set_limits(&w.a.account, 4, 5), QUIRE_INVALID);
    EXPECT(quire_account_set_limits(&w.a.account, 9, 7), QUIRE_LIMIT);
    cr_expect_eq(info(&w.a).reserved, 6);
    EXPECT(quire_account_set_limits(&w.b.account, 9, 4), QUIRE_OK);
    EXPECT(quire_account_set_limits(&w.a.account, 9, 7), QUIRE_OK);
    EXPECT(quire_account_set_limits(&w.rig.pager.root, QUIRE_QUOTA_NONE, 1), QUIRE_LIMIT);
    EXPECT(quire_account_set_limits(&w.a.account, QUIRE_QUOTA_NONE, 0), QUIRE_OK);
    /* What is pinned beyond a reservation is promised, too. */
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.mine->fobj, 0, 3, false, true, &pin), QUIRE_OK);
    EXPECT(quire_account_set_limits(&w.b.account, 9, 9), QUIRE_LIMIT);
    EXPECT(quire_account_set_limits(&w.b.account, 9, 8), QUIRE_OK);
    EXPECT(quire_account_set_limits(&w.a.account, QUIRE_QUOTA_NONE, 3), QUIRE_OK); /* they are there already */
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    world_stop(&w);
}

Test(quota, root_account_has_limits_like_any_other)
{
    struct rig_config config = {.pages = PAGES};
    struct rig_store *store;
    struct quire_vm vm;
    struct rig rig;
    uint32_t i;

    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, STORE, RW);
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(quire_account_set_limits(&rig.pager.root, 7, 0), QUIRE_OK);
    for (i = 0; i < STORE; i++) {
        cr_expect_geq(rig_byte(&rig, &vm, RIG_AT(i)), 0);
    }
    cr_expect_eq(rig.pager.root.charged, 7);
    END(&rig);
}

Test(quota, object_changes_its_account_only_while_nothing_shows_or_holds_it)
{
    struct rig_config config = {.pages = PAGES};
    struct quire_pin pin;
    struct rig_store *store;
    struct rig other;
    struct world w;

    world_start(&w, config, 0, 0, 0, 0);
    store = rig_store_new(&w.rig, 4, RW);
    store->fobj.rank = 1;
    EXPECT(quire_fobj_set_account(&store->fobj, &w.a.account), QUIRE_INVALID);
    store->fobj.rank = 0;
    EXPECT(quire_fobj_set_account(&store->fobj, &w.a.account), QUIRE_OK);
    EXPECT(quire_fobj_set_account(&store->fobj, &w.b.account), QUIRE_OK);
    cr_expect_eq(info(&w.a).objects, 1);
    cr_expect_eq(info(&w.b).objects, 2);
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_pin_fobj(&w.rig.pager, &store->fobj, 0, 1, false, true, &pin), QUIRE_OK); /* never mapped */
    cr_expect_eq(info(&w.b).charged, 1);
    EXPECT(quire_fobj_set_account(&store->fobj, &w.a.account), QUIRE_BUSY);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    EXPECT(quire_fobj_set_account(&store->fobj, &w.a.account), QUIRE_BUSY);
    EXPECT(quire_pager_invalidate(&w.rig.pager, &store->fobj, 0, 4), QUIRE_OK);
    EXPECT(quire_fobj_set_account(&store->fobj, &w.a.account), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &store->fobj, RIG_AT(60), RW), QUIRE_OK);
    EXPECT(quire_fobj_set_account(&store->fobj, &w.b.account), QUIRE_BUSY);
    rig_start(&other, &config);
    EXPECT(quire_fobj_set_account(&store->fobj, &other.pager.root), QUIRE_MISMATCH);
    END(&other);
    EXPECT(rig_store_put(store), QUIRE_OK);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(60), 4), QUIRE_OK);
    world_stop(&w);
}

Test(quota, object_that_was_never_mapped_leaves_its_account_when_it_dies)
{
    struct rig_config config = {.pages = PAGES};
    struct rig_account account;
    struct rig_store *store;
    struct rig rig;

    rig_start(&rig, &config);
    EXPECT(rig_account_start(&rig, &account, 0, 0), QUIRE_OK);
    store = rig_account_store(&rig, &account, 4, RW);
    EXPECT(quire_account_fini(&account.account), QUIRE_BUSY);
    EXPECT(rig_store_put(store), QUIRE_OK);
    cr_expect_eq(store->freed, 1);
    EXPECT(quire_fobj_set_account(&store->fobj, &account.account), QUIRE_DEAD);
    EXPECT(quire_account_fini(&account.account), QUIRE_OK);
    END(&rig);
}

/* ---- Who pays ---- */

static void shared_object_is_charged_once_(struct rig_config config)
{
    struct quire_vm neighbour;
    struct world w;
    uint32_t i;

    world_start(&w, config, 0, 0, 0, 0);
    rig_vm_start(&w.rig, &neighbour);
    EXPECT(rig_map(&neighbour, &w.mine->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < 6; i++) {
        cr_expect_geq(rig_byte(&w.rig, &neighbour, RIG_AT(i)), 0); /* who touches it first is not its owner */
    }
    touch(&w, 0, 6);
    cr_expect_eq(info(&w.a).charged, 6);
    cr_expect_eq(info(&w.a).stats.major, 6);
    cr_expect_eq(info(&w.b).charged, 0);
    cr_expect_eq(w.rig.pager.root.charged, 0);
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, STORE), QUIRE_OK);
    cr_expect_eq(info(&w.a).charged, 6, "unmapping takes no page away");
    EXPECT(rig_vm_stop(&w.rig, &neighbour), QUIRE_OK);
    world_stop(&w);
}

Test(quota, shared_object_is_charged_to_its_account_whoever_touches_it)
{
    everywhere(shared_object_is_charged_once_);
}

static void quota_evicts_its_own_(struct rig_config config)
{
    struct world w;
    uint32_t round;

    world_start(&w, config, 6, 0, 0, 0);
    touch(&w, THEIRS, 4);
    for (round = 0; round < 3; round++) {
        touch(&w, 0, STORE);
        cr_expect_eq(info(&w.a).charged, 6);
        cr_expect_eq(present(w.theirs), 4, "a neighbour lost pages to an account at its quota");
    }
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_FREE], PAGES - 10, "free pages are no reason to pass the quota");
    cr_expect_eq(info(&w.a).stats.over_quota, 0);
    cr_expect_eq(info(&w.a).stats.evictions, info(&w.a).stats.major - 6u);
    cr_expect_eq(info(&w.a).stats.lost, 0);
    cr_expect_eq(info(&w.b).stats.evictions, 0);
    world_stop(&w);
}

Test(quota, account_at_its_quota_evicts_its_own_pages)
{
    everywhere(quota_evicts_its_own_);
}

static void lower_quota_shrinks_(struct rig_config config)
{
    struct world w;
    uint32_t before;

    config.pages = 32;
    world_start(&w, config, 0, 0, 0, 0);
    touch(&w, 0, STORE);
    EXPECT(quire_account_set_limits(&w.a.account, 6, 0), QUIRE_OK);
    cr_expect_eq(info(&w.a).charged, STORE, "nothing is evicted by setting a limit");
    EXPECT_SOUND(&w.rig);
    touch(&w, 0, 1); /* resident: no fault, or a minor one */
    cr_expect_eq(info(&w.a).charged, STORE);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(THEIRS), STORE), QUIRE_OK);
    EXPECT(quire_pager_invalidate(&w.rig.pager, &w.mine->fobj, 20, 1), QUIRE_OK);
    before = info(&w.a).charged;
    touch(&w, 20, 1); /* a major one */
    cr_expect_lt(info(&w.a).charged, before, "a fault beyond the quota makes it smaller");
    cr_expect_geq(info(&w.a).charged + 8u, before, "by a few pages");
    touch(&w, 0, 20);
    cr_expect_eq(info(&w.a).charged, 6);
    cr_expect_eq(info(&w.a).stats.over_quota, 0, "none was taken, they were there");
    cr_expect_eq(w.a.account.tolerated, 0, "that is forgotten");
    world_stop(&w);
}

Test(quota, faults_shrink_an_account_whose_quota_was_lowered)
{
    everywhere(lower_quota_shrinks_);
}

/* ---- Reservations ---- */

static void reserved_pages_stay_(struct rig_config config)
{
    struct world w;
    uint32_t round;

    world_start(&w, config, 0, 8, 0, 0);
    touch(&w, 0, 8);
    for (round = 0; round < 3; round++) {
        touch(&w, THEIRS, STORE);
        cr_expect_eq(present(w.mine), 8, "reserved pages were taken");
    }
    cr_expect_eq(info(&w.a).stats.lost, 0);
    cr_expect_eq(info(&w.b).charged, PAGES - 8);
    touch(&w, 0, STORE); /* its own faults may evict them */
    cr_expect_eq(info(&w.a).stats.won, info(&w.b).stats.lost);
    world_stop(&w);
}

Test(quota, reserved_pages_are_not_taken_by_others)
{
    everywhere(reserved_pages_stay_);
}

static void reservation_is_filled_from_others_(struct rig_config config)
{
    struct world w;

    world_start(&w, config, 0, 11, 0, 0); /* all but the least a pager needs */
    touch(&w, THEIRS, STORE);
    cr_expect_eq(info(&w.b).charged, PAGES, "what nobody uses is not held back");
    touch(&w, 0, 11);
    touch(&w, 0, 11);
    cr_expect_eq(info(&w.a).stats.major, 11, "what is reserved can be had, and stays");
    cr_expect_eq(info(&w.b).stats.lost, 11);
    touch(&w, THEIRS, STORE);
    cr_expect_eq(present(w.mine), 11);
    world_stop(&w);
}

Test(quota, missing_part_of_a_reservation_comes_from_who_has_more_than_his)
{
    everywhere(reservation_is_filled_from_others_);
}

static void accounts_level_out_(struct rig_config config)
{
    struct world w;
    uint32_t i;

    world_start(&w, config, 0, 0, 0, 0);
    touch(&w, THEIRS, STORE);
    for (i = 0; i < 4u * STORE; i++) {
        touch(&w, i % STORE, 1);
        touch(&w, THEIRS + (i * 5u) % STORE, 1);
    }
    cr_expect_eq(info(&w.a).charged, PAGES / 2u, "%u", info(&w.a).charged);
    cr_expect_eq(info(&w.b).charged, PAGES / 2u);
    cr_expect_leq(info(&w.b).stats.lost, PAGES / 2u, "pages went to and fro");
    cr_expect_eq(info(&w.a).stats.lost, 0);
    world_stop(&w);
}

Test(quota, accounts_without_limits_that_want_all_get_the_same)
{
    everywhere(accounts_level_out_);
}

/* ---- An instruction finishes ---- */

/* Runs an instruction that needs all n pages at once: from its beginning after each fault. */
static unsigned step_until_all(struct world *w, const uint32_t *page, unsigned n)
{
    unsigned faults = 0;
    unsigned i = 0;

    while (i < n && faults < 64u) {
        unsigned char byte;

        if (quire_sim_access(&w->rig.sim, 0, &w->vm, RIG_AT(page[i]), RIG_READ, false, &byte, 1) == QUIRE_SIM_DONE) {
            i++;
            continue;
        }
        EXPECT(rig_fault(&w->rig, &w->vm, RIG_AT(page[i]), RIG_READ, NULL), QUIRE_OK);
        EXPECT_SOUND(&w->rig);
        faults++;
        i = 0;
    }
    return faults;
}

static void quota_below_a_step_(struct rig_config config)
{
    static const uint32_t pages[] = {0, 5, 11, THEIRS, 3, 17, THEIRS + 9, 2};
    struct world w;
    unsigned i;

    config.step = 4;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, 4, 0);
    world_start(&w, config, 1, 0, 2, 0);
    for (i = 0; i + 4u <= sizeof pages / sizeof pages[0]; i++) {
        unsigned faults = step_until_all(&w, pages + i, 4);

        cr_expect_leq(faults, 8, "%u faults", faults);
    }
    cr_expect_gt(info(&w.a).stats.over_quota, 0);
    cr_expect_leq(info(&w.a).charged, 4, "a step's pages, and no more");
    touch(&w, THEIRS, 4); /* others are used last: what was beyond the quota can go */
    touch(&w, 8, 1);
    cr_expect_eq(info(&w.a).charged, 1);
    world_stop(&w);
}

Test(quota, instruction_finishes_in_the_smallest_pool_under_a_quota_below_its_pages)
{
    everywhere(quota_below_a_step_);
}

static void reservations_leave_enough_(struct rig_config config)
{
    static const uint32_t pages[] = {THEIRS, THEIRS + 5, THEIRS + 11, THEIRS + 7};
    struct world w;

    config.step = 4;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, 4, 0) + 6u;
    world_start(&w, config, 0, 6, 0, 0);
    touch(&w, 0, STORE);
    cr_expect_leq(step_until_all(&w, pages, 4), 8);
    touch(&w, THEIRS, STORE);
    cr_expect_geq(info(&w.a).charged, 6);
    cr_expect_leq(step_until_all(&w, pages, 4), 8);
    world_stop(&w);
}

Test(quota, instruction_finishes_when_all_that_can_be_is_reserved_for_another)
{
    everywhere(reservations_leave_enough_);
}

/* ---- Pins and other pages that stay ---- */

static void pins_stay_within_(struct rig_config config)
{
    struct quire_pin pin[2];
    struct world w;

    config.step = 4;
    world_start(&w, config, 7, 0, 0, 6);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.mine->fobj, 0, 4, false, true, &pin[0]), QUIRE_NO_PAGE);
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.mine->fobj, 0, 3, false, true, &pin[0]), QUIRE_OK);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.mine->fobj, 2, 2, false, true, &pin[1]), QUIRE_NO_PAGE);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.mine->fobj, 1, 2, false, true, &pin[1]), QUIRE_OK); /* pinned already */
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(info(&w.a).fixed, 3);
    touch(&w, 0, STORE);
    cr_expect_leq(info(&w.a).charged, 7);
    cr_expect_eq(info(&w.a).stats.over_quota, 0, "pins leave a step's pages of the quota");
    EXPECT(quire_unpin(&pin[0]), QUIRE_OK);
    EXPECT(quire_unpin(&pin[1]), QUIRE_OK);
    cr_expect_eq(info(&w.a).fixed, 0);
    world_stop(&w);
}

Test(quota, pins_leave_of_a_quota_what_an_instruction_needs)
{
    everywhere(pins_stay_within_);
}

static void pins_leave_reservations_(struct rig_config config)
{
    struct quire_pin pin[3];
    struct world w;

    config.step = 4; /* 16 pages: 5 for the pager, 6 reserved, 5 for pins */
    world_start(&w, config, 0, 6, 0, 0);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.theirs->fobj, 0, 6, false, true, &pin[0]), QUIRE_NO_PAGE);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.theirs->fobj, 0, 5, false, true, &pin[0]), QUIRE_OK);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.mine->fobj, 0, 7, false, true, &pin[1]), QUIRE_NO_PAGE);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.mine->fobj, 0, 6, true, true, &pin[1]), QUIRE_OK); /* it is reserved for them */
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.theirs->fobj, 8, 1, false, true, &pin[2]), QUIRE_NO_PAGE);
    EXPECT_SOUND(&w.rig);
    touch(&w, THEIRS, STORE);
    touch(&w, 0, STORE);
    EXPECT(quire_unpin(&pin[0]), QUIRE_OK);
    EXPECT(quire_unpin(&pin[1]), QUIRE_OK);
    world_stop(&w);
}

Test(quota, pins_leave_what_is_reserved_for_others)
{
    everywhere(pins_leave_reservations_);
}

static void locked_and_unsaved_pages_count_(struct rig_config config)
{
    struct rig_store *locked;
    struct rig_store *unsaved;
    struct world w;

    config.step = 4;
    world_start(&w, config, 6, 0, 0, 0);
    locked = rig_account_store(&w.rig, &w.a, 4, RW);
    locked->fobj.flags = QUIRE_FOBJ_LOCKED;
    unsaved = store_that_never_saves(&w.rig, 4, RW);
    EXPECT(quire_fobj_set_account(&unsaved->fobj, &w.a.account), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &locked->fobj, RIG_AT(24), RW), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &unsaved->fobj, RIG_AT(28), RW), QUIRE_OK);
    cr_expect_geq(rig_byte(&w.rig, &w.vm, RIG_AT(24)), 0);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(28), 1), QUIRE_OK);
    cr_expect_eq(info(&w.a).fixed, 2);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(25), RIG_READ, NULL), QUIRE_NO_PAGE);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(29), RIG_WRITE, NULL), QUIRE_NO_PAGE);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(29), RIG_READ, NULL), QUIRE_OK);
    cr_expect_gt(info(&w.a).stats.refused, 0);
    touch(&w, 0, STORE);
    EXPECT(quire_account_set_limits(&w.a.account, 8, 0), QUIRE_OK);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(25), RIG_READ, NULL), QUIRE_OK);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(29), RIG_WRITE, NULL), QUIRE_OK);
    EXPECT(rig_store_put(locked), QUIRE_OK);
    EXPECT(rig_store_put(unsaved), QUIRE_OK);
    world_stop(&w);
}

Test(quota, locked_pages_and_pages_that_cannot_be_saved_count_as_pinned_ones_do)
{
    everywhere(locked_and_unsaved_pages_count_);
}

/* ---- Failures ---- */

static void failing_store_at_its_quota_(struct rig_config config)
{
    struct quire_fault_result out;
    struct world w;
    uint32_t i;

    config.step = 2;
    world_start(&w, config, 6, 0, 0, 0);
    touch(&w, THEIRS, 8);
    for (i = 0; i < 6; i++) {
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(i), (unsigned char)(i + 1u)), QUIRE_OK);
    }
    rig_fail(&w.mine->save_fails, 1, UINT64_MAX, QUIRE_IO);
    for (i = 0; i < 3; i++) {
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(8 + i), RIG_READ, &out), QUIRE_NO_PAGE);
        cr_expect_eq(out.store, QUIRE_IO);
        EXPECT_SOUND(&w.rig);
    }
    cr_expect_eq(present(w.theirs), 8, "no neighbour pays for a store that fails");
    cr_expect_eq(info(&w.a).charged, 6, "nor does the quota give way");
    cr_expect_eq(info(&w.a).stats.refused, 3);
    cr_expect_eq(info(&w.b).stats.lost, 0);
    EXPECT(quire_pager_write_back(&w.rig.pager, &w.mine->fobj, 0, 6, true), QUIRE_IO);
    rig_fail(&w.mine->save_fails, 0, 0, QUIRE_OK);
    for (i = 0; i < 6; i++) {
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(i)), (int)i + 1, "a page lost what was written");
    }
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(9), RIG_READ, &out), QUIRE_OK);
    world_stop(&w);
}

Test(quota, store_that_cannot_save_at_its_quota_harms_nobody_else)
{
    everywhere(failing_store_at_its_quota_);
}

static void clean_page_is_found_(struct rig_config config)
{
    struct world w;
    uint32_t i;

    config.step = 2;
    world_start(&w, config, 9, 0, 0, 0);
    for (i = 0; i < 8; i++) {
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(i), (unsigned char)(i + 1u)), QUIRE_OK);
    }
    touch(&w, 8, 1);
    touch(&w, THEIRS, 3); /* 8 is among the last pages of no instruction any more */
    rig_fail(&w.mine->save_fails, 1, UINT64_MAX, QUIRE_IO);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(10), RIG_READ, NULL), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    cr_expect_neq(quire_slot_kind(w.mine->slots[8]), QUIRE_SLOT_PRESENT, "the clean one goes");
    cr_expect_leq(w.mine->save_fails.hits, 4);
    cr_expect_eq(present(w.theirs), 3);
    rig_fail(&w.mine->save_fails, 0, 0, QUIRE_OK);
    world_stop(&w);
}

Test(quota, clean_page_of_its_own_goes_after_some_saves_failed)
{
    everywhere(clean_page_is_found_);
}

static void next_account_gives_(struct rig_config config)
{
    struct rig_account c;
    struct rig_store *third;
    struct world w;
    uint32_t i;

    config.step = 2;
    world_start(&w, config, 0, 0, 0, 0);
    EXPECT(rig_account_start(&w.rig, &c, 0, 0), QUIRE_OK);
    third = rig_account_store(&w.rig, &c, 4, RW);
    EXPECT(rig_map(&w.vm, &third->fobj, RIG_AT(60), RW), QUIRE_OK);
    for (i = 0; i < 10; i++) { /* the richest, and all of it dirty */
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(THEIRS + i), (unsigned char)(i + 1u)), QUIRE_OK);
    }
    touch(&w, 0, 6);
    rig_fail(&w.theirs->save_fails, 1, UINT64_MAX, QUIRE_IO);
    touch(&w, 60, 4);
    cr_expect_eq(present(w.theirs), 10);
    cr_expect_eq(info(&w.a).stats.lost, 4, "%ju", (uintmax_t)info(&w.a).stats.lost);
    cr_expect_leq(w.theirs->save_fails.hits, 16, "a few tries in each fault");
    rig_fail(&w.theirs->save_fails, 0, 0, QUIRE_OK);
    for (i = 0; i < 10; i++) {
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(THEIRS + i)), (int)i + 1);
    }
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(60), 4), QUIRE_OK);
    EXPECT(rig_store_put(third), QUIRE_OK);
    EXPECT(quire_account_fini(&c.account), QUIRE_OK);
    world_stop(&w);
}

Test(quota, account_that_cannot_give_passes_it_on_to_the_next)
{
    everywhere(next_account_gives_);
}

static void every_failing_load_leaves_the_charge_(struct rig_config config)
{
    struct world w;
    uint64_t nth;

    world_start(&w, config, 6, 2, 0, 0);
    for (nth = 1; nth <= 20; nth++) {
        uint32_t i;

        rig_fail(&w.rig.load_fails, nth, 1, QUIRE_IO);
        rig_fail(&w.rig.save_fails, nth % 5u + 1u, 2, QUIRE_IO);
        for (i = 0; i < 12; i++) {
            unsigned access = i % 3u == 0 ? RIG_WRITE : RIG_READ;
            enum quire_status status = rig_fault(&w.rig, &w.vm, RIG_AT(i * 2u), access, NULL);

            cr_expect(status == QUIRE_OK || status == QUIRE_IO, "%s", quire_status_name(status));
            status = rig_fault(&w.rig, &w.vm, RIG_AT(THEIRS + (uint32_t)nth + i / 4u), RIG_READ, NULL);
            cr_expect(status == QUIRE_OK || status == QUIRE_IO, "%s", quire_status_name(status));
            EXPECT_SOUND(&w.rig);
            cr_expect_leq(info(&w.a).charged, 6);
        }
        rig_fail(&w.rig.load_fails, 0, 0, QUIRE_OK);
        rig_fail(&w.rig.save_fails, 0, 0, QUIRE_OK);
    }
    world_stop(&w);
}

Test(quota, failing_loads_and_saves_leave_the_accounts_adding_up)
{
    everywhere(every_failing_load_leaves_the_charge_);
}

/* ---- What a policy is told ---- */

struct listener { /* FIFO, and notes the distances it is told */
    struct quire_policy_fifo fifo;
    struct quire_policy_ops ops;
    uint32_t distance[64];
    uint32_t n;
};

static void (*fifo_insert)(struct quire_policy *policy, uint32_t number, uint32_t distance);

static void listener_insert(struct quire_policy *policy, uint32_t number, uint32_t distance)
{
    struct listener *listener = QUIRE_CONTAINER_OF(policy, struct listener, fifo);

    listener->distance[listener->n++ % 64u] = distance;
    fifo_insert(policy, number, distance);
}

Test(quota, policy_is_told_of_distances_in_its_own_account)
{
    struct rig_config config = {.pages = PAGES};
    struct quire_account_config ac = {.quota = 6};
    struct listener listener = {.n = 0};
    struct rig_account b;
    struct quire_account a;
    struct rig_store *mine;
    struct rig_store *theirs;
    struct quire_vm vm;
    struct rig rig;
    uint32_t i;

    rig_start(&rig, &config);
    ac.policy = quire_policy_fifo_init(&listener.fifo);
    listener.ops = *ac.policy->ops;
    fifo_insert = listener.ops.insert;
    listener.ops.insert = listener_insert;
    ac.policy->ops = &listener.ops;
    EXPECT(quire_account_init(&a, &rig.pager, &ac), QUIRE_OK);
    EXPECT(rig_account_start(&rig, &b, 6, 0), QUIRE_OK);
    rig_vm_start(&rig, &vm);
    mine = rig_store_new(&rig, 8, RW);
    EXPECT(quire_fobj_set_account(&mine->fobj, &a), QUIRE_OK);
    theirs = rig_account_store(&rig, &b, STORE, RW);
    EXPECT(rig_map(&vm, &mine->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&vm, &theirs->fobj, RIG_AT(THEIRS), RW), QUIRE_OK);
    for (i = 0; i < 24; i++) { /* 8 pages in 6: each comes back after as many evictions, whatever the neighbour does */
        cr_expect_geq(rig_byte(&rig, &vm, RIG_AT(i % 8u)), 0);
        cr_expect_geq(rig_byte(&rig, &vm, RIG_AT(THEIRS + i % STORE)), 0);
    }
    cr_expect_eq(listener.n, 24);
    for (i = 0; i < 24; i++) {
        cr_expect_eq(listener.distance[i], i < 8 ? QUIRE_DISTANCE_UNKNOWN : 2u, "insert %u: %u", i, listener.distance[i]);
    }
    EXPECT_SOUND(&rig);
    EXPECT(rig_vm_stop(&rig, &vm), QUIRE_OK);
    EXPECT(rig_store_put(mine), QUIRE_OK);
    EXPECT(rig_store_put(theirs), QUIRE_OK);
    EXPECT(quire_account_fini(&a), QUIRE_OK);
    EXPECT(quire_account_fini(&b.account), QUIRE_OK);
    END(&rig);
}
