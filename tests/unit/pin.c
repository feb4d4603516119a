/* pin.h: pages kept where they are. */
#include "rig_test.h"

#include "quire/fobj_phys.h"

struct world {
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store; /* 16 pages at RIG_VA */
    struct quire_pin pin;
};

static void world_start(struct world *w, struct rig_config config, unsigned prot)
{
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    w->store = rig_store_new(&w->rig, 16, prot);
    EXPECT(rig_map(&w->vm, &w->store->fobj, RIG_VA, prot), QUIRE_OK);
}

static struct rig_config eight_pages(void)
{
    struct rig_config config = {.pages = 8}; /* the minimum is 5 */

    return config;
}

static enum quire_status pin_fobj(struct world *w, uint32_t first, uint32_t npages, bool write)
{
    return quire_pin_fobj(&w->rig.pager, &w->store->fobj, first, npages, write, false, &w->pin);
}

static enum quire_status pin_va(struct world *w, uintptr_t va, uint32_t npages, bool write)
{
    return quire_pin_va(&w->rig.pager, &w->vm, va, npages, write, false, &w->pin);
}

static void use_all_others(struct world *w, uint32_t from)
{
    uint32_t i;

    for (i = from; i < 16; i++) {
        cr_expect_neq(rig_byte(&w->rig, &w->vm, RIG_AT(i)), -1);
    }
}

Test(pin, pin_keeps_pages_where_they_are)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 8});
        struct quire_pa pa[3];
        struct quire_pa now;
        struct world w;
        uint32_t i;

        world_start(&w, config, RW);
        EXPECT(pin_fobj(&w, 2, 3, false), QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).fixed, 3);
        for (i = 0; i < 3; i++) {
            EXPECT(quire_pin_pa(&w.pin, i, &pa[i]), QUIRE_OK);
            cr_expect_eq(quire_sim_bytes(&w.rig.sim, pa[i])[5], rig_born(w.store->tag, 2u + i, 5));
        }
        use_all_others(&w, 0);
        EXPECT_SOUND(&w.rig);
        for (i = 0; i < 3; i++) {
            EXPECT(quire_pin_pa(&w.pin, i, &now), QUIRE_OK);
            cr_expect_eq(now.addr, pa[i].addr);
            cr_expect_eq(w.store->loads_of[2u + i], 1);
        }
        EXPECT(quire_unpin(&w.pin), QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).fixed, 0);
        for (i = 0; i < 8 && rig_query(&w.vm, RIG_AT(3)).resident; i++) {
            use_all_others(&w, 5);
        }
        cr_expect(!rig_query(&w.vm, RIG_AT(3)).resident || config.policy == RIG_S3FIFO, "it can be evicted now");
        push_out(&w.rig, w.store, 3); /* S3-FIFO takes those that come and go first: it needs no other */
        cr_expect(!rig_query(&w.vm, RIG_AT(3)).resident);
        END(&w.rig);
    }
}

Test(pin, pin_outlives_the_area_and_keeps_the_object)
{
    struct quire_pa pa;
    struct world w;

    world_start(&w, eight_pages(), RW);
    EXPECT(pin_va(&w, RIG_AT(4), 2, true), QUIRE_OK);
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, 16), QUIRE_OK);
    EXPECT(rig_store_put(w.store), QUIRE_OK);
    cr_expect_eq(w.store->freed, 0);
    EXPECT(quire_pin_pa(&w.pin, 1, &pa), QUIRE_OK);
    EXPECT(quire_sim_device(&w.rig.sim, pa, true, "device", 6), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_unpin(&w.pin), QUIRE_OK);
    cr_expect_eq(w.store->freed, 1);
    cr_expect_eq(rig_find(&w.rig, "device", 6), 0, "and it was wiped");
    END(&w.rig);
}

