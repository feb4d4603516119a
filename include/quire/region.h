/* quire/region.h - region (address-space) allocator over a 64-bit space. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_REGION_H
#define QUIRE_REGION_H

#include "base.h"
#include "region_book.h"
#include "region_engine.h"
#include "region_place.h"
#include "region_range.h"

/*
 * Hands out ranges of a space of 64-bit addresses: virtual or physical memory, device registers, interrupt numbers. It never
 * touches what it manages; what it knows is in a book (region_book.h) and in a table, both the caller's.
 *
 *     struct quire_region_config config = {0};
 *     config.book = &book;                              slabs of nodes, shared with other allocators if you like
 *     config.table = table;                             uint64_t table[QUIRE_REGION_TABLE_BYTES(...) / 8]
 *     config.table_bytes = sizeof table;
 *     quire_region_init(&a, &config);
 *     quire_region_add(&a, 0x1000, 0xffff, 0);          region_range.h: what there is to hand out
 *     quire_region_get(&a, size, align, &region);       best fit
 *     quire_region_put(&a, &region);
 *
 * What no other does in bounded time: a request with a declared alignment (config.align) is served if and only if some hole has
 * room for it at that alignment, and no hole is looked at in vain. With any other power of two it is as exact, but may look
 * at every node; QUIRE_REGION_BOUNDED forbids that.
 *
 * A `struct quire_region` (region_engine.h: base, last and three words of its own) is a receipt: copy it, keep it; it says
 * what you have and gives it back once. A second return, and one by a copy made before, is DEAD, in every build. Where books
 * are made again in the same place, quire_region_book_set_life() tells their receipts apart.
 *
 * Costs: n nodes (allocated regions and holes), C alignment classes, "O(1)" up to 2^exact_log units and at most 96 steps above.
 * Nothing locks: one lock of the caller's covers an allocator and all that share its book; questions (const) only read, but for
 * quire_region_explain(). Nothing sleeps, faults or allocates.
 * An allocator must not move. Every operation that fails has changed nothing, also when the book has no node left.
 */
QUIRE_BEGIN

/* Zero-initialise it, then set what is marked (must). It, and what `align` points to, may be discarded after
 * quire_region_init(). */
struct quire_region_config {
    struct quire_region_book *book; /* (must) made for at least these classes, and for the index if there is one */
    uint64_t *table;                /* (must) the caller's until quire_region_fini() */
    size_t table_bytes;             /* (must) at least QUIRE_REGION_TABLE_BYTES(1 + naligns, exact_log, span_log) */
    uint64_t unit;                  /* a power of two; everything begins and ends at a multiple of it. 0: 1 byte */
    unsigned naligns;               /* alignment classes besides the unit, 0..QUIRE_REGION_CLASSES_MAX - 1 ... */
    const uint64_t *align;          /* ... ascending powers of two above the unit */
    unsigned exact_log;             /* holes below 2^exact_log units are found in O(1); 6..12, 0: 12 */
    unsigned span_log;              /* largest hole expected, log2 of its units: larger ones cost more; 1..64, 0: 64 */
    bool indexed;                   /* keep a by-address index: find, get_at, add, subtract then are O(log n) and not
                                       O(n), limits, lowest and highest amortised */
};

/* Bytes of the table for `classes` alignment classes, the unit counted; the logs as in the configuration, 0 for 12 and 64,
 * which need 31 kB a class (6 and 16: 3 kB). A multiple of 8. */
#define QUIRE_REGION_TABLE_BYTES(classes, exact_log, span_log)                                             \
    ((size_t)(classes)*QUIRE_REGION_BIN_BYTES((exact_log) != 0 ? (exact_log) : QUIRE_REGION_EXACT_LOG_MAX, \
                                              (span_log) != 0 ? (span_log) : 64u))

/* ---- Life ---- */

