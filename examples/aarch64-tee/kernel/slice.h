/* slice.h - a segment's pages, read from an ELF file in normal memory and verified: a store. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_SLICE_H
#define KERNEL_SLICE_H

#include <quire/fobj_ro.h>

#include "kernel/reaper.h"

/* What the fault path needs of it; pageable/slices.c makes it. */
struct slice {
    struct quire_fobj_ro ro;
    struct reapable reapable;
    uint64_t pa; /* of its first page */
    uint32_t npages;
    uint32_t *slots;
    uint32_t *carries;
};

/* Callbacks of quire_fobj_ro_config; ctx is the slice. */
enum quire_status slice_read(void *ctx, uint64_t offset, void *to, size_t len, size_t *got);
enum quire_status slice_digest(void *ctx, unsigned level, const void *page, void *out);
void slice_release(void *ctx, struct quire_fobj *fobj);

#endif
