/* walk.c - the walks of test_measure.c through the same library, without a kernel. SPDX-License-Identifier: BSD-2-Clause */

/*
 *     walk                      prints the names of the phases, in order
 *     walk POOL PAGES SEALED    walks
 *
 * To be traced by qemu-user. The pager, its policies, the account, the areas and the object are set up as the kernel does it for a
 * session of `walker`; hooks do what they must and nothing else, and stores move nothing. The library and the mark_...() are in a
 * section of their own, all of whose instructions are traced: what lies between mark_begin and the mark of a kind is the library's
 * share of a fault of that kind.
 */
#include <quire/quire.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ta/walker/functions.h"
#include "ta/walker/phases.h"

#define THREADS 8u /* as in kernel/layout.h */
#define AROUND 16u
#define BASE ((uintptr_t)0x10000)
#define SMALL_AREAS 6u /* code, constants, data and stack of an application */
#define SMALL_PAGES 4u
#define IDLE_PAGES 20u /* the kernel's own, loaded and not used */

static void must(enum quire_status status, const char *what)
{
    if (status != QUIRE_OK) {
        (void)fprintf(stderr, "walk: %s: %s\n", what, quire_status_name(status));
        exit(1);
    }
}

static void *room(size_t bytes)
{
    void *memory = calloc(1, bytes);

    if (memory == NULL) {
        (void)fprintf(stderr, "walk: out of memory\n");
        exit(1);
    }
    return memory;
}

/* ---- Marks ---- */

#define MARK(name)                                                                 \
    __attribute__((noinline, section("library"))) static void mark_##name(void)    \
    {                                                                              \
        __asm__ volatile("/* " #name " */"); /* or all would be folded into one */ \
    }

MARK(phase)
MARK(begin)
MARK(minor)
MARK(write)
MARK(accessed)
MARK(zeros_clean)
MARK(zeros_dirty)
MARK(private_clean)
MARK(private_dirty)
MARK(other)

static uint32_t num_reads, num_writes;

static void mark_kind(enum quire_fault_kind kind)
{
    switch (kind) {
    case QUIRE_FAULT_MINOR:
        mark_minor();
        break;
    case QUIRE_FAULT_WRITE:
        mark_write();
        break;
    case QUIRE_FAULT_ACCESSED:
        mark_accessed();
        break;
    case QUIRE_FAULT_MAJOR:
        if (num_reads != 0) {
            num_writes != 0 ? mark_private_dirty() : mark_private_clean();
        } else {
            num_writes != 0 ? mark_zeros_dirty() : mark_zeros_clean();
        }
        break;
    default:
        mark_other();
        break;
    }
}

/* ---- The machine: an entry is a byte, those of a context are vm->user ---- */

static unsigned char *frames;
static uintptr_t locked;

static uint8_t *entry_at(const struct quire_vm *vm, uintptr_t va)
{
    return (uint8_t *)vm->user + ((va - BASE) >> QUIRE_PAGE_SHIFT);
}

static enum quire_status hook_map(void *ctx, struct quire_vm *vm, uintptr_t va, struct quire_pa pa, size_t npages,
                                  unsigned prot, uint64_t attr)
{
    (void)ctx, (void)pa, (void)npages, (void)attr;
    *entry_at(vm, va) = (uint8_t)(QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED | prot);
    return QUIRE_OK;
}

static unsigned hook_unmap(void *ctx, struct quire_vm *vm, uintptr_t va, size_t npages, struct quire_batch *batch)
{
    unsigned was = *entry_at(vm, va);

    (void)ctx, (void)npages, (void)batch;
    *entry_at(vm, va) = 0;
    return was;
}

static unsigned hook_query(void *ctx, struct quire_vm *vm, uintptr_t va)
{
    (void)ctx;
    return *entry_at(vm, va);
}

static unsigned hook_reduce(void *ctx, struct quire_vm *vm, uintptr_t va, unsigned prot, struct quire_batch *batch)
{
    unsigned was = *entry_at(vm, va);

    (void)ctx, (void)batch;
    *entry_at(vm, va) = (uint8_t)(was & (QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED | prot));
    return was;
}

static bool hook_age(void *ctx, struct quire_vm *vm, uintptr_t va)
{
    unsigned was = *entry_at(vm, va);

    (void)ctx;
    *entry_at(vm, va) = (uint8_t)(was & ~QUIRE_ENTRY_ACCESSED);
    return (was & QUIRE_ENTRY_ACCESSED) != 0;
}

static void hook_flush(void *ctx, const struct quire_batch *batch)
{
    (void)ctx, (void)batch;
}

static void hook_sync_code(void *ctx, void *alias, uintptr_t va, size_t len)
{
    (void)ctx, (void)alias, (void)va, (void)len;
}

static void *hook_alias_get(void *ctx, struct quire_pa pa)
{
    (void)ctx;
    return frames + pa.addr;
}

static void hook_alias_put(void *ctx, struct quire_pa pa, void *alias)
{
    (void)ctx, (void)pa, (void)alias;
}

static enum quire_status hook_need_tables(void *ctx, struct quire_vm *vm, uintptr_t va)
{
    (void)ctx, (void)vm, (void)va;
    return QUIRE_NO_TABLE;
}

static void hook_table_gone(void *ctx, struct quire_vm *vm, uintptr_t va, size_t npages)
{
    (void)ctx, (void)vm, (void)va, (void)npages;
}

static uintptr_t hook_lock(void *ctx)
{
    (void)ctx;
    locked = 1;
    return 0;
}

static void hook_unlock(void *ctx, uintptr_t key)
{
    (void)ctx;
    locked = key;
}

static void hook_wait(void *ctx, const void *token, uintptr_t key)
{
    (void)ctx, (void)token, (void)key;
    abort(); /* the only thread was to wait */
}

static void hook_wake(void *ctx, const void *token)
{
    (void)ctx, (void)token;
}

static const struct quire_mmu mmu = {
    .map = hook_map,
    .unmap = hook_unmap,
    .query = hook_query,
    .reduce = hook_reduce,
    .age = hook_age,
    .flush = hook_flush,
    .sync_code = hook_sync_code,
    .alias_get = hook_alias_get,
    .alias_put = hook_alias_put,
    .need_tables = hook_need_tables,
    .table_gone = hook_table_gone,
    .lock = hook_lock,
    .unlock = hook_unlock,
    .wait = hook_wait,
    .wake = hook_wake,
};

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx, (void)align;
    return malloc(size);
}

