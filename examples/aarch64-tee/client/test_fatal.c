/* test_fatal.c - what the kernel must not survive; it has to be configured to do it. SPDX-License-Identifier: BSD-2-Clause */
#include "client/check.h"
#include "client/tee_kernel.h"
#include "client/tests.h"

void test_locked(struct test_run *run)
{
    uint64_t value[2];
    uint32_t result = tee_probe(run->tee, TEE_PROBE_FAULT_LOCKED, value);

    check(false, "a fault with the pager's lock held ends the machine: it answered %08x", result);
}

void test_overflow(struct test_run *run)
{
    uint64_t value[2];
    uint32_t result = tee_probe(run->tee, TEE_PROBE_OVERFLOW, value);

    check(false, "a stack that overflows ends the machine: it answered %08x", result);
}
