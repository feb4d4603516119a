/* fobj_ro.h with relocations: every page is that of the whole file relocated at once, in whatever order pages come, and nothing
 * that was not verified decides a bit. */
#include "rig_test.h"

#include <stdlib.h>

#include "hashed.h"

#define PAGE QUIRE_PAGE_SIZE
#define MOST 24u /* pages */

enum way { PLAIN, LIST, PAGED_LIST, TREE, WAYS };

static struct hashed file;
static struct hashed_tree tree;
static struct quire_fobj_ro ro;
static struct quire_fobj_ro list; /* what PAGED_LIST pages its hashes through */
static uint32_t slots[MOST];
static uint32_t list_slots[4];
static uint32_t offsets[MOST * QUIRE_PAGE_SIZE / 4u];
static uint32_t carries[QUIRE_RELOCS_CARRY_BYTES(MOST) / sizeof(uint32_t)];
static struct quire_relocs relocs;
static unsigned char whole[MOST * QUIRE_PAGE_SIZE]; /* the file, relocated */
static uint64_t random_state;

static uint32_t below(uint32_t n)
{
    return random_below(&random_state, n);
}

/* A table of words, one after the other with gaps of up to `gap`; many straddle. */
static void make_table(unsigned word, uint32_t gap)
{
    uint64_t at = below(gap + 1u);

    memset(&relocs, 0, sizeof relocs);
    relocs.offsets = offsets;
    relocs.word = word;
    relocs.bias = (uint64_t)random_next(&random_state) << 33 ^ (uint64_t)random_next(&random_state) << 8;
    relocs.carries = carries;
    while (at + word <= file.len) {
        offsets[relocs.count++] = (uint32_t)at;
        at += word + below(gap + 1u);
        if (below(4) == 0 && at % PAGE > PAGE / 2u) { /* then one that straddles */
            uint64_t end = (at / PAGE + 1u) * PAGE;

            at = at < end - word ? end - 1u - below(word - 1u) : at;
        }
    }
}

/* The model: a word at a time, in a file that knows no pages. */
static void relocate_whole(void)
{
    size_t i;
    unsigned b;

    memcpy(whole, file.bytes, file.npages * PAGE);
    for (i = 0; i < relocs.count; i++) {
        unsigned char *at = whole + offsets[i];
        uint64_t value = 0;

        for (b = relocs.word; b-- > 0;) {
            value = value << 8 | at[b];
        }
        value += relocs.bias;
        for (b = 0; b < relocs.word; b++) {
            at[b] = (unsigned char)(value >> (8u * b));
        }
    }
}

static enum quire_status list_read(void *ctx, uint64_t offset, void *to, size_t len, size_t *got)
{
    (void)ctx;
    memcpy(to, file.nodes + offset, len);
    *got = len;
    return QUIRE_OK;
}

static void begin(enum way way)
{
    struct quire_fobj_ro_config config = hashed_config(&file, slots);

    memset(carries, 0xff, sizeof carries); /* init clears them */
    config.relocs = relocs;
    if (way == LIST || way == PAGED_LIST) {
        config.hash = file.hash;
    }
    if (way == LIST) {
        config.hashes = file.list;
        config.hashes_len = file.list_len;
    } else if (way == PAGED_LIST) {
        struct quire_fobj_ro_config pages;

        memset(&pages, 0, sizeof pages);
        pages.len = (uint64_t)quire_hash_shape_width(&file.shape, 1) * PAGE;
        pages.slots = list_slots;
        pages.read = list_read;
        cr_assert_eq(quire_fobj_ro_init(&list, &pages), QUIRE_OK);
        config.hash_fobj = &list.base;
    } else if (way == TREE) {
        hashed_tree_start(&tree, &file, 1u + below(3));
        config.hash_tree = &tree.tree;
    }
    cr_assert_eq(quire_fobj_ro_init(&ro, &config), QUIRE_OK);
}

static void end(enum way way)
{
    cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_OK);
    if (way == PAGED_LIST) {
        cr_expect_eq(quire_fobj_put(&list.base), QUIRE_OK);
        cr_expect_eq(quire_fobj_get(&list.base), QUIRE_DEAD, "a reference to the list was kept");
    } else if (way == TREE) {
        hashed_tree_stop(&tree);
    }
}

static unsigned char memory[4][QUIRE_PAGE_SIZE];
static unsigned rounds; /* NEEDs of the last load */

