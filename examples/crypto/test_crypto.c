/* test_crypto.c - the adapter: known answers, tampering, threads, what is left of a key. SPDX-License-Identifier: BSD-2-Clause
 *
 * Usage: test_crypto
 *
 * Prints "ok - ..." or "not ok - ..." for each part. The vectors are NIST's: cases 13 to 16 of the paper that GCM was proposed
 * with, and one of its validation suite (gcmEncryptExtIV256). What is said of a whole page was computed with another library.
 */
#include <fcntl.h>
#include <mbedtls/platform_util.h>
#include <pthread.h>
#include <quire/fobj_ro.h>
#include <quire/fobj_rw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seal_mbedtls.h"

#define PAGES 8u
#define THREADS 6u
#define LANES 3u /* fewer: some have to wait */
#define ROUNDS 200u

static int failures;

static void result(bool good, const char *name)
{
    printf("%s - %s\n", good ? "ok" : "not ok", name);
    failures += !good;
}

static size_t from_hex(const char *hex, unsigned char *out)
{
    size_t n = 0;
    unsigned byte;

    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
        out[n++] = (unsigned char)byte;
    }
    return n;
}

static bool is_hex(const unsigned char *bytes, size_t len, const char *hex)
{
    unsigned char expected[128];

    return from_hex(hex, expected) == len && memcmp(bytes, expected, len) == 0;
}

static struct crypto *make(unsigned threads)
{
    struct crypto_config config;
    struct crypto *crypto;
    const char *why;

    memset(&config, 0, sizeof config);
    config.threads = threads;
    crypto = crypto_new(&config, &why);
    if (crypto == NULL) {
        printf("not ok - an adapter: %s\n", why);
        exit(1);
    }
    return crypto;
}

static void *make_key(struct crypto *crypto, const unsigned char *seed)
{
    void *key = NULL;

    if (crypto_seal_hooks.key_make(crypto, 1, seed, &key) != QUIRE_OK) {
        puts("not ok - a key");
        exit(1);
    }
    return key;
}

/* A page that differs in every byte from its neighbours. */
static void fill(unsigned char *page, unsigned from)
{
    size_t i;

    for (i = 0; i < QUIRE_PAGE_SIZE; i++) {
        page[i] = (unsigned char)(7u * i + (i >> 8) + from);
    }
}

static void fill_label(struct quire_seal_label *label, unsigned from)
{
    unsigned i;

    for (i = 0; i < sizeof label->nonce; i++) {
        label->nonce[i] = (unsigned char)(0x40u + i + from);
    }
    for (i = 0; i < sizeof label->aad; i++) {
        label->aad[i] = (unsigned char)(0x80u + i + from);
    }
}

/* ---- Known answers ---- */

struct vector {
    const char *key, *nonce, *aad, *plain, *sealed, *tag;
};

#define ZEROS_32 "0000000000000000000000000000000000000000000000000000000000000000"
#define KEY_15 "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define PLAIN_16 \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define SEALED_16 \
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"

