/* lib_memory.h - the names of lib/memory.c, for a program that has a C library too. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_LIB_TEST_LIB_MEMORY_H
#define TEE_LIB_TEST_LIB_MEMORY_H

#define memcpy lib_memcpy
#define memmove lib_memmove
#define memset lib_memset
#define memcmp lib_memcmp
#include "lib/memory.h"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp

#endif
