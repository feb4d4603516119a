/* execute.c - jumps to where no code of the application is. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/rogue/rogue.h"

#include "kernel/layout.h"

#define RETURN_INSTRUCTION 0xd65f03c0u /* wherever it is executed: it comes back, and the case has failed */

static const uint32_t constant = RETURN_INSTRUCTION;
static uint32_t data = RETURN_INSTRUCTION;

static void jump(uintptr_t at)
{
    ((void (*)(void))at)();
}

void rogue_execute(uint32_t number)
{
    volatile uint32_t on_stack = RETURN_INSTRUCTION;
    uint32_t *on_heap;

    switch (number) {
    case ROGUE_EXECUTE_CONSTANTS:
        jump((uintptr_t)&constant);
        break;
    case ROGUE_EXECUTE_DATA:
        jump((uintptr_t)&data);
        break;
    case ROGUE_EXECUTE_STACK:
        jump((uintptr_t)&on_stack);
        break;
    case ROGUE_EXECUTE_HEAP:
        on_heap = ta_map(1, TA_MAP_READ | TA_MAP_WRITE);
        ta_assert(on_heap != NULL);
        *(volatile uint32_t *)on_heap = RETURN_INSTRUCTION;
        jump((uintptr_t)on_heap);
        break;
    case ROGUE_EXECUTE_NULL:
        jump(0);
        break;
    case ROGUE_EXECUTE_MISALIGNED:
        jump((uintptr_t)rogue_execute + 2u);
        break;
    case ROGUE_EXECUTE_KERNEL:
        jump(KERNEL_VA + KERNEL_BASE);
        break;
    case ROGUE_EXECUTE_TOP:
        jump(UINTPTR_MAX - 3u);
        break;
    default:
        break;
    }
}
