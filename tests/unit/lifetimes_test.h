/* Objects of every kind die at every moment: whenever the pager has dropped its lock, and in each call of a store, a cipher, or a
 * hash. Nothing of them is left then, nobody is asked anything more, and what they were made of is their owner's again. */
#ifndef LIFETIMES_TEST_H
#define LIFETIMES_TEST_H

#include "rig_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "cipher.h"
#include "hashed.h"
#include "quire/fobj_cow.h"

#define PAGE QUIRE_PAGE_SIZE
#define PAGES 6u
#define BODIES 3u
#define AT 100u /* where in each page the secret stands */
#define HASH_SIZE 64u
#define HASH_FIRST 62u /* so that the list of hashes takes two pages */
#define LIST_PAGES 2u
#define FOREIGN_AT 32u
#define FOREIGN_PAGES 4u
#define PENDINGS 16u
#define POISON 0x5au

enum kind {
    PLAIN,
    CLUSTERED,
    SEALED,
    META_PAGED, /* sealed, metadata in pages of a sealed parent */
    META_CHAIN, /* and that parent's in pages of another */
    HASHES,
    LIST_PAGED,
    TREE,
    RELOCATED, /* and the list of hashes is paged */
    ZERO,
    COPY,      /* sealed, of a verified origin */
    COPY_COPY, /* of a copy of that kind */
    LATE,      /* the store answers later */
    LATE_SEALED,
    KINDS
};

static const char *const kinds[KINDS] = {"plain",
                                         "clustered",
                                         "sealed",
                                         "sealed, metadata paged",
                                         "sealed, metadata paged twice",
                                         "hashes",
                                         "list paged",
                                         "hash tree",
                                         "relocated",
                                         "zero",
                                         "copy",
                                         "copy of a copy",
                                         "late",
                                         "late, sealed"};

/* What comes at moment `at`. */
enum plot { DIES, FAILS, FAILS_AND_DIES };

static const unsigned char secret[16] = "0wn3d-by-nobody";
static const unsigned char list_secret[16] = "h4sh-of-nothing";

/* An object and all it is made of, which is written over when it is released, and must stay as it is then. */
struct body {
    struct made {
        union {
            struct quire_fobj_rw rw;
            struct quire_fobj_ro ro;
            struct quire_fobj_zero zero;
        } is;
        uint32_t slots[PAGES];
        struct quire_seal_meta meta[PAGES];
        uint32_t carries[QUIRE_RELOCS_CARRY_BYTES(PAGES) / sizeof(uint32_t)];
    } made;
    struct quire_fobj *fobj;   /* in it; null: there is no such body */
    struct quire_fobj_ops ops; /* between the machine's watch and the object's own */
    const struct quire_fobj_ops *inner;
    struct quire_sim_watch watch;
    unsigned char bytes[PAGES * PAGE]; /* its store */
    bool late;
    bool put; /* by its creator */
    unsigned released;
};

static struct world {
    struct rig rig;
    struct quire_mmu mmu; /* the rig's hooks, but that something may happen whenever the lock was dropped */
    struct quire_vm vm[2];
    struct rig_store *foreign;
    struct rig_account account; /* of the mapped object, on some machines */
    bool charged;
    struct cipher cipher;
    struct hashed file;
    struct quire_hash_tree tree;
    struct quire_hash_node nodes[1];
    unsigned char tree_pages[PAGE];
    unsigned char list[LIST_PAGES * PAGE];
    uint32_t offsets[2u * PAGES];
    struct body body[BODIES]; /* the mapped one first; each depends on those behind it */
    enum kind kind;
    bool writable;
    bool written[PAGES];
    struct quire_pin pin;
    bool shown[2];
    enum plot plot;
    uint64_t at;
    uint64_t moment;
    bool counts; /* moments are counted now */
    bool dead;   /* all that could be let go of was */
    bool begun;  /* just as the lock was dropped for a call, which is made all the same */
    unsigned rekeyed;
    struct {
        struct body *body;
        struct quire_io *io;
        uint64_t ticket;
        bool load;
    } pending[PENDINGS];
    unsigned npending;
    unsigned idle;
    char what[96];
} w;

static void wrong(const char *text)
{
    (void)fprintf(stderr, "%s: %s\n", w.what, text);
    abort();
}

/* ---- The death ---- */

