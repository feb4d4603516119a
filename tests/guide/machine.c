/* The machine below the guide's kernel: memory, a processor that walks the page table, and a program to run. */
#include "kernel.h"

#include <stdio.h>
#include <stdlib.h>

unsigned char ram[RAM_PAGES][QUIRE_PAGE_SIZE];
unsigned char program_image[PROGRAM_PAGES * QUIRE_PAGE_SIZE];

void kernel_panic(const char *what)
{
    fprintf(stderr, "kernel panic: %s\n", what);
    abort();
}

int cpu_access(struct address_space *space, uintptr_t va, unsigned access)
{
    uint64_t needed = QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_USER | access;

    for (;;) {
        size_t page = (va - SPACE_BASE) >> QUIRE_PAGE_SHIFT;

        if (va >= SPACE_BASE && page < SPACE_PAGES && (space->entry[page] & needed) == needed) {
            uint64_t pa = (space->entry[page] & ~(uint64_t)QUIRE_PAGE_MASK) | (va & QUIRE_PAGE_MASK);

            return ((unsigned char *)ram)[pa - RAM_BASE];
        }
        if (!kernel_page_fault(space, va, access)) {
            return -1;
        }
    }
}

static int differs(struct address_space *space, size_t offset, int expected, unsigned access)
{
    int found = cpu_access(space, SPACE_BASE + offset, access);

    if (found != expected) {
        fprintf(stderr, "byte %zu: %d instead of %d\n", offset, found, expected);
    }
    return found != expected;
}

int main(void)
{
    static struct address_space space;
    struct quire_pager_stats stats;
    int wrong = 0;
    size_t i;

    for (i = 0; i < sizeof program_image; i++) {
        program_image[i] = (unsigned char)(i * 31 + (i >> QUIRE_PAGE_SHIFT));
    }
    if (kernel_boot() != QUIRE_OK || kernel_load_program(&space) != QUIRE_OK) {
        fprintf(stderr, "the kernel does not boot\n");
        return 1;
    }
    for (i = 0; i < sizeof program_image; i += 61) {
        wrong += differs(&space, i, program_image[i], QUIRE_PROT_READ);
    }
    wrong += differs(&space, 100, program_image[100], QUIRE_PROT_EXEC);
    wrong += differs(&space, 100, -1, QUIRE_PROT_WRITE);
    wrong += differs(&space, sizeof program_image, -1, QUIRE_PROT_READ);

    quire_pager_get_stats(&pager, &stats);
    printf("%u pages of program through %u pages of memory: %llu faults loaded a page, %llu pages gave way\n", PROGRAM_PAGES,
           RAM_PAGES, (unsigned long long)stats.faults.major, (unsigned long long)stats.evictions);
    wrong += stats.faults.major != PROGRAM_PAGES + 1 || stats.evictions == 0 || RAM_PAGES >= PROGRAM_PAGES;
    wrong += quire_pager_check(&pager, NULL) != QUIRE_OK;
    wrong += guide_pressure();
    wrong += guide_hostile();
    wrong += quire_vm_fini(&space.vm) != QUIRE_OK || quire_pager_fini(&pager) != QUIRE_OK;
    wrong += guide_regions() + guide_shared();
    return wrong != 0;
}
