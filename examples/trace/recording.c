/* recording.c - reads a recording and believes nothing of it. SPDX-License-Identifier: BSD-2-Clause */
#include "recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Arrays ---- */

bool room_for(void **array, size_t *size, size_t used, size_t each)
{
    size_t more = *size != 0 ? *size * 2u : 256u;
    void *bigger;

    if (used < *size) {
        return true;
    }
    bigger = realloc(*array, more * each);
    if (bigger == NULL) {
        return false;
    }
    *array = bigger;
    *size = more;
    return true;
}

uint32_t *nones(size_t n)
{
    uint32_t *array = malloc((n + 1u) * sizeof *array);

    if (array != NULL) {
        memset(array, 0xff, (n + 1u) * sizeof *array);
    }
    return array;
}

/* ---- Tables ---- */

static uint32_t hash(uint32_t a, uint32_t b)
{
    uint64_t x = ((uint64_t)a << 32 | b) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)(x >> 32) ^ (uint32_t)x;
}

static struct table_entry *find(const struct table *table, uint32_t a, uint32_t b)
{
    uint32_t at = hash(a, b) & table->mask;

    while (table->entry[at].value != NONE && (table->entry[at].a != a || table->entry[at].b != b)) {
        at = (at + 1u) & table->mask;
    }
    return &table->entry[at];
}

static bool grow(struct table *table)
{
    struct table bigger = {NULL, table->entry != NULL ? table->mask * 2u + 1u : 1023u, table->used};
    uint32_t i;

    bigger.entry = malloc(((size_t)bigger.mask + 1u) * sizeof *bigger.entry);
    if (bigger.entry == NULL) {
        return false;
    }
    for (i = 0; i <= bigger.mask; i++) {
        bigger.entry[i].value = NONE;
    }
    for (i = 0; table->entry != NULL && i <= table->mask; i++) {
        if (table->entry[i].value != NONE) {
            *find(&bigger, table->entry[i].a, table->entry[i].b) = table->entry[i];
        }
    }
    free(table->entry);
    *table = bigger;
    return true;
}

uint32_t table_put(struct table *table, uint32_t a, uint32_t b, uint32_t fresh)
{
    struct table_entry *entry;

    if ((table->entry == NULL || table->used > table->mask / 2u) && !grow(table)) {
        return NONE;
    }
    entry = find(table, a, b);
    if (entry->value == NONE) {
        entry->a = a;
        entry->b = b;
        entry->value = fresh;
        table->used++;
    }
    return entry->value;
}

uint32_t table_get(const struct table *table, uint32_t a, uint32_t b)
{
    return table->entry != NULL ? find(table, a, b)->value : NONE;
}

void table_free(struct table *table)
{
    free(table->entry);
    table->entry = NULL;
}

/* ---- Reading ---- */

struct reading {
    struct recording *to;
    struct table contexts;
    struct table objects;
    struct table pages;
    struct table frames;
    size_t room_steps;
    size_t room_contexts;
    size_t room_objects;
    size_t room_pages;
    uint64_t first_time;
    uint64_t last_time; /* unwrapped: 48 bits and their turns */
    uint64_t turns;
};

/* The dense number of a context; NONE: no memory. */
static uint32_t context_of(struct reading *reading, uint32_t id)
{
    struct recording *to = reading->to;
    uint32_t n = table_put(&reading->contexts, id, 0, to->num_contexts);

    if (n == to->num_contexts) {
        if (!room_for((void **)&to->contexts, &reading->room_contexts, n, sizeof *to->contexts)) {
            return NONE;
        }
        memset(&to->contexts[n], 0, sizeof to->contexts[n]);
        to->contexts[n].id = id;
        to->num_contexts++;
    }
    return n;
}

static uint32_t object_of(struct reading *reading, uint32_t id)
{
    struct recording *to = reading->to;
    uint32_t n = table_put(&reading->objects, id, 0, to->num_objects);

    if (n == to->num_objects) {
        if (!room_for((void **)&to->objects, &reading->room_objects, n, sizeof *to->objects)) {
            return NONE;
        }
        memset(&to->objects[n], 0, sizeof to->objects[n]);
        to->objects[n].id = id;
        to->num_objects++;
    }
    return n;
}

static uint32_t page_of(struct reading *reading, uint32_t fobj, uint32_t pgidx)
{
    struct recording *to = reading->to;
    uint32_t object = object_of(reading, fobj);
    uint32_t n = object != NONE ? table_put(&reading->pages, object, pgidx, to->num_pages) : NONE;

    if (n != NONE && n == to->num_pages) {
        if (!room_for((void **)&to->pages, &reading->room_pages, n, sizeof *to->pages)) {
            return NONE;
        }
        memset(&to->pages[n], 0, sizeof to->pages[n]);
        to->pages[n].object = object;
        to->pages[n].pgidx = pgidx;
        to->pages[n].context = NONE;
        to->num_pages++;
    }
    return n;
}

