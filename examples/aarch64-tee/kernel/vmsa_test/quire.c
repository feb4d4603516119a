/* quire.c - the one unit that has Quire's implementation. SPDX-License-Identifier: BSD-2-Clause */
#define QUIRE_IMPLEMENTATION
#include <quire/quire.h>
