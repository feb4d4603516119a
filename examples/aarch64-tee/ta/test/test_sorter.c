/* test_sorter.c - `sorter` against its model, and on memory that loses its content. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/sorter/functions.h"
#include "ta/sorter/model.h"
#include "ta/test/tests.h"

#include <string.h>

#define PAGES 40u
#define PAGE 4096u

static bool verifies(struct instance *sorter, uint64_t seed, uint64_t pages, bool ascending)
{
    struct ta_params params = {{{TEE_PARAM_VALUE_OUT, 0, 0, 0}, {TEE_PARAM_VALUE_OUT, 0, 0, 0}}};
    struct sorter_totals expected = sorter_expect(seed, pages);

    return invoke(sorter, SORTER_VERIFY, &params) == TEE_RESULT_OK && params.param[0].a == expected.sum &&
           params.param[0].b == expected.xored && params.param[1].a == expected.mixed && params.param[1].b == ascending;
}

static uint32_t release(struct instance *sorter)
{
    struct ta_params params = {{{TEE_PARAM_NONE, 0, 0, 0}}};

    return invoke(sorter, SORTER_FREE, &params);
}

static void fills(struct instance *sorter)
{
    static const uint64_t pages[] = {1, 2, 3, PAGES};
    bool good = true;
    size_t i;

    for (i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        uint64_t hash, records;

        good = good && invoke_in(sorter, SORTER_FILL, 100 + i, pages[i]) == TEE_RESULT_OK;
        good = good && invoke_out(sorter, SORTER_HASH, &hash, &records) == TEE_RESULT_OK;
        good = good && hash == sorter_expect_hash(100 + i, pages[i]) && records == pages[i] * SORTER_PAGE_RECORDS;
        good = good && verifies(sorter, 100 + i, pages[i], false) && release(sorter) == TEE_RESULT_OK;
    }
    ok(good, "sorter: heaps of all sizes are filled as the model says");
}

static void sorts(struct instance *sorter)
{
    static const char *const what[] = {"sorter: heapsort", "sorter: quicksort", "sorter: shellsort"};
    uint64_t hash[3] = {0, 0, 0};
    uint64_t records;
    uint32_t way;

    for (way = SORTER_HEAPSORT; way <= SORTER_SHELLSORT; way++) {
        bool good = invoke_in(sorter, SORTER_FILL, 5, PAGES) == TEE_RESULT_OK;

        good = good && invoke_in(sorter, SORTER_SORT, way, 0) == TEE_RESULT_OK && verifies(sorter, 5, PAGES, true);
        good = good && invoke_out(sorter, SORTER_HASH, &hash[way], &records) == TEE_RESULT_OK;
        good = good && hash[way] != sorter_expect_hash(5, PAGES);
        ok(good && release(sorter) == TEE_RESULT_OK, what[way]);
    }
    ok(hash[0] == hash[1] && hash[1] == hash[2], "sorter: all ways to sort come to the same");
}

static void walks(struct instance *sorter)
{
    uint32_t generation[PAGES] = {0};
    uint64_t digest, steps;
    bool good = invoke_in(sorter, SORTER_FILL, 6, PAGES) == TEE_RESULT_OK;
    uint64_t seed;

    for (seed = 0; seed < 4; seed++) {
        good = good && invoke_values(sorter, SORTER_WALK, 500, seed, &digest, &steps) == TEE_RESULT_OK;
        good = good && steps == 500 && digest == sorter_expect_walk(generation, PAGES, 500, seed);
        good = good && verifies(sorter, 6, PAGES, false);
        if (seed % 2u == 0) { /* the next walk begins with sorted pages */
            good = good && invoke_in(sorter, SORTER_SORT, SORTER_QUICKSORT, 0) == TEE_RESULT_OK &&
                   verifies(sorter, 6, PAGES, true);
        }
    }
    ok(good && release(sorter) == TEE_RESULT_OK, "sorter: walks come to what the model says, and keep all records");
}

/* Whether everything that looks at pages sees that something is wrong with them. */
static bool all_complain(struct instance *sorter)
{
    struct ta_params verify = {{{TEE_PARAM_VALUE_OUT, 0, 0, 0}, {TEE_PARAM_VALUE_OUT, 0, 0, 0}}};
    uint64_t a, b;

    return invoke(sorter, SORTER_VERIFY, &verify) == TEE_RESULT_CORRUPT &&
           invoke_out(sorter, SORTER_HASH, &a, &b) == TEE_RESULT_CORRUPT &&
           invoke_in(sorter, SORTER_SORT, SORTER_HEAPSORT, 0) == TEE_RESULT_CORRUPT &&
           invoke_values(sorter, SORTER_WALK, 1000, 1, &a, &b) == TEE_RESULT_CORRUPT && b < 1000;
}