/* Makes an allocator with nothing in it. INVALID: null or (must) missing, a unit or class that is no power of two or out of
 * order, too many classes, logs out of range, a table too small or not aligned for uint64_t, a book made for fewer classes or
 * without the index. O(table). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_init(struct quire_region_allocator *a,
                                                               const struct quire_region_config *config)
    QUIRE_SYM(quire_region_init);

/* Ends it: every hole's node goes back to the book, and book and table are the caller's again. BUSY while regions are allocated
 * (quire_region_walk() lists them; quire_region_clear() drops them): nothing changed. O(n). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_fini(struct quire_region_allocator *a) QUIRE_SYM(quire_region_fini);

/* Takes away all that is available. What is allocated stays valid, and is available once returned. O(n). */
QUIRE_API void quire_region_reset(struct quire_region_allocator *a) QUIRE_SYM(quire_region_reset);

/* Takes away everything, what is allocated too: every receipt is stale from now on. O(n). */
QUIRE_API void quire_region_clear(struct quire_region_allocator *a) QUIRE_SYM(quire_region_clear);

/* Gives the allocator another book. BUSY while it has nodes; INVALID if the book was made for fewer classes or without the
 * index that the allocator has. Nothing changed then. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_set_book(struct quire_region_allocator *a,
                                                                   struct quire_region_book *book)
    QUIRE_SYM(quire_region_set_book);

/* ---- Regions ---- */

/* Best fit: of the holes that have room for `size` bytes, rounded up to units, at a multiple of `align` (0: the unit), the
 * one with the least room from its first such multiple on (above 2^exact_log units, up to 1/64 more), and that multiple. With
 * an alignment that is not declared, a small one. INVALID: size 0 or more than 2^64 - unit, align no power of two; NO_SPACE:
 * no hole has room; NO_MEMORY: the book has fewer nodes left than that place takes, at most two; LIMIT: 2^51 allocations were
 * made. O(1) a class; O(log n) with the index; O(n) at worst with an alignment that is not declared. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_get(struct quire_region_allocator *a, uint64_t size, uint64_t align,
                                                              struct quire_region *region) QUIRE_SYM(quire_region_get);

/* The same with all that a request can say (region_place.h): policy, limits, guards. Further INVALID: guards that are no
 * powers of two or smaller than the unit, min above max, an unknown policy or flag, QUIRE_REGION_BOUNDED with RANDOM. Costs:
 * see `struct quire_region_request`. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_get_for(struct quire_region_allocator *a,
                                                                  const struct quire_region_request *request,
                                                                  struct quire_region *region) QUIRE_SYM(quire_region_get_for);

/* Takes exactly [base, last], all of which must be available. INVALID: not units, or base above last; EXISTS: some of it is
 * allocated; NOT_FOUND: some of it is neither available nor allocated; NO_MEMORY, LIMIT. O(log n) with the
 * index, else O(n); a refusal also walks the nodes in the range. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_get_at(struct quire_region_allocator *a, uint64_t base, uint64_t last,
                                                                 struct quire_region *region) QUIRE_SYM(quire_region_get_at);

/* Returns a region. DEAD: it was returned already, by this receipt or a copy; INVALID: an empty receipt (all zero) or another
 * allocator's. Cannot fail for lack of memory. O(1) a class; O(log n) with the index. */
QUIRE_API enum quire_status quire_region_put(struct quire_region_allocator *a, const struct quire_region *region)
    QUIRE_SYM(quire_region_put);

/* Makes the region `size` bytes long, rounded up to units, without moving its base: what it gives up becomes available, what
 * it gains must be. Guards keep their size. DEAD, INVALID as above; NO_SPACE: what follows is not available that far;
 * NO_MEMORY. Old copies of the receipt stay good for everything but their `last`. O(1) a class; O(log n) with the index. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_resize(struct quire_region_allocator *a, struct quire_region *region,
                                                                 uint64_t size) QUIRE_SYM(quire_region_resize);

/* Stores in *region the receipt of the region that holds `addr`. DENIED: `addr` lies in a guard, *region is whose; NOT_FOUND:
 * it is not allocated. O(log n) with the index, else O(n). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_find(const struct quire_region_allocator *a, uint64_t addr,
                                                               struct quire_region *region) QUIRE_SYM(quire_region_find);

/* Writes into a receipt what its region is now: a copy made before quire_region_resize() has the `last` of then. DEAD,
 * INVALID as above. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_region_renew(const struct quire_region_allocator *a,
                                                                struct quire_region *region) QUIRE_SYM(quire_region_renew);

/* Is this a receipt that quire_region_put() would take? O(1). */
QUIRE_API bool quire_region_is_live(const struct quire_region_allocator *a, const struct quire_region *region)
    QUIRE_SYM(quire_region_is_live);

