/* pager.h: stores that fail, and each way a store can lie. */
#include "rig_test.h"

struct world {
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;
};

static void world_start(struct world *w, struct rig_config config)
{
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    w->store = rig_store_new(&w->rig, 16, RW);
    EXPECT(rig_map(&w->vm, &w->store->fobj, RIG_VA, RW), QUIRE_OK);
}

static struct rig_config five_pages(void)
{
    struct rig_config config = {.pages = 5, .policy = RIG_FIFO, .flags = QUIRE_SIM_HW_ACCESSED};

    return config;
}

/* What a store may answer, and what becomes of it. */
struct answer {
    int given;
    enum quire_status got;
};

static const struct answer answers[] = {
    {QUIRE_IO, QUIRE_IO},
    {QUIRE_INTEGRITY, QUIRE_INTEGRITY},
    {QUIRE_NO_MEMORY, QUIRE_NO_MEMORY},
    /* Lies: answers whose place is kept for a later version, ... */
    {QUIRE_PENDING, QUIRE_BAD_ANSWER},
    {QUIRE_NEED, QUIRE_BAD_ANSWER},
    /* ... that are the pager's own to give, ... */
    {QUIRE_INVALID, QUIRE_BAD_ANSWER},
    {QUIRE_EXISTS, QUIRE_BAD_ANSWER},
    {QUIRE_NOT_FOUND, QUIRE_BAD_ANSWER},
    {QUIRE_DENIED, QUIRE_BAD_ANSWER},
    {QUIRE_CONFLICT, QUIRE_BAD_ANSWER},
    {QUIRE_NO_PAGE, QUIRE_BAD_ANSWER},
    {QUIRE_NO_TABLE, QUIRE_BAD_ANSWER},
    {QUIRE_NO_SPACE, QUIRE_BAD_ANSWER},
    {QUIRE_BUSY, QUIRE_BAD_ANSWER},
    {QUIRE_AGAIN, QUIRE_BAD_ANSWER},
    {QUIRE_DEAD, QUIRE_BAD_ANSWER},
    {QUIRE_STUCK, QUIRE_BAD_ANSWER},
    {QUIRE_LIMIT, QUIRE_LIMIT},
    {QUIRE_DIRTY, QUIRE_BAD_ANSWER},
    {QUIRE_BAD_ANSWER, QUIRE_BAD_ANSWER},
    {QUIRE_UNDERFLOW, QUIRE_BAD_ANSWER},
    {QUIRE_MISMATCH, QUIRE_BAD_ANSWER},
    {QUIRE_CORRUPT, QUIRE_BAD_ANSWER},
    /* ... and that are no status at all. */
    {1, QUIRE_BAD_ANSWER},
    {4096, QUIRE_BAD_ANSWER},
    {INT32_MAX, QUIRE_BAD_ANSWER},
    {-24, QUIRE_BAD_ANSWER},
    {-4096, QUIRE_BAD_ANSWER},
    {INT32_MIN, QUIRE_BAD_ANSWER},
};

#define ANSWERS (sizeof answers / sizeof answers[0])

/* An enum need not hold every int: the bytes of the answer are what a store in another language would return. */
static enum quire_status as_status(int value)
{
    enum quire_status status = QUIRE_OK;

    memcpy(&status, &value, sizeof status < sizeof value ? sizeof status : sizeof value);
    return status;
}

/* ---- Loads ---- */

Test(pager_store, load_that_fails_or_lies_gives_its_status_and_a_retry_may_succeed)
{
    size_t i;

    for (i = 0; i < ANSWERS; i++) {
        struct rig_config config = {0};
        struct quire_fault_result out;
        struct world w;
        bool lie = answers[i].got == QUIRE_BAD_ANSWER;

        world_start(&w, config);
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(1), w.store, 1));
        rig_fail(&w.store->load_fails, 1, 1, as_status(answers[i].given));
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, &out), answers[i].got);
        cr_expect_eq(out.kind, QUIRE_FAULT_REFUSED);
        EXPECT(out.store, answers[i].got);
        cr_expect_eq(rig_stats(&w.rig).load_failures, 1);
        cr_expect_eq(rig_stats(&w.rig).bad_answers, lie ? 1 : 0);
        cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_RESIDENT], 1, "its page is free again");
        EXPECT_SOUND(&w.rig);
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(1), w.store, 1), "others are as they were");
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(2), w.store, 2), "others go on");
        cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0), "a retry succeeds");
        END(&w.rig);
    }
}

