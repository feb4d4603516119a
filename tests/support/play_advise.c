/* Advice: pages brought in ahead, sent away, and let go. */
#include <string.h>

#include "play_op.h"

/* Some cells, mostly with something in them; not all within the window. */
static unsigned pick_range(struct play *play, uint32_t *at, uint32_t *n)
{
    unsigned vm = play_pick_vm(play);
    uint32_t tries;

    *at = play_below(play, MODEL_CELLS);
    for (tries = 0; vm != MODEL_VMS && tries < 12u && !play->model.cell[vm][*at].mapped; tries++) {
        *at = play_below(play, MODEL_CELLS);
    }
    *n = play_below(play, 8);
    return vm;
}

/* What of a page that was let go is to be seen now: in memory, or where a load would find it. */
void play_see(struct play *play, unsigned object, uint32_t page, bool sure)
{
    static const unsigned char zeros[(size_t)1 << QUIRE_PAGE_SHIFT];
    const struct quire_pmem_pool *pool = &play->rig.pager.pool;
    const unsigned char *seen;
    uint32_t slot;

    if (!play->model.object[object].freed[page]) {
        return;
    }
    slot = play->object[object]->fobj->slots[page];
    if (quire_slot_kind(slot) == QUIRE_SLOT_PRESENT) {
        seen = quire_sim_bytes(&play->rig.sim, quire_pmem_pa(pool, quire_slot_value(slot)));
    } else {
        seen = quire_slot_kind(slot) == QUIRE_SLOT_STORED ? play_kept(play, object, page) : NULL;
        seen = seen != NULL ? seen : zeros;
        sure = true; /* nothing but what a load gives */
    }
    model_did_see(&play->model, object, page, seen, sure);
}

void play_populate(struct play *play)
{
    bool write = play_chance(play, 2);
    unsigned access = write ? QUIRE_PROT_WRITE : QUIRE_PROT_READ;
    struct quire_vm_copy how;
    struct play_hits hits;
    enum quire_status status;
    uint32_t quarantined;
    size_t done = 0;
    uint32_t cell;
    uint32_t set;
    uint32_t at;
    uint32_t n;
    unsigned vm = pick_range(play, &at, &n);

    if (vm == MODEL_VMS) {
        return;
    }
    memset(&how, 0, sizeof how);
    how.privileged = play_chance(play, 3);
    how.thread = play_below(play, play->variant.rig.concurrency);
    play_op(play, "populate %u pages from %u of context %u to %s", n, at, vm, write ? "write" : "read");
    quarantined = play_quarantined(play);
    play_arm(play, &hits);
    status = quire_vm_populate(play->vm[vm], RIG_AT(at), n, write, &how, &done);
    play_disarm(play, &hits);
    if (done > n || (n != 0 && (status == QUIRE_OK) != (done == n))) {
        play_fail(play, "%s, and %zu pages of %u", quire_status_name(status), done, n);
        return;
    }
    for (cell = at; cell < at + done && play->wrong[0] == '\0'; cell++) {
        if (cell >= MODEL_CELLS ||
            (model_may_access(&play->model, vm, cell, access, how.privileged, quarantined) & MODEL_OK) == 0) {
            play_fail(play, "page %u was populated, and may not be", cell);
        } else {
            model_did_access(&play->model, vm, cell, write);
        }
    }
    if (status == QUIRE_OK || play->wrong[0] != '\0') {
        return;
    }
    cell = at + (uint32_t)done;
    if (n == 0) {
        set = MODEL_SET(QUIRE_INVALID);
    } else if (cell >= MODEL_CELLS) {
        set = MODEL_SET(QUIRE_NOT_FOUND);
    } else {
        set = model_may_access(&play->model, vm, cell, access, how.privileged, quarantined);
    }
    set = play_after_fault(&hits, set) | (hits.load == 0 && hits.map > 0 ? MODEL_OK | MODEL_SET(QUIRE_NO_TABLE) : 0);
    set = play_after_store(play, cell < MODEL_CELLS ? play->model.cell[vm][cell].object : MODEL_OBJECTS, set);
    play_expect(play, status, (set & ~MODEL_OK) | (done != 0 ? MODEL_SET(QUIRE_LIMIT) : 0));
}

