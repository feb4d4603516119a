/* analysis.c - replays a recording: what was where when, who evicted whom. SPDX-License-Identifier: BSD-2-Clause */
#include "recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Residency ---- */

/* What each physical page holds, and where each page is. Of two physical pages that claim one content the later event is right. */
struct residency {
    const struct recording *recording;
    uint32_t *held;  /* per physical page: a page, NONE */
    uint32_t *where; /* per page: a physical page, NONE */
    residency_hook hook;
    void *ctx;
};

static void put_out(struct residency *r, uint32_t frame, uint32_t at)
{
    uint32_t page = r->held[frame];

    r->held[frame] = NONE;
    if (page != NONE && r->where[page] == frame) {
        r->where[page] = NONE;
        r->hook(r->ctx, page, false, at);
    }
}

static void put_in(struct residency *r, uint32_t frame, uint32_t page, uint32_t at)
{
    if (r->held[frame] == page && r->where[page] == frame) {
        return;
    }
    put_out(r, frame, at);
    if (r->where[page] == NONE) {
        r->hook(r->ctx, page, true, at);
    }
    r->held[frame] = page;
    r->where[page] = frame;
}

static void put_out_object(struct residency *r, const struct object_info *object, uint32_t at)
{
    uint32_t i;

    for (i = object->first_page; i < object->first_page + object->num_pages; i++) {
        if (r->where[i] != NONE) {
            put_out(r, r->where[i], at);
        }
    }
}

static void replay_step(struct residency *r, uint32_t at)
{
    const struct step *step = &r->recording->steps[at];

    if (step->type == QUIRE_TRACE_OBJECT) {
        if (step->kind == QUIRE_TRACE_ENDED) {
            put_out_object(r, &r->recording->objects[step->page], at);
        }
    } else if (step->frame == NONE) {
        return;
    } else if (step->type == QUIRE_TRACE_EVICT || (step->status != 0 && step->victim != NONE)) {
        put_out(r, step->frame, at);
    } else if (step->page != NONE && (step->status == 0 || step->type == QUIRE_TRACE_SAVE)) {
        put_in(r, step->frame, step->page, at);
    }
}

const char *residency_replay(const struct recording *recording, residency_hook hook, void *ctx)
{
    struct residency r;
    uint32_t i;

    r.recording = recording;
    r.held = nones(recording->num_frames);
    r.where = nones(recording->num_pages);
    r.hook = hook;
    r.ctx = ctx;
    for (i = 0; r.held != NULL && r.where != NULL && i < recording->num_steps; i++) {
        replay_step(&r, i);
    }
    free(r.held);
    free(r.where);
    return i == recording->num_steps ? NULL : "no memory";
}

/* How long each page was in memory. */
struct stay {
    struct recording *recording;
    uint64_t *since;
};

static void note_stay(void *ctx, uint32_t page, bool in, uint32_t at)
{
    struct stay *stay = ctx;
    uint64_t time = stay->recording->steps[at].time;

    if (in) {
        stay->since[page] = time + 1u;
    } else {
        stay->recording->pages[page].resident += time + 1u - stay->since[page];
        stay->since[page] = 0;
    }
}

static const char *add_stays(struct recording *recording)
{
    struct stay stay;
    const char *wrong;
    uint32_t i;

    stay.recording = recording;
    stay.since = calloc((size_t)recording->num_pages + 1u, sizeof *stay.since);
    if (stay.since == NULL) {
        return "no memory";
    }
    wrong = residency_replay(recording, note_stay, &stay);
    for (i = 0; i < recording->num_pages; i++) {
        if (stay.since[i] != 0) {
            recording->pages[i].resident += recording->duration + 1u - stay.since[i];
        }
    }
    free(stay.since);
    return wrong;
}

/* ---- Who evicted whom ---- */

struct counting {
    struct recording *recording;
    struct analysis *analysis;
    struct table pairs;
    struct table edges;
    size_t room_pairs;
    size_t room_edges;
    uint32_t *left;       /* per physical page: the page that was given up there and has no successor yet */
    uint32_t *evicted_in; /* per page: the pair of its last eviction, NONE: it came back since */
    uint64_t *evicted_at; /* per page: evictions before its last one, + 1; 0: never evicted */
};

