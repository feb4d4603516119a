/* pager.h: making room. Who is evicted, who may not be, what is left when nobody can, and policies of a user's own. */
#include "rig_test.h"

struct world {
    struct rig rig;
    struct quire_vm vm;
    struct rig_store *store;
};

/* Five pages (the minimum unless told), a context of 64, and an object of 16 at RIG_VA. */
static void world_start(struct world *w, struct rig_config config)
{
    config.pages = config.pages != 0 ? config.pages : 5u;
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    w->store = rig_store_new(&w->rig, 16, RW);
    EXPECT(rig_map(&w->vm, &w->store->fobj, RIG_VA, RW), QUIRE_OK);
}

static void read_all(struct world *w, uint32_t first, uint32_t n)
{
    uint32_t i;

    for (i = first; i < first + n; i++) {
        cr_expect(born_at(&w->rig, &w->vm, RIG_AT(i), w->store, i));
    }
}

static bool resident(struct world *w, uint32_t page)
{
    return rig_query(&w->vm, RIG_AT(page)).resident;
}

/* ---- Who gives way ---- */

Test(pager_evict, eviction_keeps_what_was_written)
{
    unsigned number;
    uint32_t i;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){.eager = true});
        struct world w;

        world_start(&w, config);
        for (i = 0; i < 16; i++) {
            EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(i) + i, (unsigned char)(200u + i)), QUIRE_OK);
        }
        EXPECT_SOUND(&w.rig);
        for (i = 0; i < 16; i++) {
            cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(i) + i), (int)(200u + i));
        }
        cr_expect_geq(rig_stats(&w.rig).saves, 11);
        cr_expect_geq(rig_stats(&w.rig).evictions, 22);
        END(&w.rig);
    }
}

Test(pager_evict, clean_page_is_evicted_without_a_save)
{
    struct rig_config config = {.flags = QUIRE_SIM_HW_ACCESSED_DIRTY};
    struct world w;

    world_start(&w, config);
    read_all(&w, 0, 16);
    cr_expect_eq(rig_stats(&w.rig).saves, 0);
    cr_expect_eq(rig_stats(&w.rig).evictions, 11);
    END(&w.rig);
}

Test(pager_evict, page_that_many_contexts_show_is_evicted_from_all)
{
    struct rig_config config = {.vms = 4, .eager = true};
    struct quire_vm more[3];
    struct world w;
    unsigned i;

    world_start(&w, config);
    cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
    for (i = 0; i < 3; i++) {
        rig_vm_start(&w.rig, &more[i]);
        EXPECT(rig_map(&more[i], &w.store->fobj, RIG_AT(3u * i), RW), QUIRE_OK);
        cr_expect(born_at(&w.rig, &more[i], RIG_AT(3u * i), w.store, 0));
    }
    cr_expect_eq(w.store->loads_of[0], 1);
    read_all(&w, 1, 12);
    cr_expect(!resident(&w, 0));
    EXPECT_SOUND(&w.rig);
    for (i = 0; i < 3; i++) {
        cr_expect_eq(rig_query(&more[i], RIG_AT(3u * i)).entry, 0);
        cr_expect(born_at(&w.rig, &more[i], RIG_AT(3u * i), w.store, 0));
    }
    cr_expect_eq(w.store->loads_of[0], 2);
    END(&w.rig);
}

Test(pager_evict, instruction_that_needs_all_its_pages_at_once_finishes_in_the_minimum)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number++) {
        struct rig_config config = rig_machine(number, (struct rig_config){0});
        struct quire_sim_operand operand[4];
        struct quire_sim_thread thread = {.wait_ok = true};
        unsigned char bytes[4] = {1, 2, 3, 4};
        struct world w;
        uint32_t round;
        uint32_t i;

        world_start(&w, config);
        for (round = 0; round < 6; round++) {
            for (i = 0; i < 4; i++) {
                operand[i].va = RIG_AT((round * 3u + i * 5u) % 16u);
                operand[i].access = i % 2u == 0 ? RIG_WRITE : RIG_READ;
                operand[i].bytes = &bytes[i];
                operand[i].len = 1;
            }
            EXPECT(quire_sim_step(&w.rig.sim, &thread, &w.vm, operand, 4), QUIRE_OK);
        }
        END(&w.rig);
    }
}

