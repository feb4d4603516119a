/* verify.h - a second opinion. SPDX-License-Identifier: BSD-2-Clause */
#ifndef SHM_VERIFY_H
#define SHM_VERIFY_H

#include <stdbool.h>

#define VERIFY_HEX 65 /* 64 digits and the end */

/* What sha256sum(1) says of the file. False after a message. */
bool verify_sha256sum(const char *path, char hex[VERIFY_HEX]);

#endif
