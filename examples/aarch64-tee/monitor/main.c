/* main.c - from reset to the kernel's first instruction. SPDX-License-Identifier: BSD-2-Clause */
#include "monitor/monitor.h"

#include "lib/memory.h"
#include "monitor/gic.h"
#include "monitor/sysreg.h"

static const void *flash(uintptr_t offset)
{
    return (const void *)((uintptr_t)BOARD_FLASH + offset);
}

static void load_kernel(void)
{
    uint64_t room = (uint64_t)BOARD_SECURE_RAM + BOARD_SECURE_RAM_BYTES - KERNEL_BASE;
    uint64_t magic;
    uint64_t bytes;

    memcpy(&magic, flash(FLASH_KERNEL + KERNEL_HEADER_MAGIC), sizeof magic);
    memcpy(&bytes, flash(FLASH_KERNEL + KERNEL_HEADER_BYTES), sizeof bytes);
    if (magic != KERNEL_MAGIC || bytes > room) {
        machine_panic("no kernel at 0x%x of the flash", FLASH_KERNEL);
    }
    memcpy((void *)KERNEL_BASE, flash(FLASH_KERNEL), bytes);
}

static void load_config(void)
{
    char *config = (char *)CONFIG_BASE;

    memcpy(config, flash(FLASH_CONFIG), CONFIG_BYTES);
    config[CONFIG_BYTES - 1u] = '\0';
}

static void init_cpu(void)
{
    world_init_traps();
    gic()->init_cpu();
}

/* The first processor. (start.S) */
void main_first(void)
{
    struct cpu *cpu = cpu_get(0);

    load_kernel();
    load_config();
    dsb();
    __asm__ volatile("ic iallu\n\tdsb sy\n\tisb" ::: "memory");
    gic()->init();
    init_cpu();
    start_others();
    psci_is_on(cpu);
    world_init(cpu, &cpu->secure, KERNEL_BASE, 0, CONFIG_BASE);
    world_start(&cpu->secure);
}

/* All others. (start.S) */
void main_further(void)
{
    init_cpu();
    cpu_wait(cpu_get(cpu_number()));
}

void cpu_wait(struct cpu *cpu)
{
    gic()->listen(true);
    do {
        while (!gic()->woken()) {
            wfi();
        }
    } while (!psci_is_wanted(cpu)); /* QEMU's GICv2 lets the normal world send the wake interrupt too, ... */
    while (gic()->woken()) {        /* ... which can thus have come once more. None is left to be in the way of others */
    }
    gic()->listen(false);
    world_init(cpu, &cpu->secure, kernel_entries.cpu, cpu_number(), CONFIG_BASE);
    world_start(&cpu->secure);
}
