/* cluster.h: several pages in one load or save, answered at once or later; neighbours that fail. */
#define IO_SUITE io_cluster
#include "io_test.h"

/* Pages of `store` that make every load or save fail that is about them. */
static uint64_t bad;
static uint32_t last_npages;

static enum quire_status fail_bad(struct rig_store *store, struct quire_io *io, bool load)
{
    uint32_t i;

    (void)store;
    (void)load;
    last_npages = io->npages;
    for (i = 0; i < io->npages; i++) {
        if ((bad >> (io->pgidx + i) & 1u) != 0) {
            return QUIRE_IO;
        }
    }
    return QUIRE_OK;
}

/* A store of 16 pages, mapped, whose loads and saves may be about 4; it answers at once. */
static struct rig_store *clustered(void)
{
    struct rig_store *store = pending(16, RIG_VA);

    store->pends = false;
    store->fobj.cluster = 4;
    store->before = fail_bad;
    bad = 0;
    return store;
}

static bool resident(uint32_t page)
{
    return rig_query(&vm, RIG_AT(page)).resident;
}

static uint32_t residents(uint32_t first, uint32_t n)
{
    uint32_t count = 0;
    uint32_t i;

    for (i = first; i < first + n; i++) {
        count += resident(i);
    }
    return count;
}

/* Each page in turn is written with its number, or is known to have been. */
static void write_pages(uint32_t first, uint32_t n)
{
    uint32_t i;

    for (i = first; i < first + n; i++) {
        EXPECT(rig_poke(&rig, &vm, RIG_AT(i), (unsigned char)(0x80u + i)), QUIRE_OK);
    }
}

static void expect_written(uint32_t first, uint32_t n)
{
    uint32_t i;

    for (i = first; i < first + n; i++) {
        NUM(rig_byte(&rig, &vm, RIG_AT(i)), 0x80u + i);
    }
}

/* ---- Loads ---- */

SCENARIO(what_follows_a_page_is_loaded_with_it, .requests = 2)
{
    struct rig_store *store = clustered();
    struct quire_fault_result out;
    uint32_t i;

    EXPECT(rig_fault(&rig, &vm, RIG_AT(2), RIG_READ, &out), QUIRE_OK);
    NUM(out.kind, QUIRE_FAULT_MAJOR);
    NUM(residents(0, 16), 4);
    NUM(rig_stats(&rig).loads, 4);
    NUM(rig_stats(&rig).read_ahead, 3);
    NUM(rig.loads, 1);
    NUM(rig_stats(&rig).steps, 1); /* nobody needed the others yet */
    EXPECT_SOUND(&rig);
    for (i = 2; i < 6; i++) {
        EXPECT(rig_fault(&rig, &vm, RIG_AT(i), RIG_READ, &out), QUIRE_OK);
        cr_assert_neq(out.kind, QUIRE_FAULT_MAJOR);
        cr_assert(born_at(&rig, &vm, RIG_AT(i), store, i));
    }
    EXPECT(fault(0, RIG_READ), QUIRE_OK); /* only as far as nothing is there, ... */
    NUM(last_npages, 2);
    EXPECT(fault(14, RIG_READ), QUIRE_OK); /* ... and the object reaches */
    NUM(last_npages, 2);
}

SCENARIO(only_pages_of_one_kind_are_loaded_together, .requests = 2)
{
    struct rig_store *store = clustered();

    store->fobj.cluster = 1;
    write_pages(1, 1);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 16, false), QUIRE_OK);
    EXPECT(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 16), QUIRE_OK);
    store->fobj.cluster = 4;
    EXPECT(fault(0, RIG_READ), QUIRE_OK);
    NUM(last_npages, 1);
    EXPECT(fault(1, RIG_READ), QUIRE_OK);
    NUM(last_npages, 1);
    expect_written(1, 1);
}

SCENARIO(a_cluster_is_never_larger_than_a_request, .requests = 2)
{
    struct rig_store *store = clustered();
    uint32_t i;

    store->fobj.cluster = 255;
    EXPECT(fault(0, RIG_READ), QUIRE_OK);
    NUM(last_npages, QUIRE_IO_PAGES_MAX);
    write_pages(0, 12);
    for (i = 12; i < 16; i++) {
        EXPECT(fault(i, RIG_READ), QUIRE_OK); /* the thread's last pages are others */
    }
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 12, false), QUIRE_OK);
    NUM(rig.saves, 2);
}

