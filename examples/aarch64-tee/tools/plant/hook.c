/* hook.c - planted in the resident kernel: a table of hooks, which are pageable. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/heap.h"

extern void *(*const planted_hooks[])(size_t bytes);

void *(*const planted_hooks[])(size_t bytes) = {heap_alloc, heap_zalloc};
