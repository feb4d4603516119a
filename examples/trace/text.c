/* text.c - a recording as sentences and tables. SPDX-License-Identifier: BSD-2-Clause */
#include "recording.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ROWS 20u
#define NAME_SIZE 128u

/* Only printable ASCII: names come from a file, and go to a terminal. */
static const char *plain(char *text)
{
    char *c;

    for (c = text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') {
            *c = '?';
        }
    }
    return text;
}

static const char *plain_object(const struct recording *recording, uint32_t object, char *buffer)
{
    (void)object_name(recording, object, buffer, NAME_SIZE);
    return plain(buffer);
}

static const char *plain_context(const struct recording *recording, uint32_t context, char *buffer)
{
    (void)context_name(recording, context, buffer, NAME_SIZE);
    return plain(buffer);
}

static unsigned per_cent(uint64_t part, uint64_t whole)
{
    return whole != 0 ? (unsigned)((double)part * 100.0 / (double)whole + 0.5) : 0;
}

static double seconds(const struct recording *recording, uint64_t units)
{
    return recording->timed && recording->header.hz != 0 ? (double)units / (double)recording->header.hz : 0;
}

unsigned findings(const struct recording *recording, const struct analysis *analysis, const struct pins *pins,
                  char line[FINDINGS_MAX][320])
{
    uint64_t majors = analysis->faults[QUIRE_FAULT_MAJOR];
    char a[NAME_SIZE];
    char b[NAME_SIZE];
    unsigned n = 0;

    if (recording->lost != 0 || recording->skipped != 0 || recording->cut) {
        snprintf(line[n++], 320, "Incomplete: %llu events were lost while recording, %llu records made no sense%s.",
                 (unsigned long long)recording->lost, (unsigned long long)recording->skipped,
                 recording->cut ? ", and the file is cut off" : "");
    }
    if (majors == 0) {
        snprintf(line[n++], 320, "Nothing was loaded: there is no memory pressure in this recording.");
        return n;
    }
    if (per_cent(analysis->quick, majors) >= 25u) {
        snprintf(
            line[n++], 320,
            "Thrashing: %u %% of the %llu loads brought back a page that had been evicted within the last %u evictions (one "
            "pool's worth): the working set does not fit.",
            per_cent(analysis->quick, majors), (unsigned long long)majors, pool_pages(recording));
    } else {
        snprintf(line[n++], 320,
                 "%u %% of the %llu loads brought back a page evicted within one pool's worth of evictions (%u): %s.",
                 per_cent(analysis->quick, majors), (unsigned long long)majors, pool_pages(recording),
                 analysis->quick * 10u < majors ? "hardly any thrashing" : "some thrashing");
    }
    if (analysis->num_edges != 0 && analysis->edges[0].majors != 0) {
        const struct edge *edge = &analysis->edges[0];

        snprintf(line[n++], 320, "Most loads: %s on %s, %u %% of all (%u).", plain_context(recording, edge->context, a),
                 plain_object(recording, edge->object, b), per_cent(edge->majors, majors), edge->majors);
    }
    if (analysis->num_pairs != 0) {
        const struct pair *pair = &analysis->pairs[0];

        if (pair->winner == pair->loser) {
            snprintf(line[n++], 320, "%s evicts its own pages: %u times, and %u %% of these came back.",
                     plain_object(recording, pair->winner, a), pair->count, per_cent(pair->again, pair->count));
        } else {
            snprintf(line[n++], 320, "%s displaces %s most: %u times, and %u %% of these pages came back.",
                     plain_object(recording, pair->winner, a), plain_object(recording, pair->loser, b), pair->count,
                     per_cent(pair->again, pair->count));
        }
    }
    if (analysis->evictions != 0) {
        snprintf(line[n++], 320, "%u %% of %llu evictions had to save the page first.",
                 per_cent(analysis->dirty, analysis->evictions), (unsigned long long)analysis->evictions);
    }
    if (analysis->failures != 0) {
        snprintf(line[n++], 320, "Stores failed %llu times.", (unsigned long long)analysis->failures);
    }
    if (pins->pages != 0) {
        snprintf(line[n++], 320, "Pinning %u pages (%u lines below) would have saved about %llu loads, %u %% of all.",
                 pins->pages, pins->num_lines, (unsigned long long)pins->saved_majors, per_cent(pins->saved_majors, majors));
    } else {
        snprintf(line[n++], 320, "No pin would have paid: no page came back often enough.");
    }
    return n;
}

