/* Objects and contexts: their making, their pages, their end. */
#include <stdlib.h>
#include <string.h>

#include "play_op.h"

unsigned play_pick_object(struct play *play)
{
    unsigned first = play_below(play, MODEL_OBJECTS);
    unsigned i;

    for (i = 0; i < MODEL_OBJECTS; i++) {
        if (play->object[(first + i) % MODEL_OBJECTS] != NULL) {
            return (first + i) % MODEL_OBJECTS;
        }
    }
    return MODEL_OBJECTS;
}

/* ---- Making ---- */

static void count_release(void *ctx, struct quire_fobj *fobj)
{
    struct play_object *o = ctx;

    (void)fobj;
    o->released++;
}

void play_check_saved(struct play *play, struct quire_fobj *fobj, uint32_t page, const void *bytes)
{
    unsigned i;

    for (i = 0; i < MODEL_OBJECTS; i++) {
        if (play->object[i] != NULL && play->object[i]->fobj == fobj) {
            struct model_object *o = &play->model.object[i];

            if (play_showing(play, i, page) != i) {
                play_fail(play, "page %u of object %u was saved, and is its origin's", page, i);
            }
            model_did_see(&play->model, i, page, bytes, true);
            if (memcmp(bytes, o->content[page], RIG_PAGE) != 0 && !play_copied(play, i, page, bytes)) {
                play_fail(play, "page %u of object %u was saved with other bytes", page, i);
            }
            if (!play_pends(play, i)) { /* else nobody knows until the answer comes */
                o->written[page] = o->pins[page] != 0 && o->written[page];
            }
        }
    }
}

static enum quire_status before_store(struct rig_store *store, struct quire_io *io, bool load)
{
    struct play *play = store->user;
    uint32_t i;

    for (i = 0; !load && i < io->npages; i++) {
        play_check_saved(play, io->fobj, io->pgidx + i, io->page[i]);
    }
    if (store->fobj.cluster > 1u) {
        store->pends = play_chance(play, 2);
    }
    return QUIRE_OK;
}

struct rw_store { /* what the callbacks of fobj_rw.h get */
    struct play *play;
    struct play_object *object;
};

static enum quire_status rw_read(void *ctx, uint32_t page, void *to)
{
    struct rw_store *rw = ctx;

    memcpy(to, (rw->object->sealed != NULL ? rw->object->sealed : rw->object->kept) + page * RIG_PAGE, RIG_PAGE);
    return QUIRE_OK;
}

static enum quire_status rw_write(void *ctx, uint32_t page, const void *from)
{
    struct rw_store *rw = ctx;

    if (rw->object->sealed != NULL) {
        memcpy(rw->object->sealed + page * RIG_PAGE, from, RIG_PAGE); /* what it was before was seen when it was sealed */
    } else {
        play_check_saved(rw->play, rw->object->fobj, page, from);
        memcpy(rw->object->kept + page * RIG_PAGE, from, RIG_PAGE);
    }
    rw->object->stored[page] = true;
    return QUIRE_OK;
}

static void make_store(struct play *play, struct play_object *o, struct model_object *m)
{
    static const unsigned prots[] = {QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_PROT_RWX};
    bool code = o->kind == PLAY_CODE || o->kind == PLAY_SHORT;
    uint32_t page;

    m->max_prot = code ? QUIRE_PROT_READ | QUIRE_PROT_EXEC : prots[play_below(play, 2)];
    m->saves = true;
    m->locked = o->kind == PLAY_LOCKED;
    o->store = o->kind == PLAY_PENDING || o->kind == PLAY_CLUSTER ? rig_store_pending(&play->rig, m->npages, m->max_prot)
                                                                  : rig_store_new(&play->rig, m->npages, m->max_prot);
    o->store->fobj.cluster = o->kind == PLAY_CLUSTER ? (uint8_t)(2u + play_below(play, 3)) : 0;
    o->store->before = before_store;
    o->store->user = play;
    o->fobj = &o->store->fobj;
    if (m->locked) {
        o->fobj->flags = QUIRE_FOBJ_LOCKED;
    }
    if (o->kind == PLAY_SHORT) {
        o->store->leaves = 1u + play_below(play, (uint32_t)RIG_PAGE - 1u);
        o->store->ops.flags = 0;
        o->store->watch.ops.flags = 0;
    }
    for (page = 0; page < m->npages; page++) {
        memcpy(rig_store_page(o->store, page) + 64, o->secret, sizeof o->secret);
        memcpy(m->content[page], rig_store_page(o->store, page), RIG_PAGE - o->store->leaves);
    }
}

