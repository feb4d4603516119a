/*
 * What a page of a read-write object costs that is sealed, besides the cipher and the store, and what secure memory.
 *
 *     store_rw run CASE N     N loads or saves; run it under callgrind, twice. An operation costs (Ir(2N) - Ir(N)) / N
 *                             instructions, less the same figure of the hooks alone: of `load_hooks`, `save_hooks` (sealed), or
 *                             `plain_hooks`
 *     store_rw moved CASE     (both built with -DCOUNT_MOVED) bytes that the library copies, and sets, in one
 *     store_rw memory         bytes of secure memory for each mebibyte of store, and besides, of each mode
 *
 *     CASE   load_plain, save_plain      not sealed
 *            load_sealed, save_sealed    metadata in an array
 *            load_paged, save_paged      metadata in pages: a call that answers NEED, and one that does it
 *            load_hooks, save_hooks, plain_hooks    no load or save, but the hooks' own work
 *
 * The hooks do nothing, but that `open` and `seal` look at the label: what the library made must be made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "moved.h"
#include "quire/fobj_rw.h"

#define PAGE QUIRE_PAGE_SIZE
#define PAGES 1024u
#define MEBIBYTE 0x100000u
#define META_PAGES QUIRE_FOBJ_RW_META_PAGES(PAGES)

static struct quire_fobj_rw rw;
static struct quire_fobj_rw parent;
static struct quire_sealer sealer;
static uint32_t slots[PAGES];
static uint32_t parent_slots[META_PAGES];
static struct quire_seal_meta meta[PAGES];
static struct quire_seal_meta parent_meta[META_PAGES];
static uint64_t meta_pages[META_PAGES * PAGE / sizeof(uint64_t)];
static unsigned char memory[PAGE];
static unsigned char buffer[PAGE];
static unsigned long labels; /* a sum that keeps them alive */

/* ---- Hooks ---- */

static enum quire_status store_read(void *ctx, uint32_t pgidx, void *page)
{
    (void)ctx;
    (void)pgidx;
    (void)page;
    return QUIRE_OK;
}

static enum quire_status store_write(void *ctx, uint32_t pgidx, const void *page)
{
    (void)ctx;
    (void)pgidx;
    (void)page;
    return QUIRE_OK;
}

static enum quire_status random_bytes(void *ctx, void *bytes, size_t len)
{
    (void)ctx;
    memset(bytes, 7, len);
    return QUIRE_OK;
}

static enum quire_status key_make(void *ctx, uint32_t epoch, const uint8_t *seed, void **key)
{
    (void)epoch;
    (void)seed;
    *key = ctx;
    return QUIRE_OK;
}

static void key_wipe(void *ctx, void *key)
{
    (void)ctx;
    (void)key;
}

static enum quire_status seal(void *ctx, void *key, const struct quire_seal_label *label, const void *plain, void *sealed,
                              uint8_t *tag)
{
    (void)ctx;
    (void)key;
    (void)plain;
    (void)sealed;
    labels += label->nonce[8] + label->aad[0];
    tag[0] = label->aad[12];
    return QUIRE_OK;
}

static enum quire_status open_page(void *ctx, void *key, const struct quire_seal_label *label, void *page, const uint8_t *tag)
{
    (void)ctx;
    (void)key;
    (void)page;
    labels += label->nonce[8] + label->aad[0];
    return tag[0] == label->aad[12] ? QUIRE_OK : QUIRE_INTEGRITY;
}

static void *buffer_get(void *ctx)
{
    (void)ctx;
    return buffer;
}

static void buffer_put(void *ctx, void *lent)
{
    (void)ctx;
    (void)lent;
}

static const struct quire_seal_hooks hooks = {random_bytes, key_make, key_wipe, seal, open_page, buffer_get, buffer_put};

/* ---- Objects ---- */

static void make(bool sealed, bool paged)
{
    struct quire_fobj_rw_config config;

    memset(&config, 0, sizeof config);
    config.store.npages = PAGES;
    config.store.read = store_read;
    config.store.write = store_write;
    if (sealed && quire_sealer_init(&sealer, &hooks, &sealer) != QUIRE_OK) {
        die("no sealer");
    }
    if (paged) {
        config.num_pages = META_PAGES;
        config.slots = parent_slots;
        config.sealing.sealer = &sealer;
        config.sealing.meta = parent_meta;
        if (quire_fobj_rw_init(&parent, &config) != QUIRE_OK) {
            die("no parent");
        }
        config.sealing.meta_fobj = &parent.base;
    }
    config.num_pages = PAGES;
    config.slots = slots;
    config.sealing.sealer = sealed ? &sealer : NULL;
    config.sealing.meta = sealed && !paged ? meta : NULL;
    if (quire_fobj_rw_init(&rw, &config) != QUIRE_OK) {
        die("no object");
    }
}

