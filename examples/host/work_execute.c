/* work_execute.c - runs code out of paged pages. SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "payload.h"
#include "work.h"

#define ROUNDS_MIN 8u
#define ROUNDS_MORE 56u

typedef uint64_t (*payload_entry)(uint64_t seed, uint64_t rounds, struct payload_answer *answer);

struct call {
    payload_entry entry; /* paged */
    uint64_t seed;
    uint64_t rounds;
    struct payload_answer answer;
    uint64_t returned;
};

static void call_body(void *arg)
{
    struct call *call = arg;

    call->returned = call->entry(call->seed, call->rounds, &call->answer);
}

void work_execute(struct context *context)
{
    const struct loaded *payload = &context->loaded[0];
    uint64_t expected;
    uint64_t *history;
    struct call call;

    if (context->payload_caught) {
        return;
    }
    memset(&call, 0, sizeof call);
    call.entry = (payload_entry)(payload->bias + (uintptr_t)payload->file->image.entry);
    call.seed = context_random(context, UINT64_MAX);
    call.rounds = ROUNDS_MIN + context_random(context, ROUNDS_MORE);
    expected = payload_mix(call.seed, call.rounds);
    history = &context->payload_history[expected % PAYLOAD_HISTORY];
    context->payload_total += expected;
    *history += call.rounds;
    if (!fault_try(&context->fault, call_body, &call)) {
        work_refused(context, "payload");
        context->payload_caught = true; /* where it stopped, its data are half of this call and half of the last */
        return;
    }
    if (call.returned != expected || call.answer.result != expected) {
        host_wrong(context->host, "context %u: payload: paged code computed something else", context->index);
    } else if (call.answer.total != context->payload_total || call.answer.history != *history) {
        host_wrong(context->host, "context %u: payload: its private data are not what it left there", context->index);
    }
    counter_add(&context->figures.runs, 1);
}
