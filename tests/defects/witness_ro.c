/* What must hold for pages that are verified and relocated: the tests that the defects of list_ro must fail. */
#include "witness.h"

#include <stdlib.h>

#include "hashed.c" /* beside the rig, which is linked */

#define SIZE 64u
#define FAN_OUT ((uint32_t)(PAGE / SIZE))
#define PAGES (2u * FAN_OUT + 6u)

static struct hashed file;
static struct hashed_tree tree;
static struct quire_fobj_ro ro;
static struct quire_fobj_ro list;
static uint32_t slots[PAGES];
static uint32_t list_slots[4];
static uint32_t offsets[1];
static uint32_t carries[QUIRE_RELOCS_CARRY_BYTES(PAGES) / sizeof(uint32_t)];

static void begin(void)
{
    hashed_begin(&file, (uint64_t)PAGES * PAGE, SIZE);
    memset(file.bytes, 0xff, PAGES * PAGE);
    file.bytes[0] = 1;
    file.bytes[FAN_OUT * PAGE] = 2; /* as much for the first page of each node: no two nodes are alike */
    hashed_finish(&file);
}

static void end(void)
{
    hashed_stop(&file);
}

static enum quire_status find(uint32_t leaf)
{
    unsigned char out[SIZE];
    enum quire_status status = quire_hash_tree_find(&tree.tree, leaf, out);

    if (status == QUIRE_OK) {
        expect(memcmp(out, file.list + (size_t)leaf * SIZE, SIZE) == 0, "a page gets another one's hash");
    }
    return status;
}

/* ---- Trees ---- */

WITNESS(a_changed_node_is_found_on_every_level, SMALLEST)
{
    unsigned level;

    begin();
    for (level = 1; level <= 2u; level++) {
        hashed_tree_start(&tree, &file, 2);
        hashed_node(&file, level, 0)[PAGE - 1u] ^= 1u; /* beside all hashes that are looked at */
        SAYS(QUIRE_INTEGRITY, find(0));
        hashed_node(&file, level, 0)[PAGE - 1u] ^= 1u;
        OK(find(0));
        hashed_tree_stop(&tree);
    }
    end();
}

WITNESS(a_refused_node_leaves_its_entry_to_others, SMALLEST)
{
    begin();
    hashed_tree_start(&tree, &file, 1);
    hashed_node(&file, 2, 0)[3] ^= 1u;
    SAYS(QUIRE_INTEGRITY, find(0));
    hashed_node(&file, 2, 0)[3] ^= 1u;
    OK(find(0));
    hashed_tree_stop(&tree);
    end();
}

WITNESS(a_refused_node_is_not_used_by_the_next_look_up, SMALLEST)
{
    begin();
    hashed_tree_start(&tree, &file, 3);
    hashed_node(&file, 1, 0)[SIZE] ^= 1u;
    SAYS(QUIRE_INTEGRITY, find(1));
    SAYS(QUIRE_INTEGRITY, find(1));
    SAYS(QUIRE_INTEGRITY, find(0));
    hashed_tree_stop(&tree);
    end();
}

WITNESS(a_node_in_use_stays_and_the_others_go, SMALLEST)
{
    uint32_t reads;

    begin();
    hashed_tree_start(&tree, &file, 3);
    OK(find(0));            /* the upper one, and the first of level 1, ... */
    OK(find(FAN_OUT));      /* ... and the second, ... */
    OK(find(1));            /* ... which is by now the one not used for longest but for the upper one ... */
    OK(find(FAN_OUT + 1u)); /* ... until now: the first is */
    OK(find(2));
    OK(find(2u * FAN_OUT)); /* in the place of the second: the upper one was just used */
    reads = file.node_reads;
    OK(find(0));
    expect(file.node_reads == reads, "the first of level 1 went, which was used more lately than the second");
    OK(find(FAN_OUT));
    expect(file.node_reads == reads + 1u, "the upper one went, or none: %u reads", file.node_reads - reads);
    hashed_tree_stop(&tree);
    end();
}

static bool nested;
static enum quire_status nested_says;

static void nest(void *user)
{
    (void)user;
    if (!nested) {
        nested = true;
        nested_says = find(FAN_OUT);
    }
}

WITNESS(a_look_up_that_is_one_too_many_is_refused, SMALLEST)
{
    begin();
    hashed_tree_start(&tree, &file, 1);
    file.pause = nest;
    nested = false;
    OK(find(0));
    SAYS(QUIRE_NO_MEMORY, nested_says);
    OK(find(FAN_OUT));
    hashed_tree_stop(&tree);
    end();
}

/* ---- Relocation ---- */

/* A word of 8 bytes at the end of page 0, three of them there: 0xff..ff + bias carries. */
static struct quire_fobj_ro_config straddling(void)
{
    struct quire_fobj_ro_config config = hashed_config(&file, slots);

    offsets[0] = (uint32_t)PAGE - 3u;
    config.hash = file.hash;
    config.hashes = file.list;
    config.hashes_len = file.list_len;
    config.relocs.offsets = offsets;
    config.relocs.count = 1;
    config.relocs.word = 8;
    config.relocs.bias = 0x1000;
    config.relocs.carries = carries;
    return config;
}

static void show(const struct quire_fobj_ro_config *config)
{
    OK(quire_fobj_ro_init(&ro, config));
    OK(rig_map(&vm[0], &ro.base, RIG_VA, RIG_READ));
    OK(quire_fobj_put(&ro.base));
}

