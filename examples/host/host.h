/* host.h - the parts of the example, and how they hang together. SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_H
#define HOST_H

#include <pthread.h>
#include <quire/quire.h>

#include "../trace/record.h"
#include "args.h"
#include "caught.h"
#include "elf_image.h"
#include "fault.h"
#include "host_mmu.h"
#include "sealing.h"
#include "stop.h"
#include "store.h"

/*
 *   main.c     shows progress, decides whether the run was good, takes everything down
 *   setup.c    makes everything, and refuses what cannot work
 *   plan.c     which files, and what they hold
 *   loader.c   what a TA loader does: tag, slices found or made, private data copied, code relocated
 *   worker.c   what a context does all the time; each check is in a file of its own: work_*.c
 *   report.c   the figures, as text and as JSON        dot.c   the structure, as a picture
 *   stop.c     stops everything, for somebody to change the store       caught.c   what was refused then
 *   resume.c   instead of a run: what an earlier run left in the store, tried with a new key
 *
 *   args.c elf_image.c elf_reloc.c sha256.c   know nothing of paging
 *   host_mmu.c fault.c store.c sealing.c      what Quire asks of its user: MMU hooks, a fault handler, stores, a cipher
 */

/* 0: all was as it should be. 1: something differed, or too little happened to prove anything. 2: it could not begin. 5: the store
 * was not what it should be, which was noticed, and all else was. (fault.c has 3 and 4.) */
#define EXIT_WRONG 1
#define EXIT_BAD 2
#define EXIT_CAUGHT 5

/* ---- Files ---- */

struct host_file {
    char *path;
    int file; /* what contexts compare with; the store has its own */
    uint64_t size;
    struct elf_image image;
    bool payload; /* its code is run */
};

/* ---- Contexts ---- */

struct loaded_segment {
    const struct elf_segment *segment;
    uintptr_t va;         /* of its first page; 0: not mapped */
    uint32_t *generation; /* writable: how often each page was overwritten, 0: as in the file. Null: read-only */
};

struct loaded {
    const struct host_file *file;
    struct quire_file *shared;
    uintptr_t bias; /* what is added to an address of the image; modulo the address space */
    struct loaded_segment segment[ELF_SEGMENTS];
};

/* A range of private zeros. */
struct heap {
    uintptr_t va;
    uint32_t npages;
    uint32_t *generation; /* of each page; 0: zeros */
};

/* What a context did; written by its thread only, read by others with counter_read(). */
struct figures {
    uint64_t verified; /* bytes compared and found equal */
    uint64_t passes;   /* over everything it maps */
    uint64_t runs;     /* of paged code */
    uint64_t writes;   /* pages of private data written */
    uint64_t refusals; /* accesses that had to be refused, and were */
    uint64_t heaps;    /* heaps given back and made anew */
    uint64_t slices_found;
    uint64_t slices_made;
    struct host_charge charge; /* evictions and saves that its faults brought about */
};

struct context {
    struct host *host;
    uint32_t index;
    pthread_t thread;
    struct quire_vm vm;
    struct host_window window;
    struct fault_thread fault;
    uint64_t random;
    struct loaded *loaded; /* one per file of the host */
    struct heap heap;
    uintptr_t shared_va;
    unsigned char *caught;  /* of each page of the window, 1: the store's page was refused, and is left alone */
    bool payload_caught;    /* ... one of the payload's: it runs no more */
    uint64_t payload_total; /* what the payload's own counters must say */
    uint64_t *payload_history;
    unsigned char *buffer; /* CHUNK_PAGES pages that nobody pages */
    struct figures figures;
    const char *failed; /* why it could not begin; null: it ran */
};

#define CHUNK_PAGES 8u
#define SHARED_PAGES 16u
#define SHARED_LINES ((uint32_t)(QUIRE_PAGE_SIZE / 64u))

/* What the pool looks like just now. */
struct sharing {
    uint32_t resident;
    uint32_t shared;         /* resident pages with more than one entry */
    uint32_t saved;          /* pages more that the same entries would need without sharing */
    uint64_t virtual_pages;  /* of all areas */
    uint64_t distinct_pages; /* of all objects that areas show */
};

/* ---- Everything ---- */

struct host {
    struct args args;
    struct host_file *files;
    int num_files;
    uint32_t heap_pages;

    struct host_mmu mmu;
    struct store store;
    struct sealing sealing; /* if args.sealed */
    struct caught caught;
    struct stops stops;
    struct quire_pager pager;
    struct quire_pmem *pmems;
    uint32_t *steps;
    union {
        struct quire_policy_refault refault;
        struct quire_policy_clock clock;
        struct quire_policy_s3fifo s3fifo;
        struct quire_policy_2q twoq;
        struct quire_policy_fifo fifo;
    } policy;                 /* the one that args.policy names */
    struct recorder recorder; /* if args.record */
    struct quire_file_table table;
    pthread_mutex_t table_lock;

