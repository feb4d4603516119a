/* quire/shm.h - the memory two worlds share: a pool for messages, a pool for buffers. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_SHM_H
#define QUIRE_SHM_H

#include "base.h"
#include "fobj_phys.h"
#include "pool.h"
#include "tree.h"
#include "view.h"

/*
 * A driver learns at run time where the memory lies that it shares with another world, and divides it once:
 *
 *     pa                      pa + driver_pages                              pa + size
 *     | driver pool: messages | client pool: buffers                        |
 *       8-byte aligned,         whole pages, counted: each is an fobj that may be mapped into several contexts
 *       in this process
 *
 *     config.pa, .va, .size: what was discovered               config.driver_book, .client_book: QUIRE_SHM_..._BOOK_BYTES()
 *     quire_shm_init(&shm, &config, &refusal)                  refused with a reason unless all of it can be
 *     quire_shm_driver_pool_alloc(&shm.driver, len, &handle)   pool_type.h; pool_object_type.h binds message types to this pool
 *     quire_shm_alloc(&shm, len, &buffer)                      buffer->phys.base is what to map, get and put
 *     quire_shm_put(buffer)                                    the last put wipes it and returns it to the pool
 *
 * Neither pool can starve the other: each has its own memory and its own book. All bookkeeping is private memory of the
 * caller's, and nothing is ever read back from the shared memory to decide anything.
 *
 * Locking: one pair of hooks, a leaf: held for bookkeeping, never while memory is wiped or allocated, and never twice. With it
 * every function but init and fini may be called from any thread, and a last put from wherever the hooks, and mem->free if
 * there is one, may be called.
 *
 * Invariants: a live buffer is in the tree and its pages are allocated in the client pool; its pages go back exactly once,
 * after its last reference, clean; driver pages and client pages never overlap and fill the window.
 */

/* ---- The two types of pool: pieces are zero when handed out, and wiped when returned ---- */

#define QUIRE_POOL_NAME quire_shm_driver_pool
#define QUIRE_POOL_ALIGN 8
#define QUIRE_POOL_ZERO_ALLOC 1
#define QUIRE_POOL_ZERO_FREE 1
#define QUIRE_POOL_INDEXED 1
#include "pool_type.h"

#define QUIRE_POOL_NAME quire_shm_client_pool
#define QUIRE_POOL_ALIGN (1 << QUIRE_PAGE_SHIFT)
#define QUIRE_POOL_ZERO_ALLOC 1
#define QUIRE_POOL_ZERO_FREE 1
#include "pool_type.h"

QUIRE_BEGIN

/* ---- Types ---- */

#define QUIRE_SHM_DRIVER_PAGES 4u /* of the driver pool, unless told */

/* Bytes of the driver pool's book for `messages` messages at once in `pages` pages, and of the client pool's for `buffers`
 * buffers in a shared memory of up to `bytes` bytes. */
#define QUIRE_SHM_DRIVER_BOOK_BYTES(pages, messages)                                                                       \
    QUIRE_POOL_BOOK_BYTES((uint64_t)(pages) << QUIRE_PAGE_SHIFT, quire_shm_driver_pool_align, quire_shm_driver_pool_flags, \
                          (messages))
#define QUIRE_SHM_CLIENT_BOOK_BYTES(bytes, buffers) \
    QUIRE_POOL_BOOK_BYTES((bytes), quire_shm_client_pool_align, quire_shm_client_pool_flags, (buffers))

struct quire_shm;

/* A piece of the client pool. Only `phys.base`, `size` and `user` are for users. */
struct quire_shm_buffer {
    struct quire_fobj_phys phys;                /* &phys.base: map it (whole pages), get it, put it */
    size_t size;                                /* bytes, as they were asked for */
    void *user;                                 /* the user's own; null at first */
    struct quire_shm *shm;                      /* whose; null while it is none */
    struct quire_shm_client_pool_handle handle; /* its pages */
    struct quire_tree_node node;                /* by physical address, while there are references; under the lock */
    struct quire_shm_buffer *next;              /* of the unused ones; under the lock */
};

/* Physical memory that is not to be shared: first and last byte. */
struct quire_shm_range {
    uint64_t first;
    uint64_t last;
};

/* Zero-initialise it, then set what is marked (must). It may be discarded after quire_shm_init(). */
struct quire_shm_config {
    struct quire_pa pa; /* (must) what was discovered: first byte, physically ... */
    uintptr_t va;       /* (must) ... where this world mapped it (0, there and here, is an address like any other) ... */
    uint64_t size;      /* (must) ... and how many bytes */

    const struct quire_shm_range *secure; /* what it must not touch: all memory that the other world is not to see */
    size_t num_secure;                    /* how many ranges */

