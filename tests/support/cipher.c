/* The toy cipher of cipher.h. It hides nothing from who looks closely; but no bit of key, nonce, aad or page is without effect. */
#include "cipher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE QUIRE_PAGE_SIZE
#define WORDS (PAGE / sizeof(uint64_t))

struct buffer_note { /* behind each buffer */
    bool lent;
    bool failed; /* the last seal into it */
};

static void wrong(struct cipher *cipher, const char *what)
{
    if (cipher->wrong[0] == 0) {
        (void)snprintf(cipher->wrong, sizeof cipher->wrong, "%s", what);
    }
    if (!cipher->tolerates) {
        (void)fprintf(stderr, "cipher: %s\n", what);
        abort();
    }
}

/* A bijection of 64 bits in which each bit of `x` moves about half of the others (the finalizer of MurmurHash3). */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdu;
    x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53u;
    return x ^ (x >> 33);
}

static uint64_t word_at(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Adds the stream of (key, nonce) to a page, from `from` to `to`, which may be the same. */
static void stream(const struct cipher_key *key, const uint8_t *nonce, const void *from, void *to, size_t words)
{
    uint8_t padded[16] = {0};
    uint64_t start;
    size_t i;

    memcpy(padded, nonce, QUIRE_SEAL_NONCE_BYTES);
    start = mix(mix(key->word[0] ^ word_at(padded)) ^ word_at(padded + 8) ^ key->word[1]);
    for (i = 0; i < words; i++) {
        uint64_t word;

        memcpy(&word, (const char *)from + i * sizeof word, sizeof word);
        word ^= mix(start + i * 0x9e3779b97f4a7c15u);
        memcpy((char *)to + i * sizeof word, &word, sizeof word);
    }
}

/* The tag over nonce, aad and the sealed page. */
static void tag_of(const struct cipher_key *key, const struct quire_seal_label *label, const void *sealed, uint8_t *tag)
{
    uint8_t padded[16] = {0};
    uint64_t sum[2];
    unsigned lane;
    size_t i;

    memcpy(padded, label->nonce, QUIRE_SEAL_NONCE_BYTES);
    for (lane = 0; lane < 2; lane++) {
        uint64_t a = mix(key->word[2 + lane]);

        a = mix(a ^ word_at(padded));
        a = mix(a ^ word_at(padded + 8));
        a = mix(a ^ word_at(label->aad));
        a = mix(a ^ word_at(label->aad + 8));
        for (i = 0; i < WORDS; i++) {
            a = mix(a ^ word_at((const uint8_t *)sealed + i * sizeof a));
        }
        sum[lane] = mix(a ^ key->word[lane]);
    }
    memcpy(tag, sum, sizeof sum);
}

/* ---- The ledger ---- */

static size_t place_of(const struct cipher *cipher, uint64_t key, const uint8_t *nonce)
{
    uint8_t padded[16] = {0};

    memcpy(padded, nonce, QUIRE_SEAL_NONCE_BYTES);
    return (size_t)mix(mix(key ^ word_at(padded)) ^ word_at(padded + 8)) & (cipher->places - 1u);
}

/* False if the pair is there already. */
static bool enter(struct cipher *cipher, uint64_t key, const uint8_t *nonce)
{
    size_t at = place_of(cipher, key, nonce);

    while (cipher->ledger[at].key != 0) {
        if (cipher->ledger[at].key == key && memcmp(cipher->ledger[at].nonce, nonce, QUIRE_SEAL_NONCE_BYTES) == 0) {
            return false;
        }
        at = (at + 1u) & (cipher->places - 1u);
    }
    cipher->ledger[at].key = key;
    memcpy(cipher->ledger[at].nonce, nonce, QUIRE_SEAL_NONCE_BYTES);
    cipher->used++;
    return true;
}

static void note_use(struct cipher *cipher, uint64_t key, const uint8_t *nonce)
{
    if (2u * cipher->used >= cipher->places) {
        struct cipher_use *old = cipher->ledger;
        size_t places = cipher->places;
        size_t i;

        cipher->places = places == 0 ? 1024 : 2u * places;
        cipher->ledger = calloc(cipher->places, sizeof *cipher->ledger);
        cipher->used = 0;
        for (i = 0; i < places; i++) {
            if (old[i].key != 0) {
                (void)enter(cipher, old[i].key, old[i].nonce);
            }
        }
        free(old);
    }
    if (!enter(cipher, key, nonce)) {
        wrong(cipher, "a key was given a nonce twice");
    }
}

/* ---- The hooks ---- */

/* Counts a call; what it is to answer instead of doing its work, or OK. With the mutex held. */
static enum quire_status called(struct cipher *cipher, enum cipher_hook hook)
{
    cipher->calls[hook]++;
    if (cipher->nth[hook] == 0 || --cipher->nth[hook] != 0) {
        return QUIRE_OK;
    }
    return cipher->says[hook];
}

static enum quire_status random_bytes(void *ctx, void *bytes, size_t len)
{
    struct cipher *cipher = ctx;
    enum quire_status status;
    uint8_t *to = bytes;
    size_t i;

    pthread_mutex_lock(&cipher->mutex);
    status = called(cipher, CIPHER_RANDOM);
    for (i = 0; i < (status == QUIRE_OK ? len : len / 2u); i++) {
        cipher->random += 0x9e3779b97f4a7c15u;
        to[i] = (uint8_t)mix(cipher->random);
    }
    pthread_mutex_unlock(&cipher->mutex);
    return status;
}

static enum quire_status key_make(void *ctx, uint32_t epoch, const uint8_t *seed, void **key)
{
    struct cipher *cipher = ctx;
    enum quire_status status;
    struct cipher_key *made;

    pthread_mutex_lock(&cipher->mutex);
    status = called(cipher, CIPHER_KEY_MAKE);
    if (epoch == 0 || cipher->keys_alive > 1u) {
        wrong(cipher, "a third key, or epoch 0");
    }
    if (status == QUIRE_OK) {
        made = calloc(1, sizeof *made);
        memcpy(made->word, seed, sizeof made->word);
        made->id = ++cipher->keys_made;
        made->next = cipher->keys;
        cipher->keys = made;
        cipher->keys_alive++;
        *key = made;
    }
    pthread_mutex_unlock(&cipher->mutex);
    return status;
}

/* With the mutex held. False: it is no key. */
static bool use_key(struct cipher *cipher, const struct cipher_key *key)
{
    bool good = key != NULL && !key->wiped;

    if (!good) {
        wrong(cipher, "a key is used that was wiped");
    }
    return good;
}

static void key_wipe(void *ctx, void *key)
{
    struct cipher *cipher = ctx;
    struct cipher_key *gone = key;

    pthread_mutex_lock(&cipher->mutex);
    if (!use_key(cipher, gone)) {
        pthread_mutex_unlock(&cipher->mutex);
        return;
    }
    memset(gone->word, 0, sizeof gone->word);
    gone->wiped = true;
    cipher->keys_alive--;
    pthread_mutex_unlock(&cipher->mutex);
}

static struct buffer_note *note_of(void *buffer)
{
    return (struct buffer_note *)(void *)((char *)buffer + PAGE);
}

static enum quire_status seal(void *ctx, void *key, const struct quire_seal_label *label, const void *plain, void *sealed,
                              uint8_t *tag)
{
    struct cipher *cipher = ctx;
    enum quire_status status;
    bool good;

    pthread_mutex_lock(&cipher->mutex);
    status = called(cipher, CIPHER_SEAL);
    good = use_key(cipher, key);
    if (good) {
        note_use(cipher, ((struct cipher_key *)key)->id, label->nonce); /* whether it fails or not */
    }
    cipher->last = *label;
    pthread_mutex_unlock(&cipher->mutex);
    if (!good) {
        return QUIRE_IO;
    }
    if (plain == sealed || !note_of(sealed)->lent) {
        wrong(cipher, "sealed into something else than a buffer");
    }
    if (cipher->sealing != NULL) {
        cipher->sealing(cipher->user, label, plain);
    }
    stream(key, label->nonce, plain, sealed, status == QUIRE_OK ? WORDS : WORDS / 2u);
    tag_of(key, label, sealed, tag);
    note_of(sealed)->failed = status != QUIRE_OK;
    return status;
}

static enum quire_status open_page(void *ctx, void *key, const struct quire_seal_label *label, void *page, const uint8_t *tag)
{
    struct cipher *cipher = ctx;
    uint8_t sum[QUIRE_SEAL_TAG_BYTES];
    enum quire_status status;
    bool good;

    pthread_mutex_lock(&cipher->mutex);
    status = called(cipher, CIPHER_OPEN);
    good = use_key(cipher, key);
    pthread_mutex_unlock(&cipher->mutex);
    if (!good) {
        return QUIRE_IO;
    }
    tag_of(key, label, page, sum);
    stream(key, label->nonce, page, page, status == QUIRE_OK ? WORDS : WORDS / 2u);
    if (status == QUIRE_OK && memcmp(sum, tag, sizeof sum) != 0) {
        pthread_mutex_lock(&cipher->mutex);
        cipher->refused++;
        pthread_mutex_unlock(&cipher->mutex);
        return QUIRE_INTEGRITY;
    }
    return status;
}

static void *buffer_get(void *ctx)
{
    struct cipher *cipher = ctx;
    enum quire_status status;
    void *buffer = NULL;

    pthread_mutex_lock(&cipher->mutex);
    status = called(cipher, CIPHER_BUFFER);
    cipher->buffers += status == QUIRE_OK;
    pthread_mutex_unlock(&cipher->mutex);
    if (status == QUIRE_OK && posix_memalign(&buffer, PAGE, 2u * PAGE) == 0) {
        memset(buffer, 0xee, PAGE);
        note_of(buffer)->lent = true;
        note_of(buffer)->failed = false;
    }
    return buffer;
}

static void buffer_put(void *ctx, void *buffer)
{
    struct cipher *cipher = ctx;
    const char *bytes = buffer;

    if (!note_of(buffer)->lent) {
        wrong(cipher, "a buffer was put twice");
    }
    if (note_of(buffer)->failed && (bytes[0] != 0 || memcmp(bytes, bytes + 1, PAGE - 1u) != 0)) {
        wrong(cipher, "a buffer was put with what a failed seal left in it");
    }
    pthread_mutex_lock(&cipher->mutex);
    cipher->buffers--;
    pthread_mutex_unlock(&cipher->mutex);
    free(buffer);
}

const struct quire_seal_hooks cipher_hooks = {random_bytes, key_make, key_wipe, seal, open_page, buffer_get, buffer_put};

/* ---- Life ---- */

void cipher_prepare(struct cipher *cipher, uint64_t seed)
{
    memset(cipher, 0, sizeof *cipher);
    pthread_mutex_init(&cipher->mutex, NULL);
    cipher->random = seed;
}

void cipher_start(struct cipher *cipher, uint64_t seed)
{
    cipher_prepare(cipher, seed);
    if (quire_sealer_init(&cipher->sealer, &cipher_hooks, cipher) != QUIRE_OK) {
        wrong(cipher, "no sealer");
    }
}

enum quire_status cipher_stop(struct cipher *cipher)
{
    enum quire_status status = quire_sealer_fini(&cipher->sealer);

    if (cipher->buffers != 0 || (status == QUIRE_OK && cipher->keys_alive != 0)) {
        wrong(cipher, "a buffer or a key is left");
    }
    while (cipher->keys != NULL) {
        struct cipher_key *key = cipher->keys;

        cipher->keys = key->next;
        free(key);
    }
    free(cipher->ledger);
    pthread_mutex_destroy(&cipher->mutex);
    return status;
}

void cipher_fail(struct cipher *cipher, enum cipher_hook hook, uint64_t nth, enum quire_status status)
{
    pthread_mutex_lock(&cipher->mutex);
    cipher->nth[hook] = nth;
    cipher->says[hook] = status;
    pthread_mutex_unlock(&cipher->mutex);
}

const char *cipher_wrong(struct cipher *cipher)
{
    return cipher->wrong[0] != 0 ? cipher->wrong : NULL;
}
