/* writeback.h: save, forget, let go. */
#include "rig_test.h"

#include "quire/fobj_phys.h"

struct world {
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store; /* 8 pages at RIG_VA */
};

static void world_start(struct world *w, struct rig_config config)
{
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    w->store = rig_store_new(&w->rig, 8, RW);
    EXPECT(rig_map(&w->vm, &w->store->fobj, RIG_VA, RW), QUIRE_OK);
}

static struct rig_config plain(void)
{
    struct rig_config config = {.flags = QUIRE_SIM_HW_ACCESSED, .concurrency = 2, .eager = true};

    return config;
}

static enum quire_status write_back(struct world *w, uint32_t first, uint32_t n)
{
    return quire_pager_write_back(&w->rig.pager, &w->store->fobj, first, n, false);
}

static enum quire_status invalidate(struct world *w, uint32_t first, uint32_t n)
{
    return quire_pager_invalidate(&w->rig.pager, &w->store->fobj, first, n);
}

static void dirty(struct world *w, uint32_t first, uint32_t n)
{
    uint32_t i;

    for (i = first; i < first + n; i++) {
        EXPECT(rig_poke(&w->rig, &w->vm, RIG_AT(i), (unsigned char)(i + 20u)), QUIRE_OK);
    }
}

static void read_pages(struct world *w, uint32_t first, uint32_t n)
{
    uint32_t i;

    for (i = first; i < first + n; i++) {
        cr_expect(born_at(&w->rig, &w->vm, RIG_AT(i), w->store, i));
    }
}

/* ---- Write back ---- */

Test(writeback, write_back_saves_what_is_dirty_and_leaves_it_resident)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.eager = true});
        struct world w;
        uint32_t i;

        world_start(&w, config);
        dirty(&w, 0, 3);
        read_pages(&w, 3, 2);
        EXPECT(write_back(&w, 1, 7), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        for (i = 0; i < 8; i++) {
            cr_expect_eq(w.store->saves_of[i], i == 1 || i == 2);
            cr_expect_eq(rig_query(&w.vm, RIG_AT(i)).resident, i < 5);
        }
        cr_expect_eq(rig_store_page(w.store, 2)[0], 22);
        cr_expect(!rig_query(&w.vm, RIG_AT(2)).dirty);
        dirty(&w, 2, 1); /* a write after it is seen again */
        EXPECT(write_back(&w, 0, 8), QUIRE_OK);
        cr_expect_eq(w.store->saves_of[0], 1);
        cr_expect_eq(w.store->saves_of[1], 1);
        cr_expect_eq(w.store->saves_of[2], 2);
        END(&w.rig);
    }
}

Test(writeback, write_back_returns_the_first_failure_after_trying_the_others)
{
    struct world w;

    world_start(&w, plain());
    dirty(&w, 0, 4);
    rig_fail(&w.store->save_fails, 2, 1, QUIRE_IO);
    EXPECT(write_back(&w, 0, 8), QUIRE_IO);
    cr_expect_eq(w.store->saves_of[3], 1);
    cr_expect(rig_query(&w.vm, RIG_AT(1)).dirty);
    cr_expect(!rig_query(&w.vm, RIG_AT(0)).dirty && !rig_query(&w.vm, RIG_AT(2)).dirty);
    rig_fail(&w.store->save_fails, 1, 1, QUIRE_PENDING);
    EXPECT(write_back(&w, 0, 8), QUIRE_BAD_ANSWER);
    EXPECT_SOUND(&w.rig);
    EXPECT(write_back(&w, 0, 8), QUIRE_OK);
    cr_expect_eq(rig_store_page(w.store, 1)[0], 21);
    END(&w.rig);
}

Test(writeback, write_back_of_a_pinned_page_saves_it_and_leaves_it_dirty)
{
    struct quire_pin pin;
    struct world w;

    world_start(&w, plain());
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 2, 1, true, false, &pin), QUIRE_OK);
    EXPECT(write_back(&w, 0, 8), QUIRE_OK);
    cr_expect_eq(w.store->saves_of[2], 1);
    cr_expect(rig_query(&w.vm, RIG_AT(2)).dirty);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    EXPECT(write_back(&w, 0, 8), QUIRE_OK);
    cr_expect(!rig_query(&w.vm, RIG_AT(2)).dirty);
    END(&w.rig);
}

