/* page_in.h: stores that fail and lie, and what gives way to what. */
#include <stdint.h> /* first: Criterion's own headers lack it */
#include <limits.h>

#include <criterion/criterion.h>
#include <string.h>

#include "rig.h"

#define OK(call) cr_assert_eq((call), QUIRE_OK)
#define SAYS(status, call) cr_assert_eq((call), (status))
#define SOUND() cr_assert_null(rig_wrong(&rig), "%s", rig_wrong(&rig))
#define RW (RIG_READ | RIG_WRITE)
#define POOL 6u /* pages; 5 are the least there may be */

static struct rig rig;
static struct quire_vm vm;

static void start(void)
{
    struct rig_config config;

    memset(&config, 0, sizeof config);
    config.pages = POOL;
    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
}

static void stop(void)
{
    SOUND();
    rig_stop(&rig);
}

static struct rig_store *mapped(uint32_t npages, unsigned prot)
{
    struct rig_store *store = rig_store_new(&rig, npages, prot);

    OK(rig_map(&vm, &store->fobj, RIG_VA, prot));
    return store;
}

/* Writes page i's number into each of n pages. */
static void write_pages(uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        OK(rig_poke(&rig, &vm, RIG_AT(i) + 1, (unsigned char)(0xc0u + i)));
    }
}

static void expect_written(uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(i) + 1), (int)(0xc0u + i), "page %u", i);
    }
}

/* ---- Loads ---- */

TestSuite(page_in_load, .init = start, .fini = stop);

Test(page_in_load, a_load_that_fails_gives_its_status_and_can_be_tried_again)
{
    static const enum quire_status answers[] = {QUIRE_IO, QUIRE_INTEGRITY, QUIRE_NO_MEMORY};
    struct rig_store *store = mapped(4, RIG_READ);
    struct quire_fault_result out;
    size_t i;

    for (i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        rig_fail(&store->load_fails, 1, 1, answers[i]);
        SAYS(answers[i], rig_fault(&rig, &vm, RIG_AT(i), RIG_READ, &out));
        cr_assert_eq(out.kind, QUIRE_FAULT_REFUSED);
        cr_assert_eq(out.store, answers[i]);
        cr_assert_not(rig_query(&vm, RIG_AT(i)).resident);
        SOUND();
        cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(i)), rig_born(store->tag, (uint32_t)i, 0));
    }
    cr_assert_eq(rig_stats(&rig).load_failures, 3);
    cr_assert_eq(rig_stats(&rig).bad_answers, 0);
}

Test(page_in_load, others_go_on_when_one_store_fails)
{
    struct rig_store *store = mapped(4, RIG_READ);
    struct rig_store *good = rig_store_new(&rig, 4, RIG_READ);

    OK(rig_map(&vm, &good->fobj, RIG_AT(8), RIG_READ));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(1)), rig_born(store->tag, 1, 0));
    rig_fail(&store->load_fails, 1, UINT64_MAX, QUIRE_IO);
    SAYS(QUIRE_IO, rig_fault(&rig, &vm, RIG_AT(0), RIG_READ, NULL));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(8)), rig_born(good->tag, 0, 0));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(1)), rig_born(store->tag, 1, 0), "what was there stays there");
}

Test(page_in_load, an_answer_outside_the_contract_is_a_bad_answer)
{
    static const int answers[] = {QUIRE_PENDING,
                                  QUIRE_NEED,
                                  QUIRE_AGAIN,
                                  QUIRE_INVALID,
                                  QUIRE_NO_PAGE,
                                  QUIRE_STUCK,
                                  QUIRE_DEAD,
                                  QUIRE_CORRUPT,
                                  QUIRE_TIMEOUT,
                                  -25,
                                  -1000,
                                  1,
                                  77,
                                  INT_MIN};
    struct rig_store *store = mapped(1, RIG_READ);
    struct quire_fault_result out;
    size_t i;

    for (i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        int answer = answers[i];
        enum quire_status lie;

        memcpy(&lie, &answer, sizeof lie); /* also what no status is */
        rig_fail(&store->load_fails, 1, 1, lie);
        SAYS(QUIRE_BAD_ANSWER, rig_fault(&rig, &vm, RIG_VA, RIG_READ, &out));
        cr_assert_eq(out.store, QUIRE_BAD_ANSWER);
        SOUND();
    }
    cr_assert_eq(rig_stats(&rig).bad_answers, i);
    cr_assert_eq(rig_byte(&rig, &vm, RIG_VA), rig_born(store->tag, 0, 0));
}

