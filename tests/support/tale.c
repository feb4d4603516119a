/* A listener to a pager's trace that believes nothing. */
#include "tale.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(struct tale *tale, const char *format, ...)
{
    va_list args;

    if (tale->wrong[0] == '\0') {
        va_start(args, format);
        vsnprintf(tale->wrong, sizeof tale->wrong, format, args);
        va_end(args);
    }
}

/* Null: one of those that it knows nothing of. */
static struct tale_held *held_by(struct tale *tale, uint32_t number)
{
    uint32_t segment = number >> QUIRE_PAGE_INDEX_BITS;
    uint32_t index = number & QUIRE_SEGMENT_PAGES_MAX;

    return segment < TALE_SEGMENTS && index < TALE_PAGES ? &tale->held[segment * TALE_PAGES + index] : NULL;
}

/* A page left: it must have been there. An object that ended meanwhile took it along. */
static void gone(struct tale *tale, const struct quire_trace_event *event)
{
    struct tale_held *held = held_by(tale, event->page);

    if (held == NULL) {
        return;
    }
    if (held->fobj != 0 && (held->fobj != event->victim || held->pgidx != event->victim_pgidx)) {
        say(tale, "page %u of object %u left physical page %u, which held page %u of object %u", event->victim_pgidx,
            event->victim, event->page, held->pgidx, held->fobj);
    }
    held->fobj = 0;
}

/* A page came: where nothing is any more, or itself. */
static void came(struct tale *tale, const struct quire_trace_event *event)
{
    struct tale_held *held = held_by(tale, event->page);

    if (held == NULL) {
        return;
    }
    if ((event->what & QUIRE_TRACE_VICTIM) != 0) {
        gone(tale, event);
    }
    if (held->fobj != 0 && (held->fobj != event->fobj || held->pgidx != event->pgidx)) {
        say(tale, "page %u of object %u came to physical page %u, and nobody said that page %u of object %u left", event->pgidx,
            event->fobj, event->page, held->pgidx, held->fobj);
    }
    held->fobj = event->fobj;
    held->pgidx = event->pgidx;
}

static void is_there(struct tale *tale, const struct quire_trace_event *event)
{
    const struct tale_held *held = held_by(tale, event->page);

    if (held != NULL && (held->fobj != event->fobj || held->pgidx != event->pgidx)) {
        say(tale, "an event of type %u says that physical page %u holds page %u of object %u, and nobody said that it came",
            quire_trace_type(event), event->page, event->pgidx, event->fobj);
    }
}

static void hear_fault(struct tale *tale, const struct quire_trace_event *event)
{
    enum quire_fault_kind kind = (enum quire_fault_kind)quire_trace_kind(event);

    tale->faults[kind]++;
    if ((kind == QUIRE_FAULT_REFUSED) != (quire_trace_status(event) != QUIRE_OK)) {
        say(tale, "a fault of kind %u ended with %d", (unsigned)kind, quire_trace_status(event));
    }
    if (quire_trace_vm(event) == 0) {
        say(tale, "a fault of nobody");
    }
    if (kind == QUIRE_FAULT_MAJOR) {
        came(tale, event);
    } else if (kind == QUIRE_FAULT_REFUSED) {
        if (event->victim != 0) {
            gone(tale, event);
        }
    } else if (event->page != QUIRE_TRACE_NO_PAGE) {
        is_there(tale, event);
    }
}

static void forget_object(struct tale *tale, uint32_t fobj)
{
    uint32_t i;

    for (i = 0; i < TALE_SEGMENTS * TALE_PAGES; i++) {
        if (tale->held[i].fobj == fobj) {
            tale->held[i].fobj = 0;
        }
    }
}

