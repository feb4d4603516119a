/* quire/seal.h - sealing pages: the user's cipher, its keys, and nonces that never repeat. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_SEAL_H
#define QUIRE_SEAL_H

#include "base.h"

/*
 * For pages that leave for memory, flash or a file that somebody else can read, change, swap and roll back. The user supplies an
 * authenticated cipher (AES-GCM, ChaCha20-Poly1305, a crypto engine), random bytes and a page to seal into; the library decides
 * what each page is sealed with, and keeps what is needed to open it. Three calls:
 *
 *     quire_sealer_init(&sealer, &hooks, ctx);       one key, drawn now. Objects: config.sealing.sealer (fobj_rw.h)
 *     quire_sealer_rekey(&sealer);                   a new key, used from now on; then quire_fobj_rw_rekey() (rekey.h) each object:
 *                                                    with the last of them the old key is wiped
 *     quire_sealer_fini(&sealer);                    when no object is left: wipes the key
 *
 * What a page is sealed with:
 *
 *     aad     [ epoch 32 ][ object 32 ][ page index 32 ][ version 32 ]   little endian: what the tag binds the page to
 *     nonce               [ object 32 ][ page index 32 ][ version 32 ]   the same without the epoch, which names the key
 *
 * Why no (key, nonce) pair repeats. An object draws its number once per key, from a counter of the sealer that only grows while
 * that key lives: no other object ever has it, whatever storage, slots, addresses or metadata it inherits, and however it died.
 * A page of an object is in one save at a time, and before each call of `seal` its version grows, in memory that the store cannot
 * write: so also where the call, or the write that followed, failed. A page's version begins anew only where its metadata names
 * another epoch, and then the key is another. No counter wraps: at its end the save answers LIMIT, the page stays resident and
 * dirty, and a new key, which every counter begins anew with, helps.
 *
 * Why no other page passes. Metadata says with which epoch and version a page was stored last, and has its tag; the aad has the
 * object and the index as well. A page of another place, object or time was sealed under another aad, and has another tag.
 *
 *     keys:   [ epoch 6 (old): held by the objects that may still have pages under it ]
 *             [ epoch 7: every seal ]
 *
 * Each object holds one key: the oldest that a page of it may be stored under. The last object that lets go of an old key has it
 * wiped. So nothing counts operations in flight: who works has an object, and an object lets go when no page of it is at work.
 *
 * Invariants: at most two keys; the current one is never wiped but by fini; a key that an object holds is never wiped.
 */
QUIRE_BEGIN

#define QUIRE_SEAL_SEED_BYTES 32u
#define QUIRE_SEAL_NONCE_BYTES 12u
#define QUIRE_SEAL_AAD_BYTES 16u
#define QUIRE_SEAL_TAG_BYTES 16u

/* What one page is sealed with, and opened with again. */
struct quire_seal_label {
    uint8_t nonce[QUIRE_SEAL_NONCE_BYTES]; /* given once per key */
    uint8_t aad[QUIRE_SEAL_AAD_BYTES];     /* authenticated, not kept by the store */
};

/* What is known of a page that was sealed: 24 bytes, in memory that the store can neither write nor roll back. All zero: never
 * sealed. */
struct quire_seal_meta {
    uint32_t version;                  /* of the last call of `seal` */
    uint32_t epoch;                    /* and the key it was made with; 0: none yet */
    uint8_t tag[QUIRE_SEAL_TAG_BYTES]; /* what that call answered */
};

/*
 * The user's cipher. All of them (must); they are called without any lock of Quire, by several threads at once (never two for one
 * page), may sleep, and must not touch memory that waits for them. Statuses: OK, IO, INTEGRITY, NO_MEMORY or LIMIT; every other
 * counts as BAD_ANSWER. One table may serve many sealers: `ctx` tells them apart.
 */
struct quire_seal_hooks {
    /* Fills `bytes`. Anything but OK: no new key is made. */
    enum quire_status (*random)(void *ctx, void *bytes, size_t len);

