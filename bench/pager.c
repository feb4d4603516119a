/* bench/pager.c - instructions per operation of the pager, one callgrind dump each. SPDX-License-Identifier: BSD-2-Clause */

/*
 * Driven by bench/run. Every argument is one configuration, "case[.variant...],pages,areas,contexts"; for each, a sample of
 * operations runs, and each operation alone is collected and dumped under that name. "empty,..." dumps calls of nothing: what
 * the harness itself costs. After "-1" only their sum is dumped. Outside callgrind the same operations run, and the pager's
 * invariants are checked behind them.
 *
 *   pages     physical pages of the pool, all in use
 *   areas     areas of each context; every operation picks a random one
 *   contexts  how many further contexts show the object, none of whose entries show the page
 *
 * The machine is an array of entries, a byte each, per context. Areas and pages are created, loaded and visited in random
 * order.
 */
#include "policies.h"

#include <quire/pager.h>
#include <quire/pager_check.h>
#include <quire/vm.h>
#include <quire/writeback.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

#define SAMPLES 128u     /* operations per configuration */
#define AREA_PAGES 16u   /* of unmap_area and protect_area */
#define BASE 0x10000000u /* lowest address of every context */
#define CONTEXTS_MAX 128u
#define RING 1024u /* events of a trace */
#define ACCESS_SEEN (QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED)

static void stop(const char *why)
{
    (void)fprintf(stderr, "bench/pager: %s\n", why);
    exit(1);
}

static void must(enum quire_status status, const char *what)
{
    if (status != QUIRE_OK) {
        (void)fprintf(stderr, "bench/pager: %s: QUIRE_%s\n", what, quire_status_name(status));
        exit(1);
    }
}

static void *room(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (p == NULL) {
        stop("out of memory");
    }
    return p;
}

static uint32_t random_below(uint32_t n)
{
    static uint64_t state = 0x9e3779b97f4a7c15u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) % n);
}

static void shuffle(uint32_t *number, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        uint32_t j = random_below(i + 1u);

        number[i] = number[j];
        number[j] = i;
    }
}

/* ---- The machine ------------------------------------------------------------------------------------------------ */

struct machine {
    uintptr_t locked;
    unsigned char *memory; /* what alias_get points into; the stores here never touch it */
    uint64_t flushes;
};

/* The page table of a context is vm->user: an array with the entry of every page from BASE on. */
static uint8_t *entry_at(const struct quire_vm *vm, uintptr_t va)
{
    return (uint8_t *)vm->user + ((va - BASE) >> QUIRE_PAGE_SHIFT);
}

static enum quire_status machine_map(void *ctx, struct quire_vm *vm, uintptr_t va, struct quire_pa pa, size_t npages,
                                     unsigned prot, uint64_t attr)
{
    (void)ctx;
    (void)pa;
    (void)npages; /* 1: nothing here is unpaged */
    (void)attr;
    *entry_at(vm, va) = (uint8_t)(ACCESS_SEEN | prot);
    return QUIRE_OK;
}

static unsigned machine_unmap(void *ctx, struct quire_vm *vm, uintptr_t va, size_t npages, struct quire_batch *batch)
{
    uint8_t *entry = entry_at(vm, va);
    unsigned was = *entry;

    (void)ctx;
    (void)npages;
    (void)batch;
    *entry = 0;
    return was;
}

static unsigned machine_query(void *ctx, struct quire_vm *vm, uintptr_t va)
{
    (void)ctx;
    return *entry_at(vm, va);
}

static unsigned machine_reduce(void *ctx, struct quire_vm *vm, uintptr_t va, unsigned prot, struct quire_batch *batch)
{
    uint8_t *entry = entry_at(vm, va);
    unsigned was = *entry;

    (void)ctx;
    (void)batch;
    *entry = (uint8_t)(was & (ACCESS_SEEN | prot));
    return was;
}

static bool machine_age(void *ctx, struct quire_vm *vm, uintptr_t va)
{
    uint8_t *entry = entry_at(vm, va);
    unsigned was = *entry;

    (void)ctx;
    *entry = (uint8_t)(was & ~QUIRE_ENTRY_ACCESSED);
    return (was & QUIRE_ENTRY_ACCESSED) != 0;
}

