/* region_explain.h: what it says is what quire_region_get_for() does, and its advice is enough. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "property.h"
#include "quire/region.h"
#include "quire/region_check.h"
#include "quire/region_explain.h"

#define NODES 256u
#define UNIT 16u
#define TOP UINT64_MAX

struct world {
    struct quire_region_book book;
    struct quire_region_allocator a;
    uint64_t slab[NODES * QUIRE_REGION_NODE_BYTES(2, true) / 8u];
    uint64_t table[QUIRE_REGION_TABLE_BYTES(2, 6, 64) / 8u];
    uint64_t more[2u * QUIRE_REGION_NODE_BYTES(2, true) / 8u];
};

static struct world w;

#define EXPECT(call, status) cr_assert_eq((call), (status), "%s, line %d", #call, __LINE__)

static void start(bool indexed, uint32_t nodes, uint32_t limit)
{
    static const uint64_t align[] = {64};
    struct quire_region_config config;

    memset(&w, 0, sizeof w);
    EXPECT(quire_region_book_init(&w.book, 2, indexed, limit), QUIRE_OK);
    EXPECT(quire_region_book_add_slab(&w.book, w.slab, nodes * w.book.node_bytes), QUIRE_OK);
    memset(&config, 0, sizeof config);
    config.book = &w.book;
    config.table = w.table;
    config.table_bytes = sizeof w.table;
    config.unit = UNIT;
    config.naligns = 1;
    config.align = align;
    config.exact_log = 6;
    config.indexed = indexed;
    EXPECT(quire_region_init(&w.a, &config), QUIRE_OK);
}

static struct quire_region_request request_of(uint64_t size, uint64_t align)
{
    struct quire_region_request request;

    memset(&request, 0, sizeof request);
    request.size = size;
    request.align = align;
    return request;
}

static struct quire_region_explanation explain(const struct quire_region_request *request)
{
    struct quire_region_explanation why;

    memset(&why, 0xff, sizeof why);
    EXPECT(quire_region_explain(&w.a, request, &why), QUIRE_OK);
    return why;
}

static void expect_text(const struct quire_region_explanation *why, const char *expected)
{
    char line[QUIRE_REGION_EXPLAIN_TEXT];

    cr_expect_eq(quire_region_explain_text(why, line, sizeof line), strlen(expected));
    cr_expect_str_eq(line, expected);
}

static struct quire_region take(uint64_t base, uint64_t last)
{
    struct quire_region region;

    EXPECT(quire_region_get_at(&w.a, base, last, &region), QUIRE_OK);
    return region;
}

/* ---- One blocker each ---- */

Test(region_explain, explain_says_when_nothing_is_in_the_way)
{
    struct quire_region_request request = request_of(0x100, 0);
    struct quire_region_explanation why;

    start(true, NODES, 0);
    EXPECT(quire_region_add(&w.a, 0x1000, 0x1fff, 0), QUIRE_OK);
    why = explain(&request);
    cr_expect_eq(why.status, QUIRE_OK);
    cr_expect_eq(why.blocker, QUIRE_REGION_BLOCKER_NONE);
    cr_expect_eq(why.helps, 0);
    cr_expect_eq(why.largest, 0x1000);
    expect_text(&why, "OK: it fits; largest anywhere 0x1000");
}

Test(region_explain, explain_refuses_what_it_cannot_look_at)
{
    struct quire_region_request request = request_of(0x100, 0);
    struct quire_region_explanation why;

    start(false, NODES, 0);
    EXPECT(quire_region_explain(NULL, &request, &why), QUIRE_INVALID);
    EXPECT(quire_region_explain(&w.a, NULL, &why), QUIRE_INVALID);
    EXPECT(quire_region_explain(&w.a, &request, NULL), QUIRE_INVALID);
    EXPECT(quire_region_fini(&w.a), QUIRE_OK);
    EXPECT(quire_region_explain(&w.a, &request, &why), QUIRE_INVALID);
}

