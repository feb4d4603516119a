/* hash_tree.h, where look-ups meet: at each single step of one, others come and take the cache from under its feet. By turns, not by
 * chance: what the library reaches its entries through is this file's. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "turns.h" /* before the library */

#include "hashed.c"

#define SIZE 64u
#define FAN_OUT ((uint32_t)(PAGE / SIZE))
#define PAGES (4u * FAN_OUT)

static struct hashed file;
static struct hashed_tree tree;
static uint32_t steps; /* of the look-up that is watched, so far */
static uint32_t when;  /* the others come before this one; 0: never */
static bool watching;
static const uint32_t *others; /* what they look up, to UINT32_MAX */

static void find(uint32_t leaf)
{
    unsigned char out[SIZE];
    enum quire_status status = quire_hash_tree_find(&tree.tree, leaf, out);

    cr_assert_eq(status, QUIRE_OK, "leaf %u: %s, step %u", leaf, quire_status_name(status), when);
    cr_assert_eq(memcmp(out, file.list + (size_t)leaf * SIZE, SIZE), 0, "leaf %u has another's hash; step %u", leaf, when);
}

static void turn(void)
{
    if (watching && ++steps == when) {
        const uint32_t *leaf;

        watching = false;
        for (leaf = others; *leaf != UINT32_MAX; leaf++) {
            find(*leaf);
        }
        watching = true;
    }
}

/* One look-up, into a cache of `num_nodes` that has seen `before`; at its step `when` come the others. Returns its steps. */
static uint32_t run(uint32_t num_nodes, const uint32_t *before, uint32_t leaf)
{
    uint32_t i;

    hashed_tree_start(&tree, &file, num_nodes);
    for (; *before != UINT32_MAX; before++) {
        find(*before);
    }
    steps = 0;
    watching = true;
    find(leaf);
    watching = false;
    cr_assert_eq(tree.tree.lookups, 0);
    for (i = 0; i < num_nodes; i++) {
        cr_assert(tree.nodes[i].state == 0 || tree.nodes[i].state == 0x80000000u, "entry %u: %x", i, tree.nodes[i].state);
    }
    find(leaf);
    hashed_tree_stop(&tree);
    return steps;
}

Test(hash_tree_turns, look_ups_that_meet_at_any_step_each_get_their_own_hash)
{
    static const uint32_t before[][5] = {
        {UINT32_MAX}, {0, UINT32_MAX}, {FAN_OUT, 0, UINT32_MAX}, {0, FAN_OUT, 2u * FAN_OUT, UINT32_MAX}};
    static const uint32_t meanwhile[][6] = {{0, UINT32_MAX},
                                            {FAN_OUT, UINT32_MAX},
                                            {FAN_OUT, 2u * FAN_OUT, UINT32_MAX},
                                            {3u * FAN_OUT, FAN_OUT, 2u * FAN_OUT, UINT32_MAX},
                                            {2u * FAN_OUT, 0, FAN_OUT, 1, UINT32_MAX}};
    uint32_t met = 0;
    uint32_t nodes;
    uint32_t b;
    uint32_t m;

    hashed_start(&file, PAGES * PAGE, SIZE, 3);
    for (nodes = 2; nodes <= 5u; nodes++) {
        for (b = 0; b < sizeof before / sizeof before[0]; b++) {
            for (m = 0; m < sizeof meanwhile / sizeof meanwhile[0]; m++) {
                uint32_t last;

                others = meanwhile[m];
                when = 0;
                last = run(nodes, before[b], 0);
                for (when = 1; when <= last; when++) {
                    met += run(nodes, before[b], 0) >= when;
                }
            }
        }
    }
    cr_expect_gt(met, 1000, "%u", met);
    hashed_stop(&file);
}
