/* system_call.h - what applications may ask for. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_SYSTEM_CALL_H
#define KERNEL_SYSTEM_CALL_H

#include "kernel/trap.h"

/* Serves the call in `trap` (abi/ta.h) of this thread's application. Does not return from TA_RETURN and TA_PANIC. */
void system_call(struct trap *trap);

#endif
