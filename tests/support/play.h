/* Random operations on a pager and on its model, side by side: the engine of the pager's property test. */
#ifndef PLAY_H
#define PLAY_H

#include "cipher.h"
#include "hashed.h"
#include "model.h"
#include "rig.h"

#define PLAY_TOKENS 6u
#define PLAY_STATUSES 25u
#define PLAY_LENT 64u
#define PLAY_LENT_BYTE 0x7b

enum play_kind {
    PLAY_STORE,  /* read-write, over the rig's store */
    PLAY_CODE,   /* read and execute, over the rig's store */
    PLAY_SHORT,  /* the same, over a store that leaves the end of each page to the pager's wiping */
    PLAY_LOCKED, /* read-write, never evicted */
    PLAY_RW,     /* fobj_rw.h, sealed or not */
    PLAY_RO,     /* fobj_ro.h */
    PLAY_ZERO,   /* fobj_zero.h */
    PLAY_ZERO_LOCKED,
    PLAY_PHYS, /* fobj_phys.h */
    PLAY_NEED, /* read-write, over the rig's store, which needs pages of another object */
    /* Only where the variant says so: */
    PLAY_PENDING, /* read-write, over the rig's store, which answers later */
    PLAY_CLUSTER, /* the same, several pages at a time, and sometimes at once */
    PLAY_KINDS
};

struct play;

/* What a store that needs pages knows of them. */
struct play_need {
    struct play *play;
    unsigned object;
    unsigned parent;
    uint8_t left[MODEL_PAGES];  /* per page: needs of the request that are left */
    uint32_t page[MODEL_PAGES]; /* which it asked for last */
    bool write[MODEL_PAGES];    /* and whether to write it */
};

/* The source of a read-only object that verifies and relocates its pages. */
struct play_file {
    struct hashed hashed;
    struct hashed_tree tree;
    bool has_tree;
    uint32_t offsets[2u * MODEL_PAGES];
    uint32_t carries[QUIRE_RELOCS_CARRY_BYTES(MODEL_PAGES) / sizeof(uint32_t)];
};

/* The page in which a sealed object's metadata lies: one of an object of its own, which the model does not know. */
struct play_meta {
    struct quire_fobj_rw rw;
    struct quire_sim_watch watch;
    uint32_t slot;
    uint32_t released;
    unsigned char bytes[(size_t)1 << QUIRE_PAGE_SHIFT];
};

struct play_object {
    enum play_kind kind;
    struct quire_fobj *fobj; /* the object, in one of the following */
    struct rig_store *store;
    struct quire_fobj_rw rw;
    struct quire_fobj_ro ro;
    struct quire_fobj_zero zero;
    struct quire_fobj_phys phys;
    struct quire_sim_watch watch;
    uint32_t *slots;
    unsigned char *kept;          /* rw: what the store has, of a sealed one opened; ro: what it shows */
    unsigned char *sealed;        /* rw: what it has as it is; null: not sealed */
    struct quire_seal_meta *meta; /* rw, sealed: this, or ... */
    struct play_meta *meta_page;  /* ... that */
    struct play_file *file;       /* ro: what the store has, if that is something else */
    bool *stored;                 /* rw: which pages it was given */
    struct play_need need;        /* need */
    uint32_t released;            /* calls of `release` */
    bool wx;                      /* an area of it was writable and executable, or may have met one that is */
    unsigned char secret[16];     /* stands in each of its pages, once written or born with it */
};

struct play_token {
    struct quire_pin pin;
    unsigned object;
};

/* An account, and what it was after the last step. */
struct play_account {
    struct rig_account rig;
    struct quire_account_info before;
};

/* What differs between sequences. */
struct play_variant {
    struct rig_config rig; /* callbacks are set by play_start() */
    bool failures;         /* loads, saves, maps and allocations are made to fail */
    bool sticky;           /* unmaps are refused */
    bool pends;            /* there are stores that answer later */
};

struct play {
    struct rig rig;
    struct model model;
    struct play_variant variant;
    struct play_object *object[MODEL_OBJECTS];
    struct quire_vm *vm[MODEL_VMS];
    struct play_account *account[MODEL_ACCOUNTS]; /* the first: of the root only what was before */
    struct play_token token[PLAY_TOKENS];
    uint64_t random;
    uint64_t steps;                 /* done */
    uint64_t counts[PLAY_STATUSES]; /* steps by what they ended with */
    struct {                        /* the logs of what is written */
        bool on;
        uint32_t first; /* cell */
        uint32_t n;
        uint32_t bits[(MODEL_CELLS + 31u) / 32u];
        bool written[MODEL_CELLS]; /* since the log began or was cleared */
    } log[MODEL_VMS];
    struct cipher cipher;            /* of the objects that are sealed */
    uint64_t late;                   /* requests given up so far */
    uint64_t back;                   /* pages that late answers let out of quarantine so far */
    uint64_t old_ticket;             /* answered some time ago */
    uint64_t bad_answers;            /* late answers that were errors so far */
    uint32_t spare;                  /* pages behind the pool that are given to nobody yet */
    uint32_t phys_used;              /* of them to unpaged objects, from the end */
    struct quire_pa lent[PLAY_LENT]; /* pages out of circulation: model.offline of them; full of PLAY_LENT_BYTE */
    struct {                         /* a copy to a context that is running: pages may be saved with what it wrote */
        bool running;
        const unsigned char *bytes; /* null: from the context */
        size_t len;
        size_t offset;
        unsigned vm;
        uint32_t at;
    } copying;
    char what[64];   /* the operation */
    char wrong[512]; /* empty as long as all is as the model says */
};

/* A sequence begins, from a seed; then steps; then everything is taken down and checked. Each stops doing anything once `wrong` is set. */
void play_start(struct play *play, const struct play_variant *variant, uint64_t seed);
void play_step(struct play *play);
void play_stop(struct play *play);

uint64_t play_random(struct play *play);

#endif