void play_will_need(struct play *play)
{
    uint64_t needs = rig_stats(&play->rig).needs;
    uint64_t saves = play->rig.saves;
    struct play_hits hits;
    enum quire_status status;
    uint32_t at;
    uint32_t n;
    unsigned vm = pick_range(play, &at, &n);

    if (vm == MODEL_VMS) {
        return;
    }
    play_op(play, "will need %u pages from %u of context %u", n, at, vm);
    play_arm(play, &hits);
    status = quire_vm_advise(play->vm[vm], RIG_AT(at), n, QUIRE_ADVICE_WILL_NEED);
    play_disarm(play, &hits);
    play_expect(play, status, model_may_advise(&play->model, vm, at, n));
    if (play->rig.saves != saves && rig_stats(&play->rig).needs == needs) { /* what a store needed may have to be given back */
        play_fail(play, "pages were saved");
    }
}

void play_dont_need(struct play *play)
{
    uint32_t quarantined = play_quarantined(play);
    struct play_hits hits;
    enum quire_status status;
    uint32_t at;
    uint32_t n;
    unsigned vm = pick_range(play, &at, &n);
    uint32_t set;

    if (vm == MODEL_VMS) {
        return;
    }
    play_op(play, "do not need %u pages from %u of context %u", n, at, vm);
    set = model_may_advise(&play->model, vm, at, n);
    play_arm(play, &hits);
    status = quire_vm_advise(play->vm[vm], RIG_AT(at), n, QUIRE_ADVICE_DONT_NEED);
    play_disarm(play, &hits);
    play_expect(play, status, set | (quarantined != 0 || hits.stuck != 0 ? MODEL_SET(QUIRE_STUCK) : 0));
    for (; n > 0 && status == QUIRE_OK && hits.save == 0 && hits.stuck == 0 && quarantined == 0; n--, at++) {
        const struct model_cell *cell = &play->model.cell[vm][at];
        struct quire_vm_info info = rig_query(play->vm[vm], RIG_AT(at));

        if (!play->model.object[cell->object].unpaged && info.entry != 0) {
            play_fail(play, "page %u still has an entry", at);
        }
    }
}

void play_free(struct play *play)
{
    const struct quire_pmem_pool *pool = &play->rig.pager.pool;
    uint32_t quarantined = play_quarantined(play);
    bool forgets[MODEL_OBJECTS] = {false};
    struct play_hits hits;
    enum quire_status status;
    uint32_t set;
    uint32_t at;
    uint32_t n;
    uint32_t i;
    unsigned vm = pick_range(play, &at, &n);

    if (vm == MODEL_VMS) {
        return;
    }
    for (i = 0; i < MODEL_OBJECTS; i++) {
        forgets[i] = play->object[i] != NULL && play->model.object[i].origin == 0 &&
                     (play->object[i]->kind == PLAY_RW || play->object[i]->kind == PLAY_RO ||
                      play->object[i]->kind == PLAY_ZERO || play->object[i]->kind == PLAY_ZERO_LOCKED);
    }
    for (i = 0; i < 40u && (model_may_free(&play->model, vm, at, n, forgets) & MODEL_OK) == 0; i++) {
        at = play_below(play, MODEL_CELLS); /* most of what is mapped may not be let go */
        n = play_below(play, 4);
    }
    play_op(play, "free %u pages from %u of context %u", n, at, vm);
    set = model_may_free(&play->model, vm, at, n, forgets);
    play_arm(play, &hits);
    status = quire_vm_advise(play->vm[vm], RIG_AT(at), n, QUIRE_ADVICE_FREE);
    play_disarm(play, &hits);
    play_expect(play, status, set | (quarantined != 0 || hits.stuck != 0 ? MODEL_SET(QUIRE_STUCK) : 0));
    if (status != QUIRE_OK && status != QUIRE_NOT_FOUND && status != QUIRE_STUCK) {
        return;
    }
    for (i = at; i < at + n && play->wrong[0] == '\0'; i++) {
        const struct model_cell *cell = &play->model.cell[vm][i];
        struct play_object *o = play->object[cell->object];
        uint32_t slot = cell->mapped ? o->fobj->slots[cell->page] : 0;

        if (!cell->mapped || (quire_slot_kind(slot) == QUIRE_SLOT_PRESENT &&
                              quire_pmem_at(pool, quire_slot_value(slot))->state == QUIRE_PAGE_QUARANTINED)) {
            continue;
        }
        model_did_free(&play->model, cell->object, cell->page);
        if (o->stored != NULL) {
            o->stored[cell->page] = false;
        }
    }
}
