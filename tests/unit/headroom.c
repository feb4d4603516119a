/* headroom.h and gauge.h: how many pages are missing or to spare, worked out by hand and checked by replay. */
#include "rig_test.h"

#include "quire/gauge.h"
#include "quire/quota.h"
#include "quire/resize.h"

static struct quire_headroom_info estimate(const struct quire_headroom *headroom, uint32_t pages, uint32_t evictable,
                                           uint32_t free)
{
    struct quire_headroom_info out;

    quire_headroom_estimate(headroom, pages, evictable, free, &out);
    return out;
}

static void note(struct quire_headroom *headroom, uint32_t n, uint32_t distance)
{
    while (n-- > 0) {
        quire_headroom_note(headroom, distance);
    }
}

/* ---- Arithmetic ---- */

Test(headroom, nothing_counted_is_nothing_known)
{
    struct quire_headroom headroom = {0};
    struct quire_headroom_info at = estimate(&headroom, 100, 100, 0);

    cr_expect_eq(at.missing, 0);
    cr_expect_eq(at.spare, 0);
    cr_expect_eq(at.idle, 0);
    cr_expect_eq(at.working_set, 100);
    cr_expect_eq(at.majors, 0);
    cr_expect_eq(at.refaults, 0);
}

Test(headroom, one_distance_is_reported_as_it_is)
{
    static const uint32_t distances[] = {1, 2, 3, 4, 7, 8, 100, 127, 128, 1000, 0x3fffff, 0x400000, 0x1fffffff};
    size_t i;

    for (i = 0; i < sizeof distances / sizeof distances[0]; i++) {
        struct quire_headroom headroom = {0};
        struct quire_headroom_info at;

        note(&headroom, 50, distances[i]);
        at = estimate(&headroom, 0x4000000, 900, 0);
        cr_expect_eq(at.missing, distances[i]);
        cr_expect_eq(at.working_set, 0x4000000u + distances[i]);
        cr_expect_eq(at.curable, 50);
        cr_expect_eq(at.majors, 50);
        cr_expect_eq(at.refaults, 50);
    }
}

Test(headroom, page_that_comes_back_at_once_misses_nothing)
{
    struct quire_headroom headroom = {0};

    note(&headroom, 50, 0);
    cr_expect_eq(estimate(&headroom, 100, 100, 0).missing, 0);
    cr_expect_eq(estimate(&headroom, 100, 100, 0).refaults, 50);
}

/* 1 in 16 may be farther. */
Test(headroom, few_far_refaults_are_no_cliff)
{
    struct quire_headroom headroom = {0};

    note(&headroom, 16, 5000);
    note(&headroom, 112, 10);
    note(&headroom, 128, QUIRE_HEADROOM_UNKNOWN);
    cr_expect_eq(headroom.majors, 256);
    cr_expect_eq(estimate(&headroom, 5000, 100, 0).missing, 10);
    cr_expect_eq(estimate(&headroom, 5000, 100, 0).refaults, 128);
    cr_expect_eq(estimate(&headroom, 5000, 100, 0).curable, 112);
    note(&headroom, 1, 4097);
    cr_expect_eq(estimate(&headroom, 5000, 100, 0).missing, 5000, "17 of 257");
    cr_expect_eq(estimate(&headroom, 5000, 100, 0).curable, 129);
}

/* Half of the loads: worth it up to eight times the pool. */
Test(headroom, scan_too_long_for_any_pool_like_this_counts_as_cold)
{
    struct quire_headroom headroom = {0};

    note(&headroom, 100, 8000);
    note(&headroom, 100, 10);
    cr_expect_eq(estimate(&headroom, 1000, 100, 0).missing, 8000);
    cr_expect_eq(estimate(&headroom, 999, 100, 0).missing, 10);
    cr_expect_eq(estimate(&headroom, 999, 100, 0).refaults, 200);
    cr_expect_eq(estimate(&headroom, 999, 100, 0).curable, 100);
}