/* ---- Nobody can give way ---- */

Test(pager_evict, locked_object_is_never_evicted_and_never_takes_the_minimum)
{
    struct rig_config config = {.pages = 8};
    struct world w;
    struct rig_store *locked;
    struct quire_fault_result out;
    uint32_t i;

    world_start(&w, config);
    locked = rig_store_new(&w.rig, 4, RW);
    locked->fobj.flags = QUIRE_FOBJ_LOCKED;
    EXPECT(rig_map(&w.vm, &locked->fobj, RIG_AT(32), RW), QUIRE_OK);
    for (i = 0; i < 3; i++) {
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(32u + i), locked, i));
    }
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(35), RIG_READ, &out), QUIRE_NO_PAGE);
    cr_expect_eq(out.kind, QUIRE_FAULT_REFUSED);
    cr_expect_eq(rig_stats(&w.rig).fixed, 3);
    EXPECT_SOUND(&w.rig);
    read_all(&w, 0, 16);
    for (i = 0; i < 3; i++) {
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(32u + i), (unsigned char)i),
               QUIRE_OK); /* dirty and locked: no more than locked */
    }
    read_all(&w, 0, 16);
    for (i = 0; i < 3; i++) {
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(32u + i)), (int)i);
        cr_expect_eq(locked->loads_of[i], 1);
        cr_expect_eq(locked->saves_of[i], 0);
    }
    END(&w.rig);
}

Test(pager_evict, page_that_cannot_be_saved_stays_once_it_is_dirty)
{
    unsigned number;

    for (number = 0; number < 4; number++) {
        struct rig_config config = {.pages = 8, .flags = (enum quire_sim_flags)number};
        struct world w;
        struct rig_store *unsaved;
        uint32_t i;

        world_start(&w, config);
        unsaved = store_that_never_saves(&w.rig, 8, RW);
        EXPECT(rig_map(&w.vm, &unsaved->fobj, RIG_AT(32), RW), QUIRE_OK);
        for (i = 0; i < 3; i++) {
            EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(32u + i), (unsigned char)(i + 50u)), QUIRE_OK);
        }
        cr_expect_eq(rig_stats(&w.rig).fixed, 3);
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(35), unsaved, 3), "read-only use may be evicted");
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(35), 1), QUIRE_NO_PAGE);
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(36), 1), QUIRE_NO_PAGE);
        cr_expect(born_at(&w.rig, &w.vm, RIG_AT(35), unsaved, 3), "nothing else changed");
        EXPECT_SOUND(&w.rig);
        read_all(&w, 0, 16);
        for (i = 0; i < 3; i++) {
            cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(32u + i)), (int)(i + 50u));
            cr_expect_eq(unsaved->loads_of[i], 1);
        }
        END(&w.rig);
    }
}

Test(pager_evict, fault_finds_no_page_when_all_that_are_not_kept_are_quarantined)
{
    struct rig_config config = {.policy = RIG_FIFO};
    struct quire_fault_result out;
    struct world w;
    uint32_t i;

    world_start(&w, config);
    read_all(&w, 0, 5);
    for (i = 0; i < 5; i++) {
        EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(i), UINT32_MAX), QUIRE_OK);
    }
    /* Four of them are kept for the thread; that it needs another one lets go of the first of these. */
    for (i = 0; i < 3; i++) {
        EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(8), RIG_READ, &out), QUIRE_NO_PAGE);
        cr_expect_eq(out.store, QUIRE_OK, "no save failed");
    }
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_QUARANTINED], 2);
    EXPECT_SOUND(&w.rig);
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_STUCK);
    for (i = 0; i < 5; i++) {
        EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_AT(i), 0), QUIRE_OK);
    }
    EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
    read_all(&w, 0, 16);
    END(&w.rig);
}

