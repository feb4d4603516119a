/* recording.h - a recording, read and checked, and what follows from it. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRACE_RECORDING_H
#define TRACE_RECORDING_H

#include <quire/pager.h>
#include <quire/trace.h>
#include <stdbool.h>
#include <stdint.h>

/*
 *   recording.c   reads a file, believes nothing of it, gives what it names dense numbers
 *   analysis.c    replays it: what was where when, who evicted whom, what each page cost
 *   pins.c        which pages, had they been pinned, would have saved the most
 *   qpt.c  text.c  page.c      what is made of it: a reference trace for replay, tables, one HTML page
 */

#define RECORDING_EVENTS_MAX 0x2000000u /* of 32 bytes: 1 GiB; of a longer file the rest is left out, and said so */
#define NAME_BYTES 96u
#define NONE UINT32_MAX

/* Makes room for one more element of `each` bytes in an array of which `used` of `size` are in use. False: no memory. */
bool room_for(void **array, size_t *size, size_t used, size_t each);

/* An array of `n` times NONE, never an empty one. Null: no memory. */
uint32_t *nones(size_t n);

/* The key to an index: two numbers. */
struct table_entry {
    uint32_t a;
    uint32_t b;
    uint32_t value; /* NONE: the entry is free */
};

/* From pairs of numbers to a dense number; open addressing. */
struct table {
    struct table_entry *entry;
    uint32_t mask;
    uint32_t used;
};

/* The value of (a, b); if it is new, `fresh`. NONE: no memory. */
uint32_t table_put(struct table *table, uint32_t a, uint32_t b, uint32_t fresh);
uint32_t table_get(const struct table *table, uint32_t a, uint32_t b);
void table_free(struct table *table);

struct context_info {
    uint32_t id;
    char name[NAME_BYTES];
};

struct object_info {
    uint32_t id;
    uint32_t npages; /* as told; 0: not told */
    bool unpaged;
    uint32_t first_page; /* its touched pages, by index, are pages[first_page ...] */
    uint32_t num_pages;  /* touched */
    uint32_t faults;
    uint32_t majors;
    uint32_t contexts; /* that faulted on it */
    char name[NAME_BYTES];
};

/* A page that some event names. */
struct page_info {
    uint32_t object;
    uint32_t pgidx;
    uint32_t majors;
    uint32_t minors;
    uint32_t evictions;
    uint32_t saves;
    uint32_t context; /* that faulted on it first */
    bool shared;      /* by contexts that faulted */
    bool written;
    bool executed;
    bool pinned;       /* pins.c */
    uint64_t cost;     /* of its majors and saves, in clock units */
    uint64_t resident; /* how long it was in memory */
};

/* One event, with dense numbers. */
struct step {
    uint64_t time; /* from the beginning of the recording; without a clock: the number of the event */
    uint64_t cost;
    uint32_t context; /* NONE: nobody's */
    uint32_t page;    /* NONE: none */
    uint32_t victim;  /* a page; NONE */
    uint32_t frame;   /* the physical page, dense; NONE */
    uint8_t type;     /* enum quire_trace_type */
    uint8_t kind;
    uint8_t access;
    int8_t status;
    bool dirty;
};

struct recording {
    struct quire_trace_header header;
    struct step *steps;
    uint32_t num_steps;
    uint64_t lost;    /* events that the recorder missed */
    uint64_t skipped; /* records that made no sense */
    int64_t written;  /* when the file was last written, in seconds since 1970; 0: not known */
    bool cut;         /* the file ends within a record, or is longer than is read */
    bool timed;
    uint64_t duration;
    uint32_t num_frames; /* physical pages that events name */
    struct context_info *contexts;
    uint32_t num_contexts;
    struct object_info *objects;
    uint32_t num_objects;
    struct page_info *pages; /* by object, then by index */
    uint32_t num_pages;
};

/* Reads the file at `path`. Returns null, or what is wrong with it; then there is nothing to free. */
const char *recording_read(struct recording *recording, const char *path);
void recording_free(struct recording *recording);

/* Physical pages of the pool: as told, or those that events name. */
uint32_t pool_pages(const struct recording *recording);

/* ---- analysis.c ---- */

/* Who made whom leave. */
struct pair {
    uint32_t winner; /* object whose page came; NONE: not known */
    uint32_t loser;  /* object whose page gave way */
    uint32_t count;
    uint32_t again; /* of the pages that gave way, those that came back before the recording ended */
};

/* Context `context` faulted on `object`. */
struct edge {
    uint32_t context;
    uint32_t object;
    uint32_t faults;
    uint32_t majors;
};

struct analysis {
    uint64_t faults[7]; /* by enum quire_fault_kind */
    uint64_t evictions;
    uint64_t dirty;     /* evictions that had to save first */
    uint64_t kept;      /* pages saved that stayed */
    uint64_t failures;  /* loads and saves that failed */
    uint64_t reloads;   /* majors of pages that were in memory before */
    uint64_t quick;     /* of these: evicted less than a pool's worth of evictions ago */
    struct pair *pairs; /* most that came back first */
    uint32_t num_pairs;
    struct edge *edges; /* most first */
    uint32_t num_edges;
    uint32_t *hottest; /* pages, most majors first */
};

/* Called for every change of what is in memory; `in` or out, at step `at`. May be null. */
typedef void (*residency_hook)(void *ctx, uint32_t page, bool in, uint32_t at);

/* Returns null, or what failed. */
const char *analysis_make(struct recording *recording, struct analysis *analysis);
void analysis_free(struct analysis *analysis);

/* Replays who is in memory. Returns null, or what failed. */
const char *residency_replay(const struct recording *recording, residency_hook hook, void *ctx);

/* ---- pins.c ---- */

struct pin_line {
    uint32_t object;
    uint32_t first;
    uint32_t n;
    uint64_t saved_majors;
    uint64_t saved_cost;
};

struct pins {
    struct pin_line *lines; /* best first */
    uint32_t num_lines;
    uint32_t pages;
    uint64_t saved_majors;
};

const char *pins_choose(struct recording *recording, struct pins *pins);
void pins_free(struct pins *pins);

/* ---- qpt.c, text.c, page.c: return null, or what failed ---- */

const char *qpt_write(const struct recording *recording, const char *path, const char *name);
const char *text_write(const struct recording *recording, const struct analysis *analysis, const struct pins *pins,
                       const char *path);
const char *pins_write(const struct recording *recording, const struct pins *pins, const char *path);
const char *json_write(const struct recording *recording, const struct analysis *analysis, const struct pins *pins,
                       const char *path, const char *name);
const char *page_write(const char *json_path, const char *template_path, const char *path);

/* What a reader should know first: one sentence each, in `line`. Returns how many. */
#define FINDINGS_MAX 8
unsigned findings(const struct recording *recording, const struct analysis *analysis, const struct pins *pins,
                  char line[FINDINGS_MAX][320]);

/* "context 3", or what it is called. */
const char *context_name(const struct recording *recording, uint32_t context, char *buffer, size_t size);
const char *object_name(const struct recording *recording, uint32_t object, char *buffer, size_t size);

#endif
