/* quire/region_explain.h - why a request for a region fails, and what would help. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_REGION_EXPLAIN_H
#define QUIRE_REGION_EXPLAIN_H

#include "base.h"
#include "bits.h"
#include "region.h"
#include "region_engine.h"
#include "region_place.h"
#include "region_range.h"

/*
 * For a request that quire_region_get_for() refuses:
 *
 *     struct quire_region_explanation why;
 *     char line[QUIRE_REGION_EXPLAIN_TEXT];
 *
 *     quire_region_explain(&a, &request, &why);
 *     quire_region_explain_text(&why, line, sizeof line);
 *
 *     "NO_SPACE: the alignment is in the way; largest anywhere 0xc00, available within the limits
 *     0x1800; 0x1400..0x1fff lacks 0x400; helps: size 0xc00, ..."
 *
 * Every piece of advice in `helps` but COMPACT is sufficient: the request so changed, or repeated after what it says,
 * succeeds. (Where the book is nearly empty, `nodes` more are presumed; where the request is QUIRE_REGION_BOUNDED, that this
 * is dropped.)
 */
QUIRE_BEGIN

/* What is in the way: the first of these that applies. */
enum quire_region_blocker {
    QUIRE_REGION_BLOCKER_NONE,      /* nothing: the request succeeds */
    QUIRE_REGION_BLOCKER_REQUEST,   /* no such request may be made (INVALID) */
    QUIRE_REGION_BLOCKER_BOOK,      /* the book has too few nodes left (NO_MEMORY) */
    QUIRE_REGION_BLOCKER_NUMBERS,   /* 2^51 allocations were made (LIMIT) */
    QUIRE_REGION_BLOCKER_BOUND,     /* a hole fits, but QUIRE_REGION_BOUNDED ended the search (NO_SPACE, as all that follow) */
    QUIRE_REGION_BLOCKER_ALIGNMENT, /* a hole is long enough, but does not fit at this alignment */
    QUIRE_REGION_BLOCKER_GUARDS,    /* a hole fits without them */
    QUIRE_REGION_BLOCKER_LIMITS,    /* a hole fits outside */
    QUIRE_REGION_BLOCKER_REGION,    /* one allocated region: a hole fits when it is returned */
    QUIRE_REGION_BLOCKER_FRAGMENTS, /* several regions: there is enough, but in pieces */
    QUIRE_REGION_BLOCKER_SPACE      /* there is too little, even in pieces */
};

#define QUIRE_REGION_HELP_SIZE 1u      /* ask for `size` bytes: the most that would be granted */
#define QUIRE_REGION_HELP_ALIGN 2u     /* ask for alignment `align`: the greatest that would be granted */
#define QUIRE_REGION_HELP_NO_GUARDS 4u /* ask without guards */
#define QUIRE_REGION_HELP_NO_LIMITS 8u /* ask without limits */
#define QUIRE_REGION_HELP_RETURN 16u   /* return `region`: the smallest whose return is enough */
#define QUIRE_REGION_HELP_NODES 32u    /* add a slab of `nodes` nodes to the book */
#define QUIRE_REGION_HELP_NO_BOUND 64u /* ask without QUIRE_REGION_BOUNDED */
#define QUIRE_REGION_HELP_COMPACT 128u /* move regions: what is available within the limits would be enough in one piece */

struct quire_region_explanation {
    enum quire_status status; /* what quire_region_get_for() would return */
    enum quire_region_blocker blocker;
    unsigned helps; /* QUIRE_REGION_HELP_*; 0: nothing does */
    uint32_t nodes; /* nodes the book lacks, for this request or (NO_SPACE) to be sure of any */
    uint64_t size;
    uint64_t align;
    uint64_t available;          /* bytes in holes within the limits; 2^64 reads as 2^64 - 1 */
    uint64_t largest;            /* bytes of the largest hole, however it is aligned */
    uint64_t lacks;              /* bytes that the best near miss is too short; 0: there is none, or nothing lacks */
    struct quire_region nearest; /* the best near miss: the hole with the most room for this request; key 0 */
    struct quire_region region;  /* RETURN: a receipt that quire_region_put() takes; else empty */
};