static void die(void)
{
    void (*wait)(void *ctx, const void *token, uintptr_t key) = w.mmu.wait;
    bool counts = w.counts;
    unsigned i;

    w.counts = false;
    w.mmu.wait = NULL;                                   /* who comes in between cannot wait for whom he interrupts */
    for (i = 0; i < w.npending && w.at % 2u != 0; i++) { /* sometimes nobody waits for late answers any more */
        (void)quire_io_cancel(&w.rig.pager, w.pending[i].ticket);
    }
    if (w.pin.fobj != NULL) {
        EXPECT(quire_unpin(&w.pin), QUIRE_OK);
    }
    for (i = 0; i < 2u; i++) {
        if (w.shown[i]) {
            enum quire_status status = quire_vm_unmap(&w.vm[i], RIG_VA, PAGES);

            cr_expect(status == QUIRE_OK || status == QUIRE_AGAIN, "%s: unmap: %s", w.what, quire_status_name(status));
            w.shown[i] = status != QUIRE_OK; /* while a flush is under way: later */
        }
    }
    if (!w.shown[0] && !w.shown[1]) {
        w.dead = true;
        for (i = 0; i < BODIES && w.body[i].fobj != NULL; i++) {
            w.body[i].put = true;
            EXPECT(quire_fobj_put(w.body[i].fobj), QUIRE_OK);
        }
    }
    w.mmu.wait = wait;
    w.counts = counts;
}

/* One more moment; `called`: it is the call of a hook, which is to answer what this returns unless that is OK. */
static enum quire_status happens(bool called)
{
    if (!w.counts || (w.plot != DIES && !called)) {
        return QUIRE_OK;
    }
    w.moment++;
    if (w.plot != FAILS && w.moment >= w.at && !w.dead) {
        die();
    }
    return w.plot != DIES && w.moment == w.at ? QUIRE_IO : QUIRE_OK;
}

static void unlock_hook(void *ctx, uintptr_t key)
{
    bool dead = w.dead;

    quire_sim_hooks(&w.rig.sim)->unlock(ctx, key);
    (void)happens(false);
    w.begun = w.dead && !dead;
}

static uintptr_t lock_hook(void *ctx)
{
    w.begun = false;
    return quire_sim_hooks(&w.rig.sim)->lock(ctx);
}

/* ---- What objects are made of ---- */

static struct body *body_of(const struct quire_fobj *fobj)
{
    unsigned i;

    for (i = 0; i < BODIES; i++) {
        if (w.body[i].fobj == fobj) {
            return &w.body[i];
        }
    }
    wrong("a store of no object was asked");
    return NULL;
}

static void release(void *ctx, struct quire_fobj *fobj)
{
    struct body *body = ctx;

    if (fobj != body->fobj || !body->put || body->released++ != 0) {
        wrong("released too early, or twice");
    }
    memset(&body->made, POISON, sizeof body->made);
}

static enum quire_status ask(struct quire_io *io, bool load)
{
    struct body *body = body_of(io->fobj);
    enum quire_status status;

    if (body->released != 0 || (io->fobj->dead && !w.begun)) {
        wrong(load ? "a page of a dead object is loaded" : "a page of a dead object is saved");
    }
    status = happens(true);
    if (status != QUIRE_OK) {
        return status;
    }
    if (body->late && io->ticket != 0) {
        cr_assert_lt(w.npending, PENDINGS);
        w.pending[w.npending].body = body;
        w.pending[w.npending].io = io;
        w.pending[w.npending].ticket = io->ticket;
        w.pending[w.npending].load = load;
        w.npending++;
        return QUIRE_PENDING;
    }
    status = load ? body->inner->load(io) : body->inner->save(io);
    (void)happens(false);
    return status;
}

static enum quire_status ask_load(struct quire_io *io)
{
    return ask(io, true);
}

static enum quire_status ask_save(struct quire_io *io)
{
    return ask(io, false);
}

/* The oldest answer that is due. */
static void answer(void)
{
    struct quire_io *io = w.pending[0].io;
    struct body *body = w.pending[0].body;
    uint64_t ticket = w.pending[0].ticket;
    bool load = w.pending[0].load;
    enum quire_status status;

    w.npending--;
    memmove(&w.pending[0], &w.pending[1], w.npending * sizeof w.pending[0]);
    status = load ? body->inner->load(io) : body->inner->save(io);
    quire_sim_watch_answer(io, load, status);
    EXPECT(quire_io_complete(&w.rig.pager, ticket, status), QUIRE_OK);
}

/* The only thread waits. */
static void idle(void *user)
{
    (void)user;
    (void)happens(false);
    if (++w.idle > 10000u) {
        wrong("somebody waits for ever");
    }
    if (w.npending != 0) {
        answer();
    }
}

static enum quire_status store_read(void *ctx, uint32_t pgidx, void *page)
{
    struct body *body = ctx;
    enum quire_status status = happens(true);

