/* probe.c - what tests ask the kernel to do. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/probe.h"

#include "../host/sha256.h"
#include "abi/message.h"
#include "kernel/paging.h"
#include "kernel/survey.h"

/* kernel.ld */
extern const unsigned char paged_start[];
extern const unsigned char paged_end[];

static bool fatal_allowed;

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

/* Takes the entries of the kernel's pageable part away, then touches it with the pager's lock held: the machine must end. */
static void fault_locked(void)
{
    const volatile unsigned char *page = paged_start;

    if (quire_vm_drop_range(&kernel_vm, (uintptr_t)paged_start,
                            ((uintptr_t)paged_end - (uintptr_t)paged_start) >> QUIRE_PAGE_SHIFT) == QUIRE_OK) {
        (void)paging_hooks.lock(paging_hooks.ctx);
        (void)*page;
    }
}

/* Uses up the stack of this thread: the machine must end, at the guard. The calls are no tail calls: each needs what it got. */
__attribute__((noinline)) static uint64_t overflow(uint64_t depth)
{
    volatile uint64_t kept[32];

    kept[depth % 32u] = depth;
    return depth == UINT64_MAX ? 0 : overflow(depth + 1u) + kept[depth % 32u];
}

void probe_allow(bool allowed)
{
    fatal_allowed = allowed;
}

bool probe_run(uint64_t what, uint64_t answer[2])
{
    struct survey_code code;

    answer[0] = 0;
    answer[1] = 0;
    switch (what) {
    case TEE_PROBE_PAGED_CODE:
        answer[0] = read_paged();
        return true;
    case TEE_PROBE_ALIASES:
        survey_code(&code);
        answer[0] = code.pages;
        answer[1] = code.writable;
        return true;
    case TEE_PROBE_FAULT_LOCKED:
        if (fatal_allowed) {
            fault_locked();
        }
        return false;
    case TEE_PROBE_OVERFLOW:
        if (fatal_allowed) {
            answer[0] = overflow(0);
        }
        return false;
    default:
        return false;
    }
}