/* As the pager asks: with the page that it needed last. */
static enum quire_status load(uint32_t pgidx, uint32_t npages)
{
    static unsigned char needed[QUIRE_PAGE_SIZE];
    void *page[4] = {memory[0], memory[1], memory[2], memory[3]};
    struct quire_io io;
    enum quire_status status;

    memset(memory, 0xee, sizeof memory);
    memset(&io, 0, sizeof io);
    io.fobj = &ro.base;
    io.pgidx = pgidx;
    io.npages = npages;
    io.page = page;
    rounds = 0;
    while ((status = ro.base.ops->load(&io)) == QUIRE_NEED && rounds < 8u) {
        cr_assert_eq(io.need_fobj, &list.base);
        cr_assert_lt(io.need_pgidx, list.base.num_pages);
        cr_assert_not(io.need_write);
        memcpy(needed, file.nodes + io.need_pgidx * PAGE, PAGE);
        io.need_fobj = NULL;
        io.need_page = needed;
        rounds++;
    }
    return status;
}

static void expect_pages(uint32_t pgidx, uint32_t npages)
{
    enum quire_status status = load(pgidx, npages);
    uint32_t i;

    cr_assert_eq(status, QUIRE_OK, "page %u: %s", pgidx, quire_status_name(status));
    for (i = 0; i < npages; i++) {
        cr_assert_eq(memcmp(memory[i], whole + (pgidx + i) * PAGE, PAGE), 0, "page %u of %u, word %u", pgidx + i, file.npages,
                     relocs.word);
    }
}

TestSuite(fobj_ro_reloc, .timeout = 60);

Test(fobj_ro_reloc, reloc_makes_of_every_page_what_the_whole_file_would_be)
{
    unsigned round;

    random_state = 7;
    for (round = 0; round < 240u; round += rig_stride(7)) {
        enum way way = (enum way)(round % WAYS);
        uint32_t npages = 1u + below(MOST);
        uint32_t size = below(2) != 0 ? 32u : 64u;
        uint32_t i;

        hashed_start(&file, (uint64_t)(npages - 1u) * PAGE + 1u + below((uint32_t)PAGE), size, round + 1u);
        make_table(round / WAYS % 2u != 0 ? 8u : 4u, round % 3u == 0 ? 3u : 1u + below(3u * (uint32_t)PAGE));
        relocate_whole();
        begin(way);
        for (i = 0; i < 2u * npages; i++) {
            uint32_t n = 1u + below(npages < 4u ? npages : 4u);

            expect_pages(below(npages - n + 1u), n);
        }
        for (i = npages; i-- > 0;) {
            expect_pages(i, 1);
        }
        end(way);
        hashed_stop(&file);
    }
}

/* Pages 63 and 64 have their hashes in two pages of the list, where a hash has 64 bytes and a page 4 KiB. */
#define FAN_OUT ((uint32_t)(PAGE / 64u))

static uint32_t *more_slots;

/* A file of two pages of hashes and an entry that straddles from the last page of the first one. */
static void begin_across(uint32_t cluster)
{
    struct quire_fobj_ro_config config;
    struct quire_fobj_ro_config pages;
    uint32_t npages = FAN_OUT + 4u;

    hashed_begin(&file, (uint64_t)npages * PAGE, 64);
    memset(hashed_page(&file, FAN_OUT - 1u), 0xff, PAGE);
    hashed_finish(&file);
    memset(&relocs, 0, sizeof relocs);
    offsets[0] = FAN_OUT * (uint32_t)PAGE - 3u;
    relocs.offsets = offsets;
    relocs.count = 1;
    relocs.word = 8;
    relocs.bias = 0x1000;
    relocs.carries = calloc(QUIRE_RELOCS_CARRY_BYTES(npages), 1);
    more_slots = calloc(npages, sizeof *more_slots);
    cr_assert(relocs.carries != NULL && more_slots != NULL);
    memset(&pages, 0, sizeof pages);
    pages.len = 2u * PAGE;
    pages.slots = list_slots;
    pages.read = list_read;
    cr_assert_eq(quire_fobj_ro_init(&list, &pages), QUIRE_OK);
    config = hashed_config(&file, more_slots);
    config.hash = file.hash;
    config.hash_fobj = &list.base;
    config.relocs = relocs;
    config.cluster = cluster;
    cr_assert_eq(quire_fobj_ro_init(&ro, &config), QUIRE_OK);
}

