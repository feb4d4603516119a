/* What the unit tests of copies on write have in common: an origin, copies of it, and contexts that show them. */
#ifndef COW_TEST_H
#define COW_TEST_H

#include "rig_test.h"

#include "quire/fobj_cow.h"

#define COW_PAGES 8u
#define COW_COPIES 3u

struct world {
    struct rig rig;
    struct quire_mmu mmu;               /* the rig's hooks, but that unlock_hook() may come between */
    struct quire_vm vm;                 /* shows the origin, to be read */
    struct quire_vm vms[COW_COPIES];    /* show the copies */
    struct rig_store *origin;           /* COW_PAGES pages at RIG_VA */
    struct rig_store *copy[COW_COPIES]; /* likewise */
    /* Called when the lock was dropped while an own copy is being made, once. */
    void (*meanwhile)(struct world *w);
    enum quire_status status; /* what that got */
    void *user;
};

static struct world *cow_world_now_;

/* Is an own copy of some page of copy 0 being made? */
static inline bool is_copying(const struct world *w)
{
    uint32_t i;

    for (i = 0; w->copy[0] != NULL && i < COW_PAGES; i++) {
        uint32_t slot = w->copy[0]->fobj.slots[i];

        if (quire_slot_kind(slot) == QUIRE_SLOT_PRESENT && (slot & QUIRE_SLOT_OWN) == 0) {
            return true;
        }
    }
    return false;
}

static inline void unlock_hook_(void *ctx, uintptr_t key)
{
    struct world *w = cow_world_now_;
    void (*meanwhile)(struct world * w) = w->meanwhile;
    bool now = meanwhile != NULL && is_copying(w);

    quire_sim_hooks(&w->rig.sim)->unlock(ctx, key);
    if (now) {
        w->meanwhile = NULL;
        meanwhile(w);
    }
}

/* What stands at page i of a store in the beginning. */
static inline int born(const struct rig_store *store, uint32_t i)
{
    return rig_born(store->tag, i, 0);
}

/* Makes `copy` a copy of `origin`, where that must succeed. */
static inline void make_copy(struct world *w, struct rig_store *copy, struct rig_store *origin)
{
    EXPECT(quire_fobj_cow_make(&w->rig.pager, &copy->fobj, &origin->fobj), QUIRE_OK);
}

/* An origin that can be written, mapped to be read, and `copies` of it that are mapped to be written. */
static inline void world_start(struct world *w, struct rig_config config, unsigned copies)
{
    unsigned i;

    memset(w, 0, sizeof *w);
    rig_start(&w->rig, &config);
    if (!config.lockless) {
        w->mmu = *quire_sim_hooks(&w->rig.sim);
        w->mmu.unlock = unlock_hook_;
        w->rig.pager.mmu = &w->mmu;
        cow_world_now_ = w;
    }
    rig_vm_start(&w->rig, &w->vm);
    w->origin = rig_store_new(&w->rig, COW_PAGES, RW);
    EXPECT(rig_map(&w->vm, &w->origin->fobj, RIG_VA, RIG_READ), QUIRE_OK);
    for (i = 0; i < copies; i++) {
        rig_vm_start(&w->rig, &w->vms[i]);
        w->copy[i] = rig_store_new(&w->rig, COW_PAGES, RW);
        make_copy(w, w->copy[i], w->origin);
        EXPECT(rig_map(&w->vms[i], &w->copy[i]->fobj, RIG_VA, RW), QUIRE_OK);
    }
}

static inline struct quire_cow_stats cow_stats(struct world *w, struct rig_store *store)
{
    struct quire_cow_stats stats;

    EXPECT(quire_fobj_cow_stats(&w->rig.pager, &store->fobj, &stats), QUIRE_OK);
    return stats;
}

/* Do all pages at RIG_VA hold what the origin was born with, but page `but`, which holds `byte`? */
static inline void expect_pages(struct world *w, struct quire_vm *vm, uint32_t but, int byte, int line)
{
    uint32_t i;

    for (i = 0; i < COW_PAGES; i++) {
        int is = rig_byte(&w->rig, vm, RIG_AT(i));
        int due = i == but ? byte : born(w->origin, i);

        cr_expect(is == due, "line %d: page %u has %d, not %d", line, i, is, due);
    }
}

#define EXPECT_PAGES(w, vm, but, byte) expect_pages((w), (vm), (but), (byte), __LINE__)
#define NONE_DIFFERS UINT32_MAX

#endif
