/* fobj_cow.h: copies on write and what else a pager does: pins, advice, logs, accounts, stores that fail or answer later, little
 * memory. */
#include "cow_test.h"

static const struct rig_config plain;

/* ---- Pins and copies ---- */

Test(fobj_cow_paths, pin_makes_the_page_the_copys_own)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 16});
        struct quire_pin pin[2];
        struct quire_pa pa;
        struct world w;

        world_start(&w, config, 2);
        EXPECT_PAGES(&w, &w.vms[0], NONE_DIFFERS, 0);
        EXPECT(quire_pin_va(&w.rig.pager, &w.vms[0], RIG_AT(2), 1, false, false, &pin[0]), QUIRE_OK);
        EXPECT(quire_pin_va(&w.rig.pager, &w.vms[0], RIG_AT(4), 2, true, false, &pin[1]), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(cow_stats(&w, w.copy[0]).own, 3);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(2), 0x11), QUIRE_OK);
        EXPECT(quire_pin_pa(&pin[0], 0, &pa), QUIRE_OK);
        cr_expect_eq(rig_query(&w.vms[0], RIG_AT(2)).pa.addr, pa.addr); /* who pinned it sees what is written */
        cr_expect(rig_query(&w.vms[0], RIG_AT(2)).pinned);
        cr_expect_not(rig_query(&w.vms[1], RIG_AT(2)).pinned);
        EXPECT_PAGES(&w, &w.vms[0], 2, 0x11);
        EXPECT_PAGES(&w, &w.vms[1], NONE_DIFFERS, 0);
        EXPECT(quire_unpin(&pin[0]), QUIRE_OK);
        EXPECT(quire_unpin(&pin[1]), QUIRE_OK);
        EXPECT_PAGES(&w, &w.vms[0], 2, 0x11);
        END(&w.rig);
    }
}

Test(fobj_cow_paths, pin_of_a_frozen_copy_is_of_what_it_shows)
{
    struct rig_store *below;
    struct quire_pin pin;
    struct quire_pa pa;
    struct world w;

    world_start(&w, plain, 1);
    below = rig_store_new(&w.rig, COW_PAGES, RW);
    make_copy(&w, below, w.copy[0]);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.copy[0]->fobj, 2, 1, false, false, &pin), QUIRE_OK);
    cr_expect_eq(cow_stats(&w, w.copy[0]).own, 0);
    EXPECT(quire_pin_pa(&pin, 0, &pa), QUIRE_OK);
    (void)rig_byte(&w.rig, &w.vm, RIG_AT(2));
    cr_expect_eq(rig_query(&w.vm, RIG_AT(2)).pa.addr, pa.addr);
    cr_expect(rig_query(&w.vm, RIG_AT(2)).pinned);
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    cr_expect_not(rig_query(&w.vm, RIG_AT(2)).pinned);
    END(&w.rig);
}

Test(fobj_cow_paths, pins_of_a_copy_end_where_there_is_no_room_and_leave_nothing)
{
    struct rig_config config = {.pages = 6, .step = 2}; /* 3 is the minimum */
    struct quire_pin pin;
    struct world w;
    uint32_t n;

    world_start(&w, config, 1);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.copy[0]->fobj, 0, COW_PAGES, true, false, &pin), QUIRE_NO_PAGE);
    cr_expect_eq(rig_stats(&w.rig).fixed, 0);
    cr_expect_eq(w.copy[0]->fobj.writers, 0);
    for (n = 1; quire_pin_fobj(&w.rig.pager, &w.copy[0]->fobj, 0, n, true, false, &pin) == QUIRE_OK; n++) {
        cr_expect_eq(rig_stats(&w.rig).fixed, n);
        EXPECT(quire_unpin(&pin), QUIRE_OK);
    }
    cr_expect_eq(n, w.rig.pager.pool.total - w.rig.pager.min_pages + 1);
    EXPECT_PAGES(&w, &w.vms[0], NONE_DIFFERS, 0);
    END(&w.rig);
}

