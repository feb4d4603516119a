/* rekey.h: what is stored is sealed anew, whatever happens meanwhile, and then the old key is gone. */
#include "sealed_test.h"

static struct sealed_world w;

static void start(unsigned ranks)
{
    sealed_start(&w, (struct rig_config){.pages = 40, .policy = RIG_FIFO}, ranks);
}

static enum quire_status rekey(struct vault *vault)
{
    return quire_fobj_rw_rekey(&w.rig.pager, &vault->rw, 0, vault->npages, 0, false);
}

static void new_key(void)
{
    EXPECT(quire_sealer_rekey(&w.cipher.sealer), QUIRE_OK);
}

static bool two_keys(void)
{
    return quire_sealer_is_rekeying(&w.cipher.sealer);
}

static void store_pages(uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        EXPECT(sealed_write(&w, i), QUIRE_OK);
        EXPECT(sealed_evict(&w, w.top, i), QUIRE_OK);
    }
}

/* Each object of the chain in turn, with as many pages of it as there are. */
static void rekey_all(void)
{
    unsigned i;

    for (i = w.ranks; i-- > 0;) {
        cr_expect(two_keys());
        EXPECT(rekey(&w.vault[i]), QUIRE_OK);
    }
    cr_expect_not(two_keys());
    cr_expect_eq(w.cipher.keys_alive, 1);
}

Test(rekey, everything_stored_is_sealed_anew_and_the_old_key_wiped)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number += rig_stride(3)) {
        unsigned round;
        uint32_t i;

        sealed_start(&w, rig_machine(number, (struct rig_config){.pages = number % 2u * 40u}), 1u + number / 8u % SEALED_RANKS);
        for (round = 0; round < 3; round++) {
            for (i = 0; i < 30; i++) {
                EXPECT(sealed_write(&w, i * 13u), QUIRE_OK);
            }
            new_key();
            for (i = 0; i < 5; i++) {
                EXPECT(sealed_write(&w, i * 13u), QUIRE_OK);
            }
            rekey_all();
            EXPECT_SOUND(&w.rig);
            sealed_read_all(&w, SEALED_PAGES);
        }
        sealed_end(&w);
    }
}

Test(rekey, only_pages_that_are_stored_under_the_old_key_are_moved)
{
    uint64_t opens;
    uint64_t seals;
    uint32_t i;

    start(1);
    store_pages(
        6); /* 0 to 2 are absent, 3 is resident and clean, 4 resident and dirty, 5 freed, 6 never stored, 7 sealed anew */
    EXPECT(sealed_read(&w, 3), QUIRE_OK);
    EXPECT(sealed_write(&w, 4), QUIRE_OK);
    EXPECT(quire_vm_advise(&w.vm, RIG_AT(5), 1, QUIRE_ADVICE_FREE), QUIRE_OK);
    w.content[5] = 0;
    EXPECT(sealed_write(&w, 6), QUIRE_OK);
    EXPECT(sealed_write(&w, 7), QUIRE_OK);
    new_key();
    EXPECT(sealed_evict(&w, w.top, 7), QUIRE_OK);
    opens = w.cipher.calls[CIPHER_OPEN];
    seals = w.cipher.calls[CIPHER_SEAL];
    EXPECT(rekey(w.top), QUIRE_OK);
    cr_expect_eq(w.cipher.calls[CIPHER_OPEN] - opens, 3);
    cr_expect_eq(w.cipher.calls[CIPHER_SEAL] - seals, 5);
    for (i = 0; i < 8; i++) {
        cr_expect_eq(sealed_present(w.top, i), i == 3 || i == 4 || i == 6, "page %u: who was absent is again", (unsigned)i);
        cr_expect(w.top->meta[i].epoch == 2 || i == 5 || i == 6);
    }
    cr_expect_not(two_keys());
    EXPECT(rekey(w.top), QUIRE_OK);
    cr_expect_eq(w.cipher.calls[CIPHER_SEAL] - seals, 5, "again is nothing to do");
    sealed_read_all(&w, 8);
    sealed_end(&w);
}

Test(rekey, parts_of_an_object_can_be_moved_but_only_the_whole_ends_it)
{
    uint64_t seals;
    uint32_t i;

    start(2);
    store_pages(12);
    new_key();
    for (i = 0; i < 12; i += 4) {
        seals = w.cipher.calls[CIPHER_SEAL];
        EXPECT(quire_fobj_rw_rekey(&w.rig.pager, &w.top->rw, i, 4, 0, false), QUIRE_OK);
        cr_expect_eq(w.cipher.calls[CIPHER_SEAL] - seals, 4);
    }
    cr_expect_eq(w.top->rw.sealed.held, 1);
    seals = w.cipher.calls[CIPHER_SEAL];
    EXPECT(rekey(w.top), QUIRE_OK);
    cr_expect_eq(w.cipher.calls[CIPHER_SEAL], seals);
    cr_expect_eq(w.top->rw.sealed.held, 2);
    cr_expect(two_keys(), "its parent has pages under the old key");
    EXPECT(rekey(&w.vault[0]), QUIRE_OK);
    cr_expect_not(two_keys());
    sealed_read_all(&w, 12);
    sealed_end(&w);
}