static void mem_free(void *ctx, void *memory, size_t size)
{
    (void)ctx, (void)size;
    free(memory);
}

/* ---- Stores ---- */

static enum quire_status store_read(void *ctx, uint32_t pgidx, void *page)
{
    (void)ctx, (void)pgidx, (void)page;
    num_reads++;
    return QUIRE_OK;
}

static enum quire_status store_write(void *ctx, uint32_t pgidx, const void *page)
{
    (void)ctx, (void)pgidx, (void)page;
    num_writes++;
    return QUIRE_OK;
}

static enum quire_status random_bytes(void *ctx, void *bytes, size_t len)
{
    unsigned char *at = bytes;

    (void)ctx;
    while (len > 0) {
        at[--len] = (unsigned char)rand();
    }
    return QUIRE_OK;
}

static enum quire_status key_make(void *ctx, uint32_t epoch, const uint8_t *seed, void **key)
{
    (void)epoch, (void)seed;
    *key = ctx;
    return QUIRE_OK;
}

static void key_wipe(void *ctx, void *key)
{
    (void)ctx, (void)key;
}

static enum quire_status seal(void *ctx, void *key, const struct quire_seal_label *label, const void *plain, void *sealed,
                              uint8_t *tag)
{
    (void)ctx, (void)key, (void)label, (void)plain, (void)sealed, (void)tag;
    return QUIRE_OK;
}

static enum quire_status open_sealed(void *ctx, void *key, const struct quire_seal_label *label, void *page, const uint8_t *tag)
{
    (void)ctx, (void)key, (void)label, (void)page, (void)tag;
    return QUIRE_OK;
}

static void *buffer_get(void *ctx)
{
    return ctx;
}

static void buffer_put(void *ctx, void *buffer)
{
    (void)ctx, (void)buffer;
}

static const struct quire_seal_hooks seal_hooks = {
    random_bytes, key_make, key_wipe, seal, open_sealed, buffer_get, buffer_put,
};

static struct quire_sealer sealer;
static bool sealed;

static struct quire_fobj *private_object(uint32_t npages)
{
    struct quire_fobj_rw *rw = room(sizeof *rw);
    struct quire_fobj_rw_config config = {0};

    config.num_pages = npages;
    config.slots = room(QUIRE_FOBJ_SLOT_BYTES(npages));
    config.store.npages = npages;
    config.store.read = store_read;
    config.store.write = store_write;
    if (sealed) {
        config.sealing.sealer = &sealer;
        config.sealing.meta = room(QUIRE_FOBJ_RW_META_BYTES(npages));
    }
    must(quire_fobj_rw_init(rw, &config), "an object");
    return &rw->base;
}

/* ---- The application ---- */

static struct quire_pager pager;
static struct quire_vm vm;
static struct quire_account account;
static uintptr_t memory; /* of the walker */
static uint64_t pages;

