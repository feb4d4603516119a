/* The part of the guide for stores that nobody trusts: pages that are verified, sealed, and shared until they are written. */
#include "kernel.h"

#include "engine.h"

#include <stdio.h>
#include <string.h>

/* ---- The hooks ---- */

static unsigned char
    bounce[QUIRE_PAGE_SIZE]; /* this kernel saves one page at a time; it must be memory that nobody else can write */

static enum quire_status seal_random(void *ctx, void *bytes, size_t len)
{
    (void)ctx;
    return engine_random(bytes, len) ? QUIRE_OK : QUIRE_IO;
}

/* At most two keys exist at a time, of epochs one after the other: the engine has a place for each. */
static enum quire_status seal_key_make(void *ctx, uint32_t epoch, const uint8_t *seed, void **key)
{
    static unsigned place[ENGINE_KEYS] = {0, 1};

    (void)ctx;
    *key = &place[epoch % ENGINE_KEYS];
    engine_set_key(epoch % ENGINE_KEYS, seed);
    return QUIRE_OK;
}

static void seal_key_wipe(void *ctx, void *key)
{
    (void)ctx;
    engine_clear_key(*(const unsigned *)key);
}

static enum quire_status seal_seal(void *ctx, void *key, const struct quire_seal_label *label, const void *plain, void *sealed,
                                   uint8_t *tag)
{
    (void)ctx;
    engine_seal(*(const unsigned *)key, label, plain, sealed, tag);
    return QUIRE_OK;
}

static enum quire_status seal_open(void *ctx, void *key, const struct quire_seal_label *label, void *page, const uint8_t *tag)
{
    (void)ctx;
    return engine_open(*(const unsigned *)key, label, page, tag) ? QUIRE_OK : QUIRE_INTEGRITY;
}

static void *seal_buffer_get(void *ctx)
{
    (void)ctx;
    return bounce;
}

static void seal_buffer_put(void *ctx, void *buffer)
{
    (void)ctx;
    (void)buffer;
}

static const struct quire_seal_hooks seal_hooks = {
    seal_random, seal_key_make, seal_key_wipe, seal_seal, seal_open, seal_buffer_get, seal_buffer_put,
};

static enum quire_status flash_read(void *ctx, uint32_t pgidx, void *page)
{
    const struct private_data *whose = ctx;

    memcpy(page, flash[whose->first + pgidx], QUIRE_PAGE_SIZE);
    return QUIRE_OK;
}

static enum quire_status flash_write(void *ctx, uint32_t pgidx, const void *page)
{
    const struct private_data *whose = ctx;

    memcpy(flash[whose->first + pgidx], page, QUIRE_PAGE_SIZE);
    return QUIRE_OK;
}

static enum quire_status hash_page(void *ctx, unsigned level, const void *page, void *out)
{
    (void)ctx;
    (void)level;
    engine_hash(page, out);
    return QUIRE_OK;
}

/* ---- The objects ---- */

static struct quire_sealer sealer;

/* Once, at boot: a key that nobody knows and that dies with this kernel. */
enum quire_status kernel_draw_key(void)
{
    return quire_sealer_init(&sealer, &seal_hooks, NULL);
}

/* The initial data of a program, and its hashes, which came with something signed. */
enum quire_status kernel_data_init(struct quire_fobj_ro *data, const void *image, uint64_t len, const void *hashes,
                                   size_t hashes_len, uint32_t *slots)
{
    struct quire_fobj_ro_config config = {0};

    config.data = image;
    config.len = len;
    config.slots = slots;
    config.hash.digest = hash_page;
    config.hashes = hashes; /* or hash_fobj: paged; or hash_tree: one hash for all */
    config.hashes_len = hashes_len;
    return quire_fobj_ro_init(data, &config);
}

/* The data of one context: until it writes a page it is shown `origin`'s; what it writes is its own, and leaves sealed. */
enum quire_status kernel_data_copy(struct private_data *copy, struct quire_fobj *origin)
{
    struct quire_fobj_rw_config config = {0};
    enum quire_status status;