static void hide(void)
{
    OK(quire_vm_unmap(&vm[0], RIG_VA, ro.base.num_pages));
    expect(quire_refcount_read(&ro.base.refs) == 0, "an object is still referred to that nobody uses");
}

static void expect_byte(uintptr_t va, int byte)
{
    int found = rig_byte(&rig, &vm[0], va);

    expect(found == byte, "a relocated page shows %d and not %d", found, byte);
}

WITNESS(a_word_that_straddles_carries, SMALLEST, .vm_pages = 256)
{
    struct quire_fobj_ro_config config;
    unsigned order;

    begin();
    config = straddling();
    for (order = 0; order < 2u; order++) {
        show(&config);
        if (order == 0) {
            expect_byte(RIG_AT(1) - 2u, 0x0f);
        }
        expect_byte(RIG_AT(1), 0); /* 0xff and a carry */
        expect_byte(RIG_AT(1) + 4u, 0);
        expect_byte(RIG_AT(1) + 5u, 0xff);
        hide();
    }
    end();
}

WITNESS(the_page_before_is_verified_before_it_decides_a_carry, SMALLEST, .vm_pages = 256)
{
    struct quire_fobj_ro_config config;

    begin();
    config = straddling();
    show(&config);
    memset(hashed_page(&file, 0) + PAGE - 3u, 0, 3);
    expect(rig_byte(&rig, &vm[0], RIG_AT(1)) == -1, "a page is shown whose carry comes from bytes that were changed");
    memset(hashed_page(&file, 0) + PAGE - 3u, 0xff, 3);
    expect_byte(RIG_AT(1), 0);
    hide();
    end();
}

WITNESS(carries_of_an_earlier_object_are_not_believed, SMALLEST, .vm_pages = 256)
{
    struct quire_fobj_ro_config config;

    begin();
    config = straddling();
    show(&config);
    expect_byte(RIG_AT(1), 0);
    hide();
    config.relocs.bias = 0; /* no carry any more */
    show(&config);
    expect_byte(RIG_AT(1), 0xff);
    hide();
    end();
}

/* ---- Lists ---- */

static struct quire_fobj_ro_config listed(void)
{
    struct quire_fobj_ro_config config;

    memset(&config, 0, sizeof config);
    config.len = 3u * PAGE;
    config.data = file.nodes;
    config.slots = list_slots;
    OK(quire_fobj_ro_init(&list, &config));
    OK(quire_pager_know(&rig.pager, &list.base));
    config = hashed_config(&file, slots);
    config.hash = file.hash;
    config.hash_fobj = &list.base;
    return config;
}

#define RANKED .policy = RIG_FIFO, .step = 1, .rank_max = 1, .pages = 3, .vm_pages = 256

WITNESS(a_list_lives_as_long_as_what_needs_it, RANKED)
{
    struct quire_fobj_ro_config config;

    begin();
    config = listed();
    show(&config);
    OK(quire_fobj_put(&list.base));
    expect(quire_refcount_read(&list.base.refs) == 1u,
           "a list of hashes has %u references, not that of the object that needs it", quire_refcount_read(&list.base.refs));
    expect_byte(RIG_AT(FAN_OUT), 2);
    expect_byte(RIG_AT(0), 1);
    hide();
    expect(quire_refcount_read(&list.base.refs) == 0, "a list of hashes outlives the object that needed it");
    end();
}

WITNESS(a_part_of_a_file_finds_its_hashes, RANKED)
{
    struct quire_fobj_ro_config config;

    begin();
    config = listed();
    config.read = NULL;
    config.data = hashed_page(&file, FAN_OUT - 1u);
    config.len = 3u * PAGE;
    config.hash_first = FAN_OUT - 1u;
    show(&config);
    expect_byte(RIG_AT(0), 0xff);
    expect_byte(RIG_AT(1), 2);
    expect_byte(RIG_AT(2), 0xff);
    hide();
    OK(quire_fobj_put(&list.base));
    end();
}

WITNESS(neighbours_whose_hashes_lie_in_two_pages_are_each_verified_by_its_own, RANKED)
{
    static unsigned char memory[2][QUIRE_PAGE_SIZE];
    void *page[2] = {memory[0], memory[1]};
    struct quire_fobj_ro_config config;
    struct quire_io io;
    enum quire_status status;
    unsigned rounds = 0;

    begin();
    config = listed();
    show(&config);
    memset(&io, 0, sizeof io);
    io.fobj = &ro.base;
    io.pgidx = FAN_OUT - 1u;
    io.npages = 2;
    io.page = page;
    while ((status = ro.base.ops->load(&io)) == QUIRE_NEED && rounds++ < 8u) {
        io.need_page = hashed_node(&file, 1, io.need_pgidx);
    }
    SAYS(QUIRE_OK, status);
    expect(rounds == 2u && file.reads == 2u, "%u rounds and %u reads for two pages", rounds, file.reads);
    expect(memory[1][0] == 2, "a page is not what it should be");
    hide();
    OK(quire_fobj_put(&list.base));
    end();
}

WITNESS(a_list_of_another_length_is_refused, SMALLEST)
{
    struct quire_fobj_ro_config config;

    begin();
    config = straddling();
    config.hashes_len -= SIZE;
    SAYS(QUIRE_INVALID, quire_fobj_ro_init(&ro, &config));
    config.hashes_len += 2u * SIZE;
    SAYS(QUIRE_INVALID, quire_fobj_ro_init(&ro, &config));
    end();
}
