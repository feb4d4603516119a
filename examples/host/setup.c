/* setup.c - makes everything, from the arguments to the contexts. SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host.h"

#define POOL_DEFAULT 256u
#define HEAP_MAX 4096u
#define MAPPINGS_OTHER 6000u /* of the process itself, and what a planted fault leaves */

static bool bad(const char *what, const char *why)
{
    fprintf(stderr, "host: %s: %s\n", what, why);
    return false;
}

/* ---- Memory for Quire's bookkeeping ---- */

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
    void *memory = NULL;

    (void)ctx;
    return posix_memalign(&memory, align < sizeof(void *) ? sizeof(void *) : align, size) == 0 ? memory : NULL;
}

static void mem_free(void *ctx, void *memory, size_t size)
{
    (void)ctx;
    (void)size;
    free(memory);
}

static const struct quire_mem mem = {NULL, mem_alloc, mem_free};

/* ---- The file table's hooks ---- */

static uintptr_t table_lock(void *ctx)
{
    pthread_mutex_lock(&((struct host *)ctx)->table_lock);
    return 0;
}

static void table_unlock(void *ctx, uintptr_t key)
{
    (void)key;
    pthread_mutex_unlock(&((struct host *)ctx)->table_lock);
}

/* The lock of one file: held while its slices are looked for and made, which sleeps. */
static enum quire_status file_init(void *ctx, struct quire_file *file)
{
    pthread_mutex_t *lock = malloc(sizeof *lock);

    (void)ctx;
    if (lock == NULL) {
        return QUIRE_NO_MEMORY;
    }
    pthread_mutex_init(lock, NULL);
    file->user = lock;
    return QUIRE_OK;
}

static void file_fini(void *ctx, struct quire_file *file)
{
    (void)ctx;
    pthread_mutex_destroy(file->user);
    free(file->user);
}

static void file_lock(void *ctx, struct quire_file *file)
{
    (void)ctx;
    pthread_mutex_lock(file->user);
}

static bool file_trylock(void *ctx, struct quire_file *file)
{
    (void)ctx;
    return pthread_mutex_trylock(file->user) == 0;
}

static void file_unlock(void *ctx, struct quire_file *file)
{
    (void)ctx;
    pthread_mutex_unlock(file->user);
}

static bool init_table(struct host *host)
{
    struct quire_file_hooks hooks;

    memset(&hooks, 0, sizeof hooks);
    hooks.ctx = host;
    hooks.lock = table_lock;
    hooks.unlock = table_unlock;
    hooks.file_init = file_init;
    hooks.file_fini = file_fini;
    hooks.file_lock = file_lock;
    hooks.file_trylock = file_trylock;
    hooks.file_unlock = file_unlock;
    pthread_mutex_init(&host->table_lock, NULL);
    return quire_file_table_init(&host->table, &mem, &hooks) == QUIRE_OK || bad("file table", "cannot begin");
}

/* ---- Beginning ---- */

/* Chooses what was not given, and refuses what cannot work. */
static bool choose_pool(struct host *host)
{
    struct args *args = &host->args;
    uint32_t least = (uint32_t)QUIRE_PAGER_MIN_PAGES(args->contexts, QUIRE_PAGER_STEP_DEFAULT, 0);
    uint64_t mappings = host_max_mappings();
    uint64_t most = mappings > MAPPINGS_OTHER ? (mappings - MAPPINGS_OTHER) / (2u * args->contexts) : 0;

    if (args->pool == 0) {
        args->pool = least > POOL_DEFAULT ? least : POOL_DEFAULT;
    }
    if (args->pool < least) {
        fprintf(stderr, "host: --pool %u: %u contexts need at least %u pages, so that every instruction finishes\n", args->pool,
                args->contexts, least);
        return false;
    }
    if (args->pool > most) {
        fprintf(stderr, "host: --pool %u: with %u contexts at most %llu pages: the kernel allows a process %llu mappings\n",
                args->pool, args->contexts, (unsigned long long)most, (unsigned long long)mappings);
        return false;
    }
    host->heap_pages = args->pool / 2u + 16u < HEAP_MAX ? args->pool / 2u + 16u : HEAP_MAX;
    return true;
}

void host_name_object(struct host *host, const struct quire_fobj *fobj)
{
    if (host->args.record != NULL) {
        recorder_name(&host->recorder, QUIRE_TRACE_INFO_OBJECT, fobj->id, store_name(fobj));
    }
}

static bool init_recorder(struct host *host)
{
    const char *wrong = NULL;

    if (host->args.record != NULL) {
        wrong = recorder_begin(&host->recorder, host->args.record, host->args.pool);
    }
    return wrong == NULL || bad(host->args.record, wrong);
}

/* The one that args.c let through. */
static struct quire_policy *init_policy(struct host *host)
{
    const char *name = host->args.policy;

