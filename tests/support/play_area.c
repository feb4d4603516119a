/* Operations on areas. */
#include <stdlib.h>
#include <string.h>

#include "play_op.h"

unsigned play_pick_vm(struct play *play)
{
    unsigned first = play_below(play, MODEL_VMS);
    unsigned i;

    for (i = 0; i < MODEL_VMS; i++) {
        if (play->vm[(first + i) % MODEL_VMS] != NULL) {
            return (first + i) % MODEL_VMS;
        }
    }
    return MODEL_VMS;
}

/* A range of cells: mostly around something that is mapped, now and then beyond the window. */
static uint32_t pick_range(struct play *play, unsigned vm, uint32_t *n)
{
    uint32_t at = play_below(play, MODEL_CELLS);
    uint32_t tries;

    for (tries = 0; tries < 8 && !play->model.cell[vm][at].mapped; tries++) {
        at = play_below(play, MODEL_CELLS);
    }
    *n = 1u + play_below(play, play_chance(play, 4) ? 24u : 5u);
    if (play_chance(play, 40)) {
        *n = play_below(play, 3) == 0 ? 0 : MODEL_CELLS;
    }
    return at;
}

static unsigned pick_prot(struct play *play)
{
    static const unsigned prots[] = {1, 3, 3, 5, 5, 1, 7, 0, 2, 4};
    unsigned prot = prots[play_below(play, sizeof prots / sizeof prots[0])];

    return prot | (play_chance(play, 8) ? 0 : QUIRE_PROT_USER);
}

static void note_wx(struct play *play, unsigned vm, uint32_t at, uint32_t n)
{
    uint32_t i;

    for (i = at; i < at + n && i < MODEL_CELLS; i++) {
        if (play->model.cell[vm][i].mapped && play->model.cell[vm][i].wx) {
            play->object[play->model.cell[vm][i].object]->wx = true;
        }
    }
}

void play_map(struct play *play)
{
    unsigned vm = play_pick_vm(play);
    unsigned object = play_pick_object(play);
    struct quire_mapping mapping;
    struct model_map map;
    struct play_hits hits;
    enum quire_status status;
    uint32_t set;
    uint32_t at = 0;
    uintptr_t va = 0;

    if (vm == MODEL_VMS || object == MODEL_OBJECTS || !play->model.object[object].held) {
        return;
    }
    memset(&mapping, 0, sizeof mapping);
    memset(&map, 0, sizeof map);
    map.object = object;
    map.first = play_chance(play, 3) ? play_below(play, play->model.object[object].npages + 1u) : 0;
    map.npages = 1u + play_below(play, play->model.object[object].npages);
    map.prot = pick_prot(play);
    map.attr = play_chance(play, 30) ? 9u : 5u;
    map.wx = play_chance(play, 6);
    map.at = play_chance(play, 2) ? play_below(play, MODEL_CELLS + 2u) : MODEL_ANY;
    map.min = play_chance(play, 2) ? play_below(play, MODEL_CELLS) : 0;
    map.max = play_chance(play, 2) ? map.min + play_below(play, MODEL_CELLS) : MODEL_CELLS - 1u;
    map.align = (uint32_t)1 << play_below(play, 5);
    map.base = (uint32_t)(RIG_VA >> QUIRE_PAGE_SHIFT);
    map.pad_before = play_chance(play, 3) ? play_below(play, 4) : 0;
    map.pad_after = play_chance(play, 3) ? play_below(play, 4) : 0;
    mapping.fobj = play->object[object]->fobj;
    mapping.first = map.first;
    mapping.npages = map.npages;
    mapping.prot = map.prot;
    mapping.attr = map.attr;
    mapping.wx = map.wx;
    mapping.va = map.at == MODEL_ANY ? QUIRE_VA_ANY : RIG_AT(map.at);
    mapping.min = RIG_AT(map.min);
    mapping.max = RIG_AT(map.max + 1u) - 1u;
    mapping.align = (size_t)map.align << QUIRE_PAGE_SHIFT;
    mapping.pad_before = map.pad_before;
    mapping.pad_after = map.pad_after;
    play_op(play, "map object %u in context %u", object, vm);
    set = model_may_map(&play->model, vm, &map, &at);
    play_arm(play, &hits);
    status = quire_vm_map(play->vm[vm], &mapping, &va);
    play_disarm(play, &hits);
    play_expect(play, status, play_after_areas(&hits, set));
    if (status == QUIRE_OK && play->wrong[0] == '\0') {
        if (va != RIG_AT(at)) {
            play_fail(play, "it lies at page %ju, and should at %u", (uintmax_t)((va - RIG_VA) >> QUIRE_PAGE_SHIFT), at);
            return;
        }
        model_did_map(&play->model, vm, &map, at);
        note_wx(play, vm, at, map.npages);
    }
}

