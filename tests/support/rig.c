#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The rig itself never fails: what goes wrong here is a bug of a test. */
static void *must(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "rig: no memory\n");
        abort();
    }
    return p;
}

static void must_ok(enum quire_status status, const char *what)
{
    if (status != QUIRE_OK) {
        fprintf(stderr, "rig: %s: %s\n", what, quire_status_name(status));
        abort();
    }
}

/* ---- Hooks of threads ---- */

static uint32_t rig_self(void *user)
{
    static uint32_t last;
    static _Thread_local uint32_t self;

    (void)user;
    if (self == 0) {
        self = __atomic_add_fetch(&last, 1u, __ATOMIC_RELAXED);
    }
    return self;
}

static uintptr_t rig_lock(void *user)
{
    struct rig *rig = user;

    pthread_mutex_lock(&rig->mutex);
    return 77u;
}

static void rig_unlock(void *user, uintptr_t key)
{
    struct rig *rig = user;

    if (key != 77u) {
        fprintf(stderr, "rig: unlock with the key %ju\n", (uintmax_t)key);
        abort();
    }
    pthread_mutex_unlock(&rig->mutex);
}

/* All wait for the same: whoever is woken without need looks again. */
static void rig_wait(void *user, const void *token, uintptr_t key)
{
    struct rig *rig = user;

    (void)token;
    (void)key;
    pthread_cond_wait(&rig->changed, &rig->mutex);
}

static void rig_wake(void *user, const void *token)
{
    struct rig *rig = user;

    (void)token;
    pthread_cond_broadcast(&rig->changed);
}

/* Without threads: something happens while the only thread waits. */
static void rig_idle(void *user, const void *token, uintptr_t key)
{
    struct rig *rig = user;

    (void)token;
    (void)key;
    rig->config.idle(rig->config.user);
}

static void rig_wake_nobody(void *user, const void *token)
{
    (void)user;
    (void)token;
}

static unsigned rig_permits(void *user, struct quire_vm *vm, uintptr_t va)
{
    struct rig *rig = user;

    return rig->config.permits(rig->config.user, vm, va);
}

static enum quire_status rig_need_tables(void *user, struct quire_vm *vm, uintptr_t va)
{
    struct rig *rig = user;

    return rig->config.need_tables(rig->config.user, vm, va);
}

static void rig_flushing(void *user, const struct quire_batch *batch)
{
    struct rig *rig = user;

    rig->config.flushing(rig->config.user, batch);
}

/* ---- Failures, allocation ---- */

void rig_fail(struct rig_failure *failure, uint64_t nth, uint64_t times, enum quire_status status)
{
    failure->nth = nth;
    failure->times = times;
    failure->status = status;
}

/* Counts a call and says what it is to answer. */
static enum quire_status rig_failing(struct rig_failure *failure)
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

static void *rig_alloc(void *ctx, size_t size, size_t align)
{
    struct rig *rig = ctx;
    void *block = NULL;
    enum quire_status status;

    pthread_mutex_lock(&rig->books);
    status = rig_failing(&rig->alloc_fails);
    if (status == QUIRE_OK) {
        rig->allocated++;
        if (posix_memalign(&block, align < sizeof(void *) ? sizeof(void *) : align, size) == 0) {
            memset(block, 0xa5, size);
        }
    }
    pthread_mutex_unlock(&rig->books);
    return block;
}

static void rig_free(void *ctx, void *ptr, size_t size)
{
    struct rig *rig = ctx;

    pthread_mutex_lock(&rig->books);
    rig->allocated--;
    pthread_mutex_unlock(&rig->books);
    memset(ptr, 0x5a, size);
    free(ptr);
}

/* ---- Machine and pager ---- */

static void rig_defaults(struct rig_config *config)
{
    config->cpus = config->cpus != 0 ? config->cpus : 2u;
    config->pages = config->pages != 0 ? config->pages : 16u;
    config->concurrency = config->concurrency != 0 ? config->concurrency : 1u;
    config->vms = config->vms != 0 ? config->vms : 4u;
    config->vm_pages = config->vm_pages != 0 ? config->vm_pages : 64u;
}

