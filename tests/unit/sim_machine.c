/* sim_machine.h: each rule of the oracle is broken once, by hand, and kept once. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <pthread.h>

#include "bare_machine.h"

Test(sim_machine, every_rule_has_words_of_its_own)
{
    unsigned i;
    unsigned j;

    for (i = 1; i < QUIRE_SIM_RULES; i++) {
        cr_assert_gt(strlen(quire_sim_rule_text((enum quire_sim_rule)i)), 10u);
        for (j = 1; j < i; j++) {
            cr_assert_str_neq(quire_sim_rule_text((enum quire_sim_rule)i), quire_sim_rule_text((enum quire_sim_rule)j));
        }
    }
    cr_assert_str_eq(quire_sim_rule_text(QUIRE_SIM_NO_RULE), "?");
    cr_assert_str_eq(quire_sim_rule_text(QUIRE_SIM_RULES), "?");
}

Test(sim_machine, first_violation_is_kept_with_its_place_and_the_rest_are_counted)
{
    const struct quire_sim_violation *seen;

    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[1], 3, 5, RW);
    cr_assert_eq(read_by(1, &vm[1], 3), QUIRE_SIM_DONE);
    lock();
    (void)unmap(&vm[1], 3);
    unlock();
    (void)read_by(1, &vm[1], 3);
    seen = quire_sim_first_violation(&sim);
    cr_assert_not_null(seen);
    cr_assert_eq(seen->rule, QUIRE_SIM_UNLOCK_STALE);
    cr_assert_eq(seen->cpu, 1u);
    cr_assert_eq(seen->vm, &vm[1]);
    cr_assert_eq(seen->va, va_of(3));
    cr_assert_eq(seen->pa.addr, pa_of(5).addr);
    cr_assert_gt(seen->step, 0u);
    cr_assert_str_eq(seen->what, quire_sim_rule_text(QUIRE_SIM_UNLOCK_STALE));
    cr_assert_eq(sim.violations, 2u);
    quire_sim_forgive(&sim);
    saw_nothing();
}

/* ---- The lock ---- */

static void ignore_wait(void *user, const void *token, uintptr_t key)
{
    (void)user;
    (void)token;
    (void)key;
}

static void ignore_wake(void *user, const void *token)
{
    (void)user;
    (void)token;
}

/* Calls one hook of those that must have the lock. */
static void call_hook(unsigned which, void *alias)
{
    struct quire_batch batch;

    quire_batch_init(&batch);
    switch (which) {
    case 0:
        (void)map(&vm[0], 1, 1, RW);
        break;
    case 1:
        (void)unmap(&vm[0], 1);
        break;
    case 2:
        (void)query(&vm[0], 0);
        break;
    case 3:
        (void)reduce(&vm[0], 0, RO);
        break;
    case 4:
        (void)sim.mmu.age(&sim, &vm[0], va_of(0));
        break;
    case 5:
        sim.mmu.flush(&sim, &batch);
        break;
    case 6:
        sim.mmu.sync_code(&sim, alias, va_of(0), QUIRE_PAGE_SIZE);
        break;
    case 7:
        (void)sim.mmu.alias_get(&sim, pa_of(0));
        break;
    case 8:
        sim.mmu.alias_put(&sim, pa_of(0), alias);
        break;
    case 9:
        sim.mmu.table_gone(&sim, &vm[0], va_of(8), 1);
        break;
    case 10:
        sim.mmu.wait(&sim, &vm[0], 0);
        break;
    default:
        sim.mmu.wake(&sim, &vm[0]);
        break;
    }
}

Test(sim_machine, hooks_need_the_lock)
{
    struct quire_sim_config config = usual();
    unsigned which;
    void *alias;

    config.wait = ignore_wait;
    config.wake = ignore_wake;
    start(&config);
    show(&vm[0], 0, 0, RW);
    for (which = 0; which < 12; which++) {
        lock();
        alias = sim.mmu.alias_get(&sim, pa_of(0));
        call_hook(which, alias);
        unlock();
        saw_nothing();
        call_hook(which, alias);
        saw(QUIRE_SIM_LOCK_MISSING);
    }
}

