/* pins.c - which pages, had they been pinned, would have saved the most. SPDX-License-Identifier: BSD-2-Clause */
#include "recording.h"

#include <stdlib.h>
#include <string.h>

/*
 * A pinned page is loaded once and never saved for an eviction: what it saves is all its loads but the first, and the saves.
 * What it costs is a physical page for as long as it would not have been there by itself; and what a physical page is worth is
 * what all of them together cost in loads and saves, divided by their number. The pages with the greatest difference are
 * taken, a quarter of the pool at most: with more the worth of what remains is another. An estimate, and a good place to begin.
 */
#define POOL_PART 4u

struct worth {
    uint32_t page;
    double net;
};

static int by_net(const void *a, const void *b)
{
    const struct worth *x = a;
    const struct worth *y = b;

    return x->net != y->net ? (x->net < y->net ? 1 : -1) : x->page < y->page ? -1 : x->page > y->page;
}

/* What a load of this page cost, and what its saves did, in the recording's own unit; without a clock one each. */
static double saved_by(const struct recording *recording, const struct page_info *page)
{
    if (page->majors < 2u) {
        return 0;
    }
    if (recording->timed && page->cost != 0) {
        return (double)page->cost * (double)(page->majors - 1u) / (double)page->majors;
    }
    return (double)(page->majors - 1u + page->saves);
}

static int by_saving(const void *a, const void *b)
{
    const struct pin_line *x = a;
    const struct pin_line *y = b;

    if (x->saved_cost != y->saved_cost) {
        return x->saved_cost < y->saved_cost ? 1 : -1;
    }
    if (x->saved_majors != y->saved_majors) {
        return x->saved_majors < y->saved_majors ? 1 : -1;
    }
    return x->object != y->object ? (x->object < y->object ? -1 : 1) : x->first < y->first ? -1 : x->first > y->first;
}

/* Neighbours become one line. */
static void make_lines(const struct recording *recording, struct pins *pins)
{
    uint32_t i;

    for (i = 0; i < recording->num_pages; i++) {
        const struct page_info *page = &recording->pages[i];
        struct pin_line *line = pins->num_lines != 0 ? &pins->lines[pins->num_lines - 1u] : NULL;

        if (!page->pinned) {
            continue;
        }
        if (line == NULL || line->object != page->object || line->first + line->n != page->pgidx) {
            line = &pins->lines[pins->num_lines++];
            memset(line, 0, sizeof *line);
            line->object = page->object;
            line->first = page->pgidx;
        }
        line->n++;
        line->saved_majors += page->majors - 1u;
        line->saved_cost += (uint64_t)saved_by(recording, page);
    }
    for (i = 0; i < pins->num_lines; i++) {
        pins->saved_majors += pins->lines[i].saved_majors;
        pins->saved_cost += pins->lines[i].saved_cost;
    }
    qsort(pins->lines, pins->num_lines, sizeof *pins->lines, by_saving);
}

const char *pins_choose(struct recording *recording, const struct analysis *analysis, struct pins *pins)
{
    uint32_t frames = recording->header.pages != 0 ? recording->header.pages : recording->num_frames;
    struct worth *worth = calloc((size_t)recording->num_pages + 1u, sizeof *worth);
    double total = 0;
    uint32_t i;

    (void)analysis;
    memset(pins, 0, sizeof *pins);
    if (worth == NULL) {
        return "no memory";
    }
    for (i = 0; i < recording->num_pages; i++) {
        total += saved_by(recording, &recording->pages[i]);
    }
    for (i = 0; i < recording->num_pages; i++) {
        const struct page_info *page = &recording->pages[i];
        double absent = 1.0 - (double)page->resident / (double)recording->duration;

        worth[i].page = i;
        worth[i].net = saved_by(recording, page) - (absent > 0 ? absent : 0) * total / (double)(frames != 0 ? frames : 1u);
    }
    qsort(worth, recording->num_pages, sizeof *worth, by_net);
    for (i = 0; i < recording->num_pages && i < frames / POOL_PART && worth[i].net > 0; i++) {
        recording->pages[worth[i].page].pinned = true;
        pins->pages++;
    }
    free(worth);
    pins->lines = calloc((size_t)pins->pages + 1u, sizeof *pins->lines);
    if (pins->lines == NULL) {
        return "no memory";
    }
    make_lines(recording, pins);
    return NULL;
}

void pins_free(struct pins *pins)
{
    free(pins->lines);
    memset(pins, 0, sizeof *pins);
}
