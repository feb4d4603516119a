/* Threads for tests: a crew that begins at once, and gates that hold a store. */
#ifndef CREW_H
#define CREW_H

#include <pthread.h>
#include <stdbool.h>

#include "rig.h"

#define CREW_MAX 8u

/* Runs work(rig, i) in threads i = 0..n - 1, which begin together; returns when all have ended. */
void crew_run(struct rig *rig, unsigned n, void (*work)(struct rig *rig, unsigned i));

/* A store's load or save stops at the gate until it is opened. */
struct crew_gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool open;
    bool loads;               /* which of both it stops */
    unsigned waiting;         /* how many are there */
    enum quire_status status; /* what they are told when it opens */
};

void crew_gate_init(struct crew_gate *gate, struct rig_store *store, bool loads);
/* Returns when `n` have come. */
void crew_gate_await(struct crew_gate *gate, unsigned n);
void crew_gate_open(struct crew_gate *gate);
void crew_gate_fini(struct crew_gate *gate);

/* Returns when `n` threads wait in the pager. */
void crew_await_waits(struct rig *rig, uint64_t n);

/* The most faults that one instruction took. */
struct crew_tally {
    uint64_t by_thread[CREW_MAX];    /* in this run; each written by its thread only */
    uint64_t by_crew[CREW_MAX + 1u]; /* in all runs with so many threads */
};

/* Thread `i` says that an instruction took so many. */
void crew_tally_note(struct crew_tally *tally, unsigned i, uint64_t faults);
/* A run of `n` threads has ended; returns its most. */
uint64_t crew_tally_end(struct crew_tally *tally, unsigned n);
/* Prints the most for each size of the crew, and begins anew. */
void crew_tally_print(struct crew_tally *tally, const char *what);

/* Seconds of a clock that only goes forward. */
double crew_clock(void);

#endif
