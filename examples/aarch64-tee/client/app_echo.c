/* app_echo.c - asking `echo` for its most complicated answer. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "client/random.h"
#include "ta/echo/functions.h"
#include "ta/names.h"

extern const unsigned char image_echo[], image_echo_end[];

/* The buffer's first half is what goes in, its second what comes out. */
#define HALF (TASK_BUFFER_BYTES / 2u)

/* The request, as the random number has it. */
struct question {
    uint64_t in_a;
    uint64_t in_b;
    uint64_t inout_a;
    uint64_t inout_b;
    uint64_t bytes;
    uint64_t content; /* begins the sequence of the memory's words */
};

static struct question question_of(uint64_t random)
{
    struct question question;

    question.in_a = random_next(&random);
    question.in_b = random_next(&random);
    question.inout_a = random_next(&random);
    question.inout_b = random_next(&random);
    question.bytes = 8u * (1u + random_below(&random, HALF / 8u));
    question.content = random;
    return question;
}

static uint32_t ask(struct task *task, struct tee_param *params, uint32_t *function)
{
    struct question question = question_of(task->random);
    struct quire_view view;
    bool written = quire_shm_view(task->buffer, &view) == QUIRE_OK;
    uint64_t offset;

    for (offset = 0; written && offset < question.bytes; offset += 8u) {
        written = quire_view_store64(&view, offset, random_next(&question.content)) == QUIRE_OK;
    }
    params[0] = tee_value(TEE_PARAM_VALUE_IN, question.in_a, question.in_b);
    params[1] = tee_value(TEE_PARAM_VALUE_INOUT, question.inout_a, question.inout_b);
    params[2] = tee_memory(TEE_PARAM_MEMORY_IN, task->buffer, question.bytes);
    params[3] = tee_memory(TEE_PARAM_MEMORY_OUT, task->buffer, HALF);
    params[3].a += HALF;
    *function = ECHO_FOUR;
    return 4;
}

static uint64_t sum_of_bytes(uint64_t word)
{
    uint64_t sum = 0;

    for (; word != 0; word >>= 8) {
        sum += word & 0xffu;
    }
    return sum;
}

static bool right(struct task *task, const struct tee_param *params)
{
    struct question question = question_of(task->random);
    struct quire_view view;
    bool same = quire_shm_view(task->buffer, &view) == QUIRE_OK;
    uint64_t sum = 0;
    uint64_t offset;

    for (offset = 0; same && offset < question.bytes; offset += 8u) {
        uint64_t word = random_next(&question.content);
        uint64_t copied = 0;

        same = quire_view_load64(&view, HALF + offset, &copied) == QUIRE_OK && copied == word;
        sum += sum_of_bytes(word);
    }
    return same && params[1].a == question.inout_a + question.inout_b + question.in_a + question.in_b && params[1].b == sum &&
           params[3].b == question.bytes;
}

const struct app app_echo = {"echo", {TA_NAME_ECHO_A, TA_NAME_ECHO_B}, image_echo, image_echo_end, ask, right};
