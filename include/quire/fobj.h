/* quire/fobj.h - reference-counted backing stores, and the slot of each of their pages. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_FOBJ_H
#define QUIRE_FOBJ_H

#include "base.h"
#include "list.h"
#include "refcount.h"
#include "tree.h"

/*
 * An fobj is `num_pages` pages of content and the operations that fetch and keep them. Areas show it, the pager holds some
 * of its pages in physical memory, and its slot table says for each page where it is:
 *
 *     slots:  [ EMPTY ][ PRESENT, page 7 ][ STORED, evicted as number 4711 ][ CLAIMED ] ...
 *
 * Begin with one of the ready ones (fobj_zero.h, fobj_ro.h, fobj_rw.h, fobj_phys.h), or fill a `struct quire_fobj_ops` and
 * call quire_fobj_init(). The creator owns the first reference; every area and every pin has one.
 *
 * Invariants: an fobj with an area has references; all-zero slots are a valid table of an object never touched; the last
 * put frees exactly once, after the store's last answer.
 */
QUIRE_BEGIN

struct quire_fobj;
struct quire_pager;   /* pager.h */
struct quire_account; /* account.h */

/* ---- What a store is asked ---- */

/* One request to load or save. All fields but the `need_` ones are the pager's; none changes while the store works. */
struct quire_io {
    struct quire_fobj *fobj;
    uint32_t pgidx;               /* first page of the object */
    uint32_t npages;              /* how many: 1, or up to the object's `cluster` */
    void *const *page;            /* npages kernel addresses, a page each; they need not be contiguous */
    bool stored;                  /* load: this page was saved before. When false it has the content it was born with (again) */
    uint64_t ticket;              /* names this request where a store answers PENDING; 0: that answer is not accepted */
    void *need_page;              /* in the call after NEED: a kernel address for the page, until the call returns. Else null */
    struct quire_fobj *need_fobj; /* set by the store that answers NEED: an object of lower rank ... */
    uint32_t need_pgidx;          /* ... the page of it that must be present first ... */
    bool need_write;              /* ... and whether the store will write that page */
};

/*
 * The operations of a kind of fobj. They are called without any lock of Quire and may sleep; several may be in flight for
 * one object, never two for one page. Answers that the pager takes at their word: OK, IO, INTEGRITY, NO_MEMORY, LIMIT (a
 * counter of the store's is at its end); NEED as need.h says; and, where the request has a ticket, PENDING: the store goes on
 * working with *io and its pages, which stay as they are until quire_io_complete() (io.h) brings the answer. Every other value
 * counts as BAD_ANSWER.
 *
 * An answer is for all pages of the request. One that failed for several pages is made again for the page that is needed
 * alone, so that no neighbour's failure is its own.
 */
struct quire_fobj_ops {
    const char *name; /* for reports and pictures */
    unsigned flags;   /* QUIRE_FOBJ_OPS_* */

    /* Writes every byte of the page, or fails. What is in the page before is nobody's business and not all zero (unless
     * the flag below is clear). A failed load may be tried again. Null for an unpaged object. */
    enum quire_status (*load)(struct quire_io *io);

    /* Keeps the page so that a later load returns it. Failing, the store must still hold what it held before or fail that
     * load; the page stays resident and dirty. Null: a page once written stays resident until its object dies. */
    enum quire_status (*save)(struct quire_io *io);

    /* Only for an unpaged object (then load and save are null): where page `pgidx` lies, and in *npages how many more pages
     * from there are contiguous, itself included. Called with the pager's lock held: neither sleeps nor fails. */
    void (*phys)(struct quire_fobj *fobj, uint32_t pgidx, struct quire_pa *pa, uint32_t *npages);

    /* Called once, without locks, when nothing refers to the object any more: releases its memory. Null: nothing to do. */
    void (*free)(struct quire_fobj *fobj);
};

/* The load operation writes all of the page whenever it says OK. Without this promise the pager wipes the page before each
 * load, so that a store which writes less never shows one context the bytes of another. */
#define QUIRE_FOBJ_OPS_FILLS 1u

/* A load with `stored` false gives the content the page was born with also when the page was saved before: what QUIRE_ADVICE_FREE
 * (advise.h) asks of a store that saves. Not so of one that writes over what a page was born with. */
#define QUIRE_FOBJ_OPS_FORGETS 2u

/* Load and save may answer PENDING. Only for such a kind is a request of the pager's table (request.h) taken before each call,
 * and waited for if none is free. */
#define QUIRE_FOBJ_OPS_PENDING 4u

/* ---- The object ---- */

#define QUIRE_FOBJ_LOCKED 1u /* its pages are never evicted once loaded */
#define QUIRE_FOBJ_COPY 2u   /* the library's: it is a copy on write, `origin` is not null */

