/* registers.h - the system registers of EL1, to be filled and looked at again. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_MONITOR_TEST_REGISTERS_H
#define TEE_MONITOR_TEST_REGISTERS_H

#include "monitor/sysreg.h"

/* With the bits that can be anything while the MMU is off. Not those which the test itself runs with. */
#define TEST_EL1_REGISTERS(R)                           \
    R(sctlr_el1, UINT64_C(1) << 26 | UINT64_C(1) << 15) \
    R(cpacr_el1, UINT64_C(3) << 20)                     \
    R(ttbr0_el1, UINT64_C(0xffff00000ffff000))          \
    R(ttbr1_el1, UINT64_C(0xffff00000ffff000))          \
    R(tcr_el1, UINT64_C(0x001f001f))                    \
    R(mair_el1, UINT64_MAX)                             \
    R(amair_el1, UINT64_MAX)                            \
    R(contextidr_el1, UINT32_MAX)                       \
    R(vbar_el1, 0)                                      \
    R(esr_el1, UINT32_MAX)                              \
    R(far_el1, UINT64_MAX)                              \
    R(afsr0_el1, UINT32_MAX)                            \
    R(afsr1_el1, UINT32_MAX)                            \
    R(par_el1, UINT64_C(0x0000fffffffff000))            \
    R(elr_el1, UINT64_MAX)                              \
    R(spsr_el1, UINT64_C(0xf0000000))                   \
    R(sp_el0, UINT64_MAX)                               \
    R(tpidr_el0, UINT64_MAX)                            \
    R(tpidrro_el0, UINT64_MAX)                          \
    R(tpidr_el1, UINT64_MAX)                            \
    R(csselr_el1, 7)                                    \
    R(cntkctl_el1, 3)

#define TEST_FIELD(name, bits) uint64_t name;

struct test_registers {
    TEST_EL1_REGISTERS(TEST_FIELD)
};

/* Gives each register another value, of all that `seed` gives, and remembers what it then holds. */
static inline void test_registers_fill(struct test_registers *held, uint64_t seed)
{
#define TEST_FILL(name, bits)                                                                     \
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);                  \
    sysreg_write(name, (sysreg_read(name) & ~(uint64_t)(bits)) | ((seed ^ seed >> 33) & (bits))); \
    isb();                                                                                        \
    held->name = sysreg_read(name);

    TEST_EL1_REGISTERS(TEST_FILL)
}

/* Returns a bit for each register that holds something else now. */
static inline uint64_t test_registers_changed(const struct test_registers *held)
{
    uint64_t changed = 0;

#define TEST_COMPARE(name, bits) changed = changed << 1 | (sysreg_read(name) != held->name);
    TEST_EL1_REGISTERS(TEST_COMPARE)
    return changed;
}

#endif
