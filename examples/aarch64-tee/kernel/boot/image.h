/* image.h - where kernel.ld put the kernel's parts. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_BOOT_IMAGE_H
#define KERNEL_BOOT_IMAGE_H

/* Addresses. */
extern const unsigned char image_start[];
extern const unsigned char init_data_start[];
extern const unsigned char init_end[];
extern const unsigned char paged_loaded[]; /* where the pageable part was loaded, at KERNEL_VA, */
extern const unsigned char paged_start[];  /* where it runs: code, */
extern const unsigned char paged_text_end[];
extern const unsigned char paged_end[]; /* constants behind it */
extern const unsigned char resident_start[];
extern const unsigned char rodata_start[];
extern const unsigned char data_start[];
extern const unsigned char image_end[];

#endif
