/* fobj_ro.h with hashes: a list, a list that is paged itself, and a tree; every changed bit is found, in secure memory that need
 * not grow. */
#include "rig_test.h"

#include <stdlib.h>

#include "hashed.h"

#define PAGE QUIRE_PAGE_SIZE
#define SIZE 64u
#define FAN_OUT ((uint32_t)(PAGE / SIZE))
#define TAIL 37u

enum way { LIST, PAGED_LIST, TREE, WAYS };

static struct hashed file;
static struct hashed_tree tree;
static struct quire_fobj_ro ro;
static uint32_t *slots;
static struct quire_fobj_ro list;
static uint32_t list_slots[64];
static unsigned releases;

static void release(void *ctx, struct quire_fobj *fobj)
{
    (void)ctx;
    (void)fobj;
    releases++;
}

/* ---- The list as an object ---- */

static struct quire_fobj_ro_config list_config(void)
{
    struct quire_fobj_ro_config config;

    memset(&config, 0, sizeof config);
    config.len = (uint64_t)quire_hash_shape_width(&file.shape, 1) * PAGE;
    config.slots = list_slots;
    config.data = file.nodes;
    config.release = release;
    return config;
}

static struct quire_fobj_ro_config config_by(enum way way)
{
    struct quire_fobj_ro_config config = hashed_config(&file, slots);

    if (way == LIST) {
        config.hash = file.hash;
        config.hashes = file.list;
        config.hashes_len = file.list_len;
    } else if (way == PAGED_LIST) {
        config.hash = file.hash;
        config.hash_fobj = &list.base;
    } else {
        config.hash_tree = &tree.tree;
    }
    return config;
}

static void begin_file(uint32_t npages)
{
    hashed_start(&file, (uint64_t)(npages - 1u) * PAGE + TAIL, SIZE, npages);
    slots = calloc(npages, sizeof *slots);
    cr_assert_not_null(slots);
}

static void end_file(void)
{
    free(slots);
    hashed_stop(&file);
}

static void begin(enum way way, uint32_t npages)
{
    struct quire_fobj_ro_config config;

    begin_file(npages);
    releases = 0;
    if (way == PAGED_LIST) {
        config = list_config();
        cr_assert_eq(quire_fobj_ro_init(&list, &config), QUIRE_OK);
    } else if (way == TREE) {
        hashed_tree_start(&tree, &file, 2);
    }
    config = config_by(way);
    cr_assert_eq(quire_fobj_ro_init(&ro, &config), QUIRE_OK);
    cr_expect_eq(ro.base.rank, way == PAGED_LIST ? 1u : 0u);
}

static void end(enum way way)
{
    cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_OK);
    if (way == PAGED_LIST) {
        cr_expect_eq(quire_fobj_put(&list.base), QUIRE_OK);
        cr_expect_eq(releases, 1, "the list was not let go of");
    } else if (way == TREE) {
        hashed_tree_stop(&tree);
    }
    end_file();
}

/* ---- Loads as the pager asks for them ---- */

static unsigned char memory[4][QUIRE_PAGE_SIZE];
static struct quire_io io;
static void *io_pages[4] = {memory[0], memory[1], memory[2], memory[3]};
static unsigned rounds;

static void ask(uint32_t pgidx, uint32_t npages)
{
    memset(memory, 0xee, sizeof memory);
    memset(&io, 0, sizeof io);
    io.fobj = &ro.base;
    io.pgidx = pgidx;
    io.npages = npages;
    io.page = io_pages;
}

static enum quire_status load(uint32_t pgidx, uint32_t npages)
{
    unsigned char needed[QUIRE_PAGE_SIZE];
    enum quire_status status;

