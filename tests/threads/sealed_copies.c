/* Sealed copies on write under threads, their metadata paged, in the smallest pool, while keys change and copies come and go. */
#include "crew_test.h"
#include "vault.h"

#include <sched.h>

#include "quire/fobj_cow.h"
#include "quire/rekey.h"
#include "quire/writeback.h"

#define PAGES 6u
#define COPIES 2u
#define WORKERS 3u /* and one that changes keys, and makes copies and ends them */

static struct rig rig;
static struct quire_vm vm[COPIES];
static struct quire_vm own_vm;
static struct rig_store *origin;
static struct cipher cipher;
static struct vault parent; /* page i: the metadata of copy i; the last: of that which comes and goes */
static struct vault copy[COPIES];
static struct vault mine;
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
    worker->random = worker->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(worker->random >> 33) % n;
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
    unsigned char byte = (unsigned char)below(worker, 256);
    enum quire_status status;
    struct quire_pin pin;

    switch (below(worker, 8)) {
    case 0:
    case 1:
    case 2:
        status = rig_access(&rig, worker->number, worker->number, &vm[which], va, RIG_WRITE, &byte, 1);
        break;
    case 3:
        status = quire_pin_fobj(&rig.pager, &copy[which].rw.base, page, 1, below(worker, 2) == 0, true, &pin);
        if (status == QUIRE_OK) {
            status = quire_unpin(&pin);
        }
        if (status != QUIRE_OK && status != QUIRE_NO_PAGE && status != QUIRE_AGAIN) {
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

/* A sealed copy of the origin whose metadata lies in page `first` of the parent; `vault` has memory for its pages. */
static enum quire_status make(struct vault *vault, uint32_t first)
{
    struct quire_fobj_rw_config config;
    enum quire_status status;

    memset(&config, 0, sizeof config);
    config.num_pages = PAGES;
    config.slots = vault->slots;
    config.store = vault->rw.store;
    config.sealing.sealer = &cipher.sealer;
    config.sealing.meta_fobj = &parent.rw.base;
    config.sealing.meta_first = first;
    config.ctx = vault;
    config.release = vault->rw.release;
    status = quire_fobj_rw_init(&vault->rw, &config);
    return status == QUIRE_OK ? quire_fobj_cow_make(&rig.pager, &vault->rw.base, &origin->fobj) : status;
}

/* For its pages, and what make() takes from it. */
static void memory(struct vault *vault)
{
    OK(vault_start(vault, PAGES, NULL, NULL));
    OK(vault_put(vault));
    vault->released = 0;
}

static uint32_t ends(void)
{
    uint32_t n;

    pthread_mutex_lock(&mine.mutex);
    n = mine.released;
    pthread_mutex_unlock(&mine.mutex);
    return n;
}

/* Another key, for all. */
static void changes_keys(struct worker *worker)
{
    enum quire_status status = quire_sealer_rekey(&cipher.sealer);
    unsigned i;

    for (i = 0; i < COPIES && status == QUIRE_OK; i++) {
        status = quire_fobj_rw_rekey(&rig.pager, &copy[i].rw, 0, PAGES, worker->number, true);
    }
    if (status == QUIRE_OK) {
        status = quire_fobj_rw_rekey(&rig.pager, &parent.rw, 0, COPIES + 1u, worker->number, true);
    }
    if (status != QUIRE_OK || quire_sealer_is_rekeying(&cipher.sealer)) {
        fails(worker, "a new key", status);
    }
}

/* Makes a copy, writes a page of it and looks at all, and ends it, again and again. */
static void *makes_copies(void *arg)
{
    struct worker *worker = arg;
    unsigned i;

    for (i = 0; i < rounds / 8u + 1u && worker->wrong == NULL; i++) {
        uint32_t page = below(worker, PAGES);
        uint32_t before = ends();
        unsigned char byte = 0x5a;
        uint32_t k;

        if (make(&mine, COPIES) != QUIRE_OK || rig_map(&own_vm, &mine.rw.base, RIG_VA, RIG_READ | RIG_WRITE) != QUIRE_OK ||
            vault_put(&mine) != QUIRE_OK ||
            rig_access(&rig, worker->number, worker->number, &own_vm, RIG_AT(page), RIG_WRITE, &byte, 1) != QUIRE_OK) {
            fails(worker, "making a copy", 0);
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
        while (ends() == before) { /* by who evicts a page of it just now */
            (void)sched_yield();
        }
        changes_keys(worker);
        if (quire_pager_write_back(&rig.pager, &copy[0].rw.base, 0, PAGES, true) != QUIRE_OK) {
            fails(worker, "a write-back", 0);
        }
    }
    return NULL;
}

static void play(struct rig_config config, unsigned seed)
{
    struct worker worker[WORKERS + 1u];
    pthread_t thread[WORKERS + 1u];
    unsigned i;
    uint32_t k;

    config.threads = true;
    config.concurrency = WORKERS + 1u;
    config.cpus = WORKERS + 1u;
    config.step = 2;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(WORKERS + 1u, 2u, 1) + seed % 3u;
    config.rank_max = 1;
    rig_start(&rig, &config);
    rig_vm_start(&rig, &own_vm);
    origin = rig_store_new(&rig, PAGES, RIG_READ | RIG_WRITE);
    cipher_start(&cipher, seed);
    OK(vault_start(&parent, COPIES + 1u, &cipher.sealer, NULL));
    OK(quire_pager_know(&rig.pager, &parent.rw.base));
    memory(&mine);
    origin->delay = seed % 4u == 0 ? 20 : 0; /* so that they meet */
    for (i = 0; i < COPIES; i++) {
        rig_vm_start(&rig, &vm[i]);
        memory(&copy[i]);
        OK(make(&copy[i], i));
        OK(rig_map(&vm[i], &copy[i].rw.base, RIG_VA, RIG_READ | RIG_WRITE));
    }
    memset(worker, 0, sizeof worker);
    for (i = 0; i <= WORKERS; i++) {
        worker[i].number = i;
        worker[i].random = seed * 16u + i;
        for (k = 0; k < COPIES * PAGES; k++) {
            worker[i].is[k / PAGES][k % PAGES] = rig_born(origin->tag, k % PAGES, i);
        }
        cr_assert_eq(pthread_create(&thread[i], NULL, i < WORKERS ? works : makes_copies, &worker[i]), 0);
    }
    for (i = 0; i <= WORKERS; i++) {
        pthread_join(thread[i], NULL);
        cr_expect_null(worker[i].wrong, "thread %u: %s (%d)", i, worker[i].wrong, worker[i].status);
    }
    cr_expect_gt(rig_stats(&rig).copies, PAGES);
    waits += rig_stats(&rig).waits;
    SOUND(&rig);
    for (i = 0; i < COPIES; i++) {
        OK(rig_vm_stop(&rig, &vm[i]));
        OK(vault_put(&copy[i]));
        cr_assert_eq(copy[i].released, 1);
        vault_stop(&copy[i]);
    }
    OK(vault_put(&parent));
    cr_assert_eq(parent.released, 1);
    vault_stop(&parent);
    vault_stop(&mine);
    OK(cipher_stop(&cipher));
    cr_assert_null(cipher_wrong(&cipher));
    rig_stop(&rig);
}

Test(sealed_copies_threads, writers_readers_pins_keys_and_ends_of_copies_do_not_disturb_each_other, .timeout = 300)
{
    unsigned number;

    rounds = getenv("QUIRE_TIMEOUT_SCALE") != NULL ? 60 : 400;
    for (number = 0; number < RIG_MACHINES; number += rig_stride(7)) {
        play(rig_machine(number, (struct rig_config){.seed = number}), number);
    }
    cr_expect(waits != 0, "nobody ever had to wait: the threads did not meet");
}
