/* cases.h - everything an application must not do, and what becomes of one that does. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_ROGUE_CASES_H
#define TA_ROGUE_CASES_H

/*
 * The function number of a case is its place in this list; none has parameters. KILLED: the answer is TARGET_DEAD, and so is every
 * later one of this instance. SURVIVES: the answer is OK; GENERIC would mean that the kernel did something it should have refused.
 * No case is to have any other effect on anybody else.
 */
#define ROGUE_CASES(CASE)                                                                              \
    CASE(WRITE_CODE, KILLED, "writes to its code")                                                     \
    CASE(WRITE_CONSTANTS, KILLED, "writes to its read-only data")                                      \
    CASE(WRITE_RELOCATED, KILLED, "writes to its relocated read-only data")                            \
    CASE(EXECUTE_CONSTANTS, KILLED, "executes read-only data")                                         \
    CASE(EXECUTE_DATA, KILLED, "executes data")                                                        \
    CASE(EXECUTE_STACK, KILLED, "executes its stack")                                                  \
    CASE(EXECUTE_HEAP, KILLED, "executes its heap")                                                    \
    CASE(EXECUTE_NULL, KILLED, "executes at address 0")                                                \
    CASE(EXECUTE_MISALIGNED, KILLED, "jumps between two instructions")                                 \
    CASE(EXECUTE_KERNEL, KILLED, "jumps to the kernel's image")                                        \
    CASE(EXECUTE_TOP, KILLED, "jumps to the top of the address space")                                 \
    CASE(READ_NULL, KILLED, "reads at address 0")                                                      \
    CASE(WRITE_NULL, KILLED, "writes at address 0")                                                    \
    CASE(READ_BELOW_STACK, KILLED, "reads below its stack")                                            \
    CASE(READ_ABOVE_STACK, KILLED, "reads above its stack")                                            \
    CASE(RECURSE, KILLED, "recurses without end")                                                      \
    CASE(READ_BEFORE_HEAP, KILLED, "reads in front of its heap")                                       \
    CASE(READ_BEHIND_HEAP, KILLED, "reads behind its heap")                                            \
    CASE(READ_UNMAPPED, KILLED, "reads heap that it has unmapped")                                     \
    CASE(WRITE_PROTECTED, KILLED, "writes to heap that it has made read-only")                         \
    CASE(READ_KERNEL_BASE, KILLED, "reads at the start of the kernel's half")                          \
    CASE(READ_KERNEL_IMAGE, KILLED, "reads the kernel's image")                                        \
    CASE(WRITE_KERNEL_IMAGE, KILLED, "writes to the kernel's image")                                   \
    CASE(READ_KERNEL_UART, KILLED, "reads a register of the serial line, where the kernel has it")     \
    CASE(READ_TOP, KILLED, "reads the last word of the address space")                                 \
    CASE(READ_BETWEEN, KILLED, "reads in the gap between the two halves of the address space")         \
    CASE(READ_LAST_PAGE, KILLED, "reads the last page of the lower half")                              \
    CASE(EXCLUSIVE_MISALIGNED, KILLED, "loads a misaligned word exclusively")                          \
    CASE(FLOATING_POINT, KILLED, "uses a floating-point register")                                     \
    CASE(VECTOR, KILLED, "uses a vector register")                                                     \
    CASE(SCALABLE_VECTOR, KILLED, "asks for the length of scalable vectors")                           \
    CASE(READ_CONTROL, KILLED, "reads SCTLR_EL1")                                                      \
    CASE(WRITE_CONTROL, KILLED, "writes SCTLR_EL1")                                                    \
    CASE(WRITE_TABLE_BASE, KILLED, "writes TTBR0_EL1")                                                 \
    CASE(WRITE_VECTORS, KILLED, "writes VBAR_EL1")                                                     \
    CASE(MASK_INTERRUPTS, KILLED, "masks interrupts")                                                  \
    CASE(INVALIDATE_TLB, KILLED, "invalidates the TLB")                                                \
    CASE(INVALIDATE_CACHE, KILLED, "invalidates a line of the data cache")                             \
    CASE(RETURN_FROM_EXCEPTION, KILLED, "returns from an exception")                                   \
    CASE(HALT, KILLED, "halts")                                                                        \
    CASE(SEMIHOSTING, KILLED, "asks the simulator to end the machine")                                 \
    CASE(BREAKPOINT, KILLED, "runs into a breakpoint")                                                 \
    CASE(MONITOR_CALL, KILLED, "calls the monitor")                                                    \
    CASE(HYPERVISOR_CALL, KILLED, "calls a hypervisor")                                                \
    CASE(UNDEFINED, KILLED, "executes what is no instruction")                                         \
    CASE(PANIC, KILLED, "asks to be killed")                                                           \
    CASE(CALL_BAD_IMMEDIATE, SURVIVES, "calls the kernel with an immediate that is not 0")             \
    CASE(CALL_BAD_NUMBER, SURVIVES, "makes system calls that do not exist")                            \
    CASE(CALL_BAD_LOG, SURVIVES, "logs what is not there, or not its own")                             \
    CASE(CALL_BAD_MAP, SURVIVES, "maps nothing, far too much, and with unknown permissions")           \
    CASE(CALL_BAD_UNMAP, SURVIVES, "unmaps what it was not given")                                     \
    CASE(CALL_BAD_SHARE, SURVIVES, "shares nothing, and far too much")                                 \
    CASE(CALL_BAD_RANDOM, SURVIVES, "wants random numbers where it must not write")                    \
    CASE(CALL_BAD_PROTECT, SURVIVES, "changes permissions of what it was not given, and unknown ones") \
    CASE(CALL_BAD_ADVISE, SURVIVES, "advises on what is not there, and what does not exist")           \
    CASE(MAP_MANY, SURVIVES, "maps until it is refused, and unmaps all")                               \
    CASE(SPOIL_PARAMETERS, SURVIVES, "answers parameters that it never got")

enum rogue_outcome { ROGUE_KILLED, ROGUE_SURVIVES };

#define ROGUE_CASE_NUMBER(name, outcome, text) ROGUE_##name,
enum rogue_case { ROGUE_CASES(ROGUE_CASE_NUMBER) ROGUE_CASES_NUMBER };

/* To be filled by whoever runs them: static const struct rogue_expectation expected[] = {ROGUE_CASES(ROGUE_EXPECTATION)}; */
struct rogue_expectation {
    enum rogue_case number;
    enum rogue_outcome outcome;
    const char *text;
};
#define ROGUE_EXPECTATION(name, outcome, text) {ROGUE_##name, ROGUE_##outcome, text},

/* VALUE_IN start, rounds; VALUE_OUT what mix() makes of the start in so many rounds: behaves, but takes its time. */
#define ROGUE_LOOP 1000u

/* What a case answers that should have been the end of it: no TEE_RESULT_*. */
#define ROGUE_STILL_THERE 0x0badcafeu

#endif
