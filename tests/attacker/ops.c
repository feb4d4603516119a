/* What threads of control do with the world, and what each operation may end with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define PAGE QUIRE_PAGE_SIZE
#define BIT(status) ((uint64_t)1 << -(int)(status))

/* What stores, the attacker's and others, answer when they fail. */
#define FAILURES (BIT(QUIRE_IO) | BIT(QUIRE_INTEGRITY) | BIT(QUIRE_NO_MEMORY))

void op_begin(struct world *world, struct op *op, const char *what)
{
    memset(op, 0, sizeof *op);
    op->outer = world->op;
    op->number = ++world->ops;
    world->op = op;
    if (op->outer == NULL) {
        (void)snprintf(world->what, sizeof world->what, "%s", what);
    }
}

void op_end(struct world *world, struct op *op)
{
    uint32_t i;

    world->op = op->outer;
    if (op->outer != NULL) {
        op->outer->saves |= op->saves; /* that a page could not be had may be because of them */
        return;
    }
    for (i = 0; i < world->nfailed; i++) {
        const struct thing *thing = world->failed[i].thing;

        if (thing->released == 0 && !thing->fobj->dead &&
            quire_slot_kind(thing->slots[world->failed[i].page]) != QUIRE_SLOT_PRESENT) {
            world_fail(world, "page %u (%s) is not resident, though its save failed", (unsigned)world->failed[i].page,
                       sort_names[thing->sort]);
        }
    }
    world->nfailed = 0;
    world_bury(world);
}

/* Pages are in quarantine, or missing, because of what stores did before. */
static bool is_short(const struct world *world)
{
    return world->rig.pager.pool.count[QUIRE_PAGE_QUARANTINED] != 0 || world->rig.pager.owed != 0 || world->npending != 0;
}

/* May an operation that loads and saves end with `status`, since something else failed, was late, or in the way? */
static bool may_end(const struct world *world, const struct op *op, enum quire_status status, bool nested)
{
    bool late = world->rig.config.requests != 0;

    if (status == QUIRE_OK) {
        return true;
    }
    if ((BIT(status) & FAILURES) != 0) {
        return ((op->loads | (late ? world->late : 0)) & BIT(status)) != 0;
    }
    if (status == QUIRE_AGAIN) {
        return nested || late;
    }
    if (status == QUIRE_TIMEOUT) {
        return late;
    }
    return status == QUIRE_NO_PAGE && ((op->saves & ~(uint64_t)1) != 0 || nested || is_short(world));
}

/* Whose page a context sees there: the object's own, or that of one that it is a copy of. */
static const struct thing *showing(const struct thing *thing, uint32_t page)
{
    while (thing->origin != NULL && (thing->slots[page] & QUIRE_SLOT_OWN) == 0) {
        thing = thing->origin;
    }
    return thing;
}

/* There, and not on its way. */
static bool is_resident(const struct world *world, uint32_t slot)
{
    return quire_slot_kind(slot) == QUIRE_SLOT_PRESENT &&
           quire_pmem_at(&world->rig.pager.pool, quire_slot_value(slot))->state == QUIRE_PAGE_RESIDENT;
}

/* May it wait? Not in the middle of another operation: nobody would go on. */
static bool may_wait(struct world *world)
{
    return world->calm || (world->nest == 0 && world_chance(world, 2));
}

/* Something of a context is looked at: a thing that it shows. */
static struct thing *pick_shown(struct world *world, unsigned *vm, bool writable)
{
    unsigned first = world_below(world, WORLD_THINGS);
    unsigned i;

    *vm = world_below(world, WORLD_VMS);
    for (i = 0; i < WORLD_THINGS; i++) {
        struct thing *thing = world->thing[(first + i) % WORLD_THINGS];

        if (thing != NULL && thing->mapped[*vm] && (!writable || (thing->kind == THING_SEALED && !thing->frozen))) {
            return thing;
        }
    }
    return NULL;
}

/* Bytes to be written; the longer ones with the secret, which must never stand in the store. */
static void fill(struct world *world, unsigned char *bytes, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        bytes[i] = (unsigned char)property_bits(&world->random);
    }
    if (len >= sizeof world->attacker.secret) {
        memcpy(bytes, world->attacker.secret, sizeof world->attacker.secret);
    }
}

/* ---- Accesses ---- */