    /* Makes a key from `seed`, QUIRE_SEAL_SEED_BYTES random bytes that are wiped afterwards, and stores in *key what the other
     * hooks get: an expanded schedule, a slot of a crypto engine, a handle; null is as good as any. An engine that makes its own
     * keys need not look at the seed; but the key must be one that was never used before, not by another sealer either and not
     * before a restart: nonces begin anew with it. `epoch` is for information. At most two keys exist at a time. */
    enum quire_status (*key_make)(void *ctx, uint32_t epoch, const uint8_t *seed, void **key);

    /* The key is never used again: leaves nothing of it. */
    void (*key_wipe)(void *ctx, void *key);

    /* Encrypts `plain`, a page, into `sealed`, a page, and stores the tag over it and label->aad in `tag`
     * (QUIRE_SEAL_TAG_BYTES). A page that is pinned for a device, is being copied into (quire_vm_copy_to()), or holds metadata of
     * other pages, may change meanwhile: read each byte of it once. */
    enum quire_status (*seal)(void *ctx, void *key, const struct quire_seal_label *label, const void *plain, void *sealed,
                              uint8_t *tag);

    /* Decrypts `page` in place (what mbedTLS does where input and output are one) if `tag` is the one over it and label->aad,
     * compared in constant time, else INTEGRITY. What it leaves in the page then does not matter: nobody sees it. */
    enum quire_status (*open)(void *ctx, void *key, const struct quire_seal_label *label, void *page, const uint8_t *tag);

    /* Lends a page to seal into, other than the one being saved; null: none to be had, which the save answers with NO_MEMORY.
     * May sleep until another save gives one back. It never holds plain text; but nobody else must be able to write it before
     * `seal` has returned, unless the cipher never reads what it wrote: else the tag is over what somebody put there. */
    void *(*buffer_get)(void *ctx);
    void (*buffer_put)(void *ctx, void *buffer);
};

/* One domain of keys. Its user's storage, which lives until quire_sealer_fini(). */
struct quire_sealer {
    const struct quire_seal_hooks *hooks;
    void *ctx;
    void *key[2];        /* of an epoch: key[epoch & 1] */
    uint32_t epoch;      /* of the current key: 1, 2, ...; atomic */
    uint32_t state;      /* QUIRE_SEALER_*; atomic */
    uint32_t holders[2]; /* objects whose oldest pages may be under that key; atomic */
    uint32_t objects[2]; /* the last object number given out under that key; atomic */
};

#define QUIRE_SEALER_ONE 1u      /* one key */
#define QUIRE_SEALER_TWO 2u      /* the old key is there too */
#define QUIRE_SEALER_CHANGING 3u /* somebody is making or wiping a key */
#define QUIRE_SEALER_ENDED 4u

/* Makes a sealer and its first key. INVALID: a null argument but `ctx`, or a hook missing; else what `random` or `key_make`
 * answered, then no key exists. Takes no lock; sleeps in these hooks. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_sealer_init(struct quire_sealer *sealer,
                                                               const struct quire_seal_hooks *hooks, void *ctx)
    QUIRE_SYM(quire_sealer_init);

/* Makes a new key and seals with it from now on; what is stored stays readable under the old one, which is wiped when each object
 * has been through quire_fobj_rw_rekey() (rekey.h) or died (at once if there is none). BUSY: the old key of the last time is
 * still held, or another thread is changing keys; LIMIT: the epochs are used up (a new sealer helps); else what `random` or
 * `key_make` answered: the old key stays in use. From any thread, without locks; sleeps in these hooks. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_sealer_rekey(struct quire_sealer *sealer) QUIRE_SYM(quire_sealer_rekey);

/* Wipes what is left. BUSY: objects hold keys; nothing was changed. INVALID: it has ended before. No other call of this sealer may
 * be under way. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_sealer_fini(struct quire_sealer *sealer) QUIRE_SYM(quire_sealer_fini);

/* Are there two keys, the old one still held by an object? O(1). */
static inline bool quire_sealer_is_rekeying(const struct quire_sealer *sealer)
{
    return quire_atomic_load(&sealer->state) != QUIRE_SEALER_ONE;
}

