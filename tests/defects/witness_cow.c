/* What must be seen to go wrong when a copy on write is not minded (list_cow). */
#include "witness.h"

#include "quire/fobj_cow.h"

/* 6 pages at RIG_VA of vm[0], a copy of them at RIG_AT(8), shown in vm[1] too, and a copy of that, to come, at RIG_AT(16). */
static struct rig_store *origin;
static struct rig_store *copy;

static struct rig_store *copy_of(struct rig_store *store, struct quire_vm *in, uintptr_t va)
{
    struct rig_store *made = rig_store_new(&rig, 6, RW);

    OK(quire_fobj_cow_make(&rig.pager, &made->fobj, &store->fobj));
    OK(rig_map(in, &made->fobj, va, RW));
    return made;
}

static void begin(void)
{
    origin = shown(&vm[0], RIG_VA, 6, RIG_READ);
    copy = copy_of(origin, &vm[0], RIG_AT(8));
    OK(rig_map(&vm[1], &copy->fobj, RIG_AT(8), RW));
}

static int at(struct quire_vm *in, uint32_t page)
{
    return rig_byte(&rig, in, RIG_AT(page));
}

static int born(uint32_t page)
{
    return rig_born(origin->tag, page, 0);
}

static void write_at(struct quire_vm *in, uint32_t page, unsigned char byte)
{
    OK(rig_poke(&rig, in, RIG_AT(page), byte));
}

static void push_out(struct rig_store *store, uint32_t page)
{
    struct quire_pa pa = quire_pmem_pa(&rig.pager.pool, quire_slot_value(store->slots[page]));

    OK(quire_pager_remove_pages(&rig.pager, pa, 1, false));
    OK(quire_pager_give_back(&rig.pager, pa, 1));
}

WITNESS(a_copy_never_writes_its_origins_page, .pages = 16)
{
    begin();
    EXPECT(at(&vm[0], 8) == born(0));
    write_at(&vm[0], 8, 0x71);
    EXPECT(at(&vm[0], 0) == born(0));
    EXPECT(at(&vm[0], 8) == 0x71);
}

WITNESS(an_entry_made_ahead_writes_no_origins_page, .pages = 16, .around = 8)
{
    begin();
    EXPECT(at(&vm[0], 0) == born(0));
    EXPECT(at(&vm[0], 1) == born(1));
    EXPECT(at(&vm[0], 8) == born(0));
    write_at(&vm[0], 9, 0x71);
    EXPECT(at(&vm[0], 1) == born(1));
}

WITNESS(own_copies_come_back, .pages = 6)
{
    struct quire_pin pin;
    uint32_t i;

    begin();
    OK(quire_pin_fobj(&rig.pager, &copy->fobj, 5, 1, false, false, &pin)); /* its own, and never written */
    OK(quire_unpin(&pin));
    for (i = 0; i < 5; i++) {
        write_at(&vm[0], 8 + i, (unsigned char)(0x60 + i));
    }
    for (i = 0; i < 24; i++) {
        EXPECT(at(&vm[0], 8 + i * 5 % 6) == (i * 5 % 6 < 5 ? 0x60 + (int)(i * 5 % 6) : born(5)));
        EXPECT(at(&vm[0], i % 6) == born(i % 6));
        sound();
    }
}

WITNESS(an_evicted_page_leaves_every_copy, .pages = 24)
{
    uint32_t i;

    begin();
    write_at(&vm[0], 9, 0x71);
    (void)copy_of(copy, &vm[0], RIG_AT(16));
    (void)copy_of(origin, &vm[0], RIG_AT(24));
    EXPECT(at(&vm[0], 24) == born(0));
    for (i = 0; i < 2; i++) {
        EXPECT(at(&vm[0], i) == born(i));
        EXPECT(at(&vm[0], 8 + i) == (i == 1 ? 0x71 : born(0)));
        EXPECT(at(&vm[1], 8 + i) == (i == 1 ? 0x71 : born(0)));
        EXPECT(at(&vm[0], 16 + i) == (i == 1 ? 0x71 : born(0)));
    }
    sound();
    push_out(origin, 0);
    push_out(origin, 1);
    sound();
    push_out(copy, 1);
    sound();
    EXPECT(at(&vm[0], 17) == 0x71);
}

WITNESS(a_copy_is_one_in_all_its_contexts, .pages = 16)
{
    begin();
    EXPECT(at(&vm[1], 8) == born(0));
    write_at(&vm[0], 8, 0x71);
    sound();
    EXPECT(at(&vm[1], 8) == 0x71);
}

WITNESS(nobody_reads_the_origin_once_the_copy_is_written, .pages = 16, .eager = true, .cpus = 2)
{
    unsigned char byte = 0;

    begin();
    OK(rig_access(&rig, 1, 0, &vm[1], RIG_AT(8), RIG_READ, &byte, 1));
    EXPECT(at(&vm[0], 8) == born(0));
    write_at(&vm[0], 8, 0x71);
    OK(rig_access(&rig, 1, 0, &vm[1], RIG_AT(8), RIG_READ, &byte, 1));
    EXPECT(byte == 0x71);
}

WITNESS(what_was_copied_stands_still, .pages = 16, .eager = true)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 6, RW);
    unsigned char byte = 0x72;

    write_byte(0, &vm[0], RIG_VA, 0x71);
    (void)copy_of(store, &vm[1], RIG_VA);
    SAYS(QUIRE_DENIED, rig_access(&rig, 0, 0, &vm[0], RIG_VA, RIG_WRITE, &byte, 1));
    EXPECT(at(&vm[1], 0) == 0x71);
}

