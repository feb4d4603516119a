/* quire/state.h - the data of a pager and of one operation on it. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_STATE_H
#define QUIRE_STATE_H

#include "account.h"
#include "area.h"
#include "base.h"
#include "fobj.h"
#include "headroom.h"
#include "list.h"
#include "mmu.h"
#include "pmem.h"
#include "policy.h"
#include "trace.h"

/*
 * Not for users, but for the statistics. Everything of a pager is under its one lock; whoever holds it has a `struct quire_op`
 * on the stack (engine.h says what is done with both):
 *
 *     struct quire_pager: hooks, pages, contexts, objects, accounts, reserve, requests, trace
 *     struct quire_op:    the pager, the lock's key, what is to be flushed, freed and told
 */
QUIRE_BEGIN

/* ---- The pager ---- */

struct quire_pager_stats {
    struct quire_fault_stats faults; /* of all contexts */
    uint64_t evictions;              /* pages that gave way to others */
    uint64_t saves;                  /* pages a store was given, successfully */
    uint64_t loads;                  /* pages a store gave, successfully */
    uint64_t save_failures;
    uint64_t load_failures;
    uint64_t bad_answers; /* of the failures: answers outside the contract */
    uint64_t waits;       /* times a thread waited for a page in transit or for room */
    uint64_t flushes;
    uint64_t wipes;                    /* pages wiped */
    uint64_t table_rounds;             /* calls of need_tables */
    uint64_t stuck;                    /* pages that went into quarantine */
    uint32_t pages[QUIRE_PAGE_STATES]; /* now, per state */
    uint32_t total;                    /* now: the sum of them */
    uint32_t fixed;                    /* now: pinned, locked, or dirty without a save operation */
    uint32_t steps;                    /* now: pages among the last of some thread */
    /* Memory that comes and goes (adopt.h, resize.h, advise.h). */
    uint64_t adopted;    /* pages that became resident with what the user had put there */
    uint64_t taken;      /* pages that went out of circulation, by shrinking or removal */
    uint64_t given_back; /* pages that came back */
    uint64_t let_go;     /* pages, resident or stored, whose content was advised to be free to go */
    /* Needs (need.h). */
    uint64_t needs; /* pages that stores asked for and were handed */
    uint64_t lent;  /* of these: brought into a page of the reserve */

    uint64_t around; /* entries made ahead of their faults (around.h) */
    uint64_t copies; /* pages that copies on write got of their own (fobj_cow.h) */
    /* Of loads and saves that are answered later, or for several pages (request.h). */
    uint64_t pending;         /* answers PENDING that were accepted */
    uint64_t timeouts;        /* requests cancelled while the store was at work */
    uint64_t unknown_tickets; /* answers to no request: never made, answered already, or ended */
    uint64_t read_ahead;      /* pages loaded because their neighbour was needed */
    uint64_t saved_ahead;     /* pages saved because their neighbour was */
    uint32_t requests;        /* now: of the table, in use ... */
    uint32_t requests_late;   /* ... and of these cancelled */
};

struct quire_op;
struct quire_io;
struct quire_request;

struct quire_pager {
    uint32_t stamp; /* QUIRE_STAMP: first, so that it is found whatever the layout */
    const struct quire_mmu *mmu;
    struct quire_mem mem;
    struct quire_pmem_pool pool;
    struct quire_list_node vms;
    struct quire_list_node fobjs;
    uint32_t *steps; /* concurrency rows: the place of the latest, then pages_per_step page numbers */
    uint32_t concurrency;
    uint32_t pages_per_step;
    uint32_t rank_max;
    uint32_t min_pages;
    uint32_t step_pages;   /* pages with steps > 0 */
    uint32_t claims;       /* slots CLAIMED: faults that are making room */
    uint32_t holds;        /* the library's own short pins, on all pages */
    uint32_t flushes;      /* unlocked flushes in flight: the contexts that their batches name must not end */
    uint32_t flushing;     /* objects' `flushing` counts, summed up */
    uint32_t room_waiters; /* threads that wait for any page to become free or evictable */
    struct quire_op *op;   /* the operation whose batch the policy's questions add to */
    struct quire_pager_stats stats;