    config.num_pages = DATA_PAGES;
    config.slots = copy->slots;
    config.store.ctx = copy; /* which pages of the flash are its own */
    config.store.npages = DATA_PAGES;
    config.store.read = flash_read;
    config.store.write = flash_write;
    config.sealing.sealer = &sealer;
    config.sealing.meta = copy->meta; /* 24 bytes a page that the flash cannot reach; or meta_fobj: paged */
    status = quire_fobj_rw_init(&copy->rw, &config);
    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_fobj_cow_make(&pager, &copy->rw.base, origin);
    if (status != QUIRE_OK) {
        (void)quire_fobj_put(&copy->rw.base); /* else it would hold a key for good */
    }
    return status;
}

/* ---- Somebody else's world ---- */

static unsigned char image[DATA_PAGES * QUIRE_PAGE_SIZE];
static uint8_t hashes[DATA_PAGES][32];

static int differs(struct address_space *space, size_t page, int expected, unsigned access)
{
    int found = cpu_access(space, SPACE_BASE + page * QUIRE_PAGE_SIZE, access);

    if (found != expected) {
        fprintf(stderr, "page %zu of the data: %d instead of %d\n", page, found, expected);
    }
    return found != expected;
}

/* Each page of the data is written once, which pushes the others out; then somebody swaps two of them in the flash. */
int guide_hostile(void)
{
    static struct address_space space;
    static struct quire_fobj_ro data;
    static struct private_data copy;
    static uint32_t slots[DATA_PAGES];
    static unsigned char old[QUIRE_PAGE_SIZE];
    struct quire_mapping mapping = {0};
    struct quire_cow_stats stats;
    int wrong = 0;
    size_t i;

    for (i = 0; i < sizeof image; i++) {
        image[i] = (unsigned char)(i * 7 + (i >> QUIRE_PAGE_SHIFT));
    }
    for (i = 0; i < DATA_PAGES; i++) {
        engine_hash(image + i * QUIRE_PAGE_SIZE, hashes[i]);
    }
    mapping.fobj = &copy.rw.base;
    mapping.prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER;
    mapping.va = SPACE_BASE;
    if (kernel_draw_key() != QUIRE_OK ||
        kernel_data_init(&data, image, sizeof image, hashes, sizeof hashes, slots) != QUIRE_OK ||
        kernel_data_copy(&copy, &data.base) != QUIRE_OK || quire_fobj_put(&data.base) != QUIRE_OK ||
        quire_vm_init(&space.vm, &pager, SPACE_BASE, SPACE_BASE + SPACE_PAGES * QUIRE_PAGE_SIZE - 1, &space) != QUIRE_OK ||
        quire_vm_map(&space.vm, &mapping, NULL) != QUIRE_OK) {
        fprintf(stderr, "there is no private data\n");
        return 1;
    }
    for (i = 0; i < DATA_PAGES; i++) {
        wrong += differs(&space, i, image[i * QUIRE_PAGE_SIZE], QUIRE_PROT_READ);
    }
    wrong += quire_fobj_cow_stats(&pager, &copy.rw.base, &stats) != QUIRE_OK || stats.own != 0;
    for (i = 0; i < 2u * DATA_PAGES; i++) { /* those of the first round are in the flash at the end of the second */
        wrong += differs(&space, i % DATA_PAGES, image[i % DATA_PAGES * QUIRE_PAGE_SIZE], QUIRE_PROT_WRITE);
    }
    wrong += memcmp(flash[0] + 1, image + 1, QUIRE_PAGE_SIZE - 1) == 0; /* it is sealed */
    memcpy(old, flash[0], sizeof old);
    memcpy(flash[0], flash[1], sizeof old);
    wrong += differs(&space, 0, -1, QUIRE_PROT_READ); /* INTEGRITY: the thread is killed */
    memcpy(flash[0], old, sizeof old);
    wrong += differs(&space, 0, image[0], QUIRE_PROT_READ);
    wrong += quire_fobj_cow_stats(&pager, &copy.rw.base, &stats) != QUIRE_OK || stats.own != DATA_PAGES;
    printf("private data in a flash that anybody can write: a page of another place was refused, %u own copies\n", stats.own);
    wrong += quire_pager_check(&pager, NULL) != QUIRE_OK || quire_vm_fini(&space.vm) != QUIRE_OK ||
             quire_fobj_put(&copy.rw.base) != QUIRE_OK || quire_sealer_fini(&sealer) != QUIRE_OK;
    return wrong;
}
