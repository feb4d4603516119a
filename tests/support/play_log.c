/* Logs of what contexts write. */
#include <string.h>

#include "play_op.h"

void play_log_start(struct play *play)
{
    unsigned vm = play_pick_vm(play);
    uint32_t first = play_below(play, MODEL_CELLS);
    uint32_t n = play_below(play, MODEL_CELLS);
    uint32_t set = MODEL_OK;

    if (vm == MODEL_VMS) {
        return;
    }
    play_op(play, "log writes to %u pages from %u of context %u", n, first, vm);
    if (n == 0 || n > MODEL_CELLS - first) {
        set = MODEL_SET(QUIRE_INVALID);
    } else if (play->log[vm].on) {
        set = MODEL_SET(QUIRE_EXISTS);
    }
    play_expect(play, quire_vm_log_start(play->vm[vm], RIG_AT(first), n, play->log[vm].bits), set);
    if (set == MODEL_OK) {
        play->log[vm].on = true;
        play->log[vm].first = first;
        play->log[vm].n = n;
        memset(play->log[vm].written, 0, sizeof play->log[vm].written);
    }
}

static bool reported(const uint32_t *out, uint32_t i)
{
    return ((out[i / 32u] >> (i % 32u)) & 1u) != 0;
}

/* After a report that cleared, nothing is left but what can be written all the same: without a fault, and perhaps stuck. */
static void expect_cleared(struct play *play, unsigned vm, uint32_t first, uint32_t n)
{
    uint32_t out[(MODEL_CELLS + 31u) / 32u];
    uint32_t i;

    play_expect(play, quire_vm_log_read(play->vm[vm], RIG_AT(first), n, false, out), MODEL_OK);
    for (i = 0; i < n; i++) {
        if (reported(out, i) && (rig_query(play->vm[vm], RIG_AT(first + i)).entry & QUIRE_ENTRY_WRITE) == 0) {
            play_fail(play, "page %u is reported again, and cannot have been written", first + i);
        }
    }
}

void play_log_read(struct play *play)
{
    unsigned vm = play_pick_vm(play);
    uint32_t out[(MODEL_CELLS + 31u) / 32u];
    uint32_t first = play_below(play, MODEL_CELLS);
    uint32_t n = play_below(play, 12);
    bool clear = play_chance(play, 2);
    enum quire_status status;
    uint32_t set = MODEL_OK;
    uint32_t i;

    if (vm == MODEL_VMS) {
        return;
    }
    if (play->log[vm].on && play_chance(play, 2)) {
        first = play->log[vm].first;
        n = play->log[vm].n;
    }
    play_op(play, "report what was written of %u pages from %u of context %u%s", n, first, vm, clear ? ", and clear" : "");
    if (n == 0 || n > MODEL_CELLS - first) {
        set = MODEL_SET(QUIRE_INVALID);
    } else if (!play->log[vm].on) {
        set = MODEL_SET(QUIRE_NOT_FOUND);
    } else if (first < play->log[vm].first || first + n > play->log[vm].first + play->log[vm].n) {
        set = MODEL_SET(QUIRE_INVALID);
    }
    status = quire_vm_log_read(play->vm[vm], RIG_AT(first), n, clear, out);
    play_expect(play, status, set);
    for (i = 0; i < n && status == QUIRE_OK; i++) {
        if (play->log[vm].written[first + i] && !reported(out, i)) {
            play_fail(play, "page %u was written, and is not reported", first + i);
        }
        play->log[vm].written[first + i] = play->log[vm].written[first + i] && !clear;
    }
    if (status == QUIRE_OK && clear) {
        expect_cleared(play, vm, first, n);
    }
}

void play_log_stop(struct play *play)
{
    unsigned vm = play_pick_vm(play);

    if (vm == MODEL_VMS) {
        return;
    }
    play_op(play, "log no more writes of context %u", vm);
    play_expect(play, quire_vm_log_stop(play->vm[vm]), play->log[vm].on ? MODEL_OK : MODEL_SET(QUIRE_NOT_FOUND));
    play->log[vm].on = false;
}
