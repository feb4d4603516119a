/* main.c - the normal world: does what the script says, and ends the machine with what came of it. SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "client/check.h"
#include "client/console.h"
#include "client/cpu.h"
#include "client/entry.h"
#include "client/exit.h"
#include "client/interrupt.h"
#include "client/script.h"
#include "client/smc.h"
#include "client/tests.h"

static const struct {
    const char *name;
    void (*test)(const struct test_run *run);
} tests[] = {
    {"smoke", test_smoke},
};

void client_main(void)
{
    static struct script script;

    if (!script_parse((const char *)(uintptr_t)CLIENT_SCRIPT, &script)) {
        machine_exit(EXIT_BAD_SCRIPT);
    }
    interrupt_begin();
    if (!cpu_start_others((unsigned)script.cpus)) {
        print("client: a processor does not come\n");
        machine_exit(EXIT_NO_TEE);
    }
    print("hello %lu %u %p\n", script.cpus, interrupt_count(), (const void *)tests);
    uint64_t t = cpu_ticks() + cpu_ticks_per_second() / 100;
    while (cpu_ticks() < t) {
    }
    uint64_t v;
    bool b = guarded_read(0x0e000000, &v);
    print("ticks %u guarded %d\n", interrupt_count(), b);
    machine_exit(check_failed());
}
