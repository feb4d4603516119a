/* The life of objects: made of every kind, over places of the store and metadata that others had before, mapped, put, buried. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define PAGE QUIRE_PAGE_SIZE
#define NONE ATTACKER_NONE

static void *blank(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (p == NULL) {
        abort();
    }
    return p;
}

static void must_ok(struct world *world, enum quire_status status, const char *what)
{
    if (status != QUIRE_OK) {
        world_fail(world, "%s: %s", what, quire_status_name(status));
    }
}

/* ---- Sources of read-only objects ---- */

static struct source *new_source(struct world *world, enum sort sort)
{
    static const uint32_t sizes[] = {32, 32, 64, 64, 16};
    struct source *source = blank(1, sizeof *source);
    uint32_t size = sizes[world_below(world, 5)];
    /* Where 64 hashes are a page, sometimes one page more than that: two pages of list, two levels of tree. */
    uint32_t npages = size == 64u && sort != SORT_LISTED ? 60u + world_below(world, 8) : 1u + world_below(world, WORLD_SHOWN);
    uint64_t len = (uint64_t)npages * PAGE - world_below(world, 200);
    uint32_t nodes;
    uint32_t i;

    hashed_begin(&source->hashed, len, size);
    for (i = 0; i + 8u <= len; i += 8u) {
        uint64_t word = property_bits(&world->random);

        word |= world->random.state & 1u ? UINT64_C(0xffffff0000) : 0; /* many carries */
        memcpy(source->hashed.bytes + i, &word, sizeof word);
    }
    hashed_finish(&source->hashed);
    source->content = attacker_take(&world->attacker, npages, sort);
    source->nodes = NONE;
    for (i = 0; source->content != NONE && i < npages; i++) {
        attacker_keep(&world->attacker, source->content + i, hashed_page(&source->hashed, i));
    }
    if (sort != SORT_LISTED && source->content != NONE) {
        nodes = quire_hash_shape_nodes(&source->hashed.shape);
        source->nodes = attacker_take(&world->attacker, nodes, sort == SORT_TREE ? SORT_NODE : SORT_LIST);
        for (i = 0; source->nodes != NONE && i < nodes; i++) {
            attacker_keep(&world->attacker, source->nodes + i, source->hashed.nodes + i * PAGE);
        }
    }
    return source;
}

static void put_source(struct world *world, struct source *source)
{
    if (source == NULL || source->refs-- > 1u) {
        return;
    }
    if (source->content != NONE) {
        attacker_give_back(&world->attacker, source->content);
    }
    if (source->nodes != NONE) {
        attacker_give_back(&world->attacker, source->nodes);
    }
    hashed_stop(&source->hashed);
    free(source);
}

/* That of another object of this sort, for another view of the same file; or a new one. */
static struct source *get_source(struct world *world, enum sort sort)
{
    struct source *source = NULL;
    unsigned i;

    for (i = 0; i < WORLD_THINGS && source == NULL && world_chance(world, 2); i++) {
        const struct thing *other = world->thing[i];

        source = other != NULL && other->kind == THING_RO && other->sort == sort ? other->source : NULL;
    }
    source = source != NULL ? source : new_source(world, sort);
    source->refs++;
    return source;
}

/* ---- A thing ---- */

static struct thing *new_thing(struct world *world, enum thing_kind kind, enum sort sort)
{
    unsigned i = 0;

    while (i < WORLD_THINGS && world->thing[i] != NULL) {
        i++;
    }
    if (i == WORLD_THINGS) {
        return NULL;
    }
    world->thing[i] = blank(1, sizeof *world->thing[i]);
    world->thing[i]->world = world;
    world->thing[i]->kind = kind;
    world->thing[i]->sort = sort;
    world->thing[i]->place = NONE;
    return world->thing[i];
}

static void size_thing(struct thing *thing, uint32_t npages)
{
    thing->npages = npages;
    thing->slots = blank(npages, sizeof *thing->slots);
    thing->ended = blank(npages, sizeof *thing->ended);
    thing->when = blank(npages, sizeof *thing->when);
}