Test(pin, splitting_moving_and_protecting_areas_does_not_touch_a_pin)
{
    struct quire_pa before;
    struct quire_pa after;
    struct world w;

    world_start(&w, eight_pages(), RW);
    EXPECT(pin_va(&w, RIG_AT(4), 2, true), QUIRE_OK);
    EXPECT(quire_pin_pa(&w.pin, 1, &before), QUIRE_OK);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(5), 1, RIG_READ | USER), QUIRE_OK);
    EXPECT(quire_vm_remap(&w.vm, RIG_AT(4), 2, RIG_AT(40)), QUIRE_OK);
    EXPECT(quire_vm_drop_range(&w.vm, RIG_VA, 64), QUIRE_OK);
    EXPECT(quire_pin_pa(&w.pin, 1, &after), QUIRE_OK);
    cr_expect_eq(before.addr, after.addr);
    EXPECT(quire_sim_device(&w.rig.sim, after, true, "device", 6), QUIRE_OK);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(41)), 'd');
    EXPECT(quire_unpin(&w.pin), QUIRE_OK);
    END(&w.rig);
}

Test(pin, what_a_device_writes_is_saved)
{
    static const enum quire_sim_flags flags[] = {QUIRE_SIM_HW_ACCESSED_DIRTY, QUIRE_SIM_HW_ACCESSED, QUIRE_SIM_AF_FAULT,
                                                 QUIRE_SIM_NO_FLAGS};
    unsigned i;

    for (i = 0; i < 8; i++) {
        struct rig_config config = {.pages = 8, .flags = flags[i % 4u], .flush_unlocked = i >= 4};
        struct quire_pa pa;
        struct world w;
        unsigned round;

        world_start(&w, config, RW);
        EXPECT(pin_va(&w, RIG_AT(4), 1, true), QUIRE_OK);
        cr_expect(rig_query(&w.vm, RIG_AT(4)).dirty);
        EXPECT(quire_pin_pa(&w.pin, 0, &pa), QUIRE_OK);
        EXPECT(quire_pager_write_back(&w.rig.pager, &w.store->fobj, 0, 16, false), QUIRE_OK); /* saved, and dirty still */
        EXPECT(quire_sim_device(&w.rig.sim, pa, true, "device", 6), QUIRE_OK);
        EXPECT(quire_unpin(&w.pin), QUIRE_OK);
        for (round = 0; round < 8 && rig_query(&w.vm, RIG_AT(4)).resident; round++) {
            use_all_others(&w, 5);
        }
        cr_expect(!rig_query(&w.vm, RIG_AT(4)).resident);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(4) + 1u), 'e');
        END(&w.rig);
    }
}

Test(pin, pin_of_what_is_not_there_is_invalid)
{
    struct quire_fobj_phys_config phys_config = {.pa = {RIG_PA + 8u * RIG_PAGE}, .npages = 2, .max_prot = RW};
    struct rig_config config = {.pages = 8, .more_pages = 2};
    struct quire_fobj_phys phys;
    struct rig_store *stranger;
    struct quire_pin none;
    struct quire_pa pa;
    struct world w;
    struct rig other;

    world_start(&w, config, RW);
    rig_start(&other, NULL);
    stranger = rig_store_new(&w.rig, 2, RW);
    EXPECT(quire_fobj_phys_init(&phys, &phys_config), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &phys.base, RIG_AT(20), RW), QUIRE_OK);
    EXPECT(pin_fobj(&w, 0, 0, false), QUIRE_INVALID);
    EXPECT(pin_fobj(&w, 16, 1, false), QUIRE_INVALID);
    EXPECT(pin_fobj(&w, 15, 2, false), QUIRE_INVALID);
    EXPECT(pin_fobj(&w, 15, UINT32_MAX, false), QUIRE_INVALID);
    EXPECT(pin_fobj(&w, UINT32_MAX, 1, false), QUIRE_INVALID);
    EXPECT(quire_pin_fobj(&w.rig.pager, NULL, 0, 1, false, false, &none), QUIRE_INVALID);
    EXPECT(quire_pin_fobj(&w.rig.pager, &stranger->fobj, 0, 1, false, false, &none), QUIRE_INVALID); /* never mapped */
    EXPECT(quire_pin_fobj(&other.pager, &w.store->fobj, 0, 1, false, false, &none), QUIRE_INVALID);
    EXPECT(quire_pin_fobj(&w.rig.pager, &phys.base, 0, 1, false, false, &none), QUIRE_INVALID);
    EXPECT(pin_va(&w, RIG_VA + 1u, 1, false), QUIRE_INVALID);
    EXPECT(pin_va(&w, RIG_VA, 0, false), QUIRE_INVALID);
    EXPECT(pin_va(&w, RIG_AT(15), 2, false), QUIRE_INVALID); /* not all in one area */
    EXPECT(pin_va(&w, UINTPTR_MAX - RIG_PAGE + 1u, 2, false), QUIRE_INVALID);
    EXPECT(pin_va(&w, RIG_AT(20), 1, false), QUIRE_INVALID); /* unpaged */
    EXPECT(quire_pin_va(&other.pager, &w.vm, RIG_VA, 1, false, false, &none), QUIRE_INVALID);
    EXPECT(pin_va(&w, RIG_AT(30), 1, false), QUIRE_NOT_FOUND);
    cr_expect_null(w.pin.fobj, "a pin that failed is none");
    EXPECT(quire_unpin(&w.pin), QUIRE_INVALID);
    EXPECT(quire_pin_pa(&w.pin, 0, &pa), QUIRE_INVALID);
    EXPECT(pin_fobj(&w, 3, 2, false), QUIRE_OK);
    EXPECT(quire_pin_pa(&w.pin, 2, &pa), QUIRE_INVALID);
    EXPECT(quire_unpin(&w.pin), QUIRE_OK);
    EXPECT(quire_unpin(&w.pin), QUIRE_INVALID); /* twice */
    EXPECT(quire_fobj_put(&phys.base), QUIRE_OK);
    END(&other);
    END(&w.rig);
}

