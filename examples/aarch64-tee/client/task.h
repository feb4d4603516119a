/* task.h - a session that is kept at work, and all of whose answers are checked. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_TASK_H
#define CLIENT_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "client/tee.h"

/*
 * One processor drives several tasks by stepping them in turn:
 *
 *     task_begin(&task, tee, &app_sorter, seed, heap)     opens the session
 *     task_step(&task)                                    begins a request, goes on with it, or judges its answer
 *     task_end(&task)                                     finishes the request, and closes the session
 */
#define TASK_BUFFER_BYTES 0x4000u

#define TASK_PAGES_MAX 4096u

struct task;

/* What a model has to remember of earlier requests. */
struct task_memory {
    uint64_t word[4];
    uint32_t page[TASK_PAGES_MAX];
};

/* A kind of application, and what is known of its answers. */
struct app {
    const char *title;
    struct tee_name name;
    const unsigned char *image;
    const unsigned char *image_end;

    /* Writes the parameters of the next request, number task->requests, for which task->random is; returns how many. */
    uint32_t (*ask)(struct task *task, struct tee_param *params, uint32_t *function);

    /* Is this the answer to that request? Remembers what later ones depend on. */
    bool (*right)(struct task *task, const struct tee_param *params);
};

struct task {
    struct tee *tee;
    const struct app *app;
    uint64_t seed;     /* of the random numbers that requests get */
    uint64_t heap;     /* pages that the application is to work on, at most TASK_PAGES_MAX */
    uint64_t requests; /* answered so far */
    uint64_t random;   /* the present one's */
    struct task_memory memory;
    uint32_t session;
    struct quire_shm_buffer *buffer; /* TASK_BUFFER_BYTES for requests and answers */
    struct tee_call call;
    bool calling;   /* a request is on its way */
    uint64_t right; /* answers, since it began */
    uint64_t wrong;
    uint64_t refused;     /* results other than OK: those are no answers */
    uint32_t result;      /* the last */
    uint64_t interrupted; /* how often the secure world came back to be resumed: for an interrupt, ... */
    uint64_t waited;      /* ... or for another call */
};

/* Returns the result of opening the session; unless it is OK there is nothing to end. */
uint32_t task_begin(struct task *task, struct tee *tee, const struct app *app, uint64_t seed, uint64_t heap);

/* True if a request ended by this step. */
bool task_step(struct task *task);

/* Steps until no request is on its way. */
void task_finish(struct task *task);

/* One whole request: true if its answer was right. */
bool task_once(struct task *task);

/* Returns the result of closing the session. */
uint32_t task_end(struct task *task);

/* Every answer right, and no request refused? */
bool task_is_right(const struct task *task);

#endif
