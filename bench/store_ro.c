/*
 * What a page of a read-only object costs that is verified and relocated, besides reading, hashing and wiping it; and what secure
 * memory the object takes.
 *
 *     store_ro run CASE N     N loads; run it under callgrind, twice. An operation costs (Ir(2N) - Ir(N)) / N instructions, less
 *                             the same figure of the hooks alone: of `hooks`, or `hooks_node` where a node is read too
 *     store_ro moved CASE     (both built with -DCOUNT_MOVED) bytes that the library copies, and sets, in a load
 *     store_ro memory         bytes of secure memory for each mebibyte of store, and besides, of each mode
 *
 *     CASE   plain            nothing verifies
 *            list             a list of hashes
 *            paged            a list that is paged: a call that answers NEED, and one that loads
 *            tree             a tree whose cache, of 4 nodes, has the node
 *            tree64           ... of 64 nodes, half of which are looked at before it
 *            tree_miss        a tree whose cache has all but the lowest node
 *            reloc_none       list, and 4,096 relocations, none in this page
 *            reloc_64         list, and 64 relocations of 8 bytes in the page
 *            reloc_straddle   list, and a relocation that straddles each end
 *            hooks, hooks_node    no load, but the hooks' own work
 *
 * The hash is no hash, it is the first 32 bytes of the page: so it costs next to nothing, and the tree is easily made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "moved.h"
#include "quire/fobj_ro.h"

#define PAGE QUIRE_PAGE_SIZE
#define PAGES 8192u /* 64 nodes of level 1, and one above */
#define SIZE 32u
#define FAN_OUT ((uint32_t)(PAGE / SIZE))
#define RELOCS 4096u
#define MEBIBYTE 0x100000u

static struct quire_fobj_ro ro;
static struct quire_fobj_ro list;
static struct quire_hash_tree tree;
static uint32_t slots[PAGES];
static uint32_t list_slots[PAGES / FAN_OUT];
static unsigned char hashes[PAGES * SIZE];
static unsigned char top[PAGE];
static struct quire_hash_node nodes[64];
static unsigned char node_pages[64u * PAGE];
static uint32_t offsets[RELOCS];
static uint32_t carries[QUIRE_RELOCS_CARRY_BYTES(PAGES) / sizeof(uint32_t)];
static unsigned char memory[PAGE];
static struct quire_fobj_ro_config config;
static uint32_t stride = 1; /* from one load's page to the next one's */
static uint32_t span = 64;  /* pages that are loaded */

/* ---- Hooks ---- */

static enum quire_status digest(void *ctx, unsigned level, const void *page, void *out)
{
    (void)ctx;
    (void)level;
    memcpy(out, page, SIZE);
    return QUIRE_OK;
}

static enum quire_status read_page(void *ctx, uint64_t offset, void *to, size_t len, size_t *got)
{
    (void)ctx;
    memcpy(to, hashes + (offset >> QUIRE_PAGE_SHIFT) * SIZE, SIZE);
    *got = len;
    return QUIRE_OK;
}

static enum quire_status read_node(void *ctx, unsigned level, uint32_t index, void *page)
{
    (void)ctx;
    memcpy(page, level == 1u ? hashes + index * PAGE : top, PAGE);
    return QUIRE_OK;
}

/* ---- Set-up ---- */

static void make_hashes(void)
{
    uint32_t i;

    for (i = 0; i < PAGES; i++) {
        memset(hashes + i * SIZE, (int)(i % 251u + 1u), SIZE);
        memcpy(hashes + i * SIZE, &i, sizeof i);
    }
    for (i = 0; i < PAGES / FAN_OUT; i++) {
        memcpy(top + i * SIZE, hashes + i * PAGE, SIZE);
    }
}

static void use_list(void)
{
    config.hashes = hashes;
    config.hashes_len = sizeof hashes;
}

static void use_paged_list(void)
{
    struct quire_fobj_ro_config of_list;

    memset(&of_list, 0, sizeof of_list);
    of_list.len = sizeof hashes;
    of_list.data = hashes;
    of_list.slots = list_slots;
    if (quire_fobj_ro_init(&list, &of_list) != QUIRE_OK) {
        die("no list");
    }
    config.hash_fobj = &list.base;
}

static void use_tree(uint32_t num_nodes)
{
    struct quire_hash_tree_config of_tree;

    memset(&of_tree, 0, sizeof of_tree);
    of_tree.hash = config.hash;
    of_tree.num_leaves = PAGES;
    of_tree.root = top;
    of_tree.nodes = nodes;
    of_tree.pages = node_pages;
    of_tree.num_nodes = num_nodes;
    of_tree.read_node = read_node;
    if (quire_hash_tree_init(&tree, &of_tree) != QUIRE_OK) {
        die("no tree");
    }
    config.hash_tree = &tree;
}

/* `count` relocations, `every` so many bytes, from byte `from` on. */
static void use_relocs(uint64_t from, uint32_t count, uint32_t every)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        offsets[i] = (uint32_t)(from + (uint64_t)i * every);
    }
    config.relocs.offsets = offsets;
    config.relocs.count = count;
    config.relocs.word = 8;
    config.relocs.bias = 0x7f0000001000u;
    config.relocs.carries = carries;
}

