/* test_entries.c - what single entries permit and record, as real accesses find out. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/vmsa_test/test.h"

#define VA UINT64_C(0x1000)
#define FAR_VA UINT64_C(0x7fffffe000)
#define NO_TRANSLATION_3 0x07u
#define NO_ACCESSED_3 0x0bu
#define NO_PERMISSION_3 0x0fu
#define PAR_FAILED UINT64_C(1)
#define PAR_ADDRESS UINT64_C(0xfffffffff000)

/* Code for any address. */
#define ADD_1 UINT32_C(0x91000400) /* add x0, x0, #1 */
#define ADD_2 UINT32_C(0x91000800) /* add x0, x0, #2 */
#define SVC UINT32_C(0xd4000001)
#define RET UINT32_C(0xd65f03c0)

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

static void set(uint32_t page, uint64_t value)
{
    ((volatile uint64_t *)test_page[page])[0] = value;
}

static uint64_t get(uint32_t page)
{
    return ((volatile uint64_t *)test_page[page])[0];
}

static void write_code(uint32_t page, uint32_t first, uint32_t second, uintptr_t va)
{
    volatile uint32_t *code = (volatile uint32_t *)(void *)test_page[page];

    code[0] = first;
    code[1] = second;
    test_mmu.sync_code(&test_vmsa, test_page[page], va, QUIRE_PAGE_SIZE);
}

/* ---- Reading, writing, executing ---- */

static void shows_a_page(void)
{
    uint64_t value;

    begin();
    set(3, 111);
    CHECK(!machine_read(FAR_VA, &value) && (machine_status() & 0x3cu) == 0x04);
    CHECK(test_query(&app, FAR_VA) == 0);
    CHECK(test_map(&app, FAR_VA, 3, 1, TEST_WRITE) == QUIRE_OK);
    CHECK(test_query(&app, FAR_VA) == (QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED | TEST_WRITE));
    CHECK(machine_read(FAR_VA, &value) && value == 111);
    CHECK(machine_write(FAR_VA, 222) && get(3) == 222);
    CHECK((machine_translate(FAR_VA) & PAR_ADDRESS) == test_pa(3).addr);
    CHECK((test_unmap(&app, FAR_VA, 1) & (QUIRE_ENTRY_PRESENT | TEST_WRITE)) == (QUIRE_ENTRY_PRESENT | TEST_WRITE));
    CHECK(test_unmap(&app, FAR_VA, 1) == 0 && test_query(&app, FAR_VA) == 0);
    test_flush(&app, FAR_VA);
    CHECK(!machine_read(FAR_VA, &value) && machine_status() == NO_TRANSLATION_3);
    end();
}

static void remembers_until_flushed(void)
{
    uint64_t value;

    begin();
    set(0, 5);
    CHECK(test_map(&app, VA, 0, 1, TEST_READ) == QUIRE_OK && machine_read(VA, &value));
    CHECK(test_unmap(&app, VA, 1) != 0);
    CHECK(machine_read(VA, &value) && value == 5); /* if this fails, the other tests see no flush that was forgotten */
    test_flush(&app, VA);
    CHECK(!machine_read(VA, &value));
    end();
}

static void keeps_permissions(void)
{
    static const unsigned prots[] = {
        QUIRE_PROT_READ,
        QUIRE_PROT_READ | QUIRE_PROT_WRITE,
        QUIRE_PROT_READ | QUIRE_PROT_EXEC,
        QUIRE_PROT_READ | QUIRE_PROT_USER,
        QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER,
        QUIRE_PROT_READ | QUIRE_PROT_EXEC | QUIRE_PROT_USER,
        QUIRE_PROT_EXEC | QUIRE_PROT_USER,
    };
    unsigned i;

    begin();
    for (i = 0; i < sizeof prots / sizeof prots[0]; i++) {
        unsigned prot = prots[i];
        bool user = (prot & QUIRE_PROT_USER) != 0;
        uint64_t value = 7;

        write_code(1, ADD_1, SVC, VA);
        CHECK(test_map(&app, VA, 1, 1, prot) == QUIRE_OK);
        CHECK(test_query(&app, VA) == (QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED | prot));
        CHECK(machine_read(VA, &value) == (user && (prot & QUIRE_PROT_READ) != 0));
        CHECK(((machine_translate_write(VA) & PAR_FAILED) == 0) == (user && (prot & QUIRE_PROT_WRITE) != 0));
        value = 7;
        CHECK(machine_run(VA, &value) == (user && (prot & QUIRE_PROT_EXEC) != 0));
        CHECK(value == ((prot & (QUIRE_PROT_USER | QUIRE_PROT_EXEC)) == (QUIRE_PROT_USER | QUIRE_PROT_EXEC) ? 8 : 7));
        test_drop(&app, VA);
        write_code(1, RET, RET, VA);
        CHECK(test_map(&app, VA, 1, 1, prot) == QUIRE_OK);
        CHECK(machine_kernel_execute(VA) == (!user && (prot & QUIRE_PROT_EXEC) != 0));
        CHECK(machine_kernel_read(VA, &value));
        CHECK(machine_write(VA, value) == (user && (prot & QUIRE_PROT_WRITE) != 0));
        CHECK(machine_kernel_write(VA, value) == ((prot & QUIRE_PROT_WRITE) != 0));
        test_drop(&app, VA);
    }
    end();
}