    if (body->released != 0) {
        wrong("the store of a dead object is read");
    }
    if (status == QUIRE_OK) {
        memcpy(page, body->bytes + pgidx * PAGE, PAGE);
    }
    return status;
}

static enum quire_status store_write(void *ctx, uint32_t pgidx, const void *page)
{
    struct body *body = ctx;
    enum quire_status status = happens(true);

    if (body->released != 0) {
        wrong("the store of a dead object is written");
    }
    if (status == QUIRE_OK) {
        memcpy(body->bytes + pgidx * PAGE, page, PAGE);
    }
    return status;
}

static enum quire_status foreign_call(struct rig_store *store, struct quire_io *io, bool load)
{
    (void)store;
    (void)io;
    (void)load;
    return happens(true);
}

/* ---- The cipher, at whose every call something may happen ---- */

static enum quire_status seal_random(void *ctx, void *bytes, size_t len)
{
    enum quire_status status = happens(true);

    return status != QUIRE_OK ? status : cipher_hooks.random(ctx, bytes, len);
}

static enum quire_status seal_key_make(void *ctx, uint32_t epoch, const uint8_t *seed, void **key)
{
    enum quire_status status = happens(true);

    return status != QUIRE_OK ? status : cipher_hooks.key_make(ctx, epoch, seed, key);
}

static void seal_key_wipe(void *ctx, void *key)
{
    cipher_hooks.key_wipe(ctx, key);
}

static enum quire_status seal_seal(void *ctx, void *key, const struct quire_seal_label *label, const void *plain, void *sealed,
                                   uint8_t *tag)
{
    enum quire_status status = happens(true);
    enum quire_status done = cipher_hooks.seal(ctx, key, label, plain, sealed, tag);

    if (status != QUIRE_OK) {
        memcpy(sealed, plain, PAGE); /* the worst it can leave there */
    }
    return status != QUIRE_OK ? status : done;
}

static enum quire_status seal_open(void *ctx, void *key, const struct quire_seal_label *label, void *page, const uint8_t *tag)
{
    enum quire_status status = happens(true);
    enum quire_status done = cipher_hooks.open(ctx, key, label, page, tag);

    return status != QUIRE_OK ? status : done;
}

static void *seal_buffer_get(void *ctx)
{
    return happens(true) != QUIRE_OK ? NULL : cipher_hooks.buffer_get(ctx);
}

static void seal_buffer_put(void *ctx, void *buffer)
{
    (void)happens(false);
    if (memmem(buffer, PAGE, secret, sizeof secret) != NULL) {
        wrong("a buffer goes back with what was to be sealed");
    }
    cipher_hooks.buffer_put(ctx, buffer);
}

static const struct quire_seal_hooks seal_hooks = {seal_random, seal_key_make,   seal_key_wipe,  seal_seal,
                                                   seal_open,   seal_buffer_get, seal_buffer_put};

/* ---- The file and its hashes ---- */

static enum quire_status digest(void *ctx, unsigned level, const void *page, void *out)
{
    enum quire_status status = happens(true);

    return status != QUIRE_OK ? status : hashed_digest(ctx, level, page, out);
}

static enum quire_status file_read(void *ctx, uint64_t offset, void *to, size_t len, size_t *got)
{
    struct body *body = ctx;
    enum quire_status status = happens(true);

    if (body->released != 0) {
        wrong("the file of a dead object is read");
    }
    return status != QUIRE_OK ? status : hashed_read(&w.file, offset, to, len, got);
}

static enum quire_status list_read(void *ctx, uint64_t offset, void *to, size_t len, size_t *got)
{
    struct body *body = ctx;
    enum quire_status status = happens(true);

    if (body->released != 0) {
        wrong("the list of a dead object is read");
    }
    if (status == QUIRE_OK) {
        memcpy(to, w.list + offset, len);
        *got = len;
    }
    return status;
}

static enum quire_status node_read(void *ctx, unsigned level, uint32_t index, void *page)
{
    enum quire_status status = happens(true);

    return status != QUIRE_OK ? status : hashed_read_node(ctx, level, index, page);
}

static bool has_file(enum kind kind)
{
    return (kind >= HASHES && kind <= RELOCATED) || kind == COPY || kind == COPY_COPY;
}

