/* memory.h - copying, filling and comparing memory, as the C standard has them. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_LIB_MEMORY_H
#define TEE_LIB_MEMORY_H

#include <stddef.h>

/*
 * The compiler calls these on its own account too (structure copies). They never access memory that is not aligned, so they serve before
 * the MMU is on, and they use general registers only. Where both ends are aligned alike they move 32 bytes a round, else one.
 */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif
