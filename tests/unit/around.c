/* around.h: what is mapped ahead of its faults, and what is not. */
#include "rig_test.h"

#define PAGES 64u /* of the object */
#define WINDOW 16u

struct world {
    struct rig rig;
    struct quire_vm vm[2];
    struct rig_store *store;
};

/* Two contexts of 128 pages. Room for everything unless told. */
static void world_start(struct world *w, struct rig_config config)
{
    config.vm_pages = 128;
    config.pages = config.pages != 0 ? config.pages : 96u;
    config.around = config.around != 0 ? config.around : WINDOW;
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm[0]);
    rig_vm_start(&w->rig, &w->vm[1]);
}

/* The object, shown by both contexts. */
static void world_share(struct world *w, unsigned max_prot, unsigned first, unsigned second)
{
    w->store = rig_store_new(&w->rig, PAGES, max_prot);
    EXPECT(rig_map(&w->vm[0], &w->store->fobj, RIG_VA, first), QUIRE_OK);
    EXPECT(rig_map(&w->vm[1], &w->store->fobj, RIG_VA, second), QUIRE_OK);
}

/* The policy is of no account where nothing is evicted: 8 machines are all hardware, with both ways of flushing. */
#define MACHINES 8u

static struct rig_config machine(unsigned number)
{
    return rig_machine(number, (struct rig_config){.eager = true});
}

static void touch(struct world *w, unsigned vm, uint32_t first, uint32_t n, unsigned access)
{
    uint32_t i;

    for (i = first; i < first + n; i++) {
        unsigned char byte = 0;

        EXPECT(rig_access(&w->rig, 0, 0, &w->vm[vm], RIG_AT(i), access, &byte, 1), QUIRE_OK);
        if (access != RIG_WRITE) {
            cr_expect_eq(byte, rig_born(w->store->tag, i, 0), "page %u", i);
        }
    }
}

/* Takes all entries of a context away; the pages stay. */
static void drop(struct world *w, unsigned vm)
{
    EXPECT(quire_vm_drop_range(&w->vm[vm], RIG_VA, 128), QUIRE_OK);
}

/* Pages that have an entry, as a mask of 64 from `first` on. */
static uint64_t entries(struct world *w, unsigned vm, uint32_t first)
{
    uint64_t mask = 0;
    uint32_t i;

    for (i = 0; i < 64u; i++) {
        mask |= (uint64_t)((rig_query(&w->vm[vm], RIG_AT(first + i)).entry & QUIRE_ENTRY_PRESENT) != 0) << i;
    }
    return mask;
}

static uint64_t faults_of(const struct world *w, unsigned vm)
{
    return w->vm[vm].stats.minor + w->vm[vm].stats.major;
}

static uint64_t ahead(struct world *w)
{
    return rig_stats(&w->rig).around;
}

/* ---- How many faults it saves ---- */

Test(around, new_context_of_a_known_file_takes_a_fault_per_window)
{
    static const unsigned access[] = {RIG_READ, RIG_EXEC};
    unsigned number;

    for (number = 0; number < MACHINES * 2u; number++) {
        unsigned by = access[number / MACHINES];
        struct world w;

        world_start(&w, machine(number % MACHINES));
        world_share(&w, RX, RX, RX);
        touch(&w, 0, 0, PAGES, by);
        cr_expect_eq(w.vm[0].stats.major, PAGES);
        cr_expect_eq(ahead(&w), 0, "there was nothing to be mapped ahead");
        EXPECT_SOUND(&w.rig);
        touch(&w, 1, 0, PAGES, by);
        cr_expect_eq(faults_of(&w, 1), PAGES / WINDOW, "machine %u: %ju faults", number, (uintmax_t)faults_of(&w, 1));
        cr_expect_eq(w.vm[1].stats.minor, PAGES / WINDOW);
        cr_expect_eq(ahead(&w), PAGES - PAGES / WINDOW);
        cr_expect_eq(rig_stats(&w.rig).loads, PAGES);
        END(&w.rig);
    }
}

