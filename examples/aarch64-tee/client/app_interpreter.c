/* app_interpreter.c - asking `interpreter` to run programs all over its code. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "ta/interpreter/functions.h"
#include "ta/interpreter/model.h"
#include "ta/names.h"

extern const unsigned char image_interpreter[], image_interpreter_end[];

#define LENGTH 1000u

static const uint32_t functions[] = {INTERPRETER_RUN, INTERPRETER_RUN, INTERPRETER_SWEEP, INTERPRETER_RUN, INTERPRETER_USES};

enum { USES }; /* how many operations were applied so far, here */

static uint32_t function_of(const struct task *task)
{
    return functions[task->requests % (sizeof functions / sizeof functions[0])];
}

static uint64_t passes(const struct task *task)
{
    return 1u + task->random % 3u;
}

static uint32_t ask(struct task *task, struct tee_param *params, uint32_t *function)
{
    *function = function_of(task);
    switch (*function) {
    case INTERPRETER_RUN:
        params[0] = tee_value(TEE_PARAM_VALUE_IN, task->random, LENGTH);
        params[1] = tee_value(TEE_PARAM_VALUE_IN, passes(task), 0);
        params[2] = tee_value(TEE_PARAM_VALUE_OUT, 0, 0);
        return 3;
    case INTERPRETER_SWEEP:
        params[0] = tee_value(TEE_PARAM_VALUE_IN, task->random, 0);
        params[1] = tee_value(TEE_PARAM_VALUE_OUT, 0, 0);
        return 2;
    default:
        params[0] = tee_value(TEE_PARAM_VALUE_OUT, 0, 0);
        return 1;
    }
}

static bool right(struct task *task, const struct tee_param *params)
{
    uint64_t *uses = &task->memory.word[USES];
    uint64_t applied = 0;
    uint64_t digest;

    switch (function_of(task)) {
    case INTERPRETER_RUN:
        digest = interpreter_expect_run(task->random, LENGTH, passes(task), &applied);
        *uses += applied;
        return params[2].a == digest && params[2].b == applied;
    case INTERPRETER_SWEEP:
        *uses += MACHINE_OPERATIONS;
        return params[1].a == interpreter_expect_sweep(task->random) && params[1].b == MACHINE_OPERATIONS;
    default:
        return params[0].a == interpreter_expect_first_uses() + *uses;
    }
}

const struct app app_interpreter = {
    "interpreter", {TA_NAME_INTERPRETER_A, TA_NAME_INTERPRETER_B}, image_interpreter, image_interpreter_end, ask, right};