Test(sim_machine, a_machine_without_locks_asks_for_none)
{
    struct quire_sim_config config = usual();
    unsigned which;
    void *alias;

    config.lockless = true;
    start(&config);
    cr_assert_null(sim.mmu.lock);
    cr_assert_null(sim.mmu.unlock);
    cr_assert_eq(map(&vm[0], 0, 0, RW), QUIRE_OK);
    for (which = 0; which < 10; which++) {
        alias = sim.mmu.alias_get(&sim, pa_of(0));
        call_hook(which, alias);
        saw_nothing();
    }
}

Test(sim_machine, need_tables_must_not_have_the_lock)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    (void)sim.mmu.need_tables(&sim, &vm[0], va_of(0));
    saw_nothing();
    lock();
    (void)sim.mmu.need_tables(&sim, &vm[0], va_of(0));
    saw(QUIRE_SIM_LOCK_HELD);
}

Test(sim_machine, unlocked_flush_must_not_have_the_lock)
{
    start_unlocked();
    flush(&vm[0], 0);
    saw_nothing();
    lock();
    flush(&vm[0], 0);
    saw(QUIRE_SIM_LOCK_HELD);
}

Test(sim_machine, stores_must_not_have_the_lock)
{
    void *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    alias = sim.mmu.alias_get(&sim, pa_of(0));
    quire_sim_load_begin(&sim, alias, true);
    saw(QUIRE_SIM_LOCK_HELD);
    unlock();
    quire_sim_load_end(&sim, alias, true);
    saw_nothing();
    lock();
    quire_sim_save_begin(&sim, alias);
    saw(QUIRE_SIM_LOCK_HELD);
}

Test(sim_machine, lock_is_taken_once_and_given_back_once)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    unlock();
    saw(QUIRE_SIM_LOCK_TWICE);
    lock();
    lock();
    saw(QUIRE_SIM_LOCK_TWICE);
    cr_assert_not(quire_sim_settled(&sim));
    saw(QUIRE_SIM_LOCK_TWICE);
    unlock();
    cr_assert(quire_sim_settled(&sim));
}

Test(sim_machine, removal_is_flushed_before_the_lock_is_dropped)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 0, RW);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    lock();
    (void)unmap(&vm[0], 0);
    flush(&vm[0], 0);
    unlock();
    saw_nothing();
    show(&vm[0], 0, 0, RW);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    lock();
    (void)unmap(&vm[0], 0);
    flush(&vm[0], 1);
    flush(&vm[1], 0);
    unlock();
    saw(QUIRE_SIM_UNLOCK_STALE);
}

Test(sim_machine, reduction_is_flushed_before_the_lock_is_dropped)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 0, RW);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    lock();
    (void)reduce(&vm[0], 0, RW);
    unlock();
    saw_nothing();
    lock();
    (void)reduce(&vm[0], 0, RO);
    unlock();
    saw(QUIRE_SIM_UNLOCK_STALE);
}

Test(sim_machine, wait_drops_the_lock_too)
{
    struct quire_sim_config config = usual();

    config.wait = ignore_wait;
    config.wake = ignore_wake;
    start(&config);
    show(&vm[0], 0, 0, RW);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    lock();
    sim.mmu.wait(&sim, &vm[0], 0);
    saw_nothing();
    (void)unmap(&vm[0], 0);
    sim.mmu.wait(&sim, &vm[0], 0);
    saw(QUIRE_SIM_UNLOCK_STALE);
    flush(&vm[0], 0);
    unlock();
    saw_nothing();
}

Test(sim_machine, unlocked_flush_may_come_after_the_lock_was_dropped)
{
    start_unlocked();
    show(&vm[0], 0, 0, RW);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    lock();
    (void)unmap(&vm[0], 0);
    unlock();
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE, "other processors may still use it");
    saw_nothing();
    flush(&vm[0], 0);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_TRANSLATION_FAULT);
    cr_assert(quire_sim_settled(&sim));
}

/* ---- map ---- */

