/* sim_store.h: what a watched store does is seen, and passed on as it is. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "bare_machine.h"

static struct quire_fobj fobj;
static uint32_t slots[4];
static struct quire_sim_watch watch;
static enum quire_status answer;
static unsigned calls;

static enum quire_status load(struct quire_io *io)
{
    calls++;
    cr_assert_eq(watch.in_flight, 1u);
    cr_assert_eq(io->fobj, &fobj);
    return answer;
}

static enum quire_status save(struct quire_io *io)
{
    calls += 100u;
    cr_assert_eq(io->pgidx, 2u);
    return answer;
}

static void gone(struct quire_fobj *object)
{
    cr_assert_eq(object, &fobj);
    calls += 1000u;
}

static void no_load(struct quire_fobj *object, uint32_t pgidx, struct quire_pa *pa, uint32_t *npages)
{
    (void)object;
    (void)pgidx;
    *pa = pa_of(0);
    *npages = 1;
}

static struct quire_io io_for(void *const *page)
{
    struct quire_io io;

    memset(&io, 0, sizeof io);
    io.fobj = &fobj;
    io.pgidx = 2;
    io.npages = 1;
    io.page = page;
    return io;
}

static void *alias_of(uint32_t page)
{
    void *alias;

    lock();
    alias = sim.mmu.alias_get(&sim, pa_of(page));
    unlock();
    return alias;
}

static void start_watched(const struct quire_fobj_ops *ops)
{
    start_with(QUIRE_SIM_HW_ACCESSED);
    answer = QUIRE_OK;
    cr_assert_eq(quire_fobj_init(&fobj, ops, 4, slots, QUIRE_PROT_RWX, 0), QUIRE_OK);
    cr_assert_eq(quire_sim_watch_fobj(&watch, &sim, &fobj), QUIRE_OK);
}

Test(sim_store, watch_refuses_what_has_no_store)
{
    static const struct quire_fobj_ops unpaged = {"unpaged", 0, NULL, NULL, no_load, NULL};
    static struct quire_fobj other;

    start_with(QUIRE_SIM_HW_ACCESSED);
    cr_assert_eq(quire_fobj_init(&other, &unpaged, 4, NULL, QUIRE_PROT_READ, 0), QUIRE_OK);
    cr_assert_eq(quire_sim_watch_fobj(&watch, &sim, &other), QUIRE_INVALID);
    cr_assert_eq(other.ops, &unpaged);
    cr_assert_eq(quire_sim_watch_fobj(NULL, &sim, &other), QUIRE_INVALID);
    cr_assert_eq(quire_sim_watch_fobj(&watch, NULL, &other), QUIRE_INVALID);
    cr_assert_eq(quire_sim_watch_fobj(&watch, &sim, NULL), QUIRE_INVALID);
}

Test(sim_store, watched_store_answers_as_it_did)
{
    static const struct quire_fobj_ops ops = {"ops", QUIRE_FOBJ_OPS_FILLS, load, save, NULL, gone};
    void *page[1];
    struct quire_io io;

    start_watched(&ops);
    cr_assert_str_eq(fobj.ops->name, "ops");
    cr_assert_eq(fobj.ops->flags, QUIRE_FOBJ_OPS_FILLS);
    page[0] = alias_of(1);
    io = io_for(page);
    cr_assert_eq(fobj.ops->load(&io), QUIRE_OK);
    answer = QUIRE_INTEGRITY;
    cr_assert_eq(fobj.ops->load(&io), QUIRE_INTEGRITY);
    answer = QUIRE_IO;
    cr_assert_eq(fobj.ops->save(&io), QUIRE_IO);
    cr_assert_eq(quire_fobj_put(&fobj), QUIRE_OK);
    cr_assert_eq(calls, 1102u);
    cr_assert_eq(watch.loads, 2u);
    cr_assert_eq(watch.saves, 1u);
    cr_assert_eq(watch.in_flight, 0u);
    cr_assert_eq(watch.most, 1u);
    cr_assert_eq(sim.counts.loads, 2u);
    cr_assert_eq(sim.counts.saves, 1u);
    saw_nothing();
}

Test(sim_store, failed_load_is_seen_to_have_failed)
{
    static const struct quire_fobj_ops ops = {"ops", QUIRE_FOBJ_OPS_FILLS, load, NULL, NULL, NULL};
    void *page[1];
    struct quire_io io;

    start_watched(&ops);
    cr_assert_null(fobj.ops->save, "what could not save cannot now");
    page[0] = alias_of(1);
    io = io_for(page);
    answer = QUIRE_IO;
    cr_assert_eq(fobj.ops->load(&io), QUIRE_IO);
    show(&vm[0], 0, 1, RO);
    saw(QUIRE_SIM_MAP_INCOMPLETE);
    hide(&vm[0], 0);
    answer = QUIRE_OK;
    cr_assert_eq(fobj.ops->load(&io), QUIRE_OK);
    show(&vm[0], 0, 1, RO);
    saw_nothing();
}

Test(sim_store, store_without_the_promise_to_fill_gets_wiped_pages)
{
    static const struct quire_fobj_ops ops = {"ops", 0, load, NULL, NULL, NULL};
    void *page[1];
    struct quire_io io;

    start_watched(&ops);
    page[0] = alias_of(1);
    io = io_for(page);
    cr_assert_eq(fobj.ops->load(&io), QUIRE_OK);
    saw_nothing();
    memset(page[0], 1, 1);
    cr_assert_eq(fobj.ops->load(&io), QUIRE_OK);
    saw(QUIRE_SIM_LOAD_UNWIPED);
}

/* Writes the page in two parts, one before and one after it got what it needs. */
static enum quire_status load_in_two_rounds(struct quire_io *io)
{
    unsigned char *page = io->page[0];

