/* test_shortage.c - more is asked for than the kernel has: bookkeeping, places for sealed pages, sessions. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "client/check.h"
#include "client/tee_kernel.h"
#include "client/tests.h"

/*
 * What runs out first depends on the configuration: with little memory for bookkeeping (run --bookkeeping) that does; with much of it and
 * large heaps the donated memory does; with small heaps the sessions do.
 */
#define TASKS 20u /* more than the kernel has sessions */

struct plan {
    struct task tasks[TASKS];
    bool open[TASKS];
    unsigned opened;
    unsigned filled;
    unsigned not_opened; /* for want of memory */
    unsigned not_filled;
    unsigned otherwise; /* refused for another reason */
};

static void ask_for_all(struct plan *plan, const struct test_run *run)
{
    unsigned i;

    for (i = 0; i < TASKS; i++) {
        struct task *task = &plan->tasks[i];
        uint32_t result = task_begin(task, run->tee, &app_sorter, run->script->seed + i, run->script->heap);

        plan->open[i] = result == TEE_RESULT_OK;
        plan->opened += plan->open[i];
        plan->not_opened += result == TEE_RESULT_OUT_OF_MEMORY;
        plan->otherwise += !plan->open[i] && result != TEE_RESULT_OUT_OF_MEMORY;
        if (!plan->open[i]) {
            continue;
        }
        if (task_once(task)) { /* the first request fills the heap */
            plan->filled++;
        } else {
            plan->not_filled += task->result == TEE_RESULT_OUT_OF_MEMORY;
            plan->otherwise += task->result != TEE_RESULT_OUT_OF_MEMORY;
        }
    }
}

/* Those that got what they wanted do not suffer from those that did not. */
static unsigned still_right(struct plan *plan)
{
    unsigned right = 0;
    unsigned i;

    for (i = 0; i < TASKS; i++) {
        right += plan->open[i] && plan->tasks[i].right == 1u && task_once(&plan->tasks[i]);
    }
    return right;
}

static bool close_all(struct plan *plan)
{
    bool good = true;
    unsigned i;

    for (i = 0; i < TASKS; i++) {
        good = (!plan->open[i] || task_end(&plan->tasks[i]) == TEE_RESULT_OK) && good;
    }
    return good;
}

static bool whole_round(const struct test_run *run)
{
    static struct task task;
    unsigned i;
    bool good = task_begin(&task, run->tee, &app_sorter, run->script->seed, 64) == TEE_RESULT_OK;

    if (!good) {
        return false;
    }
    for (i = 0; i < 8u; i++) {
        good = task_once(&task) && good;
    }
    return task_end(&task) == TEE_RESULT_OK && good;
}

void test_shortage(struct test_run *run)
{
    static struct plan plan;
    struct tee_stats stats;

    ask_for_all(&plan, run);
    check(plan.opened != 0 && plan.filled != 0, "%u of %u applications open, and %u get %lu pages", plan.opened, TASKS,
          plan.filled, run->script->heap);
    check(plan.not_opened + plan.not_filled != 0 && plan.otherwise == 0,
          "%u do not open and %u get no pages, all because there is no memory", plan.not_opened, plan.not_filled);
    check(still_right(&plan) == plan.filled, "those that got what they asked for have it");
    check(tee_check(run->tee) == TEE_RESULT_OK, "all invariants hold while there is nothing left");
    check(close_all(&plan), "all of them close");
    check(whole_round(run), "then there is enough for one again");
    check(tee_get_stats(run->tee, 0, &stats) == TEE_RESULT_OK && stats.killed == 0, "nobody was killed for it");
    check(tee_check(run->tee) == TEE_RESULT_OK, "all invariants hold");
}
