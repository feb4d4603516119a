/* What must hold, one short scenario each: the tests that the planted defects (tests/defects/list) must fail. */
#include "witness.h"

/* Something that happens once, in the middle of an operation. */
static void (*interruption)(void);

static void interrupt(void)
{
    void (*once)(void) = interruption;

    interruption = NULL;
    if (once != NULL) {
        once();
    }
}

static enum quire_status interrupt_load(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    (void)io;
    if (load) {
        interrupt();
    }
    return QUIRE_OK;
}

static enum quire_status interrupt_save(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    (void)io;
    if (!load) {
        interrupt();
    }
    return QUIRE_OK;
}

/* Flushes that drop the lock can be interrupted; the others cannot. */
static void interrupt_flush(void *user, const struct quire_batch *batch)
{
    (void)user;
    (void)batch;
    if (unlocked) {
        interrupt();
    }
}

/* ---- Flush before reuse ---- */

WITNESS(an_evicted_page_is_flushed_before_it_is_reused, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 3, RW);

    read_as_born(1, &vm[0], RIG_AT(0), store, 0);
    pass(&vm[0], 1, 2);
    sound();
    read_as_born(1, &vm[0], RIG_AT(0), store, 0);
}

static void write_from_another_processor(void)
{
    unsigned char byte = 99;

    expect(quire_sim_access(&rig.sim, 1, &vm[0], RIG_AT(0), RIG_WRITE, false, &byte, 1) != QUIRE_SIM_DONE,
           "a processor wrote to a page that was being saved");
}

WITNESS(nothing_is_saved_while_a_processor_can_write_it, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 3, RW);

    write_byte(1, &vm[0], RIG_AT(0), 1);
    store->before = interrupt_save;
    interruption = write_from_another_processor;
    pass(&vm[0], 1, 2);
    EXPECT(store->saves_of[0] == 1);
    read_byte(&vm[0], RIG_AT(0), 1);
}

WITNESS(nothing_is_written_back_while_a_processor_can_write_it, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 3, RW);

    write_byte(1, &vm[0], RIG_AT(0), 1);
    store->before = interrupt_save;
    interruption = write_from_another_processor;
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 3, true));
    EXPECT(store->saves_of[0] == 1);
    read_byte(&vm[0], RIG_AT(0), 1);
}

WITNESS(an_evicted_page_leaves_every_context_that_shows_it, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 3, RW);

    OK(rig_map(&vm[1], &store->fobj, RIG_AT(8), RW));
    read_as_born(0, &vm[0], RIG_AT(1), store, 1);
    read_as_born(1, &vm[1], RIG_AT(9), store, 1);
    pass(&vm[0], 0, 0);
    pass(&vm[0], 2, 2);
    sound();
    EXPECT(rig_query(&vm[0], RIG_AT(1)).entry == 0);
    EXPECT(rig_query(&vm[1], RIG_AT(9)).entry == 0);
    read_as_born(1, &vm[1], RIG_AT(9), store, 1);
}

/* One entry more than a batch names, and that or one before it is of another context. */
WITNESS(a_flush_of_more_than_a_batch_names_reaches_every_context, .pages = 2 * QUIRE_BATCH_ENTRIES)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, QUIRE_BATCH_ENTRIES, RIG_READ);
    uint32_t i;

    OK(rig_map(&vm[1], &store->fobj, RIG_VA, RIG_READ));
    for (i = 0; i < QUIRE_BATCH_ENTRIES; i++) {
        read_as_born(0, &vm[0], RIG_AT(i), store, i);
    }
    read_as_born(1, &vm[1], RIG_AT(QUIRE_BATCH_ENTRIES - 1), store, QUIRE_BATCH_ENTRIES - 1);
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, QUIRE_BATCH_ENTRIES));
    sound();
}

WITNESS(what_protect_takes_away_is_gone_when_it_returns, SMALLEST)
{
    unsigned char byte = 2;

    (void)shown(&vm[0], RIG_VA, 1, RW);
    write_byte(1, &vm[0], RIG_AT(0), 1);
    OK(quire_vm_protect(&vm[0], RIG_VA, 1, RIG_READ | QUIRE_PROT_USER));
    sound();
    SAYS(QUIRE_DENIED, use(1, 0, &vm[0], RIG_AT(0), RIG_WRITE, &byte));
    read_byte(&vm[0], RIG_AT(0), 1);
}