    uint32_t driver_pages; /* of the driver pool, from the start; the rest, at least a page, is the client pool. 0: 4 */
    unsigned max_prot;     /* what mappings of buffers may permit; 0: QUIRE_PROT_READ | QUIRE_PROT_WRITE */

    void *driver_book; /* (must) private, aligned to 8, the manager's until quire_shm_fini() */
    size_t driver_book_bytes;
    void *client_book; /* (must) */
    size_t client_book_bytes;
    uint32_t life; /* not that of the last manager in this place: handles of its time are refused then */

    /* (one of the two) Where the structures of buffers come from: an array, the manager's until quire_shm_fini(), or an
     * allocator, which outlives the manager; it is called without the lock, and its `free` by last puts. */
    struct quire_shm_buffer *buffers;
    size_t num_buffers;
    const struct quire_mem *mem;

    /* (both or neither) The lock; `lock` returns a key that `unlock` gets back. None: single-threaded use. */
    uintptr_t (*lock)(void *ctx);
    void (*unlock)(void *ctx, uintptr_t key);
    void *lock_ctx;
};

/* Why quire_shm_init() refused. */
enum quire_shm_reason {
    QUIRE_SHM_FINE = 0,
    QUIRE_SHM_BAD_CONFIG,   /* null, half a lock, no buffers or both kinds, or permissions that no fobj has */
    QUIRE_SHM_EMPTY,        /* the memory has no bytes */
    QUIRE_SHM_UNALIGNED_PA, /* these are no multiples of a page */
    QUIRE_SHM_UNALIGNED_VA,
    QUIRE_SHM_UNALIGNED_SIZE,
    QUIRE_SHM_WRAPS_PA, /* it passes the end of the address space */
    QUIRE_SHM_WRAPS_VA,
    QUIRE_SHM_TOO_SMALL,   /* no page is left for the client pool */
    QUIRE_SHM_SECURE,      /* it overlaps a secure range: which one and where is told */
    QUIRE_SHM_BAD_SECURE,  /* a secure range ends before it begins: which one is told */
    QUIRE_SHM_DRIVER_BOOK, /* a book is missing, unaligned or too small, or overlaps the shared memory or the other book */
    QUIRE_SHM_CLIENT_BOOK,
    QUIRE_SHM_BUFFERS /* the array of buffers overlaps the shared memory */
};

/* Filled by quire_shm_init() whatever it returns. */
struct quire_shm_refusal {
    enum quire_shm_reason reason;
    size_t index;   /* SECURE, BAD_SECURE: which range */
    uint64_t first; /* SECURE: first and last byte of the overlap; BAD_SECURE: of the range; */
    uint64_t last;  /* TOO_SMALL: how many bytes there are, and how many would do */
};

enum quire_shm_kind { QUIRE_SHM_MESSAGE, QUIRE_SHM_BUFFER };

/* Something that is out. */
struct quire_shm_live {
    enum quire_shm_kind kind;
    struct quire_pa pa;
    size_t size;             /* bytes: of a message its whole units, of a buffer its whole pages */
    uint32_t refs;           /* of a buffer; 0: it is just being made or returned. Of a message 1 */
    struct quire_fobj *fobj; /* of a buffer with references; else null */
};

/* Called for something that is out; returns whether to go on. Called with the lock held: it must not call the manager. */
typedef bool (*quire_shm_visit)(void *ctx, const struct quire_shm_live *live);

struct quire_shm {
    struct quire_shm_driver_pool driver; /* for messages: use it directly */
    struct quire_shm_client_pool client; /* for buffers: use quire_shm_alloc() */
    struct quire_view window;            /* all of it */
    const struct quire_mem *mem;
    struct quire_shm_buffer *unused; /* of the array; under the lock */
    struct quire_tree buffers;       /* those with references, by address; under the lock */
    uint32_t live;                   /* buffers out, those being returned too; under the lock */
    unsigned max_prot;
    uintptr_t (*lock)(void *ctx);
    void (*unlock)(void *ctx, uintptr_t key);
    void *lock_ctx;
};

/* ---- Life ---- */

/* Makes a manager of the shared memory that was discovered. Writes to it only by wiping what is handed out and returned.
 * DENIED: it overlaps a secure range; NO_SPACE: it is too small for the split; INVALID: everything else that is wrong.
 * `refusal` (may be null) gets the reason; *shm is unchanged or zeroed then, and takes no call. O(books + secure ranges). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_shm_init(struct quire_shm *shm, const struct quire_shm_config *config,
                                                            struct quire_shm_refusal *refusal) QUIRE_SYM(quire_shm_init);

/* What a reason means, in words. Never null. O(1). */
QUIRE_API const char *quire_shm_reason_text(enum quire_shm_reason reason) QUIRE_SYM(quire_shm_reason_text);

