/* What must hold of memory that comes and goes, of advice, and of logs of writes: the tests that the defects of list_advice must
 * fail. */
#include "witness.h"

#include "quire/adopt.h"
#include "quire/advise.h"
#include "quire/dirty_log.h"
#include "quire/resize.h"

#define PA(i) quire_pa_make(RIG_PA + ((uint64_t)(i) << QUIRE_PAGE_SHIFT))

static struct rig_store *forgetful(struct quire_vm *in, uintptr_t va, uint32_t npages)
{
    struct rig_store *store = shown(in, va, npages, RW);

    rig_store_forgets(store);
    return store;
}

static enum quire_status advise(uintptr_t va, size_t npages, enum quire_advice advice)
{
    return quire_vm_advise(&vm[0], va, npages, advice);
}

/* ---- Free ---- */

WITNESS(what_was_saved_before_a_page_was_let_go_does_not_come_back, .pages = 16)
{
    struct rig_store *store = forgetful(&vm[0], RIG_VA, 3);

    write_byte(0, &vm[0], RIG_AT(0), 1);
    write_byte(0, &vm[0], RIG_AT(1), 1);
    OK(advise(RIG_VA, 2, QUIRE_ADVICE_DONT_NEED)); /* saved, and gone */
    write_byte(0, &vm[0], RIG_AT(0), 2);
    OK(advise(RIG_VA, 2, QUIRE_ADVICE_FREE));
    sound();
    OK(advise(RIG_VA, 2, QUIRE_ADVICE_DONT_NEED));
    read_as_born(0, &vm[0], RIG_AT(0), store, 0);
    read_as_born(0, &vm[0], RIG_AT(1), store, 1);
}

static bool armed;

/* A processor that remembers the entry writes at the last moment, and goes on to remember it if nobody told it otherwise. */
static void write_late(void *user, const struct quire_batch *batch)
{
    unsigned char byte = 5;

    (void)user;
    (void)batch;
    if (armed) {
        (void)!quire_sim_access(&rig.sim, 1, &vm[0], RIG_AT(0), RIG_WRITE, false, &byte, 1);
    }
}

WITNESS(a_write_after_the_freeing_is_kept, .pages = 16, .eager = true)
{
    unsigned char byte = 7;

    (void)forgetful(&vm[0], RIG_VA, 3);
    write_byte(1, &vm[0], RIG_AT(0), 1);
    OK(advise(RIG_VA, 1, QUIRE_ADVICE_FREE));
    OK(use(1, 0, &vm[0], RIG_AT(0), RIG_WRITE, &byte));
    OK(advise(RIG_VA, 1, QUIRE_ADVICE_DONT_NEED));
    read_byte(&vm[0], RIG_AT(0), 7);
}

WITNESS(what_another_context_shows_is_not_let_go, .pages = 16)
{
    struct rig_store *store = forgetful(&vm[0], RIG_VA, 3);

    OK(rig_map(&vm[1], &store->fobj, RIG_VA, RW));
    write_byte(0, &vm[1], RIG_AT(0), 9);
    SAYS(QUIRE_BUSY, advise(RIG_VA, 1, QUIRE_ADVICE_FREE));
    OK(advise(RIG_VA, 1, QUIRE_ADVICE_DONT_NEED));
    read_byte(&vm[1], RIG_AT(0), 9);
}

/* ---- Populate, will need ---- */

WITNESS(populating_checks_what_a_fault_would_check, .pages = 16)
{
    struct rig_store *store = rig_store_new(&rig, 2, RW);
    struct quire_mapping mapping;
    struct quire_vm_copy how;
    size_t done = 0;

    memset(&mapping, 0, sizeof mapping);
    memset(&how, 0, sizeof how);
    mapping.fobj = &store->fobj;
    mapping.va = RIG_VA;
    mapping.prot = RW; /* not for unprivileged accesses */
    OK(quire_vm_map(&vm[0], &mapping, NULL));
    SAYS(QUIRE_DENIED, quire_vm_populate(&vm[0], RIG_VA, 2, false, &how, &done));
    OK(quire_vm_protect(&vm[0], RIG_VA, 2, RIG_READ | QUIRE_PROT_USER));
    SAYS(QUIRE_DENIED, quire_vm_populate(&vm[0], RIG_VA, 2, true, &how, &done));
    EXPECT(done == 0 && rig.loads == 0);
}

