/* test_smoke.c - everything once. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "client/check.h"
#include "client/tee_kernel.h"
#include "client/tests.h"
#include "ta/echo/functions.h"

#define REQUESTS 10u /* whoever goes through a round of different ones has done it all by then */

/* ---- Applications: one session each, and a few requests ---- */

static void app_answers_as_its_model(const struct test_run *run, const struct app *app)
{
    static struct task task;
    uint32_t result = task_begin(&task, run->tee, app, run->script->seed, run->script->heap);
    unsigned i;

    if (!check(result == TEE_RESULT_OK, "%s opens (%08x)", app->title, result)) {
        return;
    }
    for (i = 0; i < REQUESTS; i++) {
        task_once(&task);
    }
    check(task_is_right(&task), "%s answers as its model does: %lu right, %lu wrong, %lu refused (%08x)", app->title,
          task.right, task.wrong, task.refused, task.result);
    result = task_end(&task);
    check(result == TEE_RESULT_OK, "%s closes (%08x)", app->title, result);
}

/* ---- Errors ---- */

static void unknown_names_and_sessions_are_not_found(const struct test_run *run)
{
    static const struct tee_name nobody = {0x79646f626f6e, 0};
    uint32_t session;
    uint32_t result = tee_open(run->tee, &nobody, &session);

    check(result == TEE_RESULT_ITEM_NOT_FOUND, "an application that nobody registered cannot be opened (%08x)", result);
    result = tee_invoke(run->tee, 0x7fffffff, 0, NULL, 0);
    check(result == TEE_RESULT_ITEM_NOT_FOUND, "a session that never was cannot be invoked (%08x)", result);
    result = tee_close(run->tee, 0x7fffffff);
    check(result == TEE_RESULT_ITEM_NOT_FOUND, "a session that never was cannot be closed (%08x)", result);
}

static void a_closed_session_is_not_found(const struct test_run *run)
{
    uint32_t session;
    uint32_t result;

    if (!check(tee_open(run->tee, &app_echo.name, &session) == TEE_RESULT_OK, "echo opens once more")) {
        return;
    }
    result = tee_invoke(run->tee, session, ECHO_NOTHING, NULL, 0);
    check(result == TEE_RESULT_OK, "echo does nothing when asked to (%08x)", result);
    result = tee_invoke(run->tee, session, 0xffff, NULL, 0);
    check(result == TEE_RESULT_NOT_SUPPORTED, "echo knows no such function (%08x)", result);
    check(tee_close(run->tee, session) == TEE_RESULT_OK, "echo closes");
    result = tee_invoke(run->tee, session, ECHO_NOTHING, NULL, 0);
    check(result == TEE_RESULT_ITEM_NOT_FOUND, "a closed session cannot be invoked (%08x)", result);
    result = tee_close(run->tee, session);
    check(result == TEE_RESULT_ITEM_NOT_FOUND, "a closed session cannot be closed again (%08x)", result);
}

/* ---- Parameters ---- */

static void a_short_buffer_is_told_how_long_it_should_be(const struct test_run *run, uint32_t session)
{
    struct quire_shm_buffer *buffer;
    struct tee_param params[2];
    uint32_t result;
    struct quire_view view;
    uint8_t first = 0xff;

    if (!check(quire_shm_alloc(&run->tee->shm, 100, &buffer) == QUIRE_OK, "there is a buffer")) {
        return;
    }
    params[0] = tee_value(TEE_PARAM_VALUE_IN, 101, 'x');
    params[1] = tee_memory(TEE_PARAM_MEMORY_OUT, buffer, 100);
    result = tee_invoke(run->tee, session, ECHO_FILL, params, 2);
    check(result == TEE_RESULT_SHORT_BUFFER && params[1].b == 101, "a short buffer is told how long it should be (%08x, %lu)",
          result, params[1].b);
    check(quire_shm_view(buffer, &view) == QUIRE_OK && quire_view_load8(&view, 0, &first) == QUIRE_OK && first == 0,
          "and nothing is written to it");
    params[0] = tee_value(TEE_PARAM_VALUE_IN, 99, 'x');
    params[1] = tee_memory(TEE_PARAM_MEMORY_OUT, buffer, 100);
    result = tee_invoke(run->tee, session, ECHO_FILL, params, 2);
    check(result == TEE_RESULT_OK && params[1].b == 99 && quire_view_load8(&view, 98, &first) == QUIRE_OK && first == 'x',
          "a buffer that is long enough is filled (%08x, %lu)", result, params[1].b);
    quire_shm_put(buffer);
}