SCENARIO(a_locked_object_gets_only_what_is_needed, .requests = 2)
{
    struct rig_store *store = clustered();

    store->fobj.flags = QUIRE_FOBJ_LOCKED;
    EXPECT(fault(0, RIG_READ), QUIRE_OK);
    NUM(rig_stats(&rig).fixed, 1);
    NUM(residents(0, 16), 1);
}

SCENARIO(nothing_is_evicted_for_what_is_not_needed_unless_in_order, .policy = RIG_FIFO, .step = 1, .pages = 6, .requests = 2)
{
    (void)clustered();
    EXPECT(fault(8, RIG_READ), QUIRE_OK);
    EXPECT(fault(0, RIG_READ), QUIRE_OK); /* two pages are left: two are loaded */
    NUM(residents(0, 16), 6);
    NUM(last_npages, 2);
    EXPECT(fault(4, RIG_READ), QUIRE_OK); /* page 3 is not there: out of order */
    NUM(last_npages, 1);
    EXPECT(fault(5, RIG_READ), QUIRE_OK); /* in order */
    NUM(last_npages, 4);
    EXPECT_SOUND(&rig);
}

SCENARIO(a_bad_neighbour_does_not_fail_a_good_page, .requests = 2)
{
    struct rig_store *store = clustered();

    bad = (uint64_t)1 << 3;
    EXPECT(fault(1, RIG_READ), QUIRE_OK);
    NUM(last_npages, 1);
    NUM(residents(0, 16), 1);
    NUM(rig_stats(&rig).load_failures, 1);
    cr_assert(born_at(&rig, &vm, RIG_AT(1), store, 1));
    EXPECT(fault(3, RIG_READ), QUIRE_IO);
    NUM(rig_stats(&rig).load_failures, 3); /* with its neighbours, and alone */
    EXPECT_SOUND(&rig);
    bad = 0;
    EXPECT(fault(3, RIG_READ), QUIRE_OK);
}

SCENARIO(a_bad_neighbour_does_not_fail_a_good_page_that_comes_later, .requests = 2)
{
    struct rig_store *store = clustered();

    store->pends = true;
    EXPECT(fault(1, RIG_READ), QUIRE_AGAIN);
    NUM(last_npages, 4);
    EXPECT(fault(2, RIG_READ), QUIRE_AGAIN); /* is on its way already */
    NUM(rig_pending(&rig), 1);
    EXPECT(rig_answer(&rig, 0, QUIRE_IO), QUIRE_OK);
    NUM(residents(0, 16), 0);
    EXPECT_SOUND(&rig);
    EXPECT(fault(1, RIG_READ), QUIRE_AGAIN); /* not IO: it may be a neighbour's */
    NUM(last_npages, 1);
    EXPECT(rig_answer(&rig, 0, QUIRE_INTEGRITY), QUIRE_OK);
    EXPECT(fault(1, RIG_READ), QUIRE_INTEGRITY);
    EXPECT(fault(1, RIG_READ), QUIRE_AGAIN);
    NUM(last_npages, 4);
    answer_all();
    NUM(residents(1, 4), 4);
    NUM(rig_stats(&rig).read_ahead, 3);
}

SCENARIO(a_thread_that_waits_for_a_cluster_that_fails_gets_its_page_alone, .idle = answer_oldest,
         .user = (enum quire_status[]){QUIRE_IO}, .requests = 1)
{
    enum quire_status *status = rig.config.user;
    struct rig_store *store = clustered();

    *status = QUIRE_IO;
    store->pends = true;
    EXPECT(fault(1, RIG_READ), QUIRE_IO);
    NUM(store->loads_of[1], 2);
    NUM(store->loads_of[2], 1);
    EXPECT_SOUND(&rig);
}

SCENARIO(a_late_cluster_is_in_quarantine_as_a_whole, .requests = 2)
{
    struct rig_store *store = clustered();

    store->pends = true;
    EXPECT(fault(1, RIG_READ), QUIRE_AGAIN);
    EXPECT(quire_io_cancel(&rig.pager, rig.pending[0].ticket), QUIRE_OK);
    NUM(rig_stats(&rig).pages[QUIRE_PAGE_QUARANTINED], 4);
    EXPECT(fault(4, RIG_READ), QUIRE_TIMEOUT);
    EXPECT(quire_pager_invalidate(&rig.pager, &store->fobj, 2, 1), QUIRE_OK);
    EXPECT_SOUND(&rig);
    answer_all();
    NUM(residents(0, 16), 3); /* without the one that was invalidated */
    EXPECT(fault(4, RIG_READ), QUIRE_OK);
}

