/* quire/testkit/sim_machine.h - the simulated machine's state, and the oracle that judges it. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_TESTKIT_SIM_MACHINE_H
#define QUIRE_TESTKIT_SIM_MACHINE_H

#include "../base.h"
#include "../mmu.h"

/*
 * What sim_mmu.h (the hooks), sim_cpu.h (the processors) and sim_store.h (what stores do) have in common. Begin with sim_mmu.h.
 *
 *     processor 0: TLB [vm, va -> page, rights] ...         page tables: entry per (vm, va): page, rights, flags
 *     processor 1: TLB [vm, va -> page, rights] ...                  |
 *            |                                                       v
 *            +---------------------------------------->  physical pages: bytes, i-cache copy, who still sees it
 *
 * The oracle knows the rules of mmu.h and records the first step after which a real processor could have gone wrong: see
 * enum quire_sim_rule. It never stops the machine: what a real one would do next is done.
 *
 * Invariants: a TLB slot is stale exactly if it gives more than its entry (another page, a permission, a dirty flag that the
 * entry lacks); the counts of a page are those of the entries, slots and aliases that show it.
 */
QUIRE_BEGIN

/* ---- The rules ---- */

enum quire_sim_rule {
    QUIRE_SIM_NO_RULE,
    QUIRE_SIM_LOCK_MISSING,      /* a hook was called without the lock */
    QUIRE_SIM_LOCK_HELD,         /* need_tables, an unlocked flush or a store was called with the lock */
    QUIRE_SIM_LOCK_TWICE,        /* the lock was taken by its holder, given back by somebody else, or kept */
    QUIRE_SIM_UNLOCK_STALE,      /* the lock was dropped after unmap or reduce, and before the flush */
    QUIRE_SIM_NO_SUCH_ADDRESS,   /* a hook named a context, address or physical page that is not there */
    QUIRE_SIM_MAP_OVER_ENTRY,    /* map over a valid entry (setting its accessed flag again is fine) */
    QUIRE_SIM_MAP_OVER_TLB,      /* map where a processor still remembers an older entry: break before make */
    QUIRE_SIM_MAP_PERMISSIVE,    /* an entry permits nothing, or more than config.permits says */
    QUIRE_SIM_MAP_ATTR,          /* a page shows with two attributes */
    QUIRE_SIM_MAP_INCOMPLETE,    /* a page was mapped while it was being loaded, or after its load failed */
    QUIRE_SIM_MAP_SAVING,        /* a page was mapped writable while it was being saved */
    QUIRE_SIM_MAP_UNSYNCED,      /* a page was mapped executable before sync_code */
    QUIRE_SIM_ACCESS_STALE,      /* a processor used a translation that the table no longer gives */
    QUIRE_SIM_ACCESS_DENIED,     /* a processor did what config.permits does not permit */
    QUIRE_SIM_EXEC_UNSYNCED,     /* a processor fetched instructions that its i-cache may know differently */
    QUIRE_SIM_LOAD_MAPPED,       /* a load began while an entry showed the page */
    QUIRE_SIM_LOAD_CACHED,       /* a load began while a processor remembered a translation to the page */
    QUIRE_SIM_LOAD_UNWIPED,      /* a load by a store that may not fill the page began with old bytes in it */
    QUIRE_SIM_SAVE_WRITABLE,     /* a save began while an entry, or a processor that remembers one, could write the page */
    QUIRE_SIM_IO_TWICE,          /* a store was given a page that a store was working on */
    QUIRE_SIM_IO_NO_ALIAS,       /* a store, or sync_code, was given an address that no alias_get returned */
    QUIRE_SIM_DEVICE_INCOMPLETE, /* a device used a page that was being loaded */
    QUIRE_SIM_ALIAS_STALE,       /* an alias of a page was taken before its entries' removal was flushed */
    QUIRE_SIM_ALIAS_BALANCE,     /* alias_put without alias_get, of the wrong page, or forgotten */
    QUIRE_SIM_TABLE_IN_USE,      /* table_gone where an entry, or a processor that remembers one, is left */
    QUIRE_SIM_VM_IN_USE,         /* a context ended with an entry, or a processor that remembers one, left */
    QUIRE_SIM_UNSETTLED,         /* after an operation a processor remembers what the table no longer gives */
    QUIRE_SIM_RULES
};