Test(region_explain, explain_says_that_a_request_is_wrong)
{
    struct quire_region_request request = request_of(0, 0);
    struct quire_region_explanation why;

    start(true, NODES, 0);
    EXPECT(quire_region_add(&w.a, 0x1000, 0x1fff, 0), QUIRE_OK);
    why = explain(&request);
    cr_expect_eq(why.status, QUIRE_INVALID);
    expect_text(&why, "INVALID: the request is wrong; largest anywhere 0x1000");
    request = request_of(0x10, 0x30);
    why = explain(&request);
    cr_expect_eq(why.blocker, QUIRE_REGION_BLOCKER_REQUEST);
}

Test(region_explain, explain_names_the_alignment)
{
    struct quire_region_request request = request_of(0xa0, 0x800);
    struct quire_region_explanation why;

    start(true, NODES, 0);
    EXPECT(quire_region_add(&w.a, 0x1040, 0x10ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x1800, 0x180f, 0), QUIRE_OK);
    why = explain(&request);
    cr_expect_eq(why.status, QUIRE_NO_SPACE);
    cr_expect_eq(why.blocker, QUIRE_REGION_BLOCKER_ALIGNMENT);
    cr_expect_eq(why.align, 0x40, "%llx", (unsigned long long)why.align);
    cr_expect_eq(why.size, 0x10);
    cr_expect_eq(why.largest, 0xc0);
    cr_expect_eq(why.nearest.base, 0x1800);
    expect_text(&why, "NO_SPACE: the alignment is in the way; largest anywhere 0xc0, available within the limits 0xd0; "
                      "0x1800..0x180f lacks 0x90; "
                      "helps: size 0x10, alignment 0x40");
}

Test(region_explain, explain_names_the_guards)
{
    struct quire_region_request request = request_of(0x100, 0);
    struct quire_region_explanation why;

    start(true, NODES, 0);
    EXPECT(quire_region_add(&w.a, 0x1000, 0x10ff, 0), QUIRE_OK);
    request.guard_before = 0x20;
    request.guard_after = 0x10;
    why = explain(&request);
    expect_text(&why, "NO_SPACE: the guards are in the way; largest anywhere 0x100, available within the limits 0x100; "
                      "0x1000..0x10ff lacks 0x30; "
                      "helps: size 0xd0, no guards");
    /* Together more than there are addresses. */
    request.guard_before = (uint64_t)1 << 63;
    request.guard_after = (uint64_t)1 << 63;
    why = explain(&request);
    expect_text(
        &why, "NO_SPACE: the guards are in the way; largest anywhere 0x100, available within the limits 0x0; helps: no guards");
}

Test(region_explain, explain_names_the_limits)
{
    struct quire_region_request request = request_of(0x100, 0);
    struct quire_region_explanation why;

    start(true, NODES, 0);
    EXPECT(quire_region_add(&w.a, 0x1000, 0x1fff, 0), QUIRE_OK);
    request.min = 0x1f80;
    request.max = 0x2fff;
    why = explain(&request);
    expect_text(&why, "NO_SPACE: the limits are in the way; largest anywhere 0x1000, available within the limits 0x80; "
                      "0x1000..0x1fff lacks 0x80; "
                      "helps: size 0x80, no limits");
    request.min = 0x1fff;
    cr_expect_eq(explain(&request).available, 1);
    request.min = 0;
    request.max = 0x1000;
    why = explain(&request);
    cr_expect_eq(why.available, 1);
    cr_expect_eq(why.size, 0);
    cr_expect_eq(why.lacks, 0);
}

Test(region_explain, explain_names_the_smallest_region_whose_return_is_enough)
{
    struct quire_region_request request = request_of(0x300, 0);
    struct quire_region_explanation why;
    struct quire_region region;

    start(true, NODES, 0);
    EXPECT(quire_region_add(&w.a, 0x1000, 0x1fff, 0), QUIRE_OK);
    (void)take(0x1000, 0x13ff); /* large enough, but larger */
    (void)take(0x1500, 0x15ff);
    (void)take(0x1700, 0x17ff);
    (void)take(0x1810, 0x1fff);
    why = explain(&request);
    expect_text(&why, "NO_SPACE: a region is in the way; largest anywhere 0x100, available within the limits 0x210; "
                      "0x1400..0x14ff lacks 0x200; "
                      "helps: size 0x100, return of 0x1500..0x15ff");
    region = why.region;
    EXPECT(quire_region_put(&w.a, &region), QUIRE_OK);
    why = explain(&request);
    cr_expect_eq(why.status, QUIRE_OK);
}