/* Stores in *why what would become of the request now. Changes nothing but hints of the index: it needs the lock as a change
 * does. INVALID: null, or an allocator that has no book.
 * O(n) for a request that fails, times at most log2 of its alignment; for one that succeeds as quire_region_get_for(). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_explain(const struct quire_region_allocator *a,
                                                                  const struct quire_region_request *request,
                                                                  struct quire_region_explanation *why)
    QUIRE_SYM(quire_region_explain);

/* Room for every line that quire_region_explain_text() writes. */
#define QUIRE_REGION_EXPLAIN_TEXT 400u

/* Writes the explanation as one line of text of at most `len` - 1 characters and a final 0. Returns how long the whole line is:
 * `len` or more if it was cut off. `text` may be null if `len` is 0. */
QUIRE_API size_t quire_region_explain_text(const struct quire_region_explanation *why, char *text, size_t len)
    QUIRE_SYM(quire_region_explain_text);

QUIRE_END

#endif /* QUIRE_REGION_EXPLAIN_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_REGION_EXPLAIN_IMPLEMENTED)
#define QUIRE_REGION_EXPLAIN_IMPLEMENTED

QUIRE_BEGIN

/* ---- What would happen ---- */

/* What quire_region_get_for() would return; NO_MEMORY: stores how many nodes are missing. */
static enum quire_status quire_region_foresee_(const struct quire_region_allocator *a,
                                               const struct quire_region_request *request, uint32_t *missing)
{
    struct quire_region_want_ want;
    enum quire_status status = quire_region_read_(a, request, &want);
    const struct quire_region_node *hole;
    uint64_t base = 0;
    uint32_t cost;
    uint32_t link;

    if (status != QUIRE_OK) {
        return status;
    }
    link = quire_region_place_(a, &want, request, &base);
    if (link == 0) {
        return QUIRE_NO_SPACE;
    }
    hole = quire_region_at_(a, link);
    status = quire_region_may_grant_(a->book, hole, base, base + want.len);
    if (status == QUIRE_NO_MEMORY) {
        cost = quire_region_carve_cost_(hole, base, base + want.len);
        *missing = cost - a->book->left;
    }
    return status;
}

/* Does any hole fit? Where it is put does not matter. */
static bool quire_region_fits_(const struct quire_region_allocator *a, const struct quire_region_request *request)
{
    struct quire_region_request plain = *request;
    struct quire_region_want_ want;
    uint64_t base;

    plain.policy = QUIRE_REGION_LOWEST;
    plain.flags = 0;
    return quire_region_read_(a, &plain, &want) == QUIRE_OK && quire_region_place_(a, &want, &plain, &base) != 0;
}

/* ---- What would help ---- */

/* The greatest alignment below the one asked for that fits; 0 if none does. What fits at one fits at all smaller ones. */
static uint64_t quire_region_explain_align_(const struct quire_region_allocator *a, const struct quire_region_request *request)
{
    struct quire_region_request other = *request;
    unsigned below = request->align != 0 ? quire_bits_high(request->align) : 0; /* does not fit */
    unsigned fits = a->shift;

    other.align = (uint64_t)1 << fits;
    if (below <= fits || !quire_region_fits_(a, &other)) {
        return 0;
    }
    while (below - fits > 1u) {
        unsigned middle = fits + (below - fits) / 2u;

        other.align = (uint64_t)1 << middle;
        if (quire_region_fits_(a, &other)) {
            fits = middle;
        } else {
            below = middle;
        }
    }
    return (uint64_t)1 << fits;
}

/* The most bytes that a request like this may ask for in the hole, less one; false if not one unit. `least` asks for one
 * unit. */
