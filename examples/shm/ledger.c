/* ledger.c - sees every read of shared memory. SPDX-License-Identifier: BSD-2-Clause */
#include "ledger.h"

#include <stdlib.h>

static struct ledger *ledger; /* null: nobody watches. The other world may read what it likes */
static uintptr_t window;
static size_t window_size;
static uint32_t *seen; /* for each byte, the call that read it last */
static uint32_t call = 1;

bool ledger_open(uintptr_t va, size_t size, struct ledger *counts)
{
    seen = (uint32_t *)calloc(size, sizeof *seen);
    window = va;
    window_size = size;
    ledger = seen != NULL ? counts : NULL;
    return seen != NULL;
}

void ledger_next_call(void)
{
    call++;
}

void ledger_fetch(uintptr_t va, size_t len)
{
    size_t i;

    if (ledger == NULL) {
        return;
    }
    ledger->fetches++;
    ledger->bytes += len;
    for (i = 0; i < len; i++) {
        uintptr_t offset = va + i - window;

        if (offset >= window_size) {
            ledger->outside++;
        } else if (seen[offset] == call) {
            ledger->twice++;
        } else {
            seen[offset] = call;
        }
    }
}