static void file_start(void)
{
    uint32_t i;

    hashed_begin(&w.file, PAGES * PAGE, HASH_SIZE);
    for (i = 0; i < PAGES; i++) {
        memset(hashed_page(&w.file, i), (int)(i + 1u), PAGE);
        memcpy(hashed_page(&w.file, i) + AT, secret, sizeof secret);
    }
    hashed_finish(&w.file);
    memcpy(w.list, list_secret, sizeof list_secret);
    memcpy(w.list + HASH_FIRST * HASH_SIZE, w.file.list, w.file.list_len);
    for (i = 0; i + 1u < PAGES; i++) { /* one in the page, one that straddles its end */
        w.offsets[2u * i] = (uint32_t)(i * PAGE + 2000u);
        w.offsets[2u * i + 1u] = (uint32_t)((i + 1u) * PAGE - 3u);
    }
}

/* ---- Making them ---- */

static void body_watch(struct body *body, struct quire_fobj *fobj)
{
    body->fobj = fobj;
    body->inner = fobj->ops;
    body->ops = *fobj->ops;
    body->ops.load = ask_load;
    body->ops.save = body->inner->save != NULL ? ask_save : NULL;
    body->ops.flags |= body->late ? QUIRE_FOBJ_OPS_PENDING : 0u;
    fobj->ops = &body->ops;
    if (w.charged && body == &w.body[0]) {
        EXPECT(quire_fobj_set_account(fobj, &w.account.account), QUIRE_OK);
    }
    EXPECT(quire_sim_watch_fobj(&body->watch, &w.rig.sim, fobj), QUIRE_OK);
    EXPECT(quire_pager_know(&w.rig.pager, fobj), QUIRE_OK);
}

static void make_rw(struct body *body, uint32_t npages, bool sealed, struct body *parent, uint32_t cluster)
{
    struct quire_fobj_rw_config config;

    memset(&config, 0, sizeof config);
    config.num_pages = npages;
    config.slots = body->made.slots;
    config.store.ctx = body;
    config.store.npages = npages;
    config.store.read = store_read;
    config.store.write = store_write;
    config.sealing.sealer = sealed ? &w.cipher.sealer : NULL;
    config.sealing.meta = sealed && parent == NULL ? body->made.meta : NULL;
    config.sealing.meta_fobj = parent != NULL ? parent->fobj : NULL;
    config.cluster = cluster;
    config.ctx = body;
    config.release = release;
    EXPECT(quire_fobj_rw_init(&body->made.is.rw, &config), QUIRE_OK);
    body_watch(body, &body->made.is.rw.base);
}

static void make_ro(struct body *body, enum kind kind, struct body *list)
{
    struct quire_fobj_ro_config config = hashed_config(&w.file, body->made.slots);

    config.ctx = body;
    config.read = file_read;
    config.release = release;
    config.hash = w.file.hash;
    config.hash.digest = digest;
    if (kind == TREE) {
        config.hash_tree = &w.tree;
    } else if (list != NULL) {
        config.hash_fobj = list->fobj;
        config.hash_first = HASH_FIRST;
    } else {
        config.hashes = w.file.list;
        config.hashes_len = w.file.list_len;
    }
    if (kind == RELOCATED) {
        config.relocs.offsets = w.offsets;
        config.relocs.count = 2u * (PAGES - 1u);
        config.relocs.bias = 0x1234;
        config.relocs.word = 8;
        config.relocs.carries = body->made.carries;
    }
    EXPECT(quire_fobj_ro_init(&body->made.is.ro, &config), QUIRE_OK);
    body_watch(body, &body->made.is.ro.base);
}

static void make_list(struct body *body)
{
    struct quire_fobj_ro_config config;

    memset(&config, 0, sizeof config);
    config.len = sizeof w.list;
    config.slots = body->made.slots;
    config.ctx = body;
    config.read = list_read;
    config.release = release;
    EXPECT(quire_fobj_ro_init(&body->made.is.ro, &config), QUIRE_OK);
    body_watch(body, &body->made.is.ro.base);
}

static void make_tree(void)
{
    struct quire_hash_tree_config config;

    memset(&config, 0, sizeof config);
    config.hash = w.file.hash;
    config.hash.digest = digest;
    config.num_leaves = PAGES;
    config.root = w.file.root;
    config.nodes = w.nodes;
    config.pages = w.tree_pages;
    config.num_nodes = 1;
    config.ctx = &w.file;
    config.read_node = node_read;
    EXPECT(quire_hash_tree_init(&w.tree, &config), QUIRE_OK);
}

static void make_zero(struct body *body)
{
    struct quire_fobj_zero_config config;

    memset(&config, 0, sizeof config);
    config.num_pages = PAGES;
    config.slots = body->made.slots;
    config.ctx = body;
    config.release = release;
    EXPECT(quire_fobj_zero_init(&body->made.is.zero, &config), QUIRE_OK);
    body_watch(body, &body->made.is.zero.base);
}

