/* trace.h: a reader that is overtaken in the midst of an event, at each of its loads. For that the ring is built once more, with a
 * load that lets the writer go on; another page shift gives it names of its own. */
#define QUIRE_PAGE_SHIFT 13

#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

static uint32_t load(const uint32_t *p);

#define QUIRE_ATOMIC_LOAD(p) load(p)
#define QUIRE_ATOMIC_STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define QUIRE_ATOMIC_ADD(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define QUIRE_ATOMIC_SUB(p, v) __atomic_fetch_sub((p), (v), __ATOMIC_SEQ_CST)
#define QUIRE_ATOMIC_CAS(p, expected, v) \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define QUIRE_IMPLEMENTATION
#include "quire/trace.h"

#define RING 8u

static struct quire_trace trace;
static uint32_t words[QUIRE_TRACE_WORDS(RING)];
static uint32_t told;
static uint32_t loads_left; /* until the writer goes on; 0: it does not */
static uint32_t more;       /* events that it tells then */

static struct quire_trace_event event_of(uint32_t n)
{
    struct quire_trace_event event;

    memset(&event, 0, sizeof event);
    event.what = (uint16_t)(quire_trace_what(QUIRE_TRACE_EVICT, 0, 0, QUIRE_OK) | QUIRE_TRACE_VICTIM);
    event.time_low = (uint16_t)n;
    event.time_high = event.who = event.page = event.fobj = n;
    event.pgidx = event.victim = event.victim_pgidx = n;
    return event;
}

static void tell(uint32_t n)
{
    for (; n > 0; n--) {
        struct quire_trace_event event = event_of(++told);

        quire_trace_tell(&trace, &event);
    }
}

static uint32_t load(const uint32_t *p)
{
    if (loads_left != 0 && --loads_left == 0) {
        tell(more);
        memset(&words[(told & (RING - 1u)) * QUIRE_TRACE_EVENT_WORDS], 0x5a, sizeof(struct quire_trace_event)); /* one begun */
    }
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

Test(trace_torn, event_that_is_written_over_while_it_is_read_is_lost_or_whole)
{
    uint32_t overtaken = 0;
    uint32_t before;
    uint32_t at;

    for (before = 1; before <= 2u * RING; before++) {
        for (more = 1; more <= 2u * RING; more++) {
            for (at = 1; at <= QUIRE_TRACE_EVENT_WORDS + 3u; at++) {
                struct quire_trace_reader reader = {0};
                struct quire_trace_event event;
                uint64_t read = 0;

                told = 0;
                loads_left = 0;
                cr_assert_eq(quire_trace_init(&trace, words, RING), QUIRE_OK);
                tell(before);
                loads_left = at;
                while (quire_trace_read(&trace, &reader, &event) == QUIRE_OK) {
                    struct quire_trace_event whole = event_of(event.time_high);

                    cr_assert(memcmp(&event, &whole, sizeof event) == 0, "%u told, %u more at load %u", before, more, at);
                    cr_assert_eq(event.time_high, ++read + reader.lost);
                }
                cr_assert_eq(loads_left, 0);
                cr_assert_eq(told, before + more);
                cr_assert_eq(read + reader.lost, told);
                overtaken += reader.lost != 0 && before < RING && more < RING;
            }
        }
    }
    cr_assert_gt(overtaken, 100);
}
