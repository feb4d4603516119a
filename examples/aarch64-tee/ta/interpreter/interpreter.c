/* interpreter.c - an application with much code and large tables. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/interpreter/functions.h"
#include "ta/interpreter/operations.h"
#include "ta/ta.h"

struct machine {
    uint64_t stack[MACHINE_STACK];
    uint32_t depth; /* at least 1 */
    uint64_t applied;
};

static void push(struct machine *machine, uint64_t word)
{
    if (machine->depth < MACHINE_STACK) {
        machine->depth++;
    }
    machine->stack[machine->depth - 1u] = word;
}

static uint64_t pop(struct machine *machine)
{
    return machine->stack[--machine->depth];
}

static uint32_t successor(uint32_t n, unsigned which)
{
    return (uint32_t)(operations[n].successor[which] - operations);
}

static void step(struct machine *machine, const struct machine_instruction *now)
{
    uint64_t x, y;

    if (now->kind == MACHINE_PUSH) {
        push(machine, now->operand);
        return;
    }
    if (machine->depth < 2u) {
        return;
    }
    y = pop(machine);
    x = pop(machine);
    switch (now->kind) {
    case MACHINE_SWAP:
        push(machine, y);
        push(machine, x);
        break;
    case MACHINE_FOLLOW:
        machine->applied++;
        push(machine, operation_apply(successor(now->operand, y % 2u), x, y));
        break;
    default:
        machine->applied++;
        push(machine, operation_apply(now->operand, x, y));
        break;
    }
}

static uint32_t run(uint64_t seed, uint64_t length, uint64_t passes, struct ta_param *out)
{
    struct machine machine = {{0}, 1, 0};
    struct machine_instruction *program;
    uint64_t pass;
    uint64_t i;

    if (length == 0 || length > INTERPRETER_LENGTH_MAX) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    program = ta_alloc((size_t)length * sizeof *program);
    if (program == NULL) {
        return TEE_RESULT_OUT_OF_MEMORY;
    }
    for (i = 0; i < length; i++) {
        program[i] = machine_instruction(seed, i);
    }
    for (pass = 0; pass < passes; pass++) {
        for (i = 0; i < length; i++) {
            step(&machine, &program[i]);
        }
    }
    ta_free(program);
    out->a = machine_digest(machine.stack, machine.depth);
    out->b = machine.applied;
    return TEE_RESULT_OK;
}

static uint32_t sweep(uint64_t seed, struct ta_param *out)
{
    uint32_t n;

    out->a = seed;
    for (n = 0; n < MACHINE_OPERATIONS; n++) {
        out->a = operation_apply(n, out->a, seed);
    }
    out->b = n;
    return TEE_RESULT_OK;
}

static uint32_t uses(struct ta_param *out)
{
    uint32_t n;

    out->a = 0;
    out->b = 0;
    for (n = 0; n < MACHINE_OPERATIONS; n++) {
        out->a += operation_uses[n].times;
        if (operation_uses[n].times > operation_uses[out->b].times) {
            out->b = n;
        }
    }
    return TEE_RESULT_OK;
}

uint32_t ta_open(struct ta_params *params)
{
    return ta_are(params, 0, 0, 0, 0) ? TEE_RESULT_OK : TEE_RESULT_BAD_PARAMETERS;
}

uint32_t ta_invoke(uint32_t function, struct ta_params *params)
{
    struct ta_param *param = params->param;

    if (function > INTERPRETER_USES) {
        return TEE_RESULT_NOT_SUPPORTED;
    }
    if (function == INTERPRETER_RUN && ta_are(params, TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_OUT, 0)) {
        return run(param[0].a, param[0].b, param[1].a, &param[2]);
    }
    if (function == INTERPRETER_SWEEP && ta_are(params, TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_OUT, 0, 0)) {
        return sweep(param[0].a, &param[1]);
    }
    if (function == INTERPRETER_USES && ta_are(params, TEE_PARAM_VALUE_OUT, 0, 0, 0)) {
        return uses(&param[0]);
    }
    return TEE_RESULT_BAD_PARAMETERS;
}

void ta_close(void)
{
}
