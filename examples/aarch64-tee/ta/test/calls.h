/* calls.h - the system calls, as the test does them. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_TEST_CALLS_H
#define TA_TEST_CALLS_H

#include "ta/test/instance.h"

#define TEST_PAGE ((size_t)4096)
#define REGIONS 1024u

struct region {
    enum region_kind kind;
    int prot; /* of mmap */
    uintptr_t at;
    size_t bytes;
    uint64_t key; /* SHARED */
};

struct regions {
    struct region region[REGIONS];
};

/* The region that holds all of [at, at + bytes) and permits all of `prot`; null: none. */
const struct region *region_of(const struct regions *regions, uint64_t at, uint64_t bytes, int prot);

struct region *region_add(struct regions *regions, enum region_kind kind, uintptr_t at, size_t bytes, int prot);

/* Returns what x0 is to be; regs[0] to regs[2] are the arguments. Not for TA_RETURN and TA_PANIC: they do not come back. */
int64_t calls_do(struct regions *regions, uint64_t number, const unsigned long long *regs);

/* All that was mapped and shared. */
void calls_give_back(struct regions *regions);

/* Of instance.c: leave the application that runs on this thread. */
__attribute__((noreturn)) void calls_return(uint32_t result);
__attribute__((noreturn)) void calls_kill(void);

#endif