/* An operation said STUCK: the model learns from `query` which cells are left. */
static void learn(struct play *play, unsigned vm, uint32_t at, uint32_t n)
{
    struct quire_vm_info info;
    uint32_t left = 0;
    uint32_t i;

    for (i = at; i < at + n; i++) {
        if (play->model.cell[vm][i].mapped && quire_vm_query(play->vm[vm], RIG_AT(i), &info) == QUIRE_OK) {
            play->model.cell[vm][i].stuck = true;
            left++;
        } else {
            model_did_unmap(&play->model, vm, i, 1);
        }
    }
    if (left == 0) {
        play_fail(play, "STUCK, but nothing is left");
    }
}

void play_map_all(struct play *play, unsigned object)
{
    unsigned vm = play_pick_vm(play);
    struct quire_mapping mapping;
    struct model_map map;
    struct play_hits hits;
    enum quire_status status;
    uint32_t set;
    uint32_t at = 0;

    if (vm == MODEL_VMS) {
        return;
    }
    memset(&mapping, 0, sizeof mapping);
    memset(&map, 0, sizeof map);
    map.object = object;
    map.npages = play->model.object[object].npages;
    map.prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER;
    map.attr = 5u;
    map.at = MODEL_ANY;
    map.max = MODEL_CELLS - 1u;
    map.align = 1;
    mapping.fobj = play->object[object]->fobj;
    mapping.prot = map.prot;
    mapping.attr = map.attr;
    mapping.va = QUIRE_VA_ANY;
    play_op(play, "map copy %u in context %u", object, vm);
    set = model_may_map(&play->model, vm, &map, &at);
    play_arm(play, &hits);
    status = quire_vm_map(play->vm[vm], &mapping, NULL);
    play_disarm(play, &hits);
    play_expect(play, status, play_after_areas(&hits, set));
    if (status == QUIRE_OK && play->wrong[0] == '\0') {
        model_did_map(&play->model, vm, &map, at);
    }
}

void play_unmap(struct play *play)
{
    unsigned vm = play_pick_vm(play);
    struct play_hits hits;
    enum quire_status status;
    uint32_t set;
    uint32_t at;
    uint32_t n;

    if (vm == MODEL_VMS) {
        return;
    }
    at = pick_range(play, vm, &n);
    play_op(play, "unmap %u pages at %u of context %u", n, at, vm);
    set = model_may_unmap(&play->model, vm, at, n);
    play_arm(play, &hits);
    status = quire_vm_unmap(play->vm[vm], RIG_AT(at), n);
    play_disarm(play, &hits);
    play_expect(play, status, play_after_areas(&hits, set));
    if (status == QUIRE_OK) {
        model_did_unmap(&play->model, vm, at, n);
    } else if (status == QUIRE_STUCK) {
        learn(play, vm, at, n);
    }
}

/* A change of permissions said STUCK: it happened, but for what is stuck already, or not at all. */
static void learn_prot(struct play *play, unsigned vm, uint32_t at, uint32_t n, unsigned prot)
{
    uint32_t i;

    for (i = at; i < at + n; i++) {
        play->model.cell[vm][i].loose = true;
        if (rig_query(play->vm[vm], RIG_AT(i)).prot == prot) {
            model_did_protect(&play->model, vm, i, 1, prot);
        }
    }
}

void play_protect(struct play *play)
{
    unsigned vm = play_pick_vm(play);
    struct play_hits hits;
    enum quire_status status;
    unsigned prot;
    uint32_t set;
    uint32_t at;
    uint32_t n;

    if (vm == MODEL_VMS) {
        return;
    }
    at = pick_range(play, vm, &n);
    if (!play_chance(play, 4)) { /* as far as it is mapped: it would fail otherwise, mostly */
        uint32_t i = 0;

        while (i < n && at + i < MODEL_CELLS && play->model.cell[vm][at + i].mapped) {
            i++;
        }
        n = i;
    }
    prot = pick_prot(play);
    play_op(play, "protect %u pages at %u of context %u with %u", n, at, vm, prot);
    set = model_may_protect(&play->model, vm, at, n, prot);
    play_arm(play, &hits);
    status = quire_vm_protect(play->vm[vm], RIG_AT(at), n, prot);
    play_disarm(play, &hits);
    play_expect(play, status, play_after_areas(&hits, set));
    if (status == QUIRE_STUCK) {
        learn_prot(play, vm, at, n, prot);
    } else if (status == QUIRE_OK) {
        model_did_protect(&play->model, vm, at, n, prot);
    }
    note_wx(play, vm, at, n);
}