Test(sim_machine, hooks_name_only_what_is_there)
{
    unsigned i;
    struct quire_pa beyond;

    start_with(QUIRE_SIM_HW_ACCESSED);
    beyond = pa_of(PAGES);
    lock();
    for (i = 0; i < 8; i++) {
        switch (i) {
        case 0:
            cr_assert_eq(map(&vm[2], 0, 0, RW), QUIRE_NO_TABLE);
            break;
        case 1:
            cr_assert_eq(map(&vm[0], WINDOW, 0, RW), QUIRE_NO_TABLE);
            break;
        case 2:
            cr_assert_eq(sim.mmu.map(&sim, &vm[0], va_of(0), beyond, 1, RW, 0), QUIRE_NO_TABLE);
            break;
        case 3:
            cr_assert_eq(sim.mmu.map(&sim, &vm[0], va_of(0), pa_of(PAGES - 1u), 2, RW, 0), QUIRE_NO_TABLE);
            break;
        case 4:
            cr_assert_eq(sim.mmu.map(&sim, &vm[0], va_of(0) + 8u, pa_of(0), 1, RW, 0), QUIRE_NO_TABLE);
            break;
        case 5:
            cr_assert_eq(unmap(&vm[2], 0), 0u);
            break;
        case 6:
            cr_assert_eq(query(&vm[0], WINDOW), 0u);
            break;
        default:
            cr_assert_not_null(sim.mmu.alias_get(&sim, beyond));
            break;
        }
        saw(QUIRE_SIM_NO_SUCH_ADDRESS);
    }
}

Test(sim_machine, map_never_meets_a_valid_entry)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 0, RO);
    lock();
    (void)map(&vm[0], 0, 0, RW);
    saw(QUIRE_SIM_MAP_OVER_ENTRY);
    (void)unmap(&vm[0], 0);
    (void)map(&vm[0], 0, 0, RW);
    saw_nothing();
    (void)map(&vm[0], 0, 0, RW);
    saw(QUIRE_SIM_MAP_OVER_ENTRY);
}

Test(sim_machine, map_may_set_a_lost_accessed_flag_again)
{
    start_with(QUIRE_SIM_AF_FAULT);
    show(&vm[0], 0, 0, RO);
    lock();
    cr_assert(sim.mmu.age(&sim, &vm[0], va_of(0)));
    cr_assert_eq(map(&vm[0], 0, 0, RO), QUIRE_OK);
    saw_nothing();
    cr_assert_eq(sim.counts.map_accessed, 1u);
    cr_assert_neq(query(&vm[0], 0) & QUIRE_ENTRY_ACCESSED, 0u);
    (void)sim.mmu.age(&sim, &vm[0], va_of(0));
    (void)map(&vm[0], 0, 0, RW);
    saw(QUIRE_SIM_MAP_OVER_ENTRY);
    (void)sim.mmu.age(&sim, &vm[0], va_of(0));
    (void)map(&vm[0], 0, 1, RW);
    saw(QUIRE_SIM_MAP_OVER_ENTRY);
}

Test(sim_machine, map_comes_after_every_processor_forgot_the_entry_before)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(read_by(1, &vm[0], 0), QUIRE_SIM_DONE);
    lock();
    (void)unmap(&vm[0], 0);
    flush(&vm[0], 0);
    (void)map(&vm[0], 0, 0, RW);
    unlock();
    saw_nothing();
    cr_assert_eq(read_by(1, &vm[0], 0), QUIRE_SIM_DONE);
    lock();
    (void)unmap(&vm[0], 0);
    (void)map(&vm[0], 0, 0, RW);
    saw(QUIRE_SIM_MAP_OVER_TLB);
}

static unsigned only_reading(void *user, struct quire_vm *of, uintptr_t va)
{
    (void)user;
    return of == &vm[0] && va == va_of(0) ? RO : 0u;
}

Test(sim_machine, entry_permits_no_more_than_it_may)
{
    struct quire_sim_config config = usual();

    config.permits = only_reading;
    start(&config);
    lock();
    (void)map(&vm[0], 0, 0, RO);
    saw_nothing();
    (void)map(&vm[0], 1, 0, RO);
    saw(QUIRE_SIM_MAP_PERMISSIVE);
    (void)unmap(&vm[0], 0);
    (void)map(&vm[0], 0, 0, RW);
    saw(QUIRE_SIM_MAP_PERMISSIVE);
}

Test(sim_machine, entry_permits_something_that_exists)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    (void)map(&vm[0], 0, 0, QUIRE_PROT_USER);
    saw(QUIRE_SIM_MAP_PERMISSIVE);
    (void)map(&vm[0], 1, 0, RO | 16u);
    saw(QUIRE_SIM_MAP_PERMISSIVE);
}

Test(sim_machine, page_shows_with_one_attribute)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    (void)sim.mmu.map(&sim, &vm[0], va_of(0), pa_of(0), 1, RO, 7);
    (void)sim.mmu.map(&sim, &vm[1], va_of(0), pa_of(0), 1, RO, 7);
    (void)sim.mmu.map(&sim, &vm[1], va_of(1), pa_of(1), 1, RO, 8);
    saw_nothing();
    (void)sim.mmu.map(&sim, &vm[1], va_of(2), pa_of(0), 1, RO, 8);
    saw(QUIRE_SIM_MAP_ATTR);
}

