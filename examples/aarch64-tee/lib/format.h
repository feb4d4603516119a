/* format.h - text with numbers in it, into a buffer of known size. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_LIB_FORMAT_H
#define TEE_LIB_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * As snprintf and vsnprintf, of which they know: %s %c %d %u %x %p %%, the flags - and 0, a width, a precision of %s (a number or *), and
 * the lengths l, ll and z. Writes at most `size` bytes, the last of them a zero byte; returns the length that the whole text has.
 */
__attribute__((format(printf, 3, 4))) size_t format(char *to, size_t size, const char *fmt, ...);
__attribute__((format(printf, 3, 0))) size_t vformat(char *to, size_t size, const char *fmt, va_list args);

#endif
