/* report.c - the figures, as text and as JSON. SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host.h"

/* One line of the table: a context, or all of them. */
struct line {
    uint64_t verified;
    uint64_t passes;
    uint64_t runs;
    uint64_t writes;
    uint64_t refusals;
    uint64_t pages; /* virtual */
    struct quire_fault_stats faults;
    uint64_t evictions;
    uint64_t write_backs;
};

/* Copies on write, of all contexts, and what they are copies of. */
struct copies {
    uint64_t pages;    /* of copies */
    uint64_t own;      /* ... that were written */
    uint64_t shown;    /* ... that are origins' pages in memory ... */
    uint64_t resident; /* ... which are so many */
    uint64_t origins;  /* pages of origins */
};

static uint64_t area_pages(const struct quire_vm *vm)
{
    const struct quire_area *area;
    uint64_t pages = 0;

    for (area = quire_vm_area_from(vm, vm->first); area != NULL; area = quire_vm_area_next(area)) {
        pages += area->npages;
    }
    return pages;
}

static void take_line(struct host *host, const struct context *context, struct line *out)
{
    const struct figures *figures = &context->figures;

    memset(out, 0, sizeof *out);
    out->verified = counter_read(&figures->verified);
    out->passes = counter_read(&figures->passes);
    out->runs = counter_read(&figures->runs);
    out->writes = counter_read(&figures->writes);
    out->refusals = counter_read(&figures->refusals);
    pthread_mutex_lock(&host->mmu.lock);
    out->pages = area_pages(&context->vm);
    out->faults = context->vm.stats;
    out->evictions = figures->charge.evictions;
    out->write_backs = figures->charge.saves;
    pthread_mutex_unlock(&host->mmu.lock);
}

static void add_line(struct line *total, const struct line *line)
{
    total->verified += line->verified;
    total->passes += line->passes;
    total->runs += line->runs;
    total->writes += line->writes;
    total->refusals += line->refusals;
    total->pages += line->pages;
    total->faults.major += line->faults.major;
    total->faults.minor += line->faults.minor;
    total->faults.write += line->faults.write;
    total->faults.accessed += line->faults.accessed;
    total->faults.spurious += line->faults.spurious;
    total->faults.unpaged += line->faults.unpaged;
    total->faults.refused += line->faults.refused;
    total->evictions += line->evictions;
    total->write_backs += line->write_backs;
}

static void take_total(struct host *host, struct line *total)
{
    struct line line;
    uint32_t i;

    memset(total, 0, sizeof *total);
    for (i = 0; i < host->args.contexts; i++) {
        take_line(host, &host->contexts[i], &line);
        add_line(total, &line);
    }
}

uint64_t report_verified(const struct host *host)
{
    uint64_t verified = 0;
    uint32_t i;

    for (i = 0; i < host->args.contexts; i++) {
        verified += counter_read(&host->contexts[i].figures.verified);
    }
    return verified;
}

/* ---- Sharing ---- */

/* Pages of all objects that some area shows, or copies of it do. */
static uint64_t distinct_pages(const struct host *host)
{
    const struct quire_list_node *end = &host->pager.fobjs;
    const struct quire_list_node *node;
    uint64_t pages = 0;

    for (node = end->next; node != end; node = node->next) {
        const struct quire_fobj *fobj = QUIRE_CONTAINER_OF((uintptr_t)node, struct quire_fobj, link);

        if (fobj->areas.root != NULL || fobj->children != NULL) {
            pages += fobj->origin != NULL ? fobj->own : fobj->num_pages; /* of a copy only what was written is its own */
        }
    }
    return pages;
}

void report_sharing(struct host *host, struct sharing *out)
{
    uint32_t i;

    memset(out, 0, sizeof *out);
    pthread_mutex_lock(&host->mmu.lock);
    for (i = 0; i < host->args.pool; i++) {
        const struct quire_pmem *pmem = &host->pmems[i];

        out->resident += pmem->state == QUIRE_PAGE_RESIDENT;
        if (pmem->state == QUIRE_PAGE_RESIDENT && pmem->mapped > 1) {
            out->shared++;
            out->saved += pmem->mapped - 1u;
        }
    }
    for (i = 0; i < host->args.contexts; i++) {
        out->virtual_pages += area_pages(&host->contexts[i].vm);
    }
    out->distinct_pages = distinct_pages(host);
    pthread_mutex_unlock(&host->mmu.lock);
    if (out->saved >= host->peak.saved) {
        host->peak = *out;
    }
}

/* ---- Text ---- */

static double mebibytes(uint64_t bytes)
{
    return (double)bytes / (1024.0 * 1024.0);
}