/* Bytes of a name go where it says, as far as there is room; the last place stays 0. */
static void put_name(char *name, const struct quire_trace_event *event)
{
    char bytes[QUIRE_TRACE_NAME_BYTES];
    size_t i;

    quire_trace_name_bytes(event, bytes);
    for (i = 0; i < sizeof bytes && (uint64_t)event->page + i < NAME_BYTES - 1u; i++) {
        name[event->page + i] = bytes[i];
    }
}

static const char *take_info(struct reading *reading, const struct quire_trace_event *event)
{
    uint32_t n;

    switch (quire_trace_kind(event)) {
    case QUIRE_TRACE_INFO_CONTEXT:
        n = context_of(reading, event->fobj);
        if (n == NONE) {
            return "no memory";
        }
        put_name(reading->to->contexts[n].name, event);
        return NULL;
    case QUIRE_TRACE_INFO_OBJECT:
        n = object_of(reading, event->fobj);
        if (n == NONE) {
            return "no memory";
        }
        put_name(reading->to->objects[n].name, event);
        return NULL;
    default:
        reading->to->lost += event->victim | (uint64_t)event->victim_pgidx << 32;
        return NULL;
    }
}

/* 48 bits of time, and how often they turned. A time that is a little behind is no turn: names are written by another thread. */
static uint64_t time_of(struct reading *reading, const struct quire_trace_event *event)
{
    uint64_t time = quire_trace_time(event) | reading->turns << 48;

    if (reading->to->num_steps != 0 && time + (UINT64_C(1) << 47) < reading->last_time && reading->turns < 0xffffu) {
        reading->turns++;
        time += UINT64_C(1) << 48;
    }
    if (reading->to->num_steps == 0) {
        reading->first_time = time;
    }
    if (time < reading->last_time) {
        time = reading->last_time;
    }
    reading->last_time = time;
    return time;
}

static const char *take_step(struct reading *reading, const struct quire_trace_event *event)
{
    struct recording *to = reading->to;
    struct step step;

    if (!room_for((void **)&to->steps, &reading->room_steps, to->num_steps, sizeof *to->steps)) {
        return "no memory";
    }
    memset(&step, 0, sizeof step);
    step.time = time_of(reading, event);
    step.cost = quire_trace_cost(event);
    step.context = NONE;
    step.page = NONE;
    step.victim = NONE;
    step.frame = NONE;
    step.type = (uint8_t)quire_trace_type(event);
    step.kind = (uint8_t)quire_trace_kind(event);
    step.access = (uint8_t)quire_trace_access(event);
    step.status = (int8_t)quire_trace_status(event);
    step.dirty = (event->what & QUIRE_TRACE_DIRTY) != 0;
    if (quire_trace_vm(event) != 0 && (step.context = context_of(reading, quire_trace_vm(event))) == NONE) {
        return "no memory";
    }
    if (step.type == QUIRE_TRACE_OBJECT) {
        uint32_t object = object_of(reading, event->fobj);

        if (object == NONE) {
            return "no memory";
        }
        to->objects[object].npages = event->pgidx;
        to->objects[object].unpaged = to->objects[object].unpaged || step.kind == QUIRE_TRACE_BEGAN_UNPAGED;
        step.page = object; /* of this type only: the object itself */
    } else if (event->fobj != 0 && (step.page = page_of(reading, event->fobj, event->pgidx)) == NONE) {
        return "no memory";
    }
    if (event->victim != 0 && (step.victim = page_of(reading, event->victim, event->victim_pgidx)) == NONE) {
        return "no memory";
    }
    if (event->page < QUIRE_TRACE_NO_PAGE && step.type != QUIRE_TRACE_OBJECT && step.type != QUIRE_TRACE_CONTEXT) {
        step.frame = table_put(&reading->frames, event->page, 0, to->num_frames);
        if (step.frame == NONE) {
            return "no memory";
        }
        to->num_frames += step.frame == to->num_frames ? 1u : 0u;
    }
    to->steps[to->num_steps++] = step;
    return NULL;
}

static const char *take_all(struct reading *reading, FILE *file)
{
    unsigned char bytes[QUIRE_TRACE_RECORD_BYTES];
    struct quire_trace_event event;
    size_t got;

    while ((got = fread(bytes, 1, sizeof bytes, file)) == sizeof bytes) {
        const char *wrong = NULL;

        if (quire_trace_decode(&event, bytes) != QUIRE_OK) {
            reading->to->skipped++;
        } else if (quire_trace_type(&event) == QUIRE_TRACE_INFO) {
            wrong = take_info(reading, &event);
        } else if (reading->to->num_steps == RECORDING_EVENTS_MAX) {
            reading->to->cut = true;
            break;
        } else {
            wrong = take_step(reading, &event);
        }
        if (wrong != NULL) {
            return wrong;
        }
    }
    if (ferror(file)) {
        return "cannot be read";
    }
    reading->to->cut = reading->to->cut || (got != 0 && got != sizeof bytes);
    return NULL;
}

/* ---- Order ---- */

static const struct page_info *sorted; /* qsort has no context */

