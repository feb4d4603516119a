/* survey.h - the live structure, copied at one moment. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_SURVEY_H
#define KERNEL_SURVEY_H

#include <quire/quire.h>

/*
 * What looks at contexts, objects and pages together does it with the pager's lock held, so it is resident: nothing that is pageable may
 * run then. It copies what it sees into arrays of the caller's; what is made of them afterwards may be pageable.
 */
struct survey_area {
    const struct quire_vm *vm;
    const struct quire_fobj *fobj;
    uintptr_t va;
    uint32_t npages;
    unsigned prot;
};

struct survey_object {
    const struct quire_fobj *fobj;
    const char *kind;
    const struct quire_fobj *origin; /* of a copy on write */
    uint32_t refs;
    uint32_t resident;
    uint32_t num_pages;
};

struct survey_page {
    const struct quire_fobj *fobj; /* null: it holds none's */
    uint32_t pgidx;
    uint32_t mapped;
    uint8_t state; /* QUIRE_PAGE_* */
    bool dirty;
};

/* Zero-initialise it, then set the arrays and how long they are; what does not fit is left out. */
struct survey {
    struct survey_area *areas;
    struct survey_object *objects;
    struct survey_page *pages;
    uint32_t max_areas;
    uint32_t max_objects;
    uint32_t max_pages;
    uint32_t num_areas;
    uint32_t num_objects;
    uint32_t num_pages;
};

/* O(areas + objects + pages of the pool). */
void survey_take(struct survey *survey);

struct survey_sharing {
    uint64_t mapped; /* pages of all areas */
    uint64_t shared; /* pages with more than one entry ... */
    uint64_t saved;  /* ... and how many more there would be without sharing */
};

/* O(areas + pages of the pool). */
void survey_sharing(struct survey_sharing *sharing);

struct survey_code {
    uint64_t pages;    /* that some context may execute now ... */
    uint64_t writable; /* ... and of these, which the kernel could write at its own address; the processor is asked */
};

/* O(pages of the pool + their entries). */
void survey_code(struct survey_code *code);

/* How many of the pages that `vm` shows another context shows, too. O(pages of the pool + their entries). */
uint32_t survey_shared_by(const struct quire_vm *vm);

#endif
