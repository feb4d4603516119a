/* interrupt.h - the timer's interrupt, which preempts what runs in the secure world. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_INTERRUPT_H
#define CLIENT_INTERRUPT_H

#include <stdint.h>

/* Every how many microseconds a processor is interrupted. */
#define INTERRUPT_MICROSECONDS 1000u

/* Starts this processor's ticks, and lets them in. They are let in during calls to the secure world too: it returns with
 * TEE_INTERRUPTED, the interrupt is taken here, and the call can be resumed. */
void interrupt_begin(void);

/* Stops this processor's ticks, and goes on with them. */
void interrupt_pause(void);
void interrupt_go_on(void);

/* How many ticks all processors took. */
uint32_t interrupt_count(void);

#endif
