/* Between the pager and the objects: holds what each load and save ended with against what the attacker knows of it, and lets some
 * answers come later. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define PAGE QUIRE_PAGE_SIZE

/* ---- What the objects read and write through ---- */

static bool is_there(struct thing *thing)
{
    if (thing->released != 0) {
        world_fail(thing->world, "the store of an object that was released is asked");
        return false;
    }
    return true;
}

enum quire_status layer_rw_read(void *ctx, uint32_t pgidx, void *page)
{
    struct thing *thing = ctx;
    size_t got = 0;
    enum quire_status status;

    if (!is_there(thing)) {
        return QUIRE_IO;
    }
    if (thing->secure != NULL) {
        memcpy(page, thing->secure + pgidx * PAGE, PAGE);
        return QUIRE_OK;
    }
    status = attacker_read(&thing->world->attacker, thing->place + pgidx, page, PAGE, &got);
    return status == QUIRE_OK && got < PAGE ? QUIRE_IO : status; /* a store with an end knows it */
}

enum quire_status layer_rw_write(void *ctx, uint32_t pgidx, const void *page)
{
    struct thing *thing = ctx;

    if (!is_there(thing)) {
        return QUIRE_IO;
    }
    if (thing->secure != NULL) {
        memcpy(thing->secure + pgidx * PAGE, page, PAGE);
        return QUIRE_OK;
    }
    return attacker_write(&thing->world->attacker, thing->place + pgidx, page);
}

enum quire_status layer_ro_read(void *ctx, uint64_t offset, void *to, size_t len, size_t *got)
{
    struct thing *thing = ctx;

    return is_there(thing) ? attacker_read(&thing->world->attacker, thing->place + (uint32_t)(offset / PAGE), to, len, got)
                           : QUIRE_IO;
}

enum quire_status layer_read_node(void *ctx, unsigned level, uint32_t index, void *page)
{
    struct thing *thing = ctx;
    uint32_t number = thing->source->hashed.shape.first[level] + index;
    size_t got = 0;
    enum quire_status status;

    if (!is_there(thing)) {
        return QUIRE_IO;
    }
    status = attacker_read(&thing->world->attacker, thing->source->nodes + number, page, PAGE, &got);
    return status == QUIRE_OK && got < PAGE ? QUIRE_IO : status;
}

/* ---- What they end with ---- */

/* `by`: the number of the operation that asked. */
static void note_load(struct world *world, struct thing *thing, const struct quire_io *io, uint64_t by,
                      enum quire_status status)
{
    uint32_t i;

    for (i = 0; i < io->npages; i++) {
        thing->ended[io->pgidx + i] = status;
        thing->when[io->pgidx + i] = by;
    }
    if (world->op != NULL) {
        world->op->loads |= (uint64_t)1 << -(int)status;
        if (thing->kind == THING_PARENT && status != QUIRE_OK) { /* what needed it is a save, perhaps */
            world->op->saves |= (uint64_t)1 << -(int)status;
        }
    }
}

static void note_save(struct world *world, struct thing *thing, const struct quire_io *io, enum quire_status status)
{
    uint32_t page;

    if (world->op != NULL) {
        world->op->saves |= (uint64_t)1 << -(int)status;
    }
    for (page = io->pgidx; page < io->pgidx + io->npages; page++) {
        uint32_t i = 0;

        while (i < world->nfailed && (world->failed[i].thing != thing || world->failed[i].page != page)) {
            i++;
        }
        if (status == QUIRE_OK && i < world->nfailed) {
            world->failed[i] = world->failed[--world->nfailed];
        } else if (status != QUIRE_OK && i == world->nfailed && i < WORLD_FAILED) {
            world->failed[i].thing = thing;
            world->failed[i].page = page;
            world->nfailed++;
        }
    }
}

/* Did the cipher's hook fail in between, on command? Then what it answered. */
static enum quire_status cipher_failed(const struct world *world, enum cipher_hook hook, uint64_t before)
{
    return before != 0 && world->cipher.nth[hook] == 0 ? world->cipher.says[hook] : QUIRE_OK;
}

static enum quire_status judged_load(struct thing *thing, struct quire_io *io, uint64_t by)
{
    struct world *world = thing->world;
    uint64_t opens = world->cipher.nth[CIPHER_OPEN];
    struct verdict verdict;
    enum quire_status expected;
    enum quire_status status;
    uint32_t i;