Test(fobj_cow_paths, pin_of_a_copy_needs_a_page_more_while_it_is_made)
{
    struct rig_config config = {.step = 2, .rank_max = 1};
    struct rig_store *other;
    struct quire_pin pin;
    struct world w;

    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, 2, 1) + 1u; /* one could be pinned */
    world_start(&w, config, 1);
    other = rig_store_new(&w.rig, COW_PAGES, RW);
    EXPECT(rig_map(&w.vm, &other->fobj, RIG_AT(16), RW), QUIRE_OK);
    (void)rig_byte(&w.rig, &w.vm, RIG_AT(16)); /* the thread's last pages stay */
    (void)rig_byte(&w.rig, &w.vm, RIG_AT(17));
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.copy[0]->fobj, 3, 1, false, false, &pin), QUIRE_NO_PAGE);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(w.copy[0]->fobj.writers, 0);
    EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(3), 0x11), QUIRE_OK); /* a fault has its row's */
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.copy[0]->fobj, 3, 1, false, false, &pin), QUIRE_OK);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    END(&w.rig);
}

Test(fobj_cow_paths, copying_into_a_context_breaks_and_copying_out_does_not)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 8});
        unsigned char bytes[COW_PAGES * RIG_PAGE];
        struct quire_vm_copy how = {0};
        struct world w;
        uint32_t i;

        world_start(&w, config, 2);
        EXPECT(quire_vm_copy_from(&w.vms[0], RIG_VA, bytes, sizeof bytes, &how, NULL), QUIRE_OK);
        for (i = 0; i < COW_PAGES; i++) {
            cr_expect_eq(bytes[i * RIG_PAGE], born(w.origin, i));
        }
        cr_expect_eq(rig_stats(&w.rig).copies, 0);
        EXPECT(quire_vm_copy_to(&w.vms[0], RIG_AT(3) - 1, "\x11\x12", 2, &how, NULL), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(rig_stats(&w.rig).copies, 2);
        cr_expect_eq(w.copy[0]->fobj.writers, 0);
        EXPECT_PAGES(&w, &w.vms[0], 3, 0x12);
        cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(3) - 1), 0x11);
        EXPECT_PAGES(&w, &w.vms[1], NONE_DIFFERS, 0);
        END(&w.rig);
    }
}

/* ---- Other ways in ---- */

Test(fobj_cow_paths, log_of_writes_notes_what_became_the_copys_own)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 16});
        uint32_t bits[1];
        uint32_t out[1];
        struct world w;

        world_start(&w, config, 2);
        EXPECT_PAGES(&w, &w.vms[0], NONE_DIFFERS, 0);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(1), 0x10), QUIRE_OK);
        EXPECT(quire_vm_log_start(&w.vms[0], RIG_VA, COW_PAGES, bits), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(2), 0x11), QUIRE_OK);
        (void)rig_byte(&w.rig, &w.vms[0], RIG_AT(3));
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_vm_log_read(&w.vms[0], RIG_VA, COW_PAGES, true, out), QUIRE_OK);
        cr_expect_eq(out[0], 1u << 2);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(1), 0x12), QUIRE_OK);
        EXPECT(quire_vm_log_read(&w.vms[0], RIG_VA, COW_PAGES, false, out), QUIRE_OK);
        cr_expect_eq(out[0], 1u << 1);
        EXPECT(quire_vm_log_stop(&w.vms[0]), QUIRE_OK);
        END(&w.rig);
    }
}

Test(fobj_cow_paths, advice_for_a_copy_is_about_what_it_shows)
{
    struct quire_vm_copy how = {0};
    size_t done;
    struct world w;

    world_start(&w, plain, 2);
    EXPECT(quire_vm_advise(&w.vms[0], RIG_VA, COW_PAGES, QUIRE_ADVICE_WILL_NEED), QUIRE_OK);
    cr_expect_eq(present(w.origin), COW_PAGES);
    cr_expect_eq(present(w.copy[0]), 0);
    EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(2), 0x11), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vms[1], RIG_AT(3), 0x11), QUIRE_OK);
    EXPECT(quire_vm_advise(&w.vms[0], RIG_VA, COW_PAGES, QUIRE_ADVICE_FREE), QUIRE_DENIED);
    EXPECT(quire_vm_populate(&w.vms[1], RIG_AT(4), 2, false, &how, &done), QUIRE_OK);
    EXPECT(quire_vm_advise(&w.vms[0], RIG_VA, COW_PAGES, QUIRE_ADVICE_DONT_NEED), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(present(w.copy[0]), 0);
    cr_expect_eq(w.copy[0]->saves_of[2], 1);
    cr_expect(is_present(w.origin, 4)); /* the other copy shows it */
    cr_expect_not(is_present(w.origin, 6));
    EXPECT(quire_vm_populate(&w.vms[1], RIG_AT(4), 2, true, &how, &done), QUIRE_OK);
    cr_expect_eq(cow_stats(&w, w.copy[1]).own, 3);
    EXPECT_PAGES(&w, &w.vms[0], 2, 0x11);
    END(&w.rig);
}