/* ---- Figures ---- */

struct quire_region_stats {
    uint64_t available;     /* bytes in holes; 2^64 reads as 2^64 - 1, here and below */
    uint64_t reserved;      /* bytes allocated, guards included */
    uint64_t largest;       /* bytes of the largest hole */
    uint32_t holes;         /* how many holes */
    uint32_t allocated;     /* how many regions are allocated */
    uint32_t fragmentation; /* parts in 1000 of what is available that are not in the largest hole: 0 is whole */
};

/* O(1). */
QUIRE_API void quire_region_get_stats(const struct quire_region_allocator *a, struct quire_region_stats *stats)
    QUIRE_SYM(quire_region_get_stats);

/* Bytes of the largest region that quire_region_get() could hand out at this alignment; 0 if none. O(1) with a declared
 * alignment, else O(n). */
QUIRE_API uint64_t quire_region_largest(const struct quire_region_allocator *a, uint64_t align) QUIRE_SYM(quire_region_largest);

QUIRE_END

#endif /* QUIRE_REGION_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_REGION_IMPLEMENTED)
#define QUIRE_REGION_IMPLEMENTED

QUIRE_BEGIN

/* ---- Life ---- */

static bool quire_region_book_serves_(const struct quire_region_book *book, unsigned classes, bool indexed)
{
    return book != NULL && book->classes >= classes && (book->indexed || !indexed);
}

/* The units and classes of a configuration, and its logs with what 0 stands for in place. */
static bool quire_region_config_valid_(const struct quire_region_config *config, unsigned exact_log, unsigned span_log)
{
    uint64_t below = config->unit != 0 ? config->unit : 1u;
    unsigned i;

    if (!quire_bits_one(below) || config->naligns >= QUIRE_REGION_CLASSES_MAX ||
        (config->naligns != 0 && config->align == NULL)) {
        return false;
    }
    for (i = 0; i < config->naligns; i++) {
        if (!quire_bits_one(config->align[i]) || config->align[i] <= below) {
            return false;
        }
        below = config->align[i];
    }
    return exact_log >= QUIRE_REGION_EXACT_LOG_MIN && exact_log <= QUIRE_REGION_EXACT_LOG_MAX && span_log >= 1u &&
           span_log <= 64u && config->table != NULL && ((uintptr_t)config->table & (sizeof(uint64_t) - 1u)) == 0 &&
           config->table_bytes >= QUIRE_REGION_TABLE_BYTES(1u + config->naligns, exact_log, span_log) &&
           quire_region_book_serves_(config->book, 1u + config->naligns, config->indexed);
}

/* All bins empty, as at the beginning. */
static void quire_region_empty_bins_(struct quire_region_allocator *a)
{
    unsigned c;

    for (c = 0; c < a->classes; c++) {
        QUIRE_MEMSET(a->bins[c].map, 0, (size_t)a->bins[c].words * (8u + 64u * 4u));
        a->bins[c].summary[0] = 0;
        a->bins[c].summary[1] = 0;
    }
}

/* After the last life. Words of receipts are odd, and an empty one's is 0. */
#define QUIRE_REGION_NOBODY_ 2u

/* A word for every receipt of this allocator on this book, until it is ended or given another: a receipt of any other is
 * known without a look at the node it names, which may be in slabs that are gone. One book never gives a word twice (in 2^31
 * allocators); two books, or two lives of one, give the same once in 2^31. */
static void quire_region_own_book_(struct quire_region_allocator *a, struct quire_region_book *book)
{
    uint64_t mix = (uint64_t)(uintptr_t)book ^ ((uint64_t)book->life << 32);

    mix = (mix ^ (mix >> 29)) * 0xbf58476d1ce4e5b9u;
    mix = (mix ^ (mix >> 32)) * 0x94d049bb133111ebu;
    a->owner = ((uint32_t)(mix >> 32) + 2u * book->lives++) | 1u;
    a->book = book;
    book->users++;
}

