/* quire/testkit/sim_cpu.h - what the processors of the simulated machine do. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_TESTKIT_SIM_CPU_H
#define QUIRE_TESTKIT_SIM_CPU_H

#include "../area.h"
#include "../base.h"
#include "../mmu.h"
#include "../pager.h"
#include "sim_machine.h"

/*
 * An access goes through the processor's TLB, and on a miss through the page table, as in hardware:
 *
 *     TLB hit ---------------------------------------> permitted? --> bytes
 *     TLB miss --> entry present? --> accessed flag? --> remember it --^
 *                       |                  |                |
 *               TRANSLATION fault   ACCESSED fault   PERMISSION fault
 *
 * quire_sim_access() is one try and tells the fault; quire_sim_run() does what an exception handler does: it calls
 * quire_pager_fault() and lets the instruction run again; quire_sim_step() is one instruction that needs several pages at once.
 */
QUIRE_BEGIN

enum quire_sim_outcome {
    QUIRE_SIM_DONE,
    QUIRE_SIM_TRANSLATION_FAULT, /* no entry */
    QUIRE_SIM_PERMISSION_FAULT,  /* the entry does not permit it */
    QUIRE_SIM_ACCESSED_FAULT,    /* the entry lacks its accessed flag, and this processor does not set it */
    QUIRE_SIM_BAD_ACCESS         /* not an access: it crosses a page, has no bytes, an unknown processor or kind */
};

/* Reads into, or writes from, or fetches instructions into `bytes`: `len` bytes at `va`, in one page. `access` is one of
 * QUIRE_PROT_READ, WRITE, EXEC. On a fault nothing moved. Takes the lock if this thread does not have it. O(len). */
QUIRE_API QUIRE_MUST_CHECK enum quire_sim_outcome quire_sim_access(struct quire_sim *sim, unsigned cpu, struct quire_vm *vm,
                                                                   uintptr_t va, unsigned access, bool privileged, void *bytes,
                                                                   size_t len) QUIRE_SYM(quire_sim_access);

/* One of the accesses of an instruction. */
struct quire_sim_operand {
    uintptr_t va;
    unsigned access; /* QUIRE_PROT_READ, WRITE or EXEC */
    void *bytes;
    size_t len; /* not across a page */
};

/* Who runs instructions. Zero-initialise it, then set what differs. */
struct quire_sim_thread {
    unsigned cpu;
    uint32_t thread; /* for struct quire_fault */
    bool privileged;
    bool wait_ok;
    uint32_t max_faults;                   /* of one instruction in a row answered OK, before it is given up; 0: 64 */
    uint32_t max_again;                    /* of one instruction answered AGAIN, before it is given up; 0: as max_faults */
    uint64_t faults;                       /* out: handled so far */
    uint64_t again;                        /* out: of these answered AGAIN */
    struct quire_fault last;               /* out: the last one ... */
    struct quire_fault_result last_result; /* ... and what came of it */
};

/* Runs one instruction with n operands: nothing moves until all of them can be had at once. Each fault goes to
 * quire_pager_fault(vm->pager, ...). Returns its status if it is neither OK nor AGAIN; AGAIN if max_again were answered so: what it
 * waits for has not come; LIMIT if max_faults in a row were handled and the instruction still faults: it makes no progress. Sleeps as
 * a fault does. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_sim_step(struct quire_sim *sim, struct quire_sim_thread *thread,
                                                            struct quire_vm *vm, const struct quire_sim_operand *operand,
                                                            size_t n) QUIRE_SYM(quire_sim_step);

/* Reads, writes or fetches any `len` bytes at `va`, one instruction per page. The status is that of the first page that
 * fails; the pages before it are done. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_sim_run(struct quire_sim *sim, struct quire_sim_thread *thread,
                                                           struct quire_vm *vm, uintptr_t va, unsigned access, void *bytes,
                                                           size_t len) QUIRE_SYM(quire_sim_run);

/* Lets a processor remember the entry of (vm, va) without using it, as speculation may; false if it cannot be. Takes the
 * lock. */
QUIRE_API bool quire_sim_prefetch(struct quire_sim *sim, unsigned cpu, const struct quire_vm *vm, uintptr_t va)
    QUIRE_SYM(quire_sim_prefetch);

