/* A life from the first map to the last put, in which the n-th call of a hook fails, for every n: loads, saves, allocations, map and
 * need_tables. A failed step says what failed and changes nothing, every byte is where it was, the step succeeds when it is tried
 * again after the failure, and nothing is left at the end. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rig.h"

/* An assertion that costs nothing while it holds: there are millions. */
#define MUST(holds, ...)                                          \
    do {                                                          \
        if (!(holds)) {                                           \
            (void)snprintf(message, sizeof message, __VA_ARGS__); \
            cr_assert_fail("%s: %s", where(), message);           \
        }                                                         \
    } while (0)

#define RO RIG_READ
#define RW (RIG_READ | RIG_WRITE)
#define RX (RIG_READ | RIG_EXEC)

enum { VARIANTS = 16, POOL = 8, CONTEXTS = 3, WINDOW = 64, TABLE = 16, PAGES = 8 };
enum object { DATA, CODE, HEAP, KEPT, PORT, OBJECTS };

static const struct {
    uint32_t npages;
    unsigned max_prot;
} kinds_of_object[OBJECTS] = {
    {8, RW},             /* DATA */
    {6, RX},             /* CODE */
    {5, QUIRE_PROT_RWX}, /* HEAP */
    {2, RW},             /* KEPT: no save operation, so what was written stays resident */
    {4, RW},             /* PORT: unpaged, in two runs of two pages */
};

/* ---- What may fail, and how ---- */

enum kind { LOAD, SAVE, ALLOC, MAP, TABLES, NOTHING };
enum mode {
    ONCE,   /* the n-th call */
    THRICE, /* and the two after it */
    REPAIR, /* all from the n-th on, until a step has failed twice */
    FOREVER /* all from the n-th on; once a step has failed twice, all that is there is ended */
};

static const char *const kind_name[] = {"load", "save", "allocation", "map", "need_tables", "nothing"};
static const char *const mode_name[] = {"once", "three times", "until repaired", "for ever"};

/* ---- The life, and the model of it ---- */

struct shown {
    bool is;
    enum object object;
    uint32_t pgidx;
    unsigned prot;
};

static struct life {
    struct rig rig;
    struct quire_vm vm[CONTEXTS];
    bool alive[CONTEXTS];
    struct rig_store *store[PORT];
    struct quire_fobj port;
    unsigned port_freed;
    bool put[OBJECTS]; /* the creator's reference */
    struct quire_pin pin;
    bool pinned;
    struct rig_failure map_fails;
    struct rig_failure table_fails;
    struct quire_fault_result last; /* of the last access that was not served */

    struct shown shown[CONTEXTS][WINDOW];
    unsigned char is[OBJECTS][PAGES][RIG_PAGE];
} life;

/* For messages. */
static struct {
    unsigned variant;
    enum kind kind;
    enum mode mode;
    uint64_t n;
    size_t step;
} now;
static char message[300];

static const char *where(void);

static struct quire_fobj *fobj_of(enum object object)
{
    return object == PORT ? &life.port : &life.store[object]->fobj;
}

static bool is_freed(enum object object)
{
    return (object == PORT ? life.port_freed : life.store[object]->freed) != 0;
}

static enum quire_status fails(struct rig_failure *failure)
{
    failure->calls++;
    if (failure->nth > 1) {
        failure->nth--;
        return QUIRE_OK;
    }
    if (failure->nth == 0 || failure->times == 0) {
        return QUIRE_OK;
    }
    failure->times--;
    failure->hits++;
    return failure->status;
}

static struct rig_failure *failure_of(enum kind kind)
{
    switch (kind) {
    case LOAD:
        return &life.rig.load_fails;
    case SAVE:
        return &life.rig.save_fails;
    case ALLOC:
        return &life.rig.alloc_fails;
    case MAP:
        return &life.map_fails;
    case TABLES:
    case NOTHING:
    default:
        return &life.table_fails;
    }
}

/* What the hook answers in the n-th life: within its contract, and outside. */
static enum quire_status injected(enum kind kind, uint64_t n)
{
    static const enum quire_status of_store[] = {QUIRE_IO,      QUIRE_INTEGRITY, QUIRE_NO_MEMORY,
                                                 QUIRE_PENDING, QUIRE_NEED,      (enum quire_status) - 77};
    static const enum quire_status of_map[] = {QUIRE_NO_TABLE, QUIRE_NO_TABLE, QUIRE_NO_TABLE, QUIRE_AGAIN};
    static const enum quire_status of_tables[] = {QUIRE_NO_MEMORY, QUIRE_AGAIN, QUIRE_BUSY};

    switch (kind) {
    case LOAD:
    case SAVE:
        return of_store[n % (sizeof of_store / sizeof of_store[0])];
    case MAP:
        return of_map[n % (sizeof of_map / sizeof of_map[0])];
    case TABLES:
        return of_tables[n % (sizeof of_tables / sizeof of_tables[0])];
    case ALLOC:
    case NOTHING:
    default:
        return QUIRE_NO_MEMORY;
    }
}

