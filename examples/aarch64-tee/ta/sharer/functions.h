/* functions.h - what `sharer` and `watcher` do. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_SHARER_FUNCTIONS_H
#define TA_SHARER_FUNCTIONS_H

/*
 * All but ATTACH need a buffer (else ITEM_NOT_FOUND). READ and CHECK answer CORRUPT if some page is not what was written into it;
 * whoever calls takes care that nobody writes to it meanwhile. ADD may run anywhere at any time.
 */
enum sharer_function {
    SHARER_ATTACH, /* VALUE_IN key, pages. ACCESS_CONFLICT: there is one; OUT_OF_MEMORY */
    SHARER_READ,   /* VALUE_IN page; VALUE_OUT value, counter */
    SHARER_CHECK,  /* VALUE_OUT sum of all counters, exclusive or of all values */
    SHARER_DETACH, /* */

    /* Only `sharer`. `watcher` answers NOT_SUPPORTED. */
    SHARER_WRITE, /* VALUE_IN page, value: the whole page follows from the value */
    SHARER_ADD /* VALUE_IN first page, times: adds 1 to the counter of that page, and of the next, and so on, round and round */
};

#endif
