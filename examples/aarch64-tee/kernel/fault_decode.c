/* fault_decode.c - what an exception syndrome says, in the pager's words. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/fault_decode.h"

/* ---- ESR_EL1 ---- */

#define CLASS(esr) ((esr) >> 26 & 63u)
#define CLASS_FETCH_EL0 0x20u
#define CLASS_FETCH_EL1 0x21u
#define CLASS_DATA_EL0 0x24u
#define CLASS_DATA_EL1 0x25u

/* Of aborts. */
#define STATUS(esr) ((esr)&63u)
#define IS_WRITE (UINT64_C(1) << 6)    /* of data */
#define OF_STAGE_2 (UINT64_C(1) << 7)  /* on the way to a table of stage 1 */
#define MAINTENANCE (UINT64_C(1) << 8) /* of a cache: IS_WRITE is set whatever it needs */
#define NO_ADDRESS (UINT64_C(1) << 10) /* FAR_EL1 says nothing */

/* An abort's status, of which the last two bits are the level where it has one. The texts lie in the table itself: who kills an
 * application because of a fault must not fault for them. */
static const char statuses[64][44] QUIRE_RESIDENT_RO = {
    [0x00] = "address size, in the root's address",
    [0x01] = "address size, level 1",
    [0x02] = "address size, level 2",
    [0x03] = "address size, level 3",
    [0x04] = "no translation, level 0",
    [0x05] = "no translation, level 1",
    [0x06] = "no translation, level 2",
    [0x07] = "no translation, level 3",
    [0x08] = "accessed flag, level 0",
    [0x09] = "accessed flag, level 1",
    [0x0a] = "accessed flag, level 2",
    [0x0b] = "accessed flag, level 3",
    [0x0c] = "no permission, level 0",
    [0x0d] = "no permission, level 1",
    [0x0e] = "no permission, level 2",
    [0x0f] = "no permission, level 3",
    [0x10] = "external abort",
    [0x11] = "tag check",
    [0x13] = "external abort in a table, level -1",
    [0x14] = "external abort in a table, level 0",
    [0x15] = "external abort in a table, level 1",
    [0x16] = "external abort in a table, level 2",
    [0x17] = "external abort in a table, level 3",
    [0x18] = "memory error",
    [0x1b] = "memory error in a table, level -1",
    [0x1c] = "memory error in a table, level 0",
    [0x1d] = "memory error in a table, level 1",
    [0x1e] = "memory error in a table, level 2",
    [0x1f] = "memory error in a table, level 3",
    [0x21] = "alignment",
    [0x23] = "granule protection in a table, level -1",
    [0x24] = "granule protection in a table, level 0",
    [0x25] = "granule protection in a table, level 1",
    [0x26] = "granule protection in a table, level 2",
    [0x27] = "granule protection in a table, level 3",
    [0x28] = "granule protection",
    [0x29] = "address size, level -1",
    [0x2b] = "no translation, level -1",
    [0x30] = "conflicting entries in a TLB",
    [0x31] = "no atomic update of an entry here",
    [0x34] = "cache lockdown",
    [0x35] = "no exclusive or atomic access here",
};

static const char classes[64][44] QUIRE_RESIDENT_RO = {
    [0x00] = "undefined instruction",
    [0x01] = "WFI or WFE",
    [0x03] = "system register (CP15), 32-bit state",
    [0x04] = "system register (CP15), 32-bit state",
    [0x05] = "system register (CP14), 32-bit state",
    [0x06] = "system register (CP14), 32-bit state",
    [0x07] = "floating point or SIMD",
    [0x08] = "floating-point register, 32-bit state",
    [0x09] = "pointer authentication",
    [0x0a] = "64-byte load or store",
    [0x0c] = "system register (CP14), 32-bit state",
    [0x0d] = "branch target",
    [0x0e] = "illegal execution state",
    [0x11] = "SVC, 32-bit state",
    [0x12] = "HVC, 32-bit state",
    [0x13] = "SMC, 32-bit state",
    [0x14] = "system register, 128 bits",
    [0x15] = "SVC",
    [0x16] = "HVC",
    [0x17] = "SMC",
    [0x18] = "system register or instruction",
    [0x19] = "SVE",
    [0x1a] = "ERET",
    [0x1b] = "transaction",
    [0x1c] = "pointer authentication failed",
    [0x1d] = "SME",
    [0x1e] = "granule protection",
    [0x1f] = "of this processor's own",
    [0x22] = "alignment of the program counter",
    [0x26] = "alignment of the stack pointer",
    [0x27] = "memory copy or set",
    [0x28] = "floating-point exception, 32-bit state",
    [0x2c] = "floating-point exception",
    [0x2d] = "guarded control stack",
    [0x2f] = "asynchronous error",
    [0x30] = "breakpoint at EL0",
    [0x31] = "breakpoint at EL1",
    [0x32] = "single step at EL0",
    [0x33] = "single step at EL1",
    [0x34] = "watchpoint at EL0",
    [0x35] = "watchpoint at EL1",
    [0x38] = "BKPT, 32-bit state",
    [0x3a] = "vector catch, 32-bit state",
    [0x3c] = "BRK",
    [0x3d] = "performance monitor",
};

static const char of_stage_2[] QUIRE_RESIDENT_RO = "a table's address has no second translation";
static const char unknown[] QUIRE_RESIDENT_RO = "reserved";

static QUIRE_RESIDENT bool is_abort(uint64_t esr)
{
    return CLASS(esr) == CLASS_FETCH_EL0 || CLASS(esr) == CLASS_FETCH_EL1 || CLASS(esr) == CLASS_DATA_EL0 ||
           CLASS(esr) == CLASS_DATA_EL1;
}

/* No translation at any level (0: an address of neither half), no accessed flag or no permission at a level that has pages. */
static QUIRE_RESIDENT bool can_be_served(uint64_t status)
{
    return (status >= 0x04 && status <= 0x07) || (status >= 0x09 && status <= 0x0b) || (status >= 0x0d && status <= 0x0f);
}

QUIRE_RESIDENT bool fault_decode(uint64_t esr, uint64_t far, bool from_el0, struct quire_fault *out)
{
    bool fetch = CLASS(esr) == CLASS_FETCH_EL0 || CLASS(esr) == CLASS_FETCH_EL1;
    bool el0 = CLASS(esr) == CLASS_FETCH_EL0 || CLASS(esr) == CLASS_DATA_EL0;

    if (!is_abort(esr) || el0 != from_el0 || (esr & (OF_STAGE_2 | NO_ADDRESS)) != 0 || !can_be_served(STATUS(esr))) {
        return false;
    }
    out->va = (uintptr_t)far;
    out->privileged = !el0;
    if (fetch) {
        out->access = QUIRE_PROT_EXEC;
    } else {
        out->access = (esr & (IS_WRITE | MAINTENANCE)) == IS_WRITE ? QUIRE_PROT_WRITE : QUIRE_PROT_READ;
    }
    return true;
}

QUIRE_RESIDENT const char *fault_describe(uint64_t esr)
{
    const char *text = is_abort(esr) ? statuses[STATUS(esr)] : classes[CLASS(esr)];

    if (is_abort(esr) && (esr & OF_STAGE_2) != 0) {
        return of_stage_2;
    }
    return text[0] != '\0' ? text : unknown;
}
