/* A listener to a pager's trace that believes nothing: what it was told must be what the pager did. */
#ifndef TALE_H
#define TALE_H

#include <stdint.h>

#include "quire/quire.h"

#define TALE_SEGMENTS 16u
#define TALE_PAGES 512u /* of a segment; of more it knows nothing */
#define TALE_KINDS 7u

struct tale_held {
    uint32_t fobj; /* 0: nothing */
    uint32_t pgidx;
};

struct tale {
    struct quire_trace trace; /* for the pager's configuration */
    struct tale_held *held;   /* TALE_SEGMENTS x TALE_PAGES: what each physical page holds, by what was told */
    uint64_t faults[TALE_KINDS];
    uint64_t events[8];              /* per type */
    struct quire_fault_stats before; /* the pager's when the tale began */
    char wrong[160];                 /* empty: nothing was */
};

void tale_begin(struct tale *tale);
void tale_end(struct tale *tale);

/* Null, or how what was told differs from what is. Nothing may be in transit. */
const char *tale_wrong(struct tale *tale, const struct quire_pager *pager);

#endif
