/* fobj_cow.h: what copies on write show, and what becomes of it when somebody writes. */
#include "cow_test.h"

static const struct rig_config plain;

/* ---- Shown, and written ---- */

Test(fobj_cow, copies_show_the_origins_pages_until_one_is_written)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 24});
        struct quire_cow_stats stats;
        struct world w;
        uint32_t i;

        world_start(&w, config, COW_COPIES);
        for (i = 0; i < COW_COPIES; i++) {
            EXPECT_PAGES(&w, &w.vms[i], NONE_DIFFERS, 0);
            cr_expect_eq(rig_query(&w.vms[i], RIG_AT(2)).pa.addr, rig_query(&w.vm, RIG_AT(2)).pa.addr);
        }
        cr_expect_eq(w.rig.loads, COW_PAGES);
        cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_RESIDENT], COW_PAGES);
        stats = cow_stats(&w, w.origin);
        cr_expect_eq(stats.children, COW_COPIES);
        cr_expect_eq(stats.saved, COW_COPIES * COW_PAGES);
        EXPECT_SOUND(&w.rig);

        EXPECT(rig_poke(&w.rig, &w.vms[1], RIG_AT(2), 0x77), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        EXPECT_PAGES(&w, &w.vms[1], 2, 0x77);
        EXPECT_PAGES(&w, &w.vms[0], NONE_DIFFERS, 0);
        EXPECT_PAGES(&w, &w.vms[2], NONE_DIFFERS, 0);
        EXPECT_PAGES(&w, &w.vm, NONE_DIFFERS, 0);
        cr_expect_eq(w.rig.loads, COW_PAGES);
        cr_expect_eq(rig_stats(&w.rig).copies, 1);
        stats = cow_stats(&w, w.copy[1]);
        cr_expect_eq(stats.own, 1);
        cr_expect_eq(stats.own_resident, 1);
        cr_expect_eq(stats.shown, COW_PAGES - 1);
        cr_expect_eq(stats.depth, 1);
        cr_expect_not(stats.frozen);
        cr_expect_neq(rig_query(&w.vms[1], RIG_AT(2)).pa.addr, rig_query(&w.vm, RIG_AT(2)).pa.addr);
        END(&w.rig);
    }
}

Test(fobj_cow, all_of_the_page_is_copied_also_where_it_was_absent)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 8});
        unsigned char bytes[RIG_PAGE];
        struct world w;
        size_t i;

        world_start(&w, config, 1);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(3) + 5, 0x77), QUIRE_OK);
        EXPECT(rig_read(&w.rig, &w.vms[0], RIG_AT(3), bytes, sizeof bytes), QUIRE_OK);
        for (i = 0; i < sizeof bytes && bytes[i] == (i == 5 ? 0x77 : rig_born(w.origin->tag, 3, i)); i++) {
        }
        cr_expect_eq(i, sizeof bytes);
        cr_expect_eq(w.origin->loads_of[3], 1);
        cr_expect_eq(w.copy[0]->loads_of[3], 0);
        END(&w.rig);
    }
}

Test(fobj_cow, fault_says_what_it_did_and_whose_page_it_was)
{
    struct quire_fault_result out;
    struct world w;

    world_start(&w, plain, 1);
    EXPECT(rig_fault(&w.rig, &w.vms[0], RIG_AT(1), RIG_READ, &out), QUIRE_OK);
    cr_expect_eq(out.kind, QUIRE_FAULT_MAJOR);
    cr_expect_eq(out.fobj, &w.origin->fobj);
    cr_expect_eq(out.pgidx, 1);
    EXPECT(rig_fault(&w.rig, &w.vms[0], RIG_AT(1), RIG_READ, &out), QUIRE_OK);
    cr_expect_eq(out.kind, QUIRE_FAULT_SPURIOUS);
    EXPECT(rig_fault(&w.rig, &w.vms[0], RIG_AT(1), RIG_WRITE, &out), QUIRE_OK);
    cr_expect_eq(out.kind, QUIRE_FAULT_WRITE);
    cr_expect_eq(out.fobj, &w.copy[0]->fobj);
    EXPECT(rig_fault(&w.rig, &w.vms[0], RIG_AT(2), RIG_WRITE, &out), QUIRE_OK);
    cr_expect_eq(out.kind, QUIRE_FAULT_WRITE);
    cr_expect_eq(rig_stats(&w.rig).faults.write, 2);
    END(&w.rig);
}