static bool quire_region_explain_room_(const struct quire_region_allocator *a, const struct quire_region_node *hole,
                                       const struct quire_region_want_ *least, uint64_t *more)
{
    uint64_t unit_mask = a->bins[0].mask;
    uint64_t end = hole->last < least->max ? hole->last : least->max;
    uint64_t base;

    if (!quire_region_lowest_in_(hole, least, &base)) {
        return false;
    }
    *more = ((end - base - least->len) & ~unit_mask) + unit_mask;
    if (*more == UINT64_MAX) {
        *more -= unit_mask + 1u; /* all 2^64 bytes are no size */
    }
    return true;
}

/* The near miss, the size that would be granted, and what is available within the limits. Returns in how many pieces that is. */
static uint32_t quire_region_explain_holes_(const struct quire_region_allocator *a, const struct quire_region_request *request,
                                            struct quire_region_explanation *why)
{
    struct quire_region_request smallest = *request;
    struct quire_region_want_ least;
    uint64_t most = 0;
    uint64_t more;
    uint32_t pieces = 0;
    uint32_t link;

    smallest.size = 1;
    if (quire_region_read_(a, &smallest, &least) != QUIRE_OK) {
        return 0; /* guards of 2^64 bytes: nothing has room */
    }
    for (link = a->first; link != 0; link = quire_region_at_(a, link)->next) {
        const struct quire_region_node *hole = quire_region_at_(a, link);

        if (quire_region_is_allocated_(hole) || hole->last < least.min || hole->base > least.max) {
            continue;
        }
        more = (hole->last < least.max ? hole->last : least.max) - (hole->base > least.min ? hole->base : least.min);
        why->available = more >= UINT64_MAX - why->available ? UINT64_MAX : why->available + more + 1u;
        pieces++;
        if (quire_region_explain_room_(a, hole, &least, &more) && more >= most) {
            most = more + 1u;
            quire_region_describe_(a, link, &why->nearest);
        }
    }
    if (most != 0) {
        why->size = most;
        why->lacks = ((request->size - 1u) | a->bins[0].mask) - (most - 1u);
    }
    return pieces;
}

/* The smallest allocated region with whose return a hole fits; 0 if none is enough. */
static uint32_t quire_region_explain_region_(const struct quire_region_allocator *a, const struct quire_region_want_ *want)
{
    uint64_t least = UINT64_MAX;
    uint32_t found = 0;
    uint32_t link;

    for (link = a->first; link != 0; link = quire_region_at_(a, link)->next) {
        const struct quire_region_node *node = quire_region_at_(a, link);
        const struct quire_region_node *other;
        struct quire_region_node hole = *node;
        uint64_t base;

        if (!quire_region_is_allocated_(node) || (found != 0 && node->last - node->base >= least)) {
            continue;
        }
        other = node->prev != 0 ? quire_region_at_(a, node->prev) : node;
        if (!quire_region_is_allocated_(other) && other->last + 1u == node->base) {
            hole.base = other->base;
        }
        other = node->next != 0 ? quire_region_at_(a, node->next) : node;
        if (!quire_region_is_allocated_(other) && other->base - 1u == node->last) {
            hole.last = other->last;
        }
        if (quire_region_lowest_in_(&hole, want, &base)) {
            found = link;
            least = node->last - node->base;
        }
    }
    return found;
}

/* Changes of the request that would help. Returns what they show to be in the way, SPACE if they show nothing. */
static enum quire_region_blocker quire_region_explain_request_(const struct quire_region_allocator *a,
                                                               const struct quire_region_request *request,
                                                               struct quire_region_explanation *why)
{
    enum quire_region_blocker blocker = QUIRE_REGION_BLOCKER_SPACE;
    struct quire_region_request other = *request;

