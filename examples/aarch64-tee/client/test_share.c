/* test_share.c - pages that several applications show. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "client/check.h"
#include "client/console.h"
#include "client/report.h"
#include "client/tee_kernel.h"
#include "client/tests.h"
#include "ta/interpreter/functions.h"
#include "ta/interpreter/model.h"
#include "ta/sharer/functions.h"

static struct tee_stats stats_of(struct tee *tee)
{
    struct tee_stats stats = {0};

    check(tee_get_stats(tee, 0, &stats) == TEE_RESULT_OK, "the kernel counts");
    return stats;
}

/* ---- Two instances of one application ---- */

/* Runs all of the interpreter's code; true if the answer is right. */
static bool sweeps(struct tee *tee, uint32_t session, uint64_t seed)
{
    struct tee_param params[2] = {tee_value(TEE_PARAM_VALUE_IN, seed, 0), tee_value(TEE_PARAM_VALUE_OUT, 0, 0)};

    return tee_invoke(tee, session, INTERPRETER_SWEEP, params, 2) == TEE_RESULT_OK &&
           params[1].a == interpreter_expect_sweep(seed);
}

static uint64_t uses(struct tee *tee, uint32_t session)
{
    struct tee_param param = tee_value(TEE_PARAM_VALUE_OUT, 0, 0);

    return tee_invoke(tee, session, INTERPRETER_USES, &param, 1) == TEE_RESULT_OK ? param.a : 0;
}

/* The second finds in memory what the first had brought, if the pool has room for all of it. */
static void the_second_instance_finds_pages(struct tee *tee, uint32_t first, uint32_t second)
{
    struct tee_stats before = stats_of(tee);
    struct tee_stats between;
    struct tee_stats after;
    uint64_t brought;

    check(sweeps(tee, first, 1), "the first instance runs all of its code");
    between = stats_of(tee);
    check(sweeps(tee, second, 2), "the second does");
    after = stats_of(tee);
    check(after.shared != 0 && after.saved != 0, "they share pages: %lu are shown more than once, which saves %lu",
          after.shared, after.saved);
    brought = between.faults_major - before.faults_major;
    if (brought + before.pool_min > before.pool_pages) {
        print("# a pool of %lu pages has no room for %lu more\n", before.pool_pages, brought);
        return;
    }
    check(after.faults_major - between.faults_major < brought / 2u,
          "%lu pages had to be brought for the first, and %lu more for the second", brought,
          after.faults_major - between.faults_major);
}

/* What one writes to its data the other does not see: both began with what is in the file. */
static void data_is_everybodys_own(struct tee *tee, uint32_t first, uint32_t second)
{
    uint64_t begin = interpreter_expect_first_uses();

    check(uses(tee, first) == begin + MACHINE_OPERATIONS && uses(tee, second) == begin + MACHINE_OPERATIONS,
          "each has written to its own data, and sees nothing of the other's");
    check(sweeps(tee, first, 3), "the first runs again");
    check(uses(tee, first) == begin + 2u * MACHINE_OPERATIONS && uses(tee, second) == begin + MACHINE_OPERATIONS,
          "only the first's data has changed");
}

static void two_instances(struct test_run *run)
{
    struct tee *tee = run->tee;
    uint32_t first = 0;
    uint32_t second = 0;

    if (check(tee_open(tee, &app_interpreter.name, &first) == TEE_RESULT_OK &&
                  tee_open(tee, &app_interpreter.name, &second) == TEE_RESULT_OK,
              "the interpreter opens twice")) {
        the_second_instance_finds_pages(tee, first, second);
        data_is_everybodys_own(tee, first, second);
        report_now(run);
    }
    check(tee_close(tee, first) == TEE_RESULT_OK && tee_close(tee, second) == TEE_RESULT_OK, "both close");
}

/* ---- Two applications and a buffer ---- */

#define BUFFER_KEY 0x71u
#define BUFFER_PAGES 24u

static uint32_t ask(struct tee *tee, uint32_t session, uint32_t function, uint64_t a, uint64_t b)
{
    struct tee_param param = tee_value(TEE_PARAM_VALUE_IN, a, b);

    return tee_invoke(tee, session, function, &param, 1);
}

static bool sees(struct tee *tee, uint32_t session, uint64_t page, uint64_t value, uint64_t counter)
{
    struct tee_param params[2] = {tee_value(TEE_PARAM_VALUE_IN, page, 0), tee_value(TEE_PARAM_VALUE_OUT, 0, 0)};

    return tee_invoke(tee, session, SHARER_READ, params, 2) == TEE_RESULT_OK && params[1].a == value && params[1].b == counter;
}

static void a_buffer_of_two(struct tee *tee, uint32_t sharer, uint32_t watcher)
{
    check(ask(tee, sharer, SHARER_ATTACH, BUFFER_KEY, BUFFER_PAGES) == TEE_RESULT_OK &&
              ask(tee, watcher, SHARER_ATTACH, BUFFER_KEY, BUFFER_PAGES) == TEE_RESULT_OK,
          "both have the buffer");
    check(sees(tee, watcher, 7, 0, 0), "at first there is nothing in it");
    check(ask(tee, sharer, SHARER_WRITE, 7, 0x1234) == TEE_RESULT_OK && sees(tee, watcher, 7, 0x1234, 0),
          "what the sharer writes the watcher sees");
    check(ask(tee, sharer, SHARER_ADD, 0, 3u * BUFFER_PAGES) == TEE_RESULT_OK && sees(tee, watcher, 7, 0x1234, 3),
          "what the sharer counts the watcher sees");
    check(tee_invoke(tee, sharer, SHARER_DETACH, NULL, 0) == TEE_RESULT_OK && sees(tee, watcher, 7, 0x1234, 3),
          "the sharer goes, and the buffer stays");
    check(tee_invoke(tee, watcher, SHARER_DETACH, NULL, 0) == TEE_RESULT_OK &&
              ask(tee, sharer, SHARER_ATTACH, BUFFER_KEY, BUFFER_PAGES) == TEE_RESULT_OK && sees(tee, sharer, 7, 0, 0),
          "the watcher goes too, and then it is a new one");
}

static void two_applications(struct tee *tee)
{
    uint32_t sharer = 0;
    uint32_t watcher = 0;

    if (check(tee_open(tee, &app_sharer.name, &sharer) == TEE_RESULT_OK &&
                  tee_open(tee, &app_watcher.name, &watcher) == TEE_RESULT_OK,
              "the sharer and the watcher open")) {
        a_buffer_of_two(tee, sharer, watcher);
    }
    check(tee_close(tee, sharer) == TEE_RESULT_OK && tee_close(tee, watcher) == TEE_RESULT_OK, "both close");
}

void test_share(struct test_run *run)
{
    two_instances(run);
    two_applications(run->tee);
    check(tee_check(run->tee) == TEE_RESULT_OK, "all invariants hold");
}
