/* quire/pool_type.h - a pool whose handles mix with no other's (include-template). SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */

/*
 * Include it once for each type of pool, wherever the type is needed:
 *
 *     #define QUIRE_POOL_NAME driver_pool     (must) prefix of everything below
 *     #define QUIRE_POOL_ALIGN 8              (must) alignment of every piece, a power of two
 *     #define QUIRE_POOL_ZERO_ALLOC 1         1: pieces are zero when handed out. 0 unless told
 *     #define QUIRE_POOL_ZERO_FREE 1          1: pieces are wiped when returned. 0 unless told
 *     #define QUIRE_POOL_INDEXED 1            1: find takes O(log n), not O(n). 0 unless told
 *     #define QUIRE_POOL_LIMIT 4096           most bytes out at once; 0 unless told: no limit
 *     #define QUIRE_POOL_COUNT 16             most pieces out at once; 0 unless told: no limit
 *     #include <quire/pool_type.h>            (these parameters are undefined behind it)
 *
 * gives, as thin shims over pool.h, whose contracts hold word for word,
 *
 *     struct driver_pool                      the pool
 *     struct driver_pool_handle               a piece of it; a handle of another type of pool does not compile in its place
 *     struct driver_pool_scope                a piece with an owner: see QUIRE_POOL_SCOPED below
 *     driver_pool_align, driver_pool_flags    constants: QUIRE_POOL_BOOK_BYTES(bytes, driver_pool_align, driver_pool_flags, n)
 *     driver_pool_init(), _fini(), _add_book(), _alloc(), _free(), _view(), _find(), _walk(), _get_stats()
 *     driver_pool_scope_alloc(), _scope_keep(), _scope_end()
 *
 * Types are told apart at compile time (in C++, and in C with -Werror or -pedantic-errors) and pools of one type at run time: a
 * handle of the wrong one is INVALID.
 */
#if !defined(QUIRE_POOL_NAME) || !defined(QUIRE_POOL_ALIGN)
#error "define QUIRE_POOL_NAME and QUIRE_POOL_ALIGN before including quire/pool_type.h"
#endif

#include "pool.h"

#ifndef QUIRE_POOL_ZERO_ALLOC
#define QUIRE_POOL_ZERO_ALLOC 0
#endif
#ifndef QUIRE_POOL_ZERO_FREE
#define QUIRE_POOL_ZERO_FREE 0
#endif
#ifndef QUIRE_POOL_INDEXED
#define QUIRE_POOL_INDEXED 0
#endif
#ifndef QUIRE_POOL_LIMIT
#define QUIRE_POOL_LIMIT 0
#endif
#ifndef QUIRE_POOL_COUNT
#define QUIRE_POOL_COUNT 0
#endif

#ifndef QUIRE_POOL_TYPE_H
#define QUIRE_POOL_TYPE_H

/*
 * Opt-in, where the compiler has `cleanup`: a piece that goes back when the scope ends, by whatever way it ends.
 *
 *     QUIRE_POOL_SCOPED(driver_pool, message);
 *     status = driver_pool_scope_alloc(&message, &pool, len);         message.handle is the piece
 *     status = driver_pool_scope_keep(&message, &handle);             it stays, and is `handle`'s
 */
#if QUIRE_GNU
#define QUIRE_POOL_SCOPED(name, variable)                                                                 \
    struct QUIRE_CONCAT(name, _scope) variable __attribute__((cleanup(QUIRE_CONCAT(name, _scope_end)))) = \
        QUIRE_CONCAT(name, _scope_none)()
#endif

#endif

#define QUIRE_POOL_(suffix) QUIRE_CONCAT(QUIRE_POOL_NAME, suffix)

QUIRE_STATIC_ASSERT((QUIRE_POOL_ALIGN) > 0 && (((QUIRE_POOL_ALIGN) & ((QUIRE_POOL_ALIGN)-1)) == 0),
                    QUIRE_POOL_(_align_is_a_power_of_two));

/* Names below end in _: the user's own may stand in front, and -Wshadow is to find no fault. */
QUIRE_BEGIN

struct QUIRE_POOL_NAME {
    struct quire_pool core;
};

struct QUIRE_POOL_(_handle) {
    struct quire_pool_handle core;
};

struct QUIRE_POOL_(_scope) {
    struct QUIRE_POOL_NAME *pool; /* null: no piece */
    struct QUIRE_POOL_(_handle) handle;
};