/* And what the operation is to make of it. */
static enum quire_status expected(enum kind kind, uint64_t n)
{
    switch (kind) {
    case LOAD:
    case SAVE:
        return n % 6u < 3u ? injected(kind, n) : QUIRE_BAD_ANSWER;
    case MAP:
        return n % 4u < 3u ? QUIRE_NO_TABLE : QUIRE_BAD_ANSWER;
    case TABLES:
        return QUIRE_NO_TABLE;
    case ALLOC:
    case NOTHING:
    default:
        return QUIRE_NO_MEMORY;
    }
}

/* ---- Hooks ---- */

static enum quire_status map_hook(void *ctx, struct quire_vm *vm, uintptr_t va, struct quire_pa pa, size_t npages,
                                  unsigned prot, uint64_t attr)
{
    static enum quire_status (*real)(void *, struct quire_vm *, uintptr_t, struct quire_pa, size_t, unsigned, uint64_t);
    enum quire_status status;

    if (vm == NULL) { /* the original one is to be remembered */
        real = life.rig.sim.mmu.map;
        return QUIRE_OK;
    }
    status = fails(&life.map_fails);
    return status != QUIRE_OK ? status : real(ctx, vm, va, pa, npages, prot, attr);
}

/* Page tables are scarce: every other range gives way to the one that is needed. */
static enum quire_status recycle(void *user, struct quire_vm *vm, uintptr_t va)
{
    enum quire_status status = fails(&life.table_fails);
    unsigned i;
    uint32_t at;

    (void)user;
    for (i = 0; i < CONTEXTS && status == QUIRE_OK; i++) {
        for (at = 0; at < WINDOW && life.alive[i] && status == QUIRE_OK; at += TABLE) {
            if (&life.vm[i] != vm || va - RIG_AT(at) >= TABLE * RIG_PAGE) {
                status = quire_vm_drop_range(&life.vm[i], RIG_AT(at), TABLE);
            }
        }
    }
    return status;
}

/* For the machine's oracle: what the model says a page may be. */
static unsigned permits(void *user, struct quire_vm *vm, uintptr_t va)
{
    const struct shown *shown = &life.shown[vm - life.vm][(va - RIG_VA) / RIG_PAGE];

    (void)user;
    return shown->is ? shown->prot : 0;
}

static void port_phys(struct quire_fobj *fobj, uint32_t pgidx, struct quire_pa *pa, uint32_t *npages)
{
    (void)fobj;
    *pa = quire_pa_make(RIG_PA + (POOL + pgidx + pgidx / 2u) * RIG_PAGE); /* a page lies between the runs */
    *npages = 2u - pgidx % 2u;
}

static void port_free(struct quire_fobj *fobj)
{
    (void)fobj;
    life.port_freed++;
}

/* ---- The steps ---- */

enum op {
    AREA,
    FIT,
    REFUSE,
    UNMAP,
    PROTECT,
    MOVE,
    JOIN,
    COUNT,
    DROP,
    WRITE,
    READ,
    EXEC,
    PUT_IN,
    GET_OUT,
    PIN,
    PIN_AT,
    DEVICE,
    UNPIN,
    SAVE_ALL,
    RELOAD,
    SEE,
    END,
    LAST
};

/* at, n, to: pages of the context's window. first: of the object. arg: permissions, or what makes bytes differ. */
struct step {
    enum op op;
    unsigned vm;
    enum object object;
    uint32_t at, n, first, to;
    unsigned arg;
};

/* Some bytes that no other write writes. */
static void invent(unsigned char *bytes, size_t len, unsigned arg, uint32_t page)
{
    static unsigned char pool[32u * 331u + PAGES * (RIG_PAGE + 19u)];
    uint32_t x = 1;
    size_t i;

    for (i = 0; i < sizeof pool && pool[0] == 0; i++) { /* once; [0] is the last to be filled */
        x = x * 1664525u + 1013904223u;
        pool[sizeof pool - 1u - i] = (unsigned char)(x >> 24 | 1u);
    }
    memcpy(bytes, pool + arg * 331u + page * 19u, len);
}

/* The bytes that the model says are at page `at`. */
static unsigned char *model_at(unsigned vm, uint32_t at)
{
    return life.is[life.shown[vm][at].object][life.shown[vm][at].pgidx];
}

/* One instruction of one page. */
static enum quire_status touch(unsigned vm, uint32_t at, size_t offset, unsigned access, void *bytes, size_t len)
{
    struct quire_sim_thread runner;
    enum quire_status status;

    memset(&runner, 0, sizeof runner);
    runner.wait_ok = true;
    status = quire_sim_run(&life.rig.sim, &runner, &life.vm[vm], RIG_AT(at) + offset, access, bytes, len);
    life.last = runner.last_result;
    return status;
}

static enum quire_status look_at(unsigned vm, uint32_t at, unsigned access)
{
    static unsigned char bytes[RIG_PAGE];
    enum quire_status status = touch(vm, at, 0, access, bytes, sizeof bytes);

    MUST(status != QUIRE_OK || memcmp(bytes, model_at(vm, at), sizeof bytes) == 0, "context %u sees other bytes at page %u", vm,
         at);
    return status;
}