    ask(pgidx, npages);
    rounds = 0;
    while ((status = ro.base.ops->load(&io)) == QUIRE_NEED && rounds < 8u) {
        cr_assert_eq(io.need_fobj, &list.base);
        cr_assert_lt(io.need_pgidx, list.base.num_pages);
        cr_assert_not(io.need_write);
        memcpy(needed, hashed_node(&file, 1, io.need_pgidx), PAGE);
        io.need_fobj = NULL;
        io.need_page = needed;
        rounds++;
    }
    return status;
}

static bool wiped(const unsigned char *page, int byte)
{
    return page[0] == byte && memcmp(page, page + 1, PAGE - 1u) == 0;
}

static void expect_pages(uint32_t pgidx, uint32_t npages)
{
    enum quire_status status = load(pgidx, npages);
    uint32_t i;

    cr_expect_eq(status, QUIRE_OK, "page %u: %s", pgidx, quire_status_name(status));
    for (i = 0; i < npages; i++) {
        cr_expect_eq(memcmp(memory[i], hashed_page(&file, pgidx + i), PAGE), 0, "page %u", pgidx + i);
    }
}

static void expect_refused(uint32_t pgidx, enum quire_status expected)
{
    enum quire_status status = load(pgidx, 1);

    cr_expect_eq(status, expected, "page %u: %s", pgidx, quire_status_name(status));
    cr_expect(wiped(memory[0], 0), "a refused page kept its content");
}

TestSuite(fobj_ro_hashes, .timeout = 60);

Test(fobj_ro_hashes, hashes_let_good_pages_pass)
{
    uint32_t npages = 2u * FAN_OUT + 3u;
    unsigned way;
    uint32_t i;

    for (way = 0; way < WAYS; way++) {
        begin((enum way)way, npages);
        for (i = 0; i < npages; i++) {
            expect_pages(i, 1);
        }
        for (i = 0; i + 4u <= npages; i += 3u) {
            expect_pages(i, 4);
        }
        end((enum way)way);
    }
}

