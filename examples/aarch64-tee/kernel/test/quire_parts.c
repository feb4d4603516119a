/* quire_parts.c - what these tests need of Quire's implementation; all of it would take a minute. SPDX-License-Identifier: BSD-2-Clause */
#define QUIRE_IMPLEMENTATION
#include <quire/fobj_rw.h>
#include <quire/region.h>
