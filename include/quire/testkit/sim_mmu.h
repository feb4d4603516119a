/* quire/testkit/sim_mmu.h - the hook table of the simulated machine. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_TESTKIT_SIM_MMU_H
#define QUIRE_TESTKIT_SIM_MMU_H

#include "../base.h"
#include "../mmu.h"
#include "sim_machine.h"

/*
 * A machine for tests on a PC: physical memory with real bytes, page tables, and processors whose TLBs remember every
 * translation until a flush names it. Three calls to begin with: quire_sim_init(), quire_sim_add_vm() for each context, and
 * quire_sim_hooks() for the pager. sim_cpu.h has the processors' accesses, sim_store.h tells the machine what stores do,
 * sim_machine.h has the configuration and the rules that the oracle checks.
 *
 *     the pager, or a test by hand --> hooks: map, unmap, flush, ... --> page tables, TLBs --> oracle
 *                  processors' accesses (sim_cpu.h) -------------------------^
 *
 * To plant a defect, alter sim->mmu or a copy: each hook takes the simulator as its ctx, so that a hook of yours can call
 * the original one, or not. To test hooks of your own, let them call these beside what they do.
 *
 * Everything is touched under the lock of the hook table, which the simulator takes itself where its caller does not have
 * it. With no `lock` in the configuration one thread at a time uses the machine, and the simulator only keeps book of it.
 */
QUIRE_BEGIN

/* ---- Set-up ---- */

/* Makes a machine whose memory is all zero. INVALID: a (must) field missing or out of range, callbacks unpaired; NO_MEMORY:
 * `bytes` too few. The configuration is copied. O(storage). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_sim_init(struct quire_sim *sim, const struct quire_sim_config *config)
    QUIRE_SYM(quire_sim_init);

/* The hook table for the pager: &sim->mmu, which may be altered. */
static inline const struct quire_mmu *quire_sim_hooks(const struct quire_sim *sim)
{
    return &sim->mmu;
}

/* Gives `vm` the window [va, va + npages pages): page tables exist for these addresses only. Before quire_vm_init() or after.
 * INVALID: a bad range; EXISTS: it has one; NO_MEMORY: no window or no entries left (a window given back is used again for one
 * of its size). Takes the lock. O(vms). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_sim_add_vm(struct quire_sim *sim, struct quire_vm *vm, uintptr_t va,
                                                              uint32_t npages) QUIRE_SYM(quire_sim_add_vm);

/* Takes the window back, after quire_vm_fini(). Checks VM_IN_USE; what is left is dropped, the tables are free again.
 * NOT_FOUND: it has none. Takes the lock. O(npages x cpus). */
QUIRE_API enum quire_status quire_sim_remove_vm(struct quire_sim *sim, struct quire_vm *vm) QUIRE_SYM(quire_sim_remove_vm);

/* ---- Failures on command; each takes the lock ---- */

/* The nth (1: the next) call of `map` from now, and the times - 1 after it, say NO_TABLE. times UINT32_MAX: for ever; nth
 * 0: never. */
QUIRE_API void quire_sim_fail_map(struct quire_sim *sim, uint32_t nth, uint32_t times) QUIRE_SYM(quire_sim_fail_map);

/* The next `times` calls of `unmap` that would remove the entry of (vm, va) are refused; 0xffff and more: all of them,
 * until this is called again with 0. NOT_FOUND: no such address. */
QUIRE_API enum quire_status quire_sim_stick(struct quire_sim *sim, const struct quire_vm *vm, uintptr_t va, uint32_t times)
    QUIRE_SYM(quire_sim_stick);

/* The next `times` calls of need_tables fail (UINT32_MAX: all). */
QUIRE_API void quire_sim_fail_tables(struct quire_sim *sim, uint32_t times) QUIRE_SYM(quire_sim_fail_tables);

/* Adds n page tables to those that can still be had. */
QUIRE_API void quire_sim_give_tables(struct quire_sim *sim, uint32_t n) QUIRE_SYM(quire_sim_give_tables);

QUIRE_END

#endif /* QUIRE_TESTKIT_SIM_MMU_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_TESTKIT_SIM_MMU_IMPLEMENTED)
#define QUIRE_TESTKIT_SIM_MMU_IMPLEMENTED

QUIRE_BEGIN

#define QUIRE_SIM_TABLE_PAGES_ 512u

/* ---- Hooks: lock, wait ---- */