WITNESS(populating_does_not_push_out_what_it_brought, .policy = RIG_FIFO, .pages = 7)
{
    struct quire_vm_copy how;
    size_t done = 0;
    uint32_t i;

    memset(&how, 0, sizeof how);
    (void)shown(&vm[0], RIG_VA, 12, RW);
    SAYS(QUIRE_LIMIT, quire_vm_populate(&vm[0], RIG_VA, 12, true, &how, &done));
    for (i = 0; i < done; i++) {
        EXPECT(rig_query(&vm[0], RIG_AT(i)).resident);
    }
    EXPECT(done >= 4 && rig.loads == done);
}

WITNESS(advice_costs_nobody_a_save, .policy = RIG_FIFO, .pages = 6)
{
    uint32_t i;

    (void)shown(&vm[0], RIG_VA, 12, RW);
    for (i = 0; i < 6; i++) {
        write_byte(0, &vm[0], RIG_AT(i), 1);
    }
    OK(advise(RIG_AT(6), 6, QUIRE_ADVICE_WILL_NEED));
    EXPECT(rig.saves == 0);
}

/* ---- Memory that leaves ---- */

WITNESS(a_page_that_was_taken_is_used_by_nobody, .pages = 8)
{
    struct quire_pa pa[3];
    uint32_t taken;
    uint32_t i;

    (void)shown(&vm[0], RIG_VA, 12, RW);
    OK(quire_pager_remove_pages(&rig.pager, PA(3), 1, true)); /* from the middle of the free ones */
    OK(quire_pager_shrink(&rig.pager, 1, true, pa, &taken));
    sound();
    memset(quire_sim_bytes(&rig.sim, PA(3)), 0x3c, RIG_PAGE);
    memset(quire_sim_bytes(&rig.sim, pa[0]), 0x3c, RIG_PAGE);
    for (i = 0; i < 12; i++) {
        write_byte(0, &vm[0], RIG_AT(i), 1);
    }
    EXPECT(quire_sim_bytes(&rig.sim, PA(3))[0] == 0x3c);
    EXPECT(quire_sim_bytes(&rig.sim, pa[0])[0] == 0x3c);
    EXPECT(rig_stats(&rig).pages[QUIRE_PAGE_OFFLINE] == 2);
}

WITNESS(a_page_that_was_taken_holds_nothing, .pages = 8)
{
    uint32_t i;

    (void)shown(&vm[0], RIG_VA, 3, RW);
    write_byte(0, &vm[0], RIG_AT(0), 0x55);
    OK(quire_pager_remove_pages(&rig.pager, PA(0), 1, true));
    for (i = 0; i < RIG_PAGE; i++) {
        expect(quire_sim_bytes(&rig.sim, PA(0))[i] == 0, "a page left with bytes in it");
    }
}

WITNESS(so_many_pages_stay_that_an_instruction_finishes, .policy = RIG_FIFO, .step = 2, .pages = 6)
{
    struct quire_sim_thread thread;
    struct quire_sim_operand operand[2];
    unsigned char byte[2] = {1, 2};
    struct quire_pa pa[8];
    uint32_t taken;
    uint32_t i;

    (void)shown(&vm[0], RIG_VA, 8, RW);
    pass(&vm[0], 0, 7);
    SAYS(QUIRE_NO_PAGE, quire_pager_shrink(&rig.pager, 8, true, pa, &taken));
    EXPECT(taken == 3);
    memset(&thread, 0, sizeof thread);
    for (i = 0; i < 2u; i++) {
        operand[i].va = RIG_AT(i);
        operand[i].access = RIG_WRITE;
        operand[i].bytes = &byte[i];
        operand[i].len = 1;
    }
    OK(quire_sim_step(&rig.sim, &thread, &vm[0], operand, 2));
}

WITNESS(a_removal_that_fails_gives_back_what_it_took, .pages = 12)
{
    (void)shown(&vm[0], RIG_VA, 8, RW);
    write_byte(0, &vm[0], RIG_AT(0), 1);
    write_byte(0, &vm[0], RIG_AT(1), 1);
    rig_fail(&rig.save_fails, 2, 1, QUIRE_IO);
    SAYS(QUIRE_IO, quire_pager_remove_pages(&rig.pager, PA(0), 4, true));
    EXPECT(rig_stats(&rig).pages[QUIRE_PAGE_OFFLINE] == 0);
    sound();
    read_byte(&vm[0], RIG_AT(0), 1);
    read_byte(&vm[0], RIG_AT(1), 1);
}

