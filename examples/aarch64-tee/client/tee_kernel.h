/* tee_kernel.h - what can be asked of the kernel itself. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_TEE_KERNEL_H
#define CLIENT_TEE_KERNEL_H

#include "client/tee.h"

/* Each returns a TEE_RESULT_*. Memory that is registered or donated is whole pages, anywhere in normal memory. */

/* Makes an application known by the ELF file at `image`, which stays where it is. */
uint32_t tee_register(struct tee *tee, const struct tee_name *name, const void *image, uint64_t bytes);

/* Makes it forget one. */
uint32_t tee_unregister(struct tee *tee, const struct tee_name *name);

/* Gives the kernel memory to keep sealed pages in. */
uint32_t tee_donate(struct tee *tee, uint64_t start, uint64_t bytes);

/* Fetches the kernel's counters; `flags`: 0, or TEE_STATS_RESET to have them begin at zero again. */
uint32_t tee_get_stats(struct tee *tee, uint64_t flags, struct tee_stats *stats);

/* Has the kernel check every invariant of Quire. */
uint32_t tee_check(struct tee *tee);

/* Gives the pool `pages` pages; *now: how many it has then, whatever the result. */
uint32_t tee_resize(struct tee *tee, uint64_t pages, uint64_t *now);

/* Runs a TEE_PROBE_*; value[0] and value[1]: what it found. */
uint32_t tee_probe(struct tee *tee, uint64_t probe, uint64_t value[2]);

/* Prints a TEE_REPORT_*. */
uint32_t tee_print_report(struct tee *tee, uint64_t kind);

#endif
