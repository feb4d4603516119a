/* bench/store_config.h - configures Quire to be measured without what it costs to wipe a page, or for its copies to be counted. SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_CONFIG_H
#define STORE_CONFIG_H

#include <stddef.h>

#ifdef COUNT_MOVED
void *count_copy(void *to, const void *from, size_t len);
void *count_set(void *to, int byte, size_t len);
#define QUIRE_MEMCPY(to, from, len) count_copy((to), (from), (len))
#define QUIRE_MEMSET(to, byte, len) count_set((to), (byte), (len))
#else
/* A page is wiped by one instruction or by thousands, as the processor and the C library have it: left out. */
#define QUIRE_MEMCPY(to, from, len) __builtin_memcpy((to), (from), (len))
#define QUIRE_MEMSET(to, byte, len) ((void)((len) < QUIRE_PAGE_SIZE ? __builtin_memset((to), (byte), (len)) : (to)))
#endif

#endif
