/* io.h: requests that are cancelled or run out of time, and what becomes of their pages when the store answers after all. */
#define IO_SUITE io_late
#include "io_test.h"

static const enum quire_status ends[] = {QUIRE_OK, QUIRE_IO};

static enum quire_status cancel(uint32_t i)
{
    return quire_io_cancel(&rig.pager, rig.pending[i].ticket);
}

static uint32_t quarantined(void)
{
    return rig_stats(&rig).pages[QUIRE_PAGE_QUARANTINED];
}

/* Page 0 is being loaded, and cancelled; nobody waits. */
static struct rig_store *late_load(void)
{
    struct rig_store *store = pending(4, RIG_VA);

    EXPECT(fault(0, RIG_READ), QUIRE_AGAIN);
    EXPECT(cancel(0), QUIRE_OK);
    NUM(quarantined(), 1);
    NUM(rig_stats(&rig).timeouts, 1);
    NUM(rig_stats(&rig).requests_late, 1);
    EXPECT_SOUND(&rig);
    return store;
}

/* Page 0 was written with 0xa0, is being saved, and that was cancelled. */
static struct rig_store *late_save(void)
{
    struct rig_store *store = pending(4, RIG_VA);

    bring_dirty(0, 0xa0);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 1, false), QUIRE_AGAIN);
    EXPECT(cancel(0), QUIRE_OK);
    NUM(quarantined(), 1);
    EXPECT_SOUND(&rig);
    return store;
}

/* ---- Loads ---- */

SCENARIO(a_late_load_makes_the_page_resident_or_free, .requests = 4)
{
    size_t i;

    for (i = 0; i < 2; i++) {
        struct rig_store *store = late_load();
        struct quire_fault_result out;

        EXPECT(rig_fault(&rig, &vm, RIG_VA, RIG_READ, &out), QUIRE_TIMEOUT);
        NUM(out.kind, QUIRE_FAULT_REFUSED);
        NUM(rig_pending(&rig), 1); /* the store is not asked twice for one page */
        EXPECT(quire_pager_unstick(&rig.pager), QUIRE_OK);
        NUM(quarantined(), 1);
        EXPECT(rig_answer(&rig, 0, ends[i]), QUIRE_OK);
        NUM(quarantined(), 0);
        NUM(rig_stats(&rig).requests, 0);
        NUM(rig_stats(&rig).requests_late, 0);
        if (ends[i] == QUIRE_OK) {
            EXPECT(fault(0, RIG_READ), QUIRE_OK);
            NUM(store->loads_of[0], 1);
        } else {
            EXPECT(fault(0, RIG_READ), QUIRE_IO);
            bring(0);
        }
        cr_assert(born_at(&rig, &vm, RIG_VA, store, 0));
        EXPECT(quire_vm_unmap(&vm, RIG_VA, 4), QUIRE_OK);
        quire_sim_forgive(&rig.sim);
        memset(&rig.pager.stats, 0, sizeof rig.pager.stats);
        memset(rig.tale.faults, 0, sizeof rig.tale.faults);
    }
}

SCENARIO(a_ticket_is_answered_once_even_if_late, .requests = 4)
{
    uint64_t ticket;

    (void)late_load();
    ticket = rig.pending[0].ticket;
    EXPECT(cancel(0), QUIRE_OK); /* again: nothing changes */
    NUM(rig_stats(&rig).timeouts, 1);
    EXPECT(rig_answer(&rig, 0, QUIRE_OK), QUIRE_OK);
    EXPECT(quire_io_complete(&rig.pager, ticket, QUIRE_OK), QUIRE_NOT_FOUND);
    EXPECT(quire_io_cancel(&rig.pager, ticket), QUIRE_NOT_FOUND);
    NUM(rig_stats(&rig).unknown_tickets, 1);
}

SCENARIO(a_late_load_that_was_invalidated_is_forgotten, .requests = 4)
{
    struct rig_store *store = late_load();

    EXPECT(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 4), QUIRE_OK);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 4, false), QUIRE_OK);
    answer_all();
    NUM(rig_stats(&rig).pages[QUIRE_PAGE_FREE], 16);
    bring(0);
}

/* ---- Saves ---- */