/* Ends it: memory, books and array are the caller's again. BUSY while messages or buffers are out: `visit`, if not null, is
 * told of each, messages first, each kind ascending; nothing changed. INVALID: null, or not initialised. Nobody else may use
 * the manager any more, except that last puts may still be on their way: then it is BUSY. O(books). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_shm_fini(struct quire_shm *shm, quire_shm_visit visit, void *ctx)
    QUIRE_SYM(quire_shm_fini);

/* ---- Buffers ---- */

/* Makes a buffer of `size` bytes, in whole pages, all zero, with one reference, the caller's; stores it in *buffer, null on
 * error. INVALID: null or size 0; NO_SPACE: no hole of the client pool has room; NO_MEMORY: its book or the array is used up,
 * or `mem` has none. Wipes without the lock. O(log buffers) and the wipe. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_shm_alloc(struct quire_shm *shm, size_t size,
                                                             struct quire_shm_buffer **buffer) QUIRE_SYM(quire_shm_alloc);

/* Adds a reference, as quire_fobj_get(&buffer->phys.base) does. DEAD, LIMIT. O(1), no lock. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_shm_get(struct quire_shm_buffer *buffer) QUIRE_SYM(quire_shm_get);

/* Drops a reference, as quire_fobj_put(&buffer->phys.base) does. The last one wipes the buffer, gives its pages back to the
 * pool and its structure to where it came from; any thread may be it. UNDERFLOW: one put too many, if it can still be seen:
 * nothing changed. O(1); the last O(log buffers) and the wipe. */
QUIRE_API enum quire_status quire_shm_put(struct quire_shm_buffer *buffer) QUIRE_SYM(quire_shm_put);

/* Makes a view of the buffer's `size` bytes, good while the caller has a reference. INVALID: null; DEAD: it has none. O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_shm_view(struct quire_shm_buffer *buffer, struct quire_view *view)
    QUIRE_SYM(quire_shm_view);

/* The buffer whose fobj this is; null if it is no buffer's. O(1). */
QUIRE_API struct quire_shm_buffer *quire_shm_buffer_of(struct quire_fobj *fobj) QUIRE_SYM(quire_shm_buffer_of);

/* ---- Translation ---- */

/* Translate the address of one byte of the shared memory, allocated or not. INVALID: null, or it lies elsewhere. O(1),
 * no lock. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_shm_va_to_pa(const struct quire_shm *shm, uintptr_t va, struct quire_pa *pa)
    QUIRE_SYM(quire_shm_va_to_pa);
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_shm_pa_to_va(const struct quire_shm *shm, struct quire_pa pa, uintptr_t *va)
    QUIRE_SYM(quire_shm_pa_to_va);

/* Which buffer holds all of [pa, pa + len)? Stores it in *buffer with a reference that the caller puts, and in *slice a view
 * of just that range, within the `size` bytes that were asked for. Null, and INVALID: null, len 0, or not all in the client
 * pool; NOT_FOUND: no single live buffer holds it; LIMIT: its count is at the maximum. This is how an address that the other
 * world sent is believed. O(log buffers). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_shm_find_buffer(struct quire_shm *shm, struct quire_pa pa, uint64_t len,
                                                                   struct quire_shm_buffer **buffer, struct quire_view *slice)
    QUIRE_SYM(quire_shm_find_buffer);

/* The same for messages: makes a view of just that range, if one live message holds all of it, its whole 8 bytes counted.
 * Messages are not counted: that it stays is the caller's own business. O(log messages). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_shm_find_message(struct quire_shm *shm, struct quire_pa pa, uint64_t len,
                                                                    struct quire_view *slice) QUIRE_SYM(quire_shm_find_message);

/* ---- Figures ---- */

/* Visits what is out as quire_shm_fini() does, without ending anything; returns whether it went to the end. O(n), the lock held
 * for each kind. */
QUIRE_API bool quire_shm_walk(struct quire_shm *shm, quire_shm_visit visit, void *ctx) QUIRE_SYM(quire_shm_walk);

QUIRE_END

#endif /* QUIRE_SHM_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_SHM_IMPLEMENTED)
#define QUIRE_SHM_IMPLEMENTED

QUIRE_BEGIN

static uintptr_t quire_shm_lock_(struct quire_shm *shm)
{
    return shm->lock != NULL ? shm->lock(shm->lock_ctx) : 0;
}

static void quire_shm_unlock_(struct quire_shm *shm, uintptr_t key)
{
    if (shm->unlock != NULL) {
        shm->unlock(shm->lock_ctx, key);
    }
}

