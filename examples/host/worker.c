/* worker.c - a context: loads all files, works on them until told to stop, ends. SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "payload.h"

#define MESSAGES 10u
#define HOT_FILES 3u
#define HOT_PAGES 8u

uint64_t context_random(struct context *context, uint64_t n)
{
    uint64_t x = context->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    context->random = x;
    return (x >> 11) % n;
}

void host_wrong(struct host *host, const char *format, ...)
{
    uint64_t before = __atomic_fetch_add(&host->wrong, 1, __ATOMIC_RELAXED);
    char line[256];
    va_list args;

    if (before >= MESSAGES) {
        return;
    }
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fprintf(stderr, "WRONG: %s%s\n", line, before == MESSAGES - 1u ? " (and so on)" : "");
}

/* ---- Beginning ---- */

/* Addresses for everything a context may map at once, with room between. */
static size_t window_pages(const struct host *host)
{
    size_t pages = 2u * host->heap_pages + SHARED_PAGES + 64u;
    int i;

    for (i = 0; i < host->num_files; i++) {
        pages += host->files[i].image.npages + 36u;
    }
    return pages;
}

static const char *map_shared(struct context *context)
{
    struct host *host = context->host;
    struct quire_mapping mapping;
    enum quire_status status;
    const char *wrong = NULL;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = host->shared;
    mapping.prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER;
    mapping.va = QUIRE_VA_ANY;
    mapping.pad_before = 1;
    mapping.pad_after = 1;
    if (host->args.planted == PLANTED_SHARE) {
        wrong = store_private(&host->store, "not shared", SHARED_PAGES, &mapping.fobj);
    }
    if (wrong != NULL) {
        return wrong;
    }
    status = quire_vm_map(&context->vm, &mapping, &context->shared_va);
    if (status == QUIRE_OK) {
        host_name_object(host, mapping.fobj);
    }
    if (host->args.planted == PLANTED_SHARE) {
        (void)quire_fobj_put(mapping.fobj);
    }
    return status == QUIRE_OK ? NULL : quire_status_name(status);
}

static const char *load_all(struct context *context)
{
    struct host *host = context->host;
    int i;

    for (i = 0; i < host->num_files; i++) {
        const char *wrong = loader_load(context, &host->files[i], &context->loaded[i]);

        if (wrong != NULL) {
            fprintf(stderr, "host: %s: %s\n", host->files[i].path, wrong);
            return wrong;
        }
    }
    return NULL;
}

static const char *begin(struct context *context)
{
    struct host *host = context->host;
    struct host_window *window = &context->window;
    const char *wrong = host_window_init(window, window_pages(host));

    if (wrong != NULL) {
        return wrong;
    }
    context->buffer = malloc(CHUNK_PAGES << QUIRE_PAGE_SHIFT);
    context->loaded = calloc((size_t)host->num_files, sizeof *context->loaded);
    context->payload_history = calloc(PAYLOAD_HISTORY, sizeof *context->payload_history);
    context->caught = calloc(window->npages, 1);
    if (context->caught == NULL || context->buffer == NULL || context->loaded == NULL || context->payload_history == NULL) {
        return "no memory";
    }
    context->payload_total = PAYLOAD_FIRST_TOTAL;
    /* The first page stays outside: an access to it is in the window and in no area. */
    if (quire_vm_init(&context->vm, &host->pager, window->base + QUIRE_PAGE_SIZE,
                      window->base + ((window->npages << QUIRE_PAGE_SHIFT) - 1u), window) != QUIRE_OK) {
        return "no context";
    }
    if (host->args.record != NULL) {
        char name[32];

        snprintf(name, sizeof name, "context %u", context->index);
        recorder_name(&host->recorder, QUIRE_TRACE_INFO_CONTEXT, context->vm.id, name);
    }
    context->fault.pager = &host->pager;
    context->fault.vm = &context->vm;
    context->fault.window = window;
    context->fault.index = context->index;
    wrong = load_all(context);
    wrong = wrong == NULL ? map_shared(context) : wrong;
    return wrong == NULL ? work_heap_new(context) : wrong;
}

