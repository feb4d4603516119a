/* What cannot be a store, a list of hashes, a relocation or a key is refused with a status, and costs nothing: no reference, no
 * hold on a key, no page; and what is there already is as it was. */
#include "sealed_test.h"

#include "hashed.h"
#include "quire/fobj_ro.h"

#define PAGE QUIRE_PAGE_SIZE
#define NEW_PAGES 4u
#define FILE_PAGES 3u

static struct sealed_world w;

/* Content of the youngest vault that must survive: some of it stored, some of it dirty. */
static void start(unsigned ranks)
{
    uint32_t i;

    sealed_start(&w, (struct rig_config){.pages = 20, .policy = RIG_FIFO}, ranks);
    for (i = 0; i < 8u; i++) {
        EXPECT(sealed_write(&w, i), QUIRE_OK);
        if (i % 2u == 0) {
            EXPECT(sealed_evict(&w, w.top, i), QUIRE_OK);
        }
    }
}

static void end(void)
{
    sealed_read_all(&w, 8);
    sealed_end(&w);
}

/* ---- Read-write objects ---- */

static struct quire_fobj_rw rw;
static uint32_t slots[NEW_PAGES];
static struct quire_seal_meta meta[NEW_PAGES];

static struct quire_fobj_rw_config rw_config(bool in_pages)
{
    struct quire_fobj_rw_config config;

    memset(&config, 0, sizeof config);
    config.num_pages = NEW_PAGES;
    config.slots = slots;
    config.store = w.top->rw.store;
    config.sealing.sealer = &w.cipher.sealer;
    config.sealing.meta = in_pages ? NULL : meta;
    config.sealing.meta_fobj = in_pages ? &w.vault[0].rw.base : NULL;
    config.sealing.meta_first = in_pages ? 2u : 0; /* its third page; the first two are the youngest vault's */
    return config;
}

enum rw_fault {
    SMALL_STORE,
    NO_READ,
    NO_WRITE,
    NO_SLOTS,
    NO_PAGES,
    OTHER_PERMISSIONS,
    TWO_METADATA,
    NO_METADATA,
    METADATA_WITHOUT_SEALER,
    ENDED_SEALER,
    LARGE_CLUSTER,
    METADATA_TOO_FAR,
    PARENT_NOT_WRITABLE,
    PARENT_OF_HIGHEST_RANK,
    RW_FAULTS
};

static void spoil_rw(struct quire_fobj_rw_config *config, enum rw_fault fault, struct quire_sealer *ended)
{
    switch (fault) {
    case SMALL_STORE:
        config->store.npages = NEW_PAGES - 1u;
        break;
    case NO_READ:
        config->store.read = NULL;
        break;
    case NO_WRITE:
        config->store.write = NULL;
        break;
    case NO_SLOTS:
        config->slots = NULL;
        break;
    case NO_PAGES:
        config->num_pages = 0;
        break;
    case OTHER_PERMISSIONS:
        config->max_prot = 1u << 14;
        break;
    case TWO_METADATA:
        config->sealing.meta = meta;
        config->sealing.meta_fobj = &w.vault[0].rw.base;
        break;
    case NO_METADATA:
        config->sealing.meta = NULL;
        config->sealing.meta_fobj = NULL;
        break;
    case METADATA_WITHOUT_SEALER:
        config->sealing.sealer = NULL;
        break;
    case ENDED_SEALER:
        config->sealing.sealer = ended;
        break;
    case LARGE_CLUSTER:
        config->cluster = config->sealing.meta_fobj != NULL ? 2u : UINT8_MAX + 1u;
        break;
    case METADATA_TOO_FAR:
        config->sealing.meta = NULL;
        config->sealing.meta_fobj = &w.vault[0].rw.base;
        config->sealing.meta_first = w.vault[0].npages;
        break;
    case PARENT_NOT_WRITABLE:
    case PARENT_OF_HIGHEST_RANK:
        config->sealing.meta = NULL;
        config->sealing.meta_fobj = &w.vault[0].rw.base;
        break;
    case RW_FAULTS:
    default:
        break;
    }
}

