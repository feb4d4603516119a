/* main.c - sets the machine up and runs the tests that it can. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/vmsa_test/test.h"

#include "lib/format.h"

#define TEXT_BYTES 256u
#define MEMORY_PA UINT64_C(0x40000000)

/* test.ld */
extern unsigned char image_start[];
extern unsigned char text_end[];
extern unsigned char rodata_end[];
extern unsigned char image_end[];

void machine_main(void);

struct vmsa test_vmsa;
struct vmsa_space test_kernel;
struct quire_mmu test_mmu;
unsigned char test_page[TEST_PAGES][4096] __attribute__((aligned(4096)));

static unsigned char tables[TEST_TABLES][4096] __attribute__((aligned(4096)));
static struct vmsa_table book[TEST_TABLES];
static struct vmsa_space hoard[TEST_TABLES];
static uint32_t hoarded;
static uint32_t failures;             /* of this test */
static struct quire_pager idle_pager; /* of contexts whose hooks the tests call themselves */
static uint32_t pager_lock;

/* ---- What Quire needs besides vmsa.c ---- */

static uintptr_t hook_lock(void *ctx)
{
    (void)ctx;
    while (__atomic_exchange_n(&pager_lock, 1u, __ATOMIC_ACQUIRE) != 0) {
        __asm__ volatile("yield");
    }
    return 1;
}

static void hook_unlock(void *ctx, uintptr_t key)
{
    (void)ctx;
    CHECK(key == 1);
    __atomic_store_n(&pager_lock, 0u, __ATOMIC_RELEASE);
}

static void *hook_alias_get(void *ctx, struct quire_pa pa)
{
    (void)ctx;
    return (void *)(MACHINE_VA + pa.addr);
}

static void hook_alias_put(void *ctx, struct quire_pa pa, void *alias)
{
    (void)ctx;
    (void)pa;
    (void)alias;
}

static void *no_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx;
    (void)size;
    (void)align;
    return NULL;
}

static void no_free(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    (void)ptr;
    (void)size;
}

#define IDLE_PAGES ((uint32_t)QUIRE_PAGER_MIN_PAGES(1, QUIRE_PAGER_STEP_DEFAULT, 0))

static bool begin_idle_pager(void)
{
    static uint32_t steps[QUIRE_PAGER_STEP_BYTES(1, QUIRE_PAGER_STEP_DEFAULT) / sizeof(uint32_t)];
    static struct quire_policy_clock policy;
    static struct quire_pmem pmems[IDLE_PAGES];
    struct quire_pager_config config = {0};

    config.mmu = &test_mmu;
    config.policy = quire_policy_clock_init(&policy);
    config.mem.alloc = no_alloc;
    config.mem.free = no_free;
    config.pa = test_pa(TEST_PAGES - IDLE_PAGES);
    config.npages = IDLE_PAGES;
    config.pmems = pmems;
    config.concurrency = 1;
    config.steps = steps;
    return quire_pager_init(&idle_pager, &config) == QUIRE_OK;
}

/* ---- The machine ---- */

static bool map_image(const unsigned char *from, const unsigned char *to, unsigned prot)
{
    return vmsa_map_fixed(&test_vmsa, &test_kernel, (uintptr_t)from, machine_pa(from), (uint64_t)(to - from), prot,
                          VMSA_ATTR_NORMAL) == QUIRE_OK;
}

static void enter_machine(void)
{
    machine_switch(vmsa_tcr(&test_vmsa), test_kernel.root_pa);
    vmsa_use(&test_vmsa, machine_this_cpu()->number, NULL);
}

bool test_begin_machine(bool software_flags)
{
    struct vmsa_config config = {0};

    config.tables = tables;
    config.tables_pa = machine_pa(tables);
    config.book = book;
    config.ntables = TEST_TABLES;
    config.cpus = MACHINE_CPUS;
    config.cpu = machine_cpu_number;
    config.asids = TEST_ASIDS;
    config.software_flags = software_flags;
    if (vmsa_init(&test_vmsa, &config) != QUIRE_OK) {
        return false;
    }
    vmsa_hooks(&test_vmsa, &test_mmu);
    test_mmu.lock = hook_lock;
    test_mmu.unlock = hook_unlock;
    test_mmu.alias_get = hook_alias_get;
    test_mmu.alias_put = hook_alias_put;
    if (vmsa_space_init(&test_vmsa, &test_kernel, true) != QUIRE_OK ||
        !map_image(image_start, text_end, QUIRE_PROT_READ | QUIRE_PROT_EXEC) ||
        !map_image(text_end, rodata_end, QUIRE_PROT_READ) ||
        !map_image(rodata_end, image_end, QUIRE_PROT_READ | QUIRE_PROT_WRITE) ||
        vmsa_map_fixed(&test_vmsa, &test_kernel, TEST_WINDOW_VA, MEMORY_PA, TEST_WINDOW_BYTES, QUIRE_PROT_READ,
                       VMSA_ATTR_NORMAL) != QUIRE_OK) {
        return false;
    }
    enter_machine();
    return begin_idle_pager();
}

struct quire_pa test_pa(uint32_t i)
{
    return quire_pa_make(machine_pa(test_page[i]));
}

