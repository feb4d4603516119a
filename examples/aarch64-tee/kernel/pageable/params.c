/* params.c - the parameters of a call, between the message and the application. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/params.h"

#include "kernel/pageable/heap.h"
#include "kernel/pageable/instance.h"
#include "kernel/reaper.h"
#include "lib/memory.h"

#define STACK_ALIGN 16u

/* ---- Memory: pages of the normal world, shown as they are ---- */

struct shared_pages {
    struct quire_fobj_phys phys;
    struct reapable reapable;
};

static void shared_pages_reap(struct reapable *reapable)
{
    struct shared_pages *pages = QUIRE_CONTAINER_OF(reapable, struct shared_pages, reapable);

    heap_free(pages, sizeof *pages);
}

static enum quire_status map_memory(struct session *session, const struct tee_param *param, uintptr_t *va, uint32_t *npages)
{
    struct shared_pages *pages = heap_zalloc(sizeof *pages);
    struct quire_fobj_phys_config config;
    struct quire_mapping mapping;
    enum quire_status status;

    if (pages == NULL) {
        return QUIRE_NO_MEMORY;
    }
    *npages = (uint32_t)((param->b + QUIRE_PAGE_SIZE - 1u) >> QUIRE_PAGE_SHIFT);
    pages->reapable.reap = shared_pages_reap;
    memset(&config, 0, sizeof config);
    config.pa = quire_pa_make(param->a);
    config.npages = *npages;
    config.max_prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE;
    config.ctx = &pages->reapable;
    config.release = reap_released;
    status = quire_fobj_phys_init(&pages->phys, &config);
    if (status != QUIRE_OK) {
        heap_free(pages, sizeof *pages);
        return status;
    }
    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = &pages->phys.base;
    mapping.prot = QUIRE_PROT_USER | QUIRE_PROT_READ | (param->attr != TEE_PARAM_MEMORY_IN ? QUIRE_PROT_WRITE : 0u);
    mapping.attr = VMSA_ATTR_NONSECURE;
    mapping.va = QUIRE_VA_ANY;
    mapping.pad_before = 1;
    mapping.pad_after = 1;
    status = quire_vm_map(&session->vm, &mapping, va);
    (void)quire_fobj_put(&pages->phys.base); /* the area has its own reference */
    return status;
}

/* ---- Copying ---- */

enum quire_status params_map(struct params *params, struct session *session, const struct tee_param *from, uint32_t n)
{
    struct quire_vm_copy as_user = instance_access();
    enum quire_status status = QUIRE_OK;
    struct ta_params to;
    uint32_t i;

    memset(params, 0, sizeof *params);
    memset(&to, 0, sizeof to);
    params->va = (session->stack - sizeof to) & ~(uintptr_t)(STACK_ALIGN - 1u);
    for (i = 0; status == QUIRE_OK && i < n; i++) {
        to.param[i].kind = (uint32_t)from[i].attr;
        to.param[i].a = from[i].a;
        to.param[i].b = from[i].b;
        if (tee_param_is_memory(from[i].attr)) {
            to.param[i].a = 0;
            if (from[i].b != 0) {
                status = map_memory(session, &from[i], &params->memory[i].va, &params->memory[i].npages);
            }
            to.param[i].a = params->memory[i].va;
        } else if (from[i].attr == TEE_PARAM_VALUE_OUT) {
            to.param[i].a = 0;
            to.param[i].b = 0;
        }
    }
    return status == QUIRE_OK ? quire_vm_copy_to(&session->vm, params->va, &to, sizeof to, &as_user, NULL) : status;
}

enum quire_status params_read(const struct params *params, struct session *session, struct tee_param *to, uint32_t n)
{
    struct quire_vm_copy as_user = instance_access();
    struct ta_params from;
    enum quire_status status = quire_vm_copy_from(&session->vm, params->va, &from, sizeof from, &as_user, NULL);
    uint32_t i;

    for (i = 0; status == QUIRE_OK && i < n; i++) {
        if (to[i].attr == TEE_PARAM_VALUE_OUT || to[i].attr == TEE_PARAM_VALUE_INOUT) {
            to[i].a = from.param[i].a;
            to[i].b = from.param[i].b;
        } else if (to[i].attr == TEE_PARAM_MEMORY_OUT || to[i].attr == TEE_PARAM_MEMORY_INOUT) {
            to[i].b = from.param[i].b;
        }
    }
    return status;
}

enum quire_status params_unmap(struct params *params, struct session *session)
{
    enum quire_status status = QUIRE_OK;
    uint32_t i;

    for (i = 0; i < TEE_PARAMS_MAX; i++) {
        if (params->memory[i].va != 0) {
            enum quire_status unmapped = quire_vm_unmap(&session->vm, params->memory[i].va, params->memory[i].npages);

            status = unmapped == QUIRE_OK ? status : unmapped;
        }
    }
    return status;
}
