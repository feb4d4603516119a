/* In exactly QUIRE_PAGER_MIN_PAGES() every instruction finishes though every page is dirty, every save needs a page of another
 * object and writes it, and so does every load of that one. */
#include "crew_test.h"
#include "family.h"

#include <sched.h>

#define STEP 4u
#define PAGES 40u
#define INSTRUCTIONS 60u
#define TRIES 20000u /* of an instruction, where nobody can wait */
#define LONGEST 64u  /* a thread lets others run less often than this between two of them */
#define PARENT 40u   /* where rank 1 is mapped in the first context, if it is */

static struct rig rig;
static struct quire_vm vm[CREW_MAX];
static struct family family;
static bool no_wait;
static bool parents; /* threads use the pages that stores need, too */

static struct crew_tally tally;
static const char *name; /* of the policy */

/* Executes an instruction. Where nobody can wait a thread tries again after a time that differs from try to try, as need.h asks:
 * two that try in step could undo each other's loads for ever. */
static enum quire_status execute(struct rig *r, struct quire_sim_thread *thread, unsigned i,
                                 const struct quire_sim_operand *operand, uint64_t *random)
{
    enum quire_status status = quire_sim_step(&r->sim, thread, &vm[i], operand, STEP);
    uint32_t tries;
    uint32_t yields;

    for (tries = 1; no_wait && status == QUIRE_AGAIN && tries <= TRIES; tries++) {
        for (yields = random_next(random) % (tries < LONGEST ? tries : LONGEST); yields != 0; yields--) {
            sched_yield();
        }
        status = quire_sim_step(&r->sim, thread, &vm[i], operand, STEP);
    }
    return status;
}

/* Thread i writes only byte i from FAMILY_USER on of each page: what it reads there is what it wrote. */
static void work(struct rig *r, unsigned i)
{
    unsigned char expected[PAGES];
    uint64_t random = i + 1u;
    uint32_t n;

    for (n = 0; n < PAGES; n++) {
        expected[n] = rig_born(family_youngest(&family)->store->tag, n, FAMILY_USER + i);
    }
    for (n = 0; n < INSTRUCTIONS; n++) {
        struct quire_sim_operand operand[STEP];
        struct quire_sim_thread thread;
        unsigned char bytes[STEP];
        unsigned char ignored = 0;
        uint32_t page[STEP];
        uint32_t from = random_next(&random) % (PAGES / STEP);
        enum quire_status status;
        uint32_t o;

        memset(&thread, 0, sizeof thread);
        thread.cpu = i;
        thread.thread = i;
        thread.wait_ok = true;
        thread.max_faults = 2000;
        thread.max_again = no_wait ? 1 : 0; /* then a pause */
        for (o = 0; o < STEP; o++) {
            page[o] = (from + o * (PAGES / STEP)) % PAGES;
            operand[o].va = RIG_AT(page[o]) + FAMILY_USER + i;
            operand[o].access = random_next(&random) % 4u != 0 ? RIG_WRITE : RIG_READ;
            operand[o].bytes = &bytes[o];
            operand[o].len = 1;
            bytes[o] = (unsigned char)random_next(&random);
        }
        if (parents) { /* the last operand is a page that some store needs */
            operand[STEP - 1u].va = RIG_AT(PARENT + random_next(&random) % 3u) + FAMILY_USER + i;
            operand[STEP - 1u].access = RIG_WRITE;
            operand[STEP - 1u].bytes = &ignored;
        }
        status = execute(r, &thread, i, operand, &random);
        cr_assert_eq(status, QUIRE_OK, "thread %u, instruction %u: %s after %ju faults", i, n, quire_status_name(status),
                     (uintmax_t)thread.faults);
        crew_tally_note(&tally, i, thread.faults - thread.again);
        for (o = 0; o < STEP - (parents ? 1u : 0u); o++) {
            if (operand[o].access == RIG_WRITE) {
                expected[page[o]] = bytes[o];
            }
            cr_assert_eq(bytes[o], expected[page[o]], "thread %u reads %u from page %u, and wrote %u", i, bytes[o], page[o],
                         expected[page[o]]);
        }
    }
}

