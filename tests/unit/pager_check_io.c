/* pager_check.h: each invariant of loads and saves in flight is violated on purpose, seen, named, and put right again. */
#include "check_world.h"

/* A load and a save in flight, and a load that is late. */
struct flight {
    struct world w;
    struct rig_store *store;
    struct quire_request *load;
    struct quire_request *save;
    struct quire_request *late;
};

static struct flight f;

static struct quire_request *request_of(uint32_t i)
{
    return &f.w.rig.requests[(uint32_t)f.w.rig.pending[i].ticket & 0xffffu];
}

static void begin(void)
{
    static const struct rig_config config = {.requests = 5};

    rig_start(&f.w.rig, &config);
    rig_vm_start(&f.w.rig, &f.w.vm);
    f.store = rig_store_pending(&f.w.rig, 8, RW);
    EXPECT(rig_map(&f.w.vm, &f.store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_fault(&f.w.rig, &f.w.vm, RIG_VA, RIG_READ, NULL), QUIRE_AGAIN);
    EXPECT(rig_answer(&f.w.rig, 0, QUIRE_OK), QUIRE_OK);
    EXPECT(rig_poke(&f.w.rig, &f.w.vm, RIG_VA, 1), QUIRE_OK);
    EXPECT(quire_pager_write_back(&f.w.rig.pager, &f.store->fobj, 0, 1, false), QUIRE_AGAIN);
    EXPECT(rig_fault(&f.w.rig, &f.w.vm, RIG_AT(1), RIG_READ, NULL), QUIRE_AGAIN);
    EXPECT(rig_fault(&f.w.rig, &f.w.vm, RIG_AT(2), RIG_READ, NULL), QUIRE_AGAIN);
    EXPECT(quire_io_cancel(&f.w.rig.pager, f.w.rig.pending[2].ticket), QUIRE_OK);
    f.save = request_of(0);
    f.load = request_of(1);
    f.late = request_of(2);
    EXPECT_SOUND(&f.w.rig);
}

static void end(void)
{
    while (rig_pending(&f.w.rig) != 0) {
        EXPECT(rig_answer(&f.w.rig, 0, QUIRE_OK), QUIRE_OK);
    }
    END(&f.w.rig);
}

TestSuite(pager_check_io, .init = begin, .fini = end);

Test(pager_check_io, check_names_a_page_that_a_store_works_on_and_that_is_something_else)
{
    static const char what[] = "1: a page that a store works on is used for something else";

    PLANT(&f.w, f.load->number[0], f.save->number[0], what);
    PLANT(&f.w, f.load->io.pgidx, 5, what);
    PLANT(&f.w, f.load->load, false, what);
    PLANT(&f.w, f.save->load, true, what);
    PLANT(&f.w, f.late->number[0], f.load->number[0], what);
}

Test(pager_check_io, check_names_an_entry_of_a_page_that_a_late_store_works_on)
{
    PLANT(&f.w, page_of(&f.w, f.store, 2)->mapped, 1, "2: a page has entries while a store works on it");
}

Test(pager_check_io, check_names_an_object_that_could_be_freed_under_its_store)
{
    PLANT(&f.w, f.store->fobj.busy, 0, "7: an object could be freed while a store works on it");
}

Test(pager_check_io, check_names_a_request_in_use_that_can_be_taken)
{
    PLANT(&f.w, f.w.rig.pager.requests_first, (uint32_t)(f.load - f.w.rig.requests), "6: a request in use can be taken");
}

Test(pager_check_io, check_names_requests_that_are_counted_wrongly)
{
    static const char what[] = "6: requests are counted wrongly";

    PLANT(&f.w, f.w.rig.pager.requests_used, 2, what);
    PLANT(&f.w, f.w.rig.pager.requests_late, 0, what);
    PLANT(&f.w, f.w.rig.pager.requests_evict, 1, what);
}
