/* The ring of a trace: one writer, several readers, none of which the ring makes wait for another. */
#include "crew_test.h"

#include <sched.h>

#define RING 16u
#define TOLD 200000u
#define READERS 3u

static struct quire_trace trace;
static uint32_t words[QUIRE_TRACE_WORDS(RING)];
static uint32_t done;
static uint32_t reading; /* readers that have read something */
static uint64_t read_by[READERS + 1];
static uint64_t lost_by[READERS + 1];

/* Returns when n of them have: what follows is told while they read. */
static void await_readers(uint32_t n)
{
    while (__atomic_load_n(&reading, __ATOMIC_SEQ_CST) < n) {
        sched_yield();
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
    uint32_t last = 0;
    uint32_t n;

    (void)rig;
    if (i == 0) {
        for (n = 1; n <= TOLD; n++) {
            event = event_of(n);
            quire_trace_tell(&trace, &event);
            if (n == RING) {
                await_readers(READERS);
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
            if (read_by[i]++ == 0) {
                __atomic_fetch_add(&reading, 1u, __ATOMIC_SEQ_CST);
            }
            last = event.time_high;
            cr_assert_eq(last, read_by[i] + reader.lost);
        }
        if (ended) {
            break;
        }
    }
    lost_by[i] = reader.lost;
    cr_assert_eq(last, TOLD);
}

Test(trace, every_event_is_read_whole_or_counted_as_lost)
{
    unsigned i;

    OK(quire_trace_init(&trace, words, RING));
    crew_run(NULL, READERS + 1u, write_or_read);
    for (i = 1; i <= READERS; i++) {
        cr_assert_eq(read_by[i] + lost_by[i], TOLD);
        cr_assert_gt(read_by[i], RING, "reader %u came when all was told", i);
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
                await_readers(1);
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
        bool ended;

        do {
            ended = __atomic_load_n(&done, __ATOMIC_SEQ_CST) == FAULTERS;
            while (quire_trace_read(&trace, &reader, &event) == QUIRE_OK) {
                unsigned char bytes[QUIRE_TRACE_RECORD_BYTES];

                quire_trace_encode(&event, bytes);
                OK(quire_trace_decode(&event, bytes));
                if (events_read++ == 0) {
                    __atomic_fetch_add(&reading, 1u, __ATOMIC_SEQ_CST);
                }
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
    reading = 0;
    crew_run(&rig, FAULTERS + 1u, fault_or_read);
    stats = rig_stats(&rig);
    cr_assert_geq(faults_read, stats.faults.minor + stats.faults.major + stats.faults.spurious + stats.faults.refused);
    cr_assert_gt(events_read, 100);
    cr_assert_gt(stats.evictions, PAGES);
    OK(quire_pager_set_trace(&rig.pager, NULL));
    SOUND(&rig);
    rig_stop(&rig);
}
