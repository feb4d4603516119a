/* command.c - the messages of the normal world. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/command.h"

#include <quire/view.h>

#include "abi/message.h"
#include "abi/smc.h"
#include "kernel/normal.h"
#include "kernel/pageable/image.h"
#include "kernel/pageable/pool.h"
#include "kernel/pageable/private.h"
#include "kernel/pageable/probe.h"
#include "kernel/pageable/report.h"
#include "kernel/pageable/session.h"
#include "kernel/pageable/slices.h"
#include "kernel/pageable/statistics.h"
#include "kernel/paging.h"
#include "kernel/reaper.h"
#include "lib/memory.h"

/*
 * A message is copied into secure memory once; what is decided is decided by that copy, and the answer is written from it. Of the answer the
 * normal world gets the fields that are answers, and nothing else of the kernel's memory.
 */
struct command {
    struct quire_view shared; /* all of the shared memory */
    struct quire_view view;   /* the message in it */
    struct tee_message message;
};

/* ---- Decoding ---- */

/* Do the parameters have exactly these kinds? */
static bool params_are(const struct command *command, uint32_t n, uint64_t first, uint64_t second)
{
    const struct tee_message *message = &command->message;

    return message->num_params == n && (n < 1u || message->params[0].attr == first) &&
           (n < 2u || message->params[1].attr == second);
}

/* A view of the memory that a parameter names: nothing but shared memory may be. */
static uint32_t view_of(const struct command *command, const struct tee_param *param, struct quire_view *view)
{
    enum quire_status status = quire_view_slice_pa(&command->shared, quire_pa_make(param->a), param->b, view);

    return status == QUIRE_OK ? TEE_RESULT_OK : TEE_RESULT_ACCESS_DENIED;
}

/* Are these parameters that an application can get: known kinds, and pages of shared memory? */
static uint32_t params_for_application(const struct command *command, const struct tee_param *params, uint32_t n)
{
    uint32_t result = TEE_RESULT_OK;
    struct quire_view view;
    uint32_t i;

    for (i = 0; result == TEE_RESULT_OK && i < n; i++) {
        if (!tee_param_is_memory(params[i].attr)) {
            result = params[i].attr > TEE_PARAM_VALUE_INOUT ? TEE_RESULT_BAD_PARAMETERS : TEE_RESULT_OK;
        } else if (params[i].b != 0) {
            result = (params[i].a & QUIRE_PAGE_MASK) != 0 ? TEE_RESULT_BAD_PARAMETERS : view_of(command, &params[i], &view);
        }
    }
    return result;
}

/* ---- Commands of applications ---- */

