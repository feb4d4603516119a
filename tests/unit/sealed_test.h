/* A pager over sealed objects: a chain of vaults (tests/support/vault.h), each with the metadata of the next, whose youngest is
 * mapped. */
#ifndef SEALED_TEST_H
#define SEALED_TEST_H

#include "rig_test.h"

#include "vault.h"

#define SEALED_PAGES 400u /* of the youngest: three pages of metadata */
#define SEALED_RANKS 3u

struct sealed_world {
    struct rig rig;
    struct quire_vm vm;
    struct cipher cipher;
    struct vault vault[SEALED_RANKS]; /* rank 0 first */
    struct vault *top;                /* the youngest, mapped from RIG_VA */
    unsigned ranks;
    uint64_t content[SEALED_PAGES]; /* the word that each page of it begins, and ends, with */
    uint64_t next;
};

/* One to three vaults; pages 0 in `config`: as few as there may be. */
static inline void sealed_start(struct sealed_world *w, struct rig_config config, unsigned ranks)
{
    unsigned i;

    memset(w, 0, sizeof *w);
    config.rank_max = ranks - 1u;
    config.vm_pages = SEALED_PAGES;
    config.concurrency = config.concurrency != 0 ? config.concurrency : 1u;
    if (config.pages == 0) {
        config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(
            config.concurrency, config.step != 0 ? config.step : QUIRE_PAGER_STEP_DEFAULT, config.rank_max);
    }
    rig_start(&w->rig, &config);
    rig_vm_start(&w->rig, &w->vm);
    cipher_start(&w->cipher, 99);
    w->ranks = ranks;
    for (i = 0; i < ranks; i++) {
        uint32_t npages = i + 1u == ranks ? SEALED_PAGES : i + 2u == ranks ? QUIRE_FOBJ_RW_META_PAGES(SEALED_PAGES) : 1u;

        EXPECT(vault_start(&w->vault[i], npages, &w->cipher.sealer, i != 0 ? &w->vault[i - 1u] : NULL), QUIRE_OK);
        EXPECT(quire_pager_know(&w->rig.pager, &w->vault[i].rw.base), QUIRE_OK);
    }
    w->top = &w->vault[ranks - 1u];
    EXPECT(rig_map(&w->vm, &w->top->rw.base, RIG_VA, RW), QUIRE_OK);
}

/* Everything dies, and nothing is left of it: no page, no key but one, no buffer. */
static inline void sealed_end(struct sealed_world *w)
{
    unsigned i;

    EXPECT_SOUND(&w->rig);
    EXPECT(rig_vm_stop(&w->rig, &w->vm), QUIRE_OK);
    for (i = 0; i < w->ranks; i++) {
        EXPECT(vault_put(&w->vault[i]), QUIRE_OK);
    }
    for (i = 0; i < w->ranks; i++) {
        cr_expect_eq(w->vault[i].released, 1);
        vault_stop(&w->vault[i]);
    }
    EXPECT(cipher_stop(&w->cipher), QUIRE_OK);
    cr_expect_null(cipher_wrong(&w->cipher));
    rig_stop(&w->rig);
}

static inline enum quire_status sealed_write(struct sealed_world *w, uint32_t page)
{
    uint64_t word = ++w->next * 0x9e3779b97f4a7c15u;
    enum quire_status status = rig_write(&w->rig, &w->vm, RIG_AT(page), &word, sizeof word);

    if (status == QUIRE_OK) {
        w->content[page] = word;
        status = rig_write(&w->rig, &w->vm, RIG_AT(page + 1u) - sizeof word, &word, sizeof word);
    }
    return status;
}

/* The status of reading the page; a word that is not what was written is a failure. */
static inline enum quire_status sealed_read(struct sealed_world *w, uint32_t page)
{
    uint64_t first = 0;
    uint64_t last = 0;
    enum quire_status status = rig_read(&w->rig, &w->vm, RIG_AT(page), &first, sizeof first);

    if (status == QUIRE_OK) {
        status = rig_read(&w->rig, &w->vm, RIG_AT(page + 1u) - sizeof last, &last, sizeof last);
    }
    if (status == QUIRE_OK) {
        cr_expect(first == w->content[page] && last == w->content[page], "page %u shows other bytes", (unsigned)page);
    }
    return status;
}

/* All pages, which must be as they were written. */
static inline void sealed_read_all(struct sealed_world *w, uint32_t npages)
{
    uint32_t i;

    for (i = 0; i < npages; i++) {
        EXPECT(sealed_read(w, i), QUIRE_OK);
    }
}

/* Evicts a page of any of the vaults, if it is there, whatever its policy thinks of it; the status of that. */
static inline enum quire_status sealed_evict(struct sealed_world *w, const struct vault *vault, uint32_t pgidx)
{
    uint32_t slot = vault->rw.base.slots[pgidx];
    enum quire_status status = QUIRE_OK;

    if (quire_slot_kind(slot) == QUIRE_SLOT_PRESENT) {
        struct quire_pa pa = quire_pmem_pa(&w->rig.pager.pool, quire_slot_value(slot));

        status = quire_pager_remove_pages(&w->rig.pager, pa, 1, false);
        if (status == QUIRE_OK) {
            EXPECT(quire_pager_give_back(&w->rig.pager, pa, 1), QUIRE_OK);
        }
    }
    return status;
}

static inline bool sealed_present(const struct vault *vault, uint32_t pgidx)
{
    return quire_slot_kind(vault->rw.base.slots[pgidx]) == QUIRE_SLOT_PRESENT;
}

#endif