Test(around, window_is_as_wide_as_told)
{
    uint32_t window;

    for (window = 1; window <= QUIRE_AROUND_MAX; window *= 2u) {
        struct rig_config config = {.around = window};
        struct world w;

        world_start(&w, config);
        world_share(&w, RIG_READ, RIG_READ, RIG_READ);
        touch(&w, 0, 0, PAGES, RIG_READ);
        touch(&w, 1, 0, PAGES, RIG_READ);
        cr_expect_eq(faults_of(&w, 1), PAGES / window, "window %u", window);
        END(&w.rig);
    }
}

Test(around, no_window_is_no_fault_around)
{
    struct rig_config config = {.vm_pages = 128, .pages = 96};
    struct world w;

    rig_start(&w.rig, &config);
    rig_vm_start(&w.rig, &w.vm[0]);
    rig_vm_start(&w.rig, &w.vm[1]);
    world_share(&w, RIG_READ, RIG_READ, RIG_READ);
    touch(&w, 0, 0, PAGES, RIG_READ);
    touch(&w, 1, 0, PAGES, RIG_READ);
    cr_expect_eq(faults_of(&w, 1), PAGES);
    cr_expect_eq(ahead(&w), 0);
    END(&w.rig);
}

Test(around, windows_that_are_no_power_of_two_or_too_wide_are_refused)
{
    static const uint32_t bad[] = {3, 5, 24, 63, QUIRE_AROUND_MAX * 2u, 0x80000000u, UINT32_MAX};
    struct quire_pager_config config;
    struct quire_pager pager;
    struct world w;
    size_t i;

    world_start(&w, machine(0));
    for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        config = rig_pager_config(&w.rig);
        config.policy = quire_policy_fifo_init(&w.rig.policies.fifo);
        config.around = bad[i];
        EXPECT(quire_pager_init(&pager, &config), QUIRE_INVALID);
    }
    END(&w.rig);
}

Test(around, page_brought_in_again_comes_with_what_others_have_around_it)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number));
        world_share(&w, RIG_READ, RIG_READ, RIG_READ);
        touch(&w, 0, 0, 8, RIG_READ);
        touch(&w, 1, 8, 1, RIG_READ);
        cr_expect_eq(w.vm[1].stats.major, 1);
        cr_expect_eq(entries(&w, 1, 0), 0x1ffu);
        cr_expect_eq(ahead(&w), 8);
        touch(&w, 1, 0, 9, RIG_READ);
        cr_expect_eq(faults_of(&w, 1), 1);
        END(&w.rig);
    }
}

/* ---- Where it stops ---- */

/* The second context shows pages 5..36 of the object at address 7: its windows are clipped at both ends. */
Test(around, window_is_aligned_by_address_and_clipped_to_the_area)
{
    struct quire_mapping mapping = {.first = 5, .npages = 32, .prot = RIG_READ | USER, .va = RIG_AT(7)};
    struct world w;

    world_start(&w, machine(0));
    w.store = rig_store_new(&w.rig, PAGES, RIG_READ);
    EXPECT(rig_map(&w.vm[0], &w.store->fobj, RIG_VA, RIG_READ), QUIRE_OK);
    touch(&w, 0, 0, PAGES, RIG_READ);
    mapping.fobj = &w.store->fobj;
    EXPECT(quire_vm_map(&w.vm[1], &mapping, NULL), QUIRE_OK);
    cr_expect_eq(rig_byte(&w.rig, &w.vm[1], RIG_AT(9)), rig_born(w.store->tag, 7, 0));
    cr_expect_eq(entries(&w, 1, 0), 0xff80u, "addresses 7..15");
    cr_expect_eq(rig_byte(&w.rig, &w.vm[1], RIG_AT(38)), rig_born(w.store->tag, 36, 0));
    cr_expect_eq(entries(&w, 1, 0), 0x7f0000ff80u, "and 32..38");
    cr_expect_eq(rig_byte(&w.rig, &w.vm[1], RIG_AT(16)), rig_born(w.store->tag, 14, 0));
    cr_expect_eq(entries(&w, 1, 0), 0x7fffffff80u, "and what was left");
    cr_expect_eq(faults_of(&w, 1), 3);
    EXPECT_SOUND(&w.rig);
    /* Every entry shows its own page. */
    touch(&w, 0, 0, PAGES, RIG_READ);
    cr_expect_eq(rig_byte(&w.rig, &w.vm[1], RIG_AT(15)), rig_born(w.store->tag, 13, 0));
    cr_expect_eq(rig_byte(&w.rig, &w.vm[1], RIG_AT(32)), rig_born(w.store->tag, 30, 0));
    cr_expect_eq(faults_of(&w, 1), 3);
    END(&w.rig);
}