static void rig_start_sim(struct rig *rig)
{
    const struct rig_config *config = &rig->config;
    struct quire_sim_config sim;

    memset(&sim, 0, sizeof sim);
    sim.cpus = config->cpus;
    sim.vms = config->vms;
    sim.pages = config->pages + config->more_pages;
    sim.pa = quire_pa_make(RIG_PA);
    sim.entries = config->vms * config->vm_pages;
    sim.bytes = QUIRE_SIM_BYTES(sim.cpus, sim.vms, sim.pages, sim.entries);
    rig->storage = must(malloc(sim.bytes));
    sim.storage = rig->storage;
    sim.flags = config->flags;
    sim.flush_unlocked = config->flush_unlocked;
    sim.lockless = config->lockless;
    sim.eager = config->eager;
    sim.forget = config->forget;
    sim.seed = config->seed;
    sim.table_pages = config->table_pages;
    sim.tables = config->tables;
    sim.tables_gift = config->tables_gift;
    sim.user = rig;
    if (config->threads) {
        sim.lock = rig_lock;
        sim.unlock = rig_unlock;
        sim.self = rig_self;
        sim.wait = config->no_wait ? NULL : rig_wait;
        sim.wake = config->no_wait ? NULL : rig_wake;
    }
    if (config->idle != NULL && !config->threads) {
        sim.wait = rig_idle;
        sim.wake = rig_wake_nobody;
    }
    sim.permits = config->permits != NULL ? rig_permits : NULL;
    sim.need_tables = config->need_tables != NULL ? rig_need_tables : NULL;
    sim.flushing = config->flushing != NULL ? rig_flushing : NULL;
    must_ok(quire_sim_init(&rig->sim, &sim), "the machine");
}

static struct quire_policy *rig_policy(const struct rig *rig, struct rig_policies *policies)
{
    switch (rig->config.policy) {
    case RIG_FIFO:
        return quire_policy_fifo_init(&policies->fifo);
    case RIG_S3FIFO:
        return quire_policy_s3fifo_init(&policies->s3fifo);
    case RIG_2Q:
        return quire_policy_2q_init(&policies->twoq);
    case RIG_REFAULT:
        return quire_policy_refault_init(&policies->refault);
    case RIG_CLOCK:
    case RIG_POLICIES:
    default:
        return quire_policy_clock_init(&policies->clock);
    }
}

struct quire_pager_config rig_pager_config(struct rig *rig)
{
    struct quire_pager_config config;

    memset(&config, 0, sizeof config);
    config.mmu = quire_sim_hooks(&rig->sim);
    config.policy = rig_policy(rig, &rig->policies);
    config.mem.ctx = rig;
    config.mem.alloc = rig_alloc;
    config.mem.free = rig_free;
    config.pa = quire_pa_make(RIG_PA);
    config.npages = rig->config.pages;
    config.pmems = rig->pmems;
    config.concurrency = rig->config.concurrency;
    config.pages_per_step = rig->config.step;
    config.rank_max = rig->config.rank_max;
    config.steps = rig->steps;
    config.around = rig->config.around;
    config.requests = rig->config.requests != 0 ? rig->requests : NULL;
    config.num_requests = rig->config.requests;
    return config;
}

unsigned rig_stride(unsigned n)
{
    return getenv("QUIRE_TIMEOUT_SCALE") != NULL ? n : 1u;
}

void rig_start(struct rig *rig, const struct rig_config *config)
{
    struct quire_pager_config pager;
    uint32_t step;

    memset(rig, 0, sizeof *rig);
    if (config != NULL) {
        rig->config = *config;
    }
    rig_defaults(&rig->config);
    step = rig->config.step != 0 ? rig->config.step : QUIRE_PAGER_STEP_DEFAULT;
    pthread_mutex_init(&rig->mutex, NULL);
    pthread_mutex_init(&rig->books, NULL);
    pthread_cond_init(&rig->changed, NULL);
    rig_start_sim(rig);
    rig->pmems = must(malloc(rig->config.pages * sizeof *rig->pmems));
    rig->more_pmems = must(malloc((rig->config.more_pages + 1u) * sizeof *rig->more_pmems));
    rig->steps = must(malloc(QUIRE_PAGER_STEP_BYTES(rig->config.concurrency, step)));
    rig->requests = must(malloc((rig->config.requests + 1u) * sizeof *rig->requests));
    pager = rig_pager_config(rig);
    tale_begin(&rig->tale);
    pager.trace = &rig->tale.trace;
    must_ok(quire_pager_init(&rig->pager, &pager), "the pager");
}

