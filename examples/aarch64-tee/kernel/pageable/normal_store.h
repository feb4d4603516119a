/* normal_store.h - places for sealed pages in memory that the normal world donated. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_NORMAL_STORE_H
#define KERNEL_NORMAL_STORE_H

#include <quire/region.h>

#include "kernel/mutex.h"

/*
 * An object gets all its places at once, one behind the other, and keeps them while it lives. Who has which is known from a
 * book in secure memory: nothing of it depends on what the normal world writes.
 *
 * Only for threads: it is pageable, and waits where another thread is in it. All addresses are the kernel's.
 */
#define NORMAL_STORE_EXACT_LOG 8u
#define NORMAL_STORE_SPAN_LOG 18u /* pages: 1 GiB in one stretch */

struct normal_store {
    struct mutex mutex;
    struct quire_region_book book;
    struct quire_region_allocator places;
    uint64_t table[QUIRE_REGION_TABLE_BYTES(1, NORMAL_STORE_EXACT_LOG, NORMAL_STORE_SPAN_LOG) / sizeof(uint64_t)];
};

/* Makes a store with no place. `nodes`: `bytes` bytes of secure memory for its book; n objects in one stretch need at most 2n +
 * 1 nodes of QUIRE_REGION_NODE_BYTES(1, false). INVALID: room for no node. */
enum quire_status normal_store_init(struct normal_store *store, void *nodes, size_t bytes);

/* Adds [va, va + bytes), for good. INVALID: not whole pages, empty, wrapping; EXISTS: some of it was donated before; NO_MEMORY:
 * no node is left. */
enum quire_status normal_store_donate(struct normal_store *store, void *va, uint64_t bytes);

/* Takes places for `npages` pages, and gives them back. INVALID: none; NO_SPACE; NO_MEMORY: no node is left; DEAD: given back
 * before. */
enum quire_status normal_store_take(struct normal_store *store, uint32_t npages, struct quire_region *run);
enum quire_status normal_store_give(struct normal_store *store, const struct quire_region *run);

/* Pages that nobody has. */
uint64_t normal_store_available(struct normal_store *store);

#endif
