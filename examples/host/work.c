/* work.c - what the checks have in common. SPDX-License-Identifier: BSD-2-Clause */
#include "work.h"

#include <string.h>

struct compare {
    const unsigned char *paged;
    const unsigned char *expected;
    uint32_t n;
    uint32_t page;      /* just now */
    uint32_t different; /* pages */
    uint32_t first;     /* of them */
};

static void compare_body(void *arg)
{
    struct compare *compare = arg;

    for (; compare->page < compare->n; compare->page++) {
        size_t offset = (size_t)compare->page << QUIRE_PAGE_SHIFT;

        if (memcmp(compare->paged + offset, compare->expected + offset, QUIRE_PAGE_SIZE) != 0) {
            compare->first = compare->different == 0 ? compare->page : compare->first;
            compare->different++;
        }
    }
}

void work_refused(struct context *context, const char *what)
{
    const struct fault_thread *fault = &context->fault;

    if (caught_note(context)) {
        return;
    }
    host_wrong(context->host, "context %u: %s: access %#x at %#llx was refused: %s (signal %d)", context->index, what,
               fault->refused_access, (unsigned long long)fault->refused_va, quire_status_name(fault->refusal), fault->signal);
}

bool work_compare(struct context *context, const char *what, uintptr_t va, uint32_t n)
{
    struct compare compare;

    if (caught_any(context, va, n)) {
        return false;
    }
    memset(&compare, 0, sizeof compare);
    compare.paged = (const unsigned char *)va;
    compare.expected = context->buffer;
    compare.n = n;
    if (!fault_try(&context->fault, compare_body, &compare)) {
        work_refused(context, what);
        return false;
    }
    counter_add(&context->figures.verified, (uint64_t)(n - compare.different) << QUIRE_PAGE_SHIFT);
    if (compare.different > 0) {
        host_wrong(context->host, "context %u: %s: page at %#llx is not what it should be", context->index, what,
                   (unsigned long long)(va + ((uintptr_t)compare.first << QUIRE_PAGE_SHIFT)));
    }
    return compare.different == 0;
}

struct copy {
    unsigned char *paged;
    const unsigned char *from;
};

static void copy_body(void *arg)
{
    const struct copy *copy = arg;

    memcpy(copy->paged, copy->from, QUIRE_PAGE_SIZE);
}

bool work_write(struct context *context, const char *what, uintptr_t va)
{
    struct copy copy;

    if (caught_any(context, va, 1)) {
        return false;
    }
    copy.paged = (unsigned char *)va;
    copy.from = context->buffer;
    if (!fault_try(&context->fault, copy_body, &copy)) {
        work_refused(context, what);
        return false;
    }
    counter_add(&context->figures.writes, 1);
    return true;
}

static void touch_body(void *arg)
{
    (void)*(volatile unsigned char *)arg;
}

bool work_touch(struct context *context, const char *what, uintptr_t va)
{
    if (caught_any(context, va, 1)) {
        return false;
    }
    if (!fault_try(&context->fault, touch_body, (void *)va)) {
        work_refused(context, what);
        return false;
    }
    return true;
}

/* At the beginning of each page that is written: what must never be found in a sealed store. */
static const char plain_text[] = "the secret of a context, in plain text";

void work_pattern(struct context *context, uintptr_t va, uint64_t generation)
{
    uint64_t x = (uint64_t)(context->index + 1u) << 56 ^ generation << 20 ^ va >> QUIRE_PAGE_SHIFT ^ context->host->args.seed;
    size_t i;

    for (i = 0; i < QUIRE_PAGE_SIZE; i += sizeof x) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        memcpy(context->buffer + i, &x, sizeof x);
    }
    memcpy(context->buffer, plain_text, sizeof plain_text - 1u);
}

/* ---- After a stop ---- */

static void audit_segment(struct context *context, const struct loaded *loaded, const struct loaded_segment *segment)
{
    uint32_t page;

    for (page = 0; page < segment->segment->npages; page++) {
        if (loaded->file->payload) { /* in use; what it answers tells whether it is right */
            (void)work_touch(context, loaded->file->path, segment->va + ((uintptr_t)page << QUIRE_PAGE_SHIFT));
        } else {
            work_segment_page(context, loaded, segment, page);
        }
    }
}

void work_audit(struct context *context)
{
    uint32_t page;
    uint32_t s;
    int i;

    for (i = 0; i < context->host->num_files; i++) {
        const struct loaded *loaded = &context->loaded[i];

        for (s = 0; s < loaded->file->image.num_segments; s++) {
            if (loaded->segment[s].generation != NULL) {
                audit_segment(context, loaded, &loaded->segment[s]);
            }
        }
    }
    for (page = 0; page < context->heap.npages; page++) {
        work_heap_page(context, page);
    }
    for (page = 0; page < SHARED_PAGES; page++) {
        work_shared_page(context, page);
    }
}
