/* ranges.h - reads a description of an address space. SPDX-License-Identifier: BSD-2-Clause */
#ifndef REGION_RANGES_H
#define REGION_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANGE_NAME 48
#define RANGE_DETAIL 160

enum range_role {
    RANGE_ADD,    /* there to be handed out */
    RANGE_TAKE,   /* part of such a range that is in use already */
    RANGE_OUTSIDE /* something else; shown, never handed out */
};

struct range {
    uint64_t first;
    uint64_t last; /* last byte, not the one behind it */
    enum range_role role;
    unsigned line;
    char name[RANGE_NAME];     /* to be called by; may be the name of several */
    char detail[RANGE_DETAIL]; /* all that the description says */
};

enum ranges_format { RANGES_TEXT, RANGES_IOMEM, RANGES_MAPS };

struct ranges {
    enum ranges_format format;
    struct range *range; /* in the order of the description */
    size_t count;
    size_t room;
};

/* Reads the file at `path` and finds out its format: /proc/iomem, a /proc/PID/maps, or text as --help describes.
 * `limit` is the last address of a process, 0: a good guess; only for maps. False after a message. */
bool ranges_read(struct ranges *ranges, const char *path, uint64_t limit);

void ranges_free(struct ranges *ranges);

#endif
