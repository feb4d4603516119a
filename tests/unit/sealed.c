/* Sealed objects (fobj_rw.h, seal.h) under a pager, over a store that somebody else can write. */
#include "sealed_test.h"

#define PAGE QUIRE_PAGE_SIZE

static struct sealed_world w;

/* Room for all that a test of a few pages uses, so that pages leave when they are told to. */
static void start(unsigned ranks)
{
    sealed_start(&w, (struct rig_config){.pages = 40, .policy = RIG_FIFO}, ranks);
}

static enum quire_status evict(uint32_t page)
{
    return sealed_evict(&w, w.top, page);
}

/* Writes pages 0..n - 1 and has them stored. */
static void store_pages(uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        EXPECT(sealed_write(&w, i), QUIRE_OK);
        EXPECT(evict(i), QUIRE_OK);
        cr_expect_not(sealed_present(w.top, i));
    }
}

/* Reading this page is refused as INTEGRITY, by its store; all others of the first n are as they were. */
static void expect_caught(uint32_t page, uint32_t n)
{
    struct quire_fault_result out;
    uint32_t i;

    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(page), RIG_READ, &out), QUIRE_INTEGRITY);
    cr_expect_eq(out.store, QUIRE_INTEGRITY);
    cr_expect_not(sealed_present(w.top, page));
    for (i = 0; i < n; i++) {
        EXPECT(sealed_read(&w, i), i == page ? QUIRE_INTEGRITY : QUIRE_OK);
        EXPECT(evict(i), QUIRE_OK);
    }
    EXPECT_SOUND(&w.rig);
}

/* ---- The attacker ---- */

Test(sealed, store_sees_nothing_and_every_page_returns)
{
    unsigned ranks;

    for (ranks = 1; ranks <= SEALED_RANKS; ranks++) {
        uint32_t i;

        start(ranks);
        store_pages(8);
        for (i = 0; i < 8; i++) {
            uint64_t word;

            memcpy(&word, vault_page(w.top, i), sizeof word);
            cr_expect_neq(word, w.content[i]);
        }
        sealed_read_all(&w, 8);
        sealed_end(&w);
    }
}

Test(sealed, any_bit_that_is_flipped_is_caught_and_no_other_page_suffers)
{
    uint32_t bit;

    start(1);
    store_pages(4);
    for (bit = 0; bit < 8u * PAGE; bit += 8u * PAGE / 64u + 1u) {
        vault_page(w.top, 2)[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
        expect_caught(2, 4);
        vault_page(w.top, 2)[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
    }
    EXPECT(sealed_read(&w, 2), QUIRE_OK); /* a retry succeeds */
    sealed_end(&w);
}

Test(sealed, pages_that_are_swapped_are_caught)
{
    static unsigned char kept[PAGE];

    start(2);
    store_pages(4);
    memcpy(kept, vault_page(w.top, 1), PAGE);
    memcpy(vault_page(w.top, 1), vault_page(w.top, 3), PAGE);
    expect_caught(1, 4);
    memcpy(vault_page(w.top, 1), kept, PAGE);
    sealed_read_all(&w, 4);
    sealed_end(&w);
}

Test(sealed, page_of_another_object_is_caught)
{
    struct vault other;
    uint64_t word = 5;

    start(1);
    EXPECT(vault_start(&other, 8, &w.cipher.sealer, NULL), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &other.rw.base, RIG_AT(SEALED_PAGES - 8u), RW), QUIRE_EXISTS);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(SEALED_PAGES - 8u), 8), QUIRE_OK);
    EXPECT(rig_map(&w.vm, &other.rw.base, RIG_AT(SEALED_PAGES - 8u), RW), QUIRE_OK);
    store_pages(4);
    EXPECT(rig_write(&w.rig, &w.vm, RIG_AT(SEALED_PAGES - 8u), &word, sizeof word), QUIRE_OK);
    EXPECT(sealed_evict(&w, &other, 0), QUIRE_OK);
    memcpy(vault_page(w.top, 0), vault_page(&other, 0), PAGE); /* the same index, the same version */
    expect_caught(0, 4);
    EXPECT(quire_vm_unmap(&w.vm, RIG_AT(SEALED_PAGES - 8u), 8), QUIRE_OK);
    EXPECT(vault_put(&other), QUIRE_OK);
    cr_expect_eq(other.released, 1);
    vault_stop(&other);
    sealed_end(&w);
}

