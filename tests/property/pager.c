/* The pager against its model (tests/support/model.h), by random operations (tests/support/play.h).
 *
 * QUIRE_SEED=n begins with that seed and prints how to repeat what fails; QUIRE_COUNT=n runs so many sequences per variant,
 * QUIRE_COUNT=campaign a hundred times as many as usual; QUIRE_STEPS=n makes each so long; QUIRE_VARIANT=n runs only that one. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 0) : otherwise;
}

static uint64_t sequences(void)
{
    const char *text = getenv("QUIRE_COUNT");
    uint64_t usual = getenv("QUIRE_TIMEOUT_SCALE") != NULL ? 1u : 6u; /* set where programs run under an emulator */

    if (text != NULL && strcmp(text, "campaign") == 0) {
        return usual * 100u;
    }
    return number_from("QUIRE_COUNT", usual);
}

/* Every variant has a number: its digits choose the machine, the policy and the size. */
#define FLAGS 4u
#define SIZES 3u
#define VARIANTS (FLAGS * 2u * RIG_POLICIES * SIZES)

static struct play_variant variant_of(unsigned number, uint64_t seed)
{
    struct play_variant variant;
    struct rig_config *rig = &variant.rig;

    memset(&variant, 0, sizeof variant);
    rig->flags = (enum quire_sim_flags)(number % FLAGS);
    rig->flush_unlocked = number / FLAGS % 2u != 0;
    rig->policy = (enum rig_policy)(number / FLAGS / 2u % RIG_POLICIES);
    rig->concurrency = 1u + (uint32_t)(seed % 2u);
    rig->step = 2u + (uint32_t)(seed / 2u % 3u);
    rig->rank_max = (uint32_t)(seed / 3u % 3u);
    rig->pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(rig->concurrency, rig->step, rig->rank_max); /* the least there may be, ... */
    if (number / FLAGS / 2u / RIG_POLICIES > 0) {
        rig->pages += number / FLAGS / 2u / RIG_POLICIES == 1u ? 5u : 22u; /* ... little, or enough for most of what is used */
    }
    rig->more_pages = 20;
    rig->eager = seed % 3u == 0;
    rig->forget = seed % 5u == 0 ? 7u : 0;
    rig->table_pages = seed % 4u == 1u ? 16u : 0;
    rig->tables = seed % 4u == 1u ? 3u : 0;
    rig->around = seed % 5u < 3u ? 4u << (seed % 5u) : 0; /* 4, 8, 16 or none */
    variant.failures = seed % 2u == 0;
    variant.sticky = seed % 7u == 3u;
    variant.pends = seed / 2u % 2u != 0;
    rig->requests = variant.pends ? 1u + (uint32_t)(seed % 5u) : 0;
    return variant;
}

static uint64_t copies; /* pages that became a copy's own, so far */

static void run(unsigned number, uint64_t seed, uint64_t steps)
{
    struct play *play = malloc(sizeof *play);
    struct play_variant variant = variant_of(number, seed);
    uint64_t i;

    cr_assert_not_null(play);
    play_start(play, &variant, seed);
    for (i = 0; i < steps; i++) {
        play_step(play);
    }
    copies += rig_stats(&play->rig).copies;
    play_stop(play);
    if (play->wrong[0] != '\0') {
        cr_log_error("variant %u: %s\nto repeat: QUIRE_VARIANT=%u QUIRE_STEPS=%ju tests/run campaign pager %ju 1", number,
                     play->wrong, number, (uintmax_t)steps, (uintmax_t)seed);
    }
    cr_assert_eq(play->wrong[0], '\0', "variant %u, seed %ju: %s", number, (uintmax_t)seed, play->wrong);
    free(play);
}

static void run_some(unsigned part, unsigned parts)
{
    uint64_t count = sequences();
    uint64_t seed = number_from("QUIRE_SEED", 1);
    uint64_t only = number_from("QUIRE_VARIANT", VARIANTS);
    uint64_t steps = number_from("QUIRE_STEPS", 400);
    unsigned number;
    uint64_t i;

    for (number = part; number < VARIANTS; number += parts) {
        for (i = 0; (only == VARIANTS || only == number) && i < count; i++) {
            run(number, seed + i, steps);
        }
    }
    cr_expect(only != VARIANTS || copies >= 10u * count, "copies on write were hardly met: %ju", (uintmax_t)copies);
}

Test(pager_property, agrees_with_its_model_on_hardware_that_tracks_accessed_and_dirty, .timeout = 3600)
{
    run_some(QUIRE_SIM_HW_ACCESSED_DIRTY, FLAGS);
}

Test(pager_property, agrees_with_its_model_on_hardware_that_tracks_accessed, .timeout = 3600)
{
    run_some(QUIRE_SIM_HW_ACCESSED, FLAGS);
}

Test(pager_property, agrees_with_its_model_on_hardware_that_faults_without_accessed_flag, .timeout = 3600)
{
    run_some(QUIRE_SIM_AF_FAULT, FLAGS);
}

Test(pager_property, agrees_with_its_model_on_hardware_that_tracks_nothing, .timeout = 3600)
{
    run_some(QUIRE_SIM_NO_FLAGS, FLAGS);
}

/* What the usual seeds do not reach. */
Test(pager_property, a_page_asked_for_earlier_may_arrive_while_its_thread_waits_for_room, .timeout = 600)
{
    run(3, 114, 400);
}
