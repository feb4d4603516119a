/* rogue.h - how the cases of `rogue` are written. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_ROGUE_ROGUE_H
#define TA_ROGUE_ROGUE_H

#include "ta/rogue/cases.h"
#include "ta/ta.h"

/* Each returns if it was not stopped. */
void rogue_access(uint32_t number);
void rogue_execute(uint32_t number);
void rogue_instruction(uint32_t number);

/* Returns whether everything was refused that had to be, and all else was done. */
bool rogue_call(uint32_t number, struct ta_params *params);

#endif