Test(fobj_ro_hashes, hashes_find_every_changed_bit_of_a_page)
{
    unsigned way;
    size_t bit;

    for (way = 0; way < WAYS; way++) {
        begin((enum way)way, 3);
        for (bit = 0; bit < 8u * PAGE; bit += rig_stride(61)) {
            hashed_page(&file, 1)[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
            cr_assert_eq(load(1, 1), QUIRE_INTEGRITY, "bit %zu", bit);
            cr_assert(wiped(memory[0], 0));
            hashed_page(&file, 1)[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
        }
        for (bit = 0; bit < 8u * TAIL; bit++) {
            hashed_page(&file, 2)[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
            expect_refused(2, QUIRE_INTEGRITY);
            hashed_page(&file, 2)[bit / 8u] ^= (unsigned char)(1u << bit % 8u);
        }
        expect_pages(1, 1);
        expect_pages(2, 1);
        end((enum way)way);
    }
}

Test(fobj_ro_hashes, hashes_find_every_changed_bit_of_a_hash)
{
    size_t bit;

    begin(LIST, 3);
    for (bit = 0; bit < 8u * SIZE; bit++) {
        file.list[SIZE + bit / 8u] ^= (unsigned char)(1u << bit % 8u);
        expect_refused(1, QUIRE_INTEGRITY);
        expect_pages(2, 1);
        file.list[SIZE + bit / 8u] ^= (unsigned char)(1u << bit % 8u);
    }
    end(LIST);
    begin(PAGED_LIST, 3);
    for (bit = 0; bit < 8u * SIZE; bit++) {
        hashed_node(&file, 1, 0)[SIZE + bit / 8u] ^= (unsigned char)(1u << bit % 8u);
        expect_refused(1, QUIRE_INTEGRITY);
        expect_pages(2, 1);
        hashed_node(&file, 1, 0)[SIZE + bit / 8u] ^= (unsigned char)(1u << bit % 8u);
    }
    end(PAGED_LIST);
}

Test(fobj_ro_hashes, hashes_find_pages_in_each_others_place_and_nodes_in_that_of_pages)
{
    unsigned char page[QUIRE_PAGE_SIZE];
    unsigned way;

    for (way = 0; way < WAYS; way++) {
        begin((enum way)way, FAN_OUT + 2u);
        memcpy(page, hashed_page(&file, 0), PAGE);
        memcpy(hashed_page(&file, 0), hashed_page(&file, FAN_OUT), PAGE);
        expect_refused(0, QUIRE_INTEGRITY);
        memcpy(hashed_page(&file, FAN_OUT), page, PAGE);
        expect_refused(FAN_OUT, QUIRE_INTEGRITY);
        memcpy(hashed_page(&file, 0), hashed_node(&file, 1, 0), PAGE);
        expect_refused(0, QUIRE_INTEGRITY);
        expect_pages(1, 1);
        end((enum way)way);
    }
}

Test(fobj_ro_hashes, hashes_pass_on_every_failure_and_the_next_load_works)
{
    static const int answers[] = {QUIRE_IO, QUIRE_NO_MEMORY, QUIRE_PENDING, 1};
    static const uint32_t calls[WAYS] = {2, 2, 6}; /* of the hooks: a page, and two nodes of the tree, read and hashed */
    unsigned way;
    uint32_t n;
    size_t a;

    for (way = 0; way < WAYS; way++) {
        for (a = 0; a < sizeof answers / sizeof answers[0]; a++) {
            for (n = 1; n <= calls[way]; n++) {
                begin((enum way)way, FAN_OUT + 2u);
                file.fail_at = n;
                file.status = (enum quire_status)answers[a];
                expect_refused(FAN_OUT, a < 2u ? file.status : QUIRE_BAD_ANSWER);
                cr_expect_eq(file.calls, n);
                expect_pages(FAN_OUT, 1);
                expect_pages(0, 1);
                end((enum way)way);
            }
        }
        begin((enum way)way, FAN_OUT + 2u);
        expect_pages(FAN_OUT, 1);
        cr_expect_eq(file.calls, calls[way]);
        end((enum way)way);
    }
}

Test(fobj_ro_hashes, hashes_of_32_bytes_are_the_default_and_24_leave_a_gap)
{
    static const uint32_t sizes[] = {0, 24};
    struct quire_fobj_ro_config config;
    size_t s;

    for (s = 0; s < 2u; s++) {
        uint32_t npages = (uint32_t)(PAGE / 24u) + 2u;
        uint32_t i;

        hashed_start(&file, (uint64_t)npages * PAGE, sizes[s], 5);
        slots = calloc(npages, sizeof *slots);
        config = list_config();
        cr_assert_eq(quire_fobj_ro_init(&list, &config), QUIRE_OK);
        config = config_by(PAGED_LIST);
        cr_assert_eq(quire_fobj_ro_init(&ro, &config), QUIRE_OK);
        for (i = 0; i < npages; i++) {
            expect_pages(i, 1);
        }
        cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_OK);
        cr_expect_eq(quire_fobj_put(&list.base), QUIRE_OK);
        config = config_by(LIST);
        cr_expect_eq(config.hashes_len, (size_t)npages * (sizes[s] != 0 ? 24u : 32u));
        cr_assert_eq(quire_fobj_ro_init(&ro, &config), QUIRE_OK);
        for (i = 0; i < npages; i++) {
            expect_pages(i, 1);
        }
        end_file();
    }
}

/* ---- The list that is paged ---- */

Test(fobj_ro_hashes, hashes_are_needed_before_anything_is_touched)
{
    begin(PAGED_LIST, FAN_OUT + 2u);
    ask(FAN_OUT + 1u, 1);
    cr_expect_eq(ro.base.ops->load(&io), QUIRE_NEED);
    cr_expect_eq(io.need_fobj, &list.base);
    cr_expect_eq(io.need_pgidx, 1);
    cr_expect_not(io.need_write);
    cr_expect(wiped(memory[0], 0xee), "the page was touched");
    cr_expect_eq(file.calls, 0);
    expect_pages(FAN_OUT + 1u, 1);
    cr_expect_eq(rounds, 1);
    end(PAGED_LIST);
}

Test(fobj_ro_hashes, hashes_in_two_pages_take_two_rounds_and_no_page_is_read_twice)
{
    begin(PAGED_LIST, FAN_OUT + 3u);
    expect_pages(FAN_OUT - 2u, 4);
    cr_expect_eq(rounds, 2);
    cr_expect_eq(file.reads, 4);
    expect_pages(FAN_OUT - 2u, 2);
    cr_expect_eq(rounds, 1);
    hashed_page(&file, FAN_OUT)[0] ^= 1u;
    cr_expect_eq(load(FAN_OUT - 1u, 3), QUIRE_INTEGRITY);
    cr_expect(wiped(memory[1], 0));
    end(PAGED_LIST);
}

Test(fobj_ro_hashes, hashes_of_a_part_begin_where_it_is_told)
{
    uint32_t npages = 2u * FAN_OUT;
    uint32_t first;
    unsigned way;

    for (way = PAGED_LIST; way < WAYS; way++) {
        for (first = FAN_OUT - 3u; first <= FAN_OUT + 1u; first++) {
            struct quire_fobj_ro_config config;
            struct quire_fobj_ro part;

            begin((enum way)way, npages);
            config = config_by((enum way)way);
            config.read = NULL;
            config.data = hashed_page(&file, first);
            config.len = 5u * PAGE;
            config.hash_first = first;
            config.slots = calloc(5, sizeof *config.slots);
            cr_assert_eq(quire_fobj_ro_init(&part, &config), QUIRE_OK);
            cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_OK);
            ro = part; /* so that load() and end() are about it; nobody has its address */
            cr_expect_eq(load(0, 4), QUIRE_OK);
            cr_expect_eq(memcmp(memory[3], hashed_page(&file, first + 3u), PAGE), 0);
            cr_expect_eq(load(4, 1), QUIRE_OK);
            hashed_page(&file, first + 4u)[9] ^= 1u;
            expect_refused(4, QUIRE_INTEGRITY);
            free(config.slots);
            end((enum way)way);
        }
    }
}

/* ---- What init refuses ---- */

static struct quire_fobj_ro made;

static void expect_init(const struct quire_fobj_ro_config *config, enum quire_status expected, int line)
{
    struct quire_fobj_ro before;
    uint32_t refs = quire_refcount_read(&list.base.refs);

    memset(&made, 0x5a, sizeof made);
    memset(&before, 0x5a, sizeof before);
    cr_expect_eq(quire_fobj_ro_init(&made, config), expected, "line %d", line);
    if (expected != QUIRE_OK) {
        cr_expect_eq(memcmp(&made, &before, sizeof made), 0, "line %d: a refused init changed the object", line);
        cr_expect_eq(quire_refcount_read(&list.base.refs), refs, "line %d: it kept a reference", line);
    } else {
        cr_expect_eq(quire_fobj_put(&made.base), QUIRE_OK);
    }
}

#define INIT(config, expected) expect_init((config), (expected), __LINE__)

Test(fobj_ro_hashes, hashes_of_another_length_are_refused)
{
    struct quire_fobj_ro_config config;
    size_t len;

    begin(LIST, 3);
    config = config_by(LIST);
    for (len = 0; len <= 4u * SIZE; len++) {
        config.hashes_len = len;
        INIT(&config, len == 3u * SIZE ? QUIRE_OK : QUIRE_INVALID);
    }
    config.hashes_len = SIZE_MAX;
    INIT(&config, QUIRE_INVALID);
    config.hashes = NULL;
    config.hashes_len = 3u * SIZE;
    INIT(&config, QUIRE_INVALID); /* a length of nothing */
    end(LIST);
}

Test(fobj_ro_hashes, hashes_without_a_usable_hook_are_refused)
{
    struct quire_fobj_ro_config config;
    unsigned way;

    for (way = LIST; way < TREE; way++) {
        begin((enum way)way, 3);
        config = config_by((enum way)way);
        config.hash.digest = NULL;
        INIT(&config, QUIRE_INVALID);
        config.hash = file.hash;
        config.hash.size = 30;
        INIT(&config, QUIRE_INVALID);
        config.hash.size = 72;
        INIT(&config, QUIRE_INVALID);
        end((enum way)way);
    }
}

Test(fobj_ro_hashes, hash_with_nothing_to_compare_it_with_is_refused)
{
    struct quire_fobj_ro_config config;

    begin(LIST, 3);
    config = config_by(LIST);
    config.hashes = NULL;
    config.hashes_len = 0;
    INIT(&config, QUIRE_INVALID); /* else nothing would be verified, and nobody would know */
    end(LIST);
}

static enum quire_status verify(void *ctx, const struct quire_fobj *fobj, uint32_t pgidx, const void *page)
{
    (void)ctx;
    (void)fobj;
    (void)pgidx;
    (void)page;
    return QUIRE_OK;
}

Test(fobj_ro_hashes, hashes_of_two_kinds_are_refused)
{
    struct quire_fobj_ro_config one[4];
    unsigned i;
    unsigned j;

    begin(PAGED_LIST, 3);
    hashed_tree_start(&tree, &file, 1);
    for (i = 0; i < 4u; i++) {
        one[i] = i < (unsigned)WAYS ? config_by((enum way)i) : hashed_config(&file, slots);
    }
    one[3].verify = verify;
    for (i = 0; i < 4u; i++) {
        INIT(&one[i], QUIRE_OK);
        for (j = 0; j < i; j++) {
            struct quire_fobj_ro_config both = one[j];

            both.hash = file.hash;
            both.verify = one[i].verify;
            both.hash_tree = one[i].hash_tree != NULL ? one[i].hash_tree : both.hash_tree;
            both.hash_fobj = one[i].hash_fobj != NULL ? one[i].hash_fobj : both.hash_fobj;
            INIT(&both, QUIRE_INVALID);
        }
    }
    hashed_tree_stop(&tree);
    end(PAGED_LIST);
}

static void phys(struct quire_fobj *fobj, uint32_t pgidx, struct quire_pa *pa, uint32_t *npages)
{
    (void)fobj;
    *pa = quire_pa_make((uint64_t)pgidx << QUIRE_PAGE_SHIFT);
    *npages = 1;
}

Test(fobj_ro_hashes, hashes_need_an_object_that_has_them)
{
    static const struct quire_fobj_ops unpaged = {"unpaged", 0, NULL, NULL, phys, NULL};
    struct quire_fobj_ro_config config;
    struct quire_fobj fobj;

    begin(PAGED_LIST, FAN_OUT + 3u);
    config = config_by(PAGED_LIST);
    cr_assert_eq(list.base.num_pages, 2);
    config.hash_first = FAN_OUT - 3u;
    INIT(&config, QUIRE_OK);
    config.hash_first++; /* its last hash would be in a third page */
    INIT(&config, QUIRE_INVALID);
    config.hash_first = UINT32_MAX;
    INIT(&config, QUIRE_INVALID);
    config.hash_first = UINT32_MAX - FAN_OUT;
    INIT(&config, QUIRE_INVALID);
    config.hash_first = 0;
    config.slots = NULL; /* found last: the reference is given back */
    INIT(&config, QUIRE_INVALID);
    config.slots = slots;
    cr_assert_eq(quire_fobj_init(&fobj, &unpaged, 8, NULL, QUIRE_PROT_READ, 0), QUIRE_OK);
    config.hash_fobj = &fobj;
    INIT(&config, QUIRE_INVALID);
    config.hash_fobj = &list.base;
    list.base.origin = &fobj; /* a copy on write: no store may need its pages */
    INIT(&config, QUIRE_INVALID);
    list.base.origin = NULL;
    list.base.rank = QUIRE_FOBJ_RANK_MAX;
    INIT(&config, QUIRE_INVALID);
    list.base.rank = QUIRE_FOBJ_RANK_MAX - 1u;
    INIT(&config, QUIRE_OK);
    cr_expect_eq(made.base.rank, QUIRE_FOBJ_RANK_MAX);
    end(PAGED_LIST);
    INIT(&config, QUIRE_DEAD);
}

Test(fobj_ro_hashes, hashes_need_a_tree_of_enough_leaves)
{
    struct quire_fobj_ro_config config;

    begin(TREE, 3);
    config = config_by(TREE);
    INIT(&config, QUIRE_OK);
    config.hash_first = 1;
    INIT(&config, QUIRE_INVALID);
    config.hash_first = UINT32_MAX;
    INIT(&config, QUIRE_INVALID);
    config.len = PAGE;
    config.hash_first = 2;
    INIT(&config, QUIRE_OK);
    config.hash_first = 3;
    INIT(&config, QUIRE_INVALID);
    end(TREE);
}

/* ---- Under the pager ---- */

#define PARENTS 2u

static struct rig rig;
static struct quire_vm vm[2];
static struct quire_fobj_ro parent[PARENTS]; /* [0]: the list of the list's hashes, in secure memory; [1]: the list */
static uint32_t parent_slots[PARENTS][8];
static unsigned char *top; /* hashes of the list's pages */

/* Three levels: the file's hashes are paged, and so are the hashes of those pages, whose hashes are a list in secure memory: the
 * nodes of the tree with what verifies each level. */
static void page_three_levels(void)
{
    struct quire_fobj_ro_config config;
    uint32_t width = quire_hash_shape_width(&file.shape, 2);
    uint32_t i;

    cr_assert_eq(file.shape.depth, 2);
    top = malloc(width * (size_t)SIZE);
    cr_assert_not_null(top);
    for (i = 0; i < width; i++) {
        cr_assert_eq(hashed_digest(&file, 0, hashed_node(&file, 2, i), top + i * SIZE), QUIRE_OK);
    }
    memset(&config, 0, sizeof config);
    config.hash = file.hash;
    config.len = (uint64_t)width * PAGE;
    config.data = hashed_node(&file, 2, 0);
    config.slots = parent_slots[0];
    config.hashes = top;
    config.hashes_len = width * (size_t)SIZE;
    cr_assert_eq(quire_fobj_ro_init(&parent[0], &config), QUIRE_OK);
    config.hashes = NULL;
    config.hashes_len = 0;
    config.len = (uint64_t)quire_hash_shape_width(&file.shape, 1) * PAGE;
    config.data = file.nodes;
    config.slots = parent_slots[1];
    config.hash_fobj = &parent[0].base;
    cr_assert_eq(quire_fobj_ro_init(&parent[1], &config), QUIRE_OK);
    config = hashed_config(&file, slots);
    config.hash = file.hash;
    config.hash_fobj = &parent[1].base;
    cr_assert_eq(quire_fobj_ro_init(&ro, &config), QUIRE_OK);
    cr_assert_eq(ro.base.rank, 2);
}

/* hashed.c's hashes tell levels apart; here every level's pages are pages of content of an object. */
static void hash_list_as_content(void)
{
    uint32_t i;

    for (i = 0; i < quire_hash_shape_width(&file.shape, 1); i++) {
        cr_assert_eq(hashed_digest(&file, 0, hashed_node(&file, 1, i), hashed_node(&file, 2, 0) + i * SIZE), QUIRE_OK);
    }
}

static void begin_paged(struct rig_config config, uint32_t npages)
{
    unsigned i;

    begin_file(npages);
    hash_list_as_content();
    page_three_levels();
    config.rank_max = 2;
    rig_start(&rig, &config);
    for (i = 0; i < 2u; i++) {
        rig_vm_start(&rig, &vm[i]);
        EXPECT(rig_map(&vm[i], &ro.base, RIG_VA, RIG_READ), QUIRE_OK);
    }
    for (i = 0; i < PARENTS; i++) {
        EXPECT(quire_pager_know(&rig.pager, &parent[i].base), QUIRE_OK);
    }
}

static void end_paged(void)
{
    unsigned i;

    cr_expect_eq(rig.pager.holds, 0);
    cr_expect_null(rig.pager.needing);
    cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_OK);
    for (i = 0; i < PARENTS; i++) {
        cr_expect_eq(quire_fobj_put(&parent[i].base), QUIRE_OK);
        cr_expect_eq(quire_refcount_read(&parent[i].base.refs), 1, "whoever needs it has a reference");
    }
    EXPECT_SOUND(&rig);
    EXPECT(rig_vm_stop(&rig, &vm[0]), QUIRE_OK);
    cr_expect_eq(quire_refcount_read(&parent[1].base.refs), 1);
    EXPECT(rig_vm_stop(&rig, &vm[1]), QUIRE_OK); /* the last area, the object, what it needs, and what that needs */
    for (i = 0; i < PARENTS; i++) {
        cr_expect_eq(quire_refcount_read(&parent[i].base.refs), 0);
    }
    cr_expect_eq(rig_stats(&rig).pages[QUIRE_PAGE_FREE], rig.config.pages);
    END(&rig);
    free(top);
    end_file();
}