Test(pager_store, load_that_fails_leaves_the_store_what_it_was_given)
{
    struct world w;
    uint32_t i;

    world_start(&w, five_pages());
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 77), QUIRE_OK);
    for (i = 1; i < 16; i++) {
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(i), w.store, i));
    }
    cr_expect_eq(w.store->saves_of[0], 1);
    rig_fail(&w.store->load_fails, 1, 1, QUIRE_IO);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_IO);
    cr_expect_eq(quire_slot_kind(w.store->slots[0]), QUIRE_SLOT_STORED);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_VA), 77);
    END(&w.rig);
}

static bool said_stored[16];

static enum quire_status note_stored(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    cr_expect_eq(io->npages, 1);
    cr_expect_eq(io->ticket, 0);
    cr_expect_null(io->need_fobj);
    if (load) {
        said_stored[io->pgidx] = io->stored;
    }
    return QUIRE_OK;
}

Test(pager_store, store_is_told_whether_it_was_given_the_page_before)
{
    struct world w;
    uint32_t i;

    world_start(&w, five_pages());
    w.store->before = note_stored;
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(3), 1), QUIRE_OK);
    cr_expect(!said_stored[3]);
    for (i = 0; i < 16; i++) {
        cr_expect_neq(rig_byte(&w.rig, &w.vm, RIG_AT(i)), -1);
    }
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(3)), 1);
    cr_expect_neq(rig_byte(&w.rig, &w.vm, RIG_AT(4)), -1);
    cr_expect(said_stored[3]);
    cr_expect(!said_stored[4]);
    END(&w.rig);
}

Test(pager_store, store_that_fills_only_part_of_a_page_never_shows_the_bytes_of_another)
{
    static const char secret[] = "the bytes of another object";
    unsigned char bytes[sizeof secret];
    unsigned char zeros[sizeof secret];
    struct world w;
    struct rig_store *partial;
    uint32_t i;

    world_start(&w, five_pages());
    partial = rig_store_new(&w.rig, 8, RW);
    partial->leaves = 256;
    partial->ops.flags = 0; /* it makes no promise to fill */
    partial->watch.ops.flags = 0;
    EXPECT(rig_map(&w.vm, &partial->fobj, RIG_AT(32), RW), QUIRE_OK);
    memset(zeros, 0, sizeof zeros);
    for (i = 0; i < 8; i++) {
        EXPECT(rig_write(&w.rig, &w.vm, RIG_AT(i) + RIG_PAGE - 200u, secret, sizeof secret), QUIRE_OK);
    }
    for (i = 0; i < 8; i++) {
        EXPECT(rig_read(&w.rig, &w.vm, RIG_AT(32u + i) + RIG_PAGE - 200u, bytes, sizeof bytes), QUIRE_OK);
        cr_expect_arr_eq(bytes, zeros, sizeof zeros);
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(32u + i), partial, i));
    }
    END(&w.rig);
}

/* ---- Saves ---- */

Test(pager_store, save_that_fails_or_lies_keeps_the_page_dirty_and_takes_another_victim)
{
    size_t i;

    for (i = 0; i < ANSWERS; i++) {
        struct quire_fault_result out;
        struct world w;
        bool lie = answers[i].got == QUIRE_BAD_ANSWER;
        uint32_t page;

        world_start(&w, five_pages());
        for (page = 0; page < 2; page++) {
            EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(page) + 9u, (unsigned char)(page + 90u)), QUIRE_OK);
        }
        for (page = 2; page < 6; page++) {
            cr_expect(born_at(&w.rig, &w.vm, RIG_AT(page), w.store, page)); /* the last one evicts page 0 */
        }
        cr_expect_eq(w.rig.saves, 1);
        rig_fail(&w.store->save_fails, 1, 1, as_status(answers[i].given));
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(6), RIG_READ, &out), QUIRE_OK); /* page 1 fails, page 2 is clean */
        EXPECT(out.store, QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).save_failures, 1);
        cr_expect_eq(rig_stats(&w.rig).bad_answers, lie ? 1 : 0);
        cr_expect(rig_query(&w.vm, RIG_AT(1)).resident);
        cr_expect(rig_query(&w.vm, RIG_AT(1)).dirty);
        cr_expect(!rig_query(&w.vm, RIG_AT(2)).resident);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(1) + 9u), 91);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(0) + 9u), 90);
        cr_expect_eq(w.store->loads_of[1], 1);
        END(&w.rig);
    }
}