Test(rekey, what_cannot_be_is_refused)
{
    struct vault plain;

    start(1);
    EXPECT(vault_start(&plain, 4, NULL, NULL), QUIRE_OK);
    EXPECT(quire_pager_know(&w.rig.pager, &plain.rw.base), QUIRE_OK);
    EXPECT(rekey(&plain), QUIRE_INVALID);
    EXPECT(vault_put(&plain), QUIRE_OK);
    vault_stop(&plain);
    EXPECT(vault_start(&plain, 4, &w.cipher.sealer, NULL), QUIRE_OK);
    new_key();
    EXPECT(rekey(&plain), QUIRE_INVALID); /* the pager does not know it */
    EXPECT(quire_fobj_rw_rekey(&w.rig.pager, &w.top->rw, 0, 0, 0, false), QUIRE_INVALID);
    EXPECT(quire_fobj_rw_rekey(&w.rig.pager, &w.top->rw, 1, SEALED_PAGES, 0, false), QUIRE_INVALID);
    EXPECT(quire_fobj_rw_rekey(&w.rig.pager, &w.top->rw, 0, 1, 1, false), QUIRE_INVALID); /* a second thread */
    EXPECT(vault_put(&plain), QUIRE_OK);
    vault_stop(&plain);
    cr_expect(two_keys());
    EXPECT(rekey(w.top), QUIRE_OK);
    sealed_end(&w);
}

Test(rekey, object_that_dies_lets_go_of_the_old_key)
{
    struct vault other;

    start(1);
    EXPECT(vault_start(&other, 4, &w.cipher.sealer, NULL), QUIRE_OK);
    store_pages(3);
    new_key();
    EXPECT(rekey(w.top), QUIRE_OK);
    cr_expect(two_keys());
    EXPECT(quire_sealer_rekey(&w.cipher.sealer), QUIRE_BUSY);
    EXPECT(vault_put(&other), QUIRE_OK);
    cr_expect_not(two_keys());
    vault_stop(&other);
    new_key();
    rekey_all();
    sealed_read_all(&w, 3);
    sealed_end(&w);
}

Test(rekey, page_that_is_refused_keeps_the_old_key_until_it_is_freed)
{
    unsigned ranks;

    for (ranks = 1; ranks <= 2; ranks++) {
        uint32_t i;

        start(ranks);
        store_pages(6);
        vault_page(w.top, 2)[9] ^= 1u;
        new_key();
        EXPECT(rekey(w.top), QUIRE_INTEGRITY);
        cr_expect_eq(w.top->rw.sealed.held, 1);
        for (i = 0; i < 6; i++) {
            EXPECT(sealed_read(&w, i), i == 2 ? QUIRE_INTEGRITY : QUIRE_OK);
        }
        vault_page(w.top, 2)[9] ^= 1u;
        EXPECT(sealed_read(&w, 2), QUIRE_OK); /* the key is there still */
        EXPECT(sealed_evict(&w, w.top, 2), QUIRE_OK);
        vault_page(w.top, 2)[9] ^= 1u;
        EXPECT(rekey(w.top), QUIRE_INTEGRITY);
        EXPECT(quire_vm_advise(&w.vm, RIG_AT(2), 1, QUIRE_ADVICE_FREE), QUIRE_OK);
        w.content[2] = 0;
        rekey_all();
        sealed_read_all(&w, 6);
        sealed_end(&w);
    }
}

/* Hook, read or write: the nth of them from now on fails. */
static void fail(unsigned what, uint64_t nth)
{
    if (what < 3) {
        cipher_fail(&w.cipher, what == 0 ? CIPHER_SEAL : what == 1 ? CIPHER_OPEN : CIPHER_BUFFER, nth, QUIRE_IO);
    } else if (what == 3) {
        w.top->read_nth = nth;
    } else {
        w.top->write_nth = nth;
    }
}

