/* seal.h - what private pages leave secure memory under: the hooks of Quire's sealer. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_SEAL_H
#define KERNEL_SEAL_H

#include <quire/seal.h>

#include "kernel/chacha20_poly1305.h"

/*
 *     seal_init(&sealing, buffers, THREADS);
 *     quire_sealer_init(&sealer, &seal_hooks, &sealing);
 *
 * Keys and buffers are in secure memory, and nothing but Quire's sealer touches them. All of this is resident.
 */
#define SEAL_KEYS 2u /* of epochs one after the other: as many as a sealer has */
#define SEAL_BUFFERS_MAX 32u

struct sealing {
    struct chacha20_key key[SEAL_KEYS]; /* of an epoch: key[epoch % SEAL_KEYS] */
    bool key_used[SEAL_KEYS];
    uint8_t *buffers;
    uint32_t buffers_free; /* a bit for each; atomic */
};

/* `buffers`: n pages, n from 1 to SEAL_BUFFERS_MAX. With as many as there are threads that fault nobody ever lacks one; whoever
 * lacks one gets NO_MEMORY, and his page stays. INVALID: null, or another n. */
enum quire_status seal_init(struct sealing *sealing, void *buffers, uint32_t n);

/* Their `ctx` is a struct sealing. A key more than there is place for: NO_MEMORY. */
extern const struct quire_seal_hooks seal_hooks;

#endif