SCENARIO(a_late_save_leaves_the_page_clean_or_dirty_and_never_loses_it, .requests = 4)
{
    size_t i;

    for (i = 0; i < 2; i++) {
        struct rig_store *store = late_save();

        EXPECT(fault(0, RIG_READ), QUIRE_TIMEOUT);
        EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 4, false), QUIRE_TIMEOUT);
        EXPECT(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 4), QUIRE_TIMEOUT);
        EXPECT(quire_pager_unstick(&rig.pager), QUIRE_OK);
        cr_assert(rig_query(&vm, RIG_VA).dirty);
        cr_assert_not(rig_query(&vm, RIG_VA).resident);
        NUM(rig_pending(&rig), 1);
        EXPECT(rig_answer(&rig, 0, ends[i]), QUIRE_OK);
        cr_assert_eq(rig_query(&vm, RIG_VA).dirty, ends[i] != QUIRE_OK);
        cr_assert(rig_query(&vm, RIG_VA).resident);
        NUM(rig_byte(&rig, &vm, RIG_VA), 0xa0);
        EXPECT(quire_vm_unmap(&vm, RIG_VA, 4), QUIRE_OK);
    }
}

static void a_late_save_of_a_victim_ends(enum quire_status end)
{
    struct rig_store *store = pending(4, RIG_VA);

    bring_dirty(0, 0xa0);
    bring(1);
    EXPECT(fault(2, RIG_READ), QUIRE_AGAIN);
    EXPECT(cancel(0), QUIRE_OK);
    EXPECT(fault(2, RIG_READ), QUIRE_AGAIN); /* page 1 makes room; page 2 is asked for */
    EXPECT(rig_answer(&rig, 0, end), QUIRE_OK);
    NUM(rig_stats(&rig).evictions, end == QUIRE_OK ? 2 : 1);
    answer_all();
    EXPECT(fault(2, RIG_READ), QUIRE_OK);
    while (fault(0, RIG_READ) == QUIRE_AGAIN) {
        answer_all();
    }
    NUM(rig_byte(&rig, &vm, RIG_VA), 0xa0);
    NUM(store->loads_of[0], end == QUIRE_OK ? 2 : 1);
}

SCENARIO(a_victim_whose_save_was_late_is_freed, SMALLEST)
{
    a_late_save_of_a_victim_ends(QUIRE_OK);
}

SCENARIO(a_victim_whose_save_was_late_and_failed_stays_dirty, SMALLEST)
{
    a_late_save_of_a_victim_ends(QUIRE_IO);
}

SCENARIO(a_pinned_page_whose_save_is_late_is_still_pinned, .requests = 4)
{
    struct rig_store *store = pending(4, RIG_VA);
    struct quire_pin pin;
    struct quire_pa pa;

    bring_dirty(0, 0xa0);
    EXPECT(quire_pin_fobj(&rig.pager, &store->fobj, 0, 1, true, false, &pin), QUIRE_OK);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 1, false), QUIRE_AGAIN);
    EXPECT(cancel(0), QUIRE_OK);
    EXPECT(quire_pin_pa(&pin, 0, &pa), QUIRE_OK);
    EXPECT(quire_unpin(&pin), QUIRE_OK); /* it was written through the pin */
    EXPECT_SOUND(&rig);
    answer_all();
    cr_assert(rig_query(&vm, RIG_VA).dirty);
    NUM(rig_byte(&rig, &vm, RIG_VA), 0xa0);
}

/* ---- Who waits ---- */

/* While the only thread waits, time runs out. */
static void run_out_of_time(void *user)
{
    (void)user;
    quire_io_tick(&rig.pager, 0, NULL);
}

SCENARIO(a_thread_that_waits_for_a_load_is_told_when_time_runs_out, .idle = run_out_of_time, .requests = 2)
{
    struct rig_store *store = pending(4, RIG_VA);
    struct quire_fault_result out;

    EXPECT(rig_fault(&rig, &vm, RIG_VA, RIG_READ, &out), QUIRE_TIMEOUT);
    NUM(out.store, QUIRE_TIMEOUT);
    NUM(quarantined(), 1);
    EXPECT_SOUND(&rig);
    answer_all();
    cr_assert(born_at(&rig, &vm, RIG_VA, store, 0));
    NUM(store->loads_of[0], 1);
}

/* The same, and the store answers before the thread has woken. */
static void run_out_of_time_and_answer(void *user)
{
    quire_io_tick(&rig.pager, 0, NULL);
    answer_oldest(user);
}

SCENARIO(a_late_answer_may_come_before_its_thread_has_woken, .idle = run_out_of_time_and_answer, .requests = 1)
{
    struct rig_store *store = pending(4, RIG_VA);

    EXPECT(fault(0, RIG_READ), QUIRE_TIMEOUT);
    NUM(rig_stats(&rig).requests, 0);
    EXPECT(fault(0, RIG_READ), QUIRE_OK);
    cr_assert(born_at(&rig, &vm, RIG_VA, store, 0));
    EXPECT(fault(1, RIG_READ), QUIRE_TIMEOUT); /* the request can be used again */
}

