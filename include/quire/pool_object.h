/* quire/pool_object.h - a message type that lives in one type of pool (include-template). SPDX-License-Identifier: BSD-2-Clause. Quire 0.2.0 */

/*
 * Include it once for each type of message, behind pool_type.h for its pool:
 *
 *     #define QUIRE_OBJECT_NAME open_message              (must) prefix of everything below
 *     #define QUIRE_OBJECT_TYPE struct open_session       (must) what it is: numbers and arrays of them, no pointers
 *     #define QUIRE_OBJECT_POOL driver_pool               (must) the QUIRE_POOL_NAME of the pool it lives in
 *     #include <quire/pool_object.h>                      (these parameters are undefined behind it)
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
#error "define QUIRE_OBJECT_NAME, QUIRE_OBJECT_TYPE and QUIRE_OBJECT_POOL before including quire/pool_object.h"
#endif

#include "pool.h"

#define QUIRE_OBJECT_(suffix) QUIRE_CONCAT(QUIRE_OBJECT_NAME, suffix)
#define QUIRE_OBJECT_POOL_(suffix) QUIRE_CONCAT(QUIRE_OBJECT_POOL, suffix)

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

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_OBJECT_(_new)(struct QUIRE_OBJECT_POOL *pool,
                                                                                  struct QUIRE_OBJECT_NAME *object)
{
    return QUIRE_OBJECT_POOL_(_alloc)(pool, sizeof(QUIRE_OBJECT_TYPE), object != NULL ? &object->handle : NULL);
}

static inline QUIRE_UNUSED enum quire_status QUIRE_OBJECT_(_delete)(struct QUIRE_OBJECT_POOL *pool,
                                                                    const struct QUIRE_OBJECT_NAME *object)
{
    return QUIRE_OBJECT_POOL_(_free)(pool, object != NULL ? &object->handle : NULL);
}

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_OBJECT_(_view)(struct QUIRE_OBJECT_POOL *pool,
                                                                                   const struct QUIRE_OBJECT_NAME *object,
                                                                                   struct quire_view *view)
{
    return QUIRE_OBJECT_POOL_(_view)(pool, object != NULL ? &object->handle : NULL, view);
}

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_OBJECT_(_store)(struct QUIRE_OBJECT_POOL *pool,
                                                                                    const struct QUIRE_OBJECT_NAME *object,
                                                                                    const QUIRE_OBJECT_TYPE *from)
{
    struct quire_view view;
    enum quire_status status = QUIRE_OBJECT_(_view)(pool, object, &view);

    return status == QUIRE_OK ? quire_view_write(&view, 0, from, sizeof *from) : status;
}

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_OBJECT_(_fetch)(struct QUIRE_OBJECT_POOL *pool,
                                                                                    const struct QUIRE_OBJECT_NAME *object,
                                                                                    QUIRE_OBJECT_TYPE *to)
{
    struct quire_snapshot snapshot;
    struct quire_view view;
    enum quire_status status = QUIRE_OBJECT_(_view)(pool, object, &view);

    return status == QUIRE_OK ? quire_view_snapshot(&view, 0, to, sizeof *to, &snapshot) : status;
}

static inline QUIRE_UNUSED QUIRE_MUST_CHECK enum quire_status QUIRE_OBJECT_(_pa)(struct QUIRE_OBJECT_POOL *pool,
                                                                                 const struct QUIRE_OBJECT_NAME *object,
                                                                                 struct quire_pa *pa)
{
    struct quire_view view;
    enum quire_status status = QUIRE_OBJECT_(_view)(pool, object, &view);

    if (status != QUIRE_OK || pa == NULL) {
        return status != QUIRE_OK ? status : QUIRE_INVALID;
    }
    *pa = view.pa;
    return QUIRE_OK;
}

QUIRE_END

#undef QUIRE_OBJECT_
#undef QUIRE_OBJECT_POOL_
#undef QUIRE_OBJECT_NAME
#undef QUIRE_OBJECT_TYPE
#undef QUIRE_OBJECT_POOL
