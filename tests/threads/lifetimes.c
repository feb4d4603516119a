/* Objects die while threads fault on them, save them, pin them and seal them anew: each is freed once, by whoever ends its last
 * page in transit, nothing of it is left, and who comes after it at the same address never sees a byte of it. What an object is
 * made of is given back to the allocator in its release, so that sanitizers see who touches it later. */
#include "crew_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cipher.h"
#include "hashed.h"
#include "quire/fobj_cow.h"

#define PAGE QUIRE_PAGE_SIZE
#define PAGES 8u
#define AT 256u /* where in each page the secret stands */
#define WORKERS 3u
#define HOLDER WORKERS /* has a reference of its own: pins, writes back, seals anew */
#define KILLER (WORKERS + 1u)
#define THREADS (WORKERS + 2u)
#define FOREIGN_AT 16u
#define FOREIGN_PAGES 8u

enum kind { SEALED, PAGED_LIST, TREE, COPY, KINDS };

/* Read in one go; no life has the word of another. */
struct secret {
    uint64_t life;
    uint64_t magic;
};

struct part { /* an object, and all that it is made of */
    union {
        struct quire_fobj_rw rw;
        struct quire_fobj_ro ro;
    } is;
    struct quire_fobj *fobj;
    uint32_t slots[PAGES];
    struct quire_seal_meta meta[PAGES];
    unsigned char bytes[PAGES * PAGE];
};

static struct rig rig;
static struct quire_vm vm[WORKERS];
static struct rig_store *foreign;
static struct cipher cipher;
static struct hashed file;
static struct hashed_tree tree;
static unsigned char list[PAGE];
static pthread_barrier_t meet;
static enum kind kind;
static struct part *mapped; /* the holder's reference is to it */
static uint64_t life;       /* atomics from here on */
static uint32_t made;
static uint32_t released;
static uint32_t stop;
static uint32_t accesses;
static uint32_t dead_ends; /* accesses that met a death */
static uint32_t lives;

static uint64_t magic_of(uint64_t number)
{
    return number * 0x9e3779b97f4a7c15u ^ 0x5ec2e7u;
}

/* ---- Making an object ---- */

static void release(void *ctx, struct quire_fobj *fobj)
{
    struct part *part = ctx;

    if (fobj != part->fobj) {
        abort();
    }
    free(part);
    __atomic_add_fetch(&released, 1u, __ATOMIC_SEQ_CST);
}

static struct part *part_new(void)
{
    struct part *part = calloc(1, sizeof *part);

    cr_assert_not_null(part);
    made++;
    return part;
}

static enum quire_status store_read(void *ctx, uint32_t pgidx, void *page)
{
    memcpy(page, ((struct part *)ctx)->bytes + pgidx * PAGE, PAGE);
    return QUIRE_OK;
}

static enum quire_status store_write(void *ctx, uint32_t pgidx, const void *page)
{
    memcpy(((struct part *)ctx)->bytes + pgidx * PAGE, page, PAGE);
    return QUIRE_OK;
}

static struct part *make_rw(uint32_t npages, const struct part *parent)
{
    struct part *part = part_new();
    struct quire_fobj_rw_config config;

    memset(&config, 0, sizeof config);
    config.num_pages = npages;
    config.slots = part->slots;
    config.store.ctx = part;
    config.store.npages = npages;
    config.store.read = store_read;
    config.store.write = store_write;
    config.sealing.sealer = &cipher.sealer;
    config.sealing.meta = parent == NULL ? part->meta : NULL;
    config.sealing.meta_fobj = parent != NULL ? parent->fobj : NULL;
    config.ctx = part;
    config.release = release;
    OK(quire_fobj_rw_init(&part->is.rw, &config));
    part->fobj = &part->is.rw.base;
    OK(quire_pager_know(&rig.pager, part->fobj));
    return part;
}

static enum quire_status file_read(void *ctx, uint64_t offset, void *to, size_t len, size_t *got)
{
    (void)ctx;
    memcpy(to, file.bytes + offset, len);
    *got = len;
    return QUIRE_OK;
}

static enum quire_status list_read(void *ctx, uint64_t offset, void *to, size_t len, size_t *got)
{
    (void)ctx;
    memcpy(to, list + offset, len);
    *got = len;
    return QUIRE_OK;
}

static struct part *make_ro(const struct part *hashes)
{
    struct part *part = part_new();
    struct quire_fobj_ro_config config = hashed_config(&file, part->slots);

    config.ctx = part;
    config.read = file_read;
    config.release = release;
    if (hashes != NULL) {
        config.hash = file.hash;
        config.hash_fobj = hashes->fobj;
    } else {
        config.hash_tree = &tree.tree;
    }
    OK(quire_fobj_ro_init(&part->is.ro, &config));
    part->fobj = &part->is.ro.base;
    OK(quire_pager_know(&rig.pager, part->fobj));
    return part;
}