enum {
    QUIRE_POOL_(_align) = (QUIRE_POOL_ALIGN),
    QUIRE_POOL_(_flags) = ((QUIRE_POOL_ZERO_ALLOC) ? (int)QUIRE_POOL_TRAIT_ZERO_ALLOC : 0) |
                          ((QUIRE_POOL_ZERO_FREE) ? (int)QUIRE_POOL_TRAIT_ZERO_FREE : 0) |
                          ((QUIRE_POOL_INDEXED) ? (int)QUIRE_POOL_TRAIT_INDEXED : 0)
};

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_POOL_(_init)(struct QUIRE_POOL_NAME *pool_,
                                                                                 const struct quire_pool_config *config_)
{
    struct quire_pool_traits traits_;

    traits_.align = (size_t)QUIRE_POOL_(_align);
    traits_.flags = (unsigned)QUIRE_POOL_(_flags);
    traits_.count = (QUIRE_POOL_COUNT);
    traits_.limit = (QUIRE_POOL_LIMIT);
    return quire_pool_init(pool_ != NULL ? &pool_->core : NULL, &traits_, config_);
}

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_POOL_(_fini)(struct QUIRE_POOL_NAME *pool_,
                                                                                 quire_pool_visit visit_, void *ctx_)
{
    return quire_pool_fini(pool_ != NULL ? &pool_->core : NULL, visit_, ctx_);
}

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_POOL_(_add_book)(struct QUIRE_POOL_NAME *pool_, void *slab_,
                                                                                     size_t len_)
{
    return quire_pool_add_book(pool_ != NULL ? &pool_->core : NULL, slab_, len_);
}

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_POOL_(_alloc)(struct QUIRE_POOL_NAME *pool_, size_t size_,
                                                                                  struct QUIRE_POOL_(_handle) * handle_)
{
    return quire_pool_alloc(pool_ != NULL ? &pool_->core : NULL, size_, handle_ != NULL ? &handle_->core : NULL);
}

static inline QUIRE_UNUSED enum quire_status QUIRE_POOL_(_free)(struct QUIRE_POOL_NAME *pool_,
                                                                const struct QUIRE_POOL_(_handle) * handle_)
{
    return quire_pool_free(pool_ != NULL ? &pool_->core : NULL, handle_ != NULL ? &handle_->core : NULL);
}

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_POOL_(_view)(struct QUIRE_POOL_NAME *pool_,
                                                                                 const struct QUIRE_POOL_(_handle) * handle_,
                                                                                 struct quire_view *view_)
{
    return quire_pool_view(pool_ != NULL ? &pool_->core : NULL, handle_ != NULL ? &handle_->core : NULL, view_);
}

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_POOL_(_find)(struct QUIRE_POOL_NAME *pool_,
                                                                                 struct quire_pa pa_, uint64_t len_,
                                                                                 struct quire_view *piece_)
{
    return quire_pool_find(pool_ != NULL ? &pool_->core : NULL, pa_, len_, piece_);
}

static inline QUIRE_UNUSED bool QUIRE_POOL_(_walk)(struct QUIRE_POOL_NAME *pool_, quire_pool_visit visit_, void *ctx_)
{
    return quire_pool_walk(pool_ != NULL ? &pool_->core : NULL, visit_, ctx_);
}

static inline QUIRE_UNUSED void QUIRE_POOL_(_get_stats)(struct QUIRE_POOL_NAME *pool_, struct quire_pool_stats *stats_)
{
    quire_pool_get_stats(pool_ != NULL ? &pool_->core : NULL, stats_);
}

/* ---- Pieces with an owner ---- */

static inline QUIRE_UNUSED struct QUIRE_POOL_(_scope) QUIRE_POOL_(_scope_none)(void)
{
    struct QUIRE_POOL_(_scope) none_;

    QUIRE_MEMSET(&none_, 0, sizeof none_);
    return none_;
}

/* As _alloc; BUSY if the scope has a piece already. */
static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_POOL_(_scope_alloc)(struct QUIRE_POOL_(_scope) * scope_,
                                                                                        struct QUIRE_POOL_NAME *pool_,
                                                                                        size_t size_)
{
    enum quire_status status_;

    if (scope_ == NULL || scope_->pool != NULL) {
        return scope_ == NULL ? QUIRE_INVALID : QUIRE_BUSY;
    }
    status_ = QUIRE_POOL_(_alloc)(pool_, size_, &scope_->handle);
    scope_->pool = status_ == QUIRE_OK ? pool_ : NULL;
    return status_;
}

/* The piece leaves the scope and becomes *handle's. INVALID: null, or there is none. */
static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_POOL_(_scope_keep)(struct QUIRE_POOL_(_scope) * scope_,
                                                                                       struct QUIRE_POOL_(_handle) * handle_)
{
    if (scope_ == NULL || handle_ == NULL || scope_->pool == NULL) {
        return QUIRE_INVALID;
    }
    *handle_ = scope_->handle;
    *scope_ = QUIRE_POOL_(_scope_none)();
    return QUIRE_OK;
}

/* Returns the piece, if there is one. One that was returned by hand meanwhile is none. */
static inline QUIRE_UNUSED void QUIRE_POOL_(_scope_end)(struct QUIRE_POOL_(_scope) * scope_)
{
    if (scope_->pool != NULL) {
        (void)QUIRE_POOL_(_free)(scope_->pool, &scope_->handle);
        scope_->pool = NULL;
    }
}

QUIRE_END

#undef QUIRE_POOL_
#undef QUIRE_POOL_NAME
#undef QUIRE_POOL_ALIGN
#undef QUIRE_POOL_ZERO_ALLOC
#undef QUIRE_POOL_ZERO_FREE
#undef QUIRE_POOL_INDEXED
#undef QUIRE_POOL_LIMIT
#undef QUIRE_POOL_COUNT
