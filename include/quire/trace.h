/* quire/trace.h - what a pager did, event by event: the hook, a ring, and the form in files. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_TRACE_H
#define QUIRE_TRACE_H

#include "base.h"
#include "bits.h"

/*
 * A pager with a trace tells it the end of every fault, and whatever else moves a page: who, where, of what kind, whose page gave
 * way, how long it took. An event has 32 bytes.
 *
 *     quire_trace_init(&trace, words, 4096);            a ring of 4096 events; words has QUIRE_TRACE_WORDS(4096)
 *     config.trace = &trace;                            before quire_pager_init(); or later: pager_trace.h
 *     while (quire_trace_read(&trace, &reader, &event) == QUIRE_OK) ...       in any thread, without the pager's lock
 *
 *      pager, under its lock                 reader.next
 *          |                                     |
 *     [ 4100 | 4101 | 4006 | 4007 | ... | 4042 | 4043 ... ]      the oldest is overwritten; who was too slow is told how
 *                                                                 many he lost
 *
 * The event of a fault says all that the fault did where nothing went wrong: also that the page that gave way had to be saved, and
 * its cost is that of both then.
 *
 * A reader knows at any time what every physical page holds: a fault that ends well names the page that serves it, and what
 * that page held before is gone; a page that was given up without being used for another is told apart (EVICT). Between a page
 * being given up and its successor's arrival its event is still to come: residency lags by one load at most. Of two pages that
 * claim the same content the later event is right.
 *
 * Contexts and objects have numbers, which the pager draws (vm->id, fobj->id); what they are called is the user's to say (INFO).
 *
 * Invariants: an event is delivered whole or counted as lost; events are in the order in which the pager's lock was held.
 * With QUIRE_TRACE 0 (base.h) the pager tells nothing and no fault has an instruction of this, optimised; a pager without a trace has
 * two per minor fault, and no more than a dozen per major one.
 */
QUIRE_BEGIN

/* ---- Events ---- */

enum quire_trace_type {
    QUIRE_TRACE_FAULT = 1, /* a fault ended; kind: enum quire_fault_kind (pager.h) */
    QUIRE_TRACE_LOAD = 2,  /* a page came in, or could not, other than by a fault's own end; kind: QUIRE_TRACE_LOAD_* */
    QUIRE_TRACE_EVICT = 3, /* `page` was given up: it held (victim, victim_pgidx) */
    QUIRE_TRACE_SAVE = 4,  /* a store was given `page`, or refused it, and the page stays (an eviction's success is EVICT's) */
    QUIRE_TRACE_CONTEXT = 5, /* context `vm` began or ended; kind: QUIRE_TRACE_BEGAN, ENDED */
    QUIRE_TRACE_OBJECT = 6,  /* object `fobj` of `pgidx` pages began or ended, and with it all its pages; kind likewise */
    QUIRE_TRACE_INFO = 7     /* not the pager's, see below; kind: QUIRE_TRACE_INFO_* */
};

#define QUIRE_TRACE_LOAD_STORE 0u  /* the store was asked */
#define QUIRE_TRACE_LOAD_BEFORE 1u /* it was there before the trace began (pager_trace.h) */
#define QUIRE_TRACE_LOAD_COPY 2u   /* it was copied from the page of an origin (fobj_cow.h) */
#define QUIRE_TRACE_BEGAN 0u
#define QUIRE_TRACE_ENDED 1u
#define QUIRE_TRACE_BEGAN_UNPAGED 2u
#define QUIRE_TRACE_INFO_LOST 0u    /* `victim` (and `victim_pgidx` x 2^32) events are missing here */
#define QUIRE_TRACE_INFO_CONTEXT 1u /* context `fobj` is called: 12 bytes of the name, from byte `page` of it on */
#define QUIRE_TRACE_INFO_OBJECT 2u  /* the same of object `fobj` */

/* `what` of an event, by bits. */
#define QUIRE_TRACE_TYPE 0x0007u
#define QUIRE_TRACE_KIND_SHIFT 3   /* 3 bits */
#define QUIRE_TRACE_ACCESS_SHIFT 6 /* 3 bits: QUIRE_PROT_READ, WRITE or EXEC; 0 where nobody accessed */
#define QUIRE_TRACE_STATUS_SHIFT 9 /* 5 bits: a status, its sign changed */
#define QUIRE_TRACE_DIRTY 0x4000u  /* the victim had to be saved; of a LOAD_BEFORE: the page is dirty */
#define QUIRE_TRACE_VICTIM 0x8000u /* `victim` and `victim_pgidx` say something; else they are 0 */

