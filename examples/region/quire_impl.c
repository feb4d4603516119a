/* quire_impl.c - the one unit that holds the region allocator. SPDX-License-Identifier: BSD-2-Clause */
#define QUIRE_IMPLEMENTATION
#include <quire/region.h>
#include <quire/region_check.h>
#include <quire/region_explain.h>
