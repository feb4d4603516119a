/* quire_impl.c - the one unit that holds Quire. SPDX-License-Identifier: BSD-2-Clause */
#include "ledger.h"

#define QUIRE_VIEW_FETCH(va, len) ledger_fetch(va, len)
#define QUIRE_IMPLEMENTATION
#include <quire/shm.h>
#include <quire/view.h>