static double page_mebibytes(uint64_t pages)
{
    return mebibytes(pages << QUIRE_PAGE_SHIFT);
}

void report_progress(struct host *host, double seconds)
{
    struct sharing now;
    struct line total;

    report_sharing(host, &now);
    take_total(host, &total);
    printf("%5.1f s  %8.1f MiB verified  %9llu major %9llu minor faults  %9llu evictions  %3u of %u pages shared  %llu wrong\n",
           seconds, mebibytes(total.verified), (unsigned long long)total.faults.major, (unsigned long long)total.faults.minor,
           (unsigned long long)total.evictions, now.shared, host->args.pool,
           (unsigned long long)__atomic_load_n(&host->wrong, __ATOMIC_RELAXED));
    fflush(stdout);
}

static void print_line(const char *name, const struct line *line)
{
    printf("%-10s %9.1f %6llu %8llu %9llu %9llu %9llu %8llu %7llu %9llu %9llu %7llu %8llu\n", name, mebibytes(line->verified),
           (unsigned long long)line->passes, (unsigned long long)line->pages, (unsigned long long)line->faults.major,
           (unsigned long long)line->faults.minor, (unsigned long long)line->faults.write,
           (unsigned long long)line->faults.spurious, (unsigned long long)line->faults.refused,
           (unsigned long long)line->evictions, (unsigned long long)line->write_backs, (unsigned long long)line->runs,
           (unsigned long long)line->writes);
}

static void print_files(const struct host *host)
{
    int i;

    for (i = 0; i < host->num_files; i++) {
        const struct host_file *file = &host->files[i];
        uint64_t pages = 0;
        uint32_t s;

        for (s = 0; s < file->image.num_segments; s++) {
            pages += file->image.segment[s].npages;
        }
        printf("  %6llu pages in %u segments of %s%s\n", (unsigned long long)pages, file->image.num_segments, file->path,
               file->payload ? " (executed)" : "");
    }
}

/* Data of files that every context may write: what was saved by copying only what was written. */
static void take_copies(const struct host *host, struct copies *out)
{
    const struct quire_list_node *end = &host->pager.fobjs;
    const struct quire_list_node *node;
    struct quire_cow_stats stats;

    memset(out, 0, sizeof *out);
    for (node = end->next; node != end; node = node->next) { /* no thread runs any more */
        struct quire_fobj *fobj = QUIRE_CONTAINER_OF((uintptr_t)node, struct quire_fobj, link);

        if ((fobj->origin != NULL || fobj->children != NULL) && quire_fobj_cow_stats(fobj->pager, fobj, &stats) == QUIRE_OK) {
            out->pages += fobj->origin != NULL ? fobj->num_pages : 0;
            out->own += stats.own;
            out->origins += fobj->children != NULL ? fobj->num_pages : 0;
            out->shown += stats.shown;
            out->resident += fobj->children != NULL ? fobj->resident : 0;
        }
    }
}

static void print_store(const struct host *host)
{
    const struct sealing *sealing = &host->sealing;
    const struct store_private *private;
    uint64_t pages = 0;

    for (private = host->store.private; private != NULL; private = private->next) {
        pages += private->rw.base.num_pages;
    }
    if (host->args.sealed) {
        printf(
            "Sealed: %llu pages left with AES-256-GCM, %llu came back, %llu were refused; %.1f KiB say how %llu pages left.\n",
            (unsigned long long)counter_read(&sealing->seals), (unsigned long long)counter_read(&sealing->opens),
            (unsigned long long)counter_read(&sealing->refused), (double)(pages * sizeof(struct quire_seal_meta)) / 1024.0,
            (unsigned long long)pages);
    }
    if (host->args.store != NULL) {
        printf("The store is %s%s: %llu pages written, %llu read.\n", host->args.store,
               host->args.sealed ? "" : ", as they are", (unsigned long long)counter_read(&host->store.swap_writes),
               (unsigned long long)counter_read(&host->store.swap_reads));
    }
}

static void print_end(const struct host *host, const char *failure)
{
    size_t i;

    for (i = 0; i < host->caught.count; i++) {
        printf("%s  ", i == 0 ? "Refused, as the store's pages were not those that were put there:\n" : "");
        caught_print(stdout, &host->caught.pages[i]);
    }
    if (failure != NULL) {
        printf("FAILED: %s\n", failure);
    } else if (host->caught.count > 0) {
        printf("CAUGHT: %zu times a page of the store was refused; every byte that was shown was what it should be.\n",
               host->caught.count);
    } else {
        printf("OK: every byte was what it should be.\n");
    }
}