WITNESS(what_a_device_writes_is_not_copied, .pages = 16)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 6, RW);
    struct rig_store *made = rig_store_new(&rig, 6, RW);
    struct quire_pin pin;

    OK(quire_pin_fobj(&rig.pager, &store->fobj, 0, 1, true, false, &pin));
    SAYS(QUIRE_BUSY, quire_fobj_cow_make(&rig.pager, &made->fobj, &store->fobj));
    OK(quire_unpin(&pin));
}

WITNESS(areas_of_a_copy_end_with_all_their_entries, .pages = 16)
{
    uint32_t i;

    begin();
    write_at(&vm[0], 9, 0x71);
    for (i = 0; i < 6; i++) {
        EXPECT(at(&vm[0], 8 + i) == (i == 1 ? 0x71 : born(i)));
        EXPECT(at(&vm[0], i) == born(i));
    }
    OK(quire_vm_drop_range(&vm[0], RIG_AT(8), 6));
    sound();
    OK(quire_vm_unmap(&vm[0], RIG_AT(8), 6));
    sound();
}

WITNESS(a_stuck_own_copy_does_not_concern_its_origin, .pages = 16)
{
    begin();
    OK(rig_map(&vm[1], &origin->fobj, RIG_VA, RIG_READ));
    write_at(&vm[0], 9, 0x71);
    EXPECT(at(&vm[0], 1) == born(1));
    EXPECT(at(&vm[1], 1) == born(1));
    OK(quire_sim_stick(&rig.sim, &vm[0], RIG_AT(9), 1));
    SAYS(QUIRE_STUCK, quire_vm_drop_range(&vm[0], RIG_AT(8), 6));
    sound();
    EXPECT(at(&vm[0], 1) == born(1));
    OK(quire_pager_unstick(&rig.pager));
}

/* A page is saved to make room for an own copy: who asks for that meanwhile must wait, and not be shown the origin's. */
static enum quire_status read_meanwhile(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)io;
    if (!load) {
        store->before = NULL;
        SAYS(QUIRE_AGAIN, fault_of(1, &vm[1], RIG_AT(8), RIG_READ));
    }
    return QUIRE_OK;
}

WITNESS(an_own_copy_is_nobody_elses_while_room_is_made, .policy = RIG_FIFO, .pages = 6, .step = 2, .concurrency = 2)
{
    uint32_t i;

    begin();
    write_at(&vm[0], 8, 0x71);
    push_out(copy, 0);
    for (i = 1; i < 4; i++) {
        write_at(&vm[0], 8 + i, 0x72);
    }
    EXPECT(at(&vm[0], 0) == born(0));
    copy->before = read_meanwhile;
    EXPECT(at(&vm[0], 8) == 0x71);
    EXPECT(copy->before == NULL);
}

static bool in_flush;

static void evict_origins_page(void *user, const struct quire_batch *batch)
{
    (void)user;
    (void)batch;
    if (in_flush) {
        struct quire_pa pa = quire_pmem_pa(&rig.pager.pool, quire_slot_value(origin->slots[0]));

        in_flush = false;
        SAYS(QUIRE_AGAIN, quire_pager_remove_pages(&rig.pager, pa, 1, false));
    }
}

WITNESS(a_range_is_flushed_before_the_origins_page_goes, .pages = 16, .eager = true, .flushing = evict_origins_page)
{
    begin();
    EXPECT(at(&vm[0], 8) == born(0));
    in_flush = unlocked;
    OK(quire_vm_unmap(&vm[0], RIG_AT(8), 6));
    EXPECT(!in_flush);
}

WITNESS(a_dead_copy_is_forgotten, .pages = 16)
{
    begin();
    write_at(&vm[0], 8, 0x71);
    OK(quire_vm_unmap(&vm[0], RIG_AT(8), 6));
    OK(quire_vm_unmap(&vm[1], RIG_AT(8), 6));
    OK(rig_store_put(copy));
    EXPECT(copy->freed == 1);
    EXPECT(origin->fobj.children == NULL);
    OK(quire_vm_unmap(&vm[0], RIG_VA, 6));
    OK(rig_store_put(origin));
    EXPECT(origin->freed == 1);
}

WITNESS(a_pin_sees_what_is_written, .pages = 16)
{
    struct quire_pin pin;
    struct quire_pa pa;

    begin();
    EXPECT(at(&vm[0], 8) == born(0));
    OK(quire_pin_fobj(&rig.pager, &copy->fobj, 0, 1, false, false, &pin));
    OK(quire_pin_pa(&pin, 0, &pa));
    write_at(&vm[0], 8, 0x71);
    EXPECT(*quire_sim_bytes(&rig.sim, pa) == 0x71);
    OK(quire_unpin(&pin));
}

WITNESS(no_page_shows_with_two_attributes, .pages = 16)
{
    struct quire_mapping mapping = {.prot = RIG_READ, .va = RIG_AT(24), .attr = 7};

    begin();
    OK(quire_vm_unmap(&vm[0], RIG_AT(8), 6));
    OK(quire_vm_unmap(&vm[1], RIG_AT(8), 6));
    mapping.fobj = &copy->fobj;
    SAYS(QUIRE_CONFLICT, quire_vm_map(&vm[0], &mapping, NULL));
}
