/* advise.h: pages brought in ahead, sent away, and let go. */
#include "check_world.h"

#include "quire/advise.h"
#include "quire/fobj_zero.h"
#include "quire/resize.h"

#define WILL_NEED QUIRE_ADVICE_WILL_NEED
#define DONT_NEED QUIRE_ADVICE_DONT_NEED
#define FREE QUIRE_ADVICE_FREE

static const struct quire_vm_copy user = {.wait_ok = true};

struct advised {
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store; /* 16 pages at RIG_VA; it forgets */
};

static void advised_start(struct advised *w, unsigned number, struct rig_config config)
{
    config = rig_machine(number, config);
    config.eager = true;
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    w->store = rig_store_new(&w->rig, 16, RW);
    rig_store_forgets(w->store);
    EXPECT(rig_map(&w->vm, &w->store->fobj, RIG_VA, RW), QUIRE_OK);
}

static struct quire_vm_info at(struct advised *w, uint32_t i)
{
    return rig_query(&w->vm, RIG_AT(i));
}

static bool born(struct advised *w, uint32_t i)
{
    return born_at(&w->rig, &w->vm, RIG_AT(i), w->store, i);
}

static void write_pages(struct advised *w, uint32_t first, uint32_t n, unsigned char byte)
{
    uint32_t i;

    for (i = first; i < first + n; i++) {
        EXPECT(rig_poke(&w->rig, &w->vm, RIG_AT(i), (unsigned char)(byte + i)), QUIRE_OK);
    }
}

static unsigned resident(struct advised *w, uint32_t first, uint32_t n)
{
    unsigned count = 0;
    uint32_t i;

    for (i = first; i < first + n; i++) {
        count += at(w, i).resident ? 1u : 0u;
    }
    return count;
}

/* ---- Populate ---- */

Test(advise, populated_pages_are_there_and_take_no_more_faults)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct quire_pager_stats before;
        struct advised w;
        size_t done = 99;
        uint32_t i;

        advised_start(&w, number, (struct rig_config){0});
        EXPECT(quire_vm_populate(&w.vm, RIG_AT(2), 6, number % 2u != 0, &user, &done), QUIRE_OK);
        cr_expect_eq(done, 6);
        before = rig_stats(&w.rig);
        cr_expect_eq(before.loads, 6);
        cr_expect_eq(before.faults.major, 6);
        for (i = 2; i < 8; i++) {
            cr_expect(born(&w, i));
            if (number % 2u != 0) {
                EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(i), 7), QUIRE_OK);
            }
        }
        cr_expect_eq(rig_stats(&w.rig).faults.minor, before.faults.minor);
        cr_expect_eq(rig_stats(&w.rig).steps, 4, "no more pages are kept for the thread than after any fault");
        EXPECT(quire_vm_populate(&w.vm, RIG_AT(0), 8, false, &user, NULL), QUIRE_OK); /* some are there already */
        cr_expect_eq(rig_stats(&w.rig).loads, 8);
        END(&w.rig);
    }
}

Test(advise, populate_checks_permissions_as_a_fault_does)
{
    struct quire_vm_copy privileged = {.privileged = true};
    struct quire_vm_copy wrong = {.thread = 1};
    struct quire_mapping mapping = {.va = RIG_AT(20), .npages = 2, .prot = RIG_READ};
    struct advised w;
    size_t done;

    advised_start(&w, 0, (struct rig_config){0});
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(3), 1, RIG_READ | USER), QUIRE_OK);
    EXPECT(quire_vm_populate(&w.vm, RIG_AT(1), 4, true, &user, &done), QUIRE_DENIED);
    cr_expect_eq(done, 2);
    cr_expect_eq(w.rig.loads, 2, "nothing is loaded that may not be used");
    EXPECT(quire_vm_populate(&w.vm, RIG_AT(1), 4, false, &user, &done), QUIRE_OK);
    cr_expect_eq(done, 4);
    cr_expect_eq(at(&w, 3).entry & QUIRE_ENTRY_WRITE, 0);
    mapping.fobj = &w.store->fobj;
    EXPECT(quire_vm_map(&w.vm, &mapping, NULL), QUIRE_OK); /* not for unprivileged accesses */
    EXPECT(quire_vm_populate(&w.vm, RIG_AT(20), 2, false, &user, &done), QUIRE_DENIED);
    cr_expect_eq(done, 0);
    EXPECT(quire_vm_populate(&w.vm, RIG_AT(20), 2, false, &privileged, &done), QUIRE_OK);
    EXPECT(quire_vm_populate(&w.vm, RIG_AT(14), 4, false, &user, &done), QUIRE_NOT_FOUND);
    cr_expect_eq(done, 2);
    EXPECT(quire_vm_populate(&w.vm, RIG_AT(1), 0, false, &user, &done), QUIRE_INVALID);
    EXPECT(quire_vm_populate(&w.vm, RIG_VA + 1u, 1, false, &user, NULL), QUIRE_INVALID);
    EXPECT(quire_vm_populate(&w.vm, RIG_VA, 1, false, &wrong, &done), QUIRE_INVALID);
    cr_expect_eq(done, 0);
    END(&w.rig);
}

Test(advise, populate_stops_before_it_pushes_out_what_it_brought)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct advised w;
        size_t done;
        uint32_t i;

        /* 10 pages, 9 of which two threads and the reserve may need: the thread's 4 and what is beyond the 9. */
        advised_start(&w, number, (struct rig_config){.pages = 10, .concurrency = 2});
        EXPECT(quire_vm_populate(&w.vm, RIG_VA, 16, true, &user, &done), QUIRE_LIMIT);
        cr_expect_eq(done, 5);
        cr_expect_eq(rig_stats(&w.rig).evictions, 0);
        for (i = 0; i < 5; i++) {
            cr_expect(at(&w, i).resident);
        }
        EXPECT(quire_vm_populate(&w.vm, RIG_VA, 5, true, &user, &done), QUIRE_OK);
        EXPECT(quire_vm_populate(&w.vm, RIG_AT(5), 11, true, &user, &done), QUIRE_LIMIT); /* others may be pushed out */
        cr_expect_eq(done, 5);
        EXPECT(quire_vm_populate(&w.vm, RIG_AT(10), 5, true, &user, &done), QUIRE_OK);
        for (i = w.rig.config.policy == RIG_S3FIFO ? 11 : 10; i < 15; i++) { /* its choice is the newest that may go */
            cr_expect(at(&w, i).resident);
        }
        EXPECT_SOUND(&w.rig);
        END(&w.rig);
    }
}

Test(advise, populate_goes_on_over_pages_that_are_there_however_many)
{
    struct quire_pin pin;
    struct advised w;
    size_t done;

    advised_start(&w, 0, (struct rig_config){.pages = 12});
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 0, 7, false, false, &pin), QUIRE_OK);
    EXPECT(quire_vm_populate(&w.vm, RIG_VA, 7, false, &user, &done), QUIRE_OK); /* pinned: they take no room of others */
    cr_expect_eq(done, 7);
    EXPECT(quire_vm_populate(&w.vm, RIG_VA, 8, false, &user, &done), QUIRE_LIMIT);
    cr_expect_eq(done, 7);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    EXPECT(quire_vm_populate(&w.vm, RIG_VA, 11, false, &user, &done), QUIRE_OK);
    END(&w.rig);
}

/* While page 3 is loaded another thread asks for so much that the first one has to go. */
static enum quire_status push_out_page_0(struct rig_store *store, struct quire_io *io, bool load)
{
    if (load && io->pgidx == 3) {
        push_out(store->rig, store, 0);
    }
    return QUIRE_OK;
}

Test(advise, populate_stops_when_what_it_brought_is_evicted_by_others)
{
    struct advised w;
    size_t done;

    advised_start(&w, 0, (struct rig_config){.pages = 12});
    w.store->before = push_out_page_0;
    EXPECT(quire_vm_populate(&w.vm, RIG_VA, 8, false, &user, &done), QUIRE_LIMIT);
    cr_expect_eq(done, 4);
    w.store->before = NULL;
    END(&w.rig);
}

Test(advise, populate_says_what_the_nth_failure_was)
{
    unsigned number;
    uint64_t nth;

    for (number = 0; number < RIG_MACHINES; number++) {
        for (nth = 1; nth <= 5; nth++) {
            struct advised w;
            size_t done;

            advised_start(&w, number, (struct rig_config){0});
            rig_fail(&w.rig.load_fails, nth, 1, QUIRE_INTEGRITY);
            EXPECT(quire_vm_populate(&w.vm, RIG_VA, 5, true, &user, &done), QUIRE_INTEGRITY);
            cr_expect_eq(done, nth - 1u);
            EXPECT_SOUND(&w.rig);
            quire_sim_fail_map(&w.rig.sim, (uint32_t)nth, 1);
            quire_sim_fail_tables(&w.rig.sim, 1);
            /* Those that are mapped already need no entry. */
            EXPECT(quire_vm_populate(&w.vm, RIG_AT(5), 5, true, &user, &done), QUIRE_NO_TABLE);
            cr_expect_eq(done, nth - 1u);
            quire_sim_fail_map(&w.rig.sim, 0, 0);
            quire_sim_fail_tables(&w.rig.sim, 0);
            EXPECT(quire_vm_populate(&w.vm, RIG_VA, 10, true, &user, &done), QUIRE_OK);
            END(&w.rig);
        }
    }
}

/* ---- Will need ---- */

Test(advise, pages_that_will_be_needed_come_and_wait_unmapped)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct quire_pager_stats stats;
        struct advised w;
        uint32_t i;

        advised_start(&w, number, (struct rig_config){0});
        cr_expect(born(&w, 3));
        EXPECT(quire_vm_advise(&w.vm, RIG_AT(1), 6, WILL_NEED), QUIRE_OK);
        stats = rig_stats(&w.rig);
        cr_expect_eq(stats.loads, 6);
        cr_expect_eq(stats.faults.major, 1);
        cr_expect_eq(at(&w, 1).entry, 0);
        cr_expect_eq(at(&w, 6).entry, 0);
        EXPECT_SOUND(&w.rig);
        for (i = 1; i < 7; i++) {
            cr_expect(born(&w, i));
        }
        cr_expect_eq(rig_stats(&w.rig).loads, 6);
        END(&w.rig);
    }
}

Test(advise, no_page_that_will_be_needed_costs_a_save_or_pushes_out_another)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct advised w;
        uint32_t i;

        advised_start(&w, number, (struct rig_config){.pages = 8, .more_pages = 2});
        write_pages(&w, 0, 8, 50);
        EXPECT(quire_vm_advise(&w.vm, RIG_AT(8), 8, WILL_NEED), QUIRE_OK); /* all are dirty: nothing happens */
        cr_expect_eq(w.rig.saves, 0);
        cr_expect_eq(w.rig.loads, 8);
        cr_expect_eq(resident(&w, 0, 8), 8);
        EXPECT(quire_pager_add_pages(&w.rig.pager, quire_pa_make(RIG_PA + 8u * RIG_PAGE), 2, w.rig.more_pmems), QUIRE_OK);
        EXPECT(quire_vm_advise(&w.vm, RIG_AT(8), 8, WILL_NEED), QUIRE_OK); /* two are free now */
        cr_expect_eq(w.rig.saves, 0);
        cr_expect_eq(resident(&w, 8, 8), 2);
        EXPECT_SOUND(&w.rig);
        for (i = 0; i < 8; i++) {
            cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(i)), (int)(50u + i));
        }
        END(&w.rig);
    }
}

