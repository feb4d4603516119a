/* instruction.c - instructions that an application must not execute. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/rogue/rogue.h"

#define EXECUTE(instruction) __asm__ volatile(instruction : : : "x0", "memory")

static void semihosting_exit(void)
{
    uint64_t block[2] = {0x20026, 0}; /* "the application ended", with status 0 */

    __asm__ volatile("mov x0, #0x18\n\tmov x1, %0\n\thlt #0xf000" : : "r"(block) : "x0", "x1", "memory");
}

static void invalidate_cache_line(void)
{
    volatile uint64_t line = 0;

    __asm__ volatile("dc ivac, %0" : : "r"(&line) : "memory");
}

/* Numbers where the assembler would want to be told of an extension. */
void rogue_instruction(uint32_t number)
{
    switch (number) {
    case ROGUE_FLOATING_POINT:
        EXECUTE(".inst 0x9e6703e0"); /* fmov d0, xzr */
        break;
    case ROGUE_VECTOR:
        EXECUTE(".inst 0x4f000400"); /* movi v0.4s, #0 */
        break;
    case ROGUE_SCALABLE_VECTOR:
        EXECUTE(".inst 0x04bf5020"); /* rdvl x0, #1 */
        break;
    case ROGUE_READ_CONTROL:
        EXECUTE("mrs x0, sctlr_el1");
        break;
    case ROGUE_WRITE_CONTROL:
        EXECUTE("msr sctlr_el1, xzr");
        break;
    case ROGUE_WRITE_TABLE_BASE:
        EXECUTE("msr ttbr0_el1, xzr");
        break;
    case ROGUE_WRITE_VECTORS:
        EXECUTE("msr vbar_el1, xzr");
        break;
    case ROGUE_MASK_INTERRUPTS:
        EXECUTE("msr daifset, #15");
        break;
    case ROGUE_INVALIDATE_TLB:
        EXECUTE("tlbi vmalle1");
        break;
    case ROGUE_INVALIDATE_CACHE:
        invalidate_cache_line();
        break;
    case ROGUE_RETURN_FROM_EXCEPTION:
        EXECUTE("eret");
        break;
    case ROGUE_HALT:
        EXECUTE("hlt #0");
        break;
    case ROGUE_SEMIHOSTING:
        semihosting_exit();
        break;
    case ROGUE_BREAKPOINT:
        EXECUTE("brk #0");
        break;
    case ROGUE_MONITOR_CALL:
        EXECUTE("smc #0");
        break;
    case ROGUE_HYPERVISOR_CALL:
        EXECUTE("hvc #0");
        break;
    case ROGUE_UNDEFINED:
        EXECUTE(".inst 0");
        break;
    default:
        break;
    }
}