static struct pair *pair_of(struct counting *c, uint32_t winner, uint32_t loser)
{
    struct analysis *a = c->analysis;
    uint32_t n = table_put(&c->pairs, winner, loser, a->num_pairs);

    if (n == NONE || (n == a->num_pairs && !room_for((void **)&a->pairs, &c->room_pairs, n, sizeof *a->pairs))) {
        return NULL;
    }
    if (n == a->num_pairs) {
        memset(&a->pairs[n], 0, sizeof a->pairs[n]);
        a->pairs[n].winner = winner;
        a->pairs[n].loser = loser;
        a->num_pairs++;
    }
    return &a->pairs[n];
}

static struct edge *edge_of(struct counting *c, uint32_t context, uint32_t object)
{
    struct analysis *a = c->analysis;
    uint32_t n = table_put(&c->edges, context, object, a->num_edges);

    if (n == NONE || (n == a->num_edges && !room_for((void **)&a->edges, &c->room_edges, n, sizeof *a->edges))) {
        return NULL;
    }
    if (n == a->num_edges) {
        memset(&a->edges[n], 0, sizeof a->edges[n]);
        a->edges[n].context = context;
        a->edges[n].object = object;
        a->num_edges++;
        c->recording->objects[object].contexts++;
    }
    return &a->edges[n];
}

/* Page `winner` took the place of `loser`. */
static bool count_pair(struct counting *c, uint32_t winner, uint32_t loser)
{
    const struct page_info *pages = c->recording->pages;
    struct pair *pair = pair_of(c, pages[winner].object, pages[loser].object);

    if (pair == NULL) {
        return false;
    }
    pair->count++;
    c->evicted_in[loser] = (uint32_t)(pair - c->analysis->pairs);
    return true;
}

static void count_eviction(struct counting *c, uint32_t page, bool dirty)
{
    c->analysis->evictions++;
    c->analysis->dirty += dirty;
    c->recording->pages[page].evictions++;
    c->evicted_at[page] = c->analysis->evictions;
}

/* A page came in: was it here before, and how long ago? */
static void count_arrival(struct counting *c, uint32_t page)
{
    struct analysis *a = c->analysis;

    if (c->evicted_at[page] != 0) {
        a->reloads++;
        a->quick += a->evictions - c->evicted_at[page] < pool_pages(c->recording);
        c->evicted_at[page] = 0;
    }
    if (c->evicted_in[page] != NONE) {
        a->pairs[c->evicted_in[page]].again++;
        c->evicted_in[page] = NONE;
    }
}

static bool count_fault(struct counting *c, const struct step *step)
{
    struct page_info *page = step->page != NONE ? &c->recording->pages[step->page] : NULL;
    struct edge *edge;
    bool major = step->kind == QUIRE_FAULT_MAJOR;

    c->analysis->faults[step->kind]++;
    if (page == NULL || step->context == NONE) {
        return true;
    }
    edge = edge_of(c, step->context, page->object);
    if (edge == NULL) {
        return false;
    }
    edge->faults++;
    edge->majors += major;
    c->recording->objects[page->object].faults++;
    c->recording->objects[page->object].majors += major;
    page->shared = page->shared || (page->context != NONE && page->context != step->context);
    page->context = page->context == NONE ? step->context : page->context;
    page->written = page->written || step->access == QUIRE_PROT_WRITE;
    page->executed = page->executed || step->access == QUIRE_PROT_EXEC;
    page->majors += major;
    page->minors += !major && step->kind != QUIRE_FAULT_REFUSED;
    if (major) {
        page->cost += step->cost;
    }
    return true;
}

static bool count_step(struct counting *c, const struct step *step)
{
    struct analysis *a = c->analysis;
    bool kept = step->type == QUIRE_TRACE_SAVE && step->status == 0;
    bool came = step->status == 0 && step->page != NONE && step->frame != NONE &&
                ((step->type == QUIRE_TRACE_FAULT && step->kind == QUIRE_FAULT_MAJOR) || step->type == QUIRE_TRACE_LOAD);

    if (step->type == QUIRE_TRACE_FAULT && !count_fault(c, step)) {
        return false;
    }
    if (step->victim != NONE) {
        count_eviction(c, step->victim, step->dirty);
    }
    if (kept || (step->victim != NONE && step->dirty)) {
        uint32_t page = kept ? step->page : step->victim;
        uint64_t cost = step->type == QUIRE_TRACE_FAULT ? 0 : step->cost; /* a fault's is that of its own page */

        if (page != NONE) {
            c->recording->pages[page].saves++;
            c->recording->pages[page].cost += cost;
        }
    }
    a->kept += kept;
    a->failures += (step->type == QUIRE_TRACE_SAVE || step->type == QUIRE_TRACE_LOAD) && step->status != 0;
    a->failures += step->type == QUIRE_TRACE_FAULT && (step->status == QUIRE_IO || step->status == QUIRE_INTEGRITY);
    if (step->frame != NONE && step->victim != NONE && !came) {
        c->left[step->frame] = step->victim;
    }
    if (came) {
        uint32_t loser = step->victim != NONE ? step->victim : c->left[step->frame];

        c->left[step->frame] = NONE;
        count_arrival(c, step->page);
        if (loser != NONE && !count_pair(c, step->page, loser)) {
            return false;
        }
    }
    return true;
}

/* ---- Order ---- */

/* What came back was evicted in vain: that first. */
static int by_count(const void *a, const void *b)
{
    const struct pair *x = a;
    const struct pair *y = b;

    if (x->again != y->again) {
        return x->again < y->again ? 1 : -1;
    }
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : x->loser < y->loser ? -1 : x->loser > y->loser;
}

static int by_faults(const void *a, const void *b)
{
    const struct edge *x = a;
    const struct edge *y = b;

    if (x->majors != y->majors) {
        return x->majors < y->majors ? 1 : -1;
    }
    return x->faults != y->faults ? (x->faults < y->faults ? 1 : -1) : x->object < y->object ? -1 : x->object > y->object;
}

static const struct page_info *sorted; /* qsort has no context */

static int by_heat(const void *a, const void *b)
{
    uint32_t i = *(const uint32_t *)a;
    uint32_t k = *(const uint32_t *)b;
    const struct page_info *x = &sorted[i];
    const struct page_info *y = &sorted[k];

    if (x->majors != y->majors) {
        return x->majors < y->majors ? 1 : -1;
    }
    return x->cost != y->cost ? (x->cost < y->cost ? 1 : -1) : i < k ? -1 : 1;
}

static const char *sort_all(struct recording *recording, struct analysis *analysis)
{
    uint32_t i;

    analysis->hottest = calloc((size_t)recording->num_pages + 1u, sizeof *analysis->hottest);
    if (analysis->hottest == NULL) {
        return "no memory";
    }
    for (i = 0; i < recording->num_pages; i++) {
        analysis->hottest[i] = i;
    }
    sorted = recording->pages;
    qsort(analysis->hottest, recording->num_pages, sizeof *analysis->hottest, by_heat);
    if (analysis->num_pairs != 0) {
        qsort(analysis->pairs, analysis->num_pairs, sizeof *analysis->pairs, by_count);
    }
    if (analysis->num_edges != 0) {
        qsort(analysis->edges, analysis->num_edges, sizeof *analysis->edges, by_faults);
    }
    return NULL;
}

const char *analysis_make(struct recording *recording, struct analysis *analysis)
{
    struct counting c;
    const char *wrong = NULL;
    uint32_t i;

    memset(analysis, 0, sizeof *analysis);
    memset(&c, 0, sizeof c);
    c.recording = recording;
    c.analysis = analysis;
    c.left = nones(recording->num_frames);
    c.evicted_in = nones(recording->num_pages);
    c.evicted_at = calloc((size_t)recording->num_pages + 1u, sizeof *c.evicted_at);
    if (c.left == NULL || c.evicted_in == NULL || c.evicted_at == NULL) {
        wrong = "no memory";
    }
    for (i = 0; wrong == NULL && i < recording->num_steps; i++) {
        wrong = count_step(&c, &recording->steps[i]) ? NULL : "no memory";
    }
    free(c.left);
    free(c.evicted_in);
    free(c.evicted_at);
    table_free(&c.pairs);
    table_free(&c.edges);
    wrong = wrong == NULL ? add_stays(recording) : wrong;
    wrong = wrong == NULL ? sort_all(recording, analysis) : wrong;
    if (wrong != NULL) {
        analysis_free(analysis);
    }
    return wrong;
}

void analysis_free(struct analysis *analysis)
{
    free(analysis->pairs);
    free(analysis->edges);
    free(analysis->hottest);
    memset(analysis, 0, sizeof *analysis);
}
