/* print.h - answers in text. SPDX-License-Identifier: BSD-2-Clause */
#ifndef REGION_PRINT_H
#define REGION_PRINT_H

#include "segments.h"

/* One line for a region that is allocated. */
void print_entry(const struct space_entry *entry);

/* What is of a kind in `kinds` (bits 1 << SEGMENT_...), a line each, in the order of addresses. */
void print_segments(const struct space *space, unsigned kinds);

/* How much there is, and in how many pieces. */
void print_stats(const struct space *space);

#endif
