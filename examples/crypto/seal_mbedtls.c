/* seal_mbedtls.c - mbedTLS behind Quire's hooks. SPDX-License-Identifier: BSD-2-Clause */
#include "seal_mbedtls.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>
#include <pthread.h>
#include <sys/mman.h>

/* Version 3 gives members that are not for users another name. Where the round keys lie is the only one needed. */
#ifndef MBEDTLS_PRIVATE
#define MBEDTLS_PRIVATE(member) member
#endif

#define KEYS 2u /* what seal.h says: at most two at a time */
#define KEY_BITS (8u * QUIRE_SEAL_SEED_BYTES)
#define THREADS_DEFAULT 4u

struct key {
    bool taken;
    uint64_t idle; /* lanes that nobody works with, bit by bit; under the lock, as `taken` */
    mbedtls_gcm_context lane[CRYPTO_THREADS_MAX];
};

/* All of it lies in locked memory. */
struct crypto {
    pthread_mutex_t lock;
    pthread_cond_t lane_back;
    pthread_cond_t buffer_back;
    unsigned threads;
    bool locked;            /* under the lock */
    uint64_t idle;          /* buffers that are here; under the lock */
    unsigned char *buffers; /* threads pages: sealed bytes, not secret */
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random; /* under the lock */
    struct key key[KEYS];
};

/* ---- Memory ---- */

static void *map_memory(size_t len)
{
    void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory != MAP_FAILED ? memory : NULL;
}

/* A new lane's round keys lie on the heap. They stay locked for good: unlocking is by page, and a neighbour may be a key too. */
static bool lock_round_keys(mbedtls_gcm_context *lane)
{
    const void *round_keys = lane->MBEDTLS_PRIVATE(cipher_ctx).MBEDTLS_PRIVATE(cipher_ctx);

    return mlock(round_keys, sizeof(mbedtls_aes_context)) == 0;
}

static uint64_t all_of(unsigned n)
{
    return n < 64u ? (UINT64_C(1) << n) - 1u : UINT64_MAX;
}

/* Takes one of the bits, for which it waits. Under the lock. */
static unsigned take_bit(struct crypto *crypto, uint64_t *bits, pthread_cond_t *back)
{
    unsigned bit;

    while (*bits == 0) {
        pthread_cond_wait(back, &crypto->lock);
    }
    bit = (unsigned)__builtin_ctzll(*bits);
    *bits &= *bits - 1u;
    return bit;
}

/* ---- Random bytes and keys ---- */

static enum quire_status hook_random(void *ctx, void *bytes, size_t len)
{
    struct crypto *crypto = ctx;
    int failed;

    pthread_mutex_lock(&crypto->lock);
    failed = mbedtls_ctr_drbg_random(&crypto->random, bytes, len);
    pthread_mutex_unlock(&crypto->lock);
    return failed == 0 ? QUIRE_OK : QUIRE_IO;
}

static void key_free(struct crypto *crypto, struct key *key)
{
    unsigned i;

    for (i = 0; i < crypto->threads; i++) {
        mbedtls_gcm_free(&key->lane[i]); /* wipes the lane, and its round keys */
    }
    mbedtls_platform_zeroize(key->lane, sizeof key->lane);
    pthread_mutex_lock(&crypto->lock);
    key->taken = false;
    pthread_mutex_unlock(&crypto->lock);
}

static struct key *key_take(struct crypto *crypto)
{
    struct key *key = NULL;
    unsigned i;

    pthread_mutex_lock(&crypto->lock);
    for (i = 0; i < KEYS && key == NULL; i++) {
        key = crypto->key[i].taken ? NULL : &crypto->key[i];
    }
    if (key != NULL) {
        key->taken = true;
        key->idle = all_of(crypto->threads);
    }
    pthread_mutex_unlock(&crypto->lock);
    return key;
}

static enum quire_status hook_key_make(void *ctx, uint32_t epoch, const uint8_t *seed, void **out)
{
    struct crypto *crypto = ctx;
    struct key *key = key_take(crypto);
    bool locked = true;
    int failed = 0;
    unsigned i;

