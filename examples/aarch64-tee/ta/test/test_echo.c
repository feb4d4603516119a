/* test_echo.c - `echo`, and with it the heap of the library. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/echo/functions.h"
#include "ta/mix.h"
#include "ta/test/tests.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BYTES 20000u

static unsigned char from[BYTES];
static unsigned char to[BYTES];

static uint64_t sum_of(const unsigned char *at, size_t bytes)
{
    uint64_t sum = 0;

    while (bytes-- > 0) {
        sum += *at++;
    }
    return sum;
}

static void fill_from(uint64_t seed)
{
    size_t i;

    for (i = 0; i < BYTES; i++) {
        from[i] = (unsigned char)mix(seed + i);
    }
}

static void values(struct instance *echo)
{
    struct ta_params swap = {{{TEE_PARAM_VALUE_INOUT, 0, 1, 2}}};
    struct ta_params none = {{{TEE_PARAM_NONE, 0, 0, 0}}};
    uint64_t a, b;

    ok(invoke(echo, ECHO_NOTHING, &none) == TEE_RESULT_OK, "echo: nothing");
    ok(invoke_out(echo, ECHO_VALUE_OUT, &a, &b) == TEE_RESULT_OK && a == 2 && b == ECHO_MARK, "echo: calls are counted");
    ok(invoke_values(echo, ECHO_ADD, UINT64_MAX, 7, &a, &b) == TEE_RESULT_OK && a == 6 && b == (UINT64_MAX ^ 7u),
       "echo: sum and exclusive or");
    ok(invoke(echo, ECHO_SWAP, &swap) == TEE_RESULT_OK && swap.param[0].a == 2 && swap.param[0].b == 1, "echo: swap");
    ok(invoke(echo, 12345, &none) == TEE_RESULT_NOT_SUPPORTED, "echo: a function that does not exist");
}

/* Every function, with parameters of a kind that none of them takes in this place. */
static void wrong_kinds(struct instance *echo)
{
    bool good = true;
    uint32_t function;

    for (function = ECHO_NOTHING; function <= ECHO_FOUR; function++) {
        struct ta_params params = {{{TEE_PARAM_NONE, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {TEE_PARAM_VALUE_INOUT, 0, 0, 0}}};

        good = good && invoke(echo, function, &params) == TEE_RESULT_BAD_PARAMETERS;
    }
    ok(good, "echo: parameters of other kinds are refused by all functions");
}

static bool copies(struct instance *echo, size_t at, size_t bytes)
{
    struct ta_params params = {
        {memory_param(TEE_PARAM_MEMORY_IN, from + at, bytes), memory_param(TEE_PARAM_MEMORY_OUT, to, BYTES)}};

    memset(to, 0x55, BYTES);
    return invoke(echo, ECHO_COPY, &params) == TEE_RESULT_OK && params.param[1].b == bytes &&
           memcmp(to, from + at, bytes) == 0 && (bytes == BYTES || to[bytes] == 0x55);
}

static bool sums(struct instance *echo, size_t at, size_t bytes)
{
    struct ta_params params = {{memory_param(TEE_PARAM_MEMORY_IN, from + at, bytes), {TEE_PARAM_VALUE_OUT, 0, 0, 0}}};

    return invoke(echo, ECHO_SUM, &params) == TEE_RESULT_OK && params.param[1].a == sum_of(from + at, bytes) &&
           params.param[1].b == bytes;
}

static bool uppercases(struct instance *echo, size_t at, size_t bytes)
{
    struct ta_params params = {{memory_param(TEE_PARAM_MEMORY_INOUT, to + at, bytes)}};
    bool good;
    size_t i;

    memcpy(to, from, BYTES);
    good = invoke(echo, ECHO_UPPERCASE, &params) == TEE_RESULT_OK && params.param[0].b == bytes;
    for (i = 0; i < BYTES; i++) {
        bool raised = i >= at && i < at + bytes && from[i] >= 'a' && from[i] <= 'z';

        good = good && to[i] == (raised ? from[i] - 32 : from[i]);
    }
    return good;
}

static void memory(struct instance *echo)
{
    static const size_t sizes[] = {0, 1, 7, 1023, 1024, 1025, 4096, 4097, BYTES - 3u};
    bool good_copies = true, good_sums = true, good_uppercases = true;
    size_t i;

    fill_from(1);
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t at;

        for (at = 0; at < 4; at++) {
            good_copies = copies(echo, at, sizes[i] - (sizes[i] > at ? at : 0)) && good_copies;
            good_sums = sums(echo, at, sizes[i] - (sizes[i] > at ? at : 0)) && good_sums;
            good_uppercases = uppercases(echo, at, sizes[i] - (sizes[i] > at ? at : 0)) && good_uppercases;
        }
    }
    ok(good_copies, "echo: copies of all lengths and alignments");
    ok(good_sums, "echo: sums of all lengths and alignments");
    ok(good_uppercases, "echo: letters are raised, and nothing beside them is touched");
}

