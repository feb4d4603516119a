/* trace.h and pager_trace.h: events, the ring, the form in files, and what a pager tells. */
#include "rig_test.h"

/* ---- Events ---- */

Test(trace, cost_keeps_seven_bits_and_saturates)
{
    static const uint64_t exact[] = {0, 1, 127, 128, 255, 256, 510, 512, 1020, 1u << 20, 0x7f800000u, 0xff000000u};
    uint64_t last = 0;
    uint64_t cost;
    unsigned i;

    for (i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        struct quire_trace_event event = {.who = quire_trace_cost_code(exact[i]) | 5u};

        cr_expect_eq(quire_trace_cost(&event), exact[i]);
        cr_expect_eq(quire_trace_vm(&event), 5);
    }
    for (cost = 1; cost < UINT64_C(1) << 40; cost += cost / 3u + 1u) {
        struct quire_trace_event event = {.who = quire_trace_cost_code(cost)};
        uint64_t read = quire_trace_cost(&event);

        cr_expect_leq(read, cost);
        cr_expect_geq(read, last);
        cr_expect(cost > UINT32_MAX ? read == 0xff000000u : cost - read <= cost / 128u);
        last = read;
    }
}

static struct quire_trace_event event_of(uint32_t n)
{
    struct quire_trace_event event = {0};

    event.what = (uint16_t)(quire_trace_what(QUIRE_TRACE_FAULT, 2, QUIRE_PROT_WRITE, QUIRE_OK) | QUIRE_TRACE_VICTIM);
    event.time_low = (uint16_t)n;
    event.time_high = n * 3u;
    event.who = n & 0xfffffu;
    event.page = n & 0xffffu;
    event.fobj = n * 5u;
    event.pgidx = n * 7u;
    event.victim = n * 11u;
    event.victim_pgidx = n * 13u;
    return event;
}

static bool same(const struct quire_trace_event *a, const struct quire_trace_event *b)
{
    return memcmp(a, b, sizeof *a) == 0; /* it has no holes: 32 bytes of members */
}

/* ---- The ring ---- */

#define RING 8u

Test(trace, ring_needs_a_power_of_two_and_storage)
{
    uint32_t words[QUIRE_TRACE_WORDS(RING)];
    struct quire_trace trace;

    cr_expect_eq(sizeof(struct quire_trace_event), 32);
    EXPECT(quire_trace_init(&trace, words, 0), QUIRE_INVALID);
    EXPECT(quire_trace_init(&trace, words, 1), QUIRE_INVALID);
    EXPECT(quire_trace_init(&trace, words, 6), QUIRE_INVALID);
    EXPECT(quire_trace_init(&trace, words, 2u * QUIRE_TRACE_RING_MAX), QUIRE_INVALID);
    EXPECT(quire_trace_init(&trace, NULL, 8), QUIRE_INVALID);
    EXPECT(quire_trace_init(&trace, NULL, 0), QUIRE_OK);
    cr_expect_not(quire_trace_valid(&trace));
    EXPECT(quire_trace_init(&trace, words, RING), QUIRE_OK);
    cr_expect(quire_trace_valid(&trace));
}

Test(trace, reader_gets_what_was_told_in_order)
{
    uint32_t words[QUIRE_TRACE_WORDS(RING)];
    struct quire_trace trace;
    struct quire_trace_reader reader = {0};
    struct quire_trace_event event;
    uint32_t told = 0;
    uint32_t read = 0;
    uint32_t i;

    EXPECT(quire_trace_init(&trace, words, RING), QUIRE_OK);
    for (i = 0; i < 100; i++) {
        uint32_t n = i * 5u % RING; /* at most seven: what a ring of eight keeps */

        for (; n > 0; n--) {
            event = event_of(++told);
            quire_trace_tell(&trace, &event);
        }
        while (quire_trace_read(&trace, &reader, &event) == QUIRE_OK) {
            struct quire_trace_event expected = event_of(++read);

            cr_expect(same(&event, &expected));
        }
        cr_expect_eq(read, told);
    }
    cr_expect_eq(reader.lost, 0);
}

Test(trace, slow_reader_is_told_how_many_it_lost_and_goes_on_with_the_oldest)
{
    uint32_t words[QUIRE_TRACE_WORDS(RING)];
    struct quire_trace trace;
    struct quire_trace_reader reader = {0};
    struct quire_trace_event event;
    uint32_t i;

    EXPECT(quire_trace_init(&trace, words, RING), QUIRE_OK);
    for (i = 1; i <= 20; i++) {
        event = event_of(i);
        quire_trace_tell(&trace, &event);
    }
    for (i = 14; i <= 20; i++) {
        struct quire_trace_event expected = event_of(i);

        EXPECT(quire_trace_read(&trace, &reader, &event), QUIRE_OK);
        cr_expect(same(&event, &expected));
        cr_expect_eq(reader.lost, 13);
    }
    EXPECT(quire_trace_read(&trace, &reader, &event), QUIRE_NOT_FOUND);
}