    (void)epoch; /* each key is from a seed of its own: there is nothing to derive */
    if (key == NULL) {
        return QUIRE_NO_MEMORY;
    }
    for (i = 0; i < crypto->threads; i++) {
        mbedtls_gcm_init(&key->lane[i]);
    }
    for (i = 0; i < crypto->threads && failed == 0; i++) {
        failed = mbedtls_gcm_setkey(&key->lane[i], MBEDTLS_CIPHER_ID_AES, seed, KEY_BITS);
        locked = failed == 0 && lock_round_keys(&key->lane[i]) && locked;
    }
    if (failed != 0) {
        key_free(crypto, key);
        return failed == MBEDTLS_ERR_CIPHER_ALLOC_FAILED ? QUIRE_NO_MEMORY : QUIRE_IO;
    }
    pthread_mutex_lock(&crypto->lock);
    crypto->locked = crypto->locked && locked;
    pthread_mutex_unlock(&crypto->lock);
    *out = key;
    return QUIRE_OK;
}

static void hook_key_wipe(void *ctx, void *key)
{
    key_free(ctx, key);
}

/* ---- Pages ---- */

static unsigned lane_take(struct crypto *crypto, struct key *key)
{
    unsigned lane;

    pthread_mutex_lock(&crypto->lock);
    lane = take_bit(crypto, &key->idle, &crypto->lane_back);
    pthread_mutex_unlock(&crypto->lock);
    return lane;
}

static void lane_give(struct crypto *crypto, struct key *key, unsigned lane)
{
    pthread_mutex_lock(&crypto->lock);
    key->idle |= UINT64_C(1) << lane;
    pthread_cond_broadcast(
        &crypto->lane_back); /* one who waits for a lane of the other key must not keep it from who waits for this */
    pthread_mutex_unlock(&crypto->lock);
}

enum quire_status crypto_seal_bytes(struct crypto *crypto, void *key, const uint8_t *nonce, const void *aad, size_t aad_len,
                                    const void *plain, size_t len, void *sealed, uint8_t *tag)
{
    struct key *with = key;
    unsigned lane = lane_take(crypto, with);
    int failed = mbedtls_gcm_crypt_and_tag(&with->lane[lane], MBEDTLS_GCM_ENCRYPT, len, nonce, QUIRE_SEAL_NONCE_BYTES, aad,
                                           aad_len, plain, sealed, QUIRE_SEAL_TAG_BYTES, tag);

    lane_give(crypto, with, lane);
    return failed == 0 ? QUIRE_OK : QUIRE_IO;
}

static enum quire_status hook_seal(void *ctx, void *key, const struct quire_seal_label *label, const void *plain, void *sealed,
                                   uint8_t *tag)
{
    return crypto_seal_bytes(ctx, key, label->nonce, label->aad, sizeof label->aad, plain, QUIRE_PAGE_SIZE, sealed, tag);
}

static enum quire_status hook_open(void *ctx, void *key, const struct quire_seal_label *label, void *page, const uint8_t *tag)
{
    struct key *with = key;
    unsigned lane = lane_take(ctx, with);
    int failed = mbedtls_gcm_auth_decrypt(&with->lane[lane], QUIRE_PAGE_SIZE, label->nonce, sizeof label->nonce, label->aad,
                                          sizeof label->aad, tag, QUIRE_SEAL_TAG_BYTES, page, page);

    lane_give(ctx, with, lane);
    if (failed == MBEDTLS_ERR_GCM_AUTH_FAILED) {
        return QUIRE_INTEGRITY;
    }
    return failed == 0 ? QUIRE_OK : QUIRE_IO;
}

static void *hook_buffer_get(void *ctx)
{
    struct crypto *crypto = ctx;
    unsigned buffer;

    pthread_mutex_lock(&crypto->lock);
    buffer = take_bit(crypto, &crypto->idle, &crypto->buffer_back);
    pthread_mutex_unlock(&crypto->lock);
    return crypto->buffers + ((size_t)buffer << QUIRE_PAGE_SHIFT);
}

static void hook_buffer_put(void *ctx, void *buffer)
{
    struct crypto *crypto = ctx;
    size_t offset = (size_t)((unsigned char *)buffer - crypto->buffers);

    pthread_mutex_lock(&crypto->lock);
    crypto->idle |= UINT64_C(1) << (offset >> QUIRE_PAGE_SHIFT);
    pthread_cond_signal(&crypto->buffer_back);
    pthread_mutex_unlock(&crypto->lock);
}

const struct quire_seal_hooks crypto_seal_hooks = {
    hook_random, hook_key_make, hook_key_wipe, hook_seal, hook_open, hook_buffer_get, hook_buffer_put,
};

/* ---- Hashes ---- */

enum quire_status crypto_digest(void *ctx, unsigned level, const void *page, void *out)
{
    unsigned char prefix = (unsigned char)level; /* at most QUIRE_HASH_LEVELS_MAX */
    mbedtls_sha256_context sha;
    int failed;