static void notices(struct instance *sorter)
{
    static unsigned char old[PAGE];
    unsigned char *heap;
    bool good = invoke_in(sorter, SORTER_FILL, 7, 3) == TEE_RESULT_OK;

    heap = instance_region(sorter, REGION_MAPPED);
    heap[PAGE + 1234u] ^= 1;
    good = good && all_complain(sorter);
    heap[PAGE + 1234u] ^= 1;
    ok(good && verifies(sorter, 7, 3, false), "sorter: one bit of a page changed");

    heap[PAGE] ^= 1;
    good = all_complain(sorter);
    heap[PAGE] ^= 1;
    ok(good && verifies(sorter, 7, 3, false), "sorter: the generation of a page changed");

    memcpy(old, heap + PAGE, PAGE);
    memcpy(heap + PAGE, heap, PAGE);
    good = all_complain(sorter);
    memcpy(heap + PAGE, old, PAGE);
    ok(good && verifies(sorter, 7, 3, false), "sorter: one page shows another one's content");
    (void)release(sorter);
}

static void notices_an_old_page(struct instance *sorter)
{
    static unsigned char old[PAGE];
    uint32_t generation[3] = {0};
    uint64_t digest, steps;
    bool good = invoke_in(sorter, SORTER_FILL, 7, 3) == TEE_RESULT_OK;
    unsigned char *heap = instance_region(sorter, REGION_MAPPED);

    memcpy(old, heap + PAGE, PAGE);
    good = good && invoke_values(sorter, SORTER_WALK, 100, 2, &digest, &steps) == TEE_RESULT_OK;
    good = good && digest == sorter_expect_walk(generation, 3, 100, 2);
    memcpy(heap + PAGE, old, PAGE);
    good = good && invoke_values(sorter, SORTER_WALK, 100, 3, &digest, &steps) == TEE_RESULT_OK;
    good = good && digest != sorter_expect_walk(generation, 3, 100, 3);
    ok(good && release(sorter) == TEE_RESULT_OK, "sorter: a page that is whole, but old, shows in the digest");
}

static void refuses(struct instance *sorter)
{
    struct ta_params none = {{{TEE_PARAM_NONE, 0, 0, 0}}};
    bool good = true;
    uint32_t function;
    uint64_t a, b;

    for (function = SORTER_SORT; function <= SORTER_FREE; function++) {
        good = good && invoke(sorter, function, &none) == TEE_RESULT_ITEM_NOT_FOUND;
    }
    ok(good, "sorter: nothing works without a heap");
    ok(invoke_in(sorter, SORTER_FILL, 1, 0) == TEE_RESULT_BAD_PARAMETERS &&
           invoke_in(sorter, SORTER_FILL, 1, UINT64_MAX) == TEE_RESULT_BAD_PARAMETERS,
       "sorter: heaps of no pages and of too many");
    ok(invoke_in(sorter, SORTER_FILL, 1, 0x10000) == TEE_RESULT_OUT_OF_MEMORY,
       "sorter: a heap that the kernel has no room for");
    good = invoke_in(sorter, SORTER_FILL, 1, 1) == TEE_RESULT_OK &&
           invoke_in(sorter, SORTER_FILL, 1, 1) == TEE_RESULT_ACCESS_CONFLICT;
    ok(good, "sorter: a second heap");
    ok(invoke_in(sorter, SORTER_SORT, 3, 0) == TEE_RESULT_BAD_PARAMETERS &&
           invoke_in(sorter, SORTER_ADVISE, TA_ADVICE_FREE, 0) == TEE_RESULT_BAD_PARAMETERS,
       "sorter: ways to sort and advice that do not exist");
    ok(invoke_in(sorter, SORTER_ADVISE, TA_ADVICE_WILL_NEED, 0) == TEE_RESULT_OK &&
           invoke_in(sorter, SORTER_ADVISE, TA_ADVICE_DONT_NEED, 0) == TEE_RESULT_OK && verifies(sorter, 1, 1, false),
       "sorter: advice changes nothing");
    good = true;
    for (function = SORTER_FILL; function <= SORTER_FREE; function++) {
        good = good && invoke_values(sorter, function, 1, 1, &a, &b) ==
                           (function == SORTER_WALK ? TEE_RESULT_OK : TEE_RESULT_BAD_PARAMETERS);
    }
    ok(good && invoke(sorter, SORTER_FREE + 1u, &none) == TEE_RESULT_NOT_SUPPORTED, "sorter: other parameters and functions");
    (void)release(sorter);
}

void test_sorter(void)
{
    struct instance *sorter = open_it("sorter");

    fills(sorter);
    sorts(sorter);
    walks(sorter);
    notices(sorter);
    notices_an_old_page(sorter);
    refuses(sorter);
    close_it(sorter);
}
