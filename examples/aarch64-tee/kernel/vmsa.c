/* vmsa.c - VMSAv8-64 translation tables, TLBs and caches: what Quire asks of an MMU. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/vmsa.h"

#include <quire/vm.h>

#include "kernel/vmsa_descriptor.h"

#define BARRIER(text) __asm__ volatile(text ::: "memory")
#define LOAD(entry) __atomic_load_n(entry, __ATOMIC_RELAXED) /* the hardware may be setting flags in it */
#define INSTRUCTION(text, value) __asm__ volatile(text ", %0" ::"r"((uint64_t)(value)) : "memory")

/* ---- ASIDs ---- */

/* A number is given to one space in a generation and never back: a space that ends leaves nothing to be flushed. When all are given
 * out the next generation begins: spaces that processors use just then take their numbers along, what all others left in TLBs is
 * thrown away, and they get new numbers when they are used again. */

static QUIRE_RESIDENT void asid_lock(struct vmsa *vmsa)
{
    while (__atomic_exchange_n(&vmsa->asid_lock, 1u, __ATOMIC_ACQUIRE) != 0) {
        BARRIER("yield");
    }
}

static QUIRE_RESIDENT void asid_unlock(struct vmsa *vmsa)
{
    __atomic_store_n(&vmsa->asid_lock, 0u, __ATOMIC_RELEASE);
}

/* Makes `space` (null: nobody) what this processor translates. TTBR0 changes under the lock together with active[]: who holds the
 * lock knows what any processor can put into its TLB, be it by speculation. */
static QUIRE_RESIDENT void activate(struct vmsa *vmsa, uint32_t cpu, struct vmsa_space *space)
{
    vmsa->active[cpu] = space;
    INSTRUCTION("msr ttbr0_el1", space != NULL ? space->root_pa | (uint64_t)space->asid << 48 : vmsa->nobody_pa);
    BARRIER("isb");
}

static QUIRE_RESIDENT void next_generation(struct vmsa *vmsa, uint32_t cpu)
{
    uint32_t i;

    activate(vmsa, cpu, NULL); /* what it leaves behind need not keep its number */
    vmsa->generation++;
    vmsa->rolls++;
    vmsa->asid_next = 1;
    for (i = 0; i < vmsa->cpus; i++) {
        vmsa->reserved[i] = 0;
        if (vmsa->active[i] != NULL) {
            vmsa->active[i]->generation = vmsa->generation;
            vmsa->reserved[i] = vmsa->active[i]->asid;
        }
    }
    BARRIER("dsb ishst; tlbi vmalle1is; dsb ish; isb");
}

QUIRE_RESIDENT void vmsa_use(struct vmsa *vmsa, uint32_t cpu, struct vmsa_space *space)
{
    uint32_t i;

    asid_lock(vmsa);
    while (space != NULL && space->generation != vmsa->generation) { /* ends: there are more numbers than processors */
        if (vmsa->asid_next == vmsa->asids) {
            next_generation(vmsa, cpu);
        }
        space->asid = vmsa->asid_next++;
        space->seen = 0;
        space->generation = vmsa->generation;
        for (i = 0; i < vmsa->cpus; i++) {
            space->generation = vmsa->reserved[i] == space->asid ? 0 : space->generation;
        }
    }
    if (space != NULL) {
        space->seen |= 1u << cpu;
    }
    activate(vmsa, cpu, space);
    asid_unlock(vmsa);
}

/* Throws away what is remembered of `va`: if `leaf` its entry of level 3 only, else of all levels. Before, the entries were
 * changed, a barrier told all walks of it, and asid_lock was taken: so a space without a number of this generation is in no TLB,
 * and who gives it one, or uses it, afterwards finds the new entries. Nobody else is told if only this processor ever used it. */
static QUIRE_RESIDENT void invalidate(const struct vmsa *vmsa, const struct vmsa_space *space, uintptr_t va, bool leaf)
{
    uint64_t page = va / PAGE & UINT64_C(0xfffffffffff);
    uint64_t ours = page | (uint64_t)space->asid << 48;

    if (space->kernel && leaf) {
        INSTRUCTION("tlbi vaale1is", page);
    } else if (space->kernel) {
        INSTRUCTION("tlbi vaae1is", page);
    } else if (space->generation != vmsa->generation) {
        return;
    } else if (vmsa->cpu != NULL && space->seen == 1u << vmsa->cpu()) {
        INSTRUCTION("tlbi vae1", ours);
    } else if (leaf) {
        INSTRUCTION("tlbi vale1is", ours);
    } else {
        INSTRUCTION("tlbi vae1is", ours);
    }
}

