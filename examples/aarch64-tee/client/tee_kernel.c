/* tee_kernel.c - what can be asked of the kernel itself. SPDX-License-Identifier: BSD-2-Clause */
#include "client/tee_kernel.h"

#include "client/console.h"
#include "lib/memory.h"

/* A command and its parameters, as a message; then the same as tee_do(), with the answers in `params`. */
static uint32_t command(struct tee *tee, uint32_t number, struct tee_param *params, uint32_t num_params)
{
    struct tee_message message;
    uint32_t result;

    memset(&message, 0, sizeof message);
    message.command = number;
    message.num_params = num_params;
    memcpy(message.params, params, num_params * sizeof *params);
    result = tee_do(tee, &message);
    memcpy(params, message.params, num_params * sizeof *params);
    return result;
}

uint32_t tee_register(struct tee *tee, const struct tee_name *name, const void *image, uint64_t bytes)
{
    struct tee_param params[2] = {
        {TEE_PARAM_VALUE_IN, name->a, name->b, 0},
        {TEE_PARAM_MEMORY_IN, (uint64_t)(uintptr_t)image, bytes, 0},
    };

    return command(tee, TEE_CMD_REGISTER, params, 2);
}

uint32_t tee_unregister(struct tee *tee, const struct tee_name *name)
{
    struct tee_param param = {TEE_PARAM_VALUE_IN, name->a, name->b, 0};

    return command(tee, TEE_CMD_UNREGISTER, &param, 1);
}

uint32_t tee_donate(struct tee *tee, uint64_t start, uint64_t bytes)
{
    struct tee_param param = {TEE_PARAM_MEMORY_INOUT, start, bytes, 0};

    return command(tee, TEE_CMD_DONATE, &param, 1);
}

uint32_t tee_get_stats(struct tee *tee, uint64_t flags, struct tee_stats *stats)
{
    struct tee_param params[2] = {{TEE_PARAM_VALUE_IN, flags, 0, 0}};
    struct quire_shm_buffer *buffer;
    struct quire_snapshot snapshot;
    struct quire_view view;
    uint32_t result;

    if (quire_shm_alloc(&tee->shm, sizeof *stats, &buffer) != QUIRE_OK) {
        return TEE_RESULT_OUT_OF_MEMORY;
    }
    params[1] = tee_memory(TEE_PARAM_MEMORY_OUT, buffer, sizeof *stats);
    result = command(tee, TEE_CMD_STATS, params, 2);
    if (quire_shm_view(buffer, &view) != QUIRE_OK ||
        quire_view_snapshot(&view, 0, stats, sizeof *stats, &snapshot) != QUIRE_OK) {
        result = TEE_RESULT_GENERIC;
    }
    quire_shm_put(buffer);
    return result;
}

uint32_t tee_check(struct tee *tee)
{
    return command(tee, TEE_CMD_CHECK, NULL, 0);
}

uint32_t tee_resize(struct tee *tee, uint64_t pages, uint64_t *now)
{
    struct tee_param params[2] = {{TEE_PARAM_VALUE_IN, pages, 0, 0}, {TEE_PARAM_VALUE_OUT, 0, 0, 0}};
    uint32_t result = command(tee, TEE_CMD_RESIZE, params, 2);

    *now = params[1].a;
    return result;
}

uint32_t tee_probe(struct tee *tee, uint64_t probe, uint64_t value[2])
{
    struct tee_param params[2] = {{TEE_PARAM_VALUE_IN, probe, 0, 0}, {TEE_PARAM_VALUE_OUT, 0, 0, 0}};
    uint32_t result = command(tee, TEE_CMD_PROBE, params, 2);

    value[0] = params[1].a;
    value[1] = params[1].b;
    return result;
}

/* ---- Reports ---- */

static const char *const report_names[] = {[TEE_REPORT_TEXT] = NULL, [TEE_REPORT_JSON] = "json", [TEE_REPORT_DOT] = "dot"};

static void print_buffer(struct quire_shm_buffer *buffer, uint64_t bytes)
{
    char text[256];
    struct quire_snapshot snapshot;
    struct quire_view view;
    uint64_t done;
    size_t part;

    if (quire_shm_view(buffer, &view) != QUIRE_OK) {
        return;
    }
    for (done = 0; done < bytes; done += part) {
        part = bytes - done < sizeof text ? (size_t)(bytes - done) : sizeof text;
        if (quire_view_snapshot(&view, done, text, part, &snapshot) != QUIRE_OK) {
            return;
        }
        print_text(text, part);
    }
}

/* Asks with a buffer of this size. SHORT_BUFFER: *bytes is what it takes. */
static uint32_t print_report_of(struct tee *tee, uint64_t kind, uint64_t *bytes)
{
    struct tee_param params[2] = {{TEE_PARAM_VALUE_IN, kind, 0, 0}};
    const char *name = kind < sizeof report_names / sizeof report_names[0] ? report_names[kind] : NULL;
    struct quire_shm_buffer *buffer;
    uint32_t result;

    if (quire_shm_alloc(&tee->shm, *bytes, &buffer) != QUIRE_OK) {
        return TEE_RESULT_OUT_OF_MEMORY;
    }
    params[1] = tee_memory(TEE_PARAM_MEMORY_OUT, buffer, *bytes);
    result = command(tee, TEE_CMD_REPORT, params, 2);
    *bytes = params[1].b;
    if (result == TEE_RESULT_OK) {
        if (name != NULL) {
            print("-----BEGIN %s-----\n", name);
        }
        print_buffer(buffer, *bytes);
        if (name != NULL) {
            print("-----END %s-----\n", name);
        }
    }
    quire_shm_put(buffer);
    return result;
}

uint32_t tee_print_report(struct tee *tee, uint64_t kind)
{
    uint64_t bytes = 0x4000;
    uint32_t result = print_report_of(tee, kind, &bytes);

    return result == TEE_RESULT_SHORT_BUFFER ? print_report_of(tee, kind, &bytes) : result;
}
