/* calls.h - what the test's client asks its kernel for. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_MONITOR_TEST_CALLS_H
#define TEE_MONITOR_TEST_CALLS_H

/* Both hold a value in each register which they know again. x0..x3 of an answer: TEE_OK or TEE_INTERRUPTED, then as said here. */
#define TEST_REGISTERS 0x32000101   /* x1..x7: TEST_ARGUMENT(1..7). -> what was not as the contract says, or 0 */
#define TEST_FAST 0xb2000102        /* the same, as a fast call */
#define TEST_UID 0xbf00ff03         /* the same */
#define TEST_INTERRUPT 0x32000103   /* waits for an interrupt. -> TEST_IRQ or TEST_FIQ */
#define TEST_UNKNOWN_SMC 0x32000104 /* -> the answer to an SMC that the monitor does not know */
#define TEST_EXIT 0x32000105        /* x1: ends the machine with this status */
#define TEST_COUNTER 0x32000107     /* -> how much the cycle counter counted while the kernel did something */
#define TEST_CPU 0x32000106         /* -> the processor's number as the kernel was told it, how often it was set up */

#define TEST_ARGUMENT(n) (0xa1b2c3d4e5f60000 + (n))
#define TEST_ANSWER(n) (0x1badcafe00c0ffee + (n)) /* x2, x3 of TEST_REGISTERS */

#define TEST_IRQ 1
#define TEST_FIQ 2

#define TEST_STATUS_GOOD 42 /* the machine's, when all was as it must be */
#define TEST_STATUS_BAD 43

#endif