static QUIRE_RESIDENT void hook_flush(void *ctx, const struct quire_batch *batch)
{
    const struct vmsa_space *space = batch->scope == QUIRE_BATCH_VM ? batch->vm->user : NULL;
    struct vmsa *vmsa = ctx;
    uint32_t i;

    BARRIER("dsb ishst");
    asid_lock(vmsa);
    if (batch->scope == QUIRE_BATCH_PAGES) {
        for (i = 0; i < batch->n; i++) {
            invalidate(vmsa, batch->entry[i].vm->user, batch->entry[i].va, true);
        }
    } else if (space == NULL || space->kernel) { /* global entries can be named only one by one */
        BARRIER("tlbi vmalle1is");
    } else if (space->generation == vmsa->generation) {
        INSTRUCTION("tlbi aside1is", (uint64_t)space->asid << 48);
    }
    asid_unlock(vmsa);
    BARRIER("dsb ish; isb");
}

/* ---- Tables ---- */

/* The entry for `va` of level *level; if the way ends before, where it does, and that level. */
static QUIRE_RESIDENT uint64_t *walk(const struct vmsa *vmsa, const struct vmsa_space *space, uintptr_t va, unsigned *level)
{
    uint64_t pa = space->root_pa;
    unsigned at;

    for (at = 1;; at++) {
        uint64_t *entry = &table_at(vmsa, pa)[va / span(at) % ENTRIES];

        if (at == *level || (LOAD(entry) & KIND) != KIND_TABLE) {
            *level = at;
            return entry;
        }
        pa = LOAD(entry) & ADDRESS;
    }
}

/* The entry of level 3 for `va`, null if there is no table for it. */
static QUIRE_RESIDENT uint64_t *entry_of(const struct vmsa *vmsa, const struct vmsa_space *space, uintptr_t va)
{
    unsigned level = 3;
    uint64_t *entry = walk(vmsa, space, va, &level);

    return level == 3 && in_half(space, va) ? entry : NULL;
}