static uintptr_t quire_sim_lock_(void *ctx)
{
    struct quire_sim *sim = (struct quire_sim *)ctx;
    uintptr_t key = 0;

    if (quire_sim_owns_(sim)) {
        quire_sim_blame_(sim, QUIRE_SIM_LOCK_TWICE, QUIRE_SIM_NO_CPU, NULL, 0, QUIRE_SIM_NONE_);
        return 0;
    }
    if (sim->config.lock != NULL) {
        key = sim->config.lock(sim->config.user);
    }
    quire_atomic_store(&sim->owner, quire_sim_self_(sim));
    sim->counts.lock++;
    sim->steps++;
    return key;
}

static void quire_sim_unlock_(void *ctx, uintptr_t key)
{
    struct quire_sim *sim = (struct quire_sim *)ctx;

    if (!quire_sim_owns_(sim)) {
        quire_sim_blame_(sim, QUIRE_SIM_LOCK_TWICE, QUIRE_SIM_NO_CPU, NULL, 0, QUIRE_SIM_NONE_);
        return;
    }
    quire_sim_check_dropping_(sim);
    quire_atomic_store(&sim->owner, 0);
    if (sim->config.unlock != NULL) {
        sim->config.unlock(sim->config.user, key);
    }
}

static void quire_sim_wait_(void *ctx, const void *token, uintptr_t key)
{
    struct quire_sim *sim = (struct quire_sim *)ctx;
    uint32_t self = quire_sim_self_(sim);

    sim->counts.wait++;
    sim->steps++;
    if (!quire_sim_owns_(sim)) {
        quire_sim_blame_(sim, QUIRE_SIM_LOCK_MISSING, QUIRE_SIM_NO_CPU, NULL, 0, QUIRE_SIM_NONE_);
        return;
    }
    quire_sim_check_dropping_(sim);
    quire_atomic_store(&sim->owner, 0);
    sim->config.wait(sim->config.user, token, key);
    quire_atomic_store(&sim->owner, self);
}

static void quire_sim_wake_(void *ctx, const void *token)
{
    struct quire_sim *sim = quire_sim_hook_(ctx);

    sim->counts.wake++;
    sim->config.wake(sim->config.user, token);
}

/* ---- Page tables ---- */

/* The tables of a window's pages i..i + n - 1: flags *first..*last of sim->table. */
static void quire_sim_tables_(const struct quire_sim *sim, const struct quire_sim_vm *window, uint32_t i, uint32_t n,
                              uint32_t *first, uint32_t *last)
{
    uintptr_t page = window->va >> QUIRE_PAGE_SHIFT;
    uintptr_t base = page / sim->config.table_pages;

    *first = window->first + (uint32_t)((page + i) / sim->config.table_pages - base);
    *last = window->first + (uint32_t)((page + i + n - 1u) / sim->config.table_pages - base);
}

/* Makes sure of tables for these pages: all that miss, or none. */
static bool quire_sim_tables_take_(struct quire_sim *sim, const struct quire_sim_vm *window, uint32_t i, uint32_t n)
{
    uint32_t missing = 0;
    uint32_t first;
    uint32_t last;
    uint32_t t;

    quire_sim_tables_(sim, window, i, n, &first, &last);
    for (t = first; t <= last; t++) {
        missing += sim->table[t] == 0 ? 1u : 0u;
    }
    if (missing > sim->tables_left) {
        return false;
    }
    if (sim->tables_left != UINT32_MAX) {
        sim->tables_left -= missing;
    }
    sim->tables_used += missing;
    for (t = first; t <= last; t++) {
        sim->table[t] = 1;
    }
    return true;
}

/* Gives back the tables that cover only pages among i..i + n - 1 of the window. */
static void quire_sim_tables_give_(struct quire_sim *sim, const struct quire_sim_vm *window, uint32_t i, uint32_t n)
{
    uint32_t first;
    uint32_t end;
    uint32_t t;
    uint32_t neighbour;

    quire_sim_tables_(sim, window, i, n, &first, &end);
    end++;
    if (i > 0) {
        quire_sim_tables_(sim, window, i - 1u, 1, &neighbour, &t);
        first += neighbour == first ? 1u : 0u;
    }
    if (i + n < window->npages) {
        quire_sim_tables_(sim, window, i + n, 1, &neighbour, &t);
        end -= neighbour == end - 1u ? 1u : 0u;
    }
    for (t = first; t < end; t++) {
        if (sim->table[t] != 0) {
            sim->table[t] = 0;
            sim->tables_used--;
            if (sim->tables_left != UINT32_MAX) {
                sim->tables_left++;
            }
        }
    }
}

/* ---- Hooks: map, unmap, query, reduce, age ---- */