static enum quire_status make_rw(struct play *play, struct play_object *o, struct model_object *m, unsigned object)
{
    struct rw_store *ctx = calloc(1, sizeof *ctx);
    struct quire_fobj_rw_config config;
    enum quire_status status;

    memset(&config, 0, sizeof config);
    o->kept = calloc(m->npages, RIG_PAGE);
    o->stored = calloc(m->npages, sizeof *o->stored);
    ctx->play = play;
    ctx->object = o;
    m->saves = true;
    m->max_prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE;
    config.num_pages = m->npages;
    config.slots = o->slots;
    config.store.ctx = ctx;
    config.store.npages = m->npages;
    config.store.read = rw_read;
    config.store.write = rw_write;
    config.ctx = o;
    config.release = count_release;
    o->fobj = &o->rw.base;
    if (play_chance(play, 2)) {
        play_seal_object(play, object, &config);
    }
    status = quire_fobj_rw_init(&o->rw, &config);
    play_seal_made(play, o);
    return status;
}

#define RO_BIAS 0x123456789abcdeffu

/* The file of which o->kept is what relocation makes: a word in each page, and one across the end of each. */
static void unrelocate(struct play_object *o, struct quire_fobj_ro_config *config, uint32_t npages)
{
    struct play_file *file = o->file;
    size_t n = 0;
    uint32_t i;
    unsigned b;

    for (i = 0; i < 2u * npages; i++) {
        uint64_t at = (uint64_t)(i / 2u) * RIG_PAGE + (i % 2u == 0 ? 128u + 3u * i : RIG_PAGE - 1u - i % 7u);
        unsigned borrow = 0;

        if (at + 8u <= config->len) {
            for (b = 0; b < 8u; b++) {
                unsigned byte = file->hashed.bytes[at + b] - (unsigned)(RO_BIAS >> (8u * b) & 0xffu) - borrow;

                file->hashed.bytes[at + b] = (unsigned char)byte;
                borrow = byte >> 8 & 1u;
            }
            file->offsets[n++] = (uint32_t)at;
        }
    }
    config->relocs.offsets = file->offsets;
    config->relocs.count = n;
    config->relocs.word = 8;
    config->relocs.bias = RO_BIAS;
    config->relocs.carries = file->carries;
}

/* Its pages are verified, by a list or by a tree whose cache is too small, and perhaps relocated. */
static void make_file(struct play *play, struct play_object *o, struct quire_fobj_ro_config *config, uint32_t npages)
{
    struct play_file *file = calloc(1, sizeof *file);

    o->file = file;
    hashed_begin(&file->hashed, config->len, play_chance(play, 2) ? 0 : 64);
    memcpy(file->hashed.bytes, o->kept, (size_t)config->len);
    if (play_chance(play, 2)) {
        unrelocate(o, config, npages);
    }
    hashed_finish(&file->hashed);
    config->data = file->hashed.bytes;
    if (play_chance(play, 2)) {
        file->has_tree = true;
        hashed_tree_start(&file->tree, &file->hashed, 1u + play_below(play, 2));
        config->hash_tree = &file->tree.tree;
    } else {
        config->hash = file->hashed.hash;
        config->hashes = file->hashed.list;
        config->hashes_len = file->hashed.list_len;
    }
}

static void free_file(struct play_file *file)
{
    if (file->has_tree) {
        hashed_tree_stop(&file->tree);
    }
    hashed_stop(&file->hashed);
    free(file);
}

static enum quire_status make_ro(struct play *play, struct play_object *o, struct model_object *m)
{
    struct quire_fobj_ro_config config;
    uint32_t page;
    size_t i;

    memset(&config, 0, sizeof config);
    o->kept = calloc(m->npages, RIG_PAGE);
    config.len = (uint64_t)m->npages * RIG_PAGE - play_below(play, (uint32_t)RIG_PAGE - 256u);
    for (i = 0; i < config.len; i++) {
        o->kept[i] = (unsigned char)(i * 31u + o->secret[0]);
    }
    for (page = 0; page < m->npages; page++) {
        memcpy(o->kept + page * RIG_PAGE + 64, o->secret, sizeof o->secret);
        memcpy(m->content[page], o->kept + page * RIG_PAGE, RIG_PAGE);
    }
    m->max_prot = QUIRE_PROT_READ | QUIRE_PROT_EXEC;
    config.slots = o->slots;
    config.data = o->kept;
    if (play_chance(play, 2)) {
        make_file(play, o, &config, m->npages);
    }
    config.ctx = o;
    config.release = count_release;
    o->fobj = &o->ro.base;
    return quire_fobj_ro_init(&o->ro, &config);
}