static struct part *make_list(void)
{
    struct part *part = part_new();
    struct quire_fobj_ro_config config;

    memset(&config, 0, sizeof config);
    config.len = sizeof list;
    config.slots = part->slots;
    config.ctx = part;
    config.read = list_read;
    config.release = release;
    OK(quire_fobj_ro_init(&part->is.ro, &config));
    part->fobj = &part->is.ro.base;
    OK(quire_pager_know(&rig.pager, part->fobj));
    return part;
}

/* The mapped one first, then what it depends on. */
static void make(struct part *part[2])
{
    part[1] = NULL;
    if (kind == SEALED) {
        part[1] = make_rw(1, NULL);
        part[0] = make_rw(PAGES, part[1]);
    } else if (kind == COPY) {
        part[1] = make_ro(NULL);
        part[0] = make_rw(PAGES, NULL);
        OK(quire_fobj_cow_make(&rig.pager, part[0]->fobj, part[1]->fobj));
    } else if (kind == PAGED_LIST) {
        part[1] = make_list();
        part[0] = make_ro(part[1]);
    } else {
        part[0] = make_ro(NULL);
    }
}

static bool is_written(void)
{
    return kind == SEALED || kind == COPY;
}

/* ---- What threads do with it ---- */

static void access_once(unsigned i, uint64_t *random)
{
    uint64_t now = __atomic_load_n(&life, __ATOMIC_SEQ_CST);
    uintptr_t va = RIG_AT(random_below(random, PAGES)) + AT + 16u * i;
    bool write = is_written() && random_below(random, 2) == 0;
    struct secret secret = {now, magic_of(now)};
    enum quire_status status;
    unsigned char byte;

    if (random_below(random, 3) == 0) {
        uint32_t page = random_below(random, FOREIGN_PAGES);

        OK(rig_access(&rig, i, i, &vm[i], RIG_AT(FOREIGN_AT + page) + 9u, RIG_READ, &byte, 1));
        cr_assert_eq(byte, rig_born(foreign->tag, page, 9));
    }
    status = rig_access(&rig, i, i, &vm[i], va, write ? RIG_WRITE : RIG_READ, &secret, sizeof secret);
    if (status == QUIRE_NOT_FOUND || status == QUIRE_DEAD) {
        __atomic_add_fetch(&dead_ends, 1u, __ATOMIC_SEQ_CST);
        return;
    }
    cr_assert_eq(status, QUIRE_OK, "thread %u: %s", i, quire_status_name(status));
    __atomic_add_fetch(&accesses, 1u, __ATOMIC_SEQ_CST);
    if (!write && is_written() && (secret.life != 0 || secret.magic != 0)) {
        cr_assert(secret.life == now && secret.magic == magic_of(now), "thread %u sees a byte of life %ju in life %ju", i,
                  (uintmax_t)secret.life, (uintmax_t)now);
    }
}

static void hold_once(uint64_t *random)
{
    struct part *part = mapped;
    struct quire_pin pin;
    enum quire_status status;

    switch (random_below(random, 3)) {
    case 0:
        status = quire_pin_fobj(&rig.pager, part->fobj, random_below(random, PAGES), 1, false, true, &pin);
        cr_assert(status == QUIRE_OK || status == QUIRE_NO_PAGE, "pin: %s", quire_status_name(status));
        if (status == QUIRE_OK) {
            OK(quire_unpin(&pin));
        }
        break;
    case 1:
        OK(quire_pager_write_back(&rig.pager, part->fobj, 0, PAGES, true));
        break;
    default:
        if (is_written()) {
            status = quire_sealer_rekey(&cipher.sealer);
            cr_assert(status == QUIRE_OK || status == QUIRE_BUSY, "a new key: %s", quire_status_name(status));
            OK(quire_fobj_rw_rekey(&rig.pager, &part->is.rw, 0, PAGES, HOLDER, true));
        }
        break;
    }
}

/* Unmaps it everywhere, in some order, and lets go of it, while the others go on. */
static void kill(struct part *part[2], uint64_t *random)
{
    unsigned first = random_below(random, WORKERS);
    bool early = random_below(random, 2) == 0;
    unsigned i;

    usleep(random_below(random, 400));
    for (i = 0; early && i < 2u && part[i] != NULL; i++) {
        OK(quire_fobj_put(part[i]->fobj)); /* the contexts keep it */
    }
    for (i = 0; i < WORKERS; i++) {
        enum quire_status status;

        do { /* AGAIN: pages of it are being flushed */
            status = quire_vm_unmap(&vm[(first + i) % WORKERS], RIG_VA, PAGES);
        } while (status == QUIRE_AGAIN);
        OK(status);
    }
    for (i = 0; !early && i < 2u && part[i] != NULL; i++) {
        OK(quire_fobj_put(part[i]->fobj));
    }
}

