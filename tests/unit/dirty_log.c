/* dirty_log.h: which pages of a context were written. */
#include "check_world.h"

#include "quire/advise.h"
#include "quire/dirty_log.h"
#include "quire/resize.h"

struct logged {
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store; /* 40 pages at RIG_VA */
    uint32_t bits[2];
};

static void logged_start(struct logged *w, unsigned number, struct rig_config config)
{
    config = rig_machine(number, config);
    config.eager = true;
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    w->store = rig_store_new(&w->rig, 40, RW);
    EXPECT(rig_map(&w->vm, &w->store->fobj, RIG_VA, RW), QUIRE_OK);
    memset(w->bits, 0xff, sizeof w->bits);
}

/* What the log says of pages 0..39, as bits. */
static uint64_t seen(struct logged *w, bool clear)
{
    uint32_t out[2] = {0xffffffffu, 0xffffffffu};

    EXPECT(quire_vm_log_read(&w->vm, RIG_VA, 40, clear, out), QUIRE_OK);
    return out[0] | (uint64_t)out[1] << 32;
}

static void poke(struct logged *w, uint32_t page)
{
    EXPECT(rig_poke(&w->rig, &w->vm, RIG_AT(page), (unsigned char)(page + 1u)), QUIRE_OK);
}

static void look(struct logged *w, uint32_t page)
{
    cr_expect_geq(rig_byte(&w->rig, &w->vm, RIG_AT(page)), 0);
}

#define PAGE(i) ((uint64_t)1 << (i))

Test(dirty_log, says_exactly_what_was_written_since_it_was_cleared)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct logged w;

        logged_start(&w, number, (struct rig_config){0});
        poke(&w, 0); /* before: not in the log, though its entry is writable */
        poke(&w, 35);
        look(&w, 1);
        EXPECT(quire_vm_log_start(&w.vm, RIG_VA, 40, w.bits), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(seen(&w, false), 0);
        look(&w, 0);
        look(&w, 35);
        look(&w, 2);
        cr_expect_eq(seen(&w, true), 0);
        poke(&w, 1);
        poke(&w, 2);
        poke(&w, 3);
        poke(&w, 35);
        poke(&w, 35);
        cr_expect_eq(seen(&w, false), PAGE(1) | PAGE(2) | PAGE(3) | PAGE(35));
        cr_expect_eq(seen(&w, true), PAGE(1) | PAGE(2) | PAGE(3) | PAGE(35));
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(seen(&w, false), 0);
        look(&w, 3); /* dirty already, and still read-only */
        poke(&w, 2);
        poke(&w, 32);
        cr_expect_eq(seen(&w, true), PAGE(2) | PAGE(32));
        EXPECT(quire_vm_log_stop(&w.vm), QUIRE_OK);
        EXPECT(quire_vm_log_stop(&w.vm), QUIRE_NOT_FOUND);
        poke(&w, 5);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(3)), 4);
        END(&w.rig);
    }
}

Test(dirty_log, writes_are_not_forgotten_when_the_page_is_saved_evicted_or_unmapped)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct logged w;
        uint32_t i;

        logged_start(&w, number, (struct rig_config){.pages = 6});
        EXPECT(quire_vm_log_start(&w.vm, RIG_VA, 40, w.bits), QUIRE_OK);
        for (i = 0; i < 5; i++) {
            poke(&w, i);
        }
        for (i = 8; i < 24; i++) {
            look(&w, i);
        }
        for (i = 0; i < 5; i++) {
            push_out(&w.rig, w.store, i); /* if the policy has not */
            cr_expect(!rig_query(&w.vm, RIG_AT(i)).resident);
            look(&w, i);
        }
        cr_expect_eq(seen(&w, true), 0x1f);
        EXPECT_SOUND(&w.rig);
        look(&w, 7);
        poke(&w, 6);
        EXPECT(quire_pager_write_back(&w.rig.pager, &w.store->fobj, 6, 1, true), QUIRE_OK);
        poke(&w, 7);
        EXPECT(quire_vm_unmap(&w.vm, RIG_AT(7), 1), QUIRE_OK);
        cr_expect_eq(seen(&w, true), PAGE(6) | PAGE(7));
        cr_expect_eq(seen(&w, true), 0);
        END(&w.rig);
    }
}