Test(sim_machine, page_shows_only_after_its_load_succeeded)
{
    void *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    alias = sim.mmu.alias_get(&sim, pa_of(0));
    unlock();
    quire_sim_load_begin(&sim, alias, true);
    show(&vm[0], 0, 0, RO);
    saw(QUIRE_SIM_MAP_INCOMPLETE);
    hide(&vm[0], 0);
    quire_sim_load_end(&sim, alias, false);
    show(&vm[0], 0, 0, RO);
    saw(QUIRE_SIM_MAP_INCOMPLETE);
    hide(&vm[0], 0);
    quire_sim_load_begin(&sim, alias, true);
    quire_sim_load_end(&sim, alias, true);
    show(&vm[0], 0, 0, RO);
    saw_nothing();
}

Test(sim_machine, page_whose_load_failed_shows_after_another_was_copied_to_it)
{
    void *other;
    void *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    alias = sim.mmu.alias_get(&sim, pa_of(0));
    unlock();
    quire_sim_load_begin(&sim, alias, true);
    quire_sim_load_end(&sim, alias, false);
    lock();
    sim.mmu.alias_put(&sim, pa_of(0), alias);
    alias = sim.mmu.alias_get(&sim, pa_of(0)); /* alone: to wipe it, say */
    sim.mmu.alias_put(&sim, pa_of(0), alias);
    unlock();
    show(&vm[0], 0, 0, RO);
    saw(QUIRE_SIM_MAP_INCOMPLETE);
    hide(&vm[0], 0);
    lock();
    other = sim.mmu.alias_get(&sim, pa_of(1));
    alias = sim.mmu.alias_get(&sim, pa_of(0));
    sim.mmu.alias_put(&sim, pa_of(0), alias);
    sim.mmu.alias_put(&sim, pa_of(1), other);
    unlock();
    show(&vm[0], 0, 0, RO);
    saw_nothing();
}

Test(sim_machine, page_being_saved_shows_only_for_reading)
{
    void *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    alias = sim.mmu.alias_get(&sim, pa_of(0));
    unlock();
    quire_sim_save_begin(&sim, alias);
    show(&vm[0], 0, 0, RO);
    saw_nothing();
    show(&vm[0], 1, 0, RW);
    saw(QUIRE_SIM_MAP_SAVING);
    hide(&vm[0], 1);
    quire_sim_save_end(&sim, alias);
    show(&vm[0], 1, 0, RW);
    saw_nothing();
}

Test(sim_machine, executable_entry_comes_after_sync_code)
{
    void *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    (void)map(&vm[0], 0, 0, RX);
    saw(QUIRE_SIM_MAP_UNSYNCED);
    sync_page(1);
    (void)map(&vm[0], 1, 1, RX);
    saw_nothing();
    alias = sim.mmu.alias_get(&sim, pa_of(1));
    memset(alias, 9, 1);
    sim.mmu.alias_put(&sim, pa_of(1), alias);
    (void)map(&vm[1], 1, 1, RX);
    saw(QUIRE_SIM_MAP_UNSYNCED);
}

Test(sim_machine, what_was_written_and_can_be_no_more_is_synced_before_it_executes)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    sync_page(0);
    (void)map(&vm[0], 0, 0, RWX);
    unlock();
    cr_assert_eq(write_by(0, &vm[0], 0, 0x5a), QUIRE_SIM_DONE);
    cr_assert_eq(fetch_by(0, &vm[0], 0), QUIRE_SIM_DONE, "whoever writes its own code keeps its caches itself");
    show(&vm[1], 0, 0, RX);
    saw_nothing();
    hide(&vm[0], 0);
    hide(&vm[1], 0);
    show(&vm[1], 0, 0, RX);
    saw(QUIRE_SIM_MAP_UNSYNCED);
}

/* ---- Accesses ---- */

Test(sim_machine, stale_translation_is_not_used)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    saw_nothing();
    lock();
    (void)unmap(&vm[0], 0);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    saw(QUIRE_SIM_ACCESS_STALE);
    cr_assert_eq(read_by(1, &vm[0], 0), QUIRE_SIM_TRANSLATION_FAULT, "this processor did not remember it");
    saw_nothing();
}

