/* test_pager.c - a real pager, with fewer pages and tables than its applications use. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/vmsa_test/paged.h"

#define POOL 24u
#define TABLES_LEAST 6u /* of one thread, besides roots: VMSA_TABLES_MIN */
#define STEPS 1500u
#define GIB UINT64_C(0x40000000)

static struct paged_app apps[3];

/* ---- Few tables ---- */

static void lives_with_few_tables(void)
{
    uint64_t recycled = test_vmsa.recycled;
    uint32_t random = 7;
    uint32_t i;

    paged_begin(POOL, 1);
    for (i = 0; i < 3; i++) {
        paged_app_begin(&apps[i]);
    }
    test_hoard(TABLES_LEAST);
    for (i = 0; i < STEPS; i++) {
        paged_step(&apps[test_random(&random) % 3u], &random);
    }
    CHECK(paged_is_sound());
    CHECK(test_vmsa.recycled - recycled > STEPS / 4);
    CHECK(paged_faults[QUIRE_FAULT_MAJOR] > 0 && paged_faults[QUIRE_FAULT_MINOR] > 0);
    /* What the hardware records needs no fault. */
    CHECK((paged_faults[QUIRE_FAULT_WRITE] == 0) == test_vmsa.hardware_dirty);
    paged_use(NULL);
    for (i = 0; i < 3; i++) {
        paged_app_end(&apps[i]);
    }
    paged_end();
    test_release();
}

static void ages(void)
{
    uint32_t random = 3;
    uint32_t i;

    paged_begin(POOL, 1);
    paged_app_begin(&apps[0]);
    for (i = 0; i < STEPS; i++) {
        /* Mostly the first pages, so that what is asked for is often there, and aged. */
        uint32_t page = test_random(&random) % 4u != 0 ? i % 8u : test_random(&random) % PAGED_PAGES;
        uint64_t value;

        paged_use(&apps[0]);
        CHECK(machine_read(paged_va(page), &value) && value == apps[0].expected[page][0]);
        apps[0].expected[page][0] = i;
        CHECK(machine_write(paged_va(page), i));
        paged_use(NULL);
        vmsa_use(&test_vmsa, 0, NULL);
        __asm__ volatile("tlbi vmalle1is; dsb ish; isb" ::: "memory"); /* as if other pages had been used meanwhile */
    }
    CHECK(paged_is_sound());
    CHECK((paged_faults[QUIRE_FAULT_ACCESSED] == 0) == test_vmsa.hardware_accessed);
    paged_app_end(&apps[0]);
    paged_end();
}

/* Code in one GiB, and 8 bytes across the border of two others: each with a table of level 2 and of level 3. */
#define CODE_VA (3u * GIB)
#define BORDER_VA (6u * GIB)

static const uint32_t load_code[1024] __attribute__((aligned(8))) = {0xf9400000, 0xd4000001}; /* ldr x0, [x0]; svc #0 */

static void instructions_finish(void)
{
    static struct quire_fobj_ro code;
    static uint32_t slots[1];
    struct quire_fobj_ro_config config = {0};
    struct quire_mapping mapping = {0};
    uint64_t value = 0;
    uint32_t i;

    paged_begin(QUIRE_PAGER_MIN_PAGES(1, QUIRE_PAGER_STEP_DEFAULT, 0), 1);
    paged_app_begin(&apps[0]);
    paged_use(&apps[0]);
    test_hoard(TABLES_LEAST);
    config.data = load_code;
    config.len = sizeof load_code;
    config.slots = slots;
    CHECK(quire_fobj_ro_init(&code, &config) == QUIRE_OK);
    CHECK(quire_vm_unmap(&apps[0].vm, CODE_VA, PAGED_AREA_PAGES) == QUIRE_OK); /* an area was there */
    mapping.fobj = &code.base;
    mapping.prot = TEST_EXEC;
    mapping.va = CODE_VA;
    CHECK(quire_vm_map(&apps[0].vm, &mapping, NULL) == QUIRE_OK);
    CHECK(quire_fobj_put(&code.base) == QUIRE_OK);
    CHECK(quire_vm_unmap(&apps[0].vm, BORDER_VA, PAGED_AREA_PAGES) == QUIRE_OK);
    mapping.fobj = &apps[0].object.base;
    mapping.prot = TEST_WRITE;
    mapping.first = 40;
    mapping.npages = 2;
    mapping.va = BORDER_VA - 4096;
    CHECK(quire_vm_map(&apps[0].vm, &mapping, NULL) == QUIRE_OK);
    CHECK(machine_write(BORDER_VA - 8, UINT64_C(0x1122334400000000)) && machine_write(BORDER_VA, 0x55667788));
    for (i = 0; i < 100; i++) {
        uint64_t other;

        value = BORDER_VA - 4;
        CHECK(machine_run(CODE_VA, &value) && value == UINT64_C(0x5566778811223344));
        CHECK(machine_read(paged_va(i % 16u), &other) && machine_read(paged_va(24 + i % 8u), &other));
    }
    CHECK(paged_is_sound());
    paged_use(NULL);
    paged_app_end(&apps[0]);
    paged_end();
    test_release();
}

