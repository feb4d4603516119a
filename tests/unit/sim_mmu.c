/* sim_mmu.h: what the simulated machine's hooks do, and how they fail when told to. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "bare_machine.h"

static enum quire_status unreachable(void *user, struct quire_vm *of, uintptr_t va)
{
    (void)user;
    (void)of;
    (void)va;
    return QUIRE_IO;
}

static void no_wait(void *user, const void *token, uintptr_t key)
{
    (void)user;
    (void)token;
    (void)key;
}

static void no_wake(void *user, const void *token)
{
    (void)user;
    (void)token;
}

static uintptr_t some_lock(void *user)
{
    (void)user;
    return 0;
}

/* ---- Set-up ---- */

Test(sim_mmu, init_refuses_a_machine_that_cannot_be)
{
    struct quire_sim_config config = usual();
    unsigned i;

    cr_assert_eq(quire_sim_init(NULL, &config), QUIRE_INVALID);
    cr_assert_eq(quire_sim_init(&sim, NULL), QUIRE_INVALID);
    for (i = 0; i < 13; i++) {
        config = usual();
        config.cpus = i == 0 ? 0u : i == 1 ? 65u : config.cpus;
        config.vms = i == 2 ? 0u : config.vms;
        config.pages = i == 3 ? 0u : config.pages;
        config.entries = i == 4 ? 0u : config.entries;
        config.storage = i == 5 ? NULL : config.storage;
        config.pa.addr += i == 6 ? 8u : 0u;
        config.pa.addr = i == 7 ? UINT64_MAX - QUIRE_PAGE_MASK : config.pa.addr;
        config.wait = i == 8 || i == 9 ? no_wait : NULL;
        config.wake = i == 9 ? no_wake : NULL;
        config.lockless = i == 9;
        config.lock = i == 10 ? some_lock : NULL;
        config.flags = i == 11 ? (enum quire_sim_flags)(QUIRE_SIM_NO_FLAGS + 1) : config.flags;
        if (i == 12) {
            config.bytes--;
        }
        cr_assert_eq(quire_sim_init(&sim, &config), i == 12 ? QUIRE_NO_MEMORY : QUIRE_INVALID, "case %u", i);
    }
}

Test(sim_mmu, storage_may_begin_anywhere)
{
    struct quire_sim_config config = usual();
    unsigned char *block = (unsigned char *)malloc(sizeof storage + 3);

    cr_assert_not_null(block);
    config.storage = block + 3;
    start(&config);
    cr_assert_eq((uintptr_t)sim.memory & QUIRE_PAGE_MASK, 0u);
    cr_assert_leq((uintptr_t)(sim.table + ENTRIES), (uintptr_t)(block + 3 + sizeof storage));
    memset(sim.memory, 1, PAGES * QUIRE_PAGE_SIZE);
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(read_by(CPUS - 1u, &vm[0], 0), QUIRE_SIM_DONE);
    free(block);
}

Test(sim_mmu, hooks_are_complete_and_tell_what_the_hardware_does)
{
    static const unsigned features[] = {QUIRE_MMU_HW_ACCESSED | QUIRE_MMU_HW_DIRTY, QUIRE_MMU_HW_ACCESSED, 0, 0};
    struct quire_sim_config config = usual();
    unsigned i;

    for (i = 0; i < 8; i++) {
        config.flags = (enum quire_sim_flags)(i % 4u);
        config.flush_unlocked = i >= 4;
        cr_assert_eq(quire_sim_init(&sim, &config), QUIRE_OK);
        cr_assert_eq(quire_sim_hooks(&sim), &sim.mmu);
        cr_assert(quire_mmu_valid(quire_sim_hooks(&sim)));
        cr_assert_eq(sim.mmu.features, features[i % 4u] | (i >= 4 ? QUIRE_MMU_FLUSH_UNLOCKED : 0u));
        cr_assert_eq(sim.mmu.age == NULL, config.flags == QUIRE_SIM_NO_FLAGS);
        cr_assert_null(sim.mmu.wait);
    }
}