enum quire_status rig_account_start(struct rig *rig, struct rig_account *account, uint32_t quota, uint32_t reserved)
{
    struct quire_account_config config;

    memset(&config, 0, sizeof config);
    config.policy = rig_policy(rig, &account->policies);
    config.quota = quota;
    config.reserved = reserved;
    return quire_account_init(&account->account, &rig->pager, &config);
}

struct rig_store *rig_account_store(struct rig *rig, struct rig_account *account, uint32_t npages, unsigned max_prot)
{
    struct rig_store *store = rig_store_new(rig, npages, max_prot);

    must_ok(quire_fobj_set_account(&store->fobj, &account->account), "a store's account");
    return store;
}

static void rig_note_vm(struct rig *rig, struct quire_vm *from, struct quire_vm *to)
{
    size_t i;

    for (i = 0; i < sizeof rig->vms / sizeof rig->vms[0]; i++) {
        if (rig->vms[i] == from) {
            rig->vms[i] = to;
            return;
        }
    }
    must_ok(QUIRE_LIMIT, "contexts");
}

void rig_vm_start(struct rig *rig, struct quire_vm *vm)
{
    must_ok(quire_sim_add_vm(&rig->sim, vm, RIG_VA, rig->config.vm_pages), "a window for a context");
    must_ok(quire_vm_init(vm, &rig->pager, RIG_VA, RIG_AT(rig->config.vm_pages) - 1u, NULL), "a context");
    rig_note_vm(rig, NULL, vm);
}

enum quire_status rig_vm_stop(struct rig *rig, struct quire_vm *vm)
{
    enum quire_status status = quire_vm_fini(vm);

    if (status == QUIRE_OK) {
        must_ok(quire_sim_remove_vm(&rig->sim, vm), "the end of a context's window");
        rig_note_vm(rig, vm, NULL);
    }
    return status;
}

void rig_stop(struct rig *rig)
{
    size_t i;

    for (i = 0; i < sizeof rig->vms / sizeof rig->vms[0]; i++) {
        if (rig->vms[i] != NULL) {
            must_ok(rig_vm_stop(rig, rig->vms[i]), "the end of a context");
        }
    }
    while (rig->stores != NULL) {
        struct rig_store *store = rig->stores;

        if (!store->kept_put) {
            must_ok(rig_store_put(store), "the last put of a store");
        }
        rig_store_free(store);
    }
    must_ok(quire_pager_fini(&rig->pager), "the end of the pager");
    if (rig->allocated != 0) {
        must_ok(QUIRE_CORRUPT, "an area was leaked, or freed twice");
    }
    pthread_cond_destroy(&rig->changed);
    pthread_mutex_destroy(&rig->books);
    pthread_mutex_destroy(&rig->mutex);
    free(rig->requests);
    free(rig->steps);
    free(rig->more_pmems);
    free(rig->pmems);
    tale_end(&rig->tale);
    free(rig->storage);
}

const char *rig_wrong(struct rig *rig)
{
    const struct quire_sim_violation *seen = quire_sim_first_violation(&rig->sim);

    if (quire_pager_check(&rig->pager, &rig->violation) != QUIRE_OK) {
        return rig->violation.what;
    }
    if (rig->pager.trace == &rig->tale.trace && tale_wrong(&rig->tale, &rig->pager) != NULL) {
        return rig->tale.wrong;
    }
    return seen != NULL ? seen->what : quire_sim_settled(&rig->sim) ? NULL : quire_sim_first_violation(&rig->sim)->what;
}

/* ---- Stores ---- */

/* Eight bytes are born of one number; the next eight of one that is RIG_BIRTHS greater. */
#define RIG_BIRTHS 2654435761u

static uint32_t rig_birth(unsigned tag, uint32_t pgidx)
{
    return pgidx * 40503u + tag * 2246822519u;
}

unsigned char rig_born(unsigned tag, uint32_t pgidx, size_t offset)
{
    uint32_t x = rig_birth(tag, pgidx) + (uint32_t)(offset >> 3) * RIG_BIRTHS;

    return (unsigned char)(((x ^ x >> 15) >> 8) ^ offset);
}

