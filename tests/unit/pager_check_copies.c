/* pager_check.h: what copies on write must be is violated on purpose, seen, named, and put right again. */
#include "cow_test.h"

static void named(struct world *w, const char *what, int line)
{
    struct quire_violation violation;

    cr_expect(quire_pager_check(&w->rig.pager, &violation) == QUIRE_CORRUPT, "line %d: not seen: %s", line, what);
    cr_expect(violation.what != NULL && strcmp(violation.what, what) == 0, "line %d: %s, not %s", line,
              violation.what != NULL ? violation.what : "nothing", what);
    cr_expect(violation.what == NULL || violation.object != NULL, "line %d: nothing is said to be at fault", line);
}

#define PLANT(w, lvalue, value, what)         \
    do {                                      \
        unsigned char kept[sizeof(lvalue)];   \
        memcpy(kept, &(lvalue), sizeof kept); \
        (lvalue) = (value);                   \
        named((w), (what), __LINE__);         \
        memcpy(&(lvalue), kept, sizeof kept); \
        EXPECT_SOUND(&(w)->rig);              \
    } while (0)

/* Two copies; page 1 of the first is its own and stored, page 2 its own and resident, page 3 is shown by both. */
static void copies_start(struct world *w)
{
    static const struct rig_config plain;

    world_start(w, plain, 2);
    EXPECT(rig_poke(&w->rig, &w->vms[0], RIG_AT(1), 0x11), QUIRE_OK);
    EXPECT(rig_poke(&w->rig, &w->vms[0], RIG_AT(2), 0x12), QUIRE_OK);
    push_out(&w->rig, w->copy[0], 1);
    (void)rig_byte(&w->rig, &w->vms[0], RIG_AT(3));
    (void)rig_byte(&w->rig, &w->vms[1], RIG_AT(3));
    EXPECT_SOUND(&w->rig);
}

Test(pager_check_copies, check_names_slots_that_no_copy_has)
{
    struct quire_pmem *pmem;
    uint32_t *slots;
    struct world w;

    copies_start(&w);
    slots = w.copy[0]->fobj.slots;
    PLANT(&w, slots[4], QUIRE_SLOT_OWN, "5: an own copy is neither present nor stored");
    PLANT(&w, slots[1], slots[1] & ~QUIRE_SLOT_OWN, "1: a copy has a page that is not its own");
    PLANT(&w, slots[2], slots[2] & ~QUIRE_SLOT_OWN, "1: a copy has a page that is not its own");
    PLANT(&w, w.origin->fobj.slots[3], w.origin->fobj.slots[3] | QUIRE_SLOT_OWN,
          "1: a page is the own copy of what is no copy");
    PLANT(&w, w.copy[0]->fobj.own, 1, "6: the own pages of a copy are counted wrongly");
    pmem = quire_pmem_at(&w.rig.pager.pool, quire_slot_value(slots[2]));
    PLANT(&w, pmem->flags, (uint8_t)(pmem->flags & ~QUIRE_PMEM_DIRTY), "5: an own copy that was never stored counts as clean");
    END(&w.rig);
}

Test(pager_check_copies, check_names_what_was_copied_and_can_be_written)
{
    static const char what[] = "3: an object that was copied can be written";
    struct quire_area *area;
    struct world w;

    copies_start(&w);
    PLANT(&w, w.origin->fobj.frozen, false, what);
    PLANT(&w, w.origin->fobj.max_prot, RW, what);
    PLANT(&w, w.origin->fobj.writers, 1, what);
    area = quire_vm_area_at(&w.vm, RIG_VA);
    PLANT(&w, area->prot, RW | USER, "3: an area can write an object that was copied");
    END(&w.rig);
}

Test(pager_check_copies, check_names_an_entry_through_which_a_copy_writes_its_origin)
{
    struct quire_pa pa;
    uint32_t number;
    struct world w;

    copies_start(&w);
    number = quire_slot_value(w.origin->fobj.slots[3]);
    pa = quire_pmem_pa(&w.rig.pager.pool, number);
    w.rig.sim.config.permits = NULL;
    (void)w.mmu.lock(w.mmu.ctx);
    (void)w.mmu.unmap(w.mmu.ctx, &w.vms[0], RIG_AT(3), 1, &(struct quire_batch){0});
    w.mmu.flush(w.mmu.ctx, &(struct quire_batch){.scope = QUIRE_BATCH_ALL});
    EXPECT(w.mmu.map(w.mmu.ctx, &w.vms[0], RIG_AT(3), pa, 1, RW | USER, 0), QUIRE_OK);
    quire_sim_hooks(&w.rig.sim)->unlock(w.mmu.ctx, 0);
    named(&w, "3: a copy on write can write the page of its origin", __LINE__);
    /* Page 3 becomes the copy's own, and the entry goes with that. */
    EXPECT(rig_fault(&w.rig, &w.vms[0], RIG_AT(3), RIG_WRITE, NULL), QUIRE_OK);
    END(&w.rig);
}

Test(pager_check_copies, check_names_families_that_do_not_know_one_another)
{
    static const char broken[] = "4: the list of an object's copies is broken";
    static const char unknown[] = "4: an origin does not know its copy";
    struct world w;

    copies_start(&w); /* the list: copy 1, copy 0 */
    PLANT(&w, w.copy[1]->fobj.sibling, NULL, unknown);
    PLANT(&w, w.copy[0]->fobj.sibling_before, NULL, broken);
    PLANT(&w, w.copy[0]->fobj.depth, 2, broken);
    PLANT(&w, w.copy[0]->fobj.flags, 0, "4: an object does not know if it is a copy");
    PLANT(&w, w.origin->fobj.flags, QUIRE_FOBJ_COPY, "4: an object does not know if it is a copy");
    END(&w.rig);
}
