/* instance.c - runs applications in a Linux process: files, entry and kills. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/test/instance.h"
#include "ta/test/calls.h"

#include <elf.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <ucontext.h>

#define STACK_PAGES 4u
#define BIAS_PAGES 4096u
#define SIGNAL_STACK_BYTES 0x10000u

#define SVC 0xd4000001u
#define BRK 0xd4200000u
#define IMMEDIATE 0x001fffe0u
#define PATCHED 0x5c00u /* added to the immediate of a svc that became a brk */

struct reservation {
    unsigned char *at;
    size_t bytes;
};

struct instance {
    struct regions regions;
    struct reservation image;
    struct reservation stack;
    unsigned char *bias;
    uint64_t entry;
    bool dead;
    sigjmp_buf left; /* where the call goes on that runs */
    uint32_t result;
};

enum { LEFT_RETURNED = 1, LEFT_KILLED };

static __thread struct instance *running; /* on this thread */

/* Runs the application at `entry` on the stack that ends at `params`. */
__attribute__((noreturn)) void enter(uint64_t entry, uint64_t reason, uint64_t function, struct ta_params *params);

__asm__(".text\n"
        ".global enter\n"
        "enter:\n"
        "    mov x9, x0\n"
        "    mov x0, x1\n"
        "    mov x1, x2\n"
        "    mov x2, x3\n"
        "    mov sp, x3\n"
        "    br x9\n");

static void __attribute__((noreturn)) fail(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    exit(2);
}

/* ---- Leaving an application ---- */

void calls_return(uint32_t result)
{
    running->result = result;
    siglongjmp(running->left, LEFT_RETURNED);
}

void calls_kill(void)
{
    siglongjmp(running->left, LEFT_KILLED);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    mcontext_t *machine = &((ucontext_t *)context)->uc_mcontext;

    (void)info;
    if (running == NULL) { /* a bug in the test */
        signal(number, SIG_DFL);
        return;
    }
    if (number == SIGTRAP && region_of(&running->regions, machine->pc, 4, PROT_EXEC) != NULL) {
        uint32_t immediate = (*(const uint32_t *)machine->pc & IMMEDIATE) >> 5;

        if (immediate >= PATCHED) {
            bool known = immediate == PATCHED;

            machine->regs[0] = (uint64_t)(known ? calls_do(&running->regions, machine->regs[8], machine->regs) : TA_ERROR_BAD);
            machine->pc += 4;
            return;
        }
    }
    calls_kill();
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGTRAP, SIGSEGV, SIGBUS, SIGILL};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    size_t i;

    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (sigaction(numbers[i], &action, NULL) != 0) {
            abort();
        }
    }
}

/* The application's stack may be what is at fault: handlers run on one of their own. */
static void have_signal_stack(void)
{
    static __thread bool have;
    stack_t stack = {.ss_size = SIGNAL_STACK_BYTES};

    if (!have) {
        stack.ss_sp = malloc(SIGNAL_STACK_BYTES);
        have = stack.ss_sp != NULL && sigaltstack(&stack, NULL) == 0;
    }
    if (!have) {
        abort();
    }
}

/* ---- Loading ---- */

static struct reservation reserve(size_t bytes)
{
    struct reservation made = {mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), bytes};

    if (made.at == MAP_FAILED) {
        abort();
    }
    return made;
}

static unsigned char *read_file(const char *path, size_t *bytes)
{
    FILE *in = fopen(path, "rb");
    unsigned char *file = NULL;
    long end;

    if (in != NULL && fseek(in, 0, SEEK_END) == 0 && (end = ftell(in)) > 0) {
        *bytes = (size_t)end;
        rewind(in);
        file = malloc(*bytes);
        if (file != NULL && fread(file, 1, *bytes, in) != *bytes) {
            free(file);
            file = NULL;
        }
        fclose(in);
    }
    if (file == NULL) {
        fail(path, "cannot be read");
    }
    return file;
}

static size_t page_up(size_t bytes)
{
    return (bytes + TEST_PAGE - 1u) / TEST_PAGE * TEST_PAGE;
}

static void load_segment(struct instance *instance, const unsigned char *file, const Elf64_Phdr *ph)
{
    unsigned char *at = instance->bias + ph->p_vaddr;
    size_t bytes = page_up(ph->p_memsz);
    int prot = ((ph->p_flags & PF_R) != 0 ? PROT_READ : 0) | ((ph->p_flags & PF_W) != 0 ? PROT_WRITE : 0) |
               ((ph->p_flags & PF_X) != 0 ? PROT_EXEC : 0);

    if (mprotect(at, bytes, PROT_READ | PROT_WRITE) != 0 ||
        !region_add(&instance->regions, REGION_SEGMENT, (uintptr_t)at, bytes, prot)) {
        abort();
    }
    memcpy(at, file + ph->p_offset, page_up(ph->p_filesz));
}

static void relocate(const struct instance *instance, const unsigned char *file, const Elf64_Phdr *ph)
{
    const Elf64_Dyn *entry = (const void *)(file + ph->p_offset);
    const Elf64_Rela *rela = NULL;
    size_t count = 0;

    for (; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_RELA) {
            rela = (const void *)(instance->bias + entry->d_un.d_ptr);
        } else if (entry->d_tag == DT_RELASZ) {
            count = entry->d_un.d_val / sizeof *rela;
        }
    }
    for (; count > 0; count--, rela++) {
        *(uint64_t *)(void *)(instance->bias + rela->r_offset) += (uintptr_t)instance->bias;
    }
}