static bool quire_sim_map_fails_(struct quire_sim *sim)
{
    if (sim->fail_map_in > 1) {
        sim->fail_map_in--;
        return false;
    }
    if (sim->fail_map_in == 0 || sim->fail_map_times == 0) {
        return false;
    }
    if (sim->fail_map_times != UINT32_MAX) {
        sim->fail_map_times--;
    }
    return true;
}

/* The one case in which map may meet a valid entry: it says again what is there, and sets the accessed flag. */
static bool quire_sim_map_again_(const struct quire_sim *sim, const struct quire_sim_entry *entry, uint32_t number,
                                 unsigned prot, uint64_t attr)
{
    return (entry->bits & (QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED)) == QUIRE_ENTRY_PRESENT &&
           sim->config.flags != QUIRE_SIM_NO_FLAGS && entry->page == number && (entry->bits & QUIRE_PROT_ALL) == prot &&
           entry->attr == attr;
}

/* What is wrong with showing the page so? */
static enum quire_sim_rule quire_sim_map_rule_(const struct quire_sim *sim, struct quire_vm *vm, uintptr_t va, uint32_t number,
                                               unsigned prot, uint64_t attr)
{
    const struct quire_sim_page *page = &sim->page[number];

    if ((prot & QUIRE_PROT_RWX) == 0 || (prot & ~QUIRE_PROT_ALL) != 0 ||
        (sim->config.permits != NULL && (prot & ~sim->config.permits(sim->config.user, vm, va)) != 0)) {
        return QUIRE_SIM_MAP_PERMISSIVE;
    }
    if (page->entries != 0 && page->attr != attr) {
        return QUIRE_SIM_MAP_ATTR;
    }
    if (page->io == QUIRE_SIM_IO_LOADING || page->io == QUIRE_SIM_IO_FAILED) {
        return QUIRE_SIM_MAP_INCOMPLETE;
    }
    if (page->io == QUIRE_SIM_IO_SAVING && (prot & QUIRE_PROT_WRITE) != 0) {
        return QUIRE_SIM_MAP_SAVING;
    }
    /* Who can write code may be relied on to maintain caches; for content that nobody can write any more, Quire must. */
    if ((prot & QUIRE_PROT_EXEC) != 0 && page->code != QUIRE_SIM_CODE_SYNCED &&
        (page->code == QUIRE_SIM_CODE_UNKNOWN || (page->writable == 0 && (prot & QUIRE_PROT_WRITE) == 0))) {
        return QUIRE_SIM_MAP_UNSYNCED;
    }
    return QUIRE_SIM_NO_RULE;
}

static void quire_sim_map_one_(struct quire_sim *sim, struct quire_vm *vm, uintptr_t va, uint32_t index, uint32_t number,
                               unsigned prot, uint64_t attr)
{
    struct quire_sim_entry *entry = &sim->entry[index];
    enum quire_sim_rule rule = QUIRE_SIM_NO_RULE;
    unsigned cpu = QUIRE_SIM_NO_CPU;
    unsigned i;

    if (quire_sim_map_again_(sim, entry, number, prot, attr)) {
        entry->bits |= QUIRE_ENTRY_ACCESSED;
        sim->counts.map_accessed++;
        return;
    }
    if ((entry->bits & QUIRE_ENTRY_PRESENT) != 0) {
        rule = QUIRE_SIM_MAP_OVER_ENTRY;
    } else {
        cpu = quire_sim_remembers_(sim, index);
        rule = cpu != QUIRE_SIM_NO_CPU ? QUIRE_SIM_MAP_OVER_TLB : quire_sim_map_rule_(sim, vm, va, number, prot, attr);
    }
    if (rule != QUIRE_SIM_NO_RULE) {
        quire_sim_blame_(sim, rule, cpu, vm, va, number);
    }
    sim->page[number].attr = attr;
    entry->attr = attr;
    quire_sim_entry_set_(sim, index, number, (prot & QUIRE_PROT_ALL) | QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED);
    for (i = 0; sim->config.eager && i < sim->config.cpus; i++) {
        struct quire_sim_slot *slot = &sim->slot[(size_t)index * sim->config.cpus + i];

        if ((slot->bits & QUIRE_ENTRY_PRESENT) == 0) {
            quire_sim_slot_fill_(sim, slot, entry);
        }
    }
}