/* The same, and says it again: the thread that waits has not yet seen the answer. */
static void run_out_of_time_and_answer_twice(void *user)
{
    uint64_t ticket = rig.pending[0].ticket;

    run_out_of_time_and_answer(user);
    NUM(rig_stats(&rig).requests, 1);
    EXPECT(quire_io_complete(&rig.pager, ticket, QUIRE_IO), QUIRE_NOT_FOUND);
    EXPECT(quire_io_cancel(&rig.pager, ticket), QUIRE_NOT_FOUND);
    quire_io_tick(&rig.pager, 0, NULL);
}

SCENARIO(a_late_answer_is_believed_once_though_its_thread_has_not_woken, .idle = run_out_of_time_and_answer_twice,
         .requests = 1)
{
    struct rig_store *store = pending(4, RIG_VA);

    EXPECT(fault(0, RIG_READ), QUIRE_TIMEOUT);
    NUM(rig_stats(&rig).unknown_tickets, 1);
    NUM(rig_stats(&rig).timeouts, 1);
    EXPECT(fault(0, RIG_READ), QUIRE_OK);
    cr_assert(born_at(&rig, &vm, RIG_VA, store, 0));
}

SCENARIO(an_eviction_whose_saves_are_all_late_looks_for_clean_pages_and_ends, .policy = RIG_FIFO, .step = 1, .pages = 6,
         .idle = run_out_of_time, .requests = 16)
{
    struct rig_store *quick = rig_store_new(&rig, 1, RIG_READ);
    struct rig_store *store = pending(6, RIG_VA);
    struct quire_fault_result out;
    uint32_t i;

    EXPECT(rig_map(&vm, &quick->fobj, RIG_AT(8), RIG_READ), QUIRE_OK);
    store->pends = false;
    for (i = 0; i < 6; i++) {
        EXPECT(rig_poke(&rig, &vm, RIG_AT(i), (unsigned char)(0x30u + i)), QUIRE_OK);
    }
    store->pends = true;
    EXPECT(rig_fault(&rig, &vm, RIG_AT(8), RIG_READ, &out), QUIRE_NO_PAGE);
    NUM(out.store, QUIRE_TIMEOUT);
    NUM(quarantined(), 4);
    EXPECT_SOUND(&rig);
    answer_all();
    for (i = 0; i < 6; i++) {
        store->pends = false;
        NUM(rig_byte(&rig, &vm, RIG_AT(i)), 0x30u + i);
    }
}

SCENARIO(when_every_request_is_late_nobody_waits_for_one, .idle = run_out_of_time, .requests = 1)
{
    (void)pending(4, RIG_VA);
    EXPECT(fault(0, RIG_READ), QUIRE_TIMEOUT);
    EXPECT(fault(1, RIG_READ), QUIRE_TIMEOUT);
    NUM(rig_pending(&rig), 1);
    answer_all();
    EXPECT(fault(0, RIG_READ), QUIRE_OK);
}

/* ---- Clocks ---- */

SCENARIO(patience_is_counted_in_ticks_since_the_store_was_asked, .requests = 4)
{
    uint32_t expired = 77;

    (void)pending(4, RIG_VA);
    EXPECT(fault(0, RIG_READ), QUIRE_AGAIN);
    quire_io_tick(&rig.pager, 2, &expired);
    NUM(expired, 0);
    EXPECT(fault(1, RIG_READ), QUIRE_AGAIN);
    quire_io_tick(&rig.pager, 2, &expired);
    NUM(expired, 0);
    quire_io_tick(&rig.pager, 2, &expired);
    NUM(expired, 1);
    EXPECT(fault(0, RIG_READ), QUIRE_TIMEOUT);
    EXPECT(fault(1, RIG_READ), QUIRE_AGAIN);
    quire_io_tick(&rig.pager, 2, &expired);
    NUM(expired, 1);
    EXPECT(fault(1, RIG_READ), QUIRE_TIMEOUT);
    quire_io_tick(&rig.pager, 0, &expired);
    NUM(expired, 0); /* late already */
    EXPECT_SOUND(&rig);
    answer_all();
    EXPECT(fault(2, RIG_READ), QUIRE_AGAIN); /* the same request as before is young again */
    quire_io_tick(&rig.pager, 2, &expired);
    NUM(expired, 0);
    answer_all();
}

/* ---- During the call ---- */

static enum quire_status cancel_early(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    (void)load;
    EXPECT(quire_io_cancel(&rig.pager, io->ticket), QUIRE_OK);
    return QUIRE_OK;
}

