/* test_tables.c - tables: taken, missing, given back, and never used once they are gone. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/vmsa_test/test.h"

#define MIB2 UINT64_C(0x200000)
#define GIB UINT64_C(0x40000000)
#define VA UINT64_C(0x80000000)

static struct test_app app;

static void begin(void)
{
    test_app_begin(&app);
    test_use(&app);
}

static void end(void)
{
    test_use(NULL);
    test_app_end(&app);
}

static void gone(uintptr_t va, size_t npages)
{
    test_mmu.table_gone(&test_vmsa, &app.vm, va, npages);
}

static void takes_and_returns(void)
{
    uint32_t nfree = test_vmsa.nfree;

    begin();
    CHECK(test_vmsa.nfree == nfree - 1);
    CHECK(test_map(&app, VA, 0, 1, TEST_READ) == QUIRE_OK && test_vmsa.nfree == nfree - 3);
    CHECK(test_map(&app, VA + 4096, 1, 1, TEST_READ) == QUIRE_OK && test_vmsa.nfree == nfree - 3);
    CHECK(test_map(&app, VA + MIB2, 2, 1, TEST_READ) == QUIRE_OK && test_vmsa.nfree == nfree - 4);
    CHECK(test_map(&app, VA + GIB, 3, 1, TEST_READ) == QUIRE_OK && test_vmsa.nfree == nfree - 6);
    test_drop(&app, VA);
    gone(VA, 512); /* a page is left there */
    CHECK(test_vmsa.nfree == nfree - 6);
    test_drop(&app, VA + 4096);
    gone(VA, 511); /* only a part of the table's addresses */
    gone(VA + 4096, 600);
    CHECK(test_vmsa.nfree == nfree - 6);
    gone(VA, 512);
    CHECK(test_vmsa.nfree == nfree - 5);
    test_drop(&app, VA + MIB2);
    gone(VA - 4096, 512 + 512 + 2);
    CHECK(test_vmsa.nfree == nfree - 3); /* with its last table of level 3, that of level 2 went */
    test_drop(&app, VA + GIB);
    end();
    CHECK(test_vmsa.nfree == nfree);
}

/* What is remembered of the way to a table must go with it: the table is used elsewhere at once. */
static void forgets_the_way(void)
{
    struct test_app other;
    uint64_t value;
    uint32_t i;

    begin();
    test_app_begin(&other);
    ((volatile uint64_t *)test_page[5])[0] = 55;
    for (i = 0; i < 20; i++) {
        uintptr_t va = VA + (i % 2) * GIB;

        test_hoard(2);
        CHECK(test_map(&app, va, 4, 1, TEST_READ) == QUIRE_OK && test_vmsa.nfree == 0);
        test_use(&app);
        CHECK(machine_read(va, &value));
        test_drop(&app, va);
        gone(va, 512);
        CHECK(test_vmsa.nfree == 2);
        CHECK(test_map(&other, va + MIB2, 5, 1, TEST_READ) == QUIRE_OK && test_vmsa.nfree == 0);
        CHECK(!machine_read(va, &value) && machine_status() == 5);
        CHECK(!machine_read(va + MIB2, &value) && machine_status() == 5);
        test_use(&other);
        CHECK(machine_read(va + MIB2, &value) && value == 55);
        test_drop(&other, va + MIB2);
        test_mmu.table_gone(&test_vmsa, &other.vm, va + MIB2, 512);
    }
    test_use(NULL);
    test_app_end(&other);
    end();
    test_release();
}

static void maps_many_pages(void)
{
    uintptr_t va = VA + GIB - 4096 * 100; /* in two tables of level 2, two of level 3 */
    uint32_t nfree;
    uint32_t i;
    uint64_t value;

    begin();
    nfree = test_vmsa.nfree;
    for (i = 0; i < 400; i++) {
        ((volatile uint64_t *)test_page[i])[0] = 1000 + i;
    }
    CHECK(test_map(&app, va, 0, 400, TEST_WRITE) == QUIRE_OK && test_vmsa.nfree == nfree - 4);
    for (i = 0; i < 400; i++) {
        CHECK(machine_read(va + i * 4096, &value) && value == 1000 + i);
    }
    CHECK(!machine_read(va - 4096, &value) && !machine_read(va + 400 * 4096, &value));
    CHECK((test_unmap(&app, va, 400) & QUIRE_ENTRY_PRESENT) != 0);
    for (i = 0; i < 400; i++) {
        test_flush(&app, va + i * 4096);
        CHECK(!machine_read(va + i * 4096, &value) && test_query(&app, va + i * 4096) == 0);
    }
    CHECK(test_unmap(&app, va, 400) == 0);
    end();
}

static void none_or_all(void)
{
    uintptr_t va = VA + GIB - 4096 * 100;
    uint32_t left;
    uint32_t i;

    begin();
    for (left = 0; left < 4; left++) {
        test_hoard(left);
        CHECK(test_map(&app, va, 0, 400, TEST_READ) == QUIRE_NO_TABLE);
        for (i = 0; i < 400; i++) {
            CHECK(test_query(&app, va + i * 4096) == 0);
        }
        gone(VA, 1024 * 512);
        CHECK(test_vmsa.nfree == left); /* nothing was lost on the way */
        test_release();
    }
    test_hoard(4);
    CHECK(test_map(&app, va, 0, 400, TEST_READ) == QUIRE_OK && test_vmsa.nfree == 0);
    CHECK(test_unmap(&app, va, 400) != 0);
    end();
    test_release();
}

static void says_no_table(void)
{
    uint64_t value;

    begin();
    test_hoard(1);
    CHECK(test_map(&app, VA, 0, 1, TEST_READ) == QUIRE_NO_TABLE);
    CHECK(test_query(&app, VA) == 0 && test_vmsa.nfree == 1);
    CHECK(!machine_read(VA, &value));
    test_hoard(0);
    CHECK(test_map(&app, VA, 0, 1, TEST_READ) == QUIRE_NO_TABLE);
    test_release();
    test_hoard(2);
    CHECK(test_map(&app, VA, 0, 1, TEST_READ) == QUIRE_OK && machine_read(VA, &value));
    CHECK(test_map(&app, VA + MIB2, 1, 1, TEST_READ) == QUIRE_NO_TABLE && machine_read(VA, &value));
    test_drop(&app, VA);
    end();
    test_release();
}

static void spaces_need_roots(void)
{
    struct vmsa_space space;

    test_hoard(0);
    CHECK(vmsa_space_init(&test_vmsa, &space, false) == QUIRE_NO_TABLE);
    test_release();
}

const struct test tests_tables[] = {
    {"tables are taken when addresses need them, and come back when these are gone", takes_and_returns, TEST_ALWAYS},
    {"no walk goes through a table that serves other addresses by now", forgets_the_way, TEST_ALWAYS},
    {"many pages in a row are mapped and unmapped at once, across tables", maps_many_pages, TEST_ALWAYS},
    {"of many pages all or none are mapped", none_or_all, TEST_ALWAYS},
    {"without a free table a page is not mapped, and what was mapped stays", says_no_table, TEST_ALWAYS},
    {"without a free table no space begins", spaces_need_roots, TEST_ALWAYS},
    {NULL, NULL, TEST_ALWAYS},
};