Test(around, area_at_the_end_of_the_object_and_of_the_context_is_not_left)
{
    struct quire_mapping mapping = {.first = PAGES - 3u, .npages = 3, .prot = RIG_READ | USER, .va = RIG_AT(125)};
    struct world w;

    world_start(&w, machine(0));
    w.store = rig_store_new(&w.rig, PAGES, RIG_READ);
    EXPECT(rig_map(&w.vm[0], &w.store->fobj, RIG_VA, RIG_READ), QUIRE_OK);
    touch(&w, 0, 0, PAGES, RIG_READ);
    mapping.fobj = &w.store->fobj;
    EXPECT(quire_vm_map(&w.vm[1], &mapping, NULL), QUIRE_OK);
    cr_expect_eq(rig_byte(&w.rig, &w.vm[1], RIG_AT(127)), rig_born(w.store->tag, PAGES - 1u, 0));
    cr_expect_eq(ahead(&w), 2);
    cr_expect_eq(entries(&w, 1, 64), (uint64_t)7 << 61);
    END(&w.rig);
}

Test(around, object_of_one_area_pays_for_nothing)
{
    struct world w;
    uint64_t maps;

    world_start(&w, machine(0));
    w.store = rig_store_new(&w.rig, PAGES, RIG_READ);
    EXPECT(rig_map(&w.vm[0], &w.store->fobj, RIG_VA, RIG_READ), QUIRE_OK);
    touch(&w, 0, 0, WINDOW, RIG_READ);
    drop(&w, 0);
    maps = w.rig.sim.counts.map;
    touch(&w, 0, 0, WINDOW, RIG_READ);
    cr_expect_eq(w.rig.sim.counts.map, maps + WINDOW);
    cr_expect_eq(ahead(&w), 0);
    END(&w.rig);
}

Test(around, write_maps_only_what_it_writes)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number));
        world_share(&w, RW, RW, RW);
        touch(&w, 0, 0, WINDOW, RIG_WRITE);
        touch(&w, 1, 3, 1, RIG_WRITE);
        cr_expect_eq(entries(&w, 1, 0), 8);
        cr_expect_eq(ahead(&w), 0);
        END(&w.rig);
    }
}

Test(around, failing_map_ends_it_and_the_fault_is_served_all_the_same)
{
    unsigned number;
    uint32_t nth;

    for (number = 0; number < MACHINES; number++) {
        for (nth = 2; nth <= WINDOW; nth++) {
            struct rig_config config = machine(number);
            struct world w;

            config.tables_gift = 1;
            world_start(&w, config);
            world_share(&w, RIG_READ, RIG_READ, RIG_READ);
            touch(&w, 0, 0, WINDOW, RIG_READ);
            quire_sim_fail_map(&w.rig.sim, nth, 1);
            touch(&w, 1, WINDOW - 1u, 1, RIG_READ);
            quire_sim_fail_map(&w.rig.sim, 0, 0);
            cr_expect_eq(faults_of(&w, 1), 1);
            cr_expect_eq(w.vm[1].stats.refused, 0);
            cr_expect_eq(rig_stats(&w.rig).table_rounds, 0, "nobody looks for a table for its sake");
            cr_expect_eq(ahead(&w), nth - 2u, "the first that failed was the last that was tried");
            EXPECT_SOUND(&w.rig);
            touch(&w, 1, 0, WINDOW, RIG_READ);
            END(&w.rig);
        }
    }
}

