/* instance.c - an application's context: made from its image, and taken down. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/instance.h"

#include "abi/smc.h"
#include "abi/world.h"
#include "kernel/log.h"
#include "kernel/pageable/image.h"
#include "kernel/pageable/private.h"
#include "kernel/pageable/shared.h"
#include "kernel/pageable/slices.h"
#include "kernel/paging.h"
#include "kernel/private_object.h"
#include "kernel/reaper.h"
#include "kernel/thread.h"
#include "lib/memory.h"

#define STACK_PAGES 16u
#define MAPS_FIRST ((uintptr_t)1 << 38) /* what applications ask for lies above their images */

struct quire_vm_copy instance_access(void)
{
    struct quire_vm_copy how = {.privileged = false, .wait_ok = true, .thread = this_thread()->index};

    return how;
}

/* ---- Ranges ---- */

enum quire_status instance_private(struct session *session, uint32_t npages, struct quire_fobj **out)
{
    enum quire_status status = private_make(npages, out);

    if (status == QUIRE_OK) {
        QUIRE_CONTAINER_OF(*out, struct private_object, rw.base)->writes = &session->figures.saves;
        status = quire_fobj_set_account(*out, &session->account);
        if (status != QUIRE_OK) {
            (void)quire_fobj_put(*out);
        }
    }
    return status;
}

struct session_range *instance_range(struct session *session, uintptr_t va, uint64_t npages)
{
    uint32_t i;

    for (i = 0; i < SESSION_MAPS_MAX; i++) {
        if (session->range[i].va != 0 && session->range[i].va == va && session->range[i].npages == npages) {
            return &session->range[i];
        }
    }
    return NULL;
}

static struct session_range *unused_range(struct session *session)
{
    uint32_t i;

    for (i = 0; i < SESSION_MAPS_MAX; i++) {
        if (session->range[i].va == 0) {
            return &session->range[i];
        }
    }
    return NULL;
}

enum quire_status instance_map(struct session *session, struct quire_fobj *fobj, uint32_t npages, unsigned prot,
                               uint32_t shared, uintptr_t *va)
{
    struct session_range *range = unused_range(session);
    struct quire_mapping mapping;
    enum quire_status status;

    if (range == NULL) {
        return QUIRE_LIMIT;
    }
    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = fobj;
    mapping.npages = npages;
    mapping.prot = prot | QUIRE_PROT_USER;
    mapping.va = QUIRE_VA_ANY;
    mapping.min = MAPS_FIRST;
    mapping.pad_before = 1;
    mapping.pad_after = 1;
    status = quire_vm_map(&session->vm, &mapping, va);
    if (status == QUIRE_OK) {
        range->va = *va;
        range->npages = npages;
        range->shared = shared;
    }
    return status;
}

/* ---- Segments ---- */

static enum quire_status map_at(struct session *session, struct quire_fobj *fobj, uintptr_t va, unsigned prot)
{
    struct quire_mapping mapping;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = fobj;
    mapping.prot = prot | QUIRE_PROT_USER;
    mapping.va = va;
    return quire_vm_map(&session->vm, &mapping, NULL);
}

/* What the file has of a writable segment: the instance's copy on write of the slice. */
static enum quire_status map_copy(struct session *session, struct quire_fobj *slice, uintptr_t va, unsigned prot)
{
    struct quire_fobj *copy;
    enum quire_status status = instance_private(session, slice->num_pages, &copy);

    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_fobj_cow_make(&pager, copy, slice);
    if (status == QUIRE_OK) {
        status = map_at(session, copy, va, prot);
    }
    (void)quire_fobj_put(copy); /* the area has its own reference */
    return status;
}

static enum quire_status map_file_pages(struct session *session, const struct image_segment *segment, uintptr_t va)
{
    struct quire_fobj *slice;
    enum quire_status status = slices_find(session->file, session->image, segment, &slice);

    if (status != QUIRE_OK) {
        return status;
    }
    if ((segment->prot & QUIRE_PROT_WRITE) != 0) {
        status = map_copy(session, slice, va, segment->prot);
    } else {
        status = map_at(session, slice, va, segment->prot);
    }
    (void)quire_fobj_put(slice);
    return status;
}

static enum quire_status map_zero_pages(struct session *session, const struct image_segment *segment, uintptr_t va)
{
    struct quire_fobj *zeros;
    enum quire_status status = instance_private(session, segment->zero_pages, &zeros);

