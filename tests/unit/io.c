/* io.h and request.h: stores that answer later, on every machine: who waits, who does not, early answers, wrong ones. */
#define IO_SUITE io
#include "io_test.h"

#include "quire/gauge.h"

/* ---- Loads ---- */

SCENARIO(a_thread_that_cannot_wait_comes_back_for_its_page, .requests = 4)
{
    struct rig_store *store = pending(4, RIG_VA);
    struct quire_fault_result out;

    EXPECT(rig_fault(&rig, &vm, RIG_VA, RIG_READ, &out), QUIRE_AGAIN);
    NUM(out.store, QUIRE_PENDING);
    NUM(out.kind, QUIRE_FAULT_REFUSED);
    EXPECT_SOUND(&rig);
    EXPECT(fault(0, RIG_READ), QUIRE_AGAIN);
    NUM(rig_pending(&rig), 1); /* not asked twice */
    NUM(rig_stats(&rig).pages[QUIRE_PAGE_LOADING], 1);
    NUM(rig_stats(&rig).requests, 1);
    cr_assert_not(rig_query(&vm, RIG_VA).resident);
    EXPECT(rig_answer(&rig, 0, QUIRE_OK), QUIRE_OK);
    cr_assert(rig_query(&vm, RIG_VA).resident);
    NUM(rig_stats(&rig).requests, 0);
    EXPECT_SOUND(&rig);
    EXPECT(rig_fault(&rig, &vm, RIG_VA, RIG_READ, &out), QUIRE_OK);
    NUM(out.kind, QUIRE_FAULT_MINOR);
    cr_assert(born_at(&rig, &vm, RIG_VA, store, 0));
    NUM(store->loads_of[0], 1);
    NUM(rig_stats(&rig).loads, 1);
    NUM(rig_stats(&rig).pending, 1);
}

SCENARIO(an_instruction_says_AGAIN_as_often_as_it_may_and_has_its_page_then, .requests = 4)
{
    struct rig_store *store = pending(4, RIG_VA);
    struct quire_sim_thread thread;
    unsigned char byte = 0;

    memset(&thread, 0, sizeof thread);
    thread.max_faults = 1;
    thread.max_again = 3;
    EXPECT(quire_sim_run(&rig.sim, &thread, &vm, RIG_VA, RIG_READ, &byte, 1), QUIRE_AGAIN);
    NUM(thread.faults, 3);
    NUM(thread.again, 3);
    EXPECT(rig_answer(&rig, 0, QUIRE_OK), QUIRE_OK);
    EXPECT(quire_sim_run(&rig.sim, &thread, &vm, RIG_VA, RIG_READ, &byte, 1), QUIRE_OK);
    NUM(thread.faults, 4);
    NUM(byte, rig_born(store->tag, 0, 0));
}

SCENARIO(a_thread_that_can_wait_gets_its_page, WAITING)
{
    struct rig_store *store = pending(4, RIG_VA);
    struct quire_fault_result out;

    EXPECT(rig_fault(&rig, &vm, RIG_VA, RIG_READ, &out), QUIRE_OK);
    NUM(out.kind, QUIRE_FAULT_MAJOR);
    NUM(out.store, QUIRE_OK);
    NUM(rig_stats(&rig).waits, 1);
    NUM(rig_stats(&rig).requests, 0);
    cr_assert(born_at(&rig, &vm, RIG_VA, store, 0));
}

SCENARIO(a_fault_that_must_not_wait_does_not_though_it_could, WAITING)
{
    struct quire_fault in;

    (void)pending(1, RIG_VA);
    memset(&in, 0, sizeof in);
    in.va = RIG_VA;
    in.access = RIG_READ;
    EXPECT(quire_pager_fault(&rig.pager, &vm, &in, NULL), QUIRE_AGAIN);
    NUM(rig_pending(&rig), 1);
    answer_all();
    EXPECT(quire_pager_fault(&rig.pager, &vm, &in, NULL), QUIRE_OK);
}

