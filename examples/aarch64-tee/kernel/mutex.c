/* mutex.c - mutual exclusion between threads, for as long as it takes. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/mutex.h"

#include "abi/smc.h"
#include "kernel/thread.h"

void mutex_lock(struct mutex *mutex)
{
    while (!mutex_trylock(mutex)) {
        thread_suspend(TEE_WAITING);
    }
}

bool mutex_trylock(struct mutex *mutex)
{
    return __atomic_exchange_n(&mutex->held, 1u, __ATOMIC_ACQUIRE) == 0;
}

void mutex_unlock(struct mutex *mutex)
{
    __atomic_store_n(&mutex->held, 0, __ATOMIC_RELEASE);
}