static enum quire_status quire_sim_map_(void *ctx, struct quire_vm *vm, uintptr_t va, struct quire_pa pa, size_t npages,
                                        unsigned prot, uint64_t attr)
{
    struct quire_sim *sim = quire_sim_hook_(ctx);
    uint32_t index = quire_sim_index_hook_(sim, vm, va, npages);
    uint32_t number = quire_sim_page_of_(sim, pa);
    uint32_t i;

    sim->counts.map++;
    if (index == QUIRE_SIM_NONE_) {
        sim->counts.map_failed++;
        return QUIRE_NO_TABLE;
    }
    if (number == QUIRE_SIM_NONE_ || (pa.addr & QUIRE_PAGE_MASK) != 0 || npages > sim->config.pages - number) {
        quire_sim_blame_(sim, QUIRE_SIM_NO_SUCH_ADDRESS, QUIRE_SIM_NO_CPU, vm, va, number);
        sim->counts.map_failed++;
        return QUIRE_NO_TABLE;
    }
    if (quire_sim_map_fails_(sim) ||
        !quire_sim_tables_take_(sim, quire_sim_vm_(sim, vm), index - quire_sim_vm_(sim, vm)->first, (uint32_t)npages)) {
        sim->counts.map_failed++;
        return QUIRE_NO_TABLE;
    }
    for (i = 0; i < npages; i++) {
        quire_sim_map_one_(sim, vm, va + ((uintptr_t)i << QUIRE_PAGE_SHIFT), index + i, number + i, prot, attr);
    }
    return QUIRE_OK;
}

/* Is one of the entries to be refused? Counts it. */
static bool quire_sim_unmap_sticks_(struct quire_sim *sim, uint32_t index, size_t npages)
{
    uint32_t i;

    for (i = 0; i < npages; i++) {
        struct quire_sim_entry *entry = &sim->entry[index + i];

        if ((entry->bits & QUIRE_ENTRY_PRESENT) != 0 && entry->stuck != 0) {
            entry->stuck = (uint16_t)(entry->stuck - (entry->stuck != UINT16_MAX ? 1u : 0u));
            sim->counts.stuck++;
            return true;
        }
    }
    return false;
}

static unsigned quire_sim_unmap_(void *ctx, struct quire_vm *vm, uintptr_t va, size_t npages, struct quire_batch *batch)
{
    struct quire_sim *sim = quire_sim_hook_(ctx);
    uint32_t index = quire_sim_index_hook_(sim, vm, va, npages);
    unsigned was = 0;
    bool sticks;
    uint32_t i;

    (void)batch;
    sim->counts.unmap++;
    if (index == QUIRE_SIM_NONE_) {
        return 0;
    }
    sticks = quire_sim_unmap_sticks_(sim, index, npages);
    for (i = 0; i < npages; i++) {
        was |= sim->entry[index + i].bits;
        if (!sticks) {
            quire_sim_entry_set_(sim, index + i, 0, 0);
        }
    }
    sim->counts.unmap_none += was == 0 ? 1u : 0u;
    return was | (sticks ? QUIRE_ENTRY_STUCK : 0u);
}

static unsigned quire_sim_query_(void *ctx, struct quire_vm *vm, uintptr_t va)
{
    struct quire_sim *sim = quire_sim_hook_(ctx);
    uint32_t index = quire_sim_index_hook_(sim, vm, va, 1);

    sim->counts.query++;
    return index == QUIRE_SIM_NONE_ ? 0 : sim->entry[index].bits;
}

static unsigned quire_sim_reduce_(void *ctx, struct quire_vm *vm, uintptr_t va, unsigned prot, struct quire_batch *batch)
{
    struct quire_sim *sim = quire_sim_hook_(ctx);
    uint32_t index = quire_sim_index_hook_(sim, vm, va, 1);
    unsigned was;

    (void)batch;
    sim->counts.reduce++;
    was = index == QUIRE_SIM_NONE_ ? 0 : sim->entry[index].bits;
    if (was != 0) {
        quire_sim_entry_set_(sim, index, sim->entry[index].page, was & ~QUIRE_ENTRY_DIRTY & ~(QUIRE_PROT_ALL & ~prot));
    }
    return was;
}

static bool quire_sim_age_(void *ctx, struct quire_vm *vm, uintptr_t va)
{
    struct quire_sim *sim = quire_sim_hook_(ctx);
    uint32_t index = quire_sim_index_hook_(sim, vm, va, 1);
    bool was = index != QUIRE_SIM_NONE_ && (sim->entry[index].bits & QUIRE_ENTRY_ACCESSED) != 0;

    sim->counts.age++;
    if (was) {
        sim->entry[index].bits &= (uint8_t)~QUIRE_ENTRY_ACCESSED;
    }
    return was;
}

/* ---- Hooks: flush ---- */

