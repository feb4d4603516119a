/* pager_check.h: each invariant of pages and entries is violated on purpose, seen, named, and put right again. */
#include "check_world.h"

Test(pager_check, check_finds_nothing_where_nothing_is_wrong)
{
    struct world w;
    struct quire_violation violation;

    world_start(&w);
    memset(&violation, 0xff, sizeof violation);
    EXPECT(quire_pager_check(&w.rig.pager, &violation), QUIRE_OK);
    cr_expect_null(violation.what);
    EXPECT(quire_pager_check(&w.rig.pager, NULL), QUIRE_OK);
    w.vm.num_areas++;
    EXPECT(quire_pager_check(&w.rig.pager, NULL), QUIRE_CORRUPT);
    w.vm.num_areas--;
    END(&w.rig);
}

Test(pager_check, check_says_what_is_at_fault)
{
    struct quire_violation violation;
    struct world w;

    world_start(&w);
    page_of(&w, w.data, 1)->mapped++;
    EXPECT(quire_pager_check(&w.rig.pager, &violation), QUIRE_CORRUPT);
    cr_expect_eq(violation.object, page_of(&w, w.data, 1));
    cr_expect_eq(violation.detail, 1);
    page_of(&w, w.data, 1)->mapped--;
    END(&w.rig);
}

/* ---- 1: slots and pages ---- */

Test(pager_check, check_names_a_slot_that_names_another_page)
{
    static const char what[] = "1: a slot names a page that holds something else";
    struct world w;

    world_start(&w);
    PLANT(&w, w.data->slots[0], w.data->slots[1], what);
    PLANT(&w, w.data->slots[0], w.code->slots[0], what);
    PLANT(&w, w.data->slots[7], w.data->slots[0], what);
    PLANT(&w, w.data->slots[7], quire_slot_make(QUIRE_SLOT_PRESENT, w.rig.pager.pool.free), what);
    END(&w.rig);
}

Test(pager_check, check_names_a_page_in_the_chain_of_another_object)
{
    static const char what[] = "1: a page is in the chain of an object it does not belong to";
    struct world w;
    struct quire_pmem *last;

    world_start(&w);
    PLANT(&w, w.code->fobj.chain, w.data->fobj.chain, what);
    for (last = quire_pmem_at(&w.rig.pager.pool, w.data->fobj.chain); last->chain_next != QUIRE_PAGE_NONE;) {
        last = quire_pmem_at(&w.rig.pager.pool, last->chain_next);
    }
    PLANT(&w, last->chain_next, w.code->fobj.chain, what);
    END(&w.rig);
}

Test(pager_check, check_names_a_page_that_holds_nothing)
{
    static const char what[] = "1: a page holds no page of an fobj";
    struct world w;

    world_start(&w);
    PLANT(&w, free_page(&w)->state, QUIRE_PAGE_RESIDENT, what);
    PLANT(&w, free_page(&w)->state, QUIRE_PAGE_STATES, what);
    free_page(&w)->fobj = &w.data->fobj;
    free_page(&w)->pgidx = 8;
    free_page(&w)->state = QUIRE_PAGE_LOADING;
    NAMED(&w, what);
    free_page(&w)->fobj = NULL;
    free_page(&w)->pgidx = QUIRE_PMEM_UNUSED;
    free_page(&w)->state = QUIRE_PAGE_FREE;
    END(&w.rig);
}

Test(pager_check, check_names_a_page_whose_slot_does_not_know_it)
{
    static const char what[] = "1: a page and the slot of what it holds disagree";
    struct world w;

    world_start(&w);
    free_page(&w)->fobj = &w.data->fobj;
    free_page(&w)->pgidx = 7; /* absent */
    free_page(&w)->state = QUIRE_PAGE_RESIDENT;
    NAMED(&w, what);
    free_page(&w)->pgidx = 0; /* the same page twice */
    NAMED(&w, what);
    free_page(&w)->fobj = NULL;
    free_page(&w)->pgidx = QUIRE_PMEM_UNUSED;
    free_page(&w)->state = QUIRE_PAGE_FREE;
    END(&w.rig);
}

