/* test_trace.c - makes recordings for tests, hostile ones too. SPDX-License-Identifier: BSD-2-Clause */
#include "recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 *   test_trace make FILE EVENTS NAME    a program that loops over more pages than fit, its objects called NAME
 *   test_trace gap FILE                 three events, the last of them 19 hours after the others
 *   test_trace pins SCRATCH             whether pins are chosen for what loads cost, not for one that was slow by accident
 *   test_trace saves SCRATCH            whether a save that failed counts as none, and what a save in a fault takes
 *   test_trace mutate FILE N TEMPLATE SCRATCH    reads N mutations of FILE, and makes everything of each that can be read
 */

static uint64_t seed = 88172645463325252u;

static uint64_t draw(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % n;
}

/* ---- Make ---- */

static void put(FILE *file, const struct quire_trace_event *event)
{
    unsigned char bytes[QUIRE_TRACE_RECORD_BYTES];

    quire_trace_encode(event, bytes);
    (void)fwrite(bytes, sizeof bytes, 1, file);
}

static void put_name(FILE *file, unsigned kind, uint32_t id, const char *name)
{
    struct quire_trace_event event;
    size_t at = 0;

    do {
        at = quire_trace_name(&event, kind, id, name, strlen(name), at);
        put(file, &event);
    } while (at < strlen(name));
}

static struct quire_trace_event event_of(unsigned type, unsigned kind, unsigned access, uint64_t time)
{
    struct quire_trace_event event;

    memset(&event, 0, sizeof event);
    event.what = (uint16_t)quire_trace_what((enum quire_trace_type)type, kind, access, QUIRE_OK);
    event.time_low = (uint16_t)(time & 0xffffu);
    event.time_high = (uint32_t)(time >> 16);
    return event;
}

#define FRAMES 64u
#define OBJECTS 4u
#define PAGES 40u

/* Two contexts run round and round over 160 pages in 64; every other object is theirs together. */
static void put_run(FILE *file, uint64_t events)
{
    uint32_t held[FRAMES][2] = {{0}};
    uint64_t i;

    for (i = 0; i < events; i++) {
        uint32_t frame = (uint32_t)(i % FRAMES);
        uint32_t object = (uint32_t)(i / PAGES % OBJECTS);
        struct quire_trace_event event = event_of(QUIRE_TRACE_FAULT, i % 3u == 0 ? QUIRE_FAULT_MINOR : QUIRE_FAULT_MAJOR,
                                                  QUIRE_PROT_READ, 1000000u + i * 1000u);

        event.who = (object % 2u == 0 ? 1u + (uint32_t)(i % 2u) : 1u) | quire_trace_cost_code(700);
        event.page = frame;
        event.fobj = object + 1u;
        event.pgidx = (uint32_t)(i % PAGES);
        if (quire_trace_kind(&event) == QUIRE_FAULT_MAJOR && held[frame][0] != 0) {
            event.what |= QUIRE_TRACE_VICTIM;
            event.victim = held[frame][0];
            event.victim_pgidx = held[frame][1];
        }
        held[frame][0] = event.fobj;
        held[frame][1] = event.pgidx;
        put(file, &event);
    }
}

/* A recording of a pool of `pages` that has nothing yet but its header; null, and the reason is printed. */
static FILE *begin_file(const char *path, uint32_t pages)
{
    struct quire_trace_header header = {12, pages, 1000000000u};
    unsigned char line[QUIRE_TRACE_HEADER_BYTES];
    FILE *file = fopen(path, "wb");

    if (file == NULL) {
        perror(path);
        return NULL;
    }
    (void)fwrite(line, quire_trace_header_encode(&header, line), 1, file);
    return file;
}

static int make(const char *path, uint64_t events, const char *name)
{
    FILE *file = begin_file(path, FRAMES);
    uint32_t i;

    if (file == NULL) {
        return 2;
    }
    for (i = 1; i <= OBJECTS; i++) {
        struct quire_trace_event event = event_of(QUIRE_TRACE_OBJECT, QUIRE_TRACE_BEGAN, 0, 1000000);

        event.fobj = i;
        event.pgidx = PAGES;
        put(file, &event);
        put_name(file, QUIRE_TRACE_INFO_OBJECT, i, name);
        put_name(file, QUIRE_TRACE_INFO_CONTEXT, i, name);
    }
    put_run(file, events);
    return fclose(file) == 0 ? 0 : 2;
}

