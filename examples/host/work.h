/* work.h - what the checks have in common. SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_WORK_H
#define HOST_WORK_H

#include "host.h"

/* Compares n pages at `va` with the context's buffer; says what differs, or was refused, of `what`. */
bool work_compare(struct context *context, const char *what, uintptr_t va, uint32_t n);

/* Writes the first page of the context's buffer to `va`. False, and said so, if it was refused. */
bool work_write(struct context *context, const char *what, uintptr_t va);

/* Fills the first page of the context's buffer with what this context writes at `va` in this generation, and nobody else. */
void work_pattern(struct context *context, uintptr_t va, uint64_t generation);

/* Reads a byte at `va`. False, and said so, if it was refused. */
bool work_touch(struct context *context, const char *what, uintptr_t va);

/* Says that an access was refused that had to be granted; or notes that the store is to blame (caught.h). */
void work_refused(struct context *context, const char *what);

#endif
