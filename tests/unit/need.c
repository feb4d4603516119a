/* need.h: stores that need pages of other objects, what becomes of them when that fails, and the reserve. */
#include "rig_test.h"

#include "family.h"

struct world {
    struct rig rig;
    struct quire_vm vm;
    struct family family;
};

static struct rig_config machine(unsigned number)
{
    return rig_machine(number, (struct rig_config){0});
}

/* Members of the family on machine `number`: two or three, each with every policy, every hardware and both ways of flushing. */
static unsigned ranks_of(unsigned number)
{
    return 2u + (number + number / 4u + number / 8u) % 2u;
}

/* Pages that each of them needs of its parent: one, or as many as it may, each with every number of members. */
static uint32_t rounds_of(unsigned number)
{
    return (number / 2u + number / 8u) % 2u == 0 ? 1u : QUIRE_NEED_ROUNDS;
}

/* A family of two or three; its youngest has 32 pages, mapped from RIG_VA. As few pages as there may be unless told. */
static void world_start(struct world *w, struct rig_config config, unsigned ranks, uint32_t rounds)
{
    config.rank_max = ranks - 1u;
    if (config.pages == 0) {
        config.concurrency = config.concurrency != 0 ? config.concurrency : 1u;
        config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(config.concurrency, QUIRE_PAGER_STEP_DEFAULT, config.rank_max);
    }
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    family_start(&w->family, &w->rig, ranks, 32, rounds);
    EXPECT(rig_map(&w->vm, &family_youngest(&w->family)->store->fobj, RIG_VA, RW), QUIRE_OK);
}

static void world_end(struct world *w)
{
    cr_expect_eq(family_wrong(&w->family), 0, "%u sums differ", family_wrong(&w->family));
    cr_expect_eq(w->rig.pager.holds, 0);
    cr_expect_null(w->rig.pager.needing);
    cr_expect_eq(w->rig.pager.need_depth, 0);
    END(&w->rig);
    family_stop(&w->family);
}

static struct rig_store *youngest(struct world *w)
{
    return family_youngest(&w->family)->store;
}

static const struct quire_pmem *page_of(struct world *w, const struct rig_store *store, uint32_t pgidx)
{
    return quire_pmem_at(&w->rig.pager.pool, quire_slot_value(store->fobj.slots[pgidx]));
}

/* ---- What a store gets ---- */

Test(need, load_is_handed_the_page_it_needs)
{
    struct rig_config config = {.pages = 32};
    struct world w;

    world_start(&w, config, 3, 1);
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(5), youngest(&w), 5));
    cr_expect_eq(rig_stats(&w.rig).needs, 2, "its parent's page, and that one's");
    cr_expect_eq(rig_stats(&w.rig).lent, 0, "there is room");
    cr_expect_eq(rig_stats(&w.rig).loads, 3);
    cr_expect(is_present(w.family.member[0].store, 0));
    cr_expect(is_present(w.family.member[1].store, 0));
    cr_expect(page_of(&w, w.family.member[1].store, 0)->flags & QUIRE_PMEM_DIRTY, "the store said that it writes it");
    EXPECT_SOUND(&w.rig);
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(6), youngest(&w), 6));
    cr_expect_eq(rig_stats(&w.rig).needs, 3, "the parent's page is there already");
    world_end(&w);
}

Test(need, page_that_is_only_read_stays_clean)
{
    struct rig_config config = {.pages = 32};
    struct world w;

    world_start(&w, config, 2, 1);
    family_youngest(&w.family)->reads_only = true;
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, youngest(&w), 0));
    cr_expect_eq(page_of(&w, w.family.member[0].store, 0)->flags & QUIRE_PMEM_DIRTY, 0);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_VA, 7), QUIRE_OK);
    EXPECT(quire_pager_write_back(&w.rig.pager, &youngest(&w)->fobj, 0, 32, true), QUIRE_OK);
    cr_expect(page_of(&w, w.family.member[0].store, 0)->flags & QUIRE_PMEM_DIRTY);
    world_end(&w);
}

Test(need, store_may_need_one_page_after_the_other)
{
    struct rig_config config = {.pages = 32};
    struct world w;

    world_start(&w, config, 2, QUIRE_NEED_ROUNDS);
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(20), youngest(&w), 20));
    cr_expect_eq(rig_stats(&w.rig).needs, QUIRE_NEED_ROUNDS);
    world_end(&w);
}