/* ---- Saves ---- */

SCENARIO(dirty_neighbours_are_saved_with_a_victim_and_stay, .policy = RIG_FIFO, .step = 1, .pages = 8, .requests = 2)
{
    struct rig_store *store = clustered();
    uint32_t i;

    store->fobj.cluster = 1;
    write_pages(0, 8);
    store->fobj.cluster = 4;
    EXPECT(fault(12, RIG_READ), QUIRE_OK);
    NUM(rig.saves, 1);
    NUM(rig_stats(&rig).saves, 4);
    NUM(rig_stats(&rig).saved_ahead, 3);
    NUM(rig_stats(&rig).evictions, 1);
    cr_assert_not(resident(0));
    NUM(residents(1, 3), 3);
    for (i = 1; i < 4; i++) {
        cr_assert_not(rig_query(&vm, RIG_AT(i)).dirty, "page %u", i);
        NUM(rig_store_page(store, i)[0], 0x80u + i);
    }
    EXPECT_SOUND(&rig);
    EXPECT(fault(13, RIG_READ), QUIRE_OK); /* the next victim is clean */
    NUM(rig.saves, 1);
    expect_written(0, 8);
}

SCENARIO(neighbours_that_are_clean_pinned_or_in_use_are_not_saved, .policy = RIG_FIFO, .step = 1, .pages = 12, .requests = 2)
{
    struct rig_store *store = clustered();
    struct quire_pin pin;

    store->fobj.cluster = 1;
    write_pages(0, 2);
    EXPECT(fault(2, RIG_READ), QUIRE_OK); /* clean */
    write_pages(3, 3);
    EXPECT(quire_pin_fobj(&rig.pager, &store->fobj, 3, 1, true, false, &pin), QUIRE_OK);
    store->fobj.cluster = 4;
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 1, 1, false), QUIRE_OK);
    NUM(last_npages, 2);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 4, 1, false), QUIRE_OK);
    NUM(last_npages, 1); /* 3 is pinned, and 5 is the last page of a thread */
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 6, false), QUIRE_OK);
    expect_written(3, 3);
}

SCENARIO(when_a_cluster_cannot_be_saved_all_stay_dirty_and_the_victim_is_saved_alone, .policy = RIG_FIFO, .step = 1, .pages = 8,
         .requests = 2)
{
    struct rig_store *store = clustered();
    uint32_t i;

    store->fobj.cluster = 1;
    write_pages(0, 8);
    store->fobj.cluster = 4;
    bad = (uint64_t)1 << 2;
    EXPECT(fault(12, RIG_READ), QUIRE_OK);
    NUM(rig.saves, 2);
    NUM(rig_stats(&rig).saves, 1);
    NUM(rig_stats(&rig).save_failures, 1);
    cr_assert_not(resident(0));
    for (i = 1; i < 8; i++) {
        cr_assert(rig_query(&vm, RIG_AT(i)).resident);
    }
    for (i = 1; i < 4; i++) {
        cr_assert(rig_query(&vm, RIG_AT(i)).dirty, "page %u", i);
        NUM(rig_store_page(store, i)[0], rig_born(store->tag, i, 0));
    }
    EXPECT_SOUND(&rig);
    bad = 0;
    expect_written(0, 8);
}

SCENARIO(a_cluster_whose_save_fails_later_is_tried_again_page_by_page, .policy = RIG_FIFO, .step = 1, .pages = 8, .requests = 2)
{
    struct rig_store *store = clustered();

    store->fobj.cluster = 1;
    write_pages(0, 8);
    store->fobj.cluster = 4;
    store->pends = true;
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 1, 1, false), QUIRE_AGAIN);
    NUM(last_npages, 4);
    EXPECT(fault(3, RIG_WRITE), QUIRE_AGAIN);
    EXPECT(rig_answer(&rig, 0, QUIRE_IO), QUIRE_OK);
    EXPECT_SOUND(&rig);
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 1, 1, false), QUIRE_AGAIN);
    NUM(last_npages, 1);
    answer_all();
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 1, 1, false), QUIRE_OK);
    expect_written(0, 8);
}

