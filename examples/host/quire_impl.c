/* quire_impl.c - the one unit that holds Quire. SPDX-License-Identifier: BSD-2-Clause */
#define QUIRE_IMPLEMENTATION
#include <quire/quire.h>