    if (io->need_page == NULL) {
        memset(page, 1, QUIRE_PAGE_SIZE / 2u);
        return QUIRE_NEED;
    }
    memset(page + QUIRE_PAGE_SIZE / 2u, 2, QUIRE_PAGE_SIZE / 2u);
    return QUIRE_OK;
}

Test(sim_store, what_a_load_wrote_before_it_needed_a_page_stays)
{
    static const struct quire_fobj_ops kinds[] = {{"fills", QUIRE_FOBJ_OPS_FILLS, load_in_two_rounds, NULL, NULL, NULL},
                                                  {"wiped", 0, load_in_two_rounds, NULL, NULL, NULL}};
    unsigned kind;

    for (kind = 0; kind < 2; kind++) {
        unsigned char *bytes;
        void *page[1];
        struct quire_io io;

        start_watched(&kinds[kind]);
        bytes = page[0] = alias_of(1);
        io = io_for(page);
        cr_assert_eq(fobj.ops->load(&io), QUIRE_NEED);
        io.need_page = bytes;
        cr_assert_eq(fobj.ops->load(&io), QUIRE_OK);
        cr_assert(bytes[0] == 1 && bytes[QUIRE_PAGE_SIZE / 2u - 1u] == 1 && bytes[QUIRE_PAGE_SIZE / 2u] == 2);
        saw_nothing();
    }
}

Test(sim_store, code_loaded_anew_is_not_in_sync_even_if_it_is_the_same)
{
    static const struct quire_fobj_ops ops = {"ops", 0, load, NULL, NULL, NULL};
    void *page[1];
    struct quire_io io;

    start_watched(&ops);
    page[0] = alias_of(1);
    io = io_for(page);
    cr_assert_eq(fobj.ops->load(&io), QUIRE_OK);
    lock();
    sync_page(1);
    unlock();
    cr_assert_eq(fobj.ops->load(&io), QUIRE_OK);
    cr_assert_eq(sim.page[1].loads, 2u);
    cr_assert_eq(sim.page[1].syncs, 0u);
    show(&vm[0], 0, 1, RX);
    saw(QUIRE_SIM_MAP_UNSYNCED);
}

Test(sim_store, a_store_that_answers_later_has_the_page_until_it_does)
{
    static const struct quire_fobj_ops ops = {"ops", QUIRE_FOBJ_OPS_FILLS, load, save, NULL, NULL};
    void *page[1];
    struct quire_io io;

    start_watched(&ops);
    page[0] = alias_of(1);
    io = io_for(page);
    io.ticket = 1;
    answer = QUIRE_PENDING;
    cr_assert_eq(fobj.ops->load(&io), QUIRE_PENDING);
    cr_assert_eq(watch.in_flight, 1u);
    cr_assert(quire_sim_settled(&sim)); /* with its alias out */
    show(&vm[0], 0, 1, RO);
    saw(QUIRE_SIM_MAP_INCOMPLETE);
    quire_sim_forgive(&sim);
    quire_sim_watch_answer(&io, true, QUIRE_OK);
    cr_assert_eq(watch.in_flight, 0u);
    cr_assert_not(quire_sim_settled(&sim)); /* the alias is nobody's now */
    quire_sim_forgive(&sim);
    cr_assert_eq(fobj.ops->save(&io), QUIRE_PENDING);
    saw_nothing();
    cr_assert_eq(fobj.ops->save(&io), QUIRE_PENDING);
    saw(QUIRE_SIM_IO_TWICE);
    quire_sim_watch_answer(&io, false, QUIRE_IO);
    io.ticket = 0; /* then that is no answer, and the store has let go */
    cr_assert_eq(fobj.ops->save(&io), QUIRE_PENDING);
    cr_assert_eq(watch.in_flight, 1u); /* the one that was begun twice */
}