static void run(struct rig_config config, unsigned ranks, uint32_t rounds, unsigned crew)
{
    struct quire_pager_stats stats;
    uint64_t most;
    unsigned i;

    config.threads = true;
    config.no_wait = no_wait;
    config.cpus = crew;
    config.concurrency = crew;
    config.step = STEP;
    config.rank_max = ranks - 1u;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(crew, STEP, config.rank_max);
    config.vms = crew;
    rig_start(&rig, &config);
    family_start(&family, &rig, ranks, PAGES, rounds);
    for (i = 0; i < crew; i++) {
        rig_vm_start(&rig, &vm[i]);
        OK(rig_map(&vm[i], &family_youngest(&family)->store->fobj, RIG_VA, RW));
        if (parents) {
            OK(rig_map(&vm[i], &family.member[ranks - 2u].store->fobj, RIG_AT(PARENT), RW));
        }
    }
    crew_run(&rig, crew, work);
    most = crew_tally_end(&tally, crew);
    cr_assert_leq(most, CREW_BOUND(STEP, crew), "%s, %u threads: %ju faults in an instruction",
                  rig.pager.root.policy->ops->name, crew, (uintmax_t)most);
    name = rig.pager.root.policy->ops->name;
    cr_assert_null(rig_wrong(&rig), "%s", rig_wrong(&rig));
    stats = rig_stats(&rig);
    cr_assert_gt(stats.evictions, INSTRUCTIONS, "the pool is too large to prove anything");
    cr_assert_gt(stats.lent, parents ? 0 : INSTRUCTIONS / 4u, "the reserve was not needed");
    cr_assert_eq(stats.save_failures + stats.load_failures + stats.bad_answers, 0);
    cr_assert_eq(family_wrong(&family), 0, "%u sums differ", family_wrong(&family));
    /* The reserve is full again, but for the page that may stay. */
    cr_assert_null(rig.pager.needing);
    cr_assert_eq(rig.pager.held_back, rig.pager.reserve);
    cr_assert_eq(rig.pager.holds, 0);
    cr_assert_geq(stats.pages[QUIRE_PAGE_FREE] + 1u, rig.pager.reserve, "%u pages are free", stats.pages[QUIRE_PAGE_FREE]);
    rig_stop(&rig);
    family_stop(&family);
}

static void run_one(enum rig_policy policy, unsigned flags, bool flush_unlocked, unsigned crew)
{
    struct rig_config config = {.flags = (enum quire_sim_flags)flags, .policy = policy, .flush_unlocked = flush_unlocked};

    run(config, 2, 1u + crew % 2u, crew);
    run(config, 3, 1u + flags % 2u, crew);
}

static void run_all(enum rig_policy policy, bool flush_unlocked)
{
    unsigned number;

    for (number = 0; number < 16u; number += rig_stride(5)) {
        run_one(policy, number / 4u, flush_unlocked, 1u + number % 4u);
    }
    crew_tally_print(&tally, name);
}

/* The policies but CLOCK and FIFO: each with one to four threads, each time with other flags, for the time it takes. */
static void run_others(bool flush_unlocked)
{
    unsigned policy;
    unsigned crew;

    for (policy = 0; policy < RIG_POLICIES; policy++) {
        if (policy != RIG_CLOCK && policy != RIG_FIFO) {
            for (crew = 1; crew <= 4u; crew++) {
                run_one((enum rig_policy)policy, (policy + crew) % 4u, flush_unlocked == (crew % 2u != 0), crew);
            }
            crew_tally_print(&tally, name);
        }
    }
}

Test(need_threads, all_finish_in_the_fewest_pages_with_clock, .timeout = 240)
{
    run_all(RIG_CLOCK, false);
}

Test(need_threads, all_finish_in_the_fewest_pages_with_fifo, .timeout = 240)
{
    run_all(RIG_FIFO, false);
}

Test(need_threads, all_finish_in_the_fewest_pages_with_s3fifo, .timeout = 240)
{
    run_all(RIG_S3FIFO, false);
}

Test(need_threads, all_finish_in_the_fewest_pages_with_2q, .timeout = 240)
{
    run_all(RIG_2Q, false);
}

Test(need_threads, all_finish_in_the_fewest_pages_with_refault, .timeout = 240)
{
    run_all(RIG_REFAULT, false);
}

Test(need_threads, all_finish_in_the_fewest_pages_with_clock_and_unlocked_flushes, .timeout = 240)
{
    run_all(RIG_CLOCK, true);
}

Test(need_threads, all_finish_in_the_fewest_pages_with_fifo_and_unlocked_flushes, .timeout = 240)
{
    run_all(RIG_FIFO, true);
}

Test(need_threads, all_finish_in_the_fewest_pages_with_s3fifo_and_unlocked_flushes, .timeout = 240)
{
    run_all(RIG_S3FIFO, true);
}

Test(need_threads, all_finish_in_the_fewest_pages_with_2q_and_unlocked_flushes, .timeout = 240)
{
    run_all(RIG_2Q, true);
}

Test(need_threads, all_finish_in_the_fewest_pages_with_refault_and_unlocked_flushes, .timeout = 240)
{
    run_all(RIG_REFAULT, true);
}

Test(need_threads, all_finish_though_they_use_what_is_needed, .timeout = 240)
{
    parents = true;
    run_all(RIG_CLOCK, false);
    run_all(RIG_FIFO, true);
    run_others(true);
}

Test(need_threads, all_finish_where_nobody_can_wait, .timeout = 240)
{
    no_wait = true;
    run_all(RIG_CLOCK, false);
    run_all(RIG_FIFO, true);
    run_others(true);
}

Test(need_threads, all_finish_where_nobody_can_wait_though_they_use_what_is_needed, .timeout = 240)
{
    no_wait = true;
    parents = true;
    run_all(RIG_CLOCK, true);
    run_all(RIG_FIFO, false);
    run_others(false);
}
