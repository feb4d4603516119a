/* One event in the middle of another, held there by a gate in the store. */
#include "crew_test.h"

#define SAYS(status, call) cr_assert_eq((call), (status))
/* The same while an operation is in flight. */
#define CHECKS() cr_assert_eq(quire_pager_check(&rig.pager, &rig.violation), QUIRE_OK, "%s", rig.violation.what)
#define POOL 14u /* for 3 threads: one more than the least */

static struct rig rig;
static struct quire_vm vm;
static struct rig_store *store;
static struct crew_gate gate;

static void start_with(bool no_wait, bool flush_unlocked)
{
    struct rig_config config;

    memset(&config, 0, sizeof config);
    config.threads = true;
    config.no_wait = no_wait;
    config.flush_unlocked = flush_unlocked;
    config.concurrency = 3;
    config.pages = POOL;
    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 20, RW);
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
}

static void start(void)
{
    start_with(false, false);
}

static void start_without_wait(void)
{
    start_with(true, false);
}

static void stop(void)
{
    SOUND(&rig);
    crew_gate_fini(&gate);
    rig_stop(&rig);
}

/* A second thread that does one thing while this one looks on. */
static pthread_t other;
static enum quire_status other_status;
static unsigned char other_byte;

static void *reads_first_page(void *arg)
{
    (void)arg;
    other_status = rig_access(&rig, 1, 1, &vm, RIG_VA, RIG_READ, &other_byte, 1);
    return NULL;
}

/* arg: where its status goes; null: other_status. */
static void *faults_once(void *arg)
{
    enum quire_status *status = arg != NULL ? arg : &other_status;
    struct quire_fault fault;

    memset(&fault, 0, sizeof fault);
    fault.va = RIG_VA;
    fault.access = RIG_READ;
    fault.wait_ok = true;
    fault.thread = arg != NULL ? 2 : 1;
    *status = quire_pager_fault(&rig.pager, &vm, &fault, NULL);
    return NULL;
}

static void *writes_back(void *arg)
{
    (void)arg;
    other_status = quire_pager_write_back(&rig.pager, &store->fobj, 0, 20, true);
    return NULL;
}

static void begin_other(void *(*run)(void *))
{
    cr_assert_eq(pthread_create(&other, NULL, run, NULL), 0);
}

/* The other thread is in the load of page 0. */
static void begin_load(void *(*run)(void *))
{
    crew_gate_init(&gate, store, true);
    begin_other(run);
    crew_gate_await(&gate, 1);
}

static void end_other(void)
{
    crew_gate_open(&gate);
    pthread_join(other, NULL);
}

static enum quire_status fault_at(uint32_t page, bool wait_ok)
{
    struct quire_fault fault;

    memset(&fault, 0, sizeof fault);
    fault.va = RIG_AT(page);
    fault.access = RIG_READ;
    fault.wait_ok = wait_ok;
    return quire_pager_fault(&rig.pager, &vm, &fault, NULL);
}

TestSuite(pager_races, .init = start, .fini = stop, .timeout = 60);

/* ---- While a page is being loaded ---- */

Test(pager_races, no_entry_shows_a_page_that_is_being_loaded)
{
    begin_load(reads_first_page);
    cr_assert_eq(rig_query(&vm, RIG_VA).entry, 0);
    cr_assert_not(rig_query(&vm, RIG_VA).resident);
    end_other();
    OK(other_status);
    cr_assert_eq(other_byte, rig_born(store->tag, 0, 0));
}

Test(pager_races, who_must_not_wait_goes_away)
{
    begin_load(reads_first_page);
    SAYS(QUIRE_AGAIN, fault_at(0, false));
    end_other();
    OK(fault_at(0, false));
    cr_assert_eq(store->loads_of[0], 1);
}

Test(pager_races, other_pages_are_not_held_up)
{
    struct rig_store *second = rig_store_new(&rig, 2, RIG_READ);

    OK(rig_map(&vm, &second->fobj, RIG_AT(30), RIG_READ));
    begin_load(reads_first_page);
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(30)), rig_born(second->tag, 0, 0));
    end_other();
    OK(other_status);
}

Test(pager_races, an_area_that_goes_during_the_load_is_not_found_then)
{
    begin_load(faults_once);
    OK(quire_vm_unmap(&vm, RIG_VA, 20));
    end_other();
    SAYS(QUIRE_NOT_FOUND, other_status);
    cr_assert_eq(rig_stats(&rig).pages[QUIRE_PAGE_RESIDENT], 1, "the page arrived all the same");
}

Test(pager_races, permissions_that_go_during_the_load_are_gone_then)
{
    begin_load(faults_once);
    OK(quire_vm_protect(&vm, RIG_VA, 20, 0));
    end_other();
    SAYS(QUIRE_DENIED, other_status);
}

Test(pager_races, another_object_at_the_address_is_what_the_fault_finds)
{
    struct rig_store *second = rig_store_new(&rig, 2, RIG_READ);

    begin_load(reads_first_page);
    OK(quire_vm_unmap(&vm, RIG_VA, 20));
    OK(rig_map(&vm, &second->fobj, RIG_VA, RIG_READ));
    end_other();
    OK(other_status);
    cr_assert_eq(other_byte, rig_born(second->tag, 0, 0));
}