static enum quire_status make_zero(struct play_object *o, struct model_object *m)
{
    struct quire_fobj_zero_config config;

    memset(&config, 0, sizeof config);
    m->locked = o->kind == PLAY_ZERO_LOCKED;
    m->max_prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE;
    config.num_pages = m->npages;
    config.slots = o->slots;
    config.locked = m->locked;
    config.ctx = o;
    config.release = count_release;
    o->fobj = &o->zero.base;
    return quire_fobj_zero_init(&o->zero, &config);
}

static enum quire_status make_phys(struct play *play, struct play_object *o, struct model_object *m)
{
    struct quire_fobj_phys_config config;
    uint32_t page;

    memset(&config, 0, sizeof config);
    play->phys_used += m->npages;
    play->spare -= m->npages;
    config.pa = quire_pa_make(RIG_PA + ((uint64_t)(play->rig.sim.config.pages - play->phys_used) << QUIRE_PAGE_SHIFT));
    config.npages = m->npages;
    config.max_prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE;
    config.ctx = o;
    config.release = count_release;
    m->max_prot = config.max_prot;
    m->unpaged = true;
    for (page = 0; page < m->npages; page++) {
        memcpy(m->content[page],
               quire_sim_bytes(&play->rig.sim, quire_pa_make(config.pa.addr + ((uint64_t)page << QUIRE_PAGE_SHIFT))), RIG_PAGE);
    }
    o->fobj = &o->phys.base;
    return quire_fobj_phys_init(&o->phys, &config);
}

/* Makes an object; a copy, if it can be one of some other. */
static void new_object(struct play *play, bool copy)
{
    enum quire_status status = QUIRE_OK;
    struct play_object *o;
    struct model_object *m;
    unsigned origin;
    unsigned i = 0;

    while (i < MODEL_OBJECTS && play->object[i] != NULL) {
        i++;
    }
    if (i == MODEL_OBJECTS) {
        return;
    }
    o = calloc(1, sizeof *o);
    if (o == NULL) {
        return;
    }
    m = &play->model.object[i];
    memset(m, 0, sizeof *m);
    o->kind = (enum play_kind)play_below(play, PLAY_NEED);
    if (copy) {
        o->kind = (enum play_kind[]){PLAY_STORE, PLAY_RW, PLAY_ZERO}[play_below(play, 3)];
    } else if (play->variant.rig.rank_max != 0 && play_chance(play, 2)) {
        o->kind = PLAY_NEED;
    } else if (play->variant.pends && play_chance(play, 2)) {
        o->kind = play_chance(play, 2) ? PLAY_PENDING : PLAY_CLUSTER;
    }
    m->npages = 1u + play_below(play, MODEL_PAGES);
    if ((o->kind == PLAY_PHYS && m->npages > play->spare) || (o->kind == PLAY_NEED && play->variant.rig.rank_max == 0)) {
        o->kind = PLAY_STORE;
    }
    origin = play_pick_origin(play, o->kind);
    if (origin != MODEL_OBJECTS) {
        m->npages = play->model.object[origin].npages;
    }
    o->slots = calloc(m->npages, sizeof *o->slots);
    memcpy(o->secret, (uint64_t[]){play_random(play), play_random(play)}, sizeof o->secret);
    play_op(play, "make object %u of kind %d", i, (int)o->kind);
    play->object[i] = o;
    m->alive = true;
    m->held = true;
    switch (o->kind) {
    case PLAY_RW:
        status = make_rw(play, o, m, i);
        break;
    case PLAY_RO:
        status = make_ro(play, o, m);
        break;
    case PLAY_ZERO:
    case PLAY_ZERO_LOCKED:
        status = make_zero(o, m);
        break;
    case PLAY_PHYS:
        status = make_phys(play, o, m);
        break;
    case PLAY_STORE:
    case PLAY_CODE:
    case PLAY_SHORT:
    case PLAY_LOCKED:
    case PLAY_NEED:
    case PLAY_PENDING:
    case PLAY_CLUSTER:
    case PLAY_KINDS:
    default:
        make_store(play, o, m);
        break;
    }
    if (o->kind == PLAY_NEED && !play_make_need(play, i)) {
        o->kind = PLAY_STORE;
    }
    if (o->store == NULL && o->kind != PLAY_PHYS && status == QUIRE_OK) {
        status = quire_sim_watch_fobj(&o->watch, &play->rig.sim, o->fobj);
    }
    play_expect(play, status, MODEL_OK);
    play_charge(play, i);
    if (origin != MODEL_OBJECTS) {
        play_make_copy(play, origin, i);
    }
}

