/* Copies on write, of copies, that are sealed, with their metadata paged: in the smallest pool, on every machine, while keys
 * change. */
#include "sealed_test.h"

#include "quire/fobj_cow.h"
#include "quire/pin.h"
#include "quire/rekey.h"
#include "quire/writeback.h"

#define PAGES 6u
#define COPIES 4u /* 0 and 1 of the origin; 2 of 1, when that has been written; 3 of 2 */

struct copies {
    struct rig rig;
    struct cipher cipher;
    uint64_t random;
    struct rig_store *origin;
    struct vault meta[SEALED_RANKS]; /* where metadata lie, rank 0 first */
    struct vault copy[COPIES];
    struct quire_vm vm[COPIES];
    uint64_t word[COPIES][PAGES]; /* the first of each page */
    unsigned ranks;
    unsigned made;
};

static struct copies w;

/* A copy of the latest one (of the origin: the first two), mapped to be written. */
static void copy_more(void)
{
    struct quire_fobj *from = w.made < 2u ? &w.origin->fobj : &w.copy[w.made - 1u].rw.base;
    struct quire_fobj_rw_config config = {0};
    struct vault *vault = &w.copy[w.made];
    unsigned i;

    EXPECT(vault_start(vault, PAGES, NULL, NULL), QUIRE_OK); /* for its memory */
    EXPECT(quire_fobj_put(&vault->rw.base), QUIRE_OK);
    vault->released = 0;
    config.num_pages = PAGES;
    config.slots = vault->slots;
    config.store = vault->rw.store;
    config.sealing.sealer = &w.cipher.sealer;
    if (w.ranks > 1u) {
        config.sealing.meta_fobj = &w.meta[w.ranks - 2u].rw.base;
        config.sealing.meta_first = w.made;
    } else {
        config.sealing.meta = vault->meta = calloc(PAGES, sizeof *vault->meta);
    }
    config.ctx = vault;
    config.release = vault->rw.release;
    EXPECT(quire_fobj_rw_init(&vault->rw, &config), QUIRE_OK);
    EXPECT(quire_fobj_cow_make(&w.rig.pager, &vault->rw.base, from), QUIRE_OK);
    rig_vm_start(&w.rig, &w.vm[w.made]);
    EXPECT(rig_map(&w.vm[w.made], &vault->rw.base, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < PAGES; i++) {
        if (w.made >= 2u) {
            w.word[w.made][i] = w.word[w.made - 1u][i];
        } else {
            unsigned char *bytes = (unsigned char *)&w.word[w.made][i];
            size_t at;

            for (at = 0; at < sizeof w.word[0][0]; at++) {
                bytes[at] = (unsigned char)rig_born(w.origin->tag, i, at);
            }
        }
    }
    w.made++;
}

static void start(unsigned number, unsigned ranks)
{
    struct rig_config config = rig_machine(number, (struct rig_config){.step = 2, .rank_max = ranks - 1u, .vms = 8});
    unsigned i;

    memset(&w, 0, sizeof w);
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, 2, config.rank_max) + number / 8u % 3u;
    rig_start(&w.rig, &config);
    cipher_start(&w.cipher, 5);
    w.random = number;
    w.ranks = ranks;
    w.origin = rig_store_new(&w.rig, PAGES, RW);
    for (i = 0; i + 1u < ranks; i++) {
        EXPECT(vault_start(&w.meta[i], COPIES, &w.cipher.sealer, i != 0 ? &w.meta[i - 1u] : NULL), QUIRE_OK);
        EXPECT(quire_pager_know(&w.rig.pager, &w.meta[i].rw.base), QUIRE_OK);
    }
    copy_more();
    copy_more();
}

