/* work_refusals.c - what must be refused is refused, and nothing else changes. SPDX-License-Identifier: BSD-2-Clause */
#include "work.h"

struct attempt {
    uintptr_t va;
    unsigned access;
};

static void attempt_body(void *arg)
{
    const struct attempt *attempt = arg;
    volatile unsigned char *byte = (volatile unsigned char *)attempt->va;

    if (attempt->access == QUIRE_PROT_READ) {
        (void)*byte;
    } else if (attempt->access == QUIRE_PROT_WRITE) {
        *byte = 1;
    } else {
        ((void (*)(void))attempt->va)();
    }
}

static void expect(struct context *context, uintptr_t va, unsigned access, enum quire_status status, const char *what)
{
    const struct fault_thread *fault = &context->fault;
    struct attempt attempt;

    attempt.va = va;
    attempt.access = access;
    if (fault_try(&context->fault, attempt_body, &attempt)) {
        host_wrong(context->host, "context %u: %s was not refused", context->index, what);
    } else if (fault->refusal != status || fault->refused_va != va || fault->refused_access != access) {
        host_wrong(context->host, "context %u: %s: expected %s", context->index, what, quire_status_name(status));
        work_refused(context, what);
    } else {
        counter_add(&context->figures.refusals, 1);
    }
}

void work_refusals(struct context *context)
{
    struct loaded *loaded = &context->loaded[context_random(context, (uint64_t)context->host->num_files)];
    uint32_t i;

    expect(context, context->window.base, QUIRE_PROT_READ, QUIRE_NOT_FOUND, "a read outside any area");
    expect(context, context->heap.va + QUIRE_PAGE_SIZE, QUIRE_PROT_EXEC, QUIRE_DENIED, "execution of data");
    for (i = 0; i < loaded->file->image.num_segments; i++) {
        if (loaded->segment[i].generation == NULL) {
            expect(context, loaded->segment[i].va + 5u, QUIRE_PROT_WRITE, QUIRE_DENIED, "a write to read-only memory");
        }
    }
}
