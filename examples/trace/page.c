/* page.c - a recording as data for the HTML page, thinned out to what a screen shows. SPDX-License-Identifier: BSD-2-Clause */
#include "recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * However long the recording, the page has this many columns of time, rows of pages, edges and lines; a million events and a
 * thousand make pages of one size.
 */
#define COLUMNS 400u
#define ROWS 180u
#define OBJECTS 100u /* with rows of their own, the busiest; the others share one */
#define EDGES 120u
#define EDGE_COLUMNS 50u
#define PAIRS 40u
#define HOTTEST 50u
#define PINS 60u
#define CONTEXTS 12u /* whose faults the time line shows alone, the busiest */

enum series { SERIES_MAJOR, SERIES_OTHER, SERIES_MINOR, SERIES_CLEAN, SERIES_DIRTY, SERIES_REFUSED, SERIES };

struct row {
    uint32_t object; /* NONE: of many */
    uint32_t first;
    uint32_t last;
    uint32_t pages;
};

struct picture {
    const struct recording *recording;
    const struct analysis *analysis;
    uint32_t series[SERIES][COLUMNS];
    struct row row[ROWS + OBJECTS + 1u];
    uint32_t num_rows;
    uint32_t *row_of; /* per page; NONE: in no row */
    double *resident; /* rows x columns: pages, on average */
    uint32_t *loads;  /* rows x columns */
    uint64_t *since;  /* per page, + 1; 0: not in memory */
    uint32_t edge_of[EDGES][EDGE_COLUMNS];
    struct table edges;
    uint32_t of_context[CONTEXTS][SERIES][COLUMNS]; /* faults alone */
    uint32_t context[CONTEXTS];                     /* most faults first */
    uint32_t num_contexts;
};

static uint32_t column(const struct recording *recording, uint64_t time, uint32_t columns)
{
    double at = (double)time / (double)recording->duration * columns;

    return at < 0 ? 0 : at >= columns ? columns - 1u : (uint32_t)at;
}

/* ---- Rows ---- */

static const struct recording *sorted; /* qsort has no context */

static int by_faults(const void *a, const void *b)
{
    uint32_t i = *(const uint32_t *)a;
    uint32_t k = *(const uint32_t *)b;
    const struct object_info *x = &sorted->objects[i];
    const struct object_info *y = &sorted->objects[k];

    if (x->majors + (uint64_t)x->faults != y->majors + (uint64_t)y->faults) {
        return x->majors + (uint64_t)x->faults < y->majors + (uint64_t)y->faults ? 1 : -1;
    }
    return i < k ? -1 : 1;
}

static int by_number(const void *a, const void *b)
{
    uint32_t i = *(const uint32_t *)a;
    uint32_t k = *(const uint32_t *)b;

    return i < k ? -1 : i > k;
}

static void add_rows(struct picture *picture, uint32_t object, uint32_t rows)
{
    const struct object_info *info = &picture->recording->objects[object];
    uint32_t i;

    for (i = 0; i < info->num_pages; i++) {
        uint32_t page = info->first_page + i;
        uint32_t at = picture->num_rows + (uint32_t)((uint64_t)i * rows / info->num_pages);
        struct row *row = &picture->row[at];

        if (row->pages++ == 0) {
            row->object = object;
            row->first = picture->recording->pages[page].pgidx;
        }
        row->last = picture->recording->pages[page].pgidx;
        picture->row_of[page] = at;
    }
    picture->num_rows += rows;
}