SCENARIO(a_thread_that_waits_is_told_what_its_load_failed_with, WAITING, .user = (enum quire_status[]){QUIRE_INTEGRITY})
{
    enum quire_status *status = rig.config.user;
    struct rig_store *store = pending(2, RIG_VA);
    struct quire_fault_result out;

    *status = QUIRE_INTEGRITY;
    EXPECT(rig_fault(&rig, &vm, RIG_VA, RIG_READ, &out), QUIRE_INTEGRITY);
    NUM(out.store, QUIRE_INTEGRITY);
    NUM(rig_stats(&rig).load_failures, 1);
    NUM(rig_stats(&rig).pages[QUIRE_PAGE_LOADING], 0);
    EXPECT_SOUND(&rig);
    *status = QUIRE_OK;
    cr_assert(born_at(&rig, &vm, RIG_VA, store, 0)); /* a retry may succeed */
}

SCENARIO(an_answer_outside_the_contract_is_a_bad_answer_when_it_comes_later_too, WAITING,
         .user = (enum quire_status[]){QUIRE_PENDING})
{
    enum quire_status *status = rig.config.user;
    static const enum quire_status lies[] = {QUIRE_PENDING, QUIRE_NEED, QUIRE_AGAIN, QUIRE_TIMEOUT, QUIRE_STUCK};
    size_t i;

    (void)pending(1, RIG_VA);
    for (i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        *status = lies[i];
        EXPECT(fault(0, RIG_READ), QUIRE_BAD_ANSWER);
        NUM(rig_stats(&rig).bad_answers, i + 1u);
    }
    *status = QUIRE_OK;
    EXPECT(fault(0, RIG_READ), QUIRE_OK);
}

SCENARIO(a_load_that_fails_while_nobody_waits_is_told_to_the_next_who_comes, .requests = 2)
{
    struct rig_store *store = pending(2, RIG_VA);
    struct quire_fault_result out;

    EXPECT(fault(0, RIG_READ), QUIRE_AGAIN);
    EXPECT(rig_answer(&rig, 0, QUIRE_IO), QUIRE_OK);
    NUM(rig_stats(&rig).pages[QUIRE_PAGE_LOADING], 0);
    NUM(rig_stats(&rig).load_failures, 1);
    EXPECT_SOUND(&rig);
    EXPECT(fault(1, RIG_READ), QUIRE_AGAIN); /* not what that one has to know */
    answer_all();
    EXPECT(rig_fault(&rig, &vm, RIG_VA, RIG_READ, &out), QUIRE_IO);
    NUM(out.store, QUIRE_IO);
    NUM(store->loads_of[0], 1);
    bring(0); /* once told, it is tried again */
    cr_assert(born_at(&rig, &vm, RIG_VA, store, 0));
}

SCENARIO(an_object_is_not_told_what_befell_another_that_had_its_address, .requests = 4)
{
    static uint32_t slots[1];
    struct rig_store *store = pending(1, RIG_VA);
    const struct quire_fobj_ops *ops = store->fobj.ops;

    EXPECT(fault(0, RIG_READ), QUIRE_AGAIN);
    EXPECT(rig_answer(&rig, 0, QUIRE_IO), QUIRE_OK);
    EXPECT(quire_vm_unmap(&vm, RIG_VA, 1), QUIRE_OK);
    EXPECT(quire_fobj_put(&store->fobj), QUIRE_OK);
    NUM(store->freed, 1);
    store->freed = 0;
    EXPECT(quire_fobj_init(&store->fobj, ops, 1, slots, RW, 0), QUIRE_OK);
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    bring(0);
}