static bool quire_shm_is_made_(const struct quire_shm *shm)
{
    return shm != NULL && shm->window.size != 0;
}

/* ---- Is this memory to be shared? ---- */

static enum quire_status quire_shm_refuse_(struct quire_shm_refusal *refusal, enum quire_shm_reason reason,
                                           enum quire_status status)
{
    refusal->reason = reason;
    return status;
}

/* Is there a window at all: not empty, whole pages, both ranges within their address spaces? */
static enum quire_shm_reason quire_shm_judge_window_(const struct quire_shm_config *config)
{
    if (config->size == 0) {
        return QUIRE_SHM_EMPTY;
    }
    if ((config->pa.addr & QUIRE_PAGE_MASK) != 0) {
        return QUIRE_SHM_UNALIGNED_PA;
    }
    if ((config->va & QUIRE_PAGE_MASK) != 0) {
        return QUIRE_SHM_UNALIGNED_VA;
    }
    if ((config->size & QUIRE_PAGE_MASK) != 0) {
        return QUIRE_SHM_UNALIGNED_SIZE;
    }
    if (config->size - 1u > UINT64_MAX - config->pa.addr) {
        return QUIRE_SHM_WRAPS_PA;
    }
    return config->size > SIZE_MAX || config->size - 1u > UINTPTR_MAX - config->va ? QUIRE_SHM_WRAPS_VA : QUIRE_SHM_FINE;
}

/* Does it touch nothing secure? */
static enum quire_status quire_shm_judge_secure_(const struct quire_shm_config *config, struct quire_shm_refusal *refusal)
{
    uint64_t first = config->pa.addr;
    uint64_t last = first + (config->size - 1u);
    size_t i;

    for (i = 0; i < config->num_secure; i++) {
        const struct quire_shm_range *range = &config->secure[i];

        refusal->index = i;
        if (range->first > range->last) {
            refusal->first = range->first;
            refusal->last = range->last;
            return quire_shm_refuse_(refusal, QUIRE_SHM_BAD_SECURE, QUIRE_INVALID);
        }
        if (range->first <= last && range->last >= first) {
            refusal->first = range->first > first ? range->first : first;
            refusal->last = range->last < last ? range->last : last;
            return quire_shm_refuse_(refusal, QUIRE_SHM_SECURE, QUIRE_DENIED);
        }
    }
    refusal->index = 0;
    return QUIRE_OK;
}

static bool quire_shm_config_valid_(const struct quire_shm *shm, const struct quire_shm_config *config)
{
    bool array = config->buffers != NULL && config->num_buffers != 0;
    bool mem = config->mem != NULL && config->mem->alloc != NULL && config->mem->free != NULL;

    return shm != NULL && (config->lock == NULL) == (config->unlock == NULL) && array != mem &&
           (config->buffers == NULL) == (config->num_buffers == 0) && (config->mem == NULL || mem) &&
           (config->num_secure == 0 || config->secure != NULL) && (config->max_prot & ~QUIRE_PROT_RWX) == 0;
}

/* Are these bytes some that the other world cannot write? */
static bool quire_shm_is_private_(const struct quire_view *window, const void *ptr, size_t len)
{
    return ptr != NULL && len != 0 && quire_view_apart_(window, ptr, len);
}

static bool quire_shm_is_apart_(const void *a, size_t a_len, const void *b, size_t b_len)
{
    uintptr_t a_last = (uintptr_t)a + (a_len - 1u);
    uintptr_t b_last = (uintptr_t)b + (b_len - 1u);

    return a_last < (uintptr_t)b || b_last < (uintptr_t)a;
}

/* Is the bookkeeping where it may be? The pools see to the rest. */
static enum quire_shm_reason quire_shm_judge_books_(const struct quire_shm *shm, const struct quire_shm_config *config,
                                                    const struct quire_view *window)
{
    if (!quire_shm_is_private_(window, shm, sizeof *shm)) {
        return QUIRE_SHM_BAD_CONFIG;
    }
    if (!quire_shm_is_private_(window, config->driver_book, config->driver_book_bytes)) {
        return QUIRE_SHM_DRIVER_BOOK;
    }
    if (!quire_shm_is_private_(window, config->client_book, config->client_book_bytes) ||
        !quire_shm_is_apart_(config->driver_book, config->driver_book_bytes, config->client_book, config->client_book_bytes)) {
        return QUIRE_SHM_CLIENT_BOOK;
    }
    if (config->buffers != NULL &&
        (config->num_buffers > SIZE_MAX / sizeof *config->buffers ||
         !quire_shm_is_private_(window, config->buffers, config->num_buffers * sizeof *config->buffers))) {
        return QUIRE_SHM_BUFFERS;
    }
    return QUIRE_SHM_FINE;
}

