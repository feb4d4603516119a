/* test_resize.c - the pool shrinks and grows while applications run in it. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "client/check.h"
#include "client/crew.h"
#include "client/random.h"
#include "client/tee_kernel.h"
#include "client/tests.h"

#define RESIZES 100u
#define STEPS_BETWEEN 20u

static const struct app *const apps[] = {&app_sorter, &app_interpreter, &app_sharer, &app_echo};

struct plan {
    struct tee *tee;
    uint64_t random;
    uint64_t least; /* pages */
    uint64_t most;
    uint64_t present;
    unsigned steps;
    unsigned resizes;
    unsigned shrunk;
    unsigned grown;
    unsigned refused; /* and the pool was as before */
    unsigned lied;    /* the pool is not as large as the answer says */
};

/* One size anywhere in the range; every fourth time one of its ends. */
static uint64_t next_size(struct plan *plan)
{
    uint64_t choice = random_below(&plan->random, 8);

    if (choice < 2) {
        return choice == 0 ? plan->least : plan->most;
    }
    return plan->least + random_below(&plan->random, plan->most - plan->least + 1u);
}

static void resize(struct plan *plan)
{
    uint64_t wanted = next_size(plan);
    uint64_t now = 0;
    uint32_t result = tee_resize(plan->tee, wanted, &now);
    struct tee_stats stats;

    plan->resizes++;
    if (result == TEE_RESULT_OK) {
        plan->lied += now != wanted;
        plan->shrunk += now < plan->present;
        plan->grown += now > plan->present;
    } else {
        plan->refused++;
    }
    plan->lied += tee_get_stats(plan->tee, 0, &stats) != TEE_RESULT_OK || stats.pool_pages != now;
    plan->present = now;
}

static bool go_on(void *ctx)
{
    struct plan *plan = (struct plan *)ctx;

    if (++plan->steps % STEPS_BETWEEN == 0) {
        resize(plan);
    }
    return plan->resizes < RESIZES;
}

static void too_small_is_refused(const struct test_run *run, const struct tee_stats *stats)
{
    uint64_t now = 0;
    uint32_t result = tee_resize(run->tee, stats->pool_min - 1u, &now);

    check(result != TEE_RESULT_OK && now == stats->pool_pages,
          "a pool below the minimum of %lu pages is refused (%08x), and it keeps %lu", stats->pool_min, result, now);
    result = tee_resize(run->tee, UINT64_MAX, &now);
    check(result != TEE_RESULT_OK && now == stats->pool_pages, "a pool of more pages than there are is refused (%08x)", result);
}

void test_resize(struct test_run *run)
{
    static struct crew crew;
    struct plan plan = {.tee = run->tee, .random = run->script->seed};
    struct tee_stats stats;
    uint64_t now = 0;

    if (!check(tee_get_stats(run->tee, 0, &stats) == TEE_RESULT_OK, "the kernel says how large its pool is")) {
        return;
    }
    too_small_is_refused(run, &stats);
    plan.least = stats.pool_min;
    plan.most = stats.pool_pages;
    plan.present = stats.pool_pages;
    if (!check(crew_begin(&crew, run->tee, (unsigned)run->script->cpus, apps, sizeof apps / sizeof apps[0], run->script->seed,
                          run->script->heap),
               "four applications open")) {
        return;
    }
    crew_run(&crew, go_on, &plan);
    check(plan.shrunk != 0 && plan.grown != 0,
          "the pool shrank %u times and grew %u times, between %lu and %lu pages; %u were refused", plan.shrunk, plan.grown,
          plan.least, plan.most, plan.refused);
    check(plan.lied == 0, "it has been as large as the kernel said");
    check(crew_is_right(&crew), "every application was right all the time: %lu answers", crew_total(&crew).right);
    check(crew_end(&crew), "all of them close");
    check(tee_resize(run->tee, stats.pool_pages, &now) == TEE_RESULT_OK && now == stats.pool_pages, "the pool is as it was");
    check(tee_check(run->tee) == TEE_RESULT_OK, "all invariants hold");
}