/* rig_born() of a page, a word at a time: its bytes have all but their offset in common. */
static void rig_bear(unsigned char *page, unsigned tag, uint32_t pgidx)
{
    static const unsigned char offsets[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    uint32_t x = rig_birth(tag, pgidx);
    uint64_t differ;
    uint32_t i;

    memcpy(&differ, offsets, sizeof differ);
    for (i = 0; i < RIG_PAGE; i += 8u) {
        uint64_t word = ((((x ^ x >> 15) >> 8) ^ i) & 0xffu) * UINT64_C(0x0101010101010101) ^ differ;

        memcpy(page + i, &word, sizeof word);
        x += RIG_BIRTHS;
    }
}

unsigned char *rig_store_page(const struct rig_store *store, uint32_t pgidx)
{
    return store->bytes + (size_t)pgidx * RIG_PAGE;
}

static struct rig_store *rig_store_of(struct quire_fobj *fobj)
{
    return QUIRE_CONTAINER_OF(fobj, struct rig_store, fobj);
}

/* Books a load or save and says what it is to answer. */
static enum quire_status rig_store_begin(struct rig_store *store, struct quire_io *io, bool load)
{
    struct rig *rig = store->rig;
    enum quire_status status;
    uint32_t i;

    pthread_mutex_lock(&rig->books);
    if (load) {
        rig->loads++;
        for (i = 0; i < io->npages; i++) {
            store->loads_of[io->pgidx + i]++;
        }
        rig->in_flight++;
        rig->most = rig->in_flight > rig->most ? rig->in_flight : rig->most;
    } else {
        rig->saves++;
        for (i = 0; i < io->npages; i++) {
            store->saves_of[io->pgidx + i]++;
        }
    }
    status = rig_failing(load ? &rig->load_fails : &rig->save_fails);
    if (status == QUIRE_OK) {
        status = rig_failing(load ? &store->load_fails : &store->save_fails);
    }
    pthread_mutex_unlock(&rig->books);
    if (store->before != NULL && status == QUIRE_OK) {
        status = store->before(store, io, load);
    }
    if (store->delay != 0) {
        usleep(store->delay);
    }
    return status;
}

/* Moves the bytes that the pager asked for; a load that fails does so half way. */
static void rig_store_move(const struct rig_store *store, const struct quire_io *io, bool load, enum quire_status status)
{
    uint32_t i;

    for (i = 0; i < io->npages; i++) {
        if (load && status == QUIRE_OK && store->forgets && !io->stored) {
            rig_bear(io->page[i], store->tag, io->pgidx + i);
        } else if (load && status == QUIRE_OK) {
            memcpy(io->page[i], rig_store_page(store, io->pgidx + i), RIG_PAGE - store->leaves);
        } else if (load) {
            memset(io->page[i], 0xdd, RIG_PAGE / 2u);
        } else if (status == QUIRE_OK) {
            memcpy(rig_store_page(store, io->pgidx + i), io->page[i], RIG_PAGE);
        }
    }
}

/* Puts off what was asked, if it may. */
static bool rig_store_pends(struct rig_store *store, struct quire_io *io, bool load)
{
    struct rig *rig = store->rig;

    if (!store->pends || io->ticket == 0) {
        return false;
    }
    pthread_mutex_lock(&rig->books);
    if (rig->npending == RIG_PENDING_MAX) {
        must_ok(QUIRE_LIMIT, "more in flight than the rig can note");
    }
    rig->pending[rig->npending].io = io;
    rig->pending[rig->npending].ticket = io->ticket;
    rig->pending[rig->npending].load = load;
    rig->npending++;
    pthread_mutex_unlock(&rig->books);
    return true;
}

static enum quire_status rig_store_load(struct quire_io *io)
{
    struct rig_store *store = rig_store_of(io->fobj);
    enum quire_status status = rig_store_begin(store, io, true);

    pthread_mutex_lock(&store->rig->books);
    store->rig->in_flight--;
    pthread_mutex_unlock(&store->rig->books);
    if ((status == QUIRE_OK && rig_store_pends(store, io, true)) || (status == QUIRE_PENDING && store->pends)) {
        return QUIRE_PENDING; /* in the second case the test answers, or did */
    }
    rig_store_move(store, io, true, status);
    return status;
}

static enum quire_status rig_store_save(struct quire_io *io)
{
    struct rig_store *store = rig_store_of(io->fobj);
    enum quire_status status = rig_store_begin(store, io, false);

    if (status == QUIRE_OK && rig_store_pends(store, io, false)) {
        return QUIRE_PENDING;
    }
    rig_store_move(store, io, false, status);
    return status;
}

uint32_t rig_pending(struct rig *rig)
{
    uint32_t n;

    pthread_mutex_lock(&rig->books);
    n = rig->npending;
    pthread_mutex_unlock(&rig->books);
    return n;
}

enum quire_status rig_answer(struct rig *rig, uint32_t i, enum quire_status status)
{
    struct rig_pending pending;

    pthread_mutex_lock(&rig->books);
    if (i >= rig->npending) {
        pthread_mutex_unlock(&rig->books);
        return QUIRE_LIMIT;
    }
    pending = rig->pending[i];
    rig->npending--;
    memmove(&rig->pending[i], &rig->pending[i + 1u], (rig->npending - i) * sizeof rig->pending[0]);
    pthread_mutex_unlock(&rig->books);
    rig_store_move(rig_store_of(pending.io->fobj), pending.io, pending.load, status);
    quire_sim_watch_answer(pending.io, pending.load, status);
    return quire_io_complete(&rig->pager, pending.ticket, status);
}

static void rig_store_freed(struct quire_fobj *fobj)
{
    struct rig_store *store = rig_store_of(fobj);
    struct rig *rig = store->rig;

    if (store->gone != NULL) {
        store->gone(store);
    }
    pthread_mutex_lock(&rig->books);
    store->freed++; /* whoever waits for that may free the store as soon as the books are open */
    pthread_mutex_unlock(&rig->books);
}

bool rig_store_is_freed(struct rig_store *store)
{
    bool freed;

    pthread_mutex_lock(&store->rig->books);
    freed = store->freed != 0;
    pthread_mutex_unlock(&store->rig->books);
    return freed;
}

struct rig_store *rig_store_tagged(struct rig *rig, uint32_t npages, unsigned max_prot, unsigned tag)
{
    struct rig_store *store = must(calloc(1, sizeof *store));
    uint32_t page;

    store->rig = rig;
    store->tag = tag;
    store->bytes = must(malloc(npages * RIG_PAGE));
    store->slots = must(calloc(npages, sizeof *store->slots));
    store->loads_of = must(calloc(npages, sizeof *store->loads_of));
    store->saves_of = must(calloc(npages, sizeof *store->saves_of));
    for (page = 0; page < npages; page++) {
        rig_bear(rig_store_page(store, page), tag, page);
    }
    store->ops.name = "rig";
    store->ops.flags = QUIRE_FOBJ_OPS_FILLS;
    store->ops.load = rig_store_load;
    store->ops.save = rig_store_save;
    store->ops.free = rig_store_freed;
    must_ok(quire_fobj_init(&store->fobj, &store->ops, npages, store->slots, max_prot, 0), "a store's object");
    must_ok(quire_sim_watch_fobj(&store->watch, &rig->sim, &store->fobj), "a store's watch");
    pthread_mutex_lock(&rig->books);
    store->next = rig->stores;
    rig->stores = store;
    pthread_mutex_unlock(&rig->books);
    return store;
}

struct rig_store *rig_store_new(struct rig *rig, uint32_t npages, unsigned max_prot)
{
    unsigned tag;

    pthread_mutex_lock(&rig->books);
    tag = ++rig->stores_made;
    pthread_mutex_unlock(&rig->books);
    return rig_store_tagged(rig, npages, max_prot, tag);
}

struct rig_store *rig_store_pending(struct rig *rig, uint32_t npages, unsigned max_prot)
{
    struct rig_store *store = rig_store_new(rig, npages, max_prot);

    store->pends = true;
    store->ops.flags |= QUIRE_FOBJ_OPS_PENDING;
    store->watch.ops.flags |= QUIRE_FOBJ_OPS_PENDING;
    return store;
}

enum quire_status rig_store_put(struct rig_store *store)
{
    store->kept_put = true;
    return quire_fobj_put(&store->fobj);
}

void rig_store_free(struct rig_store *store)
{
    struct rig_store **at = &store->rig->stores;

    pthread_mutex_lock(&store->rig->books);
    while (*at != store) {
        at = &(*at)->next;
    }
    *at = store->next;
    pthread_mutex_unlock(&store->rig->books);
    if (store->freed != 1) {
        must_ok(QUIRE_CORRUPT, "an object was not freed exactly once");
    }
    free(store->bytes);
    free(store->slots);
    free(store->loads_of);
    free(store->saves_of);
    free(store);
}

void rig_store_forgets(struct rig_store *store)
{
    store->forgets = true;
    store->ops.flags |= QUIRE_FOBJ_OPS_FORGETS;
    store->watch.ops.flags |= QUIRE_FOBJ_OPS_FORGETS;
}

/* ---- What contexts do ---- */

enum quire_status rig_map(struct quire_vm *vm, struct quire_fobj *fobj, uintptr_t va, unsigned prot)
{
    struct quire_mapping mapping;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = fobj;
    mapping.va = va;
    mapping.prot = prot | QUIRE_PROT_USER;
    return quire_vm_map(vm, &mapping, NULL);
}

enum quire_status rig_access(struct rig *rig, unsigned cpu, uint32_t thread, struct quire_vm *vm, uintptr_t va, unsigned access,
                             void *bytes, size_t len)
{
    struct quire_sim_thread runner;

    memset(&runner, 0, sizeof runner);
    runner.cpu = cpu;
    runner.thread = thread;
    runner.wait_ok = true;
    return quire_sim_run(&rig->sim, &runner, vm, va, access, bytes, len);
}

enum quire_status rig_read(struct rig *rig, struct quire_vm *vm, uintptr_t va, void *to, size_t len)
{
    return rig_access(rig, 0, 0, vm, va, RIG_READ, to, len);
}

enum quire_status rig_exec(struct rig *rig, struct quire_vm *vm, uintptr_t va, void *to, size_t len)
{
    return rig_access(rig, 0, 0, vm, va, RIG_EXEC, to, len);
}

enum quire_status rig_write(struct rig *rig, struct quire_vm *vm, uintptr_t va, const void *from, size_t len)
{
    unsigned char bytes[256];
    enum quire_status status = QUIRE_OK;
    size_t done = 0;

    while (done < len && status == QUIRE_OK) {
        size_t n = len - done < sizeof bytes ? len - done : sizeof bytes;

        memcpy(bytes, (const unsigned char *)from + done, n);
        status = rig_access(rig, 0, 0, vm, va + done, RIG_WRITE, bytes, n);
        done += n;
    }
    return status;
}

int rig_byte(struct rig *rig, struct quire_vm *vm, uintptr_t va)
{
    unsigned char byte = 0;

    return rig_read(rig, vm, va, &byte, 1) == QUIRE_OK ? byte : -1;
}

enum quire_status rig_poke(struct rig *rig, struct quire_vm *vm, uintptr_t va, unsigned char byte)
{
    return rig_write(rig, vm, va, &byte, 1);
}

enum quire_status rig_fault(struct rig *rig, struct quire_vm *vm, uintptr_t va, unsigned access, struct quire_fault_result *out)
{
    struct quire_fault fault;

    memset(&fault, 0, sizeof fault);
    fault.va = va;
    fault.access = access;
    fault.wait_ok = true;
    return quire_pager_fault(&rig->pager, vm, &fault, out);
}

size_t rig_find(const struct rig *rig, const void *bytes, size_t len)
{
    const unsigned char *at = rig->sim.memory;
    const unsigned char *end = at + (size_t)rig->sim.config.pages * RIG_PAGE;
    size_t n = 0;

    while ((at = memmem(at, (size_t)(end - at), bytes, len)) != NULL) {
        n++;
        at++;
    }
    return n;
}

struct quire_pager_stats rig_stats(struct rig *rig)
{
    struct quire_pager_stats stats;

    quire_pager_get_stats(&rig->pager, &stats);
    return stats;
}

struct quire_vm_info rig_query(struct quire_vm *vm, uintptr_t va)
{
    struct quire_vm_info info;

    if (quire_vm_query(vm, va, &info) != QUIRE_OK) {
        memset(&info, 0, sizeof info);
    }
    return info;
}