Test(pin, pin_beyond_the_permissions_is_denied)
{
    struct world w;

    world_start(&w, eight_pages(), RIG_READ);
    EXPECT(pin_fobj(&w, 0, 1, true), QUIRE_DENIED);
    EXPECT(pin_va(&w, RIG_VA, 1, true), QUIRE_DENIED);
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, 16, RIG_READ), QUIRE_OK);
    EXPECT(pin_va(&w, RIG_VA, 1, false), QUIRE_DENIED); /* for the privileged only */
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, 16, 0), QUIRE_OK);
    EXPECT(pin_va(&w, RIG_VA, 1, false), QUIRE_DENIED);
    EXPECT(pin_fobj(&w, 0, 1, false), QUIRE_OK);
    EXPECT(quire_unpin(&w.pin), QUIRE_OK);
    END(&w.rig);
}

Test(pin, pins_leave_the_minimum_of_pages)
{
    struct quire_pin more;
    struct world w;

    world_start(&w, eight_pages(), RW);
    EXPECT(pin_fobj(&w, 0, 4, false), QUIRE_NO_PAGE);
    cr_expect_eq(rig_stats(&w.rig).fixed, 0, "all are let go");
    EXPECT(pin_fobj(&w, 0, 3, false), QUIRE_OK);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 3, 1, false, false, &more), QUIRE_NO_PAGE);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 1, 2, false, false, &more), QUIRE_OK); /* pinned already */
    EXPECT_SOUND(&w.rig);
    use_all_others(&w, 0);
    EXPECT(quire_unpin(&w.pin), QUIRE_OK);
    cr_expect_eq(rig_stats(&w.rig).fixed, 2);
    EXPECT(quire_unpin(&more), QUIRE_OK);
    cr_expect_eq(rig_stats(&w.rig).fixed, 0);
    END(&w.rig);
}