Test(pager_evict, eviction_that_meets_a_stuck_entry_takes_another_page)
{
    unsigned number;

    for (number = 0; number < 4; number++) {
        struct rig_config config = {.pages = 7, .flags = (enum quire_sim_flags)number};
        struct world w;

        world_start(&w, config);
        cr_expect(born_at(&w.rig, &w.vm, RIG_VA, w.store, 0));
        EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_VA, UINT32_MAX), QUIRE_OK);
        read_all(&w, 1, 15);
        cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_QUARANTINED], 1);
        EXPECT_SOUND(&w.rig);
        cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_VA), rig_born(w.store->tag, 0, 0), "its entry is as it was");
        EXPECT(quire_sim_stick(&w.rig.sim, &w.vm, RIG_VA, 0), QUIRE_OK);
        EXPECT(quire_pager_unstick(&w.rig.pager), QUIRE_OK);
        read_all(&w, 0, 16);
        END(&w.rig);
    }
}

/* ---- What the store does while a page is on its way out ---- */

static unsigned victim_page;
static enum quire_status victim_status;

static enum quire_status fault_for_the_victim(struct rig_store *store, struct quire_io *io, bool load)
{
    struct world *w = store->user;
    struct quire_fault fault = {.access = RIG_READ, .thread = 1};

    if (!load) {
        store->before = NULL;
        victim_page = io->pgidx;
        fault.va = RIG_AT(victim_page);
        victim_status = quire_pager_fault(&w->rig.pager, &w->vm, &fault, NULL);
    }
    return QUIRE_OK;
}

Test(pager_evict, page_that_is_wanted_while_it_is_saved_stays)
{
    struct rig_config config = {.pages = 9, .concurrency = 2, .flags = QUIRE_SIM_HW_ACCESSED};
    struct world w;
    uint32_t i;

    world_start(&w, config);
    w.store->before = fault_for_the_victim;
    w.store->user = &w;
    for (i = 0; i < 16; i++) {
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(i), (unsigned char)i), QUIRE_OK);
        if (w.store->before == NULL) {
            break;
        }
    }
    EXPECT(victim_status, QUIRE_AGAIN);
    cr_expect(resident(&w, victim_page));
    cr_expect(!rig_query(&w.vm, RIG_AT(victim_page)).dirty, "it was saved");
    EXPECT_SOUND(&w.rig);
    cr_expect_eq(rig_byte(&w.rig, &w.vm, RIG_AT(victim_page)), (int)victim_page);
    cr_expect_eq(w.store->loads_of[victim_page], 1);
    END(&w.rig);
}

static enum quire_status fault_for_what_is_claimed(struct rig_store *store, struct quire_io *io, bool load)
{
    struct world *w = store->user;
    struct quire_fault fault = {.va = RIG_AT(15), .access = RIG_READ, .thread = 1};

    (void)io;
    if (!load) {
        store->before = NULL;
        victim_status = quire_pager_fault(&w->rig.pager, &w->vm, &fault, NULL);
    }
    return QUIRE_OK;
}

Test(pager_evict, fault_for_a_page_that_another_is_making_room_for_says_again)
{
    struct rig_config config = {.pages = 9, .concurrency = 2};
    struct world w;
    uint32_t i;

    world_start(&w, config);
    for (i = 0; i < 9; i++) {
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(i), 1), QUIRE_OK);
    }
    w.store->before = fault_for_what_is_claimed;
    w.store->user = &w;
    victim_status = QUIRE_OK;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(15), RIG_READ, NULL), QUIRE_OK);
    EXPECT(victim_status, QUIRE_AGAIN);
    cr_expect_eq(w.store->loads_of[15], 1);
    END(&w.rig);
}

