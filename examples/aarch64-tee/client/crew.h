/* crew.h - several tasks at once, on several processors. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_CREW_H
#define CLIENT_CREW_H

#include "client/task.h"

/* Processor n drives the tasks n, n + cpus, n + 2 * cpus ... by turns. */
#define CREW_TASKS_MAX 16u

struct crew {
    struct tee *tee;
    unsigned cpus;
    unsigned num_tasks;
    struct task tasks[CREW_TASKS_MAX];
    uint64_t goals[CREW_TASKS_MAX]; /* how many requests each makes at most */
    uint32_t stop;                  /* the first processor's word to the others */
};

/* Opens a session of each of `apps` for the processors 0..cpus-1; true if all are there. Else nothing is left open. */
bool crew_begin(struct crew *crew, struct tee *tee, unsigned cpus, const struct app *const *apps, unsigned num_apps,
                uint64_t seed, uint64_t heap);

/* Has all at work while `go_on(ctx)` says so, which this processor asks after each step of all its tasks; then every request that
 * is on its way is finished. */
void crew_run(struct crew *crew, bool (*go_on)(void *ctx), void *ctx);

/* The same until each task has had exactly `requests` answers more. */
void crew_run_requests(struct crew *crew, uint64_t requests);

/* Closes all sessions; true if all could be closed. */
bool crew_end(struct crew *crew);

/* The sums over all tasks. */
struct crew_total {
    uint64_t right;
    uint64_t wrong;
    uint64_t refused;
    uint64_t interrupted;
    uint64_t waited;
};

struct crew_total crew_total(const struct crew *crew);

/* Has every task answers, and all of them right? */
bool crew_is_right(const struct crew *crew);

#endif
