/* pins.c - which pages, had they been pinned, would have saved the most. SPDX-License-Identifier: BSD-2-Clause */
#include "recording.h"

#include <stdlib.h>
#include <string.h>

/*
 * A pinned page is loaded once and never saved for an eviction: what it saves is all its loads but the first, and the saves.
 * What it costs is a physical page for as long as it would not have been there by itself; and what a physical page is worth is
 * what all of them together cost in loads and saves, divided by their number. The pages with the greatest difference are
 * taken, a quarter of the pool at most: with more the worth of what remains is another. An estimate, and a good place to begin.
 *
 * A load costs what the loads of its object cost in the median, not what this one took: a thread that was preempted while it
 * loaded took milliseconds, and would make a page of two loads the best of all.
 */
#define POOL_PART 4u
#define FEW 8u /* loads of an object: with fewer the median of all loads counts */

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

/* ---- What a load and a save cost ---- */

struct sample {
    uint32_t object;
    uint64_t cost;
};

struct prices {
    double *load; /* per object */
    double save;
};

static int by_cost(const void *a, const void *b)
{
    const struct sample *x = a;
    const struct sample *y = b;

    return x->cost != y->cost ? (x->cost < y->cost ? -1 : 1) : 0;
}

static int by_object(const void *a, const void *b)
{
    const struct sample *x = a;
    const struct sample *y = b;

    return x->object != y->object ? (x->object < y->object ? -1 : 1) : by_cost(a, b);
}

/* A load that took what was measured; where a dirty page gave way, that is in it too. */
static bool is_load(const struct step *step)
{
    return step->type == QUIRE_TRACE_FAULT && step->kind == QUIRE_FAULT_MAJOR && step->status == 0 && step->page != NONE &&
           !step->dirty;
}

static bool is_load_and_save(const struct step *step)
{
    return step->type == QUIRE_TRACE_FAULT && step->kind == QUIRE_FAULT_MAJOR && step->status == 0 && step->page != NONE &&
           step->dirty;
}

/* A save that was measured; where an eviction tells of one, the time may stand elsewhere. */
static bool is_save(const struct step *step)
{
    bool done = step->type == QUIRE_TRACE_SAVE ? step->status == 0 : step->type == QUIRE_TRACE_EVICT && step->dirty;

    return done && step->cost != 0;
}

static size_t take(const struct recording *recording, bool (*wanted)(const struct step *step), struct sample *to)
{
    size_t n = 0;
    uint32_t i;

    for (i = 0; i < recording->num_steps; i++) {
        const struct step *step = &recording->steps[i];

        if (wanted(step)) {
            to[n].object = wanted == is_load ? recording->pages[step->page].object : NONE;
            to[n++].cost = step->cost;
        }
    }
    return n;
}

/* Sorted samples of cost 0 are those of a recorder without a clock: one each, so that the numbers of loads count. */
static double median(const struct sample *sample, size_t n)
{
    return n != 0 && sample[n / 2u].cost != 0 ? (double)sample[n / 2u].cost : 1.0;
}

/* In the recording's own unit; without a clock one each. `prices->load` is the caller's to free in any case. */
static bool find_prices(const struct recording *recording, struct prices *prices)
{
    struct sample *sample = malloc(((size_t)recording->num_steps + 1u) * sizeof *sample);
    size_t first = 0;
    size_t n;
    size_t i;
    double all;
    double both;
    bool faults_save;
    bool saves;

    prices->load = malloc(((size_t)recording->num_objects + 1u) * sizeof *prices->load);
    if (sample == NULL || prices->load == NULL) {
        free(sample);
        return false;
    }
    n = recording->timed ? take(recording, is_save, sample) : 0;
    qsort(sample, n, sizeof *sample, by_cost);
    prices->save = median(sample, n);
    saves = n != 0;
    n = recording->timed ? take(recording, is_load_and_save, sample) : 0;
    qsort(sample, n, sizeof *sample, by_cost);
    both = median(sample, n);
    faults_save = n != 0;
    n = recording->timed ? take(recording, is_load, sample) : 0;
    qsort(sample, n, sizeof *sample, by_cost);
    all = n == 0 ? both : median(sample, n);
    if (faults_save && !saves) {
        prices->save = both > all ? both - all : 0; /* no save was measured by itself */
    }
    for (i = 0; i < recording->num_objects; i++) {
        prices->load[i] = all;
    }
    qsort(sample, n, sizeof *sample, by_object);
    for (i = 1; i <= n; i++) {
        if (i == n || sample[i].object != sample[first].object) {
            if (i - first >= FEW) {
                prices->load[sample[first].object] = median(&sample[first], i - first);
            }
            first = i;
        }
    }
    free(sample);
    return true;
}

/* All loads of this page but the first, and its saves. */
static double saved_by(const struct prices *prices, const struct page_info *page)
{
    return page->majors < 2u ? 0
                             : prices->load[page->object] * (double)(page->majors - 1u) + prices->save * (double)page->saves;
}

/* ---- Pages and lines ---- */

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
static void make_lines(const struct recording *recording, const struct prices *prices, struct pins *pins)
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
        line->saved_cost += (uint64_t)saved_by(prices, page);
    }
    for (i = 0; i < pins->num_lines; i++) {
        pins->saved_majors += pins->lines[i].saved_majors;
    }
    qsort(pins->lines, pins->num_lines, sizeof *pins->lines, by_saving);
}

const char *pins_choose(struct recording *recording, struct pins *pins)
{
    uint32_t frames = pool_pages(recording);
    struct worth *worth = calloc((size_t)recording->num_pages + 1u, sizeof *worth);
    struct prices prices;
    double total = 0;
    uint32_t i;

    memset(pins, 0, sizeof *pins);
    if (!find_prices(recording, &prices) || worth == NULL) {
        free(prices.load);
        free(worth);
        return "no memory";
    }
    for (i = 0; i < recording->num_pages; i++) {
        total += saved_by(&prices, &recording->pages[i]);
    }
    for (i = 0; i < recording->num_pages; i++) {
        const struct page_info *page = &recording->pages[i];
        double absent = 1.0 - (double)page->resident / (double)recording->duration;

        worth[i].page = i;
        worth[i].net = saved_by(&prices, page) - (absent > 0 ? absent : 0) * total / (double)(frames != 0 ? frames : 1u);
    }
    qsort(worth, recording->num_pages, sizeof *worth, by_net);
    for (i = 0; i < recording->num_pages && i < frames / POOL_PART && worth[i].net > 0; i++) {
        recording->pages[worth[i].page].pinned = true;
        pins->pages++;
    }
    free(worth);
    pins->lines = calloc((size_t)pins->pages + 1u, sizeof *pins->lines);
    if (pins->lines != NULL) {
        make_lines(recording, &prices, pins);
    }
    free(prices.load);
    return pins->lines != NULL ? NULL : "no memory";
}

void pins_free(struct pins *pins)
{
    free(pins->lines);
    memset(pins, 0, sizeof *pins);
}
