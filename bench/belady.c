/* bench/belady.c - the optimum that no policy can beat. SPDX-License-Identifier: BSD-2-Clause */
#include "belady.h"

#include <stdlib.h>

uint32_t *belady_next(const struct qpt *qpt)
{
    uint32_t contents = qpt->contexts * qpt->pages;
    uint32_t *next = malloc(qpt->records * sizeof *next);
    uint32_t *seen = malloc(contents * sizeof *seen); /* where, of what lies behind record i */
    uint32_t i;

    for (i = 0; i < contents && seen != NULL; i++) {
        seen[i] = BELADY_NEVER;
    }
    for (i = qpt->records; i-- > 0 && next != NULL && seen != NULL;) {
        next[i] = BELADY_NEVER;
        if (qpt_kind(qpt->record[i]) != QPT_MARK) {
            uint32_t *at = &seen[qpt_content(qpt, qpt->record[i])];

            next[i] = *at;
            *at = i;
        }
    }
    if (seen == NULL) {
        free(next);
        next = NULL;
    }
    free(seen);
    return next;
}

/* ---- The resident contents, the one needed last on top ---- */

#define ABSENT UINT32_MAX

struct heap {
    uint32_t *content; /* [1..n]: half of a place is the place above it */
    uint32_t *place;   /* per content; ABSENT: not resident */
    uint64_t *key;     /* per content: its next use; if there is none, behind all others, and the later the later it was used */
    bool *dirty;       /* per content */
    uint32_t n;
};

static void put(struct heap *heap, uint32_t place, uint32_t content)
{
    heap->content[place] = content;
    heap->place[content] = place;
}

static void rise(struct heap *heap, uint32_t content)
{
    uint64_t key = heap->key[content];
    uint32_t place = heap->place[content];

    while (place > 1u && heap->key[heap->content[place / 2u]] < key) {
        put(heap, place, heap->content[place / 2u]);
        place /= 2u;
    }
    put(heap, place, content);
}

static void sink(struct heap *heap, uint32_t place, uint32_t content)
{
    uint64_t key = heap->key[content];

    for (;;) {
        uint32_t below = place * 2u;

        if (below < heap->n && heap->key[heap->content[below + 1u]] > heap->key[heap->content[below]]) {
            below++;
        }
        if (below > heap->n || heap->key[heap->content[below]] <= key) {
            break;
        }
        put(heap, place, heap->content[below]);
        place = below;
    }
    put(heap, place, content);
}

static uint32_t take_top(struct heap *heap)
{
    uint32_t top = heap->content[1];
    uint32_t last = heap->content[heap->n];

    heap->n--;
    heap->place[top] = ABSENT;
    if (last != top) {
        sink(heap, 1, last);
    }
    return top;
}

static void reference(struct heap *heap, uint32_t pages, uint32_t content, bool write, uint64_t key, struct belady *out)
{
    if (heap->place[content] == ABSENT) {
        out->majors++;
        if (heap->n == pages) {
            out->saves += heap->dirty[take_top(heap)];
        }
        heap->dirty[content] = false;
        heap->place[content] = ++heap->n;
    }
    heap->dirty[content] = heap->dirty[content] || write;
    heap->key[content] = key;
    rise(heap, content); /* what is needed now was the one needed first: its key only grows */
}

bool belady(const struct qpt *qpt, const uint32_t *next, uint32_t pages, struct belady *out)
{
    uint32_t contents = qpt->contexts * qpt->pages;
    struct heap heap;
    uint32_t i;
    bool done;

    out->majors = 0;
    out->saves = 0;
    heap.n = 0;
    heap.content = calloc((size_t)pages + 1u, sizeof *heap.content);
    heap.place = malloc(contents * sizeof *heap.place);
    heap.key = calloc(contents, sizeof *heap.key);
    heap.dirty = calloc(contents, sizeof *heap.dirty);
    done = heap.content != NULL && heap.place != NULL && heap.key != NULL && heap.dirty != NULL;
    for (i = 0; i < contents && done; i++) {
        heap.place[i] = ABSENT;
    }
    for (i = 0; i < qpt->records && done; i++) {
        uint32_t record = qpt->record[i];

        if (qpt_kind(record) != QPT_MARK) {
            uint64_t key = next[i] != BELADY_NEVER ? next[i] : (uint64_t)BELADY_NEVER + i;

            reference(&heap, pages, qpt_content(qpt, record), qpt_kind(record) == QPT_WRITE, key, out);
        }
    }
    free(heap.content);
    free(heap.place);
    free(heap.key);
    free(heap.dirty);
    return done;
}