static int make_gap(const char *path)
{
    static const uint64_t times[] = {1000, 2000, 2000u + (UINT64_C(1) << 46)};
    FILE *file = begin_file(path, FRAMES);
    uint32_t i;

    if (file == NULL) {
        return 2;
    }
    for (i = 0; i < 3u; i++) {
        struct quire_trace_event event = event_of(QUIRE_TRACE_FAULT, QUIRE_FAULT_MAJOR, QUIRE_PROT_READ, times[i]);

        event.who = 1u | quire_trace_cost_code(700);
        event.page = i;
        event.fobj = 1;
        event.pgidx = i;
        put(file, &event);
    }
    return fclose(file) == 0 ? 0 : 2;
}

/* ---- Mutate ---- */

static unsigned char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = malloc(1u << 20);

    if (file == NULL || bytes == NULL) {
        exit(2);
    }
    *len = fread(bytes, 1, 1u << 20, file);
    (void)fclose(file);
    return bytes;
}

static void mutate_once(unsigned char *bytes, size_t *len)
{
    uint64_t n = 1u + draw(8);

    for (; n > 0; n--) {
        switch (draw(4)) {
        case 0:
            bytes[draw(*len)] ^= (unsigned char)(1u << draw(8));
            break;
        case 1:
            memset(bytes + draw(*len - 4u), draw(2) != 0 ? 0xff : 0, 4);
            break;
        case 2: /* the header more often than its share */
            bytes[draw(48)] = (unsigned char)draw(256);
            break;
        default:
            *len -= draw(2) != 0 && *len > 200u ? draw(64) : 0;
            break;
        }
    }
}

/* Everything that is made of a recording. Says what must not be. */
static const char *use(const char *path, const char *template_path, const char *scratch)
{
    struct recording recording;
    struct analysis analysis;
    struct pins pins;
    char out[512];
    const char *wrong = recording_read(&recording, path);

    if (wrong != NULL) {
        return strcmp(wrong, "no memory") == 0 ? wrong : NULL;
    }
    wrong = analysis_make(&recording, &analysis);
    if (wrong == NULL) {
        wrong = pins_choose(&recording, &pins);
        if (snprintf(out, sizeof out, "%s.out", scratch) >= (int)sizeof out) {
            wrong = "a path that is too long";
        }
        wrong = wrong == NULL ? text_write(&recording, &analysis, &pins, out) : wrong;
        wrong = wrong == NULL ? pins_write(&recording, &pins, out) : wrong;
        (void)qpt_write(&recording, out, "mutated");
        wrong = wrong == NULL ? json_write(&recording, &analysis, &pins, out, "mutated") : wrong;
        wrong = wrong == NULL ? page_write(out, template_path, "/dev/null") : wrong;
        pins_free(&pins);
        analysis_free(&analysis);
    }
    recording_free(&recording);
    return wrong;
}

static int mutate(const char *path, uint64_t n, const char *template_path, const char *scratch_path)
{
    size_t len;
    unsigned char *bytes = read_file(path, &len);
    unsigned char *copy = malloc(len);
    char scratch[512];
    uint64_t i;

    if (copy == NULL || len < 200u) {
        return 2;
    }
    snprintf(scratch, sizeof scratch, "%.300s", scratch_path);
    for (i = 0; i < n; i++) {
        size_t now = len;
        FILE *file = fopen(scratch, "wb");
        const char *wrong;

        memcpy(copy, bytes, len);
        mutate_once(copy, &now);
        if (file == NULL || fwrite(copy, 1, now, file) != now || fclose(file) != 0) {
            perror(scratch);
            return 2;
        }
        wrong = use(scratch, template_path, scratch);
        if (wrong != NULL) {
            fprintf(stderr, "mutation %llu: %s\n", (unsigned long long)i, wrong);
            return 1;
        }
    }
    free(bytes);
    free(copy);
    printf("%llu mutations\n", (unsigned long long)n);
    return 0;
}

/* ---- Pins ---- */

struct load {
    uint32_t object;
    uint32_t page;
    uint32_t times;
    uint64_t cost;
    uint64_t once; /* what the last of them cost */
};

