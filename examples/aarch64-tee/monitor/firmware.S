/* firmware.S - what lies in flash. SPDX-License-Identifier: BSD-2-Clause */
#include "abi/board.h"

    .section .text, "ax"
    .incbin MONITOR_BIN
    .org FLASH_KERNEL
    .incbin KERNEL_BIN
    .org FLASH_CONFIG
    .asciz CONFIG
    .org FLASH_CONFIG + 0x1000
