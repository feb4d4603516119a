/* What must hold where stores need pages of one another: the tests that the defects of list_need must fail. */
#include "witness.h"

#include "family.c" /* beside the rig, which is linked */

#define RANKED(r) .policy = RIG_FIFO, .step = 1, .rank_max = (r)
#define FEWEST(r) RANKED(r), .pages = QUIRE_PAGER_MIN_PAGES(1, 1, (r))
#define PLENTY(r) RANKED(r), .pages = 16

static struct family family;

static struct rig_store *member(unsigned rank)
{
    return family.member[rank].store;
}

/* The youngest is shown in the first context. */
static void begin(unsigned ranks, uint32_t npages, uint32_t rounds)
{
    family_start(&family, &rig, ranks, npages, rounds);
    OK(rig_map(&vm[0], &family_youngest(&family)->store->fobj, RIG_VA, RW));
}

/* All is as it was; everywhere() ends the rest, and the rounds are few bytes. */
static void end(void)
{
    sound();
    expect(family_wrong(&family) == 0, "a store was handed another page than it needs, or what it wrote there is lost");
    expect(rig.pager.holds == 0, "a needed page is still held");
    expect(rig.pager.needing == NULL, "the reserve is still owned");
}

static void write_all(uint32_t npages, unsigned char salt)
{
    uint32_t i;

    for (i = 0; i < npages; i++) {
        write_byte(0, &vm[0], RIG_AT(i) + FAMILY_USER, (unsigned char)(salt + i));
    }
    for (i = 0; i < npages; i++) {
        read_byte(&vm[0], RIG_AT(i) + FAMILY_USER, (unsigned char)(salt + i));
    }
}

/* Something that happens once, in the call of a store that has the page it needs. */
static void (*interruption)(void);

static enum quire_status interrupt(struct kin *kin, struct quire_io *io, bool load)
{
    void (*once)(void) = interruption;

    (void)kin;
    (void)load;
    if (io->need_page != NULL && once != NULL) {
        interruption = NULL;
        once();
    }
    return QUIRE_OK;
}

/* ---- The reserve ---- */

WITNESS(everything_finishes_in_the_fewest_pages_and_the_reserve_is_full_again, FEWEST(2))
{
    begin(3, 24, 3);
    write_all(24, 1);
    write_all(24, 2);
    expect(rig.pager.owed <= 1u && rig_stats(&rig).pages[QUIRE_PAGE_FREE] + 1u >= rig.pager.reserve,
           "the reserve lacks %u pages", rig.pager.reserve - rig_stats(&rig).pages[QUIRE_PAGE_FREE]);
    end();
}

WITNESS(a_page_may_be_faulted_in_that_the_victims_save_needs, RANKED(1), .pages = QUIRE_PAGER_MIN_PAGES(1, 1, 1) + 1)
{
    begin(2, 8, 1);
    OK(rig_map(&vm[1], &member(0)->fobj, RIG_VA, RW));
    write_byte(0, &vm[0], RIG_VA + FAMILY_USER, 7);
    write_byte(0, &vm[0], RIG_AT(1) + FAMILY_USER, 8);
    OK(quire_pager_write_back(&rig.pager, &member(0)->fobj, 0, 1, false));
    OK(quire_pager_invalidate(&rig.pager, &member(0)->fobj, 0, 1));
    write_byte(0, &vm[1], RIG_VA + FAMILY_USER, 9);
    sound();
    read_byte(&vm[1], RIG_VA + FAMILY_USER, 9);
    read_byte(&vm[0], RIG_VA + FAMILY_USER, 7);
    end();
}