/* All pages through one physical page of 32, so that each load is a load: nothing stays, and a pin costs the same for all. */
static bool put_loads(const char *path, const struct load *load, size_t n)
{
    FILE *file = begin_file(path, 32);
    uint32_t last[2] = {0, 0};
    uint64_t time = 1000;
    uint32_t round;
    size_t i;

    if (file == NULL) {
        return false;
    }
    for (round = 0; round < 12u; round++) {
        for (i = 0; i < n; i++) {
            struct quire_trace_event event = event_of(QUIRE_TRACE_FAULT, QUIRE_FAULT_MAJOR, QUIRE_PROT_READ, time += 1000u);

            if (round >= load[i].times) {
                continue;
            }
            event.who = 1u | quire_trace_cost_code(round + 1u == load[i].times ? load[i].once : load[i].cost);
            event.page = 0;
            event.fobj = load[i].object;
            event.pgidx = load[i].page;
            if (last[0] != 0) {
                event.what |= QUIRE_TRACE_VICTIM;
                event.victim = last[0];
                event.victim_pgidx = last[1];
            }
            last[0] = event.fobj;
            last[1] = event.pgidx;
            put(file, &event);
        }
    }
    return fclose(file) == 0;
}

/* Object 1: ten pages of twelve loads, and one of two, the second of which took 10 ms. Object 2: few loads, all slow by accident.
 * Object 3: each load is slow. */
static int choose(const char *path)
{
    struct load load[13];
    struct recording recording;
    struct analysis analysis;
    struct pins pins;
    bool good;
    uint32_t i;

    for (i = 0; i < 10u; i++) {
        load[i] = (struct load){1, 2u * i, 12, 700, 700};
    }
    load[10] = (struct load){1, 100, 2, 700, 10000000};
    load[11] = (struct load){2, 0, 2, 10000000, 10000000};
    load[12] = (struct load){3, 7, 9, 5000, 10000000};
    if (!put_loads(path, load, 13) || recording_read(&recording, path) != NULL) {
        return 2;
    }
    if (analysis_make(&recording, &analysis) != NULL || pins_choose(&recording, &pins) != NULL) {
        return 2;
    }
    good = pins.pages == 8u && pins.num_lines == 8u; /* a quarter of the pool */
    for (i = 0; i < pins.num_lines; i++) {
        const struct pin_line *line = &pins.lines[i];
        uint32_t object = recording.objects[line->object].id;

        printf("object %u, page %u: %llu loads, %llu ns\n", object, line->first, (unsigned long long)line->saved_majors,
               (unsigned long long)line->saved_cost);
        good = good && (i == 0 ? object == 3u && line->first == 7u && line->saved_cost > 35000u && line->saved_cost < 45000u
                               : object == 1u && line->first < 20u && line->saved_cost > 7000u && line->saved_cost < 8400u);
    }
    pins_free(&pins);
    analysis_free(&analysis);
    recording_free(&recording);
    return good ? 0 : 1;
}

/* ---- Saves ---- */

struct told {
    enum quire_trace_type type;
    int status;
    uint64_t cost;
    uint32_t pgidx;
    uint32_t victim; /* its page + 1; 0: none */
    bool dirty;
};

/* A page that is loaded three times for 700 ns and evicted in between; at the end saved for 700 ns, then in vain for 10 ms. */
static const struct told by_themselves[] = {
    {QUIRE_TRACE_FAULT, QUIRE_OK, 700, 0, 0, false},     {QUIRE_TRACE_EVICT, QUIRE_OK, 0, 0, 1, false},
    {QUIRE_TRACE_FAULT, QUIRE_OK, 700, 0, 0, false},     {QUIRE_TRACE_EVICT, QUIRE_OK, 0, 0, 1, false},
    {QUIRE_TRACE_FAULT, QUIRE_OK, 700, 0, 0, false},     {QUIRE_TRACE_SAVE, QUIRE_OK, 700, 0, 0, false},
    {QUIRE_TRACE_SAVE, QUIRE_IO, 10000000, 0, 0, false},
};

