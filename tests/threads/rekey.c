/* Threads fault, save and load sealed pages while one of them changes the key again and again. */
#include "crew_test.h"
#include "random.h"
#include "vault.h"

#define PAGES 48u
#define FAULTERS 3u
#define ROUNDS 300u
#define KEYS 12u

static struct rig rig;
static struct quire_vm vm[FAULTERS];
static struct cipher cipher;
static struct cipher parents; /* of the metadata's pages: another domain */
static struct vault vault;
static struct vault parent;
static bool in_pages;
static uint32_t met; /* re-keyings that ended while they worked */

/* Thread i writes only byte i of each page: what it reads there is what it wrote. */
static void fault_on(unsigned i)
{
    unsigned char expected[PAGES] = {0};
    uint64_t random = i + 1u;
    uint32_t n;

    for (n = 0; n < ROUNDS || quire_atomic_load(&met) < KEYS; n++) {
        uint32_t page = random_next(&random) % PAGES;
        bool write = random_next(&random) % 2u != 0;
        unsigned char byte = (unsigned char)random_next(&random);
        enum quire_status status = rig_access(&rig, i, i, &vm[i], RIG_AT(page) + i, write ? RIG_WRITE : RIG_READ, &byte, 1);

        cr_assert_eq(status, QUIRE_OK, "thread %u: %s", i, quire_status_name(status));
        cr_assert(write || byte == expected[page], "thread %u: page %u shows another byte", i, page);
        expected[page] = byte;
    }
    for (n = 0; n < PAGES; n++) {
        unsigned char byte = 0;

        OK(rig_access(&rig, i, i, &vm[i], RIG_AT(n) + i, RIG_READ, &byte, 1));
        cr_assert_eq(byte, expected[n]);
    }
}

static void change_keys(unsigned i)
{
    uint32_t n;

    for (n = 0; n < KEYS; n++) {
        OK(quire_sealer_rekey(&cipher.sealer));
        OK(quire_fobj_rw_rekey(&rig.pager, &vault.rw, 0, PAGES, i, true));
        cr_assert_not(quire_sealer_is_rekeying(&cipher.sealer), "nobody else holds the old key");
        quire_atomic_store(&met, n + 1u);
    }
}

static void work(struct rig *r, unsigned i)
{
    (void)r;
    if (i < FAULTERS) {
        fault_on(i);
    } else {
        change_keys(i);
    }
}

static void run(struct rig_config config)
{
    unsigned i;

    config.threads = true;
    config.cpus = FAULTERS + 1u;
    config.concurrency = FAULTERS + 1u;
    config.step = 2;
    config.rank_max = in_pages ? 1u : 0;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(config.concurrency, 2, config.rank_max);
    quire_atomic_store(&met, 0);
    rig_start(&rig, &config);
    cipher_start(&cipher, 5);
    cipher_start(&parents, 6);
    if (in_pages) {
        OK(vault_start(&parent, 1, &parents.sealer, NULL));
        OK(quire_pager_know(&rig.pager, &parent.rw.base));
    }
    OK(vault_start(&vault, PAGES, &cipher.sealer, in_pages ? &parent : NULL));
    for (i = 0; i < FAULTERS; i++) {
        rig_vm_start(&rig, &vm[i]);
        OK(rig_map(&vm[i], &vault.rw.base, RIG_VA, RW));
    }
    crew_run(&rig, FAULTERS + 1u, work);
    SOUND(&rig);
    cr_expect_eq(cipher.keys_made, KEYS + 1u);
    for (i = 0; i < FAULTERS; i++) {
        OK(rig_vm_stop(&rig, &vm[i]));
    }
    OK(vault_put(&vault));
    cr_expect_eq(vault.released, 1);
    vault_stop(&vault);
    if (in_pages) {
        OK(vault_put(&parent));
        cr_expect_eq(parent.released, 1);
        vault_stop(&parent);
    }
    OK(cipher_stop(&cipher));
    OK(cipher_stop(&parents));
    rig_stop(&rig);
}

Test(rekey_threads, keys_change_while_threads_fault_in_the_fewest_pages, .timeout = 120)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number += 5u * rig_stride(3)) {
        run(rig_machine(number, (struct rig_config){0}));
    }
}

Test(rekey_threads, keys_change_while_threads_fault_and_metadata_is_in_pages, .timeout = 120)
{
    unsigned number;

    in_pages = true;
    for (number = 1; number < RIG_MACHINES; number += 5u * rig_stride(3)) {
        run(rig_machine(number, (struct rig_config){0}));
    }
}

/* ---- Objects come, seal and go while the key changes ---- */

#define LIVES 200u

static void live(struct rig *r, unsigned i)
{
    static const unsigned char plain[(size_t)1 << QUIRE_PAGE_SHIFT];
    uint32_t n;

    (void)r;
    for (n = 0; i == 0 && n < KEYS;) {
        enum quire_status status = quire_sealer_rekey(&cipher.sealer);

        cr_assert(status == QUIRE_OK || status == QUIRE_BUSY);
        n += status == QUIRE_OK ? 1u : 0u; /* all that held the key before the last are gone */
        quire_atomic_store(&met, n);
    }
    for (n = 0; i != 0 && (n < LIVES || quire_atomic_load(&met) < KEYS); n++) {
        struct quire_seal_meta meta = {0, 0, {0}};
        struct quire_sealed sealed;
        void *buffer = cipher_hooks.buffer_get(&cipher);

        OK(quire_sealed_join(&sealed, &cipher.sealer));
        OK(quire_sealed_seal(&sealed, &meta, 0, plain, buffer));
        OK(quire_sealed_open(&sealed, &meta, 0, buffer));
        quire_sealed_leave(&sealed);
        cipher_hooks.buffer_put(&cipher, buffer);
    }
}

Test(rekey_threads, objects_come_and_go_while_the_key_changes, .timeout = 120)
{
    struct rig_config config = {.threads = true, .cpus = 4};

    rig_start(&rig, &config);
    cipher_start(&cipher, 7);
    quire_atomic_store(&met, 0);
    crew_run(&rig, 4, live);
    cr_expect_eq(cipher.sealer.holders[0] + cipher.sealer.holders[1], 0);
    cr_expect_not(quire_sealer_is_rekeying(&cipher.sealer));
    cr_expect_eq(cipher.keys_made, KEYS + 1u);
    OK(cipher_stop(&cipher));
    rig_stop(&rig);
}
