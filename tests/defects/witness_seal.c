/* What must hold where pages are sealed: the tests that the defects of list_seal must fail. */
#include "witness.h"

#include "cipher.c" /* beside the rig, which is linked */
#include "vault.c"

#define PAGES 24u

static struct cipher keys;
static struct vault vault;
static struct vault metadata;

static void begin(bool in_pages)
{
    cipher_start(&keys, 3);
    keys.tolerates = true; /* it is told below */
    if (in_pages) {
        OK(vault_start(&metadata, 1, &keys.sealer, NULL));
        OK(quire_pager_know(&rig.pager, &metadata.rw.base));
    }
    OK(vault_start(&vault, PAGES, &keys.sealer, in_pages ? &metadata : NULL));
    OK(rig_map(&vm[0], &vault.rw.base, RIG_VA, RW));
}

static void cipher_is_content(void)
{
    expect(cipher_wrong(&keys) == NULL, "%s", cipher_wrong(&keys));
}

static void end(bool in_pages)
{
    sound();
    OK(quire_vm_unmap(&vm[0], RIG_VA, PAGES));
    OK(vault_put(&vault));
    vault_stop(&vault);
    if (in_pages) {
        OK(vault_put(&metadata));
        vault_stop(&metadata);
    }
    OK(cipher_stop(&keys));
    cipher_is_content();
}

/* Has a page of `of` saved, if it is dirty, and leave. */
static enum quire_status leave(struct vault *of, uint32_t page)
{
    enum quire_status status = quire_pager_write_back(&rig.pager, &of->rw.base, page, 1, false);

    cipher_is_content();
    return status == QUIRE_OK ? quire_pager_invalidate(&rig.pager, &of->rw.base, page, 1) : status;
}

static void store_page(uint32_t page, unsigned char byte)
{
    write_byte(0, &vm[0], RIG_AT(page), byte);
    OK(leave(&vault, page));
}

static enum quire_status rekey_all(void)
{
    return quire_fobj_rw_rekey(&rig.pager, &vault.rw, 0, PAGES, 0, false);
}

#define PLENTY .policy = RIG_FIFO, .step = 1, .pages = 12

/* ---- Nonces ---- */

WITNESS(no_nonce_repeats_when_a_seal_or_a_write_fails, PLENTY)
{
    begin(false);
    store_page(0, 1);
    write_byte(0, &vm[0], RIG_VA, 2);
    cipher_fail(&keys, CIPHER_SEAL, 1, QUIRE_IO);
    SAYS(QUIRE_IO, leave(&vault, 0));
    OK(leave(&vault, 0));
    write_byte(0, &vm[0], RIG_VA, 3);
    vault.write_nth = 1;
    SAYS(QUIRE_IO, leave(&vault, 0));
    OK(leave(&vault, 0));
    read_byte(&vm[0], RIG_VA, 3);
    end(false);
}

WITNESS(no_nonce_repeats_between_pages_and_objects_and_their_successors, PLENTY)
{
    struct vault other;

    begin(false);
    store_page(0, 1);
    store_page(1, 1);
    OK(vault_start(&other, 4, &keys.sealer, NULL));
    OK(rig_map(&vm[1], &other.rw.base, RIG_VA, RW));
    write_byte(0, &vm[1], RIG_VA, 1);
    OK(leave(&other, 0));
    OK(quire_vm_unmap(&vm[1], RIG_VA, 4));
    OK(vault_put(&other));
    OK(vault_again(&other, &keys.sealer, NULL));
    OK(rig_map(&vm[1], &other.rw.base, RIG_VA, RW));
    write_byte(0, &vm[1], RIG_VA, 1);
    OK(leave(&other, 0));
    read_byte(&vm[1], RIG_VA, 1);
    OK(quire_vm_unmap(&vm[1], RIG_VA, 4));
    OK(vault_put(&other));
    vault_stop(&other);
    end(false);
}

WITNESS(no_nonce_repeats_when_versions_are_used_up, PLENTY)
{
    begin(false);
    store_page(0, 1);
    write_byte(0, &vm[0], RIG_VA, 2);
    vault.meta[0].version = UINT32_MAX - 1u;
    OK(leave(&vault, 0));
    write_byte(0, &vm[0], RIG_VA, 3);
    SAYS(QUIRE_LIMIT, leave(&vault, 0));
    SAYS(QUIRE_LIMIT, leave(&vault, 0));
    OK(quire_sealer_rekey(&keys.sealer));
    OK(leave(&vault, 0));
    read_byte(&vm[0], RIG_VA, 3);
    end(false);
}

WITNESS(no_nonce_repeats_when_the_page_of_metadata_leaves, PLENTY, .rank_max = 1)
{
    unsigned i;

    begin(true);
    for (i = 1; i < 4u; i++) {
        store_page(0, (unsigned char)i);
        OK(leave(&metadata, 0));
        read_byte(&vm[0], RIG_VA, (unsigned char)i);
        OK(leave(&vault, 0));
    }
    end(true);
}

WITNESS(an_object_has_no_number_left_of_a_key_that_is_gone, PLENTY)
{
    struct vault other;

    begin(false);
    store_page(0, 1); /* number 1 of the first key */
    OK(quire_sealer_rekey(&keys.sealer));
    OK(rekey_all());
    OK(quire_sealer_rekey(&keys.sealer));
    OK(vault_start(&other, 4, &keys.sealer, NULL));
    OK(rig_map(&vm[1], &other.rw.base, RIG_VA, RW));
    write_byte(0, &vm[1], RIG_VA, 1);
    OK(leave(&other, 0)); /* number 1 of the third */
    OK(rekey_all());
    cipher_is_content();
    OK(quire_vm_unmap(&vm[1], RIG_VA, 4));
    OK(vault_put(&other));
    vault_stop(&other);
    read_byte(&vm[0], RIG_VA, 1);
    end(false);
}

/* ---- Old keys ---- */

WITNESS(what_is_stored_stays_readable_until_it_is_sealed_anew, PLENTY)
{
    begin(false);
    store_page(0, 1);
    store_page(1, 2);
    OK(quire_sealer_rekey(&keys.sealer));
    read_byte(&vm[0], RIG_VA, 1);
    OK(leave(&vault, 0));
    OK(quire_fobj_rw_rekey(&rig.pager, &vault.rw, 0, 1, 0, false));
    read_byte(&vm[0], RIG_AT(1), 2); /* a part is not the whole */
    OK(rekey_all());
    expect(!quire_sealer_is_rekeying(&keys.sealer) && keys.keys_alive == 1, "the old key is there still");
    end(false);
}

WITNESS(what_is_resident_and_clean_is_sealed_anew_too, PLENTY)
{
    begin(false);
    store_page(0, 1);
    read_byte(&vm[0], RIG_VA, 1);
    OK(quire_sealer_rekey(&keys.sealer));
    OK(rekey_all());
    OK(leave(&vault, 0));
    read_byte(&vm[0], RIG_VA, 1);
    end(false);
}

static void change_the_key(void *user, const struct quire_seal_label *label, const void *plain)
{
    (void)user;
    (void)label;
    (void)plain;
    keys.sealing = NULL;
    OK(quire_sealer_rekey(&keys.sealer));
    (void)rekey_all();
}

WITNESS(what_is_being_sealed_is_waited_for, PLENTY)
{
    begin(false);
    write_byte(0, &vm[0], RIG_VA, 1);
    keys.sealing = change_the_key;
    OK(leave(&vault, 0));
    read_byte(&vm[0], RIG_VA, 1);
    OK(rekey_all());
    end(false);
}
