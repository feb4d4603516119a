/* bench/belady.h - the optimum that no policy can beat. SPDX-License-Identifier: BSD-2-Clause */
#ifndef BELADY_H
#define BELADY_H

#include "qpt.h"

#include <stdint.h>

struct belady {
    uint64_t majors;
    uint64_t saves; /* evictions of pages written since they were loaded */
};

/*
 * MIN (Belady, 1966) with `pages` pages of memory: the page evicted is the one needed again last; of those never needed again, the
 * one used last. No policy has fewer majors. It knows nothing of dirty pages: that its write-backs are few is a consequence, and
 * something that also minds them could cost less. `next` is what belady_next() returned. False: out of memory. O(records x log
 * pages).
 */
bool belady(const struct qpt *qpt, const uint32_t *next, uint32_t pages, struct belady *out);

#define BELADY_NEVER UINT32_MAX

/* For every record, which one references the same content next; null if memory is out. O(records). To be freed. */
uint32_t *belady_next(const struct qpt *qpt);

#endif
