/* ta.c - entry, end and system calls of an application. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/ta.h"

#include "lib/format.h"

#include <stdarg.h>

#define LOG_MAX 256u

__attribute__((noreturn)) void ta_enter(uint64_t reason, uint64_t function, struct ta_params *params);

static __attribute__((noreturn)) void end(uint64_t code, uint64_t number)
{
    for (;;) {
        (void)ta_syscall(code, 0, 0, number);
    }
}

/* start.S comes here. */
__attribute__((noreturn)) void ta_enter(uint64_t reason, uint64_t function, struct ta_params *params)
{
    uint32_t result = TEE_RESULT_OK;

    switch (reason) {
    case TA_ENTER_OPEN:
        result = ta_open(params);
        break;
    case TA_ENTER_INVOKE:
        result = ta_invoke((uint32_t)function, params);
        break;
    default:
        ta_close();
        break;
    }
    end(result, TA_RETURN);
}

__attribute__((noreturn)) void ta_panic(uint32_t code)
{
    end(code, TA_PANIC);
}

__attribute__((noreturn)) void ta_assert_failed(const char *file, unsigned line, const char *condition)
{
    ta_log("%s:%u: not so: %s", file, line, condition);
    ta_panic(line);
}

bool ta_are(const struct ta_params *params, unsigned first, unsigned second, unsigned third, unsigned fourth)
{
    return params->param[0].kind == first && params->param[1].kind == second && params->param[2].kind == third &&
           params->param[3].kind == fourth;
}

/* The calls that answer an address answer a negative number if they fail; no address is one. */
static void *address_or_null(int64_t answer)
{
    return answer > 0 ? (void *)(uintptr_t)answer : NULL;
}

void *ta_map(size_t pages, unsigned access)
{
    return address_or_null(ta_syscall(pages, access, 0, TA_MAP));
}

void *ta_share(uint64_t key, size_t pages)
{
    return address_or_null(ta_syscall(key, pages, 0, TA_SHARE));
}

bool ta_unmap(void *at, size_t pages)
{
    return ta_syscall((uintptr_t)at, pages, 0, TA_UNMAP) >= 0;
}

bool ta_protect(void *at, size_t pages, unsigned access)
{
    return ta_syscall((uintptr_t)at, pages, access, TA_PROTECT) >= 0;
}

bool ta_advise(void *at, size_t pages, unsigned advice)
{
    return ta_syscall((uintptr_t)at, pages, advice, TA_ADVISE) >= 0;
}

bool ta_random(void *to, size_t bytes)
{
    return ta_syscall((uintptr_t)to, bytes, 0, TA_RANDOM) >= 0;
}

void ta_log(const char *fmt, ...)
{
    char text[LOG_MAX];
    size_t length;
    va_list args;

    va_start(args, fmt);
    length = vformat(text, sizeof text, fmt, args);
    va_end(args);
    (void)ta_syscall((uintptr_t)text, length < sizeof text ? length : sizeof text - 1u, 0, TA_LOG);
}