/* Tables of 16 pages, of which there are none left but the two that are in use: no window needs another. */
Test(around, window_needs_no_page_table_but_its_own)
{
    struct rig_config config = {.table_pages = 16, .tables = 3};
    struct world w;

    world_start(&w, config);
    world_share(&w, RIG_READ, RIG_READ, RIG_READ);
    touch(&w, 0, 0, 2u * WINDOW, RIG_READ);
    touch(&w, 1, WINDOW, 1, RIG_READ);
    cr_expect_eq(w.rig.sim.counts.map_failed, 0);
    cr_expect_eq(entries(&w, 1, 0), 0xffff0000u);
    END(&w.rig);
}

/* ---- What is left out ---- */

Test(around, what_is_absent_stays_absent)
{
    struct world w;

    world_start(&w, machine(0));
    world_share(&w, RIG_READ, RIG_READ, RIG_READ);
    touch(&w, 0, 2, 3, RIG_READ);
    touch(&w, 0, 9, 1, RIG_READ);
    touch(&w, 1, 3, 1, RIG_READ);
    cr_expect_eq(entries(&w, 1, 0), 0x21cu);
    cr_expect_eq(rig_stats(&w.rig).loads, 4);
    END(&w.rig);
}

Test(around, code_not_in_sync_is_left_to_the_fault_that_runs_it)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number));
        world_share(&w, RX, RIG_READ, RX);
        touch(&w, 0, 0, WINDOW, RIG_READ); /* none of them was synced for that */
        touch(&w, 1, 0, 1, RIG_EXEC);
        cr_expect_eq(w.rig.sim.counts.sync_code, 1);
        cr_expect_eq(entries(&w, 1, 0), 1);
        touch(&w, 1, 0, WINDOW, RIG_EXEC);
        cr_expect_eq(w.rig.sim.counts.sync_code, WINDOW);
        cr_expect_eq(faults_of(&w, 1), WINDOW);
        /* Now they all are. */
        drop(&w, 1);
        touch(&w, 1, 0, WINDOW, RIG_EXEC);
        cr_expect_eq(w.rig.sim.counts.sync_code, WINDOW);
        cr_expect_eq(faults_of(&w, 1), WINDOW + 1u);
        END(&w.rig);
    }
}

Test(around, code_that_who_pinned_it_may_write_is_left_to_the_fault_that_runs_it)
{
    struct world w;
    struct quire_pin pin;

    world_start(&w, machine(0));
    world_share(&w, QUIRE_PROT_RWX, RX, RX);
    touch(&w, 0, 0, 8, RIG_EXEC);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 3, 1, true, true, &pin), QUIRE_OK);
    touch(&w, 0, 3, 1, RIG_EXEC); /* in sync as far as anybody can tell */
    touch(&w, 1, 0, 1, RIG_EXEC);
    cr_expect_eq(entries(&w, 1, 0), 0xf7u);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    END(&w.rig);
}

