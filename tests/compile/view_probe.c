/*
 * Runs each request with its shared memory inaccessible, so that every instruction that touches it faults; lets it pass alone,
 * and closes the memory again behind it. Prints one line per access: what the processor does, not what the source says.
 *
 *     request NAME
 *     reads FIRST LEN  | writes FIRST LEN        all bytes that are to be read or written, each once
 *     single FIRST LEN                           these in one access
 *     access ADDRESS-OF-INSTRUCTION FIRST r|w|?
 *     end RESULT EXPECTED-RESULT
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "view_request.h"

#define MAX_ACCESSES 4096

static unsigned char *shared;
static size_t page_size;
static volatile bool armed;
static volatile size_t accesses;
static struct {
    uintptr_t pc;
    uintptr_t offset;
    char kind;
} access_log[MAX_ACCESSES];

static void stop(const char *what)
{
    perror(what);
    _exit(2);
}

static void protect(int prot)
{
    if (mprotect(shared, page_size, prot) != 0) {
        stop("mprotect");
    }
}

/* ---- One instruction, then a trap ---- */

#if defined(__x86_64__)

static uintptr_t pc_of(const ucontext_t *context)
{
    return (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
}

static char kind_of(const ucontext_t *context)
{
    return (context->uc_mcontext.gregs[REG_ERR] & 2) != 0 ? 'w' : 'r';
}

static void step(ucontext_t *context)
{
    context->uc_mcontext.gregs[REG_EFL] |= 0x100; /* trap flag */
}

static void stepped(ucontext_t *context)
{
    context->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)0x100;
}

#elif defined(__aarch64__)

static uint32_t *next; /* the instruction behind, for now a breakpoint */
static uint32_t saved;

static uintptr_t pc_of(const ucontext_t *context)
{
    return (uintptr_t)context->uc_mcontext.pc;
}

static char kind_of(const ucontext_t *context)
{
    (void)context;
    return '?'; /* the instruction tells */
}

static void patch(uint32_t instruction)
{
    uintptr_t page = (uintptr_t)next & ~(uintptr_t)(page_size - 1u);

    if (mprotect((void *)page, page_size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) {
        stop("mprotect of code");
    }
    *(volatile uint32_t *)next = instruction;
    __builtin___clear_cache((char *)next, (char *)(next + 1));
}

static void step(ucontext_t *context)
{
    next = (uint32_t *)(pc_of(context) + 4u); /* a load or store does not jump */
    saved = *next;
    patch(0xd4200000u);
}

static void stepped(ucontext_t *context)
{
    (void)context;
    patch(saved);
}

#else
#error "this probe knows x86-64 and AArch64"
#endif

static void on_access(int signal_number, siginfo_t *info, void *context)
{
    uintptr_t offset = (uintptr_t)info->si_addr - (uintptr_t)shared;

    (void)signal_number;
    if (!armed || offset >= page_size || accesses == MAX_ACCESSES) {
        stop("an access that is not to the shared page, or too many");
    }
    access_log[accesses].pc = pc_of((const ucontext_t *)context);
    access_log[accesses].offset = offset;
    access_log[accesses].kind = kind_of((const ucontext_t *)context);
    accesses++;
    protect(PROT_READ | PROT_WRITE);
    step((ucontext_t *)context);
}

static void on_trap(int signal_number, siginfo_t *info, void *context)
{
    (void)signal_number;
    (void)info;
    stepped((ucontext_t *)context);
    protect(PROT_NONE);
}

static void handle(int signal_number, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = handler;
    if (sigaction(signal_number, &action, NULL) != 0) {
        stop("sigaction");
    }
}

/* ---- Requests ---- */

static void put32(size_t at, uint32_t value)
{
    size_t i;

    for (i = 0; i < 4; i++) {
        shared[at + i] = (unsigned char)(value >> (8u * i));
    }
}

static void run(const char *name, const char *expected, uint32_t (*request)(uintptr_t, unsigned char *), size_t at,
                uint32_t expected_result)
{
    unsigned char out[WINDOW];
    uint32_t result;
    size_t i;

    memset(out, 5, sizeof out);
    accesses = 0;
    armed = true;
    protect(PROT_NONE);
    result = request((uintptr_t)shared + at, out);
    protect(PROT_READ | PROT_WRITE);
    armed = false;
    printf("request %s\n%s", name, expected);
    for (i = 0; i < accesses; i++) {
        printf("access %llx %llu %c\n", (unsigned long long)access_log[i].pc, (unsigned long long)access_log[i].offset,
               access_log[i].kind);
    }
    printf("end %u %u\n", (unsigned)result, (unsigned)expected_result);
}

int main(void)
{
    char expected[256];
    char name[64];
    size_t at;

    page_size = (size_t)sysconf(_SC_PAGESIZE);
    shared = (unsigned char *)mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        stop("mmap");
    }
    handle(SIGSEGV, on_access);
    handle(SIGBUS, on_access);
    handle(SIGTRAP, on_trap);

    for (at = 0; at < 16; at++) {
        memset(shared, 7, page_size);
        put32(at + MESSAGE_AT, 2);
        put32(at + MESSAGE_AT + 4u, 20);
        snprintf(expected, sizeof expected, "reads %zu %u\n", at + MESSAGE_AT, MESSAGE_BYTES);
        snprintf(name, sizeof name, "message, window at %zu", at);
        run(name, expected, view_request_message, at, 2u + 20u + 20u * 7u);
    }
    memset(shared, 3, page_size);
    put32(8, 4000);
    run("words", "reads 1 3\nreads 8 4\nreads 16 8\nsingle 1 1\nsingle 2 2\nsingle 8 4\nsingle 16 8\n", view_request_words, 0,
        4000u + 0x303u + 3u + 2u * 0x3030303u);
    run("unaligned numbers", "reads 25 8\nreads 37 4\nreads 43 2\n", view_request_unaligned, 0, 0x303u);
    snprintf(expected, sizeof expected, "writes 1 3\nwrites 8 4\nwrites 16 8\nwrites %u %u\nwrites %u %u\n%s", TEXT_AT,
             TEXT_BYTES, WIPE_AT, WIPE_BYTES, "single 1 1\nsingle 2 2\nsingle 8 4\nsingle 16 8\n");
    run("answer", expected, view_request_answer, 0, 1);
    return 0;
}
