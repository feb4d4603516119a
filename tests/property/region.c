/* Region allocators against two models (tests/support/region_model.h), by random operations.
 *
 * Three allocators with different units, classes and spaces live on two books. Every answer is judged by the list model, which
 * knows all 64 bits, and where the space is small by the map model, which tries every unit; after every operation both sets are
 * walked and compared, so that what failed is seen to have changed nothing.
 *
 * QUIRE_SEED=n begins with that seed; QUIRE_COUNT=n runs so many sequences per variant, QUIRE_COUNT=campaign one of a million
 * operations; QUIRE_STEPS=n makes each so long; QUIRE_VARIANT=n runs only that one. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "property.h"
#include "quire/region_check.h"
#include "region_model.h"

#define SIDES 3u
#define BOOKS 2u
#define NODES 512u
#define CELLS 384u
#define STALE 128u

/* One allocator and what is known of it. */
struct side {
    struct quire_region_allocator a;
    uint64_t *table;
    struct region_list list;
    struct region_map map;
    bool mapped; /* its space is small */
    bool indexed;
    unsigned book;
    struct quire_region live[NODES]; /* by id - 1; key 0: none */
};

struct stale {
    struct quire_region region;
    unsigned side;
    bool other_book; /* the allocator has been given a book since */
};

struct play {
    struct property random;
    struct quire_region_book book[BOOKS];
    uint64_t *slab[BOOKS];
    uint32_t most[BOOKS]; /* nodes that it lends */
    struct side side[SIDES];
    struct stale stale[STALE];
    unsigned nstale;
    uint64_t step;
    unsigned acted; /* the allocator of the operation */
    bool trace;     /* QUIRE_TRACE: print every operation */
    char what[256]; /* the operation */
    char wrong[512];
};