Test(need, store_that_never_has_enough_is_refused)
{
    struct world w;
    struct quire_fault_result out;
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        world_start(&w, machine(number), ranks_of(number), QUIRE_NEED_ROUNDS + 1u);
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, &out), QUIRE_BAD_ANSWER);
        cr_expect_eq(rig_stats(&w.rig).needs, QUIRE_NEED_ROUNDS);
        cr_expect_eq(rig_stats(&w.rig).bad_answers, 1);
        cr_expect(!is_present(youngest(&w), 0));
        world_end(&w);
    }
}

/* ---- What breaks the rules ---- */

struct liar {
    struct quire_fobj *fobj;
    uint32_t pgidx;
    bool write;
    uint32_t calls;
};

static enum quire_status lie(struct rig_store *store, struct quire_io *io, bool load)
{
    struct liar *liar = store->user;

    (void)load;
    liar->calls++;
    if (io->need_page != NULL) {
        return QUIRE_OK;
    }
    io->need_fobj = liar->fobj;
    io->need_pgidx = liar->pgidx;
    io->need_write = liar->write;
    return QUIRE_NEED;
}

static struct rig_store *liar_new(struct rig *rig, struct liar *liar, unsigned rank)
{
    struct rig_store *store = rig_store_new(rig, 4, RW);

    store->fobj.rank = (uint8_t)rank;
    store->before = lie;
    store->user = liar;
    return store;
}

Test(need, need_that_breaks_a_rule_is_a_bad_answer)
{
    enum { NULL_OBJECT, UNKNOWN, FOREIGN, UNPAGED, SAME_RANK, ITSELF, BEYOND, READ_ONLY, DEAD, RULES };
    struct rig_config config = {.pages = 16, .rank_max = 2};
    struct quire_fobj_phys_config phys_config = {.pa = {RIG_PA}, .npages = 1, .max_prot = RW};
    struct quire_fobj_phys phys;
    struct rig other;
    unsigned rule;

    EXPECT(quire_fobj_phys_init(&phys, &phys_config), QUIRE_OK);
    for (rule = 0; rule < RULES; rule++) {
        struct liar liar = {NULL, 0, false, 0};
        struct quire_fault_result out;
        struct rig_store *fine;
        struct rig_store *store;
        struct rig_store *bad;
        struct quire_vm vm;
        struct rig rig;
        uint32_t slot;

        rig_start(&rig, &config);
        rig_start(&other, &config);
        rig_vm_start(&rig, &vm);
        fine = rig_store_new(&rig, 4, RW);
        bad = rig_store_new(rule == FOREIGN ? &other : &rig, 4, rule == READ_ONLY ? RIG_READ : RW);
        store = liar_new(&rig, &liar, 1);
        bad->fobj.rank = rule == SAME_RANK ? 1 : 0;
        EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
        EXPECT(quire_pager_know(&rig.pager, &fine->fobj), QUIRE_OK);
        if (rule != UNKNOWN) {
            EXPECT(quire_pager_know(rule == FOREIGN ? &other.pager : &rig.pager, &bad->fobj), QUIRE_OK);
        }
        liar.fobj = rule == NULL_OBJECT ? NULL : rule == UNPAGED ? &phys.base : rule == ITSELF ? &store->fobj : &bad->fobj;
        liar.pgidx = rule == BEYOND ? 4u : 3u;
        liar.write = rule == READ_ONLY;
        if (rule == DEAD) {
            EXPECT(rig_store_put(bad), QUIRE_OK); /* its struct is still there */
        }
        slot = store->fobj.slots[2];
        EXPECT(rig_fault(&rig, &vm, RIG_AT(2), RIG_READ, &out), QUIRE_BAD_ANSWER);
        cr_expect_eq(out.store, QUIRE_BAD_ANSWER, "rule %u", rule);
        cr_expect_eq(liar.calls, 1, "rule %u", rule);
        cr_expect_eq(rig_stats(&rig).bad_answers, 1, "rule %u", rule);
        cr_expect_eq(rig_stats(&rig).load_failures, 1, "rule %u", rule);
        cr_expect_eq(rig_stats(&rig).needs, 0, "rule %u", rule);
        cr_expect_eq(store->fobj.slots[2], slot, "rule %u", rule);
        cr_expect_eq(rig_stats(&rig).pages[QUIRE_PAGE_FREE], 16, "rule %u", rule);
        EXPECT_SOUND(&rig);
        liar.fobj = &fine->fobj;
        liar.pgidx = 3;
        liar.write = true;
        cr_expect(born_at(&rig, &vm, RIG_AT(2), store, 2), "rule %u", rule);
        cr_expect_eq(liar.calls, 3, "rule %u", rule);
        END(&rig);
        END(&other);
    }
    EXPECT(quire_fobj_put(&phys.base), QUIRE_OK);
}

