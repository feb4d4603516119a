/* test_rogue.c - `rogue`, as far as Linux treats it as the kernel has to. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/rogue/cases.h"
#include "ta/mix.h"
#include "ta/test/tests.h"

#include <stdio.h>
#include <string.h>

static const struct rogue_expectation expected[] = {ROGUE_CASES(ROGUE_EXPECTATION)};

/* What a process may do, but an application must not: only the kernel can show it. */
static bool allowed_by_linux(enum rogue_case number)
{
    return number == ROGUE_FLOATING_POINT || number == ROGUE_VECTOR || number == ROGUE_SCALABLE_VECTOR ||
           number == ROGUE_SEMIHOSTING;
}

static bool behaves(struct instance *rogue)
{
    uint64_t a, b;

    return invoke_values(rogue, ROGUE_LOOP, 3, 2, &a, &b) == TEE_RESULT_OK && a == mix(mix(3));
}

static void try(const struct rogue_expectation *expectation, struct instance *witness)
{
    struct instance *rogue = open_it("rogue");
    struct ta_params params = {{{TEE_PARAM_NONE, 0, 0, 0}}};
    uint32_t wanted = expectation->outcome == ROGUE_KILLED ? TEE_RESULT_TARGET_DEAD : TEE_RESULT_OK;
    uint32_t result = invoke(rogue, expectation->number, &params);
    bool alive = behaves(rogue);
    char what[128];

    snprintf(what, sizeof what, "rogue: %s: %s (%x)", expectation->outcome == ROGUE_KILLED ? "killed" : "survives",
             expectation->text, result);
    ok(result == wanted && alive == (expectation->outcome == ROGUE_SURVIVES) && behaves(witness), what);
    close_it(rogue);
}

void test_rogue(void)
{
    struct instance *witness = open_it("rogue");
    struct ta_params none = {{{TEE_PARAM_NONE, 0, 0, 0}}};
    size_t i;

    for (i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        if (allowed_by_linux(expected[i].number)) {
            printf("# not here: %s\n", expected[i].text);
        } else {
            try(&expected[i], witness);
        }
    }
    ok(sizeof expected / sizeof expected[0] == ROGUE_CASES_NUMBER &&
           invoke(witness, ROGUE_CASES_NUMBER, &none) == TEE_RESULT_NOT_SUPPORTED &&
           invoke_in(witness, ROGUE_READ_NULL, 0, 0) == TEE_RESULT_BAD_PARAMETERS,
       "rogue: other functions and parameters");
    close_it(witness);
}
