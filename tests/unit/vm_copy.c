/* vm.h: copies in and out of a context. */
#include "rig_test.h"

#include "quire/fobj_phys.h"

/*   [ data, rw-, 4 pages ][ const, r--, 4 ]  hole  [ data2, rw-, 4 ]      */
struct world {
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *data;
    struct rig_store *fixed;
    struct rig_store *data2;
    struct quire_vm_copy how;
};

static void world_start(struct world *w, struct rig_config config)
{
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    w->data = rig_store_new(&w->rig, 4, RW);
    w->fixed = rig_store_new(&w->rig, 4, RW);
    w->data2 = rig_store_new(&w->rig, 4, RW);
    memset(&w->how, 0, sizeof w->how);
    EXPECT(rig_map(&w->vm, &w->data->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&w->vm, &w->fixed->fobj, RIG_AT(4), RIG_READ), QUIRE_OK);
    EXPECT(rig_map(&w->vm, &w->data2->fobj, RIG_AT(9), RW), QUIRE_OK);
}

static struct rig_config five_pages(void)
{
    struct rig_config config = {.pages = 5};

    return config;
}

static unsigned char buffer[16u << QUIRE_PAGE_SHIFT];

static bool is_born(const unsigned char *bytes, const struct rig_store *store, uint32_t page, size_t from, size_t to)
{
    size_t i;

    for (i = from; i < to; i++) {
        if (bytes[i - from] != rig_born(store->tag, page, i)) {
            return false;
        }
    }
    return true;
}

Test(vm_copy, copy_from_crosses_areas_and_pages)
{
    struct world w;
    size_t done = 1;
    uint32_t i;

    world_start(&w, five_pages());
    EXPECT(quire_vm_copy_from(&w.vm, RIG_VA + 100u, buffer, 8u * RIG_PAGE - 100u, &w.how, &done), QUIRE_OK);
    cr_expect_eq(done, 8u * RIG_PAGE - 100u);
    cr_expect(is_born(buffer, w.data, 0, 100, RIG_PAGE));
    for (i = 1; i < 4; i++) {
        cr_expect(is_born(buffer + i * RIG_PAGE - 100u, w.data, i, 0, RIG_PAGE));
        cr_expect(is_born(buffer + (4u + i) * RIG_PAGE - 100u, w.fixed, i, 0, RIG_PAGE));
    }
    EXPECT(quire_vm_copy_from(&w.vm, RIG_AT(2) + 5u, buffer, 3, &w.how, NULL), QUIRE_OK);
    cr_expect(is_born(buffer, w.data, 2, 5, 8));
    END(&w.rig);
}

Test(vm_copy, copy_to_is_seen_by_the_context_and_survives_eviction)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct world w;
        size_t i;

        world_start(&w, rig_machine(number, five_pages()));
        for (i = 0; i < 3u * RIG_PAGE; i++) {
            buffer[i] = (unsigned char)(i * 7u + 1u);
        }
        cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.data, 0));
        EXPECT(quire_vm_copy_to(&w.vm, RIG_VA + 50u, buffer, 3u * RIG_PAGE, &w.how, NULL), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        for (i = 0; i < 8; i++) {
            cr_expect_neq(rig_byte(&w.rig, &w.vm, RIG_AT(i < 4 ? 4u + i : 5u + i)), -1);
        }
        memset(buffer, 0, sizeof buffer);
        EXPECT(rig_read(&w.rig, &w.vm, RIG_VA + 50u, buffer, 3u * RIG_PAGE), QUIRE_OK);
        for (i = 0; i < 3u * RIG_PAGE && buffer[i] == (unsigned char)(i * 7u + 1u); i++) {
        }
        cr_expect_eq(i, 3u * RIG_PAGE);
        EXPECT(rig_read(&w.rig, &w.vm, RIG_AT(3) + 50u, buffer, 100), QUIRE_OK);
        cr_expect(is_born(buffer, w.data, 3, 50, 150), "and nothing behind it");
        END(&w.rig);
    }
}

Test(vm_copy, copy_stops_at_a_hole_and_tells_how_far_it_came)
{
    struct world w;
    size_t done = 0;

    world_start(&w, five_pages());
    EXPECT(quire_vm_copy_from(&w.vm, RIG_AT(6) + 10u, buffer, 4u * RIG_PAGE, &w.how, &done), QUIRE_NOT_FOUND);
    cr_expect_eq(done, 2u * RIG_PAGE - 10u);
    cr_expect(is_born(buffer, w.fixed, 2, 10, RIG_PAGE));
    EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(8), buffer, 1, &w.how, &done), QUIRE_NOT_FOUND);
    cr_expect_eq(done, 0);
    EXPECT(quire_vm_copy_from(&w.vm, RIG_AT(13) - 1u, buffer, 2, &w.how, &done), QUIRE_NOT_FOUND);
    cr_expect_eq(done, 1);
    END(&w.rig);
}