/* Everything that can be seen before anything is made. */
static enum quire_status quire_shm_judge_(const struct quire_shm *shm, const struct quire_shm_config *config,
                                          uint64_t driver_bytes, struct quire_view *window, struct quire_shm_refusal *refusal)
{
    enum quire_shm_reason reason = quire_shm_judge_window_(config);
    enum quire_status status;

    if (reason != QUIRE_SHM_FINE) {
        return quire_shm_refuse_(refusal, reason, QUIRE_INVALID);
    }
    status = quire_shm_judge_secure_(config, refusal);
    if (status != QUIRE_OK) {
        return status;
    }
    if (driver_bytes >= config->size) {
        refusal->first = config->size;
        refusal->last = driver_bytes + QUIRE_PAGE_SIZE;
        return quire_shm_refuse_(refusal, QUIRE_SHM_TOO_SMALL, QUIRE_NO_SPACE);
    }
    if (quire_view_make(config->va, config->pa, (size_t)config->size, window) != QUIRE_OK) {
        return quire_shm_refuse_(refusal, QUIRE_SHM_BAD_CONFIG, QUIRE_INVALID);
    }
    reason = quire_shm_judge_books_(shm, config, window);
    return reason != QUIRE_SHM_FINE ? quire_shm_refuse_(refusal, reason, QUIRE_INVALID) : QUIRE_OK;
}

QUIRE_API const char *quire_shm_reason_text(enum quire_shm_reason reason)
{
    static const char *const texts[] = {
        "nothing is wrong",
        "the configuration is incomplete or contradicts itself",
        "the shared memory is empty",
        "the shared memory does not begin at a page, physically",
        "the shared memory does not begin at a page, virtually",
        "the shared memory is not a whole number of pages",
        "the shared memory passes the end of physical memory",
        "the shared memory passes the end of the address space",
        "the shared memory has no room for both pools",
        "the shared memory overlaps secure memory",
        "a secure range ends before it begins",
        "the driver pool's book is missing, unaligned, too small or shared",
        "the client pool's book is missing, unaligned, too small or shared",
        "the array of buffers lies in the shared memory",
    };
    int i = (int)reason;

    return i >= 0 && i < (int)(sizeof texts / sizeof texts[0]) ? texts[i] : "?";
}

/* ---- Life ---- */

/* Makes both pools of the two parts of the window, which is judged to be sound. */
static enum quire_status quire_shm_divide_(struct quire_shm *shm, const struct quire_shm_config *config, size_t driver_bytes,
                                           struct quire_shm_refusal *refusal)
{
    struct quire_pool_config pool;
    enum quire_status status;

    QUIRE_MEMSET(&pool, 0, sizeof pool);
    pool.lock = config->lock;
    pool.unlock = config->unlock;
    pool.lock_ctx = config->lock_ctx;
    pool.life = config->life;
    pool.book = config->driver_book;
    pool.book_bytes = config->driver_book_bytes;
    status = quire_view_slice(&shm->window, 0, driver_bytes, &pool.window);
    if (status != QUIRE_OK || quire_shm_driver_pool_init(&shm->driver, &pool) != QUIRE_OK) {
        return quire_shm_refuse_(refusal, QUIRE_SHM_DRIVER_BOOK, QUIRE_INVALID);
    }
    pool.book = config->client_book;
    pool.book_bytes = config->client_book_bytes;
    status = quire_view_slice(&shm->window, driver_bytes, shm->window.size - driver_bytes, &pool.window);
    if (status != QUIRE_OK || quire_shm_client_pool_init(&shm->client, &pool) != QUIRE_OK) {
        return quire_shm_refuse_(refusal, QUIRE_SHM_CLIENT_BOOK, QUIRE_INVALID);
    }
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_shm_init(struct quire_shm *shm, const struct quire_shm_config *config,
                                           struct quire_shm_refusal *refusal)
{
    struct quire_shm_refusal unasked;
    struct quire_view window;
    enum quire_status status;
    uint64_t driver_bytes;
    size_t i;

