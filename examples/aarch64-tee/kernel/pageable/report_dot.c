/* report_dot.c - the live structure as a picture, for Graphviz. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/heap.h"
#include "kernel/pageable/report.h"
#include "kernel/paging.h"
#include "kernel/survey.h"
#include "lib/memory.h"

/*
 *   contexts, with their areas  ->  objects  ->  physical pages, coloured by how many entries show them
 */
#define AREAS_MAX 256u
#define OBJECTS_MAX 256u

/* Where anything lies is none of the normal world's business: applications are loaded at random. It is told places in the list. */
static uint32_t object_number(const struct survey *survey, const struct quire_fobj *fobj)
{
    uint32_t i = 0;

    while (i < survey->num_objects && survey->objects[i].fobj != fobj) {
        i++;
    }
    return i;
}

static void put_contexts(struct writer *writer, const struct survey *survey)
{
    const struct quire_vm *vm = NULL;
    uint32_t contexts = 0;
    uint32_t i;

    for (i = 0; i < survey->num_areas; i++) {
        const struct survey_area *area = &survey->areas[i];

        if (area->vm != vm) {
            writer_print(writer, "%s  subgraph cluster_context%u {\n    label=\"%s %u\"; style=rounded;\n",
                         vm != NULL ? "  }\n" : "", contexts, area->vm == &kernel_vm ? "kernel" : "context", contexts);
            contexts++;
            vm = area->vm;
        }
        writer_print(writer, "    a%u [label=\"{%s%s%s|%u pages}\"];\n", i, (area->prot & QUIRE_PROT_READ) != 0 ? "r" : "-",
                     (area->prot & QUIRE_PROT_WRITE) != 0 ? "w" : "-", (area->prot & QUIRE_PROT_EXEC) != 0 ? "x" : "-",
                     area->npages);
    }
    writer_print(writer, "%s", vm != NULL ? "  }\n" : "");
    for (i = 0; i < survey->num_areas; i++) {
        writer_print(writer, "  a%u -> f%u;\n", i, object_number(survey, survey->areas[i].fobj));
    }
}

static void put_objects(struct writer *writer, const struct survey *survey)
{
    uint32_t i;

    for (i = 0; i < survey->num_objects; i++) {
        const struct survey_object *object = &survey->objects[i];

        writer_print(writer,
                     "  f%u [label=\"{%s|%u references|%u of %u pages resident}\", style=filled, fillcolor=\"#dde8f8\"];\n", i,
                     object->kind, object->refs, object->resident, object->num_pages);
        if (object->origin != NULL) {
            writer_print(writer, "  f%u -> f%u [style=dashed, label=\"copy on write\"];\n", i,
                         object_number(survey, object->origin));
        }
    }
}

static void put_pages(struct writer *writer, const struct survey *survey)
{
    static const char *const colours[] = {"#ffffff", "#f4f4d8", "#ffd890", "#ff9860"};
    uint32_t i;

    writer_print(writer, "  subgraph cluster_pages {\n    label=\"%u physical pages\"; style=rounded;\n", survey->num_pages);
    for (i = 0; i < survey->num_pages; i++) {
        const struct survey_page *page = &survey->pages[i];

        if (page->fobj == NULL) {
            writer_print(writer, "    p%u [label=\"{p%u|free}\"];\n", i, i);
            continue;
        }
        writer_print(writer, "    p%u [label=\"{p%u|%s%s|page %u|%u entries}\", style=filled, fillcolor=\"%s\"];\n", i, i,
                     page->state == QUIRE_PAGE_RESIDENT ? "resident" : "in transit", page->dirty ? ", dirty" : "", page->pgidx,
                     page->mapped, colours[page->mapped < 3u ? page->mapped : 3u]);
    }
    writer_print(writer, "  }\n");
    for (i = 0; i < survey->num_pages; i++) {
        if (survey->pages[i].fobj != NULL) {
            writer_print(writer, "  f%u -> p%u;\n", object_number(survey, survey->pages[i].fobj), i);
        }
    }
}

bool report_dot(struct writer *writer)
{
    struct survey survey;
    bool good;

    memset(&survey, 0, sizeof survey);
    survey.max_areas = AREAS_MAX;
    survey.max_objects = OBJECTS_MAX;
    survey.max_pages = pager.pool.total;
    survey.areas = heap_alloc(survey.max_areas * sizeof *survey.areas);
    survey.objects = heap_alloc(survey.max_objects * sizeof *survey.objects);
    survey.pages = heap_alloc(survey.max_pages * sizeof *survey.pages);
    good = survey.areas != NULL && survey.objects != NULL && survey.pages != NULL;
    if (good) {
        survey_take(&survey);
        writer_print(writer, "digraph quire {\n  rankdir=LR; node [shape=record, fontname=\"monospace\", fontsize=9];\n");
        put_contexts(writer, &survey);
        put_objects(writer, &survey);
        put_pages(writer, &survey);
        writer_print(writer, "}\n");
    }
    heap_free(survey.areas, survey.max_areas * sizeof *survey.areas);
    heap_free(survey.objects, survey.max_objects * sizeof *survey.objects);
    heap_free(survey.pages, survey.max_pages * sizeof *survey.pages);
    return good;
}
