/* caught.c - pages of the store that were refused, by name. SPDX-License-Identifier: BSD-2-Clause */
#include "caught.h"

#include <stdlib.h>
#include <string.h>

#include "host.h"

#define MESSAGES 10u /* during the run; the report has all */

void caught_init(struct caught *caught)
{
    memset(caught, 0, sizeof *caught);
    pthread_mutex_init(&caught->lock, NULL);
}

void caught_fini(struct caught *caught)
{
    pthread_mutex_destroy(&caught->lock);
    free(caught->pages);
}

static size_t index_of(const struct context *context, uintptr_t va)
{
    return (va - context->window.base) >> QUIRE_PAGE_SHIFT;
}

bool caught_any(const struct context *context, uintptr_t va, uint32_t n)
{
    return memchr(context->caught + index_of(context, va), 1, n) != NULL;
}

void caught_forget(struct context *context, uintptr_t va, uint32_t n)
{
    memset(context->caught + index_of(context, va), 0, n);
}

/* Whose page the context was refused, and what is known of it; false: there is no page of a store that can be blamed. */
static bool identify(struct context *context, struct caught_page *page)
{
    struct host *host = context->host;
    struct quire_vm_info info;
    struct quire_fobj *whose;

    memset(page, 0, sizeof *page);
    page->context = context->index;
    page->status = context->fault.refusal;
    if (quire_vm_query(&context->vm, context->fault.refused_va, &info) != QUIRE_OK ||
        (page->status != QUIRE_INTEGRITY && page->status != QUIRE_IO)) {
        return false;
    }
    pthread_mutex_lock(&host->mmu.lock);
    whose = quire_fobj_showing(info.fobj, info.pgidx);
    pthread_mutex_unlock(&host->mmu.lock);
    page->pgidx = info.pgidx;
    snprintf(page->name, sizeof page->name, "%s", store_name(whose));
    if (store_is_private(whose)) {
        const struct store_private *private = store_private_of(whose);

        page->store_page = private->first_page + page->pgidx;
        page->sealed = private->meta != NULL;
        if (page->sealed) {
            page->meta = private->meta[page->pgidx]; /* the page is not there, so nobody seals it just now */
        }
    }
    return store_is_private(whose);
}

void caught_print(FILE *file, const struct caught_page *page)
{
    fprintf(file, "context %u: page %u of \"%s\" (page %llu of the store): %s: ", page->context, page->pgidx, page->name,
            (unsigned long long)page->store_page, quire_status_name(page->status));
    if (page->status == QUIRE_IO) {
        fputs("the store cannot be read there\n", file);
    } else {
        fprintf(file, "its AES-256-GCM tag is not that of version %u under key %u\n", page->meta.version, page->meta.epoch);
    }
}

bool caught_note(struct context *context)
{
    struct caught *caught = &context->host->caught;
    struct caught_page page;
    bool noted = false;

    if (context->host->args.store == NULL || !identify(context, &page)) {
        return false;
    }
    if (caught_any(context, context->fault.refused_va, 1)) {
        return true; /* the payload, which runs into what was noted before */
    }
    pthread_mutex_lock(&caught->lock);
    if (caught->count == caught->room) {
        size_t room = caught->room != 0 ? 2u * caught->room : 64u;
        struct caught_page *pages = realloc(caught->pages, room * sizeof *pages);

        caught->pages = pages != NULL ? pages : caught->pages;
        caught->room = pages != NULL ? room : caught->room;
    }
    if (caught->count < caught->room) {
        caught->pages[caught->count++] = page;
        context->caught[index_of(context, context->fault.refused_va)] = 1;
        noted = true;
    }
    if (noted && caught->count <= MESSAGES) {
        fputs("CAUGHT: ", stderr);
        caught_print(stderr, &page);
    }
    pthread_mutex_unlock(&caught->lock);
    return noted;
}