Test(trace, count_of_events_may_wrap)
{
    uint32_t words[QUIRE_TRACE_WORDS(RING)];
    struct quire_trace trace;
    struct quire_trace_reader reader = {.next = UINT32_MAX - 3u};
    struct quire_trace_event event;
    uint32_t i;

    EXPECT(quire_trace_init(&trace, words, RING), QUIRE_OK);
    trace.written = UINT32_MAX - 3u;
    for (i = 1; i <= 9; i++) {
        event = event_of(i);
        quire_trace_tell(&trace, &event);
    }
    for (i = 3; i <= 9; i++) {
        struct quire_trace_event expected = event_of(i);

        EXPECT(quire_trace_read(&trace, &reader, &event), QUIRE_OK);
        cr_expect(same(&event, &expected));
    }
    cr_expect_eq(reader.lost, 2);
    EXPECT(quire_trace_read(&trace, &reader, &event), QUIRE_NOT_FOUND);
}

Test(trace, event_without_a_victim_has_none_where_an_older_one_had)
{
    uint32_t words[QUIRE_TRACE_WORDS(2)];
    struct quire_trace trace;
    struct quire_trace_reader reader = {0};
    struct quire_trace_event event = event_of(9);

    EXPECT(quire_trace_init(&trace, words, 2), QUIRE_OK);
    quire_trace_tell(&trace, &event);
    quire_trace_tell(&trace, &event);
    quire_trace_put(&trace, 1, quire_trace_what(QUIRE_TRACE_FAULT, 1, QUIRE_PROT_READ, QUIRE_OK), 1, 2, 3, 4);
    EXPECT(quire_trace_read(&trace, &reader, &event), QUIRE_OK);
    cr_expect_eq(reader.lost, 2);
    cr_expect_eq(event.fobj, 3);
    cr_expect_eq(event.victim, 0);
    cr_expect_eq(event.victim_pgidx, 0);
}

/* ---- The form in files ---- */

Test(trace, record_is_little_endian_and_comes_back)
{
    struct quire_trace_event event = {0};
    struct quire_trace_event again;
    unsigned char bytes[QUIRE_TRACE_RECORD_BYTES];
    static const unsigned char expected[QUIRE_TRACE_RECORD_BYTES] = {
        0x02, 0x80, 0x02, 0x01, 0x06, 0x05, 0x04, 0x03, 0x0a, 0x09, 0x08, 0x07, 0x0e, 0x0d, 0x0c, 0x0b,
        0x12, 0x11, 0x10, 0x0f, 0x16, 0x15, 0x14, 0x13, 0x1a, 0x19, 0x18, 0x17, 0x1e, 0x1d, 0x1c, 0x1b,
    };

    event.what = (uint16_t)(quire_trace_what(QUIRE_TRACE_LOAD, 0, 0, QUIRE_OK) | QUIRE_TRACE_VICTIM);
    event.time_low = 0x0102;
    event.time_high = 0x03040506;
    event.who = 0x0708090a;
    event.page = 0x0b0c0d0e;
    event.fobj = 0x0f101112;
    event.pgidx = 0x13141516;
    event.victim = 0x1718191a;
    event.victim_pgidx = 0x1b1c1d1e;
    quire_trace_encode(&event, bytes);
    cr_expect_arr_eq(bytes, expected, sizeof bytes);
    EXPECT(quire_trace_decode(&again, bytes), QUIRE_OK);
    cr_expect(same(&again, &event));
    cr_expect_eq(quire_trace_time(&event), UINT64_C(0x030405060102));
}

