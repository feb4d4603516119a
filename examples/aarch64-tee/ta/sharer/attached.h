/* attached.h - what `sharer` and `watcher` have in common. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_SHARER_ATTACHED_H
#define TA_SHARER_ATTACHED_H

#include "ta/sharer/buffer.h"
#include "ta/ta.h"

struct attached {
    struct shared_page *page; /* null: no buffer */
    size_t pages;
};

/* The first four functions of enum sharer_function; for others NOT_SUPPORTED. */
uint32_t attached_invoke(struct attached *attached, uint32_t function, struct ta_params *params);

#endif
