/* crew.c - several tasks at once, on several processors. SPDX-License-Identifier: BSD-2-Clause */
#include "client/crew.h"

#include "lib/memory.h"

/* ---- Life ---- */

bool crew_begin(struct crew *crew, struct tee *tee, unsigned cpus, const struct app *const *apps, unsigned num_apps,
                uint64_t seed, uint64_t heap)
{
    memset(crew, 0, sizeof *crew);
    crew->tee = tee;
    crew->cpus = cpus;
    while (crew->num_tasks < num_apps) {
        struct task *task = &crew->tasks[crew->num_tasks];

        if (task_begin(task, tee, apps[crew->num_tasks], seed + crew->num_tasks, heap) != TEE_RESULT_OK) {
            (void)crew_end(crew);
            return false;
        }
        crew->num_tasks++;
    }
    return true;
}

bool crew_end(struct crew *crew)
{
    bool closed = true;

    while (crew->num_tasks > 0) {
        closed = task_end(&crew->tasks[--crew->num_tasks]) == TEE_RESULT_OK && closed;
    }
    return closed;
}

/* ---- Work ---- */

/* One processor's part of it. */
struct shift {
    struct crew *crew;
    unsigned cpu;
};

static void step_all(void *ctx)
{
    const struct shift *shift = (const struct shift *)ctx;
    unsigned i;

    for (i = shift->cpu; i < shift->crew->num_tasks; i += shift->crew->cpus) {
        struct task *task = &shift->crew->tasks[i];

        if (task->calling || task->requests < shift->crew->goals[i]) {
            (void)task_step(task);
        }
    }
}

/* By turns too: one of them may wait for another. */
static void finish_all(const struct shift *shift)
{
    bool calling = true;
    unsigned i;

    while (calling) {
        calling = false;
        for (i = shift->cpu; i < shift->crew->num_tasks; i += shift->crew->cpus) {
            struct task *task = &shift->crew->tasks[i];

            if (task->calling) {
                (void)task_step(task);
                calling = calling || task->calling;
            }
        }
    }
}

/* What a further processor does. */
static void work_shift(void *arg)
{
    struct shift *shift = (struct shift *)arg;

    while (__atomic_load_n(&shift->crew->stop, __ATOMIC_ACQUIRE) == 0) {
        step_all(shift);
        cpu_yield();
    }
    finish_all(shift);
}

static void run(struct crew *crew, bool (*go_on)(void *ctx), void *ctx)
{
    struct shift shifts[BOARD_CPUS_MAX];
    unsigned cpu;

    __atomic_store_n(&crew->stop, 0, __ATOMIC_RELEASE);
    for (cpu = 0; cpu < crew->cpus; cpu++) {
        shifts[cpu].crew = crew;
        shifts[cpu].cpu = cpu;
        if (cpu != 0) {
            cpu_run(cpu, work_shift, &shifts[cpu]);
        }
    }
    tee_set_meanwhile(crew->tee, step_all, &shifts[0]);
    do {
        step_all(&shifts[0]);
        cpu_yield();
    } while (go_on(ctx));
    tee_set_meanwhile(crew->tee, NULL, NULL);
    __atomic_store_n(&crew->stop, 1, __ATOMIC_RELEASE);
    finish_all(&shifts[0]);
    for (cpu = 1; cpu < crew->cpus; cpu++) {
        cpu_wait(cpu);
    }
}

void crew_run(struct crew *crew, bool (*go_on)(void *ctx), void *ctx)
{
    unsigned i;

    for (i = 0; i < crew->num_tasks; i++) {
        crew->goals[i] = UINT64_MAX;
    }
    run(crew, go_on, ctx);
}

static bool goals_are_ahead(void *ctx)
{
    const struct crew *crew = (const struct crew *)ctx;
    unsigned i;

    for (i = 0; i < crew->num_tasks; i++) {
        if (__atomic_load_n(&crew->tasks[i].requests, __ATOMIC_RELAXED) < crew->goals[i]) {
            return true;
        }
    }
    return false;
}

void crew_run_requests(struct crew *crew, uint64_t requests)
{
    unsigned i;

    for (i = 0; i < crew->num_tasks; i++) {
        crew->goals[i] = crew->tasks[i].requests + requests;
    }
    run(crew, goals_are_ahead, crew);
}

/* ---- What came of it ---- */

struct crew_total crew_total(const struct crew *crew)
{
    struct crew_total total;
    unsigned i;

    memset(&total, 0, sizeof total);
    for (i = 0; i < crew->num_tasks; i++) {
        total.right += crew->tasks[i].right;
        total.wrong += crew->tasks[i].wrong;
        total.refused += crew->tasks[i].refused;
        total.interrupted += crew->tasks[i].interrupted;
        total.waited += crew->tasks[i].waited;
    }
    return total;
}

bool crew_is_right(const struct crew *crew)
{
    unsigned i;

    for (i = 0; i < crew->num_tasks; i++) {
        if (!task_is_right(&crew->tasks[i])) {
            return false;
        }
    }
    return true;
}