Test(fobj_cow, own_copies_are_saved_to_the_copys_store_and_come_back_from_it)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 8});
        struct world w;
        uint32_t i;
        int round;

        world_start(&w, config, 2);
        for (i = 0; i < COW_PAGES; i++) {
            EXPECT(rig_poke(&w.rig, &w.vms[i % 2], RIG_AT(i), (unsigned char)(0x40 + i)), QUIRE_OK);
        }
        for (round = 0; round < 2; round++) {
            for (i = 0; i < COW_PAGES; i++) {
                cr_expect_eq(rig_byte(&w.rig, &w.vms[i % 2], RIG_AT(i)), 0x40 + (int)i);
                cr_expect_eq(rig_byte(&w.rig, &w.vms[1 - i % 2], RIG_AT(i)), born(w.origin, i));
                cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(i)), born(w.origin, i));
            }
            EXPECT_SOUND(&w.rig);
        }
        for (i = 0; i < COW_PAGES; i++) {
            cr_expect_eq(w.copy[1 - i % 2]->loads_of[i] + w.copy[1 - i % 2]->saves_of[i], 0);
            cr_expect_eq(w.origin->saves_of[i], 0);
        }
        cr_expect_eq(cow_stats(&w, w.copy[0]).own, COW_PAGES / 2);
        cr_expect(w.rig.saves > 0);
        END(&w.rig);
    }
}

Test(fobj_cow, copy_without_a_store_keeps_what_was_written_in_memory)
{
    struct rig_config config = {.pages = 9}; /* 5 is the minimum */
    struct rig_store *copy;
    struct world w;
    uint32_t i;

    world_start(&w, config, 0);
    rig_vm_start(&w.rig, &w.vms[0]);
    copy = store_that_never_saves(&w.rig, COW_PAGES, RW);
    make_copy(&w, copy, w.origin);
    EXPECT(rig_map(&w.vms[0], &copy->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; rig_poke(&w.rig, &w.vms[0], RIG_AT(i), 0x77) == QUIRE_OK; i++) {
        cr_expect_eq(rig_stats(&w.rig).fixed, i + 1);
        EXPECT_SOUND(&w.rig);
    }
    cr_expect_eq(i, w.rig.pager.pool.total - w.rig.pager.min_pages);
    EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(i), 0x77), QUIRE_NO_PAGE);
    cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(i)), born(w.origin, i));
    cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(0)), 0x77);
    END(&w.rig);
}

Test(fobj_cow, origin_may_be_zeros_or_verified_and_the_copy_a_ready_object)
{
    static uint32_t slots[4][2];
    static unsigned char image[2 * QUIRE_PAGE_SIZE];
    struct quire_fobj_ro_config ro = {.data = image, .len = sizeof image, .slots = slots[0]};
    struct quire_fobj_zero_config zeros = {.num_pages = 2};
    struct quire_fobj_ro origin;
    struct quire_fobj_zero zero;
    struct quire_fobj_zero copy[2];
    struct world w;

    memset(image, 0x31, sizeof image);
    world_start(&w, plain, 0);
    rig_vm_start(&w.rig, &w.vms[0]);
    EXPECT(quire_fobj_ro_init(&origin, &ro), QUIRE_OK);
    zeros.slots = slots[1];
    EXPECT(quire_fobj_zero_init(&zero, &zeros), QUIRE_OK);
    zeros.slots = slots[2];
    EXPECT(quire_fobj_zero_init(&copy[0], &zeros), QUIRE_OK);
    zeros.slots = slots[3];
    EXPECT(quire_fobj_zero_init(&copy[1], &zeros), QUIRE_OK);
    EXPECT(quire_fobj_cow_make(&w.rig.pager, &copy[0].base, &origin.base), QUIRE_OK);
    EXPECT(quire_fobj_cow_make(&w.rig.pager, &copy[1].base, &zero.base), QUIRE_OK);
    EXPECT(rig_map(&w.vms[0], &copy[0].base, RIG_AT(0), RW), QUIRE_OK);
    EXPECT(rig_map(&w.vms[0], &copy[1].base, RIG_AT(4), RW), QUIRE_OK);
    quire_fobj_put(&origin.base);
    quire_fobj_put(&zero.base);
    quire_fobj_put(&copy[0].base);
    quire_fobj_put(&copy[1].base);
    EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(0) + 1, 0x55), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(4) + 1, 0x66), QUIRE_OK);
    cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(0)), 0x31);
    cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(0) + 1), 0x55);
    cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(1)), 0x31);
    cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(4)), 0);
    cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(4) + 1), 0x66);
    END(&w.rig);
}

