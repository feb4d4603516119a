/* What must be seen to go wrong when a store that answers later, or for several pages, is not minded (list_io). */
#include "witness.h"

static struct rig_store *pending(uint32_t npages, uintptr_t va)
{
    struct rig_store *store = rig_store_pending(&rig, npages, RW);

    OK(rig_map(&vm[0], &store->fobj, va, RW));
    return store;
}

static enum quire_status fault(uint32_t page, unsigned access)
{
    return fault_of(0, &vm[0], RIG_AT(page), access);
}

static void answer_all(void)
{
    while (rig_pending(&rig) != 0) {
        OK(rig_answer(&rig, 0, QUIRE_OK));
    }
}

/* Writes a byte, however often it has to come back. */
static void write_later(uint32_t page, unsigned char byte)
{
    while (fault(page, RIG_WRITE) == QUIRE_AGAIN) {
        answer_all();
    }
    write_byte(0, &vm[0], RIG_AT(page), byte);
}

static enum quire_status write_back(struct rig_store *store, uint32_t first, uint32_t n)
{
    return quire_pager_write_back(&rig.pager, &store->fobj, first, n, false);
}

static uint32_t in(enum quire_page_state state)
{
    return rig_stats(&rig).pages[state];
}

WITNESS(a_ticket_is_believed_once, .requests = 1)
{
    struct rig_store *store = pending(2, RIG_VA);
    uint64_t ticket;

    SAYS(QUIRE_AGAIN, fault(0, RIG_READ));
    ticket = rig.pending[0].ticket;
    answer_all();
    SAYS(QUIRE_AGAIN, fault(1, RIG_READ));
    (void)quire_io_complete(&rig.pager, ticket, QUIRE_OK);
    EXPECT(in(QUIRE_PAGE_LOADING) == 1);
    answer_all();
    read_as_born(0, &vm[0], RIG_AT(1), store, 1);
}

/* The store completes before its call is back, and once more. */
static enum quire_status answer_early(struct rig_store *store, struct quire_io *io, bool load)
{
    memcpy(io->page[0], rig_store_page(store, io->pgidx), RIG_PAGE);
    quire_sim_watch_answer(io, load, QUIRE_OK);
    OK(quire_io_complete(&rig.pager, io->ticket, QUIRE_OK));
    SAYS(QUIRE_NOT_FOUND, quire_io_complete(&rig.pager, io->ticket, QUIRE_IO));
    return QUIRE_PENDING;
}

WITNESS(an_answer_before_the_call_is_back_is_the_only_one, .requests = 1)
{
    struct rig_store *store = pending(2, RIG_VA);

    store->before = answer_early;
    OK(fault(0, RIG_READ));
    read_as_born(0, &vm[0], RIG_VA, store, 0);
}

WITNESS(nothing_happens_to_a_late_page_before_the_answer, .requests = 4)
{
    struct rig_store *store = pending(4, RIG_VA);

    SAYS(QUIRE_AGAIN, fault(0, RIG_READ));
    OK(quire_io_cancel(&rig.pager, rig.pending[0].ticket));
    EXPECT(in(QUIRE_PAGE_QUARANTINED) == 1);
    sound();
    OK(quire_pager_unstick(&rig.pager));
    EXPECT(in(QUIRE_PAGE_QUARANTINED) == 1);
    SAYS(QUIRE_TIMEOUT, fault(0, RIG_READ));
    sound();
    answer_all();
    read_as_born(0, &vm[0], RIG_VA, store, 0);
}

WITNESS(a_late_save_that_failed_leaves_the_page_dirty, .requests = 4)
{
    struct rig_store *store = pending(4, RIG_VA);

    write_later(0, 0x5a);
    SAYS(QUIRE_AGAIN, write_back(store, 0, 1));
    OK(quire_io_cancel(&rig.pager, rig.pending[0].ticket));
    SAYS(QUIRE_TIMEOUT, write_back(store, 0, 1));
    OK(rig_answer(&rig, 0, QUIRE_IO));
    SAYS(QUIRE_DIRTY, quire_pager_invalidate(&rig.pager, &store->fobj, 0, 1));
    read_byte(&vm[0], RIG_VA, 0x5a);
}

/* Four dirty pages of an object that is saved in clusters, and none of them is the thread's last. */
static struct rig_store *four_dirty(void)
{
    struct rig_store *other = rig_store_new(&rig, 1, RIG_READ);
    struct rig_store *store = pending(8, RIG_VA);
    uint32_t i;

    OK(rig_map(&vm[1], &other->fobj, RIG_VA, RIG_READ));
    for (i = 0; i < 4; i++) {
        write_later(i, (unsigned char)(0x40u + i));
    }
    pass(&vm[1], 0, 0);
    store->fobj.cluster = 4;
    return store;
}

