/* sealing.c - the cipher that private pages leave under. SPDX-License-Identifier: BSD-2-Clause */
#include "sealing.h"

#include <string.h>

#ifdef HOST_SEALED
#include "../crypto/seal_mbedtls.h"

static void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static enum quire_status hook_random(void *ctx, void *bytes, size_t len)
{
    struct sealing *sealing = ctx;

    if (sealing->fixed_key) {
        memset(bytes, 7, len);
        return QUIRE_OK;
    }
    return crypto_seal_hooks.random(sealing->crypto, bytes, len);
}

static enum quire_status hook_key_make(void *ctx, uint32_t epoch, const uint8_t *seed, void **key)
{
    struct sealing *sealing = ctx;

    return crypto_seal_hooks.key_make(sealing->crypto, epoch, seed, key);
}

static void hook_key_wipe(void *ctx, void *key)
{
    struct sealing *sealing = ctx;

    crypto_seal_hooks.key_wipe(sealing->crypto, key);
}

static enum quire_status hook_seal(void *ctx, void *key, const struct quire_seal_label *label, const void *plain, void *sealed,
                                   uint8_t *tag)
{
    struct sealing *sealing = ctx;

    count(&sealing->seals);
    return crypto_seal_hooks.seal(sealing->crypto, key, label, plain, sealed, tag);
}

/* The planted fault. GCM encrypts by adding a stream that depends on key and nonce only: doing it again decrypts. */
static enum quire_status open_without_tag(struct sealing *sealing, void *key, const struct quire_seal_label *label, void *page)
{
    void *buffer = crypto_seal_hooks.buffer_get(sealing->crypto);
    uint8_t tag[QUIRE_SEAL_TAG_BYTES];
    enum quire_status status = crypto_seal_hooks.seal(sealing->crypto, key, label, page, buffer, tag);

    memcpy(page, buffer, QUIRE_PAGE_SIZE);
    memset(buffer, 0, QUIRE_PAGE_SIZE);
    crypto_seal_hooks.buffer_put(sealing->crypto, buffer);
    return status;
}

static enum quire_status hook_open(void *ctx, void *key, const struct quire_seal_label *label, void *page, const uint8_t *tag)
{
    struct sealing *sealing = ctx;
    enum quire_status status = sealing->skip_tag ? open_without_tag(sealing, key, label, page)
                                                 : crypto_seal_hooks.open(sealing->crypto, key, label, page, tag);

    if (status == QUIRE_OK) {
        count(&sealing->opens);
    } else if (status == QUIRE_INTEGRITY) {
        count(&sealing->refused);
    }
    return status;
}

static void *hook_buffer_get(void *ctx)
{
    struct sealing *sealing = ctx;

    return crypto_seal_hooks.buffer_get(sealing->crypto);
}

static void hook_buffer_put(void *ctx, void *buffer)
{
    struct sealing *sealing = ctx;

    crypto_seal_hooks.buffer_put(sealing->crypto, buffer);
}

const char *sealing_begin(struct sealing *sealing, uint32_t threads)
{
    static const struct quire_seal_hooks hooks = {
        hook_random, hook_key_make, hook_key_wipe, hook_seal, hook_open, hook_buffer_get, hook_buffer_put,
    };
    struct crypto_config config;
    enum quire_status status;
    const char *why;

    memset(&config, 0, sizeof config);
    config.threads = threads < CRYPTO_THREADS_MAX ? threads : CRYPTO_THREADS_MAX;
    sealing->crypto = crypto_new(&config, &why);
    if (sealing->crypto == NULL) {
        return why;
    }
    status = quire_sealer_init(&sealing->sealer, &hooks, sealing);
    sealing->begun = status == QUIRE_OK;
    return status == QUIRE_OK ? NULL : quire_status_name(status);
}

bool sealing_end(struct sealing *sealing)
{
    bool good = !sealing->begun || quire_sealer_fini(&sealing->sealer) == QUIRE_OK;

    if (good && sealing->crypto != NULL) {
        crypto_free(sealing->crypto);
        sealing->crypto = NULL;
    }
    return good;
}

#else

const char *sealing_begin(struct sealing *sealing, uint32_t threads)
{
    (void)sealing;
    (void)threads;
    return "needs mbedTLS: apt-get install libmbedtls-dev";
}

bool sealing_end(struct sealing *sealing)
{
    (void)sealing;
    return true;
}

#endif
