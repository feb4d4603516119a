/* access.c - reads and writes that no permission allows. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/rogue/rogue.h"

#include "kernel/layout.h"

#define WALK_PAGES 1024u /* more than any stack has */
#define RECURSIONS 0x4000u
#define FRAME_WORDS 64u

#define HEAP_PAGES 2u
#define HEAP_ACCESS (TA_MAP_READ | TA_MAP_WRITE)

/* "used": nobody reads them, so the compiler would leave out what they hold, and with it the relocation. */
__attribute__((used)) static const uint64_t constant = 1;
__attribute__((used)) static const uint64_t *const relocated = &constant;

static void read(uintptr_t at)
{
    (void)*(const volatile uint64_t *)at;
}

static void write(uintptr_t at)
{
    *(volatile uint64_t *)at = 0;
}

static uintptr_t heap_pages(void)
{
    uintptr_t at = (uintptr_t)ta_map(HEAP_PAGES, HEAP_ACCESS);

    ta_assert(at != 0);
    write(at);
    return at;
}

/* Page by page, so that a guard page cannot be passed over. */
static void walk(intptr_t step)
{
    volatile uint64_t here = 0;
    uintptr_t at = (uintptr_t)&here;
    unsigned i;

    for (i = 0; i < WALK_PAGES; i++) {
        read(at);
        at += (uintptr_t)step;
    }
}

__attribute__((noinline)) static uint64_t recurse(unsigned depth)
{
    volatile uint64_t frame[FRAME_WORDS];

    frame[depth % FRAME_WORDS] = depth;
    return depth < RECURSIONS ? recurse(depth + 1u) + frame[depth % FRAME_WORDS] : 0;
}

static void load_exclusive(uintptr_t at)
{
    uint64_t word;

    __asm__ volatile("ldxr %0, [%1]\n\tclrex" : "=r"(word) : "r"(at) : "memory");
}

void rogue_access(uint32_t number)
{
    uintptr_t at;

    switch (number) {
    case ROGUE_WRITE_CODE:
        write((uintptr_t)rogue_access & ~(uintptr_t)7);
        break;
    case ROGUE_WRITE_CONSTANTS:
        write((uintptr_t)&constant);
        break;
    case ROGUE_WRITE_RELOCATED:
        write((uintptr_t)&relocated);
        break;
    case ROGUE_READ_NULL:
        read(0);
        break;
    case ROGUE_WRITE_NULL:
        write(0);
        break;
    case ROGUE_READ_BELOW_STACK:
        walk(-(intptr_t)TA_PAGE);
        break;
    case ROGUE_READ_ABOVE_STACK:
        walk((intptr_t)TA_PAGE);
        break;
    case ROGUE_RECURSE:
        (void)recurse(0);
        break;
    case ROGUE_READ_BEFORE_HEAP:
        read(heap_pages() - sizeof(uint64_t));
        break;
    case ROGUE_READ_BEHIND_HEAP:
        read(heap_pages() + HEAP_PAGES * TA_PAGE);
        break;
    case ROGUE_READ_UNMAPPED:
        at = heap_pages();
        ta_assert(ta_unmap((void *)at, HEAP_PAGES));
        read(at);
        break;
    case ROGUE_WRITE_PROTECTED:
        at = heap_pages();
        ta_assert(ta_protect((void *)at, HEAP_PAGES, TA_MAP_READ));
        read(at);
        write(at);
        break;
    case ROGUE_READ_KERNEL_BASE:
        read(KERNEL_VA);
        break;
    case ROGUE_READ_KERNEL_IMAGE:
        read(KERNEL_VA + KERNEL_BASE);
        break;
    case ROGUE_WRITE_KERNEL_IMAGE:
        write(KERNEL_VA + KERNEL_BASE);
        break;
    case ROGUE_READ_KERNEL_UART:
        read(KERNEL_VA + BOARD_UART_SECURE);
        break;
    case ROGUE_READ_TOP:
        read(UINTPTR_MAX - 7u);
        break;
    case ROGUE_READ_BETWEEN:
        read((uintptr_t)1 << 47);
        break;
    case ROGUE_READ_LAST_PAGE:
        read(USER_LAST + 1u);
        break;
    case ROGUE_EXCLUSIVE_MISALIGNED:
        load_exclusive(heap_pages() + 12u); /* across 16 bytes: also processors that forgive others do not */
        break;
    default:
        break;
    }
}