/* ---- What stands still ---- */

Test(fobj_cow, first_copy_freezes_its_origin)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 12});
        struct quire_mapping mapping = {.prot = RW, .va = RIG_AT(32)};
        struct quire_pin pin;
        struct rig_store *store;
        struct rig_store *copy;
        struct world w;

        world_start(&w, config, 0);
        store = rig_store_new(&w.rig, COW_PAGES, RW);
        copy = rig_store_new(&w.rig, COW_PAGES, RW);
        EXPECT(rig_map(&w.vm, &store->fobj, RIG_AT(16), RW), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(16), 0x11), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(17), 0x22), QUIRE_OK);
        make_copy(&w, copy, store);
        EXPECT_SOUND(&w.rig);
        cr_expect(cow_stats(&w, store).frozen);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(16), 0x33), QUIRE_DENIED);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(18), 0x33), QUIRE_DENIED);
        EXPECT(quire_vm_protect(&w.vm, RIG_AT(16), 1, RW), QUIRE_DENIED);
        mapping.fobj = &store->fobj;
        EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_DENIED);
        EXPECT(quire_pin_fobj(&w.rig.pager, &store->fobj, 0, 1, true, false, &pin), QUIRE_DENIED);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(16)), 0x11);
        /* The old owner goes on with a copy. */
        EXPECT(quire_vm_unmap(&w.vm, RIG_AT(16), COW_PAGES), QUIRE_OK);
        EXPECT(rig_map(&w.vm, &copy->fobj, RIG_AT(16), RW), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(16), 0x44), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(17)), 0x22);
        /* What was written before is the origin's to save. */
        push_out(&w.rig, store, 0);
        push_out(&w.rig, store, 1);
        cr_expect_eq(store->saves_of[1], 1);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(17)), 0x22);
        cr_expect_eq(*rig_store_page(store, 0), 0x11);
        END(&w.rig);
    }
}

Test(fobj_cow, what_is_being_written_is_not_copied)
{
    struct quire_pin pin;
    struct rig_store *copy;
    struct world w;

    world_start(&w, plain, 1);
    copy = rig_store_new(&w.rig, COW_PAGES, RW);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.copy[0]->fobj, 1, 2, true, false, &pin), QUIRE_OK);
    EXPECT(quire_fobj_cow_make(&w.rig.pager, &copy->fobj, &w.copy[0]->fobj), QUIRE_BUSY);
    cr_expect_eq(quire_refcount_read(&w.copy[0]->fobj.refs), 3);
    EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(1), 0x11), QUIRE_OK);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    /* As many pins as there can be, each with a reference, are counted, however many pages each is of. */
    w.copy[0]->fobj.writers = QUIRE_REFCOUNT_MAX - 1u;
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.copy[0]->fobj, 1, 3, true, false, &pin), QUIRE_OK);
    EXPECT(quire_fobj_cow_make(&w.rig.pager, &copy->fobj, &w.copy[0]->fobj), QUIRE_BUSY);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    w.copy[0]->fobj.writers -= QUIRE_REFCOUNT_MAX - 1u;
    make_copy(&w, copy, w.copy[0]);
    /* A pin that failed leaves nothing behind. */
    rig_fail(&w.rig.load_fails, 1, 1, QUIRE_IO);
    EXPECT(quire_pin_fobj(&w.rig.pager, &copy->fobj, 4, 2, true, false, &pin), QUIRE_IO);
    cr_expect_eq(copy->fobj.writers, 0);
    END(&w.rig);
}