Test(trace, decoder_refuses_what_no_pager_tells)
{
    static const struct {
        uint16_t what;
        uint32_t who;
        uint32_t page;
        uint32_t fobj;
        uint32_t pgidx;
        uint32_t victim;
        bool good;
    } cases[] = {
        {QUIRE_TRACE_FAULT | 1u << 3 | 1u << 6, 1, 2, 3, 4, 0, true},
        {0, 1, 2, 3, 4, 0, false},                                                                /* no type */
        {QUIRE_TRACE_FAULT | 7u << 3 | 1u << 6, 1, 2, 3, 4, 0, false},                            /* no kind */
        {QUIRE_TRACE_FAULT | 1u << 3 | 3u << 6, 1, 2, 3, 4, 0, false},                            /* two accesses */
        {QUIRE_TRACE_FAULT | 1u << 3, 1, 2, 3, 4, 0, false},                                      /* none */
        {QUIRE_TRACE_FAULT | 1u << 3 | 1u << 6, 1, 0x20000000, 3, 4, 0, false},                   /* no page number */
        {QUIRE_TRACE_FAULT | 1u << 3 | 1u << 6, 1, QUIRE_TRACE_NO_PAGE, 0, 4, 0, true},           /* nothing there */
        {0x8000 | QUIRE_TRACE_FAULT | 2u << 3 | 1u << 6, 1, QUIRE_TRACE_NO_PAGE, 3, 4, 5, false}, /* a victim nowhere */
        {QUIRE_TRACE_LOAD, 0, 2, 0, 4, 0, false},                                                 /* of no object */
        {QUIRE_TRACE_LOAD | 3u << 3, 0, 2, 3, 4, 0, false},                                       /* no kind */
        {QUIRE_TRACE_EVICT, 0, 2, 0, 0, 0, false},                                                /* of nobody's page */
        {0x8000 | QUIRE_TRACE_EVICT, 0, QUIRE_TRACE_NO_PAGE, 0, 0, 3, false},                     /* from nowhere */
        {0x8000 | QUIRE_TRACE_EVICT, 0, 2, 0, 0, 3, true},
        {QUIRE_TRACE_SAVE, 0, 2, 0, 4, 0, false},
        {QUIRE_TRACE_CONTEXT, 0, 0, 0, 0, 0, false},
        {QUIRE_TRACE_CONTEXT | 2u << 3, 1, 0, 0, 0, 0, false},
        {QUIRE_TRACE_OBJECT, 0, 0, 1, 0, 0, false}, /* of no pages */
        {QUIRE_TRACE_OBJECT, 0, 0, 0, 1, 0, false},
        {QUIRE_TRACE_OBJECT | 2u << 3, 0, 0, 1, 1, 0, true},
        {QUIRE_TRACE_INFO | 1u << 3, 0, 0, 0, 0, 0, false},
        {QUIRE_TRACE_INFO, 0, 0, 0, 0, 0, true},
    };
    unsigned i;

    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct quire_trace_event event = {.what = cases[i].what,
                                          .who = cases[i].who,
                                          .page = cases[i].page,
                                          .fobj = cases[i].fobj,
                                          .pgidx = cases[i].pgidx,
                                          .victim = cases[i].victim};
        unsigned char bytes[QUIRE_TRACE_RECORD_BYTES];

        quire_trace_encode(&event, bytes);
        cr_expect_eq(quire_trace_decode(&event, bytes), cases[i].good ? QUIRE_OK : QUIRE_INVALID, "case %u", i);
    }
}

Test(trace, header_comes_back)
{
    static const struct quire_trace_header headers[] = {{12, 256, 1000000000}, {0, 0, 0}, {24, 0x1ffffffe, UINT64_MAX}};
    unsigned i;

    for (i = 0; i < 3; i++) {
        unsigned char bytes[QUIRE_TRACE_HEADER_BYTES];
        size_t len = quire_trace_header_encode(&headers[i], bytes);
        struct quire_trace_header again;
        size_t used = 0;
        size_t cut;

        cr_expect_eq(bytes[len - 1], '\n');
        EXPECT(quire_trace_header_decode(&again, bytes, len, &used), QUIRE_OK);
        cr_expect_eq(used, len);
        cr_expect_eq(again.page_shift, headers[i].page_shift);
        cr_expect_eq(again.pages, headers[i].pages);
        cr_expect_eq(again.hz, headers[i].hz);
        for (cut = 0; cut < len; cut++) {
            EXPECT(quire_trace_header_decode(&again, bytes, cut, &used), QUIRE_INVALID);
        }
    }
}

static enum quire_status header_of(const char *text)
{
    struct quire_trace_header header;
    size_t used;

    return quire_trace_header_decode(&header, (const unsigned char *)text, strlen(text), &used);
}

Test(trace, header_that_is_none_is_refused)
{
    char line[QUIRE_TRACE_HEADER_BYTES + 8];

    EXPECT(header_of("QTR1 page_shift=12 pages=1 hz=1 more=x\n"), QUIRE_OK);
    EXPECT(header_of("QTR2 page_shift=12 pages=1 hz=1\n"), QUIRE_MISMATCH);
    EXPECT(header_of("QPT1 page_shift=12 pages=1 hz=1\n"), QUIRE_INVALID);
    EXPECT(header_of("QTR1 page_shift=12 pages=1\n"), QUIRE_INVALID);
    EXPECT(header_of("QTR1 page_shift=64 pages=1 hz=1\n"), QUIRE_INVALID);
    EXPECT(header_of("QTR1 page_shift=12 pages=536870912 hz=1\n"), QUIRE_INVALID);
    EXPECT(header_of("QTR1 page_shift=12 pages=1 hz=18446744073709551616\n"), QUIRE_INVALID);
    EXPECT(header_of("QTR1 page_shift=12 pages=1 hz=18446744073709551615\n"), QUIRE_OK);
    EXPECT(header_of("QTR1 page_shift= pages=1 hz=1\n"), QUIRE_INVALID);
    EXPECT(header_of("QTR1 page_shift=12x pages=1 hz=1\n"), QUIRE_INVALID);
    EXPECT(header_of("QTR\n"), QUIRE_INVALID);
    EXPECT(header_of(""), QUIRE_INVALID);
    memset(line, ' ', sizeof line);
    memcpy(line, "QTR1 page_shift=12 pages=1 hz=1", 31);
    line[QUIRE_TRACE_HEADER_BYTES] = '\n';
    line[QUIRE_TRACE_HEADER_BYTES + 1] = '\0';
    EXPECT(header_of(line), QUIRE_INVALID);
    line[QUIRE_TRACE_HEADER_BYTES - 1] = '\n';
    EXPECT(header_of(line), QUIRE_OK);
}