Test(sim_mmu, each_context_has_its_own_addresses)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    cr_assert_eq(quire_sim_add_vm(&sim, &vm[0], BASE, 1), QUIRE_EXISTS);
    cr_assert_eq(quire_sim_add_vm(&sim, NULL, BASE, 1), QUIRE_INVALID);
    cr_assert_eq(quire_sim_add_vm(&sim, &vm[2], BASE + 1u, 1), QUIRE_INVALID);
    cr_assert_eq(quire_sim_add_vm(&sim, &vm[2], BASE, WINDOW + 1u), QUIRE_NO_MEMORY);
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    cr_assert_eq(read_by(0, &vm[1], 0), QUIRE_SIM_TRANSLATION_FAULT);
    cr_assert_eq(read_by(0, &vm[2], 0), QUIRE_SIM_TRANSLATION_FAULT);
    saw_nothing();
}

Test(sim_mmu, window_given_back_serves_the_next_context)
{
    struct quire_vm others[8];
    unsigned i;

    start_with(QUIRE_SIM_HW_ACCESSED);
    cr_assert_eq(quire_sim_remove_vm(&sim, &vm[2]), QUIRE_NOT_FOUND);
    for (i = 0; i < 8; i++) {
        cr_assert_eq(quire_sim_remove_vm(&sim, i == 0 ? &vm[1] : &others[i - 1u]), QUIRE_OK);
        cr_assert_eq(quire_sim_add_vm(&sim, &others[i], BASE, WINDOW), QUIRE_OK);
    }
    cr_assert_eq(quire_sim_add_vm(&sim, &vm[1], BASE, WINDOW), QUIRE_OK);
    cr_assert_eq(quire_sim_add_vm(&sim, &vm[2], BASE, 1), QUIRE_NO_MEMORY);
    saw_nothing();
}

Test(sim_mmu, window_may_end_at_the_top_of_the_address_space)
{
    uintptr_t top = UINTPTR_MAX - QUIRE_PAGE_MASK;
    struct quire_batch batch;
    unsigned char byte = 0;

    start_with(QUIRE_SIM_HW_ACCESSED);
    cr_assert_eq(quire_sim_add_vm(&sim, &vm[2], top, 2), QUIRE_INVALID);
    cr_assert_eq(quire_sim_add_vm(&sim, &vm[2], top, 1), QUIRE_OK);
    quire_batch_init(&batch);
    lock();
    cr_assert_eq(sim.mmu.map(&sim, &vm[2], top, pa_of(0), 1, RO, 0), QUIRE_OK);
    cr_assert_eq(quire_sim_access(&sim, 0, &vm[2], UINTPTR_MAX, QUIRE_PROT_READ, false, &byte, 1), QUIRE_SIM_DONE);
    cr_assert_neq(sim.mmu.unmap(&sim, &vm[2], top, 1, &batch), 0u);
    quire_batch_add(&batch, &vm[2], top);
    sim.mmu.flush(&sim, &batch);
    sim.mmu.table_gone(&sim, &vm[2], top, 1);
    unlock();
    cr_assert_eq(sim.tables_used, 0u);
    saw_nothing();
}

Test(sim_mmu, bytes_are_those_of_physical_memory)
{
    unsigned char byte = 0x77;

    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 3, RW);
    cr_assert_eq(quire_sim_access(&sim, 0, &vm[0], va_of(0) + 9u, QUIRE_PROT_WRITE, false, &byte, 1), QUIRE_SIM_DONE);
    cr_assert_eq(*quire_sim_bytes(&sim, quire_pa_make(pa_of(3).addr + 9u)), 0x77);
    cr_assert_null(quire_sim_bytes(&sim, pa_of(PAGES)));
    cr_assert_null(quire_sim_bytes(&sim, quire_pa_make(pa_of(0).addr - 1u)));
}

/* ---- Entries ---- */