static enum quire_status fill_meanwhile(struct rig_store *store, struct quire_io *io, bool load)
{
    struct world *w = store->user;
    struct quire_fault fault = {.access = RIG_READ, .thread = 1};
    uint32_t i;

    (void)io;
    if (load) {
        store->before = NULL;
        victim_status = QUIRE_OK;
        for (i = 8; i < 16 && victim_status == QUIRE_OK; i++) {
            fault.va = RIG_AT(i);
            victim_status = quire_pager_fault(&w->rig.pager, &w->vm, &fault, NULL);
        }
    }
    return QUIRE_OK;
}

Test(pager_evict, forward_progress_of_a_second_thread_needs_no_page_of_the_first)
{
    struct rig_config config = {.pages = 9, .concurrency = 2}; /* exactly the minimum */
    struct world w;

    world_start(&w, config);
    read_all(&w, 0, 7);
    w.store->before = fill_meanwhile;
    w.store->user = &w;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(7), RIG_READ, NULL), QUIRE_OK);
    EXPECT(victim_status, QUIRE_OK);
    END(&w.rig);
}

/* Each load asks for the next page before it ends, until no page is left that is not on its way in. */
static enum quire_status deepest;
static uint32_t depth;

static enum quire_status ask_for_the_next(struct rig_store *store, struct quire_io *io, bool load)
{
    struct world *w = store->user;
    struct quire_pin pin;
    enum quire_status status;

    if (load && io->pgidx < 15) {
        status = quire_pin_fobj(&w->rig.pager, &store->fobj, io->pgidx + 1u, 1, false, true, &pin);
        if (status == QUIRE_OK) {
            EXPECT(quire_unpin(&pin), QUIRE_OK);
        } else if (depth == 0) {
            depth = io->pgidx + 1u;
            deepest = status;
        }
    }
    return QUIRE_OK;
}

Test(pager_evict, operation_that_finds_every_page_in_transit_says_again)
{
    struct rig_config config = {.flags = QUIRE_SIM_HW_ACCESSED};
    struct world w;

    world_start(&w, config);
    w.store->before = ask_for_the_next;
    w.store->user = &w;
    depth = 0;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_VA, RIG_READ, NULL), QUIRE_OK);
    cr_expect_eq(depth, 5);
    EXPECT(deepest, QUIRE_AGAIN);
    EXPECT_SOUND(&w.rig);
    w.store->before = NULL;
    read_all(&w, 0, 16);
    END(&w.rig);
}

static enum quire_status kill_meanwhile(struct rig_store *store, struct quire_io *io, bool load)
{
    struct rig_store *other = store->user;
    struct world *w = other->user;

    (void)io;
    if (!load && !other->kept_put) {
        EXPECT(quire_vm_unmap(&w->vm, RIG_AT(32), 2), QUIRE_OK);
        EXPECT(rig_store_put(other), QUIRE_OK);
        cr_expect_eq(other->freed, 0, "a fault makes room for it");
    }
    return QUIRE_OK;
}

Test(pager_evict, object_that_dies_while_a_fault_makes_room_for_it_is_dead_to_the_fault)
{
    struct rig_config config = {.flags = QUIRE_SIM_HW_ACCESSED};
    struct rig_store *other;
    struct world w;
    uint32_t i;

    world_start(&w, config);
    other = rig_store_new(&w.rig, 2, RW);
    other->user = &w;
    EXPECT(rig_map(&w.vm, &other->fobj, RIG_AT(32), RW), QUIRE_OK);
    for (i = 0; i < 5; i++) {
        EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(i), 1), QUIRE_OK);
    }
    w.store->before = kill_meanwhile;
    w.store->user = other;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(32), RIG_READ, NULL), QUIRE_DEAD);
    cr_expect_eq(other->freed, 1);
    END(&w.rig);
}