Test(advise, pages_that_will_be_needed_come_in_place_of_clean_ones_as_far_as_there_is_room)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct advised w;
        uint32_t i;

        advised_start(&w, number, (struct rig_config){.pages = 8});
        for (i = 0; i < 8; i++) {
            cr_expect(born(&w, i));
        }
        EXPECT(quire_vm_advise(&w.vm, RIG_AT(8), 8, WILL_NEED), QUIRE_OK);
        cr_expect_eq(w.rig.saves, 0);
        cr_expect_eq(resident(&w, 4, 4), 4, "what the thread needs to get on stays");
        cr_expect_leq(w.rig.loads, 8u + 7u);
        /* S3-FIFO's choice is what came last and was not used yet: what was brought before. */
        cr_expect_geq(resident(&w, 8, 8), w.rig.config.policy == RIG_S3FIFO ? 1 : 3);
        EXPECT_SOUND(&w.rig);
        END(&w.rig);
    }
}

Test(advise, what_cannot_be_loaded_ahead_is_left_for_the_fault)
{
    uint64_t nth;

    for (nth = 1; nth <= 5; nth++) {
        struct advised w;
        uint32_t i;

        advised_start(&w, (unsigned)nth, (struct rig_config){0});
        rig_fail(&w.rig.load_fails, nth, 1, QUIRE_IO);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 5, WILL_NEED), QUIRE_OK);
        cr_expect_eq(resident(&w, 0, 5), 4);
        cr_expect(!at(&w, (uint32_t)nth - 1u).resident);
        EXPECT_SOUND(&w.rig);
        for (i = 0; i < 5; i++) {
            cr_expect(born(&w, i));
        }
        END(&w.rig);
    }
}

static struct advised *dying;

static enum quire_status unmap_while_loading(struct rig_store *store, struct quire_io *io, bool load)
{
    if (load && io->pgidx == 2) { /* the object dies with its only area while its page comes in */
        EXPECT(quire_vm_unmap(&dying->vm, RIG_VA, 16), QUIRE_OK);
        EXPECT(rig_store_put(store), QUIRE_OK);
    }
    return QUIRE_OK;
}

Test(advise, object_may_die_while_its_pages_are_brought_in)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct advised w;

        advised_start(&w, number, (struct rig_config){0});
        dying = &w;
        w.store->before = unmap_while_loading;
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 16, WILL_NEED), QUIRE_NOT_FOUND);
        cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_FREE], 16);
        cr_expect_eq(w.store->freed, 1);
        END(&w.rig);
    }
}

/* ---- Do not need ---- */

Test(advise, pages_that_are_not_needed_leave_and_keep_what_they_hold)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct advised w;
        uint32_t i;

        advised_start(&w, number, (struct rig_config){0});
        write_pages(&w, 0, 4, 30);
        for (i = 4; i < 8; i++) {
            cr_expect(born(&w, i));
        }
        EXPECT(quire_vm_advise(&w.vm, RIG_AT(2), 4, DONT_NEED), QUIRE_OK);
        cr_expect_eq(resident(&w, 0, 8), 4);
        cr_expect_eq(resident(&w, 2, 4), 0);
        cr_expect_eq(w.rig.saves, 2);
        cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_FREE], 12);
        EXPECT_SOUND(&w.rig);
        for (i = 0; i < 4; i++) {
            cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(i)), (int)(30u + i));
        }
        cr_expect(born(&w, 4));
        cr_expect(born(&w, 5));
        END(&w.rig);
    }
}

Test(advise, pages_that_others_show_or_pin_stay)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct quire_vm other;
        struct quire_pin pin;
        struct advised w;

        advised_start(&w, number, (struct rig_config){0});
        rig_vm_start(&w.rig, &other);
        EXPECT(rig_map(&other, &w.store->fobj, RIG_VA, RW), QUIRE_OK);
        write_pages(&w, 0, 4, 30);
        cr_expect_eq(rig_byte(&w.rig, &other, RIG_AT(1)), 31);
        EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 2, 1, false, false, &pin), QUIRE_OK);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 4, DONT_NEED), QUIRE_OK);
        cr_expect(!at(&w, 0).resident);
        cr_expect(at(&w, 1).resident);
        cr_expect(at(&w, 2).resident);
        cr_expect(!at(&w, 3).resident);
        cr_expect_eq(at(&w, 1).entry, 0, "but the context's own entry went");
        cr_expect_neq(rig_query(&other, RIG_AT(1)).entry, 0);
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_unpin(&pin), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(1)), 31);
        END(&w.rig);
    }
}

