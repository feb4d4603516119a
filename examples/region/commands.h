/* commands.h - the line language. SPDX-License-Identifier: BSD-2-Clause */
#ifndef REGION_COMMANDS_H
#define REGION_COMMANDS_H

#include "space.h"

struct dialogue {
    struct space *space;
    const char *title; /* of pictures */
    uint64_t seed;     /* of random placement, when it is to be the same every time; 0: the kernel's entropy */
    unsigned line;     /* of the input */
    bool ended;        /* by "quit" */
};

/* Obeys one line, which it cuts into words. False after a message if it is no proper command; that a request cannot be
 * served is an answer like any other. */
bool command_obey(struct dialogue *dialogue, char *line);

/* What commands there are. */
extern const char command_help[];

#endif