static enum quire_status area(const struct step *s)
{
    struct quire_mapping mapping;
    uintptr_t va = 0;
    enum quire_status status;
    uint32_t i;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = fobj_of(s->object);
    mapping.va = s->op == FIT ? QUIRE_VA_ANY : RIG_AT(s->at);
    mapping.min = RIG_AT(s->to);
    mapping.align = PAGES * RIG_PAGE;
    mapping.first = s->first;
    mapping.npages = s->n;
    mapping.prot = s->arg | QUIRE_PROT_USER;
    status = quire_vm_map(&life.vm[s->vm], &mapping, &va);
    MUST(status != QUIRE_OK || va == RIG_AT(s->at), "mapped at another place");
    for (i = 0; i < s->n && status == QUIRE_OK; i++) {
        life.shown[s->vm][s->at + i] = (struct shown){true, s->object, s->first + i, mapping.prot};
    }
    return status;
}

/* What must be refused, once the memory for it was there: that memory goes back. */
static enum quire_status refuse(const struct step *s)
{
    enum quire_status status = rig_map(&life.vm[s->vm], fobj_of(s->object), RIG_AT(s->at), RO);

    if (status == QUIRE_EXISTS) {
        status = quire_vm_protect(&life.vm[s->vm], RIG_AT(s->at), s->n, RO | QUIRE_PROT_USER);
    }
    MUST(status == QUIRE_NOT_FOUND || status == QUIRE_NO_MEMORY, "not refused as it should be: %s", quire_status_name(status));
    return status == QUIRE_NOT_FOUND ? QUIRE_OK : status;
}

static enum quire_status unmap(const struct step *s)
{
    enum quire_status status = quire_vm_unmap(&life.vm[s->vm], RIG_AT(s->at), s->n);

    if (status == QUIRE_OK) {
        memset(&life.shown[s->vm][s->at], 0, s->n * sizeof life.shown[0][0]);
    }
    return status;
}

static enum quire_status protect(const struct step *s)
{
    enum quire_status status = quire_vm_protect(&life.vm[s->vm], RIG_AT(s->at), s->n, s->arg | QUIRE_PROT_USER);
    uint32_t i;

    for (i = 0; i < s->n && status == QUIRE_OK; i++) {
        life.shown[s->vm][s->at + i].prot = s->arg | QUIRE_PROT_USER;
    }
    return status;
}

static enum quire_status move(const struct step *s)
{
    enum quire_status status = quire_vm_remap(&life.vm[s->vm], RIG_AT(s->at), s->n, RIG_AT(s->to));

    if (status == QUIRE_OK) { /* they do not overlap here */
        memcpy(&life.shown[s->vm][s->to], &life.shown[s->vm][s->at], s->n * sizeof life.shown[0][0]);
        memset(&life.shown[s->vm][s->at], 0, s->n * sizeof life.shown[0][0]);
    }
    return status;
}

static enum quire_status join(const struct step *s)
{
    return quire_vm_merge(&life.vm[s->vm], RIG_AT(s->at));
}

static enum quire_status count(const struct step *s)
{
    MUST(life.vm[s->vm].num_areas == s->n, "context %u has %u areas", s->vm, life.vm[s->vm].num_areas);
    return QUIRE_OK;
}

static enum quire_status drop(const struct step *s)
{
    return quire_vm_drop_range(&life.vm[s->vm], RIG_AT(s->at), s->n);
}

/* Some bytes of each page, of every third all. */
static enum quire_status write(const struct step *s)
{
    enum quire_status status = QUIRE_OK;
    unsigned char bytes[RIG_PAGE];
    uint32_t i;

    for (i = 0; i < s->n && status == QUIRE_OK; i++) {
        bool whole = (s->arg + i) % 3u == 0;
        size_t len = whole ? RIG_PAGE : RIG_PAGE / 16u;
        size_t offset = whole ? 0 : (s->arg * 7u + i) % 15u * len + 3u;

        invent(bytes, len, s->arg, i);
        status = touch(s->vm, s->at + i, offset, RIG_WRITE, bytes, len);
        if (status == QUIRE_OK) {
            memcpy(model_at(s->vm, s->at + i) + offset, bytes, len);
        }
    }
    return status;
}

static enum quire_status read_or_run(const struct step *s)
{
    enum quire_status status = QUIRE_OK;
    uint32_t i;

    for (i = 0; i < s->n && status == QUIRE_OK; i++) {
        status = look_at(s->vm, s->at + i, s->op == EXEC ? RIG_EXEC : RIG_READ);
    }
    return status;
}

/* From the middle of the first page to the middle of the last. On error the pages before the one that failed are done. */
static enum quire_status copy(const struct step *s)
{
    static unsigned char bytes[PAGES * RIG_PAGE];
    const size_t middle = RIG_PAGE / 2u - 5u;
    size_t len = s->n > 1u ? (s->n - 1u) * RIG_PAGE : 100;
    size_t done = 0;
    struct quire_vm_copy how;
    enum quire_status status;
    size_t part;
    size_t i;

