/* mutex.h - mutual exclusion between threads, for as long as it takes. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_MUTEX_H
#define KERNEL_MUTEX_H

#include <stdbool.h>
#include <stdint.h>

/* Whoever holds one may fault, wait and give the processor back. Only for threads. All zero: free. */
struct mutex {
    uint32_t held;
};

/* Waits by giving the processor back to the normal world, which comes again. */
void mutex_lock(struct mutex *mutex);
/* Takes it if nobody has it; returns whether it did. */
bool mutex_trylock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

#endif
