/* engine.h: the policy's question whether a page is dirty, also where only the hardware knows; and that noting the answer early
 * costs nothing and breaks nothing. */
#include "rig_test.h"

struct world {
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;
};

static const enum quire_sim_flags all_flags[] = {QUIRE_SIM_HW_ACCESSED_DIRTY, QUIRE_SIM_HW_ACCESSED, QUIRE_SIM_AF_FAULT,
                                                 QUIRE_SIM_NO_FLAGS};

/* Eight pages, and an object of 16 at RIG_VA. */
static void world_start(struct world *w, enum quire_sim_flags flags, bool flush_unlocked)
{
    struct rig_config config = {.flags = flags, .flush_unlocked = flush_unlocked, .pages = 8, .eager = true};

    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    w->store = rig_store_new(&w->rig, 16, RW);
    EXPECT(rig_map(&w->vm, &w->store->fobj, RIG_VA, RW), QUIRE_OK);
}

static uint32_t number_of(const struct rig_store *store, uint32_t pgidx)
{
    uint32_t slot = store->fobj.slots[pgidx];

    cr_assert_eq(quire_slot_kind(slot), QUIRE_SLOT_PRESENT);
    return quire_slot_value(slot);
}

/* The two questions, asked under the lock as a policy does. */
static bool dirty(struct world *w, const struct rig_store *store, uint32_t pgidx)
{
    const struct quire_policy_host *host = &w->rig.pager.root.policy->host;
    uintptr_t key = quire_pager_lock(&w->rig.pager);
    bool answer = host->dirty(host->ctx, number_of(store, pgidx));

    quire_pager_unlock(&w->rig.pager, key);
    return answer;
}

static bool known(struct world *w, const struct rig_store *store, uint32_t pgidx)
{
    const struct quire_policy_host *host = &w->rig.pager.root.policy->host;

    return (host->state(host->ctx, number_of(store, pgidx)) & QUIRE_PAGE_DIRTY) != 0;
}

static unsigned entry(struct world *w, struct quire_vm *vm, uint32_t page)
{
    const struct quire_mmu *mmu = w->rig.pager.mmu;
    uintptr_t key = mmu->lock(mmu->ctx);
    unsigned bits = mmu->query(mmu->ctx, vm, RIG_AT(page));

    mmu->unlock(mmu->ctx, key);
    return bits;
}

Test(pager_dirty, what_only_the_hardware_knows_is_found_by_asking)
{
    struct world w;
    unsigned before;

    world_start(&w, QUIRE_SIM_HW_ACCESSED_DIRTY, false);
    cr_expect_geq(rig_byte(&w.rig, &w.vm, RIG_AT(3)), 0);
    cr_expect_not(dirty(&w, w.store, 3));
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(3), 7), QUIRE_OK);
    cr_expect_not(known(&w, w.store, 3));
    before = entry(&w, &w.vm, 3);
    cr_expect(dirty(&w, w.store, 3));
    cr_expect(known(&w, w.store, 3));
    cr_expect_eq(entry(&w, &w.vm, 3), before);
    cr_expect((before & QUIRE_ENTRY_WRITE) != 0);
    cr_expect_eq(rig_stats(&w.rig).fixed, 0);
    END(&w.rig);
}

Test(pager_dirty, asking_about_a_clean_page_changes_nothing)
{
    unsigned number;

    for (number = 0; number < 4u; number++) {
        struct world w;
        unsigned before;

        world_start(&w, all_flags[number], false);
        cr_expect_geq(rig_byte(&w.rig, &w.vm, RIG_AT(0)), 0);
        before = entry(&w, &w.vm, 0);
        cr_expect_not(dirty(&w, w.store, 0));
        cr_expect_not(known(&w, w.store, 0));
        cr_expect_eq(entry(&w, &w.vm, 0), before);
        cr_expect((before & QUIRE_ENTRY_PRESENT) != 0);
        END(&w.rig);
    }
}

Test(pager_dirty, written_page_is_dirty_on_every_machine)
{
    unsigned number;

    for (number = 0; number < 8u; number++) {
        struct world w;

        world_start(&w, all_flags[number % 4u], number / 4u != 0);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(1), 1), QUIRE_OK);
        cr_expect(dirty(&w, w.store, 1));
        cr_expect(known(&w, w.store, 1));
        END(&w.rig);
    }
}

