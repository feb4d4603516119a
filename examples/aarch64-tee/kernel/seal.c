/* seal.c - what private pages leave secure memory under: the hooks of Quire's sealer. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/seal.h"

#include <quire/bits.h>

#include "kernel/entropy.h"
#include "lib/memory.h"

enum quire_status seal_init(struct sealing *sealing, void *buffers, uint32_t n)
{
    if (buffers == NULL || n == 0 || n > SEAL_BUFFERS_MAX) {
        return QUIRE_INVALID;
    }
    memset(sealing, 0, sizeof *sealing);
    sealing->buffers = buffers;
    sealing->buffers_free = UINT32_MAX >> (SEAL_BUFFERS_MAX - n);
    return QUIRE_OK;
}

/* ---- Keys: one call at a time, which the sealer sees to ---- */

static enum quire_status random_bytes(void *ctx, void *bytes, size_t len)
{
    (void)ctx;
    entropy_fill(bytes, len);
    return QUIRE_OK;
}

static enum quire_status key_make(void *ctx, uint32_t epoch, const uint8_t *seed, void **key)
{
    struct sealing *sealing = ctx;
    uint32_t place = epoch % SEAL_KEYS;

    if (sealing->key_used[place]) {
        return QUIRE_NO_MEMORY;
    }
    sealing->key_used[place] = true;
    chacha20_key_set(&sealing->key[place], seed);
    *key = &sealing->key[place];
    return QUIRE_OK;
}

static void key_wipe(void *ctx, void *key)
{
    struct sealing *sealing = ctx;

    chacha20_wipe(key, sizeof sealing->key[0]);
    sealing->key_used[(struct chacha20_key *)key - sealing->key] = false;
}

/* ---- Pages: by several threads at once ---- */

static enum quire_status seal(void *ctx, void *key, const struct quire_seal_label *label, const void *plain, void *sealed,
                              uint8_t *tag)
{
    (void)ctx;
    chacha20_poly1305_seal(key, label->nonce, label->aad, sizeof label->aad, plain, sealed, QUIRE_PAGE_SIZE, tag);
    return QUIRE_OK;
}

static enum quire_status open(void *ctx, void *key, const struct quire_seal_label *label, void *page, const uint8_t *tag)
{
    (void)ctx;
    return chacha20_poly1305_open(key, label->nonce, label->aad, sizeof label->aad, page, QUIRE_PAGE_SIZE, tag)
               ? QUIRE_OK
               : QUIRE_INTEGRITY;
}

static void *buffer_get(void *ctx)
{
    struct sealing *sealing = ctx;
    uint32_t seen = quire_atomic_load(&sealing->buffers_free);

    while (seen != 0) {
        if (quire_atomic_cas(&sealing->buffers_free, &seen, seen & (seen - 1u))) { /* all but the lowest */
            return sealing->buffers + quire_bits_low(seen) * QUIRE_PAGE_SIZE;
        }
    }
    return NULL;
}

static void buffer_put(void *ctx, void *buffer)
{
    struct sealing *sealing = ctx;
    uint32_t bit = (uint32_t)1 << ((size_t)((uint8_t *)buffer - sealing->buffers) >> QUIRE_PAGE_SHIFT);
    uint32_t seen = quire_atomic_load(&sealing->buffers_free);

    while (!quire_atomic_cas(&sealing->buffers_free, &seen, seen | bit)) {
    }
}

const struct quire_seal_hooks seal_hooks = {
    random_bytes, key_make, key_wipe, seal, open, buffer_get, buffer_put,
};
