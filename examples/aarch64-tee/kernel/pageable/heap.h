/* heap.h - memory for bookkeeping, handed out by Quire's region allocator. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_HEAP_H
#define KERNEL_HEAP_H

#include <quire/base.h>

/* Only for threads: it waits where another thread is in it. */

/* What `quire_mem` hooks of all users of the heap are. */
extern struct quire_mem heap_mem;

/* Begins a heap of `bytes` bytes at `start`. */
enum quire_status heap_init(void *start, size_t bytes);

/* Null when there is none. Content does not matter. */
void *heap_alloc(size_t bytes);

/* The same, all zero. */
void *heap_zalloc(size_t bytes);

/* Takes back what heap_alloc() gave for as many bytes; null is fine. */
void heap_free(void *memory, size_t bytes);

#endif
