/* A context that thrashes takes pages only from its own account: a victim's faults, alone and under attack.
 *
 * The victim uses the pages of its working set with locality, as real programs do; the neighbour sweeps over ten times the pool,
 * ten accesses for each of the victim's. The victim's references are the same in both runs, and what it may have is what the limits
 * say, so what differs is what the neighbour does to it. */
#include "rig_test.h"

#include <stdio.h>

#define WORKING_SET 40u
#define ACCESSES 3000u
#define SWEEP 10u /* accesses of the neighbour for one of the victim */
#define STEP 4u
#define NEIGHBOUR RIG_VA

struct bounds { /* 0: none */
    const char *what;
    uint32_t pool;  /* pages when attacked */
    uint32_t alone; /* pages when alone */
    uint32_t quota;
    uint32_t reserved;
    uint32_t neighbour_quota;
    bool shared_thread; /* both run as one thread of the machine: see visit() */
};

struct outcome {
    uint64_t majors;
    uint64_t lost; /* the victim's pages that others got, once it was warm */
    uint64_t attacks;
};

/* The k-th page of n is used in proportion to 1 / (k + 1): the integer part of n^u grows like that. */
static uint32_t zipf(uint64_t *random, uint32_t n)
{
    static uint32_t sum[WORKING_SET + 1u]; /* of 2^16 / k */
    uint32_t pick;
    uint32_t k;

    for (k = 1; k <= WORKING_SET && sum[WORKING_SET] == 0; k++) {
        sum[k] = sum[k - 1u] + 65536u / k;
    }
    pick = random_below(random, sum[n]);
    for (k = 0; pick >= sum[k + 1u]; k++) {
    }
    return (k * 17u) % n; /* neighbours in use are not neighbours in the object */
}

/* ---- One thread for both ---- */

/* A thread's last STEP pages stay, whatever the policy thinks, and count as any other for the account that pays for them. What a
 * thread does in another context therefore takes that from the pages it used before, as much by touching pages that nobody
 * competes for as by thrashing; which way that turns what a policy does is chance. So the victim that is alone visits such
 * pages. */
struct visited {
    struct rig_store *store;
    struct quire_pin pin;
    struct quire_vm vm;
};