Test(around, code_that_can_be_written_here_is_left_out)
{
    struct quire_mapping mapping = {.prot = QUIRE_PROT_ALL, .va = RIG_VA, .wx = true};
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number));
        w.store = rig_store_new(&w.rig, WINDOW, QUIRE_PROT_RWX);
        mapping.fobj = &w.store->fobj;
        EXPECT(quire_vm_map(&w.vm[0], &mapping, NULL), QUIRE_OK);
        EXPECT(quire_vm_map(&w.vm[1], &mapping, NULL), QUIRE_OK);
        touch(&w, 0, 0, WINDOW, RIG_WRITE);
        EXPECT(rig_poke(&w.rig, &w.vm[0], RIG_VA, rig_born(w.store->tag, 0, 0)), QUIRE_OK);
        cr_expect_geq(rig_byte(&w.rig, &w.vm[1], RIG_VA), 0);
        cr_expect_eq(ahead(&w), 0);
        EXPECT_SOUND(&w.rig);
        END(&w.rig);
    }
}

/* Another context asks while a store is at work on page 1. */
static enum quire_status asks_for_page_0(struct rig_store *store, struct quire_io *io, bool load)
{
    struct world *w = store->user;
    unsigned char byte;

    if (load && io->pgidx == 1u) {
        EXPECT(rig_access(&w->rig, 1, 1, &w->vm[1], RIG_VA, RIG_READ, &byte, 1), QUIRE_OK);
        cr_expect_eq(rig_query(&w->vm[1], RIG_AT(1)).entry, 0, "the page is on its way");
        cr_expect_neq(rig_query(&w->vm[1], RIG_AT(2)).entry, 0);
        cr_expect_eq(ahead(w), 1);
    }
    return QUIRE_OK;
}

Test(around, page_in_transit_is_left_out)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct rig_config config = machine(number);
        struct world w;

        config.concurrency = 2;
        world_start(&w, config);
        world_share(&w, RIG_READ, RIG_READ, RIG_READ);
        touch(&w, 0, 0, 1, RIG_READ);
        touch(&w, 0, 2, 1, RIG_READ);
        w.store->before = asks_for_page_0;
        w.store->user = &w;
        touch(&w, 0, 1, 1, RIG_READ);
        cr_expect_eq(w.store->loads_of[1], 1);
        w.store->before = NULL;
        END(&w.rig);
    }
}

Test(around, quarantined_page_is_left_out)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number));
        world_share(&w, RIG_READ, RIG_READ, RIG_READ);
        touch(&w, 0, 0, 4, RIG_READ);
        EXPECT(quire_sim_stick(&w.rig.sim, &w.vm[0], RIG_AT(2), UINT16_MAX), QUIRE_OK);
        EXPECT(quire_vm_drop_range(&w.vm[0], RIG_VA, 4), QUIRE_STUCK);
        cr_expect_eq(rig_stats(&w.rig).stuck, 1);
        touch(&w, 0, 1, 1, RIG_READ); /* where other pages are mapped, */
        touch(&w, 0, 3, 1, RIG_READ);
        touch(&w, 1, 1, 1, RIG_READ);
        cr_expect_eq(entries(&w, 1, 0) & 4u, 0, "it is not");
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_sim_stick(&w.rig.sim, &w.vm[0], RIG_AT(2), 0), QUIRE_OK);
        EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
        touch(&w, 1, 0, 4, RIG_READ);
        END(&w.rig);
    }
}

/* ---- What an entry permits ---- */

Test(around, entry_permits_no_more_than_its_area)
{
    unsigned number;
    uint32_t i;

    for (number = 0; number < MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number));
        world_share(&w, RW, RW, RIG_READ);
        touch(&w, 0, 0, WINDOW, RIG_WRITE); /* dirty, all of them */
        cr_expect_geq(rig_byte(&w.rig, &w.vm[1], RIG_VA), 0);
        cr_expect_eq(ahead(&w), WINDOW - 1u);
        for (i = 0; i < WINDOW; i++) {
            cr_expect_eq(rig_query(&w.vm[1], RIG_AT(i)).entry & QUIRE_PROT_ALL, RIG_READ | USER);
            EXPECT(rig_poke(&w.rig, &w.vm[1], RIG_AT(i), 1), QUIRE_DENIED);
        }
        END(&w.rig);
    }
}

