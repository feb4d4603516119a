/* fobj_cow.h: what may happen while an own copy is being made. */
#include "cow_test.h"

/* All hardware, both ways of flushing. */
#define MACHINES 8u

static struct rig_config machine(unsigned number, uint32_t pages)
{
    return rig_machine(number, (struct rig_config){.pages = pages, .concurrency = 2, .cpus = 2});
}

/* Writes page 3 of copy 0 while `meanwhile` happens, which must. */
static enum quire_status write_while(struct world *w, void (*meanwhile)(struct world *w))
{
    enum quire_status status;

    w->meanwhile = meanwhile;
    status = rig_poke(&w->rig, &w->vms[0], RIG_AT(3), 0x77);
    cr_expect_null(w->meanwhile, "no copy was made");
    return status;
}

static enum quire_status other_fault(struct world *w, struct quire_vm *vm, uintptr_t va, unsigned access)
{
    struct quire_fault fault = {.va = va, .access = access, .thread = 1};

    return quire_pager_fault(&w->rig.pager, vm, &fault, NULL);
}

/* ---- During the copy ---- */

static void second_writer(struct world *w)
{
    w->status = other_fault(w, &w->vms[0], RIG_AT(3), RIG_WRITE);
}

Test(fobj_cow_races, second_writer_of_a_page_has_to_wait_for_the_first)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number, 16), 2);
        EXPECT(write_while(&w, second_writer), QUIRE_OK);
        EXPECT(w.status, QUIRE_AGAIN);
        cr_expect_eq(rig_stats(&w.rig).copies, 1);
        EXPECT(other_fault(&w, &w.vms[0], RIG_AT(3), RIG_WRITE), QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).copies, 1);
        EXPECT_PAGES(&w, &w.vms[0], 3, 0x77);
        EXPECT_PAGES(&w, &w.vms[1], NONE_DIFFERS, 0);
        END(&w.rig);
    }
}

static void look(struct world *w)
{
    struct quire_violation violation;

    w->status = quire_pager_check(&w->rig.pager, &violation);
    cr_expect_eq(w->status, QUIRE_OK, "%s", violation.what);
}

Test(fobj_cow_races, all_is_as_it_should_be_while_a_page_that_is_shown_is_copied)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number, 16), 2);
        EXPECT_PAGES(&w, &w.vms[0], NONE_DIFFERS, 0);
        EXPECT_PAGES(&w, &w.vms[1], NONE_DIFFERS, 0);
        w.status = QUIRE_CORRUPT;
        EXPECT(write_while(&w, look), QUIRE_OK);
        EXPECT(w.status, QUIRE_OK);
        END(&w.rig);
    }
}

static void other_page(struct world *w)
{
    w->status = other_fault(w, &w->vms[0], RIG_AT(4), RIG_WRITE);
}

Test(fobj_cow_races, another_page_of_the_copy_is_written_at_the_same_time)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number, 16), 1);
        EXPECT(write_while(&w, other_page), QUIRE_OK);
        EXPECT(w.status, QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).copies, 2);
        EXPECT_PAGES(&w, &w.vms[0], 3, 0x77);
        END(&w.rig);
    }
}

static void reader(struct world *w)
{
    unsigned char byte = 0;

    w->status = rig_access(&w->rig, 1, 1, &w->vms[1], RIG_AT(16 + 3), RIG_READ, &byte, 1);
    cr_expect_eq(byte, born(w->origin, 3));
}

Test(fobj_cow_races, who_reads_the_copy_meanwhile_sees_the_origin_and_then_the_copy)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct rig_config config = machine(number, 16);
        struct world w;

        config.eager = true;
        world_start(&w, config, 2);
        EXPECT(rig_map(&w.vms[1], &w.copy[0]->fobj, RIG_AT(16), RW), QUIRE_OK);
        EXPECT(write_while(&w, reader), QUIRE_OK);
        EXPECT(w.status, QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(rig_byte(&w.rig, &w.vms[1], RIG_AT(16 + 3)), 0x77);
        EXPECT(rig_poke(&w.rig, &w.vms[1], RIG_AT(16 + 3), 0x78), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(3)), 0x78);
        cr_expect_eq(rig_stats(&w.rig).copies, 1);
        END(&w.rig);
    }
}

static void evict_origins_page(struct world *w)
{
    struct quire_pa pa = quire_pmem_pa(&w->rig.pager.pool, quire_slot_value(w->origin->fobj.slots[3]));

    w->status = quire_pager_remove_pages(&w->rig.pager, pa, 1, false);
}