WITNESS(a_page_that_was_used_is_not_adopted, .pages = 8)
{
    struct rig_store *secret = shown(&vm[0], RIG_VA, 2, RW);
    struct rig_store *store = rig_store_new(&rig, 2, RW);

    write_byte(0, &vm[0], RIG_AT(0), 0x66);
    OK(quire_pager_write_back(&rig.pager, &secret->fobj, 0, 1, true));
    OK(advise(RIG_VA, 1, QUIRE_ADVICE_DONT_NEED)); /* free, its bytes still there */
    SAYS(QUIRE_BUSY, quire_pager_adopt(&rig.pager, &store->fobj, 0, PA(0), false));
}

WITNESS(an_adopted_page_that_only_memory_has_is_saved, .pages = 8)
{
    struct rig_store *store = rig_store_new(&rig, 2, RW);

    memset(quire_sim_bytes(&rig.sim, PA(2)), 0x44, RIG_PAGE);
    OK(quire_pager_adopt(&rig.pager, &store->fobj, 0, PA(2), true));
    OK(rig_map(&vm[0], &store->fobj, RIG_VA, RW));
    OK(advise(RIG_VA, 1, QUIRE_ADVICE_DONT_NEED));
    read_byte(&vm[0], RIG_AT(0), 0x44);
}

/* ---- Logs of writes ---- */

static uint32_t bits;

static uint32_t report(bool clear)
{
    uint32_t out = 0;

    OK(quire_vm_log_read(&vm[0], RIG_VA, 8, clear, &out));
    return out;
}

WITNESS(a_write_after_the_page_was_evicted_and_came_back_is_logged, .policy = RIG_FIFO, .pages = 5)
{
    (void)shown(&vm[0], RIG_VA, 8, RW);
    OK(quire_vm_log_start(&vm[0], RIG_VA, 8, &bits));
    write_byte(0, &vm[0], RIG_AT(0), 1);
    EXPECT(report(true) == 1u);
    pass(&vm[0], 1, 7);
    EXPECT(report(true) == 0);
    read_byte(&vm[0], RIG_AT(0), 1);
    write_byte(0, &vm[0], RIG_AT(0), 2);
    EXPECT(report(false) == 1u);
}

WITNESS(a_write_to_a_page_that_is_dirty_already_is_logged, .pages = 16)
{
    (void)shown(&vm[0], RIG_VA, 8, RW);
    write_byte(0, &vm[0], RIG_AT(0), 1);
    OK(quire_vm_log_start(&vm[0], RIG_VA, 8, &bits));
    OK(quire_vm_drop_range(&vm[0], RIG_VA, 8));
    read_byte(&vm[0], RIG_AT(0), 1); /* a minor fault; the page is dirty */
    sound();
    write_byte(0, &vm[0], RIG_AT(0), 2);
    EXPECT(report(true) == 1u);
    write_byte(0, &vm[0], RIG_AT(0), 3);
    EXPECT(report(true) == 1u);
}

WITNESS(a_write_while_the_log_is_cleared_is_in_one_of_the_reports, .pages = 16, .eager = true, .flushing = write_late)
{
    uint32_t reported;

    armed = false;
    (void)shown(&vm[0], RIG_VA, 8, RW);
    OK(quire_vm_log_start(&vm[0], RIG_VA, 8, &bits));
    write_byte(1, &vm[0], RIG_AT(0), 1);
    armed = true;
    reported = report(true);
    armed = false;
    EXPECT(reported == 1u);
    sound();
    write_byte(1, &vm[0], RIG_AT(0), 6);
    EXPECT(report(true) == 1u);
}

WITNESS(a_copy_into_the_context_is_logged, .pages = 16)
{
    struct quire_vm_copy how;

    memset(&how, 0, sizeof how);
    (void)shown(&vm[0], RIG_VA, 8, RW);
    OK(quire_vm_log_start(&vm[0], RIG_VA, 8, &bits));
    OK(quire_vm_copy_to(&vm[0], RIG_AT(3), "x", 1, &how, NULL));
    EXPECT(report(false) == 8u);
}
