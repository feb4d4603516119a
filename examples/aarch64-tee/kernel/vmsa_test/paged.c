/* paged.c - applications of a real pager, small enough to run out of everything. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/vmsa_test/paged.h"

#include "kernel/fault_decode.h"
#include "lib/memory.h"

#define BLOCKS 256u
#define BLOCK_BYTES 256u

struct quire_pager paged_pager;
uint32_t paged_faults[QUIRE_FAULT_UNPAGED + 1];
enum quire_status paged_refusal;

static struct quire_policy_clock policy;
static struct quire_pmem pmems[TEST_PAGES];
static uint32_t steps[QUIRE_PAGER_STEP_BYTES(MACHINE_CPUS, QUIRE_PAGER_STEP_DEFAULT) / sizeof(uint32_t)];
static unsigned char blocks[BLOCKS][BLOCK_BYTES] __attribute__((aligned(16)));
static uint32_t block_taken[BLOCKS];
static struct paged_app *current[MACHINE_CPUS];

/* ---- Memory for areas ---- */

static void *mem_alloc(void *ctx, size_t size, size_t align)
{
    uint32_t i;

    (void)ctx;
    for (i = 0; i < BLOCKS && size <= BLOCK_BYTES && align <= 16; i++) {
        if (__atomic_exchange_n(&block_taken[i], 1u, __ATOMIC_ACQUIRE) == 0) {
            return blocks[i];
        }
    }
    return NULL;
}

static void mem_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    (void)size;
    __atomic_store_n(&block_taken[((unsigned char *)ptr - blocks[0]) / (ptrdiff_t)BLOCK_BYTES], 0u, __ATOMIC_RELEASE);
}

/* ---- Faults ---- */

static bool serve(uint64_t esr, uint64_t far, bool from_el0)
{
    struct machine_cpu *cpu = machine_this_cpu();
    struct quire_fault fault = {0};
    struct quire_fault_result result;
    enum quire_status status;

    if (!fault_decode(esr, far, from_el0, &fault)) {
        return false;
    }
    fault.thread = cpu->number;
    status = quire_pager_fault(&paged_pager, &current[cpu->number]->vm, &fault, &result);
    if (status == QUIRE_OK) {
        __atomic_fetch_add(&paged_faults[result.kind], 1u, __ATOMIC_RELAXED);
    } else if (status != QUIRE_AGAIN) {
        paged_refusal = status;
    }
    return status == QUIRE_OK || status == QUIRE_AGAIN; /* nobody sleeps here: whoever would have to wait comes back */
}

void paged_begin(uint32_t npages, uint32_t ncpus)
{
    struct quire_pager_config config = {0};

    memset(paged_faults, 0, sizeof paged_faults);
    config.mmu = &test_mmu;
    config.policy = quire_policy_clock_init(&policy);
    config.mem.alloc = mem_alloc;
    config.mem.free = mem_free;
    config.pa = test_pa(0);
    config.npages = npages;
    config.pmems = pmems;
    config.concurrency = ncpus;
    config.steps = steps;
    CHECK(quire_pager_init(&paged_pager, &config) == QUIRE_OK);
    machine_this_cpu()->serve = serve;
}

void paged_end(void)
{
    machine_this_cpu()->serve = NULL;
    CHECK(quire_pager_fini(&paged_pager) == QUIRE_OK);
}

void paged_use(struct paged_app *app)
{
    current[machine_this_cpu()->number] = app;
    machine_this_cpu()->serve = app != NULL ? serve : NULL;
    vmsa_use(&test_vmsa, machine_this_cpu()->number, app != NULL ? &app->space : NULL);
}

bool paged_is_sound(void)
{
    struct quire_violation violation;

    return quire_pager_check(&paged_pager, &violation) == QUIRE_OK;
}

/* ---- Applications ---- */

static enum quire_status store_read(void *ctx, uint32_t pgidx, void *page)
{
    memcpy(page, ((struct paged_app *)ctx)->store[pgidx], 4096);
    return QUIRE_OK;
}

static enum quire_status store_write(void *ctx, uint32_t pgidx, const void *page)
{
    memcpy(((struct paged_app *)ctx)->store[pgidx], page, 4096);
    return QUIRE_OK;
}

uintptr_t paged_va(uint32_t i)
{
    return PAGED_AREA_STRIDE * (1u + i / PAGED_AREA_PAGES) + (i % PAGED_AREA_PAGES) * 4096u;
}

void paged_app_begin(struct paged_app *app)
{
    struct quire_fobj_rw_config config = {0};
    struct quire_mapping mapping = {0};
    uint32_t i;

    memset(app->expected, 0, sizeof app->expected);
    CHECK(vmsa_space_init(&test_vmsa, &app->space, false) == QUIRE_OK);
    CHECK(quire_vm_init(&app->vm, &paged_pager, 0x10000, 0x7fffffffff, &app->space) == QUIRE_OK);
    config.num_pages = PAGED_PAGES;
    config.slots = app->slots;
    config.store.ctx = app;
    config.store.npages = PAGED_PAGES;
    config.store.read = store_read;
    config.store.write = store_write;
    CHECK(quire_fobj_rw_init(&app->object, &config) == QUIRE_OK);
    mapping.fobj = &app->object.base;
    mapping.npages = PAGED_AREA_PAGES;
    mapping.prot = TEST_WRITE;
    for (i = 0; i < PAGED_PAGES; i += PAGED_AREA_PAGES) {
        mapping.first = i;
        mapping.va = paged_va(i);
        CHECK(quire_vm_map(&app->vm, &mapping, NULL) == QUIRE_OK);
    }
    CHECK(quire_fobj_put(&app->object.base) == QUIRE_OK); /* each area has a reference */
}

void paged_app_end(struct paged_app *app)
{
    enum quire_status status;

    while (vmsa_space_close(&test_vmsa, &app->space) == QUIRE_BUSY) {
    }
    do {
        status = quire_vm_fini(&app->vm);
    } while (status == QUIRE_BUSY || status == QUIRE_AGAIN);
    CHECK(status == QUIRE_OK);
    vmsa_space_fini(&test_vmsa, &app->space);
}

void paged_step(struct paged_app *app, uint32_t *random)
{
    uint32_t cpu = machine_this_cpu()->number;
    uint32_t i = test_random(random) % PAGED_PAGES;
    uintptr_t va = paged_va(i) + cpu * 8u;
    uint64_t value;

    paged_use(app);
    CHECK(machine_read(va, &value) && value == app->expected[i][cpu]);
    if (test_random(random) % 2u == 0) {
        app->expected[i][cpu] = test_random(random);
        CHECK(machine_write(va, app->expected[i][cpu]));
    }
}