static void make(enum kind kind)
{
    struct body *body = w.body;

    switch (kind) {
    case META_CHAIN:
        make_rw(&body[2], 1, true, NULL, 0);
        make_rw(&body[1], 1, true, &body[2], 0);
        make_rw(&body[0], PAGES, true, &body[1], 0);
        break;
    case META_PAGED:
        make_rw(&body[1], 1, true, NULL, 0);
        make_rw(&body[0], PAGES, true, &body[1], 0);
        break;
    case LIST_PAGED:
    case RELOCATED:
        make_list(&body[1]);
        make_ro(&body[0], kind, &body[1]);
        break;
    case TREE:
        make_tree();
        make_ro(&body[0], kind, NULL);
        break;
    case HASHES:
        make_ro(&body[0], kind, NULL);
        break;
    case ZERO:
        make_zero(&body[0]);
        break;
    case COPY_COPY:
        make_ro(&body[2], HASHES, NULL);
        make_rw(&body[1], PAGES, true, NULL, 0);
        make_rw(&body[0], PAGES, true, NULL, 0);
        EXPECT(quire_fobj_cow_make(&w.rig.pager, body[1].fobj, body[2].fobj), QUIRE_OK);
        EXPECT(quire_fobj_cow_make(&w.rig.pager, body[0].fobj, body[1].fobj), QUIRE_OK);
        break;
    case COPY:
        make_ro(&body[1], HASHES, NULL);
        make_rw(&body[0], PAGES, true, NULL, 0);
        EXPECT(quire_fobj_cow_make(&w.rig.pager, body[0].fobj, body[1].fobj), QUIRE_OK);
        break;
    case PLAIN:
    case CLUSTERED:
    case SEALED:
    case LATE:
    case LATE_SEALED:
    case KINDS:
    default:
        body[0].late = kind == LATE || kind == LATE_SEALED;
        make_rw(&body[0], PAGES, kind == SEALED || kind == LATE_SEALED, NULL, kind == CLUSTERED ? 4u : 0);
        break;
    }
    w.writable = (body[0].fobj->max_prot & RIG_WRITE) != 0;
}

static void start(enum kind kind, unsigned number, enum plot plot, uint64_t at)
{
    struct rig_config config = rig_machine(number, (struct rig_config){.step = 2, .vms = 3, .vm_pages = 40});
    bool copy = kind == COPY || kind == COPY_COPY;
    unsigned i;

    memset(&w, 0, sizeof w);
    (void)snprintf(w.what, sizeof w.what, "%s, machine %u, %s at %ju", kinds[kind], number,
                   plot == DIES    ? "dies"
                   : plot == FAILS ? "fails"
                                   : "fails and dies",
                   (uintmax_t)at);
    w.kind = kind;
    w.plot = plot;
    w.at = at;
    config.rank_max = kind == META_CHAIN ? 2u : kind == META_PAGED || kind == LIST_PAGED || kind == RELOCATED ? 1u : 0;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1u, config.step, config.rank_max) + (kind == ZERO ? PAGES + 2u : 3u);
    config.around = number % 3u == 1u ? 4u : 0;
    if (kind == LATE || kind == LATE_SEALED) {
        config.requests = 3;
        config.idle = idle;
    }
    rig_start(&w.rig, &config);
    w.mmu = *quire_sim_hooks(&w.rig.sim);
    w.mmu.lock = lock_hook;
    w.mmu.unlock = unlock_hook;
    w.rig.pager.mmu = &w.mmu;
    cipher_prepare(&w.cipher, number + 1u);
    EXPECT(quire_sealer_init(&w.cipher.sealer, &seal_hooks, &w.cipher), QUIRE_OK);
    if (has_file(kind)) {
        file_start();
    }
    w.charged = kind != ZERO && number % 5u == 2u;
    if (w.charged) {
        EXPECT(rig_account_start(&w.rig, &w.account, 4, 0), QUIRE_OK);
    }
    make(kind);
    for (i = 0; i < 2u; i++) {
        bool origin = copy && i == 1u; /* the second context shows what it is a copy of */

        rig_vm_start(&w.rig, &w.vm[i]);
        EXPECT(rig_map(&w.vm[i], w.body[origin ? 1u : 0].fobj, RIG_VA, w.writable && !origin ? RW : (unsigned)RIG_READ),
               QUIRE_OK);
        w.shown[i] = true;
    }
    w.foreign = rig_store_new(&w.rig, FOREIGN_PAGES, RW);
    w.foreign->before = foreign_call;
    EXPECT(rig_map(&w.vm[0], &w.foreign->fobj, RIG_AT(FOREIGN_AT), RW), QUIRE_OK);
}

