/* ranges.c - reads a description of an address space. SPDX-License-Identifier: BSD-2-Clause */
#include "ranges.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"

/* Where Linux lets processes begin unless told otherwise (vm.mmap_min_addr). */
#define MAPS_FIRST 0x10000u

static void set_text(char *to, size_t room, const char *from)
{
    size_t len = strcspn(from, "\n");

    if (len >= room) {
        len = room - 1;
    }
    memcpy(to, from, len);
    to[len] = '\0';
}

/* A name as the commands can quote it: without quotes of its own. */
static void set_name(struct range *range, const char *from)
{
    char *quote;

    set_text(range->name, sizeof range->name, from);
    while ((quote = strchr(range->name, '"')) != NULL) {
        *quote = '\'';
    }
}

static struct range *append(struct ranges *ranges, uint64_t first, uint64_t last, enum range_role role)
{
    struct range *range;

    if (ranges->count == ranges->room) {
        size_t room = ranges->room != 0 ? 2 * ranges->room : 64;
        struct range *grown = (struct range *)realloc(ranges->range, room * sizeof *grown);

        if (grown == NULL) {
            return NULL;
        }
        ranges->range = grown;
        ranges->room = room;
    }
    range = &ranges->range[ranges->count++];
    memset(range, 0, sizeof *range);
    range->first = first;
    range->last = last;
    range->role = role;
    return range;
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t\r");
}

/* "first-last", hexadecimal; moves behind it. */
static bool read_pair(const char **text, uint64_t *first, uint64_t *last)
{
    if (!number_hex(text, first) || **text != '-') {
        return false;
    }
    ++*text;
    return number_hex(text, last);
}

/* ---- /proc/iomem: "  01000000-022090c7 : Kernel code", two blanks for each level ---- */

static bool is_iomem(const char *line)
{
    uint64_t first;
    uint64_t last;

    line = skip_blanks(line);
    return read_pair(&line, &first, &last) && strncmp(line, " : ", 3) == 0;
}

static const char *read_iomem(struct ranges *ranges, const char *line)
{
    const char *at = line + strspn(line, " ");
    size_t level = (size_t)(at - line) / 2;
    const struct range *last_top = ranges->count != 0 ? &ranges->range[ranges->count - 1] : NULL;
    enum range_role role = RANGE_OUTSIDE;
    struct range *range;
    uint64_t first;
    uint64_t last;

    if (!is_iomem(line)) {
        return "not \"first-last : name\"";
    }
    read_pair(&at, &first, &last);
    at += 3;
    if (first > last) {
        return "it ends before it begins";
    }
    if (level == 0 && strncmp(at, "System RAM", 10) == 0) {
        role = RANGE_ADD;
    } else if (level == 1 && last_top != NULL && last_top->role != RANGE_OUTSIDE) {
        role = RANGE_TAKE;
    } else if (level != 0) {
        return NULL; /* a part of what is in use, or of what is no memory */
    }
    range = append(ranges, first, last, role);
    if (range == NULL) {
        return "no memory";
    }
    set_name(range, at);
    set_text(range->detail, sizeof range->detail, at);
    return NULL;
}

static const char *finish_iomem(struct ranges *ranges)
{
    size_t i;

    for (i = 0; i < ranges->count; i++) {
        if (ranges->range[i].last != 0) {
            return NULL;
        }
    }
    return "all addresses are zero: the kernel shows them to root only (try sudo)";
}

/* ---- /proc/PID/maps: "7f12a000-7f12b000 r-xp 00001000 fe:00 1234    /usr/lib/x.so" ---- */

static bool is_maps(const char *line)
{
    uint64_t first;
    uint64_t end;

    return read_pair(&line, &first, &end) && line[0] == ' ' && strchr("r-", line[1]) != NULL && line[1] != '\0' &&
           strchr("w-", line[2]) != NULL && line[2] != '\0';
}

static const char *read_maps(struct ranges *ranges, const char *line)
{
    const char *at = line;
    const char *name;
    struct range *range;
    uint64_t first;
    uint64_t end;
    int field;

    if (!is_maps(line) || !read_pair(&at, &first, &end)) {
        return "not \"first-end rwxp offset device inode name\"";
    }
    if (first >= end) {
        return "it ends before it begins";
    }
    range = append(ranges, first, end - 1, first >> 63 == 0 ? RANGE_TAKE : RANGE_OUTSIDE); /* the upper half is the kernel's */
    if (range == NULL) {
        return "no memory";
    }
    at++;
    set_text(range->detail, sizeof range->detail, at);
    for (field = 0; field < 4; field++) {
        at = skip_blanks(at + strcspn(at, " \t\n"));
    }
    name = at[0] == '/' ? strrchr(at, '/') + 1 : at;
    set_name(range, name[0] != '\n' && name[0] != '\0' ? name : "anon");
    return NULL;
}

/* What is not mapped is available, from `MAPS_FIRST` up to the limit, or to the usual one above the highest mapping. */
static const char *finish_maps(struct ranges *ranges, uint64_t limit)
{
    static const unsigned char bits[] = {32, 39, 47, 48, 56, 63};
    uint64_t from = MAPS_FIRST;
    uint64_t highest = 0;
    size_t i;

    for (i = 0; i < ranges->count; i++) {
        if (ranges->range[i].role == RANGE_TAKE && ranges->range[i].last > highest) {
            highest = ranges->range[i].last;
        }
    }
    for (i = 0; limit == 0 && i < sizeof bits; i++) {
        if (highest >> bits[i] == 0) {
            limit = ((uint64_t)1 << bits[i]) - 1;
        }
    }
    limit = limit != 0 ? limit : UINT64_MAX;
    for (i = 0; i < ranges->count; i++) {
        struct range *range = &ranges->range[i];

        if (range->first <= limit && range->last > limit) {
            return "the limit lies inside a mapping";
        }
        if (range->first <= from && range->last >= from) {
            if (range->last == UINT64_MAX) {
                return "there is nothing below the limit";
            }
            from = range->last + 1; /* somebody may map what is too low for others */
        }
        if (range->last > limit || range->last < from) {
            range->role = RANGE_OUTSIDE;
        }
    }
    if (from > limit) {
        return "there is nothing below the limit";
    }
    return append(ranges, from, limit, RANGE_ADD) != NULL ? NULL : "no memory";
}

