/* private_objects.c - making objects whose pages leave sealed, for normal memory. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/private_objects.h"

#include "kernel/measure.h"
#include "lib/memory.h"

/* One piece of memory, the most demanding part first: the object, the metadata of its pages, their slots. */
QUIRE_STATIC_ASSERT(sizeof(struct private_object) % sizeof(uint32_t) == 0, metadata_is_aligned_behind_the_object);
QUIRE_STATIC_ASSERT(sizeof(struct quire_seal_meta) % sizeof(uint32_t) == 0, slots_are_aligned_behind_the_metadata);

static void give_back(struct private_object *object)
{
    struct private_objects *owner = object->owner;

    (void)normal_store_give(owner->normal, &object->run); /* it is the only receipt of that run: nothing can be wrong with it */
    owner->mem->free(owner->mem->ctx, object, object->bytes);
}

static void private_reap(struct reapable *reapable)
{
    give_back(QUIRE_CONTAINER_OF(reapable, struct private_object, reapable));
}

static enum quire_status make_in(struct private_object *object, uint32_t npages)
{
    struct quire_seal_meta *meta = (struct quire_seal_meta *)(object + 1);
    struct quire_fobj_rw_config config;

    memset(&config, 0, sizeof config);
    config.num_pages = npages;
    config.slots = (uint32_t *)(meta + npages);
    config.store.ctx = object;
    config.store.npages = npages;
    config.store.read = private_read;
    config.store.write = private_write;
    if (object->owner->sealer != NULL) {
        config.sealing.sealer = object->owner->sealer;
        config.sealing.meta = meta;
    }
    measure_rw_store(&config.store);
    config.ctx = object;
    config.release = private_release;
    return quire_fobj_rw_init(&object->rw, &config);
}

enum quire_status private_object_make(struct private_objects *from, uint32_t npages, struct quire_fobj **fobj)
{
    size_t bytes = sizeof(struct private_object) + QUIRE_FOBJ_RW_META_BYTES(npages) + QUIRE_FOBJ_SLOT_BYTES(npages);
    struct private_object *object = from->mem->alloc(from->mem->ctx, bytes, sizeof(uint64_t));
    enum quire_status status;

    if (object == NULL) {
        return QUIRE_NO_MEMORY;
    }
    object->owner = from;
    object->bytes = bytes;
    object->writes = NULL;
    object->reapable.reap = private_reap;
    status = normal_store_take(from->normal, npages, &object->run);
    if (status != QUIRE_OK) {
        from->mem->free(from->mem->ctx, object, bytes);
        return status;
    }
    status = make_in(object, npages);
    if (status != QUIRE_OK) {
        give_back(object);
        return status;
    }
    *fobj = &object->rw.base;
    return QUIRE_OK;
}