    other.min = 0;
    other.max = 0;
    if (quire_region_fits_(a, &other)) {
        why->helps |= QUIRE_REGION_HELP_NO_LIMITS;
        blocker = QUIRE_REGION_BLOCKER_LIMITS;
    }
    other = *request;
    other.guard_before = 0;
    other.guard_after = 0;
    if (quire_region_fits_(a, &other)) {
        why->helps |= QUIRE_REGION_HELP_NO_GUARDS;
        blocker = QUIRE_REGION_BLOCKER_GUARDS;
    }
    why->align = quire_region_explain_align_(a, request);
    if (why->align != 0) {
        why->helps |= QUIRE_REGION_HELP_ALIGN;
        blocker = QUIRE_REGION_BLOCKER_ALIGNMENT;
    }
    why->helps |= why->size != 0 ? QUIRE_REGION_HELP_SIZE : 0;
    return blocker;
}

/* No space. */
static void quire_region_explain_space_(const struct quire_region_allocator *a, const struct quire_region_request *request,
                                        struct quire_region_explanation *why)
{
    struct quire_region_want_ want;
    uint32_t pieces;
    bool scattered;
    uint32_t link;

    why->nodes = a->book->left < 2u ? 2u - a->book->left : 0;
    if (quire_region_fits_(a, request)) {
        why->helps = QUIRE_REGION_HELP_NO_BOUND;
        why->blocker = QUIRE_REGION_BLOCKER_BOUND;
        return;
    }
    pieces = quire_region_explain_holes_(a, request, why);
    why->blocker = quire_region_explain_request_(a, request, why);
    if (quire_region_read_(a, request, &want) != QUIRE_OK) {
        return; /* more than 2^64 bytes: no region's return makes that fit */
    }
    link = quire_region_explain_region_(a, &want);
    if (link != 0) {
        quire_region_describe_(a, link, &why->region);
        why->helps |= QUIRE_REGION_HELP_RETURN;
    }
    scattered = why->available > want.len && pieces > 1u;
    if (scattered && a->allocated != 0) { /* else there is nothing that could be moved */
        why->helps |= QUIRE_REGION_HELP_COMPACT;
    }
    if (why->blocker == QUIRE_REGION_BLOCKER_SPACE && link != 0) {
        why->blocker = QUIRE_REGION_BLOCKER_REGION;
    } else if (why->blocker == QUIRE_REGION_BLOCKER_SPACE && scattered) {
        why->blocker = QUIRE_REGION_BLOCKER_FRAGMENTS;
    }
}

QUIRE_API enum quire_status quire_region_explain(const struct quire_region_allocator *a,
                                                 const struct quire_region_request *request,
                                                 struct quire_region_explanation *why)
{
    struct quire_region_stats stats;

    if (a == NULL || a->book == NULL || request == NULL || why == NULL) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMSET(why, 0, sizeof *why);
    why->status = quire_region_foresee_(a, request, &why->nodes);
    quire_region_get_stats(a, &stats);
    why->largest = stats.largest;
    switch (why->status) {
    case QUIRE_OK:
        why->blocker = QUIRE_REGION_BLOCKER_NONE;
        break;
    case QUIRE_NO_SPACE:
        quire_region_explain_space_(a, request, why);
        break;
    case QUIRE_NO_MEMORY:
        why->blocker = QUIRE_REGION_BLOCKER_BOOK;
        /* The limit counts nodes that no slab has yet, too. */
        if (a->book->limit > a->book->nodes && a->book->limit - a->book->nodes >= why->nodes) {
            why->helps = QUIRE_REGION_HELP_NODES;
        }
        break;
    case QUIRE_LIMIT:
        why->blocker = QUIRE_REGION_BLOCKER_NUMBERS;
        break;
    default:
        why->blocker = QUIRE_REGION_BLOCKER_REQUEST;
        break;
    }
    if ((a->book->number & QUIRE_REGION_NUMBER_END) != 0) {
        why->helps = 0; /* with room it would fail, too */
    }
    return QUIRE_OK;
}

/* ---- As text ---- */

struct quire_region_line_ {
    char *text;
    size_t len; /* of the buffer */
    size_t n;   /* characters so far, those that did not fit too */
};

