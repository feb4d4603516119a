/* Stores that need another object's page and then answer later (need.h and io.h together). */
#define IO_SUITE io_need
#include "io_test.h"

static struct rig_store *table; /* rank 0: what the other needs */
static unsigned handed;         /* calls that were given its page */
static unsigned char seen;      /* the first byte of that page in the latest of them */

static enum quire_status needs_table(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    if (io->need_page == NULL) {
        io->need_fobj = &table->fobj;
        io->need_pgidx = io->pgidx % table->fobj.num_pages;
        io->need_write = !load;
        return QUIRE_NEED;
    }
    handed++;
    seen = *(unsigned char *)io->need_page;
    if (!load) {
        ((unsigned char *)io->need_page)[1] = (unsigned char)(0x40u + io->pgidx);
    }
    return QUIRE_OK;
}

/* An object of rank 1 whose store answers later, and needs a page of a table that is mapped nowhere. */
static struct rig_store *needing(uint32_t npages)
{
    struct rig_store *store = rig_store_pending(&rig, npages, RW);

    handed = 0;
    table = rig_store_new(&rig, 2, RW);
    EXPECT(quire_pager_know(&rig.pager, &table->fobj), QUIRE_OK);
    store->fobj.rank = 1;
    store->before = needs_table;
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    return store;
}

SCENARIO(a_load_that_needed_a_page_may_be_answered_later, .requests = 2, .rank_max = 1)
{
    struct rig_store *store = needing(4);

    EXPECT(fault(1, RIG_READ), QUIRE_AGAIN);
    NUM(handed, 1);
    NUM(seen, rig_born(table->tag, 1, 0));
    NUM(rig_pending(&rig), 1);
    NUM(rig_stats(&rig).needs, 1);
    NUM(rig_stats(&rig).bad_answers, 0);
    EXPECT_SOUND(&rig);
    answer_all();
    EXPECT(fault(1, RIG_READ), QUIRE_OK);
    cr_assert(born_at(&rig, &vm, RIG_AT(1), store, 1));
    NUM(rig.pager.holds, 0);
}

SCENARIO(a_save_that_wrote_the_page_it_needed_may_be_answered_later, .requests = 2, .rank_max = 1)
{
    struct rig_store *store = needing(4);

    bring_dirty(0, 0xa0);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 1, false), QUIRE_AGAIN);
    NUM(rig_pending(&rig), 1);
    EXPECT_SOUND(&rig);
    answer_all();
    NUM(rig_store_page(store, 0)[0], 0xa0);
    EXPECT(quire_pager_write_back(&rig.pager, &table->fobj, 0, 1, false), QUIRE_OK);
    NUM(rig_store_page(table, 0)[1], 0x40);
    NUM(rig.pager.holds, 0);
}

SCENARIO(a_needed_page_that_fails_fails_the_request_and_frees_it, .requests = 1, .rank_max = 1)
{
    struct rig_store *store = needing(4);

    rig_fail(&table->load_fails, 1, 1, QUIRE_INTEGRITY);
    EXPECT(fault(0, RIG_READ), QUIRE_INTEGRITY);
    NUM(rig_stats(&rig).requests, 0);
    NUM(rig_pending(&rig), 0);
    EXPECT_SOUND(&rig);
    bring(0);
    cr_assert(born_at(&rig, &vm, RIG_VA, store, 0));
}

static enum quire_status always_needs(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    (void)load;
    io->need_fobj = &table->fobj;
    io->need_pgidx = 0;
    return QUIRE_NEED;
}

SCENARIO(a_request_that_never_has_enough_is_a_bad_answer, .requests = 1, .rank_max = 1)
{
    struct rig_store *store = needing(4);

    store->before = always_needs;
    EXPECT(fault(0, RIG_READ), QUIRE_BAD_ANSWER);
    NUM(rig_stats(&rig).requests, 0);
    NUM(rig_stats(&rig).bad_answers, 1);
    EXPECT_SOUND(&rig);
    store->before = needs_table;
    bring(0);
}

SCENARIO(a_needed_page_that_a_store_is_late_with_is_a_time_out, .requests = 2, .rank_max = 1)
{
    struct rig_store *store = needing(4);
    struct quire_fault_result out;

    table->pends = true;
    table->ops.flags |= QUIRE_FOBJ_OPS_PENDING;
    table->watch.ops.flags |= QUIRE_FOBJ_OPS_PENDING;
    EXPECT(rig_map(&vm, &table->fobj, RIG_AT(8), RW), QUIRE_OK);
    EXPECT(fault(8, RIG_READ), QUIRE_AGAIN);
    EXPECT(quire_io_cancel(&rig.pager, rig.pending[0].ticket), QUIRE_OK);
    EXPECT(rig_fault(&rig, &vm, RIG_VA, RIG_READ, &out), QUIRE_TIMEOUT); /* no MMU is to blame */
    cr_expect_eq(out.store, QUIRE_TIMEOUT);
    EXPECT_SOUND(&rig);
    answer_all();
    bring(0);
    cr_assert(born_at(&rig, &vm, RIG_VA, store, 0));
}