WITNESS(unmapped_addresses_can_be_used_again_at_once, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RIG_READ);

    read_as_born(1, &vm[0], RIG_AT(0), store, 0);
    OK(quire_vm_unmap(&vm[0], RIG_VA, 1));
    sound();
    store = shown(&vm[0], RIG_VA, 1, RIG_READ);
    read_as_born(1, &vm[0], RIG_AT(0), store, 0);
}

WITNESS(moved_pages_are_gone_from_where_they_were, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RIG_READ);
    unsigned char byte;

    read_as_born(1, &vm[0], RIG_AT(0), store, 0);
    OK(quire_vm_remap(&vm[0], RIG_AT(0), 1, RIG_AT(20)));
    sound();
    SAYS(QUIRE_NOT_FOUND, use(1, 0, &vm[0], RIG_AT(0), RIG_READ, &byte));
    read_as_born(1, &vm[0], RIG_AT(20), store, 0);
}

WITNESS(page_tables_are_given_back_after_the_flush, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RIG_READ);

    read_as_born(1, &vm[0], RIG_AT(0), store, 0);
    OK(quire_vm_drop_range(&vm[0], RIG_VA, 64));
    sound();
}

/* ---- While a flush has dropped the lock ---- */

static void write_fault_of_another_thread(void)
{
    SAYS(QUIRE_AGAIN, fault_of(1, &vm[0], RIG_AT(0), RIG_WRITE));
}

WITNESS(an_entry_is_not_made_anew_before_the_old_one_is_flushed, SMALLEST_FOR_TWO, .flushing = interrupt_flush)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RW);

    read_as_born(1, &vm[0], RIG_AT(0), store, 0);
    interruption = write_fault_of_another_thread;
    write_byte(0, &vm[0], RIG_AT(0), 1); /* where hardware does not tell, the entry was read-only */
    sound();
    interruption = NULL;
}

static void faults_of_another_thread(void)
{
    uint32_t i;

    for (i = 0; i < 3u; i++) {
        enum quire_status status = fault_of(1, &vm[0], RIG_AT(i), RIG_READ);

        expect(status == QUIRE_OK || status == QUIRE_AGAIN, "a fault says %s", quire_status_name(status));
    }
}

WITNESS(an_entry_removed_to_see_the_next_use_is_flushed_before_that, .policy = RIG_CLOCK, .step = 1, .concurrency = 2,
        .pages = 3, .flushing = interrupt_flush)
{
    (void)shown(&vm[0], RIG_VA, 4, RIG_READ);
    pass(&vm[0], 0, 2);
    interruption = faults_of_another_thread;
    pass(&vm[0], 3, 3);
    sound();
    interruption = NULL;
}

static void others_come(void)
{
    uint32_t i;

    for (i = 0; i < 4u; i++) {
        enum quire_status status = fault_of(1, &vm[1], RIG_AT(i), RIG_READ);

        expect(status == QUIRE_OK || status == QUIRE_AGAIN, "a fault says %s", quire_status_name(status));
    }
}

WITNESS(no_page_of_a_range_is_reused_before_its_flush_ends, SMALLEST_FOR_TWO, .flushing = interrupt_flush)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 2, RIG_READ);

    (void)shown(&vm[1], RIG_VA, 4, RIG_READ);
    read_as_born(1, &vm[0], RIG_AT(0), store, 0);
    read_as_born(1, &vm[0], RIG_AT(1), store, 1); /* page 0 is kept for no thread any more */
    interruption = others_come;
    OK(quire_vm_unmap(&vm[0], RIG_VA, 2));
    sound();
}

static struct rig_store *late;

static void map_at_the_target(void)
{
    SAYS(QUIRE_AGAIN, rig_map(&vm[0], &late->fobj, RIG_AT(20), RIG_READ));
}

WITNESS(the_target_of_a_move_is_not_given_away_before_its_flush_ends, SMALLEST_FOR_TWO, .flushing = interrupt_flush)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RIG_READ);

    late = rig_store_new(&rig, 1, RIG_READ);
    read_as_born(1, &vm[0], RIG_AT(0), store, 0);
    interruption = map_at_the_target;
    OK(quire_vm_remap(&vm[0], RIG_AT(0), 1, RIG_AT(20)));
    sound();
    interruption = NULL;
    read_as_born(1, &vm[0], RIG_AT(20), store, 0);
}

/* ---- Nobody sees another's bytes ---- */

static const char secret[] = "a secret of thirty-two bytes....";

