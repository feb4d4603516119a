/* buffer.h - the buffer that `sharer` and `watcher` share, as it lies there. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_SHARER_BUFFER_H
#define TA_SHARER_BUFFER_H

#include "ta/mix.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARED_PAGE_WORDS 510u

/* All zero at first: counted nothing, written 0. */
struct shared_page {
    uint64_t counter; /* changed only by atomic additions */
    uint64_t value;   /* last written; the words follow from it */
    uint64_t word[SHARED_PAGE_WORDS];
};

static inline uint64_t shared_word(uint64_t value, size_t index)
{
    return value == 0 ? 0 : mix(value + index * MIX_STEP);
}

/* Is every word what `value` says? Nobody may write this page meanwhile. */
static inline bool shared_page_is_whole(const struct shared_page *page)
{
    size_t i;

    for (i = 0; i < SHARED_PAGE_WORDS; i++) {
        if (page->word[i] != shared_word(page->value, i)) {
            return false;
        }
    }
    return true;
}

#endif
