/* app_sorter.c - asking `sorter` to fill, hash, sort and verify, round after round. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "lib/memory.h"
#include "ta/names.h"
#include "ta/sorter/functions.h"
#include "ta/sorter/model.h"

extern const unsigned char image_sorter[], image_sorter_end[];

#define HEAPSORT_PAGES_MAX 64u /* it jumps so much that with more pages it takes minutes in a small pool */

/* A round's requests. */
static const uint32_t functions[] = {SORTER_FILL, SORTER_HASH, SORTER_WALK,   SORTER_VERIFY,
                                     SORTER_WALK, SORTER_SORT, SORTER_VERIFY, SORTER_FREE};

/* What is remembered of FILL; memory->page has the generation of each page. */
enum { SEED, SUM, XOR, MIXED };

static unsigned place(const struct task *task)
{
    return (unsigned)(task->requests % (sizeof functions / sizeof functions[0]));
}

static uint64_t way_to_sort(const struct task *task)
{
    if (task->heap <= HEAPSORT_PAGES_MAX && task->random % 3u == 0) {
        return SORTER_HEAPSORT;
    }
    return task->random % 2u == 0 ? SORTER_QUICKSORT : SORTER_SHELLSORT;
}

static uint64_t walk_steps(const struct task *task)
{
    return 2u * task->heap;
}

static uint32_t ask(struct task *task, struct tee_param *params, uint32_t *function)
{
    *function = functions[place(task)];
    switch (*function) {
    case SORTER_FILL:
        params[0] = tee_value(TEE_PARAM_VALUE_IN, task->random, task->heap);
        return 1;
    case SORTER_HASH:
        params[0] = tee_value(TEE_PARAM_VALUE_OUT, 0, 0);
        return 1;
    case SORTER_SORT:
        params[0] = tee_value(TEE_PARAM_VALUE_IN, way_to_sort(task), 0);
        return 1;
    case SORTER_WALK:
        params[0] = tee_value(TEE_PARAM_VALUE_IN, walk_steps(task), task->random);
        params[1] = tee_value(TEE_PARAM_VALUE_OUT, 0, 0);
        return 2;
    case SORTER_VERIFY:
        params[0] = tee_value(TEE_PARAM_VALUE_OUT, 0, 0);
        params[1] = tee_value(TEE_PARAM_VALUE_OUT, 0, 0);
        return 2;
    default:
        return 0;
    }
}

static void remember(struct task *task)
{
    struct sorter_totals totals = sorter_expect(task->random, task->heap);

    task->memory.word[SEED] = task->random;
    task->memory.word[SUM] = totals.sum;
    task->memory.word[XOR] = totals.xored;
    task->memory.word[MIXED] = totals.mixed;
    memset(task->memory.page, 0, sizeof task->memory.page);
}

static bool right(struct task *task, const struct tee_param *params)
{
    struct task_memory *memory = &task->memory;

    switch (functions[place(task)]) {
    case SORTER_FILL:
        remember(task);
        return true;
    case SORTER_HASH: /* right after FILL */
        return params[0].a == sorter_expect_hash(memory->word[SEED], task->heap) &&
               params[0].b == task->heap * SORTER_PAGE_RECORDS;
    case SORTER_WALK:
        return params[1].a == sorter_expect_walk(memory->page, task->heap, walk_steps(task), task->random) &&
               params[1].b == walk_steps(task);
    case SORTER_VERIFY:
        return params[0].a == memory->word[SUM] && params[0].b == memory->word[XOR] && params[1].a == memory->word[MIXED] &&
               params[1].b == (functions[place(task) - 1u] == SORTER_SORT);
    default:
        return true;
    }
}

const struct app app_sorter = {"sorter", {TA_NAME_SORTER_A, TA_NAME_SORTER_B}, image_sorter, image_sorter_end, ask, right};