WITNESS(bytes_of_a_dead_object_are_wiped, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RW);

    OK(rig_write(&rig, &vm[0], RIG_VA, secret, sizeof secret));
    EXPECT(rig_find(&rig, secret, sizeof secret) == 1);
    OK(quire_vm_unmap(&vm[0], RIG_VA, 1));
    OK(rig_store_put(store));
    expect(rig_find(&rig, secret, sizeof secret) == 0, "the bytes of a dead object are still in memory");
    EXPECT(store->freed == 1);
}

static struct rig_store *dying;

/* The last area of an object goes while its store is at work on a page. */
static void object_dies(void)
{
    struct quire_pager_stats stats;

    OK(quire_vm_unmap(&vm[0], RIG_VA, 64));
    expect(dying->freed == 0, "an object was freed while its store was at work");
    stats = rig_stats(&rig);
    expect(stats.pages[QUIRE_PAGE_LOADING] + stats.pages[QUIRE_PAGE_SAVING] == 1,
           "a page was taken from a store that was at work");
}

static void expect_no_trace(const void *bytes)
{
    expect(rig_find(&rig, bytes, sizeof secret) == 0, "the bytes of a dead object are still in memory");
    expect(dying->freed == 1, "a dead object was freed %u times", (unsigned)dying->freed);
}

WITNESS(a_page_that_arrives_for_a_dead_object_is_wiped, SMALLEST)
{
    dying = shown(&vm[0], RIG_VA, 1, RIG_READ);
    OK(rig_store_put(dying)); /* the area has the last reference */
    dying->before = interrupt_load;
    interruption = object_dies;
    SAYS(QUIRE_DEAD, fault_of(0, &vm[0], RIG_VA, RIG_READ));
    expect_no_trace(rig_store_page(dying, 0));
}

static void begin_to_die(void)
{
    dying = shown(&vm[0], RIG_VA, 1, RW);
    OK(rig_write(&rig, &vm[0], RIG_VA, secret, sizeof secret));
    OK(rig_store_put(dying));
    interruption = object_dies;
}

WITNESS(a_page_being_saved_is_not_taken_when_its_object_dies, SMALLEST)
{
    (void)shown(&vm[1], RIG_VA, 2, RIG_READ);
    begin_to_die();
    dying->before = interrupt_save;
    pass(&vm[1], 0, 1);
    EXPECT(interruption == NULL);
    expect_no_trace(secret);
}

static enum quire_status interrupt_save_and_fail(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)interrupt_save(store, io, load);
    return load ? QUIRE_OK : QUIRE_IO;
}

WITNESS(a_page_that_was_not_saved_when_its_object_died_is_wiped, .policy = RIG_FIFO, .step = 1, .pages = 3)
{
    (void)shown(&vm[1], RIG_VA, 3, RIG_READ);
    begin_to_die();
    dying->before = interrupt_save_and_fail;
    pass(&vm[1], 0, 2);
    EXPECT(interruption == NULL);
    sound();
    expect_no_trace(secret);
}

static unsigned waits;
static enum quire_status waiter_was_told;

static void wait_while_the_object_dies(void *ctx, const void *token, uintptr_t key)
{
    (void)token;
    rig.sim.mmu.unlock(ctx, key);
    expect(waits++ == 0, "a thread went back to an object that died while it waited");
    OK(quire_vm_unmap(&vm[0], RIG_VA, 64));
    OK(quire_vm_unmap(&vm[1], RIG_VA, 64));
    (void)rig.sim.mmu.lock(ctx);
}

static void wake_nobody(void *ctx, const void *token)
{
    (void)ctx;
    (void)token;
}

static void second_fault_waits(void)
{
    waiter_was_told = fault_of(1, &vm[1], RIG_VA, RIG_READ);
}

WITNESS(who_waits_for_an_object_that_dies_is_told, SMALLEST_FOR_TWO)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RIG_READ);

    OK(rig_map(&vm[1], &store->fobj, RIG_VA, RIG_READ));
    OK(rig_store_put(store));
    rig.sim.mmu.wait = wait_while_the_object_dies;
    rig.sim.mmu.wake = wake_nobody;
    waits = 0;
    store->before = interrupt_load;
    interruption = second_fault_waits;
    SAYS(QUIRE_DEAD, fault_of(0, &vm[0], RIG_VA, RIG_READ));
    EXPECT(waiter_was_told == QUIRE_DEAD);
    EXPECT(store->freed == 1);
}

