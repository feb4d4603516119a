/* test_spaces.c - spaces, their ASIDs, and flushes of more than a page. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/vmsa_test/test.h"

/* QEMU's TLB has no ASIDs: it is emptied whenever TTBR0 gets another one. So what a flush must reach is looked at without a switch
 * in between, and of ASIDs that none is given twice. */

#define VA UINT64_C(0x40000000)
#define APPS 9u

static struct test_app apps[APPS];

static void set(uint32_t page, uint64_t value)
{
    ((volatile uint64_t *)test_page[page])[0] = value;
}

static bool reads(struct test_app *app, uintptr_t va, uint64_t expected)
{
    uint64_t value;

    test_use(app);
    return machine_read(va, &value) && value == expected;
}

static bool faults(struct test_app *app, uintptr_t va)
{
    uint64_t value;

    test_use(app);
    return !machine_read(va, &value);
}

/* Has no space the ASID of another, of the same generation? Nobody's is 0. */
static bool asids_differ(void)
{
    uint32_t i;
    uint32_t k;

    for (i = 0; i < APPS; i++) {
        for (k = 0; k < i; k++) {
            if (apps[i].space.generation == test_vmsa.generation && apps[k].space.generation == test_vmsa.generation &&
                (apps[i].space.asid == apps[k].space.asid || apps[i].space.asid == 0 || apps[k].space.asid == 0)) {
                return false;
            }
        }
    }
    return true;
}

/* Each app shows page i at VA, in which stands `base` + i. */
static void begin_apps(uint64_t base)
{
    uint32_t i;

    for (i = 0; i < APPS; i++) {
        test_app_begin(&apps[i]);
        set(i, base + i);
        CHECK(test_map(&apps[i], VA, i, 1, TEST_WRITE) == QUIRE_OK);
    }
}

static void end_apps(void)
{
    uint32_t i;

    test_use(NULL);
    for (i = 0; i < APPS; i++) {
        if (test_query(&apps[i], VA) != 0) {
            test_drop(&apps[i], VA);
        }
        test_app_end(&apps[i]);
    }
}

static void rolls_over(void)
{
    uint64_t rolls = test_vmsa.rolls;
    uint32_t random = 1;
    uint32_t i;

    begin_apps(100);
    for (i = 0; i < 5 * APPS; i++) {
        CHECK(reads(&apps[i % APPS], VA, 100 + i % APPS));
    }
    for (i = 0; i < 1000; i++) {
        uint32_t n = test_random(&random) % APPS;

        CHECK(reads(&apps[n], VA, 100 + n));
        CHECK(apps[n].space.generation == test_vmsa.generation && apps[n].space.asid < TEST_ASIDS && asids_differ());
    }
    CHECK(test_vmsa.rolls - rolls >= 5 * APPS / TEST_ASIDS);
    end_apps();
}

static void keeps_its_number(void)
{
    uint64_t rolls;
    uint32_t i;

    begin_apps(200);
    CHECK(reads(&apps[0], VA, 200));
    rolls = test_vmsa.rolls;
    for (i = 0; i < 100; i++) { /* two take turns: no new numbers are needed */
        CHECK(reads(&apps[i % 2], VA, 200 + i % 2));
    }
    CHECK(test_vmsa.rolls - rolls <= 1);
    end_apps();
}

/* After any number of others were used in between: with each count, a space has lost its number or has not. */
static void misses_no_flush(void)
{
    uint32_t others;

    for (others = 0; others < APPS; others++) {
        uint32_t i;

        begin_apps(300);
        CHECK(reads(&apps[0], VA, 300));
        for (i = 1; i <= others && i < APPS; i++) {
            CHECK(reads(&apps[i], VA, 300 + i));
        }
        test_drop(&apps[0], VA);
        CHECK(faults(&apps[0], VA));
        end_apps();
    }
}

static void flushes_a_space(void)
{
    struct quire_batch batch;
    uint32_t i;

    begin_apps(400);
    quire_batch_init(&batch);
    for (i = 1; i < 40; i++) {
        CHECK(test_map(&apps[0], VA + i * 4096u, i, 1, TEST_READ) == QUIRE_OK);
        set(i, i);
        CHECK(reads(&apps[0], VA + i * 4096u, i));
    }
    for (i = 1; i < 40; i++) {
        CHECK((test_mmu.unmap(&test_vmsa, &apps[0].vm, VA + i * 4096u, 1, &batch) & QUIRE_ENTRY_PRESENT) != 0);
        quire_batch_add(&batch, &apps[0].vm, VA + i * 4096u);
    }
    CHECK(batch.scope == QUIRE_BATCH_VM);
    test_mmu.flush(&test_vmsa, &batch);
    for (i = 1; i < 40; i++) {
        CHECK(faults(&apps[0], VA + i * 4096u));
    }
    end_apps();
}

