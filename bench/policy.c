/* bench/policy.c - replays a trace under replacement policies, and counts. SPDX-License-Identifier: BSD-2-Clause */

/*
 *     policy TRACE [STEP] [POLICY FLAGS PAGES]...
 *
 *     TRACE    a .qpt file, or .qpt.xz (see qpt.h); or "loop=N": N pages are read in turn, again and again
 *     STEP     "step=N": the pager keeps the N pages that faulted last, not as many as by default
 *     POLICY   as policies.h says, e.g. "clock" or "clock,chances=4"; or "min", Belady's optimum
 *     FLAGS    what the hardware has: "ad" accessed and dirty flags, "a" accessed flags, "f" accessed flags that software sets,
 *              "none"; of no matter for "min"
 *     PAGES    of memory: a number, or "N%" of the pages of the trace (rounded up, at least what the pager needs)
 *
 * Prints a line for each triple: its trace and itself, then pages, majors, minors, write-backs. "policy list" prints the policies,
 * "policy list POLICY" the fields of one and their values. Exits 2 if something is wrong with an argument or a file, 1 if something
 * is wrong with the pager.
 */
#include "belady.h"
#include "policies.h"
#include "qpt.h"
#include "replay.h"

#include <quire/policy.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void stop(int result, const char *what, const char *why)
{
    (void)fprintf(stderr, "bench/policy: %s: %s\n", what, why);
    exit(result);
}

static enum quire_sim_flags flags_of(const char *text)
{
    static const char *const names[] = {"ad", "a", "f", "none"}; /* in the order of the enumeration */
    unsigned i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], text) == 0) {
            return (enum quire_sim_flags)i;
        }
    }
    stop(2, text, "flags are ad, a, f or none");
    return QUIRE_SIM_NO_FLAGS;
}

static uint32_t number(const char *text, char **end, unsigned long most)
{
    unsigned long value = *text >= '0' && *text <= '9' ? strtoul(text, end, 10) : 0;

    if (value == 0 || value > most) {
        stop(2, text, "not a number, or out of range");
    }
    return (uint32_t)value;
}

static uint32_t pages_of(const struct qpt *qpt, uint32_t step, const char *text)
{
    uint32_t least = replay_pages_min(step);
    char *end;
    uint32_t pages = number(text, &end, QUIRE_SEGMENT_PAGES_MAX);

    if (strcmp(end, "%") == 0) {
        pages = (uint32_t)(((uint64_t)qpt->pages * number(text, &end, 100) + 99u) / 100u);
        return pages < least ? least : pages;
    }
    if (*end != '\0') {
        stop(2, text, "pages are a number or a percentage");
    }
    if (pages < least) {
        stop(2, text, "fewer pages than the pager needs");
    }
    return pages;
}

static void run_min(const struct qpt *qpt, uint32_t pages, struct replay_counts *counts)
{
    static uint32_t *next; /* for all runs of this trace */
    struct belady optimum;

    if (next == NULL) {
        next = belady_next(qpt);
    }
    if (next == NULL || !belady(qpt, next, pages, &optimum)) {
        stop(2, qpt->name, "out of memory");
    }
    counts->majors = optimum.majors;
    counts->minors = 0;
    counts->saves = optimum.saves;
}

static void run(const struct qpt *qpt, uint32_t step, const char *policy, const char *flags, const char *pages)
{
    struct replay_config config;
    struct replay_counts counts;

    memset(&config, 0, sizeof config);
    config.trace = qpt;
    config.pages = pages_of(qpt, step, pages);
    config.step = step;
    if (strcmp(policy, "min") == 0) {
        run_min(qpt, config.pages, &counts);
    } else {
        const char *wrong;

        config.flags = flags_of(flags);
        config.policy = policy_named(policy);
        if (config.policy == NULL) {
            stop(2, policy, "no such policy, or no such field of it, or no such value");
        }
        wrong = replay(&config, &counts);
        if (wrong != NULL) {
            stop(1, policy, wrong);
        }
    }
    /* A line is one write: those of several processes do not mix. */
    (void)printf("%s %s %s %s %u %llu %llu %llu\n", qpt->name, policy, flags, pages, (unsigned)config.pages,
                 (unsigned long long)counts.majors, (unsigned long long)counts.minors, (unsigned long long)counts.saves);
    if (fflush(stdout) != 0) {
        stop(2, "output", "it cannot be written");
    }
}

int main(int argc, char **argv)
{
    static struct qpt qpt;
    uint32_t step = 0;
    const char *wrong;
    int i = 2;

    if ((argc == 2 || argc == 3) && strcmp(argv[1], "list") == 0) {
        if (!policy_list(stdout, argv[2])) {
            stop(2, argv[2], "no such policy");
        }
        return 0;
    }
    if (argc > 2 && strncmp(argv[2], "step=", 5) == 0) {
        char *end;

        step = number(argv[2] + 5, &end, 255);
        i++;
    }
    if (argc < 2 || (argc - i) % 3 != 0) {
        stop(2, "usage", "policy TRACE [step=N] [POLICY FLAGS PAGES]..., policy list [POLICY]");
    }
    if (strncmp(argv[1], "loop=", 5) == 0) {
        char *end;

        wrong = qpt_loop(&qpt, number(argv[1] + 5, &end, QPT_LOOP_MAX));
        if (*end != '\0') {
            stop(2, argv[1], "not a number");
        }
    } else {
        wrong = qpt_read(&qpt, argv[1]);
    }
    if (wrong != NULL) {
        stop(2, argv[1], wrong);
    }
    for (; i < argc; i += 3) {
        run(&qpt, step, argv[i], argv[i + 1], argv[i + 2]);
    }
    qpt_free(&qpt);
    return 0;
}