static unsigned permitted = RO;

static unsigned what_is_permitted(void *user, struct quire_vm *of, uintptr_t va)
{
    (void)user;
    (void)of;
    (void)va;
    return permitted;
}

Test(sim_machine, access_is_one_that_the_context_permits)
{
    struct quire_sim_config config = usual();

    config.permits = what_is_permitted;
    start(&config);
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    saw_nothing();
    permitted = 0;
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    saw(QUIRE_SIM_ACCESS_DENIED);
}

Test(sim_machine, instructions_fetched_are_those_synced)
{
    void *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    sync_page(0);
    unlock();
    show(&vm[0], 0, 0, RX);
    cr_assert_eq(fetch_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    saw_nothing();
    lock();
    alias = sim.mmu.alias_get(&sim, pa_of(0));
    memset(alias, 0x33, 1);
    unlock();
    cr_assert_eq(fetch_by(0, &vm[0], 0), QUIRE_SIM_DONE, "written, though the alias is still out");
    saw(QUIRE_SIM_EXEC_UNSYNCED);
    lock();
    sim.mmu.alias_put(&sim, pa_of(0), alias);
    sync_page(0);
    unlock();
    cr_assert_eq(fetch_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    saw_nothing();
}

/* ---- Stores ---- */

static void *begin_store(uint32_t page)
{
    void *alias;

    lock();
    alias = sim.mmu.alias_get(&sim, pa_of(page));
    unlock();
    return alias;
}

Test(sim_machine, page_is_loaded_when_no_entry_shows_it)
{
    void *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 0, RO);
    alias = begin_store(0);
    quire_sim_load_begin(&sim, alias, true);
    cr_assert_eq(sim.violation.vm, &vm[0]);
    cr_assert_eq(sim.violation.va, va_of(0));
    saw(QUIRE_SIM_LOAD_MAPPED);
    quire_sim_load_end(&sim, alias, true);
    hide(&vm[0], 0);
    quire_sim_load_begin(&sim, alias, true);
    saw_nothing();
}

Test(sim_machine, page_is_loaded_when_no_processor_remembers_it)
{
    void *alias;

    start_unlocked();
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(read_by(1, &vm[0], 0), QUIRE_SIM_DONE);
    lock();
    (void)unmap(&vm[0], 0);
    unlock();
    alias = begin_store(1);
    quire_sim_load_begin(&sim, alias, true);
    quire_sim_load_end(&sim, alias, true);
    saw_nothing();
    alias = begin_store(0);
    quire_sim_forgive(&sim); /* taking the alias was wrong already */
    quire_sim_load_begin(&sim, alias, true);
    cr_assert_eq(sim.violation.cpu, 1u);
    saw(QUIRE_SIM_LOAD_CACHED);
    quire_sim_load_end(&sim, alias, true);
    flush(&vm[0], 0);
    quire_sim_load_begin(&sim, alias, true);
    saw_nothing();
}

Test(sim_machine, page_is_wiped_before_a_load_that_may_not_fill_it)
{
    unsigned char *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    alias = (unsigned char *)begin_store(0);
    quire_sim_load_begin(&sim, alias, false);
    quire_sim_load_end(&sim, alias, true);
    saw_nothing();
    alias[QUIRE_PAGE_SIZE - 1u] = 1;
    quire_sim_load_begin(&sim, alias, false);
    saw(QUIRE_SIM_LOAD_UNWIPED);
}

Test(sim_machine, page_to_be_filled_is_full_of_junk_before)
{
    unsigned char *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    alias = (unsigned char *)begin_store(0);
    quire_sim_load_begin(&sim, alias, true);
    cr_assert_neq(alias[0], 0);
    cr_assert_neq(alias[QUIRE_PAGE_SIZE - 1u], 0);
    cr_assert_eq(*quire_sim_bytes(&sim, pa_of(1)), 0);
}

Test(sim_machine, page_is_saved_when_nobody_can_write_it)
{
    void *alias;

    start_unlocked();
    show(&vm[0], 0, 0, RW);
    cr_assert_eq(write_by(0, &vm[0], 0, 1), QUIRE_SIM_DONE);
    alias = begin_store(0);
    quire_sim_save_begin(&sim, alias);
    saw(QUIRE_SIM_SAVE_WRITABLE);
    quire_sim_save_end(&sim, alias);
    lock();
    (void)reduce(&vm[0], 0, RO);
    unlock();
    quire_sim_save_begin(&sim, alias);
    saw(QUIRE_SIM_SAVE_WRITABLE);
    quire_sim_save_end(&sim, alias);
    flush(&vm[0], 0);
    quire_sim_save_begin(&sim, alias);
    saw_nothing();
}

Test(sim_machine, store_works_on_a_page_once_at_a_time)
{
    void *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    alias = begin_store(0);
    quire_sim_load_begin(&sim, alias, true);
    quire_sim_save_begin(&sim, alias);
    saw(QUIRE_SIM_IO_TWICE);
    quire_sim_save_end(&sim, alias);
    quire_sim_load_begin(&sim, alias, true);
    saw_nothing();
    quire_sim_load_begin(&sim, alias, true);
    saw(QUIRE_SIM_IO_TWICE);
}

Test(sim_machine, stores_and_sync_code_are_given_aliases)
{
    unsigned char elsewhere[8];
    unsigned char *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    alias = (unsigned char *)begin_store(0);
    quire_sim_load_begin(&sim, elsewhere, true);
    saw(QUIRE_SIM_IO_NO_ALIAS);
    quire_sim_save_begin(&sim, alias + 8);
    saw(QUIRE_SIM_IO_NO_ALIAS);
    quire_sim_save_begin(&sim, alias + QUIRE_PAGE_SIZE);
    saw(QUIRE_SIM_IO_NO_ALIAS);
    lock();
    sim.mmu.sync_code(&sim, elsewhere, BASE, sizeof elsewhere);
    saw(QUIRE_SIM_IO_NO_ALIAS);
    sim.mmu.alias_put(&sim, pa_of(0), alias);
    sim.mmu.sync_code(&sim, alias, BASE, QUIRE_PAGE_SIZE);
    saw(QUIRE_SIM_IO_NO_ALIAS);
}

Test(sim_machine, device_stays_away_from_a_page_being_loaded)
{
    unsigned char byte = 7;
    void *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    alias = begin_store(0);
    cr_assert_eq(quire_sim_device(&sim, pa_of(0), true, &byte, 1), QUIRE_OK);
    saw_nothing();
    quire_sim_load_begin(&sim, alias, true);
    cr_assert_eq(quire_sim_device(&sim, pa_of(0), false, &byte, 1), QUIRE_OK);
    saw(QUIRE_SIM_DEVICE_INCOMPLETE);
}

/* ---- Aliases, tables, the end ---- */

Test(sim_machine, alias_of_a_page_is_taken_after_its_removal_was_flushed)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 0, 0, RW);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    lock();
    (void)unmap(&vm[0], 0);
    (void)sim.mmu.alias_get(&sim, pa_of(1));
    saw_nothing();
    (void)sim.mmu.alias_get(&sim, pa_of(0));
    saw(QUIRE_SIM_ALIAS_STALE);
    flush(&vm[0], 0);
    (void)sim.mmu.alias_get(&sim, pa_of(0));
    saw_nothing();
}