static void flushes_everything(void)
{
    struct quire_batch batch;
    uint32_t i;

    begin_apps(500);
    quire_batch_init(&batch);
    for (i = 0; i < 3; i++) { /* the first to be looked at is the last to be used */
        CHECK(reads(&apps[2 - i], VA, 500 + 2 - i));
        CHECK((test_mmu.unmap(&test_vmsa, &apps[2 - i].vm, VA, 1, &batch) & QUIRE_ENTRY_PRESENT) != 0);
    }
    batch.scope = QUIRE_BATCH_ALL;
    test_mmu.flush(&test_vmsa, &batch);
    for (i = 0; i < 3; i++) {
        CHECK(faults(&apps[i], VA));
    }
    end_apps();
}

static void flushes_several(void)
{
    struct quire_batch batch;
    uint32_t i;

    begin_apps(600);
    quire_batch_init(&batch);
    for (i = 0; i < 3; i++) {
        CHECK(reads(&apps[2 - i], VA, 600 + 2 - i));
        CHECK((test_mmu.unmap(&test_vmsa, &apps[2 - i].vm, VA, 1, &batch) & QUIRE_ENTRY_PRESENT) != 0);
        quire_batch_add(&batch, &apps[2 - i].vm, VA);
    }
    CHECK(batch.scope == QUIRE_BATCH_PAGES && batch.n == 3);
    test_mmu.flush(&test_vmsa, &batch);
    for (i = 0; i < 3; i++) {
        CHECK(faults(&apps[i], VA));
    }
    end_apps();
}

/* ---- The kernel's own pages ---- */

#define KERNEL_PAGED_VA UINT64_C(0xffffff8040000000) /* in front of the image */

static bool kernel_reads(uint64_t expected)
{
    uint64_t value;

    return machine_kernel_read(KERNEL_PAGED_VA, &value) && value == expected;
}

static void kernel_pages_are_global(void)
{
    struct quire_batch batch;
    struct quire_vm vm = {0};
    uint32_t nfree = test_vmsa.nfree;
    unsigned round;
    uint64_t value;
    uint32_t i;

    vm.user = &test_kernel;
    begin_apps(700);
    for (round = 0; round < 2; round++) {
        set(20, 720);
        CHECK(test_mmu.map(&test_vmsa, &vm, KERNEL_PAGED_VA, test_pa(20), 1, QUIRE_PROT_READ, 0) == QUIRE_OK);
        for (i = 0; i < APPS; i++) {
            test_use(&apps[APPS - 1 - i]);
            CHECK(kernel_reads(720) && !machine_read(KERNEL_PAGED_VA, &value));
        }
        quire_batch_init(&batch);
        CHECK(test_mmu.unmap(&test_vmsa, &vm, KERNEL_PAGED_VA, 1, &batch) != 0);
        quire_batch_add(&batch, &vm, KERNEL_PAGED_VA);
        if (round == 1) { /* as if more had not fitted */
            batch.scope = QUIRE_BATCH_VM;
            batch.vm = &vm;
        }
        test_mmu.flush(&test_vmsa, &batch);
        for (i = 0; i < APPS; i++) {
            test_use(&apps[i]);
            CHECK(!machine_kernel_read(KERNEL_PAGED_VA, &value));
        }
    }
    test_mmu.table_gone(&test_vmsa, &vm, KERNEL_PAGED_VA, 512);
    CHECK(!machine_kernel_read(KERNEL_PAGED_VA, &value) && machine_status() == 0x06); /* no table of level 3 any more */
    end_apps();
    CHECK(test_vmsa.nfree >= nfree);
}

/* ---- Beginning and end ---- */

static void nobody_has_no_addresses(void)
{
    uint64_t value;

    begin_apps(800);
    CHECK(reads(&apps[0], VA, 800));
    test_use(NULL);
    CHECK(!machine_read(VA, &value));
    CHECK(reads(&apps[0], VA, 800));
    end_apps();
}

static void ends(void)
{
    begin_apps(900);
    CHECK(reads(&apps[0], VA, 900));
    CHECK(vmsa_space_close(&test_vmsa, &apps[0].space) == QUIRE_BUSY);
    CHECK(reads(&apps[0], VA, 900)); /* it goes on */
    end_apps();
    /* The next one that lives where this one did shows nothing of it. */
    begin_apps(1000);
    test_drop(&apps[0], VA);
    CHECK(faults(&apps[0], VA) && reads(&apps[1], VA, 1001));
    end_apps();
}

/* ---- Configurations: of a second struct vmsa, which never runs ---- */

#define SPARE_TABLES 12u

static unsigned char spare[SPARE_TABLES][4096] __attribute__((aligned(4096)));
static struct vmsa_table spare_book[SPARE_TABLES];
static struct vmsa spare_vmsa;

