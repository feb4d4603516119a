/* test_pressure.c - four applications in a pool that is much too small. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "client/check.h"
#include "client/console.h"
#include "client/crew.h"
#include "client/report.h"
#include "client/tee_kernel.h"
#include "client/tests.h"

#define LOOK_EVERY 64u  /* steps of all tasks between two looks at the counters */
#define CHECK_EVERY 16u /* looks between two checks of all invariants */
#define TIMES_THE_POOL 8u

static const struct app *const apps[] = {&app_sorter, &app_interpreter, &app_sharer, &app_sorter};

/* Until when, and what was seen on the way. */
struct watch {
    struct crew *crew;
    uint64_t faults;        /* how many there are to be */
    struct tee_stats stats; /* the latest */
    uint64_t mapped;        /* the most that was seen: between two rounds a sorter has no heap */
    unsigned steps;
    unsigned looks;
    unsigned checks;
    unsigned broken; /* checks that found something */
};

static uint64_t faults_of(const struct tee_stats *stats)
{
    return stats->faults_minor + stats->faults_major + stats->faults_write + stats->faults_accessed;
}

static bool look(struct watch *watch)
{
    struct crew_total total = crew_total(watch->crew);

    if (tee_get_stats(watch->crew->tee, 0, &watch->stats) != TEE_RESULT_OK || total.wrong != 0 || total.refused != 0) {
        return false;
    }
    watch->mapped = watch->stats.mapped > watch->mapped ? watch->stats.mapped : watch->mapped;
    if (++watch->looks % CHECK_EVERY == 0) {
        watch->checks++;
        watch->broken += tee_check(watch->crew->tee) != TEE_RESULT_OK;
    }
    return faults_of(&watch->stats) < watch->faults && watch->broken == 0;
}

static bool go_on(void *ctx)
{
    struct watch *watch = (struct watch *)ctx;

    return ++watch->steps % LOOK_EVERY != 0 || look(watch);
}

static void judge(const struct watch *watch)
{
    const struct tee_stats *stats = &watch->stats;
    struct crew_total total = crew_total(watch->crew);
    unsigned i;

    for (i = 0; i < watch->crew->num_tasks; i++) {
        const struct task *task = &watch->crew->tasks[i];

        check(task_is_right(task), "%s on processor %u: %lu answers right, %lu wrong, %lu refused (%08x)", task->app->title,
              i % watch->crew->cpus, task->right, task->wrong, task->refused, task->result);
    }
    check(faults_of(stats) >= watch->faults,
          "%lu faults: %lu minor, %lu major, %lu write, %lu accessed; %lu evictions, %lu saved", faults_of(stats),
          stats->faults_minor, stats->faults_major, stats->faults_write, stats->faults_accessed, stats->evictions,
          stats->saves);
    check(watch->mapped >= TIMES_THE_POOL * stats->pool_pages, "%lu pages were mapped, %lu times the pool of %lu",
          watch->mapped, watch->mapped / stats->pool_pages, stats->pool_pages);
    check(watch->broken == 0, "all invariants held at %u checks in between", watch->checks);
    check(total.interrupted != 0,
          "the normal world interrupted applications %lu times, and resumed them; %lu waited for others", total.interrupted,
          total.waited);
    check(stats->killed == 0 && stats->integrity == 0, "nobody was killed, and memory gave back what it got");
}

void test_pressure(struct test_run *run)
{
    static struct crew crew;
    struct watch watch = {.crew = &crew, .faults = run->script->faults};
    uint32_t result = tee_get_stats(run->tee, TEE_STATS_RESET, &watch.stats);

    check(result == TEE_RESULT_OK, "the counters begin at zero (%08x)", result);
    if (!check(crew_begin(&crew, run->tee, (unsigned)run->script->cpus, apps, sizeof apps / sizeof apps[0], run->script->seed,
                          run->script->heap),
               "four applications open")) {
        return;
    }
    crew_run(&crew, go_on, &watch);
    judge(&watch);
    report_now(run);
    check(crew_end(&crew), "all of them close");
    result = tee_check(run->tee);
    check(result == TEE_RESULT_OK, "all invariants hold in the end (%08x)", result);
}