Test(sim_machine, every_alias_comes_back_once)
{
    void *alias;

    start_with(QUIRE_SIM_HW_ACCESSED);
    lock();
    alias = sim.mmu.alias_get(&sim, pa_of(0));
    unlock();
    cr_assert_not(quire_sim_settled(&sim));
    saw(QUIRE_SIM_ALIAS_BALANCE);
    lock();
    sim.mmu.alias_put(&sim, pa_of(1), alias);
    saw(QUIRE_SIM_ALIAS_BALANCE);
    sim.mmu.alias_put(&sim, pa_of(0), alias);
    saw_nothing();
    sim.mmu.alias_put(&sim, pa_of(0), alias);
    saw(QUIRE_SIM_ALIAS_BALANCE);
    unlock();
    cr_assert(quire_sim_settled(&sim));
}

Test(sim_machine, table_is_recycled_when_nothing_uses_it)
{
    start_unlocked();
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(read_by(1, &vm[0], 0), QUIRE_SIM_DONE);
    lock();
    sim.mmu.table_gone(&sim, &vm[0], va_of(0), WINDOW);
    saw(QUIRE_SIM_TABLE_IN_USE);
    (void)unmap(&vm[0], 0);
    sim.mmu.table_gone(&sim, &vm[0], va_of(0), WINDOW);
    cr_assert_eq(sim.violation.cpu, 1u);
    saw(QUIRE_SIM_TABLE_IN_USE);
    unlock();
    flush(&vm[0], 0);
    lock();
    sim.mmu.table_gone(&sim, &vm[0], va_of(0), WINDOW);
    saw_nothing();
}