/* All threads have met: nobody does anything. */
static void expect_nothing_left(void)
{
    uint64_t magic = magic_of(life);

    cr_assert_eq(released, made, "%u of %u objects were released", released, made);
    cr_assert_eq(rig_find(&rig, &magic, sizeof magic), 0, "what it held is still in memory");
    cr_assert_eq(rig_stats(&rig).pages[QUIRE_PAGE_FREE] + foreign->fobj.resident, rig.config.pages, "a page is left behind");
    cr_assert_eq(cipher.sealer.holders[0] + cipher.sealer.holders[1], 0);
    cr_assert_eq(cipher.keys_alive, 1);
    SOUND(&rig);
}

static void live(struct rig *unused, unsigned i)
{
    uint64_t random = i * 77u + kind + 1u;
    struct part *part[2];
    uint32_t n;
    unsigned k;

    (void)unused;
    for (n = 0; n < lives; n++) {
        if (i == KILLER) {
            __atomic_store_n(&life, life + 1u, __ATOMIC_SEQ_CST);
            __atomic_store_n(&stop, 0, __ATOMIC_SEQ_CST);
            if (!is_written()) { /* each life has a file of its own, with the same hashes' places */
                for (k = 0; k < PAGES; k++) {
                    struct secret secret = {life, magic_of(life)};

                    memcpy(hashed_page(&file, k) + AT, &secret, sizeof secret);
                }
                hashed_finish(&file);
                memcpy(list, file.list, file.list_len);
                memset(tree.nodes, 0, sizeof *tree.nodes * tree.tree.num_nodes);
                memcpy(tree.tree.root, file.root, sizeof file.root);
            }
            make(part);
            mapped = part[0];
            OK(quire_fobj_get(mapped->fobj)); /* the holder's */
            for (k = 0; k < WORKERS; k++) {
                OK(rig_map(&vm[k], mapped->fobj, RIG_VA, is_written() ? RW : (unsigned)RIG_READ));
            }
        }
        pthread_barrier_wait(&meet);
        if (i == KILLER) {
            kill(part, &random);
            __atomic_store_n(&stop, 1u, __ATOMIC_SEQ_CST);
        } else if (i == HOLDER) {
            uint32_t times = random_below(&random, 6);

            while (times-- != 0) {
                hold_once(&random);
            }
            OK(quire_fobj_put(mapped->fobj));
        } else {
            while (__atomic_load_n(&stop, __ATOMIC_SEQ_CST) == 0) {
                access_once(i, &random);
            }
        }
        pthread_barrier_wait(&meet);
        if (i == KILLER) {
            expect_nothing_left();
        }
    }
}

static void run(struct rig_config config)
{
    unsigned i;

    config.threads = true;
    config.cpus = THREADS;
    config.concurrency = THREADS;
    config.step = 2;
    config.rank_max = kind == SEALED || kind == PAGED_LIST ? 1u : 0;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(config.concurrency, 2, config.rank_max) + 1u;
    made = 0;
    released = 0;
    rig_start(&rig, &config);
    cipher_start(&cipher, 3);
    hashed_begin(&file, PAGES * PAGE, 64);
    hashed_finish(&file);
    hashed_tree_start(&tree, &file, THREADS);
    foreign = rig_store_new(&rig, FOREIGN_PAGES, RW);
    for (i = 0; i < WORKERS; i++) {
        rig_vm_start(&rig, &vm[i]);
        OK(rig_map(&vm[i], &foreign->fobj, RIG_AT(FOREIGN_AT), RW));
    }
    pthread_barrier_init(&meet, NULL, THREADS);
    crew_run(&rig, THREADS, live);
    pthread_barrier_destroy(&meet);
    OK(cipher_stop(&cipher));
    hashed_tree_stop(&tree);
    hashed_stop(&file);
    rig_stop(&rig);
}

static void run_all(enum kind which)
{
    unsigned number;

    kind = which;
    lives = getenv("QUIRE_TIMEOUT_SCALE") != NULL ? 6u : 20u;
    for (number = which; number < RIG_MACHINES; number += 5u * rig_stride(3)) {
        run(rig_machine(number, (struct rig_config){.seed = number}));
    }
    cr_expect_gt(accesses, 100, "hardly anybody met it");
    cr_expect_gt(dead_ends, 10, "hardly anybody met its death");
}

Test(lifetimes_threads, sealed_object_with_paged_metadata_dies_while_it_is_used_and_sealed_anew, .timeout = 120)
{
    run_all(SEALED);
}

Test(lifetimes_threads, verified_object_with_a_paged_list_dies_while_it_is_used, .timeout = 120)
{
    run_all(PAGED_LIST);
}

Test(lifetimes_threads, verified_object_with_a_hash_tree_dies_while_it_is_used, .timeout = 120)
{
    run_all(TREE);
}

Test(lifetimes_threads, copy_and_its_origin_die_while_it_is_written, .timeout = 120)
{
    run_all(COPY);
}
