/* Where features of the pager meet: the reserve and those who fill memory, accounts that end or are at their quota while others
 * work, objects that die as victims, answers that come late. */
#include "io_test.h"

#include "quire/adopt.h"
#include "quire/advise.h"
#include "quire/gauge.h"
#include "quire/pager_trace.h"
#include "quire/quota.h"
#include "quire/resize.h"
#include "quire/writeback.h"

static struct rig_store *table; /* what saves need a page of */
static struct quire_vm vm2;

static enum quire_status saves_need_the_table(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    if (load || io->need_page != NULL) {
        return QUIRE_OK;
    }
    io->need_fobj = &table->fobj;
    io->need_pgidx = 0;
    io->need_write = true;
    return QUIRE_NEED;
}

static void start(struct rig_config config)
{
    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    rig_vm_start(&rig, &vm2);
    if (config.rank_max != 0) {
        table = rig_store_new(&rig, 4, RW);
        EXPECT(quire_pager_know(&rig.pager, &table->fobj), QUIRE_OK);
    }
}

static struct rig_store *needing(uint32_t n)
{
    struct rig_store *store = rig_store_new(&rig, n, RW);

    store->fobj.rank = 1;
    store->before = saves_need_the_table;
    return store;
}

/* ---- The reserve ---- */

Test(pager_together, adoption_leaves_what_saving_needs, .timeout = 20)
{
    struct rig_config config = {.rank_max = 1, .pages = 8};
    struct rig_store *dirty;
    uint32_t adopted = 0;
    uint32_t i;

    start(config);
    dirty = needing(16);
    for (i = 0; i < 8; i++) {
        adopted += quire_pager_adopt(&rig.pager, &dirty->fobj, i, PA(i), true) == QUIRE_OK;
        EXPECT_SOUND(&rig);
    }
    cr_assert_gt(adopted, 0u);
    cr_assert_lt(adopted, 8u);
    EXPECT(quire_pager_write_back(&rig.pager, &dirty->fobj, 0, 8, true), QUIRE_OK);
    cr_assert_eq(rig_stats(&rig).saves, adopted);
    END(&rig);
}

Test(pager_together, a_save_is_lent_the_page_it_needs_when_adopted_pages_fill_memory, .timeout = 20)
{
    struct rig_config config = {.rank_max = 1, .requests = 4, .pages = 8};
    struct rig_store *dirty;
    struct rig_store *other;
    uint32_t adopted = 0;
    uint32_t i;

    start(config);
    dirty = needing(2);
    other = rig_store_new(&rig, 8, RW);
    EXPECT(rig_map(&vm, &dirty->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_poke(&rig, &vm, RIG_VA, 7), QUIRE_OK);
    for (i = 0; i < 8; i++) {
        adopted += quire_pager_adopt(&rig.pager, &other->fobj, i, PA(i), true) == QUIRE_OK;
    }
    cr_assert_gt(adopted, 0u);
    EXPECT(quire_pager_write_back(&rig.pager, &dirty->fobj, 0, 1, false), QUIRE_OK);
    cr_assert_eq(rig_stats(&rig).lent, 1u);
    cr_assert_eq(*rig_store_page(dirty, 0), 7);
    END(&rig);
}

Test(pager_together, removal_leaves_what_saving_needs, .timeout = 20)
{
    struct rig_config config = {.rank_max = 1, .pages = 8, .policy = RIG_FIFO};
    struct rig_store *dirty;
    uint32_t removed = 0;
    uint32_t i;

    start(config);
    dirty = needing(16);
    EXPECT(rig_map(&vm, &dirty->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < 6; i++) {
        EXPECT(rig_poke(&rig, &vm, RIG_AT(i), 7), QUIRE_OK);
    }
    for (i = 0; i < 8; i++) {
        if (quire_pmem_at(&rig.pager.pool, i)->state == QUIRE_PAGE_FREE) {
            EXPECT(quire_pager_remove_pages(&rig.pager, PA(i), 1, true), QUIRE_OK);
            EXPECT_SOUND(&rig);
            removed++;
        }
    }
    cr_assert_eq(removed, 2u);
    EXPECT(rig_fault(&rig, &vm, RIG_AT(10), RIG_READ, NULL), QUIRE_OK);
    EXPECT(quire_pager_write_back(&rig.pager, &dirty->fobj, 0, 16, true), QUIRE_OK);
    for (i = 0; i < 6; i++) {
        cr_assert_eq(*rig_store_page(dirty, i), 7);
        cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(i)), 7);
    }
    END(&rig);
}

/* ---- Accounts ---- */

static struct rig_account account;
static struct rig_store *own; /* an object of it */