/* As the pager does it, served at once. */
static void transfer(bool load, uint32_t pgidx)
{
    void *page = memory;
    struct quire_io io;
    enum quire_status status;

    io.fobj = &rw.base;
    io.pgidx = pgidx;
    io.npages = 1;
    io.page = &page;
    io.stored = true;
    io.ticket = 0;
    io.need_page = NULL;
    io.need_fobj = NULL;
    io.need_write = false;
    status = load ? rw.base.ops->load(&io) : rw.base.ops->save(&io);
    if (status == QUIRE_NEED) {
        io.need_page = (unsigned char *)meta_pages + io.need_pgidx * PAGE;
        status = load ? rw.base.ops->load(&io) : rw.base.ops->save(&io);
    }
    if (status != QUIRE_OK) {
        die("a transfer failed");
    }
}

/* The hooks' work alone; through a pointer, as the library calls them. */
static void call_hooks(const struct quire_seal_hooks *table, bool sealed, bool load, uint32_t i)
{
    static struct quire_seal_label label;
    uint8_t tag[QUIRE_SEAL_TAG_BYTES];

    tag[0] = 0;
    if (load && store_read(NULL, i, memory) == QUIRE_OK && sealed) {
        (void)table->open(NULL, NULL, &label, memory, tag);
    } else if (!load) {
        void *lent = sealed ? table->buffer_get(NULL) : NULL;

        if (sealed) {
            (void)table->seal(NULL, NULL, &label, memory, lent, tag);
            table->buffer_put(NULL, lent);
        }
        (void)store_write(NULL, i, lent);
    }
}

static void print_memory(void)
{
    double pages = (double)(MEBIBYTE / PAGE);
    double meta_pages_per_page = 1.0 / (double)QUIRE_FOBJ_RW_META_PER_PAGE;
    double slot = (double)QUIRE_FOBJ_SLOT_BYTES(1);
    double entry = (double)QUIRE_FOBJ_RW_META_BYTES(1);

    printf("mode,bytes_per_mib,fixed\n");
    printf("plain,%.1f,%zu\n", pages * slot, sizeof rw);
    printf("sealed,%.1f,%zu\n", pages * (slot + entry), sizeof rw + sizeof sealer);
    printf("paged,%.1f,%zu\n", pages * (slot + meta_pages_per_page * (slot + entry)), 2u * sizeof rw + sizeof sealer);
    printf("paged_twice,%.1f,%zu\n", pages * (slot + meta_pages_per_page * (slot + meta_pages_per_page * (slot + entry))),
           3u * sizeof rw + sizeof sealer);
}

int main(int argc, char **argv)
{
    const char *name = argc > 2 ? argv[2] : "";
    const char *mode = strchr(name, '_');
    bool load = strncmp(name, "load", 4) == 0;
    bool paged;
    uint32_t n;
    uint32_t i;

    if (argc == 2 && strcmp(argv[1], "memory") == 0) {
        print_memory();
        return 0;
    }
    if (argc < 3 || mode == NULL || (strcmp(argv[1], "run") == 0) != (argc == 4)) {
        die("usage: store_rw run CASE N | moved CASE | memory");
    }
    paged = strcmp(mode, "_paged") == 0;
    n = argc == 4 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1u;
    if (strcmp(mode, "_hooks") == 0) {
        for (i = 0; i < n; i++) {
            call_hooks(&hooks, name[0] != 'p', load, i % PAGES);
        }
        return 0;
    }
    make(strcmp(mode, "_plain") != 0, paged);
    for (i = 0; i < PAGES; i++) {
        transfer(false, i);
    }
#ifdef COUNT_MOVED
    moved_copied = 0;
    moved_set = 0;
#endif
    for (i = 0; i < n; i++) {
        transfer(load, i % PAGES);
    }
#ifdef COUNT_MOVED
    printf("%lu %lu\n", moved_copied, moved_set);
#endif
    return labels == 1u ? 1 : 0;
}
