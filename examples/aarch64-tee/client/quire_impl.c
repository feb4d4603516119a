/* quire_impl.c - the one unit of the client that holds Quire. SPDX-License-Identifier: BSD-2-Clause */
#define QUIRE_IMPLEMENTATION
#include <quire/shm.h>
#include <quire/view.h>