/* ---- 2: entries ---- */

/* Entries that come and go behind the pager's back. */
static void enter(struct world *w, struct quire_vm *vm, uintptr_t va, uint32_t number, unsigned prot)
{
    const struct quire_mmu *mmu = &w->rig.sim.mmu;
    uintptr_t key = mmu->lock(mmu->ctx);

    EXPECT(mmu->map(mmu->ctx, vm, va, quire_pmem_pa(&w->rig.pager.pool, number), 1, prot | USER, 0), QUIRE_OK);
    mmu->unlock(mmu->ctx, key);
}

static void withdraw(struct world *w, struct quire_vm *vm, uintptr_t va)
{
    const struct quire_mmu *mmu = &w->rig.sim.mmu;
    uintptr_t key = mmu->lock(mmu->ctx);
    struct quire_batch batch;

    quire_batch_init(&batch);
    (void)mmu->unmap(mmu->ctx, vm, va, 1, &batch);
    quire_batch_add(&batch, vm, va);
    mmu->flush(mmu->ctx, &batch);
    mmu->unlock(mmu->ctx, key);
}

Test(pager_check, check_names_an_entry_without_a_page)
{
    struct world w;

    world_start(&w);
    enter(&w, &w.vm, RIG_AT(5), number_of(w.data, 2), RIG_READ);
    NAMED(&w, "2: there is an entry for a page that is not there");
    withdraw(&w, &w.vm, RIG_AT(5));
    END(&w.rig);
}

Test(pager_check, check_names_an_entry_that_nobody_counted)
{
    static const char what[] = "2: a page has more or fewer entries than it counts";
    struct world w;

    world_start(&w);
    enter(&w, &w.vm, RIG_AT(2), number_of(w.data, 2), RIG_READ);
    NAMED(&w, what);
    withdraw(&w, &w.vm, RIG_AT(2));
    EXPECT_SOUND(&w.rig);
    withdraw(&w, &w.vm2, RIG_VA);
    NAMED(&w, what);
    enter(&w, &w.vm2, RIG_VA, number_of(w.data, 0), RW);
    EXPECT_SOUND(&w.rig);
    PLANT(&w, page_of(&w, w.data, 0)->mapped, 1, what);
    PLANT(&w, page_of(&w, w.data, 1)->mapped, 0, what);
    PLANT(&w, page_of(&w, w.data, 2)->sole, w.low, what); /* no entry has an only mapper */
    END(&w.rig);
}

Test(pager_check, check_names_a_page_that_names_the_wrong_only_mapper)
{
    static const char what[] = "2: a page names another area as its only mapper than the one that maps it";
    struct world w;

    world_start(&w);
    PLANT(&w, page_of(&w, w.data, 1)->sole, w.other, what);
    PLANT(&w, page_of(&w, w.data, 0)->sole, w.low, what);
    END(&w.rig);
}

Test(pager_check, check_names_a_page_in_transit_that_has_entries)
{
    static const char what[] = "2: a page has entries while a store works on it";
    struct world w;

    world_start(&w);
    PLANT(&w, page_of(&w, w.data, 1)->state, QUIRE_PAGE_LOADING, what);
    PLANT(&w, page_of(&w, w.data, 0)->state, QUIRE_PAGE_SAVING, what);
    END(&w.rig);
}

Test(pager_check, check_names_an_unpaged_area_that_counts_wrongly)
{
    static const char what[] = "2: an area of an unpaged object counts its entries wrongly";
    struct quire_area *area;
    struct world w;

    world_start(&w);
    area = quire_vm_area_at(&w.vm, UNPAGED);
    PLANT(&w, area->installed, 3, what);
    PLANT(&w, area->installed, 0, what);
    withdraw(&w, &w.vm, UNPAGED + RIG_PAGE);
    NAMED(&w, what);
    EXPECT(quire_vm_drop_range(&w.vm, UNPAGED, 4), QUIRE_OK);
    END(&w.rig);
}