static void quire_sim_flush_range_(struct quire_sim *sim, uint32_t index, uint32_t npages)
{
    size_t first = (size_t)index * sim->config.cpus;
    size_t end = first + (size_t)npages * sim->config.cpus;
    size_t i;

    for (i = first; i < end; i++) {
        sim->counts.flushed_slots += (sim->slot[i].bits & QUIRE_ENTRY_PRESENT) != 0 ? 1u : 0u;
        quire_sim_slot_drop_(sim, &sim->slot[i]);
    }
}

/* All processors forget what the batch names, and nothing else. */
static void quire_sim_flush_batch_(struct quire_sim *sim, const struct quire_batch *batch)
{
    const struct quire_sim_vm *window;
    uint32_t index;
    uint32_t i;

    if (batch->scope == QUIRE_BATCH_ALL) {
        sim->counts.flush_all++;
        quire_sim_flush_range_(sim, 0, sim->entries_used);
    } else if (batch->scope == QUIRE_BATCH_VM) {
        sim->counts.flush_vm++;
        window = quire_sim_vm_(sim, batch->vm);
        if (window != NULL) {
            quire_sim_flush_range_(sim, window->first, window->npages);
        }
    } else {
        sim->counts.flush_empty += batch->n == 0 ? 1u : 0u;
        for (i = 0; i < batch->n; i++) {
            index = quire_sim_index_(sim, batch->entry[i].vm, batch->entry[i].va, 1);
            if (index != QUIRE_SIM_NONE_) {
                quire_sim_flush_range_(sim, index, 1);
            }
        }
    }
}

static void quire_sim_flushing_(const struct quire_sim *sim, const struct quire_batch *batch)
{
    if (sim->config.flushing != NULL) {
        sim->config.flushing(sim->config.user, batch);
    }
}

static void quire_sim_flush_(void *ctx, const struct quire_batch *batch)
{
    struct quire_sim *sim = quire_sim_hook_(ctx);

    sim->counts.flush++;
    sim->flushing++;
    quire_sim_flushing_(sim, batch);
    sim->flushing--;
    quire_sim_flush_batch_(sim, batch);
}

static void quire_sim_flush_unlocked_(void *ctx, const struct quire_batch *batch)
{
    struct quire_sim *sim = (struct quire_sim *)ctx;
    uintptr_t key;
    bool entered = quire_sim_enter_unlocked_(sim, &key);

    sim->counts.flush++;
    sim->steps++;
    sim->flushing++;
    quire_sim_leave_(sim, entered, key);
    quire_sim_flushing_(sim, batch);
    entered = quire_sim_enter_(sim, &key);
    quire_sim_flush_batch_(sim, batch);
    sim->flushing--;
    quire_sim_leave_(sim, entered, key);
}

/* ---- Hooks: code, aliases ---- */

static void quire_sim_sync_code_(void *ctx, void *alias, uintptr_t va, size_t len)
{
    struct quire_sim *sim = quire_sim_hook_(ctx);
    uint32_t number = quire_sim_page_at_(sim, alias);
    struct quire_sim_page *page;

    sim->counts.sync_code++;
    if (number == QUIRE_SIM_NONE_ || len > QUIRE_PAGE_SIZE) {
        quire_sim_blame_(sim, QUIRE_SIM_IO_NO_ALIAS, QUIRE_SIM_NO_CPU, NULL, va, number);
        return;
    }
    page = &sim->page[number];
    if (len != QUIRE_PAGE_SIZE && page->code != QUIRE_SIM_CODE_SYNCED) {
        return; /* part of a page does not make all of it known */
    }
    sim->counts.sync_again += page->code == QUIRE_SIM_CODE_SYNCED ? 1u : 0u;
    page->syncs++;
    page->code = QUIRE_SIM_CODE_SYNCED;
    QUIRE_MEMCPY(quire_sim_byte_(sim->icache, number), alias, len);
}

static void *quire_sim_alias_get_(void *ctx, struct quire_pa pa)
{
    struct quire_sim *sim = quire_sim_hook_(ctx);
    uint32_t number = quire_sim_page_of_(sim, pa);

    sim->counts.alias_get++;
    if (number == QUIRE_SIM_NONE_ || (pa.addr & QUIRE_PAGE_MASK) != 0) {
        quire_sim_blame_(sim, QUIRE_SIM_NO_SUCH_ADDRESS, QUIRE_SIM_NO_CPU, NULL, 0, number);
        return sim->icache; /* bytes that nobody misses */
    }
    /* With unlocked flushes and several threads, the flush may be another operation's, and on its way. */
    if (sim->page[number].stale != 0 && sim->flushing == 0 && (!sim->config.flush_unlocked || sim->config.lock == NULL)) {
        quire_sim_blame_slot_(sim, QUIRE_SIM_ALIAS_STALE, number, 0, true);
    }
    if (sim->aliases != 0 && sim->page[number].io == QUIRE_SIM_IO_FAILED) {
        sim->page[number].io = QUIRE_SIM_IO_NONE; /* two at once: it is copied to (or loaded again, and may fail again) */
    }
    sim->page[number].aliases++;
    sim->aliases++;
    return quire_sim_byte_(sim->memory, number);
}