WITNESS(neighbours_of_a_save_that_failed_are_still_dirty, .step = 1, .requests = 4)
{
    struct rig_store *store = four_dirty();

    SAYS(QUIRE_AGAIN, write_back(store, 1, 1));
    EXPECT(in(QUIRE_PAGE_SAVING) == 4);
    OK(rig_answer(&rig, 0, QUIRE_IO));
    SAYS(QUIRE_DIRTY, quire_pager_invalidate(&rig.pager, &store->fobj, 3, 1));
    read_byte(&vm[0], RIG_AT(3), 0x43);
}

WITNESS(neighbours_are_saved_when_nobody_can_write_them, .step = 1, .requests = 4)
{
    struct rig_store *store = four_dirty();

    SAYS(QUIRE_AGAIN, write_back(store, 0, 1));
    EXPECT(in(QUIRE_PAGE_SAVING) == 4);
    sound();
    answer_all();
    EXPECT(rig_store_page(store, 3)[0] == 0x43);
}

WITNESS(what_is_written_through_a_pin_during_a_save_is_kept, .requests = 4)
{
    struct rig_store *store = pending(1, RIG_VA);
    unsigned char byte = 0x77;
    struct quire_pin pin;
    struct quire_pa pa;

    write_later(0, 1);
    OK(quire_pin_fobj(&rig.pager, &store->fobj, 0, 1, true, false, &pin));
    SAYS(QUIRE_AGAIN, write_back(store, 0, 1));
    answer_all();
    EXPECT(rig_query(&vm[0], RIG_VA).dirty);
    OK(quire_pin_pa(&pin, 0, &pa));
    OK(quire_sim_device(&rig.sim, pa, true, &byte, 1));
    OK(quire_unpin(&pin));
    read_byte(&vm[0], RIG_VA, 0x77);
}

/* Page 2 of the store cannot be loaded. */
static enum quire_status second_is_bad(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    return load && io->pgidx <= 2u && io->pgidx + io->npages > 2u ? QUIRE_IO : QUIRE_OK;
}

WITNESS(a_bad_neighbour_fails_nobody_else, .requests = 4)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 4, RW);

    store->fobj.cluster = 4;
    store->before = second_is_bad;
    read_as_born(0, &vm[0], RIG_AT(1), store, 1);
    SAYS(QUIRE_IO, fault(2, RIG_READ));
}

WITNESS(read_ahead_stops_where_a_page_is, .requests = 4)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 4, RW);

    write_byte(0, &vm[0], RIG_AT(1), 0x21);
    store->fobj.cluster = 4;
    read_as_born(0, &vm[0], RIG_VA, store, 0);
    sound();
    read_byte(&vm[0], RIG_AT(1), 0x21);
}

WITNESS(an_object_outlives_what_its_store_is_doing, .requests = 4)
{
    struct rig_store *store = pending(2, RIG_VA);

    SAYS(QUIRE_AGAIN, fault(0, RIG_READ));
    OK(quire_vm_unmap(&vm[0], RIG_VA, 2));
    OK(rig_store_put(store));
    EXPECT(store->freed == 0);
    sound();
    answer_all();
    EXPECT(store->freed == 1);
}

/* Time runs out while the only thread waits, and the answer comes before it has woken. */
static void late_and_answered(void *user)
{
    (void)user;
    quire_io_tick(&rig.pager, 0, NULL);
    OK(rig_answer(&rig, 0, QUIRE_OK));
}

WITNESS(a_request_can_be_used_again_after_it_was_late, .requests = 1, .idle = late_and_answered)
{
    struct rig_store *store = pending(4, RIG_VA);

    SAYS(QUIRE_TIMEOUT, fault(0, RIG_READ));
    SAYS(QUIRE_TIMEOUT, fault(1, RIG_READ));
    EXPECT(rig_stats(&rig).requests == 0);
    read_as_born(0, &vm[0], RIG_AT(1), store, 1);
}

/* While the only thread waits, the answer comes. */
static void answered(void *user)
{
    (void)user;
    OK(rig_answer(&rig, 0, QUIRE_OK));
}

WITNESS(a_page_that_comes_meanwhile_takes_no_place_that_its_thread_needs, .policy = RIG_FIFO, .step = 2, .rank_max = 1,
        .pages = QUIRE_PAGER_MIN_PAGES(1, 2, 1), .requests = 1, .idle = answered)
{
    struct rig_store *other = rig_store_new(&rig, 8, RW);
    struct quire_fault in;

    (void)pending(1, RIG_VA);
    OK(rig_map(&vm[0], &other->fobj, RIG_AT(8), RW));
    memset(&in, 0, sizeof in);
    in.va = RIG_VA;
    in.access = RIG_READ;
    SAYS(QUIRE_AGAIN, quire_pager_fault(&rig.pager, &vm[0], &in, NULL));
    OK(fault(8, RIG_READ));
    OK(fault(9, RIG_READ));
}
