/* task.c - a session that is kept at work, and all of whose answers are checked. SPDX-License-Identifier: BSD-2-Clause */
#include "client/task.h"

#include "client/random.h"
#include "lib/memory.h"

uint32_t task_begin(struct task *task, struct tee *tee, const struct app *app, uint64_t seed, uint64_t heap)
{
    uint32_t result;

    memset(task, 0, sizeof *task);
    task->tee = tee;
    task->app = app;
    task->seed = seed;
    task->heap = heap < TASK_PAGES_MAX ? heap : TASK_PAGES_MAX;
    if (quire_shm_alloc(&tee->shm, TASK_BUFFER_BYTES, &task->buffer) != QUIRE_OK) {
        return TEE_RESULT_OUT_OF_MEMORY;
    }
    result = tee_open(tee, &app->name, &task->session);
    if (result != TEE_RESULT_OK) {
        quire_shm_put(task->buffer);
    }
    return result;
}

/* Sends the next request on its way; false if there is no room for a message now. */
static bool begin_request(struct task *task)
{
    struct tee_param params[TEE_PARAMS_MAX];
    struct tee_message message;
    uint32_t num_params;
    uint32_t function;

    task->random = random_next(&task->seed);
    num_params = task->app->ask(task, params, &function);
    message = tee_message_invoke(task->session, function, params, num_params);
    return tee_call_begin(&task->call, task->tee, &message);
}

static void judge(struct task *task)
{
    task->result = task->call.message.result;
    if (task->result != TEE_RESULT_OK) {
        task->refused++;
    } else if (task->app->right(task, task->call.message.params)) {
        task->right++;
    } else {
        task->wrong++;
    }
    task->requests++;
}

bool task_step(struct task *task)
{
    if (!task->calling) {
        task->calling = begin_request(task);
        return false;
    }
    if (!tee_call_step(&task->call)) {
        return false;
    }
    judge(task);
    task->interrupted += task->call.interrupted;
    task->waited += task->call.waited;
    tee_call_end(&task->call);
    task->calling = false;
    return true;
}

void task_finish(struct task *task)
{
    while (task->calling) {
        task_step(task);
    }
}

bool task_once(struct task *task)
{
    uint64_t right;

    task_finish(task);
    right = task->right;
    while (!task_step(task)) {
    }
    return task->right > right;
}

uint32_t task_end(struct task *task)
{
    uint32_t result;

    task_finish(task);
    result = tee_close(task->tee, task->session);
    quire_shm_put(task->buffer);
    return result;
}

bool task_is_right(const struct task *task)
{
    return task->right != 0 && task->wrong == 0 && task->refused == 0;
}
