/* A sequence from its beginning to its end, and which operations it is made of. */
#include <stdlib.h>
#include <string.h>

#include "play_op.h"

static unsigned play_permits(void *user, struct quire_vm *vm, uintptr_t va)
{
    const struct play *play = user;
    unsigned i;

    for (i = 0; i < MODEL_VMS; i++) {
        if (play->vm[i] == vm && va >= RIG_VA && va < RIG_AT(MODEL_CELLS)) {
            const struct model_cell *cell = &play->model.cell[i][(va - RIG_VA) >> QUIRE_PAGE_SHIFT];

            /* What sticks may have kept any permission that its area ever had. */
            return !cell->mapped ? 0 : play->variant.sticky ? QUIRE_PROT_ALL : cell->prot;
        }
    }
    return 0;
}

/* Page tables have run out: another one is emptied. */
static enum quire_status play_need_tables(void *user, struct quire_vm *vm, uintptr_t va)
{
    struct play *play = user;
    uint32_t n = play->rig.config.table_pages;
    uint32_t mine = n == 0 ? 0 : (uint32_t)((va - RIG_VA) >> QUIRE_PAGE_SHIFT) / n;
    uint32_t table;
    unsigned i;

    if (n == 0) { /* nothing ran out: `map` was made to fail */
        return QUIRE_OK;
    }
    for (i = 0; i < MODEL_VMS; i++) {
        for (table = 0; play->vm[i] != NULL && table < MODEL_CELLS / n; table++) {
            if ((play->vm[i] != vm || table != mine) && play_chance(play, 3)) {
                if (quire_vm_drop_range(play->vm[i], RIG_AT(table * n), n) == QUIRE_OK) {
                    return QUIRE_OK;
                }
            }
        }
    }
    return QUIRE_OK;
}

void play_start(struct play *play, const struct play_variant *variant, uint64_t seed)
{
    struct rig_config *config;

    memset(play, 0, sizeof *play);
    play->random = seed;
    play->variant = *variant;
    config = &play->variant.rig;
    config->cpus = config->cpus != 0 ? config->cpus : 3u;
    config->vms = MODEL_VMS;
    config->vm_pages = MODEL_CELLS;
    config->user = play;
    config->seed = seed;
    config->permits = play_permits;
    config->need_tables = play_need_tables;
    config->flushing = play_flushing;
    if (play->variant.pends && seed / 4u % 2u == 0) {
        config->idle = play_idle;
    }
    rig_start(&play->rig, config);
    config->concurrency = play->rig.config.concurrency;
    play->spare = play->rig.config.more_pages;
    play->model.total = play->rig.config.pages;
    play->model.min_pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(
        config->concurrency, config->step != 0 ? config->step : QUIRE_PAGER_STEP_DEFAULT, config->rank_max);
    play->model.step = config->step != 0 ? config->step : QUIRE_PAGER_STEP_DEFAULT;
    play_begin_accounts(play);
    play_seal_begin(play);
    play_new_vm(play);
    play_new_vm(play);
    play_new_object(play);
    play_new_object(play);
    play_new_object(play);
}

void play_one(struct play *play)
{
    static const struct {
        void (*op)(struct play *play);
        unsigned weight;
    } ops[] = {
        {play_access, 240},  {play_instruction, 60}, {play_copy, 50},       {play_device, 30},     {play_map, 40},
        {play_unmap, 25},    {play_protect, 25},     {play_remap, 20},      {play_merge, 10},      {play_drop, 10},
        {play_pin, 12},      {play_unpin, 12},       {play_write_back, 8},  {play_invalidate, 8},  {play_new_object, 12},
        {play_put, 8},       {play_new_vm, 4},       {play_end_vm, 2},      {play_add_pages, 1},   {play_stick, 8},
        {play_unstick, 2},   {play_shrink, 6},       {play_remove, 6},      {play_give_back, 8},   {play_adopt, 8},
        {play_populate, 12}, {play_will_need, 10},   {play_dont_need, 10},  {play_free, 20},       {play_log_start, 8},
        {play_log_read, 25}, {play_log_stop, 3},     {play_new_account, 3}, {play_limit, 8},       {play_end_account, 3},
        {play_new_copy, 12}, {play_answer, 50},      {play_tick, 4},        {play_save_later, 25}, {play_rekey, 12},
    };
    unsigned total = 0;
    unsigned pick;
    unsigned i;

    play_bury(play);
    for (i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        total += ops[i].weight;
    }
    pick = play_below(play, total);
    for (i = 0; pick >= ops[i].weight; i++) {
        pick -= ops[i].weight;
    }
    ops[i].op(play);
}

/* Ends everything in a random order of kinds, then looks at what is left: nothing. */
static void play_take_down(struct play *play)
{
    unsigned i;

    play_answer_all(play);
    play_unstick(play);
    for (i = 0; i < 1000u && play->wrong[0] == '\0'; i++) {
        void (*const ops[])(struct play *) = {play_unpin, play_put, play_end_vm};

        ops[play_below(play, 3)](play);
        play_check(play);
        play_bury(play);
    }
    play_end_accounts(play);
    play_op(play, "the end");
    for (i = 0; i < MODEL_OBJECTS; i++) {
        if (play->object[i] != NULL) {
            play_fail(play, "object %u is left", i);
        }
    }
    play_give_back_all(play);
    if (rig_stats(&play->rig).pages[QUIRE_PAGE_FREE] != play->model.total) {
        play_fail(play, "not all pages are free");
    }
    if (quire_pager_fini(&play->rig.pager) != QUIRE_OK) {
        play_fail(play, "the pager is still in use");
    }
}

void play_stop(struct play *play)
{
    if (play->wrong[0] == '\0') {
        play_take_down(play);
    }
    if (play->wrong[0] == '\0') {
        play_seal_end(play);
    }
    if (play->wrong[0] == '\0') { /* else what is left is left: the process ends */
        rig_stop(&play->rig);
    }
}