/* The kernel itself writes to a buffer and reads it, for a system call, and reads the application's code. */
static void system_calls_take_any_memory(const struct test_run *run, uint32_t session)
{
    struct quire_shm_buffer *buffer;
    struct quire_view view;
    struct tee_param param;
    uint64_t first = 0;
    uint64_t code[2];
    uint32_t result;

    if (!check(quire_shm_alloc(&run->tee->shm, 256, &buffer) == QUIRE_OK, "there is a buffer for random bytes")) {
        return;
    }
    param = tee_memory(TEE_PARAM_MEMORY_OUT, buffer, 256);
    result = tee_invoke(run->tee, session, ECHO_RANDOM, &param, 1);
    check(result == TEE_RESULT_OK && quire_shm_view(buffer, &view) == QUIRE_OK &&
              quire_view_load64(&view, 0, &first) == QUIRE_OK && first != 0,
          "the kernel writes random bytes to a buffer that an application shows it (%08x)", result);
    quire_shm_put(buffer);
    result = tee_probe(run->tee, TEE_PROBE_ALIASES, code);
    check(result == TEE_RESULT_OK && code[0] != 0 && code[1] == 0,
          "of %lu pages that are executable just now the kernel could write %lu (%08x)", code[0], code[1], result);
}

static void values_go_in_and_out(const struct test_run *run, uint32_t session)
{
    struct tee_param params[2] = {tee_value(TEE_PARAM_VALUE_IN, 40, 2), tee_value(TEE_PARAM_VALUE_OUT, 0, 0)};
    uint32_t result = tee_invoke(run->tee, session, ECHO_ADD, params, 2);

    check(result == TEE_RESULT_OK && params[1].a == 42 && params[1].b == (40 ^ 2), "values go in and out (%08x)", result);
    params[0] = tee_value(TEE_PARAM_VALUE_INOUT, 1, 2);
    result = tee_invoke(run->tee, session, ECHO_SWAP, params, 1);
    check(result == TEE_RESULT_OK && params[0].a == 2 && params[0].b == 1, "a value goes in and comes out another (%08x)",
          result);
    result = tee_invoke(run->tee, session, ECHO_ADD, params, 1);
    check(result == TEE_RESULT_BAD_PARAMETERS, "an application refuses parameters of another kind (%08x)", result);
}

/* ---- The kernel itself ---- */

static void the_kernel_tells_about_itself(const struct test_run *run)
{
    struct tee_stats stats;
    uint64_t value[2];
    uint64_t again[2];
    uint32_t result = tee_get_stats(run->tee, 0, &stats);

    check(result == TEE_RESULT_OK && stats.pool_pages >= stats.pool_min && stats.pool_min != 0 && stats.faults_major != 0,
          "the kernel counts: %lu pages in the pool, at least %lu needed; %lu major and %lu minor faults", stats.pool_pages,
          stats.pool_min, stats.faults_major, stats.faults_minor);
    result = tee_probe(run->tee, TEE_PROBE_PAGED_CODE, value);
    check(result == TEE_RESULT_OK && value[0] != 0, "the kernel's own paged part is all there (%08x, %lx)", result, value[0]);
    result = tee_probe(run->tee, TEE_PROBE_PAGED_CODE, again);
    check(result == TEE_RESULT_OK && again[0] == value[0], "and the same a second time (%08x, %lx)", result, again[0]);
    result = tee_check(run->tee);
    check(result == TEE_RESULT_OK, "all invariants of Quire hold (%08x)", result);
}

void test_smoke(struct test_run *run)
{
    uint32_t session;

    app_answers_as_its_model(run, &app_echo);
    app_answers_as_its_model(run, &app_sorter);
    app_answers_as_its_model(run, &app_interpreter);
    app_answers_as_its_model(run, &app_sharer);
    unknown_names_and_sessions_are_not_found(run);
    a_closed_session_is_not_found(run);
    if (check(tee_open(run->tee, &app_echo.name, &session) == TEE_RESULT_OK, "echo opens")) {
        values_go_in_and_out(run, session);
        a_short_buffer_is_told_how_long_it_should_be(run, session);
        system_calls_take_any_memory(run, session);
        check(tee_close(run->tee, session) == TEE_RESULT_OK, "echo closes again");
    }
    the_kernel_tells_about_itself(run);
}
