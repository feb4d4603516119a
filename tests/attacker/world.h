/* Objects of all kinds over an attacker's store, the contexts that show them, and what each context must see. */
#ifndef WORLD_H
#define WORLD_H

#include "attacker.h"
#include "cipher.h"
#include "hashed.h"
#include "rig.h"

#define WORLD_THINGS 14u
#define WORLD_VMS 3u
#define WORLD_SHOWN 16u /* pages of each thing that contexts show */
#define WORLD_PLACES 1200u
#define WORLD_META_PAGES 4u /* of an object that holds metadata: one for each of its children */
#define WORLD_PENDING 16u
#define WORLD_FAILED 64u

/* What a read-only object shows: a file, its hashes, and both of them in places of the store. */
struct source {
    struct hashed hashed;
    uint32_t content; /* first place */
    uint32_t nodes;   /* first place; NONE: none of them are stored */
    unsigned refs;
};

enum thing_kind {
    THING_SEALED, /* metadata in memory, or in a page of `parent` */
    THING_PARENT, /* holds metadata, sealed itself */
    THING_SECURE, /* holds metadata, over memory that the attacker does not reach */
    THING_RO,     /* by list, paged list or tree; relocated or not */
    THING_LIST,   /* the paged list of a read-only object */
    THING_KINDS
};

struct world;

struct thing {
    struct world *world;
    enum thing_kind kind;
    enum sort sort;
    struct quire_fobj *fobj; /* of one of the two */
    struct quire_fobj_rw rw;
    struct quire_fobj_ro ro;
    struct quire_fobj_ops ops; /* between the pager, by way of the watch, and the object's own */
    const struct quire_fobj_ops *inner;
    struct quire_sim_watch watch;
    uint32_t npages;
    uint32_t first;       /* shown: pages [first, first + shown) */
    uint32_t shown;       /* 0: contexts never see it */
    uint32_t place;       /* of page 0; NONE: it has none of its own */
    unsigned char *model; /* what a context sees, all pages; null: nobody looks */
    bool held;            /* by its maker */
    bool frozen;
    bool unsure; /* what it holds, just now */
    bool pends;  /* its store answers later, sometimes */
    bool mapped[WORLD_VMS];
    uint32_t released;
    enum quire_status *ended; /* of each page: the last load ... */
    uint64_t *when;           /* ... in this operation */
    uint32_t *slots;
    struct quire_seal_meta *meta;
    unsigned char *secure;
    struct thing *parent;
    uint32_t parent_page;
    uint32_t parent_used; /* a parent: pages of it that have children, bits */
    struct thing *origin; /* a copy */
    unsigned depth;
    struct source *source;
    struct hashed_tree tree;
    bool has_tree;
    unsigned char *list_hashes;
    uint32_t *offsets;
    uint32_t *carries;
};

/* An operation of one thread of control, as far as what it ends with depends on stores. */
struct op {
    struct op *outer;
    uint64_t number;
    bool copies;                /* more than one access: nobody else writes meanwhile */
    const struct thing *refers; /* it goes by this reference, which nobody puts meanwhile */
    uint64_t loads;             /* what loads ended with: bit -status */
    uint64_t saves;
};

struct world_counts {
    uint64_t steps;
    uint64_t accesses;
    uint64_t refused; /* accesses that ended with INTEGRITY */
    uint64_t pages_compared;
    uint64_t failed_loads; /* with another status */
    uint64_t things[THING_KINDS];
    uint64_t relocated;
    uint64_t copies;
    uint64_t own_pages; /* of copies */
    uint64_t died;
    uint64_t pended;
    uint64_t timeouts;
    uint64_t nested;
    uint64_t keys;
    uint64_t nonces;
    uint64_t failed_saves;
    uint64_t evictions;
};

struct pending {
    struct quire_io *io;
    struct thing *thing;
    uint64_t ticket;
    uint64_t by; /* number of the operation that asked */
    bool load;
};

struct world {
    struct rig rig;
    struct property random;
    struct attacker attacker;
    struct attacker_counts *tricks;
    struct world_counts *counts;
    struct cipher cipher;
    struct quire_vm vm[WORLD_VMS];
    struct thing *thing[WORLD_THINGS];
    struct pending pending[WORLD_PENDING];
    uint32_t npending;
    struct { /* saves that failed in this operation and were not made again: these pages are where they were */
        struct thing *thing;
        uint32_t page;
    } failed[WORLD_FAILED];
    uint32_t nfailed;
    uint64_t late; /* what late answers were: bit -status */
    struct op *op;
    uint64_t ops;
    unsigned nest; /* operations in the middle of others: 0 or 1 */
    bool calm;     /* nobody nests, nothing is late */
    char what[96];
    char wrong[400]; /* empty: nothing */
};

void world_begin(struct world *world, uint64_t seed, struct attacker_counts *tricks, struct world_counts *counts);
/* Takes everything down: nothing may be left. */
void world_end(struct world *world);

uint32_t world_below(struct world *world, uint32_t n);
bool world_chance(struct world *world, uint32_t one_in);
void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* All invariants. */
void world_check(struct world *world);

/* Things. */
void world_make(struct world *world);
void world_make_copy(struct world *world);
void world_put(struct world *world, struct thing *thing);
/* Some thing ends, by itself or with what shows it. */
void world_end_thing(struct world *world);
/* Frees what is left of things that were released. */
void world_bury(struct world *world);
uintptr_t world_va(const struct world *world, const struct thing *thing, uint32_t page);
void world_map(struct world *world, struct thing *thing, unsigned vm);
void world_unmap(struct world *world, struct thing *thing, unsigned vm);
struct thing *world_pick(struct world *world);

/* Where the library calls (layer.c). */
void layer_put(struct thing *thing, struct quire_fobj *fobj);
enum quire_status layer_rw_read(void *ctx, uint32_t pgidx, void *page);
enum quire_status layer_rw_write(void *ctx, uint32_t pgidx, const void *page);
enum quire_status layer_ro_read(void *ctx, uint64_t offset, void *to, size_t len, size_t *got);
enum quire_status layer_read_node(void *ctx, unsigned level, uint32_t index, void *page);
/* An answer that is due; which: any. */
void layer_answer(struct world *world, uint32_t i);

/* Operations. */
void op_begin(struct world *world, struct op *op, const char *what);
void op_end(struct world *world, struct op *op);
/* A single access. `nested`: in the middle of another operation. */
void world_access(struct world *world, bool nested);
void world_copy(struct world *world);
void world_pin(struct world *world);
void world_evict(struct world *world);
void world_advise(struct world *world);
void world_write_back(struct world *world);
void world_shrink(struct world *world);
void world_rekey(struct world *world);
void world_new_vm(struct world *world);
void world_tick(struct world *world);
/* The attacker is gone, and has put everything back: every page is right in every context; every page can be sealed anew, and the
 * old key is wiped then. */
void world_heal(struct world *world);

#endif