SCENARIO(a_page_that_came_while_its_thread_was_away_is_kept_for_it, .policy = RIG_FIFO, .step = 2, .pages = 3, .requests = 4)
{
    struct rig_store *other = rig_store_new(&rig, 8, RW);
    uint32_t i;

    (void)pending(1, RIG_VA);
    EXPECT(rig_map(&vm, &other->fobj, RIG_AT(8), RW), QUIRE_OK);
    EXPECT(fault(0, RIG_READ), QUIRE_AGAIN);
    answer_all();
    EXPECT(fault(8, RIG_READ), QUIRE_OK); /* the instruction's other page: the pool is full of older ones now */
    for (i = 0; i < 3; i++) {
        cr_assert(rig_query(&vm, RIG_VA).resident);
        EXPECT(fault(8, RIG_READ), QUIRE_OK);
    }
    EXPECT(fault(0, RIG_READ), QUIRE_OK);
}

SCENARIO(a_page_that_comes_while_its_thread_waits_for_room_takes_no_place_that_it_needs, .policy = RIG_FIFO, .step = 2,
         .rank_max = 1, .pages = QUIRE_PAGER_MIN_PAGES(1, 2, 1), WAITING)
{
    struct rig_store *other = rig_store_new(&rig, 8, RW);
    struct quire_fault in;

    (void)pending(1, RIG_VA);
    EXPECT(rig_map(&vm, &other->fobj, RIG_AT(8), RW), QUIRE_OK);
    memset(&in, 0, sizeof in);
    in.va = RIG_VA;
    in.access = RIG_READ;
    EXPECT(quire_pager_fault(&rig.pager, &vm, &in, NULL), QUIRE_AGAIN);
    EXPECT(fault(8, RIG_READ), QUIRE_OK);
    NUM(rig_pending(&rig), 1);
    EXPECT(fault(9, RIG_READ), QUIRE_OK); /* page 8, though among its last, has to go: page 0 is the latest but this one */
    NUM(rig_pending(&rig), 0);
    cr_assert(rig_query(&vm, RIG_VA).resident);
}

/* ---- Early answers ---- */

/* What the store's callback does before its call returns. */
static enum quire_status answers[2];
static uint32_t nanswers;
static enum quire_status early_returns; /* then it answers that, itself; OK: PENDING */

static enum quire_status answer_early(struct rig_store *store, struct quire_io *io, bool load)
{
    uint32_t i;

    for (i = 0; i < nanswers; i++) {
        enum quire_status expected = i == 0 ? QUIRE_OK : QUIRE_NOT_FOUND;

        cr_assert_neq(io->ticket, 0);
        if (load && i == 0 && answers[0] == QUIRE_OK) {
            memcpy(io->page[0], rig_store_page(store, io->pgidx), RIG_PAGE);
        }
        if (i == 0 && early_returns == QUIRE_PENDING) {
            quire_sim_watch_answer(io, load, answers[0]);
        }
        EXPECT(quire_io_complete(&rig.pager, io->ticket, answers[i]), expected);
        EXPECT(quire_io_cancel(&rig.pager, io->ticket), QUIRE_NOT_FOUND);
    }
    return nanswers != 0 ? early_returns : QUIRE_OK;
}

SCENARIO(the_answer_may_come_before_the_call_is_back, .requests = 1)
{
    struct rig_store *store = pending(4, RIG_VA);

    store->before = answer_early;
    early_returns = QUIRE_PENDING;
    answers[0] = QUIRE_OK;
    answers[1] = QUIRE_IO; /* repeated: ignored */
    nanswers = 2;
    EXPECT(fault(0, RIG_READ), QUIRE_OK);
    cr_assert(born_at(&rig, &vm, RIG_VA, store, 0));
    NUM(rig_stats(&rig).unknown_tickets, 1);
    answers[0] = QUIRE_NO_MEMORY;
    nanswers = 1;
    EXPECT(fault(1, RIG_READ), QUIRE_NO_MEMORY);
    EXPECT_SOUND(&rig);
    NUM(rig_stats(&rig).requests, 0);
}

