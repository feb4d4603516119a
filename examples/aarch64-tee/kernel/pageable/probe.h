/* probe.h - what tests ask the kernel to do. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_PROBE_H
#define KERNEL_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* TEE_PROBE_*, whose answers are a and b of its VALUE_OUT; false: no such probe. */
bool probe_run(uint64_t what, uint64_t answer[2]);

#endif