#define QUIRE_SIM_NO_CPU (~0u)

struct quire_sim_violation {
    enum quire_sim_rule rule;
    const char *what;    /* the rule in words */
    unsigned cpu;        /* a processor at fault, or QUIRE_SIM_NO_CPU */
    struct quire_vm *vm; /* a context at fault, or null */
    uintptr_t va;        /* with vm: the address */
    struct quire_pa pa;  /* the physical page, all ones if none is at fault */
    uint64_t step;       /* hook calls and accesses before it: a seeded run stops there again */
};

/* ---- Configuration ---- */

enum quire_sim_flags {
    QUIRE_SIM_HW_ACCESSED_DIRTY, /* the processor sets both flags */
    QUIRE_SIM_HW_ACCESSED,       /* it sets accessed; dirty is seen by read-only mapping */
    QUIRE_SIM_AF_FAULT,          /* an entry without accessed flag faults; `age` clears the flag */
    QUIRE_SIM_NO_FLAGS           /* no flags at all: `age` is null */
};

/* Zero-initialise it; fields marked (must) are to be set. Callbacks get `user`. */
struct quire_sim_config {
    unsigned cpus;      /* (must) processors, 1..64 */
    uint32_t vms;       /* (must) contexts at a time */
    uint32_t pages;     /* (must) physical pages ... */
    struct quire_pa pa; /* ... from here */
    uint32_t entries;   /* (must) pages of address space, all contexts together */
    void *storage; /* (must) QUIRE_SIM_BYTES(cpus, vms, pages, entries) bytes, any alignment, living as long as the machine */
    size_t bytes;  /* (must) how many there are */

    enum quire_sim_flags flags;
    bool flush_unlocked;  /* QUIRE_MMU_FLUSH_UNLOCKED: flush is called without the lock */
    bool lockless;        /* the table's lock and wait hooks are null, and no rule about the lock is checked */
    bool eager;           /* every processor remembers an entry as soon as it is made, as speculation may: finds more */
    uint32_t forget;      /* one access in so many (pseudo-random) finds its TLB entry replaced by others; 0: never */
    uint64_t seed;        /* of `forget` */
    uint32_t table_pages; /* pages that one page table covers; 0: 512 */
    uint32_t tables;      /* page tables to be had; 0: as many as needed. need_tables may add some */
    uint32_t tables_gift; /* tables that each need_tables adds, unless the callback below is there; 0: it fails */

    void *user;
    uintptr_t (*lock)(void *user);             /* the lock and its siblings, for several threads; null: one thread */
    void (*unlock)(void *user, uintptr_t key); /* with lock */
    uint32_t (*self)(void *user);              /* with lock: this thread, never 0 */
    void (*wait)(void *user, const void *token, uintptr_t key); /* both or neither; may be there without lock */
    void (*wake)(void *user, const void *token);

    unsigned (*permits)(void *user, struct quire_vm *vm,
                        uintptr_t va); /* QUIRE_PROT_* that this page may have; null: unchecked */
    enum quire_status (*need_tables)(void *user, struct quire_vm *vm, uintptr_t va); /* without the lock; may drop a range */
    void (*flushing)(void *user,
                     const struct quire_batch *batch); /* before a flush takes effect: what other processors do then */
};

/* ---- The machine ---- */

struct quire_sim_entry {
    uint64_t attr;
    uint32_t page;  /* index of the physical page */
    uint16_t stuck; /* so many calls of unmap will be refused; 0xffff: all */
    uint8_t bits;   /* QUIRE_ENTRY_*; without PRESENT there is none */
};