    memset(&how, 0, sizeof how);
    how.wait_ok = true;
    invent(bytes, len, s->arg, 0);
    status = s->op == PUT_IN ? quire_vm_copy_to(&life.vm[s->vm], RIG_AT(s->at) + middle, bytes, len, &how, &done)
                             : quire_vm_copy_from(&life.vm[s->vm], RIG_AT(s->at) + middle, bytes, len, &how, &done);
    MUST(status == QUIRE_OK ? done == len : done < len && (done == 0 || (middle + done) % RIG_PAGE == 0),
         "%zu bytes were copied", done);
    for (i = 0; i < done; i += part) {
        unsigned char *is = model_at(s->vm, s->at + (uint32_t)((middle + i) / RIG_PAGE)) + (middle + i) % RIG_PAGE;

        part = RIG_PAGE - (middle + i) % RIG_PAGE < done - i ? RIG_PAGE - (middle + i) % RIG_PAGE : done - i;
        MUST(s->op == PUT_IN || memcmp(is, bytes + i, part) == 0, "a copy has other bytes from %zu on", i);
        memcpy(is, bytes + i, part);
    }
    return status;
}

static enum quire_status pin(const struct step *s)
{
    struct quire_pager *pager = &life.rig.pager;
    enum quire_status status = s->op == PIN
                                   ? quire_pin_fobj(pager, fobj_of(s->object), s->first, s->n, s->arg != 0, true, &life.pin)
                                   : quire_pin_va(pager, &life.vm[s->vm], RIG_AT(s->at), s->n, s->arg != 0, true, &life.pin);

    life.pinned = status == QUIRE_OK;
    MUST((life.pin.fobj != NULL) == life.pinned, "the token does not tell whether it is one");
    return status;
}

/* A device writes where the pin says that the pages are. */
static enum quire_status device(const struct step *s)
{
    unsigned char bytes[40];
    enum quire_status status = QUIRE_OK;
    uint32_t i;

    for (i = 0; i < life.pin.npages && status == QUIRE_OK; i++) {
        struct quire_pa pa;

        invent(bytes, sizeof bytes, s->arg, i);
        status = quire_pin_pa(&life.pin, i, &pa);
        if (status == QUIRE_OK) {
            pa.addr += RIG_PAGE - sizeof bytes;
            status = quire_sim_device(&life.rig.sim, pa, true, bytes, sizeof bytes);
        }
        if (status == QUIRE_OK) {
            memcpy(life.is[s->object][life.pin.first + i] + RIG_PAGE - sizeof bytes, bytes, sizeof bytes);
        }
    }
    return status;
}

static enum quire_status unpin(const struct step *s)
{
    (void)s;
    life.pinned = false;
    return quire_unpin(&life.pin);
}

static enum quire_status save_all(const struct step *s)
{
    enum quire_status status = quire_pager_write_back(&life.rig.pager, fobj_of(s->object), s->first, s->n, true);
    uint32_t i;

    for (i = s->first; i < s->first + s->n && status == QUIRE_OK; i++) {
        MUST(memcmp(rig_store_page(life.store[s->object], i), life.is[s->object][i], RIG_PAGE) == 0,
             "page %u was not written back", i);
    }
    return status;
}

/* The store's content changes underneath. */
static enum quire_status reload(const struct step *s)
{
    enum quire_status status = quire_pager_invalidate(&life.rig.pager, fobj_of(s->object), s->first, s->n);
    uint32_t i;

    for (i = s->first; i < s->first + s->n && status == QUIRE_OK; i++) {
        invent(life.is[s->object][i], RIG_PAGE, s->arg, i);
        memcpy(rig_store_page(life.store[s->object], i), life.is[s->object][i], RIG_PAGE);
    }
    return status;
}

/* Every context reads all it may, and is refused the rest. */
static enum quire_status see(const struct step *s)
{
    enum quire_status status = QUIRE_OK;
    unsigned vm;
    uint32_t at;

    (void)s;
    for (vm = 0; vm < CONTEXTS && status == QUIRE_OK; vm++) {
        for (at = 0; at < WINDOW && life.alive[vm] && status == QUIRE_OK; at++) {
            const struct shown *shown = &life.shown[vm][at];
            unsigned char byte = 0;

            if (!shown->is) {
                MUST(touch(vm, at, 0, RIG_READ, &byte, 1) == QUIRE_NOT_FOUND, "context %u reads what is not mapped at page %u",
                     vm, at);
            } else {
                MUST((shown->prot & RIG_WRITE) != 0 || touch(vm, at, 0, RIG_WRITE, &byte, 1) == QUIRE_DENIED,
                     "context %u may write page %u", vm, at);
                status = look_at(vm, at, RIG_READ);
            }
        }
    }
    return status;
}

static enum quire_status end(const struct step *s)
{
    enum quire_status status = rig_vm_stop(&life.rig, &life.vm[s->vm]);

    if (status == QUIRE_OK) {
        life.alive[s->vm] = false;
        memset(life.shown[s->vm], 0, sizeof life.shown[0]);
    }
    return status;
}

static enum quire_status last(const struct step *s)
{
    life.put[s->object] = true;
    return s->object == PORT ? quire_fobj_put(&life.port) : rig_store_put(life.store[s->object]);
}

static const struct {
    const char *name;
    enum quire_status (*run)(const struct step *step);
} ops[] = {
    [AREA] = {"map", area},
    [FIT] = {"map where it fits", area},
    [REFUSE] = {"refuse", refuse},
    [UNMAP] = {"unmap", unmap},
    [PROTECT] = {"protect", protect},
    [MOVE] = {"remap", move},
    [JOIN] = {"merge", join},
    [COUNT] = {"count", count},
    [DROP] = {"drop_range", drop},
    [WRITE] = {"write", write},
    [READ] = {"read", read_or_run},
    [EXEC] = {"execute", read_or_run},
    [PUT_IN] = {"copy to", copy},
    [GET_OUT] = {"copy from", copy},
    [PIN] = {"pin", pin},
    [PIN_AT] = {"pin at", pin},
    [DEVICE] = {"device", device},
    [UNPIN] = {"unpin", unpin},
    [SAVE_ALL] = {"write back", save_all},
    [RELOAD] = {"invalidate", reload},
    [SEE] = {"see all", see},
    [END] = {"end", end},
    [LAST] = {"put", last},
};