static void quire_sim_alias_put_(void *ctx, struct quire_pa pa, void *alias)
{
    struct quire_sim *sim = quire_sim_hook_(ctx);
    uint32_t number = quire_sim_page_at_(sim, alias);
    struct quire_sim_page *page;

    sim->counts.alias_put++;
    if (number == QUIRE_SIM_NONE_ || number != quire_sim_page_of_(sim, pa)) {
        quire_sim_blame_(sim, QUIRE_SIM_ALIAS_BALANCE, QUIRE_SIM_NO_CPU, NULL, 0, quire_sim_page_of_(sim, pa));
        return;
    }
    page = &sim->page[number];
    page->aliases--;
    sim->aliases--;
    if (page->code == QUIRE_SIM_CODE_SYNCED &&
        !quire_sim_same_((const unsigned char *)alias, quire_sim_byte_(sim->icache, number))) {
        page->code = QUIRE_SIM_CODE_UNKNOWN;
    }
}

/* ---- Hooks: tables ---- */

static enum quire_status quire_sim_need_tables_(void *ctx, struct quire_vm *vm, uintptr_t va)
{
    struct quire_sim *sim = (struct quire_sim *)ctx;
    uintptr_t key;
    bool entered = quire_sim_enter_unlocked_(sim, &key);
    enum quire_status status = QUIRE_NO_TABLE;
    bool ask = false;

    sim->counts.need_tables++;
    sim->steps++;
    if (sim->fail_tables != 0) {
        sim->fail_tables -= sim->fail_tables != UINT32_MAX ? 1u : 0u;
    } else if (sim->config.need_tables != NULL) {
        ask = true;
    } else if (sim->config.tables_gift != 0 && sim->tables_left != UINT32_MAX) {
        sim->tables_left += sim->config.tables_gift;
        status = QUIRE_OK;
    }
    quire_sim_leave_(sim, entered, key);
    return ask ? sim->config.need_tables(sim->config.user, vm, va) : status;
}

static void quire_sim_table_gone_(void *ctx, struct quire_vm *vm, uintptr_t va, size_t npages)
{
    struct quire_sim *sim = quire_sim_hook_(ctx);
    const struct quire_sim_vm *window = quire_sim_vm_(sim, vm);
    uintptr_t last;
    uintptr_t first;
    uintptr_t i;

    sim->counts.table_gone++;
    if (window == NULL || !quire_va_range(va, npages, &last)) {
        quire_sim_blame_(sim, QUIRE_SIM_NO_SUCH_ADDRESS, QUIRE_SIM_NO_CPU, vm, va, QUIRE_SIM_NONE_);
        return;
    }
    if (last < window->va || (va > window->va && (va - window->va) >> QUIRE_PAGE_SHIFT >= window->npages)) {
        return;
    }
    first = va > window->va ? (va - window->va) >> QUIRE_PAGE_SHIFT : 0;
    last = (last - window->va) >> QUIRE_PAGE_SHIFT;
    last = last < window->npages ? last : window->npages - 1u;
    for (i = first; i <= last; i++) {
        uint32_t index = window->first + (uint32_t)i;
        unsigned cpu = quire_sim_remembers_(sim, index);

        if ((sim->entry[index].bits & QUIRE_ENTRY_PRESENT) != 0 || cpu != QUIRE_SIM_NO_CPU) {
            quire_sim_blame_(sim, QUIRE_SIM_TABLE_IN_USE, cpu, vm, window->va + (i << QUIRE_PAGE_SHIFT), QUIRE_SIM_NONE_);
        }
    }
    quire_sim_tables_give_(sim, window, (uint32_t)first, (uint32_t)(last - first) + 1u);
}

/* ---- Set-up ---- */

static bool quire_sim_config_valid_(const struct quire_sim_config *config)
{
    uint64_t last = ((uint64_t)config->pages << QUIRE_PAGE_SHIFT) - 1u;

    return config->cpus >= 1 && config->cpus <= 64 && config->vms >= 1 && config->pages >= 1 && config->entries >= 1 &&
           config->entries < QUIRE_SIM_NONE_ && config->pages < QUIRE_SIM_NONE_ && (config->pa.addr & QUIRE_PAGE_MASK) == 0 &&
           config->pa.addr + last >= config->pa.addr && config->storage != NULL && config->flags <= QUIRE_SIM_NO_FLAGS &&
           (config->lock == NULL) == (config->unlock == NULL) && (config->lock == NULL) == (config->self == NULL) &&
           (config->wait == NULL) == (config->wake == NULL) &&
           !(config->lockless && (config->lock != NULL || config->wait != NULL));
}