/* Whatever the bytes: the decoder says yes or no, and what it says yes to is written as the same bytes. */
Test(trace, mutated_records_and_headers_do_no_harm)
{
    uint64_t random = 88172645463325252u;
    unsigned good = 0;
    unsigned i;

    for (i = 0; i < 200000; i++) {
        struct quire_trace_event event = event_of(i);
        unsigned char bytes[QUIRE_TRACE_RECORD_BYTES];
        unsigned char again[QUIRE_TRACE_RECORD_BYTES];
        unsigned flips = i % 4u;

        quire_trace_encode(&event, bytes);
        for (; flips > 0; flips--) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            bytes[random % sizeof bytes] ^= (unsigned char)(1u << (random >> 32) % 8u);
        }
        if (quire_trace_decode(&event, bytes) == QUIRE_OK) {
            good++;
            cr_expect_neq(quire_trace_type(&event), 0);
            quire_trace_encode(&event, again);
            if ((event.what & QUIRE_TRACE_VICTIM) == 0) {
                memset(bytes + 24, 0, 8); /* of a victim that there is not */
            }
            cr_expect_arr_eq(bytes, again, sizeof bytes);
        }
    }
    cr_expect_gt(good, 100000);
    cr_expect_lt(good, 200000);
    for (i = 0; i < 20000; i++) {
        unsigned char line[] = "QTR1 page_shift=12 pages=256 hz=1000000000\n";
        struct quire_trace_header header = {0};
        size_t used = 0;

        line[random_next(&random) % (sizeof line - 1)] = (unsigned char)(random >> 56);
        if (quire_trace_header_decode(&header, line, sizeof line - 1, &used) == QUIRE_OK) {
            cr_expect_leq(used, sizeof line - 1);
            cr_expect_leq(header.page_shift, 63);
        }
    }
}

Test(trace, name_goes_into_events_and_comes_back)
{
    static const char *const names[] = {"", "a", "twelve bytes", "a name that is longer than one event can hold"};
    unsigned i;

    for (i = 0; i < 4; i++) {
        size_t len = strlen(names[i]);
        char again[64] = "";
        size_t at = 0;

        do {
            struct quire_trace_event event;
            unsigned char bytes[QUIRE_TRACE_RECORD_BYTES];
            size_t next = quire_trace_name(&event, QUIRE_TRACE_INFO_OBJECT, 7, names[i], len, at);

            quire_trace_encode(&event, bytes);
            EXPECT(quire_trace_decode(&event, bytes), QUIRE_OK);
            cr_expect_eq(event.fobj, 7);
            cr_expect_eq(event.page, at);
            quire_trace_name_bytes(&event, again + at);
            at = next;
        } while (at < len);
        cr_expect_str_eq(again, names[i]);
    }
}

/* ---- What a pager tells ---- */

#define STORY 4096u

/* A pager with a ring instead of the rig's own listener. */
struct story {
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;
    struct quire_trace trace;
    struct quire_trace_reader reader;
    uint64_t clock;
    uint32_t words[QUIRE_TRACE_WORDS(STORY)];
};

static uint64_t tick(void *ctx)
{
    uint64_t *clock = ctx;

    return *clock += 10u;
}

static void story_start(struct story *story, struct rig_config config)
{
    memset(&story->reader, 0, sizeof story->reader);
    story->clock = 1000;
    rig_start(&story->rig, &config);
    EXPECT(quire_trace_init(&story->trace, story->words, STORY), QUIRE_OK);
    story->trace.now = tick;
    story->trace.ctx = &story->clock;
    EXPECT(quire_pager_set_trace(&story->rig.pager, &story->trace), QUIRE_OK);
    rig_vm_start(&story->rig, &story->vm);
    story->store = rig_store_new(&story->rig, 8, RW);
    EXPECT(rig_map(&story->vm, &story->store->fobj, RIG_VA, RW), QUIRE_OK);
}

static struct quire_trace_event next_event(struct story *story)
{
    struct quire_trace_event event = {0};

    EXPECT(quire_trace_read(&story->trace, &story->reader, &event), QUIRE_OK);
    return event;
}

/* The next event is this one, all 32 bytes: what came to page `pgidx` of the store in physical page `page`, or whose page gave way
 * there, or both; of the story's context. */