Test(region_explain, explain_tells_pieces_from_too_little)
{
    struct quire_region_request request = request_of(0x300, 0);
    struct quire_region_explanation why;
    struct quire_region region;

    start(true, NODES, 0);
    EXPECT(quire_region_add(&w.a, 0x1000, 0x10ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x2000, 0x20ff, 0), QUIRE_OK);
    EXPECT(quire_region_add(&w.a, 0x3000, 0x31ff, 0), QUIRE_OK);
    why = explain(&request);
    expect_text(&why, "NO_SPACE: what is available is in pieces; largest anywhere 0x200, available within the limits 0x400; "
                      "0x3000..0x31ff lacks 0x100; "
                      "helps: size 0x200");
    EXPECT(quire_region_add(&w.a, 0x5000, 0x500f, 0), QUIRE_OK);
    EXPECT(quire_region_get_at(&w.a, 0x5000, 0x500f, &region), QUIRE_OK);
    why = explain(&request);
    cr_expect_eq(why.blocker, QUIRE_REGION_BLOCKER_FRAGMENTS);
    cr_expect_neq(why.helps & QUIRE_REGION_HELP_COMPACT, 0);
    request.size = 0x401;
    why = explain(&request);
    expect_text(&why, "NO_SPACE: too little is available; largest anywhere 0x200, available within the limits 0x400; "
                      "0x3000..0x31ff lacks 0x210; "
                      "helps: size 0x200");
    quire_region_clear(&w.a);
    why = explain(&request);
    expect_text(&why, "NO_SPACE: too little is available; largest anywhere 0x0, available within the limits 0x0");
    cr_expect_eq(why.nodes, 0);
}

Test(region_explain, explain_counts_the_nodes_that_are_missing)
{
    struct quire_region_request request = request_of(0x100, 0x800);
    struct quire_region_explanation why;
    struct quire_region region;

    start(true, 1, 0);
    EXPECT(quire_region_add(&w.a, 0x1010, 0x1fff, 0), QUIRE_OK);
    why = explain(&request);
    expect_text(&why, "NO_MEMORY: the book has too few nodes left; largest anywhere 0xff0; helps: nodes 0x2");
    EXPECT(quire_region_get_for(&w.a, &request, &region), QUIRE_NO_MEMORY);
    EXPECT(quire_region_book_add_slab(&w.book, w.more, why.nodes * w.book.node_bytes), QUIRE_OK);
    EXPECT(quire_region_get_for(&w.a, &request, &region), QUIRE_OK);
    start(true, 1, 0);
    EXPECT(quire_region_add(&w.a, 0x1000, 0x1fff, 0), QUIRE_OK);
    request.policy = QUIRE_REGION_HIGHEST;
    cr_expect_eq(explain(&request).nodes, 2, "0x1800..0x18ff");
    request.size = 0x800;
    cr_expect_eq(explain(&request).nodes, 1, "0x1800..0x1fff");
    request.size = 0x1000;
    request.align = 0;
    cr_expect_eq(explain(&request).status, QUIRE_OK, "all of the hole takes no node");
    request = request_of(0x2000, 0);
    why = explain(&request);
    cr_expect_eq(why.nodes, 2, "no space, and whatever is done about it may need nodes");
    /* A limit that slabs do not raise. */
    start(true, 2, 1);
    EXPECT(quire_region_add(&w.a, 0x1000, 0x1fff, 0), QUIRE_OK);
    request = request_of(0x100, 0);
    why = explain(&request);
    expect_text(&why, "NO_MEMORY: the book has too few nodes left; largest anywhere 0x1000");
    start(true, 1, 2);
    EXPECT(quire_region_add(&w.a, 0x1000, 0x1fff, 0), QUIRE_OK);
    cr_expect_eq(explain(&request).helps, QUIRE_REGION_HELP_NODES, "one more is allowed, and enough");
    request.align = 0x800;
    request.min = 0x1001;
    cr_expect_eq(explain(&request).helps, 0, "two are not");
}

