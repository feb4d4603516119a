/* adopt.h: pages that lay in memory before the pager knew them. */
#include "rig_test.h"

#include "quire/adopt.h"
#include "quire/resize.h"

static const char boot[] = "loaded by the boot loader";

struct world {
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;
};

static void world_start(struct world *w, struct rig_config config)
{
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    w->store = rig_store_new(&w->rig, 8, RW);
}

/* What the boot loader left at physical page i: the object's page as it was born, or its own bytes. */
static void leave(struct world *w, uint32_t i, uint32_t pgidx, bool own)
{
    unsigned char *bytes = quire_sim_bytes(&w->rig.sim, PA(i));

    memcpy(bytes, rig_store_page(w->store, pgidx), RIG_PAGE);
    if (own) {
        memcpy(bytes, boot, sizeof boot);
    }
}

static bool booted(struct world *w, uintptr_t va)
{
    char bytes[sizeof boot];

    return rig_read(&w->rig, &w->vm, va, bytes, sizeof bytes) == QUIRE_OK && memcmp(bytes, boot, sizeof boot) == 0;
}

/* Makes the first n pages of the object leave, by the policy's choice as far as it is. */
static void churn(struct world *w, struct rig_store *other, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < 24; i++) {
        cr_expect(born_at(&w->rig, &w->vm, RIG_AT(32u + i), other, i));
    }
    for (i = 0; i < n; i++) {
        push_out(&w->rig, w->store, i);
    }
}

Test(adopt, adopted_pages_are_there_without_a_load_and_survive_eviction)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 8, .more_pages = 4, .eager = true});
        struct rig_store *other;
        struct world w;

        world_start(&w, config);
        other = rig_store_new(&w.rig, 24, RW);
        EXPECT(quire_pager_add_offline(&w.rig.pager, PA(8), 4, w.rig.more_pmems), QUIRE_OK);
        leave(&w, 2, 0, true); /* in the middle of the free pages */
        leave(&w, 7, 1, false);
        leave(&w, 9, 2, true); /* offline */
        leave(&w, 11, 3, false);
        EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 0, PA(2), true), QUIRE_OK);
        EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 1, PA(7), false), QUIRE_OK);
        EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 2, PA(9), true), QUIRE_OK);
        EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 3, PA(11), false), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(rig_stats(&w.rig).adopted, 4);
        cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_RESIDENT], 4);
        cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_OFFLINE], 2);
        EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_VA, RW), QUIRE_OK);
        cr_expect(booted(&w, RIG_AT(0)));
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(1), w.store, 1));
        cr_expect(booted(&w, RIG_AT(2)));
        cr_expect_eq(w.rig.loads, 0);
        cr_expect_eq(rig_stats(&w.rig).faults.minor, 3);
        EXPECT(rig_map(&w.vm, &other->fobj, RIG_AT(32), RW), QUIRE_OK);
        churn(&w, other, 4);
        cr_expect_eq(w.store->saves_of[0], 1, "what only memory had was saved");
        cr_expect_eq(w.store->saves_of[1], 0, "and what the store has was not");
        cr_expect(booted(&w, RIG_AT(0)));
        cr_expect(booted(&w, RIG_AT(2)));
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(1), w.store, 1));
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(3), w.store, 3));
        cr_expect_eq(w.store->loads_of[0], 1);
        END(&w.rig);
    }
}

Test(adopt, adopted_code_is_synced_before_it_runs)
{
    struct rig_store *code;
    unsigned char byte;
    struct world w;

    world_start(&w, (struct rig_config){0});
    code = rig_store_new(&w.rig, 2, RX);
    memcpy(quire_sim_bytes(&w.rig.sim, PA(4)), rig_store_page(code, 1), RIG_PAGE);
    EXPECT(quire_pager_adopt(&w.rig.pager, &code->fobj, 1, PA(4), false), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &code->fobj, RIG_VA, RX), QUIRE_OK);
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_AT(1) + 5u, &byte, 1), QUIRE_OK);
    cr_expect_eq(byte, rig_born(code->tag, 1, 5));
    cr_expect_eq(w.rig.sim.counts.sync_code, 1);
    END(&w.rig);
}