/* ---- What is done meanwhile ---- */

/* An end that some operation may have: of what died, of what failed, or of a machine that has no time to wait. */
static bool may_end(enum quire_status status)
{
    bool failed = status == QUIRE_IO || status == QUIRE_NO_MEMORY || status == QUIRE_NO_PAGE;

    return status == QUIRE_OK || (w.dead && (status == QUIRE_DEAD || status == QUIRE_NOT_FOUND)) || status == QUIRE_AGAIN ||
           (!w.dead && (w.shown[0] == false || w.shown[1] == false) && status == QUIRE_NOT_FOUND) ||
           (w.plot != DIES && failed) || (w.kind == ZERO && status == QUIRE_BUSY) || (status == QUIRE_TIMEOUT && w.dead);
}

static bool did(enum quire_status status, const char *what)
{
    cr_expect(may_end(status), "%s: %s ends with %s", w.what, what, quire_status_name(status));
    return status == QUIRE_OK;
}

static void touch(unsigned vm, uint32_t page, bool write)
{
    unsigned char bytes[sizeof secret];

    if (w.dead) {
        return;
    }
    if (write) {
        w.written[page] =
            did(rig_write(&w.rig, &w.vm[vm], RIG_AT(page) + AT, secret, sizeof secret), "a write") || w.written[page];
    } else if (did(rig_read(&w.rig, &w.vm[vm], RIG_AT(page) + AT, bytes, sizeof bytes), "a read")) {
        bool has = memcmp(bytes, secret, sizeof secret) == 0;
        bool due = w.written[page] || !w.writable || w.kind == COPY || w.kind == COPY_COPY;

        cr_expect(has || !due, "%s: page %u shows other bytes", w.what, (unsigned)page);
    }
}

static void touch_foreign(uint32_t page)
{
    unsigned char byte = 0;

    if (did(rig_read(&w.rig, &w.vm[0], RIG_AT(FOREIGN_AT + page), &byte, 1), "a read of another object")) {
        cr_expect_eq(byte, rig_born(w.foreign->tag, page, 0), "%s: another object shows other bytes", w.what);
    }
}

/* With a reference of its own, as these demand. */
static void write_back(struct quire_fobj *fobj)
{
    if (!w.dead && quire_fobj_get(fobj) == QUIRE_OK) {
        (void)did(quire_pager_write_back(&w.rig.pager, fobj, 0, fobj->num_pages, true), "a write back");
        EXPECT(quire_fobj_put(fobj), QUIRE_OK);
    }
}

static void rekey(void)
{
    unsigned i;

    if (w.dead || !did(quire_sealer_rekey(&w.cipher.sealer), "a new key")) {
        return;
    }
    w.rekeyed++;
    for (i = BODIES; i-- > 0;) {
        struct body *body = &w.body[i];

        if (!w.dead && body->fobj != NULL && body->inner->save != NULL && body->made.is.rw.sealed.sealer != NULL &&
            quire_fobj_get(body->fobj) == QUIRE_OK) {
            (void)did(quire_fobj_rw_rekey(&w.rig.pager, &body->made.is.rw, 0, body->fobj->num_pages, 0, true), "a re-key");
            EXPECT(quire_fobj_put(body->fobj), QUIRE_OK);
        }
    }
}

static void evict(const struct body *body, uint32_t page)
{
    uint32_t slot = w.dead ? 0 : body->made.slots[page];

    if (quire_slot_kind(slot) == QUIRE_SLOT_PRESENT) {
        struct quire_pa pa = quire_pmem_pa(&w.rig.pager.pool, quire_slot_value(slot));

        if (did(quire_pager_remove_pages(&w.rig.pager, pa, 1, true), "a removal")) {
            EXPECT(quire_pager_give_back(&w.rig.pager, pa, 1), QUIRE_OK);
        }
    }
}

static void copy_through(uint32_t page)
{
    struct quire_vm_copy how = {.wait_ok = true};
    unsigned char bytes[sizeof secret];

    if (!w.dead && w.writable) {
        (void)did(quire_vm_copy_to(&w.vm[0], RIG_AT(page) + AT, secret, sizeof secret, &how, NULL), "a copy to it");
    }
    if (!w.dead) {
        (void)did(quire_vm_copy_from(&w.vm[0], RIG_AT(page) + AT, bytes, sizeof bytes, &how, NULL), "a copy from it");
    }
}