/* Lets a processor forget (vm, va), as a TLB may at any time. False: it did not remember it. Takes the lock. */
QUIRE_API bool quire_sim_forget(struct quire_sim *sim, unsigned cpu, const struct quire_vm *vm, uintptr_t va)
    QUIRE_SYM(quire_sim_forget);

/* A device reads (write false) or writes `len` bytes at the physical address `pa`, in one page. Checks DEVICE_INCOMPLETE.
 * INVALID: no such bytes. Takes the lock. O(len). */
QUIRE_API enum quire_status quire_sim_device(struct quire_sim *sim, struct quire_pa pa, bool write, void *bytes, size_t len)
    QUIRE_SYM(quire_sim_device);

QUIRE_END

#endif /* QUIRE_TESTKIT_SIM_CPU_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_TESTKIT_SIM_CPU_IMPLEMENTED)
#define QUIRE_TESTKIT_SIM_CPU_IMPLEMENTED

QUIRE_BEGIN

#define QUIRE_SIM_MAX_FAULTS_ 64u

/* ---- Translation ---- */

/* A pseudo-random number (xorshift, Marsaglia). */
static uint64_t quire_sim_random_(struct quire_sim *sim)
{
    sim->random ^= sim->random << 13;
    sim->random ^= sim->random >> 7;
    sim->random ^= sim->random << 17;
    return sim->random;
}

/* Walks the page table and lets the processor remember what it finds. */
static enum quire_sim_outcome quire_sim_walk_(struct quire_sim *sim, struct quire_sim_entry *entry, struct quire_sim_slot *slot)
{
    sim->counts.walks++;
    if ((entry->bits & QUIRE_ENTRY_PRESENT) == 0) {
        return QUIRE_SIM_TRANSLATION_FAULT;
    }
    if ((entry->bits & QUIRE_ENTRY_ACCESSED) == 0) {
        if (sim->config.flags == QUIRE_SIM_AF_FAULT) {
            return QUIRE_SIM_ACCESSED_FAULT;
        }
        entry->bits |= QUIRE_ENTRY_ACCESSED;
    }
    quire_sim_slot_fill_(sim, slot, entry);
    return QUIRE_SIM_DONE;
}

/* The first write through a translation: the processor records it in the entry, which it looks at again. A stale entry
 * shows. */
static enum quire_sim_outcome quire_sim_record_dirty_(struct quire_sim *sim, struct quire_sim_entry *entry,
                                                      struct quire_sim_slot *slot)
{
    unsigned need = QUIRE_ENTRY_PRESENT | QUIRE_ENTRY_WRITE;

    if (slot->stale || (entry->bits & need) != need) {
        bool present = (entry->bits & QUIRE_ENTRY_PRESENT) != 0;

        quire_sim_slot_drop_(sim, slot);
        return present ? QUIRE_SIM_PERMISSION_FAULT : QUIRE_SIM_TRANSLATION_FAULT;
    }
    entry->bits |= QUIRE_ENTRY_DIRTY;
    slot->bits |= QUIRE_ENTRY_DIRTY;
    return QUIRE_SIM_DONE;
}

/* Can the processor do this access now? *index is its entry then, and the processor remembers it. Nothing has moved. */
static enum quire_sim_outcome quire_sim_translate_(struct quire_sim *sim, unsigned cpu, struct quire_vm *vm, uintptr_t va,
                                                   unsigned access, bool privileged, uint32_t *index)
{
    unsigned need = access | (privileged ? 0u : QUIRE_PROT_USER);
    enum quire_sim_outcome outcome = QUIRE_SIM_DONE;
    struct quire_sim_slot *slot;

    *index = quire_sim_index_(sim, vm, va & ~(uintptr_t)QUIRE_PAGE_MASK, 1);
    if (*index == QUIRE_SIM_NONE_) {
        return QUIRE_SIM_TRANSLATION_FAULT;
    }
    slot = &sim->slot[(size_t)*index * sim->config.cpus + cpu];
    if (sim->config.forget != 0 && quire_sim_random_(sim) % sim->config.forget == 0) {
        quire_sim_slot_drop_(sim, slot);
    }
    if ((slot->bits & QUIRE_ENTRY_PRESENT) == 0) {
        outcome = quire_sim_walk_(sim, &sim->entry[*index], slot);
    }
    if (outcome == QUIRE_SIM_DONE && (slot->bits & need) != need) {
        outcome = QUIRE_SIM_PERMISSION_FAULT;
    }
    if (outcome == QUIRE_SIM_DONE && access == QUIRE_PROT_WRITE && (slot->bits & QUIRE_ENTRY_DIRTY) == 0 &&
        sim->config.flags == QUIRE_SIM_HW_ACCESSED_DIRTY) {
        outcome = quire_sim_record_dirty_(sim, &sim->entry[*index], slot);
    }
    return outcome;
}