static const struct vector vectors[] = {
    {ZEROS_32, "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {ZEROS_32, "000000000000000000000000", "", "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {KEY_15, "cafebabefacedbaddecaf888", "", PLAIN_16 "1aafd255", SEALED_16 "898015ad", "b094dac5d93471bdec1a502270e3cc6c"},
    {KEY_15, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", PLAIN_16, SEALED_16,
     "76fc6ece0f4e1768cddf8853bb2d551b"},
    {"92e11dcdaa866f5ce790fd24501f92509aacf4cb8b1339d50c9c1240935dd08b", "ac93a1a6145299bde902f21a",
     "1e0889016f67601c8ebea4943bc23ad6", "2d71bcfa914e4ac045b2aa60955fad24", "8995ae2e6df3dbf96fac7b7137bae67f",
     "eca5aa77d51d4a0a14d9c51e1da474ab"},
};

/* GCM's bytes do not depend on what follows them: a page that begins with the vector's text is sealed to such a one. */
static bool page_begins_so(struct crypto *crypto, void *key, const struct vector *vector, const unsigned char *plain,
                           size_t len)
{
    static unsigned char page[QUIRE_PAGE_SIZE];
    static unsigned char sealed[QUIRE_PAGE_SIZE];
    struct quire_seal_label label;
    unsigned char tag[QUIRE_SEAL_TAG_BYTES];

    memset(&label, 0, sizeof label);
    from_hex(vector->nonce, label.nonce);
    memcpy(page, plain, len);
    return crypto_seal_hooks.seal(crypto, key, &label, page, sealed, tag) == QUIRE_OK && is_hex(sealed, len, vector->sealed);
}

static void known_answers(struct crypto *crypto)
{
    bool good = true;
    size_t i;

    for (i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *vector = &vectors[i];
        unsigned char seed[32], nonce[12], aad[32], plain[64], sealed[64], tag[16];
        size_t aad_len = from_hex(vector->aad, aad);
        size_t len = from_hex(vector->plain, plain);
        void *key;

        from_hex(vector->key, seed);
        from_hex(vector->nonce, nonce);
        key = make_key(crypto, seed);
        good = good && crypto_seal_bytes(crypto, key, nonce, aad, aad_len, plain, len, sealed, tag) == QUIRE_OK &&
               is_hex(sealed, len, vector->sealed) && is_hex(tag, sizeof tag, vector->tag) &&
               page_begins_so(crypto, key, vector, plain, len);
        crypto_seal_hooks.key_wipe(crypto, key);
    }
    result(good, "AES-256-GCM gives NIST's answers");
}

static void known_page(struct crypto *crypto)
{
    static unsigned char page[QUIRE_PAGE_SIZE];
    static unsigned char sealed[QUIRE_PAGE_SIZE];
    struct quire_seal_label label;
    unsigned char seed[32], tag[16], digest[32];
    void *key;
    unsigned i;
    bool good;

    if (QUIRE_PAGE_SIZE != 4096u) {
        puts("ok - what is known of a page # skip: of another size");
        return;
    }
    for (i = 0; i < sizeof seed; i++) {
        seed[i] = (unsigned char)i;
    }
    fill(page, 0);
    fill_label(&label, 0);
    key = make_key(crypto, seed);
    good = crypto_seal_hooks.seal(crypto, key, &label, page, sealed, tag) == QUIRE_OK &&
           crypto_digest(NULL, 0, sealed, digest) == QUIRE_OK && is_hex(tag, sizeof tag, "71d4edaa85e7689375bb29f7a83eea8e") &&
           is_hex(digest, sizeof digest, "1f87007494798a02010952ca2472dd83d031e18d91e9149179de2107cd561f83");
    crypto_seal_hooks.key_wipe(crypto, key);
    result(good, "a page is sealed as another library seals it");
    good = crypto_digest(NULL, 0, page, digest) == QUIRE_OK &&
           is_hex(digest, sizeof digest, "d24ac44c83cce842b67a82d2f77bcbe5e41dbd555605c92832d609e29c5a997c");
    result(good, "a page's hash is SHA-256 of it");
    good = crypto_digest(NULL, 3, page, digest) == QUIRE_OK &&
           is_hex(digest, sizeof digest, "8abfb4c8b6cead600150d1dddc06f606e2393a866f651c8e0167dcd864b66181");
    result(good, "a node's hash begins with its level");
}

/* ---- Tampering ---- */

static enum quire_status open_copy(struct crypto *crypto, void *key, const struct quire_seal_label *label,
                                   const unsigned char *sealed, size_t flip, const unsigned char *tag, unsigned char *page)
{
    memcpy(page, sealed, QUIRE_PAGE_SIZE);
    if (flip < QUIRE_PAGE_SIZE) {
        page[flip] ^= 1u;
    }
    return crypto_seal_hooks.open(crypto, key, label, page, tag);
}

static void tampering(struct crypto *crypto)
{
    static unsigned char page[QUIRE_PAGE_SIZE], sealed[QUIRE_PAGE_SIZE], opened[QUIRE_PAGE_SIZE];
    static const size_t places[] = {0, 15, 16, QUIRE_PAGE_SIZE / 2u, QUIRE_PAGE_SIZE - 16u, QUIRE_PAGE_SIZE - 1u};
    unsigned char seed[32] = {1};
    unsigned char tag[16];
    struct quire_seal_label label;
    void *key = make_key(crypto, seed);
    void *other;
    bool good;
    size_t i;

    fill(page, 3);
    fill_label(&label, 1);
    good = crypto_seal_hooks.seal(crypto, key, &label, page, sealed, tag) == QUIRE_OK &&
           open_copy(crypto, key, &label, sealed, SIZE_MAX, tag, opened) == QUIRE_OK && memcmp(opened, page, sizeof page) == 0;
    result(good, "what was sealed opens, in place");
    for (i = 0; i < sizeof places / sizeof places[0]; i++) {
        good = good && open_copy(crypto, key, &label, sealed, places[i], tag, opened) == QUIRE_INTEGRITY;
    }
    result(good, "a bit of the page, at either end, in the middle, around a block: INTEGRITY");
    for (good = true, i = 0; i < sizeof label.aad; i++) { /* epoch, object, index, version */
        label.aad[i] ^= 0x80u;
        good = good && open_copy(crypto, key, &label, sealed, SIZE_MAX, tag, opened) == QUIRE_INTEGRITY;
        label.aad[i] ^= 0x80u;
    }
    result(good, "a bit of any byte of what the tag binds to (key, object, index, version): INTEGRITY");
    for (good = true, i = 0; i < sizeof label.nonce; i++) {
        label.nonce[i] ^= 1u;
        good = good && open_copy(crypto, key, &label, sealed, SIZE_MAX, tag, opened) == QUIRE_INTEGRITY;
        label.nonce[i] ^= 1u;
    }
    result(good, "a bit of any byte of the nonce: INTEGRITY");
    for (good = true, i = 0; i < sizeof tag; i++) {
        tag[i] ^= 0x10u;
        good = good && open_copy(crypto, key, &label, sealed, SIZE_MAX, tag, opened) == QUIRE_INTEGRITY;
        tag[i] ^= 0x10u;
    }
    result(good, "a bit of any byte of the tag: INTEGRITY");
    seed[31] = 1;
    other = make_key(crypto, seed);
    result(open_copy(crypto, other, &label, sealed, SIZE_MAX, tag, opened) == QUIRE_INTEGRITY, "another key: INTEGRITY");
    for (good = true, i = 0; i < QUIRE_PAGE_SIZE; i++) {
        good = good && opened[i] == 0;
    }
    result(good, "... and nothing that could be taken for a page is left");
    crypto_seal_hooks.key_wipe(crypto, other);
    crypto_seal_hooks.key_wipe(crypto, key);
}

/* ---- Through objects of Quire ---- */

struct rig {
    struct quire_fobj_rw rw;
    struct quire_sealer sealer;
    unsigned char stored[PAGES][QUIRE_PAGE_SIZE];
    uint32_t slots[PAGES];
    struct quire_seal_meta meta[PAGES];
};

static enum quire_status store_read(void *ctx, uint32_t pgidx, void *page)
{
    memcpy(page, ((struct rig *)ctx)->stored[pgidx], QUIRE_PAGE_SIZE);
    return QUIRE_OK;
}

static enum quire_status store_write(void *ctx, uint32_t pgidx, const void *page)
{
    memcpy(((struct rig *)ctx)->stored[pgidx], page, QUIRE_PAGE_SIZE);
    return QUIRE_OK;
}

static void rig_begin(struct rig *rig, struct crypto *crypto)
{
    struct quire_fobj_rw_config config;

    memset(rig, 0, sizeof *rig);
    memset(&config, 0, sizeof config);
    config.num_pages = PAGES;
    config.slots = rig->slots;
    config.store.ctx = rig;
    config.store.npages = PAGES;
    config.store.read = store_read;
    config.store.write = store_write;
    config.sealing.sealer = &rig->sealer;
    config.sealing.meta = rig->meta;
    if (quire_sealer_init(&rig->sealer, &crypto_seal_hooks, crypto) != QUIRE_OK ||
        quire_fobj_rw_init(&rig->rw, &config) != QUIRE_OK) {
        puts("not ok - an object");
        exit(1);
    }
}

static bool rig_end(struct rig *rig)
{
    return quire_fobj_put(&rig->rw.base) == QUIRE_OK && quire_sealer_fini(&rig->sealer) == QUIRE_OK;
}

/* What the pager asks of an object when it evicts a page, and when it faults one in. */
static enum quire_status ask(struct quire_fobj *fobj, uint32_t pgidx, void *page, bool save)
{
    struct quire_io io;

    memset(&io, 0, sizeof io);
    io.fobj = fobj;
    io.pgidx = pgidx;
    io.npages = 1;
    io.page = &page;
    io.stored = true;
    return save ? fobj->ops->save(&io) : fobj->ops->load(&io);
}

static enum quire_status transfer(struct rig *rig, uint32_t pgidx, void *page, bool save)
{
    return ask(&rig->rw.base, pgidx, page, save);
}

static void objects(struct crypto *crypto)
{
    static struct rig rig;
    static unsigned char page[QUIRE_PAGE_SIZE], old[QUIRE_PAGE_SIZE], expected[QUIRE_PAGE_SIZE];
    bool good = true;
    uint32_t i;

    rig_begin(&rig, crypto);
    for (i = 0; i < PAGES; i++) {
        fill(page, i);
        good = good && transfer(&rig, i, page, true) == QUIRE_OK && memcmp(rig.stored[i], page, sizeof page) != 0;
    }
    for (i = 0; i < PAGES; i++) {
        fill(expected, i);
        good = good && transfer(&rig, i, page, false) == QUIRE_OK && memcmp(page, expected, sizeof page) == 0;
    }
    result(good, "pages of an object leave sealed and come back whole");
    memcpy(old, rig.stored[2], sizeof old);
    memcpy(rig.stored[2], rig.stored[3], sizeof old);
    good = transfer(&rig, 2, page, false) == QUIRE_INTEGRITY;
    memcpy(rig.stored[2], old, sizeof old);
    good = good && transfer(&rig, 2, page, false) == QUIRE_OK && transfer(&rig, 2, page, true) == QUIRE_OK;
    result(good && memcmp(rig.stored[2], old, sizeof old) != 0,
           "another page there: INTEGRITY; the same page anew is sealed otherwise");
    memcpy(rig.stored[2], old, sizeof old);
    result(transfer(&rig, 2, page, false) == QUIRE_INTEGRITY, "an older copy there: INTEGRITY");
    result(rig_end(&rig), "object and sealer end");
}

static void hashed_object(void)
{
    static unsigned char content[PAGES][QUIRE_PAGE_SIZE], page[QUIRE_PAGE_SIZE];
    static unsigned char hashes[PAGES][QUIRE_HASH_SIZE_DEFAULT];
    static uint32_t slots[PAGES];
    static struct quire_fobj_ro ro;
    struct quire_fobj_ro_config config;
    bool good = true;
    uint32_t i;

    for (i = 0; i < PAGES; i++) {
        fill(content[i], i);
        good = good && crypto_digest(NULL, 0, content[i], hashes[i]) == QUIRE_OK;
    }
    memset(&config, 0, sizeof config);
    config.len = sizeof content;
    config.slots = slots;
    config.data = content;
    config.hash.digest = crypto_digest;
    config.hashes = hashes;
    config.hashes_len = sizeof hashes;
    good = good && quire_fobj_ro_init(&ro, &config) == QUIRE_OK;
    for (i = 0; good && i < PAGES; i++) {
        good = ask(&ro.base, i, page, false) == QUIRE_OK && memcmp(page, content[i], sizeof page) == 0;
    }
    content[5][77] ^= 4u;
    good = good && ask(&ro.base, 5, page, false) == QUIRE_INTEGRITY && ask(&ro.base, 6, page, false) == QUIRE_OK;
    result(good && quire_fobj_put(&ro.base) == QUIRE_OK,
           "a read-only object verified by hashes: its pages come, a changed one does not");
}

/* ---- Random ---- */

struct source {
    int answer;
    unsigned calls;
};

static int entropy(void *ctx, unsigned char *out, size_t len)
{
    struct source *source = ctx;

    source->calls++;
    memset(out, (int)source->calls, len);
    return source->answer;
}

static void random_bytes(struct crypto *crypto)
{
    unsigned char a[QUIRE_SEAL_SEED_BYTES], b[QUIRE_SEAL_SEED_BYTES];
    struct crypto_config config;
    struct quire_sealer sealer;
    struct source source = {0, 0};
    struct crypto *other;
    const char *why;

    result(crypto_seal_hooks.random(crypto, a, sizeof a) == QUIRE_OK &&
               crypto_seal_hooks.random(crypto, b, sizeof b) == QUIRE_OK && memcmp(a, b, sizeof a) != 0,
           "random bytes differ");
    memset(&config, 0, sizeof config);
    config.entropy = entropy;
    config.entropy_ctx = &source;
    other = crypto_new(&config, &why);
    result(other != NULL && source.calls > 0 && crypto_seal_hooks.random(other, a, sizeof a) == QUIRE_OK,
           "entropy of one's own");
    source.answer = -1;
    result(other != NULL && quire_sealer_init(&sealer, &crypto_seal_hooks, other) == QUIRE_IO,
           "entropy that fails: no key, IO");
    if (other != NULL) {
        crypto_free(other);
    }
    result(crypto_new(&config, &why) == NULL && strcmp(why, "no entropy") == 0,
           "entropy that fails from the beginning: no adapter");
    config.threads = CRYPTO_THREADS_MAX + 1u;
    result(crypto_new(&config, &why) == NULL && strstr(why, "threads") != NULL, "too many threads: no adapter");
}

/* ---- Keys ---- */

#define KEY 32u
#define CHUNK ((size_t)1 << 16)

/* How often the key, of which `inverted` is the inverse, is in `bytes`, beginning before CHUNK. */
static unsigned count_in_chunk(const unsigned char *bytes, size_t len, const unsigned char *inverted)
{
    const unsigned char *at = bytes;
    const unsigned char *last = bytes + (len < KEY ? 0 : len - KEY < CHUNK ? len - KEY + 1u : CHUNK);
    unsigned found = 0;
    size_t k;

    while (at < last && (at = memchr(at, (unsigned char)~inverted[0], (size_t)(last - at))) != NULL) {
        for (k = 1; k < KEY && (at[k] ^ inverted[k]) == 0xff; k++) {
        }
        found += k == KEY;
        at++;
    }
    return found;
}

static unsigned count_in_range(int memory, uint64_t from, uint64_t to, const unsigned char *inverted)
{
    static unsigned char chunk[CHUNK + KEY];
    unsigned found = 0;

    for (; from < to; from += CHUNK) {
        size_t want = to - from < sizeof chunk ? (size_t)(to - from) : sizeof chunk;
        ssize_t got = pread(memory, chunk, want, (off_t)from);

        if ((uintptr_t)chunk - from >= want &&
            from - (uintptr_t)chunk >= sizeof chunk) { /* what was read is a copy, not a key left */
            found += count_in_chunk(chunk, got > 0 ? (size_t)got : 0, inverted);
        }
        mbedtls_platform_zeroize(chunk, sizeof chunk);
    }
    return found;
}

/* ... in this process's writable memory. */
static unsigned count_in_memory(const unsigned char *inverted)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY);
    unsigned found = 0;
    char line[512];

    while (maps != NULL && memory >= 0 && fgets(line, sizeof line, maps) != NULL) {
        unsigned long long from, to;
        char prot[8];

        if (sscanf(line, "%llx-%llx %7s", &from, &to, prot) == 3 && prot[0] == 'r' && prot[1] == 'w' &&
            to - from < 1u << 28) { /* a sanitizer's shadow is larger than that */
            found += count_in_range(memory, from, to, inverted);
        }
    }
    if (maps != NULL) {
        fclose(maps);
    }
    if (memory >= 0) {
        close(memory);
    }
    return found;
}