static void runs_new_code(void)
{
    uint64_t value = 10;
    uint32_t i;

    begin();
    for (i = 0; i < 8; i++) {
        write_code(2, i % 2 == 0 ? ADD_1 : ADD_2, SVC, VA);
        CHECK(test_map(&app, VA, 2, 1, TEST_EXEC) == QUIRE_OK);
        CHECK(machine_run(VA, &value));
        test_drop(&app, VA);
    }
    CHECK(value == 10 + 4 * 1 + 4 * 2);
    end();
}

/* ---- Changing ---- */

static void reduces(void)
{
    uint64_t value;
    struct quire_batch batch;
    unsigned was;

    begin();
    quire_batch_init(&batch);
    CHECK(test_mmu.reduce(&test_vmsa, &app.vm, VA, TEST_READ, &batch) == 0);
    set(0, 1);
    CHECK(test_map(&app, VA, 0, 1, TEST_WRITE) == QUIRE_OK);
    CHECK(machine_write(VA, 2));
    was = test_mmu.reduce(&test_vmsa, &app.vm, VA, TEST_READ, &batch);
    CHECK((was & (QUIRE_ENTRY_PRESENT | QUIRE_PROT_ALL)) == (QUIRE_ENTRY_PRESENT | TEST_WRITE));
    CHECK(((was & QUIRE_ENTRY_DIRTY) != 0) == test_vmsa.hardware_dirty);
    test_flush(&app, VA);
    CHECK(!machine_write(VA, 3) && machine_status() == NO_PERMISSION_3);
    CHECK(machine_read(VA, &value) && value == 2);
    CHECK(test_query(&app, VA) == (QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED | TEST_READ));
    test_drop(&app, VA);
    write_code(0, ADD_1, SVC, VA);
    CHECK(test_map(&app, VA, 0, 1, TEST_EXEC) == QUIRE_OK && machine_run(VA, &value));
    was = test_mmu.reduce(&test_vmsa, &app.vm, VA, TEST_READ, &batch);
    CHECK((was & QUIRE_PROT_ALL) == TEST_EXEC);
    test_flush(&app, VA);
    CHECK(!machine_run(VA, &value) && machine_status() == NO_PERMISSION_3);
    CHECK(machine_read(VA, &value));
    test_drop(&app, VA);
    end();
}

static void breaks_before_it_makes(void)
{
    uint64_t value;

    begin();
    set(0, 1);
    set(1, 2);
    CHECK(test_map(&app, VA, 0, 1, TEST_READ) == QUIRE_OK && machine_read(VA, &value));
    CHECK(test_map(&app, VA, 1, 1, TEST_READ) == QUIRE_EXISTS);
    CHECK(test_map(&app, VA, 0, 1, TEST_WRITE) == QUIRE_EXISTS);
    CHECK(test_map(&app, VA, 0, 1, TEST_EXEC) == QUIRE_EXISTS);
    CHECK(machine_read(VA, &value) && value == 1 && !machine_write(VA, 9));
    test_drop(&app, VA);
    CHECK(test_map(&app, VA, 1, 1, TEST_READ) == QUIRE_OK);
    CHECK(machine_read(VA, &value) && value == 2);
    test_drop(&app, VA);
    end();
}

