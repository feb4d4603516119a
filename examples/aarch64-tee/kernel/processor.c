/* processor.c - what each processor is set up with, and when it is ready. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/processor.h"

#include "abi/world.h"
#include "kernel/layout.h"
#include "kernel/log.h"
#include "kernel/paging.h"

#define SCTLR 0x30d80805u /* what is always one; MMU and caches on; writable is never executable (WXN); SP aligned */

uint64_t kernel_root;

/* vectors.S, start.S */
extern const unsigned char vectors[];
extern const unsigned char call_entry[];
extern const unsigned char secondary_start[];

void processor_begin(void)
{
    __asm__ volatile("msr vbar_el1, %0" ::"r"(vectors));
    __asm__ volatile("msr mair_el1, %0; msr tcr_el1, %1; msr ttbr1_el1, %2; isb" ::"r"(VMSA_MAIR), "r"(vmsa_tcr(&vmsa)),
                     "r"(kernel_root));
    paging_use_space(NULL);
    __asm__ volatile("isb; tlbi vmalle1; dsb nsh; isb" ::: "memory");
    /* EL0 has no floating point, no counters, no cache maintenance and no debugging. */
    __asm__ volatile("msr cpacr_el1, xzr; msr cntkctl_el1, xzr; msr pmuserenr_el0, xzr; msr mdscr_el1, xzr");
    __asm__ volatile("msr sctlr_el1, %0; isb" ::"r"((uint64_t)SCTLR) : "memory");
}

void secondary_main(uint32_t number)
{
    (void)number;
    processor_begin();
    world_call(WORLD_CPU_READY, 0, 0);
}

void processor_ready(void)
{
    world_call(WORLD_READY, (uintptr_t)call_entry, (uintptr_t)secondary_start - KERNEL_VA);
}
