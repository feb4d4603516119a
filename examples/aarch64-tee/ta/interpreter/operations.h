/* operations.h - the operations of the machine. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_INTERPRETER_OPERATIONS_H
#define TA_INTERPRETER_OPERATIONS_H

#include "ta/interpreter/machine.h"

/* Four pointers each: all of the table is relocated, and still read-only. */
struct operation {
    uint64_t (*run)(uint64_t x, uint64_t y);
    const char *name;
    const struct operation *successor[2];
};

extern const struct operation operations[MACHINE_OPERATIONS];

/* Also relocated, and written: each instance has its own copy of what it has changed. */
struct operation_use {
    const struct operation *operation;
    uint64_t times;
};

extern struct operation_use operation_uses[MACHINE_OPERATIONS];

static inline uint64_t operation_apply(uint32_t n, uint64_t x, uint64_t y)
{
    const struct operation *operation = operation_uses[n].operation;

    operation_uses[n].times++;
    return operation->run(x, y) + machine_letters(operation->name + 2);
}

#endif
