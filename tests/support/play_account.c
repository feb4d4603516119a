/* Accounts: their making, their limits, their end, and what they may have. */
#include <stdlib.h>
#include <string.h>

#include "play_op.h"

static struct quire_account *account_of(struct play *play, unsigned i)
{
    return i == 0 ? &play->rig.pager.root : &play->account[i]->rig.account;
}

/* Limits that are small, none, or not to be had. */
static void pick_limits(struct play *play, uint32_t *quota, uint32_t *reserved)
{
    *quota = play_chance(play, 3) ? QUIRE_QUOTA_NONE : 1u + play_below(play, play->model.total);
    *reserved = play_chance(play, 2) ? 0 : play_below(play, play->model.total / 2u + 1u);
}

void play_begin_accounts(struct play *play)
{
    play->account[0] = calloc(1, sizeof *play->account[0]);
    play->model.account[0].alive = true;
    play->model.account[0].quota = QUIRE_QUOTA_NONE;
}

void play_new_account(struct play *play)
{
    struct play_account *account;
    enum quire_status status;
    uint32_t quota;
    uint32_t reserved;
    unsigned i = 1;

    while (i < MODEL_ACCOUNTS && play->account[i] != NULL) {
        i++;
    }
    account = calloc(1, sizeof *account);
    if (i == MODEL_ACCOUNTS || account == NULL) {
        free(account);
        return;
    }
    pick_limits(play, &quota, &reserved);
    play_op(play, "make account %u: quota %u, reserved %u", i, quota, reserved);
    status = rig_account_start(&play->rig, &account->rig, quota, reserved);
    play_expect(play, status, model_may_limit(&play->model, i, quota, reserved, play_quarantined(play)));
    if (status != QUIRE_OK) {
        free(account);
        return;
    }
    play->account[i] = account;
    play->model.account[i].alive = true;
    play->model.account[i].quota = quota;
    play->model.account[i].reserved = reserved;
    quire_account_get_info(&account->rig.account, &account->before);
}

void play_limit(struct play *play)
{
    unsigned i = play_below(play, MODEL_ACCOUNTS);
    enum quire_status status;
    uint32_t quota;
    uint32_t reserved;

    if (play->account[i] == NULL) {
        return;
    }
    pick_limits(play, &quota, &reserved);
    play_op(play, "limit account %u: quota %u, reserved %u", i, quota, reserved);
    status = quire_account_set_limits(account_of(play, i), quota, reserved);
    play_expect(play, status, model_may_limit(&play->model, i, quota, reserved, play_quarantined(play)));
    if (status == QUIRE_OK) {
        play->model.account[i].quota = quota;
        play->model.account[i].reserved = reserved;
    }
}

/* A dead object is there, and has its pages, as long as a store is at work on them. */
static bool dying(const struct play *play, unsigned object)
{
    return play->model.object[object].alive && !model_referred(&play->model, object) && play_pends(play, object) &&
           play->object[object]->store->freed == 0;
}

static uint32_t objects_of(const struct play *play, unsigned account)
{
    uint32_t n = model_objects_of(&play->model, account);
    uint32_t pages;
    unsigned i;

    for (i = 0; i < MODEL_OBJECTS; i++) {
        n += dying(play, i) && play->model.object[i].known && play->model.object[i].account == account ? 1u : 0u;
    }
    n += account == 0 ? play_seal_objects(play, &pages) : 0;
    return n;
}

void play_end_account(struct play *play)
{
    unsigned i = play_below(play, MODEL_ACCOUNTS);
    enum quire_status status;

    if (play->account[i] == NULL) {
        return;
    }
    play_op(play, "end account %u", i);
    status = quire_account_fini(account_of(play, i));
    play_expect(play, status, i == 0 ? MODEL_SET(QUIRE_INVALID) : objects_of(play, i) != 0 ? MODEL_SET(QUIRE_BUSY) : MODEL_OK);
    if (status == QUIRE_OK) {
        memset(&play->model.account[i], 0, sizeof play->model.account[i]);
        free(play->account[i]);
        play->account[i] = NULL;
    }
}

void play_end_accounts(struct play *play)
{
    unsigned i;

    for (i = 1; i < MODEL_ACCOUNTS; i++) {
        if (play->account[i] != NULL) {
            play_op(play, "end account %u, at last", i);
            play_expect(play, quire_account_fini(account_of(play, i)), MODEL_OK);
            free(play->account[i]);
            play->account[i] = NULL;
        }
    }
    free(play->account[0]);
    play->account[0] = NULL;
}

void play_charge(struct play *play, unsigned object)
{
    struct model_object *o = &play->model.object[object];
    unsigned i = play_below(play, MODEL_ACCOUNTS);

    if (play->account[i] == NULL || play_chance(play, 3)) {
        return; /* the root's, once it is mapped */
    }
    play_op(play, "charge object %u to account %u", object, i);
    play_expect(play, quire_fobj_set_account(play->object[object]->fobj, account_of(play, i)), MODEL_OK);
    o->account = i;
    o->known = true;
}

/* Pages that objects of the account hold, by their slots. */
uint32_t play_held_by(const struct play *play, unsigned account)
{
    uint32_t n = 0;
    unsigned i;
    uint32_t page;

    for (i = 0; i < MODEL_OBJECTS; i++) {
        const struct model_object *o = &play->model.object[i];
        bool here = o->alive && !o->unpaged && o->account == account && (model_referred(&play->model, i) || dying(play, i));

        for (page = 0; here && page < o->npages; page++) {
            n += quire_slot_kind(play->object[i]->fobj->slots[page]) == QUIRE_SLOT_PRESENT;
        }
    }
    (void)play_seal_objects(play, &page);
    n += account == 0 ? page : 0;
    return n;
}

static void check_account(struct play *play, unsigned i)
{
    const struct model_account *limit = &play->model.account[i];
    struct quire_account_info *before = &play->account[i]->before;
    struct quire_account_info now;

    quire_account_get_info(account_of(play, i), &now);
    if (now.quota != limit->quota || now.reserved != limit->reserved) {
        play_fail(play, "account %u: quota %u, reserved %u", i, now.quota, now.reserved);
    } else if (now.charged != play_held_by(play, i)) {
        play_fail(play, "account %u is charged %u pages, and its objects hold %u", i, now.charged, play_held_by(play, i));
    } else if (now.fixed != model_fixed_of(&play->model, i)) {
        play_fail(play, "account %u has %u fixed pages, and should have %u", i, now.fixed, model_fixed_of(&play->model, i));
    } else if (now.objects != objects_of(play, i)) {
        play_fail(play, "account %u has %u objects, and should have %u", i, now.objects, objects_of(play, i));
    } else if (now.charged > now.quota && now.charged > before->charged && now.stats.over_quota == before->stats.over_quota) {
        play_fail(play, "account %u grew beyond its quota, and nobody counted it", i);
    } else if (now.stats.lost != before->stats.lost && now.charged < now.reserved) {
        play_fail(play, "account %u lost what is reserved for it", i);
    }
    *before = now;
}

void play_check_accounts(struct play *play)
{
    unsigned i;

    for (i = 0; i < MODEL_ACCOUNTS; i++) {
        if (play->account[i] != NULL) {
            check_account(play, i);
        }
    }
}
