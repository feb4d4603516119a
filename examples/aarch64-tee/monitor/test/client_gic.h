/* client_gic.h - the timer's interrupt, in the test's normal world. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_MONITOR_TEST_CLIENT_GIC_H
#define TEE_MONITOR_TEST_CLIENT_GIC_H

#include <stdbool.h>
#include <stdint.h>

bool client_gic_is_v3(void);

/* Lets the timer's interrupt through, on this processor. */
void client_gic_enable(void);

/* Returns the interrupt that is pending, having ended it, and the timer. */
unsigned client_gic_take(void);

/* Tries to interrupt a processor with the number that only the monitor may use. */
void client_gic_raise_secure(unsigned cpu);

#endif
