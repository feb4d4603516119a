/* pager_check.h: what the reserve for needs must be is violated on purpose, seen, named, and put right again. */
#include "check_world.h"

#include "family.h"

/* The world has no ranks: a rig with a family is put in its place. */
static void ranked_start(struct world *w, struct family *family)
{
    struct rig_config config = {.rank_max = 2, .pages = 7};
    uint32_t i;

    memset(w, 0, sizeof *w);
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    family_start(family, &w->rig, 3, 8, 1);
    EXPECT(rig_map(&w->vm, &family_youngest(family)->store->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < 8u; i++) {
        EXPECT(rig_poke(&w->rig, &w->vm, RIG_AT(i) + FAMILY_USER, 1), QUIRE_OK);
    }
    EXPECT_SOUND(&w->rig);
}

Test(pager_check_needs, check_names_a_page_that_is_lent_and_nobody_owns_the_reserve)
{
    static const char what[] = "6: a page of the reserve is lent, and nobody owns the reserve";
    struct family family;
    struct world w;

    ranked_start(&w, &family);
    PLANT(&w, w.rig.pager.held_back, w.rig.pager.reserve - 1u, what);
    PLANT(&w, w.rig.pager.held_back, w.rig.pager.reserve + 1u, what);
    PLANT(&w, w.rig.pager.lent[1], 0, what);
    END(&w.rig);
    family_stop(&family);
}

Test(pager_check_needs, check_names_a_page_that_is_not_lent_though_the_owner_has_it_on_his_list)
{
    static const char what[] = "6: what is on the list of lent pages is not lent";
    struct quire_op owner;
    struct family family;
    struct world w;

    ranked_start(&w, &family);
    w.rig.pager.needing = &owner;
    w.rig.pager.held_back--;
    EXPECT(quire_pager_check(&w.rig.pager, NULL), QUIRE_OK);
    PLANT(&w, w.rig.pager.lent[1], w.rig.pager.pool.free, what);                                            /* a free page */
    PLANT(&w, w.rig.pager.lent[1], 100000, what);                                                           /* no page at all */
    PLANT(&w, w.rig.pager.lent[0], quire_slot_value(family_youngest(&family)->store->fobj.slots[7]), what); /* a resident one */
    w.rig.pager.held_back++;
    w.rig.pager.needing = NULL;
    END(&w.rig);
    family_stop(&family);
}

Test(pager_check_needs, check_names_a_page_that_the_reserve_lacks)
{
    static const char what[] = "6: the reserve lacks a page, and nobody owes it";
    struct family family;
    struct world w;
    uint32_t owed;

    ranked_start(&w, &family);
    owed = w.rig.pager.owed;
    w.rig.pager.owed = 0; /* of what the reserve lacks nobody knows */
    w.rig.pager.reserve = w.rig.pager.pool.count[QUIRE_PAGE_FREE] + 1u;
    w.rig.pager.held_back = w.rig.pager.reserve;
    NAMED(&w, what);
    w.rig.pager.owed = 1;
    EXPECT(quire_pager_check(&w.rig.pager, NULL), QUIRE_OK);
    w.rig.pager.owed = owed;
    w.rig.pager.reserve = 3;
    w.rig.pager.held_back = 3;
    END(&w.rig);
    family_stop(&family);
}