static void machine_flush(void *ctx, const struct quire_batch *batch)
{
    (void)batch;
    ((struct machine *)ctx)->flushes++;
}

static void machine_sync_code(void *ctx, void *alias, uintptr_t va, size_t len)
{
    (void)ctx;
    (void)alias;
    (void)va;
    (void)len;
}

static void *machine_alias_get(void *ctx, struct quire_pa pa)
{
    return ((struct machine *)ctx)->memory + pa.addr;
}

static void machine_alias_put(void *ctx, struct quire_pa pa, void *alias)
{
    (void)ctx;
    (void)pa;
    (void)alias;
}

static uintptr_t machine_lock(void *ctx)
{
    struct machine *machine = (struct machine *)ctx;
    uintptr_t was = machine->locked;

    machine->locked = 1;
    return was;
}

static void machine_unlock(void *ctx, uintptr_t key)
{
    ((struct machine *)ctx)->locked = key;
}

static void machine_wait(void *ctx, const void *token, uintptr_t key)
{
    (void)ctx;
    (void)token;
    (void)key;
    stop("the only thread was to wait");
}

static void machine_wake(void *ctx, const void *token)
{
    (void)ctx;
    (void)token;
}

/* ---- Stores that copy nothing, and memory for areas ------------------------------------------------------------- */

static enum quire_status store_nothing(struct quire_io *io)
{
    (void)io;
    return QUIRE_OK;
}

static const struct quire_fobj_ops store_ops = {"bench", QUIRE_FOBJ_OPS_FILLS, store_nothing, store_nothing, NULL, NULL};

/* Blocks of one size, the last freed first: a few instructions, so that the host's malloc is not what is measured. */
static void *free_blocks;

static void *area_alloc(void *ctx, size_t size, size_t align)
{
    void **block = (void **)free_blocks;

    (void)ctx;
    (void)align;
    if (block == NULL || size > sizeof(struct quire_area)) {
        return room(1, size);
    }
    free_blocks = *block;
    return block;
}

static void area_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    if (size == sizeof(struct quire_area)) {
        *(void **)ptr = free_blocks;
        free_blocks = ptr;
    } else {
        free(ptr);
    }
}

/* ---- A configuration -------------------------------------------------------------------------------------------- */

struct bench {
    const char *name; /* of the dumps */
    uint32_t pages;
    uint32_t areas;
    uint32_t contexts;
    struct quire_policy *policy;
    bool software;  /* no hardware flags: use is seen by removing entries, writes by read-only ones */
    bool left;      /* flags stay as the policy and the hooks left them; else all are set before each operation */
    bool idle;      /* three further threads faulted once, and their last pages stay fixed */
    bool shared;    /* the page already has an entry in the next context */
    bool traced;    /* every event goes into a ring */
    bool timed;     /* with the time: a clock that costs nothing but its call */
    uint32_t where; /* contexts created before the one that maps the pages */

    struct machine machine;
    struct quire_mmu mmu;
    struct quire_pager pager;
    struct quire_pmem *pmems;
    uint32_t steps[QUIRE_PAGER_STEP_BYTES(4, QUIRE_PAGER_STEP_DEFAULT) / sizeof(uint32_t)];
    struct quire_trace trace;
    uint32_t ring[QUIRE_TRACE_WORDS(RING)];
    struct quire_fobj fobj;
    uint32_t npages;   /* of the object */
    uint32_t nentries; /* of each context's array; a multiple of 8 */
    uintptr_t *va;     /* where the measured context shows each page of the object */
    struct quire_vm vms[CONTEXTS_MAX];
    struct quire_vm *vm; /* the one that maps the pages */

    struct quire_fault in; /* arguments of the operation that is measured */
    struct quire_fault_result out;
    uintptr_t range_va;
    unsigned range_prot;
};

static enum quire_status call_fault(struct bench *b)
{
    return quire_pager_fault(&b->pager, b->vm, &b->in, &b->out);
}

static enum quire_status call_unmap(struct bench *b)
{
    return quire_vm_unmap(b->vm, b->range_va, AREA_PAGES);
}

static enum quire_status call_protect(struct bench *b)
{
    return quire_vm_protect(b->vm, b->range_va, AREA_PAGES, b->range_prot);
}

