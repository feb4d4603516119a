/* probe.h - what tests ask the kernel to do. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_PROBE_H
#define KERNEL_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* May probes end the machine? Not unless this has said so. */
void probe_allow(bool allowed);

/* TEE_PROBE_*, whose answers are a and b of its VALUE_OUT; false: no such probe, or it is not allowed. */
bool probe_run(uint64_t what, uint64_t answer[2]);

#endif