Test(fobj_cow_paths, entries_made_ahead_show_origins_pages_to_be_read_only)
{
    unsigned number;

    for (number = 0; number < 8; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 24, .around = 8});
        struct world w;
        uint32_t i;

        world_start(&w, config, 2);
        for (i = 0; i < COW_PAGES; i++) {
            (void)rig_byte(&w.rig, &w.vm, RIG_AT(i));
        }
        EXPECT(rig_map(&w.vms[1], &w.copy[0]->fobj, RIG_AT(16), RIG_READ), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(5), 0x11), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vms[1], RIG_AT(16)), born(w.origin, 0));
        EXPECT_SOUND(&w.rig);
        cr_expect_neq(rig_query(&w.vms[1], RIG_AT(17)).entry, 0); /* it was made ahead */
        cr_expect_eq(rig_query(&w.vms[1], RIG_AT(17)).entry & QUIRE_ENTRY_WRITE, 0);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(1), 0x12), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vms[1], RIG_AT(17)), 0x12);
        cr_expect_eq(rig_byte(&w.rig, &w.vms[1], RIG_AT(21)), 0x11);
        cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(2)), born(w.origin, 2));
        EXPECT_SOUND(&w.rig);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(3), 0x13), QUIRE_OK);
        EXPECT_PAGES(&w, &w.vm, NONE_DIFFERS, 0);
        END(&w.rig);
    }
}

Test(fobj_cow_paths, copies_are_not_adopted_into_and_what_stands_still_takes_nothing_new)
{
    struct rig_config config = {.more_pages = 2};
    struct world w;
    struct quire_pa pa;

    world_start(&w, config, 1);
    EXPECT(quire_pager_add_pages(&w.rig.pager, PA(16), 2, w.rig.more_pmems), QUIRE_OK);
    pa = PA(16);
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.copy[0]->fobj, 1, pa, true), QUIRE_INVALID);
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.origin->fobj, 1, pa, true), QUIRE_DENIED);
    EXPECT(quire_pager_adopt(&w.rig.pager, &w.origin->fobj, 1, pa, false), QUIRE_OK);
    END(&w.rig);
}

/* ---- Code ---- */

Test(fobj_cow_paths, own_copy_of_code_is_synced_before_it_runs)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 16});
        struct quire_mapping mapping = {.prot = RIG_READ | RIG_WRITE | RIG_EXEC | USER, .va = RIG_AT(16), .wx = true};
        struct rig_store *origin;
        struct rig_store *copy;
        unsigned char byte;
        struct world w;

        world_start(&w, config, 0);
        origin = rig_store_new(&w.rig, COW_PAGES, RIG_READ | RIG_WRITE | RIG_EXEC);
        copy = rig_store_new(&w.rig, COW_PAGES, RIG_READ | RIG_WRITE | RIG_EXEC);
        mapping.fobj = &origin->fobj;
        EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(17), 0x21), QUIRE_OK);
        EXPECT(rig_exec(&w.rig, &w.vm, RIG_AT(17), &byte, 1), QUIRE_OK);
        make_copy(&w, copy, origin);
        EXPECT_SOUND(&w.rig);
        mapping.fobj = &copy->fobj;
        mapping.va = RIG_AT(32);
        EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK);
        EXPECT(rig_exec(&w.rig, &w.vm, RIG_AT(33), &byte, 1), QUIRE_OK);
        cr_expect_eq(byte, 0x21);
        EXPECT(rig_exec(&w.rig, &w.vm, RIG_AT(17), &byte, 1), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(33), 0x22), QUIRE_OK);
        EXPECT(quire_vm_protect(&w.vm, RIG_AT(32), COW_PAGES, RIG_READ | RIG_EXEC | USER), QUIRE_OK);
        EXPECT(rig_exec(&w.rig, &w.vm, RIG_AT(33), &byte, 1), QUIRE_OK);
        cr_expect_eq(byte, 0x22);
        EXPECT(rig_exec(&w.rig, &w.vm, RIG_AT(17), &byte, 1), QUIRE_OK);
        cr_expect_eq(byte, 0x21);
        END(&w.rig);
    }
}