Test(adopt, refuses_what_is_no_page_of_the_pool_or_of_the_object)
{
    static struct quire_fobj_phys phys;
    struct quire_fobj_phys_config config = {.pa = {RIG_PA + 16u * RIG_PAGE}, .npages = 2, .max_prot = RW};
    struct world w;

    world_start(&w, (struct rig_config){.more_pages = 2});
    EXPECT(quire_pager_adopt(&w.rig.pager, NULL, 0, PA(0), false), QUIRE_INVALID);
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 8, PA(0), false), QUIRE_INVALID);
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 0, PA(16), false), QUIRE_INVALID);
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 0, quire_pa_make(RIG_PA + 1u), false), QUIRE_INVALID);
    EXPECT(quire_fobj_phys_init(&phys, &config), QUIRE_OK);
    EXPECT(quire_pager_adopt(&w.rig.pager, &phys.base, 0, PA(0), false), QUIRE_INVALID);
    EXPECT(quire_fobj_put(&phys.base), QUIRE_OK);
    cr_expect_null(w.store->fobj.pager, "a refusal does not tie the object to the pager");
    w.store->fobj.rank = 1;
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 0, PA(0), false), QUIRE_INVALID);
    w.store->fobj.rank = 0;
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_FREE], 16);
    END(&w.rig);
}

Test(adopt, refuses_an_index_that_has_a_page_and_a_page_that_was_used)
{
    struct quire_pa pa;
    uint32_t taken;
    struct world w;

    world_start(&w, (struct rig_config){0});
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_VA, RW), QUIRE_OK);
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(3), w.store, 3)); /* in page 0 */
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 3, PA(5), false), QUIRE_EXISTS);
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 4, PA(0), false), QUIRE_BUSY);
    EXPECT(quire_pager_invalidate(&w.rig.pager, &w.store->fobj, 3, 1), QUIRE_OK);
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 4, PA(0), false), QUIRE_BUSY); /* free, with old bytes in it */
    EXPECT(quire_pager_shrink(&w.rig.pager, 1, true, &pa, &taken), QUIRE_OK);
    cr_expect_eq(pa.addr, RIG_PA); /* last freed, first taken; wiped, and the user's */
    leave(&w, 0, 4, true);
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 4, PA(0), true), QUIRE_OK);
    cr_expect(booted(&w, RIG_AT(4)));
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 4, PA(1), true), QUIRE_EXISTS);
    END(&w.rig);
}

static enum quire_status adopt_during_load(struct rig_store *store, struct quire_io *io, bool load)
{
    uint32_t number = quire_slot_value(store->slots[io->pgidx]);

    if (load) {
        EXPECT(quire_pager_adopt(&store->rig->pager, &store->fobj, io->pgidx, PA(9), false), QUIRE_EXISTS);
        EXPECT(quire_pager_adopt(&store->rig->pager, &store->fobj, 6, PA(number), false), QUIRE_BUSY);
    } else { /* page 7 makes room for itself */
        EXPECT(quire_pager_adopt(&store->rig->pager, &store->fobj, 7, PA(number), false), QUIRE_EXISTS);
    }
    return QUIRE_OK;
}

Test(adopt, page_on_its_way_is_not_adopted_over)
{
    struct world w;
    uint32_t i;

    world_start(&w, (struct rig_config){.pages = 5, .more_pages = 11});
    EXPECT(quire_pager_add_offline(&w.rig.pager, PA(9), 1, w.rig.more_pmems), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < 5; i++) {
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(i), 1), QUIRE_OK);
    }
    w.store->before = adopt_during_load;
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(7), w.store, 7));
    w.store->before = NULL;
    cr_expect_eq(rig_stats(&w.rig).saves, 1);
    cr_expect_eq(rig_stats(&w.rig).adopted, 0);
    END(&w.rig);
}