Test(fobj_cow_races, origins_page_does_not_leave_before_it_is_copied)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number, 16), 1);
        EXPECT(write_while(&w, evict_origins_page), QUIRE_OK);
        EXPECT(w.status, QUIRE_AGAIN);
        cr_expect(is_present(w.origin, 3));
        EXPECT_PAGES(&w, &w.vms[0], 3, 0x77);
        EXPECT_PAGES(&w, &w.vm, NONE_DIFFERS, 0);
        END(&w.rig);
    }
}

static void evict_the_copy(struct world *w)
{
    struct quire_pa pa = quire_pmem_pa(&w->rig.pager.pool, quire_slot_value(w->copy[0]->fobj.slots[3]));

    w->status = quire_pager_remove_pages(&w->rig.pager, pa, 1, false);
}

Test(fobj_cow_races, page_that_is_being_copied_to_is_no_victim)
{
    struct world w;

    world_start(&w, machine(0, 16), 1);
    EXPECT(write_while(&w, evict_the_copy), QUIRE_OK);
    EXPECT(w.status, QUIRE_AGAIN);
    EXPECT_PAGES(&w, &w.vms[0], 3, 0x77);
    END(&w.rig);
}

static void save_the_origin(struct world *w)
{
    w->status = quire_pager_write_back(&w->rig.pager, &w->origin->fobj, 0, COW_PAGES, false);
}

Test(fobj_cow_races, origin_is_written_back_while_its_page_is_copied)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct rig_store *origin;
        struct world w;

        world_start(&w, machine(number, 16), 0);
        origin = rig_store_new(&w.rig, COW_PAGES, RW);
        EXPECT(rig_map(&w.vm, &origin->fobj, RIG_AT(16), RW), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(16 + 3) + 1, 0x22), QUIRE_OK);
        rig_vm_start(&w.rig, &w.vms[0]);
        w.copy[0] = rig_store_new(&w.rig, COW_PAGES, RW);
        make_copy(&w, w.copy[0], origin);
        EXPECT(rig_map(&w.vms[0], &w.copy[0]->fobj, RIG_VA, RW), QUIRE_OK);
        w.origin = origin;
        EXPECT(write_while(&w, save_the_origin), QUIRE_OK);
        EXPECT(w.status, QUIRE_OK);
        cr_expect_eq(origin->saves_of[3], 1);
        cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(3) + 1), 0x22);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(16 + 3)), born(origin, 3));
        push_out(&w.rig, w.copy[0], 3);
        cr_expect_eq(w.copy[0]->saves_of[3], 1);
        cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(3)), 0x77);
        END(&w.rig);
    }
}

static void copy_the_copy(struct world *w)
{
    w->status = quire_fobj_cow_make(&w->rig.pager, w->user, &w->copy[0]->fobj);
}

Test(fobj_cow_races, copy_that_is_being_broken_is_not_copied)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct rig_store *below;
        struct world w;

        world_start(&w, machine(number, 16), 1);
        below = rig_store_new(&w.rig, COW_PAGES, RW);
        w.user = &below->fobj;
        EXPECT(write_while(&w, copy_the_copy), QUIRE_OK);
        EXPECT(w.status, QUIRE_BUSY);
        make_copy(&w, below, w.copy[0]);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(3), 0x78), QUIRE_DENIED);
        EXPECT_PAGES(&w, &w.vms[0], 3, 0x77);
        END(&w.rig);
    }
}

static void invalidate(struct world *w)
{
    w->status = quire_pager_invalidate(&w->rig.pager, &w->copy[0]->fobj, 0, COW_PAGES);
}

Test(fobj_cow_races, copy_that_is_invalidated_on_its_way_is_made_again)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number, 16), 1);
        EXPECT(write_while(&w, invalidate), QUIRE_OK);
        EXPECT(w.status, QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).copies, 1);
        EXPECT_PAGES(&w, &w.vms[0], 3, 0x77);
        END(&w.rig);
    }
}

static void protect(struct world *w)
{
    w->status = quire_vm_protect(&w->vms[0], RIG_AT(2), 2, RIG_READ | USER);
}

static void unmap(struct world *w)
{
    w->status = quire_vm_unmap(&w->vms[0], RIG_AT(2), 2);
}

static void drop(struct world *w)
{
    w->status = quire_vm_drop_range(&w->vms[0], RIG_VA, COW_PAGES);
}