void play_remap(struct play *play)
{
    unsigned vm = play_pick_vm(play);
    struct play_hits hits;
    enum quire_status status;
    uint32_t set;
    uint32_t at;
    uint32_t to;
    uint32_t n;

    if (vm == MODEL_VMS) {
        return;
    }
    at = pick_range(play, vm, &n);
    to = play_chance(play, 3) ? at + play_below(play, 5) : play_below(play, MODEL_CELLS);
    play_op(play, "move %u pages at %u of context %u to %u", n, at, vm, to);
    set = model_may_remap(&play->model, vm, at, n, to);
    play_arm(play, &hits);
    status = quire_vm_remap(play->vm[vm], RIG_AT(at), n, RIG_AT(to));
    play_disarm(play, &hits);
    if (model_vm_stuck(&play->model, vm)) {
        set |= MODEL_SET(QUIRE_STUCK);
    }
    play_expect(play, status, play_after_areas(&hits, set));
    if (status == QUIRE_OK) {
        model_did_remap(&play->model, vm, at, n, to);
    }
}

void play_merge(struct play *play)
{
    unsigned vm = play_pick_vm(play);
    struct play_hits hits;
    enum quire_status status;
    uint32_t at = play_below(play, MODEL_CELLS);

    if (vm == MODEL_VMS) {
        return;
    }
    play_op(play, "merge at %u of context %u", at, vm);
    play_arm(play, &hits);
    status = quire_vm_merge(play->vm[vm], RIG_AT(at) + play_below(play, (uint32_t)RIG_PAGE));
    play_disarm(play, &hits);
    play_expect(play, status, play_after_areas(&hits, play->model.cell[vm][at].mapped ? MODEL_OK : MODEL_SET(QUIRE_NOT_FOUND)));
}

void play_drop(struct play *play)
{
    unsigned vm = play_pick_vm(play);
    struct play_hits hits;
    enum quire_status status;
    uint32_t set = MODEL_OK;
    uint32_t at;
    uint32_t n;

    if (vm == MODEL_VMS) {
        return;
    }
    at = pick_range(play, vm, &n);
    if (n == 0) { /* beyond the context is fine: a page table may reach there */
        set = MODEL_SET(QUIRE_INVALID);
    }
    play_op(play, "drop the entries of %u pages at %u of context %u", n, at, vm);
    play_arm(play, &hits);
    status = quire_vm_drop_range(play->vm[vm], RIG_AT(at), n);
    play_disarm(play, &hits);
    play_expect(play, status, play_after_areas(&hits, set));
}

/* ---- Entries that an MMU refuses to drop ---- */

void play_stick(struct play *play)
{
    unsigned vm = play_pick_vm(play);
    uint32_t at;
    uint32_t n;

    if (vm == MODEL_VMS || !play->variant.sticky) {
        return;
    }
    at = pick_range(play, vm, &n);
    play_op(play, "page %u of context %u begins to stick", at, vm);
    (void)quire_sim_stick(&play->rig.sim, play->vm[vm], RIG_AT(at),
                          play_chance(play, 2) ? 1u + play_below(play, 3) : UINT32_MAX);
}

/* Nothing sticks any more: pages leave quarantine, areas that were kept can be unmapped. */
void play_unstick(struct play *play)
{
    unsigned vm;
    uint32_t i;

    if (!play->variant.sticky) {
        return;
    }
    play_op(play, "unstick");
    for (vm = 0; vm < MODEL_VMS; vm++) {
        for (i = 0; play->vm[vm] != NULL && i < MODEL_CELLS; i++) {
            (void)quire_sim_stick(&play->rig.sim, play->vm[vm], RIG_AT(i), 0);
        }
    }
    play_expect(play, quire_pager_unstick(&play->rig.pager), MODEL_OK);
    for (vm = 0; vm < MODEL_VMS; vm++) {
        for (i = 0; play->vm[vm] != NULL && i < MODEL_CELLS; i++) {
            play->model.cell[vm][i].loose = false;
            if (play->model.cell[vm][i].stuck) {
                play_expect(play, quire_vm_unmap(play->vm[vm], RIG_AT(i), 1), MODEL_OK);
                model_did_unmap(&play->model, vm, i, 1);
            }
        }
    }
    if (play_quarantined(play) != play_late_pages(play)) {
        play_fail(play, "pages are left in quarantine");
    }
}