    refusal = refusal != NULL ? refusal : &unasked;
    QUIRE_MEMSET(refusal, 0, sizeof *refusal);
    if (config == NULL || !quire_shm_config_valid_(shm, config)) {
        return quire_shm_refuse_(refusal, QUIRE_SHM_BAD_CONFIG, QUIRE_INVALID);
    }
    driver_bytes = (uint64_t)(config->driver_pages != 0 ? config->driver_pages : QUIRE_SHM_DRIVER_PAGES) << QUIRE_PAGE_SHIFT;
    status = quire_shm_judge_(shm, config, driver_bytes, &window, refusal);
    if (status != QUIRE_OK) {
        return status;
    }
    QUIRE_MEMSET(shm, 0, sizeof *shm);
    shm->window = window;
    shm->mem = config->mem;
    shm->max_prot = config->max_prot != 0 ? config->max_prot : QUIRE_PROT_READ | QUIRE_PROT_WRITE;
    shm->lock = config->lock;
    shm->unlock = config->unlock;
    shm->lock_ctx = config->lock_ctx;
    quire_tree_init(&shm->buffers);
    status = quire_shm_divide_(shm, config, (size_t)driver_bytes, refusal);
    if (status != QUIRE_OK) {
        QUIRE_MEMSET(shm, 0, sizeof *shm);
        return status;
    }
    for (i = config->num_buffers; i-- > 0;) {
        QUIRE_MEMSET(&config->buffers[i], 0, sizeof config->buffers[i]);
        config->buffers[i].next = shm->unused;
        shm->unused = &config->buffers[i];
    }
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_shm_fini(struct quire_shm *shm, quire_shm_visit visit, void *ctx)
{
    struct quire_pool_stats messages;
    enum quire_status status;
    uintptr_t key;
    bool busy;

    if (!quire_shm_is_made_(shm)) {
        return QUIRE_INVALID;
    }
    quire_shm_driver_pool_get_stats(&shm->driver, &messages);
    key = quire_shm_lock_(shm);
    busy = shm->live != 0 || messages.live != 0;
    quire_shm_unlock_(shm, key);
    if (busy) {
        (void)quire_shm_walk(shm, visit, ctx);
        return QUIRE_BUSY;
    }
    status = quire_shm_driver_pool_fini(&shm->driver, NULL, NULL);
    if (status == QUIRE_OK) {
        shm->window.size = 0;
        status = quire_shm_client_pool_fini(&shm->client, NULL, NULL);
    }
    return status;
}

/* ---- Buffers, under the lock ---- */

static struct quire_shm_buffer *quire_shm_buffer_at_(struct quire_tree_node *node)
{
    return QUIRE_CONTAINER_OF(node, struct quire_shm_buffer, node);
}

/* The buffer that begins at `pa` or before, the last such; null if there is none. */
static struct quire_shm_buffer *quire_shm_floor_(const struct quire_shm *shm, uint64_t pa)
{
    struct quire_tree_node *node = shm->buffers.root;
    struct quire_shm_buffer *found = NULL;

    while (node != NULL) {
        struct quire_shm_buffer *buffer = quire_shm_buffer_at_(node);

        if (buffer->phys.pa.addr <= pa) {
            found = buffer;
        }
        node = node->child[buffer->phys.pa.addr <= pa];
    }
    return found;
}

static void quire_shm_enter_(struct quire_shm *shm, struct quire_shm_buffer *buffer)
{
    struct quire_tree_node *node = shm->buffers.root;
    struct quire_tree_node *parent = NULL;
    unsigned side = 0;

    while (node != NULL) {
        parent = node;
        side = quire_shm_buffer_at_(node)->phys.pa.addr < buffer->phys.pa.addr;
        node = node->child[side];
    }
    quire_tree_insert(&shm->buffers, &buffer->node, parent, side, NULL);
}

/* ---- Where structures come from ---- */

static struct quire_shm_buffer *quire_shm_take_(struct quire_shm *shm)
{
    struct quire_shm_buffer *buffer = NULL;
    uintptr_t key = quire_shm_lock_(shm);

    if (shm->mem == NULL) {
        buffer = shm->unused;
        shm->unused = buffer != NULL ? buffer->next : NULL;
    }
    shm->live += shm->mem != NULL || buffer != NULL;
    quire_shm_unlock_(shm, key);
    return buffer;
}

/* The last thing that is done with a manager on behalf of a buffer: once `live` is 0 it may be gone. */
static void quire_shm_give_(struct quire_shm *shm, struct quire_shm_buffer *buffer)
{
    void (*unlock)(void *ctx, uintptr_t key) = shm->unlock;
    void *lock_ctx = shm->lock_ctx;
    uintptr_t key;

    if (shm->mem != NULL && buffer != NULL) {
        shm->mem->free(shm->mem->ctx, buffer, sizeof *buffer);
    }
    key = quire_shm_lock_(shm);
    if (shm->mem == NULL) {
        buffer->next = shm->unused;
        shm->unused = buffer;
    }
    shm->live--;
    if (unlock != NULL) {
        unlock(lock_ctx, key);
    }
}

/* An allocator outside of the library may answer what it likes. */
static struct quire_shm_buffer *quire_shm_new_(struct quire_shm *shm)
{
    struct quire_shm_buffer *buffer = quire_shm_take_(shm);