Test(advise, page_whose_save_fails_stays_and_stays_dirty)
{
    unsigned number;
    uint64_t nth;

    for (number = 0; number < RIG_MACHINES; number++) {
        for (nth = 1; nth <= 4; nth++) {
            struct advised w;
            uint32_t i;

            advised_start(&w, number, (struct rig_config){0});
            write_pages(&w, 0, 4, 30);
            rig_fail(&w.rig.save_fails, nth, 1, QUIRE_IO);
            EXPECT(quire_vm_advise(&w.vm, RIG_VA, 4, DONT_NEED), QUIRE_OK);
            cr_expect_eq(resident(&w, 0, 4), 1);
            cr_expect(at(&w, (uint32_t)nth - 1u).dirty);
            EXPECT_SOUND(&w.rig);
            for (i = 0; i < 4; i++) {
                cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(i)), (int)(30u + i));
            }
            END(&w.rig);
        }
    }
}

/* ---- Free ---- */

Test(advise, freed_page_is_never_saved_and_shows_what_it_was_born_with_once_it_is_evicted)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct advised w;
        uint32_t i;

        advised_start(&w, number, (struct rig_config){0});
        write_pages(&w, 0, 4, 30);
        EXPECT(quire_vm_advise(&w.vm, RIG_AT(1), 2, FREE), QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).let_go, 2);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(1)), 31, "as long as it is resident nothing changed");
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 4, DONT_NEED), QUIRE_OK);
        cr_expect_eq(w.store->saves_of[1] + w.store->saves_of[2], 0);
        cr_expect_eq(w.rig.saves, 2);
        cr_expect(born(&w, 1));
        cr_expect(born(&w, 2));
        for (i = 0; i < 4; i += 3) {
            cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(i)), (int)(30u + i));
        }
        END(&w.rig);
    }
}

Test(advise, older_content_that_was_saved_never_comes_back)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct advised w;

        advised_start(&w, number, (struct rig_config){0});
        write_pages(&w, 0, 3, 30);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 3, DONT_NEED), QUIRE_OK); /* the store has 30, 31, 32 */
        write_pages(&w, 0, 2, 60);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 3, FREE), QUIRE_OK); /* 0 and 1 resident, 2 only stored */
        EXPECT_SOUND(&w.rig);
        cr_expect(born(&w, 2));
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 3, DONT_NEED), QUIRE_OK);
        cr_expect(born(&w, 0));
        cr_expect(born(&w, 1));
        cr_expect_eq(w.rig.saves, 3);
        END(&w.rig);
    }
}

Test(advise, page_that_is_written_again_after_it_was_freed_is_as_any_other)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct advised w;

        advised_start(&w, number, (struct rig_config){0});
        write_pages(&w, 0, 4, 30);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(2)), 32);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 4, FREE), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(1)), 31);
        write_pages(&w, 0, 2, 90); /* without a read in between, and with one */
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 4, DONT_NEED), QUIRE_OK);
        cr_expect_eq(w.rig.saves, 2);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(0)), 90);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(1)), 91);
        cr_expect(born(&w, 2));
        END(&w.rig);
    }
}

static struct advised *racing;

/* Another processor, which remembers the entry, writes just before it is told to forget; later writes must fault. */
static void write_before_flush(void *unused, const struct quire_batch *batch)
{
    unsigned char byte = 77;

    (void)unused;
    (void)batch;
    if (racing != NULL) {
        enum quire_sim_outcome outcome =
            quire_sim_access(&racing->rig.sim, 1, &racing->vm, RIG_AT(1), RIG_WRITE, false, &byte, 1);

        cr_expect(outcome == QUIRE_SIM_DONE || racing->rig.sim.flushing > 1, "it remembers the entry");
    }
}

