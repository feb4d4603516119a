/* work_segment.c - does a context see the bytes of the file, or what it wrote itself? SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "host.h"
#include "work.h"

/* Writes to the context's buffer what pages of a segment must show: read from the file here and now, not through the store. */
static bool expect_file(struct context *context, const struct host_file *file, const struct elf_segment *segment,
                        uint32_t first, uint32_t n)
{
    size_t len = (size_t)n << QUIRE_PAGE_SHIFT;
    uint64_t head = segment->vaddr & QUIRE_PAGE_MASK; /* zeros in front of the segment's first byte */
    uint64_t skip = (uint64_t)first << QUIRE_PAGE_SHIFT;
    uint64_t at = skip < head ? head - skip : 0;     /* in the buffer */
    uint64_t offset = skip < head ? 0 : skip - head; /* in the segment */

    memset(context->buffer, 0, len);
    if (offset >= segment->filesz || at >= len) {
        return true;
    }
    if (len - at > segment->filesz - offset) {
        len = (size_t)(at + (segment->filesz - offset));
    }
    return plan_read(file, segment->offset + offset, context->buffer + at, len - (size_t)at);
}

static void verify_shared(struct context *context, const struct loaded *loaded, const struct loaded_segment *segment,
                          uint32_t first, uint32_t n)
{
    if (!expect_file(context, loaded->file, segment->segment, first, n)) {
        host_wrong(context->host, "context %u: %s can no longer be read", context->index, loaded->file->path);
        return;
    }
    (void)work_compare(context, loaded->file->path, segment->va + ((uintptr_t)first << QUIRE_PAGE_SHIFT), n);
}

/* As in the file until it is written for the first time. */
void work_segment_page(struct context *context, const struct loaded *loaded, const struct loaded_segment *segment,
                       uint32_t page)
{
    uintptr_t va = segment->va + ((uintptr_t)page << QUIRE_PAGE_SHIFT);

    if (segment->generation[page] == 0) {
        verify_shared(context, loaded, segment, page, 1);
    } else {
        work_pattern(context, va, segment->generation[page]);
        (void)work_compare(context, loaded->file->path, va, 1);
    }
}

static void verify_private(struct context *context, const struct loaded *loaded, const struct loaded_segment *segment,
                           uint32_t page)
{
    uintptr_t va = segment->va + ((uintptr_t)page << QUIRE_PAGE_SHIFT);
    uint32_t *generation = &segment->generation[page];

    work_segment_page(context, loaded, segment, page);
    if (context_random(context, 4) == 0) {
        work_pattern(context, va, *generation + 1u);
        if (work_write(context, loaded->file->path, va)) {
            (*generation)++;
        }
    }
}

void work_segment(struct context *context, struct loaded *loaded, struct loaded_segment *segment, uint32_t first, uint32_t n)
{
    uint32_t i;

    if (segment->generation == NULL) {
        verify_shared(context, loaded, segment, first, n);
        return;
    }
    if (loaded->file->payload) {
        return; /* its data are in use: work_execute() tells whether they are right */
    }
    for (i = 0; i < n; i++) {
        verify_private(context, loaded, segment, first + i);
    }
}
