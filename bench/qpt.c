/* bench/qpt.c - reads recorded traces of page references. SPDX-License-Identifier: BSD-2-Clause */
#define _POSIX_C_SOURCE 200809L
#include "qpt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024u
#define CONTENTS_MAX (1u << 22) /* a machine with more page table entries is not simulated here */
#define RECORDS_MAX (1u << 28)
#define CHUNK (1u << 18)

static bool ends_with(const char *text, size_t len, const char *end)
{
    return len >= strlen(end) && memcmp(text + len - strlen(end), end, strlen(end)) == 0;
}

/* The name of a trace is a word, whatever its file is called. */
static void set_name(struct qpt *qpt, const char *path)
{
    const char *base = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    size_t len = strlen(base);
    size_t i;

    len -= ends_with(base, len, ".xz") ? 3u : 0u;
    len -= ends_with(base, len, ".qpt") ? 4u : 0u;
    len = len < sizeof qpt->name ? len : sizeof qpt->name - 1u;
    for (i = 0; i < len; i++) {
        bool plain = (base[i] >= '0' && base[i] <= '9') || (base[i] >= 'A' && base[i] <= 'Z') ||
                     (base[i] >= 'a' && base[i] <= 'z') || base[i] == '-' || base[i] == '.';

        qpt->name[i] = base[i];
        if (!plain) {
            qpt->name[i] = '_';
        }
    }
    qpt->name[len] = '\0';
}

/* ---- The file ---- */

/* The output of xz; no shell reads the path. */
static FILE *open_packed(const char *path, pid_t *child)
{
    int end[2];

    if (pipe(end) != 0) {
        return NULL;
    }
    *child = fork();
    if (*child == 0) {
        (void)dup2(end[1], STDOUT_FILENO);
        (void)close(end[0]);
        (void)close(end[1]);
        (void)execlp("xz", "xz", "-dc", "--", path, (char *)NULL);
        _exit(127);
    }
    (void)close(end[1]);
    if (*child < 0) {
        (void)close(end[0]);
        return NULL;
    }
    return fdopen(end[0], "rb");
}

/* ---- What is in it ---- */

/* The number behind `key` in the header, at most `most`; 0 if it is not there or not such a number. */
static uint32_t header_number(const char *line, const char *key, uint32_t most)
{
    const char *at = strstr(line, key);
    uint64_t value = 0;

    if (at == NULL) {
        return 0;
    }
    for (at += strlen(key); *at >= '0' && *at <= '9' && value <= most; at++) {
        value = value * 10u + (uint64_t)(*at - '0');
    }
    return value <= most && (*at == ' ' || *at == '\n') ? (uint32_t)value : 0;
}

static const char *read_header(struct qpt *qpt, FILE *file)
{
    char line[LINE_MAX_BYTES];

    if (fgets(line, (int)sizeof line, file) == NULL || strncmp(line, "QPT1 ", 5) != 0 || strchr(line, '\n') == NULL) {
        return "it does not begin with a QPT1 header";
    }
    qpt->contexts = header_number(line, " ctx=", 256);
    qpt->pages = header_number(line, " pages=", CONTENTS_MAX);
    qpt->records = header_number(line, " records=", RECORDS_MAX);
    if (qpt->contexts == 0 || qpt->pages == 0 || qpt->records == 0) {
        return "its header has no ctx=, pages= or records=, or one that is out of range";
    }
    if (qpt->pages > CONTENTS_MAX / qpt->contexts) {
        return "its contexts have too many pages";
    }
    return NULL;
}

/* Checks a record. What its page is used for is what it is really used for, whatever the file says. */
static const char *check_record(struct qpt *qpt, uint32_t record)
{
    if (qpt_kind(record) == QPT_MARK) {
        return NULL;
    }
    if (qpt_page(record) >= qpt->pages || qpt_context(record) >= qpt->contexts) {
        return "a record names a page or a context that its header does not have";
    }
    if (qpt_kind(record) == QPT_WRITE) {
        qpt->use[qpt_page(record)] |= QPT_WRITTEN;
    } else if (qpt_kind(record) == QPT_EXECUTE) {
        qpt->use[qpt_page(record)] |= QPT_EXECUTED;
    }
    return NULL;
}

/* Memory grows with what is there, not with what the header says is there. */
static const char *read_records(struct qpt *qpt, FILE *file)
{
    static uint8_t bytes[4u * CHUNK];
    uint32_t references = 0;
    uint32_t n = 0;

    while (n < qpt->records) {
        uint32_t more = qpt->records - n < CHUNK ? qpt->records - n : CHUNK;
        uint32_t *grown = realloc(qpt->record, ((size_t)n + more) * sizeof *grown);
        uint32_t i;

        if (grown == NULL) {
            return "not enough memory for it";
        }
        qpt->record = grown;
        if (fread(bytes, 4, more, file) != more) {
            return "it ends before its last record";
        }
        for (i = 0; i < more; i++) {
            const uint8_t *b = &bytes[4u * i];
            const char *wrong;

            grown[n + i] = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
            wrong = check_record(qpt, grown[n + i]);
            if (wrong != NULL) {
                return wrong;
            }
            references += qpt_kind(grown[n + i]) != QPT_MARK;
        }
        n += more;
    }
    if (fgetc(file) != EOF) {
        return "it goes on behind its last record";
    }
    return references != 0 ? NULL : "it has no references";
}

static const char *read_all(struct qpt *qpt, FILE *file)
{
    const char *wrong = read_header(qpt, file);

    if (wrong != NULL) {
        return wrong;
    }
    qpt->use = malloc(qpt->pages);
    if (qpt->use == NULL) {
        return "not enough memory for it";
    }
    if (fread(qpt->use, 1, qpt->pages, file) != qpt->pages) {
        return "it ends before its first record";
    }
    return read_records(qpt, file);
}

const char *qpt_read(struct qpt *qpt, const char *path)
{
    FILE *file = fopen(path, "rb");
    const char *wrong;
    pid_t child = 0;

    memset(qpt, 0, sizeof *qpt);
    set_name(qpt, path);
    if (file != NULL && ends_with(path, strlen(path), ".xz")) {
        (void)fclose(file);
        file = open_packed(path, &child);
    }
    if (file == NULL) {
        return "it cannot be opened";
    }
    wrong = read_all(qpt, file);
    (void)fclose(file);
    if (child != 0) {
        int status = 0;

        if ((waitpid(child, &status, 0) != child || status != 0) && wrong == NULL) {
            wrong = "xz is missing, or finds a fault in it";
        }
    }
    if (wrong != NULL) {
        qpt_free(qpt);
    }
    return wrong;
}

const char *qpt_loop(struct qpt *qpt, uint32_t pages)
{
    uint32_t rounds = QPT_LOOP_REFERENCES / pages;
    uint32_t i;

    memset(qpt, 0, sizeof *qpt);
    (void)snprintf(qpt->name, sizeof qpt->name, "loop=%u", (unsigned)pages);
    qpt->contexts = 1;
    qpt->pages = pages;
    qpt->records = rounds * pages;
    qpt->use = calloc(pages, 1);
    qpt->record = malloc((size_t)qpt->records * sizeof *qpt->record);
    if (qpt->use == NULL || qpt->record == NULL) {
        qpt_free(qpt);
        return "not enough memory for it";
    }
    for (i = 0; i < qpt->records; i++) {
        qpt->record[i] = i % pages << 2 | QPT_READ;
    }
    return NULL;
}

void qpt_free(struct qpt *qpt)
{
    free(qpt->use);
    free(qpt->record);
    qpt->use = NULL;
    qpt->record = NULL;
}
