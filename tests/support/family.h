/* Objects of rank 0, 1, 2 whose stores need pages of one another, and would notice if they got wrong ones. */
#ifndef FAMILY_H
#define FAMILY_H

#include "rig.h"

/*
 *     member[2]: npages pages   --save writes the sum of the page, load compares it-->   member[1]   --the same-->   member[0]
 *
 * A page of a member needs `rounds` pages of its parent, one after the other; each has a word for its sum and a word that
 * counts loads. So every load and save of ranks above 0 writes its parent's pages.
 */

#define FAMILY_RANKS 3u
#define FAMILY_PER 16u   /* pages that one page of the parent knows */
#define FAMILY_USER 2048 /* from this byte on a page is its users', not its children's */

struct kin {
    struct rig_store *store;
    struct kin *parent; /* null: rank 0 */
    uint32_t rounds;
    uint8_t *round;  /* per page: how many of its needs were served */
    bool reads_only; /* its loads do not write the parent */
    uint32_t wrong;  /* sums that differed */
    uint32_t asked;  /* times it answered NEED */
    /* Called with every request before it is looked at; anything but OK is answered. Null: nothing. */
    enum quire_status (*before)(struct kin *kin, struct quire_io *io, bool load);
};

struct family {
    struct rig *rig;
    unsigned ranks;
    struct kin member[FAMILY_RANKS];
};

/* Makes `ranks` objects: the youngest, of rank ranks - 1, has npages pages; it needs `rounds` pages of its parent, and so on.
 * All are known to the pager. They end with the rig. */
void family_start(struct family *family, struct rig *rig, unsigned ranks, uint32_t npages, uint32_t rounds);

/* The youngest, or the member of a rank. */
struct kin *family_youngest(struct family *family);

/* Frees what the family has besides its objects; after rig_stop(). */
void family_stop(struct family *family);

/* Sums that differed, of all. */
uint32_t family_wrong(const struct family *family);

/* The page of its parent that page `pgidx` needs in round `round`. */
uint32_t family_needed(const struct kin *kin, uint32_t pgidx, uint32_t round);

#endif
