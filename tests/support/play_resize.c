/* Memory that is taken from the pager, given back, and adopted. */
#include <string.h>

#include "play_op.h"

/* ---- What is the user's ---- */

void play_lend(struct play *play, struct quire_pa pa, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        struct quire_pa at = quire_pa_make(pa.addr + ((uint64_t)i << QUIRE_PAGE_SHIFT));

        memset(quire_sim_bytes(&play->rig.sim, at), PLAY_LENT_BYTE, RIG_PAGE);
        play->lent[play->model.offline++] = at;
    }
}

static bool all_bytes(const struct play *play, struct quire_pa pa, unsigned char byte)
{
    const unsigned char *bytes = quire_sim_bytes(&play->rig.sim, pa);
    size_t i;

    for (i = 0; i < RIG_PAGE && bytes[i] == byte; i++) {
    }
    return i == RIG_PAGE;
}

/* The place of a page among those lent; model.offline if it is not. */
static uint32_t lent_at(const struct play *play, struct quire_pa pa)
{
    uint32_t i;

    for (i = 0; i < play->model.offline && play->lent[i].addr != pa.addr; i++) {
    }
    return i;
}

/* It is the pager's again. Nobody must have touched it meanwhile. */
static void unlend(struct play *play, uint32_t i)
{
    if (!all_bytes(play, play->lent[i], PLAY_LENT_BYTE)) {
        play_fail(play, "a page out of circulation was used");
    }
    play->lent[i] = play->lent[--play->model.offline];
}

/* Pages just taken are wiped, but for those that the pager never used: their bytes are nobody's. */
static void lend_taken(struct play *play, struct quire_pa pa)
{
    unsigned char *bytes = quire_sim_bytes(&play->rig.sim, pa);
    unsigned i;

    for (i = 0; i < MODEL_OBJECTS; i++) {
        if (play->object[i] != NULL && !play->model.object[i].unpaged &&
            memmem(bytes, RIG_PAGE, play->object[i]->secret, sizeof play->object[i]->secret) != NULL) {
            play_fail(play, "a page that was taken still holds what object %u held", i);
        }
    }
    if (lent_at(play, pa) != play->model.offline) {
        play_fail(play, "a page was taken twice");
    }
    play_lend(play, pa, 1);
}

/* ---- Taking ---- */

void play_shrink(struct play *play)
{
    uint32_t quarantined = play_quarantined(play);
    uint32_t n = play_below(play, 5);
    uint32_t most = 0;
    struct quire_pa pa[4];
    struct play_hits hits;
    enum quire_status status;
    uint32_t taken;
    uint32_t i;
    uint32_t set;

    while (most < n && !model_short(&play->model, most + 1u, quarantined)) {
        most++;
    }
    play_op(play, "shrink by %u pages", n);
    play_arm(play, &hits);
    status = quire_pager_shrink(&play->rig.pager, n, false, pa, &taken);
    play_disarm(play, &hits);
    set = most < n ? MODEL_SET(QUIRE_NO_PAGE) : MODEL_OK;
    if (hits.save != 0 || hits.stuck != 0 || quarantined != 0 || hits.needs || play->variant.pends) {
        set |= MODEL_SET(QUIRE_NO_PAGE);
        most = taken < most ? taken : most;
    }
    play_expect(play, status, play_after_store(play, MODEL_OBJECTS, set));
    if (taken != most || (status == QUIRE_OK) != (taken == n)) {
        play_fail(play, "%s, and %u pages were taken, not %u", quire_status_name(status), taken, most);
    }
    for (i = 0; i < taken && play->wrong[0] == '\0'; i++) {
        lend_taken(play, pa[i]);
    }
}

/* Are these pages all in one of the segments that the pool was given? */
static bool one_segment(const struct play *play, uint32_t first, uint32_t n)
{
    const struct quire_pages *pages = &play->rig.pager.pool.pages;
    uint64_t at = RIG_PA + ((uint64_t)first << QUIRE_PAGE_SHIFT);
    uint32_t i;

    for (i = 0; i < pages->nsegments; i++) {
        if (at >= pages->segment[i].pa.addr &&
            at + ((uint64_t)n << QUIRE_PAGE_SHIFT) <=
                pages->segment[i].pa.addr + ((uint64_t)pages->segment[i].npages << QUIRE_PAGE_SHIFT)) {
            return n != 0;
        }
    }
    return false;
}

