/* resume.c - what an earlier run left in the store, tried with a new key. SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "work.h"

/*
 * A sealed store dies with the process that wrote it: the key was only in its memory, and so was what is known of each page
 * (version and tag). A new run would not even ask the store: to it no page was ever stored. That would prove nothing. So this
 * gives the one who kept the old file everything but the key: the objects are made again with the numbers they had, their metadata
 * are those that the old run wrote to FILE.map at its last stop, and each page counts as stored. Every page is then faulted in as
 * any other: read from FILE, and its tag compared by the same `open` with the same nonce and the same associated data; only the
 * key is new. (With --break=key it is not, and every page opens: so it is the key that counts.)
 */

/* A line of the map. */
struct entry {
    unsigned long long store_page;
    unsigned pgidx;
    unsigned epoch;
    unsigned version;
    unsigned object;
    unsigned npages;
    uint8_t tag[QUIRE_SEAL_TAG_BYTES];
    char name[48];
};

struct resume {
    struct host *host;
    struct context *context;
    struct quire_fobj *fobj; /* of the lines read last; null: none yet */
    unsigned object;
    uint32_t stored; /* pages */
    uint32_t opened;
};

static bool parse_tag(const char *hex, uint8_t *tag)
{
    unsigned byte;
    unsigned i;

    for (i = 0; i < QUIRE_SEAL_TAG_BYTES && sscanf(hex + 2u * i, "%2x", &byte) == 1; i++) {
        tag[i] = (uint8_t)byte;
    }
    return i == QUIRE_SEAL_TAG_BYTES;
}

static bool parse_line(const char *line, struct entry *entry)
{
    char tag[2u * QUIRE_SEAL_TAG_BYTES + 1u];

    memset(entry, 0, sizeof *entry);
    return sscanf(line, "%llu %u %u %u %u %32s %u %47[^\n]", &entry->store_page, &entry->pgidx, &entry->epoch, &entry->version,
                  &entry->object, tag, &entry->npages, entry->name) == 8 &&
           strlen(tag) == 2u * QUIRE_SEAL_TAG_BYTES && parse_tag(tag, entry->tag) && entry->pgidx < entry->npages &&
           entry->npages <= ELF_IMAGE_PAGES && entry->store_page >= entry->pgidx;
}

/* ---- One object ---- */

/* Makes the object anew, as the old run had it. Returns null, or what failed. */
static const char *make_object(struct resume *resume, const struct entry *entry)
{
    const char *wrong = store_private(&resume->host->store, entry->name, entry->npages, &resume->fobj);
    struct store_private *private;

    if (wrong != NULL) {
        return wrong;
    }
    private = store_private_of(resume->fobj);
    private->first_page = entry->store_page - entry->pgidx;
    private->rw.sealed.object[resume->host->sealing.sealer.epoch & 1u] = entry->object; /* what no user ever does: see above */
    resume->object = entry->object;
    return NULL;
}

static void add_page(struct resume *resume, const struct entry *entry)
{
    struct store_private *private = store_private_of(resume->fobj);
    struct quire_seal_meta *meta = &private->meta[entry->pgidx];

    meta->version = entry->version;
    meta->epoch = resume->host->sealing.sealer.epoch; /* of the new run; the number is the same */
    memcpy(meta->tag, entry->tag, sizeof meta->tag);
    private->slots[entry->pgidx] = quire_slot_make(QUIRE_SLOT_STORED, 0);
}

/* Touches every page of the object that the old run had stored. */
static const char *touch_object(struct resume *resume)
{
    struct context *context = resume->context;
    struct quire_mapping mapping;
    enum quire_status status;
    uintptr_t base;
    uint32_t i;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = resume->fobj;
    mapping.prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER;
    mapping.va = QUIRE_VA_ANY;
    status = quire_vm_map(&context->vm, &mapping, &base);
    for (i = 0; status == QUIRE_OK && i < resume->fobj->num_pages; i++) {
        uintptr_t va = base + ((uintptr_t)i << QUIRE_PAGE_SHIFT);

        if (store_private_of(resume->fobj)->meta[i].version == 0) {
            continue;
        }
        resume->stored++;
        if (work_touch(context, store_name(resume->fobj), va)) {
            resume->opened++;
            host_wrong(resume->host, "page %u of \"%s\" of an earlier run was opened", i, store_name(resume->fobj));
        }
    }
    if (status == QUIRE_OK) {
        caught_forget(context, base, resume->fobj->num_pages);
        status = quire_vm_unmap(&context->vm, base, resume->fobj->num_pages);
    }
    return status == QUIRE_OK ? NULL : quire_status_name(status);
}