static enum quire_status read_page(unsigned context, uint32_t pgidx)
{
    unsigned char bytes[QUIRE_PAGE_SIZE];
    enum quire_status status = rig_read(&rig, &vm[context], RIG_AT(pgidx), bytes, sizeof bytes);

    if (status == QUIRE_OK) {
        cr_expect_eq(memcmp(bytes, hashed_page(&file, pgidx), PAGE), 0, "page %u", pgidx);
    }
    return status;
}

Test(fobj_ro_hashes, hashes_of_three_levels_work_in_the_fewest_pages_on_every_machine)
{
    unsigned machine;
    uint64_t random = 5;
    unsigned i;

    for (machine = 0; machine < RIG_MACHINES; machine += rig_stride(7)) {
        struct rig_config config = rig_machine(
            machine, (struct rig_config){.step = 1, .vm_pages = 256, .pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, 1, 2)});

        begin_paged(config, 2u * FAN_OUT + 3u);
        for (i = 0; i < 60u; i++) {
            EXPECT(read_page(i % 2u, random_below(&random, file.npages)), QUIRE_OK);
        }
        EXPECT_SOUND(&rig);
        cr_expect_gt(rig_stats(&rig).needs, 30);
        cr_expect_eq(rig_stats(&rig).bad_answers + rig_stats(&rig).load_failures, 0);
        end_paged();
    }
}