Test(sim_mmu, entry_is_what_map_made)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    cr_assert_eq(query(&vm[0], 4), 0u);
    cr_assert_eq(sim.mmu.map(&sim, &vm[0], va_of(4), pa_of(2), 3, RO, 0), QUIRE_OK);
    cr_assert_eq(query(&vm[0], 3), 0u);
    cr_assert_eq(query(&vm[0], 4), RO | QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED);
    cr_assert_eq(query(&vm[0], 6), RO | QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED);
    cr_assert_eq(query(&vm[0], 7), 0u);
    cr_assert_eq(sim.page[2].entries, 1u);
    cr_assert_eq(sim.page[4].entries, 1u);
    cr_assert_eq(unmap(&vm[0], 5), RO | QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED);
    cr_assert_eq(unmap(&vm[0], 5), 0u);
    cr_assert_eq(query(&vm[0], 5), 0u);
    cr_assert_eq(sim.counts.unmap, 2u);
    cr_assert_eq(sim.counts.unmap_none, 1u);
    unlock();
    saw_nothing();
}

Test(sim_mmu, reduce_takes_away_and_reports_dirty_once)
{
    start_with(QUIRE_SIM_HW_ACCESSED_DIRTY);
    show(&vm[0], 0, 0, RW);
    cr_assert_eq(write_by(0, &vm[0], 0, 1), QUIRE_SIM_DONE);
    lock();
    cr_assert_eq(reduce(&vm[0], 1, RO), 0u);
    cr_assert_eq(reduce(&vm[0], 0, RWX), RW | QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED | QUIRE_ENTRY_DIRTY);
    flush(&vm[0], 0);
    cr_assert_eq(reduce(&vm[0], 0, RO), RW | QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED);
    cr_assert_eq(query(&vm[0], 0), RO | QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED);
    cr_assert_eq(sim.page[0].writable, 0u);
    unlock();
    saw_nothing();
}

Test(sim_mmu, clearing_the_dirty_flag_alone_needs_a_flush)
{
    start_with(QUIRE_SIM_HW_ACCESSED_DIRTY);
    show(&vm[0], 0, 0, RW);
    cr_assert_eq(write_by(0, &vm[0], 0, 1), QUIRE_SIM_DONE);
    lock();
    (void)reduce(&vm[0], 0, RW);
    unlock();
    saw(QUIRE_SIM_UNLOCK_STALE);
}

Test(sim_mmu, age_tests_and_clears_the_accessed_flag)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 0, RO);
    lock();
    cr_assert(sim.mmu.age(&sim, &vm[0], va_of(0)));
    cr_assert_not(sim.mmu.age(&sim, &vm[0], va_of(0)));
    cr_assert_not(sim.mmu.age(&sim, &vm[0], va_of(1)));
    cr_assert_eq(query(&vm[0], 0), RO | QUIRE_ENTRY_PRESENT);
    unlock();
    saw_nothing();
}

/* ---- Flush ---- */

static void remembered_by_all(void)
{
    struct quire_vm *of[2];
    unsigned i;

    of[0] = &vm[0];
    of[1] = &vm[1];
    for (i = 0; i < 8; i++) {
        cr_assert_eq(read_by(i & 1u, of[(i >> 1) & 1u], i >> 2), QUIRE_SIM_DONE);
    }
    cr_assert_eq(sim.page[0].slots, 4u);
    cr_assert_eq(sim.page[1].slots, 4u);
}

