/* A trace that begins, or takes another's place, while the pager's lock is dropped in the middle of an operation. */
#include "rig_test.h"

#define RING 64u

static struct rig rig;
static struct quire_vm vm;
static struct rig_store *store; /* at page 0 */
static struct rig_store *other; /* at page 16 */
static struct quire_trace trace;
static uint32_t words[QUIRE_TRACE_WORDS(RING)];
static struct quire_trace_reader reader;
static uint64_t clock_now;

static uint64_t tick(void *ctx)
{
    uint64_t *now = ctx;

    return *now += 10u;
}

/* `need_tables` null: none is ever needed. Nobody listens yet. */
static void begin(uint32_t pages, enum quire_status (*need_tables)(void *user, struct quire_vm *of, uintptr_t va))
{
    struct rig_config config = {.pages = pages, .step = 1, .policy = RIG_FIFO, .flags = QUIRE_SIM_HW_ACCESSED_DIRTY};

    if (need_tables != NULL) {
        config.tables = 1;
        config.table_pages = 16;
        config.need_tables = need_tables;
    }
    rig_start(&rig, &config);
    EXPECT(quire_trace_init(&trace, words, RING), QUIRE_OK);
    EXPECT(quire_pager_set_trace(&rig.pager, NULL), QUIRE_OK);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 8, RW);
    other = rig_store_new(&rig, 8, RW);
    EXPECT(rig_map(&vm, &store->fobj, RIG_AT(0), RW), QUIRE_OK);
    EXPECT(rig_map(&vm, &other->fobj, RIG_AT(16), RW), QUIRE_OK);
}

/* False when all was read. */
static bool next(struct quire_trace_event *event)
{
    return quire_trace_read(&trace, &reader, event) == QUIRE_OK;
}

/* ---- While tables are made ---- */

static enum quire_status object_ends(void *user, struct quire_vm *of, uintptr_t va)
{
    (void)user;
    (void)va;
    EXPECT(quire_pager_set_trace(&rig.pager, &trace), QUIRE_OK);
    EXPECT(quire_vm_unmap(of, RIG_AT(16), 8), QUIRE_OK);
    EXPECT(rig_store_put(other), QUIRE_OK);
    cr_assert(rig_store_is_freed(other));
    rig_store_free(other);
    return QUIRE_NO_TABLE;
}

Test(trace_exchange, object_that_ended_before_anybody_listened_is_not_asked_who_it_was)
{
    struct quire_trace_event event;
    uint32_t fobj;

    begin(2, object_ends);
    cr_assert_geq(rig_byte(&rig, &vm, RIG_AT(0)), 0);
    cr_assert_geq(rig_byte(&rig, &vm, RIG_AT(1)), 0);
    fobj = other->fobj.id;
    EXPECT(rig_fault(&rig, &vm, RIG_AT(16), RIG_READ, NULL), QUIRE_NO_TABLE);
    do {
        cr_assert(next(&event));
    } while (quire_trace_type(&event) != QUIRE_TRACE_FAULT);
    cr_expect_eq(event.fobj, fobj);
    cr_expect_eq(event.what & QUIRE_TRACE_VICTIM, 0);
    cr_expect_not(next(&event));
    EXPECT_SOUND(&rig);
    rig_stop(&rig);
}

static unsigned rounds;

/* The page that was loaded before anybody listened goes, and another comes in its place. */
static enum quire_status page_goes(void *user, struct quire_vm *of, uintptr_t va)
{
    struct quire_pin pin;

    (void)user;
    (void)of;
    (void)va;
    if (rounds++ != 0) {
        return QUIRE_NO_TABLE;
    }
    EXPECT(quire_pager_set_trace(&rig.pager, &trace), QUIRE_OK);
    EXPECT(quire_pager_invalidate(&rig.pager, &other->fobj, 0, 1), QUIRE_OK);
    EXPECT(quire_pin_fobj(&rig.pager, &store->fobj, 5, 1, false, false, &pin), QUIRE_OK);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    return QUIRE_OK;
}