/* The busiest objects have rows in proportion to the pages that were touched, one at least. */
static const char *choose_rows(struct picture *picture)
{
    const struct recording *recording = picture->recording;
    uint32_t *order = calloc((size_t)recording->num_objects + 1u, sizeof *order);
    uint32_t n = recording->num_objects < OBJECTS ? recording->num_objects : OBJECTS;
    uint64_t pages = 0;
    uint32_t i;

    if (order == NULL) {
        return "no memory";
    }
    for (i = 0; i < recording->num_objects; i++) {
        order[i] = i;
    }
    sorted = recording;
    qsort(order, recording->num_objects, sizeof *order, by_faults);
    qsort(order, n, sizeof *order, by_number);
    for (i = 0; i < n; i++) {
        pages += recording->objects[order[i]].num_pages;
    }
    for (i = 0; i < n; i++) {
        uint64_t own = recording->objects[order[i]].num_pages;
        uint32_t rows = pages != 0 ? (uint32_t)(own * ROWS / pages) : 0;

        if (own != 0 && !recording->objects[order[i]].unpaged) {
            rows = rows > own ? (uint32_t)own : rows;
            add_rows(picture, order[i], rows != 0 ? rows : 1u);
        }
    }
    if (n < recording->num_objects) {
        struct row *row = &picture->row[picture->num_rows++];

        row->object = NONE;
        for (i = 0; i < recording->num_pages; i++) {
            if (picture->row_of[i] == NONE) {
                picture->row_of[i] = picture->num_rows - 1u;
                row->pages++;
            }
        }
    }
    free(order);
    return NULL;
}

/* The contexts with the most faults. */
static const char *choose_contexts(struct picture *picture)
{
    const struct analysis *analysis = picture->analysis;
    uint64_t *faults = calloc((size_t)picture->recording->num_contexts + 1u, sizeof *faults);
    uint32_t i;

    if (faults == NULL) {
        return "no memory";
    }
    for (i = 0; i < analysis->num_edges; i++) {
        faults[analysis->edges[i].context] += analysis->edges[i].faults;
    }
    while (picture->num_contexts < CONTEXTS) {
        uint32_t best = picture->recording->num_contexts; /* none: no faults */

        for (i = 0; i < picture->recording->num_contexts; i++) {
            best = faults[i] > faults[best] ? i : best;
        }
        if (faults[best] == 0) {
            break;
        }
        faults[best] = 0;
        picture->context[picture->num_contexts++] = best;
    }
    free(faults);
    return NULL;
}

/* ---- Columns ---- */

/* The page was in memory from `from` to `to`: each column gets its part. */
static void add_stay(struct picture *picture, uint32_t page, uint64_t from, uint64_t to)
{
    const struct recording *recording = picture->recording;
    double width = (double)recording->duration / COLUMNS;
    uint32_t first = column(recording, from, COLUMNS);
    uint32_t last = column(recording, to, COLUMNS);
    uint32_t c;

    if (picture->row_of[page] == NONE) {
        return;
    }
    for (c = first; c <= last; c++) {
        double begin = c == first ? (double)from : width * c;
        double end = c == last ? (double)to : width * (c + 1u);

        picture->resident[(size_t)picture->row_of[page] * COLUMNS + c] += end > begin ? (end - begin) / width : 0;
    }
}

static void note(void *ctx, uint32_t page, bool in, uint32_t at)
{
    struct picture *picture = ctx;
    uint64_t time = picture->recording->steps[at].time;

    if (in) {
        picture->since[page] = time + 1u;
    } else {
        add_stay(picture, page, picture->since[page] - 1u, time);
        picture->since[page] = 0;
    }
}

