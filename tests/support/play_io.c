/* Stores that answer later: answers in any order, cancelled requests, a clock; what that lets other operations end with. */
#include <stdio.h>
#include <stdlib.h>

#include "play_op.h"

bool play_pends(const struct play *play, unsigned object)
{
    return play->object[object] != NULL &&
           (play->object[object]->kind == PLAY_PENDING || play->object[object]->kind == PLAY_CLUSTER);
}

uint32_t play_in_flight(struct play *play, unsigned object)
{
    uint32_t n = 0;
    uint32_t i;

    for (i = 0; i < play->rig.npending; i++) {
        n += play->rig.pending[i].io->fobj == play->object[object]->fobj;
    }
    return n;
}

uint32_t play_late_pages(const struct play *play)
{
    uint32_t n = 0;
    uint32_t i;

    for (i = 0; i < play->rig.config.requests; i++) {
        n += play->rig.requests[i].state == QUIRE_REQUEST_LATE ? play->rig.requests[i].io.npages : 0;
    }
    return n;
}

/* Does the object's store answer later, or that of one whose pages it shows? */
static bool play_shows_late(const struct play *play, unsigned object)
{
    while (play->model.object[object].origin != 0 && !play_pends(play, object)) {
        object = play->model.object[object].origin - 1u;
    }
    return play_pends(play, object);
}

uint32_t play_after_store(struct play *play, unsigned object, uint32_t set)
{
    if (!play->variant.pends) {
        return set;
    }
    set |= MODEL_SET(QUIRE_AGAIN);
    if (play->late != 0) { /* pages in quarantine, or requests that nobody can have */
        set |= MODEL_SET(QUIRE_NO_PAGE) | MODEL_SET(QUIRE_TIMEOUT);
    }
    if (play->bad_answers != 0) { /* not necessarily one of just now: who went away is told when he comes back */
        set |= MODEL_SET(QUIRE_NO_PAGE) | (object == MODEL_OBJECTS || play_shows_late(play, object) ? MODEL_SET(QUIRE_IO) : 0);
    }
    return set;
}

/* One answer comes, or a request is given up. */
static void play_something(struct play *play)
{
    uint32_t n = rig_pending(&play->rig);
    uint32_t i = play_below(play, n);

    if (play_chance(play, 8)) {
        enum quire_status status = quire_io_cancel(&play->rig.pager, play->rig.pending[i].ticket);

        if (status != QUIRE_OK) {
            play_fail(play, "cancel: %s", quire_status_name(status));
        }
        play->late++;
    } else {
        bool bad = play->variant.failures && play_chance(play, 3);
        uint64_t ticket = play->rig.pending[i].ticket;
        uint32_t late = play_late_pages(play);
        enum quire_status status = rig_answer(&play->rig, i, bad ? QUIRE_IO : QUIRE_OK);

        play->bad_answers += bad;
        play->back += late - play_late_pages(play);
        if (status != QUIRE_OK) {
            play_fail(play, "an answer: %s", quire_status_name(status));
        }
        if (quire_io_complete(&play->rig.pager, ticket, QUIRE_OK) != QUIRE_NOT_FOUND ||
            quire_io_complete(&play->rig.pager, play->old_ticket, QUIRE_OK) != QUIRE_NOT_FOUND) {
            play_fail(play, "a ticket was believed twice");
        }
        if (play_chance(play, 4)) {
            play->old_ticket = ticket;
        }
    }
}

void play_idle(void *user)
{
    struct play *play = user;

    if (rig_pending(&play->rig) == 0) {
        fprintf(stderr, "step %ju, %s: the only thread waits, and nothing is under way\n", (uintmax_t)play->steps, play->what);
        abort();
    }
    play_something(play);
}

void play_answer(struct play *play)
{
    if (rig_pending(&play->rig) != 0) {
        play_op(play, "an answer");
        play_something(play);
    }
}

void play_save_later(struct play *play)
{
    if (play->variant.pends) {
        play_write_back(play);
    }
}

void play_tick(struct play *play)
{
    uint32_t expired;

    if (play->variant.pends) {
        play_op(play, "a tick");
        quire_io_tick(&play->rig.pager, play_below(play, 6), &expired);
        play->late += expired;
    }
}

void play_answer_all(struct play *play)
{
    play_op(play, "the last answers");
    while (rig_pending(&play->rig) != 0 && play->wrong[0] == '\0') {
        play_expect(play, rig_answer(&play->rig, 0, QUIRE_OK), MODEL_OK);
        play_check(play);
    }
}