WITNESS(a_load_that_leaves_bytes_out_shows_zeros_there, SMALLEST)
{
    struct rig_store *store = rig_store_new(&rig, 1, RIG_READ);

    store->ops.flags = 0;
    store->watch.ops.flags = 0;
    store->leaves = 100;
    (void)shown(&vm[0], RIG_VA, 2, RIG_READ);
    pass(&vm[0], 0, 1);
    OK(rig_map(&vm[1], &store->fobj, RIG_VA, RIG_READ));
    expect(rig_byte(&rig, &vm[1], RIG_AT(1) - 1u) == 0, "a context sees the bytes of another");
}

WITNESS(a_context_gets_no_access_that_its_area_does_not_permit, SMALLEST)
{
    unsigned char byte = 0;

    (void)shown(&vm[0], RIG_VA, 1, RIG_READ);
    SAYS(QUIRE_DENIED, use(0, 0, &vm[0], RIG_VA, RIG_WRITE, &byte));
    SAYS(QUIRE_DENIED, use(0, 0, &vm[0], RIG_VA, RIG_EXEC, &byte));
}

WITNESS(entries_permit_no_more_than_their_areas, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 2, RIG_READ);

    read_as_born(0, &vm[0], RIG_AT(0), store, 0);
    sound();
}

/* ---- Loads ---- */

static void fault_of_another_context(void)
{
    SAYS(QUIRE_AGAIN, fault_of(1, &vm[1], RIG_AT(0), RIG_READ));
    EXPECT(rig_query(&vm[1], RIG_AT(0)).entry == 0);
}

WITNESS(a_page_is_not_shown_before_its_load_has_ended, SMALLEST_FOR_TWO)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RIG_READ);

    OK(rig_map(&vm[1], &store->fobj, RIG_VA, RIG_READ));
    store->before = interrupt_load;
    interruption = fault_of_another_context;
    read_as_born(0, &vm[0], RIG_AT(0), store, 0);
    EXPECT(interruption == NULL);
    read_as_born(1, &vm[1], RIG_AT(0), store, 0);
    EXPECT(store->loads_of[0] == 1);
}

WITNESS(a_page_whose_load_failed_is_not_shown, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RIG_READ);
    unsigned char byte;

    rig_fail(&store->load_fails, 1, 1, QUIRE_IO);
    SAYS(QUIRE_IO, use(0, 0, &vm[0], RIG_AT(0), RIG_READ, &byte));
    EXPECT(!rig_query(&vm[0], RIG_AT(0)).resident);
    read_as_born(0, &vm[0], RIG_AT(0), store, 0);
}

static void fault_for_the_same_page(void)
{
    SAYS(QUIRE_AGAIN, fault_of(1, &vm[0], RIG_AT(3), RIG_READ));
}

WITNESS(two_faults_load_a_page_once, SMALLEST_FOR_TWO)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 4, RW);

    write_byte(0, &vm[0], RIG_AT(0), 1);
    pass(&vm[0], 1, 2);
    store->before = interrupt_save; /* page 0 makes room for page 3 */
    interruption = fault_for_the_same_page;
    read_as_born(0, &vm[0], RIG_AT(3), store, 3);
    EXPECT(interruption == NULL);
    EXPECT(store->loads_of[3] == 1);
}

static enum quire_status (*honest_load)(struct quire_io *io);

static enum quire_status load_what_changes_at_once(struct quire_io *io)
{
    struct rig_store *store = QUIRE_CONTAINER_OF(io->fobj, struct rig_store, fobj);
    enum quire_status status = honest_load(io);

    if (store->loads_of[0] == 1) {
        rig_store_page(store, 0)[0] = 0x77;
        OK(quire_pager_invalidate(&rig.pager, io->fobj, 0, 1));
    }
    return status;
}

WITNESS(a_page_invalidated_while_it_loads_is_loaded_again, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RIG_READ);

    honest_load = store->ops.load;
    store->ops.load = load_what_changes_at_once;
    expect(rig_byte(&rig, &vm[0], RIG_AT(0)) == 0x77, "a page shows what was invalidated before it arrived");
}

WITNESS(an_invalidation_does_not_forget_a_write, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RW);

    read_as_born(1, &vm[0], RIG_AT(0), store, 0);
    write_byte(1, &vm[0], RIG_AT(0), 1);
    SAYS(QUIRE_DIRTY, quire_pager_invalidate(&rig.pager, &store->fobj, 0, 1));
    read_byte(&vm[0], RIG_AT(0), 1);
}

static void touch_far_pages(void)
{
    pass(&vm[0], 0, 0);
    pass(&vm[0], 40, 40);
}

