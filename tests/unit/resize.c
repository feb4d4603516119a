/* resize.h: pages taken from the pool at run time, whichever or just these, and given back. */
#include "check_world.h"

#include "quire/resize.h"

struct shrinking {
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;
    unsigned char byte[16]; /* what was written last to each page; 0: nothing */
};

static void shrinking_start(struct shrinking *w, unsigned number, struct rig_config config)
{
    config = rig_machine(number, config);
    config.eager = true;
    config.pages = config.pages != 0 ? config.pages : 12u;
    memset(w->byte, 0, sizeof w->byte);
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    w->store = rig_store_new(&w->rig, 16, RW);
    EXPECT(rig_map(&w->vm, &w->store->fobj, RIG_VA, RW), QUIRE_OK);
}

static void write_pages(struct shrinking *w, uint32_t first, uint32_t n)
{
    uint32_t i;

    for (i = first; i < first + n; i++) {
        w->byte[i] = (unsigned char)(w->byte[i] + 100u + i);
        EXPECT(rig_poke(&w->rig, &w->vm, RIG_AT(i), w->byte[i]), QUIRE_OK);
    }
}

/* Every page has what was written to it, or what it was born with. */
static void expect_content(struct shrinking *w)
{
    uint32_t i;

    for (i = 0; i < 16; i++) {
        cr_expect_eq(rig_byte(&w->rig, &w->vm, RIG_AT(i)), w->byte[i] != 0 ? w->byte[i] : rig_born(w->store->tag, i, 0));
    }
}

static bool all_zero(struct rig *rig, struct quire_pa pa)
{
    const unsigned char *bytes = quire_sim_bytes(&rig->sim, pa);
    size_t i;

    for (i = 0; i < RIG_PAGE && bytes[i] == 0; i++) {
    }
    return i == RIG_PAGE;
}

static uint32_t offline(struct rig *rig)
{
    return rig_stats(rig).pages[QUIRE_PAGE_OFFLINE];
}

static struct quire_pmem *pmem_at(struct rig *rig, uint32_t i)
{
    return &rig->pmems[i];
}

/* ---- Shrinking ---- */

Test(resize, shrinking_takes_free_pages_first_and_those_the_policy_spares_next)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct quire_pa pa[16];
        struct shrinking w;
        uint32_t taken = 99;
        uint32_t i;

        shrinking_start(&w, number, (struct rig_config){0});
        write_pages(&w, 0, 8); /* four are left */
        EXPECT(quire_pager_shrink(&w.rig.pager, 4, true, pa, &taken), QUIRE_OK);
        cr_expect_eq(taken, 4);
        cr_expect_eq(rig_stats(&w.rig).evictions, 0);
        cr_expect_eq(rig_stats(&w.rig).wipes, 0, "pages never used need not be wiped");
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_pager_shrink(&w.rig.pager, 2, true, pa + 4, &taken), QUIRE_OK);
        cr_expect_eq(taken, 2);
        cr_expect_eq(rig_stats(&w.rig).evictions, 2);
        cr_expect_eq(rig_stats(&w.rig).wipes, 2);
        for (i = 0; i < 6; i++) {
            cr_expect(all_zero(&w.rig, pa[i]));
            quire_sim_bytes(&w.rig.sim, pa[i])[7] = 0x77; /* it is the user's now */
        }
        cr_expect_eq(offline(&w.rig), 6);
        expect_content(&w);
        EXPECT_SOUND(&w.rig);
        for (i = 0; i < 6; i++) {
            cr_expect_eq(quire_sim_bytes(&w.rig.sim, pa[i])[7], 0x77);
            EXPECT(quire_pager_give_back(&w.rig.pager, pa[i], 1), QUIRE_OK);
        }
        cr_expect_eq(offline(&w.rig), 0);
        cr_expect_eq(rig_stats(&w.rig).taken, 6);
        cr_expect_eq(rig_stats(&w.rig).given_back, 6);
        expect_content(&w);
        END(&w.rig);
    }
}

