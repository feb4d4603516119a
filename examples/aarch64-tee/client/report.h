/* report.h - the reports that the script asks for. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_REPORT_H
#define CLIENT_REPORT_H

#include "client/tests.h"

/* Prints them, once in a run: a test calls it while there is most to see, and the end of the run does if none has. */
void report_now(struct test_run *run);

#endif