Test(headroom, cold_loads_make_no_cliff)
{
    struct quire_headroom headroom = {0};

    note(&headroom, 400, QUIRE_HEADROOM_UNKNOWN);
    note(&headroom, 25, 30);
    cr_expect_eq(estimate(&headroom, 100, 100, 0).missing, 0);
    note(&headroom, 3, 30);
    cr_expect_eq(estimate(&headroom, 100, 100, 0).missing, 30);
}

Test(headroom, free_pages_serve_those_who_miss_some)
{
    struct quire_headroom headroom = {0};
    struct quire_headroom_info at;

    note(&headroom, 50, 30);
    at = estimate(&headroom, 100, 80, 10);
    cr_expect_eq(at.missing, 20);
    cr_expect_eq(at.spare, 0);
    at = estimate(&headroom, 100, 60, 40);
    cr_expect_eq(at.missing, 0);
    cr_expect_eq(at.spare, 10);
    cr_expect_eq(at.working_set, 90);
}

Test(headroom, idle_pages_are_the_share_found_unused)
{
    struct quire_headroom headroom = {.used = 60, .unused = 20};
    struct quire_headroom_info at = estimate(&headroom, 100, 80, 4);

    cr_expect_eq(at.idle, 20);
    cr_expect_eq(at.spare, 4);
    cr_expect_eq(at.working_set, 76);
    headroom.majors = 10;
    headroom.count[3] = 5;
    headroom.far[3] = 6;
    cr_expect_eq(estimate(&headroom, 100, 80, 4).idle, 0, "where pages are missing none is idle");
    headroom.unused = UINT32_MAX;
    headroom.used = UINT32_MAX;
    headroom.majors = 1000;
    cr_expect_eq(estimate(&headroom, UINT32_MAX, UINT32_MAX, 0).idle, UINT32_MAX / 2u);
}

Test(headroom, what_was_counted_is_halved_as_loads_follow)
{
    struct quire_headroom headroom = {0};
    uint32_t i;

    note(&headroom, 2u * QUIRE_HEADROOM_PERIOD - 1u, 1000);
    cr_expect_eq(headroom.majors, 2u * QUIRE_HEADROOM_PERIOD - 1u);
    note(&headroom, 1, 1000);
    cr_expect_eq(headroom.majors, QUIRE_HEADROOM_PERIOD);
    cr_expect_eq(headroom.count[10], QUIRE_HEADROOM_PERIOD);
    cr_expect_eq(estimate(&headroom, 5000, 0, 0).missing, 1000);
    /* The phase is over: what comes now is near. Four halvings leave 1 in 16 of the rest. */
    note(&headroom, 4u * QUIRE_HEADROOM_PERIOD, 3);
    cr_expect_eq(estimate(&headroom, 5000, 0, 0).missing, 3);
    for (i = 0; i < 16; i++) {
        quire_headroom_forget(&headroom);
    }
    for (i = 0; i < QUIRE_HEADROOM_BUCKETS; i++) {
        cr_expect_eq(headroom.count[i], 0);
        cr_expect_eq(headroom.far[i], 0);
    }
    cr_expect_eq(headroom.majors, 0);
}

Test(headroom, distance_that_shrinks_within_its_power_of_two_is_followed)
{
    struct quire_headroom headroom = {0};
    uint32_t i;

    note(&headroom, 100, 60);
    for (i = 0; i < 8; i++) {
        note(&headroom, 100, 40);
        quire_headroom_forget(&headroom);
    }
    note(&headroom, 1, 40);
    cr_expect_eq(estimate(&headroom, 5000, 0, 0).missing, 40);
}

/* ---- Replay ---- */

/* A workload of one context: touches pages by number; `state` is its own. */
struct run {
    struct rig rig;
    struct quire_vm vm[2];
    struct rig_store *store[2];
    uint64_t random;
    uint32_t cold; /* the next page of a scan */
};

#define SPACE 1600u /* pages of a context */
#define SCAN 600u   /* from here on: a scan */