static void expect_event(struct story *story, unsigned what, uint64_t time, uint64_t cost, uint32_t page, uint32_t pgidx,
                         uint32_t victim_pgidx)
{
    struct quire_trace_event event = next_event(story);
    struct quire_trace_event expected = {.what = (uint16_t)what, .page = page};

    expected.time_low = (uint16_t)time;
    expected.time_high = (uint32_t)(time >> 16);
    expected.who = quire_trace_cost_code(cost) | story->vm.id;
    if (quire_trace_type(&expected) != QUIRE_TRACE_EVICT) {
        expected.fobj = story->store->fobj.id;
        expected.pgidx = pgidx;
    }
    if ((what & QUIRE_TRACE_VICTIM) != 0) {
        expected.victim = story->store->fobj.id;
        expected.victim_pgidx = victim_pgidx;
    }
    cr_expect(same(&event, &expected), "%#x at %ju, took %ju, of context %u: page %u of %u in %u, victim page %u of %u",
              event.what, (uintmax_t)quire_trace_time(&event), (uintmax_t)quire_trace_cost(&event), quire_trace_vm(&event),
              event.pgidx, event.fobj, event.page, event.victim_pgidx, event.victim);
}

static void skip_events(struct story *of)
{
    struct quire_trace_event event;

    while (quire_trace_read(&of->trace, &of->reader, &event) == QUIRE_OK) {
    }
}

static void no_event(struct story *story)
{
    struct quire_trace_event event;

    EXPECT(quire_trace_read(&story->trace, &story->reader, &event), QUIRE_NOT_FOUND);
}

#define SMALL                                                                           \
    {                                                                                   \
        .pages = 2, .step = 1, .policy = RIG_FIFO, .flags = QUIRE_SIM_HW_ACCESSED_DIRTY \
    }

static struct story story;

Test(trace, pager_tells_who_came_and_who_gave_way)
{
    unsigned major = quire_trace_what(QUIRE_TRACE_FAULT, QUIRE_FAULT_MAJOR, QUIRE_PROT_READ, QUIRE_OK);
    struct rig_config config = SMALL;
    struct quire_trace_event event;

    story_start(&story, config);
    event = next_event(&story);
    cr_expect_eq(quire_trace_type(&event), QUIRE_TRACE_CONTEXT);
    cr_expect_eq(quire_trace_vm(&event), story.vm.id);
    event = next_event(&story);
    cr_expect_eq(quire_trace_type(&event), QUIRE_TRACE_OBJECT);
    cr_expect_eq(event.fobj, story.store->fobj.id);
    cr_expect_eq(event.pgidx, 8);
    no_event(&story);

    cr_expect_geq(rig_byte(&story.rig, &story.vm, RIG_AT(0)), 0);
    expect_event(&story, major, 1000 + 4 * 10, 10, 0, 0, 0);
    cr_expect_geq(rig_byte(&story.rig, &story.vm, RIG_AT(1)), 0);
    expect_event(&story, major, 1000 + 6 * 10, 10, 1, 1, 0);
    cr_expect_geq(rig_byte(&story.rig, &story.vm, RIG_AT(2)), 0); /* page 0 gives way, clean: one event */
    expect_event(&story, major | QUIRE_TRACE_VICTIM, 1000 + 8 * 10, 10, 0, 2, 0);
    cr_expect_geq(rig_byte(&story.rig, &story.vm, RIG_AT(3)), 0);
    expect_event(&story, major | QUIRE_TRACE_VICTIM, 1000 + 10 * 10, 10, 1, 3, 1);
    no_event(&story);
    EXPECT_SOUND(&story.rig);
    END(&story.rig);
}

Test(trace, pager_tells_that_a_victim_was_saved_and_that_it_could_not_be)
{
    struct rig_config config = SMALL;

    story_start(&story, config);
    EXPECT(rig_poke(&story.rig, &story.vm, RIG_AT(0), 1), QUIRE_OK);
    EXPECT(rig_poke(&story.rig, &story.vm, RIG_AT(1), 1), QUIRE_OK);
    skip_events(&story);
    rig_fail(&story.store->save_fails, 1, 1, QUIRE_IO);
    EXPECT(rig_poke(&story.rig, &story.vm, RIG_AT(2), 1), QUIRE_OK);
    expect_event(&story, quire_trace_what(QUIRE_TRACE_SAVE, 0, 0, QUIRE_IO), 1090, 10, 0, 0, 0);
    expect_event(&story, QUIRE_TRACE_EVICT | QUIRE_TRACE_DIRTY | QUIRE_TRACE_VICTIM, 1120, 10, 1, 0, 1);
    expect_event(&story, quire_trace_what(QUIRE_TRACE_FAULT, QUIRE_FAULT_MAJOR, QUIRE_PROT_WRITE, QUIRE_OK), 1130, 60, 1, 2, 0);
    no_event(&story);
    END(&story.rig);
}