    /* Accounts. */
    struct quire_accounts accounts;
    struct quire_account root; /* of objects that have no other */
    bool removing;             /* resize.h: a removal of pages is in progress */
    /* Needs (need.h). */
    enum quire_status (*need)(struct quire_op *op, struct quire_io *io, bool load, bool wait_ok); /* null: no ranks */
    const struct quire_op *needing; /* the operation that the reserve is for; null: none, and none of it is lent */
    uint32_t reserve;               /* free pages that an ordinary fault leaves: rank_max + 1, or none without ranks ... */
    uint32_t held_back;             /* ... less what is lent */
    uint32_t owed;                  /* pages missing in the reserve since somebody owned it last */
    uint32_t need_depth;            /* pages that are being brought, or given back, for one another */
    uint32_t lent[QUIRE_FOBJ_RANK_MAX + 1u]; /* pages of the reserve that hold what was needed; QUIRE_PAGE_NONE: none */
    /* Entries made ahead (around.h). */
    uint8_t around; /* pages of the window in which they are; 0: none are */
    /* Loads and saves in flight (request.h). */
    struct quire_request *requests; /* the table */
    uint32_t num_requests;
    uint32_t requests_first; /* the free one that is taken next */
    uint32_t requests_last;  /* the one that was given back last */
    uint32_t requests_used;
    uint32_t requests_late;  /* of these: cancelled, not answered */
    uint32_t requests_evict; /* of these: saves that will free a page, not cancelled */
    uint32_t request_waiters;
    /* What is told of it (trace.h). */
    struct quire_trace *trace; /* null: nobody listens */
    bool timed;                /* it has a clock */
    uint8_t telling;           /* QUIRE_TELLING_* */
    uint32_t last_vm;          /* the number that the last context got, and the last object */
    uint32_t last_fobj;
};

/* How an event gets there. */
#define QUIRE_TELLING_OTHER 0u /* not at all, or by the hook */
#define QUIRE_TELLING_RING 1u  /* into the ring, without a time */
#define QUIRE_TELLING_TIMED 2u /* ... with the time */

/* Does somebody listen? */
#if QUIRE_TRACE
#define QUIRE_PAGER_TRACED(pager) QUIRE_UNLIKELY((pager)->trace != NULL)
#else
#define QUIRE_PAGER_TRACED(pager) false
#endif

/* ---- Operations ---- */

/* How an operation that brings pages in goes about it. */
struct quire_how {
    bool wait_ok;
    uint32_t *steps;                 /* the row of the thread that will use the page: see quire_pager_step_row(). Null: none */
    struct quire_headroom *headroom; /* of the context that will use it: counts the load. Null: none */
};

/* The aged pages that one eviction may leave waiting for an unlocked flush. */
#define QUIRE_OP_AGED_MAX 32u

/* One operation in progress. Whoever has one holds the lock: functions that take it rely on that. */
struct quire_op {
    struct quire_pager *pager;
    uintptr_t key;           /* from the `lock` hook */
    struct quire_fobj *dead; /* objects to free after unlock, through fobj->link.next */
    uint32_t naged;          /* FLUSH_UNLOCKED only: pages whose entries the policy's questions removed */
    uint32_t kept;           /* 1: a page that a store needed stayed in a page of the reserve */
    uint32_t aged[QUIRE_OP_AGED_MAX];
    struct quire_batch batch;

    /* For a trace: what a fault is to tell when it ends, or before the lock is dropped. */
    struct quire_vm *vm;             /* whose fault or copy this is; null: nobody's */
    uint32_t untold;                 /* QUIRE_OP_* */
    uint32_t fobj;                   /* if LEFT: the number of the object it is about, 0: none */
    uint32_t page;                   /* the page it is about */
    uint32_t cost;                   /* of the save, if SAVED: quire_trace_cost_code() */
    uint32_t victim;                 /* what that page held before, if EVICTED: the object's number */
    const struct quire_trace *clock; /* if TIMED: on whose clock; the pager may have another trace when the fault ends */
    uint64_t began;                  /* and when the fault began */
    uint32_t victim_pgidx;           /* with `victim`: its page. Not side by side: a compiler would make vectors of them */
};

#define QUIRE_OP_AT_ONCE 1u /* no fault, which tells at its end */
#define QUIRE_OP_LOADED 2u  /* `page` was loaded */
#define QUIRE_OP_SAVED 8u   /* the page that is being given up was saved for that */
#define QUIRE_OP_LEFT 16u   /* the lock was dropped since the object was found: it may be gone */
#define QUIRE_OP_TIMED 32u  /* `began` is there */
/* `victim` was evicted from `page`, and saved for that. As the event says it. */
#define QUIRE_OP_EVICTED QUIRE_TRACE_VICTIM
#define QUIRE_OP_DIRTY QUIRE_TRACE_DIRTY

QUIRE_END

#endif /* QUIRE_STATE_H */