/* ---- Accounts ---- */

Test(fobj_cow_paths, origins_pages_are_the_origins_to_pay_and_own_copies_the_copys)
{
    struct rig_account account[2];
    struct rig_store *origin;
    struct rig_store *copy;
    struct world w;
    uint32_t i;

    world_start(&w, plain, 0);
    EXPECT(rig_account_start(&w.rig, &account[0], 8, 0), QUIRE_OK);
    EXPECT(rig_account_start(&w.rig, &account[1], 5, 0), QUIRE_OK);
    origin = rig_account_store(&w.rig, &account[0], COW_PAGES, RW);
    copy = rig_account_store(&w.rig, &account[1], COW_PAGES, RW);
    w.origin = origin;
    make_copy(&w, copy, origin);
    EXPECT(rig_map(&w.vm, &copy->fobj, RIG_AT(16), RW), QUIRE_OK);
    for (i = 0; i < COW_PAGES; i++) {
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(16 + i)), born(origin, i));
    }
    cr_expect_eq(account[0].account.charged, COW_PAGES);
    cr_expect_eq(account[1].account.charged, 0);
    for (i = 0; i < COW_PAGES; i++) {
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(16 + i), 0x11), QUIRE_OK);
        cr_expect_leq(account[1].account.charged, 5);
        EXPECT_SOUND(&w.rig);
    }
    cr_expect_eq(account[0].account.charged, COW_PAGES); /* at its quota the copy's account serves itself */
    for (i = 0; i < COW_PAGES; i++) {
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(16 + i)), 0x11);
    }
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(16), COW_PAGES), QUIRE_OK);
    EXPECT(rig_store_put(copy), QUIRE_OK);
    EXPECT(rig_store_put(origin), QUIRE_OK);
    EXPECT(quire_account_fini(&account[0].account), QUIRE_OK);
    EXPECT(quire_account_fini(&account[1].account), QUIRE_OK);
    END(&w.rig);
}

/* ---- Little memory ---- */

Test(fobj_cow_paths, copies_get_on_with_the_least_pages_a_pager_takes)
{
    unsigned number;
    uint32_t rank_max;
    uint32_t step;

    for (number = 0; number < RIG_MACHINES; number++) {
        for (rank_max = 0; rank_max <= 2; rank_max++) {
            for (step = 2; step <= 3; step++) {
                struct rig_config config = rig_machine(number, (struct rig_config){.rank_max = rank_max, .step = step});
                struct world w;
                uint32_t i;

                config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, step, rank_max);
                world_start(&w, config, 2);
                for (i = 0; i < COW_PAGES; i++) {
                    EXPECT(rig_poke(&w.rig, &w.vms[i % 2], RIG_AT(i), (unsigned char)(0x40 + i)), QUIRE_OK);
                    EXPECT_SOUND(&w.rig);
                }
                for (i = 0; i < COW_PAGES; i++) {
                    cr_expect_eq(rig_byte(&w.rig, &w.vms[i % 2], RIG_AT(i)), 0x40 + (int)i);
                    cr_expect_eq(rig_byte(&w.rig, &w.vms[1 - i % 2], RIG_AT(i)), born(w.origin, i));
                }
                END(&w.rig);
            }
        }
    }
}

/* ---- Failures ---- */

/* Two copies are written and read with little memory; every status is OK or `failure`, and what was not served is served when
 * asked again. Returns how often the failure was met. */