void play_remove(struct play *play)
{
    uint32_t quarantined = play_quarantined(play);
    uint32_t first = play_below(play, play->model.total);
    uint32_t n = play_below(play, 5);
    struct quire_pa pa = quire_pa_make(RIG_PA + ((uint64_t)first << QUIRE_PAGE_SHIFT));
    struct play_hits hits;
    enum quire_status status;
    uint32_t more = 0;
    uint32_t set;
    uint32_t i;

    for (i = 0; i < n; i++) {
        more += lent_at(play, quire_pa_make(pa.addr + ((uint64_t)i << QUIRE_PAGE_SHIFT))) == play->model.offline ? 1u : 0u;
    }
    play_op(play, "remove %u pages from %u", n, first);
    play_arm(play, &hits);
    status = quire_pager_remove_pages(&play->rig.pager, pa, n, false);
    play_disarm(play, &hits);
    if (!one_segment(play, first, n)) {
        set = MODEL_SET(QUIRE_INVALID);
    } else {
        set = more != 0 && model_short(&play->model, more, quarantined) ? MODEL_SET(QUIRE_NO_PAGE) : MODEL_OK;
        if (hits.save !=
            0) { /* it was one of these pages that could not be saved, or one that gives way for the reserve to stay whole */
            set = MODEL_SET(hits.answer) | (play->rig.pager.reserve != 0 ? set : 0);
        }
        /* Taking pages of the reserve makes it short: what a save needs may not be had then. */
        set |= hits.needs ? MODEL_SET(QUIRE_NO_PAGE) | (hits.load != 0 ? MODEL_SET(hits.answer) : 0) : 0;
        /* Which physical pages are fixed, or in quarantine, is not known here. Those that are do not count twice. */
        set |= model_fixed(&play->model) != 0 ? MODEL_SET(QUIRE_BUSY) : 0;
        set |= quarantined != 0 || hits.stuck != 0 ? MODEL_SET(QUIRE_STUCK) : 0;
    }
    play_expect(play, status, play_after_store(play, MODEL_OBJECTS, set));
    for (i = 0; i < n && status == QUIRE_OK && play->wrong[0] == '\0'; i++) {
        struct quire_pa at = quire_pa_make(pa.addr + ((uint64_t)i << QUIRE_PAGE_SHIFT));

        if (lent_at(play, at) == play->model.offline) {
            lend_taken(play, at);
        }
    }
}

/* ---- And back ---- */

void play_give_back(struct play *play)
{
    struct quire_pa pa;
    uint32_t i;

    if (play->model.offline == 0) {
        return;
    }
    i = play_below(play, play->model.offline);
    pa = play->lent[i];
    play_op(play, "give back page %ju", (uintmax_t)((pa.addr - RIG_PA) >> QUIRE_PAGE_SHIFT));
    unlend(play, i);
    play_expect(play, quire_pager_give_back(&play->rig.pager, pa, 1), MODEL_OK);
    play_expect(play, quire_pager_give_back(&play->rig.pager, pa, 1), MODEL_SET(QUIRE_INVALID));
}

void play_give_back_all(struct play *play)
{
    while (play->model.offline != 0 && play->wrong[0] == '\0') {
        play_give_back(play);
    }
}

/* ---- Adoption ---- */

void play_adopt(struct play *play)
{
    unsigned object = play_pick_object(play);
    struct model_object *m;
    unsigned char *bytes;
    enum quire_status status;
    struct quire_pa pa;
    uint32_t page;
    uint32_t lent;
    bool dirty;
    size_t i;

    if (object == MODEL_OBJECTS || play->model.offline == 0 || play->model.object[object].unpaged ||
        (!play->model.object[object].held && !model_shown(&play->model, object))) {
        return;
    }
    m = &play->model.object[object];
    page = play_below(play, m->npages);
    dirty = (m->max_prot & QUIRE_PROT_WRITE) != 0 && play_chance(play, 2);
    lent = play_below(play, play->model.offline);
    pa = play->lent[lent];
    bytes = quire_sim_bytes(&play->rig.sim, pa);
    play_op(play, "adopt page %u of object %u%s", page, object, dirty ? ", dirty" : "");
    if (m->origin != 0) {
        play_expect(play, quire_pager_adopt(&play->rig.pager, play->object[object]->fobj, page, pa, dirty),
                    MODEL_SET(QUIRE_INVALID));
        return;
    }
    if (quire_slot_kind(play->object[object]->fobj->slots[page]) == QUIRE_SLOT_PRESENT) {
        status = quire_pager_adopt(&play->rig.pager, play->object[object]->fobj, page, pa, dirty);
        /* What is resident and the pager's alone is that of an object it knows. */
        play_expect(play, status, MODEL_SET(QUIRE_EXISTS));
        return;
    }
    if (!model_may_adopt(&play->model, object, play_held_by(play, m->account), dirty)) {
        play_expect(play, quire_pager_adopt(&play->rig.pager, play->object[object]->fobj, page, pa, dirty),
                    MODEL_SET(QUIRE_NO_PAGE));
        return;
    }
    unlend(play, lent);
    memcpy(bytes, m->content[page], RIG_PAGE);
    for (i = 0; dirty && i < 32u; i++) {
        bytes[256u + i] = (unsigned char)play_random(play);
    }
    memcpy(m->content[page], bytes, RIG_PAGE);
    play->rig.sim.page[(pa.addr - RIG_PA) >> QUIRE_PAGE_SHIFT].io =
        0; /* whatever was loaded there once, or was not: it is complete */
    status = quire_pager_adopt(&play->rig.pager, play->object[object]->fobj, page, pa, dirty);
    play_expect(play, status, MODEL_OK);
    m->known = true;
    model_did_touch(&play->model, object, page, dirty);
}
