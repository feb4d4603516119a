/* world.h - what the monitor (EL3) and the kernel (S-EL1) say to each other. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_WORLD_H
#define TEE_WORLD_H

/*
 * Boot: the monitor enters the kernel at KERNEL_BASE on the first processor: S-EL1, MMU off, all exceptions masked, x0 = the
 * processor's number, x1 = CONFIG_BASE. The kernel ends its set-up with WORLD_READY. A further processor, when the normal world asks
 * for it (PSCI CPU_ON), first enters the kernel at the physical address of WORLD_READY, the same way, and ends with WORLD_CPU_READY.
 *
 * A call from the normal world: on the same processor, S-EL1h, all exceptions masked, at the virtual address of WORLD_READY, with x0..x7
 * as the caller had them, and the kernel's own EL1 system registers as it left them on this processor. It ends with WORLD_RETURN; no
 * other general register of the kernel is kept, and none reaches the caller.
 */

/* SMCs of the kernel to the monitor. From the normal world they are unknown functions (-1). */
#define WORLD_READY 0xbe000000     /* x1: virtual address for calls; x2: physical address for further processors */
#define WORLD_CPU_READY 0xbe000001 /* */
#define WORLD_RETURN 0xbe000002    /* x1..x4: x0..x3 of the caller */
#define WORLD_EXIT 0xbe000003 /* x1: the exit status of the whole machine, 0..255: it panicked, or a test of its own ended */

/* SMCs of the normal world that the monitor itself answers, beside PSCI. */
#define MONITOR_EXIT 0xc2000001 /* x1: the exit status of the whole machine, 0..255 */

/* Exit statuses that the client never uses. */
#define EXIT_MONITOR_PANIC 80
#define EXIT_KERNEL_PANIC 81
#define EXIT_KERNEL_FAULT_LOCKED 82 /* a fault with the pager's lock held */

#endif