Test(pager_races, an_object_that_dies_during_the_load_is_freed_when_the_load_ends)
{
    begin_load(faults_once);
    OK(quire_vm_unmap(&vm, RIG_VA, 20));
    OK(rig_store_put(store));
    cr_assert_eq(store->freed, 0, "the store is still at work");
    CHECKS();
    end_other();
    cr_assert(other_status == QUIRE_DEAD || other_status == QUIRE_NOT_FOUND, "%s", quire_status_name(other_status));
    cr_assert_eq(store->freed, 1);
    cr_assert_eq(rig_stats(&rig).pages[QUIRE_PAGE_FREE], POOL);
    cr_assert_eq(rig_find(&rig, rig_store_page(store, 0), 64), 0, "what it loaded is wiped");
}

Test(pager_races, waiters_on_an_object_that_dies_are_told)
{
    enum quire_status status = QUIRE_OK;
    pthread_t waiter;

    begin_load(faults_once);
    cr_assert_eq(pthread_create(&waiter, NULL, faults_once, &status), 0);
    crew_await_waits(&rig, 1);
    OK(quire_vm_unmap(&vm, RIG_VA, 20));
    OK(rig_store_put(store));
    cr_assert_eq(store->freed, 0);
    end_other();
    pthread_join(waiter, NULL);
    cr_assert(other_status == QUIRE_DEAD || other_status == QUIRE_NOT_FOUND, "%s", quire_status_name(other_status));
    cr_assert(status == QUIRE_DEAD || status == QUIRE_NOT_FOUND, "%s", quire_status_name(status));
    cr_assert_eq(store->freed, 1);
}

Test(pager_races, what_is_invalidated_during_the_load_is_loaded_again)
{
    begin_load(reads_first_page);
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 1));
    end_other();
    OK(other_status);
    cr_assert_eq(store->loads_of[0], 2);
}

Test(pager_races, a_load_that_fails_tells_only_who_asked)
{
    begin_load(faults_once);
    gate.status = QUIRE_IO;
    OK(quire_vm_drop_range(&vm, RIG_VA, 20));
    end_other();
    SAYS(QUIRE_IO, other_status);
    gate.status = QUIRE_OK;
    OK(fault_at(0, true));
}

Test(pager_races, a_context_in_use_cannot_end)
{
    begin_load(reads_first_page);
    SAYS(QUIRE_BUSY, quire_vm_fini(&vm));
    cr_assert_eq(vm.num_areas, 1, "nothing changed");
    end_other();
    OK(other_status);
}

/* ---- While a page is being saved ---- */

static void *needs_room(void *arg)
{
    (void)arg;
    other_status = rig_access(&rig, 1, 1, &vm, RIG_AT(POOL), RIG_READ, &other_byte, 1);
    return NULL;
}

/* The page that the store is saving. */
static uint32_t page_being_saved(void)
{
    uint32_t i;

    for (i = 0; i < POOL; i++) {
        if (store->saves_of[i] != 0) {
            return i;
        }
    }
    return POOL;
}

Test(pager_races, a_page_that_is_saved_for_eviction_is_found_again_by_who_comes_for_it)
{
    uint32_t loads;
    uint32_t i;

    for (i = 0; i < POOL; i++) {
        OK(rig_poke(&rig, &vm, RIG_AT(i), (unsigned char)(0xb0u + i)));
    }
    crew_gate_init(&gate, store, false);
    begin_other(needs_room);
    crew_gate_await(&gate, 1);
    i = page_being_saved();
    cr_assert_lt(i, POOL);
    loads = store->loads_of[i];
    SAYS(QUIRE_AGAIN, fault_at(i, false));
    cr_assert_eq(rig_query(&vm, RIG_AT(i)).entry, 0);
    end_other();
    OK(other_status);
    OK(fault_at(i, true));
    cr_assert_eq(store->loads_of[i], loads, "it was waited for, so another page gave way");
    for (i = 0; i < POOL; i++) {
        cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(i)), (int)(0xb0u + i));
    }
}

Test(pager_races, an_object_that_dies_during_its_save_is_freed_when_the_save_ends)
{
    OK(rig_poke(&rig, &vm, RIG_VA, 1));
    OK(quire_fobj_get(&store->fobj)); /* for the write back */
    crew_gate_init(&gate, store, false);
    begin_other(writes_back);
    crew_gate_await(&gate, 1);
    OK(quire_vm_unmap(&vm, RIG_VA, 20));
    OK(rig_store_put(store));
    CHECKS();
    end_other();
    OK(other_status);
    OK(quire_fobj_put(&store->fobj));
    cr_assert_eq(store->freed, 1);
    cr_assert_eq(rig_stats(&rig).pages[QUIRE_PAGE_FREE], POOL);
}

/* ---- Without the wait hooks ---- */

TestSuite(pager_no_wait, .init = start_without_wait, .fini = stop, .timeout = 60);