static void dirty_five(struct world *w)
{
    uint32_t i;

    for (i = 0; i < 5; i++) {
        EXPECT(rig_poke(&w->rig, &w->vm, RIG_AT(i), (unsigned char)(100u + i)), QUIRE_OK);
    }
}

Test(pager_store, fault_finds_no_page_when_every_save_fails_and_tells_why)
{
    static const enum quire_status given[] = {QUIRE_IO, QUIRE_INTEGRITY, QUIRE_NO_MEMORY, QUIRE_PENDING};
    size_t i;

    for (i = 0; i < 4; i++) {
        struct quire_fault_result out;
        struct world w;
        uint32_t page;

        world_start(&w, five_pages());
        dirty_five(&w);
        rig_fail(&w.store->save_fails, 1, UINT64_MAX, given[i]);
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(8), RIG_READ, &out), QUIRE_NO_PAGE);
        EXPECT(out.store, given[i] == QUIRE_PENDING ? QUIRE_BAD_ANSWER : given[i]);
        cr_expect_eq(out.kind, QUIRE_FAULT_REFUSED);
        EXPECT_SOUND(&w.rig);
        for (page = 0; page < 5; page++) {
            cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(page)), (int)(100u + page));
            cr_expect_eq(w.store->loads_of[page], 1);
        }
        rig_fail(&w.store->save_fails, 0, 0, QUIRE_OK);
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(8), RIG_READ, &out), QUIRE_OK);
        EXPECT(out.store, QUIRE_OK);
        for (page = 0; page < 5; page++) {
            cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(page)), (int)(100u + page));
        }
        END(&w.rig);
    }
}

Test(pager_store, one_fault_lets_few_saves_fail_before_it_looks_for_clean_pages)
{
    struct rig_config config = {.pages = 24, .policy = RIG_FIFO, .flags = QUIRE_SIM_HW_ACCESSED, .vm_pages = 64};
    struct world w;
    struct rig_store *big;
    uint32_t i;

    world_start(&w, config);
    big = rig_store_new(&w.rig, 32, RW);
    EXPECT(rig_map(&w.vm, &big->fobj, RIG_AT(32), RW), QUIRE_OK);
    for (i = 0; i < 16; i++) {
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(i), 1), QUIRE_OK);
    }
    for (i = 0; i < 8; i++) {
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(32u + i), big, i));
    }
    rig_fail(&w.store->save_fails, 1, UINT64_MAX, QUIRE_IO);
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(40), big, 8), "a clean page gave way");
    cr_expect_eq(w.store->save_fails.hits, 4);
    for (i = 0; i < 16; i++) {
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(i)), 1);
    }
    END(&w.rig);
}

/* Whoever holds a page while it is saved may have written to it since: it stays dirty. */
static enum quire_status copy_into_it_meanwhile(struct rig_store *store, struct quire_io *io, bool load)
{
    struct world *w = store->user;
    struct quire_vm_copy how = {.thread = 1};
    unsigned char byte = 7;

    if (!load && io->pgidx == 0) {
        store->before = NULL;
        EXPECT(quire_vm_copy_to(&w->vm, RIG_VA + 1u, &byte, 1, &how, NULL), QUIRE_AGAIN); /* in transit */
    }
    return QUIRE_OK;
}

Test(pager_store, copy_into_a_page_that_is_being_saved_waits)
{
    struct rig_config config = {.pages = 9, .concurrency = 2, .policy = RIG_FIFO, .flags = QUIRE_SIM_HW_ACCESSED};
    struct world w;
    uint32_t i;

    world_start(&w, config);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 55), QUIRE_OK);
    w.store->before = copy_into_it_meanwhile;
    w.store->user = &w;
    for (i = 1; i < 16; i++) {
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(i), w.store, i));
    }
    cr_expect_null(w.store->before, "page 0 was saved");
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_VA), 55);
    END(&w.rig);
}