Test(region_explain, explain_says_when_numbers_are_used_up)
{
    struct quire_region_request request = request_of(0x100, 0);
    struct quire_region_explanation why;

    start(true, NODES, 0);
    EXPECT(quire_region_add(&w.a, 0x1000, 0x1fff, 0), QUIRE_OK);
    w.book.number |= QUIRE_REGION_NUMBER_END;
    why = explain(&request);
    expect_text(&why, "LIMIT: the numbers are used up; largest anywhere 0x1000");
    request.size = 0x2000;
    why = explain(&request);
    cr_expect_eq(why.status, QUIRE_NO_SPACE);
    cr_expect_eq(why.helps, 0, "nothing helps then");
}

Test(region_explain, explain_says_when_a_search_was_bounded)
{
    struct quire_region_request request = request_of(0x200, 0);
    struct quire_region_explanation why;
    struct quire_region region;
    unsigned i;

    start(false, NODES, 0);
    for (i = 0; i <= QUIRE_REGION_LOOKS; i++) {
        EXPECT(quire_region_add(&w.a, 0x1000u * i, 0x1000u * i + (i == QUIRE_REGION_LOOKS ? 0x1ff : 0xff), 0), QUIRE_OK);
    }
    request.policy = QUIRE_REGION_LOWEST;
    request.flags = QUIRE_REGION_BOUNDED;
    EXPECT(quire_region_get_for(&w.a, &request, &region), QUIRE_NO_SPACE);
    why = explain(&request);
    expect_text(&why, "NO_SPACE: the search was bounded; largest anywhere 0x200; helps: an unbounded search");
    request.flags = 0;
    EXPECT(quire_region_get_for(&w.a, &request, &region), QUIRE_OK);
}

Test(region_explain, explain_knows_the_whole_space)
{
    struct quire_region_request request = request_of((uint64_t)0 - UNIT, (uint64_t)1 << 63);
    struct quire_region_explanation why;

    start(true, NODES, 0);
    EXPECT(quire_region_add(&w.a, 0, TOP, 0), QUIRE_OK);
    why = explain(&request);
    cr_expect_eq(why.status, QUIRE_OK, "at 0 every alignment is there");
    request.min = UNIT;
    why = explain(&request);
    cr_expect_eq(why.blocker, QUIRE_REGION_BLOCKER_ALIGNMENT);
    cr_expect_eq(why.align, UNIT);
    cr_expect_eq(why.size, (uint64_t)1 << 63);
    cr_expect_eq(why.available, (uint64_t)0 - UNIT);
    request.guard_after = UNIT;
    why = explain(&request);
    cr_expect_eq(why.size, ((uint64_t)1 << 63) - UNIT);
    request = request_of((uint64_t)0 - UNIT, 0);
    request.guard_after = 2u * UNIT;
    why = explain(&request);
    cr_expect_eq(why.blocker, QUIRE_REGION_BLOCKER_GUARDS);
    cr_expect_eq(why.size, (uint64_t)0 - 2u * UNIT);
    cr_expect_eq(why.available, TOP, "2^64 reads as 2^64 - 1");
}

Test(region_explain, explain_text_is_cut_where_the_buffer_ends)
{
    struct quire_region_request request = request_of(0x100, 0);
    struct quire_region_explanation why;
    char text[8];
    size_t whole = strlen("NO_SPACE: too little is available; largest anywhere 0x0, available within the limits 0x0");

    start(true, NODES, 0);
    why = explain(&request);
    memset(text, '#', sizeof text);
    cr_expect_eq(quire_region_explain_text(&why, text, 4), whole);
    cr_expect_str_eq(text, "NO_");
    cr_expect_eq(text[4], '#');
    cr_expect_eq(quire_region_explain_text(&why, text, 1), whole);
    cr_expect_eq(text[0], '\0');
    cr_expect_eq(text[1], 'O');
    cr_expect_eq(quire_region_explain_text(&why, NULL, 0), whole);
}