struct quire_fobj {
    const struct quire_fobj_ops *ops;
    struct quire_refcount refs;
    uint32_t num_pages;
    uint32_t *slots;  /* num_pages; null for an unpaged object */
    uint8_t max_prot; /* no area may permit more; QUIRE_PROT_READ | WRITE | EXEC */
    uint8_t rank;     /* it may depend only on objects of lower rank; 0..QUIRE_FOBJ_RANK_MAX */
    uint8_t flags;    /* QUIRE_FOBJ_* */
    bool dead;        /* under the pager's lock: the last reference is gone */
    uint8_t
        cluster; /* most pages that one load or save may be about, at most QUIRE_IO_PAGES_MAX; the maker sets it after init. 0: 1 */
    void *user; /* the user's own */

    /* The pager's, under its lock. */
    struct quire_pager *pager; /* the first that mapped it; for life */
    struct quire_account
        *account; /* whom its pages are charged to: quire_fobj_set_account() (quota.h), else the pager's root */
    enum quire_status (*last_put)(
        struct quire_fobj *fobj); /* set with it: runs instead of `free` when the last reference goes */
    struct quire_list_node link;  /* in the pager's list of objects, then in a list of dead ones */
    struct quire_tree areas;      /* by first page, each node knowing the last page below it (area.h) */
    uint32_t chain;               /* number of its first physical page (pmem.h) */
    uint32_t resident;            /* pages in that chain */
    uint32_t busy;                /* who still needs the struct besides references: pages in transit, waiters */
    uint32_t waiters;             /* threads that wait for one of its pages */
    uint32_t flushing;            /* unlocked flushes in flight that concern it: none of its pages may move */
    uint32_t id;                  /* names it in traces (trace.h); 0 until the pager knows it */

    /* Copies on write (fobj_cow.h). */
    struct quire_fobj *origin;         /* what it is a copy of, with a reference; null: it is no copy */
    struct quire_fobj *children;       /* the first of its copies; null: none */
    struct quire_fobj *sibling;        /* the next copy of the same origin, and the one before */
    struct quire_fobj *sibling_before; /* null: the first */
    uint32_t own;                      /* a copy: pages that are its own (QUIRE_SLOT_OWN) */
    uint32_t writers; /* pins, copies into it, stores that need it and breaks that may write it now: not more than references */
    uint8_t depth;    /* origins above it */
    bool frozen;      /* it has been copied: nothing writes it any more */
};

#define QUIRE_FOBJ_RANK_MAX 2u

/* The most pages an object may have: indices and counts are 32 bits wide, and one value means "none". */
#define QUIRE_FOBJ_PAGES_MAX 0xfffffffeu

/* Bytes of a slot table for n pages. */
#define QUIRE_FOBJ_SLOT_BYTES(n) ((size_t)(n) * sizeof(uint32_t))

/* Makes an fobj with one reference, owned by the caller, in storage of the caller that lives until ops->free. `slots` has
 * num_pages entries, which this clears (null exactly if ops->phys is set). INVALID: null or inconsistent operations, no pages
 * or more than QUIRE_FOBJ_PAGES_MAX, a rank above QUIRE_FOBJ_RANK_MAX, permissions other than READ, WRITE and EXEC. Touches no
 * lock; O(num_pages). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_fobj_init(struct quire_fobj *fobj, const struct quire_fobj_ops *ops,
                                                             uint32_t num_pages, uint32_t *slots, unsigned max_prot,
                                                             unsigned rank) QUIRE_SYM(quire_fobj_init);

/* Adds a reference. DEAD if the last one is gone already, LIMIT at the maximum. Atomic, no lock; O(1). */
QUIRE_API QUIRE_RESIDENT QUIRE_MUST_CHECK enum quire_status quire_fobj_get(struct quire_fobj *fobj) QUIRE_SYM(quire_fobj_get);

/* Drops a reference. With the last one the object dies: its pages are wiped, and so is what it left in free pages when they were
 * evicted; ops->free runs, here or in the thread that ends its last page in transit. UNDERFLOW at count zero: nothing changed; or
 * if areas or pins still use an object that lost its last reference (somebody put one too many): it then stays for good, which
 * leaks it but keeps them whole. Once the object is freed, no put can be caught any more. Takes the pager's lock for the last one;
 * must not be called with it held. O(1), for the last one O(its resident pages + free pages). */
QUIRE_API enum quire_status quire_fobj_put(struct quire_fobj *fobj) QUIRE_SYM(quire_fobj_put);

/* Is the object unpaged: always in place, with nothing to load? O(1). */
static inline QUIRE_RESIDENT bool quire_fobj_is_unpaged(const struct quire_fobj *fobj)
{
    return fobj->ops->phys != NULL;
}

/* What a store, or a callback of one, may answer, as it is; everything else as the lie it is. O(1). */
static inline QUIRE_RESIDENT enum quire_status quire_store_answer(enum quire_status answer)
{
    bool known = answer == QUIRE_OK || answer == QUIRE_IO || answer == QUIRE_INTEGRITY || answer == QUIRE_NO_MEMORY ||
                 answer == QUIRE_LIMIT;

    return QUIRE_LIKELY(known) ? answer : QUIRE_BAD_ANSWER;
}

/* The most pages that one load or save is about, whatever an object's `cluster` says. */
#define QUIRE_IO_PAGES_MAX 8u