SCENARIO(an_object_that_dies_while_its_cluster_is_saved_is_freed_with_the_answer, .requests = 2)
{
    struct rig_store *store = clustered();

    write_pages(0, 4);
    store->pends = true;
    EXPECT(quire_pager_write_back(&rig.pager, &store->fobj, 0, 1, false), QUIRE_AGAIN);
    kill(store);
    NUM(store->freed, 0);
    answer_all();
    NUM(store->freed, 1);
    NUM(rig_stats(&rig).pages[QUIRE_PAGE_FREE], 16);
}

/* ---- Without requests, and the ready-made objects ---- */

SCENARIO(a_store_that_answers_at_once_needs_no_table_for_clusters, .policy = RIG_FIFO, .step = 1, .pages = 6)
{
    struct rig_store *store = rig_store_new(&rig, 16, RW);
    uint32_t i;

    store->fobj.cluster = 4;
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < 5; i++) {
        write_pages(0, 16);
        expect_written(0, 16);
    }
    EXPECT_SOUND(&rig);
    cr_assert_gt(rig_stats(&rig).read_ahead, 0);
    cr_assert_gt(rig_stats(&rig).saved_ahead, 0);
}

static unsigned char kept[16][(size_t)1 << QUIRE_PAGE_SHIFT];

static enum quire_status keep_read(void *ctx, uint32_t pgidx, void *page)
{
    (void)ctx;
    memcpy(page, kept[pgidx], RIG_PAGE);
    return QUIRE_OK;
}

static enum quire_status keep_write(void *ctx, uint32_t pgidx, const void *page)
{
    (void)ctx;
    memcpy(kept[pgidx], page, RIG_PAGE);
    return QUIRE_OK;
}

SCENARIO(the_ready_made_objects_do_clusters, .policy = RIG_FIFO, .step = 1, .pages = 6)
{
    static uint32_t rw_slots[16];
    static uint32_t ro_slots[16];
    struct quire_fobj_rw rw;
    struct quire_fobj_ro ro;
    struct quire_fobj_rw_config rw_config;
    struct quire_fobj_ro_config ro_config;
    uint32_t i;

    memset(&rw_config, 0, sizeof rw_config);
    memset(&ro_config, 0, sizeof ro_config);
    rw_config.num_pages = 16;
    rw_config.slots = rw_slots;
    rw_config.store.npages = 16;
    rw_config.store.read = keep_read;
    rw_config.store.write = keep_write;
    rw_config.cluster = 256;
    EXPECT(quire_fobj_rw_init(&rw, &rw_config), QUIRE_INVALID);
    rw_config.cluster = 4;
    EXPECT(quire_fobj_rw_init(&rw, &rw_config), QUIRE_OK);
    ro_config.data = kept;
    ro_config.len = sizeof kept - 100u;
    ro_config.slots = ro_slots;
    ro_config.cluster = 256;
    EXPECT(quire_fobj_ro_init(&ro, &ro_config), QUIRE_INVALID);
    ro_config.cluster = 4;
    EXPECT(quire_fobj_ro_init(&ro, &ro_config), QUIRE_OK);
    EXPECT(rig_map(&vm, &rw.base, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&vm, &ro.base, RIG_AT(16), RIG_READ), QUIRE_OK);
    write_pages(0, 16);
    expect_written(0, 16);
    EXPECT(quire_pager_write_back(&rig.pager, &rw.base, 0, 16, false), QUIRE_OK);
    for (i = 0; i < 16; i++) {
        NUM(rig_byte(&rig, &vm, RIG_AT(16u + i)), 0x80u + i);
    }
    NUM(rig_byte(&rig, &vm, RIG_AT(32) - 1u), 0); /* behind the content */
    cr_assert_gt(rig_stats(&rig).read_ahead, 0);
    cr_assert_gt(rig_stats(&rig).saved_ahead, 0);
    EXPECT(quire_vm_unmap(&vm, RIG_VA, 32), QUIRE_OK);
    EXPECT(quire_fobj_put(&rw.base), QUIRE_OK);
    EXPECT(quire_fobj_put(&ro.base), QUIRE_OK);
}
