/* user.c - running an application, until it returns or is killed; what becomes of exceptions. SPDX-License-Identifier: BSD-2-Clause */
#include "abi/smc.h"
#include "abi/ta.h"
#include "abi/world.h"
#include "kernel/fault_decode.h"
#include "kernel/log.h"
#include "kernel/paging.h"
#include "kernel/session.h"
#include "kernel/thread.h"
#include "kernel/user.h"
#include "lib/memory.h"

#define CLASSES 0x3fu /* of ESR_EL1, from bit 26 */
#define CLASS_SYSTEM_CALL 0x15u
#define IMMEDIATE 0xffffu

/* EL0, AArch64. Interrupts are not masked; system errors are: what is pending may be the normal world's, and is left to it. */
#define PSTATE_EL0 0x100u

/* vectors.S */
uint64_t user_enter(const struct trap *trap, uintptr_t *sp);
__attribute__((noreturn)) void user_leave(uintptr_t sp, uint64_t value);

void (*trap_system_call)(struct trap *trap);

/* What vectors.S knows. */
QUIRE_STATIC_ASSERT(sizeof(struct trap) == TRAP_BYTES, trap_bytes);
QUIRE_STATIC_ASSERT(offsetof(struct trap, began) == TRAP_BEGAN, trap_began);
QUIRE_STATIC_ASSERT(offsetof(struct trap, sp) == 248 && offsetof(struct trap, pc) == 256, trap_order);

enum user_end user_run(uintptr_t pc, uintptr_t sp, const uint64_t x[3], uint64_t *value)
{
    struct thread *thread = this_thread();
    struct trap trap;
    uint64_t how;

    memset(&trap, 0, sizeof trap); /* no register of anybody else's */
    trap.pstate = PSTATE_EL0;
    memcpy(trap.x, x, 3u * sizeof x[0]);
    trap.sp = sp;
    trap.pc = pc;
    how = user_enter(&trap, &thread->user_sp);
    *value = thread->user_value;
    return (enum user_end)how;
}

void user_end(enum user_end how, uint64_t value)
{
    struct thread *thread = this_thread();

    thread->user_value = value;
    if (how != USER_RETURNED) {
        __atomic_fetch_add(&paging_figures.killed, 1, __ATOMIC_RELAXED);
    }
    user_leave(thread->user_sp, (uint64_t)how);
}

static uint64_t syndrome(void)
{
    uint64_t value;

    __asm__ volatile("mrs %0, esr_el1" : "=r"(value));
    return value;
}

static uint64_t fault_address(void)
{
    uint64_t value;

    __asm__ volatile("mrs %0, far_el1" : "=r"(value));
    return value;
}

void trap_user(struct trap *trap)
{
    struct session *session = this_thread()->session;
    uint64_t esr = syndrome();
    uint64_t address = fault_address();
    const char *why;

    if ((esr >> 26 & CLASSES) == CLASS_SYSTEM_CALL) {
        if ((esr & IMMEDIATE) == 0) {
            trap_system_call(trap);
        } else {
            trap->x[0] = (uint64_t)TA_ERROR_BAD;
        }
        return;
    }
    if (paging_fault(&session->vm, trap, esr, address, true, &why) == PAGING_DONE) {
        return;
    }
    log_print("session %u killed: %s, syndrome %08lx, address %lx, pc %lx\n", session->id, why, esr, address, trap->pc);
    user_end(USER_KILLED, esr);
}

/* An interrupt of the normal world. It stays pending, and is taken there. */
void trap_interrupt(struct trap *trap)
{
    (void)trap;
    thread_suspend(TEE_INTERRUPTED);
}

/* A system error that is not masked after all is the application's. */
void trap_user_error(struct trap *trap)
{
    log_print("session %u killed: a system error, pc %lx\n", this_thread()->session->id, trap->pc);
    user_end(USER_KILLED, syndrome());
}

void trap_kernel(struct trap *trap)
{
    uint64_t esr = syndrome();
    uint64_t address = fault_address();
    const char *why = "on a processor's own stack";

    /* What holds the lock cannot wait for a page: whoever would bring it needs the lock. */
    if (this_cpu()->pager_locked) {
        panic(EXIT_KERNEL_FAULT_LOCKED, "a fault with the pager's lock held: syndrome %08lx, address %lx, pc %lx", esr, address,
              trap->pc);
    }
    if (this_cpu()->locks == 0 && this_thread() != NULL &&
        paging_fault(&kernel_vm, trap, esr, address, false, &why) == PAGING_DONE) {
        return;
    }
    panic(EXIT_KERNEL_PANIC, "%s: syndrome %08lx, address %lx, pc %lx", why, esr, address, trap->pc);
}

void trap_overflow(struct trap *trap)
{
    panic(EXIT_KERNEL_PANIC, "a stack overflowed: syndrome %08lx, address %lx, pc %lx", syndrome(), fault_address(), trap->pc);
}

void trap_error(struct trap *trap)
{
    panic(EXIT_KERNEL_PANIC, "a system error: syndrome %08lx, pc %lx", syndrome(), trap->pc);
}

void trap_nowhere(struct trap *trap)
{
    panic(EXIT_KERNEL_PANIC, "an exception that cannot be: syndrome %08lx, pc %lx", syndrome(), trap->pc);
}