WITNESS(the_lock_is_free_while_a_store_works, SMALLEST)
{
    (void)shown(&vm[0], RIG_VA, 64, RIG_READ);
    touch_far_pages();
    sound();
}

WITNESS(the_lock_is_free_while_page_tables_are_sought, SMALLEST, .table_pages = 16, .tables = 1, .tables_gift = 1)
{
    (void)shown(&vm[0], RIG_VA, 64, RIG_READ);
    touch_far_pages();
    EXPECT(rig_stats(&rig).table_rounds != 0);
    sound();
}

WITNESS(a_fault_that_finds_no_page_table_leaves_the_page_resident, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 3, RIG_READ);

    quire_sim_fail_map(&rig.sim, 1, UINT32_MAX);
    SAYS(QUIRE_NO_TABLE, fault_of(0, &vm[0], RIG_AT(0), RIG_READ));
    sound();
    EXPECT(rig_query(&vm[0], RIG_AT(0)).resident);
    quire_sim_fail_map(&rig.sim, 0, 0);
    read_as_born(0, &vm[0], RIG_AT(0), store, 0);
    EXPECT(store->loads_of[0] == 1);
    pass(&vm[0], 1, 2);
    sound();
}

/* Threads of the machine, who sleep and are woken. */

static unsigned char seen_by_second;

static void *second_thread(void *store)
{
    struct quire_sim_thread runner;

    (void)store;
    memset(&runner, 0, sizeof runner);
    runner.cpu = 1;
    runner.thread = 1;
    runner.wait_ok = true;
    return quire_sim_run(&rig.sim, &runner, &vm[1], RIG_VA, RIG_READ, &seen_by_second, 1) == QUIRE_OK ? &seen_by_second : NULL;
}

static pthread_t second;

static void second_thread_comes_to_wait(void)
{
    EXPECT(pthread_create(&second, NULL, second_thread, NULL) == 0);
    while (rig_stats(&rig).waits == 0) {
        sched_yield();
    }
}

WITNESS(who_waits_for_a_page_is_woken_when_it_arrives, SMALLEST_FOR_TWO, .threads = true)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RIG_READ);
    struct timespec until;
    void *result;

    OK(rig_map(&vm[1], &store->fobj, RIG_VA, RIG_READ));
    store->before = interrupt_load;
    interruption = second_thread_comes_to_wait;
    read_as_born(0, &vm[0], RIG_AT(0), store, 0);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    expect(pthread_timedjoin_np(second, &result, &until) == 0, "a thread still waits for a page that has arrived");
    EXPECT(result != NULL && seen_by_second == rig_born(store->tag, 0, 0));
}

/* ---- Nothing written is lost ---- */

WITNESS(a_write_after_a_read_is_saved, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 3, RW);

    read_as_born(0, &vm[0], RIG_AT(0), store, 0);
    write_byte(0, &vm[0], RIG_AT(0), 1);
    pass(&vm[0], 1, 2);
    read_byte(&vm[0], RIG_AT(0), 1);
}

WITNESS(a_write_before_protect_is_saved, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 3, RW);

    read_as_born(0, &vm[0], RIG_AT(0), store, 0);
    write_byte(0, &vm[0], RIG_AT(0), 1);
    OK(quire_vm_protect(&vm[0], RIG_VA, 3, RIG_READ | QUIRE_PROT_USER));
    pass(&vm[0], 1, 2);
    read_byte(&vm[0], RIG_AT(0), 1);
}

WITNESS(a_page_whose_save_failed_keeps_its_content, .policy = RIG_FIFO, .step = 1, .pages = 3)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 6, RW);

    write_byte(0, &vm[0], RIG_AT(0), 1);
    rig_fail(&store->save_fails, 1, 1, QUIRE_IO);
    pass(&vm[0], 1, 5);
    EXPECT(store->save_fails.hits == 1);
    sound();
    read_byte(&vm[0], RIG_AT(0), 1);
}

static bool was_stored;

static enum quire_status note_stored(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    if (load && io->pgidx == 0) {
        was_stored = io->stored;
    }
    return QUIRE_OK;
}

WITNESS(a_saved_page_is_loaded_as_saved, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 3, RW);

    store->before = note_stored;
    write_byte(0, &vm[0], RIG_AT(0), 1);
    EXPECT(!was_stored);
    pass(&vm[0], 1, 2);
    read_byte(&vm[0], RIG_AT(0), 1);
    expect(was_stored, "a page that was saved is loaded as it was born");
    pass(&vm[0], 1, 2);
    was_stored = false;
    read_byte(&vm[0], RIG_AT(0), 1); /* clean when it left */
    expect(was_stored, "a page that was saved is loaded as it was born");
    was_stored = false;
}

