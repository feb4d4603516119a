/* functions.h - what `sorter` does. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_SORTER_FUNCTIONS_H
#define TA_SORTER_FUNCTIONS_H

/*
 * Everything but FILL needs a heap that was filled (else ITEM_NOT_FOUND), and all but FREE, FILL and ADVISE answers CORRUPT if a
 * page that it looked at is not as it was left. Parameters in order; model.h has what the answers must be.
 */
enum sorter_function {
    SORTER_FILL,   /* VALUE_IN seed, pages: maps a heap and fills it. ACCESS_CONFLICT: there is one; OUT_OF_MEMORY */
    SORTER_SORT,   /* VALUE_IN enum sorter_way */
    SORTER_HASH,   /* VALUE_OUT hash of all records in their order, how many there are */
    SORTER_VERIFY, /* VALUE_OUT sum, exclusive or; VALUE_OUT sum of all mixed, 1 if they ascend. CORRUPT: not what FILL left */
    SORTER_WALK,   /* VALUE_IN steps, seed; VALUE_OUT digest, steps: changes the order of records in pages picked by the seed */
    SORTER_ADVISE, /* VALUE_IN TA_ADVICE_WILL_NEED or TA_ADVICE_DONT_NEED, of the whole heap */
    SORTER_FREE    /* unmaps the heap */
};

enum sorter_way {
    SORTER_HEAPSORT,  /* jumps across the whole heap, all the time */
    SORTER_QUICKSORT, /* two streams towards each other, in ever smaller parts */
    SORTER_SHELLSORT  /* strides, long ones first */
};

#endif