static struct vmsa_config spare_config(void)
{
    struct vmsa_config config = {0};

    config.tables = spare;
    config.tables_pa = machine_pa(spare);
    config.book = spare_book;
    config.ntables = SPARE_TABLES;
    config.cpus = 2;
    config.asids = 3;
    return config;
}

static void keeps_tables_for_threads(void)
{
    struct vmsa_config config = spare_config();
    struct vmsa_space spaces[SPARE_TABLES];
    struct quire_mmu mmu = {0};
    uint32_t n = SPARE_TABLES - 1u - VMSA_TABLES_THREAD;
    uint32_t i;

    config.threads = 1;
    CHECK(vmsa_init(&spare_vmsa, &config) == QUIRE_OK);
    vmsa_hooks(&spare_vmsa, &mmu);
    for (i = 0; i < n; i++) {
        CHECK(vmsa_space_init(&spare_vmsa, &spaces[i], i == 0) == QUIRE_OK);
    }
    CHECK(VMSA_TABLES_MIN(n, 1) == SPARE_TABLES);
    CHECK(vmsa_space_init(&spare_vmsa, &spaces[n], false) == QUIRE_NO_TABLE);
    vmsa_space_fini(&spare_vmsa, &spaces[1]);
    /* What is mapped for good cannot be taken back either. */
    CHECK(vmsa_map_fixed(&spare_vmsa, &spaces[0], TEST_WINDOW_VA, test_pa(0).addr, 4096, QUIRE_PROT_READ, 0) == QUIRE_OK);
    CHECK(vmsa_space_init(&spare_vmsa, &spaces[1], false) == QUIRE_NO_TABLE);
    vmsa_space_fini(&spare_vmsa, &spaces[2]);
    vmsa_space_fini(&spare_vmsa, &spaces[3]);
    CHECK(vmsa_space_init(&spare_vmsa, &spaces[1], false) == QUIRE_OK);
    CHECK(vmsa_space_init(&spare_vmsa, &spaces[2], false) == QUIRE_NO_TABLE);
}

static void refuses_configurations(void)
{
    struct vmsa_config bad = spare_config();

    CHECK(vmsa_init(&spare_vmsa, &bad) == QUIRE_OK && spare_vmsa.nfree == SPARE_TABLES - 1u);
    bad.ntables = 0;
    CHECK(vmsa_init(&spare_vmsa, &bad) == QUIRE_INVALID);
    bad = spare_config();
    bad.tables_pa += 8;
    CHECK(vmsa_init(&spare_vmsa, &bad) == QUIRE_INVALID);
    bad = spare_config();
    bad.tables = &spare[0][64];
    CHECK(vmsa_init(&spare_vmsa, &bad) == QUIRE_INVALID);
    bad = spare_config();
    bad.asids = 2; /* two processors, and nobody's */
    CHECK(vmsa_init(&spare_vmsa, &bad) == QUIRE_INVALID);
    bad = spare_config();
    bad.asids = 0x10001;
    CHECK(vmsa_init(&spare_vmsa, &bad) == QUIRE_INVALID);
    bad = spare_config();
    bad.cpus = 0;
    CHECK(vmsa_init(&spare_vmsa, &bad) == QUIRE_INVALID);
    bad = spare_config();
    bad.cpus = VMSA_CPUS_MAX + 1;
    CHECK(vmsa_init(&spare_vmsa, &bad) == QUIRE_INVALID);
}

const struct test tests_spaces[] = {
    {"nine spaces at one address see each its own page, with three ASIDs for all", rolls_over, TEST_ALWAYS},
    {"spaces that take turns keep their ASIDs", keeps_its_number, TEST_ALWAYS},
    {"a page that was unmapped is gone, whether its space has an ASID, lost it or gets another", misses_no_flush, TEST_ALWAYS},
    {"a flush of a space reaches all its pages", flushes_a_space, TEST_ALWAYS},
    {"a flush of everything reaches all spaces", flushes_everything, TEST_ALWAYS},
    {"one flush reaches pages of several spaces", flushes_several, TEST_ALWAYS},
    {"pages of the kernel are seen by it whatever space is used, and gone from all of them", kernel_pages_are_global,
     TEST_ALWAYS},
    {"without a space no address of applications can be reached", nobody_has_no_addresses, TEST_ALWAYS},
    {"a space that is in use does not end, and one that ended leaves nothing", ends, TEST_ALWAYS},
    {"spaces do not begin at the cost of tables that threads need to go on", keeps_tables_for_threads, TEST_ALWAYS},
    {"a configuration that cannot work is refused", refuses_configurations, TEST_ALWAYS},
    {NULL, NULL, TEST_ALWAYS},
};
