/* functions.h - what `interpreter` does. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_INTERPRETER_FUNCTIONS_H
#define TA_INTERPRETER_FUNCTIONS_H

/* Parameters in order; model.h has what the answers must be. */
enum interpreter_function {
    INTERPRETER_RUN,   /* VALUE_IN seed, length; VALUE_IN passes, 0; VALUE_OUT digest, operations applied. OUT_OF_MEMORY;
                          BAD_PARAMETERS: length 0, or above INTERPRETER_LENGTH_MAX */
    INTERPRETER_SWEEP, /* VALUE_IN seed, 0; VALUE_OUT digest, operations applied: every operation once, in order */
    INTERPRETER_USES   /* VALUE_OUT how often operations were applied, the most frequent one */
};

#define INTERPRETER_LENGTH_MAX 0x10000u

#endif