    attacker_verdict_begin(&world->attacker, &verdict);
    status = thing->inner->load(io);
    attacker_verdict_end(&world->attacker, &verdict);
    expected = cipher_failed(world, CIPHER_OPEN, opens);
    if (expected == QUIRE_OK || verdict.failed != QUIRE_OK) {
        expected = verdict.failed != QUIRE_OK ? verdict.failed : verdict.changed ? QUIRE_INTEGRITY : QUIRE_OK;
    }
    if (status == QUIRE_NEED && expected == QUIRE_OK) {
        return status;
    }
    if (status != expected) {
        world_fail(world, "a load of page %u (%s) ends with %s, not %s; what was read was %s", (unsigned)io->pgidx,
                   sort_names[thing->sort], quire_status_name(status), quire_status_name(expected),
                   verdict.changed ? trick_names[verdict.trick] : "right");
    }
    if (verdict.changed && status == QUIRE_INTEGRITY) {
        world->tricks->caught[verdict.trick][verdict.sort]++;
    } else if (verdict.changed) {
        world->tricks->drowned++;
    } else if (status != QUIRE_OK) {
        world->counts->failed_loads++;
    }
    for (i = 0; i < io->npages && status == QUIRE_OK && thing->model != NULL && !thing->unsure; i++) {
        if (memcmp(io->page[i], thing->model + (io->pgidx + i) * PAGE, PAGE) != 0) {
            world_fail(world, "a load of page %u (%s) brings other bytes", (unsigned)(io->pgidx + i), sort_names[thing->sort]);
        }
    }
    note_load(world, thing, io, by, status);
    return status;
}

static enum quire_status judged_save(struct thing *thing, struct quire_io *io)
{
    struct world *world = thing->world;
    uint64_t seals = world->cipher.nth[CIPHER_SEAL];
    uint64_t buffers = world->cipher.nth[CIPHER_BUFFER];
    struct verdict verdict;
    enum quire_status expected;
    enum quire_status status;

    attacker_verdict_begin(&world->attacker, &verdict);
    status = thing->inner->save(io);
    attacker_verdict_end(&world->attacker, &verdict);
    expected = cipher_failed(world, CIPHER_BUFFER, buffers);
    expected = expected != QUIRE_OK ? QUIRE_NO_MEMORY : cipher_failed(world, CIPHER_SEAL, seals);
    expected = verdict.failed != QUIRE_OK ? verdict.failed : expected;
    if (status == QUIRE_NEED && expected == QUIRE_OK) {
        return status;
    }
    if (status != expected) {
        world_fail(world, "a save of page %u (%s) ends with %s, not %s", (unsigned)io->pgidx, sort_names[thing->sort],
                   quire_status_name(status), quire_status_name(expected));
    }
    world->counts->failed_saves += status != QUIRE_OK;
    note_save(world, thing, io, status);
    return status;
}

/* ---- Now or later ---- */

static uint64_t number_of_op(const struct world *world)
{
    return world->op != NULL ? world->op->number : 0;
}

static bool put_off(struct thing *thing, struct quire_io *io, bool load)
{
    struct world *world = thing->world;

    if (!thing->pends || io->ticket == 0 || world->calm || world->npending == WORLD_PENDING || world_chance(world, 2)) {
        return false;
    }
    world->pending[world->npending].io = io;
    world->pending[world->npending].thing = thing;
    world->pending[world->npending].ticket = io->ticket;
    world->pending[world->npending].load = load;
    world->pending[world->npending].by = number_of_op(world);
    world->npending++;
    world->counts->pended++;
    return true;
}

static enum quire_status layer_load(struct quire_io *io)
{
    struct thing *thing = io->fobj->user;

    return put_off(thing, io, true) ? QUIRE_PENDING : judged_load(thing, io, number_of_op(thing->world));
}

static enum quire_status layer_save(struct quire_io *io)
{
    struct thing *thing = io->fobj->user;

    if (io->fobj->dead && io->need_page == NULL) { /* or it died while a page was fetched that it needs */
        world_fail(thing->world, "a dead object is saved");
    }
    return put_off(thing, io, false) ? QUIRE_PENDING : judged_save(thing, io);
}

void layer_answer(struct world *world, uint32_t i)
{
    struct pending pending = world->pending[i];
    enum quire_status status;

    world->npending--;
    memmove(&world->pending[i], &world->pending[i + 1u], (world->npending - i) * sizeof world->pending[0]);
    status = pending.load ? judged_load(pending.thing, pending.io, pending.by) : judged_save(pending.thing, pending.io);
    if (pending.load) {
        world->late |= (uint64_t)1 << -(int)status;
    }
    quire_sim_watch_answer(pending.io, pending.load, status);
    if (quire_io_complete(&world->rig.pager, pending.ticket, status) != QUIRE_OK) {
        world_fail(world, "an answer is not accepted");
    }
    if (quire_io_complete(&world->rig.pager, pending.ticket, QUIRE_OK) != QUIRE_NOT_FOUND) {
        world_fail(world, "a ticket is believed twice");
    }
}

void layer_put(struct thing *thing, struct quire_fobj *fobj)
{
    thing->fobj = fobj;
    fobj->user = thing;
    thing->inner = fobj->ops;
    thing->ops = *fobj->ops;
    thing->ops.load = layer_load;
    thing->ops.save = thing->inner->save != NULL ? layer_save : NULL;
    thing->ops.flags |= thing->pends ? QUIRE_FOBJ_OPS_PENDING : 0u;
    fobj->ops = &thing->ops;
    if (quire_sim_watch_fobj(&thing->watch, &thing->world->rig.sim, fobj) != QUIRE_OK) {
        abort();
    }
}