static void count_step(struct picture *picture, const struct step *step)
{
    const struct recording *recording = picture->recording;
    uint32_t c = column(recording, step->time, COLUMNS);
    enum series which;
    uint32_t n;

    if (step->victim != NONE) {
        picture->series[step->dirty ? SERIES_DIRTY : SERIES_CLEAN][c]++;
    }
    if (step->type == QUIRE_TRACE_LOAD && step->kind == QUIRE_TRACE_LOAD_STORE && step->status == 0 && step->page != NONE &&
        picture->row_of[step->page] != NONE) {
        picture->loads[(size_t)picture->row_of[step->page] * COLUMNS + c]++;
        picture->series[SERIES_OTHER][c]++;
    }
    if (step->type != QUIRE_TRACE_FAULT) {
        return;
    }
    which = step->kind == QUIRE_FAULT_MAJOR ? SERIES_MAJOR : step->kind == QUIRE_FAULT_REFUSED ? SERIES_REFUSED : SERIES_MINOR;
    picture->series[which][c]++;
    for (n = 0; n < picture->num_contexts; n++) {
        picture->of_context[n][which][c] += picture->context[n] == step->context;
    }
    if (step->page == NONE || step->context == NONE) {
        return;
    }
    if (step->kind == QUIRE_FAULT_MAJOR && picture->row_of[step->page] != NONE) {
        picture->loads[(size_t)picture->row_of[step->page] * COLUMNS + c]++;
    }
    n = table_get(&picture->edges, step->context, recording->pages[step->page].object);
    if (n != NONE) {
        picture->edge_of[n][column(recording, step->time, EDGE_COLUMNS)]++;
    }
}

static const char *fill(struct picture *picture)
{
    const struct recording *recording = picture->recording;
    const char *wrong;
    uint32_t i;

    picture->row_of = nones(recording->num_pages);
    picture->since = calloc((size_t)recording->num_pages + 1u, sizeof *picture->since);
    if (picture->row_of == NULL || picture->since == NULL) {
        return "no memory";
    }
    wrong = choose_rows(picture);
    wrong = wrong == NULL ? choose_contexts(picture) : wrong;
    picture->resident = calloc((size_t)(picture->num_rows + 1u) * COLUMNS, sizeof *picture->resident);
    picture->loads = calloc((size_t)(picture->num_rows + 1u) * COLUMNS, sizeof *picture->loads);
    if (wrong != NULL || picture->resident == NULL || picture->loads == NULL) {
        return "no memory";
    }
    for (i = 0; i < picture->analysis->num_edges && i < EDGES; i++) {
        if (table_put(&picture->edges, picture->analysis->edges[i].context, picture->analysis->edges[i].object, i) == NONE) {
            return "no memory";
        }
    }
    wrong = residency_replay(recording, note, picture);
    for (i = 0; i < recording->num_pages; i++) {
        if (picture->since[i] != 0) {
            add_stay(picture, i, picture->since[i] - 1u, recording->duration);
        }
    }
    for (i = 0; i < recording->num_steps; i++) {
        count_step(picture, &recording->steps[i]);
    }
    return wrong;
}

/* ---- JSON ---- */

/* A string of ASCII only; nothing in it ends a script or begins a comment: it stands inside of HTML. */
static void put_string(FILE *file, const char *text)
{
    (void)fputc('"', file);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c >= 0x7f || strchr("\"\\<>&'/", c) != NULL) {
            fprintf(file, "\\u%04x", c);
        } else {
            (void)fputc(c, file);
        }
    }
    (void)fputc('"', file);
}

static void put_series(FILE *file, const uint32_t *counts, uint32_t n)
{
    uint32_t i;

    (void)fputc('[', file);
    for (i = 0; i < n; i++) {
        fprintf(file, i == 0 ? "%u" : ",%u", counts[i]);
    }
    (void)fputc(']', file);
}

