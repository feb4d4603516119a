/* test_tamper.c - the normal world alters what it was given to keep. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "client/check.h"
#include "client/console.h"
#include "client/crew.h"
#include "client/random.h"
#include "client/tee_kernel.h"
#include "client/tests.h"
#include "lib/memory.h"

#define PAGE 4096u
#define DONATED_PAGES (CLIENT_DONATION_BYTES / PAGE)
#define TRIES_MAX 400u /* pages altered until one is found that somebody still needs */

static const struct app *const apps[] = {&app_sorter, &app_echo, &app_sorter};

/* ---- Pages that somebody has had sealed ---- */

static unsigned char *donated(uint64_t page)
{
    return (unsigned char *)(uintptr_t)(CLIENT_DONATION + page * PAGE);
}

static bool is_empty(uint64_t page)
{
    const uint64_t *words = (const uint64_t *)(const void *)donated(page);
    unsigned i;

    for (i = 0; i < PAGE / sizeof *words; i++) {
        if (words[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Any that is in use; wraps around. */
static uint64_t used_page(uint64_t from)
{
    uint64_t i;

    for (i = 0; i < DONATED_PAGES; i++) {
        if (!is_empty((from + i) % DONATED_PAGES)) {
            return (from + i) % DONATED_PAGES;
        }
    }
    return 0;
}

/* ---- Ways to alter one ---- */

static unsigned char older[PAGE]; /* what a page was before */

static void flip_a_bit(uint64_t page, uint64_t random)
{
    donated(page)[random % PAGE] ^= (unsigned char)(1u << (random >> 32) % 8u);
}

static void wipe(uint64_t page, uint64_t random)
{
    (void)random;
    memset(donated(page), 0, PAGE);
}

/* With the next that is in use. */
static void swap(uint64_t page, uint64_t random)
{
    static unsigned char kept[PAGE];
    uint64_t other = used_page(page + 1u);

    (void)random;
    memcpy(kept, donated(page), PAGE);
    memcpy(donated(page), donated(other), PAGE);
    memcpy(donated(other), kept, PAGE);
}

/* Put back what was there some time ago: it was true then. */
static void restore_an_older(uint64_t page, uint64_t random)
{
    (void)random;
    memcpy(donated(page), older, PAGE);
}

static const struct {
    const char *what;
    void (*alter)(uint64_t page, uint64_t random);
    unsigned pages; /* how many that changes */
} ways[] = {
    {"a bit of a sealed page flipped", flip_a_bit, 1},
    {"a sealed page wiped", wipe, 1},
    {"two sealed pages exchanged", swap, 2},
    {"an older content of a sealed page put back", restore_an_older, 1},
};

/* ---- Until it is noticed ---- */

static uint64_t integrity(struct tee *tee)
{
    struct tee_stats stats;

    return tee_get_stats(tee, 0, &stats) == TEE_RESULT_OK ? stats.integrity : 0;
}

static unsigned dead(const struct crew *crew)
{
    unsigned count = 0;
    unsigned i;

    for (i = 0; i < crew->num_tasks; i++) {
        count += crew->tasks[i].result == TEE_RESULT_TARGET_DEAD;
    }
    return count;
}

/* Alters one page after another while the applications work, until the kernel has noticed one. Returns how many it took. */
static unsigned alter_until_noticed(struct crew *crew, unsigned way, uint64_t *random)
{
    uint64_t before = integrity(crew->tee);
    unsigned tries;

    for (tries = 1; tries <= TRIES_MAX; tries++) {
        uint64_t page = used_page(random_below(random, DONATED_PAGES));

        memcpy(older, donated(page), PAGE);
        crew_run_requests(crew, 1);
        ways[way].alter(page, random_next(random));
        crew_run_requests(crew, 1);
        if (integrity(crew->tee) != before || dead(crew) != 0) {
            return tries;
        }
    }
    return tries;
}

static void altering_is_noticed(const struct test_run *run, unsigned way)
{
    static struct crew crew;
    uint64_t random = run->script->seed + way;
    uint64_t before = integrity(run->tee);
    struct crew_total total;
    unsigned tries;
    unsigned killed;

    if (!check(crew_begin(&crew, run->tee, (unsigned)run->script->cpus, apps, sizeof apps / sizeof apps[0], run->script->seed,
                          run->script->heap),
               "three applications open")) {
        return;
    }
    crew_run_requests(&crew, 2);
    tries = alter_until_noticed(&crew, way, &random);
    killed = dead(&crew);
    crew_run_requests(&crew, 2);
    total = crew_total(&crew);
    check(integrity(run->tee) > before, "%s: noticed after %u times", ways[way].what, tries);
    check(killed >= 1 && killed <= ways[way].pages, "%u of %u applications cannot go on", killed, crew.num_tasks);
    check(dead(&crew) == killed, "the others do");
    check(total.wrong == 0, "no answer was wrong, and %lu were right", total.right);
    check(crew_end(&crew), "all of them close");
}

/* ---- The application's file ---- */

/* One bit in each of its pages; a second time puts it right. */
static void alter_image(const struct app *app)
{
    unsigned char *image = (unsigned char *)(uintptr_t)app->image;
    size_t offset;

    for (offset = PAGE / 2u; offset < (size_t)(app->image_end - app->image); offset += PAGE) {
        image[offset] ^= 1u;
    }
}

/* Another application under pressure, so that what the first one has in memory does not last. */
static bool answers_under_pressure(const struct test_run *run, const struct app *app, uint32_t *result)
{
    static struct task task;
    static struct task other;
    bool right = false;
    unsigned i;

    *result = task_begin(&other, run->tee, &app_sorter, run->script->seed, run->script->heap);
    if (*result != TEE_RESULT_OK) {
        return false;
    }
    task_once(&other);
    *result = task_begin(&task, run->tee, app, run->script->seed, run->script->heap);
    if (*result == TEE_RESULT_OK) {
        for (i = 0; i < 3 && task.refused == 0; i++) {
            task_once(&task);
            task_once(&other);
        }
        *result = task.result;
        right = task_is_right(&task);
        check(task.wrong == 0, "%s has given no wrong answer", app->title);
        (void)task_end(&task);
    }
    check(task_is_right(&other), "the sorter beside it is right");
    (void)task_end(&other);
    return right;
}

static void an_altered_file_is_noticed(const struct test_run *run)
{
    uint64_t before = integrity(run->tee);
    uint32_t result;

    check(answers_under_pressure(run, &app_interpreter, &result), "the interpreter works (%08x)", result);
    alter_image(&app_interpreter);
    check(!answers_under_pressure(run, &app_interpreter, &result) && result == TEE_RESULT_TARGET_DEAD,
          "its file altered, it cannot go on (%08x)", result);
    check(integrity(run->tee) > before, "which is counted");
    alter_image(&app_interpreter);
    check(answers_under_pressure(run, &app_interpreter, &result), "its file put right, it works again (%08x)", result);
}

void test_tamper(struct test_run *run)
{
    unsigned way;

    for (way = 0; way < sizeof ways / sizeof ways[0]; way++) {
        altering_is_noticed(run, way);
    }
    an_altered_file_is_noticed(run);
    check(tee_check(run->tee) == TEE_RESULT_OK, "all invariants hold");
}