SCENARIO(a_store_that_completes_and_answers_too_is_believed_once, .requests = 1)
{
    struct rig_store *store = pending(4, RIG_VA);

    store->before = answer_early;
    early_returns = QUIRE_INTEGRITY;
    answers[0] = QUIRE_OK;
    nanswers = 1;
    EXPECT(fault(0, RIG_READ), QUIRE_INTEGRITY);
    NUM(rig_stats(&rig).unknown_tickets, 1);
    NUM(rig_stats(&rig).requests, 0);
    nanswers = 0;
    store->before = NULL;
    bring(0);
}

/* ---- Tickets ---- */

SCENARIO(tickets_are_never_given_twice_and_old_ones_are_not_believed, .requests = 2)
{
    uint64_t seen[6];
    uint32_t i;
    uint32_t j;

    (void)pending(6, RIG_VA);
    for (i = 0; i < 6; i++) {
        EXPECT(fault(i, RIG_READ), QUIRE_AGAIN);
        seen[i] = rig.pending[0].ticket;
        cr_assert_neq(seen[i], 0);
        for (j = 0; j < i; j++) {
            cr_assert_neq(seen[i], seen[j]);
            EXPECT(quire_io_complete(&rig.pager, seen[j], QUIRE_OK), QUIRE_NOT_FOUND);
            EXPECT(quire_io_cancel(&rig.pager, seen[j]), QUIRE_NOT_FOUND);
        }
        NUM(rig_stats(&rig).pages[QUIRE_PAGE_LOADING], 1);
        answer_all();
    }
    NUM(rig_stats(&rig).unknown_tickets, 15);
    EXPECT(quire_io_complete(&rig.pager, 0, QUIRE_OK), QUIRE_NOT_FOUND);
    EXPECT(quire_io_complete(&rig.pager, UINT64_MAX, QUIRE_OK), QUIRE_NOT_FOUND);
    EXPECT(quire_io_complete(&rig.pager, seen[5] + ((uint64_t)1 << 16), QUIRE_OK), QUIRE_NOT_FOUND);
    NUM(rig_stats(&rig).unknown_tickets, 18);
}

SCENARIO(a_place_whose_tickets_are_used_up_is_not_used_again, .requests = 2)
{
    (void)pending(4, RIG_VA);
    rig.requests[0].ticket |= ~(uint64_t)0 << 16;
    bring(0);
    bring(1);
    NUM(rig.requests[0].state, QUIRE_REQUEST_FREE);
    rig.requests[1].ticket |= ~(uint64_t)0 << 16;
    EXPECT(fault(2, RIG_READ), QUIRE_TIMEOUT); /* none will ever be free */
    NUM(rig_pending(&rig), 0);
}

Test(io, without_a_table_PENDING_is_no_answer)
{
    static const struct rig_config config = {.requests = 0};
    struct rig_store *store;

    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    store = pending(2, RIG_VA);
    EXPECT(fault(0, RIG_READ), QUIRE_OK); /* the rig's store sees that it has no ticket */
    rig_fail(&store->load_fails, 1, 1, QUIRE_PENDING);
    EXPECT(fault(1, RIG_READ), QUIRE_BAD_ANSWER);
    NUM(rig_stats(&rig).bad_answers, 1);
    EXPECT(quire_io_complete(&rig.pager, (uint64_t)1 << 16, QUIRE_OK), QUIRE_NOT_FOUND);
    END(&rig);
}

Test(io, a_table_is_given_whole_or_not_at_all)
{
    struct quire_pager_config config;
    static const struct rig_config some = {.requests = 2};

    rig_start(&rig, &some);
    config = rig_pager_config(&rig);
    config.num_requests = 0;
    EXPECT(quire_pager_init(&rig.pager, &config), QUIRE_INVALID);
    config = rig_pager_config(&rig);
    config.requests = NULL;
    EXPECT(quire_pager_init(&rig.pager, &config), QUIRE_INVALID);
    config = rig_pager_config(&rig);
    config.num_requests = QUIRE_REQUESTS_MAX + 1u;
    EXPECT(quire_pager_init(&rig.pager, &config), QUIRE_INVALID);
    config = rig_pager_config(&rig);
    EXPECT(quire_pager_init(&rig.pager, &config), QUIRE_OK);
    END(&rig);
}