Test(fobj_cow_races, context_changes_while_its_page_is_copied)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number, 16), 1);
        EXPECT_PAGES(&w, &w.vms[0], NONE_DIFFERS, 0);
        EXPECT(write_while(&w, protect), QUIRE_DENIED);
        EXPECT(w.status, QUIRE_OK);
        EXPECT_PAGES(&w, &w.vms[0], NONE_DIFFERS, 0);
        EXPECT(quire_vm_protect(&w.vms[0], RIG_AT(2), 2, RW | USER), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(3), 0x76), QUIRE_OK);
        EXPECT_PAGES(&w, &w.vms[0], 3, 0x76);
        END(&w.rig);

        world_start(&w, machine(number, 16), 1);
        EXPECT_PAGES(&w, &w.vms[0], NONE_DIFFERS, 0);
        EXPECT(write_while(&w, unmap), QUIRE_NOT_FOUND);
        EXPECT(w.status, QUIRE_OK);
        END(&w.rig);

        world_start(&w, machine(number, 16), 1);
        EXPECT_PAGES(&w, &w.vms[0], NONE_DIFFERS, 0);
        EXPECT(write_while(&w, drop), QUIRE_OK);
        EXPECT(w.status, QUIRE_OK);
        EXPECT_PAGES(&w, &w.vms[0], 3, 0x77);
        END(&w.rig);
    }
}

static void pin_the_origin(struct world *w)
{
    w->status = quire_pin_fobj(&w->rig.pager, &w->origin->fobj, 3, 1, false, false, w->user);
}

Test(fobj_cow_races, origins_page_is_pinned_while_it_is_copied)
{
    struct quire_pin pin;
    struct world w;

    world_start(&w, machine(4, 16), 1);
    w.user = &pin;
    EXPECT(write_while(&w, pin_the_origin), QUIRE_OK);
    EXPECT(w.status, QUIRE_OK);
    EXPECT_PAGES(&w, &w.vms[0], 3, 0x77);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    END(&w.rig);
}

/* ---- Death ---- */

static void copy_dies(struct world *w)
{
    EXPECT(quire_vm_unmap(&w->vms[0], RIG_VA, COW_PAGES), QUIRE_OK);
    w->status = rig_store_put(w->copy[0]);
    cr_expect_eq(w->copy[0]->freed, 0);
}

static void all_die(struct world *w)
{
    copy_dies(w);
    EXPECT(quire_vm_unmap(&w->vm, RIG_VA, COW_PAGES), QUIRE_OK);
    EXPECT(rig_store_put(w->origin), QUIRE_OK);
    cr_expect_eq(w->origin->freed, 0);
}

Test(fobj_cow_races, copy_dies_while_its_page_is_copied)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        static const char secret[] = "nobody may find this";
        struct world w;

        world_start(&w, machine(number, 16), 1);
        memcpy(rig_store_page(w.origin, 3), secret, sizeof secret);
        EXPECT(write_while(&w, copy_dies), QUIRE_DEAD);
        EXPECT(w.status, QUIRE_OK);
        cr_expect_eq(w.copy[0]->freed, 1);
        cr_expect_eq(w.origin->freed, 0);
        cr_expect_eq(rig_find(&w.rig, secret, sizeof secret), 1);
        cr_expect_eq(quire_refcount_read(&w.origin->fobj.refs), 2);
        END(&w.rig);

        world_start(&w, machine(number, 16), 1);
        memcpy(rig_store_page(w.origin, 3), secret, sizeof secret);
        EXPECT(write_while(&w, all_die), QUIRE_DEAD);
        cr_expect_eq(w.copy[0]->freed, 1);
        cr_expect_eq(w.origin->freed, 1);
        cr_expect_eq(rig_find(&w.rig, secret, sizeof secret), 0);
        END(&w.rig);
    }
}

static struct world *loading;
static void (*during_load)(struct world *w);

static enum quire_status dies_while_loading(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    (void)io;
    if (loading != NULL && load) {
        struct world *w = loading;

        loading = NULL;
        during_load(w);
    }
    return QUIRE_OK;
}