Test(pin, pin_for_writing_that_fails_leaves_clean_pages_clean)
{
    struct world w;

    world_start(&w, eight_pages(), RW);
    EXPECT(pin_fobj(&w, 0, 4, true), QUIRE_NO_PAGE);
    cr_expect(!rig_query(&w.vm, RIG_VA).dirty);
    rig_fail(&w.store->load_fails, 1, 1, QUIRE_INTEGRITY);
    EXPECT(pin_fobj(&w, 8, 3, true), QUIRE_INTEGRITY);
    rig_fail(&w.store->load_fails, 2, 1, QUIRE_PENDING);
    EXPECT(pin_fobj(&w, 8, 3, true), QUIRE_BAD_ANSWER);
    cr_expect(!rig_query(&w.vm, RIG_AT(8)).dirty);
    cr_expect_eq(rig_stats(&w.rig).fixed, 0);
    EXPECT_SOUND(&w.rig);
    EXPECT(pin_fobj(&w, 8, 3, true), QUIRE_OK);
    EXPECT(quire_unpin(&w.pin), QUIRE_OK);
    END(&w.rig);
}

Test(pin, page_is_pinned_65535_times_and_no_more)
{
    struct quire_pin extra;
    struct quire_pmem *page;
    struct world w;

    world_start(&w, eight_pages(), RW);
    EXPECT(pin_fobj(&w, 0, 2, false), QUIRE_OK);
    page = quire_pmem_at(&w.rig.pager.pool, quire_slot_value(w.store->slots[1]));
    page->pins = UINT16_MAX;
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 0, 2, false, false, &extra), QUIRE_LIMIT);
    cr_expect_eq(page->pins, UINT16_MAX);
    EXPECT_SOUND(&w.rig);
    page->pins = UINT16_MAX - 1u;
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 0, 2, false, false, &extra), QUIRE_OK);
    EXPECT(quire_unpin(&extra), QUIRE_OK);
    page->pins = 1;
    EXPECT(quire_unpin(&w.pin), QUIRE_OK);
    END(&w.rig);
}

Test(pin, pin_without_a_reference_to_spare_is_a_limit)
{
    struct world w;

    world_start(&w, eight_pages(), RW);
    w.store->fobj.refs.count = QUIRE_REFCOUNT_MAX;
    EXPECT(pin_fobj(&w, 0, 1, false), QUIRE_LIMIT);
    EXPECT(pin_va(&w, RIG_VA, 1, false), QUIRE_LIMIT);
    w.store->fobj.refs.count = 2;
    cr_expect_eq(w.rig.loads, 0);
    END(&w.rig);
}

static enum quire_status pin_meanwhile(struct rig_store *store, struct quire_io *io, bool load)
{
    struct world *w = store->user;

    (void)load;
    EXPECT(pin_fobj(w, io->pgidx, 1, false), QUIRE_AGAIN);
    return QUIRE_OK;
}

Test(pin, pin_of_a_page_on_its_way_in_says_again)
{
    struct world w;

    world_start(&w, eight_pages(), RW);
    w.store->before = pin_meanwhile;
    w.store->user = &w;
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(3), w.store, 3));
    w.store->before = NULL;
    EXPECT(pin_fobj(&w, 3, 1, false), QUIRE_OK);
    EXPECT(quire_unpin(&w.pin), QUIRE_OK);
    cr_expect_eq(w.store->loads_of[3], 1);
    END(&w.rig);
}

Test(pin, pin_of_a_quarantined_page_is_stuck)
{
    struct world w;
    unsigned char byte;

    world_start(&w, eight_pages(), QUIRE_PROT_READ | QUIRE_PROT_EXEC);
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_VA, &byte, 1), QUIRE_OK);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_VA, 1), QUIRE_OK);
    EXPECT(quire_vm_drop_range(&w.vm, RIG_VA, 16), QUIRE_STUCK);
    EXPECT(pin_fobj(&w, 0, 1, false), QUIRE_STUCK);
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    EXPECT(pin_fobj(&w, 0, 1, false), QUIRE_OK);
    EXPECT(quire_unpin(&w.pin), QUIRE_OK);
    END(&w.rig);
}