static unsigned story(struct world *w, enum quire_status failure)
{
    unsigned met = 0;
    uint32_t i;
    uint32_t k;

    for (k = 0; k < 2; k++) {
        for (i = 0; i < COW_PAGES; i++) {
            enum quire_status status = rig_poke(&w->rig, &w->vms[k], RIG_AT(i), (unsigned char)(0x20 * (k + 1) + i));

            if (status != QUIRE_OK) {
                EXPECT(status, failure);
                EXPECT_SOUND(&w->rig);
                met++;
                EXPECT(rig_poke(&w->rig, &w->vms[k], RIG_AT(i), (unsigned char)(0x20 * (k + 1) + i)), QUIRE_OK);
            }
        }
    }
    for (k = 0; k < 2; k++) {
        for (i = 0; i < COW_PAGES; i++) {
            unsigned char byte = 0;
            enum quire_status status = rig_read(&w->rig, &w->vms[k], RIG_AT(i), &byte, 1);

            if (status != QUIRE_OK) {
                EXPECT(status, failure);
                met++;
                EXPECT(rig_read(&w->rig, &w->vms[k], RIG_AT(i), &byte, 1), QUIRE_OK);
            }
            cr_expect_eq(byte, 0x20 * (k + 1) + i);
        }
    }
    EXPECT_SOUND(&w->rig);
    return met;
}

Test(fobj_cow_paths, every_load_that_fails_fails_one_fault_and_loses_nothing)
{
    unsigned number;
    uint64_t n;
    unsigned met;

    for (number = 0; number < 8; number++) {
        for (n = 1, met = 1; met != 0; n++) {
            struct rig_config config = rig_machine(number, (struct rig_config){.pages = 6});
            struct world w;

            world_start(&w, config, 2);
            rig_fail(&w.rig.load_fails, n, 1, QUIRE_INTEGRITY);
            met = story(&w, QUIRE_INTEGRITY);
            cr_expect_eq(met, w.rig.load_fails.hits);
            END(&w.rig);
        }
        cr_expect_gt(n, 10);
    }
}

Test(fobj_cow_paths, saves_that_fail_lose_nothing)
{
    unsigned number;
    uint64_t n;
    uint64_t hits;

    for (number = 0; number < 8; number++) {
        for (n = 1, hits = 1; hits != 0; n++) {
            struct rig_config config = rig_machine(number, (struct rig_config){.pages = 6});
            struct world w;

            world_start(&w, config, 2);
            rig_fail(&w.rig.save_fails, n, 1, QUIRE_IO);
            cr_expect_eq(story(&w, QUIRE_OK), 0); /* another page gives way */
            hits = w.rig.save_fails.hits;
            END(&w.rig);
        }
        cr_expect_gt(n, 3);
    }
}

Test(fobj_cow_paths, page_table_that_cannot_be_had_fails_the_write_and_keeps_the_copy)
{
    unsigned number;

    for (number = 0; number < 8; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 16, .table_pages = 4, .tables = 1});
        struct world w;

        config.tables_gift = 1;
        world_start(&w, config, 1);
        cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(0)), born(w.origin, 0));
        quire_sim_fail_tables(&w.rig.sim, 1);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(4), 0x11), QUIRE_NO_TABLE);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(cow_stats(&w, w.copy[0]).own, 1);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(4), 0x11), QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).copies, 1);
        EXPECT_PAGES(&w, &w.vms[0], 4, 0x11);
        END(&w.rig);
    }
}

Test(fobj_cow_paths, references_that_are_used_up_fail_the_write)
{
    struct world w;

    world_start(&w, plain, 1);
    quire_refcount_init(&w.origin->fobj.refs, QUIRE_REFCOUNT_MAX);
    EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(4), 0x11), QUIRE_LIMIT);
    EXPECT_SOUND(&w.rig);
    quire_refcount_init(&w.origin->fobj.refs, 3);
    EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(4), 0x11), QUIRE_OK);
    END(&w.rig);
}

/* ---- Stores that answer later ---- */