QUIRE_API enum quire_status quire_region_init(struct quire_region_allocator *a, const struct quire_region_config *config)
{
    unsigned exact_log;
    unsigned span_log;
    uint32_t words;
    unsigned c;

    if (a == NULL || config == NULL) {
        return QUIRE_INVALID;
    }
    exact_log = config->exact_log != 0 ? config->exact_log : QUIRE_REGION_EXACT_LOG_MAX;
    span_log = config->span_log != 0 ? config->span_log : 64u;
    if (!quire_region_config_valid_(config, exact_log, span_log)) {
        return QUIRE_INVALID;
    }
    words = QUIRE_REGION_BIN_WORDS(exact_log, span_log);
    QUIRE_MEMSET(a, 0, sizeof *a);
    quire_region_own_book_(a, config->book);
    a->shift = (uint8_t)quire_bits_high(config->unit != 0 ? config->unit : 1u);
    a->classes = (uint8_t)(1u + config->naligns);
    a->indexed = config->indexed;
    a->plain = a->classes == 1u && !a->indexed;
    a->unit = (uint64_t)1 << a->shift;
    a->quick = a->plain ? (uint64_t)1 << exact_log : 0;
    for (c = 0; c < a->classes; c++) {
        uint64_t align = c == 0 ? (uint64_t)1 << a->shift : config->align[c - 1u];

        quire_region_bins_init_(&a->bins[c], config->table + (size_t)c * words * (1u + 64u * 4u / 8u), exact_log, words, c,
                                a->shift, align);
    }
    return QUIRE_OK;
}

QUIRE_API void quire_region_reset(struct quire_region_allocator *a)
{
    uint32_t link = a->first;

    quire_region_empty_bins_(a);
    while (link != 0) {
        struct quire_region_node *node = quire_region_at_(a, link);
        uint32_t next = node->next;

        if (!quire_region_is_allocated_(node)) {
            quire_region_unlink_(a, link, node);
        }
        link = next;
    }
    a->holes = 0;
    a->managed -= a->available;
    a->available = 0;
}

QUIRE_API void quire_region_clear(struct quire_region_allocator *a)
{
    uint32_t link = a->first;

    quire_region_empty_bins_(a);
    while (link != 0) {
        struct quire_region_node *node = quire_region_at_(a, link);
        uint32_t next = node->next;

        quire_region_give_node_(a->book, link, node);
        link = next;
    }
    a->first = 0;
    a->last = 0;
    a->root = 0;
    a->holes = 0;
    a->allocated = 0;
    a->available = 0;
    a->managed = 0;
}

