/* A store that lies in every way it can: what the defects of list_attack must be caught by is the attacker's test itself, a part of
 * its campaigns. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdio.h>

#include "cipher.c" /* beside the rig, which is linked */
#include "hashed.c"

#include "../attacker/attacker.c"
#include "../attacker/layer.c"
#include "../attacker/ops.c"
#include "../attacker/things.c"
#include "../attacker/walk.c"
#include "../attacker/world.c"

#define CAMPAIGNS 60u

Test(attack, every_lie_is_told_and_nothing_else)
{
    static struct walk_counts counts;
    char wrong[400];
    uint64_t seed;

    for (seed = 1; seed <= CAMPAIGNS; seed++) {
        if (!walk(seed, 200, &counts, wrong, sizeof wrong)) {
            fprintf(stderr, "violation: %s\n", wrong);
            cr_assert_fail("seed %ju: %s", (uintmax_t)seed, wrong);
        }
    }
}