static void *quire_sim_carve_(unsigned char **at, size_t bytes)
{
    void *here = *at;

    *at += (bytes + 7u) & ~(size_t)7u;
    return here;
}

static void quire_sim_carve_all_(struct quire_sim *sim)
{
    const struct quire_sim_config *config = &sim->config;
    uintptr_t unaligned = (uintptr_t)config->storage & QUIRE_PAGE_MASK;
    unsigned char *at = (unsigned char *)config->storage + (unaligned != 0 ? QUIRE_PAGE_SIZE - unaligned : 0);

    sim->memory = (unsigned char *)quire_sim_carve_(&at, (size_t)config->pages * QUIRE_PAGE_SIZE);
    sim->icache = (unsigned char *)quire_sim_carve_(&at, (size_t)config->pages * QUIRE_PAGE_SIZE);
    sim->page = (struct quire_sim_page *)quire_sim_carve_(&at, config->pages * sizeof *sim->page);
    sim->vm = (struct quire_sim_vm *)quire_sim_carve_(&at, config->vms * sizeof *sim->vm);
    sim->entry = (struct quire_sim_entry *)quire_sim_carve_(&at, config->entries * sizeof *sim->entry);
    sim->slot = (struct quire_sim_slot *)quire_sim_carve_(&at, (size_t)config->entries * config->cpus * sizeof *sim->slot);
    sim->table = (uint8_t *)quire_sim_carve_(&at, config->entries);
}

static void quire_sim_hook_table_(struct quire_sim *sim)
{
    struct quire_mmu *mmu = &sim->mmu;
    enum quire_sim_flags flags = sim->config.flags;

    mmu->ctx = sim;
    mmu->features = (flags <= QUIRE_SIM_HW_ACCESSED ? QUIRE_MMU_HW_ACCESSED : 0u) |
                    (flags == QUIRE_SIM_HW_ACCESSED_DIRTY ? QUIRE_MMU_HW_DIRTY : 0u) |
                    (sim->config.flush_unlocked ? QUIRE_MMU_FLUSH_UNLOCKED : 0u);
    mmu->map = quire_sim_map_;
    mmu->unmap = quire_sim_unmap_;
    mmu->query = quire_sim_query_;
    mmu->reduce = quire_sim_reduce_;
    mmu->age = flags != QUIRE_SIM_NO_FLAGS ? quire_sim_age_ : NULL;
    mmu->flush = sim->config.flush_unlocked ? quire_sim_flush_unlocked_ : quire_sim_flush_;
    mmu->sync_code = quire_sim_sync_code_;
    mmu->alias_get = quire_sim_alias_get_;
    mmu->alias_put = quire_sim_alias_put_;
    mmu->need_tables = quire_sim_need_tables_;
    mmu->table_gone = quire_sim_table_gone_;
    mmu->lock = sim->config.lockless ? NULL : quire_sim_lock_;
    mmu->unlock = sim->config.lockless ? NULL : quire_sim_unlock_;
    mmu->wait = sim->config.wait != NULL ? quire_sim_wait_ : NULL;
    mmu->wake = sim->config.wait != NULL ? quire_sim_wake_ : NULL;
}

QUIRE_API enum quire_status quire_sim_init(struct quire_sim *sim, const struct quire_sim_config *config)
{
    if (sim == NULL || config == NULL || !quire_sim_config_valid_(config)) {
        return QUIRE_INVALID;
    }
    if (config->bytes < QUIRE_SIM_BYTES(config->cpus, config->vms, config->pages, config->entries)) {
        return QUIRE_NO_MEMORY;
    }
    QUIRE_MEMSET(sim, 0, sizeof *sim);
    QUIRE_MEMSET(config->storage, 0, config->bytes);
    sim->config = *config;
    sim->config.table_pages = config->table_pages != 0 ? config->table_pages : QUIRE_SIM_TABLE_PAGES_;
    sim->tables_left = config->tables != 0 ? config->tables : UINT32_MAX;
    sim->random = config->seed * 2u + 1u; /* never 0 */
    quire_sim_carve_all_(sim);
    quire_sim_hook_table_(sim);
    return QUIRE_OK;
}

/* A window given back that has this size, else a new one. */
static struct quire_sim_vm *quire_sim_window_(struct quire_sim *sim, uint32_t npages)
{
    uint32_t i;