static struct world *writing;
static struct rig_store *writing_copy;
static enum quire_status writing_status;

static void while_flushing(void *user, const struct quire_batch *batch)
{
    (void)user;
    (void)batch;
    if (writing != NULL) {
        struct world *w = writing;

        writing = NULL;
        writing_status = quire_fobj_cow_make(&w->rig.pager, &writing_copy->fobj, &w->origin->fobj);
    }
}

Test(fobj_cow, what_is_being_copied_into_is_not_copied)
{
    struct rig_config config = {.flush_unlocked = true, .flushing = while_flushing};
    struct quire_vm_copy how = {0};
    struct rig_store *store;
    struct world w;

    world_start(&w, config, 0);
    store = rig_store_new(&w.rig, COW_PAGES, RIG_READ | RIG_WRITE | RIG_EXEC);
    writing_copy = rig_store_new(&w.rig, COW_PAGES, RW);
    EXPECT(rig_map(&w.vm, &store->fobj, RIG_AT(16), RW), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(16), 1), QUIRE_OK);
    w.origin = store;
    writing = &w;
    EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(16), "x", 1, &how, NULL), QUIRE_OK); /* takes entries away, for the code's sake */
    cr_expect_null(writing);
    EXPECT(writing_status, QUIRE_BUSY);
    make_copy(&w, writing_copy, store);
    EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(16), "y", 1, &how, NULL), QUIRE_DENIED);
    END(&w.rig);
}

Test(fobj_cow, origin_stays_frozen_when_its_last_copy_is_gone)
{
    struct world w;

    world_start(&w, plain, 1);
    EXPECT(quire_vm_unmap(&w.vms[0], RIG_VA, COW_PAGES), QUIRE_OK);
    EXPECT(rig_store_put(w.copy[0]), QUIRE_OK);
    cr_expect_eq(w.copy[0]->freed, 1);
    cr_expect_null(w.origin->fobj.children);
    EXPECT(quire_vm_protect(&w.vm, RIG_VA, COW_PAGES, RW | USER), QUIRE_DENIED);
    END(&w.rig);
}

Test(fobj_cow, stuck_entry_keeps_the_origin_from_freezing)
{
    struct rig_store *store;
    struct rig_store *copy;
    struct world w;

    world_start(&w, plain, 0);
    store = rig_store_new(&w.rig, COW_PAGES, RW);
    copy = rig_store_new(&w.rig, COW_PAGES, RW);
    EXPECT(rig_map(&w.vm, &store->fobj, RIG_AT(16), RW), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(16), 0x11), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(17), 0x11), QUIRE_OK);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(16), 1), QUIRE_OK);
    EXPECT(quire_fobj_cow_make(&w.rig.pager, &copy->fobj, &store->fobj), QUIRE_STUCK);
    EXPECT_SOUND(&w.rig);
    cr_expect_not(store->fobj.frozen);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(17), 0x22), QUIRE_OK);
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    make_copy(&w, copy, store);
    END(&w.rig);
}

/* ---- The reverse map ---- */