static void visit(struct rig *rig, struct visited *visited)
{
    unsigned char byte;
    uint32_t i;

    EXPECT(rig_map(&visited->vm, &visited->store->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < STEP; i++) {
        EXPECT(rig_access(rig, 0, 0, &visited->vm, RIG_AT(i), RIG_READ, &byte, 1), QUIRE_OK); /* a minor fault */
    }
    EXPECT(quire_vm_unmap(&visited->vm, RIG_VA, STEP), QUIRE_OK);
}

static void begin_visits(struct rig *rig, struct visited *visited)
{
    memset(visited, 0, sizeof *visited);
    rig_vm_start(rig, &visited->vm);
    visited->store = rig_store_new(rig, STEP, RW);
    EXPECT(rig_map(&visited->vm, &visited->store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(quire_pin_va(&rig->pager, &visited->vm, RIG_VA, STEP, false, false, &visited->pin), QUIRE_OK);
    EXPECT(quire_vm_unmap(&visited->vm, RIG_VA, STEP), QUIRE_OK);
}

static void end_visits(struct rig *rig, struct visited *visited)
{
    cr_expect_eq(visited->vm.stats.major, 0);
    cr_expect_eq(visited->vm.stats.minor, (uint64_t)ACCESSES * STEP, "%ju minor faults", (uintmax_t)visited->vm.stats.minor);
    EXPECT(quire_unpin(&visited->pin), QUIRE_OK);
    EXPECT(rig_vm_stop(rig, &visited->vm), QUIRE_OK);
    EXPECT(rig_store_put(visited->store), QUIRE_OK);
}

/* ---- A run ---- */

static struct outcome run(struct rig_config config, const struct bounds *bounds, bool attacked)
{
    uint32_t sweep = bounds->pool * 10u;
    uint32_t attacker_thread = bounds->shared_thread ? 0 : 1u;
    bool visits = bounds->shared_thread && !attacked;
    struct outcome outcome = {0};
    uint64_t random = 7;
    struct rig_account victim;
    struct rig_account other;
    struct visited visited;
    struct rig_store *mine;
    struct rig_store *theirs;
    struct quire_vm vm;
    struct quire_vm neighbour;
    uint64_t lost;
    struct rig rig;
    uint32_t at = 0;
    uint32_t i;
    uint32_t k;

    config.pages = attacked ? bounds->pool : bounds->alone + (visits ? STEP : 0);
    config.concurrency = 2;
    config.step = STEP;
    config.vm_pages = sweep > WORKING_SET ? sweep : WORKING_SET;
    rig_start(&rig, &config);
    EXPECT(rig_account_start(&rig, &victim, bounds->quota, attacked ? bounds->reserved : 0), QUIRE_OK);
    EXPECT(rig_account_start(&rig, &other, bounds->neighbour_quota, 0), QUIRE_OK);
    rig_vm_start(&rig, &vm);
    rig_vm_start(&rig, &neighbour);
    mine = rig_account_store(&rig, &victim, WORKING_SET, RW);
    theirs = rig_account_store(&rig, &other, sweep, RW);
    EXPECT(rig_map(&vm, &mine->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&neighbour, &theirs->fobj, NEIGHBOUR, RW), QUIRE_OK);
    if (visits) {
        begin_visits(&rig, &visited);
    }
    lost = 0;
    for (i = 0; i < ACCESSES; i++) {
        uint32_t page = zipf(&random, WORKING_SET);
        unsigned access = random >> 62 == 0 ? RIG_WRITE : RIG_READ;
        unsigned char byte = (unsigned char)page;

        EXPECT(rig_access(&rig, 0, 0, &vm, RIG_AT(page), access, &byte, 1), QUIRE_OK);
        for (k = 0; attacked && k < SWEEP; k++) {
            access = at % 7u == 0 ? RIG_WRITE : RIG_READ;
            EXPECT(rig_access(&rig, 1, attacker_thread, &neighbour, NEIGHBOUR + ((uintptr_t)at << QUIRE_PAGE_SHIFT), access,
                              &byte, 1),
                   QUIRE_OK);
            at = (at + 1u) % sweep;
        }
        if (visits) {
            visit(&rig, &visited);
        }
        if (i % 500u == 0) {
            EXPECT_SOUND(&rig);
        }
        if (i == ACCESSES / 4u) {
            lost = victim.account.stats.lost;
        }
    }
    outcome.majors = vm.stats.major;
    cr_expect_eq(outcome.majors, victim.account.stats.major);
    outcome.lost = victim.account.stats.lost - lost;
    outcome.attacks = neighbour.stats.major;
    EXPECT_SOUND(&rig);
    if (visits) {
        end_visits(&rig, &visited);
    }
    EXPECT(rig_vm_stop(&rig, &vm), QUIRE_OK);
    EXPECT(rig_vm_stop(&rig, &neighbour), QUIRE_OK);
    EXPECT(rig_store_put(mine), QUIRE_OK);
    EXPECT(rig_store_put(theirs), QUIRE_OK);
    EXPECT(quire_account_fini(&victim.account), QUIRE_OK);
    EXPECT(quire_account_fini(&other.account), QUIRE_OK);
    END(&rig);
    return outcome;
}

/* CLOCK, and policy_refault.h, which keeps most books, run on all machines, each of the others on one. */
static bool is_run(enum rig_policy policy, unsigned flags, bool unlocked)
{
    return policy == RIG_CLOCK || policy == RIG_REFAULT || (flags == (unsigned)policy && unlocked == (policy == RIG_2Q));
}

/* Not a fault more under attack than alone. */
static void isolated(const struct bounds *bounds)
{
    unsigned ran = 0;
    unsigned number;

    for (number = 0; number < 4u * 2u * (unsigned)RIG_POLICIES; number++) {
        struct rig_config config = {.seed = number + 1u};
        struct outcome alone;
        struct outcome attacked;

        config.flags = (enum quire_sim_flags)(number % 4u);
        config.flush_unlocked = number / 4u % 2u != 0;
        config.policy = (enum rig_policy)(number / 8u);
        if (!is_run(config.policy, number % 4u, config.flush_unlocked) || ran++ % rig_stride(5) != 0) {
            continue;
        }
        alone = run(config, bounds, false);
        attacked = run(config, bounds, true);
        printf("%-44s policy %u flags %u %s: alone %4ju, under %ju faults of a neighbour %4ju (%+.1f %%)\n", bounds->what,
               number / 8u, number % 4u, config.flush_unlocked ? "unlocked" : "locked  ", (uintmax_t)alone.majors,
               (uintmax_t)attacked.attacks, (uintmax_t)attacked.majors,
               100.0 * ((double)attacked.majors / (double)alone.majors - 1.0));
        fflush(stdout);
        cr_expect_gt(attacked.attacks, (uint64_t)ACCESSES * SWEEP / 2u, "the neighbour does not thrash");
        cr_expect_gt(alone.majors, WORKING_SET * 3u / 2u, "the victim has no reason to fault: this shows nothing");
        cr_expect_leq(attacked.majors, alone.majors, "%s, policy %u, flags %u: %ju faults alone, %ju under attack",
                      bounds->what, number / 8u, number % 4u, (uintmax_t)alone.majors, (uintmax_t)attacked.majors);
        cr_expect_eq(attacked.lost, 0, "a warm victim lost %ju pages", (uintmax_t)attacked.lost);
    }
}

/* Alone, the victim has a pool of what is reserved for it (and none of it the neighbour's). */
Test(account_isolation, reserved_pages_are_worth_a_pool_of_ones_own, .timeout = 600)
{
    struct bounds bounds = {.what = "reserved 32 of 64, alone in 32", .pool = 64, .alone = 32, .reserved = 32};

    /* What it has beyond the reservation is shared: here nothing, since its quota is what is reserved. */
    bounds.quota = 32;
    isolated(&bounds);
}

Test(account_isolation, reservation_in_a_pool_that_has_little_else, .timeout = 600)
{
    struct bounds bounds = {.what = "reserved 28 of 41, alone in 28", .pool = 41, .alone = 28, .reserved = 28, .quota = 28};

    isolated(&bounds);
}

Test(account_isolation, reservation_without_a_quota, .timeout = 600)
{
    struct bounds bounds = {.what = "reserved 28 of 44, no quota, alone in 28", .pool = 44, .alone = 28, .reserved = 28};

    isolated(&bounds);
}

/* Alone, the victim has what the neighbour's quota leaves. */
Test(account_isolation, quota_of_the_neighbour_leaves_the_rest, .timeout = 600)
{
    struct bounds bounds = {.what = "neighbour's quota 12 of 44, alone in 32", .pool = 44, .alone = 32, .neighbour_quota = 12};

    isolated(&bounds);
}

/* Without any limit, equal shares: alone, the victim has half the pool. */
Test(account_isolation, accounts_without_limits_have_equal_shares, .timeout = 600)
{
    struct bounds bounds = {.what = "no limits, half of 60, alone in 30", .pool = 60, .alone = 30};

    isolated(&bounds);
}

Test(account_isolation, same_with_both_in_one_thread, .timeout = 600)
{
    struct bounds bounds = {
        .what = "one thread, reserved 32 of 64, alone in 32", .pool = 64, .alone = 32, .reserved = 32, .quota = 32};

    bounds.shared_thread = true;
    isolated(&bounds);
}

/* What all this is against: both charged to one account, the neighbour ruins the victim. */
Test(account_isolation, one_account_for_both_is_no_isolation)
{
    struct rig_config config = {.pages = 64, .concurrency = 2, .step = STEP, .vm_pages = 640};
    struct rig_store *mine;
    struct rig_store *theirs;
    struct quire_vm vm;
    struct quire_vm neighbour;
    uint64_t random = 7;
    struct rig rig;
    uint32_t at = 0;
    uint32_t i;
    uint32_t k;

    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    rig_vm_start(&rig, &neighbour);
    mine = rig_store_new(&rig, WORKING_SET, RW);
    theirs = rig_store_new(&rig, 640, RW);
    EXPECT(rig_map(&vm, &mine->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&neighbour, &theirs->fobj, NEIGHBOUR, RW), QUIRE_OK);
    for (i = 0; i < ACCESSES; i++) {
        EXPECT(rig_access(&rig, 0, 0, &vm, RIG_AT(zipf(&random, WORKING_SET)), RIG_READ, (unsigned char[1]){0}, 1), QUIRE_OK);
        for (k = 0; k < SWEEP; k++) {
            EXPECT(rig_access(&rig, 1, 1, &neighbour, NEIGHBOUR + ((uintptr_t)at << QUIRE_PAGE_SHIFT), RIG_READ,
                              (unsigned char[1]){0}, 1),
                   QUIRE_OK);
            at = (at + 1u) % 640u;
        }
    }
    printf("one account for both: %ju faults of the victim\n", (uintmax_t)vm.stats.major);
    cr_expect_gt(vm.stats.major, ACCESSES * 3u / 8u, "then the attack is none, and the other tests show nothing");
    END(&rig);
}