    for (i = 0; i < sim->config.vms; i++) {
        if (sim->vm[i].vm == NULL && sim->vm[i].npages == npages) {
            return &sim->vm[i];
        }
    }
    for (i = 0; i < sim->config.vms; i++) {
        if (sim->vm[i].npages == 0 && npages <= sim->config.entries - sim->entries_used) {
            sim->vm[i].first = sim->entries_used;
            sim->vm[i].npages = npages;
            sim->entries_used += npages;
            return &sim->vm[i];
        }
    }
    return NULL;
}

QUIRE_API enum quire_status quire_sim_add_vm(struct quire_sim *sim, struct quire_vm *vm, uintptr_t va, uint32_t npages)
{
    enum quire_status status = QUIRE_OK;
    struct quire_sim_vm *window;
    uintptr_t last;
    uintptr_t key;
    bool entered;

    if (vm == NULL || !quire_va_range(va, npages, &last)) {
        return QUIRE_INVALID;
    }
    entered = quire_sim_enter_(sim, &key);
    if (quire_sim_vm_(sim, vm) != NULL) {
        status = QUIRE_EXISTS;
    } else {
        window = quire_sim_window_(sim, npages);
        status = window != NULL ? QUIRE_OK : QUIRE_NO_MEMORY;
        if (window != NULL) {
            window->vm = vm;
            window->va = va;
        }
    }
    quire_sim_leave_(sim, entered, key);
    return status;
}

QUIRE_API enum quire_status quire_sim_remove_vm(struct quire_sim *sim, struct quire_vm *vm)
{
    uintptr_t key;
    bool entered = quire_sim_enter_(sim, &key);
    struct quire_sim_vm *window = quire_sim_vm_(sim, vm);
    uint32_t i;

    for (i = 0; window != NULL && i < window->npages; i++) {
        struct quire_sim_entry *entry = &sim->entry[window->first + i];
        unsigned cpu = quire_sim_remembers_(sim, window->first + i);

        if ((entry->bits & QUIRE_ENTRY_PRESENT) != 0 || cpu != QUIRE_SIM_NO_CPU) {
            quire_sim_blame_(sim, QUIRE_SIM_VM_IN_USE, cpu, vm, window->va + ((uintptr_t)i << QUIRE_PAGE_SHIFT),
                             QUIRE_SIM_NONE_);
        }
        entry->stuck = 0;
        quire_sim_entry_set_(sim, window->first + i, 0, 0);
        quire_sim_flush_range_(sim, window->first + i, 1);
    }
    if (window != NULL) {
        quire_sim_tables_give_(sim, window, 0, window->npages);
        window->vm = NULL;
        sim->recent = NULL;
    }
    quire_sim_leave_(sim, entered, key);
    return window != NULL ? QUIRE_OK : QUIRE_NOT_FOUND;
}

/* ---- Failures on command ---- */

QUIRE_API void quire_sim_fail_map(struct quire_sim *sim, uint32_t nth, uint32_t times)
{
    uintptr_t key;
    bool entered = quire_sim_enter_(sim, &key);

    sim->fail_map_in = nth;
    sim->fail_map_times = times;
    quire_sim_leave_(sim, entered, key);
}

QUIRE_API enum quire_status quire_sim_stick(struct quire_sim *sim, const struct quire_vm *vm, uintptr_t va, uint32_t times)
{
    uintptr_t key;
    bool entered = quire_sim_enter_(sim, &key);
    uint32_t index = quire_sim_index_(sim, vm, va, 1);

    if (index != QUIRE_SIM_NONE_) {
        sim->entry[index].stuck = (uint16_t)(times < UINT16_MAX ? times : UINT16_MAX);
    }
    quire_sim_leave_(sim, entered, key);
    return index != QUIRE_SIM_NONE_ ? QUIRE_OK : QUIRE_NOT_FOUND;
}

QUIRE_API void quire_sim_fail_tables(struct quire_sim *sim, uint32_t times)
{
    uintptr_t key;
    bool entered = quire_sim_enter_(sim, &key);

    sim->fail_tables = times;
    quire_sim_leave_(sim, entered, key);
}

QUIRE_API void quire_sim_give_tables(struct quire_sim *sim, uint32_t n)
{
    uintptr_t key;
    bool entered = quire_sim_enter_(sim, &key);

    if (sim->tables_left != UINT32_MAX) {
        sim->tables_left = n < UINT32_MAX - sim->tables_left ? sim->tables_left + n : UINT32_MAX;
    }
    quire_sim_leave_(sim, entered, key);
}

QUIRE_END

#endif
