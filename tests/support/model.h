/* What a pager should do, as flat arrays: per (object, page) what is in it, per (context, page of address space) what is mapped.
 * Shares nothing with the library but base.h. */
#ifndef MODEL_H
#define MODEL_H

#include "quire/base.h"

/*
 *     cell[vm][i]                    page i of the context's window: which page of which object, with which permissions
 *     object[o].content[page][byte]  what everybody who may look sees there
 *
 * Each model_may_*() returns the set of statuses that an operation may end with when nothing is made to fail; each model_did_*()
 * then does it. Nothing here knows which pages are in physical memory.
 */

#define MODEL_OBJECTS 12u
#define MODEL_PAGES 12u
#define MODEL_VMS 4u
#define MODEL_ACCOUNTS 4u /* the first is the pager's root */
#define MODEL_CELLS 64u
#define MODEL_ANY UINT32_MAX

/* A set of statuses. */
#define MODEL_SET(status) ((uint32_t)1 << -(int)(status))
#define MODEL_OK MODEL_SET(QUIRE_OK)

struct model_object {
    bool alive;  /* was made, and is not freed */
    bool held;   /* its creator has a reference */
    bool known;  /* was mapped: the pager knows it */
    bool locked; /* never evicted */
    bool saves;  /* can be saved */
    bool unpaged;
    uint32_t npages;
    unsigned account; /* whom its pages are charged to */
    unsigned max_prot;
    uint32_t tokens;                  /* pins that have a reference */
    uint32_t children;                /* objects whose stores need its pages, and have a reference */
    unsigned origin;                  /* 1 + the object it is a copy of; 0: none */
    unsigned depth;                   /* origins above it */
    bool frozen;                      /* it was copied */
    bool own[MODEL_PAGES];            /* a copy's own page */
    uint32_t pins[MODEL_PAGES];       /* pins that cover the page */
    uint32_t write_pins[MODEL_PAGES]; /* of these for writing */
    bool fetched[MODEL_PAGES];        /* of a locked object: stays from now on */
    bool written[MODEL_PAGES];        /* since it was last given to the store; may be dirty */
    bool freed[MODEL_PAGES];          /* not written since it was let go: `content`, or what it was born with, zeros */
    unsigned char content[MODEL_PAGES][(size_t)1 << QUIRE_PAGE_SHIFT];
};

struct model_account {
    bool alive;
    uint32_t quota;
    uint32_t reserved;
};

struct model_cell {
    bool mapped;
    bool wx;
    bool stuck; /* kept, perhaps only because an MMU refused */
    bool loose; /* an MMU may have kept permissions that it has no more */
    uint8_t object;
    uint8_t page;
    uint8_t prot;
    uint64_t attr;
};

struct model {
    uint32_t total;     /* pages in the pool */
    uint32_t offline;   /* of these out of circulation */
    uint32_t min_pages; /* never fewer that can be evicted */
    uint32_t step;      /* pages that one instruction may need */
    struct model_account account[MODEL_ACCOUNTS];
    struct model_object object[MODEL_OBJECTS];
    struct model_cell cell[MODEL_VMS][MODEL_CELLS];
    bool vm_alive[MODEL_VMS];
};

struct model_map {
    unsigned object;
    uint32_t first;
    uint32_t npages;
    unsigned prot;
    uint64_t attr;
    bool wx;
    uint32_t at;    /* cell, or MODEL_ANY, and then: */
    uint32_t min;   /* first cell, and ... */
    uint32_t max;   /* ... last cell it may take */
    uint32_t align; /* in pages */
    uint32_t base;  /* page number of cell 0: what `align` is about */
    uint32_t pad_before;
    uint32_t pad_after;
};

/* What object `copy`, never used, may become of a copy of `object`. */
uint32_t model_may_copy(const struct model *model, unsigned object, unsigned copy);
void model_did_copy(struct model *model, unsigned object, unsigned copy);

