/* Stores that need pages of another object of the play: each time they look whether these are what the model says, and some they
 * write. */
#include <string.h>

#include "play_op.h"

static enum quire_status play_ask(struct play_need *need, struct quire_io *io)
{
    struct play *play = need->play;
    const struct model_object *parent = &play->model.object[need->parent];
    uint32_t page = play_below(play, parent->npages);

    /* What a copy that is running has written, and the model has not yet, must stay the last that was written there. */
    need->page[io->pgidx] = page;
    need->write[io->pgidx] = (parent->max_prot & QUIRE_PROT_WRITE) != 0 && play_chance(play, 2) && !play->copying.running;
    need->left[io->pgidx]--;
    io->need_fobj = play->object[need->parent]->fobj;
    io->need_pgidx = page;
    io->need_write = need->write[io->pgidx];
    return QUIRE_NEED;
}

static void play_use(struct play_need *need, const struct quire_io *io)
{
    struct play *play = need->play;
    uint32_t page = need->page[io->pgidx];
    unsigned char *model = play->model.object[need->parent].content[page];
    size_t offset = RIG_PAGE / 2u + 8u * play_below(play, 64);
    uint64_t word = play_random(play);

    play_see(play, need->parent, page, need->write[io->pgidx]); /* it may have been let go */
    if (memcmp(io->need_page, model, RIG_PAGE) != 0 && !play_copied(play, need->parent, page, io->need_page)) {
        play_fail(play, "page %u of object %u was handed to a store with other bytes", page, need->parent);
    }
    if (need->write[io->pgidx]) {
        memcpy((unsigned char *)io->need_page + offset, &word, sizeof word);
        memcpy(model + offset, &word, sizeof word);
        model_did_touch(&play->model, need->parent, page, true);
    }
}

static enum quire_status play_before(struct rig_store *store, struct quire_io *io, bool load)
{
    struct play_need *need = store->user;

    if (io->need_page == NULL) {
        need->left[io->pgidx] = (uint8_t)play_below(need->play, 4);
    } else {
        play_use(need, io);
    }
    if (need->left[io->pgidx] > 0) {
        return play_ask(need, io);
    }
    if (!load) {
        play_check_saved(need->play, io->fobj, io->pgidx, io->page[0]);
    }
    return QUIRE_OK;
}

static void play_gone(struct rig_store *store)
{
    const struct play_need *need = store->user;

    need->play->model.object[need->parent].children--;
    play_expect(need->play, quire_fobj_put(need->play->object[need->parent]->fobj), MODEL_OK);
}

/* Could its pages be needed, given back and needed again? */
static bool play_may_be_needed(struct play *play, unsigned i)
{
    const struct model_object *m = &play->model.object[i];

    return play->object[i] != NULL && m->origin == 0 && !m->frozen &&
           play->object[i]->fobj->rank < play->variant.rig.rank_max && !m->unpaged && !m->locked && m->saves &&
           (m->held || model_shown(&play->model, i));
}

bool play_make_need(struct play *play, unsigned object)
{
    struct play_object *o = play->object[object];
    unsigned parent = play_below(play, MODEL_OBJECTS);
    unsigned tries = 0;

    while (parent == object || !play_may_be_needed(play, parent)) {
        parent = (parent + 1u) % MODEL_OBJECTS;
        if (++tries == MODEL_OBJECTS) {
            return false;
        }
    }
    o->need.play = play;
    o->need.object = object;
    o->need.parent = parent;
    o->fobj->rank = (uint8_t)(play->object[parent]->fobj->rank + 1u);
    o->store->user = &o->need;
    o->store->before = play_before;
    o->store->gone = play_gone;
    play_expect(play, quire_fobj_get(play->object[parent]->fobj), MODEL_OK);
    play_expect(play, quire_pager_know(&play->rig.pager, play->object[parent]->fobj), MODEL_OK);
    play->model.object[parent].children++;
    play->model.object[parent].known = true;
    return true;
}