Test(advise, write_that_races_with_the_freeing_is_lost_or_kept_whole_and_the_next_one_is_kept)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct advised w;
        int byte;

        advised_start(&w, number, (struct rig_config){.flushing = write_before_flush});
        racing = NULL;
        write_pages(&w, 0, 4, 30);
        cr_expect_eq(rig_access(&w.rig, 1, 0, &w.vm, RIG_AT(1), RIG_WRITE, &(unsigned char){31}, 1), QUIRE_OK);
        racing = &w;
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 4, FREE), QUIRE_OK);
        racing = NULL;
        EXPECT_SOUND(&w.rig);
        byte = rig_byte(&w.rig, &w.vm, RIG_AT(1));
        cr_expect(byte == 77 || byte == 31, "%d", byte);
        cr_expect_eq(rig_access(&w.rig, 1, 0, &w.vm, RIG_AT(1), RIG_WRITE, &(unsigned char){78}, 1), QUIRE_OK);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 4, DONT_NEED), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(1)), 78);
        END(&w.rig);
    }
}

Test(advise, page_without_a_save_operation_can_be_evicted_once_it_is_freed)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct quire_fobj_zero_config config = {.num_pages = 4};
        static struct quire_fobj_zero zero;
        static uint32_t slots[4];
        struct quire_sim_watch watch;
        struct advised w;

        advised_start(&w, number, (struct rig_config){.pages = 8});
        config.slots = slots;
        EXPECT(quire_fobj_zero_init(&zero, &config), QUIRE_OK);
        EXPECT(quire_sim_watch_fobj(&watch, &w.rig.sim, &zero.base), QUIRE_OK);
        EXPECT(rig_map(&w.vm, &zero.base, RIG_AT(20), RW), QUIRE_OK);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(20), 9), QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).fixed, 1);
        EXPECT(quire_vm_advise(&w.vm, RIG_AT(20), 4, DONT_NEED), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(20)), 9);
        EXPECT(quire_vm_advise(&w.vm, RIG_AT(20), 4, FREE), QUIRE_OK);
        cr_expect_eq(rig_stats(&w.rig).fixed, 0);
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_vm_advise(&w.vm, RIG_AT(20), 4, DONT_NEED), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(20)), 0);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(20), 9), QUIRE_OK);
        EXPECT(quire_fobj_put(&zero.base), QUIRE_OK);
        END(&w.rig);
    }
}

Test(advise, what_is_shared_pinned_read_only_or_unable_to_forget_is_not_freed)
{
    struct rig_store *keeps;
    struct quire_vm other;
    struct quire_pin pin;
    struct advised w;

    advised_start(&w, QUIRE_SIM_HW_ACCESSED, (struct rig_config){0});
    keeps = rig_store_new(&w.rig, 2, RW);
    EXPECT(rig_map(&w.vm, &keeps->fobj, RIG_AT(20), RW), QUIRE_OK);
    EXPECT(quire_vm_advise(&w.vm, RIG_AT(20), 2, FREE), QUIRE_DENIED);
    write_pages(&w, 0, 8, 30);
    EXPECT(quire_vm_protect(&w.vm, RIG_AT(6), 1, RIG_READ | USER), QUIRE_OK);
    EXPECT(quire_vm_advise(&w.vm, RIG_AT(4), 4, FREE), QUIRE_DENIED);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 5, 1, false, false, &pin), QUIRE_OK);
    EXPECT(quire_vm_advise(&w.vm, RIG_AT(4), 2, FREE), QUIRE_BUSY);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    rig_vm_start(&w.rig, &other);
    EXPECT(quire_vm_map(
               &other,
               &(struct quire_mapping){.fobj = &w.store->fobj, .first = 2, .npages = 1, .va = RIG_VA, .prot = RIG_READ | USER},
               NULL),
           QUIRE_OK);
    EXPECT(quire_vm_advise(&w.vm, RIG_VA, 4, FREE), QUIRE_BUSY);
    cr_expect_eq(rig_stats(&w.rig).let_go, 0);
    EXPECT(quire_vm_advise(&w.vm, RIG_VA, 2, FREE), QUIRE_OK); /* of which the other shows nothing */
    cr_expect_eq(rig_stats(&w.rig).let_go, 2);
    EXPECT(quire_vm_advise(&w.vm, RIG_AT(3), 13, DONT_NEED), QUIRE_OK);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(4)), 34);
    END(&w.rig);
}