/* Shows pages of the thing, of a large one the last: where its list and its tree have their ends. */
static void show_thing(struct thing *thing)
{
    thing->shown = thing->npages < WORLD_SHOWN ? thing->npages : WORLD_SHOWN;
    thing->first = thing->npages - thing->shown;
    thing->model = blank(thing->npages, PAGE);
}

static void leave_parent(struct thing *thing)
{
    if (thing->parent != NULL) {
        thing->parent->parent_used &= ~(1u << thing->parent_page);
        thing->parent = NULL;
    }
}

static void free_thing(struct world *world, struct thing *thing)
{
    if (thing->place != NONE && thing->source == NULL) {
        attacker_give_back(&world->attacker, thing->place);
    }
    leave_parent(thing);
    if (thing->has_tree) {
        hashed_tree_stop(&thing->tree);
    }
    put_source(world, thing->source);
    free(thing->model);
    free(thing->slots);
    free(thing->ended);
    free(thing->when);
    free(thing->meta);
    free(thing->secure);
    free(thing->list_hashes);
    free(thing->offsets);
    free(thing->carries);
    free(thing);
}

static void drop_thing(struct world *world, struct thing *thing)
{
    unsigned i;

    for (i = 0; i < WORLD_THINGS; i++) {
        if (world->thing[i] == thing) {
            world->thing[i] = NULL;
        }
    }
    free_thing(world, thing);
}

static void released(void *ctx, struct quire_fobj *fobj)
{
    struct thing *thing = ctx;

    (void)fobj;
    if (++thing->released != 1u) {
        world_fail(thing->world, "an object is released twice");
    }
}

/* It is there: the pager knows it, and contexts may see it. */
static void begin_thing(struct thing *thing, struct quire_fobj *fobj)
{
    struct world *world = thing->world;
    unsigned vm;

    layer_put(thing, fobj);
    thing->held = true;
    world->counts->things[thing->kind]++;
    must_ok(world, quire_pager_know(&world->rig.pager, fobj), "an object is to be known");
    for (vm = 0; thing->shown != 0 && vm < WORLD_VMS && thing->origin == NULL; vm++) {
        if (world_chance(world, 2) || (vm == WORLD_VMS - 1u && !thing->mapped[0] && !thing->mapped[1])) {
            world_map(world, thing, vm);
        }
    }
}

/* ---- Objects that are written ---- */

static bool init_rw(struct thing *thing, uint32_t npages)
{
    struct world *world = thing->world;
    struct quire_fobj_rw_config config;

    memset(&config, 0, sizeof config);
    size_thing(thing, npages);
    config.num_pages = npages;
    config.slots = thing->slots;
    config.store.ctx = thing;
    config.store.npages = npages;
    config.store.read = layer_rw_read;
    config.store.write = layer_rw_write;
    config.ctx = thing;
    config.release = released;
    if (thing->kind == THING_SECURE) {
        thing->secure = blank(npages, PAGE);
    } else {
        thing->place = attacker_take(&world->attacker, npages, thing->sort);
        if (thing->place == NONE) {
            return false;
        }
        config.sealing.sealer = &world->cipher.sealer;
        if (thing->parent != NULL) {
            config.sealing.meta_fobj = thing->parent->fobj;
            config.sealing.meta_first = thing->parent_page;
        } else {
            thing->meta = blank(npages, sizeof *thing->meta);
            config.sealing.meta = thing->meta;
            config.cluster = world_chance(world, 3) ? 2u + world_below(world, 3) : 0;
        }
    }
    must_ok(world, quire_fobj_rw_init(&thing->rw, &config), "an object is to be made");
    return world->wrong[0] == '\0';
}

