/* model.h - what `interpreter` must answer, for whoever calls it: slow and plain. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_INTERPRETER_MODEL_H
#define TA_INTERPRETER_MODEL_H

#include "ta/interpreter/machine.h"

static inline uint64_t interpreter_expect_operation(uint32_t n, uint64_t x, uint64_t y)
{
    char digits[3];
    uint32_t i;

    for (i = 0; i < MACHINE_ROUNDS; i++) {
        x = (x ^ (x >> MACHINE_SHIFT(n, i))) * MACHINE_FACTOR(n, i) + y;
        y += x;
    }
    for (i = 0; i < 3u; i++) {
        digits[i] = "0123456789abcdef"[n >> (8u - 4u * i) & 15u];
    }
    return x + machine_letters(digits);
}

/* What RUN answers: the digest, and *applied operations. About 300 instructions of a processor for one of the machine. */
static inline uint64_t interpreter_expect_run(uint64_t seed, uint64_t length, uint64_t passes, uint64_t *applied)
{
    uint64_t stack[MACHINE_STACK];
    uint32_t depth = 1;
    uint64_t i;

    *applied = 0;
    stack[0] = 0;
    for (i = 0; i < length * passes; i++) {
        struct machine_instruction now = machine_instruction(seed, i % length);

        if (now.kind == MACHINE_PUSH) {
            depth += depth < MACHINE_STACK;
            stack[depth - 1u] = now.operand;
        } else if (depth >= 2u) {
            uint64_t x = stack[depth - 2u];
            uint64_t y = stack[depth - 1u];
            uint32_t n = now.operand;

            if (now.kind == MACHINE_SWAP) {
                stack[depth - 2u] = y;
                stack[depth - 1u] = x;
                continue;
            }
            if (now.kind == MACHINE_FOLLOW) {
                n = y % 2u == 0 ? MACHINE_SUCCESSOR_0(n) : MACHINE_SUCCESSOR_1(n);
            }
            ++*applied;
            stack[--depth - 1u] = interpreter_expect_operation(n, x, y);
        }
    }
    return machine_digest(stack, depth);
}

/* What SWEEP answers. */
static inline uint64_t interpreter_expect_sweep(uint64_t seed)
{
    uint64_t x = seed;
    uint32_t n;

    for (n = 0; n < MACHINE_OPERATIONS; n++) {
        x = interpreter_expect_operation(n, x, seed);
    }
    return x;
}

/* What USES answers before anything was applied: from then on each application counts 1, each SWEEP MACHINE_OPERATIONS. */
static inline uint64_t interpreter_expect_first_uses(void)
{
    uint64_t uses = 0;
    uint32_t n;

    for (n = 0; n < MACHINE_OPERATIONS; n++) {
        uses += MACHINE_USES(n);
    }
    return uses;
}

#endif
