/* Sealed copies on write under threads, their metadata paged, in the smallest pool, while keys change and copies come and go. */
#include "copies_test.h"
#include "vault.h"

#include "quire/rekey.h"
#include "quire/writeback.h"

static struct cipher cipher;
static struct vault parent; /* page i: the metadata of copy i; the last: of that which comes and goes */
static struct vault copy[COPIES];
static struct vault mine;

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

/* Makes a copy, uses it, and ends it, and changes keys, again and again. */
static void *makes_copies(void *arg)
{
    struct worker *worker = arg;
    unsigned i;

    for (i = 0; i < rounds / 8u + 1u && worker->wrong == NULL; i++) {
        uint32_t before = ends();

        if (make(&mine, COPIES) != QUIRE_OK || rig_map(&own_vm, &mine.rw.base, RIG_VA, RIG_READ | RIG_WRITE) != QUIRE_OK ||
            vault_put(&mine) != QUIRE_OK) {
            fails(worker, "making a copy", 0);
        }
        look_at_new_copy(worker);
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
    unsigned i;

    sealed = true;
    start(config, seed, 1, seed % 3u);
    cipher_start(&cipher, seed);
    OK(vault_start(&parent, COPIES + 1u, &cipher.sealer, NULL));
    OK(quire_pager_know(&rig.pager, &parent.rw.base));
    memory(&mine);
    for (i = 0; i < COPIES; i++) {
        memory(&copy[i]);
        OK(make(&copy[i], i));
        show(i, &copy[i].rw.base);
    }
    run(seed, makes_copies);
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
    play_on_machines(play);
}