/* Gives a thing that is sealed a page of some parent for its metadata, perhaps a new one. */
static void find_parent(struct world *world, struct thing *thing, unsigned rank_max)
{
    struct thing *parent = NULL;
    unsigned first = world_below(world, WORLD_THINGS);
    unsigned i;

    for (i = 0; i < WORLD_THINGS && (parent == NULL || world_chance(world, 3)); i++) {
        struct thing *other = world->thing[(first + i) % WORLD_THINGS];

        if (other != NULL && (other->kind == THING_PARENT || other->kind == THING_SECURE) && other->held && other != thing &&
            other->fobj != NULL && other->fobj->rank <= rank_max && other->parent_used != (1u << WORLD_META_PAGES) - 1u) {
            parent = other;
        }
    }
    if (parent == NULL) {
        enum thing_kind kind = world_chance(world, 3) ? THING_SECURE : THING_PARENT;

        parent = new_thing(world, kind, SORT_METADATA);
        if (parent == NULL) {
            return;
        }
        if (kind == THING_PARENT && rank_max > 0 && world_chance(world, 2)) {
            find_parent(world, parent, rank_max - 1u);
        }
        if (!init_rw(parent, WORLD_META_PAGES)) {
            drop_thing(world, parent);
            return;
        }
        begin_thing(parent, &parent->rw.base);
    }
    while ((parent->parent_used & 1u << thing->parent_page) != 0) {
        thing->parent_page++;
    }
    parent->parent_used |= 1u << thing->parent_page;
    thing->parent = parent;
}

static struct thing *make_sealed(struct world *world, enum sort sort, uint32_t npages)
{
    struct thing *thing = new_thing(world, THING_SEALED, sort);

    if (thing == NULL) {
        return NULL;
    }
    if (world_chance(world, 2)) {
        find_parent(world, thing, QUIRE_FOBJ_RANK_MAX - 1u);
    }
    if (!init_rw(thing, npages)) {
        drop_thing(world, thing);
        return NULL;
    }
    show_thing(thing);
    thing->pends = thing->parent == NULL && world->rig.config.requests != 0 && world_chance(world, 2);
    return thing;
}

/* ---- Objects that are verified ---- */

/* Offsets that straddle pages, and others; and what a context sees then, by the plainest arithmetic there is. */
static void relocate(struct thing *thing, struct quire_relocs *relocs)
{
    struct world *world = thing->world;
    uint64_t len = thing->source->hashed.len;
    uint64_t at = world_below(world, 64);
    size_t i;

    relocs->word = world_chance(world, 2) ? 4u : 8u;
    relocs->bias = property_bits(&world->random);
    relocs->bias >>= world_below(world, 40);
    thing->offsets = blank(2u * thing->npages + 2u, sizeof *thing->offsets);
    thing->carries = blank(1, QUIRE_RELOCS_CARRY_BYTES(thing->npages));
    while (relocs->count < 2u * thing->npages && at + relocs->word <= len) {
        thing->offsets[relocs->count++] = (uint32_t)at;
        if (relocs->count % 2u != 0) { /* the next one straddles the end of this page, mostly */
            uint64_t end = (at / PAGE + 1u) * PAGE - 1u - world_below(world, relocs->word + 1u);

            at = end > at + relocs->word ? end : at + relocs->word;
        } else {
            at += relocs->word + world_below(world, (uint32_t)PAGE);
        }
    }
    relocs->offsets = thing->offsets;
    relocs->carries = thing->carries;
    for (i = 0; i < relocs->count; i++) {
        uint64_t word = 0;

        memcpy(&word, thing->model + thing->offsets[i], relocs->word); /* little-endian, as this machine is */
        word += relocs->bias;
        memcpy(thing->model + thing->offsets[i], &word, relocs->word);
    }
}

/* The list of the hashes of the source, in an object of its own, whose own hashes are in memory. */
static struct thing *make_list(struct world *world, struct source *source)
{
    struct thing *list = new_thing(world, THING_LIST, SORT_LIST);
    struct quire_fobj_ro_config config;
    uint32_t width = quire_hash_shape_width(&source->hashed.shape, 1);
    uint32_t size = quire_hash_size(&source->hashed.hash);
    uint32_t i;

