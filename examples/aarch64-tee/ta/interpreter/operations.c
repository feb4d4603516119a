/* operations.c - 1024 operations: 400 KiB of code, and tables of pointers to it. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/interpreter/operations.h"

#define ROUND(n, round) x = (x ^ (x >> MACHINE_SHIFT(n, round))) * MACHINE_FACTOR(n, round) + y, y += x

/* Straight on, so that each round has its constants in the code and no two operations have the same code. */
#define DEFINE(n)                                            \
    static uint64_t operation_##n(uint64_t x, uint64_t y)    \
    {                                                        \
        ROUND(n##u, 0u), ROUND(n##u, 1u), ROUND(n##u, 2u);   \
        ROUND(n##u, 3u), ROUND(n##u, 4u), ROUND(n##u, 5u);   \
        ROUND(n##u, 6u), ROUND(n##u, 7u), ROUND(n##u, 8u);   \
        ROUND(n##u, 9u), ROUND(n##u, 10u), ROUND(n##u, 11u); \
        ROUND(n##u, 12u), ROUND(n##u, 13u);                  \
        return x;                                            \
    }

#define ENTRY(n) {operation_##n, #n, {&operations[MACHINE_SUCCESSOR_0(n##u)], &operations[MACHINE_SUCCESSOR_1(n##u)]}},

#define USE(n) {&operations[n], MACHINE_USES(n##u)},

/* EACH(what) is what(0x000) what(0x001) ... what(0x3ff). */
/* clang-format off */
#define EACH_16(what, n)                                                            \
    what(n##0) what(n##1) what(n##2) what(n##3) what(n##4) what(n##5) what(n##6) what(n##7) \
    what(n##8) what(n##9) what(n##a) what(n##b) what(n##c) what(n##d) what(n##e) what(n##f)
#define EACH_256(what, n)                                                           \
    EACH_16(what, n##0) EACH_16(what, n##1) EACH_16(what, n##2) EACH_16(what, n##3) \
    EACH_16(what, n##4) EACH_16(what, n##5) EACH_16(what, n##6) EACH_16(what, n##7) \
    EACH_16(what, n##8) EACH_16(what, n##9) EACH_16(what, n##a) EACH_16(what, n##b) \
    EACH_16(what, n##c) EACH_16(what, n##d) EACH_16(what, n##e) EACH_16(what, n##f)
#define EACH(what) EACH_256(what, 0x0) EACH_256(what, 0x1) EACH_256(what, 0x2) EACH_256(what, 0x3)
/* clang-format on */

EACH(DEFINE)

const struct operation operations[MACHINE_OPERATIONS] = {EACH(ENTRY)};
struct operation_use operation_uses[MACHINE_OPERATIONS] = {EACH(USE)};