static void run_start(struct run *run, uint32_t pages, enum rig_policy policy, enum quire_sim_flags flags)
{
    struct rig_config config = {
        .pages = pages, .policy = policy, .flags = flags, .vm_pages = SPACE, .vms = 2, .cpus = 1, .forget = 1};
    unsigned i;

    rig_start(&run->rig, &config);
    for (i = 0; i < 2u; i++) {
        rig_vm_start(&run->rig, &run->vm[i]);
        run->store[i] = rig_store_new(&run->rig, i == 0 ? SPACE : 4u, RIG_READ);
        EXPECT(rig_map(&run->vm[i], &run->store[i]->fobj, RIG_VA, RIG_READ), QUIRE_OK);
    }
    run->random = 1;
    run->cold = SCAN;
}

static void use(struct run *run, unsigned vm, uint32_t page)
{
    int byte = rig_byte(&run->rig, &run->vm[vm], RIG_AT(page));

    if (byte != rig_born(run->store[vm]->tag, page, 0)) {
        cr_assert_fail("page %u holds %d", page, byte);
    }
}

static struct quire_headroom_info gauge(struct run *run)
{
    struct quire_headroom_info out;

    quire_pager_headroom(&run->rig.pager, false, &out);
    return out;
}

static uint64_t majors(struct run *run)
{
    return rig_stats(&run->rig).faults.major;
}

/* `passes` over pages 0..n-1, each followed by `cold` pages of a scan through what is never used twice in a while. */
static void loop(struct run *run, uint32_t n, uint32_t passes, uint32_t cold)
{
    uint32_t pass;
    uint32_t i;

    for (pass = 0; pass < passes; pass++) {
        for (i = 0; i < n; i++) {
            use(run, 0, i);
        }
        for (i = 0; i < cold; i++) {
            use(run, 0, run->cold);
            run->cold = run->cold + 1u < SPACE ? run->cold + 1u : SCAN;
        }
    }
}

static const struct {
    enum rig_policy policy;
    enum quire_sim_flags flags;
} kinds[] = {
    {RIG_FIFO, QUIRE_SIM_HW_ACCESSED_DIRTY},
    {RIG_CLOCK, QUIRE_SIM_HW_ACCESSED_DIRTY},
    {RIG_CLOCK, QUIRE_SIM_HW_ACCESSED},
    {RIG_CLOCK, QUIRE_SIM_AF_FAULT},
    {RIG_CLOCK, QUIRE_SIM_NO_FLAGS},
    {RIG_S3FIFO, QUIRE_SIM_HW_ACCESSED_DIRTY},
    {RIG_S3FIFO, QUIRE_SIM_NO_FLAGS},
    {RIG_2Q, QUIRE_SIM_HW_ACCESSED_DIRTY},
    {RIG_2Q, QUIRE_SIM_NO_FLAGS},
    {RIG_REFAULT, QUIRE_SIM_HW_ACCESSED_DIRTY},
    {RIG_REFAULT, QUIRE_SIM_NO_FLAGS},
};

#define KINDS (sizeof kinds / sizeof kinds[0])
#define PLAIN 5u /* the first of them, whose edge is known to some pages after a few passes; FIFO is the very first */

/* Loads of ten passes over n pages in a pool of `pages`, once it is warm. */
static uint64_t loop_costs(uint32_t pages, unsigned kind, uint32_t n, uint32_t cold)
{
    struct run run;
    uint64_t before;

    run_start(&run, pages, kinds[kind].policy, kinds[kind].flags);
    loop(&run, n, 20, cold);
    before = majors(&run);
    loop(&run, n, 10, cold);
    before = majors(&run) - before;
    END(&run.rig);
    return before;
}

/* The gauge of a pool of `pages` after ten passes of a loop. */
static struct quire_headroom_info loop_says(uint32_t pages, unsigned kind, uint32_t n, uint32_t cold)
{
    struct quire_headroom_info at;
    struct run run;

