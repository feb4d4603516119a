/* bench/mem.h - the host's malloc as the hooks for memory. SPDX-License-Identifier: BSD-2-Clause */
#ifndef MEM_H
#define MEM_H

#include <stdlib.h>

static inline void *mem_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx;
    (void)align; /* malloc aligns for every type */
    return malloc(size);
}

static inline void mem_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    (void)size;
    free(ptr);
}

#endif