/* False: there is no such case. */
static bool set_up(const char *name)
{
    memset(&config, 0, sizeof config);
    make_hashes();
    config.len = (uint64_t)PAGES * PAGE;
    config.slots = slots;
    config.read = read_page;
    config.hash.digest = digest;
    if (strcmp(name, "plain") == 0) {
        memset(&config.hash, 0, sizeof config.hash);
    } else if (strcmp(name, "list") == 0) {
        use_list();
    } else if (strcmp(name, "paged") == 0) {
        use_paged_list();
    } else if (strcmp(name, "tree") == 0) {
        use_tree(4);
    } else if (strcmp(name, "tree64") == 0) {
        use_tree(64);
        stride = FAN_OUT;
        span = 63u * FAN_OUT; /* all but the node above and these would not fit */
    } else if (strcmp(name, "tree_miss") == 0) {
        use_tree(2);
        stride = FAN_OUT;
        span = PAGES;
    } else if (strcmp(name, "reloc_none") == 0) {
        use_list();
        use_relocs((uint64_t)PAGES / 2u * PAGE, RELOCS, 512);
    } else if (strcmp(name, "reloc_64") == 0) {
        use_list();
        use_relocs(32, RELOCS, 64); /* pages 0 to 63 */
    } else if (strcmp(name, "reloc_straddle") == 0) {
        use_list();
        use_relocs(PAGE - 4u, RELOCS, (uint32_t)PAGE);
    } else {
        return false;
    }
    if (quire_fobj_ro_init(&ro, &config) != QUIRE_OK) {
        die("no object");
    }
    return true;
}

/* ---- Loads ---- */

static void load(uint32_t pgidx)
{
    void *page = memory;
    struct quire_io io;
    enum quire_status status;

    io.fobj = &ro.base;
    io.pgidx = pgidx;
    io.npages = 1;
    io.page = &page;
    io.stored = false;
    io.ticket = 0;
    io.need_page = NULL;
    io.need_fobj = NULL;
    io.need_pgidx = 0;
    io.need_write = false;
    status = ro.base.ops->load(&io);
    if (status == QUIRE_NEED) {
        io.need_page = hashes + io.need_pgidx * PAGE;
        status = ro.base.ops->load(&io);
    }
    if (status != QUIRE_OK) {
        die("a load failed");
    }
}

static void loads(uint32_t n)
{
    uint32_t pgidx = 0;

    while (n-- > 0) {
        load(pgidx);
        pgidx += stride;
        pgidx = pgidx < span ? pgidx : 0;
    }
}

/* What the hooks of a load cost, called as the library calls them. */
static void hooks(uint32_t n, bool node)
{
    enum quire_status (*volatile reads)(void *, uint64_t, void *, size_t, size_t *) = read_page;
    enum quire_status (*volatile digests)(void *, unsigned, const void *, void *) = digest;
    enum quire_status (*volatile node_reads)(void *, unsigned, uint32_t, void *) = read_node;
    unsigned char out[SIZE];
    size_t got;

    while (n-- > 0) {
        (void)reads(NULL, (uint64_t)(n % 64u) << QUIRE_PAGE_SHIFT, memory, PAGE, &got);
        (void)digests(NULL, 0, memory, out);
        if (node) {
            (void)node_reads(NULL, 1, n % 64u, node_pages);
            (void)digests(NULL, 1, node_pages, out);
        }
    }
}

/* ---- Memory ---- */

static void print_memory(void)
{
    size_t pages = MEBIBYTE / PAGE;
    size_t object = sizeof(struct quire_fobj_ro);
    size_t slot = QUIRE_FOBJ_SLOT_BYTES(1);
    double lists = (double)pages / FAN_OUT; /* pages of the list, for a mebibyte */
    double uppers = lists / FAN_OUT;        /* pages of the list of its hashes */
    double own = (double)(pages * slot);    /* the object's slots */
    size_t entry = sizeof(struct quire_hash_node) + PAGE;

    printf("mode,bytes_per_mib,fixed\n");
    printf("plain,%.1f,%zu\n", own, object);
    printf("list,%.1f,%zu\n", own + (double)(pages * SIZE), object);
    printf("paged_2,%.1f,%zu\n", own + lists * (double)(slot + SIZE), 2u * object);
    printf("paged_3,%.1f,%zu\n", own + lists * (double)slot + uppers * (double)(slot + SIZE), 3u * object);
    printf("tree_1,%.1f,%zu\n", own, object + sizeof(struct quire_hash_tree) + entry);
    printf("tree_16,%.1f,%zu\n", own, object + sizeof(struct quire_hash_tree) + 16u * entry);
    printf("carries,%.1f,0\n", (double)QUIRE_RELOCS_CARRY_BYTES(pages));
}

int main(int argc, char **argv)
{
    static const char usage[] = "usage: store_ro load CASE N | moved CASE | memory";

    if (argc == 2 && strcmp(argv[1], "memory") == 0) {
        print_memory();
    } else if (argc == 4 && strcmp(argv[1], "run") == 0 && atoi(argv[3]) > 0) {
        uint32_t n = (uint32_t)atoi(argv[3]);

        if (strncmp(argv[2], "hooks", 5) == 0) {
            make_hashes();
            hooks(n, argv[2][5] != '\0');
        } else if (set_up(argv[2])) {
            loads(n);
        } else {
            die(usage);
        }
#ifdef COUNT_MOVED
    } else if (argc == 3 && strcmp(argv[1], "moved") == 0 && set_up(argv[2])) {
        loads(65536); /* so that the first ones, which fill a cache, weigh nothing */
        moved_copied = 0;
        moved_set = 0;
        loads(64);
        printf("%lu %lu\n", moved_copied / 64u, moved_set / 64u);
#endif
    } else {
        die(usage);
    }
    return 0;
}