    struct quire_fobj *shared;           /* the buffer that all contexts map */
    uint64_t *published;                 /* [context][page]: what was last written to its lines; not paged */
    uint64_t shared_added[SHARED_PAGES]; /* to the common word of each page of the buffer, by all; atomic */

    struct context *contexts;
    pthread_barrier_t loaded; /* all contexts, and main */
    pthread_barrier_t done;   /* all contexts */
    uint32_t running;         /* contexts whose thread has not ended; atomic */
    bool stop;                /* atomic */
    bool failed;              /* some context could not begin; atomic */
    uint64_t wrong;           /* things found wrong; atomic */
    double seconds;           /* of the run */
    uint32_t checks;          /* of all invariants, during the run */
    struct sharing peak;      /* the moment when most was saved */
};

static inline void counter_add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline uint64_t counter_read(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* The next random number below n of a context; n > 0. */
uint64_t context_random(struct context *context, uint64_t n);

/* Something differed: counts it, and says so (the first few times). */
void host_wrong(struct host *host, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- setup.c ---- */

/* Makes everything but the contexts' own memory, which their threads make. Says what is wrong; false then. */
bool setup_all(struct host *host);

/* The same for --resume: one context, no files. */
bool setup_resume(struct host *host);

/* The object has been mapped: a recording learns what it is called. */
void host_name_object(struct host *host, const struct quire_fobj *fobj);

/* ---- plan.c ---- */

/* Opens and reads the files to be loaded, the payload first. Says what is wrong; false then. */
bool plan_make(struct host *host);
void plan_free(struct host *host);

/* Reads exactly len bytes of a file; false if it does not have them. */
bool plan_read(const struct host_file *file, uint64_t offset, void *to, size_t len);

/* The source to parse it from. */
struct elf_source plan_source(const struct host_file *file);

/* ---- loader.c ---- */

/* Loads a file into a context: read-only segments from slices shared by all, the others private. Returns null, or what
 * failed; then nothing is mapped. */
const char *loader_load(struct context *context, const struct host_file *file, struct loaded *out);

/* Unmaps it, and drops its file. Returns null, or what failed. */
const char *loader_unload(struct context *context, struct loaded *loaded);

/* ---- resume.c ---- */

/* Instead of a run. Returns the exit status. */
int resume_run(struct host *host);

/* ---- worker.c ---- */

/* The thread of a context. */
void *worker_main(void *context);

/* Gives back what a context maps, and ends it; its thread has ended. Returns null, or what failed. */
const char *worker_end(struct context *context);

/* ---- work_*.c: the checks; all are called in a context's thread ---- */

/* Compares pages of a segment with the file, or with what was written to them; may write private ones anew. */
void work_segment(struct context *context, struct loaded *loaded, struct loaded_segment *segment, uint32_t first, uint32_t n);

/* Compares one page of a writable segment that is not the payload's. */
void work_segment_page(struct context *context, const struct loaded *loaded, const struct loaded_segment *segment,
                       uint32_t page);

/* Makes the context's heap, or replaces it by a new one. Returns null, or what failed. */
const char *work_heap_new(struct context *context);

/* Reads back, and perhaps rewrites, a random page of the heap; only reads this one. */
void work_heap(struct context *context);
void work_heap_page(struct context *context, uint32_t page);

/* Writes one's own lines of a random page of the shared buffer and reads those of the others; only reads those of this one. */
void work_shared(struct context *context);
void work_shared_page(struct context *context, uint32_t page);

/* When all threads have ended: has any addition to the buffer been lost? */
void work_shared_sum(struct context *context);

/* Runs the payload and compares what it answers. */
void work_execute(struct context *context);

/* Tries what must be refused. */
void work_refusals(struct context *context);

/* Reads every private page once, and changes none. */
void work_audit(struct context *context);

/* ---- report.c, dot.c ---- */

/* Looks at the pool, and remembers the best moment. */
void report_sharing(struct host *host, struct sharing *out);

/* Bytes that all contexts have verified so far. */
uint64_t report_verified(const struct host *host);

void report_progress(struct host *host, double seconds);

/* `failure`: why the run was not good; null: it was, but for what host->caught has. */
void report_text(struct host *host, const struct sharing *sharing, const char *failure);

/* Return false, and say so, if the file could not be written. */
bool report_json(struct host *host, const struct sharing *sharing, const char *failure);
bool dot_write(struct host *host);

#endif
