/* sysreg.h - the processor's system registers. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_MONITOR_SYSREG_H
#define TEE_MONITOR_SYSREG_H

#include <stdint.h>

/* `name` as the assembler knows it, or a macro for s<op0>_<op1>_c<n>_c<m>_<op2>. */
#define sysreg_read(name)                                                          \
    __extension__({                                                                \
        uint64_t value_;                                                           \
        __asm__ volatile("mrs %0, " SYSREG_STRING(name) : "=r"(value_)::"memory"); \
        value_;                                                                    \
    })
#define sysreg_write(name, value) __asm__ volatile("msr " SYSREG_STRING(name) ", %0" ::"r"((uint64_t)(value)) : "memory")
#define SYSREG_STRING(name) SYSREG_STRING_(name)
#define SYSREG_STRING_(name) #name

/* A four-bit field of an identification register. Registers that a processor does not have read as zero. */
#define sysreg_field(name, shift) ((sysreg_read(name) >> (shift)) & 0xfu)

static inline void isb(void)
{
    __asm__ volatile("isb" ::: "memory");
}

static inline void dsb(void)
{
    __asm__ volatile("dsb sy" ::: "memory");
}

/* In a loop that waits for another processor. With -icount QEMU runs one at a time, and others only when this one says so. */
static inline void yield(void)
{
    __asm__ volatile("yield" ::: "memory");
}

static inline void wfi(void)
{
    __asm__ volatile("dsb sy\n\twfi" ::: "memory");
}

#endif
