/* user.h - running an application, until it returns or is killed. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_USER_H
#define KERNEL_USER_H

#include <stdint.h>

/* How a call ended. */
enum user_end {
    USER_RETURNED, /* by TA_RETURN; *value is its result */
    USER_PANICKED, /* by TA_PANIC; *value is its code */
    USER_KILLED    /* it did what it must not; *value is the syndrome */
};

/* Lets the application of this thread's session run from `pc` until its call ends. */
enum user_end user_run(uintptr_t pc, uintptr_t sp, const uint64_t x[3], uint64_t *value);

/* Ends the call that runs: does not return. For system calls and traps. */
__attribute__((noreturn)) void user_end(enum user_end how, uint64_t value);

#endif