    run_start(&run, pages, kinds[kind].policy, kinds[kind].flags);
    loop(&run, n, 10, cold);
    at = gauge(&run);
    END(&run.rig);
    return at;
}

/* With one page fewer than it says a loop loads all the time, with as many as it says never again. */
Test(headroom_replay, loop_misses_what_it_says_and_not_a_page_less)
{
    static const uint32_t loops[] = {31, 40, 55, 90, 200};
    unsigned kind;
    size_t i;

    for (kind = 0; kind < PLAIN; kind++) {
        for (i = 0; i < sizeof loops / sizeof loops[0]; i++) {
            struct quire_headroom_info at = loop_says(30, kind, loops[i], 0);

            if (kind == 0) {
                cr_expect_eq(at.missing, loops[i] - 30u, "loop of %u: %u", loops[i], at.missing);
            }
            /* CLOCK may come upon its used pages out of turn. */
            cr_expect_geq(at.missing, loops[i] - 30u, "kind %u, loop of %u: %u", kind, loops[i], at.missing);
            cr_expect_leq(at.missing, loops[i] - 30u + 4u, "kind %u, loop of %u: %u", kind, loops[i], at.missing);
            cr_expect_geq(at.curable * 16u, at.refaults * 15u, "kind %u, loop of %u: %u of %u", kind, loops[i], at.curable,
                          at.refaults);
            cr_expect_eq(at.spare + at.idle, 0);
        }
        cr_expect_geq(loop_costs(54, kind, 55, 0), 250, "kind %u", kind); /* an optimal policy: 10 */
        cr_expect_eq(loop_costs(55, kind, 55, 0), 0);
        cr_expect_eq(loop_costs(56, kind, 55, 0), 0);
    }
}

/* A loop of 80 pages and 32 of a scan each time: what 112 pages hold. Only the policy that looks at uses can tell the two. */
Test(headroom_replay, loop_beside_a_scan_misses_what_it_says)
{
    static const uint32_t pools[] = {40, 60, 80, 100};
    uint64_t cost;
    unsigned kind;
    size_t i;

    for (kind = 1; kind < PLAIN; kind++) {
        for (i = 0; i < sizeof pools / sizeof pools[0]; i++) {
            struct quire_headroom_info at = loop_says(pools[i], kind, 80, 32);

            cr_expect_geq(at.working_set, 112);
            cr_expect_leq(at.working_set, 128, "kind %u, pool of %u: %u", kind, pools[i], at.working_set);
            cr_expect_lt(at.curable, at.majors);
        }
        cost = loop_costs(100, kind, 80, 32);
        cr_expect_geq(cost, 1000, "kind %u: %ju, nearly all of 112 in each pass", kind, (uintmax_t)cost);
        cr_expect_leq(loop_costs(128, kind, 80, 32), 352, "the scan's 32 in each");
    }
}

Test(headroom_replay, free_pages_are_to_spare_down_to_the_last)
{
    unsigned kind;

    for (kind = 0; kind < KINDS; kind++) {
        struct quire_headroom_info at = loop_says(100, kind, 63, 0);

        cr_expect_eq(at.spare, 37);
        cr_expect_eq(at.missing, 0);
        cr_expect_eq(at.working_set, 63);
        cr_expect_eq(loop_costs(100 - at.spare, kind, 63, 0), 0);
        cr_expect_geq(loop_costs(100 - at.spare - 1u, kind, 63, 0), kinds[kind].policy == RIG_REFAULT ? 10 : 200);
    }
}