static void end_across(void)
{
    cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&list.base), QUIRE_OK);
    free(relocs.carries);
    free(more_slots);
    hashed_stop(&file);
}

Test(fobj_ro_reloc, reloc_learns_a_carry_in_one_round_and_loads_in_the_next)
{
    begin_across(1);
    cr_expect_eq(load(FAN_OUT, 1), QUIRE_OK);
    cr_expect_eq(rounds, 2);
    cr_expect_eq(file.reads, 2);
    cr_expect_eq(memory[0][0], 1, "the carry of 0xffffff + 0x1000");
    cr_expect_eq(load(FAN_OUT, 1), QUIRE_OK);
    cr_expect_eq(rounds, 1, "it is known by now");
    cr_expect_eq(file.reads, 3);
    cr_expect_eq(memory[0][0], 1);
    end_across();
}

Test(fobj_ro_reloc, reloc_loads_neighbours_whose_hashes_lie_in_two_pages)
{
    begin_across(4);
    cr_expect_eq(load(FAN_OUT - 2u, 4), QUIRE_OK);
    cr_expect_eq(rounds, 2);
    cr_expect_eq(file.reads, 4, "a page was read twice");
    cr_expect_eq(memory[1][PAGE - 3u], 0xff);
    cr_expect_eq(memory[1][PAGE - 2u], 0x0f);
    cr_expect_eq(memory[1][PAGE - 1u], 0x00);
    cr_expect_eq(memory[2][0], 1);
    cr_expect_eq(memory[3][0], 0);
    end_across();
}

/* A file of three pages, a word of which straddles pages 0 and 1, verified by a list. */
static void begin_three(void)
{
    random_state = 3;
    hashed_start(&file, 3u * PAGE, 32, 9);
    memset(&relocs, 0, sizeof relocs);
    offsets[0] = (uint32_t)PAGE - 2u;
    relocs.offsets = offsets;
    relocs.count = 1;
    relocs.word = 4;
    relocs.bias = 0x0001ff01;
    relocs.carries = carries;
    relocate_whole();
    begin(LIST);
}

static bool wiped(const unsigned char *page)
{
    return page[0] == 0 && memcmp(page, page + 1, PAGE - 1u) == 0;
}