WITNESS(what_a_device_writes_through_a_pin_is_saved, .policy = RIG_FIFO, .step = 1, .pages = 3)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 6, RW);
    unsigned char byte = 1;
    struct quire_pin pin;
    struct quire_pa pa;

    OK(quire_pin_fobj(&rig.pager, &store->fobj, 0, 1, true, false, &pin));
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 1, false));
    OK(quire_pin_pa(&pin, 0, &pa));
    OK(quire_sim_device(&rig.sim, pa, true, &byte, 1));
    OK(quire_unpin(&pin));
    pass(&vm[0], 1, 4);
    read_byte(&vm[0], RIG_AT(0), 1);
}

/* ---- Pages somebody needs ---- */

WITNESS(a_pinned_page_stays_where_it_is, .policy = RIG_FIFO, .step = 1, .pages = 3)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 6, RIG_READ);
    unsigned char byte = 0;
    struct quire_pin pin;
    struct quire_pa pa;

    OK(quire_pin_fobj(&rig.pager, &store->fobj, 0, 1, false, false, &pin));
    OK(quire_pin_pa(&pin, 0, &pa));
    pass(&vm[0], 1, 5);
    OK(quire_sim_device(&rig.sim, pa, false, &byte, 1));
    expect(byte == rig_born(store->tag, 0, 0), "a device reads another page than the one that was pinned");
    OK(quire_unpin(&pin));
}

/* A copy works on its page without the lock: that is where it can be interrupted. */

static bool has_alias;
static struct quire_mmu plain;

static void *alias_get(void *ctx, struct quire_pa pa)
{
    has_alias = true;
    return plain.alias_get(ctx, pa);
}

static void unlock(void *ctx, uintptr_t key)
{
    bool now = has_alias;

    has_alias = false;
    plain.unlock(ctx, key);
    if (now) {
        interrupt();
    }
}

static void interrupt_copies(void)
{
    plain = rig.sim.mmu;
    rig.sim.mmu.alias_get = alias_get;
    rig.sim.mmu.unlock = unlock;
    has_alias = false;
}

static struct rig_store *copied;

static void invalidate_and_reuse(void)
{
    enum quire_status status = quire_pager_invalidate(&rig.pager, &copied->fobj, 0, 1);

    expect(status == QUIRE_OK || status == QUIRE_BUSY, "%s", quire_status_name(status));
    others_come();
}

WITNESS(a_page_being_copied_is_not_taken_away, SMALLEST_FOR_TWO)
{
    struct quire_vm_copy how;
    unsigned char bytes[64];

    memset(&how, 0, sizeof how);
    copied = shown(&vm[0], RIG_VA, 1, RIG_READ);
    (void)shown(&vm[1], RIG_VA, 4, RIG_READ);
    read_as_born(0, &vm[0], RIG_AT(0), copied, 0);
    interrupt_copies();
    interruption = invalidate_and_reuse;
    OK(quire_vm_copy_from(&vm[0], RIG_VA, bytes, sizeof bytes, &how, NULL));
    EXPECT(interruption == NULL);
    expect(memcmp(bytes, rig_store_page(copied, 0), sizeof bytes) == 0, "a copy reads a page that was taken away");
}

WITNESS(a_copied_page_can_be_evicted_again, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 6, RIG_READ);
    struct quire_vm_copy how;
    unsigned char byte;
    uint32_t i;

    memset(&how, 0, sizeof how);
    for (i = 0; i < 6u; i++) {
        OK(quire_vm_copy_from(&vm[0], RIG_AT(i), &byte, 1, &how, NULL));
        EXPECT(byte == rig_born(store->tag, i, 0));
    }
}

static void save_at_once(void)
{
    OK(quire_pager_write_back(&rig.pager, &copied->fobj, 0, 1, false));
}

WITNESS(a_copy_that_a_save_overtakes_is_not_lost, SMALLEST)
{
    struct quire_vm_copy how;
    unsigned char byte = 1;

    memset(&how, 0, sizeof how);
    copied = shown(&vm[0], RIG_VA, 3, RW);
    pass(&vm[0], 0, 0);
    interrupt_copies();
    interruption = save_at_once;
    OK(quire_vm_copy_to(&vm[0], RIG_VA, &byte, 1, &how, NULL));
    EXPECT(interruption == NULL && copied->saves_of[0] == 1);
    pass(&vm[0], 1, 2);
    read_byte(&vm[0], RIG_AT(0), 1);
}