Test(around, entry_of_a_privileged_area_is_no_user_s)
{
    struct quire_mapping mapping = {.prot = RIG_READ, .va = RIG_VA};
    struct quire_fault fault = {.va = RIG_VA, .access = RIG_READ, .privileged = true};
    struct world w;

    world_start(&w, machine(0));
    w.store = rig_store_new(&w.rig, WINDOW, RIG_READ);
    mapping.fobj = &w.store->fobj;
    EXPECT(rig_map(&w.vm[0], &w.store->fobj, RIG_VA, RIG_READ), QUIRE_OK);
    EXPECT(quire_vm_map(&w.vm[1], &mapping, NULL), QUIRE_OK);
    touch(&w, 0, 0, WINDOW, RIG_READ);
    EXPECT(quire_pager_fault(&w.rig.pager, &w.vm[1], &fault, NULL), QUIRE_OK);
    cr_expect_eq(ahead(&w), WINDOW - 1u);
    cr_expect_eq(rig_query(&w.vm[1], RIG_AT(5)).entry & QUIRE_PROT_ALL, RIG_READ);
    EXPECT(rig_read(&w.rig, &w.vm[1], RIG_AT(5), &fault, 1), QUIRE_DENIED);
    END(&w.rig);
}

Test(around, entry_made_ahead_has_the_attributes_of_its_area)
{
    struct quire_mapping mapping = {.prot = RIG_READ | USER, .va = RIG_VA, .attr = 5};
    struct world w;

    world_start(&w, (struct rig_config){.around = 8});
    w.store = rig_store_new(&w.rig, 8, RIG_READ);
    mapping.fobj = &w.store->fobj;
    EXPECT(quire_vm_map(&w.vm[0], &mapping, NULL), QUIRE_OK);
    EXPECT(quire_vm_map(&w.vm[1], &mapping, NULL), QUIRE_OK);
    touch(&w, 0, 0, 8, RIG_READ);
    touch(&w, 1, 0, 1, RIG_READ);
    cr_expect_eq(ahead(&w), 7);
    END(&w.rig); /* the machine's oracle compares them with those of the first context's */
}

/* Of a writable area: what is dirty may be written at once, what is clean only where the hardware tells; a read-only entry in
 * between would cost a flush. */
Test(around, writable_area_gets_entries_that_can_be_written_or_none)
{
    unsigned number;
    uint32_t i;

    for (number = 0; number < MACHINES; number++) {
        bool told = number % 4u == QUIRE_SIM_HW_ACCESSED_DIRTY;
        struct world w;

        world_start(&w, machine(number));
        world_share(&w, RW, RW, RW);
        touch(&w, 0, 0, 8, RIG_READ);
        touch(&w, 0, 8, 8, RIG_WRITE);
        touch(&w, 1, 0, 1, RIG_READ);
        cr_expect_eq(entries(&w, 1, 0), told ? 0xffffu : 0xff01u);
        for (i = 1; i < WINDOW; i++) {
            struct quire_vm_info info = rig_query(&w.vm[1], RIG_AT(i));

            cr_expect(info.entry == 0 || (info.entry & QUIRE_ENTRY_WRITE) != 0);
        }
        EXPECT_SOUND(&w.rig);
        for (i = 0; i < WINDOW; i++) {
            EXPECT(rig_poke(&w.rig, &w.vm[1], RIG_AT(i), (unsigned char)i), QUIRE_OK);
        }
        cr_expect_eq(w.vm[1].stats.write, told ? 0 : 1, "the one that was read first");
        EXPECT(quire_pager_write_back(&w.rig.pager, &w.store->fobj, 0, WINDOW, false), QUIRE_OK);
        for (i = 0; i < WINDOW; i++) {
            cr_expect_eq(rig_store_page(w.store, i)[0], i, "what was written through such an entry is saved");
        }
        END(&w.rig);
    }
}

/* ---- What the policy is told ---- */