Test(fobj_ro_reloc, reloc_lets_no_byte_decide_that_was_not_verified)
{
    size_t bit;

    begin_three();
    for (bit = 0; bit < 8u * PAGE; bit += bit < 8u * (PAGE - 4u) ? 997u : 1u) {
        hashed_page(&file, 0)[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
        cr_expect_eq(load(1, 1), QUIRE_INTEGRITY, "bit %zu of the page before", bit);
        cr_expect(wiped(memory[0]));
        cr_expect_eq(carries[0], 0, "something was learned from it");
        hashed_page(&file, 0)[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
    }
    expect_pages(1, 1);
    /* Now it is known: page 1 does not depend on page 0 any more. */
    hashed_page(&file, 0)[0] ^= 1u;
    expect_pages(1, 1);
    cr_expect_eq(load(0, 1), QUIRE_INTEGRITY);
    expect_pages(2, 1);
    hashed_page(&file, 0)[0] ^= 1u;
    expect_pages(0, 1);
    end(LIST);
    hashed_stop(&file);
}

Test(fobj_ro_reloc, reloc_passes_on_why_the_page_before_failed)
{
    static const enum quire_status answers[] = {QUIRE_IO, QUIRE_NO_MEMORY, QUIRE_INTEGRITY};
    size_t a;
    uint32_t n;

    for (a = 0; a < 3u; a++) {
        for (n = 1; n <= 4u; n++) { /* two pages read and hashed */
            begin_three();
            file.fail_at = n;
            file.status = answers[a];
            cr_expect_eq(load(1, 1), answers[a]);
            cr_expect(wiped(memory[0]));
            cr_expect_eq(file.calls, n);
            expect_pages(1, 1);
            end(LIST);
            hashed_stop(&file);
        }
    }
}

Test(fobj_ro_reloc, reloc_never_shows_the_source_an_address)
{
    unsigned char *before;

    begin_three();
    before = malloc(3u * PAGE);
    cr_assert_not_null(before);
    memcpy(before, file.bytes, 3u * PAGE);
    expect_pages(0, 3);
    cr_expect_eq(memcmp(before, file.bytes, 3u * PAGE), 0);
    cr_expect_null(ro.base.ops->save);
    cr_expect_eq(quire_fobj_ro_bias(&ro), relocs.bias);
    free(before);
    end(LIST);
    hashed_stop(&file);
}

/* What `verify` sees is the file's bytes, also of the page before. */
static uint32_t seen[3];

static enum quire_status verify(void *ctx, const struct quire_fobj *fobj, uint32_t pgidx, const void *page)
{
    (void)ctx;
    cr_expect_eq(fobj, &ro.base);
    cr_expect_eq(memcmp(page, hashed_page(&file, pgidx), PAGE), 0, "page %u was relocated before it was verified", pgidx);
    seen[pgidx]++;
    return QUIRE_OK;
}

Test(fobj_ro_reloc, reloc_comes_after_the_callback_that_verifies)
{
    struct quire_fobj_ro_config config;

    begin_three();
    end(LIST);
    config = hashed_config(&file, slots);
    config.relocs = relocs;
    config.verify = verify;
    cr_assert_eq(quire_fobj_ro_init(&ro, &config), QUIRE_OK);
    expect_pages(1, 1);
    cr_expect(seen[0] == 1u && seen[1] == 1u && seen[2] == 0);
    expect_pages(1, 2);
    cr_expect(seen[0] == 1u && seen[1] == 2u && seen[2] == 1u);
    cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_OK);
    hashed_stop(&file);
}

Test(fobj_ro_reloc, reloc_init_refuses_tables_that_cannot_be)
{
    struct quire_fobj_ro made;
    struct quire_fobj_ro before;
    struct quire_fobj_ro_config config;
    unsigned i;

    begin_three();
    end(LIST);
    memset(&before, 0x5a, sizeof before);
    for (i = 0; i < 6u; i++) {
        offsets[0] = 8;
        offsets[1] = 16;
        config = hashed_config(&file, slots);
        config.relocs = relocs;
        config.relocs.count = 2;
        config.relocs.word = 8;
        switch (i) {
        case 0:
            offsets[1] = 3u * (uint32_t)PAGE - 7u;
            break; /* outside */
        case 1:
            offsets[1] = 15;
            break; /* overlaps */
        case 2:
            offsets[0] = 24;
            break; /* unsorted */
        case 3:
            config.relocs.offsets = NULL;
            break;
        case 4:
            config.relocs.word = 2;
            break;
        default:
            offsets[1] = (uint32_t)PAGE - 1u; /* straddles, and nowhere to remember it */
            config.relocs.carries = NULL;
            break;
        }
        memset(&made, 0x5a, sizeof made);
        carries[0] = 77;
        cr_expect_eq(quire_fobj_ro_init(&made, &config), QUIRE_INVALID, "case %u", i);
        cr_expect_eq(memcmp(&made, &before, sizeof made), 0, "case %u changed it", i);
        cr_expect_eq(carries[0], 77);
    }
    config.len = 2u * PAGE + 4u; /* the zeros behind the end are no content */
    offsets[0] = 2u * (uint32_t)PAGE;
    config.relocs.count = 1;
    cr_expect_eq(quire_fobj_ro_init(&made, &config), QUIRE_INVALID);
    config.relocs.word = 4;
    cr_expect_eq(quire_fobj_ro_init(&made, &config), QUIRE_OK);
    hashed_stop(&file);
}

/* ---- Biases and sharing ---- */

static struct quire_fobj_ro shown[3];
static uint32_t shown_slots[3][4];
static uint32_t shown_carries[3][1];

static void show(unsigned i, uint64_t bias)
{
    struct quire_fobj_ro_config config = hashed_config(&file, shown_slots[i]);

    config.hash = file.hash;
    config.hashes = file.list;
    config.hashes_len = file.list_len;
    config.relocs = relocs;
    config.relocs.bias = bias;
    config.relocs.carries = shown_carries[i];
    cr_assert_eq(quire_fobj_ro_init(&shown[i], &config), QUIRE_OK);
}

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx;
    (void)align;
    return malloc(size);
}

static void mem_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    (void)size;
    free(ptr);
}