Test(pin, pin_for_writing_takes_code_out_of_use_until_it_is_synced)
{
    struct quire_mapping mapping = {.va = RIG_AT(32), .prot = QUIRE_PROT_ALL, .wx = true};
    struct rig_store *code;
    struct quire_pa pa;
    unsigned char byte = 0;
    struct world w;

    world_start(&w, eight_pages(), RW);
    code = rig_store_new(&w.rig, 2, QUIRE_PROT_RWX);
    mapping.fobj = &code->fobj;
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_AT(32), &byte, 1), QUIRE_OK);
    EXPECT(pin_va(&w, RIG_AT(32), 1, true), QUIRE_OK);
    cr_expect_eq(rig_query(&w.vm, RIG_AT(32)).entry, 0);
    EXPECT(quire_pin_pa(&w.pin, 0, &pa), QUIRE_OK);
    EXPECT(quire_sim_device(&w.rig.sim, pa, true, "\x01", 1), QUIRE_OK);
    EXPECT(quire_unpin(&w.pin), QUIRE_OK);
    EXPECT(rig_exec(&w.rig, &w.vm, RIG_AT(32), &byte, 1), QUIRE_OK);
    cr_expect_eq(byte, 1);
    END(&w.rig);
}

Test(pin, code_that_a_device_wrote_is_synced_before_another_context_runs_it)
{
    struct rig rig;
    struct quire_vm vm[2];
    struct rig_store *store;
    struct quire_pin pin;
    struct quire_pa pa;
    char bytes[7];

    rig_start(&rig, NULL);
    rig_vm_start(&rig, &vm[0]);
    rig_vm_start(&rig, &vm[1]);
    store = rig_store_new(&rig, 4, RW | RIG_EXEC);
    EXPECT(rig_map(&vm[0], &store->fobj, RIG_VA, RIG_READ | RIG_EXEC), QUIRE_OK);
    EXPECT(rig_map(&vm[1], &store->fobj, RIG_VA, RIG_READ | RIG_EXEC), QUIRE_OK);
    EXPECT(quire_pin_fobj(&rig.pager, &store->fobj, 0, 1, true, false, &pin), QUIRE_OK);
    EXPECT(quire_pin_pa(&pin, 0, &pa), QUIRE_OK);
    EXPECT(rig_exec(&rig, &vm[0], RIG_VA, bytes, sizeof bytes), QUIRE_OK);
    EXPECT(quire_vm_drop_range(&vm[0], RIG_VA, 1), QUIRE_OK);
    quire_sim_device(&rig.sim, pa, true, (char[]){"newcode"}, 7);
    EXPECT(rig_exec(&rig, &vm[1], RIG_VA, bytes, sizeof bytes), QUIRE_OK);
    cr_expect_arr_eq(bytes, "newcode", 7);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    END(&rig);
}

Test(pin, copy_of_a_pin_that_was_let_go_is_an_underflow)
{
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;
    struct quire_pin pin;
    struct quire_pin copy;

    rig_start(&rig, NULL);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 4, RW);
    EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(quire_pin_fobj(&rig.pager, &store->fobj, 0, 2, true, false, &pin), QUIRE_OK);
    copy = pin;
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    EXPECT(quire_unpin(&copy), QUIRE_UNDERFLOW);
    END(&rig);
}

Test(pin, page_in_two_pins_stays_until_both_are_let_go)
{
    struct quire_pin second;
    struct world w;
    unsigned round;

    world_start(&w, eight_pages(), RW);
    EXPECT(pin_fobj(&w, 2, 2, false), QUIRE_OK);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 3, 2, true, false, &second), QUIRE_OK);
    cr_expect_eq(rig_stats(&w.rig).fixed, 3);
    EXPECT(quire_unpin(&w.pin), QUIRE_OK);
    cr_expect_eq(rig_stats(&w.rig).fixed, 2);
    use_all_others(&w, 5);
    cr_expect(rig_query(&w.vm, RIG_AT(3)).pinned);
    cr_expect(rig_query(&w.vm, RIG_AT(3)).resident);
    cr_expect_not(rig_query(&w.vm, RIG_AT(2)).pinned);
    EXPECT(quire_unpin(&second), QUIRE_OK);
    for (round = 0; round < 8 && rig_query(&w.vm, RIG_AT(3)).resident; round++) {
        use_all_others(&w, 5);
    }
    cr_expect_not(rig_query(&w.vm, RIG_AT(3)).resident);
    cr_expect_eq(w.store->saves_of[3], 1, "it may have been written");
    END(&w.rig);
}