Test(need, need_of_rank_0_or_without_ranks_is_a_bad_answer)
{
    unsigned rank_max;

    for (rank_max = 0; rank_max <= QUIRE_FOBJ_RANK_MAX; rank_max++) {
        struct rig_config config = {.rank_max = rank_max};
        struct liar liar = {NULL, 0, false, 0};
        struct quire_fault_result out;
        struct rig_store *store;
        struct rig_store *fine;
        struct quire_vm vm;
        struct rig rig;

        rig_start(&rig, &config);
        rig_vm_start(&rig, &vm);
        fine = rig_store_new(&rig, 4, RW);
        store = liar_new(&rig, &liar, 0);
        liar.fobj = &fine->fobj;
        EXPECT(quire_pager_know(&rig.pager, &fine->fobj), QUIRE_OK);
        EXPECT(rig_map(&vm, &store->fobj, RIG_VA, RW), QUIRE_OK);
        EXPECT(rig_fault(&rig, &vm, RIG_VA, RIG_READ, &out), QUIRE_BAD_ANSWER);
        cr_expect_eq(rig_stats(&rig).bad_answers, 1);
        END(&rig);
    }
}

Test(need, object_is_known_until_its_last_put)
{
    struct rig_config config = {.rank_max = 1};
    struct quire_fobj_phys_config phys_config = {.pa = {RIG_PA}, .npages = 1, .max_prot = RW};
    struct quire_fobj_phys phys;
    struct rig_store *store;
    struct rig_store *high;
    struct quire_pin pin;
    struct rig other;
    struct rig rig;

    rig_start(&rig, &config);
    rig_start(&other, &config);
    store = rig_store_new(&rig, 4, RW);
    high = rig_store_new(&rig, 4, RW);
    high->fobj.rank = 2;
    EXPECT(quire_fobj_phys_init(&phys, &phys_config), QUIRE_OK);
    EXPECT(quire_pager_know(&rig.pager, &phys.base), QUIRE_INVALID);
    EXPECT(quire_pager_know(&rig.pager, &high->fobj), QUIRE_INVALID);
    EXPECT(quire_pin_fobj(&rig.pager, &store->fobj, 0, 1, true, true, &pin), QUIRE_INVALID);
    EXPECT(quire_pager_know(&rig.pager, &store->fobj), QUIRE_OK);
    EXPECT(quire_pager_know(&rig.pager, &store->fobj), QUIRE_OK);
    EXPECT(quire_pager_know(&other.pager, &store->fobj), QUIRE_BUSY);
    EXPECT(quire_pager_fini(&rig.pager), QUIRE_BUSY);
    EXPECT(quire_pin_fobj(&rig.pager, &store->fobj, 0, 1, true, true, &pin), QUIRE_OK);
    EXPECT_SOUND(&rig);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    cr_expect_eq(store->freed, 0);
    EXPECT(rig_store_put(store), QUIRE_OK);
    cr_expect_eq(store->freed, 1);
    EXPECT(quire_fobj_get(&store->fobj), QUIRE_DEAD);
    EXPECT(quire_pager_know(&rig.pager, &store->fobj), QUIRE_DEAD);
    EXPECT(quire_fobj_put(&phys.base), QUIRE_OK);
    END(&rig);
    END(&other);
}

/* ---- The needed page cannot be had ---- */

