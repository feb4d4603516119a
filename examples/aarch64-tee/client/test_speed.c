/* test_speed.c - what a fault costs, and how long a load takes. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "client/check.h"
#include "client/console.h"
#include "client/crew.h"
#include "client/tee_kernel.h"
#include "client/tests.h"

#define REQUESTS 4u

static const struct app *const apps[] = {&app_sorter, &app_sorter, &app_sorter, &app_sorter};

static uint64_t per(uint64_t sum, uint64_t count)
{
    return count != 0 ? sum / count : 0;
}

/* Lines that a script reads: "speed NAME VALUE". */
static void print_faults(const struct tee_stats *stats)
{
    print("speed pool_pages %lu\n", stats->pool_pages);
    print("speed faults_minor %lu\n", stats->faults_minor);
    print("speed faults_major %lu\n", stats->faults_major);
    print("speed saves %lu\n", stats->saves);
    print("speed cycles_per_minor %lu\n", per(stats->cycles_minor, stats->faults_minor));
    print("speed cycles_per_major %lu\n", per(stats->cycles_major, stats->faults_major));
    print("speed lock_wait_max_ns %lu\n", per(stats->lock_wait_max * 1000000000u, cpu_ticks_per_second()));
}

void test_speed(struct test_run *run)
{
    static struct crew crew;
    struct tee_stats stats;
    uint64_t ticks;

    if (!check(crew_begin(&crew, run->tee, (unsigned)run->script->cpus, apps, sizeof apps / sizeof apps[0], run->script->seed,
                          run->script->heap),
               "four sorters open")) {
        return;
    }
    crew_run_requests(&crew, 1); /* its first request an application makes with new pages */
    check(tee_get_stats(run->tee, TEE_STATS_RESET, &stats) == TEE_RESULT_OK, "the counters begin at zero");
    ticks = cpu_ticks();
    crew_run_requests(&crew, REQUESTS);
    ticks = cpu_ticks() - ticks;
    check(tee_get_stats(run->tee, 0, &stats) == TEE_RESULT_OK, "the kernel has counted");
    check(crew_is_right(&crew), "all %lu answers are right", crew_total(&crew).right);
    check(crew_end(&crew), "all of them close");
    print_faults(&stats);
    print("speed cpus %lu\n", run->script->cpus);
    print("speed wall_us %lu\n", ticks * 1000000u / cpu_ticks_per_second());
}