static void patch_calls(uint32_t *code, size_t bytes)
{
    size_t i;

    for (i = 0; i < bytes / sizeof *code; i++) {
        if ((code[i] & ~IMMEDIATE) == SVC) {
            code[i] = BRK | ((code[i] & IMMEDIATE) + (PATCHED << 5));
        }
    }
}

static void protect_segments(const struct instance *instance)
{
    size_t i;

    for (i = 0; i < REGIONS; i++) {
        const struct region *region = &instance->regions.region[i];
        unsigned char *at = (unsigned char *)region->at;

        if (region->kind == REGION_SEGMENT) {
            if ((region->prot & PROT_EXEC) != 0) {
                patch_calls((void *)at, region->bytes);
                __builtin___clear_cache((char *)at, (char *)at + region->bytes);
            }
            if (mprotect(at, region->bytes, region->prot) != 0) {
                abort();
            }
        }
    }
}

static void load(struct instance *instance, const char *path)
{
    size_t file_bytes;
    unsigned char *file = read_file(path, &file_bytes);
    const Elf64_Ehdr *header = (const void *)file;
    const Elf64_Phdr *ph = (const void *)(file + header->e_phoff);
    size_t span = 0;
    uint16_t random;
    size_t i;

    if (file_bytes < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
        fail(path, "not an ELF file"); /* the rest is known from the build: ta/check.c */
    }
    for (i = 0; i < header->e_phnum; i++) {
        if (ph[i].p_type == PT_LOAD && span < ph[i].p_vaddr + ph[i].p_memsz) {
            span = page_up(ph[i].p_vaddr + ph[i].p_memsz);
        }
    }
    if (getrandom(&random, sizeof random, 0) != sizeof random) {
        abort();
    }
    instance->image = reserve(span + (BIAS_PAGES + 1u) * TEST_PAGE);
    instance->bias = instance->image.at + (1u + random % BIAS_PAGES) * TEST_PAGE;
    instance->entry = (uintptr_t)instance->bias + header->e_entry;
    for (i = 0; i < header->e_phnum; i++) {
        if (ph[i].p_type == PT_LOAD) {
            load_segment(instance, file, &ph[i]);
        }
    }
    for (i = 0; i < header->e_phnum; i++) {
        if (ph[i].p_type == PT_DYNAMIC) {
            relocate(instance, file, &ph[i]);
        }
    }
    protect_segments(instance);
    free(file);
}

struct instance *instance_load(const char *path)
{
    struct instance *instance = calloc(1, sizeof *instance);
    unsigned char *stack;

    if (instance == NULL) {
        abort();
    }
    catch_signals();
    load(instance, path);
    instance->stack = reserve((STACK_PAGES + 2u) * TEST_PAGE);
    stack = instance->stack.at + TEST_PAGE;
    if (mprotect(stack, STACK_PAGES * TEST_PAGE, PROT_READ | PROT_WRITE) != 0 ||
        !region_add(&instance->regions, REGION_STACK, (uintptr_t)stack, STACK_PAGES * TEST_PAGE, PROT_READ | PROT_WRITE)) {
        abort();
    }
    return instance;
}

void instance_unload(struct instance *instance)
{
    calls_give_back(&instance->regions);
    munmap(instance->image.at, instance->image.bytes);
    munmap(instance->stack.at, instance->stack.bytes);
    free(instance);
}

/* ---- Calling ---- */

static bool is_memory(uint32_t kind)
{
    return kind >= TEE_PARAM_MEMORY_IN && kind <= TEE_PARAM_MEMORY_INOUT;
}

static void take_answers(struct ta_params *params, const struct ta_params *answers)
{
    size_t i;

    for (i = 0; i < 4u; i++) {
        struct ta_param *param = &params->param[i];

        if (param->kind == TEE_PARAM_VALUE_OUT || param->kind == TEE_PARAM_VALUE_INOUT) {
            param->a = answers->param[i].a;
            param->b = answers->param[i].b;
        } else if (param->kind == TEE_PARAM_MEMORY_OUT || param->kind == TEE_PARAM_MEMORY_INOUT) {
            param->b = answers->param[i].b;
        }
    }
}

uint32_t instance_call(struct instance *instance, unsigned reason, uint32_t function, struct ta_params *params)
{
    struct ta_params *on_stack = (void *)(instance->stack.at + (STACK_PAGES + 1u) * TEST_PAGE - sizeof *on_stack);
    size_t i;

    if (instance->dead) {
        return TEE_RESULT_TARGET_DEAD;
    }
    have_signal_stack();
    for (i = 0; i < 4u; i++) {
        if (is_memory(params->param[i].kind) &&
            !region_add(&instance->regions, REGION_PARAMETER, params->param[i].a, params->param[i].b, PROT_READ | PROT_WRITE)) {
            abort();
        }
    }
    *on_stack = *params;
    running = instance;
    switch (sigsetjmp(instance->left, 1)) {
    case 0:
        enter(instance->entry, reason, function, on_stack);
    case LEFT_RETURNED:
        take_answers(params, on_stack);
        break;
    default:
        instance->dead = true;
        instance->result = TEE_RESULT_TARGET_DEAD;
        break;
    }
    running = NULL;
    for (i = 0; i < REGIONS; i++) {
        if (instance->regions.region[i].kind == REGION_PARAMETER) {
            instance->regions.region[i].kind = REGION_FREE;
        }
    }
    return instance->result;
}

uintptr_t instance_bias(const struct instance *instance)
{
    return (uintptr_t)instance->bias;
}

unsigned char *instance_region(const struct instance *instance, enum region_kind kind)
{
    size_t i;

    for (i = REGIONS; i-- > 0;) {
        if (instance->regions.region[i].kind == kind) {
            return (unsigned char *)instance->regions.region[i].at;
        }
    }
    return NULL;
}