/* An access was refused, or served: as it had to be? `resident`: its page was there when it began. */
static void judge_access(struct world *world, const struct op *op, const struct thing *thing, unsigned vm, uint32_t page,
                         bool write, bool nested, bool resident, enum quire_status status)
{
    const struct thing *whose = showing(thing, page);
    bool loaded = whose->when[page] == op->number; /* by this thread */
    bool denied = thing->mapped[vm] && write && (thing->kind != THING_SEALED || thing->frozen);

    if (denied) {
        if (status != QUIRE_DENIED) {
            world_fail(world, "a write to what is read-only ends with %s", quire_status_name(status));
        }
        return;
    }
    if (!thing->mapped[vm]) {
        return; /* another thread unmapped it meanwhile, and it may be dead */
    }
    if (!may_end(world, op, status, nested)) {
        const struct quire_pager *pager = &world->rig.pager;

        world_fail(world, "an access of page %u (%s) ends with %s [loads %jx, saves %jx; free %u, fixed %u, reserve %u of %u]",
                   (unsigned)page, sort_names[thing->sort], quire_status_name(status), (uintmax_t)op->loads,
                   (uintmax_t)op->saves, (unsigned)pager->pool.count[QUIRE_PAGE_FREE], (unsigned)pager->pool.fixed,
                   (unsigned)pager->held_back, (unsigned)pager->reserve);
    }
    if (loaded && whose->ended[page] != QUIRE_OK && status != whose->ended[page] && status != QUIRE_TIMEOUT &&
        status != QUIRE_AGAIN) {
        world_fail(world, "an access of page %u (%s), whose load ended with %s, ends with %s", (unsigned)page,
                   sort_names[thing->sort], quire_status_name(whose->ended[page]), quire_status_name(status));
    }
    if ((BIT(status) & FAILURES) != 0 && (loaded ? whose->ended[page] == QUIRE_OK : resident)) {
        world_fail(world, "an access of page %u (%s), which is there, ends with %s, as the load of another did", (unsigned)page,
                   sort_names[thing->sort], quire_status_name(status));
    }
    world->counts->refused += status == QUIRE_INTEGRITY;
}

void world_access(struct world *world, bool nested)
{
    unsigned char bytes[64];
    unsigned vm;
    bool write = world_chance(world, 2) && !(nested && world->op->copies);
    struct thing *thing = pick_shown(world, &vm, write && !world_chance(world, 16));
    struct quire_sim_thread runner;
    enum quire_status status;
    bool resident;
    struct op op;
    uint32_t page;
    size_t offset;
    size_t len;

    if (thing == NULL) {
        return;
    }
    page = thing->first + world_below(world, thing->shown);
    len = 1u + world_below(world, (uint32_t)sizeof bytes);
    offset = world_below(world, (uint32_t)(PAGE - len) + 1u);
    op_begin(world, &op, write ? "a write" : "a read");
    memset(&runner, 0, sizeof runner);
    runner.cpu = nested ? 1u : 0;
    runner.thread = runner.cpu;
    runner.wait_ok = !nested && !world_chance(world, 4);
    runner.max_faults = 12;
    fill(world, bytes, len);
    world->counts->accesses++;
    resident = is_resident(world, showing(thing, page)->slots[page]);
    status = quire_sim_run(&world->rig.sim, &runner, &world->vm[vm], world_va(world, thing, page) + offset,
                           write ? RIG_WRITE : RIG_READ, bytes, len);
    judge_access(world, &op, thing, vm, page, write, nested, resident, status);
    if (status == QUIRE_OK && write) {
        memcpy(thing->model + page * PAGE + offset, bytes, len);
    } else if (status == QUIRE_OK && !thing->unsure && memcmp(thing->model + page * PAGE + offset, bytes, len) != 0) {
        world_fail(world, "context %u sees other bytes in page %u (%s)", vm, (unsigned)page, sort_names[thing->sort]);
    }
    op_end(world, &op);
}

