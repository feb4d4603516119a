/* The ring of a trace: one writer, several readers, none of which the ring makes wait for another. */
#include "crew_test.h"

#include <sched.h>

#define RING 4u /* so small that it is written over while it is read */
#define MEETINGS 8u
#define READERS 3u

static struct quire_trace trace;
static uint32_t words[QUIRE_TRACE_WORDS(RING)];
static uint32_t done;
static uint32_t meeting; /* of the writer with all readers: so many */
static uint32_t met;     /* readers that have read something since it began */
static uint64_t read_by[READERS + 1];
static uint64_t lost_by[READERS + 1];
static uint32_t told; /* events in all */

static void begin_meeting(void)
{
    __atomic_store_n(&met, 0u, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&meeting, 1u, __ATOMIC_SEQ_CST);
}

/* Returns when n readers have read something that was not read when it began: whatever follows is told while they read. */
static void end_meeting(uint32_t n)
{
    while (__atomic_load_n(&met, __ATOMIC_SEQ_CST) < n) {
        sched_yield();
    }
}

/* A reader has read an event; `last`: the meeting it was at. */
static void meet(uint32_t *last)
{
    uint32_t now = __atomic_load_n(&meeting, __ATOMIC_SEQ_CST);

    if (*last != now) {
        *last = now;
        __atomic_fetch_add(&met, 1u, __ATOMIC_SEQ_CST);
    }
}

static struct quire_trace_event event_of(uint32_t n)
{
    struct quire_trace_event event;

    memset(&event, 0, sizeof event);
    event.what = (uint16_t)(quire_trace_what(QUIRE_TRACE_EVICT, 0, 0, QUIRE_OK) | QUIRE_TRACE_VICTIM);
    event.time_low = (uint16_t)n;
    event.time_high = n;
    event.who = n;
    event.page = n;
    event.fobj = n;
    event.pgidx = n;
    event.victim = n;
    event.victim_pgidx = n;
    return event;
}

static void write_or_read(struct rig *rig, unsigned i)
{
    struct quire_trace_reader reader = {0, 0};
    struct quire_trace_event event;
    uint32_t met_at = 0;
    uint32_t last = 0;
    uint32_t n;

    (void)rig;
    if (i == 0) {
        for (n = 1; n <= told; n++) {
            bool meets = n % (told / MEETINGS) == 0;

            if (meets) {
                begin_meeting();
            }
            event = event_of(n);
            quire_trace_tell(&trace, &event);
            if (meets) {
                end_meeting(READERS);
            }
        }
        __atomic_store_n(&done, 1u, __ATOMIC_SEQ_CST);
        return;
    }
    for (;;) {
        bool ended = __atomic_load_n(&done, __ATOMIC_SEQ_CST) != 0;

        while (quire_trace_read(&trace, &reader, &event) == QUIRE_OK) {
            struct quire_trace_event whole = event_of(event.time_high);

            cr_assert(memcmp(&event, &whole, sizeof event) == 0, "an event of two");
            cr_assert_gt(event.time_high, last);
            read_by[i]++;
            meet(&met_at);
            last = event.time_high;
            cr_assert_eq(last, read_by[i] + reader.lost);
        }
        if (ended) {
            break;
        }
    }
    lost_by[i] = reader.lost;
    cr_assert_eq(last, told);
}

Test(trace, every_event_is_read_whole_or_counted_as_lost)
{
    unsigned i;

    told = 400000u / rig_stride(10);
    OK(quire_trace_init(&trace, words, RING));
    crew_run(NULL, READERS + 1u, write_or_read);
    for (i = 1; i <= READERS; i++) {
        cr_assert_eq(read_by[i] + lost_by[i], told);
        cr_assert_geq(read_by[i], MEETINGS, "reader %u came when all was told", i);
    }
}

/* ---- A pager's ring, read while threads fault ---- */

#define FAULTERS 3u
#define ROUNDS 40u
#define PAGES 12u

static struct quire_vm vm[FAULTERS];
static struct rig_store *store;
static uint32_t pager_words[QUIRE_TRACE_WORDS(1024)];
static uint64_t events_read;
static uint64_t faults_read; /* or lost */

static void fault_or_read(struct rig *rig, unsigned i)
{
    unsigned round;
    uint32_t page;

    if (i < FAULTERS) {
        for (round = 0; round < ROUNDS; round++) {
            if (round == ROUNDS / 2u) {
                end_meeting(1);
            }
            for (page = 0; page < PAGES; page++) {
                unsigned char byte = (unsigned char)round;

                OK(rig_access(rig, i, i, &vm[i], RIG_AT(page), (page + i) % 3u == 0 ? RIG_WRITE : RIG_READ, &byte, 1));
            }
        }
        __atomic_fetch_add(&done, 1u, __ATOMIC_SEQ_CST);
        return;
    }
    {
        struct quire_trace_reader reader = {0, 0};
        struct quire_trace_event event;
        uint32_t met_at = 0;
        bool ended;

        do {
            ended = __atomic_load_n(&done, __ATOMIC_SEQ_CST) == FAULTERS;
            while (quire_trace_read(&trace, &reader, &event) == QUIRE_OK) {
                unsigned char bytes[QUIRE_TRACE_RECORD_BYTES];

                quire_trace_encode(&event, bytes);
                OK(quire_trace_decode(&event, bytes));
                events_read++;
                meet(&met_at);
                faults_read += quire_trace_type(&event) == QUIRE_TRACE_FAULT;
            }
        } while (!ended);
        faults_read += reader.lost;
    }
}

Test(trace, ring_is_read_while_a_pager_fills_it)
{
    struct rig_config config;
    struct quire_pager_stats stats;
    static struct rig rig;
    unsigned i;

    memset(&config, 0, sizeof config);
    config.threads = true;
    config.cpus = FAULTERS;
    config.concurrency = FAULTERS;
    config.step = 1;
    config.pages = 6;
    config.vms = FAULTERS;
    rig_start(&rig, &config);
    store = rig_store_new(&rig, PAGES, RW);
    for (i = 0; i < FAULTERS; i++) {
        rig_vm_start(&rig, &vm[i]);
        OK(rig_map(&vm[i], &store->fobj, RIG_VA, RW));
    }
    OK(quire_trace_init(&trace, pager_words, 1024));
    OK(quire_pager_set_trace(&rig.pager, &trace));
    done = 0;
    begin_meeting();
    crew_run(&rig, FAULTERS + 1u, fault_or_read);
    stats = rig_stats(&rig);
    cr_assert_geq(faults_read, stats.faults.minor + stats.faults.major + stats.faults.spurious + stats.faults.refused);
    cr_assert_gt(events_read, 100);
    cr_assert_gt(stats.evictions, PAGES);
    OK(quire_pager_set_trace(&rig.pager, NULL));
    SOUND(&rig);
    rig_stop(&rig);
}