Test(sim_mmu, flush_reaches_what_the_batch_names_on_every_processor_and_nothing_else)
{
    struct quire_batch batch;
    unsigned i;

    start_with(QUIRE_SIM_HW_ACCESSED);
    for (i = 0; i < 4; i++) {
        show(&vm[i & 1u], i >> 1, i >> 1, RO);
    }
    lock();
    remembered_by_all();
    quire_batch_init(&batch);
    sim.mmu.flush(&sim, &batch);
    cr_assert_eq(sim.counts.flush_empty, 1u);
    cr_assert_eq(sim.counts.flushed_slots, 0u);
    quire_batch_add(&batch, &vm[0], va_of(0));
    quire_batch_add(&batch, &vm[2], va_of(0));
    sim.mmu.flush(&sim, &batch);
    cr_assert_eq(sim.page[0].slots, 2u);
    cr_assert_eq(sim.page[1].slots, 4u);
    batch.scope = QUIRE_BATCH_VM;
    batch.vm = &vm[1];
    sim.mmu.flush(&sim, &batch);
    cr_assert_eq(sim.page[0].slots, 0u);
    cr_assert_eq(sim.page[1].slots, 2u);
    batch.vm = &vm[2];
    sim.mmu.flush(&sim, &batch);
    cr_assert_eq(sim.page[1].slots, 2u);
    batch.scope = QUIRE_BATCH_ALL;
    sim.mmu.flush(&sim, &batch);
    cr_assert_eq(sim.page[1].slots, 0u);
    cr_assert_eq(sim.counts.flush, 5u);
    cr_assert_eq(sim.counts.flush_vm, 2u);
    cr_assert_eq(sim.counts.flush_all, 1u);
    cr_assert_eq(sim.counts.flushed_slots, 8u);
    unlock();
    saw_nothing();
}

static unsigned seen_in_flush;

static void use_it_while_it_is_flushed(void *user, const struct quire_batch *batch)
{
    (void)user;
    cr_assert_not(quire_batch_empty(batch));
    seen_in_flush += read_by(0, &vm[0], 0) == QUIRE_SIM_DONE ? 1u : 0u;
}

Test(sim_mmu, other_processors_may_use_a_translation_until_its_unlocked_flush_ends)
{
    struct quire_sim_config config = usual();

    config.flush_unlocked = true;
    config.flushing = use_it_while_it_is_flushed;
    start(&config);
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    lock();
    (void)unmap(&vm[0], 0);
    unlock();
    flush(&vm[0], 0);
    cr_assert_eq(seen_in_flush, 1u);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_TRANSLATION_FAULT);
    saw_nothing();
}

/* ---- Code ---- */

Test(sim_mmu, syncing_what_is_in_sync_is_counted)
{
    void *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    sync_page(0);
    cr_assert_eq(sim.counts.sync_again, 0u);
    sync_page(0);
    cr_assert_eq(sim.counts.sync_again, 1u);
    alias = sim.mmu.alias_get(&sim, pa_of(0));
    memset(alias, 1, 1);
    sim.mmu.alias_put(&sim, pa_of(0), alias);
    sync_page(0);
    cr_assert_eq(sim.counts.sync_again, 1u);
    cr_assert_eq(sim.page[0].syncs, 3u);
    unlock();
    saw_nothing();
}

Test(sim_mmu, syncing_part_of_a_page_does_not_make_all_of_it_known)
{
    void *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    alias = sim.mmu.alias_get(&sim, pa_of(0));
    sim.mmu.sync_code(&sim, alias, BASE, 64);
    sim.mmu.alias_put(&sim, pa_of(0), alias);
    (void)map(&vm[0], 0, 0, RX);
    saw(QUIRE_SIM_MAP_UNSYNCED);
}

/* ---- Tables ---- */

static struct quire_sim_config with_tables(uint32_t n)
{
    struct quire_sim_config config = usual();

    config.table_pages = 4;
    config.tables = n;
    return config;
}

