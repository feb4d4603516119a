/* smc.h - how the normal world calls the kernel: function numbers and answers. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_SMC_H
#define TEE_SMC_H

/*
 * Numbers as OP-TEE's clients use them, where there is one (facts, not code): fast calls end at once, yielding ones may come back to be
 * resumed. Every argument of every call is untrusted.
 */

/* Fast: no thread of the kernel is used. */
#define TEE_SMC_UID 0xbf00ff01        /* -> x0..x3: 384fb3e0 e7f811e3 af630002 a5d5c51b */
#define TEE_SMC_REVISION 0xbf00ff03   /* -> x0 = 2, x1 = 0 */
#define TEE_SMC_GET_SHARED 0xb2000007 /* -> x0 = TEE_OK, x1 = physical start, x2 = bytes, x3 = 1 */

/* Yielding: x1:x2 (high 32 bits : low 32 bits) = physical address of a struct tee_message, which lies in the shared memory, aligned to
 * 8 bytes. -> x0: TEE_OK (the message has the answer), or one of the others below. */
#define TEE_SMC_CALL 0x32000004

/* x3 = the thread that was to be resumed. -> as TEE_SMC_CALL. */
#define TEE_SMC_RESUME 0x32000003

#define TEE_OK 0
#define TEE_UNKNOWN_FUNCTION 0xffffffff
#define TEE_NO_THREAD 1   /* all threads of the kernel are in use: try again */
#define TEE_BAD_RESUME 3  /* no such thread is to be resumed */
#define TEE_BAD_ADDRESS 4 /* the message is not where a message can be */
#define TEE_BAD_COMMAND 5 /* what the message asks for does not exist, or its parameters are not those of it */

/* The thread was interrupted (an interrupt of the normal world is pending) or waits for another one. x3 = which thread: resume it with
 * TEE_SMC_RESUME, on any processor. */
#define TEE_INTERRUPTED 0xffff0004
#define TEE_WAITING 0xffff0008

#endif