static void short_buffers(struct instance *echo)
{
    struct ta_params copy = {{memory_param(TEE_PARAM_MEMORY_IN, from, 100), memory_param(TEE_PARAM_MEMORY_OUT, to, 99)}};
    struct ta_params fill = {{{TEE_PARAM_VALUE_IN, 0, UINT64_MAX, 1}, memory_param(TEE_PARAM_MEMORY_OUT, to, BYTES)}};
    struct ta_params filled = {{{TEE_PARAM_VALUE_IN, 0, 10, 0x1ff}, memory_param(TEE_PARAM_MEMORY_OUT, to, 10)}};

    memset(to, 0, BYTES);
    ok(invoke(echo, ECHO_COPY, &copy) == TEE_RESULT_SHORT_BUFFER && copy.param[1].b == 100 && sum_of(to, BYTES) == 0,
       "echo: a buffer one byte too short is not written, and told how long it should be");
    ok(invoke(echo, ECHO_FILL, &fill) == TEE_RESULT_SHORT_BUFFER && fill.param[1].b == UINT64_MAX && sum_of(to, BYTES) == 0,
       "echo: nobody has a buffer of 2^64 - 1 bytes");
    ok(invoke(echo, ECHO_FILL, &filled) == TEE_RESULT_OK && filled.param[1].b == 10 && sum_of(to, BYTES) == 10 * 0xff,
       "echo: fill");
}

static atomic_bool stop;

static void *scribble(void *unused)
{
    uint64_t i;

    for (i = 0; !atomic_load(&stop); i++) {
        *(volatile unsigned char *)&from[mix(i) % BYTES] = (unsigned char)i;
    }
    return unused;
}

/* The other side changes the memory all the time: what was summed must still be what was written. */
static void changing_memory(struct instance *echo)
{
    pthread_t scribbler;
    bool good = pthread_create(&scribbler, NULL, scribble, NULL) == 0;
    unsigned i;

    for (i = 0; i < 50; i++) {
        struct ta_params params = {{{TEE_PARAM_VALUE_IN, 0, 1, 2},
                                    {TEE_PARAM_VALUE_INOUT, 0, 3, 4},
                                    memory_param(TEE_PARAM_MEMORY_IN, from, BYTES),
                                    memory_param(TEE_PARAM_MEMORY_OUT, to, BYTES)}};

        good = good && invoke(echo, ECHO_FOUR, &params) == TEE_RESULT_OK && params.param[1].a == 10 &&
               params.param[1].b == sum_of(to, BYTES) && params.param[3].b == BYTES;
    }
    atomic_store(&stop, true);
    pthread_join(scribbler, NULL);
    ok(good, "echo: memory that changes meanwhile is read once");
}

/* Blocks of all sizes come and go: what is kept must never be overwritten by what comes after it. */
static void heap(struct instance *echo)
{
    struct ta_params empty = {{memory_param(TEE_PARAM_MEMORY_OUT, to, BYTES)}};
    struct ta_params huge = {{memory_param(TEE_PARAM_MEMORY_IN, from, UINT64_MAX - (uintptr_t)from)}};
    bool good = true;
    unsigned i;

    ok(invoke(echo, ECHO_RECALL, &empty) == TEE_RESULT_ITEM_NOT_FOUND, "echo: nothing is kept at first");
    for (i = 0; i < 300; i++) {
        size_t bytes = mix(i) % BYTES;
        struct ta_params keep = {{memory_param(TEE_PARAM_MEMORY_IN, from, bytes)}};
        struct ta_params small = {{memory_param(TEE_PARAM_MEMORY_OUT, to, bytes - 1u)}};
        struct ta_params recall = {{memory_param(TEE_PARAM_MEMORY_OUT, to, BYTES)}};

        fill_from(i);
        good = good && invoke(echo, ECHO_KEEP, &keep) == TEE_RESULT_OK;
        good =
            good && (bytes == 0 || (invoke(echo, ECHO_RECALL, &small) == TEE_RESULT_SHORT_BUFFER && small.param[0].b == bytes));
        good = good && invoke(echo, ECHO_RECALL, &recall) == TEE_RESULT_OK && recall.param[0].b == bytes &&
               memcmp(from, to, bytes) == 0;
    }
    ok(good, "echo: 300 blocks of the heap come back as they were kept");
    ok(invoke(echo, ECHO_KEEP, &huge) == TEE_RESULT_OUT_OF_MEMORY, "echo: the heap ends");
}

void test_echo(void)
{
    struct instance *echo = open_it("echo");

    values(echo);
    wrong_kinds(echo);
    memory(echo);
    short_buffers(echo);
    heap(echo);
    changing_memory(echo);
    close_it(echo);
}