WITNESS(lower_ranks_find_a_page_of_the_reserve_left, RANKED(2), .concurrency = 2, .pages = QUIRE_PAGER_MIN_PAGES(2, 1, 2),
        .vm_pages = 200)
{
    /* Page 0 needs eight pages of rank 1; the first two of these need page 0 of rank 0, which is another thread's and so takes
     * none of the reserve; the third needs another one. */
    begin(3, 160, 8);
    family.member[1].rounds = 1;
    OK(rig_map(&vm[1], &member(0)->fobj, RIG_VA, RW));
    OK(fault_of(1, &vm[1], RIG_VA, RIG_READ));
    write_byte(0, &vm[0], RIG_VA + FAMILY_USER, 7);
    read_byte(&vm[0], RIG_VA + FAMILY_USER, 7);
    end();
}

/* ---- The needed page ---- */

static void others_want_all_pages(void)
{
    uint32_t i;

    for (i = 0; i < 24u; i++) {
        (void)fault_of(1, &vm[1], RIG_AT(i), RIG_READ);
    }
    expect(quire_slot_kind(member(0)->fobj.slots[0]) == QUIRE_SLOT_PRESENT, "a page is evicted while a store has it");
}

WITNESS(a_page_is_not_evicted_while_a_store_has_it, RANKED(1), .concurrency = 2, .pages = 8)
{
    begin(2, 8, 1);
    (void)shown(&vm[1], RIG_VA, 24, RW);
    family.member[1].before = interrupt;
    interruption = others_want_all_pages;
    write_byte(0, &vm[0], RIG_VA + FAMILY_USER, 7);
    expect(interruption == NULL, "nothing happened meanwhile");
    write_all(8, 1);
    end();
}

static void its_page_is_written_back(void)
{
    OK(quire_pager_write_back(&rig.pager, &member(0)->fobj, 0, 1, false));
}

WITNESS(what_a_store_writes_to_the_page_it_needs_is_not_lost, PLENTY(1))
{
    begin(2, 8, 1);
    write_all(8, 1);
    OK(quire_pager_write_back(&rig.pager, &member(1)->fobj, 1, 7, false));
    OK(quire_pager_write_back(&rig.pager, &member(0)->fobj, 0, 1, false));
    family.member[1].before = interrupt;
    interruption = its_page_is_written_back; /* and then its store writes the sum of page 0 */
    OK(quire_pager_write_back(&rig.pager, &member(1)->fobj, 0, 1, false));
    expect(interruption == NULL, "nothing happened meanwhile");
    SAYS(QUIRE_DIRTY, quire_pager_invalidate(&rig.pager, &member(0)->fobj, 0, 1));
    OK(quire_pager_write_back(&rig.pager, &member(0)->fobj, 0, 1, false));
    OK(quire_pager_invalidate(&rig.pager, &member(0)->fobj, 0, 1));
    OK(quire_pager_invalidate(&rig.pager, &member(1)->fobj, 0, 8));
    write_all(8, 3);
    end();
}

/* ---- What breaks the rules ---- */

static struct quire_fobj *wanted;

static enum quire_status want(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    (void)load;
    io->need_fobj = wanted;
    io->need_pgidx = 1;
    return io->need_page == NULL ? QUIRE_NEED : QUIRE_OK;
}

WITNESS(a_store_may_not_need_a_page_of_its_own_rank, PLENTY(1))
{
    struct rig_store *one = rig_store_new(&rig, 4, RW);
    struct rig_store *other = rig_store_new(&rig, 4, RW);

    one->fobj.rank = 1;
    other->fobj.rank = 1;
    one->before = want;
    OK(rig_map(&vm[0], &one->fobj, RIG_VA, RW));
    OK(quire_pager_know(&rig.pager, &other->fobj));
    wanted = &other->fobj;
    SAYS(QUIRE_BAD_ANSWER, fault_of(0, &vm[0], RIG_VA, RIG_READ));
    wanted = &one->fobj;
    SAYS(QUIRE_BAD_ANSWER, fault_of(0, &vm[0], RIG_VA, RIG_READ));
    expect(rig_stats(&rig).bad_answers == 2, "a bad answer is not counted");
}
