/* rogue.c - an application that misbehaves in every way it is asked to. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/rogue/rogue.h"

#include "ta/mix.h"

static uint32_t loop(const struct ta_param *in, struct ta_param *out)
{
    uint64_t i;

    out->a = in->a;
    for (i = 0; i < in->b; i++) {
        out->a = mix(out->a);
    }
    return TEE_RESULT_OK;
}

uint32_t ta_open(struct ta_params *params)
{
    return ta_are(params, 0, 0, 0, 0) ? TEE_RESULT_OK : TEE_RESULT_BAD_PARAMETERS;
}

uint32_t ta_invoke(uint32_t function, struct ta_params *params)
{
    if (function == ROGUE_LOOP && ta_are(params, TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_OUT, 0, 0)) {
        return loop(&params->param[0], &params->param[1]);
    }
    if (function >= ROGUE_CASES_NUMBER) {
        return TEE_RESULT_NOT_SUPPORTED;
    }
    if (!ta_are(params, 0, 0, 0, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    if (function > ROGUE_PANIC) {
        return rogue_call(function, params) ? TEE_RESULT_OK : TEE_RESULT_GENERIC;
    }
    if (function == ROGUE_PANIC) {
        ta_panic(ROGUE_STILL_THERE);
    }
    rogue_access(function);
    rogue_execute(function);
    rogue_instruction(function);
    return ROGUE_STILL_THERE;
}

void ta_close(void)
{
}