Test(fobj_cow, releasing_the_origins_page_takes_it_from_all_who_show_it)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 32});
        struct rig_store *below;
        struct world w;
        uint32_t i;

        world_start(&w, config, COW_COPIES);
        below = rig_store_new(&w.rig, COW_PAGES, RW);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(3), 0x11), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vms[1], RIG_AT(4), 0x12), QUIRE_OK);
        make_copy(&w, below, w.copy[0]);
        EXPECT(rig_map(&w.vm, &below->fobj, RIG_AT(16), RW), QUIRE_OK);
        EXPECT(rig_map(&w.vms[0], &below->fobj, RIG_AT(16), RIG_READ), QUIRE_OK);
        for (i = 0; i < COW_COPIES; i++) {
            (void)rig_byte(&w.rig, &w.vms[i], RIG_AT(3));
            (void)rig_byte(&w.rig, &w.vms[i], RIG_AT(4));
        }
        for (i = 2; i < 5; i++) {
            (void)rig_byte(&w.rig, &w.vm, RIG_AT(i));
            cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(16 + i)), i == 3 ? 0x11 : born(w.origin, i));
            cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(16 + i)), i == 3 ? 0x11 : born(w.origin, i));
        }
        EXPECT_SOUND(&w.rig);
        for (i = 2; i < 5; i++) {
            push_out(&w.rig, w.origin, i);
            cr_expect_not(is_present(w.origin, i));
            EXPECT_SOUND(&w.rig);
        }
        cr_expect_eq(rig_query(&w.vm, RIG_AT(20)).entry, 0);
        push_out(&w.rig, w.copy[0], 3);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(rig_query(&w.vms[0], RIG_AT(19)).entry, 0);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(19)), 0x11);
        EXPECT_PAGES(&w, &w.vms[1], 4, 0x12);
        EXPECT_PAGES(&w, &w.vms[0], 3, 0x11);
        END(&w.rig);
    }
}

Test(fobj_cow, areas_of_a_copy_are_split_moved_protected_merged_and_unmapped)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 32});
        struct world w;

        world_start(&w, config, 2);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(3), 0x11), QUIRE_OK);
        EXPECT_PAGES(&w, &w.vms[0], 3, 0x11);
        EXPECT_PAGES(&w, &w.vms[1], NONE_DIFFERS, 0);
        EXPECT(quire_vm_protect(&w.vms[0], RIG_AT(2), 3, RIG_READ | USER), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(3), 0x12), QUIRE_DENIED);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(4), 0x12), QUIRE_DENIED);
        EXPECT(quire_vm_protect(&w.vms[0], RIG_AT(2), 3, RW | USER), QUIRE_OK);
        EXPECT(quire_vm_merge(&w.vms[0], RIG_VA), QUIRE_OK);
        cr_expect_eq(w.vms[0].num_areas, 1);
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_vm_remap(&w.vms[0], RIG_AT(0), 4, RIG_AT(20)), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(23)), 0x11);
        cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(22)), born(w.origin, 2));
        EXPECT(quire_vm_drop_range(&w.vms[0], RIG_AT(20), 4), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(21)), born(w.origin, 1));
        EXPECT(quire_vm_unmap(&w.vms[0], RIG_AT(21), 2), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(20), 0x13), QUIRE_OK);
        EXPECT_PAGES(&w, &w.vms[1], NONE_DIFFERS, 0);
        END(&w.rig);
    }
}

Test(fobj_cow, no_page_shows_with_two_attributes)
{
    struct quire_mapping mapping = {.prot = RIG_READ, .va = RIG_AT(32), .attr = 7};
    struct world w;

    world_start(&w, plain, 2);
    mapping.fobj = &w.copy[0]->fobj;
    EXPECT(quire_vm_map(&w.vms[1], &mapping, NULL), QUIRE_CONFLICT);
    EXPECT(quire_vm_unmap(&w.vms[0], RIG_VA, COW_PAGES), QUIRE_OK);
    EXPECT(quire_vm_map(&w.vms[1], &mapping, NULL), QUIRE_CONFLICT); /* with the origin's */
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, COW_PAGES), QUIRE_OK);
    EXPECT(quire_vm_map(&w.vms[1], &mapping, NULL), QUIRE_CONFLICT); /* with the other copy's */
    mapping.fobj = &w.origin->fobj;
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_CONFLICT);
    EXPECT(quire_vm_unmap(&w.vms[1], RIG_VA, COW_PAGES), QUIRE_OK);
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
    END(&w.rig);
}

/* ---- Copies of copies ---- */