/* ---- For kinds of objects that seal ---- */

/* One object's part: what it holds, and its numbers. */
struct quire_sealed {
    struct quire_sealer *sealer;
    uint32_t held;      /* epoch of the oldest key that a page of it may be stored under; atomic */
    uint32_t object[2]; /* its number under each key, 0: none drawn yet; atomic */
};

/* Joins an object to a sealer: it holds the current key, and no number yet. INVALID: no such sealer, or it has ended. LIMIT: as
 * many objects as can be counted. O(1), atomic. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_sealed_join(struct quire_sealed *sealed, struct quire_sealer *sealer)
    QUIRE_SYM(quire_sealed_join);

/* The object has no page stored any more, and none at work: lets go of its key. O(1), atomic; may call key_wipe. */
QUIRE_API QUIRE_RESIDENT void quire_sealed_leave(struct quire_sealed *sealed) QUIRE_SYM(quire_sealed_leave);

/* No page of the object is stored, or at work, under an older key than that of `epoch`: lets go of the older one. O(1), atomic; may
 * call key_wipe. */
QUIRE_API void quire_sealed_moved(struct quire_sealed *sealed, uint32_t epoch) QUIRE_SYM(quire_sealed_moved);

/* Seals page `pgidx`, `plain`, into `buffer` as the next version, which *meta says from now on, also if this fails. LIMIT: the
 * object's numbers or the page's versions are used up; *meta is as it was. Else the hook's answer; then, and only then, what is
 * in the buffer is no sealed page, and is wiped. No lock. O(1) and the cipher. */
QUIRE_API QUIRE_RESIDENT QUIRE_MUST_CHECK enum quire_status quire_sealed_seal(struct quire_sealed *sealed,
                                                                              struct quire_seal_meta *meta, uint32_t pgidx,
                                                                              const void *plain, void *buffer)
    QUIRE_SYM(quire_sealed_seal);

/* Opens page `pgidx` in place, as *meta says it was sealed. INTEGRITY: it is something else, or *meta names a key that is no more.
 * The caller wipes the page unless the answer is OK. No lock. O(1) and the cipher. */
QUIRE_API QUIRE_RESIDENT QUIRE_MUST_CHECK enum quire_status quire_sealed_open(const struct quire_sealed *sealed,
                                                                              const struct quire_seal_meta *meta,
                                                                              uint32_t pgidx, void *page)
    QUIRE_SYM(quire_sealed_open);

/* What a hook may answer, as it is; everything else as the lie it is. O(1). */
static inline QUIRE_RESIDENT enum quire_status quire_seal_answer(enum quire_status answer)
{
    bool known = answer == QUIRE_OK || answer == QUIRE_IO || answer == QUIRE_INTEGRITY || answer == QUIRE_NO_MEMORY ||
                 answer == QUIRE_LIMIT;

    return QUIRE_LIKELY(known) ? answer : QUIRE_BAD_ANSWER;
}

QUIRE_END

#endif /* QUIRE_SEAL_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_SEAL_IMPLEMENTED)
#define QUIRE_SEAL_IMPLEMENTED

QUIRE_BEGIN

/* ---- Keys ---- */

/* Draws a seed and makes the key of `epoch` from it. */
static enum quire_status quire_sealer_make_key_(struct quire_sealer *sealer, uint32_t epoch)
{
    uint8_t seed[QUIRE_SEAL_SEED_BYTES];
    volatile uint8_t *wipe = seed;
    enum quire_status status = quire_seal_answer(sealer->hooks->random(sealer->ctx, seed, sizeof seed));
    size_t i;

