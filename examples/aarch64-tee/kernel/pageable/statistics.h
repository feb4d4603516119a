/* statistics.h - figures of the pager, of sharing, and of the machine under it. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_STATISTICS_H
#define KERNEL_STATISTICS_H

#include "abi/message.h"

/* Since boot, or since statistics_reset(); what is "now" is at this moment. O(pages of the pool). */
void statistics_take(struct tee_stats *stats);
void statistics_reset(void);

#endif
