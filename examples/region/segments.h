/* segments.h - all there is in a space, in the order of addresses. SPDX-License-Identifier: BSD-2-Clause */
#ifndef REGION_SEGMENTS_H
#define REGION_SEGMENTS_H

#include "space.h"

enum segment_kind {
    SEGMENT_AVAILABLE,
    SEGMENT_TAKEN,     /* in use by the description */
    SEGMENT_REQUESTED, /* handed out since */
    SEGMENT_GUARD,
    SEGMENT_OUTSIDE /* not the allocator's */
};

struct segment {
    uint64_t first;
    uint64_t last;
    enum segment_kind kind;
    const char *name; /* these two last as long as what they name */
    const char *detail;
};

struct segments {
    struct segment *segment; /* ascending; null: out of memory */
    size_t count;
};

/* Takes stock. The caller frees `segment`. */
struct segments segments_collect(const struct space *space);

#endif