Test(fobj_ro_hashes, hashes_that_stay_are_not_loaded_again)
{
    struct rig_config config = {.vm_pages = 256, .pages = 24};
    uint64_t majors;
    uint32_t i;

    begin_paged(config, FAN_OUT + 3u);
    for (i = 0; i < 8u; i++) {
        EXPECT(read_page(0, i), QUIRE_OK);
    }
    majors = rig_stats(&rig).needs;
    cr_expect_eq(parent[1].base.resident, 1, "the pool is the cache");
    cr_expect_eq(parent[0].base.resident, 1);
    cr_expect_eq(majors, 8u + 1u, "each page needed the list; the list's page its own hash once");
    end_paged();
}

Test(fobj_ro_hashes, hashes_of_three_levels_find_a_change_in_any_and_spare_the_rest)
{
    struct rig_config config = {.vm_pages = 256, .pages = 8, .step = 1};
    unsigned level;

    for (level = 0; level < 3u; level++) {
        unsigned char *changed;

        begin_paged(config, 2u * FAN_OUT + 3u);
        changed = level == 0 ? hashed_page(&file, FAN_OUT + 1u) : hashed_node(&file, level, level == 1u ? 1 : 0);
        changed[level == 2u ? SIZE + 5u : 70u] ^= 4u;
        EXPECT(read_page(0, FAN_OUT + 1u), QUIRE_INTEGRITY);
        EXPECT_SOUND(&rig);
        EXPECT(read_page(1, FAN_OUT + 1u), QUIRE_INTEGRITY);
        EXPECT(read_page(1, 0), level == 2u ? QUIRE_INTEGRITY : QUIRE_OK); /* all hang on the page of level 2 */
        EXPECT(read_page(0, FAN_OUT + 2u), level == 0 ? QUIRE_OK : QUIRE_INTEGRITY);
        changed[level == 2u ? SIZE + 5u : 70u] ^= 4u;
        EXPECT(read_page(0, FAN_OUT + 1u), QUIRE_OK);
        EXPECT(read_page(1, FAN_OUT + 2u), QUIRE_OK);
        EXPECT_SOUND(&rig);
        end_paged();
    }
}

