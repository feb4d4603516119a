/* tests.h - the tests that a script can name. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_TESTS_H
#define CLIENT_TESTS_H

#include "client/script.h"
#include "client/tee.h"

/* What every test gets. The applications are registered, and the kernel has its donation. */
struct test_run {
    const struct script *script;
    struct tee *tee;
    bool reported; /* report.h */
};

/* Each leaves things as they were: no session open, all buffers returned, the pool as large as before. */
void test_smoke(struct test_run *run);    /* everything once, and the usual errors */
void test_share(struct test_run *run);    /* pages that several applications show */
void test_pressure(struct test_run *run); /* a pool that is much too small */
void test_resize(struct test_run *run);   /* ... and that changes its size meanwhile */
void test_shortage(struct test_run *run); /* more is asked for than there is */
void test_rogue(struct test_run *run);    /* an application does what it must not */
void test_tamper(struct test_run *run);   /* the normal world alters what it keeps for the kernel */
void test_hostile(struct test_run *run);  /* the normal world lies in all it says */
void test_speed(struct test_run *run);    /* what a fault costs, and how long a load takes */
void test_measure(struct test_run *run);  /* what each kind of fault takes, and where */

/* These do not return: the machine ends. */
void test_locked(struct test_run *run);   /* the kernel faults with the pager's lock held */
void test_overflow(struct test_run *run); /* a stack of the kernel overflows */

#endif