    if (status == QUIRE_OK) {
        status = map_at(session, zeros, va, segment->prot);
        (void)quire_fobj_put(zeros);
    }
    return status;
}

static enum quire_status map_segment(struct session *session, const struct image_segment *segment)
{
    uintptr_t va = session->image->bias + (uintptr_t)segment->va;
    enum quire_status status = QUIRE_OK;

    if (segment->file_pages != 0) {
        status = map_file_pages(session, segment, va);
    }
    if (status == QUIRE_OK && segment->zero_pages != 0) {
        status = map_zero_pages(session, segment, va + ((uintptr_t)segment->file_pages << QUIRE_PAGE_SHIFT));
    }
    return status;
}

static enum quire_status map_stack(struct session *session)
{
    struct quire_fobj *pages;
    uintptr_t va;
    enum quire_status status = instance_private(session, STACK_PAGES, &pages);

    if (status == QUIRE_OK) {
        status = instance_map(session, pages, STACK_PAGES, QUIRE_PROT_READ | QUIRE_PROT_WRITE, 0, &va);
        (void)quire_fobj_put(pages);
    }
    if (status == QUIRE_OK) {
        session->stack = va + ((uintptr_t)STACK_PAGES << QUIRE_PAGE_SHIFT);
        instance_range(session, va, STACK_PAGES)->va = 0; /* not the application's to unmap */
    }
    return status;
}

static enum quire_status map_all(struct session *session)
{
    enum quire_status status = slices_file(session->image, &session->file);
    uint32_t i;

    for (i = 0; status == QUIRE_OK && i < session->image->num_segments; i++) {
        status = map_segment(session, &session->image->segment[i]);
    }
    return status == QUIRE_OK ? map_stack(session) : status;
}

/* ---- Making and ending ---- */

static enum quire_status make_account(struct session *session)
{
    struct quire_account_config config;

    memset(&config, 0, sizeof config);
    config.policy = quire_policy_refault_init(&session->policy);
    config.user = session;
    return quire_account_init(&session->account, &pager, &config);
}

/* Another thread may be at work on a page of it, for a moment: it is waited for, as everything that must happen. */
static void insist(enum quire_status (*operation)(void *), void *what, const char *name)
{
    enum quire_status status;

    while ((status = operation(what)) == QUIRE_BUSY || status == QUIRE_AGAIN) {
        thread_suspend(TEE_WAITING);
        reap();
    }
    if (status != QUIRE_OK) {
        panic(EXIT_KERNEL_PANIC, "%s cannot be ended: %s", name, quire_status_name(status));
    }
}

static enum quire_status close_space(void *space)
{
    return vmsa_space_close(&vmsa, space);
}

static enum quire_status end_context(void *vm)
{
    return quire_vm_fini(vm);
}

static enum quire_status end_account(void *account)
{
    return quire_account_fini(account);
}

/* Closed first, so that nobody takes a table back from it any more. */
static void end_space(struct session *session)
{
    insist(close_space, &session->space, "a space");
    insist(end_context, &session->vm, "a context");
    vmsa_space_fini(&vmsa, &session->space);
}

enum quire_status instance_make(struct session *session, struct image *image)
{
    enum quire_status status = vmsa_space_init(&vmsa, &session->space, false);

    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_vm_init(&session->vm, &pager, USER_FIRST, USER_LAST, &session->space);
    if (status != QUIRE_OK) {
        insist(close_space, &session->space, "a space");
        vmsa_space_fini(&vmsa, &session->space);
        return status;
    }
    status = make_account(session);
    if (status != QUIRE_OK) {
        end_space(session);
        return status;
    }
    image_get(image);
    session->image = image;
    session->entry = image->bias + image->entry;
    status = map_all(session);
    if (status != QUIRE_OK) {
        instance_end(session);
    }
    return status;
}

void instance_end(struct session *session)
{
    uint32_t i;

    for (i = 0; i < SESSION_MAPS_MAX; i++) {
        if (session->range[i].va != 0 && session->range[i].shared != 0) {
            shared_put(session->range[i].shared - 1u);
        }
    }
    end_space(session);
    if (session->file != NULL) {
        (void)quire_file_put(session->file);
        session->file = NULL;
    }
    reap(); /* the account's objects are charged to it until they are freed */
    insist(end_account, &session->account, "an account");
    image_put(session->image);
    session->image = NULL;
}