QUIRE_API enum quire_status quire_region_fini(struct quire_region_allocator *a)
{
    if (a == NULL || a->book == NULL) {
        return QUIRE_INVALID;
    }
    if (a->allocated != 0) {
        return QUIRE_BUSY;
    }
    quire_region_clear(a);
    a->book->users--;
    a->owner = QUIRE_REGION_NOBODY_;
    a->classes = 0; /* the table is the caller's: nothing empties its bins any more */
    a->book = NULL;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_region_set_book(struct quire_region_allocator *a, struct quire_region_book *book)
{
    if (a == NULL || a->book == NULL || !quire_region_book_serves_(book, a->classes, a->indexed)) {
        return QUIRE_INVALID;
    }
    if (a->first != 0) {
        return QUIRE_BUSY;
    }
    a->book->users--;
    quire_region_own_book_(a, book);
    return QUIRE_OK;
}

/* ---- Get ---- */

/* Is there bookkeeping for an allocation of [base, last] in the hole? */
QUIRE_INLINE enum quire_status quire_region_may_grant_(const struct quire_region_book *book,
                                                       const struct quire_region_node *hole, uint64_t base, uint64_t last)
{
    if (QUIRE_UNLIKELY(book->left < 2u) && book->left < quire_region_carve_cost_(hole, base, last)) {
        return QUIRE_NO_MEMORY;
    }
    return QUIRE_UNLIKELY((book->number & QUIRE_REGION_NUMBER_END) != 0) ? QUIRE_LIMIT : QUIRE_OK;
}

/* Carves [base, last] out of the hole, and writes the receipt. */
static enum quire_status quire_region_grant_(struct quire_region_allocator *a, uint32_t hole_link, uint64_t base, uint64_t last,
                                             uint64_t guards, struct quire_region *region)
{
    struct quire_region_node *hole = quire_region_at_(a, hole_link);
    uint64_t key = a->book->number | guards;
    enum quire_status status = quire_region_may_grant_(a->book, hole, base, last);

    if (status != QUIRE_OK) {
        return status;
    }
    a->book->number++;
    quire_region_unfile_(a, hole_link, hole, false);
    quire_region_receipt_(a, quire_region_carve_(a, hole_link, hole, base, last, key, false), base, last, key, region);
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_region_get_for(struct quire_region_allocator *a, const struct quire_region_request *request,
                                                 struct quire_region *region)
{
    struct quire_region_want_ want;
    enum quire_status status = quire_region_read_(a, request, &want);
    uint64_t base = 0;
    uint32_t link;

    if (status != QUIRE_OK) {
        return status;
    }
    link = quire_region_place_(a, &want, request, &base);
    if (link == 0) {
        return QUIRE_NO_SPACE;
    }
    status = quire_region_grant_(a, link, base, base + want.len, want.guards, region);
    if (status == QUIRE_OK && want.guards != 0) {
        region->base += request->guard_before;
        region->last -= request->guard_after;
    }
    return status;
}

/* Best fit where the smallest hole that is large enough, `link`, has no room at this alignment, or there are classes or an
 * index. */
static QUIRE_NOINLINE enum quire_status quire_region_get_best_(struct quire_region_allocator *a, uint64_t len, uint64_t mask,
                                                               uint32_t link, struct quire_region *region)
{
    struct quire_region_want_ want;
    uint64_t base = 0;

    want.len = len;
    want.before = 0;
    want.mask = mask;
    want.min = 0;
    want.max = UINT64_MAX;
    want.guards = 0;
    want.looks = ~0u;
    want.bounded = false;
    link = quire_region_place_best_(a, &want, link, &base);
    return link != 0 ? quire_region_grant_(a, link, base, base + len, 0, region) : QUIRE_NO_SPACE;
}

/* One class, no index: the smallest hole that is large enough, if the alignment leaves room there. */
static QUIRE_NOINLINE enum quire_status quire_region_get_padded_(struct quire_region_allocator *a, uint64_t len, uint64_t mask,
                                                                 struct quire_region *region)
{
    struct quire_region_book *book = a->book;
    uint32_t bin = 0;
    uint32_t link = quire_region_bins_fit_(&a->bins[0], book->origin, len >> a->shift, &bin);
    struct quire_region_node *hole = quire_region_at_(a, link);
    uint64_t key = book->number;
    uint64_t at;

    if (link == 0) {
        return QUIRE_NO_SPACE;
    }
    at = (hole->base + mask) & ~mask;
    if (QUIRE_UNLIKELY(at < hole->base || at > hole->last || hole->last - at < len || book->left < 2u ||
                       (key & QUIRE_REGION_NUMBER_END) != 0)) {
        return quire_region_get_best_(a, len, mask, link, region);
    }
    book->number = key + 1u;
    if (QUIRE_LIKELY(link == a->bins[0].head[bin])) {
        quire_region_bins_pop_(&a->bins[0], book->origin, QUIRE_REGION_AT_UNIT_, bin, link);
    } else {
        quire_region_wide_remove_(&a->bins[0], book->origin, link, (hole->last - hole->base) >> a->shift);
    }
    region->base = at;
    region->last = at + len;
    region->key = key;
    region->owner = a->owner;
    region->node = quire_region_carve_(a, link, hole, at, at + len, key, true);
    return QUIRE_OK;
}

/* The short way: the unit's alignment, one class, no index, an exact bin. The bin of a hole that is found there is its
 * length. */
static QUIRE_NOINLINE enum quire_status quire_region_get_units_(struct quire_region_allocator *a, uint64_t len, uint64_t mask,
                                                                struct quire_region *region)
{
    struct quire_region_bins *bins = &a->bins[0];
    struct quire_region_book *book = a->book;
    uint64_t need = len >> bins->shift;
    struct quire_region_node *hole;
    uint64_t key = book->number;
    uint64_t bits;
    uint32_t link;
    uint32_t bin;

    if (QUIRE_UNLIKELY(need >= a->quick || book->left == 0 || (key & QUIRE_REGION_NUMBER_END) != 0)) {
        return a->plain ? quire_region_get_padded_(a, len, mask, region) : quire_region_get_best_(a, len, mask, 0, region);
    }
    bin = (uint32_t)need;
    bits = bins->map[bin >> 6] >> (bin & 63u);
    if (bits != 0) {
        bin += quire_bits_low(bits);
    } else {
        bits = bins->summary[0] & (~(uint64_t)1 << (bin >> 6));
        if (QUIRE_UNLIKELY(bits == 0)) {
            return quire_region_get_padded_(a, len, mask, region);
        }
        bin = quire_bits_low(bits);
        bin = bin * 64u + quire_bits_low(bins->map[bin]);
        if (QUIRE_UNLIKELY(bin >= bins->exact)) {
            return quire_region_get_padded_(a, len, mask, region);
        }
    }
    link = bins->head[bin];
    hole = quire_region_at_(a, link);
    book->number = key + 1u;
    a->available -= len + 1u;
    a->allocated++;
    quire_region_list_pop_(bins, book->origin, QUIRE_REGION_AT_UNIT_, bin, hole->u.link[1]);
    region->base = hole->base;
    len += hole->base;
    region->last = len;
    region->key = key;
    region->owner = a->owner;
    bin -= (uint32_t)need;
    if (bin == 0) {
        region->node = link;
        quire_region_carve_all_(a, hole, key);
    } else {
        region->node = quire_region_carve_front_(a, link, hole, len, key, true);
        quire_region_list_push_(bins, book->origin, QUIRE_REGION_AT_UNIT_, bin - 1u, link);
    }
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_region_get(struct quire_region_allocator *a, uint64_t size, uint64_t align,
                                             struct quire_region *region)
{
    uint64_t len = (size - 1u) | a->bins[0].mask;

    if (QUIRE_LIKELY((align == a->unit || align == 0) && len != UINT64_MAX)) {
        return quire_region_get_units_(a, len, a->bins[0].mask, region);
    }
    /* Size 0, and what rounds up to 2^64, is UINT64_MAX here. */
    if (len == UINT64_MAX || (align & (align - 1u)) != 0) {
        return QUIRE_INVALID;
    }
    align = (align - 1u) | a->bins[0].mask;
    return a->plain ? quire_region_get_padded_(a, len, align, region) : quire_region_get_best_(a, len, align, 0, region);
}

QUIRE_API enum quire_status quire_region_get_at(struct quire_region_allocator *a, uint64_t base, uint64_t last,
                                                struct quire_region *region)
{
    uint64_t unit_mask;
    uint32_t link;
    const struct quire_region_node *node;

    unit_mask = a->bins[0].mask;
    if (base > last || ((base | ~last) & unit_mask) != 0) {
        return QUIRE_INVALID;
    }
    link = quire_region_floor_(a, base);
    node = link != 0 ? quire_region_at_(a, link) : NULL;
    if (node == NULL || quire_region_is_allocated_(node) || node->last < last) {
        return quire_region_intersects(a, QUIRE_REGION_SET_ALLOCATED, base, last) ? QUIRE_EXISTS : QUIRE_NOT_FOUND;
    }
    return quire_region_grant_(a, link, base, last, 0, region);
}

/* ---- Put, resize, find ---- */

/* The node of a receipt; null, and the status, if it is none of this allocator or of another time. */
static inline struct quire_region_node *quire_region_own_(const struct quire_region_allocator *a,
                                                          const struct quire_region *region, enum quire_status *status)
{
    struct quire_region_node *node;

    if (QUIRE_UNLIKELY(region->owner != a->owner)) {
        *status = QUIRE_INVALID;
        return NULL;
    }
    node = quire_region_at_(a, region->node);
    if (QUIRE_UNLIKELY(node->u.key != region->key)) {
        *status = QUIRE_DEAD;
        return NULL;
    }
    return node;
}

static QUIRE_NOINLINE enum quire_status quire_region_put_plain_(struct quire_region_allocator *a, uint32_t link,
                                                                struct quire_region_node *node)
{
    quire_region_release_(a, link, node, true);
    return QUIRE_OK;
}

static QUIRE_NOINLINE enum quire_status quire_region_put_filed_(struct quire_region_allocator *a, uint32_t link,
                                                                struct quire_region_node *node)
{
    quire_region_release_(a, link, node, false);
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_region_put(struct quire_region_allocator *a, const struct quire_region *region)
{
    enum quire_status status;
    struct quire_region_node *node = quire_region_own_(a, region, &status);

    if (node == NULL) {
        return status;
    }
    return a->plain ? quire_region_put_plain_(a, region->node, node) : quire_region_put_filed_(a, region->node, node);
}

/* Gives the last bytes of an allocated node, from `last` + 1 on, to what is behind it. */
static enum quire_status quire_region_shrink_(struct quire_region_allocator *a, uint32_t link, struct quire_region_node *node,
                                              uint64_t last)
{
    struct quire_region_node *behind = node->next != 0 ? quire_region_at_(a, node->next) : NULL;
    uint64_t gain = node->last - last;
    uint32_t hole_link;
    struct quire_region_node *hole;

    if (behind != NULL && !quire_region_is_allocated_(behind) && behind->base - 1u == node->last) {
        hole_link = node->next;
        hole = behind;
        quire_region_unfile_(a, hole_link, hole, a->plain);
        node->last = last;
        hole->base = last + 1u;
    } else {
        if (a->book->left == 0) {
            return QUIRE_NO_MEMORY;
        }
        hole_link = quire_region_take_node_(a->book);
        hole = quire_region_at_(a, hole_link);
        hole->base = last + 1u;
        hole->last = node->last;
        hole->u.key = 0;
        node->last = last;
        quire_region_link_(a, link, hole_link, hole);
        a->holes++;
    }
    quire_region_file_(a, hole_link, hole, a->plain);
    a->available += gain;
    return QUIRE_OK;
}

/* Takes the bytes up to `last` from the hole behind an allocated node. */
static enum quire_status quire_region_grow_(struct quire_region_allocator *a, struct quire_region_node *node, uint64_t last)
{
    uint32_t hole_link = node->next;
    struct quire_region_node *hole = hole_link != 0 ? quire_region_at_(a, hole_link) : NULL;
    uint64_t gain = last - node->last;

    if (hole == NULL || quire_region_is_allocated_(hole) || hole->base - 1u != node->last || hole->last < last) {
        return QUIRE_NO_SPACE;
    }
    quire_region_unfile_(a, hole_link, hole, a->plain);
    node->last = last;
    if (hole->last == last) {
        quire_region_unlink_(a, hole_link, hole);
        a->holes--;
    } else {
        hole->base = last + 1u;
        quire_region_file_(a, hole_link, hole, a->plain);
    }
    a->available -= gain;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_region_resize(struct quire_region_allocator *a, struct quire_region *region, uint64_t size)
{
    enum quire_status status = QUIRE_OK;
    struct quire_region_node *node = quire_region_own_(a, region, &status);
    uint64_t guards;
    uint64_t last;

    if (node == NULL) {
        return status;
    }
    if (size == 0 || size - 1u > UINT64_MAX - 1u - a->bins[0].mask) {
        return QUIRE_INVALID;
    }
    /* What lies around the new length in the extent: both guards, which fit there before. */
    guards = quire_region_guard_(a, node->u.key, QUIRE_REGION_BEFORE_SHIFT);
    guards += quire_region_guard_(a, node->u.key, QUIRE_REGION_AFTER_SHIFT);
    last = (size - 1u) | a->bins[0].mask;
    if (last + guards < last || last + guards > UINT64_MAX - node->base) {
        return QUIRE_NO_SPACE;
    }
    last += guards + node->base;
    if (last < node->last) {
        status = quire_region_shrink_(a, region->node, node, last);
    } else if (last > node->last) {
        status = quire_region_grow_(a, node, last);
    }
    if (status == QUIRE_OK) {
        region->last = last - quire_region_guard_(a, node->u.key, QUIRE_REGION_AFTER_SHIFT);
    }
    return status;
}

QUIRE_API enum quire_status quire_region_find(const struct quire_region_allocator *a, uint64_t addr,
                                              struct quire_region *region)
{
    uint32_t link = quire_region_floor_(a, addr);
    const struct quire_region_node *node;

    if (link == 0) {
        return QUIRE_NOT_FOUND;
    }
    node = quire_region_at_(a, link);
    if (!quire_region_is_allocated_(node) || node->last < addr) {
        return QUIRE_NOT_FOUND;
    }
    quire_region_describe_(a, link, region);
    return addr >= region->base && addr <= region->last ? QUIRE_OK : QUIRE_DENIED;
}

QUIRE_API enum quire_status quire_region_renew(const struct quire_region_allocator *a, struct quire_region *region)
{
    enum quire_status status = QUIRE_OK;

    if (quire_region_own_(a, region, &status) != NULL) {
        quire_region_describe_(a, region->node, region);
    }
    return status;
}

QUIRE_API bool quire_region_is_live(const struct quire_region_allocator *a, const struct quire_region *region)
{
    enum quire_status status;

    return quire_region_own_(a, region, &status) != NULL;
}

/* ---- Figures ---- */

/* Bytes of a sum modulo 2^64 that is not empty: 0 is all 2^64. */
static uint64_t quire_region_bytes_(uint64_t sum, uint32_t n)
{
    return sum == 0 && n != 0 ? UINT64_MAX : sum;
}

/* Parts in 1000 of `whole` that `part` leaves, in 32-bit arithmetic. */
static uint32_t quire_region_permille_left_(uint64_t part, uint64_t whole)
{
    unsigned top = whole != 0 ? quire_bits_high(whole) : 0;
    unsigned shift = top > 20u ? top - 20u : 0;

    return whole == 0 ? 0 : 1000u - (uint32_t)(part >> shift) * 1000u / (uint32_t)(whole >> shift);
}

QUIRE_API void quire_region_get_stats(const struct quire_region_allocator *a, struct quire_region_stats *stats)
{
    uint32_t link = quire_region_bins_largest_(&a->bins[0], a->book->origin);
    const struct quire_region_node *hole = link != 0 ? quire_region_at_(a, link) : NULL;

    stats->available = quire_region_bytes_(a->available, a->holes);
    stats->reserved = quire_region_bytes_(a->managed - a->available, a->allocated);
    stats->largest = hole != NULL ? quire_region_bytes_(hole->last - hole->base + 1u, 1) : 0;
    stats->holes = a->holes;
    stats->allocated = a->allocated;
    stats->fragmentation = quire_region_permille_left_(stats->largest, stats->available);
}

/* Bytes from the first multiple of mask + 1 in the hole to its end; 0 if there is none. */
static uint64_t quire_region_room_(const struct quire_region_node *hole, uint64_t mask)
{
    uint64_t start = (hole->base + mask) & ~mask;

    return start < hole->base || start > hole->last ? 0 : quire_region_bytes_(hole->last - start + 1u, 1);
}

QUIRE_API uint64_t quire_region_largest(const struct quire_region_allocator *a, uint64_t align)
{
    uint64_t mask = align > a->bins[0].mask ? align - 1u : a->bins[0].mask;
    unsigned c = quire_region_class_(a, mask);
    uint64_t most = 0;
    uint32_t link;

    if ((align & (align - 1u)) != 0) {
        return 0;
    }
    if (a->bins[c].mask == mask) {
        link = quire_region_bins_largest_(&a->bins[c], a->book->origin);
        return link != 0 ? quire_region_room_(quire_region_at_(a, link), mask) : 0;
    }
    for (link = a->first; link != 0; link = quire_region_at_(a, link)->next) {
        const struct quire_region_node *node = quire_region_at_(a, link);
        uint64_t room = quire_region_is_allocated_(node) ? 0 : quire_region_room_(node, mask);

        most = room > most ? room : most;
    }
    return most;
}

QUIRE_END

#endif