struct quire_sim_slot { /* what one processor remembers of one (vm, va) */
    uint32_t page;
    uint8_t bits; /* QUIRE_ENTRY_*: permissions, PRESENT, DIRTY as when it was last walked */
    bool stale;   /* the table no longer gives it */
};

struct quire_sim_page {
    uint64_t attr;           /* of the entries that show it */
    uint32_t entries;        /* entries that show it ... */
    uint32_t writable;       /* ... and permit writes */
    uint32_t slots;          /* TLB slots that show it ... */
    uint32_t writable_slots; /* ... and permit writes */
    uint32_t stale;          /* slots that show it and are stale */
    uint32_t aliases;        /* alias_get without alias_put */
    uint32_t loads;          /* of this page, so far */
    uint32_t syncs;          /* sync_code calls since the last load */
    uint8_t io;              /* what a store does with it: enum quire_sim_io */
    uint8_t code;            /* what the i-cache knows of it: enum quire_sim_code */
};

enum quire_sim_io { QUIRE_SIM_IO_NONE, QUIRE_SIM_IO_LOADING, QUIRE_SIM_IO_SAVING, QUIRE_SIM_IO_FAILED };

enum quire_sim_code {
    QUIRE_SIM_CODE_UNKNOWN, /* not this content */
    QUIRE_SIM_CODE_SYNCED,  /* exactly this content */
    QUIRE_SIM_CODE_WRITTEN  /* a processor wrote since: its program's own affair while it can write there */
};

struct quire_sim_vm {
    struct quire_vm *vm; /* null: none now */
    uintptr_t va;
    uint32_t npages;
    uint32_t first; /* its entries are first..first + npages - 1 */
};

struct quire_sim_counts {                   /* calls since init */
    uint64_t map, map_failed, map_accessed; /* all; of these NO_TABLE; of these only to set the accessed flag */
    uint64_t unmap, unmap_none, stuck;      /* all; of these without an entry; of these refused */
    uint64_t query, reduce, age;
    uint64_t flush, flush_empty, flush_vm, flush_all; /* all; of these with an empty batch, of scope VM, of scope ALL */
    uint64_t flushed_slots;                           /* translations that processors forgot by flushes */
    uint64_t sync_code, sync_again;                   /* all; of these of content that was in sync already */
    uint64_t alias_get, alias_put, need_tables, table_gone, lock, wait, wake;
    uint64_t loads, saves;  /* begun, as far as stores tell (sim_store.h) */
    uint64_t access, walks; /* processors' accesses; of these not found in the TLB */
    uint64_t translation_faults, permission_faults, accessed_faults;
};

struct quire_sim {
    struct quire_mmu mmu; /* the hook table: alter it to plant defects */
    struct quire_sim_config config;
    struct quire_sim_counts counts;
    struct quire_sim_violation violation; /* the first */
    uint64_t violations;                  /* how many there were */
    unsigned char *memory;                /* config.pages pages */
    unsigned char *icache;                /* and what the i-cache knows of them */
    struct quire_sim_page *page;
    struct quire_sim_entry *entry;
    struct quire_sim_slot *slot; /* [entry * cpus + cpu] */
    struct quire_sim_vm *vm;
    struct quire_sim_vm *recent;
    uint8_t *table;        /* is there a table? A window's are from its first entry on */
    uint32_t entries_used; /* entries given to windows */
    uint32_t tables_left;  /* UINT32_MAX: no limit */
    uint32_t tables_used;
    uint32_t stale;          /* stale slots, all pages */
    uint32_t aliases;        /* aliases out */
    uint32_t fail_map_in;    /* the n-th map from now fails ... */
    uint32_t fail_map_times; /* ... and so many in all */
    uint32_t fail_tables;    /* so many calls of need_tables will fail */
    uint32_t flushing;       /* flushes that have begun and not ended */
    uint64_t steps;          /* hook calls and accesses so far */
    uint32_t owner;          /* who holds the lock, 0: nobody; atomic */
    uint64_t random;
};