static void takes_empty_tables_first(void)
{
    struct quire_vm_info info;
    unsigned level;
    uint64_t value;
    uint32_t i;

    paged_begin(POOL, 1);
    paged_app_begin(&apps[0]);
    paged_use(&apps[0]);
    for (i = 0; i < 6; i++) {
        CHECK(machine_read(paged_va(i * PAGED_AREA_PAGES), &value)); /* in this order from the oldest */
    }
    test_hoard(0);
    CHECK(quire_vm_unmap(&apps[0].vm, paged_va(3 * PAGED_AREA_PAGES), PAGED_AREA_PAGES) == QUIRE_OK);
    CHECK(machine_read(paged_va(6 * PAGED_AREA_PAGES), &value)); /* beside the sixth: of level 3 only */
    for (i = 0; i < 7; i++) {
        if (i != 3) {
            CHECK(quire_vm_query(&apps[0].vm, paged_va(i * PAGED_AREA_PAGES), &info) == QUIRE_OK && info.entry != 0);
        }
    }
    CHECK(machine_read(paged_va(8 * PAGED_AREA_PAGES), &value)); /* none is empty: the oldest goes */
    CHECK(quire_vm_query(&apps[0].vm, paged_va(0), &info) == QUIRE_OK && info.entry == 0);
    /* One that was made for a page which is not mapped yet is empty, but stays. */
    CHECK(test_mmu.need_tables(&test_vmsa, &apps[0].vm, paged_va(12 * PAGED_AREA_PAGES)) == QUIRE_OK);
    CHECK(machine_read(paged_va(14 * PAGED_AREA_PAGES), &value));
    (void)test_descriptor(&apps[0].space, paged_va(12 * PAGED_AREA_PAGES), &level);
    CHECK(level == 3);
    paged_use(NULL);
    paged_app_end(&apps[0]);
    paged_end();
    test_release();
}

/* Two pages, of which the first one's table is the oldest there is, lack the second's. */
static void takes_none_that_is_needed(void)
{
    uintptr_t va = paged_va(0) + 511u * 4096u;
    unsigned level;
    uint64_t value;

    paged_begin(POOL, 1);
    paged_app_begin(&apps[0]);
    paged_use(&apps[0]);
    CHECK(machine_read(paged_va(0), &value) && machine_read(paged_va(4 * PAGED_AREA_PAGES), &value));
    test_hoard(0);
    CHECK(test_mmu.map(&test_vmsa, &apps[0].vm, va, test_pa(POOL), 2, TEST_READ, 0) == QUIRE_NO_TABLE);
    CHECK(test_mmu.need_tables(&test_vmsa, &apps[0].vm, va) == QUIRE_OK);
    CHECK((test_mmu.query(&test_vmsa, &apps[0].vm, paged_va(0)) & QUIRE_ENTRY_PRESENT) != 0);
    (void)test_descriptor(&apps[0].space, va + 4096, &level);
    CHECK(level == 3);
    paged_use(NULL);
    paged_app_end(&apps[0]);
    paged_end();
    test_release();
}

/* ---- Spaces and runs of pages when tables are short ---- */