Test(resize, shrinking_leaves_the_minimum_and_every_instruction_finishes_in_it)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct quire_sim_thread thread = {.wait_ok = true};
        struct quire_sim_operand operand[4];
        unsigned char bytes[4] = {1, 2, 3, 4};
        struct quire_pa pa[16];
        struct shrinking w;
        uint32_t round;
        uint32_t taken;
        uint32_t i;

        shrinking_start(&w, number, (struct rig_config){0});
        write_pages(&w, 0, 16);
        EXPECT(quire_pager_shrink(&w.rig.pager, 16, true, pa, &taken), QUIRE_NO_PAGE);
        cr_expect_eq(taken, 12u - (uint32_t)QUIRE_PAGER_MIN_PAGES(1, 4, 0));
        EXPECT(quire_pager_shrink(&w.rig.pager, 1, true, pa, &taken), QUIRE_NO_PAGE);
        cr_expect_eq(taken, 0);
        EXPECT(quire_pager_shrink(&w.rig.pager, 0, true, pa, &taken), QUIRE_OK);
        for (round = 0; round < 6; round++) {
            for (i = 0; i < 4; i++) {
                operand[i].va = RIG_AT((round * 3u + i * 5u) % 16u) + 9u;
                operand[i].access = i % 2u == 0 ? RIG_WRITE : RIG_READ;
                operand[i].bytes = &bytes[i];
                operand[i].len = 1;
            }
            EXPECT(quire_sim_step(&w.rig.sim, &thread, &w.vm, operand, 4), QUIRE_OK);
        }
        expect_content(&w);
        END(&w.rig);
    }
}

Test(resize, pages_that_are_pinned_count_against_what_may_go)
{
    struct quire_pa pa[16];
    struct quire_pin pin;
    struct shrinking w;
    uint32_t taken;

    shrinking_start(&w, 0, (struct rig_config){0});
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 0, 3, false, false, &pin), QUIRE_OK);
    EXPECT(quire_pager_shrink(&w.rig.pager, 16, true, pa, &taken), QUIRE_NO_PAGE);
    cr_expect_eq(taken, 4);
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    EXPECT(quire_pager_shrink(&w.rig.pager, 16, true, pa, &taken), QUIRE_NO_PAGE);
    cr_expect_eq(taken, 3);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 0, 1, false, false, &pin), QUIRE_NO_PAGE);
    END(&w.rig);
}

Test(resize, a_failing_save_costs_no_page_and_no_content)
{
    unsigned number;
    uint64_t nth;

    for (number = 0; number < RIG_MACHINES; number++) {
        for (nth = 1; nth <= 7; nth++) {
            struct quire_pa pa[16];
            struct shrinking w;
            uint32_t taken;

            shrinking_start(&w, number, (struct rig_config){0});
            write_pages(&w, 0, 12);
            rig_fail(&w.rig.save_fails, nth, 1, QUIRE_IO);
            EXPECT(quire_pager_shrink(&w.rig.pager, 7, true, pa, &taken), QUIRE_OK); /* another page went instead */
            cr_expect_eq(taken, 7);
            cr_expect_eq(offline(&w.rig), 7);
            rig_fail(&w.rig.save_fails, 0, 0, QUIRE_OK);
            expect_content(&w);
            EXPECT_SOUND(&w.rig);
            EXPECT(quire_pager_give_back(&w.rig.pager, pa[3], 1), QUIRE_OK);
            rig_fail(&w.rig.save_fails, 1, UINT64_MAX, QUIRE_IO);
            write_pages(&w, 0, 5);
            write_pages(&w, 0, 5);
            EXPECT(quire_pager_shrink(&w.rig.pager, 7, true, pa, &taken), QUIRE_NO_PAGE);
            cr_expect_eq(offline(&w.rig), 6u + taken);
            rig_fail(&w.rig.save_fails, 0, 0, QUIRE_OK);
            expect_content(&w);
            END(&w.rig);
        }
    }
}

/* ---- Removal ---- */

Test(resize, removal_takes_just_these_pages_whatever_they_hold)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct shrinking w;
        uint32_t i;

        shrinking_start(&w, number, (struct rig_config){.more_pages = 4});
        write_pages(&w, 0, 3);                                                    /* pages 0..2 hold dirty ones, ... */
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(3), w.store, 3));                 /* ... 3 a clean one, the rest is free */
        EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(1), 5, true), QUIRE_OK); /* threads' last pages among them */
        cr_expect_eq(offline(&w.rig), 5);
        for (i = 1; i < 6; i++) {
            cr_expect_eq(pmem_at(&w.rig, i)->state, QUIRE_PAGE_OFFLINE);
            cr_expect(all_zero(&w.rig, PA(i)));
        }
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(2), 2, true), QUIRE_OK); /* they are gone already */
        EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(0), 4, false), QUIRE_OK);
        cr_expect_eq(offline(&w.rig), 6);
        expect_content(&w);
        for (i = 0; i < 6; i++) {
            cr_expect(all_zero(&w.rig, PA(i)), "a page that was removed is in use");
        }
        EXPECT(quire_pager_give_back(&w.rig.pager, PA(0), 6), QUIRE_OK);
        expect_content(&w);
        END(&w.rig);
    }
}