static void keys(struct crypto *crypto)
{
    unsigned char inverted[32];
    unsigned char seed[32];
    void *key, *second, *third = NULL;
    size_t i;

    /* A key, of which this function keeps only the inverse. */
    if (crypto_seal_hooks.random(crypto, inverted, sizeof inverted) != QUIRE_OK) {
        puts("not ok - random bytes");
        exit(1);
    }
    for (i = 0; i < sizeof seed; i++) {
        seed[i] = (unsigned char)~inverted[i];
    }
    key = make_key(crypto, seed);
    mbedtls_platform_zeroize(seed, sizeof seed);
    result(count_in_memory(inverted) >= LANES, "a key is in memory while it lives: in each lane");
    second = make_key(crypto, inverted);
    result(crypto_seal_hooks.key_make(crypto, 3, inverted, &third) == QUIRE_NO_MEMORY, "a third key: NO_MEMORY");
    crypto_seal_hooks.key_wipe(crypto, key);
    result(count_in_memory(inverted) == 0, "... and nowhere when it was wiped");
    key = make_key(crypto, inverted);
    crypto_seal_hooks.key_wipe(crypto, second);
    crypto_seal_hooks.key_wipe(crypto, key);
    if (crypto_is_locked(crypto)) {
        puts("ok - what is secret is locked in memory");
    } else {
        puts("ok - what is secret is locked in memory # skip: not permitted here");
    }
}

