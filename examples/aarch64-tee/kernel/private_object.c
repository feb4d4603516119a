/* private_object.c - objects whose pages leave sealed, for normal memory. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/private_object.h"

#include "lib/memory.h"

static void *place_of(const struct private_object *object, uint32_t pgidx)
{
    return (void *)(uintptr_t)(object->run.base + ((uint64_t)pgidx << QUIRE_PAGE_SHIFT));
}

enum quire_status private_read(void *ctx, uint32_t pgidx, void *page)
{
    memcpy(page, place_of(ctx, pgidx), QUIRE_PAGE_SIZE);
    return QUIRE_OK;
}

enum quire_status private_write(void *ctx, uint32_t pgidx, const void *page)
{
    const struct private_object *object = ctx;

    memcpy(place_of(object, pgidx), page, QUIRE_PAGE_SIZE);
    if (object->writes != NULL) {
        __atomic_fetch_add(object->writes, 1, __ATOMIC_RELAXED);
    }
    return QUIRE_OK;
}

void private_release(void *ctx, struct quire_fobj *fobj)
{
    struct private_object *object = ctx;

    (void)fobj;
    reap_later(&object->reapable); /* the last put may be a fault's, and whoever takes the memory back is pageable */
}