Test(need, load_fails_as_the_load_of_the_needed_page_does)
{
    static const enum quire_status answers[] = {QUIRE_IO, QUIRE_INTEGRITY, QUIRE_NO_MEMORY, QUIRE_PENDING};
    unsigned number;
    unsigned i;

    for (number = 0; number < RIG_MACHINES; number++) {
        unsigned ranks = ranks_of(number);
        struct world w;

        world_start(&w, machine(number), ranks, 1);
        for (i = 0; i < 4u; i++) {
            enum quire_status expected = answers[i] == QUIRE_PENDING ? QUIRE_BAD_ANSWER : answers[i];
            uint32_t slot = youngest(&w)->fobj.slots[17];
            uint64_t bad = rig_stats(&w.rig).bad_answers;
            struct quire_fault_result out;

            rig_fail(&w.family.member[0].store->load_fails, 1, 1, answers[i]);
            EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(17), RIG_WRITE, &out), expected);
            cr_expect_eq(out.kind, QUIRE_FAULT_REFUSED);
            cr_expect_eq(out.store, expected);
            cr_expect_eq(youngest(&w)->fobj.slots[17], slot);
            cr_expect_eq(rig_stats(&w.rig).bad_answers, bad + (expected == QUIRE_BAD_ANSWER ? 1u : 0u));
            cr_expect_eq(rig_stats(&w.rig).load_failures, (i + 1u) * ranks, "each load of the chain failed");
            EXPECT_SOUND(&w.rig);
        }
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(17), youngest(&w), 17));
        world_end(&w);
    }
}

/* Every page is written, so that all that is in the pool is dirty; each round of it evicts. */
static void write_all(struct world *w, unsigned char salt)
{
    uint32_t i;

    for (i = 0; i < 32u; i++) {
        EXPECT(rig_poke(&w->rig, &w->vm, RIG_AT(i) + FAMILY_USER, (unsigned char)(i + salt)), QUIRE_OK);
    }
}

static void read_all(struct world *w, unsigned char salt)
{
    uint32_t i;

    for (i = 0; i < 32u; i++) {
        cr_expect_eq(rig_byte(&w->rig, &w->vm, RIG_AT(i) + FAMILY_USER), (unsigned char)(i + salt), "page %u", i);
    }
}

Test(need, save_fails_as_the_load_of_the_needed_page_does_and_the_page_stays_dirty)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = machine(number);
        struct rig_store *parent;
        struct world w;

        config.pages = 64;
        world_start(&w, config, ranks_of(number), 1);
        parent = w.family.member[0].store;
        write_all(&w, 3);
        EXPECT(quire_pager_write_back(&w.rig.pager, &youngest(&w)->fobj, 1, 31, true), QUIRE_OK);
        EXPECT(quire_pager_write_back(&w.rig.pager, &w.family.member[w.family.ranks - 2u].store->fobj, 0, 2, true), QUIRE_OK);
        EXPECT(quire_pager_write_back(&w.rig.pager, &parent->fobj, 0, parent->fobj.num_pages, true), QUIRE_OK);
        EXPECT(quire_pager_invalidate(&w.rig.pager, &w.family.member[w.family.ranks - 2u].store->fobj, 0, 2), QUIRE_OK);
        if (w.family.ranks > 2u) {
            EXPECT(quire_pager_invalidate(&w.rig.pager, &parent->fobj, 0, parent->fobj.num_pages), QUIRE_OK);
        }
        rig_fail(&parent->load_fails, 1, 1, QUIRE_INTEGRITY);
        EXPECT(quire_pager_write_back(&w.rig.pager, &youngest(&w)->fobj, 0, 32, true), QUIRE_INTEGRITY);
        cr_expect(is_present(youngest(&w), 0));
        cr_expect(page_of(&w, youngest(&w), 0)->flags & QUIRE_PMEM_DIRTY);
        cr_expect_eq(rig_stats(&w.rig).save_failures, 1);
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_pager_write_back(&w.rig.pager, &youngest(&w)->fobj, 0, 32, true), QUIRE_OK);
        cr_expect_eq(rig_store_page(youngest(&w), 0)[FAMILY_USER], 3);
        read_all(&w, 3);
        world_end(&w);
    }
}

/* ---- The reserve ---- */

Test(need, everything_finishes_in_the_fewest_pages_though_all_are_dirty)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number += rig_stride(7)) {
        struct rig *rig;
        struct world w;
        uint32_t i;

        world_start(&w, machine(number), ranks_of(number), rounds_of(number));
        rig = &w.rig;
        for (i = 0; i < 3u; i++) {
            write_all(&w, (unsigned char)(i * 50u));
            EXPECT_SOUND(rig);
            read_all(&w, (unsigned char)(i * 50u));
            EXPECT_SOUND(rig);
        }
        cr_expect_gt(rig_stats(rig).lent, 0);
        cr_expect_geq(rig_stats(rig).pages[QUIRE_PAGE_FREE] + 1u, rig->pager.reserve, "one page at most is owed");
        cr_expect_leq(rig->pager.owed, 1);
        cr_expect_eq(rig->pager.held_back, rig->pager.reserve);
        world_end(&w);
    }
}

