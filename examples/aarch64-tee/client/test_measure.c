/* test_measure.c - what each kind of fault takes, and where. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "client/check.h"
#include "client/console.h"
#include "client/interrupt.h"
#include "client/tee_kernel.h"
#include "client/tests.h"
#include "ta/walker/functions.h"
#include "ta/walker/phases.h"

/*
 * One session of `walker`, alone, without ticks: whatever happens is what its faults take. The lines are for a script:
 *
 *     walk PHASE STEPS CYCLES FAULTS KERNEL    what its steps took, as the application saw it; faults, and those of the kernel
 *     measured PHASE KIND FAULTS ENTRY LIBRARY HOOKS STORE    where, if the kernel has measure=2: sums of instructions
 */
struct walk {
    struct tee *tee;
    uint32_t session;
    uint64_t flags;                   /* WALKER_COUNT, if the kernel permits it */
    uint64_t value[WALKER_PAGES_MAX]; /* of each page */
};

static const char *const kinds[TEE_MEASURED] = {
    "minor",         "write",         "accessed",   "zeros_clean", "zeros_dirty",
    "private_clean", "private_dirty", "file_clean", "file_dirty",  "other",
};

static void print_measured(const char *phase, const struct tee_stats *stats)
{
    unsigned i;

    for (i = 0; i < TEE_MEASURED; i++) {
        const struct tee_measured *sums = &stats->measured[i];

        if (sums->faults != 0) {
            print("measured %s %s %lu %lu %lu %lu %lu\n", phase, kinds[i], sums->faults, sums->entry, sums->library,
                  sums->hooks, sums->store);
        }
    }
}

/* The digest of a walk; remembers what it writes. */
static uint64_t expect(struct walk *walk, const struct walker_phase *phase, uint64_t pages, uint64_t seed)
{
    uint64_t digest = 0;
    uint64_t step;

    for (step = 0; step < walker_steps(phase, pages); step++) {
        uint64_t *value = &walk->value[walker_page(seed, step, walker_pages(phase, pages))];

        if (phase->write) {
            *value = walker_value(seed, step);
        }
        digest = walker_digest(digest, *value);
    }
    return digest;
}

static bool run_round(struct walk *walk, const struct walker_phase *phase, uint64_t pages, uint64_t seed, uint64_t *cycles)
{
    struct tee_param params[3] = {
        tee_value(TEE_PARAM_VALUE_IN, seed, walker_steps(phase, pages)),
        tee_value(TEE_PARAM_VALUE_IN, walker_pages(phase, pages), walk->flags | (phase->write ? WALKER_WRITE : 0)),
        tee_value(TEE_PARAM_VALUE_OUT, 0, 0)};

    if (phase->bring && tee_invoke(walk->tee, walk->session, WALKER_BRING, NULL, 0) != TEE_RESULT_OK) {
        return false;
    }
    if (tee_invoke(walk->tee, walk->session, WALKER_WALK, params, 3) != TEE_RESULT_OK) {
        return false;
    }
    *cycles += params[2].b;
    return params[2].a == expect(walk, phase, pages, seed);
}

static void run_phase(struct walk *walk, const struct walker_phase *phase, uint64_t pages)
{
    uint64_t rounds = walker_rounds(phase, pages);
    uint64_t cycles = 0;
    uint64_t right = 0;
    uint64_t round;
    struct tee_stats stats;

    check(tee_get_stats(walk->tee, TEE_STATS_RESET, &stats) == TEE_RESULT_OK, "%s: the counters begin at zero", phase->name);
    for (round = 0; round < rounds; round++) {
        right += run_round(walk, phase, pages, walker_seed(phase, round), &cycles) ? 1u : 0;
    }
    check(tee_get_stats(walk->tee, 0, &stats) == TEE_RESULT_OK, "%s: the kernel has counted", phase->name);
    check(right == rounds, "%s: every word is what was written last", phase->name);
    print("walk %s %lu %lu %lu %lu\n", phase->name, rounds * walker_steps(phase, pages), cycles,
          stats.faults_minor + stats.faults_major + stats.faults_write + stats.faults_accessed, stats.faults_kernel);
    print_measured(phase->name, &stats);
}

void test_measure(struct test_run *run)
{
    static struct walk walk;
    struct tee_stats stats = {0};
    struct tee_param params[1];
    uint64_t now;
    uint64_t pages;
    unsigned i;

    walk.tee = run->tee;
    walk.flags = run->script->count != 0 ? WALKER_COUNT : 0;
    check(tee_get_stats(run->tee, 0, &stats) == TEE_RESULT_OK, "the kernel counts");
    now = stats.pool_pages;
    if (run->script->resize != 0) {
        check(tee_resize(run->tee, run->script->resize, &now) == TEE_RESULT_OK, "the pool shrinks from %lu pages to %lu",
              stats.pool_pages, now);
    }
    pages = 2u * now < WALKER_PAGES_MAX ? 2u * now : WALKER_PAGES_MAX;
    params[0] = tee_value(TEE_PARAM_VALUE_IN, pages, 0);
    if (!check(tee_open(run->tee, &app_walker.name, &walk.session) == TEE_RESULT_OK, "walker opens")) {
        return;
    }
    print("measure pool %lu pages %lu\n", now, pages);
    interrupt_pause();
    if (check(tee_invoke(run->tee, walk.session, WALKER_TAKE, params, 1) == TEE_RESULT_OK, "walker takes %lu pages", pages)) {
        for (i = 0; i < WALKER_PHASES; i++) {
            run_phase(&walk, &walker_phases[i], pages);
        }
    }
    interrupt_go_on();
    check(tee_close(run->tee, walk.session) == TEE_RESULT_OK, "walker closes");
    if (run->script->resize != 0) {
        check(tee_resize(run->tee, stats.pool_pages, &now) == TEE_RESULT_OK, "the pool is as large as before");
    }
}