/* Bytes of storage a machine needs. */
#define QUIRE_SIM_BYTES(cpus, vms, pages, entries)                                                                            \
    ((size_t)(pages) * (2u * QUIRE_PAGE_SIZE + sizeof(struct quire_sim_page)) + (size_t)(vms) * sizeof(struct quire_sim_vm) + \
     (size_t)(entries) * (1u + sizeof(struct quire_sim_entry) + (size_t)(cpus) * sizeof(struct quire_sim_slot)) +             \
     QUIRE_PAGE_SIZE + 64u)

/* ---- The oracle ---- */

/* The first violation, null if there is none. Read it when no other thread runs on the machine. O(1), no lock. */
static inline const struct quire_sim_violation *quire_sim_first_violation(const struct quire_sim *sim)
{
    return sim->violation.rule == QUIRE_SIM_NO_RULE ? NULL : &sim->violation;
}

/* A rule in words; "?" for none. Never null. */
QUIRE_API const char *quire_sim_rule_text(enum quire_sim_rule rule) QUIRE_SYM(quire_sim_rule_text);

/* Forgets the violations seen. Takes the lock. */
QUIRE_API void quire_sim_forgive(struct quire_sim *sim) QUIRE_SYM(quire_sim_forgive);

/* To be called when no operation of Quire is in flight: is the lock free (LOCK_TWICE), are all aliases back
 * (ALIAS_BALANCE), and does no processor remember what the table no longer gives (UNSETTLED)? Returns whether no rule was
 * ever violated. Takes the lock. O(1). */
QUIRE_API bool quire_sim_settled(struct quire_sim *sim) QUIRE_SYM(quire_sim_settled);

/* The bytes of the physical page at `pa`, bypassing everything; null if there is none. O(1), no lock. */
QUIRE_API unsigned char *quire_sim_bytes(const struct quire_sim *sim, struct quire_pa pa) QUIRE_SYM(quire_sim_bytes);

QUIRE_END

#endif /* QUIRE_TESTKIT_SIM_MACHINE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_TESTKIT_SIM_MACHINE_IMPLEMENTED)
#define QUIRE_TESTKIT_SIM_MACHINE_IMPLEMENTED

QUIRE_BEGIN

#define QUIRE_SIM_NONE_ UINT32_MAX

/* What the other headers of the machine use as well is marked unused: this one may be included alone. */

/* ---- Recording violations ---- */

QUIRE_API const char *quire_sim_rule_text(enum quire_sim_rule rule)
{
    static const char *const text[] = {
        "",
        "a hook was called without the lock",
        "need_tables, an unlocked flush or a store was called with the lock held",
        "the lock was taken by its holder, given back by somebody else, or kept",
        "the lock was dropped between the change of an entry and its flush",
        "a hook named a context, address or page that is not there",
        "map over a valid entry",
        "map while a processor still remembers the entry that was there before",
        "an entry permits nothing, or more than it may",
        "a page shows with two attributes",
        "a page was mapped before its load succeeded",
        "a page was mapped writable while it was being saved",
        "a page was mapped executable before sync_code",
        "a processor used a translation that the table no longer gives",
        "a processor did what its context does not permit",
        "a processor fetched instructions that its i-cache may know differently",
        "a load began while an entry showed the page",
        "a load began while a processor remembered a translation to the page",
        "a page was not wiped before a load that may not fill it",
        "a save began while a processor could write the page",
        "a store was given a page that a store was working on",
        "a store or sync_code was given an address that is no alias",
        "a device used a page that was being loaded",
        "an alias was taken before the removal of the page's entries was flushed",
        "alias_put without alias_get, or an alias kept",
        "table_gone while an entry, or a processor that remembers one, is left",
        "a context ended while an entry, or a processor that remembers one, is left",
        "after an operation a processor remembers what the table no longer gives",
    };

    QUIRE_STATIC_ASSERT(sizeof text / sizeof text[0] == QUIRE_SIM_RULES, each_rule_has_words);
    return rule > QUIRE_SIM_NO_RULE && rule < QUIRE_SIM_RULES ? text[rule] : "?";
}