Test(page_in_load, what_a_store_leaves_out_is_zero_and_not_somebody_elses)
{
    struct rig_store *first = mapped(POOL, RIG_READ);
    struct rig_store *second = rig_store_new(&rig, 1, RIG_READ);
    unsigned char page[2];
    uint32_t i;

    for (i = 0; i < POOL; i++) { /* every page of the pool holds something of the first object */
        cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(i)), rig_born(first->tag, i, 0));
    }
    second->leaves = 100;
    second->ops.flags = 0;
    second->watch.ops.flags = 0;
    OK(rig_map(&vm, &second->fobj, RIG_AT(20), RIG_READ));
    OK(rig_read(&rig, &vm, RIG_AT(20) + RIG_PAGE - 101u, page, 2));
    cr_assert_eq(page[0], rig_born(second->tag, 0, RIG_PAGE - 101u));
    cr_assert_eq(page[1], 0);
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(20) + RIG_PAGE - 1u), 0);
}

static enum quire_status sees_whether_stored(struct rig_store *store, struct quire_io *io, bool load)
{
    bool *stored = store->user;

    cr_assert_eq(io->npages, 1);
    cr_assert_eq(io->ticket, 0);
    cr_assert_null(io->need_fobj);
    if (load) {
        *stored = io->stored;
    }
    return QUIRE_OK;
}

Test(page_in_load, a_store_is_told_whether_it_was_given_the_page)
{
    struct rig_store *store = mapped(1, RW);
    bool stored = true;

    store->before = sees_whether_stored;
    store->user = &stored;
    OK(rig_poke(&rig, &vm, RIG_VA, 1));
    cr_assert_not(stored);
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 1, true));
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 1));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_VA), 1);
    cr_assert(stored);
}

/* ---- Eviction and saves ---- */

TestSuite(page_in_evict, .init = start, .fini = stop);

Test(page_in_evict, more_pages_than_there_are_come_and_go)
{
    struct rig_store *store = mapped(20, RW);

    write_pages(20);
    expect_written(20);
    cr_assert_geq(rig_stats(&rig).evictions, 34);
    cr_assert_geq(rig.saves, 14);
    cr_assert_eq(rig_stats(&rig).pages[QUIRE_PAGE_RESIDENT], POOL);
    SOUND();
    cr_assert_eq(store->saves_of[0], 1, "a page that was not written again is not saved again");
}

Test(page_in_evict, a_clean_page_is_not_saved)
{
    struct rig_store *store = mapped(20, RIG_READ);
    uint32_t i;

    for (i = 0; i < 20u; i++) {
        cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(i)), rig_born(store->tag, i, 0));
    }
    cr_assert_eq(rig.saves, 0);
}

Test(page_in_evict, a_save_that_fails_keeps_the_page_dirty_and_another_gives_way)
{
    struct rig_store *store = mapped(20, RW);
    struct quire_fault_result out;

    write_pages(POOL);
    rig_fail(&store->save_fails, 1, 1, QUIRE_IO);
    OK(rig_fault(&rig, &vm, RIG_AT(POOL), RIG_READ, &out));
    cr_assert_eq(out.kind, QUIRE_FAULT_MAJOR);
    cr_assert_eq(rig_stats(&rig).save_failures, 1);
    cr_assert_eq(rig.saves, 2);
    SOUND();
    expect_written(POOL);
}