static void pin(uint32_t page)
{
    struct quire_pin pin = {NULL, 0, 0, false};

    if (!w.dead && did(quire_pin_va(&w.rig.pager, &w.vm[0], RIG_AT(page), 1, w.writable, true, &pin), "a pin")) {
        w.pin = pin;
        if (w.dead) {
            EXPECT(quire_unpin(&w.pin), QUIRE_OK);
        }
    }
}

static void advise(enum quire_advice advice)
{
    if (!w.dead) {
        (void)did(quire_vm_advise(&w.vm[0], RIG_VA, PAGES, advice), "advice");
    }
}

static void populate(void)
{
    struct quire_vm_copy how = {.wait_ok = true};

    if (!w.dead) {
        enum quire_status status = quire_vm_populate(&w.vm[0], RIG_VA, 3, w.writable, &how, NULL);

        (void)did(status == QUIRE_LIMIT ? QUIRE_OK : status, "populate"); /* LIMIT: there is no room for more */
    }
}

static void unpin(void)
{
    if (w.pin.fobj != NULL) {
        struct quire_pin pin = w.pin;

        w.pin.fobj = NULL; /* the death must not do it too */
        EXPECT(quire_unpin(&pin), QUIRE_OK);
    }
}

static void story(void)
{
    bool writes = w.writable;
    uint32_t i;

    w.counts = true;
    for (i = 0; i < PAGES; i++) {
        touch(0, i, writes);
        touch_foreign(i % FOREIGN_PAGES);
    }
    for (i = 0; i < PAGES; i++) {
        touch(1, i, false);
        touch(0, PAGES - 1u - i, false);
    }
    if (w.kind != ZERO) {
        write_back(w.body[0].fobj);
    }
    touch(0, 1, writes);
    for (i = 0; i < BODIES && w.body[i].fobj != NULL; i++) {
        evict(&w.body[i], 0);
    }
    touch(0, 0, false);
    advise(QUIRE_ADVICE_DONT_NEED);
    advise(QUIRE_ADVICE_WILL_NEED);
    populate();
    copy_through(2);
    pin(3);
    touch_foreign(0);
    touch(0, 4, writes);
    touch(1, 5, false);
    unpin();
    rekey();
    for (i = 0; i < PAGES; i++) {
        touch(0, i, i % 2u == 0 && writes);
    }
    w.counts = false;
}

/* ---- What is left ---- */

static bool is_all(const void *bytes, size_t len, unsigned char byte)
{
    const unsigned char *at = bytes;

    return len == 0 || (at[0] == byte && memcmp(at, at + 1, len - 1u) == 0);
}

static bool is_foreign(const void *page)
{
    uint32_t i;

    for (i = 0; i < FOREIGN_PAGES && memcmp(page, rig_store_page(w.foreign, i), PAGE) != 0; i++) {
    }
    return i < FOREIGN_PAGES;
}

/* Free pages hold nothing, but for what was evicted of the object that lives. */
static void expect_free_pages_wiped(void)
{
    uint32_t i;

    for (i = 0; i < w.rig.config.pages; i++) {
        const struct quire_pmem *pmem = quire_pmem_at(&w.rig.pager.pool, i);

        if (pmem->state == QUIRE_PAGE_FREE && pmem->pgidx != QUIRE_PMEM_UNUSED) {
            const void *page = quire_sim_bytes(&w.rig.sim, quire_pmem_pa(&w.rig.pager.pool, i));

            cr_expect(is_all(page, PAGE, 0) || is_foreign(page), "%s: free page %u is not wiped", w.what, (unsigned)i);
        }
    }
}

static void expect_nothing_left(void)
{
    unsigned i;

    for (i = 0; i < BODIES && w.body[i].fobj != NULL; i++) {
        cr_expect_eq(w.body[i].released, 1, "%s: object %u was not released", w.what, i);
        cr_expect(is_all(&w.body[i].made, sizeof w.body[i].made, POISON), "%s: object %u was written to after its end", w.what,
                  i);
    }
    cr_expect_eq(rig_find(&w.rig, secret, sizeof secret), 0, "%s: what it held is still in memory", w.what);
    cr_expect_eq(rig_find(&w.rig, list_secret, sizeof list_secret), 0, "%s: its hashes are still in memory", w.what);
    cr_expect_null(memmem(w.tree_pages, sizeof w.tree_pages, secret, sizeof secret), "%s: a node holds what it held", w.what);
    expect_free_pages_wiped();
    cr_expect_eq(rig_stats(&w.rig).pages[QUIRE_PAGE_FREE] + w.foreign->fobj.resident, w.rig.config.pages,
                 "%s: a page is left behind", w.what);
    cr_expect_eq(w.rig.pager.requests_used, 0);
    cr_expect_eq(w.cipher.sealer.holders[0] + w.cipher.sealer.holders[1], 0, "%s: a key is held", w.what);
    cr_expect_not(quire_sealer_is_rekeying(&w.cipher.sealer), "%s: the old key is there", w.what);
    cr_expect_eq(w.cipher.keys_alive, 1);
    for (i = 0; i < 2u; i++) {
        struct quire_vm_info info;

        EXPECT(quire_vm_query(&w.vm[i], RIG_VA, &info), QUIRE_NOT_FOUND);
    }
    EXPECT_SOUND(&w.rig);
}