/* ---- 3: permissions ---- */

Test(pager_check, check_names_an_entry_that_permits_more_than_its_area)
{
    static const char what[] = "3: an entry permits more than its area";
    struct world w;

    world_start(&w);
    PLANT(&w, w.low->prot, RIG_READ | USER, what);
    PLANT(&w, w.low->prot, RW, what);
    PLANT(&w, w.low->prot, 0, what);
    END(&w.rig);
}

Test(pager_check, check_names_a_clean_page_that_is_writable_unseen)
{
    struct quire_pmem *page;
    struct world w;

    world_start(&w);
    page = page_of(&w, w.data, 0);
    PLANT(&w, page->flags, (uint8_t)(page->flags & ~QUIRE_PMEM_DIRTY), "3: a clean page is writable and no hardware will tell");
    withdraw(&w, &w.vm, RIG_AT(1));
    enter(&w, &w.vm, RIG_AT(1), number_of(w.data, 1), RW);
    NAMED(&w, "3: a clean page is writable and no hardware will tell");
    withdraw(&w, &w.vm, RIG_AT(1));
    enter(&w, &w.vm, RIG_AT(1), number_of(w.data, 1), RIG_READ);
    END(&w.rig);
}

Test(pager_check, check_names_an_entry_that_is_writable_and_executable_unasked)
{
    struct quire_area *area;
    struct world w;

    world_start(&w);
    area = quire_vm_area_at(&w.vm, BOTH);
    PLANT(&w, area->flags, 0, "3: an entry is writable and executable, and nobody asked for it");
    END(&w.rig);
}

Test(pager_check, check_names_code_that_was_not_synced)
{
    struct quire_pmem *page;
    struct world w;

    world_start(&w);
    page = page_of(&w, w.code, 0);
    PLANT(&w, page->flags, (uint8_t)(page->flags & ~QUIRE_PMEM_SYNCED), "3: a page is executable whose content was not synced");
    END(&w.rig);
}

/* ---- 6: states and counts ---- */

Test(pager_check, check_names_a_free_page_that_is_in_use)
{
    static const char what[] = "6: a free page is in use";
    struct world w;

    world_start(&w);
    PLANT(&w, free_page(&w)->fobj, &w.data->fobj, what);
    PLANT(&w, free_page(&w)->mapped, 1, what);
    PLANT(&w, free_page(&w)->pins, 1, what);
    PLANT(&w, free_page(&w)->holds, 1, what);
    PLANT(&w, free_page(&w)->flags, QUIRE_PMEM_DIRTY, what);
    END(&w.rig);
}

Test(pager_check, check_names_a_broken_list_of_free_pages)
{
    static const char what[] = "6: the list of free pages is broken";
    struct world w;

    world_start(&w);
    PLANT(&w, w.rig.pager.pool.free, number_of(w.data, 0), what);
    PLANT(&w, free_page(&w)->chain_next, number_of(w.data, 0), what);
    PLANT(&w, free_page(&w)->chain_next, w.rig.pager.pool.free, what);
    END(&w.rig);
}

Test(pager_check, check_names_a_free_page_that_is_lost)
{
    static const char what[] = "6: a free page is lost";
    struct world w;

    world_start(&w);
    PLANT(&w, w.rig.pager.pool.free, free_page(&w)->chain_next, what);
    PLANT(&w, w.rig.pager.pool.free, QUIRE_PAGE_NONE, what);
    PLANT(&w, free_page(&w)->chain_next, QUIRE_PAGE_NONE, what);
    END(&w.rig);
}

Test(pager_check, check_names_a_wrong_count_of_free_pages_that_are_not_wiped)
{
    static const char what[] = "6: the free pages that are not wiped are more or fewer than it counts";
    struct world w;

    world_start(&w);
    PLANT(&w, w.rig.pager.pool.stale, 1, what);
    PLANT(&w, free_page(&w)->pgidx, 0, what);
    EXPECT(quire_pager_invalidate(&w.rig.pager, &w.data->fobj, 2, 1), QUIRE_OK);
    PLANT(&w, free_page(&w)->pgidx, QUIRE_PMEM_WIPED, what);
    END(&w.rig);
}