Test(vm_copy, copy_into_read_only_memory_is_denied)
{
    struct world w;
    size_t done = 0;

    world_start(&w, five_pages());
    memset(buffer, 0x77, sizeof buffer);
    EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(3), buffer, 2u * RIG_PAGE, &w.how, &done), QUIRE_DENIED);
    cr_expect_eq(done, RIG_PAGE);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(3) + 99u), 0x77);
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(4), w.fixed, 0));
    w.how.privileged = true;
    EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(4), buffer, 1, &w.how, &done), QUIRE_DENIED);
    cr_expect_eq(done, 0);
    END(&w.rig);
}

Test(vm_copy, copy_from_privileged_memory_needs_privilege)
{
    struct world w;

    world_start(&w, five_pages());
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, 4, RW), QUIRE_OK);
    EXPECT(quire_vm_copy_from(&w.vm, RIG_VA, buffer, 8, &w.how, NULL), QUIRE_DENIED);
    EXPECT(quire_vm_copy_to(&w.vm, RIG_VA, buffer, 8, &w.how, NULL), QUIRE_DENIED);
    w.how.privileged = true;
    EXPECT(quire_vm_copy_from(&w.vm, RIG_VA, buffer, 8, &w.how, NULL), QUIRE_OK);
    cr_expect(is_born(buffer, w.data, 0, 0, 8));
    EXPECT(quire_vm_copy_to(&w.vm, RIG_VA, buffer, 8, &w.how, NULL), QUIRE_OK);
    END(&w.rig);
}

Test(vm_copy, copy_of_nothing_or_of_what_wraps)
{
    struct world w;
    size_t done = 9;

    world_start(&w, five_pages());
    EXPECT(quire_vm_copy_from(&w.vm, RIG_AT(8), buffer, 0, &w.how, &done), QUIRE_OK);
    cr_expect_eq(done, 0);
    EXPECT(quire_vm_copy_from(&w.vm, UINTPTR_MAX - 3u, buffer, 5, &w.how, &done), QUIRE_INVALID);
    EXPECT(quire_vm_copy_to(&w.vm, RIG_VA, buffer, SIZE_MAX, &w.how, &done), QUIRE_INVALID);
    EXPECT(quire_vm_copy_from(&w.vm, UINTPTR_MAX - 3u, buffer, 4, &w.how, &done), QUIRE_NOT_FOUND);
    w.how.thread = 1;
    EXPECT(quire_vm_copy_from(&w.vm, RIG_VA, buffer, 1, &w.how, &done), QUIRE_INVALID);
    cr_expect_eq(done, 0);
    END(&w.rig);
}

Test(vm_copy, copy_gives_the_status_of_the_store)
{
    struct world w;
    size_t done = 0;

    world_start(&w, five_pages());
    rig_fail(&w.data->load_fails, 2, 1, QUIRE_INTEGRITY);
    EXPECT(quire_vm_copy_from(&w.vm, RIG_VA, buffer, 4u * RIG_PAGE, &w.how, &done), QUIRE_INTEGRITY);
    cr_expect_eq(done, RIG_PAGE);
    rig_fail(&w.data->load_fails, 1, 1, QUIRE_NEED);
    EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(1), buffer, 1, &w.how, &done), QUIRE_BAD_ANSWER);
    EXPECT(quire_vm_copy_from(&w.vm, RIG_VA, buffer, 4u * RIG_PAGE, &w.how, &done), QUIRE_OK);
    END(&w.rig);
}

Test(vm_copy, copy_to_what_cannot_be_saved_takes_no_page_of_the_minimum)
{
    struct rig_config config = {.pages = 6};
    struct world w;
    struct rig_store *unsaved;

    world_start(&w, config);
    unsaved = store_that_never_saves(&w.rig, 4, RW);
    EXPECT(rig_map(&w.vm, &unsaved->fobj, RIG_AT(20), RW), QUIRE_OK);
    EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(20), "a", 1, &w.how, NULL), QUIRE_OK);
    EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(21), "b", 1, &w.how, NULL), QUIRE_NO_PAGE);
    EXPECT_SOUND(&w.rig);
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(21), unsaved, 1), "nothing was written");
    EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(20) + 1u, "c", 1, &w.how, NULL), QUIRE_OK);
    END(&w.rig);
}