static void quire_region_line_add_(struct quire_region_line_ *line, const char *text)
{
    for (; *text != '\0'; text++) {
        if (line->n + 1u < line->len) {
            line->text[line->n] = *text;
            line->text[line->n + 1u] = '\0';
        }
        line->n++;
    }
}

static void quire_region_line_hex_(struct quire_region_line_ *line, const char *before, uint64_t value)
{
    char digits[17];
    unsigned n = sizeof digits - 1u;

    digits[n] = '\0';
    do {
        digits[--n] = "0123456789abcdef"[value & 15u];
        value >>= 4;
    } while (value != 0);
    quire_region_line_add_(line, before);
    quire_region_line_add_(line, "0x");
    quire_region_line_add_(line, &digits[n]);
}

static void quire_region_line_range_(struct quire_region_line_ *line, const char *before, const struct quire_region *region)
{
    quire_region_line_hex_(line, before, region->base);
    quire_region_line_hex_(line, "..", region->last);
}

static void quire_region_line_helps_(struct quire_region_line_ *line, const struct quire_region_explanation *why)
{
    const char *before = "; helps: ";
    unsigned bit;

    for (bit = QUIRE_REGION_HELP_SIZE; bit <= QUIRE_REGION_HELP_COMPACT; bit <<= 1) {
        quire_region_line_add_(line, (why->helps & bit) != 0 ? before : "");
        switch (why->helps & bit) {
        case QUIRE_REGION_HELP_SIZE:
            quire_region_line_hex_(line, "size ", why->size);
            break;
        case QUIRE_REGION_HELP_ALIGN:
            quire_region_line_hex_(line, "alignment ", why->align);
            break;
        case QUIRE_REGION_HELP_NO_GUARDS:
            quire_region_line_add_(line, "no guards");
            break;
        case QUIRE_REGION_HELP_NO_LIMITS:
            quire_region_line_add_(line, "no limits");
            break;
        case QUIRE_REGION_HELP_RETURN:
            quire_region_line_range_(line, "return of ", &why->region);
            break;
        case QUIRE_REGION_HELP_NODES:
            quire_region_line_hex_(line, "nodes ", why->nodes);
            break;
        case QUIRE_REGION_HELP_NO_BOUND:
            quire_region_line_add_(line, "an unbounded search");
            break;
        case QUIRE_REGION_HELP_COMPACT:
            quire_region_line_add_(line, "compaction");
            break;
        default:
            continue;
        }
        before = ", ";
    }
}

QUIRE_API size_t quire_region_explain_text(const struct quire_region_explanation *why, char *text, size_t len)
{
    static const char *const blockers[] = {
        "it fits",
        "the request is wrong",
        "the book has too few nodes left",
        "the numbers are used up",
        "the search was bounded",
        "the alignment is in the way",
        "the guards are in the way",
        "the limits are in the way",
        "a region is in the way",
        "what is available is in pieces",
        "too little is available",
    };
    struct quire_region_line_ line;

    line.text = text;
    line.len = len;
    line.n = 0;
    if (len != 0) {
        text[0] = '\0';
    }
    quire_region_line_add_(&line, quire_status_name(why->status));
    quire_region_line_add_(&line, ": ");
    quire_region_line_add_(&line, (unsigned)why->blocker < sizeof blockers / sizeof blockers[0] ? blockers[why->blocker] : "?");
    quire_region_line_hex_(&line, "; largest anywhere ", why->largest);
    if (why->status == QUIRE_NO_SPACE && why->blocker != QUIRE_REGION_BLOCKER_BOUND) {
        quire_region_line_hex_(&line, ", available within the limits ", why->available);
    }
    if (why->lacks != 0) {
        quire_region_line_range_(&line, "; ", &why->nearest);
        quire_region_line_hex_(&line, " lacks ", why->lacks);
    }
    quire_region_line_helps_(&line, why);
    return line.n;
}

QUIRE_END

#endif