Test(need, instruction_that_needs_all_its_pages_at_once_finishes)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number += rig_stride(7)) {
        struct quire_sim_operand operand[4];
        struct quire_sim_thread thread = {.wait_ok = true};
        unsigned char bytes[4] = {1, 2, 3, 4};
        struct world w;
        uint32_t round;
        uint32_t i;

        world_start(&w, machine(number), ranks_of(number), 2);
        for (round = 0; round < 20; round++) {
            for (i = 0; i < 4; i++) {
                operand[i].va = RIG_AT((round * 3u + i * 9u) % 32u) + FAMILY_USER;
                operand[i].access = i != 3 ? RIG_WRITE : RIG_READ;
                operand[i].bytes = &bytes[i];
                operand[i].len = 1;
            }
            EXPECT(quire_sim_step(&w.rig.sim, &thread, &w.vm, operand, 4), QUIRE_OK);
        }
        world_end(&w);
    }
}

Test(need, members_that_are_mapped_and_needed_are_one)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct world w;
        uint32_t i;

        world_start(&w, machine(number), ranks_of(number), 2);
        EXPECT(rig_map(&w.vm, &w.family.member[0].store->fobj, RIG_AT(40), RW), QUIRE_OK);
        if (w.family.ranks > 2u) {
            EXPECT(rig_map(&w.vm, &w.family.member[1].store->fobj, RIG_AT(50), RW), QUIRE_OK);
        }
        for (i = 0; i < 100u; i++) {
            uintptr_t at[3] = {RIG_AT(i * 7u % 32u), RIG_AT(40u + i % w.family.member[0].store->fobj.num_pages),
                               RIG_AT(50u + i % 4u)};
            uintptr_t va = at[i % w.family.ranks] + FAMILY_USER + i;

            EXPECT(rig_poke(&w.rig, &w.vm, va, (unsigned char)i), QUIRE_OK);
            cr_expect_eq(rig_byte(&w.rig, &w.vm, va), (int)i);
        }
        EXPECT_SOUND(&w.rig);
        world_end(&w);
    }
}

Test(need, page_that_was_needed_stays_for_the_next_who_needs_it)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = machine(number);
        struct world w;
        uint32_t loads;
        uint32_t i;

        config.pages = 20;
        world_start(&w, config, 2, 1);
        family_youngest(&w.family)->reads_only = true;
        for (i = 0; i < 64u; i++) {
            cr_expect(born_at(&w.rig, &w.vm, RIG_AT(i % 32u), youngest(&w), i % 32u));
        }
        loads = w.family.member[0].store->loads_of[0] + w.family.member[0].store->loads_of[1];
        /* S3-FIFO takes those that came last first, these among them: it keeps them for about one other. */
        cr_expect_leq(loads, config.policy == RIG_S3FIFO ? 36 : 12, "64 loads needed two pages, and loaded them %u times",
                      loads);
        world_end(&w);
    }
}

Test(need, page_that_cannot_be_given_back_is_owed_until_it_can)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct world w;
        uint32_t i;

        world_start(&w, machine(number), ranks_of(number), 2);
        write_all(&w, 9);
        rig_fail(&w.family.member[0].store->save_fails, 1, 12, QUIRE_IO);
        for (i = 0; i < 32u; i++) {
            enum quire_status status = rig_poke(&w.rig, &w.vm, RIG_AT(i) + FAMILY_USER + 1u, (unsigned char)i);

            cr_expect(status == QUIRE_OK || status == QUIRE_NO_PAGE || status == QUIRE_IO || status == QUIRE_AGAIN, "%s",
                      quire_status_name(status));
            EXPECT_SOUND(&w.rig);
        }
        rig_fail(&w.family.member[0].store->save_fails, 0, 0, QUIRE_OK);
        write_all(&w, 10);
        read_all(&w, 10);
        cr_expect_leq(w.rig.pager.owed, 1);
        world_end(&w);
    }
}

/* ---- Pages that stay, stick, or are pinned ---- */