void play_new_object(struct play *play)
{
    new_object(play, false);
}

void play_new_copy(struct play *play)
{
    new_object(play, true);
}

/* ---- The end of an object ---- */

/* Physical pages in which the bytes stand. */
static uint64_t pages_with(const struct play *play, const unsigned char *secret, size_t len)
{
    uint64_t set = 0;
    uint32_t page;

    for (page = 0; page < play->rig.sim.config.pages && page < 64u; page++) {
        if (memmem(play->rig.sim.memory + page * RIG_PAGE, RIG_PAGE, secret, len) != NULL) {
            set |= (uint64_t)1 << page;
        }
    }
    return set;
}

/* Those of dead copies that a store has not answered about yet: in an own copy is what the origin held. */
static uint64_t pages_of_dead_copies(const struct play *play)
{
    uint64_t set = 0;
    uint32_t i;
    uint32_t k;

    for (i = 0; i < play->rig.npending; i++) {
        const struct quire_io *io = play->rig.pending[i].io;

        for (k = 0; k < io->npages && io->fobj->dead && io->fobj->origin != NULL; k++) {
            uint64_t page = (uint64_t)((unsigned char *)io->page[k] - play->rig.sim.memory) >> QUIRE_PAGE_SHIFT;

            set |= page < 64u ? (uint64_t)1 << page : 0;
        }
    }
    return set;
}

static void free_object(struct play *play, unsigned i)
{
    struct play_object *o = play->object[i];

    if (o->store != NULL) {
        rig_store_free(o->store);
    }
    if (o->kind == PLAY_RW) {
        free(o->rw.store.ctx);
    }
    if (o->file != NULL) {
        free_file(o->file);
    }
    free(o->kept);
    free(o->sealed);
    free(o->meta);
    play_seal_freed(play, o);
    free(o->stored);
    free(o->slots);
    free(o);
    play->object[i] = NULL;
    memset(&play->model.object[i], 0, sizeof play->model.object[i]);
}

void play_bury(struct play *play)
{
    unsigned i;

    for (i = 0; i < MODEL_OBJECTS; i++) {
        if (play->object[i] != NULL && play->wrong[0] == '\0' && !model_referred(&play->model, i) &&
            play_in_flight(play, i) == 0) {
            free_object(play, i);
        }
    }
}

/* Gives back the creator's reference. When it is the last, no trace of what the object held may be left. */
void play_put(struct play *play)
{
    unsigned i = play_pick_object(play);
    uint64_t left;

    if (i == MODEL_OBJECTS || !play->model.object[i].held) {
        return;
    }
    play_op(play, "put object %u", i);
    play->model.object[i].held = false;
    play_expect(play,
                play->object[i]->store != NULL ? rig_store_put(play->object[i]->store) : quire_fobj_put(play->object[i]->fobj),
                MODEL_OK);
    left = pages_with(play, play->object[i]->secret, sizeof play->object[i]->secret);
    if (!model_referred(&play->model, i) && !play->model.object[i].unpaged && play_in_flight(play, i) == 0 &&
        (left & ~pages_of_dead_copies(play)) != 0) {
        play_fail(play, "object %u is dead, and pages %#jx still hold what it held", i, (uintmax_t)left);
    }
}

/* ---- Contexts ---- */

void play_new_vm(struct play *play)
{
    unsigned i = 0;

    while (i < MODEL_VMS && play->vm[i] != NULL) {
        i++;
    }
    if (i == MODEL_VMS) {
        return;
    }
    play_op(play, "make context %u", i);
    play->vm[i] = calloc(1, sizeof *play->vm[i]);
    if (play->vm[i] != NULL) {
        rig_vm_start(&play->rig, play->vm[i]);
        model_did_unmap(&play->model, i, 0, MODEL_CELLS);
        play->model.vm_alive[i] = true;
    }
}

