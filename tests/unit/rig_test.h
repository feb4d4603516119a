/* What the unit tests on the rig (tests/support/rig.h) have in common. */
#ifndef RIG_TEST_H
#define RIG_TEST_H

#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "random.h"
#include "rig.h"

#define RW (RIG_READ | RIG_WRITE)
#define RX (RIG_READ | RIG_EXEC)
#define USER QUIRE_PROT_USER

/* The i-th physical page of the rig's. */
#define PA(i) quire_pa_make(RIG_PA + ((uint64_t)(i) << QUIRE_PAGE_SHIFT))

/* Expects a status, and names the one that came. */
#define EXPECT(call, expected) expect_status((call), (expected), #call, __LINE__)

static inline void expect_status(enum quire_status status, enum quire_status expected, const char *call, int line)
{
    cr_expect(status == expected, "line %d: %s is %s, not %s", line, call, quire_status_name(status),
              quire_status_name(expected));
}

/* Expects all invariants to hold, and the machine's oracle to have seen nothing wrong. */
#define EXPECT_SOUND(rig) expect_sound((rig), __LINE__)

static inline void expect_sound(struct rig *rig, int line)
{
    const char *wrong = rig_wrong(rig);

    cr_expect(wrong == NULL, "line %d: %s", line, wrong != NULL ? wrong : "");
}

/* The end of every test: nothing is wrong, and everything can be given back. */
#define END(rig)           \
    do {                   \
        EXPECT_SOUND(rig); \
        rig_stop(rig);     \
    } while (0)

/* An object without a save operation: its store is the rig's otherwise. */
static inline struct rig_store *store_that_never_saves(struct rig *rig, uint32_t npages, unsigned max_prot)
{
    struct rig_store *store = rig_store_new(rig, npages, max_prot);

    store->ops.save = NULL;
    store->watch.ops.save = NULL;
    return store;
}

static inline bool is_present(const struct rig_store *store, uint32_t pgidx)
{
    return quire_slot_kind(store->fobj.slots[pgidx]) == QUIRE_SLOT_PRESENT;
}

/* How many pages of the store are. */
static inline uint32_t present(const struct rig_store *store)
{
    uint32_t n = 0;
    uint32_t i;

    for (i = 0; i < store->fobj.num_pages; i++) {
        n += is_present(store, i);
    }
    return n;
}

/* Evicts page `pgidx`, if it is there, whatever its policy thinks of it. */
static inline void push_out(struct rig *rig, const struct rig_store *store, uint32_t pgidx)
{
    if (is_present(store, pgidx)) {
        struct quire_pa pa = quire_pmem_pa(&rig->pager.pool, quire_slot_value(store->fobj.slots[pgidx]));

        EXPECT(quire_pager_remove_pages(&rig->pager, pa, 1, false), QUIRE_OK);
        EXPECT(quire_pager_give_back(&rig->pager, pa, 1), QUIRE_OK);
    }
}

/* The bytes of a store's page as it was born stand at `va`. */
static inline bool born_at(struct rig *rig, struct quire_vm *vm, uintptr_t va, const struct rig_store *store, uint32_t pgidx)
{
    unsigned char bytes[64];
    size_t i;

    if (rig_read(rig, vm, va, bytes, sizeof bytes) != QUIRE_OK) {
        return false;
    }
    for (i = 0; i < sizeof bytes && bytes[i] == rig_born(store->tag, pgidx, i); i++) {
    }
    return i == sizeof bytes;
}

#endif
