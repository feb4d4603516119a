/* init.c - booting, in the order in which it happens. SPDX-License-Identifier: BSD-2-Clause */
#include "abi/smc.h"
#include "abi/world.h"
#include "kernel/boot/config.h"
#include "kernel/boot/image.h"
#include "kernel/boot/memory.h"
#include "kernel/entropy.h"
#include "kernel/layout.h"
#include "kernel/log.h"
#include "kernel/measure.h"
#include "kernel/pageable/command.h"
#include "kernel/pageable/heap.h"
#include "kernel/pageable/private.h"
#include "kernel/pageable/probe.h"
#include "kernel/pageable/slices.h"
#include "kernel/pageable/system_call.h"
#include "kernel/paging.h"
#include "kernel/processor.h"
#include "kernel/thread.h"
#include "lib/memory.h"

/*
 *   on a stack of booting's own:   memory and tables -> the pager -> the kernel's own pageable part, adopted
 *   in the first thread:           all that is pageable itself: heap, private objects, files
 *   on the processor's own stack:  what only booting needed goes to the pool; the normal world begins
 */
unsigned char boot_stack[BOOT_STACK_BYTES] __attribute__((aligned(16)));
uint64_t boot_l1[512] __attribute__((aligned(4096)));
uint64_t boot_l2[512] __attribute__((aligned(4096)));

static struct config config;

void init_main(uint32_t number, const char *text);

static void must(enum quire_status status, const char *what)
{
    if (status != QUIRE_OK) {
        panic(EXIT_KERNEL_PANIC, "%s: %s", what, quire_status_name(status));
    }
}

/* ---- The pager ---- */

static struct quire_policy *make_policy(void)
{
    static union {
        struct quire_policy_refault refault;
        struct quire_policy_clock clock;
        struct quire_policy_fifo fifo;
        struct quire_policy_s3fifo s3fifo;
        struct quire_policy_2q twoq;
    } policy __attribute__((section(".resident.data"))); /* it stays */

    switch (config.policy) {
    case 1:
        return quire_policy_clock_init(&policy.clock);
    case 2:
        return quire_policy_fifo_init(&policy.fifo);
    case 3:
        return quire_policy_s3fifo_init(&policy.s3fifo);
    case 4:
        return quire_policy_2q_init(&policy.twoq);
    default:
        return quire_policy_refault_init(&policy.refault);
    }
}

static void make_pager(void)
{
    struct quire_pager_config pages;
    uint64_t pa;
    uint64_t left;

    memset(&pages, 0, sizeof pages);
    pages.mmu = measured_mmu(&paging_hooks);
    pages.policy = make_policy();
    pages.mem = paging_mem;
    pages.npages = config.pool;
    pages.pmems = memory_take(config.pool * sizeof *pages.pmems);
    pages.concurrency = THREADS;
    pages.steps = memory_take(QUIRE_PAGER_STEP_BYTES(THREADS, QUIRE_PAGER_STEP_DEFAULT));
    pages.around = 16;
    left = memory_left(&pa);
    pages.pa = quire_pa_make(pa);
    if (left < config.pool) {
        panic(EXIT_KERNEL_PANIC, "a pool of %u pages: there are %lu", config.pool, left);
    }
    must(quire_pager_init(&pager, &pages), "the pager");
}

/* ---- The kernel's own pageable part ---- */

static void map_paged(struct quire_fobj *fobj, const unsigned char *from, const unsigned char *to, unsigned prot)
{
    struct quire_mapping mapping;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = fobj;
    mapping.first = (uint32_t)((from - paged_start) >> QUIRE_PAGE_SHIFT);
    mapping.npages = (uint32_t)((to - from) >> QUIRE_PAGE_SHIFT);
    mapping.prot = prot;
    mapping.va = (uintptr_t)from;
    must(quire_vm_map(&kernel_vm, &mapping, NULL), "the kernel's pageable part");
}

/* Its pages lie where they were loaded: they become pages of the pool as they are, and are loaded again, from the flash, when they had to
 * give way. What is in the flash nobody can change: it needs no verification. */
static void adopt_paged(void)
{
    static struct quire_fobj_ro fobj __attribute__((section(".resident.data"))); /* it stays */
    uint64_t pa = (uintptr_t)paged_loaded - KERNEL_VA;
    uint32_t npages = (uint32_t)((paged_end - paged_start) >> QUIRE_PAGE_SHIFT);
    struct quire_fobj_ro_config content;
    uint32_t i;

    memset(&content, 0, sizeof content);
    content.len = (uint64_t)npages << QUIRE_PAGE_SHIFT;
    content.slots = memory_take(QUIRE_FOBJ_SLOT_BYTES(npages));
    content.data = (const void *)(KERNEL_VA + FLASH_KERNEL + (pa - KERNEL_BASE));
    must(quire_fobj_ro_init(&fobj, &content), "the kernel's pageable part");
    must(quire_pager_add_pages(&pager, quire_pa_make(pa), npages, memory_take(npages * sizeof(struct quire_pmem))),
         "the kernel's pageable pages");
    for (i = 0; i < npages; i++) {
        must(quire_pager_adopt(&pager, &fobj.base, i, quire_pa_make(pa + ((uint64_t)i << QUIRE_PAGE_SHIFT)), false),
             "a page that was loaded");
    }
    must(quire_vm_init(&kernel_vm, &pager, PAGED_VA, PAGED_VA + PAGED_BYTES - 1u, &kernel_space), "the kernel's context");
    map_paged(&fobj.base, paged_start, paged_text_end, QUIRE_PROT_READ | QUIRE_PROT_EXEC);
    map_paged(&fobj.base, paged_text_end, paged_end, QUIRE_PROT_READ);
}

/* ---- In the first thread: here pageable code may run ---- */

static void init_thread(struct smc_args *args)
{
    (void)args;
    must(heap_init(memory_take((uint64_t)config.heap << QUIRE_PAGE_SHIFT), (size_t)config.heap << QUIRE_PAGE_SHIFT),
         "the heap");
    paging_set_mem(&heap_mem);
    must(private_init(config.cipher != 0), "private objects");
    must(slices_init(), "files");
    probe_allow(config.probes != 0);
    trap_system_call = system_call;
    thread_main = command_run;
}

void init_main(uint32_t number, const char *text)
{
    struct smc_args args;
    uint32_t npages;

    config_read(&config, text);
    threads_init();
    __asm__ volatile("msr tpidr_el1, %0" ::"r"(&cpus[number]));
    memory_map(&config);
    if (!entropy_init(config.salt)) {
        log_print("kernel: no entropy here: keys and places are no secrets\n");
    }
    measure_begin(config.measure);
    make_pager();
    adopt_paged();
    memset(&args, 0, sizeof args);
    args.x[0] = TEE_SMC_CALL;
    thread_main = init_thread;
    kernel_call(&args);
    npages = (uint32_t)((init_end - image_start) >> QUIRE_PAGE_SHIFT);
    processor_ready(quire_pa_make((uintptr_t)image_start - KERNEL_VA), npages, memory_take(npages * sizeof(struct quire_pmem)));
}
