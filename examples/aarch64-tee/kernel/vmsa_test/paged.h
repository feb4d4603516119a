/* paged.h - applications of a real pager, small enough to run out of everything. SPDX-License-Identifier: BSD-2-Clause */
#ifndef VMSA_TEST_PAGED_H
#define VMSA_TEST_PAGED_H

#include "kernel/vmsa_test/test.h"

#define PAGED_PAGES 64u     /* of each application */
#define PAGED_AREA_PAGES 4u /* mapped together, far from the others: two areas to a table of level 2 */
#define PAGED_AREA_STRIDE UINT64_C(0x20000000)

struct paged_app {
    struct quire_vm vm;
    struct vmsa_space space;
    struct quire_fobj_rw object;
    uint32_t slots[PAGED_PAGES];
    unsigned char store[PAGED_PAGES][4096];
    uint64_t expected[PAGED_PAGES][MACHINE_CPUS]; /* what each processor wrote last, into a word of its own */
};

extern struct quire_pager paged_pager;

/* Faults served since paged_begin(), by enum quire_fault_kind; and how the last that was not served ended. */
extern uint32_t paged_faults[QUIRE_FAULT_UNPAGED + 1];
extern enum quire_status paged_refusal;

/* Begins a pager with so many of the test pages, which serves the faults of this processor, or of both. */
void paged_begin(uint32_t npages, uint32_t cpus);
void paged_end(void);

/* Makes an application with PAGED_PAGES pages, read and written; ends it. */
void paged_app_begin(struct paged_app *app);
void paged_app_end(struct paged_app *app);

/* What this processor runs, and whose faults it has. */
void paged_use(struct paged_app *app);

/* Page i of an application. */
uintptr_t paged_va(uint32_t i);

/* Checks the processor's word of a random page of the application, and writes another. */
void paged_step(struct paged_app *app, uint32_t *random);

/* Does everything that Quire can check hold? */
bool paged_is_sound(void);

#endif
