/* machine.c - the end of the machine: by request, or by a panic. SPDX-License-Identifier: BSD-2-Clause */
#include "monitor/monitor.h"

#include <stdarg.h>

#include "abi/world.h"
#include "lib/format.h"
#include "lib/pl011.h"
#include "monitor/sysreg.h"

#define LINE_BYTES 160u

/* Semihosting: ends QEMU. */
#define SYS_EXIT 0x18
#define APPLICATION_EXIT 0x20026

#define STATUS_MAX 255u

void machine_exit(uint64_t status)
{
    const uint64_t block[2] = {APPLICATION_EXIT, status < STATUS_MAX ? status : STATUS_MAX};
    register uint64_t operation __asm__("x0") = SYS_EXIT;
    register const uint64_t *argument __asm__("x1") = block;

    for (;;) {
        __asm__ volatile("hlt #0xf000" : "+r"(operation) : "r"(argument) : "memory");
    }
}

static void print(const char *text)
{
    while (*text != '\0') {
        pl011_put(BOARD_UART_SECURE, *text++);
    }
}

void machine_panic(const char *fmt, ...)
{
    char line[LINE_BYTES];
    va_list args;

    va_start(args, fmt);
    vformat(line, sizeof line, fmt, args);
    va_end(args);
    print("monitor: ");
    print(line);
    print("\n");
    machine_exit(EXIT_MONITOR_PANIC);
}

/* An exception that cannot be. (vectors.S) */
void vectors_panic(uint64_t vector)
{
    machine_panic("processor %u: exception at vector 0x%lx: esr 0x%lx elr 0x%lx far 0x%lx spsr 0x%lx", cpu_number(), vector,
                  sysreg_read(esr_el3), sysreg_read(elr_el3), sysreg_read(far_el3), sysreg_read(spsr_el3));
}