static enum quire_status end_the_account(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)io;
    if (!load && store->user != NULL) {
        store->user = NULL;
        EXPECT(quire_vm_unmap(&vm2, RIG_VA, 4), QUIRE_OK);
        EXPECT(rig_store_put(own), QUIRE_OK);
        EXPECT(quire_account_fini(&account.account), QUIRE_OK);
        memset(&account, 0x5a, sizeof account);
    }
    return QUIRE_OK;
}

Test(pager_together, an_account_may_end_while_memory_is_shrunk, .timeout = 20)
{
    struct rig_config config = {.pages = 7, .policy = RIG_FIFO};
    struct rig_store *dirty;
    struct quire_pa pa[4];
    uint32_t taken;
    uint32_t i;

    start(config);
    EXPECT(rig_account_start(&rig, &account, 0, 0), QUIRE_OK);
    dirty = rig_store_new(&rig, 3, RW);
    EXPECT(rig_map(&vm, &dirty->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < 3; i++) {
        EXPECT(rig_poke(&rig, &vm, RIG_AT(i), 7), QUIRE_OK);
    }
    own = rig_account_store(&rig, &account, 4, RW);
    EXPECT(rig_map(&vm2, &own->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < 4; i++) {
        EXPECT(rig_fault(&rig, &vm2, RIG_AT(i), RIG_READ, NULL), QUIRE_OK);
    }
    dirty->before = end_the_account;
    dirty->user = dirty;
    EXPECT(quire_pager_shrink(&rig.pager, 1, true, pa, &taken), QUIRE_OK);
    cr_assert_eq(taken, 1u);
    cr_assert_null(dirty->user, "the account did not end");
    END(&rig);
}

static int fires;                   /* flushes until something else happens during one */
static enum quire_status meanwhile; /* how that ended */

static void fault_during_flush(void *user, const struct quire_batch *batch)
{
    (void)user;
    (void)batch;
    if (fires != 0 && --fires == 0) {
        struct quire_fault in = {.va = RIG_AT(20), .access = QUIRE_PROT_READ, .thread = 1};

        meanwhile = quire_pager_fault(&rig.pager, &vm, &in, NULL);
    }
}

Test(pager_together, reading_ahead_keeps_to_a_quota_that_was_used_up_meanwhile, .timeout = 20)
{
    struct rig_config config = {.pages = 16,
                                .concurrency = 2,
                                .step = 2,
                                .policy = RIG_FIFO,
                                .flush_unlocked = true,
                                .threads = true,
                                .flushing = fault_during_flush};
    struct rig_store *other;
    uint32_t i;

    start(config);
    EXPECT(rig_account_start(&rig, &account, 4, 0), QUIRE_OK);
    own = rig_account_store(&rig, &account, 32, RW);
    EXPECT(rig_map(&vm, &own->fobj, RIG_VA, RW), QUIRE_OK);
    other = rig_store_new(&rig, 16, RW);
    EXPECT(rig_map(&vm2, &other->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < 12; i++) {
        EXPECT(rig_fault(&rig, &vm2, RIG_AT(i), RIG_READ, NULL), QUIRE_OK);
    }
    for (i = 0; i < 3; i++) {
        EXPECT(rig_fault(&rig, &vm, RIG_AT(i), RIG_READ, NULL), QUIRE_OK);
    }
    own->fobj.cluster = 2;
    fires = 1;
    EXPECT(rig_fault(&rig, &vm, RIG_AT(3), RIG_READ, NULL), QUIRE_OK);
    cr_assert_eq(fires, 0, "nothing happened meanwhile");
    EXPECT(meanwhile, QUIRE_OK);
    cr_assert_leq(account.account.charged, 4u);
    EXPECT_SOUND(&rig);
    EXPECT(quire_vm_unmap(&vm, RIG_VA, 32), QUIRE_OK);
    EXPECT(rig_store_put(own), QUIRE_OK);
    EXPECT(quire_account_fini(&account.account), QUIRE_OK);
    END(&rig);
}

/* ---- Advice ---- */

Test(pager_together, will_need_stops_at_a_quota, .timeout = 20)
{
    struct rig_config config = {.pages = 64, .policy = RIG_FIFO};

    start(config);
    EXPECT(rig_account_start(&rig, &account, 4, 0), QUIRE_OK);
    own = rig_account_store(&rig, &account, 32, RW);
    EXPECT(rig_map(&vm, &own->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(quire_vm_advise(&vm, RIG_VA, 32, QUIRE_ADVICE_WILL_NEED), QUIRE_OK);
    cr_assert_eq(present(own), 4u);
    cr_assert_eq(rig_stats(&rig).loads, 4u, "what it brought it took away again");
    EXPECT(quire_vm_unmap(&vm, RIG_VA, 32), QUIRE_OK);
    EXPECT(rig_store_put(own), QUIRE_OK);
    EXPECT(quire_account_fini(&account.account), QUIRE_OK);
    END(&rig);
}

Test(pager_together, will_need_by_clusters_takes_away_nothing_that_it_brought, .timeout = 20)
{
    struct rig_config config = {.pages = 16, .policy = RIG_FIFO};
    struct rig_store *store;

    start(config);
    store = rig_store_new(&rig, 64, RW);
    store->fobj.cluster = 8;
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(quire_vm_advise(&vm, RIG_VA, 64, QUIRE_ADVICE_WILL_NEED), QUIRE_OK);
    cr_assert_eq(present(store), rig_stats(&rig).loads);
    cr_assert_eq(rig_stats(&rig).evictions, 0u);
    END(&rig);
}

Test(pager_together, will_need_leaves_alone_a_dirty_page_whose_age_it_asked_for, .timeout = 20)
{
    unsigned policy;

    for (policy = 0; policy < RIG_POLICIES; policy++) {
        struct rig_config config = {.flags = QUIRE_SIM_NO_FLAGS,
                                    .policy = (enum rig_policy)policy,
                                    .flush_unlocked = true,
                                    .threads = true,
                                    .no_wait = true,
                                    .pages = 10,
                                    .concurrency = 2,
                                    .step = 1,
                                    .cpus = 2,
                                    .flushing = fault_during_flush};
        struct rig_store *store;
        uint32_t i;

        fires = 0;
        start(config);
        store = rig_store_new(&rig, 32, RW);
        EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
        for (i = 0; i < 10; i++) {
            EXPECT(rig_poke(&rig, &vm, RIG_AT(i), 7), QUIRE_OK);
        }
        fires = 1;
        EXPECT(quire_vm_advise(&vm, RIG_AT(24), 1, QUIRE_ADVICE_WILL_NEED), QUIRE_OK);
        cr_assert(policy == RIG_FIFO || fires == 0, "policy %u aged nothing", policy);
        fires = 0;
        EXPECT_SOUND(&rig);
        rig_stop(&rig);
    }
}

/* ---- Late answers, the gauge ---- */

Test(pager_together, a_trace_may_be_set_while_a_load_is_late, .timeout = 20)
{
    struct rig_config config = {.requests = 4, .pages = 16};

    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    (void)pending(4, RIG_VA);
    EXPECT(fault(0, RIG_READ), QUIRE_AGAIN);
    quire_io_tick(&rig.pager, 0, NULL);
    EXPECT(fault(0, RIG_READ), QUIRE_TIMEOUT);
    EXPECT(quire_pager_set_trace(&rig.pager, rig.pager.trace), QUIRE_OK);
    EXPECT_SOUND(&rig);
    EXPECT(rig_answer(&rig, 0, QUIRE_IO), QUIRE_OK);
    END(&rig);
}

Test(pager_together, the_gauge_does_not_count_pages_that_were_shrunk_away, .timeout = 20)
{
    struct rig_config config = {.pages = 48, .policy = RIG_FIFO};
    struct quire_headroom_info info;
    struct quire_pa pa[64];
    struct rig_store *store;
    uint32_t taken;
    uint32_t i;

    start(config);
    EXPECT(quire_pager_shrink(&rig.pager, 40, true, pa, &taken), QUIRE_OK);
    cr_assert_eq(taken, 40u);
    store = rig_store_new(&rig, 64, RW);
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < 1200; i++) {
        EXPECT(rig_fault(&rig, &vm, RIG_AT(i % 12), RIG_READ, NULL), QUIRE_OK);
    }
    quire_pager_headroom(&rig.pager, false, &info);
    cr_assert_eq(info.missing, 4u, "12 pages in turn, 8 in circulation, and %u are missing", info.missing);
    END(&rig);
}

Test(pager_together, the_gauge_does_not_call_the_reserve_spare, .timeout = 20)
{
    struct rig_config config = {.rank_max = 1, .pages = 16};
    struct quire_headroom_info info;

    start(config);
    cr_assert_gt(rig.pager.held_back, 0u);
    quire_pager_headroom(&rig.pager, false, &info);
    cr_assert_eq(info.spare, 16u - rig.pager.held_back);
    cr_assert_eq(info.working_set, 0u);
    quire_account_headroom(&rig.pager.root, false, &info);
    cr_assert_eq(info.spare, 16u - rig.pager.held_back);
    quire_vm_headroom(&vm, false, &info);
    cr_assert_eq(info.spare, 16u - rig.pager.held_back);
    END(&rig);
}
