/* exit.h - the exit statuses of the machine that the client gives. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_EXIT_H
#define CLIENT_EXIT_H

/* 0: every check of the script's test passed; up to EXIT_FAILURES_MAX: so many did not. */
#define EXIT_FAILURES_MAX 70u
#define EXIT_BAD_SCRIPT 71u       /* a word of the script is not known, or its value is not possible */
#define EXIT_NO_TEE 72u           /* no kernel answers, its shared memory cannot be used, or a processor does not come */
#define EXIT_CLIENT_EXCEPTION 79u /* a mistake in the client itself */

#endif
