/* call.c - planted in the resident kernel: a call of pageable code. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/heap.h"

size_t planted_call(void);

size_t planted_call(void)
{
    return heap_available() + 1u;
}