/* ---- Threads ---- */

struct worker {
    struct crypto *crypto;
    void *key;
    unsigned index;
    unsigned wrong;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    unsigned char *page = malloc(QUIRE_PAGE_SIZE);
    unsigned char *expected = malloc(QUIRE_PAGE_SIZE);
    unsigned i;

    for (i = 0; page != NULL && expected != NULL && i < ROUNDS; i++) {
        unsigned char *buffer = crypto_seal_hooks.buffer_get(worker->crypto);
        struct quire_seal_label label;
        unsigned char tag[16];

        fill_label(&label, 0);
        label.nonce[0] = (unsigned char)worker->index;
        label.nonce[1] = (unsigned char)i;
        fill(page, worker->index * 16u + i);
        worker->wrong += crypto_seal_hooks.seal(worker->crypto, worker->key, &label, page, buffer, tag) != QUIRE_OK;
        memcpy(page, buffer, QUIRE_PAGE_SIZE);
        crypto_seal_hooks.buffer_put(worker->crypto, buffer);
        page[i] ^= i % 2u;
        fill(expected, worker->index * 16u + i);
        if (i % 2u != 0) {
            worker->wrong += crypto_seal_hooks.open(worker->crypto, worker->key, &label, page, tag) != QUIRE_INTEGRITY;
        } else {
            worker->wrong += crypto_seal_hooks.open(worker->crypto, worker->key, &label, page, tag) != QUIRE_OK ||
                             memcmp(page, expected, QUIRE_PAGE_SIZE) != 0;
        }
    }
    worker->wrong += page == NULL || expected == NULL;
    free(page);
    free(expected);
    return NULL;
}

