/* trap.h - exceptions: what is saved, and who deals with them. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_TRAP_H
#define KERNEL_TRAP_H

#define TRAP_BYTES 288
#define TRAP_BEGAN 272

#ifndef __ASSEMBLER__
#include <stdint.h>

/* The registers of what was interrupted, on the stack of the thread; going back restores them from here. */
struct trap {
    uint64_t x[31];
    uint64_t sp; /* of EL0 */
    uint64_t pc;
    uint64_t pstate;
    uint64_t began;           /* cycles() at the exception */
    uint64_t thread_register; /* TPIDR_EL0 */
};

/* Handlers, called by vectors.S; those that return go on where the exception came from. */
void trap_kernel(struct trap *trap);
void trap_user(struct trap *trap);
void trap_interrupt(struct trap *trap);
void trap_overflow(struct trap *trap);
void trap_user_error(struct trap *trap);
void trap_error(struct trap *trap);
void trap_nowhere(struct trap *trap);

/* A system call of the application that this thread runs: reads its arguments in, and writes its result to, trap->x[]. Set once: what
 * calls it is resident and must not refer to what is pageable. */
extern void (*trap_system_call)(struct trap *trap);
#endif

#endif
