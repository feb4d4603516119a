/* tests.h - the tests that a script can name. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_TESTS_H
#define CLIENT_TESTS_H

#include "client/script.h"
#include "client/tee.h"

/* What every test gets. The applications are registered, and the kernel has its donation. */
struct test_run {
    const struct script *script;
    struct tee *tee;
};

/* Each leaves things as they were: no session open, all buffers returned, the pool as large as before. */
void test_smoke(const struct test_run *run);

#endif