/* What the policy does when it asks for page `pgidx`: true if it was used. */
static bool age(struct world *w, uint32_t pgidx)
{
    struct quire_mmu *mmu = &w->rig.sim.mmu;
    uintptr_t key = mmu->lock(mmu->ctx);
    struct quire_batch batch;
    bool used;

    quire_batch_init(&batch);
    used = quire_rmap_age(mmu, &batch, quire_pmem_at(&w->rig.pager.pool, quire_slot_value(w->store->slots[pgidx])));
    if (!quire_batch_empty(&batch)) {
        mmu->flush(mmu->ctx, &batch);
    }
    mmu->unlock(mmu->ctx, key);
    return used;
}

Test(around, page_nobody_used_does_not_look_used)
{
    unsigned flags;

    for (flags = 0; flags < 4u; flags++) {
        bool hardware = flags <= QUIRE_SIM_HW_ACCESSED;
        struct rig_config config = {.flags = (enum quire_sim_flags)flags};
        struct world w;

        world_start(&w, config);
        world_share(&w, RIG_READ, RIG_READ, RIG_READ);
        touch(&w, 0, 0, 4, RIG_READ);
        cr_expect(age(&w, 1));
        cr_expect(age(&w, 2));
        touch(&w, 1, 0, 1, RIG_READ);
        cr_expect_eq(entries(&w, 1, 0), hardware ? 0xfu : 0x9u, "without flags of hardware it gets no entry");
        cr_expect(!age(&w, 1));
        touch(&w, 1, 2, 1, RIG_READ);
        cr_expect(age(&w, 2), "a use is seen");
        cr_expect(!age(&w, 2));
        cr_expect_eq(faults_of(&w, 1), hardware ? 1 : 2);
        END(&w.rig);
    }
}

Test(around, page_somebody_uses_does_not_look_unused)
{
    unsigned flags;

    for (flags = 0; flags < 4u; flags++) {
        struct rig_config config = {.flags = (enum quire_sim_flags)flags};
        struct world w;

        world_start(&w, config);
        world_share(&w, RIG_READ, RIG_READ, RIG_READ);
        touch(&w, 0, 0, 4, RIG_READ);
        touch(&w, 1, 0, 1, RIG_READ);
        cr_expect_eq(entries(&w, 1, 0), 0xfu);
        EXPECT(quire_vm_unmap(&w.vm[0], RIG_VA, PAGES), QUIRE_OK); /* from now on only the second context uses them */
        (void)age(&w, 1);
        cr_expect(!age(&w, 1));
        touch(&w, 1, 1, 1, RIG_READ);
        cr_expect(age(&w, 1), "flags %u", flags);
        END(&w.rig);
    }
}

/* Accessed flags that only software sets: any other entry may be the one whose flag tells that the page is in use. */
Test(around, page_in_use_is_found_through_any_of_several_contexts)
{
    struct rig_config config = {.flags = QUIRE_SIM_AF_FAULT};
    struct quire_vm more[2];
    struct world w;

    world_start(&w, config);
    world_share(&w, RIG_READ, RIG_READ, RIG_READ);
    rig_vm_start(&w.rig, &more[0]);
    rig_vm_start(&w.rig, &more[1]);
    EXPECT(rig_map(&more[0], &w.store->fobj, RIG_VA, RIG_READ), QUIRE_OK);
    EXPECT(rig_map(&more[1], &w.store->fobj, RIG_VA, RIG_READ), QUIRE_OK);
    touch(&w, 0, 0, 2, RIG_READ);
    cr_expect_geq(rig_byte(&w.rig, &w.vm[1], RIG_VA), 0);
    cr_expect_eq(entries(&w, 1, 0), 3);
    cr_expect(age(&w, 1));
    cr_expect_geq(rig_byte(&w.rig, &more[0], RIG_VA), 0);
    cr_expect_eq(rig_query(&more[0], RIG_AT(1)).entry, 0, "nobody used it since");
    touch(&w, 1, 1, 1, RIG_READ); /* which sets the flag in one of its two entries */
    EXPECT(quire_vm_drop_range(&more[0], RIG_VA, 64), QUIRE_OK);
    cr_expect_geq(rig_byte(&w.rig, &more[1], RIG_VA), 0);
    cr_expect_neq(rig_query(&more[1], RIG_AT(1)).entry, 0);
    END(&w.rig);
}

