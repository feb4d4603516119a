/* main.c - does what the script says, and ends the machine with what came of it. SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "client/apps.h"
#include "client/check.h"
#include "client/console.h"
#include "client/cpu.h"
#include "client/entry.h"
#include "client/exit.h"
#include "client/interrupt.h"
#include "client/report.h"
#include "client/script.h"
#include "client/smc.h"
#include "client/tee_kernel.h"
#include "client/tests.h"

static const struct test {
    const char *name;
    void (*run)(struct test_run *run);
    bool fatal; /* it does not return, if all is right */
} tests[] = {
    {"smoke", test_smoke, false},     {"share", test_share, false},       {"pressure", test_pressure, false},
    {"resize", test_resize, false},   {"shortage", test_shortage, false}, {"rogue", test_rogue, false},
    {"tamper", test_tamper, false},   {"hostile", test_hostile, false},   {"speed", test_speed, false},
    {"measure", test_measure, false}, {"locked", test_locked, true},      {"overflow", test_overflow, true},
};

static bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static void run_one(struct test_run *run, const struct test *test)
{
    print("# %s\n", test->name);
    test->run(run);
}

/* Runs the test that the script names. False if there is none of that name. */
static bool run_tests(struct test_run *run)
{
    bool all = same(run->script->test, "all");
    bool known = all || same(run->script->test, "none");
    size_t i;

    for (i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        if ((all && !tests[i].fatal) || same(run->script->test, tests[i].name)) {
            run_one(run, &tests[i]);
            known = true;
        }
    }
    return known;
}

/* The kernel, the other processors, the applications, and memory for sealed pages. False after a message. */
static bool begin(struct tee *tee, const struct script *script)
{
    uint32_t result;

    interrupt_begin();
    if (!cpu_start_others((unsigned)script->cpus)) {
        print("client: a processor does not come\n");
        return false;
    }
    if (!tee_begin(tee)) {
        return false;
    }
    result = tee_donate(tee, CLIENT_DONATION, CLIENT_DONATION_BYTES);
    if (result != TEE_RESULT_OK) {
        print("client: the kernel does not take the donation: %08x\n", result);
        return false;
    }
    return apps_register(tee);
}

void client_main(void)
{
    static struct script script;
    static struct tee tee;
    struct test_run run = {&script, &tee, false};
    unsigned failed;

    if (!script_parse((const char *)(uintptr_t)CLIENT_SCRIPT, &script)) {
        machine_exit(EXIT_BAD_SCRIPT);
    }
    if (!begin(&tee, &script)) {
        machine_exit(EXIT_NO_TEE);
    }
    if (!run_tests(&run)) {
        print("client: there is no test \"%s\"\n", script.test);
        machine_exit(EXIT_BAD_SCRIPT);
    }
    report_now(&run); /* unless the test has */
    check(tee_end(&tee), "all shared memory is returned");
    failed = check_failed();
    print("# %u passed, %u failed; %u ticks\n", check_passed(), failed, interrupt_count());
    machine_exit(failed < EXIT_FAILURES_MAX ? failed : EXIT_FAILURES_MAX);
}
