/* quire_impl.c - the implementation of the form in files. SPDX-License-Identifier: BSD-2-Clause */
#define QUIRE_IMPLEMENTATION
#include <quire/trace.h>
