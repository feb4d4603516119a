/* work_shared.c - one paged buffer that all contexts read and write. SPDX-License-Identifier: BSD-2-Clause */
#include "work.h"

/*
 *   page p:   line 0    line 1    line 2    line 3  ...      line i belongs to context i modulo their number
 *             [0......s][1.......][2.......][0.......]       word 0: the owner's count; s: a word that all add to
 *
 * Who wrote a count publishes it in ordinary memory afterwards. So whoever reads what is published first, then the buffer,
 * then what is published again, knows the least and the most that the buffer may hold. A lost write, an old page or
 * another's page shows.
 */
#define COUNT_BITS 40u

struct visit {
    struct context *context;
    uint64_t *page; /* paged */
    uint32_t index;
    bool write;        /* else it only reads */
    const char *wrong; /* null: all is as it should be */
    uint32_t lines;    /* compared */
};

static uint64_t *line_of(const struct visit *visit, uint32_t line)
{
    return visit->page + line * 8u;
}

static uint64_t *sum_of(uint64_t *page)
{
    return page + 7;
}

static uint64_t *published_by(const struct visit *visit, uint32_t owner)
{
    return &visit->context->host->published[owner * SHARED_PAGES + visit->index];
}

static uint64_t mark_of(const struct visit *visit, uint32_t owner)
{
    return (uint64_t)(owner + 1u) << 56 | (uint64_t)visit->index << COUNT_BITS;
}

static void write_own(const struct visit *visit)
{
    const struct context *context = visit->context;
    uint64_t count = *published_by(visit, context->index) + 1u;
    uint32_t line;

    for (line = context->index; line < SHARED_LINES; line += context->host->args.contexts) {
        __atomic_store_n(line_of(visit, line), mark_of(visit, context->index) | count, __ATOMIC_SEQ_CST);
    }
    __atomic_store_n(published_by(visit, context->index), count, __ATOMIC_SEQ_CST);
}

static const char *read_line(const struct visit *visit, uint32_t line, uint32_t owner)
{
    uint64_t least = __atomic_load_n(published_by(visit, owner), __ATOMIC_SEQ_CST);
    uint64_t value = __atomic_load_n(line_of(visit, line), __ATOMIC_SEQ_CST);
    uint64_t most = __atomic_load_n(published_by(visit, owner), __ATOMIC_SEQ_CST) + 1u;
    uint64_t count = value & ((UINT64_C(1) << COUNT_BITS) - 1u);

    if (value != 0 && value - count != mark_of(visit, owner)) {
        return "holds what nobody wrote there";
    }
    if (count < least) {
        return "lost what another context wrote";
    }
    return count <= most ? NULL : "is ahead of its writer";
}

static void visit_body(void *arg)
{
    struct visit *visit = arg;
    struct host *host = visit->context->host;
    uint32_t line;

    if (visit->write) {
        write_own(visit);
        __atomic_fetch_add(sum_of(visit->page), 1, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&host->shared_added[visit->index], 1, __ATOMIC_SEQ_CST);
    }
    for (line = 0; line < SHARED_LINES && visit->wrong == NULL; line++) {
        visit->wrong = read_line(visit, line, line % host->args.contexts);
        visit->lines += visit->wrong == NULL;
    }
}

static void visit_page(struct context *context, uint32_t page, bool write)
{
    uintptr_t va = context->shared_va + ((uintptr_t)page << QUIRE_PAGE_SHIFT);
    struct visit visit;

    if (caught_any(context, va, 1)) {
        return;
    }
    visit.context = context;
    visit.index = page;
    visit.page = (uint64_t *)va;
    visit.write = write;
    visit.wrong = NULL;
    visit.lines = 0;
    if (!fault_try(&context->fault, visit_body, &visit)) {
        work_refused(context, "shared buffer");
    } else if (visit.wrong != NULL) {
        host_wrong(context->host, "context %u: shared buffer: page %u %s", context->index, visit.index, visit.wrong);
    }
    counter_add(&context->figures.verified, visit.lines * sizeof(uint64_t));
}

void work_shared(struct context *context)
{
    visit_page(context, (uint32_t)context_random(context, SHARED_PAGES), true);
}

void work_shared_page(struct context *context, uint32_t page)
{
    visit_page(context, page, false);
}

struct sum {
    uint64_t *page; /* paged */
    uint64_t sum;
};

static void sum_body(void *arg)
{
    struct sum *sum = arg;

    sum->sum = __atomic_load_n(sum_of(sum->page), __ATOMIC_SEQ_CST);
}

void work_shared_sum(struct context *context)
{
    struct host *host = context->host;
    uint32_t i;

    for (i = 0; i < SHARED_PAGES; i++) {
        uintptr_t va = context->shared_va + ((uintptr_t)i << QUIRE_PAGE_SHIFT);
        struct sum sum;

        sum.page = (uint64_t *)va;
        sum.sum = 0;
        if (caught_any(context, va, 1)) {
            continue; /* nobody can say what it holds */
        }
        if (!fault_try(&context->fault, sum_body, &sum)) {
            work_refused(context, "shared buffer");
        } else if (sum.sum != host->shared_added[i]) {
            host_wrong(host, "shared buffer: page %u: %llu additions, but the sum is %llu", i,
                       (unsigned long long)host->shared_added[i], (unsigned long long)sum.sum);
        }
    }
}
