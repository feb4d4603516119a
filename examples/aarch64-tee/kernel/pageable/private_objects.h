/* private_objects.h - making objects whose pages leave sealed, for normal memory. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_PRIVATE_OBJECTS_H
#define KERNEL_PRIVATE_OBJECTS_H

#include "kernel/pageable/normal_store.h"
#include "kernel/private_object.h"

/* What they are made of. It does not change while one of them lives. */
struct private_objects {
    struct normal_store *normal; /* where their pages go */
    struct quire_sealer *sealer; /* under which key */
    const struct quire_mem *mem; /* where they are themselves: secure memory */
};

/* Makes an object of `npages` pages, born as zeros, readable and writable, and stores its one reference in *fobj. INVALID: no
 * page, or too many, or the sealer has ended; NO_SPACE: no such run of places; NO_MEMORY; LIMIT: too many objects of one
 * sealer. Nothing was taken then. What it has goes back when it is reaped (reaper.h). Only for threads. O(npages). */
enum quire_status private_object_make(struct private_objects *from, uint32_t npages, struct quire_fobj **fobj);

#endif
