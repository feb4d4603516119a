/* The attacker's test: campaigns of random paging over a store that lies in every way it can.
 *
 * QUIRE_SEED=n begins with that seed; campaign i has seed n + i, which reproduces it alone; QUIRE_COUNT=n runs so many, and
 * QUIRE_COUNT=campaign a hundred times as many as usual: 10,000; QUIRE_STEPS=n makes each so long. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

#define USUAL 100u
#define STEPS 300u

Test(attacker, no_wrong_byte_is_seen_and_every_lie_is_told, .timeout = 36000)
{
    /* Fewer where each takes as long as forty. */
    struct property p = property_begin("attacker", USUAL / rig_stride(2));
    const char *told = getenv("QUIRE_STEPS");
    uint64_t steps = told != NULL ? strtoull(told, NULL, 0) : STEPS;
    struct walk_counts counts;
    uint64_t i;

    memset(&counts, 0, sizeof counts);
    for (i = 0; i < p.rounds; i++) {
        char wrong[400];

        if (!walk(p.state + i, steps, &counts, wrong, sizeof wrong)) {
            cr_log_error("campaign %ju: %s\nto repeat: QUIRE_STEPS=%ju tests/run campaign attacker %ju 1",
                         (uintmax_t)(p.state + i), wrong, (uintmax_t)steps, (uintmax_t)(p.state + i));
            cr_assert_fail("seed %ju: %s", (uintmax_t)(p.state + i), wrong);
        }
    }
    walk_print(&counts, p.rounds);
    cr_assert_eq(walk_read(&counts), walk_caught(&counts) + counts.tricks.drowned, "something that was read was not told");
    if (p.rounds >= USUAL / 2u) {
        const char *missing = walk_missing(&counts);

        cr_assert_null(missing, "never met, or never caught: %s", missing);
    }
}