Test(need, locked_parent_stays_once_it_was_needed)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = machine(number);
        struct world w;

        config.pages = 9;
        world_start(&w, config, 2, 1);
        w.family.member[0].store->fobj.flags = QUIRE_FOBJ_LOCKED;
        write_all(&w, 1);
        write_all(&w, 2);
        read_all(&w, 2);
        cr_expect_eq(w.family.member[0].store->loads_of[0], 1);
        cr_expect_eq(w.family.member[0].store->loads_of[1], 1);
        cr_expect_eq(rig_stats(&w.rig).fixed, 2);
        world_end(&w);
    }
}

Test(need, locked_parent_that_would_take_the_minimum_is_not_brought)
{
    struct rig_config config = {.pages = 0};
    struct quire_fault_result out;
    struct world w;

    world_start(&w, config, 2, 1);
    w.family.member[0].store->fobj.flags = QUIRE_FOBJ_LOCKED;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, &out), QUIRE_NO_PAGE);
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_FREE], w.rig.config.pages);
    w.family.member[0].store->fobj.flags = 0;
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, youngest(&w), 0));
    world_end(&w);
}

Test(need, parent_that_cannot_be_saved_stays_once_it_was_written)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = machine(number);
        struct world w;
        uint32_t i;

        config.pages = 9;
        world_start(&w, config, 2, 1);
        w.family.member[0].store->ops.save = NULL;
        w.family.member[0].store->watch.ops.save = NULL;
        family_youngest(&w.family)->reads_only = number % 2u != 0; /* then it is lent first, and written later */
        for (i = 0; i < 32u; i++) {
            cr_expect(born_at(&w.rig, &w.vm, RIG_AT(i), youngest(&w), i));
        }
        write_all(&w, 4);
        write_all(&w, 5);
        read_all(&w, 5);
        cr_expect_eq(rig_stats(&w.rig).fixed, 2);
        cr_expect_eq(w.family.member[0].store->saves_of[0] + w.family.member[0].store->saves_of[1], 0);
        world_end(&w);
    }
}

Test(need, pinned_page_can_be_needed)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = machine(number);
        struct quire_pin pin;
        struct world w;

        config.pages = 9;
        world_start(&w, config, 2, 1);
        EXPECT(quire_pin_fobj(&w.rig.pager, &w.family.member[0].store->fobj, 0, 2, false, true, &pin), QUIRE_OK);
        write_all(&w, 1);
        read_all(&w, 1);
        cr_expect_eq(w.family.member[0].store->loads_of[0], 1);
        cr_expect_eq(rig_stats(&w.rig).lent, 0);
        EXPECT(quire_unpin(&pin), QUIRE_OK);
        world_end(&w);
    }
}

Test(need, quarantined_page_that_is_needed_is_stuck)
{
    struct rig_config config = {.pages = 16};
    struct quire_fault_result out;
    struct world w;

    world_start(&w, config, 2, 1);
    EXPECT(rig_map(&w.vm, &w.family.member[0].store->fobj, RIG_AT(40), RW), QUIRE_OK);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(40) + FAMILY_USER, 1), QUIRE_OK);
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(40), UINT32_MAX), QUIRE_OK);
    EXPECT(quire_pager_write_back(&w.rig.pager, &w.family.member[0].store->fobj, 0, 1, true), QUIRE_STUCK);
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, &out), QUIRE_STUCK);
    cr_expect_eq(rig_stats(&w.rig).bad_answers, 0);
    cr_expect(born_at(&w.rig, &w.vm, RIG_AT(20), youngest(&w), 20), "that needs another page");
    EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(40), 0), QUIRE_OK);
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, youngest(&w), 0));
    world_end(&w);
}

/* ---- Others come meanwhile: from within a store's call, with no lock held, another thread of the pager ---- */

struct meanwhile {
    struct world *w;
    struct rig_store *store; /* in whose call */
    bool load;
    bool served; /* only when it has the page it needs */
    void (*happens)(struct world *w);
    unsigned times; /* left */
};

static struct meanwhile meanwhile;

static enum quire_status call_meanwhile(struct kin *kin, struct quire_io *io, bool load)
{
    if (kin->store == meanwhile.store && load == meanwhile.load && meanwhile.times > 0 &&
        (!meanwhile.served || io->need_page != NULL)) {
        meanwhile.times--;
        meanwhile.happens(meanwhile.w);
    }
    return QUIRE_OK;
}