/* Loop and scan in a pool with room for both: what can be taken away lies between nothing and what is idle. */
Test(headroom_replay, cliff_is_not_below_the_idle_pages)
{
    unsigned kind;

    for (kind = 1; kind < PLAIN; kind++) {
        struct quire_headroom_info at;
        struct run run;
        uint64_t scan;

        run_start(&run, 120, kinds[kind].policy, kinds[kind].flags);
        loop(&run, 80, 100, 8);
        at = gauge(&run);
        cr_expect_eq(at.missing, 0);
        cr_expect_eq(at.spare, 0);
        cr_expect_geq(at.idle, 28, "kind %u: %u", kind, at.idle);
        cr_expect_leq(at.idle, 44, "kind %u: %u", kind, at.idle);
        END(&run.rig);
        scan = loop_costs(120, kind, 80, 8);
        cr_expect_leq(scan, 85);
        cr_expect_leq(loop_costs(120 - at.idle / 2u, kind, 80, 8), scan + 5u, "half of them can go");
        cr_expect_geq(loop_costs(120 - at.idle - 1u, kind, 80, 8), 10u * scan, "no more than all of them can");
    }
}

/* The gauge of a pool of `pages` that is asked, and forgets, each ten passes: eight times, so that warming up is forgotten. */
static struct quire_headroom_info loop_settles(uint32_t pages, unsigned kind, uint32_t n, uint32_t cold)
{
    struct quire_headroom_info at;
    struct run run;
    unsigned i;

    run_start(&run, pages, kinds[kind].policy, kinds[kind].flags);
    for (i = 0; i < 8u; i++) {
        loop(&run, n, 10, cold);
        quire_pager_headroom(&run.rig.pager, true, &at);
    }
    END(&run.rig);
    return at;
}

/* A loop of n pages: what the gauge says is replayed. */
static void holds_at_its_own(struct quire_headroom_info at, unsigned kind, uint32_t n)
{
    uint32_t says = 30u + at.missing;
    uint32_t over = kinds[kind].policy == RIG_CLOCK ? 2u : kinds[kind].policy == RIG_REFAULT ? says / 8u : 0;

    cr_expect_geq(says, n, "kind %u, loop of %u: %u", kind, n, says);
    cr_expect_leq(says, n + over, "kind %u, loop of %u: %u", kind, n, says);
    cr_expect_eq(loop_costs(says, kind, n, 0), 0, "kind %u, loop of %u", kind, n);
    cr_expect_eq(loop_costs(says + 1u, kind, n, 0), 0, "kind %u, loop of %u", kind, n);
    if (says == n) {
        cr_expect_geq(loop_costs(says - 1u, kind, n, 0), 10, "kind %u, loop of %u: one in each pass", kind, n);
    } else { /* too many: no fewer than it says would do as well, down to the loop */
        cr_expect_eq(loop_costs(says - 1u, kind, n, 0), 0, "kind %u, loop of %u", kind, n);
        cr_expect_geq(loop_costs(n - 1u, kind, n, 0), 10, "kind %u, loop of %u", kind, n);
    }
}

/* FIFO, S3-FIFO and 2Q to the page, CLOCK within 2; policy_refault.h upwards, and within an eighth of what it says, for
 * these loops. */
Test(headroom_replay, every_policy_loads_nothing_at_what_the_gauge_says, .timeout = 120)
{
    static const uint32_t loops[] = {40, 55, 90};
    unsigned kind;
    size_t i;

    for (kind = 0; kind < KINDS; kind++) {
        holds_at_its_own(loop_says(30, kind, 55, 0), kind, 55);
        for (i = 0; i < sizeof loops / sizeof loops[0]; i++) {
            holds_at_its_own(loop_settles(30, kind, loops[i], 0), kind, loops[i]);
        }
    }
}

/* Loop and scan have room, but the loop came in slowly: what that taught the gauge is no longer said once it is forgotten.
 * (FIFO does miss pages: to it loop and scan are the same.) */
Test(headroom_replay, warming_up_is_not_missed_for_ever, .timeout = 120)
{
    unsigned kind;

    for (kind = 1; kind < KINDS; kind++) {
        struct quire_headroom_info early = loop_says(120, kind, 80, 8);
        struct quire_headroom_info late = loop_settles(120, kind, 80, 8);
        uint64_t now = loop_costs(120, kind, 80, 8);

        cr_expect_eq(early.missing != 0, kind >= PLAIN, "kind %u: %u", kind, early.missing);
        cr_expect_leq(early.missing, 15, "kind %u: %u", kind, early.missing);
        cr_expect_eq(late.missing, 0, "kind %u: %u", kind, late.missing);
        cr_expect_leq(now, 85, "kind %u: %ju, the scan's", kind, (uintmax_t)now);
        cr_expect_geq(loop_costs(120u + early.missing, kind, 80, 8) + 5u, now, "kind %u: more is no gain", kind);
    }
}

