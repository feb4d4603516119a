/* board.h - where things are on QEMU's `virt` machine with secure=on, and where this example puts its own. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_BOARD_H
#define TEE_BOARD_H

/* Also included by assembly and linker scripts: nothing but numbers. */

#define BOARD_CPUS_MAX 4

/* ---- The machine's ---- */

#define BOARD_FLASH 0x00000000 /* secure; every processor begins here, at EL3 */
#define BOARD_GICD 0x08000000
#define BOARD_GICC 0x08010000 /* GICv2 */
#define BOARD_GICR 0x080a0000 /* GICv3, one frame a processor */
#define BOARD_GICR_STRIDE 0x20000
#define BOARD_UART_NORMAL 0x09000000
#define BOARD_UART_SECURE 0x09040000
#define BOARD_SECURE_RAM 0x0e000000
#define BOARD_SECURE_RAM_BYTES 0x01000000
#define BOARD_DRAM 0x40000000 /* normal memory */
#define BOARD_DRAM_BYTES 0x40000000

#define BOARD_TIMER_INTERRUPT 30 /* of the normal world's EL1 physical timer, private to each processor */

/* ---- The flash image ---- */

#define FLASH_KERNEL 0x00100000 /* kernel.bin; its header says how long it is */
#define FLASH_CONFIG 0x00700000 /* a page of text, "name=value" separated by blanks, ended by a zero byte */

/* ---- Secure memory ---- */

#define MONITOR_BASE BOARD_SECURE_RAM
#define MONITOR_BYTES 0x00040000
#define CONFIG_BASE 0x0e03f000 /* the monitor's last page: its copy of FLASH_CONFIG */
#define KERNEL_BASE 0x0e040000 /* kernel.bin, and behind it all that is left is the kernel's */

/* What kernel.bin begins with: a branch, then these. */
#define KERNEL_HEADER_MAGIC 8  /* u64 */
#define KERNEL_HEADER_BYTES 16 /* u64: bytes of kernel.bin to be copied */
#define KERNEL_MAGIC 0x6c656e72656b4554

/* ---- Normal memory, as this example's client uses it. The kernel knows none of it but the shared memory. ---- */

#define CLIENT_BASE 0x40200000
#define CLIENT_SCRIPT 0x42f00000 /* what to do: text, ended by a zero byte */
#define SHARED_BASE 0x43000000   /* the kernel tells it to whoever asks (TEE_SMC_GET_SHARED) */
#define SHARED_BYTES 0x00200000
#define CLIENT_DONATION 0x50000000 /* given to the kernel for sealed pages */
#define CLIENT_DONATION_BYTES 0x08000000

#endif