/* While the flush of the freeing is on its way, unlocked, somebody else maps the object. */
static struct quire_vm late;
static bool mapped_late;

static void map_before_flush(void *unused, const struct quire_batch *batch)
{
    (void)unused;
    (void)batch;
    if (racing != NULL && !mapped_late) {
        mapped_late = true;
        EXPECT(rig_map(&late, &racing->store->fobj, RIG_VA, RW), QUIRE_OK);
    }
}

Test(advise, object_that_becomes_shared_under_way_is_not_freed)
{
    unsigned number;

    for (number = 0; number < 4u; number++) {
        struct advised w;

        racing = NULL;
        mapped_late = false;
        advised_start(&w, 4u + number, (struct rig_config){.flushing = map_before_flush});
        rig_vm_start(&w.rig, &late);
        write_pages(&w, 0, 4, 30);
        racing = &w;
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 4, FREE), QUIRE_BUSY);
        racing = NULL;
        cr_expect(mapped_late);
        cr_expect_eq(rig_stats(&w.rig).let_go, 0);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 4, DONT_NEED), QUIRE_OK);
        cr_expect_eq(rig_byte(&w.rig, &late, RIG_AT(3)), 33);
        END(&w.rig);
    }
}

static enum quire_status free_while_working(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    (void)load;
    (void)io;
    EXPECT(quire_vm_advise(&racing->vm, RIG_VA, 1, FREE), QUIRE_OK);
    return QUIRE_OK;
}

Test(advise, page_at_its_store_is_not_freed)
{
    struct advised w;

    advised_start(&w, QUIRE_SIM_NO_FLAGS, (struct rig_config){0});
    racing = &w;
    write_pages(&w, 0, 1, 30);
    w.store->before = free_while_working;
    EXPECT(quire_vm_advise(&w.vm, RIG_VA, 1, DONT_NEED), QUIRE_OK); /* saved, and freed meanwhile: has what was saved */
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(0)), 30);
    w.store->before = NULL;
    cr_expect_eq(rig_stats(&w.rig).let_go, 0);
    END(&w.rig);
}

/* ---- Ranges, of all three ---- */