void report_text(struct host *host, const struct sharing *sharing, const char *failure)
{
    struct copies copies;
    struct line line;
    struct line total;
    char name[24];
    uint32_t i;

    printf("\nLoaded by each of %u contexts:\n", host->args.contexts);
    print_files(host);
    printf("\n%-10s %9s %6s %8s %9s %9s %9s %8s %7s %9s %9s %7s %8s\n", "", "MiB", "passes", "pages", "major", "minor",
           "(write)", "spurious", "refused", "evictions", "write-", "code", "private");
    printf("%-10s %9s %6s %8s %9s %9s %9s %8s %7s %9s %9s %7s %8s\n", "", "verified", "", "mapped", "faults", "faults", "", "",
           "", "", "backs", "runs", "writes");
    for (i = 0; i < host->args.contexts; i++) {
        snprintf(name, sizeof name, "context %u", i);
        take_line(host, &host->contexts[i], &line);
        print_line(name, &line);
    }
    take_total(host, &total);
    print_line("total", &total);
    printf("\n%llu virtual pages (%.1f MiB) were shown in %u physical pages (%.2f MiB), %u of them in use.\n",
           (unsigned long long)sharing->virtual_pages, page_mebibytes(sharing->virtual_pages), host->args.pool,
           page_mebibytes(host->args.pool), sharing->resident);
    printf("Shared objects: %llu distinct pages instead of %llu: %.1f MiB need not exist twice.\n",
           (unsigned long long)sharing->distinct_pages, (unsigned long long)sharing->virtual_pages,
           page_mebibytes(sharing->virtual_pages - sharing->distinct_pages));
    printf("Shared pages: %u at the end, saving %u pages; at best %u, saving %u of %u.\n", sharing->shared, sharing->saved,
           host->peak.shared, host->peak.saved, host->args.pool);
    take_copies(host, &copies);
    printf(
        "Copies on write: %llu pages of data begin as %llu; %llu were written. %llu pages in memory now show in %llu places.\n",
        (unsigned long long)copies.pages, (unsigned long long)copies.origins, (unsigned long long)copies.own,
        (unsigned long long)copies.resident, (unsigned long long)copies.shown);
    print_store(host);
    printf("All invariants were checked %u times in %.1f s; %llu accesses were refused as they should be.\n", host->checks,
           host->seconds, (unsigned long long)total.refusals);
    print_end(host, failure);
}

/* ---- JSON ---- */

static void json_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\') {
            fprintf(file, "\\%c", c);
        } else if (c < 0x20 || c >= 0x7f) {
            fprintf(file, "\\u%04x", c); /* bytes of a path, one by one: its encoding is not known */
        } else {
            fputc(c, file);
        }
    }
    fputc('"', file);
}

static void json_number(FILE *file, const char *name, uint64_t value)
{
    fprintf(file, "\"%s\": %llu, ", name, (unsigned long long)value);
}

static void json_line(FILE *file, const struct line *line)
{
    fputc('{', file);
    json_number(file, "bytes_verified", line->verified);
    json_number(file, "passes", line->passes);
    json_number(file, "virtual_pages", line->pages);
    json_number(file, "code_runs", line->runs);
    json_number(file, "private_pages_written", line->writes);
    json_number(file, "refused_as_expected", line->refusals);
    json_number(file, "evictions", line->evictions);
    json_number(file, "write_backs", line->write_backs);
    fputs("\"faults\": {", file);
    json_number(file, "major", line->faults.major);
    json_number(file, "minor", line->faults.minor);
    json_number(file, "write", line->faults.write);
    json_number(file, "accessed", line->faults.accessed);
    json_number(file, "spurious", line->faults.spurious);
    json_number(file, "unpaged", line->faults.unpaged);
    fprintf(file, "\"refused\": %llu}}", (unsigned long long)line->faults.refused);
}

static void json_arguments(FILE *file, const struct host *host)
{
    fputs("  \"arguments\": {", file);
    json_number(file, "contexts", host->args.contexts);
    json_number(file, "pool_pages", host->args.pool);
    json_number(file, "page_bytes", QUIRE_PAGE_SIZE);
    json_number(file, "seed", host->args.seed);
    fprintf(file, "\"seconds\": %g, \"policy\": \"%s\", \"break\": \"%s\"},\n", host->args.seconds, host->args.policy,
            args_planted_name(host->args.planted));
}

static void json_files(FILE *file, const struct host *host)
{
    int i;

    fputs("  \"files\": [", file);
    for (i = 0; i < host->num_files; i++) {
        fputs(i > 0 ? ", {\"path\": " : "{\"path\": ", file);
        json_string(file, host->files[i].path);
        fprintf(file, ", \"bytes\": %llu, \"segments\": %u}", (unsigned long long)host->files[i].size,
                host->files[i].image.num_segments);
    }
    fputs("],\n", file);
}