static const struct step script[] = {
    /* op   vm object at  n  first to arg */
    /* Three contexts share five objects. */
    {AREA, 0, DATA, 0, 8, 0, 0, RW},
    {AREA, 1, DATA, 16, 6, 2, 0, RO},
    {FIT, 1, DATA, 0, 4, 0, 0, RW},
    {FIT, 2, CODE, 40, 6, 0, 33, RX},
    {AREA, 2, HEAP, 0, 5, 0, 0, RW},
    {AREA, 0, HEAP, 20, 5, 0, 0, RO},
    {AREA, 0, KEPT, 30, 2, 0, 0, RW},
    {AREA, 1, PORT, 40, 4, 0, 0, RW},
    /* More pages than the pool has, clean and dirty ones. */
    {READ, 0, DATA, 0, 8, 0, 0, 0},
    {EXEC, 2, CODE, 40, 6, 0, 0, 0},
    {WRITE, 0, DATA, 0, 8, 0, 0, 1},
    {WRITE, 1, PORT, 40, 4, 0, 0, 2},
    {WRITE, 2, HEAP, 0, 5, 0, 0, 3},
    {WRITE, 0, KEPT, 30, 1, 0, 0, 4},
    {WRITE, 1, DATA, 0, 4, 0, 0, 5},
    {READ, 1, DATA, 16, 6, 0, 0, 0},
    {SAVE_ALL, 0, DATA, 0, 8, 0, 0, 0},
    {SEE, 0, DATA, 0, 0, 0, 0, 0},
    /* Areas are cut up. */
    {REFUSE, 0, DATA, 6, 3, 0, 0, 0},
    {REFUSE, 2, CODE, 41, 6, 0, 0, 0},
    {WRITE, 0, DATA, 0, 8, 0, 0, 6},
    {PROTECT, 0, DATA, 2, 2, 0, 0, RO},
    {PROTECT, 1, PORT, 41, 2, 0, 0, RO},
    {MOVE, 0, DATA, 5, 2, 0, 50, 0},
    {UNMAP, 1, DATA, 18, 2, 0, 0, 0},
    {MOVE, 2, CODE, 41, 2, 0, 52, 0},
    {COUNT, 0, DATA, 0, 7, 0, 0, 0},
    {COUNT, 1, DATA, 0, 6, 0, 0, 0},
    {COUNT, 2, DATA, 0, 4, 0, 0, 0},
    {WRITE, 0, DATA, 50, 2, 0, 0, 7},
    {EXEC, 2, CODE, 52, 2, 0, 0, 0},
    {READ, 1, PORT, 40, 4, 0, 0, 0},
    /* Copies, pins, and a device, with all pages in use. */
    {PUT_IN, 2, HEAP, 0, 5, 0, 0, 8},
    {GET_OUT, 0, HEAP, 20, 5, 0, 0, 0},
    {PUT_IN, 1, PORT, 43, 1, 0, 0, 9},
    {PIN, 0, DATA, 0, 2, 6, 0, 1},
    {DEVICE, 0, DATA, 0, 0, 0, 0, 10},
    {GET_OUT, 0, DATA, 0, 5, 0, 0, 0},
    {EXEC, 2, CODE, 43, 3, 0, 0, 0},
    {SAVE_ALL, 0, DATA, 0, 6, 0, 0, 0},
    {UNPIN, 0, DATA, 0, 0, 0, 0, 0},
    {PIN_AT, 2, HEAP, 3, 2, 0, 0, 0},
    {WRITE, 0, DATA, 50, 2, 0, 0, 11},
    {UNPIN, 0, DATA, 0, 0, 0, 0, 0},
    /* What was written is run. */
    {PROTECT, 2, HEAP, 0, 2, 0, 0, RX},
    {EXEC, 2, HEAP, 0, 2, 0, 0, 0},
    {PROTECT, 2, HEAP, 0, 2, 0, 0, RW},
    {WRITE, 2, HEAP, 1, 1, 0, 0, 12},
    /* Areas are put together. */
    {PROTECT, 0, DATA, 2, 2, 0, 0, RW},
    {MOVE, 0, DATA, 50, 2, 0, 5, 0},
    {JOIN, 0, DATA, 4, 0, 0, 0, 0},
    {PROTECT, 1, PORT, 41, 2, 0, 0, RW},
    {JOIN, 1, PORT, 40, 0, 0, 0, 0},
    {MOVE, 2, CODE, 52, 2, 0, 41, 0},
    {JOIN, 2, CODE, 45, 0, 0, 0, 0},
    {JOIN, 2, HEAP, 0, 0, 0, 0, 0},
    {COUNT, 0, DATA, 0, 3, 0, 0, 0},
    {COUNT, 1, DATA, 0, 4, 0, 0, 0},
    {COUNT, 2, DATA, 0, 2, 0, 0, 0},
    {DROP, 0, DATA, 0, WINDOW, 0, 0, 0},
    {WRITE, 1, PORT, 41, 2, 0, 0, 13},
    {WRITE, 0, DATA, 3, 4, 0, 0, 14},
    {SEE, 0, DATA, 0, 0, 0, 0, 0},
    /* Stores whose content changes. */
    {SAVE_ALL, 0, HEAP, 0, 5, 0, 0, 0},
    {RELOAD, 0, HEAP, 0, 5, 0, 0, 15},
    {RELOAD, 0, CODE, 0, 6, 0, 0, 16},
    {EXEC, 2, CODE, 40, 6, 0, 0, 0},
    {READ, 0, HEAP, 20, 5, 0, 0, 0},
    /* And the end, bit by bit. */
    {WRITE, 0, DATA, 0, 3, 0, 0, 17},
    {LAST, 0, DATA, 0, 0, 0, 0, 0},
    {LAST, 0, PORT, 0, 0, 0, 0, 0},
    {UNMAP, 2, CODE, 42, 3, 0, 0, 0},
    {END, 1, DATA, 0, 0, 0, 0, 0},
    {READ, 0, DATA, 0, 3, 0, 0, 0},
    {END, 0, DATA, 0, 0, 0, 0, 0},
    {LAST, 0, CODE, 0, 0, 0, 0, 0},
    {READ, 2, HEAP, 0, 5, 0, 0, 0},
    {EXEC, 2, CODE, 45, 1, 0, 0, 0},
};
enum { STEPS = sizeof script / sizeof script[0] };

