/* fault_decode.h - what an exception syndrome says, in the pager's words. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_FAULT_DECODE_H
#define KERNEL_FAULT_DECODE_H

#include <quire/fault.h>

/* Is this what paging can serve: an abort of an instruction at EL0 or EL1 because an entry is missing, lacks a permission or has
 * not been accessed? Then fills in va, access and privileged of *out, and leaves its other fields. `esr` and `far` are ESR_EL1 and
 * FAR_EL1. False for everything else, and where `from_el0`, whether the vector is one of EL0, contradicts the syndrome. */
bool fault_decode(uint64_t esr, uint64_t far, bool from_el0, struct quire_fault *out);

/* What happened, for people. Never null; for every syndrome. */
const char *fault_describe(uint64_t esr);

#endif
