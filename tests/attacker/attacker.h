/* A store in the hands of an attacker: one file for all objects, who reads, changes, swaps and rolls back what is in it, and knows
 * what should have been there. */
#ifndef ATTACKER_H
#define ATTACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "property.h"
#include "quire/base.h"

/*
 *     place:    [ 0 ][ 1 ][ 2 ] ...        of the file, a page each; ranges of them belong to objects, and to others later
 *     version:  everything that was ever kept anywhere, and what the attacker made of it; none is ever forgotten
 *
 *     now:      the version that a read of the place delivers          an honest store: now == good
 *     good:     the version that was kept there last
 *
 * Whether a read delivers what it should is found by comparing the bytes that were handed out with those of `good`: the verdict
 * that the library's answer is then held against.
 */
#define ATTACKER_PAGE QUIRE_PAGE_SIZE
#define ATTACKER_NONE UINT32_MAX

enum trick {
    TRICK_FLIP,         /* bits of a page */
    TRICK_SWAP_WITHIN,  /* two pages of an object */
    TRICK_SWAP_BETWEEN, /* pages of two objects */
    TRICK_REPLAY,       /* an earlier version of the page, or of what an earlier object had there */
    TRICK_FOREIGN,      /* any version of any other page */
    TRICK_ROLLBACK,     /* an earlier copy of the whole store */
    TRICK_CUT,          /* the file ends early, and the store says nothing */
    TRICK_DROP,         /* a write that is said to have been kept */
    TRICKS
};

/* What the pages of a range are to the library. */
enum sort {
    SORT_SEALED,
    SORT_METADATA, /* of sealed pages, itself sealed */
    SORT_COPY,     /* what a copy on write has of its own */
    SORT_LISTED,   /* read-only, by a list of hashes in memory */
    SORT_PAGED,    /* ... by a list that is paged */
    SORT_TREE,     /* ... by a tree */
    SORT_LIST,     /* the paged list */
    SORT_NODE,     /* nodes of a tree */
    SORTS
};

extern const char *const trick_names[TRICKS];
extern const char *const sort_names[SORTS];

struct place {
    bool used;
    enum sort sort;
    uint32_t owner;    /* first place of its range */
    uint32_t now;      /* version */
    uint32_t good;     /* version; NONE: nothing was kept, or the last write failed */
    uint32_t kept;     /* bytes of it that are there: the file was cut */
    enum trick trick;  /* why `now` is not `good` */
    uint32_t *history; /* versions that were kept here */
    uint32_t versions; /* of them */
};

/* What one load or save met. They nest: in the middle of one, another thread has one. */
struct verdict {
    struct verdict *outer;
    bool changed; /* a read delivered something else than what was kept; what it was then is here: */
    enum trick trick;
    enum sort sort;
    enum quire_status failed; /* a read or write said so */
};

struct attacker_counts {
    uint64_t tricks[TRICKS];
    uint64_t read[TRICKS][SORTS];   /* loads that read something changed: */
    uint64_t caught[TRICKS][SORTS]; /* they ended with INTEGRITY ... */
    uint64_t drowned;               /* ... or with another failure of the store, before it was found out */
    uint64_t reads;
    uint64_t writes;
    uint64_t failed_reads;
    uint64_t failed_writes;
    uint64_t short_reads; /* that said so */
    uint64_t taken_back;
};

struct attacker {
    struct property *random;
    struct place *place;
    uint32_t places;
    unsigned char **version;
    uint32_t versions;
    uint32_t *snapshot; /* of `now` of all places */
    struct verdict *verdict;
    struct attacker_counts *counts;
    uint64_t read_nth;  /* counted down: this read fails; 0: none */
    uint64_t write_nth; /* this write fails ... */
    uint64_t drop_nth;  /* ... and this one is not kept, but said to be */
    enum quire_status says;
    bool honest_end; /* reads behind a cut say that they are short */
    /* Called in each read and write, before anything moves. Null: nothing. */
    void (*meanwhile)(void *user);
    void *user;
    unsigned char secret[8]; /* stands in every plain page that is written */
    char wrong[160];         /* empty: nothing */
};

void attacker_begin(struct attacker *attacker, struct property *random, uint32_t places, struct attacker_counts *counts);
void attacker_end(struct attacker *attacker);

/* n free places one behind the other, the first of them; NONE: there are none. */
uint32_t attacker_take(struct attacker *attacker, uint32_t n, enum sort sort);
void attacker_give_back(struct attacker *attacker, uint32_t first);

/* The owner keeps a page in a place, past all tricks. */
void attacker_keep(struct attacker *attacker, uint32_t place, const void *page);

/* The store's two operations. *got: bytes of `len` that the store says it delivered. */
enum quire_status attacker_read(struct attacker *attacker, uint32_t place, void *to, size_t len, size_t *got);
enum quire_status attacker_write(struct attacker *attacker, uint32_t place, const void *page);

/* Between two operations. */
void attacker_strike(struct attacker *attacker);
void attacker_remember(struct attacker *attacker); /* a copy of the whole store, for later */
void attacker_arm(struct attacker *attacker);      /* something fails soon */
void attacker_disarm(struct attacker *attacker);
void attacker_repent(struct attacker *attacker, uint32_t place);
void attacker_repent_all(struct attacker *attacker);

/* A load or save begins, and ends. */
void attacker_verdict_begin(struct attacker *attacker, struct verdict *verdict);
void attacker_verdict_end(struct attacker *attacker, struct verdict *verdict);

#endif
