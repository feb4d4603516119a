/* quire/pager.h - the engine: faults, eviction, write-back. SPDX-License-Identifier: BSD-2-Clause. Quire 0.1.0 */
#ifndef QUIRE_PAGER_H
#define QUIRE_PAGER_H

#include "area.h"
#include "base.h"
#include "fobj.h"
#include "list.h"
#include "mmu.h"
#include "pmem.h"
#include "policy.h"

/*
 * A pager owns a pool of physical pages and shows in them, on demand, the pages of fobjs that the areas of its contexts
 * map. Three calls to begin with: quire_pager_init(), quire_vm_map() (vm.h), and quire_pager_fault() from the exception
 * handler. A fault travels one way:
 *
 *   exception -> which area (area.h) -> which slot (fobj.h) -> which page (pmem.h) -> the store -> an entry (mmu.h)
 *
 * One lock (the hooks' `lock`) covers everything of a pager: contexts, areas, objects once mapped, pages. No lock is held
 * while a store loads or saves, while memory is allocated or freed, and in need_tables and wait; what was read before such a
 * call is read again after it. Every operation takes the lock itself, and so must not be called with it held.
 *
 * Invariants: quire_pager_check() (pager_check.h) names and checks them.
 */
QUIRE_BEGIN

/* ---- Set-up ---- */

/* Pages the pool must have so that every instruction finishes: each of `concurrency` threads that fault at once can have
 * its last `step` faulted pages present together, and `rank_max` + 1 pages are a reserve. */
#define QUIRE_PAGER_MIN_PAGES(concurrency, step, rank_max) ((uint64_t)(concurrency) * (step) + (rank_max) + 1u)

/* Bytes of the table that remembers the last pages of each thread. */
#define QUIRE_PAGER_STEP_BYTES(concurrency, step) ((size_t)(concurrency) * (step) * sizeof(uint32_t))

#define QUIRE_PAGER_STEP_DEFAULT 4u

/* Zero-initialise it, then set what is marked (must). It may be discarded after quire_pager_init(). */
struct quire_pager_config {
    const struct quire_mmu *mmu;   /* (must) lives as long as the pager */
    struct quire_policy *policy;   /* (must) e.g. quire_policy_clock_init(&clock); belongs to this pager */
    struct quire_mem mem;          /* (must) for the areas of quire_vm_map and its siblings */
    struct quire_pa pa;            /* (must) the first segment of physical pages ... */
    uint32_t npages;               /* (must) ... how many ... */
    struct quire_pmem *pmems;      /* (must) ... and npages elements of bookkeeping for them */
    uint32_t concurrency;          /* (must) threads that can fault at once, 1..65535; fault.thread lies below it */
    uint32_t pages_per_step;       /* pages one instruction may need at once, 1..255; 0: QUIRE_PAGER_STEP_DEFAULT */
    uint32_t rank_max;             /* the highest rank of any fobj; 0..QUIRE_FOBJ_RANK_MAX */
    uint32_t *steps;               /* (must) QUIRE_PAGER_STEP_BYTES(concurrency, pages_per_step) bytes */
};

struct quire_pager_stats {
    struct quire_fault_stats faults; /* of all contexts */
    uint64_t evictions;              /* pages that gave way to others */
    uint64_t saves;                  /* pages a store was given, successfully */
    uint64_t loads;                  /* pages a store gave, successfully */
    uint64_t save_failures;
    uint64_t load_failures;
    uint64_t bad_answers;            /* of the failures: answers outside the contract */
    uint64_t waits;                  /* times a thread waited for a page in transit or for room */
    uint64_t flushes;
    uint64_t wipes;                  /* pages wiped */
    uint64_t table_rounds;           /* calls of need_tables */
    uint64_t stuck;                  /* pages that went into quarantine */
    uint32_t pages[QUIRE_PAGE_STATES]; /* now, per state */
    uint32_t total;                  /* now: the sum of them */
    uint32_t fixed;                  /* now: pinned, locked, or dirty without a save operation */
    uint32_t steps;                  /* now: pages among the last of some thread */
};

struct quire_pager {
    uint32_t stamp; /* QUIRE_STAMP: first, so that it is found whatever the layout */
    const struct quire_mmu *mmu;
    struct quire_policy *policy;
    struct quire_mem mem;
    struct quire_pmem_pool pool;
    struct quire_list_node vms;
    struct quire_list_node fobjs;
    uint32_t *steps;        /* concurrency rows of pages_per_step page numbers, the latest first */
    uint32_t concurrency;
    uint32_t pages_per_step;
    uint32_t min_pages;
    uint32_t step_pages;    /* pages with steps > 0 */
    uint32_t in_policy;     /* pages the policy has */
    uint32_t claims;        /* slots CLAIMED: faults that are making room */
    uint32_t room_waiters;  /* threads that wait for any page to become free or evictable */
    uint32_t evictions;     /* the count that shadows are made of, modulo 2^29, never 0 */
    struct quire_pager_stats stats;
};

