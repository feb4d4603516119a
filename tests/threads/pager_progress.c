/* An instruction finishes: in the least memory a pager takes, every instruction that needs all of its pages at once gets them,
 * whatever the policy, the flags and the flush, with one thread and with four. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "property.h"
#include "rig.h"

#define PAGES 40u
#define STEP 4u
#define INSTRUCTIONS 150u

struct runner {
    pthread_t thread;
    struct rig *rig;
    struct quire_vm *vm;
    uint32_t number;
    uint32_t finished;
    uint64_t faults;
    uint64_t most; /* faults of one instruction */
    enum quire_status failed;
};

/* One instruction that adds one to a byte of each of STEP different pages: reads them all, then writes them all. */
static enum quire_status instruction(struct runner *runner, struct quire_sim_thread *thread, struct property *p)
{
    struct quire_sim_operand operand[STEP];
    unsigned char byte[STEP];
    enum quire_status status;
    uint32_t base = property_below(p, PAGES);
    uint32_t i;

    for (i = 0; i < STEP; i++) {
        operand[i].va = RIG_AT((base + i * (PAGES / STEP)) % PAGES) + runner->number;
        operand[i].access = i % 2u == 0 ? RIG_WRITE : RIG_READ;
        operand[i].bytes = &byte[i];
        operand[i].len = 1;
        byte[i] = (unsigned char)runner->number;
    }
    status = quire_sim_step(&runner->rig->sim, thread, runner->vm, operand, STEP);
    return status;
}

static void *run(void *arg)
{
    struct runner *runner = arg;
    struct quire_sim_thread thread;
    struct property p;
    uint32_t i;

    memset(&thread, 0, sizeof thread);
    memset(&p, 0, sizeof p);
    p.state = 1000u + runner->number;
    thread.cpu = runner->number;
    thread.thread = runner->number;
    thread.wait_ok = true;
    thread.max_faults = runner->rig->config.no_wait ? UINT32_MAX : 4000u; /* who may not wait asks again and again */
    for (i = 0; i < INSTRUCTIONS && runner->failed == QUIRE_OK; i++) {
        uint64_t before = thread.faults;

        runner->failed = instruction(runner, &thread, &p);
        runner->finished += runner->failed == QUIRE_OK;
        runner->most = thread.faults - before > runner->most ? thread.faults - before : runner->most;
    }
    runner->faults = thread.faults;
    return NULL;
}

static void progress(enum rig_policy policy, enum quire_sim_flags flags, bool flush_unlocked, uint32_t threads, bool no_wait)
{
    struct rig *rig = malloc(sizeof *rig);
    struct rig_config config = {0};
    struct runner runner[4];
    struct rig_store *store;
    struct quire_vm vm;
    uint64_t faults = 0;
    uint64_t most = 0;
    uint32_t i;

    cr_assert_not_null(rig);
    config.policy = policy;
    config.flags = flags;
    config.flush_unlocked = flush_unlocked;
    config.threads = true;
    config.no_wait = no_wait;
    config.cpus = threads;
    config.concurrency = threads;
    config.step = STEP;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(threads, STEP, 0);
    config.vm_pages = PAGES;
    rig_start(rig, &config);
    rig_vm_start(rig, &vm);
    store = rig_store_new(rig, PAGES, RIG_READ | RIG_WRITE);
    cr_assert_eq(rig_map(&vm, &store->fobj, RIG_VA, RIG_READ | RIG_WRITE), QUIRE_OK);
    for (i = 0; i < threads; i++) {
        memset(&runner[i], 0, sizeof runner[i]);
        runner[i].rig = rig;
        runner[i].vm = &vm;
        runner[i].number = i;
        cr_assert_eq(pthread_create(&runner[i].thread, NULL, run, &runner[i]), 0);
    }
    for (i = 0; i < threads; i++) {
        pthread_join(runner[i].thread, NULL);
        cr_expect_eq(runner[i].finished, INSTRUCTIONS, "policy %d, flags %d, unlocked %d, thread %u of %u: %u finished, then %s",
                     (int)policy, (int)flags, flush_unlocked, i, threads, runner[i].finished, quire_status_name(runner[i].failed));
        faults += runner[i].faults;
        most = runner[i].most > most ? runner[i].most : most;
    }
    fprintf(stderr, "policy %d, flags %d, unlocked %d, %u threads: %.1f faults an instruction, at most %ju\n", (int)policy, (int)flags,
                flush_unlocked, threads, (double)faults / (threads * INSTRUCTIONS), (uintmax_t)most);
    cr_expect_null(rig_wrong(rig), "%s", rig_wrong(rig));
    rig_stop(rig);
    free(rig);
}

static void every_variant(enum rig_policy policy, bool no_wait)
{
    unsigned variant;

    for (variant = 0; variant < 24u; variant++) {
        progress(policy, (enum quire_sim_flags)(variant % 4u), variant / 4u % 2u != 0, variant / 8u == 0 ? 1u : 2u * (variant / 8u),
                 no_wait);
    }
}

Test(pager_progress, every_instruction_finishes_in_the_least_memory_with_clock)
{
    every_variant(RIG_CLOCK, false);
}

Test(pager_progress, every_instruction_finishes_in_the_least_memory_with_fifo)
{
    every_variant(RIG_FIFO, false);
}

Test(pager_progress, every_instruction_finishes_where_nobody_may_wait)
{
    every_variant(RIG_CLOCK, true);
}