/* What a reader who began in the middle believes of the pages is so at every event's end. */
Test(trace_exchange, eviction_before_anybody_listened_is_not_told_later)
{
    struct quire_trace_event event;
    uint32_t holds[3] = {UINT32_MAX, UINT32_MAX, UINT32_MAX}; /* object << 8 | page */

    rounds = 0;
    begin(3, page_goes);
    cr_assert_geq(rig_byte(&rig, &vm, RIG_AT(0)), 0);
    cr_assert_geq(rig_byte(&rig, &vm, RIG_AT(1)), 0);
    cr_assert_geq(rig_byte(&rig, &vm, RIG_AT(2)), 0);
    EXPECT(rig_fault(&rig, &vm, RIG_AT(16), RIG_READ, NULL), QUIRE_NO_TABLE);
    while (next(&event)) {
        if (event.page == QUIRE_PAGE_NONE || quire_trace_type(&event) == QUIRE_TRACE_OBJECT) {
            continue;
        }
        if ((event.what & QUIRE_TRACE_VICTIM) != 0) {
            cr_expect_eq(holds[event.page], event.victim << 8 | event.victim_pgidx, "page %u of %u was not there",
                         event.victim_pgidx, event.victim);
        }
        holds[event.page] = quire_trace_type(&event) == QUIRE_TRACE_EVICT ? UINT32_MAX : event.fobj << 8 | event.pgidx;
    }
    cr_expect_gt(rounds, 1);
    EXPECT_SOUND(&rig);
    rig_stop(&rig);
}

/* ---- While a store works ---- */

static struct quire_trace second;
static uint32_t second_words[QUIRE_TRACE_WORDS(RING)];

static enum quire_status exchange(struct rig_store *of, struct quire_io *io, bool load)
{
    (void)io;
    (void)load;
    of->before = NULL;
    return quire_pager_set_trace(&of->rig->pager, &trace);
}

/* Gives the pager the second trace, whose clock is far ahead, until the store works next. */
static void exchange_next(uint64_t *ahead)
{
    EXPECT(quire_trace_init(&second, second_words, RING), QUIRE_OK);
    *ahead = UINT64_C(1) << 40;
    second.now = tick;
    second.ctx = ahead;
    trace.now = tick;
    trace.ctx = &clock_now;
    EXPECT(quire_pager_set_trace(&rig.pager, &second), QUIRE_OK);
    store->before = exchange;
}

static void expect_no_costs(enum quire_trace_type type)
{
    struct quire_trace_event event;
    unsigned seen = 0;

    while (next(&event)) {
        cr_expect_eq(quire_trace_cost(&event), 0, "type %u took %ju", quire_trace_type(&event),
                     (uintmax_t)quire_trace_cost(&event));
        seen += quire_trace_type(&event) == type;
    }
    cr_expect_gt(seen, 0);
}

Test(trace_exchange, no_save_or_load_is_measured_on_two_clocks)
{
    struct quire_pin pin;
    uint64_t ahead;

    begin(4, NULL);
    EXPECT(rig_poke(&rig, &vm, RIG_AT(0), 1), QUIRE_OK);
    exchange_next(&ahead);
    push_out(&rig, store, 0);
    expect_no_costs(QUIRE_TRACE_EVICT);
    exchange_next(&ahead);
    EXPECT(quire_pin_fobj(&rig.pager, &store->fobj, 3, 1, false, false, &pin), QUIRE_OK);
    expect_no_costs(QUIRE_TRACE_LOAD);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    END(&rig);
}

/* ---- What an event without a victim says of one ---- */

static enum quire_status save_fails_and_a_page_is_free(struct rig_store *of, struct quire_io *io, bool load)
{
    (void)io;
    if (load) {
        return QUIRE_OK;
    }
    of->before = NULL;
    EXPECT(quire_pager_invalidate(&rig.pager, &other->fobj, 0, 1), QUIRE_OK);
    return QUIRE_IO;
}

static void __attribute__((noinline)) soil_the_stack(void)
{
    volatile unsigned char junk[8192];
    size_t i;

    for (i = 0; i < sizeof junk; i++) {
        junk[i] = 0xa5;
    }
}

Test(trace_exchange, nothing_of_the_stack_gets_into_the_ring)
{
    struct quire_fault in = {.va = RIG_AT(3), .access = RIG_READ, .wait_ok = true};
    struct quire_fault_result out;
    const uint32_t *last;

    begin(2, NULL);
    EXPECT(rig_poke(&rig, &vm, RIG_AT(0), 1), QUIRE_OK);
    cr_assert_geq(rig_byte(&rig, &vm, RIG_AT(16)), 0);
    EXPECT(quire_pager_set_trace(&rig.pager, &trace), QUIRE_OK);
    store->before = save_fails_and_a_page_is_free;
    soil_the_stack();
    EXPECT(quire_pager_fault(&rig.pager, &vm, &in, &out), QUIRE_OK);
    cr_expect_eq(out.kind, QUIRE_FAULT_MAJOR);
    cr_expect_null(store->before);
    last = &words[((trace.written - 1u) & trace.mask) * (QUIRE_TRACE_RECORD_BYTES / 4u)];
    cr_expect_eq(last[0] & QUIRE_TRACE_VICTIM, 0);
    cr_expect_eq(last[6], 0);
    cr_expect_eq(last[7], 0);
    EXPECT_SOUND(&rig);
    END(&rig);
}