/* ---- Unlocked flushes ---- */

static struct world *flushing_world;
static enum quire_status during_flush[9];

static void look_during_flush(void *user, const struct quire_batch *batch)
{
    struct world *w = flushing_world;
    struct quire_fault fault = {.access = RIG_READ, .thread = 1};

    (void)user;
    (void)batch;
    if (w == NULL) {
        return;
    }
    flushing_world = NULL;
    fault.va = RIG_AT(2);
    during_flush[0] = quire_pager_fault(&w->rig.pager, &w->vm, &fault, NULL);
    during_flush[1] = quire_pager_invalidate(&w->rig.pager, &w->store->fobj, 2, 1);
    during_flush[2] = quire_pager_write_back(&w->rig.pager, &w->store->fobj, 2, 1, false);
    during_flush[3] = quire_vm_unmap(&w->vm, RIG_VA, 1);
    during_flush[4] = quire_vm_protect(&w->vm, RIG_VA, 1, RIG_READ);
    during_flush[5] = quire_vm_remap(&w->vm, RIG_VA, 1, RIG_AT(40));
    during_flush[6] = quire_vm_merge(&w->vm, RIG_VA);
    during_flush[7] = quire_vm_drop_range(&w->vm, RIG_VA, 1);
    during_flush[8] = rig_map(&w->vm, &w->store->fobj, RIG_AT(40), RW);
    EXPECT(quire_vm_fini(&w->vm), QUIRE_BUSY);
}

Test(pager_evict, operations_that_meet_an_unlocked_flush_of_their_context_say_again)
{
    struct rig_config config = {.pages = 16, .concurrency = 2, .flush_unlocked = true, .flushing = look_during_flush};
    struct world w;
    uint32_t i;

    memset(during_flush, 0, sizeof during_flush);
    world_start(&w, config);
    EXPECT(rig_poke(&w.rig, &w.vm, RIG_AT(2), 1), QUIRE_OK);
    flushing_world = &w;
    EXPECT(quire_vm_drop_range(&w.vm, RIG_VA, 4), QUIRE_OK);
    cr_expect_null(flushing_world, "there was a flush");
    EXPECT(during_flush[0], QUIRE_AGAIN);
    cr_expect(during_flush[1] == QUIRE_AGAIN || during_flush[1] == QUIRE_DIRTY);
    for (i = 2; i < 9; i++) {
        EXPECT(during_flush[i], QUIRE_AGAIN);
    }
    cr_expect_eq(w.vm.num_areas, 1);
    EXPECT_SOUND(&w.rig);
    for (i = 0; i < 4; i++) {
        cr_expect_neq(rig_byte(&w.rig, &w.vm, RIG_AT(i)), -1);
    }
    END(&w.rig);
}

/* ---- A user's own policy ---- */

/* Evicts the page that became resident last; and lies, if told to. */
struct lifo {
    struct quire_policy base;
    uint32_t page[64];
    uint32_t count;
    uint32_t asked;
    bool lies;
    uint32_t lie;
};

static void lifo_insert(struct quire_policy *policy, uint32_t number, uint32_t distance)
{
    struct lifo *lifo = QUIRE_CONTAINER_OF(policy, struct lifo, base);

    (void)distance;
    lifo->page[lifo->count++] = number;
}

static void lifo_remove(struct quire_policy *policy, uint32_t number)
{
    struct lifo *lifo = QUIRE_CONTAINER_OF(policy, struct lifo, base);
    uint32_t i;

    for (i = 0; lifo->page[i] != number; i++) {
    }
    for (lifo->count--; i < lifo->count; i++) {
        lifo->page[i] = lifo->page[i + 1u];
    }
}