    (void)ctx;
    mbedtls_sha256_init(&sha);
#if MBEDTLS_VERSION_MAJOR >= 3
    failed = mbedtls_sha256_starts(&sha, 0);
    failed = failed == 0 && level > 0 ? mbedtls_sha256_update(&sha, &prefix, sizeof prefix) : failed;
    failed = failed == 0 ? mbedtls_sha256_update(&sha, page, QUIRE_PAGE_SIZE) : failed;
    failed = failed == 0 ? mbedtls_sha256_finish(&sha, out) : failed;
#else
    failed = mbedtls_sha256_starts_ret(&sha, 0);
    failed = failed == 0 && level > 0 ? mbedtls_sha256_update_ret(&sha, &prefix, sizeof prefix) : failed;
    failed = failed == 0 ? mbedtls_sha256_update_ret(&sha, page, QUIRE_PAGE_SIZE) : failed;
    failed = failed == 0 ? mbedtls_sha256_finish_ret(&sha, out) : failed;
#endif
    mbedtls_sha256_free(&sha);
    return failed == 0 ? QUIRE_OK : QUIRE_IO;
}

/* ---- Life ---- */

/* Everything but the memory itself. Returns null, or what failed. */
static const char *begin(struct crypto *crypto, const struct crypto_config *config)
{
    static const unsigned char personal[] = "quire sealer";
    int failed;

    pthread_mutex_init(&crypto->lock, NULL);
    pthread_cond_init(&crypto->lane_back, NULL);
    pthread_cond_init(&crypto->buffer_back, NULL);
    mbedtls_entropy_init(&crypto->entropy);
    mbedtls_ctr_drbg_init(&crypto->random);
    crypto->threads = config->threads != 0 ? config->threads : THREADS_DEFAULT;
    crypto->idle = all_of(crypto->threads);
    crypto->buffers = map_memory((size_t)crypto->threads << QUIRE_PAGE_SHIFT);
    if (crypto->buffers == NULL) {
        return "no memory for buffers";
    }
    if (config->entropy != NULL) {
        failed = mbedtls_ctr_drbg_seed(&crypto->random, config->entropy, config->entropy_ctx, personal, sizeof personal);
    } else {
        failed = mbedtls_ctr_drbg_seed(&crypto->random, mbedtls_entropy_func, &crypto->entropy, personal, sizeof personal);
    }
    /* Keys are few and live long: each is worth fresh entropy. */
    mbedtls_ctr_drbg_set_prediction_resistance(&crypto->random, MBEDTLS_CTR_DRBG_PR_ON);
    return failed == 0 ? NULL : "no entropy";
}

struct crypto *crypto_new(const struct crypto_config *config, const char **why)
{
    struct crypto *crypto;

    *why = config->threads > CRYPTO_THREADS_MAX ? "more threads than CRYPTO_THREADS_MAX" : "no memory";
    crypto = config->threads > CRYPTO_THREADS_MAX ? NULL : map_memory(sizeof *crypto);
    if (crypto == NULL) {
        return NULL;
    }
    crypto->locked = mlock(crypto, sizeof *crypto) == 0;
    (void)madvise(crypto, sizeof *crypto, MADV_DONTDUMP); /* what a kernel does not know it need not refuse */
    (void)madvise(crypto, sizeof *crypto, MADV_DONTFORK);
    *why = begin(crypto, config);
    if (*why != NULL) {
        crypto_free(crypto);
        return NULL;
    }
    return crypto;
}

void crypto_free(struct crypto *crypto)
{
    unsigned i;

    for (i = 0; i < KEYS; i++) {
        if (crypto->key[i].taken) { /* a sealer that was not ended */
            key_free(crypto, &crypto->key[i]);
        }
    }
    mbedtls_ctr_drbg_free(&crypto->random);
    mbedtls_entropy_free(&crypto->entropy);
    if (crypto->buffers != NULL) {
        munmap(crypto->buffers, (size_t)crypto->threads << QUIRE_PAGE_SHIFT);
    }
    pthread_cond_destroy(&crypto->buffer_back);
    pthread_cond_destroy(&crypto->lane_back);
    pthread_mutex_destroy(&crypto->lock);
    mbedtls_platform_zeroize(crypto, sizeof *crypto);
    munmap(crypto, sizeof *crypto);
}

bool crypto_is_locked(struct crypto *crypto)
{
    bool locked;

    pthread_mutex_lock(&crypto->lock);
    locked = crypto->locked;
    pthread_mutex_unlock(&crypto->lock);
    return locked;
}
