/* session.c - opening, calling and closing instances of applications. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/session.h"

#include "abi/smc.h"
#include "abi/ta.h"
#include "kernel/mutex.h"
#include "kernel/pageable/image.h"
#include "kernel/pageable/instance.h"
#include "kernel/pageable/params.h"
#include "kernel/reaper.h"
#include "kernel/thread.h"
#include "kernel/user.h"
#include "lib/memory.h"

struct session sessions[SESSIONS_MAX];

static struct mutex mutex; /* of finding, making and ending sessions */
static uint32_t last_id;

/* session.held */
#define HELD_BY_CALL 1u
#define HELD_BY_REPORT 2u

/* ---- Who has it ---- */

static struct session *find(uint32_t id)
{
    uint32_t i;

    for (i = 0; i < SESSIONS_MAX; i++) {
        if (id != 0 && sessions[i].id == id) {
            return &sessions[i];
        }
    }
    return NULL;
}

/* The session of this number, held for the caller; else null, and *result says why. */
static struct session *take(uint32_t id, uint32_t *result)
{
    struct session *session;

    *result = TEE_RESULT_ITEM_NOT_FOUND;
    mutex_lock(&mutex);
    session = find(id);
    while (session != NULL && session->held == HELD_BY_REPORT) { /* which is over soon */
        mutex_unlock(&mutex);
        thread_suspend(TEE_WAITING);
        mutex_lock(&mutex);
        session = find(id);
    }
    if (session != NULL && session->held != 0) {
        *result = TEE_RESULT_BUSY;
        session = NULL;
    }
    if (session != NULL) {
        session->held = HELD_BY_CALL;
    }
    mutex_unlock(&mutex);
    return session;
}

static struct session *take_unused(void)
{
    struct session *session = NULL;
    uint32_t i;

    mutex_lock(&mutex);
    for (i = 0; session == NULL && i < SESSIONS_MAX; i++) {
        if (sessions[i].id == 0) {
            session = &sessions[i];
            memset(session, 0, sizeof *session);
            do {
                last_id++;
            } while (last_id == 0 || find(last_id) != NULL);
            session->id = last_id;
            session->held = HELD_BY_CALL;
        }
    }
    mutex_unlock(&mutex);
    return session;
}

struct session *session_hold(uint32_t i)
{
    struct session *session = &sessions[i];
    bool held;

    mutex_lock(&mutex);
    held = session->id != 0 && session->held == 0;
    if (held) {
        session->held = HELD_BY_REPORT;
    }
    mutex_unlock(&mutex);
    return held ? session : NULL;
}

void session_let_go(struct session *session)
{
    mutex_lock(&mutex);
    session->held = 0;
    mutex_unlock(&mutex);
}

static void forget(struct session *session)
{
    mutex_lock(&mutex);
    session->id = 0;
    mutex_unlock(&mutex);
}

/* ---- Calls ---- */

uint32_t session_result(enum quire_status status)
{
    switch (status) {
    case QUIRE_OK:
        return TEE_RESULT_OK;
    case QUIRE_NO_MEMORY:
    case QUIRE_NO_PAGE:
    case QUIRE_NO_TABLE:
    case QUIRE_NO_SPACE:
    case QUIRE_LIMIT:
        return TEE_RESULT_OUT_OF_MEMORY;
    case QUIRE_INTEGRITY:
        return TEE_RESULT_CORRUPT;
    case QUIRE_BUSY:
    case QUIRE_AGAIN:
        return TEE_RESULT_BUSY;
    case QUIRE_DENIED:
        return TEE_RESULT_ACCESS_DENIED;
    case QUIRE_EXISTS:
    case QUIRE_CONFLICT:
        return TEE_RESULT_ACCESS_CONFLICT;
    case QUIRE_INVALID:
        return TEE_RESULT_BAD_PARAMETERS;
    default:
        return TEE_RESULT_GENERIC;
    }
}

/* Lets the application answer, its parameters on its stack and its memory parameters mapped. */
static uint32_t enter(struct session *session, uint64_t reason, struct session_call *call)
{
    struct params params;
    enum quire_status status = params_map(&params, session, call->params, call->num_params);
    enum user_end end = USER_RETURNED;
    uint64_t value = 0;

    call->origin = TEE_ORIGIN_KERNEL;
    if (status == QUIRE_OK) {
        uint64_t x[3] = {reason, call->function, params.va};

        session->figures.calls++;
        end = user_run(session->entry, params.va, x, &value);
        if (end == USER_RETURNED) {
            status = params_read(&params, session, call->params, call->num_params);
        }
    }
    if (params_unmap(&params, session) != QUIRE_OK || end != USER_RETURNED) {
        session->dead = true;
        return TEE_RESULT_TARGET_DEAD;
    }
    if (status != QUIRE_OK) {
        return session_result(status);
    }
    call->origin = TEE_ORIGIN_APPLICATION;
    return (uint32_t)value;
}

/* ... in this thread, with the application's addresses. */
static uint32_t enter_in(struct session *session, uint64_t reason, struct session_call *call)
{
    uint32_t result;

    this_thread()->session = session;
    thread_use(&session->space);
    result = enter(session, reason, call);
    thread_use(NULL);
    this_thread()->session = NULL;
    return result;
}

uint32_t session_open(const uint64_t name[2], struct session_call *call, uint32_t *id)
{
    struct image *image = image_find(name);
    struct session *session;
    enum quire_status status;
    uint32_t result;

    call->origin = TEE_ORIGIN_KERNEL;
    if (image == NULL) {
        return TEE_RESULT_ITEM_NOT_FOUND;
    }
    session = take_unused();
    if (session == NULL) {
        image_put(image);
        return TEE_RESULT_OUT_OF_MEMORY;
    }
    status = instance_make(session, image);
    image_put(image); /* the instance has its own */
    result = status == QUIRE_OK ? enter_in(session, TA_ENTER_OPEN, call) : session_result(status);
    if (result != TEE_RESULT_OK) {
        if (status == QUIRE_OK) {
            instance_end(session);
        }
        forget(session);
        return result;
    }
    *id = session->id;
    session_let_go(session);
    return TEE_RESULT_OK;
}

uint32_t session_invoke(uint32_t id, struct session_call *call)
{
    uint32_t result;
    struct session *session = take(id, &result);

    call->origin = TEE_ORIGIN_KERNEL;
    if (session == NULL) {
        return result;
    }
    result = session->dead ? TEE_RESULT_TARGET_DEAD : enter_in(session, TA_ENTER_INVOKE, call);
    session_let_go(session);
    return result;
}

uint32_t session_close(uint32_t id, struct session_call *call)
{
    uint32_t result;
    struct session *session = take(id, &result);

    call->origin = TEE_ORIGIN_KERNEL;
    if (session == NULL) {
        return result;
    }
    if (!session->dead) {
        (void)enter_in(session, TA_ENTER_CLOSE, call);
    }
    instance_end(session);
    forget(session);
    return TEE_RESULT_OK;
}