/* Tables count their entries. One that has none is all zero, and can become any other. */
static QUIRE_RESIDENT void set_entry(const struct vmsa *vmsa, uint64_t *entry, uint64_t value)
{
    table_of(vmsa, entry)->entries++;
    table_of(vmsa, entry)->used = true;
    __atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

static QUIRE_RESIDENT uint64_t clear_entry(const struct vmsa *vmsa, uint64_t *entry)
{
    uint64_t was = __atomic_exchange_n(entry, 0, __ATOMIC_RELAXED);

    table_of(vmsa, entry)->entries -= was != 0;
    return was;
}

static QUIRE_RESIDENT void free_table(struct vmsa *vmsa, struct vmsa_table *table)
{
    quire_list_remove(&table->link);
    table->vm = NULL;
    if (!table->claimed) { /* else obtain() has it */
        quire_list_insert_after(&vmsa->free, &table->link);
        vmsa->nfree++;
    }
}

static QUIRE_RESIDENT struct vmsa_table *take_table(struct vmsa *vmsa, struct quire_list_node *from)
{
    struct vmsa_table *table = QUIRE_CONTAINER_OF(from->next, struct vmsa_table, link);

    quire_list_remove(&table->link);
    table->used = false;
    vmsa->nfree -= from == &vmsa->free;
    return table;
}

/* The entry of `level` for `va`, on a way that is completed with tables from the list `from`; null, and nothing is changed, if
 * there are not enough, or a block is in the way. Those of level 3 are for pages of `vm` (null: for what stays). */
static QUIRE_RESIDENT uint64_t *make_way(struct vmsa *vmsa, const struct vmsa_space *space, struct quire_vm *vm, uintptr_t va,
                                         unsigned level, struct quire_list_node *from)
{
    unsigned at = level;
    uint64_t *entry = walk(vmsa, space, va, &at);

    if (at < level && (LOAD(entry) != 0 || from->next == from || (level - at > 1 && from->next->next == from))) {
        return NULL;
    }
    while (at < level) {
        struct vmsa_table *table = take_table(vmsa, from);

        table->va = va & ~(span(at) - 1u);
        vmsa->nmovable -= vm == NULL;
        if (at == 2 && vm != NULL) {
            table->vm = vm;
            quire_list_insert_before(&vmsa->leaves, &table->link);
        }
        set_entry(vmsa, entry, pa_of(vmsa, table) | KIND_TABLE);
        at = level;
        entry = walk(vmsa, space, va, &at);
    }
    return entry;
}

/* ---- Taking tables back ---- */

static QUIRE_RESIDENT uintptr_t pager_lock(const struct vmsa *vmsa)
{
    return vmsa->mmu != NULL && vmsa->mmu->lock != NULL ? vmsa->mmu->lock(vmsa->mmu->ctx) : 0;
}

static QUIRE_RESIDENT void pager_unlock(const struct vmsa *vmsa, uintptr_t key)
{
    if (vmsa->mmu != NULL && vmsa->mmu->unlock != NULL) {
        vmsa->mmu->unlock(vmsa->mmu->ctx, key);
    }
}

/* The table to be taken back: one that has become empty, else the oldest, so that tables stay long enough for every instruction to
 * finish. Empty because new does not count: a thread made it and is about to use it. Nor does one that these pages of `vm` need. */
static QUIRE_RESIDENT struct vmsa_table *choose_victim(const struct vmsa *vmsa, const struct quire_vm *vm, uintptr_t va,
                                                       size_t npages)
{
    struct vmsa_table *oldest = NULL;
    struct quire_list_node *node;

    for (node = vmsa->leaves.next; node != &vmsa->leaves; node = node->next) {
        struct vmsa_table *table = QUIRE_CONTAINER_OF(node, struct vmsa_table, link);
        bool needed = table->vm == vm && table->va < va + npages * PAGE && va < table->va + span(2);

        if (!table->claimed && !needed) {
            if (table->entries == 0 && table->used) {
                return table;
            }
            oldest = oldest != NULL ? oldest : table;
        }
    }
    return oldest;
}

/* Puts a table on `mine`: a free one, else one that is taken back, but none that these pages of `vm` (may be null) need. The
 * pager's lock is held, and dropped meanwhile. What is taken back goes past the free list to who took it: no thread starves
 * another. NO_TABLE: there is none that can be taken. */
static QUIRE_RESIDENT enum quire_status obtain(struct vmsa *vmsa, const struct quire_vm *vm, uintptr_t va, size_t npages,
                                               struct quire_list_node *mine, uintptr_t *key)
{
    struct vmsa_table *table = vmsa->nfree > 0 ? take_table(vmsa, &vmsa->free) : choose_victim(vmsa, vm, va, npages);
    enum quire_status status = QUIRE_OK;

    if (table != NULL && table->vm != NULL) {
        struct quire_vm *shown = table->vm; /* another thread may free the table meanwhile: it comes here all the same */
        struct vmsa_space *owner = shown->user;

        owner->claims++; /* so that it stays, and its context */
        table->claimed = true;
        pager_unlock(vmsa, *key);
        status = quire_vm_drop_range(shown, table->va, ENTRIES); /* calls hook_table_gone() */
        *key = pager_lock(vmsa);
        vmsa->recycled += table->vm == NULL;
        table->claimed = false;
        owner->claims--;
    }
    if (table == NULL || table->vm != NULL) {
        return QUIRE_NO_TABLE;
    }
    quire_list_insert_after(mine, &table->link);
    return status;
}

/* Makes the tables that these pages lack. */
static QUIRE_RESIDENT enum quire_status make_tables(struct vmsa *vmsa, struct quire_vm *vm, uintptr_t va, size_t npages,
                                                    uintptr_t *key)
{
    enum quire_status status = QUIRE_OK;
    struct quire_list_node mine;
    size_t done = 0;

    quire_list_init(&mine);
    while (done < npages && status == QUIRE_OK) {
        if (make_way(vmsa, vm->user, vm, va + done * PAGE, 3, &mine) != NULL) {
            done++;
        } else {
            status = obtain(vmsa, vm, va, npages, &mine, key);
        }
    }
    while (!quire_list_empty(&mine)) {
        free_table(vmsa, QUIRE_CONTAINER_OF(mine.next, struct vmsa_table, link));
    }
    return status;
}

static QUIRE_RESIDENT enum quire_status hook_need_tables(void *ctx, struct quire_vm *vm, uintptr_t va)
{
    struct vmsa_space *space = vm->user;
    struct vmsa *vmsa = ctx;
    uintptr_t key = pager_lock(vmsa);
    size_t npages = space->run_npages;
    enum quire_status status;

    if (npages != 0) { /* for many pages, of which `va` does not tell. If they cannot have them, `map` will say so again */
        space->run_npages = 0;
        (void)make_tables(vmsa, vm, space->run_va, npages, &key);
    }
    status = make_tables(vmsa, vm, va, 1, &key);
    pager_unlock(vmsa, key);
    return status;
}

/* Tables of which the range has only a part stay; those of level 2 go when they become empty. */
static QUIRE_RESIDENT void hook_table_gone(void *ctx, struct quire_vm *vm, uintptr_t va, size_t npages)
{
    uint64_t done = -va % span(2);
    struct vmsa *vmsa = ctx;

    while (done + span(2) <= npages * PAGE) {
        unsigned level = 2, root = 1;
        uint64_t *entry = walk(vmsa, vm->user, va + done, &level);
        uint64_t *above = walk(vmsa, vm->user, va + done, &root);
        struct vmsa_table *table = table_of(vmsa, entry);
        struct vmsa_table *leaf =
            (LOAD(entry) & KIND) == KIND_TABLE ? table_of(vmsa, table_at(vmsa, LOAD(entry) & ADDRESS)) : NULL;

        if (leaf != NULL && leaf->vm == vm && leaf->entries == 0) {
            (void)clear_entry(vmsa, entry);
            if (table->entries == 0) {
                (void)clear_entry(vmsa, above);
            }
            BARRIER("dsb ishst");
            asid_lock(vmsa);
            invalidate(vmsa, vm->user, leaf->va, false); /* a walk must not go on from what it remembers of them */
            asid_unlock(vmsa);
            BARRIER("dsb ish; isb");
            if (table->entries == 0) {
                free_table(vmsa, table);
            }
            free_table(vmsa, leaf);
        }
        done += span(level) - (va + done) % span(level);
    }
}

/* ---- Entries ---- */

static QUIRE_RESIDENT enum quire_status hook_map(void *ctx, struct quire_vm *vm, uintptr_t va, struct quire_pa pa,
                                                 size_t npages, unsigned prot, uint64_t attr)
{
    struct vmsa *vmsa = ctx;
    struct vmsa_space *space = vm->user;
    uint64_t bits = leaf_bits(space, prot, attr, vmsa->hardware_dirty) | KIND_PAGE;
    uint64_t flags = ACCESSED | ((bits & TELLS) != 0 ? READ_ONLY : 0);
    size_t i;

    space->vm = space->kernel ? NULL : vm;
    if (!in_half(space, va) || !in_half(space, va + (npages * PAGE - 1u))) {
        return QUIRE_INVALID;
    }
    for (i = 0; npages > 1 && i < npages; i++) { /* all or nothing */
        if (make_way(vmsa, space, vm, va + i * PAGE, 3, &vmsa->free) == NULL) {
            space->run_va = va;
            space->run_npages = npages;
            return QUIRE_NO_TABLE;
        }
    }
    for (i = 0; i < npages; i++) {
        uint64_t *entry = make_way(vmsa, space, vm, va + i * PAGE, 3, &vmsa->free);
        uint64_t value = (pa.addr + i * PAGE) | bits;

        if (entry == NULL) {
            return QUIRE_NO_TABLE;
        }
        if (LOAD(entry) == 0) {
            set_entry(vmsa, entry, value);
        } else if (((LOAD(entry) ^ value) & ~flags) == 0) {
            (void)__atomic_fetch_or(entry, ACCESSED, __ATOMIC_RELEASE); /* without the flag it was in no TLB */
        } else {
            return QUIRE_EXISTS; /* break before make: first unmap and flush */
        }
    }
    BARRIER("dsb ishst; isb"); /* so that this processor does not fault on them */
    return QUIRE_OK;
}

static QUIRE_RESIDENT unsigned hook_unmap(void *ctx, struct quire_vm *vm, uintptr_t va, size_t npages,
                                          struct quire_batch *batch)
{
    unsigned was = 0;
    size_t i;

    (void)batch;
    for (i = 0; i < npages; i++) {
        uint64_t *entry = entry_of(ctx, vm->user, va + i * PAGE);

        was |= entry != NULL ? describe(clear_entry(ctx, entry)) : 0;
    }
    return was;
}

static QUIRE_RESIDENT unsigned hook_query(void *ctx, struct quire_vm *vm, uintptr_t va)
{
    const uint64_t *entry = entry_of(ctx, vm->user, va);

    return entry != NULL ? describe(LOAD(entry)) : 0;
}

/* Taking permissions away needs no break before make. */
static QUIRE_RESIDENT unsigned hook_reduce(void *ctx, struct quire_vm *vm, uintptr_t va, unsigned prot,
                                           struct quire_batch *batch)
{
    uint64_t *entry = entry_of(ctx, vm->user, va);
    uint64_t old = entry != NULL ? LOAD(entry) : 0;
    uint64_t less;

    (void)batch;
    do {
        less = (old & ~PERMISSIONS) | permissions(describe(old) & prot, (old & TELLS) != 0);
    } while ((old & VALID) != 0 && !__atomic_compare_exchange_n(entry, &old, less, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return describe(old);
}

static QUIRE_RESIDENT bool hook_age(void *ctx, struct quire_vm *vm, uintptr_t va)
{
    uint64_t *entry = entry_of(ctx, vm->user, va);

    return entry != NULL && (__atomic_fetch_and(entry, ~ACCESSED, __ATOMIC_RELAXED) & ACCESSED) != 0;
}

static QUIRE_RESIDENT void hook_sync_code(void *ctx, void *alias, uintptr_t va, size_t len)
{
    const struct vmsa *vmsa = ctx;
    uintptr_t end = (uintptr_t)alias + len;
    uintptr_t at;

    (void)va;
    for (at = (uintptr_t)alias; vmsa->data_line != 0 && at < end; at += vmsa->data_line) {
        INSTRUCTION("dc cvau", at);
    }
    BARRIER("dsb ish");
    for (at = (uintptr_t)alias; vmsa->code_line != 0 && at < end; at += vmsa->code_line) {
        INSTRUCTION("ic ivau", at);
    }
    if (vmsa->code_aliases) {
        BARRIER("ic ialluis"); /* what a cache has of the page under other addresses cannot be named */
    }
    BARRIER("dsb ish; isb");
}

/* ---- Beginning and end ---- */

enum quire_status vmsa_init(struct vmsa *vmsa, const struct vmsa_config *config)
{
    static const uint8_t pa_bits[] = {32, 36, 40, 42, 44, 48};
    uint64_t mmfr0, mmfr1, cache, pa_range, flags;
    uint32_t asids, i;

    __asm__("mrs %0, id_aa64mmfr0_el1" : "=r"(mmfr0));
    __asm__("mrs %0, id_aa64mmfr1_el1" : "=r"(mmfr1));
    __asm__("mrs %0, ctr_el0" : "=r"(cache));
    pa_range = (mmfr0 & 15u) < 5u ? mmfr0 & 15u : 5u;
    asids = (mmfr0 >> 4 & 15u) == 2u ? 0x10000 : 0x100;
    flags = config->software_flags ? 0 : mmfr1 & 15u;
    if (((uintptr_t)config->tables | config->tables_pa) % PAGE != 0 || config->ntables == 0 ||
        config->cpus - 1u >= VMSA_CPUS_MAX || config->asids > asids || (config->asids != 0 && config->asids <= config->cpus)) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMSET(vmsa, 0, sizeof *vmsa);
    QUIRE_MEMSET(config->book, 0, config->ntables * sizeof config->book[0]);
    QUIRE_MEMSET(config->tables, 0, config->ntables * PAGE);
    vmsa->book = config->book;
    vmsa->tables = config->tables;
    vmsa->tables_pa = config->tables_pa;
    vmsa->pa_limit = UINT64_C(1) << pa_bits[pa_range];
    vmsa->cpus = config->cpus;
    vmsa->cpu = config->cpu;
    vmsa->asids = config->asids != 0 ? config->asids : asids;
    vmsa->asid_next = 1;
    vmsa->generation = 1;
    vmsa->hardware_accessed = flags >= 1;
    vmsa->hardware_dirty = flags >= 2;
    vmsa->tcr = TCR_39_BITS | TCR_WALKS | TCR_4K | TCR_PA_RANGE(pa_range) | (asids > 0x100 ? TCR_ASID_16 : 0) |
                (flags >= 1 ? TCR_HARDWARE_ACCESSED : 0) | (flags >= 2 ? TCR_HARDWARE_DIRTY : 0);
    vmsa->data_line = CTR_DATA_IN_SYNC(cache) ? 0 : CTR_DATA_LINE(cache);
    vmsa->code_aliases = !CTR_CODE_IN_SYNC(cache) && !CTR_CODE_BY_PA(cache);
    vmsa->code_line = CTR_CODE_IN_SYNC(cache) || vmsa->code_aliases ? 0 : CTR_CODE_LINE(cache);
    quire_list_init(&vmsa->free);
    quire_list_init(&vmsa->leaves);
    for (i = config->ntables; i-- > 0;) {
        quire_list_init(&config->book[i].link);
        free_table(vmsa, &config->book[i]);
    }
    vmsa->nmovable = config->ntables - 1u;
    vmsa->reserve = config->threads * VMSA_TABLES_THREAD;
    vmsa->nobody_pa = pa_of(vmsa, take_table(vmsa, &vmsa->free));
    return QUIRE_OK;
}

void vmsa_hooks(struct vmsa *vmsa, struct quire_mmu *mmu)
{
    vmsa->mmu = mmu;
    mmu->ctx = vmsa;
    mmu->features = (vmsa->hardware_accessed ? QUIRE_MMU_HW_ACCESSED : 0) | (vmsa->hardware_dirty ? QUIRE_MMU_HW_DIRTY : 0);
    mmu->map = hook_map;
    mmu->unmap = hook_unmap;
    mmu->query = hook_query;
    mmu->reduce = hook_reduce;
    mmu->age = hook_age;
    mmu->flush = hook_flush;
    mmu->sync_code = hook_sync_code;
    mmu->need_tables = hook_need_tables;
    mmu->table_gone = hook_table_gone;
}

enum quire_status vmsa_space_init(struct vmsa *vmsa, struct vmsa_space *space, bool kernel)
{
    uintptr_t key = pager_lock(vmsa);
    struct quire_list_node mine;
    enum quire_status status;

    QUIRE_MEMSET(space, 0, sizeof *space);
    space->kernel = kernel;
    quire_list_init(&mine);
    status = vmsa->nmovable > vmsa->reserve ? obtain(vmsa, NULL, 0, 0, &mine, &key) : QUIRE_NO_TABLE;
    if (status == QUIRE_OK) {
        vmsa->nmovable--;
        space->root_pa = pa_of(vmsa, take_table(vmsa, &mine));
    }
    pager_unlock(vmsa, key);
    return status;
}

enum quire_status vmsa_space_close(struct vmsa *vmsa, struct vmsa_space *space)
{
    /* All its tables go now: while the context ends nobody looks for tables here, nor lacks those that would be here. */
    enum quire_status status =
        space->vm != NULL ? quire_vm_drop_range(space->vm, 0, (UINT64_C(1) << VMSA_VA_BITS) / PAGE) : QUIRE_OK;
    uintptr_t key = pager_lock(vmsa);
    bool busy = space->claims != 0;
    uint32_t i;

    asid_lock(vmsa);
    for (i = 0; i < vmsa->cpus; i++) {
        busy = busy || vmsa->active[i] == space;
    }
    asid_unlock(vmsa);
    pager_unlock(vmsa, key);
    return busy ? QUIRE_BUSY : status;
}

void vmsa_space_fini(struct vmsa *vmsa, struct vmsa_space *space)
{
    uintptr_t key = pager_lock(vmsa);

    free_table(vmsa, table_of(vmsa, table_at(vmsa, space->root_pa)));
    vmsa->nmovable++;
    pager_unlock(vmsa, key);
}

enum quire_status vmsa_map_fixed(struct vmsa *vmsa, struct vmsa_space *space, uintptr_t va, uint64_t pa, uint64_t bytes,
                                 unsigned prot, uint64_t attr)
{
    uint64_t *entry;
    uint64_t done;
    unsigned level;

    if (!space->kernel || (va | pa | bytes) % PAGE != 0 || bytes == 0 || !in_half(space, va) ||
        !in_half(space, va + (bytes - 1u)) || va + (bytes - 1u) < va || pa >= vmsa->pa_limit || bytes > vmsa->pa_limit - pa) {
        return QUIRE_INVALID;
    }
    if ((prot & QUIRE_PROT_WRITE) != 0 && (prot & QUIRE_PROT_EXEC) != 0) {
        return QUIRE_DENIED;
    }
    for (done = 0; done < bytes; done += span(level)) {
        for (level = 1; ((va + done) | (pa + done)) % span(level) != 0 || bytes - done < span(level); level++) {
        }
        entry = make_way(vmsa, space, NULL, va + done, level, &vmsa->free);
        if (entry == NULL || LOAD(entry) != 0 || table_of(vmsa, entry)->vm != NULL) {
            return entry == NULL && vmsa->nfree == 0 ? QUIRE_NO_TABLE : QUIRE_EXISTS;
        }
        set_entry(vmsa, entry, (pa + done) | leaf_bits(space, prot, attr, false) | (level < 3 ? KIND_BLOCK : KIND_PAGE));
    }
    BARRIER("dsb ishst; isb");
    return QUIRE_OK;
}