static const char *where(void)
{
    static char text[160];

    (void)snprintf(text, sizeof text, "variant %u, %s %ju fails %s, step %zu (%s)", now.variant, kind_name[now.kind],
                   (uintmax_t)now.n, mode_name[now.mode], now.step,
                   now.step < STEPS ? ops[script[now.step].op].name : "the end");
    return text;
}

/* ---- Is all as the model says? Asks without disturbing: no hook that can fail is called. ---- */

static bool is_pinned(enum object object, uint32_t pgidx)
{
    return life.pinned && life.pin.fobj == fobj_of(object) && pgidx - life.pin.first < life.pin.npages;
}

/* Every page of every window. Notes which pages the hardware knows to be dirty. */
static void check_windows(bool told[OBJECTS][PAGES])
{
    unsigned vm;
    uint32_t at;

    for (vm = 0; vm < CONTEXTS; vm++) {
        for (at = 0; at < WINDOW && life.alive[vm]; at++) {
            const struct shown *shown = &life.shown[vm][at];
            struct quire_vm_info info;
            bool is = quire_vm_query(&life.vm[vm], RIG_AT(at), &info) == QUIRE_OK;

            MUST(is == shown->is, "page %u of context %u is %smapped", at, vm, is ? "" : "not ");
            if (is) {
                MUST(info.fobj == fobj_of(shown->object) && info.pgidx == shown->pgidx && info.prot == shown->prot,
                     "page %u of context %u shows something else, or otherwise", at, vm);
                MUST(info.pinned == is_pinned(shown->object, shown->pgidx), "page %u of context %u is %spinned", at, vm,
                     info.pinned ? "" : "not ");
                told[shown->object][shown->pgidx] |= (info.entry & QUIRE_ENTRY_DIRTY) != 0;
            }
        }
        MUST(!life.alive[vm] || (life.vm[vm].in_flight | life.vm[vm].flushing) == 0, "context %u is not at rest", vm);
    }
}

static const unsigned char *memory_at(struct quire_pa pa)
{
    return life.rig.sim.memory + (pa.addr - RIG_PA);
}

/* Page `pgidx` of a paged object: its bytes are there, and if it is clean or absent the store has them. */
static void check_page(enum object object, uint32_t pgidx, bool told)
{
    const unsigned char *is = life.is[object][pgidx];
    uint32_t slot = fobj_of(object)->slots[pgidx];
    bool clean = true;

    if (quire_slot_kind(slot) == QUIRE_SLOT_PRESENT) {
        const struct quire_pmem *pmem = quire_pmem_at(&life.rig.pager.pool, quire_slot_value(slot));

        MUST(pmem->state == QUIRE_PAGE_RESIDENT && pmem->holds == 0, "page %u of object %d is not at rest", pgidx, object);
        MUST(memcmp(memory_at(quire_pmem_pa(&life.rig.pager.pool, quire_slot_value(slot))), is, RIG_PAGE) == 0,
             "page %u of object %d lost its content", pgidx, object);
        clean = (pmem->flags & QUIRE_PMEM_DIRTY) == 0 && !told && pmem->pins == 0;
    } else {
        MUST(quire_slot_kind(slot) != QUIRE_SLOT_CLAIMED, "page %u of object %d is claimed for ever", pgidx, object);
    }
    MUST(!clean || memcmp(rig_store_page(life.store[object], pgidx), is, RIG_PAGE) == 0,
         "page %u of object %d is not dirty, and its store has something else", pgidx, object);
}