    if (status == QUIRE_OK) {
        status = quire_seal_answer(sealer->hooks->key_make(sealer->ctx, epoch, seed, &sealer->key[epoch & 1u]));
    }
    for (i = 0; i < sizeof seed; i++) {
        wipe[i] = 0; /* volatile: the compiler would drop a memset of what dies here */
    }
    return status;
}

static bool quire_seal_hooks_valid_(const struct quire_seal_hooks *hooks)
{
    return hooks->random != NULL && hooks->key_make != NULL && hooks->key_wipe != NULL && hooks->seal != NULL &&
           hooks->open != NULL && hooks->buffer_get != NULL && hooks->buffer_put != NULL;
}

QUIRE_API enum quire_status quire_sealer_init(struct quire_sealer *sealer, const struct quire_seal_hooks *hooks, void *ctx)
{
    enum quire_status status;

    if (sealer == NULL || hooks == NULL || !quire_seal_hooks_valid_(hooks)) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMSET(sealer, 0, sizeof *sealer);
    sealer->hooks = hooks;
    sealer->ctx = ctx;
    sealer->epoch = 1;
    status = quire_sealer_make_key_(sealer, 1);
    sealer->state = status == QUIRE_OK ? QUIRE_SEALER_ONE : QUIRE_SEALER_ENDED;
    return status;
}

/* Wipes the old key if nobody holds it. Whoever drops the last hold comes here after that, and whoever makes a key old comes here
 * after that: one of them sees both. An object that joins may count itself in for a moment; when it sees that the key is old it
 * counts itself out, and comes here too. */
static QUIRE_RESIDENT void quire_sealer_wipe_old_(struct quire_sealer *sealer)
{
    for (;;) {
        uint32_t state = QUIRE_SEALER_TWO;
        uint32_t old;

        if (quire_atomic_load(&sealer->state) != QUIRE_SEALER_TWO) {
            return;
        }
        old = (quire_atomic_load(&sealer->epoch) - 1u) & 1u;
        if (quire_atomic_load(&sealer->holders[old]) != 0 || !quire_atomic_cas(&sealer->state, &state, QUIRE_SEALER_CHANGING)) {
            return;
        }
        old = (quire_atomic_load(&sealer->epoch) - 1u) & 1u; /* before, it may have been an older one */
        if (quire_atomic_load(&sealer->holders[old]) == 0) {
            sealer->hooks->key_wipe(sealer->ctx, sealer->key[old]);
            sealer->key[old] = NULL;
            quire_atomic_store(&sealer->state, QUIRE_SEALER_ONE);
            return;
        }
        quire_atomic_store(&sealer->state, QUIRE_SEALER_TWO); /* and look again: who left meanwhile saw CHANGING */
    }
}