    if (shm->mem == NULL) {
        return buffer;
    }
    buffer =
        (struct quire_shm_buffer *)shm->mem->alloc(shm->mem->ctx, sizeof *buffer, sizeof(void *) > 8u ? sizeof(void *) : 8u);
    if (buffer != NULL && !quire_view_apart_(&shm->window, buffer, sizeof *buffer)) {
        shm->mem->free(shm->mem->ctx, buffer, sizeof *buffer);
        buffer = NULL;
    }
    if (buffer == NULL) {
        quire_shm_give_(shm, NULL);
    }
    return buffer;
}

/* ---- Buffers ---- */

/* After the last put. */
static void quire_shm_release_(void *ctx, struct quire_fobj *fobj)
{
    struct quire_shm_buffer *buffer = QUIRE_CONTAINER_OF(fobj, struct quire_shm_buffer, phys.base);
    struct quire_shm *shm = (struct quire_shm *)ctx;
    enum quire_status status;
    uintptr_t key = quire_shm_lock_(shm);

    quire_tree_remove(&shm->buffers, &buffer->node, NULL); /* from now on nobody finds it */
    buffer->shm = NULL;
    quire_shm_unlock_(shm, key);
    status = quire_shm_client_pool_free(&shm->client, &buffer->handle);
    QUIRE_ASSERT(status == QUIRE_OK);
    (void)status;
    quire_shm_give_(shm, buffer);
}

/* Gives a buffer pages and its first reference. */
static enum quire_status quire_shm_make_(struct quire_shm *shm, size_t size, struct quire_shm_buffer *buffer)
{
    struct quire_fobj_phys_config config;
    enum quire_status status = quire_shm_client_pool_alloc(&shm->client, size, &buffer->handle);
    uintptr_t key;