Test(pager_dirty, write_through_any_of_many_contexts_is_found)
{
    struct quire_vm more[3];
    struct world w;
    uint32_t i;

    world_start(&w, QUIRE_SIM_HW_ACCESSED_DIRTY, false);
    for (i = 0; i < 3u; i++) {
        rig_vm_start(&w.rig, &more[i]);
        EXPECT(rig_map(&more[i], &w.store->fobj, RIG_VA, RW), QUIRE_OK);
        cr_expect_geq(rig_byte(&w.rig, &more[i], RIG_AT(i)), 0);
    }
    for (i = 0; i < 3u; i++) {
        cr_expect_geq(rig_byte(&w.rig, &w.vm, RIG_AT(i)), 0);
        cr_expect_not(dirty(&w, w.store, i));
        EXPECT(rig_poke(&w.rig, &more[i], RIG_AT(i), 9), QUIRE_OK);
        cr_expect_not(known(&w, w.store, i));
        cr_expect(dirty(&w, w.store, i));
        EXPECT_SOUND(&w.rig);
    }
    END(&w.rig);
}

Test(pager_dirty, page_without_entries_is_what_its_entries_told)
{
    struct world w;

    world_start(&w, QUIRE_SIM_HW_ACCESSED_DIRTY, false);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(0), 1), QUIRE_OK);
    cr_expect_geq(rig_byte(&w.rig, &w.vm, RIG_AT(1)), 0);
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 16), QUIRE_OK);
    cr_expect(dirty(&w, w.store, 0));
    cr_expect_not(dirty(&w, w.store, 1));
    END(&w.rig);
}

Test(pager_dirty, noted_early_it_is_saved_once_and_is_clean_until_it_is_written_again)
{
    unsigned number;

    for (number = 0; number < 8u; number++) {
        struct world w;

        world_start(&w, all_flags[number % 4u], number / 4u != 0);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(2), 50), QUIRE_OK);
        cr_expect(dirty(&w, w.store, 2));
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(2) + 1u, 51), QUIRE_OK); /* after it was noted */
        EXPECT(quire_pager_write_back(&w.rig.pager, &w.store->fobj, 0, 16, false), QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).saves, 1);
        cr_expect_eq(rig_store_page(w.store, 2)[0], 50);
        cr_expect_eq(rig_store_page(w.store, 2)[1], 51);
        cr_expect_not(dirty(&w, w.store, 2));
        EXPECT_SOUND(&w.rig);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(2) + 2u, 52), QUIRE_OK);
        cr_expect(dirty(&w, w.store, 2));
        EXPECT(quire_pager_write_back(&w.rig.pager, &w.store->fobj, 2, 1, false), QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).saves, 2);
        cr_expect_eq(rig_store_page(w.store, 2)[2], 52);
        END(&w.rig);
    }
}

Test(pager_dirty, noted_early_it_is_still_dirty_after_a_save_that_failed)
{
    struct world w;

    world_start(&w, QUIRE_SIM_HW_ACCESSED_DIRTY, false);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(2), 50), QUIRE_OK);
    cr_expect(dirty(&w, w.store, 2));
    rig_fail(&w.store->save_fails, 1, 1, QUIRE_IO);
    EXPECT(quire_pager_write_back(&w.rig.pager, &w.store->fobj, 2, 1, false), QUIRE_IO);
    cr_expect(dirty(&w, w.store, 2));
    cr_expect(known(&w, w.store, 2));
    END(&w.rig);
}

Test(pager_dirty, noted_early_it_is_saved_when_it_is_evicted)
{
    unsigned number;
    uint32_t i;

    for (number = 0; number < 8u; number++) {
        struct world w;

        world_start(&w, all_flags[number % 4u], number / 4u != 0);
        for (i = 0; i < 4u; i++) {
            EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(i), (unsigned char)(100u + i)), QUIRE_OK);
            cr_expect(dirty(&w, w.store, i));
        }
        EXPECT_SOUND(&w.rig);
        for (i = 4; i < 16u; i++) {
            cr_expect_geq(rig_byte(&w.rig, &w.vm, RIG_AT(i)), 0);
        }
        for (i = 0; i < 4u; i++) {
            cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(i)), (int)(100u + i));
        }
        END(&w.rig);
    }
}

Test(pager_dirty, page_that_cannot_be_saved_is_dirty_and_fixed_before_anybody_asks)
{
    unsigned number;

    for (number = 0; number < 4u; number++) {
        struct rig_store *never;
        struct world w;

        world_start(&w, all_flags[number], false);
        never = store_that_never_saves(&w.rig, 4, RW);
        EXPECT(rig_map(&w.vm, &never->fobj, RIG_AT(32), RW), QUIRE_OK);
        cr_expect_geq(rig_byte(&w.rig, &w.vm, RIG_AT(32)), 0);
        cr_expect_not(dirty(&w, never, 0));
        cr_expect_eq(rig_stats(&w.rig).fixed, 0);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(32), 1), QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).fixed, 1);
        cr_expect(dirty(&w, never, 0));
        cr_expect_eq(rig_stats(&w.rig).fixed, 1);
        END(&w.rig);
    }
}