/* Pages whose use falls off with 1 / rank have no edge: what is checked is the promise, "with `missing` pages more `curable` of
 * `majors` would not be". */
static uint32_t zipf(struct run *run)
{
    static uint32_t sum[501];
    uint32_t low = 0;
    uint32_t high = 500;
    uint32_t at;
    uint32_t i;

    for (i = 0; sum[500] == 0 && i < 500u; i++) {
        sum[i + 1u] = sum[i] + 1000000u / (i + 1u);
    }
    at = random_below(&run->random, sum[500]);
    while (high - low > 1u) {
        uint32_t middle = (low + high) / 2u;

        if (sum[middle] <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static uint64_t zipf_costs(uint32_t pages, unsigned kind, struct quire_headroom_info *at)
{
    struct run run;
    uint64_t before;
    uint32_t i;

    run_start(&run, pages, kinds[kind].policy, kinds[kind].flags);
    for (i = 0; i < 6000u; i++) {
        use(&run, 0, zipf(&run));
    }
    before = majors(&run);
    for (i = 0; i < 6000u; i++) {
        use(&run, 0, zipf(&run));
    }
    before = majors(&run) - before;
    *at = gauge(&run);
    END(&run.rig);
    return before;
}

Test(headroom_replay, promise_holds_where_there_is_no_edge, .timeout = 120)
{
    static const uint32_t pools[] = {40, 80, 160, 320};
    unsigned kind;
    size_t i;

    for (kind = 0; kind < KINDS; kind += 2u) {
        for (i = 0; i < sizeof pools / sizeof pools[0]; i++) {
            struct quire_headroom_info at;
            struct quire_headroom_info then;
            uint64_t now = zipf_costs(pools[i], kind, &at);
            uint64_t left = zipf_costs(pools[i] + at.missing, kind, &then);

            cr_expect_gt(at.missing, 0);
            cr_expect_leq(left * at.majors, now * (at.majors - at.curable) + now * at.majors / 8u,
                          "kind %u, pool of %u: %u missing, %u of %u loads to be had: %ju, then %ju", kind, pools[i],
                          at.missing, at.curable, at.majors, (uintmax_t)now, (uintmax_t)left);
        }
    }
}

/* ---- Phases, contexts, and the end of the count ---- */

Test(headroom, phase_that_is_over_is_forgotten)
{
    struct quire_headroom_info at;
    struct run run;
    unsigned i;

    run_start(&run, 40, RIG_CLOCK, QUIRE_SIM_HW_ACCESSED);
    loop(&run, 60, 20, 0);
    cr_expect_geq(gauge(&run).missing, 20);
    loop(&run, 30, 20, 0);
    cr_expect_geq(gauge(&run).missing, 20, "no load came since");
    for (i = 0; i < 12; i++) {
        quire_pager_headroom(&run.rig.pager, true, &at);
        loop(&run, 30, 1, 0);
    }
    at = gauge(&run);
    cr_expect_eq(at.missing, 0);
    cr_expect_eq(at.majors, 0);
    /* The next phase is a smaller one, and its loads displace what is left of the first. */
    loop(&run, 60, 20, 0);
    loop(&run, 44, 100, 0);
    cr_expect_geq(gauge(&run).missing, 4);
    cr_expect_leq(gauge(&run).missing, 8);
    END(&run.rig);
}

/* One context goes round more than there is, beside one that is content with what it has. */
Test(headroom, context_that_misses_pages_is_told_from_one_that_does_not)
{
    struct quire_headroom_info at[2];
    struct run run;
    uint32_t pass;
    uint32_t i;

    run_start(&run, 40, RIG_CLOCK, QUIRE_SIM_HW_ACCESSED);
    for (pass = 0; pass < 20; pass++) {
        for (i = 0; i < 60; i++) {
            use(&run, 0, i);
            use(&run, 1, i % 4u);
        }
    }
    quire_vm_headroom(&run.vm[0], false, &at[0]);
    quire_vm_headroom(&run.vm[1], false, &at[1]);
    cr_expect_geq(at[0].missing, 24);
    cr_expect_leq(at[0].missing, 34, "%u", at[0].missing);
    cr_expect_eq(at[1].missing, 0);
    cr_expect_eq(at[1].refaults, 0);
    cr_expect_eq(at[1].majors, run.vm[1].stats.major);
    quire_vm_headroom(&run.vm[0], true, &at[0]);
    quire_vm_headroom(&run.vm[0], false, &at[1]);
    cr_expect_eq(at[1].majors, at[0].majors / 2u);
    END(&run.rig);
}

Test(headroom, copies_and_pins_count_as_what_they_are)
{
    struct quire_vm_copy how = {0};
    struct quire_pin pin;
    struct run run;
    char byte;

    run_start(&run, 40, RIG_CLOCK, QUIRE_SIM_HW_ACCESSED);
    EXPECT(quire_vm_copy_from(&run.vm[0], RIG_VA, &byte, 1, &how, NULL), QUIRE_OK);
    EXPECT(quire_pin_fobj(&run.rig.pager, &run.store[0]->fobj, 7, 2, false, true, &pin), QUIRE_OK);
    cr_expect_eq(run.vm[0].headroom.majors, 1, "a copy is the context's");
    cr_expect_eq(run.rig.pager.root.headroom.majors, 3, "a pin is nobody's");
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    rig_fail(&run.rig.load_fails, 1, 1, QUIRE_IO);
    EXPECT(rig_fault(&run.rig, &run.vm[0], RIG_AT(20), RIG_READ, NULL), QUIRE_IO);
    cr_expect_eq(run.rig.pager.root.headroom.majors, 3, "what did not come is no load");
    END(&run.rig);
}

/* Two accounts: one goes round more than its quota, the other is content with what it has. */
Test(headroom, several_accounts_lack_pages_of_their_own_and_share_what_is_free)
{
    struct rig_config config = {.pages = 40, .policy = RIG_FIFO};
    struct quire_headroom_info at;
    struct rig_account tight;
    struct rig_store *own;
    struct rig_store *other;
    struct quire_pa pa[40];
    struct quire_vm vm;
    struct rig rig;
    uint32_t taken;
    uint32_t i;

    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    EXPECT(rig_account_start(&rig, &tight, 10, 0), QUIRE_OK);
    own = rig_account_store(&rig, &tight, 14, RW);
    other = rig_store_new(&rig, 8, RW);
    EXPECT(rig_map(&vm, &own->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&vm, &other->fobj, RIG_AT(16), RW), QUIRE_OK);
    for (i = 0; i < 140; i++) {
        EXPECT(rig_fault(&rig, &vm, RIG_AT(i % 14u), RIG_READ, NULL), QUIRE_OK);
    }
    for (i = 0; i < 8; i++) {
        EXPECT(rig_fault(&rig, &vm, RIG_AT(16u + i), RIG_READ, NULL), QUIRE_OK);
    }
    quire_account_headroom(&tight.account, false, &at);
    cr_expect_eq(at.missing, 4);
    cr_expect_eq(at.spare, 0, "what is free is beyond its quota");
    cr_expect_eq(at.working_set, 14);
    quire_account_headroom(&rig.pager.root, false, &at);
    cr_expect_eq(at.missing, 0);
    cr_expect_eq(at.spare, 22);
    EXPECT(quire_account_set_limits(&rig.pager.root, 12, 0), QUIRE_OK);
    quire_account_headroom(&rig.pager.root, false, &at);
    cr_expect_eq(at.spare, 4, "as far as its quota goes");
    EXPECT(quire_account_set_limits(&rig.pager.root, 6, 0), QUIRE_OK);
    quire_account_headroom(&rig.pager.root, false, &at);
    cr_expect_eq(at.spare, 0, "it has more than that already");
    cr_expect_eq(at.working_set, 8);
    quire_pager_headroom(&rig.pager, false, &at);
    cr_expect_eq(at.missing, 0);
    cr_expect_eq(at.curable, 0);
    cr_expect_eq(at.spare, 18, "of 22 free pages 4 are missed");
    cr_expect_eq(at.working_set, 22);
    cr_expect_eq(at.majors, 148);
    EXPECT(quire_pager_shrink(&rig.pager, 22, true, pa, &taken), QUIRE_OK);
    quire_pager_headroom(&rig.pager, false, &at);
    cr_expect_eq(at.missing, 4);
    cr_expect_gt(at.refaults, 100);
    cr_expect_eq(at.curable, at.refaults);
    cr_expect_eq(at.spare, 0);
    cr_expect_eq(at.idle, 0);
    cr_expect_eq(at.working_set, 22);
    EXPECT(quire_vm_unmap(&vm, RIG_VA, 14), QUIRE_OK);
    EXPECT(rig_store_put(own), QUIRE_OK);
    EXPECT(quire_account_fini(&tight.account), QUIRE_OK);
    END(&rig);
}

Test(headroom, what_one_account_leaves_unused_is_not_idle_while_another_lacks_it)
{
    struct rig_config config = {.pages = 20, .flags = QUIRE_SIM_HW_ACCESSED};
    struct quire_headroom_info at;
    struct rig_account tight;
    struct rig_store *own;
    struct rig_store *scanned;
    struct quire_vm vm;
    struct rig rig;
    uint32_t i;

    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    EXPECT(rig_account_start(&rig, &tight, 8, 0), QUIRE_OK);
    own = rig_account_store(&rig, &tight, 12, RW);
    scanned = rig_store_new(&rig, 40, RW);
    EXPECT(rig_map(&vm, &own->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&vm, &scanned->fobj, RIG_AT(16), RW), QUIRE_OK);
    for (i = 0; i < 120; i++) {
        cr_expect_geq(rig_byte(&rig, &vm, RIG_AT(i % 12u)), 0);
    }
    for (i = 0; i < 40; i++) {
        cr_expect_geq(rig_byte(&rig, &vm, RIG_AT(16u + i)), 0);
    }
    quire_account_headroom(&rig.pager.root, false, &at);
    cr_expect_gt(at.idle, 0);
    cr_expect_eq(at.missing, 0);
    quire_account_headroom(&tight.account, false, &at);
    cr_expect_gt(at.missing, 0);
    quire_pager_headroom(&rig.pager, false, &at);
    cr_expect_gt(at.missing, 0);
    cr_expect_eq(at.idle, 0);
    EXPECT(quire_vm_unmap(&vm, RIG_VA, 12), QUIRE_OK);
    EXPECT(rig_store_put(own), QUIRE_OK);
    EXPECT(quire_account_fini(&tight.account), QUIRE_OK);
    END(&rig);
}

/* The pager counts evictions modulo 2^29. */
Test(headroom, distance_is_right_across_the_wrap_of_the_count)
{
    unsigned kind;

    for (kind = 0; kind < PLAIN; kind++) {
        struct quire_headroom_info at;
        struct run run;

        run_start(&run, 30, kinds[kind].policy, kinds[kind].flags);
        run.rig.pager.root.evictions = QUIRE_SLOT_VALUE_MASK - 100u;
        loop(&run, 50, 10, 0);
        cr_expect_lt(run.rig.pager.root.evictions, 1000, "it wrapped");
        at = gauge(&run);
        cr_expect_geq(at.missing, 20);
        cr_expect_leq(at.missing, 24, "kind %u: %u", kind, at.missing);
        END(&run.rig);
    }
}