static void check_all(void)
{
    bool told[OBJECTS][PAGES];
    const char *wrong = rig_wrong(&life.rig);
    int object;
    uint32_t i;

    MUST(wrong == NULL, "%s", wrong);
    memset(told, 0, sizeof told);
    check_windows(told);
    for (object = 0; object < OBJECTS; object++) {
        for (i = 0; i < kinds_of_object[object].npages && !is_freed((enum object)object); i++) {
            if (object != PORT) {
                check_page((enum object)object, i, told[object][i]);
            } else {
                struct quire_pa pa;
                uint32_t n;

                port_phys(&life.port, i, &pa, &n);
                MUST(memcmp(memory_at(pa), life.is[PORT][i], RIG_PAGE) == 0, "page %u of the port lost its content", i);
            }
        }
        MUST(is_freed((enum object)object) ||
                 (fobj_of((enum object)object)->busy | fobj_of((enum object)object)->flushing) == 0,
             "object %d is not at rest", object);
    }
    MUST(life.rig.pager.holds == 0 && life.rig.pager.claims == 0 && life.rig.pager.flushing == 0, "the pager is not at rest");
}

/* ---- One life ---- */

static void begin(void)
{
    static const struct quire_fobj_ops port_ops = {.name = "port", .phys = port_phys, .free = port_free};
    struct rig_config config;
    unsigned i;

    memset(&life, 0, sizeof life);
    memset(&config, 0, sizeof config);
    config.flags = (enum quire_sim_flags)(now.variant % 4u);
    config.flush_unlocked = now.variant / 4u % 2u != 0;
    config.policy = now.variant / 8u % 2u != 0 ? RIG_FIFO : RIG_CLOCK;
    config.pages = POOL;
    config.more_pages = 5;
    config.vms = CONTEXTS;
    config.vm_pages = WINDOW;
    config.table_pages = TABLE;
    config.tables = 2;
    config.need_tables = recycle;
    config.permits = permits;
    rig_start(&life.rig, &config);
    (void)map_hook(NULL, NULL, 0, quire_pa_make(0), 0, 0, 0);
    life.rig.sim.mmu.map = map_hook;
    for (i = 0; i < CONTEXTS; i++) {
        rig_vm_start(&life.rig, &life.vm[i]);
        life.alive[i] = true;
    }
    for (i = 0; i < PORT; i++) {
        life.store[i] = rig_store_new(&life.rig, kinds_of_object[i].npages, kinds_of_object[i].max_prot);
        memcpy(life.is[i], life.store[i]->bytes, kinds_of_object[i].npages * RIG_PAGE);
    }
    life.store[KEPT]->ops.save = NULL;
    life.store[KEPT]->watch.ops.save = NULL;
    MUST(quire_fobj_init(&life.port, &port_ops, kinds_of_object[PORT].npages, NULL, RW, 0) == QUIRE_OK, "no port");
}

/* Ends whatever is left: that needs nothing that can fail, and leaves nothing. */
static void finish(void)
{
    struct quire_pager_stats stats = rig_stats(&life.rig);
    struct step s;
    int i;

    now.step = STEPS;
    memset(&s, 0, sizeof s);
    MUST(stats.load_failures == life.rig.load_fails.hits && stats.save_failures == life.rig.save_fails.hits,
         "failures are miscounted");
    MUST(stats.pages[QUIRE_PAGE_QUARANTINED] == 0, "a page is in quarantine");
    MUST(!life.pinned || unpin(&s) == QUIRE_OK, "cannot unpin");
    for (i = 0; i < OBJECTS; i++) {
        s.object = (enum object)i;
        MUST(life.put[i] || last(&s) == QUIRE_OK, "cannot put object %d", i);
    }
    check_all();
    for (i = 0; i < CONTEXTS; i++) {
        s.vm = (unsigned)i;
        MUST(!life.alive[i] || end(&s) == QUIRE_OK, "cannot end context %d", i);
        check_all();
    }
    for (i = 0; i < OBJECTS; i++) {
        MUST((i == PORT ? life.port_freed : life.store[i]->freed) == 1, "object %d was not freed exactly once", i);
    }
    MUST(life.rig.allocated == 0, "%jd blocks were leaked", (intmax_t)life.rig.allocated);
    MUST(rig_stats(&life.rig).pages[QUIRE_PAGE_FREE] == POOL, "a page was leaked");
    rig_stop(&life.rig);
}

struct books {
    uint32_t areas[CONTEXTS];
    uint32_t refs[OBJECTS];
    int64_t allocated;
    uint64_t hits;
};

static void take_books(struct books *books)
{
    int i;

    memset(books, 0, sizeof *books);
    for (i = 0; i < CONTEXTS; i++) {
        books->areas[i] = life.alive[i] ? life.vm[i].num_areas : 0;
    }
    for (i = 0; i < OBJECTS; i++) {
        books->refs[i] = is_freed((enum object)i) ? 0 : quire_refcount_read(&fobj_of((enum object)i)->refs);
    }
    books->allocated = life.rig.allocated;
    books->hits = failure_of(now.kind)->hits;
}

