/* check.c - counting what is as it should be, and what is not. SPDX-License-Identifier: BSD-2-Clause */
#include "client/check.h"

#include <stdarg.h>
#include <stdint.h>

#include "client/console.h"
#include "lib/format.h"

static uint32_t counts[2]; /* failed, passed */

bool check(bool holds, const char *fmt, ...)
{
    char sentence[CONSOLE_MAX - 16u];
    va_list args;

    va_start(args, fmt);
    vformat(sentence, sizeof sentence, fmt, args);
    va_end(args);
    __atomic_add_fetch(&counts[holds], 1, __ATOMIC_RELAXED);
    print("%s - %s\n", holds ? "ok" : "not ok", sentence);
    return holds;
}

unsigned check_passed(void)
{
    return __atomic_load_n(&counts[true], __ATOMIC_RELAXED);
}

unsigned check_failed(void)
{
    return __atomic_load_n(&counts[false], __ATOMIC_RELAXED);
}