Test(pager_check, check_names_a_pinned_page_that_counts_as_evictable)
{
    struct world w;

    world_start(&w);
    PLANT(&w, page_of(&w, w.data, 1)->pins, 1, "6: a pinned page counts as evictable");
    END(&w.rig);
}

Test(pager_check, check_names_what_the_policy_has_and_has_not)
{
    struct quire_pmem *page;
    struct world w;
    uint32_t next;

    world_start(&w);
    page = page_of(&w, w.data, 1);
    PLANT(&w, page->flags, (uint8_t)(page->flags | QUIRE_PMEM_FIXED), "6: the policy has a page that cannot be evicted");
    PLANT(&w, page->state, QUIRE_PAGE_QUARANTINED, "6: the policy has a page that cannot be evicted");
    PLANT(&w, page->flags, (uint8_t)(page->flags & ~QUIRE_PMEM_IN_POLICY),
          "6: the policy does not know a page that could be evicted");
    PLANT(&w, w.rig.policies.clock.ring.count, w.rig.policies.clock.ring.count + 1u, "6: the policy lost or invented a page");
    PLANT(&w, w.rig.policies.clock.ring.hand, QUIRE_PAGE_NONE, "6: the policy lost or invented a page");
    next = page->policy.next;
    page->policy.next = number_of(w.data, 1) & QUIRE_PAGE_NONE; /* a ring of its own */
    NAMED(&w, "6: the policy lost or invented a page");
    page->policy.next = next & QUIRE_PAGE_NONE;
    END(&w.rig);
}

Test(pager_check, check_names_resident_pages_counted_wrongly)
{
    static const char what[] = "6: an object's resident pages are counted wrongly";
    struct world w;

    world_start(&w);
    PLANT(&w, w.data->fobj.resident, 4, what);
    PLANT(&w, w.data->fobj.resident, 0, what);
    PLANT(&w, w.data->fobj.chain, QUIRE_PAGE_NONE, what);
    PLANT(&w, w.data->fobj.chain, quire_pmem_at(&w.rig.pager.pool, w.data->fobj.chain)->chain_next, what);
    PLANT(&w, page_of(&w, w.data, 2)->chain_next, number_of(w.data, 2), what); /* a ring */
    PLANT(&w, w.data->slots[0], quire_slot_make(QUIRE_SLOT_EMPTY, 0), "2: there is an entry for a page that is not there");
    PLANT(&w, w.data->slots[2], quire_slot_make(QUIRE_SLOT_EMPTY, 0), what);
    END(&w.rig);
}

Test(pager_check, check_names_states_counted_wrongly)
{
    static const char what[] = "6: pages per state are counted wrongly";
    struct quire_pmem_pool *pool;
    struct world w;

    world_start(&w);
    pool = &w.rig.pager.pool;
    PLANT(&w, pool->count[QUIRE_PAGE_RESIDENT], pool->count[QUIRE_PAGE_RESIDENT] + 1u, what);
    PLANT(&w, pool->count[QUIRE_PAGE_LOADING], 1, what);
    PLANT(&w, pool->count[QUIRE_PAGE_QUARANTINED], UINT32_MAX, what);
    END(&w.rig);
}

Test(pager_check, check_names_every_count_that_a_recount_contradicts)
{
    static const char what[] = "6: statistics and a recount disagree";
    struct quire_pager *pager;
    struct world w;

    world_start(&w);
    pager = &w.rig.pager;
    PLANT(&w, pager->pool.total, pager->pool.total + 1u, what);
    PLANT(&w, pager->pool.fixed, 1, what);
    PLANT(&w, pager->holds, 1, what);
    PLANT(&w, pager->step_pages, pager->step_pages + 1u, what);
    PLANT(&w, page_of(&w, w.data, 1)->holds, 1, what);
    PLANT(&w, page_of(&w, w.data, 1)->steps, 3, what);
    PLANT(&w, pager->steps[1], QUIRE_PAGE_NONE, what);
    END(&w.rig);
}

