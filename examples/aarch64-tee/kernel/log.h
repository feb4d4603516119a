/* log.h - the secure serial line, and the end. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdint.h>

/* Formats as lib/format.h does, at most 255 bytes; whole lines of several processors do not mix. From any context. */
__attribute__((format(printf, 1, 2))) void log_print(const char *fmt, ...);

/* The kernel cannot go on: says why, and ends the machine with the exit status (world.h). */
__attribute__((noreturn, format(printf, 2, 3))) void panic(unsigned status, const char *fmt, ...);

/* x0: an SMC of world.h after which nothing comes back. */
__attribute__((noreturn)) void world_call(uint64_t function, uint64_t x1, uint64_t x2);

#endif
