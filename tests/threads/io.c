/* Stores that answer later, from threads of their own, in any order and sometimes with errors; a clock that runs out; threads that
 * wait and threads that come back. No byte is lost, no page is asked for twice, nothing is left. */
#include "crew_test.h"

#include <unistd.h>

#define WORKERS 4u
#define ANSWERERS 2u
#define PAGES 16u
#define ROUNDS 250u

static struct rig rig;
static struct quire_vm vm[WORKERS];
static struct rig_store *store[2]; /* one page at a time, and clusters */
static uint32_t working;           /* workers that have not finished */
static bool errors;

/* One byte, again and again while the store is slow, late or in error. */
static void use(unsigned i, uint32_t page, unsigned access, unsigned char *byte)
{
    struct quire_sim_thread thread;
    unsigned char written = *byte;
    enum quire_status status;

    do {
        memset(&thread, 0, sizeof thread);
        thread.cpu = i;
        thread.thread = i;
        thread.wait_ok = i % 2u == 0;
        *byte = written;
        status = quire_sim_run(&rig.sim, &thread, &vm[i], RIG_AT(page) + 8u * i, access, byte, 1);
        if (status != QUIRE_OK) {
            cr_assert(status == QUIRE_AGAIN || status == QUIRE_TIMEOUT || (errors && status == QUIRE_IO) ||
                          status == QUIRE_NO_PAGE,
                      "thread %u: %s", i, quire_status_name(status));
            usleep(20);
        }
    } while (status != QUIRE_OK);
}

static void work(unsigned i)
{
    unsigned char expected[2u * PAGES];
    uint64_t random = i + 1u;
    uint32_t n;

    for (n = 0; n < 2u * PAGES; n++) {
        expected[n] = rig_born(store[n / PAGES]->tag, n % PAGES, 8u * i);
    }
    for (n = 0; n < ROUNDS; n++) {
        uint32_t page = random_below(&random, 2u * PAGES);
        bool write = random_below(&random, 2) != 0;
        unsigned char byte = (unsigned char)random_below(&random, 256);

        use(i, page, write ? RIG_WRITE : RIG_READ, &byte);
        cr_assert(write || byte == expected[page], "thread %u reads %u from page %u, and wrote %u", i, byte, page,
                  expected[page]);
        expected[page] = write ? byte : expected[page];
        if (random_below(&random, 16) == 0) {
            (void)!quire_pager_write_back(&rig.pager, &store[page / PAGES]->fobj, 0, PAGES, i % 2u == 0);
        }
    }
    __atomic_sub_fetch(&working, 1u, __ATOMIC_SEQ_CST);
}

/* Answers what is due, in any order, until nobody works any more. */
static void answer(unsigned i)
{
    uint64_t random = 1000u + i;

    while (__atomic_load_n(&working, __ATOMIC_SEQ_CST) != 0 || rig_pending(&rig) != 0) {
        uint32_t n = rig_pending(&rig);

        if (n == 0 || random_below(&random, 4) == 0) {
            usleep(random_below(&random, 100));
        } else {
            enum quire_status status =
                rig_answer(&rig, random_below(&random, n), errors && random_below(&random, 8) == 0 ? QUIRE_IO : QUIRE_OK);

            cr_assert(status == QUIRE_OK || status == QUIRE_LIMIT, "%s", quire_status_name(status));
        }
        if (random_below(&random, 32) == 0) {
            quire_io_tick(&rig.pager, 0, NULL); /* whatever is in flight now is late */
        }
    }
}

static void member(struct rig *r, unsigned i)
{
    (void)r;
    if (i < WORKERS) {
        work(i);
    } else {
        answer(i);
    }
}

static void run(enum rig_policy policy, enum quire_sim_flags flags, bool flush_unlocked, bool no_wait, bool with_errors)
{
    struct quire_pager_stats stats;
    struct rig_config config;
    unsigned i;

    memset(&config, 0, sizeof config);
    config.threads = true;
    config.no_wait = no_wait;
    config.policy = policy;
    config.flags = flags;
    config.flush_unlocked = flush_unlocked;
    config.cpus = WORKERS;
    config.concurrency = WORKERS;
    config.step = 2;
    config.pages = 4u * WORKERS;
    config.requests = 4;
    rig_start(&rig, &config);
    working = WORKERS;
    errors = with_errors;
    for (i = 0; i < 2u; i++) {
        store[i] = rig_store_pending(&rig, PAGES, RW);
    }
    store[1]->fobj.cluster = 3;
    for (i = 0; i < WORKERS; i++) {
        rig_vm_start(&rig, &vm[i]);
        OK(rig_map(&vm[i], &store[0]->fobj, RIG_VA, RW));
        OK(rig_map(&vm[i], &store[1]->fobj, RIG_AT(PAGES), RW));
    }
    crew_run(&rig, WORKERS + ANSWERERS, member);
    SOUND(&rig);
    stats = rig_stats(&rig);
    cr_assert_eq(stats.requests, 0);
    cr_assert_eq(stats.unknown_tickets, 0);
    cr_assert_gt(stats.pending, 100);
    cr_assert_gt(stats.timeouts, 5, "%ju came late", (uintmax_t)stats.timeouts);
    cr_assert_gt(stats.evictions, 100);
    cr_assert_eq(stats.waits == 0, no_wait);
    cr_assert_eq(stats.load_failures == 0, !with_errors);
    cr_assert_eq(stats.save_failures == 0, !with_errors);
    rig_stop(&rig);
}

Test(io_threads, no_byte_is_lost_while_threads_wait_for_late_answers, .timeout = 120)
{
    run(RIG_CLOCK, QUIRE_SIM_HW_ACCESSED_DIRTY, false, false, false);
    run(RIG_REFAULT, QUIRE_SIM_NO_FLAGS, true, false, false);
}

Test(io_threads, no_byte_is_lost_while_nobody_can_wait, .timeout = 120)
{
    run(RIG_FIFO, QUIRE_SIM_HW_ACCESSED, false, true, false);
    run(RIG_S3FIFO, QUIRE_SIM_AF_FAULT, true, true, false);
}

Test(io_threads, no_byte_is_lost_when_answers_are_errors, .timeout = 120)
{
    run(RIG_2Q, QUIRE_SIM_HW_ACCESSED_DIRTY, true, false, true);
    run(RIG_CLOCK, QUIRE_SIM_NO_FLAGS, false, true, true);
}
