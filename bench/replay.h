/* bench/replay.h - a recorded trace through the pager. SPDX-License-Identifier: BSD-2-Clause */
#ifndef REPLAY_H
#define REPLAY_H

#include "qpt.h"

#include <quire/policy.h>
#include <quire/testkit/sim_machine.h>

struct replay_config {
    const struct qpt *trace;
    struct quire_policy *policy; /* fresh */
    enum quire_sim_flags flags;
    uint32_t pages; /* of memory */
    uint32_t step;  /* pages that the pager keeps because they were the latest to fault; 0: the library's default */
};

struct replay_counts {
    uint64_t majors;
    uint64_t minors; /* all faults that load nothing */
    uint64_t saves;  /* pages written back */
};

/* The fewest pages of memory that a trace can be replayed with. */
uint32_t replay_pages_min(uint32_t step);

/*
 * Lets the simulated machine do all references of a trace, a pager serving its faults, and counts. Memory is empty at first, and
 * what is dirty at the end stays so. One thread does everything. Each context is a struct quire_vm; a run of pages with the same use
 * is an area of it, which permits what they are used for. Shared pages are an object that all contexts map, the others an object
 * per context.
 *
 * Null, or what went wrong: a fault that was refused, the pager's check or the machine's oracle at the end, or counts that
 * disagree with the pager's statistics.
 */
const char *replay(const struct replay_config *config, struct replay_counts *counts);

#endif
