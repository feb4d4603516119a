/* report.c - the reports that the script asks for. SPDX-License-Identifier: BSD-2-Clause */
#include "client/report.h"

#include "client/check.h"
#include "client/tee_kernel.h"

void report_now(struct test_run *run)
{
    const struct script *script = run->script;

    if (run->reported) {
        return;
    }
    run->reported = true;
    if (script->report != 0) {
        check(tee_print_report(run->tee, TEE_REPORT_TEXT) == TEE_RESULT_OK, "the kernel reports");
    }
    if (script->json != 0) {
        check(tee_print_report(run->tee, TEE_REPORT_JSON) == TEE_RESULT_OK, "the kernel reports as JSON");
    }
    if (script->dot != 0) {
        check(tee_print_report(run->tee, TEE_REPORT_DOT) == TEE_RESULT_OK, "the kernel draws what it has");
    }
}
