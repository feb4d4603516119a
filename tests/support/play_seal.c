/* Sealed objects of the play: what is sealed is what the model says, no nonce comes twice, and the keys change under way. */
#include <stdlib.h>
#include <string.h>

#include "play_op.h"

static uint32_t word_of(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* The object with this number under the key of `epoch`. */
static unsigned object_of(const struct play *play, uint32_t epoch, uint32_t number)
{
    unsigned found = MODEL_OBJECTS;
    unsigned i;

    for (i = 0; i < MODEL_OBJECTS; i++) {
        const struct play_object *o = play->object[i];

        if (o != NULL && o->sealed != NULL && o->released == 0 && o->rw.sealed.object[epoch & 1u] == number) {
            found = found == MODEL_OBJECTS ? i : MODEL_OBJECTS + 1u;
        }
    }
    return found;
}

/* A page is being sealed: the last that is seen of what it was. Its write does not fail. */
static void play_sealing(void *user, const struct quire_seal_label *label, const void *plain)
{
    struct play *play = user;
    unsigned object = object_of(play, word_of(label->aad), word_of(label->aad + 4));
    uint32_t page = word_of(label->aad + 8);

    if (object >= MODEL_OBJECTS || page >= play->model.object[object].npages) {
        play_fail(play, "a page was sealed as one of %s", object == MODEL_OBJECTS ? "no object" : "two objects");
        return;
    }
    play_check_saved(play, play->object[object]->fobj, page, plain);
    memcpy(play->object[object]->kept + page * RIG_PAGE, plain, RIG_PAGE);
}

void play_seal_begin(struct play *play)
{
    cipher_start(&play->cipher, play->random);
    play->cipher.tolerates = true; /* so that the message says how to repeat it */
    play->cipher.sealing = play_sealing;
    play->cipher.user = play;
}

void play_seal_end(struct play *play)
{
    const char *wrong = cipher_wrong(&play->cipher);

    if (wrong == NULL && cipher_stop(&play->cipher) != QUIRE_OK) {
        wrong = "a key is held by nobody";
    }
    if (wrong != NULL) {
        play_fail(play, "%s", wrong);
    }
}

/* ---- Where metadata lies ---- */

static enum quire_status meta_read(void *ctx, uint32_t page, void *to)
{
    (void)page;
    memcpy(to, ((struct play_meta *)ctx)->bytes, RIG_PAGE);
    return QUIRE_OK;
}

static enum quire_status meta_write(void *ctx, uint32_t page, const void *from)
{
    (void)page;
    memcpy(((struct play_meta *)ctx)->bytes, from, RIG_PAGE);
    return QUIRE_OK;
}

static void meta_released(void *ctx, struct quire_fobj *fobj)
{
    (void)fobj;
    ((struct play_meta *)ctx)->released++;
}

static struct play_meta *new_meta_page(struct play *play)
{
    struct play_meta *meta = calloc(1, sizeof *meta);
    struct quire_fobj_rw_config config;

    memset(&config, 0, sizeof config);
    config.num_pages = 1;
    config.slots = &meta->slot;
    config.store.ctx = meta;
    config.store.npages = 1;
    config.store.read = meta_read;
    config.store.write = meta_write;
    config.ctx = meta;
    config.release = meta_released;
    play_expect(play, quire_fobj_rw_init(&meta->rw, &config), MODEL_OK);
    play_expect(play, quire_sim_watch_fobj(&meta->watch, &play->rig.sim, &meta->rw.base), MODEL_OK);
    play_expect(play, quire_pager_know(&play->rig.pager, &meta->rw.base), MODEL_OK);
    return meta;
}

/* ---- Objects ---- */

void play_seal_object(struct play *play, unsigned object, struct quire_fobj_rw_config *config)
{
    struct play_object *o = play->object[object];

    o->sealed = calloc(config->num_pages, RIG_PAGE);
    config->sealing.sealer = &play->cipher.sealer;
    if (play->variant.rig.rank_max != 0 && play_chance(play, 2)) {
        o->meta_page = new_meta_page(play);
        config->sealing.meta_fobj = &o->meta_page->rw.base;
    } else {
        o->meta = calloc(config->num_pages, sizeof *o->meta);
        config->sealing.meta = o->meta;
    }
}

void play_seal_made(struct play *play, struct play_object *o)
{
    if (o->meta_page != NULL) {
        play_expect(play, quire_fobj_put(&o->meta_page->rw.base), MODEL_OK);
    }
}

void play_seal_freed(struct play *play, struct play_object *o)
{
    if (o->meta_page != NULL && o->meta_page->released != 1u) {
        play_fail(play, "an object with metadata was freed %u times with the one it belongs to", o->meta_page->released);
    }
    free(o->meta_page);
}

uint32_t play_seal_objects(const struct play *play, uint32_t *pages)
{
    uint32_t n = 0;
    unsigned i;

    *pages = 0;
    for (i = 0; i < MODEL_OBJECTS; i++) {
        const struct play_meta *meta = play->object[i] != NULL ? play->object[i]->meta_page : NULL;

        if (meta != NULL && meta->released == 0) {
            n++;
            *pages += quire_slot_kind(meta->slot) == QUIRE_SLOT_PRESENT;
        }
    }
    return n;
}

/* What is known of page `page` of a sealed object. */
static const struct quire_seal_meta *meta_of(struct play *play, const struct play_object *o, uint32_t page)
{
    struct play_meta *meta = o->meta_page;

    if (meta == NULL) {
        return &o->meta[page];
    }
    return quire_fobj_rw_meta_in(
        quire_slot_kind(meta->slot) == QUIRE_SLOT_PRESENT
            ? quire_sim_bytes(&play->rig.sim, quire_pmem_pa(&play->rig.pager.pool, quire_slot_value(meta->slot)))
            : meta->bytes,
        page);
}

/* Nothing of the range is stored under an old key. */
static void check_moved(struct play *play, unsigned object, uint32_t first, uint32_t n)
{
    const struct play_object *o = play->object[object];
    uint32_t i;

    for (i = first; i < first + n; i++) {
        if (quire_slot_kind(o->fobj->slots[i]) == QUIRE_SLOT_STORED &&
            meta_of(play, o, i)->epoch != play->cipher.sealer.epoch) {
            play_fail(play, "page %u of object %u is stored under an old key", i, object);
        }
    }
    if (n == o->fobj->num_pages && o->rw.sealed.held != play->cipher.sealer.epoch) {
        play_fail(play, "object %u holds an old key", object);
    }
}

void play_rekey(struct play *play)
{
    unsigned object = play_pick_object(play);
    struct play_hits hits;
    enum quire_status status;
    uint32_t set = MODEL_OK;
    uint32_t first = 0;
    uint32_t n;

    if (object == MODEL_OBJECTS || play->object[object]->sealed == NULL || play->object[object]->released != 0) {
        play_op(play, "a new key");
        status = quire_sealer_rekey(&play->cipher.sealer);
        play_expect(play, status,
                    MODEL_OK | (status == QUIRE_BUSY && play->cipher.keys_alive == 2 ? MODEL_SET(QUIRE_BUSY) : 0));
        return;
    }
    n = play->model.object[object].npages;
    if (play_chance(play, 2)) {
        first = play_below(play, n);
        n = 1u + play_below(play, n - first);
    }
    play_op(play, "seal %u pages from %u of object %u anew", n, first, object);
    if (play->object[object]->fobj->pager == NULL) {
        set = MODEL_SET(QUIRE_INVALID);
    } else if (play_quarantined(play) != 0) {
        set |= MODEL_SET(QUIRE_STUCK) | MODEL_SET(QUIRE_NO_PAGE);
    }
    play_arm(play, &hits);
    status = quire_fobj_rw_rekey(&play->rig.pager, &play->object[object]->rw, first, n,
                                 play_below(play, play->variant.rig.concurrency), false);
    play_disarm(play, &hits);
    if (play->object[object]->fobj->pager != NULL) {
        set = play_after_store(play, MODEL_OBJECTS, play_after_fault(&hits, set));
    }
    play_expect(play, status, set);
    if (status == QUIRE_OK) {
        check_moved(play, object, first, n);
    }
    if (cipher_wrong(&play->cipher) != NULL) {
        play_fail(play, "%s", cipher_wrong(&play->cipher));
    }
}
