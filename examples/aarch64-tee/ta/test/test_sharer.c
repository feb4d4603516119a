/* test_sharer.c - `sharer` and `watcher` on one buffer. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/sharer/buffer.h"
#include "ta/sharer/functions.h"
#include "ta/test/tests.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define KEY 0x1234
#define PAGES 16u
#define ADDITIONS 1600000u

static struct instance *first;
static struct instance *second;
static struct instance *watcher;

static uint32_t detach(struct instance *instance)
{
    struct ta_params params = {{{TEE_PARAM_NONE, 0, 0, 0}}};

    return invoke(instance, SHARER_DETACH, &params);
}

static bool all_see(uint64_t counted, uint64_t values)
{
    struct instance *const all[] = {first, second, watcher};
    uint64_t a, b;
    size_t i;

    for (i = 0; i < 3; i++) {
        if (invoke_out(all[i], SHARER_CHECK, &a, &b) != TEE_RESULT_OK || a != counted || b != values) {
            return false;
        }
    }
    return true;
}

static void refuses(void)
{
    struct ta_params none = {{{TEE_PARAM_NONE, 0, 0, 0}}};
    bool good = true;
    uint32_t function;

    for (function = SHARER_READ; function <= SHARER_ADD; function++) {
        good = good && invoke(first, function, &none) == TEE_RESULT_ITEM_NOT_FOUND;
        good = good && invoke(watcher, function, &none) ==
                           (function <= SHARER_DETACH ? TEE_RESULT_ITEM_NOT_FOUND : TEE_RESULT_NOT_SUPPORTED);
    }
    ok(good && invoke(first, SHARER_ADD + 1u, &none) == TEE_RESULT_NOT_SUPPORTED, "sharer: nothing works without a buffer");
    ok(invoke_in(first, SHARER_ATTACH, KEY, 0) == TEE_RESULT_BAD_PARAMETERS &&
           invoke_in(first, SHARER_ATTACH, KEY, UINT64_MAX) == TEE_RESULT_BAD_PARAMETERS,
       "sharer: buffers of no pages and of too many");
    ok(invoke_in(first, SHARER_ATTACH, KEY, 0x10000) == TEE_RESULT_OUT_OF_MEMORY,
       "sharer: a buffer that the kernel has no room for");
}

static void writes(void)
{
    uint64_t value, counter;
    uint64_t values = 0;
    bool good = true;
    uint64_t i;

    for (i = 0; i < PAGES; i += 2) {
        good = good && invoke_in(i % 4 == 0 ? first : second, SHARER_WRITE, i, mix(i)) == TEE_RESULT_OK;
        values ^= mix(i);
    }
    ok(good && all_see(0, values), "sharer: what either wrote, all see");
    for (i = 0; i < PAGES; i++) {
        good = good && invoke_values(watcher, SHARER_READ, i, 0, &value, &counter) == TEE_RESULT_OK &&
               value == (i % 2 == 0 ? mix(i) : 0) && counter == 0;
    }
    ok(good, "watcher: each page is what was written");
    ok(invoke_values(watcher, SHARER_READ, PAGES, 0, &value, &counter) == TEE_RESULT_BAD_PARAMETERS &&
           invoke_in(first, SHARER_WRITE, PAGES, 1) == TEE_RESULT_BAD_PARAMETERS &&
           invoke_in(first, SHARER_ADD, UINT64_MAX, 1) == TEE_RESULT_BAD_PARAMETERS,
       "sharer: pages beyond the end");
}

static void notices(void)
{
    unsigned char *buffer = instance_region(first, REGION_SHARED);
    uint64_t a, b;

    buffer[4096u * 3u + 100u] ^= 1;
    ok(invoke_out(watcher, SHARER_CHECK, &a, &b) == TEE_RESULT_CORRUPT &&
           invoke_values(second, SHARER_READ, 3, 0, &a, &b) == TEE_RESULT_CORRUPT,
       "watcher: a page that nobody wrote is noticed");
    buffer[4096u * 3u + 100u] ^= 1;
}

static pthread_barrier_t start;

static void *add(void *instance)
{
    pthread_barrier_wait(&start);
    return invoke_in(instance, SHARER_ADD, 0, ADDITIONS) == TEE_RESULT_OK ? instance : NULL;
}

static void adds(void)
{
    struct instance *const all[] = {first, second};
    pthread_t thread[2];
    bool good = true;
    uint64_t value, counter, values;
    size_t i;

    (void)invoke_out(first, SHARER_CHECK, &counter, &values);
    good = pthread_barrier_init(&start, NULL, 2) == 0;
    for (i = 0; i < 2; i++) {
        good = good && pthread_create(&thread[i], NULL, add, all[i]) == 0;
    }
    for (i = 0; good && i < 2; i++) {
        void *answer;

        good = pthread_join(thread[i], &answer) == 0 && answer == all[i];
    }
    ok(good && all_see(2u * ADDITIONS, values), "sharer: of two instances that add at once, no addition is lost");
    ok(invoke_values(second, SHARER_READ, 5, 0, &value, &counter) == TEE_RESULT_OK && counter == 2u * ADDITIONS / PAGES,
       "sharer: the additions went round");
}

static void ends(void)
{
    uint64_t a, b;
    bool good = detach(first) == TEE_RESULT_OK && detach(second) == TEE_RESULT_OK;

    good = good && invoke_in(first, SHARER_ATTACH, KEY, PAGES) == TEE_RESULT_OK;
    good = good && invoke_out(first, SHARER_CHECK, &a, &b) == TEE_RESULT_OK && a == 2u * ADDITIONS;
    ok(good, "sharer: the buffer stays while somebody has it");
    good = detach(first) == TEE_RESULT_OK && detach(watcher) == TEE_RESULT_OK;
    good = good && invoke_in(second, SHARER_ATTACH, KEY, PAGES) == TEE_RESULT_OK;
    good = good && invoke_out(second, SHARER_CHECK, &a, &b) == TEE_RESULT_OK && a == 0 && b == 0;
    ok(good && detach(second) == TEE_RESULT_OK, "sharer: and a new one is all zero");
}

void test_sharer(void)
{
    first = open_it("sharer");
    second = open_it("sharer");
    watcher = open_it("watcher");
    refuses();
    ok(invoke_in(first, SHARER_ATTACH, KEY, PAGES) == TEE_RESULT_OK &&
           invoke_in(second, SHARER_ATTACH, KEY, PAGES) == TEE_RESULT_OK &&
           invoke_in(watcher, SHARER_ATTACH, KEY, PAGES) == TEE_RESULT_OK && all_see(0, 0),
       "sharer: three of two programs attach to one buffer, which is zero");
    ok(invoke_in(first, SHARER_ATTACH, KEY, PAGES) == TEE_RESULT_ACCESS_CONFLICT, "sharer: a second buffer");
    writes();
    notices();
    adds();
    ends();
    close_it(first);
    close_it(second);
    close_it(watcher);
}