/* A pointer that the compiler cannot see through, to an operation that does nothing. */
static enum quire_status do_nothing(struct quire_pager *pager, struct quire_vm *vm, const struct quire_fault *in,
                                    struct quire_fault_result *out)
{
    (void)pager;
    (void)vm;
    (void)in;
    (void)out;
    return QUIRE_OK;
}

static enum quire_status (*volatile nothing)(struct quire_pager *, struct quire_vm *, const struct quire_fault *,
                                             struct quire_fault_result *) = do_nothing;

static enum quire_status call_nothing(struct bench *b)
{
    return nothing(&b->pager, b->vm, &b->in, &b->out);
}

/* Do not dump single operations: callgrind dumps their sum at exit. */
static bool one_dump;

/* What is counted: from here to the return of `call`, and the harness's part of it, which "empty" tells. */
static void measure(struct bench *b, enum quire_status (*volatile call)(struct bench *), const char *what)
{
    enum quire_status status;

    CALLGRIND_TOGGLE_COLLECT;
    status = call(b);
    CALLGRIND_TOGGLE_COLLECT;
    if (!one_dump) {
        CALLGRIND_DUMP_STATS_AT(b->name);
    }
    must(status, what);
}

/* A fault outside the measurement. */
static void touch_as(struct bench *b, struct quire_vm *vm, uintptr_t va, unsigned access, uint32_t thread)
{
    struct quire_fault in = {0};

    in.va = va;
    in.access = access;
    in.wait_ok = true;
    in.thread = thread;
    must(quire_pager_fault(&b->pager, vm, &in, NULL), "fault");
}

static void touch(struct bench *b, uintptr_t va, unsigned access)
{
    touch_as(b, b->vm, va, access, 0);
}

/* ---- Set-up ----------------------------------------------------------------------------------------------------- */

static void setup_machine(struct bench *b)
{
    b->machine.memory = (unsigned char *)room((size_t)b->pages, QUIRE_PAGE_SIZE);
    b->mmu.ctx = &b->machine;
    b->mmu.features = b->software ? 0 : QUIRE_MMU_HW_ACCESSED | QUIRE_MMU_HW_DIRTY;
    b->mmu.map = machine_map;
    b->mmu.unmap = machine_unmap;
    b->mmu.query = machine_query;
    b->mmu.reduce = machine_reduce;
    b->mmu.age = b->software ? NULL : machine_age;
    b->mmu.flush = machine_flush;
    b->mmu.sync_code = machine_sync_code;
    b->mmu.alias_get = machine_alias_get;
    b->mmu.alias_put = machine_alias_put;
    b->mmu.lock = machine_lock;
    b->mmu.unlock = machine_unlock;
    b->mmu.wait = machine_wait;
    b->mmu.wake = machine_wake;
}

static uint64_t clock_now(void *ctx)
{
    return (uintptr_t)ctx;
}

static void setup_pager(struct bench *b)
{
    struct quire_pager_config config;

    memset(&config, 0, sizeof config);
    config.mmu = &b->mmu;
    config.policy = b->policy;
    config.mem.alloc = area_alloc;
    config.mem.free = area_free;
    config.npages = b->pages;
    config.pmems = b->pmems = (struct quire_pmem *)room(b->pages, sizeof *b->pmems);
    config.concurrency = b->idle ? 4 : 1;
    config.steps = b->steps;
    if (b->traced) {
        must(quire_trace_init(&b->trace, b->ring, RING), "quire_trace_init");
        b->trace.now = b->timed ? clock_now : NULL;
        b->trace.ctx = b;
        config.trace = &b->trace;
    }
    must(quire_pager_init(&b->pager, &config), "quire_pager_init");
    must(quire_fobj_init(&b->fobj, &store_ops, b->npages, (uint32_t *)room(b->npages, sizeof(uint32_t)),
                         QUIRE_PROT_READ | QUIRE_PROT_WRITE, 0),
         "quire_fobj_init");
}