Test(fobj_ro_hashes, hashes_pass_on_every_failure_of_a_need_and_nothing_is_lost)
{
    struct rig_config config = {.vm_pages = 256, .pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, 1, 2), .step = 1};
    uint32_t n;
    bool failed = true;

    for (n = 1; failed; n++) {
        enum quire_status status;

        begin_paged(config, FAN_OUT + 3u);
        file.calls = 0;
        file.fail_at = n;
        file.status = QUIRE_IO;
        status = read_page(0, FAN_OUT + 1u);
        failed = file.calls >= n;
        file.fail_at = 0;
        EXPECT(status, failed ? QUIRE_IO : QUIRE_OK);
        EXPECT_SOUND(&rig);
        EXPECT(read_page(1, FAN_OUT + 1u), QUIRE_OK);
        EXPECT(read_page(0, 0), QUIRE_OK);
        end_paged();
    }
    cr_expect_eq(n, 6, "a read and three hashes can fail, not %u", n - 2u);
}

Test(fobj_ro_hashes, hashes_are_charged_to_the_account_of_their_object)
{
    struct rig_config config = {.vm_pages = 256, .pages = 24};
    static struct rig_account account;
    uint32_t i;

    begin_file(2u * FAN_OUT + 3u);
    hash_list_as_content();
    page_three_levels();
    config.rank_max = 2;
    rig_start(&rig, &config);
    cr_assert_eq(rig_account_start(&rig, &account, 1, 0), QUIRE_OK);
    EXPECT(quire_pager_know(&rig.pager, &parent[0].base), QUIRE_OK);
    EXPECT(quire_fobj_set_account(&parent[1].base, &account.account), QUIRE_OK);
    for (i = 0; i < 2u; i++) {
        rig_vm_start(&rig, &vm[i]);
        EXPECT(rig_map(&vm[i], &ro.base, RIG_VA, RIG_READ), QUIRE_OK);
    }
    for (i = 0; i < 12u; i++) {
        EXPECT(read_page(0, i * 11u % file.npages), QUIRE_OK);
        cr_expect_eq(account.account.charged, parent[1].base.resident);
    }
    cr_expect_gt(account.account.charged, 0);
    cr_expect_gt(account.account.stats.over_quota, 0, "what a load depends on comes whatever the quota, if there is room");
    EXPECT_SOUND(&rig);
    EXPECT(rig_vm_stop(&rig, &vm[0]), QUIRE_OK);
    EXPECT(rig_vm_stop(&rig, &vm[1]), QUIRE_OK);
    for (i = 0; i < PARENTS; i++) {
        cr_expect_eq(quire_fobj_put(&parent[i].base), QUIRE_OK);
    }
    cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_OK);
    EXPECT(quire_account_fini(&account.account), QUIRE_OK);
    END(&rig);
    free(top);
    end_file();
}