void play_end_vm(struct play *play)
{
    unsigned vm = play_pick_vm(play);
    struct play_hits hits;
    struct quire_vm_info info;
    enum quire_status status;
    uint32_t i;

    if (vm == MODEL_VMS) {
        return;
    }
    play_op(play, "end context %u", vm);
    play_arm(play, &hits);
    status = rig_vm_stop(&play->rig, play->vm[vm]);
    play_disarm(play, &hits);
    play_expect(play, status, play_after_areas(&hits, MODEL_OK) | MODEL_OK); /* nothing needs splitting: no allocation */
    if (status == QUIRE_OK) {
        model_did_unmap(&play->model, vm, 0, MODEL_CELLS);
        play->model.vm_alive[vm] = false;
        play->log[vm].on = false;
        free(play->vm[vm]);
        play->vm[vm] = NULL;
    }
    for (i = 0; status == QUIRE_STUCK && i < MODEL_CELLS; i++) {
        if (play->model.cell[vm][i].mapped && quire_vm_query(play->vm[vm], RIG_AT(i), &info) == QUIRE_OK) {
            play->model.cell[vm][i].stuck = true;
        } else {
            model_did_unmap(&play->model, vm, i, 1);
        }
    }
}

void play_add_pages(struct play *play)
{
    uint32_t used = play->model.total - play->rig.config.pages;
    uint32_t n = 1u + play_below(play, 3);
    struct quire_pa pa = quire_pa_make(RIG_PA + ((uint64_t)play->model.total << QUIRE_PAGE_SHIFT));

    if (n > play->spare || play->rig.pager.pool.pages.nsegments == QUIRE_SEGMENTS) {
        return;
    }
    play_op(play, "add %u pages", n);
    if (play_chance(play, 2)) {
        play_expect(play, quire_pager_add_pages(&play->rig.pager, pa, n, play->rig.more_pmems + used), MODEL_OK);
    } else {
        play_expect(play, quire_pager_add_offline(&play->rig.pager, pa, n, play->rig.more_pmems + used), MODEL_OK);
        play_lend(play, pa, n);
    }
    play_expect(play, quire_pager_add_pages(&play->rig.pager, pa, n, play->rig.more_pmems + used), MODEL_SET(QUIRE_INVALID));
    play->spare -= n;
    play->model.total += n;
}

/* ---- Pins ---- */

void play_pin(struct play *play)
{
    unsigned object = play_pick_object(play);
    struct play_token *token = &play->token[play_below(play, PLAY_TOKENS)];
    bool write = play_chance(play, 2);
    struct play_hits hits;
    enum quire_status status;
    uint32_t first;
    uint32_t n;
    uint32_t set;

    if (object == MODEL_OBJECTS || token->pin.fobj != NULL ||
        (!play->model.object[object].held && !model_shown(&play->model, object))) {
        return;
    }
    if (play->model.object[object].origin != 0 && play->model.object[object].frozen) {
        return; /* which object's pages it would fix depends on who wrote which */
    }
    first = play_below(play, play->model.object[object].npages + 1u);
    n = play_below(play, 4);
    play_op(play, "pin %u pages from %u of object %u", n, first, object);
    set = model_may_pin(&play->model, object, first, n, write, play_quarantined(play));
    play_arm(play, &hits);
    status = quire_pin_fobj(&play->rig.pager, play->object[object]->fobj, first, n, write, false, &token->pin);
    play_disarm(play, &hits);
    play_expect(play, status, play_after_store(play, object, play_after_fault(&hits, set)));
    if (status == QUIRE_OK) {
        token->object = object;
        model_did_pin(&play->model, object, first, n, write);
    } else if (token->pin.fobj != NULL) {
        play_fail(play, "%s, and a pin all the same", quire_status_name(status));
    }
}

void play_unpin(struct play *play)
{
    struct play_token *token = &play->token[play_below(play, PLAY_TOKENS)];

    play_op(play, "unpin object %u", token->object);
    if (token->pin.fobj == NULL) {
        play_expect(play, quire_unpin(&token->pin), MODEL_SET(QUIRE_INVALID));
        return;
    }
    model_did_unpin(&play->model, token->object, token->pin.first, token->pin.npages, token->pin.write);
    play_expect(play, quire_unpin(&token->pin), MODEL_OK);
}

/* ---- Saving and forgetting ---- */

static bool pick_pages(struct play *play, unsigned object, uint32_t *first, uint32_t *n)
{
    *first = play_below(play, play->model.object[object].npages + 1u);
    *n = play_below(play, play->model.object[object].npages - (*first < play->model.object[object].npages ? *first : 0) + 1u);
    return play->model.object[object].held || model_shown(&play->model, object);
}

