/* check.h - counting what is as it should be, and what is not. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_CHECK_H
#define CLIENT_CHECK_H

#include <stdbool.h>

/* Prints "ok" or "not ok" with the sentence, and counts it. Returns `holds`. From any processor. */
__attribute__((format(printf, 2, 3))) bool check(bool holds, const char *fmt, ...);

unsigned check_passed(void);
unsigned check_failed(void);

#endif