/* Does anything refer to the object? */
bool model_referred(const struct model *model, unsigned object);
/* Has the object an area? */
bool model_shown(const struct model *model, unsigned object);
/* Is some cell of the object stuck, or of the context? */
bool model_object_stuck(const struct model *model, unsigned object);
bool model_vm_stuck(const struct model *model, unsigned vm);

/* Pages that cannot be evicted. */
uint32_t model_fixed(const struct model *model);
/* ... of them those charged to the account. */
uint32_t model_fixed_of(const struct model *model, unsigned account);
/* Objects charged to it. */
uint32_t model_objects_of(const struct model *model, unsigned account);

/* New limits of an account, or of one that is new (then it is not alive). */
uint32_t model_may_limit(const struct model *model, unsigned account, uint32_t quota, uint32_t reserved, uint32_t quarantined);
/* Is this page one of them? */
bool model_is_fixed(const struct model *model, unsigned object, uint32_t page);

/* Would too few be left if so many more pages were gone? `quarantined` pages are out of use. */
bool model_short(const struct model *model, uint32_t more, uint32_t quarantined);
/* May the object's account, which holds so many pages, have one more that nobody loaded? */
bool model_may_adopt(const struct model *model, unsigned object, uint32_t held, bool dirty);

/* *at: the cell it will begin at. */
uint32_t model_may_map(const struct model *model, unsigned vm, const struct model_map *map, uint32_t *at);
void model_did_map(struct model *model, unsigned vm, const struct model_map *map, uint32_t at);

uint32_t model_may_unmap(const struct model *model, unsigned vm, uint32_t at, uint32_t n);
void model_did_unmap(struct model *model, unsigned vm, uint32_t at, uint32_t n);

uint32_t model_may_protect(const struct model *model, unsigned vm, uint32_t at, uint32_t n, unsigned prot);
void model_did_protect(struct model *model, unsigned vm, uint32_t at, uint32_t n, unsigned prot);

uint32_t model_may_remap(const struct model *model, unsigned vm, uint32_t at, uint32_t n, uint32_t to);
void model_did_remap(struct model *model, unsigned vm, uint32_t at, uint32_t n, uint32_t to);

/* An access to one page. `quarantined` pages are out of use. */
uint32_t model_may_access(const struct model *model, unsigned vm, uint32_t at, unsigned access, bool privileged,
                          uint32_t quarantined);
/* What is accessed there; null if the cell is empty. */
unsigned char *model_bytes(struct model *model, unsigned vm, uint32_t at);
/* It was accessed (written). */
void model_did_access(struct model *model, unsigned vm, uint32_t at, bool write);
void model_did_touch(struct model *model, unsigned object, uint32_t page, bool write);

uint32_t model_may_pin(const struct model *model, unsigned object, uint32_t first, uint32_t n, bool write,
                       uint32_t quarantined);
void model_did_pin(struct model *model, unsigned object, uint32_t first, uint32_t n, bool write);
void model_did_unpin(struct model *model, unsigned object, uint32_t first, uint32_t n, bool write);

/* Forgetting pages whose store holds what `same[i]` says is (true) the current content. */
uint32_t model_may_invalidate(const struct model *model, unsigned object, uint32_t first, uint32_t n, const bool *same);
void model_did_invalidate(struct model *model, unsigned object, uint32_t first, uint32_t n);

/* Letting the content of cells at..at + n - 1 go. `forgets[o]`: object o can. */
uint32_t model_may_free(const struct model *model, unsigned vm, uint32_t at, uint32_t n, const bool *forgets);
void model_did_free(struct model *model, unsigned object, uint32_t page);
/* Which of the two a page that was let go holds, now that `seen` was seen of it; `sure`: it cannot change any more. */
void model_did_see(struct model *model, unsigned object, uint32_t page, const unsigned char *seen, bool sure);
/* Is some of these cells mapped, and is every one? */
uint32_t model_may_advise(const struct model *model, unsigned vm, uint32_t at, uint32_t n);

#endif
