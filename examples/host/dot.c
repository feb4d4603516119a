/* dot.c - the live structure as a picture, for Graphviz. SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host.h"

/*
 *   contexts, with their areas  ->  objects  ->  physical pages, coloured by how many entries show them
 *
 * Everything is read under the pager's lock: one moment.
 */

/* Quotes what Graphviz would read as part of a record. */
static void put_name(FILE *file, const char *name)
{
    for (; *name != '\0'; name++) {
        if (strchr("{}|<>\"\\", *name) != NULL) {
            fputc('\\', file);
        }
        fputc((unsigned char)*name < 0x20 ? '?' : *name, file);
    }
}

static void put_area(FILE *file, const struct quire_area *area)
{
    fprintf(file, "    a%llx [label=\"{%#llx|%s%s%s|%u pages}\"];\n", (unsigned long long)(uintptr_t)area,
            (unsigned long long)area->va, (area->prot & QUIRE_PROT_READ) != 0 ? "r" : "-",
            (area->prot & QUIRE_PROT_WRITE) != 0 ? "w" : "-", (area->prot & QUIRE_PROT_EXEC) != 0 ? "x" : "-", area->npages);
}

static void put_context(FILE *file, const struct context *context)
{
    const struct quire_vm *vm = &context->vm;
    const struct quire_area *area;

    fprintf(file, "  subgraph cluster_context%u {\n    label=\"context %u: %u entries\"; style=rounded;\n", context->index,
            context->index, context->window.live);
    for (area = quire_vm_area_from(vm, vm->first); area != NULL; area = quire_vm_area_next(area)) {
        put_area(file, area);
    }
    fputs("  }\n", file);
    for (area = quire_vm_area_from(vm, vm->first); area != NULL; area = quire_vm_area_next(area)) {
        fprintf(file, "  a%llx -> f%llx;\n", (unsigned long long)(uintptr_t)area, (unsigned long long)(uintptr_t)area->fobj);
    }
}

static void put_objects(FILE *file, const struct host *host)
{
    const struct quire_list_node *end = &host->pager.fobjs;
    const struct quire_list_node *node;

    for (node = end->next; node != end; node = node->next) {
        const struct quire_fobj *fobj = QUIRE_CONTAINER_OF((uintptr_t)node, struct quire_fobj, link);

        fprintf(file, "  f%llx [label=\"{", (unsigned long long)(uintptr_t)fobj);
        put_name(file, store_name(fobj));
        fprintf(file, "|%s, %u references|%u of %u pages resident}\", style=filled, fillcolor=\"#dde8f8\"];\n", fobj->ops->name,
                quire_refcount_read(&fobj->refs), fobj->resident, fobj->num_pages);
        if (fobj->origin != NULL) {
            fprintf(file, "  f%llx -> f%llx [style=dashed, label=\"%u of its own\"];\n", (unsigned long long)(uintptr_t)fobj,
                    (unsigned long long)(uintptr_t)fobj->origin, fobj->own);
        }
    }
}

/* The contexts that have an entry for the page. */
static void put_viewers(FILE *file, const struct host *host, const struct quire_pmem *pmem, uint32_t number)
{
    const struct quire_area *area = quire_rmap_area(pmem);

    for (; area != NULL; area = quire_rmap_area_next(pmem, area)) {
        const struct context *context = QUIRE_CONTAINER_OF((uintptr_t)area->vm, struct context, vm);
        size_t index = (quire_area_va(area, pmem->pgidx) - context->window.base) >> QUIRE_PAGE_SHIFT;

        if (host_window_page(&context->window, index) == number) {
            fprintf(file, " %u", (unsigned)(context - host->contexts));
        }
    }
}

static void put_page(FILE *file, const struct host *host, uint32_t number)
{
    static const char *const colours[] = {"#ffffff", "#f4f4d8", "#ffd890", "#ff9860"};
    static const char *const states[] = {"free", "loading", "resident", "flushing", "saving", "quarantined"};
    const struct quire_pmem *pmem = &host->pmems[number];
    uint32_t colour = pmem->mapped < 3u ? pmem->mapped : 3u;

    fprintf(file, "    p%u [label=\"{p%u|%s", number, number, states[pmem->state]);
    if (pmem->fobj != NULL) {
        fprintf(file, "%s|page %u|seen by", (pmem->flags & QUIRE_PMEM_DIRTY) != 0 ? ", dirty" : "", pmem->pgidx);
        put_viewers(file, host, pmem, number);
    }
    fprintf(file, "}\", style=filled, fillcolor=\"%s\"];\n", colours[colour]);
}

static void put_graph(FILE *file, const struct host *host)
{
    uint32_t i;

    fputs("digraph quire {\n  rankdir=LR; node [shape=record, fontname=\"monospace\", fontsize=9];\n", file);
    for (i = 0; i < host->args.contexts; i++) {
        put_context(file, &host->contexts[i]);
    }
    put_objects(file, host);
    fprintf(file, "  subgraph cluster_pages {\n    label=\"%u physical pages\"; style=rounded;\n", host->args.pool);
    for (i = 0; i < host->args.pool; i++) {
        put_page(file, host, i);
    }
    fputs("  }\n", file);
    for (i = 0; i < host->args.pool; i++) {
        if (host->pmems[i].fobj != NULL) {
            fprintf(file, "  f%llx -> p%u;\n", (unsigned long long)(uintptr_t)host->pmems[i].fobj, i);
        }
    }
    fputs("}\n", file);
}

bool dot_write(struct host *host)
{
    FILE *file = fopen(host->args.dot, "w");
    bool good;

    if (file == NULL) {
        fprintf(stderr, "host: %s: %s\n", host->args.dot, strerror(errno));
        return false;
    }
    pthread_mutex_lock(&host->mmu.lock);
    put_graph(file, host);
    pthread_mutex_unlock(&host->mmu.lock);
    good = ferror(file) == 0;
    good = fclose(file) == 0 && good;
    if (!good) {
        fprintf(stderr, "host: %s: cannot be written\n", host->args.dot);
    }
    return good;
}