static void put_totals(FILE *file, const struct recording *recording, const struct analysis *analysis, const char *name)
{
    const uint64_t *faults = analysis->faults;

    fputs("{\n\"name\":", file);
    put_string(file, name);
    fprintf(file, ",\n\"written\":%lld", (long long)recording->written);
    fprintf(file, ",\n\"hz\":%llu,\"duration\":%llu,\"frames\":%u,\"events\":%u,\"lost\":%llu,\"skipped\":%llu,\"cut\":%s",
            recording->timed ? (unsigned long long)recording->header.hz : 0, (unsigned long long)recording->duration,
            pool_pages(recording), recording->num_steps, (unsigned long long)recording->lost,
            (unsigned long long)recording->skipped, recording->cut ? "true" : "false");
    fprintf(
        file,
        ",\n\"totals\":{\"major\":%llu,\"minor\":%llu,\"write\":%llu,\"accessed\":%llu,\"spurious\":%llu,\"unpaged\":%llu,"
        "\"refused\":%llu,\"evictions\":%llu,\"dirty\":%llu,\"kept\":%llu,\"reloads\":%llu,\"quick\":%llu,\"failures\":%llu,"
        "\"pages\":%u,\"objects\":%u,\"contexts\":%u}",
        (unsigned long long)faults[QUIRE_FAULT_MAJOR], (unsigned long long)faults[QUIRE_FAULT_MINOR],
        (unsigned long long)faults[QUIRE_FAULT_WRITE], (unsigned long long)faults[QUIRE_FAULT_ACCESSED],
        (unsigned long long)faults[QUIRE_FAULT_SPURIOUS], (unsigned long long)faults[QUIRE_FAULT_UNPAGED],
        (unsigned long long)faults[QUIRE_FAULT_REFUSED], (unsigned long long)analysis->evictions,
        (unsigned long long)analysis->dirty, (unsigned long long)analysis->kept, (unsigned long long)analysis->reloads,
        (unsigned long long)analysis->quick, (unsigned long long)analysis->failures, recording->num_pages,
        recording->num_objects, recording->num_contexts);
}

static void put_findings(FILE *file, const struct recording *recording, const struct analysis *analysis,
                         const struct pins *pins)
{
    char line[FINDINGS_MAX][320];
    unsigned n = findings(recording, analysis, pins, line);
    unsigned i;

    fputs(",\n\"findings\":[", file);
    for (i = 0; i < n; i++) {
        fputs(i == 0 ? "" : ",", file);
        put_string(file, line[i]);
    }
    fputs("]", file);
}

/* The objects and contexts that anything on the page names, by number. */
static void put_names(FILE *file, const struct picture *picture, const struct pins *pins)
{
    const struct recording *recording = picture->recording;
    const struct analysis *analysis = picture->analysis;
    unsigned char *named = calloc((size_t)recording->num_objects + recording->num_contexts + 1u, 1);
    unsigned char *contexts = named + recording->num_objects;
    char name[NAME_BYTES + 32u];
    bool first = true;
    uint32_t i;

    if (named == NULL) {
        fputs(",\n\"objects\":{},\"contexts\":{}", file);
        return;
    }
    for (i = 0; i < picture->num_rows; i++) {
        if (picture->row[i].object != NONE) {
            named[picture->row[i].object] = 1;
        }
    }
    for (i = 0; i < analysis->num_edges && i < EDGES; i++) {
        named[analysis->edges[i].object] = 1;
        contexts[analysis->edges[i].context] = 1;
    }
    for (i = 0; i < picture->num_contexts; i++) {
        contexts[picture->context[i]] = 1;
    }
    for (i = 0; i < analysis->num_pairs && i < PAIRS; i++) {
        named[analysis->pairs[i].winner] = 1;
        named[analysis->pairs[i].loser] = 1;
    }
    for (i = 0; i < recording->num_pages && i < HOTTEST; i++) {
        named[recording->pages[analysis->hottest[i]].object] = 1;
    }
    for (i = 0; i < pins->num_lines && i < PINS; i++) {
        named[pins->lines[i].object] = 1;
    }
    fputs(",\n\"objects\":{", file);
    for (i = 0; i < recording->num_objects; i++) {
        const struct object_info *object = &recording->objects[i];

        if (named[i] != 0) {
            fprintf(file, "%s\"%u\":{\"id\":%u,\"name\":", first ? "" : ",", i, object->id);
            put_string(file, object_name(recording, i, name, sizeof name));
            fprintf(file, ",\"pages\":%u,\"touched\":%u,\"faults\":%u,\"majors\":%u,\"contexts\":%u}", object->npages,
                    object->num_pages, object->faults, object->majors, object->contexts);
            first = false;
        }
    }
    fputs("},\n\"contexts\":{", file);
    first = true;
    for (i = 0; i < recording->num_contexts; i++) {
        if (contexts[i] != 0) {
            fprintf(file, "%s\"%u\":", first ? "" : ",", i);
            put_string(file, context_name(recording, i, name, sizeof name));
            first = false;
        }
    }
    fputs("}", file);
    free(named);
}

