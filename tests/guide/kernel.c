/*
 * The kernel of the README's guide: everything Quire needs of its surroundings, for a machine whose page table is one flat
 * array. machine.c is that machine.
 */
#include "kernel.h"

#include <stdlib.h>

struct quire_pager pager;

/* ---- 3. The hooks ---- */

static uint64_t *entry_of(struct quire_vm *vm, uintptr_t va)
{
    struct address_space *space = vm->user;

    return &space->entry[(va - SPACE_BASE) >> QUIRE_PAGE_SHIFT];
}

static enum quire_status mmu_map(void *ctx, struct quire_vm *vm, uintptr_t va, struct quire_pa pa, size_t npages, unsigned prot,
                                 uint64_t attr)
{
    uint64_t *entry = entry_of(vm, va);
    size_t i;

    (void)ctx;
    (void)attr; /* the area's own word: memory type, security state; one kind of memory here */
    for (i = 0; i < npages; i++) {
        entry[i] = (pa.addr + i * QUIRE_PAGE_SIZE) | prot | QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED;
    }
    return QUIRE_OK; /* QUIRE_NO_TABLE where a page table is missing */
}

static unsigned mmu_unmap(void *ctx, struct quire_vm *vm, uintptr_t va, size_t npages, struct quire_batch *batch)
{
    uint64_t *entry = entry_of(vm, va);
    uint64_t was = 0;
    size_t i;

    (void)ctx;
    (void)batch; /* Quire adds the pages; add more if your hardware must forget more */
    for (i = 0; i < npages; i++) {
        was |= entry[i];
        entry[i] = 0;
    }
    return (unsigned)(was & QUIRE_PAGE_MASK);
}

static unsigned mmu_query(void *ctx, struct quire_vm *vm, uintptr_t va)
{
    (void)ctx;
    return (unsigned)(*entry_of(vm, va) & QUIRE_PAGE_MASK);
}

static unsigned mmu_reduce(void *ctx, struct quire_vm *vm, uintptr_t va, unsigned prot, struct quire_batch *batch)
{
    uint64_t *entry = entry_of(vm, va);
    unsigned was = (unsigned)(*entry & QUIRE_PAGE_MASK);

    (void)ctx;
    (void)batch;
    *entry &= ~(uint64_t)(QUIRE_PROT_ALL & ~prot);
    return was;
}

static void mmu_flush(void *ctx, const struct quire_batch *batch)
{
    (void)ctx;
    (void)batch; /* invalidate the TLBs: batch->entry[0..n-1], or a whole context, or everything. This machine has none */
}

static void mmu_sync_code(void *ctx, void *alias, uintptr_t va, size_t len)
{
    (void)ctx;
    (void)va;
    __builtin___clear_cache((char *)alias, (char *)alias + len);
}

static void *mmu_alias_get(void *ctx, struct quire_pa pa)
{
    (void)ctx;
    return ram[(pa.addr - RAM_BASE) >> QUIRE_PAGE_SHIFT]; /* all memory is mapped: no window to open */
}

static void mmu_alias_put(void *ctx, struct quire_pa pa, void *alias)
{
    (void)ctx;
    (void)pa;
    (void)alias;
}

/* No features, no `age`: this hardware has no accessed and dirty flags. No lock: one processor. No wait: one thread. */
static const struct quire_mmu mmu = {
    .map = mmu_map,
    .unmap = mmu_unmap,
    .query = mmu_query,
    .reduce = mmu_reduce,
    .flush = mmu_flush,
    .sync_code = mmu_sync_code,
    .alias_get = mmu_alias_get,
    .alias_put = mmu_alias_put,
};

/* Bookkeeping memory, a few hundred bytes per area. */
static void *kernel_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void kernel_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    (void)size;
    free(ptr);
}

enum quire_status kernel_boot(void)
{
    static struct quire_policy_clock clock;
    static struct quire_pmem pmems[RAM_PAGES];
    static uint32_t steps[QUIRE_PAGER_STEP_BYTES(1, QUIRE_PAGER_STEP_DEFAULT) / sizeof(uint32_t)];
    struct quire_pager_config config = {0};

    config.mmu = &mmu;
    config.policy = quire_policy_clock_init(&clock);
    config.mem.alloc = kernel_alloc;
    config.mem.free = kernel_free;
    config.pa = quire_pa_make(RAM_BASE);
    config.npages = RAM_PAGES;
    config.pmems = pmems;
    config.concurrency = 1;
    config.steps = steps;
    return quire_pager_init(&pager, &config);
}

/* ---- 4. The fault handler ---- */

/* The page-fault exception ends here, with what the fault registers say. True: let the instruction run again. False: kill. */
bool kernel_page_fault(struct address_space *space, uintptr_t va, unsigned access)
{
    struct quire_fault fault = {0};
    enum quire_status status;

    fault.va = va;
    fault.access = access; /* exactly one of QUIRE_PROT_READ, WRITE, EXEC */
    fault.thread = 0;      /* with several threads: a number of the thread (not the processor: a fault may sleep) */
    fault.wait_ok = false; /* true where this thread may sleep in the `wait` hook */
    status = quire_pager_fault(&pager, &space->vm, &fault, NULL);
    return status == QUIRE_OK || status == QUIRE_AGAIN;
}

/* ---- 5. The first area ---- */

enum quire_status kernel_load_program(struct address_space *space)
{
    static struct quire_fobj_ro program;
    static uint32_t slots[PROGRAM_PAGES];
    struct quire_fobj_ro_config content = {0};
    struct quire_mapping mapping = {0};
    enum quire_status status;

    status = quire_vm_init(&space->vm, &pager, SPACE_BASE, SPACE_BASE + SPACE_PAGES * QUIRE_PAGE_SIZE - 1, space);
    if (status != QUIRE_OK) {
        return status;
    }
    content.data = program_image;
    content.len = sizeof program_image;
    content.slots = slots;
    status = quire_fobj_ro_init(&program, &content);
    if (status != QUIRE_OK) {
        return status;
    }
    mapping.fobj = &program.base;
    mapping.prot = QUIRE_PROT_READ | QUIRE_PROT_EXEC | QUIRE_PROT_USER;
    mapping.va = SPACE_BASE;
    status = quire_vm_map(&space->vm, &mapping, NULL);
    /* The area has a reference of its own; when it goes, so does the object. */
    quire_fobj_put(&program.base);
    return status;
}
