/* test_rogue.c - an application that does what it must not, beside others. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "client/check.h"
#include "client/crew.h"
#include "client/tee_kernel.h"
#include "client/tests.h"
#include "ta/mix.h"
#include "ta/rogue/cases.h"

static const struct app *const others[] = {&app_echo, &app_sorter, &app_interpreter, &app_sharer};

static const struct rogue_expectation expected[] = {ROGUE_CASES(ROGUE_EXPECTATION)};

/* Killed: now, and at each later call. Only closing is left. */
static bool is_killed(struct tee *tee, uint32_t session, uint32_t result)
{
    return result == TEE_RESULT_TARGET_DEAD && tee_invoke(tee, session, ROGUE_LOOP, NULL, 0) == TEE_RESULT_TARGET_DEAD;
}

/* It goes on, and computes well. */
static bool survives(struct tee *tee, uint32_t session, uint32_t result)
{
    struct tee_param params[2] = {tee_value(TEE_PARAM_VALUE_IN, 5, 1), tee_value(TEE_PARAM_VALUE_OUT, 0, 0)};

    return result == TEE_RESULT_OK && tee_invoke(tee, session, ROGUE_LOOP, params, 2) == TEE_RESULT_OK && params[1].a == mix(5);
}

static void run_case(struct tee *tee, const struct rogue_expectation *expectation)
{
    uint32_t session;
    uint32_t result = tee_open(tee, &app_rogue.name, &session);
    bool as_expected;

    if (!check(result == TEE_RESULT_OK, "the rogue opens (%08x)", result)) {
        return;
    }
    result = tee_invoke(tee, session, (uint32_t)expectation->number, NULL, 0);
    as_expected = expectation->outcome == ROGUE_KILLED ? is_killed(tee, session, result) : survives(tee, session, result);
    check(as_expected, "an application that %s %s (%08x)", expectation->text,
          expectation->outcome == ROGUE_KILLED ? "is killed" : "goes on", result);
    result = tee_close(tee, session);
    check(result == TEE_RESULT_OK, "and closed (%08x)", result);
}

/* ---- While others work ---- */

struct progress {
    struct tee *tee;
    size_t next; /* which case */
};

static bool go_on(void *ctx)
{
    struct progress *progress = (struct progress *)ctx;

    run_case(progress->tee, &expected[progress->next++]);
    return progress->next < sizeof expected / sizeof expected[0];
}

static unsigned expected_to_be_killed(void)
{
    unsigned count = 0;
    size_t i;

    for (i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        count += expected[i].outcome == ROGUE_KILLED;
    }
    return count;
}

void test_rogue(struct test_run *run)
{
    static struct crew crew;
    struct progress progress = {run->tee, 0};
    struct tee_stats stats;

    check(tee_get_stats(run->tee, TEE_STATS_RESET, &stats) == TEE_RESULT_OK, "the counters begin at zero");
    if (!check(crew_begin(&crew, run->tee, (unsigned)run->script->cpus, others, sizeof others / sizeof others[0],
                          run->script->seed, run->script->heap),
               "four other applications open")) {
        return;
    }
    crew_run(&crew, go_on, &progress);
    crew_run_requests(&crew, 1);
    check(crew_is_right(&crew), "the others were right all the time: %lu answers", crew_total(&crew).right);
    check(crew_end(&crew), "all of them close");
    check(tee_get_stats(run->tee, 0, &stats) == TEE_RESULT_OK && stats.killed == expected_to_be_killed(),
          "%lu applications were killed, and %u had to be", stats.killed, expected_to_be_killed());
    check(tee_check(run->tee) == TEE_RESULT_OK, "all invariants hold");
}