static void hear(void *ctx, const struct quire_trace_event *event)
{
    struct tale *tale = ctx;
    struct quire_trace_event again;
    unsigned char bytes[QUIRE_TRACE_RECORD_BYTES];

    tale->events[quire_trace_type(event)]++;
    quire_trace_encode(event, bytes);
    if (quire_trace_decode(&again, bytes) != QUIRE_OK || memcmp(&again, event, sizeof again) != 0) {
        say(tale, "an event of type %u, kind %u cannot be written to a file", quire_trace_type(event), quire_trace_kind(event));
    }
    switch (quire_trace_type(event)) {
    case QUIRE_TRACE_FAULT:
        hear_fault(tale, event);
        break;
    case QUIRE_TRACE_LOAD:
        if (quire_trace_status(event) == QUIRE_OK) {
            came(tale, event);
        }
        break;
    case QUIRE_TRACE_EVICT:
        gone(tale, event);
        break;
    case QUIRE_TRACE_SAVE:
        is_there(tale, event);
        break;
    case QUIRE_TRACE_OBJECT:
        forget_object(tale, event->fobj);
        break;
    default:
        break;
    }
}

void tale_begin(struct tale *tale)
{
    memset(tale, 0, sizeof *tale);
    tale->held = calloc((size_t)TALE_SEGMENTS * TALE_PAGES, sizeof *tale->held);
    if (tale->held == NULL || quire_trace_init(&tale->trace, NULL, 0) != QUIRE_OK) {
        abort();
    }
    tale->trace.ctx = tale;
    tale->trace.event = hear;
}

void tale_end(struct tale *tale)
{
    free(tale->held);
    tale->held = NULL;
}

static void compare(struct tale *tale, uint64_t told, uint64_t is, const char *what)
{
    if (told != is) {
        say(tale, "%llu %s faults were told, there were %llu", (unsigned long long)told, what, (unsigned long long)is);
    }
}

static void compare_faults(struct tale *tale, const struct quire_fault_stats *is)
{
    const uint64_t *told = tale->faults;

    compare(tale, told[QUIRE_FAULT_MAJOR], is->major - tale->before.major, "major");
    compare(tale, told[QUIRE_FAULT_MINOR] + told[QUIRE_FAULT_WRITE] + told[QUIRE_FAULT_ACCESSED],
            is->minor - tale->before.minor, "minor");
    compare(tale, told[QUIRE_FAULT_WRITE], is->write - tale->before.write, "write");
    compare(tale, told[QUIRE_FAULT_ACCESSED], is->accessed - tale->before.accessed, "accessed");
    compare(tale, told[QUIRE_FAULT_SPURIOUS], is->spurious - tale->before.spurious, "spurious");
    compare(tale, told[QUIRE_FAULT_UNPAGED], is->unpaged - tale->before.unpaged, "unpaged");
    compare(tale, told[QUIRE_FAULT_REFUSED], is->refused - tale->before.refused, "refused");
}

const char *tale_wrong(struct tale *tale, const struct quire_pager *pager)
{
    uint32_t segment;
    uint32_t i;

    compare_faults(tale, &pager->stats.faults);
    for (segment = 0; segment < pager->pool.pages.nsegments; segment++) {
        for (i = 0; i < pager->pool.pages.segment[segment].npages && i < TALE_PAGES; i++) {
            uint32_t number = (segment << QUIRE_PAGE_INDEX_BITS) | i;
            const struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
            const struct tale_held *held = held_by(tale, number);
            uint32_t is = pmem->state == QUIRE_PAGE_FREE || pmem->fobj == NULL || pmem->fobj->dead ? 0 : pmem->fobj->id;

            if (pmem->state == QUIRE_PAGE_LOADING || (pmem->state == QUIRE_PAGE_QUARANTINED && held->fobj == 0)) {
                continue; /* being loaded: by a store that is late, in the second case */
            }
            if (held->fobj != is || (is != 0 && held->pgidx != pmem->pgidx)) {
                say(tale, "physical page %u holds page %u of object %u; told was page %u of object %u", number, pmem->pgidx, is,
                    held->pgidx, held->fobj);
            }
        }
    }
    return tale->wrong[0] != '\0' ? tale->wrong : NULL;
}