Test(fobj_cow, copies_of_copies_go_four_deep_and_each_shows_what_stood_above_it)
{
    struct rig_config config = {.pages = 8, .vms = 8};
    struct rig_store *store[6];
    struct world w;
    uint32_t i;
    uint32_t k;

    world_start(&w, config, 0);
    store[0] = w.origin;
    for (i = 1; i <= QUIRE_COW_DEPTH_MAX; i++) {
        store[i] = rig_store_new(&w.rig, COW_PAGES, RW);
        make_copy(&w, store[i], store[i - 1]);
        EXPECT(rig_map(&w.vm, &store[i]->fobj, RIG_AT(8 * i), RW), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(8 * i + i), (unsigned char)(0x60 + i)), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(8 * i + 7), (unsigned char)(0x70 + i)), QUIRE_OK);
        cr_expect_eq(cow_stats(&w, store[i]).depth, i);
        EXPECT_SOUND(&w.rig);
    }
    store[5] = rig_store_new(&w.rig, COW_PAGES, RW);
    EXPECT(quire_fobj_cow_make(&w.rig.pager, &store[5]->fobj, &store[4]->fobj), QUIRE_LIMIT);
    for (i = 0; i <= QUIRE_COW_DEPTH_MAX; i++) {
        for (k = 0; k < COW_PAGES; k++) {
            int due = k == 7 && i != 0 ? 0x70 + (int)i : k >= 1 && k <= i ? 0x60 + (int)k : born(w.origin, k);

            cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(8 * i + k)), due, "depth %u, page %u", i, k);
        }
        EXPECT_SOUND(&w.rig);
    }
    END(&w.rig);
}

Test(fobj_cow, copies_keep_their_origins_alive_and_the_last_one_ends_them)
{
    struct rig_store *below;
    struct world w;

    world_start(&w, plain, 1);
    EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(3), 0x11), QUIRE_OK);
    below = rig_store_new(&w.rig, COW_PAGES, RW);
    make_copy(&w, below, w.copy[0]);
    EXPECT(rig_map(&w.vms[1 - 1], &below->fobj, RIG_AT(16), RW), QUIRE_OK);
    EXPECT(quire_vm_unmap(&w.vm, RIG_VA, COW_PAGES), QUIRE_OK);
    EXPECT(quire_vm_unmap(&w.vms[0], RIG_VA, COW_PAGES), QUIRE_OK);
    EXPECT(rig_store_put(w.origin), QUIRE_OK);
    EXPECT(rig_store_put(w.copy[0]), QUIRE_OK);
    EXPECT(rig_store_put(below), QUIRE_OK);
    cr_expect_eq(w.origin->freed + w.copy[0]->freed, 0);
    cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(19)), 0x11);
    cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(18)), born(w.origin, 2));
    EXPECT(quire_vm_unmap(&w.vms[0], RIG_AT(16), COW_PAGES), QUIRE_OK);
    cr_expect_eq(w.origin->freed, 1);
    cr_expect_eq(w.copy[0]->freed, 1);
    cr_expect_eq(below->freed, 1);
    END(&w.rig);
}

Test(fobj_cow, what_a_dead_copy_wrote_is_wiped)
{
    static const char secret[] = "what only this copy knew";
    struct world w;

    world_start(&w, plain, 2);
    EXPECT(rig_write(&w.rig, &w.vms[0], RIG_AT(3), secret, sizeof secret), QUIRE_OK);
    cr_expect_eq(rig_find(&w.rig, secret, sizeof secret), 1);
    EXPECT(quire_vm_unmap(&w.vms[0], RIG_VA, COW_PAGES), QUIRE_OK);
    EXPECT(rig_store_put(w.copy[0]), QUIRE_OK);
    cr_expect_eq(rig_find(&w.rig, secret, sizeof secret), 0);
    cr_expect_eq(quire_refcount_read(&w.origin->fobj.refs), 3); /* its maker, its area, the other copy */
    EXPECT_PAGES(&w, &w.vms[1], NONE_DIFFERS, 0);
    END(&w.rig);
}

/* ---- Bad input ---- */

