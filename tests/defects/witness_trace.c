/* What a pager's trace tells must be what the pager did: the rig listens (tests/support/tale.h), and compares at the end. */
#include "witness.h"

WITNESS(every_fault_is_told_once, .pages = 8)
{
    (void)shown(&vm[0], RIG_VA, 4, RW);
    pass(&vm[0], 0, 3);
    OK(quire_vm_drop_range(&vm[0], RIG_VA, 4));
    pass(&vm[0], 0, 3);
    sound();
}

WITNESS(what_was_told_is_what_is, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 6, RW);
    struct quire_pin pin;
    unsigned i;

    pass(&vm[0], 0, 5);
    sound();
    rig_fail(&store->load_fails, 1, 1, QUIRE_IO);
    SAYS(QUIRE_IO, fault_of(0, &vm[0], RIG_AT(0), RIG_READ)); /* a page gave way in vain */
    sound();
    for (i = 0; i < 6; i++) {
        write_byte(0, &vm[0], RIG_AT(i), 7);
        sound();
    }
    rig_fail(&store->load_fails, 1, 1, QUIRE_IO);
    SAYS(QUIRE_IO, fault_of(0, &vm[0], RIG_AT(0), RIG_READ));
    sound();
    rig_fail(&store->save_fails, 1, 1, QUIRE_IO);
    pass(&vm[0], 0, 3);
    sound();
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 6, true));
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 6));
    sound();
    OK(rig_store_new(&rig, 1, RW) != NULL ? QUIRE_OK : QUIRE_NO_MEMORY);
    SAYS(QUIRE_NO_PAGE, quire_pin_fobj(&rig.pager, &store->fobj, 5, 1, false, true, &pin));
    sound();
}

WITNESS(page_that_was_loaded_for_a_refused_fault_is_told, .pages = 8, .tables = 1, .table_pages = 8)
{
    (void)shown(&vm[0], RIG_VA, 16, RW);
    pass(&vm[0], 0, 3);
    SAYS(QUIRE_NO_TABLE, fault_of(0, &vm[0], RIG_AT(9), RIG_READ));
    sound();
}

/* ---- The ring ---- */

#define RING 8u
#define TOLD 100000u

static struct quire_trace trace;
static uint32_t words[QUIRE_TRACE_WORDS(RING)];

/* The rig listens again, and knows nothing of what happened meanwhile. */
static void listen_again(void)
{
    memset(rig.tale.faults, 0, sizeof rig.tale.faults);
    rig.tale.before = rig.pager.stats.faults;
    OK(quire_pager_set_trace(&rig.pager, &rig.tale.trace));
}

WITNESS(saved_victim_is_told_as_saved, SMALLEST)
{
    struct quire_trace_reader reader = {0, 0};
    struct quire_trace_event event;
    uint64_t told = 0;
    unsigned i;

    (void)shown(&vm[0], RIG_VA, 6, RW);
    OK(quire_trace_init(&trace, words, RING));
    OK(quire_pager_set_trace(&rig.pager, &trace));
    for (i = 0; i < 6; i++) {
        write_byte(0, &vm[0], RIG_AT(i), 7);
        while (quire_trace_read(&trace, &reader, &event) == QUIRE_OK) {
            told += (event.what & QUIRE_TRACE_VICTIM) != 0 && (event.what & QUIRE_TRACE_DIRTY) != 0;
        }
    }
    EXPECT(told == rig.pager.stats.saves && told != 0 && reader.lost == 0);
    listen_again();
}

static uint64_t time_now(void *ctx)
{
    return (uintptr_t)ctx;
}

static enum quire_status other_trace(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    (void)io;
    return load ? quire_pager_set_trace(&rig.pager, &trace) : QUIRE_OK;
}

WITNESS(cost_is_of_one_clock, SMALLEST)
{
    static uint32_t others_words[QUIRE_TRACE_WORDS(RING)];
    static struct quire_trace first;
    struct quire_trace_reader reader = {0, 0};
    struct rig_store *store = shown(&vm[0], RIG_VA, 6, RW);
    struct quire_trace_event event = {0};

    pass(&vm[0], 0, 3);
    OK(quire_trace_init(&first, others_words, RING));
    OK(quire_trace_init(&trace, words, RING));
    first.now = time_now;
    first.ctx = (void *)(uintptr_t)1000;
    trace.now = time_now;
    trace.ctx = (void *)(uintptr_t)5000000;
    OK(quire_pager_set_trace(&rig.pager, &first));
    store->before = other_trace;
    OK(fault_of(0, &vm[0], RIG_AT(4), RIG_READ));
    store->before = NULL;
    while (quire_trace_read(&trace, &reader, &event) == QUIRE_OK) {
        EXPECT(quire_trace_cost(&event) == 0);
    }
    EXPECT(quire_trace_type(&event) == QUIRE_TRACE_FAULT && quire_trace_time(&event) == 5000000);
    listen_again();
}

static void tell(uint32_t n)
{
    struct quire_trace_event event;

    memset(&event, 0, sizeof event);
    event.what = (uint16_t)(quire_trace_what(QUIRE_TRACE_EVICT, 0, 0, QUIRE_OK) | QUIRE_TRACE_VICTIM);
    event.page = n;
    event.pgidx = n;
    event.victim = n;
    event.victim_pgidx = n;
    quire_trace_tell(&trace, &event);
}

Test(witness, slow_reader_is_told_what_it_lost, .timeout = 20)
{
    struct quire_trace_reader reader = {0, 0};
    struct quire_trace_event event;
    uint32_t n;

    hardware = hardwares[0];
    OK(quire_trace_init(&trace, words, RING));
    for (n = 1; n <= 20; n++) {
        tell(n);
    }
    OK(quire_trace_read(&trace, &reader, &event));
    EXPECT(event.page == 14);
    EXPECT(reader.lost == 13);
}

Test(witness, old_victim_is_not_read_as_a_new_one, .timeout = 20)
{
    struct quire_trace_reader reader = {0, 0};
    struct quire_trace_event event;
    uint32_t n;

    hardware = hardwares[0];
    OK(quire_trace_init(&trace, words, RING));
    for (n = 1; n <= RING; n++) {
        tell(n);
    }
    quire_trace_put(&trace, 0, quire_trace_what(QUIRE_TRACE_LOAD, 0, 0, QUIRE_OK), 0, 1, 2, 3);
    for (n = 0; n < RING - 1u; n++) {
        OK(quire_trace_read(&trace, &reader, &event));
    }
    EXPECT(event.fobj == 2 && event.victim == 0 && event.victim_pgidx == 0);
}

static void *tell_all(void *arg)
{
    uint32_t n;

    for (n = 1; n <= TOLD; n++) {
        tell(n);
    }
    return arg;
}

Test(witness, event_is_read_whole_while_it_may_be_overwritten, .timeout = 20)
{
    struct quire_trace_reader reader = {0, 0};
    struct quire_trace_event event;
    pthread_t thread;
    uint32_t last = 0;
    uint64_t read = 0;

    hardware = hardwares[0];
    OK(quire_trace_init(&trace, words, RING));
    EXPECT(pthread_create(&thread, NULL, tell_all, NULL) == 0);
    while (last != TOLD) {
        if (quire_trace_read(&trace, &reader, &event) != QUIRE_OK) {
            continue;
        }
        read++;
        EXPECT(event.pgidx == event.page && event.victim == event.page && event.victim_pgidx == event.page);
        EXPECT(event.page == read + reader.lost);
        last = event.page;
    }
    EXPECT(pthread_join(thread, NULL) == 0);
}