Test(sim_mmu, map_without_a_table_installs_nothing)
{
    struct quire_sim_config config = with_tables(2);

    start(&config);
    lock();
    cr_assert_eq(sim.mmu.map(&sim, &vm[0], va_of(2), pa_of(0), 8, RO, 0), QUIRE_NO_TABLE);
    cr_assert_eq(query(&vm[0], 2), 0u);
    cr_assert_eq(sim.tables_used, 0u);
    cr_assert_eq(map(&vm[0], 0, 0, RO), QUIRE_OK);
    cr_assert_eq(map(&vm[0], 3, 0, RO), QUIRE_OK);
    cr_assert_eq(sim.tables_used, 1u);
    cr_assert_eq(map(&vm[1], 0, 0, RO), QUIRE_OK);
    cr_assert_eq(map(&vm[0], 4, 0, RO), QUIRE_NO_TABLE);
    cr_assert_eq(map(&vm[0], 1, 0, RO), QUIRE_OK);
    cr_assert_eq(sim.counts.map_failed, 2u);
    unlock();
    quire_sim_give_tables(&sim, 1);
    show(&vm[0], 4, 0, RO);
    saw_nothing();
}

Test(sim_mmu, tables_follow_addresses_and_not_the_window)
{
    struct quire_sim_config config = with_tables(8);

    cr_assert_eq(quire_sim_init(&sim, &config), QUIRE_OK);
    cr_assert_eq(quire_sim_add_vm(&sim, &vm[0], va_of(3), 6), QUIRE_OK);
    show(&vm[0], 3, 0, RO);
    cr_assert_eq(sim.tables_used, 1u);
    show(&vm[0], 4, 0, RO);
    show(&vm[0], 7, 0, RO);
    cr_assert_eq(sim.tables_used, 2u);
    show(&vm[0], 8, 0, RO);
    cr_assert_eq(sim.tables_used, 3u);
    hide(&vm[0], 3);
    hide(&vm[0], 4);
    hide(&vm[0], 7);
    hide(&vm[0], 8);
    cr_assert_eq(quire_sim_remove_vm(&sim, &vm[0]), QUIRE_OK);
    cr_assert_eq(sim.tables_used, 0u);
    saw_nothing();
}

Test(sim_mmu, table_gone_recycles_the_tables_that_the_range_covers)
{
    struct quire_sim_config config = with_tables(4);
    uint32_t i;

    start(&config);
    for (i = 0; i < 4; i++) {
        show(&vm[0], 4u * i, 0, RO);
        hide(&vm[0], 4u * i);
    }
    cr_assert_eq(sim.tables_used, 4u);
    lock();
    sim.mmu.table_gone(&sim, &vm[0], va_of(1), 3);
    cr_assert_eq(sim.tables_used, 4u, "page 0 is in that table too");
    sim.mmu.table_gone(&sim, &vm[0], va_of(1), 9);
    cr_assert_eq(sim.tables_used, 3u, "only pages 4 to 7 are a whole table");
    sim.mmu.table_gone(&sim, &vm[0], va_of(7), 9);
    cr_assert_eq(sim.tables_used, 1u);
    sim.mmu.table_gone(&sim, &vm[0], va_of(0) - 2u * QUIRE_PAGE_SIZE, WINDOW * 2u);
    cr_assert_eq(sim.tables_used, 0u);
    cr_assert_eq(sim.tables_left, 4u);
    sim.mmu.table_gone(&sim, &vm[0], va_of(WINDOW), 4);
    unlock();
    saw_nothing();
    lock();
    sim.mmu.table_gone(&sim, &vm[2], va_of(0), 4);
    saw(QUIRE_SIM_NO_SUCH_ADDRESS);
}

Test(sim_mmu, need_tables_gives_asks_or_fails)
{
    struct quire_sim_config config = with_tables(1);

    start(&config);
    cr_assert_eq(sim.mmu.need_tables(&sim, &vm[0], va_of(0)), QUIRE_NO_TABLE);
    config.tables_gift = 2;
    start(&config);
    cr_assert_eq(sim.mmu.need_tables(&sim, &vm[0], va_of(0)), QUIRE_OK);
    cr_assert_eq(sim.tables_left, 3u);
    quire_sim_fail_tables(&sim, 1);
    cr_assert_eq(sim.mmu.need_tables(&sim, &vm[0], va_of(0)), QUIRE_NO_TABLE);
    cr_assert_eq(sim.mmu.need_tables(&sim, &vm[0], va_of(0)), QUIRE_OK);
    config.need_tables = unreachable;
    start(&config);
    cr_assert_eq(sim.mmu.need_tables(&sim, &vm[0], va_of(0)), QUIRE_IO);
    quire_sim_fail_tables(&sim, UINT32_MAX);
    cr_assert_eq(sim.mmu.need_tables(&sim, &vm[0], va_of(0)), QUIRE_NO_TABLE);
    cr_assert_eq(sim.mmu.need_tables(&sim, &vm[0], va_of(0)), QUIRE_NO_TABLE);
    cr_assert_eq(sim.counts.need_tables, 3u);
    saw_nothing();
}

