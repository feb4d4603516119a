/* Threads that read, write and pin copies on write, each bytes of its own, for tests of what happens beside them. */
#ifndef COPIES_TEST_H
#define COPIES_TEST_H

#include "crew_test.h"
#include "random.h"

#include <sched.h>

#include "quire/fobj_cow.h"

#define PAGES 6u
#define COPIES 2u
#define WORKERS 3u /* and one that makes copies and ends them */

static struct rig rig;
static struct quire_vm vm[COPIES];
static struct quire_vm own_vm;
static struct rig_store *origin;
static struct quire_fobj *copy_of[COPIES]; /* what vm[i] shows */
/* In the smallest pool, where a pin may have to be tried again; and what is being sealed is written by its contexts only. */
static bool sealed;
static unsigned rounds;
static uint64_t waits;

/* Byte `worker` of each page of each copy is that worker's; all others stay what they were, but for those of other workers. */
struct worker {
    uint32_t number;
    unsigned char is[COPIES][PAGES];
    uint64_t random;
    const char *wrong;
    int status;
};

static uint32_t below(struct worker *worker, uint32_t n)
{
    return random_below(&worker->random, n);
}

static void fails(struct worker *worker, const char *what, int status)
{
    if (worker->wrong == NULL) {
        worker->wrong = what;
        worker->status = status;
    }
}

static void work_once(struct worker *worker)
{
    uint32_t which = below(worker, COPIES);
    uint32_t page = below(worker, PAGES);
    uintptr_t va = RIG_AT(page) + worker->number;
    struct quire_vm_copy how = {.wait_ok = true, .thread = worker->number};
    unsigned char byte = (unsigned char)below(worker, 256);
    enum quire_status status;
    struct quire_pin pin;

    switch (below(worker, 8)) {
    case 0:
    case 1:
        status = rig_access(&rig, worker->number, worker->number, &vm[which], va, RIG_WRITE, &byte, 1);
        break;
    case 2:
        status = sealed ? rig_access(&rig, worker->number, worker->number, &vm[which], va, RIG_WRITE, &byte, 1)
                        : quire_vm_copy_to(&vm[which], va, &byte, 1, &how, NULL);
        break;
    case 3:
        status = quire_pin_fobj(&rig.pager, copy_of[which], page, 1, below(worker, 2) == 0, true, &pin);
        if (status == QUIRE_OK) {
            status = quire_unpin(&pin);
        }
        if (status != QUIRE_OK && status != QUIRE_NO_PAGE && !(sealed && status == QUIRE_AGAIN)) {
            fails(worker, "pin", status);
        }
        return;
    default:
        status = rig_access(&rig, worker->number, worker->number, &vm[which], va, RIG_READ, &byte, 1);
        if (status == QUIRE_OK && byte != worker->is[which][page]) {
            fails(worker, "a byte is not what was written last", byte);
        }
        /* A byte that nobody writes. */
        va = RIG_AT(page) + 100u;
        status =
            status == QUIRE_OK ? rig_access(&rig, worker->number, worker->number, &vm[which], va, RIG_READ, &byte, 1) : status;
        if (status == QUIRE_OK && byte != rig_born(origin->tag, page, 100)) {
            fails(worker, "a byte changed that nobody writes", byte);
        }
        byte = worker->is[which][page];
        break;
    }
    if (status != QUIRE_OK) {
        fails(worker, "an access", status);
    }
    worker->is[which][page] = byte;
}

static void *works(void *arg)
{
    struct worker *worker = arg;
    unsigned i;

    for (i = 0; i < rounds && worker->wrong == NULL; i++) {
        work_once(worker);
    }
    return NULL;
}

/* Writes a page of what own_vm shows, a new copy, and looks at all. */
static void look_at_new_copy(struct worker *worker)
{
    uint32_t page = below(worker, PAGES);
    unsigned char byte = 0x5a;
    uint32_t k;

    if (rig_access(&rig, worker->number, worker->number, &own_vm, RIG_AT(page), RIG_WRITE, &byte, 1) != QUIRE_OK) {
        fails(worker, "writing a new copy", 0);
    }
    for (k = 0; k < PAGES; k++) {
        if (rig_access(&rig, worker->number, worker->number, &own_vm, RIG_AT(k), RIG_READ, &byte, 1) != QUIRE_OK ||
            byte != (k == page ? 0x5a : rig_born(origin->tag, k, 0))) {
            fails(worker, "a new copy is not its origin", byte);
        }
    }
    if (quire_vm_unmap(&own_vm, RIG_VA, PAGES) != QUIRE_OK) {
        fails(worker, "the end of a copy", 0);
    }
}

/* Starts the rig for them. */
static void start(struct rig_config config, unsigned seed, uint32_t rank_max, uint32_t more_pages)
{
    config.threads = true;
    config.concurrency = WORKERS + 1u;
    config.cpus = WORKERS + 1u;
    config.step = 2;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(WORKERS + 1u, 2u, rank_max) + more_pages;
    config.rank_max = rank_max;
    rig_start(&rig, &config);
    rig_vm_start(&rig, &own_vm);
    origin = rig_store_new(&rig, PAGES, RIG_READ | RIG_WRITE);
    origin->delay = seed % 4u == 0 ? 20 : 0; /* so that they meet */
}

/* Context i shows copy i. */
static void show(unsigned i, struct quire_fobj *copy)
{
    rig_vm_start(&rig, &vm[i]);
    copy_of[i] = copy;
    OK(rig_map(&vm[i], copy, RIG_VA, RIG_READ | RIG_WRITE));
}

/* Runs them all, and one more that does `other`. */
static void run(unsigned seed, void *(*other)(void *worker))
{
    struct worker worker[WORKERS + 1u];
    pthread_t thread[WORKERS + 1u];
    unsigned i;
    uint32_t k;

    memset(worker, 0, sizeof worker);
    for (i = 0; i <= WORKERS; i++) {
        worker[i].number = i;
        worker[i].random = seed * 16u + i;
        for (k = 0; k < COPIES * PAGES; k++) {
            worker[i].is[k / PAGES][k % PAGES] = rig_born(origin->tag, k % PAGES, i);
        }
        cr_assert_eq(pthread_create(&thread[i], NULL, i < WORKERS ? works : other, &worker[i]), 0);
    }
    for (i = 0; i <= WORKERS; i++) {
        pthread_join(thread[i], NULL);
        cr_expect_null(worker[i].wrong, "thread %u: %s (%d)", i, worker[i].wrong, worker[i].status);
    }
    cr_expect_gt(rig_stats(&rig).copies, PAGES);
    waits += rig_stats(&rig).waits;
    SOUND(&rig);
}

/* One game each. */
static void play_on_machines(void (*play)(struct rig_config config, unsigned seed))
{
    unsigned number;

    rounds = 400u / rig_stride(7);
    for (number = 0; number < RIG_MACHINES; number += rig_stride(7)) {
        play(rig_machine(number, (struct rig_config){.seed = number}), number);
    }
    cr_expect(waits != 0, "nobody ever had to wait: the threads did not meet");
}

#endif
