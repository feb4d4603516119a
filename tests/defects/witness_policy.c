/* What must hold between the pager and its policy: the tests that some of the planted defects of list_policy must fail. */
#include "witness.h"

static bool dirty_to_the_policy(const struct rig_store *store, uint32_t pgidx)
{
    const struct quire_policy_host *host = &rig.pager.root.policy->host;
    uintptr_t key = quire_pager_lock(&rig.pager);
    bool answer = host->dirty(host->ctx, quire_slot_value(store->fobj.slots[pgidx]));

    quire_pager_unlock(&rig.pager, key);
    return answer;
}

WITNESS(a_write_through_any_context_makes_the_page_dirty_to_the_policy, .policy = RIG_REFAULT, .pages = 8)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 2, RW);
    unsigned char byte = 1;

    OK(rig_map(&vm[1], &store->fobj, RIG_VA, RW));
    read_as_born(0, &vm[0], RIG_AT(0), store, 0);
    read_as_born(0, &vm[1], RIG_AT(0), store, 0);
    EXPECT(!dirty_to_the_policy(store, 0));
    OK(use(0, 0, &vm[1], RIG_AT(0), RIG_WRITE, &byte));
    EXPECT(dirty_to_the_policy(store, 0));
    read_as_born(0, &vm[0], RIG_AT(1), store, 1);
    read_as_born(0, &vm[1], RIG_AT(1), store, 1);
    OK(use(0, 0, &vm[0], RIG_AT(1), RIG_WRITE, &byte));
    EXPECT(dirty_to_the_policy(store, 1));
}

WITNESS(what_the_policy_found_dirty_is_clean_after_a_write_back, .policy = RIG_REFAULT, .pages = 8)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 2, RW);
    unsigned char byte = 200;

    OK(use(0, 0, &vm[0], RIG_AT(0), RIG_WRITE, &byte));
    EXPECT(dirty_to_the_policy(store, 0));
    byte = 201;
    OK(use(0, 0, &vm[0], RIG_AT(0), RIG_WRITE, &byte));
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 2, false));
    EXPECT(rig_store_page(store, 0)[0] == 201);
    EXPECT(!dirty_to_the_policy(store, 0));
    byte = 202;
    OK(use(0, 0, &vm[0], RIG_AT(0), RIG_WRITE, &byte));
    EXPECT(dirty_to_the_policy(store, 0));
}