Test(page_in_evict, when_nothing_can_be_saved_there_is_no_page_and_nothing_is_lost)
{
    struct rig_store *store = mapped(20, RW);
    struct quire_fault_result out;
    uint32_t i;

    write_pages(POOL);
    rig_fail(&store->save_fails, 1, UINT64_MAX, QUIRE_NO_MEMORY);
    SAYS(QUIRE_NO_PAGE, rig_fault(&rig, &vm, RIG_AT(POOL), RIG_READ, &out));
    cr_assert_eq(out.store, QUIRE_NO_MEMORY);
    for (i = 0; i < POOL; i++) {
        struct quire_vm_info info = rig_query(&vm, RIG_AT(i));

        cr_assert(info.resident);
        cr_assert(info.dirty || (info.entry & QUIRE_ENTRY_DIRTY) != 0);
    }
    SOUND();
    expect_written(POOL);
    rig_fail(&store->save_fails, 0, 0, QUIRE_OK);
    OK(rig_fault(&rig, &vm, RIG_AT(POOL), RIG_READ, &out));
    expect_written(POOL);
}

Test(page_in_evict, a_clean_page_gives_way_where_dirty_ones_cannot_be_saved)
{
    struct rig_store *store = mapped(20, RW);
    struct rig_store *code = rig_store_new(&rig, 2, RIG_READ);

    OK(rig_map(&vm, &code->fobj, RIG_AT(30), RIG_READ));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(30)), rig_born(code->tag, 0, 0));
    write_pages(POOL - 1u);
    rig_fail(&store->save_fails, 1, UINT64_MAX, QUIRE_IO);
    OK(rig_fault(&rig, &vm, RIG_AT(31), RIG_READ, NULL));
    expect_written(POOL - 1u);
}

Test(page_in_evict, a_lie_about_a_save_keeps_the_page)
{
    struct rig_store *store = mapped(20, RW);
    struct quire_fault_result out;

    write_pages(POOL);
    rig_fail(&store->save_fails, 1, UINT64_MAX, QUIRE_PENDING);
    SAYS(QUIRE_NO_PAGE, rig_fault(&rig, &vm, RIG_AT(POOL), RIG_READ, &out));
    cr_assert_eq(out.store, QUIRE_BAD_ANSWER);
    cr_assert_gt(rig_stats(&rig).bad_answers, 0);
    expect_written(POOL);
}

Test(page_in_evict, a_dirty_page_without_a_save_operation_stays)
{
    struct rig_store *store = rig_store_new(&rig, 3, RW);
    struct rig_store *other = rig_store_new(&rig, 20, RIG_READ);
    uint32_t i;

    store->ops.save = NULL;
    store->watch.ops.save = NULL;
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    OK(rig_map(&vm, &other->fobj, RIG_AT(8), RIG_READ));
    OK(rig_poke(&rig, &vm, RIG_VA, 0x77));
    cr_assert_eq(rig_stats(&rig).fixed, 1);
    for (i = 0; i < 20u; i++) {
        cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(8u + i)), rig_born(other->tag, i, 0));
    }
    cr_assert_eq(rig_byte(&rig, &vm, RIG_VA), 0x77);
    cr_assert_eq(store->loads_of[0], 1);
    SAYS(QUIRE_NO_PAGE, rig_poke(&rig, &vm, RIG_AT(1), 1)); /* a second one would leave too few for every fault to finish */
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(1)), rig_born(store->tag, 1, 0), "it can still be read");
    SOUND();
}

Test(page_in_evict, pages_of_a_locked_object_stay)
{
    struct rig_store *store = rig_store_new(&rig, 3, RW);
    struct rig_store *other = rig_store_new(&rig, 20, RIG_READ);
    uint32_t i;

    store->fobj.flags = QUIRE_FOBJ_LOCKED;
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
    OK(rig_map(&vm, &other->fobj, RIG_AT(8), RIG_READ));
    OK(rig_poke(&rig, &vm, RIG_VA, 0x77));
    for (i = 0; i < 20u; i++) {
        cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(8u + i)), rig_born(other->tag, i, 0));
    }
    cr_assert(rig_query(&vm, RIG_VA).resident);
    cr_assert_eq(store->saves_of[0], 0);
    SAYS(QUIRE_NO_PAGE, rig_fault(&rig, &vm, RIG_AT(1), RIG_READ, NULL));
    cr_assert_eq(store->loads_of[1], 0);
}