static uintptr_t map(struct bench *b, struct quire_vm *vm, uint32_t first, uint32_t npages, uint32_t at)
{
    struct quire_mapping mapping;
    uintptr_t va = 0;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = &b->fobj;
    mapping.first = first;
    mapping.npages = npages;
    mapping.prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER;
    mapping.va = BASE + ((uintptr_t)at << QUIRE_PAGE_SHIFT);
    must(quire_vm_map(vm, &mapping, &va), "quire_vm_map");
    return va;
}

/* Divides the object among the context's areas, made in random order, with an unmapped page between each two. */
static void map_all(struct bench *b, struct quire_vm *vm)
{
    uint32_t *order = (uint32_t *)room(b->areas, sizeof *order);
    uint32_t each = b->npages / b->areas;
    uint32_t i;
    uint32_t j;

    shuffle(order, b->areas);
    for (i = 0; i < b->areas; i++) {
        uint32_t first = order[i] * each;
        uintptr_t va = map(b, vm, first, each, first + order[i]);

        for (j = 0; j < each && vm == b->vm; j++) {
            b->va[first + j] = va + ((uintptr_t)j << QUIRE_PAGE_SHIFT);
        }
    }
    free(order);
}

static void setup(struct bench *b, uint32_t npages, bool own_areas)
{
    uint32_t i;

    b->npages = npages;
    b->nentries = (npages + b->areas * (AREA_PAGES + 1u) + 8u) & ~7u;
    b->va = (uintptr_t *)room(npages, sizeof *b->va);
    b->vm = &b->vms[b->where];
    setup_machine(b);
    setup_pager(b);
    for (i = 0; i <= b->contexts; i++) {
        struct quire_vm *vm = &b->vms[i];

        must(quire_vm_init(vm, &b->pager, BASE, BASE + ((uintptr_t)b->nentries << QUIRE_PAGE_SHIFT) - 1u, room(b->nentries, 1)),
             "quire_vm_init");
        if (vm != b->vm || !own_areas) {
            map_all(b, vm);
        }
    }
}

/* Loads pages, each touched once in random order, until the pool is in use. */
static void load_all(struct bench *b, unsigned access)
{
    uint32_t *order = (uint32_t *)room(b->npages, sizeof *order);
    uint32_t i;

    shuffle(order, b->npages);
    for (i = 0; i < b->npages; i++) {
        touch_as(b, b->vm, b->va[order[i]], access, b->idle ? i % 4u : 0);
    }
    free(order);
}

static void teardown(struct bench *b)
{
    struct quire_violation violation;
    uint32_t i;

    if (!RUNNING_ON_VALGRIND && quire_pager_check(&b->pager, &violation) != QUIRE_OK) {
        stop(violation.what);
    }
    for (i = 0; i <= b->contexts; i++) {
        void *entries = b->vms[i].user;

        must(quire_vm_fini(&b->vms[i]), "quire_vm_fini");
        free(entries);
    }
    must(quire_fobj_put(&b->fobj), "quire_fobj_put");
    must(quire_pager_fini(&b->pager), "quire_pager_fini");
    free(b->fobj.slots);
    free(b->pmems);
    free(b->va);
    free(b->machine.memory);
}

/* ---- What the program does between two faults ------------------------------------------------------------------- */

static bool is_present(const struct bench *b, uint32_t pgidx)
{
    return quire_slot_kind(b->fobj.slots[pgidx]) == QUIRE_SLOT_PRESENT;
}

/* Sets the hardware's flags in every entry of the measured context, eight at a time. */
static void set_flags(struct bench *b, unsigned access)
{
    const uint64_t each = 0x0101010101010101u;
    unsigned char *entries = (unsigned char *)b->vm->user;
    uint32_t i;

    for (i = 0; i < b->nentries; i += 8u) {
        uint64_t entry;
        uint64_t present;

        memcpy(&entry, entries + i, sizeof entry);
        present = entry & (QUIRE_ENTRY_PRESENT * each);
        entry |= present * (QUIRE_ENTRY_ACCESSED / QUIRE_ENTRY_PRESENT);
        entry |= access == QUIRE_PROT_WRITE ? present * (QUIRE_ENTRY_DIRTY / QUIRE_ENTRY_PRESENT) : 0;
        memcpy(entries + i, &entry, sizeof entry);
    }
}

/* Every page of the pool is used (written, if `access` says so) once more. With hardware flags that sets them; without,
 * whatever has no such entry faults. */
