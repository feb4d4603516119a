/* Witnesses for what is mapped ahead of its faults (around.h) and for the gauge of headroom (headroom.h). */
#include "witness.h"

static uint64_t entries_ahead(void)
{
    return rig_stats(&rig).around;
}

/* An object of 16 pages, shown by both contexts. */
static struct rig_store *shared(unsigned max_prot, unsigned first, unsigned second)
{
    struct rig_store *store = rig_store_new(&rig, 16, max_prot);

    OK(rig_map(&vm[0], &store->fobj, RIG_VA, first));
    OK(rig_map(&vm[1], &store->fobj, RIG_VA, second));
    return store;
}

static unsigned entry_of(struct quire_vm *in, uint32_t page)
{
    return rig_query(in, RIG_AT(page)).entry;
}

WITNESS(an_entry_made_ahead_permits_no_more_than_its_area, .pages = 32, .around = 16)
{
    uint32_t i;

    shared(RW, RW, RIG_READ);
    for (i = 0; i < 16u; i++) {
        write_byte(0, &vm[0], RIG_AT(i), 7);
    }
    read_byte(&vm[1], RIG_VA, 7);
    EXPECT(entries_ahead() == 15u);
    for (i = 0; i < 16u; i++) {
        unsigned char byte = 8;

        SAYS(QUIRE_DENIED, use(0, 0, &vm[1], RIG_AT(i), RIG_WRITE, &byte));
    }
}

WITNESS(no_entry_is_made_ahead_outside_the_area, .pages = 32, .around = 16)
{
    struct quire_mapping mapping;
    struct rig_store *store = shown(&vm[0], RIG_VA, 16, RIG_READ);

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = &store->fobj;
    mapping.first = 4;
    mapping.npages = 4;
    mapping.va = RIG_AT(4);
    mapping.prot = RIG_READ | QUIRE_PROT_USER;
    OK(quire_vm_map(&vm[1], &mapping, NULL));
    pass(&vm[0], 0, 15);
    read_as_born(0, &vm[1], RIG_AT(5), store, 5);
    EXPECT(entries_ahead() == 3u);
    SAYS(QUIRE_NOT_FOUND, rig_read(&rig, &vm[1], RIG_AT(3), &mapping, 1));
    SAYS(QUIRE_NOT_FOUND, rig_read(&rig, &vm[1], RIG_AT(8), &mapping, 1));
}

/* The oldest page of three in the order of arrival; then its content is another's. */
WITNESS(an_entry_made_ahead_goes_with_its_page, .policy = RIG_FIFO, .step = 1, .pages = 4, .around = 16)
{
    struct rig_store *store = shared(RIG_READ, RIG_READ, RIG_READ);

    pass(&vm[0], 0, 2);
    read_as_born(0, &vm[1], RIG_AT(2), store, 2);
    sound();
    pass(&vm[0], 3, 8);
    sound();
    read_as_born(0, &vm[1], RIG_VA, store, 0);
}

WITNESS(code_is_not_mapped_ahead_of_its_being_in_sync, .pages = 32, .around = 16)
{
    struct rig_store *store = shared(RIG_READ | RIG_EXEC, RIG_READ, RIG_READ | RIG_EXEC);
    uint32_t i;

    pass(&vm[0], 0, 15);
    for (i = 0; i < 16u; i++) {
        run_as_born(&vm[1], RIG_AT(i), store, i);
        sound();
    }
}

/* What the policy asks of page `pgidx`. */
static bool looks_used(struct rig_store *store, uint32_t pgidx)
{
    struct quire_mmu *mmu = &rig.sim.mmu;
    uintptr_t key = mmu->lock(mmu->ctx);
    struct quire_batch batch;
    bool used;

    quire_batch_init(&batch);
    used = quire_rmap_age(mmu, &batch, quire_pmem_at(&rig.pager.pool, quire_slot_value(store->slots[pgidx])));
    if (unlocked) {
        mmu->unlock(mmu->ctx, key);
    }
    if (!quire_batch_empty(&batch)) {
        mmu->flush(mmu->ctx, &batch);
    }
    if (!unlocked) {
        mmu->unlock(mmu->ctx, key);
    }
    return used;
}

WITNESS(a_page_mapped_ahead_does_not_look_used, .pages = 32, .around = 16)
{
    struct rig_store *store = shared(RIG_READ, RIG_READ, RIG_READ);

    pass(&vm[0], 0, 3);
    EXPECT(looks_used(store, 1));
    read_as_born(0, &vm[1], RIG_VA, store, 0);
    EXPECT(!looks_used(store, 1));
}

WITNESS(a_use_of_a_page_mapped_ahead_is_seen, .pages = 32, .around = 16)
{
    struct rig_store *store = shared(RIG_READ, RIG_READ, RIG_READ);

    pass(&vm[0], 0, 3);
    EXPECT(looks_used(store, 1));
    read_as_born(0, &vm[1], RIG_VA, store, 0);
    read_as_born(0, &vm[1], RIG_AT(1), store, 1);
    EXPECT(looks_used(store, 1));
    EXPECT(!looks_used(store, 1));
}

static enum quire_status asks_beside_it(struct rig_store *store, struct quire_io *io, bool load)
{
    if (load && io->pgidx == 1u) {
        unsigned char byte;

        OK(use(1, 1, &vm[1], RIG_VA, RIG_READ, &byte));
        expect(entry_of(&vm[1], 1) == 0, "a page is mapped that is on its way");
        expect(entry_of(&vm[1], 2) != 0, "a page is not mapped that is there");
    }
    (void)store;
    return QUIRE_OK;
}

