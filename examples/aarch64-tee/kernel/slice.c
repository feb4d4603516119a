/* slice.c - a segment's pages, read from an ELF file in normal memory and verified: a store. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/slice.h"

#include "../host/sha256.h"
#include "kernel/normal.h"
#include "lib/memory.h"

enum quire_status slice_read(void *ctx, uint64_t offset, void *to, size_t len, size_t *got)
{
    const struct slice *slice = ctx;

    memcpy(to, normal_va(slice->pa + offset), len);
    *got = len;
    return QUIRE_OK;
}

enum quire_status slice_digest(void *ctx, unsigned level, const void *page, void *out)
{
    (void)ctx;
    (void)level; /* a list has pages of content only */
    sha256_of(page, QUIRE_PAGE_SIZE, out);
    return QUIRE_OK;
}

void slice_release(void *ctx, struct quire_fobj *fobj)
{
    struct slice *slice = ctx;

    (void)fobj;
    reap_later(&slice->reapable);
}