/* Makes a pager over the first segment of pages. INVALID: a `must` missing, hooks incomplete, numbers out of range, pages
 * unaligned or wrapping; NO_PAGE: fewer pages than QUIRE_PAGER_MIN_PAGES(). Takes no lock; O(npages + step table). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_init(struct quire_pager *pager, const struct quire_pager_config *config)
    QUIRE_SYM(quire_pager_init);

/* Ends a pager that has no context and no object left. BUSY if it has: nothing changed. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_fini(struct quire_pager *pager) QUIRE_SYM(quire_pager_fini);

/* Adds npages contiguous physical pages, with as many elements of bookkeeping. INVALID: unaligned, empty, wrapping,
 * overlapping pages it has; LIMIT: 2^QUIRE_SEGMENT_BITS segments are in use. O(npages), under the lock. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_add_pages(struct quire_pager *pager, struct quire_pa pa, uint32_t npages,
                                                                   struct quire_pmem *pmems) QUIRE_SYM(quire_pager_add_pages);

/* ---- Faults ---- */

struct quire_fault {
    uintptr_t va;    /* any byte of the access */
    unsigned access; /* exactly one of QUIRE_PROT_READ, WRITE, EXEC */
    bool privileged; /* false: needs QUIRE_PROT_USER in the area */
    bool wait_ok;    /* may this thread sleep in the `wait` hook? */
    uint32_t thread; /* 0..concurrency-1: no two threads in the pager at once have the same */
};

enum quire_fault_kind {
    QUIRE_FAULT_REFUSED,  /* the status tells why */
    QUIRE_FAULT_MINOR,
    QUIRE_FAULT_MAJOR,
    QUIRE_FAULT_WRITE,    /* a resident page became writable */
    QUIRE_FAULT_ACCESSED, /* only the accessed flag was to be set */
    QUIRE_FAULT_SPURIOUS, /* nothing was to do */
    QUIRE_FAULT_UNPAGED
};

struct quire_fault_result {
    enum quire_fault_kind kind;
    struct quire_fobj *fobj; /* for reports: compare it, do not follow it (another thread may have put it). Null: no area */
    uint32_t pgidx;
    enum quire_status store; /* what the store last answered in this fault; OK if it was not asked */
};

/*
 * Handles one fault of a context; call it from the exception handler, and on OK let the instruction run again. `out` may be
 * null. Sleeps in load, save, need_tables and (wait_ok) wait, without the lock.
 *
 * NOT_FOUND: no area there. DENIED: the area does not permit it. AGAIN: it would have to wait and must not, or cannot: let the
 * instruction run again. DEAD: the object died while this thread waited. IO, INTEGRITY, NO_MEMORY, BAD_ANSWER: what the store
 * answered to the load (others are not affected; a retry may succeed). NO_PAGE: nothing can be evicted; out->store tells if
 * saves failed. NO_TABLE: page-table memory could not be had in 3 rounds; the page stays resident. STUCK: the page, or the
 * area, is quarantined. INVALID: `in` is not as above.
 *
 * Cost: O(log areas of the vm); a page with other mappings is not slowed by them. An eviction adds what the policy looks at
 * (bounded) and the entries of the victim. Independent of the pool's size.
 */
QUIRE_API QUIRE_RESIDENT QUIRE_MUST_CHECK enum quire_status quire_pager_fault(struct quire_pager *pager, struct quire_vm *vm,
                                                                              const struct quire_fault *in,
                                                                              struct quire_fault_result *out)
    QUIRE_SYM(quire_pager_fault);

/* ---- Objects ---- */

/* Saves every dirty page of [first, first + n) of `fobj`; they stay resident, clean. Writers are stopped meanwhile by taking
 * their entries away. A page pinned for writing is saved and stays dirty. The first failure of a save is returned after the
 * others were tried; that page stays dirty. INVALID: out of range; AGAIN: a page is in transit and this caller cannot wait.
 * Sleeps in save. O(min(n, resident pages)) + the entries of those pages. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_write_back(struct quire_pager *pager, struct quire_fobj *fobj,
                                                                    uint32_t first, uint32_t n, bool wait_ok)
    QUIRE_SYM(quire_pager_write_back);

/* Forgets what is resident of [first, first + n) of `fobj`, so that the next use loads it again: for a store whose content
 * changed underneath. Pages in transit are forgotten when they arrive. DIRTY if any page holds content that is nowhere else,
 * BUSY if any is pinned or held: then none was forgotten (entries may have been taken away: a minor fault each).
 * O(min(n, resident pages)) + their entries. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_invalidate(struct quire_pager *pager, struct quire_fobj *fobj,
                                                                    uint32_t first, uint32_t n) QUIRE_SYM(quire_pager_invalidate);

/* Tries again to remove the entries that an MMU refused to remove; pages it lets go of become resident again. Returns OK if
 * none is left in quarantine, else STUCK. O(pages of the pool). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_unstick(struct quire_pager *pager) QUIRE_SYM(quire_pager_unstick);

/* A consistent copy of the statistics. O(1), under the lock. */
QUIRE_API void quire_pager_get_stats(struct quire_pager *pager, struct quire_pager_stats *out) QUIRE_SYM(quire_pager_get_stats);

/* ---- The engine: what vm.h, pin.h and pager_check.h are made of. Not for users. ---- */
QUIRE_END
#endif