static void json_sharing(FILE *file, const struct host *host, const struct sharing *sharing)
{
    fputs("  \"sharing\": {", file);
    json_number(file, "virtual_pages", sharing->virtual_pages);
    json_number(file, "distinct_pages", sharing->distinct_pages);
    json_number(file, "resident_pages", sharing->resident);
    json_number(file, "shared_pages", sharing->shared);
    json_number(file, "saved_pages", sharing->saved);
    json_number(file, "peak_shared_pages", host->peak.shared);
    fprintf(file, "\"peak_saved_pages\": %u},\n", host->peak.saved);
}

static void json_copies(FILE *file, const struct host *host)
{
    struct copies copies;

    take_copies(host, &copies);
    fputs("  \"copies_on_write\": {", file);
    json_number(file, "pages", copies.pages);
    json_number(file, "written_pages", copies.own);
    json_number(file, "origin_pages", copies.origins);
    json_number(file, "shown_pages", copies.shown);
    fprintf(file, "\"resident_origin_pages\": %llu},\n", (unsigned long long)copies.resident);
}

static void json_store(FILE *file, const struct host *host)
{
    size_t i;

    fprintf(file, "  \"store\": {\"file\": %s", host->args.store != NULL ? "" : "null");
    if (host->args.store != NULL) {
        json_string(file, host->args.store);
    }
    fputs(", ", file);
    json_number(file, "pages_written", counter_read(&host->store.swap_writes));
    json_number(file, "pages_read", counter_read(&host->store.swap_reads));
    json_number(file, "seals", counter_read(&host->sealing.seals));
    json_number(file, "opens", counter_read(&host->sealing.opens));
    fprintf(file, "\"sealed\": %s, \"refused\": [", host->args.sealed ? "true" : "false");
    for (i = 0; i < host->caught.count; i++) {
        const struct caught_page *page = &host->caught.pages[i];

        fputs(i > 0 ? ", {" : "{", file);
        json_number(file, "context", page->context);
        json_number(file, "page", page->pgidx);
        json_number(file, "store_page", page->store_page);
        fputs("\"object\": ", file);
        json_string(file, page->name);
        fprintf(file, ", \"status\": \"%s\"}", quire_status_name(page->status));
    }
    fputs("]},\n", file);
}

static void json_pager(FILE *file, struct host *host)
{
    struct quire_pager_stats stats;

    quire_pager_get_stats(&host->pager, &stats);
    fputs("  \"pager\": {", file);
    json_number(file, "evictions", stats.evictions);
    json_number(file, "saves", stats.saves);
    json_number(file, "loads", stats.loads);
    json_number(file, "save_failures", stats.save_failures);
    json_number(file, "load_failures", stats.load_failures);
    json_number(file, "waits", stats.waits);
    json_number(file, "flushes", stats.flushes);
    json_number(file, "wipes", stats.wipes);
    fprintf(file, "\"checks\": %u},\n", host->checks);
}

bool report_json(struct host *host, const struct sharing *sharing, const char *failure)
{
    FILE *file = fopen(host->args.json, "w");
    struct line line;
    uint32_t i;
    bool good;

    if (file == NULL) {
        fprintf(stderr, "host: %s: %s\n", host->args.json, strerror(errno));
        return false;
    }
    fprintf(file, "{\n  \"good\": %s,\n  \"failure\": ", failure == NULL ? "true" : "false");
    json_string(file, failure == NULL ? "" : failure);
    fprintf(file, ",\n  \"wrong\": %llu,\n  \"elapsed_seconds\": %.3f,\n", (unsigned long long)host->wrong, host->seconds);
    json_arguments(file, host);
    json_files(file, host);
    json_sharing(file, host, sharing);
    json_copies(file, host);
    json_store(file, host);
    json_pager(file, host);
    fputs("  \"contexts\": [", file);
    for (i = 0; i < host->args.contexts; i++) {
        fputs(i > 0 ? ",\n    " : "\n    ", file);
        take_line(host, &host->contexts[i], &line);
        json_line(file, &line);
    }
    fputs("\n  ],\n  \"total\": ", file);
    take_total(host, &line);
    json_line(file, &line);
    fputs("\n}\n", file);
    good = ferror(file) == 0;
    good = fclose(file) == 0 && good;
    if (!good) {
        fprintf(stderr, "host: %s: cannot be written\n", host->args.json);
    }
    return good;
}