/* Two pages that take turns; page 0 is saved twice, in faults that take 1,500 ns, others take 700: a save takes 800. */
static const struct told by_faults[] = {
    {QUIRE_TRACE_FAULT, QUIRE_OK, 700, 0, 0, false}, {QUIRE_TRACE_FAULT, QUIRE_OK, 700, 1, 1, false},
    {QUIRE_TRACE_FAULT, QUIRE_OK, 700, 0, 2, false}, {QUIRE_TRACE_FAULT, QUIRE_OK, 1500, 1, 1, true},
    {QUIRE_TRACE_FAULT, QUIRE_OK, 700, 0, 2, false}, {QUIRE_TRACE_FAULT, QUIRE_OK, 1500, 1, 1, true},
};

static bool put_told(const char *path, const struct told *told, size_t n)
{
    FILE *file = begin_file(path, 4);
    size_t i;

    if (file == NULL) {
        return false;
    }
    for (i = 0; i < n; i++) {
        bool fault = told[i].type == QUIRE_TRACE_FAULT;
        struct quire_trace_event event =
            event_of(told[i].type, fault ? QUIRE_FAULT_MAJOR : 0, fault ? QUIRE_PROT_WRITE : 0, 1000u * (i + 1u));

        event.what |= (uint16_t)((unsigned)-told[i].status << QUIRE_TRACE_STATUS_SHIFT);
        event.who = 1u | quire_trace_cost_code(told[i].cost);
        if (told[i].type != QUIRE_TRACE_EVICT) {
            event.fobj = 1;
            event.pgidx = told[i].pgidx;
        }
        if (told[i].victim != 0) {
            event.what |= (uint16_t)(QUIRE_TRACE_VICTIM | (told[i].dirty ? QUIRE_TRACE_DIRTY : 0));
            event.victim = 1;
            event.victim_pgidx = told[i].victim - 1u;
        }
        put(file, &event);
    }
    return fclose(file) == 0;
}

/* Events have 7 bits of what something took. */
static bool about(uint64_t value, uint64_t expected)
{
    return value >= expected - expected / 64u && value <= expected + expected / 64u;
}

/* What is said of page 0 of such a recording: its saves, those whose page stayed, failures, what it took, and what of that a pin
 * would have saved. */
static bool says(const char *path, const struct told *told, size_t n, uint32_t saves, uint64_t kept, uint64_t failures,
                 uint64_t took, uint64_t pin)
{
    struct recording recording;
    struct analysis analysis;
    struct pins pins;
    bool good;

    if (!put_told(path, told, n) || recording_read(&recording, path) != NULL) {
        return false;
    }
    if (analysis_make(&recording, &analysis) != NULL || pins_choose(&recording, &pins) != NULL) {
        return false;
    }
    good = recording.num_pages != 0 && pins.num_lines == 1u && pins.lines[0].first == 0;
    if (good) {
        uint64_t saved = pins.lines[0].saved_cost;

        printf("saves: %u, stayed: %llu, failures: %llu; a pin would have saved %llu ns\n", recording.pages[0].saves,
               (unsigned long long)analysis.kept, (unsigned long long)analysis.failures, (unsigned long long)saved);
        good = recording.pages[0].saves == saves && analysis.kept == kept && analysis.failures == failures &&
               about(recording.pages[0].cost, took) && about(saved, pin);
    }
    pins_free(&pins);
    analysis_free(&analysis);
    recording_free(&recording);
    return good;
}

static int save(const char *path)
{
    return says(path, by_themselves, sizeof by_themselves / sizeof by_themselves[0], 1, 1, 1, 4u * 700u, 3u * 700u) &&
                   says(path, by_faults, sizeof by_faults / sizeof by_faults[0], 2, 0, 0, 3u * 700u, 2u * 700u + 2u * 800u)
               ? 0
               : 1;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "make") == 0) {
        return make(argv[2], strtoull(argv[3], NULL, 10), argv[4]);
    }
    if (argc == 3 && strcmp(argv[1], "gap") == 0) {
        return make_gap(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "pins") == 0) {
        return choose(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], "saves") == 0) {
        return save(argv[2]);
    }
    if (argc == 6 && strcmp(argv[1], "mutate") == 0) {
        return mutate(argv[2], strtoull(argv[3], NULL, 10), argv[4], argv[5]);
    }
    fputs(
        "usage: test_trace make FILE EVENTS NAME | gap FILE | pins SCRATCH | saves SCRATCH | mutate FILE N TEMPLATE SCRATCH\n",
        stderr);
    return 2;
}