static void end(void)
{
    unsigned i;

    EXPECT_SOUND(&w.rig);
    for (i = 0; i < w.made; i++) {
        EXPECT(rig_vm_stop(&w.rig, &w.vm[i]), QUIRE_OK);
        EXPECT(vault_put(&w.copy[i]), QUIRE_OK);
    }
    for (i = 0; i + 1u < w.ranks; i++) {
        EXPECT(vault_put(&w.meta[i]), QUIRE_OK);
    }
    for (i = 0; i + 1u < w.ranks; i++) {
        cr_expect_eq(w.meta[i].released, 1);
        vault_stop(&w.meta[i]);
    }
    for (i = 0; i < w.made; i++) {
        cr_expect_eq(w.copy[i].released, 1);
        vault_stop(&w.copy[i]);
    }
    EXPECT(cipher_stop(&w.cipher), QUIRE_OK);
    cr_expect_null(cipher_wrong(&w.cipher));
    rig_stop(&w.rig);
}

/* ---- What happens ---- */

static void read_one(unsigned copy, uint32_t page)
{
    uint64_t word = 0;

    EXPECT(rig_read(&w.rig, &w.vm[copy], RIG_AT(page), &word, sizeof word), QUIRE_OK);
    cr_expect_eq(word, w.word[copy][page], "copy %u, page %u", copy, page);
}

/* Only a copy that was not copied itself can be written. */
static void write_one(unsigned copy, uint32_t page)
{
    bool frozen = copy != 0 && copy + 1u < w.made;
    uint64_t word = random_next(&w.random);

    EXPECT(rig_write(&w.rig, &w.vm[copy], RIG_AT(page), &word, sizeof word), frozen ? QUIRE_DENIED : QUIRE_OK);
    if (!frozen) {
        w.word[copy][page] = word;
    }
}

/* Each object that seals, then the old key must be gone. */
static void new_key(void)
{
    unsigned i;

    EXPECT(quire_sealer_rekey(&w.cipher.sealer), QUIRE_OK);
    for (i = 0; i < w.made; i++) {
        EXPECT(quire_fobj_rw_rekey(&w.rig.pager, &w.copy[i].rw, 0, PAGES, 0, false), QUIRE_OK);
    }
    for (i = w.ranks - 1u; i-- > 0;) {
        EXPECT(quire_fobj_rw_rekey(&w.rig.pager, &w.meta[i].rw, 0, COPIES, 0, false), QUIRE_OK);
    }
    cr_expect_not(quire_sealer_is_rekeying(&w.cipher.sealer));
}

static void step(void)
{
    unsigned copy = (unsigned)random_below(&w.random, w.made);
    uint32_t page = (uint32_t)random_below(&w.random, PAGES);
    struct quire_fobj *fobj = &w.copy[copy].rw.base;
    enum quire_status status;
    struct quire_pin pin;

    switch (random_below(&w.random, 16)) {
    case 0:
        new_key();
        break;
    case 1:
        EXPECT(quire_pager_write_back(&w.rig.pager, fobj, 0, PAGES, false), QUIRE_OK);
        break;
    case 2:
        status = quire_pager_invalidate(&w.rig.pager, fobj, page, 1);
        cr_expect(status == QUIRE_OK || status == QUIRE_DIRTY, "%s", quire_status_name(status));
        break;
    case 3:
        EXPECT(quire_vm_advise(&w.vm[copy], RIG_VA, PAGES, QUIRE_ADVICE_DONT_NEED), QUIRE_OK);
        break;
    case 4:
        if (w.made < COPIES && random_below(&w.random, 10) == 0) {
            copy_more();
        }
        break;
    case 5:
        status = quire_pin_fobj(&w.rig.pager, fobj, page, 1, false, false, &pin);
        cr_expect(status == QUIRE_OK || status == QUIRE_NO_PAGE, "%s", quire_status_name(status));
        if (status == QUIRE_OK) {
            EXPECT(quire_unpin(&pin), QUIRE_OK);
        }
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        write_one(copy, page);
        break;
    default:
        read_one(copy, page);
        break;
    }
}

Test(sealed_copies, show_what_was_written_whatever_was_evicted_and_sealed_anew)
{
    unsigned number;

    for (number = 0; number < RIG_MACHINES; number += rig_stride(1)) {
        unsigned i;

        start(number, 1u + number % SEALED_RANKS);
        for (i = 0; i < 300u; i++) {
            step();
        }
        for (i = 0; i < w.made * PAGES; i++) {
            read_one(i / PAGES, i % PAGES);
        }
        cr_expect_gt(rig_stats(&w.rig).copies, PAGES);
        end();
    }
}