Test(writeback, write_back_skips_what_cannot_be_saved)
{
    struct rig_store *unsaved;
    struct world w;

    world_start(&w, plain());
    unsaved = store_that_never_saves(&w.rig, 2, RW);
    EXPECT(rig_map(&w.vm, &unsaved->fobj, RIG_AT(16), RW), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(16), 1), QUIRE_OK);
    EXPECT(quire_pager_write_back(&w.rig.pager, &unsaved->fobj, 0, 2, false), QUIRE_OK);
    cr_expect(rig_query(&w.vm, RIG_AT(16)).dirty);
    cr_expect_eq(w.rig.saves, 0);
    END(&w.rig);
}

Test(writeback, write_back_and_invalidate_refuse_ranges_and_objects_they_do_not_know)
{
    struct quire_fobj_phys_config phys_config = {.pa = {RIG_PA + 16u * RIG_PAGE}, .npages = 2, .max_prot = RW};
    struct rig_config config = plain();
    struct quire_fobj_phys phys;
    struct rig_store *stranger;
    struct world w;
    struct rig other;

    config.more_pages = 2;
    world_start(&w, config);
    rig_start(&other, NULL);
    stranger = rig_store_new(&w.rig, 2, RW);
    EXPECT(quire_fobj_phys_init(&phys, &phys_config), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &phys.base, RIG_AT(20), RW), QUIRE_OK);
#define BOTH(pager, fobj, first, n)                                                      \
    EXPECT(quire_pager_write_back((pager), (fobj), (first), (n), false), QUIRE_INVALID); \
    EXPECT(quire_pager_invalidate((pager), (fobj), (first), (n)), QUIRE_INVALID)
    BOTH(&w.rig.pager, &w.store->fobj, 0, 0);
    BOTH(&w.rig.pager, &w.store->fobj, 0, 9);
    BOTH(&w.rig.pager, &w.store->fobj, 8, 1);
    BOTH(&w.rig.pager, &w.store->fobj, 7, UINT32_MAX);
    BOTH(&w.rig.pager, &w.store->fobj, UINT32_MAX, 2);
    BOTH(&w.rig.pager, &stranger->fobj, 0, 1);
    BOTH(&other.pager, &w.store->fobj, 0, 1);
    BOTH(&w.rig.pager, &phys.base, 0, 1);
    EXPECT(quire_fobj_put(&phys.base), QUIRE_OK);
    END(&other);
    END(&w.rig);
}

static enum quire_status meanwhile_status[2];

static enum quire_status ask_meanwhile(struct rig_store *store, struct quire_io *io, bool load)
{
    struct world *w = store->user;

    (void)load;
    store->before = NULL;
    meanwhile_status[0] = write_back(w, io->pgidx, 1);
    meanwhile_status[1] = invalidate(w, io->pgidx, 1);
    return QUIRE_OK;
}

Test(writeback, write_back_and_invalidate_of_a_page_that_is_being_saved_say_again)
{
    struct rig_config config = plain();
    struct world w;

    config.flags = QUIRE_SIM_HW_ACCESSED;
    world_start(&w, config);
    dirty(&w, 0, 1);
    w.store->before = ask_meanwhile;
    w.store->user = &w;
    EXPECT(write_back(&w, 0, 8), QUIRE_OK);
    EXPECT(meanwhile_status[0], QUIRE_AGAIN);
    EXPECT(meanwhile_status[1], QUIRE_AGAIN);
    cr_expect_eq(w.store->saves_of[0], 1);
    END(&w.rig);
}

static enum quire_status fail_after_asking(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)ask_meanwhile(store, io, load);
    return QUIRE_IO;
}

Test(writeback, write_back_does_not_say_ok_of_a_save_that_is_not_over)
{
    struct world w;

    world_start(&w, plain());
    dirty(&w, 0, 1);
    w.store->before = fail_after_asking;
    w.store->user = &w;
    EXPECT(write_back(&w, 0, 1), QUIRE_IO);
    EXPECT(meanwhile_status[0], QUIRE_AGAIN);
    cr_expect(rig_query(&w.vm, RIG_VA).dirty);
    EXPECT(write_back(&w, 0, 1), QUIRE_OK);
    cr_expect_eq(rig_store_page(w.store, 0)[0], 20);
    END(&w.rig);
}