static void spaces_take_tables(void)
{
    uint64_t value;
    uint32_t i;

    paged_begin(POOL, 1);
    paged_app_begin(&apps[0]);
    paged_use(&apps[0]);
    for (i = 0; i < PAGED_PAGES; i++) {
        apps[0].expected[i][0] = i + 1;
        CHECK(machine_write(paged_va(i), i + 1));
    }
    test_hoard(0);
    paged_app_begin(&apps[1]); /* although there is no table */
    paged_use(&apps[1]);
    CHECK(machine_read(paged_va(0), &value) && value == 0);
    paged_use(&apps[0]);
    for (i = 0; i < PAGED_PAGES; i++) {
        CHECK(machine_read(paged_va(i), &value) && value == i + 1);
    }
    CHECK(paged_is_sound());
    paged_use(NULL);
    paged_app_end(&apps[1]);
    paged_app_end(&apps[0]);
    paged_end();
    test_release();
}

#define RUN_VA (20u * GIB - 0x200000u)

static uint64_t page_shown(uintptr_t va)
{
    return machine_translate(va) & UINT64_C(0xfffffffff001);
}

/* Maps `npages` of memory, and reads the last. */
static bool reads_unpaged(uint32_t npages)
{
    static struct quire_fobj_phys memory;
    struct quire_fobj_phys_config config = {0};
    struct quire_mapping mapping = {0};
    uint64_t value;
    bool read;

    config.pa = test_pa(0);
    config.npages = npages;
    config.max_prot = QUIRE_PROT_READ;
    CHECK(quire_fobj_phys_init(&memory, &config) == QUIRE_OK);
    mapping.fobj = &memory.base;
    mapping.prot = TEST_READ;
    mapping.va = RUN_VA;
    CHECK(quire_vm_map(&apps[0].vm, &mapping, NULL) == QUIRE_OK);
    CHECK(quire_fobj_put(&memory.base) == QUIRE_OK);
    read = machine_read(RUN_VA + (npages - 1u) * 4096u, &value);
    if (read) {
        CHECK(page_shown(RUN_VA) == test_pa(0).addr);
        CHECK(page_shown(RUN_VA + (npages - 1u) * 4096u) == test_pa(0).addr + (npages - 1u) * 4096u);
        CHECK(page_shown(RUN_VA + npages / 2u * 4096u) == test_pa(0).addr + npages / 2u * 4096u);
    }
    CHECK(paged_is_sound());
    CHECK(quire_vm_unmap(&apps[0].vm, RUN_VA, npages) == QUIRE_OK);
    return read;
}

static void runs_take_tables(void)
{
    uint64_t value;
    uint32_t i;

    paged_begin(POOL, 1);
    paged_app_begin(&apps[0]);
    paged_use(&apps[0]);
    for (i = 0; i < PAGED_PAGES / 2; i++) {
        apps[0].expected[i][0] = i + 1;
        CHECK(machine_write(paged_va(i), i + 1));
    }
    test_hoard(0); /* 12 are in use */
    CHECK(reads_unpaged(1) && reads_unpaged(600) && reads_unpaged(512 * 3 + 1));
    paged_refusal = QUIRE_OK;
    CHECK(!reads_unpaged(512 * 14) && paged_refusal == QUIRE_NO_TABLE);
    for (i = 0; i < PAGED_PAGES / 2; i++) {
        CHECK(machine_read(paged_va(i), &value) && value == i + 1);
    }
    paged_use(NULL);
    paged_app_end(&apps[0]);
    paged_end();
    test_release();
}

const struct test tests_pager[] = {
    {"three applications with 24 pages and 6 tables for 192 pages in 72 tables find what they wrote", lives_with_few_tables,
     TEST_ALWAYS},
    {"pages that are aged fault for their accessed flag only without hardware", ages, TEST_ALWAYS},
    {"an instruction that needs three pages in six tables finishes with six", instructions_finish, TEST_ALWAYS},
    {"a table that has become empty is taken back first, then the oldest", takes_empty_tables_first, TEST_ALWAYS},
    {"no table is taken back from the pages that it is taken for", takes_none_that_is_needed, TEST_ALWAYS},
    {"a space begins although all tables are in use, and those who used them notice nothing", spaces_take_tables, TEST_ALWAYS},
    {"unpaged memory gets as many tables as it needs, or is refused while others go on", runs_take_tables, TEST_ALWAYS},
    {NULL, NULL, TEST_ALWAYS},
};