Test(trace, fault_tells_that_its_victim_was_saved)
{
    struct rig_config config = SMALL;
    struct quire_trace_event event;

    story_start(&story, config);
    EXPECT(rig_poke(&story.rig, &story.vm, RIG_AT(0), 1), QUIRE_OK);
    EXPECT(rig_poke(&story.rig, &story.vm, RIG_AT(1), 1), QUIRE_OK);
    skip_events(&story);
    cr_expect_geq(rig_byte(&story.rig, &story.vm, RIG_AT(2)), 0);
    event = next_event(&story);
    cr_expect_eq(quire_trace_kind(&event), QUIRE_FAULT_MAJOR);
    cr_expect(event.what & QUIRE_TRACE_DIRTY);
    cr_expect_eq(event.pgidx, 2);
    cr_expect_eq(event.victim, story.store->fobj.id);
    cr_expect_eq(event.victim_pgidx, 0);
    cr_expect_eq(quire_trace_cost(&event), 10);
    no_event(&story);

    rig_fail(&story.store->load_fails, 1, 1, QUIRE_IO); /* saved in vain */
    EXPECT(rig_fault(&story.rig, &story.vm, RIG_AT(3), RIG_READ, NULL), QUIRE_IO);
    event = next_event(&story);
    cr_expect_eq(quire_trace_status(&event), QUIRE_IO);
    cr_expect(event.what & QUIRE_TRACE_DIRTY);
    cr_expect_eq(event.victim_pgidx, 1);
    no_event(&story);
    END(&story.rig);
}

/* The trace that `exchange` gives the pager while a store works. */
static struct quire_trace *next_trace;

static enum quire_status exchange(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)io;
    return load ? quire_pager_set_trace(&store->rig->pager, next_trace) : QUIRE_OK;
}

/* While the victim is saved another thread makes the copy that this fault makes room for. What the save needs takes the place of
 * the victim, so that another has to go. */
struct meanwhile {
    struct rig_store *table;
    struct quire_vm *vm;
    uintptr_t va; /* 0: nobody does */
    unsigned times;
};

static enum quire_status copy_meanwhile(struct rig_store *store, struct quire_io *io, bool load)
{
    struct meanwhile *meanwhile = store->user;
    struct quire_fault fault = {.va = meanwhile->va, .access = RIG_WRITE, .thread = 1};

    if (load || meanwhile->va == 0) {
        return QUIRE_OK;
    }
    if (io->need_page == NULL) {
        io->need_fobj = &meanwhile->table->fobj;
        io->need_pgidx = io->pgidx;
        return QUIRE_NEED;
    }
    meanwhile->va = 0;
    meanwhile->times++;
    EXPECT(quire_pager_fault(&store->rig->pager, meanwhile->vm, &fault, NULL), QUIRE_OK);
    return QUIRE_OK;
}

Test(trace, fault_that_made_room_in_vain_tells_where_its_victim_was)
{
    unsigned met = 0;
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config =
            rig_machine(number, (struct rig_config){.pages = 16, .concurrency = 2, .step = 2, .rank_max = QUIRE_FOBJ_RANK_MAX});
        struct meanwhile meanwhile = {0};
        struct rig_store *data;
        struct rig_store *origin;
        struct rig_store *copy;
        struct quire_vm vm;
        struct rig rig;
        uint32_t i;

        rig_start(&rig, &config);
        rig_vm_start(&rig, &vm);
        data = rig_store_new(&rig, 30, RW);
        origin = rig_store_new(&rig, 4, RIG_READ);
        copy = rig_store_new(&rig, 4, RW);
        EXPECT(quire_fobj_cow_make(&rig.pager, &copy->fobj, &origin->fobj), QUIRE_OK);
        data->before = copy_meanwhile;
        data->user = &meanwhile;
        data->fobj.rank = 1;
        meanwhile.vm = &vm;
        meanwhile.table = rig_store_new(&rig, 30, RW);
        EXPECT(quire_pager_know(&rig.pager, &meanwhile.table->fobj), QUIRE_OK);
        EXPECT(rig_map(&vm, &data->fobj, RIG_VA, RW), QUIRE_OK);
        EXPECT(rig_map(&vm, &copy->fobj, RIG_AT(40), RW), QUIRE_OK);
        for (i = 0; i < 20; i++) { /* each dirty one is followed by clean ones */
            EXPECT(i % 3u == 0 ? rig_poke(&rig, &vm, RIG_AT(i), 1) : rig_fault(&rig, &vm, RIG_AT(i), RIG_READ, NULL), QUIRE_OK);
        }
        for (i = 40; i < 44; i++) {
            meanwhile.va = RIG_AT(i);
            EXPECT(rig_fault(&rig, &vm, RIG_AT(i), RIG_WRITE, NULL), QUIRE_OK);
        }
        met += meanwhile.times;
        END(&rig);
    }
    cr_expect_geq(met, RIG_MACHINES);
}

/* The context lets go of a copy, and with it of its origin, while a page of that is being loaded. */
static enum quire_status unmap_meanwhile(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)io;
    (void)load;
    EXPECT(quire_vm_unmap(store->user, RIG_VA, 4), QUIRE_OK);
    return QUIRE_OK;
}