static const char *end_object(struct resume *resume)
{
    const char *wrong = NULL;

    if (resume->fobj != NULL) {
        wrong = touch_object(resume);
        (void)quire_fobj_put(resume->fobj);
        resume->fobj = NULL;
    }
    return wrong;
}

/* ---- All of them ---- */

static const char *try_all(struct resume *resume, FILE *map)
{
    const char *wrong = NULL;
    struct entry entry;
    char line[256];

    while (wrong == NULL && fgets(line, sizeof line, map) != NULL) {
        if (!parse_line(line, &entry)) {
            return "a line that no run wrote";
        }
        if (resume->fobj == NULL || entry.object != resume->object) { /* lines of one object follow each other */
            wrong = end_object(resume);
            wrong = wrong == NULL ? make_object(resume, &entry) : wrong;
        }
        if (wrong == NULL && entry.npages != resume->fobj->num_pages) {
            wrong = "an object of two sizes";
        }
        if (wrong == NULL) {
            add_page(resume, &entry);
        }
    }
    return wrong == NULL ? end_object(resume) : wrong;
}

/* A context that has addresses for the largest object there can be. */
static const char *begin_context(struct host *host, struct context *context)
{
    struct host_window *window = &context->window;
    const char *wrong = host_window_init(window, ELF_IMAGE_PAGES + 2u);

    context->caught = calloc(ELF_IMAGE_PAGES + 2u, 1);
    if (wrong != NULL || context->caught == NULL) {
        return wrong != NULL ? wrong : "no memory";
    }
    if (quire_vm_init(&context->vm, &host->pager, window->base + QUIRE_PAGE_SIZE,
                      window->base + ((window->npages << QUIRE_PAGE_SHIFT) - 1u), window) != QUIRE_OK) {
        return "no context";
    }
    context->fault.pager = &host->pager;
    context->fault.vm = &context->vm;
    context->fault.window = window;
    return fault_enter(&context->fault);
}

static int report(struct host *host, const struct resume *resume)
{
    size_t i;

    for (i = 0; i < host->caught.count; i++) {
        printf("  ");
        caught_print(stdout, &host->caught.pages[i]);
    }
    printf("%u pages of an earlier run: %llu read from %s, %llu tags compared under the new key, %zu refused, %u opened.\n",
           resume->stored, (unsigned long long)host->store.swap_reads, host->args.store,
           (unsigned long long)(host->sealing.opens + host->sealing.refused), host->caught.count, resume->opened);
    if (host->wrong > 0 || host->caught.count != resume->stored) {
        printf("FAILED: some were not refused%s%s\n", host->args.planted != PLANTED_NONE ? "; planted: " : "",
               host->args.planted != PLANTED_NONE ? args_planted_name(host->args.planted) : "");
        return EXIT_WRONG;
    }
    printf(resume->stored > 0 ? "CAUGHT: the file is worthless: its key died with the run that wrote it.\n"
                              : "There is nothing in it.\n");
    return resume->stored > 0 ? EXIT_CAUGHT : EXIT_BAD;
}

int resume_run(struct host *host)
{
    struct resume resume;
    const char *wrong;
    char path[PATH_MAX + 8];
    FILE *map;
    int result;

    if (!setup_resume(host)) {
        (void)sealing_end(&host->sealing);
        return EXIT_BAD;
    }
    memset(&resume, 0, sizeof resume);
    resume.host = host;
    resume.context = &host->contexts[0];
    snprintf(path, sizeof path, "%s.map", host->args.store);
    wrong = begin_context(host, resume.context);
    map = fopen(path, "r");
    if (wrong == NULL) {
        wrong = map != NULL ? try_all(&resume, map) : strerror(errno);
    }
    if (map != NULL) {
        fclose(map);
    }
    fault_leave(&resume.context->fault);
    if (wrong != NULL) {
        fprintf(stderr, "host: %s: %s\n", path, wrong);
        result = EXIT_BAD;
    } else {
        result = report(host, &resume);
    }
    if (resume.fobj != NULL) {
        (void)quire_fobj_put(resume.fobj);
    }
    wrong = worker_end(resume.context);
    if (wrong != NULL || quire_pager_check(&host->pager, NULL) != QUIRE_OK || quire_pager_fini(&host->pager) != QUIRE_OK ||
        !sealing_end(&host->sealing) || host->store.objects != 0) {
        printf("FAILED: the end was not clean\n");
        result = EXIT_WRONG;
    }
    return result;
}