Test(sealed, every_earlier_version_is_caught)
{
    static unsigned char version[6][PAGE];
    uint32_t i;

    start(2);
    store_pages(3);
    for (i = 0; i < 6; i++) {
        memcpy(version[i], vault_page(w.top, 1), PAGE);
        EXPECT(sealed_write(&w, 1), QUIRE_OK);
        EXPECT(evict(1), QUIRE_OK);
    }
    for (i = 0; i < 6; i++) {
        static unsigned char now[PAGE];

        memcpy(now, vault_page(w.top, 1), PAGE);
        memcpy(vault_page(w.top, 1), version[i], PAGE);
        expect_caught(1, 3);
        memcpy(vault_page(w.top, 1), now, PAGE);
    }
    sealed_read_all(&w, 3);
    sealed_end(&w);
}

Test(sealed, old_page_of_metadata_does_not_bring_old_versions_back)
{
    static unsigned char old_page[PAGE];
    static unsigned char old_meta[PAGE];
    static unsigned char new_meta[PAGE];
    unsigned ranks;

    for (ranks = 2; ranks <= SEALED_RANKS; ranks++) {
        struct vault *parent;

        start(ranks);
        parent = &w.vault[ranks - 2u];
        store_pages(2);
        EXPECT(sealed_evict(&w, parent, 0), QUIRE_OK);
        memcpy(old_page, vault_page(w.top, 0), PAGE);
        memcpy(old_meta, vault_page(parent, 0), PAGE);
        EXPECT(sealed_write(&w, 0), QUIRE_OK);
        EXPECT(evict(0), QUIRE_OK);
        EXPECT(sealed_evict(&w, parent, 0), QUIRE_OK);
        memcpy(new_meta, vault_page(parent, 0), PAGE);
        memcpy(vault_page(w.top, 0), old_page, PAGE); /* a pair that belongs together */
        memcpy(vault_page(parent, 0), old_meta, PAGE);
        EXPECT(sealed_read(&w, 0), QUIRE_INTEGRITY);
        EXPECT(sealed_read(&w, 1), QUIRE_INTEGRITY); /* its metadata is in that page too */
        EXPECT(sealed_read(&w, 300), QUIRE_OK);      /* that of others is not, and it was never stored */
        EXPECT(sealed_write(&w, 1), QUIRE_INTEGRITY);
        memcpy(vault_page(parent, 0), new_meta, PAGE);
        EXPECT(sealed_read(&w, 0), QUIRE_INTEGRITY);
        EXPECT(sealed_read(&w, 1), QUIRE_OK);
        EXPECT_SOUND(&w.rig);
        sealed_end(&w);
    }
}

Test(sealed, dirty_page_whose_metadata_is_refused_stays_and_is_saved_when_it_is_back)
{
    static unsigned char kept[PAGE];

    start(2);
    store_pages(2);
    EXPECT(sealed_write(&w, 0), QUIRE_OK);
    EXPECT(sealed_evict(&w, &w.vault[0], 0), QUIRE_OK);
    memcpy(kept, vault_page(&w.vault[0], 0), PAGE);
    vault_page(&w.vault[0], 0)[77] ^= 4u;
    EXPECT(evict(0), QUIRE_INTEGRITY);
    cr_expect(sealed_present(w.top, 0));
    EXPECT(sealed_read(&w, 0), QUIRE_OK);
    memcpy(vault_page(&w.vault[0], 0), kept, PAGE);
    EXPECT(evict(0), QUIRE_OK);
    sealed_read_all(&w, 2);
    sealed_end(&w);
}

Test(sealed, failing_read_is_no_lack_of_integrity)
{
    struct quire_fault_result out;

    start(1);
    store_pages(2);
    w.top->read_nth = 1;
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(1), RIG_READ, &out), QUIRE_IO);
    cr_expect_eq(out.store, QUIRE_IO);
    EXPECT(sealed_read(&w, 1), QUIRE_OK);
    sealed_end(&w);
}

/* ---- Nonces: the cipher's ledger stops at the first that comes again ---- */