static void wrong(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void wrong(struct play *play, const char *format, ...)
{
    char text[200];
    va_list args;

    if (play->wrong[0] != '\0') {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)snprintf(play->wrong, sizeof play->wrong, "step %ju, %s: %s", (uintmax_t)play->step, play->what, text);
}

static void what(struct play *play, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void what(struct play *play, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(play->what, sizeof play->what, format, args);
    va_end(args);
    if (play->trace) {
        printf("%ju: %s\n", (uintmax_t)play->step, play->what);
        fflush(stdout);
    }
}

static uint32_t below(struct play *play, uint32_t limit)
{
    return property_below(&play->random, limit);
}

static void expect(struct play *play, enum quire_status is, enum quire_status should)
{
    if (is != should) {
        wrong(play, "%s where %s must come", quire_status_name(is), quire_status_name(should));
    }
}

/* ---- Variants: every number has digits that choose unit, classes, index and space ---- */

enum space { SPACE_BOTTOM, SPACE_TOP, SPACE_MIDDLE, SPACE_WHOLE, SPACE_SPARSE, SPACES };

#define UNITS 3u
#define CLASSES 4u
#define FORMS (UNITS * CLASSES * 2u)
#define VARIANTS (FORMS * (unsigned)SPACES)

static const uint64_t units[UNITS] = {1, 8, 4096};
static const unsigned class_counts[CLASSES] = {1, 2, 4, 8};
static const unsigned class_steps[CLASSES][7] = {{0}, {4}, {1, 4, 9}, {1, 2, 3, 4, 6, 10, 20}};

static void side_config(struct quire_region_config *config, uint64_t *align, unsigned number)
{
    unsigned form = number % FORMS;
    unsigned classes = form / UNITS % CLASSES;
    unsigned i;

    memset(config, 0, sizeof *config);
    config->unit = units[form % UNITS];
    config->naligns = class_counts[classes] - 1u;
    config->indexed = form / UNITS / CLASSES != 0;
    for (i = 0; i < config->naligns; i++) {
        align[i] = config->unit << class_steps[classes][i];
    }
    config->align = align;
    config->exact_log = number % 11u == 0 ? 12u : 6u + number % 3u;
    config->span_log = number % 3u == 0 ? 64u : number % 3u == 1u ? 9u : 20u;
}

static uint64_t map_origin(enum space space, uint64_t unit)
{
    switch (space) {
    case SPACE_TOP:
        return (uint64_t)0 - CELLS * unit;
    case SPACE_MIDDLE:
        return 0xfedcba98765u * unit;
    default:
        return 0;
    }
}

static void side_start(struct play *play, unsigned s, unsigned number)
{
    struct side *side = &play->side[s];
    struct quire_region_config config;
    enum space space = (enum space)((number / FORMS + s) % (unsigned)SPACES);
    uint64_t align[REGION_CLASSES];
    uint64_t origin;

    side_config(&config, align, number + s * 7u);
    config.table_bytes = QUIRE_REGION_TABLE_BYTES(config.naligns + 1u, config.exact_log, config.span_log);
    side->table = malloc(config.table_bytes);
    config.table = side->table;
    side->book = s == 2u;
    config.book = &play->book[side->book];
    side->indexed = config.indexed;
    side->mapped = space < SPACE_WHOLE;
    origin = map_origin(space, config.unit);
    region_list_init(&side->list, 2u * NODES, config.unit, align, config.naligns, config.exact_log);
    what(play, "init of allocator %u: unit %ju, %u classes, index %d", s, (uintmax_t)config.unit, config.naligns + 1u,
         (int)config.indexed);
    expect(play, quire_region_init(&side->a, &config), QUIRE_OK);
    if (side->mapped) {
        region_map_init(&side->map, origin, config.unit, CELLS);
    }
}

static void play_start(struct play *play, unsigned number, uint64_t seed)
{
    unsigned most_classes = 1;
    bool indexed = false;
    unsigned i;

    memset(play, 0, sizeof *play);
    play->trace = getenv("QUIRE_TRACE") != NULL;
    play->random.state = seed * 1000003u + number;
    for (i = 0; i < SIDES; i++) {
        struct quire_region_config config;
        uint64_t align[REGION_CLASSES];

        side_config(&config, align, number + i * 7u);
        most_classes = config.naligns + 1u > most_classes ? config.naligns + 1u : most_classes;
        indexed = indexed || config.indexed;
    }
    for (i = 0; i < BOOKS; i++) {
        uint32_t limit = (seed + number + i) % 3u == 0 ? 0 : (seed + number + i) % 3u == 1u ? 24u : 100u;
        size_t bytes = NODES / 2u * QUIRE_REGION_NODE_BYTES(most_classes, indexed);

        play->slab[i] = malloc(2u * bytes);
        expect(play, quire_region_book_init(&play->book[i], most_classes, indexed, limit), QUIRE_OK);
        /* Two slabs, so that links reach to both sides of the first. */
        expect(play, quire_region_book_add_slab(&play->book[i], (char *)play->slab[i] + bytes, bytes), QUIRE_OK);
        expect(play, quire_region_book_add_slab(&play->book[i], play->slab[i], bytes), QUIRE_OK);
        play->most[i] = limit != 0 ? limit : NODES;
    }
    for (i = 0; i < SIDES; i++) {
        side_start(play, i, number);
    }
}

static uint32_t left(const struct play *play, unsigned book)
{
    uint32_t used = 0;
    unsigned i;

    for (i = 0; i < SIDES; i++) {
        used += play->side[i].book == book ? play->side[i].list.n : 0;
    }
    return play->most[book] - used;
}

/* ---- What is compared after every operation ---- */

struct walk {
    struct play *play;
    const struct side *side;
    uint32_t at; /* in the list */
    bool allocated;
};

/* The next range of this kind from `at` on. */
static uint32_t next_range(const struct region_list *list, uint32_t at, bool allocated)
{
    while (at < list->n && (list->range[at].id != 0) != allocated) {
        at++;
    }
    return at;
}

static bool compare_one(void *ctx, const struct quire_region *region)
{
    struct walk *walk = ctx;
    const struct region_list *list = &walk->side->list;
    const struct region_range *range;

    walk->at = next_range(list, walk->at, walk->allocated);
    if (walk->at == list->n) {
        wrong(walk->play, "the walk goes on, to %jx", (uintmax_t)region->base);
        return false;
    }
    range = &list->range[walk->at++];
    if (region->base != range->base + range->before || region->last != range->last - range->after) {
        wrong(walk->play, "the walk comes to [%jx, %jx], not [%jx, %jx] with guards %jx, %jx", (uintmax_t)region->base,
              (uintmax_t)region->last, (uintmax_t)range->base, (uintmax_t)range->last, (uintmax_t)range->before,
              (uintmax_t)range->after);
        return false;
    }
    if (walk->allocated && region->key != walk->side->live[range->id - 1u].key) {
        wrong(walk->play, "the walk gives another receipt for %jx", (uintmax_t)region->base);
    }
    if (!walk->allocated && region->key != 0) {
        wrong(walk->play, "the walk gives a receipt for the hole %jx", (uintmax_t)region->base);
    }
    return walk->play->wrong[0] == '\0';
}

static void compare_stats(struct play *play, const struct side *side)
{
    struct quire_region_stats is;
    struct quire_region_stats should;

    region_list_stats(&side->list, &should);
    quire_region_get_stats(&side->a, &is);
    if (is.available != should.available || is.reserved != should.reserved || is.largest != should.largest ||
        is.holes != should.holes || is.allocated != should.allocated) {
        wrong(play, "available %jx (%jx), reserved %jx (%jx), largest %jx (%jx), holes %ju (%ju), allocated %ju (%ju)",
              (uintmax_t)is.available, (uintmax_t)should.available, (uintmax_t)is.reserved, (uintmax_t)should.reserved,
              (uintmax_t)is.largest, (uintmax_t)should.largest, (uintmax_t)is.holes, (uintmax_t)should.holes,
              (uintmax_t)is.allocated, (uintmax_t)should.allocated);
    }
    /* Rounded up from what 21 bits tell; one hole alone is exactly whole. */
    if (is.fragmentation > should.fragmentation + 2u || is.fragmentation + 1u < should.fragmentation ||
        (should.holes < 2u && is.fragmentation != 0)) {
        wrong(play, "fragmentation %u, not %u", (unsigned)is.fragmentation, (unsigned)should.fragmentation);
    }
}

static void compare(struct play *play)
{
    const char *text = "";
    unsigned i;

    for (i = 0; i < SIDES; i++) {
        struct side *side = &play->side[i];
        unsigned allocated;

        for (allocated = 0; allocated < 2u; allocated++) {
            struct walk walk;

            walk.play = play;
            walk.side = side;
            walk.at = 0;
            walk.allocated = allocated != 0;
            (void)quire_region_walk(&side->a, allocated != 0 ? QUIRE_REGION_SET_ALLOCATED : QUIRE_REGION_SET_AVAILABLE,
                                    compare_one, &walk);
            if (next_range(&side->list, walk.at, allocated != 0) != side->list.n) {
                wrong(play, "the walk of %u ends too early", allocated);
            }
        }
        compare_stats(play, side);
        if (side->mapped && play->step % 4u == i && !region_map_agrees(&side->map, &side->list)) {
            wrong(play, "the models of allocator %u differ", i);
        }
        /* After every operation the allocator's own, whose tables make it the dearest of all; now and then everybody's. */
        if ((play->acted == i || play->step % 64u == 0) && quire_region_check(&side->a, &text) != QUIRE_OK) {
            wrong(play, "invariants of allocator %u: %s", i, text);
        }
    }
    for (i = 0; i < BOOKS; i++) {
        if (play->step % 16u == i && quire_region_book_check(&play->book[i], &text) != QUIRE_OK) {
            wrong(play, "invariants of book %u: %s", i, text);
        }
        if (quire_region_book_left(&play->book[i]) != left(play, i)) {
            wrong(play, "book %u has %u nodes left, not %u", i, (unsigned)quire_region_book_left(&play->book[i]),
                  (unsigned)left(play, i));
        }
    }
}

/* ---- Choices ---- */

static uint64_t unit_of(const struct side *side)
{
    return side->list.unit;
}

static uint64_t last_of(const struct side *side)
{
    return side->map.origin + (CELLS * unit_of(side) - 1u);
}

/* Any number of bits is as likely as any other. */
static uint64_t any_size(struct play *play)
{
    return property_bits(&play->random) >> below(play, 64);
}

/* A multiple of the unit: near what is there, or anywhere. */
static uint64_t pick_addr(struct play *play, const struct side *side)
{
    uint64_t unit = unit_of(side);
    uint64_t addr;

    if (side->list.n != 0 && below(play, 3) != 0) {
        const struct region_range *range = &side->list.range[below(play, side->list.n)];
        uint64_t off = below(play, 2) != 0 ? 0 : (below(play, 9) - 4u) * unit;

        addr = (below(play, 2) != 0 ? range->base : range->last + 1u) + off;
        if (!side->mapped || (addr >= side->map.origin && addr <= last_of(side))) {
            return addr;
        }
    }
    if (side->mapped) {
        return side->map.origin + below(play, CELLS) * unit;
    }
    addr = any_size(play);
    return (below(play, 2) != 0 ? ~addr : addr) & ~(unit - 1u);
}

/* A range of whole units most of the time; what is none now and then. */
static void pick_range(struct play *play, const struct side *side, uint64_t *base, uint64_t *last)
{
    uint64_t unit = unit_of(side);
    uint64_t top = side->mapped ? last_of(side) : UINT64_MAX;
    uint64_t len;

    *base = pick_addr(play, side);
    if (side->mapped) {
        len = (1u + below(play, below(play, 8) == 0 ? CELLS : 12u)) * unit - 1u;
    } else {
        len = any_size(play) | (unit - 1u);
    }
    *last = len > top - *base ? top : *base + len;
    if (below(play, 4) == 0) { /* up to where something else begins or ends */
        uint64_t end = pick_addr(play, side) - 1u;

        *last = end >= *base && end <= top ? end : *last;
    }
    if (below(play, 40) == 0) {
        switch (below(play, 3)) {
        case 0:
            *base += unit > 1u ? 1u : 0; /* no unit */
            break;
        case 1:
            *last -= unit > 1u ? 1u : 0;
            break;
        default:
            *last = *base != 0 ? *base - 1u : *last; /* empty */
            break;
        }
    }
}

/* The range of something that is there. */
static bool pick_known(struct play *play, const struct side *side, uint64_t *base, uint64_t *last)
{
    const struct region_range *range;

    if (side->list.n == 0) {
        return false;
    }
    range = &side->list.range[below(play, side->list.n)];
    *base = range->base;
    *last = range->last;
    return true;
}

/* An id with a live region; 0 if a look from a random one on finds none. */
static uint64_t pick_live(struct play *play, const struct side *side)
{
    uint32_t i;
    uint32_t from;

    if (side->list.n == 0) {
        return 0;
    }
    from = below(play, side->list.n);
    for (i = 0; i < side->list.n; i++) {
        uint64_t id = side->list.range[(from + i) % side->list.n].id;

        if (id != 0) {
            return id;
        }
    }
    return 0;
}

static uint64_t free_id(const struct side *side)
{
    uint64_t id = 1;

    while (side->live[id - 1u].key != 0) {
        id++;
    }
    return id;
}

/* A receipt has gone stale. */
static void retire(struct play *play, unsigned s, uint64_t id)
{
    struct side *side = &play->side[s];
    struct stale *stale = &play->stale[play->nstale < STALE ? play->nstale++ : below(play, STALE)];

    stale->region = side->live[id - 1u];
    stale->side = s;
    stale->other_book = false;
    memset(&side->live[id - 1u], 0, sizeof side->live[id - 1u]);
}

static void paint(struct side *side, uint64_t base, uint64_t last, uint64_t state)
{
    if (side->mapped) {
        region_map_paint(&side->map, base, last, state);
    }
}

/* ---- Operations ---- */

static void do_add(struct play *play, unsigned s)
{
    struct side *side = &play->side[s];
    uint64_t base;
    uint64_t last;
    unsigned flags = below(play, 2) != 0 ? QUIRE_REGION_OVERLAP : 0;
    enum quire_status should;

    pick_range(play, side, &base, &last);
    if (!side->mapped && below(play, 64) == 0) {
        base = 0; /* the whole space */
        last = UINT64_MAX;
    }
    flags = below(play, 60) == 0 ? QUIRE_REGION_INCOMPLETE : flags;
    what(play, "%u: add [%jx, %jx] %u", s, (uintmax_t)base, (uintmax_t)last, flags);
    should = region_list_add(&side->list, base, last, flags, left(play, side->book));
    expect(play, quire_region_add(&side->a, base, last, flags), should);
    if (should == QUIRE_OK) {
        paint(side, base, last, REGION_MAP_HOLE);
    }
}

static void do_subtract(struct play *play, unsigned s)
{
    struct side *side = &play->side[s];
    uint64_t base;
    uint64_t last;
    unsigned flags = below(play, 2) != 0 ? QUIRE_REGION_INCOMPLETE : 0;
    enum quire_status should;
    uint64_t at;

    if (below(play, 3) != 0 || !pick_known(play, side, &base, &last)) {
        pick_range(play, side, &base, &last);
    }
    flags = below(play, 60) == 0 ? QUIRE_REGION_OVERLAP : flags;
    what(play, "%u: subtract [%jx, %jx] %u", s, (uintmax_t)base, (uintmax_t)last, flags);
    should = region_list_subtract(&side->list, base, last, flags, left(play, side->book));
    expect(play, quire_region_subtract(&side->a, base, last, flags), should);
    for (at = base; should == QUIRE_OK && side->mapped; at += unit_of(side)) {
        uint64_t *cell = &side->map.cell[(at - side->map.origin) / unit_of(side)];

        *cell = *cell == REGION_MAP_HOLE ? REGION_MAP_GAP : *cell;
        if (at + (unit_of(side) - 1u) == last) {
            break;
        }
    }
}

/* A request from what can go right, with what can go wrong now and then. */
static void pick_request(struct play *play, const struct side *side, struct quire_region_request *request)
{
    uint64_t unit = unit_of(side);

    memset(request, 0, sizeof *request);
    request->size =
        side->mapped || below(play, 2) != 0 ? (1u + below(play, 24)) * unit - below(play, 2) * (unit / 2u) : any_size(play);
    switch (below(play, 4)) {
    case 0:
        break;
    case 1:
        request->align = side->list.align[below(play, side->list.classes)];
        break;
    default:
        request->align = unit << below(play, side->mapped ? 8 : 40); /* declared or not, maybe 0 */
        break;
    }
    if (below(play, 3) == 0) {
        request->guard_before = unit << below(play, 4);
    }
    if (below(play, 3) == 0) {
        request->guard_after = unit << below(play, 4);
    }
    if (below(play, 3) == 0) {
        request->min = pick_addr(play, side) + below(play, 2);
    }
    if (below(play, 3) == 0) {
        request->max = pick_addr(play, side) - 1u;
        if (request->max < request->min && request->max != 0 && below(play, 8) != 0) {
            uint64_t min = request->max;

            request->max = request->min;
            request->min = min;
        }
    }
    request->policy = (enum quire_region_policy)below(play, 4);
    request->entropy = property_bits(&play->random);
    request->flags = below(play, 4) == 0 && request->policy != QUIRE_REGION_RANDOM ? QUIRE_REGION_BOUNDED : 0;
    if (below(play, 30) != 0) {
        return;
    }
    switch (below(play, 8)) {
    case 0:
        request->size = 0;
        break;
    case 1:
        request->size = UINT64_MAX - below(play, 3) * unit;
        break;
    case 2:
        request->align = below(play, 2) != 0 ? 3u * unit : UINT64_MAX;
        break;
    case 3:
        request->guard_before = 3u * unit;
        break;
    case 4:
        request->guard_after = below(play, 2) != 0 ? unit / 2u : (uint64_t)1 << 63;
        break;
    case 5:
        request->policy = (enum quire_region_policy)4;
        break;
    case 6:
        request->flags = 2;
        break;
    default:
        request->policy = QUIRE_REGION_RANDOM;
        request->flags = QUIRE_REGION_BOUNDED;
        break;
    }
}

/* Is the region at `asked` (its extent) what this policy must choose? */
static void judge_policy(struct play *play, const struct side *side, const struct quire_region_request *request,
                         const struct region_places *places, uint64_t asked)
{
    const char *fault = NULL;

    if (request->policy == QUIRE_REGION_LOWEST && asked != places->lowest) {
        fault = "this is not the lowest place";
    } else if (request->policy == QUIRE_REGION_HIGHEST && asked != places->highest) {
        fault = "this is not the highest place";
    } else if (request->policy == QUIRE_REGION_BEST_FIT) {
        fault = region_list_not_best(&side->list, request, asked);
    }
    if (fault != NULL) {
        wrong(play, "%s: %jx of %jx..%jx", fault, (uintmax_t)asked, (uintmax_t)places->lowest, (uintmax_t)places->highest);
    }
}

static void judge_granted(struct play *play, struct side *side, const struct quire_region_request *request,
                          const struct region_places *places, const struct quire_region *region)
{
    uint64_t base = region->base - request->guard_before;
    uint64_t len = 0;
    uint64_t id = free_id(side);

    (void)region_request_extent(&side->list, request, &len);
    if (!places->legal || region->last + request->guard_after - base != len) {
        wrong(play, "[%jx, %jx] is no place for it", (uintmax_t)region->base, (uintmax_t)region->last);
        return;
    }
    judge_policy(play, side, request, places, base);
    if (region_list_cost(&side->list, base, base + len) > left(play, side->book)) {
        wrong(play, "it took nodes that the book does not lend");
    }
    region_list_take(&side->list, base, base + len, request->guard_before, request->guard_after, id);
    paint(side, base, base + len, id + REGION_MAP_HOLE);
    side->live[id - 1u] = *region;
    if (!quire_region_is_live(&side->a, region)) {
        wrong(play, "the receipt is not live");
    }
}

static void judge_refused(struct play *play, struct side *side, const struct quire_region_request *request,
                          const struct region_places *places, enum quire_status status)
{
    if (status == QUIRE_NO_SPACE) {
        if (places->any && ((request->flags & QUIRE_REGION_BOUNDED) == 0 || region_list_bounded_must(&side->list, request))) {
            wrong(play, "NO_SPACE, but it fits at %jx", (uintmax_t)places->lowest);
        }
    } else if (status != QUIRE_NO_MEMORY || !places->any ||
               region_list_dearest(&side->list, request) <= left(play, side->book)) {
        wrong(play, "%s, with %u nodes left", quire_status_name(status), (unsigned)left(play, side->book));
    }
}

static void do_get(struct play *play, unsigned s, bool full)
{
    struct side *side = &play->side[s];
    struct quire_region_request request;
    struct quire_region region;
    struct quire_region untouched;
    struct region_places places;
    struct region_places mapped;
    enum quire_status status;
    uint64_t len;

    pick_request(play, side, &request);
    if (!full) {
        uint64_t size = request.size;
        uint64_t align = request.align;

        memset(&request, 0, sizeof request);
        request.size = size;
        request.align = align;
    }
    what(play, "%u: get %jx align %jx in %jx..%jx guards %jx %jx policy %d flags %u", s, (uintmax_t)request.size,
         (uintmax_t)request.align, (uintmax_t)request.min, (uintmax_t)request.max, (uintmax_t)request.guard_before,
         (uintmax_t)request.guard_after, (int)request.policy, request.flags);
    memset(&region, 0x5a, sizeof region);
    untouched = region;
    status = full ? quire_region_get_for(&side->a, &request, &region)
                  : quire_region_get(&side->a, request.size, request.align, &region);
    if (status != QUIRE_OK && memcmp(&region, &untouched, sizeof region) != 0) {
        wrong(play, "it failed and wrote a receipt");
    }
    if (region_request_invalid(&side->list, &request)) {
        expect(play, status, QUIRE_INVALID);
        return;
    }
    if (!region_request_extent(&side->list, &request, &len)) {
        expect(play, status, QUIRE_NO_SPACE);
        return;
    }
    region_list_places(&side->list, &request, region.base - request.guard_before, &places);
    if (side->mapped) {
        region_map_places(&side->map, &request, region.base - request.guard_before, &mapped);
        if (mapped.any != places.any || mapped.lowest != places.lowest || mapped.highest != places.highest ||
            mapped.legal != places.legal) {
            wrong(play, "the models differ");
        }
    }
    if (status == QUIRE_OK) {
        judge_granted(play, side, &request, &places, &region);
    } else {
        judge_refused(play, side, &request, &places, status);
    }
}

static void do_get_at(struct play *play, unsigned s)
{
    struct side *side = &play->side[s];
    uint64_t id = free_id(side);
    struct quire_region region;
    enum quire_status should;
    uint64_t base;
    uint64_t last;

    if (below(play, 4) != 0 || !pick_known(play, side, &base, &last)) {
        pick_range(play, side, &base, &last);
    }
    what(play, "%u: get_at [%jx, %jx]", s, (uintmax_t)base, (uintmax_t)last);
    should = region_list_get_at(&side->list, base, last, id, left(play, side->book));
    expect(play, quire_region_get_at(&side->a, base, last, &region), should);
    if (should == QUIRE_OK && play->wrong[0] == '\0') {
        if (region.base != base || region.last != last) {
            wrong(play, "it got [%jx, %jx]", (uintmax_t)region.base, (uintmax_t)region.last);
        }
        side->live[id - 1u] = region;
        paint(side, base, last, id + REGION_MAP_HOLE);
    }
}

static void do_put(struct play *play, unsigned s)
{
    struct side *side = &play->side[s];
    uint64_t id = pick_live(play, side);

    if (id == 0) {
        return;
    }
    what(play, "%u: put %jx", s, (uintmax_t)side->live[id - 1u].base);
    expect(play, quire_region_put(&side->a, &side->live[id - 1u]), region_list_put(&side->list, id));
    if (quire_region_is_live(&side->a, &side->live[id - 1u])) {
        wrong(play, "the receipt is live after it was put");
    }
    if (side->mapped) {
        region_map_replace(&side->map, id + REGION_MAP_HOLE, REGION_MAP_HOLE);
    }
    retire(play, s, id);
}

static void do_resize(struct play *play, unsigned s)
{
    struct side *side = &play->side[s];
    uint64_t id = pick_live(play, side);
    struct quire_region region;
    struct region_range was;
    enum quire_status should;
    uint64_t size;

    if (id == 0) {
        return;
    }
    region = side->live[id - 1u];
    was = *region_list_by_id(&side->list, id);
    size = region.last - region.base + 1u + (below(play, 33) - 16u) * unit_of(side);
    size = below(play, 3) == 0 ? any_size(play) : size;
    if (below(play, 40) == 0) {
        size = below(play, 2) != 0 ? 0 : UINT64_MAX - below(play, 2) * unit_of(side);
    }
    what(play, "%u: resize [%jx, %jx] to %jx", s, (uintmax_t)region.base, (uintmax_t)region.last, (uintmax_t)size);
    should = region_list_resize(&side->list, id, size, left(play, side->book));
    expect(play, quire_region_resize(&side->a, &region, size), should);
    if (should == QUIRE_OK) {
        const struct region_range *range = region_list_by_id(&side->list, id);

        if (region.base != range->base + range->before || region.last != range->last - range->after) {
            wrong(play, "it is [%jx, %jx] now", (uintmax_t)region.base, (uintmax_t)region.last);
        }
        paint(side, was.base, was.last, REGION_MAP_HOLE);
        paint(side, range->base, range->last, id + REGION_MAP_HOLE);
        if (below(play, 2) != 0) {
            side->live[id - 1u] = region; /* else the old copy stays in use */
        }
    } else if (memcmp(&region, &side->live[id - 1u], sizeof region) != 0) {
        wrong(play, "it failed and changed the receipt");
    }
}

static void do_find(struct play *play, unsigned s)
{
    struct side *side = &play->side[s];
    uint64_t addr = pick_addr(play, side) + below(play, (uint32_t)unit_of(side));
    const struct region_range *range = region_list_at(&side->list, addr);
    enum quire_status should = QUIRE_NOT_FOUND;
    struct quire_region region;

    if (range != NULL && range->id != 0) {
        should = addr - range->base < range->before || range->last - addr < range->after ? QUIRE_DENIED : QUIRE_OK;
    }
    memset(&region, 0, sizeof region);
    what(play, "%u: find %jx", s, (uintmax_t)addr);
    expect(play, quire_region_find(&side->a, addr, &region), should);
    if (should != QUIRE_NOT_FOUND) {
        if (region.base != range->base + range->before || region.last != range->last - range->after ||
            region.key != side->live[range->id - 1u].key || !quire_region_is_live(&side->a, &region)) {
            wrong(play, "it found [%jx, %jx]", (uintmax_t)region.base, (uintmax_t)region.last);
        }
    }
}

static void do_ask(struct play *play, unsigned s)
{
    struct side *side = &play->side[s];
    enum quire_region_set set = below(play, 2) != 0 ? QUIRE_REGION_SET_AVAILABLE : QUIRE_REGION_SET_ALLOCATED;
    uint64_t base;
    uint64_t last;

    if (below(play, 3) != 0 || !pick_known(play, side, &base, &last)) {
        pick_range(play, side, &base, &last);
    }
    what(play, "%u: ask of %d for [%jx, %jx]", s, (int)set, (uintmax_t)base, (uintmax_t)last);
    if (quire_region_intersects(&side->a, set, base, last) != region_list_intersects(&side->list, set, base, last) ||
        quire_region_contains(&side->a, set, base, last) != region_list_contains(&side->list, set, base, last)) {
        wrong(play, "intersects or contains is wrong");
    }
    if (side->mapped &&
        (region_map_intersects(&side->map, set, base, last) != region_list_intersects(&side->list, set, base, last) ||
         region_map_contains(&side->map, set, base, last) != region_list_contains(&side->list, set, base, last))) {
        wrong(play, "the models differ");
    }
}

static void do_largest(struct play *play, unsigned s)
{
    struct side *side = &play->side[s];
    uint64_t align = below(play, 8) == 0 ? any_size(play) : (uint64_t)1 << below(play, 64);
    uint64_t is = quire_region_largest(&side->a, align);
    uint64_t should = region_list_largest(&side->list, align);

    what(play, "%u: largest at %jx", s, (uintmax_t)align);
    if (is != should) {
        wrong(play, "it is %jx, not %jx", (uintmax_t)is, (uintmax_t)should);
    }
}

struct early {
    uint32_t visits;
    uint32_t stop; /* after so many */
};

static bool stop_early(void *ctx, const struct quire_region *region)
{
    struct early *early = ctx;

    (void)region;
    return ++early->visits != early->stop;
}

static void do_walk(struct play *play, unsigned s)
{
    struct side *side = &play->side[s];
    enum quire_region_set set = below(play, 2) != 0 ? QUIRE_REGION_SET_AVAILABLE : QUIRE_REGION_SET_ALLOCATED;
    struct quire_region_stats stats;
    struct early early;
    uint32_t n;
    bool to_the_end;

    region_list_stats(&side->list, &stats);
    n = set == QUIRE_REGION_SET_AVAILABLE ? stats.holes : stats.allocated;
    early.visits = 0;
    early.stop = 1u + below(play, 8);
    what(play, "%u: walk of %d to the %u. of %u", s, (int)set, (unsigned)early.stop, (unsigned)n);
    to_the_end = quire_region_walk(&side->a, set, stop_early, &early);
    if (to_the_end != (n < early.stop) || early.visits != (n < early.stop ? n : early.stop)) {
        wrong(play, "it made %u visits and returned %d", (unsigned)early.visits, (int)to_the_end);
    }
}

/* Every way to hand in a receipt that is not good: none is taken, and nothing changes. */
static void do_misuse(struct play *play, unsigned s)
{
    struct quire_region region;
    enum quire_status should = QUIRE_INVALID;
    bool other_book = false;
    unsigned to = s;

    memset(&region, 0, sizeof region);
    switch (below(play, 4)) {
    case 0:
    case 1: /* stale */
        if (play->nstale != 0) {
            const struct stale *stale = &play->stale[below(play, play->nstale)];

            region = stale->region;
            to = stale->side;
            other_book = stale->other_book;
            should = QUIRE_DEAD;
        }
        break;
    case 2: { /* another allocator's */
        uint64_t id = pick_live(play, &play->side[s]);

        if (id != 0) {
            region = play->side[s].live[id - 1u];
            to = (s + 1u + below(play, SIDES - 1u)) % SIDES;
        }
        break;
    }
    default: /* none, or never touched */
        break;
    }
    play->acted = to;
    what(play, "%u: misuse of [%jx, %jx] key %jx", to, (uintmax_t)region.base, (uintmax_t)region.last, (uintmax_t)region.key);
    if (quire_region_is_live(&play->side[to].a, &region)) {
        wrong(play, "it is said to be live");
    } else if (other_book) {
        enum quire_status status = quire_region_put(&play->side[to].a, &region);

        if (status != QUIRE_DEAD && status != QUIRE_INVALID) {
            wrong(play, "%s for a receipt from before it had this book", quire_status_name(status));
        }
    } else {
        expect(play,
               below(play, 2) != 0 ? quire_region_put(&play->side[to].a, &region)
                                   : quire_region_resize(&play->side[to].a, &region, unit_of(&play->side[to])),
               should);
    }
}

static void do_reset(struct play *play, unsigned s)
{
    struct side *side = &play->side[s];

    what(play, "%u: reset", s);
    quire_region_reset(&side->a);
    region_list_reset(&side->list);
    if (side->mapped) {
        region_map_replace(&side->map, REGION_MAP_HOLE, REGION_MAP_GAP);
    }
}

static void do_clear(struct play *play, unsigned s)
{
    struct side *side = &play->side[s];
    uint64_t id;

    what(play, "%u: clear", s);
    quire_region_clear(&side->a);
    region_list_clear(&side->list);
    for (id = 1; id <= NODES; id++) {
        if (side->live[id - 1u].key != 0) {
            if (side->mapped) {
                region_map_replace(&side->map, id + REGION_MAP_HOLE, REGION_MAP_GAP);
            }
            retire(play, s, id);
        }
    }
    if (side->mapped) {
        region_map_replace(&side->map, REGION_MAP_HOLE, REGION_MAP_GAP);
    }
}

static void do_set_book(struct play *play, unsigned s)
{
    struct side *side = &play->side[s];
    unsigned book = below(play, BOOKS);
    enum quire_status should = side->list.n != 0 ? QUIRE_BUSY : QUIRE_OK;
    unsigned i;

    if (below(play, 4) == 0) {
        do_clear(play, s);
        should = QUIRE_OK;
    }
    what(play, "%u: set_book %u", s, book);
    expect(play, quire_region_set_book(&side->a, &play->book[book]), should);
    if (should != QUIRE_OK) {
        return;
    }
    for (i = 0; i < play->nstale; i++) {
        play->stale[i].other_book = play->stale[i].other_book || play->stale[i].side == s;
    }
    side->book = book;
}

/* Numbers in a row are one operation each, in hundredths of all but the rare ones. */
static void play_step(struct play *play)
{
    unsigned s = below(play, SIDES);
    uint32_t choice = below(play, 1000);

    play->step++;
    play->acted = s;
    if (choice < 90) {
        do_add(play, s);
    } else if (choice < 150) {
        do_subtract(play, s);
    } else if (choice < 300) {
        do_get(play, s, false);
    } else if (choice < 530) {
        do_get(play, s, true);
    } else if (choice < 590) {
        do_get_at(play, s);
    } else if (choice < 770) {
        do_put(play, s);
    } else if (choice < 850) {
        do_resize(play, s);
    } else if (choice < 880) {
        do_find(play, s);
    } else if (choice < 910) {
        do_ask(play, s);
    } else if (choice < 925) {
        do_largest(play, s);
    } else if (choice < 940) {
        do_walk(play, s);
    } else if (choice < 985) {
        do_misuse(play, s);
    } else if (choice < 991) {
        do_set_book(play, s);
    } else if (choice < 994) {
        do_reset(play, s);
    } else if (choice < 996) {
        do_clear(play, s);
    }
    compare(play);
}

static void play_stop(struct play *play)
{
    unsigned i;

    for (i = 0; i < SIDES && play->wrong[0] == '\0'; i++) {
        what(play, "early end of allocator %u", i);
        if (pick_live(play, &play->side[i]) != 0) {
            expect(play, quire_region_fini(&play->side[i].a), QUIRE_BUSY);
            compare(play);
        }
    }
    for (i = 0; i < SIDES; i++) {
        struct side *side = &play->side[i];

        what(play, "end of allocator %u", i);
        if (play->wrong[0] == '\0') {
            quire_region_clear(&side->a);
            expect(play, quire_region_fini(&side->a), QUIRE_OK);
            region_list_clear(&side->list);
        }
    }
    for (i = 0; i < BOOKS && play->wrong[0] == '\0'; i++) {
        expect(play, quire_region_book_fini(&play->book[i]), QUIRE_OK);
    }
    for (i = 0; i < SIDES; i++) {
        region_list_fini(&play->side[i].list);
        if (play->side[i].mapped) {
            region_map_fini(&play->side[i].map);
        }
        free(play->side[i].table);
    }
    for (i = 0; i < BOOKS; i++) {
        free(play->slab[i]);
    }
}

/* ---- Runs ---- */

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

static void run(unsigned number, uint64_t seed, uint64_t steps)
{
    struct play *play = malloc(sizeof *play);
    uint64_t i;

    cr_assert_not_null(play);
    play_start(play, number, seed);
    for (i = 0; i < steps && play->wrong[0] == '\0'; i++) {
        play_step(play);
    }
    play_stop(play);
    if (play->wrong[0] != '\0') {
        (void)fprintf(stderr, "variant %u: %s\nto repeat: QUIRE_VARIANT=%u QUIRE_STEPS=%ju tests/run campaign region %ju 1\n",
                      number, play->wrong, number, (uintmax_t)play->step, (uintmax_t)seed);
    }
    cr_assert_eq(play->wrong[0], '\0', "variant %u, seed %ju: %s", number, (uintmax_t)seed, play->wrong);
    free(play);
}

/* A campaign is a million operations per variant; the usual run is some hundredths of a million in all. */
static void run_space(enum space space)
{
    const char *text = getenv("QUIRE_COUNT");
    bool campaign = text != NULL && strcmp(text, "campaign") == 0;
    uint64_t count = text == NULL || campaign ? 1u : strtoull(text, NULL, 0);
    uint64_t seed = number_from("QUIRE_SEED", 1);
    uint64_t only = number_from("QUIRE_VARIANT", VARIANTS);
    uint64_t steps = number_from("QUIRE_STEPS", campaign ? 1000000u : 200u);
    unsigned number;
    uint64_t i;

    for (number = FORMS * (unsigned)space; number < FORMS * ((unsigned)space + 1u); number++) {
        for (i = 0; (only == VARIANTS || only == number) && i < count; i++) {
            run(number, seed + i, steps);
        }
    }
}

Test(region_property, agrees_with_both_models_at_the_bottom_of_the_address_space, .timeout = 7200)
{
    run_space(SPACE_BOTTOM);
}

Test(region_property, agrees_with_both_models_at_the_top_of_the_address_space, .timeout = 7200)
{
    run_space(SPACE_TOP);
}

Test(region_property, agrees_with_both_models_somewhere_in_between, .timeout = 7200)
{
    run_space(SPACE_MIDDLE);
}

Test(region_property, agrees_with_the_list_model_in_all_64_bits, .timeout = 7200)
{
    run_space(SPACE_WHOLE);
    run_space(SPACE_SPARSE);
}