Test(adopt, object_of_another_pager_or_without_references_is_refused)
{
    struct rig other;
    struct world w;

    world_start(&w, (struct rig_config){0});
    rig_start(&other, &(struct rig_config){0});
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(quire_pager_adopt(&other.pager, &w.store->fobj, 0, PA(0), false), QUIRE_BUSY);
    cr_expect_eq(rig_stats(&other).pages[QUIRE_PAGE_FREE], 16);
    END(&other);
    w.store->fobj.refs.count = QUIRE_REFCOUNT_MAX;
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 0, PA(0), false), QUIRE_LIMIT);
    w.store->fobj.refs.count = 2; /* the creator's and the area's */
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_FREE], 16);
    END(&w.rig);
}

Test(adopt, pages_that_can_never_be_evicted_leave_the_minimum)
{
    struct rig_store *locked;
    struct rig_store *never;
    struct world w;

    world_start(&w, (struct rig_config){.pages = 7});
    locked = rig_store_new(&w.rig, 2, RW);
    locked->fobj.flags = QUIRE_FOBJ_LOCKED;
    never = store_that_never_saves(&w.rig, 3, RW);
    EXPECT(quire_pager_adopt(&w.rig.pager, &locked->fobj, 0, PA(0), false), QUIRE_OK);
    EXPECT(quire_pager_adopt(&w.rig.pager, &never->fobj, 0, PA(1), true), QUIRE_OK);
    cr_expect_eq(rig_stats(&w.rig).fixed, 2);
    EXPECT(quire_pager_adopt(&w.rig.pager, &locked->fobj, 1, PA(2), false), QUIRE_NO_PAGE);
    EXPECT(quire_pager_adopt(&w.rig.pager, &never->fobj, 1, PA(2), true), QUIRE_NO_PAGE);
    EXPECT(quire_pager_adopt(&w.rig.pager, &never->fobj, 1, PA(2), false), QUIRE_OK); /* clean: it can be */
    cr_expect_eq(rig_stats(&w.rig).fixed, 2);
    EXPECT_SOUND(&w.rig);
    EXPECT(rig_map(&w.vm, &never->fobj, RIG_VA, RW), QUIRE_OK); /* `never` dies with its areas, not before */
    END(&w.rig);
}

Test(adopt, adopted_pages_are_charged_and_stop_at_the_quota)
{
    struct rig_account account;
    struct rig_store *own;
    struct world w;

    world_start(&w, (struct rig_config){0});
    EXPECT(rig_account_start(&w.rig, &account, 2, 0), QUIRE_OK);
    own = rig_account_store(&w.rig, &account, 4, RW);
    EXPECT(quire_pager_adopt(&w.rig.pager, &own->fobj, 0, PA(0), false), QUIRE_OK);
    EXPECT(quire_pager_adopt(&w.rig.pager, &own->fobj, 1, PA(1), true), QUIRE_OK);
    EXPECT(quire_pager_adopt(&w.rig.pager, &own->fobj, 2, PA(2), false), QUIRE_NO_PAGE);
    cr_expect_eq(account.account.charged, 2);
    EXPECT_SOUND(&w.rig);
    EXPECT(rig_store_put(own), QUIRE_OK);
    EXPECT(quire_account_fini(&account.account), QUIRE_OK);
    END(&w.rig);
}

/* The store has page 0, and so has memory: were that forgotten, a store that forgets would load it as it was born. */
Test(adopt, what_the_store_has_of_an_adopted_page_stays_stored)
{
    struct world w;

    world_start(&w, (struct rig_config){0});
    rig_store_forgets(w.store);
    EXPECT(rig_map(&w.vm, &w.store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 7), QUIRE_OK);
    EXPECT(quire_pager_write_back(&w.rig.pager, &w.store->fobj, 0, 1, true), QUIRE_OK);
    EXPECT(quire_pager_invalidate(&w.rig.pager, &w.store->fobj, 0, 1), QUIRE_OK);
    leave(&w, 5, 0, false);
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.store->fobj, 0, PA(5), false), QUIRE_OK);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_VA), 7);
    cr_expect_eq(w.store->loads_of[0], 1);
    EXPECT(quire_pager_invalidate(&w.rig.pager, &w.store->fobj, 0, 1), QUIRE_OK);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_VA), 7);
    cr_expect_eq(w.store->loads_of[0], 2);
    END(&w.rig);
}