static void refuses_foreign_addresses(void)
{
    uint64_t value;

    begin();
    CHECK(test_map(&app, UINT64_C(1) << 39, 0, 1, TEST_READ) == QUIRE_INVALID);
    CHECK(test_map(&app, (UINT64_C(1) << 39) | VA, 0, 1, TEST_READ) == QUIRE_INVALID);
    CHECK(test_map(&app, FAR_VA, 0, 3, TEST_READ) == QUIRE_INVALID); /* the last would be beyond the end */
    CHECK(test_map(&app, MACHINE_VA, 0, 1, TEST_READ) == QUIRE_INVALID);
    CHECK(test_query(&app, FAR_VA) == 0);
    CHECK(test_map(&app, VA, 0, 1, TEST_READ) == QUIRE_OK);
    CHECK(test_query(&app, (UINT64_C(1) << 39) | VA) == 0 && test_unmap(&app, (UINT64_C(1) << 39) | VA, 1) == 0);
    CHECK(machine_read(VA, &value));
    CHECK(!machine_read((UINT64_C(1) << 39) | VA, &value) && machine_status() == 0x04);
    test_drop(&app, VA);
    end();
}

/* ---- Accessed and dirty ---- */

static void software_sees_accesses(void)
{
    uint64_t value;

    begin();
    set(0, 4);
    CHECK(!test_mmu.age(&test_vmsa, &app.vm, VA));
    CHECK(test_map(&app, VA, 0, 1, TEST_WRITE) == QUIRE_OK && machine_read(VA, &value));
    CHECK(test_mmu.age(&test_vmsa, &app.vm, VA) && !test_mmu.age(&test_vmsa, &app.vm, VA));
    CHECK((test_query(&app, VA) & QUIRE_ENTRY_ACCESSED) == 0);
    test_flush(&app, VA);
    CHECK(!machine_read(VA, &value) && machine_status() == NO_ACCESSED_3);
    CHECK(test_map(&app, VA, 1, 1, TEST_WRITE) == QUIRE_EXISTS); /* another page */
    CHECK(test_map(&app, VA, 0, 1, TEST_WRITE) == QUIRE_OK);
    CHECK(test_query(&app, VA) == (QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED | TEST_WRITE));
    CHECK(machine_read(VA, &value) && value == 4 && machine_write(VA, 5));
    CHECK((test_query(&app, VA) & QUIRE_ENTRY_DIRTY) == 0);
    test_drop(&app, VA);
    end();
}

static void hardware_sees_accesses(void)
{
    uint64_t value;

    begin();
    set(0, 4);
    CHECK(test_map(&app, VA, 0, 1, TEST_READ) == QUIRE_OK && machine_read(VA, &value));
    CHECK(test_mmu.age(&test_vmsa, &app.vm, VA) && !test_mmu.age(&test_vmsa, &app.vm, VA));
    test_flush(&app, VA);
    CHECK((test_query(&app, VA) & QUIRE_ENTRY_ACCESSED) == 0);
    CHECK(machine_read(VA, &value) && value == 4);
    CHECK((test_query(&app, VA) & QUIRE_ENTRY_ACCESSED) != 0);
    CHECK(test_mmu.age(&test_vmsa, &app.vm, VA));
    CHECK(test_map(&app, VA, 0, 1, TEST_READ) == QUIRE_OK && (test_query(&app, VA) & QUIRE_ENTRY_ACCESSED) != 0);
    CHECK((test_unmap(&app, VA, 1) & QUIRE_ENTRY_ACCESSED) != 0);
    test_flush(&app, VA);
    end();
}