void world_copy(struct world *world)
{
    unsigned char bytes[3u * 1024u];
    unsigned vm;
    bool write = world_chance(world, 3);
    struct thing *thing = pick_shown(world, &vm, write);
    struct quire_vm_copy how;
    enum quire_status status;
    struct op op;
    size_t from;
    size_t len;
    size_t done = 0;
    size_t at;

    if (thing == NULL) {
        return;
    }
    len = 1u + world_below(world, (uint32_t)sizeof bytes);
    from = world_below(world, (uint32_t)(thing->shown * PAGE - len) + 1u);
    at = thing->first * PAGE + from;
    op_begin(world, &op, write ? "a copy to a context" : "a copy from a context");
    op.copies = true;
    memset(&how, 0, sizeof how);
    how.wait_ok = true;
    fill(world, bytes, len);
    if (write) {
        thing->unsure = true; /* what it holds while it is copied to */
        status = quire_vm_copy_to(&world->vm[vm], world_va(world, thing, thing->first) + from, bytes, len, &how, &done);
        thing->unsure = false;
        memcpy(thing->model + at, bytes, done);
    } else {
        status = quire_vm_copy_from(&world->vm[vm], world_va(world, thing, thing->first) + from, bytes, len, &how, &done);
        if (memcmp(thing->model + at, bytes, done) != 0) {
            world_fail(world, "a copy from context %u brings other bytes (%s)", vm, sort_names[thing->sort]);
        }
    }
    if ((!may_end(world, &op, status, false) && thing->mapped[vm]) || (status == QUIRE_OK) != (done == len)) {
        world_fail(world, "a copy (%s) ends with %s, %u of %u done", sort_names[thing->sort], quire_status_name(status),
                   (unsigned)done, (unsigned)len);
    }
    world->counts->refused += status == QUIRE_INTEGRITY;
    op_end(world, &op);
}

/* A device reads, or writes, what is pinned. */
void world_pin(struct world *world)
{
    unsigned char bytes[64];
    unsigned vm;
    bool write = world_chance(world, 3);
    struct thing *thing = pick_shown(world, &vm, write);
    struct quire_pin pin;
    struct quire_pa pa;
    enum quire_status status;
    struct op op;
    uint32_t page;

    if (thing == NULL) {
        return;
    }
    page = thing->first + world_below(world, thing->shown);
    op_begin(world, &op, write ? "a pin to write" : "a pin to read");
    memset(&pin, 0, sizeof pin);
    status = quire_pin_va(&world->rig.pager, &world->vm[vm], world_va(world, thing, page), 1, write, true, &pin);
    if (status == QUIRE_OK) {
        fill(world, bytes, sizeof bytes);
        if (quire_pin_pa(&pin, 0, &pa) != QUIRE_OK ||
            quire_sim_device(&world->rig.sim, quire_pa_make(pa.addr + 100u), write, bytes, sizeof bytes) != QUIRE_OK) {
            world_fail(world, "a device cannot reach what is pinned");
        } else if (write) {
            memcpy(thing->model + page * PAGE + 100u, bytes, sizeof bytes);
        } else if (memcmp(thing->model + page * PAGE + 100u, bytes, sizeof bytes) != 0) {
            world_fail(world, "a device sees other bytes in page %u (%s)", (unsigned)page, sort_names[thing->sort]);
        }
        if (quire_unpin(&pin) != QUIRE_OK) {
            world_fail(world, "an unpin fails");
        }
    } else if (status != QUIRE_NO_PAGE && !may_end(world, &op, status, false) &&
               thing->mapped[vm]) { /* NO_PAGE: there are too few to pin one */
        world_fail(world, "a pin (%s) ends with %s", sort_names[thing->sort], quire_status_name(status));
    }
    op_end(world, &op);
}

/* ---- Pages leave ---- */

void world_evict(struct world *world)
{
    struct thing *thing = world->thing[world_below(world, WORLD_THINGS)];
    enum quire_status status;
    struct op op;
    uint32_t first;
    uint32_t i;

    if (thing == NULL || thing->fobj->dead) {
        return;
    }
    first = world_below(world, thing->npages);
    for (i = 0; i < thing->npages; i++) {
        uint32_t slot = thing->slots[(first + i) % thing->npages];

        if (quire_slot_kind(slot) == QUIRE_SLOT_PRESENT) {
            struct quire_pa pa = quire_pmem_pa(&world->rig.pager.pool, quire_slot_value(slot));

            op_begin(world, &op, "an eviction");
            status = quire_pager_remove_pages(&world->rig.pager, pa, 1, false);
            if (status == QUIRE_OK) {
                status = quire_pager_give_back(&world->rig.pager, pa, 1);
            }
            if (status != QUIRE_NO_PAGE && status != QUIRE_AGAIN && !(status == QUIRE_BUSY && world->nest != 0) &&
                !may_end(world, &op, status, true) && (BIT(status) & op.saves) == 0) {
                world_fail(world, "an eviction (%s) ends with %s", sort_names[thing->sort], quire_status_name(status));
            }
            op_end(world, &op);
            return;
        }
    }
}

