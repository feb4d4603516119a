/* What must hold when objects die: the tests that the defects of list_life must fail. */
#include "witness.h"

#include "cipher.c" /* beside the rig, which is linked */
#include "quire/fobj_cow.h"
#include "vault.c"

static const char secret[] = "nobody may find this";

static void no_secret(void)
{
    expect(rig_find(&rig, secret, sizeof secret) == 0, "what a dead object held is in physical memory");
}

/* All that shows it lets go of it. */
static void end_of(struct rig_store *store)
{
    unsigned i;

    for (i = 0; i < 2u; i++) {
        struct quire_vm_info info;

        if (quire_vm_query(&vm[i], RIG_VA, &info) == QUIRE_OK && info.fobj == &store->fobj) {
            OK(quire_vm_unmap(&vm[i], RIG_VA, store->fobj.num_pages));
        }
    }
    if (!store->kept_put) {
        OK(rig_store_put(store));
    }
}

static void write_secret(uint32_t page)
{
    OK(rig_write(&rig, &vm[0], RIG_AT(page) + 64u, secret, sizeof secret));
}

WITNESS(what_was_evicted_is_wiped_when_its_object_dies, .pages = 12)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 6, RW);
    uint32_t i;

    for (i = 0; i < 6u; i++) {
        write_secret(i);
    }
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 6, true));
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 3)); /* three pages are free, and as they were */
    expect(rig_find(&rig, secret, sizeof secret) == 6, "the test does not test what it should");
    write_secret(1); /* one of them is taken again */
    sound();
    end_of(store);
    no_secret();
}

/* ---- A load that fails ---- */

static struct rig_store *dying;

static enum quire_status fails_when_the_other_is_dead(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)io;
    if (load && dying != NULL) {
        end_of(dying);
        dying = NULL;
        store->before = NULL;
        return QUIRE_IO;
    }
    return QUIRE_OK;
}

static enum quire_status load_nothing(struct quire_io *io)
{
    struct rig_store *store = QUIRE_CONTAINER_OF(io->fobj, struct rig_store, fobj);

    return fails_when_the_other_is_dead(store, io, true);
}

WITNESS(a_page_whose_load_failed_holds_nothing_of_who_died_meanwhile, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 4, RW);
    struct rig_store *other = rig_store_new(&rig, 4, RW);

    other->ops.load = load_nothing;
    other->fobj.ops = &other->ops; /* the machine's watch would fill the page with junk */
    OK(rig_map(&vm[1], &other->fobj, RIG_VA, RW));
    write_secret(0);
    write_secret(1);
    dying = store;
    SAYS(QUIRE_IO, fault_of(0, &vm[1], RIG_VA, RIG_READ));
    expect(dying == NULL, "nothing was loaded");
    no_secret();
}

/* ---- A store that needs a page ---- */

static struct rig_store *table;
static unsigned asked_dead;

static enum quire_status needs(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    asked_dead += io->fobj->dead;
    if (io->need_page == NULL) {
        io->need_fobj = &table->fobj;
        io->need_pgidx = 0;
        io->need_write = !load;
        return QUIRE_NEED;
    }
    return QUIRE_OK;
}

static enum quire_status child_dies(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)io;
    if (load && dying != NULL) {
        struct rig_store *child = dying;

        dying = NULL;
        store->before = NULL;
        end_of(child);
    }
    return QUIRE_OK;
}

static struct rig_store *needing(void)
{
    struct rig_store *store = rig_store_new(&rig, 4, RW);

    table = rig_store_new(&rig, 1, RW);
    OK(quire_pager_know(&rig.pager, &table->fobj));
    asked_dead = 0;
    store->fobj.rank = 1;
    store->before = needs;
    OK(rig_map(&vm[0], &store->fobj, RIG_VA, RW));
    return store;
}

WITNESS(a_store_is_not_asked_when_its_object_died_while_it_needed_a_page, .rank_max = 1)
{
    dying = needing();
    table->before = child_dies;
    SAYS(QUIRE_DEAD, fault_of(0, &vm[0], RIG_VA, RIG_READ));
    expect(asked_dead == 0, "a store was asked about a page of a dead object");
    expect(rig.pager.holds == 0, "a page is held for nobody");
}

WITNESS(a_needed_page_that_is_late_is_not_the_mmus_fault, .rank_max = 1, .requests = 2)
{
    (void)needing();
    table->pends = true;
    table->ops.flags |= QUIRE_FOBJ_OPS_PENDING;
    table->watch.ops.flags |= QUIRE_FOBJ_OPS_PENDING;
    OK(rig_map(&vm[1], &table->fobj, RIG_VA, RW));
    SAYS(QUIRE_AGAIN, fault_of(0, &vm[1], RIG_VA, RIG_READ));
    OK(quire_io_cancel(&rig.pager, rig.pending[0].ticket));
    SAYS(QUIRE_TIMEOUT, fault_of(0, &vm[0], RIG_VA, RIG_READ));
    OK(rig_answer(&rig, 0, QUIRE_OK));
    OK(fault_of(0, &vm[0], RIG_VA, RIG_READ));
}