Test(vm_copy, copy_into_code_is_synced_before_it_is_executed_again)
{
    struct quire_mapping mapping = {.va = RIG_AT(20), .prot = RIG_READ | USER};
    struct world w;
    struct rig_store *code;
    unsigned char byte = 0;
    uint64_t syncs;

    world_start(&w, five_pages());
    code = rig_store_new(&w.rig, 2, QUIRE_PROT_RWX);
    mapping.fobj = &code->fobj;
    mapping.prot = QUIRE_PROT_ALL;
    mapping.wx = true;
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_AT(20), &byte, 1), QUIRE_OK);
    cr_expect_eq(byte, rig_born(code->tag, 0, 0));
    syncs = w.rig.sim.counts.sync_code;
    byte = (unsigned char)~byte;
    buffer[0] = byte;
    EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(20), buffer, 1, &w.how, NULL), QUIRE_OK);
    byte = 0;
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_AT(20), &byte, 1), QUIRE_OK);
    cr_expect_eq(byte, buffer[0]);
    cr_expect_gt(w.rig.sim.counts.sync_code, syncs);
    END(&w.rig);
}

Test(vm_copy, copy_into_code_whose_entry_is_stuck_is_refused)
{
    struct world w;
    struct rig_store *code;
    struct quire_vm vm2;
    unsigned char byte;

    world_start(&w, five_pages());
    rig_vm_start(&w.rig, &vm2);
    code = rig_store_new(&w.rig, 2, QUIRE_PROT_RWX);
    EXPECT(rig_map(&vm2, &code->fobj, RIG_VA, RX), QUIRE_OK);
    EXPECT(rig_exec(&w.rig, &vm2, RIG_VA, &byte, 1), QUIRE_OK);
    {
        struct quire_mapping mapping = {.fobj = &code->fobj, .va = RIG_AT(20), .prot = RW | USER, .wx = true};

        EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    }
    EXPECT(quire_sim_stick(&w.rig.sim, &vm2, RIG_VA, 1), QUIRE_OK);
    buffer[0] = (unsigned char)~rig_born(code->tag, 0, 0);
    EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(20), buffer, 1, &w.how, NULL), QUIRE_STUCK);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_QUARANTINED], 1);
    EXPECT(quire_vm_copy_from(&w.vm, RIG_AT(20), buffer, 1, &w.how, NULL), QUIRE_STUCK);
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(20), code, 0), "nothing was written");
    END(&w.rig);
}

Test(vm_copy, copy_reaches_unpaged_memory)
{
    struct rig_config config = {.pages = 5, .more_pages = 2};
    struct quire_fobj_phys_config phys_config = {.pa = {RIG_PA + 5u * RIG_PAGE}, .npages = 2, .max_prot = RW};
    struct quire_fobj_phys phys;
    struct world w;

    world_start(&w, config);
    EXPECT(quire_fobj_phys_init(&phys, &phys_config), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &phys.base, RIG_AT(20), RW), QUIRE_OK);
    EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(21) - 2u, "wxyz", 4, &w.how, NULL), QUIRE_OK);
    cr_expect_arr_eq(quire_sim_bytes(&w.rig.sim, quire_pa_make(RIG_PA + 6u * RIG_PAGE)), "yz", 2);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(21) - 1u), 'x');
    EXPECT(quire_vm_copy_from(&w.vm, RIG_AT(21) - 1u, buffer, 2, &w.how, NULL), QUIRE_OK);
    cr_expect_arr_eq(buffer, "xy", 2);
    EXPECT(quire_fobj_put(&phys.base), QUIRE_OK);
    END(&w.rig);
}

Test(vm_copy, copy_without_a_reference_to_spare_is_a_limit)
{
    struct world w;
    size_t done = 1;

    world_start(&w, five_pages());
    w.data->fobj.refs.count = QUIRE_REFCOUNT_MAX;
    EXPECT(quire_vm_copy_from(&w.vm, RIG_VA, buffer, 1, &w.how, &done), QUIRE_LIMIT);
    cr_expect_eq(done, 0);
    w.data->fobj.refs.count = 2;
    EXPECT(quire_vm_copy_from(&w.vm, RIG_VA, buffer, 1, &w.how, &done), QUIRE_OK);
    END(&w.rig);
}