static void hardware_sees_writes(void)
{
    struct quire_batch batch;
    uint64_t value;

    begin();
    quire_batch_init(&batch);
    CHECK(test_map(&app, VA, 0, 1, TEST_WRITE) == QUIRE_OK);
    CHECK(machine_read(VA, &value) && (test_query(&app, VA) & QUIRE_ENTRY_DIRTY) == 0);
    CHECK(machine_write(VA, 1) && (test_query(&app, VA) & QUIRE_ENTRY_DIRTY) != 0);
    /* Keeping all permissions, `reduce` tells of the write and forgets it. */
    CHECK((test_mmu.reduce(&test_vmsa, &app.vm, VA, TEST_WRITE, &batch) & QUIRE_ENTRY_DIRTY) != 0);
    test_flush(&app, VA);
    CHECK(test_query(&app, VA) == (QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_ACCESSED | TEST_WRITE));
    CHECK(machine_write(VA, 2) && (test_query(&app, VA) & QUIRE_ENTRY_DIRTY) != 0);
    /* Setting the accessed flag again does not forget it. */
    CHECK(test_mmu.age(&test_vmsa, &app.vm, VA) && test_map(&app, VA, 0, 1, TEST_WRITE) == QUIRE_OK);
    CHECK((test_query(&app, VA) & (QUIRE_ENTRY_DIRTY | QUIRE_ENTRY_ACCESSED)) == (QUIRE_ENTRY_DIRTY | QUIRE_ENTRY_ACCESSED));
    CHECK((test_unmap(&app, VA, 1) & QUIRE_ENTRY_DIRTY) != 0);
    test_flush(&app, VA);
    CHECK(test_map(&app, VA, 0, 1, TEST_WRITE) == QUIRE_OK && (test_unmap(&app, VA, 1) & QUIRE_ENTRY_DIRTY) == 0);
    test_flush(&app, VA);
    end();
}

/* ---- Memory types, and what is mapped for good ---- */

static void has_memory_types(void)
{
    unsigned level;

    begin();
    CHECK(test_mmu.map(&test_vmsa, &app.vm, VA, test_pa(0), 1, TEST_READ, VMSA_ATTR_DEVICE) == QUIRE_OK);
    CHECK(machine_translate(VA) >> 56 == 0x04);
    test_drop(&app, VA);
    CHECK(test_mmu.map(&test_vmsa, &app.vm, VA, test_pa(0), 1, TEST_READ, VMSA_ATTR_NONSECURE) == QUIRE_OK);
    CHECK(machine_translate(VA) >> 56 == 0xff && (test_descriptor(&app.space, VA, &level) & 0x20u) != 0 && level == 3);
    test_drop(&app, VA);
    CHECK(test_map(&app, VA, 0, 1, TEST_READ) == QUIRE_OK);
    CHECK(machine_translate(VA) >> 56 == 0xff && (test_descriptor(&app.space, VA, &level) & 0x20u) == 0);
    CHECK((test_descriptor(&app.space, VA, &level) & 0xb00u) == 0xb00u); /* not global, inner shareable */
    test_drop(&app, VA);
    end();
}

static const unsigned char constant[16] = {1};

static void protects_the_kernel(void)
{
    unsigned level;
    uint64_t value;

    CHECK(!machine_kernel_write((uintptr_t)protects_the_kernel & ~UINT64_C(7), 0) && machine_status() == NO_PERMISSION_3);
    CHECK(!machine_kernel_write((uintptr_t)constant & ~UINT64_C(7), 0) && machine_status() == NO_PERMISSION_3);
    CHECK(!machine_kernel_execute((uintptr_t)constant & ~UINT64_C(7)) && machine_status() == NO_PERMISSION_3);
    write_code(0, RET, RET, 0);
    CHECK(!machine_kernel_execute((uintptr_t)test_page[0]) && (machine_status() & 0x3cu) == 0x0c);
    CHECK(!machine_read((uintptr_t)constant & ~UINT64_C(7), &value));
    value = 0;
    CHECK(!machine_run((uintptr_t)protects_the_kernel, &value));
    CHECK((test_descriptor(&test_kernel, (uintptr_t)protects_the_kernel, &level) & UINT64_C(0x70000000000f00)) ==
          UINT64_C(0x40000000000700)); /* applications do not execute it; global */
}

#define LARGE_VA UINT64_C(0xffffffc000000000) /* 1 GiB aligned, where nothing else is */
#define MIB2 UINT64_C(0x200000)
#define GIB UINT64_C(0x40000000)

static enum quire_status map_fixed(uintptr_t va, uint64_t pa, uint64_t bytes, unsigned prot)
{
    return vmsa_map_fixed(&test_vmsa, &test_kernel, va, pa, bytes, prot, VMSA_ATTR_NORMAL);
}

