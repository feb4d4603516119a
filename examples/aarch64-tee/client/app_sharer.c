/* app_sharer.c - asking `sharer` to work in a shared buffer that nobody else has. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "lib/memory.h"
#include "ta/names.h"
#include "ta/sharer/functions.h"

extern const unsigned char image_sharer[], image_sharer_end[];

static const uint32_t functions[] = {SHARER_ATTACH, SHARER_WRITE, SHARER_ADD, SHARER_CHECK, SHARER_WRITE,
                                     SHARER_READ,   SHARER_WRITE, SHARER_ADD, SHARER_CHECK, SHARER_DETACH};

/* memory->page has the value that was last written to each page. */
enum { ADDED };

static uint32_t function_of(const struct task *task)
{
    return functions[task->requests % (sizeof functions / sizeof functions[0])];
}

static uint64_t pages(const struct task *task)
{
    return task->heap / 4u;
}

static uint64_t page(const struct task *task)
{
    return task->random % pages(task);
}

static uint64_t times(const struct task *task)
{
    return 2u * pages(task) + task->random % 100u;
}

/* Sessions have numbers of their own, so nobody else names this key. */
static uint64_t key(const struct task *task)
{
    return 0x10000u + task->session;
}

static uint32_t ask(struct task *task, struct tee_param *params, uint32_t *function)
{
    *function = function_of(task);
    switch (*function) {
    case SHARER_ATTACH:
        params[0] = tee_value(TEE_PARAM_VALUE_IN, key(task), pages(task));
        return 1;
    case SHARER_WRITE:
        params[0] = tee_value(TEE_PARAM_VALUE_IN, page(task), task->random >> 32);
        return 1;
    case SHARER_ADD:
        params[0] = tee_value(TEE_PARAM_VALUE_IN, page(task), times(task));
        return 1;
    case SHARER_READ:
        params[0] = tee_value(TEE_PARAM_VALUE_IN, page(task), 0);
        params[1] = tee_value(TEE_PARAM_VALUE_OUT, 0, 0);
        return 2;
    case SHARER_CHECK:
        params[0] = tee_value(TEE_PARAM_VALUE_OUT, 0, 0);
        return 1;
    default:
        return 0;
    }
}

static uint64_t all_values(const struct task *task)
{
    uint64_t values = 0;
    uint64_t i;

    for (i = 0; i < pages(task); i++) {
        values ^= task->memory.page[i];
    }
    return values;
}

static bool right(struct task *task, const struct tee_param *params)
{
    struct task_memory *memory = &task->memory;

    switch (function_of(task)) {
    case SHARER_ATTACH: /* the last that had the buffer is gone, and so is what was in it */
        memset(memory, 0, sizeof *memory);
        return true;
    case SHARER_WRITE:
        memory->page[page(task)] = (uint32_t)(task->random >> 32);
        return true;
    case SHARER_ADD:
        memory->word[ADDED] += times(task);
        return true;
    case SHARER_READ:
        return params[1].a == memory->page[page(task)];
    case SHARER_CHECK:
        return params[0].a == memory->word[ADDED] && params[0].b == all_values(task);
    default:
        return true;
    }
}

const struct app app_sharer = {"sharer", {TA_NAME_SHARER_A, TA_NAME_SHARER_B}, image_sharer, image_sharer_end, ask, right};