struct quire_trace_event {
    uint16_t what;      /* QUIRE_TRACE_TYPE ... */
    uint16_t time_low;  /* see quire_trace_time() */
    uint32_t time_high; /* 48 bits together: whoever records for longer than they last counts their turns */
    uint32_t who;       /* see quire_trace_vm(), quire_trace_cost() */
    uint32_t page;      /* number of the physical page; QUIRE_TRACE_NO_PAGE: none was reached */
    uint32_t fobj;      /* number of the object, 0: none (no area there; what `pgidx` means then, see quire_trace_va_page()) */
    uint32_t pgidx;     /* page of the object */
    uint32_t victim;    /* number of the object whose page gave way in `page`, 0: none */
    uint32_t victim_pgidx;
};

#define QUIRE_TRACE_NO_PAGE 0x1fffffffu /* QUIRE_PAGE_NONE of policy.h */
#define QUIRE_TRACE_VM_MAX 0xfffffu     /* contexts have numbers of 20 bits: after so many they begin again */

static inline unsigned quire_trace_type(const struct quire_trace_event *event)
{
    return event->what & QUIRE_TRACE_TYPE;
}

static inline unsigned quire_trace_kind(const struct quire_trace_event *event)
{
    return ((unsigned)event->what >> QUIRE_TRACE_KIND_SHIFT) & 7u;
}

/* QUIRE_PROT_READ, WRITE or EXEC; 0: nobody accessed anything. */
static inline unsigned quire_trace_access(const struct quire_trace_event *event)
{
    return ((unsigned)event->what >> QUIRE_TRACE_ACCESS_SHIFT) & 7u;
}

/* How it ended: 0 or a negative enum quire_status, perhaps one of a later version. */
static inline int quire_trace_status(const struct quire_trace_event *event)
{
    return -(int)(((unsigned)event->what >> QUIRE_TRACE_STATUS_SHIFT) & 31u);
}

/* When, in units of the user's clock, modulo 2^48; 0 without one. */
static inline QUIRE_RESIDENT uint64_t quire_trace_time(const struct quire_trace_event *event)
{
    return event->time_low | (uint64_t)event->time_high << 16;
}

/* The context whose fault (or copy) it was, 0: nobody's. */
static inline uint32_t quire_trace_vm(const struct quire_trace_event *event)
{
    return event->who & QUIRE_TRACE_VM_MAX;
}

/* How long it took, in units of the clock: of a fault from its beginning to its end, of a LOAD, SAVE or EVICT what the store took
 * (if that was the first thing a fault asked of one: since the fault began); 7 significant bits, at most 2^32. 0: not measured, as
 * the common minor fault never is, or less than a unit. */
static inline uint64_t quire_trace_cost(const struct quire_trace_event *event)
{
    uint32_t code = event->who >> 20;
    uint32_t exponent = code >> 7;

    return exponent == 0 ? code : (uint64_t)((code & 127u) | 128u) << (exponent - 1u);
}

/* Of a FAULT without an object: the faulting address, in pages. */
static inline uint64_t quire_trace_va_page(const struct quire_trace_event *event)
{
    return event->pgidx | (uint64_t)event->victim_pgidx << 32;
}

/* ---- The trace ---- */

struct quire_trace {
    /* The hooks; they stay what they are while a pager has the trace, and until the operations that began under it have ended. */
    void *ctx;                  /* handed to them */
    uint64_t (*now)(void *ctx); /* (optional) the clock, which never goes back; under the pager's lock */
    /* (optional) Gets every event instead of the ring; under the pager's lock: neither sleeps nor calls Quire. */
    void (*event)(void *ctx, const struct quire_trace_event *event);

    /* The ring. */
    uint32_t *words;  /* of the user */
    uint32_t mask;    /* events it has room for, less one */
    uint32_t written; /* events that can be read, but the oldest, which may be being overwritten; modulo 2^32 */
};

#define QUIRE_TRACE_EVENT_WORDS 8u
#define QUIRE_TRACE_RING_MAX 0x8000000u

/* 32-bit words of the storage of a ring for n events. */
#define QUIRE_TRACE_WORDS(n) ((size_t)(n)*QUIRE_TRACE_EVENT_WORDS)

