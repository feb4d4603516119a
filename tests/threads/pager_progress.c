/* In exactly QUIRE_PAGER_MIN_PAGES() every instruction finishes, though each needs all the pages of a step at once. */
#include "crew_test.h"

#include <sched.h>

#define STEP 4u
#define OWN 12u
#define SHARED 12u
#define INSTRUCTIONS 100u

static struct rig rig;
static struct quire_vm vm[CREW_MAX];
static struct rig_store *own[CREW_MAX];
static struct rig_store *shared;
static struct rig_store *code;

static struct crew_tally tally;
static const char *name; /* of the policy */
static uint64_t waits;   /* of all crews */

/* Thread i writes only byte 8 * i of the shared pages: what it reads there is what it wrote. */
static void work(struct rig *r, unsigned i)
{
    unsigned char expected[OWN + SHARED];
    uint64_t random = i + 1u;
    uint32_t n;

    for (n = 0; n < OWN + SHARED; n++) {
        expected[n] = n < OWN ? rig_born(own[i]->tag, n, 8u * i) : rig_born(shared->tag, n - OWN, 8u * i);
    }
    for (n = 0; n < INSTRUCTIONS; n++) {
        struct quire_sim_operand operand[STEP];
        struct quire_sim_thread thread;
        unsigned char bytes[STEP];
        uint32_t page[STEP];
        enum quire_status status;
        uint32_t o;

        memset(&thread, 0, sizeof thread);
        thread.cpu = i;
        thread.thread = i;
        thread.wait_ok = true;
        thread.max_faults = 1000;
        for (o = 0; o < STEP; o++) { /* pages of four kinds, so that no two are the same: an instruction is fetched, too */
            page[o] = o == 0 ? OWN + SHARED + random_next(&random) % 8u : (o - 1u) * 8u + random_next(&random) % 8u;
            operand[o].va = RIG_AT(page[o]) + 8u * i;
            operand[o].access = o == 0 ? RIG_EXEC : random_next(&random) % 2u != 0 ? RIG_WRITE : RIG_READ;
            operand[o].bytes = &bytes[o];
            operand[o].len = 1;
            bytes[o] = (unsigned char)random_next(&random);
        }
        status = quire_sim_step(&r->sim, &thread, &vm[i], operand, STEP);
        cr_assert_eq(status, QUIRE_OK, "thread %u, instruction %u: %s after %ju faults", i, n, quire_status_name(status),
                     (uintmax_t)thread.faults);
        crew_tally_note(&tally, i, thread.faults);
        for (o = 1; o < STEP; o++) {
            if (operand[o].access == RIG_WRITE) {
                expected[page[o]] = bytes[o];
            }
            cr_assert_eq(bytes[o], expected[page[o]], "thread %u reads %u from page %u, and wrote %u", i, bytes[o], page[o],
                         expected[page[o]]);
        }
    }
}

/* On one processor, too, others come while a page is in transit. */
static enum quire_status let_others_run(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    (void)io;
    (void)load;
    sched_yield();
    return QUIRE_OK;
}

static void run(enum rig_policy policy, enum quire_sim_flags flags, bool flush_unlocked, unsigned crew)
{
    struct rig_config config;
    uint64_t most;
    unsigned i;

    memset(&config, 0, sizeof config);
    config.threads = true;
    config.policy = policy;
    config.flags = flags;
    config.flush_unlocked = flush_unlocked;
    config.cpus = crew;
    config.concurrency = crew;
    config.step = STEP;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(crew, STEP, 0);
    config.vms = crew;
    rig_start(&rig, &config);
    shared = rig_store_new(&rig, SHARED, RW);
    code = rig_store_new(&rig, 8, RIG_READ | RIG_EXEC);
    shared->before = let_others_run;
    code->before = let_others_run;
    for (i = 0; i < crew; i++) {
        rig_vm_start(&rig, &vm[i]);
        own[i] = rig_store_new(&rig, OWN, RW);
        OK(rig_map(&vm[i], &own[i]->fobj, RIG_VA, RW));
        OK(rig_map(&vm[i], &shared->fobj, RIG_AT(OWN), RW));
        OK(rig_map(&vm[i], &code->fobj, RIG_AT(OWN + SHARED), RIG_READ | RIG_EXEC));
    }
    crew_run(&rig, crew, work);
    most = crew_tally_end(&tally, crew);
    cr_assert_leq(most, CREW_BOUND(STEP, crew), "%s, %u threads: %ju faults in an instruction",
                  rig.pager.root.policy->ops->name, crew, (uintmax_t)most);
    name = rig.pager.root.policy->ops->name;
    SOUND(&rig);
    waits += rig_stats(&rig).waits;
    cr_assert_gt(rig_stats(&rig).evictions, INSTRUCTIONS, "the pool is too large to prove anything");
    rig_stop(&rig);
}

static void run_all(enum rig_policy policy, bool flush_unlocked)
{
    unsigned number;

    for (number = 0; number < 16u; number += rig_stride(5)) {
        run(policy, (enum quire_sim_flags)(number / 4u), flush_unlocked, 1u + number % 4u);
    }
    crew_tally_print(&tally, name);
    cr_assert_gt(waits, 0, "no thread met another");
}

Test(pager_progress, in_the_fewest_pages_with_clock, .timeout = 120)
{
    run_all(RIG_CLOCK, false);
}

Test(pager_progress, in_the_fewest_pages_with_fifo, .timeout = 120)
{
    run_all(RIG_FIFO, false);
}

Test(pager_progress, in_the_fewest_pages_with_clock_and_unlocked_flushes, .timeout = 120)
{
    run_all(RIG_CLOCK, true);
}

Test(pager_progress, in_the_fewest_pages_with_fifo_and_unlocked_flushes, .timeout = 120)
{
    run_all(RIG_FIFO, true);
}

Test(pager_progress, in_the_fewest_pages_with_s3fifo, .timeout = 120)
{
    run_all(RIG_S3FIFO, false);
}

Test(pager_progress, in_the_fewest_pages_with_s3fifo_and_unlocked_flushes, .timeout = 120)
{
    run_all(RIG_S3FIFO, true);
}

Test(pager_progress, in_the_fewest_pages_with_2q, .timeout = 120)
{
    run_all(RIG_2Q, false);
}

Test(pager_progress, in_the_fewest_pages_with_2q_and_unlocked_flushes, .timeout = 120)
{
    run_all(RIG_2Q, true);
}

Test(pager_progress, in_the_fewest_pages_with_refault, .timeout = 120)
{
    run_all(RIG_REFAULT, false);
}

Test(pager_progress, in_the_fewest_pages_with_refault_and_unlocked_flushes, .timeout = 120)
{
    run_all(RIG_REFAULT, true);
}
