/* test.h - what the tests have in common: one machine with vmsa.c in charge of its MMU. SPDX-License-Identifier: BSD-2-Clause */
#ifndef VMSA_TEST_TEST_H
#define VMSA_TEST_TEST_H

#include <quire/quire.h>

#include "kernel/vmsa.h"
#include "kernel/vmsa_test/machine.h"

/* ---- Checks ---- */

struct test {
    const char *name; /* a sentence */
    void (*run)(void);
    enum { TEST_ALWAYS, TEST_HARDWARE_ACCESSED, TEST_HARDWARE_DIRTY, TEST_SOFTWARE_ACCESSED, TEST_TWO_CPUS } when;
};

/* Each ends with one that has no name. */
extern const struct test tests_decode[];
extern const struct test tests_entries[];
extern const struct test tests_spaces[];
extern const struct test tests_tables[];
extern const struct test tests_pager[];
extern const struct test tests_cpus[];

/* Notes a failure of the test that runs; goes on. */
void test_failed(const char *file, int line, const char *what);

#define CHECK(x) ((x) ? (void)0 : test_failed(__FILE__, __LINE__, #x))

/* ---- The machine ---- */

/* The program is mapped with the permissions its parts need; ASIDs are few, so that they roll over all the time. */
#define TEST_ASIDS 4u
#define TEST_TABLES 96u
#define TEST_PAGES 512u
#define TEST_VA_LAST UINT64_C(0x7fffffffff)

/* Where memory's first TEST_WINDOW_BYTES are mapped once more, read-only: 2 MiB and 2 pages. */
#define TEST_WINDOW_VA UINT64_C(0xffffffc100000000)
#define TEST_WINDOW_BYTES UINT64_C(0x202000)

extern struct vmsa test_vmsa;
extern struct vmsa_space test_kernel;
extern struct quire_mmu test_mmu;
extern unsigned char test_page[TEST_PAGES][4096];

bool test_begin_machine(bool software_flags);

/* Physical address of test_page[i]. */
struct quire_pa test_pa(uint32_t i);

/* A context with a space, for the hooks alone: its pager never maps anything. */
struct test_app {
    struct quire_vm vm;
    struct vmsa_space space;
};

void test_app_begin(struct test_app *app);
void test_app_end(struct test_app *app); /* whatever it has mapped must be gone */

/* This processor translates as `app` has it; null: nobody. */
void test_use(struct test_app *app);

#define TEST_READ (QUIRE_PROT_READ | QUIRE_PROT_USER)
#define TEST_WRITE (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER)
#define TEST_EXEC (QUIRE_PROT_READ | QUIRE_PROT_EXEC | QUIRE_PROT_USER)

/* The hooks, as the pager calls them; flushes of pages that test_unmap() and others changed are the caller's. */
enum quire_status test_map(struct test_app *app, uintptr_t va, uint32_t page, size_t npages, unsigned prot);
unsigned test_unmap(struct test_app *app, uintptr_t va, size_t npages);
unsigned test_query(struct test_app *app, uintptr_t va);
void test_flush(struct test_app *app, uintptr_t va);
void test_drop(struct test_app *app, uintptr_t va); /* unmap and flush one page */

/* The descriptor for `va`, found as the processor finds it, and its level. */
uint64_t test_descriptor(const struct vmsa_space *space, uintptr_t va, unsigned *level);

/* Takes tables out of use until `left` are free, and back. */
void test_hoard(uint32_t left);
void test_release(void);

/* A sequence of numbers that repeats. */
uint32_t test_random(uint32_t *state);

#endif