/* ---- Failures on command ---- */

Test(sim_mmu, nth_map_fails_so_often_as_told)
{
    unsigned i;

    start_with(QUIRE_SIM_HW_ACCESSED);
    quire_sim_fail_map(&sim, 3, 2);
    lock();
    for (i = 0; i < 6; i++) {
        cr_assert_eq(map(&vm[0], i, i, RO), i == 2 || i == 3 ? QUIRE_NO_TABLE : QUIRE_OK, "map %u", i);
        cr_assert_eq(query(&vm[0], i) == 0, i == 2 || i == 3);
    }
    unlock();
    quire_sim_fail_map(&sim, 1, UINT32_MAX);
    lock();
    for (i = 6; i < 12; i++) {
        cr_assert_eq(map(&vm[0], i, 0, RO), QUIRE_NO_TABLE);
    }
    unlock();
    quire_sim_fail_map(&sim, 0, 0);
    show(&vm[0], 6, 0, RO);
    saw_nothing();
}

Test(sim_mmu, unmap_is_refused_as_often_as_told_and_leaves_the_entry)
{
    unsigned present = RO | QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED;

    start_with(QUIRE_SIM_HW_ACCESSED);
    cr_assert_eq(quire_sim_stick(&sim, &vm[0], va_of(WINDOW), 1), QUIRE_NOT_FOUND);
    cr_assert_eq(quire_sim_stick(&sim, &vm[0], va_of(1), 2), QUIRE_OK);
    lock();
    cr_assert_eq(unmap(&vm[0], 1), 0u, "there is no entry to refuse");
    cr_assert_eq(sim.mmu.map(&sim, &vm[0], va_of(0), pa_of(0), 2, RO, 0), QUIRE_OK);
    cr_assert_eq(unmap(&vm[0], 1), present | QUIRE_ENTRY_STUCK);
    cr_assert_eq(query(&vm[0], 1), present);
    cr_assert_eq(sim.mmu.unmap(&sim, &vm[0], va_of(0), 2, NULL), present | QUIRE_ENTRY_STUCK);
    cr_assert_eq(query(&vm[0], 0), present);
    cr_assert_eq(unmap(&vm[0], 1), present);
    cr_assert_eq(sim.counts.stuck, 2u);
    unlock();
    saw_nothing();
}

Test(sim_mmu, unmap_can_be_refused_for_ever_until_told_otherwise)
{
    unsigned i;

    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(quire_sim_stick(&sim, &vm[0], va_of(0), UINT32_MAX), QUIRE_OK);
    lock();
    for (i = 0; i < 70000; i++) {
        cr_assert_neq(unmap(&vm[0], 0) & QUIRE_ENTRY_STUCK, 0u);
    }
    unlock();
    cr_assert_eq(quire_sim_stick(&sim, &vm[0], va_of(0), 0), QUIRE_OK);
    hide(&vm[0], 0);
    saw_nothing();
}

Test(sim_mmu, hook_of_the_users_can_call_the_original)
{
    struct quire_mmu mine;

    start_with(QUIRE_SIM_HW_ACCESSED);
    mine = *quire_sim_hooks(&sim);
    lock();
    cr_assert_eq(mine.map(mine.ctx, &vm[0], va_of(0), pa_of(0), 1, RO, 0), QUIRE_OK);
    unlock();
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    saw_nothing();
}