static void put_counts(FILE *file, const struct recording *recording, const struct analysis *analysis)
{
    static const char *const kinds[] = {"refused", "minor", "major", "write", "accessed", "spurious", "unpaged"};
    unsigned kind;

    fprintf(file, "%u events", recording->num_steps);
    if (recording->timed && recording->header.hz != 0) {
        fprintf(file, " in %.3f s", seconds(recording, recording->duration));
    }
    fprintf(file, "; %u contexts, %u objects, %u pages of them through %u physical pages\nfaults:", recording->num_contexts,
            recording->num_objects, recording->num_pages, recording->num_frames);
    for (kind = 0; kind < 7u; kind++) {
        fprintf(file, " %llu %s%s", (unsigned long long)analysis->faults[kind], kinds[kind], kind < 6u ? "," : "\n");
    }
    fprintf(file, "evictions: %llu, %llu of them saved first; %llu pages saved that stayed\n",
            (unsigned long long)analysis->evictions, (unsigned long long)analysis->dirty, (unsigned long long)analysis->kept);
}

static void put_hottest(FILE *file, const struct recording *recording, const struct analysis *analysis)
{
    char name[NAME_SIZE];
    uint32_t i;

    fprintf(file, "\nHottest pages\n%8s %8s %8s %8s %12s  %s\n", "loads", "minors", "evicted", "saved", "ms waited", "page");
    for (i = 0; i < recording->num_pages && i < ROWS; i++) {
        const struct page_info *page = &recording->pages[analysis->hottest[i]];

        if (page->majors == 0) {
            break;
        }
        fprintf(file, "%8u %8u %8u %8u %12.3f  %s, page %u%s\n", page->majors, page->minors, page->evictions, page->saves,
                seconds(recording, page->cost) * 1e3, plain_object(recording, page->object, name), page->pgidx,
                page->shared ? " (shared)" : "");
    }
}

static void put_pairs(FILE *file, const struct recording *recording, const struct analysis *analysis)
{
    char winner[NAME_SIZE];
    char loser[NAME_SIZE];
    uint32_t i;

    fprintf(file, "\nWho evicted whom\n%8s %10s  %-32s    %s\n", "times", "came back", "came in", "gave way");
    for (i = 0; i < analysis->num_pairs && i < ROWS; i++) {
        const struct pair *pair = &analysis->pairs[i];

        fprintf(file, "%8u %8u %%  %-32s <- %s\n", pair->count, per_cent(pair->again, pair->count),
                plain_object(recording, pair->winner, winner), plain_object(recording, pair->loser, loser));
    }
}

static void put_edges(FILE *file, const struct recording *recording, const struct analysis *analysis)
{
    char context[NAME_SIZE];
    char object[NAME_SIZE];
    uint32_t i;

    fprintf(file, "\nWho uses what\n%8s %8s  %-20s    %s\n", "loads", "faults", "context", "object");
    for (i = 0; i < analysis->num_edges && i < ROWS; i++) {
        const struct edge *edge = &analysis->edges[i];

        fprintf(file, "%8u %8u  %-20s -> %s\n", edge->majors, edge->faults, plain_context(recording, edge->context, context),
                plain_object(recording, edge->object, object));
    }
}

const char *text_write(const struct recording *recording, const struct analysis *analysis, const struct pins *pins,
                       const char *path)
{
    char line[FINDINGS_MAX][320];
    unsigned n = findings(recording, analysis, pins, line);
    FILE *file = path != NULL ? fopen(path, "w") : stdout;
    unsigned i;
    bool good;

    if (file == NULL) {
        return strerror(errno);
    }
    put_counts(file, recording, analysis);
    for (i = 0; i < n; i++) {
        fprintf(file, "- %s\n", line[i]);
    }
    put_hottest(file, recording, analysis);
    put_pairs(file, recording, analysis);
    put_edges(file, recording, analysis);
    good = ferror(file) == 0;
    good = (path == NULL || fclose(file) == 0) && good;
    return good ? NULL : "cannot be written";
}

const char *pins_write(const struct recording *recording, const struct pins *pins, const char *path)
{
    FILE *file = fopen(path, "w");
    char name[NAME_SIZE];
    uint32_t i;
    bool good;

    if (file == NULL) {
        return strerror(errno);
    }
    fputs("# Pages that would have saved the most had they been pinned, best first: for quire_pin_fobj(pager, fobj, first, n, "
          "...).\n"
          "# object\tfirst\tn\t# loads saved, name\n",
          file);
    for (i = 0; i < pins->num_lines; i++) {
        const struct pin_line *line = &pins->lines[i];

        fprintf(file, "%u\t%u\t%u\t# %llu, %s\n", recording->objects[line->object].id, line->first, line->n,
                (unsigned long long)line->saved_majors, plain_object(recording, line->object, name));
    }
    good = ferror(file) == 0;
    good = fclose(file) == 0 && good;
    return good ? NULL : "cannot be written";
}