/* ---- 6: accounts ---- */

Test(pager_check, check_names_what_accounts_count_wrongly)
{
    static const char what[] = "6: what an account is charged and a recount disagree";
    struct quire_account *root;
    struct world w;

    world_start(&w);
    root = &w.rig.pager.root;
    PLANT(&w, root->charged, root->charged - 1u, what);
    PLANT(&w, root->fixed, 1, what);
    PLANT(&w, root->objects, root->objects + 1u, what);
    PLANT(&w, w.rig.pager.accounts.promised, 3, "6: the accounts do not add up");
    END(&w.rig);
}

Test(pager_check, check_names_an_account_beyond_its_quota)
{
    struct quire_account *root;
    struct world w;

    world_start(&w);
    root = &w.rig.pager.root;
    EXPECT(quire_account_set_limits(root, root->charged, 0), QUIRE_OK);
    PLANT(&w, root->quota, root->charged - 1u, "6: an account is beyond its quota, and nothing let it");
    END(&w.rig);
}

Test(pager_check, check_names_accounts_in_disorder)
{
    static const char what[] = "6: the accounts are in disorder";
    struct quire_accounts *set;
    struct rig_account other;
    struct world w;

    world_start(&w);
    set = &w.rig.pager.accounts;
    EXPECT(rig_account_start(&w.rig, &other, 0, 0), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    PLANT(&w, set->count, 1, what);
    PLANT(&w, set->count, 3, what);
    PLANT(&w, other.account.ceiling, 1000, what);
    PLANT(&w, other.account.link.next, &other.account.link, what);
    PLANT(&w, set->top->charged, set->top->ceiling + 1u, what);
    EXPECT(quire_account_fini(&other.account), QUIRE_OK);
    END(&w.rig);
}

Test(pager_check, check_names_an_object_that_is_charged_to_nobody)
{
    static const char what[] = "6: an object is charged to no account of its pager";
    struct quire_account stranger = {.charged = 0};
    struct world w;

    world_start(&w);
    PLANT(&w, w.data->fobj.account, NULL, what);
    PLANT(&w, w.data->fobj.account, &stranger, what);
    END(&w.rig);
}

Test(pager_check, check_names_a_gauge_that_does_not_add_up)
{
    static const char what[] = "6: a gauge of headroom does not add up";
    struct quire_headroom *gauge[2];
    struct world w;
    unsigned i;

    world_start(&w);
    gauge[0] = &w.rig.pager.root.headroom;
    gauge[1] = &w.vm.headroom;
    for (i = 0; i < 2u; i++) {
        cr_expect_gt(gauge[i]->majors, 3);
        PLANT(&w, gauge[i]->count[0], gauge[i]->majors + 1u, what);
        PLANT(&w, gauge[i]->far[3], 5, what);
        gauge[i]->count[3] = 2;
        gauge[i]->count[23] = 1;
        NAMED(&w, what);
        gauge[i]->far[23] = 0x1ffffffu;
        NAMED(&w, what);
        gauge[i]->far[3] = 5;
        EXPECT_SOUND(&w.rig);
        PLANT(&w, gauge[i]->far[3], 3, what);
        PLANT(&w, gauge[i]->far[3], 8, what);
        PLANT(&w, gauge[i]->far[23], 0x3fffffu, what);
    }
    END(&w.rig);
}

/* ---- 10: dead objects ---- */

Test(pager_check, check_names_a_page_that_outlived_its_object)
{
    struct world w;

    world_start(&w);
    EXPECT(quire_vm_unmap(&w.vm, CODE, 2), QUIRE_OK);
    w.code->fobj.refs.count = 0;
    w.code->fobj.dead = true;
    NAMED(&w, "10: a page of a dead object is still there");
    w.code->fobj.refs.count = 1;
    w.code->fobj.dead = false;
    END(&w.rig);
}