static struct quire_pa quire_sim_pa_(const struct quire_sim *sim, uint32_t page)
{
    return quire_pa_make(page == QUIRE_SIM_NONE_ ? UINT64_MAX : sim->config.pa.addr + ((uint64_t)page << QUIRE_PAGE_SHIFT));
}

static QUIRE_UNUSED void quire_sim_blame_(struct quire_sim *sim, enum quire_sim_rule rule, unsigned cpu, struct quire_vm *vm,
                                          uintptr_t va, uint32_t page)
{
    if (sim->violations++ != 0) {
        return;
    }
    sim->violation.rule = rule;
    sim->violation.what = quire_sim_rule_text(rule);
    sim->violation.cpu = cpu;
    sim->violation.vm = vm;
    sim->violation.va = va;
    sim->violation.pa = quire_sim_pa_(sim, page);
    sim->violation.step = sim->steps;
}

/* The context and address of an entry. */
static void quire_sim_place_(const struct quire_sim *sim, uint32_t index, struct quire_vm **vm, uintptr_t *va)
{
    uint32_t i;

    *vm = NULL;
    *va = 0;
    for (i = 0; i < sim->config.vms; i++) {
        if (index - sim->vm[i].first < sim->vm[i].npages) {
            *vm = sim->vm[i].vm;
            *va = sim->vm[i].va + ((uintptr_t)(index - sim->vm[i].first) << QUIRE_PAGE_SHIFT);
        }
    }
}

/* Blames a TLB slot: the first that shows `page` (or any), has all of `bits`, and is stale if it is to be. */
static QUIRE_UNUSED void quire_sim_blame_slot_(struct quire_sim *sim, enum quire_sim_rule rule, uint32_t page, unsigned bits,
                                               bool stale)
{
    size_t n = (size_t)sim->entries_used * sim->config.cpus;
    struct quire_vm *vm = NULL;
    uintptr_t va = 0;
    size_t i;

    for (i = 0; sim->violations == 0 && i < n; i++) {
        const struct quire_sim_slot *slot = &sim->slot[i];

        if ((slot->bits & QUIRE_ENTRY_PRESENT) != 0 && (slot->bits & bits) == bits &&
            (page == QUIRE_SIM_NONE_ || slot->page == page) && (slot->stale || !stale)) {
            quire_sim_place_(sim, (uint32_t)(i / sim->config.cpus), &vm, &va);
            quire_sim_blame_(sim, rule, (unsigned)(i % sim->config.cpus), vm, va, slot->page);
            return;
        }
    }
    quire_sim_blame_(sim, rule, QUIRE_SIM_NO_CPU, NULL, 0, page);
}

/* Blames an entry: the first that shows `page` and has all of `bits`. */
static QUIRE_UNUSED void quire_sim_blame_entry_(struct quire_sim *sim, enum quire_sim_rule rule, uint32_t page, unsigned bits)
{
    struct quire_vm *vm = NULL;
    uintptr_t va = 0;
    uint32_t i;

    for (i = 0; sim->violations == 0 && i < sim->entries_used; i++) {
        const struct quire_sim_entry *entry = &sim->entry[i];

        if ((entry->bits & QUIRE_ENTRY_PRESENT) != 0 && (entry->bits & bits) == bits && entry->page == page) {
            quire_sim_place_(sim, i, &vm, &va);
            break;
        }
    }
    quire_sim_blame_(sim, rule, QUIRE_SIM_NO_CPU, vm, va, page);
}

/* ---- The lock ---- */

static QUIRE_UNUSED uint32_t quire_sim_self_(const struct quire_sim *sim)
{
    return sim->config.self != NULL ? sim->config.self(sim->config.user) : 1u;
}

/* Does this thread hold the lock? `owner` is only ever set to a thread's number by that thread, so the answer is exact. */
static QUIRE_UNUSED bool quire_sim_owns_(const struct quire_sim *sim)
{
    return quire_atomic_load(&sim->owner) == quire_sim_self_(sim);
}