/* Makes a trace with a ring of n events, a power of two from 2 to QUIRE_TRACE_RING_MAX (one less can be read: the oldest may be
 * being overwritten); or without (words null, n 0), and then the
 * `event` hook must be set before a pager gets it. No clock, no hook: set them next. INVALID: n. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_trace_init(struct quire_trace *trace, uint32_t *words, uint32_t n)
    QUIRE_SYM(quire_trace_init);

/* Can a pager tell this trace anything? O(1). */
static inline bool quire_trace_valid(const struct quire_trace *trace)
{
    return trace->event != NULL || trace->words != NULL;
}

/* A reader's place in a ring. Zero: reads from the beginning. Each thread that reads has its own. */
struct quire_trace_reader {
    uint32_t next; /* the event it reads next, counted from the first ever, modulo 2^32 */
    uint64_t lost; /* events that were overwritten before it came; who stays away for 2^32 events misses as many in the count */
};

/* Gets the next event. NOT_FOUND: none yet. Events that were overwritten are added to reader->lost before the next is
 * delivered. No lock; any number of readers beside the pager. O(1), unless it is overtaken while it reads: then again. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_trace_read(const struct quire_trace *trace,
                                                              struct quire_trace_reader *reader,
                                                              struct quire_trace_event *event) QUIRE_SYM(quire_trace_read);

/* Hands an event of the user's own (a name, say) to the trace: for the ring's one writer, so with the pager's lock held, or while
 * no pager has the trace. O(1). */
QUIRE_API QUIRE_RESIDENT void quire_trace_tell(struct quire_trace *trace, const struct quire_trace_event *event)
    QUIRE_SYM(quire_trace_tell);

/* ---- The form in files: a line of text, then records of 32 bytes, little-endian ---- */

/*
 *     QTR1 page_shift=12 pages=256 hz=1000000000\n
 *     what 16 bits | time 48 bits | vm 20 bits, cost 12 bits | page | fobj | pgidx | victim | victim_pgidx     (32 bits each)
 *
 * Other keys may follow, and are skipped; another digit than 1 is another format.
 */
struct quire_trace_header {
    uint32_t page_shift;
    uint32_t pages; /* of the pool; 0: not known */
    uint64_t hz;    /* units of the clock in a second; 0: not known, or there was none */
};

#define QUIRE_TRACE_RECORD_BYTES 32u
#define QUIRE_TRACE_HEADER_BYTES 256u /* a header line is no longer */
#define QUIRE_TRACE_NAME_BYTES 12u    /* of a name, in one event */

/* Writes the header line to `bytes`, which has room for QUIRE_TRACE_HEADER_BYTES; returns its length. O(1). */
QUIRE_API size_t quire_trace_header_encode(const struct quire_trace_header *header, unsigned char *bytes)
    QUIRE_SYM(quire_trace_header_encode);

/* Reads a header line from the first `len` bytes of a file; *used is then its length. INVALID: it is none (also: it does not end
 * within QUIRE_TRACE_HEADER_BYTES, a number is missing or too large); MISMATCH: another version of the format. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_trace_header_decode(struct quire_trace_header *header,
                                                                       const unsigned char *bytes, size_t len, size_t *used)
    QUIRE_SYM(quire_trace_header_decode);

/* Writes an event as QUIRE_TRACE_RECORD_BYTES bytes. O(1). */
QUIRE_API void quire_trace_encode(const struct quire_trace_event *event, unsigned char *bytes) QUIRE_SYM(quire_trace_encode);

/* Reads an event from QUIRE_TRACE_RECORD_BYTES bytes. INVALID: no pager and no user of this version wrote them (a type, kind or
 * page that there is not, a victim that is none): *event is not to be used. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_trace_decode(struct quire_trace_event *event, const unsigned char *bytes)
    QUIRE_SYM(quire_trace_decode);

/* Makes the event that says what context or object `id` is called (`kind`: QUIRE_TRACE_INFO_CONTEXT, _OBJECT), as far as its
 * bytes from `at` on; at most QUIRE_TRACE_NAME_BYTES of them fit. Returns where the next event begins, `len` after the last.
 * O(1). */
QUIRE_API size_t quire_trace_name(struct quire_trace_event *event, unsigned kind, uint32_t id, const char *name, size_t len,
                                  size_t at) QUIRE_SYM(quire_trace_name);

