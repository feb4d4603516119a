/* What the tests of the pager under threads have in common. */
#ifndef CREW_TEST_H
#define CREW_TEST_H

#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "crew.h"
#include "random.h"

#define RW (RIG_READ | RIG_WRITE)

/* Asserts that a call says OK, and names what it says instead. */
#define OK(call)                                                                     \
    do {                                                                             \
        enum quire_status status_ = (call);                                          \
        cr_assert(status_ == QUIRE_OK, "%s: %s", #call, quire_status_name(status_)); \
    } while (0)

/* Asserts all invariants, and that the machine's oracle saw nothing wrong. */
#define SOUND(rig)                                                     \
    do {                                                               \
        const char *wrong_ = rig_wrong(rig);                           \
        cr_assert(wrong_ == NULL, "%s", wrong_ != NULL ? wrong_ : ""); \
    } while (0)

/* Faults of an instruction that needs `step` pages, one of a crew's. Alone: each page comes by one fault, stays until `step` others
 * have come, and may be forgotten by the policy once while it does, which costs one more. With others that is what is seen, too (at
 * most 8 with four threads); that a page in transit to be waited for costs no more than as much again for each of them is what
 * experience says, with a margin. */
#define CREW_BOUND(step, crew) (2u * (step) * (crew))

#endif