    if (strcmp(name, "clock") == 0) {
        return quire_policy_clock_init(&host->policy.clock);
    }
    if (strcmp(name, "s3fifo") == 0) {
        return quire_policy_s3fifo_init(&host->policy.s3fifo);
    }
    if (strcmp(name, "2q") == 0) {
        return quire_policy_2q_init(&host->policy.twoq);
    }
    if (strcmp(name, "fifo") == 0) {
        return quire_policy_fifo_init(&host->policy.fifo);
    }
    return quire_policy_refault_init(&host->policy.refault);
}

static bool init_pager(struct host *host)
{
    struct quire_pager_config config;
    const char *wrong = host_mmu_init(&host->mmu, host->args.pool);
    enum quire_status status;

    if (wrong != NULL) {
        return bad("memory", wrong);
    }
    host->mmu.pager = &host->pager;
    host->mmu.keep_entries = host->args.planted == PLANTED_FLUSH;
    host->pmems = calloc(host->args.pool, sizeof *host->pmems);
    host->steps = calloc(1, QUIRE_PAGER_STEP_BYTES(host->args.contexts, QUIRE_PAGER_STEP_DEFAULT));
    memset(&config, 0, sizeof config);
    config.mmu = &host->mmu.hooks;
    config.policy = init_policy(host);
    config.mem = mem;
    config.pa = quire_pa_make(0);
    config.npages = host->args.pool;
    config.pmems = host->pmems;
    config.concurrency = host->args.contexts;
    config.steps = host->steps;
    config.trace = host->args.record != NULL ? &host->recorder.trace : NULL;
    status = host->pmems != NULL && host->steps != NULL ? quire_pager_init(&host->pager, &config) : QUIRE_NO_MEMORY;
    return status == QUIRE_OK || bad("pager", quire_status_name(status));
}

static bool init_store(struct host *host)
{
    const struct args *args = &host->args;
    const char *wrong = store_init(&host->store, args->store, args->resume);

    caught_init(&host->caught);
    if (wrong != NULL) {
        return bad(args->store != NULL ? args->store : "store", wrong);
    }
    host->store.skip_verify = args->planted == PLANTED_VERIFY;
    host->store.skip_wipe = args->planted == PLANTED_WIPE;
    host->sealing.skip_tag = args->planted == PLANTED_SEAL;
    host->sealing.fixed_key = args->planted == PLANTED_KEY;
    if (args->sealed) {
        wrong = sealing_begin(&host->sealing, args->contexts + 1u); /* main saves too */
        host->store.sealer = &host->sealing.sealer;
    }
    return wrong == NULL || bad("--sealed", wrong);
}

static bool init_shared(struct host *host)
{
    const char *wrong = store_private(&host->store, "shared buffer", SHARED_PAGES, &host->shared);

    return wrong == NULL || bad("store", wrong);
}

static bool init_contexts(struct host *host)
{
    uint32_t n = host->args.contexts;
    uint32_t i;

    host->contexts = calloc(n, sizeof *host->contexts);
    host->published = calloc((size_t)n * SHARED_PAGES, sizeof *host->published);
    if (host->contexts == NULL || host->published == NULL) {
        return bad("contexts", "no memory");
    }
    stop_init(&host->stops, n);
    pthread_barrier_init(&host->loaded, NULL, n + 1u);
    pthread_barrier_init(&host->done, NULL, n);
    for (i = 0; i < n; i++) {
        struct context *context = &host->contexts[i];

        context->host = host;
        context->index = i;
        context->random = (host->args.seed + i + 1u) * UINT64_C(0x9e3779b97f4a7c15) | 1u;
    }
    return true;
}

/* A slice and a file to compare with for each segment: more than some systems allow unless asked. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

bool setup_all(struct host *host)
{
    const char *wrong;

    if ((size_t)sysconf(_SC_PAGESIZE) != QUIRE_PAGE_SIZE) {
        return bad("page size", "built for another one: build with -DQUIRE_PAGE_SHIFT=log2 of this machine's");
    }
    raise_file_limit();
    if (!choose_pool(host) || !plan_make(host)) {
        return false;
    }
    wrong = fault_install();
    if (wrong != NULL) {
        return bad("signals", wrong);
    }
    if (host->args.store != NULL) {
        stop_install();
    }
    return init_store(host) && init_shared(host) && init_recorder(host) && init_pager(host) && init_table(host) &&
           init_contexts(host);
}

bool setup_resume(struct host *host)
{
    const char *wrong = fault_install();

    host->args.contexts = 1;
    if (wrong != NULL) {
        return bad("signals", wrong);
    }
    return choose_pool(host) && init_store(host) && init_pager(host) && init_table(host) && init_contexts(host);
}