Test(sealed, page_that_was_freed_goes_on_with_its_versions)
{
    static unsigned char before[PAGE];
    unsigned ranks;

    for (ranks = 1; ranks <= 2; ranks++) {
        uint32_t i;

        start(ranks);
        store_pages(3);
        memcpy(before, vault_page(w.top, 1), PAGE);
        for (i = 0; i < 5; i++) {
            EXPECT(quire_vm_advise(&w.vm, RIG_AT(1), 1, QUIRE_ADVICE_FREE), QUIRE_OK);
            w.content[1] = 0;
            EXPECT(sealed_read(&w, 1), QUIRE_OK); /* zeros, whatever the store says */
            if (i % 2u == 0) {
                EXPECT(evict(1), QUIRE_OK);
            }
            EXPECT(sealed_write(&w, 1), QUIRE_OK);
            EXPECT(evict(1), QUIRE_OK);
        }
        memcpy(vault_page(w.top, 1), before, PAGE);
        expect_caught(1, 3);
        cr_expect_eq(w.cipher.used, w.cipher.calls[CIPHER_SEAL]);
        sealed_end(&w);
    }
}

Test(sealed, object_in_the_storage_of_a_dead_one_repeats_nothing_and_sees_nothing_of_it)
{
    static unsigned char before[4][PAGE];
    unsigned ranks;

    for (ranks = 1; ranks <= 2; ranks++) {
        unsigned life;

        start(ranks);
        for (life = 0; life < 6; life++) {
            uint32_t i;

            store_pages(4);
            if (life != 0) {
                for (i = 0; i < 4; i++) { /* what its forerunner stored there, at the same version */
                    static unsigned char now[PAGE];

                    memcpy(now, vault_page(w.top, i), PAGE);
                    memcpy(vault_page(w.top, i), before[i], PAGE);
                    EXPECT(sealed_read(&w, i), QUIRE_INTEGRITY);
                    memcpy(vault_page(w.top, i), now, PAGE);
                }
            }
            sealed_read_all(&w, 4);
            for (i = 0; i < 4; i++) {
                EXPECT(evict(i), QUIRE_OK);
                memcpy(before[i], vault_page(w.top, i), PAGE);
            }
            EXPECT(quire_vm_unmap(&w.vm, RIG_VA, SEALED_PAGES), QUIRE_OK);
            EXPECT(vault_put(w.top), QUIRE_OK);
            cr_expect_eq(w.top->released, 1);
            w.top->released = 0;
            EXPECT(vault_again(w.top, &w.cipher.sealer, ranks == 2 ? &w.vault[0] : NULL), QUIRE_OK);
            EXPECT(rig_map(&w.vm, &w.top->rw.base, RIG_VA, RW), QUIRE_OK);
            memset(w.content, 0, sizeof w.content);
            sealed_read_all(&w, 4); /* born as zeros */
        }
        sealed_end(&w);
    }
}

Test(sealed, write_that_failed_costs_a_version_and_nothing_else)
{
    unsigned kind;

    for (kind = 0; kind < 4; kind++) { /* with metadata in pages or not; with half of it written or not */
        uint32_t i;

        start(1u + kind % 2u);
        w.top->writes_half = kind / 2u != 0;
        store_pages(3);
        for (i = 1; i < 8; i++) {
            EXPECT(sealed_write(&w, 1), QUIRE_OK);
            w.top->write_nth = 1;
            EXPECT(evict(1), QUIRE_IO);
            cr_expect(sealed_present(w.top, 1));
            EXPECT(sealed_read(&w, 1), QUIRE_OK);
            if (i % 3u == 0) {
                EXPECT(evict(1), QUIRE_OK);
            }
        }
        EXPECT(evict(1), QUIRE_OK);
        sealed_read_all(&w, 3);
        sealed_end(&w);
    }
}

Test(sealed, hook_that_fails_for_any_one_call_loses_nothing)
{
    static const enum cipher_hook hooks[] = {CIPHER_SEAL, CIPHER_OPEN, CIPHER_BUFFER};
    unsigned h;

    for (h = 0; h < 2u * 3u; h++) {
        uint64_t n;
        bool failed = true;

        for (n = 1; failed; n++) {
            uint64_t was;
            uint32_t i;

            start(1u + h % 2u);
            store_pages(2);
            was = w.cipher.calls[hooks[h / 2u]];
            cipher_fail(&w.cipher, hooks[h / 2u], n, QUIRE_IO);
            for (i = 0; i < 6; i++) {
                enum quire_status status = sealed_write(&w, i % 3u);

                cr_expect(status == QUIRE_OK || status == QUIRE_IO);
                status = evict(i % 3u);
                cr_expect(status == QUIRE_OK || status == QUIRE_IO || status == QUIRE_NO_MEMORY);
                (void)sealed_evict(&w, &w.vault[0], 0);
                EXPECT_SOUND(&w.rig);
            }
            failed = w.cipher.calls[hooks[h / 2u]] - was >= n;
            cipher_fail(&w.cipher, hooks[h / 2u], 0, QUIRE_OK);
            sealed_read_all(&w, 3);
            sealed_end(&w);
        }
        cr_expect_gt(n, 3, "the hook was hardly called");
    }
}

