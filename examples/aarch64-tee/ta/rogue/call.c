/* call.c - system calls with arguments that the kernel has to refuse. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/rogue/rogue.h"

#include "kernel/layout.h"

#define ACCESS (TA_MAP_READ | TA_MAP_WRITE)
#define PAGES 4u
#define MANY 512u
#define SHARE_KEY 0x6575676f72

static const char text[16] = "as it should be";

/* Addresses at which an application has nothing to write. */
static const uint64_t *const relocated = (const uint64_t *)(const void *)text;

static bool refused(uint64_t a, uint64_t b, uint64_t c, uint64_t number)
{
    int64_t answer = ta_syscall(a, b, c, number);

    if (answer >= 0) {
        ta_log("rogue: call %lu (%lx, %lx, %lx) was answered %lx", number, a, b, c, (uint64_t)answer);
    }
    return answer < 0;
}

static uint64_t pages(void)
{
    uint64_t at = (uintptr_t)ta_map(PAGES, ACCESS);

    ta_assert(at != 0);
    return at;
}

static bool unmapped(uint64_t at)
{
    return ta_unmap((void *)(uintptr_t)at, PAGES);
}

static uint64_t page_of(const volatile void *at)
{
    return (uintptr_t)at & ~(uint64_t)(TA_PAGE - 1u);
}

static bool bad_immediate(void)
{
    register uint64_t x0 __asm__("x0") = (uintptr_t)text;
    register uint64_t x1 __asm__("x1") = sizeof text;
    register uint64_t x8 __asm__("x8") = TA_LOG;

    __asm__ volatile("svc #1" : "+r"(x0) : "r"(x1), "r"(x8) : "memory");
    return (int64_t)x0 < 0;
}

static bool bad_number(void)
{
    return refused(0, 0, 0, TA_ADVISE + 1u) && refused(0, 0, 0, 1000) && refused(0, 0, 0, (uint64_t)1 << 32) &&
           refused(0, 0, 0, UINT64_MAX);
}

/* Where at least the last byte cannot be read. */
static bool bad_log(void)
{
    uint64_t at = pages();
    uint64_t end = at + (uint64_t)PAGES * TA_PAGE;

    return refused(0, 16, 0, TA_LOG) && refused(KERNEL_VA + KERNEL_BASE, 16, 0, TA_LOG) &&
           refused(UINT64_MAX - 7u, 16, 0, TA_LOG) && refused((uintptr_t)text, 257, 0, TA_LOG) &&
           refused((uintptr_t)text, UINT64_MAX, 0, TA_LOG) && refused(end - 8u, 16, 0, TA_LOG) && refused(end, 1, 0, TA_LOG) &&
           unmapped(at) && refused(at, 16, 0, TA_LOG);
}

static bool bad_map(void)
{
    return refused(0, ACCESS, 0, TA_MAP) && refused((uint64_t)1 << 40, ACCESS, 0, TA_MAP) &&
           refused((uint64_t)1 << 52, ACCESS, 0, TA_MAP) && refused(((uint64_t)1 << 52) + 1u, ACCESS, 0, TA_MAP) &&
           refused(UINT64_MAX, ACCESS, 0, TA_MAP) && refused(1, 4, 0, TA_MAP) && refused(1, ACCESS | 4u, 0, TA_MAP) &&
           refused(1, ACCESS | (uint64_t)1 << 32, 0, TA_MAP);
}

static bool bad_unmap(void)
{
    volatile uint64_t here = 0;
    uint64_t at = pages();

    return refused(at, PAGES - 1u, 0, TA_UNMAP) && refused(at, PAGES + 1u, 0, TA_UNMAP) &&
           refused(at + TA_PAGE, PAGES - 1u, 0, TA_UNMAP) && refused(at + 1u, PAGES, 0, TA_UNMAP) &&
           refused(at, 0, 0, TA_UNMAP) && refused(at, UINT64_MAX, 0, TA_UNMAP) &&
           refused(at, ((uint64_t)1 << 52) + PAGES, 0, TA_UNMAP) && refused(0, 1, 0, TA_UNMAP) &&
           refused(page_of(&here), 1, 0, TA_UNMAP) && refused(page_of((const void *)text), 1, 0, TA_UNMAP) &&
           refused((uintptr_t)rogue_call & ~(uint64_t)0xfff, 1, 0, TA_UNMAP) &&
           refused(KERNEL_VA + KERNEL_BASE, 1, 0, TA_UNMAP) && unmapped(at) && refused(at, PAGES, 0, TA_UNMAP);
}

static bool bad_share(void)
{
    return refused(SHARE_KEY, 0, 0, TA_SHARE) && refused(SHARE_KEY, (uint64_t)1 << 40, 0, TA_SHARE) &&
           refused(SHARE_KEY, ((uint64_t)1 << 52) + 1u, 0, TA_SHARE) && refused(SHARE_KEY, UINT64_MAX, 0, TA_SHARE);
}