Test(fobj_cow_races, copy_dies_while_its_origins_page_is_loaded)
{
    unsigned access;

    for (access = RIG_READ; access <= RIG_WRITE; access++) {
        struct world w;

        world_start(&w, machine(0, 16), 1);
        w.origin->before = dies_while_loading;
        during_load = copy_dies;
        loading = &w;
        EXPECT(rig_fault(&w.rig, &w.vms[0], RIG_AT(3), access, NULL), QUIRE_DEAD);
        cr_expect_eq(w.copy[0]->freed, 1);
        cr_expect(is_present(w.origin, 3));
        EXPECT_PAGES(&w, &w.vm, NONE_DIFFERS, 0);
        END(&w.rig);
    }
}

Test(fobj_cow_races, copy_and_origin_die_while_the_origins_page_is_loaded)
{
    unsigned access;

    for (access = RIG_READ; access <= RIG_WRITE; access++) {
        struct world w;

        world_start(&w, machine(0, 16), 1);
        w.origin->before = dies_while_loading;
        during_load = all_die;
        loading = &w;
        EXPECT(rig_fault(&w.rig, &w.vms[0], RIG_AT(3), access, NULL), QUIRE_DEAD);
        cr_expect_eq(w.copy[0]->freed, 1);
        cr_expect_eq(w.origin->freed, 1);
        END(&w.rig);
    }
}

/* ---- Entries that do not go ---- */

Test(fobj_cow_races, stuck_entry_of_the_origins_page_fails_the_write_only)
{
    unsigned number;

    for (number = 0; number < MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number, 16), 2);
        EXPECT_PAGES(&w, &w.vms[0], NONE_DIFFERS, 0);
        EXPECT(quire_sim_stick(&w.rig.sim, &w.vms[0], RIG_AT(3), 1), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(3), 0x77), QUIRE_STUCK);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(cow_stats(&w, w.copy[0]).own, 0);
        EXPECT(rig_fault(&w.rig, &w.vms[1], RIG_AT(3), RIG_WRITE, NULL), QUIRE_STUCK);
        EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(3), 0x77), QUIRE_OK);
        EXPECT_PAGES(&w, &w.vms[0], 3, 0x77);
        EXPECT_PAGES(&w, &w.vms[1], NONE_DIFFERS, 0);
        END(&w.rig);
    }
}

/* ---- During the flush, without the lock ---- */

static struct world *flushing;
static void (*during_flush)(struct world *w);

/* A flush: is it that of an own copy that was just made? */
static void in_flush(void *user, const struct quire_batch *batch)
{
    struct world *w = flushing;
    uint32_t slot;

    (void)user;
    (void)batch;
    if (w == NULL || during_flush == NULL) {
        return;
    }
    slot = w->copy[0]->fobj.slots[3];
    if (quire_slot_kind(slot) == QUIRE_SLOT_PRESENT &&
        quire_pmem_at(&w->rig.pager.pool, quire_slot_value(slot))->state == QUIRE_PAGE_FLUSHING) {
        void (*now)(struct world * w) = during_flush;

        during_flush = NULL;
        now(w);
    }
}

static enum quire_status write_and_flush(struct world *w, void (*now)(struct world *w))
{
    enum quire_status status;

    EXPECT_PAGES(w, &w->vms[0], NONE_DIFFERS, 0); /* so that there is something to flush */
    flushing = w;
    during_flush = now;
    status = rig_poke(&w->rig, &w->vms[0], RIG_AT(3), 0x77);
    flushing = NULL;
    cr_expect_null(during_flush, "nothing was flushed");
    return status;
}

static void late_reader(struct world *w)
{
    w->status = other_fault(w, &w->vms[1], RIG_AT(16 + 3), RIG_READ);
}

static void late_writer(struct world *w)
{
    w->status = other_fault(w, &w->vms[0], RIG_AT(3), RIG_WRITE);
}

Test(fobj_cow_races, nobody_gets_the_own_copy_or_the_origins_page_before_the_flush)
{
    static void (*const now[])(struct world * w) = {late_reader, late_writer, evict_origins_page, evict_the_copy};
    unsigned which;
    unsigned flags;

    for (flags = 0; flags < 4; flags++) {
        for (which = 0; which < sizeof now / sizeof *now; which++) {
            struct rig_config config = machine(4 + flags, 20);
            struct world w;

            config.flushing = in_flush;
            config.eager = true;
            world_start(&w, config, 2);
            EXPECT(rig_map(&w.vms[1], &w.copy[0]->fobj, RIG_AT(16), RW), QUIRE_OK);
            EXPECT(write_and_flush(&w, now[which]), QUIRE_OK);
            EXPECT(w.status, QUIRE_AGAIN);
            EXPECT_SOUND(&w.rig);
            cr_expect_eq(rig_byte(&w.rig, &w.vms[1], RIG_AT(16 + 3)), 0x77);
            EXPECT_PAGES(&w, &w.vms[0], 3, 0x77);
            END(&w.rig);
        }
    }
}

