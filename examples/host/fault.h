/* fault.h - the fault handler: SIGSEGV of a thread that runs in a context. SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_FAULT_H
#define HOST_FAULT_H

#include <quire/quire.h>
#include <setjmp.h>
#include <signal.h>

#include "host_mmu.h"

/*
 * A thread enters a context with fault_enter(); from then on its first touch of a page is a fault that Quire resolves:
 *
 *     load, store or jump -> SIGSEGV -> which thread, which access -> quire_pager_fault() -> the instruction runs again
 *
 * No lock holder and no code of the handler touches paged memory: the faults of one thread never nest. What Quire refuses
 * is told to the code that tried, as an application would be told with an exception: fault_try().
 */
struct fault_thread {
    struct quire_pager *pager;
    struct quire_vm *vm;
    const struct host_window *window;
    uint32_t index; /* quire_fault.thread */
    uint64_t signals;
    bool trying; /* `escape` is set */
    sigjmp_buf escape;
    enum quire_status refusal; /* why the last try ended early */
    int signal;                /* the signal that it was: SIGSEGV, or another if the code itself went wrong */
    uintptr_t refused_va;
    unsigned refused_access;
    stack_t old_stack;
    unsigned char *stack;
};

/* Installs the handler, for the whole process. Returns null, or what failed. */
const char *fault_install(void);

/* Makes the calling thread one that runs in thread->vm; pager, vm, window and index are set. Returns null, or what failed. */
const char *fault_enter(struct fault_thread *thread);
void fault_leave(struct fault_thread *thread);

/* Runs body(arg), which may touch paged memory and must hold no lock; true if it came to its end, false if an access of it
 * was refused: then thread->refusal and its siblings tell. Does not nest. */
bool fault_try(struct fault_thread *thread, void (*body)(void *arg), void *arg);

#endif