Test(fobj_cow_paths, stores_of_origin_and_copy_may_answer_later)
{
    unsigned number;

    for (number = 0; number < 8; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.pages = 16, .requests = 4});
        struct rig_store *origin;
        struct rig_store *copy;
        struct world w;

        world_start(&w, config, 0);
        origin = rig_store_pending(&w.rig, COW_PAGES, RW);
        copy = rig_store_pending(&w.rig, COW_PAGES, RW);
        make_copy(&w, copy, origin);
        EXPECT(rig_map(&w.vm, &copy->fobj, RIG_AT(16), RW), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(18), 0x11), QUIRE_AGAIN);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(rig_pending(&w.rig), 1);
        EXPECT(rig_answer(&w.rig, 0, QUIRE_OK), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(18), 0x11), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_pager_write_back(&w.rig.pager, &copy->fobj, 0, COW_PAGES, false), QUIRE_AGAIN);
        EXPECT(rig_answer(&w.rig, 0, QUIRE_OK), QUIRE_OK);
        push_out(&w.rig, copy, 2);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(18) + 1, 0x12), QUIRE_AGAIN);
        EXPECT_SOUND(&w.rig);
        EXPECT(rig_answer(&w.rig, 0, QUIRE_IO), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(18) + 1, 0x12), QUIRE_IO);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(18) + 1, 0x12), QUIRE_AGAIN);
        EXPECT(rig_answer(&w.rig, 0, QUIRE_OK), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(18) + 1, 0x12), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(18)), 0x11);
        cr_expect_eq(copy->loads_of[2], 2);
        cr_expect_eq(origin->loads_of[2], 1);
        END(&w.rig);
    }
}

Test(fobj_cow_paths, neighbours_are_loaded_and_saved_with_the_pages_of_either)
{
    struct rig_config config = {.pages = 24, .requests = 4};
    struct world w;
    uint32_t i;

    world_start(&w, config, 0);
    w.copy[0] = rig_store_new(&w.rig, COW_PAGES, RW);
    w.copy[0]->fobj.cluster = 4;
    w.origin->fobj.cluster = 4;
    make_copy(&w, w.copy[0], w.origin);
    rig_vm_start(&w.rig, &w.vms[0]);
    EXPECT(rig_map(&w.vms[0], &w.copy[0]->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < COW_PAGES; i += 2) {
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(i), 0x11), QUIRE_OK);
    }
    EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(1), 0x11), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_vm_advise(&w.vms[0], RIG_VA, COW_PAGES, QUIRE_ADVICE_DONT_NEED), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(present(w.copy[0]), 0);
    for (i = 0; i < COW_PAGES; i++) {
        cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(i)), i % 2 == 0 || i == 1 ? 0x11 : born(w.origin, i));
    }
    cr_expect(rig_stats(&w.rig).read_ahead > 0);
    cr_expect_eq(w.copy[0]->loads_of[3], 0); /* a page that is not its own is never asked of the copy's store */
    END(&w.rig);
}

/* ---- Told ---- */

struct heard {
    unsigned copies;
    unsigned loads_of_origin;
    uint32_t origin;
    uint32_t copy;
};

static struct heard heard;

static void (*tale_hears)(void *ctx, const struct quire_trace_event *event);

static void hear_too(void *ctx, const struct quire_trace_event *event)
{
    if (quire_trace_type(event) == QUIRE_TRACE_LOAD && quire_trace_kind(event) == QUIRE_TRACE_LOAD_COPY) {
        heard.copies += event->fobj == heard.copy && event->pgidx == 3;
    }
    if (quire_trace_type(event) == QUIRE_TRACE_FAULT && quire_trace_kind(event) == QUIRE_FAULT_MAJOR) {
        heard.loads_of_origin += event->fobj == heard.origin && event->pgidx == 3;
    }
    tale_hears(ctx, event);
}

Test(fobj_cow_paths, trace_tells_whose_page_came_and_what_was_copied)
{
    struct world w;

    world_start(&w, plain, 1);
    memset(&heard, 0, sizeof heard);
    heard.origin = w.origin->fobj.id;
    heard.copy = w.copy[0]->fobj.id;
    tale_hears = w.rig.tale.trace.event;
    w.rig.tale.trace.event = hear_too;
    cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(3)), born(w.origin, 3));
    cr_expect_eq(heard.loads_of_origin, 1);
    EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(3), 0x11), QUIRE_OK);
    cr_expect_eq(heard.copies, 1);
    END(&w.rig);
}