WITNESS(a_page_on_its_way_is_not_mapped_ahead, .pages = 32, .around = 16, .concurrency = 2)
{
    struct rig_store *store = shared(RIG_READ, RIG_READ, RIG_READ);

    pass(&vm[0], 0, 0);
    pass(&vm[0], 2, 2);
    store->before = asks_beside_it;
    pass(&vm[0], 1, 1);
    store->before = NULL;
}

/* A window half of which is there already. */
WITNESS(nothing_is_mapped_ahead_over_an_entry, .pages = 32, .around = 16)
{
    struct rig_store *store = shared(RIG_READ, RIG_READ, RIG_READ);

    pass(&vm[0], 0, 3);
    read_as_born(0, &vm[1], RIG_VA, store, 0);
    pass(&vm[0], 4, 7);
    read_as_born(0, &vm[1], RIG_AT(5), store, 5);
    EXPECT(entries_ahead() == 6u);
    sound();
}

/* A page without a table is the fault's own affair; no neighbour makes it fail. */
WITNESS(a_fault_is_served_whatever_becomes_of_its_neighbours, .pages = 32, .around = 16)
{
    struct rig_store *store = shared(RIG_READ, RIG_READ, RIG_READ);

    pass(&vm[0], 0, 7);
    quire_sim_fail_map(&rig.sim, 2, UINT32_MAX);
    read_as_born(0, &vm[1], RIG_AT(7), store, 7);
    EXPECT(entries_ahead() == 0);
    quire_sim_fail_map(&rig.sim, 0, 0);
    sound();
}

WITNESS(the_first_write_through_what_was_mapped_ahead_is_logged, .around = 4, .pages = 16)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 4, RW);
    uint32_t bits;
    uint32_t log;
    uint32_t page;

    OK(rig_map(&vm[1], &store->fobj, RIG_VA, RW));
    for (page = 0; page < 4u; page++) {
        write_byte(0, &vm[0], RIG_AT(page), 1);
    }
    OK(quire_vm_log_start(&vm[1], RIG_VA, 4, &bits));
    read_byte(&vm[1], RIG_VA, 1);
    write_byte(0, &vm[1], RIG_AT(2), 2);
    OK(quire_vm_log_read(&vm[1], RIG_VA, 4, false, &log));
    expect(log == 4u, "a write was not logged");
    OK(quire_vm_log_stop(&vm[1]));
}

/* ---- The gauge of headroom ---- */

/* Goes round n pages, so many times. */
static void go_round(uint32_t n, uint32_t times)
{
    while (times-- > 0) {
        pass(&vm[0], 0, n - 1u);
    }
}

static struct quire_headroom_info gauge(void)
{
    struct quire_headroom_info out;

    quire_pager_headroom(&rig.pager, false, &out);
    return out;
}

WITNESS(the_gauge_is_right_after_the_wrap_of_the_count, .policy = RIG_FIFO, .step = 1, .pages = 5)
{
    shown(&vm[0], RIG_VA, 8, RIG_READ);
    rig.pager.root.evictions = QUIRE_SLOT_VALUE_MASK - 4u;
    go_round(8, 3);
    EXPECT(rig.pager.root.evictions < 20u);
    EXPECT(gauge().refaults == 16u);
    EXPECT(gauge().curable == 16u);
    /* 0 is no count of evictions: what goes before it and comes after it seems to have been away for one more. */
    expect(gauge().missing == 4u, "a loop of 8 pages in 5 misses %u", gauge().missing);
}

WITNESS(what_is_loaded_for_the_first_time_is_no_refault, .policy = RIG_FIFO, .step = 1, .pages = 5)
{
    shown(&vm[0], RIG_VA, 60, RIG_READ);
    go_round(60, 1);
    expect(gauge().refaults == 0, "%u of 60 first loads count as refaults", gauge().refaults);
    EXPECT(gauge().missing == 0);
}

WITNESS(the_gauge_forgets_a_phase_that_is_over, .policy = RIG_FIFO, .step = 1, .pages = 5)
{
    shown(&vm[0], RIG_VA, 60, RIG_READ);
    go_round(60, 10);
    expect(gauge().missing == 55u, "a loop of 60 pages in 5 misses %u", gauge().missing);
    go_round(8, 450);
    expect(gauge().missing == 3u, "a loop of 8 pages in 5 misses %u", gauge().missing);
}

/* Round 21 pages in 20; and 1 load in 24 is that of a page that would need 4 more. */
WITNESS(a_rare_far_refault_is_no_cliff, .policy = RIG_FIFO, .step = 1, .pages = 20)
{
    uint32_t i;

    shown(&vm[0], RIG_VA, 60, RIG_READ);
    for (i = 0; i < 460u; i++) {
        pass(&vm[0], i % 21u, i % 21u);
        if (i % 23u == 0) {
            pass(&vm[0], 40, 40);
        }
    }
    expect(gauge().missing < 3u, "a loop of 21 pages in 20 misses %u", gauge().missing);
}

WITNESS(free_pages_are_to_spare, .pages = 20)
{
    shown(&vm[0], RIG_VA, 8, RIG_READ);
    go_round(8, 3);
    EXPECT(gauge().spare == 12u);
    EXPECT(gauge().working_set == 8u);
}