/* Another thread uses up what it may, each time a page of this instruction arrives. */
static enum quire_status crowd(struct rig_store *store, struct quire_io *io, bool load)
{
    uint32_t i;

    (void)store;
    (void)io;
    for (i = 0; load && i < 12u; i++) {
        OK(fault_of(1, &vm[1], RIG_AT(i), RIG_READ));
    }
    return QUIRE_OK;
}

static void an_instruction_of_four_pages(void)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 4, RIG_READ);
    struct quire_sim_operand operand[4];
    struct quire_sim_thread thread;
    unsigned char byte[4];
    unsigned i;

    (void)shown(&vm[1], RIG_VA, 12, RIG_READ);
    store->before = crowd;
    memset(&thread, 0, sizeof thread);
    for (i = 0; i < 4u; i++) {
        operand[i].va = RIG_AT(i);
        operand[i].access = RIG_READ;
        operand[i].bytes = &byte[i];
        operand[i].len = 1;
    }
    OK(quire_sim_step(&rig.sim, &thread, &vm[0], operand, 4));
    for (i = 0; i < 4u; i++) {
        EXPECT(byte[i] == rig_born(store->tag, i, 0));
    }
}

#define FOUR_PAGES_EACH .step = 4, .concurrency = 2, .pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(2, 4, 0)

WITNESS(an_instruction_gets_all_its_pages_in_the_smallest_pool, FOUR_PAGES_EACH, .policy = RIG_FIFO)
{
    an_instruction_of_four_pages();
}

WITNESS(an_instruction_gets_all_its_pages_from_the_clock_too, FOUR_PAGES_EACH, .policy = RIG_CLOCK)
{
    an_instruction_of_four_pages();
}

static uint32_t proposed;

static uint32_t propose(struct quire_policy *policy)
{
    (void)policy;
    return proposed;
}

WITNESS(a_policy_that_proposes_a_page_in_use_is_not_believed, .policy = RIG_FIFO, .step = 4, .pages = 5)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 6, RIG_READ);
    const struct quire_policy_ops *honest = rig.policies.fifo.base.ops;
    struct quire_policy_ops ops = *honest;

    pass(&vm[0], 0, 4);
    ops.victim = propose;
    rig.policies.fifo.base.ops = &ops;
    proposed = (uint32_t)((rig_query(&vm[0], RIG_AT(4)).pa.addr - RIG_PA) >> QUIRE_PAGE_SHIFT);
    SAYS(QUIRE_NO_PAGE, fault_of(0, &vm[0], RIG_AT(5), RIG_READ));
    EXPECT(rig_query(&vm[0], RIG_AT(4)).resident);
    rig.policies.fifo.base.ops = honest;
    read_as_born(0, &vm[0], RIG_AT(5), store, 5);
}

/* ---- Entries that an MMU refuses to drop ---- */

WITNESS(a_page_that_an_mmu_refuses_to_drop_is_not_reused, .policy = RIG_FIFO, .step = 1, .pages = 4)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 8, RIG_READ);

    read_as_born(0, &vm[0], RIG_AT(0), store, 0);
    OK(quire_sim_stick(&rig.sim, &vm[0], RIG_AT(0), UINT32_MAX));
    pass(&vm[0], 1, 7);
    sound();
    read_as_born(0, &vm[0], RIG_AT(0), store, 0);
    OK(quire_sim_stick(&rig.sim, &vm[0], RIG_AT(0), 0));
    OK(quire_pager_unstick(&rig.pager));
}

WITNESS(addresses_of_an_entry_that_is_stuck_stay_taken, .policy = RIG_FIFO, .step = 1, .pages = 4)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RIG_READ);
    struct rig_store *other = rig_store_new(&rig, 1, RIG_READ);

    read_as_born(0, &vm[0], RIG_AT(0), store, 0);
    OK(quire_sim_stick(&rig.sim, &vm[0], RIG_AT(0), UINT32_MAX));
    SAYS(QUIRE_STUCK, quire_vm_unmap(&vm[0], RIG_VA, 1));
    SAYS(QUIRE_EXISTS, rig_map(&vm[0], &other->fobj, RIG_VA, RIG_READ));
    OK(quire_sim_stick(&rig.sim, &vm[0], RIG_AT(0), 0));
    OK(quire_vm_unmap(&vm[0], RIG_VA, 1));
}

/* ---- Code ---- */

