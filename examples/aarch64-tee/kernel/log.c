/* log.c - the secure serial line, and the end. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/log.h"

#include <stdarg.h>

#include "abi/world.h"
#include "kernel/spinlock.h"
#include "lib/format.h"
#include "lib/pl011.h"

#define LINE_BYTES 256

static struct spinlock line_lock;

static void put(const char *line)
{
    spin_lock(&line_lock);
    for (; *line != '\0'; line++) {
        pl011_put(KERNEL_VA + BOARD_UART_SECURE, *line);
    }
    spin_unlock(&line_lock);
}

void log_print(const char *fmt, ...)
{
    char line[LINE_BYTES];
    va_list args;

    va_start(args, fmt);
    (void)vformat(line, sizeof line, fmt, args);
    va_end(args);
    put(line);
}

void panic(unsigned status, const char *fmt, ...)
{
    char line[LINE_BYTES];
    va_list args;

    va_start(args, fmt);
    (void)vformat(line, sizeof line, fmt, args);
    va_end(args);
    put("kernel panic: ");
    put(line);
    put("\n");
    world_call(WORLD_EXIT, status, 0);
}
