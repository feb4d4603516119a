/* quire_config.h - how this kernel configures Quire (QUIRE_CONFIG_H, see base.h). SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_QUIRE_CONFIG_H
#define KERNEL_QUIRE_CONFIG_H

/* What a page fault may need must not fault itself: kernel.ld keeps these sections in memory, and tools/resident proves that nothing
 * there refers to what may be paged out. */
#define QUIRE_RESIDENT __attribute__((section(".text.resident")))
#define QUIRE_RESIDENT_RO __attribute__((section(".rodata.resident")))

#endif
