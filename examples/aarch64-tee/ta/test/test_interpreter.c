/* test_interpreter.c - `interpreter` against its model. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/interpreter/functions.h"
#include "ta/interpreter/model.h"
#include "ta/test/tests.h"

#include <string.h>

static uint32_t run(struct instance *interpreter, uint64_t seed, uint64_t length, uint64_t passes, uint64_t *digest,
                    uint64_t *applied)
{
    struct ta_params params = {
        {{TEE_PARAM_VALUE_IN, 0, seed, length}, {TEE_PARAM_VALUE_IN, 0, passes, 0}, {TEE_PARAM_VALUE_OUT, 0, 0, 0}}};
    uint32_t result = invoke(interpreter, INTERPRETER_RUN, &params);

    *digest = params.param[2].a;
    *applied = params.param[2].b;
    return result;
}

static bool runs(struct instance *interpreter, uint64_t seed, uint64_t length, uint64_t passes, uint64_t *uses)
{
    uint64_t digest, applied, expected_applied;
    uint64_t expected = interpreter_expect_run(seed, length, passes, &expected_applied);
    bool good = run(interpreter, seed, length, passes, &digest, &applied) == TEE_RESULT_OK;

    *uses += applied;
    return good && digest == expected && applied == expected_applied;
}

void test_interpreter(void)
{
    struct instance *interpreter = open_it("interpreter");
    struct instance *other = open_it("interpreter");
    uint64_t uses = interpreter_expect_first_uses();
    uint64_t first_uses = uses;
    uint64_t a, b;
    bool good = true;
    uint64_t seed;

    ok(instance_bias(interpreter) != instance_bias(other), "interpreter: two instances lie at different addresses");
    for (seed = 0; seed < 20; seed++) {
        good = good && runs(interpreter, seed, 1 + mix(seed) % 2000u, 1 + seed % 3u, &uses);
    }
    good = good && runs(interpreter, 99, 1, 1, &uses) && runs(interpreter, 98, INTERPRETER_LENGTH_MAX, 1, &uses) &&
           runs(interpreter, 97, 10, 0, &uses);
    ok(good, "interpreter: programs come to what the model says");
    for (good = true, seed = 0; seed < 5; seed++) {
        good = good && invoke_values(interpreter, INTERPRETER_SWEEP, seed, 0, &a, &b) == TEE_RESULT_OK;
        good = good && a == interpreter_expect_sweep(seed) && b == MACHINE_OPERATIONS;
        uses += MACHINE_OPERATIONS;
    }
    ok(good, "interpreter: every operation once");
    ok(invoke_out(interpreter, INTERPRETER_USES, &a, &b) == TEE_RESULT_OK && a == uses && b < MACHINE_OPERATIONS,
       "interpreter: its data has counted all operations");
    ok(invoke_out(other, INTERPRETER_USES, &a, &b) == TEE_RESULT_OK && a == first_uses && b == MACHINE_OPERATIONS - 1u,
       "interpreter: the other instance's data has not");
    ok(run(interpreter, 1, 0, 1, &a, &b) == TEE_RESULT_BAD_PARAMETERS &&
           run(interpreter, 1, INTERPRETER_LENGTH_MAX + 1u, 1, &a, &b) == TEE_RESULT_BAD_PARAMETERS &&
           invoke_values(interpreter, INTERPRETER_RUN, 1, 1, &a, &b) == TEE_RESULT_BAD_PARAMETERS &&
           invoke_in(interpreter, INTERPRETER_SWEEP, 1, 1) == TEE_RESULT_BAD_PARAMETERS &&
           invoke_in(interpreter, INTERPRETER_USES, 1, 1) == TEE_RESULT_BAD_PARAMETERS &&
           invoke_in(interpreter, INTERPRETER_USES + 1u, 1, 1) == TEE_RESULT_NOT_SUPPORTED,
       "interpreter: other lengths, parameters and functions");
    close_it(interpreter);
    close_it(other);
}