static void threads(struct crypto *crypto)
{
    struct worker workers[THREADS];
    pthread_t thread[THREADS];
    unsigned char seed[2][32] = {{5}, {6}};
    void *key[2];
    unsigned wrong = 0;
    unsigned i;

    key[0] = make_key(crypto, seed[0]);
    key[1] = make_key(crypto, seed[1]);
    for (i = 0; i < THREADS; i++) {
        workers[i].crypto = crypto;
        workers[i].key = key[i % 2u];
        workers[i].index = i;
        workers[i].wrong = 0;
        if (pthread_create(&thread[i], NULL, work, &workers[i]) != 0) {
            puts("not ok - a thread");
            exit(1);
        }
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        wrong += workers[i].wrong;
    }
    crypto_seal_hooks.key_wipe(crypto, key[0]);
    crypto_seal_hooks.key_wipe(crypto, key[1]);
    result(wrong == 0, "threads with two keys, more than there are lanes and buffers, each get their own pages");
}

int main(void)
{
    struct crypto *crypto = make(LANES);

    known_answers(crypto);
    known_page(crypto);
    tampering(crypto);
    objects(crypto);
    hashed_object();
    random_bytes(crypto);
    keys(crypto);
    threads(crypto);
    crypto_free(crypto);
    return failures != 0;
}