SCENARIO(a_store_that_may_answer_later_may_answer_at_once_too, .requests = 1)
{
    struct rig_store *store = pending(4, RIG_VA);
    uint32_t i;

    store->pends = false;
    for (i = 0; i < 4; i++) {
        EXPECT(rig_poke(&rig, &vm, RIG_AT(i), 7), QUIRE_OK);
    }
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 4, false), QUIRE_OK);
    NUM(rig_stats(&rig).requests, 0);
    NUM(rig_stats(&rig).pending, 0);
    NUM(rig_stats(&rig).saves, 4);
}

SCENARIO(when_no_request_is_free_a_load_waits_for_one_or_says_again, .requests = 2)
{
    (void)pending(4, RIG_VA);
    EXPECT(fault(0, RIG_READ), QUIRE_AGAIN);
    EXPECT(fault(1, RIG_READ), QUIRE_AGAIN);
    EXPECT(fault(2, RIG_READ), QUIRE_AGAIN);
    NUM(rig_pending(&rig), 2);
    NUM(rig_stats(&rig).pages[QUIRE_PAGE_LOADING], 2);
    EXPECT_SOUND(&rig);
    answer_all();
    bring(2);
}

/* ---- Saves ---- */

SCENARIO(an_eviction_goes_on_while_its_thread_is_away, SMALLEST)
{
    struct rig_store *store = pending(4, RIG_VA);

    bring_dirty(0, 0xa0);
    bring_dirty(1, 0xa1);
    EXPECT(fault(2, RIG_READ), QUIRE_AGAIN); /* page 0 is to be saved */
    NUM(rig_pending(&rig), 1);
    cr_assert_not(rig.pending[0].load);
    NUM(rig_stats(&rig).pages[QUIRE_PAGE_SAVING], 1);
    cr_assert(rig_query(&vm, RIG_VA).dirty);
    EXPECT(fault(2, RIG_READ), QUIRE_AGAIN);
    NUM(rig_pending(&rig), 1); /* one thread needs one page */
    EXPECT_SOUND(&rig);
    answer_all();
    NUM(rig_stats(&rig).pages[QUIRE_PAGE_FREE], 1);
    NUM(rig_stats(&rig).evictions, 1);
    NUM(rig_store_page(store, 0)[0], 0xa0);
    bring(2);
    while (fault(0, RIG_READ) == QUIRE_AGAIN) { /* evicts page 1, then asks for page 0 */
        answer_all();
    }
    NUM(rig_byte(&rig, &vm, RIG_VA), 0xa0);
}

SCENARIO(an_eviction_that_may_wait_does, .policy = RIG_FIFO, .step = 1, .pages = 2, WAITING)
{
    struct rig_store *store = pending(8, RIG_VA);
    uint32_t i;

    for (i = 0; i < 8; i++) {
        EXPECT(rig_poke(&rig, &vm, RIG_AT(i), (unsigned char)(0x50u + i)), QUIRE_OK);
    }
    for (i = 0; i < 8; i++) {
        NUM(rig_byte(&rig, &vm, RIG_AT(i)), 0x50u + i);
    }
    NUM(rig_stats(&rig).saves, 8);
    NUM(store->saves_of[0], 1);
}