WITNESS(code_is_synced_before_it_is_mapped_executable, SMALLEST, .eager = true)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RIG_READ | RIG_EXEC);

    run_as_born(&vm[0], RIG_AT(0), store, 0);
    sound();
}

WITNESS(code_is_synced_again_for_new_content, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 3, RIG_READ | RIG_EXEC);
    uint32_t i;

    for (i = 0; i < 6u; i++) {
        run_as_born(&vm[0], RIG_AT(i % 3u), store, i % 3u);
    }
}

WITNESS(code_written_by_a_copy_is_synced_before_it_runs_again, SMALLEST)
{
    struct rig_store *store = rig_store_new(&rig, 1, QUIRE_PROT_RWX);
    struct quire_vm_copy how;
    unsigned char byte = 0x77;

    memset(&how, 0, sizeof how);
    show_wx(&vm[0], store, RIG_VA, RW);
    show_wx(&vm[1], store, RIG_VA, RIG_READ | RIG_EXEC);
    run_as_born(&vm[1], RIG_VA, store, 0);
    OK(quire_vm_copy_to(&vm[0], RIG_VA, &byte, 1, &how, NULL));
    byte = 0;
    OK(use(0, 0, &vm[1], RIG_VA, RIG_EXEC, &byte));
    expect(byte == 0x77, "instructions are fetched that are no longer there");
}

WITNESS(code_written_through_an_entry_is_synced_before_it_runs_again, SMALLEST)
{
    struct rig_store *store = rig_store_new(&rig, 1, QUIRE_PROT_RWX);
    unsigned char byte = 0;

    show_wx(&vm[0], store, RIG_VA, RW);
    show_wx(&vm[1], store, RIG_VA, RIG_READ | RIG_EXEC);
    run_as_born(&vm[1], RIG_VA, store, 0);
    OK(quire_vm_drop_range(&vm[1], RIG_VA, 1));
    write_byte(0, &vm[0], RIG_VA, 0x77);
    OK(quire_vm_unmap(&vm[0], RIG_VA, 1));
    OK(use(0, 0, &vm[1], RIG_VA, RIG_EXEC, &byte));
    expect(byte == 0x77, "instructions are fetched that are no longer there");
}

/* ---- Areas and references ---- */

WITNESS(an_area_keeps_its_object_alive, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 1, RIG_READ);

    OK(rig_store_put(store));
    expect(store->freed == 0, "an object was freed that an area shows");
    read_as_born(0, &vm[0], RIG_VA, store, 0);
    OK(quire_vm_unmap(&vm[0], RIG_VA, 1));
    expect(store->freed == 1, "an object that nothing shows was not freed");
}

WITNESS(each_part_of_a_split_area_keeps_its_object_alive, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 3, RIG_READ);

    OK(rig_store_put(store));
    OK(quire_vm_unmap(&vm[0], RIG_AT(1), 1));
    OK(quire_vm_unmap(&vm[0], RIG_AT(0), 1));
    expect(store->freed == 0, "an object was freed that a part of an area shows");
    read_as_born(0, &vm[0], RIG_AT(2), store, 2);
    OK(quire_vm_unmap(&vm[0], RIG_AT(2), 1));
    expect(store->freed == 1, "an object that nothing shows was not freed");
}

WITNESS(a_page_is_found_after_the_other_part_of_its_area_moved, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 4, RIG_READ);

    read_as_born(1, &vm[0], RIG_AT(2), store, 2);
    OK(quire_vm_remap(&vm[0], RIG_AT(0), 2, RIG_AT(20)));
    sound();
    read_as_born(0, &vm[0], RIG_AT(20), store, 0);
    read_as_born(0, &vm[0], RIG_AT(21), store, 1); /* page 2 leaves */
    EXPECT(rig_query(&vm[0], RIG_AT(2)).entry == 0);
}

WITNESS(a_page_is_found_after_its_area_was_joined_to_another, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 4, RW);

    OK(quire_vm_protect(&vm[0], RIG_AT(2), 2, RIG_READ | QUIRE_PROT_USER));
    OK(quire_vm_protect(&vm[0], RIG_AT(2), 2, RW | QUIRE_PROT_USER));
    read_as_born(1, &vm[0], RIG_AT(2), store, 2);
    OK(quire_vm_merge(&vm[0], RIG_VA));
    EXPECT(vm[0].num_areas == 1);
    sound();
    pass(&vm[0], 0, 1); /* page 2 leaves */
    EXPECT(rig_query(&vm[0], RIG_AT(2)).entry == 0);
}