/* Copies the bytes of a name that such an event holds; zeros behind the name's end. O(1). */
QUIRE_API void quire_trace_name_bytes(const struct quire_trace_event *event, char bytes[QUIRE_TRACE_NAME_BYTES])
    QUIRE_SYM(quire_trace_name_bytes);

/* ---- What the pager tells with. Not for users. ---- */

/* Words in a ring: each is written and read whole, and in order. Sequential consistency would cost a bus lock per word. */
static inline QUIRE_RESIDENT void quire_trace_store_(uint32_t *p, uint32_t v)
{
#ifdef QUIRE_ATOMIC_STORE
    QUIRE_ATOMIC_STORE(p, v);
#else
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
#endif
}

static inline uint32_t quire_trace_load_(const uint32_t *p)
{
#ifdef QUIRE_ATOMIC_LOAD
    return QUIRE_ATOMIC_LOAD(p);
#else
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
#endif
}

static inline QUIRE_RESIDENT uint64_t quire_trace_now(const struct quire_trace *trace)
{
    return trace->now != NULL ? trace->now(trace->ctx) : 0;
}

/* The 12 bits of `who` that say how long something took. */
QUIRE_INLINE QUIRE_RESIDENT uint32_t quire_trace_cost_code(uint64_t cost)
{
    uint32_t n = QUIRE_UNLIKELY(cost > UINT32_MAX) ? UINT32_MAX : (uint32_t)cost;
    uint32_t beyond =
        quire_bits_high(n | 128u) - 7u; /* bits that are not kept; the highest one kept makes exponents begin at 1 */

    return ((beyond << 7) + (n >> beyond)) << 20;
}

static inline QUIRE_RESIDENT unsigned quire_trace_what(enum quire_trace_type type, unsigned kind, unsigned access, int status)
{
    return (unsigned)type | kind << QUIRE_TRACE_KIND_SHIFT | access << QUIRE_TRACE_ACCESS_SHIFT |
           (unsigned)-status << QUIRE_TRACE_STATUS_SHIFT;
}

/* Hands an event to the `event` hook. `first`: its time x 2^16, and what it is. */
QUIRE_API QUIRE_RESIDENT void quire_trace_hand(struct quire_trace *trace, uint64_t first, uint32_t who, uint32_t page,
                                               uint32_t fobj, uint32_t pgidx, uint32_t victim, uint32_t victim_pgidx)
    QUIRE_SYM(quire_trace_hand);

/* Puts all words of an event but the last two into the ring; and says where those are. Whoever reads a word of the new event
 * finds, when he looks afterwards, that `written` says so: each word's store comes after the one that completed the event
 * before. */
QUIRE_INLINE QUIRE_RESIDENT uint32_t *quire_trace_begin_(struct quire_trace *trace, uint64_t first, uint32_t who, uint32_t page,
                                                         uint32_t fobj, uint32_t pgidx)
{
    uint32_t *word = &trace->words[(size_t)(trace->written & trace->mask) * QUIRE_TRACE_EVENT_WORDS];

    quire_trace_store_(&word[0], (uint32_t)first);
    quire_trace_store_(&word[1], (uint32_t)(first >> 32));
    quire_trace_store_(&word[2], who);
    quire_trace_store_(&word[3], page);
    quire_trace_store_(&word[4], fobj);
    quire_trace_store_(&word[5], pgidx);
    return word;
}

/* Puts an event with all its words into the ring. */
QUIRE_INLINE QUIRE_RESIDENT void quire_trace_write_(struct quire_trace *trace, uint64_t first, uint32_t who, uint32_t page,
                                                    uint32_t fobj, uint32_t pgidx, uint32_t victim, uint32_t victim_pgidx)
{
    uint32_t *word = quire_trace_begin_(trace, first, who, page, fobj, pgidx);

    quire_trace_store_(&word[6], victim);
    quire_trace_store_(&word[7], victim_pgidx);
    quire_trace_store_(&trace->written, trace->written + 1u);
}

/* Puts an event without a victim into the ring, or hands it to the hook. `what` has not QUIRE_TRACE_VICTIM. */
QUIRE_INLINE QUIRE_RESIDENT void quire_trace_put(struct quire_trace *trace, uint64_t time, unsigned what, uint32_t who,
                                                 uint32_t page, uint32_t fobj, uint32_t pgidx)
{
    if (QUIRE_UNLIKELY(trace->event != NULL)) {
        quire_trace_hand(trace, time << 16 | what, who, page, fobj, pgidx, 0, 0);
        return;
    }
    (void)quire_trace_begin_(trace, time << 16 | what, who, page, fobj, pgidx);
    quire_trace_store_(&trace->written, trace->written + 1u);
}