Test(writeback, write_back_whose_entry_is_stuck_saves_the_others)
{
    struct world w;

    world_start(&w, plain());
    dirty(&w, 0, 3);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(1), 1), QUIRE_OK);
    EXPECT(write_back(&w, 0, 8), QUIRE_STUCK);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(w.store->saves_of[0], 1);
    cr_expect_eq(w.store->saves_of[1], 0);
    cr_expect_eq(w.store->saves_of[2], 1);
    EXPECT(write_back(&w, 0, 8), QUIRE_STUCK); /* quarantined */
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    EXPECT(write_back(&w, 0, 8), QUIRE_OK);
    cr_expect_eq(rig_store_page(w.store, 1)[0], 21);
    END(&w.rig);
}

/* ---- Invalidate ---- */

Test(writeback, invalidated_pages_are_loaded_again)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.eager = true});
        struct world w;

        world_start(&w, config);
        read_pages(&w, 0, 4);
        rig_store_page(w.store, 1)[0] ^= 0xff; /* the store changed underneath */
        rig_store_page(w.store, 3)[0] ^= 0xff;
        EXPECT(invalidate(&w, 1, 2), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        cr_expect(!rig_query(&w.vm, RIG_AT(1)).resident);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(1)), rig_born(w.store->tag, 1, 0) ^ 0xff);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(3)), rig_born(w.store->tag, 3, 0), "not asked for");
        EXPECT(invalidate(&w, 0, 8), QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_FREE], 16);
        END(&w.rig);
    }
}

Test(writeback, invalidate_refuses_to_lose_content)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.eager = true});
        struct world w;

        world_start(&w, config);
        read_pages(&w, 0, 2);
        dirty(&w, 2, 1);
        EXPECT(invalidate(&w, 0, 8), QUIRE_DIRTY);
        EXPECT_SOUND(&w.rig);
        cr_expect(rig_query(&w.vm, RIG_VA).resident, "none was forgotten");
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(2)), 22);
        EXPECT(write_back(&w, 0, 8), QUIRE_OK);
        EXPECT(invalidate(&w, 0, 8), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(2)), 22);
        cr_expect_eq(w.store->loads_of[2], 2);
        END(&w.rig);
    }
}

Test(writeback, invalidate_refuses_pinned_pages)
{
    struct quire_pin pin;
    struct world w;

    world_start(&w, plain());
    read_pages(&w, 0, 4);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 2, 1, false, false, &pin), QUIRE_OK);
    EXPECT(invalidate(&w, 0, 8), QUIRE_BUSY);
    EXPECT(invalidate(&w, 0, 2), QUIRE_OK);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    EXPECT(invalidate(&w, 0, 8), QUIRE_OK);
    END(&w.rig);
}

Test(writeback, invalidate_whose_entry_is_stuck_forgets_nothing)
{
    struct world w;

    world_start(&w, plain());
    read_pages(&w, 0, 4);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(1), 1), QUIRE_OK);
    EXPECT(invalidate(&w, 0, 8), QUIRE_STUCK);
    EXPECT_SOUND(&w.rig);
    cr_expect(rig_query(&w.vm, RIG_VA).resident && rig_query(&w.vm, RIG_AT(2)).resident);
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    EXPECT(invalidate(&w, 0, 8), QUIRE_OK);
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_FREE], 16);
    END(&w.rig);
}

static enum quire_status invalidate_meanwhile(struct rig_store *store, struct quire_io *io, bool load)
{
    struct world *w = store->user;

    if (load) {
        store->before = NULL;
        EXPECT(invalidate(w, io->pgidx, 1), QUIRE_OK);
    }
    return QUIRE_OK;
}

Test(writeback, page_invalidated_on_its_way_in_is_loaded_anew)
{
    struct world w;

    world_start(&w, plain());
    w.store->before = invalidate_meanwhile;
    w.store->user = &w;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_OK);
    cr_expect_eq(w.store->loads_of[0], 2);
    read_pages(&w, 0, 1);
    END(&w.rig);
}

/* ---- Unstick ---- */

Test(writeback, unstick_tries_again_and_tells_what_is_left)
{
    struct world w;

    world_start(&w, plain());
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK); /* nothing is */
    dirty(&w, 0, 3);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_VA, 1), QUIRE_OK);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(1), 2), QUIRE_OK);
    EXPECT(write_back(&w, 0, 3), QUIRE_STUCK);
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_QUARANTINED], 2);
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_STUCK);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_QUARANTINED], 1);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_VA), 20);
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(1)), 21);
    cr_expect_eq(rig_stats(&w.rig).stuck, 2);
    END(&w.rig);
}