    if (list == NULL) {
        return NULL;
    }
    list->source = source;
    source->refs++;
    list->place = source->nodes;
    size_thing(list, width);
    list->list_hashes = blank(width, size);
    for (i = 0; i < width; i++) {
        must_ok(world, hashed_digest(&source->hashed, 0, hashed_node(&source->hashed, 1, i), list->list_hashes + i * size),
                "a hash");
    }
    memset(&config, 0, sizeof config);
    config.len = (uint64_t)width * PAGE;
    config.slots = list->slots;
    config.ctx = list;
    config.read = layer_ro_read;
    config.hash = source->hashed.hash;
    config.hashes = list->list_hashes;
    config.hashes_len = (size_t)width * size;
    config.release = released;
    must_ok(world, quire_fobj_ro_init(&list->ro, &config), "a list is to be made");
    begin_thing(list, &list->ro.base);
    return list;
}

static struct thing *make_ro(struct world *world)
{
    static const enum sort sorts[] = {SORT_LISTED, SORT_PAGED, SORT_TREE};
    enum sort sort = sorts[world_below(world, 3)];
    struct thing *thing = new_thing(world, THING_RO, sort);
    struct quire_fobj_ro_config config;
    struct thing *list = NULL;

    if (thing == NULL) {
        return NULL;
    }
    thing->source = get_source(world, sort);
    thing->place = thing->source->content;
    if (thing->place == NONE || (sort != SORT_LISTED && thing->source->nodes == NONE)) {
        drop_thing(world, thing);
        return NULL;
    }
    size_thing(thing, thing->source->hashed.npages);
    show_thing(thing);
    memcpy(thing->model, thing->source->hashed.bytes, thing->npages * PAGE);
    config = hashed_config(&thing->source->hashed, thing->slots);
    config.ctx = thing;
    config.read = layer_ro_read;
    config.release = released;
    config.cluster = world_chance(world, 4) ? 2u + world_below(world, 3) : 0;
    if (sort == SORT_TREE) {
        hashed_tree_start(&thing->tree, &thing->source->hashed, 2u + world_below(world, 3));
        thing->has_tree = true;
        thing->tree.tree.ctx = thing;
        thing->tree.tree.read_node = layer_read_node;
        config.hash_tree = &thing->tree.tree;
    } else {
        config.hash = thing->source->hashed.hash;
        if (sort == SORT_LISTED) {
            config.hashes = thing->source->hashed.list;
            config.hashes_len = thing->source->hashed.list_len;
        } else {
            list = make_list(world, thing->source);
            if (list == NULL) {
                drop_thing(world, thing);
                return NULL;
            }
            config.hash_fobj = list->fobj;
        }
    }
    if (world_chance(world, 2)) {
        relocate(thing, &config.relocs);
        world->counts->relocated++;
    }
    thing->pends = sort != SORT_PAGED && world->rig.config.requests != 0 && world_chance(world, 2);
    must_ok(world, quire_fobj_ro_init(&thing->ro, &config), "an object is to be made");
    if (list != NULL) { /* the object has a reference; the list dies with it */
        world_put(world, list);
    }
    return thing;
}

void world_make(struct world *world)
{
    struct thing *thing =
        world_chance(world, 2) ? make_ro(world) : make_sealed(world, SORT_SEALED, 1u + world_below(world, WORLD_SHOWN));

    if (thing != NULL) {
        begin_thing(thing, thing->kind == THING_RO ? &thing->ro.base : &thing->rw.base);
    }
}

/* ---- Copies on write ---- */