/* Are its loads and saves requests (request.h), as opposed to one page each, answered at once? O(1). */
static inline QUIRE_RESIDENT bool quire_fobj_by_request(const struct quire_fobj *fobj)
{
    return (fobj->ops->flags & QUIRE_FOBJ_OPS_PENDING) != 0 || fobj->cluster > 1u;
}

/* ---- Slots ---- */

/*
 *  31 30   29   28                     0
 *  kind | own | page number or eviction number
 *
 * While a page is absent its slot is a shadow: the value is when it was evicted (its account's count of evictions, modulo
 * 2^29; 0: never). A refault's distance comes from it. It is a hint: nothing correct depends on it. `own`: the page is the object's
 * own; in a copy on write (fobj_cow.h) a slot without it shows the origin's page, and is EMPTY, or, while an own copy of the page is
 * being made, CLAIMED or PRESENT. In an object that is no copy the bit is clear.
 */
#define QUIRE_SLOT_EMPTY 0u   /* absent, and has the content it was born with */
#define QUIRE_SLOT_STORED 1u  /* absent, and the store was given its content */
#define QUIRE_SLOT_PRESENT 2u /* has a physical page; the value is its number */
#define QUIRE_SLOT_CLAIMED 3u /* absent; a fault is making room for it; the value is still the shadow */
#define QUIRE_SLOT_KIND_SHIFT 30
#define QUIRE_SLOT_OWN 0x20000000u
#define QUIRE_SLOT_VALUE_MASK 0x1fffffffu

static inline QUIRE_RESIDENT unsigned quire_slot_kind(uint32_t slot)
{
    return (unsigned)(slot >> QUIRE_SLOT_KIND_SHIFT);
}

static inline QUIRE_RESIDENT uint32_t quire_slot_value(uint32_t slot)
{
    return slot & QUIRE_SLOT_VALUE_MASK;
}

static inline QUIRE_RESIDENT uint32_t quire_slot_make(unsigned kind, uint32_t value)
{
    return ((uint32_t)kind << QUIRE_SLOT_KIND_SHIFT) | (value & QUIRE_SLOT_VALUE_MASK);
}

/* What follows `slot`: of another kind and value; the page is as much the object's own as it was. */
static inline QUIRE_RESIDENT uint32_t quire_slot_become(uint32_t slot, unsigned kind, uint32_t value)
{
    return (slot & QUIRE_SLOT_OWN) | quire_slot_make(kind, value);
}

/* Whose page stands where `fobj`, which is paged, shows its page `pgidx`: its own, or that of an origin. O(depth). */
static inline QUIRE_RESIDENT struct quire_fobj *quire_fobj_showing(struct quire_fobj *fobj, uint32_t pgidx)
{
    while (fobj->origin != NULL && (fobj->slots[pgidx] & QUIRE_SLOT_OWN) == 0) {
        fobj = fobj->origin;
    }
    return fobj;
}

QUIRE_END

#endif /* QUIRE_FOBJ_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_FOBJ_IMPLEMENTED)
#define QUIRE_FOBJ_IMPLEMENTED

QUIRE_BEGIN

static bool quire_fobj_ops_valid_(const struct quire_fobj_ops *ops, const uint32_t *slots)
{
    if (ops == NULL) {
        return false;
    }
    if (ops->phys != NULL) {
        return ops->load == NULL && ops->save == NULL && slots == NULL;
    }
    return ops->load != NULL && slots != NULL;
}

QUIRE_API enum quire_status quire_fobj_init(struct quire_fobj *fobj, const struct quire_fobj_ops *ops, uint32_t num_pages,
                                            uint32_t *slots, unsigned max_prot, unsigned rank)
{
    if (fobj == NULL || !quire_fobj_ops_valid_(ops, slots) || num_pages == 0 || num_pages > QUIRE_FOBJ_PAGES_MAX ||
        (max_prot & ~QUIRE_PROT_RWX) != 0 || rank > QUIRE_FOBJ_RANK_MAX) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMSET(fobj, 0, sizeof *fobj);
    fobj->ops = ops;
    quire_refcount_init(&fobj->refs, 1);
    fobj->num_pages = num_pages;
    fobj->slots = slots;
    if (slots != NULL) {
        QUIRE_MEMSET(slots, 0, QUIRE_FOBJ_SLOT_BYTES(num_pages)); /* what an earlier object left there is not this one's */
    }
    fobj->max_prot = (uint8_t)max_prot;
    fobj->rank = (uint8_t)rank;
    quire_list_init(&fobj->link);
    quire_tree_init(&fobj->areas);
    fobj->chain = QUIRE_SLOT_VALUE_MASK;
    return QUIRE_OK;
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_fobj_get(struct quire_fobj *fobj)
{
    return quire_refcount_get(&fobj->refs);
}

QUIRE_API enum quire_status quire_fobj_put(struct quire_fobj *fobj)
{
    bool last;
    enum quire_status status = quire_refcount_put(&fobj->refs, &last);

    if (status != QUIRE_OK || !last) {
        return status;
    }
    if (fobj->last_put != NULL) {
        return fobj->last_put(fobj);
    }
    if (fobj->ops->free != NULL) {
        fobj->ops->free(fobj);
    }
    return QUIRE_OK;
}

QUIRE_END

#endif