/* ---- Working ---- */

/* The same few pages of the first files again and again: what a program's inner loops do. */
static void work_hot(struct context *context)
{
    uint64_t files = (uint64_t)context->host->num_files < HOT_FILES ? (uint64_t)context->host->num_files : HOT_FILES;
    struct loaded *loaded = &context->loaded[context_random(context, files)];
    struct loaded_segment *segment = &loaded->segment[context_random(context, loaded->file->image.num_segments)];
    uint32_t pages = segment->segment->npages < HOT_PAGES ? segment->segment->npages : HOT_PAGES;

    work_segment(context, loaded, segment, (uint32_t)context_random(context, pages), 1);
}

static void work_between(struct context *context)
{
    unsigned i;

    for (i = 0; i < 4u; i++) {
        work_hot(context);
        work_hot(context);
        work_heap(context);
        work_shared(context);
    }
    work_execute(context);
}

/* May it stop? Not before it has verified everything once. */
static bool stopped(const struct context *context)
{
    return context->figures.passes > 0 && __atomic_load_n(&context->host->stop, __ATOMIC_RELAXED);
}

static void work_file(struct context *context, struct loaded *loaded)
{
    uint32_t i;
    uint32_t page;

    for (i = 0; i < loaded->file->image.num_segments; i++) {
        struct loaded_segment *segment = &loaded->segment[i];
        uint32_t npages = segment->segment->npages;

        for (page = 0; page < npages && !stopped(context); page += CHUNK_PAGES) {
            work_segment(context, loaded, segment, page, npages - page < CHUNK_PAGES ? npages - page : CHUNK_PAGES);
            work_between(context);
            stop_point(context);
        }
    }
}

/* Everything once. Every other time all contexts begin with the same file, which they then share; else each somewhere. */
static void work_pass(struct context *context)
{
    uint64_t n = (uint64_t)context->host->num_files;
    uint64_t start = context->figures.passes % 2u == 0 ? 0 : context_random(context, n);
    uint64_t i;

    for (i = 0; i < n; i++) {
        work_file(context, &context->loaded[(start + i) % n]);
    }
    work_refusals(context);
    counter_add(&context->figures.passes, 1);
}

void *worker_main(void *arg)
{
    struct context *context = arg;
    struct host *host = context->host;
    const char *wrong;

    host_charge = &context->figures.charge;
    context->failed = begin(context);
    wrong = fault_enter(&context->fault);
    context->failed = context->failed != NULL ? context->failed : wrong;
    if (context->failed != NULL) {
        __atomic_store_n(&host->failed, true, __ATOMIC_SEQ_CST);
    }
    pthread_barrier_wait(&host->loaded);
    while (!__atomic_load_n(&host->failed, __ATOMIC_SEQ_CST) && !stopped(context)) {
        work_pass(context);
        wrong = work_heap_new(context);
        if (wrong != NULL) {
            host_wrong(host, "context %u: no new heap: %s", context->index, wrong);
            break;
        }
    }
    stop_leave(context);
    /* All have stopped writing before one adds up. */
    pthread_barrier_wait(&host->done);
    if (context->index == 0 && context->failed == NULL && !host->failed) {
        work_shared_sum(context);
    }
    fault_leave(&context->fault);
    host_charge = NULL;
    __atomic_fetch_sub(&host->running, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* ---- Ending ---- */

const char *worker_end(struct context *context)
{
    const char *wrong = NULL;
    int i;

    for (i = 0; context->loaded != NULL && i < context->host->num_files; i++) {
        const char *failed = loader_unload(context, &context->loaded[i]);

        wrong = failed != NULL ? failed : wrong;
    }
    if (context->vm.pager != NULL) {
        /* The heap and the shared buffer go with the context. */
        enum quire_status status = quire_vm_fini(&context->vm);

        wrong = status != QUIRE_OK ? quire_status_name(status) : wrong;
    }
    host_window_fini(&context->window);
    free(context->heap.generation);
    free(context->payload_history);
    free(context->caught);
    free(context->loaded);
    free(context->buffer);
    return wrong;
}
