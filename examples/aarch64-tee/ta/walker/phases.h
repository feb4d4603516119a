/* phases.h - the walks by which faults are measured: here, and without a kernel. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_WALKER_PHASES_H
#define TA_WALKER_PHASES_H

#include <stdbool.h>
#include <stdint.h>

#define WALKER_PAGES_MAX 4096u
#define WALKER_STEPS_MIN 512u

/* There are twice as many pages as can be in memory. Each round takes its steps from another seed, but for seed 0. */
struct walker_phase {
    const char *name;
    uint64_t seed; /* of the first round; 0: of all rounds */
    bool write;
    bool bring;          /* the pages are brought before each round: they are in memory but not mapped */
    uint32_t eighths;    /* how many of the pages it walks over */
    uint32_t sixteenths; /* steps of a round, in sixteenths of all pages */
};

static const struct walker_phase walker_phases[] = {
    {"fill", 0, true, false, 8, 16},       /* the pages' first content */
    {"mix", 0x1000, false, false, 8, 32},  /* ... is saved; then most pages are as they were saved */
    {"read", 0x2000, false, false, 8, 16}, /* ... so that who comes puts out a clean one */
    {"minor", 0, false, true, 1, 2},
    {"again", 0, false, false, 1, 2}, /* the same pages, where the last round of the phase before has left them: no fault */
    {"settle", 0x3000, true, false, 8, 32},
    {"write", 0x4000, true, false, 8, 16}, /* who comes puts out a dirty one */
};

#define WALKER_PHASES (sizeof walker_phases / sizeof walker_phases[0])

static inline uint64_t walker_pages(const struct walker_phase *phase, uint64_t pages)
{
    return pages * phase->eighths / 8u;
}

static inline uint64_t walker_steps(const struct walker_phase *phase, uint64_t pages)
{
    return pages * phase->sixteenths / 16u;
}

static inline uint64_t walker_rounds(const struct walker_phase *phase, uint64_t pages)
{
    return (WALKER_STEPS_MIN - 1u) / walker_steps(phase, pages) + 1u;
}

static inline uint64_t walker_seed(const struct walker_phase *phase, uint64_t round)
{
    return phase->seed == 0 ? 0 : phase->seed + round;
}

#endif
