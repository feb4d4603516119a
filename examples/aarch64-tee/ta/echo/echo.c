/* echo.c - an application that gives back what it gets. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/echo/functions.h"
#include "ta/ta.h"

#include "lib/memory.h"

#define CHUNK 1024u

static struct {
    uint64_t mark;
    uint64_t calls;
    void *kept;
    uint64_t kept_bytes;
} echo = {ECHO_MARK, 0, NULL, 0};

static const unsigned char *memory_of(const struct ta_param *param)
{
    return (const unsigned char *)(uintptr_t)param->a;
}

static unsigned char *writable_memory_of(const struct ta_param *param)
{
    return (unsigned char *)(uintptr_t)param->a;
}

/* Whether `bytes` fit into it; either way it says how many are, or would have been, written. */
static bool takes(struct ta_param *param, uint64_t bytes)
{
    bool fits = bytes <= param->b;

    param->b = bytes;
    return fits;
}

/* Copies through memory of its own, summing: what is summed is what is written, whatever the other side does meanwhile. */
static uint64_t copy_and_sum(unsigned char *to, const unsigned char *from, uint64_t bytes)
{
    unsigned char chunk[CHUNK];
    uint64_t sum = 0;

    while (bytes > 0) {
        size_t now = bytes < CHUNK ? (size_t)bytes : CHUNK;
        size_t i;

        memcpy(chunk, from, now);
        for (i = 0; i < now; i++) {
            sum += chunk[i];
        }
        if (to != NULL) {
            memcpy(to, chunk, now);
            to += now;
        }
        from += now;
        bytes -= now;
    }
    return sum;
}

static void uppercase(unsigned char *at, uint64_t bytes)
{
    unsigned char chunk[CHUNK];

    while (bytes > 0) {
        size_t now = bytes < CHUNK ? (size_t)bytes : CHUNK;
        size_t i;

        memcpy(chunk, at, now);
        for (i = 0; i < now; i++) {
            if (chunk[i] >= 'a' && chunk[i] <= 'z') {
                chunk[i] = (unsigned char)(chunk[i] - 'a' + 'A');
            }
        }
        memcpy(at, chunk, now);
        at += now;
        bytes -= now;
    }
}