static void dies_in_flush(struct world *w)
{
    EXPECT(quire_vm_unmap(&w->vms[0], RIG_VA, COW_PAGES), QUIRE_OK);
    w->status = rig_store_put(w->copy[0]);
}

Test(fobj_cow_races, copy_dies_while_its_entries_are_flushed)
{
    unsigned flags;

    for (flags = 0; flags < 4; flags++) {
        static const char secret[] = "nobody may find this";
        struct rig_config config = machine(4 + flags, 20);
        struct world w;

        config.flushing = in_flush;
        world_start(&w, config, 1);
        memcpy(rig_store_page(w.origin, 3) + 100, secret, sizeof secret);
        EXPECT(write_and_flush(&w, dies_in_flush), QUIRE_DEAD);
        EXPECT(w.status, QUIRE_OK);
        cr_expect_eq(w.copy[0]->freed, 1);
        cr_expect_eq(rig_find(&w.rig, secret, sizeof secret), 1);
        END(&w.rig);
    }
}

/* Another context flushes a range that shows the copy: what it shows of the origin does not move meanwhile. */
static void evict_in_range_flush(void *user, const struct quire_batch *batch)
{
    struct world *w = flushing;

    (void)user;
    (void)batch;
    if (w != NULL) {
        flushing = NULL;
        evict_origins_page(w);
    }
}

Test(fobj_cow_races, range_that_shows_a_copy_is_flushed_before_the_origins_page_goes)
{
    unsigned flags;

    for (flags = 0; flags < 4; flags++) {
        struct rig_config config = machine(4 + flags, 20);
        struct world w;

        config.flushing = evict_in_range_flush;
        config.eager = true;
        world_start(&w, config, 1);
        EXPECT_PAGES(&w, &w.vms[0], NONE_DIFFERS, 0);
        flushing = &w;
        EXPECT(quire_vm_unmap(&w.vms[0], RIG_VA, COW_PAGES), QUIRE_OK);
        cr_expect_null(flushing);
        EXPECT(w.status, QUIRE_AGAIN);
        END(&w.rig);
    }
}

/* ---- While room is made ---- */

static struct world *saving;

/* A dirty page is being saved to make room for an own copy: somebody wants it back, and makes that copy first. */
static enum quire_status copied_while_saving(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    (void)io;
    if (saving != NULL && !load) {
        struct world *w = saving;

        saving = NULL;
        EXPECT(other_fault(w, &w->vm, RIG_AT(16), RIG_READ), QUIRE_AGAIN);
        w->status = other_fault(w, &w->vms[0], RIG_AT(3), RIG_WRITE);
    }
    return QUIRE_OK;
}

Test(fobj_cow_races, page_that_was_evicted_in_vain_is_told_of)
{
    struct rig_config config = {.pages = 8, .concurrency = 2, .step = 2, .rank_max = 1, .policy = RIG_FIFO};
    struct rig_store *clean;
    struct rig_store *dirty;
    struct world w;
    uint32_t i;

    world_start(&w, config, 1);
    dirty = rig_store_new(&w.rig, 1, RW);
    clean = rig_store_new(&w.rig, 4, RIG_READ);
    EXPECT(rig_map(&w.vm, &dirty->fobj, RIG_AT(16), RW), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &clean->fobj, RIG_AT(24), RIG_READ), QUIRE_OK);
    EXPECT(other_fault(&w, &w.vm, RIG_AT(16), RIG_WRITE), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(16), 1), QUIRE_OK);
    for (i = 0; i < 4u; i++) {
        EXPECT(other_fault(&w, &w.vm, RIG_AT(24 + i), RIG_READ), QUIRE_OK);
    }
    cr_expect_eq(rig_byte(&w.rig, &w.vms[0], RIG_AT(3)), born(w.origin, 3));
    dirty->before = copied_while_saving;
    saving = &w;
    EXPECT(rig_poke(&w.rig, &w.vms[0], RIG_AT(3), 0x77), QUIRE_OK);
    cr_expect_null(saving);
    EXPECT(w.status, QUIRE_OK);
    cr_expect_eq(present(clean), 2);
    EXPECT_PAGES(&w, &w.vms[0], 3, 0x77);
    END(&w.rig);
}