Test(resize, removal_refuses_what_it_must_and_takes_nothing_then)
{
    struct shrinking w;
    struct quire_pin pin;
    struct quire_pa pa;
    uint32_t at;

    shrinking_start(&w, 0, (struct rig_config){.more_pages = 4});
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(0), 0, true), QUIRE_INVALID);
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(12), 1, true), QUIRE_INVALID);
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(8), 5, true), QUIRE_INVALID);
    EXPECT(quire_pager_remove_pages(&w.rig.pager, quire_pa_make(RIG_PA + 8u), 1, true), QUIRE_INVALID);
    EXPECT(quire_pager_remove_pages(&w.rig.pager, quire_pa_make(RIG_PA - RIG_PAGE), 2, true), QUIRE_INVALID);
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(0), 8, true), QUIRE_NO_PAGE);
    cr_expect_eq(offline(&w.rig), 0);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 5, 1, false, false, &pin), QUIRE_OK);
    EXPECT(quire_pin_pa(&pin, 0, &pa), QUIRE_OK);
    at = (uint32_t)((pa.addr - RIG_PA) >> QUIRE_PAGE_SHIFT);
    cr_assert_lt(at, 6u);
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(0), 6, true), QUIRE_BUSY);
    cr_expect_eq(offline(&w.rig), 0);
    cr_expect_eq(rig_stats(&w.rig).taken, 0);
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(0), 6, true), QUIRE_OK);
    EXPECT(quire_pager_give_back(&w.rig.pager, PA(0), 7), QUIRE_INVALID); /* the last one is in circulation */
    EXPECT(quire_pager_give_back(&w.rig.pager, PA(11), 2), QUIRE_INVALID);
    EXPECT(quire_pager_give_back(&w.rig.pager, PA(0), 0), QUIRE_INVALID);
    cr_expect_eq(offline(&w.rig), 6);
    EXPECT(quire_pager_add_pages(&w.rig.pager, PA(0), 6, w.rig.more_pmems), QUIRE_INVALID); /* they have their numbers */
    EXPECT(quire_pager_give_back(&w.rig.pager, PA(0), 6), QUIRE_OK);
    EXPECT(quire_pager_give_back(&w.rig.pager, PA(0), 1), QUIRE_INVALID);
    END(&w.rig);
}

Test(resize, removal_of_what_is_out_already_takes_nothing_and_so_lacks_nothing)
{
    struct rig_config config = {.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, QUIRE_PAGER_STEP_DEFAULT, 0) + 2u};
    struct shrinking w;
    uint32_t number;

    shrinking_start(&w, 0, config);
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(0), 2, true), QUIRE_OK);
    write_pages(&w, 0, 1);
    number = quire_slot_value(w.store->slots[0]);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_VA, 1), QUIRE_OK);
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(number), 1, true), QUIRE_NO_PAGE);
    EXPECT(quire_pager_write_back(&w.rig.pager, &w.store->fobj, 0, 1, true), QUIRE_STUCK); /* one less than the least now */
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(0), 2, true), QUIRE_OK);
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(3), 1, true), QUIRE_NO_PAGE);
    cr_expect_eq(offline(&w.rig), 2);
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    expect_content(&w);
    END(&w.rig);
}

Test(resize, removal_gives_everything_back_when_the_nth_save_fails)
{
    unsigned number;
    uint64_t nth;

    for (number = 0; number < RIG_MACHINES; number++) {
        for (nth = 1; nth <= 6; nth++) {
            struct shrinking w;

            shrinking_start(&w, number, (struct rig_config){0});
            write_pages(&w, 0, 8);
            rig_fail(&w.rig.save_fails, nth, 1, QUIRE_IO);
            EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(1), 6, true), QUIRE_IO);
            cr_expect_eq(offline(&w.rig), 0);
            cr_expect_eq(rig_stats(&w.rig).taken, 0);
            cr_expect_eq(w.rig.save_fails.hits, 1);
            EXPECT_SOUND(&w.rig);
            expect_content(&w);
            EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(1), 6, true), QUIRE_OK);
            expect_content(&w);
            END(&w.rig);
        }
    }
}

Test(resize, page_that_an_mmu_does_not_let_go_of_is_not_removed)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct shrinking w;

        shrinking_start(&w, number, (struct rig_config){0});
        write_pages(&w, 0, 4);
        EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(2), 1), QUIRE_OK);
        EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(0), 5, true), QUIRE_STUCK);
        cr_expect_eq(offline(&w.rig), 0);
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(0), 5, true), QUIRE_STUCK); /* quarantined */
        EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
        EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(0), 5, true), QUIRE_OK);
        expect_content(&w);
        END(&w.rig);
    }
}