static void use_all(struct bench *b, unsigned access)
{
    uint32_t i;

    if (b->left) {
        return;
    }
    if (!b->software) {
        set_flags(b, access);
        return;
    }
    for (i = 0; i < b->npages; i++) {
        if (is_present(b, i) && (*entry_at(b->vm, b->va[i]) & access) == 0) {
            touch(b, b->va[i], access);
        }
    }
}

/* ---- The cases -------------------------------------------------------------------------------------------------- */

static void expect(const struct bench *b, enum quire_fault_kind kind)
{
    if (b->out.kind != kind) {
        stop("a fault was of another kind than measured");
    }
}

/* Resident pages without entries, in random order; all entries are dropped when each page had its turn. */
static void bench_resident(struct bench *b, unsigned access)
{
    uint32_t *order;
    uint32_t done = 0;
    uint32_t i;

    setup(b, b->pages, false);
    load_all(b, QUIRE_PROT_READ);
    order = (uint32_t *)room(b->npages, sizeof *order);
    while (done < SAMPLES) {
        must(quire_pager_write_back(&b->pager, &b->fobj, 0, b->npages, true), "quire_pager_write_back");
        must(quire_vm_drop_range(b->vm, BASE, b->nentries), "quire_vm_drop_range");
        shuffle(order, b->npages);
        for (i = 0; i < b->npages && done < SAMPLES; i++) {
            uintptr_t va = b->va[order[i]];
            bool make_writable = b->software && access == QUIRE_PROT_WRITE;

            if (!is_present(b, order[i])) {
                continue;
            }
            if (make_writable) {
                touch(b, va, QUIRE_PROT_READ);
            }
            if (b->shared) {
                touch_as(b, &b->vms[(b->where + 1u) % (b->contexts + 1u)], va, QUIRE_PROT_READ, 0);
            }
            b->in.va = va;
            b->in.access = access;
            b->in.wait_ok = true;
            measure(b, call_fault, "fault");
            expect(b, make_writable ? QUIRE_FAULT_WRITE : QUIRE_FAULT_MINOR);
            done++;
        }
    }
    free(order);
    teardown(b);
}

static void bench_minor(struct bench *b)
{
    bench_resident(b, QUIRE_PROT_READ);
}

static void bench_write_clean(struct bench *b)
{
    bench_resident(b, QUIRE_PROT_WRITE);
}

static uintptr_t random_absent(const struct bench *b)
{
    uint32_t pgidx;

    do {
        pgidx = random_below(b->npages);
    } while (is_present(b, pgidx));
    return b->va[pgidx];
}

/* A random absent page of an object twice the pool's size; what is evicted is clean or dirty as `access` made it. */
static void bench_major(struct bench *b, unsigned access)
{
    uint32_t done;

    setup(b, 2u * b->pages, false);
    load_all(b, access);
    for (done = 0; b->left && done < b->pages; done++) {
        touch(b, random_absent(b), access); /* a round of the policy's hand, to reach its steady state */
    }
    for (done = 0; done < SAMPLES; done++) {
        struct quire_pager_stats before;

        use_all(b, access);
        before = b->pager.stats;
        b->in.va = random_absent(b);
        b->in.access = access;
        b->in.wait_ok = true;
        measure(b, call_fault, "fault");
        expect(b, QUIRE_FAULT_MAJOR);
        if (b->pager.stats.evictions != before.evictions + 1u ||
            (b->pager.stats.saves != before.saves) != (access == QUIRE_PROT_WRITE)) {
            stop("a major fault evicted no page, or one in another state than measured");
        }
    }
    teardown(b);
}

static void bench_major_clean(struct bench *b)
{
    bench_major(b, QUIRE_PROT_READ);
}

static void bench_major_dirty(struct bench *b)
{
    bench_major(b, QUIRE_PROT_WRITE);
}