static void fault(uintptr_t va, unsigned access, bool measured)
{
    struct quire_fault in = {0};
    struct quire_fault_result out;

    in.va = va;
    in.access = access;
    in.wait_ok = true;
    num_reads = 0;
    num_writes = 0;
    if (measured) {
        mark_begin();
    }
    must(quire_pager_fault(&pager, &vm, &in, &out), "a fault");
    if (measured) {
        mark_kind(out.kind);
    }
}

static void touch(uintptr_t va, unsigned access, bool measured)
{
    unsigned need = QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED | access;

    while ((*entry_at(&vm, va) & need) != need) {
        fault(va, access, measured);
    }
}

static uintptr_t map(uint32_t npages, bool charged)
{
    struct quire_mapping mapping = {0};
    uintptr_t va;

    mapping.fobj = private_object(npages);
    mapping.npages = npages;
    mapping.prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER;
    mapping.va = QUIRE_VA_ANY;
    mapping.pad_before = 1;
    mapping.pad_after = 1;
    if (charged) {
        must(quire_fobj_set_account(mapping.fobj, &account), "an account");
    }
    must(quire_vm_map(&vm, &mapping, &va), "an area");
    return va;
}

static void touch_all(uintptr_t va, uint32_t npages)
{
    uint32_t i;

    for (i = 0; i < npages; i++) {
        touch(va + ((uintptr_t)i << QUIRE_PAGE_SHIFT), QUIRE_PROT_READ, false);
    }
}

static void begin(uint32_t pool)
{
    static struct quire_policy_refault root, own;
    static unsigned char key_and_buffer[QUIRE_PAGE_SIZE];
    struct quire_account_config for_account = {0};
    struct quire_pager_config config = {0};
    size_t entries = pages + IDLE_PAGES + 2u + (SMALL_AREAS + 1u) * (SMALL_PAGES + 2u);
    uint32_t i;

    frames = room((size_t)pool << QUIRE_PAGE_SHIFT);
    config.mmu = &mmu;
    config.policy = quire_policy_refault_init(&root);
    config.mem.alloc = mem_alloc;
    config.mem.free = mem_free;
    config.npages = pool;
    config.pmems = room(pool * sizeof *config.pmems);
    config.concurrency = THREADS;
    config.steps = room(QUIRE_PAGER_STEP_BYTES(THREADS, QUIRE_PAGER_STEP_DEFAULT));
    config.around = AROUND;
    must(quire_pager_init(&pager, &config), "the pager");
    must(quire_sealer_init(&sealer, &seal_hooks, key_and_buffer), "the sealer");
    must(quire_vm_init(&vm, &pager, BASE, BASE + (entries << QUIRE_PAGE_SHIFT) - 1u, room(entries)), "the context");
    for_account.policy = quire_policy_refault_init(&own);
    must(quire_account_init(&account, &pager, &for_account), "the account");
    touch_all(map(IDLE_PAGES, false), IDLE_PAGES);
    for (i = 0; i < SMALL_AREAS; i++) {
        touch_all(map(SMALL_PAGES, true), 1);
    }
    memory = map((uint32_t)pages, true);
}

static void walk(const struct walker_phase *phase, uint64_t seed)
{
    uint64_t step;

    if (phase->bring) {
        must(quire_vm_advise(&vm, memory, pages, QUIRE_ADVICE_DONT_NEED), "pages that go");
        must(quire_vm_advise(&vm, memory, pages, QUIRE_ADVICE_WILL_NEED), "pages that come");
    }
    for (step = 0; step < walker_steps(phase, pages); step++) {
        touch(memory + (walker_page(seed, step, walker_pages(phase, pages)) << QUIRE_PAGE_SHIFT),
              phase->write ? QUIRE_PROT_WRITE : QUIRE_PROT_READ, true);
    }
}

static void run(const struct walker_phase *phase)
{
    uint64_t round;

    mark_phase();
    for (round = 0; round < walker_rounds(phase, pages); round++) {
        walk(phase, walker_seed(phase, round));
    }
}

int main(int argc, char **argv)
{
    unsigned i;

    for (i = 0; argc != 4 && i < WALKER_PHASES; i++) {
        puts(walker_phases[i].name);
    }
    if (argc != 4) {
        return argc != 1;
    }
    pages = strtoul(argv[2], NULL, 10);
    sealed = strcmp(argv[3], "0") != 0;
    begin((uint32_t)strtoul(argv[1], NULL, 10));
    for (i = 0; i < WALKER_PHASES; i++) {
        run(&walker_phases[i]);
    }
    return 0;
}