Test(trace, page_of_an_origin_that_died_while_it_was_loaded_did_not_come)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){0});
        struct rig_store *origin;
        struct rig_store *copy;
        struct quire_vm vm;
        struct rig rig;

        rig_start(&rig, &config);
        rig_vm_start(&rig, &vm);
        origin = rig_store_new(&rig, 4, RIG_READ);
        copy = rig_store_new(&rig, 4, RW);
        EXPECT(quire_fobj_cow_make(&rig.pager, &copy->fobj, &origin->fobj), QUIRE_OK);
        EXPECT(rig_map(&vm, &copy->fobj, RIG_VA, RW), QUIRE_OK);
        EXPECT(rig_store_put(copy), QUIRE_OK);
        EXPECT(rig_store_put(origin), QUIRE_OK);
        origin->before = unmap_meanwhile;
        origin->user = &vm;
        EXPECT(rig_fault(&rig, &vm, RIG_VA, number % 2u == 0 ? RIG_READ : RIG_WRITE, NULL), QUIRE_DEAD);
        cr_expect(rig_store_is_freed(copy) && rig_store_is_freed(origin));
        END(&rig);
    }
}

/* A fault that began with another trace, or with none, tells the new one of its end; what it took that one's clock cannot say. */
Test(trace, fault_tells_the_trace_that_there_is_at_its_end)
{
    struct rig_config config = SMALL;
    struct quire_trace_event event;
    unsigned i;

    story_start(&story, config);
    cr_expect_geq(rig_byte(&story.rig, &story.vm, RIG_AT(0)), 0);
    cr_expect_geq(rig_byte(&story.rig, &story.vm, RIG_AT(1)), 0);
    story.store->before = exchange;
    for (i = 0; i < 4; i++) {
        struct quire_trace old;
        uint32_t words[QUIRE_TRACE_WORDS(RING)];
        uint64_t time = UINT64_C(1) << 40;

        EXPECT(quire_trace_init(&old, words, RING), QUIRE_OK);
        old.now = i % 2u == 0 ? tick : NULL; /* far ahead of the new one's */
        old.ctx = &time;
        story.trace.now = i < 2u ? tick : NULL;
        next_trace = &story.trace;
        EXPECT(quire_pager_set_trace(&story.rig.pager, &old), QUIRE_OK);
        skip_events(&story);
        cr_expect_geq(rig_byte(&story.rig, &story.vm, RIG_AT(2 + i)), 0);
        do {
            event = next_event(&story); /* first what there was */
        } while (quire_trace_type(&event) != QUIRE_TRACE_FAULT);
        cr_expect_eq(quire_trace_kind(&event), QUIRE_FAULT_MAJOR);
        cr_expect_eq(quire_trace_cost(&event), 0);
        cr_expect_eq(quire_trace_time(&event), i < 2u ? story.clock : 0);
        cr_expect_eq(event.pgidx, 2 + i);
        cr_expect_eq(event.victim_pgidx, i);
    }
    no_event(&story);
    next_trace = NULL;
    cr_expect_geq(rig_byte(&story.rig, &story.vm, RIG_AT(6)), 0);
    no_event(&story);
    END(&story.rig);
}

Test(trace, pager_tells_why_a_fault_was_refused)
{
    struct rig_config config = SMALL;
    struct quire_trace_event event;

    story_start(&story, config);
    cr_expect_geq(rig_byte(&story.rig, &story.vm, RIG_AT(0)), 0);
    cr_expect_geq(rig_byte(&story.rig, &story.vm, RIG_AT(1)), 0);
    skip_events(&story);
    EXPECT(rig_fault(&story.rig, &story.vm, RIG_AT(40), RIG_READ, NULL), QUIRE_NOT_FOUND);
    event = next_event(&story);
    cr_expect_eq(quire_trace_kind(&event), QUIRE_FAULT_REFUSED);
    cr_expect_eq(quire_trace_status(&event), QUIRE_NOT_FOUND);
    cr_expect_eq(event.fobj, 0);
    cr_expect_eq(quire_trace_va_page(&event), RIG_AT(40) >> QUIRE_PAGE_SHIFT);
    EXPECT(rig_fault(&story.rig, &story.vm, RIG_AT(0), RIG_EXEC, NULL), QUIRE_DENIED);
    event = next_event(&story);
    cr_expect_eq(quire_trace_status(&event), QUIRE_DENIED);
    cr_expect_eq(quire_trace_access(&event), QUIRE_PROT_EXEC);
    cr_expect_eq(event.fobj, story.store->fobj.id);
    rig_fail(&story.store->load_fails, 1, 1, QUIRE_INTEGRITY);
    EXPECT(rig_fault(&story.rig, &story.vm, RIG_AT(5), RIG_READ, NULL), QUIRE_INTEGRITY);
    event = next_event(&story);
    cr_expect_eq(quire_trace_status(&event), QUIRE_INTEGRITY);
    cr_expect_eq(event.pgidx, 5);
    cr_expect_eq(event.victim, story.store->fobj.id); /* in vain */
    cr_expect_eq(event.victim_pgidx, 0);
    no_event(&story);
    END(&story.rig);
}

