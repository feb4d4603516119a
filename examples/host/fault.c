/* fault.c - the fault handler. SPDX-License-Identifier: BSD-2-Clause */
#include "fault.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)128 << 10)

static __thread struct fault_thread *current;

/* ---- What the processor tells: QUIRE_PROT_READ, WRITE or EXEC; 0: it does not say whether it was a write ---- */

#if defined(__x86_64__)
static uintptr_t program_counter(const ucontext_t *context)
{
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
}

static unsigned access_of(const ucontext_t *context, uintptr_t va)
{
    greg_t error = context->uc_mcontext.gregs[REG_ERR];

    if ((error & 16) != 0 || va == program_counter(context)) {
        return QUIRE_PROT_EXEC;
    }
    return (error & 2) != 0 ? QUIRE_PROT_WRITE : QUIRE_PROT_READ;
}
#elif defined(__aarch64__)
#include <asm/sigcontext.h>

static uintptr_t program_counter(const ucontext_t *context)
{
    return (uintptr_t)context->uc_mcontext.pc;
}

/* The syndrome register, in a list of records behind the general registers; 0: it is not there (some emulators). */
static uint64_t syndrome(const ucontext_t *context)
{
    const unsigned char *record = (const unsigned char *)context->uc_mcontext.__reserved;
    const unsigned char *end = record + sizeof context->uc_mcontext.__reserved;
    struct _aarch64_ctx head;
    struct esr_context esr;

    while ((size_t)(end - record) >= sizeof esr) {
        memcpy(&head, record, sizeof head);
        if (head.magic == ESR_MAGIC) {
            memcpy(&esr, record, sizeof esr);
            return esr.esr;
        }
        if (head.magic == 0 || head.size == 0 || head.size > (size_t)(end - record)) {
            break;
        }
        record += head.size;
    }
    return 0;
}

static unsigned access_of(const ucontext_t *context, uintptr_t va)
{
    uint64_t esr = syndrome(context);

    if (va == program_counter(context)) {
        return QUIRE_PROT_EXEC;
    }
    if (esr == 0) {
        return 0;
    }
    return (esr & 64u) != 0 ? QUIRE_PROT_WRITE : QUIRE_PROT_READ; /* bit 6: write, not read */
}
#else
#error "this example knows the fault records of x86-64 and aarch64 Linux"
#endif

/* ---- The handler ---- */

/* Only this thread's faults add entries to its context. So one that permits reading was there when the access failed, and the
 * access was a write; where there is none it may be either, and a write will fault once more. */
static unsigned guess_access(const struct fault_thread *thread, uintptr_t va)
{
    struct quire_vm_info info;
    bool readable = quire_vm_query(thread->vm, va, &info) == QUIRE_OK && (info.entry & QUIRE_ENTRY_READ) != 0;

    return readable ? QUIRE_PROT_WRITE : QUIRE_PROT_READ;
}

/* A crash that has nothing to do with paging: says so with what may be called here, and ends. */
static void crash(int signal_number, uintptr_t va)
{
    char line[96];
    int len = snprintf(line, sizeof line, "host: crashed outside paged memory: signal %d, address %#llx\n", signal_number,
                       (unsigned long long)va);

    if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0) {
        _exit(4);
    }
    _exit(3);
}

static void refuse(struct fault_thread *thread, int signal_number, uintptr_t va, unsigned access, enum quire_status status)
{
    if (!thread->trying) {
        crash(signal_number, va);
    }
    thread->refusal = status;
    thread->signal = signal_number;
    thread->refused_va = va;
    thread->refused_access = access;
    siglongjmp(thread->escape, 1);
}

static void handle(int signal_number, siginfo_t *info, void *context)
{
    struct fault_thread *thread = current;
    uintptr_t va = (uintptr_t)info->si_addr;
    int saved_errno = errno;
    struct quire_fault fault;
    enum quire_status status;

    if (thread == NULL) {
        crash(signal_number, va);
        return;
    }
    if (signal_number != SIGSEGV || (va - thread->window->base) >> QUIRE_PAGE_SHIFT >= thread->window->npages) {
        refuse(thread, signal_number, va, 0, QUIRE_INVALID);
    }
    memset(&fault, 0, sizeof fault);
    fault.va = va;
    fault.access = access_of(context, va);
    fault.access = fault.access != 0 ? fault.access : guess_access(thread, va);
    fault.wait_ok = true;
    fault.thread = thread->index;
    thread->signals++;
    status = quire_pager_fault(thread->pager, thread->vm, &fault, NULL);
    /* AGAIN: letting the instruction run again is to try again. */
    if (status != QUIRE_OK && status != QUIRE_AGAIN) {
        refuse(thread, signal_number, va, fault.access, status);
    }
    errno = saved_errno;
}

const char *fault_install(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    struct sigaction action;
    size_t i;

    memset(&action, 0, sizeof action);
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (sigaction(signals[i], &action, NULL) != 0) {
            return "cannot handle signals";
        }
    }
    return NULL;
}

const char *fault_enter(struct fault_thread *thread)
{
    stack_t stack;

    thread->stack = malloc(STACK_BYTES);
    if (thread->stack == NULL) {
        return "no memory for a signal stack";
    }
    memset(&stack, 0, sizeof stack);
    stack.ss_sp = thread->stack;
    stack.ss_size = STACK_BYTES;
    if (sigaltstack(&stack, &thread->old_stack) != 0) {
        free(thread->stack);
        thread->stack = NULL;
        return "cannot set a signal stack";
    }
    current = thread;
    return NULL;
}

void fault_leave(struct fault_thread *thread)
{
    current = NULL;
    if (thread->stack != NULL) {
        (void)sigaltstack(&thread->old_stack, NULL);
        free(thread->stack);
    }
}

bool fault_try(struct fault_thread *thread, void (*body)(void *arg), void *arg)
{
    bool whole = false;

    thread->refusal = QUIRE_OK;
    if (sigsetjmp(thread->escape, 1) == 0) {
        thread->trying = true;
        body(arg);
        whole = true;
    }
    thread->trying = false;
    return whole;
}
