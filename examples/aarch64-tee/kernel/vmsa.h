/* vmsa.h - VMSAv8-64 translation tables, TLBs and caches: what Quire asks of an MMU. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_VMSA_H
#define KERNEL_VMSA_H

#include <quire/list.h>
#include <quire/mmu.h>

/*
 * Stage 1 of EL1 and EL0, 4 KiB granule, 39-bit addresses: three levels. TTBR0 has the addresses of one application, TTBR1 the
 * kernel's, whose entries are global. Tables come from a fixed number of pages; those of level 3 that show what the pager pages can
 * be taken back.
 *
 *     struct vmsa         book[]: what is known of each table: free, a root, of level 2, or of level 3 (these from the oldest on)
 *        |
 *     struct vmsa_space   root -> level 2 -> level 3 -> pages        one for each quire_vm, which names it: vm->user
 *
 * To use it: vmsa_init(); vmsa_space_init() and vmsa_map_fixed() for the kernel; on every processor MAIR_EL1 = VMSA_MAIR, TCR_EL1 =
 * vmsa_tcr(), TTBR1_EL1 = the kernel's root, vmsa_use(.., NULL), and away with what its TLB has; vmsa_hooks(), which leaves
 * alias_get, alias_put, lock, unlock, wait and wake to the kernel.
 *
 * For each application: vmsa_space_init(.., false), quire_vm_init(.., &space), vmsa_use() when a processor begins to run it. The hooks are
 * needed first: a space takes the pager's lock. No flush needs to be unlocked: processors are told by the hardware.
 *
 * To lift it: vmsa.c, vmsa.h and vmsa_descriptor.h, for EL1 (no VHE), as kernel/ in an include path; compile with -mgeneral-regs-only
 * -mno-outline-atomics. vmsa_test/main.c and paged.c are the smallest kernel around it. What the switch to these tables takes while the MMU
 * is on: start.S, root_switch().
 *
 * All tables are under the pager's lock. Who has which ASID is under a lock of its own, taken last and held for a few instructions:
 * what calls these functions must not interrupt them on the same processor.
 */

#define VMSA_VA_BITS 39
#define VMSA_CPUS_MAX 8

/* With so many tables every instruction finishes, however the faults of threads interleave: it needs up to three pages, each with a
 * table of level 2 and of level 3. Each space has a root (the kernel's too), and so has who has no space; add those that
 * vmsa_map_fixed() takes. With fewer, an instruction may fault forever: hence config.threads. */
#define VMSA_TABLES_THREAD 6u
#define VMSA_TABLES_MIN(spaces, threads) ((spaces) + 1u + VMSA_TABLES_THREAD * (threads))

/* `attr` of quire_vm_map() and vmsa_map_fixed(): normal write-back memory, unless one says otherwise. */
#define VMSA_ATTR_NORMAL 0u
#define VMSA_ATTR_DEVICE 1u
#define VMSA_ATTR_NONSECURE 2u /* of the normal world (only at secure EL1) */

#define VMSA_MAIR UINT64_C(0x04ff) /* index 0: normal, write-back, allocating; index 1: device-nGnRE */

/* What is known of one table page. Not for users. */
struct vmsa_table {
    struct quire_list_node link; /* on vmsa.free, or of level 3 on vmsa.leaves */
    struct quire_vm *vm;         /* whose pages it shows; null: none, or they are fixed: it cannot be taken back */
    uintptr_t va;                /* the first address it translates */
    uint32_t entries;            /* how many are not zero */
    bool used;                   /* level 3: it has had an entry */
    bool claimed;                /* level 3: somebody is taking it back */
};

struct vmsa_config {
    void *tables;            /* page-aligned memory of the kernel's, write-back, shared by all processors */
    uint64_t tables_pa;      /* ... its physical address */
    struct vmsa_table *book; /* one for each of them */
    uint32_t ntables;
    uint32_t threads;      /* how many can fault at once: a space does not begin if its root were one of the tables they need */
    uint32_t cpus;         /* how many processors will use it: 1..VMSA_CPUS_MAX */
    uint32_t (*cpu)(void); /* number of the processor that asks; null: every flush reaches all of them */
    uint32_t asids;        /* use so many ASIDs: at least cpus + 1; 0: as many as the processor has */
    bool software_flags;   /* do not use the processor's accessed and dirty flags */
};

