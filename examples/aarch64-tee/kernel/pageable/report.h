/* report.h - what the kernel tells about itself, as text, JSON and a picture. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_REPORT_H
#define KERNEL_REPORT_H

#include "abi/message.h"
#include "kernel/pageable/writer.h"
#include "kernel/session.h"

/* Writes the report of a kind (TEE_REPORT_*) to `view`, as far as it fits; *length is how long all of it is. False: no memory. */
bool report_write(uint64_t kind, const struct quire_view *view, size_t *length);

/* ---- The parts ---- */

/* One instance, at one moment. */
struct report_session {
    char name[17];
    uint32_t id;
    bool dead;
    struct session_figures figures;
    uint32_t resident; /* pages charged to it */
    uint32_t peak;
    uint64_t evictions; /* of these */
    uint32_t shared;    /* pages that it shows and another one too */
};

struct report {
    struct tee_stats total;
    struct report_session session[SESSIONS_MAX];
    uint32_t num_sessions;
};

void report_take(struct report *report);

/* report_json.c, report_dot.c */
void report_json(struct writer *writer, const struct report *report);
bool report_dot(struct writer *writer); /* false: no memory */

#endif
