/* probe.c - what tests ask the kernel to do. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/probe.h"

#include "../host/sha256.h"
#include "abi/message.h"
#include "kernel/paging.h"

/* kernel.ld */
extern const unsigned char paged_start[];
extern const unsigned char paged_end[];

/* Reads every page of the kernel's pageable part: a digest of all of it, by accesses of the processor's own that fault where a page is
 * absent. */
static uint64_t read_paged(void)
{
    unsigned char digest[SHA256_BYTES];
    uint64_t first = 0;
    unsigned i;

    sha256_of(paged_start, (size_t)((uintptr_t)paged_end - (uintptr_t)paged_start), digest);
    for (i = 0; i < sizeof first; i++) {
        first = first << 8 | digest[i];
    }
    return first;
}

/* Evicts the kernel's pageable part, then touches it with the pager's lock held: the machine must end. */
static void fault_locked(void)
{
    const volatile unsigned char *page = paged_start;

    if (quire_vm_drop_range(&kernel_vm, (uintptr_t)paged_start,
                            ((uintptr_t)paged_end - (uintptr_t)paged_start) >> QUIRE_PAGE_SHIFT) == QUIRE_OK) {
        (void)paging_hooks.lock(paging_hooks.ctx);
        (void)*page;
    }
}

bool probe_run(uint64_t what, uint64_t *answer)
{
    switch (what) {
    case TEE_PROBE_PAGED_CODE:
        *answer = read_paged();
        return true;
    case TEE_PROBE_FAULT_LOCKED:
        fault_locked();
        return true;
    default:
        return false;
    }
}
