/* private.c - private pages: which cipher, which key, and where in normal memory they go. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/private.h"

#include "kernel/measure.h"
#include "kernel/normal.h"
#include "kernel/pageable/heap.h"
#include "kernel/pageable/private_objects.h"
#include "kernel/seal.h"
#include "kernel/thread.h"

#define OBJECTS_MAX 256u /* private objects that live at once */

static struct sealing sealing;
static struct quire_sealer sealer;
static struct normal_store store;
static struct private_objects objects;

enum quire_status private_init(bool sealed)
{
    size_t nodes = QUIRE_REGION_NODE_BYTES(1, false) * (2u * OBJECTS_MAX + 1u);
    void *buffers = heap_alloc((size_t)THREADS << QUIRE_PAGE_SHIFT);
    void *book = heap_alloc(nodes);
    enum quire_status status;

    if (buffers == NULL || book == NULL) {
        return QUIRE_NO_MEMORY; /* nothing can run without: the kernel does not boot */
    }
    objects.normal = &store;
    objects.sealer = sealed ? &sealer : NULL;
    objects.mem = &heap_mem;
    status = seal_init(&sealing, buffers, THREADS);
    if (status == QUIRE_OK) {
        status = quire_sealer_init(&sealer, measured_seal(&seal_hooks), &sealing);
    }
    return status == QUIRE_OK ? normal_store_init(&store, book, nodes) : status;
}

enum quire_status private_donate(uint64_t pa, uint64_t bytes)
{
    if (!normal_contains(pa, bytes) || (pa < SHARED_BASE + SHARED_BYTES && SHARED_BASE < pa + bytes)) {
        return QUIRE_DENIED;
    }
    return normal_store_donate(&store, normal_va(pa), bytes);
}

enum quire_status private_make(uint32_t npages, struct quire_fobj **out)
{
    return private_object_make(&objects, npages, out);
}
