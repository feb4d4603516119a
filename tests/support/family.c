#include "family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void family_must(enum quire_status status)
{
    if (status != QUIRE_OK) {
        fprintf(stderr, "family: %s\n", quire_status_name(status));
        abort();
    }
}

static uint64_t family_sum(const unsigned char *bytes)
{
    uint64_t sum = 88172645463325252u;
    size_t i;

    for (i = 0; i < RIG_PAGE; i += 4u * sizeof(uint64_t)) {
        uint64_t word[4];

        memcpy(word, bytes + i, sizeof word);
        sum = (sum ^ word[0] ^ word[1] * 3u ^ word[2] * 5u ^ word[3] * 7u) * 1099511628211u; /* all odd: no bit is lost */
        sum ^= sum >> 31;
    }
    return sum;
}

static uint32_t family_per_round(uint32_t npages)
{
    return (npages + FAMILY_PER - 1u) / FAMILY_PER;
}

uint32_t family_needed(const struct kin *kin, uint32_t pgidx, uint32_t round)
{
    return round * family_per_round(kin->store->fobj.num_pages) + pgidx / FAMILY_PER;
}

static size_t family_place(uint32_t pgidx)
{
    return (size_t)(pgidx % FAMILY_PER) * 2u * sizeof(uint64_t);
}

static enum quire_status kin_ask(struct kin *kin, struct quire_io *io, bool load)
{
    io->need_fobj = &kin->parent->store->fobj;
    io->need_pgidx = family_needed(kin, io->pgidx, kin->round[io->pgidx]);
    io->need_write = !load || !kin->reads_only;
    __atomic_add_fetch(&kin->asked, 1u, __ATOMIC_RELAXED);
    return QUIRE_NEED;
}

/* The needed page is there: a load compares the sum and counts, a save notes the sum. */
static enum quire_status kin_use(struct kin *kin, const struct quire_io *io, bool load)
{
    unsigned char *at = (unsigned char *)io->need_page + family_place(io->pgidx);
    uint64_t word[2];

    memcpy(word, at, sizeof word);
    if (!load) {
        word[0] = family_sum(io->page[0]) + kin->round[io->pgidx];
    } else if (word[0] != family_sum(rig_store_page(kin->store, io->pgidx)) + kin->round[io->pgidx]) {
        __atomic_add_fetch(&kin->wrong, 1u, __ATOMIC_RELAXED);
        return QUIRE_INTEGRITY;
    }
    word[1]++;
    if (!load || !kin->reads_only) {
        memcpy(at, word, sizeof word);
    }
    return QUIRE_OK;
}

static enum quire_status kin_before(struct rig_store *store, struct quire_io *io, bool load)
{
    struct kin *kin = store->user;
    enum quire_status status = kin->before != NULL ? kin->before(kin, io, load) : QUIRE_OK;

    if (status != QUIRE_OK || kin->parent == NULL) {
        return status;
    }
    if (io->need_page == NULL) {
        kin->round[io->pgidx] = 0;
        return kin_ask(kin, io, load);
    }
    status = kin_use(kin, io, load);
    kin->round[io->pgidx]++;
    return status == QUIRE_OK && kin->round[io->pgidx] < kin->rounds ? kin_ask(kin, io, load) : status;
}

static void kin_gone(struct rig_store *store)
{
    struct kin *kin = store->user;

    if (kin->parent != NULL) {
        (void)quire_fobj_put(&kin->parent->store->fobj);
    }
}

/* The parent knows the sums of what its child was born with. */
static void kin_note_births(struct kin *kin)
{
    uint32_t page;
    uint32_t round;

    for (page = 0; page < kin->store->fobj.num_pages; page++) {
        for (round = 0; round < kin->rounds; round++) {
            uint64_t sum = family_sum(rig_store_page(kin->store, page)) + round;
            unsigned char *at = rig_store_page(kin->parent->store, family_needed(kin, page, round)) + family_place(page);

            memcpy(at, &sum, sizeof sum);
        }
    }
}

void family_start(struct family *family, struct rig *rig, unsigned ranks, uint32_t npages, uint32_t rounds)
{
    uint32_t pages[FAMILY_RANKS];
    unsigned rank;

    memset(family, 0, sizeof *family);
    family->rig = rig;
    family->ranks = ranks;
    for (rank = ranks; rank-- > 0;) {
        pages[rank] = rank + 1u == ranks ? npages : family_per_round(pages[rank + 1u]) * rounds;
    }
    for (rank = 0; rank < ranks; rank++) {
        struct kin *kin = &family->member[rank];

        kin->store = rig_store_new(rig, pages[rank], RIG_READ | RIG_WRITE);
        kin->store->fobj.rank = (uint8_t)rank;
        kin->store->user = kin;
        kin->store->before = kin_before;
        kin->store->gone = kin_gone;
        kin->rounds = rounds;
        kin->round = calloc(pages[rank], sizeof *kin->round);
        if (kin->round == NULL) {
            abort();
        }
        if (rank > 0) {
            kin->parent = &family->member[rank - 1u];
            family_must(quire_fobj_get(&kin->parent->store->fobj));
        }
        family_must(quire_pager_know(&rig->pager, &kin->store->fobj));
    }
    for (rank = ranks - 1u; rank > 0; rank--) {
        kin_note_births(&family->member[rank]);
    }
}

struct kin *family_youngest(struct family *family)
{
    return &family->member[family->ranks - 1u];
}

void family_stop(struct family *family)
{
    unsigned rank;

    for (rank = 0; rank < family->ranks; rank++) {
        free(family->member[rank].round);
    }
}

uint32_t family_wrong(const struct family *family)
{
    uint32_t n = 0;
    unsigned rank;

    for (rank = 0; rank < family->ranks; rank++) {
        n += __atomic_load_n(&family->member[rank].wrong, __ATOMIC_RELAXED);
    }
    return n;
}