Test(pager_no_wait, a_fault_on_a_page_in_transit_says_again)
{
    begin_load(faults_once);
    SAYS(QUIRE_AGAIN, fault_at(0, true));
    cr_assert_eq(vm.stats.refused, 1);
    end_other();
    OK(other_status);
    OK(fault_at(0, true));
    cr_assert_eq(store->loads_of[0], 1);
}

Test(pager_no_wait, a_write_back_of_a_page_in_transit_says_again)
{
    OK(rig_poke(&rig, &vm, RIG_VA, 1));
    crew_gate_init(&gate, store, false);
    begin_other(writes_back);
    crew_gate_await(&gate, 1);
    SAYS(QUIRE_AGAIN, quire_pager_write_back(&rig.pager, &store->fobj, 0, 20, true));
    SAYS(QUIRE_AGAIN, quire_pager_invalidate(&rig.pager, &store->fobj, 0, 20));
    SAYS(QUIRE_AGAIN, fault_at(0, true));
    CHECKS();
    end_other();
    OK(other_status);
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 20, true));
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 20));
}

Test(pager_no_wait, a_pin_of_a_page_in_transit_says_again)
{
    struct quire_pin pin;

    begin_load(faults_once);
    SAYS(QUIRE_AGAIN, quire_pin_fobj(&rig.pager, &store->fobj, 0, 1, false, true, &pin));
    end_other();
    OK(quire_pin_fobj(&rig.pager, &store->fobj, 0, 1, false, true, &pin));
    OK(quire_unpin(&pin));
}

Test(pager_no_wait, a_copy_says_again)
{
    struct quire_vm_copy how;
    unsigned char byte;
    size_t done = 7;

    memset(&how, 0, sizeof how);
    how.wait_ok = true;
    begin_load(faults_once);
    SAYS(QUIRE_AGAIN, quire_vm_copy_from(&vm, RIG_VA, &byte, 1, &how, &done));
    cr_assert_eq(done, 0);
    end_other();
    OK(quire_vm_copy_from(&vm, RIG_VA, &byte, 1, &how, &done));
}

/* ---- While another operation is on its way to flush ---- */

static pthread_t flusher; /* whose flush is held up at the gate ... */
static bool held_up;      /* ... if there is one */

static void hold_up_the_flusher(void *user, const struct quire_batch *batch)
{
    (void)user;
    (void)batch;
    if (held_up && pthread_equal(pthread_self(), flusher) != 0) {
        pthread_mutex_lock(&gate.mutex);
        gate.waiting++;
        pthread_cond_broadcast(&gate.changed);
        while (!gate.open) {
            pthread_cond_wait(&gate.changed, &gate.mutex);
        }
        pthread_mutex_unlock(&gate.mutex);
    }
}

static void *writes_back_slowly(void *arg)
{
    flusher = pthread_self();
    held_up = true;
    return writes_back(arg);
}

static bool still_seen(void)
{
    unsigned char byte;

    return quire_sim_access(&rig.sim, 0, &vm, RIG_VA, RIG_READ, false, &byte, 1) == QUIRE_SIM_DONE;
}

/* Another thread has removed the entry of page 0 for a write back, and a processor still remembers it. */
static void start_in_flush(void)
{
    struct rig_config config;

    memset(&config, 0, sizeof config);
    config.threads = true;
    config.flush_unlocked = true;
    config.concurrency = 3;
    config.pages = POOL;
    config.flushing = hold_up_the_flusher;
    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 20, RW);
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    OK(rig_poke(&rig, &vm, RIG_VA, 1));
    crew_gate_init(&gate, store, true);
    begin_other(writes_back_slowly);
    crew_gate_await(&gate, 1);
    cr_assert(still_seen(), "or this proves nothing");
}

TestSuite(pager_in_flush, .init = start_in_flush, .fini = stop, .timeout = 60);

Test(pager_in_flush, what_is_unmapped_is_not_remembered)
{
    struct rig_store *second = rig_store_new(&rig, 2, RIG_READ);

    OK(quire_vm_unmap(&vm, RIG_VA, 20));
    cr_assert_not(still_seen());
    OK(rig_map(&vm, &second->fobj, RIG_VA, RIG_READ));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_VA), rig_born(second->tag, 0, 0));
    end_other();
    OK(other_status);
}

Test(pager_in_flush, what_is_moved_away_is_not_remembered)
{
    OK(quire_vm_remap(&vm, RIG_VA, 20, RIG_AT(30)));
    cr_assert_not(still_seen());
    end_other();
    OK(other_status);
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(30)), 1);
}

Test(pager_in_flush, what_may_no_longer_be_accessed_is_not_remembered)
{
    OK(quire_vm_protect(&vm, RIG_VA, 20, 0));
    cr_assert_not(still_seen());
    end_other();
    OK(other_status);
}

Test(pager_in_flush, no_page_table_is_given_back_while_its_entries_are_remembered)
{
    OK(quire_vm_drop_range(&vm, RIG_VA, 64)); /* the machine's oracle looks */
    cr_assert_not(still_seen());
    end_other();
    OK(other_status);
}