static bool bad_random(void)
{
    uint64_t at = pages();
    uint64_t end = at + (uint64_t)PAGES * TA_PAGE;
    uint64_t words[2] = {0, 0};

    return refused(0, 16, 0, TA_RANDOM) && refused(KERNEL_VA + KERNEL_BASE, 16, 0, TA_RANDOM) &&
           refused(UINT64_MAX - 7u, 16, 0, TA_RANDOM) && refused((uintptr_t)text, sizeof text, 0, TA_RANDOM) &&
           refused((uintptr_t)&relocated, sizeof relocated, 0, TA_RANDOM) && refused((uintptr_t)rogue_call, 16, 0, TA_RANDOM) &&
           refused(at, 257, 0, TA_RANDOM) && refused(at, UINT64_MAX, 0, TA_RANDOM) &&
           refused(at, ((uint64_t)PAGES + 1u) * TA_PAGE, 0, TA_RANDOM) && refused(end - 8u, 16, 0, TA_RANDOM) &&
           ta_protect((void *)(uintptr_t)at, PAGES, TA_MAP_READ) && refused(at, 16, 0, TA_RANDOM) && unmapped(at) &&
           refused(at, 16, 0, TA_RANDOM) && ta_random(words, sizeof words) && (words[0] | words[1]) != 0;
}

static bool bad_protect(void)
{
    volatile uint64_t here = 0;
    uint64_t at = pages();

    return refused(at, PAGES, ACCESS | 4u, TA_PROTECT) && refused(at, PAGES, (uint64_t)1 << 32 | ACCESS, TA_PROTECT) &&
           refused(at, PAGES + 1u, ACCESS, TA_PROTECT) && refused(at + 1u, PAGES, ACCESS, TA_PROTECT) &&
           refused(at, UINT64_MAX, ACCESS, TA_PROTECT) && refused(at, ((uint64_t)1 << 52) + PAGES, ACCESS, TA_PROTECT) &&
           refused(0, 1, ACCESS, TA_PROTECT) && refused(page_of(&here), 1, TA_MAP_READ, TA_PROTECT) &&
           refused(page_of((const void *)text), 1, ACCESS, TA_PROTECT) &&
           refused((uintptr_t)rogue_call & ~(uint64_t)0xfff, 1, ACCESS, TA_PROTECT) &&
           refused(KERNEL_VA + KERNEL_BASE, 1, ACCESS, TA_PROTECT) && unmapped(at) && refused(at, PAGES, ACCESS, TA_PROTECT);
}

static bool bad_advise(void)
{
    uint64_t at = pages();

    return refused(at, PAGES, TA_ADVICE_FREE + 1u, TA_ADVISE) && refused(at, PAGES, (uint64_t)1 << 32, TA_ADVISE) &&
           refused(at + 1u, PAGES, TA_ADVICE_WILL_NEED, TA_ADVISE) && refused(at, UINT64_MAX, TA_ADVICE_FREE, TA_ADVISE) &&
           refused(at, ((uint64_t)1 << 52) + PAGES, TA_ADVICE_FREE, TA_ADVISE) &&
           refused(0, 1, TA_ADVICE_WILL_NEED, TA_ADVISE) && refused(KERNEL_VA + KERNEL_BASE, 1, TA_ADVICE_FREE, TA_ADVISE) &&
           unmapped(at) && refused(at, PAGES, TA_ADVICE_WILL_NEED, TA_ADVISE);
}

/* As many as there is room for, MANY at most; each page must be one of its own. */
static bool map_many(void)
{
    static uint64_t *many[MANY];
    bool good = true;
    size_t got;
    size_t i;

    for (got = 0; got < MANY && (many[got] = ta_map(1, ACCESS)) != NULL; got++) {
        good = good && *many[got] == 0;
        *many[got] = got + 1u;
    }
    for (i = 0; i < got; i++) {
        good = good && *many[i] == i + 1u;
        good = ta_unmap(many[i], 1) && good;
    }
    return good && got > 0;
}

static bool spoil_parameters(struct ta_params *params)
{
    unsigned i;

    for (i = 0; i < 4u; i++) {
        params->param[i] = (struct ta_param){TEE_PARAM_MEMORY_INOUT, UINT32_MAX, KERNEL_VA, UINT64_MAX};
    }
    return true;
}

bool rogue_call(uint32_t number, struct ta_params *params)
{
    switch (number) {
    case ROGUE_CALL_BAD_IMMEDIATE:
        return bad_immediate();
    case ROGUE_CALL_BAD_NUMBER:
        return bad_number();
    case ROGUE_CALL_BAD_LOG:
        return bad_log();
    case ROGUE_CALL_BAD_MAP:
        return bad_map();
    case ROGUE_CALL_BAD_UNMAP:
        return bad_unmap();
    case ROGUE_CALL_BAD_SHARE:
        return bad_share();
    case ROGUE_CALL_BAD_RANDOM:
        return bad_random();
    case ROGUE_CALL_BAD_PROTECT:
        return bad_protect();
    case ROGUE_CALL_BAD_ADVISE:
        return bad_advise();
    case ROGUE_MAP_MANY:
        return map_many();
    default:
        return spoil_parameters(params);
    }
}