static void maps_blocks(void)
{
    uint64_t pa = test_pa(0).addr;
    uint32_t nfree = test_vmsa.nfree;
    uint64_t value;
    unsigned level;

    CHECK(map_fixed(LARGE_VA, GIB, 2 * GIB, QUIRE_PROT_READ) == QUIRE_OK && test_vmsa.nfree == nfree);
    (void)test_descriptor(&test_kernel, LARGE_VA + GIB, &level);
    CHECK(level == 1);
    set(0, 77);
    CHECK(machine_kernel_read(LARGE_VA + pa - GIB, &value) && value == 77);
    CHECK(!machine_kernel_write(LARGE_VA + pa - GIB, value) && machine_status() == 0x0d);
    (void)test_descriptor(&test_kernel, TEST_WINDOW_VA, &level);
    CHECK(level == 2);
    CHECK((test_descriptor(&test_kernel, TEST_WINDOW_VA + MIB2 + 4096, &level) & 1u) == 1 && level == 3);
    CHECK(machine_kernel_read(TEST_WINDOW_VA + MIB2 - 8, &value) && machine_kernel_read(TEST_WINDOW_VA + MIB2 + 8184, &value));
    CHECK(!machine_kernel_read(TEST_WINDOW_VA + MIB2 + 8192, &value) && machine_status() == NO_TRANSLATION_3);
    CHECK(map_fixed(LARGE_VA + GIB, GIB, 4096, QUIRE_PROT_READ) == QUIRE_EXISTS);
    CHECK(map_fixed(TEST_WINDOW_VA + MIB2 + 4096, GIB, 4096, QUIRE_PROT_READ) == QUIRE_EXISTS);
    CHECK(map_fixed(LARGE_VA + 8 * GIB, GIB, 4096, QUIRE_PROT_WRITE | QUIRE_PROT_EXEC) == QUIRE_DENIED);
    CHECK(map_fixed(LARGE_VA + 8 * GIB + 1, GIB, 4096, QUIRE_PROT_READ) == QUIRE_INVALID);
    CHECK(map_fixed(LARGE_VA + 8 * GIB, GIB + 8, 4096, QUIRE_PROT_READ) == QUIRE_INVALID);
    CHECK(map_fixed(LARGE_VA + 8 * GIB, GIB, 0, QUIRE_PROT_READ) == QUIRE_INVALID);
    CHECK(map_fixed(LARGE_VA + 8 * GIB, GIB, 100, QUIRE_PROT_READ) == QUIRE_INVALID);
    CHECK(map_fixed(VA, GIB, 4096, QUIRE_PROT_READ) == QUIRE_INVALID);
    CHECK(map_fixed(UINT64_C(0xfffffffffffff000), GIB, 8192, QUIRE_PROT_READ) == QUIRE_INVALID);
    CHECK(map_fixed(LARGE_VA + 8 * GIB, UINT64_C(1) << 56, 4096, QUIRE_PROT_READ) == QUIRE_INVALID);
    CHECK(test_vmsa.nfree == nfree);
}

const struct test tests_entries[] = {
    {"a page that is mapped is read and written where it is mapped, until it is unmapped", shows_a_page, TEST_ALWAYS},
    {"this machine remembers translations until they are flushed, so a flush that is forgotten is seen",
     remembers_until_flushed, TEST_ALWAYS},
    {"applications and the kernel may do with a page what its permissions say and nothing else", keeps_permissions,
     TEST_ALWAYS},
    {"code that was written and synced runs as it was written last", runs_new_code, TEST_ALWAYS},
    {"permissions that were taken away are gone after the flush, and what the entry was is told", reduces, TEST_ALWAYS},
    {"an entry is not replaced while it is valid, and at once after it was broken and flushed", breaks_before_it_makes,
     TEST_ALWAYS},
    {"addresses outside a space's half are refused and touch no entry", refuses_foreign_addresses, TEST_ALWAYS},
    {"without hardware flags an aged page faults once, and its flag is set again", software_sees_accesses,
     TEST_SOFTWARE_ACCESSED},
    {"the hardware sets the accessed flag of an aged page by itself", hardware_sees_accesses, TEST_HARDWARE_ACCESSED},
    {"the hardware tells of a write, once it happened, and again after it was told", hardware_sees_writes, TEST_HARDWARE_DIRTY},
    {"device, normal and normal-world memory is mapped as such", has_memory_types, TEST_ALWAYS},
    {"the kernel's code cannot be written, its data not executed, and applications reach neither", protects_the_kernel,
     TEST_ALWAYS},
    {"what is mapped for good takes blocks where they fit, and bad ranges are refused", maps_blocks, TEST_ALWAYS},
    {NULL, NULL, TEST_ALWAYS},
};
