/* pl011.h - the board's serial lines. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_LIB_PL011_H
#define TEE_LIB_PL011_H

#include <stdint.h>

/* `base`: where its registers are mapped, as device memory. A new line is sent as carriage return and line feed. */
void pl011_put(uintptr_t base, char c);

#endif