static void quire_sim_count_fault_(struct quire_sim *sim, enum quire_sim_outcome outcome)
{
    sim->counts.translation_faults += outcome == QUIRE_SIM_TRANSLATION_FAULT ? 1u : 0u;
    sim->counts.permission_faults += outcome == QUIRE_SIM_PERMISSION_FAULT ? 1u : 0u;
    sim->counts.accessed_faults += outcome == QUIRE_SIM_ACCESSED_FAULT ? 1u : 0u;
}

/* ---- The access ---- */

static bool quire_sim_bytes_same_(const unsigned char *a, const unsigned char *b, size_t len)
{
    while (len != 0 && *a == *b) {
        a++;
        b++;
        len--;
    }
    return len == 0;
}

/* What instruction fetch sees: the i-cache's copy, unless the program that wrote the page keeps its caches itself. */
static const unsigned char *quire_sim_fetch_(struct quire_sim *sim, unsigned cpu, struct quire_vm *vm, uintptr_t va,
                                             uint32_t number, size_t len)
{
    size_t offset = va & QUIRE_PAGE_MASK;
    const unsigned char *memory = quire_sim_byte_(sim->memory, number) + offset;
    const unsigned char *icache = quire_sim_byte_(sim->icache, number) + offset;

    if (sim->page[number].code == QUIRE_SIM_CODE_WRITTEN) {
        return memory;
    }
    if (sim->page[number].code == QUIRE_SIM_CODE_UNKNOWN || !quire_sim_bytes_same_(memory, icache, len)) {
        quire_sim_blame_(sim, QUIRE_SIM_EXEC_UNSYNCED, cpu, vm, va, number);
    }
    return icache;
}

/* Moves the bytes of an access that quire_sim_translate_ found possible. */
static void quire_sim_perform_(struct quire_sim *sim, unsigned cpu, struct quire_vm *vm,
                               const struct quire_sim_operand *operand, uint32_t index)
{
    const struct quire_sim_slot *slot = &sim->slot[(size_t)index * sim->config.cpus + cpu];
    uint32_t number = slot->page;
    unsigned char *memory = quire_sim_byte_(sim->memory, number) + (operand->va & QUIRE_PAGE_MASK);

    if (slot->stale && !sim->config.flush_unlocked && sim->flushing == 0) {
        quire_sim_blame_(sim, QUIRE_SIM_ACCESS_STALE, cpu, vm, operand->va, number);
    }
    if (sim->config.permits != NULL &&
        (sim->config.permits(sim->config.user, vm, operand->va & ~(uintptr_t)QUIRE_PAGE_MASK) & operand->access) == 0) {
        quire_sim_blame_(sim, QUIRE_SIM_ACCESS_DENIED, cpu, vm, operand->va, number);
    }
    if (operand->access == QUIRE_PROT_EXEC) {
        QUIRE_MEMCPY(operand->bytes, quire_sim_fetch_(sim, cpu, vm, operand->va, number, operand->len), operand->len);
    } else if (operand->access == QUIRE_PROT_READ) {
        QUIRE_MEMCPY(operand->bytes, memory, operand->len);
    } else {
        QUIRE_MEMCPY(memory, operand->bytes, operand->len);
        if (sim->page[number].code == QUIRE_SIM_CODE_SYNCED) {
            sim->page[number].code = QUIRE_SIM_CODE_WRITTEN;
        }
    }
}

