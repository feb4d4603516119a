/* ledger.h - sees every read of shared memory. SPDX-License-Identifier: BSD-2-Clause */
#ifndef SHM_LEDGER_H
#define SHM_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger {
    uint64_t fetches;
    uint64_t bytes;
    uint64_t twice;   /* of them, bytes that the same call had read before: must be 0 */
    uint64_t outside; /* bytes that are not in the shared memory: must be 0 */
};

/* Begins to watch the window, and to count in *ledger. Reads elsewhere are from then on outside. False if there is no
 * memory. */
bool ledger_open(uintptr_t va, size_t size, struct ledger *ledger);

/* A new call: each byte may be read once more. */
void ledger_next_call(void);

/* Called by quire/view.h before each single access that reads shared memory (QUIRE_VIEW_FETCH, see quire_impl.c). */
void ledger_fetch(uintptr_t va, size_t len);

#endif