Test(fobj_cow, what_cannot_be_a_copy_is_refused_and_nothing_changes)
{
    struct rig_config two_ranks = {.rank_max = 1};
    struct quire_pager *pager;
    struct rig_store *copy;
    struct rig_store *other;
    struct quire_cow_stats stats;
    struct quire_fobj_phys_config memory = {.pa = quire_pa_make(RIG_PA), .npages = 1, .max_prot = RW};
    struct quire_fobj_phys phys;
    struct world w;

    world_start(&w, two_ranks, 1);
    pager = &w.rig.pager;
    copy = rig_store_new(&w.rig, COW_PAGES, RW);
    other = rig_store_new(&w.rig, COW_PAGES - 1, RW);
    EXPECT(quire_fobj_cow_make(pager, NULL, &w.origin->fobj), QUIRE_INVALID);
    EXPECT(quire_fobj_cow_make(pager, &copy->fobj, NULL), QUIRE_INVALID);
    EXPECT(quire_fobj_cow_make(pager, &copy->fobj, &copy->fobj), QUIRE_INVALID);
    EXPECT(quire_fobj_cow_make(pager, &copy->fobj, &other->fobj), QUIRE_INVALID);
    EXPECT(quire_fobj_phys_init(&phys, &memory), QUIRE_OK);
    other->fobj.num_pages = 1;
    EXPECT(quire_fobj_cow_make(pager, &other->fobj, &phys.base), QUIRE_INVALID);
    EXPECT(quire_fobj_cow_make(pager, &phys.base, &other->fobj), QUIRE_INVALID);
    EXPECT(quire_fobj_cow_stats(pager, &phys.base, &stats), QUIRE_INVALID);
    EXPECT(quire_fobj_cow_stats(pager, &copy->fobj, &stats), QUIRE_INVALID);
    other->fobj.num_pages = COW_PAGES - 1;
    quire_fobj_put(&phys.base);
    copy->fobj.rank = 2;
    EXPECT(quire_fobj_cow_make(pager, &copy->fobj, &w.origin->fobj), QUIRE_INVALID);
    copy->fobj.rank = 0;
    EXPECT(quire_fobj_cow_make(pager, &w.copy[0]->fobj, &w.origin->fobj), QUIRE_EXISTS);
    EXPECT(rig_map(&w.vm, &copy->fobj, RIG_AT(16), RW), QUIRE_OK);
    EXPECT(quire_fobj_cow_make(pager, &copy->fobj, &w.origin->fobj), QUIRE_BUSY); /* mapped */
    (void)rig_byte(&w.rig, &w.vm, RIG_AT(16));
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(16), COW_PAGES), QUIRE_OK);
    EXPECT(quire_fobj_cow_make(pager, &copy->fobj, &w.origin->fobj), QUIRE_BUSY); /* resident */
    push_out(&w.rig, copy, 0);
    EXPECT(quire_fobj_cow_make(pager, &copy->fobj, &w.origin->fobj), QUIRE_BUSY); /* was used */
    other = rig_store_new(&w.rig, COW_PAGES, RW | RIG_EXEC);
    EXPECT(quire_fobj_cow_make(pager, &other->fobj, &w.origin->fobj), QUIRE_DENIED);
    cr_expect_null(other->fobj.pager);
    cr_expect_eq(quire_refcount_read(&w.origin->fobj.refs), 3);
    END(&w.rig);
}

Test(fobj_cow, threads_that_keep_one_page_each_make_no_copies)
{
    struct rig_config config = {.step = 1};
    struct rig_store *copy;
    struct world w;

    world_start(&w, config, 0);
    copy = rig_store_new(&w.rig, COW_PAGES, RW);
    EXPECT(quire_fobj_cow_make(&w.rig.pager, &copy->fobj, &w.origin->fobj), QUIRE_NO_PAGE);
    cr_expect_not(w.origin->fobj.frozen);
    END(&w.rig);
}

Test(fobj_cow, objects_of_two_pagers_do_not_meet)
{
    struct rig_store *copy;
    struct world w;
    struct rig other;

    world_start(&w, plain, 0);
    rig_start(&other, &plain);
    copy = rig_store_new(&other, COW_PAGES, RW);
    EXPECT(quire_fobj_cow_make(&other.pager, &copy->fobj, &w.origin->fobj), QUIRE_BUSY);
    EXPECT(quire_pager_know(&other.pager, &copy->fobj), QUIRE_OK);
    EXPECT(quire_fobj_cow_make(&w.rig.pager, &copy->fobj, &w.origin->fobj), QUIRE_BUSY);
    rig_stop(&other);
    END(&w.rig);
}