void world_shrink(struct world *world)
{
    struct quire_pa pa[8];
    uint32_t n = 1u + world_below(world, 8);
    uint32_t taken = 0;
    enum quire_status status;
    struct op op;
    uint32_t i;

    op_begin(world, &op, "a shrink");
    status = quire_pager_shrink(&world->rig.pager, n, false, pa, &taken);
    for (i = 0; i < taken; i++) {
        if (quire_pager_give_back(&world->rig.pager, pa[i], 1) != QUIRE_OK) {
            world_fail(world, "a page is not taken back");
        }
    }
    if ((status == QUIRE_OK) != (taken == n)) {
        world_fail(world, "%u of %u pages taken, with %s", (unsigned)taken, (unsigned)n, quire_status_name(status));
    }
    op_end(world, &op);
}

void world_advise(struct world *world)
{
    unsigned vm;
    struct thing *thing = pick_shown(world, &vm, false);
    bool need = world_chance(world, 2);
    enum quire_status status;
    uint32_t first;
    struct op op;

    if (thing == NULL) {
        return;
    }
    op_begin(world, &op, need ? "advice that pages are needed" : "advice that pages are not needed");
    first = world_below(world, thing->shown);
    status =
        quire_vm_advise(&world->vm[vm], world_va(world, thing, thing->first + first),
                        1u + world_below(world, thing->shown - first), need ? QUIRE_ADVICE_WILL_NEED : QUIRE_ADVICE_DONT_NEED);
    if (status != QUIRE_OK && status != QUIRE_AGAIN && thing->mapped[vm]) {
        world_fail(world, "advice ends with %s", quire_status_name(status));
    }
    op_end(world, &op);
}

void world_write_back(struct world *world)
{
    struct thing *thing = world->thing[world_below(world, WORLD_THINGS)];
    enum quire_status status;
    struct op op;

    if (thing == NULL || !thing->held) {
        return;
    }
    op_begin(world, &op, "a write-back");
    op.refers = thing;
    status = quire_pager_write_back(&world->rig.pager, thing->fobj, 0, thing->npages, may_wait(world));
    if (!may_end(world, &op, status, true) && (BIT(status) & op.saves) == 0) {
        world_fail(world, "a write-back (%s) ends with %s", sort_names[thing->sort], quire_status_name(status));
    }
    if (world_chance(world, 2)) {
        status = quire_pager_invalidate(&world->rig.pager, thing->fobj, 0, thing->npages);
        if (status != QUIRE_OK && status != QUIRE_DIRTY && status != QUIRE_BUSY && status != QUIRE_AGAIN &&
            status != QUIRE_TIMEOUT) {
            world_fail(world, "forgetting pages (%s) ends with %s", sort_names[thing->sort], quire_status_name(status));
        }
    }
    op_end(world, &op);
}

/* ---- Keys ---- */

static bool is_sealed(const struct thing *thing)
{
    return thing != NULL && thing->released == 0 && (thing->kind == THING_SEALED || thing->kind == THING_PARENT) && thing->held;
}

static enum quire_status rekey_thing(struct world *world, struct thing *thing, bool all)
{
    uint32_t first = all ? 0 : world_below(world, thing->npages);
    uint32_t n = all ? thing->npages : 1u + world_below(world, thing->npages - first);
    enum quire_status status = quire_fobj_rw_rekey(&world->rig.pager, &thing->rw, first, n, world->nest, may_wait(world));

    if (status == QUIRE_OK && all && thing->rw.sealed.held != world->cipher.sealer.epoch) {
        world_fail(world, "an object that was sealed anew holds an old key");
    }
    return status;
}

void world_rekey(struct world *world)
{
    struct thing *thing = world->thing[world_below(world, WORLD_THINGS)];
    enum quire_status status;
    struct op op;

    op_begin(world, &op, "a new key");
    if (!quire_sealer_is_rekeying(&world->cipher.sealer)) {
        status = quire_sealer_rekey(&world->cipher.sealer);
        world->counts->keys += status == QUIRE_OK;
        if (status != QUIRE_OK) {
            world_fail(world, "a new key: %s", quire_status_name(status));
        }
    } else if (is_sealed(thing)) {
        op.refers = thing;
        status = rekey_thing(world, thing, !world_chance(world, 3));
        if (!may_end(world, &op, status, true) && (BIT(status) & op.saves) == 0) {
            world_fail(world, "sealing anew (%s) ends with %s", sort_names[thing->sort], quire_status_name(status));
        }
    }
    op_end(world, &op);
}

/* ---- Contexts and clocks ---- */