/* ---- While a thread waits ---- */

/* The load of the origin's page, which a thread waits for, is answered; then `meanwhile` happens before the thread goes on. */
static struct world *waiting;
static void (*during_wait)(struct world *w);

static void in_wait(void *user)
{
    (void)user;
    if (waiting != NULL) {
        struct world *w = waiting;

        waiting = NULL;
        EXPECT(rig_answer(&w->rig, 0, QUIRE_OK), QUIRE_OK);
        during_wait(w);
    }
}

static enum quire_status wait_for_origin(struct world *w, unsigned access, void (*meanwhile)(struct world *w))
{
    struct rig_config config = {.pages = 16, .concurrency = 2, .requests = 4, .idle = in_wait};
    struct quire_fault fault = {.va = RIG_AT(3), .access = access, .wait_ok = true};

    world_start(w, config, 0);
    rig_vm_start(&w->rig, &w->vms[0]);
    w->origin = rig_store_pending(&w->rig, COW_PAGES, RW);
    w->copy[0] = rig_store_new(&w->rig, COW_PAGES, RW);
    make_copy(w, w->copy[0], w->origin);
    EXPECT(rig_map(&w->vms[0], &w->copy[0]->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(other_fault(w, &w->vms[0], RIG_AT(3), RIG_READ), QUIRE_AGAIN); /* asked the store, and went away */
    during_wait = meanwhile;
    waiting = w;
    return quire_pager_fault(&w->rig.pager, &w->vms[0], &fault, NULL);
}

Test(fobj_cow_races, page_is_broken_while_its_reader_waits_for_the_origins)
{
    struct world w;

    EXPECT(wait_for_origin(&w, RIG_READ, second_writer), QUIRE_OK);
    cr_expect_null(waiting);
    EXPECT(w.status, QUIRE_OK);
    cr_expect_eq(rig_query(&w.vms[0], RIG_AT(3)).pa.addr,
                 quire_pmem_pa(&w.rig.pager.pool, quire_slot_value(w.copy[0]->slots[3])).addr);
    cr_expect_eq(rig_stats(&w.rig).copies, 1);
    END(&w.rig);
}

static void freeze_the_copy(struct world *w)
{
    struct rig_store *below = rig_store_new(&w->rig, COW_PAGES, RW);

    w->status = quire_fobj_cow_make(&w->rig.pager, &below->fobj, &w->copy[0]->fobj);
}

Test(fobj_cow_races, copy_is_copied_while_its_writer_waits_for_the_origins_page)
{
    struct world w;

    EXPECT(wait_for_origin(&w, RIG_WRITE, freeze_the_copy), QUIRE_DENIED);
    cr_expect_null(waiting);
    EXPECT(w.status, QUIRE_OK);
    cr_expect_eq(rig_stats(&w.rig).copies, 0);
    END(&w.rig);
}

static void fault_in_range_flush(void *user, const struct quire_batch *batch)
{
    struct world *w = flushing;

    (void)user;
    (void)batch;
    if (w != NULL) {
        flushing = NULL;
        w->status = other_fault(w, &w->vms[0], RIG_AT(5), RIG_READ);
    }
}

Test(fobj_cow_races, nothing_of_a_copy_is_mapped_while_a_range_that_shows_it_is_flushed)
{
    struct rig_config config = machine(4, 20);
    struct world w;

    config.flushing = fault_in_range_flush;
    world_start(&w, config, 2);
    EXPECT(rig_map(&w.vms[1], &w.copy[0]->fobj, RIG_AT(16), RW), QUIRE_OK);
    (void)rig_byte(&w.rig, &w.vms[1], RIG_AT(16));
    flushing = &w;
    EXPECT(quire_vm_protect(&w.vms[1], RIG_AT(16), COW_PAGES, USER), QUIRE_OK);
    cr_expect_null(flushing);
    EXPECT(w.status, QUIRE_AGAIN);
    END(&w.rig);
}

Test(fobj_cow_races, copy_is_copied_while_it_is_pinned_to_be_read)
{
    struct quire_pin pin;
    struct world w;

    world_start(&w, machine(0, 16), 1);
    w.origin->before = dies_while_loading;
    during_load = freeze_the_copy;
    loading = &w;
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.copy[0]->fobj, 3, 1, false, false, &pin), QUIRE_OK);
    cr_expect_null(loading);
    EXPECT(w.status, QUIRE_OK);
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    END(&w.rig);
}