/* ---- Copies on write ---- */

static enum quire_status both_die(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)io;
    if (load && dying != NULL) {
        struct rig_store *copy = dying;

        dying = NULL;
        end_of(copy);
        OK(rig_store_put(store));
    }
    return QUIRE_OK;
}

WITNESS(a_copy_and_its_origin_may_die_while_a_page_is_loaded, .pages = 12)
{
    struct rig_store *origin = rig_store_new(&rig, 4, RW);
    struct rig_store *copy = rig_store_new(&rig, 4, RW);

    OK(quire_fobj_cow_make(&rig.pager, &copy->fobj, &origin->fobj));
    OK(rig_map(&vm[0], &copy->fobj, RIG_VA, RW));
    origin->before = both_die;
    dying = copy;
    SAYS(QUIRE_DEAD, fault_of(0, &vm[0], RIG_VA, RIG_WRITE));
    expect(copy->freed == 1 && origin->freed == 1, "not all that died was freed");
}

/* ---- Sealed, verified ---- */

WITNESS(a_sealed_object_lets_go_of_its_key_and_of_its_metadata, .rank_max = 1, .pages = 12)
{
    static struct cipher keys;
    static struct vault metadata;
    static struct vault vault;

    cipher_start(&keys, 5);
    OK(vault_start(&metadata, 1, &keys.sealer, NULL));
    OK(quire_pager_know(&rig.pager, &metadata.rw.base));
    OK(vault_start(&vault, 4, &keys.sealer, &metadata));
    OK(rig_map(&vm[0], &vault.rw.base, RIG_VA, RW));
    write_secret(0);
    OK(quire_pager_write_back(&rig.pager, &vault.rw.base, 0, 1, true));
    OK(quire_vm_unmap(&vm[0], RIG_VA, 4));
    OK(vault_put(&metadata));
    OK(vault_put(&vault));
    expect(vault.released == 1 && metadata.released == 1, "not all that died was released");
    expect(keys.sealer.holders[0] + keys.sealer.holders[1] == 0, "a dead object holds a key");
    no_secret();
    vault_stop(&vault);
    vault_stop(&metadata);
    OK(cipher_stop(&keys));
}

static enum quire_status digest(void *ctx, unsigned level, const void *page, void *out)
{
    (void)ctx;
    (void)level;
    memcpy(out, page, 32);
    return QUIRE_OK;
}

static void overwrite(void *ctx, struct quire_fobj *fobj)
{
    (void)fobj;
    memset(ctx, 0, sizeof(struct quire_fobj_ro));
}

WITNESS(a_verified_object_lets_go_of_its_list_without_looking_back, .rank_max = 1)
{
    static unsigned char content[(size_t)1 << QUIRE_PAGE_SHIFT];
    struct rig_store *list = rig_store_new(&rig, 1, RIG_READ);
    struct quire_fobj_ro_config config;
    static struct quire_fobj_ro ro;
    uint32_t slot;

    memset(&config, 0, sizeof config);
    OK(quire_pager_know(&rig.pager, &list->fobj));
    memcpy(content, rig_store_page(list, 0), 32);
    config.len = sizeof content;
    config.data = content;
    config.slots = &slot;
    config.hash.digest = digest;
    config.hash_fobj = &list->fobj;
    config.ctx = &ro;
    config.release = overwrite;
    OK(quire_fobj_ro_init(&ro, &config));
    OK(rig_map(&vm[0], &ro.base, RIG_VA, RIG_READ));
    OK(fault_of(0, &vm[0], RIG_VA, RIG_READ));
    OK(quire_vm_unmap(&vm[0], RIG_VA, 1));
    OK(quire_fobj_put(&ro.base));
    OK(rig_store_put(list));
    expect(list->freed == 1, "a dead object keeps its list of hashes");
}

/* ---- Out of circulation ---- */

WITNESS(a_removal_of_what_is_out_already_takes_nothing, .policy = RIG_FIFO, .step = 1, .pages = 4)
{
    (void)shown(&vm[0], RIG_VA, 4, RW);
    OK(quire_pager_remove_pages(&rig.pager, quire_pa_make(RIG_PA), 2, false));
    write_byte(0, &vm[0], RIG_VA, 1);
    OK(quire_sim_stick(&rig.sim, &vm[0], RIG_VA, 1));
    SAYS(QUIRE_STUCK, quire_vm_unmap(&vm[0], RIG_VA, 1));
    OK(quire_pager_remove_pages(&rig.pager, quire_pa_make(RIG_PA), 2, false));
    OK(quire_pager_unstick(&rig.pager));
}