void world_new_vm(struct world *world)
{
    unsigned vm = world_below(world, WORLD_VMS);
    enum quire_status status;
    struct op op;
    unsigned i;

    op_begin(world, &op, "a context ends");
    status = rig_vm_stop(&world->rig, &world->vm[vm]);
    if (status != QUIRE_OK) {
        world_fail(world, "the end of a context: %s", quire_status_name(status));
    }
    for (i = 0; i < WORLD_THINGS; i++) {
        if (world->thing[i] != NULL) {
            world->thing[i]->mapped[vm] = false;
        }
    }
    op_end(world, &op);
    rig_vm_start(&world->rig, &world->vm[vm]);
    for (i = 0; i < WORLD_THINGS; i++) {
        struct thing *thing = world->thing[i];

        if (thing != NULL && thing->shown != 0 && thing->held && world_chance(world, 2)) {
            world_map(world, thing, vm);
        }
    }
}

void world_tick(struct world *world)
{
    uint32_t expired = 0;

    quire_io_tick(&world->rig.pager, world_below(world, 3), &expired);
    world->counts->timeouts += expired;
}

/* ---- Healing ---- */

/* Is this a late answer from before, kept for who comes next, and no load of now? */
static bool is_kept(const struct world *world, enum quire_status status)
{
    return (BIT(status) & FAILURES & world->late & ~world->op->loads) != 0;
}

static void compare_all(struct world *world, struct thing *thing, unsigned vm)
{
    unsigned char bytes[ATTACKER_PAGE];
    struct quire_vm_copy how;
    enum quire_status status;
    uint32_t page;

    memset(&how, 0, sizeof how);
    how.wait_ok = true;
    for (page = thing->first; page < thing->first + thing->shown; page++) {
        status = quire_vm_copy_from(&world->vm[vm], world_va(world, thing, page), bytes, PAGE, &how, NULL);
        if (is_kept(world, status)) {
            status = quire_vm_copy_from(&world->vm[vm], world_va(world, thing, page), bytes, PAGE, &how, NULL);
        }
        if (status != QUIRE_OK) {
            world_fail(world, "page %u (%s) is lost: %s", (unsigned)page, sort_names[thing->sort], quire_status_name(status));
        } else if (memcmp(bytes, thing->model + page * PAGE, PAGE) != 0) {
            world_fail(world, "page %u (%s) is another one", (unsigned)page, sort_names[thing->sort]);
        }
        world->counts->pages_compared++;
    }
}

static void rekey_all(struct world *world)
{
    enum quire_status status = quire_sealer_rekey(&world->cipher.sealer);
    unsigned i;

    if (status != QUIRE_OK && !(status == QUIRE_BUSY && quire_sealer_is_rekeying(&world->cipher.sealer))) {
        world_fail(world, "a last key: %s", quire_status_name(status));
    }
    for (i = 0; i < WORLD_THINGS; i++) {
        struct thing *thing = world->thing[i];
        unsigned tries = 0;

        if (thing != NULL && thing->released == 0 && (thing->kind == THING_SEALED || thing->kind == THING_PARENT)) {
            status = rekey_thing(world, thing, true);
            while (is_kept(world, status) && tries++ < WORLD_SHOWN) { /* one for each page at most */
                status = rekey_thing(world, thing, true);
            }
            if (status != QUIRE_OK) {
                world_fail(world, "sealing anew at the end (%s): %s", sort_names[thing->sort], quire_status_name(status));
            }
        }
    }
    if (quire_sealer_is_rekeying(&world->cipher.sealer) || world->cipher.keys_alive != 1u) {
        world_fail(world, "the old key is not wiped");
    }
}

void world_heal(struct world *world)
{
    struct op op;
    unsigned hook;
    unsigned vm;
    unsigned i;

    world->calm = true;
    attacker_disarm(&world->attacker);
    attacker_repent_all(&world->attacker);
    for (hook = 0; hook < CIPHER_HOOKS; hook++) {
        world->cipher.nth[hook] = 0;
    }
    op_begin(world, &op, "after the attacker");
    while (world->npending != 0) {
        layer_answer(world, 0);
    }
    for (vm = 0; vm < WORLD_VMS && world->wrong[0] == '\0'; vm++) {
        for (i = 0; i < WORLD_THINGS; i++) {
            if (world->thing[i] != NULL && world->thing[i]->mapped[vm]) {
                compare_all(world, world->thing[i], vm);
            }
        }
    }
    op_end(world, &op);
    if (world->wrong[0] == '\0') {
        op_begin(world, &op, "a last key");
        rekey_all(world);
        op_end(world, &op);
    }
}