Test(page_in_evict, an_entry_that_sticks_takes_its_page_out_of_use_until_it_lets_go)
{
    struct rig_store *store = mapped(20, RW);
    uint32_t i;

    write_pages(POOL);
    for (i = 0; i < POOL; i++) {
        OK(quire_sim_stick(&rig.sim, &vm, RIG_AT(i), i == 0 ? UINT32_MAX : 0));
    }
    for (i = 1; i < 20u; i++) {
        OK(rig_fault(&rig, &vm, RIG_AT(i), RIG_READ, NULL));
        SOUND();
    }
    cr_assert_eq(rig_stats(&rig).pages[QUIRE_PAGE_QUARANTINED], 1);
    cr_assert_eq(rig_byte(&rig, &vm, RIG_VA + 1), 0xc0, "the entry that sticks still shows it");
    SAYS(QUIRE_STUCK, quire_pager_unstick(&rig.pager));
    OK(quire_sim_stick(&rig.sim, &vm, RIG_VA, 0));
    OK(quire_pager_unstick(&rig.pager));
    cr_assert_eq(rig_stats(&rig).pages[QUIRE_PAGE_QUARANTINED], 0);
    SOUND();
    cr_assert_eq(rig_byte(&rig, &vm, RIG_VA + 1), 0xc0);
    cr_assert_eq(store->loads_of[0], 1);
}

/* ---- Page tables ---- */

static unsigned rounds;

static enum quire_status gives_nothing(void *user, struct quire_vm *context, uintptr_t va)
{
    (void)user;
    (void)context;
    cr_assert_eq(va & QUIRE_PAGE_MASK, 0);
    rounds++;
    return QUIRE_OK;
}

static enum quire_status refuses(void *user, struct quire_vm *context, uintptr_t va)
{
    (void)user;
    (void)context;
    (void)va;
    rounds++;
    return QUIRE_NO_MEMORY;
}

static void start_with_tables(enum quire_status (*need_tables)(void *, struct quire_vm *, uintptr_t), uint32_t tables)
{
    struct rig_config config;

    rounds = 0;
    memset(&config, 0, sizeof config);
    config.table_pages = 8;
    config.tables = tables;
    config.need_tables = need_tables;
    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
}

static void expect_no_table(unsigned expected)
{
    struct rig_store *store = mapped(16, RIG_READ);

    cr_assert_eq(rig_byte(&rig, &vm, RIG_VA), rig_born(store->tag, 0, 0));
    SAYS(QUIRE_NO_TABLE, rig_fault(&rig, &vm, RIG_AT(8), RIG_READ, NULL));
    cr_assert_eq(rounds, expected);
    cr_assert(rig_query(&vm, RIG_AT(8)).resident, "the page stays");
    quire_sim_give_tables(&rig.sim, 1);
    OK(rig_fault(&rig, &vm, RIG_AT(8), RIG_READ, NULL));
    cr_assert_eq(store->loads_of[8], 1);
}

Test(page_in_tables, three_rounds_are_given_to_find_a_table, .fini = stop)
{
    start_with_tables(gives_nothing, 1);
    expect_no_table(3);
    cr_assert_eq(rig_stats(&rig).table_rounds, 3);
}

Test(page_in_tables, a_refusal_ends_the_search, .fini = stop)
{
    start_with_tables(refuses, 1);
    expect_no_table(1);
}

Test(page_in_tables, without_the_hook_there_is_none, .fini = stop)
{
    start_with_tables(NULL, 1);
    rig.sim.mmu.need_tables = NULL;
    expect_no_table(0);
}

static enum quire_status drops_the_first(void *user, struct quire_vm *context, uintptr_t va)
{
    (void)user;
    (void)va;
    rounds++;
    return quire_vm_drop_range(context, RIG_VA, 8);
}

Test(page_in_tables, a_table_can_be_taken_from_another_range, .fini = stop)
{
    struct rig_store *store;

    start_with_tables(drops_the_first, 1);
    store = mapped(16, RIG_READ);
    cr_assert_eq(rig_byte(&rig, &vm, RIG_VA), rig_born(store->tag, 0, 0));
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(8)), rig_born(store->tag, 8, 0));
    cr_assert_eq(rounds, 1);
    cr_assert_eq(rig_query(&vm, RIG_VA).entry, 0);
    cr_assert_eq(rig.sim.counts.table_gone, 1);
}