Test(store_input, object_whose_store_or_metadata_cannot_be_is_refused_and_takes_nothing)
{
    struct cipher gone;
    unsigned number;

    cipher_start(&gone, 1);
    EXPECT(cipher_stop(&gone), QUIRE_OK);
    for (number = 0; number < 2u * RW_FAULTS; number++) {
        enum rw_fault fault = (enum rw_fault)(number / 2u);
        bool in_pages = number % 2u != 0;
        struct quire_fobj_rw_config config;
        struct quire_fobj *parent;
        uint32_t holders;
        uint64_t keys;
        uint32_t refs;
        unsigned char prot;
        unsigned char rank;
        size_t i;

        start(2);
        parent = &w.vault[0].rw.base;
        config = rw_config(in_pages);
        spoil_rw(&config, fault, &gone.sealer);
        refs = quire_refcount_read(&parent->refs);
        holders = w.cipher.sealer.holders[1];
        keys = w.cipher.keys_made;
        prot = parent->max_prot;
        rank = parent->rank;
        parent->max_prot = fault == PARENT_NOT_WRITABLE ? RIG_READ : prot;
        parent->rank = fault == PARENT_OF_HIGHEST_RANK ? QUIRE_FOBJ_RANK_MAX : rank;
        memset(&rw, 0x5a, sizeof rw);
        EXPECT(quire_fobj_rw_init(&rw, &config), QUIRE_INVALID);
        parent->max_prot = prot;
        parent->rank = rank;
        for (i = 0; i < sizeof rw && ((unsigned char *)&rw)[i] == 0x5a; i++) {
        }
        cr_expect(i == sizeof rw || fault == OTHER_PERMISSIONS || fault == NO_SLOTS, "case %u wrote to the object", number);
        cr_expect_eq(quire_refcount_read(&parent->refs), refs, "case %u took a reference", number);
        cr_expect_eq(w.cipher.sealer.holders[1], holders, "case %u took a hold on a key", number);
        cr_expect_eq(w.cipher.keys_made, keys);
        EXPECT_SOUND(&w.rig);
        end();
    }
}

Test(store_input, object_that_was_refused_can_be_made_as_it_should_be)
{
    struct quire_fobj_rw_config config;

    start(1);
    config = rw_config(false);
    config.store.npages = NEW_PAGES - 1u;
    EXPECT(quire_fobj_rw_init(&rw, &config), QUIRE_INVALID);
    config.store.npages = NEW_PAGES;
    config.store.ctx = w.top;
    EXPECT(quire_fobj_rw_init(&rw, &config), QUIRE_OK);
    EXPECT(quire_fobj_put(&rw.base), QUIRE_OK);
    end();
}

/* ---- Read-only objects ---- */

static void expect_refused_ro(const struct quire_fobj_ro_config *config, struct quire_fobj *list, const char *what)
{
    uint32_t refs = quire_refcount_read(&list->refs);
    struct quire_fobj_ro ro;
    size_t i;

    memset(&ro, 0x5a, sizeof ro);
    cr_expect_eq(quire_fobj_ro_init(&ro, config), QUIRE_INVALID, "%s", what);
    for (i = 0; i < sizeof ro && ((unsigned char *)&ro)[i] == 0x5a; i++) {
    }
    cr_expect_eq(i, sizeof ro, "%s: wrote to the object", what);
    cr_expect_eq(quire_refcount_read(&list->refs), refs, "%s: took a reference", what);
}

Test(store_input, file_whose_hashes_or_relocations_cannot_be_is_refused_and_takes_nothing)
{
    static const size_t lengths[] = {
        0, 1, 31, FILE_PAGES * 32u - 32u, FILE_PAGES * 32u - 1u, FILE_PAGES * 32u + 1u, FILE_PAGES * 32u + 32u, SIZE_MAX};
    static uint32_t file_slots[FILE_PAGES];
    static uint32_t carries[QUIRE_RELOCS_CARRY_BYTES(FILE_PAGES) / sizeof(uint32_t)];
    const uint32_t outside[] = {FILE_PAGES * PAGE - 7u, FILE_PAGES * PAGE, UINT32_MAX};
    const uint32_t straddling = PAGE - 4u;
    struct quire_fobj_ro_config config;
    struct quire_fobj_ro ro;
    struct quire_fobj *list;
    struct hashed file;
    size_t i;

    start(2);
    list = &w.vault[0].rw.base; /* an object with pages: what it holds does not matter here */
    hashed_start(&file, FILE_PAGES * PAGE, 32, 7);
    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        config = hashed_config(&file, file_slots);
        config.hash = file.hash;
        config.hashes = file.list;
        config.hashes_len = lengths[i];
        expect_refused_ro(&config, list, "a list of another length");
    }
    for (i = 0; i < sizeof outside / sizeof outside[0] + 3u; i++) {
        config = hashed_config(&file, file_slots);
        config.hash = file.hash;
        config.hash_fobj = list;
        config.relocs.offsets = i < 3u ? &outside[i] : &straddling;
        config.relocs.count = 1;
        config.relocs.word = i == 4u ? 6u : 8u;
        config.relocs.bias = 4096;
        config.relocs.carries = i == 3u ? NULL : carries;
        if (i == 5u) {
            config.relocs.offsets = NULL;
        }
        expect_refused_ro(&config, list, "a relocation that cannot be");
    }
    config = hashed_config(&file, file_slots);
    config.hash_fobj = list;
    expect_refused_ro(&config, list, "no hash hook");
    config = hashed_config(&file, file_slots);
    config.read = NULL;
    expect_refused_ro(&config, list, "no source");
    config = hashed_config(&file, file_slots);
    config.hash = file.hash;
    config.hashes = file.list;
    config.hashes_len = file.list_len;
    EXPECT(quire_fobj_ro_init(&ro, &config), QUIRE_OK); /* as it should be */
    EXPECT(quire_fobj_put(&ro.base), QUIRE_OK);
    hashed_stop(&file);
    end();
}