Test(sim_machine, context_ends_empty)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    show(&vm[0], 2, 0, RO);
    cr_assert_eq(read_by(1, &vm[0], 2), QUIRE_SIM_DONE);
    cr_assert_eq(quire_sim_remove_vm(&sim, &vm[0]), QUIRE_OK);
    cr_assert_eq(sim.page[0].entries, 0u);
    cr_assert_eq(sim.page[0].slots, 0u);
    saw(QUIRE_SIM_VM_IN_USE);
    show(&vm[1], 2, 0, RO);
    hide(&vm[1], 2);
    cr_assert_eq(quire_sim_remove_vm(&sim, &vm[1]), QUIRE_OK);
    saw_nothing();
}

Test(sim_machine, nothing_stale_is_left_after_an_operation)
{
    start_unlocked();
    show(&vm[0], 0, 0, RO);
    cr_assert_eq(read_by(0, &vm[0], 0), QUIRE_SIM_DONE);
    cr_assert(quire_sim_settled(&sim));
    lock();
    (void)unmap(&vm[0], 0);
    unlock();
    cr_assert_not(quire_sim_settled(&sim));
    saw(QUIRE_SIM_UNSETTLED);
    flush(&vm[0], 0);
    cr_assert(quire_sim_settled(&sim));
}

/* ---- Several threads ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;
static _Thread_local uint32_t me = 1;

static uintptr_t real_lock(void *user)
{
    (void)user;
    (void)pthread_mutex_lock(&mutex);
    return 77;
}

static void real_unlock(void *user, uintptr_t key)
{
    (void)user;
    cr_assert_eq(key, 77u);
    (void)pthread_mutex_unlock(&mutex);
}

static uint32_t real_self(void *user)
{
    (void)user;
    return me;
}

static void start_threads(void)
{
    struct quire_sim_config config = usual();

    config.lock = real_lock;
    config.unlock = real_unlock;
    config.self = real_self;
    start(&config);
}

static void *hold_the_lock(void *arg)
{
    uintptr_t key;

    me = 2;
    key = sim.mmu.lock(&sim);
    (void)pthread_barrier_wait(&barrier); /* the lock is held ... */
    (void)pthread_barrier_wait(&barrier); /* ... and the other thread is done */
    sim.mmu.unlock(&sim, key);
    return arg;
}

Test(sim_machine, lock_held_by_another_thread_does_not_count)
{
    pthread_t other;

    start_threads();
    cr_assert_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    cr_assert_eq(pthread_create(&other, NULL, hold_the_lock, NULL), 0);
    (void)pthread_barrier_wait(&barrier);
    (void)query(&vm[0], 0);
    (void)pthread_barrier_wait(&barrier);
    cr_assert_eq(pthread_join(other, NULL), 0);
    saw(QUIRE_SIM_LOCK_MISSING);
}

/* Only the lock keeps the threads apart: ThreadSanitizer sees if the machine touches anything without it. */
static void *write_and_read(void *arg)
{
    uint32_t i = *(uint32_t *)arg;
    unsigned char byte;
    unsigned n;

    me = i + 1u;
    for (n = 0; n < 2000; n++) {
        show(&vm[i], i, i, RW);
        cr_assert_eq(write_by(i, &vm[i], i, (unsigned char)n), QUIRE_SIM_DONE);
        cr_assert_eq(access_as(i, &vm[i], i, QUIRE_PROT_READ, &byte), QUIRE_SIM_DONE);
        cr_assert_eq(byte, (unsigned char)n);
        hide(&vm[i], i);
    }
    return arg;
}

Test(sim_machine, threads_share_the_machine_under_its_lock)
{
    static uint32_t number[2] = {0, 1};
    pthread_t thread[2];
    unsigned i;

    start_threads();
    for (i = 0; i < 2; i++) {
        cr_assert_eq(pthread_create(&thread[i], NULL, write_and_read, &number[i]), 0);
    }
    for (i = 0; i < 2; i++) {
        cr_assert_eq(pthread_join(thread[i], NULL), 0);
    }
    cr_assert(quire_sim_settled(&sim));
    cr_assert_eq(sim.counts.map, 4000u);
}