static void in_a_call(struct world *w, unsigned rank, bool load, void (*happens)(struct world *w))
{
    w->family.member[rank].before = call_meanwhile;
    meanwhile.w = w;
    meanwhile.store = w->family.member[rank].store;
    meanwhile.load = load;
    meanwhile.happens = happens;
    meanwhile.served = false;
    meanwhile.times = 1;
}

/* The other thread is number 1 and does not wait. */
static enum quire_status other_fault(struct world *w, uint32_t page)
{
    struct quire_fault fault = {.va = RIG_AT(page), .access = RIG_WRITE, .thread = 1};

    return quire_pager_fault(&w->rig.pager, &w->vm, &fault, NULL);
}

static void other_needs_the_page_in_transit(struct world *w)
{
    uint32_t slot = youngest(w)->fobj.slots[1];
    uint64_t failures = rig_stats(&w->rig).load_failures;

    EXPECT(other_fault(w, 1), QUIRE_AGAIN);
    cr_expect_eq(youngest(w)->fobj.slots[1], slot);
    cr_expect_eq(rig_stats(&w->rig).load_failures, failures, "nothing failed");
    cr_expect_eq(w->rig.pager.holds, 0);
    EXPECT(quire_pager_check(&w->rig.pager, NULL), QUIRE_OK);
}

Test(need, page_that_somebody_else_is_loading_is_waited_for_or_again)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = machine(number);
        struct world w;

        config.concurrency = 2;
        config.pages = number % 2u != 0 ? 32 : 0;
        world_start(&w, config, ranks_of(number), 1);
        in_a_call(&w, 0, true, other_needs_the_page_in_transit);
        cr_expect(born_at(&w.rig, &w.vm, RIG_VA, youngest(&w), 0));
        cr_expect_eq(meanwhile.times, 0);
        EXPECT(other_fault(&w, 1), QUIRE_OK);
        world_end(&w);
    }
}

static void other_wants_the_reserve(struct world *w)
{
    const struct quire_op *owner = w->rig.pager.needing;
    struct rig_store *parent = w->family.member[0].store;

    cr_expect_not_null(owner);
    EXPECT(other_fault(w, 1), QUIRE_OK); /* what that needs is resident: it needs no reserve */
    EXPECT(other_fault(w, 17), QUIRE_AGAIN);
    cr_expect(!is_present(youngest(w), 17), "what it needs is on its way");
    EXPECT(quire_pager_write_back(&w->rig.pager, &parent->fobj, 0, 1, true), QUIRE_OK);
    EXPECT(quire_pager_invalidate(&w->rig.pager, &parent->fobj, 0, 1), QUIRE_OK);
    EXPECT(other_fault(w, 4), QUIRE_AGAIN);
    cr_expect(!is_present(parent, 0), "what it needs it may not bring");
    cr_expect(!is_present(youngest(w), 4));
    cr_expect_eq(w->rig.pager.needing, owner);
    EXPECT(quire_pager_check(&w->rig.pager, NULL), QUIRE_OK);
}

Test(need, one_at_a_time_owns_the_reserve_and_who_needs_none_goes_on)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = machine(number);
        struct world w;

        config.concurrency = 2;
        config.pages = 40;
        world_start(&w, config, 2, 2);
        /* Pages below 16 need pages 0 and 2 of their parent, which are resident from now on. */
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(3), youngest(&w), 3));
        /* Page 18 needs pages 1 and 3, and the other thread comes while the first is loaded. */
        in_a_call(&w, 0, true, other_wants_the_reserve);
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(18), RIG_READ, NULL), QUIRE_OK);
        cr_expect_eq(meanwhile.times, 0);
        EXPECT(other_fault(&w, 17), QUIRE_OK);
        EXPECT(other_fault(&w, 4), QUIRE_OK);
        world_end(&w);
    }
}

static void youngest_dies(struct world *w)
{
    EXPECT(quire_vm_unmap(&w->vm, RIG_VA, 32), QUIRE_OK);
    EXPECT(rig_store_put(youngest(w)), QUIRE_OK);
    cr_expect_eq(youngest(w)->freed, 0, "its page is in transit");
    EXPECT(quire_pager_check(&w->rig.pager, NULL), QUIRE_OK);
}

