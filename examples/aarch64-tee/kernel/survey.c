/* survey.c - the live structure, copied at one moment. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/survey.h"

#include "kernel/layout.h"
#include "kernel/paging.h"
#include "lib/memory.h"

static const struct quire_vm *vm_of(const struct quire_list_node *node)
{
    return QUIRE_CONTAINER_OF((uintptr_t)node, struct quire_vm, link);
}

/* The page after *number, of whatever segment: true unless it was the last. The first is 0, which every pool has. */
static bool next_page(uint32_t *number)
{
    uint32_t segment = *number >> QUIRE_PAGE_INDEX_BITS;

    if (*number - (segment << QUIRE_PAGE_INDEX_BITS) + 1u < pager.pool.pages.segment[segment].npages) {
        ++*number;
        return true;
    }
    *number = (segment + 1u) << QUIRE_PAGE_INDEX_BITS;
    return segment + 1u < pager.pool.pages.nsegments;
}

/* ---- Everything ---- */

static void take_areas(struct survey *survey, const struct quire_vm *vm)
{
    const struct quire_area *area = quire_vm_area_from(vm, vm->first);

    for (; area != NULL && survey->num_areas < survey->max_areas; area = quire_vm_area_next(area)) {
        struct survey_area *to = &survey->areas[survey->num_areas++];

        to->vm = vm;
        to->fobj = area->fobj;
        to->va = area->va;
        to->npages = area->npages;
        to->prot = area->prot;
    }
}

static void take_object(struct survey *survey, const struct quire_fobj *fobj)
{
    struct survey_object *to = &survey->objects[survey->num_objects++];

    to->fobj = fobj;
    to->kind = fobj->ops->name;
    to->origin = fobj->origin;
    to->refs = quire_refcount_read(&fobj->refs);
    to->resident = fobj->resident;
    to->num_pages = fobj->num_pages;
}

static void take_page(struct survey *survey, const struct quire_pmem *pmem)
{
    struct survey_page *to = &survey->pages[survey->num_pages++];

    to->fobj = pmem->fobj;
    to->pgidx = pmem->pgidx;
    to->mapped = pmem->mapped;
    to->state = pmem->state;
    to->dirty = (pmem->flags & QUIRE_PMEM_DIRTY) != 0;
}

void survey_take(struct survey *survey)
{
    uintptr_t key = paging_hooks.lock(paging_hooks.ctx);
    const struct quire_list_node *node;
    uint32_t number = 0;

    for (node = pager.vms.next; node != &pager.vms; node = node->next) {
        take_areas(survey, vm_of(node));
    }
    for (node = pager.fobjs.next; node != &pager.fobjs && survey->num_objects < survey->max_objects; node = node->next) {
        take_object(survey, QUIRE_CONTAINER_OF((uintptr_t)node, struct quire_fobj, link));
    }
    do {
        take_page(survey, quire_pmem_at(&pager.pool, number));
    } while (survey->num_pages < survey->max_pages && next_page(&number));
    paging_hooks.unlock(paging_hooks.ctx, key);
}

/* ---- Sharing ---- */

void survey_sharing(struct survey_sharing *sharing)
{
    uintptr_t key = paging_hooks.lock(paging_hooks.ctx);
    const struct quire_list_node *node;
    uint32_t number = 0;

    memset(sharing, 0, sizeof *sharing);
    do {
        const struct quire_pmem *pmem = quire_pmem_at(&pager.pool, number);

        if (pmem->state == QUIRE_PAGE_RESIDENT && pmem->mapped > 1u) {
            sharing->shared++;
            sharing->saved += pmem->mapped - 1u;
        }
    } while (next_page(&number));
    for (node = pager.vms.next; node != &pager.vms; node = node->next) {
        const struct quire_area *area = quire_vm_area_from(vm_of(node), vm_of(node)->first);

        for (; area != NULL; area = quire_vm_area_next(area)) {
            sharing->mapped += area->npages;
        }
    }
    paging_hooks.unlock(paging_hooks.ctx, key);
}

/* Does `vm` show the page, and another context, too? */
static bool is_shared_by(const struct quire_pmem *pmem, const struct quire_vm *vm)
{
    const struct quire_area *area;
    bool mine = false;
    bool other = false;

    if (pmem->state != QUIRE_PAGE_RESIDENT || pmem->mapped < 2u) {
        return false;
    }
    for (area = quire_rmap_area(pmem); area != NULL; area = quire_rmap_area_next(pmem, area)) {
        if (paging_hooks.query(paging_hooks.ctx, area->vm, quire_area_va(area, pmem->pgidx)) != 0) {
            mine = mine || area->vm == vm;
            other = other || area->vm != vm;
        }
    }
    return mine && other;
}

uint32_t survey_shared_by(const struct quire_vm *vm)
{
    uintptr_t key = paging_hooks.lock(paging_hooks.ctx);
    uint32_t shared = 0;
    uint32_t number = 0;

    do {
        shared += is_shared_by(quire_pmem_at(&pager.pool, number), vm);
    } while (next_page(&number));
    paging_hooks.unlock(paging_hooks.ctx, key);
    return shared;
}

/* ---- Code ---- */

/* May EL1 write at this address? */
static bool is_writable(uintptr_t va)
{
    uint64_t answer;

    __asm__ volatile("at s1e1w, %1; isb; mrs %0, par_el1" : "=r"(answer) : "r"(va) : "memory");
    return (answer & 1u) == 0;
}

static bool is_executed(const struct quire_pmem *pmem)
{
    const struct quire_area *area;

    if (pmem->state != QUIRE_PAGE_RESIDENT || pmem->mapped == 0) {
        return false;
    }
    for (area = quire_rmap_area(pmem); area != NULL; area = quire_rmap_area_next(pmem, area)) {
        if ((paging_hooks.query(paging_hooks.ctx, area->vm, quire_area_va(area, pmem->pgidx)) & QUIRE_ENTRY_EXEC) != 0) {
            return true;
        }
    }
    return false;
}

void survey_code(struct survey_code *code)
{
    uintptr_t key = paging_hooks.lock(paging_hooks.ctx);
    uint32_t number = 0;

    memset(code, 0, sizeof *code);
    do {
        if (is_executed(quire_pmem_at(&pager.pool, number))) {
            code->pages++;
            code->writable += is_writable(KERNEL_VA + (uintptr_t)quire_pmem_pa(&pager.pool, number).addr);
        }
    } while (next_page(&number));
    paging_hooks.unlock(paging_hooks.ctx, key);
}