/* The same with a victim. */
QUIRE_INLINE QUIRE_RESIDENT void quire_trace_put_victim(struct quire_trace *trace, uint64_t time, unsigned what, uint32_t who,
                                                        uint32_t page, uint32_t fobj, uint32_t pgidx, uint32_t victim,
                                                        uint32_t victim_pgidx)
{
    uint64_t first = time << 16 | what | QUIRE_TRACE_VICTIM;

    if (QUIRE_UNLIKELY(trace->event != NULL)) {
        quire_trace_hand(trace, first, who, page, fobj, pgidx, victim, victim_pgidx);
        return;
    }
    quire_trace_write_(trace, first, who, page, fobj, pgidx, victim, victim_pgidx);
}

QUIRE_END

#endif /* QUIRE_TRACE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_TRACE_IMPLEMENTED)
#define QUIRE_TRACE_IMPLEMENTED

QUIRE_BEGIN

QUIRE_STATIC_ASSERT(sizeof(struct quire_trace_event) == QUIRE_TRACE_RECORD_BYTES, trace_event_is_32_bytes);

/* ---- The ring ---- */

QUIRE_API enum quire_status quire_trace_init(struct quire_trace *trace, uint32_t *words, uint32_t n)
{
    bool ring = words != NULL && quire_bits_one(n) && n >= 2u && n <= QUIRE_TRACE_RING_MAX;

    if (!ring && (words != NULL || n != 0)) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMSET(trace, 0, sizeof *trace);
    trace->words = words;
    trace->mask = ring ? n - 1u : 0;
    return QUIRE_OK;
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_trace_hand(struct quire_trace *trace, uint64_t first, uint32_t who,
                                                          uint32_t page, uint32_t fobj, uint32_t pgidx, uint32_t victim,
                                                          uint32_t victim_pgidx)
{
    struct quire_trace_event event;

    event.what = (uint16_t)(first & 0xffffu);
    event.time_low = (uint16_t)(first >> 16 & 0xffffu);
    event.time_high = (uint32_t)(first >> 32);
    event.who = who;
    event.page = page;
    event.fobj = fobj;
    event.pgidx = pgidx;
    event.victim = victim;
    event.victim_pgidx = victim_pgidx;
    trace->event(trace->ctx, &event);
}

QUIRE_API QUIRE_RESIDENT void quire_trace_tell(struct quire_trace *trace, const struct quire_trace_event *event)
{
    if ((event->what & QUIRE_TRACE_VICTIM) != 0) {
        quire_trace_put_victim(trace, quire_trace_time(event), event->what, event->who, event->page, event->fobj, event->pgidx,
                               event->victim, event->victim_pgidx);
    } else {
        quire_trace_put(trace, quire_trace_time(event), event->what, event->who, event->page, event->fobj, event->pgidx);
    }
}

static void quire_trace_unpack_(struct quire_trace_event *event, const uint32_t word[QUIRE_TRACE_EVENT_WORDS])
{
    event->what = (uint16_t)(word[0] & 0xffffu);
    event->time_low = (uint16_t)(word[0] >> 16);
    event->time_high = word[1];
    event->who = word[2];
    event->page = word[3];
    event->fobj = word[4];
    event->pgidx = word[5];
    event->victim = (event->what & QUIRE_TRACE_VICTIM) != 0 ? word[6] : 0; /* else they are what an older event left there */
    event->victim_pgidx = (event->what & QUIRE_TRACE_VICTIM) != 0 ? word[7] : 0;
}

QUIRE_API enum quire_status quire_trace_read(const struct quire_trace *trace, struct quire_trace_reader *reader,
                                             struct quire_trace_event *event)
{
    for (;;) {
        uint32_t copy[QUIRE_TRACE_EVENT_WORDS];
        uint32_t behind = quire_trace_load_(&trace->written) - reader->next;
        const uint32_t *word;
        unsigned i;

        if (behind == 0 || trace->words == NULL) {
            return QUIRE_NOT_FOUND;
        }
        if (behind > trace->mask) {
            reader->lost += behind - trace->mask;
            reader->next += behind - trace->mask;
        }
        word = &trace->words[(size_t)(reader->next & trace->mask) * QUIRE_TRACE_EVENT_WORDS];
        for (i = 0; i < QUIRE_TRACE_EVENT_WORDS; i++) {
            copy[i] = quire_trace_load_(&word[i]);
        }
        /* Nobody had begun to write over it when it was read. */
        if (quire_trace_load_(&trace->written) - reader->next <= trace->mask) {
            reader->next++;
            quire_trace_unpack_(event, copy);
            return QUIRE_OK;
        }
    }
}

/* ---- Records ---- */

static void quire_trace_put32_(unsigned char *bytes, uint32_t v)
{
    bytes[0] = (unsigned char)(v & 255u);
    bytes[1] = (unsigned char)(v >> 8 & 255u);
    bytes[2] = (unsigned char)(v >> 16 & 255u);
    bytes[3] = (unsigned char)(v >> 24);
}

static uint32_t quire_trace_get32_(const unsigned char *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

QUIRE_API void quire_trace_encode(const struct quire_trace_event *event, unsigned char *bytes)
{
    quire_trace_put32_(bytes, event->what | (uint32_t)event->time_low << 16);
    quire_trace_put32_(bytes + 4, event->time_high);
    quire_trace_put32_(bytes + 8, event->who);
    quire_trace_put32_(bytes + 12, event->page);
    quire_trace_put32_(bytes + 16, event->fobj);
    quire_trace_put32_(bytes + 20, event->pgidx);
    quire_trace_put32_(bytes + 24, event->victim);
    quire_trace_put32_(bytes + 28, event->victim_pgidx);
}

/* Does what the event says make sense by itself? */
static bool quire_trace_plausible_(const struct quire_trace_event *event)
{
    unsigned kind = quire_trace_kind(event);
    unsigned access = quire_trace_access(event);
    bool has_page = event->page < QUIRE_TRACE_NO_PAGE;

    if ((access & (access - 1u)) != 0) {
        return false;
    }
    switch (quire_trace_type(event)) {
    case QUIRE_TRACE_FAULT:
        return kind <= 6u && access != 0 && event->page <= QUIRE_TRACE_NO_PAGE && (has_page || event->victim == 0);
    case QUIRE_TRACE_LOAD:
        return kind <= QUIRE_TRACE_LOAD_COPY && event->fobj != 0 && event->page <= QUIRE_TRACE_NO_PAGE &&
               (has_page || event->victim == 0);
    case QUIRE_TRACE_EVICT:
        return kind == 0 && event->victim != 0 && has_page;
    case QUIRE_TRACE_SAVE:
        return kind == 0 && event->fobj != 0 && has_page;
    case QUIRE_TRACE_CONTEXT:
        return kind <= QUIRE_TRACE_ENDED && quire_trace_vm(event) != 0;
    case QUIRE_TRACE_OBJECT:
        return kind <= QUIRE_TRACE_BEGAN_UNPAGED && event->fobj != 0 && event->pgidx != 0;
    case QUIRE_TRACE_INFO:
        return kind == QUIRE_TRACE_INFO_LOST || (kind <= QUIRE_TRACE_INFO_OBJECT && event->fobj != 0);
    default:
        return false;
    }
}

QUIRE_API enum quire_status quire_trace_decode(struct quire_trace_event *event, const unsigned char *bytes)
{
    uint32_t word[QUIRE_TRACE_EVENT_WORDS];
    unsigned i;

    for (i = 0; i < QUIRE_TRACE_EVENT_WORDS; i++) {
        word[i] = quire_trace_get32_(bytes + (size_t)i * 4u);
    }
    quire_trace_unpack_(event, word);
    return quire_trace_plausible_(event) ? QUIRE_OK : QUIRE_INVALID;
}

QUIRE_API size_t quire_trace_name(struct quire_trace_event *event, unsigned kind, uint32_t id, const char *name, size_t len,
                                  size_t at)
{
    unsigned char bytes[QUIRE_TRACE_NAME_BYTES];
    size_t i;

    for (i = 0; i < QUIRE_TRACE_NAME_BYTES; i++) {
        bytes[i] = at + i < len ? (unsigned char)name[at + i] : 0;
    }
    QUIRE_MEMSET(event, 0, sizeof *event);
    event->what = (uint16_t)(quire_trace_what(QUIRE_TRACE_INFO, kind, 0, 0) | QUIRE_TRACE_VICTIM);
    event->page = (uint32_t)at;
    event->fobj = id;
    event->pgidx = quire_trace_get32_(bytes);
    event->victim = quire_trace_get32_(bytes + 4);
    event->victim_pgidx = quire_trace_get32_(bytes + 8);
    return len - at > QUIRE_TRACE_NAME_BYTES ? at + QUIRE_TRACE_NAME_BYTES : len;
}

QUIRE_API void quire_trace_name_bytes(const struct quire_trace_event *event, char bytes[QUIRE_TRACE_NAME_BYTES])
{
    unsigned char from[QUIRE_TRACE_NAME_BYTES];
    size_t i;

    quire_trace_put32_(from, event->pgidx);
    quire_trace_put32_(from + 4, event->victim);
    quire_trace_put32_(from + 8, event->victim_pgidx);
    for (i = 0; i < QUIRE_TRACE_NAME_BYTES; i++) {
        bytes[i] = (char)from[i];
    }
}

/* ---- The header line ---- */

static size_t quire_trace_put_text_(unsigned char *bytes, const char *text)
{
    size_t n = 0;

    for (; text[n] != '\0'; n++) {
        bytes[n] = (unsigned char)text[n];
    }
    return n;
}

static size_t quire_trace_put_number_(unsigned char *bytes, uint64_t v)
{
    unsigned char digits[20];
    size_t n = 0;
    size_t i;

    do {
        digits[n++] = (unsigned char)('0' + (unsigned)(v % 10u));
        v /= 10u;
    } while (v != 0);
    for (i = 0; i < n; i++) {
        bytes[i] = digits[n - 1u - i];
    }
    return n;
}

QUIRE_API size_t quire_trace_header_encode(const struct quire_trace_header *header, unsigned char *bytes)
{
    size_t n = quire_trace_put_text_(bytes, "QTR1 page_shift=");

    n += quire_trace_put_number_(bytes + n, header->page_shift);
    n += quire_trace_put_text_(bytes + n, " pages=");
    n += quire_trace_put_number_(bytes + n, header->pages);
    n += quire_trace_put_text_(bytes + n, " hz=");
    n += quire_trace_put_number_(bytes + n, header->hz);
    bytes[n++] = '\n';
    return n;
}

/* The number behind " KEY=" in a line of `len` bytes, at most `max`. False: it is not there, or none. */
static bool quire_trace_find_(const unsigned char *line, size_t len, const char *key, uint64_t max, uint64_t *out)
{
    size_t at;

    for (at = 0; at < len; at++) {
        uint64_t v = 0;
        size_t n = 0;
        size_t first;

        while (key[n] != '\0' && at + n < len && line[at + n] == (unsigned char)key[n]) {
            n++;
        }
        if (key[n] != '\0') {
            continue;
        }
        for (first = at + n; at + n < len && line[at + n] >= '0' && line[at + n] <= '9'; n++) {
            unsigned digit = (unsigned)line[at + n] - '0';

            if (v > (max - digit) / 10u) {
                return false;
            }
            v = v * 10u + digit;
        }
        *out = v;
        return at + n > first && (at + n == len || line[at + n] == ' ');
    }
    return false;
}

QUIRE_API enum quire_status quire_trace_header_decode(struct quire_trace_header *header, const unsigned char *bytes, size_t len,
                                                      size_t *used)
{
    uint64_t shift = 0;
    uint64_t pages = 0;
    size_t n = 0;

    while (n < len && n < QUIRE_TRACE_HEADER_BYTES && bytes[n] != '\n') {
        n++;
    }
    if (n < 5u || n == len || n == QUIRE_TRACE_HEADER_BYTES || bytes[0] != 'Q' || bytes[1] != 'T' || bytes[2] != 'R' ||
        bytes[4] != ' ') {
        return QUIRE_INVALID;
    }
    if (bytes[3] != '1') {
        return QUIRE_MISMATCH;
    }
    if (!quire_trace_find_(bytes, n, " page_shift=", 63, &shift) ||
        !quire_trace_find_(bytes, n, " pages=", QUIRE_TRACE_NO_PAGE, &pages) ||
        !quire_trace_find_(bytes, n, " hz=", UINT64_MAX, &header->hz)) {
        return QUIRE_INVALID;
    }
    header->page_shift = (uint32_t)shift;
    header->pages = (uint32_t)pages;
    *used = n + 1u;
    return QUIRE_OK;
}

QUIRE_END

#endif