static bool valid_pages(const struct model_object *m, uint32_t first, uint32_t n)
{
    return m->known && !m->unpaged && n != 0 && first < m->npages && n <= m->npages - first;
}

void play_write_back(struct play *play)
{
    unsigned object = play_pick_object(play);
    const struct model_object *m;
    struct play_hits hits;
    enum quire_status status;
    uint32_t first;
    uint32_t n;
    uint32_t i;
    uint32_t set;
    bool late;

    if (object == MODEL_OBJECTS || !pick_pages(play, object, &first, &n)) {
        return;
    }
    m = &play->model.object[object];
    play_op(play, "write back %u pages from %u of object %u", n, first, object);
    set = valid_pages(m, first, n) ? MODEL_OK : MODEL_SET(QUIRE_INVALID);
    if (play_quarantined(play) > play_late_pages(play)) {
        set |= MODEL_SET(QUIRE_STUCK);
    }
    late = play_late_pages(play) != 0;
    play_arm(play, &hits);
    status = quire_pager_write_back(&play->rig.pager, play->object[object]->fobj, first, n, false);
    play_disarm(play, &hits);
    if (hits.needs && valid_pages(m, first, n) && (hits.load != 0 || hits.save != 0 || hits.owed)) {
        set |= MODEL_SET(QUIRE_NO_PAGE) | MODEL_SET(QUIRE_AGAIN) | (hits.load + hits.save != 0 ? MODEL_SET(hits.answer) : 0);
    } else if (hits.save != 0) {
        set = MODEL_SET(hits.answer) | (hits.retried ? set : 0) | (hits.stuck != 0 ? MODEL_SET(QUIRE_STUCK) : 0);
    } else if (hits.stuck != 0) {
        set |= MODEL_SET(QUIRE_STUCK);
    }
    if (play_pends(play, object)) {
        set = play_after_store(play, object, set);
    } else if (hits.needs && play->variant.pends) {
        set |= MODEL_SET(QUIRE_AGAIN) | (late ? MODEL_SET(QUIRE_TIMEOUT) : 0); /* what it needs may be in transit, or late */
    }
    play_expect(play, status, set);
    for (i = first; status == QUIRE_OK && i < first + n; i++) {
        if (m->saves && !m->freed[i] && !play_same(play, object, i)) {
            play_fail(play, "page %u was not saved", i);
        }
    }
}

void play_invalidate(struct play *play)
{
    unsigned object = play_pick_object(play);
    bool same[MODEL_PAGES + 1u] = {false};
    const struct model_object *m;
    struct play_hits hits;
    enum quire_status status;
    uint32_t first;
    uint32_t n;
    uint32_t i;
    uint32_t set;

    if (object == MODEL_OBJECTS || !pick_pages(play, object, &first, &n)) {
        return;
    }
    m = &play->model.object[object];
    for (i = 0; i < n && first + i < m->npages; i++) {
        same[i] = m->freed[first + i] || play_same(play, object, first + i);
    }
    play_op(play, "invalidate %u pages from %u of object %u", n, first, object);
    set = model_may_invalidate(&play->model, object, first, n, same);
    play_arm(play, &hits);
    status = quire_pager_invalidate(&play->rig.pager, play->object[object]->fobj, first, n);
    play_disarm(play, &hits);
    /* Other processors may write until they are told to forget: what is dirty then is not forgotten. */
    if (play_quarantined(play) != 0 || hits.stuck != 0) {
        set |= MODEL_SET(QUIRE_STUCK) | MODEL_SET(QUIRE_DIRTY);
    }
    play_expect(play, status, play_pends(play, object) ? play_after_store(play, object, set) : set);
    if (status == QUIRE_OK) {
        for (i = first; i < first + n; i++) {
            if (!m->freed[i] && !play_same(play, object, i)) {
                play_fail(play, "page %u was forgotten, and was nowhere else", i);
            }
        }
        model_did_invalidate(&play->model, object, first, n);
        if (play->object[object]->kind == PLAY_CODE && !m->frozen &&
            play_chance(play, 2)) { /* the store's content changes underneath */
            unsigned char *byte = rig_store_page(play->object[object]->store, first) + 200;

            play->model.object[object].content[first][200] = (*byte)++;
            play->model.object[object].content[first][200]++;
        }
    }
}