/* ---- Applications without a pager ---- */

void test_app_begin(struct test_app *app)
{
    CHECK(vmsa_space_init(&test_vmsa, &app->space, false) == QUIRE_OK);
    CHECK(quire_vm_init(&app->vm, &idle_pager, 0, TEST_VA_LAST, &app->space) == QUIRE_OK);
}

void test_app_end(struct test_app *app)
{
    CHECK(vmsa_space_close(&test_vmsa, &app->space) == QUIRE_OK);
    CHECK(quire_vm_fini(&app->vm) == QUIRE_OK);
    vmsa_space_fini(&test_vmsa, &app->space);
}

void test_use(struct test_app *app)
{
    vmsa_use(&test_vmsa, machine_this_cpu()->number, app != NULL ? &app->space : NULL);
}

enum quire_status test_map(struct test_app *app, uintptr_t va, uint32_t page, size_t npages, unsigned prot)
{
    return test_mmu.map(&test_vmsa, &app->vm, va, test_pa(page), npages, prot, VMSA_ATTR_NORMAL);
}

unsigned test_unmap(struct test_app *app, uintptr_t va, size_t npages)
{
    struct quire_batch batch;

    quire_batch_init(&batch);
    return test_mmu.unmap(&test_vmsa, &app->vm, va, npages, &batch);
}

unsigned test_query(struct test_app *app, uintptr_t va)
{
    return test_mmu.query(&test_vmsa, &app->vm, va);
}

void test_flush(struct test_app *app, uintptr_t va)
{
    struct quire_batch batch;

    quire_batch_init(&batch);
    quire_batch_add(&batch, &app->vm, va);
    test_mmu.flush(&test_vmsa, &batch);
}

void test_drop(struct test_app *app, uintptr_t va)
{
    CHECK((test_unmap(app, va, 1) & QUIRE_ENTRY_PRESENT) != 0);
    test_flush(app, va);
}

uint64_t test_descriptor(const struct vmsa_space *space, uintptr_t va, unsigned *level)
{
    uint64_t table = space->root_pa;

    for (*level = 1;; ++*level) {
        uint64_t entry = ((const uint64_t *)(MACHINE_VA + table))[va >> (39u - 9u * *level) & 511u];

        if (*level == 3 || (entry & 3u) != 3u) {
            return entry;
        }
        table = entry & UINT64_C(0xfffffffff000);
    }
}

void test_hoard(uint32_t left)
{
    while (test_vmsa.nfree > left) {
        CHECK(vmsa_space_init(&test_vmsa, &hoard[hoarded++], false) == QUIRE_OK);
    }
}

void test_release(void)
{
    while (hoarded > 0) {
        vmsa_space_fini(&test_vmsa, &hoard[--hoarded]);
    }
}

uint32_t test_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* ---- Running ---- */

void test_failed(const char *file, int line, const char *what)
{
    char text[TEXT_BYTES];

    failures++;
    format(text, sizeof text, "# %s:%d: %s\n", file, line, what);
    machine_print(text);
}

static bool is_possible(const struct test *test, bool two)
{
    switch (test->when) {
    case TEST_HARDWARE_ACCESSED:
        return test_vmsa.hardware_accessed;
    case TEST_HARDWARE_DIRTY:
        return test_vmsa.hardware_dirty;
    case TEST_SOFTWARE_ACCESSED:
        return !test_vmsa.hardware_accessed;
    case TEST_TWO_CPUS:
        return two;
    default:
        return true;
    }
}

/* Every test leaves all tables as it found them. */
static uint32_t run_tests(const struct test *test, bool two)
{
    uint32_t failed = 0;

    for (; test->name != NULL; test++) {
        uint32_t nfree = test_vmsa.nfree;
        char text[TEXT_BYTES];

        if (is_possible(test, two)) {
            failures = 0;
            test->run();
            test_use(NULL);
            CHECK(test_vmsa.nfree == nfree);
            format(text, sizeof text, "%s - %s\n", failures == 0 ? "ok" : "not ok", test->name);
            machine_print(text);
            failed += failures != 0;
        }
    }
    return failed;
}

void machine_main(void)
{
    char arguments[TEXT_BYTES];
    char text[TEXT_BYTES];
    uint32_t failed;
    bool two;

    /* QEMU's -semihosting-config arg=: "software" leaves the hardware's flags alone. */
    machine_arguments(arguments, sizeof arguments);
    if (!test_begin_machine(arguments[0] == 's')) {
        machine_print("not ok - the machine can be set up\n");
        machine_exit(2);
    }
    two = machine_start_second(enter_machine);
    format(text, sizeof text, "# accessed flag: %s; dirty flag: %s; processors: %d\n",
           test_vmsa.hardware_accessed ? "hardware" : "software", test_vmsa.hardware_dirty ? "hardware" : "software",
           two ? 2 : 1);
    machine_print(text);
    failed = run_tests(tests_decode, two) + run_tests(tests_entries, two) + run_tests(tests_spaces, two) +
             run_tests(tests_tables, two) + run_tests(tests_pager, two) + run_tests(tests_cpus, two);
    machine_exit(failed != 0);
}