    if (status != QUIRE_OK) {
        return status;
    }
    QUIRE_MEMSET(&config, 0, sizeof config);
    config.pa = quire_pa_make(buffer->handle.core.region.base);
    config.npages = (uint32_t)((size - 1u) >> QUIRE_PAGE_SHIFT) + 1u;
    config.max_prot = shm->max_prot;
    config.ctx = shm;
    config.release = quire_shm_release_;
    status = quire_fobj_phys_init(&buffer->phys, &config);
    if (status != QUIRE_OK) {
        (void)quire_shm_client_pool_free(&shm->client, &buffer->handle);
        return status;
    }
    buffer->size = size;
    buffer->user = NULL;
    buffer->next = NULL;
    quire_tree_node_init(&buffer->node);
    key = quire_shm_lock_(shm);
    buffer->shm = shm;
    quire_shm_enter_(shm, buffer);
    quire_shm_unlock_(shm, key);
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_shm_alloc(struct quire_shm *shm, size_t size, struct quire_shm_buffer **buffer)
{
    struct quire_shm_buffer *made;
    enum quire_status status;

    if (buffer == NULL) {
        return QUIRE_INVALID;
    }
    *buffer = NULL;
    if (!quire_shm_is_made_(shm) || size == 0) {
        return QUIRE_INVALID;
    }
    if ((uint64_t)(size - 1u) >> QUIRE_PAGE_SHIFT >= QUIRE_FOBJ_PAGES_MAX) {
        return QUIRE_NO_SPACE;
    }
    made = quire_shm_new_(shm);
    if (made == NULL) {
        return QUIRE_NO_MEMORY;
    }
    status = quire_shm_make_(shm, size, made);
    if (status != QUIRE_OK) {
        quire_shm_give_(shm, made);
        return status;
    }
    *buffer = made;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_shm_get(struct quire_shm_buffer *buffer)
{
    return buffer != NULL ? quire_fobj_get(&buffer->phys.base) : QUIRE_INVALID;
}

QUIRE_API enum quire_status quire_shm_put(struct quire_shm_buffer *buffer)
{
    return buffer != NULL ? quire_fobj_put(&buffer->phys.base) : QUIRE_INVALID;
}

QUIRE_API enum quire_status quire_shm_view(struct quire_shm_buffer *buffer, struct quire_view *view)
{
    if (buffer == NULL || view == NULL) {
        return QUIRE_INVALID;
    }
    if (buffer->shm == NULL) {
        return QUIRE_DEAD;
    }
    return quire_shm_client_pool_view(&buffer->shm->client, &buffer->handle, view);
}

QUIRE_API struct quire_shm_buffer *quire_shm_buffer_of(struct quire_fobj *fobj)
{
    struct quire_fobj_phys *phys;

    if (fobj == NULL || fobj->ops == NULL || fobj->ops->free != quire_fobj_phys_free_) {
        return NULL;
    }
    phys = QUIRE_CONTAINER_OF(fobj, struct quire_fobj_phys, base);
    return phys->release == quire_shm_release_ ? QUIRE_CONTAINER_OF(phys, struct quire_shm_buffer, phys) : NULL;
}

/* ---- Translation ---- */

QUIRE_API enum quire_status quire_shm_va_to_pa(const struct quire_shm *shm, uintptr_t va, struct quire_pa *pa)
{
    return quire_view_va_to_pa(shm != NULL ? &shm->window : NULL, va, pa);
}

QUIRE_API enum quire_status quire_shm_pa_to_va(const struct quire_shm *shm, struct quire_pa pa, uintptr_t *va)
{
    return quire_view_pa_to_va(shm != NULL ? &shm->window : NULL, pa, va);
}

QUIRE_API enum quire_status quire_shm_find_buffer(struct quire_shm *shm, struct quire_pa pa, uint64_t len,
                                                  struct quire_shm_buffer **buffer, struct quire_view *slice)
{
    enum quire_status status = QUIRE_NOT_FOUND;
    struct quire_shm_buffer *found;
    struct quire_view range;
    uint64_t offset;
    uintptr_t key;

    if (buffer == NULL || slice == NULL) {
        return QUIRE_INVALID;
    }
    *buffer = NULL;
    if (!quire_shm_is_made_(shm) || quire_view_slice_pa(&shm->client.core.window, pa, len, &range) != QUIRE_OK) {
        return QUIRE_INVALID;
    }
    key = quire_shm_lock_(shm);
    found = quire_shm_floor_(shm, pa.addr);
    offset = found != NULL ? pa.addr - found->phys.pa.addr : 0;
    if (found != NULL && offset < found->size && len <= found->size - offset) {
        status = quire_fobj_get(&found->phys.base); /* its structure stays: who puts last needs the lock to take it away */
    }
    quire_shm_unlock_(shm, key);
    if (status != QUIRE_OK) {
        return status == QUIRE_DEAD ? QUIRE_NOT_FOUND : status;
    }
    *buffer = found;
    *slice = range;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_shm_find_message(struct quire_shm *shm, struct quire_pa pa, uint64_t len,
                                                   struct quire_view *slice)
{
    struct quire_view piece;
    struct quire_view range;
    enum quire_status status;

    if (!quire_shm_is_made_(shm) || slice == NULL ||
        quire_view_slice_pa(&shm->driver.core.window, pa, len, &range) != QUIRE_OK) {
        return QUIRE_INVALID;
    }
    status = quire_shm_driver_pool_find(&shm->driver, pa, len, &piece);
    if (status == QUIRE_OK) {
        *slice = range;
    }
    return status;
}

/* ---- What is out ---- */

struct quire_shm_visitor_ {
    const struct quire_shm *shm;
    quire_shm_visit visit;
    void *ctx;
    enum quire_shm_kind kind;
};

/* Called by the pools, with the lock. */
static bool quire_shm_visit_(void *ctx, struct quire_pa pa, size_t size)
{
    const struct quire_shm_visitor_ *visitor = (const struct quire_shm_visitor_ *)ctx;
    struct quire_shm_buffer *buffer = NULL;
    struct quire_shm_live live;

    live.kind = visitor->kind;
    live.pa = pa;
    live.size = size;
    live.refs = 1;
    live.fobj = NULL;
    if (visitor->kind == QUIRE_SHM_BUFFER) {
        buffer = quire_shm_floor_(visitor->shm, pa.addr);
        live.refs = buffer != NULL && buffer->phys.pa.addr == pa.addr ? quire_refcount_read(&buffer->phys.base.refs) : 0;
        live.fobj = live.refs != 0 ? &buffer->phys.base : NULL;
    }
    return visitor->visit(visitor->ctx, &live);
}

QUIRE_API bool quire_shm_walk(struct quire_shm *shm, quire_shm_visit visit, void *ctx)
{
    struct quire_shm_visitor_ visitor;

    if (!quire_shm_is_made_(shm) || visit == NULL) {
        return true;
    }
    visitor.shm = shm;
    visitor.visit = visit;
    visitor.ctx = ctx;
    visitor.kind = QUIRE_SHM_MESSAGE;
    if (!quire_shm_driver_pool_walk(&shm->driver, quire_shm_visit_, &visitor)) {
        return false;
    }
    visitor.kind = QUIRE_SHM_BUFFER;
    return quire_shm_client_pool_walk(&shm->client, quire_shm_visit_, &visitor);
}

QUIRE_END

#endif
