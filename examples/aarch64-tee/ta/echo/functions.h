/* functions.h - what `echo` does: parameters out and in. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_ECHO_FUNCTIONS_H
#define TA_ECHO_FUNCTIONS_H

/*
 * Parameters of any other kind: TEE_RESULT_BAD_PARAMETERS. Memory may change while it is looked at: each byte of it is read once,
 * into memory of the application's own. A buffer that is too short (SHORT_BUFFER) gets nothing but the length it should have.
 */
enum echo_function {
    ECHO_NOTHING,   /* no parameters */
    ECHO_VALUE_OUT, /* VALUE_OUT: how many calls this instance has had, and 0x6f6863654f484345 */
    ECHO_ADD,       /* VALUE_IN, VALUE_OUT: the sum of the two words, and their exclusive or */
    ECHO_SWAP,      /* VALUE_INOUT: the two words change places */
    ECHO_SUM,       /* MEMORY_IN, VALUE_OUT: the sum of all bytes, and how many there were */
    ECHO_COPY,      /* MEMORY_IN, MEMORY_OUT: a copy */
    ECHO_UPPERCASE, /* MEMORY_INOUT: its letters a to z become A to Z */
    ECHO_FILL,      /* VALUE_IN, MEMORY_OUT: the first word says how many bytes, of the second word's lowest byte */
    ECHO_KEEP,      /* MEMORY_IN: kept in the heap, instead of what was kept before; OUT_OF_MEMORY */
    ECHO_RECALL,    /* MEMORY_OUT: what was kept; ITEM_NOT_FOUND if nothing is */
    ECHO_RANDOM, /* MEMORY_OUT: random bytes, at most 256, which the kernel writes to that very memory and reads from it again */
    ECHO_FOUR    /* VALUE_IN, VALUE_INOUT, MEMORY_IN, MEMORY_OUT: the INOUT gets (sum of all its and IN's words, sum of bytes),
                       the memory is copied */
};

#define ECHO_MARK 0x6f6863654f484345

#endif
