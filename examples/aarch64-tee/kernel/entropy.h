/* entropy.h - random numbers, for keys and places. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_ENTROPY_H
#define KERNEL_ENTROPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seeds the generator: from the processor (RNDRRS) where it has one; what else there is, the system counter and `salt`, is no secret, and
 * good enough for an emulated machine only: false then. */
bool entropy_init(uint64_t salt);

/* Fills `len` bytes. From any context. */
void entropy_fill(void *bytes, size_t len);

uint64_t entropy_word(void);

#endif
