#include "play.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play_op.h"

uint64_t play_random(struct play *play)
{
    uint64_t x = (play->random += 0x9e3779b97f4a7c15u);

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint32_t play_below(struct play *play, uint32_t n)
{
    return (uint32_t)(play_random(play) % n);
}

bool play_chance(struct play *play, uint32_t one_in)
{
    return play_below(play, one_in) == 0;
}

void play_fail(struct play *play, const char *format, ...)
{
    va_list args;
    int n;

    if (play->wrong[0] != '\0') {
        return;
    }
    n = snprintf(play->wrong, sizeof play->wrong, "step %ju, %s: ", (uintmax_t)play->steps, play->what);
    va_start(args, format);
    vsnprintf(play->wrong + n, sizeof play->wrong - (size_t)n, format, args);
    va_end(args);
}

void play_op(struct play *play, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(play->what, sizeof play->what, format, args);
    va_end(args);
}

/* ---- Expectations ---- */

uint32_t play_quarantined(struct play *play)
{
    return rig_stats(&play->rig).pages[QUIRE_PAGE_QUARANTINED];
}

void play_expect(struct play *play, enum quire_status status, uint32_t set)
{
    unsigned i = (unsigned)-(int)status;

    if (i < PLAY_STATUSES) {
        play->counts[i]++;
    }
    if (i >= 32u || (set & ((uint32_t)1 << i)) == 0) {
        play_fail(play, "ended with %s, and of 1 << -status only %#x may be", quire_status_name(status), set);
    }
}

/* Where a load of the page would find its content now; null: zeros. */
const unsigned char *play_kept(const struct play *play, unsigned object, uint32_t page)
{
    const struct play_object *o = play->object[object];

    switch (o->kind) {
    case PLAY_STORE:
    case PLAY_CODE:
    case PLAY_SHORT:
    case PLAY_LOCKED:
    case PLAY_NEED:
    case PLAY_PENDING:
    case PLAY_CLUSTER:
        return rig_store_page(o->store, page);
    case PLAY_RW:
        return o->stored[page] ? o->kept + page * RIG_PAGE : NULL;
    case PLAY_RO:
        return o->kept + page * RIG_PAGE;
    case PLAY_ZERO:
    case PLAY_ZERO_LOCKED:
    case PLAY_PHYS:
    case PLAY_KINDS:
    default:
        return NULL;
    }
}

bool play_same(const struct play *play, unsigned object, uint32_t page)
{
    static const unsigned char zeros[(size_t)1 << QUIRE_PAGE_SHIFT];
    const unsigned char *kept = play_kept(play, object, page);
    size_t len = play->object[object]->kind == PLAY_SHORT ? RIG_PAGE - play->object[object]->store->leaves : RIG_PAGE;

    if (play_showing(play, object, page) != object) {
        return true; /* not the object's to keep */
    }
    return memcmp(play->model.object[object].content[page], kept != NULL ? kept : zeros, len) == 0;
}

/* ---- Things that are made to fail ---- */

static uint64_t play_store_hits(const struct play *play, bool load)
{
    uint64_t hits = 0;
    unsigned i;

    for (i = 0; i < MODEL_OBJECTS; i++) {
        if (play->object[i] != NULL && play->object[i]->store != NULL) {
            hits += load ? play->object[i]->store->load_fails.hits : play->object[i]->store->save_fails.hits;
        }
    }
    return hits;
}

static void play_books(const struct play *play, struct play_hits *hits)
{
    hits->alloc = play->rig.alloc_fails.hits;
    hits->load = play_store_hits(play, true);
    hits->save = play_store_hits(play, false);
    hits->map = play->rig.sim.counts.map_failed;
    hits->stuck = play->rig.sim.counts.stuck;
}

void play_arm(struct play *play, struct play_hits *hits)
{
    static const enum quire_status answers[] = {QUIRE_IO,      QUIRE_INTEGRITY, QUIRE_NO_MEMORY,
                                                QUIRE_PENDING, QUIRE_NEED,      QUIRE_AGAIN};
    enum quire_status answer = answers[play_below(play, sizeof answers / sizeof answers[0])];
    unsigned kind = play->variant.failures && play_chance(play, 4) ? play_below(play, 4) : 4u;
    uint64_t times = 1u + play_below(play, 6);
    unsigned i;

    hits->answer = answer == QUIRE_PENDING || answer == QUIRE_NEED || answer == QUIRE_AGAIN ? QUIRE_BAD_ANSWER : answer;
    for (i = 0; i < MODEL_OBJECTS; i++) {
        struct rig_store *store = play->object[i] != NULL ? play->object[i]->store : NULL;

        /* One that may answer PENDING would have to be completed. */
        bool later = store != NULL && (store->ops.flags & QUIRE_FOBJ_OPS_PENDING) != 0;
        enum quire_status given = later && answer == QUIRE_PENDING ? QUIRE_AGAIN : answer;

        if (store != NULL && kind == 0) {
            rig_fail(&store->load_fails, 1, 1, given);
        }
        if (store != NULL && kind == 1) {
            rig_fail(&store->save_fails, 1u + play_below(play, 2), times, given);
        }
    }
    if (kind == 2) {
        rig_fail(&play->rig.alloc_fails, 1u + play_below(play, 2), 1, QUIRE_NO_MEMORY);
    }
    if (kind == 3) {
        quire_sim_fail_map(&play->rig.sim, 1, (uint32_t)times);
    }
    hits->needs = false;
    for (i = 0; i < MODEL_OBJECTS; i++) {
        const struct play_object *o = play->object[i];

        hits->needs = hits->needs || (o != NULL && (o->kind == PLAY_NEED || o->meta_page != NULL));
    }
    hits->owed = play->rig.pager.owed > 1u;
    play_books(play, hits);
    hits->retried = play->variant.pends;
}

void play_disarm(struct play *play, struct play_hits *hits)
{
    struct play_hits now;
    unsigned i;

    play_books(play, &now);
    hits->alloc = now.alloc - hits->alloc;
    hits->load = now.load - hits->load;
    hits->save = now.save - hits->save;
    hits->map = now.map - hits->map;
    hits->stuck = now.stuck - hits->stuck;
    for (i = 0; i < MODEL_OBJECTS; i++) {
        if (play->object[i] != NULL && play->object[i]->store != NULL) {
            rig_fail(&play->object[i]->store->load_fails, 0, 0, QUIRE_OK);
            rig_fail(&play->object[i]->store->save_fails, 0, 0, QUIRE_OK);
        }
    }
    rig_fail(&play->rig.alloc_fails, 0, 0, QUIRE_OK);
    quire_sim_fail_map(&play->rig.sim, 0, 0);
}

/* What a fault may end with, given what failed meanwhile. */
uint32_t play_after_fault(const struct play_hits *hits, uint32_t set)
{
    if (hits->needs && (hits->load != 0 || hits->save != 0 || hits->owed)) {
        /* It may have been what the save of a victim needs: then another one was found; or what the load needs. */
        set |= MODEL_OK | MODEL_SET(QUIRE_NO_PAGE) | MODEL_SET(QUIRE_AGAIN) |
               (hits->load + hits->save != 0 ? MODEL_SET(hits->answer) : 0);
    }
    if (hits->load != 0 && !hits->needs) {
        set = (set & (hits->retried ? ~(uint32_t)0 : ~MODEL_OK)) | MODEL_SET(hits->answer);
    } else if (hits->map > 3u) { /* 3 rounds for the user to find a table, and a try before each, or two before the first */
        set = (set & (hits->map > 4u ? ~MODEL_OK : ~(uint32_t)0)) | MODEL_SET(QUIRE_NO_TABLE);
    } else if (hits->save != 0) {
        set |= MODEL_SET(QUIRE_NO_PAGE);
    }
    return set | (hits->stuck != 0 ? MODEL_SET(QUIRE_STUCK) | MODEL_SET(QUIRE_NO_PAGE) : 0);
}

/* What an operation on areas may end with. */
uint32_t play_after_areas(const struct play_hits *hits, uint32_t set)
{
    if (hits->alloc != 0) {
        return (set & ~MODEL_OK) | MODEL_SET(QUIRE_NO_MEMORY);
    }
    return set | (hits->stuck != 0 ? MODEL_SET(QUIRE_STUCK) : 0);
}

/* ---- After every step ---- */

/* Every byte of the physical pages that show a mapped page is what the model says. */
static void play_compare_resident(struct play *play)
{
    unsigned vm;
    uint32_t i;

    for (vm = 0; vm < MODEL_VMS; vm++) {
        for (i = 0; play->vm[vm] != NULL && i < MODEL_CELLS; i++) {
            struct quire_vm_info info;
            enum quire_status status = quire_vm_query(play->vm[vm], RIG_AT(i), &info);
            const struct model_cell *cell = &play->model.cell[vm][i];

            if ((status == QUIRE_OK) != cell->mapped) {
                play_fail(play, "page %u of context %u is %s", i, vm, cell->mapped ? "not mapped" : "mapped");
                return;
            }
            if (!cell->mapped) {
                continue;
            }
            if (info.fobj != play->object[cell->object]->fobj || info.pgidx != cell->page ||
                (!cell->stuck && info.prot != cell->prot)) {
                play_fail(play, "page %u of context %u: another object, page or permission", i, vm);
            } else if (info.pinned !=
                       (play->model.object[play_showing(play, cell->object, cell->page)].pins[cell->page] != 0)) {
                play_fail(play, "page %u of context %u: pinned is %d", i, vm, info.pinned);
            } else if (info.resident && memcmp(quire_sim_bytes(&play->rig.sim, info.pa),
                                               play->model.object[cell->object].content[cell->page], RIG_PAGE) != 0) {
                play_fail(play, "page %u of object %u holds other bytes", cell->page, cell->object);
            }
        }
    }
}

/* Pages of locked objects that are there stay there: which, the model cannot know. */
static void play_note_fetched(struct play *play)
{
    unsigned i;
    uint32_t page;

    for (i = 0; i < MODEL_OBJECTS; i++) {
        struct model_object *o = &play->model.object[i];

        for (page = 0; o->alive && o->locked && page < o->npages; page++) {
            o->fetched[page] = quire_slot_kind(play->object[i]->fobj->slots[page]) == QUIRE_SLOT_PRESENT;
        }
    }
}

static void play_check_freed(struct play *play)
{
    unsigned i;

    for (i = 0; i < MODEL_OBJECTS; i++) {
        const struct play_object *o = play->object[i];
        uint32_t freed = o == NULL ? 0 : o->store != NULL ? o->store->freed : o->released;

        if (o != NULL && freed != (model_referred(&play->model, i) || play_in_flight(play, i) != 0 ? 0u : 1u)) {
            play_fail(play, "object %u was freed %u times", i, freed);
        }
    }
}

void play_check(struct play *play)
{
    struct quire_pager_stats stats = rig_stats(&play->rig);
    const char *wrong = rig_wrong(&play->rig);
    uint32_t sum = 0;
    uint32_t page;
    unsigned i;

    if (wrong != NULL) {
        play_fail(play, "%s (detail %ju)", wrong, (uintmax_t)play->rig.violation.detail);
        return;
    }
    for (i = 0; i < QUIRE_PAGE_STATES; i++) {
        sum += stats.pages[i];
    }
    if (stats.pages[QUIRE_PAGE_OFFLINE] != play->model.offline) {
        play_fail(play, "%u pages are out of circulation, and should be %u", stats.pages[QUIRE_PAGE_OFFLINE],
                  play->model.offline);
    }
    if (stats.total != play->model.total || sum != stats.total) {
        play_fail(play, "the pool has %u pages, in states %u, and should have %u", stats.total, sum, play->model.total);
    }
    play_note_fetched(play);
    play_check_copies(play);
    for (i = 0; i < MODEL_OBJECTS; i++) {
        for (page = 0; play->object[i] != NULL && page < play->model.object[i].npages; page++) {
            play_see(play, i, page, false);
        }
    }
    if (stats.fixed != model_fixed(&play->model)) {
        play_fail(play, "%u pages are fixed, and should be %u", stats.fixed, model_fixed(&play->model));
    }
    play_check_accounts(play);
    play_check_freed(play);
    play_compare_resident(play);
}

void play_step(struct play *play)
{
    if (play->wrong[0] == '\0') {
        play->steps++;
        play_one(play);
        play_check(play);
    }
}