/* With FLUSH_UNLOCKED a removal may be in flight whenever the lock is free; otherwise never. */
static QUIRE_UNUSED void quire_sim_check_dropping_(struct quire_sim *sim)
{
    if (!sim->config.flush_unlocked && sim->stale != 0) {
        quire_sim_blame_slot_(sim, QUIRE_SIM_UNLOCK_STALE, QUIRE_SIM_NONE_, 0, true);
    }
}

/* Takes the lock for the simulator's own sake, if this thread does not have it; true: quire_sim_leave_ is to give it back. */
static QUIRE_UNUSED bool quire_sim_enter_(struct quire_sim *sim, uintptr_t *key)
{
    *key = 0;
    if (sim->config.lockless || quire_sim_owns_(sim)) {
        return false;
    }
    if (sim->config.lock != NULL) {
        *key = sim->config.lock(sim->config.user);
    }
    quire_atomic_store(&sim->owner, quire_sim_self_(sim));
    return true;
}

static QUIRE_UNUSED void quire_sim_leave_(struct quire_sim *sim, bool entered, uintptr_t key)
{
    if (entered) {
        quire_atomic_store(&sim->owner, 0);
        if (sim->config.unlock != NULL) {
            sim->config.unlock(sim->config.user, key);
        }
    }
}

/* Every hook that must have the lock begins here. */
static QUIRE_UNUSED struct quire_sim *quire_sim_hook_(void *ctx)
{
    struct quire_sim *sim = (struct quire_sim *)ctx;

    if (!sim->config.lockless && !quire_sim_owns_(sim)) {
        quire_sim_blame_(sim, QUIRE_SIM_LOCK_MISSING, QUIRE_SIM_NO_CPU, NULL, 0, QUIRE_SIM_NONE_);
    }
    sim->steps++;
    return sim;
}

/* And everything that must not have it, here; then it is taken, for the simulator. */
static QUIRE_UNUSED bool quire_sim_enter_unlocked_(struct quire_sim *sim, uintptr_t *key)
{
    if (!sim->config.lockless && quire_sim_owns_(sim)) {
        quire_sim_blame_(sim, QUIRE_SIM_LOCK_HELD, QUIRE_SIM_NO_CPU, NULL, 0, QUIRE_SIM_NONE_);
    }
    return quire_sim_enter_(sim, key);
}

/* ---- Finding things ---- */

static QUIRE_UNUSED struct quire_sim_vm *quire_sim_vm_(struct quire_sim *sim, const struct quire_vm *vm)
{
    uint32_t i;

    if (sim->recent != NULL && sim->recent->vm == vm) {
        return sim->recent;
    }
    for (i = 0; i < sim->config.vms; i++) {
        if (sim->vm[i].vm == vm && vm != NULL) {
            sim->recent = &sim->vm[i];
            return sim->recent;
        }
    }
    return NULL;
}

/* The entry of (vm, va), QUIRE_SIM_NONE_ if the window does not hold all of the range. */
static QUIRE_UNUSED uint32_t quire_sim_index_(struct quire_sim *sim, const struct quire_vm *vm, uintptr_t va, size_t npages)
{
    const struct quire_sim_vm *window = quire_sim_vm_(sim, vm);
    uintptr_t i;

    if (window == NULL) {
        return QUIRE_SIM_NONE_;
    }
    i = (va - window->va) >> QUIRE_PAGE_SHIFT;
    return va >= window->va && i < window->npages && npages - 1u < window->npages - i ? window->first + (uint32_t)i
                                                                                      : QUIRE_SIM_NONE_;
}