SCENARIO(a_save_that_fails_later_leaves_its_page_dirty, SMALLEST)
{
    struct rig_store *store = pending(4, RIG_VA);

    bring_dirty(0, 0xa0);
    bring(1);
    EXPECT(fault(2, RIG_READ), QUIRE_AGAIN);
    EXPECT(rig_answer(&rig, 0, QUIRE_IO), QUIRE_OK);
    NUM(rig_stats(&rig).save_failures, 1);
    cr_assert(rig_query(&vm, RIG_VA).dirty);
    cr_assert(rig_query(&vm, RIG_VA).resident);
    NUM(rig_byte(&rig, &vm, RIG_VA), 0xa0);
    NUM(rig_store_page(store, 0)[0], rig_born(store->tag, 0, 0));
    EXPECT(fault(2, RIG_READ), QUIRE_AGAIN); /* evicts page 1, which is clean */
    answer_all();
    NUM(rig_stats(&rig).saves, 0);
    cr_assert_not(rig_query(&vm, RIG_AT(1)).resident);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 4, false), QUIRE_AGAIN);
    answer_all();
    NUM(rig_stats(&rig).saves, 1);
    NUM(rig_store_page(store, 0)[0], 0xa0);
}

SCENARIO(a_page_that_is_wanted_while_it_is_saved_stays, SMALLEST)
{
    (void)pending(4, RIG_VA);
    bring_dirty(0, 0xa0);
    bring(1);
    EXPECT(fault(2, RIG_READ), QUIRE_AGAIN);
    EXPECT(fault(0, RIG_READ), QUIRE_AGAIN);
    answer_all();
    cr_assert(rig_query(&vm, RIG_VA).resident);
    cr_assert_not(rig_query(&vm, RIG_VA).dirty);
    EXPECT(fault(0, RIG_READ), QUIRE_OK);
}

SCENARIO(evictions_in_flight_are_no_more_than_there_are_threads, .policy = RIG_FIFO, .step = 1, .concurrency = 2, .pages = 8,
         .requests = 8)
{
    uint32_t i;

    (void)pending(16, RIG_VA);
    for (i = 0; i < 8; i++) {
        bring_dirty(i, (unsigned char)i);
    }
    for (i = 0; i < 20; i++) {
        EXPECT(fault(8, RIG_READ), QUIRE_AGAIN);
        EXPECT_SOUND(&rig);
    }
    NUM(rig_pending(&rig), 2);
    answer_all();
    NUM(rig_stats(&rig).pages[QUIRE_PAGE_FREE], 2);
    bring(8);
    for (i = 0; i < 8; i++) {
        while (fault(i, RIG_READ) == QUIRE_AGAIN) {
            answer_all();
        }
        NUM(rig_byte(&rig, &vm, RIG_AT(i)), i);
    }
}

SCENARIO(one_request_is_enough_for_loads_that_evict, .policy = RIG_FIFO, .step = 1, .pages = 2, .requests = 1,
         .idle = answer_oldest)
{
    uint32_t i;

    (void)pending(8, RIG_VA);
    for (i = 0; i < 24; i++) {
        EXPECT(rig_poke(&rig, &vm, RIG_AT(i % 8u), (unsigned char)i), QUIRE_OK);
    }
    for (i = 0; i < 8; i++) {
        NUM(rig_byte(&rig, &vm, RIG_AT(i)), 16u + i);
    }
}

/* What the policy is told of pages that come: the rig's, but for that. */
static struct quire_policy_ops listening;
static const struct quire_policy_ops *heeded;
static uint32_t told_distance;

static void listen(struct quire_policy *policy, uint32_t number, uint32_t distance)
{
    told_distance = distance;
    heeded->insert(policy, number, distance);
}

SCENARIO(what_comes_and_goes_while_nobody_waits_is_counted, SMALLEST)
{
    struct quire_policy *policy = rig.pager.root.policy;
    struct quire_headroom_info at;

    heeded = policy->ops;
    listening = *heeded;
    listening.insert = listen;
    policy->ops = &listening;
    (void)pending(4, RIG_VA);
    bring(0);
    NUM(told_distance, QUIRE_DISTANCE_UNKNOWN);
    bring_dirty(1, 9);
    bring(2);                                   /* page 0 goes */
    while (fault(0, RIG_READ) == QUIRE_AGAIN) { /* page 1 is saved first */
        answer_all();
    }
    NUM(told_distance, 1); /* page 1's came after its own */
    NUM(rig_stats(&rig).evictions, 2);
    NUM(rig_stats(&rig).saves, 1);
    NUM(rig.pager.root.stats.evictions, 2);
    NUM(rig.pager.root.stats.major, 4);
    quire_pager_headroom(&rig.pager, false, &at);
    NUM(at.majors, 4);
    NUM(at.refaults, 1);
    policy->ops = heeded;
}

