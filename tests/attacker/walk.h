/* One campaign: a random walk through a world and its end. */
#ifndef WALK_H
#define WALK_H

#include "world.h"

struct walk_counts {
    struct attacker_counts tricks;
    struct world_counts world;
};

/* False: something is not as it must be; what, stands in `wrong`. */
bool walk(uint64_t seed, uint64_t steps, struct walk_counts *counts, char *wrong, size_t len);
void walk_print(const struct walk_counts *counts, uint64_t campaigns);
/* Loads that read what the attacker had changed; of these those that said so. */
uint64_t walk_read(const struct walk_counts *counts);
uint64_t walk_caught(const struct walk_counts *counts);
/* What did not happen in all of these campaigns, so that they prove nothing of it; null: all did. */
const char *walk_missing(const struct walk_counts *counts);

#endif
