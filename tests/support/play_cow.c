/* Copies on write: objects of the play that begin as another one stands. */
#include <string.h>

#include "play_op.h"

unsigned play_showing(const struct play *play, unsigned object, uint32_t page)
{
    while (play->model.object[object].origin != 0 && (play->object[object]->fobj->slots[page] & QUIRE_SLOT_OWN) == 0) {
        object = play->model.object[object].origin - 1u;
    }
    return object;
}

unsigned play_pick_origin(struct play *play, enum play_kind kind)
{
    unsigned first = play_below(play, MODEL_OBJECTS);
    unsigned i;

    if ((kind != PLAY_STORE && kind != PLAY_RW && kind != PLAY_ZERO && kind != PLAY_PENDING && kind != PLAY_CLUSTER) ||
        play_chance(play, 3)) {
        return MODEL_OBJECTS;
    }
    for (i = 0; i < MODEL_OBJECTS; i++) {
        unsigned origin = (first + i) % MODEL_OBJECTS;
        const struct model_object *m = &play->model.object[origin];
        bool unsure = m->unpaged || m->locked || m->children != 0;
        uint32_t page;

        if (play->object[origin] == NULL || (!m->held && !model_shown(&play->model, origin))) {
            continue;
        }
        for (page = 0; page < m->npages; page++) {
            unsure = unsure || m->freed[page]; /* what it holds is not known */
        }
        if (!unsure) {
            return origin;
        }
    }
    return MODEL_OBJECTS;
}

void play_make_copy(struct play *play, unsigned origin, unsigned object)
{
    uint32_t set = model_may_copy(&play->model, origin, object);
    uint32_t quarantined = play_quarantined(play);
    struct play_hits hits;
    enum quire_status status;

    play_op(play, "make object %u a copy of object %u", object, origin);
    play_arm(play, &hits);
    status = quire_fobj_cow_make(&play->rig.pager, play->object[object]->fobj, play->object[origin]->fobj);
    play_disarm(play, &hits);
    if (quarantined != 0 || hits.stuck != 0) {
        set |= MODEL_SET(QUIRE_STUCK);
    }
    play_expect(play, status, set);
    if (status == QUIRE_OK) {
        model_did_copy(&play->model, origin, object);
        play_map_all(play, object);
    } else if (status == QUIRE_BUSY || status == QUIRE_STUCK) {
        play->model.object[origin].known = true;
    }
}

void play_check_copies(struct play *play)
{
    unsigned i;
    uint32_t page;

    for (i = 0; i < MODEL_OBJECTS; i++) {
        struct model_object *m = &play->model.object[i];

        for (page = 0; m->alive && m->origin != 0 && model_referred(&play->model, i) && page < m->npages; page++) {
            const struct model_object *o = &play->model.object[m->origin - 1u];

            if ((play->object[i]->fobj->slots[page] & QUIRE_SLOT_OWN) != 0) {
                m->written[page] = m->written[page] || !m->saves || !m->own[page]; /* also where what it was made for failed */
                m->own[page] = true;
            } else if (memcmp(m->content[page], o->content[page], RIG_PAGE) != 0) {
                play_fail(play, "page %u of object %u differs from its origin, and is not its own", page, i);
            } else if (m->pins[page] != 0 && (m->max_prot & QUIRE_PROT_WRITE) != 0) {
                play_fail(play, "page %u of object %u is pinned, and is its origin's", page, i);
            }
        }
    }
}
