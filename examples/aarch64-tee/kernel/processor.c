/* processor.c - what each processor is set up with, and when it is ready. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/processor.h"

#include "abi/world.h"
#include "kernel/alias.h"
#include "kernel/cpu.h"
#include "kernel/layout.h"
#include "kernel/log.h"
#include "kernel/paging.h"

/* SCTLR_EL1: what is always one; MMU and caches on; stack pointers aligned; writable is never executable (WXN). EL0 may neither wait for
 * events nor touch caches. */
#define SCTLR 0x30d8181du
#define SCTLR_SPAN (1u << 23) /* exceptions leave PAN alone; one where there is no PAN */
#define FEATURE_PAN(mmfr1) (((mmfr1) >> 20 & 15u) != 0)

uint64_t kernel_root;

/* start.S */
void root_switch(uint64_t root, uint64_t mair, uint64_t tcr);

/* vectors.S, start.S */
extern const unsigned char vectors[];
extern const unsigned char call_entry[];
extern const unsigned char secondary_start[];

/* Where the processor can, the kernel is kept from the addresses of applications: it never uses them. */
static uint64_t control(void)
{
    uint64_t features;

    __asm__("mrs %0, id_aa64mmfr1_el1" : "=r"(features));
    return FEATURE_PAN(features) ? SCTLR & ~SCTLR_SPAN : SCTLR;
}

void processor_begin(void)
{
    __asm__ volatile("msr vbar_el1, %0" ::"r"(vectors));
    root_switch(kernel_root, VMSA_MAIR, vmsa_tcr(&vmsa));
    paging_use_space(NULL);
    __asm__ volatile("isb; tlbi vmalle1; dsb nsh; isb" ::: "memory");
    /* EL0 has no floating point, no timers, no cache maintenance and no debugging; thread.c takes the counters away, each time. */
    __asm__ volatile("msr cpacr_el1, xzr; msr cntkctl_el1, xzr; msr mdscr_el1, xzr; msr tpidrro_el0, xzr");
    /* What a TLB has of what may be executed was put there under the old rules. */
    __asm__ volatile("msr sctlr_el1, %0; isb; tlbi vmalle1; dsb nsh; isb" ::"r"(control()) : "memory");
}

void secondary_main(uint32_t number)
{
    (void)number;
    processor_begin();
    world_call(WORLD_CPU_READY, 0, 0);
}

/* Who calls it leaves it behind: with its own stack and code. */
static void end_booting(struct quire_pa pa, uint32_t npages, struct quire_pmem *pmems)
{
    enum quire_status status;

    alias_take(pa, npages);
    status = quire_pager_add_pages(&pager, pa, npages, pmems);
    if (status != QUIRE_OK) {
        panic(EXIT_KERNEL_PANIC, "the pages of booting: %s", quire_status_name(status));
    }
    log_print("kernel: %u pages in the pool, %u at least; %u tables left; flags of the hardware: accessed %u, dirty %u\n",
              pager.pool.total, pager.min_pages, vmsa.nfree, vmsa.hardware_accessed, vmsa.hardware_dirty);
    world_call(WORLD_READY, (uintptr_t)call_entry, (uintptr_t)secondary_start - KERNEL_VA);
}

void processor_ready(struct quire_pa pa, uint32_t npages, struct quire_pmem *pmems)
{
    register uint64_t x0 __asm__("x0") = pa.addr;
    register uint64_t x1 __asm__("x1") = npages;
    register uint64_t x2 __asm__("x2") = (uintptr_t)pmems;

    __asm__ volatile("mov sp, %3; br %4" ::"r"(x0), "r"(x1), "r"(x2), "r"(this_cpu()->stack), "r"(end_booting) : "memory");
    __builtin_unreachable();
}