void world_make_copy(struct world *world)
{
    struct thing *origin = world_pick(world);
    struct thing *copy;
    enum quire_status status;
    unsigned vm;

    if (origin == NULL || origin->depth == 3u) {
        return;
    }
    copy = make_sealed(world, SORT_COPY, origin->npages);
    if (copy == NULL) {
        return;
    }
    copy->origin = origin;
    copy->depth = origin->depth + 1u;
    begin_thing(copy, &copy->rw.base);
    status = quire_fobj_cow_make(&world->rig.pager, copy->fobj, origin->fobj);
    if (status != QUIRE_OK) {
        if (status != QUIRE_BUSY || world->calm) {
            world_fail(world, "a copy is to be made: %s", quire_status_name(status));
        }
        copy->shown = 0;
        copy->origin = NULL;
        world_put(world, copy);
        return;
    }
    origin->frozen = true;
    world->counts->copies++;
    memcpy(copy->model, origin->model, copy->npages * PAGE);
    for (vm = 0; vm < WORLD_VMS; vm++) {
        if (vm == 0 || world_chance(world, 2)) {
            world_map(world, copy, vm);
        }
    }
}

/* ---- Contexts, and the end ---- */

uintptr_t world_va(const struct world *world, const struct thing *thing, uint32_t page)
{
    uint32_t i = 0;

    while (world->thing[i] != thing) {
        i++;
    }
    return RIG_AT(i * WORLD_SHOWN + page - thing->first);
}

void world_map(struct world *world, struct thing *thing, unsigned vm)
{
    struct quire_mapping mapping;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = thing->fobj;
    mapping.first = thing->first;
    mapping.npages = thing->shown;
    mapping.va = world_va(world, thing, thing->first);
    mapping.prot = QUIRE_PROT_USER | RIG_READ | (thing->kind == THING_SEALED && !thing->frozen ? RIG_WRITE : 0u);
    must_ok(world, quire_vm_map(&world->vm[vm], &mapping, NULL), "a map");
    thing->mapped[vm] = true;
}

void world_unmap(struct world *world, struct thing *thing, unsigned vm)
{
    must_ok(world, quire_vm_unmap(&world->vm[vm], world_va(world, thing, thing->first), thing->shown), "an unmap");
    thing->mapped[vm] = false;
}

void world_put(struct world *world, struct thing *thing)
{
    thing->held = false;
    must_ok(world, quire_fobj_put(thing->fobj), "a put");
    world->counts->died++;
}

/* Is an operation under way that began with this object, by a reference that may not go meanwhile? */
static bool is_referred(const struct world *world, const struct thing *thing)
{
    const struct op *op;

    for (op = world->op; op != NULL; op = op->outer) {
        if (op->refers == thing) {
            return true;
        }
    }
    return false;
}

void world_end_thing(struct world *world)
{
    struct thing *thing = world->thing[world_below(world, WORLD_THINGS)];
    struct op op;
    unsigned vm;

    if (thing == NULL || !thing->held || is_referred(world, thing)) {
        return;
    }
    op_begin(world, &op, "an object ends");
    for (vm = 0; vm < WORLD_VMS && world_chance(world, 2); vm++) { /* or contexts show it yet */
        if (thing->mapped[vm]) {
            world_unmap(world, thing, vm);
        }
    }
    world_put(world, thing);
    op_end(world, &op);
}

void world_bury(struct world *world)
{
    uint32_t n = 0;
    unsigned i;

    for (i = 0; i < WORLD_THINGS; i++) { /* first, since a parent may have been released with the last of its children */
        if (world->thing[i] != NULL && world->thing[i]->released != 0) {
            leave_parent(world->thing[i]);
        }
    }
    for (i = 0; i < WORLD_THINGS; i++) {
        struct thing *thing = world->thing[i];

        if (thing != NULL && thing->released != 0) {
            for (n = 0; n < world->nfailed;) {
                if (world->failed[n].thing == thing) {
                    world->failed[n] = world->failed[--world->nfailed];
                } else {
                    n++;
                }
            }
            drop_thing(world, thing);
        }
    }
}

struct thing *world_pick(struct world *world)
{
    unsigned first = world_below(world, WORLD_THINGS);
    unsigned i;

    for (i = 0; i < WORLD_THINGS; i++) {
        struct thing *thing = world->thing[(first + i) % WORLD_THINGS];

        if (thing != NULL && thing->shown != 0 && thing->released == 0 && thing->held) {
            return thing;
        }
    }
    return NULL;
}
