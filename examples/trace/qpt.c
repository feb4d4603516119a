/* qpt.c - a recording as a trace of references, for replay. SPDX-License-Identifier: BSD-2-Clause */
#include "recording.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 *   QPT1 name= ctx= pages=P shared=S records=N refs= k=0 tick=100000 instr=      then P bytes of classes, then N 32-bit words
 *
 * Only references that faulted are in a recording: hits are not, so replay knows the order of what was missing, not how often
 * what was there was used. Pages are those of objects in the order of their numbers, gaps squeezed out. Where the recording has
 * a clock, a tick of a clock mark is 100,000 of its units.
 */
#define TICK 100000u
#define QPT_PAGES_MAX (1u << 22)
#define QPT_CONTEXTS_MAX 256u
#define KIND_CLOCK 3u

static bool is_reference(const struct recording *recording, const struct step *step)
{
    return step->type == QUIRE_TRACE_FAULT && step->status == 0 && step->page != NONE && step->context != NONE &&
           !recording->objects[recording->pages[step->page].object].unpaged;
}

static void put32(FILE *file, uint32_t v)
{
    unsigned i;

    for (i = 0; i < 4u; i++) {
        (void)fputc((int)(v >> (8u * i) & 255u), file);
    }
}

/* Writes the records, or with null counts them. */
static uint32_t put_records(const struct recording *recording, FILE *file, uint64_t *refs)
{
    uint64_t marked = 0;
    uint32_t n = 0;
    uint32_t i;

    *refs = 0;
    for (i = 0; i < recording->num_steps; i++) {
        const struct step *step = &recording->steps[i];
        uint64_t ticks = recording->timed ? step->time / TICK - marked : 0;
        uint32_t kind = step->access == QUIRE_PROT_EXEC ? 2u : step->access == QUIRE_PROT_WRITE ? 1u : 0u;

        if (!is_reference(recording, step)) {
            continue;
        }
        for (; ticks != 0 && n <= recording->num_steps * 2u; n++) { /* more: times that far apart are no times */
            uint32_t some = ticks < QPT_PAGES_MAX ? (uint32_t)ticks : QPT_PAGES_MAX - 1u;

            if (file != NULL) {
                put32(file, some << 2 | KIND_CLOCK);
            }
            marked += some;
            ticks -= some;
        }
        if (file != NULL) {
            put32(file, step->context << 24 | step->page << 2 | kind);
        }
        n++;
        (*refs)++;
    }
    return n;
}

const char *qpt_write(const struct recording *recording, const char *path, const char *name)
{
    FILE *file;
    uint64_t refs;
    uint32_t records;
    uint32_t shared = 0;
    uint32_t i;
    bool good;

    if (recording->num_pages > QPT_PAGES_MAX || recording->num_contexts > QPT_CONTEXTS_MAX) {
        return "the form has room for 4194304 pages and 256 contexts";
    }
    file = fopen(path, "wb");
    if (file == NULL) {
        return strerror(errno);
    }
    for (i = 0; i < recording->num_pages; i++) {
        shared += recording->pages[i].shared;
    }
    records = put_records(recording, NULL, &refs);
    fputs("QPT1 name=", file);
    for (; *name != '\0'; name++) { /* one word */
        (void)fputc(*name > ' ' && *name < 0x7f && *name != '=' ? *name : '_', file);
    }
    fprintf(file, " ctx=%u pages=%u shared=%u records=%u refs=%llu k=0 tick=%u instr=%llu\n", recording->num_contexts,
            recording->num_pages, shared, records, (unsigned long long)refs, TICK,
            recording->timed ? (unsigned long long)recording->duration : 0);
    for (i = 0; i < recording->num_pages; i++) {
        const struct page_info *page = &recording->pages[i];

        (void)fputc((page->executed ? 1 : 0) | (page->written ? 2 : 0) | (page->shared ? 4 : 0), file);
    }
    (void)put_records(recording, file, &refs);
    good = ferror(file) == 0;
    good = fclose(file) == 0 && good;
    return good ? NULL : "cannot be written";
}