SCENARIO(a_request_cancelled_during_its_call_is_late_if_it_is_pending, .requests = 2)
{
    struct rig_store *store = pending(4, RIG_VA);

    store->before = cancel_early;
    EXPECT(fault(0, RIG_READ), QUIRE_TIMEOUT);
    NUM(quarantined(), 1);
    EXPECT_SOUND(&rig);
    answer_all();
    EXPECT(fault(0, RIG_READ), QUIRE_OK);
    store->pends = false;
    EXPECT(fault(1, RIG_READ), QUIRE_OK); /* answered at once: there was nothing left to cancel */
    NUM(quarantined(), 0);
    NUM(rig_stats(&rig).timeouts, 1);
}

/* ---- Death ---- */

SCENARIO(an_object_that_dies_in_quarantine_is_freed_when_the_store_has_answered, .requests = 4)
{
    size_t i;

    for (i = 0; i < 4; i++) {
        struct rig_store *store = i < 2 ? late_load() : late_save();

        kill(store);
        NUM(store->freed, 0);
        NUM(quarantined(), 1);
        EXPECT(quire_pager_fini(&rig.pager), QUIRE_BUSY);
        EXPECT_SOUND(&rig);
        EXPECT(rig_answer(&rig, 0, ends[i % 2u]), QUIRE_OK);
        NUM(store->freed, 1);
        NUM(rig_stats(&rig).pages[QUIRE_PAGE_FREE], 16);
        memset(&rig.pager.stats, 0, sizeof rig.pager.stats);
        memset(rig.tale.faults, 0, sizeof rig.tale.faults);
    }
}

SCENARIO(contexts_end_while_pages_are_in_quarantine, .requests = 4)
{
    struct rig_store *store = late_load();
    struct quire_vm other;

    rig_vm_start(&rig, &other);
    EXPECT(rig_map(&other, &store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_fault(&rig, &other, RIG_VA, RIG_READ, NULL), QUIRE_TIMEOUT);
    EXPECT(rig_vm_stop(&rig, &other), QUIRE_OK);
    EXPECT(quire_vm_protect(&vm, RIG_VA, 4, RIG_READ | USER), QUIRE_OK);
    EXPECT(quire_vm_unmap(&vm, RIG_VA, 4), QUIRE_OK);
    EXPECT_SOUND(&rig);
    answer_all();
}

/* ---- Whatever goes wrong, at whatever time ---- */

struct trouble {
    uint32_t nth; /* which of the answers is the one; counted down */
    bool late;    /* it is late; else it is an error */
};

static void answer_with_trouble(void *user)
{
    struct trouble *trouble = user;
    bool now = trouble->nth != 0 && --trouble->nth == 0;

    if (now && trouble->late) {
        (void)quire_io_cancel(&rig.pager, rig.pending[rig.npending - 1u].ticket);
    } else {
        EXPECT(rig_answer(&rig, 0, now ? QUIRE_IO : QUIRE_OK), QUIRE_OK);
    }
}

static struct trouble trouble;

/* Writes, or reads, until it works. */
static void insist(uint32_t page, unsigned access, unsigned char *byte)
{
    while (rig_access(&rig, 0, 0, &vm, RIG_AT(page), access, byte, 1) != QUIRE_OK) {
        answer_all();
        EXPECT_SOUND(&rig);
    }
}

static void survive(uint8_t cluster)
{
    struct rig_store *store = pending(6, RIG_VA);
    uint32_t i;

    store->fobj.cluster = cluster;
    for (i = 0; i < 18; i++) {
        unsigned char byte = (unsigned char)i;

        insist(i % 6u, RIG_WRITE, &byte);
    }
    for (i = 0; i < 6; i++) {
        unsigned char byte = 0;

        insist(i, RIG_READ, &byte);
        NUM(byte, 12u + i);
    }
    while (quire_pager_write_back(&rig.pager, &store->fobj, 0, 6, true) != QUIRE_OK) {
        answer_all();
    }
    for (i = 0; i < 6; i++) {
        NUM(rig_store_page(store, i)[0], 12u + i);
    }
    answer_all();
    EXPECT(quire_vm_unmap(&vm, RIG_VA, 6), QUIRE_OK);
    EXPECT(rig_store_put(store), QUIRE_OK);
    NUM(store->freed, 1);
    NUM(rig_stats(&rig).pages[QUIRE_PAGE_FREE], rig_stats(&rig).total);
}

SCENARIO(whichever_answer_is_late_or_an_error_no_byte_is_lost, .policy = RIG_FIFO, .step = 1, .pages = 4, .requests = 3,
         .idle = answer_with_trouble, .user = &trouble)
{
    uint32_t nth;
    unsigned kind;

    for (kind = 0; kind < 4u; kind++) {
        for (nth = 1;; nth++) {
            trouble.nth = nth;
            trouble.late = kind % 2u != 0;
            survive(kind < 2u ? 1 : 3);
            if (trouble.nth != 0) { /* there were not so many */
                break;
            }
        }
        cr_assert_gt(nth, 8u);
    }
}
