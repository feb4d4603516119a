/* names.h - the names under which the client registers and opens the applications. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_NAMES_H
#define TA_NAMES_H

/* 16 bytes each, as the two words of a parameter (TEE_CMD_REGISTER, TEE_CMD_OPEN): the first eight letters, then the rest. */
#define TA_NAME_ECHO_A 0x000000006f686365 /* "echo" */
#define TA_NAME_ECHO_B 0
#define TA_NAME_SORTER_A 0x0000726574726f73 /* "sorter" */
#define TA_NAME_SORTER_B 0
#define TA_NAME_INTERPRETER_A 0x6572707265746e69 /* "interpre" */
#define TA_NAME_INTERPRETER_B 0x0000000000726574 /* "ter" */
#define TA_NAME_SHARER_A 0x0000726572616873      /* "sharer" */
#define TA_NAME_SHARER_B 0
#define TA_NAME_WATCHER_A 0x0072656863746177 /* "watcher" */
#define TA_NAME_WATCHER_B 0
#define TA_NAME_ROGUE_A 0x0000006575676f72 /* "rogue" */
#define TA_NAME_ROGUE_B 0
#define TA_NAME_WALKER_A 0x000072656b6c6177 /* "walker" */
#define TA_NAME_WALKER_B 0

#endif