/* The word at the end of page 0, as a context reads it. */
static uint32_t word_at(struct rig *rig, struct quire_vm *vm, uintptr_t va)
{
    unsigned char b[4];

    EXPECT(rig_read(rig, vm, va + PAGE - 2u, b, sizeof b), QUIRE_OK);
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

Test(fobj_ro_reloc, reloc_biases_of_one_tag_live_together_and_equal_ones_share)
{
    static const struct quire_mem mem = {NULL, mem_alloc, mem_free};
    static const uint8_t tag[4] = {1, 2, 3, 4};
    static const uintptr_t bias[3] = {0x10000, 0x7fff0000, 0x10000};
    struct quire_file_table table;
    struct quire_file *named;
    struct quire_file_slice slice;
    struct rig_config config = {.pages = 16};
    struct quire_vm vm[3];
    uint32_t origin;
    struct rig rig;
    unsigned i;

    begin_three();
    end(LIST);
    origin = (uint32_t)file.bytes[PAGE - 2u] | (uint32_t)file.bytes[PAGE - 1u] << 8 | (uint32_t)file.bytes[PAGE] << 16 |
             (uint32_t)file.bytes[PAGE + 1u] << 24;
    rig_start(&rig, &config);
    cr_assert_eq(quire_file_table_init(&table, &mem, NULL), QUIRE_OK);
    cr_assert_eq(quire_file_new(&table, tag, sizeof tag, NULL, 0, &named), QUIRE_OK);
    for (i = 0; i < 3u; i++) {
        rig_vm_start(&rig, &vm[i]);
        if (quire_file_find_slice(named, 0, bias[i], &slice) == QUIRE_NOT_FOUND) {
            show(i, bias[i]);
            memset(&slice, 0, sizeof slice);
            slice.fobj = &shown[i].base;
            slice.bias = quire_fobj_ro_bias(&shown[i]);
            cr_assert_eq(slice.bias, bias[i]);
            cr_assert_eq(quire_file_add_slice(named, &slice), QUIRE_OK);
        }
        cr_expect_eq(slice.fobj, &shown[i % 2u].base, "the third shares with the first");
        EXPECT(rig_map(&vm[i], slice.fobj, RIG_VA, RIG_READ), QUIRE_OK);
        cr_expect_eq(quire_fobj_put(slice.fobj), QUIRE_OK);
    }
    for (i = 0; i < 3u; i++) {
        cr_expect_eq(word_at(&rig, &vm[i], RIG_VA), (uint32_t)(origin + bias[i]), "context %u", i);
    }
    cr_expect_eq(shown[0].base.resident, 2);
    cr_expect_eq(shown[1].base.resident, 2);
    cr_expect_eq(rig_query(&vm[0], RIG_VA).pa.addr, rig_query(&vm[2], RIG_VA).pa.addr, "equal biases have one page");
    cr_expect_neq(rig_query(&vm[0], RIG_VA).pa.addr, rig_query(&vm[1], RIG_VA).pa.addr, "other biases have another");
    EXPECT_SOUND(&rig);
    for (i = 0; i < 3u; i++) {
        EXPECT(rig_vm_stop(&rig, &vm[i]), QUIRE_OK);
    }
    cr_expect_eq(quire_file_put(named), QUIRE_OK);
    cr_expect_eq(quire_file_table_fini(&table), QUIRE_OK);
    END(&rig);
    hashed_stop(&file);
}

Test(fobj_ro_reloc, reloc_is_done_again_each_time_a_page_comes_back)
{
    unsigned machine;

    for (machine = 0; machine < RIG_MACHINES; machine++) {
        struct rig_config config = rig_machine(machine, (struct rig_config){.step = 1});
        unsigned char bytes[QUIRE_PAGE_SIZE];
        struct quire_vm vm;
        struct rig rig;
        unsigned i;

        config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, 1, 0);
        begin_three();
        rig_start(&rig, &config);
        rig_vm_start(&rig, &vm);
        EXPECT(rig_map(&vm, &ro.base, RIG_VA, RIG_READ), QUIRE_OK);
        for (i = 0; i < 12u; i++) {
            uint32_t pgidx = (i * 2u + 1u) % 3u;

            EXPECT(rig_read(&rig, &vm, RIG_AT(pgidx), bytes, sizeof bytes), QUIRE_OK);
            cr_expect_eq(memcmp(bytes, whole + pgidx * PAGE, PAGE), 0, "page %u", pgidx);
        }
        cr_expect_gt(rig_stats(&rig).evictions, 3, "machine %u: %ju", machine, (uintmax_t)rig_stats(&rig).evictions);
        EXPECT(rig_vm_stop(&rig, &vm), QUIRE_OK);
        end(LIST);
        END(&rig);
        hashed_stop(&file);
    }
}