/* ---- Other operations that meet a page in flight ---- */

SCENARIO(a_write_back_begins_all_saves_and_says_again, .requests = 8)
{
    struct rig_store *store = pending(4, RIG_VA);
    uint32_t i;

    for (i = 0; i < 4; i++) {
        bring_dirty(i, (unsigned char)(0x60u + i));
    }
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 4, false), QUIRE_AGAIN);
    NUM(rig_pending(&rig), 4);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 4, false), QUIRE_AGAIN);
    NUM(rig_pending(&rig), 4);
    EXPECT_SOUND(&rig);
    answer_all();
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 4, false), QUIRE_OK);
    NUM(rig_pending(&rig), 0);
    for (i = 0; i < 4; i++) {
        NUM(rig_store_page(store, i)[0], 0x60u + i);
        cr_assert(rig_query(&vm, RIG_AT(i)).resident); /* saved, and still there */
    }
}

SCENARIO(a_write_back_with_few_requests_takes_turns, WAITING)
{
    struct rig_store *store = pending(8, RIG_VA);
    uint32_t i;

    for (i = 0; i < 8; i++) {
        EXPECT(rig_poke(&rig, &vm, RIG_AT(i), (unsigned char)(0x60u + i)), QUIRE_OK);
    }
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 8, true), QUIRE_OK);
    for (i = 0; i < 8; i++) {
        NUM(rig_store_page(store, i)[0], 0x60u + i);
    }
    EXPECT(rig_poke(&rig, &vm, RIG_VA, 1), QUIRE_OK);
    EXPECT(rig_poke(&rig, &vm, RIG_AT(1), 1), QUIRE_OK);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 1, false), QUIRE_AGAIN);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 8, true), QUIRE_OK); /* waits for what is under way */
}

SCENARIO(what_is_invalidated_on_its_way_is_forgotten_when_it_arrives, .requests = 4)
{
    struct rig_store *store = pending(2, RIG_VA);

    EXPECT(fault(0, RIG_READ), QUIRE_AGAIN);
    EXPECT(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 2), QUIRE_OK);
    answer_all();
    cr_assert_not(rig_query(&vm, RIG_VA).resident);
    bring_dirty(0, 3);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 1, false), QUIRE_AGAIN);
    EXPECT(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 2), QUIRE_AGAIN);
    answer_all();
    EXPECT(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 2), QUIRE_OK);
    bring(0);
    NUM(rig_byte(&rig, &vm, RIG_VA), 3);
}

SCENARIO(pins_and_copies_come_back_for_pages_in_flight, .requests = 4)
{
    struct rig_store *store = pending(4, RIG_VA);
    struct quire_vm_copy how;
    struct quire_pin pin;
    unsigned char bytes[2] = {0x77, 0x78};
    size_t done;

    memset(&how, 0, sizeof how);
    EXPECT(quire_pin_fobj(&rig.pager, &store->fobj, 0, 2, true, false, &pin), QUIRE_AGAIN);
    NUM(rig_pending(&rig), 1); /* page 1 is asked for once page 0 is there */
    answer_all();
    EXPECT(quire_pin_fobj(&rig.pager, &store->fobj, 0, 2, true, false, &pin), QUIRE_AGAIN);
    answer_all();
    EXPECT(quire_pin_fobj(&rig.pager, &store->fobj, 0, 2, true, false, &pin), QUIRE_OK);
    EXPECT(quire_vm_copy_to(&vm, RIG_AT(3) - 1u, bytes, 2, &how, &done), QUIRE_AGAIN);
    NUM(done, 0);
    answer_all();
    EXPECT(quire_vm_copy_to(&vm, RIG_AT(3) - 1u, bytes, 2, &how, &done), QUIRE_AGAIN);
    NUM(done, 1);
    answer_all();
    EXPECT(quire_vm_copy_to(&vm, RIG_AT(3) - 1u, bytes, 2, &how, &done), QUIRE_OK);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 4, false), QUIRE_AGAIN);
    answer_all();
    cr_assert(rig_query(&vm, RIG_VA).dirty, "who pinned it may still be writing");
    EXPECT(quire_unpin(&pin), QUIRE_OK);
}

