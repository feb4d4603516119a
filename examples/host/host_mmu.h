/* host_mmu.h - an MMU made of this process: its hooks for Quire. SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_MMU_H
#define HOST_MMU_H

#include <pthread.h>
#include <quire/quire.h>

/*
 *     memfd   [ page 0 ][ page 1 ] ... [ page N-1 ]        physical memory; the physical address is the file offset
 *                 |         \
 *     window  [ none ][ page 1 ][ none ][ page 0 ]         one per context: a fixed shared mapping is an entry,
 *             [  -   ][ p1 r-x ][  -   ][ p0 rw- ]         and a flat table remembers it
 *     alias   [ page 0 ][ page 1 ] ... [ page N-1 ]        all of it once more, writable, for loads and saves
 *
 * The kernel forgets a translation before mmap() and mprotect() return, so `flush` has nothing to shoot down. Instead it
 * checks the order of things: every entry that changed is named by the batch, and a flush came before the lock was dropped
 * and before the page is touched again.
 */

/* The virtual memory of one context; vm->user points at it. */
struct host_window {
    uintptr_t base;
    size_t npages;
    uint32_t *entry; /* page number << HOST_ENTRY_SHIFT | QUIRE_ENTRY_*; 0: none */
    uint32_t live;   /* entries there are, under the pager's lock */
};

#define HOST_ENTRY_SHIFT 8

/* area->user of what is run: planted faults spare it. */
#define HOST_EXECUTED ((void *)1)

/* What one thread brought about while it held the pager's lock. */
struct host_charge {
    uint64_t evictions;
    uint64_t saves;
};

/* The calling thread's own; null: not counted. */
extern __thread struct host_charge *host_charge;

#define HOST_TOKENS 16u
#define HOST_PENDING 1024u

struct host_pending {
    struct quire_vm *vm;
    uintptr_t va;
    uint32_t page;
};

struct host_mmu {
    struct quire_mmu hooks;
    const struct quire_pager *pager; /* whose counters the lock's holder changes */
    int memory;                      /* the memfd */
    uint32_t npages;
    unsigned char *alias;
    pthread_mutex_t lock;
    pthread_cond_t token[HOST_TOKENS]; /* by hash of the token's address */

    /* Under the lock. */
    struct host_charge before;                 /* the pager's counters when the holder took the lock */
    struct host_pending pending[HOST_PENDING]; /* entries changed since the last flush */
    uint32_t num_pending;
    uint64_t maps;
    uint64_t unmaps;
    uint64_t flushes;
    uint64_t syncs;
    const char *violation; /* the first call outside the hooks' contract; null: none */

    bool keep_entries; /* planted fault: a removed read-only entry stays in the hardware */
    uint32_t kept;     /* how many did */
};

/* Makes `npages` of physical memory and the hooks. Returns null, or what failed. */
const char *host_mmu_init(struct host_mmu *mmu, uint32_t npages);
void host_mmu_fini(struct host_mmu *mmu);

/* Reserves the addresses of a context. Returns null, or what failed. */
const char *host_window_init(struct host_window *window, size_t npages);
void host_window_fini(struct host_window *window);

/* The page that the entry at page `index` of the window shows; UINT32_MAX: there is no entry. Under the lock. */
uint32_t host_window_page(const struct host_window *window, size_t index);

/* The most mappings one process may have (an entry is one, and the gap behind it may be another). */
uint64_t host_max_mappings(void);

#endif