Test(resize, pages_that_cannot_be_saved_or_never_leave_are_not_removed)
{
    struct rig_store *never;
    struct rig_store *locked;
    struct shrinking w;

    shrinking_start(&w, QUIRE_SIM_HW_ACCESSED_DIRTY, (struct rig_config){0});
    never = store_that_never_saves(&w.rig, 2, RW);
    locked = rig_store_new(&w.rig, 2, RW);
    locked->fobj.flags = QUIRE_FOBJ_LOCKED;
    EXPECT(rig_map(&w.vm, &never->fobj, RIG_AT(20), RW), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &locked->fobj, RIG_AT(24), RW), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(20), 1), QUIRE_OK);
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(24), locked, 0));
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(21), never, 1)); /* not written: it may go */
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(0), 1, true), QUIRE_BUSY);
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(1), 1, true), QUIRE_BUSY);
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(2), 1, true), QUIRE_OK);
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(21), never, 1));
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(20)), 1);
    END(&w.rig);
}

/* ---- Meanwhile ---- */

static struct shrinking *meanwhile_world;
static unsigned meanwhile_calls;

static enum quire_status during_save(struct rig_store *store, struct quire_io *io, bool load)
{
    struct rig *rig = store->rig;

    if (!load && meanwhile_calls++ == 0) {
        /* Page 1 left first and may yet come back: it can neither be given back nor removed by another. */
        EXPECT(quire_pager_give_back(&rig->pager, PA(1), 1), QUIRE_BUSY);
        EXPECT(quire_pager_remove_pages(&rig->pager, PA(8), 1, false), QUIRE_BUSY);
        /* The one being saved is wanted again: it comes back, and is removed all the same. */
        EXPECT(rig_fault(rig, &meanwhile_world->vm, RIG_AT(io->pgidx), RIG_READ, NULL), QUIRE_AGAIN);
        EXPECT(quire_pager_check(&rig->pager, NULL), QUIRE_OK);
    }
    return QUIRE_OK;
}

Test(resize, page_that_is_wanted_while_it_is_saved_is_removed_all_the_same)
{
    struct shrinking w;
    struct quire_pa pa;
    uint32_t taken;

    shrinking_start(&w, QUIRE_SIM_HW_ACCESSED, (struct rig_config){0});
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(0), w.store, 0));
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(1), w.store, 1));
    write_pages(&w, 2, 1);
    meanwhile_world = &w;
    meanwhile_calls = 0;
    w.store->before = during_save;
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(1), 2, false), QUIRE_OK);
    cr_expect_eq(meanwhile_calls, 1);
    cr_expect_eq(pmem_at(&w.rig, 2)->state, QUIRE_PAGE_OFFLINE);
    w.store->before = NULL;
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(8), 1, false), QUIRE_OK);
    EXPECT(quire_pager_give_back(&w.rig.pager, PA(1), 1), QUIRE_OK);
    EXPECT(quire_pager_shrink(&w.rig.pager, 1, false, &pa, &taken), QUIRE_OK);
    expect_content(&w);
    END(&w.rig);
}

static enum quire_status remove_during_load(struct rig_store *store, struct quire_io *io, bool load)
{
    struct rig *rig = store->rig;
    uint32_t number = quire_slot_value(store->slots[io->pgidx]);

    if (load) {
        EXPECT(quire_pager_remove_pages(&rig->pager, PA(number), 1, true), QUIRE_AGAIN);
        EXPECT(quire_pager_remove_pages(&rig->pager, PA(number), 2, false), QUIRE_AGAIN);
        cr_expect_eq(offline(rig), 0);
    }
    return QUIRE_OK;
}

Test(resize, page_in_transit_is_not_removed_by_who_cannot_wait)
{
    struct shrinking w;

    shrinking_start(&w, 0, (struct rig_config){0});
    w.store->before = remove_during_load;
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(0), w.store, 0));
    cr_expect_eq(w.store->loads_of[0], 1);
    w.store->before = NULL;
    END(&w.rig);
}

static enum quire_status give_back_during_save(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)io;
    if (!load) {
        EXPECT(quire_pager_give_back(&store->rig->pager, PA(0), 1), QUIRE_OK);
    }
    return QUIRE_OK;
}