Test(dirty_log, clearing_it_does_not_lose_what_is_to_be_saved)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct logged w;

        logged_start(&w, number, (struct rig_config){0});
        EXPECT(quire_vm_log_start(&w.vm, RIG_VA, 40, w.bits), QUIRE_OK);
        poke(&w, 0);
        cr_expect_eq(seen(&w, true), PAGE(0));
        EXPECT(quire_vm_log_stop(&w.vm), QUIRE_OK);
        EXPECT(quire_pager_write_back(&w.rig.pager, &w.store->fobj, 0, 1, true), QUIRE_OK);
        cr_expect_eq(w.store->saves_of[0], 1);
        cr_expect_eq(*rig_store_page(w.store, 0), 1);
        END(&w.rig);
    }
}

/* ---- Who writes ---- */

Test(dirty_log, each_context_has_a_log_of_its_own)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        uint32_t out = 0;
        uint32_t bits = 0;
        struct quire_vm other;
        struct logged w;

        logged_start(&w, number, (struct rig_config){0});
        rig_vm_start(&w.rig, &other);
        EXPECT(rig_map(&other, &w.store->fobj, RIG_AT(20), RW), QUIRE_OK);
        EXPECT(quire_vm_log_start(&w.vm, RIG_VA, 40, w.bits), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &other, RIG_AT(20), 9), QUIRE_OK);
        look(&w, 0); /* dirty, by another: mapped read-only here */
        poke(&w, 1);
        cr_expect_eq(seen(&w, false), PAGE(1));
        EXPECT(quire_vm_log_start(&other, RIG_AT(20), 20, &bits), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &other, RIG_AT(22), 9), QUIRE_OK);
        cr_expect_eq(seen(&w, true), PAGE(1));
        EXPECT(quire_vm_log_read(&other, RIG_AT(20), 20, true, &out), QUIRE_OK);
        cr_expect_eq(out, PAGE(2));
        END(&w.rig);
    }
}

Test(dirty_log, copies_into_the_context_are_writes_and_other_means_are_marked)
{
    struct quire_vm_copy how = {.wait_ok = true};
    static unsigned char bytes[(size_t)3 << QUIRE_PAGE_SHIFT];
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct quire_pin pin;
        struct quire_pa pa;
        struct logged w;

        logged_start(&w, number, (struct rig_config){0});
        EXPECT(quire_vm_log_start(&w.vm, RIG_VA, 40, w.bits), QUIRE_OK);
        EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(4) + 100u, bytes, sizeof bytes, &how, NULL), QUIRE_OK);
        EXPECT(quire_vm_copy_from(&w.vm, RIG_AT(9), bytes, sizeof bytes, &how, NULL), QUIRE_OK);
        cr_expect_eq(seen(&w, true), PAGE(4) | PAGE(5) | PAGE(6) | PAGE(7));
        EXPECT(quire_vm_copy_to(&w.vm, RIG_AT(4), bytes, 1, &how, NULL), QUIRE_OK);
        cr_expect_eq(seen(&w, true), PAGE(4));
        EXPECT(quire_pin_va(&w.rig.pager, &w.vm, RIG_AT(30), 4, true, true, &pin), QUIRE_OK);
        EXPECT(quire_pin_pa(&pin, 2, &pa), QUIRE_OK);
        EXPECT(quire_sim_device(&w.rig.sim, pa, true, bytes, 8), QUIRE_OK);
        EXPECT(quire_unpin(&pin), QUIRE_OK);
        cr_expect_eq(seen(&w, true), 0);
        EXPECT(quire_vm_log_mark(&w.vm, RIG_AT(30), 4), QUIRE_OK);
        cr_expect_eq(seen(&w, true), (uint64_t)0xf << 30);
        END(&w.rig);
    }
}

/* Another processor writes through the entry it remembers, just before it is told to forget it. */
static struct logged *racing;
static bool raced;

static void write_before_flush(void *unused, const struct quire_batch *batch)
{
    unsigned char byte = 77;

    (void)unused;
    (void)batch;
    if (racing != NULL &&
        quire_sim_access(&racing->rig.sim, 1, &racing->vm, RIG_AT(3), RIG_WRITE, false, &byte, 1) == QUIRE_SIM_DONE) {
        raced = true;
    }
}

Test(dirty_log, write_that_races_with_the_clearing_is_in_this_report)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        unsigned char byte = 1;
        struct logged w;

        racing = NULL;
        raced = false;
        logged_start(&w, number, (struct rig_config){.flushing = write_before_flush});
        EXPECT(quire_vm_log_start(&w.vm, RIG_VA, 40, w.bits), QUIRE_OK);
        EXPECT(rig_access(&w.rig, 1, 0, &w.vm, RIG_AT(3), RIG_WRITE, &byte, 1), QUIRE_OK);
        racing = &w;
        cr_expect_eq(seen(&w, true), PAGE(3));
        racing = NULL;
        cr_expect(raced);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(seen(&w, true), 0);
        EXPECT(rig_access(&w.rig, 1, 0, &w.vm, RIG_AT(3), RIG_WRITE, &byte, 1), QUIRE_OK);
        cr_expect_eq(seen(&w, true), PAGE(3));
        END(&w.rig);
    }
}