/* Who comes after it, at the same address and with a store that fills nothing, sees nothing of it. */
static void expect_nothing_seen(void)
{
    struct rig_store *next = rig_store_new(&w.rig, PAGES, RW);
    unsigned char bytes[sizeof secret];
    uint32_t i;

    next->ops.flags &= ~QUIRE_FOBJ_OPS_FILLS;
    next->watch.ops.flags &= ~QUIRE_FOBJ_OPS_FILLS;
    next->leaves = PAGE;
    EXPECT(rig_map(&w.vm[0], &next->fobj, RIG_VA, RW), QUIRE_OK);
    for (i = 0; i < PAGES; i++) {
        EXPECT(rig_read(&w.rig, &w.vm[0], RIG_AT(i) + AT, bytes, sizeof bytes), QUIRE_OK);
        cr_expect(is_all(bytes, sizeof bytes, 0), "%s: the next object shows other bytes", w.what);
        touch_foreign(i % FOREIGN_PAGES);
    }
}

/* Everything that failed is tried again, and nothing is missing. */
static void expect_nothing_lost(void)
{
    uint32_t i;

    for (i = 0; i < PAGES; i++) {
        unsigned char bytes[sizeof secret];
        bool due = w.written[i] || !w.writable || w.kind == COPY || w.kind == COPY_COPY;

        EXPECT(rig_read(&w.rig, &w.vm[0], RIG_AT(i) + AT, bytes, sizeof bytes), QUIRE_OK);
        cr_expect(!due || memcmp(bytes, secret, sizeof secret) == 0, "%s: page %u is lost", w.what, (unsigned)i);
    }
    EXPECT_SOUND(&w.rig);
}

/* All have let go. */
static void finish(enum kind kind)
{
    while (w.npending != 0) {
        answer();
    }
    expect_nothing_left();
    expect_nothing_seen();
    EXPECT(rig_vm_stop(&w.rig, &w.vm[0]), QUIRE_OK);
    EXPECT(cipher_stop(&w.cipher), QUIRE_OK);
    if (w.charged) {
        EXPECT(quire_account_fini(&w.account.account), QUIRE_OK); /* nothing is charged to it any more */
    }
    if (has_file(kind)) {
        hashed_stop(&w.file);
    }
    END(&w.rig);
}

/* False: the story ended before moment `at`. */
static bool play(enum kind kind, unsigned number, enum plot plot, uint64_t at)
{
    bool reached;

    start(kind, number, plot, at);
    story();
    reached = w.moment >= at;
    if (!w.dead && plot == FAILS) {
        expect_nothing_lost();
    }
    while (!w.dead) {
        die();
    }
    finish(kind);
    return reached;
}

/* On each machine some of the moments; on all machines together each. */
static void play_all(enum kind kind, enum plot plot, unsigned step)
{
    unsigned number;
    uint64_t most = 0;

    for (number = 0; number < RIG_MACHINES; number += rig_stride(5)) {
        uint64_t at = 1u + number % step;

        for (; play(kind, number, plot, at); at += step) {
            most = at > most ? at : most;
        }
    }
    cr_expect_gt(most,
                 plot != DIES   ? 10u
                 : kind == ZERO ? 40u
                                : 100u,
                 "%s: hardly anything happened, %ju", kinds[kind], (uintmax_t)most);
}

/* In the suite LIFETIMES. */
#define LIFE(name, kind)                                                         \
    Test(LIFETIMES, name##_dies_at_any_moment, .timeout = 120)                   \
    {                                                                            \
        play_all((kind), DIES, 31);                                              \
        play_all((kind), FAILS_AND_DIES, 29);                                    \
    }                                                                            \
    Test(LIFETIMES, name##_loses_nothing_by_any_call_that_fails, .timeout = 120) \
    {                                                                            \
        play_all((kind), FAILS, 31);                                             \
    }

#endif