static int by_place(const void *a, const void *b)
{
    const struct page_info *x = &sorted[*(const uint32_t *)a];
    const struct page_info *y = &sorted[*(const uint32_t *)b];

    if (x->object != y->object) {
        return x->object < y->object ? -1 : 1;
    }
    return x->pgidx < y->pgidx ? -1 : x->pgidx > y->pgidx;
}

static void renumber(struct recording *recording, const uint32_t *to)
{
    uint32_t i;

    for (i = 0; i < recording->num_steps; i++) {
        struct step *step = &recording->steps[i];

        if (step->page != NONE && step->type != QUIRE_TRACE_OBJECT) {
            step->page = to[step->page];
        }
        if (step->victim != NONE) {
            step->victim = to[step->victim];
        }
    }
}

/* Pages by object and index. */
static const char *sort_pages(struct recording *recording)
{
    size_t n = recording->num_pages;
    uint32_t *order = calloc(n + 1u, sizeof *order);
    uint32_t *to = calloc(n + 1u, sizeof *to);
    struct page_info *pages = calloc(n + 1u, sizeof *pages);
    const char *wrong = order != NULL && to != NULL && pages != NULL ? NULL : "no memory";
    uint32_t i;

    if (wrong == NULL) {
        for (i = 0; i < n; i++) {
            order[i] = i;
        }
        sorted = recording->pages;
        qsort(order, n, sizeof *order, by_place);
        for (i = 0; i < n; i++) {
            struct object_info *object = &recording->objects[recording->pages[order[i]].object];

            pages[i] = recording->pages[order[i]];
            to[order[i]] = i;
            object->first_page = object->num_pages == 0 ? i : object->first_page;
            object->num_pages++;
        }
        renumber(recording, to);
        free(recording->pages);
        recording->pages = pages;
        pages = NULL;
    }
    free(order);
    free(to);
    free(pages);
    return wrong;
}

/* Times from the beginning; where there was no clock, the events count. */
static void set_times(struct recording *recording, uint64_t first)
{
    uint32_t i;

    recording->timed = recording->num_steps != 0 && recording->steps[recording->num_steps - 1u].time > first;
    for (i = 0; i < recording->num_steps; i++) {
        recording->steps[i].time = recording->timed ? recording->steps[i].time - first : i;
    }
    recording->duration = recording->num_steps != 0 ? recording->steps[recording->num_steps - 1u].time + 1u : 1u;
}

static const char *read_header(struct recording *recording, FILE *file)
{
    unsigned char line[QUIRE_TRACE_HEADER_BYTES];
    size_t len = fread(line, 1, sizeof line, file);
    size_t used = 0;

    switch (quire_trace_header_decode(&recording->header, line, len, &used)) {
    case QUIRE_OK:
        return fseek(file, (long)used, SEEK_SET) == 0 ? NULL : strerror(errno);
    case QUIRE_MISMATCH:
        return "a recording of another version of the format";
    default:
        return ferror(file) ? "cannot be read" : "not a recording";
    }
}

const char *recording_read(struct recording *recording, const char *path)
{
    struct reading reading;
    struct stat info;
    const char *wrong;
    FILE *file = fopen(path, "rb");

    memset(recording, 0, sizeof *recording);
    memset(&reading, 0, sizeof reading);
    reading.to = recording;
    if (file == NULL) {
        return strerror(errno);
    }
    recording->written = fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode) ? (int64_t)info.st_mtime : 0;
    wrong = read_header(recording, file);
    wrong = wrong == NULL ? take_all(&reading, file) : wrong;
    (void)fclose(file);
    wrong = wrong == NULL && recording->num_steps == 0 ? "a recording without an event" : wrong;
    wrong = wrong == NULL ? sort_pages(recording) : wrong;
    if (wrong == NULL) {
        set_times(recording, reading.first_time);
    } else {
        recording_free(recording);
    }
    table_free(&reading.contexts);
    table_free(&reading.objects);
    table_free(&reading.pages);
    table_free(&reading.frames);
    return wrong;
}

void recording_free(struct recording *recording)
{
    free(recording->steps);
    free(recording->contexts);
    free(recording->objects);
    free(recording->pages);
    memset(recording, 0, sizeof *recording);
}

uint32_t pool_pages(const struct recording *recording)
{
    return recording->header.pages != 0 ? recording->header.pages : recording->num_frames;
}

const char *context_name(const struct recording *recording, uint32_t context, char *buffer, size_t size)
{
    if (context == NONE) {
        snprintf(buffer, size, "nobody");
    } else if (recording->contexts[context].name[0] != '\0') {
        snprintf(buffer, size, "%s", recording->contexts[context].name);
    } else {
        snprintf(buffer, size, "context #%u", recording->contexts[context].id);
    }
    return buffer;
}

const char *object_name(const struct recording *recording, uint32_t object, char *buffer, size_t size)
{
    if (object == NONE) {
        snprintf(buffer, size, "(unknown)");
    } else if (recording->objects[object].name[0] != '\0') {
        snprintf(buffer, size, "%s #%u", recording->objects[object].name, recording->objects[object].id);
    } else {
        snprintf(buffer, size, "object #%u", recording->objects[object].id);
    }
    return buffer;
}
