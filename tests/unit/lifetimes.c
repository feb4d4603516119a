/* The lives of what is not sealed, and of copies; who keeps an object alive; and pages that an MMU does not let go of. */
#define LIFETIMES lifetimes
#include "lifetimes_test.h"

#include "quire/fobj_phys.h"

LIFE(plain_object, PLAIN)
LIFE(object_of_clusters, CLUSTERED)
LIFE(verified_object, HASHES)
LIFE(object_with_a_paged_list, LIST_PAGED)
LIFE(object_with_a_hash_tree, TREE)
LIFE(relocated_object, RELOCATED)
LIFE(object_of_zeros, ZERO)
LIFE(object_of_a_late_store, LATE)
LIFE(copy_on_write, COPY)
LIFE(copy_of_a_copy, COPY_COPY)

/* ---- Who keeps it alive ---- */

/* Its creator, two contexts and a pin: each of the 24 orders in which they let go. */
#define HOLDERS 4u

static void let_go(unsigned holder)
{
    unsigned i;

    if (holder < 2u) {
        EXPECT(quire_vm_unmap(&w.vm[holder], RIG_VA, PAGES), QUIRE_OK);
        w.shown[holder] = false;
    } else if (holder == 2u) {
        EXPECT(quire_unpin(&w.pin), QUIRE_OK);
    } else {
        for (i = 0; i < BODIES && w.body[i].fobj != NULL; i++) {
            w.body[i].put = true;
            EXPECT(quire_fobj_put(w.body[i].fobj), QUIRE_OK);
        }
    }
}

static void let_go_in_order(enum kind kind, unsigned number, unsigned order)
{
    bool left[HOLDERS] = {true, true, true, true};
    bool gone;
    unsigned i;
    uint32_t page;

    start(kind, number, DIES, 0);
    for (page = 0; page < PAGES; page++) {
        touch(0, page, w.writable);
        touch(1, page, false);
    }
    pin(3);
    cr_assert_not_null(w.pin.fobj);
    for (i = 0; i < HOLDERS; i++) {
        unsigned nth = order % (HOLDERS - i);
        unsigned holder;

        order /= HOLDERS - i;
        for (holder = 0; !left[holder] || nth-- != 0; holder++) {
        }
        left[holder] = false;
        let_go(holder);
        /* The second context shows what a copy is a copy of. */
        gone = !left[0] && !left[2] && !left[3] && (kind == COPY || kind == COPY_COPY || !left[1]);
        cr_expect_eq(w.body[0].released, gone, "%s: released when %u of %u have let go", w.what, i + 1u, HOLDERS);
        for (page = 0; page < PAGES && i + 1u < HOLDERS; page++) { /* who still has it sees it all */
            if (w.shown[0]) {
                touch(0, page, w.writable);
            }
            if (w.shown[1]) {
                touch(1, page, false);
            }
        }
        EXPECT_SOUND(&w.rig);
    }
    w.dead = true;
    finish(kind);
}

Test(lifetimes, object_lives_until_contexts_pins_and_its_creator_have_let_go_in_any_order, .timeout = 60)
{
    unsigned order;
    unsigned kind;

    for (kind = 0; kind < KINDS; kind++) {
        for (order = kind % rig_stride(5); order < 24u; order += rig_stride(5)) {
            let_go_in_order((enum kind)kind, (kind * 24u + order) % RIG_MACHINES, order);
        }
    }
}

/* ---- An MMU that does not let go ---- */

Test(lifetimes, page_that_an_mmu_holds_on_to_is_wiped_before_it_is_anyones_again, .timeout = 60)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number += rig_stride(3)) {
        enum kind kind = number % 2u != 0 ? SEALED : PLAIN;

        start(kind, number, DIES, 0);
        touch(0, 2, true);
        EXPECT(quire_sim_stick(&w.rig.sim, &w.vm[0], RIG_AT(2), 1), QUIRE_OK);
        EXPECT(quire_vm_unmap(&w.vm[1], RIG_VA, PAGES), QUIRE_OK);
        EXPECT(quire_vm_unmap(&w.vm[0], RIG_VA, PAGES), QUIRE_STUCK);
        w.body[0].put = true;
        EXPECT(quire_fobj_put(w.body[0].fobj), QUIRE_OK);
        cr_expect_eq(w.body[0].released, 0, "a context shows it still");
        cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_QUARANTINED], 1);
        touch_foreign(0);
        EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
        EXPECT(quire_vm_unmap(&w.vm[0], RIG_VA, PAGES), QUIRE_OK);
        w.shown[0] = w.shown[1] = false;
        w.dead = true;
        finish(kind);
    }
}

/* ---- What is not paged ---- */

static unsigned phys_released;

static void phys_release(void *ctx, struct quire_fobj *fobj)
{
    struct quire_fobj_phys *phys = ctx;

    cr_expect_eq(fobj, &phys->base);
    phys_released++;
    memset(phys, POISON, sizeof *phys);
}

Test(lifetimes, memory_that_is_not_paged_lives_until_contexts_and_its_creator_have_let_go, .timeout = 60)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES * 6u; number++) {
        struct quire_fobj_phys_config config = {.pa = {RIG_PA + 16u * RIG_PAGE}, .npages = 4, .max_prot = RW};
        struct rig_config machine = rig_machine(number % RIG_MACHINES, (struct rig_config){.pages = 16, .more_pages = 4});
        struct quire_fobj_phys phys;
        struct quire_vm vm[2];
        struct rig rig;
        unsigned order = number / RIG_MACHINES;
        unsigned i;

        phys_released = 0;
        config.ctx = &phys;
        config.release = phys_release;
        rig_start(&rig, &machine);
        EXPECT(quire_fobj_phys_init(&phys, &config), QUIRE_OK);
        for (i = 0; i < 2u; i++) {
            rig_vm_start(&rig, &vm[i]);
            EXPECT(rig_map(&vm[i], &phys.base, RIG_VA, RW), QUIRE_OK);
            EXPECT(rig_write(&rig, &vm[i], RIG_AT(i) + AT, secret, sizeof secret), QUIRE_OK);
        }
        for (i = 0; i < 3u; i++) {
            unsigned holder = (order % 3u + (order < 3u ? i : 3u - i)) % 3u; /* rotations, both ways */

            EXPECT(holder < 2u ? quire_vm_unmap(&vm[holder], RIG_VA, 4) : quire_fobj_put(&phys.base), QUIRE_OK);
            cr_expect_eq(phys_released, i == 2u);
            EXPECT_SOUND(&rig);
        }
        cr_expect(is_all(&phys, sizeof phys, POISON), "written to after its end");
        EXPECT(rig_fault(&rig, &vm[0], RIG_VA, RIG_READ, NULL), QUIRE_NOT_FOUND);
        cr_expect_eq(rig_find(&rig, secret, sizeof secret), 2, "whoever hands it on wipes it, in `release`");
        END(&rig);
    }
}