Test(advise, advice_goes_on_behind_holes_and_passes_over_unpaged_objects)
{
    static const enum quire_advice all[] = {WILL_NEED, DONT_NEED, FREE};
    struct world w;
    unsigned i;

    for (i = 0; i < 3; i++) {
        uintptr_t first = RIG_AT(6);

        world_start(&w); /* [data 0..5][data 6..7] hole [code 16..17] hole [both 24..25] hole [unpaged 32..35] */
        EXPECT(quire_vm_unmap(&w.vm2, RIG_VA, 8), QUIRE_OK);
        EXPECT(quire_vm_unmap(&w.vm, CODE, 2), QUIRE_OK);
        rig_store_forgets(w.data);
        rig_store_forgets(w.both);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(7), 5), QUIRE_OK);
        if (all[i] == FREE) {
            EXPECT(quire_vm_advise(&w.vm, first, 30, all[i]), QUIRE_INVALID); /* an unpaged object is among it */
            cr_expect_eq(rig_stats(&w.rig).let_go, 0);
        }
        EXPECT(quire_vm_advise(&w.vm, first, 20, all[i]), QUIRE_NOT_FOUND);
        EXPECT_SOUND(&w.rig);
        switch (all[i]) {
        case WILL_NEED:
            cr_expect(rig_query(&w.vm, RIG_AT(6)).resident);
            cr_expect(rig_query(&w.vm, BOTH + RIG_PAGE).resident);
            break;
        case DONT_NEED:
            cr_expect(!rig_query(&w.vm, RIG_AT(7)).resident);
            cr_expect(!rig_query(&w.vm, BOTH).resident);
            break;
        case FREE:
        default:
            cr_expect(!rig_query(&w.vm, RIG_AT(7)).dirty);
            cr_expect(!rig_query(&w.vm, BOTH).dirty);
            break;
        }
        if (all[i] != FREE) {
            EXPECT(quire_vm_advise(&w.vm, UNPAGED, 4, all[i]), QUIRE_OK);
            EXPECT(quire_vm_advise(&w.vm, UNPAGED, 1, all[i]), QUIRE_OK);
            EXPECT(quire_vm_advise(&w.vm, UNPAGED + 3u * RIG_PAGE, 2, all[i]), QUIRE_NOT_FOUND);
            cr_expect_neq(rig_query(&w.vm, UNPAGED).entry, 0);
        }
        EXPECT(quire_vm_advise(&w.vm, RIG_AT(8), 8, all[i]), QUIRE_NOT_FOUND);
        EXPECT(quire_vm_advise(&w.vm, RIG_AT(63), 1, all[i]), QUIRE_NOT_FOUND);
        EXPECT(quire_vm_advise(&w.vm, RIG_AT(63), 2, all[i]), QUIRE_INVALID);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA - RIG_PAGE, 2, all[i]), QUIRE_INVALID);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 0, all[i]), QUIRE_INVALID);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA + 8u, 1, all[i]), QUIRE_INVALID);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 1, (enum quire_advice)3), QUIRE_INVALID);
        END(&w.rig);
    }
}

Test(advise, page_that_an_mmu_does_not_let_go_of_keeps_its_content)
{
    static const enum quire_advice both[] = {DONT_NEED, FREE};
    unsigned number;

    for (number = 0; number < 2u * RIG_MACHINES; number++) {
        struct advised w;
        uint32_t i;

        advised_start(&w, number / 2u, (struct rig_config){0});
        write_pages(&w, 0, 3, 30);
        EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(1), 1), QUIRE_OK);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 3, both[number % 2u]), QUIRE_STUCK);
        EXPECT_SOUND(&w.rig);
        EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
        EXPECT(quire_vm_advise(&w.vm, RIG_VA, 3, DONT_NEED), QUIRE_OK);
        for (i = 0; i < 3; i++) {
            if (i == 1 || number % 2u == 0) {
                cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(i)), (int)(30u + i));
            } else {
                cr_expect(born(&w, i));
            }
        }
        END(&w.rig);
    }
}

/* During a load or save, once. */
static enum quire_status end_the_context(struct rig_store *store, struct quire_io *io, bool load)
{
    struct advised *w = store->user;

    (void)io;
    (void)load;
    EXPECT(quire_vm_fini(&w->vm), QUIRE_BUSY);
    store->before = NULL;
    return QUIRE_OK;
}

Test(advise, context_does_not_end_while_advice_on_it_is_under_way)
{
    struct advised w;

    advised_start(&w, 0, (struct rig_config){0});
    w.store->user = &w;
    w.store->before = end_the_context;
    EXPECT(quire_vm_advise(&w.vm, RIG_VA, 1, WILL_NEED), QUIRE_OK);
    cr_expect_null(w.store->before, "nothing was loaded");
    write_pages(&w, 0, 1, 30);
    w.store->before = end_the_context;
    EXPECT(quire_vm_advise(&w.vm, RIG_VA, 1, DONT_NEED), QUIRE_OK);
    cr_expect_null(w.store->before, "nothing was saved");
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_VA), 30);
    END(&w.rig);
}
