/* start.S - where an application is entered, and its one way to call the kernel. SPDX-License-Identifier: BSD-2-Clause */

/* x0 = TA_ENTER_*, x1 = function, x2 = parameters: as ta_enter() takes them, which does not return. */
    .section .text.ta_start, "ax"
    .global ta_start
    .type ta_start, %function
ta_start:
    mov x29, xzr
    mov x30, xzr
    b ta_enter
    .size ta_start, . - ta_start

/* int64_t ta_syscall(a, b, c, number): the arguments are where the kernel expects them, only the number is not. */
    .section .text.ta_syscall, "ax"
    .global ta_syscall
    .type ta_syscall, %function
ta_syscall:
    mov x8, x3
    svc #0
    ret
    .size ta_syscall, . - ta_syscall