Test(region_explain, explain_text_of_anything_has_room)
{
    struct quire_region_explanation why;
    char text[QUIRE_REGION_EXPLAIN_TEXT];
    int status;
    unsigned blocker;

    memset(&why, 0xff, sizeof why);
    for (status = QUIRE_OK; status >= QUIRE_NEED; status--) {
        for (blocker = 0; blocker <= 12u; blocker++) {
            why.status = (enum quire_status)status;
            why.blocker = (enum quire_region_blocker)blocker;
            cr_expect_lt(quire_region_explain_text(&why, text, sizeof text), sizeof text);
        }
    }
}

/* ---- What it says is true ---- */

#define SPACE 96u /* units */
#define KEPT 48u

static struct quire_region kept[KEPT];
static unsigned num_kept;
static uint64_t origin; /* of the space */

static enum quire_status try(const struct quire_region_request *request)
{
    struct quire_region region;
    enum quire_status status = quire_region_get_for(&w.a, request, &region);

    if (status == QUIRE_OK) {
        EXPECT(quire_region_put(&w.a, &region), QUIRE_OK);
    }
    return status;
}

static struct quire_region_request random_request(struct property *p)
{
    struct quire_region_request request =
        request_of(1u + property_below(p, UNIT * (property_below(p, 4) == 0 ? SPACE : 12u)), 0);

    request.align = property_below(p, 2) == 0 ? 0 : (uint64_t)8 << property_below(p, 8);
    if (property_below(p, 3) == 0) {
        request.min = origin + property_below(p, SPACE * UNIT);
        request.max = request.min + property_below(p, SPACE * UNIT / 2u);
        request.max = request.max < request.min ? TOP : request.max;
    }
    if (property_below(p, 3) == 0) {
        request.guard_before = (uint64_t)UNIT << property_below(p, 4);
    }
    if (property_below(p, 3) == 0) {
        request.guard_after = (uint64_t)UNIT << property_below(p, 3);
    }
    request.policy = (enum quire_region_policy)property_below(p, 4);
    request.entropy = property_bits(p);
    request.flags = request.policy != QUIRE_REGION_RANDOM && property_below(p, 8) == 0 ? QUIRE_REGION_BOUNDED : 0;
    return request;
}

/* Each piece of advice about the request is enough, and no better one is. */
static void follow_request(const struct quire_region_request *request, const struct quire_region_explanation *why)
{
    struct quire_region_request other = *request;

    other.flags = 0;
    cr_assert_eq(try(&other), (why->helps & QUIRE_REGION_HELP_NO_BOUND) != 0 ? QUIRE_OK : QUIRE_NO_SPACE);
    if ((why->helps & QUIRE_REGION_HELP_NO_BOUND) != 0) {
        return;
    }
    if ((why->helps & QUIRE_REGION_HELP_SIZE) != 0) {
        other.size = why->size;
        cr_assert_eq(try(&other), QUIRE_OK);
        cr_assert_eq(why->size + why->lacks, (request->size + UNIT - 1u) / UNIT * UNIT);
    }
    other.size = why->size + 1u;
    cr_assert_eq(try(&other), QUIRE_NO_SPACE);
    other = *request;
    other.flags = 0;
    if ((why->helps & QUIRE_REGION_HELP_ALIGN) != 0) {
        other.align = why->align;
        cr_assert_eq(try(&other), QUIRE_OK);
        other.align = why->align * 2u;
        cr_assert_eq(try(&other), QUIRE_NO_SPACE);
    } else {
        other.align = 0;
        cr_assert_eq(try(&other), QUIRE_NO_SPACE);
    }
    other = *request;
    other.flags = 0;
    other.guard_before = 0;
    other.guard_after = 0;
    cr_assert_eq(try(&other), (why->helps & QUIRE_REGION_HELP_NO_GUARDS) != 0 ? QUIRE_OK : QUIRE_NO_SPACE);
    other = *request;
    other.flags = 0;
    other.min = 0;
    other.max = 0;
    cr_assert_eq(try(&other), (why->helps & QUIRE_REGION_HELP_NO_LIMITS) != 0 ? QUIRE_OK : QUIRE_NO_SPACE);
}

