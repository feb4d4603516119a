/* pl011.c - the board's serial lines. SPDX-License-Identifier: BSD-2-Clause */
#include "lib/pl011.h"

#define DATA 0x00u
#define FLAGS 0x18u
#define FLAGS_TRANSMIT_FULL (1u << 5)

static volatile uint32_t *reg(uintptr_t base, uintptr_t offset)
{
    return (volatile uint32_t *)(base + offset); /* C has no other way to name a device */
}

/* QEMU's sends without having been set up: no speed, no enable bit. */
static void send(uintptr_t base, char c)
{
    while ((*reg(base, FLAGS) & FLAGS_TRANSMIT_FULL) != 0) {
    }
    *reg(base, DATA) = (unsigned char)c;
}

void pl011_put(uintptr_t base, char c)
{
    if (c == '\n') {
        send(base, '\r');
    }
    send(base, c);
}
