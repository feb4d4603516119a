/* What must outlive what: contexts the flushes that name them, addresses their flushes, waiters nothing at all. */
#include "crew_test.h"

#include <pthread.h>
#include <unistd.h>

static struct rig rig;
static struct quire_vm vm[2];
static struct rig_store *shared;
static struct rig_store *other;
static int armed; /* atomics: the threads of these tests meet here */
static int ended;
static int begun;
static enum quire_status status_of_the_other;

static void start(bool flush_unlocked, void (*flushing)(void *user, const struct quire_batch *batch))
{
    struct rig_config config;

    memset(&config, 0, sizeof config);
    config.pages = 12;
    config.concurrency = 2;
    config.threads = true;
    config.eager = true;
    config.policy = RIG_FIFO;
    config.flush_unlocked = flush_unlocked;
    config.flushing = flushing;
    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm[0]);
    rig_vm_start(&rig, &vm[1]);
    shared = rig_store_new(&rig, 1, RW);
    OK(rig_map(&vm[0], &shared->fobj, RIG_VA, RW));
    OK(rig_map(&vm[1], &shared->fobj, RIG_VA, RW));
}

/* ---- A context and the flush that names it ---- */

static void *end_the_context(void *arg)
{
    (void)arg;
    status_of_the_other = rig_vm_stop(&rig, &vm[1]);
    __atomic_store_n(&ended, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void flush_slowly(void *user, const struct quire_batch *batch)
{
    (void)user;
    if (__atomic_load_n(&armed, __ATOMIC_SEQ_CST) == 0 || !quire_batch_covers(batch, &vm[1], RIG_VA)) {
        return;
    }
    __atomic_store_n(&armed, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&begun, 1, __ATOMIC_SEQ_CST);
    usleep(50000);
    cr_expect_eq(__atomic_load_n(&ended, __ATOMIC_SEQ_CST), 0, "a context ended while a flush named it");
}

static void *evict_everything(void *arg)
{
    struct rig_store *big = arg;
    uint32_t i;

    for (i = 0; i < big->fobj.num_pages; i++) {
        unsigned char byte;

        (void)rig_access(&rig, 0, 0, &vm[0], RIG_AT(8u + i), RIG_READ, &byte, 1);
    }
    return NULL;
}

Test(pager_lifetimes, a_context_does_not_end_while_a_flush_names_it)
{
    struct rig_store *big;
    pthread_t evictor;
    pthread_t ender;

    start(true, flush_slowly);
    big = rig_store_new(&rig, 16, RW);
    OK(rig_map(&vm[0], &big->fobj, RIG_AT(8), RW));
    cr_assert_geq(rig_byte(&rig, &vm[1], RIG_VA), 0);
    __atomic_store_n(&armed, 1, __ATOMIC_SEQ_CST);
    cr_assert_eq(pthread_create(&evictor, NULL, evict_everything, big), 0);
    while (__atomic_load_n(&begun, __ATOMIC_SEQ_CST) == 0) {
        usleep(100);
    }
    cr_assert_eq(pthread_create(&ender, NULL, end_the_context, NULL), 0);
    pthread_join(evictor, NULL);
    pthread_join(ender, NULL);
    if (status_of_the_other == QUIRE_BUSY) {
        status_of_the_other = rig_vm_stop(&rig, &vm[1]);
    }
    cr_expect_eq(status_of_the_other, QUIRE_OK);
    SOUND(&rig);
    rig_stop(&rig);
}

/* ---- Addresses whose entries left beside a stuck one ---- */

static void unmap_meanwhile(void *user, const struct quire_batch *batch)
{
    (void)user;
    if (armed == 0 || !quire_batch_covers(batch, &vm[1], RIG_VA)) {
        return;
    }
    armed = 0;
    status_of_the_other = quire_vm_unmap(&vm[1], RIG_VA, 1);
    if (status_of_the_other == QUIRE_OK && rig_map(&vm[1], &other->fobj, RIG_VA, RW) == QUIRE_OK) {
        unsigned char byte = 0;

        (void)rig_access(&rig, 0, 1, &vm[1], RIG_VA, RIG_READ, &byte, 1);
        cr_expect_eq(byte, rig_born(other->tag, 0, 0), "a context saw the byte of an object that is not mapped there");
    }
}

Test(pager_lifetimes, entries_that_leave_beside_a_stuck_one_are_flushed_before_their_addresses_are_used_again)
{
    struct rig_store *big;
    uint32_t i;

    start(true, unmap_meanwhile);
    big = rig_store_new(&rig, 16, RW);
    other = rig_store_new(&rig, 1, RW);
    OK(rig_map(&vm[0], &big->fobj, RIG_AT(8), RW));
    cr_assert_geq(rig_byte(&rig, &vm[0], RIG_VA), 0);
    cr_assert_geq(rig_byte(&rig, &vm[1], RIG_VA), 0);
    OK(quire_sim_stick(&rig.sim, &vm[0], RIG_VA, 1));
    armed = 1;
    for (i = 0; i < 16u && armed != 0; i++) {
        cr_expect_geq(rig_byte(&rig, &vm[0], RIG_AT(8u + i)), 0);
    }
    cr_expect_eq(armed, 0, "the page was not evicted");
    OK(quire_pager_unstick(&rig.pager));
    SOUND(&rig);
    rig_stop(&rig);
}

/* ---- Who waits for a page that is not to be had ---- */

static enum quire_status fault(uint32_t page, uint32_t thread)
{
    struct quire_fault in;

    memset(&in, 0, sizeof in);
    in.va = RIG_AT(page);
    in.access = RIG_READ;
    in.wait_ok = true;
    in.thread = thread;
    return quire_pager_fault(&rig.pager, &vm[0], &in, NULL);
}

static void *wait_for_page_43(void *arg)
{
    (void)arg;
    status_of_the_other = fault(43, 1);
    __atomic_store_n(&ended, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

struct interference {
    pthread_t waiter;
    struct quire_pin pin;
};

/* While the first page is saved to make room: somebody else comes for the locked page, and the last page that may be fixed
 * becomes so. */
static enum quire_status interfere(struct rig_store *store, struct quire_io *io, bool load)
{
    struct interference *interference = store->user;

    (void)io;
    if (!load && begun == 0) {
        begun = 1;
        cr_assert_eq(pthread_create(&interference->waiter, NULL, wait_for_page_43, NULL), 0);
        usleep(50000);
        OK(quire_pin_fobj(&rig.pager, &store->fobj, 19, 1, false, false, &interference->pin));
    }
    return QUIRE_OK;
}

Test(pager_lifetimes, who_waits_for_a_locked_page_that_is_not_to_be_had_is_told)
{
    struct interference interference;
    struct rig_store *locked;
    struct rig_store *dirty;
    uint32_t i;

    start(false, NULL);
    dirty = rig_store_new(&rig, 32, RW);
    locked = rig_store_new(&rig, 8, RW);
    locked->fobj.flags = QUIRE_FOBJ_LOCKED;
    OK(rig_map(&vm[0], &dirty->fobj, RIG_AT(2), RW));
    OK(rig_map(&vm[0], &locked->fobj, RIG_AT(40), RW));
    OK(fault(40, 0)); /* 12 pages, 9 of them the least: three may be fixed */
    OK(fault(41, 0));
    for (i = 0; i < 20u; i++) {
        OK(rig_poke(&rig, &vm[0], RIG_AT(2u + i), 1));
    }
    memset(&interference, 0, sizeof interference);
    dirty->user = &interference;
    dirty->before = interfere;
    cr_expect_eq(fault(43, 0), QUIRE_NO_PAGE);
    cr_assert_eq(begun, 1);
    pthread_join(interference.waiter, NULL); /* or it sleeps for ever */
    cr_expect_eq(status_of_the_other, QUIRE_NO_PAGE);
    OK(quire_unpin(&interference.pin));
    OK(fault(43, 0));
    SOUND(&rig);
    rig_stop(&rig);
}
