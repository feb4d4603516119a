/* quire/pool_object_type.h - a message type that lives in one type of pool (include-template). SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */

/*
 * Include it once for each type of message, behind pool_type.h for its pool:
 *
 *     #define QUIRE_OBJECT_NAME open_message              (must) prefix of everything below
 *     #define QUIRE_OBJECT_TYPE struct open_session       (must) what it is: numbers and arrays of them, no pointers
 *     #define QUIRE_OBJECT_POOL driver_pool               (must) the QUIRE_POOL_NAME of the pool it lives in
 *     #include <quire/pool_object_type.h>                      (these parameters are undefined behind it)
 *
 * gives
 *
 *     struct open_message                                 a message in shared memory: private, copy it, keep it
 *     open_message_new(pool, &message)                    memory for one, from a `struct driver_pool` and from no other
 *     open_message_delete(pool, &message)                 returns it
 *     open_message_store(pool, &message, &private_copy)   writes it whole
 *     open_message_fetch(pool, &message, &private_copy)   reads it whole, each byte once: decide on the copy
 *     open_message_view(pool, &message, &view)            for single words: a status, a doorbell
 *     open_message_pa(pool, &message, &pa)                what to tell the other world
 *
 * There is no pointer to the shared message, and none to be had. Contracts are those of pool.h and view.h: INVALID for null and
 * for what is no message of this pool, DEAD for one that was returned. Both sides see the bytes of QUIRE_OBJECT_TYPE as this
 * compiler lays them out.
 */
#if !defined(QUIRE_OBJECT_NAME) || !defined(QUIRE_OBJECT_TYPE) || !defined(QUIRE_OBJECT_POOL)
#error "define QUIRE_OBJECT_NAME, QUIRE_OBJECT_TYPE and QUIRE_OBJECT_POOL before including quire/pool_object_type.h"
#endif

#include "pool.h"

#define QUIRE_OBJECT_(suffix) QUIRE_CONCAT(QUIRE_OBJECT_NAME, suffix)
#define QUIRE_OBJECT_POOL_(suffix) QUIRE_CONCAT(QUIRE_OBJECT_POOL, suffix)

/* Names below end in _: the user's own may stand in front, and -Wshadow is to find no fault. */
QUIRE_BEGIN

struct QUIRE_OBJECT_NAME {
    struct QUIRE_OBJECT_POOL_(_handle) handle;
};

/* How the type is aligned, as the other world sees it. */
struct QUIRE_OBJECT_(_alignment) {
    char first;
    QUIRE_OBJECT_TYPE object;
};

QUIRE_STATIC_ASSERT(offsetof(struct QUIRE_OBJECT_(_alignment), object) <= (size_t)QUIRE_OBJECT_POOL_(_align),
                    QUIRE_OBJECT_(_is_aligned_by_its_pool));

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_OBJECT_(_new)(struct QUIRE_OBJECT_POOL *pool_,
                                                                                  struct QUIRE_OBJECT_NAME *object_)
{
    return QUIRE_OBJECT_POOL_(_alloc)(pool_, sizeof(QUIRE_OBJECT_TYPE), object_ != NULL ? &object_->handle : NULL);
}

static inline QUIRE_UNUSED enum quire_status QUIRE_OBJECT_(_delete)(struct QUIRE_OBJECT_POOL *pool_,
                                                                    const struct QUIRE_OBJECT_NAME *object_)
{
    return QUIRE_OBJECT_POOL_(_free)(pool_, object_ != NULL ? &object_->handle : NULL);
}

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_OBJECT_(_view)(struct QUIRE_OBJECT_POOL *pool_,
                                                                                   const struct QUIRE_OBJECT_NAME *object_,
                                                                                   struct quire_view *view_)
{
    return QUIRE_OBJECT_POOL_(_view)(pool_, object_ != NULL ? &object_->handle : NULL, view_);
}

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_OBJECT_(_store)(struct QUIRE_OBJECT_POOL *pool_,
                                                                                    const struct QUIRE_OBJECT_NAME *object_,
                                                                                    const QUIRE_OBJECT_TYPE *from_)
{
    struct quire_view view_;
    enum quire_status status_ = QUIRE_OBJECT_(_view)(pool_, object_, &view_);

    return status_ == QUIRE_OK ? quire_view_write(&view_, 0, from_, sizeof *from_) : status_;
}

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_OBJECT_(_fetch)(struct QUIRE_OBJECT_POOL *pool_,
                                                                                    const struct QUIRE_OBJECT_NAME *object_,
                                                                                    QUIRE_OBJECT_TYPE *to_)
{
    struct quire_snapshot snapshot_;
    struct quire_view view_;
    enum quire_status status_ = QUIRE_OBJECT_(_view)(pool_, object_, &view_);

    return status_ == QUIRE_OK ? quire_view_snapshot(&view_, 0, to_, sizeof *to_, &snapshot_) : status_;
}

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_OBJECT_(_pa)(struct QUIRE_OBJECT_POOL *pool_,
                                                                                 const struct QUIRE_OBJECT_NAME *object_,
                                                                                 struct quire_pa *pa_)
{
    struct quire_view view_;
    enum quire_status status_ = QUIRE_OBJECT_(_view)(pool_, object_, &view_);

    if (status_ != QUIRE_OK || pa_ == NULL) {
        return status_ != QUIRE_OK ? status_ : QUIRE_INVALID;
    }
    *pa_ = view_.pa;
    return QUIRE_OK;
}

QUIRE_END

#undef QUIRE_OBJECT_
#undef QUIRE_OBJECT_POOL_
#undef QUIRE_OBJECT_NAME
#undef QUIRE_OBJECT_TYPE
#undef QUIRE_OBJECT_POOL