static bool quire_sim_operand_valid_(const struct quire_sim *sim, unsigned cpu, const struct quire_sim_operand *operand)
{
    bool one = operand->access == QUIRE_PROT_READ || operand->access == QUIRE_PROT_WRITE || operand->access == QUIRE_PROT_EXEC;

    return one && cpu < sim->config.cpus && operand->bytes != NULL && operand->len != 0 &&
           operand->len <= QUIRE_PAGE_SIZE - (operand->va & QUIRE_PAGE_MASK);
}

/* One try of an instruction: all of it, or nothing and which operand faults. */
static enum quire_sim_outcome quire_sim_try_(struct quire_sim *sim, unsigned cpu, bool privileged, struct quire_vm *vm,
                                             const struct quire_sim_operand *operand, size_t n, size_t *faulting)
{
    enum quire_sim_outcome outcome = QUIRE_SIM_DONE;
    uint32_t index;
    uintptr_t key;
    bool entered = quire_sim_enter_(sim, &key);
    size_t i;

    sim->steps++;
    sim->counts.access++;
    for (i = 0; i < n && outcome == QUIRE_SIM_DONE; i++) {
        *faulting = i;
        outcome = quire_sim_translate_(sim, cpu, vm, operand[i].va, operand[i].access, privileged, &index);
    }
    quire_sim_count_fault_(sim, outcome);
    for (i = 0; i < n && outcome == QUIRE_SIM_DONE; i++) {
        index = quire_sim_index_(sim, vm, operand[i].va & ~(uintptr_t)QUIRE_PAGE_MASK, 1);
        quire_sim_perform_(sim, cpu, vm, &operand[i], index);
    }
    quire_sim_leave_(sim, entered, key);
    return outcome;
}

QUIRE_API enum quire_sim_outcome quire_sim_access(struct quire_sim *sim, unsigned cpu, struct quire_vm *vm, uintptr_t va,
                                                  unsigned access, bool privileged, void *bytes, size_t len)
{
    struct quire_sim_operand operand;
    size_t faulting;

    operand.va = va;
    operand.access = access;
    operand.bytes = bytes;
    operand.len = len;
    if (!quire_sim_operand_valid_(sim, cpu, &operand)) {
        return QUIRE_SIM_BAD_ACCESS;
    }
    return quire_sim_try_(sim, cpu, privileged, vm, &operand, 1, &faulting);
}

/* ---- Instructions, with their faults handled ---- */

static enum quire_status quire_sim_fault_(struct quire_sim_thread *thread, struct quire_vm *vm,
                                          const struct quire_sim_operand *operand)
{
    enum quire_status status;

    thread->last.va = operand->va;
    thread->last.access = operand->access;
    thread->last.privileged = thread->privileged;
    thread->last.wait_ok = thread->wait_ok;
    thread->last.thread = thread->thread;
    status = quire_pager_fault(vm->pager, vm, &thread->last, &thread->last_result);
    thread->faults++;
    thread->again += status == QUIRE_AGAIN ? 1u : 0u;
    return status;
}

QUIRE_API enum quire_status quire_sim_step(struct quire_sim *sim, struct quire_sim_thread *thread, struct quire_vm *vm,
                                           const struct quire_sim_operand *operand, size_t n)
{
    uint32_t most = thread->max_faults != 0 ? thread->max_faults : QUIRE_SIM_MAX_FAULTS_;
    uint32_t again = thread->max_again != 0 ? thread->max_again : most;
    uint32_t left = most;
    size_t faulting = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        if (!quire_sim_operand_valid_(sim, thread->cpu, &operand[i])) {
            return QUIRE_INVALID;
        }
    }
    while (quire_sim_try_(sim, thread->cpu, thread->privileged, vm, operand, n, &faulting) != QUIRE_SIM_DONE) {
        enum quire_status status;

        if (again == 0 || left == 0) {
            return again == 0 ? QUIRE_AGAIN : QUIRE_LIMIT;
        }
        status = quire_sim_fault_(thread, vm, &operand[faulting]);
        if (status == QUIRE_AGAIN) {
            left = most; /* others may take back what was got while it waits */
            again--;
        } else if (status != QUIRE_OK) {
            return status;
        } else {
            left--;
        }
    }
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_sim_run(struct quire_sim *sim, struct quire_sim_thread *thread, struct quire_vm *vm,
                                          uintptr_t va, unsigned access, void *bytes, size_t len)
{
    struct quire_sim_operand operand;
    enum quire_status status = QUIRE_OK;

    if (len == 0 || va + (len - 1u) < va) {
        return QUIRE_INVALID;
    }
    operand.va = va;
    operand.access = access;
    operand.bytes = bytes;
    while (len != 0 && status == QUIRE_OK) {
        size_t room = QUIRE_PAGE_SIZE - (operand.va & QUIRE_PAGE_MASK);

        operand.len = len < room ? len : room;
        status = quire_sim_step(sim, thread, vm, &operand, 1);
        operand.va += operand.len;
        operand.bytes = (unsigned char *)operand.bytes + operand.len;
        len -= operand.len;
    }
    return status;
}