Test(need, object_that_dies_while_it_needs_a_page_is_freed_once)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct world w;

        world_start(&w, machine(number), ranks_of(number), 2);
        in_a_call(&w, 0, true, youngest_dies);
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_DEAD);
        cr_expect_eq(meanwhile.times, 0);
        cr_expect_eq(youngest(&w)->freed, 1);
        cr_expect_eq(rig_stats(&w.rig).load_failures, 1, "the load that died");
        world_end(&w);
    }
}

/* Fills the pool with pages of an object that needs nothing. */
static void others_are_read(struct world *w, uint32_t n)
{
    struct rig_store *other = rig_store_new(&w->rig, n, RW);
    uint32_t i;

    EXPECT(rig_map(&w->vm, &other->fobj, RIG_AT(40), RW), QUIRE_OK);
    for (i = 0; i < n; i++) {
        cr_expect(born_at(&w->rig, &w->vm, RIG_AT(40u + i), other, i));
    }
}

static void needed_object_is_put(struct world *w)
{
    struct rig_store *parent = w->family.member[0].store;

    w->family.member[1].parent = NULL; /* it gives its own reference back, too: the pager's is the last one */
    EXPECT(rig_store_put(parent), QUIRE_OK);
    EXPECT(quire_fobj_put(&parent->fobj), QUIRE_OK);
    cr_expect_eq(parent->freed, 0);
    EXPECT(quire_pager_check(&w->rig.pager, NULL), QUIRE_OK);
}

Test(need, needed_object_stays_until_the_store_is_done_with_its_page)
{
    unsigned number;

    for (number = 0; number < 2u * RIG_MACHINES; number++) {
        struct rig_config config = machine(number / 2u);
        bool room = number % 2u != 0;
        struct world w;

        config.pages = room ? 32 : 0;
        world_start(&w, config, 2, 1);
        if (!room) { /* it is lent one */
            others_are_read(&w, 6);
        }
        in_a_call(&w, 1, true, needed_object_is_put);
        meanwhile.served = true;
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(2), RIG_READ, NULL), QUIRE_OK);
        cr_expect_eq(w.family.member[0].store->freed, 1);
        cr_expect_eq(rig_stats(&w.rig).lent, room ? 0u : 1u);
        world_end(&w);
    }
}

static void needed_page_is_looked_at(struct world *w)
{
    struct rig_store *parent = w->family.member[0].store;

    cr_expect_eq(page_of(w, parent, 0)->holds, 1);
    cr_expect_eq(w->rig.pager.holds, 1);
    EXPECT(quire_pager_invalidate(&w->rig.pager, &parent->fobj, 0, 1), QUIRE_BUSY);
    EXPECT(quire_pager_check(&w->rig.pager, NULL), QUIRE_OK);
}

Test(need, needed_page_is_held_while_the_store_has_it)
{
    struct rig_config config = {.pages = 32};
    struct world w;

    world_start(&w, config, 2, 1);
    in_a_call(&w, 1, true, needed_page_is_looked_at);
    meanwhile.served = true;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(1), RIG_READ, NULL), QUIRE_OK);
    cr_expect_eq(meanwhile.times, 0);
    world_end(&w);
}

static void all_is_read_by_another(struct world *w)
{
    uint32_t i;

    for (i = 0; i < 12u; i++) {
        enum quire_status status = other_fault(w, i + 16u);

        cr_expect(status == QUIRE_OK || status == QUIRE_AGAIN || status == QUIRE_NO_PAGE, "%s", quire_status_name(status));
    }
    EXPECT(quire_pager_check(&w->rig.pager, NULL), QUIRE_OK);
}

Test(need, others_go_on_in_the_middle_of_every_load_and_save)
{
    unsigned number;
    unsigned rank;

    for (number = 0; number < RIG_MACHINES; number += rig_stride(7)) {
        for (rank = 0; rank < ranks_of(number); rank++) {
            struct rig_config config = machine(number);
            struct world w;

            config.concurrency = 2;
            world_start(&w, config, ranks_of(number), 1u + number % 3u);
            write_all(&w, 1);
            in_a_call(&w, rank, true, all_is_read_by_another);
            meanwhile.times = 8;
            write_all(&w, 2);
            in_a_call(&w, rank, false, all_is_read_by_another);
            meanwhile.times = 8;
            write_all(&w, 3);
            read_all(&w, 3);
            cr_expect_leq(w.rig.pager.owed, 1);
            world_end(&w);
        }
    }
}