/* ---- Afterwards ---- */

/* Entries made ahead go as others do: with their page, their area, their context, their object. */
Test(around, entry_made_ahead_goes_like_any_other)
{
    unsigned number;
    uint32_t i;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = machine(number);
        struct rig_store *other;
        struct world w;

        config.pages = 20;
        world_start(&w, config);
        world_share(&w, RIG_READ, RIG_READ, RIG_READ);
        other = rig_store_new(&w.rig, 32, RW);
        EXPECT(rig_map(&w.vm[0], &other->fobj, RIG_AT(PAGES), RW), QUIRE_OK);
        touch(&w, 0, 0, WINDOW, RIG_READ);
        touch(&w, 1, 0, 1, RIG_READ);
        cr_expect_eq(ahead(&w), WINDOW - 1u);
        for (i = 0; i < 32; i++) {
            EXPECT(rig_poke(&w.rig, &w.vm[0], RIG_AT(PAGES + i), 1), QUIRE_OK);
            EXPECT_SOUND(&w.rig);
        }
        for (i = 0; i < WINDOW; i++) {
            push_out(&w.rig, w.store, i); /* what the policy has not */
        }
        cr_expect_eq(entries(&w, 1, 0) & 0xffffu, 0);
        touch(&w, 0, 0, WINDOW, RIG_READ);
        touch(&w, 1, 0, WINDOW, RIG_READ);
        EXPECT(quire_vm_protect(&w.vm[1], RIG_AT(4), 4, 0), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_pager_invalidate(&w.rig.pager, &w.store->fobj, 0, PAGES), QUIRE_OK);
        cr_expect_eq(entries(&w, 1, 0), 0);
        EXPECT_SOUND(&w.rig);
        touch(&w, 0, 0, 4, RIG_READ);
        touch(&w, 1, 0, 1, RIG_READ);
        EXPECT(rig_vm_stop(&w.rig, &w.vm[1]), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        touch(&w, 0, 0, 4, RIG_READ);
        END(&w.rig);
    }
}

/* ---- What it must not hide ---- */

/* Dirty pages are mapped writable ahead: but then nobody would see who writes there first. */
Test(around, nothing_is_writable_ahead_where_writes_are_logged)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct world w;
        uint32_t bits[2];
        uint32_t out[2];

        world_start(&w, machine(number));
        world_share(&w, RW, RW, RW);
        touch(&w, 0, 0, PAGES, RIG_WRITE);
        EXPECT(quire_vm_log_start(&w.vm[1], RIG_VA, PAGES, bits), QUIRE_OK);
        EXPECT(quire_pager_write_back(&w.rig.pager, &w.store->fobj, 3, 1, true), QUIRE_OK);
        EXPECT(rig_access(&w.rig, 0, 0, &w.vm[1], RIG_AT(0), RIG_READ, &(unsigned char){0}, 1), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        EXPECT(rig_access(&w.rig, 0, 0, &w.vm[1], RIG_AT(5), RIG_WRITE, &(unsigned char){9}, 1), QUIRE_OK);
        EXPECT(quire_vm_log_read(&w.vm[1], RIG_VA, PAGES, false, out), QUIRE_OK);
        cr_expect_eq(out[0], 0x20, "machine %u: %#x", number, out[0]);
        cr_expect_eq(out[1], 0);
        EXPECT(quire_vm_log_stop(&w.vm[1]), QUIRE_OK);
        END(&w.rig);
    }
}
