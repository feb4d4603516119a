/* console.c - the normal world's serial line. SPDX-License-Identifier: BSD-2-Clause */
#include "client/console.h"

#include <stdarg.h>

#include "abi/board.h"
#include "client/cpu.h"
#include "lib/format.h"
#include "lib/pl011.h"

static struct spinlock line;

void print_text(const char *text, size_t length)
{
    size_t i;

    spin_lock(&line);
    for (i = 0; i < length; i++) {
        pl011_put(BOARD_UART_NORMAL, text[i]);
    }
    spin_unlock(&line);
}

void print(const char *fmt, ...)
{
    char text[CONSOLE_MAX];
    size_t length;
    va_list args;

    va_start(args, fmt);
    length = vformat(text, sizeof text, fmt, args);
    va_end(args);
    print_text(text, length < sizeof text ? length : sizeof text - 1u);
}