Test(trace, pager_tells_what_is_brought_in_without_a_fault)
{
    struct rig_config config = {.pages = 16, .flags = QUIRE_SIM_HW_ACCESSED_DIRTY};
    struct quire_vm_copy how = {0};
    struct quire_trace_event event;
    struct quire_pin pin;
    struct quire_pin none;
    char byte;

    story_start(&story, config);
    skip_events(&story);
    EXPECT(quire_pin_fobj(&story.rig.pager, &story.store->fobj, 3, 1, false, false, &pin), QUIRE_OK);
    event = next_event(&story);
    cr_expect_eq(quire_trace_type(&event), QUIRE_TRACE_LOAD);
    cr_expect_eq(quire_trace_kind(&event), QUIRE_TRACE_LOAD_STORE);
    cr_expect_eq(event.pgidx, 3);
    cr_expect_eq(quire_trace_vm(&event), 0);
    EXPECT(quire_vm_copy_from(&story.vm, RIG_AT(4), &byte, 1, &how, NULL), QUIRE_OK);
    event = next_event(&story);
    cr_expect_eq(quire_trace_type(&event), QUIRE_TRACE_LOAD);
    cr_expect_eq(event.pgidx, 4);
    cr_expect_eq(quire_trace_vm(&event), story.vm.id);
    rig_fail(&story.store->load_fails, 1, 1, QUIRE_IO);
    EXPECT(quire_pin_fobj(&story.rig.pager, &story.store->fobj, 5, 1, false, false, &none), QUIRE_IO);
    event = next_event(&story);
    cr_expect_eq(quire_trace_type(&event), QUIRE_TRACE_LOAD);
    cr_expect_eq(quire_trace_status(&event), QUIRE_IO);
    cr_expect_eq(event.page, QUIRE_TRACE_NO_PAGE);
    EXPECT(quire_pager_invalidate(&story.rig.pager, &story.store->fobj, 4, 1), QUIRE_OK);
    event = next_event(&story);
    cr_expect_eq(quire_trace_type(&event), QUIRE_TRACE_EVICT);
    cr_expect_eq(event.victim_pgidx, 4);
    EXPECT(quire_unpin(&pin), QUIRE_OK); /* it stays resident: no event */
    no_event(&story);
    END(&story.rig);
}

/* Whoever begins to listen late, or lost events, knows as much as who was there. */
Test(trace, trace_that_begins_late_is_told_what_there_is)
{
    struct rig_config config = {.pages = 8, .flags = QUIRE_SIM_HW_ACCESSED_DIRTY};
    struct tale tale;
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;
    uint32_t i;

    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 16, RW);
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < 16; i++) {
        EXPECT(rig_poke(&rig, &vm, RIG_AT(i), 1), QUIRE_OK);
    }
    tale_begin(&tale);
    tale.before = rig_stats(&rig).faults;
    EXPECT(quire_pager_set_trace(&rig.pager, &tale.trace), QUIRE_OK);
    cr_expect_eq(tale.events[QUIRE_TRACE_CONTEXT], 1);
    cr_expect_eq(tale.events[QUIRE_TRACE_OBJECT], 1);
    cr_expect_eq(tale.events[QUIRE_TRACE_LOAD], 8);
    for (i = 0; i < 16; i++) {
        EXPECT(rig_poke(&rig, &vm, RIG_AT(i), 1), QUIRE_OK);
    }
    cr_expect_null(tale_wrong(&tale, &rig.pager), "%s", tale.wrong);
    EXPECT(quire_pager_set_trace(&rig.pager, NULL), QUIRE_OK);
    tale_end(&tale);
    END(&rig);
}

Test(trace, numbers_are_never_drawn_twice)
{
    struct rig_config config = {.pages = 8};
    struct rig rig;
    struct quire_vm vm;
    uint32_t last_vm = 0;
    uint32_t last_fobj = 0;
    uint32_t i;

    rig_start(&rig, &config);
    for (i = 0; i < 5; i++) {
        struct rig_store *store = rig_store_new(&rig, 2, RW);

        rig_vm_start(&rig, &vm);
        EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
        cr_expect_gt(vm.id, last_vm);
        cr_expect_gt(store->fobj.id, last_fobj);
        last_vm = vm.id;
        last_fobj = store->fobj.id;
        EXPECT(rig_vm_stop(&rig, &vm), QUIRE_OK);
        EXPECT(rig_store_put(store), QUIRE_OK);
        rig_store_free(store);
    }
    rig.pager.last_vm = QUIRE_TRACE_VM_MAX;
    rig_vm_start(&rig, &vm);
    cr_expect_eq(vm.id, 1); /* 20 bits; and never 0 */
    END(&rig);
}

Test(trace, trace_that_cannot_listen_is_refused)
{
    struct rig_config config = {.pages = 8};
    struct quire_pager_config pager_config;
    struct quire_trace deaf;
    struct quire_pager pager;
    struct rig rig;

    EXPECT(quire_trace_init(&deaf, NULL, 0), QUIRE_OK);
    rig_start(&rig, &config);
    EXPECT(quire_pager_set_trace(&rig.pager, &deaf), QUIRE_INVALID);
    cr_expect_eq(rig.pager.trace, &rig.tale.trace);
    pager_config = rig_pager_config(&rig);
    pager_config.trace = &deaf;
    EXPECT(quire_pager_init(&pager, &pager_config), QUIRE_INVALID);
    END(&rig);
}
