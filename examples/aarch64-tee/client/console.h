/* console.h - the normal world's serial line. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_CONSOLE_H
#define CLIENT_CONSOLE_H

#include <stddef.h>

/* Puts a line or a part of one, as printf() does; at most CONSOLE_MAX - 1 characters. Two processors' do not mix. */
#define CONSOLE_MAX 512u
__attribute__((format(printf, 1, 2))) void print(const char *fmt, ...);

/* Puts text of any length. */
void print_text(const char *text, size_t length);

#endif