/* ---- Keys, versions, numbers ---- */

Test(store_input, new_key_that_cannot_be_had_costs_nothing_in_the_middle_of_faults)
{
    static const enum cipher_hook hooks[] = {CIPHER_RANDOM, CIPHER_KEY_MAKE};
    unsigned i;

    for (i = 0; i < 4u; i++) {
        start(1u + i % 2u);
        cipher_fail(&w.cipher, hooks[i / 2u], 1, QUIRE_IO);
        EXPECT(quire_sealer_rekey(&w.cipher.sealer), QUIRE_IO);
        cr_expect_not(quire_sealer_is_rekeying(&w.cipher.sealer));
        cr_expect_eq(w.cipher.keys_alive, 1);
        EXPECT(sealed_write(&w, 3), QUIRE_OK);
        EXPECT(sealed_evict(&w, w.top, 3), QUIRE_OK);
        sealed_read_all(&w, 8);
        EXPECT(quire_sealer_rekey(&w.cipher.sealer), QUIRE_OK); /* the next time it works */
        EXPECT(quire_fobj_rw_rekey(&w.rig.pager, &w.top->rw, 0, SEALED_PAGES, 0, false), QUIRE_OK);
        end();
    }
}

/* What the page of metadata says of a page, which is resident. */
static struct quire_seal_meta *meta_in_its_page(uint32_t page)
{
    uint32_t slot = w.vault[0].rw.base.slots[page / QUIRE_FOBJ_RW_META_PER_PAGE];

    cr_assert_eq(quire_slot_kind(slot), QUIRE_SLOT_PRESENT);
    return quire_fobj_rw_meta_in(quire_sim_bytes(&w.rig.sim, quire_pmem_pa(&w.rig.pager.pool, quire_slot_value(slot))), page);
}

Test(store_input, versions_used_up_are_a_limit_with_metadata_in_pages_too_and_a_new_key_helps)
{
    start(2);
    EXPECT(sealed_read(&w, 2), QUIRE_OK);
    EXPECT(sealed_write(&w, 2), QUIRE_OK);
    meta_in_its_page(2)->version = UINT32_MAX;
    EXPECT(sealed_evict(&w, w.top, 2), QUIRE_LIMIT);
    EXPECT(quire_pager_write_back(&w.rig.pager, &w.top->rw.base, 2, 1, false), QUIRE_LIMIT);
    cr_expect(rig_query(&w.vm, RIG_AT(2)).dirty);
    EXPECT(sealed_read(&w, 2), QUIRE_OK);
    EXPECT(sealed_evict(&w, w.top, 3), QUIRE_OK); /* the others are as usable as ever */
    EXPECT(quire_sealer_rekey(&w.cipher.sealer), QUIRE_OK);
    EXPECT(sealed_evict(&w, w.top, 2), QUIRE_OK);
    end();
}

Test(store_input, object_numbers_used_up_leave_pages_dirty_and_a_new_key_helps)
{
    struct vault other;
    uint64_t word = 77;

    start(1);
    w.cipher.sealer.objects[1] = UINT32_MAX;
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(SEALED_PAGES - 4u), 4), QUIRE_OK);
    EXPECT(vault_start(&other, 4, &w.cipher.sealer, NULL), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &other.rw.base, RIG_AT(SEALED_PAGES - 4u), RW), QUIRE_OK);
    EXPECT(rig_write(&w.rig, &w.vm, RIG_AT(SEALED_PAGES - 4u), &word, sizeof word), QUIRE_OK);
    EXPECT(sealed_evict(&w, &other, 0), QUIRE_LIMIT);
    cr_expect(sealed_present(&other, 0));
    EXPECT(sealed_evict(&w, w.top, 1), QUIRE_OK); /* it has its number */
    EXPECT(quire_sealer_rekey(&w.cipher.sealer), QUIRE_OK);
    EXPECT(sealed_evict(&w, &other, 0), QUIRE_OK);
    word = 0;
    EXPECT(rig_read(&w.rig, &w.vm, RIG_AT(SEALED_PAGES - 4u), &word, sizeof word), QUIRE_OK);
    cr_expect_eq(word, 77);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(SEALED_PAGES - 4u), 4), QUIRE_OK);
    EXPECT(vault_put(&other), QUIRE_OK);
    cr_expect_eq(other.released, 1);
    vault_stop(&other);
    end();
}