/* The same for a hook, which must name pages that are there. */
static QUIRE_UNUSED uint32_t quire_sim_index_hook_(struct quire_sim *sim, struct quire_vm *vm, uintptr_t va, size_t npages)
{
    uint32_t index = (va & QUIRE_PAGE_MASK) == 0 ? quire_sim_index_(sim, vm, va, npages) : QUIRE_SIM_NONE_;

    if (index == QUIRE_SIM_NONE_) {
        quire_sim_blame_(sim, QUIRE_SIM_NO_SUCH_ADDRESS, QUIRE_SIM_NO_CPU, vm, va, QUIRE_SIM_NONE_);
    }
    return index;
}

/* The page that holds the physical address, QUIRE_SIM_NONE_ if there is none. */
static QUIRE_UNUSED uint32_t quire_sim_page_of_(const struct quire_sim *sim, struct quire_pa pa)
{
    uint64_t page = (pa.addr - sim->config.pa.addr) >> QUIRE_PAGE_SHIFT;

    return pa.addr >= sim->config.pa.addr && page < sim->config.pages ? (uint32_t)page : QUIRE_SIM_NONE_;
}

/* The page whose alias `alias` is, QUIRE_SIM_NONE_ if it is none that alias_get has given out. */
static QUIRE_UNUSED uint32_t quire_sim_page_at_(const struct quire_sim *sim, const void *alias)
{
    uintptr_t offset = (uintptr_t)alias - (uintptr_t)sim->memory;
    uintptr_t page = offset >> QUIRE_PAGE_SHIFT;

    if ((uintptr_t)alias < (uintptr_t)sim->memory || (offset & QUIRE_PAGE_MASK) != 0 || page >= sim->config.pages ||
        sim->page[page].aliases == 0) {
        return QUIRE_SIM_NONE_;
    }
    return (uint32_t)page;
}

/* A page's bytes in `base`: the memory, or the i-cache. */
static QUIRE_UNUSED unsigned char *quire_sim_byte_(unsigned char *base, uint32_t page)
{
    return base + ((size_t)page << QUIRE_PAGE_SHIFT);
}

/* Are two pages the same (null: is the page zero)? */
static QUIRE_UNUSED bool quire_sim_same_(const unsigned char *a, const unsigned char *b)
{
    uint64_t x;
    uint64_t y = 0;
    size_t i;

    for (i = 0; i < QUIRE_PAGE_SIZE; i += sizeof x) {
        QUIRE_MEMCPY(&x, a + i, sizeof x);
        if (b != NULL) {
            QUIRE_MEMCPY(&y, b + i, sizeof y);
        }
        if (x != y) {
            return false;
        }
    }
    return true;
}

/* ---- Entries and TLB slots: all changes go through these, which keep the counts ---- */

static QUIRE_UNUSED void quire_sim_slot_drop_(struct quire_sim *sim, struct quire_sim_slot *slot)
{
    struct quire_sim_page *page = &sim->page[slot->page];

    if ((slot->bits & QUIRE_ENTRY_PRESENT) == 0) {
        return;
    }
    page->slots--;
    page->writable_slots -= (slot->bits & QUIRE_ENTRY_WRITE) != 0 ? 1u : 0u;
    page->stale -= slot->stale ? 1u : 0u;
    sim->stale -= slot->stale ? 1u : 0u;
    slot->bits = 0;
    slot->stale = false;
}

/* Lets the processor remember the entry as it is now. */
static QUIRE_UNUSED void quire_sim_slot_fill_(struct quire_sim *sim, struct quire_sim_slot *slot,
                                              const struct quire_sim_entry *entry)
{
    struct quire_sim_page *page = &sim->page[entry->page];

    quire_sim_slot_drop_(sim, slot);
    slot->page = entry->page;
    slot->bits = (uint8_t)(entry->bits & ~QUIRE_ENTRY_ACCESSED);
    page->slots++;
    page->writable_slots += (slot->bits & QUIRE_ENTRY_WRITE) != 0 ? 1u : 0u;
}