/* ---- Text: "[add|reserve] first-last [name]" or "[add|reserve] base +size [name]" ---- */

static bool take_word(const char **text, const char *word)
{
    size_t len = strlen(word);

    if (strncmp(*text, word, len) != 0 || ((*text)[len] != ' ' && (*text)[len] != '\t')) {
        return false;
    }
    *text = skip_blanks(*text + len);
    return true;
}

static bool take_address(const char **text, uint64_t *out)
{
    if ((*text)[0] == '0' && ((*text)[1] == 'x' || (*text)[1] == 'X')) {
        *text += 2;
    }
    return number_hex(text, out);
}

/* The rest of a range that begins at `first`: "-last" or " +size". */
static const char *take_end(const char **text, uint64_t first, uint64_t *last)
{
    char word[32];
    uint64_t size;

    if (**text == '-') {
        ++*text;
        return take_address(text, last) ? NULL : "expected the last address, hexadecimal";
    }
    *text = skip_blanks(*text);
    if (**text != '+') {
        return "expected -last or +size";
    }
    ++*text;
    snprintf(word, sizeof word, "%.*s", (int)strcspn(*text, " \t\r\n"), *text);
    if (!number_size(word, &size) || size == 0) {
        return "expected a size such as 64K";
    }
    *text += strcspn(*text, " \t\r\n");
    *last = first + (size - 1);
    return *last < first ? "it passes 2^64" : NULL;
}

static const char *read_text(struct ranges *ranges, const char *line)
{
    const char *at = skip_blanks(line);
    enum range_role role = RANGE_ADD;
    const char *wrong;
    struct range *range;
    uint64_t first;
    uint64_t last;

    if (take_word(&at, "reserve")) {
        role = RANGE_TAKE;
    } else {
        take_word(&at, "add");
    }
    if (!take_address(&at, &first)) {
        return "expected an address, hexadecimal, after \"add\" or \"reserve\"";
    }
    wrong = take_end(&at, first, &last);
    if (wrong != NULL) {
        return wrong;
    }
    if (first > last) {
        return "it ends before it begins";
    }
    if (strchr(" \t\r\n", *at) == NULL) {
        return "expected a blank behind the range";
    }
    range = append(ranges, first, last, role);
    if (range == NULL) {
        return "no memory";
    }
    at = skip_blanks(at);
    set_name(range, *at != '\n' && *at != '\0' ? at : role == RANGE_ADD ? "memory" : "reserved");
    set_text(range->detail, sizeof range->detail, range->name);
    return NULL;
}

/* ---- Any of them ---- */

static const char *read_line(struct ranges *ranges, const char *line)
{
    switch (ranges->format) {
    case RANGES_IOMEM:
        return read_iomem(ranges, line);
    case RANGES_MAPS:
        return read_maps(ranges, line);
    case RANGES_TEXT:
    default:
        return read_text(ranges, line);
    }
}

static bool read_lines(struct ranges *ranges, const char *path, FILE *file)
{
    char *line = NULL;
    size_t room = 0;
    unsigned number = 0;
    bool known = false;
    const char *wrong = NULL;
    ssize_t len;

    while (wrong == NULL && (len = getline(&line, &room, file)) > 0) {
        const char *at = skip_blanks(line);
        size_t before = ranges->count;

        number++;
        if (strlen(line) != (size_t)len) {
            wrong = "a zero byte: this is no text";
        } else if (*at != '\n' && *at != '#' && *at != '\0') {
            if (!known) {
                ranges->format = is_iomem(line) ? RANGES_IOMEM : is_maps(line) ? RANGES_MAPS : RANGES_TEXT;
                known = true;
            }
            wrong = read_line(ranges, line);
        }
        if (ranges->count != before) {
            ranges->range[before].line = number;
        }
    }
    free(line);
    if (wrong != NULL) {
        fprintf(stderr, "region: %s, line %u: %s\n", path, number, wrong);
    }
    return wrong == NULL;
}

bool ranges_read(struct ranges *ranges, const char *path, uint64_t limit)
{
    FILE *file = fopen(path, "r");
    const char *wrong = NULL;
    bool good;

    memset(ranges, 0, sizeof *ranges);
    if (file == NULL) {
        fprintf(stderr, "region: %s: %s\n", path, strerror(errno));
        return false;
    }
    good = read_lines(ranges, path, file);
    if (good && ferror(file)) {
        wrong = strerror(errno);
    } else if (good && ranges->count == 0) {
        wrong = "there is no range in it";
    } else if (good && ranges->format == RANGES_IOMEM) {
        wrong = finish_iomem(ranges);
    } else if (good && ranges->format == RANGES_MAPS) {
        wrong = finish_maps(ranges, limit);
    }
    if (wrong != NULL) {
        fprintf(stderr, "region: %s: %s\n", path, wrong);
    }
    fclose(file);
    return good && wrong == NULL;
}

void ranges_free(struct ranges *ranges)
{
    free(ranges->range);
    memset(ranges, 0, sizeof *ranges);
}