static uint32_t lifo_victim(struct quire_policy *policy)
{
    struct lifo *lifo = QUIRE_CONTAINER_OF(policy, struct lifo, base);
    uint32_t i;

    lifo->asked++;
    if (lifo->lies) {
        return lifo->lie;
    }
    for (i = lifo->count; i > 0; i--) {
        if ((policy->host.state(policy->host.ctx, lifo->page[i - 1u]) & QUIRE_PAGE_FIXED) == 0) {
            return lifo->page[i - 1u];
        }
    }
    return QUIRE_PAGE_NONE;
}

static bool lifo_check(struct quire_policy *policy, uint32_t n)
{
    return QUIRE_CONTAINER_OF(policy, struct lifo, base)->count == n;
}

static const struct quire_policy_ops lifo_ops = {"lifo", lifo_insert, lifo_remove, lifo_victim, lifo_check};

static void world_start_with(struct world *w, struct lifo *lifo, struct rig_config config)
{
    struct quire_pager_config pager;

    config.pages = 8;
    rig_start(&w->rig, &config);
    memset(lifo, 0, sizeof *lifo);
    lifo->base.ops = &lifo_ops;
    pager = rig_pager_config(&w->rig);
    pager.policy = &lifo->base;
    EXPECT(quire_pager_fini(&w->rig.pager), QUIRE_OK);
    EXPECT(quire_pager_init(&w->rig.pager, &pager), QUIRE_OK);
    rig_vm_start(&w->rig, &w->vm);
    w->store = rig_store_new(&w->rig, 16, RW);
    EXPECT(rig_map(&w->vm, &w->store->fobj, RIG_VA, RW), QUIRE_OK);
}

Test(pager_evict, policy_of_a_user_chooses_who_is_evicted)
{
    struct rig_config config = {.flags = QUIRE_SIM_HW_ACCESSED};
    struct world w;
    struct lifo lifo;
    uint32_t i;

    world_start_with(&w, &lifo, config);
    read_all(&w, 0, 16);
    for (i = 0; i < 4; i++) {
        cr_expect(resident(&w, i), "the oldest stay");
    }
    for (i = 12; i < 16; i++) {
        cr_expect(resident(&w, i), "what the thread needed last stays");
    }
    cr_expect_eq(lifo.asked, 8);
    END(&w.rig);
}

Test(pager_evict, policy_that_proposes_what_is_no_choice_counts_as_none)
{
    struct rig_config config = {.flags = QUIRE_SIM_HW_ACCESSED};
    struct quire_fault_result out;
    struct world w;
    struct lifo lifo;
    uint32_t latest;

    world_start_with(&w, &lifo, config);
    read_all(&w, 0, 8);
    latest = lifo.page[7];
    lifo.lies = true;
#define LIE(number)                                                              \
    lifo.lie = (number);                                                         \
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(12), RIG_READ, &out), QUIRE_NO_PAGE); \
    EXPECT_SOUND(&w.rig)
    LIE(QUIRE_PAGE_NONE);
    LIE(8);                           /* there are 0..7 */
    LIE(1u << QUIRE_PAGE_INDEX_BITS); /* no such segment */
    LIE(UINT32_MAX);
    LIE(QUIRE_PAGE_NONE - 1u);
    LIE(latest); /* kept for the thread */
    lifo.lies = false;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(12), RIG_READ, &out), QUIRE_OK);
    END(&w.rig);
}

Test(pager_evict, policy_that_proposes_a_pinned_page_counts_as_none)
{
    struct rig_config config = {.flags = QUIRE_SIM_HW_ACCESSED};
    struct quire_pin pin;
    struct world w;
    struct lifo lifo;
    uint32_t pinned;

    world_start_with(&w, &lifo, config);
    read_all(&w, 0, 8);
    pinned = lifo.page[0];
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.store->fobj, 0, 1, false, false, &pin), QUIRE_OK);
    lifo.lies = true;
    lifo.lie = pinned;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(12), RIG_READ, NULL), QUIRE_NO_PAGE);
    lifo.lies = false;
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    END(&w.rig);
}