/* A digit per column: how much of the row was resident, in ninths; how often its pages were loaded there: 1 fewer than one in
 * eight of them, then twice as often for each further one. And the loads themselves, in fewer columns. */
static void put_row(FILE *file, const struct picture *picture, uint32_t i)
{
    const struct row *row = &picture->row[i];
    const double *resident = &picture->resident[(size_t)i * COLUMNS];
    const uint32_t *loads = &picture->loads[(size_t)i * COLUMNS];
    uint32_t sum[EDGE_COLUMNS] = {0};
    uint32_t c;

    fprintf(file, "%s\n{\"object\":%ld,\"first\":%u,\"last\":%u,\"pages\":%u,\"resident\":\"", i == 0 ? "" : ",",
            row->object != NONE ? (long)row->object : -1L, row->first, row->last, row->pages);
    for (c = 0; c < COLUMNS; c++) {
        double part = row->pages != 0 ? resident[c] / row->pages : 0;
        int digit = (int)(part * 9.0 + 0.5);

        (void)fputc('0' + (digit < 0 ? 0 : digit > 9 ? 9 : digit == 0 && part > 0.001 ? 1 : digit), file);
    }
    fputs("\",\"loads\":\"", file);
    for (c = 0; c < COLUMNS; c++) {
        uint64_t eighths = row->pages != 0 ? (uint64_t)loads[c] * 8u / row->pages : 0;
        int digit = loads[c] != 0 ? 1 : 0;

        for (; eighths != 0 && digit < 9; eighths >>= 1) {
            digit++;
        }
        sum[c * EDGE_COLUMNS / COLUMNS] += loads[c];
        (void)fputc('0' + digit, file);
    }
    fputs("\",\"sum\":", file);
    put_series(file, sum, EDGE_COLUMNS);
    fputs("}", file);
}

static void put_map(FILE *file, const struct picture *picture)
{
    static const char *const names[] = {"major", "other", "minor", "clean", "dirty", "refused"};
    uint32_t i;

    fprintf(file, ",\n\"columns\":%u,\"edgeColumns\":%u,\"series\":{", COLUMNS, EDGE_COLUMNS);
    for (i = 0; i < SERIES; i++) {
        fprintf(file, "%s\"%s\":", i == 0 ? "" : ",\n", names[i]);
        put_series(file, picture->series[i], COLUMNS);
    }
    fputs("},\n\"ofContexts\":[", file);
    for (i = 0; i < picture->num_contexts; i++) {
        fprintf(file, "%s{\"context\":%u,\"major\":", i == 0 ? "" : ",\n", picture->context[i]);
        put_series(file, picture->of_context[i][SERIES_MAJOR], COLUMNS);
        fputs(",\"minor\":", file);
        put_series(file, picture->of_context[i][SERIES_MINOR], COLUMNS);
        fputs(",\"refused\":", file);
        put_series(file, picture->of_context[i][SERIES_REFUSED], COLUMNS);
        fputs("}", file);
    }
    fputs("],\n\"rows\":[", file);
    for (i = 0; i < picture->num_rows; i++) {
        put_row(file, picture, i);
    }
    fputs("]", file);
}