Test(resize, removal_notices_that_somebody_gave_a_page_back_meanwhile)
{
    struct shrinking w;

    shrinking_start(&w, 0, (struct rig_config){0});
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(0), 1, true), QUIRE_OK);
    write_pages(&w, 0, 1); /* into page 1 */
    w.store->before = give_back_during_save;
    EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(0), 2, true), QUIRE_AGAIN);
    w.store->before = NULL;
    cr_expect_eq(offline(&w.rig), 0);
    expect_content(&w);
    END(&w.rig);
}

/* Pins so much, during the save, that the page being saved may no longer leave. */
static struct quire_pin late_pin;

static enum quire_status pin_during_save(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)io;
    if (!load && late_pin.fobj == NULL) {
        EXPECT(quire_pin_fobj(&store->rig->pager, &store->fobj, 5, 3, false, false, &late_pin), QUIRE_OK);
    }
    return QUIRE_OK;
}

Test(resize, pages_pinned_meanwhile_are_respected)
{
    struct shrinking w;
    struct quire_pa pa[8];
    uint32_t taken;
    unsigned how;

    for (how = 0; how < 2u; how++) {
        shrinking_start(&w, QUIRE_SIM_HW_ACCESSED, (struct rig_config){.pages = 8, .policy = RIG_FIFO});
        write_pages(&w, 0, 8);
        w.store->before = pin_during_save;
        memset(&late_pin, 0, sizeof late_pin);
        if (how == 0) {
            EXPECT(quire_pager_remove_pages(&w.rig.pager, PA(3), 1, true), QUIRE_NO_PAGE);
            cr_expect_eq(offline(&w.rig), 0);
        } else {
            EXPECT(quire_pager_shrink(&w.rig.pager, 3, true, pa, &taken), QUIRE_NO_PAGE);
            cr_expect_eq(taken, 0);
        }
        w.store->before = NULL;
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_unpin(&late_pin), QUIRE_OK);
        expect_content(&w);
        END(&w.rig);
    }
}

/* ---- Memory that is added out of circulation ---- */

Test(resize, memory_added_offline_is_used_only_once_it_is_given)
{
    struct shrinking w;

    shrinking_start(&w, 0, (struct rig_config){.pages = 5, .more_pages = 4});
    EXPECT(quire_pager_add_offline(&w.rig.pager, PA(5), 4, w.rig.more_pmems), QUIRE_OK);
    EXPECT(quire_pager_add_offline(&w.rig.pager, PA(5), 4, w.rig.more_pmems), QUIRE_INVALID);
    cr_expect_eq(rig_stats(&w.rig).total, 9);
    cr_expect_eq(offline(&w.rig), 4);
    write_pages(&w, 0, 16);
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_RESIDENT], 5);
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_pager_give_back(&w.rig.pager, PA(6), 2), QUIRE_OK);
    expect_content(&w);
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_RESIDENT], 7);
    END(&w.rig);
}

/* ---- What the check says ---- */

Test(resize, check_names_a_page_out_of_circulation_that_is_in_use)
{
    static const char what[] = "6: a page out of circulation is in use";
    struct quire_pmem *page;
    struct quire_pa pa;
    uint32_t taken;
    struct world w;

    world_start(&w);
    EXPECT(quire_pager_shrink(&w.rig.pager, 1, true, &pa, &taken), QUIRE_OK);
    page = pmem_at(&w.rig, (uint32_t)((pa.addr - RIG_PA) >> QUIRE_PAGE_SHIFT));
    EXPECT_SOUND(&w.rig);
    PLANT(&w, page->fobj, &w.data->fobj, what);
    PLANT(&w, page->mapped, 1, what);
    PLANT(&w, page->pins, 1, what);
    PLANT(&w, page->holds, 1, what);
    PLANT(&w, page->flags, QUIRE_PMEM_DIRTY, what);
    PLANT(&w, page->flags, QUIRE_PMEM_DISCARD, what); /* no removal is in progress */
    PLANT(&w, w.data->slots[7], quire_slot_make(QUIRE_SLOT_PRESENT, (uint32_t)(page - w.rig.pmems)),
          "1: a slot names a page that holds something else");
    PLANT(&w, w.rig.pager.pool.count[QUIRE_PAGE_OFFLINE], 0, "6: pages per state are counted wrongly");
    END(&w.rig);
}

Test(resize, check_names_a_free_page_that_names_another_before_it)
{
    struct world w;

    world_start(&w);
    PLANT(&w, quire_pmem_at(&w.rig.pager.pool, free_page(&w)->chain_next)->chain_prev, QUIRE_PAGE_NONE,
          "6: the list of free pages is broken");
    END(&w.rig);
}