/* The addresses of one quire_vm. */
struct vmsa_space {
    uint64_t root_pa;    /* of the kernel's: TTBR1_EL1 */
    struct quire_vm *vm; /* null: it has mapped nothing yet */
    bool kernel;
    uint32_t claims;     /* tables that are being taken back */
    uintptr_t run_va;    /* the last run of pages that lacked tables; */
    size_t run_npages;   /* ... 0: none since need_tables() */
    uint32_t asid;       /* of `generation`; under asid_lock */
    uint64_t generation; /* 0: it never had one */
    uint32_t seen;       /* a bit for each processor that used it under this ASID; under asid_lock */
};

/* Nothing here is for users but what has a comment that begins with "out". */
struct vmsa {
    struct vmsa_table *book;
    unsigned char *tables;
    uint64_t tables_pa;
    const struct quire_mmu *mmu; /* for its lock */
    struct quire_list_node free;
    struct quire_list_node leaves; /* level 3, the oldest first */
    uint64_t nobody_pa;            /* an empty root, under ASID 0 */
    bool hardware_accessed;        /* out */
    bool hardware_dirty;           /* out */
    uint64_t tcr;
    uint64_t pa_limit;
    uint32_t data_line; /* what sync_code goes by: bytes, 0: no maintenance by address */
    uint32_t code_line;
    bool code_aliases;

    uint32_t (*cpu)(void);
    uint32_t asid_lock;
    uint32_t cpus;
    uint32_t asids;                           /* 1..asids-1 are given out, each once in a generation */
    uint32_t asid_next;                       /* asids: the generation has no more */
    uint64_t generation;                      /* counts from 1 */
    struct vmsa_space *active[VMSA_CPUS_MAX]; /* whose root is in a processor's TTBR0: exactly, whenever asid_lock can be had */
    uint32_t reserved[VMSA_CPUS_MAX];         /* ASIDs that went on into this generation */

    uint32_t nfree;    /* out: tables that are in no use */
    uint32_t nmovable; /* tables that are, or can be taken back */
    uint32_t reserve;  /* ... of these, what threads need */
    uint64_t recycled; /* out: how often a table was taken back */
    uint64_t rolls;    /* out: how often all ASIDs had been given out */
};

/* With an MMU on. INVALID: the configuration. Looks at the processor that runs it; all must be alike. */
QUIRE_MUST_CHECK enum quire_status vmsa_init(struct vmsa *vmsa, const struct vmsa_config *config);

/* TCR_EL1, of every processor. */
static inline uint64_t vmsa_tcr(const struct vmsa *vmsa)
{
    return vmsa->tcr;
}

/* Fills in the hooks that are served here, the features, and ctx. The table must stay where it is: its `lock` is used. */
void vmsa_hooks(struct vmsa *vmsa, struct quire_mmu *mmu);

/* Begins a space: for TTBR1 if `kernel`, else for TTBR0. Takes a table as its root, back from others if none is free. NO_TABLE:
 * there is none, or threads may need it. */
QUIRE_MUST_CHECK enum quire_status vmsa_space_init(struct vmsa *vmsa, struct vmsa_space *space, bool kernel);

/* The end of an application's space, when nobody runs in it any more: first close it, then quire_vm_fini() its context, then
 * vmsa_space_fini(). Closing gives back all tables but the root. BUSY: a processor uses it, or another thread is taking a table
 * back; AGAIN: the context's entries cannot be dropped now. Then try again. */
QUIRE_MUST_CHECK enum quire_status vmsa_space_close(struct vmsa *vmsa, struct vmsa_space *space);
void vmsa_space_fini(struct vmsa *vmsa, struct vmsa_space *space);

/* Maps `bytes` from `pa` into the kernel's space for good, with blocks of 1 GiB and 2 MiB where they fit; the pager's areas lie in
 * other 2 MiB. For boot: not with other threads about. INVALID: unaligned, or no addresses of the kernel's, or none that the
 * processor has; DENIED: writable and executable; EXISTS: something is mapped there; NO_TABLE. What came before the failing part
 * is mapped. */
QUIRE_MUST_CHECK enum quire_status vmsa_map_fixed(struct vmsa *vmsa, struct vmsa_space *space, uintptr_t va, uint64_t pa,
                                                  uint64_t bytes, unsigned prot, uint64_t attr);

/* From now on the processor that runs this, whose number is `cpu`, translates the addresses of TTBR0 as `space` has it; null: none
 * of them. Does not take the pager's lock. */
void vmsa_use(struct vmsa *vmsa, uint32_t cpu, struct vmsa_space *space);

#endif
