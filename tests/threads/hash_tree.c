/* Threads that verify: look-ups in a tree whose cache is smaller than what they want of it, carries that several learn at once, and
 * both under the pager, and with a list that is paged itself. */
#include "crew_test.h"

#include <sched.h>
#include <stdlib.h>

#include "hashed.h"

#define PAGE QUIRE_PAGE_SIZE
#define SIZE 64u
#define FAN_OUT ((uint32_t)(PAGE / SIZE))
#define CREW 4u
#define FINDS 3000u

static struct hashed file;
static struct hashed_tree tree;
static uint32_t at_once;      /* look-ups in read_node now */
static uint32_t most_at_once; /* ... and at most */
static uint32_t good[CREW_MAX];
static uint32_t refused[CREW_MAX];
static bool hostile;

static uint32_t finds(void)
{
    return FINDS / rig_stride(5);
}

static void note(uint32_t now)
{
    uint32_t most = __atomic_load_n(&most_at_once, __ATOMIC_SEQ_CST);

    while (now > most && !__atomic_compare_exchange_n(&most_at_once, &most, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
}

static void pause_here(void *user)
{
    (void)user;
    note(__atomic_add_fetch(&at_once, 1, __ATOMIC_SEQ_CST));
    sched_yield();
    __atomic_sub_fetch(&at_once, 1, __ATOMIC_SEQ_CST);
}

/* Some nodes come with a changed bit, others in each other's place, others not. */
static enum quire_status hostile_read_node(void *ctx, unsigned level, uint32_t index, void *page)
{
    uint32_t turn = __atomic_load_n(&file.node_reads, __ATOMIC_SEQ_CST) % 11u;
    uint32_t width = quire_hash_shape_width(&file.shape, level);
    enum quire_status status = hashed_read_node(ctx, level, turn == 3u ? (index + 1u) % width : index, page);

    if (turn == 5u) {
        ((unsigned char *)page)[(index * 31u) % (4u * SIZE)] ^= 0x10u;
    }
    return turn == 7u ? QUIRE_IO : status;
}

static void find_all(struct rig *rig, unsigned i)
{
    uint64_t random = i + 1u;
    uint32_t n;

    (void)rig;
    for (n = 0; n < finds(); n++) {
        uint32_t leaf =
            random_below(&random, 4) != 0 ? random_below(&random, 4u * FAN_OUT) : random_below(&random, file.npages);
        unsigned char out[SIZE];
        enum quire_status status = quire_hash_tree_find(&tree.tree, leaf, out);

        while (status == QUIRE_NO_MEMORY && tree.tree.num_nodes < CREW) { /* others have them all */
            sched_yield();
            status = quire_hash_tree_find(&tree.tree, leaf, out);
        }
        if (status == QUIRE_OK) {
            cr_assert_eq(memcmp(out, file.list + (size_t)leaf * SIZE, SIZE), 0, "thread %u: leaf %u has another's hash", i,
                         leaf);
            good[i]++;
        } else {
            cr_assert(hostile && (status == QUIRE_INTEGRITY || status == QUIRE_IO), "thread %u: leaf %u: %s", i, leaf,
                      quire_status_name(status));
            refused[i]++;
        }
    }
}

static void run(uint32_t num_nodes, bool lies)
{
    uint32_t all_good = 0;
    uint32_t all_refused = 0;
    uint32_t i;

    hashed_begin(&file, (uint64_t)(FAN_OUT * FAN_OUT + 5u) * PAGE, SIZE);
    for (i = 0; i < file.npages; i++) {
        memcpy(hashed_page(&file, i), &i, sizeof i);
    }
    hashed_finish(&file);
    hashed_tree_start(&tree, &file, num_nodes);
    file.pause = pause_here;
    hostile = lies;
    if (lies) {
        tree.tree.read_node = hostile_read_node;
    }
    memset(good, 0, sizeof good);
    memset(refused, 0, sizeof refused);
    most_at_once = 0;
    crew_run(NULL, CREW, find_all);
    for (i = 0; i < CREW; i++) {
        all_good += good[i];
        all_refused += refused[i];
    }
    cr_expect_eq(all_good + all_refused, CREW * finds());
    cr_expect_gt(all_good, finds() / 2u);
    cr_expect_eq(tree.tree.lookups, 0);
    for (i = 0; i < num_nodes; i++) {
        uint32_t state = tree.nodes[i].state;

        cr_expect(state == 0 || state == 0x80000000u, "entry %u: state %x", i, state);
    }
    if (num_nodes > 1u) {
        cr_expect_gt(most_at_once, 1, "they never met");
        cr_expect_leq(most_at_once, num_nodes);
    }
    cr_expect(lies == (all_refused != 0));
    hashed_tree_stop(&tree);
    hashed_stop(&file);
}

Test(hash_tree_threads, threads_find_every_hash_with_an_entry_each, .timeout = 120)
{
    run(CREW, false);
    run(CREW + 3u, false);
}

Test(hash_tree_threads, threads_find_the_right_hash_or_none_with_fewer, .timeout = 120)
{
    uint32_t nodes;

    for (nodes = 1; nodes < CREW; nodes++) {
        run(nodes, false);
    }
}

Test(hash_tree_threads, threads_are_told_lies_and_believe_none, .timeout = 120)
{
    run(CREW, true);
    run(2, true);
}

/* ---- Pages that are verified and relocated ---- */

#define PAGES 40u

static struct quire_fobj_ro ro;
static struct quire_fobj_ro list;
static uint32_t slots[PAGES];
static uint32_t list_slots[8];
static uint32_t offsets[PAGES - 1u];
static uint32_t carries[QUIRE_RELOCS_CARRY_BYTES(PAGES) / sizeof(uint32_t)];
static unsigned char *whole;

/* A word straddles the end of every page. */
static void begin_ro(bool paged_list)
{
    struct quire_fobj_ro_config config;
    struct quire_fobj_ro_config pages;
    uint32_t i;
    unsigned b;

    hashed_start(&file, PAGES * PAGE, SIZE, 11);
    whole = malloc(PAGES * PAGE);
    cr_assert_not_null(whole);
    memcpy(whole, file.bytes, PAGES * PAGE);
    config = hashed_config(&file, slots);
    for (i = 0; i < PAGES - 1u; i++) {
        unsigned char *at;
        uint64_t value = 0;

        offsets[i] = (i + 1u) * (uint32_t)PAGE - 1u - i % 7u;
        at = whole + offsets[i];
        for (b = 8; b-- > 0;) {
            value = value << 8 | at[b];
        }
        value += 0x123456789abcdef1u;
        for (b = 0; b < 8u; b++) {
            at[b] = (unsigned char)(value >> (8u * b));
        }
    }
    config.relocs.offsets = offsets;
    config.relocs.count = PAGES - 1u;
    config.relocs.word = 8;
    config.relocs.bias = 0x123456789abcdef1u;
    config.relocs.carries = carries;
    config.hash = file.hash;
    if (paged_list) {
        memset(&pages, 0, sizeof pages);
        pages.len = (uint64_t)quire_hash_shape_width(&file.shape, 1) * PAGE;
        pages.data = file.nodes;
        pages.slots = list_slots;
        cr_assert_eq(quire_fobj_ro_init(&list, &pages), QUIRE_OK);
        config.hash_fobj = &list.base;
    } else {
        hashed_tree_start(&tree, &file, CREW);
        config.hash_tree = &tree.tree;
    }
    file.pause = pause_here;
    cr_assert_eq(quire_fobj_ro_init(&ro, &config), QUIRE_OK);
}

static void end_ro(bool paged_list)
{
    if (!paged_list) {
        hashed_tree_stop(&tree);
    }
    free(whole);
    hashed_stop(&file);
}

/* Thread i loads each page i, i + CREW, ..., from the last one or from the first: the page before is always another's. */
static void load_all(struct rig *rig, unsigned i)
{
    static unsigned char memory[CREW][QUIRE_PAGE_SIZE];
    uint32_t n;

    (void)rig;
    for (n = 0; n < PAGES / CREW; n++) {
        uint32_t pgidx = (i % 2u != 0 ? PAGES / CREW - 1u - n : n) * CREW + i;
        void *page = memory[i];
        struct quire_io io;

        memset(&io, 0, sizeof io);
        io.fobj = &ro.base;
        io.pgidx = pgidx;
        io.npages = 1;
        io.page = &page;
        cr_assert_eq(ro.base.ops->load(&io), QUIRE_OK);
        cr_assert_eq(memcmp(page, whole + pgidx * PAGE, PAGE), 0, "page %u", pgidx);
    }
}

Test(hash_tree_threads, threads_learn_each_others_carries, .timeout = 120)
{
    unsigned round;

    for (round = 0; round < 20u / rig_stride(5); round++) {
        uint32_t i;

        begin_ro(false);
        crew_run(NULL, CREW, load_all);
        for (i = 0; i < PAGES - 1u; i++) {
            cr_expect(carries[i / 16u] >> (i % 16u * 2u) & 1u, "the carry of page %u was lost", i);
        }
        cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_OK);
        end_ro(false);
    }
}

static struct rig rig;
static struct quire_vm vm[CREW];

static void read_all(struct rig *r, unsigned i)
{
    uint64_t random = i + 1u;
    uint32_t n;

    for (n = 0; n < 300u / rig_stride(3); n++) {
        uint32_t pgidx = random_below(&random, PAGES);
        unsigned char ends[8];
        unsigned b;

        for (b = 0; b < 2u; b++) {
            size_t at = b == 0 ? 0 : PAGE - sizeof ends;

            OK(rig_access(r, i, i, &vm[i], RIG_AT(pgidx) + at, RIG_READ, ends, sizeof ends));
            cr_assert_eq(memcmp(ends, whole + pgidx * PAGE + at, sizeof ends), 0, "thread %u, page %u", i, pgidx);
        }
    }
}

static void run_paged(struct rig_config config, bool paged_list)
{
    unsigned i;

    config.threads = true;
    config.cpus = CREW;
    config.concurrency = CREW;
    config.step = 2;
    config.rank_max = paged_list ? 1u : 0u;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(CREW, 2, config.rank_max);
    begin_ro(paged_list);
    rig_start(&rig, &config);
    if (paged_list) {
        OK(quire_pager_know(&rig.pager, &list.base));
    }
    for (i = 0; i < CREW; i++) {
        rig_vm_start(&rig, &vm[i]);
        OK(rig_map(&vm[i], &ro.base, RIG_VA, RIG_READ));
    }
    crew_run(&rig, CREW, read_all);
    SOUND(&rig);
    cr_expect_gt(rig_stats(&rig).evictions, 50);
    cr_expect_eq(rig_stats(&rig).load_failures + rig_stats(&rig).bad_answers, 0);
    cr_expect(paged_list == (rig_stats(&rig).needs != 0));
    cr_expect_eq(quire_fobj_put(&ro.base), QUIRE_OK);
    if (paged_list) {
        cr_expect_eq(quire_fobj_put(&list.base), QUIRE_OK);
    }
    for (i = 0; i < CREW; i++) {
        OK(rig_vm_stop(&rig, &vm[i]));
    }
    SOUND(&rig);
    rig_stop(&rig);
    end_ro(paged_list);
}

Test(hash_tree_threads, threads_fault_on_verified_pages_in_the_fewest_pages, .timeout = 240)
{
    unsigned machine;

    for (machine = 0; machine < RIG_MACHINES; machine += rig_stride(7) * 3u) {
        run_paged(rig_machine(machine, (struct rig_config){0}), machine % 2u != 0);
    }
}
