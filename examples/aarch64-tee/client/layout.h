/* layout.h - numbers that assembly and C of the client share. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_LAYOUT_H
#define CLIENT_LAYOUT_H

#define CPU_STACK_BYTES 0x10000

/*
 * Addresses are physical ones: the first 1 GiB is devices, and what the secure world keeps to itself; the second is memory. 4 KiB
 * granule, 32-bit addresses, so that the four descriptors of level 1 are the whole table. Memory is write-back and inner shareable.
 */
#define MMU_ATTRIBUTES 0xff04         /* attribute 0: device nGnRE; 1: normal, write-back */
#define MMU_CONTROL 0x803520          /* T0SZ 32; walks cached, inner shareable; nothing by TTBR1 */
#define MMU_SYSTEM_CONTROL 0x30d01805 /* MMU and caches on; what is reserved as 1 */

#define MMU_DEVICE 0x0060000000000401 /* block, attribute 0, accessed, never executed */
#define MMU_MEMORY 0x0040000000000705 /* block, attribute 1, accessed, inner shareable, never executed at EL0 */

#endif
