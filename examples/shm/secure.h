/* secure.h - the secure world. SPDX-License-Identifier: BSD-2-Clause */
#ifndef SHM_SECURE_H
#define SHM_SECURE_H

#include <stddef.h>
#include <stdint.h>

#include "broken.h"
#include "ledger.h"
#include "messages.h"

/* What the secure world did. Kept where it can be read even if that crashes. */
struct account {
    uint64_t answers[ANSWERS]; /* how many calls ended in each */
    struct ledger ledger;
};

struct secure_config {
    int socket;
    uint64_t start; /* physical address that the shared memory is to have, page-aligned */
    size_t size;    /* bytes, whole pages */
    enum planted planted;
    struct account *account; /* all zero */
};

/* Owns the memory, says where it is, and serves calls until the other side hangs up. Returns the status to exit with: 0,
 * or 2 if it could not begin; 1 is that of a crash. */
int secure_main(const struct secure_config *config);

#endif