/* ---- Ranges ---- */

Test(dirty_log, logs_just_its_range_and_reads_any_part_of_it)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        uint32_t out[2];
        struct logged w;
        uint32_t i;

        logged_start(&w, number, (struct rig_config){0});
        EXPECT(quire_vm_log_start(&w.vm, RIG_AT(2), 35, w.bits), QUIRE_OK);
        for (i = 0; i < 40; i++) {
            poke(&w, i);
        }
        EXPECT(quire_vm_log_read(&w.vm, RIG_AT(1), 2, true, out), QUIRE_INVALID);
        EXPECT(quire_vm_log_read(&w.vm, RIG_AT(36), 2, true, out), QUIRE_INVALID);
        EXPECT(quire_vm_log_read(&w.vm, RIG_AT(10), 0, true, out), QUIRE_INVALID);
        EXPECT(quire_vm_log_read(&w.vm, RIG_AT(10) + 1u, 1, true, out), QUIRE_INVALID);
        EXPECT(quire_vm_log_mark(&w.vm, RIG_AT(36), 2), QUIRE_INVALID);
        EXPECT(quire_vm_log_mark(&w.vm, RIG_AT(36), 0), QUIRE_INVALID);
        out[1] = 0x1234;
        EXPECT(quire_vm_log_read(&w.vm, RIG_AT(33), 4, true, out), QUIRE_OK);
        cr_expect_eq(out[0], 0xf);
        cr_expect_eq(out[1], 0x1234, "no more is written than was asked for");
        EXPECT(quire_vm_log_read(&w.vm, RIG_AT(2), 35, false, out), QUIRE_OK);
        cr_expect_eq(out[0], 0x7fffffff); /* pages 2..32, the others were cleared */
        cr_expect_eq(out[1], 0);
        poke(&w, 36);
        EXPECT(quire_vm_log_read(&w.vm, RIG_AT(30), 7, true, out), QUIRE_OK);
        cr_expect_eq(out[0], 0x47);
        END(&w.rig);
    }
}

Test(dirty_log, refuses_what_it_cannot_do)
{
    uint32_t out[2];
    struct logged w;

    logged_start(&w, 0, (struct rig_config){0});
    EXPECT(quire_vm_log_read(&w.vm, RIG_VA, 1, true, out), QUIRE_NOT_FOUND);
    EXPECT(quire_vm_log_mark(&w.vm, RIG_VA, 1), QUIRE_NOT_FOUND);
    EXPECT(quire_vm_log_start(&w.vm, RIG_VA, 1, NULL), QUIRE_INVALID);
    EXPECT(quire_vm_log_start(&w.vm, RIG_AT(60), 5, w.bits), QUIRE_INVALID);
    EXPECT(quire_vm_log_start(&w.vm, RIG_VA, 0, w.bits), QUIRE_INVALID);
    EXPECT(quire_vm_log_start(&w.vm, RIG_AT(24), 40, w.bits), QUIRE_OK); /* mapped or not */
    EXPECT(quire_vm_log_start(&w.vm, RIG_VA, 1, w.bits), QUIRE_EXISTS);
    EXPECT(quire_vm_log_read(&w.vm, RIG_AT(60), 4, true, out), QUIRE_OK);
    cr_expect_eq(out[0], 0);
    END(&w.rig); /* a context may end with a log */
}

Test(dirty_log, what_is_mapped_or_moved_into_the_range_is_logged_from_then_on)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        uint32_t bits = 0;
        uint32_t out = 0;
        struct logged w;

        logged_start(&w, number, (struct rig_config){0});
        EXPECT(quire_vm_log_start(&w.vm, RIG_AT(50), 10, &bits), QUIRE_OK);
        poke(&w, 0);
        poke(&w, 1);
        EXPECT(quire_vm_remap(&w.vm, RIG_VA, 4, RIG_AT(52)), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(52)), 1);
        EXPECT(quire_vm_log_read(&w.vm, RIG_AT(50), 10, true, &out), QUIRE_OK);
        cr_expect_eq(out, 0, "moving is not writing");
        poke(&w, 53);
        EXPECT(quire_vm_protect(&w.vm, RIG_AT(52), 4, RIG_READ | USER), QUIRE_OK);
        EXPECT(quire_vm_protect(&w.vm, RIG_AT(52), 4, RW | USER), QUIRE_OK);
        poke(&w, 55);
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_vm_log_read(&w.vm, RIG_AT(50), 10, true, &out), QUIRE_OK);
        cr_expect_eq(out, 0x28);
        END(&w.rig);
    }
}