QUIRE_API enum quire_status quire_sealer_rekey(struct quire_sealer *sealer)
{
    uint32_t state = QUIRE_SEALER_ONE;
    enum quire_status status;
    uint32_t epoch;

    if (!quire_atomic_cas(&sealer->state, &state, QUIRE_SEALER_CHANGING)) {
        return state == QUIRE_SEALER_ENDED ? QUIRE_INVALID : QUIRE_BUSY;
    }
    epoch = quire_atomic_load(&sealer->epoch);
    status = epoch == UINT32_MAX ? QUIRE_LIMIT : quire_sealer_make_key_(sealer, epoch + 1u);
    if (status != QUIRE_OK) {
        quire_atomic_store(&sealer->state, QUIRE_SEALER_ONE);
        return status;
    }
    quire_atomic_store(&sealer->objects[(epoch + 1u) & 1u], 0);
    quire_atomic_store(&sealer->epoch, epoch + 1u); /* from here on everybody seals with it */
    quire_atomic_store(&sealer->state, QUIRE_SEALER_TWO);
    quire_sealer_wipe_old_(sealer);
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_sealer_fini(struct quire_sealer *sealer)
{
    uint32_t state = quire_atomic_load(&sealer->state);

    if (state == QUIRE_SEALER_ENDED) {
        return QUIRE_INVALID;
    }
    if (state != QUIRE_SEALER_ONE || quire_atomic_load(&sealer->holders[0]) != 0 ||
        quire_atomic_load(&sealer->holders[1]) != 0) {
        return QUIRE_BUSY;
    }
    sealer->hooks->key_wipe(sealer->ctx, sealer->key[sealer->epoch & 1u]);
    QUIRE_MEMSET(sealer, 0, sizeof *sealer);
    sealer->state = QUIRE_SEALER_ENDED;
    return QUIRE_OK;
}

/* ---- Holds and numbers ---- */

/* Counts up, to UINT32_MAX at most; 0: it is there already. Else the new value. */
static QUIRE_RESIDENT uint32_t quire_seal_count_(uint32_t *counter)
{
    uint32_t seen = quire_atomic_load(counter);

    do {
        if (seen == UINT32_MAX) {
            return 0;
        }
    } while (!quire_atomic_cas(counter, &seen, seen + 1u));
    return seen + 1u;
}

/* Drops a hold on the key of `epoch`. */
static QUIRE_RESIDENT void quire_sealer_let_go_(struct quire_sealer *sealer, uint32_t epoch)
{
    uint32_t *holders = &sealer->holders[epoch & 1u];
    uint32_t seen = quire_atomic_load(holders);

    QUIRE_ASSERT(seen != 0);
    while (!quire_atomic_cas(holders, &seen, seen - 1u)) {
    }
    if (seen == 1u) {
        quire_sealer_wipe_old_(sealer);
    }
}

QUIRE_API enum quire_status quire_sealed_join(struct quire_sealed *sealed, struct quire_sealer *sealer)
{
    uint32_t epoch;

    if (sealer == NULL || sealer->hooks == NULL || quire_atomic_load(&sealer->state) == QUIRE_SEALER_ENDED) {
        return QUIRE_INVALID;
    }
    for (;;) {
        epoch = quire_atomic_load(&sealer->epoch);
        if (quire_seal_count_(&sealer->holders[epoch & 1u]) == 0) {
            return QUIRE_LIMIT;
        }
        if (quire_atomic_load(&sealer->epoch) == epoch) {
            break; /* counted in while the key was current: it stays until this object lets go */
        }
        quire_sealer_let_go_(sealer, epoch);
    }
    sealed->sealer = sealer;
    sealed->held = epoch;
    sealed->object[0] = 0;
    sealed->object[1] = 0;
    return QUIRE_OK;
}

QUIRE_API QUIRE_RESIDENT void quire_sealed_leave(struct quire_sealed *sealed)
{
    struct quire_sealer *sealer = sealed->sealer;

    if (sealer != NULL) {
        sealed->sealer = NULL;
        quire_sealer_let_go_(sealer, quire_atomic_load(&sealed->held));
    }
}

QUIRE_API void quire_sealed_moved(struct quire_sealed *sealed, uint32_t epoch)
{
    struct quire_sealer *sealer = sealed->sealer;
    uint32_t old = epoch - 1u;

    /* Counted in before it is counted out; of two threads that come here one moves the object. */
    if (quire_atomic_load(&sealed->held) != old || quire_seal_count_(&sealer->holders[epoch & 1u]) == 0) {
        return;
    }
    if (quire_atomic_cas(&sealed->held, &old, epoch)) {
        quire_atomic_store(&sealed->object[(epoch - 1u) & 1u],
                           0); /* the key after this one is not there before the old is gone */
        quire_sealer_let_go_(sealer, epoch - 1u);
    } else {
        quire_sealer_let_go_(sealer, epoch);
    }
}

/* The object's number under the key of `epoch`, drawn if it has none; 0: they are used up. */
static QUIRE_RESIDENT uint32_t quire_sealed_number_(struct quire_sealed *sealed, uint32_t epoch)
{
    uint32_t *object = &sealed->object[epoch & 1u];
    uint32_t number = quire_atomic_load(object);

    if (QUIRE_UNLIKELY(number == 0)) {
        uint32_t drawn = quire_seal_count_(&sealed->sealer->objects[epoch & 1u]);

        if (drawn == 0 || quire_atomic_cas(object, &number, drawn)) {
            return drawn;
        } /* else another page of it was faster: `number` is what that drew, and `drawn` is nobody's for good */
    }
    return number;
}

/* ---- Sealing and opening ---- */

QUIRE_INLINE QUIRE_RESIDENT void quire_seal_put32_(uint8_t *to, uint32_t value)
{
#if defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    QUIRE_MEMCPY(to, &value, sizeof value); /* bytes one by one cost gcc 12 four times as much: it makes vectors of them */
#else
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
    to[2] = (uint8_t)(value >> 16);
    to[3] = (uint8_t)(value >> 24);
#endif
}

static QUIRE_RESIDENT void quire_seal_label_(struct quire_seal_label *label, uint32_t epoch, uint32_t object, uint32_t pgidx,
                                             uint32_t version)
{
    quire_seal_put32_(&label->nonce[0], object);
    quire_seal_put32_(&label->nonce[4], pgidx);
    quire_seal_put32_(&label->nonce[8], version);
    quire_seal_put32_(&label->aad[0], epoch);
    quire_seal_put32_(&label->aad[4], object);
    quire_seal_put32_(&label->aad[8], pgidx);
    quire_seal_put32_(&label->aad[12], version);
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_sealed_seal(struct quire_sealed *sealed, struct quire_seal_meta *meta,
                                                             uint32_t pgidx, const void *plain, void *buffer)
{
    struct quire_sealer *sealer = sealed->sealer;
    uint32_t epoch = quire_atomic_load(&sealer->epoch);
    uint32_t version = meta->epoch == epoch ? meta->version : 0;
    uint32_t object = quire_sealed_number_(sealed, epoch);
    struct quire_seal_label label;
    enum quire_status status;

    if (QUIRE_UNLIKELY(object == 0 || version == UINT32_MAX)) {
        return QUIRE_LIMIT;
    }
    quire_seal_label_(&label, epoch, object, pgidx, version + 1u);
    meta->version = version + 1u; /* before the call: what it did with the nonce, if it fails, nobody knows */
    meta->epoch = epoch;
    status = quire_seal_answer(sealer->hooks->seal(sealer->ctx, sealer->key[epoch & 1u], &label, plain, buffer, meta->tag));
    if (QUIRE_UNLIKELY(status != QUIRE_OK)) {
        QUIRE_MEMSET(buffer, 0, QUIRE_PAGE_SIZE);
    }
    return status;
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_sealed_open(const struct quire_sealed *sealed,
                                                             const struct quire_seal_meta *meta, uint32_t pgidx, void *page)
{
    const struct quire_sealer *sealer = sealed->sealer;
    uint32_t epoch = meta->epoch;
    uint32_t object = quire_atomic_load(&sealed->object[epoch & 1u]);
    struct quire_seal_label label;

    /* Only what this object holds, and the key after it, can be meant: any other is wiped, or was never there. The current one is
     * read first: after that, the object may let go of what it held, and the key that it moves to become old. */
    if (QUIRE_UNLIKELY(object == 0 || epoch == 0 ||
                       (epoch != quire_atomic_load(&sealer->epoch) && epoch != quire_atomic_load(&sealed->held)))) {
        return QUIRE_INTEGRITY;
    }
    quire_seal_label_(&label, epoch, object, pgidx, meta->version);
    return quire_seal_answer(sealer->hooks->open(sealer->ctx, sealer->key[epoch & 1u], &label, page, meta->tag));
}

QUIRE_END

#endif