static uint32_t run_open(struct command *command, struct session_call *call)
{
    struct tee_message *message = &command->message;
    uint64_t name[2];
    uint32_t result;

    if (message->num_params == 0 || message->params[0].attr != (TEE_PARAM_META | TEE_PARAM_VALUE_IN)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    result = params_for_application(command, message->params + 1, message->num_params - 1u);
    if (result != TEE_RESULT_OK) {
        return result;
    }
    name[0] = message->params[0].a;
    name[1] = message->params[0].b;
    call->params = message->params + 1;
    call->num_params = message->num_params - 1u;
    return session_open(name, call, &message->session);
}

static uint32_t run_invoke(struct command *command, struct session_call *call)
{
    struct tee_message *message = &command->message;
    uint32_t result = TEE_RESULT_BAD_PARAMETERS;

    if (message->num_params <= TEE_PARAMS_MAX) {
        result = params_for_application(command, message->params, message->num_params);
    }
    if (result != TEE_RESULT_OK) {
        return result;
    }
    call->function = message->function;
    call->params = message->params;
    call->num_params = message->num_params;
    return session_invoke(message->session, call);
}

/* ---- Commands of the kernel ---- */

static uint32_t run_register(struct command *command)
{
    const struct tee_param *params = command->message.params;
    const uint64_t name[2] = {params[0].a, params[0].b};

    if (!params_are(command, 2, TEE_PARAM_VALUE_IN, TEE_PARAM_MEMORY_IN)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    return image_register(name, params[1].a, params[1].b);
}

static uint32_t run_unregister(struct command *command)
{
    const struct tee_param *params = command->message.params;
    const uint64_t name[2] = {params[0].a, params[0].b};

    if (!params_are(command, 1, TEE_PARAM_VALUE_IN, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    return image_unregister(name);
}

static uint32_t run_donate(struct command *command)
{
    if (!params_are(command, 1, TEE_PARAM_MEMORY_INOUT, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    return session_result(private_donate(command->message.params[0].a, command->message.params[0].b));
}

static uint32_t run_report(struct command *command)
{
    struct tee_param *params = command->message.params;
    struct quire_view view;
    size_t length;

    if (!params_are(command, 2, TEE_PARAM_VALUE_IN, TEE_PARAM_MEMORY_OUT)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    if (view_of(command, &params[1], &view) != TEE_RESULT_OK) {
        return TEE_RESULT_ACCESS_DENIED;
    }
    if (params[0].a > TEE_REPORT_DOT) {
        return TEE_RESULT_NOT_SUPPORTED;
    }
    if (!report_write(params[0].a, &view, &length)) {
        return TEE_RESULT_OUT_OF_MEMORY;
    }
    params[1].b = length;
    return length > view.size ? TEE_RESULT_SHORT_BUFFER : TEE_RESULT_OK;
}

static uint32_t run_stats(struct command *command)
{
    struct tee_param *params = command->message.params;
    struct quire_view view;
    struct tee_stats stats;

    if (!params_are(command, 2, TEE_PARAM_VALUE_IN, TEE_PARAM_MEMORY_OUT)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    if (view_of(command, &params[1], &view) != TEE_RESULT_OK) {
        return TEE_RESULT_ACCESS_DENIED;
    }
    params[1].b = sizeof stats;
    if (view.size < sizeof stats) {
        return TEE_RESULT_SHORT_BUFFER;
    }
    statistics_take(&stats);
    if ((params[0].a & TEE_STATS_RESET) != 0) {
        statistics_reset();
    }
    return session_result(quire_view_write(&view, 0, &stats, sizeof stats));
}

static uint32_t run_check(struct command *command)
{
    struct quire_violation violation;

    if (!params_are(command, 0, 0, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    return quire_pager_check(&pager, &violation) == QUIRE_OK && slices_check() ? TEE_RESULT_OK : TEE_RESULT_CORRUPT;
}

static uint32_t run_resize(struct command *command)
{
    struct tee_param *params = command->message.params;

    if (!params_are(command, 2, TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_OUT)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    return session_result(pool_resize(params[0].a, &params[1].a));
}

static uint32_t run_probe(struct command *command)
{
    struct tee_param *params = command->message.params;
    uint64_t answer[2];

    if (!params_are(command, 2, TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_OUT)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    if (!probe_run(params[0].a, answer)) {
        return TEE_RESULT_NOT_SUPPORTED;
    }
    params[1].a = answer[0];
    params[1].b = answer[1];
    return TEE_RESULT_OK;
}

/* Runs what the message asks for; false: there is no such command. */
static bool run(struct command *command, struct session_call *call, uint32_t *result)
{
    switch (command->message.command) {
    case TEE_CMD_OPEN:
        *result = run_open(command, call);
        return true;
    case TEE_CMD_INVOKE:
        *result = run_invoke(command, call);
        return true;
    case TEE_CMD_CLOSE:
        *result = session_close(command->message.session, call);
        return true;
    case TEE_CMD_REGISTER:
        *result = run_register(command);
        return true;
    case TEE_CMD_UNREGISTER:
        *result = run_unregister(command);
        return true;
    case TEE_CMD_DONATE:
        *result = run_donate(command);
        return true;
    case TEE_CMD_REPORT:
        *result = run_report(command);
        return true;
    case TEE_CMD_STATS:
        *result = run_stats(command);
        return true;
    case TEE_CMD_CHECK:
        *result = run_check(command);
        return true;
    case TEE_CMD_RESIZE:
        *result = run_resize(command);
        return true;
    case TEE_CMD_PROBE:
        *result = run_probe(command);
        return true;
    default:
        return false;
    }
}

/* ---- Messages ---- */

/* Copies the message; false: there is none at this address. */
static bool fetch(struct command *command, uint64_t pa)
{
    struct quire_snapshot snapshot;

    return (pa & (sizeof(uint64_t) - 1u)) == 0 &&
           quire_view_make((uintptr_t)normal_va(SHARED_BASE), quire_pa_make(SHARED_BASE), SHARED_BYTES, &command->shared) ==
               QUIRE_OK &&
           quire_view_slice_pa(&command->shared, quire_pa_make(pa), sizeof command->message, &command->view) == QUIRE_OK &&
           quire_view_snapshot(&command->view, 0, &command->message, sizeof command->message, &snapshot) == QUIRE_OK;
}

/* Fields are written one by one: the rest of the message is the normal world's, and may have changed. False: not inside, which cannot be. */
static bool answer_param(const struct command *command, uint32_t i)
{
    const struct tee_param *param = &command->message.params[i];
    size_t at = offsetof(struct tee_message, params) + i * sizeof *param;
    bool value = param->attr == TEE_PARAM_VALUE_OUT || param->attr == TEE_PARAM_VALUE_INOUT;
    bool length = param->attr == TEE_PARAM_MEMORY_OUT || param->attr == TEE_PARAM_MEMORY_INOUT;

    return (!value || quire_view_store64(&command->view, at + offsetof(struct tee_param, a), param->a) == QUIRE_OK) &&
           ((!value && !length) ||
            quire_view_store64(&command->view, at + offsetof(struct tee_param, b), param->b) == QUIRE_OK);
}

static bool answer(const struct command *command, const struct session_call *call, uint32_t result)
{
    const struct quire_view *view = &command->view;
    bool opened = command->message.command == TEE_CMD_OPEN && result == TEE_RESULT_OK;
    bool good = true;
    uint32_t i;

    for (i = 0; good && i < command->message.num_params; i++) {
        good = answer_param(command, i);
    }
    return good &&
           (!opened || quire_view_store32(view, offsetof(struct tee_message, session), command->message.session) == QUIRE_OK) &&
           quire_view_store32(view, offsetof(struct tee_message, origin), call->origin) == QUIRE_OK &&
           quire_view_store32(view, offsetof(struct tee_message, result), result) == QUIRE_OK;
}

void command_run(struct smc_args *args)
{
    struct command command;
    struct session_call call;
    uint32_t result;

    memset(&call, 0, sizeof call);
    call.origin = TEE_ORIGIN_KERNEL;
    if ((args->x[1] | args->x[2]) >> 32 != 0 || !fetch(&command, args->x[1] << 32 | args->x[2])) {
        args->x[0] = TEE_BAD_ADDRESS;
    } else if (command.message.num_params > TEE_PARAMS_MAX + 1u || !run(&command, &call, &result)) {
        args->x[0] = TEE_BAD_COMMAND;
    } else {
        args->x[0] = answer(&command, &call, result) ? TEE_OK : TEE_BAD_ADDRESS;
    }
    args->x[1] = 0;
    args->x[2] = 0;
    args->x[3] = 0;
    reap();
}