Test(dirty_log, area_that_may_only_be_written_is_logged_too)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct logged w;

        logged_start(&w, number, (struct rig_config){0});
        EXPECT(quire_vm_protect(&w.vm, RIG_VA, 4, RIG_WRITE | USER), QUIRE_OK);
        poke(&w, 0);
        EXPECT(quire_vm_log_start(&w.vm, RIG_VA, 40, w.bits), QUIRE_OK);
        cr_expect_eq(seen(&w, false), 0);
        poke(&w, 0);
        poke(&w, 2);
        cr_expect_eq(seen(&w, true), 5);
        cr_expect_eq(seen(&w, true), 0);
        poke(&w, 2);
        cr_expect_eq(seen(&w, true), 4);
        END(&w.rig);
    }
}

/* ---- What cannot be seen is reported ---- */

Test(dirty_log, pages_of_an_unpaged_object_are_reported_while_they_can_be_written)
{
    uint32_t bits = 0;
    uint32_t out = 0;
    struct world w;

    world_start(&w); /* 4 pages at UNPAGED, with entries */
    EXPECT(quire_vm_log_start(&w.vm, UNPAGED - RIG_PAGE, 6, &bits), QUIRE_OK);
    EXPECT(quire_vm_log_read(&w.vm, UNPAGED - RIG_PAGE, 6, true, &out), QUIRE_OK);
    cr_expect_eq(out, 0x1e);
    EXPECT(quire_vm_log_read(&w.vm, UNPAGED - RIG_PAGE, 6, true, &out), QUIRE_OK);
    cr_expect_eq(out, 0x1e);
    EXPECT(quire_vm_drop_range(&w.vm, UNPAGED, 4), QUIRE_OK);
    EXPECT(quire_vm_log_read(&w.vm, UNPAGED - RIG_PAGE, 6, true, &out), QUIRE_OK);
    cr_expect_eq(out, 0x1e, "written perhaps, just before");
    EXPECT(quire_vm_log_read(&w.vm, UNPAGED - RIG_PAGE, 6, true, &out), QUIRE_OK);
    cr_expect_eq(out, 0);
    EXPECT(rig_poke(&w.rig, &w.vm, UNPAGED + RIG_PAGE, 1), QUIRE_OK);
    EXPECT(quire_vm_unmap(&w.vm, UNPAGED, 4), QUIRE_OK);
    EXPECT(quire_vm_log_read(&w.vm, UNPAGED - RIG_PAGE, 6, true, &out), QUIRE_OK);
    cr_expect_eq(out & 4u, 4);
    EXPECT(quire_vm_log_read(&w.vm, UNPAGED - RIG_PAGE, 6, true, &out), QUIRE_OK);
    cr_expect_eq(out, 0);
    END(&w.rig);
}

Test(dirty_log, page_whose_entry_is_stuck_is_reported_every_time)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct logged w;

        logged_start(&w, number, (struct rig_config){0});
        EXPECT(quire_vm_protect(&w.vm, RIG_VA, 4, RIG_WRITE | USER), QUIRE_OK); /* it would have to be removed */
        poke(&w, 1);
        EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(1), 3), QUIRE_OK);
        EXPECT(quire_vm_log_start(&w.vm, RIG_VA, 40, w.bits), QUIRE_OK);
        cr_expect_eq(seen(&w, true), 2);
        cr_expect_eq(seen(&w, true), 2);
        EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
        cr_expect_eq(seen(&w, true), 2);
        cr_expect_eq(seen(&w, true), 0);
        END(&w.rig);
    }
}

/* ---- What the check says ---- */

Test(dirty_log, check_names_a_write_that_the_log_would_not_see)
{
    static const char what[] = "3: a page can be written and the log of writes would not see it";
    uint32_t bits = 0;
    struct world w;

    world_start(&w);
    EXPECT(quire_vm_log_start(&w.vm, RIG_VA, 8, &bits), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(1), 1), QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    PLANT(&w, bits, 0, what);
    PLANT(&w, bits, ~2u, what);
    END(&w.rig);
}
