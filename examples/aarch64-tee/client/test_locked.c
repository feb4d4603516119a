/* test_locked.c - a fault with the pager's lock held, which nobody can serve. SPDX-License-Identifier: BSD-2-Clause */
#include "client/check.h"
#include "client/tee_kernel.h"
#include "client/tests.h"

void test_locked(const struct test_run *run)
{
    uint64_t value;
    uint32_t result = tee_probe(run->tee, TEE_PROBE_FAULT_LOCKED, &value);

    check(false, "a fault with the pager's lock held is fatal to the kernel, which did not answer (%08x)", result);
}