static void put_lists(FILE *file, const struct picture *picture, const struct pins *pins)
{
    const struct recording *recording = picture->recording;
    const struct analysis *analysis = picture->analysis;
    uint32_t i;

    fputs(",\n\"edges\":[", file);
    for (i = 0; i < analysis->num_edges && i < EDGES; i++) {
        const struct edge *edge = &analysis->edges[i];

        fprintf(file, "%s[%u,%u,%u,%u,", i == 0 ? "" : ",\n", edge->context, edge->object, edge->faults, edge->majors);
        put_series(file, picture->edge_of[i], EDGE_COLUMNS);
        fputs("]", file);
    }
    fputs("],\n\"pairs\":[", file);
    for (i = 0; i < analysis->num_pairs && i < PAIRS; i++) {
        const struct pair *pair = &analysis->pairs[i];

        fprintf(file, "%s[%u,%u,%u,%u]", i == 0 ? "" : ",", pair->winner, pair->loser, pair->count, pair->again);
    }
    fputs("],\n\"hottest\":[", file);
    for (i = 0; i < recording->num_pages && i < HOTTEST && recording->pages[analysis->hottest[i]].majors != 0; i++) {
        const struct page_info *page = &recording->pages[analysis->hottest[i]];

        fprintf(file, "%s[%u,%u,%u,%u,%u,%u,%llu,%d,%d]", i == 0 ? "" : ",", page->object, page->pgidx, page->majors,
                page->minors, page->evictions, page->saves, (unsigned long long)page->cost, page->shared, page->pinned);
    }
    fputs("],\n\"pins\":[", file);
    for (i = 0; i < pins->num_lines && i < PINS; i++) {
        const struct pin_line *line = &pins->lines[i];

        fprintf(file, "%s[%u,%u,%u,%llu,%llu]", i == 0 ? "" : ",", line->object, line->first, line->n,
                (unsigned long long)line->saved_majors, (unsigned long long)line->saved_cost);
    }
    fputs("]\n}\n", file);
}

const char *json_write(const struct recording *recording, const struct analysis *analysis, const struct pins *pins,
                       const char *path, const char *name)
{
    struct picture *picture = calloc(1, sizeof *picture);
    const char *wrong = "no memory";
    FILE *file = NULL;

    if (picture != NULL) {
        picture->recording = recording;
        picture->analysis = analysis;
        wrong = fill(picture);
    }
    if (wrong == NULL) {
        file = fopen(path, "w");
        wrong = file != NULL ? NULL : strerror(errno);
    }
    if (wrong == NULL) {
        put_totals(file, recording, analysis, name);
        put_findings(file, recording, analysis, pins);
        put_names(file, picture, pins);
        put_map(file, picture);
        put_lists(file, picture, pins);
        wrong = ferror(file) == 0 ? NULL : "cannot be written";
        wrong = fclose(file) == 0 ? wrong : "cannot be written";
    }
    if (picture != NULL) {
        free(picture->row_of);
        free(picture->resident);
        free(picture->loads);
        free(picture->since);
        table_free(&picture->edges);
    }
    free(picture);
    return wrong;
}

/* ---- The page ---- */

#define PLACE "@DATA@" /* where the data go; a line of its own */

static bool copy_file(FILE *to, const char *path)
{
    char buffer[4096];
    FILE *from = fopen(path, "rb");
    bool good = from != NULL;
    size_t n;

    while (good && (n = fread(buffer, 1, sizeof buffer, from)) != 0) {
        good = fwrite(buffer, 1, n, to) == n;
    }
    good = good && ferror(from) == 0;
    if (from != NULL) {
        (void)fclose(from);
    }
    return good;
}

const char *page_write(const char *json_path, const char *template_path, const char *path)
{
    char line[4096];
    FILE *from = fopen(template_path, "r");
    FILE *to = from != NULL ? fopen(path, "w") : NULL;
    bool good = to != NULL;
    const char *wrong = good ? NULL : strerror(errno);

    while (good && fgets(line, sizeof line, from) != NULL) {
        good = strncmp(line, PLACE, strlen(PLACE)) == 0 ? copy_file(to, json_path) : fputs(line, to) >= 0;
    }
    if (from != NULL) {
        (void)fclose(from);
    }
    if (to != NULL) {
        good = fclose(to) == 0 && good;
    }
    return wrong != NULL ? wrong : good ? NULL : "cannot be written";
}