/* Of all regions, the smallest whose return is enough is the one that was named. */
static void follow_return(const struct quire_region_request *request, const struct quire_region_explanation *why)
{
    struct quire_region_request other = *request;
    bool named = false;
    uint64_t least = TOP; /* of those that are enough */
    uint64_t bytes = TOP; /* of the one that was named */
    unsigned i;

    other.flags = 0;
    for (i = 0; i < num_kept; i++) {
        struct quire_region region = kept[i];
        const struct quire_region_node *node =
            (const struct quire_region_node *)(w.book.origin + ((uintptr_t)region.node << 3));
        uint64_t base = node->base;
        uint64_t last = node->last;
        bool enough;

        EXPECT(quire_region_put(&w.a, &region), QUIRE_OK);
        enough = try(&other) == QUIRE_OK;
        least = enough && last - base < least ? last - base : least;
        if (why->region.key == kept[i].key) {
            cr_assert(enough, "what was named is not enough");
            named = true;
            bytes = last - base;
        }
        kept[i] = take(base, last); /* its guards now belong to it */
    }
    cr_assert_eq(named, (why->helps & QUIRE_REGION_HELP_RETURN) != 0);
    cr_assert_eq(bytes, least);
}

static void step(struct property *p)
{
    struct quire_region_request request = random_request(p);
    struct quire_region_explanation why = explain(&request);
    enum quire_status status;
    const char *what;

    cr_assert_eq(why.largest, quire_region_largest(&w.a, 0));
    if (why.status == QUIRE_NO_SPACE) {
        EXPECT(try(&request), QUIRE_NO_SPACE);
        follow_request(&request, &why);
        if ((why.helps & QUIRE_REGION_HELP_NO_BOUND) == 0) {
            follow_return(&request, &why);
        }
        cr_assert((why.blocker == QUIRE_REGION_BLOCKER_SPACE) <= ((why.helps & ~QUIRE_REGION_HELP_SIZE) == 0));
    }
    if (num_kept == KEPT || (num_kept != 0 && property_below(p, 3) == 0)) {
        unsigned k = property_below(p, num_kept);

        EXPECT(quire_region_put(&w.a, &kept[k]), QUIRE_OK);
        kept[k] = kept[--num_kept];
    } else {
        status = quire_region_get_for(&w.a, &request, &kept[num_kept]);
        cr_assert_eq(status, why.status);
        num_kept += status == QUIRE_OK;
    }
    cr_assert_eq(quire_region_check(&w.a, &what), QUIRE_OK, "%s", what);
}

Test(region_explain, explain_agrees_with_every_request_and_its_advice_is_enough)
{
    struct property p = property_begin("region_explain", 12);
    uint64_t round;
    unsigned i;

    for (round = 0; round < p.rounds; round++) {
        start(round % 2u == 1u, NODES, 0);
        num_kept = 0;
        origin = round % 4u < 2u ? TOP - SPACE * UNIT + 1u : 0x1000;
        EXPECT(quire_region_add(&w.a, origin, origin + (SPACE * UNIT - 1u), 0), QUIRE_OK);
        EXPECT(quire_region_subtract(&w.a, origin + 40u * UNIT, origin + 43u * UNIT - 1u, 0), QUIRE_OK);
        for (i = 0; i < 250u; i++) {
            step(&p);
        }
    }
}

Test(region_explain, explain_advises_no_compaction_where_there_is_nothing_to_move)
{
    struct quire_region_request request = request_of(0x4000, 0x20000);
    struct quire_region_explanation why;

    start(true, NODES, 0);
    EXPECT(quire_region_add(&w.a, 0x1000, 0xffff, 0), QUIRE_OK);
    why = explain(&request);
    cr_expect_eq(why.status, QUIRE_NO_SPACE);
    cr_expect_gt(why.available, request.size);
    cr_expect_eq(why.helps & QUIRE_REGION_HELP_COMPACT, 0, "one piece");
    EXPECT(quire_region_add(&w.a, 0x11000, 0x11fff, 0), QUIRE_OK);
    why = explain(&request);
    cr_expect_eq(why.helps & QUIRE_REGION_HELP_COMPACT, 0, "two pieces, and nothing that could be moved");
}