/* Does the status say what failed? `hit`: something failed during the step. */
static void judge(const struct step *s, enum quire_status status, bool hit)
{
    bool access = s->op == WRITE || s->op == READ || s->op == EXEC || s->op == SEE;
    enum quire_status should = expected(now.kind, now.n);

    MUST(status == QUIRE_OK || hit, "says %s, though nothing failed", quire_status_name(status));
    if (now.kind == SAVE && s->op != SAVE_ALL) { /* another page may have given way */
        MUST(status == QUIRE_OK || (status == QUIRE_NO_PAGE && now.mode != ONCE), "says %s", quire_status_name(status));
        MUST(status == QUIRE_OK || !access || life.last.store == should, "the store's status is reported as %s",
             quire_status_name(life.last.store));
    } else if (now.kind == MAP) { /* need_tables may have helped, or the short way have been left for the long one */
        MUST(status == QUIRE_OK || status == should, "says %s", quire_status_name(status));
        MUST(status == QUIRE_OK || should != QUIRE_NO_TABLE || now.mode != ONCE, "need_tables did not help");
    } else {
        MUST(status == (hit ? should : QUIRE_OK), "says %s", quire_status_name(status));
        MUST(!hit || now.kind != LOAD || !access || life.last.store == should, "the store's status is reported as %s",
             quire_status_name(life.last.store));
    }
    MUST(status == QUIRE_OK || !access || life.last.kind == QUIRE_FAULT_REFUSED, "a fault that was not served is none");
}

/* One step until it succeeds; false if the life is to end instead. Adds to *failures how often it failed. */
static bool run_step(const struct step *s, unsigned *failures)
{
    unsigned tries = 0;
    bool any = now.kind == NOTHING;

    for (;;) {
        struct books before;
        struct books after;
        enum quire_status status;

        take_books(&before);
        status = ops[s->op].run(s);
        take_books(&after);
        any = any || after.hits != before.hits;
        judge(s, status, after.hits != before.hits);
        if (any) {
            check_all();
        }
        if (status == QUIRE_OK) {
            return true;
        }
        after.hits = before.hits;
        MUST(memcmp(&before, &after, sizeof before) == 0, "a failure left areas, references or memory");
        *failures += 1u;
        tries++;
        MUST(tries <= 3u, "never succeeds");
        if (tries == 2u && now.mode == FOREVER) {
            return false;
        }
        if (tries == 2u && now.mode == REPAIR) {
            failure_of(now.kind)->nth = 0;
        }
    }
}

/* Lives once, with the nth call failing; returns how many steps failed. */
static unsigned live(enum kind kind, enum mode mode, uint64_t n)
{
    static const uint64_t times[] = {1, 3, UINT64_MAX, UINT64_MAX};
    unsigned failures = 0;

    now.kind = kind;
    now.mode = mode;
    now.n = n;
    now.step = 0;
    begin();
    if (kind != NOTHING) {
        rig_fail(failure_of(kind), n, times[mode], injected(kind, n));
    }
    while (now.step < STEPS && run_step(&script[now.step], &failures)) {
        now.step++;
    }
    return failures;
}

/* Every n of a kind, each in some of the variants (QUIRE_COUNT=campaign: in all). `seen`: of so many lives per hundred at least a
 * step must have failed. */
static void every(enum kind kind, enum mode mode, unsigned seen)
{
    const char *wanted = getenv("QUIRE_COUNT");
    uint64_t stride = wanted != NULL && strcmp(wanted, "campaign") == 0 ? 1 : mode == ONCE ? 2 : 4;
    uint64_t lives = 0;
    uint64_t met = 0;

    for (now.variant = 0; now.variant < VARIANTS; now.variant += rig_stride(5)) {
        uint64_t total;
        uint64_t n;

        (void)live(NOTHING, ONCE, 0);
        total = failure_of(kind)->calls;
        finish();
        MUST(total >= 10u, "only %ju calls", (uintmax_t)total);
        for (n = 1u + (now.variant + now.variant / 4u) % stride; n <= total; n += stride) {
            met += live(kind, mode, n) != 0 ? 1u : 0u;
            MUST(failure_of(kind)->hits != 0, "nothing failed");
            finish();
            lives++;
        }
    }
    MUST(met * 100u >= lives * seen, "of %ju lives only %ju met a failure", (uintmax_t)lives, (uintmax_t)met);
}

/* A single failure of a save or of map is mostly made good: another page gives way, need_tables is asked, the long way is taken. */
#define SURVIVES(what, kind)                                                  \
    Test(life_cycle, survives_that_any_##what##_fails, .timeout = 600)        \
    {                                                                         \
        every(kind, ONCE, kind == SAVE || kind == MAP ? 0u : 100u);           \
    }                                                                         \
    Test(life_cycle, survives_that_any_three_##what##s_fail, .timeout = 600)  \
    {                                                                         \
        every(kind, THRICE, kind == SAVE || kind == MAP ? 0u : 100u);         \
    }                                                                         \
    Test(life_cycle, recovers_when_##what##s_succeed_again, .timeout = 600)   \
    {                                                                         \
        every(kind, REPAIR, 90u);                                             \
    }                                                                         \
    Test(life_cycle, can_be_ended_while_every_##what##_fails, .timeout = 600) \
    {                                                                         \
        every(kind, FOREVER, 90u);                                            \
    }

SURVIVES(load, LOAD)
SURVIVES(save, SAVE)
SURVIVES(allocation, ALLOC)
SURVIVES(map, MAP)
SURVIVES(search_for_a_table, TABLES)