Test(sealed, versions_that_are_used_up_leave_the_page_dirty_and_a_new_key_helps)
{
    uint32_t i;

    start(1);
    store_pages(3);
    w.top->meta[1].version = UINT32_MAX - 1u; /* of what is stored no more */
    EXPECT(quire_vm_advise(&w.vm, RIG_AT(1), 1, QUIRE_ADVICE_FREE), QUIRE_OK);
    EXPECT(sealed_write(&w, 1), QUIRE_OK);
    EXPECT(evict(1), QUIRE_OK);
    EXPECT(sealed_read(&w, 1), QUIRE_OK);
    EXPECT(sealed_write(&w, 1), QUIRE_OK);
    for (i = 0; i < 3; i++) {
        EXPECT(evict(1), QUIRE_LIMIT);
        EXPECT(quire_pager_write_back(&w.rig.pager, &w.top->rw.base, 0, 3, false), QUIRE_LIMIT);
        cr_expect(rig_query(&w.vm, RIG_AT(1)).dirty);
        EXPECT(sealed_read(&w, 1), QUIRE_OK);
    }
    EXPECT(sealed_read(&w, 0), QUIRE_OK); /* the other pages are as usable as ever */
    EXPECT(sealed_write(&w, 0), QUIRE_OK);
    EXPECT(evict(0), QUIRE_OK);
    EXPECT(quire_sealer_rekey(&w.cipher.sealer), QUIRE_OK);
    EXPECT(evict(1), QUIRE_OK);
    sealed_read_all(&w, 3);
    EXPECT(quire_fobj_rw_rekey(&w.rig.pager, &w.top->rw, 0, SEALED_PAGES, 0, false), QUIRE_OK);
    cr_expect_not(quire_sealer_is_rekeying(&w.cipher.sealer));
    sealed_read_all(&w, 3);
    sealed_end(&w);
}

Test(sealed, full_pool_of_pages_without_versions_ends_faults_with_no_page_not_with_a_loss)
{
    struct quire_fault_result out;
    uint32_t i;

    sealed_start(&w, (struct rig_config){.step = 1, .pages = 4, .policy = RIG_FIFO}, 1);
    for (i = 0; i < SEALED_PAGES; i++) {
        w.top->meta[i].epoch = 1;
        w.top->meta[i].version = UINT32_MAX;
    }
    for (i = 0; i < 4; i++) {
        EXPECT(sealed_write(&w, i), QUIRE_OK);
    }
    EXPECT(rig_fault(&w.rig, &w.vm, RIG_AT(5), RIG_READ, &out), QUIRE_NO_PAGE);
    cr_expect_eq(out.store, QUIRE_LIMIT);
    sealed_read_all(&w, 4);
    EXPECT(quire_sealer_rekey(&w.cipher.sealer), QUIRE_OK);
    EXPECT(sealed_write(&w, 5), QUIRE_OK);
    sealed_read_all(&w, 6);
    sealed_end(&w);
}

/* ---- As few pages as there may be ---- */

Test(sealed, everything_finishes_in_the_fewest_pages_with_metadata_in_pages_of_pages, .timeout = 60)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number += rig_stride(3)) {
        uint64_t random = number + 1u;
        unsigned i;

        sealed_start(&w, rig_machine(number, (struct rig_config){0}), 1u + number % SEALED_RANKS);
        for (i = 0; i < 300; i++) {
            uint32_t page = random_below(&random, 24) * 17u % SEALED_PAGES;

            EXPECT(random_below(&random, 2) == 0 ? sealed_read(&w, page) : sealed_write(&w, page), QUIRE_OK);
        }
        sealed_read_all(&w, SEALED_PAGES);
        cr_expect_gt(w.cipher.calls[CIPHER_OPEN], 50);
        sealed_end(&w);
    }
}
