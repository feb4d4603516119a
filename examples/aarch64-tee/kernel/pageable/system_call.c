/* system_call.c - what applications may ask for. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/system_call.h"

#include "abi/ta.h"
#include "kernel/entropy.h"
#include "kernel/log.h"
#include "kernel/pageable/instance.h"
#include "kernel/pageable/shared.h"
#include "kernel/reaper.h"
#include "kernel/thread.h"
#include "kernel/user.h"
#include "lib/memory.h"

#define LOG_BYTES 256u
#define RANDOM_BYTES 256u /* at a time */

/* ---- Helpers ---- */

static int64_t error_of(enum quire_status status)
{
    bool memory = status == QUIRE_NO_MEMORY || status == QUIRE_NO_SPACE || status == QUIRE_LIMIT || status == QUIRE_NO_PAGE ||
                  status == QUIRE_NO_TABLE;

    return memory ? TA_ERROR_MEMORY : TA_ERROR_BAD;
}

static bool prot_of(uint64_t map, unsigned *prot)
{
    *prot = ((map & TA_MAP_READ) != 0 ? QUIRE_PROT_READ : 0u) | ((map & TA_MAP_WRITE) != 0 ? QUIRE_PROT_WRITE : 0u);
    return map == TA_MAP_READ || map == (TA_MAP_READ | TA_MAP_WRITE);
}

/* ---- The calls: arguments x0, x1, x2; the answer of each is x0 ---- */

static int64_t call_log(struct session *session, uint64_t va, uint64_t bytes)
{
    struct quire_vm_copy how = instance_access();
    char text[LOG_BYTES + 1u];
    size_t i;

    if (bytes > LOG_BYTES || quire_vm_copy_from(&session->vm, (uintptr_t)va, text, (size_t)bytes, &how, NULL) != QUIRE_OK) {
        return TA_ERROR_BAD;
    }
    for (i = 0; i < bytes; i++) {
        /* Nothing that looks like a line of the kernel's own. */
        text[i] = (text[i] >= ' ' && text[i] <= '~') || (text[i] == '\n' && i + 1u == bytes) ? text[i] : '?';
    }
    text[bytes != 0 && text[bytes - 1u] == '\n' ? bytes - 1u : bytes] = '\0';
    log_print("session %u: %.200s\n", session->id, text);
    return 0;
}

static int64_t call_map(struct session *session, uint64_t npages, uint64_t map)
{
    struct quire_fobj *pages;
    enum quire_status status;
    uintptr_t va;
    unsigned prot;

    if (npages == 0 || !prot_of(map, &prot)) {
        return TA_ERROR_BAD;
    }
    if (npages > SESSION_PAGES_MAX - session->pages) {
        return TA_ERROR_MEMORY;
    }
    status = instance_private(session, (uint32_t)npages, &pages);
    if (status == QUIRE_OK) {
        status = instance_map(session, pages, (uint32_t)npages, prot, 0, &va);
        (void)quire_fobj_put(pages); /* the area has its own reference */
    }
    if (status != QUIRE_OK) {
        return error_of(status);
    }
    session->pages += npages;
    return (int64_t)va;
}

static int64_t call_unmap(struct session *session, uint64_t va, uint64_t npages)
{
    struct session_range *range = instance_range(session, (uintptr_t)va, npages);

    if (range == NULL || quire_vm_unmap(&session->vm, range->va, range->npages) != QUIRE_OK) {
        return TA_ERROR_BAD;
    }
    if (range->shared != 0) {
        shared_put(range->shared - 1u);
    }
    range->va = 0;
    session->pages -= npages;
    reap();
    return 0;
}

static int64_t call_share(struct session *session, uint64_t key, uint64_t npages)
{
    struct quire_fobj *pages;
    enum quire_status status;
    uint32_t place;
    uintptr_t va;

    if (npages == 0) {
        return TA_ERROR_BAD;
    }
    if (npages > SESSION_PAGES_MAX - session->pages) {
        return TA_ERROR_MEMORY;
    }
    status = shared_get(key, (uint32_t)npages, &place, &pages);
    if (status != QUIRE_OK) {
        return error_of(status);
    }
    status = instance_map(session, pages, (uint32_t)npages, QUIRE_PROT_READ | QUIRE_PROT_WRITE, place + 1u, &va);
    (void)quire_fobj_put(pages);
    if (status != QUIRE_OK) {
        shared_put(place);
        return error_of(status);
    }
    session->pages += npages;
    return (int64_t)va;
}

static int64_t call_random(struct session *session, uint64_t va, uint64_t bytes)
{
    struct quire_vm_copy how = instance_access();
    unsigned char random[RANDOM_BYTES];

    if (bytes > sizeof random) {
        return TA_ERROR_BAD;
    }
    entropy_fill(random, (size_t)bytes);
    return quire_vm_copy_to(&session->vm, (uintptr_t)va, random, (size_t)bytes, &how, NULL) == QUIRE_OK ? 0 : TA_ERROR_BAD;
}

static int64_t call_protect(struct session *session, uint64_t va, uint64_t npages, uint64_t map)
{
    struct session_range *range = instance_range(session, (uintptr_t)va, npages);
    unsigned prot;

    if (range == NULL || !prot_of(map, &prot)) {
        return TA_ERROR_BAD;
    }
    return quire_vm_protect(&session->vm, range->va, range->npages, prot | QUIRE_PROT_USER) == QUIRE_OK ? 0 : TA_ERROR_BAD;
}

static int64_t call_advise(struct session *session, uint64_t va, uint64_t npages, uint64_t advice)
{
    static const enum quire_advice meant[] = {
        [TA_ADVICE_WILL_NEED] = QUIRE_ADVICE_WILL_NEED,
        [TA_ADVICE_DONT_NEED] = QUIRE_ADVICE_DONT_NEED,
        [TA_ADVICE_FREE] = QUIRE_ADVICE_FREE,
    };
    struct session_range *range = instance_range(session, (uintptr_t)va, npages);

    if (range == NULL || advice >= sizeof meant / sizeof meant[0]) {
        return TA_ERROR_BAD;
    }
    return quire_vm_advise(&session->vm, range->va, range->npages, meant[advice]) == QUIRE_OK ? 0 : TA_ERROR_BAD;
}

void system_call(struct trap *trap)
{
    struct session *session = this_thread()->session;
    const uint64_t *x = trap->x;
    int64_t answer = TA_ERROR_BAD;

    switch (x[8]) {
    case TA_RETURN:
        user_end(USER_RETURNED, (uint32_t)x[0]);
    case TA_PANIC:
        log_print("session %u panics: %lx\n", session->id, x[0]);
        user_end(USER_PANICKED, x[0]);
    case TA_LOG:
        answer = call_log(session, x[0], x[1]);
        break;
    case TA_MAP:
        answer = call_map(session, x[0], x[1]);
        break;
    case TA_UNMAP:
        answer = call_unmap(session, x[0], x[1]);
        break;
    case TA_SHARE:
        answer = call_share(session, x[0], x[1]);
        break;
    case TA_RANDOM:
        answer = call_random(session, x[0], x[1]);
        break;
    case TA_PROTECT:
        answer = call_protect(session, x[0], x[1], x[2]);
        break;
    case TA_ADVISE:
        answer = call_advise(session, x[0], x[1], x[2]);
        break;
    default:
        break;
    }
    trap->x[0] = (uint64_t)answer;
}
