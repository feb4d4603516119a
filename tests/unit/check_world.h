/* The world in which invariants are violated on purpose, and how that is done. */
#ifndef CHECK_WORLD_H
#define CHECK_WORLD_H

#include "rig_test.h"

#include "quire/fobj_phys.h"

/*
 *   vm   [ data, rw-, 0..5 ][ data, rw-, 6..7 ]  [ code, r-x ]  [ both, rwx ]  [ unpaged ]
 *   vm2  [ data, rw-, 0..7 ]
 *
 * Resident: page 0 of `data`, written and in both contexts; page 1, only read, in vm; page 2, shown nowhere; page 0 of `code`;
 * page 0 of `both`, written and executed.
 */
struct world {
    struct rig rig;
    struct quire_vm vm;
    struct quire_vm vm2;
    struct rig_store *data;
    struct rig_store *code;
    struct rig_store *both;
    struct quire_fobj_phys phys;
    struct quire_area *low; /* of vm, 0..5 */
    struct quire_area *high;
    struct quire_area *other; /* of vm2 */
};

#define CODE RIG_AT(16)
#define BOTH RIG_AT(24)
#define UNPAGED RIG_AT(32)

static inline void map_both(struct world *w)
{
    struct quire_mapping mapping = {.fobj = &w->both->fobj, .va = BOTH, .prot = QUIRE_PROT_ALL, .wx = true};
    unsigned char byte;

    EXPECT(quire_vm_map(&w->vm, &mapping, NULL), QUIRE_OK);
    EXPECT(rig_poke(&w->rig, &w->vm, BOTH, 1), QUIRE_OK);
    EXPECT(rig_exec(&w->rig, &w->vm, BOTH, &byte, 1), QUIRE_OK);
}

static inline void map_unpaged(struct world *w)
{
    struct quire_fobj_phys_config config = {.pa = {RIG_PA + 16u * RIG_PAGE}, .npages = 4, .max_prot = RW};

    EXPECT(quire_fobj_phys_init(&w->phys, &config), QUIRE_OK);
    EXPECT(rig_map(&w->vm, &w->phys.base, UNPAGED, RW), QUIRE_OK);
    EXPECT(quire_fobj_put(&w->phys.base), QUIRE_OK); /* the area keeps it */
    EXPECT(rig_poke(&w->rig, &w->vm, UNPAGED, 1), QUIRE_OK);
}

static inline void world_start(struct world *w)
{
    struct rig_config config = {.more_pages = 4, .flags = QUIRE_SIM_HW_ACCESSED};
    struct quire_mapping mapping = {.va = RIG_VA, .npages = 6, .prot = RW | USER};
    unsigned char byte;

    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    rig_vm_start(&w->rig, &w->vm2);
    w->data = rig_store_new(&w->rig, 8, RW);
    w->code = rig_store_new(&w->rig, 2, RX);
    w->both = rig_store_new(&w->rig, 2, QUIRE_PROT_RWX);
    mapping.fobj = &w->data->fobj;
    EXPECT(quire_vm_map(&w->vm, &mapping, NULL), QUIRE_OK);
    mapping.va = RIG_AT(6);
    mapping.first = 6;
    mapping.npages = 0;
    EXPECT(quire_vm_map(&w->vm, &mapping, NULL), QUIRE_OK);
    EXPECT(rig_map(&w->vm2, &w->data->fobj, RIG_VA, RW), QUIRE_OK);
    EXPECT(rig_map(&w->vm, &w->code->fobj, CODE, RX), QUIRE_OK);
    EXPECT(rig_poke(&w->rig, &w->vm, RIG_VA, 1), QUIRE_OK);
    EXPECT(rig_poke(&w->rig, &w->vm2, RIG_VA, 1), QUIRE_OK);
    EXPECT(rig_read(&w->rig, &w->vm, RIG_AT(1), &byte, 1), QUIRE_OK);
    EXPECT(rig_read(&w->rig, &w->vm, RIG_AT(2), &byte, 1), QUIRE_OK);
    EXPECT(quire_vm_drop_range(&w->vm, RIG_AT(2), 1), QUIRE_OK);
    EXPECT(rig_exec(&w->rig, &w->vm, CODE, &byte, 1), QUIRE_OK);
    map_both(w);
    map_unpaged(w);
    w->low = quire_vm_area_at(&w->vm, RIG_VA);
    w->high = quire_vm_area_at(&w->vm, RIG_AT(6));
    w->other = quire_vm_area_at(&w->vm2, RIG_VA);
    EXPECT_SOUND(&w->rig);
}

static inline uint32_t number_of(const struct rig_store *store, uint32_t page)
{
    cr_assert_eq(quire_slot_kind(store->slots[page]), QUIRE_SLOT_PRESENT);
    return quire_slot_value(store->slots[page]);
}

static inline struct quire_pmem *page_of(struct world *w, const struct rig_store *store, uint32_t page)
{
    return quire_pmem_at(&w->rig.pager.pool, number_of(store, page));
}

static inline struct quire_pmem *free_page(struct world *w)
{
    return quire_pmem_at(&w->rig.pager.pool, w->rig.pager.pool.free);
}

/* ---- Planting ---- */

static inline void expect_named(struct world *w, const char *what, int line)
{
    struct quire_violation violation;

    cr_expect(quire_pager_check(&w->rig.pager, &violation) == QUIRE_CORRUPT, "line %d: not seen: %s", line, what);
    cr_expect(violation.what != NULL && strcmp(violation.what, what) == 0, "line %d: %s, not %s", line,
              violation.what != NULL ? violation.what : "nothing", what);
    cr_expect(violation.what == NULL || violation.object != NULL, "line %d: nothing is said to be at fault", line);
}

#define NAMED(w, what) expect_named((w), (what), __LINE__)

/* Sets something of the structures to a wrong value, sees it named, and sets it right. */
#define PLANT(w, lvalue, value, what)         \
    do {                                      \
        unsigned char kept[sizeof(lvalue)];   \
        memcpy(kept, &(lvalue), sizeof kept); \
        (lvalue) = (value);                   \
        expect_named((w), (what), __LINE__);  \
        memcpy(&(lvalue), kept, sizeof kept); \
        expect_sound(&(w)->rig, __LINE__);    \
    } while (0)

#endif
