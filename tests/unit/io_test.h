/* What the tests of stores that answer later have in common: a rig and a context, on every machine. */
#ifndef IO_TEST_H
#define IO_TEST_H

#include "rig_test.h"

static struct rig rig;
static struct quire_vm vm;

/* ---- On every kind of hardware, with both ways of flushing ---- */

static inline void everywhere(void (*scenario)(void), struct rig_config config)
{
    unsigned flags;
    unsigned mode;

    for (flags = QUIRE_SIM_HW_ACCESSED_DIRTY; flags <= QUIRE_SIM_NO_FLAGS; flags++) {
        for (mode = 0; mode < 2u; mode++) {
            config.flags = (enum quire_sim_flags)flags;
            config.flush_unlocked = mode != 0;
            rig_start(&rig, &config);
            rig_vm_start(&rig, &vm);
            scenario();
            END(&rig);
        }
    }
}

/* SCENARIO(name, fields of struct rig_config) { what happens }, in the suite IO_SUITE. Nobody waits, unless `idle` is set. */
#define SCENARIO(name, ...)                                    \
    static void name##_(void);                                 \
    Test(IO_SUITE, name, .timeout = 20)                        \
    {                                                          \
        everywhere(name##_, (struct rig_config){__VA_ARGS__}); \
    }                                                          \
    static void name##_(void)

/* The smallest pool for one thread whose instructions need one page; what came first goes first. */
#define SMALLEST .policy = RIG_FIFO, .step = 1, .pages = 2, .requests = 4

/* While the only thread waits, the oldest answer comes. */
static inline void answer_oldest(void *user)
{
    enum quire_status *status = user;

    EXPECT(rig_answer(&rig, 0, status != NULL ? *status : QUIRE_OK), QUIRE_OK);
}

#define WAITING .idle = answer_oldest, .requests = 4

static inline struct rig_store *pending(uint32_t npages, uintptr_t va)
{
    struct rig_store *store = rig_store_pending(&rig, npages, RW);

    EXPECT(rig_map(&vm, &store->fobj, va, RW), QUIRE_OK);
    return store;
}

static inline enum quire_status fault(uint32_t page, unsigned access)
{
    return rig_fault(&rig, &vm, RIG_AT(page), access, NULL);
}

/* Answers all that is due with OK. */
static inline void answer_all(void)
{
    while (rig_pending(&rig) != 0) {
        EXPECT(rig_answer(&rig, 0, QUIRE_OK), QUIRE_OK);
    }
}

/* A page becomes resident though nobody waits: a fault, an answer, and a fault that finds it. */
static inline void bring(uint32_t page)
{
    EXPECT(fault(page, RIG_READ), QUIRE_AGAIN);
    answer_all();
    EXPECT(fault(page, RIG_READ), QUIRE_OK);
}

/* The same, and a byte is written. */
static inline void bring_dirty(uint32_t page, unsigned char byte)
{
    bring(page);
    EXPECT(rig_poke(&rig, &vm, RIG_AT(page), byte), QUIRE_OK);
}

#define NUM(actual, expected) cr_assert_eq((uint64_t)(actual), (uint64_t)(expected), "%s is %ju", #actual, (uintmax_t)(actual))

/* The last put of the only object, which is mapped at RIG_VA. */
static inline void kill(struct rig_store *store)
{
    EXPECT(quire_vm_unmap(&vm, RIG_VA, store->fobj.num_pages), QUIRE_OK);
    EXPECT(rig_store_put(store), QUIRE_OK);
}

#endif
