/* vmsa_descriptor.h - the bits of VMSAv8-64 stage-1 descriptors and registers, for vmsa.c. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_VMSA_DESCRIPTOR_H
#define KERNEL_VMSA_DESCRIPTOR_H

#include "kernel/vmsa.h"

#define PAGE UINT64_C(0x1000)
#define ENTRIES 512u /* of a table */

#if QUIRE_PAGE_SHIFT != 12
#error "vmsa.c knows the granule of 4 KiB only"
#endif

/* ---- Registers ---- */

#define TCR_39_BITS (UINT64_C(25) | UINT64_C(25) << 16) /* T0SZ, T1SZ */
#define TCR_WALKS \
    (UINT64_C(0x35) << 8 | UINT64_C(0x35) << 24)      /* the walker's accesses: write-back, allocating, inner shareable */
#define TCR_4K (UINT64_C(2) << 30)                    /* TG1; TG0 is 0 */
#define TCR_PA_RANGE(range) ((uint64_t)(range) << 32) /* as ID_AA64MMFR0_EL1 tells it */
#define TCR_ASID_16 (UINT64_C(1) << 36)
#define TCR_HARDWARE_ACCESSED (UINT64_C(1) << 39)
#define TCR_HARDWARE_DIRTY (UINT64_C(1) << 40)

/* CTR_EL0 */
#define CTR_CODE_LINE(ctr) (4u << ((ctr)&15u)) /* bytes */
#define CTR_DATA_LINE(ctr) (4u << ((ctr) >> 16 & 15u))
#define CTR_CODE_BY_PA(ctr) (((ctr) >> 14 & 3u) == 3u)  /* so any address of a page names all that is cached of it */
#define CTR_DATA_IN_SYNC(ctr) (((ctr) >> 28 & 1u) != 0) /* instruction fetch finds what is in data caches */
#define CTR_CODE_IN_SYNC(ctr) (((ctr) >> 29 & 1u) != 0) /* and instruction caches see writes */

/* ---- Descriptors ---- */

#define VALID UINT64_C(1)
#define KIND UINT64_C(3)
#define KIND_BLOCK UINT64_C(1)    /* levels 1 and 2 */
#define KIND_TABLE UINT64_C(3)    /* levels 1 and 2 */
#define KIND_PAGE UINT64_C(3)     /* level 3 */
#define DEVICE (UINT64_C(1) << 2) /* the index into MAIR */
#define NONSECURE (UINT64_C(1) << 5)
#define USER (UINT64_C(1) << 6) /* applications may access it */
#define READ_ONLY (UINT64_C(1) << 7)
#define INNER_SHAREABLE (UINT64_C(3) << 8)
#define ACCESSED (UINT64_C(1) << 10)
#define NOT_GLOBAL (UINT64_C(1) << 11)
#define ADDRESS UINT64_C(0x0000fffffffff000)
#define TELLS (UINT64_C(1) << 51)     /* "DBM": a write is permitted, and clears READ_ONLY */
#define NEVER_EL1 (UINT64_C(1) << 53) /* the kernel cannot execute it */
#define NEVER_EL0 (UINT64_C(1) << 54) /* applications cannot */
#define PERMISSIONS (USER | READ_ONLY | TELLS | NEVER_EL1 | NEVER_EL0)

/* What `prot` is in an entry; `tells`: of writes. What VMSA cannot express is given too: who may write may read, and the kernel
 * may read its code. */
static inline QUIRE_RESIDENT uint64_t permissions(unsigned prot, bool tells)
{
    bool user = (prot & QUIRE_PROT_USER) != 0;
    bool write = (prot & QUIRE_PROT_WRITE) != 0;
    uint64_t never = (prot & QUIRE_PROT_EXEC) == 0 ? NEVER_EL1 | NEVER_EL0 : user ? NEVER_EL1 : NEVER_EL0;

    return never | (!write || tells ? READ_ONLY : 0) | (write && tells ? TELLS : 0) |
           (user && (prot & (QUIRE_PROT_READ | QUIRE_PROT_WRITE)) != 0 ? USER : 0);
}

/* The reverse: QUIRE_ENTRY_* of an entry of level 3. */
static inline QUIRE_RESIDENT unsigned describe(uint64_t entry)
{
    bool user = (entry & USER) != 0 || (entry & NEVER_EL0) == 0;
    bool write = (entry & READ_ONLY) == 0 || (entry & TELLS) != 0;

    if ((entry & VALID) == 0) {
        return 0;
    }
    return QUIRE_ENTRY_PRESENT | (user ? QUIRE_ENTRY_USER : 0) | (write ? QUIRE_ENTRY_WRITE : 0) |
           (!user || (entry & USER) != 0 ? QUIRE_ENTRY_READ : 0) |
           ((entry & (user ? NEVER_EL0 : NEVER_EL1)) == 0 ? QUIRE_ENTRY_EXEC : 0) |
           ((entry & ACCESSED) != 0 ? QUIRE_ENTRY_ACCESSED : 0) |
           ((entry & (READ_ONLY | TELLS)) == TELLS ? QUIRE_ENTRY_DIRTY : 0);
}

/* All of an entry but its address and kind. */
static inline QUIRE_RESIDENT uint64_t leaf_bits(const struct vmsa_space *space, unsigned prot, uint64_t attr, bool tells)
{
    return permissions(prot, tells) | ACCESSED | INNER_SHAREABLE | (space->kernel ? 0 : NOT_GLOBAL) |
           ((attr & VMSA_ATTR_DEVICE) != 0 ? DEVICE : 0) | ((attr & VMSA_ATTR_NONSECURE) != 0 ? NONSECURE : 0);
}

/* What an entry of `level` spans: 1 GiB, 2 MiB or a page. */
static inline QUIRE_RESIDENT uint64_t span(unsigned level)
{
    return PAGE << (9u * (3u - level));
}

/* Does the space's half of the addresses have `va`? */
static inline QUIRE_RESIDENT bool in_half(const struct vmsa_space *space, uintptr_t va)
{
    return va >> VMSA_VA_BITS == (space->kernel ? UINTPTR_MAX >> VMSA_VA_BITS : 0);
}

/* ---- Where tables lie ---- */

static inline QUIRE_RESIDENT uint64_t *table_at(const struct vmsa *vmsa, uint64_t pa)
{
    return (uint64_t *)(void *)(vmsa->tables + (pa - vmsa->tables_pa));
}

/* What is known of the table in which `entry` lies. */
static inline QUIRE_RESIDENT struct vmsa_table *table_of(const struct vmsa *vmsa, const uint64_t *entry)
{
    return &vmsa->book[((uintptr_t)entry - (uintptr_t)vmsa->tables) / PAGE];
}

static inline QUIRE_RESIDENT uint64_t pa_of(const struct vmsa *vmsa, const struct vmsa_table *table)
{
    return vmsa->tables_pa + (uint64_t)(table - vmsa->book) * PAGE;
}

#endif
