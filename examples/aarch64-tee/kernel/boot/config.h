/* config.h - what the kernel is told at boot. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_CONFIG_H
#define KERNEL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

/* Words "name=value" of the configuration page; what is not there, has no number, or is out of range keeps what stands here. */
struct config {
    uint32_t pool;           /* pool=256: physical pages that all applications and the kernel's pageable part share */
    uint32_t tables;         /* tables=192: pages for translation tables */
    uint32_t heap;           /* heap=640: pages for bookkeeping */
    uint32_t asids;          /* asids=0: address space identifiers in use; 0: all that the processor has */
    uint32_t software_flags; /* software_flags=0: 1: do not use the processor's accessed and dirty flags */
    uint32_t policy;         /* policy=0: of the root account: 0 refault, 1 clock, 2 fifo, 3 s3fifo, 4 2q */
    uint32_t measure; /* measure=0: 1: applications may read the counter; 2: and it is counted where faults spend their time */
    uint32_t cipher;  /* cipher=1: 0: private pages leave as they are. Only to measure without: nothing is private then */
    uint32_t probes;  /* probes=0: 1: tests may make the kernel do what ends the machine (TEE_PROBE_FAULT_LOCKED, _OVERFLOW) */
    uint64_t salt;    /* seed=1: for the generator of a machine without entropy */
};

/* `text` ends with a zero byte, or with the page. */
void config_read(struct config *config, const char *text);

#endif
