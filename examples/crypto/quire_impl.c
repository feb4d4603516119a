/* quire_impl.c - the one unit that holds Quire, as much of it as the test needs. SPDX-License-Identifier: BSD-2-Clause */
#define QUIRE_IMPLEMENTATION
#include <quire/fobj_ro.h>
#include <quire/fobj_rw.h>