/* After a change of the entry: which processors remember more than it gives? */
static void quire_sim_restale_(struct quire_sim *sim, uint32_t index)
{
    const struct quire_sim_entry *entry = &sim->entry[index];
    struct quire_sim_slot *slot = &sim->slot[(size_t)index * sim->config.cpus];
    unsigned i;

    for (i = 0; i < sim->config.cpus; i++, slot++) {
        bool stale = (slot->bits & QUIRE_ENTRY_PRESENT) != 0 &&
                     ((slot->bits & ~(unsigned)entry->bits) != 0 || slot->page != entry->page);

        if (stale != slot->stale) {
            slot->stale = stale;
            sim->stale += stale ? 1u : UINT32_MAX;
            sim->page[slot->page].stale += stale ? 1u : UINT32_MAX;
        }
    }
}

/* Gives the entry new bits; none: it is removed. */
static QUIRE_UNUSED void quire_sim_entry_set_(struct quire_sim *sim, uint32_t index, uint32_t number, unsigned bits)
{
    struct quire_sim_entry *entry = &sim->entry[index];

    if ((entry->bits & QUIRE_ENTRY_PRESENT) != 0) {
        sim->page[entry->page].entries--;
        sim->page[entry->page].writable -= (entry->bits & QUIRE_ENTRY_WRITE) != 0 ? 1u : 0u;
    }
    entry->bits = (uint8_t)bits;
    if ((bits & QUIRE_ENTRY_PRESENT) != 0) {
        entry->page = number;
        sim->page[number].entries++;
        sim->page[number].writable += (bits & QUIRE_ENTRY_WRITE) != 0 ? 1u : 0u;
    }
    quire_sim_restale_(sim, index);
}

/* The processor that remembers anything of the entry, QUIRE_SIM_NO_CPU if none does. */
static QUIRE_UNUSED unsigned quire_sim_remembers_(const struct quire_sim *sim, uint32_t index)
{
    unsigned i;

    for (i = 0; i < sim->config.cpus; i++) {
        if ((sim->slot[(size_t)index * sim->config.cpus + i].bits & QUIRE_ENTRY_PRESENT) != 0) {
            return i;
        }
    }
    return QUIRE_SIM_NO_CPU;
}

QUIRE_API unsigned char *quire_sim_bytes(const struct quire_sim *sim, struct quire_pa pa)
{
    uint32_t number = quire_sim_page_of_(sim, pa);

    return number != QUIRE_SIM_NONE_ ? quire_sim_byte_(sim->memory, number) + (pa.addr & QUIRE_PAGE_MASK) : NULL;
}

/* ---- The oracle ---- */

QUIRE_API void quire_sim_forgive(struct quire_sim *sim)
{
    uintptr_t key;
    bool entered = quire_sim_enter_(sim, &key);

    QUIRE_MEMSET(&sim->violation, 0, sizeof sim->violation);
    sim->violations = 0;
    quire_sim_leave_(sim, entered, key);
}

QUIRE_API bool quire_sim_settled(struct quire_sim *sim)
{
    uintptr_t key;
    bool entered = quire_sim_enter_(sim, &key);
    uint32_t at_work = 0; /* pages that a store works on: each has one alias */
    uint32_t i;
    bool clean;

    for (i = 0; i < sim->config.pages; i++) {
        at_work += sim->page[i].io == QUIRE_SIM_IO_LOADING || sim->page[i].io == QUIRE_SIM_IO_SAVING;
    }
    if (!entered && !sim->config.lockless) {
        quire_sim_blame_(sim, QUIRE_SIM_LOCK_TWICE, QUIRE_SIM_NO_CPU, NULL, 0, QUIRE_SIM_NONE_);
    }
    if (sim->stale != 0) {
        quire_sim_blame_slot_(sim, QUIRE_SIM_UNSETTLED, QUIRE_SIM_NONE_, 0, true);
    }
    if (sim->aliases != at_work) {
        quire_sim_blame_(sim, QUIRE_SIM_ALIAS_BALANCE, QUIRE_SIM_NO_CPU, NULL, 0, QUIRE_SIM_NONE_);
    }
    clean = sim->violations == 0;
    quire_sim_leave_(sim, entered, key);
    return clean;
}

QUIRE_END

#endif