Test(rekey, failure_of_any_one_call_is_told_and_made_good_by_calling_again)
{
    unsigned what;

    for (what = 0; what < 10; what++) {
        uint64_t n;
        bool failed = true;

        for (n = 1; failed; n += rig_stride(2)) {
            enum quire_status status;
            uint32_t i;

            start(1u + what / 5u);
            store_pages(4);
            new_key();
            EXPECT(sealed_read(&w, 1), QUIRE_OK);
            fail(what % 5u, n);
            status = rekey(w.top);
            failed = status != QUIRE_OK;
            cr_expect(!failed || status == (what % 5u == 2 ? QUIRE_NO_MEMORY : QUIRE_IO));
            cr_expect(!failed || two_keys());
            fail(what % 5u, 0);
            EXPECT_SOUND(&w.rig);
            for (i = 0; i < 4; i++) {
                EXPECT(sealed_read(&w, i), QUIRE_OK);
            }
            EXPECT(rekey(w.top), QUIRE_OK);
            EXPECT(rekey(&w.vault[0]), QUIRE_OK);
            cr_expect_not(two_keys());
            sealed_read_all(&w, 4);
            sealed_end(&w);
        }
        cr_expect_gt(n, 3);
    }
}

/* ---- In the middle of it ---- */

static uint32_t happened;

/* What other threads might do while a page is being sealed: use pages, this one excepted, and re-key, too. */
static void meanwhile(void *user, const struct quire_seal_label *label, const void *plain)
{
    enum quire_status status;
    uint32_t i;

    (void)user;
    (void)label;
    (void)plain;
    w.cipher.sealing = NULL; /* what happens here is not interrupted again */
    happened++;
    for (i = 0; i < 3; i++) {
        uint32_t page = (happened * 7u + i * 5u) % 12u;

        status = happened % 2u == 0 ? sealed_read(&w, page) : sealed_write(&w, page);
        cr_expect(status == QUIRE_OK || status == QUIRE_AGAIN || status == QUIRE_NO_PAGE, "%s", quire_status_name(status));
    }
    status = quire_fobj_rw_rekey(&w.rig.pager, &w.top->rw, happened % 12u, 1, 0, false);
    cr_expect(status == QUIRE_OK || status == QUIRE_AGAIN || status == QUIRE_NO_PAGE, "%s", quire_status_name(status));
    w.cipher.sealing = meanwhile;
}

Test(rekey, faults_go_on_while_pages_are_moved)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number += rig_stride(3)) {
        enum quire_status status = QUIRE_AGAIN;
        uint32_t i;

        sealed_start(&w, rig_machine(number, (struct rig_config){.pages = 12}), 1u + number / 8u % 2u);
        for (i = 0; i < 12; i++) {
            EXPECT(sealed_write(&w, i), QUIRE_OK);
        }
        for (i = 20; i < 40; i++) {
            EXPECT(sealed_write(&w, i), QUIRE_OK);
        }
        new_key();
        happened = 0;
        w.cipher.sealing = meanwhile;
        for (i = 0; i < 20 && status != QUIRE_OK; i++) {
            status = rekey(w.top);
        }
        cr_expect_gt(happened, 5);
        w.cipher.sealing = NULL;
        EXPECT(rekey(w.top), QUIRE_OK);
        EXPECT(rekey(&w.vault[0]), QUIRE_OK);
        cr_expect_not(two_keys());
        EXPECT_SOUND(&w.rig);
        sealed_read_all(&w, 40);
        sealed_end(&w);
    }
}

static void asks_for_the_key(void *user, const struct quire_seal_label *label, const void *plain)
{
    bool *asked = user;

    (void)label;
    (void)plain;
    if (!*asked) {
        *asked = true;
        new_key(); /* between the seal's choice of its key and the end of its save */
        EXPECT(quire_fobj_rw_rekey(&w.rig.pager, &w.top->rw, 0, SEALED_PAGES, 0, false), QUIRE_AGAIN);
        cr_expect(two_keys());
    }
}

Test(rekey, page_that_is_being_sealed_under_the_old_key_is_not_missed)
{
    bool asked = false;

    start(1);
    store_pages(3);
    EXPECT(sealed_write(&w, 1), QUIRE_OK);
    w.cipher.sealing = asks_for_the_key;
    w.cipher.user = &asked;
    EXPECT(sealed_evict(&w, w.top, 1), QUIRE_OK);
    w.cipher.sealing = NULL;
    cr_expect_eq(w.top->meta[1].epoch, 1);
    rekey_all();
    cr_expect_eq(w.top->meta[1].epoch, 2);
    sealed_read_all(&w, 3);
    sealed_end(&w);
}

Test(rekey, pinned_page_is_sealed_anew_and_stays_where_it_is)
{
    struct quire_pin pin;

    start(1);
    store_pages(3);
    EXPECT(quire_pin_fobj(&w.rig.pager, &w.top->rw.base, 1, 1, true, false, &pin), QUIRE_OK);
    new_key();
    rekey_all();
    cr_expect_eq(w.top->meta[1].epoch, 2);
    EXPECT(quire_unpin(&pin), QUIRE_OK);
    sealed_read_all(&w, 3);
    sealed_end(&w);
}