/* ---- The rest ---- */

/* The TLB slot of (vm, va), null if there is no such address. */
static struct quire_sim_slot *quire_sim_slot_(struct quire_sim *sim, unsigned cpu, const struct quire_vm *vm, uintptr_t va,
                                              uint32_t *index)
{
    *index = cpu < sim->config.cpus ? quire_sim_index_(sim, vm, va & ~(uintptr_t)QUIRE_PAGE_MASK, 1) : QUIRE_SIM_NONE_;
    return *index != QUIRE_SIM_NONE_ ? &sim->slot[(size_t)*index * sim->config.cpus + cpu] : NULL;
}

QUIRE_API bool quire_sim_prefetch(struct quire_sim *sim, unsigned cpu, const struct quire_vm *vm, uintptr_t va)
{
    uintptr_t key;
    bool entered = quire_sim_enter_(sim, &key);
    uint32_t index;
    struct quire_sim_slot *slot = quire_sim_slot_(sim, cpu, vm, va, &index);
    bool done = slot != NULL;

    if (done && (slot->bits & QUIRE_ENTRY_PRESENT) == 0) {
        done = quire_sim_walk_(sim, &sim->entry[index], slot) == QUIRE_SIM_DONE;
    }
    quire_sim_leave_(sim, entered, key);
    return done;
}

QUIRE_API bool quire_sim_forget(struct quire_sim *sim, unsigned cpu, const struct quire_vm *vm, uintptr_t va)
{
    uintptr_t key;
    bool entered = quire_sim_enter_(sim, &key);
    uint32_t index;
    struct quire_sim_slot *slot = quire_sim_slot_(sim, cpu, vm, va, &index);
    bool known = slot != NULL && (slot->bits & QUIRE_ENTRY_PRESENT) != 0;

    if (known) {
        quire_sim_slot_drop_(sim, slot);
    }
    quire_sim_leave_(sim, entered, key);
    return known;
}

QUIRE_API enum quire_status quire_sim_device(struct quire_sim *sim, struct quire_pa pa, bool write, void *bytes, size_t len)
{
    uint32_t number = quire_sim_page_of_(sim, pa);
    unsigned char *at = quire_sim_bytes(sim, pa);
    uintptr_t key;
    bool entered;

    if (at == NULL || bytes == NULL || len == 0 || len > QUIRE_PAGE_SIZE - (pa.addr & QUIRE_PAGE_MASK)) {
        return QUIRE_INVALID;
    }
    entered = quire_sim_enter_(sim, &key);
    sim->steps++;
    if (sim->page[number].io == QUIRE_SIM_IO_LOADING) {
        quire_sim_blame_(sim, QUIRE_SIM_DEVICE_INCOMPLETE, QUIRE_SIM_NO_CPU, NULL, 0, number);
    }
    if (write) {
        QUIRE_MEMCPY(at, bytes, len);
        sim->page[number].code = QUIRE_SIM_CODE_UNKNOWN;
    } else {
        QUIRE_MEMCPY(bytes, at, len);
    }
    quire_sim_leave_(sim, entered, key);
    return QUIRE_OK;
}

QUIRE_END

#endif