static void bench_range(struct bench *b, enum quire_status (*call)(struct bench *), unsigned access)
{
    uint32_t windows;
    uint32_t done;
    uint32_t i;
    uintptr_t all;

    setup(b, b->pages, true);
    windows = b->npages / AREA_PAGES;
    /* Load the object through an area that goes again; then make the context's own, of AREA_PAGES pages each. */
    all = map(b, b->vm, 0, b->npages, b->areas * (AREA_PAGES + 1u));
    for (i = 0; i < b->npages; i++) {
        b->va[i] = all + ((uintptr_t)i << QUIRE_PAGE_SHIFT);
    }
    load_all(b, QUIRE_PROT_READ);
    must(quire_vm_unmap(b->vm, all, b->npages), "quire_vm_unmap");
    for (i = 0; i < b->areas; i++) {
        (void)map(b, b->vm, random_below(windows) * AREA_PAGES, AREA_PAGES, i * (AREA_PAGES + 1u));
    }
    for (done = 0; done < SAMPLES; done++) {
        uint32_t at = random_below(b->areas) * (AREA_PAGES + 1u);

        b->range_va = BASE + ((uintptr_t)at << QUIRE_PAGE_SHIFT);
        b->range_prot = QUIRE_PROT_READ | QUIRE_PROT_USER;
        for (i = 0; i < AREA_PAGES; i++) {
            touch(b, b->range_va + ((uintptr_t)i << QUIRE_PAGE_SHIFT), access);
        }
        measure(b, call, "quire_vm_unmap or quire_vm_protect");
        if (call == call_protect) {
            must(quire_vm_unmap(b->vm, b->range_va, AREA_PAGES), "quire_vm_unmap");
        }
        (void)map(b, b->vm, random_below(windows) * AREA_PAGES, AREA_PAGES, at);
    }
    teardown(b);
}

static void bench_unmap_area(struct bench *b)
{
    bench_range(b, call_unmap, QUIRE_PROT_READ);
}

static void bench_protect_area(struct bench *b)
{
    bench_range(b, call_protect, QUIRE_PROT_WRITE);
}

static void bench_empty(struct bench *b)
{
    uint32_t i;

    for (i = 0; i < SAMPLES; i++) {
        measure(b, call_nothing, "nothing");
    }
}

/* ---- Command line ----------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*run)(struct bench *b);
} cases[] = {
    {"minor", bench_minor},
    {"major_clean", bench_major_clean},
    {"major_dirty", bench_major_dirty},
    {"write_clean", bench_write_clean},
    {"unmap_area", bench_unmap_area},
    {"protect_area", bench_protect_area},
    {"empty", bench_empty},
};

static bool set_variant(struct bench *b, const char *variant)
{
    struct quire_policy *policy = policy_named(variant);

    if (policy != NULL) {
        b->policy = policy;
        return true;
    }
    b->software = b->software || strcmp(variant, "sw") == 0;
    b->left = b->left || strcmp(variant, "left") == 0;
    b->idle = b->idle || strcmp(variant, "idle") == 0;
    b->shared = b->shared || strcmp(variant, "shared") == 0;
    b->traced = b->traced || strcmp(variant, "trace") == 0;
    b->timed = b->timed || strcmp(variant, "timed") == 0;
    if (strcmp(variant, "middle") == 0) {
        b->where = b->contexts / 2u;
    } else if (strcmp(variant, "last") == 0) {
        b->where = b->contexts;
    }
    return strstr(".sw.left.idle.shared.trace.timed.middle.last.", variant) != NULL;
}

static void run(struct bench *b, const char *argument)
{
    char text[64] = "";
    char *variant;
    size_t i;

    memset(b, 0, sizeof *b);
    b->name = argument;
    b->policy = policy_named("clock");
    if (sscanf(argument, "%63[^,],%u,%u,%u", text, &b->pages, &b->areas, &b->contexts) != 4 || b->areas == 0 ||
        b->pages < 2u * AREA_PAGES || b->areas > b->pages || b->contexts >= CONTEXTS_MAX) {
        stop("arguments are case[.variant...],pages,areas,contexts");
    }
    (void)strtok(text, ".");
    while ((variant = strtok(NULL, ".")) != NULL) {
        if (!set_variant(b, variant)) {
            stop("no such variant");
        }
    }
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(cases[i].name, text) == 0) {
            cases[i].run(b);
            return;
        }
    }
    stop("no such case");
}

int main(int argc, char **argv)
{
    static struct bench bench;
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-1") == 0) {
            one_dump = true;
        } else {
            run(&bench, argv[i]);
        }
    }
    return 0;
}