static uint32_t value_out(struct ta_params *params)
{
    if (!ta_are(params, TEE_PARAM_VALUE_OUT, 0, 0, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    params->param[0].a = echo.calls;
    params->param[0].b = echo.mark;
    return TEE_RESULT_OK;
}

static uint32_t add(struct ta_params *params)
{
    const struct ta_param *in = &params->param[0];

    if (!ta_are(params, TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_OUT, 0, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    params->param[1].a = in->a + in->b;
    params->param[1].b = in->a ^ in->b;
    return TEE_RESULT_OK;
}

static uint32_t swap(struct ta_params *params)
{
    struct ta_param *inout = &params->param[0];
    uint64_t a = inout->a;

    if (!ta_are(params, TEE_PARAM_VALUE_INOUT, 0, 0, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    inout->a = inout->b;
    inout->b = a;
    return TEE_RESULT_OK;
}

static uint32_t sum(struct ta_params *params)
{
    const struct ta_param *in = &params->param[0];

    if (!ta_are(params, TEE_PARAM_MEMORY_IN, TEE_PARAM_VALUE_OUT, 0, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    params->param[1].a = copy_and_sum(NULL, memory_of(in), in->b);
    params->param[1].b = in->b;
    return TEE_RESULT_OK;
}

static uint32_t copy(struct ta_params *params)
{
    const struct ta_param *in = &params->param[0];
    struct ta_param *out = &params->param[1];

    if (!ta_are(params, TEE_PARAM_MEMORY_IN, TEE_PARAM_MEMORY_OUT, 0, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    if (!takes(out, in->b)) {
        return TEE_RESULT_SHORT_BUFFER;
    }
    (void)copy_and_sum(writable_memory_of(out), memory_of(in), in->b);
    return TEE_RESULT_OK;
}

static uint32_t uppercase_all(struct ta_params *params)
{
    if (!ta_are(params, TEE_PARAM_MEMORY_INOUT, 0, 0, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    uppercase(writable_memory_of(&params->param[0]), params->param[0].b);
    return TEE_RESULT_OK;
}

/* System calls on memory of the normal world, and, to be read, on the application's own code. */
static uint32_t random_bytes(struct ta_params *params)
{
    const struct ta_param *out = &params->param[0];
    void *to;

    if (!ta_are(params, TEE_PARAM_MEMORY_OUT, 0, 0, 0) || out->b > 256u) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    to = writable_memory_of(out);
    if (!ta_random(to, (size_t)out->b)) {
        return TEE_RESULT_GENERIC;
    }
    /* What is logged is no text: the kernel shows it as question marks. */
    (void)ta_syscall((uintptr_t)to, 8, 0, TA_LOG);
    (void)ta_syscall((uintptr_t)random_bytes, 8, 0, TA_LOG);
    return TEE_RESULT_OK;
}

static uint32_t fill(struct ta_params *params)
{
    const struct ta_param *in = &params->param[0];
    struct ta_param *out = &params->param[1];

    if (!ta_are(params, TEE_PARAM_VALUE_IN, TEE_PARAM_MEMORY_OUT, 0, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    if (!takes(out, in->a)) {
        return TEE_RESULT_SHORT_BUFFER;
    }
    memset(writable_memory_of(out), (int)(in->b & 0xffu), (size_t)in->a);
    return TEE_RESULT_OK;
}

static uint32_t keep(struct ta_params *params)
{
    const struct ta_param *in = &params->param[0];
    void *kept;

    if (!ta_are(params, TEE_PARAM_MEMORY_IN, 0, 0, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    kept = ta_alloc((size_t)in->b);
    if (kept == NULL) {
        return TEE_RESULT_OUT_OF_MEMORY;
    }
    memcpy(kept, memory_of(in), (size_t)in->b);
    ta_free(echo.kept);
    echo.kept = kept;
    echo.kept_bytes = in->b;
    return TEE_RESULT_OK;
}

static uint32_t recall(struct ta_params *params)
{
    struct ta_param *out = &params->param[0];

    if (!ta_are(params, TEE_PARAM_MEMORY_OUT, 0, 0, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    if (echo.kept == NULL) {
        return TEE_RESULT_ITEM_NOT_FOUND;
    }
    if (!takes(out, echo.kept_bytes)) {
        return TEE_RESULT_SHORT_BUFFER;
    }
    memcpy(writable_memory_of(out), echo.kept, (size_t)echo.kept_bytes);
    return TEE_RESULT_OK;
}

static uint32_t four(struct ta_params *params)
{
    const struct ta_param *in = &params->param[0];
    struct ta_param *inout = &params->param[1];
    const struct ta_param *from = &params->param[2];
    struct ta_param *to = &params->param[3];

    if (!ta_are(params, TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_INOUT, TEE_PARAM_MEMORY_IN, TEE_PARAM_MEMORY_OUT)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    if (!takes(to, from->b)) {
        return TEE_RESULT_SHORT_BUFFER;
    }
    inout->a += inout->b + in->a + in->b;
    inout->b = copy_and_sum(writable_memory_of(to), memory_of(from), from->b);
    return TEE_RESULT_OK;
}

uint32_t ta_open(struct ta_params *params)
{
    return ta_are(params, 0, 0, 0, 0) ? TEE_RESULT_OK : TEE_RESULT_BAD_PARAMETERS;
}

uint32_t ta_invoke(uint32_t function, struct ta_params *params)
{
    echo.calls++;
    switch (function) {
    case ECHO_NOTHING:
        return ta_are(params, 0, 0, 0, 0) ? TEE_RESULT_OK : TEE_RESULT_BAD_PARAMETERS;
    case ECHO_VALUE_OUT:
        return value_out(params);
    case ECHO_ADD:
        return add(params);
    case ECHO_SWAP:
        return swap(params);
    case ECHO_SUM:
        return sum(params);
    case ECHO_COPY:
        return copy(params);
    case ECHO_UPPERCASE:
        return uppercase_all(params);
    case ECHO_FILL:
        return fill(params);
    case ECHO_KEEP:
        return keep(params);
    case ECHO_RECALL:
        return recall(params);
    case ECHO_RANDOM:
        return random_bytes(params);
    case ECHO_FOUR:
        return four(params);
    default:
        return TEE_RESULT_NOT_SUPPORTED;
    }
}

void ta_close(void)
{
    ta_free(echo.kept);
}
