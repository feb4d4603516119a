/* call.c - planted in the resident kernel: a call of pageable code. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/heap.h"

void *planted_call(void);

void *planted_call(void)
{
    return heap_zalloc(1);
}
