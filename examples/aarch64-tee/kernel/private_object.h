/* private_object.h - objects whose pages leave sealed, for normal memory. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_PRIVATE_OBJECT_H
#define KERNEL_PRIVATE_OBJECT_H

#include <quire/fobj_rw.h>
#include <quire/region_engine.h>

#include "kernel/reaper.h"

/*
 * A page of it that is evicted:   secure page --seal--> secure buffer --private_write--> normal memory and one that is faulted
 * in:     normal memory --private_read--> secure page --open, in place--> the page, or INTEGRITY
 *
 * Normal memory is read once, into secure memory, and what was read is judged there: what the normal world does to its copy at
 * any time decides between the page as it was and INTEGRITY, and nothing else.
 *
 * What is here is on the way of faults, and resident; pageable/private_objects.h makes them.
 */
struct private_object {
    struct quire_fobj_rw rw;
    struct reapable reapable;
    struct private_objects *owner; /* whom its memory is from */
    struct quire_region run;       /* its places in normal memory, at the kernel's addresses */
    uint64_t *writes;              /* (optional) one more for each page that leaves; atomic */
    size_t bytes;                  /* of this, the slots and the metadata, which are one piece of memory */
};

/* Callbacks of quire_fobj_rw_config; ctx is the object. */
enum quire_status private_read(void *ctx, uint32_t pgidx, void *page);
enum quire_status private_write(void *ctx, uint32_t pgidx, const void *page);
void private_release(void *ctx, struct quire_fobj *fobj);

#endif
