/* firmware.S - what lies in flash. SPDX-License-Identifier: BSD-2-Clause */
#include "abi/board.h"

    .section .text, "ax"
    .incbin MONITOR_BIN
    .org FLASH_KERNEL
    .incbin KERNEL_BIN
    .org FLASH_CONFIG
    .incbin CONFIG_TEXT
    .byte 0
    .org FLASH_CONFIG + 0x1000