SCENARIO(unmapping_and_the_end_of_a_context_do_not_wait_for_a_store, .requests = 4)
{
    struct rig_store *store = pending(4, RIG_VA);
    struct quire_vm other;

    rig_vm_start(&rig, &other);
    EXPECT(rig_map(&other, &store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(fault(0, RIG_READ), QUIRE_AGAIN);
    EXPECT(rig_fault(&rig, &other, RIG_AT(1), RIG_READ, NULL), QUIRE_AGAIN);
    EXPECT(rig_vm_stop(&rig, &other), QUIRE_OK);
    EXPECT(quire_vm_unmap(&vm, RIG_VA, 4), QUIRE_OK);
    EXPECT_SOUND(&rig);
    answer_all();
}

/* ---- Death ---- */

SCENARIO(an_object_that_dies_while_a_page_is_loaded_is_freed_when_the_store_has_answered, .requests = 4)
{
    static const enum quire_status ends[] = {QUIRE_OK, QUIRE_IO};
    size_t i;

    for (i = 0; i < 2; i++) {
        struct rig_store *store = pending(4, RIG_VA);
        unsigned char secret[16];
        size_t at;

        for (at = 0; at < sizeof secret; at++) {
            secret[at] = rig_born(store->tag, 0, 128u + at);
        }
        EXPECT(fault(0, RIG_READ), QUIRE_AGAIN);
        kill(store);
        NUM(store->freed, 0);
        EXPECT(quire_pager_fini(&rig.pager), QUIRE_BUSY);
        EXPECT_SOUND(&rig);
        EXPECT(rig_answer(&rig, 0, ends[i]), QUIRE_OK);
        NUM(store->freed, 1);
        NUM(rig_find(&rig, secret, sizeof secret), 0);
        NUM(rig_stats(&rig).pages[QUIRE_PAGE_FREE], 16);
    }
}

SCENARIO(an_object_that_dies_while_a_page_is_saved_is_freed_when_the_store_has_answered, .requests = 4)
{
    static const enum quire_status ends[] = {QUIRE_OK, QUIRE_IO};
    size_t i;

    for (i = 0; i < 2; i++) {
        struct rig_store *store = pending(4, RIG_VA);

        bring_dirty(0, 9);
        EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 1, false), QUIRE_AGAIN);
        kill(store);
        NUM(store->freed, 0);
        EXPECT(rig_answer(&rig, 0, ends[i]), QUIRE_OK);
        NUM(store->freed, 1);
        NUM(rig_stats(&rig).pages[QUIRE_PAGE_FREE], 16);
    }
}

/* While the only thread waits for its page, the object dies; then the answer comes. */
static void kill_and_answer(void *user)
{
    struct rig_store *store = rig.stores;

    (void)user;
    kill(store);
    NUM(store->freed, 0);
    EXPECT(rig_answer(&rig, 0, QUIRE_OK), QUIRE_OK);
    NUM(store->freed, 0); /* the thread that waits still needs it */
}

SCENARIO(a_thread_that_waits_for_a_page_of_an_object_that_dies_is_told, .idle = kill_and_answer, .requests = 1)
{
    struct rig_store *store = pending(4, RIG_VA);

    EXPECT(fault(0, RIG_READ), QUIRE_DEAD);
    NUM(store->freed, 1);
    NUM(rig_stats(&rig).pages[QUIRE_PAGE_FREE], 16);
}
